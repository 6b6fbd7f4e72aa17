"""Central differences at ever smaller steps, extrapolated to step 0, and how far off the result may be.

An error bar adds up what truncation may leave (how far estimates from different steps disagree, widened) and what
rounding may add (the last digit of f, or its noise where that is more, divided by the step). It is meant to be honest
rather than small: where f is noisy, or has a kink close by, the bar says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.tensor import Tensor

Along = Callable[[float], Any]

EPS, EPS32 = 2.0**-52, 2.0**-23
WIDEN = 4.0  # times the disagreement of two estimates, and
NOISY = 8.0  # times the noise seen in a few samples, is taken as the error
LEVELS = 24  # steps tried at most, each a quarter of the one before: over 14 orders of magnitude
COLUMNS = 5  # extrapolations of one difference at most
WITNESSES = 3  # steps smaller than the one that is used, for the noise to be seen by
CALM = 1000.0  # units in the last place of f: scatter beyond that is looked into at smaller steps
STAIR = 2.0**-20  # relative steps below which a function that rounds to float32 inside has stairs
FLAT = 10  # the level from which equal values may be a stair of a function rounded inside: they say nothing


class Difference(NamedTuple):
    """A derivative found by differences, and how far off it may be: numbers, or arrays of the derivative's shape.

    >>> value, error = finite_difference(lambda x: x * x, 3.0)
    >>> bool(abs(value - 6) <= error), bool(error < 1e-9)
    (True, True)
    """

    value: Any
    error: Any


class _Entry(NamedTuple):
    """A slope, and what a relative error of f has to be multiplied by for what it adds to the slope."""

    slope: Array
    rounding: Array


class _Row(NamedTuple):
    """The central difference at one step, `plain`; and, in `columns`, what extrapolation with coarser ones makes of it.

    `slope` is the most trustworthy of these, `doubt` by how much it differs from the two it was made of. `bend` is half
    the difference between the slopes to the right and to the left, which shrinks with the step unless there is a kink.
    """

    step: float
    plain: Array
    columns: list[_Entry]
    slope: Array
    doubt: Array
    rounding: Array
    bend: Array


class Table:
    """Central differences at ever smaller steps, each extrapolated with those before it: Neville's table, row by row.

    Rows from `flat` on in which f did not change at all say nothing if it did change in an earlier one: they may be a
    stair of a function that rounds inside.
    """

    def __init__(self, along: Along, at: float, steps: Sequence[float] = (), flat: int = LEVELS) -> None:
        self.along = along
        self.at = at
        self.flat = flat
        self.rows: list[_Row] = []
        self.centre, self.least = read(along(0.0))
        self.largest = abs(self.centre)
        self.moved = np.zeros(self.centre.shape, bool)
        self.flat_from = np.zeros(self.centre.shape)  # the largest step of which a row says nothing
        self.short, self.single = _fits(self.centre, 12), _fits(self.centre, 24)
        for step in steps:
            if not self.extend(step):
                raise ValueError(f"finite_difference: a step of {step:.3g} is too small to move {self.at:.6g}")

    def extend(self, step: float) -> bool:
        """Add the row for a step, or for the nearest by which the coordinate can be moved exactly; False if none is."""
        h = exact_step(self.at, step)
        if h <= 0 or (self.rows and h >= self.rows[-1].step):
            return False
        ahead, behind = self._value(h), self._value(-h)
        plain = (ahead - behind) / (2 * h)
        if len(self.rows) >= self.flat:
            flat = self.moved & (ahead == behind)
            plain = np.where(flat, np.nan, plain)
            self.flat_from = np.where(flat, np.fmax(self.flat_from, h), self.flat_from)
        self.moved = self.moved | (ahead != behind)
        for y in (ahead, behind):
            self.short, self.single = self.short & _fits(y, 12), self.single & _fits(y, 24)
        largest = np.maximum(np.maximum(abs(ahead), abs(behind)), abs(self.centre))
        self.largest = np.fmax(self.largest, largest)
        columns = [_Entry(plain, np.where(largest == 0, self.largest, largest) / h)]
        slope, doubt, rounding = plain, np.full(plain.shape, np.inf), columns[0].rounding
        for k, coarser in enumerate(self.rows[-1].columns[:COLUMNS] if self.rows else []):
            q = (self.rows[-1].step / h) ** (2 * k + 2)
            here = columns[k]
            entry = _Entry(
                here.slope + (here.slope - coarser.slope) / (q - 1), (q * here.rounding + coarser.rounding) / (q - 1)
            )
            gap = np.maximum(abs(entry.slope - here.slope), abs(entry.slope - coarser.slope))
            better = gap < doubt
            slope, doubt = np.where(better, entry.slope, slope), np.where(better, gap, doubt)
            rounding = np.where(better, entry.rounding, rounding)
            columns.append(entry)
        bend = (ahead - 2 * self.centre + behind) / (2 * h)
        self.rows.append(_Row(h, plain, columns, slope, doubt, rounding, bend))
        return True

    def _value(self, h: float) -> Array:
        y = read(self.along(h))[0]
        if y.shape != self.centre.shape:
            raise ValueError(f"finite_difference: f returned shape {self.centre.shape} at x and {y.shape} close by")
        return y

    @property
    def eps(self) -> Array:
        """The relative rounding error of f: that of float32 where all values fit into it, and some are not short."""
        return np.where(self.single & ~self.short, EPS32, self.least)

    @property
    def steps(self) -> Array:
        return np.array([row.step for row in self.rows])

    def noise(self, value: Array, level: Array) -> Array:
        """The noise of f: how far the slopes in rows below `level` scatter about `value`, times their steps."""
        found = np.zeros(value.shape)
        for k, row in enumerate(self.rows):
            scatter = np.fmin(abs(row.plain - value), abs(row.slope - value)) * row.step
            found = np.where((k > level) & (scatter > found), scatter, found)
        return found

    @property
    def nothing(self) -> Array:
        """The rounding of f where it was 0 in every evaluation: that of terms of order one, which have cancelled."""
        return np.where(self.largest == 0, EPS, 0)

    def half_jump(self, level: Array, noise: Array) -> Array:
        """Half the jump of the slope at a kink: the bend, where it stays the same at `level` and two steps below."""
        bends, last = np.stack([row.bend for row in self.rows]), len(self.rows) - 1
        places = [np.minimum(level + i, last) for i in range(3)]
        first, second, third = (abs(np.take_along_axis(bends, place[None], axis=0)[0]) for place in places)
        unsure = 8 * (self.eps * self.largest + noise) / self.steps[places[2]]
        kink = (second > 0.6 * first) & (third > 0.6 * second) & (third > unsure)
        return np.where(kink, 1.001 * np.maximum(first, third), 0)


class _Belief:
    """The row that is believed, element by element: the one of least error, until finer ones refute it.

    Coarse steps that straddle a pole, or many periods of f, can seem to agree. They are refuted by two finer rows in
    succession that agree with each other a thousand times better than with them. But where coarse steps agree well, and
    those that contradict them are shorter than the last digit of float32, either may be right: f may round inside.
    Then the coarse row stays, and `spread` says how far the fine ones are from it: to be counted in unless the noise is
    that of float32.
    """

    def __init__(self, shape: tuple[int, ...], stair: float) -> None:
        self.stair = stair
        self.value = self.earlier = np.full(shape, np.nan)
        self.error = np.full(shape, np.inf)
        self.level = np.zeros(shape, int)
        self.spread = np.zeros(shape)

    def weigh(self, level: int, row: _Row, eps: Array) -> None:
        error = WIDEN * row.doubt + eps * row.rounding
        gap = abs(row.slope - self.value)
        steady = (gap > self.error) & (np.maximum(error, abs(row.slope - self.earlier)) < 1e-3 * gap)
        fine = (row.step < self.stair) & (self.error < 0.1 * abs(self.value)) & (gap > self.error)
        self.spread = np.where(fine & steady, np.fmax(self.spread, gap), self.spread)
        better = ~fine & ((error < self.error) | steady)
        self.value = np.where(better, row.slope, self.value)
        self.error = np.where(better, error, self.error)
        self.level = np.where(better, level, self.level)
        self.earlier = row.slope

    def settled(self, table: Table, row: _Row) -> bool:
        """Whether no smaller step than that of `row` can do better, as far as the rows below it can tell."""
        precise = self.error <= 1e-11 * abs(self.value)
        hopeless = table.eps * abs(table.centre) / row.step > self.error
        calm = table.noise(self.value, self.level) <= CALM * table.eps * table.largest
        return bool(np.all((precise | (row.doubt <= table.eps * row.rounding) | hopeless) & calm))


def derivative(along: Along, step: float, at: float = 0.0) -> Difference:
    """The derivative at 0 of a function of one number, by central differences with Richardson's extrapolation.

    `along(h)` is evaluated at 0 and in pairs at ±step, ±step/4, … until the extrapolated values agree to rounding, or
    no smaller step can be better, and at three steps more, whose scatter shows the noise of the function: some 15
    evaluations of a smooth function, up to 49 of others. `at` is the coordinate that `along` moves: steps are rounded
    so that adding them to it is exact. `along` may return an array; each element finds its own step. Where no step
    gives finite values, the derivative is NaN and its error infinite; at a kink, the bar spans the slopes on both
    sides. A ripple too small to be told from noise counts as noise. Raises ValueError for a step too small for `at`.

    Source: C. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).

    >>> from autograd.numeric import derivative
    >>> slope = derivative(lambda h: np.exp(1 + h), step=0.25)
    >>> bool(abs(slope.value - np.e) <= slope.error < 1e-11)
    True
    """
    with np.errstate(all="ignore"):
        table = Table(along, at, [step], flat=FLAT)
        belief = _Belief(table.centre.shape, STAIR * max(abs(at), 8 * step))
        for level in range(1, LEVELS):
            if not table.extend(step * 4.0**-level):
                break
            if level >= WITNESSES:
                row = table.rows[level - WITNESSES]
                belief.weigh(level - WITNESSES, row, table.eps)
                if level > WITNESSES + 1 and belief.settled(table, row):
                    break
        return _judged(table, belief)


def _judged(table: Table, belief: _Belief) -> Difference:
    """The best of the rows that agree with the one believed, once the noise is known from the rows below that."""
    rows, steps = table.rows, table.steps
    noise = table.noise(belief.value, belief.level)
    believed = belief.error + NOISY * noise / steps[belief.level]
    value, error, level = belief.value, believed, belief.level
    for k, row in enumerate(rows[:-WITNESSES]):
        its_error = WIDEN * row.doubt + table.eps * row.rounding + NOISY * noise / row.step
        better = (its_error < error) & (abs(row.slope - belief.value) <= its_error + believed)
        value, error = np.where(better, row.slope, value), np.where(better, its_error, error)
        level = np.where(better, k, level)
    unexplained = abs(value) * table.flat_from > 2 * NOISY * noise
    spread = np.where(unexplained, np.fmax(belief.spread, abs(value)), belief.spread)
    spread = np.where((noise > EPS32 / 16 * table.largest) & (noise < 8 * EPS32 * table.largest), 0, spread)
    return Difference(value, error + spread + table.nothing / steps[level] + table.half_jump(level, noise))


def exact_step(coordinate: float, step: float) -> float:
    """The step nearest to `step` for which coordinate + step, and coordinate - step, are exact in float64.

    They are for the distance from |x| to a float64 above it, as long as that is no more than |x|; a longer step loses
    less than its own last digit.

    >>> from autograd.numeric.extrapolation import exact_step
    >>> h = exact_step(0.1, 1e-6)
    >>> (0.1 + h) - 0.1 == h, 0.1 - (0.1 - h) == h, (0.1 + 1e-6) - 0.1 == 1e-6
    (True, True, False)
    """
    return (abs(coordinate) + step) - abs(coordinate)


def read(y: Any) -> tuple[Array, float]:
    """A value of f in float64, and the relative rounding error of the dtype that it came in."""
    if isinstance(y, Tensor):
        y = y.array
    y = np.asarray(y)
    return y.astype(np.float64), max(EPS, float(np.finfo(y.dtype).eps)) if y.dtype.kind == "f" else EPS


def _fits(y: Array, bits: int) -> Array:
    """Whether a mantissa of so many bits holds the values."""
    mantissa = np.ldexp(np.frexp(y)[0], bits)
    return mantissa == np.trunc(mantissa)
