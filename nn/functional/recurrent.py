"""One step of a recurrent network.

Each takes `x` (*, G·H), what the input gives to the G gates; the state before, a tuple of tensors (*, H); and the
matrix W (H, G·H) and the bias b (G·H,), or None, of what that gives to them.
"""

from __future__ import annotations

import autograd as ag
from autograd import Tensor

State = tuple[Tensor, ...]


def rnn_tanh_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """h' = tanh(x + h W + b)."""
    (h,) = state
    return (ag.tanh(x + affine(h, weight, bias)),)


def rnn_relu_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """h' = max(x + h W + b, 0)."""
    (h,) = state
    return (ag.relu(x + affine(h, weight, bias)),)


def lstm_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """c' = σ(f) c + σ(i) tanh(g) and h' = σ(o) tanh(c'), of the gates (i, f, g, o) = x + h W + b."""
    h, c = state
    i, f, g, o = ag.split(x + affine(h, weight, bias), 4, axis=-1)
    c = ag.sigmoid(f) * c + ag.sigmoid(i) * ag.tanh(g)
    return ag.sigmoid(o) * ag.tanh(c), c


def gru_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """h' = n + σ(z) (h - n) with n = tanh(xₙ + σ(r) hₙ), of the gates (r, z) = (xᵣ + hᵣ, x_z + h_z), where
    (hᵣ, h_z, hₙ) = h W + b."""
    (h,) = state
    x_r, x_z, x_n = ag.split(x, 3, axis=-1)
    h_r, h_z, h_n = ag.split(affine(h, weight, bias), 3, axis=-1)
    n = ag.tanh(x_n + ag.sigmoid(x_r + h_r) * h_n)
    return (n + ag.sigmoid(x_z + h_z) * (h - n),)


def affine(h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """h W + b."""
    y = ag.matmul(h, weight)
    return y if bias is None else y + bias
