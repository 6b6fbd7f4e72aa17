"""Convolution with 3×3 taps along the last two axes, at stride 1, by Winograd's minimal filtering.

This is F(4×4, 3×3) of Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". A tile of 4×4 results,
y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A, comes from 6×6 elements of the image by 36 multiplications instead of 144. Summed over
channels before Aᵀ · A, each of the 36 is a matrix product. The matrices evaluate polynomials at five points and
infinity; the usual points 0, ±1, ±2 lose two to four times as much to rounding as 0, ±5/8, ±3/2.

Arrays are in memory order, batch last: images (C, D, H, W, N), results (F, D', P, Q, N), weights (F, C, T, 3, 3); or
without the third axis from the end of the spatial ones, D = T = 1. Along that one, any number of taps is summed over as
channels are: with tiles kept as (D, C, tiles), those of T planes that follow each other are one matrix, and the
matrices of neighbouring results overlap. Arrays that lie in memory in another way are copied. Dilated by d, rows of
each remainder by d are convolved apart, and so are columns, which lie beside each other as images do: (H / d, W / d,
d · N). Tiles × images, taken in blocks that stay in cache, are the columns of all products. They are shared out over
threads, cut up by shape alone and summed in order: results are the same bits at any number of threads.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.layout import Placed, Region
from autograd.kernels.threads import scratch, share

__all__ = ["use_winograd"]

Ints = tuple[int, ...]

POINTS = (0.0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)
# Columns of a block, at least, and its columns · channels, at most.
COLUMNS, BLOCK = 64, 1 << 13
# Up to so many multiplications BLAS has kernels for small matrices, which are fastest for thin ones.
SMALL_PRODUCT = 1_000_000
# Those for a transposed right operand are fastest up to so many rows and columns.
SQUARE = 32
# Columns · channels in a block, at least: fewer are not worth a thread.
FEW = 1 << 11
# Kernels that are transformed at a time.
KERNELS = 2048
# Weight gradients are summed in at most so many parts, of so many elements in all, but in two at least.
PARTS, PARTIAL_SUMS = 8, 1 << 22
# So many kernels, 36 elements each, are not in cache when they are used; a fourth, not when a gradient is summed.
MANY_KERNELS = 1 << 17
# Scratch memory that tiles and products go to and fro between.
FIRST, SECOND, THIRD = "winograd first", "winograd second", "winograd third"

_enabled = True


def use_winograd(enabled: bool) -> None:
    """Whether convolutions with 3×3 taps, or T×3×3, at stride 1 in float32 may be computed by Winograd's algorithm, in
    all threads.

    They are at first, where that is faster: from 64 channels on it takes about half the time. It rounds more, by a
    factor of three to nine: for normally distributed images and weights the largest error in 100,000 results is below
    1.5e-5 of their standard deviation at 64 channels and 3e-5 at 256. So is that of the gradient of the images; that of
    the weight stays below 1e-5.
    An infinity or NaN in an image reaches all results of the 4×4 tiles whose 6×6 elements it is among.

    >>> use_winograd(False)
    >>> use_winograd(True)
    """
    global _enabled
    _enabled = bool(enabled)


def worthwhile(channels: int, features: int, how: Filtering, lengths: Ints, *, weight_gradient: bool = False) -> bool:
    """Whether results (features, *P, N) of these lengths (*P, N) take at most 0.85 of their time as products over
    patches, and use is not switched off. The gradient with respect to the images has channels and features
    exchanged."""
    return _enabled and _faster(channels, features, how, lengths, weight_gradient)


@functools.lru_cache(maxsize=1024)
def _faster(channels: int, features: int, how: Filtering, lengths: Ints, weight_gradient: bool) -> bool:
    """Compares times as fitted to measurements with float32 on two cores (Zen 5), in nanoseconds for each channel and
    feature, and tap along D."""
    *depth, height, width, images = lengths
    down, over = how.dilation
    positions = math.prod(lengths)
    tiles = math.prod(depth) * -(-height // (4 * down)) * down * -(-width // (4 * over)) * over * images
    kernels = channels * features * how.planes
    tile = (9 + 8 / images) * (1 / channels + 1 / features) / how.planes
    if weight_gradient:
        direct = positions * (0.055 + 0.76 / features) + 4
        minimal = tiles * (0.23 + tile) + (22 if kernels < MANY_KERNELS // 4 else 30)
    else:
        direct = positions * (0.051 + 0.4 / features)
        minimal = tiles * (0.165 + tile) + (9 if kernels < MANY_KERNELS else 18)
    return minimal <= 0.85 * direct


class Filtering(NamedTuple):
    """How a convolution is taken apart: along D, the number of taps, and of zeros before the images; along H and W the
    dilation, and the zeros, in elements that are so far apart."""

    planes: int
    front: int
    dilation: Ints
    padding: Ints

    @property
    def adjoint(self) -> Filtering:
        """That of the gradient with respect to the images."""
        return self._replace(front=self.planes - 1 - self.front, padding=tuple(2 - n for n in self.padding))


@functools.lru_cache(maxsize=1024)
def filtering(
    lengths: Ints, positions: Ints, taps: Ints, stride: Ints, dilation: Ints, before: Ints
) -> Filtering | None:
    """How to take apart a convolution whose windows meet images of these lengths as `Geometry` says; None if it is of
    other taps or strides, unlike at the two ends of an axis, or dilated so that rows or columns do not come apart."""
    if not 2 <= len(taps) <= 3 or taps[-2:] != (3, 3) or any(n != 1 for n in stride):
        return None
    axes = zip(lengths, positions, taps, dilation, before, strict=True)
    if any(zeros % d or n + 2 * zeros - (t - 1) * d != p for n, p, t, d, zeros in axes):
        return None
    if lengths[-1] % dilation[-1] or any(n != 1 for n in dilation[:-2]):
        return None
    planes, front = (taps[0], before[0]) if len(taps) == 3 else (1, 0)
    padding = tuple(zeros // d for zeros, d in zip(before[-2:], dilation[-2:], strict=True))
    return Filtering(planes, front, dilation[-2:], padding)


def forward(x: Array, weight: Array, how: Filtering) -> Array:
    """y[f, p, n] = Σ_c,t x[c, p + t · dilation - before, n] · w[f, c, t], with zeros outside of `x`."""
    u = _transformed(_deep(weight, 2).swapaxes(1, 2), flipped=False).reshape(36, len(weight), -1)
    y = _convolve(_deep(x, 1), u, how)
    return y if x.ndim == 5 else y[:, 0]


def input_gradient(g: Array, weight: Array, how: Filtering) -> Array:
    """The adjoint of `forward` in `x`, from g (F, *P, N): the convolution of `g` with the flipped weight."""
    u = _transformed(_deep(weight, 2)[:, :, ::-1].transpose(2, 0, 1, 3, 4), flipped=True)
    y = _convolve(_deep(g, 1), u.reshape(36, -1, weight.shape[1]).swapaxes(1, 2), how.adjoint)
    return y if g.ndim == 5 else y[:, 0]


def weight_gradient(x: Array, g: Array, how: Filtering) -> Array:
    """The adjoint of `forward` in `weight`, (F, C, *T): Gᵀ [Σ (A g Aᵀ) · (Bᵀ x B)] G over tiles and images."""
    matrices, planes = _matrices(x.dtype), how.planes
    channels, features = len(x), len(g)
    blocks = _in_blocks(_deep(x, 1), _deep(g, 1), how, planes_first=False)
    parts = min(len(blocks), PARTS, max(2, PARTIAL_SUMS // (36 * planes * features * channels)))
    sums = scratch((parts, 36, planes, features, channels), x.dtype, "winograd sums")
    a, b = _squares(features), _squares(channels)

    def add(part: int) -> None:
        for i, (images, cotangent, block) in enumerate(blocks[part::parts]):
            v = _filtered(matrices.data, images, block.seen, FIRST, SECOND)
            m = _filtered(matrices.result.T, cotangent, block.given, SECOND, THIRD)
            left = m.reshape(36, 1, a, 1, features // a, -1)
            row = (block.planes + planes - 1) * block.tiles
            strides = (channels * row, block.tiles, 0, channels // b * row, row, 1)
            right = _seen_as(v, (36, planes, 1, b, channels // b, left.shape[-1]), strides).swapaxes(4, 5)
            product = scratch(sums.shape[1:], x.dtype, THIRD) if i else sums[part]
            wanted = product.reshape(36, planes, a, features // a, b, channels // b).swapaxes(3, 4)
            np.matmul(left, right, out=wanted)
            if i:
                np.add(sums[part], product, out=sums[part])

    share(add, range(parts))
    gradient = np.empty((planes * features * channels, 9), x.dtype)
    flat = sums.reshape(parts, 36, -1)

    def transform(kernels: slice) -> None:
        np.matmul(np.add.reduce(flat[:, :, kernels], axis=0).T, matrices.kernel, out=gradient[kernels])

    share(transform, _slices(len(gradient), KERNELS))
    if x.ndim == 4:
        return gradient.reshape(features, channels, 3, 3)
    return np.ascontiguousarray(gradient.reshape(planes, features, channels, 3, 3).transpose(1, 2, 0, 3, 4))


def _deep(x: Array, axis: int) -> Array:
    """Images or a weight with the third spatial axis, which may be missing, at its place."""
    return x if x.ndim == 5 else np.expand_dims(x, axis)


class Matrices(NamedTuple):
    """The constants Bᵀ (6, 6), G ⊗ G (36, 9) and Aᵀ (4, 6)."""

    data: Array
    kernel: Array
    result: Array


@functools.cache
def _matrices(dtype: np.dtype[Any]) -> Matrices:
    """Of Toom and Cook, with rows of Bᵀ and G scaled by powers of two to be of like size."""
    points = np.array(POINTS)
    data, kernel, result = np.zeros((6, 6)), np.zeros((6, 3)), np.zeros((4, 6))
    for k, point in enumerate(points):
        others = np.delete(points, k)
        data[k, :5] = np.poly(others)[::-1]
        kernel[k] = point ** np.arange(3) / np.prod(point - others)
        result[:, k] = point ** np.arange(4)
    data[5] = np.poly(points)[::-1]
    kernel[5, 2] = result[3, 5] = 1
    sizes = np.linalg.norm(kernel, axis=1) / np.linalg.norm(data, axis=1)
    scale = 2 ** np.round(np.log2(sizes) / 2)[:, None]
    data, kernel = data * scale, kernel / scale
    return Matrices(data.astype(dtype), np.kron(kernel, kernel).astype(dtype), result.astype(dtype))


def _convolve(x: Array, u: Array, how: Filtering) -> Array:
    """The convolution with a transformed weight (36, F, T · C)."""
    matrices = _matrices(x.dtype)
    _, features, deep = u.shape
    lengths = (n + 2 * d * (padding - 1) for n, d, padding in zip(x.shape[2:4], how.dilation, how.padding, strict=True))
    whole = np.empty((features, x.shape[1] + 2 * how.front - how.planes + 1, *lengths, x.shape[-1]), x.dtype)

    def work(task: tuple[Placed, Placed, Block]) -> None:
        images, y, block = task
        v = _filtered(matrices.data, images, block.seen, FIRST, SECOND)
        plane = len(x) * block.tiles
        strides = ((block.planes + how.planes - 1) * plane, plane, block.tiles, 1)
        stacked = _seen_as(v, (36, block.planes, deep, block.tiles), strides)
        m = scratch((6, 6, *block.given.shape[2:]), x.dtype, SECOND)
        np.matmul(u[:, None], stacked, out=m.reshape(36, block.planes, features, block.tiles))
        runs = _two_sided(matrices.result, m, FIRST, SECOND).view(block.given.run(x.dtype))[..., 0]
        for place, region in block.given.pieces:
            np.copyto(y.view(region, runs.dtype), runs[place])

    share(work, _in_blocks(x, whole, how, planes_first=True))
    return whole


def _seen_as(x: Array, shape: Ints, strides: Ints) -> Array:
    """Memory in one piece in another shape, with strides in elements."""
    return np.ndarray(shape, x.dtype, x, 0, tuple(x.itemsize * n for n in strides))


def _apart(x: Array, how: Filtering, planes_first: bool) -> list[Placed]:
    """The parts of images (C, D, H, W, N) that a dilated convolution does not mix, as images of their own, of planes of
    channels or the other way round."""
    down, over = how.dilation
    x = np.ascontiguousarray(x)
    height, width, images = x.shape[2:]
    h, w, n = x.strides[2:]
    ahead, by = (x.shape[1::-1], x.strides[1::-1]) if planes_first else (x.shape[:2], x.strides[:2])
    shapes = ((*ahead, len(range(k, height, down)), width // over, over * images) for k in range(down))
    return [Placed(x, k * h, shape, (*by, down * h, over * w, n)) for k, shape in enumerate(shapes)]


def _transformed(weight: Array, flipped: bool) -> Array:
    """G w Gᵀ of each kernel, as (36, kernels)."""
    matrix = _matrices(weight.dtype).kernel[:, ::-1] if flipped else _matrices(weight.dtype).kernel
    flat = np.ascontiguousarray(weight).reshape(-1, 9)
    u = scratch((36, len(flat)), weight.dtype, "winograd weight")

    def transform(kernels: slice) -> None:
        np.matmul(matrix, np.ascontiguousarray(flat[kernels].T), out=u[:, kernels])

    share(transform, _slices(len(flat), KERNELS))
    return u


def _filtered(matrix: Array, x: Placed, plan: Plan, name: str, between: str) -> Array:
    """Tiles of images with `matrix` on both sides, in the memory called `name`, by way of that `between`."""
    return _two_sided(matrix, _tiles(x, plan, name), between, name)


def _two_sided(matrix: Array, tiles: Array, between: str, name: str) -> Array:
    """matrix (m, k) · tile · matrixᵀ for tiles (k, k, ...), in the memory called `name`, by way of that `between`."""
    m, k = matrix.shape
    length = math.prod(tiles.shape[2:])
    parts = _divisor(length, SMALL_PRODUCT // 36)
    half = scratch((m, k * parts, length // parts), tiles.dtype, between)
    np.matmul(matrix, tiles.reshape(k, k * parts, -1).swapaxes(0, 1), out=half.swapaxes(0, 1))
    whole = scratch((m, m, parts, length // parts), tiles.dtype, name)
    np.matmul(matrix, half.reshape(m, k, parts, -1).swapaxes(1, 2), out=whole.swapaxes(1, 2))
    return whole.reshape(m, m, *tiles.shape[2:])


class Block(NamedTuple):
    """Some results, as tiles in a number of planes, and what of the images they come from."""

    planes: int
    tiles: int
    seen: Plan
    given: Plan


def _in_blocks(x: Array, y: Array, how: Filtering, planes_first: bool) -> list[tuple[Placed, Placed, Block]]:
    """Images (C, D, H, W, N) and results, in parts that a dilated convolution does not mix, with the blocks of each."""
    return [
        (images, results, block)
        for images, results in zip(_apart(x, how, planes_first), _apart(y, how, planes_first), strict=True)
        for block in _blocks(images.shape, images.strides, results.shape, results.strides, how, planes_first)
    ]


@functools.lru_cache(maxsize=128)  # lists, which are long for large images
def _blocks(
    seen: Ints, seen_strides: Ints, given: Ints, given_strides: Ints, how: Filtering, planes_first: bool
) -> list[Block]:
    """The blocks of results of a shape and strides that come from images of a shape and strides."""
    planes, own = given[:2] if planes_first else given[1::-1]
    _, channels = seen[:2] if planes_first else seen[1::-1]
    found = []
    for deep, *where in _cut(planes, given[2:], max(own, channels)):
        reach = range(deep.start - how.front, deep.stop - how.front + how.planes - 1)
        ahead = [(reach, range(channels)), (deep, range(own))]
        to_see, to_give = (Part(*axes, *where) for axes in (ahead if planes_first else [pair[::-1] for pair in ahead]))
        source = _plan(seen, seen_strides, to_see, 6, how.padding)
        # Results are written piece by piece; their cotangent is read.
        target = (_in_pieces if planes_first else _plan)(given, given_strides, to_give, 4, (0, 0))
        found.append(Block(len(deep), math.prod(map(len, where)), source, target))
    return found


def _cut(planes: int, lengths: Ints, channels: int) -> Iterator[tuple[range, ...]]:
    """Planes of results of these lengths (H, W, N), in blocks, so many channels being the most: for each the planes,
    the rows and columns of tiles, and the images."""
    height, width, images = lengths
    rows, columns = -(-height // 4), -(-width // 4)
    whole = planes * rows * columns * images
    most = min(max(COLUMNS, BLOCK // channels), max(FEW // channels, -(-whole // 2)))
    deep = _ranges(planes, max(1, most // COLUMNS))
    most //= len(deep[0])
    several = _ranges(images, most)
    wide = _ranges(columns, most // len(several[0]))
    high = _ranges(rows, most // (len(several[0]) * len(wide[0])))
    return itertools.product(deep, high, wide, several)


Place = tuple[slice, ...]
EVERYTHING = slice(None)


class Part(NamedTuple):
    """A part of images with two axes ahead of rows and columns: elements along these, which may lie outside, and tiles
    of some images."""

    first: range
    second: range
    rows: range
    columns: range
    images: range


class Patch(NamedTuple):
    """The elements of a part's tiles, side by side: their shape (*ahead, height, width); what of it is inside of the
    images, and where there, if anything; and what is outside."""

    shape: Ints
    place: Place
    region: Region | None
    zeros: list[Place]


class Plan(NamedTuple):
    """How the tiles of a part, (size, size, *ahead, rows, columns, images), come from images, or from a patch of them:
    pieces that are inside, the images of a tile being one element, and what is outside."""

    shape: Ints
    patch: Patch | None
    zeros: list[Place]
    pieces: list[tuple[Place, Region]]

    def run(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The images of a tile, which lie beside each other, as one element."""
        return _run(dtype, self.shape[-1])


@functools.cache
def _run(dtype: np.dtype[Any], count: int) -> np.dtype[Any]:
    return np.dtype((np.void, count * dtype.itemsize)) if count > 1 else dtype


def _tiles(x: Placed, plan: Plan, name: str) -> Array:
    """Tiles as planned, with zeros for what lies outside of the images."""
    dtype = x.memory.dtype
    run = plan.run(dtype)
    if plan.patch is not None:
        shape, place, region, zeros = plan.patch
        patch = scratch((*shape, plan.shape[-1]), dtype, "winograd patch")
        for outside in zeros:
            patch[outside] = 0
        if region is not None:
            np.copyto(scratch(shape, run, "winograd patch")[place], x.view(region, run))
        x = Placed(patch, 0, patch.shape, patch.strides)
    tiles, runs = scratch(plan.shape, dtype, name), scratch(plan.shape[:-1], run, name)
    for outside in plan.zeros:
        tiles[outside] = 0
    for place, region in plan.pieces:
        np.copyto(runs[place], x.view(region, run))
    return tiles


def _plan(shape: Ints, strides: Ints, part: Part, size: int, padding: Ints) -> Plan:
    if len(part.rows) == 1 or _whole(part, shape, padding):  # no or few tiles with an edge of their own
        return _in_pieces(shape, strides, part, size, padding)
    patch = _patch(shape, strides, part, size, padding)
    whole = (*patch.shape, len(part.images))
    inner = tuple(math.prod(whole[axis + 1 :]) * strides[4] for axis in range(5))
    return _in_pieces(whole, inner, Part(*(range(len(own)) for own in part)), size, (0, 0))._replace(patch=patch)


def _whole(part: Part, shape: Ints, padding: Ints) -> bool:
    """Whether all tiles are inside of the images."""
    return not any(padding) and 4 * part.rows.stop <= shape[2] and 4 * part.columns.stop <= shape[3]


def _patch(shape: Ints, strides: Ints, part: Part, size: int, padding: Ints) -> Patch:
    reach = [(own.start, len(own)) for own in part[:2]]
    for tiles, zeros in zip(part[2:4], padding, strict=True):
        reach.append((4 * tiles.start - zeros, 4 * (len(tiles) - 1) + size))
    inside = [_inside(first, count, length) for (first, count), length in zip(reach, shape, strict=False)]
    firsts = (*(max(0, first) for first, _ in reach), part.images.start)
    offset = sum(n * stride for n, stride in zip(firsts, strides, strict=True))
    counts = tuple(own.stop - own.start for own in inside)
    region = Region(offset, counts, strides[:4]) if all(counts) else None
    whole = tuple(count for _, count in reach)
    return Patch(whole, tuple(inside), region, _outside(inside, whole))


def _in_pieces(shape: Ints, strides: Ints, part: Part, size: int, padding: Ints) -> Plan:
    """The plan of tiles that come straight from images."""
    pieces: list[tuple[Place, Region]] = []
    a, b, h, w, n = strides
    ahead = [_inside(own.start, len(own), length) for own, length in zip(part[:2], shape, strict=False)]
    zeros: list[Place] = [(EVERYTHING, EVERYTHING, *place) for place in _outside(ahead, [*map(len, part[:2])])]
    start = max(0, part.first.start) * a + max(0, part.second.start) * b + part.images.start * n
    for i, rows, top in _alike(part.rows, shape[2], size, padding[0]):
        for j, columns, left in _alike(part.columns, shape[3], size, padding[1]):
            which = (*ahead, rows, columns)
            zeros += [(*place, *which) for place in _outside((i, j), (size, size))]
            counts = tuple(own.stop - own.start for own in (i, j, *which))
            if min(counts) > 0:
                place = (i, j, *which)
                pieces.append((place, Region(start + top * h + left * w, counts, (h, w, a, b, 4 * h, 4 * w))))
    return Plan((size, size, *map(len, part)), None, zeros, pieces)


def _inside(first: int, count: int, length: int) -> slice:
    """Which of `count` elements from `first` on are on an axis of this length."""
    start = min(count, max(0, -first))
    return slice(start, max(start, min(count, length - first)))


def _outside(inside: Sequence[slice], lengths: Sequence[int]) -> list[Place]:
    """What a box of these lengths has around its part `inside`, as boxes."""
    places: list[Place] = []
    for axis, (own, length) in enumerate(zip(inside, lengths, strict=True)):
        behind = (EVERYTHING,) * (len(lengths) - axis - 1)
        ends = (slice(0, own.start), slice(own.stop, length))
        places += [(*inside[:axis], end, *behind) for end in ends if end.start < end.stop]
    return places


def _alike(tiles: range, length: int, size: int, padding: int) -> Iterator[tuple[slice, slice, int]]:
    """Along one axis, neighbouring tiles of which the same elements lie inside of the image: which elements, which
    tiles of the part, and where in the image the first one's are."""

    def elements(tile: int) -> tuple[int, int]:
        own = _inside(4 * tile - padding, size, length)
        return own.start, own.stop

    for (start, stop), group in itertools.groupby(tiles, elements):
        same = list(group)
        first = same[0] - tiles.start
        yield slice(start, stop), slice(first, first + len(same)), max(0, 4 * same[0] - padding + start)


def _ranges(length: int, most: int) -> list[range]:
    """0 … length - 1 in parts of like size, of at most `most` but one at least."""
    parts = -(-length // max(1, most))
    return [range(k * length // parts, (k + 1) * length // parts) for k in range(parts)]


def _slices(length: int, most: int) -> list[slice]:
    return [slice(part.start, part.stop) for part in _ranges(length, most)]


def _squares(length: int) -> int:
    """Into how many parts of one size to cut rows or columns."""
    parts = _divisor(length, SQUARE)
    return parts if length // parts >= SQUARE // 2 else 1


@functools.cache
def _divisor(length: int, most: int) -> int:
    """Into how many parts, at least, of one size and at most `most` elements a length can be cut."""
    parts = -(-length // most)
    while length % parts:
        parts += 1
    return parts
