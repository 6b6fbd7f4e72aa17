"""Sliding windows over arrays: views of them, sums back, and reductions over them.

Reductions go through the few offsets in a window, one step over all windows each. Over two short trailing axes that is
about ten times quicker in NumPy than a reduction along them. Where windows overlap densely, one axis is reduced after
another: 2k - 2 steps in place of k² - 1, most of them over long rows. Large work is cut into blocks that stay in cache
and is shared over threads; what a block computes does not depend on who computes it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred, reads
from autograd.kernels.layout import empty_in_order, memory_order, strided
from autograd.kernels.masking import INTEGERS, keep_where
from autograd.kernels.padding import Padded
from autograd.kernels.threads import scratch, share

Ints = tuple[int, ...]

# Elements in a block of results: few enough to stay in cache, many enough that threads do not wait for the interpreter.
BLOCK = 1 << 17


class Span(NamedTuple):
    """Where windows lie along an axis: position p and tap t meet at p · stride + t · dilation."""

    axis: int
    positions: int
    taps: int
    stride: int
    dilation: int

    @property
    def reach(self) -> int:
        return (self.positions - 1) * self.stride + (self.taps - 1) * self.dilation + 1

    def at(self, tap: int) -> slice:
        """What tap `tap` of all windows sees."""
        start = tap * self.dilation
        return slice(start, start + (self.positions - 1) * self.stride + 1, self.stride)


def window_view(x: Array, window: Ints, positions: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Array:
    """A read-only view of `x` with `axes` replaced by `positions`, and the window's axes after all others."""
    shape, strides = list(x.shape), list(x.strides)
    for axis, count, step in zip(axes, positions, stride, strict=True):
        shape[axis] = count
        strides[axis] *= step
    inner = [x.strides[axis] * apart for axis, apart in zip(axes, dilation, strict=True)]
    return np.lib.stride_tricks.as_strided(x, (*shape, *window), (*strides, *inner), writeable=False)


class PaddedWindows(Deferred):
    """Sliding windows over images (N, C, *L) with zeros put around them, as (N, C, *P, *T); or, with the channels in
    groups, (N, G, C / G, *P, *T). The contractions of a convolution take them without the zeros in memory."""

    def __init__(
        self, padded: Padded, window: Ints, positions: Ints, stride: Ints, dilation: Ints, groups: Ints
    ) -> None:
        super().__init__((len(padded), *groups, *positions, *window), padded.dtype)
        self.padded = padded
        self.window = window
        self.positions = positions
        self.stride = stride
        self.dilation = dilation
        self.groups = groups

    @property
    def sources(self) -> tuple[Array, ...]:
        return self.padded.sources

    def compute(self) -> Array:
        axes = tuple(range(2, self.padded.ndim))
        view = window_view(self.padded.array, self.window, self.positions, self.stride, self.dilation, axes)
        return view.reshape(self.shape)

    def in_shape(self, shape: Ints) -> PaddedWindows | None:
        """The windows with their channels put in groups, if that is what the shape is."""
        ahead, behind = len(self.groups) + 1, len(shape) - 2 * len(self.window)
        groups = tuple(shape[1:behind])
        if shape[0] != self.shape[0] or shape[behind:] != self.shape[ahead:]:
            return None
        if not 1 <= len(groups) <= 2 or math.prod(groups) != math.prod(self.groups):
            return None
        return PaddedWindows(self.padded, self.window, self.positions, self.stride, self.dilation, groups)


def add_windows(windows: Array, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Array:
    """The array that has at each place the sum of the window elements that lie on it: the adjoint of `window_view`."""
    rest = windows.ndim - len(axes)
    y = np.empty_like(_first(windows, len(axes)), shape=_with_lengths(windows.shape[:rest], axes, lengths), subok=False)
    spans = _spans(windows.shape, stride, dilation, axes)
    apart, everywhere = _apart(spans), _everywhere(spans, y.shape)

    def work(block: tuple[Any, ...]) -> None:
        target, source = y[block], windows[block]
        if not everywhere:
            target[...] = 0
        for offset, part in at_offsets(source, len(axes)):
            place = target[_place(rest, spans, offset)]
            if apart:
                np.copyto(place, part)
            else:
                np.add(place, part, out=place)

    _in_blocks(work, _blocks(y, [axis for axis in range(rest) if axis not in axes]))
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
    y = np.empty_like(_first(windows, count), subok=False)

    def work(block: tuple[Any, ...]) -> None:
        if y.size >= 1024 and (found := _image(windows[block], count)) is not None:
            _reduce_axes(ufunc, *found, y[block])
        else:
            _reduce_offsets(ufunc, windows[block], count, y[block])

    _in_blocks(work, _blocks(y, range(y.ndim)))
    return y


def _reduce_offsets(ufunc: np.ufunc, windows: Array, count: int, y: Array) -> None:
    parts = [part for _, part in at_offsets(windows, count)]
    if len(parts) == 1:
        np.copyto(y, parts[0])
        return
    ufunc(parts[0], parts[1], out=y)
    for part in parts[2:]:
        ufunc(y, part, out=y)


def _reduce_axes(ufunc: np.ufunc, x: Array, spans: Sequence[Span], y: Array) -> None:
    """Reduce `x` over its windows into `y`, along one axis after another, that of the longest strides first."""
    spans = sorted(spans, key=lambda span: -x.strides[span.axis])
    for i, span in enumerate(spans):
        parts = [x[(slice(None),) * span.axis + (span.at(tap),)] for tap in range(span.taps)]
        target = y if i == len(spans) - 1 else _scratch_like(parts[0], f"reduced {i % 2}")
        ufunc(parts[0], parts[1], out=target)
        for part in parts[2:]:
            ufunc(target, part, out=target)
        x = target


def _image(windows: Array, count: int) -> tuple[Array, list[Span]] | None:
    """The array that overlapping windows are a view of, as far as they reach, and where they lie in it; None for
    windows that are not such a view or leave gaps."""
    rest = windows.ndim - count
    shape, strides = list(windows.shape[:rest]), list(windows.strides[:rest])
    spans: list[Span] = []
    for taps, apart in zip(windows.shape[rest:], windows.strides[rest:], strict=True):
        if taps == 1:
            continue
        for axis in range(rest):
            step, positions = strides[axis], windows.shape[axis]
            if not step * apart > 0 or any(span.axis == axis for span in spans):
                continue
            if step % apart == 0 and step // apart <= taps:
                span = Span(axis, positions, taps, step // apart, 1)
            elif apart % step == 0 and apart // step <= positions:
                span = Span(axis, positions, taps, 1, apart // step)
            else:
                continue
            spans.append(span)
            shape[axis], strides[axis] = span.reach, min(step, apart, key=abs)
            break
        else:
            return None
    if not spans:
        return None
    return strided(windows, tuple(shape), tuple(strides)), spans


def first_maximum(windows: Array, count: int) -> Array:
    """The place, in the flattened window, of the first maximum; NaN counts as the largest.

    Counts the places before it, in the smallest integers that can: a masked copy is dearer than all of a place's steps.
    """
    greatest = reduce_windows(np.maximum, windows, count)
    index = np.zeros_like(greatest, np.min_scalar_type(math.prod(windows.shape[windows.ndim - count :])))

    def work(block: tuple[Any, ...]) -> None:
        most, places = greatest[block], index[block]
        ahead = np.ones_like(most, bool)
        for _, part in at_offsets(windows[block], count):
            ahead &= (part != most) & (part == part)
            np.add(places, ahead, out=places)

    _in_blocks(work, _blocks(greatest, range(greatest.ndim)))
    return index


def pick(windows: Array, index: Array, count: int) -> Array:
    """From each window the element at its `index` in the flattened window."""
    y = np.zeros(windows.shape[: windows.ndim - count], windows.dtype)
    for place, (_, part) in enumerate(at_offsets(windows, count)):
        np.copyto(y, part, where=index == place)
    return y


def put(y: Array, index: Array, window: Ints) -> Array:
    """Windows of zeros, with each element of `y` at its `index` in the flattened window: the adjoint of `pick`."""
    order = [*range(y.ndim, y.ndim + len(window)), *memory_order(y)]
    windows = empty_in_order((*y.shape, *window), y.dtype, order)
    for place, (_, part) in enumerate(at_offsets(windows, len(window))):
        np.copyto(part, keep_where(index == place, y))
    return windows


class DeferredWindows(Deferred):
    """The cotangent of windows, not computed yet: a window's size times as large as what it comes from.

    Overlap-add, where it flows, need not make it as an array.
    """

    def overlap_added(self, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
        """`add_windows` of this array."""
        return add_windows(self.array, lengths, stride, dilation, axes)


class SumCotangent(DeferredWindows):
    """Each element of `g` throughout its window: the cotangent of windows that were summed."""

    def __init__(self, g: Array, shape: Ints) -> None:
        super().__init__(shape, g.dtype)
        self.g = g

    def compute(self) -> Array:
        g = self.g.reshape(*self.g.shape, *(1,) * (self.ndim - self.g.ndim))
        return np.broadcast_to(g, self.shape)

    def overlap_added(self, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
        """One axis after another, that of the shortest strides first, so that most is added in long rows."""
        g = self.g
        if self.ndim != g.ndim + len(axes):
            return super().overlap_added(lengths, stride, dilation, axes)
        y = np.empty_like(g, shape=_with_lengths(g.shape, axes, lengths), subok=False)
        spans = _spans(self.shape, stride, dilation, axes)
        spans.sort(key=lambda span: abs(y.strides[span.axis]))

        def work(block: tuple[Any, ...]) -> None:
            part, target = g[block], y[block]
            for i, span in enumerate(spans):
                if i < len(spans) - 1:
                    shape = _with_lengths(part.shape, (span.axis,), (y.shape[span.axis],))
                    spread = _scratch_like(part, f"spread {i % 2}", shape)
                else:
                    spread = target
                ahead = (slice(None),) * span.axis
                if span.dilation == 1 and span.taps <= span.stride:
                    for tap in range(span.taps):
                        np.copyto(spread[(*ahead, span.at(tap))], part)
                    for tap in range(span.taps, span.stride):
                        spread[(*ahead, slice(tap, None, span.stride))] = 0
                    spread[(*ahead, slice(span.reach, None))] = 0
                else:
                    spread[...] = 0
                    for tap in range(span.taps):
                        place = spread[(*ahead, span.at(tap))]
                        np.add(place, part, out=place)
                part = spread

        _in_blocks(work, _blocks(y, [axis for axis in range(y.ndim) if axis not in axes], 4 * BLOCK))
        return y


class MaxCotangent(DeferredWindows):
    """Each element of `g` at the first maximum of its window, of which `y` is the value: the cotangent of windows that
    were reduced to their maxima."""

    def __init__(self, g: Array, windows: Array, y: Array) -> None:
        super().__init__(windows.shape, g.dtype)
        self.g = g
        self.windows = windows
        self.y = y
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        return self.windows, self.y

    def compute(self) -> Array:
        count = self.ndim - self.g.ndim
        return put(self.g, first_maximum(self.windows, count), self.shape[-count:])

    def overlap_added(self, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
        windows, y, g = self.windows, self.y, self.g
        if self.computed or self.dtype not in INTEGERS or y.dtype != self.dtype or self.ndim != g.ndim + len(axes):
            return super().overlap_added(lengths, stride, dilation, axes)
        order = memory_order(_first(windows, len(axes)))
        back = [order.index(axis) for axis in range(g.ndim)]
        shape = _with_lengths(g.shape, axes, lengths)
        x = empty_in_order(shape, self.dtype, order)
        target = x.transpose(order)
        spans = [span._replace(axis=back[span.axis]) for span in _spans(windows.shape, stride, dilation, axes)]
        y, g = y.transpose(order), g.transpose(order)
        windows = windows.transpose(*order, *range(g.ndim, windows.ndim))

        def work(block: tuple[Any, ...]) -> None:
            _spread_to_maxima(windows[block], y[block], g[block], spans, target[block])

        _in_blocks(work, _blocks(y, [axis for axis in range(g.ndim) if axis not in {span.axis for span in spans}]))
        return x


def _spread_to_maxima(windows: Array, y: Array, g: Array, spans: Sequence[Span], x: Array) -> None:
    """`MaxCotangent.overlap_added` into `x`, with axes in the order of memory.

    Goes through the offsets, and leaves of `g`, as bits, what does not find its maximum there: with the bits of the
    element less the maximum shifted until the sign fills them, that is a bitwise and, whatever `g` holds. So the first
    of equal maxima takes all, and the last offset what is left. The difference does not tell where the maximum is
    infinite or NaN; in blocks that have such, comparisons do.
    """
    integer = np.dtype(INTEGERS[y.dtype])
    bits = 8 * integer.itemsize - 1
    minus_y = scratch(y.shape, y.dtype, "minus y")
    left, later, part = (scratch(y.shape, integer, name) for name in ("left", "later", "part"))
    np.subtract(0, y, out=minus_y)
    np.copyto(left.view(y.dtype), g)
    finite = math.isfinite(np.add.reduce(minus_y, axis=None))
    apart = _apart(spans)
    if not _everywhere(spans, x.shape):
        x[...] = 0
    offsets = list(at_offsets(windows, len(spans)))
    for k, (offset, element) in enumerate(offsets):
        place = x[_place(y.ndim, spans, offset)]
        if k == len(offsets) - 1:
            part = left
        else:
            if finite:
                np.add(element, minus_y, out=later.view(y.dtype))
                np.right_shift(later, bits, out=later)
            else:
                np.subtract(((element == y) | np.isnan(element)).view(np.int8), 1, out=later)
            np.bitwise_and(left, later, out=later)
            np.bitwise_xor(left, later, out=place.view(integer) if apart else part)
            left, later = later, left
            if apart:
                continue
        if apart:
            np.copyto(place, part.view(y.dtype))
        else:
            np.add(place, part.view(y.dtype), out=place)


def _first(windows: Array, count: int) -> Array:
    """The first element of each window."""
    return windows[(..., *(0,) * count)]  # type: ignore[arg-type]


def _with_lengths(shape: Ints, axes: Ints, lengths: Ints) -> Ints:
    given = dict(zip(axes, lengths, strict=True))
    return tuple(given.get(axis, length) for axis, length in enumerate(shape))


def _spans(shape: Ints, stride: Ints, dilation: Ints, axes: Ints) -> list[Span]:
    window = shape[len(shape) - len(axes) :]
    return [
        Span(axis, shape[axis], taps, step, apart)
        for axis, taps, step, apart in zip(axes, window, stride, dilation, strict=True)
    ]


def _apart(spans: Sequence[Span]) -> bool:
    """Whether windows do not overlap."""
    return all(span.dilation == 1 and span.taps <= span.stride for span in spans)


def _everywhere(spans: Sequence[Span], shape: Ints) -> bool:
    """Whether each element of an array of this shape is in just one window."""
    return _apart(spans) and all(span.taps == span.stride and span.reach == shape[span.axis] for span in spans)


def _place(ndim: int, spans: Sequence[Span], offset: Ints) -> tuple[slice, ...]:
    place = [slice(None)] * ndim
    for span, tap in zip(spans, offset, strict=True):
        place[span.axis] = span.at(tap)
    return tuple(place)


def _scratch_like(x: Array, name: str, shape: Ints | None = None) -> Array:
    """Memory that belongs to this thread, in the shape of `x` or another and the order of its memory."""
    shape = x.shape if shape is None else shape
    order = memory_order(x)
    memory = scratch(tuple(shape[axis] for axis in order), x.dtype, name)
    return memory.transpose([order.index(axis) for axis in range(x.ndim)])


def _in_blocks(work: Callable[[tuple[Any, ...]], None], blocks: list[tuple[Any, ...]]) -> None:
    """`work` on each block, shared over threads where there are several."""
    if len(blocks) == 1:
        work(blocks[0])
    else:
        share(work, blocks)


def _blocks(x: Array, axes: Sequence[int], size: int = BLOCK) -> list[tuple[Any, ...]]:
    """Indices that cut `x` along some axes into blocks of about `size` elements, or in two if it is not much larger:
    along the longest strides first."""
    left, cut = x.size, dict[int, int]()
    size = min(size, max(size // 2, -(-x.size // 2)))
    for axis in sorted(axes, key=lambda axis: -abs(x.strides[axis])):
        if left <= size:
            break
        left //= x.shape[axis]
        pieces = -(-x.shape[axis] * left // size)
        pieces += pieces % 2
        cut[axis] = max(1, -(-x.shape[axis] // pieces))
    pieces = [
        [slice(start, start + cut[axis]) for start in range(0, length, cut[axis])] if axis in cut else [slice(None)]
        for axis, length in enumerate(x.shape)
    ]
    return list(itertools.product(*pieces, [...]))
