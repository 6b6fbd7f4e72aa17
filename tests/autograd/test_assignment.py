"""Assignment and in-place operators, recorded and not; `autograd.ops.assignment`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, tensor

IN_PLACE = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ifloordiv,
    operator.imod,
    operator.ipow,
]


@pytest.mark.parametrize("operate", IN_PLACE)
def test_operators_write_where_nothing_is_recorded(operate: Callable[[Any, Any], Any]) -> None:
    x = tensor([5.0, 7.5, 9.0], requires_grad=True)
    alias, array = x, x.data
    with ag.no_grad():
        x = operate(x, 2.0)
    assert x is alias
    assert x.data is array
    np.testing.assert_array_equal(array, operate(np.array([5.0, 7.5, 9.0], np.float32), 2.0))


@pytest.mark.parametrize("operate", IN_PLACE)
def test_operators_are_recorded(operate: Callable[[Any, Any], Any]) -> None:
    w = tensor([2.0, 3.0, 4.0], dtype=np.float64, requires_grad=True)
    x = tensor([5.0, 7.5, 9.0], dtype=np.float64, requires_grad=True)
    y = x.clone()
    alias = y
    y = operate(y, w)
    assert y is alias
    y.sum().backward()
    out_of_place = {
        operator.iadd: operator.add,
        operator.isub: operator.sub,
        operator.imul: operator.mul,
        operator.itruediv: operator.truediv,
        operator.ifloordiv: operator.floordiv,
        operator.imod: operator.mod,
        operator.ipow: operator.pow,
    }[operate]
    expected = ag.gradients(out_of_place(x, w).sum(), [x, w])
    np.testing.assert_array_equal(x.grad.data, expected[0].data)
    np.testing.assert_array_equal(w.grad.data, expected[1].data)


@pytest.mark.parametrize("operate", [operator.iand, operator.ior, operator.ixor])
def test_bitwise_operators_write(operate: Callable[[Any, Any], Any]) -> None:
    mask = tensor([True, False, True])
    view = mask[1:]
    view = operate(view, np.array([True, True]))
    np.testing.assert_array_equal(mask.data[1:], operate(np.array([False, True]), np.array([True, True])))


def test_writing_into_one_part_and_reading_another() -> None:
    """The same loop in PyTorch, where each write changes memory, gives the same gradients."""
    torch = pytest.importorskip("torch")
    start = np.array([0.3, -0.7, 1.1])
    found = []
    for lib, x in (
        (ag, tensor(start, requires_grad=True)),
        (torch, torch.tensor(start, requires_grad=True)),
    ):
        y = x * 1.0
        y[0] = lib.sin(y[1].clone()) * y[2].clone()
        y[1:] *= 2.0
        y[-1] += y[0].clone()
        y += x
        (y * y).sum().backward()
        found.append(np.asarray(x.grad.data))
    np.testing.assert_allclose(*found)


@pytest.mark.parametrize(
    "part",
    [
        lambda x: x[0],
        lambda x: x[:, 1:],
        lambda x: ag.split(x, 2)[1],
        lambda x: next(iter(x)),
        lambda x: x.view(-1),
        lambda x: x.T,
        lambda x: x[...],
    ],
)
@pytest.mark.parametrize("tracked", [False, True])
def test_a_recorded_write_that_would_not_reach_the_whole_is_refused(
    part: Callable[[Tensor], Tensor], tracked: bool
) -> None:
    w = tensor(5.0, requires_grad=True)
    x = tensor(np.zeros((2, 3)), requires_grad=tracked) * 1.0
    with pytest.raises(RuntimeError, match=r"setitem: this tensor is a view of another one.*x\[i, j\] = "):
        part(x)[0] = w
    with ag.no_grad():
        part(x)[0] = w
    assert (x.data == 5).any()
    copy = part(x).clone()
    copy[0] = w
    assert copy.requires_grad


@pytest.mark.parametrize("tracked", [False, True])
def test_a_view_of_what_nobody_else_holds_takes_a_recorded_write(tracked: bool) -> None:
    w = tensor(5.0, requires_grad=True)
    made = tensor(np.zeros(6), requires_grad=tracked) * 1.0
    x = made.reshape(2, 3)
    with pytest.raises(RuntimeError, match="setitem: this tensor is a view of another one"):
        x[0] = w
    del made
    x[0] = w * 2
    assert x.tolist() == [[10, 10, 10], [0, 0, 0]]
    x.sum().backward()
    assert w.grad is not None
    assert w.grad.item() == 6


def test_retained_gradients_are_those_of_the_latest_value() -> None:
    x = tensor(2.0, requires_grad=True)
    h = x * x
    h.retain_grad()
    h += 1.0
    assert h.retains_grad
    (h * 3.0).backward()
    assert h.grad.item() == 3


def test_a_hook_stays_with_the_value_it_was_registered_on() -> None:
    torch = pytest.importorskip("torch")
    seen = []
    for make in (tensor, torch.tensor):
        x = make(2.0, requires_grad=True)
        h = x * x
        h.register_hook(lambda g: seen.append(g.item()))
        h *= 2.0
        (h * 3.0).backward()
    assert seen == [6, 6]


def test_a_recorded_write_keeps_the_name_and_refuses_an_index_out_of_range() -> None:
    h = tensor([1.0, 2.0], requires_grad=True) * 1.0
    h.name = "h"
    h[0] = 5.0
    assert h.node is not None
    assert h.node.name == "h"
    with pytest.raises(IndexError, match=r"setitem: index 2 is out of bounds.*x\[2\] with x of shape \(2,\)"):
        h[2] = 5.0


def test_windows_that_do_not_overlap_can_be_written_only_as_a_copy() -> None:
    windows = ag.sliding_windows(tensor(np.arange(6.0)), (2,), stride=(2,))
    with pytest.raises(ValueError, match=r"setitem: .*clone"):
        windows[0] = 5.0
    copy = windows.clone()
    copy[0] = 5.0
    assert copy.data[0].tolist() == [5, 5]


def test_a_write_keeps_a_retained_gradient() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    h.retain_grad()
    h.sum().backward(retain_graph=True)
    h[0] = 5.0
    assert h.grad.tolist() == [1, 1]
    (h * h).sum().backward()
    assert h.grad.tolist() == [11, 9]


@pytest.mark.parametrize(
    "view",
    [
        lambda h: ag.flip(h, 0),
        lambda h: ag.split(h, 1)[0],
        lambda h: ag.chunk(h, 1)[0],
        lambda h: ag.unstack(h.reshape(1, 3))[0],
        lambda h: ag.pad(h, 0),
    ],
)
def test_every_view_is_refused_while_it_is_recorded(view: Callable[[Tensor], Tensor]) -> None:
    h = tensor([1.0, 2.0, 3.0], requires_grad=True) * 1.0
    with pytest.raises(RuntimeError, match="view"):
        view(h)[0] = 7.0
    assert h.tolist() == [1, 2, 3]
