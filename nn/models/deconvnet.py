"""DeconvNet: a class for every pixel, by unpooling with the switches of the pools."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from autograd import Tensor
from nn.containers import ModuleList, Sequential
from nn.layers import BatchNorm2d, Conv2d, ConvTranspose2d, MaxPool2d, MaxUnpool2d, ReLU
from nn.module import Module


def _stage(
    layer: type[Conv2d] | type[ConvTranspose2d], widths: Sequence[int], kernel_size: int, padding: int
) -> Sequential:
    """Convolutions, transposed or not, from each width to the next, each with batch normalisation and relu."""
    layers: list[Module] = []
    for channels, features in pairwise(widths):
        layers += [layer(channels, features, kernel_size, padding=padding), BatchNorm2d(features), ReLU(inplace=True)]
    return Sequential(*layers)


class DeconvNet(Module):
    """DeconvNet for images (N, in_channels, H, W), giving scores for every pixel, (N, num_classes, H, W).

    The way down: for each of `channels`, `convs` 3×3 convolutions and a 2×2 max pool that records its switches; then
    what were fully connected layers, to `code_channels` by a `code_size`×`code_size` convolution. The way back is its
    mirror: transposed convolutions, and maxima put back to where the switches say. The paper has channels (64, 128,
    256, 512, 512), convs 2 or 3, code_channels 4096 and code_size 7, for 224×224.

    The maps before the code have to be at least `code_size` high and wide.

    Source: Noh, Hong, Han 2015, "Learning deconvolution network for semantic segmentation".

    >>> import nn
    >>> nn.models.DeconvNet(1, 2, channels=(4, 8), code_channels=16, code_size=3)(zeros((1, 1, 18, 13))).shape
    (1, 2, 18, 13)
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 21,
        channels: Sequence[int] = (32, 64, 128),
        convs: int = 2,
        code_channels: int = 256,
        code_size: int = 4,
    ) -> None:
        super().__init__()
        if not channels or convs < 1:
            raise ValueError(f"DeconvNet: wants at least one of channels and of convs, got {channels} and {convs}")
        before = (in_channels, *channels[:-1])
        after = (channels[0], *channels[:-1])
        ways = list(zip(before, channels, after, strict=True))
        self.convs = ModuleList([_stage(Conv2d, (b, *(c,) * convs), 3, 1) for b, c, _ in ways])
        self.pool = MaxPool2d(2, return_indices=True)
        self.encode = _stage(Conv2d, (channels[-1], code_channels), code_size, 0)
        self.code = _stage(Conv2d, (code_channels, code_channels), 1, 0)
        self.decode = _stage(ConvTranspose2d, (code_channels, channels[-1]), code_size, 0)
        self.unpool = MaxUnpool2d(2)
        self.deconvs = ModuleList([_stage(ConvTranspose2d, (*(c,) * convs, a), 3, 1) for _, c, a in reversed(ways)])
        self.head = Conv2d(channels[0], num_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        pools = []
        for stage in self.convs:
            x = stage(x)
            size = x.shape[-2:]
            x, switches = self.pool(x)  # (N, C, H/2^i, W/2^i)
            pools.append((switches, size))
        x = self.decode(self.code(self.encode(x)))
        for stage in self.deconvs:
            switches, size = pools.pop()
            x = stage(self.unpool(x, switches, size))
        return self.head(x)  # (N, num_classes, H, W)
