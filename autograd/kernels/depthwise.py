"""Depthwise convolution of short rows, as products with banded matrices.

Arrays lie as they do in memory, batch last: x (G, H, W, N), weight (G, KH, KW), y (G, P, Q, N). So the rows of x that
one row of y sees lie one after the other, and are a matrix (rows · W, N) as they are. A row of y is the product of that
with a matrix (Q, rows · W) that has the weight where taps meet elements and zeros elsewhere, borders included: no patch
is copied and nothing is padded, and all rows that see alike are one call of np.matmul. Only one of W / KW products is
not with a zero, which up to some 30 elements costs less than copies.

The gradient of x is the same with x and y exchanged. That of the weight would be picked from products of rows of y and
x, of which most is not needed: patches are faster. An infinity or NaN in x reaches all results of the rows that see it.
Blocks depend on shapes alone: results are the same bits at any number of threads.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.blas import SMALL_PRODUCT
from autograd.kernels.layout import dense
from autograd.kernels.threads import share

Ints = tuple[int, ...]

# Elements of a row, at most: with kernels for small matrices, more. Images, at least.
LONGEST, IMAGES = 32 if SMALL_PRODUCT else 24, 16
# Blocks of channels; with results of fewer elements, half as many.
PARTS, LARGE = 4, 1 << 20


class Meeting(NamedTuple):
    """Where windows lie along an axis of x: result p and tap t meet at p · stride + t · dilation - before."""

    length: int
    positions: int
    taps: int
    stride: int
    dilation: int
    before: int


class Pairs(NamedTuple):
    """Elements of one axis that meet those of another, and the taps by which they do; of both, how many there are."""

    targets: Ints
    sources: Ints
    taps: Ints
    to: int
    of: int

    @property
    def exchanged(self) -> Pairs:
        return Pairs(self.sources, self.targets, self.taps, self.of, self.to)


@functools.lru_cache(maxsize=1024)
def pairs(axis: Meeting) -> Pairs:
    """The elements of y along an axis with those of x that they see, by tap."""
    met = [
        (p, place, t)
        for t in range(axis.taps)
        for p in range(axis.positions)
        if 0 <= (place := p * axis.stride + t * axis.dilation - axis.before) < axis.length
    ]
    targets, sources, taps = zip(*met, strict=True) if met else ((), (), ())
    return Pairs(targets, sources, taps, axis.positions, axis.length)


class Run(NamedTuple):
    """Rows of one array, so many from `target` on in steps, each of which sees `high` rows of another from `source` on
    in steps; and which of these by which tap of the weight."""

    target: int
    by: int
    source: int
    apart: int
    rows: int
    high: int
    taps: tuple[tuple[int, int], ...]


@functools.lru_cache(maxsize=1024)
def runs(rows: Pairs) -> list[Run]:
    """The rows that see any, in runs of those that see alike."""
    seen: dict[int, list[tuple[int, int]]] = {}
    for target, source, tap in zip(rows.targets, rows.sources, rows.taps, strict=True):
        seen.setdefault(target, []).append((source, tap))
    alike: dict[tuple[tuple[int, int], ...], list[tuple[int, int]]] = {}
    for target, met in sorted(seen.items()):
        first = min(met)[0]
        pattern = tuple(sorted((source - first, tap) for source, tap in met))
        alike.setdefault(pattern, []).append((target, first))
    found = []
    for pattern, places in alike.items():
        high = max(pattern)[0] + 1
        while places:
            steps = [tuple(map(operator.sub, b, a)) for a, b in itertools.pairwise(places)]
            count = 1 + next((i for i, step in enumerate(steps) if step != steps[0]), len(steps))
            by, apart = steps[0] if steps else (1, 1)
            found.append(Run(places[0][0], by, places[0][1], apart, count, high, pattern))
            places = places[count:]
    return found


def worthwhile(channels: int, features: int, rows: Meeting, columns: Meeting, images: int) -> bool:
    """Whether groups of so many channels in and features out are convolved so."""
    short = max(columns.length, columns.positions) <= LONGEST
    return channels == features == rows.dilation == 1 and short and images >= IMAGES


def forward(x: Array, weight: Array, rows: Meeting, columns: Meeting) -> Array:
    """y[g, p, q, n] = Σ_i,j x[g, p · stride + i · dilation - before, …, n] · w[g, i, j]."""
    return _banded(x, weight, pairs(rows), pairs(columns))


def input_gradient(g: Array, weight: Array, rows: Meeting, columns: Meeting) -> Array:
    """The adjoint of `forward` in x."""
    return _banded(g, weight, pairs(rows).exchanged, pairs(columns).exchanged)


def _banded(x: Array, weight: Array, rows: Pairs, columns: Pairs) -> Array:
    """The sum over what the elements of the result see, each times the weight at the taps by which they do."""
    x = np.ascontiguousarray(x)
    groups, images = len(x), x.shape[-1]
    y = np.empty((groups, rows.to, columns.to, images), x.dtype)
    for row in set(range(rows.to)).difference(rows.targets):
        y[:, row] = 0
    matrices = list(_matrices(weight, rows, columns))

    def work(some: slice) -> None:
        for run, matrix in matrices:
            np.matmul(matrix[some], _rows(x[some], run, True), out=_rows(y[some], run, False))

    share(work, _parts(groups, PARTS if y.size >= LARGE else PARTS // 2))
    return y


def _matrices(weight: Array, rows: Pairs, columns: Pairs) -> Iterator[tuple[Run, Array]]:
    """For each run of rows the banded matrices (G, 1, elements of a result's row, elements seen) of a weight: part of
    those of all taps, where the run's taps follow each other."""
    groups, taps, _ = weight.shape
    found = runs(rows)
    backward = any(run.taps[0][1] > run.taps[-1][1] for run in found)
    targets, sources, by = _indices(columns)
    bands = np.zeros((groups, columns.to, taps, columns.of), weight.dtype)
    bands[:, targets, :, sources] = weight[:, :: -1 if backward else 1, by].transpose(2, 0, 1)
    for run in found:
        places = [taps - 1 - tap if backward else tap for _, tap in run.taps]
        if places == list(range(places[0], places[0] + run.high)):
            matrix = bands[:, :, places[0] : places[0] + run.high]
        else:
            matrix = np.zeros((groups, columns.to, run.high, columns.of), weight.dtype)
            for (row, _), place in zip(run.taps, places, strict=True):
                matrix[:, :, row] = bands[:, :, place]
        yield run, matrix.reshape(groups, 1, columns.to, -1)


@functools.lru_cache(maxsize=1024)
def _indices(pairs: Pairs) -> tuple[Array, Array, Array]:
    targets, sources, taps = (np.array(places, np.intp) for places in pairs[:3])
    return targets, sources, taps


def _rows(x: Array, run: Run, seen: bool) -> Array:
    """The rows that are `seen` of x (G, H, W, N), as matrices (G, rows, high · W, N); or those that see, (…, W, N)."""
    groups, _, width, images = x.shape
    by_group, by_row, by_column, item = dense(x.shape, x.itemsize)  # x.strides may be any along axes of length 1
    first, step, high = (run.source, run.apart, run.high) if seen else (run.target, run.by, 1)
    shape, strides = (groups, run.rows, high * width, images), (by_group, step * by_row, by_column, item)
    return np.ndarray(shape, x.dtype, x, first * by_row, strides)


def _parts(groups: int, count: int) -> list[slice]:
    step = -(-groups // count)
    return [slice(start, min(groups, start + step)) for start in range(0, groups, step)]
