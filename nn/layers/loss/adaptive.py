"""The loss of very many classes, of which a few are frequent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.containers import ModuleList, Sequential
from nn.layers.linear import Linear
from nn.module import Module


class AdaptiveSoftmaxOutput(NamedTuple):
    """What `AdaptiveLogSoftmaxWithLoss` gives: the log-probability of each target, and minus their mean.

    `output` is (N,) or (), as the target, and `loss` ().

    >>> import nn
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(4, 10, cutoffs=[2])
    >>> output, loss = layer(zeros((2, 4)), tensor([0, 5]))
    >>> output.exp().round(4), loss.round(4)
    (tensor([0.3333, 0.0417], grad_fn=<round>), tensor(2.1383, grad_fn=<round>))
    """

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Softmax over `n_classes` classes in order of frequency, cheap where most targets are frequent.

    The classes below `cutoffs[0]` have a logit each in the `head`; those from one cutoff to the next share one there,
    and are told apart in a cluster of `tail`, whose features are `div_value` times fewer with each cluster. With
    `head_bias` the head has a bias; the clusters have none. `dtype` is that of the parameters; None: the default one.

    For features (N, in_features) with targets (N,), or (in_features,) with (), the result has `output` (N,) or (), the
    log-probabilities of the targets, and `loss`, minus their mean. Raises ValueError for cutoffs that do not ascend
    from 1 to at most n_classes - 1, and for a target out of range or of another shape.

    Source: Grave, Joulin, Cissé, Grangier, Jégou 2017, "Efficient softmax approximation for GPUs".

    >>> import nn
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs=[4, 10])
    >>> layer(zeros((2, 8)), tensor([3, 15])).output.exp().round(4)
    tensor([0.1667, 0.0167], grad_fn=<round>)
    >>> layer.log_prob(zeros((2, 8))).shape
    (2, 20)
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        ends = [0, *cutoffs, n_classes]
        if not cutoffs or any(a >= b for a, b in pairwise(ends)):
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: wants cutoffs that ascend from 1 to at most {n_classes - 1}, "
                f"got {list(cutoffs)}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = ends[1:]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = ends[1]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, dtype=dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, width, bias=False, dtype=dtype),
                    Linear(width, high - low, bias=False, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Start the parameters anew."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> AdaptiveSoftmaxOutput:
        if input.ndim not in (1, 2) or input.shape[-1] != self.in_features or target.shape != input.shape[:-1]:
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: wants an input (N, {self.in_features}) and a target (N,), both perhaps "
                f"without N; got {input.shape} and {target.shape}"
            )
        x = ag.reshape(input, (-1, self.in_features))
        classes = target.numpy().reshape(-1)
        if classes.dtype.kind not in "iu" or ((classes < 0) | (classes >= self.n_classes)).any():
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: wants target classes that are integers from 0 to {self.n_classes - 1}, "
                f"got {target.tolist()}"
            )
        cluster = np.searchsorted(self.cutoffs, classes, side="right")  # 0 is the shortlist
        at_head = np.where(cluster == 0, classes, self.shortlist_size + cluster - 1)
        log_p = _at(F.log_softmax(self.head(x), 1), at_head)
        for i, low in enumerate(self.cutoffs[:-1]):
            (rows,) = np.nonzero(cluster == i + 1)
            if rows.size:
                within = F.log_softmax(self.tail[i](ag.take(x, rows, axis=0)), 1)
                log_p = ag.index_add(log_p, rows, _at(within, classes[rows] - low))
        return AdaptiveSoftmaxOutput(ag.reshape(log_p, target.shape), -ag.mean(log_p))

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) to (N, n_classes)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            at = self.shortlist_size + i
            parts.append(head[:, at : at + 1] + F.log_softmax(cluster(input), 1))
        return ag.concatenate(parts, axis=1)

    def predict(self, input: Tensor) -> Tensor:
        """The likeliest class of each row: (N, in_features) to (N,)."""
        return ag.argmax(self.log_prob(input), axis=1)


def _at(log_p: Tensor, classes: Any) -> Tensor:
    """The element of each row (N, C) at its class (N,)."""
    return ag.squeeze(ag.take_along_axis(log_p, classes[:, None], 1), 1)
