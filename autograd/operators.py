"""Binds the operations to Tensor: Python's operators, methods, and NumPy's protocols. One table each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.ops import elementwise, reductions, shaping
from autograd.tensor import Tensor


class Operators:
    """What Tensor can do. The body of this class is the table of methods."""

    __add__ = __radd__ = elementwise.add
    __mul__ = __rmul__ = elementwise.multiply
    __sub__ = elementwise.subtract
    __truediv__ = elementwise.divide
    __gt__ = elementwise.greater
    __neg__ = elementwise.negative

    def __rsub__(self, other: Any) -> Tensor:
        return elementwise.subtract(other, self)  # type: ignore[arg-type]

    def __rtruediv__(self, other: Any) -> Tensor:
        return elementwise.divide(other, self)  # type: ignore[arg-type]

    # reductions
    sum = reductions.sum

    # shaping
    reshape = shaping.reshape

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        operation = UFUNCS.get(ufunc)
        if operation is None or method != "__call__" or options:
            how = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            wanting = f" with {', '.join(options)}" if options else ""
            raise TypeError(f"{how}{wanting} is not defined on tensors; use t.data for the array, without derivatives")
        return operation(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        operation = FUNCTIONS.get(function)
        if operation is None:
            raise TypeError(f"np.{function.__name__} is not defined on tensors; use t.data for the array, without derivatives")
        return operation(*args, **kwargs)


UFUNCS: dict[Any, Any] = {
    np.add: elementwise.add,
    np.cos: elementwise.cos,
    np.divide: elementwise.divide,
    np.greater: elementwise.greater,
    np.logical_not: elementwise.logical_not,
    np.multiply: elementwise.multiply,
    np.negative: elementwise.negative,
    np.sin: elementwise.sin,
    np.subtract: elementwise.subtract,
    np.tanh: elementwise.tanh,
}

FUNCTIONS: dict[Any, Any] = {
    np.broadcast_to: shaping.broadcast_to,
    np.ndim: lambda x: x.ndim,
    np.reshape: shaping.reshape,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.sum: reductions.sum,
    np.where: elementwise.where,
}

if not TYPE_CHECKING:
    for _name, _value in vars(Operators).items():
        if _name not in ("__module__", "__dict__", "__weakref__", "__doc__", "__qualname__"):
            setattr(Tensor, _name, _value)
