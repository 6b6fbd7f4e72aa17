"""Relatives of the convolution: separable ones, and one whose weights are not shared."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional.sizes import Padding, PerAxis, check_fits, padding_pairs, per_axis
from nn.layers.conv import Conv2d
from nn.module import Module
from nn.parameter import Parameter


class DepthwiseSeparableConv2d(Module):
    """A depthwise convolution, which filters each channel by itself, then a pointwise one (1×1), which mixes them.

    `depthwise` makes `depth_multiplier` channels of each of `in_channels`, with `kernel_size`, `stride`, `padding`,
    `dilation` and `padding_mode` as in `Conv2d`; `pointwise` makes `out_channels` of these. `bias` and `dtype`, as in
    `Conv2d`, are for both. With a kernel of K places this costs in_channels · (K + out_channels) multiplications for
    each position (multiplier 1), an ordinary convolution in_channels · K · out_channels.

    Source: Chollet 2017, "Xception: deep learning with depthwise separable convolutions".

    >>> import nn
    >>> layer = nn.DepthwiseSeparableConv2d(3, 256, kernel_size=5)
    >>> layer(zeros((1, 3, 12, 12))).shape
    (1, 256, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if depth_multiplier < 1:
            raise ValueError(f"DepthwiseSeparableConv2d: depth_multiplier is at least 1, got {depth_multiplier}")
        middle = in_channels * depth_multiplier
        self.depthwise = Conv2d(
            in_channels,
            middle,
            kernel_size,
            stride,
            padding,
            dilation,
            groups=in_channels,
            bias=bias,
            padding_mode=padding_mode,
            dtype=dtype,
        )
        self.pointwise = Conv2d(middle, out_channels, 1, bias=bias, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(input))


class SpatiallySeparableConv2d(Module):
    """A convolution with a column (KH×1), then one with a row (1×KW).

    Together they are one convolution whose kernel is Σ_m row[f, m] ⊗ column[m, c] over the `mid_channels` (default:
    `out_channels`) between: of rank `mid_channels`, for KH + KW numbers in place of KH · KW. `stride`, `padding` and
    `dilation` are as in `Conv2d`, each axis's with the convolution along that axis; the bias is in the second. `dtype`
    is that of both.

    >>> import nn
    >>> layer = nn.SpatiallySeparableConv2d(3, 8, kernel_size=3, stride=2, padding=1)
    >>> layer(zeros((1, 3, 16, 16))).shape
    (1, 8, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        mid_channels: int | None = None,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        height, width = kernel = per_axis(name, "kernel_size", kernel_size, 2)
        down, along = steps = per_axis(name, "stride", stride, 2)
        apart = per_axis(name, "dilation", dilation, 2)
        rows, columns = padding_pairs(name, padding, kernel, steps, apart)
        middle = out_channels if mid_channels is None else mid_channels
        self.column = Conv2d(
            in_channels, middle, (height, 1), (down, 1), (rows, (0, 0)), (apart[0], 1), bias=False, dtype=dtype
        )
        self.row = Conv2d(
            middle, out_channels, (1, width), (1, along), ((0, 0), columns), (1, apart[1]), bias=bias, dtype=dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        return self.row(self.column(input))


class _LocallyConnectedNd(Module):
    """A convolution over `n` spatial axes with a kernel for each position; see `nn.functional.locally_connected`."""

    n: ClassVar[int]
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: PerAxis,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.n
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.input_size = per_axis(name, "input_size", input_size, n)
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, n)
        self.stride = per_axis(name, "stride", stride, n)
        self.dilation = per_axis(name, "dilation", dilation, n)
        self.padding = padding_pairs(name, padding, self.kernel_size, self.stride, self.dilation)
        check_fits(name, (1, in_channels, *self.input_size), self.padding, self.kernel_size, self.dilation)
        lengths = [size + before + after for size, (before, after) in zip(self.input_size, self.padding, strict=True)]
        positions = tuple(map(ag.window_positions, lengths, self.kernel_size, self.stride, self.dilation))
        self.weight = Parameter(ag.zeros((out_channels, in_channels, *positions, *self.kernel_size), dtype=dtype))
        self.register_parameter("bias", Parameter(ag.zeros((out_channels, *positions), dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        fan_in = self.in_channels * math.prod(self.kernel_size)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.n + 1, self.n + 2) or input.shape[-self.n - 1 :] != (
            self.in_channels,
            *self.input_size,
        ):
            wanted = ", ".join(map(str, (self.in_channels, *self.input_size)))
            raise ValueError(
                f"{type(self).__name__}: wants an input (N, {wanted}), or one without N, got shape {input.shape}"
            )
        return F.locally_connected(input, self.weight, self.bias, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, input_size={self.input_size}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, bias={self.bias is not None}"
        )


class LocallyConnected1d(_LocallyConnectedNd):
    """A convolution of (N, C, L) whose weights are not shared; see `nn.functional.locally_connected`.

    The arguments are those of `LocallyConnected2d`.

    >>> import nn
    >>> layer = nn.LocallyConnected1d(3, 5, input_size=8, kernel_size=2, stride=2)
    >>> layer(zeros((1, 3, 8))).shape, layer.weight.shape, layer.bias.shape
    ((1, 5, 4), (5, 3, 4, 2), (5, 4))
    """

    n = 1


class LocallyConnected2d(_LocallyConnectedNd):
    """A convolution of (N, C, H, W) whose weights are not shared; see `nn.functional.locally_connected`.

    The number of positions has to be known: `input_size` are the lengths of the spatial axes. The other arguments are
    those of `Conv2d`. `weight` is (out_channels, in_channels, *positions, *kernel_size), `bias` (out_channels,
    *positions); both start from U(-1/√fan_in, 1/√fan_in), where fan_in = in_channels · ∏kernel_size.

    >>> import nn
    >>> layer = nn.LocallyConnected2d(3, 4, input_size=(6, 5), kernel_size=3)
    >>> layer(zeros((2, 3, 6, 5))).shape, layer.weight.shape
    ((2, 4, 4, 3), (4, 3, 4, 3, 3, 3))
    """

    n = 2
