"""Muon."""

from __future__ import annotations

from math import sqrt

import numpy as np

from autograd.dtypes import Array
from autograd.tensor import Tensor
from optim.optimizer import Group, Optimizer, Parameters, State, buffer


class Muon(Optimizer):
    """Muon: momentum whose singular values are all brought near one. For matrices only.

    With learning rate γ (`lr`), `momentum` μ, weight decay λ (`weight_decay`), `ns_coefficients` (a, b, c) and gradient
    g of shape (A, B):

        B ← μ B + (1 - μ) g
        u = (1 - μ) g + μ B                    (without `nesterov`: u = B)
        p ← p - γ λ p
        p ← p - γ s · NS(u)

    NS(u) divides u by max(its Frobenius norm, `eps`) and takes `ns_steps` Newton–Schulz steps X ← a X + (b G + c G²) X
    with G = X Xᵀ, which take each singular value σ to a σ + b σ³ + c σ⁵. `adjust_lr_fn` says what s is: "original" (and
    None) √max(1, A / B), "match_rms_adamw" 0.2 √max(A, B).

    Layers' biases and embeddings, and the last layer, are better trained by AdamW. PyTorch rounds NS to bfloat16; here
    it is computed in the parameter's precision.

    `params` are as in `Optimizer`. Raises ValueError for a parameter that is no matrix and for an option out of range.
    Sources: Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein, "Muon: an optimizer for hidden layers in neural
    networks", 2024; match_rms_adamw: Liu et al., "Muon is scalable for LLM training", arXiv 2502.16982, 2025.

    >>> from optim import Muon
    >>> w = tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    >>> optimizer = Muon([w], lr=0.1, weight_decay=0.0)
    >>> w.grad = tensor([[10.0, 0.0], [0.0, 10.0]])
    >>> optimizer.step()
    >>> w.numpy().round(1)
    array([[0.9, 0. ],
           [0. , 0.9]], dtype=float32)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr", "weight_decay", "momentum", "eps")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError(f"Muon: wants three ns_coefficients, got {group['ns_coefficients']}")
        if not 0 <= group["ns_steps"] < 100:
            raise ValueError(f"Muon: wants ns_steps in [0, 100), got {group['ns_steps']}")
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Muon: wants adjust_lr_fn 'original', 'match_rms_adamw' or None, got {group['adjust_lr_fn']!r}"
            )

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        return {"momentum_buffer": True}

    def check_parameter(self, p: Tensor, which: str) -> None:
        if p.ndim != 2:
            raise ValueError(f"Muon: wants parameters with two axes, but {which} has shape {p.shape}")

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        lr, momentum = group["lr"], group["momentum"]
        mean = buffer(state, "momentum_buffer", param)
        mean += (1 - momentum) * (grad - mean)
        direction = grad + momentum * (mean - grad) if group["nesterov"] else mean
        rows, columns = param.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * sqrt(max(rows, columns))
        else:
            scale = sqrt(max(1, rows / columns)) if columns else 1.0
        param *= 1 - lr * group["weight_decay"]
        param -= lr * scale * newton_schulz(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])


def newton_schulz(x: Array, coefficients: tuple[float, float, float], steps: int, eps: float) -> Array:
    """A matrix with the singular vectors of x, (A, B), and its singular values, over their norm, mapped near one."""
    a, b, c = coefficients
    wide = x.T if x.shape[0] > x.shape[1] else x
    if x.dtype == np.float16:  # whose squares overflow from 256 and vanish below 2e-4
        wide = wide.astype(np.float32)
    wide = wide / max(float(np.linalg.norm(wide)), eps)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if x.shape[0] > x.shape[1] else wide
