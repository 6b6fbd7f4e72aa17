"""Shaping: reshape, permute, broadcast, flip, roll and the like. All are linear; each states its adjoint."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from autograd.dtypes import Array
from autograd.graph import unbroadcast
from autograd.kernels.deferred import Deferred
from autograd.kernels.layout import reshaped
from autograd.ops.axes import Axis, normalize_axes, normalize_axis, shape_of
from autograd.primitive import Operand, linear
from autograd.tensor import Tensor

__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "expand_dims",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "meshgrid",
    "moveaxis",
    "permute_dims",
    "ravel",
    "reshape",
    "roll",
    "rot90",
    "squeeze",
    "swapaxes",
    "transpose",
]


def unpacked(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Integers given one by one or as one sequence, as a tuple."""
    if len(arguments) == 1 and not hasattr(arguments[0], "__index__"):
        return tuple(arguments[0])
    return arguments


def integer(op: str, name: str, value: SupportsIndex) -> int:
    """`value` as an int; TypeError if it is none."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{op}: {name} has to be an integer, got {value!r}") from None


def reshape(x: Operand, *shape: Any) -> Tensor:
    """The same elements in another shape; one length may be -1. Takes a tuple or separate ints. A view where it can be.

    Raises ValueError if the shapes have different numbers of elements.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> reshape(tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    return _reshape(x, unpacked(shape))


@linear(
    lambda g, x_shape: _reshape(g, x_shape),
    takes_deferred=True,
    later=lambda x, shape: x.reshaped(shape) if isinstance(x, Deferred) else None,
)
def _reshape(x: Array, shape: tuple[int, ...]) -> Any:
    try:
        return reshaped(x, shape) if isinstance(x, np.ndarray) else np.reshape(x, shape)
    except ValueError:
        wanted = tuple(operator.index(n) for n in shape)
        raise ValueError(f"reshape: cannot turn shape {np.shape(x)} into {wanted}") from None


def ravel(x: Operand) -> Tensor:
    """All elements in one axis, in C order; a view where it can be.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> ravel(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 2., 3., 4.])
    """
    return _reshape(x, (-1,) if 0 in shape_of(x) else (math.prod(shape_of(x)),))


def flatten(x: Operand, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim`, both included, made one; a view where it can be.

    Raises AxisError for an axis that `x` does not have, ValueError if `start_dim` comes after `end_dim`.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> flatten(tensor(np.zeros((2, 3, 4))), start_dim=1).shape
    (2, 12)
    """
    shape = shape_of(x) or (1,)
    start = normalize_axis("flatten", start_dim, len(shape))
    end = normalize_axis("flatten", end_dim, len(shape))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {shape}")
    return _reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def expand_dims(x: Operand, axis: int | Sequence[int]) -> Tensor:
    """`x` with axes of length 1 put in, so that the result has them at `axis` (an int or a tuple of ints). A view.

    Raises AxisError for an axis that the result does not have, ValueError for one that comes twice.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> expand_dims(tensor([1.0, 2.0]), 0)
    tensor([[1., 2.]])
    """
    shape = shape_of(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    new = normalize_axes("expand_dims", axis, len(shape) + count)
    lengths = iter(shape)
    return _reshape(x, tuple(1 if i in new else next(lengths) for i in range(len(shape) + count)))


def squeeze(x: Operand, axis: Axis = None) -> Tensor:
    """`x` without the axes of length 1, or without just those of them in `axis` (an int or a tuple of ints). A view.

    Raises ValueError if one of `axis` has another length, AxisError for one that `x` does not have.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> squeeze(tensor([[1.0, 2.0]]))
    tensor([1., 2.])
    """
    shape = shape_of(x)
    if axis is None:
        return _reshape(x, tuple(n for n in shape if n != 1))
    axes = normalize_axes("squeeze", axis, len(shape))
    for i in axes:
        if shape[i] != 1:
            raise ValueError(f"squeeze: axis {i} of shape {shape} has length {shape[i]}; only length 1 can be left out")
    return _reshape(x, tuple(n for i, n in enumerate(shape) if i not in axes))


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Tensor:
    """`x` with its axes in another order, `axes`; reversed if that is None. A view.

    Raises ValueError unless `axes` names each axis of `x` once.

    Derivative: x̄ += transpose(ȳ, inverse of axes).

    >>> transpose(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 3.],
            [2., 4.]])
    """
    ndim = len(shape_of(x))
    if axes is None:
        return _transpose(x, tuple(range(ndim - 1, -1, -1)))
    order = normalize_axes("transpose", tuple(axes), ndim)
    if len(order) != ndim:
        hint = f"; swapaxes exchanges two of {ndim}" if len(order) == 2 else ""
        raise ValueError(f"transpose: wants all {ndim} axes of shape {shape_of(x)}, got {order}{hint}")
    return _transpose(x, order)


@linear(lambda g, axes: _transpose(g, tuple(sorted(range(len(axes)), key=axes.__getitem__))))
def _transpose(x: Array, axes: tuple[int, ...]) -> Any:
    return np.transpose(x, axes)


permute_dims = transpose


def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """`x` with the axes `source` moved to the places `destination`; the others keep their order. A view.

    Raises AxisError for an axis that `x` does not have, ValueError if `source` and `destination` differ in number.

    Derivative: x̄ += moveaxis(ȳ, destination, source).

    >>> moveaxis(tensor(np.zeros((2, 3, 4))), 0, -1).shape
    (3, 4, 2)
    """
    ndim = len(shape_of(x))
    origins = normalize_axes("moveaxis", source, ndim)
    places = normalize_axes("moveaxis", destination, ndim)
    if len(origins) != len(places):
        raise ValueError(f"moveaxis: {len(origins)} axes to move and {len(places)} places to move them to")
    order = [axis for axis in range(ndim) if axis not in origins]
    for place, origin in sorted(zip(places, origins)):
        order.insert(place, origin)
    return _transpose(x, tuple(order))


def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged. A view.

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += swapaxes(ȳ, axis1, axis2).

    >>> swapaxes(tensor(np.zeros((2, 3, 4))), 0, 2).shape
    (4, 3, 2)
    """
    ndim = len(shape_of(x))
    first, second = normalize_axis("swapaxes", axis1, ndim), normalize_axis("swapaxes", axis2, ndim)
    order = list(range(ndim))
    order[first], order[second] = second, first
    return _transpose(x, tuple(order))


def matrix_transpose(x: Operand) -> Tensor:
    """The transpose of each matrix in a stack: (..., M, N) to (..., N, M). A view.

    Raises ValueError for less than two dimensions.

    Derivative: x̄ += matrix_transpose(ȳ).

    >>> matrix_transpose(tensor(np.zeros((2, 3, 4)))).shape
    (2, 4, 3)
    """
    if len(shape_of(x)) < 2:
        raise ValueError(f"matrix_transpose: wants at least 2 dimensions, got shape {shape_of(x)}")
    return swapaxes(x, -1, -2)


@linear(lambda g, x_shape: unbroadcast(g, x_shape))
def broadcast_to(x: Operand, shape: tuple[int, ...]) -> Any:
    """`x` stretched to `shape` by NumPy's broadcasting. A view.

    Raises ValueError if `x` does not broadcast to `shape`.

    Derivative: x̄ += ȳ, summed over the stretched axes.

    >>> broadcast_to(tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    try:
        return np.broadcast_to(x, shape)
    except ValueError:
        raise ValueError(f"broadcast_to: cannot stretch shape {shape_of(x)} to {shape}") from None


def broadcast_arrays(*arrays: Operand) -> tuple[Tensor, ...]:
    """All of `arrays` stretched to the one shape that they broadcast to. Views.

    Raises ValueError if there is none.

    Derivative: x̄ += ȳ, summed over the stretched axes, for each.

    >>> a, b = broadcast_arrays(tensor([1.0, 2.0]), tensor([[3.0], [4.0]]))
    >>> a.shape, b.shape
    ((2, 2), (2, 2))
    """
    shapes = [shape_of(x) for x in arrays]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"broadcast_arrays: shapes {', '.join(map(str, shapes))} do not broadcast together") from None
    return tuple(broadcast_to(x, shape) for x in arrays)


def meshgrid(*arrays: Operand, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Vectors of lengths N, M, … as tensors over the grid that they span, each constant along the others' axes. Views.

    Of shape (M, N, …), as pictures are drawn, for `indexing` "xy", and (N, M, …), as matrices are, for "ij". Raises
    ValueError for what is no vector, and another `indexing`.

    Derivative: x̄ += ȳ, summed over the others' axes, for each.

    >>> x, y = meshgrid(tensor([1.0, 2.0, 3.0]), tensor([10.0, 20.0]))
    >>> x + y
    tensor([[11., 12., 13.],
            [21., 22., 23.]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing has to be 'xy' or 'ij', got {indexing!r}")
    for x in arrays:
        if len(shape_of(x)) > 1:
            raise ValueError(f"meshgrid: wants vectors, got shape {shape_of(x)}")
    order = list(range(len(arrays)))
    if indexing == "xy":
        order[:2] = order[:2][::-1]
    along = [reshape(x, tuple(-1 if axis == i else 1 for axis in order)) for i, x in enumerate(arrays)]
    return broadcast_arrays(*along)


def flip(x: Operand, axis: Axis = None) -> Tensor:
    """`x` with the elements along `axis` (an int, a tuple of ints, or None for all axes) in reverse order. A view.

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += flip(ȳ, axis).

    >>> flip(tensor([1.0, 2.0, 3.0]))
    tensor([3., 2., 1.])
    """
    return _flip(x, normalize_axes("flip", axis, len(shape_of(x))))


@linear(lambda g, axes: _flip(g, axes))
def _flip(x: Array, axes: tuple[int, ...]) -> Any:
    return np.flip(x, axes)


def fliplr(x: Operand) -> Tensor:
    """`x` with its columns (axis 1) in reverse order. A view.

    Derivative: x̄ += fliplr(ȳ).

    >>> fliplr(tensor([[1.0, 2.0]]))
    tensor([[2., 1.]])
    """
    return _flip(x, (normalize_axis("fliplr", 1, len(shape_of(x))),))


def flipud(x: Operand) -> Tensor:
    """`x` with its rows (axis 0) in reverse order. A view.

    Derivative: x̄ += flipud(ȳ).

    >>> flipud(tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    return _flip(x, (normalize_axis("flipud", 0, len(shape_of(x))),))


def rot90(x: Operand, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """`x` turned by k · 90° in the plane of two axes, from the first towards the second. A view.

    Raises AxisError for an axis that `x` does not have, ValueError unless `axes` are two different ones.

    Derivative: x̄ += rot90(ȳ, -k, axes).

    >>> rot90(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [1., 3.]])
    """
    plane = normalize_axes("rot90", tuple(axes), len(shape_of(x)))
    if len(plane) != 2:
        raise ValueError(f"rot90: wants two axes, got {plane}")
    turns = integer("rot90", "k", k) % 4
    if turns % 2 == 0:
        return _flip(x, plane if turns else ())
    if turns == 1:
        return swapaxes(_flip(x, plane[1:]), *plane)
    return _flip(swapaxes(x, *plane), plane[1:])


def roll(x: Operand, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Tensor:
    """`x` with its elements moved on by `shift` along `axis`; those that leave at the end come in at the start.

    `shift` and `axis` are ints or tuples of ints, an int serving for all of the other's; with `axis` None the elements
    move in the order of the flattened tensor.

    Raises AxisError for an axis that `x` does not have, ValueError for tuples of different lengths.

    Derivative: x̄ += roll(ȳ, -shift, axis).

    >>> roll(tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.])
    """
    shape = shape_of(x)
    shifts = tuple(integer("roll", "shift", s) for s in (shift if isinstance(shift, (tuple, list)) else (shift,)))
    if axis is None:
        return _reshape(_roll(ravel(x), (sum(shifts),), (0,)), shape)
    axes = tuple(normalize_axis("roll", a, len(shape)) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(shifts) == 1:
        shifts *= len(axes)
    elif len(axes) == 1:
        axes *= len(shifts)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts and {len(axes)} axes do not match")
    return _roll(x, shifts, axes)


@linear(lambda g, shifts, axes: _roll(g, tuple(-shift for shift in shifts), axes))
def _roll(x: Array, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return np.roll(x, shifts, axes)
