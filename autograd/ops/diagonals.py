"""Diagonals and triangles of matrices. All are linear; each states its adjoint."""

from __future__ import annotations

from typing import Any, SupportsIndex

import numpy as np

from autograd.dtypes import Array
from autograd.ops.axes import normalize_axes, shape_of
from autograd.ops.shaping import integer
from autograd.primitive import Operand, linear
from autograd.tensor import Tensor

__all__ = ["diag", "diagonal", "tril", "triu"]


def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the matrices in two axes, `offset` above the main one; it becomes the last axis. A view.

    Raises ValueError for less than two dimensions or twice the same axis, AxisError for an axis that `x` does not have.

    Derivative: x̄ += ȳ on the diagonal, 0 elsewhere.

    >>> diagonal(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    shape = shape_of(x)
    if len(shape) < 2:
        raise ValueError(f"diagonal: wants at least 2 dimensions, got shape {shape}")
    first, second = normalize_axes("diagonal", (axis1, axis2), len(shape))
    return _diagonal(x, integer("diagonal", "offset", offset), first, second)


@linear(lambda g, x_shape, offset, axis1, axis2: _embed_diagonal(g, x_shape, offset, axis1, axis2))
def _diagonal(x: Array, offset: int, axis1: int, axis2: int) -> Any:
    return np.diagonal(x, offset, axis1, axis2)


@linear(lambda g, offset, axis1, axis2: _diagonal(g, offset, axis1, axis2))
def _embed_diagonal(x: Array, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """Zeros of `shape` with `x` on a diagonal.

    Derivative: x̄ += diagonal(ȳ, offset, axis1, axis2).
    """
    x = np.asarray(x)
    y = np.zeros(shape, x.dtype)
    place = np.diagonal(y, offset, axis1, axis2)
    place.setflags(write=True)
    place[...] = x
    return y


def diag(x: Operand, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the square matrix that has a vector as its k-th diagonal.

    Raises ValueError for another number of dimensions.

    Derivative: x̄ += diag(ȳ, k) for a vector; ȳ on the diagonal, 0 elsewhere, for a matrix.

    >>> diag(tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    shape = shape_of(x)
    if len(shape) == 2:
        return diagonal(x, k)
    if len(shape) != 1:
        raise ValueError(f"diag: wants a vector or a matrix, got shape {shape}")
    offset = integer("diag", "k", k)
    size = shape[0] + abs(offset)
    return _embed_diagonal(x, (size, size), offset, 0, 1)


def tril(x: Operand, k: int = 0) -> Tensor:
    """The lower triangle of each matrix in a stack (..., M, N), up to the k-th diagonal; 0 above it.

    Raises ValueError for less than two dimensions.

    Derivative: x̄ += tril(ȳ, k).

    >>> tril(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 0.],
            [3., 4.]])
    """
    return _tril(x, _diagonal_number("tril", x, k))


@linear(lambda g, k: _tril(g, k))
def _tril(x: Array, k: int) -> Any:
    return np.tril(x, k)


def triu(x: Operand, k: int = 0) -> Tensor:
    """The upper triangle of each matrix in a stack (..., M, N), from the k-th diagonal; 0 below it.

    Raises ValueError for less than two dimensions.

    Derivative: x̄ += triu(ȳ, k).

    >>> triu(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 2.],
            [0., 4.]])
    """
    return _triu(x, _diagonal_number("triu", x, k))


@linear(lambda g, k: _triu(g, k))
def _triu(x: Array, k: int) -> Any:
    return np.triu(x, k)


def _diagonal_number(op: str, x: Operand, k: SupportsIndex) -> int:
    if len(shape_of(x)) < 2:
        raise ValueError(f"{op}: wants at least 2 dimensions, got shape {shape_of(x)}")
    return integer(op, "k", k)
