"""Distances and similarities of vectors."""

from __future__ import annotations

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.sizes import check_broadcast

_FEW = 1 << 21  # elements of differences up to which `pdist` makes all of them at once


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Σ x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) over `dim`, broadcasting.

    Where a length is held at `eps`, its derivative is taken as if it were not, as in PyTorch. Raises ValueError for
    shapes that do not broadcast.

    >>> from nn import functional as F
    >>> F.cosine_similarity(tensor([[1.0, 0.0]]), tensor([[3.0, 4.0]]))
    tensor([0.6])
    """
    check_broadcast("cosine_similarity", x1.shape, x2.shape)
    x1, x2 = ag.broadcast_arrays(x1, x2)
    return ag.sum(x1 / _length(x1, dim, eps) * (x2 / _length(x2, dim, eps)), axis=dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    length = ag.norm(x, axis=dim, keepdims=True)
    fixed = length.detach()
    return length + (ag.clip(fixed, eps) - fixed)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The `p`-norm ‖x1 - x2 + eps‖ₚ over the last axis, broadcasting: (*, D) to (*), or (*, 1) with `keepdim`.

    Raises ValueError for shapes that do not broadcast.

    >>> from nn import functional as F
    >>> F.pairwise_distance(tensor([[3.0, 0.0]]), tensor([[0.0, 4.0]]), eps=0)
    tensor([5.])
    """
    check_broadcast("pairwise_distance", x1.shape, x2.shape)
    return ag.norm(x1 - x2 + eps, p, axis=-1, keepdims=keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The `p`-norm ‖xᵢ - xⱼ‖ₚ for all pairs i < j of the rows of (N, D), in the order (0, 1), (0, 2), …: (N(N-1)/2,).

    Raises ValueError for an input that is not a matrix.

    >>> from nn import functional as F
    >>> F.pdist(tensor([[0.0], [1.0], [5.0]]))
    tensor([1., 5., 4.])
    """
    if input.ndim != 2:
        raise ValueError(f"pdist: wants an input (N, D), got shape {input.shape}")
    n, d = input.shape
    if n * (n - 1) // 2 * d < _FEW:
        first, second = np.triu_indices(n, 1)
        return ag.norm(ag.take(input, first, axis=0) - ag.take(input, second, axis=0), p, axis=-1)
    rows = [ag.norm(input[i + 1 :] - input[i], p, axis=-1) for i in range(n - 1)]  # (N - 1 - i,) each
    return ag.concatenate(rows)
