"""Layers that only rearrange."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.module import Module


class Flatten(Module):
    """The axes from `start_dim` to `end_dim`, both included, made one: by default (N, *S) to (N, ∏S).

    >>> import nn
    >>> nn.Flatten()(zeros((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return ag.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
