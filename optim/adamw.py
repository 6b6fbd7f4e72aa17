"""AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optim.adam import Adam
from optim.optimizer import Parameters


class AdamW(Adam):
    """Adam with its weight decay apart from the gradient: p ← p - γ λ p, then Adam's step without the penalty.

    Arguments and state are those of `Adam`, but `weight_decay` is 0.01 by default. Source: Loshchilov & Hutter,
    "Decoupled weight decay regularization", ICLR 2019.

    >>> from optim import AdamW
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.5, weight_decay=0.2)
    >>> w.grad = tensor([0.0])
    >>> optimizer.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
