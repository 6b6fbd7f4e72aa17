"""What losses as modules share."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from autograd import Tensor
from nn.functional.loss.reduction import REDUCTIONS
from nn.module import Module


class Loss(Module):
    """A loss with a reduction."""

    reductions: ClassVar[tuple[str, ...]] = REDUCTIONS

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        if len(args) > 1 and isinstance(args[0], (Tensor, np.ndarray)):
            raise TypeError(f"{cls.__name__}: the loss is made first, and then called: {cls.__name__}()(input, target)")
        return super().__new__(cls)

    def __init__(self, reduction: str) -> None:
        super().__init__()
        if reduction not in self.reductions:
            allowed = " or ".join(repr(name) for name in self.reductions)
            raise ValueError(f"{type(self).__name__}: reduction is {allowed}, got {reduction!r}")
        self.reduction = reduction


class WeightedLoss(Loss):
    """A loss with a reduction and optional weights, which are a buffer."""

    weight: Tensor | None

    def __init__(self, reduction: str, weight: Tensor | None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
