"""DenseNet-BC for small images."""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from nn import functional as F
from nn.containers import Sequential
from nn.layers import BatchNorm2d, Conv2d, Linear
from nn.models.builder import builder
from nn.models.densenet import dense_stages, init_densely
from nn.module import Module


class CifarDenseNet(Module):
    """DenseNet-BC of depth 6n + 4 for images (N, in_channels, H, W) of about 32×32: class scores (N, num_classes).

    A 3×3 convolution to 2·growth_rate channels; three dense blocks of n layers, each with a bottleneck of
    bn_size·growth_rate channels (B); between them, transitions that halve the channels (C) and the maps. `drop_rate`
    and `memory_efficient` are as in `DenseLayer`. Raises ValueError for another depth.

    Source: Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks".

    >>> import nn
    >>> nn.models.CifarDenseNet(10, 4)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self,
        depth: int = 100,
        growth_rate: int = 12,
        num_classes: int = 10,
        bn_size: int = 4,
        drop_rate: float = 0,
        in_channels: int = 3,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"CifarDenseNet: depth has to be 6n + 4 with n at least 1, got {depth}")
        counts = ((depth - 4) // 6,) * 3
        width = 2 * growth_rate
        blocks, channels = dense_stages(width, counts, growth_rate, bn_size, drop_rate, memory_efficient)
        self.features = Sequential(
            {
                "conv0": Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False),
                **blocks,
                "norm5": BatchNorm2d(channels),
            }
        )
        self.classifier = Linear(channels, num_classes)
        init_densely(self)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x))  # (N, C, H/4, W/4)
        return self.classifier(x.mean((2, 3)))  # (N, num_classes)


@builder
def densenet_bc_40_12(**options: Any) -> CifarDenseNet:
    """DenseNet-BC of depth 40 and growth rate 12 for 32×32 images, 0.18 million parameters.

    The options are those of `CifarDenseNet`.

    >>> import nn
    >>> nn.models.densenet_bc_40_12()(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return CifarDenseNet(40, 12, **options)


@builder
def densenet_bc_100_12(**options: Any) -> CifarDenseNet:
    """DenseNet-BC of depth 100 and growth rate 12 for 32×32 images, 0.8 million parameters.

    The options are those of `CifarDenseNet`.

    >>> import nn
    >>> nn.models.densenet_bc_100_12()(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return CifarDenseNet(100, 12, **options)


@builder
def densenet_bc_250_24(**options: Any) -> CifarDenseNet:
    """DenseNet-BC of depth 250 and growth rate 24 for 32×32 images, 15.3 million parameters.

    The options are those of `CifarDenseNet`.

    >>> import nn
    >>> network = nn.models.densenet_bc_250_24()
    >>> len(list(network.features.denseblock1.children())), network.classifier
    (41, Linear(in_features=1734, out_features=10, bias=True))
    """
    return CifarDenseNet(250, 24, **options)


@builder
def densenet_bc_190_40(**options: Any) -> CifarDenseNet:
    """DenseNet-BC of depth 190 and growth rate 40 for 32×32 images, 25.6 million parameters.

    The options are those of `CifarDenseNet`.

    >>> import nn
    >>> network = nn.models.densenet_bc_190_40()
    >>> len(list(network.features.denseblock1.children())), network.classifier
    (31, Linear(in_features=2190, out_features=10, bias=True))
    """
    return CifarDenseNet(190, 40, **options)
