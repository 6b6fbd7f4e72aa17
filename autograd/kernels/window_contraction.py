"""Contractions between sliding windows, a weight and what they give: a convolution, its two gradients, its transpose.

They are known by their subscripts, and computed by the kernels for convolution, in whose memory order, batch last,
their results lie: seen from outside as a transposed view. What flows back into the windows is not computed unless
somebody looks at it: summed where the windows overlap, it is the input's gradient, and no patches are made.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels import depthwise, grouped, winograd, winograd_lines
from autograd.kernels.convolution import Task, correlation, cost, input_gradient, weight_gradient
from autograd.kernels.deferred import Deferred, errors_for_later, reads
from autograd.kernels.fresh import Fresh, Make
from autograd.kernels.fusion import LARGE
from autograd.kernels.layout import strided
from autograd.kernels.minimal_filtering import enabled
from autograd.kernels.patches import BLOCK, PARTS, SHARED, Geometry
from autograd.kernels.threads import Postponed, one_blas_thread, postpone, share
from autograd.kernels.windows import DeferredWindows, PaddedWindows

Ints = tuple[int, ...]

# With fewer elements in the windows, the general contraction is faster.
SMALL = 1 << 13
# Elements from which copies are shared over threads.
COPIED = 1 << 18
PAGE = 4096
# Multiplications from which the gradient of a grouped weight is left to other threads: in groups, each takes longer.
POSTPONED = 1 << 20


class Terms(NamedTuple):
    """The subscripts of windows, a weight and their result; the number of spatial axes; whether there are groups."""

    windows: str
    weight: str
    result: str
    axes: int
    grouped: bool


@functools.lru_cache(maxsize=1024)
def terms_of(a: str, b: str, output: str) -> Terms | None:
    """Which of three terms are windows "n[g]c{p}{t}", weight "[g]fc{t}" and result "n[g]f{p}"; None if they are not.

    >>> from autograd.kernels.window_contraction import terms_of
    >>> terms_of("nchiwx", "fcwx", "nfhi")
    Terms(windows='nchiwx', weight='fcwx', result='nfhi', axes=2, grouped=False)
    """
    windows = max(a, b, output, key=len)
    for weight in {a, b, output} - {windows}:
        (result,) = {a, b, output} - {windows, weight} or {""}
        n = len(set(windows) - set(weight)) - 1
        inner, features = windows[1 : len(windows) - 2 * n], set(weight) - set(windows)
        if n < 1 or not 1 <= len(inner) <= 2 or len(features) != 1:
            continue
        group, channel, (feature,) = inner[:-1], inner[-1], features
        positions, taps = windows[-2 * n : -n], windows[-n:]
        wanted = (group + feature + channel + taps, windows[0] + group + feature + positions)
        if wanted == (weight, result) and len(set(windows)) == len(windows):
            return Terms(windows, weight, result, n, bool(group))
    return None


def contract_windows(terms: Terms | None, a: str, operands: Sequence[Any], output: str) -> Array | None:
    """The contraction of two operands, the first with the term `a`, if it is one of those between floating-point
    windows, a weight and a result, and large enough; else None."""
    x, y = operands
    if terms is None or x.dtype != y.dtype or x.dtype.char not in "fd" or not (x.size and y.size):
        return None
    if output == terms.windows:
        if isinstance(x, Deferred) or isinstance(y, Deferred):
            return None
        result, weight = (x, y) if a == terms.result else (y, x)
        if result.size * math.prod(weight.shape[-terms.axes :]) < SMALL:
            return None
        return stamps(result, weight) if terms.grouped else stamps(result[:, None], weight[None])[:, 0]
    windows, other = (x, y) if a == terms.windows else (y, x)
    found = None if isinstance(other, Deferred) else _images(windows, terms)
    if found is None:
        return None
    images, at = found
    if output == terms.weight:
        gradient = _to_weight(images, batch_last(other if terms.grouped else other[:, None]), at)
        return gradient if terms.grouped else gradient[0]
    weight = other if terms.grouped else other[None]
    y = _correlation(images, weight, at)(weight)
    return _batch_first(y if terms.grouped else y[0])


def convolved(terms: Terms | None, a: str, operands: Sequence[Any], output: str, shape: Ints) -> Fresh | None:
    """The contraction of windows and a weight, still to be made; None if it is another one, or small."""
    if terms is None or output != terms.result or math.prod(shape) < LARGE:
        return None
    windows, weight = operands if a == terms.windows else operands[::-1]
    if windows.dtype != weight.dtype or windows.dtype.char not in "fd" or not windows.size:
        return None
    found, errors = None if isinstance(weight, Deferred) else _images(windows, terms), errors_for_later()
    if found is None or errors is None:
        return None
    make = _correlation(found[0], weight if terms.grouped else weight[None], found[1])
    if terms.grouped:
        return Fresh(make, weight, 2, found[0], shape, errors)
    return Fresh(lambda weight: make(weight[None]), weight, 1, found[0], shape, errors)


def _images(windows: Any, terms: Terms) -> tuple[Array, Geometry] | None:
    """The images (G, C, *L, N) that windows slide over, and where they lie in them; None if they are few, or no view
    of images."""
    if windows.size < SMALL:
        return None
    if isinstance(windows, PaddedWindows):
        return _unpadded(windows)
    if isinstance(windows, Deferred):
        return None
    return images_of(windows if terms.grouped else windows[:, None], terms.axes)


def _correlation(x: Array, weight: Array, at: Geometry) -> Make:
    """What makes the result (G, F, *P, N) of images (G, C, *L, N) and a weight (G, F, C, *T) like this one."""
    groups, features, channels = weight.shape[:3]
    if groups > 1 and (axes := _depthwise(channels, features, at, x.shape[2:-1], x.shape[-1])) is not None:
        return lambda weight: depthwise.forward(x[:, 0], weight[:, 0, 0], *axes)[:, None]
    if groups > 1 and grouped.worthwhile(channels, features):
        return lambda weight: grouped.forward(x, weight, at.positions, at.stride, at.dilation, at.before)
    by = minimal(weight.dtype, (groups, channels, features), at, x.shape[2:-1], (*at.positions, x.shape[-1]))
    if by is not None:
        return lambda weight: by.kernel.forward(x[0], weight[0], by.how)[None]
    return lambda weight: _by_patches(x, weight, at)


def _by_patches(x: Array, weight: Array, at: Geometry) -> Array:
    y = np.empty((*weight.shape[:2], *at.positions, x.shape[-1]), x.dtype)
    tasks = [task for parts in zip(x, weight, y, strict=True) for task in correlation(*parts[:2], at, parts[2])]
    _run(tasks, y.size * weight[0, 0].size)
    return y


def _to_weight(x: Array, g: Array, at: Geometry) -> Array:
    """The gradient of the weight (G, F, C, *T), from images (G, C, *L, N) and the result's cotangent (G, F, *P, N)."""
    groups, channels, features = *x.shape[:2], g.shape[1]
    if groups > 1 and grouped.worthwhile(channels, features):
        return grouped.weight_gradient(x, g, at.taps, at.stride, at.dilation, at.before)
    by = minimal(x.dtype, (groups, channels, features), at, x.shape[2:-1], g.shape[2:], weight_gradient=True)
    if by is not None:
        return by.kernel.weight_gradient(x[0], g[0], by.how)[None]
    gradients = [weight_gradient(own, part, at) for own, part in zip(x, g, strict=True)]
    return np.stack(gradients) if groups > 1 else gradients[0][None]


def _to_images(g: Array, weight: Array, at: Geometry, lengths: Ints) -> Array:
    """The gradient of the images (G, C, *lengths, N), from the result's cotangent (G, F, *P, N) and the weight."""
    groups, features, channels = weight.shape[:3]
    if groups > 1 and (axes := _depthwise(channels, features, at, lengths, g.shape[-1])) is not None:
        return depthwise.input_gradient(g[:, 0], weight[:, 0, 0], *axes)[:, None]
    if groups > 1 and grouped.worthwhile(channels, features):
        return grouped.input_gradient(g, weight, lengths, at.stride, at.dilation, at.before)
    by = minimal(weight.dtype, (groups, features, channels), at, lengths, (*lengths, g.shape[-1]))
    if by is not None:
        return by.kernel.input_gradient(g[0], weight[0], by.how)[None]
    y = np.empty((groups, channels, *lengths, g.shape[-1]), g.dtype)
    tasks = [task for parts in zip(g, weight, y, strict=True) for task in input_gradient(*parts[:2], at, parts[2])]
    _run(tasks, g.size * weight[0, 0].size)
    return y


def _run(tasks: Sequence[Task], multiplications: int) -> None:
    """Tasks of so much work in all: shared over threads if that pays."""
    if multiplications >= SHARED:
        share(_call, tasks)
    else:
        with one_blas_thread():
            for task in tasks:
                task()


@functools.lru_cache(maxsize=1024)
def _depthwise(
    channels: int, features: int, at: Geometry, lengths: Ints, images: int
) -> tuple[depthwise.Meeting, depthwise.Meeting] | None:
    """How the two spatial axes of images of these lengths are met, if convolution is to be by banded matrices."""
    if len(lengths) != 2:
        return None
    settings = zip(lengths, at.positions, at.taps, at.stride, at.dilation, at.before, strict=True)
    rows, columns = (depthwise.Meeting(*setting) for setting in settings)
    return (rows, columns) if depthwise.worthwhile(channels, features, rows, columns, images) else None


class Minimal(NamedTuple):
    """A kernel that convolves by minimal filtering, and how it takes a convolution apart."""

    kernel: Any
    how: Any


def minimal(
    dtype: np.dtype[Any], counts: Ints, at: Geometry, lengths: Ints, results: Ints, *, weight_gradient: bool = False
) -> Minimal | None:
    """By which kernel of minimal filtering, if any, to convolve so many groups, channels and features of images of
    these lengths (*L) to `results` (*P, N)."""
    groups, channels, features = counts
    if groups > 1 or dtype != np.float32 or not enabled():
        return None
    return _fastest(channels, features, at, lengths, results, weight_gradient)


@functools.lru_cache(maxsize=1024)
def _fastest(
    channels: int, features: int, at: Geometry, lengths: Ints, results: Ints, weight_gradient: bool
) -> Minimal | None:
    """The fastest of those that can be used, if it takes at most 0.85 of the time of products over patches."""
    ways: list[tuple[float, Minimal]] = []
    for kernel in (winograd, winograd_lines):
        if how := kernel.filtering(lengths, *at):
            ways.append((kernel.cost(channels, features, how, results, weight_gradient), Minimal(kernel, how)))
    time, best = min(ways, key=operator.itemgetter(0), default=(math.inf, None))
    return best if time <= 0.85 * cost(features, at.taps, results, weight_gradient) else None


def _unpadded(windows: PaddedWindows) -> tuple[Array, Geometry]:
    """The images (G, C, *L, N) that windows slide over, without the zeros around them; and where the windows lie."""
    padded = windows.padded
    inner, before = padded.inner, [first for first, _ in padded.widths[2:]]
    if inner is None:
        inner, before = padded.array, [0] * len(windows.window)
    groups = windows.groups if len(windows.groups) == 2 else (1, *windows.groups)
    images = batch_last(inner)
    images = images.reshape(*groups, *images.shape[1:])
    return images, Geometry(windows.positions, windows.window, windows.stride, windows.dilation, tuple(before))


def images_of(windows: Array, n: int) -> tuple[Array, Geometry] | None:
    """The images (G, C, *L, N) that windows (N, G, C, *P, *T) are a view of, and where the windows lie in them; None if
    they are not such a view."""
    found = _images_at(windows.shape, windows.strides, windows.itemsize, n)
    if found is None:
        return None
    shape, strides, at = found
    return batch_last(strided(windows, shape, strides)), at


@functools.lru_cache(maxsize=1024)
def _images_at(shape: Ints, inner: Ints, itemsize: int, n: int) -> tuple[Ints, Ints, Geometry] | None:
    """The shape and strides of those images, from those of the windows; and where these lie."""
    positions, taps = shape[-2 * n : -n], shape[-n:]
    lengths, strides, stride, dilation = [], [], [], []
    for p, t, apart, near in zip(positions, taps, inner[-2 * n : -n], inner[-n:], strict=True):
        if (p > 1 and apart <= 0) or (t > 1 and near <= 0):
            return None
        unit = math.gcd(apart if p > 1 else 0, near if t > 1 else 0)
        stride.append(apart // unit if p > 1 else 1)
        dilation.append(near // unit if t > 1 else 1)
        lengths.append((p - 1) * stride[-1] + (t - 1) * dilation[-1] + 1)
        strides.append(unit or itemsize)
    if math.prod(lengths) > 4 * math.prod(positions) * math.prod(taps):
        return None
    at = Geometry(positions, taps, tuple(stride), tuple(dilation), (0,) * n)
    return (*shape[: -2 * n], *lengths), (*inner[: -2 * n], *strides), at


def stamps(result: Array, weight: Array) -> Array:
    """Σ_f result[n, g, f, p] · w[g, f, c, t] as windows (N, G, C, *P, *T), each tap's share lying in one piece."""
    n = weight.ndim - 3
    images, groups, features, *positions = result.shape
    columns = batch_last(result).reshape(groups, features, -1)
    y = np.empty((groups, math.prod(weight.shape[3:]), weight.shape[2], columns.shape[-1]), result.dtype)
    rows = np.moveaxis(weight, 1, -1)  # (G, C, *T, F)
    rows = np.moveaxis(rows, 1, -2).reshape(groups, -1, features)  # (G, *T · C, F)
    flat = y.reshape(groups, -1, columns.shape[-1])
    step = max(1, min(columns.shape[-1], -(-columns.shape[-1] // PARTS), BLOCK // rows.shape[1]))

    def multiply(start: int) -> None:
        some = (..., slice(start, start + step))
        np.matmul(rows, columns[some], out=flat[some])

    share(multiply, range(0, columns.shape[-1], step))
    y = y.reshape(groups, *weight.shape[3:], weight.shape[2], *positions, images)
    return y.transpose(-1, 0, 1 + n, *range(2 + n, 2 + 2 * n), *range(1, 1 + n))


def batch_last(x: Array) -> Array:
    """(N, …) as (…, N), the last axis being contiguous.

    Images whole pages apart share a few lines of the cache: 8 are copied at a time, 4 times as fast as more.
    """
    x = x.transpose(*range(1, x.ndim), 0)
    if x.strides[-1] == x.itemsize or x.shape[-1] == 1:
        return x
    y = np.empty(x.shape, x.dtype)
    length, images = x.shape[1], x.shape[-1]
    step = max(1, -(-length // PARTS)) if x.size >= COPIED else length
    few = images if x.strides[-1] % PAGE else 8

    def copy(start: int) -> None:
        for first in range(0, images, few):
            some = (slice(None), slice(start, start + step), ..., slice(first, first + few))
            np.copyto(y[some], x[some])

    share(copy, range(0, length, step), blas=False)
    return y


def _batch_first(x: Array) -> Array:
    """(…, N) seen as (N, …)."""
    return x.transpose(-1, *range(x.ndim - 1))


def _call(task: Task) -> None:
    task()


def cotangent_of(term: str, x: Any, terms: tuple[str, ...], operands: tuple[Any, ...]) -> Deferred | None:
    """What flows back into `x`, of this term, when that is the windows or the weight of a convolution: the contraction
    of the result's cotangent and the other one, left to be computed where, or while, it is used. Else None."""
    found = terms_of(*terms, term) if len(terms) == 2 else None
    if found is None or not all(x.dtype == y.dtype for y in operands) or x.dtype.char not in "fd":
        return None
    result, other = operands if terms[0] == found.result else operands[::-1]
    if type(result) is not np.ndarray or not result.size:
        return None
    if term not in (found.windows, found.weight):
        return None
    windows, weight = (x, other) if term == found.windows else (other, x)
    if not _fit(found, windows.shape, weight.shape, result.shape):
        return None
    return (_windows_cotangent if term == found.windows else _weight_cotangent)(found, windows, weight, result)


@functools.lru_cache(maxsize=1024)
def _fit(terms: Terms, windows: Ints, weight: Ints, result: Ints) -> bool:
    """Whether nothing broadcasts."""
    lengths = dict(zip(terms.windows, windows, strict=True)) | dict(zip(terms.weight, weight, strict=True))
    found = ((terms.windows, windows), (terms.weight, weight), (terms.result, result))
    return all(tuple(lengths[label] for label in labels) == shape for labels, shape in found)


def _weight_cotangent(terms: Terms, windows: Any, weight: Any, result: Array) -> WeightCotangent | None:
    found = _images(windows, terms)
    least, row = (POSTPONED, weight[0, 0]) if terms.grouped else (SHARED, weight[0])
    if found is None or result.size * row.size < least:
        return None
    images, at = found

    def compute() -> Array:
        return _to_weight(images, batch_last(result if terms.grouped else result[:, None]), at)

    return WeightCotangent(postpone(compute), images, weight.shape)


def _windows_cotangent(terms: Terms, windows: Any, weight: Any, result: Array) -> WindowsCotangent | None:
    if type(weight) is not np.ndarray or windows.size < SMALL or not isinstance(windows, (np.ndarray, PaddedWindows)):
        return None
    if not terms.grouped:
        result, weight = result[:, None], weight[None]
    return WindowsCotangent(result, weight, windows.shape)


class WeightCotangent(Deferred):
    """What flows back into the weight of a convolution, which another thread may compute while the sweep goes on."""

    addable = True

    def __init__(self, postponed: Postponed, images: Array, shape: Ints) -> None:
        super().__init__(shape, images.dtype)
        self.postponed = postponed
        self.images = images
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        return (self.images,)

    def compute(self) -> Array:
        return self.postponed.result().reshape(self.shape)

    def snapshot(self) -> Array:
        return self.array.copy()

    def in_shape(self, shape: Ints) -> WeightCotangent:
        return WeightCotangent(self.postponed, self.images, shape)

    def __iadd__(self, other: Any) -> WeightCotangent:
        np.add(self.array, other, out=self.array)
        return self


class WindowsCotangent(DeferredWindows):
    """What flows back into the windows of a convolution: a result's cotangent (N, G, F, *P) stamped with the weight
    (G, F, C, *T), in a shape that may have groups and channels together."""

    def __init__(self, result: Array, weight: Array, shape: Ints) -> None:
        super().__init__(shape, result.dtype)
        self.result = result
        self.weight = weight
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        return (self.weight,)

    def compute(self) -> Array:
        return stamps(self.result, self.weight).reshape(self.shape)

    def in_shape(self, shape: Ints) -> WindowsCotangent:
        return WindowsCotangent(self.result, self.weight, shape)

    def overlap_added(self, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
        n = len(axes)
        batch, (groups, _, channels) = self.result.shape[0], self.weight.shape[:3]
        spatial = (*self.result.shape[3:], *self.weight.shape[3:])
        together = {(batch, groups, channels, *spatial), (batch, groups * channels, *spatial)}
        ahead = len(self.shape) - 2 * n
        if self.computed or self.shape not in together or axes != tuple(range(ahead, ahead + n)):
            return super().overlap_added(lengths, stride, dilation, axes)
        at = Geometry(spatial[:n], spatial[n:], stride, dilation, (0,) * n)
        return ImagesCotangent(self.result, self.weight, at, (*self.shape[:ahead], *lengths))


class ImagesCotangent(Deferred):
    """What flows back into the images of a convolution, the sum of all windows' cotangents where they overlap.

    Part of it, without the borders that padding had put on, costs only that part.
    """

    def __init__(self, result: Array, weight: Array, at: Geometry, shape: Ints) -> None:
        super().__init__(shape, result.dtype)
        self.result = result
        self.weight = weight
        self.at = at
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        return (self.weight,)

    def compute(self) -> Array:
        return self._between([0] * len(self.at.taps), self.shape[-len(self.at.taps) :])

    def __getitem__(self, key: Any) -> Any:
        n = len(self.at.taps)
        ahead = len(self.shape) - n
        plain = isinstance(key, tuple) and len(key) == len(self.shape) and all(isinstance(k, slice) for k in key)
        if self.computed or not plain:
            return self.array[key]
        bounds = [k.indices(length) for k, length in zip(key, self.shape, strict=True)]
        whole = all(bound == (0, length, 1) for bound, length in zip(bounds[:ahead], self.shape[:ahead], strict=True))
        if not whole or any(step != 1 or start >= stop for start, stop, step in bounds):
            return self.array[key]
        return self._between([start for start, *_ in bounds[ahead:]], [b[1] - b[0] for b in bounds[ahead:]])

    def _between(self, first: Sequence[int], lengths: Sequence[int]) -> Array:
        at = self.at._replace(before=tuple(first))
        y = _to_images(batch_last(self.result), self.weight, at, tuple(lengths))
        return _batch_first(y.reshape(*self.shape[1 : -len(lengths)], *lengths, -1))
