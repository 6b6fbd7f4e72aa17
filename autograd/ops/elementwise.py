"""Elementwise primitives: each states its partial derivatives, and both vjp and jvp follow.

Read as a table of derivatives. A partial is multiplied by the cotangent; one that takes `g`, the cotangent, is the
product itself, for derivatives that divide. Every operation broadcasts, and keeps dtypes by NumPy's promotion: a
float32 tensor with a Python number stays float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array
from autograd.kernels import loops, special
from autograd.kernels.combination import product
from autograd.kernels.fusion import then
from autograd.kernels.loops import VERY_LARGE, compute
from autograd.kernels.masking import choose, keep_where, keep_where_positive, positive_part
from autograd.ops.comparison import (
    equal,
    greater,
    greater_equal,
    isinf,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
)
from autograd.primitive import Masked, Operand, elementwise, linear, needing, nondifferentiable
from autograd.tensor import Tensor

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "divide",
    "erf",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "floor_divide",
    "fmod",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "maximum",
    "minimum",
    "multiply",
    "multiply_add",
    "ndtr",
    "negative",
    "positive",
    "pow",
    "power",
    "reciprocal",
    "relu",
    "remainder",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
    "where",
]

# Arithmetic


@elementwise(1, 1, later=lambda x1, x2: then(np.add, x1, x2, first=True) or then(np.add, x2, x1))
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


@elementwise(needing(product, "x2"), needing(product, "x1"))
def multiply(x1: Operand, x2: Operand) -> Any:
    """x1 · x2, element by element, broadcasting.

    Derivative: x̄1 += ȳ · x2, x̄2 += ȳ · x1.

    >>> multiply(tensor([1.0, 2.0]), tensor([3.0, 4.0]))
    tensor([3., 8.])
    """
    return np.multiply(x1, x2)


@elementwise(
    needing(product, "x2"),
    needing(product, "x1"),
    1,
    later=lambda x1, x2, x3: then(loops.multiply_add, x1, x2, x3, first=True),
)
def multiply_add(x1: Operand, x2: Operand, x3: Operand) -> Any:
    """x1 · x2 + x3, element by element, broadcasting, without the product in memory.

    Derivative: x̄1 += ȳ · x2, x̄2 += ȳ · x1, x̄3 += ȳ.

    >>> multiply_add(tensor([1.0, 2.0]), 10, 5)
    tensor([15., 25.])
    """
    return compute(loops.multiply_add, x1, x2, x3, least=1 << 19)


@elementwise(lambda g, x2: g / x2, lambda g, x2, y: -(g * y / x2))
def divide(x1: Operand, x2: Operand) -> Any:
    """x1 / x2, broadcasting.

    Derivative: x̄1 += ȳ / x2, x̄2 -= ȳ · y / x2.

    >>> divide(tensor([1.0, 2.0]), 2)
    tensor([0.5, 1. ])
    """
    return np.divide(x1, x2)


@elementwise(0, 0)
def floor_divide(x1: Operand, x2: Operand) -> Any:
    """The largest integer ≤ x1 / x2, broadcasting: what `//` is. Piecewise constant.

    Derivative: 0, also where it jumps.

    >>> floor_divide(tensor([7.0, -7.0]), 2)
    tensor([ 3., -4.])
    """
    return np.floor_divide(x1, x2)


@elementwise(1, lambda x1, x2: -floor_divide(x1, x2))  # type: ignore[has-type]
def remainder(x1: Operand, x2: Operand) -> Any:
    """x1 - ⌊x1 / x2⌋ · x2, broadcasting: what `%` is. Has the sign of x2.

    Derivative: x̄1 += ȳ, x̄2 -= ȳ · ⌊x1 / x2⌋, also where it jumps.

    >>> remainder(tensor([7.0, -7.0]), 4)
    tensor([3., 1.])
    """
    return np.remainder(x1, x2)


@elementwise(1, lambda x1, x2: -np.trunc(x1 / x2))
def fmod(x1: Operand, x2: Operand) -> Any:
    """x1 - trunc(x1 / x2) · x2, broadcasting. Has the sign of x1.

    Derivative: x̄1 += ȳ, x̄2 -= ȳ · trunc(x1 / x2), also where it jumps.

    >>> fmod(tensor([7.0, -7.0]), 4)
    tensor([ 3., -3.])
    """
    return np.fmod(x1, x2)


@elementwise(1)
def positive(x: Operand) -> Any:
    """+x, a copy.

    Derivative: x̄ += ȳ.

    >>> +tensor([1.0, -2.0])
    tensor([ 1., -2.])
    """
    return np.positive(x)


@elementwise(-1)
def negative(x: Operand) -> Any:
    """-x.

    Derivative: x̄ -= ȳ.

    >>> negative(tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return np.negative(x)


@elementwise(lambda x: np.sign(x))
def abs(x: Operand) -> Any:
    """|x|. At 0, where it has a kink, the derivative is taken as 0.

    Derivative: x̄ += ȳ · sign(x).

    >>> abs(tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """
    return np.abs(x)


@elementwise(0)
def sign(x: Operand) -> Any:
    """-1, 0 or 1, as x is negative, zero or positive.

    Derivative: 0, also at 0, where it jumps.

    >>> sign(tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    return np.sign(x)


@elementwise(lambda y: -y * y)
def reciprocal(x: Operand) -> Any:
    """1 / x; of integers too a float.

    Derivative: x̄ -= ȳ · y².

    >>> reciprocal(tensor([2.0, 4.0]))
    tensor([0.5 , 0.25])
    """
    return np.divide(1, x)


# Powers


@elementwise(lambda x: 2 * x)
def square(x: Operand) -> Any:
    """x².

    Derivative: x̄ += ȳ · 2x.

    >>> square(tensor([1.0, -3.0]))
    tensor([1., 9.])
    """
    return np.square(x)


@elementwise(lambda g, y: g / (2 * y), kernel=np.sqrt)
def sqrt(x: Operand) -> Any:
    """√x; NaN where x < 0. At 0 the derivative is infinite.

    Derivative: x̄ += ȳ / 2y.

    >>> sqrt(tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return np.sqrt(x)


@elementwise(lambda y: -0.5 * y * y * y)
def rsqrt(x: Operand) -> Any:
    """1 / √x.

    Derivative: x̄ -= ȳ · y³ / 2.

    >>> rsqrt(tensor([4.0, 16.0]))
    tensor([0.5 , 0.25])
    """
    return np.divide(1, np.sqrt(x))


def _slope_in_base(x: Any, p: Any) -> Any:
    """p · xᵖ⁻¹, with 0 instead of 0 · ∞ where x = p = 0."""
    if isinstance(p, (int, float)):
        return p * x ** (p - 1) if p else 0.0
    nowhere = logical_and(equal(x, 0), equal(p, 0))
    return p * power(x, where(nowhere, 1, p) - 1)


def _slope_in_exponent(x: Any, p: Any, y: Any) -> Any:
    """y · log x, with 0 instead of 0 · ∞ where x = 0 ≤ p."""
    if isinstance(x, (int, float)) and x > 0:
        return y * math.log(x)
    return y * log(where(logical_and(equal(x, 0), greater_equal(p, 0)), 1, x))


@elementwise(_slope_in_base, _slope_in_exponent)
def power(x: Operand, p: Operand) -> Any:
    """xᵖ, broadcasting; NaN where x < 0 and p is no integer. Raises ValueError for an integer to a negative integer.

    The derivative of x⁰ with respect to x is 0, also at x = 0; that of 0ᵖ with respect to p is 0 for p ≥ 0.

    Derivative: x̄ += ȳ · p · xᵖ⁻¹, p̄ += ȳ · y · log x.

    >>> power(tensor([2.0, -3.0]), 2)
    tensor([4., 9.])
    """
    if not isinstance(p, (int, float)):
        return np.power(x, p)
    x = np.asarray(x)
    if isinstance(p, int) and p == 3 and x.dtype != np.bool_:
        return x * x * x  # six times as fast
    return x**p  # fast for -1, 0.5, 1 and 2


# Exponentials and logarithms


@elementwise(lambda y: y, kernel=np.exp)
def exp(x: Operand) -> Any:
    """eˣ.

    Derivative: x̄ += ȳ · y.

    >>> exp(tensor([0.0, -np.inf]))
    tensor([1., 0.])
    """
    return np.exp(x)


@elementwise(lambda y: y + 1, kernel=np.expm1)
def expm1(x: Operand) -> Any:
    """eˣ - 1, accurate also where x is small.

    Derivative: x̄ += ȳ · (y + 1).

    >>> expm1(tensor([0.0, 1e-10]))
    tensor([0.e+00, 1.e-10])
    """
    return np.expm1(x)


@elementwise(lambda y: y * math.log(2), kernel=np.exp2)
def exp2(x: Operand) -> Any:
    """2ˣ.

    Derivative: x̄ += ȳ · y · log 2.

    >>> exp2(tensor([0.0, 3.0]))
    tensor([1., 8.])
    """
    return np.exp2(x)


@elementwise(lambda g, x: g / x, kernel=np.log)
def log(x: Operand) -> Any:
    """Natural logarithm; -∞ at 0, NaN where x < 0.

    Derivative: x̄ += ȳ / x.

    >>> log(tensor([1.0, 2.0]))
    tensor([0.       , 0.6931472])
    """
    return np.log(x)


@elementwise(lambda g, x: g / (1 + x), kernel=np.log1p)
def log1p(x: Operand) -> Any:
    """log(1 + x), accurate also where x is small.

    Derivative: x̄ += ȳ / (1 + x).

    >>> log1p(tensor([0.0, 1e-10]))
    tensor([0.e+00, 1.e-10])
    """
    return np.log1p(x)


@elementwise(lambda g, x: g / (x * math.log(2)), kernel=np.log2)
def log2(x: Operand) -> Any:
    """Logarithm to base 2.

    Derivative: x̄ += ȳ / (x · log 2).

    >>> log2(tensor([1.0, 2.0]))
    tensor([0., 1.])
    """
    return np.log2(x)


@elementwise(lambda g, x: g / (x * math.log(10)), kernel=np.log10)
def log10(x: Operand) -> Any:
    """Logarithm to base 10.

    Derivative: x̄ += ȳ / (x · log 10).

    >>> log10(tensor([1.0]))
    tensor([0.])
    """
    return np.log10(x)


# Trigonometric functions


@elementwise(lambda x: np.cos(x), kernel=np.sin)
def sin(x: Operand) -> Any:
    """Sine of x, in radians.

    Derivative: x̄ += ȳ · cos(x).

    >>> sin(tensor([0.0]))
    tensor([0.])
    """
    return np.sin(x)


@elementwise(lambda x: -np.sin(x), kernel=np.cos)
def cos(x: Operand) -> Any:
    """Cosine of x, in radians.

    Derivative: x̄ -= ȳ · sin(x).

    >>> cos(tensor([0.0]))
    tensor([1.])
    """
    return np.cos(x)


@elementwise(lambda y: 1 + y * y, kernel=np.tan)
def tan(x: Operand) -> Any:
    """Tangent of x, in radians.

    Derivative: x̄ += ȳ · (1 + y²).

    >>> tan(tensor([0.0]))
    tensor([0.])
    """
    return np.tan(x)


@elementwise(lambda g, x: g / sqrt((1 - x) * (1 + x)), kernel=np.arcsin)
def arcsin(x: Operand) -> Any:
    """The angle in [-π/2, π/2] whose sine is x; NaN outside [-1, 1]. At ±1 the derivative is infinite.

    Derivative: x̄ += ȳ / √(1 - x²).

    >>> arcsin(tensor([0.0, 1.0]))
    tensor([0.       , 1.5707964])
    """
    return np.arcsin(x)


@elementwise(lambda g, x: -(g / sqrt((1 - x) * (1 + x))), kernel=np.arccos)
def arccos(x: Operand) -> Any:
    """The angle in [0, π] whose cosine is x; NaN outside [-1, 1]. At ±1 the derivative is -∞.

    Derivative: x̄ -= ȳ / √(1 - x²).

    >>> arccos(tensor([1.0, 0.0]))
    tensor([0.       , 1.5707964])
    """
    return np.arccos(x)


@elementwise(lambda g, x: g / (1 + x * x), kernel=np.arctan)
def arctan(x: Operand) -> Any:
    """The angle in [-π/2, π/2] whose tangent is x.

    Derivative: x̄ += ȳ / (1 + x²).

    >>> arctan(tensor([0.0, 1.0]))
    tensor([0.       , 0.7853982])
    """
    return np.arctan(x)


def _radius(x1: Any, x2: Any) -> Any:
    """√(x1² + x2²), with 1 at the origin, where something is divided by it."""
    r = hypot(x1, x2)
    return where(equal(r, 0), 1, r)


def _over_square(x: Any, r: Any) -> Any:
    """x / r², without overflow."""
    return x / r / r


@elementwise(
    lambda x1, x2: _over_square(x2, _radius(x1, x2)),
    lambda x1, x2: -_over_square(x1, _radius(x1, x2)),
)
def arctan2(x1: Operand, x2: Operand) -> Any:
    """The angle in [-π, π] of the point with ordinate x1 and abscissa x2, broadcasting.

    At the origin the derivative is taken as 0.

    Derivative: x̄1 += ȳ · x2 / (x1² + x2²), x̄2 -= ȳ · x1 / (x1² + x2²).

    >>> arctan2(tensor([1.0, 0.0]), tensor([0.0, 1.0]))
    tensor([1.5707964, 0.       ])
    """
    return np.arctan2(x1, x2)


@elementwise(lambda x1, y: x1 / where(equal(y, 0), 1, y), lambda x2, y: x2 / where(equal(y, 0), 1, y))
def hypot(x1: Operand, x2: Operand) -> Any:
    """√(x1² + x2²), broadcasting, without overflow. At the origin the derivative is taken as 0 (PyTorch has NaN there).

    Derivative: x̄1 += ȳ · x1 / y, x̄2 += ȳ · x2 / y.

    >>> hypot(tensor([3.0]), 4)
    tensor([5.])
    """
    return np.hypot(x1, x2)


# Hyperbolic functions


@elementwise(lambda x: np.cosh(x), kernel=np.sinh)
def sinh(x: Operand) -> Any:
    """Hyperbolic sine.

    Derivative: x̄ += ȳ · cosh(x).

    >>> sinh(tensor([0.0]))
    tensor([0.])
    """
    return np.sinh(x)


@elementwise(lambda x: np.sinh(x), kernel=np.cosh)
def cosh(x: Operand) -> Any:
    """Hyperbolic cosine.

    Derivative: x̄ += ȳ · sinh(x).

    >>> cosh(tensor([0.0]))
    tensor([1.])
    """
    return np.cosh(x)


def _tanh_rule(g: Any, y: Any) -> Any:
    return compute(special.tanh_vjp, g, y) if type(g) is np.ndarray else g * (1 - y * y)


@elementwise(_tanh_rule, kernel=np.tanh)
def tanh(x: Operand) -> Any:
    """Hyperbolic tangent.

    Derivative: x̄ += ȳ · (1 - y²).

    >>> tanh(tensor([0.0]))
    tensor([0.])
    """
    return np.tanh(x)


@elementwise(lambda g, x: g / hypot(x, 1), kernel=np.arcsinh)
def arcsinh(x: Operand) -> Any:
    """Inverse hyperbolic sine.

    Derivative: x̄ += ȳ / √(x² + 1).

    >>> arcsinh(tensor([0.0]))
    tensor([0.])
    """
    return np.arcsinh(x)


@elementwise(lambda g, x: g / (sqrt(x - 1) * sqrt(x + 1)), kernel=np.arccosh)  # type: ignore[has-type]
def arccosh(x: Operand) -> Any:
    """Inverse hyperbolic cosine, ≥ 0; NaN where x < 1. At 1 the derivative is infinite.

    Derivative: x̄ += ȳ / √(x² - 1).

    >>> arccosh(tensor([1.0]))
    tensor([0.])
    """
    return np.arccosh(x)


@elementwise(lambda g, x: g / ((1 - x) * (1 + x)), kernel=np.arctanh)
def arctanh(x: Operand) -> Any:
    """Inverse hyperbolic tangent; ±∞ at ±1, NaN beyond.

    Derivative: x̄ += ȳ / (1 - x²).

    >>> arctanh(tensor([0.0]))
    tensor([0.])
    """
    return np.arctanh(x)


# Special functions and activations


@elementwise(lambda x: 2 / math.sqrt(math.pi) * exp(-x * x), kernel=special.erf)  # type: ignore[operator]
def erf(x: Operand) -> Any:
    """The error function, (2/√π) ∫₀ˣ exp(-t²) dt.

    Derivative: x̄ += ȳ · (2/√π) exp(-x²).

    >>> erf(tensor([0.0, 1.0]))
    tensor([0.       , 0.8427008])
    """
    return special.erf(x)


@elementwise(lambda y: math.sqrt(math.pi) / 2 * exp(y * y))  # type: ignore[operator]
def erfinv(x: Operand) -> Any:
    """The y with erf(y) = x; ±∞ at ±1, NaN beyond.

    Derivative: x̄ += ȳ · (√π/2) exp(y²).

    Source: M. J. Wichura, algorithm AS 241, Applied Statistics 37 (1988).

    >>> erfinv(tensor([0.0, 0.5]))
    tensor([0.        , 0.47693628])
    """
    return special.erfinv(x)


def _ndtr_rule(g: Any, x: Any) -> Any:
    if type(g) is np.ndarray:
        return compute(special.ndtr_vjp, g, x)
    return g * (exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)))


@elementwise(_ndtr_rule, kernel=special.ndtr)
def ndtr(x: Operand) -> Any:
    """Φ(x) = (1 + erf(x/√2)) / 2, the distribution function of the standard normal distribution.

    The error is a few roundings of 1, not of Φ(x) where that is small.

    Derivative: x̄ += ȳ · exp(-x²/2) / √(2π).

    >>> ndtr(tensor([0.0, 1.0]))
    tensor([0.5       , 0.84134483])
    """
    return special.ndtr(x)


def _sigmoid_rule(g: Any, y: Any) -> Any:
    return compute(special.sigmoid_vjp, g, y) if type(g) is np.ndarray else g * (y * (1 - y))


@elementwise(_sigmoid_rule, kernel=special.sigmoid)
def sigmoid(x: Operand) -> Any:
    """σ(x) = 1 / (1 + e⁻ˣ), without overflow.

    Derivative: x̄ += ȳ · y(1 - y).

    >>> sigmoid(tensor([-1000.0, 0.0, 1000.0]))
    tensor([0. , 0.5, 1. ])
    """
    return special.sigmoid(x)


def _difference(x1: Any, x2: Any) -> Any:
    """x1 - x2, with 0 between equal infinities."""
    return where(logical_and(equal(x1, x2), isinf(x1)), 0, subtract(x1, x2))


@elementwise(lambda x1, x2: sigmoid(_difference(x1, x2)), lambda x1, x2: sigmoid(_difference(x2, x1)))
def logaddexp(x1: Operand, x2: Operand) -> Any:
    """log(eˣ¹ + eˣ²), broadcasting, without overflow. Equal infinities share the cotangent (PyTorch has NaN there).

    Derivative: x̄1 += ȳ · σ(x1 - x2), x̄2 += ȳ · σ(x2 - x1).

    >>> logaddexp(tensor([1000.0, 0.0]), -np.inf)
    tensor([1000.,    0.])
    """
    with np.errstate(invalid="ignore"):  # of equal infinities
        return compute(special.logaddexp, x1, x2, least=1 << 15)


@elementwise(lambda x: sigmoid(x), kernel=special.softplus)
def softplus(x: Operand) -> Any:
    """log(1 + eˣ), without overflow.

    Derivative: x̄ += ȳ · σ(x).

    >>> softplus(tensor([-1000.0, 1000.0]))
    tensor([   0., 1000.])
    """
    return special.softplus(x)


def _relu_rule(g: Any, y: Any) -> Any:
    return compute(keep_where_positive, y, g, least=1 << 19) if type(g) is np.ndarray else where(greater(y, 0), g, 0)


@elementwise(_relu_rule, later=lambda x: then(positive_part, x))
def relu(x: Operand) -> Any:
    """max(x, 0). At 0, where it has a kink, the derivative is taken as 0.

    Derivative: x̄ += where(x > 0, ȳ, 0).

    >>> relu(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return compute(positive_part, x, least=VERY_LARGE)


# Choosing


def _share(g: Any, other: Any, chosen: Any) -> Any:
    """`g` where `chosen` is not less than `other`, and half of it where the two are equal."""
    if type(g) is np.ndarray and g.size >= 256:
        return compute(_shared, g, other, chosen)
    return where(less(chosen, other), 0, where(equal(chosen, other), g / 2, g))


def _shared(g: Array, other: Any, chosen: Any, out: Array | None = None) -> Any:
    y = keep_where(np.logical_not(np.less(chosen, other)), g, out)
    ties = np.equal(chosen, other)
    return np.multiply(y, np.where(ties, 0.5, 1).astype(y.dtype), out=y) if ties.any() else y


@elementwise(lambda g, x1, x2: _share(g, x2, x1), lambda g, x1, x2: _share(g, x1, x2))
def maximum(x1: Operand, x2: Operand) -> Any:
    """The greater of x1 and x2, broadcasting; NaN where one of them is. A tie gives each half of the cotangent.

    Derivative: x̄1 += where(x1 > x2, ȳ, 0), x̄2 += where(x2 > x1, ȳ, 0), and ȳ/2 to both where x1 = x2.

    >>> maximum(tensor([1.0, 5.0]), 3)
    tensor([3., 5.])
    """
    return np.maximum(x1, x2)


@elementwise(lambda g, x1, x2: _share(g, x1, x2), lambda g, x1, x2: _share(g, x2, x1))
def minimum(x1: Operand, x2: Operand) -> Any:
    """The lesser of x1 and x2, broadcasting; NaN where one of them is. A tie gives each half of the cotangent.

    Derivative: x̄1 += where(x1 < x2, ȳ, 0), x̄2 += where(x2 < x1, ȳ, 0), and ȳ/2 to both where x1 = x2.

    >>> minimum(tensor([1.0, 5.0]), 3)
    tensor([1., 3.])
    """
    return np.minimum(x1, x2)


@elementwise(None, Masked(lambda condition: condition), Masked(lambda condition: logical_not(condition)))
def where(condition: Operand, x1: Operand, x2: Operand) -> Any:
    """x1 where `condition` holds, x2 elsewhere, broadcasting.

    Derivative: x̄1 += where(condition, ȳ, 0), x̄2 += where(condition, 0, ȳ).

    >>> where(np.array([True, False]), tensor([1.0, 2.0]), 0)
    tensor([1., 0.])
    """
    if isinstance(condition, np.ndarray) and condition.dtype != np.bool_:
        condition = condition != 0
    return compute(choose, condition, x1, x2)


def clip(x: Operand, min: Operand | None = None, max: Operand | None = None, *, inclusive: bool = True) -> Any:
    """x kept between `min` and `max`: None (no bound), numbers or arrays, broadcasting. `max` where min > max.

    On a bound, where it has a kink, the derivative with respect to x is taken as 1 and that to the bound as 0; the
    other way round unless `inclusive`. Raises ValueError if both bounds are None.

    Derivative: x̄ += where(min ≤ x ≤ max, ȳ, 0), min̄ += where(x < min < max, ȳ, 0),
    max̄ += where(x > max or min > max, ȳ, 0).

    >>> clip(tensor([-1.0, 0.5, 2.0]), 0, 1)
    tensor([0. , 0.5, 1. ])
    """
    if min is None and max is None:
        raise ValueError("clip: wants min or max, got None for both")
    return (_clip if inclusive else _clip_exclusive)(x, min, max)


def _within(x: Any, min: Any, max: Any) -> Any:
    """Where x passes its cotangent on: not where it is NaN, as in PyTorch's clamp."""
    if min is None:
        return less_equal(x, max)
    return greater_equal(x, min) if max is None else logical_and(greater_equal(x, min), less_equal(x, max))


def _below(x: Any, min: Any, max: Any) -> Any:
    return less(x, min) if max is None else logical_and(less(x, min), less(min, max))


def _above(x: Any, min: Any, max: Any) -> Any:
    return greater(x, max) if min is None else logical_or(greater(x, max), greater(min, max))


@elementwise(Masked(_within), Masked(_below), Masked(_above))
def _clip(x: Any, min: Any, max: Any) -> Any:
    """Derivative: x̄ += where(min ≤ x ≤ max, ȳ, 0), min̄ += where(x < min < max, ȳ, 0),
    max̄ += where(x > max or min > max, ȳ, 0).
    """
    return compute(np.clip, x, min, max, least=VERY_LARGE)


def _between(y: Any, min: Any, max: Any) -> Any:
    """Where x passes its cotangent on if bounds are excluded: also where it is NaN, as in PyTorch's hardtanh."""
    if isinstance(min, (int, float)) and isinstance(max, (int, float)) and min < max:
        return equal(less_equal(y, min), greater_equal(y, max))  # both are false
    return logical_not(logical_or(min is not None and less_equal(y, min), max is not None and greater_equal(y, max)))


def _on_min(y: Any, min: Any, max: Any) -> Any:
    return less_equal(y, min) if max is None else logical_and(less_equal(y, min), less(min, max))


def _on_max(y: Any, min: Any, max: Any) -> Any:
    return greater_equal(y, max) if min is None else logical_or(greater_equal(y, max), greater(min, max))


@elementwise(Masked(_between), Masked(_on_min), Masked(_on_max), later=lambda x, min, max: then(np.clip, x, min, max))
def _clip_exclusive(x: Any, min: Any, max: Any) -> Any:
    """Derivative: x̄ += where(min < y < max, ȳ, 0), min̄ += where(y ≤ min < max, ȳ, 0),
    max̄ += where(y ≥ max or min > max, ȳ, 0).
    """
    return compute(np.clip, x, min, max, least=VERY_LARGE)


# Rounding and conversion


@elementwise(0)
def floor(x: Operand) -> Any:
    """The largest integer ≤ x, in the dtype of x.

    Derivative: 0, also where it jumps.

    >>> floor(tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """
    return np.floor(x)


@elementwise(0)
def ceil(x: Operand) -> Any:
    """The smallest integer ≥ x, in the dtype of x.

    Derivative: 0, also where it jumps.

    >>> ceil(tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """
    return np.ceil(x)


@elementwise(0)
def trunc(x: Operand) -> Any:
    """x without its fractional part, in the dtype of x.

    Derivative: 0, also where it jumps.

    >>> trunc(tensor([1.5, -1.5]))
    tensor([ 1., -1.])
    """
    return np.trunc(x)


@elementwise(0)
def round(x: Operand, decimals: int = 0) -> Any:
    """x rounded to so many decimals (before the point, if negative), halves to even.

    Derivative: 0, also where it jumps.

    >>> round(tensor([0.5, 1.5, 2.25]))
    tensor([0., 2., 2.])
    """
    return np.round(x, decimals)


def astype(x: Operand, dtype: npt.DTypeLike, copy: bool = True) -> Any:
    """x with its values converted to `dtype`; `x` itself if it has that dtype and `copy` is False.

    A conversion to a floating dtype is recorded; the cotangent is converted back. One to integers or booleans has no
    derivative: nothing is recorded. Raises TypeError for what is not a dtype.

    Derivative: x̄ += ȳ.

    >>> astype(tensor([1.9, 2.0]), int)
    tensor([1, 2])
    """
    wanted = np.dtype(dtype)
    if not copy and isinstance(x, (Tensor, np.ndarray)) and x.dtype == wanted:
        return x
    return _cast(x, wanted) if wanted.kind == "f" else _discretize(x, wanted)


@linear(lambda g: g)
def _cast(x: Array, dtype: np.dtype[Any]) -> Any:
    """`x` in another floating dtype.

    Derivative: x̄ += ȳ, in the dtype of x.
    """
    return np.asarray(x).astype(dtype)


@nondifferentiable()
def _discretize(x: Array, dtype: np.dtype[Any]) -> Any:
    return np.asarray(x).astype(dtype)


# Names of the array API

acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh
pow = power
