"""3×3 convolution at stride 1 by Winograd's minimal filtering.

This is F(4×4, 3×3) of Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". A tile of 4×4 results,
y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A, comes from 6×6 elements of the image by 36 multiplications instead of 144. Summed over
channels before Aᵀ · A, each of the 36 is a matrix product. The matrices evaluate polynomials at five points and
infinity; the usual points 0, ±1, ±2 lose two to four times as much to rounding as 0, ±5/8, ±3/2.

Arrays are in memory order, batch last: images (C, H, W, N), results (F, P, Q, N), weights (F, C, 3, 3). Those that lie
in memory in another way are copied. Dilated by d, rows of each remainder by d are convolved apart, and so are
columns, which lie beside each other as images do: (C, H / d, W / d, d · N). Tiles × images, taken in blocks that stay
in cache, are the columns of all products. They are shared out over threads, cut up by shape alone and summed in order:
results are the same bits at any number of threads.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.layout import Placed, Region
from autograd.kernels.threads import scratch, share

__all__ = ["use_winograd"]

Ints = tuple[int, ...]
Dilation = Ints

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
    """Whether 3×3 convolutions at stride 1 in float32 may be computed by Winograd's algorithm, in all threads.

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


def worthwhile(
    channels: int,
    features: int,
    height: int,
    width: int,
    images: int,
    dilation: Dilation = (1, 1),
    *,
    weight_gradient: bool = False,
) -> bool:
    """Whether results (features, height, width, images) take at most 0.85 of their time as products over patches, and
    use is not switched off. The gradient with respect to the images has channels and features exchanged."""
    return _enabled and _faster(channels, features, height, width, images, dilation, weight_gradient)


@functools.lru_cache(maxsize=1024)
def _faster(
    channels: int, features: int, height: int, width: int, images: int, dilation: Dilation, weight_gradient: bool
) -> bool:
    """Compares times as fitted to measurements with float32 on two cores (Zen 5), in nanoseconds for each channel and
    feature."""
    down, over = dilation
    positions = height * width * images
    tiles = -(-height // (4 * down)) * down * -(-width // (4 * over)) * over * images
    kernels = channels * features
    tile = (9 + 8 / images) * (1 / channels + 1 / features)
    if weight_gradient:
        direct = positions * (0.055 + 0.76 / features) + 4
        minimal = tiles * (0.23 + tile) + (22 if kernels < MANY_KERNELS // 4 else 30)
    else:
        direct = positions * (0.051 + 0.4 / features)
        minimal = tiles * (0.165 + tile) + (9 if kernels < MANY_KERNELS else 18)
    return minimal <= 0.85 * direct


def forward(x: Array, weight: Array, padding: int = 0, dilation: Dilation = (1, 1)) -> Array:
    """y[f, p, q, n] = Σ_c,i,j x[c, p + d · (i - padding), q + d · (j - padding), n] · w[f, c, i, j], with zeros outside
    of `x`. Each axis has its dilation d; that of columns divides their number."""
    return _convolve(x, _transformed(weight, flipped=False), padding, dilation)


def input_gradient(g: Array, weight: Array, padding: int = 0, dilation: Dilation = (1, 1)) -> Array:
    """The adjoint of `forward` in `x`, from g (F, P, Q, N): the convolution of `g` with the flipped weight."""
    return _convolve(g, _transformed(weight, flipped=True).swapaxes(1, 2), 2 - padding, dilation)


def weight_gradient(x: Array, g: Array, padding: int = 0, dilation: Dilation = (1, 1)) -> Array:
    """The adjoint of `forward` in `weight`, (F, C, 3, 3): Gᵀ [Σ (A g Aᵀ) · (Bᵀ x B)] G over tiles and images."""
    matrices = _matrices(x.dtype)
    channels, features = len(x), len(g)
    blocks = [
        (images, cotangent, block)
        for images, cotangent in zip(_apart(x, dilation), _apart(g, dilation), strict=True)
        for block in _blocks(cotangent.shape, max(channels, features))
    ]
    parts = min(len(blocks), PARTS, max(2, PARTIAL_SUMS // (36 * features * channels)))
    sums = scratch((parts, 36, features, channels), x.dtype, "winograd sums")
    a, b = _squares(features), _squares(channels)

    def add(part: int) -> None:
        for i, (images, cotangent, block) in enumerate(blocks[part::parts]):
            v = _two_sided(matrices.data, _tiles(images, block, 6, padding, FIRST), SECOND, FIRST)
            m = _two_sided(matrices.result.T, _tiles(cotangent, block, 4, 0, SECOND), THIRD, SECOND)
            left = m.reshape(36, a, 1, features // a, -1)
            right = v.reshape(36, 1, b, channels // b, -1).swapaxes(3, 4)
            product = scratch(sums.shape[1:], x.dtype, THIRD) if i else sums[part]
            np.matmul(left, right, out=product.reshape(36, a, features // a, b, channels // b).swapaxes(2, 3))
            if i:
                np.add(sums[part], product, out=sums[part])

    share(add, range(parts))
    gradient = np.empty((features * channels, 9), x.dtype)
    flat = sums.reshape(parts, 36, -1)

    def transform(kernels: slice) -> None:
        np.matmul(np.add.reduce(flat[:, :, kernels], axis=0).T, matrices.kernel, out=gradient[kernels])

    share(transform, _slices(len(gradient), KERNELS))
    return gradient.reshape(features, channels, 3, 3)


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


def _convolve(x: Array, u: Array, padding: int, dilation: Dilation) -> Array:
    """The convolution with a transformed weight (36, F, C)."""
    matrices = _matrices(x.dtype)
    _, features, channels = u.shape
    height, width = (n + 2 * d * (padding - 1) for n, d in zip(x.shape[1:3], dilation, strict=True))
    whole = np.empty((features, height, width, x.shape[3]), x.dtype)

    def work(task: tuple[Placed, Placed, Block]) -> None:
        images, y, block = task
        v = _two_sided(matrices.data, _tiles(images, block, 6, padding, FIRST), SECOND, FIRST)
        m = scratch((6, 6, features, *block.shape), x.dtype, SECOND)
        np.matmul(u, v.reshape(36, channels, -1), out=m.reshape(36, features, -1))
        tiles = _two_sided(matrices.result, m, FIRST, SECOND)
        run = _run(x.dtype, len(block.images))
        runs = tiles.view(run)[..., 0]
        for place, region in _pieces(y.shape, y.strides, block, 4, 0)[1]:
            np.copyto(y.view(region, run), runs[place])

    parts = zip(_apart(x, dilation), _apart(whole, dilation), strict=True)
    share(work, [(images, y, block) for images, y in parts for block in _blocks(y.shape, max(channels, features))])
    return whole


@functools.cache
def _run(dtype: np.dtype[Any], count: int) -> np.dtype[Any]:
    """So many images, which lie beside each other, as one element."""
    return np.dtype((np.void, count * dtype.itemsize)) if count > 1 else dtype


def _apart(x: Array, dilation: Dilation) -> list[Placed]:
    """The parts of images (C, H, W, N) that a dilated convolution does not mix, as images of their own."""
    down, over = dilation
    x = np.ascontiguousarray(x)
    channels, height, width, images = x.shape
    c, h, w, n = x.strides
    shapes = ((channels, len(range(k, height, down)), width // over, over * images) for k in range(down))
    return [Placed(x, k * h, shape, (c, down * h, over * w, n)) for k, shape in enumerate(shapes)]


def _transformed(weight: Array, flipped: bool) -> Array:
    """G w Gᵀ of each kernel, as (36, F, C)."""
    matrix = _matrices(weight.dtype).kernel[:, ::-1] if flipped else _matrices(weight.dtype).kernel
    flat = np.ascontiguousarray(weight).reshape(-1, 9)
    u = scratch((36, len(flat)), weight.dtype, "winograd weight")

    def transform(kernels: slice) -> None:
        np.matmul(matrix, np.ascontiguousarray(flat[kernels].T), out=u[:, kernels])

    share(transform, _slices(len(flat), KERNELS))
    return u.reshape(36, *weight.shape[:2])


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
    """A rectangle of tiles, of some images."""

    rows: range
    columns: range
    images: range

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.rows), len(self.columns), len(self.images)


@functools.lru_cache(maxsize=1024)
def _blocks(shape: Ints, channels: int) -> list[Block]:
    """The tiles of results (F, H, W, N), in blocks, so many channels being the most."""
    _, height, width, images = shape
    rows, columns = -(-height // 4), -(-width // 4)
    most = min(max(COLUMNS, BLOCK // channels), max(FEW // channels, -(-rows * columns * images // 2)))
    several = _ranges(images, most)
    wide = _ranges(columns, most // len(several[0]))
    high = _ranges(rows, most // (len(several[0]) * len(wide[0])))
    return [Block(*ranges) for ranges in itertools.product(high, wide, several)]


def _tiles(x: Placed, block: Block, size: int, padding: int, name: str) -> Array:
    """The tiles of a block, (size, size, C, *block.shape), with zeros for what lies outside of the images."""
    dtype = x.memory.dtype
    run = _run(dtype, len(block.images))
    plan = _plan(x.shape, x.strides, block, size, padding)
    if plan.patch is not None:
        shape, place, region, zeros = plan.patch
        patch = scratch((*shape, len(block.images)), dtype, "winograd patch")
        for outside in zeros:
            patch[outside] = 0
        if region is not None:
            np.copyto(scratch(shape, run, "winograd patch")[place], x.view(region, run))
        x = Placed(patch, 0, patch.shape, patch.strides)
    shape = (size, size, x.shape[0], *block.shape)
    tiles, runs = scratch(shape, dtype, name), scratch(shape[:-1], run, name)
    for outside in plan.zeros:
        tiles[outside] = 0
    for place, region in plan.pieces:
        np.copyto(runs[place], x.view(region, run))
    return tiles


Place = tuple[slice, ...]


class Patch(NamedTuple):
    """The elements of a block's tiles, side by side: their shape (C, height, width); what of it is inside of the
    images, and where there, if anything; and what is outside."""

    shape: Ints
    place: Place
    region: Region | None
    zeros: list[Place]


class Plan(NamedTuple):
    """How a block's tiles (size, size, C, rows, columns, images) come from images, or from a patch of them: pieces that
    are inside, the images of a tile being one element, and what is outside."""

    patch: Patch | None
    zeros: list[Place]
    pieces: list[tuple[Place, Region]]


@functools.lru_cache(maxsize=4096)
def _plan(shape: Ints, strides: Ints, block: Block, size: int, padding: int) -> Plan:
    if len(block.rows) == 1 or (not padding and _whole(block, shape)):  # no or few tiles with an edge of their own
        return Plan(None, *_pieces(shape, strides, block, size, padding))
    patch = _patch(shape, strides, block, size, padding)
    whole = (*patch.shape, len(block.images))
    inner = tuple(math.prod(whole[axis + 1 :]) * strides[3] for axis in range(4))
    return Plan(patch, *_pieces(whole, inner, Block(*map(range, block.shape)), size, 0))


def _whole(block: Block, shape: Ints) -> bool:
    """Whether all tiles are inside of the images."""
    return 4 * block.rows.stop <= shape[1] and 4 * block.columns.stop <= shape[2]


def _patch(shape: Ints, strides: Ints, block: Block, size: int, padding: int) -> Patch:
    inner, outer = [], []
    for tiles, length in zip((block.rows, block.columns), shape[1:3], strict=True):
        first, reach = 4 * tiles.start - padding, 4 * (len(tiles) - 1) + size
        start, stop = min(reach, max(0, -first)), max(0, min(reach, length - first))
        inner.append((start, max(start, stop), reach))
        outer.append(max(0, first + start))
    (top, bottom, high), (left, right, wide) = inner
    everything, rows = slice(None), slice(top, bottom)
    outside = [
        (everything, slice(top)),
        (everything, slice(bottom, high)),
        (everything, rows, slice(left)),
        (everything, rows, slice(right, wide)),
    ]
    offset = outer[0] * strides[1] + outer[1] * strides[2] + block.images.start * strides[3]
    counts = (shape[0], bottom - top, right - left)
    region = Region(offset, counts, strides[:3]) if all(counts) else None
    return Patch((shape[0], high, wide), (everything, rows, slice(left, right)), region, _not_empty(outside))


@functools.lru_cache(maxsize=4096)
def _pieces(
    shape: Ints, strides: Ints, block: Block, size: int, padding: int
) -> tuple[list[Place], list[tuple[Place, Region]]]:
    """What of a block's tiles is outside of the images, and what is inside, and where there."""
    zeros: list[Place] = []
    pieces: list[tuple[Place, Region]] = []
    c, h, w, n = strides
    everything = slice(None)
    for i, rows, top in _inside(block.rows, shape[1], size, padding):
        for j, columns, left in _inside(block.columns, shape[2], size, padding):
            which = (everything, rows, columns)
            for outside in (slice(i.start), slice(i.stop, size)):
                zeros += _not_empty([(outside, everything, *which)])
            for outside in (slice(j.start), slice(j.stop, size)):
                zeros += _not_empty([(i, outside, *which)])
            counts = [part.stop - part.start for part in (i, j, rows, columns)]
            counts[2:2] = [shape[0]]
            offset = top * h + left * w + block.images.start * n
            if min(counts) > 0:
                pieces.append(((i, j, *which), Region(offset, tuple(counts), (h, w, c, 4 * h, 4 * w))))
    return zeros, pieces


def _not_empty(places: list[Place]) -> list[Place]:
    return [place for place in places if all(part == slice(None) or (part.start or 0) < part.stop for part in place)]


def _inside(tiles: range, length: int, size: int, padding: int) -> Iterator[tuple[slice, slice, int]]:
    """Along one axis, neighbouring tiles of which the same elements lie inside of the image: which elements, which
    tiles of the block, and where in the image the first one's are."""

    def elements(tile: int) -> tuple[int, int]:
        first = 4 * tile - padding
        return min(size, max(0, -first)), max(0, min(size, length - first))

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
