"""Batch normalisation layers: one over any number of spatial axes, and its thin names."""

from __future__ import annotations

from typing import ClassVar

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.module import Module
from nn.parameter import Parameter


class _BatchNorm(Module):
    """Batch normalisation of inputs that have one of `ndims` dimensions; see `nn.functional.batch_norm`.

    `momentum` None averages over all batches so far. Without `track_running_stats` the batch's statistics are used when
    evaluating, too. `affine` adds `weight` and, if `bias`, `bias`.
    """

    ndims: ClassVar[tuple[int, ...]]
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(ag.ones(num_features, dtype=dtype)) if affine else None
        self.bias = Parameter(ag.zeros(num_features, dtype=dtype)) if affine and bias else None
        self.register_buffer("running_mean", ag.zeros(num_features, dtype=dtype) if track_running_stats else None)
        self.register_buffer("running_var", ag.ones(num_features, dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", ag.tensor(0) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget the running statistics."""
        for buffer, start in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                buffer.write(start)

    def reset_parameters(self) -> None:
        """Forget the running statistics, and start the parameters anew."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.ndims or input.shape[1] != self.num_features:
            wanted = " or ".join(str(n) for n in self.ndims)
            raise ValueError(
                f"{type(self).__name__}: wants an input of {wanted} dimensions with {self.num_features} channels on "
                f"axis 1, got shape {input.shape}"
            )
        momentum = self.momentum
        tracking = self.training and self.num_batches_tracked is not None
        if tracking:
            assert self.num_batches_tracked is not None
            batches = self.num_batches_tracked.item() + 1
            self.num_batches_tracked.write(batches)
            momentum = 1 / batches if momentum is None else momentum
        updated = self.training or self.running_mean is None
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            updated,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L); see `nn.functional.batch_norm`."""

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W); see `nn.functional.batch_norm`.

    >>> import nn
    >>> nn.BatchNorm2d(3)(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W); see `nn.functional.batch_norm`."""

    ndims = (5,)
