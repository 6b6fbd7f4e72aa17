"""Losses of a number that is to come near another."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.functional.loss.reduction import check_same, reduced


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|x - t|. Its derivative at x = t, where it has a kink, is taken as 0.

    `reduction` is "mean", "sum" or "none". With a `weight`, each element's loss counts so many times, and "mean"
    divides by the sum of the weights. Raises ValueError unless all have the same shape.

    >>> from nn import functional as F
    >>> F.l1_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
    tensor(1.)
    """
    check_same("l1_loss", input, target)
    return _weighted_mean("l1_loss", ag.abs(input - target), weight, reduction)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(x - t)².

    `reduction` is "mean", "sum" or "none". With a `weight`, each element's loss counts so many times, and "mean"
    divides by the sum of the weights. Raises ValueError unless all have the same shape.

    >>> from nn import functional as F
    >>> F.mse_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
    tensor(2.)
    """
    check_same("mse_loss", input, target)
    return _weighted_mean("mse_loss", ag.square(input - target), weight, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """(x - t)²/2 where |x - t| ≤ δ, and δ · (|x - t| - δ/2) beyond: a parabola that goes on as its tangents.

    δ is `delta`. `reduction` is "mean", "sum" or "none". With a `weight`, each element's loss counts so many times, and
    "mean" still divides by the number of elements, as in PyTorch. Raises ValueError for a delta that is not positive
    and unless all have the same shape.

    Source: Huber 1964, "Robust estimation of a location parameter".

    >>> from nn import functional as F
    >>> F.huber_loss(tensor([1.0, 4.0]), tensor([0.0, 0.0]), reduction="none", delta=2.0)
    tensor([0.5, 6. ])
    """
    check_same("huber_loss", input, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta has to be positive, got {delta}")
    losses = _huber(input, target, delta)
    if weight is not None:
        _check_weight("huber_loss", losses, weight)
        losses = losses * weight
    return reduced("huber_loss", losses, reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(x - t)²/2β where |x - t| ≤ β, and |x - t| - β/2 beyond: the Huber loss over β; for β = 0 the L1 loss.

    β is `beta`. `reduction` is "mean", "sum" or "none". Raises ValueError for a negative beta and unless both have the
    same shape.

    >>> from nn import functional as F
    >>> F.smooth_l1_loss(tensor([1.0, 4.0]), tensor([0.0, 0.0]), reduction="none", beta=2.0)
    tensor([0.25, 3.  ])
    """
    check_same("smooth_l1_loss", input, target)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta has to be zero or more, got {beta}")
    losses = _huber(input, target, beta) / beta if beta else ag.abs(input - target)
    return reduced("smooth_l1_loss", losses, reduction)


def _huber(input: Tensor, target: Tensor, delta: float) -> Tensor:
    distance = ag.abs(input - target)
    near = ag.clip(distance, None, delta)
    return near * (distance - 0.5 * near)


def _weighted_mean(op: str, losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    if weight is None:
        return reduced(op, losses, reduction)
    _check_weight(op, losses, weight)
    losses = losses * weight
    return ag.sum(losses) / ag.sum(weight) if reduction == "mean" else reduced(op, losses, reduction)


def _check_weight(op: str, losses: Tensor, weight: Tensor) -> None:
    if weight.shape != losses.shape:
        raise ValueError(f"{op}: input {losses.shape} wants a weight of the same shape, got {weight.shape}")
