"""Adaptive and global pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from autograd import Tensor
from nn import functional as F
from nn.functional.adaptive_pool import OutputSize
from nn.module import Module


class _AdaptiveAvgPoolNd(Module):
    """The mean over `output_size` windows along each of the last `n` axes; see `nn.functional.adaptive_avg_pool`."""

    n: ClassVar[int]

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool(input, self.n, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The mean over `output_size` windows of (N, C, L); see `nn.functional.adaptive_avg_pool`.

    >>> import nn
    >>> layer = nn.AdaptiveAvgPool1d(4)
    >>> layer(zeros((1, 3, 5))).shape, layer(zeros((1, 3, 100))).shape
    ((1, 3, 4), (1, 3, 4))
    """

    n = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The mean over `output_size` windows of (N, C, H, W); see `nn.functional.adaptive_avg_pool`.

    >>> import nn
    >>> nn.AdaptiveAvgPool2d((5, None))(zeros((1, 3, 8, 8))).shape
    (1, 3, 5, 8)
    """

    n = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The mean over `output_size` windows of (N, C, D, H, W); see `nn.functional.adaptive_avg_pool`.

    >>> import nn
    >>> nn.AdaptiveAvgPool3d((None, 1, 1))(zeros((1, 3, 5, 8, 8))).shape
    (1, 3, 5, 1, 1)
    """

    n = 3


class _AdaptiveMaxPoolNd(Module):
    """The maximum over `output_size` windows along each of the last `n` axes; see `nn.functional.adaptive_max_pool`."""

    n: ClassVar[int]

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool(input, self.n, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The maximum over `output_size` windows of (N, C, L); see `nn.functional.adaptive_max_pool`.

    >>> import nn
    >>> nn.AdaptiveMaxPool1d(1, return_indices=True)(tensor([[1.0, 5.0, 3.0]]))
    (tensor([[5.]]), tensor([[1]]))
    """

    n = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The maximum over `output_size` windows of (N, C, H, W); see `nn.functional.adaptive_max_pool`.

    >>> import nn
    >>> nn.AdaptiveMaxPool2d(7)(zeros((1, 3, 10, 12))).shape
    (1, 3, 7, 7)
    """

    n = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The maximum over `output_size` windows of (N, C, D, H, W); see `nn.functional.adaptive_max_pool`.

    >>> import nn
    >>> nn.AdaptiveMaxPool3d((1, 2, 2))(zeros((1, 3, 5, 7, 9))).shape
    (1, 3, 1, 2, 2)
    """

    n = 3


class GlobalAvgPool(Module):
    """The mean of each channel: (N, C, *S) to (N, C), or to (N, C, 1, …) with `keepdims`.

    >>> import nn
    >>> nn.GlobalAvgPool()(zeros((2, 3, 7, 7))).shape
    (2, 3)
    """

    def __init__(self, keepdims: bool = False) -> None:
        super().__init__()
        self.keepdims = keepdims

    def forward(self, input: Tensor) -> Tensor:
        return F.global_avg_pool(input, self.keepdims)

    def extra_repr(self) -> str:
        return f"keepdims={self.keepdims}"


class GlobalMaxPool(Module):
    """The maximum of each channel: (N, C, *S) to (N, C), or to (N, C, 1, …) with `keepdims`. A tie takes the first.

    >>> import nn
    >>> nn.GlobalMaxPool()(zeros((2, 3, 7, 7))).shape
    (2, 3)
    """

    def __init__(self, keepdims: bool = False) -> None:
        super().__init__()
        self.keepdims = keepdims

    def forward(self, input: Tensor) -> Tensor:
        return F.global_max_pool(input, self.keepdims)

    def extra_repr(self) -> str:
        return f"keepdims={self.keepdims}"
