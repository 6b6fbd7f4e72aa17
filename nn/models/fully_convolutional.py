"""A classifier of patches made one of whole images, by dilation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.containers import Sequential
from nn.functional.sizes import padding_pairs, per_axis
from nn.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Dropout2d,
    Flatten,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    LogSigmoid,
    LogSoftmax,
    MaxPool2d,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from nn.module import Module

# what does at every pixel what it does at one
_POINTWISE = (
    *(CELU, ELU, GELU, SELU, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, Mish, PReLU, ReLU, ReLU6),
    *(Sigmoid, SiLU, Softplus, Softsign, Tanh, Identity, Dropout, Dropout2d, BatchNorm2d, LocalResponseNorm),
)


class FullyConvolutional(Sequential):
    """What `fully_convolutional` makes: scores (N, K, H - h + 1, W - w + 1) of the patches (C, h, w) of images.

    `parts` are its layers by name; `patch_shape` is (C, h, w). Raises ValueError for images that are smaller, or have
    another number of channels.

    >>> import nn
    >>> patches = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 3))
    >>> dense = nn.models.fully_convolutional(patches, (1, 4, 4))
    >>> dense.patch_shape, dense(zeros((1, 1, 4, 6))).shape
    ((1, 4, 4), (1, 3, 1, 3))
    """

    def __init__(self, parts: dict[str, Module], patch_shape: tuple[int, int, int]) -> None:
        super().__init__(parts)
        self.patch_shape = patch_shape

    def forward(self, x: Any) -> Any:
        channels, height, width = self.patch_shape
        if x.ndim != 4 or x.shape[1] != channels or x.shape[2] < height or x.shape[3] < width:
            raise ValueError(
                f"FullyConvolutional: wants images (N, {channels}, H, W) of at least {height}×{width}, "
                f"got shape {tuple(x.shape)}"
            )
        y = super().forward(x)
        return y[:, :, : x.shape[2] - height + 1, : x.shape[3] - width + 1]


def fully_convolutional(classifier: Sequential, patch_shape: Sequence[int]) -> FullyConvolutional:
    """The classifier of patches (N, C, h, w) → (N, K) as a network of images: (N, C, H, W) → (N, K, H-h+1, W-w+1).

    `patch_shape` is (C, h, w). At every position it gives what the classifier gives on the patch there, at a fraction
    of the cost. Strides become 1, and whatever follows a stride is dilated by it; the linear layer after Flatten
    becomes a convolution with a kernel as large as the maps it saw. Parameters and buffers are shared with the
    classifier, under the same names. Batch normalisation agrees when evaluating, as do dropouts.

    Takes a Sequential (of Sequentials) of Conv2d, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, Flatten, Linear, batch and
    local response normalisation, dropout, softmax, and activations that act on each element. Raises ValueError for
    another layer; for padding, which a patch has at its own borders only; and if the patch does not come to one vector.

    Source: Long, Shelhamer, Darrell 2015, "Fully convolutional networks for semantic segmentation"; Yu, Koltun 2016,
    "Multi-scale context aggregation by dilated convolutions".

    >>> import nn
    >>> patches = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    >>> nn.models.fully_convolutional(patches, (1, 6, 6))(zeros((1, 1, 20, 30))).shape
    (1, 3, 15, 25)
    """
    channels, height, width = per_axis("fully_convolutional", "patch_shape", tuple(patch_shape), 3)
    conversion = _Conversion((channels, height, width))
    parts = conversion.sequence(classifier)
    if conversion.shape[1:] != (1, 1):
        raise ValueError(f"fully_convolutional: a patch comes to maps {conversion.shape}, not to one vector")
    dense = FullyConvolutional(parts, (channels, height, width))
    dense.training = classifier.training
    return dense


class DenseLinear(Module):
    """A linear layer over maps (C, h, w) as a dilated convolution, with the parameters of `linear`."""

    def __init__(self, linear: Linear, shape: tuple[int, ...], dilation: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = linear.weight
        self.bias = linear.bias
        self.shape = shape
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.reshape(-1, *self.shape), self.bias, dilation=self.dilation)

    def extra_repr(self) -> str:
        return f"{self.shape}, {self.weight.shape[0]}, dilation={self.dilation}"


class DenseMean(Module):
    """The mean over dilated windows at stride 1."""

    def __init__(self, kernel_size: tuple[int, ...], dilation: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        windows = ag.sliding_windows(x, self.kernel_size, (1, 1), self.dilation, axes=(2, 3))  # (N, C, H, W, h, w)
        return ag.window_mean(windows, 2)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}"


class _Conversion:
    """Walks a classifier, knowing what shape a patch has come to and how far apart in the image its pixels now lie."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape: tuple[int, ...] = shape
        self.spread: tuple[int, ...] = (1, 1)
        self.flat = False

    def sequence(self, modules: Sequential) -> dict[str, Module]:
        parts = {name: module for name, module in vars(modules).items() if isinstance(module, Module)}
        converted = {name: self.convert(module) for name, module in parts.items()}
        for name, module in parts.items():
            converted[name].training = module.training
        return converted

    def convert(self, module: Module) -> Module:
        if isinstance(module, Sequential):
            return Sequential(self.sequence(module))
        if isinstance(module, Flatten):
            return self.flatten(module)
        if isinstance(module, Linear):
            return self.linear(module)
        if isinstance(module, (Softmax, LogSoftmax)):
            self.check(module, module.dim == 1 or (self.flat and module.dim == -1), "goes over the channels")
            return type(module)(dim=1)
        if isinstance(module, BatchNorm1d):
            self.check(module, self.flat and self.shape[1:] == (1, 1), "comes after a linear layer")
            return _with_state_of(module, BatchNorm2d(module.num_features, module.eps, module.momentum))
        if isinstance(module, _POINTWISE):
            local = not isinstance(module, (PReLU, BatchNorm2d, Dropout2d, LocalResponseNorm))
            self.check(module, local or not self.flat or self.shape[1:] == (1, 1), "comes before Flatten")
            return module
        self.check(module, not self.flat, "comes before Flatten")
        if isinstance(module, Conv2d):
            return self.convolution(module)
        if isinstance(module, MaxPool2d):
            return self.maximum(module)
        if isinstance(module, (AvgPool2d, AdaptiveAvgPool2d)):
            return self.mean(module)
        raise ValueError(f"fully_convolutional: does not know what to make of {module!r}")

    def check(self, module: Module, holds: bool, what: str) -> None:
        if not holds:
            raise ValueError(f"fully_convolutional: can only take {type(module).__name__} if it {what}; got {module!r}")

    def flatten(self, module: Flatten) -> Module:
        self.check(module, (module.start_dim, module.end_dim) in ((1, -1), (1, 3)), "flattens all but the batch")
        self.flat = True
        return Identity()

    def linear(self, module: Linear) -> Module:
        features = self.shape[0] * self.shape[1] * self.shape[2]
        if not self.flat or module.in_features != features:
            raise ValueError(
                f"fully_convolutional: {module!r} comes upon {'' if self.flat else 'unflattened '}maps {self.shape}"
            )
        dense = DenseLinear(module, self.shape, self.spread)
        self.shape = (module.out_features, 1, 1)
        return dense

    def convolution(self, module: Conv2d) -> Module:
        pads = padding_pairs("fully_convolutional", module.padding, module.kernel_size, module.stride, module.dilation)
        self.check(module, not any(map(any, pads)), "has no padding")
        self.check(module, module.in_channels == self.shape[0], f"takes {self.shape[0]} channels")
        dilation = self.through(module, module.kernel_size, module.stride, module.dilation)
        self.shape = (module.out_channels, *self.shape[1:])
        has_bias = module.bias is not None
        dense = Conv2d(
            module.in_channels, module.out_channels, module.kernel_size, 1, 0, dilation, module.groups, has_bias
        )
        dense.weight, dense.bias = module.weight, module.bias
        return dense

    def maximum(self, module: MaxPool2d) -> Module:
        kernel, stride, padding, dilation = (
            _pair(name, getattr(module, name), least)
            for name, least in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
        )
        self.check(
            module,
            not any(padding) and not module.ceil_mode and not module.return_indices,
            "has no padding, ceil_mode or return_indices",
        )
        return MaxPool2d(kernel, stride=1, dilation=self.through(module, kernel, stride, dilation))

    def mean(self, module: AvgPool2d | AdaptiveAvgPool2d) -> Module:
        if isinstance(module, AvgPool2d):
            plain = not any(_pair("padding", module.padding, 0)) and not module.ceil_mode
            self.check(
                module, plain and module.divisor_override is None, "has no padding, ceil_mode or divisor_override"
            )
            kernel, stride = _pair("kernel_size", module.kernel_size), _pair("stride", module.stride)
        else:
            given = module.output_size if isinstance(module.output_size, (tuple, list)) else (module.output_size,) * 2
            sizes = [length if size is None else size for size, length in zip(given, self.shape[1:], strict=True)]
            even = all(size and length % size == 0 for size, length in zip(sizes, self.shape[1:], strict=True))
            self.check(module, even, f"divides {self.shape[1:]} evenly")
            kernel = stride = tuple(length // size for size, length in zip(sizes, self.shape[1:], strict=True))
        return DenseMean(kernel, self.through(module, kernel, stride, (1, 1)))

    def through(
        self, module: Module, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Take the patch through a layer of windows; the dilation that those windows have in the image."""
        dense = tuple(d * spread for d, spread in zip(dilation, self.spread, strict=True))
        lengths = tuple(
            (length - d * (k - 1) - 1) // s + 1
            for length, k, s, d in zip(self.shape[1:], kernel, stride, dilation, strict=True)
        )
        self.check(module, min(lengths) > 0, f"fits into maps {self.shape[1:]}")
        self.shape = (self.shape[0], *lengths)
        self.spread = tuple(s * spread for s, spread in zip(stride, self.spread, strict=True))
        return dense


def _pair(name: str, value: Any, least: int = 1) -> tuple[int, ...]:
    return per_axis("fully_convolutional", name, value, 2, least=least)


def _with_state_of(source: BatchNorm1d, norm: BatchNorm2d) -> BatchNorm2d:
    """`norm`, with the parameters and the running statistics of another one."""
    norm.weight, norm.bias = source.weight, source.bias
    norm.running_mean, norm.running_var = source.running_mean, source.running_var
    norm.num_batches_tracked = source.num_batches_tracked
    return norm
