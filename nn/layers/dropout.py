"""Dropout as modules: the identity unless training."""

from __future__ import annotations

from autograd import Tensor
from nn import functional as F
from nn.module import Module


class _Dropout(Module):
    """Drops with probability `p`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p is a probability, got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, zeroes elements with probability `p`; see `nn.functional.dropout`.

    >>> import nn
    >>> nn.Dropout(0.3).eval()(ones(3))
    tensor([1., 1., 1.])
    >>> nn.Dropout(1.0)(ones(3))
    tensor([0., 0., 0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)


class Dropout1d(_Dropout):
    """In training, zeroes channels of (N, C, L) or (C, L) with probability `p`; see `nn.functional.dropout1d`.

    >>> import nn
    >>> nn.Dropout1d(0.5)(ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(_Dropout):
    """In training, zeroes channels of (N, C, H, W) with probability `p`; see `nn.functional.dropout2d`.

    >>> import nn
    >>> nn.Dropout2d(0.5)(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(_Dropout):
    """In training, zeroes channels of (N, C, D, H, W) with probability `p`; see `nn.functional.dropout3d`.

    >>> import nn
    >>> nn.Dropout3d(0.5)(ones((2, 3, 4, 4, 4))).shape
    (2, 3, 4, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(_Dropout):
    """Dropout that goes with SELU: keeps mean 0 and variance 1; see `nn.functional.alpha_dropout`.

    >>> import nn
    >>> nn.AlphaDropout(0.2).eval()(ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (N, C, *S); see `nn.functional.feature_alpha_dropout`.

    >>> import nn
    >>> nn.FeatureAlphaDropout(0.2)(ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
