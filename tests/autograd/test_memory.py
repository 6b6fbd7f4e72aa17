"""Stamps on written memory, and the stale graphs they reveal; gradients own their memory; threads."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, memory, tensor


def written(x: Tensor, how: str) -> None:
    with ag.no_grad():
        if how == "+=":
            x += 1.0
        elif how == "**=":
            x **= 2.0
        elif how == "setitem":
            x[0] = 9.0
        elif how == "view of a view":
            x.reshape(2, 2)[1][:1][0] = 9.0
        elif how == "transposed":
            x.reshape(2, 2).T[0] = 9.0
        elif how == "detached":
            x.detach().zero_()
        elif how == "copy_":
            x.copy_(-x)


@pytest.mark.parametrize("how", ["+=", "**=", "setitem", "view of a view", "transposed", "detached", "copy_"])
def test_a_write_between_forward_and_a_sweep_is_an_error(how: str) -> None:
    x = tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = ag.sin(x).sum()
    written(x, how)
    with pytest.raises(
        RuntimeError, match=r"backward: an array that 'sin' saved .* was written into .*test_memory\.py"
    ):
        y.backward()


def test_a_write_before_the_operation_is_no_error() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    written(x, "+=")
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [4, 6])


def test_a_saved_view_is_stale_once_what_it_views_was_written() -> None:
    x = tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = ag.sin(x.reshape(2, 2)).sum()
    written(x, "setitem")
    with pytest.raises(RuntimeError, match="an array that 'sin' saved"):
        y.backward()


def test_memory_is_read_only_again_after_a_write() -> None:
    x = tensor([1.0, 2.0, 3.0, 4.0])
    x.reshape(2, 2).write(0.0, 0)
    assert not x.array.flags.writeable
    with pytest.raises(ValueError, match="a view of windows cannot be written through"):
        ag.sliding_windows(x, 2).write(9.0)
    assert not x.array.flags.writeable
    np.testing.assert_array_equal(x.data, [0, 0, 3, 4])


def test_forward_mode_notices_too() -> None:
    def f(x: Tensor) -> Tensor:
        h = x * 1.0
        y = h * h
        written(h, "+=")
        return y

    with pytest.raises(RuntimeError, match="an array that 'multiply' saved"):
        ag.jvp(f, [np.ones(2)], [np.ones(2)])


def test_assigning_data_leaves_the_graph_with_the_old_values() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    x.data = np.array([5.0, 6.0])
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [2, 4])


def test_stamps_go_with_the_memory() -> None:
    x = tensor(np.ones(4))
    key = id(memory.owner(x.array))
    x.write(2.0, 0)
    assert key in memory._stamps
    del x
    assert key not in memory._stamps


def test_owner_of_memory_that_is_not_numpys() -> None:
    base = np.frombuffer(bytearray(8), np.uint8)
    assert memory.owner(base[2:4][1:]) is base


@pytest.mark.parametrize(
    ("array", "overlaps"),
    [
        (np.ones((3, 2)), False),
        (np.ones((3, 2)).T[::-1], False),
        (np.broadcast_to(np.ones(1), (3,)), True),
        (np.broadcast_to(np.ones(1), (1,)), False),
        (np.broadcast_to(np.ones((1, 0)), (3, 0)), False),
        (np.lib.stride_tricks.sliding_window_view(np.ones(4), 2), True),
    ],
)
def test_overlaps_itself(array: np.ndarray, overlaps: bool) -> None:
    assert memory.overlaps_itself(array) is overlaps


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, a: x * a,
        lambda x, a: a / x,
        lambda x, a: x * a.T[::-1],
        lambda x, a: x @ a,
        lambda x, a: ag.where(a > 1, x, a) * a,
        lambda x, a: ag.einsum("ij,jk->ik", x, a),
        lambda x, a: ag.maximum(x, a) ** 2,
        lambda x, a: ag.checkpoint(lambda x, a: x * a, x, a),
        lambda x, a: x * np.broadcast_to(a[0], (3, 3)),
    ],
)
def test_a_users_array_may_be_written_after_it_was_used(operation: Callable[[Tensor, np.ndarray], Tensor]) -> None:
    rng = np.random.default_rng(0)
    start, values = rng.uniform(0.5, 1.5, (3, 3)), rng.uniform(0.5, 1.5, (3, 3))
    found = []
    for write in (False, True):
        x, array = tensor(start, requires_grad=True), values.copy()
        y = operation(x, array)
        if write:
            array[...] = 0
        y.sum().backward()
        found.append(x.grad.data)
    np.testing.assert_array_equal(*found)


def test_gradients_of_a_recorded_pass_share_nothing() -> None:
    a, b = tensor([1.0, 2.0], requires_grad=True), tensor([3.0, 4.0], requires_grad=True)
    seed = ag.ones(2)
    (a + b).backward(seed, create_graph=True)
    assert a.grad is not b.grad
    with ag.no_grad():
        a.grad *= 5.0
    np.testing.assert_array_equal(b.grad.data, [1, 1])
    np.testing.assert_array_equal(seed.data, [1, 1])


def test_a_gradient_that_shares_memory_with_itself_is_replaced() -> None:
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    x.grad = ag.broadcast_to(tensor(1.0), (3,))
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [3, 5, 7])


def test_threads_accumulate_into_one_leaf() -> None:
    x = tensor(np.ones(20_000), requires_grad=True)

    def work() -> None:
        for _ in range(20):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(x.grad.tolist()) == {120.0}


def failing(x: Tensor) -> None:
    h = x * x
    h.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match="register_hook"):
        (h * 2).sum().backward()


@pytest.mark.parametrize(
    "use",
    [
        lambda x: (x * x).sum().backward(),
        lambda x: ag.checkpoint(lambda x: ag.sin(x) * x, x).sum().backward(),
        lambda x: ag.gradients(ag.checkpoint(ag.sin, x).sum(), x, create_graph=True)[0].sum().backward(),
        lambda x: ag.hessian(lambda z: (z * z * x).sum())(np.ones(2)),
        failing,
    ],
    ids=["backward", "checkpoint", "checkpoint twice", "hessian", "exception"],
)
def test_nothing_needs_the_collector(use: Callable[[Tensor], None]) -> None:
    gc.collect()
    gc.disable()
    try:
        x = tensor([1.0, 2.0], requires_grad=True)
        node = weakref.ref(x.node)
        use(x)
        del x
        assert node() is None
    finally:
        gc.enable()


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.parametrize(
    "given",
    [
        lambda array: array,
        lambda array: [array.tolist()[0], array.tolist()[1]],
        lambda array: [array],
        lambda array: (array, 1),
        lambda array: {"k": array},
        lambda array: Pair(array, [array]),
    ],
)
def test_what_a_checkpoint_is_given_may_be_written_into_afterwards(given: Callable[[Any], Any]) -> None:
    array = np.array([1.0, 2.0])
    argument = given(array)

    def scaled(x: ag.Tensor, a: Any) -> ag.Tensor:
        factor = a["k"] if isinstance(a, dict) else a.first if isinstance(a, Pair) else a
        return x * np.asarray(factor[0] if isinstance(factor, tuple) else factor).reshape(2)

    x = ag.tensor([1.0, 1.0], requires_grad=True)
    y = ag.checkpoint(scaled, x, argument)
    array[:] = 9
    if isinstance(argument, list):
        argument[0] = 7.0
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 2]


def test_a_deep_copy_has_a_gradient_of_its_own() -> None:
    w = ag.tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    copied = copy.deepcopy(w)
    assert w.grad is not None
    assert copied.grad is not None
    w.grad.zero_()
    assert copied.grad.tolist() == [2, 4]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # NumPy's, of PyTorch's __array__
@pytest.mark.parametrize("op", [ag.multiply, ag.divide, ag.power, ag.matmul, ag.maximum, ag.subtract])
def test_arrays_of_other_libraries_are_taken_and_kept_as_numpys(op: Callable[[Any, Any], ag.Tensor]) -> None:
    torch = pytest.importorskip("torch")
    array = np.array([2.0, 3.0, 4.0])
    found = []
    for other in (array.copy(), torch.tensor(array)):
        x = ag.tensor([1.0, 1.5, 0.5], requires_grad=True)
        y = op(x, other).sum()
        other *= 0
        y.backward()
        found.append(x.grad.data)
    np.testing.assert_array_equal(*found)
