"""Pooling layers: one maximum, one mean and one norm over n spatial axes, and their thin names."""

from __future__ import annotations

from typing import Any, ClassVar

from autograd import Tensor
from nn import functional as F
from nn.functional.sizes import PerAxis, per_axis
from nn.module import Module


class _MaxPoolNd(Module):
    """The maximum over windows of the last `n` axes; see `nn.functional.max_pool` for sizes and errors."""

    n: ClassVar[int]

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        dilation: PerAxis = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return F.max_pool(
            input,
            self.n,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The maximum over windows of (N, C, L); see `nn.functional.max_pool`.

    >>> import nn
    >>> nn.MaxPool1d(3, stride=1, padding=1)(tensor([[-1.0, -5.0, -2.0]]))
    tensor([[-1., -1., -2.]])
    """

    n = 1


class MaxPool2d(_MaxPoolNd):
    """The maximum over windows of (N, C, H, W); see `nn.functional.max_pool`.

    >>> import nn
    >>> nn.MaxPool2d(2)(zeros((1, 3, 8, 8))).shape
    (1, 3, 4, 4)
    """

    n = 2


class MaxPool3d(_MaxPoolNd):
    """The maximum over windows of (N, C, D, H, W); see `nn.functional.max_pool`.

    >>> import nn
    >>> nn.MaxPool3d((2, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))(zeros((1, 3, 4, 8, 8))).shape
    (1, 3, 3, 4, 4)
    """

    n = 3


class _AvgPoolNd(Module):
    """The mean over windows of the last `n` axes; see `nn.functional.avg_pool` for sizes and errors."""

    n: ClassVar[int]

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool(
            input,
            self.n,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """The mean over windows of (N, C, L); see `nn.functional.avg_pool`.

    >>> import nn
    >>> nn.AvgPool1d(2, stride=1)(tensor([[1.0, 2.0, 6.0, 4.0]]))
    tensor([[1.5, 4. , 5. ]])
    """

    n = 1

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(
            per_axis("AvgPool1d", "kernel_size", kernel_size, 1),
            None if stride is None else per_axis("AvgPool1d", "stride", stride, 1),
            per_axis("AvgPool1d", "padding", padding, 1, least=0),
            ceil_mode,
            count_include_pad,
        )


class AvgPool2d(_AvgPoolNd):
    """The mean over windows of (N, C, H, W); see `nn.functional.avg_pool`.

    >>> import nn
    >>> nn.AvgPool2d(2)(zeros((1, 3, 8, 8))).shape
    (1, 3, 4, 4)
    """

    n = 2


class AvgPool3d(_AvgPoolNd):
    """The mean over windows of (N, C, D, H, W); see `nn.functional.avg_pool`.

    >>> import nn
    >>> nn.AvgPool3d((1, 2, 2))(zeros((1, 3, 4, 8, 8))).shape
    (1, 3, 4, 4, 4)
    """

    n = 3


class _LPPoolNd(Module):
    """The norm of each window of the last `n` axes; see `nn.functional.lp_pool` for sizes and errors."""

    n: ClassVar[int]

    def __init__(
        self, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool(input, self.n, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The norm of each window of (N, C, L); see `nn.functional.lp_pool`.

    >>> import nn
    >>> nn.LPPool1d(1, kernel_size=2)(tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[3., 7.]])
    """

    n = 1


class LPPool2d(_LPPoolNd):
    """The norm of each window of (N, C, H, W); see `nn.functional.lp_pool`.

    >>> import nn
    >>> nn.LPPool2d(2, 2)(tensor([[[3.0, 0.0], [0.0, 4.0]]]))
    tensor([[[5.]]])
    """

    n = 2


class LPPool3d(_LPPoolNd):
    """The norm of each window of (N, C, D, H, W); see `nn.functional.lp_pool`.

    >>> import nn
    >>> nn.LPPool3d(2, kernel_size=(1, 2, 2))(ones((1, 3, 2, 2))).flatten()
    tensor([2., 2., 2.])
    """

    n = 3
