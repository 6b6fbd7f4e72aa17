"""NAdam."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, buffer, decayed


class NAdam(Optimizer):
    """NAdam: Adam with Nesterov's momentum, which looks one step ahead.

    In step t, with learning rate γ (`lr`), `betas` (β₁, β₂), `eps` ε, momentum decay ψ (`momentum_decay`), weight decay
    λ (`weight_decay`) and gradient g:

        g ← g + λ p                            (`decoupled_weight_decay`: p ← p - γ λ p)
        μ_t = β₁ (1 - 0.96^(t ψ) / 2)          M_t = μ₁ · … · μ_t
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        m̂ = μ_{t+1} / (1 - M_{t+1}) · m + (1 - μ_t) / (1 - M_t) · g
        p ← p - γ m̂ / (√v̂ + ε)                 with v̂ = v / (1 - β₂ᵗ)

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Source: Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.

    >>> from optim import NAdam
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.5)
    >>> w.grad = tensor([0.1, 10.0])
    >>> optimizer.step()
    >>> w.numpy().round(3)
    array([0.472, 0.472], dtype=float32)
    """

    elementwise = True
    numbers = frozenset({"step", "mu_product"})

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "eps", "weight_decay", "momentum_decay")
        self.check_betas(group)

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "mu_product": True, "exp_avg": True, "exp_avg_sq": True}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, eps, decay = (group[k] for k in ("lr", "eps", "momentum_decay"))
        beta1, beta2 = group["betas"]
        state["step"] = t = state.get("step", 0) + 1
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (i * decay)) for i in (t, t + 1))
        state["mu_product"] = product = state.get("mu_product", 1.0) * mu
        of_grad = lr * (1 - mu) / (1 - product)
        of_mean = lr * following / (1 - product * following)
        exp_avg = buffer(state, "exp_avg", param)
        exp_avg_sq = buffer(state, "exp_avg_sq", param)

        def change(p: Array, g: Array, m: Array, v: Array) -> None:
            g = decayed(p, g, group)
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * g * g
            p -= (of_grad * g + of_mean * m) / (np.sqrt(v / (1 - beta2**t)) + eps)

        in_blocks(change, param, grad, exp_avg, exp_avg_sq)
