"""Adagrad."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from autograd.tensor import Tensor
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, ascent, buffer


class Adagrad(Optimizer):
    """Adagrad: each element's step is divided by the root of the sum of its squared gradients so far.

    In step t, with learning rate γ (`lr`), its decay η (`lr_decay`), weight decay λ (`weight_decay`), `eps` ε and
    gradient g:

        g ← g + λ p
        s ← s + g²                                   (s starts at `initial_accumulator_value`)
        p ← p - γ / (1 + (t - 1) η) · g / (√s + ε)

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Source: Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR
    2011.

    >>> from optim import Adagrad
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.5)
    >>> w.grad = tensor([0.1, 10.0])
    >>> optimizer.step()
    >>> w
    tensor([0.5, 0.5], requires_grad=True)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "sum": True}

    def add_param_group(self, param_group: Group) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            self.state[p]["step"] = 0
            buffer(self.state[p], "sum", p.array, group["initial_accumulator_value"])

    def check_parameter(self, p: Tensor, which: str) -> None:
        p.array  # noqa: B018  # an error for one that has no shape yet

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        state["step"] = t = state.get("step", 0) + 1
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        total = buffer(state, "sum", param, group["initial_accumulator_value"])

        def change(p: Array, g: Array, s: Array) -> None:
            g = ascent(p, g, group)
            s += g * g
            p -= lr * g / (np.sqrt(s) + group["eps"])

        in_blocks(change, param, grad, total)
