"""Sorting and selection: indices, which have no derivative, and what is taken along an axis with them, which has."""

from __future__ import annotations

import math
from operator import index
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from autograd.dtypes import Array
from autograd.ops.axes import Axis, kept_shape, normalize_axes, normalize_axis, shape_of
from autograd.ops.comparison import isnan
from autograd.ops.elementwise import where
from autograd.ops.indexing import take_along_axis
from autograd.ops.reductions import mean, refuse_empty
from autograd.ops.shaping import moveaxis, reshape
from autograd.primitive import Operand, nondifferentiable
from autograd.tensor import Tensor

__all__ = ["argsort", "median", "sort", "topk"]


def sort(x: Operand, axis: int | None = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """A sorted copy of `x` along `axis`; of the flattened `x` for None. NaNs count as the largest, as in NumPy.

    With `descending` the largest, and NaNs, come first. With `stable`, equal elements keep their order, which matters
    only to where the gradient goes. Raises AxisError for an axis that `x` does not have.

    Derivative: x̄[argsort(x)] += ȳ.

    >>> sort(tensor([3.0, 1.0, 2.0]))
    tensor([1., 2., 3.])
    """
    x, axis = _along("sort", x, axis)
    return take_along_axis(x, _argsort(x, axis, descending, stable), axis)


def argsort(x: Operand, axis: int | None = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort `x` along `axis`, or the flattened `x` for None. NaNs count as the largest, as in NumPy.

    With `descending` the largest, and NaNs, come first. With `stable`, equal elements keep their order. Raises
    AxisError for an axis that `x` does not have. Has no derivative.

    >>> argsort(tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    >>> argsort(tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    return _argsort(*_along("argsort", x, axis), descending, stable)


def _along(op: str, x: Operand, axis: int | None) -> tuple[Any, int]:
    """`x` and an axis of it from 0, flattened if `axis` is None; a 0-d `x` has one axis here."""
    if axis is None or not shape_of(x):
        return reshape(x, -1), normalize_axis(op, axis or 0, 1)
    return x, normalize_axis(op, axis, len(shape_of(x)))


@nondifferentiable()
def _argsort(x: Array, axis: int, descending: bool, stable: bool) -> Any:
    if not descending:
        return np.argsort(x, axis=axis, stable=stable)
    backwards = np.argsort(np.flip(x, axis), axis=axis, stable=stable)
    return np.shape(x)[axis] - 1 - np.flip(backwards, axis)


class TopKResult(NamedTuple):
    """The elements that `topk` chose, and where they are."""

    values: Tensor
    indices: Tensor


def topk(x: Operand, k: SupportsIndex, axis: int | None = -1, largest: bool = True, sorted: bool = True) -> TopKResult:
    """The k largest (or smallest) elements along `axis` and their indices, (values, indices), best first if `sorted`.

    (…, N, …) to (…, k, …). NaNs count as the largest, as in PyTorch. Which of several equal elements are chosen is left
    open. Raises ValueError unless 0 <= k <= N, AxisError for an axis that `x` does not have.

    Derivative: x̄[indices] += v̄alues; the indices have none.

    >>> values, indices = topk(tensor([3.0, 1.0, 4.0, 2.0]), 2)
    >>> values, indices
    (tensor([4., 3.]), tensor([2, 0]))
    """
    x, axis = _along("topk", x, axis)
    n, k = shape_of(x)[axis], index(k)
    if not 0 <= k <= n:
        raise ValueError(f"topk: cannot choose k={k} of the {n} elements along axis {axis} of shape {shape_of(x)}")
    indices = _best(x, k, axis, largest, sorted)
    return TopKResult(take_along_axis(x, indices, axis), indices)


@nondifferentiable()
def _best(x: Array, k: int, axis: int, largest: bool, sorted: bool) -> Any:
    x = np.moveaxis(x, axis, -1)
    n = x.shape[-1]
    if 0 < k < n:
        chosen = np.argpartition(x, n - k if largest else k - 1, axis=-1)
        chosen = chosen[..., n - k :] if largest else chosen[..., :k]
    else:
        chosen = np.broadcast_to(np.arange(k), (*x.shape[:-1], k))
    if sorted:
        order = np.argsort(np.take_along_axis(x, chosen, -1), axis=-1)
        chosen = np.take_along_axis(chosen, np.flip(order, -1) if largest else order, -1)
    return np.moveaxis(chosen, -1, axis)


def median(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element over `axis` (an int, a tuple of ints, or None for all axes).

    Of an even number it is the mean of the two in the middle (PyTorch's `median` takes the lower one). NaN if an
    element is NaN. Raises AxisError for an axis that `x` does not have, ValueError over an empty one.

    Derivative: x̄ += ȳ at the middle element, ȳ / 2 at each of two.

    >>> median(tensor([3.0, 1.0, 2.0]))
    tensor(2.)
    """
    shape = shape_of(x)
    axes = normalize_axes("median", axis, len(shape))
    refuse_empty("median", shape, axes)
    n = math.prod(shape[a] for a in axes)
    kept = [length for a, length in enumerate(shape) if a not in axes]
    ordered = sort(reshape(moveaxis(x, axes, tuple(range(-len(axes), 0))), (*kept, n)))
    middle = mean(ordered[..., (n - 1) // 2 : n // 2 + 1], axis=-1)
    last = ordered[..., -1]
    y = where(isnan(last), last, middle)
    return reshape(y, kept_shape(shape, axes)) if keepdims else y
