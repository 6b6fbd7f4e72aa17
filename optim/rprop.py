"""Resilient backpropagation."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, buffer


class Rprop(Optimizer):
    """Resilient backpropagation: only the gradient's sign counts; each element has a step size of its own.

    With `etas` (η⁻, η⁺), bounds `step_sizes` (Δ_min, Δ_max) and gradient g, for each element:

        g · g' > 0:   Δ ← min(η⁺ Δ, Δ_max)              (g' is the gradient before, at first 0)
        g · g' < 0:   Δ ← max(η⁻ Δ, Δ_min),  g ← 0
        p ← p - Δ · sign(g)                              (Δ is `lr` at first)

    It is made for gradients of the whole data set. `params` are as in `Optimizer`; `maximize` follows the gradient up.
    Raises ValueError for an option out of range. Source: Riedmiller & Braun, "A direct adaptive method for faster
    backpropagation learning: the RPROP algorithm", ICNN 1993 (here without its step back after a change of sign).

    >>> from optim import Rprop
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Rprop([w], lr=0.25)
    >>> for _ in range(2):
    ...     w.grad = tensor([100.0])
    ...     optimizer.step()
    >>> w.numpy().round(3)
    array([0.45], dtype=float32)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr")
        shrink, grow = group["etas"]
        if not 0 < shrink < 1 < grow:
            raise ValueError(f"Rprop: wants etas with 0 < first < 1 < second, got {group['etas']}")
        smallest, largest = group["step_sizes"]
        if not 0 <= smallest <= largest:
            raise ValueError(f"Rprop: wants step_sizes with 0 <= first <= second, got {group['step_sizes']}")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "prev": True, "step_size": True}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        shrink, grow = group["etas"]
        state["step"] = state.get("step", 0) + 1
        prev = buffer(state, "prev", param)
        step_size = buffer(state, "step_size", param, group["lr"])

        def change(p: Array, g: Array, before: Array, size: Array) -> None:
            g = -g if group["maximize"] else g.copy()
            agreement = g * before
            size[agreement > 0] *= grow
            size[agreement < 0] *= shrink
            np.clip(size, *group["step_sizes"], out=size)
            g[agreement < 0] = 0
            p -= size * np.sign(g)
            before[...] = g

        in_blocks(change, param, grad, prev, step_size)
