"""Dropout as a module."""

from __future__ import annotations

from autograd import Tensor
from nn import functional as F
from nn.module import Module


class Dropout(Module):
    """In training, zeroes elements with probability `p`; see `nn.functional.dropout`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability, got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
