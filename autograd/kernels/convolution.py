"""Convolution with its two gradients, as matrix products over patches that stay in cache.

Arrays are in memory order, batch last: images (C, *L, N), results (F, *P, N), weights (F, C, *T). Blocks of a few rows
and columns are shared out over threads. What a block computes does not depend on who computes it, and partial sums are
added in order: results are the same bits at any number of threads.
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
from autograd.kernels.patches import FEW, LONG, PARTS, ROWS, Block, Blocks, Geometry, Ints, blocks_of, parts_of, within
from autograd.kernels.threads import scratch, share

Task = Callable[[], object]

# A gradient of the weight of at least so many elements is not made as a sum of parts.
LARGE = 1 << 16


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
    features, channels = len(g), len(x)
    weight_size = features * channels * math.prod(at.taps)
    large = weight_size >= LARGE
    step = -(-channels // parts_of(weight_size * g[0].size)) if large else channels
    slices = [slice(c, min(channels, c + step)) for c in range(0, channels, step)]
    x, _, deep, g = _with_columns(x, None, at, g)
    work: dict[bool, list[Piece]] = {}  # by whether rows of patches overlap, which the parts of a dilated one differ in
    for part, images, results in _parts(x, deep, g):
        blocks = blocks_of(part, images[:step], results, 1 if large else None)
        work.setdefault(blocks.overlapping, []).extend((blocks, images, results, block) for block in blocks.all)
    gradients = [_summed(pieces, deep.taps, slices, large) for pieces in work.values()]
    return functools.reduce(np.add, gradients).reshape(features, channels, *at.taps)


Piece = tuple[Blocks, Array, Array, Block]


def _summed(work: Sequence[Piece], taps: Ints, slices: Sequence[slice], large: bool) -> Array:
    """The sum over blocks of their shares of the gradient of the weight (F, C, *taps), of slices of channels each."""
    blocks, images, results, _ = work[0]
    features, channels, overlapping = len(results), len(images), blocks.overlapping
    across = not large and channels * math.prod(taps) > FEW
    parts = 1 if large else min(len(work), PARTS)
    shape = (taps[0], channels, *taps[1:]) if overlapping else (channels, *taps)
    sums = np.empty((parts, *shape, features) if across else (parts, features, *shape), images.dtype)

    def add(item: tuple[int, slice]) -> None:
        k, some = item
        total = sums[k] if across else sums[k][:, :, some] if overlapping else sums[k][:, some]
        for i, (blocks, images, results, block) in enumerate(work[k::parts]):
            product = scratch(total.shape, total.dtype, "product") if i else total
            _product(blocks, images[some], results, block, across, product)
            if i:
                np.add(total, product, out=total)

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
    parts = parts_of(features * channels * taps * positions * each)
    cuts = parts if positions * each >= parts * LONG else 1
    sums = np.empty((cuts, taps, *sorted((features, channels), reverse=True)), x.dtype)
    step = -(-sums.shape[2] * cuts // parts)

    def multiply(item: tuple[int, int, int]) -> None:
        cut, tap, row = item
        start = tap * at.dilation[0] - at.before[0]
        low, high = within(start, 1, positions, x.shape[1])
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
        step = max(1, -(-len(y) // parts_of(g[0].size * weight.size)))
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
            low, high = within(first, step, count, length)
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
    not meet, where that lets rows of patches overlap; and with windows that do not leave the images but along the first
    two spatial axes."""
    own = (0, 1) if math.prod(at.taps) > 1 else ()
    x = enclosed(x, at, own)
    at = at._replace(before=tuple(before if axis in own else 0 for axis, before in enumerate(at.before)))
    apart, before = at.dilation[0], at.before[0]
    rows_overlap = at.stride[0] == 1 and at.taps[0] > 1 and y[0, 0].size >= FEW and at.positions[0] >= ROWS * apart
    if apart == 1 or not rows_overlap:
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
