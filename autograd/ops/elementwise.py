"""Elementwise primitives: each states its partial derivatives, and both vjp and jvp follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.primitive import Masked, Operand, elementwise, nondifferentiable


@elementwise(1, 1)
def add(x1: Operand, x2: Operand) -> Any:
    """x1 + x2, broadcasting.

    Derivative: x̄1 += ȳ, x̄2 += ȳ.

    >>> add(tensor([1.0, 2.0]), 10)
    tensor([11., 12.])
    """
    return np.add(x1, x2)


@elementwise(1, -1)
def subtract(x1: Operand, x2: Operand) -> Any:
    """x1 - x2, broadcasting.

    Derivative: x̄1 += ȳ, x̄2 -= ȳ.

    >>> subtract(tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    return np.subtract(x1, x2)


@elementwise(lambda x2: x2, lambda x1: x1)
def multiply(x1: Operand, x2: Operand) -> Any:
    """x1 · x2, element by element, broadcasting.

    Derivative: x̄1 += ȳ · x2, x̄2 += ȳ · x1.

    >>> multiply(tensor([1.0, 2.0]), tensor([3.0, 4.0]))
    tensor([3., 8.])
    """
    return np.multiply(x1, x2)


@elementwise(lambda x2: 1 / x2, lambda x2, y: -y / x2)
def divide(x1: Operand, x2: Operand) -> Any:
    """x1 / x2, broadcasting.

    Derivative: x̄1 += ȳ / x2, x̄2 -= ȳ · y / x2.

    >>> divide(tensor([1.0, 2.0]), 2)
    tensor([0.5, 1. ])
    """
    return np.divide(x1, x2)


@elementwise(-1)
def negative(x: Operand) -> Any:
    """-x.

    Derivative: x̄ -= ȳ.

    >>> negative(tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return np.negative(x)


@elementwise(lambda x: cos(x))
def sin(x: Operand) -> Any:
    """Sine of x, in radians.

    Derivative: x̄ += ȳ · cos(x).

    >>> sin(tensor([0.0]))
    tensor([0.])
    """
    return np.sin(x)


@elementwise(lambda x: -sin(x))
def cos(x: Operand) -> Any:
    """Cosine of x, in radians.

    Derivative: x̄ -= ȳ · sin(x).

    >>> cos(tensor([0.0]))
    tensor([1.])
    """
    return np.cos(x)


@elementwise(lambda y: 1 - y * y)
def tanh(x: Operand) -> Any:
    """Hyperbolic tangent.

    Derivative: x̄ += ȳ · (1 - y²).

    >>> tanh(tensor([0.0]))
    tensor([0.])
    """
    return np.tanh(x)


@elementwise(None, Masked(lambda condition: condition), Masked(lambda condition: logical_not(condition)))
def where(condition: Operand, x1: Operand, x2: Operand) -> Any:
    """x1 where `condition` holds, x2 elsewhere, broadcasting.

    Derivative: x̄1 += where(condition, ȳ, 0), x̄2 += where(condition, 0, ȳ).

    >>> where(np.array([True, False]), tensor([1.0, 2.0]), 0)
    tensor([1., 0.])
    """
    return np.where(condition, x1, x2)  # type: ignore[arg-type]


@elementwise(Masked(lambda x: greater(x, 0)))
def relu(x: Operand) -> Any:
    """max(x, 0). At 0, where it has a kink, the derivative is taken as 0.

    Derivative: x̄ += where(x > 0, ȳ, 0).

    >>> relu(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return np.maximum(x, 0)


@nondifferentiable(inputs=2)
def greater(x1: Operand, x2: Operand) -> Any:
    """Whether x1 > x2, element by element. Has no derivative.

    >>> greater(tensor([1.0, 2.0]), 1)
    tensor([False,  True])
    """
    return np.greater(x1, x2)


@nondifferentiable()
def logical_not(x: Operand) -> Any:
    """Whether x is zero or False, element by element. Has no derivative.

    >>> logical_not(tensor([True, False]))
    tensor([False,  True])
    """
    return np.logical_not(x)
