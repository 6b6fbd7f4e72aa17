"""Convolution with its two gradients, as matrix products over patches that stay in cache.

Arrays are in memory order, batch last: images (C, *L, N), results (F, *P, N), weights (F, C, *T). Batch last makes long
runs of everything: a tap shifts windows by whole runs of the images, and rows of positions and images are the columns
of a product. The taps of the first spatial axis need no copy at all: with patches kept as rows (L, C · other taps,
columns), those of k rows that follow each other are one matrix, and the matrices of neighbouring results overlap.

Blocks of a few rows and columns are shared out over threads. What a block computes does not depend on who computes it,
and partial sums are added in order: results are the same bits at any number of threads.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.padding import bordered
from autograd.kernels.threads import scratch, share

Ints = tuple[int, ...]
Task = Callable[[], object]

# Columns of one product: enough for BLAS, few enough for its kernels for small matrices.
COLUMNS = 256
# Up to so many multiplications BLAS has kernels for small matrices, and at so few columns they are fastest.
SMALL_PRODUCT, FEW = 1_000_000, 64
# Elements in a block of patches: 2 MB of float32. With the 1 MB that a second-level cache holds, two threads wait for
# each other longer than the cache saves.
BLOCK = 1 << 19
# Rows of results in a block, at least: a block copies k - 1 rows of patches that its neighbour copies too.
ROWS = 8
# Sums over blocks are made in this many parts, each in order, whatever the number of threads.
PARTS = 4
# Matrices of up to so many rows are taken as they lie.
THIN = 16
# Bytes: of a line of a cache, and apart. Rows that are multiples of so much apart share a few places of the cache, and
# products with them take up to a fifth longer.
LINE, SPACING = 64, 1024
# Work of fewer multiplications is done in one part: in several, threads wait for Python's lock longer than they work.
SHARED = 1 << 23
# Columns of a part of a sum over positions, at least.
LONG = 512
# A gradient of the weight of at least so many elements is not made as a sum of parts.
LARGE = 1 << 16


class Geometry(NamedTuple):
    """Where windows lie, one number for each spatial axis: result p and tap t meet at p · stride + t · dilation -
    before, and outside the image there are zeros."""

    positions: Ints
    taps: Ints
    stride: Ints
    dilation: Ints
    before: Ints


def cost(features: int, taps: Ints, lengths: Ints, weight_gradient: bool = False) -> float:
    """The time, in nanoseconds for each channel and feature, for results (features, *P, N) of these lengths (*P, N) at
    stride 1, as fitted to measurements with float32 on two cores (Zen 5). The gradient of the images has channels for
    features."""
    nines, positions = math.prod(taps) / 9, math.prod(lengths)
    if weight_gradient:
        return nines * (positions * (0.055 + 0.76 / features) + 4)
    return nines * positions * (0.051 + 0.4 / features)


def correlation(x: Array, weight: Array, at: Geometry, y: Array) -> Iterator[Task]:
    """y[f, p, n] = Σ_c,t x[c, p · stride + t · dilation - before, n] · w[f, c, t], as tasks in any order."""
    x, weight, at, y = _with_columns(x, weight, at, y)
    for part, images, results in _parts(x, at, y):
        blocks = blocks_of(part, images, results)
        matrix = blocks.weight_matrix(weight)
        for block in blocks.all:
            yield functools.partial(_correlate, blocks, matrix, images, results, block)


def _correlate(blocks: Blocks, matrix: Array, x: Array, y: Array, block: Block) -> None:
    few = blocks.few(block, matrix.size)
    patches, target = blocks.patches(x, block, few), blocks.columns(y, block, few)
    if target is not None:
        np.matmul(matrix, patches, out=target)
        return
    whole = y[:, block.rows, block.columns]
    product = scratch((*patches.shape[:-2], len(matrix), patches.shape[-1]), y.dtype, "product")
    np.matmul(matrix, patches, out=product)
    product = np.moveaxis(product, -2, 0)
    whole[...] = product.reshape(whole.shape)


def weight_gradient(x: Array, g: Array, at: Geometry) -> Array:
    """w̄[f, c, t] = Σ_p,n x[c, p · stride + t · dilation - before, n] · g[f, p, n].

    Where what a tap sees lies in memory in one piece, that is a product of matrices for each tap. Else a large gradient
    is made a few channels at a time; a small one as a sum over parts of the positions, and across, as the product of
    patches and transposed cotangents, for which BLAS is up to three times as fast where their rows are short.
    """
    if _in_one_piece(x, g, at):
        return _of_whole_taps(x, g, at)
    features, channels, taps = len(g), len(x), at.taps
    weight_size = features * channels * math.prod(taps)
    large = weight_size >= LARGE
    across = not large and channels * math.prod(taps) > FEW
    step = -(-channels // _parts_of(weight_size * g[0].size)) if large else channels
    x, _, at, g = _with_columns(x, None, at, g)
    work: list[tuple[Blocks, Array, Array, Block]] = []
    for part, images, results in _parts(x, at, g):
        blocks = blocks_of(part, images[:step], results, 1 if large else None)
        work.extend((blocks, images, results, block) for block in blocks.all)
    overlapping = work[0][0].overlapping
    parts = 1 if large else min(len(work), PARTS)
    shape = (taps[0], channels, *taps[1:]) if overlapping else (channels, *taps)
    sums = np.empty((parts, *shape, features) if across else (parts, features, *shape), x.dtype)

    def add(item: tuple[int, slice]) -> None:
        k, some = item
        total = sums[k] if across else sums[k][:, :, some] if overlapping else sums[k][:, some]
        for i, (blocks, images, results, block) in enumerate(work[k::parts]):
            product = scratch(total.shape, total.dtype, "product") if i else total
            _product(blocks, images[some], results, block, across, product)
            if i:
                np.add(total, product, out=total)

    slices = [slice(c, min(channels, c + step)) for c in range(0, channels, step)]
    share(add, list(itertools.product(range(parts), slices)))
    total = sums[0] if parts == 1 else np.add.reduce(sums, axis=0)
    if across:
        total = np.moveaxis(total, -1, 0)
    return np.ascontiguousarray(total.swapaxes(1, 2) if overlapping else total)


def _in_one_piece(x: Array, g: Array, at: Geometry) -> bool:
    """Whether all taps lie along the first spatial axis, at stride 1, and see all there is along the others."""
    along = at.positions[1:] == x.shape[2:-1] and not any(at.before[1:])
    return along and at.stride[0] == 1 and math.prod(at.taps[1:]) == 1 and x.flags.c_contiguous and g.flags.c_contiguous


def _of_whole_taps(x: Array, g: Array, at: Geometry) -> Array:
    """`weight_gradient`, of each tap as a product (F, positions) · (positions, C), or across with more channels than
    features. Many positions are cut into parts, which are summed; else the rows are."""
    features, channels, (positions, *_), (taps, *_) = len(g), len(x), at.positions, at.taps
    each = g[0, 0].size
    swapped = channels > features
    parts = _parts_of(features * channels * taps * positions * each)
    cuts = parts if positions * each >= parts * LONG else 1
    sums = np.empty((cuts, taps, *sorted((features, channels), reverse=True)), x.dtype)
    step = -(-sums.shape[2] * cuts // parts)

    def multiply(item: tuple[int, int, int]) -> None:
        cut, tap, row = item
        start = tap * at.dilation[0] - at.before[0]
        low, high = _within(start, 1, positions, x.shape[1])
        low, high = max(low, cut * positions // cuts), min(high, (cut + 1) * positions // cuts)
        product = sums[cut, tap, row : row + step]
        if low >= high:
            product.fill(0)
            return
        seen = x.reshape(channels, -1)[:, (low + start) * each : (high + start) * each]
        given = g.reshape(features, -1)[:, low * each : high * each]
        left, right = (seen, given) if swapped else (given, seen)
        np.matmul(left[row : row + step], right.T, out=product)

    share(multiply, list(itertools.product(range(cuts), range(taps), range(0, sums.shape[2], step))))
    total = sums[0] if cuts == 1 else np.add.reduce(sums, axis=0)
    total = np.moveaxis(total.swapaxes(1, 2) if swapped else total, 0, -1)
    return np.ascontiguousarray(total).reshape(features, channels, *at.taps)


def _product(blocks: Blocks, x: Array, g: Array, block: Block, across: bool, out: Array) -> None:
    """A block's share of the gradient of the weight: (F, *rows of a patch) or, `across`, (*rows of a patch, F)."""
    patches = blocks.patches(x, block, None)
    columns = blocks.columns(g, block, None)
    if columns is None:
        chunk = g[:, block.rows, block.columns]
        copied = scratch(chunk.shape, chunk.dtype, "cotangent")
        np.copyto(copied, chunk)
        columns = copied.reshape(len(copied), *patches.shape[:-2], -1)
        columns = columns.swapaxes(0, 1) if blocks.overlapping else columns
    if across:
        rows = scratch((*columns.shape[:-2], columns.shape[-1], columns.shape[-2]), columns.dtype, "rows")
        np.copyto(rows, columns.swapaxes(-1, -2))
        left, right = patches, rows
    else:
        left, right = columns, patches.swapaxes(-1, -2)
    if blocks.overlapping:
        np.add.reduce(np.matmul(left, right).reshape(-1, *out.shape), axis=0, out=out)
    else:
        np.matmul(left, right, out=np.reshape(out, (len(left), right.shape[1]), copy=False))


def input_gradient(g: Array, weight: Array, at: Geometry, y: Array) -> Iterator[Task]:
    """y[c, q, n] = Σ of g[f, p, n] · w[f, c, t] over f and p · stride + t · dilation - before = q, as tasks in any
    order: the adjoint of `correlation`.

    Elements q of each remainder by the stride see their own taps alone: each remainder is a convolution of `g`, at
    stride 1, with those taps flipped. Where the weight is larger than the images, so that flipping it is dear, the
    products for all taps are added where they overlap.
    """
    if math.prod(at.taps) > 1 and math.prod(at.positions) * g.shape[-1] < 2 * len(g):
        columns = np.ascontiguousarray(g).reshape(len(g), -1)
        places = list(_overlaps(at, y.shape[1:-1]))
        step = max(1, -(-len(y) // _parts_of(g[0].size * weight.size)))
        for first in range(0, len(y), step):
            some = slice(first, first + step)
            yield functools.partial(_overlap, columns, weight[:, some], at, places, y[some])
        return
    for remainder in _remainders(at, y.shape[1:-1]):
        target = y[remainder.place]
        if remainder.met is None:
            yield functools.partial(target.fill, 0)
        else:
            yield from correlation(g, weight[remainder.taps].swapaxes(0, 1), remainder.met, target)


def _overlap(columns: Array, weight: Array, at: Geometry, places: Sequence[Any], y: Array) -> None:
    """A few channels' share of `input_gradient`, as products and their sums where they overlap."""
    products = np.matmul(weight.reshape(len(weight), -1).T, columns)
    products = products.reshape(len(y), *at.taps, *at.positions, y.shape[-1])
    y[...] = 0
    for source, target in places:
        place = y[target]
        np.add(place, products[source], out=place)


def _overlaps(at: Geometry, lengths: Ints) -> Iterator[tuple[Any, Any]]:
    """For each tap, which of its products (C, *T, *P, N) are inside images of these lengths, and where."""
    for tap in np.ndindex(*at.taps):
        source, target = [slice(None), *tap], [slice(None)]
        for t, count, step, near, before, length in zip(
            tap, at.positions, at.stride, at.dilation, at.before, lengths, strict=True
        ):
            first = t * near - before
            low, high = _within(first, step, count, length)
            source.append(slice(low, high))
            target.append(slice(max(0, first + low * step), max(0, first + high * step), step))
        if all(part.start < part.stop for part in source[1 + len(tap) :]):
            yield tuple(source), tuple(target)


class Remainder(NamedTuple):
    """Elements of images that see the same taps: where they are, and these taps of a weight, flipped, and how they are
    met as those of a convolution; None if there are none."""

    place: tuple[slice, ...]
    taps: tuple[slice, ...]
    met: Geometry | None


@functools.lru_cache(maxsize=1024)
def _remainders(at: Geometry, lengths: Ints) -> list[Remainder]:
    """Of elements of images of these lengths, those of each remainder by the stride."""
    axes = (list(_phases(*axis)) for axis in zip(lengths, at.taps, at.stride, at.dilation, at.before, strict=True))
    found = []
    for phases in itertools.product(*axes):
        counts = tuple(
            len(range(phase.first, length, step))
            for phase, length, step in zip(phases, lengths, at.stride, strict=True)
        )
        if not all(counts):
            continue
        place = tuple(slice(phase.first, None, step) for phase, step in zip(phases, at.stride, strict=True))
        taps, met = [], None
        if all(phase.taps for phase in phases):
            taps = [range(at.taps[i])[phase.tap :: phase.apart][::-1] for i, phase in enumerate(phases)]
            dilation, before = (tuple(phase[k] for phase in phases) for k in (4, 5))
            met = Geometry(counts, tuple(map(len, taps)), (1,) * len(phases), dilation, before)
        flipped = (slice(r.start, r.stop if r.stop >= 0 else None, r.step) for r in taps)
        found.append(Remainder((slice(None), *place), (slice(None), slice(None), *flipped), met))
    return found


class Phase(NamedTuple):
    """Along one axis, the images' elements from `first` on in steps of the stride, and what reaches them: `taps` taps
    from `tap` on in steps of `apart`; as a convolution, their dilation and how much lies before."""

    first: int
    tap: int
    apart: int
    taps: int
    dilation: int
    before: int


def _phases(length: int, taps: int, stride: int, dilation: int, before: int) -> Iterator[Phase]:
    common = math.gcd(stride, dilation)
    apart, near = stride // common, dilation // common
    for remainder in range(stride):
        first = (remainder - before) % stride
        tap = next((t for t in range(min(apart, taps)) if (t * dilation - remainder) % stride == 0), None)
        count = 0 if tap is None else -(-(taps - tap) // apart)
        if tap is None or first >= length:
            yield Phase(first, 0, 1, 0, 1, 0)
            continue
        # first + before = remainder + stride · skipped, and tap · dilation = remainder + stride · base
        skipped, base = (first + before - remainder) // stride, (tap * dilation - remainder) // stride
        yield Phase(first, tap, apart, count, near, base - skipped + (count - 1) * near)


def _parts(x: Array, at: Geometry, y: Array) -> Iterator[tuple[Geometry, Array, Array]]:
    """The geometry, images and results that `Blocks` take: apart for rows of each remainder by the dilation, which do
    not meet, and with windows that do not leave the images but along the first two spatial axes."""
    own = (0, 1) if math.prod(at.taps) > 1 else ()
    x = enclosed(x, at, own)
    at = at._replace(before=tuple(before if axis in own else 0 for axis, before in enumerate(at.before)))
    apart, before = at.dilation[0], at.before[0]
    if at.stride[0] != 1 or apart == 1 or at.taps[0] == 1:
        yield at, x, y
        return
    for first in range(min(apart, at.positions[0])):
        rows, remainder = y[:, first::apart], (first - before) % apart
        part = at._replace(
            positions=(rows.shape[1], *at.positions[1:]),
            dilation=(1, *at.dilation[1:]),
            before=((before + remainder - first) // apart, *at.before[1:]),
        )
        yield part, x[:, remainder::apart], rows


def _with_columns(x: Array, weight: Any, at: Geometry, y: Array) -> tuple[Array, Any, Geometry, Array]:
    """The same with a second spatial axis, of length 1, if there is but one."""
    if len(at.taps) > 1:
        return x, weight, at, y
    weight = None if weight is None else weight[..., None]
    return x[:, :, None], weight, Geometry(*((*own, 0 if i == 4 else 1) for i, own in enumerate(at))), y[:, :, None]


def enclosed(x: Array, at: Geometry, but: Sequence[int] = ()) -> Array:
    """The part of the images that windows reach, from where the first one begins, with zeros where it is outside; but
    for some of the spatial axes, which stay as they are."""
    starts, ends = [-before for before in at.before], []
    for axis, (p, t, s, d) in enumerate(zip(at.positions, at.taps, at.stride, at.dilation, strict=True)):
        ends.append((p - 1) * s + (t - 1) * d + 1 + starts[axis])
        if axis in but:
            starts[axis], ends[axis] = 0, x.shape[1 + axis]
    return _between(x, starts, ends)


def _between(x: Array, starts: Sequence[int], stops: Sequence[int]) -> Array:
    """Images from some elements to others along their spatial axes, with zeros where those are outside."""
    lengths = x.shape[1:-1]
    inner = [slice(max(0, a), max(0, a, min(n, b))) for a, b, n in zip(starts, stops, lengths, strict=True)]
    inside = x[(slice(None), *inner)]
    if all(a >= 0 and b <= n for a, b, n in zip(starts, stops, lengths, strict=True)):
        return inside
    borders = [
        (max(0, min(found.start, b) - a), max(0, b - max(found.stop, a))) for a, b, found in zip(starts, stops, inner)
    ]
    return bordered(inside, [(0, 0), *borders, (0, 0)])


class Memory(NamedTuple):
    """How an array lies in memory."""

    shape: Ints
    strides: Ints
    itemsize: int


def blocks_of(at: Geometry, x: Array, y: Array, parts: int | None = None) -> Blocks:
    """How a convolution of `x` that gives `y` is cut up, in so many parts at least, or as many as pay: worked out once
    for all arrays that lie as these."""
    parts = parts or _parts_of(len(x) * y.size * math.prod(at.taps))
    return Blocks.of(at, Memory(x.shape, x.strides, x.itemsize), Memory(y.shape, y.strides, y.itemsize), parts)


class Block(NamedTuple):
    """Some rows and columns of results, the first and second spatial axis."""

    rows: slice
    columns: slice


class Blocks:
    """How the positions of a convolution are cut into blocks, and their patches as matrices.

    For images of two spatial axes or more. Windows that leave them along the first two find zeros there; along others
    they do not leave them, and windows of one element do not at all.
    """

    @classmethod
    @functools.lru_cache(maxsize=1024)
    def of(cls, at: Geometry, x: Memory, y: Memory, parts: int) -> Blocks:
        """The same object for the same arguments."""
        return cls(at, x, y, parts)

    def __init__(self, at: Geometry, x: Memory, y: Memory, parts: int) -> None:
        self.at = at
        channels, features, images = x.shape[0], y.shape[0], x.shape[-1]
        height, width, *others = at.positions
        self.rest = math.prod(others) * images
        # Overlapping rows save copies of patches, and cost one of the weight.
        many = math.prod(at.positions) * images >= 8 * features
        self.overlapping = at.dilation[0] == 1 and at.taps[0] > 1 and width * self.rest >= FEW and many
        inner = at.taps[1:] if self.overlapping else at.taps
        self.tile = width
        row = channels * math.prod(inner) * width * self.rest
        if self.overlapping:
            self.tile = max(1, min(width, COLUMNS // self.rest))
            high = max(ROWS, (BLOCK * width // (row * self.tile) - at.taps[0]) // at.stride[0] + 1)
        else:
            high = max(1, BLOCK // row, -(-FEW // (width * self.rest)))
            if high == 1 and width * self.rest > COLUMNS:
                self.tile = max(1, min(width, BLOCK * width // row))
        tiles = -(-width // self.tile)
        self.high = max(1, min(high, -(-height * tiles // parts), height))

        item, (by_channel, *by_axis, by_image) = x.itemsize, x.strides
        self.item, self.lengths = item, x.shape[1:3]
        steps = [s * stride for s, stride in zip(at.stride, by_axis, strict=True)]
        apart = [d * stride for d, stride in zip(at.dilation, by_axis, strict=True)]
        self.reach = [(t - 1) * d for t, d in zip(at.taps, at.dilation, strict=True)]
        # Places as axes (taps along rows, rows, taps along columns, columns): those of patches, and images' strides.
        n = len(at.taps)
        ahead = (0, 1, 3, 2 + n) if self.overlapping else (1, 1 + n, 2, 2 + n)
        self.by_place = (*ahead, *(axis for axis in range(2 + 2 * n) if axis not in ahead))
        self.steps = (1, at.stride[1]) if self.overlapping else at.stride[:2]
        self.apart = at.dilation[:2]
        down = by_axis[0] if self.overlapping else steps[0]
        self.place_strides = (down, apart[1], steps[1], by_channel, *apart[2:], *steps[2:], by_image)
        self.ahead: Ints = (channels, *inner)
        if self.overlapping:
            self.source: Ints = (by_axis[0], by_channel, *apart[1:], *steps[1:], by_image)
        else:
            self.source = (by_channel, *apart, *steps, by_image)
        self.behind: Ints = (*others, images)
        self.depth = math.prod(self.ahead)
        # Whether patches, and results, are such matrices as they lie in memory.
        narrow = self.tile < width
        merged = [(n, stride) for n, stride in zip((*at.positions, images), (*steps, by_image), strict=True)]
        own = self.depth == channels and not self.overlapping
        self.in_place = own and _one_stretch(merged[1:] if narrow and self.high == 1 else merged, item)
        # BLAS' kernels for small matrices take them as they lie; a copy with its rows further apart is worth it.
        small = channels > THIN and FEW * channels * features <= SMALL_PRODUCT
        if small and by_channel % SPACING == 0 and math.prod(at.positions) * images >= PARTS * LONG:
            self.in_place = False
        merged = list(zip(y.shape[1:], y.strides[1:], strict=True))
        self.direct = _one_stretch(merged[1:] if self.overlapping or self.high == 1 else merged, item)
        self.direct = self.direct and (self.overlapping or self.high == 1 or not narrow)
        self.plans: dict[tuple[int, int, int | None, int], Plan] = {}
        self.views: dict[tuple[int, int, int | None], View] = {}

    @functools.cached_property
    def all(self) -> Sequence[Block]:
        height, width = self.at.positions[:2]
        return [
            Block(slice(top, min(height, top + self.high)), slice(left, min(width, left + self.tile)))
            for top in range(0, height, self.high)
            for left in range(0, width, self.tile)
        ]

    def weight_matrix(self, weight: Array) -> Array:
        """The weight as (F, rows of a patch)."""
        if self.overlapping:
            weight = weight.swapaxes(1, 2)
        return weight.reshape(len(weight), -1)

    def few(self, block: Block, size: int) -> int | None:
        """Of how many columns to make products with a matrix of this size, if not of all."""
        count = (block.columns.stop - block.columns.start) * self.rest
        if not self.overlapping:
            count *= block.rows.stop - block.rows.start
        return _few(count) if self.direct and count > FEW and FEW * size <= SMALL_PRODUCT else None

    def columns(self, y: Array, block: Block, few: int | None) -> Array | None:
        """A block of results as the matrices of a product, of a few columns each; None if it cannot be seen so."""
        if not self.direct:
            return None
        key = (block.rows.start, block.columns.start, few)
        view = self.views.get(key) or self.views.setdefault(key, self._columns(y, block, few))
        return _view(y, view)

    def _columns(self, y: Array, block: Block, few: int | None) -> View:
        rows, columns = block
        high, count, item = rows.stop - rows.start, (columns.stop - columns.start) * self.rest, y.itemsize
        shape: Ints = (high, len(y), count) if self.overlapping else (len(y), high * count)
        strides: Ints = (y.strides[1], y.strides[0], item) if self.overlapping else (y.strides[0], item)
        return View(rows.start, columns.start, *_cut(shape, strides, few))

    def patches(self, x: Array, block: Block, few: int | None) -> Array:
        """The patches of a block: (C · taps, columns), or for each row of results such a matrix, which overlap."""
        key = (block.rows.start, block.columns.start, few, len(x))
        plan = self.plans.get(key) or self.plans.setdefault(key, self._plan(block, few, len(x)))
        if plan.copied is None:
            return _view(x, plan.inside)
        memory = scratch(plan.memory, x.dtype, "patches")
        copied = np.ndarray(plan.copied, x.dtype, memory, 0, plan.by)
        if plan.pieces is None:
            np.copyto(copied, _view(x, plan.inside))
        else:
            cells = (copied[None] if self.overlapping else copied).transpose(self.by_place)
            for place in plan.zeros:
                cells[place] = 0
            for place, view in plan.pieces:
                np.copyto(cells[place], _view(x, view))
        return np.ndarray(plan.shape, x.dtype, memory, 0, plan.strides)

    def _plan(self, block: Block, few: int | None, channels: int) -> Plan:
        at, (rows, columns), item = self.at, block, self.item
        depth, inner = self.depth // self.ahead[0] * channels, self.ahead[1:]
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        top, left = (part.start * s - before for part, s, before in zip(block, at.stride, at.before))
        count = wide * self.rest
        if self.in_place:
            inside = View(top, left, *_cut((channels, high * count), (self.source[0], item), few))
            return Plan(inside)
        tall = (high - 1) * at.stride[0] + at.taps[0]
        ahead: Ints = (tall, channels, *inner) if self.overlapping else (channels, *inner)
        across: Ints = (wide, *self.behind) if self.overlapping else (high, wide, *self.behind)
        row = _apart(math.prod(across), item)
        memory = (math.prod(ahead), row)
        copied = (*ahead, *across)
        by = (*(row * item * n for n in _steps(ahead)), *(item * n for n in _steps(across)))
        if self.overlapping:
            shape: Ints = (high, at.taps[0] * depth, count)
            strides: Ints = (at.stride[0] * depth * row * item, row * item, item)
        else:
            shape, strides = (depth, high * count), (row * item, item)
        shape, strides = _cut(shape, strides, few)
        inside = View(top, left, copied, self.source)
        plan = Plan(inside, copied, by, memory, shape, strides)
        beside = left >= 0 and left + (wide - 1) * at.stride[1] + self.reach[1] < self.lengths[1]
        if beside and top >= 0 and top + (high - 1) * at.stride[0] + self.reach[0] < self.lengths[0]:
            return plan
        whole = (1, *copied) if self.overlapping else copied
        zeros, pieces = self._at_border([whole[k] for k in self.by_place], block, beside)
        return plan._replace(zeros=zeros, pieces=pieces)

    def _at_border(self, shape: Sequence[int], block: Block, beside: bool) -> tuple[list[Any], list[tuple[Any, View]]]:
        """Of a block of patches as places, in this shape: which are outside of the images, and what lies at the others;
        apart for each tap along rows, and, unless columns are all `beside`, for each along columns."""
        zeros: list[Any] = []
        pieces: list[tuple[Any, View]] = []
        down, over, *_ = self.steps
        top, left = (part.start * s - before for part, s, before in zip(block, self.at.stride, self.at.before))
        for i in range(shape[0]):
            row = top + i * self.apart[0]
            above, below = _within(row, down, shape[1], self.lengths[0])
            zeros += [(i, part) for part in (slice(above), slice(below, shape[1])) if part.start != part.stop != 0]
            if above == below:
                continue
            rows = slice(above, below)
            row += above * down
            if beside:
                view = View(row, left, (below - above, *shape[2:]), self.place_strides)
                pieces.append(((i, rows), view))
                continue
            for j in range(shape[2]):
                column = left + j * self.apart[1]
                first, last = _within(column, over, shape[3], self.lengths[1])
                outside = (slice(first), slice(last, shape[3]))
                zeros += [(i, rows, j, part) for part in outside if part.start != part.stop != 0]
                if first < last:
                    found = (below - above, 1, last - first, *shape[4:])
                    view = View(row, column + first * over, found, self.place_strides)
                    pieces.append(((i, rows, slice(j, j + 1), slice(first, last)), view))
        return zeros, pieces


class View(NamedTuple):
    """A view of images or results, of any memory, that begins at a place of the first two spatial axes."""

    row: int
    column: int
    shape: Ints
    strides: Ints


class Plan(NamedTuple):
    """How a block's patches are made: a view of the images; or, as an array of shape `copied` and strides `by` in
    `memory` of some shape, a copy of that, or else zeros in some places and pieces of the images in the others; and how
    that array is seen as matrices."""

    inside: View
    copied: Ints | None = None
    by: Ints = ()
    memory: Ints = ()
    shape: Ints = ()
    strides: Ints = ()
    zeros: Sequence[Any] = ()
    pieces: Sequence[tuple[Any, View]] | None = None


@functools.lru_cache(maxsize=1024)
def _few(count: int) -> int | None:
    """A part of so many columns in the range of BLAS' kernels for small matrices, which make up to 1.6 times the speed;
    None if there is none that divides them."""
    return next((count // n for n in range(count // FEW, count // (2 * FEW), -1) if count % n == 0), None)


def _within(start: int, step: int, count: int, length: int) -> tuple[int, int]:
    """Which of `count` places from `start` on, in steps, are on an axis of some length: from one to before another."""
    first = min(count, max(0, -(start // step)))
    return first, max(first, min(count, (length - 1 - start) // step + 1))


def _parts_of(multiplications: int) -> int:
    """In how many parts, at least, to do so much work."""
    return PARTS if multiplications >= SHARED else 1


def _steps(shape: Ints) -> Ints:
    """How many elements apart the indices of each axis are, in C order."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _apart(columns: int, item: int) -> int:
    """How far apart rows of so many columns are put: not by whole quarters of a page."""
    return columns + (LINE // item if columns * item % SPACING == 0 else 0)


def _cut(shape: Ints, strides: Ints, few: int | None) -> tuple[Ints, Ints]:
    """The shape and strides of matrices as those of stacks of matrices of a few columns."""
    if few is None:
        return shape, strides
    *ahead, rows, count = shape
    *by, by_row, item = strides
    return (*ahead, count // few, rows, few), (*by, few * item, by_row, item)


def _view(x: Array, view: View) -> Array:
    row, column, shape, strides = view
    if x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, row * x.strides[1] + column * x.strides[2], strides)
    return np.lib.stride_tricks.as_strided(x[:, row:, column:], shape, strides)


def _one_stretch(axes: Sequence[tuple[int, int]], item: int) -> bool:
    """Whether axes, as pairs of length and stride, are one stretch of memory."""
    long = [(length, stride) for length, stride in axes if length > 1]
    return all(p[1] == q[0] * q[1] for p, q in itertools.pairwise(long)) and (not long or long[-1][1] == item)
