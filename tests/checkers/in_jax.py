"""The programs in JAX, and its checker."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

jax.config.update("jax_enable_x64", True)

VERSION = jax.__version__
VERDICT: type[Exception] = AssertionError
ABSENT = {
    "wrong in forward mode only": "a rule is for reverse mode alone, or for both",
    "writes": "arrays cannot be written into",
}
REMARKS = {
    "dropout and batch norm": "a mask is drawn from a key, the same one at every call",
    "tiny inputs": "the step, 1e-4, is far larger than the inputs, 1e-12; with eps=1e-18 it passes",
}
OPTIONS: list[dict[str, Any]] = [
    {"order": 2},
    {"modes": ["rev"]},
    {"atol": 0.0},
    {"atol": 1e-9},
    {"eps": 1e-6},
    {"eps": 1e-2, "atol": 1e-2, "rtol": 1e-2},
]


def custom(forward: Any, vjps: Sequence[Any], jvps: Sequence[Any]) -> Any:
    operation = jax.custom_vjp(forward)
    operation.defvjp(lambda *xs: (forward(*xs), xs), lambda xs, g: tuple(vjp(g, *xs) for vjp in vjps))
    return operation


def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
    axes = (0, *range(2, x.ndim))
    shape = (-1,) + (1,) * (x.ndim - 2)
    centered = x - jnp.mean(x, axes, keepdims=True)
    scaled = centered / jnp.sqrt(jnp.mean(centered**2, axes, keepdims=True) + 1e-5)
    return scaled * gamma.reshape(shape) + beta.reshape(shape)


library = SimpleNamespace(
    **{name: getattr(jnp, name) for name in ("sin", "cos", "exp", "tanh", "sqrt", "log", "floor", "where", "roll")},
    **{name: getattr(jnp, name) for name in ("mean", "outer", "broadcast_to")},
    **{name: getattr(jax.nn, name) for name in ("relu", "sigmoid", "softmax")},
    custom=custom,
    like=lambda array, x: jnp.asarray(array, x.dtype),
    float32=lambda x: x.astype(jnp.float32),
    detach=jax.lax.stop_gradient,
    flip=lambda x: x[::-1],
    greatest=lambda x: jnp.max(x, 0),
    conv=lambda x, w: jax.lax.conv(x, w, (1, 1), "VALID"),
    batch_norm=batch_norm,
    dropout=lambda x: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape), 2 * x, 0.0),
    writing=None,
)


def check(f: Any, inputs: Sequence[np.ndarray], order: int, forward: bool, seed: int, options: dict[str, Any]) -> None:
    """check_grads, which by itself checks both modes; reverse mode, where a custom_vjp says that it has no other."""
    options = options | {"order": max(order, options.get("order", 1))}
    try:
        check_grads(f, inputs, **options)
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
        check_grads(f, inputs, **options | {"modes": ["rev"]})
