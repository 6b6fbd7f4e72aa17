"""Transposed convolution layers: one over n spatial axes, and its thin names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from autograd import Tensor
from nn import functional as F
from nn.functional.sizes import Padding, PerAxis, padding_pairs, per_axis, transposed_sizes
from nn.layers.conv import ConvBase


class _ConvTransposeNd(ConvBase):
    """Transposed convolution over `n` spatial axes; see `nn.functional.conv_transpose`."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f"{type(self).__name__}: padding_mode can only be zeros, got {padding_mode!r}")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        self.check_input(input)
        extra = self.output_padding if output_size is None else self._output_padding(input, output_size)
        return F.conv_transpose(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """What has to be added to the least output for it to have `output_size`."""
        name = type(self).__name__
        if len(output_size) not in (self.n, input.ndim):
            raise ValueError(
                f"{name}: output_size has to have {self.n} or {input.ndim} numbers for input {input.shape}, "
                f"got {tuple(output_size)}"
            )
        wanted = per_axis(name, "output_size", tuple(output_size[-self.n :]), self.n)
        pads = padding_pairs(name, self.padding, self.kernel_size, self.stride, self.dilation)
        shape = (1, *input.shape[-self.n - 1 :])
        least = transposed_sizes(shape, self.kernel_size, self.stride, pads, self.dilation)
        extra = tuple(w - size for w, size in zip(wanted, least, strict=True))
        if any(not 0 <= e < step for e, step in zip(extra, self.stride, strict=True)):
            most = tuple(size + step - 1 for size, step in zip(least, self.stride, strict=True))
            raise ValueError(
                f"{name}: input {input.shape} can have an output_size from {least} to {most}, got {wanted}"
            )
        return extra


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of (N, C, L); see `nn.functional.conv_transpose`.

    The arguments, those of the call too, are as in `ConvTranspose2d`.

    >>> import nn
    >>> layer = nn.ConvTranspose1d(8, 3, kernel_size=4, stride=2, padding=1)  # twice as long
    >>> layer(zeros((2, 8, 5))).shape, layer.weight.shape
    ((2, 3, 10), (8, 3, 4))
    """

    n = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of (N, C, H, W); see `nn.functional.conv_transpose`.

    `weight` is (in_channels, out_channels/groups, *kernel_size). Convolutions of different inputs can have outputs of
    equal size; `output_padding` says which of them to go back to, or, given to the call, `output_size`, the lengths of
    the spatial axes (or the whole shape). `padding_mode` can only be "zeros". The other arguments are as in `Conv2d`.

    >>> import nn
    >>> layer = nn.ConvTranspose2d(8, 3, kernel_size=3, stride=2, padding=1)
    >>> layer(zeros((2, 8, 4, 4))).shape
    (2, 3, 7, 7)
    >>> layer(zeros((2, 8, 4, 4)), output_size=(8, 7)).shape
    (2, 3, 8, 7)
    """

    n = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of (N, C, D, H, W); see `nn.functional.conv_transpose`.

    The arguments, those of the call too, are as in `ConvTranspose2d`.

    >>> import nn
    >>> layer = nn.ConvTranspose3d(8, 3, kernel_size=(1, 2, 2), stride=(1, 2, 2))  # the frames stay as many
    >>> layer(zeros((2, 8, 4, 5, 6))).shape, layer.weight.shape
    ((2, 3, 4, 10, 12), (8, 3, 1, 2, 2))
    """

    n = 3
