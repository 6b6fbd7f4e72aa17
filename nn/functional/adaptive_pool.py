"""Adaptive pooling: as many windows as are asked for, covering the input evenly; and global pooling, one window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.dtypes import Array
from nn.functional.pool import avg_pool
from nn.functional.separable import transform_axes
from nn.functional.sizes import check_spatial, per_axis

OutputSize = int | None | Sequence[int | None]


def adaptive_avg_pool(input: Tensor, n: int, output_size: OutputSize) -> Tensor:
    """The mean over each of `output_size` windows along the last `n` axes: (N, C, *S) or (C, *S) to (N, C, *O).

    Window o of O reaches over the elements from ⌊o·S / O⌋ up to but without ⌈(o + 1)·S / O⌉. `output_size` is an int
    for all axes or one for each; None leaves an axis as long as it is. Where windows differ in size, the mean is the
    product of one averaging matrix per axis, so that an infinite element or NaN reaches all others in its row or
    column.

    Raises ValueError for an empty spatial axis, a negative size, and other dimensions.

    >>> from nn import functional as F
    >>> F.adaptive_avg_pool1d(tensor([[1.0, 2.0, 3.0]]), 2)
    tensor([[1.5, 2.5]])
    """
    sizes = _output_sizes(f"adaptive_avg_pool{n}d", input, n, output_size)
    spatial = input.shape[-n:]
    if set(sizes) == {1}:
        return ag.mean(input, axis=tuple(range(-n, 0)), keepdims=True)
    if all(o and s % o == 0 for s, o in zip(spatial, sizes, strict=True)):
        return avg_pool(input, n, tuple(s // o for s, o in zip(spatial, sizes, strict=True)))
    return transform_axes(input, [_averaging(s, o) for s, o in zip(spatial, sizes, strict=True)])


def adaptive_max_pool(input: Tensor, n: int, output_size: OutputSize, return_indices: bool = False) -> Any:
    """The maximum over each of `output_size` windows along the last `n` axes, which are those of `adaptive_avg_pool`.

    With `return_indices` the result is a pair; the second part holds where each maximum was, as a position in the
    flattened *S. A tie takes the first maximum, which then gets the whole derivative. Raises as `adaptive_avg_pool`
    does.

    >>> from nn import functional as F
    >>> F.adaptive_max_pool1d(tensor([[1.0, 5.0, 3.0]]), 2, return_indices=True)
    (tensor([[5., 5.]]), tensor([[1, 1]]))
    """
    sizes = _output_sizes(f"adaptive_max_pool{n}d", input, n, output_size)
    windows = []
    for length, count in zip(input.shape[-n:], sizes, strict=True):
        starts, stops = _bounds(length, count)
        taps = starts[:, None] + np.arange((stops - starts).max(initial=1))  # (O, K)
        windows.append(np.minimum(taps, stops[:, None] - 1))  # a short window repeats its last element
    return max_over(input, windows, return_indices)


def max_over(input: Tensor, windows: Sequence[Array], return_indices: bool) -> Any:
    """The maximum over windows made of any elements: (N, C, *S) or (C, *S) to (N, C, *O) or (C, *O).

    `windows` says for each spatial axis which elements each window has there: (O, K), or (N, C, O, K) where they differ
    from channel to channel. A tie takes the first.
    """
    n = len(windows)
    lead, spatial = input.shape[:-n], input.shape[-n:]
    places: Any = 0  # in the flattened spatial axes: (*lead or 1s, *O, *K)
    for axis, (taps, length) in enumerate(zip(windows, spatial, strict=True)):
        outer = taps.shape[:-2] or (1,) * len(lead)
        shape = [1] * (2 * n)
        shape[axis], shape[n + axis] = taps.shape[-2:]
        places = places * length + taps.reshape(*outer, *shape)
    sizes = places.shape[-2 * n : -n]
    places = places.reshape(*places.shape[: -2 * n], math.prod(sizes), -1)  # (…, ∏O, ∏K)
    flat = ag.reshape(input, (*lead, math.prod(spatial)))
    with ag.no_grad():
        elements = ag.take_along_axis(flat, places.reshape(*places.shape[:-2], -1), -1)  # (*lead, ∏O · ∏K)
        first = ag.argmax(ag.reshape(elements, (*lead, *places.shape[-2:])), -1, keepdims=True)  # (*lead, ∏O, 1)
        at = ag.tensor(ag.take_along_axis(places, first, -1)).reshape(*lead, math.prod(sizes))  # (*lead, ∏O)
    y = ag.reshape(ag.take_along_axis(flat, at, -1), (*lead, *sizes))
    return (y, ag.reshape(at, (*lead, *sizes))) if return_indices else y


def global_avg_pool(input: Tensor, keepdims: bool = False) -> Tensor:
    """The mean of each channel: (N, C, *S) to (N, C), or to (N, C, 1, …) with `keepdims`.

    Source: Lin et al. 2013, "Network in network".

    >>> from nn import functional as F
    >>> F.global_avg_pool(tensor([[[[1.0, 2.0], [4.0, 5.0]]]]))
    tensor([[3.]])
    """
    return ag.mean(input, axis=_spatial_axes("global_avg_pool", input), keepdims=keepdims)


def global_max_pool(input: Tensor, keepdims: bool = False) -> Tensor:
    """The maximum of each channel: (N, C, *S) to (N, C), or to (N, C, 1, …) with `keepdims`. A tie takes the first.

    >>> from nn import functional as F
    >>> F.global_max_pool(tensor([[[[1.0, 2.0], [4.0, 5.0]]]]))
    tensor([[5.]])
    """
    return ag.max(input, axis=_spatial_axes("global_max_pool", input), keepdims=keepdims, ties="first")


def adaptive_avg_pool1d(input: Tensor, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool` over (N, C, L).

    >>> from nn import functional as F
    >>> F.adaptive_avg_pool1d(tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2)
    tensor([[2., 4.]])
    >>> F.adaptive_avg_pool1d(tensor([[1.0, 2.0]]), 4)
    tensor([[1., 1., 2., 2.]])
    """
    return adaptive_avg_pool(input, 1, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.adaptive_avg_pool2d(tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), 1)
    tensor([[[3.5]]])
    >>> F.adaptive_avg_pool2d(tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), (None, 1))
    tensor([[[2.],
             [5.]]])
    """
    return adaptive_avg_pool(input, 2, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: OutputSize) -> Tensor:
    """`adaptive_avg_pool` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.adaptive_avg_pool3d(arange(8.0).reshape(1, 2, 2, 2), (1, None, None))
    tensor([[[[2., 3.],
              [4., 5.]]]])
    """
    return adaptive_avg_pool(input, 3, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool` over (N, C, L).

    >>> from nn import functional as F
    >>> F.adaptive_max_pool1d(tensor([[4.0, 1.0, 2.0, 7.0, 3.0]]), 3)
    tensor([[4., 7., 7.]])
    """
    return adaptive_max_pool(input, 1, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.adaptive_max_pool2d(tensor([[[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]]), 1, return_indices=True)
    (tensor([[[6.]]]), tensor([[[3]]]))
    """
    return adaptive_max_pool(input, 2, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: OutputSize, return_indices: bool = False) -> Any:
    """`adaptive_max_pool` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.adaptive_max_pool3d(arange(12.0).reshape(1, 3, 2, 2), (None, 1, 1)).flatten()
    tensor([ 3.,  7., 11.])
    """
    return adaptive_max_pool(input, 3, output_size, return_indices)


def _output_sizes(op: str, input: Tensor, n: int, output_size: OutputSize) -> tuple[int, ...]:
    """One length for each spatial axis, None replaced by the input's; the input checked."""
    check_spatial(op, input.shape, n)
    spatial = input.shape[-n:]
    if 0 in spatial:
        raise ValueError(f"{op}: wants spatial axes that are not empty, got shape {input.shape}")
    if output_size is None or isinstance(output_size, int):
        output_size = (output_size,) * n
    if isinstance(output_size, (tuple, list)) and len(output_size) == n:
        output_size = tuple(s if o is None else o for s, o in zip(spatial, output_size, strict=True))
    return per_axis(op, "output_size", output_size, n, least=0)


def _spatial_axes(op: str, input: Tensor) -> tuple[int, ...]:
    if input.ndim < 3 or 0 in input.shape[2:]:
        raise ValueError(f"{op}: wants an input (N, C, *S) with spatial axes that are not empty, got {input.shape}")
    return tuple(range(2, input.ndim))


def _bounds(length: int, count: int) -> tuple[Array, Array]:
    """Where each of `count` windows starts and where it has ended."""
    o = np.arange(count)
    return o * length // max(count, 1), -(-(o + 1) * length // max(count, 1))


def _averaging(length: int, count: int) -> Array:
    """The matrix (count, length) of which each row averages over one window."""
    starts, stops = _bounds(length, count)
    at = np.arange(length)
    inside = (starts[:, None] <= at) & (at < stops[:, None])
    return inside / (stops - starts)[:, None]
