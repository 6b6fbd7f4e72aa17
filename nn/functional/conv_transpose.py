"""Transposed convolution over n spatial axes: einsum → overlap_add → crop, each the adjoint of a step of `conv`."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.functional.conv import POSITIONS, TAPS, check_weight
from nn.functional.sizes import Padding, PerAxis, check_operands, padding_pairs, per_axis, transposed_sizes


def conv_transpose(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """y[n, f, stride·s + dilation·k - padding] += x[n, c, s] · w[c, f, k], plus b[f]: each element stamps the kernel.

    The adjoint of `conv` with the same weight and settings: ⟨conv(y, w), x⟩ = ⟨y, conv_transpose(x, w)⟩.

    Shapes: input (N, C, *S) or (C, *S), weight (C, F/groups, *K), bias (F,); result (N, F, *O) or (F, *O), where O = (S
    - 1)·stride - padding before - padding after + dilation·(K - 1) + 1 + output_padding. `padding` is what `conv` would
    add and so is cropped here, in the same forms; `output_padding` adds to the end of each axis what a `conv` with
    stride leaves out, and is smaller than stride or dilation.

    Raises ValueError for channels that do not match, groups that do not divide them, a result without elements.

    Source: Dumoulin, Visin 2016, "A guide to convolution arithmetic for deep learning".

    >>> from nn import functional as F
    >>> F.conv_transpose(tensor([[[1.0, 2.0]]]), tensor([[[1.0, 10.0, 100.0]]]), stride=2)
    tensor([[[  1.,  10., 102.,  20., 200.]]])
    """
    n = weight.ndim - 2
    op = f"conv_transpose{n}d"
    if not 1 <= n <= len(TAPS):
        raise ValueError(
            f"conv_transpose: wants a weight (C, F, *K) of 1 to {len(TAPS)} spatial axes, got shape {weight.shape}"
        )
    if input.ndim == n + 1:
        x = ag.expand_dims(input, 0)
        return ag.squeeze(conv_transpose(x, weight, bias, stride, padding, output_padding, groups, dilation), 0)
    kernel = weight.shape[2:]
    stride = per_axis(op, "stride", stride, n)
    dilation = per_axis(op, "dilation", dilation, n)
    extra = per_axis(op, "output_padding", output_padding, n, least=0)
    _check(op, input, weight, bias, groups)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"{op}: output_padding has to be smaller than stride or dilation; got output_padding {extra}, "
            f"stride {stride}, dilation {dilation}"
        )
    pads = padding_pairs(op, padding, kernel, stride, dilation)
    sizes = transposed_sizes(input.shape, kernel, stride, pads, dilation)
    if any(size + e < 1 for size, e in zip(sizes, extra, strict=True)):
        raise ValueError(
            f"{op}: input {input.shape} with weight {weight.shape}, stride {stride}, padding {pads}, dilation "
            f"{dilation} and output_padding {extra} leaves a result of size {sizes}"
        )

    batch, channels = input.shape[:2]
    features = weight.shape[1] * groups
    at, tap = POSITIONS[:n], TAPS[:n]
    x = ag.reshape(input, (batch, groups, channels // groups, *input.shape[2:]))  # (N, G, C/G, *S)
    w = ag.reshape(weight, (groups, channels // groups, *weight.shape[1:]))  # (G, C/G, F/G, *K)
    stamps = ag.einsum(f"ngc{at},gcf{tap}->ngf{at}{tap}", x, w)  # (N, G, F/G, *S, *K)
    lengths = transposed_sizes(input.shape, kernel, stride, [(0, 0)] * n, dilation)
    y = ag.overlap_add(stamps, lengths, stride, dilation, axes=tuple(range(3, 3 + n)))  # (N, G, F/G, *lengths)
    y = ag.reshape(y, (batch, features, *lengths))  # (N, F, *lengths)
    margins = [(-before, e - after) for (before, after), e in zip(pads, extra, strict=True)]
    if any(map(any, margins)):
        y = ag.pad(y, [(0, 0), (0, 0), *margins])  # (N, F, *O)
    return y if bias is None else y + ag.reshape(bias, (features, *(1,) * n))


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """`conv_transpose` over (N, C, L).

    >>> from nn import functional as F
    >>> F.conv_transpose1d(tensor([[[2.0, 4.0]]]), tensor([[[0.5, 1.0, 0.5]]]), stride=2, padding=1)
    tensor([[[2., 3., 4.]]])
    >>> F.conv_transpose1d(tensor([[[2.0, 4.0]]]), tensor([[[0.5, 1.0, 0.5]]]), stride=2, padding=1, output_padding=1)
    tensor([[[2., 3., 4., 2.]]])
    """
    check_weight("conv_transpose1d", weight, 1)
    return conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """`conv_transpose` over (N, C, H, W).

    >>> from nn import functional as F
    >>> F.conv_transpose2d(tensor([[[[10.0, 1.0]]]]), tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), stride=2)
    tensor([[[[10., 20.,  1.,  2.],
              [30., 40.,  3.,  4.]]]])
    """
    check_weight("conv_transpose2d", weight, 2)
    return conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """`conv_transpose` over (N, C, D, H, W).

    >>> from nn import functional as F
    >>> F.conv_transpose3d(ones((1, 1, 2, 1, 1)), ones((1, 1, 2, 1, 1))).flatten()
    tensor([1., 2., 1.])
    >>> F.conv_transpose3d(zeros((1, 8, 2, 3, 4)), zeros((8, 4, 1, 2, 2)), stride=(1, 2, 2)).shape
    (1, 4, 2, 6, 8)
    """
    check_weight("conv_transpose3d", weight, 3)
    return conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def _check(op: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    channels, features = weight.shape[0], weight.shape[1] * groups
    check_operands(op, input, weight, bias, features)
    if min(input.shape[1:]) < 1:
        raise ValueError(f"{op}: wants an input with no empty axis but the batch, got shape {input.shape}")
    if input.shape[1] != channels:
        raise ValueError(
            f"{op}: input {input.shape} has {input.shape[1]} channels, but weight {weight.shape} wants {channels}"
        )
    if groups < 1 or channels % groups:
        raise ValueError(
            f"{op}: {channels} input channels cannot be divided into {groups} groups; weight {weight.shape}"
        )
