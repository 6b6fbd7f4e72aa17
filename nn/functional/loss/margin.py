"""Losses that ask for a margin between what is right and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.distance import pairwise_distance
from nn.functional.loss.classes import at_classes, class_weights, target_classes
from nn.functional.loss.reduction import check_same, check_signs, reduced
from nn.functional.sizes import check_broadcast


def binary_hinge_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """max(0, 1 - t · x) for scores x and targets t that are 1 or -1: the loss of a linear support vector machine.

    At t · x = 1, where it has a kink, the derivative is taken as 0. `reduction` is "mean", "sum" or "none". Raises
    ValueError for another target and unless both have the same shape.

    >>> from nn import functional as F
    >>> F.binary_hinge_loss(tensor([0.5, -2.0]), tensor([1, -1]), reduction="none")
    tensor([0.5, 0. ])
    """
    check_same("binary_hinge_loss", input, target)
    check_signs("binary_hinge_loss", target)
    return reduced("binary_hinge_loss", ag.relu(1 - _signs(target, input) * input), reduction)


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-t · x)) for scores x and targets t that are 1 or -1, without overflow.

    `reduction` is "mean", "sum" or "none". Raises ValueError unless both have the same shape.

    >>> from nn import functional as F
    >>> F.soft_margin_loss(tensor([0.0]), tensor([1]))
    tensor(0.6931472)
    """
    check_same("soft_margin_loss", input, target)
    return reduced("soft_margin_loss", ag.softplus(-_signs(target, input) * input), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """For distances x: x where the target is 1 (alike), max(0, margin - x) where it is -1 (different).

    At x = margin, where it has a kink, the derivative is taken as -1. `reduction` is "mean", "sum" or "none". Raises
    ValueError for another target and unless both have the same shape.

    >>> from nn import functional as F
    >>> F.hinge_embedding_loss(tensor([0.25, 0.25]), tensor([1, -1]), reduction="none")
    tensor([0.25, 0.75])
    """
    check_same("hinge_embedding_loss", input, target)
    check_signs("hinge_embedding_loss", target)
    losses = ag.where(target == 1, input, ag.clip(margin - input, 0))
    return reduced("hinge_embedding_loss", losses, reduction)


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

    Where a score just keeps the margin, which is a kink, the derivative is taken as 0. `weight` w is (C,); None: all 1.
    `reduction` is "mean", "sum" or "none". Raises ValueError for a p other than 1 and 2, a shape that does not match,
    and a class out of range.

    Source: Weston, Watkins 1999, "Support vector machines for multi-class pattern recognition".

    >>> from nn import functional as F
    >>> F.multi_margin_loss(tensor([[0.5, 0.0]]), tensor([0]))
    tensor(0.25)
    """
    op = "multi_margin_loss"
    if p not in (1, 2):
        raise ValueError(f"{op}: p is 1 or 2, got {p}")
    if input.ndim not in (1, 2):
        raise ValueError(f"{op}: wants scores (N, C) or (C,), got shape {input.shape}")
    labels, _ = target_classes(op, input, target)  # (N,)
    correct = ag.expand_dims(at_classes(input, labels), -1)
    violations = ag.relu(margin - correct + input)  # (N, C)
    others = np.arange(input.shape[-1]) != labels[..., None]
    losses = ag.where(others, violations if p == 1 else ag.square(violations), 0)
    if weight is not None:
        class_weights(op, weight, input)
        losses = losses * ag.take(weight, labels[..., None])
    return reduced(op, ag.sum(losses, axis=-1) / input.shape[-1], reduction)


def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Σ_{j∈t} Σ_{i∉t} max(0, 1 - x[j] + x[i]) / C, for scores (N, C) or (C,) of which several classes are right.

    A row of `target`, in the shape of the input, lists the right classes; the first -1 ends the list. Where a score
    just keeps the margin, which is a kink, the derivative is taken as 0. `reduction` is "mean", "sum" or "none". Raises
    ValueError for a shape that does not match and for a class out of range.

    >>> from nn import functional as F
    >>> F.multilabel_margin_loss(tensor([[0.5, 0.0]]), tensor([[0, -1]]))
    tensor(0.25)
    """
    op = "multilabel_margin_loss"
    check_same(op, input, target)
    if input.ndim not in (1, 2):
        raise ValueError(f"{op}: wants scores (N, C) or (C,), got shape {input.shape}")
    right, listed = _label_lists(op, target)  # (N, J), (N, J)
    others = np.ones(input.shape, bool)
    np.put_along_axis(others, np.where(listed, right, right[..., :1]), False, axis=-1)
    scores = ag.take_along_axis(input, right, axis=-1)  # (N, J)
    violations = ag.relu(1 - ag.expand_dims(scores, -1) + ag.expand_dims(input, -2))  # (N, J, C)
    compared = listed[..., :, None] & others[..., None, :]
    losses = ag.sum(ag.where(compared, violations, 0), axis=(-2, -1)) / input.shape[-1]
    return reduced(op, losses, reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """-Σ_c w[c] · (t[c] · log σ(x[c]) + (1 - t[c]) · log(1 - σ(x[c]))) / C, for scores and targets (*, C).

    `weight` w is (C,); None: all 1. `reduction` is "mean", "sum" or "none". Raises ValueError unless both have the same
    shape.

    >>> from nn import functional as F
    >>> F.multilabel_soft_margin_loss(tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]]))
    tensor(0.6931472)
    """
    op = "multilabel_soft_margin_loss"
    check_same(op, input, target)
    if input.ndim == 0:
        raise ValueError(f"{op}: wants scores (*, C), got shape {input.shape}")
    losses = target * ag.softplus(-input) + (1 - target) * ag.softplus(input)
    if weight is not None:
        losses = losses * weight
    return reduced(op, ag.sum(losses, axis=-1) / input.shape[-1], reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - t · (x1 - x2)): t = 1 asks that x1 be the greater by the margin, t = -1 that x2 be.

    At the margin, where it has a kink, the derivative is taken as that of the violated side. `reduction` is "mean",
    "sum" or "none". Raises ValueError unless all have the same number of dimensions and broadcast.

    >>> from nn import functional as F
    >>> F.margin_ranking_loss(tensor([1.0, 1.0]), tensor([3.0, 3.0]), tensor([1, -1]), reduction="none")
    tensor([2., 0.])
    """
    op = "margin_ranking_loss"
    if not input1.ndim == input2.ndim == target.ndim:
        raise ValueError(
            f"{op}: wants inputs and targets of as many dimensions, got {input1.shape}, {input2.shape} and "
            f"{target.shape}"
        )
    check_broadcast(op, input1.shape, input2.shape, target.shape)
    return reduced(op, ag.clip(margin - _signs(target, input1) * (input1 - input2), 0), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1 (alike), max(0, cos(x1, x2) - margin) where it is -1 (different).

    Vectors (N, D) with targets (N,), or (D,) with (); cos is x1ᵀx2 / √((‖x1‖² + 1e-12) · (‖x2‖² + 1e-12)).
    At cos = margin, where it has a kink, the derivative is taken as that of the violated side. `reduction` is "mean",
    "sum" or "none". Raises ValueError for other shapes and targets.

    >>> from nn import functional as F
    >>> F.cosine_embedding_loss(tensor([3.0, 4.0]), tensor([4.0, 3.0]), tensor(-1))
    tensor(0.96)
    """
    op = "cosine_embedding_loss"
    if input1.shape != input2.shape or input1.ndim not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ValueError(
            f"{op}: wants vectors (N, D) and (N, D) with targets (N,), or all of these without N; got {input1.shape}, "
            f"{input2.shape} and {target.shape}"
        )
    check_signs(op, target)
    lengths = (ag.sum(ag.square(input1), axis=-1) + 1e-12) * (ag.sum(ag.square(input2), axis=-1) + 1e-12)
    cosine = ag.sum(input1 * input2, axis=-1) / ag.sqrt(lengths)
    return reduced(op, ag.where(target == 1, 1 - cosine, ag.clip(cosine - margin, 0)), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(a, p) - d(a, n)) with d(x, y) = ‖x - y + eps‖ₚ, for vectors (N, D) or (D,).

    See `triplet_margin_with_distance_loss` for `swap`, `reduction`, kinks and errors.

    >>> from nn import functional as F
    >>> F.triplet_margin_loss(tensor([0.0, 0.0]), tensor([3.0, 4.0]), tensor([0.0, 5.0]), eps=0)
    tensor(1.)
    """

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    op = "triplet_margin_loss"
    check_broadcast(op, anchor.shape, positive.shape, negative.shape)
    return _triplet(op, anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(a, p) - d(a, n)): the anchor has to be nearer to the positive than to the negative.

    The distance d is `pairwise_distance` unless a `distance_function` is given. With `swap`, d(p, n) stands in for
    d(a, n) where it is smaller; of equal ones each gets half the derivative. At the margin, where the loss has a kink,
    the derivative is taken as that of the violated side. `reduction` is "mean", "sum" or "none". Raises ValueError for
    a margin that is not positive and unless all have the same number of dimensions.

    Source: Balntas, Riba, Ponsa, Mikolajczyk 2016, "Learning local feature descriptors with triplets and shallow
    convolutional neural networks".

    >>> from nn import functional as F
    >>> a, p, n = tensor([[0.0]]), tensor([[3.0]]), tensor([[5.0]])
    >>> F.triplet_margin_with_distance_loss(a, p, n, distance_function=lambda x, y: abs(x - y).sum(), swap=True)
    tensor(2.)
    """
    op = "triplet_margin_with_distance_loss"
    return _triplet(op, anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(
    op: str,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Any, Any], Any],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    if not margin > 0:
        raise ValueError(f"{op}: margin has to be positive, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ValueError(
            f"{op}: wants anchor, positive and negative of as many dimensions, got {anchor.shape}, {positive.shape} "
            f"and {negative.shape}"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ag.minimum(far, distance(positive, negative))
    return reduced(op, ag.clip(margin + near - far, 0), reduction)


def _signs(target: Any, input: Tensor) -> Any:
    """Targets in the input's dtype, so that integers among them do not make a float64 of a float32."""
    return target if target.dtype.kind == "f" else ag.astype(target, input.dtype)


def _label_lists(op: str, target: Any) -> tuple[Any, Any]:
    """Each row's classes up to the first -1, as an array of indices (N, J), and which of them are listed (N, J)."""
    labels = target.numpy() if isinstance(target, Tensor) else np.asarray(target)
    classes = labels.shape[-1]
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{op}: target classes have to be integers, got dtype {labels.dtype}")
    outside = (labels < -1) | (labels >= classes)
    if outside.any():
        raise ValueError(f"{op}: target class {int(labels[outside][0])} is out of range for {classes} classes")
    listed = np.logical_and.accumulate(labels >= 0, axis=-1)
    longest = max(1, int(listed.sum(axis=-1).max(initial=0)))
    listed = listed[..., :longest]
    return np.where(listed, labels[..., :longest], 0), listed
