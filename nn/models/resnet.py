"""Residual networks for large images: ResNet, ResNeXt and wide ResNet, and the blocks they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from autograd import Tensor
from nn import init
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU
from nn.models.builder import builder
from nn.module import Module

Norm = Callable[[int], Module]


def conv3x3(channels: int, features: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> Conv2d:
    """A 3×3 convolution without bias that at stride 1 keeps height and width."""
    return Conv2d(channels, features, 3, stride, padding=dilation, dilation=dilation, groups=groups, bias=False)


def conv1x1(channels: int, features: int, stride: int = 1) -> Conv2d:
    """A 1×1 convolution without bias."""
    return Conv2d(channels, features, kernel_size=1, stride=stride, bias=False)


def projection(channels: int, features: int, stride: int = 1, norm_layer: Norm | None = None) -> Sequential:
    """The projection shortcut: a 1×1 convolution and a normalisation, to the shape of what it is added to."""
    return Sequential(conv1x1(channels, features, stride), (norm_layer or BatchNorm2d)(features))


class BasicBlock(Module):
    """relu(x' + F(x)), where F is conv3x3 – norm – relu – conv3x3 – norm: (N, inplanes, H, W) to (N, planes, H', W').

    `stride` is that of the first convolution; x' is x, or `downsample(x)`: a `projection`, or a `ZeroPadShortcut`.
    `norm_layer` is as in `ResNet`. Raises ValueError for groups, another base width, or dilation, which only
    `Bottleneck` has.

    Source: He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition".

    >>> import nn
    >>> nn.models.BasicBlock(8, 8)(zeros((1, 8, 4, 4))).shape
    (1, 8, 4, 4)
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        if (groups, base_width, dilation) != (1, 64, 1):
            raise ValueError(
                f"BasicBlock: wants groups=1, base_width=64, dilation=1, got {groups}, {base_width}, {dilation}"
            )
        norm = norm_layer or BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(Module):
    """relu(x' + F(x)), F being 1×1, 3×3 and 1×1 convolutions: (N, inplanes, H, W) to (N, 4·planes, H', W').

    The 3×3 convolution has planes·base_width/64·groups channels in `groups` groups: 1 for ResNet, 32 for ResNeXt. It is
    the one with the `stride` (the paper has it at the first 1×1 convolution) and the `dilation`. x' is x, or
    `downsample(x)`. `norm_layer` is as in `ResNet`.

    Source: He, Zhang, Ren, Sun 2016; Xie et al. 2017, "Aggregated residual transformations for deep neural networks".

    >>> import nn
    >>> nn.models.Bottleneck(64, 16)(zeros((1, 64, 4, 4))).shape
    (1, 64, 4, 4)
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or BatchNorm2d
        width = int(planes * (base_width / 64)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(Module):
    """A residual network of four stages for images (N, 3, H, W), giving class scores (N, num_classes).

    `layers` says how many blocks each stage has; `block` is their class, `BasicBlock` or `Bottleneck`.
    `width_per_group` and `groups` are given to the blocks. `replace_stride_with_dilation` says, for each of the last
    three stages, whether it dilates instead of halving the maps. `norm_layer` makes a normalisation from a number of
    channels; BatchNorm2d by default. With `zero_init_residual` each block starts as the identity. Convolutions start
    from He's normal scheme over the fan-out. Raises ValueError for another number of stages.

    Source: He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition".

    >>> import nn
    >>> network = nn.models.ResNet(nn.models.BasicBlock, (1, 1, 1, 1), num_classes=10)
    >>> network(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        dilate = (False, False, False) if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3 or len(layers) != 4:
            raise ValueError(
                f"ResNet: wants layers of 4 stages and replace_stride_with_dilation for the last 3, "
                f"got {layers} and {replace_stride_with_dilation}"
            )
        self._block, self._norm = block, norm_layer or BatchNorm2d
        self.groups = groups
        self.base_width = width_per_group
        self.inplanes = 64
        self.dilation = 1
        self.conv1 = Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm(64)
        self.relu = ReLU(inplace=True)
        self.maxpool = MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._stage(64, layers[0], stride=1, dilate=False)
        self.layer2 = self._stage(128, layers[1], stride=2, dilate=dilate[0])
        self.layer3 = self._stage(256, layers[2], stride=2, dilate=dilate[1])
        self.layer4 = self._stage(512, layers[3], stride=2, dilate=dilate[2])
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, block):
                init.zeros_(getattr(module, "bn3" if issubclass(block, Bottleneck) else "bn2").weight)

    def _stage(self, planes: int, count: int, stride: int, dilate: bool) -> Sequential:
        before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        features = planes * self._block.expansion
        shortcut = None
        if stride != 1 or self.inplanes != features:
            shortcut = projection(self.inplanes, features, stride, self._norm)
        shared = (self.groups, self.base_width)
        blocks: list[Module] = [self._block(self.inplanes, planes, stride, shortcut, *shared, before, self._norm)]
        self.inplanes = features
        for _ in range(1, count):
            blocks.append(self._block(features, planes, 1, None, *shared, self.dilation, self._norm))
        return Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.maxpool(x)  # (N, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512·expansion, H/32, W/32)
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)


@builder
def resnet18(**options: Any) -> ResNet:
    """ResNet-18, 11.7 million parameters; the options are those of `ResNet`.

    >>> import nn
    >>> nn.models.resnet18(num_classes=10)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return ResNet(BasicBlock, (2, 2, 2, 2), **options)


@builder
def resnet34(**options: Any) -> ResNet:
    """ResNet-34, 21.8 million parameters; the options are those of `ResNet`.

    >>> import nn
    >>> network = nn.models.resnet34(num_classes=10)
    >>> [len(stage) for stage in (network.layer1, network.layer2, network.layer3, network.layer4)]  # 16 blocks of 2
    [3, 4, 6, 3]
    """
    return ResNet(BasicBlock, (3, 4, 6, 3), **options)


@builder
def resnet50(**options: Any) -> ResNet:
    """ResNet-50, 25.6 million parameters; the options are those of `ResNet`.

    >>> import nn
    >>> network = nn.models.resnet50(num_classes=10, replace_stride_with_dilation=(False, True, True))
    >>> network.layer4[2].conv2  # on maps of H/8 × W/8
    Conv2d(512, 512, kernel_size=(3, 3), stride=(1, 1), padding=(4, 4), dilation=(4, 4), bias=False)
    >>> network(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """
    return ResNet(Bottleneck, (3, 4, 6, 3), **options)


@builder
def resnet101(**options: Any) -> ResNet:
    """ResNet-101, 44.5 million parameters; the options are those of `ResNet`.

    >>> import nn
    >>> network = nn.models.resnet101(width_per_group=4)  # narrow, so that it is made quickly
    >>> [len(stage) for stage in (network.layer1, network.layer2, network.layer3, network.layer4)]  # 33 blocks of 3
    [3, 4, 23, 3]
    """
    return ResNet(Bottleneck, (3, 4, 23, 3), **options)


@builder
def resnet152(**options: Any) -> ResNet:
    """ResNet-152, 60.2 million parameters; the options are those of `ResNet`.

    >>> import nn
    >>> network = nn.models.resnet152(width_per_group=4)  # narrow, so that it is made quickly
    >>> [len(stage) for stage in (network.layer1, network.layer2, network.layer3, network.layer4)]  # 50 blocks of 3
    [3, 8, 36, 3]
    """
    return ResNet(Bottleneck, (3, 8, 36, 3), **options)


@builder
def resnext50_32x4d(**options: Any) -> ResNet:
    """ResNeXt-50 with 32 groups of 4 channels, 25.0 million parameters; the options are those of `ResNet`.

    Source: Xie, Girshick, Dollár, Tu, He 2017, "Aggregated residual transformations for deep neural networks".

    >>> import nn
    >>> nn.models.resnext50_32x4d(num_classes=10).layer1[0].conv2
    Conv2d(128, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=32, bias=False)
    """
    return ResNet(Bottleneck, (3, 4, 6, 3), **{"groups": 32, "width_per_group": 4, **options})


@builder
def resnext101_32x8d(**options: Any) -> ResNet:
    """ResNeXt-101 with 32 groups of 8 channels, 88.8 million parameters; the options are those of `ResNet`.

    Source: Xie, Girshick, Dollár, Tu, He 2017, "Aggregated residual transformations for deep neural networks".

    >>> import nn
    >>> nn.models.Bottleneck(256, 64, groups=32, base_width=8).conv2  # of its first stage
    Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=32, bias=False)
    """
    return ResNet(Bottleneck, (3, 4, 23, 3), **{"groups": 32, "width_per_group": 8, **options})


@builder
def wide_resnet50_2(**options: Any) -> ResNet:
    """ResNet-50 with 3×3 convolutions twice as wide, 68.9 million parameters; the options are those of `ResNet`.

    Source: Zagoruyko, Komodakis 2016, "Wide residual networks".

    >>> import nn
    >>> nn.models.Bottleneck(256, 64, base_width=128).conv2  # of its first stage
    Conv2d(128, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
    """
    return ResNet(Bottleneck, (3, 4, 6, 3), **{"width_per_group": 128, **options})


@builder
def wide_resnet101_2(**options: Any) -> ResNet:
    """ResNet-101 with 3×3 convolutions twice as wide, 126.9 million parameters; the options are those of `ResNet`.

    Source: Zagoruyko, Komodakis 2016, "Wide residual networks".

    >>> import nn
    >>> nn.models.Bottleneck(1024, 256, base_width=128).conv2  # of its third stage, with 23 blocks
    Conv2d(512, 512, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
    """
    return ResNet(Bottleneck, (3, 4, 23, 3), **{"width_per_group": 128, **options})
