"""Adam."""

from __future__ import annotations

from math import sqrt

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, buffer, decayed


class Adam(Optimizer):
    """Adam: running means of the gradient and of its square, both corrected for their start at zero.

    In step t, with learning rate γ (`lr`), `betas` (β₁, β₂), `eps` ε, weight decay λ (`weight_decay`) and gradient g:

        g ← g + λ p                            (`decoupled_weight_decay`: p ← p - γ λ p)
        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²                 (`amsgrad`: the largest v so far takes its place below)
        p ← p - γ m̂ / (√v̂ + ε)                 with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Sources: Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015; amsgrad: Reddi, Kale & Kumar, "On the
    convergence of Adam and beyond", ICLR 2018.

    >>> from optim import Adam
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.5)
    >>> w.grad = tensor([0.1, 10.0])
    >>> optimizer.step()
    >>> w.numpy().round(3)
    array([0.5, 0.5], dtype=float32)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "eps", "weight_decay")
        self.check_betas(group)

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "exp_avg": True, "exp_avg_sq": True, "max_exp_avg_sq": bool(group["amsgrad"])}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, eps, amsgrad = (group[k] for k in ("lr", "eps", "amsgrad"))
        beta1, beta2 = group["betas"]
        state["step"] = t = state.get("step", 0) + 1
        root = sqrt(1 - beta2**t)
        rate = lr * root / (1 - beta1**t)
        exp_avg = buffer(state, "exp_avg", param)
        exp_avg_sq = buffer(state, "exp_avg_sq", param)
        max_exp_avg_sq = buffer(state, "max_exp_avg_sq", param) if amsgrad else exp_avg_sq

        def change(p: Array, g: Array, m: Array, v: Array, largest: Array) -> None:
            g = decayed(p, g, group)
            term = g - m
            term *= 1 - beta1
            m += term
            v *= beta2
            np.multiply(g, 1 - beta2, out=term)  # first, since squares may overflow
            term *= g
            v += term
            if amsgrad:
                np.maximum(largest, v, out=largest)
            np.sqrt(largest, out=term)
            term += eps * root
            np.divide(m, term, out=term)
            term *= rate
            p -= term

        in_blocks(change, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq)
