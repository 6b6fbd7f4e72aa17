"""The error function and its inverse, by rational approximations.

The coefficients of erfinv are those of algorithm AS 241 (PPND16): M. J. Wichura, "The Percentage Points of the Normal
Distribution", Applied Statistics 37 (1988) 477-484.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array
from autograd.kernels.masking import positive_part
from autograd.kernels.threads import scratch

_BLOCK = 16384  # elements worked on at a time, so that temporaries stay in cache


def sigmoid(x: Any, out: Array | None = None) -> Any:
    """1 / (1 + e⁻ˣ), without overflow."""
    y = np.negative(_floating(x), out=out)
    if not isinstance(y, np.ndarray) or y.dtype.kind != "f":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(y))
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    y += 1
    return np.divide(1, y, out=y)


def sigmoid_vjp(g: Array, y: Array, out: Array | None = None) -> Array:
    """g · y(1 - y)."""
    slope = np.subtract(1, y, out=out)
    slope = np.multiply(slope, y, out=out)
    return np.multiply(slope, g, out=out)


def tanh_vjp(g: Array, y: Array, out: Array | None = None) -> Array:
    """g · (1 - y²)."""
    slope = np.multiply(y, y, out=out)
    slope = np.subtract(1, slope, out=out)
    return np.multiply(slope, g, out=out)


def softplus(x: Any, out: Array | None = None) -> Any:
    """log(1 + eˣ), without overflow.

    That is max(x, 0) + log1p(u) with u = exp(-|x|), and log1p(u) is log(w) + (u - (w - 1)) / w with w = 1 + u, rounded:
    half the time of NumPy's log1p, with an error of at most 3 units in the last place.
    """
    if np.iscomplexobj(x):
        positive = np.real(x) > 0
        return np.add(np.log1p(np.exp(np.where(positive, -x, x))), np.where(positive, x, 0), out=out)
    if not isinstance(x, np.ndarray) or x.size < 1024 or x.dtype.kind != "f":
        x = _floating(x)
        return np.add(np.log1p(np.exp(-np.abs(x))), np.maximum(x, 0), out=out)
    u = np.abs(x, out=scratch(x.shape, x.dtype, "softplus"))
    np.exp(np.negative(u, out=u), out=u)
    w = np.add(u, 1, out=scratch(x.shape, x.dtype, "softplus w"))
    y = np.log(w, out=out)
    w -= 1
    u -= w
    w += 1
    u /= w
    y += u
    return np.add(y, positive_part(x, out=u), out=y)


def erf(x: npt.ArrayLike, out: Array | None = None) -> Array:
    """(2/√π) ∫₀ˣ exp(-t²) dt, to a relative error of about 2⁻⁵² (in float32, 2⁻²²)."""
    if isinstance(x, np.ndarray) and x.dtype == np.float32 and x.ndim:
        return _tanh_of_odd(x, _TANH_P, out)
    return _blockwise(_erf, x, np.float32, out)


def ndtr(x: npt.ArrayLike, out: Array | None = None) -> Array:
    """(1 + erf(x/√2)) / 2."""
    if isinstance(x, np.ndarray) and x.dtype == np.float32 and x.ndim:
        y = _tanh_of_odd(x, _NDTR_P, out)
    else:
        y = erf(np.multiply(x, math.sqrt(0.5)), out)
    y += 1
    y *= 0.5
    return y


def ndtr_vjp(g: Array, x: Array, out: Array | None = None) -> Array:
    """g · exp(-x²/2) / √(2π)."""
    slope = np.multiply(x, x, out=out)
    slope = np.multiply(slope, -0.5, out=out)
    slope = np.exp(slope, out=out)
    slope = np.multiply(slope, 1 / math.sqrt(2 * math.pi), out=out)
    return np.multiply(slope, g, out=out)


def logaddexp(x1: Any, x2: Any, out: Array | None = None) -> Any:
    """log(eˣ¹ + eˣ²), as max + log1p(e^-|x1 - x2|) of whole arrays; `np.logaddexp` takes ten times as long."""
    if not any(isinstance(x, np.ndarray) and x.size >= 256 and x.dtype.char in "fd" for x in (x1, x2)):
        return np.logaddexp(x1, x2, out=out)
    y = np.subtract(x1, x2, out=out)
    np.exp(np.negative(np.abs(y, out=y), out=y), out=y)
    np.log1p(y, out=y)
    y += np.maximum(x1, x2)
    undefined = np.isnan(y)
    if undefined.any():  # equal infinities among them
        x1, x2 = np.broadcast_arrays(x1, x2)
        y[undefined] = np.logaddexp(x1[undefined], x2[undefined])
    return y


def erfinv(x: npt.ArrayLike) -> Array:
    """The y with erf(y) = x, to a relative error of about 10⁻¹⁵; ±inf at ±1 and NaN outside [-1, 1]."""
    return _blockwise(_erfinv, x, np.float64)


def _floating(x: npt.ArrayLike) -> Array:
    """`x`, if it is of integers or truth values, in the dtype that `np.exp` would bring them to."""
    x = np.asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(np.exp.resolve_dtypes((x.dtype, None))[-1])


def _blockwise(
    function: Callable[[Array], Array], x: npt.ArrayLike, least: type[np.floating[Any]], out: Array | None = None
) -> Array:
    """`function` on cache-sized pieces of `x`, in dtype `least` or better; the memory layout of `x` is kept."""
    x = np.asarray(x)
    y = np.empty_like(x, dtype=x.dtype if x.dtype.kind == "f" else np.float64) if out is None else out
    work = np.result_type(least, np.float64 if y.dtype.itemsize > 4 else np.float32)
    pieces = np.nditer(
        [x, y],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly"], ["writeonly"]],
        op_dtypes=[work, work],
        casting="same_kind" if x.dtype.kind == "f" else "unsafe",
        buffersize=_BLOCK,
    )
    with pieces, np.errstate(all="ignore"):
        for piece, result in pieces:
            result[...] = function(piece)
    return y


def _ratio(x: Array, numerator: Sequence[float], denominator: Sequence[float]) -> Array:
    """The quotient of two polynomials, given by ascending coefficients."""
    value = _polynomial(x, numerator)
    value /= _polynomial(x, denominator)
    return value


def _polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    value = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        value += coefficient
        value *= x
    value += coefficients[0]
    return value


def _erf(x: Array) -> Array:
    """1 - exp(log erfc|x|), with the sign of x; from 6 on, that is 1."""
    size = np.minimum(np.abs(x), 6)
    y = _ratio(size, _ERF_P, _ERF_Q)
    y *= size
    y -= size
    return np.copysign(np.expm1(y, out=y), x)


def _tanh_of_odd(x: Array, coefficients: Sequence[float], out: Array | None) -> Array:
    """tanh(x · P(x²)): with P fitted to atanh(erf x) / x; for single precision."""
    out = np.empty_like(x) if out is None else out
    with np.errstate(over="ignore"):
        square = np.multiply(x, x, out=scratch(x.shape, x.dtype, "square"))
        np.multiply(square, coefficients[-1], out=out)
        for coefficient in coefficients[-2:0:-1]:
            out += coefficient
            out *= square
        out += coefficients[0]
        out *= x
    return np.tanh(out, out=out)


def _erfinv(x: Array) -> Array:
    size = np.abs(x)
    y = np.where(size == 1, math.inf, math.nan)

    central = np.flatnonzero(size <= 0.85)
    z = size[central]
    y[central] = z * _ratio(0.180625 - z * z / 4, _CENTRAL_P, _CENTRAL_Q)

    outer = np.flatnonzero((size > 0.85) & (size < 1))
    z = np.sqrt(-np.log((1 - size[outer]) / 2))
    far = np.flatnonzero(z > 5)
    value = _ratio(z - 1.6, _OUTER_P, _OUTER_Q)
    value[far] = _ratio(z[far] - 5, _FAR_P, _FAR_Q)
    y[outer] = value * math.sqrt(0.5)
    return np.copysign(y, x)


# erf(x) = tanh(x · P(x²)) to single precision: the relative error of the fit, weighted with that which it makes in the
# result, was made least over |x| <= 4, and is 1e-7; beyond, x · P(x²) is over 9
_TANH_P = (
    1.12837927,
    0.102769056,
    -0.000191830876,
    -0.000619784606,
    8.7637311e-05,
    -5.66847344e-06,
    1.41852125e-07,
)
_NDTR_P = tuple(math.sqrt(0.5) * coefficient / 2**k for k, coefficient in enumerate(_TANH_P))  # of erf(x/√2)

# log erfc(x) = x·P(x)/Q(x) - x for 0 <= x <= 6: the relative error that the fit makes in erf(x) was made least, and is
# 2e-18; the terms of each sum have one sign, so that roundings stay small
_ERF_P = (
    -0.12837916709551256,
    -0.8512139781646406,
    -1.3378424659081418,
    -1.0813990331293624,
    -0.5313747931553046,
    -0.16536602079600807,
    -0.03158248494584128,
    -0.003247188559786131,
    -0.00011821690614048496,
)
_ERF_Q = (
    1.0,
    1.6715656492568067,
    1.3313540144075386,
    0.6322679841040143,
    0.18863983312868327,
    0.03438687005810674,
    0.0033629867251525453,
    0.00011823793486117603,
)

# erfinv(x) = x·P(r)/Q(r), r = 0.425² - (x/2)², for |x| <= 0.85; the factor x/2 and the 1/√2 of AS 241 are put into P
_CENTRAL_P = tuple(
    math.sqrt(0.125) * coefficient
    for coefficient in (
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    )
)
_CENTRAL_Q = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)

# erfinv(x) = ±P(r - 1.6)/Q(r - 1.6)/√2, r = √(-log((1 - |x|)/2)), up to r = 5
_OUTER_P = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
_OUTER_Q = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)

# the same in r - 5, beyond
_FAR_P = (
    6.65790464350110377720e0,
    5.46378491116411436990e0,
    1.78482653991729133580e0,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
)
_FAR_Q = (
    1.0,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131145613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)
