"""Nonlinearities."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0). `inplace` is accepted for PyTorch's sake and changes nothing: tensors are not written into."""
    return ag.relu(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return ag.tanh(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return ag.sigmoid(input)


def softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """exp(x) / Σ exp(x) along `dim`. None: PyTorch's guess, 0 for 0, 1 or 3 dimensions and 1 for others."""
    return ag.softmax(input, axis=_class_axis(input, dim))


def log_softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow. None: PyTorch's guess, as in `softmax`."""
    return ag.log_softmax(input, axis=_class_axis(input, dim))


def _class_axis(input: Tensor, dim: int | None) -> int:
    if dim is not None:
        return dim
    return 0 if input.ndim in (0, 1, 3) else 1
