"""Losses. `reduction` is "mean", "sum" or "none" in all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """(input - target)². Raises ValueError unless both have the same shape.

    >>> from nn import functional as F
    >>> F.mse_loss(tensor([1.0, 2.0]), tensor([1.0, 4.0]))
    tensor(2.)
    """
    _check_same("mse_loss", input, target)
    return _reduced("mse_loss", ag.square(input - target), reduction)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-w[t] · input[t] at the target class t, for log-probabilities: input (N, C, *D) or (C,), target (N, *D) or ().

    Elements whose target is `ignore_index` count nothing. "mean" divides by the sum of the weights of those that count.
    Raises ValueError for a shape that does not match and for a class out of range.

    >>> from nn import functional as F
    >>> F.nll_loss(tensor([[-0.5, -1.0]]), tensor([1]))
    tensor(1.)
    """
    return _at_classes("nll_loss", input, target, weight, ignore_index, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-Σ_c w[c] · q[c] · log softmax(input)[c], for logits (N, C, *D) or (C,).

    `target` holds class indices, (N, *D) or (), where q is 1 at the index; or the probabilities q themselves, in the
    shape of the logits. `label_smoothing` ε makes of q the mixture (1 - ε) · q + ε/C. With indices, elements whose
    target is `ignore_index` count nothing, and "mean" divides by the sum of the target classes' weights; with
    probabilities it divides by the number of elements. Raises ValueError for a shape that does not match and for a
    class out of range.

    >>> from nn import functional as F
    >>> F.cross_entropy(tensor([[0.0, 0.0]]), tensor([1]))
    tensor(0.6931472)
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing lies from 0 to 1, got {label_smoothing}")
    if input.ndim == 0:
        raise ValueError(f"cross_entropy: wants logits (N, C, *D) or (C,), got shape {input.shape}")
    axis = min(1, input.ndim - 1)
    log_p = ag.log_softmax(input, axis=axis)
    if target.shape != input.shape:
        return _at_classes("cross_entropy", log_p, target, weight, ignore_index, reduction, label_smoothing)
    if target.dtype.kind != "f":
        raise ValueError(
            f"cross_entropy: a target of the logits' shape {input.shape} holds probabilities, got dtype {target.dtype}"
        )
    classes = input.shape[axis]
    q = target * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else target
    if weight is not None:
        q = q * _over_classes("cross_entropy", weight, input)
    losses = -ag.sum(log_p * q, axis=axis)
    return _reduced("cross_entropy", losses, reduction)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """-w · (t · log p + (1 - t) · log(1 - p)) for probabilities p; a logarithm is never taken to be below -100.

    Raises ValueError unless both have the same shape and 0 <= p <= 1. Where a logarithm is held at -100 its derivative
    is 0.

    >>> from nn import functional as F
    >>> F.binary_cross_entropy(tensor([0.5]), tensor([1.0]))
    tensor(0.6931472)
    """
    op = "binary_cross_entropy"
    _check_same(op, input, target)
    if not ag.all((input >= 0) & (input <= 1)):
        raise ValueError(f"{op}: wants probabilities from 0 to 1 as input; see binary_cross_entropy_with_logits")
    losses = -(target * _log(input) + (1 - target) * _log1p(-input))
    return _reduced(op, losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of p = sigmoid(input), without overflow.

    w · ((1 - t) · x + (1 + (v - 1) · t) · softplus(-x)) for a logit x and a target t. `pos_weight` v weighs the
    positive answers. Raises ValueError unless input and target have the same shape.

    >>> from nn import functional as F
    >>> F.binary_cross_entropy_with_logits(tensor([0.0]), tensor([1.0]))
    tensor(0.6931472)
    """
    _check_same("binary_cross_entropy_with_logits", input, target)
    rest = ag.softplus(-input)  # -log p
    if pos_weight is not None:
        rest = (1 + (pos_weight - 1) * target) * rest
    losses = (1 - target) * input + rest
    return _reduced("binary_cross_entropy_with_logits", losses if weight is None else losses * weight, reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """The multiclass SVM (hinge) loss, w[t] · Σ_{c≠t} max(0, margin - x[t] + x[c])ᵖ / C for scores (N, C) or (C,).

    Raises ValueError for a p other than 1 and 2, a shape that does not match, and a class out of range.

    Source: Crammer, Singer 2001, "On the algorithmic implementation of multiclass kernel-based vector machines".

    >>> from nn import functional as F
    >>> F.multi_margin_loss(tensor([[0.5, 0.0]]), tensor([0]))
    tensor(0.25)
    """
    op = "multi_margin_loss"
    if p not in (1, 2):
        raise ValueError(f"{op}: p is 1 or 2, got {p}")
    if input.ndim not in (1, 2):
        raise ValueError(f"{op}: wants scores (N, C) or (C,), got shape {input.shape}")
    labels = _classes(op, input, target)  # (N, 1)
    correct = ag.take_along_axis(input, labels, axis=-1)
    violations = ag.relu(margin - correct + input)  # (N, C)
    others = np.arange(input.shape[-1]) != labels
    losses = ag.where(others, violations if p == 1 else ag.square(violations), 0)
    if weight is not None:
        _over_classes(op, weight, input)
        losses = losses * ag.take(weight, labels)
    return _reduced(op, ag.sum(losses, axis=-1) / input.shape[-1], reduction)


def _at_classes(
    op: str,
    log_p: Tensor,
    target: Any,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float = 0.0,
) -> Tensor:
    """Negative log-likelihood of classes given by index, mixed with that of all classes alike by `smoothing`."""
    axis = min(1, log_p.ndim - 1)
    classes = _classes(op, log_p, target, ignore_index)  # (N, 1, *D), -1 where ignored
    counted = classes >= 0
    everything = bool(counted.all())
    if not everything:
        classes = np.where(counted, classes, 0)
    losses = -ag.take_along_axis(log_p, classes, axis=axis)  # (N, 1, *D)
    scale = None
    if weight is not None:
        spread = _over_classes(op, weight, log_p)
        scale = ag.take(weight, classes)  # (N, 1, *D)
        losses = losses * scale
    if smoothing:
        all_classes = log_p if weight is None else log_p * spread
        uniform = -ag.mean(all_classes, axis=axis, keepdims=True)
        losses = (1 - smoothing) * losses + smoothing * uniform
    if not everything:
        losses = ag.where(counted, losses, 0)
        scale = ag.where(counted, 1 if scale is None else scale, 0)
    losses = ag.squeeze(losses, axis)  # (N, *D)
    if scale is None or reduction != "mean":
        return _reduced(op, losses, reduction)
    return ag.sum(losses) / ag.sum(scale)


def _classes(op: str, input: Tensor, target: Any, ignore_index: int | None = None) -> Any:
    """The target classes of scores (N, C, *D) as an array (N, 1, *D), with -1 for those to be ignored."""
    axis = min(1, input.ndim - 1)
    if input.ndim == 0:
        raise ValueError(f"{op}: wants scores (N, C, *D) or (C,), got shape {input.shape}")
    labels = target.numpy() if isinstance(target, Tensor) else np.asarray(target)
    wanted = input.shape[:axis] + input.shape[axis + 1 :]
    if labels.shape != wanted:
        raise ValueError(f"{op}: input {input.shape} wants a target of shape {wanted}, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{op}: target classes have to be integers, got dtype {labels.dtype}")
    ignored = labels == ignore_index
    outside = (labels < 0) | (labels >= input.shape[axis])
    if (outside & ~ignored).any():
        wrong = int(labels[outside & ~ignored].flat[0])
        raise ValueError(
            f"{op}: target class {wrong} is out of range for {input.shape[axis]} classes; input {input.shape}"
        )
    return np.expand_dims(np.where(ignored, -1, labels) if outside.any() or ignored.any() else labels, axis)


def _over_classes(op: str, weight: Tensor, input: Tensor) -> Tensor:
    """Class weights (C,), shaped to be multiplied with scores (N, C, *D)."""
    axis = min(1, input.ndim - 1)
    if weight.shape != (input.shape[axis],):
        raise ValueError(f"{op}: wants a weight for each class, shape {(input.shape[axis],)}, got {weight.shape}")
    return ag.reshape(weight, (-1, *(1,) * (input.ndim - 1 - axis)))


def _log(p: Tensor) -> Tensor:
    """max(log p, -100), with derivative 0 where it is held."""
    above = p > math.exp(-100)
    return ag.where(above, ag.log(ag.where(above, p, 1)), -100)


def _log1p(x: Tensor) -> Tensor:
    """max(log(1 + x), -100), with derivative 0 where it is held."""
    above = x > -1
    return ag.where(above, ag.log1p(ag.where(above, x, 0)), -100)


def _check_same(op: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(f"{op}: input {input.shape} and target {target.shape} have different shapes")


def _reduced(op: str, losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return ag.mean(losses)
    if reduction == "sum":
        return ag.sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"{op}: reduction is 'mean', 'sum' or 'none', got {reduction!r}")
