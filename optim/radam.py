"""RAdam."""

from __future__ import annotations

from math import sqrt

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, buffer, decayed


class RAdam(Optimizer):
    """RAdam: Adam that waits with dividing by the root of v until v rests on enough gradients, and then rectifies it.

    In step t, with learning rate γ (`lr`), `betas` (β₁, β₂), `eps` ε, weight decay λ (`weight_decay`) and gradient g:

        g ← g + λ p                            (`decoupled_weight_decay`: p ← p - γ λ p)
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ)           with ρ∞ = 2 / (1 - β₂) - 1
        p ← p - γ r m̂ / ((√v + ε) / √(1 - β₂ᵗ))     if ρ > 5, with r² = (ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ)
        p ← p - γ m̂                            if not;  m̂ = m / (1 - β₁ᵗ)

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Source: Liu, Jiang, He, Chen, Liu, Gao & Han, "On the variance of the adaptive learning rate and beyond", ICLR 2020;
    the bound is 5 and not 4, as in the authors' code.

    >>> from optim import RAdam
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = RAdam([w], lr=0.5)
    >>> w.grad = tensor([1.0, 2.0])
    >>> optimizer.step()
    >>> w.numpy().round(3)
    array([0.5, 0. ], dtype=float32)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "eps", "weight_decay")
        self.check_betas(group)

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "exp_avg": True, "exp_avg_sq": True}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        state["step"] = t = state.get("step", 0) + 1
        correction1, correction2 = 1 - beta1**t, 1 - beta2**t
        rate = group["lr"] / correction1
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * t * beta2**t / correction2
        rectified = length > 5
        if rectified:
            rate *= sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length) * correction2)
        exp_avg = buffer(state, "exp_avg", param)
        exp_avg_sq = buffer(state, "exp_avg_sq", param)

        def change(p: Array, g: Array, m: Array, v: Array) -> None:
            g = decayed(p, g, group)
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * g * g
            p -= rate * m / (np.sqrt(v) + group["eps"]) if rectified else rate * m

        in_blocks(change, param, grad, exp_avg, exp_avg_sq)
