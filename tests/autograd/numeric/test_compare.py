"""The table that puts the ways to a derivative side by side."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from typing import get_args

import numpy as np
import pytest

import autograd as ag
from autograd.numeric import compare_derivatives
from autograd.numeric.differences import Scheme

WAYS = [*get_args(Scheme), "forward mode", "reverse mode", "symbolic"]
W = np.random.default_rng(0).normal(size=(2, 3))


def f(x: ag.Tensor) -> ag.Tensor:
    return ag.tanh(W @ x)


X = np.array([0.3, -0.7, 1.2])
EXACT = (1 - np.tanh(W @ X) ** 2)[:, None] * W


def test_every_way_finds_the_derivative() -> None:
    found = compare_derivatives(f, X)
    assert [way.name for way in found.ways] == WAYS
    assert found.reference == "the symbolic derivative, to 30 digits"
    assert found.index == np.unravel_index(np.argmax(abs(EXACT)), EXACT.shape)
    for way in found.ways:
        np.testing.assert_allclose(way.value, EXACT, rtol=1e-6)
        assert way.error == abs(way.value - found["symbolic"].value).max()
        assert way.seconds > 0
        if way.bar is not None:
            assert np.all(abs(way.value - EXACT) <= way.bar + 1e-15)


def test_evaluations_are_those_of_f() -> None:
    calls = 0

    def counted(x: ag.Tensor) -> ag.Tensor:
        nonlocal calls
        calls += 1
        return f(x)

    found = compare_derivatives(counted, X)
    assert sum(way.evaluations for way in found.ways) == calls - 1
    assert [found[name].evaluations for name in WAYS[-3:]] == [1, 1, 1]
    assert [found[name].remark for name in WAYS[-3:-1]] == ["3 sweeps", "2 sweeps"]
    assert found["symbolic"].remark.endswith(" operations")


def test_without_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    found = compare_derivatives(f, X)
    assert found.reference == "reverse mode, in float64"
    assert found["symbolic"].value is None
    assert found["symbolic"].remark == "wants SymPy; pip install 'stepgrad[notebooks]'"
    assert found["reverse mode"].error == 0
    assert "errors against reverse mode, in float64" in repr(found)


def test_a_way_that_does_not_go_through_says_why() -> None:
    found = compare_derivatives(lambda x: abs(x).sum() + ag.arctan2(x, 1).sum(), X)
    assert "'arctan2' has no symbolic form" in found["symbolic"].remark
    assert "'abs' drops" in found["complex-step"].remark or "arctan2" in found["complex-step"].remark
    assert found["complex-step"].value is found["complex-step"].error is None
    assert found["adaptive"].error < 1e-10


def test_the_table_as_text() -> None:
    lines = repr(compare_derivatives(f, X)).splitlines()
    assert lines[0].split()[:4] == ["way", "value", "at", "[0,"]
    assert [line.split("  ")[0] for line in lines[2:-1]] == WAYS
    assert lines[-1] == "errors against the symbolic derivative, to 30 digits"


def test_the_table_as_html() -> None:
    class Cells(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[str] = []
            self.texts: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.tags.append(tag)

        def handle_data(self, data: str) -> None:
            self.texts.append(data)

    cells = Cells()
    cells.feed(compare_derivatives(lambda x: abs(x), -2.0)._repr_html_())
    assert cells.tags.count("tr") == len(WAYS) + 1
    assert cells.tags.count("td") == 7 * len(WAYS)
    assert set(WAYS) <= set(cells.texts)


@pytest.mark.parametrize("x", [2, 2.0, ag.tensor([1.0, 2.0]), np.ones((0,)), np.ones((2, 2), np.float32)])
def test_of_anything_like_an_array(x) -> None:
    found = compare_derivatives(lambda x: x * x, x)
    assert repr(found)
    assert all(way.error is not None and way.error < 1e-6 for way in found.ways)


def test_what_f_raises_goes_up() -> None:
    def broken(x: ag.Tensor) -> ag.Tensor:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        compare_derivatives(broken, X)


def test_f_has_to_return_a_tensor() -> None:
    with pytest.raises(TypeError, match="compare_derivatives: the function has to return a Tensor, got float"):
        compare_derivatives(lambda x: 1.0, X)


def test_an_unknown_way() -> None:
    with pytest.raises(KeyError, match="'backward' is none of adaptive, central"):
        compare_derivatives(f, X)["backward"]


def test_a_checkpoint_has_no_symbolic_form() -> None:
    found = compare_derivatives(lambda x: ag.checkpoint(ag.sin, x).sum(), X)
    np.testing.assert_allclose(found["reverse mode"].value, np.cos(X))
    assert "'checkpoint' has no symbolic form" in str(found)
