"""MobileNet v2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Tensor
from nn import init
from nn.containers import Sequential
from nn.layers import BatchNorm2d, Conv2d, Dropout, Linear, ReLU6
from nn.models.builder import builder, divisible, zero_bias
from nn.models.resnet import Norm
from nn.module import Module

# expansion, channels, blocks, stride of the first
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _conv_norm_relu6(
    channels: int, features: int, kernel_size: int, norm: Norm, stride: int = 1, groups: int = 1
) -> Sequential:
    convolution = Conv2d(channels, features, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    return Sequential(convolution, norm(features), ReLU6(inplace=True))


class InvertedResidual(Module):
    """1×1 to expand_ratio·inp channels, 3×3 depthwise, 1×1 to oup channels without relu; added to x if shapes agree.

    (N, inp, H, W) to (N, oup, ⌈H/stride⌉, ⌈W/stride⌉). An expand_ratio of 1 leaves out the first convolution.
    `norm_layer` is as in `ResNet`.

    Source: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks".

    >>> import nn
    >>> nn.models.InvertedResidual(8, 12, stride=2, expand_ratio=6)(zeros((1, 8, 4, 4))).shape
    (1, 12, 2, 2)
    """

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"InvertedResidual: stride is 1 or 2, got {stride}")
        norm = norm_layer or BatchNorm2d
        hidden = round(inp * expand_ratio)
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        expansion = [_conv_norm_relu6(inp, hidden, 1, norm)] if expand_ratio != 1 else []
        self.conv = Sequential(
            *expansion,
            _conv_norm_relu6(hidden, hidden, 3, norm, stride, groups=hidden),
            Conv2d(hidden, oup, kernel_size=1, bias=False),
            norm(oup),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(Module):
    """MobileNet v2 for images (N, 3, H, W), giving class scores (N, num_classes).

    All numbers of channels are multiplied by `width_mult` (the last, 1280, only if that is above 1) and rounded to
    multiples of `round_nearest`. `inverted_residual_setting` lists the stages as (expand_ratio, channels, blocks,
    stride). `norm_layer` is as in `ResNet`; `dropout` is the probability of dropout before the linear layer.
    Convolutions start from He's normal scheme over the fan-out, the linear layer from N(0, 0.01²). Raises ValueError
    for no stages, or one that does not have four numbers.

    Source: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks".

    >>> import nn
    >>> network = nn.models.MobileNetV2(10, inverted_residual_setting=[(1, 8, 1, 1), (6, 16, 2, 2)])
    >>> network.features(zeros((1, 3, 32, 32))).shape
    (1, 1280, 8, 8)
    >>> network(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        *,
        norm_layer: Norm | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        stages = _STAGES if inverted_residual_setting is None else inverted_residual_setting
        if not stages or any(len(stage) != 4 for stage in stages):
            raise ValueError(
                "MobileNetV2: inverted_residual_setting lists (expand_ratio, channels, blocks, stride), "
                f"got {inverted_residual_setting}"
            )
        norm = norm_layer or BatchNorm2d
        channels = divisible(32 * width_mult, round_nearest)
        self.last_channel = divisible(1280 * max(1.0, width_mult), round_nearest)
        layers: list[Module] = [_conv_norm_relu6(3, channels, 3, norm, stride=2)]
        for expand_ratio, width, count, stride in stages:
            features = divisible(width * width_mult, round_nearest)
            for i in range(count):
                layers.append(InvertedResidual(channels, features, stride if i == 0 else 1, expand_ratio, norm))
                channels = features
        layers.append(_conv_norm_relu6(channels, self.last_channel, 1, norm))
        self.features = Sequential(*layers)
        self.classifier = Sequential(Dropout(dropout), Linear(self.last_channel, num_classes))
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, Linear):
                init.normal_(module.weight, 0, 0.01)
                zero_bias(module)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, last_channel, H/32, W/32)
        return self.classifier(x.mean((2, 3)))  # (N, num_classes)


@builder
def mobilenet_v2(**options: Any) -> MobileNetV2:
    """MobileNet v2, 3.5 million parameters; the options are those of `MobileNetV2`.

    >>> import nn
    >>> nn.models.mobilenet_v2(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return MobileNetV2(**options)
