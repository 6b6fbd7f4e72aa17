"""Convolution layers: one over n spatial axes, and its thin names."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional.conv import same_pads
from nn.functional.sizes import PerAxis, per_axis
from nn.module import Module
from nn.parameter import Parameter

_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class _ConvNd(Module):
    """Convolution over `n` spatial axes; see `nn.functional.conv` for formula, shapes and errors."""

    n: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PerAxis | str = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.n
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups has to divide both channel numbers; got in_channels={in_channels}, "
                f"out_channels={out_channels}, groups={groups}"
            )
        if padding_mode not in _MODES:
            raise ValueError(f"{name}: padding_mode is one of {', '.join(_MODES)}; got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, n)
        self.stride = per_axis(name, "stride", stride, n)
        self.padding = padding if isinstance(padding, str) else per_axis(name, "padding", padding, n, least=0)
        self.dilation = per_axis(name, "dilation", dilation, n)
        self.groups = groups
        self.padding_mode = padding_mode
        if self.padding == "same" and max(self.stride) > 1:
            raise ValueError(f"{name}: padding 'same' wants stride 1, got {self.stride}")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"{name}: padding has to be 'same', 'valid' or numbers, got {padding!r}")
        self.weight = Parameter(ag.zeros((out_channels, in_channels // groups, *self.kernel_size), dtype=dtype))
        self.bias = Parameter(ag.zeros(out_channels, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from U(-1/√fan_in, 1/√fan_in)."""
        init.default_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.n + 1, self.n + 2) or input.shape[-self.n - 1] != self.in_channels:
            axes = "DHW"[-self.n :] if self.n > 1 else "L"
            raise ValueError(
                f"{type(self).__name__}: wants an input (N, {self.in_channels}, {', '.join(axes)}), or one without N, "
                f"got shape {input.shape}"
            )
        padding: PerAxis | str = self.padding
        if self.padding_mode != "zeros":
            input = ag.pad(input, [*[(0, 0)] * (input.ndim - self.n), *self._pads()], mode=_MODES[self.padding_mode])
            padding = 0
        return F.conv(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _pads(self) -> list[tuple[int, int]]:
        if self.padding == "same":
            return same_pads(self.kernel_size, self.dilation)
        return [(0, 0)] * self.n if isinstance(self.padding, str) else [(p, p) for p in self.padding]

    def extra_repr(self) -> str:
        shown: list[Any] = [self.in_channels, self.out_channels]
        shown += [f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        if self.padding != (0,) * self.n:
            shown.append(f"padding={self.padding}")
        if self.dilation != (1,) * self.n:
            shown.append(f"dilation={self.dilation}")
        if self.groups != 1:
            shown.append(f"groups={self.groups}")
        if self.bias is None:
            shown.append("bias=False")
        if self.padding_mode != "zeros":
            shown.append(f"padding_mode={self.padding_mode}")
        return ", ".join(map(str, shown))


class Conv1d(_ConvNd):
    """Convolution of (N, C, L); see `nn.functional.conv`."""

    n = 1


class Conv2d(_ConvNd):
    """Convolution of (N, C, H, W); see `nn.functional.conv`.

    `kernel_size`, `stride`, `padding` and `dilation` are ints or pairs; `padding` may be "same" or "valid";
    `padding_mode` is "zeros", "reflect", "replicate" or "circular". `weight` is (out_channels, in_channels/groups,
    *kernel_size).

    >>> import nn
    >>> nn.Conv2d(3, 8, kernel_size=3, padding=1)(zeros((2, 3, 16, 16))).shape
    (2, 8, 16, 16)
    """

    n = 2


class Conv3d(_ConvNd):
    """Convolution of (N, C, D, H, W); see `nn.functional.conv`."""

    n = 3
