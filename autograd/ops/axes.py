"""Axis arguments: one place that checks them and gives the errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

Axis = int | Sequence[int] | None


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a tensor, an array or anything array-like. TypeError for what is none of these, as a generator."""
    shape: tuple[int, ...] | None = getattr(x, "shape", None)
    if shape is not None:
        return shape
    array = np.asarray(x)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"an operation on tensors wants numbers, arrays or tensors, got {type(x).__name__}")
    return array.shape


def normalize_axis(op: str, axis: SupportsIndex, ndim: int) -> int:
    """`axis` as a number from 0; AxisError if a tensor of `ndim` dimensions does not have it."""
    try:
        number = axis.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"{op}: axis has to be an integer, got {axis!r}") from None
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(f"{op}: axis {number} is out of range for a tensor of {ndim} dimensions")
    return number % ndim


def normalize_axes(op: str, axis: Axis, ndim: int) -> tuple[int, ...]:
    """`axis` (None: all) as a tuple of numbers from 0; ValueError if one comes twice."""
    if axis is None:
        return tuple(range(ndim))
    given: Any = axis if type(axis) is tuple or isinstance(axis, Sequence) else (axis,)
    axes = tuple([normalize_axis(op, a, ndim) for a in given])
    if len(set(axes)) != len(axes):
        raise ValueError(f"{op}: an axis comes twice in {axis}")
    return axes


def kept_shape(shape: tuple[int, ...], axes: Sequence[int]) -> tuple[int, ...]:
    """`shape` with `axes` reduced to length 1."""
    return tuple(1 if axis in axes else n for axis, n in enumerate(shape))


def stretches(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether `shape` broadcasts to `wanted`."""
    return len(shape) <= len(wanted) and all(n in (1, m) for n, m in zip(shape[::-1], wanted[::-1]))
