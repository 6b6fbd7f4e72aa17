"""Affine maps."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x Wᵀ + b over the last axis: input (*, I), weight (O, I) or (I,), bias (O,) give (*, O).

    Raises ValueError if the lengths do not match.

    >>> from nn import functional as F
    >>> F.linear(tensor([1.0, 2.0]), tensor([[3.0, 4.0]]), tensor([0.5]))
    tensor([11.5])
    """
    if input.ndim == 0 or weight.ndim not in (1, 2) or input.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"linear: input {input.shape} and weight {weight.shape} do not fit; wants (*, in_features) and "
            f"(out_features, in_features)"
        )
    y = ag.einsum("...i,oi->...o" if weight.ndim == 2 else "...i,i->...", input, weight)  # (*, O)
    return y if bias is None else y + bias
