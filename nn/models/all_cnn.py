"""The all-convolutional network."""

from __future__ import annotations

from autograd import Tensor
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, Conv2d, Dropout, ReLU
from nn.module import Module


def _conv(channels: int, features: int, kernel_size: int = 3, stride: int = 1, padding: int = 0) -> list[Module]:
    return [Conv2d(channels, features, kernel_size, stride, padding), ReLU(inplace=True)]


class AllCNN(Module):
    """All-CNN-C for images (N, in_channels, 32, 32), giving class scores (N, num_classes), of convolutions alone.

    Where other networks pool, a 3×3 convolution has stride 2; scores are the mean over a last 1×1 convolution's maps.
    `input_dropout` is for the images, `dropout` for the maps after each convolution with stride 2.

    Source: Springenberg, Dosovitskiy, Brox, Riedmiller 2015, "Striving for simplicity: the all convolutional net".

    >>> import nn
    >>> nn.models.AllCNN()(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 3, input_dropout: float = 0.2, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = Sequential(
            Dropout(input_dropout),
            *_conv(in_channels, 96, padding=1),
            *_conv(96, 96, padding=1),
            *_conv(96, 96, stride=2, padding=1),
            Dropout(dropout),
            *_conv(96, 192, padding=1),
            *_conv(192, 192, padding=1),
            *_conv(192, 192, stride=2, padding=1),
            Dropout(dropout),
            *_conv(192, 192),
            *_conv(192, 192, kernel_size=1),
            *_conv(192, num_classes, kernel_size=1),
        )
        self.avgpool = AdaptiveAvgPool2d((1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, num_classes, 6, 6) of 32×32
        return self.avgpool(x).flatten(1)  # (N, num_classes)
