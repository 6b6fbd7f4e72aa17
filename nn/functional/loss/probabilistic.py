"""Losses of a predicted distribution: divergence from another, or negative log-likelihood of what was seen."""

from __future__ import annotations

import math

import autograd as ag
from autograd import Tensor
from nn.functional.loss.reduction import check_same, reduced


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t · (log t - x) for log-probabilities x and probabilities t; with `log_target`, eᵗ · (t - x).

    0 · log 0 is 0, and so is its derivative. Summed over a distribution it is the Kullback-Leibler divergence of target
    from input. `reduction` is "mean" over all elements, "sum", "none", or "batchmean", which divides the sum by the
    length of the first axis and so gives the divergence per example. Raises ValueError unless both have the same shape.

    >>> from nn import functional as F
    >>> F.kl_div(np.log(tensor([[0.5, 0.5]])), tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.6931472)
    """
    check_same("kl_div", input, target)
    if log_target:
        losses = ag.exp(target) * (target - input)
    else:
        losses = target * (ag.log(ag.where(target == 0, 1, target)) - input)
    if reduction == "batchmean":
        return ag.sum(losses) / (input.shape[0] if input.ndim else 1)
    return reduced("kl_div", losses, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts t whose rate's logarithm is x: eˣ - t · x, less the term log t!.

    Without `log_input`, x is the rate: x - t · log(x + eps). `full` adds Stirling's approximation of log t!,
    t · log t - t + log(2πt)/2, where t > 1. `reduction` is "mean", "sum" or "none". Raises ValueError unless both have
    the same shape.

    >>> from nn import functional as F
    >>> F.poisson_nll_loss(tensor([0.0]), tensor([3.0]))
    tensor(1.)
    """
    check_same("poisson_nll_loss", input, target)
    losses = ag.exp(input) - target * input if log_input else input - target * ag.log(input + eps)
    if full:
        many = target > 1
        t = ag.where(many, target, 1)
        losses = losses + ag.where(many, t * ag.log(t) - t + 0.5 * ag.log(2 * math.pi * t), 0)
    return reduced("poisson_nll_loss", losses, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of targets t under normal distributions: (log v + (x - t)² / v) / 2, v = max(var, eps).

    `full` adds log(2π)/2. `var` is a number, or has the shape of the input, or lacks its last axis, or has length 1 on
    one axis. Where it is below `eps` the derivative passes as if it were not held. `reduction` is "mean", "sum" or
    "none". Raises ValueError for another shape and for a negative variance.

    Source: Nix, Weigend 1994, "Estimating the mean and variance of the target probability distribution".

    >>> from nn import functional as F
    >>> F.gaussian_nll_loss(tensor([1.0]), tensor([3.0]), tensor([1.0]))
    tensor(2.)
    """
    op = "gaussian_nll_loss"
    if isinstance(var, (int, float)):
        var = ag.full_like(input, var)
    if ag.any(var < 0):
        raise ValueError(f"{op}: wants variances that are zero or more, got {float(ag.min(var))}")
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = ag.expand_dims(var, -1)
        elif [v for x, v in zip(input.shape, var.shape, strict=False) if x != v] != [1] or var.ndim != input.ndim:
            raise ValueError(
                f"{op}: input {input.shape} wants a var of the same shape, without the last axis or with length 1 on "
                f"one axis, got {var.shape}"
            )
    if target.ndim != input.ndim:
        raise ValueError(f"{op}: input {input.shape} and target {target.shape} differ in their number of dimensions")
    with ag.no_grad():
        missing = ag.relu(eps - var)
    var = var + missing
    losses = 0.5 * (ag.log(var) + ag.square(input - target) / var)
    return reduced(op, losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)
