"""Convolution with three taps along the last axis, at stride 1, by Winograd's minimal filtering along that axis alone.

This is F(4, 3): four results in a row, y = Aᵀ [(G w) ⊙ (Bᵀ x)], come from six elements by 6 multiplications instead of
12, with the matrices of `minimal_filtering`. Any number of taps along the axis before is summed over as channels are:
the transformed rows that follow each other are one matrix, and the matrices of neighbouring results overlap. For few
channels that is faster than filtering along both axes, where the products are less work and the tiles more.

Arrays are in memory order, batch last: images (C, H, W, N), results (F, P, Q, N), weights (F, C, T, 3). Images with one
axis have H = T = 1. Tiles and results are taken from memory and put there as they lie, images beside each other being
the columns of small products. What is dilated, what threads share and in which order sums are made is as in `winograd`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

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
from autograd.kernels.threads import scratch, share

# Columns of a product, about: in blocks of several rows, and of one; images in a product, at most.
COLUMNS, LONG, IMAGES = 64, 512, 256
# Elements in a block at each of the six points, at most.
BLOCK = 1 << 15
# Rows of kernels up to which the products that sum their gradients are fast.
SUMMED = 1 << 14
# Scratch memory of tiles and of products.
TILES, PRODUCTS = "lines tiles", "lines products"


class Filtering(NamedTuple):
    """How a convolution is taken apart: the taps along H, and the zeros before the images; the dilation along both; the
    zeros along W, in elements that are so far apart."""

    taps: int
    front: int
    dilation: Ints
    padding: int

    @property
    def adjoint(self) -> Filtering:
        """That of the gradient with respect to the images."""
        return self._replace(front=self.taps - 1 - self.front, padding=2 - self.padding)


@functools.lru_cache(maxsize=1024)
def filtering(
    lengths: Ints, positions: Ints, taps: Ints, stride: Ints, dilation: Ints, before: Ints
) -> Filtering | None:
    """How to take apart a convolution whose windows meet images of these lengths as `Geometry` says; None if it is of
    other taps, or does not come apart."""
    if not 1 <= len(taps) <= 2 or taps[-1] != 3:
        return None
    if not comes_apart(lengths, positions, taps, stride, dilation, before):
        return None
    padding = before[-1] // dilation[-1]
    if len(taps) == 1:
        return Filtering(1, 0, (1, *dilation), padding)
    return Filtering(taps[0], before[0] // dilation[0], dilation, padding)


def cost(channels: int, features: int, how: Filtering, lengths: Ints, weight_gradient: bool = False) -> float:
    """The time, as in `winograd`, for results (features, *P, N) of lengths (*P, N); infinite if too few images lie
    beside each other for tiles to be taken as they lie."""
    *height, width, images = lengths
    over = how.dilation[1]
    if images * over < SEVERAL:
        return math.inf
    positions = math.prod(height) * -(-width // (4 * over)) * 4 * over * images
    if weight_gradient:
        product = 0.008 if channels * features * how.taps <= SUMMED else 0.015
        return positions * (product * how.taps + 0.36 / features + 0.2 / channels) + 4 * how.taps
    return positions * (0.0055 * how.taps + 0.003 + 0.38 / features + 0.16 / channels) + 6 * how.taps


def forward(x: Array, weight: Array, how: Filtering) -> Array:
    """y[f, p, n] = Σ_c,t x[c, p + t · dilation - before, n] · w[f, c, t], with zeros outside of `x`."""
    kernels = _deep(weight, 2).transpose(0, 2, 1, 3)
    y = _convolve(_deep(x, 1), _transformed(kernels, flipped=False), how)
    return y if x.ndim == 4 else y[:, 0]


def input_gradient(g: Array, weight: Array, how: Filtering) -> Array:
    """The adjoint of `forward` in `x`, from g (F, *P, N): the convolution of `g` with the flipped weight."""
    kernels = _deep(weight, 2)[:, :, ::-1].transpose(1, 2, 0, 3)
    y = _convolve(_deep(g, 1), _transformed(kernels, flipped=True), how.adjoint)
    return y if g.ndim == 4 else y[:, 0]


def weight_gradient(x: Array, g: Array, how: Filtering) -> Array:
    """The adjoint of `forward` in `weight`, (F, C, *T): Gᵀ Σ (A g) · (Bᵀ x) over tiles and rows, for each tap."""
    data, kernel, result = matrices(x.dtype)
    channels, features, taps = len(x), len(g), how.taps
    blocks = _in_blocks(_deep(x, 1), _deep(g, 1), how, rows_first=False)
    parts = partial_sums(len(blocks), 6 * taps * features * channels)
    sums = np.empty((parts, 6, taps, features, channels), x.dtype)

    def add(part: int) -> None:
        for i, (images, cotangent, block) in enumerate(blocks[part::parts]):
            v = _read(data, images, block.seen, TILES)
            m = _read(result.T, cotangent, block.given, PRODUCTS)
            product = scratch(sums.shape[1:], x.dtype, "lines sums") if i else sums[part]
            np.matmul(m.reshape(6, 1, features, -1), at(v, block.stacked).swapaxes(2, 3), out=product)
            if i:
                np.add(sums[part], product, out=sums[part])

    share(add, range(parts))
    total = np.add.reduce(sums, axis=0).reshape(6, -1)
    gradient = np.matmul(kernel.T, total).reshape(3, taps, features, channels).transpose(2, 3, 1, 0)
    return np.ascontiguousarray(gradient if x.ndim == 4 else gradient[:, :, 0])


def _deep(x: Array, axis: int) -> Array:
    """Images or a weight with the first of two spatial axes, which may be missing, at its place."""
    return x if x.ndim == 4 else np.expand_dims(x, axis)


def _transformed(kernels: Array, flipped: bool) -> Array:
    """G w of each kernel (F, T, C, 3), or of it flipped, as (6, F, T · C)."""
    matrix = matrices(kernels.dtype).kernel
    flat = np.ascontiguousarray(kernels).reshape(-1, 3)
    return np.matmul(matrix[:, ::-1] if flipped else matrix, flat.T).reshape(6, len(kernels), -1)


def _convolve(x: Array, u: Array, how: Filtering) -> Array:
    """The convolution with a transformed weight (6, F, T · C)."""
    data, _, result = matrices(x.dtype)
    height, width = (
        n + 2 * d * zeros - (t - 1) * d
        for n, t, d, zeros in zip(x.shape[1:3], (how.taps, 3), how.dilation, (how.front, how.padding), strict=True)
    )
    whole = np.empty((u.shape[1], height, width, x.shape[-1]), x.dtype)

    def work(task: tuple[Placed, Placed, Block]) -> None:
        images, y, block = task
        v = _read(data, images, block.seen, TILES)
        m = scratch(block.given.tiles, x.dtype, PRODUCTS)
        np.matmul(u[:, None], at(v, block.stacked), out=m)
        for strip in block.given.strips:
            if strip.images is not None:
                np.matmul(result[strip.taps], at(m, strip.own), out=y.view(strip.images))

    share(work, _in_blocks(x, whole, how, rows_first=True))
    return whole


def _read(matrix: Array, x: Placed, reading: Reading, name: str) -> Array:
    """Tiles of images with `matrix` on the left, in the memory called `name`."""
    v = scratch(reading.tiles, x.memory.dtype, name)
    for place in reading.outside:
        v[place] = 0
    for strip in reading.strips:
        own = at(v, strip.own)
        if strip.images is None:
            own[...] = 0
        else:
            np.matmul(matrix[:, strip.taps], x.view(strip.images), out=own)
    return v


class Part(NamedTuple):
    """A part of images with two axes ahead of W: elements along these, which may lie outside; tiles; images."""

    first: range
    second: range
    tiles: range
    images: range


class Reading(NamedTuple):
    """How tiles of a part, (6, *ahead, columns), are made: those `outside` are zero, the others come strip by strip. Or
    how a part is made of its tiles."""

    tiles: Ints
    outside: list[Place]
    strips: list[Strip]


class Block(NamedTuple):
    """Some results, and what of the images they come from, of which `stacked` are the matrices that are multiplied."""

    seen: Reading
    stacked: Region
    given: Reading


def _in_blocks(x: Array, y: Array, how: Filtering, rows_first: bool) -> list[tuple[Placed, Placed, Block]]:
    """Images (C, H, W, N) and results, in parts that a dilated convolution does not mix, of rows of channels or the
    other way round, with the blocks of each."""
    order = (1, 0, 2, 3) if rows_first else (0, 1, 2, 3)
    return in_blocks(x, y, how.dilation, order, lambda *lying: _blocks(*lying, how, rows_first))


@functools.lru_cache(maxsize=128)  # lists, which are long for large images
def _blocks(
    seen: Ints, seen_strides: Ints, given: Ints, given_strides: Ints, how: Filtering, rows_first: bool
) -> list[Block]:
    """The blocks of results of a shape and strides that come from images of a shape and strides."""
    first, second, width, images = given
    height, features = (first, second) if rows_first else (second, first)
    channels = seen[1 if rows_first else 0]
    most = BLOCK // max(channels, features)
    if SMALL_PRODUCT and not rows_first:
        most = min(most, SMALL_PRODUCT // (channels * features))
    found = []
    for tiles, some in _columns(width, images, COLUMNS if height > 1 else LONG):
        columns = len(tiles) * len(some)
        for rows in ranges(height, most // columns):
            reach = range(rows.start - how.front, rows.stop - how.front + how.taps - 1)
            ahead = [(reach, range(channels)), (rows, range(features))]
            to_see, to_give = (Part(*(pair if rows_first else pair[::-1]), tiles, some) for pair in ahead)
            source = _reading(seen, seen_strides, to_see, 6, how.padding)
            point, one, two, step = dense(source.tiles, seen_strides[-1])
            if rows_first:
                stacked = Region(0, (6, len(rows), how.taps * channels, columns), (point, one, two, step))
            else:
                stacked = Region(0, (6, how.taps, channels, len(rows) * columns), (point, two, one, step))
            found.append(Block(source, stacked, _reading(given, given_strides, to_give, 4, 0)))
    return found


def _columns(width: int, images: int, most: int) -> Iterator[tuple[range, range]]:
    """The columns of products: tiles of a row of results, and images."""
    for some in ranges(images, IMAGES):
        for tiles in ranges(-(-width // 4), most // len(some)):
            yield tiles, some


def _reading(shape: Ints, strides: Ints, part: Part, size: int, padding: int) -> Reading:
    """Of tiles of a size, in images of this shape and strides with padding along W."""
    whole, length = [len(part.first), len(part.second)], len(part.images)
    tiles = (6, *whole, len(part.tiles) * length)
    inside = [within(own.start, len(own), n) for own, n in zip(part[:2], shape, strict=False)]
    ahead = tuple(own.stop - own.start for own in inside)
    a, b, w, n = strides
    point, one, two, column = dense(tiles, n)
    start = max(0, part.first.start) * a + max(0, part.second.start) * b + part.images.start * n
    own = inside[0].start * one + inside[1].start * two
    strips = []
    for taps, which, left in alike(part.tiles, shape[2], size, padding) if all(ahead) else ():
        several, high = which.stop - which.start, taps.stop - taps.start
        there = Region(start + left * w, (*ahead, several, high, length), (a, b, 4 * w, w, n))
        place = own + which.start * length * column
        here = Region(place, (*ahead, several, 6, length), (one, two, length * column, point, column))
        strips.append(Strip(taps, there if high else None, here))
    return Reading(tiles, [(EVERYTHING, *place) for place in outside(inside, whole)], strips)
