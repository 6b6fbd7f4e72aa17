"""Squeeze-and-excitation."""

from __future__ import annotations

from collections.abc import Callable

from autograd import Tensor
from nn.layers import AdaptiveAvgPool2d, Conv2d, ReLU, Sigmoid
from nn.module import Module


class SqueezeExcitation(Module):
    """Each channel times a factor that depends on the means of all: (N, input_channels, H, W) to the same.

    The means pass two linear layers (as 1×1 convolutions) with `squeeze_channels` between them, `activation` after the
    first and `scale_activation` after the second.

    Source: Hu, Shen, Sun 2018, "Squeeze-and-excitation networks".

    >>> import nn
    >>> nn.models.SqueezeExcitation(8, 2)(zeros((1, 8, 4, 4))).shape
    (1, 8, 4, 4)
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Callable[[], Module] = ReLU,
        scale_activation: Callable[[], Module] = Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc1 = Conv2d(input_channels, squeeze_channels, kernel_size=1)
        self.fc2 = Conv2d(squeeze_channels, input_channels, kernel_size=1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        scale = self.avgpool(input)  # (N, C, 1, 1)
        scale = self.activation(self.fc1(scale))  # (N, squeeze_channels, 1, 1)
        return self.scale_activation(self.fc2(scale)) * input  # (N, C, H, W)
