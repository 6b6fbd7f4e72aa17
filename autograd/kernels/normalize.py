"""Mean and variance, and standardisation with its derivative, in blocks of whole reductions.

A variance is the mean of squares less the square of the mean, where that is not larger than three variances, so that
no more than a factor of four is lost to rounding, and squares are finite; of other channels, or if one is such where
channels are not rows, it is the mean square of deviations from the mean, in a second pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.reduce import Axes
from autograd.kernels.whole_reductions import like, whole_reductions

# Elements from which blocks of moments are shared over threads. Of fewer only the sums are: the steps around these are
# many and short, and threads wait for each other longer than they work.
_MANY = 1 << 22


def moments(x: Array, axes: Axes) -> tuple[Array, Array] | None:
    """The mean and the variance over `axes`, which stay with length 1.

    None where the memory of the reduced axes is not one stretch between, or around, that of the kept ones.
    """
    form = whole_reductions([x], axes)
    if form is None:
        return None
    mean, variance = form.statistic(), form.statistic()

    def block(index: Any, kept: Any) -> None:
        part = form.views[0][index]
        with np.errstate(over="ignore", invalid="ignore"):
            m, square = (sums / form.count for sums in form.moments(part))
            v = square - m * m
            plain = np.isfinite(v) & (3 * v >= m * m)
        if not plain.all():
            which = (slice(None), ~plain[0, :, 0]) if form.rows else ...
            deviation = np.subtract(part[which], form.spread(m[which], x.dtype))
            v[which] = form.products(deviation, deviation) / form.count
        mean[kept], variance[kept] = m, v

    form.run(block, _MANY)
    return form.logical(mean), form.logical(variance)


def standardize(x: Array, axes: Axes, eps: float) -> tuple[Array, Array, Array] | None:
    """(x - mean) / √(var + eps), the mean and the variance over `axes`, which stay with length 1 in these two; None as
    above."""
    y = np.empty_like(x)
    form = whole_reductions([x, y], axes)
    if form is None:
        return None
    mean, variance = form.statistic(), form.statistic()

    def block(index: Any, kept: Any) -> None:
        part, out = (view[index] for view in form.views)
        mean[kept] = m = form.sums(part) / form.count
        np.subtract(part, form.spread(m, x.dtype), out=out)
        variance[kept] = v = form.products(out, out) / form.count
        out *= form.spread(1 / np.sqrt(v + eps), x.dtype)

    form.run(block)
    return y, form.logical(mean), form.logical(variance)


def standardize_adjoint(g: Array, y: Array, variance: Array, axes: Axes, eps: float) -> Array | None:
    """(g - mean(g) - y · mean(g · y)) / √(variance + eps), of the cotangent g of a standardised y; None as above."""
    result = np.empty_like(y)
    form = whole_reductions([result, like(g, y), y], axes)
    if form is None:
        return None
    variance = form.physical(variance)

    def block(index: Any, kept: Any) -> None:
        out, cotangent, normal = (view[index] for view in form.views)
        slope = form.products(cotangent, normal) / form.count
        np.multiply(normal, form.spread(slope, y.dtype), out=out)
        out += form.spread(form.sums(cotangent) / form.count, y.dtype)
        np.subtract(cotangent, out, out=out)
        out *= form.spread(1 / np.sqrt(variance[kept] + eps), y.dtype)

    form.run(block)
    return result
