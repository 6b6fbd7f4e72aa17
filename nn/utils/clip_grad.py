"""Bounds on gradients, between the backward pass and the optimizer's step."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from types import GeneratorType
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.memory import writing
from autograd.tensor import Tensor, tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients, in place, by one factor so that their norm as one vector is at most `max_norm`.

    Returns the norm before, a tensor of shape (), for float16 in float32. `norm_type` is the p of the p-norm; inf for
    the largest magnitude. The factor is min(1, max_norm / (norm + 1e-6)). Parameters without a gradient are passed
    over. With `error_if_nonfinite` a norm that is infinite or NaN raises RuntimeError, and nothing is scaled.

    Source: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    >>> from nn.utils import clip_grad_norm_
    >>> w = tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = tensor([3.0, 4.0])
    >>> clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad.numpy().round(3)
    array([0.6, 0.8], dtype=float32)
    """
    grads = _gradients(parameters)
    if not grads:
        return tensor(0.0)
    p = float(norm_type)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.asarray(np.linalg.norm(np.stack([_norm(g.array, p) for g in grads]), p))
        if error_if_nonfinite and not np.isfinite(total):
            raise RuntimeError(
                f"clip_grad_norm_: the norm of order {p:g} of the gradients is {total}, so they cannot be clipped; "
                "error_if_nonfinite=False scales them all the same"
            )
        factor = float(max_norm) / (total + 1e-6)
        if not factor >= 1:
            for g in grads:
                with writing(g.array) as array:
                    array *= factor
    return tensor(total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clip each element of the gradients, in place, to [-clip_value, clip_value].

    >>> from nn.utils import clip_grad_value_
    >>> w = tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = tensor([-3.0, 0.5])
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([-1. ,  0.5])
    """
    bound = float(clip_value)
    for g in _gradients(parameters):
        with writing(g.array) as array:
            np.clip(array, -bound, bound, out=array)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not given and isinstance(parameters, GeneratorType):
        warnings.warn("clip_grad: the generator of parameters is empty; nothing is clipped", UserWarning, stacklevel=3)
    return [p.grad for p in given if p.grad is not None]


def _norm(array: Array, p: float) -> Any:
    wide = array.astype(np.result_type(array, np.float32), copy=False)  # squares of float16 overflow from 256
    return np.linalg.norm(wide.ravel("K"), p) if array.size else wide.dtype.type(0)
