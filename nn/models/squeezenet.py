"""SqueezeNet."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor
from nn import init
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, Conv2d, Dropout, MaxPool2d, ReLU
from nn.models.builder import builder, zero_bias
from nn.module import Module


class Fire(Module):
    """A 1×1 convolution to few channels, `squeeze_planes`, then 1×1 and 3×3 convolutions side by side, each with relu.

    (N, inplanes, H, W) to (N, expand1x1_planes + expand3x3_planes, H, W).

    Source: Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size".

    >>> import nn
    >>> nn.models.Fire(8, 2, 4, 4)(zeros((1, 8, 3, 3))).shape
    (1, 8, 3, 3)
    """

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = ReLU(inplace=True)
        self.expand1x1 = Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = ReLU(inplace=True)
        self.expand3x3 = Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return ag.concatenate(
            [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1
        )


def _pool() -> MaxPool2d:
    return MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _stem(features: int, kernel_size: int) -> list[Module]:
    return [Conv2d(3, features, kernel_size, stride=2), ReLU(inplace=True), _pool()]


class SqueezeNet(Module):
    """SqueezeNet for images (N, 3, H, W), giving class scores (N, num_classes).

    `version` is "1_0", the paper's, or "1_1", which pools earlier and costs 2.4 times less. `dropout` is the
    probability of dropout before the last convolution. Raises ValueError for another version.

    Source: Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size".

    >>> import nn
    >>> network = nn.models.SqueezeNet("1_1", num_classes=10)
    >>> network.features(zeros((1, 3, 32, 32))).shape, network(zeros((1, 3, 32, 32))).shape
    ((1, 512, 1, 1), (1, 10))
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version == "1_0":
            self.features = Sequential(
                *_stem(96, kernel_size=7),
                Fire(96, 16, 64, 64),
                Fire(128, 16, 64, 64),
                Fire(128, 32, 128, 128),
                _pool(),
                Fire(256, 32, 128, 128),
                Fire(256, 48, 192, 192),
                Fire(384, 48, 192, 192),
                Fire(384, 64, 256, 256),
                _pool(),
                Fire(512, 64, 256, 256),
            )
        elif version == "1_1":
            self.features = Sequential(
                *_stem(64, kernel_size=3),
                Fire(64, 16, 64, 64),
                Fire(128, 16, 64, 64),
                _pool(),
                Fire(128, 32, 128, 128),
                Fire(256, 32, 128, 128),
                _pool(),
                Fire(256, 48, 192, 192),
                Fire(384, 48, 192, 192),
                Fire(384, 64, 256, 256),
                Fire(512, 64, 256, 256),
            )
        else:
            raise ValueError(f"SqueezeNet: version is '1_0' or '1_1', got {version!r}")
        last = Conv2d(512, num_classes, kernel_size=1)
        self.classifier = Sequential(Dropout(dropout), last, ReLU(inplace=True), AdaptiveAvgPool2d((1, 1)))
        for module in self.modules():
            if isinstance(module, Conv2d):
                if module is last:
                    init.normal_(module.weight, 0, 0.01)
                else:
                    init.kaiming_uniform_(module.weight)
                zero_bias(module)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).flatten(1)  # (N, num_classes)


@builder
def squeezenet1_0(**options: Any) -> SqueezeNet:
    """SqueezeNet 1.0, 1.2 million parameters; the options are those of `SqueezeNet`.

    >>> import nn
    >>> nn.models.squeezenet1_0()(zeros((1, 3, 64, 64))).shape
    (1, 1000)
    """
    return SqueezeNet("1_0", **options)


@builder
def squeezenet1_1(**options: Any) -> SqueezeNet:
    """SqueezeNet 1.1, 1.2 million parameters; the options are those of `SqueezeNet`.

    >>> import nn
    >>> nn.models.squeezenet1_1()(zeros((1, 3, 64, 64))).shape
    (1, 1000)
    """
    return SqueezeNet("1_1", **options)
