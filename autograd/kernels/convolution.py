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
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.threads import scratch, share

Ints = tuple[int, ...]
Task = Callable[[], object]

# Columns of one product: enough for BLAS, few enough for its kernels for small matrices.
COLUMNS = 256
# Up to so many multiplications BLAS has kernels for small matrices, and at so few columns they are fastest.
SMALL_PRODUCT, FEW = 1_000_000, 64
# Elements in a block of patches: 1 MB of float32, what a second-level cache holds.
BLOCK = 1 << 18
# Rows of results in a block, at least: a block copies k - 1 rows of patches that its neighbour copies too.
ROWS = 8
# Sums over blocks are made in this many parts, each in order, whatever the number of threads.
PARTS = 4
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


def correlation(x: Array, weight: Array, at: Geometry, y: Array) -> Iterator[Task]:
    """y[f, p, n] = Σ_c,t x[c, p · stride + t · dilation - before, n] · w[f, c, t], as tasks in any order."""
    for part, images, results in _without_dilated_rows(x, at, y):
        blocks = Blocks(part, *weight.shape[:2], x.shape[-1])
        matrix = blocks.weight_matrix(weight)
        for block in blocks:
            yield functools.partial(_correlate, blocks, matrix, images, results, block)


def _correlate(blocks: Blocks, matrix: Array, x: Array, y: Array, block: Block) -> None:
    patches = blocks.patches(x, block)
    target = block.of(y)
    columns = blocks.columns(target)
    if columns is not None:
        _multiply(matrix, patches, columns)
        return
    product = scratch((*patches.shape[:-2], len(matrix), patches.shape[-1]), y.dtype, "product")
    _multiply(matrix, patches, product)
    target[...] = (product.swapaxes(0, 1) if blocks.overlapping else product).reshape(target.shape)


def _multiply(matrix: Array, columns: Array, out: Array) -> None:
    """matrix @ columns, as many products of a few columns each if they are in the range of BLAS' kernels for small
    matrices, which make up to 1.6 times the speed."""
    count = columns.shape[-1]
    if FEW * matrix.size <= SMALL_PRODUCT and count > FEW:
        parts = next((n for n in range(count // FEW, count // (2 * FEW), -1) if count % n == 0), 1)
        if parts > 1:
            columns, out = (x.reshape(*x.shape[:-1], parts, count // parts).swapaxes(-2, -3) for x in (columns, out))
    np.matmul(matrix, columns, out=out)


def weight_gradient(x: Array, g: Array, at: Geometry) -> Array:
    """w̄[f, c, t] = Σ_p,n x[c, p · stride + t · dilation - before, n] · g[f, p, n].

    A large gradient is made a few channels at a time. A small one is made as a sum over parts of the positions, and
    across, as the product of patches and transposed cotangents, for which BLAS is up to three times as fast.
    """
    features, channels, taps = len(g), len(x), math.prod(at.taps)
    large = features * channels * taps >= LARGE
    across = not large and channels * taps > FEW
    step = max(1, -(-channels // PARTS)) if large else channels
    slices = [slice(c, min(channels, c + step)) for c in range(0, channels, step)]
    work = []
    for part, images, results in _without_dilated_rows(x, at, g):
        blocks = Blocks(part, features, step, x.shape[-1])
        work.extend((blocks, images, results, block) for block in blocks)
    overlapping = work[0][0].overlapping
    parts = 1 if large else min(len(work), PARTS)
    shape = (at.taps[0], channels, *at.taps[1:]) if overlapping else (channels, *at.taps)
    sums = np.empty((parts, *shape, features) if across else (parts, features, *shape), x.dtype)

    def add(item: tuple[int, slice]) -> None:
        k, some = item
        total = sums[k] if across else sums[k][:, :, some] if overlapping else sums[k][:, some]
        for i, (blocks, images, results, block) in enumerate(work[k::parts]):
            product = _product(blocks, images[some], results, block, across).reshape(total.shape)
            if i:
                np.add(total, product, out=total)
            else:
                np.copyto(total, product)

    share(add, list(itertools.product(range(parts), slices)))
    total = sums[0] if parts == 1 else np.add.reduce(sums, axis=0)
    if across:
        total = np.moveaxis(total, -1, 0)
    return np.ascontiguousarray(total.swapaxes(1, 2) if overlapping else total)


def _product(blocks: Blocks, x: Array, g: Array, block: Block, across: bool) -> Array:
    """A block's share of the gradient of the weight: (F, rows of a patch), or, `across`, its transpose."""
    patches = blocks.patches(x, block)
    chunk = block.of(g)
    columns = blocks.columns(chunk)
    if columns is None:
        copied = scratch(chunk.shape, chunk.dtype, "cotangent")
        np.copyto(copied, chunk)
        columns = blocks.columns(copied)
    if across:
        rows = scratch((*columns.shape[:-2], columns.shape[-1], columns.shape[-2]), columns.dtype, "rows")
        np.copyto(rows, columns.swapaxes(-1, -2))
        product = np.matmul(patches, rows)
    else:
        product = np.matmul(columns, patches.swapaxes(-1, -2))
    return np.add.reduce(product, axis=0) if blocks.overlapping else product


def input_gradient(g: Array, weight: Array, at: Geometry, y: Array) -> Iterator[Task]:
    """y[c, q, n] = Σ of g[f, p, n] · w[f, c, t] over f and p · stride + t · dilation - before = q, as tasks in any
    order: the adjoint of `correlation`.

    Elements q of each remainder by the stride see their own taps alone: each remainder is a convolution of `g`, at
    stride 1, with those taps flipped. Where the weight is larger than the images, so that flipping it is dear, the
    products for all taps are added where they overlap.
    """
    n = len(at.taps)
    if math.prod(at.taps) > 1 and math.prod(at.positions) * g.shape[-1] < 2 * len(g):
        columns = np.ascontiguousarray(g).reshape(len(g), -1)
        step = max(1, -(-len(y) // (2 * PARTS)))
        for first in range(0, len(y), step):
            some = slice(first, first + step)
            yield functools.partial(_overlap, columns, weight[:, some], at, y[some])
        return
    axes = [_phases(*axis) for axis in zip(y.shape[1:-1], at.taps, at.stride, at.dilation, at.before, strict=True)]
    for phases in itertools.product(*axes):
        target = y[(slice(None), *(slice(phase.first, None, step) for phase, step in zip(phases, at.stride)))]
        if not target.size:
            continue
        if not all(phase.taps for phase in phases):
            yield functools.partial(target.fill, 0)
            continue
        own = weight[(slice(None), slice(None), *(slice(phase.tap, None, phase.apart) for phase in phases))]
        flipped = np.flip(own, tuple(range(2, 2 + n))).swapaxes(0, 1)
        dilation, before = tuple(phase.dilation for phase in phases), tuple(phase.before for phase in phases)
        yield from correlation(
            g, flipped, Geometry(target.shape[1:-1], own.shape[2:], (1,) * n, dilation, before), target
        )


def _overlap(columns: Array, weight: Array, at: Geometry, y: Array) -> None:
    """A few channels' share of `input_gradient`, as products and their sums where they overlap."""
    products = np.matmul(weight.reshape(len(weight), -1).T, columns)
    products = products.reshape(len(y), *at.taps, *at.positions, y.shape[-1])
    y[...] = 0
    for tap in np.ndindex(*at.taps):
        source, target = [slice(None)], [slice(None)]
        for t, count, step, near, before, length in zip(
            tap, at.positions, at.stride, at.dilation, at.before, y.shape[1:-1], strict=True
        ):
            first = t * near - before
            low = min(count, max(0, -(first // step)))
            high = max(low, min(count, (length - 1 - first) // step + 1))
            source.append(slice(low, high))
            target.append(slice(first + low * step, first + high * step, step))
        if all(part.start < part.stop for part in source[1:]):
            place = y[tuple(target)]
            np.add(place, products[(slice(None), *tap)][tuple(source)], out=place)


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


def _without_dilated_rows(x: Array, at: Geometry, y: Array) -> Iterator[tuple[Geometry, Array, Array]]:
    """The geometry, images and results apart for rows of each remainder by the dilation, which do not meet."""
    apart = at.dilation[0]
    if at.stride[0] != 1 or apart == 1 or at.taps[0] == 1:
        yield at, x, y
        return
    for first in range(min(apart, at.positions[0])):
        start, remainder = divmod(first - at.before[0], apart)
        rows = y[:, first::apart]
        yield (
            Geometry(
                (rows.shape[1], *at.positions[1:]),
                at.taps,
                at.stride,
                (1, *at.dilation[1:]),
                (-start, *at.before[1:]),
            ),
            x[:, remainder::apart],
            rows,
        )


class Block(NamedTuple):
    """Some rows of results, the first spatial axis, and of these a tile of the second, if there is one."""

    rows: slice
    tile: slice | None

    def of(self, results: Array) -> Array:
        return results[:, self.rows] if self.tile is None else results[:, self.rows, self.tile]


class Blocks:
    """How the positions of a convolution are cut into blocks, and their patches as matrices."""

    def __init__(self, at: Geometry, features: int, channels: int, images: int) -> None:
        self.at = at
        rest = math.prod(at.positions[2:]) * images
        width = at.positions[1] if len(at.positions) > 1 else 1
        # Overlapping rows save copies of patches, and cost one of the weight.
        many = math.prod(at.positions) * images >= 8 * features
        self.overlapping = at.dilation[0] == 1 and at.taps[0] > 1 and width * rest >= FEW and many
        self.inner = at.taps[1:] if self.overlapping else at.taps
        if self.overlapping:
            self.tile = max(1, min(width, COLUMNS // rest))
            row = channels * math.prod(self.inner) * self.tile * rest
            high = max(ROWS, (BLOCK // row - at.taps[0]) // at.stride[0] + 1)
        else:
            self.tile = width
            row = channels * math.prod(self.inner) * width * rest
            high = max(1, BLOCK // row, -(-64 // (width * rest)))
            if high == 1 and width * rest > COLUMNS:
                self.tile = max(1, min(width, BLOCK * width // row))
        tiles = -(-width // self.tile)
        self.high = max(1, min(high, -(-at.positions[0] * tiles // PARTS), at.positions[0]))

    def __iter__(self) -> Iterator[Block]:
        rows, *others = self.at.positions
        for top in range(0, rows, self.high):
            some = slice(top, min(rows, top + self.high))
            if not others:
                yield Block(some, None)
                continue
            for left in range(0, others[0], self.tile):
                yield Block(some, slice(left, min(others[0], left + self.tile)))

    def weight_matrix(self, weight: Array) -> Array:
        """The weight as (F, rows of a patch)."""
        if self.overlapping:
            weight = weight.swapaxes(1, 2)
        return weight.reshape(len(weight), -1)

    def columns(self, results: Array) -> Array | None:
        """A block of results (F, *P, N) as the matrix or the stack of matrices that a product has; None if it cannot
        be seen so."""
        if self.overlapping:
            results = results.swapaxes(0, 1)
        ahead = 2 if self.overlapping else 1
        columns = math.prod(results.shape[ahead:])
        if not _mergeable(results, ahead) or (columns > 1 and results.strides[-1] != results.itemsize):
            return None
        return results.reshape(*results.shape[:ahead], columns)

    def patches(self, x: Array, block: Block) -> Array:
        """The patches of a block: (C · taps, columns), or for each row of results such a matrix, which overlap."""
        at, (rows, tile) = self.at, block
        high = rows.stop - rows.start
        first = rows.start * at.stride[0]
        if self.overlapping:
            counts, start, step = [(high - 1) * at.stride[0] + at.taps[0]], [first - at.before[0]], [1]
            dilation: tuple[int, ...] = at.dilation[1:]
        else:
            counts, start, step = [high], [first - at.before[0]], [at.stride[0]]
            dilation = at.dilation
        if tile is not None:
            counts.append(tile.stop - tile.start)
            start.append(tile.start * at.stride[1] - at.before[1])
            counts.extend(at.positions[2:])
            start.extend(-before for before in at.before[2:])
            step.extend(at.stride[1:])
        channels, images = len(x), x.shape[-1]
        own = math.prod(self.inner) == 1 and not self.overlapping
        if own:
            seen = _inside(x, counts, start, step)
            if seen is not None and _mergeable(seen, 1) and seen.strides[-1] == seen.itemsize:
                return seen.reshape(channels, -1)
        if self.overlapping:
            shape = (counts[0], channels, *self.inner, *counts[1:], images)
            order = (1, *range(2, 2 + len(self.inner)), 0, *range(2 + len(self.inner), len(shape)))
        else:
            shape = (channels, *self.inner, *counts, images)
            order = tuple(range(len(shape)))
        copied = scratch(shape, x.dtype, "patches")
        _fill(copied.transpose(order), x, self.inner, start, step, dilation)
        if not self.overlapping:
            return copied.reshape(channels * math.prod(self.inner), -1)
        matrix = copied.reshape(counts[0], channels * math.prod(self.inner), -1)
        return np.lib.stride_tricks.as_strided(
            matrix,
            (high, at.taps[0] * matrix.shape[1], matrix.shape[2]),
            (at.stride[0] * matrix.strides[0], matrix.strides[1], matrix.strides[2]),
        )


def _fill(
    patches: Array, x: Array, taps: Sequence[int], start: Sequence[int], step: Sequence[int], dilation: Sequence[int]
) -> None:
    """patches[c, t, q, n] = x[c, start + q · step + t · dilation, n], zero outside of x; the taps are those of the last
    spatial axes."""
    n, k = x.ndim - 2, len(taps)
    counts = patches.shape[1 + k : -1]
    ends = [s + (count - 1) * by + 1 for s, count, by in zip(start, counts, step, strict=True)]
    reach = [0] * (n - k) + [(t - 1) * d for t, d in zip(taps, dilation, strict=True)]
    if all(s >= 0 for s in start) and all(
        end + r <= length for end, r, length in zip(ends, reach, x.shape[1:], strict=False)
    ):
        corner = x[(slice(None), *(slice(s, None) for s in start))]
        strides = corner.strides
        seen = np.lib.stride_tricks.as_strided(
            corner,
            patches.shape,
            (
                strides[0],
                *(d * strides[1 + n - k + i] for i, d in enumerate(dilation)),
                *(by * strides[1 + i] for i, by in enumerate(step)),
                strides[-1],
            ),
        )
        np.copyto(patches, seen)
        return
    for tap in itertools.product(*map(range, taps)):
        shift = [0] * (n - k) + [t * d for t, d in zip(tap, dilation, strict=True)]
        _copy_window(patches[(slice(None), *tap)], x, [s + by for s, by in zip(start, shift, strict=True)], step)


def _copy_window(target: Array, x: Array, start: Sequence[int], step: Sequence[int]) -> None:
    """target[c, q, n] = x[c, start + q · step, n], zero outside of x."""
    source: list[slice] = [slice(None)]
    for axis, (first, by) in enumerate(zip(start, step, strict=True), 1):
        low = min(target.shape[axis], max(0, -(first // by)))
        high = max(low, min(target.shape[axis], (x.shape[axis] - 1 - first) // by + 1))
        ahead = (slice(None),) * axis
        if low:
            target[(*ahead, slice(low))] = 0
        if high < target.shape[axis]:
            target[(*ahead, slice(high, None))] = 0
        target = target[(*ahead, slice(low, high))]
        source.append(slice(first + low * by, first + high * by, by))
    if target.size:
        np.copyto(target, x[tuple(source)])


def _inside(x: Array, counts: Sequence[int], start: Sequence[int], step: Sequence[int]) -> Array | None:
    """x[c, start + q · step, n] if that is all inside of x."""
    key = [slice(None)]
    for length, count, first, by in zip(x.shape[1:], counts, start, step, strict=False):
        if first < 0 or first + (count - 1) * by >= length:
            return None
        key.append(slice(first, first + (count - 1) * by + 1, by))
    return x[tuple(key)]


def _mergeable(x: Array, ahead: int) -> bool:
    """Whether the axes after the first `ahead` can be seen as one without a copy."""
    axes = [(length, stride) for length, stride in zip(x.shape[ahead:], x.strides[ahead:], strict=True) if length > 1]
    return all(p[1] == q[0] * q[1] for p, q in itertools.pairwise(axes))
