"""Patches of images, as the matrices that a convolution multiplies: in blocks that stay in cache.

Images are (C, *L, N), results (F, *P, N), batch last. Batch last makes long runs of everything: a tap shifts windows by
whole runs of the images, and rows of positions and images are the columns of a product. The taps of the first spatial
axis need no copy at all: with patches kept as rows (L, C · other taps, columns), those of k rows that follow each other
are one matrix, and the matrices of neighbouring results overlap.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.blas import SMALL_PRODUCT
from autograd.kernels.layout import dense
from autograd.kernels.once import once
from autograd.kernels.threads import scratch

Ints = tuple[int, ...]

# Columns of one product: enough for BLAS, few enough for its kernels for small matrices.
COLUMNS = 256
# At so few columns BLAS' kernels for small matrices are fastest.
FEW = 64
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
# Columns of a part of a sum over positions, at least.
LONG = 512
# Work of fewer multiplications is done in one part: in several, threads wait for Python's lock longer than they work.
SHARED = 1 << 23


class Geometry(NamedTuple):
    """Where windows lie, one number for each spatial axis: result p and tap t meet at p · stride + t · dilation -
    before, and outside the image there are zeros."""

    positions: Ints
    taps: Ints
    stride: Ints
    dilation: Ints
    before: Ints


class Memory(NamedTuple):
    """How an array lies in memory."""

    shape: Ints
    strides: Ints
    itemsize: int


def blocks_of(at: Geometry, x: Array, y: Array, parts: int | None = None) -> Blocks:
    """How a convolution of `x` that gives `y` is cut up, in so many parts at least, or as many as pay: worked out once
    for all arrays that lie as these."""
    parts = parts or parts_of(len(x) * y.size * math.prod(at.taps))
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
    @functools.lru_cache(maxsize=256)
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

    @once
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
        by = (*dense(ahead, row * item), *dense(across, item))
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
            above, below = within(row, down, shape[1], self.lengths[0])
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
                first, last = within(column, over, shape[3], self.lengths[1])
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


def within(start: int, step: int, count: int, length: int) -> tuple[int, int]:
    """Which of `count` places from `start` on, in steps, are on an axis of some length: from one to before another."""
    first = min(count, max(0, -(start // step)))
    return first, max(first, min(count, (length - 1 - start) // step + 1))


def parts_of(multiplications: int) -> int:
    """In how many parts, at least, to do so much work."""
    return PARTS if multiplications >= SHARED else 1


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
