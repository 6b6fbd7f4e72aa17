"""RMSprop."""

from __future__ import annotations

import numpy as np

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, ascent, buffer


class RMSprop(Optimizer):
    """RMSprop: each element's step is divided by the root of a running mean of its squared gradients.

    With learning rate γ (`lr`), smoothing α (`alpha`), `momentum` μ, `eps` ε, weight decay λ (`weight_decay`) and
    gradient g:

        g ← g + λ p
        v ← α v + (1 - α) g²
        a ← √v + ε               (centered: m ← α m + (1 - α) g, a ← √(v - m²) + ε)
        p ← p - γ g / a          (momentum: b ← μ b + g / a, p ← p - γ b)

    `params` are as in `Optimizer`; `maximize` follows the gradient up. Raises ValueError for an option out of range.
    Sources: Tieleman & Hinton, lecture 6.5 of "Neural networks for machine learning", 2012; centered: Graves,
    "Generating sequences with recurrent neural networks", 2013. As in PyTorch, ε is added after the root.

    >>> from optim import RMSprop
    >>> w = tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.05)
    >>> w.grad = tensor([0.1, 10.0])
    >>> optimizer.step()
    >>> w.numpy().round(3)
    array([0.5, 0.5], dtype=float32)
    """

    elementwise = True

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "alpha", "eps", "weight_decay", "momentum")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {
            "step": True,
            "square_avg": True,
            "momentum_buffer": group["momentum"] > 0,
            "grad_avg": bool(group["centered"]),
        }

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, alpha, eps, momentum, centered = (group[k] for k in ("lr", "alpha", "eps", "momentum", "centered"))
        state["step"] = state.get("step", 0) + 1
        square_avg = buffer(state, "square_avg", param)
        # What the options do not ask for is not kept: v stands in its place and is left alone.
        momentum_buffer = buffer(state, "momentum_buffer", param) if momentum > 0 else square_avg
        grad_avg = buffer(state, "grad_avg", param) if centered else square_avg

        def change(p: Array, g: Array, v: Array, b: Array, m: Array) -> None:
            g = ascent(p, g, group)
            v *= alpha
            v += (1 - alpha) * g * g
            if centered:
                m += (1 - alpha) * (g - m)
                a = np.sqrt(v - m * m) + eps
            else:
                a = np.sqrt(v) + eps
            if momentum > 0:
                b *= momentum
                b += g / a
                p -= lr * b
            else:
                p -= lr * g / a

        in_blocks(change, param, grad, square_avg, momentum_buffer, grad_avg)
