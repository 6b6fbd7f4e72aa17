"""Convolution with 3×3 taps along the last two axes, at stride 1, by Winograd's minimal filtering.

This is F(4×4, 3×3) of Lavin & Gray 2016, "Fast algorithms for convolutional neural networks". A tile of 4×4 results,
y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A, comes from 6×6 elements of the image by 36 multiplications instead of 144. Summed over
channels before Aᵀ · A, each of the 36 is a matrix product.

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
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.blas import SMALL_PRODUCT
from autograd.kernels.layout import Placed, Region
from autograd.kernels.minimal_filtering import (
    EVERYTHING,
    SEVERAL,
    Ints,
    Place,
    Strip,
    alike,
    at,
    comes_apart,
    dense,
    in_blocks,
    matrices,
    outside,
    partial_sums,
    ranges,
    within,
)
from autograd.kernels.threads import framed, scratch, share

# Columns of a block, at least, and its columns · channels, at most.
COLUMNS, BLOCK = 64, 1 << 13
# BLAS' kernels for small matrices, with a transposed right operand, are fastest up to so many rows and columns; without
# such kernels there is no reason to cut a product into squares.
SQUARE = 32 if SMALL_PRODUCT else 1 << 20
# Columns · channels in a block, at least: fewer are not worth a thread.
FEW = 1 << 11
# Kernels that are transformed at a time.
KERNELS = 4096
# So many kernels, 36 elements each, are not in cache when they are used; a fourth, not when a gradient is summed.
MANY_KERNELS = 1 << 17
# Scratch memory that tiles and products go to and fro between.
FIRST, SECOND, THIRD = "winograd first", "winograd second", "winograd third"


def cost(channels: int, features: int, how: Filtering, lengths: Ints, weight_gradient: bool = False) -> float:
    """The time, in nanoseconds for each channel and feature, for results (features, *P, N) of these lengths (*P, N), as
    fitted to measurements with float32 on two cores (Zen 5; what tiles take of it, a Xeon). The gradient of the images
    has channels and features exchanged."""
    *depth, height, width, images = lengths
    down, over = how.dilation
    tiles = math.prod(depth) * -(-height // (4 * down)) * down * -(-width // (4 * over)) * over * images
    kernels = channels * features * how.planes
    product = 0.23 if weight_gradient else 0.165
    tile = (6.5 + 8 / images) * (1 / channels + 1 / features)
    if weight_gradient:
        kernel = 22 if kernels < MANY_KERNELS // 4 else 30
    else:
        kernel = 9 if kernels < MANY_KERNELS else 18
    return tiles * (product * how.planes + tile) + kernel * how.planes


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
    other taps, or does not come apart."""
    if not 2 <= len(taps) <= 3 or taps[-2:] != (3, 3) or any(n != 1 for n in dilation[:-2]):
        return None
    if not comes_apart(lengths, positions, taps, stride, dilation, before):
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
    (data, _, result), planes = matrices(x.dtype), how.planes
    channels, features = len(x), len(g)
    blocks = _in_blocks(_deep(x, 1), _deep(g, 1), how, planes_first=False)
    parts = partial_sums(len(blocks), 36 * planes * features * channels)
    sums = scratch((parts, 36, planes, features, channels), x.dtype, "winograd sums")
    a, b = _squares(features), _squares(channels)

    def add(part: int) -> None:
        for i, (images, cotangent, block) in enumerate(blocks[part::parts]):
            v = _read(data, images, block.seen, FIRST, SECOND)
            m = _read(result.T, cotangent, block.given, SECOND, THIRD)
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
    kernel = _kernel_matrix(x.dtype)
    flat = sums.reshape(parts, 36, -1)

    def transform(kernels: slice) -> None:
        np.matmul(np.add.reduce(flat[:, :, kernels], axis=0).T, kernel, out=gradient[kernels])

    share(transform, _slices(len(gradient), KERNELS))
    if x.ndim == 4:
        return gradient.reshape(features, channels, 3, 3)
    return np.ascontiguousarray(gradient.reshape(planes, features, channels, 3, 3).transpose(1, 2, 0, 3, 4))


def _deep(x: Array, axis: int) -> Array:
    """Images or a weight with the third spatial axis, which may be missing, at its place."""
    return x if x.ndim == 5 else np.expand_dims(x, axis)


def _convolve(x: Array, u: Array, how: Filtering) -> Array:
    """The convolution with a transformed weight (36, F, T · C)."""
    data, _, result = matrices(x.dtype)
    _, features, deep = u.shape
    lengths = (n + 2 * d * (padding - 1) for n, d, padding in zip(x.shape[2:4], how.dilation, how.padding, strict=True))
    whole = np.empty((features, x.shape[1] + 2 * how.front - how.planes + 1, *lengths, x.shape[-1]), x.dtype)

    def work(task: tuple[Placed, Placed, Block]) -> None:
        images, y, block = task
        v = _read(data, images, block.seen, FIRST, SECOND)
        plane = len(x) * block.tiles
        strides = ((block.planes + how.planes - 1) * plane, plane, block.tiles, 1)
        stacked = _seen_as(v, (36, block.planes, deep, block.tiles), strides)
        m = scratch((36, block.planes, features, block.tiles), x.dtype, SECOND)
        np.matmul(u[:, None], stacked, out=m)
        _write(result, m, y, block.given, FIRST, SECOND)

    share(work, _in_blocks(x, whole, how, planes_first=True))
    return whole


def _seen_as(x: Array, shape: Ints, strides: Ints) -> Array:
    """Memory in one piece in another shape, with strides in elements."""
    return np.ndarray(shape, x.dtype, x, 0, tuple(x.itemsize * n for n in strides))


def _runs(x: Array, region: Region) -> Array:
    """A region with the images of a place, which lie beside each other, as one element."""
    offset, shape, strides = region
    return np.ndarray(shape[:-1], _run(x.dtype, shape[-1]), x, offset, strides[:-1])


@functools.cache
def _run(dtype: np.dtype[Any], count: int) -> np.dtype[Any]:
    return np.dtype((np.void, count * dtype.itemsize)) if count > 1 else dtype


@functools.cache
def _kernel_matrix(dtype: np.dtype[Any]) -> Array:
    """G ⊗ G, (36, 9)."""
    kernel = matrices(np.dtype(np.float64)).kernel
    return np.kron(kernel, kernel).astype(dtype)


def _transformed(weight: Array, flipped: bool) -> Array:
    """G w Gᵀ of each kernel, as (36, kernels)."""
    matrix = _kernel_matrix(weight.dtype)[:, :: -1 if flipped else 1]
    flat = np.ascontiguousarray(weight).reshape(-1, 9)
    u = scratch((36, len(flat)), weight.dtype, "winograd weight")

    def transform(kernels: slice) -> None:
        np.matmul(matrix, np.ascontiguousarray(flat[kernels].T), out=u[:, kernels])

    share(transform, _slices(len(flat), KERNELS))
    return u


def _read(matrix: Array, x: Placed, reading: Reading, name: str, between: str) -> Array:
    """Tiles of images with `matrix` on both sides, in the memory called `name`, perhaps by way of that `between`.

    Along H, products take the rows of an image as they lie, those of an edge with the columns of `matrix` that meet
    rows; along W, their results between zeros."""
    dtype = x.memory.dtype
    rows = framed(reading.rows, dtype, f"{name} rows", reading.inside)
    for strip in reading.strips:
        own = at(rows, strip.own)
        if strip.images is None:
            own[...] = 0
        else:
            np.matmul(matrix[:, strip.taps], x.view(strip.images), out=own)
    tiles = scratch(reading.tiles, dtype, name)
    for place in reading.outside:
        tiles[place] = 0
    if reading.rows[-1] >= SEVERAL:
        np.matmul(matrix, at(rows, reading.windows), out=at(tiles, reading.given))
    else:
        columns = scratch(reading.columns, dtype, between)
        np.copyto(_runs(columns, reading.gathered), _runs(rows, reading.windows))
        np.matmul(matrix, columns, out=at(tiles, reading.products))
    return tiles


def _write(matrix: Array, m: Array, y: Placed, writing: Writing, name: str, between: str) -> None:
    """Results from tiles, in memory called `between`, with `matrix` on both sides: first along W, then along H."""
    if writing.rows[-1] >= SEVERAL:
        rows = scratch(writing.rows, m.dtype, name)
        np.matmul(matrix, at(m, writing.tiles), out=rows)
    else:
        columns = scratch((6, 4, m.size // 36), m.dtype, name)
        np.matmul(matrix, m.reshape(6, 6, -1), out=columns)
        rows = scratch(writing.rows, m.dtype, between)
        np.copyto(_runs(rows, writing.whole), _runs(columns, writing.columns))
    for strip in writing.strips:
        if strip.images is not None:
            np.matmul(matrix[strip.taps], at(rows, strip.own), out=y.view(strip.images))


class Block(NamedTuple):
    """Some results, as tiles in a number of planes, and what of the images they come from."""

    planes: int
    tiles: int
    seen: Reading
    given: Any  # a Reading or, if results are written, a Writing


def _in_blocks(x: Array, y: Array, how: Filtering, planes_first: bool) -> list[tuple[Placed, Placed, Block]]:
    """Images (C, D, H, W, N) and results, in parts that a dilated convolution does not mix, of planes of channels or
    the other way round, with the blocks of each."""
    order = (1, 0, 2, 3, 4) if planes_first else (0, 1, 2, 3, 4)
    return in_blocks(x, y, how.dilation, order, lambda *lying: _blocks(*lying, how, planes_first))


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
        source = _reading(seen, seen_strides, to_see, 6, how.padding)
        target = (_writing if planes_first else _reading)(given, given_strides, to_give, 4, (0, 0))
        found.append(Block(len(deep), math.prod(map(len, where)), source, target))
    return found


def _cut(planes: int, lengths: Ints, channels: int) -> Iterator[tuple[range, ...]]:
    """Planes of results of these lengths (H, W, N), in blocks, so many channels being the most: for each the planes,
    the rows and columns of tiles, and the images."""
    height, width, images = lengths
    rows, columns = -(-height // 4), -(-width // 4)
    whole = planes * rows * columns * images
    most = min(max(COLUMNS, BLOCK // channels), max(FEW // channels, -(-whole // 2)))
    deep = ranges(planes, max(1, most // COLUMNS))
    most //= len(deep[0])
    several = ranges(images, most)
    wide = ranges(columns, most // len(several[0]))
    high = ranges(rows, most // (len(several[0]) * len(wide[0])))
    return itertools.product(deep, high, wide, several)


class Part(NamedTuple):
    """A part of images with two axes ahead of rows and columns: elements along these, which may lie outside, and tiles
    of some images."""

    first: range
    second: range
    rows: range
    columns: range
    images: range


class Reading(NamedTuple):
    """How tiles of a part, (6, 6, *ahead, rows, columns, images), are made: by way of `rows` (6, *ahead, rows, width,
    images), of which some columns are `inside` of the images, strip by strip; then straight from the `windows` of these
    rows as `given`, or from windows `gathered` in `columns`, as `products`. Tiles `outside` are zero."""

    rows: Ints
    inside: slice
    strips: list[Strip]
    windows: Region
    gathered: Region
    columns: Ints
    tiles: Ints
    outside: list[Place]
    given: Region
    products: Region


class Writing(NamedTuple):
    """How results of a part come from `tiles` (6, 6, *ahead, rows, columns, images): by way of `rows` (6, *ahead, rows,
    columns, 4, images), which are made at once or come from `columns` as a `whole`, strip by strip."""

    tiles: Region
    columns: Region
    rows: Ints
    whole: Region
    strips: list[Strip]


def _reading(shape: Ints, strides: Ints, part: Part, size: int, padding: Ints) -> Reading:
    """Of tiles of a size, in images of this shape and strides with padding along H and W."""
    itemsize, high, wide, images = strides[-1], len(part.rows), len(part.columns), len(part.images)
    ahead = [within(own.start, len(own), length) for own, length in zip(part[:2], shape, strict=False)]
    first, second = (own.stop - own.start for own in ahead)
    left, width = 4 * part.columns.start - padding[1], 4 * (wide - 1) + size
    inside = within(left, width, shape[3])
    rows = (6, first, second, high, width, images)
    i, a, b, h, w, n = dense(rows, itemsize)
    origin = tuple(max(0, k) for k in (part.first.start, part.second.start, 0, left, part.images.start))
    strips = _strips(shape, strides, origin, part, size, padding[0], (rows, inside))
    windows = Region(0, (6, first, second, high, wide, size, images), (i, a, b, h, 4 * w, w, n))
    i, a, k, b, h, w, n = dense((6, first, size, second, high, wide, images), itemsize)
    gathered = Region(0, windows.shape, (i, a, b, h, w, k, n))
    tiles = (6, 6, len(part.first), len(part.second), high, wide, images)
    i, j, a, b, h, w, n = dense(tiles, itemsize)
    start, length = ahead[0].start * a + ahead[1].start * b, second * high * wide * images
    return Reading(
        rows,
        inside,
        strips,
        windows,
        gathered,
        (6, first, size, length),
        tiles,
        [(EVERYTHING, EVERYTHING, *place) for place in outside(ahead, tiles[2:4])],
        Region(start, (6, first, second, high, wide, 6, images), (i, a, b, h, w, j, n)),
        Region(start, (6, first, 6, length), (i, a, j, n)),
    )


def _writing(shape: Ints, strides: Ints, part: Part, size: int, padding: Ints) -> Writing:
    """Of results of this shape and strides, in tiles of a size, without padding."""
    itemsize = strides[-1]
    first, second, high, wide, images = map(len, part)
    i, k, a, b, h, w, n = dense((6, 6, first, second, high, wide, images), itemsize)
    tiles = Region(0, (6, first, second, high, wide, 6, images), (i, a, b, h, w, k, n))
    whole = (6, first, second, high, wide, size, images)
    i, k, a, b, h, w, n = dense((6, size, first, second, high, wide, images), itemsize)
    columns = Region(0, whole, (i, a, b, h, w, k, n))
    width = size * wide
    origin = (part.first.start, part.second.start, 0, size * part.columns.start, part.images.start)
    rows = ((6, first, second, high, width, images), within(origin[3], width, shape[3]))
    strips = _strips(shape, strides, origin, part, size, padding[0], rows)
    return Writing(tiles, columns, whole, Region(0, whole, dense(whole, itemsize)), strips)


def _strips(
    shape: Ints, strides: Ints, origin: Ints, part: Part, size: int, padding: int, own: tuple[Ints, slice]
) -> list[Strip]:
    """The strips of a part's tiles, which begin at `origin` in images of this shape and strides; and in memory of their
    `own` of such a shape (6, *ahead, rows, width, images), in these of its columns."""
    rows, inside = own
    _, first, second, _, _, images = rows
    columns = inside.stop - inside.start
    if not first * second * columns:
        return []
    start = sum(n * stride for n, stride in zip(origin, strides, strict=True))
    a, b, h, w, n = strides
    i, *ahead, row, column, image = dense(rows, strides[-1])
    found = []
    for taps, which, top in alike(part.rows, shape[2], size, padding):
        count, high = which.stop - which.start, taps.stop - taps.start

        def matrices(offset: int, height: int, steps: Ints, count: int = count) -> Region:
            one, two, tile, down, over, step = steps
            if images == shape[4]:  # columns and images are one stretch
                return Region(offset, (first, second, count, height, columns * images), (one, two, tile, down, step))
            return Region(offset, (first, second, count, columns, height, images), (one, two, tile, over, down, step))

        seen = matrices(start + top * h, high, (a, b, 4 * h, h, w, n)) if high else None
        place = which.start * row + inside.start * column
        found.append(Strip(taps, seen, matrices(place, 6, (*ahead, row, i, column, image))))
    return found


def _slices(length: int, most: int) -> list[slice]:
    return [slice(part.start, part.stop) for part in ranges(length, most)]


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
