"""Stochastic gradient descent."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, ascent


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Polyak's or Nesterov's) and weight decay if asked for.

    With learning rate γ (`lr`), `momentum` μ, `dampening` τ, weight decay λ (`weight_decay`) and gradient g:

        g ← g + λ p
        b ← μ b + (1 - τ) g      (b ← g in the first step)
        p ← p - γ b              (Nesterov: p ← p - γ (g + μ b))

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range,
    and for `nesterov` without momentum or with dampening. Source: Sutskever, Martens, Dahl & Hinton, "On the importance
    of initialization and momentum in deep learning", ICML 2013; the form is PyTorch's, in which the learning rate
    multiplies b.

    >>> from optim import SGD
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.5, momentum=0.9)
    >>> for _ in range(2):
    ...     w.grad = tensor([1.0])
    ...     optimizer.step()
    >>> w
    tensor([-0.45], requires_grad=True)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "momentum", "weight_decay")
        momentum, dampening = group["momentum"], group["dampening"]
        if group["nesterov"] and (momentum == 0 or dampening != 0):
            raise ValueError(f"SGD: nesterov wants momentum > 0 and dampening = 0, got {momentum} and {dampening}")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"momentum_buffer": group["momentum"] != 0}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, momentum, dampening, nesterov = (group[k] for k in ("lr", "momentum", "dampening", "nesterov"))
        if momentum == 0:

            def descend(p: Array, g: Array) -> None:
                p -= lr * ascent(p, g, group)

            in_blocks(descend, param, grad)
            return
        first = "momentum_buffer" not in state
        if first:
            state["momentum_buffer"] = np.empty_like(param)

        def change(p: Array, g: Array, b: Array) -> None:
            g = ascent(p, g, group)
            if first:
                b[...] = g
            else:
                b *= momentum
                b += (1 - dampening) * g if dampening else g
            p -= lr * (g + momentum * b if nesterov else b)

        in_blocks(change, param, grad, state["momentum_buffer"])
