"""Losses of a predicted distribution."""

from __future__ import annotations

from autograd import Tensor
from nn import functional as F
from nn.functional.loss.reduction import REDUCTIONS
from nn.layers.loss.base import Loss


class KLDivLoss(Loss):
    """Kullback-Leibler divergence; `reduction` may be "batchmean", too; see `nn.functional.kl_div`.

    >>> import nn
    >>> nn.KLDivLoss(reduction="sum")(log(tensor([0.5, 0.5])), tensor([1.0, 0.0])).round(4)
    tensor(0.6931)
    """

    reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of counts; see `nn.functional.poisson_nll_loss`.

    >>> import nn
    >>> nn.PoissonNLLLoss()(tensor([0.0]), tensor([2.0]))
    tensor(1.)
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


class GaussianNLLLoss(Loss):
    """Negative log-likelihood under normal distributions; see `nn.functional.gaussian_nll_loss`.

    >>> import nn
    >>> nn.GaussianNLLLoss()(tensor([1.0]), tensor([3.0]), tensor([1.0]))
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
