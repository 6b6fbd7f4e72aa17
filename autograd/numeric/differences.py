"""Derivatives by central differences, extrapolated, each with an error bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.grad_mode import no_grad
from autograd.tensor import Tensor

LEVELS = 8
WIDEN = 4.0


class Difference(NamedTuple):
    """A derivative found by differences, and how far off it may be: numbers, or arrays of the derivative's shape."""

    value: Any
    error: Any


def derivative(along: Callable[[float], Any], step: float) -> Difference:
    """The derivative at 0 of a function of one number, by Ridders' extrapolation of central differences.

    `along(h)` is evaluated in pairs at ±step, ±step/2, … until the extrapolated values stop agreeing better. Its result
    may be an array; the error bar, element by element, is the least disagreement in the table, widened, plus the
    rounding error of the differences it stands on.

    Source: C. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).

    >>> slope = derivative(lambda h: np.exp(1 + h), step=0.25)
    >>> bool(abs(slope.value - np.e) <= slope.error < 1e-9)
    True
    """
    h = 2.0 ** round(np.log2(step))
    best: Any = None
    error: Any = None
    previous: list[Array] = []
    for level in range(LEVELS):
        ahead, behind = np.asarray(along(h), np.float64), np.asarray(along(-h), np.float64)
        rounding = np.finfo(np.float64).eps * np.maximum(abs(ahead), abs(behind)) / h
        row = [(ahead - behind) / (2 * h)]
        for k, coarser in enumerate(previous):
            row.append(row[k] + (row[k] - coarser) / (4.0 ** (k + 1) - 1))
            doubt = WIDEN * np.maximum(abs(row[k + 1] - row[k]), abs(row[k + 1] - coarser)) + rounding
            if error is None:
                best, error = row[k + 1], doubt
            else:
                better = doubt < error
                best, error = np.where(better, row[k + 1], best), np.where(better, doubt, error)
        if level > 1 and np.all(abs(row[-1] - previous[-1]) > 2 * error):
            break
        previous = row
        h /= 2
    return Difference(best, error)


def finite_difference(f: Callable[..., Any], x: Any, step: float | None = None) -> Difference:
    """The derivative of `f` at `x` by finite differences, with an error bar: shapes (*output, *input), float64.

    `f` takes a tensor of `x`'s shape, always float64 whatever the dtype of `x`, and returns a tensor. `step` is the
    largest step; by default it is scaled to each coordinate. Raises ValueError for one that is not positive.

    >>> slope = finite_difference(lambda x: (x * x * x).sum(), [1.0, 2.0])
    >>> bool(np.all(abs(slope.value - [3, 12]) <= slope.error))
    True
    """
    if step is not None and not step > 0:
        raise ValueError(f"finite_difference: step has to be positive, got {step}")
    point = to_array(x.array if isinstance(x, Tensor) else x, np.float64)
    values, errors = [], []
    shape: tuple[int, ...] = ()
    with no_grad(), np.errstate(all="ignore"):
        shape = _evaluate(f, point).shape
        for index in np.ndindex(point.shape):

            def along(h: float, index: tuple[int, ...] = index) -> Array:
                moved = point.copy()
                moved[index] += h
                return _evaluate(f, moved)

            value, error = derivative(along, step or step_for(float(point[index])))
            values.append(value)
            errors.append(error)

    def together(columns: list[Array]) -> Array:
        if not columns:
            return np.zeros((*shape, *point.shape))
        return np.stack(columns, axis=-1).reshape((*shape, *point.shape))

    return Difference(together(values), together(errors))


def step_for(coordinate: float) -> float:
    """The largest step to take from a coordinate: a power of two, so that adding it is exact or nearly so."""
    return float(2.0 ** np.round(np.log2(0.05 * max(1.0, abs(coordinate)))))


def _evaluate(f: Callable[..., Any], point: Array) -> Array:
    y = f(Tensor(point))
    return np.asarray(y.array if isinstance(y, Tensor) else y, np.float64)
