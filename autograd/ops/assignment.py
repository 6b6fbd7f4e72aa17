"""Assignment and in-place operators: a write into memory where nothing is recorded, a new node where something is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import recording
from autograd.memory import overlaps_itself, owner, writing
from autograd.ops.indexing import Index, canonical, index_error, replaced
from autograd.primitive import Operand, linear
from autograd.tensor import RETAIN, Tensor

__all__ = ["clone"]

T = TypeVar("T", bound=Tensor)


@linear(lambda g: g)
def clone(x: Operand) -> Any:
    """A copy of x in memory of its own, recorded.

    Derivative: x̄ += ȳ.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> y = clone(x)
    >>> y[0] = 5.0
    >>> x, y.detach()
    (tensor([1., 2.], requires_grad=True), tensor([5., 2.]))
    """
    return np.array(x)


def setitem(x: Tensor, index: Any, values: Operand) -> None:
    """x[index] = values, for every index that NumPy takes; `values` broadcasts and is cast to the dtype of `x`.

    Where nothing is recorded (under `no_grad`, or if neither `x` nor `values` requires grad) this writes into memory,
    and whoever shares it (views, `detach()`) sees it. Otherwise `x` becomes the result of a recorded operation, and
    tensors that were computed from it before, views included, keep the old values. Of several values for one element
    the last stays.

    Raises RuntimeError while recording for a leaf that requires grad and for a view of another tensor (as in x[i][j] =
    values or x.view(-1)[i] = values, which the other would not see), IndexError for elements that `x` does not have,
    ValueError for values that do not fit, TypeError for values that require grad where `x` is not floating.

    Derivative: x̄ += ȳ with zeros at the index; the values that stayed get ȳ[index], overwritten ones zero.

    >>> w = tensor(3.0, requires_grad=True)
    >>> x = tensor([0.0, 0.0, 0.0])
    >>> x[1:] = w
    >>> (x * x).sum().backward()
    >>> w.grad
    tensor(12.)
    """
    recorded = _records("setitem", x, values)
    entries = canonical("setitem", index, recorded)
    if recorded:
        if x.array.size < owner(x.array).size or _is_view(x):
            raise RuntimeError(
                "setitem: this tensor is a view of another one, which a recorded write would not reach: write into the "
                "other in one step (x[i, j] = … in place of x[i][j] = …), or into a clone() of the view"
            )
        _rebind(x, replaced("setitem", x, entries, values))
    else:
        _write(x, entries, values)


def _is_view(x: Tensor) -> bool:
    """Whether others may see what is written into a tensor: it lies in memory that an operation was given, and that
    more than this tensor holds."""
    if x.array.base is None or (x.node is not None and x.node.op == "variable"):
        return False
    return _holders(x.array) > _ALONE


def _holders(array: Array) -> int:
    """How often the memory that an array is a view of is held, this function's own variables included."""
    memory = owner(array)
    return sys.getrefcount(memory)


_ALONE = _holders(np.empty(2)[:1])


def _write(x: Tensor, index: Index, values: Any) -> None:
    _refuse_overlap("setitem", x.array)
    try:
        x.write(values, index)
    except IndexError as error:
        raise index_error("setitem", error, x.shape, index) from None
    except (TypeError, ValueError) as error:
        raise type(error)(f"setitem: {error}; given x of shape {x.shape} and {x.dtype}") from None


def in_place(symbol: str, operation: Callable[[Any, Any], Tensor], ufunc: np.ufunc) -> Callable[[T, Any], T]:
    """The in-place form of a binary operation, for Tensor's table of methods."""

    def operate(x: T, other: Any) -> T:
        if _records(symbol, x, other):
            y = operation(x, other)
            _check_fit(symbol, x, y)
            _rebind(x, y if y.dtype == x.dtype else y.astype(x.dtype))
            return x
        _refuse_overlap(symbol, x.array)
        value = other.array if isinstance(other, Tensor) else other
        try:
            with writing(x.array) as array:
                ufunc(array, value, out=array)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{symbol}: {error}; given {x.shape} {x.dtype} and {np.shape(value)}") from None
        return x

    operate.__doc__ = (
        f"x {symbol} other: a write into memory where nothing is recorded, else a recorded `x = x {symbol[:-1]} "
        "other`, of which tensors that x is a view of know nothing."
    )
    return operate


def _check_fit(symbol: str, x: Tensor, y: Tensor) -> None:
    """ValueError or TypeError for a result that cannot take the place of `x`, by NumPy's rules."""
    if y.shape != x.shape:
        raise ValueError(f"{symbol}: the result has shape {y.shape}, which a tensor of shape {x.shape} cannot become")
    if not np.can_cast(y.dtype, x.dtype, "same_kind"):
        raise TypeError(f"{symbol}: the result has dtype {y.dtype}, which a tensor of {x.dtype} cannot hold")


def zero_(x: Tensor) -> Tensor:
    """Set all elements to zero, as `x[...] = 0` does, and return `x`.

    >>> tensor([1.0, 2.0]).zero_()
    tensor([0., 0.])
    """
    return fill_(x, 0)


def fill_(x: Tensor, value: Operand) -> Tensor:
    """Set all elements to one value, as `x[...] = value` does, and return `x`.

    >>> tensor([1.0, 2.0]).fill_(7)
    tensor([7., 7.])
    """
    if np.ndim(value) != 0:
        raise ValueError(f"fill_: wants one value, got shape {np.shape(value)}; copy_ takes many")
    setitem(x, ..., value)
    return x


def copy_(x: Tensor, source: Operand) -> Tensor:
    """Copy the elements of `source`, which broadcasts, as `x[...] = source` does, and return `x`.

    >>> tensor([1.0, 2.0]).copy_(tensor([3.0, 4.0]))
    tensor([3., 4.])
    """
    setitem(x, ..., source)
    return x


def _records(op: str, x: Tensor, values: Any) -> bool:
    """Whether a write to `x` has to be recorded; RuntimeError if it must not happen at all."""
    if not recording.get():
        return False
    if x.node is None:
        return isinstance(values, Tensor) and values.node is not None
    if x.node.plan is None:
        raise RuntimeError(
            f"{op}: a leaf tensor that requires grad cannot be changed in place while operations are recorded; do it "
            "under no_grad() to change its value, or change a clone() to differentiate through it"
        )
    return True


def _rebind(x: Tensor, result: Tensor) -> None:
    """Make `x` the same array and the same place in the graph as `result`."""
    before, retained = x.node, x.retains_grad
    gradient = x.grad if retained else None
    x.array, x.node = result.array, result.node
    x.name = x.label
    if before is not None and before.hooks and retained:
        del before.hooks[RETAIN]
        x.retain_grad()
        x.grad = gradient


def _refuse_overlap(op: str, array: Array) -> None:
    if overlaps_itself(array):
        raise ValueError(
            f"{op}: several elements of this tensor of shape {array.shape} share memory (it was broadcast, or is a "
            "view of windows); write into a clone() of it"
        )
