"""Padding: borders of a constant, or continued from inside; the adjoint crops, or folds the borders back."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred
from autograd.kernels.fresh import Fresh
from autograd.kernels.fusion import Step
from autograd.kernels.padding import Padded, bordered
from autograd.ops.axes import normalize_axis, shape_of
from autograd.primitive import Operand, linear, primitive
from autograd.tensor import Tensor

__all__ = ["pad"]

Widths = tuple[tuple[int, int], ...]

_LARGE = 1 << 15  # elements from which zeros around an array are left for later

# What `pad` calls the ways to continue a tensor beyond its borders, and what NumPy calls them.
_CONTINUATIONS = {
    "circular": "wrap",
    "edge": "edge",
    "reflect": "reflect",
    "replicate": "edge",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: npt.ArrayLike = 0) -> Tensor:
    """`x` with borders added to it.

    `pad_width`: a number of elements for all borders, a pair (before, after) for all axes, one pair for each axis, or a
    dict from axis to either; in mode "constant" a negative number crops. `mode`: "constant" puts in `constant_values`
    (in the same forms as `pad_width`, but for the dict); "edge" or "replicate" repeat the outermost element; "reflect"
    mirrors without and "symmetric" with the outermost element; "wrap" or "circular" continue from the opposite border.
    Borders wider than `x` go on mirroring or wrapping, as in NumPy. A crop alone is a view.

    Raises ValueError for widths that do not fit, for an unknown mode, for a mode that has nothing to continue from, and
    for a constant that a tensor of integers cannot hold.

    Derivative: x̄ += ȳ, cropped to x; in other modes summed over all places that an element was copied to.

    >>> pad(tensor([1.0, 2.0, 3.0]), (2, -1))
    tensor([0., 0., 1., 2.])
    >>> pad(tensor([1.0, 2.0, 3.0]), 2, mode="reflect")
    tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    shape = shape_of(x)
    widths = _pad_widths(pad_width, len(shape))
    if mode == "constant":
        for n, (before, after) in zip(shape, widths):
            if min(before, 0) + min(after, 0) < -n:
                raise ValueError(f"pad: cannot crop {(before, after)} from an axis of length {n} in shape {shape}")
        return _pad_constant(x, widths, constant_values)
    if mode not in _CONTINUATIONS:
        raise ValueError(f"pad: mode has to be 'constant' or one of {', '.join(_CONTINUATIONS)}; got {mode!r}")
    for n, (before, after) in zip(shape, widths):
        if before < 0 or after < 0:
            raise ValueError(f"pad: {(before, after)} would crop, which mode {mode!r} cannot; mode 'constant' can")
        if n == 0 and (before or after):
            raise ValueError(f"pad: mode {mode!r} has nothing to continue from in an empty axis of shape {shape}")
    return _extend(x, widths, _CONTINUATIONS[mode])


def _pad_widths(pad_width: Any, ndim: int) -> Widths:
    """NumPy's forms of `pad_width` as one pair of ints for each axis."""
    if type(pad_width) in (tuple, list) and len(pad_width) == ndim and all(map(_pair_of_ints, pad_width)):
        return tuple(pad_width)
    if isinstance(pad_width, Mapping):
        given = {normalize_axis("pad", axis, ndim): width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(ndim)] or 0
    try:
        widths = np.asarray(pad_width)
        pairs = np.broadcast_to(widths, (ndim, 2))
    except ValueError:
        raise ValueError(
            f"pad: pad_width has to be n, (before, after), or one pair for each of {ndim} axes; got {pad_width}"
        ) from None
    if widths.dtype.kind not in "iu":
        raise TypeError(f"pad: pad_width has to be integers, got {pad_width}")
    return tuple((before, after) for before, after in pairs.tolist())


def _pair_of_ints(width: Any) -> bool:
    return type(width) is tuple and len(width) == 2 and type(width[0]) is type(width[1]) is int


def _pad_constant(x: Operand, widths: Widths, constant_values: Any) -> Tensor:
    """Constant borders; side by side where they do not all hold the same value, later axes over earlier ones."""
    if isinstance(constant_values, Tensor):
        raise TypeError("pad: constant_values have to be numbers, without derivatives; got a Tensor")
    if type(constant_values) is int or np.ndim(constant_values) == 0:
        return _pad(x, widths, _held(x, constant_values))
    ndim = len(widths)
    try:
        values = np.broadcast_to(constant_values, (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: constant_values have to be v, (before, after), or one pair for each of {ndim} axes; "
            f"got {constant_values}"
        ) from None
    y: Any = x
    for axis, ((before, after), (left, right)) in enumerate(zip(widths, values)):
        for border, value in (((before, 0), left), ((0, after), right)):
            y = _pad(y, tuple(border if i == axis else (0, 0) for i in range(ndim)), _held(x, value))
    return y


def _held(x: Operand, value: Any) -> Any:
    """`value`, which a tensor of integers or truth values can hold without rounding it; else ValueError."""
    if type(value) is int and value == 0:
        return value
    dtype = x.dtype if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x).dtype
    if dtype.kind in "iub":
        try:
            held = dtype.type(value) == value
        except (OverflowError, ValueError, TypeError):
            held = False
        if not held:
            raise ValueError(f"pad: a tensor of dtype {dtype} cannot hold the constant {value!r}")
    return value


@functools.lru_cache(maxsize=1024)
def _opposite(widths: Widths) -> Widths:
    return tuple((-before, -after) for before, after in widths)


@primitive(
    vjps=[lambda g, widths: _pad(g, _opposite(widths), 0)],
    jvps=[lambda g, widths: _pad(g, widths, 0)],
    takes_deferred=True,
    later=lambda x, widths, value: _padded(x, widths, value),
)
def _pad(x: Array, widths: Widths, value: Any) -> Any:
    x = x if isinstance(x, Deferred) else np.asarray(x)
    inside = x[_cropped(x.shape, widths)]
    if all(before <= 0 and after <= 0 for before, after in widths):
        return inside
    return bordered(inside, [(max(before, 0), max(after, 0)) for before, after in widths], value)


@functools.lru_cache(maxsize=1024)
def _cropped(shape: tuple[int, ...], widths: Widths) -> tuple[slice, ...]:
    """What negative widths leave of an array of this shape."""
    return tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(shape, widths))


def _padded(x: Any, widths: Widths, value: Any) -> Padded | None:
    """Zeros around a large array, for later; None for other borders."""
    x = x.array if isinstance(x, (Fresh, Step)) else x
    if type(x) is not np.ndarray or x.size < _LARGE or value != 0 or min(map(min, widths)) < 0:
        return None
    return Padded(x, widths)


@linear(lambda g, widths, mode: _fold_back(g, widths, mode))
def _extend(x: Array, widths: Widths, mode: str) -> Any:
    """`x` with borders copied from its elements, in a mode of `numpy.pad`.

    Derivative: x̄ += ȳ inside, and each border element of ȳ where it was copied from.
    """
    return np.pad(x, widths or 0, mode)  # type: ignore[call-overload]


@linear(lambda g, widths, mode: _extend(g, widths, mode))
def _fold_back(x: Array, widths: Widths, mode: str) -> Any:
    """Borders added onto the elements that `_extend` copies them from.

    Derivative: x̄ += ȳ with borders copied from its elements.
    """
    for axis, (before, after) in enumerate(widths):
        if before or after:
            stop = x.shape[axis] - after
            origin = np.pad(np.arange(stop - before), (before, after), mode)  # type: ignore[call-overload]
            along = (slice(None),) * axis
            y = np.array(x[(*along, slice(before, stop))])
            for place in (*range(before), *range(stop, len(origin))):
                y[(*along, origin[place])] += x[(*along, place)]
            x = y
    return x
