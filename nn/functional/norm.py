"""Normalisation: standardisation over some axes, then a scale and a shift; and division by a norm.

float16 is computed with in float32, and rounded at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.dtypes import Array


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / √(var + eps) · weight + bias, per channel of (N, C, *S).

    In training, mean and (biased) variance are those of the batch, and the running ones, if given, move towards them by
    `momentum`, the variance towards the unbiased one; otherwise the running ones are used. Raises ValueError for
    parameters that are not of shape (C,), and in training for a single value per channel; of an empty batch nothing is
    learned.

    Source: Ioffe, Szegedy 2015, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift".

    >>> from nn import functional as F
    >>> F.batch_norm(tensor([[1.0], [3.0]]), None, None, training=True, eps=0)
    tensor([[-1.],
            [ 1.]])
    """
    if input.dtype == np.float16:
        y = batch_norm(_single(input), running_mean, running_var, weight, bias, training, momentum, eps)
        return _halved(y, weight, bias)
    channels = _channels("batch_norm", input)
    _check_shapes(
        "batch_norm", input, (channels,), running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if not training:
        return _at_running_statistics("batch_norm", input, running_mean, running_var, weight, bias, eps)
    axes = (0, *range(2, input.ndim))
    count = math.prod(input.shape[axis] for axis in axes)
    if count == 1:
        raise ValueError(f"batch_norm: wants more than one value per channel in training, got input {input.shape}")
    if not count:
        return _scaled(input, weight, bias, _column(input))
    mean, var = ag.moments(input, axes, keepdims=True)
    if running_mean is not None and running_var is not None:
        _move(running_mean, mean.numpy().reshape(channels), momentum)
        _move(running_var, var.numpy().reshape(channels) * (count / (count - 1)), momentum)
    return _at_statistics(input, mean, var, weight, bias, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / √(var + eps) · weight + bias, per sample and channel of (N, C, *S).

    With `use_input_stats`, mean and (biased) variance are those of each sample's channel, and the running ones, if
    given, move by `momentum` towards their average over the batch, of the unbiased variance; otherwise the running ones
    are used. Raises ValueError for parameters that are not of shape (C,), and for a single value per sample and channel
    where its statistics are used.

    Source: Ulyanov, Vedaldi, Lempitsky 2016, "Instance normalization: the missing ingredient for fast stylization".

    >>> from nn import functional as F
    >>> F.instance_norm(tensor([[[1.0, 3.0]], [[10.0, 50.0]]]), eps=0)
    tensor([[[-1.,  1.]],
            [[-1.,  1.]]])
    """
    if input.dtype == np.float16:
        y = instance_norm(_single(input), running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
        return _halved(y, weight, bias)
    channels = _channels("instance_norm", input)
    _check_shapes(
        "instance_norm",
        input,
        (channels,),
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    if not use_input_stats:
        return _at_running_statistics("instance_norm", input, running_mean, running_var, weight, bias, eps)
    count = math.prod(input.shape[2:])
    if count <= 1:
        raise ValueError(f"instance_norm: wants more than one value per sample and channel, got input {input.shape}")
    y, mean, var = ag.standardize(input, tuple(range(2, input.ndim)), eps)
    if running_mean is not None and running_var is not None and input.shape[0]:
        over_batch = (0, *range(2, input.ndim))
        _move(running_mean, np.mean(mean.numpy(), over_batch), momentum)
        _move(running_var, np.mean(var.numpy(), over_batch) * (count / (count - 1)), momentum)
    return _scaled(y, weight, bias, _column(input))


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / √(var + eps) · weight + bias, with statistics of each sample's groups of channels, of (N, C, *S).

    Raises ValueError for groups that do not divide the channels, for parameters that are not of shape (C,), and for a
    single value per group.

    Source: Wu, He 2018, "Group normalization".

    >>> from nn import functional as F
    >>> F.group_norm(tensor([[1.0, 3.0, 10.0, 50.0]]), 2, eps=0)
    tensor([[-1.,  1., -1.,  1.]])
    """
    if input.dtype == np.float16:
        return _halved(group_norm(_single(input), num_groups, weight, bias, eps), weight, bias)
    channels = _channels("group_norm", input)
    _check_shapes("group_norm", input, (channels,), weight=weight, bias=bias)
    if num_groups < 1 or channels % num_groups:
        raise ValueError(
            f"group_norm: {channels} channels cannot be divided into {num_groups} groups; input {input.shape}"
        )
    count = channels // num_groups * math.prod(input.shape[2:])
    if input.shape[0] * count == 1:
        raise ValueError(f"group_norm: wants more than one value per group, got input {input.shape}")
    grouped = ag.reshape(input, (input.shape[0], num_groups, count))
    y, _, _ = ag.standardize(grouped, 2, eps)
    return _scaled(ag.reshape(y, input.shape), weight, bias, _column(input))


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / √(var + eps) · weight + bias over the last axes, whose lengths are `normalized_shape`.

    `weight` and `bias` have that shape. Raises ValueError for an input or parameters that do not fit it.

    Source: Ba, Kiros, Hinton 2016, "Layer normalization".

    >>> from nn import functional as F
    >>> F.layer_norm(tensor([[1.0, 3.0], [10.0, 50.0]]), (2,), eps=0)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    if input.dtype == np.float16:
        return _halved(layer_norm(_single(input), normalized_shape, weight, bias, eps), weight, bias)
    shape = _last_axes("layer_norm", input, normalized_shape)
    _check_shapes("layer_norm", input, shape, weight=weight, bias=bias)
    y, _, _ = ag.standardize(input, tuple(range(-len(shape), 0)), eps)
    return _scaled(y, weight, bias, shape)


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / √(mean(x²) + eps) · weight over the last axes, whose lengths are `normalized_shape`.

    `weight` has that shape; `eps` None is the machine epsilon of the dtype that is computed with. Raises ValueError for
    an input or a weight that do not fit.

    Source: Zhang, Sennrich 2019, "Root mean square layer normalization".

    >>> from nn import functional as F
    >>> F.rms_norm(tensor([1.0, 7.0]), (2,))
    tensor([0.2, 1.4])
    """
    shape = _last_axes("rms_norm", input, normalized_shape)
    _check_shapes("rms_norm", input, shape, weight=weight)
    if input.dtype == np.float16:
        return _halved(rms_norm(_single(input), normalized_shape, weight, eps), weight)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    mean_square = ag.mean(ag.square(input), tuple(range(-len(shape), 0)), keepdims=True)
    return _scaled(input * ag.rsqrt(mean_square + eps), weight, None, shape)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean(x²))^beta, with the mean over `size` neighbouring channels of (N, C, *S).

    Channel c sees those from c - size // 2 to c + (size - 1) // 2; beyond the first and last there are zeros. Raises
    ValueError for fewer than three dimensions and a size below 1.

    Source: Krizhevsky, Sutskever, Hinton 2012, "ImageNet classification with deep convolutional neural networks"; the
    paper has the sum where PyTorch has the mean.

    >>> from nn import functional as F
    >>> F.local_response_norm(tensor([[[3.0], [4.0]]]), 2, alpha=2, beta=0.5, k=0)
    tensor([[[1. ],
             [0.8]]])
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: wants an input (N, C, *S), got shape {input.shape}")
    if size < 1:
        raise ValueError(f"local_response_norm: size has to be at least 1, got {size}")
    widths = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (input.ndim - 2)]
    neighbours = ag.sliding_windows(ag.pad(ag.square(input), widths), (size,), axes=(1,))  # (N, C, *S, size)
    return input / (k + alpha * ag.window_mean(neighbours, 1)) ** beta


def normalize(input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖ₚ, eps), with the norm over `dim`, which may be several axes if p is 2.

    >>> from nn import functional as F
    >>> F.normalize(tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    length = ag.norm(input, None if p == 2 else p, axis=dim, keepdims=True)
    return input / ag.clip(length, eps)


def _single(x: Tensor) -> Tensor:
    """float16 as float32: its squares overflow from 256, and its 1 / √var³ below a variance of 6e-4."""
    return ag.astype(x, np.float32)


def _halved(y: Tensor, *parameters: Tensor | None) -> Tensor:
    """What was computed in float32 in the dtype that float16 has together with the parameters."""
    dtypes = (p.dtype for p in parameters if p is not None)
    return ag.astype(y, np.result_type(np.float16, *dtypes), copy=False)


def _at_running_statistics(
    op: str,
    input: Tensor,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    if mean is None or var is None:
        raise ValueError(f"{op}: wants running_mean and running_var when it is not to use the input's statistics")
    if weight is not None and weight.requires_grad and ag.is_grad_enabled():
        mean = ag.astype(mean, mean.dtype, copy=True)  # the weight's gradient needs it, and training may move it before
    return _at_statistics(input, mean, var, weight, bias, eps)


def _at_statistics(
    input: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """(x - mean) / √(var + eps) · weight + bias, per channel, as one scale and one shift."""
    weight, bias = (p if p is None or p.shape == mean.shape else ag.reshape(p, mean.shape) for p in (weight, bias))
    scale = ag.rsqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return _scaled(input, scale, shift, mean.shape if mean.ndim == input.ndim else _column(input))


def _scaled(y: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """y · weight + bias, the two being reshaped to `shape`."""
    weight, bias = (p if p is None or p.shape == shape else ag.reshape(p, shape) for p in (weight, bias))
    if weight is None:
        return y if bias is None else y + bias
    return y * weight if bias is None else ag.multiply_add(y, weight, bias)


def _move(running: Tensor, now: Array, momentum: float) -> None:
    running.write((1 - momentum) * running.numpy() + momentum * now)


def _column(input: Tensor) -> tuple[int, ...]:
    """The shape in which one number per channel broadcasts against (N, C, *S)."""
    return (input.shape[1], *(1,) * (input.ndim - 2))


def _channels(op: str, input: Tensor) -> int:
    if input.ndim < 2:
        raise ValueError(f"{op}: wants an input (N, C, *S), got shape {input.shape}")
    return input.shape[1]


def _last_axes(op: str, input: Tensor, normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(f"{op}: normalized_shape {shape} has to be that of the last axes of input {input.shape}")
    return shape


def _check_shapes(op: str, input: Tensor, shape: tuple[int, ...], **parameters: Tensor | None) -> None:
    for name, parameter in parameters.items():
        if parameter is not None and parameter.shape != shape:
            raise ValueError(f"{op}: input {input.shape} wants {name} of shape {shape}, got {parameter.shape}")
