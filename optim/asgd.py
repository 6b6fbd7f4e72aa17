"""Averaged stochastic gradient descent."""

from __future__ import annotations

from autograd.dtypes import Array
from optim.changes import in_blocks
from optim.optimizer import Group, Optimizer, Parameters, State, ascent, buffer


class ASGD(Optimizer):
    """Averaged stochastic gradient descent: SGD with a falling rate, and the mean of its iterates beside it.

    In step t, with learning rate γ (`lr`), decay term λ' (`lambd`), power α (`alpha`), t₀ (`t0`), weight decay λ
    (`weight_decay`) and gradient g:

        g ← g + λ p
        p ← (1 - λ' η) p - η g                 (η = γ in the first step)
        a ← a + μ (p - a)                      (a ← p as long as μ = 1)
        η ← γ / (1 + λ' γ t)^α
        μ ← 1 / max(1, t - t₀)

    The mean a, of the iterates from step t₀ + 2 on, is `state[p]["ax"]`. `params` are as in `Optimizer`; `maximize`
    follows the gradient up. Raises ValueError for an option out of range. Source: Polyak & Juditsky, "Acceleration of
    stochastic approximation by averaging", SIAM J. Control Optim. 30(4), 1992; rates: Bottou's code (asgd), as in
    PyTorch.

    >>> from optim import ASGD
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = ASGD([w], lr=0.5, lambd=0.0, t0=1)
    >>> for _ in range(3):
    ...     w.grad = tensor([1.0])
    ...     optimizer.step()
    >>> w, optimizer.state[w]["ax"]
    (tensor([-0.5], requires_grad=True), array([-0.5], dtype=float32))
    """

    elementwise = True
    numbers = frozenset({"step", "eta", "mu"})

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "lambd", "weight_decay")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"step": True, "eta": True, "mu": True, "ax": True}

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, lambd = group["lr"], group["lambd"]
        state["step"] = t = state.get("step", 0) + 1
        eta, mu = state.get("eta", lr), state.get("mu", 1.0)

        def change(p: Array, g: Array, a: Array) -> None:
            g = ascent(p, g, group)
            p *= 1 - lambd * eta
            p -= eta * g
            if mu == 1:
                a[...] = p
            else:
                a += mu * (p - a)

        in_blocks(change, param, grad, buffer(state, "ax", param))
        state["eta"] = lr / (1 + lambd * lr * t) ** group["alpha"]
        state["mu"] = 1 / max(1, t - group["t0"])
