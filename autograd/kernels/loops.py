"""Elementwise work on large arrays: in pieces, arranged as memory lies, shared over threads.

The pieces are large, since threads hand Python's lock to each other between NumPy's calls: with pieces of 16,384
elements two threads were three times as slow as one, with 262,144 they take little more than half the time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.threads import share

Ints = tuple[int, ...]

# Elements from which sharing pays: for what takes longer than a few additions, and for what does not.
LARGE, VERY_LARGE = 1 << 18, 1 << 20
PIECE = 1 << 18  # elements, about, at most: the pieces are of like size, and even in number
LONG = 1 << 13  # elements of NumPy's buffer: a broadcast operand is copied into it if rows are shorter, at each use


def compute(kernel: Callable[..., Any], *operands: Any, least: int = LARGE) -> Any:
    """`kernel(*operands)`, elementwise and broadcasting; with at least so many elements, shared over threads.

    The kernel is a ufunc, or like one takes `out`, an array to write its result into or None. The result has the memory
    layout of an operand of its shape and, unless the kernel is a ufunc, the dtype of the numbers among the operands.
    """
    for x in operands:
        if isinstance(x, np.ndarray) and x.size >= least:
            break
    else:
        return kernel(*operands)
    like = _widest(operands)
    if like is None:
        return kernel(*operands)
    if isinstance(kernel, np.ufunc):
        kinds = [x.dtype if isinstance(x, np.ndarray) else type(x) for x in operands]
        dtype = kernel.resolve_dtypes((*kinds, None))[-1]
    else:
        dtype = np.result_type(*(x for x in operands if x is not None and getattr(x, "dtype", None) != np.bool_))
    out = np.empty_like(like, dtype)
    places = [i for i, x in enumerate(operands) if isinstance(x, np.ndarray) and x.ndim]
    whole = (x if x.shape == like.shape else np.broadcast_to(x, like.shape) for x in (operands[i] for i in places))
    target, *views = _in_long_rows(arranged([out, *whole]))

    def work(index: Any) -> None:
        parts = list(operands)
        for i, view in zip(places, views, strict=True):
            parts[i] = view[index]
        kernel(*parts, out=target[index])

    pieces = 2 * -(-target.size // (2 * PIECE))
    share(work, tiles(target.shape, -(-target.size // pieces)), blas=False)
    return out


def multiply_add(x1: Any, x2: Any, x3: Any, out: Array | None = None) -> Array:
    """x1 · x2 + x3, the sum being written over the product where it fits."""
    y = np.multiply(x1, x2, out=out)
    if out is None and isinstance(y, np.ndarray) and y.size >= 4096 and np.result_type(y, x3) == y.dtype:
        out = y if np.broadcast_shapes(y.shape, np.shape(x3)) == y.shape else None
    return np.add(y, x3, out=out)


def arranged(arrays: Sequence[Array]) -> list[Array]:
    """Views of arrays of one shape, their axes in the order of the first one's memory.

    Axes of length 1 are dropped, and neighbouring axes are made one where they are one stretch in all of the arrays.
    """
    axes, shape = _arrangement(arrays[0].shape, tuple([x.strides for x in arrays]))
    return [x.transpose(axes).reshape(shape) for x in arrays]


@functools.lru_cache(maxsize=1024)
def _arrangement(lengths: Ints, strides: tuple[Ints, ...]) -> tuple[list[int], list[int]]:
    """`arranged`, of arrays with these strides: in which order to take axes, and the shape of the views."""
    alone = [axis for axis, length in enumerate(lengths) if length == 1]
    order = [axis for axis, length in enumerate(lengths) if length != 1]
    order.sort(key=lambda axis: -abs(strides[0][axis]))
    shape: list[int] = []
    for k, axis in enumerate(order):
        length = lengths[axis]
        if k and all(by[order[k - 1]] == by[axis] * length for by in strides):
            shape[-1] *= length
        else:
            shape.append(length)
    return alone + order, shape


def tiles(shape: Sequence[int], size: int) -> Iterator[tuple[int | slice, ...]]:
    """Indices that cut an array of this shape, along its first axes, into pieces of `size` elements or some more."""
    length = shape[0]
    inner = math.prod(shape[1:])
    if inner >= 2 * size and len(shape) > 1:
        for i in range(length):
            for rest in tiles(shape[1:], size):
                yield (i, *rest)
    else:
        step = -(-size // inner)
        for start in range(0, length, step):
            yield (slice(start, start + step),)


def _in_long_rows(views: list[Array]) -> list[Array]:
    """`arranged` views; where rows are short and what is broadcast repeats itself, that is written out in longer ones.

    As many axes, and rows, as make a long row are taken as one.
    """
    shape = views[0].shape
    stretched = [not x.flags.c_contiguous for x in views]
    if not any(stretched) or shape[-1] >= LONG:
        return views
    outer = min(_repeats(x) for x, broadcast in zip(views, stretched, strict=True) if broadcast)
    count, period = math.prod(shape[:outer]), math.prod(shape[outer:])
    if count < 8:
        return views
    together = math.gcd(count, max(1, LONG // period))
    rows = (count // together, together * period)
    return [
        np.broadcast_to(np.tile(x[(0,) * outer].reshape(-1), together), rows) if broadcast else x.reshape(rows)
        for x, broadcast in zip(views, stretched, strict=True)
    ]


def _repeats(x: Array) -> int:
    """Along how many of its first axes an array is broadcast."""
    return next((axis for axis, stride in enumerate(x.strides) if stride), x.ndim)


def _widest(operands: Sequence[Any]) -> Array | None:
    """An array among the operands that has the shape of all of them broadcast, a dense one if possible; or None."""
    arrays = [x for x in operands if isinstance(x, np.ndarray)]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    wide = [x for x in arrays if x.shape == shape]
    return next((x for x in wide if 0 not in x.strides), wide[0] if wide else None)
