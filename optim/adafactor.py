"""Adafactor."""

from __future__ import annotations

from math import sqrt

import numpy as np

from autograd.dtypes import Array
from optim.optimizer import Group, Optimizer, Parameters, State


class Adafactor(Optimizer):
    """Adafactor: the squares of a matrix's gradient are remembered as one mean for each row and one for each column.

    In step t, with learning rate γ (`lr`), decay τ (`beta2_decay`), clipping threshold `d`, weight decay λ
    (`weight_decay`) and gradient g of shape (…, R, C):

        β = 1 - t^τ
        ρ = min(γ, 1 / √t)
        α = max(ε₂, rms(p)) · ρ
        p ← p - γ λ p
        r ← β r + (1 - β) mean over C of g²    (…, R, 1)
        c ← β c + (1 - β) mean over R of g²    (…, 1, C)
        v = r c / max(mean over R of r, ε₁)    (vectors and scalars: v ← β v + (1 - β) g²)
        u = g / √max(v, ε₁²)
        p ← p - α u / max(1, rms(u) / d)

    with `eps` = (ε₁, ε₂), where None for ε₁ is the dtype's machine epsilon. `params` are as in `Optimizer`; `maximize`
    follows the gradient up. Raises ValueError for an option out of range. Source: Shazeer & Stern, "Adafactor: adaptive
    learning rates with sublinear memory cost", ICML 2018; ε₁ enters as in PyTorch.

    >>> from optim import Adafactor
    >>> w = tensor([[1.0, 1.0], [1.0, 1.0]], requires_grad=True)
    >>> optimizer = Adafactor([w], lr=0.5)
    >>> w.grad = tensor([[1.0, 2.0], [10.0, 20.0]])
    >>> optimizer.step()
    >>> w.numpy().round(3)
    array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "weight_decay")
        eps1, eps2 = group["eps"]
        if not group["beta2_decay"] <= 0:
            raise ValueError(f"Adafactor: wants beta2_decay <= 0, got {group['beta2_decay']}")
        if not ((eps1 is None or eps1 >= 0) and eps2 >= 0):
            raise ValueError(f"Adafactor: wants eps of two numbers >= 0, or None for the first, got {group['eps']}")
        if not group["d"] >= 1:
            raise ValueError(f"Adafactor: wants d >= 1, got {group['d']}")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        if param.ndim > 1:
            return {"step": True, "row_var": True, "col_var": True}
        return {"step": True, "variance": True}

    def shape(self, name: str, param: Array) -> tuple[int, ...]:
        if name == "row_var":
            return (*param.shape[:-1], 1)
        if name == "col_var":
            return (*param.shape[:-2], 1, param.shape[-1])
        return param.shape

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        state["step"] = t = state.get("step", 0) + 1
        for name in self.buffers(group, param).keys() - state.keys():
            state[name] = np.zeros(self.shape(name, param), param.dtype)
        if param.size == 0:
            return
        eps1, eps2 = group["eps"]
        if eps1 is None:
            eps1 = float(np.finfo(param.dtype).eps)
        weight = t ** group["beta2_decay"]
        alpha = max(eps2, _rms(param)) * min(group["lr"], 1 / sqrt(t))
        param *= 1 - group["lr"] * group["weight_decay"]
        squares = grad * grad
        if param.ndim > 1:
            row, col = state["row_var"], state["col_var"]
            _move(row, squares.mean(-1, keepdims=True), weight)
            _move(col, squares.mean(-2, keepdims=True), weight)
            variance = row * col / np.maximum(row.mean(-2, keepdims=True), eps1)
        else:
            variance = state["variance"]
            _move(variance, squares, weight)
        u = (-grad if group["maximize"] else grad) / np.sqrt(np.maximum(variance, eps1 * eps1))
        param -= alpha / max(1.0, _rms(u) / group["d"]) * u


def _move(average: Array, target: Array, weight: float) -> None:
    """(1 - weight) · average + weight · target, in place; exactly the target for a weight of 1."""
    average *= 1 - weight
    average += weight * target


def _rms(x: Array) -> float:
    return sqrt(np.mean(x * x))
