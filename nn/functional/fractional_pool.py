"""Fractional max pooling: overlapping windows at random, nearly even distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.dtypes import Array
from nn.functional.adaptive_pool import max_over
from nn.functional.sizes import PerAxis, check_spatial, per_axis

Ratio = float | Sequence[float]


def fractional_max_pool(
    input: Tensor,
    n: int,
    kernel_size: PerAxis,
    output_size: PerAxis | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The maximum over windows at random distances along the last `n` axes: (N, C, *S) or (C, *S) to (…, *O).

    O is `output_size`, or ⌊S · output_ratio⌋: one of the two is given. With α = (S - K) / (O - 1) and u drawn from
    [0, 1) for each image, channel and axis, window o starts at ⌊α (o + u)⌋ - ⌊α u⌋, and the last at S - K.
    `_random_samples`, of shape (N, C, n), gives the u, in PyTorch's order: of W and H, or of D, H and W. Ties and
    `return_indices` are as in `max_pool`.

    Raises ValueError for windows that do not fit (O + K - 1 > S) and for samples of another shape.

    Source: Graham 2014, "Fractional max-pooling".

    >>> from nn import functional as F
    >>> F.fractional_max_pool2d(ones((1, 3, 9, 9)), kernel_size=2, output_ratio=0.7).shape
    (1, 3, 6, 6)
    """
    op = f"fractional_max_pool{n}d"
    check_spatial(op, input.shape, n)
    kernel = per_axis(op, "kernel_size", kernel_size, n)
    spatial = input.shape[-n:]
    sizes = _output_sizes(op, spatial, output_size, output_ratio)
    if any(o + k - 1 > s for s, k, o in zip(spatial, kernel, sizes, strict=True)):
        raise ValueError(
            f"{op}: {sizes} windows {kernel} at different places do not fit in {spatial}; input shape {input.shape}"
        )
    lead = input.shape[:-n]
    wanted = (*((1,) if len(lead) == 1 else ()), *lead, n)
    if _random_samples is None:
        _random_samples = ag.rand(wanted, dtype=input.dtype)
    elif _random_samples.shape != wanted:
        raise ValueError(f"{op}: wants _random_samples of shape {wanted}, got {_random_samples.shape}")
    samples = _random_samples.numpy().reshape(*lead, n)
    if n == 2:
        samples = samples[..., ::-1]
    windows = [
        _starts(samples[..., axis], s, o, k)[..., None] + np.arange(k)  # (*lead, O, K)
        for axis, (s, o, k) in enumerate(zip(spatial, sizes, kernel, strict=True))
    ]
    return max_over(input, windows, return_indices)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: PerAxis,
    output_size: PerAxis | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """`fractional_max_pool` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.fractional_max_pool2d(arange(25.0).reshape(1, 5, 5), 2, output_size=2)  # two windows always start at 0 and 3
    tensor([[[ 6.,  9.],
             [21., 24.]]])
    """
    return fractional_max_pool(input, 2, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: PerAxis,
    output_size: PerAxis | None = None,
    output_ratio: Ratio | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """`fractional_max_pool` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.fractional_max_pool3d(zeros((1, 3, 8, 10, 10)), 2, output_ratio=(0.5, 0.7, 0.7)).shape
    (1, 3, 4, 7, 7)
    """
    return fractional_max_pool(input, 3, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def ratio_per_axis(op: str, output_ratio: Ratio, n: int) -> tuple[float, ...]:
    """One ratio for each axis, each between 0 and 1; else ValueError."""
    ratios = tuple(output_ratio) if isinstance(output_ratio, Sequence) else (output_ratio,) * n
    if len(ratios) != n or not all(0 < r < 1 for r in ratios):
        raise ValueError(f"{op}: output_ratio has to be a number between 0 and 1, or {n} of them; got {output_ratio!r}")
    return ratios


def _output_sizes(
    op: str, spatial: tuple[int, ...], output_size: PerAxis | None, output_ratio: Ratio | None
) -> tuple[int, ...]:
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{op}: wants either output_size or output_ratio, got {output_size} and {output_ratio}")
    if output_ratio is None:
        return per_axis(op, "output_size", output_size, len(spatial))
    sizes = tuple(int(s * r) for s, r in zip(spatial, ratio_per_axis(op, output_ratio, len(spatial)), strict=True))
    if 0 in sizes:
        raise ValueError(f"{op}: output_ratio {output_ratio} of {spatial} leaves {sizes}")
    return sizes


def _starts(samples: Array, length: int, count: int, window: int) -> Array:
    """Where the windows start, (*lead, count), from one sample each (*lead,); in the samples' precision, as PyTorch."""
    alpha = samples.dtype.type(length - window) / samples.dtype.type(max(count - 1, 1))
    u = samples[..., None]
    o = np.arange(count - 1, dtype=samples.dtype)
    inner = ((o + u) * alpha).astype(np.intp) - (u * alpha).astype(np.intp)
    return np.concatenate([inner, np.full((*samples.shape, 1), length - window)], -1)
