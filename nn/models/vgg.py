"""VGG: stacks of 3×3 convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Tensor
from nn import init
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU
from nn.models.builder import builder, zero_bias
from nn.module import Module

_CHANNELS = (64, 128, 256, 512, 512)


class VGG(Module):
    """VGG for images (N, 3, H, W), made for 224×224 and at least 32×32, giving class scores (N, num_classes).

    `features` takes the images to maps of 512 channels. With `init_weights`, convolutions start from He's normal scheme
    over the fan-out, linear layers from N(0, 0.01²). `dropout` is the probability of dropout after the first and the
    second of them.

    Source: Simonyan, Zisserman 2015, "Very deep convolutional networks for large-scale image recognition".

    >>> from nn.models.vgg import VGG, vgg_features
    >>> features = vgg_features((2, 2, 3, 3, 3))  # VGG(features) is VGG-16
    >>> features(zeros((1, 3, 64, 32))).shape
    (1, 512, 2, 1)
    """

    def __init__(
        self, features: Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = AdaptiveAvgPool2d((7, 7))
        self.classifier = Sequential(
            Linear(512 * 7 * 7, 4096),
            ReLU(inplace=True),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(inplace=True),
            Dropout(dropout),
            Linear(4096, num_classes),
        )
        if init_weights:
            for module in self.modules():
                if isinstance(module, Conv2d):
                    init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                    zero_bias(module)
                elif isinstance(module, Linear):
                    init.normal_(module.weight, 0, 0.01)
                    zero_bias(module)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (N, 512, 7, 7)
        return self.classifier(x.flatten(1))  # (N, num_classes)


def vgg_features(convolutions: Sequence[int], batch_norm: bool = False) -> Sequential:
    """Five stages of so many 3×3 convolutions each, with 64, 128, 256, 512 and 512 channels, each ending in a pool."""
    layers: list[Module] = []
    channels = 3
    for width, count in zip(_CHANNELS, convolutions, strict=True):
        for _ in range(count):
            layers.append(Conv2d(channels, width, kernel_size=3, padding=1))
            if batch_norm:
                layers.append(BatchNorm2d(width))
            layers.append(ReLU(inplace=True))
            channels = width
        layers.append(MaxPool2d(kernel_size=2, stride=2))
    return Sequential(*layers)


@builder
def vgg11(**options: Any) -> VGG:
    """VGG-11, configuration A of the paper, 132.9 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((1, 1, 2, 2, 2))  # what is before the three linear layers
    >>> [type(layer).__name__ for layer in features].count("Conv2d")
    8
    """
    return VGG(vgg_features((1, 1, 2, 2, 2)), **options)


@builder
def vgg11_bn(**options: Any) -> VGG:
    """VGG-11 with batch normalisation, 132.9 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((1, 1, 2, 2, 2), batch_norm=True)
    >>> [type(layer).__name__ for layer in features].count("BatchNorm2d")
    8
    """
    return VGG(vgg_features((1, 1, 2, 2, 2), batch_norm=True), **options)


@builder
def vgg13(**options: Any) -> VGG:
    """VGG-13, configuration B of the paper, 133.0 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((2, 2, 2, 2, 2))  # what is before the three linear layers
    >>> [type(layer).__name__ for layer in features].count("Conv2d")
    10
    """
    return VGG(vgg_features((2, 2, 2, 2, 2)), **options)


@builder
def vgg13_bn(**options: Any) -> VGG:
    """VGG-13 with batch normalisation, 133.1 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((2, 2, 2, 2, 2), batch_norm=True)
    >>> [type(layer).__name__ for layer in features].count("BatchNorm2d")
    10
    """
    return VGG(vgg_features((2, 2, 2, 2, 2), batch_norm=True), **options)


@builder
def vgg16(**options: Any) -> VGG:
    """VGG-16, configuration D of the paper, 138.4 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((2, 2, 3, 3, 3))  # what is before the three linear layers
    >>> [type(layer).__name__ for layer in features].count("Conv2d")
    13
    """
    return VGG(vgg_features((2, 2, 3, 3, 3)), **options)


@builder
def vgg16_bn(**options: Any) -> VGG:
    """VGG-16 with batch normalisation, 138.4 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((2, 2, 3, 3, 3), batch_norm=True)
    >>> [type(layer).__name__ for layer in features].count("BatchNorm2d")
    13
    """
    return VGG(vgg_features((2, 2, 3, 3, 3), batch_norm=True), **options)


@builder
def vgg19(**options: Any) -> VGG:
    """VGG-19, configuration E of the paper, 143.7 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((2, 2, 4, 4, 4))  # what is before the three linear layers
    >>> [type(layer).__name__ for layer in features].count("Conv2d")
    16
    """
    return VGG(vgg_features((2, 2, 4, 4, 4)), **options)


@builder
def vgg19_bn(**options: Any) -> VGG:
    """VGG-19 with batch normalisation, 143.7 million parameters; the options are those of `VGG`.

    >>> from nn.models.vgg import vgg_features
    >>> features = vgg_features((2, 2, 4, 4, 4), batch_norm=True)
    >>> [type(layer).__name__ for layer in features].count("BatchNorm2d")
    16
    """
    return VGG(vgg_features((2, 2, 4, 4, 4), batch_norm=True), **options)
