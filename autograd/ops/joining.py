"""Joining and splitting: concatenation and split, stack and unstack are each other's adjoints."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.kernels.layout import joined, stacked
from autograd.ops.axes import normalize_axis, shape_of
from autograd.ops.indexing import part_cotangent
from autograd.ops.shaping import integer, ravel, reshape
from autograd.primitive import Operand, linear
from autograd.tensor import Tensor

__all__ = ["chunk", "concat", "concatenate", "hstack", "split", "stack", "unstack", "vstack"]

Arrays = Sequence[Operand] | Tensor | Array


def concatenate(arrays: Arrays, axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis that they have; flattened first if `axis` is None. The others have to match.

    Raises ValueError for an empty list or shapes that do not match, AxisError for an axis that the arrays do not have.

    Derivative: x̄ᵢ += the part of ȳ that came from xᵢ.

    >>> concatenate([tensor([1.0, 2.0]), tensor([3.0])])
    tensor([1., 2., 3.])
    """
    parts = _parts("concatenate", arrays)
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    shapes = [part.shape for part in parts]
    first = shapes[0]
    axis = normalize_axis("concatenate", axis, len(first))
    before, after = first[:axis], first[axis + 1 :]
    for i, shape in enumerate(shapes):
        if shape[:axis] != before or shape[axis + 1 :] != after or len(shape) != len(first):
            raise ValueError(f"concatenate: shapes {first} and {shape} (of array {i}) do not match but for axis {axis}")
    return _concatenate(parts, axis, tuple(accumulate((shape[axis] for shape in shapes), initial=0)))


@linear(lambda g, axis, offsets, i: _narrow(g, axis, offsets[i], offsets[i + 1]), variadic=True)
def _concatenate(xs: Sequence[Array], axis: int, offsets: tuple[int, ...]) -> Any:
    return joined(xs, axis)


def _along(axis: int, entry: Any) -> tuple[Any, ...]:
    """The index that has `entry` for an axis, and all of the axes before it."""
    return (*(slice(None),) * axis, entry)


@linear(lambda g, x_shape, axis, start, stop: part_cotangent(g, x_shape, _along(axis, slice(start, stop))))
def _narrow(x: Array, axis: int, start: int, stop: int) -> Any:
    """The elements from `start` up to `stop` along an axis.

    Derivative: x̄ += ȳ from start to stop along `axis`, 0 elsewhere.
    """
    return x[_along(axis, slice(start, stop))]


def stack(arrays: Arrays, axis: int = 0) -> Tensor:
    """Arrays of one shape joined along a new axis.

    Raises ValueError for an empty list or different shapes, AxisError for an axis that the result does not have.

    Derivative: x̄ᵢ += the i-th slice of ȳ along `axis`.

    >>> stack([tensor([1.0, 2.0]), tensor([3.0, 4.0])], axis=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    parts = _parts("stack", arrays)
    first = parts[0].shape
    for i, part in enumerate(parts):
        if part.shape != first:
            raise ValueError(f"stack: wants arrays of one shape, got {first} and {part.shape} (of array {i})")
    return _stack(parts, normalize_axis("stack", axis, len(first) + 1))


@linear(lambda g, axis, i: _select(g, axis, i), variadic=True)
def _stack(xs: Sequence[Array], axis: int) -> Any:
    return stacked([np.asarray(x) for x in xs], axis)


@linear(lambda g, x_shape, axis, i: part_cotangent(g, x_shape, _along(axis, i)))
def _select(x: Array, axis: int, i: int) -> Any:
    """The i-th slice along an axis.

    Derivative: x̄ += ȳ in the i-th slice along `axis`, 0 elsewhere.
    """
    return x[_along(axis, i)]


def hstack(arrays: Arrays) -> Tensor:
    """Arrays joined side by side: along axis 1, or axis 0 for vectors and numbers.

    Raises ValueError for an empty list or shapes that do not match.

    Derivative: x̄ᵢ += the part of ȳ that came from xᵢ.

    >>> hstack([tensor([[1.0], [2.0]]), tensor([[3.0], [4.0]])])
    tensor([[1., 3.],
            [2., 4.]])
    """
    parts = [part if part.ndim else ravel(part) for part in _parts("hstack", arrays)]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(arrays: Arrays) -> Tensor:
    """Arrays joined one below the other, along axis 0; vectors and numbers as rows.

    Raises ValueError for an empty list or shapes that do not match.

    Derivative: x̄ᵢ += the part of ȳ that came from xᵢ.

    >>> vstack([tensor([1.0, 2.0]), tensor([[3.0, 4.0]])])
    tensor([[1., 2.],
            [3., 4.]])
    """
    return concatenate([part if part.ndim > 1 else reshape(part, (1, -1)) for part in _parts("vstack", arrays)])


def split(x: Operand, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """`x` cut along `axis` into that many equal parts, or before each of the given indices. Views.

    Raises ValueError if the axis does not divide into equal parts, AxisError for an axis that `x` does not have.

    Derivative: x̄ += concatenate(ȳ₀, ȳ₁, …).

    >>> split(tensor([1.0, 2.0, 3.0]), [1])
    (tensor([1.]), tensor([2., 3.]))
    """
    shape = shape_of(x)
    axis = normalize_axis("split", axis, len(shape))
    length = shape[axis]
    if isinstance(indices_or_sections, Sequence | np.ndarray):
        starts = [slice(integer("split", "an index", k), None).indices(length)[0] for k in indices_or_sections]
        if starts != sorted(starts):
            raise ValueError(f"split: indices have to increase, got {starts} for axis {axis} of shape {shape}")
        return _split(x, axis, (0, *starts, length))
    sections = integer("split", "the number of parts", indices_or_sections)
    if sections <= 0 or length % sections:
        raise ValueError(f"split: cannot cut axis {axis} of shape {shape} into {sections} equal parts")
    return _split(x, axis, tuple(k * (length // sections) for k in range(sections + 1)))


def chunk(x: Operand, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """`x` cut along `axis` into at most `chunks` parts of equal length, the last one shorter if need be. Views.

    Raises ValueError unless `chunks` is positive, AxisError for an axis that `x` does not have.

    Derivative: x̄ += concatenate(ȳ₀, ȳ₁, …).

    >>> chunk(tensor([1.0, 2.0, 3.0]), 2)
    (tensor([1., 2.]), tensor([3.]))
    """
    shape = shape_of(x)
    axis = normalize_axis("chunk", axis, len(shape))
    count = integer("chunk", "the number of chunks", chunks)
    if count <= 0:
        raise ValueError(f"chunk: wants a positive number of chunks, got {count}")
    length = shape[axis]
    size = -(-length // count)
    offsets = (*range(0, length, size), length) if length else (0,) * (count + 1)
    return _split(x, axis, offsets)


@linear(lambda g, axis, offsets, x_shape: concatenate(g.filled(_piece_shapes(x_shape, axis, offsets)), axis))
def _split(x: Array, axis: int, offsets: tuple[int, ...]) -> Any:
    x = np.asarray(x)
    return tuple(_narrow(x, axis, start, stop) for start, stop in pairwise(offsets))


def _piece_shapes(shape: tuple[int, ...], axis: int, offsets: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(*shape[:axis], stop - start, *shape[axis + 1 :]) for start, stop in pairwise(offsets)]


def unstack(x: Operand, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of `x` along an axis, without that axis. Views.

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += stack(ȳ₀, ȳ₁, …).

    >>> unstack(tensor([[1.0, 2.0], [3.0, 4.0]]))
    (tensor([1., 2.]), tensor([3., 4.]))
    """
    axis = normalize_axis("unstack", axis, len(shape_of(x)))
    return _unstack(x, axis) if shape_of(x)[axis] else ()


@linear(lambda g, axis, x_shape: stack(g.filled([x_shape[:axis] + x_shape[axis + 1 :]] * x_shape[axis]), axis))
def _unstack(x: Array, axis: int) -> Any:
    return tuple(np.moveaxis(x, axis, 0))


def _parts(op: str, arrays: Arrays) -> list[Any]:
    """A sequence of array-likes as a list of tensors and arrays; the slices of a tensor or an array."""
    if isinstance(arrays, Tensor):
        parts: list[Any] = list(unstack(arrays))
    else:
        given = list(arrays)
        floating = [part.dtype for part in given if isinstance(part, Tensor | np.ndarray) and part.dtype.kind == "f"]
        default = np.result_type(*floating) if floating else None
        parts = [part if isinstance(part, Tensor | np.ndarray) else to_array(part, default=default) for part in given]
    if not parts:
        raise ValueError(f"{op}: wants at least one array, got none")
    return parts


concat = concatenate  # the array API's name
