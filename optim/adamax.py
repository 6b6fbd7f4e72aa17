"""Adamax."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, ascent, buffer


class Adamax(Optimizer):
    """Adamax: Adam with the largest recent size of the gradient in place of its root mean square.

    In step t, with learning rate γ (`lr`), `betas` (β₁, β₂), `eps` ε, weight decay λ (`weight_decay`) and gradient g:

        g ← g + λ p
        m ← β₁ m + (1 - β₁) g
        u ← max(β₂ u, |g| + ε)
        p ← p - γ / (1 - β₁ᵗ) · m / u

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Source: Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1; ε, which keeps u from
    zero, is PyTorch's.

    >>> from optim import Adamax
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = Adamax([w], lr=0.5)
    >>> w.grad = tensor([0.1, 10.0])
    >>> optimizer.step()
    >>> w.numpy().round(3)
    array([0.5, 0.5], dtype=float32)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "eps", "weight_decay")
        self.check_betas(group)

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "exp_avg": True, "exp_inf": True}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        state["step"] = t = state.get("step", 0) + 1
        rate = group["lr"] / (1 - beta1**t)
        exp_avg = buffer(state, "exp_avg", param)
        exp_inf = buffer(state, "exp_inf", param)

        def change(p: Array, g: Array, m: Array, u: Array) -> None:
            g = ascent(p, g, group)
            m += (1 - beta1) * (g - m)
            np.maximum(beta2 * u, np.abs(g) + group["eps"], out=u)
            p -= rate * m / u

        in_blocks(change, param, grad, exp_avg, exp_inf)
