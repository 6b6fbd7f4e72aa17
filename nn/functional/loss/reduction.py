"""What all losses share: the reduction, and the check of shapes."""

from __future__ import annotations

from typing import Any

import autograd as ag
from autograd import Tensor

REDUCTIONS = ("mean", "sum", "none")


def reduced(op: str, losses: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of `losses`, or for "none" themselves; ValueError for another `reduction`."""
    if reduction == "mean":
        return ag.mean(losses)
    if reduction == "sum":
        return ag.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"{op}: reduction is 'mean', 'sum' or 'none', got {reduction!r}")


def check_tensors(op: str, *given: Any) -> None:
    """TypeError for what has no shape, such as a list, or the None of a `forward` that returns nothing."""
    for x in given:
        if not hasattr(x, "shape"):
            raise TypeError(f"{op}: wants tensors, got '{type(x).__name__}'")


def check_same(op: str, input: Tensor, target: Tensor) -> None:
    """ValueError unless both have the same shape: broadcasting here is nearly always a mistake."""
    check_tensors(op, input, target)
    if input.shape != target.shape:
        raise ValueError(f"{op}: input {input.shape} and target {target.shape} have different shapes")


def check_weight(op: str, what: str, weight: Any, input: Tensor) -> None:
    """ValueError unless `weight`, called `what`, broadcasts to the input's shape: it makes no more losses."""
    given = getattr(weight, "shape", ())
    if len(given) > input.ndim or any(n not in (1, m) for n, m in zip(given[::-1], input.shape[::-1], strict=False)):
        raise ValueError(f"{op}: wants a {what} that broadcasts to the input's shape {input.shape}, got {given}")


def check_signs(op: str, target: Tensor) -> None:
    """ValueError unless every target is 1 or -1."""
    if not ag.all((target == 1) | (target == -1)):
        raise ValueError(f"{op}: wants targets that are 1 or -1, got others")
