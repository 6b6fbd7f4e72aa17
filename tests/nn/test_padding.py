"""Padding: PyTorch's values and gradients over drawn widths, and its restrictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

TF = torch.nn.functional


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def zeros(*shape: int) -> ag.Tensor:
    return ag.tensor(np.zeros(shape, np.float32))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_pad(data: Any) -> None:
    """Where PyTorch refuses, so do we, and nowhere else."""
    n = data.draw(st.integers(1, 3))
    shape = (*data.draw(st.sampled_from([(2, 3), (3,), (0, 2)])), *(data.draw(st.integers(1, 5)) for _ in range(n)))
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    count = data.draw(st.integers(0, len(shape))) if mode == "constant" else n
    widths = tuple(data.draw(st.integers(-3, 5)) for _ in range(2 * count))
    given = {"mode": mode}
    if mode == "constant":
        given["value"] = data.draw(st.sampled_from([None, 0, 2.5]))
    for length, before, after in zip(shape[::-1], widths[::2], widths[1::2], strict=False):
        assume(mode == "constant" or length + before + after > 0)  # else PyTorch is of two minds
        if mode == "circular":  # PyTorch would read what it has not written yet
            assume(max(before, after) <= max(length + min(before, 0) + min(after, 0), 0) or max(before, after) > length)
    x = normal(*shape)
    try:
        TF.pad(torch.tensor(x), widths, **given)
    except RuntimeError:
        with pytest.raises(ValueError, match="pad: "):
            F.pad(ag.tensor(x), widths, **given)
        return
    compare_functions(lambda t: F.pad(t, widths, **given), lambda t: TF.pad(t, widths, **given), x)


LAYERS = [
    ("ConstantPad1d", (2, 3.5), (2, 3, 5)),
    ("ConstantPad2d", ((1, -2, 3, 0), -1), (3, 5, 6)),
    ("ConstantPad3d", (1, 0.5), (2, 3, 2, 3, 4)),
    ("ZeroPad1d", (1,), (3, 5)),
    ("ZeroPad2d", ((1, 2, 3, -4),), (2, 3, 5, 6)),
    ("ZeroPad3d", (1,), (2, 3, 2, 3, 4)),
    ("ReflectionPad1d", (2,), (2, 3, 5)),
    ("ReflectionPad2d", ((1, 2, 0, 4),), (2, 3, 5, 6)),
    ("ReflectionPad3d", (1,), (3, 2, 3, 4)),
    ("ReplicationPad1d", ((3, 7),), (2, 3, 5)),
    ("ReplicationPad2d", (2,), (3, 5, 6)),
    ("ReplicationPad3d", ((1, 2, 0, 3, 1, 1),), (2, 3, 2, 3, 4)),
    ("CircularPad1d", ((5, 0),), (2, 3, 5)),
    ("CircularPad2d", (2,), (3, 5, 6)),
    ("CircularPad3d", ((1, 2, 0, 3, 1, 1),), (2, 3, 2, 3, 4)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), LAYERS)
def test_layer(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    compare_modules(getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments), normal(*shape))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_derivatives_of_any_order(mode: str) -> None:
    check_derivatives(lambda x: F.pad(x * x, (2, -1, 1, 2), mode), normal(2, 3, 4))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_float32_stays(mode: str) -> None:
    x = ag.tensor(normal(2, 3, 4).astype(np.float32), requires_grad=True)
    y = F.pad(x, (1, 2), mode)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32


ERRORS = [
    (lambda: F.pad(zeros(2, 3), (1, 2, 3)), r"pad: wants two widths for each of at most 2 axes, got \(1, 2, 3\)"),
    (lambda: F.pad(zeros(3), (1, 2, 3, 4)), r"pad: wants two widths for each of at most 1 axes, got \(1, 2, 3, 4\)"),
    (lambda: F.pad(zeros(2, 3), 1), "pad: pad has to be a sequence of ints, got 1"),
    (lambda: F.pad(zeros(2, 3), (1, 0.5)), r"pad: pad has to be a sequence of ints, got \(1, 0.5\)"),
    (lambda: F.pad(zeros(2, 3), (1, -5)), r"pad: \(1, -5\) crops more than there is of length 3; .* \(2, 3\)"),
    (lambda: F.pad(zeros(2, 3), (1, 1), "mirror"), "pad: mode is one of constant, reflect, .*; got 'mirror'"),
    (lambda: F.pad(zeros(2, 3), (1, 1), "reflect", 1), "pad: mode 'reflect' takes no value, got 1"),
    (lambda: F.pad(zeros(2, 3), (1, 1, 1, 1), "reflect"), r"pad: mode 'reflect' wants .* for shape \(2, 3\)"),
    (
        lambda: nn.ReflectionPad2d(3)(zeros(1, 1, 3, 4)),
        r"pad: mode 'reflect' can continue length 3 by at most 2, got \(3, 3\) for shape \(1, 1, 3, 4\)",
    ),
    (lambda: nn.CircularPad1d(4)(zeros(1, 3)), "pad: mode 'circular' can continue length 3 by at most 3"),
    (
        lambda: nn.ReplicationPad1d(1)(zeros(1, 0)),
        "pad: mode 'replicate' has nothing to continue from in an empty axis",
    ),
    (lambda: nn.ZeroPad2d((1, 2, 3)), r"ZeroPad2d: padding has to be an int or 4 ints, got \(1, 2, 3\)"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("widths", [(0, 0), (0, -1)])
def test_a_padding_of_nothing_is_a_copy(widths: tuple[int, int]) -> None:
    x = ag.ones((1, 4))
    F.pad(x, widths).zero_()
    assert (x == 1).all()
