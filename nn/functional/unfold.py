"""Windows as columns of a matrix (im2col), and the sum of columns laid back (col2im)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import autograd as ag
from autograd import Tensor
from nn.functional.sizes import Padding, PerAxis, check_fits, padding_pairs, per_axis


def unfold(
    input: Tensor, kernel_size: PerAxis, dilation: PerAxis = 1, padding: Padding = 0, stride: PerAxis = 1
) -> Tensor:
    """Every window as a column, known as im2col: (N, C, *S) to (N, C·∏K, L), or (C, *S) to (C·∏K, L).

    There are as many spatial axes as `kernel_size` has numbers, 2 for an int; L is the number of windows, counted as in
    `conv`, whose forms of padding hold here, too. The rows of a column go through the channels and, in each, through
    the window, so that with a weight (F, C, *K), `weight.reshape(F, -1) @ unfold(x)` is the convolution of `x`.

    Raises ValueError for a window larger than the padded input.

    >>> from nn import functional as F
    >>> F.unfold(tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), 2)
    tensor([[1., 2.],
            [2., 3.],
            [4., 5.],
            [5., 6.]])
    """
    n = len(kernel_size) if isinstance(kernel_size, Sequence) else 2
    if input.ndim == n + 1:
        return ag.squeeze(unfold(ag.expand_dims(input, 0), kernel_size, dilation, padding, stride), 0)
    if input.ndim != n + 2:
        raise ValueError(
            f"unfold: wants an input of {n + 2} dimensions, or {n + 1} without a batch; got shape {input.shape}"
        )
    kernel = per_axis("unfold", "kernel_size", kernel_size, n)
    stride = per_axis("unfold", "stride", stride, n)
    dilation = per_axis("unfold", "dilation", dilation, n)
    pads = padding_pairs("unfold", padding, kernel, stride, dilation)
    check_fits("unfold", input.shape, pads, kernel, dilation)
    batch, channels = input.shape[:2]
    x = ag.pad(input, [(0, 0), (0, 0), *pads])  # (N, C, *S + pads)
    windows = ag.sliding_windows(x, kernel, stride, dilation, axes=tuple(range(2, 2 + n)))  # (N, C, *O, *K)
    columns = ag.transpose(windows, (0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n)))  # (N, C, *K, *O)
    positions = windows.shape[2 : 2 + n]
    return ag.reshape(columns, (batch, channels * math.prod(kernel), math.prod(positions)))  # (N, C·∏K, L)


def fold(
    input: Tensor,
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: Padding = 0,
    stride: PerAxis = 1,
) -> Tensor:
    """Columns laid back as windows and added where they overlap, known as col2im: the adjoint of `unfold`.

    (N, C·∏K, L) gives (N, C, *output_size), both without N, too; the settings are those with which `unfold` of that
    result has L columns. There are as many spatial axes as `output_size` has numbers, 2 for an int.

    Raises ValueError for rows that are not a multiple of ∏K, and for a number of columns other than `unfold`'s.

    >>> from nn import functional as F
    >>> F.fold(F.unfold(ones((1, 2, 3)), 2), (2, 3), 2)
    tensor([[[1., 2., 1.],
             [1., 2., 1.]]])
    """
    n = len(output_size) if isinstance(output_size, Sequence) else 2
    if input.ndim == 2:
        x = ag.expand_dims(input, 0)
        return ag.squeeze(fold(x, output_size, kernel_size, dilation, padding, stride), 0)
    if input.ndim != 3:
        raise ValueError(f"fold: wants an input (N, C·∏K, L) or (C·∏K, L), got shape {input.shape}")
    sizes = per_axis("fold", "output_size", output_size, n)
    kernel = per_axis("fold", "kernel_size", kernel_size, n)
    stride = per_axis("fold", "stride", stride, n)
    dilation = per_axis("fold", "dilation", dilation, n)
    pads = padding_pairs("fold", padding, kernel, stride, dilation)
    batch, rows, columns = input.shape
    taps = math.prod(kernel)
    if rows % taps:
        raise ValueError(f"fold: {rows} rows are not a multiple of the {taps} places of a kernel {kernel}")
    check_fits("fold", (batch, rows // taps, *sizes), pads, kernel, dilation)
    lengths = tuple(size + before + after for size, (before, after) in zip(sizes, pads, strict=True))
    positions = tuple(map(ag.window_positions, lengths, kernel, stride, dilation))
    if columns != math.prod(positions):
        raise ValueError(
            f"fold: output_size {sizes} has {' x '.join(map(str, positions))} windows with kernel_size {kernel}, "
            f"stride {stride}, padding {pads} and dilation {dilation}, but input {input.shape} has {columns} columns"
        )
    windows = ag.reshape(input, (batch, rows // taps, *kernel, *positions))  # (N, C, *K, *O)
    windows = ag.transpose(windows, (0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n)))  # (N, C, *O, *K)
    y = ag.overlap_add(windows, lengths, stride, dilation, axes=tuple(range(2, 2 + n)))  # (N, C, *lengths)
    return ag.pad(y, [(0, 0), (0, 0), *((-before, -after) for before, after in pads)])  # (N, C, *output_size)
