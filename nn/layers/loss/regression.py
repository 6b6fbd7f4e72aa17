"""Losses of a number that is to come near another."""

from __future__ import annotations

from autograd import Tensor
from nn import functional as F
from nn.layers.loss.base import Loss


class L1Loss(Loss):
    """Mean absolute error; see `nn.functional.l1_loss`.

    >>> import nn
    >>> nn.L1Loss()(tensor([1.0, 3.0]), tensor([1.0, 0.0]))
    tensor(1.5)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(Loss):
    """Mean squared error; see `nn.functional.mse_loss`.

    >>> import nn
    >>> nn.MSELoss()(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
    tensor(2.)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class HuberLoss(Loss):
    """Squared error near, absolute error far; see `nn.functional.huber_loss`.

    >>> import nn
    >>> nn.HuberLoss(delta=2.0)(tensor([1.0, 3.0]), tensor([0.0, 0.0]))
    tensor(2.25)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(Loss):
    """The Huber loss divided by `beta`; see `nn.functional.smooth_l1_loss`.

    >>> import nn
    >>> nn.SmoothL1Loss()(tensor([0.5, 3.0]), tensor([0.0, 0.0]))
    tensor(1.3125)
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)
