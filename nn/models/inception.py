"""Inception v3."""

from __future__ import annotations

from typing import Any, NamedTuple

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.layers import AdaptiveAvgPool2d, Conv2d, Dropout, Linear, MaxPool2d
from nn.models.builder import builder
from nn.models.googlenet import ConvNormReLU, from_imagenet_range
from nn.module import Module


class InceptionOutputs(NamedTuple):
    """What Inception v3 gives in training: its scores, and those of the auxiliary classifier.

    `logits` and `aux_logits` are of shape (N, num_classes); the loss is that of the first, plus a share of that of the
    second.

    >>> import nn
    >>> outputs = nn.models.InceptionOutputs(logits=zeros((2, 10)), aux_logits=zeros((2, 10)))
    >>> loss, aux_loss = (nn.functional.cross_entropy(scores, tensor([3, 7])) for scores in outputs)
    >>> print(f"{(loss + 0.4 * aux_loss).item():.4f}")  # 1.4 · log 10
    3.2236
    """

    logits: Tensor
    aux_logits: Tensor | None


class InceptionA(Module):
    """1×1; 1×1 – 5×5; 1×1 – 3×3 – 3×3; mean – 1×1: (N, C, H, W) to (N, 224 + pool_features, H, W).

    C is `in_channels`.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> nn.models.InceptionA(8, pool_features=32)(zeros((1, 8, 5, 5))).shape
    (1, 256, 5, 5)
    """

    def __init__(self, in_channels: int, pool_features: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNormReLU(in_channels, 64, kernel_size=1)
        self.branch5x5_1 = ConvNormReLU(in_channels, 48, kernel_size=1)
        self.branch5x5_2 = ConvNormReLU(48, 64, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = ConvNormReLU(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = ConvNormReLU(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = ConvNormReLU(96, 96, kernel_size=3, padding=1)
        self.branch_pool = ConvNormReLU(in_channels, pool_features, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        pooled = self.branch_pool(F.avg_pool2d(x, 3, 1, 1))
        return ag.concatenate([self.branch1x1(x), five, double, pooled], 1)


class InceptionB(Module):
    """3×3; 1×1 – 3×3 – 3×3; maximum, all at stride 2: (N, C, H, W) to (N, 480 + C, (H - 1)/2, (W - 1)/2).

    C is `in_channels`; the halves are rounded down.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> nn.models.InceptionB(8)(zeros((1, 8, 7, 7))).shape
    (1, 488, 3, 3)
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3 = ConvNormReLU(in_channels, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = ConvNormReLU(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = ConvNormReLU(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = ConvNormReLU(96, 96, kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return ag.concatenate([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(Module):
    """7×7 convolutions in two halves, 1×7 and 7×1: (N, C, H, W) to (N, 768, H, W).

    C is `in_channels`; between the halves there are `channels_7x7` channels.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> nn.models.InceptionC(8, channels_7x7=16)(zeros((1, 8, 5, 5))).shape
    (1, 768, 5, 5)
    """

    def __init__(self, in_channels: int, channels_7x7: int) -> None:
        super().__init__()
        c7 = channels_7x7
        self.branch1x1 = ConvNormReLU(in_channels, 192, kernel_size=1)
        self.branch7x7_1 = ConvNormReLU(in_channels, c7, kernel_size=1)
        self.branch7x7_2 = ConvNormReLU(c7, c7, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7_3 = ConvNormReLU(c7, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = ConvNormReLU(in_channels, c7, kernel_size=1)
        self.branch7x7dbl_2 = ConvNormReLU(c7, c7, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = ConvNormReLU(c7, c7, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = ConvNormReLU(c7, c7, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = ConvNormReLU(c7, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch_pool = ConvNormReLU(in_channels, 192, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        pooled = self.branch_pool(F.avg_pool2d(x, 3, 1, 1))
        return ag.concatenate([self.branch1x1(x), seven, double, pooled], 1)


class InceptionD(Module):
    """1×1 – 3×3; 1×1 – 1×7 – 7×1 – 3×3; maximum, all at stride 2: (N, C, H, W) to (N, 512 + C, (H - 1)/2, (W - 1)/2).

    C is `in_channels`; the halves are rounded down.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> nn.models.InceptionD(8)(zeros((1, 8, 7, 7))).shape
    (1, 520, 3, 3)
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = ConvNormReLU(in_channels, 192, kernel_size=1)
        self.branch3x3_2 = ConvNormReLU(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = ConvNormReLU(in_channels, 192, kernel_size=1)
        self.branch7x7x3_2 = ConvNormReLU(192, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvNormReLU(192, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvNormReLU(192, 192, kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return ag.concatenate([three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, 2)], 1)


class InceptionE(Module):
    """3×3 convolutions that end in 1×3 and 3×1 side by side: (N, C, H, W) to (N, 2048, H, W).

    C is `in_channels`.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> nn.models.InceptionE(8)(zeros((1, 8, 3, 3))).shape
    (1, 2048, 3, 3)
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNormReLU(in_channels, 320, kernel_size=1)
        self.branch3x3_1 = ConvNormReLU(in_channels, 384, kernel_size=1)
        self.branch3x3_2a = ConvNormReLU(384, 384, kernel_size=(1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvNormReLU(384, 384, kernel_size=(3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvNormReLU(in_channels, 448, kernel_size=1)
        self.branch3x3dbl_2 = ConvNormReLU(448, 384, kernel_size=3, padding=1)
        self.branch3x3dbl_3a = ConvNormReLU(384, 384, kernel_size=(1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvNormReLU(384, 384, kernel_size=(3, 1), padding=(1, 0))
        self.branch_pool = ConvNormReLU(in_channels, 192, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = self.branch_pool(F.avg_pool2d(x, 3, 1, 1))
        return ag.concatenate(
            [
                self.branch1x1(x),
                self.branch3x3_2a(three),
                self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                pooled,
            ],
            1,
        )


class InceptionAuxV3(Module):
    """The auxiliary classifier of Inception v3: (N, C, 17, 17) to (N, num_classes).

    C is `in_channels`.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> nn.models.InceptionAuxV3(8, 10)(zeros((2, 8, 17, 17))).shape
    (2, 10)
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv0 = ConvNormReLU(in_channels, 128, kernel_size=1)
        self.conv1 = ConvNormReLU(128, 768, kernel_size=5)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 5, 3)  # (N, C, 5, 5)
        x = self.conv1(self.conv0(x))  # (N, 768, 1, 1)
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)


class Inception3(Module):
    """Inception v3 for images (N, 3, H, W), giving class scores (N, num_classes), in training `InceptionOutputs`.

    `dropout` is the probability of dropout before the linear layer of the scores.

    Made for 299×299, at least 75×75; in training with the auxiliary classifier at least 299×299. `aux_logits` False
    leaves that out; then scores alone are given in training too. `transform_input` takes images normalised by
    ImageNet's means and deviations to the range -1 to 1. With `init_weights` (None is True) convolutions and linear
    layers start from N(0, 0.1²) cut off at ±2 (the auxiliary classifier's linear layer from N(0, 0.001²)), which takes
    long; else from PyTorch's default.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision".

    >>> import nn
    >>> network = nn.models.Inception3(num_classes=10, aux_logits=False, init_weights=False)
    >>> network(zeros((2, 3, 75, 75))).shape
    (2, 10)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        *,
        init_weights: bool | None = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.Conv2d_1a_3x3 = ConvNormReLU(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = ConvNormReLU(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = ConvNormReLU(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = ConvNormReLU(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = ConvNormReLU(80, 192, kernel_size=3)
        self.maxpool2 = MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = InceptionA(192, pool_features=32)
        self.Mixed_5c = InceptionA(256, pool_features=64)
        self.Mixed_5d = InceptionA(288, pool_features=64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, channels_7x7=128)
        self.Mixed_6c = InceptionC(768, channels_7x7=160)
        self.Mixed_6d = InceptionC(768, channels_7x7=160)
        self.Mixed_6e = InceptionC(768, channels_7x7=192)
        self.AuxLogits = InceptionAuxV3(768, num_classes) if aux_logits else None
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.dropout = Dropout(dropout)
        self.fc = Linear(2048, num_classes)
        if init_weights is not False:
            for module in self.modules():
                if isinstance(module, (Conv2d, Linear)):
                    init.trunc_normal_(module.weight, std=0.1, a=-2, b=2)
            if self.AuxLogits is not None:
                init.trunc_normal_(self.AuxLogits.fc.weight, std=0.001, a=-2, b=2)

    def forward(self, x: Tensor) -> Tensor | InceptionOutputs:
        if self.transform_input:
            x = from_imagenet_range(x)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # (N, 64, 147, 147) of 299×299
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.maxpool1(x)))  # (N, 192, 71, 71)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(self.maxpool2(x))))  # (N, 288, 35, 35)
        x = self.Mixed_6b(self.Mixed_6a(x))  # (N, 768, 17, 17)
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(x)))  # (N, 768, 17, 17)
        aux = self.AuxLogits(x) if self.AuxLogits is not None and self.training else None
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))  # (N, 2048, 8, 8)
        scores = self.fc(self.dropout(self.avgpool(x)).flatten(1))  # (N, num_classes)
        return InceptionOutputs(scores, aux) if self.training and self.aux_logits else scores


@builder
def inception_v3(**options: Any) -> Inception3:
    """Inception v3, 27.2 million parameters with the auxiliary classifier; the options are those of `Inception3`.

    >>> import nn
    >>> network = nn.models.inception_v3(init_weights=False)
    >>> network.eval()(zeros((1, 3, 75, 75))).shape
    (1, 1000)
    """
    return Inception3(**options)
