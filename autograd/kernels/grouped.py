"""Convolution in groups of few channels, depthwise convolution among them, without tiny products.

Arrays lie as they do in memory, batch last: x (G, C, *L, N), weight (G, F, C, *T), y (G, F, *P, N), and
y[g, f, p, n] = Σ_c,t x[g, c, p · stride + t · dilation - before, n] · w[g, f, c, t], where x is zero outside of itself.

In a block that stays in cache, each row of the first spatial axis is copied once for every tap of the other axes, as
the matrix (C · taps, columns) of its windows. The rows that one row of y needs lie one after the other, and so are a
matrix already, which overlaps the next one's; all products of a block are one call of np.matmul, stacked over groups
and rows. One feature alone would make vectors of the products: there, four rows of y are taken at once, with a banded
matrix of weights. Half of that is zeros, and the whole is still 1.3 times as quick.

Blocks depend on shapes alone, and sums are added in order: results are the same bits at any number of threads.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd.dtypes import Array
from autograd.kernels.threads import scratch, share
from autograd.kernels.windows import Ints

Task = Callable[[], object]

# Elements of patches in a block: 1 MB of float32, what a second-level cache holds.
BLOCK = 1 << 18
# Elements of patches in one product, where its columns can be cut: what a first-level cache holds.
PRODUCT = 12_000
# Rows of fewer columns than this make one matrix for all rows, though taps of the first axis are then copied too.
SHORT = 64
# Rows of y at once where there is one feature.
BAND = 4


def worthwhile(channels: int, features: int) -> bool:
    """Whether groups of so many channels in and features out are small enough: of more, each is a convolution."""
    return max(channels, features) <= 32


def forward(
    x: Array, weight: Array, positions: Ints, stride: Ints, dilation: Ints, before: Sequence[int] | None = None
) -> Array:
    """y (G, F, *positions, N), C-contiguous."""
    y = np.empty((*weight.shape[:2], *positions, x.shape[-1]), np.result_type(x, weight))
    _run(list(_correlation(x, weight, [y], stride, dilation, before or (0,) * len(positions))))
    return y


def weight_gradient(
    x: Array, g: Array, taps: Ints, stride: Ints, dilation: Ints, before: Sequence[int] | None = None
) -> Array:
    """w̄[g, f, c, t] = Σ_p,n x[g, c, p · stride + t · dilation - before, n] · ȳ[g, f, p, n]: (G, F, C, *taps)."""
    groups, features, channels = *g.shape[:2], x.shape[1]
    dtype = np.result_type(x, g)
    if not g.size or not x.size:
        return np.zeros((groups, features, channels, *taps), dtype)
    x, g = x.astype(dtype, copy=False), g.astype(dtype, copy=False)
    tasks: list[Task] = []
    sums: list[tuple[Part, Array]] = []
    for part in _parts(x, [g], taps, stride, dilation, before or (0,) * len(taps)):
        for place in part.places():
            own_sums = np.empty((groups, part.depth(part.band), features * part.band), dtype)
            sums.append((part, own_sums))
            tasks += [partial(part.sum_products, own, place, own_sums[own]) for own in part.groups()]
    _run(tasks)
    total = functools.reduce(np.add, (part.unbanded(own_sums) for part, own_sums in sums))
    by_tap = total.reshape(groups, part.tall, channels, -1, features).transpose(0, 4, 2, 1, 3)
    return np.ascontiguousarray(by_tap).reshape(groups, features, channels, *taps)


def input_gradient(
    g: Array, weight: Array, lengths: Ints, stride: Ints, dilation: Ints, before: Sequence[int] | None = None
) -> Array:
    """The adjoint of `forward` in x: (G, C, *lengths, N), C-contiguous.

    Elements of each remainder by the stride meet their own taps alone: each remainder is a convolution of g at stride
    1, with those taps flipped. All of them are one, whose features they are, unless dilation sets them apart.
    """
    groups, _, channels, *taps = weight.shape
    gx = np.empty((groups, channels, *lengths, g.shape[-1]), np.result_type(g, weight))
    if not gx.size:
        return gx
    phases = list(itertools.product(*map(range, map(min, stride, lengths))))
    apart = [d // math.gcd(s, d) for s, d in zip(stride, dilation, strict=True)]
    tasks: list[Task] = []
    for some in [phases] if max(apart) == 1 else [[phase] for phase in phases]:
        targets = [gx[_along([slice(a, None, s) for a, s in zip(phase, stride, strict=True)])] for phase in some]
        kernel, ahead = _kernel_of_phases(weight, some, stride, dilation, before or (0,) * len(taps))
        tasks += _correlation(g, kernel, targets, (1,) * len(taps), apart, ahead)
    _run(tasks)
    return gx


def _kernel_of_phases(
    weight: Array, phases: Sequence[Ints], stride: Ints, dilation: Ints, before: Sequence[int]
) -> tuple[Array, list[int]]:
    """The weight (G, phases · C, F, *taps) that makes elements of some remainders of g, and how much lies before."""
    groups, features, channels, *taps = weight.shape
    axes: list[dict[int, Met]] = []
    spans, ahead = [], []
    for axis, (first, *setting) in enumerate(
        zip(zip(*phases, strict=True), taps, stride, dilation, before, strict=True)
    ):
        met = {a: one for a in sorted(set(first)) if (one := _taps_met(a, *setting)) is not None}
        axes.append(met)
        ahead.append(max((one.before for one in met.values()), default=0))
        spans.append(max((ahead[axis] - one.before + one.length for one in met.values()), default=0))
    kernel = np.zeros((groups, len(phases), channels, features, *spans), weight.dtype)
    for i, phase in enumerate(phases):
        if all(a in met for a, met in zip(phase, axes, strict=True)):
            ones = [met[a] for a, met in zip(phase, axes, strict=True)]
            starts = [most - one.before for most, one in zip(ahead, ones, strict=True)]
            place = [slice(start, start + one.length) for start, one in zip(starts, ones, strict=True)]
            own = kernel[:, i][_along(place, 0)]
            own[...] = weight[_along([one.taps for one in ones], 0)].swapaxes(1, 2)
    return kernel.reshape(groups, len(phases) * channels, features, *spans), ahead


class Met(NamedTuple):
    """The taps that meet the elements of one remainder, flipped, and how much lies before as a convolution of them."""

    taps: slice
    length: int
    before: int


def _taps_met(first: int, taps: int, stride: int, dilation: int, before: int) -> Met | None:
    """What meets elements first, first + stride, … of an axis; None if nothing does."""
    apart = stride // math.gcd(stride, dilation)
    reach = range(-before - first, dilation * taps - before - first, dilation)
    least = next((t for t in range(min(apart, taps)) if reach[t] % stride == 0), None)
    if least is None:
        return None
    length = 1 + (taps - 1 - least) // apart
    last = least + (length - 1) * apart
    return Met(slice(last, least - 1 if least else None, -apart), length, reach[last] // stride)


def _run(tasks: Sequence[Task]) -> None:
    share(lambda task: task(), tasks)


def _correlation(
    x: Array, weight: Array, targets: Sequence[Array], stride: Ints, dilation: Sequence[int], before: Sequence[int]
) -> Iterator[Task]:
    """What `forward` does, as tasks in any order.

    The features go to the `targets`, equally many to each. These have any strides, and may have fewer positions than
    the first one.
    """
    if not weight.size or not x.shape[-1]:
        for target in targets:
            target[...] = 0
    elif targets[0].size:
        for part in _parts(x, targets, weight.shape[3:], stride, dilation, before):
            matrices = part.weight_matrices(weight)
            for place in part.places():
                for own in part.groups():
                    yield partial(part.multiply, matrices[own], own, place)


def _parts(
    x: Array,
    targets: Sequence[Array],
    taps: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    before: Sequence[int],
) -> Iterator[Part]:
    """Convolutions of two or more spatial axes, undilated along the first, that together make one of any kind.

    Rows that are a multiple of the dilation apart do not meet the others.
    """
    settings = [tuple(setting) for setting in (taps, stride, dilation, before)]
    if math.prod(targets[0].shape[3:]) < SHORT:
        x, *targets = (np.expand_dims(one, 2) for one in (x, *targets))
        settings = [(one, *setting) for one, setting in zip((1, 1, 1, 0), settings, strict=True)]
    elif len(taps) == 1:
        x, *targets = (np.expand_dims(one, 3) for one in (x, *targets))
        settings = [(*setting, one) for one, setting in zip((1, 1, 1, 0), settings, strict=True)]
    (tall, *inner), (step, *steps), (apart, *inner_dilation), (ahead, *inner_before) = settings
    if tall == 1:
        apart = step
    turns = apart // math.gcd(step, apart)
    for turn in range(min(turns, targets[0].shape[2])):
        skipped, first = divmod(turn * step - ahead, apart)
        yield Part(
            x[:, :, first::apart],
            [target[:, :, turn::turns] for target in targets],
            (tall, *inner),
            (step * turns // apart, *steps),
            tuple(inner_dilation),
            (-skipped, *inner_before),
        )


class Place(NamedTuple):
    """Some rows of positions, along the first spatial axis, and some of the second axis, with their products."""

    rows: slice
    seconds: slice
    columns: slice
    bands: Sequence[Band]


class Band(NamedTuple):
    """Rows of positions as products of `high` rows each, over `depth` rows of patches, cut along columns."""

    rows: slice
    products: int
    high: int
    depth: int
    columns: Sequence[slice]


class Part:
    """A convolution between x and its targets, cut into blocks, with patches and results as stacks of matrices."""

    def __init__(
        self, x: Array, targets: Sequence[Array], taps: Ints, stride: Ints, dilation: Ints, before: Ints
    ) -> None:
        y = targets[0]
        self.x, self.targets = x, targets
        self.tall, *inner = taps
        self.step, *self.steps = stride
        self.taps, self.dilation, self.before = tuple(inner), dilation, before
        self.layer = x.shape[1] * math.prod(inner)  # rows of a patch that a row of x makes
        self.features = len(targets) * y.shape[1]
        self.positions: Ints = y.shape[2:-1]
        rows, seconds, *others = self.positions
        self.rest = math.prod(others) * y.shape[-1]  # columns of a position along the second axis
        banded = self.features == 1 and 3 * self.step < 2 * self.tall
        self.band = min(BAND, rows) if banded else 1

        most = PRODUCT // self.depth(self.band) // self.rest
        self.wide = next(_slices(seconds, max(1, most, -(-SHORT // self.rest)))).stop
        block = BLOCK // (self.layer * self.wide * self.rest)
        self.many = max(1, block // (rows * self.step + self.tall))
        self.high = rows if self.many > 1 else max(1, (block - self.tall) // self.step)

        self.spans = [(rows - 1) * self.step + self.tall]
        self.spans += map(_span, (seconds, *others), self.steps, self.taps, self.dilation)
        inside = not any(before) and all(map(operator.le, self.spans, x.shape[2:]))
        self.windows = self.windows_of(x, self.positions[1:]) if inside else None
        direct = len(targets) == 1 and _has_rows(y)
        self.lines = y.reshape(*y.shape[:3], -1) if direct else None

    def groups(self) -> Iterator[slice]:
        return _slices(len(self.x), self.many)

    def places(self) -> Iterator[Place]:
        rows, seconds = self.positions[:2]
        for some in _slices(rows, self.high, self.band):
            for second in _slices(seconds, self.wide):
                columns = slice(second.start * self.rest, second.stop * self.rest)
                yield Place(some, second, columns, self.bands(some.stop - some.start, columns.stop - columns.start))

    def bands(self, rows: int, columns: int) -> list[Band]:
        """Whole bands, then one of the rows that are left."""
        most = rows - rows % self.band
        bands = []
        for start, stop, high in ((0, most, self.band), (most, rows, rows - most)):
            if start < stop:
                depth = self.depth(high)
                cut = list(_slices(columns, max(SHORT, PRODUCT // depth)))
                bands.append(Band(slice(start, stop), (stop - start) // high, high, depth, cut))
        return bands

    def depth(self, band: int) -> int:
        """Rows of the patches of a band."""
        return ((band - 1) * self.step + self.tall) * self.layer

    def shifted(self, i: int) -> slice:
        """Where in the patch of a band its row i's own patch is."""
        start = i * self.step * self.layer
        return slice(start, start + self.depth(1))

    def weight_matrices(self, weight: Array) -> Array:
        """The weight as matrices (G, F, rows of a patch); for several rows of y at once, banded."""
        groups, features, channels = weight.shape[:3]
        dtype = self.targets[0].dtype
        by_row = weight.reshape(groups, features, channels, self.tall, -1).swapaxes(2, 3).astype(dtype, order="C")
        flat = by_row.reshape(groups, features, self.depth(1))
        if self.band == 1:
            return flat
        matrices = np.zeros((groups, self.band, self.depth(self.band)), dtype)
        for i in range(self.band):
            matrices[:, i, self.shifted(i)] = flat[:, 0]
        return matrices

    def unbanded(self, sums: Array) -> Array:
        """The adjoint of that: of patches by results (G, rows of a band's patch, F or band), what is a weight's."""
        if self.band == 1:
            return sums
        return functools.reduce(np.add, (sums[:, self.shifted(i), i : i + 1] for i in range(self.band)))

    def multiply(self, matrices: Array, own: slice, place: Place) -> None:
        """Weights by patches, for some groups and places: a block of results."""
        patches = self.patches(own, place)
        if self.lines is not None:
            lines = self.lines[own, :, place.rows, place.columns]
        else:
            shape = (len(patches), self.features, place.rows.stop - place.rows.start, patches.shape[-1])
            lines = scratch(shape, patches.dtype, "grouped results")
        for band in place.bands:
            results, operands = self.stacks(band, lines, patches)
            chosen = matrices[:, None, : results.shape[-2], : band.depth]
            for some in band.columns:
                np.matmul(chosen, operands[..., some], out=results[..., some])
        if self.lines is None:
            shape = (len(lines), len(self.targets), -1, lines.shape[2], *self.counts(place), self.x.shape[-1])
            results = lines.reshape(shape)
            for i, target in enumerate(self.targets):
                target = target[own, :, place.rows, place.seconds]
                np.copyto(target, results[:, i][_along(list(map(slice, target.shape[2:])), 0)])

    def sum_products(self, own: slice, place: Place, total: Array) -> None:
        """Patches by results, summed over rows, for a block: (groups, rows of a band's patch, F or band)."""
        patches = self.patches(own, place)
        if self.lines is not None:
            lines = self.lines[own, :, place.rows, place.columns]
        else:
            source = self.targets[0][own, :, place.rows, place.seconds]
            lines = scratch((*source.shape[:3], patches.shape[-1]), source.dtype, "grouped results")
            np.copyto(lines.reshape(source.shape), source)
        total[...] = 0
        for band in place.bands:
            results, operands = self.stacks(band, lines, patches)
            results = results.swapaxes(-1, -2)
            sums = total[:, : band.depth, : results.shape[-1]]
            for some in band.columns:
                sums += np.add.reduce(np.matmul(operands[..., some], results[..., some, :]), axis=1)

    def stacks(self, band: Band, lines: Array, patches: Array) -> tuple[Array, Array]:
        """Results (groups, products, F or rows of the band, columns) and patches (groups, products, depth, columns)."""
        results = lines[:, :, band.rows]
        if self.band == 1:
            results = results.swapaxes(1, 2)
        else:
            results = results.reshape(len(lines), band.products, band.high, -1)
        group, row, column = patches.strides
        apart = self.step * self.layer * row
        operands: Array = np.ndarray(
            (len(patches), band.products, band.depth, patches.shape[-1]),
            patches.dtype,
            patches,
            band.rows.start * apart,
            (group, band.high * apart, row, column),
        )
        return results, operands

    def patches(self, own: slice, place: Place) -> Array:
        """Windows along all spatial axes but the first, as matrices (groups, rows of x · C · taps, columns)."""
        start = place.rows.start * self.step
        high = (place.rows.stop - place.rows.start - 1) * self.step + self.tall
        if self.windows is not None:
            others = [slice(None)] * (len(self.positions) - 2)
            windows = self.windows[own, start : start + high][_along([place.seconds, *others])]
        else:
            counts = self.counts(place)
            first = [-ahead for ahead in self.before]
            first[0] += start
            first[1] += place.seconds.start * self.steps[0]
            spans = [high, _span(counts[0], self.steps[0], self.taps[0], self.dilation[0]), *self.spans[2:]]
            windows = self.windows_of(_region(self.x[own], first, spans), counts)
        copied = scratch(windows.shape, self.targets[0].dtype, "grouped patches")
        np.copyto(copied, windows)
        return copied.reshape(len(copied), high * self.layer, -1)

    def counts(self, place: Place) -> Ints:
        """How many positions there are along all spatial axes but the first."""
        return place.seconds.stop - place.seconds.start, *self.positions[2:]

    def windows_of(self, x: Array, counts: Ints) -> Array:
        """Windows along all spatial axes but the first, (G, rows of x, C, *taps, *counts, N)."""
        group, channel, row, *inner, image = x.strides
        at = map(operator.mul, inner, self.steps)
        tap = map(operator.mul, inner, self.dilation)
        return as_strided(
            x,
            (len(x), x.shape[2], x.shape[1], *self.taps, *counts, x.shape[-1]),
            (group, row, channel, *tap, *at, image),
        )


def _span(count: int, step: int, taps: int, apart: int) -> int:
    """How many elements so many windows reach over."""
    return (count - 1) * step + (taps - 1) * apart + 1


def _region(x: Array, first: Sequence[int], spans: Sequence[int]) -> Array:
    """So many elements of each spatial axis of x (G, C, *L, N), from `first` on, zero where they lie outside of x."""
    inside, filled = [], []
    for length, start, span in zip(x.shape[2:-1], first, spans, strict=True):
        low, high = (min(max(end, 0), length) for end in (start, start + span))
        inside.append(slice(low, high))
        filled.append(slice(low - start, high - start) if low < high else slice(0))
    part = x[_along(inside)]
    if part.shape[2:-1] == tuple(spans):
        return part
    region = scratch((*x.shape[:2], *spans, x.shape[-1]), x.dtype, "grouped region")
    region[...] = 0
    region[_along(filled)] = part
    return region


def _along(axes: Sequence[slice], last: int = 1) -> tuple[Any, ...]:
    """The index that takes these slices of the last axes but `last`."""
    return (..., *axes, *(slice(None),) * last)


def _has_rows(x: Array) -> bool:
    """Whether the axes of x (G, F, *P, N) after the first of P are contiguous, as the rows of a matrix are."""
    size = x.itemsize
    for length, stride in zip(x.shape[:2:-1], x.strides[:2:-1], strict=True):
        if length > 1 and stride != size:
            return False
        size *= length
    return all(length == 1 or stride >= size for length, stride in zip(x.shape[1:3], x.strides[1:3], strict=True))


def _slices(length: int, most: int, multiple: int = 1) -> Iterator[slice]:
    """A length in even slices of at most so many, but for rounding up to a multiple."""
    step = -(-length // -(-length // most))
    step += -step % multiple
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))
