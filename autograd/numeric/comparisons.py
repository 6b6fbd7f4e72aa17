"""Backprop and differences side by side, in one direction: an element of an input, or many at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.numeric.line import Judgement, Line, compare, rounding_of
from autograd.numeric.report import Entry, Mode
from autograd.numeric.subject import Level, Point, Recorded

# Where rounding makes the error bar wider than the tolerance, up to this much of what is compared still counts as
# agreement: it excludes every fault that is a factor, a sign or a missing term.
COARSE = 1e-3
# Relative changes of inputs and cotangents by a few roundings, and how often gradients are computed again with them.
NUDGE, NUDGES = 2.0**-48, 6
# A value of no more than so many roundings is 0 but for these.
NOTHING = 64.0
# Inputs smaller than this may be small by chance, so that longer steps are tried too.
SHORT_STEPS = 2.0**-4


class Compared(NamedTuple):
    """A comparison: what to report of it, how far off it is relatively, and how far at most, with the error bar.

    `doubt` is in units of what the output changes by if every element that moves does so by its own size.
    """

    entry: Entry
    off: float
    doubt: float


class Comparisons:
    """What comparing takes at one order: the gradient, and how much rounding there is in the function and in backprop.

    Attributes: `gradient`, by reverse mode and by variable (None if only forward mode is checked), and `again`, the
    same computed once more; `rtol`, as asked for, or what the precision of the function allows; `coarse`, what counts
    as agreement where rounding leaves no more; `scales`, how far a step of 1 moves each element.
    """

    def __init__(self, level: Level, scales: Point, rtol: float, reverse: bool, rng: np.random.Generator) -> None:
        self.level = level
        self.scales = scales
        self.rng = rng
        self.point = level.subject.point
        self.gradient = level.gradient({}) if reverse else None
        self.again = level.gradient({}) if reverse else {}
        self.noise, self.common = self._rounding()
        usual = self._usual_size()
        measured = math.sqrt(self.common / usual) if usual else 0.0
        self.rtol = max(rtol, math.sqrt(level.eps), min(measured, COARSE))
        self.coarse = max(COARSE, 10 * self.rtol)
        self._nudged: list[tuple[Array, Recorded, dict[str, Array] | None]] = []

    @functools.cached_property
    def top(self) -> float:
        """The largest effect that moving any element by its own size has on the output, by backprop."""
        return max((float(self.effects(name).max(initial=0.0)) for name in self.point), default=0.0)

    def effects(self, name: str) -> Array:
        """What moving each element by its own size does to the output, by backprop; 0 where unknown or not finite."""
        effects = abs(np.zeros(1) if self.gradient is None else self.gradient[name]) * self.scales[name]
        return np.where(np.isfinite(effects), effects, 0.0).ravel()

    # the function near the point

    def _moved(self, h: float, signs: dict[str, Array], sizes: Point) -> Array:
        return self._values({name: x + h * sizes[name] * signs[name] for name, x in self.point.items()})

    def _signs(self) -> dict[str, Array]:
        return {name: self.rng.choice([-1.0, 1.0], x.shape) for name, x in self.point.items()}

    def _rounding(self) -> tuple[Array, float]:
        """Four standard deviations of the rounding of each output, and of their weighted sum."""
        signs = self._signs()
        each, together = np.zeros(0), math.nan
        for sizes in (self.scales, {name: abs(x) for name, x in self.point.items()}):
            if not math.isfinite(together):
                each, together = rounding_of(lambda h, s=sizes: self._moved(h, signs, s), self.level.weights)  # type: ignore[misc]
        least = self.level.eps * abs(self.level.base)
        return np.fmax(4 * each, least), 4 * together if math.isfinite(together) else 0.0

    def _usual_size(self) -> float:
        """How large the weighted outputs are, here or a good step away, if they vanish just here."""
        signs = self._signs()
        values = [self.level.base, *(self._moved(h, signs, self.scales) for h in (-(2.0**-4), 2.0**-4))]
        sizes = [float(np.linalg.norm(self.level.weights * value)) for value in values]
        return max((size for size in sizes if math.isfinite(size)), default=0.0)

    def _values(self, at: Point) -> Array:
        """The outputs; NaN where the function refuses the point, which then is outside its domain."""
        try:
            values = self.level.outputs(at)
        except (ArithmeticError, ValueError):
            return np.full(self.level.base.shape, math.nan)
        return values if values.shape == self.level.base.shape else np.full(self.level.base.shape, math.nan)

    def _line(self, name: str, direction: Array, weights: Array | None = None) -> Line:
        x = self.point[name]
        return Line(
            lambda h: self._values({name: x + h * direction}),
            self.level.base,
            self.level.weights if weights is None else weights,
            self.noise,
            self.common,
            alone=np.count_nonzero(direction) == 1,
        )

    # what backprop gives

    def analytic(self, name: str, mode: Mode, direction: Array) -> tuple[float, float]:
        """The derivative in a direction, and the root of the sum of squares of its terms."""
        if mode == "forward":
            terms = self.level.weights * self.level.push(self.level.recorded, name, direction)
        else:
            assert self.gradient is not None
            terms = np.where(direction, self.gradient[name], 0.0) * direction
        return float(terms.sum()), float(np.linalg.norm(terms))

    def rounding(self, name: str, mode: Mode, direction: Array) -> float:
        """How far the derivative in a direction scatters if inputs and cotangents change by a few roundings.

        That of an element is at least what is usual among the elements of the input.
        """
        if not self._nudged:
            self._nudged = [self._nudge() for _ in range(NUDGES)]
        scatter = 0.0
        for weights, recorded, gradient in self._nudged:
            if mode == "forward":
                here = self.level.weights * self.level.push(self.level.recorded, name, direction)
                change = float(np.linalg.norm(weights * self.level.push(recorded, name, direction) - here))
            else:
                assert gradient is not None
                assert self.gradient is not None
                change = self._scatter(gradient[name] - self.gradient[name], name, direction)
            scatter = max(scatter, change)
        return 4 * scatter if math.isfinite(scatter) else 0.0

    def _nudge(self) -> tuple[Array, Recorded, dict[str, Array] | None]:
        signs = self._signs()
        at = {name: x + NUDGE * self.scales[name] * signs[name] for name, x in self.point.items()}
        weights = self.level.weights * (1 + NUDGE * self.rng.choice([-1.0, 1.0], self.level.weights.shape))
        recorded = self.level.record(at)
        return weights, recorded, None if self.gradient is None else self.level.gradient(at, weights)

    def _scatter(self, change: Array, name: str, direction: Array) -> float:
        scales = self.scales[name]
        usual = np.sqrt(np.mean((change * scales) ** 2)) * np.linalg.norm(direction / scales)
        return float(max(usual, np.linalg.norm(change * direction)))

    # comparisons

    def element(self, name: str, mode: Mode, index: tuple[int, ...]) -> Compared:
        """One element of an input."""
        direction = np.zeros(self.point[name].shape)
        direction[index] = self.scales[name][index]
        return self._compared(name, mode, direction, index)

    def projection(self, name: str, mode: Mode, among: Array | None = None) -> Compared:
        """A random direction, in which the elements at `among` (flat indices, all if None) move."""
        return self._compared(name, mode, self.direction(name, among), None)

    def direction(self, name: str, among: Array | None = None) -> Array:
        """A random direction, in which each element at `among` (flat indices, all if None) moves by about its size."""
        scales = self.scales[name].ravel()
        weights = self.rng.uniform(0.5, 1.5, scales.size) * self.rng.choice([-1.0, 1.0], scales.size)
        if among is not None:
            weights[np.setdiff1d(np.arange(scales.size), among)] = 0
        return (scales * weights).reshape(self.point[name].shape)

    def _compared(self, name: str, mode: Mode, direction: Array, index: tuple[int, ...] | None) -> Compared:
        analytic, judged, size = self._judged(name, mode, direction)
        other = self._other_steps(name, direction, index, judged)
        if other is not None:
            again = self._judged(name, mode, other)
            if again[1].verdict not in ("UNDEFINED", "INCONCLUSIVE"):
                direction = other
                analytic, judged, size = again
        step = 1.0 if index is None else float(direction[index])
        gap = abs(analytic - judged.value)
        scale = max(size, abs(judged.value))
        off = gap / scale if scale else 0.0
        return Compared(
            self._entry(name, mode, index, analytic / step, judged.scaled(1 / step)), off, gap + judged.error
        )

    def _other_steps(
        self, name: str, direction: Array, index: tuple[int, ...] | None, judged: Judgement
    ) -> Array | None:
        """The direction with other steps, where these may have left the function's domain, or drowned in rounding.

        A single element that is much smaller than the others is also moved by its own size, if it disagrees.
        """
        if judged.verdict == "PASS":
            return None
        if judged.verdict == "INCONCLUSIVE":
            longest = float(abs(direction).max(initial=0.0))
            return direction / longest if 0 < longest < SHORT_STEPS else None
        if index is not None or judged.verdict == "UNDEFINED":
            own = np.minimum(abs(direction), abs(self.point[name])) * np.sign(direction)
            return own if own.any() and (own != direction).any() else None
        return None

    def _judged(self, name: str, mode: Mode, direction: Array) -> tuple[float, Judgement, float]:
        """The derivative in a direction by backprop, the verdict on it, and the size of its terms."""
        analytic, size = self.analytic(name, mode, direction)
        line = self._line(name, direction)
        if not math.isfinite(analytic):
            judged = compare(line, 0.0, 0.0, self.rtol, self.coarse)
            note = f"backprop gives {analytic}" + (f"; {judged.note}" if judged.note else "")
            return analytic, judged._replace(verdict="UNDEFINED", slopes=None, note=note), 0.0
        judged = compare(line, analytic, size, self.rtol, self.coarse)
        if judged.verdict in ("FAIL", "INCONCLUSIVE"):
            judged = self._allowing_for_rounding(judged, analytic, size, self.rounding(name, mode, direction), line)
        return analytic, judged, size

    def _allowing_for_rounding(
        self, judged: Judgement, analytic: float, size: float, rounding: float, line: Line
    ) -> Judgement:
        """The verdict, with what rounding adds to the derivative by backprop.

        A derivative that is 0 but for rounding passes, where the differences, too, say 0 as well as they can: within
        the tolerance, or as the value itself is 0 but for rounding.
        """
        scale, error = max(size, abs(judged.value)), judged.error + rounding
        if abs(analytic - judged.value) > error + self.rtol * scale:
            return judged
        enough = judged.error <= self.rtol * line.size or line.size <= NOTHING * line.rounding
        zero = abs(analytic) <= rounding and enough
        return judged._replace(verdict="PASS" if zero or error <= self.coarse * scale else "INCONCLUSIVE")

    def _entry(self, name: str, mode: Mode, index: tuple[int, ...] | None, analytic: float, judged: Judgement) -> Entry:
        place = "in a random direction" if index is None else name + (str(list(index)) if index else "")
        note = f"{place}: {judged.note}" if judged.note else ""
        if judged.slopes is not None:
            note = f"{place}: {_kink(judged.slopes, analytic)}"
        error = abs(judged.error)
        order = self.level.order
        return Entry(name, index, analytic, judged.value, error, judged.verdict, judged.slopes, note, order, mode)

    def unweighted(self, name: str) -> Callable[[tuple[int, ...]], tuple[float, float]]:
        """The pair (backprop, finite difference) at an index, where all outputs are weighted by 1."""
        ones = np.ones(self.level.weights.shape)
        gradient = self.level.gradient({}, ones)[name]

        def pair(index: tuple[int, ...]) -> tuple[float, float]:
            step = float(self.scales[name][index])
            direction = np.zeros(gradient.shape)
            direction[index] = step
            analytic = float(gradient[index])
            judged = compare(self._line(name, direction, ones), analytic * step, 0.0, self.rtol, self.coarse)
            return analytic, judged.value / step

        return pair


def scales_of(x: Array) -> Array:
    """How far a step of 1 moves each element: by its size, or that of the others if it is small; a power of two."""
    if not x.size:
        return np.zeros(x.shape)
    largest = float(abs(x).max()) or 1.0
    usual = largest * float(np.sqrt(np.mean((x / largest) ** 2)))
    return 2.0 ** np.round(np.log2(np.maximum(abs(x), usual or 1.0)))


def _kink(slopes: tuple[float, float], analytic: float) -> str:
    low, high = sorted(slopes)
    slack = 1e-6 * max(abs(low), abs(high))
    between = "lies between them" if low - slack <= analytic <= high + slack else "does not lie between them"
    return (
        f"a kink: slope {slopes[0]:+.6g} on the left, {slopes[1]:+.6g} on the right; "
        f"what backprop gives, {analytic:+.6g}, {between}"
    )
