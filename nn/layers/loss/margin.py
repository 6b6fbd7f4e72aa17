"""Losses that ask for a margin between what is right and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import Tensor
from nn import functional as F
from nn.layers.distance import PairwiseDistance
from nn.layers.loss.base import Loss, WeightedLoss


class BinaryHingeLoss(Loss):
    """The hinge loss of two classes, 1 and -1; see `nn.functional.binary_hinge_loss`.

    >>> import nn
    >>> nn.BinaryHingeLoss()(tensor([0.5, -2.0]), tensor([1, -1]))
    tensor(0.25)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_hinge_loss(input, target, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """The logistic loss of two classes, 1 and -1; see `nn.functional.soft_margin_loss`.

    >>> import nn
    >>> nn.SoftMarginLoss()(tensor([0.0]), tensor([1])).round(4)
    tensor(0.6931)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(Loss):
    """The hinge loss of distances between what is alike or not; see `nn.functional.hinge_embedding_loss`.

    >>> import nn
    >>> nn.HingeEmbeddingLoss()(tensor([0.5, 0.25]), tensor([1, -1]))
    tensor(0.625)
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MultiMarginLoss(WeightedLoss):
    """Multiclass SVM (hinge) loss; see `nn.functional.multi_margin_loss`.

    `weight` becomes a buffer.

    >>> import nn
    >>> nn.MultiMarginLoss()(tensor([[2.0, 1.5, 0.0]]), tensor([0])).round(4)
    tensor(0.1667)
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction, weight)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p is 1 or 2, got {p}")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """The hinge loss where several classes are right; see `nn.functional.multilabel_margin_loss`.

    >>> import nn
    >>> nn.MultiLabelMarginLoss()(tensor([2.0, 1.5, 0.0]), tensor([0, -1, -1])).round(4)
    tensor(0.1667)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """The logistic loss of each class for itself; see `nn.functional.multilabel_soft_margin_loss`.

    `weight` becomes a buffer.

    >>> import nn
    >>> nn.MultiLabelSoftMarginLoss()(zeros((1, 3)), tensor([[1.0, 0.0, 1.0]])).round(4)
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction, weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """The hinge loss of which of two scores is the greater; see `nn.functional.margin_ranking_loss`.

    >>> import nn
    >>> nn.MarginRankingLoss(margin=1.0)(tensor([0.5]), tensor([0.0]), tensor([1]))
    tensor(0.5)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(Loss):
    """Whether vectors that are alike point the same way; see `nn.functional.cosine_embedding_loss`.

    >>> import nn
    >>> nn.CosineEmbeddingLoss()(tensor([[1.0, 0.0]]), tensor([[0.0, 1.0]]), tensor([1]))
    tensor(1.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """An anchor nearer to a positive than to a negative; see `nn.functional.triplet_margin_loss`.

    >>> import nn
    >>> nn.TripletMarginLoss(eps=0)(tensor([[0.0]]), tensor([[1.0]]), tensor([[1.5]]))
    tensor(0.5)
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: margin has to be positive, got {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with any distance; see `nn.functional.triplet_margin_with_distance_loss`.

    >>> import nn
    >>> nn.TripletMarginWithDistanceLoss(margin=2.0)(zeros((1, 3)), zeros((1, 3)), zeros((1, 3))).round(4)
    tensor(2.)
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: margin has to be positive, got {margin}")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
