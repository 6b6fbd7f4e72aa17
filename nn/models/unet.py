"""U-Net: a class for every pixel, by going down to coarse maps and up again beside what was seen on the way."""

from __future__ import annotations

from itertools import pairwise

import autograd as ag
from autograd import Tensor
from nn.containers import ModuleList, Sequential
from nn.layers import BatchNorm2d, Conv2d, ConvTranspose2d, MaxPool2d, ReLU, Upsample
from nn.module import Module


class DoubleConv(Sequential):
    """3×3 convolution – relu, twice, with batch normalisation before each relu if `batch_norm`.

    (N, in_channels, H, W) to (N, out_channels, H, W), or with `padding` 0 to (N, out_channels, H - 4, W - 4).

    Source: Ronneberger, Fischer, Brox 2015, "U-Net: convolutional networks for biomedical image segmentation".

    >>> import nn
    >>> nn.models.DoubleConv(1, 8)(zeros((1, 1, 6, 6))).shape
    (1, 8, 6, 6)
    >>> nn.models.DoubleConv(1, 8, padding=0)(zeros((1, 1, 6, 6))).shape
    (1, 8, 2, 2)
    """

    def __init__(self, in_channels: int, out_channels: int, padding: int = 1, batch_norm: bool = False) -> None:
        layers: list[Module] = []
        for channels in (in_channels, out_channels):
            layers.append(Conv2d(channels, out_channels, kernel_size=3, padding=padding, bias=not batch_norm))
            if batch_norm:
                layers.append(BatchNorm2d(out_channels))
            layers.append(ReLU(inplace=True))
        super().__init__(*layers)


class UNetDown(Module):
    """A stage of the way down: 2×2 pool, two convolutions. (N, in_channels, H, W) to (N, out_channels, H/2, W/2).

    With `padding` 0 each convolution takes two rows and two columns away. `batch_norm` is as in `DoubleConv`. Raises
    ValueError for odd heights and widths.

    Source: Ronneberger, Fischer, Brox 2015, "U-Net: convolutional networks for biomedical image segmentation".

    >>> import nn
    >>> nn.models.UNetDown(4, 8)(zeros((1, 4, 6, 6))).shape
    (1, 8, 3, 3)
    """

    def __init__(self, in_channels: int, out_channels: int, padding: int = 1, batch_norm: bool = False) -> None:
        super().__init__()
        self.pool = MaxPool2d(2)
        self.conv = DoubleConv(in_channels, out_channels, padding, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2] % 2 or x.shape[-1] % 2:
            raise ValueError(
                f"UNetDown: a 2×2 pool wants even height and width, got shape {tuple(x.shape)}; "
                "pad the images so that every pool has them"
            )
        return self.conv(self.pool(x))


class UNetUp(Module):
    """A stage of the way up: twice the size, half the channels, the maps of the way down beside it, two convolutions.

    Called with (N, in_channels, H, W) and `skip` (N, out_channels, H', W') of at least twice the size, which is cut to
    its middle 2H×2W; gives (N, out_channels, 2H, 2W). `up` is "transposed" for a transposed convolution, "bilinear" for
    interpolation and a 1×1 convolution. `padding` and `batch_norm` are as in `DoubleConv`. Raises ValueError if `skip`
    is smaller.

    Source: Ronneberger, Fischer, Brox 2015, "U-Net: convolutional networks for biomedical image segmentation".

    >>> import nn
    >>> nn.models.UNetUp(8, 4)(zeros((1, 8, 3, 3)), zeros((1, 4, 6, 6))).shape
    (1, 4, 6, 6)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        up: str = "transposed",
        padding: int = 1,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if up == "transposed":
            self.up: Module = ConvTranspose2d(in_channels, out_channels, kernel_size=2, stride=2)
        elif up == "bilinear":
            self.up = Sequential(
                Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                Conv2d(in_channels, out_channels, kernel_size=1),
            )
        else:
            raise ValueError(f"UNetUp: up is 'transposed' or 'bilinear', got {up!r}")
        self.conv = DoubleConv(2 * out_channels, out_channels, padding, batch_norm)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)  # (N, out_channels, 2H, 2W)
        height, width = x.shape[-2:]
        top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
        if top < 0 or left < 0:
            raise ValueError(
                f"UNetUp: skip {tuple(skip.shape)} is smaller than what is to stand beside it, {tuple(x.shape)}"
            )
        skip = skip[:, :, top : top + height, left : left + width]
        return self.conv(ag.concatenate([skip, x], 1))


class UNet(Module):
    """U-Net for images (N, in_channels, H, W), giving scores for every pixel, (N, num_classes, H, W).

    `depth` stages go down, doubling the `base_channels` each time, and as many up; `up` is "transposed" or "bilinear".
    H and W have to be multiples of 2^depth. With `padding` 0, as in the paper, it is the maps before each pool that
    have to be even (at depth 4: H and W that leave 12 when divided by 16), and the result is smaller: 388×388 from
    572×572. `batch_norm` is as in `DoubleConv`.

    Source: Ronneberger, Fischer, Brox 2015, "U-Net: convolutional networks for biomedical image segmentation".

    >>> import nn
    >>> nn.models.UNet(1, 2, depth=2, base_channels=4)(zeros((1, 1, 16, 24))).shape
    (1, 2, 16, 24)
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 2,
        depth: int = 4,
        base_channels: int = 64,
        up: str = "transposed",
        padding: int = 1,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if depth < 1 or base_channels < 1:
            raise ValueError(f"UNet: depth and base_channels are at least 1, got {depth} and {base_channels}")
        widths = [base_channels * 2**i for i in range(depth + 1)]
        stages = list(pairwise(widths))
        self.stem = DoubleConv(in_channels, base_channels, padding, batch_norm)
        self.down = ModuleList([UNetDown(narrow, wide, padding, batch_norm) for narrow, wide in stages])
        self.up = ModuleList([UNetUp(wide, narrow, up, padding, batch_norm) for narrow, wide in reversed(stages)])
        self.head = Conv2d(base_channels, num_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (N, base_channels, H, W)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)  # (N, 2^i·base_channels, H/2^i, W/2^i)
        for up in self.up:
            x = up(x, skips.pop())
        return self.head(x)  # (N, num_classes, H, W)
