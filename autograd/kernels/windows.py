"""Sliding windows over arrays: views of them, sums back, and reductions over them.

Reductions go through the few offsets in a window, one step over all windows each. Over two short trailing axes that is
about ten times quicker in NumPy than a reduction along them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.masking import keep_where

Ints = tuple[int, ...]


def window_view(x: Array, window: Ints, positions: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Array:
    """A read-only view of `x` with `axes` replaced by `positions`, and the window's axes after all others."""
    shape, strides = list(x.shape), list(x.strides)
    for axis, count, step in zip(axes, positions, stride, strict=True):
        shape[axis] = count
        strides[axis] *= step
    inner = [x.strides[axis] * apart for axis, apart in zip(axes, dilation, strict=True)]
    return np.lib.stride_tricks.as_strided(x, (*shape, *window), (*strides, *inner), writeable=False)


def add_windows(windows: Array, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Array:
    """The array that has at each place the sum of the window elements that lie on it: the adjoint of `window_view`."""
    rest = windows.ndim - len(axes)
    shape = list(windows.shape[:rest])
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    order = sorted(range(rest), key=lambda axis: -abs(windows.strides[axis]))
    y = np.zeros([shape[axis] for axis in order], windows.dtype).transpose([order.index(axis) for axis in range(rest)])
    for offset, part in at_offsets(windows, len(axes)):
        place = [slice(None)] * rest
        for axis, k, step, apart in zip(axes, offset, stride, dilation, strict=True):
            start = k * apart
            place[axis] = slice(start, start + step * (windows.shape[axis] - 1) + 1, step)
        target = y[tuple(place)]
        np.add(target, part, out=target)
    return y


def at_offsets(windows: Array, count: int) -> Iterator[tuple[Ints, Array]]:
    """Each offset in the window, the last `count` axes, with what lies there in all windows."""
    for offset in itertools.product(*map(range, windows.shape[windows.ndim - count :])):
        yield offset, windows[(..., *offset)]  # type: ignore[arg-type]


def reduce_windows(ufunc: np.ufunc, windows: Array, count: int) -> Array:
    """`ufunc.reduce` over the last `count` axes."""
    positions, window = windows.shape[:-count], windows.shape[-count:]
    if math.prod(window) > max(64, math.prod(positions)):
        return ufunc.reduce(windows, axis=tuple(range(-count, 0)), dtype=windows.dtype)
    parts = at_offsets(windows, count)
    y = next(parts)[1].copy(order="K")
    for _, part in parts:
        ufunc(y, part, out=y)
    return y


def first_maximum(windows: Array, count: int) -> Array:
    """The place, in the flattened window, of the first maximum; NaN counts as the largest.

    Counts the places before it, in the smallest integers that can: a masked copy is dearer than all of a place's steps.
    """
    greatest = reduce_windows(np.maximum, windows, count)
    ahead = np.ones_like(greatest, bool)
    index = np.zeros_like(greatest, np.min_scalar_type(math.prod(windows.shape[windows.ndim - count :])))
    for _, part in at_offsets(windows, count):
        ahead &= (part != greatest) & (part == part)
        index += ahead
    return index


def pick(windows: Array, index: Array, count: int) -> Array:
    """From each window the element at its `index` in the flattened window."""
    y = np.zeros(windows.shape[: windows.ndim - count], windows.dtype)
    for place, (_, part) in enumerate(at_offsets(windows, count)):
        np.copyto(y, part, where=index == place)
    return y


def put(y: Array, index: Array, window: Ints) -> Array:
    """Windows of zeros, with each element of `y` at its `index` in the flattened window: the adjoint of `pick`."""
    order = sorted(range(y.ndim), key=lambda axis: -abs(y.strides[axis]))
    ahead = [*range(y.ndim, y.ndim + len(window)), *order]
    shape = (*y.shape, *window)
    windows = np.empty([shape[axis] for axis in ahead], y.dtype).transpose(
        [ahead.index(axis) for axis in range(len(ahead))]
    )
    for place, (_, part) in enumerate(at_offsets(windows, len(window))):
        np.copyto(part, keep_where(index == place, y))
    return windows
