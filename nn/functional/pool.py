"""Pooling over n spatial axes: a maximum, a mean or a norm over sliding windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.sizes import PerAxis, check_fits, check_spatial, per_axis

Pads = list[tuple[int, int]]


def max_pool(
    input: Tensor,
    n: int,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum over each window of the last `n` axes: (N, C, *S) or (C, *S) to (N, C, *O) or (C, *O).

    O = (S + 2·padding - dilation·(kernel_size - 1) - 1) // stride + 1, with `ceil_mode` rounded up unless the last
    window would start beyond the input. `stride` None is the kernel size; padding is with -inf (for integers with the
    least of them), and at most half the kernel. With `return_indices` the result is a pair; the second part holds where
    each maximum was, as a position in the flattened *S.

    A tie takes the first maximum, which then gets the whole derivative; where all of a window is -inf that may be the
    padding. Raises ValueError for a window larger than the padded input (with `ceil_mode`: larger by the stride or
    more), and for sizes that are not as said.

    >>> from nn import functional as F
    >>> F.max_pool2d(tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[4.]]])
    """
    op = f"max_pool{n}d"
    kernel, steps, pads = _sizes(op, input, n, kernel_size, stride, padding)
    spread = per_axis(op, "dilation", dilation, n)
    x, pads, axes = _padded(op, input, kernel, steps, pads, spread, ceil_mode, _least(input))
    windows = ag.sliding_windows(x, kernel, steps, spread, axes=axes)  # (N, C, *O, *K)
    y = ag.window_max(windows, n)  # (N, C, *O)
    if not return_indices:
        return y
    return y, _flat_positions(windows, input.shape[-n:], kernel, steps, pads, spread)


def avg_pool(
    input: Tensor,
    n: int,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean over each window of the last `n` axes: (N, C, *S) or (C, *S) to (N, C, *O) or (C, *O).

    Sizes are as in `max_pool`. Padding is with zeros, which count as elements if `count_include_pad`;
    `divisor_override` divides the sum by another number. Raises ValueError as `max_pool` does.

    >>> from nn import functional as F
    >>> F.avg_pool2d(tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[2.5]]])
    """
    op = f"avg_pool{n}d"
    kernel, steps, pads = _sizes(op, input, n, kernel_size, stride, padding)
    if divisor_override == 0:
        raise ValueError(f"{op}: divisor_override has to be other than zero")
    x, widths, axes = _padded(op, input, kernel, steps, pads, (1,) * n, ceil_mode, 0)
    windows = ag.sliding_windows(x, kernel, steps, (1,) * n, axes=axes)  # (N, C, *O, *K)
    y = ag.window_mean(windows, n)  # (N, C, *O)
    if divisor_override is not None:
        return y * (math.prod(kernel) / divisor_override)
    if widths == pads and (count_include_pad or not any(map(any, pads))):
        return y
    counts = _counts(input.shape[-n:], y.shape[-n:], kernel, steps, pads, count_include_pad)
    return y * (math.prod(kernel) / counts).astype(y.dtype)


def lp_pool(
    input: Tensor,
    n: int,
    norm_type: float,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(Σ x^p)^(1/p) over each window of the last `n` axes, p = `norm_type`: (N, C, *S) to (N, C, *O), as in `max_pool`.

    p = 1 is the sum, 2 the Euclidean norm, inf the maximum of |x| and -inf the minimum. As in PyTorch, an odd or
    fractional p takes x as it is, not |x|, and the power of a negative number may be NaN; with `ceil_mode`, a window
    that reaches over the border counts as its elements' mean times the size of a whole window. The derivative is 0
    where the elements' powers add up to 0.

    Raises ValueError for p = 0, and as `max_pool` does.

    >>> from nn import functional as F
    >>> F.lp_pool2d(tensor([[[3.0, 0.0], [0.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    op = f"lp_pool{n}d"
    if norm_type == 0:
        raise ValueError(f"{op}: norm_type has to be other than 0")
    kernel, steps, pads = _sizes(op, input, n, kernel_size, stride, 0)
    _borders(op, input.shape, kernel, steps, pads, (1,) * n, ceil_mode)
    if math.isinf(norm_type):
        largest: Tensor = max_pool(math.copysign(1, norm_type) * ag.abs(input), n, kernel, steps, 0, 1, ceil_mode)
        return math.copysign(1, norm_type) * largest
    mean = avg_pool(input**norm_type, n, kernel, steps, 0, ceil_mode)  # (N, C, *O)
    total = mean * math.prod(kernel)
    empty = total == 0  # where the root has no slope
    root: Tensor = ag.where(empty, 0, ag.where(empty, 1, total) ** (1 / norm_type))
    return root


def max_pool1d(
    input: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool` over (N, C, L).

    >>> from nn import functional as F
    >>> F.max_pool1d(tensor([[3.0, 1.0, 4.0, 1.0, 5.0]]), 2)
    tensor([[3., 4.]])
    >>> F.max_pool1d(tensor([[3.0, 1.0, 4.0, 1.0, 5.0]]), 2, ceil_mode=True)
    tensor([[3., 4., 5.]])
    """
    return max_pool(input, 1, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.max_pool2d(tensor([[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 6.0]]]), 2, return_indices=True)
    (tensor([[[5., 8.]]]), tensor([[[1, 6]]]))
    """
    return max_pool(input, 2, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """`max_pool` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.max_pool3d(arange(12.0).reshape(1, 3, 2, 2), 2, stride=(1, 2, 2)).flatten()
    tensor([ 7., 11.])
    """
    return max_pool(input, 3, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(
    input: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool` over (N, C, L).

    >>> from nn import functional as F
    >>> F.avg_pool1d(tensor([[3.0, 6.0, 9.0]]), 3, stride=1, padding=1)
    tensor([[3., 6., 5.]])
    >>> F.avg_pool1d(tensor([[3.0, 6.0, 9.0]]), 3, stride=1, padding=1, count_include_pad=False)
    tensor([[4.5, 6. , 7.5]])
    """
    return avg_pool(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.avg_pool2d(tensor([[[1.0, 2.0], [4.0, 3.0]]]), (1, 2))
    tensor([[[1.5],
             [3.5]]])
    >>> F.avg_pool2d(tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2, divisor_override=1)
    tensor([[[10.]]])
    """
    return avg_pool(input, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.avg_pool3d(arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[3.5]]]])
    >>> F.avg_pool3d(arange(8.0).reshape(1, 2, 2, 2), (1, 2, 2)).flatten()
    tensor([1.5, 5.5])
    """
    return avg_pool(input, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool` over (N, C, L).

    >>> from nn import functional as F
    >>> F.lp_pool1d(tensor([[3.0, 4.0, 6.0, 8.0]]), 2, kernel_size=2)
    tensor([[ 5., 10.]])
    >>> F.lp_pool1d(tensor([[3.0, -4.0, 6.0, 8.0]]), np.inf, kernel_size=2)
    tensor([[4., 8.]])
    """
    return lp_pool(input, 1, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.lp_pool2d(tensor([[[3.0, 4.0], [6.0, 8.0]]]), 2, kernel_size=(1, 2))
    tensor([[[ 5.],
             [10.]]])
    """
    return lp_pool(input, 2, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.lp_pool3d(ones((1, 2, 2, 2)), 3, kernel_size=2)
    tensor([[[[2.]]]])
    """
    return lp_pool(input, 3, norm_type, kernel_size, stride, ceil_mode)


def _sizes(
    op: str, input: Tensor, n: int, kernel_size: PerAxis, stride: PerAxis | None, padding: PerAxis
) -> tuple[tuple[int, ...], tuple[int, ...], Pads]:
    """Kernel size, stride and padding, checked."""
    check_spatial(op, input.shape, n)
    kernel = per_axis(op, "kernel_size", kernel_size, n)
    steps = kernel if stride is None else per_axis(op, "stride", stride, n)
    paddings = per_axis(op, "padding", padding, n, least=0)
    if any(2 * p > k for p, k in zip(paddings, kernel, strict=True)):
        raise ValueError(
            f"{op}: padding can be at most half the kernel size; got padding {paddings}, kernel_size {kernel}"
        )
    return kernel, steps, [(p, p) for p in paddings]


def _least(input: Tensor) -> float:
    """What is never more than an element."""
    kind = input.dtype.kind
    return 0 if kind in "bu" else int(np.iinfo(input.dtype).min) if kind == "i" else -math.inf


def _padded(
    op: str,
    input: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    dilation: tuple[int, ...],
    ceil_mode: bool,
    value: float,
) -> tuple[Tensor, Pads, tuple[int, ...]]:
    """The input with its borders, those borders (with `ceil_mode` wider at the end), and the axes to pool over."""
    n = len(kernel)
    pads = _borders(op, input.shape, kernel, stride, pads, dilation, ceil_mode)
    axes = tuple(range(input.ndim - n, input.ndim))
    if any(map(any, pads)):
        input = ag.pad(input, [*[(0, 0)] * (input.ndim - n), *pads], constant_values=value)
    return input, pads, axes


def _borders(
    op: str,
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    dilation: tuple[int, ...],
    ceil_mode: bool,
) -> Pads:
    """The borders, with `ceil_mode` wider at the end; ValueError if a window is larger than the input with them."""
    if ceil_mode:
        pads = [
            (before, after + _missing(length, before, after, k, s, d))
            for length, (before, after), k, s, d in zip(
                shape[-len(pads) :], pads, kernel, stride, dilation, strict=True
            )
        ]
    check_fits(op, shape, pads, kernel, dilation)
    return pads


def _missing(length: int, before: int, after: int, window: int, stride: int, dilation: int) -> int:
    """How much is missing for one more window; 0 if nothing is left over or it would start beyond the input."""
    spare = length + before + after - dilation * (window - 1) - 1
    rest = spare % stride
    starts_inside = spare - rest + stride < length + before
    return stride - rest if rest and starts_inside else 0


def _counts(
    spatial: tuple[int, ...],
    positions: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    include_pad: bool,
) -> Any:
    """How many elements each window averages over: of the input, or of the input with its padding."""
    counts: Any = np.ones((), np.int64)
    for length, o, k, s, (before, after) in zip(spatial, positions, kernel, stride, pads, strict=True):
        low, high = (-before, length + after) if include_pad else (0, length)
        starts = np.arange(o) * s - before
        counts = counts[..., None] * (np.minimum(starts + k, high) - np.maximum(starts, low))
    return counts


def _flat_positions(
    windows: Tensor,
    spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    dilation: tuple[int, ...],
) -> Tensor:
    """Where the first maximum of each window is in the flattened spatial axes of the unpadded input: if all of a window
    is -inf, as the padding is, the first element that is not padding."""
    n = len(kernel)
    taps = ag.window_argmax(windows, n)  # (N, C, *O)
    flat: Any = 0
    for axis, length in enumerate(spatial):
        tap = taps // math.prod(kernel[axis + 1 :]) % kernel[axis]
        start = np.arange(windows.shape[axis - 2 * n]).reshape(-1, *(1,) * (n - 1 - axis)) * stride[axis]
        start -= pads[axis][0]
        first = -(np.minimum(start, 0) // dilation[axis])  # the first tap that is not before the input
        flat = flat * length + (start + ag.maximum(tap, first) * dilation[axis])
    return flat
