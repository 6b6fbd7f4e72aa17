"""Steppers and traces in a real JupyterLab, by clicks in headless Chromium. Its pictures are kept in `screenshots/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import chromium, screenshot
from laboratory import JupyterLab, jupyterlab, notebook

pytestmark = pytest.mark.slow

PATIENCE = 90_000  # milliseconds that something may take on a busy machine
READY = """() => {
  const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""
RUN = """([command, cell]) => {
  const { content } = window.jupyterapp.shell.currentWidget;
  if (cell !== null) content.activeCellIndex = cell;
  window.jupyterapp.commands.execute(command);
}"""

MODEL = """\
import numpy as np
import autograd as ag
from autograd.stepping import ForwardStepper

x = ag.tensor(np.array([0.5, 1.0]), requires_grad=True, name="x")
J = ag.named(ag.cos(ag.named(ag.sin(x**2), "h") + 3 * x**2).sum(), "J")
"""
STEPPER = f"{MODEL}stepper = J.stepper()\nstepper"
POSITION = "stepper.position, x.grad is not None"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    with jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


class Notebook:
    """A notebook that is open, and what a person does and sees there."""

    def __init__(self, browser: Any, lab: JupyterLab, name: str) -> None:
        self.path = lab.folder / f"{name}.ipynb"
        self.page = browser.new_page(viewport={"width": 1280, "height": 1000})
        self.page.set_default_timeout(PATIENCE)
        self.problems: list[str] = []  # of the scripts that are ours, in frames and from the kernel
        self.page.on("pageerror", lambda error: self.notice(f"{error}\n{error.stack}"))
        self.page.goto(lab.url(self.path.name))
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_function(READY)

    def notice(self, problem: str) -> None:
        if "about:srcdoc" in problem or "blob:" in problem:
            self.problems.append(problem)

    def run(self, cell: int) -> Any:
        """Run a cell; its result, when that is there."""
        self.page.evaluate(RUN, ["notebook:run-cell", cell])
        found = self.page.locator(f'.jp-Cell[data-windowed-list-index="{cell}"]')
        result = found.locator(".jp-OutputArea-executeResult")
        error = found.locator('[data-mime-type="application/vnd.jupyter.error"]')
        result.or_(error).wait_for()
        if error.is_visible():
            pytest.fail(f"the cell has failed:\n{error.inner_text()}")
        return result

    def text(self, cell: int) -> str:
        """What a cell shows when it is run again."""
        found = self.page.locator(f'.jp-Cell[data-windowed-list-index="{cell}"]')
        self.page.evaluate(RUN, ["notebook:clear-cell-output", cell])
        found.locator(".jp-OutputArea-executeResult").wait_for(state="detached")
        return str(self.run(cell).inner_text()).split(":\n")[-1].strip()

    def player(self, cell: int = 0) -> Any:
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{cell}"]').frame_locator("iframe")

    def do(self, command: str) -> None:
        self.page.evaluate(RUN, [command, None])

    def theme(self, name: str) -> None:
        self.page.evaluate(
            f"window.jupyterapp.commands.execute('apputils:change-theme', {{ theme: 'JupyterLab {name}' }})"
        )

    def save(self) -> dict[str, Any]:
        """Save the notebook; what is in the file."""
        self.do("docmanager:save")
        self.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
        return json.loads(self.path.read_text(encoding="utf-8"))

    def close(self) -> None:
        self.page.close()
        assert self.problems == []


@pytest.fixture
def open_notebook(browser: Any, lab: JupyterLab, request: pytest.FixtureRequest) -> Iterator[Any]:
    opened: list[Notebook] = []

    def open_one(*cells: str, outputs: Any = (), name: str = request.node.originalname) -> Notebook:
        if cells:
            (lab.folder / f"{name}.ipynb").write_text(notebook(*cells, outputs=outputs), encoding="utf-8")
        opened.append(Notebook(browser, lab, name))
        return opened[-1]

    yield open_one
    for number, one in enumerate(opened):
        if not one.page.is_closed():
            screenshot(one.page, f"{request.node.originalname}-{number}")
        one.close()


def at(player: Any, position: int, last: int = 7) -> None:
    """Wait until the player is there."""
    player.locator(".counter", has_text=f"{position} / {last}").wait_for()


def live(player: Any) -> None:
    """Wait until there is a kernel behind the player, and it has done all that was asked for."""
    player.locator('.live[aria-busy="false"]').wait_for()


def act(player: Any, name: str) -> None:
    player.locator(f'[data-act="{name}"]').click()


def test_the_widget(open_notebook: Any) -> None:
    opened = open_notebook(STEPPER, POSITION, "stepper.seek(2).op")
    opened.run(0)
    player = opened.player()
    live(player)
    at(player, 0)
    player.locator(".controls").evaluate(  # faster than the kernel answers
        """controls => ["step", "step", "back", "back"].forEach(
          (act) => controls.querySelector(`[data-act=${act}]`).click()
        )"""
    )
    live(player)
    at(player, 0)

    act(player, "step")
    act(player, "step")
    at(player, 2)
    live(player)
    assert opened.text(1) == "(2, False)"
    act(player, "back")
    at(player, 1)
    player.locator('input[type="range"]').fill("7")
    at(player, 7)
    live(player)
    assert opened.text(1) == "(7, True)"
    act(player, "first")
    live(player)
    assert opened.text(1) == "(0, False)"

    assert opened.text(2) == "'cos'"
    at(player, 2)

    player.locator('.canvas [data-key=".2"]').click()
    assert player.locator(".node h2").inner_text().startswith("h (sin #2)")
    act(player, "halt")
    player.locator(".stops >> text=at h").wait_for()
    assert player.locator(".canvas circle.stop").count() == 1
    player.get_by_label("Kind of breakpoint").select_option("norm below")
    player.get_by_label("Which", exact=True).fill("tiny")
    player.get_by_label("Which", exact=True).press("Enter")
    player.get_by_role("alert").get_by_text("breakpoint: wants a number, not 'tiny'").wait_for()
    player.get_by_label("Which", exact=True).fill("1e-9")
    player.locator(".live form button").click()
    player.locator(".stops >> text=norm below 1e-09").wait_for()
    assert player.get_by_role("alert").is_hidden()
    act(player, "run")
    player.locator(".live >> text=/Stopped after step 6: at h/").wait_for()
    at(player, 6)

    act(player, "check")
    player.locator(".badge.right >> text=finite differences agree").wait_for()
    player.locator(".whatif summary").click()
    numbers = player.locator(".whatif textarea")
    player.get_by_label("What to replace").select_option("cotangent")
    numbers.fill("[1, 2, 3]")
    player.locator(".whatif button").click()
    alert = player.get_by_role("alert")
    alert.get_by_text("ValueError: replace: the cotangent of 'sin' has shape (2,), not (3,)").wait_for()
    opened.page.locator(".jp-OutputArea-output iframe").first.scroll_into_view_if_needed()
    screenshot(opened.page, "widget-error-light")
    numbers.fill("[1, -2]")
    player.locator(".whatif button").click()
    player.locator(".note >> text=changed: cotangent").wait_for()
    assert alert.is_hidden()
    shown = player.locator(".step .original").first.inner_text()
    assert shown.startswith("originally")
    assert opened.text(1) == "(6, False)"
    opened.theme("Dark")
    player.locator('body[data-jp-theme-light="false"]').wait_for()
    ground = player.locator(".player").evaluate("player => getComputedStyle(player).backgroundColor")
    assert ground == "rgb(20, 24, 29)"
    screenshot(opened.page, "widget-what-if-dark")
    opened.theme("Light")
    act(player, "restore")
    player.locator(".note").wait_for(state="detached")

    player.get_by_label("Clear the breakpoint at h").click()
    player.locator(".canvas circle.stop").wait_for(state="detached")
    assert player.locator(".stops .stop").count() == 1


def test_opened_again_it_is_the_player(open_notebook: Any) -> None:
    """Live as long as the kernel is; then it plays alone, from where the stepper was when it was shown."""
    opened = open_notebook(f"{STEPPER}.seek(2)\nstepper", POSITION)
    opened.run(0)
    live(opened.player())
    at(opened.player(), 2)
    (output,) = opened.save()["cells"][0]["outputs"]
    assert output["data"].keys() == {"text/plain", "text/html"}

    again = open_notebook()
    live(again.player())
    act(again.player(), "step")
    at(again.player(), 3)
    live(again.player())
    assert again.text(1) == "(3, False)"
    at(opened.player(), 3)

    again.do("kernelmenu:shutdown")
    again.page.locator(".jp-Dialog").wait_for(state="detached")
    again.player().locator(".live").wait_for(state="hidden")
    opened.page.close()
    again.page.close()
    last = open_notebook()
    at(last.player(), 2)
    act(last.player(), "step")
    at(last.player(), 3)
    assert last.player().locator(".live").is_hidden()
    assert "model not found" not in last.page.inner_text(".jp-Notebook")
    screenshot(last.page, "widget-opened-again")


def test_a_notebook_run_elsewhere(open_notebook: Any, lab: JupyterLab) -> None:
    """By nbclient, with the state of widgets kept: not trusted, it says what is missing; trusted, it plays."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    run = nbformat.reads(notebook(STEPPER), as_version=4)
    nbclient.NotebookClient(run, kernel_name="python3", store_widget_state=True, timeout=PATIENCE // 1000).execute()
    assert "widgets" in run.metadata
    name = "test_a_notebook_run_elsewhere"
    nbformat.write(run, lab.folder / f"{name}.ipynb")
    opened = open_notebook()
    shown = opened.page.locator(".jp-OutputArea-executeResult")
    shown.get_by_text("Player of a backward pass of 7 steps: it is shown where this notebook is trusted").wait_for()
    opened.do("notebook:trust")
    opened.page.locator(".jp-Dialog .jp-mod-accept").click()
    act(opened.player(), "step")
    at(opened.player(), 1)
    assert opened.player().locator(".live").is_hidden()


def test_inside_other_widgets(open_notebook: Any) -> None:
    opened = open_notebook(
        f"import ipywidgets\n{MODEL}stepper = J.stepper()\nipywidgets.VBox([stepper.widget()])", POSITION
    )
    opened.run(0)
    live(opened.player())
    act(opened.player(), "step")
    at(opened.player(), 1)
    live(opened.player())
    assert opened.text(1) == "(1, False)"


def test_two_players_of_one_stepper(open_notebook: Any) -> None:
    opened = open_notebook(STEPPER, "stepper")
    opened.run(0)
    opened.run(1)
    first, second = opened.player(0), opened.player(1)
    live(second)
    act(second, "step")
    live(second)
    opened.page.evaluate("window.jupyterapp.shell.currentWidget.content.scrollToItem(0)")
    at(first, 1)


def test_a_stepper_that_is_gone(open_notebook: Any) -> None:
    """A notebook shows it, but does not keep it."""
    opened = open_notebook(f"{MODEL}stepper = J.stepper()\ndisplay(stepper)\n0", "del stepper\n0")
    opened.run(0)
    player = opened.player()
    live(player)
    opened.run(1)
    player.locator(".live").wait_for(state="hidden")
    act(player, "step")
    at(player, 1)


def test_a_forward_pass(open_notebook: Any) -> None:
    opened = open_notebook(
        f"{MODEL}stepper = ForwardStepper(J, tangents={{x: [1.0, 0.0]}})\nstepper", "stepper.current.tangent.tolist()"
    )
    opened.run(0)
    player = opened.player()
    live(player)
    act(player, "step")
    live(player)
    assert opened.text(1) == "[1.0, 0.0]"
    assert player.locator(".step h3").all_inner_texts() == ["Inputs", "Result"]
    player.locator(".whatif summary").click()
    player.locator(".whatif option").first.wait_for(state="attached")
    player.locator(".whatif textarea").fill("[0, 0]")
    player.locator(".whatif button").click()
    player.locator(".note >> text=changed: value").wait_for()
    player.locator('[data-key=".1"] text.value', has_text="= [0, 0]").wait_for()
    act(player, "step")
    player.locator(".step .original").first.wait_for()
    screenshot(opened.page, "widget-forward")


def test_a_trace_is_a_player(open_notebook: Any) -> None:
    opened = open_notebook(f"{MODEL}J.stepper().trace(title='kept')")
    opened.run(0)
    player = opened.player()
    assert player.locator("h1").inner_text() == "kept"
    player.locator(".canvas").focus()
    opened.page.keyboard.press("End")
    at(player, 7)
    assert player.locator(".live").count() == 0
    screenshot(opened.page, "player-in-jupyterlab")
