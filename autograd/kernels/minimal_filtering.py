"""Winograd's minimal filtering F(4, 3): four neighbouring results of three taps from six elements by 6 multiplications.

y = Aᵀ [(G w) ⊙ (Bᵀ x)] evaluates polynomials at five points and infinity (Winograd 1980, "Arithmetic Complexity of
Computations"). Here are the matrices, and how tiles of results lie over images (…, H, W, N) in memory, batch last.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograd.dtypes import Array
from autograd.kernels import patches
from autograd.kernels.blas import SMALL_PRODUCT
from autograd.kernels.layout import Placed, Region, dense

__all__ = ["use_winograd"]

Ints = tuple[int, ...]
Place = tuple[slice, ...]
EVERYTHING = slice(None)
Block = TypeVar("Block")

# The usual points 0, ±1, ±2 lose two to four times as much to rounding.
POINTS = (0.0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)
# Images beside each other in memory from which products take them as they lie: gathering fewer takes less time, all the
# more where each product takes a lock.
SEVERAL = 32 if SMALL_PRODUCT else 128
# Weight gradients are summed in at most so many parts, of so many elements in all, but in two at least.
PARTS, PARTIAL_SUMS = 8, 1 << 22

_enabled = True


def use_winograd(enabled: bool) -> None:
    """Whether convolutions in float32 at stride 1, with three taps along the last axis or each of the last two, may be
    computed by Winograd's algorithm, in all threads.

    They are at first, where that is faster: from 64 channels on 3×3 taps take about half the time. It rounds more, by a
    factor of three to nine: for normally distributed images and weights the largest error in 100,000 results is below
    1.5e-5 of their standard deviation at 64 channels and 3e-5 at 256. So is that of the gradient of the images; that of
    the weight stays below 1e-5.
    An infinity or NaN in an image reaches all results that are computed together, four in a row or 4×4, if it is among
    the 6 or 6×6 elements these come from.

    >>> use_winograd(False)
    >>> use_winograd(True)
    """
    global _enabled
    _enabled = bool(enabled)


def enabled() -> bool:
    """Whether minimal filtering may be used."""
    return _enabled


def comes_apart(lengths: Ints, positions: Ints, taps: Ints, stride: Ints, dilation: Ints, before: Ints) -> bool:
    """Whether windows, which meet images of these lengths as `Geometry` says, are at stride 1, alike at the two ends of
    each axis, and dilated so that rows and columns can be convolved apart."""
    axes = zip(lengths, positions, taps, dilation, before, strict=True)
    even = all(not zeros % d and n + 2 * zeros - (t - 1) * d == p for n, p, t, d, zeros in axes)
    return even and all(n == 1 for n in stride) and not lengths[-1] % dilation[-1]


class Matrices(NamedTuple):
    """The constants Bᵀ (6, 6), G (6, 3) and Aᵀ (4, 6)."""

    data: Array
    kernel: Array
    result: Array


@functools.cache
def matrices(dtype: np.dtype[Any]) -> Matrices:
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
    return Matrices(data.astype(dtype), kernel.astype(dtype), result.astype(dtype))


def at(x: Array, region: Region) -> Array:
    """A region of memory in one piece."""
    offset, shape, strides = region
    return np.ndarray(shape, x.dtype, x, offset, strides)


def apart(x: Array, dilation: Ints, order: Ints) -> list[Placed]:
    """The parts of images (…, H, W, N) that a convolution dilated along H and W does not mix, as images of their own,
    with the axes in this order: of the rows and columns of each remainder, columns beside each other as images are."""
    down, over = dilation
    x = np.ascontiguousarray(x)
    *ahead, height, width, images = x.shape
    *by, h, w, n = dense(x.shape, x.itemsize)  # an axis of length 1 may have any stride
    strides = (*by, down * h, over * w, n)
    shapes = ((*ahead, len(range(k, height, down)), width // over, over * images) for k in range(down))
    return [
        Placed(x, k * h, tuple(shape[axis] for axis in order), tuple(strides[axis] for axis in order))
        for k, shape in enumerate(shapes)
    ]


def in_blocks(
    x: Array, y: Array, dilation: Ints, order: Ints, cut: Callable[[Ints, Ints, Ints, Ints], Iterable[Block]]
) -> list[tuple[Placed, Placed, Block]]:
    """Images (…, H, W, N) and results, as `apart` takes each apart, with the blocks that are `cut` by the shapes and
    strides of both."""
    return [
        (images, results, block)
        for images, results in zip(apart(x, dilation, order), apart(y, dilation, order), strict=True)
        for block in cut(images.shape, images.strides, results.shape, results.strides)
    ]


def partial_sums(blocks: int, size: int) -> int:
    """In how many parts to sum gradients of so many blocks, of this size each."""
    return min(blocks, PARTS, max(2, PARTIAL_SUMS // size))


class Strip(NamedTuple):
    """Tiles along an axis of which the same elements are inside of the images: which elements; the matrices that these
    are there, if any; and those they become, or come from, in memory of their own."""

    taps: slice
    images: Region | None
    own: Region


def within(first: int, count: int, length: int) -> slice:
    """Which of `count` elements from `first` on are on an axis of this length."""
    return slice(*patches.within(first, 1, count, length))


def outside(inside: Sequence[slice], lengths: Sequence[int]) -> list[Place]:
    """What a box of these lengths has around its part `inside`, as boxes."""
    places: list[Place] = []
    for axis, (own, length) in enumerate(zip(inside, lengths, strict=True)):
        behind = (EVERYTHING,) * (len(lengths) - axis - 1)
        ends = (slice(0, own.start), slice(own.stop, length))
        places += [(*inside[:axis], end, *behind) for end in ends if end.start < end.stop]
    return places


def alike(tiles: range, length: int, size: int, padding: int) -> Iterator[tuple[slice, slice, int]]:
    """Along one axis, neighbouring tiles of which the same elements lie inside of the image: which elements, which
    tiles of the part, and where in the image the first one's are."""

    def elements(tile: int) -> tuple[int, int]:
        own = within(4 * tile - padding, size, length)
        return own.start, own.stop

    for (start, stop), group in itertools.groupby(tiles, elements):
        same = list(group)
        first = same[0] - tiles.start
        yield slice(start, stop), slice(first, first + len(same)), max(0, 4 * same[0] - padding + start)


def ranges(length: int, most: int) -> list[range]:
    """0 … length - 1 in parts of like size, of at most `most` but one at least."""
    parts = -(-length // max(1, most))
    return [range(k * length // parts, (k + 1) * length // parts) for k in range(parts)]
