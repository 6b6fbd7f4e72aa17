"""DenseNet: every layer sees the maps of all layers before it in its block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.containers import Sequential
from nn.layers import AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU
from nn.models.builder import builder, zero_bias
from nn.module import Module


class DenseLayer(Module):
    """norm – relu – conv1x1 – norm – relu – conv3x3: (N, num_input_features, H, W) to (N, growth_rate, H, W).

    The 1×1 convolution has bn_size·growth_rate channels; `drop_rate` is the probability of dropout at the end. Takes
    one tensor, or the list of those whose channels it sees one after the other. With `memory_efficient` what comes
    before the second normalisation is computed again in the backward pass instead of being kept; the running statistics
    of the first then move twice, as in PyTorch.

    Source: Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks".

    >>> import nn
    >>> layer = nn.models.DenseLayer(8, growth_rate=4, bn_size=2, drop_rate=0.0)
    >>> layer(zeros((1, 8, 3, 3))).shape
    (1, 4, 3, 3)
    >>> layer([zeros((1, 6, 3, 3)), zeros((1, 2, 3, 3))]).shape
    (1, 4, 3, 3)
    """

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = BatchNorm2d(num_input_features)
        self.relu1 = ReLU(inplace=True)
        self.conv1 = Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, bias=False)
        self.norm2 = BatchNorm2d(bn_size * growth_rate)
        self.relu2 = ReLU(inplace=True)
        self.conv2 = Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def _bottleneck(self, *features: Tensor) -> Tensor:
        return self.conv1(self.relu1(self.norm1(ag.concatenate(features, 1))))

    def forward(self, input: Tensor | Sequence[Tensor]) -> Tensor:
        features = [input] if isinstance(input, Tensor) else list(input)
        if self.memory_efficient and self.training:
            x = ag.checkpoint(self._bottleneck, *features)
        else:
            x = self._bottleneck(*features)
        x = self.conv2(self.relu2(self.norm2(x)))
        return F.dropout(x, self.drop_rate, self.training)


class DenseBlock(Module):
    """`num_layers` dense layers, of which each sees the input and what all before it gave.

    (N, C, H, W) to (N, C + num_layers·growth_rate, H, W). C is `num_input_features`; `bn_size`, `drop_rate` and
    `memory_efficient` are as in `DenseLayer`.

    Source: Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks".

    >>> import nn
    >>> nn.models.DenseBlock(3, 8, bn_size=4, growth_rate=4, drop_rate=0.0)(zeros((1, 8, 2, 2))).shape
    (1, 20, 2, 2)
    """

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            channels = num_input_features + i * growth_rate
            self.add_module(
                f"denselayer{i + 1}", DenseLayer(channels, growth_rate, bn_size, drop_rate, memory_efficient)
            )

    def forward(self, input: Tensor) -> Tensor:
        features = [input]
        for layer in self.children():
            features.append(layer(features))
        return ag.concatenate(features, 1)


class Transition(Sequential):
    """norm – relu – conv1x1 – 2×2 mean: (N, C, H, W) to (N, num_output_features, H/2, W/2), between dense blocks.

    C is `num_input_features`; the halves are rounded down.

    Source: Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks".

    >>> import nn
    >>> nn.models.Transition(8, 4)(zeros((1, 8, 6, 6))).shape
    (1, 4, 3, 3)
    """

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__(
            {
                "norm": BatchNorm2d(num_input_features),
                "relu": ReLU(inplace=True),
                "conv": Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False),
                "pool": AvgPool2d(kernel_size=2, stride=2),
            }
        )


class DenseNet(Module):
    """DenseNet for images (N, 3, H, W), giving class scores (N, num_classes).

    The first convolution has `num_init_features` channels. `block_config` says how many layers each block has;
    `growth_rate`, `bn_size`, `drop_rate` and `memory_efficient` are those of each `DenseLayer`; between blocks the
    channels and the maps are halved. Convolutions start from He's normal scheme.

    Source: Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks".

    >>> import nn
    >>> network = nn.models.DenseNet(growth_rate=4, block_config=(2, 3), num_init_features=8, num_classes=10)
    >>> network.features(zeros((1, 3, 32, 32))).shape  # 8 channels, 8 + 2·4, half of them, 8 + 3·4
    (1, 20, 4, 4)
    >>> network(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        stem: dict[str, Module] = {
            "conv0": Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False),
            "norm0": BatchNorm2d(num_init_features),
            "relu0": ReLU(inplace=True),
            "pool0": MaxPool2d(kernel_size=3, stride=2, padding=1),
        }
        blocks, channels = dense_stages(
            num_init_features, block_config, growth_rate, bn_size, drop_rate, memory_efficient
        )
        self.features = Sequential({**stem, **blocks, "norm5": BatchNorm2d(channels)})
        self.classifier = Linear(channels, num_classes)
        init_densely(self)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x))  # (N, C, H/32, W/32)
        return self.classifier(x.mean((2, 3)))  # (N, num_classes)


def dense_stages(
    channels: int,
    block_config: Sequence[int],
    growth_rate: int,
    bn_size: int,
    drop_rate: float,
    memory_efficient: bool = False,
) -> tuple[dict[str, Module], int]:
    """Dense blocks by name, with transitions that halve the channels between them; and how many channels they give."""
    parts: dict[str, Module] = {}
    for i, count in enumerate(block_config, 1):
        parts[f"denseblock{i}"] = DenseBlock(count, channels, bn_size, growth_rate, drop_rate, memory_efficient)
        channels += count * growth_rate
        if i < len(block_config):
            parts[f"transition{i}"] = Transition(channels, channels // 2)
            channels //= 2
    return parts, channels


def init_densely(network: Module) -> None:
    """Start convolutions from He's normal scheme, and biases of linear layers from 0."""
    for module in network.modules():
        if isinstance(module, Conv2d):
            init.kaiming_normal_(module.weight)
        elif isinstance(module, Linear):
            zero_bias(module)


@builder
def densenet121(**options: Any) -> DenseNet:
    """DenseNet-121, 8.0 million parameters; the options are those of `DenseNet`.

    >>> import nn
    >>> nn.models.densenet121(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return DenseNet(32, (6, 12, 24, 16), 64, **options)


@builder
def densenet161(**options: Any) -> DenseNet:
    """DenseNet-161, 28.7 million parameters; the options are those of `DenseNet`.

    >>> import nn
    >>> nn.models.densenet161(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return DenseNet(48, (6, 12, 36, 24), 96, **options)


@builder
def densenet169(**options: Any) -> DenseNet:
    """DenseNet-169, 14.1 million parameters; the options are those of `DenseNet`.

    >>> import nn
    >>> nn.models.densenet169(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return DenseNet(32, (6, 12, 32, 32), 64, **options)


@builder
def densenet201(**options: Any) -> DenseNet:
    """DenseNet-201, 20.0 million parameters; the options are those of `DenseNet`.

    >>> import nn
    >>> nn.models.densenet201(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return DenseNet(32, (6, 12, 48, 32), 64, **options)
