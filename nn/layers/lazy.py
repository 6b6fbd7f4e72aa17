"""Layers that learn from their first input how many channels it has, and then become the ordinary ones."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

from autograd import Tensor
from nn.functional.sizes import Padding, PerAxis
from nn.layers.conv import Conv1d, Conv2d, Conv3d, ConvBase
from nn.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from nn.layers.linear import Linear
from nn.layers.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from nn.module import Module
from nn.parameter import UninitializedBuffer, UninitializedParameter, UninitializedTensor


class _Lazy(Module):
    """Base of the lazy layers: the first call infers what is missing and makes the layer one of class `ordinary`."""

    ordinary: ClassVar[Any]

    def infer(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        """Set what was missing from the first input, and return the shapes of parameters and buffers.

        Raises ValueError, and changes nothing, for an input that does not fit.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define infer")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(isinstance(value, UninitializedTensor) for value in vars(self).values())

    def initialize_parameters(self, input: Tensor) -> None:
        """Give all parameters and buffers that have none their shapes and first values; the others keep their values.

        Raises ValueError if one that was loaded does not have the shape that the input wants.
        """
        shapes = self.infer(input)
        loaded = {}
        for name, shape in shapes.items():
            tensor = getattr(self, name)
            if tensor is not None and not isinstance(tensor, UninitializedTensor):
                if tensor.shape != shape:
                    raise ValueError(
                        f"{type(self).__name__}: input {input.shape} wants {name} of shape {shape}, but the one that "
                        f"was loaded has shape {tensor.shape}"
                    )
                loaded[name] = tensor.numpy().copy()
        if self.has_uninitialized_params():
            for name, shape in shapes.items():
                tensor = getattr(self, name)
                if isinstance(tensor, UninitializedTensor):
                    tensor.materialize(shape)
            self.ordinary.reset_parameters(self)
            for name, values in loaded.items():
                getattr(self, name).write(values)

    def forward(self, input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        self.initialize_parameters(input)
        self.__class__ = self.ordinary
        return self.forward(input, *args, **kwargs)


class LazyLinear(_Lazy, Linear):
    """A `Linear` that takes `in_features` from its first input.

    The other arguments are those of `Linear`, which it then becomes. Until then its parameters have no shape: they can
    be cast and frozen, `state_dict` raises RuntimeError, and `load_state_dict` gives them the shapes of the state.

    >>> import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer
    LazyLinear(in_features=0, out_features=2, bias=True)
    >>> layer(zeros((5, 3))).shape
    (5, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    ordinary = Linear

    def __init__(self, out_features: int, bias: bool = True, *, dtype: npt.DTypeLike | None = None) -> None:
        Linear.__init__(self, 0, out_features, bias=False)
        self.weight = UninitializedParameter(dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def infer(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        if input.ndim == 0:
            raise ValueError("LazyLinear: wants an input (*, in_features), got a tensor of shape ()")
        self.in_features = input.shape[-1]
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}


class _LazyConvBase(_Lazy, ConvBase):
    """A convolution, transposed or not, that takes `in_channels` from its first input."""

    def defer(self, bias: bool, dtype: npt.DTypeLike | None) -> None:
        """Leave the parameters open until the first call."""
        self.weight = UninitializedParameter(dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def infer(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        name, before = type(self).__name__, self.in_channels
        if input.ndim not in (self.n + 1, self.n + 2) or input.shape[-self.n - 1] == 0:
            raise ValueError(
                f"{name}: wants an input (N, C, *S) with {self.n} spatial axes and at least one channel, "
                f"or one without N, got shape {input.shape}"
            )
        self.in_channels = input.shape[-self.n - 1]
        try:
            self.check_groups()
        except ValueError:
            self.in_channels = before
            raise
        return {"weight": self.weight_shape(), "bias": (self.out_channels,)}


class _LazyConvNd(_LazyConvBase):
    def __init__(
        self,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.ordinary.__init__(
            self, 0, out_channels, kernel_size, stride, padding, dilation, groups, False, padding_mode
        )
        self.defer(bias, dtype)


class LazyConv1d(_LazyConvNd, Conv1d):
    """A `Conv1d` that takes `in_channels` from its first input.

    The other arguments are those of `Conv1d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyConv1d(8, kernel_size=3)
    >>> layer(zeros((2, 4, 10))).shape
    (2, 8, 8)
    >>> layer
    Conv1d(4, 8, kernel_size=(3,), stride=(1,))
    """

    ordinary = Conv1d


class LazyConv2d(_LazyConvNd, Conv2d):
    """A `Conv2d` that takes `in_channels` from its first input.

    The other arguments are those of `Conv2d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> model = nn.Sequential(nn.LazyConv2d(8, kernel_size=3), nn.Flatten(), nn.LazyLinear(10))
    >>> model(zeros((2, 3, 5, 5))).shape
    (2, 10)
    >>> model
    Sequential(
      (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
      (1): Flatten(start_dim=1, end_dim=-1)
      (2): Linear(in_features=72, out_features=10, bias=True)
    )
    """

    ordinary = Conv2d


class LazyConv3d(_LazyConvNd, Conv3d):
    """A `Conv3d` that takes `in_channels` from its first input.

    The other arguments are those of `Conv3d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyConv3d(8, kernel_size=(1, 3, 3))
    >>> layer.weight
    UninitializedParameter(dtype=float32)
    >>> layer(zeros((2, 4, 5, 6, 6))).shape, layer.weight.shape
    ((2, 8, 5, 4, 4), (8, 4, 1, 3, 3))
    """

    ordinary = Conv3d


class _LazyConvTransposeNd(_LazyConvBase):
    def __init__(
        self,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.ordinary.__init__(
            self, 0, out_channels, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode
        )
        self.defer(bias, dtype)


class LazyConvTranspose1d(_LazyConvTransposeNd, ConvTranspose1d):
    """A `ConvTranspose1d` that takes `in_channels` from its first input.

    The other arguments are those of `ConvTranspose1d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyConvTranspose1d(3, kernel_size=4, stride=2, padding=1)
    >>> layer(zeros((2, 8, 5))).shape
    (2, 3, 10)
    >>> layer
    ConvTranspose1d(8, 3, kernel_size=(4,), stride=(2,), padding=(1,))
    """

    ordinary = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTransposeNd, ConvTranspose2d):
    """A `ConvTranspose2d` that takes `in_channels` from its first input.

    The other arguments are those of `ConvTranspose2d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyConvTranspose2d(3, kernel_size=3, stride=2, padding=1)
    >>> layer(zeros((2, 8, 4, 4)), output_size=(8, 8)).shape
    (2, 3, 8, 8)
    >>> layer.in_channels
    8
    """

    ordinary = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTransposeNd, ConvTranspose3d):
    """A `ConvTranspose3d` that takes `in_channels` from its first input.

    The other arguments are those of `ConvTranspose3d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyConvTranspose3d(3, kernel_size=2, stride=2)
    >>> layer(zeros((2, 8, 4, 5, 6))).shape, layer.weight.shape
    ((2, 3, 8, 10, 12), (8, 3, 2, 2, 2))
    """

    ordinary = ConvTranspose3d


class _LazyNorm(_Lazy):
    """Batch or instance normalisation that takes `num_features` from its first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.ordinary.__init__(self, 0, eps, momentum, affine, track_running_stats, bias=bias)
        for name in ("weight", "bias"):
            if getattr(self, name) is not None:
                setattr(self, name, UninitializedParameter(dtype=dtype))
        for name in ("running_mean", "running_var"):
            if getattr(self, name) is not None:
                setattr(self, name, UninitializedBuffer(dtype=dtype))

    def infer(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        ndims = self.ordinary.ndims
        if input.ndim not in ndims:
            wanted = " or ".join(map(str, ndims))
            raise ValueError(f"{type(self).__name__}: wants an input of {wanted} dimensions, got shape {input.shape}")
        self.num_features = input.shape[self.ordinary.channel_axis(self, input.ndim)]
        names = ("weight", "bias", "running_mean", "running_var")
        return {**dict.fromkeys(names, (self.num_features,)), "num_batches_tracked": ()}


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` that takes `num_features` from its first input.

    The other arguments are those of `BatchNorm1d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyBatchNorm1d()
    >>> layer(ones((4, 3))).shape
    (4, 3)
    >>> layer
    BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    ordinary = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` that takes `num_features` from its first input.

    The other arguments are those of `BatchNorm2d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyBatchNorm2d()
    >>> layer(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    >>> layer.num_features
    3
    """

    ordinary = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` that takes `num_features` from its first input.

    The other arguments are those of `BatchNorm3d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyBatchNorm3d()
    >>> layer.running_mean
    UninitializedBuffer(dtype=float32)
    >>> layer(ones((2, 3, 4, 5, 5))).shape, layer.running_mean.shape
    ((2, 3, 4, 5, 5), (3,))
    """

    ordinary = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An `InstanceNorm1d` that takes `num_features` from its first input.

    `affine` and `track_running_stats` are True by default, unlike those of `InstanceNorm1d`, as in PyTorch. The other
    arguments are those of `InstanceNorm1d`, which it then becomes; until then, see `LazyLinear`.

    >>> import nn
    >>> layer = nn.LazyInstanceNorm1d()
    >>> layer(ones((2, 3, 4))).shape
    (2, 3, 4)
    >>> layer.num_features
    3
    """

    ordinary = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An `InstanceNorm2d` that takes `num_features` from its first input; defaults as in `LazyInstanceNorm1d`.

    >>> import nn
    >>> layer = nn.LazyInstanceNorm2d()
    >>> layer(ones((3, 4, 5))).shape
    (3, 4, 5)
    >>> layer
    InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    ordinary = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An `InstanceNorm3d` that takes `num_features` from its first input; defaults as in `LazyInstanceNorm1d`.

    >>> import nn
    >>> layer = nn.LazyInstanceNorm3d()
    >>> layer(ones((2, 3, 4, 5, 5))).shape, layer.weight.shape
    ((2, 3, 4, 5, 5), (3,))
    """

    ordinary = InstanceNorm3d
