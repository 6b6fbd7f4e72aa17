"""GoogLeNet (Inception v1)."""

from __future__ import annotations

from typing import Any, NamedTuple

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d
from nn.models.builder import builder
from nn.module import Module


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet gives in training: its scores, and those of the auxiliary classifiers, the later one first.

    `logits`, `aux_logits2` and `aux_logits1` are of shape (N, num_classes).

    >>> import nn
    >>> network = nn.models.GoogLeNet(num_classes=10, init_weights=False)
    >>> logits, aux_logits2, aux_logits1 = network(zeros((2, 3, 32, 32)))
    >>> logits.shape, aux_logits2.shape, aux_logits1.shape
    ((2, 10), (2, 10), (2, 10))
    """

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


class ConvNormReLU(Module):
    """Convolution without bias – batch normalisation – relu; options are those of Conv2d.

    (N, in_channels, H, W) to (N, out_channels, H', W').

    Source: Ioffe, Szegedy 2015, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift".

    >>> import nn
    >>> nn.models.ConvNormReLU(3, 8, kernel_size=3, stride=2)(zeros((1, 3, 7, 7))).shape
    (1, 8, 3, 3)
    """

    def __init__(self, in_channels: int, out_channels: int, **options: Any) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, bias=False, **options)
        self.bn = BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(Module):
    """Four ways side by side: 1×1; 1×1 then 3×3; 1×1 then 3×3; a 3×3 pool then 1×1; their channels one after another.

    (N, in_channels, H, W) to (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W). As in the weights that torchvision carries,
    the third way, 5×5 in the paper, is 3×3. The 1×1 convolutions before the 3×3 ones have ch3x3red and ch5x5red
    channels.

    Source: Szegedy et al. 2015, "Going deeper with convolutions".

    >>> import nn
    >>> nn.models.Inception(8, 4, 2, 4, 2, 4, 4)(zeros((1, 8, 3, 3))).shape
    (1, 16, 3, 3)
    """

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int
    ) -> None:
        super().__init__()
        self.branch1 = ConvNormReLU(in_channels, ch1x1, kernel_size=1)
        self.branch2 = Sequential(
            ConvNormReLU(in_channels, ch3x3red, kernel_size=1),
            ConvNormReLU(ch3x3red, ch3x3, kernel_size=3, padding=1),
        )
        self.branch3 = Sequential(
            ConvNormReLU(in_channels, ch5x5red, kernel_size=1),
            ConvNormReLU(ch5x5red, ch5x5, kernel_size=3, padding=1),
        )
        self.branch4 = Sequential(
            MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            ConvNormReLU(in_channels, pool_proj, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return ag.concatenate([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(Module):
    """The auxiliary classifier of GoogLeNet: (N, in_channels, H, W) to (N, num_classes).

    `dropout` is the probability of dropout before the last linear layer.

    Source: Szegedy et al. 2015, "Going deeper with convolutions".

    >>> import nn
    >>> nn.models.InceptionAux(16, 10)(zeros((2, 16, 14, 14))).shape
    (2, 10)
    """

    def __init__(self, in_channels: int, num_classes: int, *, dropout: float = 0.7) -> None:
        super().__init__()
        self.avgpool = AdaptiveAvgPool2d((4, 4))
        self.conv = ConvNormReLU(in_channels, 128, kernel_size=1)
        self.fc1 = Linear(2048, 1024)
        self.fc2 = Linear(1024, num_classes)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x)).flatten(1)  # (N, 2048)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))  # (N, num_classes)


class GoogLeNet(Module):
    """GoogLeNet for images (N, 3, H, W), giving class scores (N, num_classes), in training `GoogLeNetOutputs`.

    `dropout` is the probability of dropout before the last linear layer, `dropout_aux` in the auxiliary classifiers.

    `aux_logits` False leaves out the auxiliary classifiers; then scores alone are given in training too.
    `transform_input` takes images normalised by ImageNet's means and deviations to the range -1 to 1. With
    `init_weights` (None is True) convolutions and linear layers start from N(0, 0.01²) cut off at ±2, which takes
    long; else from PyTorch's default.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", with the batch normalisation of Ioffe, Szegedy 2015.

    >>> import nn
    >>> network = nn.models.GoogLeNet(num_classes=10, aux_logits=False, init_weights=False)
    >>> network(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = True,
        *,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = ConvNormReLU(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = ConvNormReLU(64, 64, kernel_size=1)
        self.conv3 = ConvNormReLU(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = InceptionAux(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.dropout = Dropout(dropout)
        self.fc = Linear(1024, num_classes)
        if init_weights is not False:
            for module in self.modules():
                if isinstance(module, (Conv2d, Linear)):
                    init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        if self.transform_input:
            x = from_imagenet_range(x)
        x = self.maxpool1(self.conv1(x))  # (N, 64, H/4, W/4)
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, H/8, W/8)
        x = self.inception3b(self.inception3a(x))  # (N, 480, H/8, W/8)
        x = self.inception4a(self.maxpool3(x))  # (N, 512, H/16, W/16)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))  # (N, 528, H/16, W/16)
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.inception4e(x)  # (N, 832, H/16, W/16)
        x = self.inception5b(self.inception5a(self.maxpool4(x)))  # (N, 1024, H/32, W/32)
        scores = self.fc(self.dropout(self.avgpool(x).flatten(1)))  # (N, num_classes)
        return GoogLeNetOutputs(scores, aux2, aux1) if self.training and self.aux_logits else scores


def from_imagenet_range(x: Tensor) -> Tensor:
    """Images (N, 3, H, W) normalised by ImageNet's means and deviations, taken to the range -1 to 1."""
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    channels = [x[:, i] * (deviations[i] / 0.5) + (means[i] - 0.5) / 0.5 for i in range(3)]
    return ag.stack(channels, 1)


@builder
def googlenet(**options: Any) -> GoogLeNet:
    """GoogLeNet, 13.0 million parameters, 6.6 without the auxiliary classifiers; the options are those of `GoogLeNet`.

    >>> import nn
    >>> network = nn.models.googlenet(init_weights=False)
    >>> type(network(zeros((2, 3, 32, 32)))).__name__, network.eval()(zeros((2, 3, 32, 32))).shape
    ('GoogLeNetOutputs', (2, 1000))
    """
    return GoogLeNet(**options)
