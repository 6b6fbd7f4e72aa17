"""Repetition: tile and repeat. Both are linear; the adjoint sums the copies."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.layout import repeated
from autograd.ops.assignment import clone
from autograd.ops.axes import normalize_axis, shape_of
from autograd.ops.shaping import broadcast_to, integer, ravel, reshape
from autograd.primitive import Operand, linear
from autograd.tensor import Tensor

__all__ = ["repeat", "tile"]

# Up to so many strided steps are quicker than NumPy's own way.
_FEW = 8


def tile(x: Operand, reps: int | Sequence[int]) -> Tensor:
    """`x` as a tile, laid `reps` times along each axis (an int: along the last; missing axes and counts are 1). A copy.

    Raises ValueError for a negative count.

    Derivative: x̄ += ȳ, summed over the tiles.

    >>> tile(tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    counts = tuple(integer("tile", "reps", r) for r in (reps if isinstance(reps, (tuple, list)) else (reps,)))
    if min(counts, default=0) < 0:
        raise ValueError(f"tile: reps cannot be negative, got {counts}")
    shape = shape_of(x)
    shape = (1,) * (len(counts) - len(shape)) + shape
    counts = (1,) * (len(shape) - len(counts)) + counts
    if all(count == 1 for count in counts):
        return clone(reshape(x, shape))
    apart = tuple(chain.from_iterable((1, n) for n in shape))
    laid = tuple(chain.from_iterable(zip(counts, shape)))
    tiles: Any = broadcast_to(reshape(x, apart), laid)
    return reshape(tiles, tuple(count * n for count, n in zip(counts, shape)))


def repeat(x: Operand, repeats: int | Sequence[int] | Array, axis: int | None = None) -> Tensor:
    """Each element along `axis` `repeats` times in a row; with `axis` None, of the flattened tensor.

    `repeats` is an int, or as many as the axis has elements. Raises ValueError if it is negative or does not fit,
    AxisError for an axis that `x` does not have.

    Derivative: x̄ += ȳ, summed over the copies.

    >>> repeat(tensor([1.0, 2.0]), 2)
    tensor([1., 1., 2., 2.])
    >>> repeat(tensor([1.0, 2.0]), [1, 3])
    tensor([1., 2., 2., 2.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    shape = shape_of(x)
    axis = normalize_axis("repeat", axis, len(shape))
    counts = np.array(repeats)
    if counts.dtype.kind not in "iu" and counts.size:
        raise TypeError(f"repeat: repeats have to be integers, got {repeats}")
    if counts.ndim > 1 or (counts.ndim == 1 and counts.shape not in ((1,), (shape[axis],))):
        raise ValueError(
            f"repeat: repeats have to be an int or {shape[axis]} of them, for axis {axis} of shape {shape}; "
            f"got shape {counts.shape}"
        )
    if (counts < 0).any():
        raise ValueError(f"repeat: repeats cannot be negative, got {repeats}")
    return _repeat(x, np.broadcast_to(counts.astype(np.intp), shape[axis : axis + 1]), axis)


@linear(lambda g, counts, axis: _add_repeats(g, counts, axis))
def _repeat(x: Array, counts: Array, axis: int) -> Any:
    x = np.asarray(x)
    if counts.size and counts.strides == (0,) and 0 < counts[0] <= _FEW:
        return repeated(x, int(counts[0]), axis)
    return np.repeat(x, counts, axis)


@linear(lambda g, counts, axis: _repeat(g, counts, axis))
def _add_repeats(x: Array, counts: Array, axis: int) -> Any:
    """Sums of consecutive runs along an axis, the k-th of `counts[k]` elements.

    Derivative: x̄ += repeat(ȳ, counts, axis).
    """
    along: tuple[Any, ...] = (slice(None),) * axis
    step = counts.max(initial=0)
    if 0 < step <= _FEW and counts.min() == step:
        # A few strided additions: some fifteen times as fast as reduceat.
        return functools.reduce(np.add, (x[(*along, slice(k, None, step))] for k in range(step)))
    y = np.zeros((*x.shape[:axis], len(counts), *x.shape[axis + 1 :]), x.dtype)
    filled = counts > 0
    if filled.any():
        y[(*along, filled)] = np.add.reduceat(x, (np.cumsum(counts) - counts)[filled], axis)
    return y
