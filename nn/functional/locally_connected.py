"""A convolution whose weights are not shared: at each position, a kernel of its own."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.functional.conv import POSITIONS, TAPS
from nn.functional.sizes import Padding, PerAxis, check_fits, padding_pairs, per_axis


def locally_connected(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> Tensor:
    """y[n, f, o] = b[f, o] + Σ_c,k x[n, c, stride·o + dilation·k - padding] · w[f, c, o, k], over n spatial axes.

    Shapes: input (N, C, *S) or (C, *S), weight (F, C, *O, *K), bias (F, *O); result (N, F, *O) or (F, *O). `stride`,
    `padding` and `dilation` are those of `conv`, and the weight has to have its O.

    Raises ValueError for channels or positions that do not match, and for a kernel larger than the padded input.

    Source: Taigman, Yang, Ranzato, Wolf 2014, "DeepFace: closing the gap to human-level performance in face
    verification".

    >>> from nn import functional as F
    >>> F.locally_connected(tensor([[[1.0, 2.0, 3.0]]]), tensor([[[[1.0, 0.0], [0.0, 1.0]]]]))
    tensor([[[1., 3.]]])
    """
    op = "locally_connected"
    n = (weight.ndim - 2) // 2
    if not 1 <= n <= len(TAPS) or weight.ndim % 2:
        raise ValueError(
            f"{op}: wants a weight (F, C, *O, *K) of 1 to {len(TAPS)} spatial axes, got shape {weight.shape}"
        )
    if input.ndim == n + 1:
        return ag.squeeze(locally_connected(ag.expand_dims(input, 0), weight, bias, stride, padding, dilation), 0)
    if input.ndim != n + 2 or input.shape[1] != weight.shape[1]:
        raise ValueError(
            f"{op}: weight {weight.shape} wants an input of {n + 2} dimensions, or {n + 1} without a batch, with "
            f"{weight.shape[1]} channels; got shape {input.shape}"
        )
    positions, kernel = weight.shape[2 : 2 + n], weight.shape[2 + n :]
    stride = per_axis(op, "stride", stride, n)
    dilation = per_axis(op, "dilation", dilation, n)
    pads = padding_pairs(op, padding, kernel, stride, dilation)
    check_fits(op, input.shape, pads, kernel, dilation)
    x = ag.pad(input, [(0, 0), (0, 0), *pads])  # (N, C, *S + pads)
    windows = ag.sliding_windows(x, kernel, stride, dilation, axes=tuple(range(2, 2 + n)))  # (N, C, *O, *K)
    if windows.shape[2 : 2 + n] != positions:
        raise ValueError(
            f"{op}: input {input.shape} has windows at {windows.shape[2 : 2 + n]} positions, but weight {weight.shape} "
            f"has kernels for {positions}"
        )
    if bias is not None and bias.shape != (weight.shape[0], *positions):
        raise ValueError(f"{op}: wants a bias of shape {(weight.shape[0], *positions)}, got {bias.shape}")
    at, tap = POSITIONS[:n], TAPS[:n]
    y = ag.einsum(f"nc{at}{tap},fc{at}{tap}->nf{at}", windows, weight)  # (N, F, *O)
    return y if bias is None else y + bias
