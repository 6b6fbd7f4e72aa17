"""The programs in PyTorch, and its checkers."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.gradcheck import GradcheckError
from torch.nn import functional

VERSION = str(torch.__version__)
VERDICT: type[Exception] = GradcheckError
ABSENT: dict[str, str] = {}
REMARKS = {
    "dropout and batch norm": "functional.dropout draws a mask at every call, so that the function is not "
    "deterministic; with torch.manual_seed inside it passes",
    "tiny inputs": "the step, 1e-6, is far larger than the inputs, 1e-12; with eps=1e-18 it passes",
}
OPTIONS: list[dict[str, Any]] = [
    {"fast_mode": True},
    {"check_forward_ad": True},
    {"atol": 0.0},
    {"atol": 1e-9},
    {"rtol": 1e-5},
    {"eps": 1e-2, "atol": 1e-3},
]


def custom(forward: Any, vjps: Sequence[Any], jvps: Sequence[Any]) -> Any:
    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            ctx.save_for_forward(*xs)
            return forward(*xs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return tuple(vjp(g, *ctx.saved_tensors) for vjp in vjps)

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            return sum(jvp(t, *ctx.saved_tensors) for jvp, t in zip(jvps, tangents) if t is not None)

    return Function.apply


def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
    return functional.batch_norm(x, None, None, gamma, beta, training=True)


def writing(x: Any) -> Any:
    with torch.no_grad():
        x *= 2
    return torch.sin(x)


library = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("sin", "cos", "exp", "tanh", "sqrt", "log", "floor", "where", "roll")},
    **{name: getattr(torch, name) for name in ("mean", "outer", "broadcast_to", "relu", "sigmoid")},
    custom=custom,
    like=lambda array, x: torch.as_tensor(array, dtype=x.dtype),
    float32=lambda x: x.float(),
    detach=lambda x: x.detach(),
    flip=lambda x: x.flip(0),
    greatest=lambda x: x.amax(0),
    softmax=lambda x: torch.softmax(x, 0),
    conv=functional.conv2d,
    batch_norm=batch_norm,
    dropout=lambda x: functional.dropout(x, 0.5),
    writing=writing,
)


def check(f: Any, inputs: Sequence[np.ndarray], order: int, forward: bool, seed: int, options: dict[str, Any]) -> None:
    """gradcheck; for second order gradgradcheck too; for third, gradgradcheck of the gradient."""
    torch.manual_seed(seed)
    xs = tuple(torch.tensor(x, requires_grad=True) for x in inputs)
    gradcheck(f, xs, **({"check_forward_ad": True} if forward else {}) | options)
    options = {name: value for name, value in options.items() if name != "check_forward_ad"}
    if order > 1:
        gradgradcheck(f, xs, **options)
    if order > 2:
        gradgradcheck(lambda *xs: torch.autograd.grad(f(*xs).sum(), xs, create_graph=True), xs, **options)
