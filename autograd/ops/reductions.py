"""Reductions over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.ops.axes import Axis, kept_shape, normalize_axes, shape_of
from autograd.ops.shaping import broadcast_to, reshape
from autograd.primitive import Operand, linear
from autograd.tensor import Tensor


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over `axis` (an int, a tuple of ints, or None for all axes).

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += ȳ, broadcast along the summed axes.

    >>> sum(tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """
    return _sum(x, normalize_axes("sum", axis, len(shape_of(x))), keepdims)


@linear(lambda g, x_shape, axis: broadcast_to(reshape(g, kept_shape(x_shape, axis)), x_shape))
def _sum(x: Array, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.add.reduce(x, axis=axis, keepdims=keepdims)
