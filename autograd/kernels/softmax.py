"""softmax, log_softmax and logsumexp over axes, and their derivatives, in blocks of whole reductions.

All return None where `whole_reductions` does: then the caller goes step by step. `axes` is what is reduced.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.reduce import Axes
from autograd.kernels.threads import scratch
from autograd.kernels.whole_reductions import WholeReductions, like, whole_reductions


def softmax(x: Array, axes: Axes) -> Array | None:
    """exp(x) / Σ exp(x)."""
    y = np.empty_like(x)
    form = whole_reductions([y, x], axes)
    if form is None:
        return None

    def block(index: Any, kept: Any) -> None:
        out, part = (view[index] for view in form.views)
        _shift(form, part, out)
        np.exp(out, out=out)
        out /= form.spread(form.sums(out), out.dtype)

    form.run(block)
    return y


def softmax_rule(g: Array, y: Array, axes: Axes) -> Array | None:
    """y · (g - Σ g y)."""
    result = np.empty_like(y)
    form = whole_reductions([result, like(g, y), y], axes)
    if form is None:
        return None

    def block(index: Any, kept: Any) -> None:
        out, cotangent, softened = (view[index] for view in form.views)
        np.subtract(cotangent, form.spread(form.products(cotangent, softened), y.dtype), out=out)
        out *= softened

    form.run(block)
    return result


def log_softmax(x: Array, axes: Axes) -> Array | None:
    """x - log Σ exp(x)."""
    y = np.empty_like(x)
    form = whole_reductions([y, x], axes)
    if form is None:
        return None

    def block(index: Any, kept: Any) -> None:
        out, part = (view[index] for view in form.views)
        _shift(form, part, out)
        powers = np.exp(out, out=scratch(out.shape, out.dtype, "softmax"))
        with np.errstate(divide="ignore"):
            out -= form.spread(np.log(form.sums(powers)), out.dtype)

    form.run(block)
    return y


def log_softmax_vjp(g: Array, y: Array, axes: Axes) -> Array | None:
    """g - exp(y) · Σ g."""
    result = np.empty_like(y)
    form = whole_reductions([result, like(g, y), y], axes)
    if form is None:
        return None

    def block(index: Any, kept: Any) -> None:
        out, cotangent, logarithm = (view[index] for view in form.views)
        np.exp(logarithm, out=out)
        out *= form.spread(form.sums(cotangent), y.dtype)
        np.subtract(cotangent, out, out=out)

    form.run(block)
    return result


def logsumexp(x: Array, axes: Axes) -> Array | None:
    """log Σ exp(x); the axes stay with length 1."""
    form = whole_reductions([x], axes)
    if form is None:
        return None
    y = form.statistic()

    def block(index: Any, kept: Any) -> None:
        part = form.views[0][index]
        powers = scratch(part.shape, part.dtype, "softmax")
        largest = _shift(form, part, powers)
        np.exp(powers, out=powers)
        with np.errstate(divide="ignore", over="ignore"):
            y[kept] = np.log(form.sums(powers)) + largest

    form.run(block)
    return form.logical(y)


def _shift(form: WholeReductions, x: Array, out: Array) -> Array:
    """Subtract from x its maximum (0 if that is infinite), and return that."""
    largest = form.maxima(x)
    finite = np.isfinite(largest)
    if not finite.all():
        largest = np.where(finite, largest, 0)
    np.subtract(x, form.spread(largest, x.dtype), out=out)
    return largest
