"""Resampling on a regular grid: nearest neighbours, polynomial interpolation, averages.

Every mode but the nearest is linear and separable: along each axis, y = A x with a small constant matrix A (O, S) that
has one output position's weights in each row; see `transform_axes`. PyTorch's positions and weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.dtypes import Array
from nn.functional.adaptive_pool import adaptive_avg_pool
from nn.functional.separable import transform_axes
from nn.functional.sizes import PerAxis, per_axis

Scale = float | Sequence[float]


def _hat(x: Array) -> Array:
    return np.maximum(0, 1 - np.abs(x))


def cubic_near(d: Any, a: float = -0.75) -> Any:
    """Keys' cubic convolution at distances from 0 to 1; a is its slope at 1."""
    return ((a + 2) * d - (a + 3)) * d * d + 1


def cubic_far(d: Any, a: float = -0.75) -> Any:
    """Keys' cubic convolution at distances from 1 to 2."""
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a


def _cubic(x: Array, a: float = -0.75) -> Array:
    d = np.abs(x)
    return np.where(d <= 1, cubic_near(d, a), np.where(d < 2, cubic_far(d, a), 0))


def _lanczos(x: Array) -> Array:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


# Weights by distance in elements. With antialias the cubic is softer, and Lanczos exists only there.
_FILTERS: dict[str, Callable[[Array], Array]] = {"linear": _hat, "bilinear": _hat, "trilinear": _hat, "bicubic": _cubic}
_SMOOTHING: dict[str, Callable[[Array], Array]] = {
    "bilinear": _hat,
    "bicubic": partial(_cubic, a=-0.5),
    "lanczos": _lanczos,
}
_SPATIAL_AXES = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2, "lanczos": 2}
_WITHOUT_CORNERS = ("nearest", "nearest-exact", "area")


def interpolate(
    input: Tensor,
    size: PerAxis | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input resampled to another size: (N, C, *S) to (N, C, *O), for one to three spatial axes.

    O is `size`, or ⌊S · scale_factor⌋: one of the two is given, a number for all axes or one for each.

    `mode`: "nearest" takes the element ⌊o · S/O⌋, "nearest-exact" that at ⌊(o + ½) · S/O⌋, "area" averages as
    `adaptive_avg_pool` does; "linear", "bilinear" and "trilinear" (1, 2 and 3 axes) interpolate linearly between
    neighbours and "bicubic" (2 axes) by Keys' cubic with a = -¾. These take the value at position (o + ½) · S/O - ½, or
    with `align_corners` at o · (S - 1)/(O - 1), so that the outermost elements stay where they are; beyond the border
    the outermost element goes on. With a scale factor, S/O is 1/scale_factor, unless `recompute_scale_factor`.
    `antialias` ("bilinear", "bicubic", and "lanczos", which exists only so) widens the filter as the image shrinks.

    All but the nearest apply a matrix per axis, so that an infinite element or NaN reaches all others in its row or
    column. Raises ValueError for arguments that do not go together, and for a size of 0.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing".

    >>> from nn import functional as F
    >>> F.interpolate(tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    >>> F.interpolate(tensor([[[1.0, 2.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[1. , 1.5, 2. ]]])
    """
    _check_mode(input, mode, align_corners, antialias)
    sizes, steps = _grid(input, size, scale_factor, recompute_scale_factor)
    spatial = input.shape[2:]
    if mode == "area":
        return adaptive_avg_pool(input, len(sizes), sizes)
    if mode.startswith("nearest"):
        y = input
        for axis, length, count, step in reversed(list(zip(range(2, input.ndim), spatial, sizes, steps, strict=True))):
            if count % length == 0 and step == length / count:
                y = ag.repeat(y, count // length, axis)
            else:
                y = ag.take(y, _nearest(length, count, step, mode, input.dtype), axis)
        return y
    if align_corners:
        steps = [(s - 1) / (o - 1) if o > 1 else 0.0 for s, o in zip(spatial, sizes, strict=True)]
    matrices = [
        _matrix(length, count, step, mode, bool(align_corners), antialias)
        for length, count, step in zip(spatial, sizes, steps, strict=True)
    ]
    return transform_axes(input, matrices)


def upsample(
    input: Tensor,
    size: PerAxis | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """`interpolate` under its older name, without its last two arguments: (N, C, *S) to (N, C, *O).

    >>> from nn import functional as F
    >>> F.upsample(tensor([[[1.0, 2.0]]]), scale_factor=3)
    tensor([[[1., 1., 1., 2., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


def _check_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    n = input.ndim - 2
    if mode not in (*_SPATIAL_AXES, *_WITHOUT_CORNERS):
        raise ValueError(f"interpolate: mode is one of {', '.join((*_WITHOUT_CORNERS, *_SPATIAL_AXES))}; got {mode!r}")
    if n not in (1, 2, 3) or _SPATIAL_AXES.get(mode, n) != n:
        raise ValueError(
            f"interpolate: mode {mode!r} wants an input (N, C, *S) of {_SPATIAL_AXES.get(mode, '1 to 3')} spatial "
            f"axes, got shape {input.shape}"
        )
    if 0 in input.shape[1:]:
        raise ValueError(f"interpolate: wants an input without empty axes but the batch's, got shape {input.shape}")
    if mode in _WITHOUT_CORNERS and align_corners is not None:
        raise ValueError(f"interpolate: mode {mode!r} takes no align_corners, got {align_corners}")
    if antialias and mode not in _SMOOTHING:
        raise ValueError(f"interpolate: antialias wants a mode of {', '.join(_SMOOTHING)}; got {mode!r}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError("interpolate: mode 'lanczos' wants antialias and takes no align_corners")


def _grid(
    input: Tensor, size: PerAxis | None, scale_factor: Scale | None, recompute: bool | None
) -> tuple[tuple[int, ...], list[float]]:
    """The output's length along each axis, and how many input elements lie between two of its elements."""
    spatial = input.shape[2:]
    n = len(spatial)
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: wants either size or scale_factor, got {size} and {scale_factor}")
    if scale_factor is None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor has no meaning with a size")
        sizes = per_axis("interpolate", "size", size, n)
        return sizes, [s / o for s, o in zip(spatial, sizes, strict=True)]
    factors = tuple(scale_factor) if isinstance(scale_factor, Sequence) else (scale_factor,) * n
    if len(factors) != n or not all(0 < f < math.inf for f in factors):
        raise ValueError(f"interpolate: scale_factor has to be a positive number or {n} of them, got {scale_factor!r}")
    sizes = tuple(int(s * f) for s, f in zip(spatial, factors, strict=True))
    if min(sizes) < 1:
        raise ValueError(f"interpolate: scale_factor {scale_factor} makes {sizes} of {spatial}")
    if recompute:
        return sizes, [s / o for s, o in zip(spatial, sizes, strict=True)]
    return sizes, [1 / f for f in factors]


def _nearest(length: int, count: int, step: float, mode: str, dtype: np.dtype) -> Array:
    """Which element each output takes; rounded as PyTorch does, first to the input's dtype and then to float32."""
    exact = dtype if dtype.kind == "f" and dtype.itemsize >= 4 else np.dtype(np.float32)
    at = np.arange(count, dtype=exact) + exact.type(0.5 if mode == "nearest-exact" else 0)
    taken = np.floor((at * exact.type(step)).astype(np.float32)).astype(np.intp)
    return np.minimum(taken, length - 1)


def _matrix(length: int, count: int, step: float, mode: str, align_corners: bool, antialias: bool) -> Array | None:
    """The matrix (count, length) for one axis; None for an axis that stays as it is.

    As in PyTorch, an axis that keeps its length stays whatever the step, but for the plain cubic.
    """
    if count == length and (antialias or mode != "bicubic"):
        return None
    if antialias:
        return _smoothing(length, count, step, mode)
    return _interpolating(length, count, step, mode, align_corners)


def _interpolating(length: int, count: int, step: float, mode: str, align_corners: bool) -> Array:
    """The matrix (count, length) of interpolation weights, those beyond the border added to the outermost element's."""
    o = np.arange(count)
    centres = o * step if align_corners else (o + 0.5) * step - 0.5
    beyond = 2  # as far as the cubic reaches
    weights = _FILTERS[mode](centres[:, None] - np.arange(-beyond, length + beyond))
    matrix = weights[:, beyond:-beyond].copy()
    matrix[:, 0] += weights[:, :beyond].sum(1)
    matrix[:, -1] += weights[:, -beyond:].sum(1)
    return matrix


def _smoothing(length: int, count: int, step: float, mode: str) -> Array:
    """The matrix (count, length) of weights of a filter as wide as an output element, cut off at the border."""
    centres = (np.arange(count) + 0.5) * step - 0.5
    weights = _SMOOTHING[mode]((centres[:, None] - np.arange(length)) / max(step, 1))
    return weights / weights.sum(1, keepdims=True)
