"""softmax, log_softmax and logsumexp over axes, and their derivatives, in blocks of whole reductions.

All return None where `whole_reductions` does: then the caller goes step by step. `axes` is what is reduced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.reduce import Axes
from autograd.kernels.threads import scratch
from autograd.kernels.whole_reductions import SHARED, WholeReductions, like, whole_reductions

_EXPONENTIALS = 1 << 18  # elements from which sharing them pays


def softmax(x: Array, axes: Axes) -> Array | None:
    """exp(x) / Σ exp(x)."""

    def block(form: WholeReductions, out: Array, part: Array) -> None:
        _shift(form, part, out)
        np.exp(out, out=out)
        out /= form.spread(form.sums(out), out.dtype)

    return _made(block, [x], axes)


def softmax_rule(g: Array, y: Array, axes: Axes) -> Array | None:
    """y · (g - Σ g y)."""

    def block(form: WholeReductions, out: Array, softened: Array, cotangent: Array) -> None:
        np.subtract(cotangent, form.spread(form.products(cotangent, softened), out.dtype), out=out)
        out *= softened

    return _made(block, [y, like(g, y)], axes, shared=SHARED)


def log_softmax(x: Array, axes: Axes) -> Array | None:
    """x - log Σ exp(x)."""

    def block(form: WholeReductions, out: Array, part: Array) -> None:
        _shift(form, part, out)
        powers = np.exp(out, out=scratch(out.shape, out.dtype, "softmax"))
        with np.errstate(divide="ignore"):
            out -= form.spread(np.log(form.sums(powers)), out.dtype)

    return _made(block, [x], axes)


def log_softmax_vjp(g: Array, y: Array, axes: Axes) -> Array | None:
    """g - exp(y) · Σ g."""

    def block(form: WholeReductions, out: Array, logarithm: Array, cotangent: Array) -> None:
        np.exp(logarithm, out=out)
        out *= form.spread(form.sums(cotangent), out.dtype)
        np.subtract(cotangent, out, out=out)

    return _made(block, [y, like(g, y)], axes)


def _made(block: Callable[..., None], arrays: list[Array], axes: Axes, shared: int = _EXPONENTIALS) -> Array | None:
    """An array like the first of `arrays`, which `block(form, out, *parts)` fills a part at a time; of at least so many
    elements they are `shared` over threads."""
    y = np.empty_like(arrays[0])
    form = whole_reductions([y, *arrays], axes)
    if form is None:
        return None
    form.run(lambda index, kept: block(form, *(view[index] for view in form.views)), shared)
    return y


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

    form.run(block, _EXPONENTIALS)
    return form.logical(y)


def _shift(form: WholeReductions, x: Array, out: Array) -> Array:
    """Subtract from x its maximum (0 if that is infinite), and return that."""
    largest = form.maxima(x)
    finite = np.isfinite(largest)
    if not finite.all():
        largest = np.where(finite, largest, 0)
    np.subtract(x, form.spread(largest, x.dtype), out=out)
    return largest
