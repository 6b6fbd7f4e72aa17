"""Windows as columns and back, as modules."""

from __future__ import annotations

from autograd import Tensor
from nn import functional as F
from nn.functional.sizes import Padding, PerAxis
from nn.module import Module


class Unfold(Module):
    """Every window as a column: (N, C, H, W) to (N, C·KH·KW, L); see `nn.functional.unfold`.

    The arguments are the settings of a `Conv2d` that sees these windows.

    >>> import nn
    >>> nn.Unfold(3)(zeros((2, 4, 5, 6))).shape
    (2, 36, 12)
    """

    def __init__(self, kernel_size: PerAxis, dilation: PerAxis = 1, padding: Padding = 0, stride: PerAxis = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Columns laid back as windows and added where they overlap: (N, C·KH·KW, L) to (N, C, H, W), where (H, W) is
    `output_size`; see `nn.functional.fold`.

    The other arguments are those of the `Unfold` that makes such columns of (N, C, H, W).

    >>> import nn
    >>> nn.Fold((5, 6), 3)(zeros((2, 36, 12))).shape
    (2, 4, 5, 6)
    """

    def __init__(
        self,
        output_size: PerAxis,
        kernel_size: PerAxis,
        dilation: PerAxis = 1,
        padding: Padding = 0,
        stride: PerAxis = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
