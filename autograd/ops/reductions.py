"""Reductions over axes, running sums and products, and what normalises along axes: softmax and standardize.

Throughout, `axis` is an int, a tuple of ints or None for all axes, negative ones counting from the end; over the empty
tuple each element is reduced by itself. With `keepdims` the reduced axes stay, with length 1.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array
from autograd.graph import Bundle
from autograd.kernels import normalize
from autograd.kernels import softmax as kernel
from autograd.kernels.combination import Combination
from autograd.kernels.reduce import LARGE, total, total_product
from autograd.ops.axes import Axis, kept_shape, normalize_axes, normalize_axis, shape_of
from autograd.ops.comparison import equal
from autograd.ops.elementwise import abs, astype, exp, power, sign, sqrt, where
from autograd.ops.shaping import broadcast_to, flip, moveaxis, ravel, reshape
from autograd.primitive import Operand, linear, nondifferentiable, primitive
from autograd.tensor import Tensor

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "diff",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "min",
    "moments",
    "norm",
    "prod",
    "softmax",
    "standardize",
    "std",
    "sum",
    "var",
]

Axes = tuple[int, ...]

_MOST_HALF = float(np.finfo(np.float16).max)


def sum(x: Operand, axis: Axis = None, keepdims: bool = False, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Sum over `axis`; 0 over an empty one. With a `dtype`, of `x` brought to it first.

    Raises AxisError for an axis that `x` does not have, ValueError for one given twice.

    Derivative: x̄ += ȳ, broadcast along the summed axes.

    >>> sum(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """
    return _sum(_brought(x, dtype), normalize_axes("sum", axis, len(shape_of(x))), keepdims)


@linear(lambda g, x_shape, axis: _spread(g, x_shape, axis))
def _sum(x: Array, axis: Axes, keepdims: bool) -> Any:
    return _total(x, axis, keepdims)


def mean(x: Operand, axis: Axis = None, keepdims: bool = False, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Arithmetic mean over `axis`, of n elements; NaN (and NumPy's RuntimeWarning) over an empty one.

    `dtype` is as `sum` has it. Raises as `sum` does.

    Derivative: x̄ += ȳ / n, broadcast along the reduced axes.

    >>> mean(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    tensor([1.5, 3.5])
    """
    return _mean(_brought(x, dtype), normalize_axes("mean", axis, len(shape_of(x))), keepdims)


@linear(lambda g, x_shape, axis: _spread(_divided(g, _count(x_shape, axis)), x_shape, axis))
def _mean(x: Array, axis: Axes, keepdims: bool) -> Any:
    x = np.asarray(x)
    if x.dtype.char not in "fd":
        return np.mean(x, axis=axis, keepdims=keepdims)
    return _total(x, axis, keepdims) / _count(x.shape, axis)


def prod(x: Operand, axis: Axis = None, keepdims: bool = False, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Product over `axis`; 1 over an empty one. The derivatives hold where elements are zero, too.

    `dtype` is as `sum` has it. Raises as `sum` does.

    Derivative: x̄ᵢ += ȳ · ∏ⱼ≠ᵢ xⱼ.

    >>> prod(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    tensor([ 2., 12.])
    """
    return _prod(_brought(x, dtype), normalize_axes("prod", axis, len(shape_of(x))), keepdims)


def _prod_of_others(x: Any, axis: Axes) -> Any:
    """For each element, the product of all others along `axis`."""
    front = tuple(range(len(axis)))
    moved = moveaxis(x, axis, front)
    others = _others(reshape(moved, (_count(x.shape, axis), *moved.shape[len(axis) :])))
    return moveaxis(reshape(others, moved.shape), front, axis)


def _others(x: Any) -> Any:
    """The products of all other elements along axis 0, by halving: n multiplications up, 2 n down, and no division."""
    half = len(x) // 2
    if not half:
        return np.ones_like(x)
    left, right, odd = x[:half], x[half : 2 * half], x[2 * half :]
    outside = _others(np.concatenate([left * right, odd]))
    return np.concatenate([outside[:half] * right, outside[:half] * left, outside[half:]])


@primitive(
    vjps=[lambda g, x, axis: reshape(g, kept_shape(x.shape, axis)) * _prod_of_others(x, axis)],
    jvps=[lambda g, x, axis, keepdims: _sum(g * _prod_of_others(x, axis), axis, keepdims)],
)
def _prod(x: Array, axis: Axes, keepdims: bool) -> Any:
    return np.prod(x, axis=axis, keepdims=keepdims)


def max(x: Operand, axis: Axis = None, keepdims: bool = False, *, ties: str = "share") -> Tensor:
    """Largest element over `axis`; NaN if there is one. `amax` is another name for it.

    Where several elements are largest, they share the gradient equally, as in PyTorch's `amax`; with ties="first" the
    first one takes it all, in C order over the reduced axes, as in PyTorch's max pooling. NaNs count as the largest.

    Raises as `sum` does; ValueError over an empty axis.

    Derivative: x̄ += ȳ / m where x is one of m largest elements, 0 elsewhere.

    >>> x = tensor([[1.0, 2.0], [4.0, 4.0]], requires_grad=True)
    >>> max(x, axis=1)
    tensor([2., 4.], grad_fn=<max>)
    >>> max(x).backward()
    >>> x.grad
    tensor([[0. , 0. ],
            [0.5, 0.5]])
    """
    return _max(x, _extremum_axes("max", shape_of(x), axis, ties), keepdims, ties)


def min(x: Operand, axis: Axis = None, keepdims: bool = False, *, ties: str = "share") -> Tensor:
    """Smallest element over `axis`; NaN if there is one. `amin` is another name for it.

    Ties and errors are those of `max`.

    Derivative: x̄ += ȳ / m where x is one of m smallest elements, 0 elsewhere.

    >>> min(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    tensor([1., 3.])
    """
    return _min(x, _extremum_axes("min", shape_of(x), axis, ties), keepdims, ties)


amax, amin = max, min


def _extremum_axes(op: str, shape: Axes, axis: Axis, ties: str) -> Axes:
    if ties not in ("share", "first"):
        raise ValueError(f"{op}: ties has to be 'share' or 'first', got {ties!r}")
    axes = tuple(sorted(normalize_axes(op, axis, len(shape))))
    refuse_empty(op, shape, axes)
    return axes


def refuse_empty(op: str, shape: Axes, axes: Axes) -> None:
    if 0 in (shape[a] for a in axes):
        raise ValueError(f"{op}: an empty reduction has no {op}; given shape {shape}, to be reduced over axes {axes}")


@nondifferentiable(inputs=2)
def _extremal(x: Array, y: Array, axis: Axes, first: bool) -> Any:
    """Where x has the extreme value y of its reduction (only the first place, with `first`), and in how many places."""
    y = np.reshape(y, kept_shape(x.shape, axis))
    chosen = _equal(x, y, axis)
    if np.isnan(y).any():
        chosen |= np.isnan(x)
    if first:
        return _first(chosen, axis), np.ones_like(y)
    return chosen, np.add.reduce(chosen, axis=axis, keepdims=True, dtype=x.dtype)


def _extremum_vjp(g: Any, x: Any, y: Any, axis: Axes, ties: str) -> Any:
    chosen, count = _extremal(x, y, axis, ties == "first")
    return where(chosen, reshape(g, count.shape) / count, 0)


def _extremum_jvp(g: Any, x: Any, y: Any, axis: Axes, keepdims: bool, ties: str) -> Any:
    chosen, count = _extremal(x, y, axis, ties == "first")
    return _sum(where(chosen, g / count, 0), axis, keepdims)


@primitive(vjps=[_extremum_vjp], jvps=[_extremum_jvp])
def _max(x: Array, axis: Axes, keepdims: bool, ties: str) -> Any:
    return _folded(np.maximum, np.asarray(x), axis, keepdims)


@primitive(vjps=[_extremum_vjp], jvps=[_extremum_jvp])
def _min(x: Array, axis: Axes, keepdims: bool, ties: str) -> Any:
    return _folded(np.minimum, np.asarray(x), axis, keepdims)


def var(
    x: Operand, axis: Axis = None, keepdims: bool = False, *, correction: float = 0, ddof: float | None = None
) -> Tensor:
    """Variance over `axis`: the sum of squared deviations from the mean, divided by n - correction.

    The default correction is 0, as in NumPy and the array API (PyTorch's is 1); `ddof` is NumPy's name for it. NaN or
    infinity (and a RuntimeWarning) where n - correction is not positive. Raises as `sum` does.

    Derivative: x̄ += ȳ · 2 (x - mean) / (n - correction).

    >>> var(tensor([1.0, 3.0]))
    tensor(1.)
    >>> var(tensor([1.0, 3.0]), correction=1)
    tensor(2.)
    """
    axes = normalize_axes("var", axis, len(shape_of(x)))
    return _var(x, axes, keepdims, correction if ddof is None else ddof)


def std(
    x: Operand, axis: Axis = None, keepdims: bool = False, *, correction: float = 0, ddof: float | None = None
) -> Tensor:
    """Standard deviation over `axis`, the square root of `var`, whose parameters it has.

    Where it is 0, the derivative is taken as 0, as in PyTorch.

    Derivative: x̄ += ȳ · (x - mean) / ((n - correction) · y).

    >>> std(tensor([1.0, 3.0]))
    tensor(1.)
    """
    axes = normalize_axes("std", axis, len(shape_of(x)))
    return _std(x, axes, keepdims, correction if ddof is None else ddof)


def _centred(x: Any, axis: Axes) -> Any:
    return x - _mean(x, axis, True)


def _freedom(shape: Axes, axis: Axes, correction: float) -> float:
    """The divisor of a variance; 0 rather than negative, as in NumPy."""
    return np.maximum(_count(shape, axis) - correction, 0).item()


def _var_vjp(g: Any, x: Any, axis: Axes, correction: float) -> Any:
    scale = _divided(reshape(g, kept_shape(x.shape, axis)) * 2, _freedom(x.shape, axis, correction))
    return _centred(x, axis) * scale


def _var_jvp(g: Any, x: Any, axis: Axes, keepdims: bool, correction: float) -> Any:
    return _divided(_sum(_centred(x, axis) * g, axis, keepdims) * 2, _freedom(x.shape, axis, correction))


@primitive(vjps=[_var_vjp], jvps=[_var_jvp])
def _var(x: Array, axis: Axes, keepdims: bool, correction: float) -> Any:
    x = np.asarray(x)
    if x.dtype.char not in "fd":
        return np.var(x, axis=axis, ddof=correction, keepdims=keepdims)
    deviation = x - _total(x, axis, True) / _count(x.shape, axis)
    deviation *= deviation
    return _total(deviation, axis, keepdims) / _freedom(x.shape, axis, correction)


def _std_vjp(g: Any, x: Any, y: Any, axis: Axes, correction: float) -> Any:
    scale = _divided(_quotient(g, y), _freedom(x.shape, axis, correction))
    return _centred(x, axis) * reshape(scale, kept_shape(x.shape, axis))


def _std_jvp(g: Any, x: Any, y: Any, axis: Axes, keepdims: bool, correction: float) -> Any:
    return _divided(_quotient(_sum(_centred(x, axis) * g, axis, keepdims), y), _freedom(x.shape, axis, correction))


@primitive(vjps=[_std_vjp], jvps=[_std_jvp])
def _std(x: Array, axis: Axes, keepdims: bool, correction: float) -> Any:
    return np.sqrt(_var(x, axis, keepdims, correction))


def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log Σ exp(x) over `axis`, without overflow; -inf over an empty axis and where all elements are -inf.

    There the derivative is taken as 0 (in PyTorch it is NaN). Raises as `sum` does.

    Derivative: x̄ += ȳ · exp(x - y), which is ȳ · softmax(x).

    >>> logsumexp(tensor([1000.0, 1000.0]))
    tensor(1000.6932)
    """
    return _logsumexp(x, normalize_axes("logsumexp", axis, len(shape_of(x))), keepdims)


def _logsumexp_slope(x: Any, y: Any, axis: Axes) -> Any:
    return exp(x - reshape(where(equal(y, -np.inf), 0, y), kept_shape(x.shape, axis)))


@primitive(
    vjps=[lambda g, x, y, axis: _logsumexp_slope(x, y, axis) * reshape(g, kept_shape(x.shape, axis))],
    jvps=[lambda g, x, y, axis, keepdims: _sum(_logsumexp_slope(x, y, axis) * g, axis, keepdims)],
)
def _logsumexp(x: Array, axis: Axes, keepdims: bool) -> Any:
    if _large(x) and (result := kernel.logsumexp(x, axis)) is not None:
        return result if keepdims else np.squeeze(result, axis)
    shifted, largest = _shifted(x, axis)
    with np.errstate(divide="ignore", over="ignore"):
        y = np.log(_total(np.exp(shifted, out=shifted), axis, True)) + largest
    return y if keepdims else np.squeeze(y, axis)


def softmax(x: Operand, axis: Axis = -1) -> Tensor:
    """exp(x) / Σ exp(x) over `axis`, without overflow: positive, with sum 1.

    NaN where all elements are -inf, as in PyTorch; beside a +inf 0, and NaN at it alone, where PyTorch has NaN
    throughout. Raises as `sum` does.

    Derivative: x̄ += y · (ȳ - Σ ȳ y).

    >>> softmax(tensor([[0.0, 0.0], [1000.0, 0.0]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]])
    """
    return _softmax(x, normalize_axes("softmax", axis, len(shape_of(x))))


def _softmax_rule(g: Any, y: Any, axis: Axes) -> Any:
    if _large(g, y) and (contribution := kernel.softmax_rule(g, y, axis)) is not None:
        return contribution
    weighted = g * y
    return weighted - y * _sum(weighted, axis, True)


@primitive(vjps=[_softmax_rule], jvps=[_softmax_rule])
def _softmax(x: Array, axis: Axes) -> Any:
    if _large(x) and (result := kernel.softmax(x, axis)) is not None:
        return result
    y, _ = _shifted(x, axis)
    np.exp(y, out=y)
    y /= _total(y, axis, True)
    return y


def log_softmax(x: Operand, axis: Axis = -1) -> Tensor:
    """log softmax(x) over `axis`, x - logsumexp(x), without overflow.

    NaN where all elements are -inf, as in PyTorch; beside a +inf -inf, and NaN at it alone, where PyTorch has NaN
    throughout. Raises as `sum` does.

    Derivative: x̄ += ȳ - exp(y) · Σ ȳ.

    >>> log_softmax(tensor([1000.0, 0.0]))
    tensor([    0., -1000.])
    """
    return _log_softmax(x, normalize_axes("log_softmax", axis, len(shape_of(x))))


def _log_softmax_vjp(g: Any, y: Any, axis: Axes) -> Any:
    if _large(g, y) and (contribution := kernel.log_softmax_vjp(g, y, axis)) is not None:
        return contribution
    return g - exp(y) * _sum(g, axis, True)


@primitive(
    vjps=[_log_softmax_vjp],
    jvps=[lambda g, y, axis: g - _sum(exp(y) * g, axis, True)],
)
def _log_softmax(x: Array, axis: Axes) -> Any:
    if _large(x) and (result := kernel.log_softmax(x, axis)) is not None:
        return result
    y, _ = _shifted(x, axis)
    with np.errstate(divide="ignore"):
        y -= np.log(_total(np.exp(y), axis, True))
    return y


def moments(x: Operand, axis: Axis = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The mean and the variance (correction 0) over `axis`, of n elements: `mean` and `var` in one, for less.

    Of complex numbers it is the mean of (x - mean)², not of |x - mean|²: that is what complex steps can differentiate.
    Raises as `sum` does.

    Derivative: x̄ += m̄ean / n + v̄ar · 2 (x - mean) / n.

    >>> moments(tensor([[1.0, 3.0], [2.0, 6.0]]), axis=1)
    (tensor([2., 4.]), tensor([1., 4.]))
    """
    shape = shape_of(x)
    axes = normalize_axes("moments", axis, len(shape))
    mean, var = _moments(x, axes)
    if keepdims:
        return mean, var
    left = tuple(n for i, n in enumerate(shape) if i not in axes)
    return reshape(mean, left), reshape(var, left)


def _moments_vjp(g: Bundle, x: Any, y: Any, axis: Axes) -> Any:
    of_mean, of_variance = g
    mean, n = y[0], _count(x.shape, axis)
    if of_variance is None:
        return broadcast_to(_divided(of_mean, n), x.shape)
    slope = of_variance * (2 / n)
    if _large(x):
        shift = -mean * slope if of_mean is None else _divided(of_mean, n) - mean * slope
        return Combination((x, slope), (shift, None))
    share = (x - mean) * slope
    return share if of_mean is None else share + _divided(of_mean, n)


@primitive(
    vjps=[_moments_vjp],
    jvps=[lambda g, x, y, axis: (_mean(g, axis, True), _mean((x - y[0]) * g, axis, True) * 2)],
)
def _moments(x: Array, axis: Axes) -> Any:
    x = _floating(x)
    if _large(x) and (result := normalize.moments(x, axis)) is not None:
        return result
    mean = _mean(x, axis, True)
    return mean, _mean(np.square(x - mean), axis, True)


def standardize(x: Operand, axis: Axis, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """y = (x - mean) / √(var + eps) over `axis`, and the mean and variance (correction 0) that it took: (y, mean, var).

    `mean` and `var` keep the reduced axes with length 1; all three are differentiable. Layer, batch, group and instance
    normalisation are made of this. Complex numbers are taken as by `moments`. Raises as `sum` does.

    Derivative, with s = √(var + eps): x̄ += (ȳ - mean(ȳ) - y · mean(ȳ y)) / s + m̄ean / n + v̄ar · 2 s y / n.

    Source: S. Ioffe and C. Szegedy, "Batch normalization", arXiv:1502.03167, 2015, section 3.

    >>> y, mean, var = standardize(tensor([[1.0, 3.0], [2.0, 6.0]]), axis=1, eps=0)
    >>> y
    tensor([[-1.,  1.],
            [-1.,  1.]])
    >>> mean, var
    (tensor([[2.],
             [4.]]), tensor([[1.],
             [4.]]))
    """
    return _standardize(x, normalize_axes("standardize", axis, len(shape_of(x))), eps)


def _standardize_vjp(g: Bundle, y: Any, axis: Axes, eps: float) -> Any:
    normal, _, variance = y
    of_normal, of_mean, of_variance = g
    n = _count(normal.shape, axis)
    parts = []
    if of_normal is not None:
        parts.append(_normal_vjp(of_normal, normal, variance, axis, eps))
    if of_mean is not None:
        parts.append(broadcast_to(_divided(of_mean, n), normal.shape))
    if of_variance is not None:
        parts.append(normal * _divided(of_variance * sqrt(variance + eps) * 2, n))
    return reduce(add, parts)


def _normal_vjp(g: Any, y: Any, variance: Any, axis: Axes, eps: float) -> Any:
    if _large(g, y) and (contribution := normalize.standardize_adjoint(g, y, variance, axis, eps)) is not None:
        return contribution
    slope = _mean(g * y, axis, True)
    return (g - (y * slope + _mean(g, axis, True))) * (1 / sqrt(variance + eps))


def _standardize_jvp(g: Any, y: Any, axis: Axes, eps: float) -> Any:
    normal, _, variance = y
    spread = sqrt(variance + eps)
    of_mean = _mean(g, axis, True)
    slope = _mean(g * normal, axis, True)
    return (g - (normal * slope + of_mean)) / spread, of_mean, slope * spread * 2


@primitive(vjps=[_standardize_vjp], jvps=[_standardize_jvp])
def _standardize(x: Array, axis: Axes, eps: float) -> Any:
    x = _floating(x)
    if _large(x) and (result := normalize.standardize(x, axis, eps)) is not None:
        return result
    mean = _mean(x, axis, True)
    y = x - mean
    variance = _mean(np.square(y), axis, True)
    y *= 1 / np.sqrt(variance + eps)
    return y, mean, variance


def norm(x: Operand, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Vector norm over `axis`: (Σ |x|ᵖ)^(1/p) for ord = p; the number of nonzeros for 0, max or min |x| for ±inf.

    None and 'fro' are the 2-norm of all elements, over any number of axes. As in NumPy, any other `ord` is a vector
    norm over one axis only; over two it would be a matrix norm, for which there is `matrix_norm`. Raises ValueError for
    these and for an unknown `ord`; AxisError as `sum` does.

    Derivative: x̄ += ȳ · sign(x) · (|x| / y)^(p - 1), which is ȳ · x / y for p = 2; 0 at a zero vector.

    For ±inf the elements that attain the norm share it equally.

    >>> norm(tensor([3.0, 4.0]))
    tensor(5.)
    >>> norm(tensor([[3.0, -4.0], [1.0, 1.0]]), ord=1, axis=1)
    tensor([7., 2.])
    """
    if getattr(x, "dtype", None) == np.float16:  # squares overflow from 256 and vanish below 2e-4
        return astype(norm(astype(x, np.float32), ord, axis, keepdims), np.float16)
    shape = shape_of(x)
    axes = normalize_axes("norm", axis, len(shape))
    if ord is None or ord == "fro":
        return _norm(x, axes, keepdims, 2.0)
    if isinstance(ord, str) and ord != "nuc":
        raise ValueError(f"norm: ord has to be None, 'fro' or a number, got {ord!r}")
    if isinstance(ord, str) or len(axes) == 2:
        raise ValueError(
            f"norm: ord={ord} over axes {axes} is a matrix norm; use matrix_norm(x, ord), or norm(ravel(x), ord) for "
            f"that of all elements, which PyTorch's norm is"
        )
    if len(axes) != 1:
        raise ValueError(
            f"norm: ord={ord} is a norm over one axis, got axes {axes} for shape {shape}; use norm(ravel(x), ord) for "
            f"that of all elements"
        )
    if not isinstance(x, Tensor):
        x = np.asarray(x)
    if x.dtype.kind in "bui":
        x = astype(x, np.float64)
    if ord == np.inf:
        return max(abs(x), axes, keepdims)
    if ord == -np.inf:
        return min(abs(x), axes, keepdims)
    if ord == 1:
        return _sum(abs(x), axes, keepdims)
    if ord == 0:
        return _nonzeros(x, axes, keepdims)
    return _norm(x, axes, keepdims, float(ord))


def _norm_slope(x: Any, y: Any, ord: float, scale: Any) -> Any:
    """`scale` times the gradient of a norm y of x."""
    if ord == 2:
        return x * _quotient(scale, y)
    none = equal(y, 0)
    factor = where(none, 0, scale * power(where(none, 1, y), 1 - ord))
    return sign(x) * power(where(equal(x, 0), 1, abs(x)), ord - 1) * factor


def _norm_vjp(g: Any, x: Any, y: Any, axis: Axes, ord: float) -> Any:
    shape = kept_shape(x.shape, axis)
    return _norm_slope(x, reshape(y, shape), ord, reshape(g, shape))


def _norm_jvp(g: Any, x: Any, y: Any, axis: Axes, keepdims: bool, ord: float) -> Any:
    return _sum(_norm_slope(x, reshape(y, kept_shape(x.shape, axis)), ord, 1) * g, axis, keepdims)


@primitive(vjps=[_norm_vjp], jvps=[_norm_jvp])
def _norm(x: Array, axis: Axes, keepdims: bool, ord: float) -> Any:
    x = _floating(np.abs(x) if np.iscomplexobj(x) else x)
    if ord == 2 and _large(x):
        y = np.sqrt(total_product(x, x, axis))
        return y if keepdims else np.squeeze(y, axis)
    if ord == 2:
        return np.sqrt(_total(np.square(x), axis, keepdims))
    with np.errstate(divide="ignore"):
        return _total(np.abs(x) ** ord, axis, keepdims) ** (1 / ord)


@nondifferentiable()
def _nonzeros(x: Array, axis: Axes, keepdims: bool) -> Any:
    x = _floating(x)
    return _total((x != 0).astype(x.dtype), axis, keepdims)


def cumsum(x: Operand, axis: int | None = None, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Running sums along `axis`; along the flattened `x` for None. `dtype` is as `sum` has it.

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += running sums of ȳ from the end.

    >>> cumsum(tensor([1.0, 2.0, 3.0]))
    tensor([1., 3., 6.])
    """
    return _cumsum(*_along("cumsum", _brought(x, dtype), axis))


@linear(lambda g, axis: flip(_cumsum(flip(g, axis), axis), axis))
def _cumsum(x: Array, axis: int) -> Any:
    return np.cumsum(x, axis=axis)


def diff(x: Operand, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along `axis`, x[i+1] - x[i], taken `n` times: shorter by `n`.

    Raises AxisError for an axis that `x` does not have, ValueError for a negative `n`.

    Derivative: x̄ᵢ += ȳᵢ₋₁ - ȳᵢ, for n = 1.

    >>> diff(tensor([1.0, 4.0, 9.0, 16.0]))
    tensor([3., 5., 7.])
    """
    if n < 0:
        raise ValueError(f"diff: n has to be at least 0, got {n}")
    axis = normalize_axis("diff", axis, len(shape_of(x)))
    along = (slice(None),) * axis
    y: Any = x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x)
    for _ in range(n):
        y = y[(*along, slice(1, None))] - y[(*along, slice(None, -1))]
    return y


def cumprod(x: Operand, axis: int | None = None, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Running products along `axis`; along the flattened `x` for None. `dtype` is as `sum` has it.

    The derivatives hold where elements are zero, too. Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ᵢ += Σₖ≥ᵢ ȳₖ · ∏ⱼ≤ₖ, ⱼ≠ᵢ xⱼ.

    >>> cumprod(tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 6.])
    """
    return _cumprod(*_along("cumprod", _brought(x, dtype), axis))


def _along(op: str, x: Operand, axis: int | None) -> tuple[Any, int]:
    if axis is None:
        return ravel(x), 0
    return x, normalize_axis(op, axis, len(shape_of(x)))


def _recurrence(a: Any, b: Any) -> Any:
    """s₀ = b₀, sₖ = bₖ + aₖ sₖ₋₁ along axis 0, by doubling the span that each step covers."""
    span = 1
    while span < len(b):
        b = np.concatenate([b[:span], b[span:] + a[span:] * b[:-span]])
        a = np.concatenate([a[:span], a[span:] * a[:-span]])
        span *= 2
    return b


def _times_previous(x: Any, y: Any) -> Any:
    """x₀, and xₖ yₖ₋₁ after it."""
    return np.concatenate([x[:1], x[1:] * y[:-1]])


def _cumprod_vjp(g: Any, x: Any, y: Any, axis: int) -> Any:
    g, x, y = (moveaxis(z, axis, 0) for z in (g, x, y))
    cotangent = _by_division if type(g) is np.ndarray and g.dtype.char in "fd" else _by_recurrence
    return moveaxis(cotangent(g, x, y), 0, axis)


def _by_division(g: Array, x: Array, y: Array) -> Array:
    """Σₖ≥ᵢ ȳₖ yₖ / xᵢ; by recurrence in lines where that overflows, or an element is so small that products which have
    underflowed matter."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        cotangent: Array = np.cumsum((g * y)[::-1], axis=0)[::-1] / x
    exact = (np.abs(x) >= np.finfo(x.dtype).eps).all(axis=0) & np.isfinite(cotangent).all(axis=0)
    if not exact.all():
        others = ~exact
        cotangent[:, others] = _by_recurrence(g[:, others], x[:, others], y[:, others])
    return cotangent


def _by_recurrence(g: Any, x: Any, y: Any) -> Any:
    following = np.concatenate([x[1:], x[:1]])
    after = flip(_recurrence(flip(following, 0), flip(g, 0)), 0)
    return _times_previous(after, y)


def _cumprod_jvp(g: Any, x: Any, y: Any, axis: int) -> Any:
    g, x, y = (moveaxis(z, axis, 0) for z in (g, x, y))
    return moveaxis(_recurrence(x, _times_previous(g, y)), 0, axis)


@primitive(vjps=[_cumprod_vjp], jvps=[_cumprod_jvp])
def _cumprod(x: Array, axis: int) -> Any:
    return np.cumprod(x, axis=axis)


def count_nonzero(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The number of elements over `axis` that are not zero. Has no derivative. Raises as `sum` does.

    >>> count_nonzero(tensor([[1.0, 0.0], [3.0, 4.0]]), axis=0)
    tensor([2, 1])
    """
    return _count_nonzero(x, normalize_axes("count_nonzero", axis, len(shape_of(x))), keepdims)


@nondifferentiable()
def _count_nonzero(x: Array, axis: Axes, keepdims: bool) -> Any:
    return np.count_nonzero(x, axis=axis, keepdims=keepdims)


def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any element over `axis` is nonzero; False over an empty one. Has no derivative. Raises as `sum` does.

    >>> any(tensor([[0.0, 0.0], [3.0, 0.0]]), axis=1)
    tensor([False,  True])
    """
    return _any(x, normalize_axes("any", axis, len(shape_of(x))), keepdims)


@nondifferentiable()
def _any(x: Array, axis: Axes, keepdims: bool) -> Any:
    return np.any(x, axis=axis, keepdims=keepdims)


def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over `axis` are nonzero; True over an empty one. Has no derivative. Raises as `sum` does.

    >>> all(tensor([[1.0, 2.0], [3.0, 0.0]]), axis=1)
    tensor([ True, False])
    """
    return _all(x, normalize_axes("all", axis, len(shape_of(x))), keepdims)


@nondifferentiable()
def _all(x: Array, axis: Axes, keepdims: bool) -> Any:
    return np.all(x, axis=axis, keepdims=keepdims)


def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest element along `axis`, or in the flattened `x` for None.

    NaNs count as the largest. Has no derivative. Raises AxisError for an axis that `x` does not have, ValueError for an
    empty one.

    >>> argmax(tensor([[1.0, 5.0], [7.0, 7.0]]), axis=1)
    tensor([1, 0])
    """
    return _argmax(x, _searched("argmax", shape_of(x), axis), keepdims)


def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element along `axis`; NaNs count as the smallest. Has no derivative.

    Otherwise as `argmax`.

    >>> argmin(tensor([[1.0, 5.0], [7.0, 7.0]]), axis=1)
    tensor([0, 0])
    """
    return _argmin(x, _searched("argmin", shape_of(x), axis), keepdims)


def _searched(op: str, shape: Axes, axis: int | None) -> int | None:
    axis = None if axis is None else normalize_axis(op, axis, len(shape))
    refuse_empty(op, shape, tuple(range(len(shape))) if axis is None else (axis,))
    return axis


@nondifferentiable()
def _argmax(x: Array, axis: int | None, keepdims: bool) -> Any:
    return np.argmax(x, axis=axis, keepdims=keepdims)


@nondifferentiable()
def _argmin(x: Array, axis: int | None, keepdims: bool) -> Any:
    return np.argmin(x, axis=axis, keepdims=keepdims)


def _brought(x: Any, dtype: npt.DTypeLike | None) -> Any:
    return x if dtype is None else astype(x, dtype, copy=False)


def _count(shape: Sequence[int], axis: Axes) -> int:
    return math.prod(shape[a] for a in axis)


def _divided(g: Any, n: float) -> Any:
    """g / n, also by more elements than float16 can count."""
    if g.dtype != np.float16 or n <= _MOST_HALF:
        return g / n
    part = 2.0 ** (math.frexp(n)[1] // 2)
    return g / part / (n / part)


def _spread(g: Any, shape: Axes, axis: Axes) -> Any:
    """A cotangent of a sum, broadcast along the summed axes."""
    return broadcast_to(reshape(g, kept_shape(shape, axis)), shape)


def _quotient(g: Any, y: Any) -> Any:
    """g / y, and 0 where y is 0, with derivatives that are 0 there, too."""
    none = equal(y, 0)
    return where(none, 0, g / where(none, 1, y))


def _large(*arrays: Any) -> bool:
    """Whether these are arrays, of single or double precision, that are worth a kernel's pains."""
    return builtins.all(type(x) is np.ndarray and x.size >= LARGE and x.dtype.char in "fd" for x in arrays)


def _floating(x: Array) -> Array:
    x = np.asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def _total(x: Array, axis: Axes, keepdims: bool) -> Any:
    x = np.asarray(x)
    if x.dtype == np.float16:  # NumPy adds rows one to the other in half precision
        return np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float32).astype(x.dtype)
    if x.dtype.char not in "fd":
        return np.sum(x, axis=axis, keepdims=keepdims)
    if x.size >= LARGE and (y := total(x, axis)) is not None:
        return y if keepdims else np.squeeze(y, axis)
    return _folded(np.add, x, axis, keepdims)


def _folded(ufunc: Any, x: Array, axis: Axes, keepdims: bool) -> Any:
    """`ufunc.reduce`, but slice by slice over short axes.

    NumPy runs its inner loop over the innermost axis, however short it is: maxima over 32,768 windows of 2 × 2 took
    1.8 ms, by slices 0.05 ms.
    """
    if not _short(x, axis):
        return ufunc.reduce(x, axis=axis, keepdims=keepdims)
    slices = _slices(x, axis)
    y = slices[0].copy("K")
    for part in slices[1:]:
        ufunc(y, part, out=y)
    return y.reshape(kept_shape(x.shape, axis)) if keepdims else y


def _short(x: Array, axis: Axes) -> bool:
    return x.size >= 512 and 1 < (n := _count(x.shape, axis)) <= 32 and x.size >= 256 * n


def _slices(x: Array, axis: Axes) -> list[Array]:
    """Views of `x` at each place along `axis`, in C order."""
    moved = np.moveaxis(x, axis, range(len(axis)))
    return [moved[index] for index in np.ndindex(*moved.shape[: len(axis)])]


def _equal(x: Array, y: Array, axis: Axes) -> Any:
    """x == y, in memory where short axes that y was reduced over come first, so that their slices are contiguous."""
    if not _short(x, axis):
        return np.equal(x, y)
    moved = np.moveaxis(x, axis, range(len(axis)))
    result = np.moveaxis(np.empty(moved.shape, bool), range(len(axis)), axis)
    target = np.squeeze(y, axis)
    for part, out in zip(_slices(x, axis), _slices(result, axis)):
        np.equal(part, target, out=out)
    return result


def _first(chosen: Array, axis: Axes) -> Array:
    """The first true element, in C order over `axis`, of each reduction that has one."""
    k = len(axis)
    moved = np.moveaxis(chosen, axis, range(k))
    flat = moved.reshape(_count(chosen.shape, axis), *moved.shape[k:])
    first = np.zeros_like(flat)
    free = np.ones(flat.shape[1:], bool)
    if len(flat) <= 32:
        for i in range(len(flat)):
            first[i] = flat[i] & free
            free &= ~flat[i]
    else:
        np.put_along_axis(first, np.argmax(flat, axis=0, keepdims=True), True, axis=0)
    return np.moveaxis(first.reshape(moved.shape), range(k), axis)


def _shifted(x: Array, axis: Axes) -> tuple[Array, Array]:
    """x less its maximum over `axis` (0 if that is infinite), in new memory, and that maximum."""
    x = _floating(x)
    if not _count(x.shape, axis):
        return np.empty_like(x), np.zeros(kept_shape(x.shape, axis), x.dtype)
    largest = np.asarray(_folded(np.maximum, x, axis, True))
    if not np.isfinite(largest).all():
        largest = np.where(np.isfinite(largest), largest, 0)
    return np.subtract(x, largest, out=np.empty_like(x)), largest
