"""Copies that keep the order in which their axes lie in memory.

NumPy's elementwise functions keep it; reshape, take, repeat and stack return C order, and the next operation would have
to go across memory. An image batch whose memory has the batch last stays so through these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.loops import tiles
from autograd.kernels.threads import share

# From here on an array is worth the bookkeeping; from there on, that of sharing a copy over threads.
_SMALL, _LARGE = 1024, 1 << 19


def memory_order(x: Array) -> list[int]:
    """The axes, those of the longest strides first."""
    return sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))


def empty_in_order(shape: Sequence[int], dtype: np.dtype[Any], order: Sequence[int]) -> Array:
    """An array that owns its memory, which has the axes in this order."""
    strides = [0] * len(shape)
    step = dtype.itemsize
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
    return np.ndarray(shape, dtype, None, 0, strides)


def dense(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """The strides of memory in one piece, in C order."""
    return tuple(itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """A read-only view of another shape and other strides that begins where `x` does and stays within its memory: what
    `np.lib.stride_tricks.as_strided` makes, in a fifth of the time where `x` lies in one piece."""
    found = _piece(x)
    if found is None:
        return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    view = np.ndarray(shape, x.dtype, *found, strides)
    view.setflags(write=False)
    return view


def _piece(x: Array) -> tuple[Array, int] | None:
    """The array in one piece, in C order, that `x` is or is a view of, and how many bytes from its first `x` begins;
    None if there is none."""
    if x.flags.c_contiguous:
        return x, 0
    memory: Any = x.base
    if not (isinstance(memory, np.ndarray) and memory.flags.c_contiguous and memory.dtype == x.dtype):
        return None
    return memory, x.__array_interface__["data"][0] - memory.__array_interface__["data"][0]


class Region(NamedTuple):
    """A part of an array as it lies in memory, so many bytes from its first element."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Placed(NamedTuple):
    """An array as it lies, so many bytes from the first, in memory that is one piece.

    Views of it by regions, worked out once for all arrays that lie alike, take a fraction of an index's time, for which
    other threads would wait.
    """

    memory: Array
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, region: Region, dtype: np.dtype[Any] | None = None) -> Array:
        offset, shape, strides = region
        return np.ndarray(shape, dtype or self.memory.dtype, self.memory, self.offset + offset, strides)


def placed(x: Array) -> Placed:
    """Where an array lies; a copy, if its memory is not one piece in C order."""
    found = _piece(x)
    if found is None:
        x = np.ascontiguousarray(x)
        found = x, 0
    return Placed(*found, x.shape, x.strides)


def reshaped(x: Array, shape: tuple[int, ...]) -> Array:
    """`x.reshape(shape)`; where that is not a view, with those axes that are split or merged in the order of memory."""
    if x.size < _SMALL or x.flags.c_contiguous:
        return np.reshape(x, shape)
    try:
        return np.reshape(x, shape, copy=False)
    except ValueError:
        groups = _groups(x.shape, shape)
        if groups is None:
            return np.reshape(x, shape)
    groups.sort(key=lambda group: -max(abs(x.strides[axis]) for axis in group[0]))
    old = [axis for axes, _ in groups for axis in axes]
    new = [axis for _, axes in groups for axis in axes]
    old += [axis for axis, length in enumerate(x.shape) if length == 1]
    new += [axis for axis, length in enumerate(shape) if length == 1]
    y = empty_in_order(shape, x.dtype, new)
    source = x.transpose(old)
    np.copyto(y.transpose(new).reshape(source.shape), source)
    return y


def _groups(old: tuple[int, ...], new: tuple[int, ...]) -> list[tuple[list[int], list[int]]] | None:
    """Which axes become which, as few as possible at a time, without those of length 1; None if shapes do not fit."""
    if math.prod(old) != math.prod(new) or min(new, default=0) < 1:
        return None
    groups: list[tuple[list[int], list[int]]] = []
    before = after = 1
    axes, into = [axis for axis in range(len(old)) if old[axis] != 1], [k for k in range(len(new)) if new[k] != 1]
    while axes:
        if before == after:
            groups.append(([], []))
        if before <= after:
            groups[-1][0].append(axes[0])
            before *= old[axes.pop(0)]
        else:
            groups[-1][1].append(into[0])
            after *= new[into.pop(0)]
    groups[-1][1].extend(into)
    return groups


def taken(x: Array, indices: Array, axis: int) -> Array:
    """`x.take(indices, axis)`."""
    length = x.shape[axis]
    if x.size < _SMALL or x.flags.c_contiguous or indices.ndim != 1 or not indices.size:
        return x.take(indices, axis)
    if indices.min() < -length or indices.max() >= length:
        return x.take(indices, axis)  # which raises
    order = memory_order(x)
    y = empty_in_order((*x.shape[:axis], len(indices), *x.shape[axis + 1 :]), x.dtype, order)
    x.transpose(order).take(indices, order.index(axis), out=y.transpose(order), mode="wrap")
    return y


def repeated(x: Array, count: int, axis: int) -> Array:
    """`np.repeat(x, count, axis)`, by that many strided copies: 3 times as fast."""
    shape = x.shape
    ahead: tuple[Any, ...] = (slice(None),) * axis
    y = np.empty_like(x, shape=(*shape[:axis], count * shape[axis], *shape[axis + 1 :]), subok=False)
    for k in range(count):
        y[(*ahead, slice(k, None, count))] = x
    return y


def joined(xs: Sequence[Array], axis: int) -> Array:
    """`np.concatenate(xs, axis)`, the copies shared over threads if they are large and lie in memory alike."""
    if sum([x.size for x in xs]) < _LARGE:
        return np.concatenate(xs, axis)
    first, order = xs[0], memory_order(xs[0])
    if any(x.dtype != first.dtype or memory_order(x) != order for x in xs):
        return np.concatenate(xs, axis)
    length = sum(x.shape[axis] for x in xs)
    y = empty_in_order((*first.shape[:axis], length, *first.shape[axis + 1 :]), first.dtype, order)
    copies: list[tuple[Array, Array, Any]] = []
    stop = 0
    for x in xs:
        start, stop = stop, stop + x.shape[axis]
        part = y[(*(slice(None),) * axis, slice(start, stop))].transpose(order)
        if x.size:
            copies += [(part, x.transpose(order), piece) for piece in tiles(part.shape, _LARGE // 2)]

    def copy(one: tuple[Array, Array, Any]) -> None:
        target, source, piece = one
        np.copyto(target[piece], source[piece])

    share(copy, copies, blas=False)
    return y


def stacked(xs: Sequence[Array], axis: int) -> Array:
    """`np.stack(xs, axis)`, with the new axis in memory just outside of the one that follows it, or inside of the one
    before it if it comes last."""
    first = xs[0]
    if first.size < _SMALL or first.flags.c_contiguous:
        return np.stack(xs, axis)
    order = memory_order(first)
    place = 0 if axis == 0 else order.index(axis) if axis < first.ndim else order.index(axis - 1) + 1
    order = [k + (k >= axis) for k in order]
    order.insert(place, axis)
    y = empty_in_order((*first.shape[:axis], len(xs), *first.shape[axis:]), np.result_type(*xs), order)
    for part, x in zip(np.moveaxis(y, axis, 0), xs, strict=True):
        part[...] = x
    return y
