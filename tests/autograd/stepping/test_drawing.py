"""Drawings: valid, complete, nothing over anything else."""

from __future__ import annotations

import re
import weakref
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd.stepping import GraphView, draw, fold, view
from autograd.stepping.drawing import Drawing, width_of
from autograd.stepping.nesting import arrange

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.svg)


def texts(drawing: Drawing) -> list[str]:
    return [text.text or "" for text in parsed(drawing).iter(f"{SVG}text")]


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.attrib[name])


def worked_example() -> Any:
    """J = cos(sin x² + 3x²)."""
    x = ag.tensor(0.7, requires_grad=True, name="x")
    square = ag.named(x**2, "u")
    return ag.named(ag.cos(ag.sin(square) + 3 * square), "J")


def resnet() -> Any:
    ag.manual_seed(0)
    model = nn.models.resnet18(num_classes=4)
    return model(ag.ones((2, 3, 32, 32))).sum()


def perceptron() -> Any:
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    return nn.functional.cross_entropy(model(ag.ones((5, 4))), ag.tensor([0, 1, 2, 0, 1]))


def several() -> Any:
    a, b, c = ag.split(ag.tensor(np.ones((2, 6)), requires_grad=True, name="a, b & <c>"), 3, axis=1)
    return [(a * b).sum(), c.exp()]


GRAPHS: dict[str, Any] = {
    "worked example": lambda: draw(worked_example(), values=True, cotangents=True),
    "perceptron": lambda: draw(perceptron(), values=True, cotangents=True),
    "resnet": lambda: draw(resnet()),
    "resnet, a block open": lambda: draw(resnet(), opened=["layer2.0.conv1", "layer4"]),
    "several": lambda: draw(several()),
    "leaf": lambda: draw(ag.tensor([1.0], requires_grad=True)),
    "checkpoint": lambda: draw(ag.checkpoint(lambda x: x.sin(), ag.ones(3, requires_grad=True))),
}


def test_the_worked_example() -> None:
    drawing = draw(worked_example(), values=True, cotangents=True)
    assert list(texts(drawing)) == [
        *("x", "= 0.7", "grad -5.068"),
        *("u = power", "(·, 2)", "= 0.49", "grad -3.62"),
        *("sin", "grad -0.9324"),
        *("multiply", "(·, 3)", "grad -0.9324"),
        *("add", "= 1.941", "grad -0.9324"),
        *("J = cos", "= -0.3615", "grad 1"),
    ]
    assert repr(drawing) == "<Drawing: graph of J: 6 boxes>"


@pytest.mark.parametrize("name", GRAPHS)
def test_a_drawing_is_a_picture_that_says_what_it_is(name: str) -> None:
    drawing = GRAPHS[name]()
    root = parsed(drawing)
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"].startswith("graph of ")
    assert all(box.find(f"{SVG}title") is not None for box in root.iter(f"{SVG}g") if "data-key" in box.attrib)
    assert not re.search(r"(href|src|@import|url\()", drawing.svg)
    assert "nan" not in drawing.svg.lower().replace("named", "")


@pytest.mark.parametrize("name", GRAPHS)
def test_text_stays_in_its_box(name: str) -> None:
    for group in parsed(GRAPHS[name]()).iter(f"{SVG}g"):
        if "data-key" not in group.attrib:
            continue
        box = group.findall(f"{SVG}rect")[-1]
        for text in group.iter(f"{SVG}text"):
            size = 10.0 if "small" in text.attrib.get("class", "") else 12.0
            half = width_of(text.text or "", size) / 2
            assert number(text, "x") - half >= number(box, "x")
            assert number(text, "x") + half <= number(box, "x") + number(box, "width")
            assert number(box, "y") + size * 0.8 <= number(text, "y") <= number(box, "y") + number(box, "height")


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_do_not_overlap(name: str) -> None:
    boxes = [
        group.findall(f"{SVG}rect")[-1]
        for group in parsed(GRAPHS[name]()).iter(f"{SVG}g")
        if "data-key" in group.attrib
    ]
    for a, b in combinations(boxes, 2):
        apart = any(
            number(p, at) + number(p, size) <= number(q, at)
            for p, q in ((a, b), (b, a))
            for at, size in (("x", "width"), ("y", "height"))
        )
        assert apart


@cache
def blocks() -> GraphView:
    block = nn.models.BasicBlock
    model = nn.Sequential(block(4, 4), nn.Sequential(block(4, 4), block(4, 4)))
    return view(model(ag.ones((1, 4, 4, 4))).sum())


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_frames_hold_just_what_is_theirs(data: st.DataObject) -> None:
    recorded = blocks()
    paths = sorted({call.module for call in recorded.calls} - {""})
    folded = fold(recorded, opened=data.draw(st.lists(st.sampled_from(paths), max_size=4)))
    plan = arrange(folded, {box.key: (80.0, 30.0) for box in folded.boxes}, {f.key: 90.0 for f in folded.frames}, {})
    above = {frame.key: frame.frame for frame in folded.frames} | {box.key: box.frame for box in folded.boxes}
    for frame in folded.frames:
        outer = plan.places[frame.key]
        for key, place in plan.places.items():
            around = above[key]
            while around and around != frame.key:
                around = above[around]
            inside = outer.x <= place.x and place.x + place.width <= outer.x + outer.width
            inside = inside and outer.y <= place.y and place.y + place.height <= outer.y + outer.height
            if around == frame.key:
                assert inside
            elif key != frame.key:
                assert not inside
                apart = place.x >= outer.x + outer.width or place.x + place.width <= outer.x
                apart = apart or place.y >= outer.y + outer.height or place.y + place.height <= outer.y
                holds = key in above and plan.places[key].y <= outer.y and plan.places[key].x <= outer.x
                assert apart or holds
    for wire in plan.wires:
        assert all(low[1] >= high[1] - 1e-6 for high, low in pairwise(wire.points))


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_graph_is_drawn_the_same(name: str) -> None:
    assert GRAPHS[name]().svg == GRAPHS[name]().svg


def test_hidden_nodes_are_said() -> None:
    drawing = draw(resnet())
    assert "+37 hidden" in texts(drawing)
    assert re.fullmatch(r"<Drawing: graph of sum: \d+ boxes, \d+ nodes hidden in them>", repr(drawing))


def test_hovering_tells_the_source_line_and_the_module() -> None:
    titles = [title.text or "" for title in parsed(draw(perceptron())).iter(f"{SVG}title")]
    tanh = next(title for title in titles if title.startswith("tanh"))
    assert "in 1\n" in tanh
    assert "test_drawing.py" in tanh
    assert "shape (5, 8) float32" in tanh


@pytest.mark.parametrize(
    "name", ["a<b>&\"'", "x\x00\x1b\ud800\ufffe", "]]>", "数据集的名字" * 20, "é\u0301" * 50, "-->"]
)
def test_any_name_can_be_drawn(name: str) -> None:
    drawing = draw(ag.sin(ag.tensor(1.0, requires_grad=True, name=name)))
    assert ElementTree.fromstring(drawing.svg.encode()) is not None


def test_a_drawing_is_called_by_names_as_they_are() -> None:
    y = ag.named(ag.sin(ag.tensor(1.0, requires_grad=True)), 'a < b & "c"')
    assert repr(draw(y)) == '<Drawing: graph of a < b & "c": 2 boxes>'


def test_numbers_are_written_as_in_tables() -> None:
    y = ag.tensor([1.5e-7, 123456.0], requires_grad=True) * 1.0
    assert "= [1.5e-7, 1.235e5]" in texts(draw(y, values=True))
    assert "= mean – norm –, 5 not finite" in texts(draw(y[0] * np.full(5, np.nan), values=True))


def test_complex_results_are_shown() -> None:
    y = ag.tensor([2.0, 3.0], requires_grad=True) * np.complex64(1j)
    assert "= [0+2j, 0+3j]" in texts(draw(y, values=True))


def test_cotangents_are_those_of_backward_and_change_nothing() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    h = x * x
    h.retain_grad()
    calls: list[Any] = []
    h.register_hook(lambda g: calls.append(g) or 10 * g)
    drawing = draw(h.sum(), cotangents=True)
    assert "grad [10, 10]" in texts(drawing)
    assert "grad [20, 40]" in texts(drawing)
    assert x.grad is None
    assert h.grad is None
    h.sum().backward()
    assert h.grad is not None
    assert len(calls) == 2


@pytest.mark.parametrize("by", ["tensor", "id"])
def test_cotangents_can_be_given(by: str) -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = x.sum()
    given = {x: np.array([5.0, 6.0])} if by == "tensor" else {0: np.array([5.0, 6.0])}
    assert "grad [5, 6]" in texts(draw(y, cotangents=given))
    assert "grad [5, 6]" in texts(draw(view(y), cotangents={0: np.array([5.0, 6.0])}))


def test_a_drawing_keeps_nothing_alive() -> None:
    y = worked_example()
    drawing = draw(y, values=True, cotangents=True)
    node = weakref.ref(y.node)
    del y
    assert node() is None
    assert drawing.svg


def test_a_notebook_shows_it_inline() -> None:
    drawing = draw(worked_example())
    assert drawing._repr_svg_() == drawing.svg
    assert drawing.svg in drawing._repr_html_()
    assert "prefers-color-scheme:dark" in drawing.svg
    assert "data-jp-theme-light" in drawing.svg


@pytest.mark.parametrize("name", ["graph.svg", "graph.html"])
def test_save(tmp_path: Path, name: str) -> None:
    drawing = draw(worked_example())
    drawing.save(tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert drawing.svg in text
    assert text.startswith("<!DOCTYPE html>") is name.endswith("html")


def test_save_wants_an_ending_that_it_knows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^save: a drawing is saved as \.svg or \.html, not as 'graph\.png'"):
        draw(worked_example()).save(tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())


def used_up() -> Any:
    y = worked_example()
    y.backward()
    return y


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (used_up, {}, RuntimeError, "^draw: the graph behind 'cos' was already used and freed"),
        (lambda: ag.tensor(1.0), {}, ValueError, "^draw: .* does not require grad"),
        (lambda: 3, {}, TypeError, "^draw: wants a Tensor, or a sequence of Tensors, got int"),
        (several, {"cotangents": True}, ValueError, r"one element, got shape \(2, 2\)"),
        (lambda: view(worked_example()), {"cotangents": True}, TypeError, "wants the tensors themselves"),
        (worked_example, {"cotangents": {ag.tensor(1.0): 1.0}}, ValueError, "a tensor that is not in the graph"),
        (worked_example, {"cotangents": {99: 1.0}}, ValueError, "99, an id that is not in the graph"),
        (
            lambda: view(worked_example()),
            {"cotangents": {ag.tensor(1.0, requires_grad=True): 1.0}},
            ValueError,
            "a tensor that is not in the GraphView, which knows ids only",
        ),
        (worked_example, {"opened": "conv1"}, ValueError, "called 'conv1'; it has no modules"),
    ],
)
def test_errors(make: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw(make(), **options)


def test_two_thousand_operations_are_drawn_open() -> None:
    x = y = ag.tensor(np.ones(3), requires_grad=True)
    held = []
    for i in range(1000):
        y = y.sin() + (held[-7] if i % 5 == 0 and len(held) > 7 else x)
        held.append(y)
    drawing = draw(y, opened="all")
    assert drawing.svg.count("data-key=") == 2001
