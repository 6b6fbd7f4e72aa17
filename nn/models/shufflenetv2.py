"""ShuffleNet v2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor
from nn.containers import Sequential
from nn.layers import BatchNorm2d, ChannelShuffle, Conv2d, Linear, MaxPool2d, ReLU
from nn.models.builder import builder
from nn.module import Module


def _pointwise(channels: int, features: int) -> list[Module]:
    """1×1 convolution – norm – relu."""
    return [Conv2d(channels, features, kernel_size=1, bias=False), BatchNorm2d(features), ReLU(inplace=True)]


def _depthwise(channels: int, stride: int) -> list[Module]:
    """3×3 depthwise convolution – norm."""
    return [Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False), BatchNorm2d(channels)]


class ShuffleUnit(Module):
    """Half of the channels pass as they are, half through 1×1, depthwise 3×3 and 1×1; then both are interleaved.

    (N, inp, H, W) to (N, oup, ⌈H/stride⌉, ⌈W/stride⌉). At stride 2 all channels go both ways, the first being depthwise
    3×3 and 1×1. Raises ValueError unless `stride` is 1 or 2, `oup` is even and, at stride 1, equal to `inp`.

    Source: Ma, Zhang, Zheng, Sun 2018, "ShuffleNet V2: practical guidelines for efficient CNN architecture design".

    >>> import nn
    >>> nn.models.ShuffleUnit(8, 16, stride=2)(zeros((1, 8, 4, 4))).shape
    (1, 16, 2, 2)
    """

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if stride not in (1, 2) or oup % 2 or (stride == 1 and inp != oup):
            raise ValueError(
                f"ShuffleUnit: wants stride 2 and even oup, or stride 1 and even oup equal to inp, "
                f"got inp={inp}, oup={oup}, stride={stride}"
            )
        self.stride = stride
        half = oup // 2
        self.branch1 = Sequential(*_depthwise(inp, stride), *_pointwise(inp, half)) if stride > 1 else Sequential()
        self.branch2 = Sequential(
            *_pointwise(inp if stride > 1 else half, half), *_depthwise(half, stride), *_pointwise(half, half)
        )
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = ag.chunk(x, 2, 1) if self.stride == 1 else (x, x)
        return self.shuffle(ag.concatenate([self.branch1(kept), self.branch2(changed)], 1))


class ShuffleNetV2(Module):
    """ShuffleNet v2 for images (N, 3, H, W), giving class scores (N, num_classes).

    `stages_repeats` says how many units stages 2 to 4 have, `stages_out_channels` how many channels the first
    convolution, those stages and the last convolution give. Raises ValueError unless these are three and five.

    Source: Ma, Zhang, Zheng, Sun 2018, "ShuffleNet V2: practical guidelines for efficient CNN architecture design".

    >>> import nn
    >>> nn.models.ShuffleNetV2((1, 2, 1), (8, 16, 32, 64, 128), num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self, stages_repeats: Sequence[int], stages_out_channels: Sequence[int], num_classes: int = 1000
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3 or len(stages_out_channels) != 5:
            raise ValueError(
                f"ShuffleNetV2: wants stages_repeats of 3 and stages_out_channels of 5 numbers, "
                f"got {stages_repeats} and {stages_out_channels}"
            )
        first, *stages, last = stages_out_channels
        self.conv1 = Sequential(
            Conv2d(3, first, kernel_size=3, stride=2, padding=1, bias=False), BatchNorm2d(first), ReLU(inplace=True)
        )
        self.maxpool = MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage2 = self._stage(first, stages[0], stages_repeats[0])
        self.stage3 = self._stage(stages[0], stages[1], stages_repeats[1])
        self.stage4 = self._stage(stages[1], stages[2], stages_repeats[2])
        self.conv5 = Sequential(*_pointwise(stages[2], last))
        self.fc = Linear(last, num_classes)

    def _stage(self, channels: int, features: int, count: int) -> Sequential:
        return Sequential(
            ShuffleUnit(channels, features, 2), *(ShuffleUnit(features, features, 1) for _ in range(1, count))
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # (N, C, H/4, W/4)
        x = self.stage4(self.stage3(self.stage2(x)))  # (N, C, H/32, W/32)
        return self.fc(self.conv5(x).mean((2, 3)))  # (N, num_classes)


@builder
def shufflenet_v2_x0_5(**options: Any) -> ShuffleNetV2:
    """ShuffleNet v2 at half width, 1.4 million parameters; the option is `num_classes`.

    >>> import nn
    >>> nn.models.shufflenet_v2_x0_5(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return ShuffleNetV2((4, 8, 4), (24, 48, 96, 192, 1024), **options)


@builder
def shufflenet_v2_x1_0(**options: Any) -> ShuffleNetV2:
    """ShuffleNet v2, 2.3 million parameters; the option is `num_classes`.

    >>> import nn
    >>> nn.models.shufflenet_v2_x1_0(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return ShuffleNetV2((4, 8, 4), (24, 116, 232, 464, 1024), **options)


@builder
def shufflenet_v2_x1_5(**options: Any) -> ShuffleNetV2:
    """ShuffleNet v2 at one and a half times its width, 3.5 million parameters; the option is `num_classes`.

    >>> import nn
    >>> nn.models.shufflenet_v2_x1_5(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return ShuffleNetV2((4, 8, 4), (24, 176, 352, 704, 1024), **options)


@builder
def shufflenet_v2_x2_0(**options: Any) -> ShuffleNetV2:
    """ShuffleNet v2 at double width, 7.4 million parameters; the option is `num_classes`.

    >>> import nn
    >>> nn.models.shufflenet_v2_x2_0(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return ShuffleNetV2((4, 8, 4), (24, 244, 488, 976, 2048), **options)
