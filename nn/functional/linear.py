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


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y[k] = Σ_ij x1[i] · w[k, i, j] · x2[j] + b[k] over the last axes: (*, I) and (*, J) to (*, K).

    `weight` is (K, I, J), `bias` (K,); the inputs have all axes but the last in common. Raises ValueError if the
    lengths do not match.

    >>> from nn import functional as F
    >>> F.bilinear(tensor([2.0]), tensor([3.0]), tensor([[[10.0]]]))
    tensor([60.])
    """
    if (
        weight.ndim != 3
        or 0 in (input1.ndim, input2.ndim)
        or input1.shape[:-1] != input2.shape[:-1]
        or (input1.shape[-1], input2.shape[-1]) != weight.shape[1:]
    ):
        raise ValueError(
            f"bilinear: inputs {input1.shape} and {input2.shape} and weight {weight.shape} do not fit; wants (*, I), "
            f"(*, J) and (K, I, J)"
        )
    partial = ag.einsum("...i,kij->...kj", input1, weight)  # (*, K, J)
    y = ag.einsum("...kj,...j->...k", partial, input2)  # (*, K)
    return y if bias is None else y + bias
