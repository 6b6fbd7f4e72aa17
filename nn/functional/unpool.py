"""Max unpooling: maxima put back to where they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.sizes import PerAxis, check_spatial, per_axis


def max_unpool(
    input: Tensor,
    indices: Tensor,
    n: int,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Zeros, but for the elements of `input` at the recorded switches: (N, C, *O) or (C, *O) to (N, C, *S) or (C, *S).

    `indices` are those that `max_pool` returned with the same kernel size, stride (None: the kernel size) and padding.
    S = (O - 1) · stride - 2 · padding + kernel_size; since pooling floors, `output_size` (S, or the shape (N, C, *S))
    can ask for another length that is less than a stride away. Of several elements for one place, as windows that
    overlap give them, the last one stays, and the others have no derivative.

    Raises ValueError for indices of another shape or beyond the result, and for an output size that could not be.

    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks".

    >>> from nn import functional as F
    >>> y, switches = F.max_pool1d(tensor([[1.0, 5.0, 3.0, 2.0]]), 2, return_indices=True)
    >>> F.max_unpool1d(y, switches, 2)
    tensor([[0., 5., 3., 0.]])
    """
    op = f"max_unpool{n}d"
    check_spatial(op, input.shape, n)
    if indices.shape != input.shape or indices.dtype.kind not in "iu":
        raise ValueError(
            f"{op}: wants integer indices of shape {input.shape}, as the input; got {indices.dtype} {indices.shape}"
        )
    kernel = per_axis(op, "kernel_size", kernel_size, n)
    steps = kernel if stride is None else per_axis(op, "stride", stride, n)
    pads = per_axis(op, "padding", padding, n, least=0)
    sizes = _sizes(op, input.shape[-n:], kernel, steps, pads, output_size)
    lead = input.shape[:-n]
    at = indices.numpy().reshape(*lead, math.prod(input.shape[-n:]))
    if at.size and not 0 <= at.min() <= at.max() < math.prod(sizes):
        raise ValueError(f"{op}: indices from {at.min()} to {at.max()} do not lie in an output of {sizes}")
    zeros = np.zeros((*lead, math.prod(sizes)), input.dtype)
    y = ag.put_along_axis(zeros, at, ag.reshape(input, at.shape), -1)
    return ag.reshape(y, (*lead, *sizes))


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """`max_unpool` to (N, C, L).

    >>> from nn import functional as F
    >>> y, switches = F.max_pool1d(tensor([[1.0, 5.0, 3.0, 2.0, 4.0]]), 2, return_indices=True)
    >>> F.max_unpool1d(y, switches, 2, output_size=(5,))
    tensor([[0., 5., 3., 0., 0.]])
    """
    return max_unpool(input, indices, 1, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """`max_unpool` to (N, C, H, W).

    >>> from nn import functional as F
    >>> F.max_unpool2d(tensor([[[5.0, 8.0]]]), tensor([[[1, 6]]]), 2)
    tensor([[[0., 5., 0., 0.],
             [0., 0., 8., 0.]]])
    """
    return max_unpool(input, indices, 2, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """`max_unpool` to (N, C, D, H, W).

    >>> from nn import functional as F
    >>> y, switches = F.max_pool3d(arange(8.0).reshape(1, 2, 2, 2), 2, return_indices=True)
    >>> F.max_unpool3d(y, switches, 2).flatten()
    tensor([0., 0., 0., 0., 0., 0., 0., 7.])
    """
    return max_unpool(input, indices, 3, kernel_size, stride, padding, output_size)


def _sizes(
    op: str,
    pooled: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    output_size: Sequence[int] | None,
) -> tuple[int, ...]:
    """The spatial lengths of the result."""
    n = len(kernel)
    default = tuple((o - 1) * s + k - 2 * p for o, k, s, p in zip(pooled, kernel, stride, padding, strict=True))
    if output_size is None:
        if min(default) < 1:
            raise ValueError(
                f"{op}: {pooled} with kernel_size {kernel}, stride {stride} and padding {padding} would give {default}"
            )
        return default
    if not isinstance(output_size, (tuple, list)) or len(output_size) not in (n, n + 2):
        raise ValueError(
            f"{op}: output_size has to be {n} int{'s'[: n > 1]}, or a shape of {n + 2}; got {output_size!r}"
        )
    sizes = per_axis(op, "output_size", output_size[-n:], n)
    if any(abs(size - usual) >= s for size, usual, s in zip(sizes, default, stride, strict=True)):
        raise ValueError(
            f"{op}: output_size has to be less than the stride {stride} away from {default}, got {tuple(output_size)}"
        )
    return sizes
