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

from autograd.dtypes import Array
from autograd.kernels.layout import Placed, Region, dense, placed
from autograd.kernels.once import once
from autograd.kernels.threads import scratch, share
from autograd.kernels.windows import Ints

Task = Callable[[], object]

# Elements of patches in a block: 1 MB of float32, what a second-level cache holds. Larger ones are faster alone, since
# threads wait less for each other, and slower in a network, whose arrays they put out of the cache.
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
    for part, images, (results,) in _parts(x, [g], taps, stride, dilation, before or (0,) * len(taps)):
        for blocks in part.blocks:
            own_sums = np.empty((groups, part.depth(part.band), features * part.band), dtype)
            sums.append((part, own_sums))
            tasks += [partial(part.sum_products, images, results, block, own_sums[block.groups]) for block in blocks]
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
        for part, images, results in _parts(x, targets, weight.shape[3:], stride, dilation, before):
            matrices = part.weight_matrices(weight, results[0].memory.dtype)
            for block in itertools.chain(*part.blocks):
                yield partial(part.multiply, matrices[block.groups, None], images, results, block)


def _parts(
    x: Array,
    targets: Sequence[Array],
    taps: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    before: Sequence[int],
) -> Iterator[tuple[Part, Placed, list[Placed]]]:
    """Convolutions of two or more spatial axes, undilated along the first, that together make one of any kind; with
    what of x and the targets they go between.

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
        images, results = placed(x[:, :, first::apart]), [placed(target[:, :, turn::turns]) for target in targets]
        setting = ((tall, *inner), (step * turns // apart, *steps), tuple(inner_dilation), (-skipped, *inner_before))
        part = Part.of(
            images.shape,
            images.strides,
            images.memory.itemsize,
            tuple([(target.shape, target.strides) for target in results]),
            results[0].memory.itemsize,
            *setting,
        )
        yield part, images, results


class Product(NamedTuple):
    """Of a block: rows of the weight matrices and their depth; patches, and results, as stacks of matrices."""

    rows: int
    depth: int
    patches: Region
    results: Region


class Border(NamedTuple):
    """A part of x with zeros around it: its shape, what of it is outside of x, and what is inside, if anything, and
    where there."""

    shape: Ints
    zeros: list[tuple[slice, ...]]
    place: tuple[slice, ...]
    inside: Region | None


class Block(NamedTuple):
    """Some rows of positions, along the first spatial axis, and some of the second one, of some groups.

    The shape of their patches, windows along all spatial axes but the first; where these are, in x or in a part of it
    with a border; their products; and, unless the results are such matrices in memory, the shape of an array of them,
    that with each target and each spatial axis apart, and where its parts are in the targets.
    """

    groups: slice
    patches: Ints
    windows: Region
    border: Border | None
    products: list[Product]
    lines: Ints | None
    apart: Ints
    copies: list[tuple[tuple[Any, ...], int, Region]]


class Part:
    """How a convolution between x and its targets is cut into blocks, for all that lie alike in memory."""

    @classmethod
    @functools.lru_cache(maxsize=256)
    def of(cls, *setting: Any) -> Part:
        """The same object for the same arguments."""
        return cls(*setting)

    def __init__(
        self,
        shape: Ints,
        strides: Ints,
        own_item: int,
        targets: Sequence[tuple[Ints, Ints]],
        item: int,
        taps: Ints,
        stride: Ints,
        dilation: Ints,
        before: Ints,
    ) -> None:
        self.shape, self.strides, self.own_item = shape, strides, own_item
        self.targets, self.item = targets, item
        channels, images = shape[1], shape[-1]
        results, _ = targets[0]
        self.tall, *inner = taps
        self.step, *self.steps = stride
        self.taps, self.dilation, self.before = tuple(inner), dilation, before
        self.layer = channels * math.prod(inner)  # rows of a patch that a row of x makes
        self.features = len(targets) * results[1]
        self.positions: Ints = results[2:-1]
        rows, seconds, *others = self.positions
        self.rest = math.prod(others) * images  # columns of a position along the second axis
        banded = self.features == 1 and 3 * self.step < 2 * self.tall
        self.band = min(BAND, rows) if banded else 1

        most = PRODUCT // self.depth(self.band) // self.rest
        self.wide = next(_slices(seconds, max(1, most, -(-SHORT // self.rest)))).stop
        block = BLOCK // (self.layer * self.wide * self.rest)
        self.many = max(1, block // (rows * self.step + self.tall))
        self.high = rows if self.many > 1 else max(1, (block - self.tall) // self.step)

        self.spans = [(rows - 1) * self.step + self.tall]
        self.spans += map(_span, (seconds, *others), self.steps, self.taps, self.dilation)
        self.direct = len(targets) == 1 and _has_rows(*targets[0], item)

    @once
    def blocks(self) -> list[list[Block]]:
        """All blocks: for some positions each, those of all groups."""
        rows, seconds = self.positions[:2]
        return [
            [self._block(own, some, second) for own in _slices(self.shape[0], self.many)]
            for some in _slices(rows, self.high, self.band)
            for second in _slices(seconds, self.wide)
        ]

    def depth(self, band: int) -> int:
        """Rows of the patches of a band."""
        return ((band - 1) * self.step + self.tall) * self.layer

    def shifted(self, i: int) -> slice:
        """Where in the patch of a band its row i's own patch is."""
        start = i * self.step * self.layer
        return slice(start, start + self.depth(1))

    def weight_matrices(self, weight: Array, dtype: np.dtype[Any]) -> Array:
        """The weight as matrices (G, F, rows of a patch); for several rows of y at once, banded."""
        groups, features, channels = weight.shape[:3]
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

    def multiply(self, matrices: Array, x: Placed, targets: Sequence[Placed], block: Block) -> None:
        """Weights by patches: a block of results."""
        dtype = targets[0].memory.dtype
        patches = _patches(x, block, dtype)
        lines = targets[0] if block.lines is None else _scratch(block.lines, dtype, "grouped results")
        for rows, depth, seen, made in block.products:
            np.matmul(matrices[..., :rows, :depth], patches.view(seen), out=lines.view(made))
        for place, i, region in block.copies:
            np.copyto(targets[i].view(region), lines.memory.reshape(block.apart)[place])

    def sum_products(self, x: Placed, results: Placed, block: Block, total: Array) -> None:
        """Patches by results, summed over rows, for a block: (groups, rows of a band's patch, F or band)."""
        dtype = results.memory.dtype
        patches = _patches(x, block, dtype)
        lines = results
        if block.lines is not None:
            lines = _scratch(block.lines, dtype, "grouped results")
            for place, _, region in block.copies:
                lines.memory.reshape(block.apart)[place] = results.view(region)
        total[...] = 0
        for rows, depth, seen, made in block.products:
            sums = total[:, :depth, :rows]
            sums += np.add.reduce(np.matmul(patches.view(seen), lines.view(made).swapaxes(-1, -2)), axis=1)

    def _block(self, own: slice, rows: slice, seconds: slice) -> Block:
        counts = (seconds.stop - seconds.start, *self.positions[2:])
        starts = [rows.start * self.step - self.before[0], seconds.start * self.steps[0] - self.before[1]]
        starts += [-before for before in self.before[2:]]
        high = (rows.stop - rows.start - 1) * self.step + self.tall
        spans = [high, _span(counts[0], self.steps[0], self.taps[0], self.dilation[0]), *self.spans[2:]]
        groups, channels, images = own.stop - own.start, self.shape[1], self.shape[-1]
        patches = (groups, high, channels, *self.taps, *counts, images)
        lengths = self.shape[2:-1]
        inside = all(a >= 0 and a + span <= n for a, span, n in zip(starts, spans, lengths, strict=True))
        if inside:
            windows = Region(
                own.start * self.strides[0] + sum(map(operator.mul, starts, self.strides[2:-1])),
                patches,
                self._windows(self.strides),
            )
            border = None
        else:
            border = self._border(own, starts, spans)
            windows = Region(0, patches, self._windows(dense(border.shape, self.own_item)))
        lines = None
        strides = self.targets[0][1]
        offset = own.start * strides[0] + rows.start * strides[2] + seconds.start * self.rest * self.item
        if not self.direct:
            lines = (groups, self.features, rows.stop - rows.start, counts[0] * self.rest)
            strides, offset = dense(lines, self.item), 0
        products = [
            product
            for band in self._bands(rows.stop - rows.start)
            for product in self._products(groups, high, band, counts[0] * self.rest, offset, strides[:3])
        ]
        apart = (groups, len(self.targets), -1, rows.stop - rows.start, *counts, images)
        copies = self._copies(own, rows, seconds) if lines else []
        return Block(own, patches, windows, border, products, lines, apart, copies)

    def _bands(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """Whole bands, then one of the rows that are left: where they start, how many, and how high they are."""
        most = rows - rows % self.band
        for start, stop, high in ((0, most, self.band), (most, rows, rows - most)):
            if start < stop:
                yield start, (stop - start) // high, high

    def _products(
        self, groups: int, tall: int, band: tuple[int, int, int], columns: int, offset: int, by: Ints
    ) -> Iterator[Product]:
        """The products of bands, cut along columns: over patches of so many rows of x, for results that begin so many
        bytes from the first, by groups, features and rows."""
        start, count, high = band
        item, depth = self.item, self.depth(high)
        by_group, by_feature, by_row = by
        apart = self.step * self.layer * columns * item
        wide = (columns * item, item)
        if self.band == 1:
            rows, strides = self.features, (by_group, by_row, by_feature, item)
        else:
            rows, strides = high, (by_group, high * by_row, by_row, item)
        for some in _slices(columns, max(SHORT, PRODUCT // depth)):
            length, ahead = some.stop - some.start, some.start * item
            yield Product(
                rows,
                depth,
                Region(
                    start * apart + ahead,
                    (groups, count, depth, length),
                    (tall * self.layer * columns * item, high * apart, *wide),
                ),
                Region(offset + start * by_row + ahead, (groups, count, rows, length), strides),
            )

    def _copies(self, own: slice, rows: slice, seconds: slice) -> list[tuple[tuple[Any, ...], int, Region]]:
        """Where of a block's results, each target's features and axes apart, those that a target has are in it."""
        copies = []
        for i, (shape, strides) in enumerate(self.targets):
            ends = (rows.stop, seconds.stop, *self.positions[2:])
            firsts = (rows.start, seconds.start, *(0,) * len(self.positions[2:]))
            counts = [min(end, n) - first for first, end, n in zip(firsts, ends, shape[2:-1], strict=True)]
            if min(counts) > 0:
                offset = own.start * strides[0] + rows.start * strides[2] + seconds.start * strides[3]
                region = Region(offset, (own.stop - own.start, shape[1], *counts, shape[-1]), strides)
                copies.append(((slice(None), i, slice(None), *map(slice, counts)), i, region))
        return copies

    def _windows(self, strides: Ints) -> Ints:
        """The strides of patches of images (G, C, *L, N) with these."""
        group, channel, row, *inner, image = strides
        at = map(operator.mul, inner, self.steps)
        tap = map(operator.mul, inner, self.dilation)
        return group, row, channel, *tap, *at, image

    def _border(self, own: slice, starts: Sequence[int], spans: Sequence[int]) -> Border:
        """So many elements of each spatial axis, from some on, of some groups of x."""
        everything = slice(None)
        zeros: list[tuple[slice, ...]] = []
        place: list[slice] = [everything, everything]
        counts, offset = [], own.start * self.strides[0]
        for length, stride, start, span in zip(self.shape[2:-1], self.strides[2:-1], starts, spans, strict=True):
            low, high = (min(max(end, 0), length) for end in (start, start + span))
            first, last = (low - start, high - start) if low < high else (span, span)
            zeros += [(*place, slice(first))] if first else []
            zeros += [(*place, slice(last, span))] if last < span else []
            place.append(slice(first, last))
            counts.append(last - first)
            offset += low * stride
        shape = (own.stop - own.start, self.shape[1], *spans, self.shape[-1])
        region = Region(offset, (*shape[:2], *counts, shape[-1]), self.strides) if all(counts) else None
        return Border(shape, zeros, tuple(place), region)


def _patches(x: Placed, block: Block, dtype: np.dtype[Any]) -> Placed:
    """The patches of a block, in scratch memory."""
    if block.border is not None:
        shape, zeros, place, inside = block.border
        region = scratch(shape, x.memory.dtype, "grouped region")
        for outside in zeros:
            region[outside] = 0
        if inside is not None:
            np.copyto(region[place], x.view(inside))
        x = Placed(region, 0, region.shape, region.strides)
    patches = _scratch(block.patches, dtype, "grouped patches")
    np.copyto(patches.memory, x.view(block.windows))
    return patches


def _scratch(shape: Ints, dtype: np.dtype[Any], name: str) -> Placed:
    memory = scratch(shape, dtype, name)
    return Placed(memory, 0, shape, memory.strides)


def _span(count: int, step: int, taps: int, apart: int) -> int:
    """How many elements so many windows reach over."""
    return (count - 1) * step + (taps - 1) * apart + 1


def _along(axes: Sequence[slice], last: int = 1) -> tuple[Any, ...]:
    """The index that takes these slices of the last axes but `last`."""
    return (..., *axes, *(slice(None),) * last)


def _has_rows(shape: Ints, strides: Ints, item: int) -> bool:
    """Whether the axes of an array (G, F, *P, N) after the first of P are contiguous, as the rows of a matrix are."""
    size = item
    for length, stride in zip(shape[:2:-1], strides[:2:-1], strict=True):
        if length > 1 and stride != size:
            return False
        size *= length
    return all(length == 1 or stride >= size for length, stride in zip(shape[1:3], strides[1:3], strict=True))


def _slices(length: int, most: int, multiple: int = 1) -> Iterator[slice]:
    """A length in even slices of at most so many, but for rounding up to a multiple."""
    step = -(-length // -(-length // most))
    step += -step % multiple
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))
