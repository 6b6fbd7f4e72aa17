"""Tensors made from nothing: zeros, ones, ranges and the like. They have no history."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array, get_default_dtype, to_array
from autograd.primitive import Operand
from autograd.tensor import Tensor, tensor, wrap

__all__ = [
    "arange",
    "as_tensor",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]

DType = npt.DTypeLike | None


def zeros(*shape: Any, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Zeros; the shape is a tuple or separate ints. Without a `dtype`, of the default dtype.

    Raises TypeError or ValueError for lengths that are not integers from 0.

    >>> zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return made(np.zeros(lengths("zeros", shape), dtype or get_default_dtype()), requires_grad)


def ones(*shape: Any, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Ones; the shape is a tuple or separate ints. Without a `dtype`, of the default dtype.

    Raises TypeError or ValueError for lengths that are not integers from 0.

    >>> ones((3,), dtype=int)
    tensor([1, 1, 1])
    """
    return made(np.ones(lengths("ones", shape), dtype or get_default_dtype()), requires_grad)


def full(shape: Any, fill_value: Operand, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """`fill_value` (or an array of them that broadcasts) in any shape. Without a `dtype`, that of tensor(fill_value).

    Raises TypeError for a `fill_value` that requires grad: `broadcast_to` keeps its history.

    >>> full((2,), 7.0)
    tensor([7., 7.])
    """
    value = np.asarray(fill_value) if isinstance(fill_value, Tensor) else fill_value
    return made(np.full(lengths("full", (shape,)), value, dtype or _array(value).dtype), requires_grad)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: DType = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, … up to but without `stop`; with one argument, 0, 1, … up to it.

    Without a `dtype`, int64 if all three are integers, else the default dtype. Raises ValueError for a step of 0.

    >>> arange(3)
    tensor([0, 1, 2])
    >>> arange(1.0, 2.0, 0.5)
    tensor([1. , 1.5])
    """
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError(f"arange: the step from {start} to {stop} must not be 0")
    values = np.arange(start, stop, step)
    return made(_cast(values, dtype), requires_grad)


def linspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: DType = None, requires_grad: bool = False
) -> Tensor:
    """`num` numbers at equal distances from `start` to `stop`, which is the last of them if `endpoint`.

    Raises ValueError for a negative `num`.

    >>> linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    (count,) = lengths("linspace", (num,))
    return made(_cast(np.linspace(start, stop, count, endpoint), dtype), requires_grad)


def eye(n: int, m: int | None = None, k: int = 0, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """An (n, m) matrix (n, n without `m`) of zeros with ones on the k-th diagonal.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = lengths("eye", (n, n if m is None else m))
    return made(np.eye(rows, columns, k, dtype or get_default_dtype()), requires_grad)


def zeros_like(x: Operand, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Zeros with the shape of a tensor or an array and, without a `dtype`, its dtype.

    >>> zeros_like(tensor([1, 2]))
    tensor([0, 0])
    """
    return made(np.zeros_like(_array(x), dtype), requires_grad)


def ones_like(x: Operand, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """Ones with the shape of a tensor or an array and, without a `dtype`, its dtype.

    >>> ones_like(tensor([1.0, 2.0]))
    tensor([1., 1.])
    """
    return made(np.ones_like(_array(x), dtype), requires_grad)


def full_like(x: Operand, fill_value: Operand, dtype: DType = None, requires_grad: bool = False) -> Tensor:
    """`fill_value` everywhere, with the shape of a tensor or an array and, without a `dtype`, its dtype.

    >>> full_like(tensor([1.0, 2.0]), 7)
    tensor([7., 7.])
    """
    value = np.asarray(fill_value) if isinstance(fill_value, Tensor) else fill_value
    return made(np.full_like(_array(x), value, dtype), requires_grad)


def as_tensor(x: Any, dtype: DType = None) -> Tensor:
    """A tensor as it is (cast, recorded, if it has another `dtype`); anything else as `tensor(x, dtype)`, a copy.

    >>> x = tensor([1.0])
    >>> as_tensor(x) is x
    True
    >>> as_tensor([1, 2])
    tensor([1, 2])
    """
    if not isinstance(x, Tensor):
        return tensor(x, dtype)
    return x if dtype is None or x.dtype == np.dtype(dtype) else x.astype(dtype)


def from_numpy(array: Array) -> Tensor:
    """A tensor holding a copy of an array, of the same dtype: unlike PyTorch's, it shares no memory with the array.

    Raises TypeError for anything but an array.

    >>> from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: wants an ndarray, got {type(array).__name__}")
    return tensor(array)


def lengths(op: str, shape: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as separate ints or as one tuple, checked."""
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    try:
        checked = tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"{op}: lengths have to be integers, got {given}") from None
    if any(n < 0 for n in checked):
        raise ValueError(f"{op}: lengths must not be negative, got {checked}")
    return checked


def made(array: Any, requires_grad: bool) -> Tensor:
    """A tensor around a new array."""
    return wrap(array).requires_grad_() if requires_grad else wrap(array)


def _array(x: Any) -> Array:
    if isinstance(x, Tensor):
        return x.array
    return x if isinstance(x, np.ndarray) else to_array(x)


def _cast(values: Array, dtype: DType) -> Array:
    """Values that were computed in float64 or int64, in the dtype asked for."""
    if dtype is None and values.dtype.kind == "f":
        dtype = get_default_dtype()
    return values if dtype is None else values.astype(dtype, copy=False)
