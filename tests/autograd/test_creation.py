"""Creation functions, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd.dtypes import get_default_dtype
from autograd.ops import creation
from autograd.tensor import Tensor, tensor


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: creation.zeros(2, 3), np.zeros((2, 3), "f")),
        (lambda: creation.zeros((2, 3)), np.zeros((2, 3), "f")),
        (lambda: creation.zeros([2, 0]), np.zeros((2, 0), "f")),
        (lambda: creation.zeros(), np.zeros((), "f")),
        (lambda: creation.zeros(np.int64(2), tensor(3)), np.zeros((2, 3), "f")),
        (lambda: creation.ones(2, dtype=np.float64), np.ones(2)),
        (lambda: creation.ones((), dtype=bool), np.ones((), bool)),
        (lambda: creation.full((2,), 3), np.full(2, 3)),
        (lambda: creation.full(2, 3.0), np.full(2, 3, "f")),
        (lambda: creation.full((2, 2), True), np.full((2, 2), True)),
        (lambda: creation.full((2, 2), np.array([1.0, 2.0])), np.array([[1.0, 2.0]] * 2)),
        (lambda: creation.full((2,), tensor(1.5)), np.full(2, 1.5, "f")),
        (lambda: creation.full((2,), 1, dtype="f"), np.ones(2, "f")),
        (lambda: creation.arange(4), np.arange(4)),
        (lambda: creation.arange(4.0), np.arange(4, dtype="f")),
        (lambda: creation.arange(5, 0, -2), np.arange(5, 0, -2)),
        (lambda: creation.arange(0, 1, 0.1), np.arange(0, 1, 0.1).astype("f")),
        (lambda: creation.arange(3, dtype=np.float64), np.arange(3.0)),
        (lambda: creation.arange(3, 1), np.arange(3, 1)),
        (lambda: creation.linspace(0, 1), np.linspace(0, 1).astype("f")),
        (lambda: creation.linspace(1, 0, 4, endpoint=False), np.linspace(1, 0, 4, endpoint=False).astype("f")),
        (lambda: creation.linspace(0, 1, 0), np.zeros(0, "f")),
        (lambda: creation.linspace(0, 1, 7, dtype=np.float64), np.linspace(0, 1, 7)),
        (lambda: creation.eye(3), np.eye(3, dtype="f")),
        (lambda: creation.eye(2, 3, 1, dtype=int), np.eye(2, 3, 1, int)),
        (lambda: creation.zeros_like(tensor([1, 2])), np.zeros(2, int)),
        (lambda: creation.zeros_like(np.ones(2), dtype="f"), np.zeros(2, "f")),
        (lambda: creation.zeros_like(np.float64(3)), np.zeros(())),
        (lambda: creation.ones_like([[1.0]]), np.ones((1, 1), "f")),
        (lambda: creation.full_like(tensor([1.0, 2.0]), 7), np.full(2, 7, "f")),
        (lambda: creation.full_like(np.ones(2), tensor(7)), np.full(2, 7.0)),
        (lambda: np.zeros_like(tensor([1.0])), np.zeros(1, "f")),
        (lambda: np.ones_like(tensor([1, 2]), dtype=float), np.ones(2)),
        (lambda: np.full_like(tensor([1, 2]), 3), np.full(2, 3)),
        (lambda: creation.from_numpy(np.arange(2.0)), np.arange(2.0)),
        (lambda: creation.as_tensor(np.arange(2.0)), np.arange(2.0)),
        (lambda: creation.as_tensor([1.0], dtype=int), np.array([1])),
    ],
)
def test_values_and_dtypes(made: Callable[[], Tensor], expected: np.ndarray) -> None:
    found = made()
    assert isinstance(found, Tensor)
    assert not found.requires_grad
    np.testing.assert_array_equal(found.data, expected, strict=True)


def test_the_default_dtype_is_float32() -> None:
    assert get_default_dtype() == np.float32


def test_requires_grad() -> None:
    for made in (
        creation.zeros(2, requires_grad=True),
        creation.full((2,), 1.0, requires_grad=True),
        creation.arange(2.0, requires_grad=True),
        creation.ones_like(np.zeros(2), requires_grad=True),
    ):
        assert made.requires_grad
        assert made.is_leaf
    with pytest.raises(TypeError, match="only floating-point tensors can require grad"):
        creation.arange(2, requires_grad=True)


def test_what_is_like_a_recorded_tensor_has_no_history() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    assert not np.zeros_like(x * x).requires_grad


def test_as_tensor_keeps_a_tensor() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    assert creation.as_tensor(x) is x
    assert creation.as_tensor(x, dtype=np.float32) is x
    cast = creation.as_tensor(x, dtype=np.float64)
    assert cast.dtype == np.float64
    cast.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_nothing_is_shared_with_an_array() -> None:
    array = np.zeros(2)
    made = creation.from_numpy(array), creation.as_tensor(array)
    array[:] = 1
    assert all(t.tolist() == [0, 0] for t in made)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: creation.zeros(2.0), TypeError, r"zeros: lengths have to be integers, got \(2.0,\)"),
        (lambda: creation.ones((2, -1)), ValueError, r"ones: lengths must not be negative, got \(2, -1\)"),
        (lambda: creation.full("ab", 0), TypeError, r"full: lengths have to be integers"),
        (lambda: creation.arange(0, 1, 0), ValueError, r"arange: the step from 0 to 1 must not be 0"),
        (lambda: creation.linspace(0, 1, -1), ValueError, r"linspace: lengths must not be negative, got \(-1,\)"),
        (lambda: creation.eye(-1), ValueError, r"eye: lengths must not be negative"),
        (lambda: creation.from_numpy([1.0]), TypeError, r"from_numpy: wants an ndarray, got list"),
    ],
)
def test_errors(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_filling_with_a_number_does_not_round_it_to_the_default_dtype() -> None:
    assert creation.full_like(tensor(np.zeros(2)), 0.3).numpy()[0] == 0.3
    assert creation.full((2,), 0.3, dtype=np.float64).numpy()[0] == 0.3
    assert creation.full((2,), 0.3).dtype == np.float32


def test_doubles_stay_doubles() -> None:
    double, single = tensor(np.float64(0.1)), tensor(0.1)
    assert tensor([double, double]).dtype == np.float64
    assert tensor([double, double]).tolist() == [0.1, 0.1]
    assert tensor([single, 0.5]).dtype == np.float32

    class Foreign:
        """An array of another library, as NumPy sees it."""

        dtype = "torch.float64"

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.array([0.1])

    assert tensor(Foreign()).dtype == np.float64


@pytest.mark.parametrize("fill", [lambda v: creation.full((2,), v), lambda v: creation.full_like(np.ones(2), v)])
def test_filling_with_what_is_tracked_would_lose_its_history(fill: Any) -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="would lose its history"):
        fill(x[1])
    assert fill(x.detach()[1]).tolist() == [2, 2]


@pytest.mark.parametrize("dtype", [None, "float32", np.float64, int])
@pytest.mark.parametrize("value", [[1.0, None], "1.5", None, b"1", np.array(["a"]), np.array([None, 1.0])])
def test_what_are_no_numbers_is_refused_with_any_dtype(value: Any, dtype: Any) -> None:
    with pytest.raises(TypeError, match="tensor: wants numbers or booleans, got"):
        tensor(value, dtype=dtype)


@pytest.mark.parametrize("dtype", [None, "float32"])
def test_ragged_lists_with_any_dtype(dtype: Any) -> None:
    with pytest.raises(ValueError, match="tensor: wants numbers, or lists of equal lengths"):
        tensor([[1.0], [1.0, 2.0]], dtype=dtype)


def test_integers_that_a_dtype_does_not_have() -> None:
    with pytest.raises(OverflowError):
        tensor([256], dtype=np.uint8)
    assert tensor([2**63], dtype=np.uint64).tolist() == [2**63]


def test_a_copy_without_history_warns() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match=r"tensor: the copy of a tensor that requires grad has no history") as caught:
        y = tensor(2 * x)
    assert (caught[0].filename, y.tolist(), y.requires_grad) == (__file__, [2, 4], False)


def test_other_copies_do_not_warn() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    assert tensor(x.detach()).tolist() == tensor(x.data).tolist() == Tensor(x).tolist() == [1, 2]
    assert creation.as_tensor(x) is x


@pytest.mark.parametrize("make", [tensor, Tensor])
def test_a_shape_in_place_of_a_dtype(make: Any) -> None:
    with pytest.raises(TypeError, match=r"tensor: wants a dtype as second argument, got 4; ag.zeros\(3, 4\)"):
        make(3, 4)


def test_requires_grad_is_a_truth_value() -> None:
    x = tensor([1.0])
    with pytest.raises(TypeError, match="requires_grad: wants True or False, got 'False'"):
        x.requires_grad = "False"
    x.requires_grad = np.True_
    assert x.requires_grad is True
