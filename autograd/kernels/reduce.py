"""Sums over axes at the speed of memory, in whatever order the axes lie.

NumPy adds single precision at half the speed of memory where the summed axis is the innermost, and far slower where
rows are short. A product with a vector of ones, on BLAS, does not; nor does it need the product of two arrays to be
made before it is summed. Stretches of a few thousand elements are added up so, and then their sums in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.threads import one_blas_thread, scratch, share

Axes = tuple[int, ...]

# The orders in memory of reduced and kept axes that kernels go through: the ones one stretch between, or around, those.
KINDS = ("r", "kr", "rkr", "rk", "krk")

# The most elements that are added up in single precision, along contiguous memory and across it.
_STRETCH, _COLUMN = 4096, 512
# Elements of rows from which sums over them are shared over threads, in so many parts; and of a part that two sums are
# made of.
_SHARED, _PARTS, _PART = 1 << 20, 4, 1 << 19
# Products of no more results than this keep Python's lock, however long they take, and other threads wait for them;
# shorter stretches, of this many elements at least, make for more results.
_KEEPING, _SHORTEST = 500, 256
# Elements from which these are worth their calls, and reductions and softmax have kernels of their own.
LARGE = (1 << 16) + 1
# Products of two arrays are summed over columns in pieces, which are shared if there are very many elements.
_PIECE, _MANY = 1 << 18, 1 << 21


def total(x: Array, axes: Axes) -> Array | None:
    """The sum of floats over `axes`, which stay with length 1; None for memory that is better left to NumPy."""
    return _added([x], axes)


def total_product(x: Array, y: Array, axes: Axes) -> Array:
    """The sum of x · y, of one shape, over `axes`, which stay with length 1; the product itself is not made."""
    sums = _added([x, y], axes) if x.dtype == y.dtype and x.dtype.char in "fd" else None
    return np.add.reduce(x * y, axis=axes, keepdims=True) if sums is None else sums


def grouped(arrays: Sequence[Array], axes: Axes) -> tuple[list[Array], str, list[int]]:
    """Views of arrays of one shape with axes in the order of memory, "k" (kept) or "r" (reduced) for each; the order.

    Neighbouring axes of a kind are made one. Where they do not merge, or lie in different orders in the arrays, or the
    last one is not contiguous, the string is empty.
    """
    layouts = tuple([(x.strides, x.itemsize) for x in arrays])
    axes_in_order, shape, kinds, order = _grouping(arrays[0].shape, layouts, tuple(axes))
    return [x.transpose(axes_in_order).reshape(shape) for x in arrays] if kinds else [], kinds, order


@lru_cache(maxsize=1024)
def _grouping(
    lengths: Axes, layouts: tuple[tuple[Axes, int], ...], axes: Axes
) -> tuple[list[int], list[int], str, list[int]]:
    """`grouped`, of arrays with these strides and item sizes: the order of all axes, the shape of the views, the kinds,
    and the order of the axes that are longer than 1."""
    strides, _ = layouts[0]
    order = sorted(range(len(lengths)), key=lambda axis: -abs(strides[axis]))
    order = [axis for axis in order if lengths[axis] != 1]
    shape: list[int] = []
    kinds = ""
    for k, axis in enumerate(order):
        length, kind = lengths[axis], "r" if axis in axes else "k"
        if not kinds.endswith(kind):
            kinds += kind
            shape.append(length)
        elif all(by[order[k - 1]] == by[axis] * length for by, _ in layouts):
            shape[-1] *= length
        else:
            return [], [], "", order
    if not order or any(by[order[-1]] != item for by, item in layouts):
        return [], [], "", order
    alone = [axis for axis, length in enumerate(lengths) if length == 1]
    return alone + order, shape, kinds, order


def logical(values: Array, shape: Axes, axes: Axes, order: list[int]) -> Array:
    """What is left of arrays of this shape, in the order of their memory, as arrays in which `axes` have length 1."""
    kept = [axis for axis in order if axis not in axes]
    if len(kept) > 1:
        values = values.reshape([shape[axis] for axis in kept])
        values = values.transpose(sorted(range(len(kept)), key=kept.__getitem__))
    return values.reshape([1 if axis in axes else length for axis, length in enumerate(shape)])


def ones(length: int, dtype: np.dtype[Any]) -> Array:
    """A vector of ones, at most as long as a stretch."""
    return _ones(dtype)[:length]


@cache
def _ones(dtype: np.dtype[Any]) -> Array:
    return np.ones(_STRETCH, dtype)


def row_sums(x: Array) -> Array:
    """Sums over the last axis, in double precision."""
    whole, rest = _stretches(x, -1, _row(x))
    sums = np.add.reduce(_by_stretches([_sums], whole)[0], axis=-1, dtype=np.float64)
    return sums if rest is None else sums + rest @ ones(rest.shape[-1], x.dtype)


def row_products(x: Array, y: Array) -> Array:
    """Sums of x · y over the last axis, in double precision."""
    (whole, rest), (other, end) = _stretches(x, -1, _row(x)), _stretches(y, -1, _row(x))
    sums = np.add.reduce(_by_stretches([np.vecdot], whole, other)[0], axis=-1, dtype=np.float64)
    return sums if rest is None or end is None else sums + np.vecdot(rest, end)


def row_moments(x: Array) -> tuple[Array, Array]:
    """Sums of x and of x² over the last axis, in double precision: of a piece, the second while it is in cache."""
    whole, rest = _stretches(x, -1, _row(x))
    parts = max(_PARTS, 2 * -(-x.size // (2 * _PART)))
    found = _by_stretches([_sums, _squares], whole, shared=_SHARED // 2, parts=parts)
    sums, squares = (np.add.reduce(part, axis=-1, dtype=np.float64) for part in found)
    if rest is not None:
        sums += rest @ ones(rest.shape[-1], x.dtype)
        squares += np.vecdot(rest, rest)
    return sums, squares


def _row(x: Array) -> int:
    """The length of the stretches that rows are added up in: a power of two."""
    most = x.size // (_PARTS * (_KEEPING + 1))
    return 1 << (most.bit_length() - 1) if _SHORTEST <= most < _STRETCH else _STRETCH


def _by_stretches(
    products: Sequence[Callable[..., object]], *arrays: Array, shared: int = _SHARED, parts: int = _PARTS
) -> list[Array]:
    """Each product over the last axis of arrays (..., count, length), in a few parts that are shared over threads if
    there is much."""
    x = arrays[0]
    shape = x.shape[:-1]
    sums = [np.empty(shape, x.dtype) for _ in products]
    if x.size < shared:
        for product, out in zip(products, sums, strict=True):
            product(*arrays, out=out)
        return sums
    axis = max(range(len(shape)), key=shape.__getitem__)
    before, step = (slice(None),) * axis, -(-shape[axis] // parts)

    def part(start: int) -> None:
        some = (*before, slice(start, start + step))
        for product, out in zip(products, sums, strict=True):
            product(*[array[some] for array in arrays], out=out[some])

    share(part, range(0, shape[axis], step))
    return sums


def _sums(x: Array, out: Array) -> None:
    if x.flags.c_contiguous and out.flags.c_contiguous:  # one product
        x, out = x.reshape(-1, x.shape[-1]), out.reshape(-1)
    np.matmul(x, ones(x.shape[-1], x.dtype), out=out)


def _squares(x: Array, out: Array) -> None:
    np.vecdot(x, x, out=out)


def column_sums(x: Array) -> Array:
    """Sums over the last axis but one, in double precision."""
    whole, rest = _stretches(x, -2, _COLUMN)
    sums = np.add.reduce(ones(whole.shape[-2], x.dtype) @ whole, axis=-2, dtype=np.float64)
    return sums if rest is None else sums + ones(rest.shape[-2], x.dtype) @ rest


def _stretches(x: Array, axis: int, length: int) -> tuple[Array, Array | None]:
    """`x` with an axis split into stretches (..., count, length, ...), and what remains at its end, if anything."""
    shape = x.shape
    axis += x.ndim
    length = min(length, shape[axis])
    count = shape[axis] // length
    if count * length == shape[axis]:
        return x.reshape(*shape[:axis], count, length, *shape[axis + 1 :]), None
    before = (slice(None),) * axis
    whole = x[(*before, slice(count * length))].reshape(*shape[:axis], count, length, *shape[axis + 1 :])
    return whole, x[(*before, slice(count * length, None))]


def _added(arrays: list[Array], axes: Axes) -> Array | None:
    views, kinds, order = grouped(arrays, axes)
    if kinds not in KINDS:
        return None
    lead = [1] * (3 - len(kinds))
    with one_blas_thread():
        sums = (_added_rows if kinds.endswith("r") else _added_columns)([x.reshape(*lead, *x.shape) for x in views])
    return logical(sums.astype(arrays[0].dtype), arrays[0].shape, axes, order)


def _added_rows(views: list[Array]) -> Array:
    """The sums of (r1, k, r2) over r1 and r2."""
    return np.add.reduce(row_sums(*views) if len(views) == 1 else row_products(*views), axis=0)


def _added_columns(views: list[Array]) -> Array:
    """The sums of (k1, r, k2) over r."""
    if len(views) == 1:
        return column_sums(views[0])
    axis = 0 if views[0].shape[0] > 1 else 1

    def add(x: Array, y: Array) -> Array:
        return column_sums(np.multiply(x, y, out=scratch(x.shape, x.dtype, "total_product")))

    sums = _in_pieces(add, views, axis)
    return np.concatenate(sums) if axis == 0 else np.add.reduce(sums)


def _in_pieces(work: Callable[..., Array], views: list[Array], axis: int) -> list[Array]:
    """`work` on the pieces that the views are cut into along `axis`, shared over threads if there is much."""
    x = views[0]
    if x.size <= _PIECE:
        return [work(*views)]
    step = max(1, _PIECE * x.shape[axis] // x.size)
    before = (slice(None),) * axis
    pieces = [(*before, slice(start, start + step)) for start in range(0, x.shape[axis], step)]
    results: list[Any] = [None] * len(pieces)

    def one(k: int) -> None:
        results[k] = work(*(x[pieces[k]] for x in views))

    if x.size < _MANY:
        for k in range(len(pieces)):
            one(k)
    else:
        share(one, range(len(pieces)))
    return results
