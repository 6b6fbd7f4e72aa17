"""Layers that only rearrange."""

from __future__ import annotations

import math
from collections.abc import Sequence

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


class Unflatten(Module):
    """The axis `dim` made several, of the lengths `unflattened_size`, of which one may be -1.

    Raises ValueError for lengths that do not multiply to that of the axis.

    >>> import nn
    >>> nn.Unflatten(1, (3, 4))(zeros((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        if not -input.ndim <= self.dim < input.ndim:
            raise ValueError(f"Unflatten: input {input.shape} has no axis {self.dim}")
        axis = self.dim % input.ndim
        known = math.prod(length for length in self.unflattened_size if length != -1)
        open_lengths = self.unflattened_size.count(-1)
        fits = known and input.shape[axis] % known == 0 if open_lengths else input.shape[axis] == known
        if open_lengths > 1 or not fits:
            raise ValueError(
                f"Unflatten: axis {self.dim} of input {input.shape} cannot be made {tuple(self.unflattened_size)}"
            )
        lengths = [input.shape[axis] // known if length == -1 else length for length in self.unflattened_size]
        return ag.reshape(input, (*input.shape[:axis], *lengths, *input.shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
