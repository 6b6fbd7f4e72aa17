"""Layers that exchange pixels with channels, or channels with each other."""

from __future__ import annotations

from autograd import Tensor
from nn import functional as F
from nn.module import Module


class PixelShuffle(Module):
    """(*, C·r², H, W) to (*, C, H·r, W·r), r = `upscale_factor`; see `nn.functional.pixel_shuffle`.

    >>> import nn
    >>> nn.PixelShuffle(2)(zeros((1, 12, 4, 4))).shape
    (1, 3, 8, 8)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(*, C, H·r, W·r) to (*, C·r², H, W), r = `downscale_factor`; see `nn.functional.pixel_unshuffle`.

    >>> import nn
    >>> nn.PixelUnshuffle(2)(zeros((1, 2, 6, 4))).shape
    (1, 8, 3, 2)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels taken from each of `groups` in turn; see `nn.functional.channel_shuffle`.

    >>> import nn
    >>> nn.ChannelShuffle(2)(arange(4).reshape(1, 4, 1)).flatten()
    tensor([0, 2, 1, 3])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
