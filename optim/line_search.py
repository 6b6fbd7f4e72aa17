"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt
from typing import NamedTuple

from autograd.dtypes import Array


class Point(NamedTuple):
    """A point at distance t along the direction: its loss, its gradient and the loss's slope along the direction."""

    t: float
    loss: float
    gradient: Array
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    width: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance: float = 1e-9,
    max_steps: int = 25,
) -> Point:
    """A point x + t d that meets the strong Wolfe conditions, if one is found.

        f(t) ≤ f(0) + c₁ t f'(0)   and   |f'(t)| ≤ c₂ |f'(0)|

    `t` is tried first; `width` is the largest element of d, in size, so that the search ends when the bracket is less
    than `tolerance` wide. After `max_steps` more points the lowest end of the bracket is returned. Source: Nocedal &
    Wright, "Numerical optimization", 2nd ed., algorithms 3.5 and 3.6; safeguards as in Schmidt's minFunc.
    """

    def too_high(point: Point) -> bool:
        return point.loss > start.loss + c1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    previous, point, steps = start, evaluate(t), 0
    while steps < max_steps:
        if too_high(point) or (steps > 1 and point.loss >= previous.loss):
            bracket = [previous, point]
            break
        if flat(point):
            return point
        if point.slope >= 0:
            bracket = [previous, point]
            break
        t = cubic_minimum(previous, point, point.t + 0.01 * (point.t - previous.t), 10 * point.t)
        previous, point = point, evaluate(t)
        steps += 1
    else:
        bracket = [start, point]

    low = 0 if bracket[0].loss <= bracket[1].loss else 1
    stalled = False
    while steps < max_steps:
        left, right = sorted((bracket[0].t, bracket[1].t))
        if (right - left) * width < tolerance:
            break
        t = cubic_minimum(bracket[0], bracket[1], left, right)
        margin = 0.1 * (right - left)
        near_end = min(right - t, t - left) < margin
        if near_end and (stalled or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            stalled = False
        else:
            stalled = near_end
        point = evaluate(t)
        steps += 1
        if too_high(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0 and not flat(point):
            bracket[1 - low] = bracket[low]
        bracket[low] = point
        if flat(point):
            break
    return bracket[low]


def cubic_minimum(p: Point, q: Point, lowest: float, highest: float) -> float:
    """Where the cubic with the losses and slopes of two points is lowest, within bounds; their middle if nowhere."""
    if p.t > q.t:
        p, q = q, p
    length = q.t - p.t
    if length:
        d1 = p.slope + q.slope - 3 * (p.loss - q.loss) / (p.t - q.t)
        square = d1 * d1 - p.slope * q.slope
        if 0 <= square < inf:
            d2 = sqrt(square)
            divisor = q.slope - p.slope + 2 * d2
            if divisor:
                return min(max(q.t - length * ((q.slope + d2 - d1) / divisor), lowest), highest)
    return (lowest + highest) / 2
