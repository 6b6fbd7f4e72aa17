"""Max unpooling layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from autograd import Tensor
from nn import functional as F
from nn.functional.sizes import PerAxis, per_axis
from nn.module import Module


class _MaxUnpoolNd(Module):
    """Maxima put back to where they came from, zeros elsewhere; see `nn.functional.max_unpool`."""

    n: ClassVar[int]

    def __init__(self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0) -> None:
        super().__init__()
        name, n = type(self).__name__, self.n
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, n)
        self.stride = self.kernel_size if stride is None else per_axis(name, "stride", stride, n)
        self.padding = per_axis(name, "padding", padding, n, least=0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.max_unpool(input, indices, self.n, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The inverse of `MaxPool1d` but for what it left out: to (N, C, L); see `nn.functional.max_unpool`.

    >>> import nn
    >>> y, switches = nn.MaxPool1d(2, return_indices=True)(tensor([[4.0, 1.0, 2.0, 9.0]]))
    >>> nn.MaxUnpool1d(2)(y, switches)
    tensor([[4., 0., 0., 9.]])
    """

    n = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """The inverse of `MaxPool2d` but for what it left out: to (N, C, H, W); see `nn.functional.max_unpool`.

    >>> import nn
    >>> y, switches = nn.MaxPool2d(2, return_indices=True)(ones((1, 1, 4, 5)))
    >>> nn.MaxUnpool2d(2)(y, switches, output_size=(4, 5)).shape
    (1, 1, 4, 5)
    """

    n = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """The inverse of `MaxPool3d` but for what it left out: to (N, C, D, H, W); see `nn.functional.max_unpool`.

    >>> import nn
    >>> y, switches = nn.MaxPool3d((1, 2, 2), return_indices=True)(ones((1, 1, 3, 4, 5)))
    >>> nn.MaxUnpool3d((1, 2, 2))(y, switches, output_size=(3, 4, 5)).shape
    (1, 1, 3, 4, 5)
    """

    n = 3
