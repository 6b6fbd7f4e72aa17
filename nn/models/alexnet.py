"""AlexNet."""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU
from nn.models.builder import builder
from nn.module import Module


class AlexNet(Module):
    """AlexNet for images (N, 3, H, W), made for 224×224 and at least 63×63, giving class scores (N, num_classes).

    From 224×224 the five convolutions give maps of 55, 27, 13, 13, 13, and the pools after the first, second and fifth
    27, 13, 6. `dropout` is the probability of dropout before the first and the second linear layer.

    Source: Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks": the network of
    Krizhevsky, Sutskever, Hinton 2012 in one column, without local response normalisation.

    >>> import nn
    >>> first = nn.Sequential(nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2))
    >>> first(zeros((1, 3, 224, 224))).shape  # what its first layers give
    (1, 64, 27, 27)
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = Sequential(
            Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            ReLU(inplace=True),
            MaxPool2d(kernel_size=3, stride=2),
            Conv2d(64, 192, kernel_size=5, padding=2),
            ReLU(inplace=True),
            MaxPool2d(kernel_size=3, stride=2),
            Conv2d(192, 384, kernel_size=3, padding=1),
            ReLU(inplace=True),
            Conv2d(384, 256, kernel_size=3, padding=1),
            ReLU(inplace=True),
            Conv2d(256, 256, kernel_size=3, padding=1),
            ReLU(inplace=True),
            MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            Dropout(dropout),
            Linear(256 * 6 * 6, 4096),
            ReLU(inplace=True),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(inplace=True),
            Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return self.classifier(x.flatten(1))  # (N, num_classes)


@builder
def alexnet(**options: Any) -> AlexNet:
    """AlexNet, 61.1 million parameters; the options are those of `AlexNet`.

    As with all functions that build networks, torchvision's `weights` can only be None: nothing is downloaded.

    >>> import nn
    >>> nn.models.alexnet(weights="IMAGENET1K_V1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: alexnet: weights='IMAGENET1K_V1' cannot be had, since nothing is downloaded; ...
    """
    return AlexNet(**options)
