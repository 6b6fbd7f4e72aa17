"""Normalisation layers; formulas, sources and errors are those of the functions in `nn.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.module import Module
from nn.parameter import Parameter


class _Affine(Module):
    """A layer that may have a scale `weight`, from 1, and a shift `bias`, from 0."""

    weight: Parameter | None
    bias: Parameter | None

    def _start(self, shape: tuple[int, ...], weight: bool, bias: bool, dtype: npt.DTypeLike | None) -> None:
        self.register_parameter("weight", Parameter(ag.ones(shape, dtype=dtype)) if weight else None)
        self.register_parameter("bias", Parameter(ag.zeros(shape, dtype=dtype)) if bias else None)

    def reset_parameters(self) -> None:
        """Start the parameters anew."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _Tracking(_Affine):
    """Normalisation of each channel, with running statistics, of inputs that have one of `ndims` dimensions."""

    ndims: ClassVar[tuple[int, ...]]
    optional_state = frozenset({"num_batches_tracked"})
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: npt.DTypeLike | None,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._start((num_features,), affine, affine and bias, dtype)
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
        super().reset_parameters()

    def channel_axis(self, ndim: int) -> int:
        """Which axis of an input of `ndim` dimensions holds the channels."""
        return 1

    def _check(self, input: Tensor) -> None:
        axis = self.channel_axis(input.ndim)
        if input.ndim not in self.ndims or input.shape[axis] != self.num_features:
            wanted = " or ".join(str(n) for n in self.ndims)
            raise ValueError(
                f"{type(self).__name__}: wants an input of {wanted} dimensions with {self.num_features} channels on "
                f"axis {axis}, got shape {input.shape}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    """Batch normalisation; see `BatchNorm2d`."""

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
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
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


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L); see `nn.functional.batch_norm`.

    The arguments are those of `BatchNorm2d`.

    >>> import nn
    >>> layer = nn.BatchNorm1d(1, momentum=0.5)
    >>> y = layer(tensor([[1.0], [3.0]]))
    >>> layer.running_mean, layer.running_var
    (tensor([1.]), tensor([1.5]))
    """

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W); see `nn.functional.batch_norm`.

    C is `num_features`. `momentum` None averages over all batches so far. Without `track_running_stats` the batch's
    statistics are used when evaluating, too. `affine` adds `weight` (C,), from 1, and, if `bias`, `bias` (C,), from 0;
    `eps` is added to the variance. `dtype` is that of the parameters and the running statistics; None: the default one.

    >>> import nn
    >>> nn.BatchNorm2d(3)(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W); see `nn.functional.batch_norm`.

    The arguments are those of `BatchNorm2d`.

    >>> import nn
    >>> layer = nn.BatchNorm3d(3)
    >>> layer(ones((2, 3, 4, 5, 5))).shape, layer.weight.shape
    ((2, 3, 4, 5, 5), (3,))
    """

    ndims = (5,)


class _InstanceNorm(_Tracking):
    """Instance normalisation; see `InstanceNorm2d`."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def channel_axis(self, ndim: int) -> int:
        return 1 if ndim == max(self.ndims) else 0

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        batched = input.ndim == max(self.ndims)
        y = F.instance_norm(
            input if batched else ag.expand_dims(input, 0),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return y if batched else ag.squeeze(y, 0)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L); see `nn.functional.instance_norm`.

    The arguments are those of `InstanceNorm2d`.

    >>> import nn
    >>> nn.InstanceNorm1d(2, eps=0)(tensor([[1.0, 3.0], [10.0, 50.0]]))
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """

    ndims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W); see `nn.functional.instance_norm`.

    C is `num_features`. With `track_running_stats`, running statistics are kept, and used when evaluating; they do not
    move with a `momentum` of None. `affine` adds `weight` (C,), from 1, and, if `bias`, `bias` (C,), from 0; `eps` is
    added to the variance. `dtype` is that of the parameters and the running statistics; None: the default one.

    >>> import nn
    >>> nn.InstanceNorm2d(3)(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    ndims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W); see `nn.functional.instance_norm`.

    The arguments are those of `InstanceNorm2d`.

    >>> import nn
    >>> nn.InstanceNorm3d(3)(ones((2, 3, 4, 5, 5))).shape
    (2, 3, 4, 5, 5)
    >>> list(nn.InstanceNorm3d(3).state_dict()), list(nn.InstanceNorm3d(3, affine=True).state_dict())
    ([], ['weight', 'bias'])
    """

    ndims = (4, 5)


class GroupNorm(_Affine):
    """Normalisation of `num_groups` groups of channels of (N, C, *S); see `nn.functional.group_norm`.

    `affine` adds `weight`, from 1, and, if `bias`, `bias`, from 0, both (num_channels,). `dtype` is that of the
    parameters; None: the default one.

    >>> import nn
    >>> nn.GroupNorm(2, 6)(ones((3, 6, 4))).shape
    (3, 6, 4)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels cannot be divided into {num_groups} groups")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._start((num_channels,), affine, affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise ValueError(f"GroupNorm: wants {self.num_channels} channels on axis 1, got input {input.shape}")
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(_Affine):
    """Normalisation over the last axes, of lengths `normalized_shape`; see `nn.functional.layer_norm`.

    `elementwise_affine` adds `weight`, from 1, and, if `bias`, `bias`, from 0, both of that shape. `dtype` is that of
    the parameters; None: the default one.

    >>> import nn
    >>> nn.LayerNorm(4)(ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._start(self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """Division by the root mean square over the last axes; see `nn.functional.rms_norm`.

    `elementwise_affine` adds `weight`, from 1, of shape `normalized_shape`. `dtype` is that of `weight`; None: the
    default one.

    >>> import nn
    >>> nn.RMSNorm(2, eps=0)(tensor([1.0, 7.0]))
    tensor([0.2, 1.4], grad_fn=<multiply>)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._start(self.normalized_shape, elementwise_affine, False, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """AlexNet's normalisation over `size` neighbouring channels; see `nn.functional.local_response_norm`.

    x / (k + alpha · mean(x²))^beta, with the mean over these channels.

    >>> import nn
    >>> nn.LocalResponseNorm(3)(ones((2, 8, 4, 4))).shape
    (2, 8, 4, 4)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"LocalResponseNorm: size has to be at least 1, got {size}")
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
