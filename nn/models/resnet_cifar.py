"""Residual networks for small images, and their counterparts without shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd as ag
from autograd import Tensor
from nn import init
from nn.containers import Sequential
from nn.layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Identity, Linear, ReLU
from nn.models.builder import builder
from nn.models.resnet import BasicBlock, Norm, conv1x1, conv3x3, projection
from nn.module import Module


class ZeroPadShortcut(Module):
    """The shortcut without parameters: every `stride`-th pixel, and channels of zeros after those there are.

    (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉). Option A of He et al. 2016. Raises ValueError
    for fewer channels out than in.

    >>> import nn
    >>> nn.models.ZeroPadShortcut(1, 2, stride=2)(tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    tensor([[[[1.]],
            [[0.]]]])
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(f"ZeroPadShortcut: cannot take {in_channels} channels to {out_channels}, which are fewer")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return ag.pad(x, [(0, 0), (0, self.out_channels - self.in_channels), (0, 0), (0, 0)])

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}"


class PlainBlock(Module):
    """conv3x3 – norm – relu, twice: a `BasicBlock` without shortcut. (N, inplanes, H, W) to (N, planes, H', W').

    Source: He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition".

    >>> import nn
    >>> nn.models.PlainBlock(4, 8, stride=2)(zeros((1, 4, 6, 6))).shape
    (1, 8, 3, 3)
    """

    def __init__(self, inplanes: int, planes: int, stride: int = 1, norm_layer: Norm | None = None) -> None:
        super().__init__()
        norm = norm_layer or BatchNorm2d
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class PreActBlock(Module):
    """x' + F(x), where F is norm – relu – conv3x3 – norm – relu – conv3x3, so that nothing is done to the sum.

    (N, inplanes, H, W) to (N, planes, H', W'). x' is x, or `downsample` of what the first relu gives if it has
    parameters (a 1×1 convolution), of x itself if not (a `ZeroPadShortcut`). `norm_layer` is as in `CifarResNet`.

    Source: He, Zhang, Ren, Sun 2016, "Identity mappings in deep residual networks".

    >>> import nn
    >>> nn.models.PreActBlock(8, 8)(zeros((1, 8, 4, 4))).shape
    (1, 8, 4, 4)
    """

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Module | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or BatchNorm2d
        self.bn1 = norm(inplanes)
        self.relu = ReLU(inplace=True)
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn2 = norm(planes)
        self.conv2 = conv3x3(planes, planes)
        self.downsample = downsample
        self._projects = downsample is not None and any(True for _ in downsample.parameters())

    def forward(self, x: Tensor) -> Tensor:
        activated = self.relu(self.bn1(x))
        if self.downsample is not None:
            x = self.downsample(activated if self._projects else x)
        return x + self.conv2(self.relu(self.bn2(self.conv1(activated))))


class CifarResNet(Module):
    """A residual network of depth 6n + 2 for images (N, in_channels, H, W) of about 32×32: scores (N, num_classes).

    A 3×3 convolution, three stages of n blocks with 16, 32 and 64 channels, the mean over each map, a linear layer.
    `shortcut` says how a stage's first block reaches more channels: "A" by `ZeroPadShortcut`, "B" by a 1×1 convolution;
    None leaves out all shortcuts (`PlainBlock`). `preactivation` takes `PreActBlock`s. `norm_layer` makes a
    normalisation from a number of channels; BatchNorm2d by default, `nn.Identity` for none. With `init_weights`
    convolutions start from He's normal scheme, else from PyTorch's default. Raises ValueError for another depth or
    shortcut, and for None with `preactivation`.

    Source: He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition", section 4.2.

    >>> import nn
    >>> nn.models.CifarResNet(8)(zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self,
        depth: int,
        num_classes: int = 10,
        shortcut: str | None = "A",
        preactivation: bool = False,
        in_channels: int = 3,
        norm_layer: Norm | None = None,
        init_weights: bool = True,
    ) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"CifarResNet: depth has to be 6n + 2 with n at least 1, got {depth}")
        if shortcut not in ("A", "B", None) or (shortcut is None and preactivation):
            raise ValueError(
                f"CifarResNet: shortcut is 'A', 'B' or, without preactivation, None; "
                f"got {shortcut!r} with preactivation={preactivation}"
            )
        self.shortcut = shortcut
        self.preactivation = preactivation
        norm = norm_layer or BatchNorm2d
        self.conv1 = conv3x3(in_channels, 16)
        self.bn1 = Identity() if preactivation else norm(16)
        self.relu = ReLU(inplace=True)
        count = (depth - 2) // 6
        self.layer1 = self._stage(16, 16, count, 1, norm)
        self.layer2 = self._stage(16, 32, count, 2, norm)
        self.layer3 = self._stage(32, 64, count, 2, norm)
        self.bn2 = norm(64) if preactivation else Identity()
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(64, num_classes)
        if init_weights:
            for module in self.modules():
                if isinstance(module, Conv2d):
                    init.kaiming_normal_(module.weight, nonlinearity="relu")

    def _stage(self, channels: int, features: int, count: int, stride: int, norm: Norm) -> Sequential:
        blocks = [self._block(channels, features, stride, norm)]
        blocks += [self._block(features, features, 1, norm) for _ in range(1, count)]
        return Sequential(*blocks)

    def _block(self, channels: int, features: int, stride: int, norm: Norm) -> Module:
        if self.shortcut is None:
            return PlainBlock(channels, features, stride, norm)
        downsample: Module | None = None
        if channels != features and self.shortcut == "A":
            downsample = ZeroPadShortcut(channels, features, stride)
        elif channels != features:
            plain = self.preactivation
            downsample = conv1x1(channels, features, stride) if plain else projection(channels, features, stride, norm)
        block: Callable[..., Module] = PreActBlock if self.preactivation else BasicBlock
        return block(channels, features, stride, downsample, norm_layer=norm)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))  # (N, 16, H, W)
        x = x if self.preactivation else self.relu(x)
        x = self.bn2(self.layer3(self.layer2(self.layer1(x))))  # (N, 64, H/4, W/4)
        x = self.relu(x) if self.preactivation else x
        return self.fc(self.avgpool(x).flatten(1))  # (N, num_classes)


@builder
def resnet20(**options: Any) -> CifarResNet:
    """ResNet-20 for 32×32 images, 0.27 million parameters; the options are those of `CifarResNet`.

    >>> import nn
    >>> nn.models.resnet20()(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """
    return CifarResNet(20, **options)


@builder
def resnet32(**options: Any) -> CifarResNet:
    """ResNet-32 for 32×32 images, 0.46 million parameters; the options are those of `CifarResNet`.

    >>> import nn
    >>> nn.models.resnet32(num_classes=100)(zeros((1, 3, 32, 32))).shape
    (1, 100)
    """
    return CifarResNet(32, **options)


@builder
def resnet44(**options: Any) -> CifarResNet:
    """ResNet-44 for 32×32 images, 0.66 million parameters; the options are those of `CifarResNet`.

    >>> import nn
    >>> nn.models.resnet44(in_channels=1)(zeros((1, 1, 28, 28))).shape
    (1, 10)
    """
    return CifarResNet(44, **options)


@builder
def resnet56(**options: Any) -> CifarResNet:
    """ResNet-56 for 32×32 images, 0.85 million parameters; the options are those of `CifarResNet`.

    >>> import nn
    >>> nn.models.resnet56(shortcut="B")(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """
    return CifarResNet(56, **options)


@builder
def resnet110(**options: Any) -> CifarResNet:
    """ResNet-110 for 32×32 images, 1.7 million parameters; the options are those of `CifarResNet`.

    >>> import nn
    >>> network = nn.models.resnet110()
    >>> len(network.layer1), len(network.layer2), len(network.layer3)  # 54 blocks of 2
    (18, 18, 18)
    """
    return CifarResNet(110, **options)


@builder
def preact_resnet20(**options: Any) -> CifarResNet:
    """ResNet-20 for 32×32 images with pre-activation, 0.27 million parameters.

    The options are those of `CifarResNet`.

    Source: He, Zhang, Ren, Sun 2016, "Identity mappings in deep residual networks".

    >>> import nn
    >>> network = nn.models.preact_resnet20()
    >>> type(network.layer1[0]).__name__, network(zeros((1, 3, 32, 32))).shape
    ('PreActBlock', (1, 10))
    """
    return CifarResNet(20, preactivation=True, **options)


@builder
def preact_resnet110(**options: Any) -> CifarResNet:
    """ResNet-110 for 32×32 images with pre-activation, 1.7 million parameters.

    The options are those of `CifarResNet`.

    Source: He, Zhang, Ren, Sun 2016, "Identity mappings in deep residual networks".

    >>> import nn
    >>> network = nn.models.preact_resnet110()
    >>> type(network.layer1[0]).__name__, network(zeros((1, 3, 32, 32))).shape
    ('PreActBlock', (1, 10))
    """
    return CifarResNet(110, preactivation=True, **options)


@builder
def plain20(**options: Any) -> CifarResNet:
    """The 20 layers of `resnet20` without shortcuts; the options are those of `CifarResNet`.

    >>> import nn
    >>> nn.models.plain20()(zeros((1, 3, 32, 32))).shape
    (1, 10)
    """
    return CifarResNet(20, shortcut=None, **options)
