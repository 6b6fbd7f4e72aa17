"""The player's page as a document: complete, safe, small, and with everything inside."""

from __future__ import annotations

import json
import re
import tomllib
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traces import by_hand, resnet, two_layers

import autograd as ag
from autograd.stepping import Stepper, Trace
from autograd.stepping.player import framed, page, recording, write_page

ROOT = Path(__file__).parents[3]
EMPTY = {"meta", "input", "br", "hr", "img", "link"}


class Document(HTMLParser):
    """What is in a page: its elements, what was not closed, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


def run_of(text: str) -> dict[str, Any]:
    """The data in a page, as its script reads it."""
    return json.loads(Document(text).scripts[0], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_page_is_one_document() -> None:
    text = page(by_hand())
    document = Document(text)
    assert text.startswith("<!doctype html>")
    assert document.open == []
    assert [tag for tag, _ in document.elements][:2] == ["html", "head"]
    assert ("html", {"lang": "en"}) in document.elements
    assert "<title>J = cos(sin x² + 3x²)</title>" in text
    assert [attributes.get("type") for tag, attributes in document.elements if tag == "script"] == [
        "application/json",
        "module",
    ]


def test_nothing_is_fetched() -> None:
    text = page(two_layers())
    addresses = set(re.findall(r"https?://[^\s\"'<>\\]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(src|href)=", text)
    assert not re.search(r"\b(fetch|XMLHttpRequest|import)\b *\(|@import|url\(", text)
    assert not re.search(r"^import ", text, re.MULTILINE)


def test_the_data_are_the_trace() -> None:
    trace = two_layers()
    said = trace.to_json()
    run = run_of(page(trace))
    assert run["title"] == "Two layers"
    assert [step["op"] for step in run["steps"]] == [step.op for step in trace.steps]
    assert [node["parents"] for node in run["nodes"]] == [node["parents"] for node in said["graph"]["nodes"]]
    for ours, theirs in zip(run["steps"], said["steps"], strict=True):
        assert ours["cotangent"]["norm"] == pytest.approx(theirs["cotangent"]["norm"], rel=1e-5)
        assert ours["source"] == theirs["source"]
        assert run["formulas"][ours["latex"]].startswith("<math>")


def test_drawings_show_each_node_once_and_say_where() -> None:
    trace = resnet()
    ids = [node.id for node in trace.graph.nodes]
    drawings = recording(trace)["drawings"]
    assert len(drawings) > 10
    assert len({tuple(sorted(drawing["open"])) for drawing in drawings}) == len(drawings)
    for drawing in drawings:
        assert sorted(i for box in drawing["boxes"].values() for i in box) == ids
        assert set(drawing["closed"]) <= drawing["boxes"].keys()
        assert set(re.findall(r'data-key="([^"]*)"', drawing["svg"])) == drawing["boxes"].keys()
        assert set(re.findall(r'data-frame="([^"]*)"', drawing["svg"])) == set(drawing["open"])
    assert len(drawings[0]["boxes"]) <= 40
    openable = {key for drawing in drawings for key in drawing["open"]}
    assert {"layer1", "layer4.1", "layer2.0.downsample", "fc"} <= openable


def test_arrows_know_whose_cotangent_flows_along_them() -> None:
    """Of every operation, each parent that is drawn has an arrow that leads to it."""
    trace = two_layers()
    for drawing in recording(trace)["drawings"]:
        seen_in = {i: key for key, box in drawing["boxes"].items() for i in box}
        wires = re.findall(r'data-wire="(\d+)" data-uses="([^"]*)"', drawing["svg"])
        led = {(int(node), use) for node, uses in wires for use in uses.split(" ")}
        for node in trace.graph.nodes:
            for parent in node.parents:
                if seen_in[parent] != seen_in[node.id]:
                    assert (parent, seen_in[node.id]) in led


def test_without_javascript_the_drawing_is_there() -> None:
    trace = by_hand()
    (still,) = re.findall(r"<noscript>(.*?)</noscript>", page(trace), re.DOTALL)
    assert recording(trace)["drawings"][0]["svg"] in still


def test_resnet_stays_below_five_megabytes(tmp_path: Path) -> None:
    write_page(resnet(), tmp_path / "resnet.html")
    assert (tmp_path / "resnet.html").stat().st_size < 5_000_000


def test_what_a_user_writes_cannot_break_out() -> None:
    evil = "</script><script>alert(1)</script><!--<script>"
    x = ag.tensor(2.0, requires_grad=True, name=evil)
    trace = Stepper(ag.sin(x)).trace(title=evil)
    document = Document(page(trace))
    assert [tag for tag, _ in document.elements].count("script") == 2
    assert document.open == []
    assert run_of(page(trace))["nodes"][0]["name"] == evil
    assert "<!--" not in page(trace)
    shown = Document(run_of(page(trace))["drawings"][0]["svg"])
    assert "script" not in [tag for tag, _ in shown.elements]


def test_numbers_that_are_not_finite() -> None:
    x = ag.tensor([0.0, 1.0, float("nan")], requires_grad=True)
    with np.errstate(all="ignore"):
        trace = Stepper(ag.log(x).sum()).trace()
    run = run_of(page(trace))
    assert run["steps"][1]["contributions"][0]["value"]["values"] == ["Infinity", 1, "NaN"]


def test_a_frame_holds_the_page_unchanged() -> None:
    trace = by_hand()
    document = Document(framed(trace))
    ((tag, attributes),) = document.elements
    assert tag == "iframe"
    assert attributes["srcdoc"] == page(trace)
    assert attributes["title"]
    assert trace._repr_html_() == framed(trace)


def test_writing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.html"
    by_hand().to_html(path)
    before = path.read_text(encoding="utf-8")
    assert before == page(by_hand())
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_page(two_layers(), path)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_page(by_hand(), tmp_path / "nowhere" / "run.html")


def test_a_stepper_writes_its_page(tmp_path: Path) -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    stepper = (x * x).sum().stepper()
    stepper.to_html(tmp_path / "run.html", title="Squares")
    assert stepper.position == 0
    assert x.grad is None
    assert run_of((tmp_path / "run.html").read_text(encoding="utf-8"))["title"] == "Squares"


def test_an_empty_pass_has_a_page() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    trace = Stepper(x * 1.0).trace()
    assert Document(page(Trace(trace.graph, (), {}))).open == []


def test_style_and_script_are_installed_with_the_package() -> None:
    """All that is no Python in the packages is package data, and is found as such."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    for package in ("autograd", "nn", "optim"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                folder = ".".join(path.parent.relative_to(ROOT).parts)
                known = [*patterns["*"], *patterns.get(folder, ())]
                assert any(path.match(pattern) for pattern in known), f"{path} would not be installed"
    for name in ("player.css", "player.js"):
        assert files("autograd.stepping").joinpath(name).read_text(encoding="utf-8")
