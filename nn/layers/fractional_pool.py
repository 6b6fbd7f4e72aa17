"""Fractional max pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from autograd import Tensor
from nn import functional as F
from nn.functional.fractional_pool import Ratio, ratio_per_axis
from nn.functional.sizes import PerAxis, per_axis
from nn.module import Module


class _FractionalMaxPoolNd(Module):
    """The maximum over windows at random distances along the last `n` axes; see `nn.functional.fractional_max_pool`."""

    n: ClassVar[int]
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: PerAxis,
        output_size: PerAxis | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.n
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{name}: wants either output_size or output_ratio, got {output_size} and {output_ratio}")
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, n)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else per_axis(name, "output_size", output_size, n)
        self.output_ratio = None if output_ratio is None else ratio_per_axis(name, output_ratio, n)

    def forward(self, input: Tensor) -> Any:
        return F.fractional_max_pool(
            input,
            self.n,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The maximum over windows of (N, C, H, W) at random distances; see `nn.functional.fractional_max_pool`.

    >>> import nn
    >>> nn.FractionalMaxPool2d(2, output_ratio=(0.7, 0.5))(zeros((1, 3, 10, 10))).shape
    (1, 3, 7, 5)
    """

    n = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The maximum over windows of (N, C, D, H, W) at random distances; see `nn.functional.fractional_max_pool`.

    >>> import nn
    >>> nn.FractionalMaxPool3d((1, 2, 2), output_size=(4, 5, 5))(zeros((1, 3, 6, 8, 8))).shape
    (1, 3, 4, 5, 5)
    """

    n = 3
