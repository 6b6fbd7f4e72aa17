"""Convolution with three taps along the last axis, at stride 1, by Winograd's minimal filtering along that axis alone.

This is F(4, 3): four results in a row, y = Aᵀ [(G w) ⊙ (Bᵀ x)], come from six elements by 6 multiplications instead of
12, with the matrices of `minimal_filtering`. Any number of taps along the axis before is summed over as channels are:
the transformed rows that follow each other are one matrix, and the matrices of neighbouring results overlap. For few
channels that is faster than filtering along both axes, where the products are less work and the tiles more.

Arrays are in memory order, batch last: images (C, H, W, N), results (F, P, Q, N), weights (F, C, T, 3). Images with one
axis have H = T = 1. Tiles and results are taken from memory and put there as they lie, images beside each other being
the columns of small products. What is dilated, and what threads share, is as in `winograd`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.layout import Placed, Region
from autograd.kernels.minimal_filtering import (
    SEVERAL,
    Ints,
    Strip,
    alike,
    apart,
    at,
    comes_apart,
    dense,
    matrices,
    ranges,
    within,
)
from autograd.kernels.threads import scratch, share

# Columns of a product, about: in blocks of several rows, and of one. Elements in a block at each of the six points, at
# most.
COLUMNS, LONG, BLOCK = 64, 512, 1 << 15
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


def cost(channels: int, features: int, how: Filtering, lengths: Ints) -> float:
    """The time, as in `winograd`, for results (features, *P, N) of lengths (*P, N); infinite if too few images lie
    beside each other for tiles to be taken as they lie."""
    *height, width, images = lengths
    over = how.dilation[1]
    if images * over < SEVERAL:
        return math.inf
    positions = math.prod(height) * -(-width // (4 * over)) * 4 * over * images
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
    order = (1, 0, 2, 3)
    whole = np.empty((u.shape[1], height, width, x.shape[-1]), x.dtype)

    def work(task: tuple[Placed, Placed, Block]) -> None:
        images, y, block = task
        v = scratch(block.tiles, x.dtype, TILES)
        for place in block.outside:
            v[:, place] = 0
        for strip in block.seen:
            tiles = at(v, strip.own)
            if strip.images is None:
                tiles[...] = 0
            else:
                np.matmul(data[:, strip.taps], images.view(strip.images), out=tiles)
        m = scratch(block.products, x.dtype, PRODUCTS)
        np.matmul(u[:, None], at(v, block.stacked), out=m)
        for strip in block.given:
            if strip.images is not None:
                np.matmul(result[strip.taps], at(m, strip.own), out=y.view(strip.images))

    share(
        work,
        [
            (images, y, block)
            for images, y in zip(apart(x, how.dilation, order), apart(whole, how.dilation, order), strict=True)
            for block in _blocks(images.shape, images.strides, y.shape, y.strides, how)
        ],
    )
    return whole


class Part(NamedTuple):
    """Some rows of images, or of results, and of these some tiles of some images."""

    rows: range
    tiles: range
    images: range


class Block(NamedTuple):
    """A part of the results: the shape of what they come from, (6, rows, C, columns), in which some rows are `outside`
    of the images, and the strips these are read in; the matrices they are, `stacked`; the shape of the `products`, and
    the strips they are written in."""

    tiles: Ints
    outside: list[slice]
    seen: list[Strip]
    stacked: Region
    products: Ints
    given: list[Strip]


@functools.lru_cache(maxsize=128)  # lists, which are long for large images
def _blocks(seen: Ints, seen_strides: Ints, given: Ints, given_strides: Ints, how: Filtering) -> list[Block]:
    """The blocks of results of a shape (P, F, Q, N) and strides that come from images (H, C, W, N) of these."""
    height, channels, _, _ = seen
    results, features, width, count = given
    found = []
    for tiles, images in _columns(width, count, COLUMNS if results > 1 else LONG):
        columns = len(tiles) * len(images)
        for rows in ranges(results, BLOCK // (columns * max(channels, features))):
            reach = range(rows.start - how.front, rows.stop - how.front + how.taps - 1)
            inside = within(reach.start, len(reach), height)
            source, target = Part(reach[inside], tiles, images), Part(rows, tiles, images)
            shape, products = ((6, len(along), n, columns) for along, n in ((reach, channels), (rows, features)))
            stacked = Region(0, (6, len(rows), how.taps * channels, columns), dense(shape, seen_strides[-1]))
            ends = (slice(0, inside.start), slice(inside.stop, len(reach)))
            found.append(
                Block(
                    shape,
                    [end for end in ends if end.start < end.stop],
                    _strips(seen, seen_strides, source, 6, how.padding, shape, inside.start),
                    stacked,
                    products,
                    _strips(given, given_strides, target, 4, 0, products, 0),
                )
            )
    return found


def _columns(width: int, images: int, most: int) -> Iterator[tuple[range, range]]:
    """The columns of products: tiles of a row of results, and images."""
    for some in ranges(images, LONG):
        for tiles in ranges(-(-width // 4), most // len(some)):
            yield tiles, some


def _strips(shape: Ints, strides: Ints, part: Part, size: int, padding: int, own: Ints, first: int) -> list[Strip]:
    """The strips of a part's tiles, of a size, in images of this shape (H, C, W, N) and strides. In memory of their
    `own`, (6, rows, C, columns), theirs are the rows from the `first` on."""
    if not part.rows:
        return []
    r, c, w, n = strides
    point, row, channel, column = dense(own, n)
    images = len(part.images)
    start = part.rows.start * r + part.images.start * n
    found = []
    for taps, which, left in alike(part.tiles, shape[2], size, padding):
        tiles, high = which.stop - which.start, taps.stop - taps.start
        ahead = (len(part.rows), shape[1], tiles)
        there = Region(start + left * w, (*ahead, high, images), (r, c, 4 * w, w, n))
        place = first * row + which.start * images * column
        here = Region(place, (*ahead, 6, images), (row, channel, images * column, point, column))
        found.append(Strip(taps, there if high else None, here))
    return found
