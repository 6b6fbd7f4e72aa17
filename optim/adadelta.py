"""Adadelta."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, ascent, buffer


class Adadelta(Optimizer):
    """Adadelta: each element's step is its gradient in units of the gradient, times the size of its past steps.

    With learning rate γ (`lr`), smoothing ρ (`rho`), `eps` ε, weight decay λ (`weight_decay`) and gradient g:

        g ← g + λ p
        v ← ρ v + (1 - ρ) g²
        Δ ← √(u + ε) / √(v + ε) · g
        u ← ρ u + (1 - ρ) Δ²
        p ← p - γ Δ

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Source: Zeiler, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701, 2012 (there γ = 1).

    >>> from optim import Adadelta
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = Adadelta([w], rho=0.75, eps=1e-2)
    >>> w.grad = tensor([1.0, 10.0])
    >>> optimizer.step()
    >>> w.numpy().round(2)
    array([0.8, 0.8], dtype=float32)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "eps", "weight_decay")
        if not 0 <= group["rho"] <= 1:
            raise ValueError(f"Adadelta: wants rho in [0, 1], got {group['rho']}")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "square_avg": True, "acc_delta": True}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, rho, eps = (group[k] for k in ("lr", "rho", "eps"))
        state["step"] = state.get("step", 0) + 1
        square_avg = buffer(state, "square_avg", param)
        acc_delta = buffer(state, "acc_delta", param)

        def change(p: Array, g: Array, v: Array, u: Array) -> None:
            g = ascent(p, g, group)
            v *= rho
            v += (1 - rho) * g * g
            delta = np.sqrt(u + eps) / np.sqrt(v + eps) * g
            u *= rho
            u += (1 - rho) * delta * delta
            p -= lr * delta

        in_blocks(change, param, grad, square_avg, acc_delta)
