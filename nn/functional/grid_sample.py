"""Sampling an image at any points, and the points of an affine map: the two halves of a spatial transformer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.resample import cubic_far, cubic_near

_MODES = ("nearest", "bilinear", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input (N, C, *S) at the points of a grid (N, *O, n): (N, C, *O), for n = 2 or 3 spatial axes.

    A point is given last axis first, (x, y) or (x, y, z), from -1 at one border to 1 at the other: the outer edges of
    the outermost elements, or with `align_corners` their centres. `mode` interpolates between neighbours: "nearest",
    "bilinear" (for three axes too) or "bicubic" (two axes). `padding_mode` says what lies outside: "zeros", the
    "border" going on, or its "reflection". A point with a coordinate that is NaN gives NaN, with "nearest" 0, and
    reads nothing.

    Differentiable in the input and the grid, whose derivative is 0 with "nearest", and by a coordinate that
    `padding_mode` moves onto the border. Raises ValueError for shapes and modes that are not as said.

    Source: Jaderberg et al. 2015, "Spatial transformer networks".

    >>> from nn import functional as F
    >>> F.grid_sample(tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), tensor([[[[0.0, 0.0], [1.0, 0.0]]]]), align_corners=True)
    tensor([[[[2.5, 3. ]]]])
    """
    _check(input, grid, mode, padding_mode)
    batch, channels, *spatial = input.shape
    positions = grid.shape[1:-1]
    count, total = math.prod(positions), batch * math.prod(spatial)
    corners: list[tuple[Any, Any]] = [(np.repeat(np.arange(batch), count), 1)]  # (place, weight), each (N·∏O,)
    for axis, length in enumerate(spatial):
        along = ag.reshape(grid[..., len(spatial) - 1 - axis], batch * count)
        at = (along + 1) / 2 * (length - 1) if align_corners else ((along + 1) * length - 1) / 2
        taps = _taps(at, length, -total, mode, padding_mode, bool(align_corners))
        corners = [(place * length + tap, weight * share) for place, weight in corners for tap, share in taps]
    places = ag.maximum(ag.stack([place for place, _ in corners]), -1)  # (corners, N·∏O), -1 for what lies outside
    weights = ag.stack([weight for _, weight in corners])

    rows = ag.reshape(ag.moveaxis(input, 1, -1), (total, channels))
    rows = ag.concatenate([rows, ag.zeros((1, channels), dtype=input.dtype)])  # what lies outside is in the last
    y = ag.einsum("kpc,kp->pc", ag.take(rows, places, 0), weights)  # (N·∏O, C)
    return ag.moveaxis(ag.reshape(y, (batch, *positions, channels)), -1, 1)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points that affine maps send a regular grid to: matrices (N, n, n + 1) to (N, *S, n), for `grid_sample`.

    `size` is the shape (N, C, *S) of the image to be sampled, of n = 2 or 3 spatial axes. The grid runs from -1 to 1,
    and `align_corners` means what it does in `grid_sample`. Raises ValueError for shapes that do not fit.

    >>> from nn import functional as F
    >>> F.affine_grid(tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2))
    tensor([[[[-0.5,  0. ],
              [ 0.5,  0. ]]]])
    """
    spatial = tuple(size)[2:]
    n = len(spatial)
    if n not in (2, 3) or min(size) < 1:
        raise ValueError(f"affine_grid: wants a size (N, C, *S) of 2 or 3 spatial axes, not empty; got {tuple(size)}")
    if theta.shape != (size[0], n, n + 1):
        raise ValueError(
            f"affine_grid: wants theta of shape {(size[0], n, n + 1)} for size {tuple(size)}, got {theta.shape}"
        )
    lines = [_line(length, bool(align_corners)) for length in spatial]
    points = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(spatial)], -1)  # (*S, n + 1)
    axes = "dhw"[:n]
    grid: Tensor = ag.einsum(f"{axes}k,nik->n{axes}i", points.astype(theta.dtype), theta)
    return grid


def _line(length: int, align_corners: bool) -> Any:
    """Where the centres of pixels lie, if the ends of the axis, or the first and last of them, are at -1 and 1."""
    return (2 * np.arange(length) + 1 - length) / (max(1, length - 1) if align_corners else length)


def _taps(
    at: Tensor, length: int, outside: int, mode: str, padding_mode: str, align_corners: bool
) -> list[tuple[Any, Any]]:
    """Which elements of an axis coordinates read, `outside` for what it does not have, and their weights."""
    if padding_mode == "zeros":
        at = ag.clip(at, -3, length + 2)  # beyond which nothing is read, infinitely far too
    if mode != "bicubic":  # the cubic reaches further, and moves each of its places by itself
        at = _moved_inside(at, length, padding_mode, align_corners)
    if mode == "nearest":
        return [(_integers(ag.round(at), length, outside), ag.where(False, at, 1))]  # 1, with the derivative 0
    with ag.no_grad():
        base = ag.floor(at)
    t = at - base
    if mode == "bilinear":
        return [(_integers(base, length, outside), 1 - t), (_integers(base + 1, length, outside), t)]
    weights = [cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t)]
    places = [_moved_inside(base + k, length, padding_mode, align_corners) for k in (-1, 0, 1, 2)]
    return [(_integers(place, length, outside), weight) for place, weight in zip(places, weights, strict=True)]


def _integers(place: Tensor, length: int, outside: int) -> Tensor:
    """Whole numbers as integers, `outside` for NaN and for those that are not on the axis."""
    with ag.no_grad():
        on_axis = (place >= 0) & (place < length)
        return ag.where(on_axis, ag.where(on_axis, place, 0).astype(np.intp), outside)


def _moved_inside(at: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Coordinates on the axis: mirrored at its borders, and then no further than the outermost elements."""
    if padding_mode == "zeros":
        return at
    if padding_mode == "reflection":
        low, span = (0.0, length - 1) if align_corners else (-0.5, length)
        if span == 0:
            return at * 0
        beyond = ag.abs(at - low)
        with ag.no_grad():
            turns = ag.floor(beyond / span)
        rest = beyond - turns * span
        at = ag.where(turns % 2 == 0, rest, span - rest) + low
    with ag.no_grad():
        nearest = ag.clip(at, 0, length - 1)
    return ag.where((at > 0) & (at < length - 1), at, nearest)


def _check(input: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    n = input.ndim - 2
    if mode not in _MODES:
        raise ValueError(f"grid_sample: mode is one of {', '.join(_MODES)}; got {mode!r}")
    if padding_mode not in _PADDINGS:
        raise ValueError(f"grid_sample: padding_mode is one of {', '.join(_PADDINGS)}; got {padding_mode!r}")
    if n not in (2, 3) or 0 in input.shape[2:]:
        raise ValueError(
            f"grid_sample: wants an input (N, C, *S) of 2 or 3 spatial axes, not empty; got shape {input.shape}"
        )
    if mode == "bicubic" and n != 2:
        raise ValueError(f"grid_sample: mode 'bicubic' wants 2 spatial axes, got input shape {input.shape}")
    if grid.ndim != input.ndim or grid.shape[0] != input.shape[0] or grid.shape[-1] != n:
        raise ValueError(
            f"grid_sample: input {input.shape} wants a grid (N, *O, {n}), N = {input.shape[0]}; got {grid.shape}"
        )
