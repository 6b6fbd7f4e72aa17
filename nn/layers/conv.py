"""Convolution layers: one over n spatial axes, and its thin names."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional.pad import check_reach
from nn.functional.sizes import Padding, PerAxis, padding_pairs, per_axis
from nn.module import Module
from nn.parameter import Parameter

_MODES = ("zeros", "reflect", "replicate", "circular")


class ConvBase(Module):
    """What convolutions over `n` spatial axes and transposed ones share: settings, parameters, text."""

    n: ClassVar[int]
    transposed: ClassVar[bool] = False
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis,
        padding: Padding,
        dilation: PerAxis,
        output_padding: PerAxis,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: npt.DTypeLike | None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.n
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, n)
        self.stride = per_axis(name, "stride", stride, n)
        self.dilation = per_axis(name, "dilation", dilation, n)
        pairs = padding_pairs(name, padding, self.kernel_size, self.stride, self.dilation)
        self.padding: Padding = padding
        if not isinstance(padding, str):
            self.padding = pairs if any(b != a for b, a in pairs) else tuple(before for before, _ in pairs)
        self.output_padding = per_axis(name, "output_padding", output_padding, n, least=0)
        self.groups = groups
        self.padding_mode = padding_mode
        self.check_groups()
        self.weight = Parameter(ag.zeros(self.weight_shape(), dtype=dtype))
        self.register_parameter("bias", Parameter(ag.zeros(out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def check_groups(self) -> None:
        """ValueError unless the groups divide the channels."""
        if self.groups < 1 or self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(
                f"{type(self).__name__}: groups has to divide both channel numbers; got in_channels="
                f"{self.in_channels}, out_channels={self.out_channels}, groups={self.groups}"
            )

    def weight_shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels/groups, *kernel_size); transposed, the channels change places."""
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from U(-1/√fan_in, 1/√fan_in)."""
        init.default_(self.weight, self.bias)

    def check_input(self, input: Tensor) -> None:
        """ValueError unless the input has the spatial axes and the channels of the layer."""
        if input.ndim not in (self.n + 1, self.n + 2) or input.shape[-self.n - 1] != self.in_channels:
            axes = "DHW"[-self.n :] if self.n > 1 else "L"
            raise ValueError(
                f"{type(self).__name__}: wants an input (N, {self.in_channels}, {', '.join(axes)}), or one without N, "
                f"got shape {input.shape}"
            )

    def extra_repr(self) -> str:
        none, ones = (0,) * self.n, (1,) * self.n
        shown: list[Any] = [self.in_channels, self.out_channels]
        shown += [f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        if self.padding != none:
            shown.append(f"padding={self.padding}")
        if self.dilation != ones:
            shown.append(f"dilation={self.dilation}")
        if self.output_padding != none:
            shown.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            shown.append(f"groups={self.groups}")
        if self.bias is None:
            shown.append("bias=False")
        if self.padding_mode != "zeros":
            shown.append(f"padding_mode={self.padding_mode}")
        return ", ".join(map(str, shown))


class _ConvNd(ConvBase):
    """Convolution over `n` spatial axes; see `nn.functional.conv` for formula, shapes and errors."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        if padding_mode not in _MODES:
            raise ValueError(f"{type(self).__name__}: padding_mode is one of {', '.join(_MODES)}; got {padding_mode!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        self.check_input(input)
        padding = self.padding
        if self.padding_mode != "zeros":
            if 0 in input.shape[-self.n :]:
                raise ValueError(
                    f"{type(self).__name__}: padding_mode {self.padding_mode!r} has nothing to continue from in an "
                    f"input of shape {input.shape}"
                )
            pads = padding_pairs(type(self).__name__, padding, self.kernel_size, self.stride, self.dilation)
            widths = [*[(0, 0)] * (input.ndim - self.n), *pads]
            check_reach(type(self).__name__, self.padding_mode, input.shape, widths)
            input = ag.pad(input, widths, mode=self.padding_mode)
            padding = 0
        return F.conv(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_ConvNd):
    """Convolution of (N, C, L); see `nn.functional.conv`. The arguments are those of `Conv2d`.

    With padding before and none after, as in the example, no output depends on later inputs.

    >>> import nn
    >>> layer = nn.Conv1d(4, 8, kernel_size=3, dilation=2, padding=[(4, 0)])
    >>> layer(zeros((2, 4, 10))).shape, layer.weight.shape
    ((2, 8, 10), (8, 4, 3))
    """

    n = 1


class Conv2d(_ConvNd):
    """Convolution of (N, C, H, W); see `nn.functional.conv`. The kernel is not flipped.

    `kernel_size`, `stride` and `dilation` are ints or pairs. `padding` is an int; an int or a pair (before, after) for
    each axis; "same", "valid" or "full". `padding_mode` is "zeros", "reflect", "replicate" or "circular". `weight` is
    (out_channels, in_channels/groups, *kernel_size) and, unless `bias` is False, `bias` (out_channels,); both start
    from U(-1/√fan_in, 1/√fan_in), where fan_in = in_channels/groups · ∏kernel_size. `dtype` is that of the parameters;
    None: the default one.

    >>> import nn
    >>> nn.Conv2d(3, 8, kernel_size=3, padding=1)(zeros((2, 3, 16, 16))).shape
    (2, 8, 16, 16)
    >>> nn.Conv2d(3, 8, kernel_size=2, padding=[(1, 0), (0, 1)])(zeros((2, 3, 16, 16))).shape
    (2, 8, 16, 16)
    """

    n = 2


class Conv3d(_ConvNd):
    """Convolution of (N, C, D, H, W); see `nn.functional.conv`. The arguments are those of `Conv2d`.

    >>> import nn
    >>> layer = nn.Conv3d(3, 8, kernel_size=(1, 3, 3), padding=(0, 1, 1))  # each frame by itself
    >>> layer(zeros((2, 3, 4, 6, 6))).shape, layer.weight.shape
    ((2, 8, 4, 6, 6), (8, 3, 1, 3, 3))
    """

    n = 3
