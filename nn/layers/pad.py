"""Padding layers: each sets the mode and the number of axes of `nn.functional.pad`."""

from __future__ import annotations

import math
from typing import ClassVar

from autograd import Tensor
from nn import functional as F
from nn.functional.sizes import PerAxis, per_axis
from nn.module import Module


class _PadNd(Module):
    """Borders around the last `n` axes; see `nn.functional.pad` for errors."""

    n: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: PerAxis) -> None:
        super().__init__()
        self.padding = per_axis(type(self).__name__, "padding", padding, 2 * self.n, least=-math.inf)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPadNd(_PadNd):
    """Borders of one value around the last `n` axes; see `nn.functional.pad`."""

    mode = "constant"

    def __init__(self, padding: PerAxis, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """One value around (N, C, L); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right).

    >>> import nn
    >>> nn.ConstantPad1d((1, 2), 9.0)(tensor([[1.0, 2.0, 3.0]]))
    tensor([[9., 1., 2., 3., 9., 9.]])
    """

    n = 1


class ConstantPad2d(_ConstantPadNd):
    """One value around (N, C, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom).

    >>> import nn
    >>> nn.ConstantPad2d((1, 0, 0, 1), 9.0)(tensor([[[1.0, 2.0]]]))  # left, right, top, bottom
    tensor([[[9., 1., 2.],
             [9., 9., 9.]]])
    """

    n = 2


class ConstantPad3d(_ConstantPadNd):
    """One value around (N, C, D, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom, front, back).

    >>> import nn
    >>> nn.ConstantPad3d((0, 0, 0, 0, 1, 2), 9.0)(zeros((1, 1, 1, 1))).flatten()  # the last two widths are those of D
    tensor([9., 0., 9., 9.])
    """

    n = 3


class ZeroPad1d(_PadNd):
    """Zeros around (N, C, L); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right).

    >>> import nn
    >>> nn.ZeroPad1d(1)(tensor([[1.0, 2.0, 3.0]]))
    tensor([[0., 1., 2., 3., 0.]])
    >>> nn.ZeroPad1d((1, -1))(tensor([[1.0, 2.0, 3.0]]))
    tensor([[0., 1., 2.]])
    """

    n = 1
    mode = "constant"


class ZeroPad2d(_PadNd):
    """Zeros around (N, C, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom).

    >>> import nn
    >>> nn.ZeroPad2d((1, 2, 0, 0))(ones((1, 1, 4, 4))).shape
    (1, 1, 4, 7)
    """

    n = 2
    mode = "constant"


class ZeroPad3d(_PadNd):
    """Zeros around (N, C, D, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom, front, back).

    >>> import nn
    >>> nn.ZeroPad3d((0, 0, 0, 0, 1, 1))(ones((2, 3, 4, 5, 6))).shape
    (2, 3, 6, 5, 6)
    >>> nn.ZeroPad3d(1)(ones((2, 3, 4, 5, 6))).shape
    (2, 3, 6, 7, 8)
    """

    n = 3
    mode = "constant"


class ReflectionPad1d(_PadNd):
    """The mirror image, without its outermost elements, around (N, C, L); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right).

    >>> import nn
    >>> nn.ReflectionPad1d(2)(tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2., 1.]])
    """

    n = 1
    mode = "reflect"


class ReflectionPad2d(_PadNd):
    """The mirror image, without its outermost elements, around (N, C, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom).

    >>> import nn
    >>> nn.ReflectionPad2d((1, 1, 1, 0))(tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[4., 3., 4., 3.],
             [2., 1., 2., 1.],
             [4., 3., 4., 3.]]])
    """

    n = 2
    mode = "reflect"


class ReflectionPad3d(_PadNd):
    """The mirror image, without its outermost elements, around (N, C, D, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom, front, back).

    >>> import nn
    >>> nn.ReflectionPad3d((0, 0, 0, 0, 2, 0))(arange(3.0).reshape(1, 3, 1, 1)).flatten()
    tensor([2., 1., 0., 1., 2.])
    """

    n = 3
    mode = "reflect"


class ReplicationPad1d(_PadNd):
    """The outermost elements repeated around (N, C, L); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right).

    >>> import nn
    >>> nn.ReplicationPad1d(2)(tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 1., 2., 3., 3., 3.]])
    """

    n = 1
    mode = "replicate"


class ReplicationPad2d(_PadNd):
    """The outermost elements repeated around (N, C, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom).

    >>> import nn
    >>> nn.ReplicationPad2d((1, 0, 0, 1))(tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[1., 1., 2.],
             [3., 3., 4.],
             [3., 3., 4.]]])
    """

    n = 2
    mode = "replicate"


class ReplicationPad3d(_PadNd):
    """The outermost elements repeated around (N, C, D, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom, front, back).

    >>> import nn
    >>> nn.ReplicationPad3d((0, 0, 0, 0, 1, 2))(arange(3.0).reshape(1, 3, 1, 1)).flatten()
    tensor([0., 0., 1., 2., 2., 2.])
    """

    n = 3
    mode = "replicate"


class CircularPad1d(_PadNd):
    """The opposite border's elements around (N, C, L); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right).

    >>> import nn
    >>> nn.CircularPad1d(2)(tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 1., 2., 3., 1., 2.]])
    """

    n = 1
    mode = "circular"


class CircularPad2d(_PadNd):
    """The opposite border's elements around (N, C, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom).

    >>> import nn
    >>> nn.CircularPad2d((1, 0, 0, 1))(tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1., 2.],
             [4., 3., 4.],
             [2., 1., 2.]]])
    """

    n = 2
    mode = "circular"


class CircularPad3d(_PadNd):
    """The opposite border's elements around (N, C, D, H, W); see `nn.functional.pad`.

    `padding` is one int for all borders, or (left, right, top, bottom, front, back).

    >>> import nn
    >>> nn.CircularPad3d((0, 0, 0, 0, 1, 2))(arange(3.0).reshape(1, 3, 1, 1)).flatten()
    tensor([2., 0., 1., 2., 0., 1.])
    """

    n = 3
    mode = "circular"
