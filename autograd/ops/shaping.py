"""Shaping: reshape, permute, broadcast, pad and the like. All are linear; each states its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import unbroadcast
from autograd.primitive import Operand, linear
from autograd.tensor import Tensor


def reshape(x: Operand, *shape: Any) -> Tensor:
    """The same elements in another shape; one length may be -1. Takes a tuple or separate ints.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> reshape(tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    return _reshape(x, tuple(shape[0]) if len(shape) == 1 and not hasattr(shape[0], "__index__") else shape)


@linear(lambda g, x_shape: reshape(g, x_shape))
def _reshape(x: Array, shape: tuple[int, ...]) -> Any:
    return np.reshape(x, shape)


@linear(lambda g, x_shape: unbroadcast(g, x_shape))
def broadcast_to(x: Operand, shape: tuple[int, ...]) -> Any:
    """`x` stretched to `shape` by NumPy's broadcasting.

    Derivative: x̄ += ȳ, summed over the stretched axes.

    >>> broadcast_to(tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return np.broadcast_to(x, shape)  # type: ignore[arg-type]
