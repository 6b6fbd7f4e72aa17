"""Comparisons, logic and classification, element by element. None has a derivative; nothing is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.primitive import Operand, nondifferentiable
from autograd.tensor import Tensor

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "equal",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
]


@nondifferentiable(inputs=2)
def equal(x1: Operand, x2: Operand) -> Any:
    """Whether x1 = x2, element by element, broadcasting. Has no derivative.

    >>> equal(tensor([1.0, 2.0]), 1)
    tensor([ True, False])
    """
    return np.equal(x1, x2)


@nondifferentiable(inputs=2)
def not_equal(x1: Operand, x2: Operand) -> Any:
    """Whether x1 ≠ x2, element by element, broadcasting. Has no derivative.

    >>> not_equal(tensor([1.0, 2.0]), 1)
    tensor([False,  True])
    """
    return np.not_equal(x1, x2)


@nondifferentiable(inputs=2)
def less(x1: Operand, x2: Operand) -> Any:
    """Whether x1 < x2, element by element, broadcasting. Has no derivative.

    >>> less(tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """
    return np.less(x1, x2)


@nondifferentiable(inputs=2)
def less_equal(x1: Operand, x2: Operand) -> Any:
    """Whether x1 ≤ x2, element by element, broadcasting. Has no derivative.

    >>> less_equal(tensor([1.0, 2.0]), 1)
    tensor([ True, False])
    """
    return np.less_equal(x1, x2)


@nondifferentiable(inputs=2)
def greater(x1: Operand, x2: Operand) -> Any:
    """Whether x1 > x2, element by element, broadcasting. Has no derivative.

    >>> greater(tensor([1.0, 2.0]), 1)
    tensor([False,  True])
    """
    return np.greater(x1, x2)


@nondifferentiable(inputs=2)
def greater_equal(x1: Operand, x2: Operand) -> Any:
    """Whether x1 ≥ x2, element by element, broadcasting. Has no derivative.

    >>> greater_equal(tensor([1.0, 2.0]), 2)
    tensor([False,  True])
    """
    return np.greater_equal(x1, x2)


@nondifferentiable(inputs=2)
def logical_and(x1: Operand, x2: Operand) -> Any:
    """Whether x1 and x2 are both nonzero, element by element, broadcasting. Has no derivative.

    >>> logical_and(tensor([True, True]), tensor([True, False]))
    tensor([ True, False])
    """
    return np.logical_and(x1, x2)


@nondifferentiable(inputs=2)
def logical_or(x1: Operand, x2: Operand) -> Any:
    """Whether x1 or x2 is nonzero, element by element, broadcasting. Has no derivative.

    >>> logical_or(tensor([False, False]), tensor([True, False]))
    tensor([ True, False])
    """
    return np.logical_or(x1, x2)


@nondifferentiable(inputs=2)
def logical_xor(x1: Operand, x2: Operand) -> Any:
    """Whether just one of x1 and x2 is nonzero, element by element, broadcasting. Has no derivative.

    >>> logical_xor(tensor([True, True]), tensor([True, False]))
    tensor([False,  True])
    """
    return np.logical_xor(x1, x2)


@nondifferentiable()
def logical_not(x: Operand) -> Any:
    """Whether x is zero or False, element by element. Has no derivative.

    >>> logical_not(tensor([True, False]))
    tensor([False,  True])
    """
    return np.logical_not(x)


@nondifferentiable(inputs=2)
def bitwise_and(x1: Operand, x2: Operand) -> Any:
    """x1 & x2 of booleans or integers, broadcasting. Raises TypeError for floats. Has no derivative.

    >>> tensor([True, True]) & tensor([True, False])
    tensor([ True, False])
    """
    return np.bitwise_and(x1, x2)


@nondifferentiable(inputs=2)
def bitwise_or(x1: Operand, x2: Operand) -> Any:
    """x1 | x2 of booleans or integers, broadcasting. Raises TypeError for floats. Has no derivative.

    >>> tensor([1, 2]) | 4
    tensor([5, 6])
    """
    return np.bitwise_or(x1, x2)


@nondifferentiable(inputs=2)
def bitwise_xor(x1: Operand, x2: Operand) -> Any:
    """x1 ^ x2 of booleans or integers, broadcasting. Raises TypeError for floats. Has no derivative.

    >>> tensor([1, 3]) ^ 1
    tensor([0, 2])
    """
    return np.bitwise_xor(x1, x2)


@nondifferentiable()
def bitwise_not(x: Operand) -> Any:
    """~x of booleans or integers. Raises TypeError for floats. Has no derivative.

    >>> ~tensor([True, False])
    tensor([False,  True])
    """
    return np.bitwise_not(x)


def isclose(a: Operand, b: Operand, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |a - b| ≤ atol + rtol · |b|, or both are the same infinity, element by element, broadcasting.

    NaNs are close to nothing, with `equal_nan` to NaNs. Has no derivative.

    >>> isclose(tensor([1.0, 2.0]), [1.000001, 2.1])
    tensor([ True, False])
    """
    return _isclose(a, b, rtol, atol, equal_nan)


@nondifferentiable(inputs=2)
def _isclose(x1: Operand, x2: Operand, rtol: float, atol: float, equal_nan: bool) -> Any:
    return np.isclose(x1, x2, rtol, atol, equal_nan)


def allclose(a: Operand, b: Operand, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close: see `isclose`. Has no derivative.

    >>> allclose(tensor([1.0, 2.0]), [1.000001, 2.0])
    True
    """
    return bool(isclose(a, b, rtol, atol, equal_nan).all())


@nondifferentiable()
def isfinite(x: Operand) -> Any:
    """Whether x is neither infinite nor NaN. Has no derivative.

    >>> isfinite(tensor([1.0, np.inf, np.nan]))
    tensor([ True, False, False])
    """
    return np.isfinite(x)


@nondifferentiable()
def isinf(x: Operand) -> Any:
    """Whether x is ∞ or -∞. Has no derivative.

    >>> isinf(tensor([1.0, -np.inf, np.nan]))
    tensor([False,  True, False])
    """
    return np.isinf(x)


@nondifferentiable()
def isnan(x: Operand) -> Any:
    """Whether x is NaN. Has no derivative.

    >>> isnan(tensor([1.0, np.inf, np.nan]))
    tensor([False, False,  True])
    """
    return np.isnan(x)


bitwise_invert = bitwise_not  # the array API's name
