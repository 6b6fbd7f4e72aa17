"""A function along a line: its slope by differences with an error bar, and what kind of point the start is.

Every number here is a change ⟨u, F(x + h v) - F(x)⟩, elementwise differences first: outputs that do not move add no
rounding. How much the others add is measured (`rounding_of`), not supposed, so that a function that computes in float32
somewhere inside, or subtracts large numbers, gets the wide error bars that are true of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.numeric.extrapolation import EPS, WIDEN, Difference
from autograd.numeric.report import Verdict

# The largest steps of the tables of differences, relative to the size of what moves. Smooth functions are settled by
# the first; a kink nearby is soon farther away than the steps reach.
STARTS = (2.0**-4, 2.0**-10, 2.0**-16, 2.0**-22, 2.0**-28)
LEVELS = 5
SHORT, SHORTEST = 2.0**-20, 2.0**-26
POINTS = 12
ONE_SIDED = 64.0  # times the variance on the other side
GOLDEN = (math.sqrt(5) - 1) / 2


class Judgement(NamedTuple):
    """The slope along a line, and the verdict on the value it was compared with."""

    value: float
    error: float
    verdict: Verdict
    slopes: tuple[float, float] | None = None
    note: str = ""

    def scaled(self, scale: float) -> Judgement:
        """The same for a line along which everything moves `scale` times as far."""
        slopes = None if self.slopes is None else (self.slopes[0] * scale, self.slopes[1] * scale)
        return self._replace(value=self.value * scale, error=self.error * scale, slopes=slopes)


class Line:
    """⟨weights, F(h) - F(0)⟩ as a function of h, each evaluated once.

    `rounding` is how far rounding may move it: the weighted root of the sum of squares of the `noise` of all outputs
    that have been seen to move, or `common` where the outputs' errors go together. `alone` says that one element moves.
    """

    def __init__(
        self,
        evaluate: Callable[[float], Array],
        base: Array,
        weights: Array,
        noise: Array,
        common: float,
        alone: bool = False,
    ) -> None:
        self.evaluate = evaluate
        self.base = base
        self.weights = weights
        self.noise = weights * noise
        self.common = common
        self.moved = np.zeros(base.shape, bool)
        self.known: dict[float, float] = {0.0: 0.0}
        self.rounding = self.least = 0.0
        self.alone = alone
        self.listened = False

    def __call__(self, h: float) -> float:
        if h not in self.known:
            change = self.evaluate(h) - self.base
            moved = (change != 0) & ~self.moved
            if moved.any():
                self.moved |= moved
                noise = abs(self.noise[self.moved])
                self.rounding = max(float(np.linalg.norm(noise)), min(self.common, float(noise.sum())), self.least)
            self.known[h] = float(self.weights @ change)
        return self.known[h]

    @property
    def size(self) -> float:
        """How large the outputs that move are, weighted as they are; if none does, all of them."""
        weighted = self.weights * self.base
        return float(np.linalg.norm(weighted[self.moved] if self.moved.any() else weighted))

    def listen(self) -> bool:
        """Look for rounding that went unnoticed, before a verdict against backprop rests on it; True if there is more.

        Along one element it is measured again (along others there may be kinks at any distance). Outputs that do not
        move may be held still by it. Where nothing moves at all, that of all outputs counts: it may be what swallows
        the change. (Of outputs that are 0 it is that of terms of order one, which have cancelled.)
        """
        if self.listened:
            return False
        self.listened = True
        still = np.where(self.moved, 0.0, self.weights * self.base)
        heard = [math.hypot(self.rounding, EPS * float(np.linalg.norm(still)))]
        if not self.moved.any():
            heard += [float(np.linalg.norm(np.where(self.base == 0, self.weights * EPS, self.noise)))]
        elif self.alone:
            heard += [4 * rounding_of(lambda h: np.array([self(h)]), np.ones(1), d)[1] for d in (2.0**-24, 2.0**-18)]
        louder = math.isfinite(max(heard)) and max(heard) > self.rounding
        if louder:
            self.rounding = self.least = max(heard)
        return louder

    def slope(self, h: float) -> float:
        """The central difference quotient."""
        return (self(h) - self(-h)) / (2 * h)

    def ahead(self, h: float) -> float:
        """The difference quotient on the side that h points to."""
        return self(h) / h


def limits(line: Line, quotient: Callable[[float], float], start: float, order: int) -> Iterator[Difference]:
    """A difference quotient extrapolated to h = 0 by Ridders' table; better and better, from the second level on.

    `order` is that of the quotient's error in h, and of what it grows by from term to term. The error bar is the least
    disagreement in the table, widened, plus rounding.
    """
    best: Difference | None = None
    previous: list[float] = []
    for level in range(LEVELS):
        h = start / 2**level
        row = [quotient(h)]
        rounding = (line.rounding + EPS * abs(row[0])) / abs(h)
        for k, coarser in enumerate(previous):
            ratio = 2.0 ** (order * (k + 1))
            refined = row[k] + (row[k] - coarser) / (ratio - 1)
            row.append(refined)
            rounding *= (ratio + 1) / (ratio - 1)
            doubt = WIDEN * max(abs(refined - row[k]), abs(refined - coarser)) + rounding
            if math.isfinite(doubt) and (best is None or doubt < best.error):
                best = Difference(refined, doubt)
        previous = row
        if best is not None:
            yield best


def compare(line: Line, analytic: float, size: float, rtol: float, coarse: float) -> Judgement:
    """Whether `analytic` is the slope of the line at 0, to `rtol` of `size` (or of the slope, if that is larger).

    INCONCLUSIVE if the best error bar is wider than that, and than `coarse`, and does not exclude the value.
    """
    found: list[Difference] = []
    for start in STARTS:
        last = None
        for last in limits(line, line.slope, start, 2):
            tolerance = rtol * max(size, abs(last.value))
            if last.error <= tolerance and abs(last.value - analytic) <= tolerance:
                return _at_the_point(line, last, size, rtol)
        if last is not None:
            found.append(last)
        if len(found) > 1 and line.moved.any() and _excluded(analytic, found[-2:], rtol, coarse):
            if line.listen():
                return compare(line, analytic, size, rtol, coarse)
            return _beside_the_point(line, min(found[-2:], key=_error), "FAIL", size, rtol)
    if not found:
        return _beside_the_point(line, Difference(math.nan, math.nan), "UNDEFINED", size, rtol)
    moving = [difference for difference in found if difference.value]
    if moving and not found[-1].value and abs(moving[0].value - analytic) <= 0.1 * abs(analytic):
        found = moving  # rounding inside the function swallows short steps, which then say nothing
    best = found[-1]
    for longer in reversed(found[:-1]):
        if abs(longer.value - best.value) > longer.error + best.error:
            break
        best = min(best, longer, key=_error)
    scale = max(size, abs(best.value))
    if abs(best.value - analytic) > best.error + rtol * scale:
        if line.listen():
            return compare(line, analytic, size, rtol, coarse)
        return _beside_the_point(line, best, "FAIL", size, rtol)
    if best.error <= max(coarse, rtol) * scale:
        return _at_the_point(line, best, size, rtol)
    return _beside_the_point(line, best, "INCONCLUSIVE", size, rtol)


def _excluded(analytic: float, found: Sequence[Difference], rtol: float, coarse: float) -> bool:
    """Whether steps of two lengths agree on a slope, with narrow bars beside it, that is far from `analytic`."""
    one, other = found
    bars, scale = one.error + other.error, abs(other.value)
    agree = abs(one.value - other.value) <= bars <= coarse * scale
    return agree and abs(one.value - analytic) > 10 * (bars + rtol * scale)


def _at_the_point(line: Line, best: Difference, size: float, rtol: float) -> Judgement:
    """PASS, unless the function bends or jumps at the very point, which central differences do not see."""
    if _smooth(line, best, size, rtol) or (line.listen() and _smooth(line, best, size, rtol)):
        return Judgement(*best, "PASS")
    return _beside_the_point(line, best, "PASS", size, rtol)


def _smooth(line: Line, best: Difference, size: float, rtol: float) -> bool:
    """Whether the slopes of short steps to both sides are the same, as far as curvature and rounding let them."""
    bend = abs(line(SHORT) + line(-SHORT)) / SHORT
    return bool(bend <= 100 * rtol * max(size, abs(best.value)) + 2 * line.rounding / SHORT)


def _beside_the_point(line: Line, best: Difference, otherwise: Verdict, size: float, rtol: float) -> Judgement:
    """The verdict after a look at each side of the point alone: `otherwise`, unless there is a jump or a kink."""
    near, nearer = [line(s * SHORT) for s in (-1, 1)], [line(s * SHORTEST) for s in (-1, 1)]
    if not np.isfinite([*near, *nearer]).all():
        return Judgement(*best, "UNDEFINED", note="the function is not finite on one side of the point")
    for a, b in zip(near, nearer):
        if abs(b) > 2 * line.rounding and abs(b) > 0.5 * abs(a):
            return Judgement(*best, "JUMP", note=f"the function jumps: by {b:+.3g} for a step of {SHORTEST:.0e}")
    for a, b in zip(near, nearer):
        if abs(b) > 2 * line.rounding and abs(b / SHORTEST) > 4 * abs(a / SHORT):
            return Judgement(*best, "UNDEFINED", note="the slope grows without bound towards the point")
    if _smooth(line, best, size, rtol):
        return Judgement(*best, otherwise)
    left, right = (_one_sided(line, side) for side in (-1, 1))
    kink, scale = right.value - left.value, max(abs(left.value), abs(right.value))
    doubt = 2 * (left.error + right.error) + rtol * scale
    bend = sum(near) / SHORT
    if abs(kink) > doubt and abs(bend - kink) < 0.5 * abs(kink) + 2 * line.rounding / SHORT:
        return Judgement(*best, "KINK", (left.value, right.value))
    return Judgement(*best, otherwise)


def _one_sided(line: Line, side: int) -> Difference:
    found = [Difference(line.ahead(side * SHORT), math.inf)]
    for start in STARTS[1:-1]:
        found += list(limits(line, line.ahead, side * start, 1))[-1:]
    return min(found, key=_error)


def _error(difference: Difference) -> float:
    return float(difference.error)


def rounding_of(evaluate: Callable[[float], Array], weights: Array, spacing: float = 2.0**-24) -> tuple[Array, float]:
    """How much rounding scatters the outputs of a function near h = 0, each alone and their weighted sum.

    The function is evaluated at uneven points on both sides, close enough that all of it but rounding is a cubic on
    either side, and far enough apart that the rounding of float32 differs too. What remains of the values is rounding:
    standard deviations. Where one side has much more of it than the other, a kink lies there, and the other side tells.
    """
    t = np.arange(1.0, POINTS + 1)
    t += t * GOLDEN % 1
    basis, _ = np.linalg.qr(np.stack([t**k for k in range(4)], axis=1))
    sides = []
    for side in (-1, 1):
        rows = np.stack([evaluate(side * float(k) * spacing) for k in t])
        rest = rows - basis @ (basis.T @ rows)
        rest = np.column_stack([rest, rest @ weights])
        sides.append(np.sum(rest**2, axis=0) / (POINTS - 4))
    less, more = np.minimum(*sides), np.maximum(*sides)
    found = np.sqrt(np.where(more > ONE_SIDED * less, less, (less + more) / 2))
    return found[:-1], float(found[-1])
