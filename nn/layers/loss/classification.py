"""Losses of scores or probabilities of classes."""

from __future__ import annotations

import math

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.layers.linear import Linear
from nn.layers.loss.base import WeightedLoss


class NLLLoss(WeightedLoss):
    """Negative log-likelihood of log-probabilities; see `nn.functional.nll_loss`.

    `weight` becomes a buffer.

    >>> import nn
    >>> nn.NLLLoss()(tensor([[-0.5, -1.0]]), tensor([1]))
    tensor(1.)
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction, weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(WeightedLoss):
    """Cross-entropy of logits with class indices or probabilities; see `nn.functional.cross_entropy`.

    `weight` becomes a buffer.

    >>> import nn
    >>> nn.CrossEntropyLoss()(tensor([[0.0, 0.0]]), tensor([1]))
    tensor(0.6931472)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction, weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(WeightedLoss):
    """Binary cross-entropy of probabilities; see `nn.functional.binary_cross_entropy`.

    `weight` becomes a buffer.

    >>> import nn
    >>> nn.BCELoss()(tensor([0.5]), tensor([1.0])).round(4)
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction, weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """Binary cross-entropy of logits; see `nn.functional.binary_cross_entropy_with_logits`.

    `weight` and `pos_weight` become buffers.

    >>> import nn
    >>> nn.BCEWithLogitsLoss()(tensor([0.0]), tensor([1.0])).round(4)
    tensor(0.6931)
    """

    pos_weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(reduction, weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class LinearCrossEntropyLoss(WeightedLoss):
    """A linear layer and the cross-entropy of its logits; see `nn.functional.linear_cross_entropy`.

    For features (N, in_features) and targets (N, *out_features), or (N, num_classes, *out_features) of probabilities.
    With `bias` the layer has a bias. `dtype` is that of its parameters; None: the default one. `weight` becomes a
    buffer.

    >>> import nn
    >>> nn.LinearCrossEntropyLoss(5, 10)(zeros((2, 5)), tensor([3, 7]))
    tensor(2.3025851, grad_fn=<mean>)
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        dtype: npt.DTypeLike | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction, weight)
        if weight is not None and weight.shape != (num_classes,):
            raise ValueError(f"LinearCrossEntropyLoss: wants a weight of shape {(num_classes,)}, got {weight.shape}")
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"LinearCrossEntropyLoss: label_smoothing lies from 0 to 1, got {label_smoothing}")
        self.num_classes = num_classes
        self.out_features = tuple(out_features)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(in_features, math.prod(self.out_features, start=num_classes), bias=bias, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        outputs = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            ag.reshape(self.linear.weight, (*outputs, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else ag.reshape(bias, outputs),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
            f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}"
        )
