"""The programs in HIPS autograd, and its checker. Runs where `autograd` is HIPS autograd."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defjvp, defvjp, primitive
from autograd.scipy.signal import convolve
from autograd.scipy.special import expit, logsumexp
from autograd.test_util import check_grads

VERSION = version("autograd")
VERDICT: type[Exception] = AssertionError
ABSENT = {"dropout and batch norm": "there is no dropout"}
REMARKS = {"tiny inputs": "the step, 1e-6, is far larger than the inputs, 1e-12, and no option"}
OPTIONS: list[dict[str, Any]] = [{"order": 1}, {"modes": ["rev"]}, {"modes": ["rev"], "order": 1}]


def custom(forward: Any, vjps: Sequence[Any], jvps: Sequence[Any]) -> Any:
    operation = primitive(forward)
    defvjp(operation, *(lambda y, *xs, vjp=vjp: lambda g: vjp(g, *xs) for vjp in vjps))
    defjvp(operation, *(lambda t, y, *xs, jvp=jvp: jvp(t, *xs) for jvp in jvps))
    return operation


def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
    axes = (0, *range(2, x.ndim))
    shape = (-1,) + (1,) * (x.ndim - 2)
    centered = x - anp.mean(x, axes, keepdims=True)
    scaled = centered / anp.sqrt(anp.mean(centered**2, axes, keepdims=True) + 1e-5)
    return scaled * gamma.reshape(shape) + beta.reshape(shape)


def conv(x: Any, w: Any) -> Any:
    flipped = anp.transpose(w, (1, 0, 2, 3))[:, :, ::-1, ::-1]
    return convolve(x, flipped, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")


def writing(x: Any) -> Any:
    x *= 2
    return anp.sin(x)


detach = primitive(lambda x: 1 * x)
defvjp(detach, None)
defjvp(detach, None)

library = SimpleNamespace(
    **{name: getattr(anp, name) for name in ("sin", "cos", "exp", "tanh", "sqrt", "log", "floor", "where", "roll")},
    **{name: getattr(anp, name) for name in ("mean", "outer", "broadcast_to")},
    relu=lambda x: anp.maximum(x, 0),
    sigmoid=expit,
    custom=custom,
    like=lambda array, x: array.astype(x.dtype),
    float32=lambda x: x.astype(np.float32),
    detach=detach,
    flip=lambda x: x[::-1],
    greatest=lambda x: anp.max(x, 0),
    softmax=lambda x: anp.exp(x - logsumexp(x)),
    conv=conv,
    batch_norm=batch_norm,
    dropout=None,
    writing=writing,
)


def check(f: Any, inputs: Sequence[np.ndarray], order: int, forward: bool, seed: int, options: dict[str, Any]) -> None:
    """check_grads, which by itself checks both modes to second order; reverse mode, where there is no forward rule."""
    np.random.seed(seed)
    options = options | {"order": max(order, options.get("order", 2))}
    if forward:
        options.pop("modes", None)
    which = tuple(range(len(inputs))) if len(inputs) > 1 else 0
    try:
        check_grads(f, which, **options)(*inputs)
    except NotImplementedError as error:
        if not str(error).startswith("JVP of"):
            raise
        check_grads(f, which, **options | {"modes": ["rev"]})(*inputs)
