"""MNASNet: inverted residuals arranged by a search over architectures."""

from __future__ import annotations

from typing import Any

from autograd import Tensor
from nn import init
from nn.containers import Sequential
from nn.layers import BatchNorm2d, Conv2d, Dropout, Linear, ReLU
from nn.models.builder import builder, divisible, zero_bias
from nn.module import Module

_MOMENTUM = 1 - 0.9997
# channels, kernel size, stride of the first block, expansion, blocks
_STAGES = ((24, 3, 2, 3, 3), (40, 5, 2, 3, 3), (80, 5, 2, 6, 3), (96, 3, 1, 6, 2), (192, 5, 2, 6, 4), (320, 3, 1, 6, 1))


def _conv_norm(channels: int, features: int, kernel_size: int, stride: int = 1, groups: int = 1) -> list[Module]:
    convolution = Conv2d(channels, features, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    return [convolution, BatchNorm2d(features, momentum=_MOMENTUM)]


class MnasBlock(Module):
    """An inverted residual with relu and a depthwise convolution of any size; added to its input if shapes agree.

    (N, in_ch, H, W) to (N, out_ch, ⌈H/stride⌉, ⌈W/stride⌉). The depthwise convolution has in_ch · expansion_factor
    channels and a kernel of kernel_size × kernel_size.

    Source: Tan et al. 2019, "MnasNet: platform-aware neural architecture search for mobile".

    >>> import nn
    >>> nn.models.MnasBlock(8, 12, kernel_size=5, stride=2, expansion_factor=3)(zeros((1, 8, 6, 6))).shape
    (1, 12, 3, 3)
    """

    def __init__(self, in_ch: int, out_ch: int, kernel_size: int, stride: int, expansion_factor: int) -> None:
        super().__init__()
        hidden = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = Sequential(
            *_conv_norm(in_ch, hidden, 1),
            ReLU(inplace=True),
            *_conv_norm(hidden, hidden, kernel_size, stride, groups=hidden),
            ReLU(inplace=True),
            *_conv_norm(hidden, out_ch, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.apply_residual else self.layers(x)


class MNASNet(Module):
    """MNASNet-B1 for images (N, 3, H, W), giving class scores (N, num_classes).

    All numbers of channels but the last, 1280, are multiplied by `alpha` and rounded to multiples of 8. Convolutions
    start from He's normal scheme over the fan-out, the linear layer from He's uniform one for a sigmoid. `dropout` is
    the probability of dropout before the linear layer. Raises ValueError unless `alpha` is positive.

    Source: Tan et al. 2019, "MnasNet: platform-aware neural architecture search for mobile".

    >>> import nn
    >>> network = nn.models.MNASNet(alpha=0.1, num_classes=10)
    >>> network(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if not alpha > 0:
            raise ValueError(f"MNASNet: alpha has to be above 0, got {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        stem, channels = divisible(32 * alpha), divisible(16 * alpha)
        layers: list[Module] = [
            *_conv_norm(3, stem, 3, stride=2),
            ReLU(inplace=True),
            *_conv_norm(stem, stem, 3, groups=stem),
            ReLU(inplace=True),
            *_conv_norm(stem, channels, 1),
        ]
        for width, kernel_size, stride, expansion, count in _STAGES:
            features = divisible(width * alpha)
            blocks = [MnasBlock(channels, features, kernel_size, stride, expansion)]
            blocks += [MnasBlock(features, features, kernel_size, 1, expansion) for _ in range(1, count)]
            layers.append(Sequential(*blocks))
            channels = features
        layers += [*_conv_norm(channels, 1280, 1), ReLU(inplace=True)]
        self.layers = Sequential(*layers)
        self.classifier = Sequential(Dropout(dropout, inplace=True), Linear(1280, num_classes))
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, Linear):
                init.kaiming_uniform_(module.weight, mode="fan_out", nonlinearity="sigmoid")
                zero_bias(module)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(x)  # (N, 1280, H/32, W/32)
        return self.classifier(x.mean((2, 3)))  # (N, num_classes)


@builder
def mnasnet0_5(**options: Any) -> MNASNet:
    """MNASNet at half width, 2.2 million parameters; the options are those of `MNASNet`.

    >>> import nn
    >>> nn.models.mnasnet0_5(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return MNASNet(0.5, **options)


@builder
def mnasnet0_75(**options: Any) -> MNASNet:
    """MNASNet at three quarters of its width, 3.2 million parameters; the options are those of `MNASNet`.

    >>> import nn
    >>> nn.models.mnasnet0_75(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return MNASNet(0.75, **options)


@builder
def mnasnet1_0(**options: Any) -> MNASNet:
    """MNASNet, 4.4 million parameters; the options are those of `MNASNet`.

    >>> import nn
    >>> nn.models.mnasnet1_0(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return MNASNet(1.0, **options)


@builder
def mnasnet1_3(**options: Any) -> MNASNet:
    """MNASNet at 1.3 times its width, 6.3 million parameters; the options are those of `MNASNet`.

    >>> import nn
    >>> nn.models.mnasnet1_3(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return MNASNet(1.3, **options)
