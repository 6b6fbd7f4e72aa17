"""The player, played: in headless Chromium, by clicks and by keys. Its pictures are kept in `screenshots/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import chromium, screenshot
from traces import by_hand, forward, resnet, two_layers

import autograd as ag
from autograd.stepping.player import framed, write_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("pages")
    for make in (by_hand, two_layers, resnet, forward):
        write_page(make(), found / f"{make.__name__}.html")
    for name, light in (("framed", "true"), ("framed_dark", "false")):
        text = f"<!doctype html><meta charset='utf-8'><body data-jp-theme-light='{light}'>{framed(by_hand(), 2)}"
        (found / f"{name}.html").write_text(text, encoding="utf-8")
    return found


class Opened:
    """A page that is open, and what a person sees there."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1200, "height": 820}} | options))
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def act(self, name: str) -> None:
        self.page.click(f'[data-act="{name}"]')

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    @property
    def position(self) -> str:
        return self.text(".counter")

    def keys_of(self, state: str) -> list[str]:
        """Which boxes of the drawing are marked so."""
        groups = self.page.query_selector_all(f".canvas g.{state}")
        return sorted(group.get_attribute("data-key") for group in groups)

    def flowing(self) -> list[tuple[str, str]]:
        wires = self.page.query_selector_all(".canvas .wire.flowing")
        return sorted((wire.get_attribute("data-wire"), wire.get_attribute("data-uses")) for wire in wires)


@pytest.fixture
def open_page(browser: Any, folder: Path) -> Iterator[Any]:
    opened: list[Opened] = []

    def open_one(name: str = "by_hand", **options: Any) -> Opened:
        opened.append(Opened(browser, folder / f"{name}.html", **options))
        return opened[-1]

    yield open_one
    for one in opened:
        assert one.problems == []
        assert [url for url in one.requests if not url.startswith(("file:", "about:"))] == []
        one.context.close()


def test_the_start(open_page: Any) -> None:
    shown = open_page()
    assert shown.page.title() == "J = cos(sin x² + 3x²)"
    assert shown.position == "0 / 5"
    assert shown.text(".told") == "Before the first of 5 steps: nothing has flowed back yet."
    assert shown.keys_of("current") == []
    assert shown.page.is_disabled('[data-act="back"]')
    assert shown.page.is_enabled('[data-act="step"]')


def test_a_small_drawing_is_shown_whole(open_page: Any) -> None:
    shown = open_page(viewport={"width": 1200, "height": 700})
    assert shown.page.locator(".canvas").evaluate("canvas => canvas.scrollHeight <= canvas.clientHeight")


def test_stepping_and_going_back_by_buttons(open_page: Any) -> None:
    shown = open_page()
    for _ in range(4):
        shown.act("step")
    assert shown.position == "4 / 5"
    assert shown.text(".step h2") == "4. sin"
    assert "notes/chain.py:3: J = cos(sin(s) + 3 * s)" in shown.text(".step")
    assert shown.page.locator(".rule math").count() == 1
    figures = shown.page.locator(".contribution figure").all_inner_texts()
    assert [" ".join(figure.split()) for figure in figures] == ["had -1.754", "is given -0.4689", "has now -2.223"]
    assert shown.keys_of("current") == [".2"]
    assert shown.keys_of("receiving") == [".1"]
    assert shown.keys_of("done") == [".3", ".4", ".5"]
    assert shown.flowing() == [("1", ".2")]
    shown.act("back")
    assert shown.position == "3 / 5"
    assert shown.text(".contribution h4 small") == "() · waits for 1 more"
    assert shown.keys_of("current") == [".3"]
    assert shown.keys_of("waiting") == [".2"]
    shown.act("last")
    assert shown.position == "5 / 5"
    assert shown.page.is_disabled('[data-act="step"]')
    shown.act("first")
    assert shown.position == "0 / 5"


def test_keys(open_page: Any) -> None:
    shown = open_page()
    for key, position in (
        ("ArrowRight", 1),
        ("n", 2),
        ("ArrowLeft", 1),
        ("p", 0),
        ("ArrowLeft", 0),
        ("End", 5),
        ("ArrowRight", 5),
        ("Home", 0),
    ):
        shown.press(key)
        assert shown.position == f"{position} / 5", key


def test_the_slider(open_page: Any) -> None:
    shown = open_page()
    shown.page.fill('input[type="range"]', "3")
    assert shown.position == "3 / 5"
    assert shown.page.get_attribute('input[type="range"]', "aria-valuetext") == "step 3: multiply"
    shown.page.focus('input[type="range"]')
    shown.press("ArrowRight")
    assert shown.position == "4 / 5"


def test_playing_runs_to_the_end_and_stops(open_page: Any) -> None:
    shown = open_page()
    shown.page.select_option("select", "8")
    shown.page.focus(".canvas")
    shown.press(" ")
    shown.page.wait_for_function("document.querySelector('.counter').value === '5 / 5'", timeout=10_000)
    assert shown.page.get_attribute('[data-act="play"]', "aria-label") == "Play (Space)"
    shown.act("play")
    assert shown.position == "0 / 5"
    assert shown.page.get_attribute('[data-act="play"]', "aria-label") == "Pause (Space)"
    shown.act("play")
    assert shown.page.get_attribute('[data-act="play"]', "aria-label") == "Play (Space)"


def test_a_click_on_a_node_shows_its_numbers(open_page: Any) -> None:
    shown = open_page()
    shown.page.fill('input[type="range"]', "3")
    shown.page.click('.canvas [data-key=".1"]')
    told = shown.text(".node")
    assert told.startswith("s (multiply #1)")
    assert "0.64" in told
    assert "-1.754" in told
    assert "chain.py:3" in told
    assert shown.keys_of("chosen") == [".1"]
    shown.press("ArrowRight")
    assert "-2.223" in shown.text(".node")
    shown.page.click('.node .link >> text="5"')
    assert shown.position == "5 / 5"
    shown.page.click('.node .link >> text="x" >> nth=0')
    assert shown.text(".node").startswith("x (leaf #0)")
    shown.press("Escape")
    assert shown.page.is_hidden(".node")
    assert shown.keys_of("chosen") == []


def test_nodes_are_reached_without_a_mouse(open_page: Any) -> None:
    shown = open_page()
    shown.page.focus('.canvas [data-key=".2"]')
    assert shown.page.get_attribute('.canvas [data-key=".2"]', "aria-label") == "sin #2"
    shown.press("Enter")
    assert shown.text(".node").startswith("sin #2")
    assert shown.position == "0 / 5"
    shown.page.click(".list summary")
    shown.page.click(".list li:nth-child(4) button")
    assert shown.position == "4 / 5"
    assert "sin" in shown.text(".list li.current")


def test_every_control_has_a_name(open_page: Any) -> None:
    shown = open_page("two_layers")
    shown.press("End")
    unnamed = shown.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=button]")]
          .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
          .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    assert shown.page.get_attribute(".told", "aria-live") == "polite"


def test_small_arrays_are_grids_and_large_ones_pictures(open_page: Any) -> None:
    shown = open_page("two_layers")
    shown.press("End")
    assert shown.page.locator(".step .grid tr").count() == 5
    assert shown.page.locator(".contribution .thumbnail rect").count() == 4 * 12
    statistics = shown.text(".contribution .large dl")
    assert "(4, 40) float32" in statistics
    assert "norm" in statistics
    colours = shown.page.eval_on_selector_all(
        ".step .grid td", "cells => cells.map((cell) => [cell.textContent, cell.style.background])"
    )
    for text, colour in colours:
        if float(text) > 0:
            assert "214, 96, 52" in colour
        elif float(text) < 0:
            assert "44, 123, 200" in colour


def test_modules_open_and_fold(open_page: Any) -> None:
    shown = open_page("resnet")

    def keys() -> set[str]:
        groups = shown.page.query_selector_all(".canvas [data-key]")
        return {group.get_attribute("data-key") for group in groups}

    assert "layer4.1" in keys()
    assert len(keys()) <= 40
    shown.page.click('.canvas [data-key="layer4.1"]')
    assert "layer4.1" not in keys()
    assert "layer4.1.conv1" in keys()
    shown.page.focus('.canvas [data-key="layer4.1.conv1"]')
    shown.press("Enter")
    assert "layer4.1.conv1" not in keys()
    shown.page.focus('.canvas [data-frame="layer4.1"]')
    shown.press("Enter")
    assert "layer4.1" in keys()
    shown.page.fill('input[type="range"]', "30")
    assert shown.keys_of("current") == ["layer4.1"]
    shown.page.check("text=follow")
    (current,) = shown.keys_of("current")
    assert current.startswith(".")
    assert shown.page.locator(".canvas .wire.flowing").count() > 0


def test_the_page_plays_in_a_frame(open_page: Any) -> None:
    shown = open_page("framed")
    frame = shown.page.frame_locator("iframe")
    assert frame.locator(".counter").inner_text() == "2 / 5"
    frame.locator('[data-act="step"]').click()
    assert frame.locator(".counter").inner_text() == "3 / 5"


def test_gradients_are_those_that_hooks_leave(browser: Any, tmp_path: Path) -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    x.register_hook(lambda g: g * 100)
    h = ag.named(x * x, "h")
    h.register_hook(lambda g: g * 3)
    write_page(h.sum().stepper().trace(), tmp_path / "hooked.html")
    shown = Opened(browser, tmp_path / "hooked.html")
    shown.act("last")
    for key, gradient in ((".0", ["600", "1200"]), (".1", ["3", "3"])):
        shown.page.click(f'.canvas [data-key="{key}"]')
        tables = shown.page.query_selector_all(".node table")
        assert tables[-1].inner_text().split() == gradient
    shown.context.close()


def test_arrays_of_many_elements(browser: Any, tmp_path: Path) -> None:
    """As many as no function of JavaScript takes as arguments."""
    x = ag.tensor(np.arange(361.0 * 361).reshape(361, 361), requires_grad=True)
    (x * x).sum().stepper().to_html(tmp_path / "large.html", limit=200_000)
    shown = Opened(browser, tmp_path / "large.html")
    shown.page.evaluate("document.querySelector('[data-act=step]').click()")
    assert shown.position == "1 / 2"
    assert shown.page.locator(".contribution td").count() >= 361 * 361
    assert not shown.problems
    shown.context.close()


def test_the_frame_is_as_high_as_the_page(open_page: Any) -> None:
    shown = open_page("framed")
    frame = shown.page.frame_locator("iframe")
    outside = shown.page.locator("iframe")
    hidden = "() => document.documentElement.scrollHeight - innerHeight"
    height = outside.evaluate("frame => frame.clientHeight")
    for summary in (".list summary", ".help summary"):
        frame.locator(summary).click()
        shown.page.wait_for_function("height => document.querySelector('iframe').clientHeight > height", arg=height)
        assert frame.locator("body").evaluate(hidden) <= 0
    for summary in (".list summary", ".help summary"):
        frame.locator(summary).click()
    shown.page.wait_for_function("height => document.querySelector('iframe').clientHeight === height", arg=height)


def test_a_button_keeps_the_focus_where_it_can_do_no_more(open_page: Any) -> None:
    shown = open_page()
    shown.act("step")
    shown.page.focus('[data-act="back"]')
    shown.press("Enter")
    assert shown.position == "0 / 5"
    assert shown.page.evaluate("document.activeElement.dataset.act") == "back"
    shown.press("Enter", "ArrowRight")
    assert shown.position == "1 / 5"


def test_what_is_given_can_be_seen(open_page: Any) -> None:
    shown = open_page(viewport={"width": 1200, "height": 500})
    shown.press("+", "+", "+", "+", "ArrowRight", "ArrowRight", "End")
    inside = """box => {
        const [a, b] = [box, box.closest('.canvas')].map((part) => part.getBoundingClientRect());
        return a.top >= b.top && a.bottom <= b.bottom;
    }"""
    boxes = shown.page.query_selector_all(".canvas g:is(.current, .receiving)")
    assert [box.evaluate(inside) for box in boxes] == [True, True]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "ground"), [("framed", "rgb(255, 255, 255)"), ("framed_dark", "rgb(20, 24, 29)")])
def test_in_a_notebook_it_is_as_dark_as_the_notebook(open_page: Any, name: str, ground: str, scheme: str) -> None:
    frame = open_page(name, color_scheme=scheme).page.frame_locator("iframe")
    assert frame.locator(".player").evaluate("player => getComputedStyle(player).backgroundColor") == ground
    box = frame.locator('.canvas [data-key=".4"] > rect')
    states = {"light": "rgb(255, 232, 220)", "dark": "rgb(74, 38, 22)"}
    assert box.evaluate("box => getComputedStyle(box).fill") == states["light" if name == "framed" else "dark"]


def test_a_forward_pass(open_page: Any) -> None:
    shown = open_page("forward")
    assert shown.text("h1") == "Forward pass"
    assert shown.text(".told") == "Before the first of 4 steps: nothing has been computed yet."
    values = '.canvas [data-key=".3"] text.value'
    assert shown.page.inner_html(values) == ""
    shown.press("n", "n")
    assert shown.text(".told") == "Step 2 of 4: sin (h) is computed from multiply #2."
    assert shown.page.inner_html(values).startswith("= [0.1411, -0.2794")
    figures = shown.page.locator(".contribution figcaption").all_inner_texts()
    assert figures == ["value", "tangent"]
    assert (shown.keys_of("current"), shown.keys_of("receiving")) == ([".3"], [".2"])
    assert shown.keys_of("done") == [".0", ".1"]
    assert shown.flowing() == [("2", ".3")]
    shown.page.click('.canvas [data-key=".0"]')
    assert shown.page.locator(".node h3").all_inner_texts() == ["Value", "Tangent"]
    shown.page.click('.canvas [data-key=".5"]')
    assert "Not computed yet." in shown.text(".node")
    shown.press("End")
    assert shown.page.locator(".node .grid td").all_inner_texts() == [
        "-0.4177",
        "-2.829",
    ]  # Σ x sin 3x, and its slope along x1


@pytest.mark.parametrize("width", [1900, 1400, 1000])
def test_rules_are_not_cut(browser: Any, tmp_path: Path, width: int) -> None:
    x = ag.tensor(np.ones((4, 2)), requires_grad=True)
    loss = ag.clip(ag.einsum("ij,jk->ik", x @ ag.ones((2, 3)), ag.ones((3, 2))), x, 9.0).max()
    write_page(loss.stepper().trace(), tmp_path / "rules.html")
    shown = Opened(browser, tmp_path / "rules.html", viewport={"width": width, "height": 820})
    seen = []
    for _ in range(4):
        shown.act("step")
        seen.append(shown.text(".step h2").split()[-1])
        assert shown.page.locator(".rule").evaluate("rule => rule.scrollWidth - rule.clientWidth") == 0, seen[-1]
    assert seen == ["max", "clip", "einsum", "matmul"]
    screenshot(shown.page, f"player-rule-{width}")
    shown.context.close()


@pytest.mark.parametrize("name", ["by_hand", "resnet", "framed"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_javascript(browser: Any, folder: Path, name: str, scheme: str) -> None:
    shown = Opened(browser, folder / f"{name}.html", java_script_enabled=False, color_scheme=scheme)
    frame = shown.page.frame_locator("iframe") if name == "framed" else shown.page
    box, inside = (frame.locator(part).bounding_box() for part in (".player", ".player > svg"))
    assert box["x"] <= inside["x"] <= inside["x"] + inside["width"] <= box["x"] + box["width"]
    assert inside["y"] + inside["height"] <= box["y"] + box["height"]
    screenshot(shown.page, f"player-{name}-still-{scheme}")
    shown.context.close()


@pytest.mark.parametrize("name", ["by_hand", "resnet", "framed"])
def test_on_paper_the_drawing_is_whole(open_page: Any, name: str) -> None:
    shown = open_page(name, viewport={"width": 1200, "height": 700})
    frame = shown.page.frame_locator("iframe") if name == "framed" else shown.page
    frame.locator('[data-act="step"]').click()
    shown.page.emulate_media(media="print")
    shown.page.set_viewport_size({"width": 720, "height": 1000})
    canvas, drawing = (frame.locator(part).bounding_box() for part in (".canvas", ".canvas svg"))
    for start, size in (("x", "width"), ("y", "height")):
        assert canvas[start] <= drawing[start]
        assert drawing[start] + drawing[size] <= canvas[start] + canvas[size]
    outside = shown.page.locator("iframe").bounding_box() if name == "framed" else {"y": 0, "height": 1000}
    assert drawing["y"] + drawing["height"] <= outside["y"] + outside["height"]
    assert frame.locator(".controls").is_hidden()
    screenshot(shown.page, f"player-{name}-print")


def overflow(shown: Opened) -> int:
    return int(shown.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "position"), [("by_hand", 4), ("two_layers", 6), ("resnet", 30), ("forward", 2)])
@pytest.mark.parametrize("width", [1200, 400])
def test_how_it_looks(open_page: Any, scheme: str, name: str, position: int, width: int) -> None:
    """Pictures for people; nothing sticks out at the side, and text differs from its ground."""
    shown = open_page(name, color_scheme=scheme, viewport={"width": width, "height": 820})
    shown.page.fill('input[type="range"]', str(position))
    first = shown.page.locator(".canvas [data-key]:not([aria-expanded])").first
    first.focus()
    shown.press("Enter", "ArrowLeft", "ArrowRight")
    shown.page.evaluate("window.scrollTo(0, 0)")
    assert overflow(shown) == 0
    ground, ink = shown.page.evaluate(
        """() => {
          const style = getComputedStyle(document.querySelector(".player"));
          const sum = (color) => color.match(/\\d+/g).reduce((total, part) => total + Number(part), 0);
          return [sum(style.backgroundColor), sum(style.color)];
        }"""
    )
    assert (ground > 600 and ink < 200) if scheme == "light" else (ground < 200 and ink > 600)
    screenshot(shown.page, f"player-{name}-{scheme}-{width}")
