"""Normalisation."""

from __future__ import annotations

import math

import autograd as ag
from autograd import Tensor


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
    parameters that are not of shape (C,), and in training for a single value per channel.

    Source: Ioffe, Szegedy 2015, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift".

    >>> from nn import functional as F
    >>> F.batch_norm(tensor([[1.0], [3.0]]), None, None, training=True, eps=0)
    tensor([[-1.],
            [ 1.]])
    """
    if input.ndim < 2:
        raise ValueError(f"batch_norm: wants an input (N, C, *S), got shape {input.shape}")
    channels = input.shape[1]
    for name, parameter in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if parameter is not None and parameter.shape != (channels,):
            raise ValueError(
                f"batch_norm: input {input.shape} wants {name} of shape {(channels,)}, got {parameter.shape}"
            )
    column = (channels, *(1,) * (input.ndim - 2))  # broadcasts against (N, C, *S)
    if training:
        axes = (0, *range(2, input.ndim))
        count = math.prod(input.shape[axis] for axis in axes)
        if count <= 1:
            raise ValueError(f"batch_norm: wants more than one value per channel in training, got input {input.shape}")
        y, mean, var = ag.standardize(input, axes, eps)
        if running_mean is not None and running_var is not None:
            with ag.no_grad():
                unbiased = ag.reshape(var, (channels,)) * (count / (count - 1))
                running_mean.write((1 - momentum) * running_mean + momentum * ag.reshape(mean, (channels,)))
                running_var.write((1 - momentum) * running_var + momentum * unbiased)
        if weight is not None:
            y = y * ag.reshape(weight, column)
        return y if bias is None else y + ag.reshape(bias, column)
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm: wants running_mean and running_var when it is not training")
    scale = ag.rsqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -running_mean * scale
    if bias is not None:
        shift = shift + bias
    return input * ag.reshape(scale, column) + ag.reshape(shift, column)
