"""What notebooks show: well-formed HTML with the right numbers in it, that keeps nothing alive."""

from __future__ import annotations

import base64
import gc
import re
import struct
import weakref
import zlib
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping.display import array_html, module_html, number, tensor_html
from autograd.stepping.summary import Summary


def parsed(html: str) -> ElementTree.Element:
    """The HTML as XML, in which every element is closed and every attribute has a value."""
    return ElementTree.fromstring(re.sub(r"(<img[^>]*)>", r"\1/>", html).replace("<details open>", '<details open="">'))


def grid(html: str) -> list[list[list[str]]]:
    """The numbers in the tables, table by table."""
    tables = re.findall(r"<tbody>(.*?)</tbody>", html)
    return [[re.findall(r">([^<]*)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", t)] for t in tables]


def test_small_tensors_show_their_numbers() -> None:
    t = ag.tensor([[1.0, -2.0], [0.25, 1e-9]], requires_grad=True, name="w<1>")
    html = t._repr_html_()
    assert "<b>w&lt;1&gt;</b> · (2, 2) · float32 · requires_grad" in html
    assert grid(html) == [[["1", "-2"], ["0.25", "1e-9"]]]


def test_axes_beyond_two_become_tables_of_their_own() -> None:
    html = tensor_html(ag.arange(12.0).reshape(3, 2, 2))
    assert grid(html) == [[["0", "1"], ["2", "3"]], [["4", "5"], ["6", "7"]], [["8", "9"], ["10", "11"]]]
    assert re.findall(r"<caption[^>]*>([^<]*)", html) == ["[0]", "[1]", "[2]"]


def test_colours_tell_sign_and_size() -> None:
    cells = re.findall(r"rgba\((\d+),\d+,\d+,(\d\.\d+)\)\">", tensor_html(ag.tensor([2.0, -1.0, 0.0])))
    assert cells == [("214", "0.70"), ("44", "0.35")]


def test_results_say_what_made_them_and_leaves_have_gradients() -> None:
    x = ag.tensor([3.0, 4.0], requires_grad=True)
    y = (x * x).sum()
    assert "grad_fn=sum" in tensor_html(y)
    y.backward()
    assert "gradient of norm 10" in tensor_html(x)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ag.tensor(2.5), "<b>2.5</b>"),
        (ag.tensor([float("nan"), float("inf")]), "nan"),
        (ag.zeros((0, 3)), "empty"),
        (ag.tensor([True, False]), "True"),
        (ag.tensor([1, -2]), "int64"),
        (ag.zeros((2, 2)), ">0</td>"),
    ],
)
def test_odd_tensors(value: Any, shown: str) -> None:
    html = tensor_html(value)
    parsed(html)
    assert shown in html


def test_large_tensors_show_statistics_and_a_picture() -> None:
    x = np.linspace(-1.0, 3.0, 10_000).reshape(100, 100)
    x[0, 0] = np.nan
    html = tensor_html(ag.tensor(x))
    parsed(html)
    assert "-0.9996 … 3" in html
    assert "not finite" in html
    assert len(html) < 5000
    width, height, pixels = picture(html)
    assert (width, height) == (12, 12)
    assert pixels[0, 0, 0] == 200  # not finite
    assert pixels[-1, -1, 0] > pixels[-1, -1, 2]  # warm
    assert pixels[1, 1, 0] < pixels[1, 1, 2]  # cold


def base64_of(html: str) -> str:
    found = re.search(r"base64,([^\"]*)", html)
    assert found is not None
    return found[1]


def picture(html: str) -> tuple[int, int, Any]:
    """The picture in a page, read by the letter of the PNG standard."""
    data = base64.b64decode(base64_of(html))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        place += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    return width, height, lines[:, 1:].reshape(height, width, 4)


def test_modules_are_a_tree_with_parameter_counts() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False)))
    html = net._repr_html_()
    tree = parsed(html)
    assert html == module_html(net)
    texts = ["".join(e.itertext()) for e in tree.iter() if e.tag == "summary"]
    assert texts == ["Sequential 12 parameters", "(1) Sequential 3 parameters"]
    assert "(0) <b>Linear</b>(in_features=2, out_features=3, bias=True)" in html
    assert html.count("<details open>") == 1


def test_showing_keeps_nothing_alive() -> None:
    t = ag.tensor(np.ones(1000), requires_grad=True)
    y = t * 2
    html = tensor_html(y) + tensor_html(t)
    watched = [weakref.ref(t), weakref.ref(y), weakref.ref(y.node)]
    gc.disable()
    try:
        del t, y
        assert [ref() for ref in watched] == [None] * 3
    finally:
        gc.enable()
    assert html


def test_showing_changes_no_graph() -> None:
    x = ag.tensor(np.ones((4, 4)), requires_grad=True)
    y = (x * x).sum()
    tensor_html(x)
    array_html(Summary.of(y))
    y.backward()
    assert np.array_equal(x.grad.array, 2 * np.ones((4, 4)))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1 / 3, "0.3333"),
        (1e6, "1e6"),
        (123456.0, "1.235e5"),
        (-1e-10, "-1e-10"),
        (1e100, "1e100"),
        (1e6 + 1j / 3, "1e6+0.3333j"),
        (7, "7"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "True"),
        (0.0, "0"),
    ],
)
def test_numbers(x: Any, text: str) -> None:
    assert number(x) == text


def test_a_step_shows_its_rule_and_what_its_parents_get() -> None:
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="x<")
    b = ag.tensor([0.5, -1.0], requires_grad=True, name="b")
    stepper = ((x + b) * x).sum().stepper()
    live = [stepper.step()._repr_html_() for _ in range(3)]
    saved = [step._repr_html_() for step in stepper.trace().steps]
    assert live == saved
    for html in live:
        parsed(html)
        assert "<math>" in html
    _, product, total = live
    assert "to <b>x&lt;</b>, waits for 1 more" in product
    assert "to <b>b</b>, summed over axis 0, complete" in total
    assert grid(total)[-1] == [["4", "6"]]
    assert re.findall(r"opacity:.75\">(had|is given|has now)<", total) == [
        "had",
        "is given",
        "has now",
        "is given",
        "has now",
    ]
