"""Dropout."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, sets each element to 0 with probability `p` and divides the others by 1 - p; else the identity.

    `inplace` is accepted for PyTorch's sake and changes nothing. Raises ValueError unless 0 <= p <= 1.

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    return input * (ag.bernoulli(1 - p, input.shape, dtype=input.dtype) / (1 - p))
