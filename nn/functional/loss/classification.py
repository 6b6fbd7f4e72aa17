"""Losses of scores or probabilities of classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.linear import linear
from nn.functional.loss.classes import at_classes, class_weights, target_classes
from nn.functional.loss.reduction import check_same, check_tensors, check_weight, reduced


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-w[t] · input[t] at the target class t, for log-probabilities: input (N, C, *D) or (C,), target (N, *D) or ().

    `weight` w is (C,); None: all 1. Elements whose target is `ignore_index` count nothing. `reduction` is "mean", "sum"
    or "none"; "mean" divides by the sum of the weights of those that count. Raises ValueError for a shape that does not
    match and for a class out of range.

    >>> from nn import functional as F
    >>> F.nll_loss(tensor([[-0.5, -1.0]]), tensor([1]))
    tensor(1.)
    """
    check_tensors("nll_loss", input)
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

    `weight` w is (C,); None: all 1. `reduction` is "mean", "sum" or "none".

    `target` holds class indices, (N, *D) or (), where q is 1 at the index; or the probabilities q themselves, in the
    shape of the logits. `label_smoothing` ε makes of q the mixture (1 - ε) · q + ε/C. With indices, elements whose
    target is `ignore_index` count nothing, and "mean" divides by the sum of the target classes' weights; with
    probabilities it divides by the number of elements. Raises ValueError for a shape that does not match, for a class
    out of range and for an `ignore_index` of a class beside probabilities.

    >>> from nn import functional as F
    >>> F.cross_entropy(tensor([[0.0, 0.0]]), tensor([1]))
    tensor(0.6931472)
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing lies from 0 to 1, got {label_smoothing}")
    check_tensors("cross_entropy", input, target)
    if input.ndim == 0:
        raise ValueError(f"cross_entropy: wants logits (N, C, *D) or (C,), got shape {input.shape}")
    axis = min(1, input.ndim - 1)
    log_p = ag.log_softmax(input, axis=axis)
    if target.shape != input.shape:
        return _at_classes("cross_entropy", log_p, target, weight, ignore_index, reduction, label_smoothing)
    if ignore_index >= 0:
        raise ValueError(
            f"cross_entropy: a target of the logits' shape {input.shape} holds probabilities, of which no class is "
            f"left out; got ignore_index {ignore_index}"
        )
    if target.dtype.kind != "f":
        raise ValueError(
            f"cross_entropy: a target of the logits' shape {input.shape} holds probabilities, got dtype {target.dtype}"
        )
    classes = input.shape[axis]
    q = target * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else target
    if weight is not None:
        q = q * class_weights("cross_entropy", weight, input)
    losses = -ag.sum(log_p * q, axis=axis)
    return reduced("cross_entropy", losses, reduction)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """-w · (t · log p + (1 - t) · log(1 - p)) for probabilities p; a logarithm is never taken to be below -100.

    `weight` w broadcasts; None: 1. `reduction` is "mean", "sum" or "none".

    The derivative is w · (p - t) / max(p · (1 - p), 1e-12), which is finite at 0 and 1, too (but for float16,
    which does not hold it there). Raises ValueError unless both have the same shape, 0 <= p <= 1, 0 <= t <= 1
    and the weight broadcasts to that shape.

    >>> from nn import functional as F
    >>> F.binary_cross_entropy(tensor([0.5]), tensor([1.0]))
    tensor(0.6931472)
    """
    op = "binary_cross_entropy"
    check_same(op, input, target)
    if not ag.all((input >= 0) & (input <= 1)):
        raise ValueError(f"{op}: wants probabilities from 0 to 1 as input; see binary_cross_entropy_with_logits")
    if not ag.all((target >= 0) & (target <= 1)):
        raise ValueError(f"{op}: wants targets from 0 to 1, got others")
    if weight is not None:
        check_weight(op, "weight", weight, input)
    log_p, log_q = _held_logarithms(input)
    losses = -(target * log_p + (1 - target) * log_q)
    return reduced(op, losses if weight is None else losses * weight, reduction)


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
    positive answers. `weight` w broadcasts; None: 1. `reduction` is "mean", "sum" or "none". Raises ValueError unless
    input and target have the same shape.

    >>> from nn import functional as F
    >>> F.binary_cross_entropy_with_logits(tensor([0.0]), tensor([1.0]))
    tensor(0.6931472)
    """
    check_same("binary_cross_entropy_with_logits", input, target)
    for what, given in (("weight", weight), ("pos_weight", pos_weight)):
        if given is not None:
            check_weight("binary_cross_entropy_with_logits", what, given, input)
    rest = ag.softplus(-input)  # -log p
    if pos_weight is not None:
        rest = (1 + (pos_weight - 1) * target) * rest
    losses = (1 - target) * input + rest
    return reduced("binary_cross_entropy_with_logits", losses if weight is None else losses * weight, reduction)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """`cross_entropy` of the logits W x + b, for features x (N, F) or (F,), `linear_weight` W and `linear_bias` b.

    W is (C, *D, F) and b (C, *D). The target is that of logits (N, C, *D) or (C,), and the other arguments are those of
    `cross_entropy`, but `ignore_index` None is -100. PyTorch's `options`, which only save memory, do not exist. Raises
    ValueError as `cross_entropy` does, for other shapes and for an `ignore_index` beside probabilities.

    >>> from nn import functional as F
    >>> F.linear_cross_entropy(tensor([[1.0, 0.0]]), tensor([[2.0, 1.0], [2.0, 0.0]]), tensor([1]))
    tensor(0.6931472)
    """
    op = "linear_cross_entropy"
    if input.ndim not in (1, 2) or linear_weight.ndim < 2 or input.shape[-1] != linear_weight.shape[-1]:
        raise ValueError(
            f"{op}: wants features (N, F) or (F,) and a linear_weight (C, *D, F), got {input.shape} and "
            f"{linear_weight.shape}"
        )
    outputs = linear_weight.shape[:-1]  # (C, *D)
    if len(outputs) > 1 and input.ndim == 1:
        raise ValueError(f"{op}: a linear_weight {linear_weight.shape} wants features (N, F), got {input.shape}")
    if linear_bias is not None and linear_bias.shape != outputs:
        raise ValueError(f"{op}: wants a linear_bias of shape {outputs}, got {linear_bias.shape}")
    logits = linear(
        input,
        ag.reshape(linear_weight, (-1, input.shape[-1])),
        None if linear_bias is None else ag.reshape(linear_bias, -1),
    )
    logits = ag.reshape(logits, (*input.shape[:-1], *outputs))  # (N, C, *D)
    if ignore_index is not None and target.shape == logits.shape:
        raise ValueError(f"{op}: a target of the logits' shape {logits.shape} holds probabilities; got an ignore_index")
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


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
    classes, counted = target_classes(op, log_p, target, ignore_index)  # (N, *D)
    losses = -at_classes(log_p, classes)
    scale = None
    if weight is not None:
        spread = class_weights(op, weight, log_p)
        scale = ag.take(weight, classes)
        losses = losses * scale
    if smoothing:
        all_classes = log_p if weight is None else log_p * spread
        uniform = -ag.mean(all_classes, axis=min(1, log_p.ndim - 1))
        losses = (1 - smoothing) * losses + smoothing * uniform
    if counted is not None:
        losses = ag.where(counted, losses, 0)
        scale = counted.astype(log_p.dtype) if scale is None else ag.where(counted, scale, 0)
    if scale is None or reduction != "mean":
        return reduced(op, losses, reduction)
    return ag.sum(losses) / ag.sum(scale)


def _held_logarithms(p: Tensor) -> tuple[Tensor, Tensor]:
    """max(log p, -100) and max(log(1 - p), -100), with slopes (1 - p) / d and -p / d where d = max(p (1 - p), 1e-12).

    At the edges, where d is held, they are constants with parabolas added that are 0 but have these slopes.
    """
    if p.dtype == np.float16:  # in which 1e-12 is 0
        log_p, log_q = _held_logarithms(p.astype(np.float32))
        return log_p.astype(p.dtype), log_q.astype(p.dtype)
    edge = p * (1 - p) < 1e-12
    inside = ag.where(edge, 0.5, p)
    log_p, log_q = ag.log(inside), ag.log1p(-inside)
    if not ag.any(edge):
        return log_p, log_q
    with ag.no_grad():
        fixed = p * 1
        above, below = fixed > math.exp(-100), fixed < 1
        held_p = ag.where(above, ag.log(ag.where(above, fixed, 1)), -100)
        held_q = ag.where(below, ag.log1p(-ag.where(below, fixed, 0)), -100)
    held_p = held_p + (ag.square(1 - fixed) - ag.square(1 - p)) * 0.5e12
    held_q = held_q + (ag.square(fixed) - ag.square(p)) * 0.5e12
    return ag.where(edge, held_p, log_p), ag.where(edge, held_q, log_q)
