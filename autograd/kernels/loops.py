"""Elementwise work on large arrays: in pieces, arranged as memory lies, shared over threads.

The pieces are large, since threads hand Python's lock to each other between NumPy's calls: with pieces of 16,384
elements two threads were three times as slow as one, with 262,144 they take little more than half the time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.threads import share

Ints = tuple[int, ...]

# Elements from which sharing pays: for what takes longer than a few additions, and for what does not.
LARGE, VERY_LARGE = 1 << 18, 1 << 20
PIECE = 1 << 18  # elements, about, at most: the pieces are of like size, and even in number
LONG = 1 << 13  # elements of NumPy's buffer: a broadcast operand is copied into it if rows are shorter, at each use


def compute(kernel: Callable[..., Any], *operands: Any, least: int = LARGE, out: Array | None = None) -> Any:
    """`kernel(*operands)`, elementwise and broadcasting; with at least so many elements, shared over threads.

    The kernel is a ufunc, or like one takes `out`, an array to write its result into or None. The result has the memory
    layout of an operand of its shape and, unless the kernel is a ufunc, the dtype of the numbers among the operands;
    for such a kernel only floats, and conditions, are worked on in pieces. It is written to `out`, if given: the first
    operand, which is dense and has the result's shape and dtype.
    """
    for x in operands:
        if isinstance(x, np.ndarray) and x.size >= least:
            break
    else:
        return kernel(*operands) if out is None else kernel(*operands, out=out)
    plan = _plan(kernel if isinstance(kernel, np.ufunc) else None, tuple([_kind(x) for x in operands]))
    if plan is None:
        return kernel(*operands) if out is None else kernel(*operands, out=out)
    if out is None:
        out = np.empty_like(operands[plan.like], plan.dtype)
    target, views = plan.view(out), [plan.view(operands[i]) for i in plan.places]

    def work(index: Any) -> None:
        parts = list(operands)
        for i, view in zip(plan.places, views, strict=True):
            parts[i] = view[index]
        kernel(*parts, out=target[index])

    share(work, plan.pieces, blas=False)
    return out


class Memory(NamedTuple):
    """How an operand lies in memory."""

    shape: Ints
    strides: Ints
    dtype: np.dtype[Any]


def _kind(x: Any) -> Any:
    """What a plan depends on: how an array lies, the dtype of a number or, if it is one of Python's, its type."""
    if isinstance(x, np.ndarray):
        return Memory(x.shape, x.strides, x.dtype)
    return getattr(x, "dtype", type(x))


class Plan(NamedTuple):
    """How to work on operands of some kinds: the place of the one whose layout the result has, the result's dtype and
    shape, the `places` of those that are gone through in pieces; the order of their axes and the shape of the views, as
    `arranged` has them; in which the last axes of those that broadcast are written out to `rows` of `together` periods,
    if at all; and the pieces."""

    like: int
    dtype: np.dtype[Any]
    whole: Ints
    places: list[int]
    axes: list[int]
    shape: list[int]
    rows: Ints | None
    together: int
    outer: int
    pieces: list[tuple[int | slice, ...]]

    def view(self, x: Array) -> Array:
        whole = x if x.shape == self.whole else _broadcast(x, self.whole)
        view = whole.transpose(self.axes).reshape(self.shape)
        if self.rows is None:
            return view
        if view.flags.c_contiguous:
            return view.reshape(self.rows)
        return np.broadcast_to(np.tile(view[(0,) * self.outer].reshape(-1), self.together), self.rows)


def _broadcast(x: Array, shape: Ints) -> Array:
    """`np.broadcast_to(x, shape)`; for an array in one piece in a fifth of the time."""
    if not x.flags.c_contiguous:
        return np.broadcast_to(x, shape)
    return np.ndarray(shape, x.dtype, x, 0, _strides(x.shape, x.strides, shape))


@functools.lru_cache(maxsize=4096)
def _strides(lengths: Ints, strides: Ints, shape: Ints) -> Ints:
    """The strides of an array of these lengths and strides when it is broadcast to a shape."""
    found = [0 if n == 1 else stride for n, stride in zip(lengths, strides, strict=True)]
    return (*(0,) * (len(shape) - len(found)), *found)


@functools.lru_cache(maxsize=4096)
def _plan(ufunc: np.ufunc | None, kinds: tuple[Any, ...]) -> Plan | None:
    """The plan for operands of these kinds; None if none of them has the shape of all of them broadcast, or if they go
    into no ufunc and are not arrays of floats and truth values."""
    stand_ins = [
        np.lib.stride_tricks.as_strided(np.empty((), x.dtype), x.shape, x.strides) if isinstance(x, Memory) else x
        for x in kinds
    ]
    like = _widest(stand_ins)
    if like is None:
        return None
    if ufunc is not None:
        dtypes = (x.dtype if isinstance(x, Memory) else np.dtype(bool) if x is bool else x for x in kinds)
        dtype = ufunc.resolve_dtypes((*dtypes, None))[-1]
    else:
        among = {x.dtype.kind for x in kinds if isinstance(x, Memory)}
        if "f" not in among or not among <= {"f", "b"}:
            return None
        numbers = [x.dtype if isinstance(x, Memory) else x for x in kinds if x is not type(None)]
        dtype = np.result_type(*(x() if isinstance(x, type) else x for x in numbers if x != np.bool_))
    out = np.empty_like(like, dtype)
    places = [i for i, x in enumerate(stand_ins) if isinstance(x, np.ndarray) and x.ndim]
    arrays = [out, *(np.broadcast_to(stand_ins[i], like.shape) for i in places)]
    axes, shape = _arrangement(out.shape, tuple([x.strides for x in arrays]))
    together, outer = _repetition(arranged(arrays))
    rows = None
    if together:
        period = math.prod(shape[outer:])
        rows = (math.prod(shape) // (together * period), together * period)
    count = 2 * -(-out.size // (2 * PIECE))
    pieces = list(tiles(rows or shape, -(-out.size // count)))
    at = next(i for i, x in enumerate(stand_ins) if x is like)
    return Plan(at, dtype, like.shape, places, axes, shape, rows, together, outer, pieces)


def multiply_add(x1: Any, x2: Any, x3: Any, out: Array | None = None) -> Array:
    """x1 · x2 + x3, the sum being written over the product where it fits."""
    y = np.multiply(x1, x2, out=out)
    if out is None and isinstance(y, np.ndarray) and y.size >= 4096 and np.result_type(y, x3) == y.dtype:
        out = y if np.broadcast_shapes(y.shape, np.shape(x3)) == y.shape else None
    return np.add(y, x3, out=out)


def arranged(arrays: Sequence[Array]) -> list[Array]:
    """Views of arrays of one shape, their axes in the order of the first one's memory.

    Axes of length 1 are dropped, and neighbouring axes are made one where they are one stretch in all of the arrays.
    """
    axes, shape = _arrangement(arrays[0].shape, tuple([x.strides for x in arrays]))
    return [x.transpose(axes).reshape(shape) for x in arrays]


@functools.lru_cache(maxsize=1024)
def _arrangement(lengths: Ints, strides: tuple[Ints, ...]) -> tuple[list[int], list[int]]:
    """`arranged`, of arrays with these strides: in which order to take axes, and the shape of the views."""
    alone = [axis for axis, length in enumerate(lengths) if length == 1]
    order = [axis for axis, length in enumerate(lengths) if length != 1]
    order.sort(key=lambda axis: -abs(strides[0][axis]))
    shape: list[int] = []
    for k, axis in enumerate(order):
        length = lengths[axis]
        if k and all(by[order[k - 1]] == by[axis] * length for by in strides):
            shape[-1] *= length
        else:
            shape.append(length)
    return alone + order, shape


def tiles(shape: Sequence[int], size: int) -> Iterator[tuple[int | slice, ...]]:
    """Indices that cut an array of this shape, along its first axes, into pieces of `size` elements or some more."""
    length = shape[0]
    inner = math.prod(shape[1:])
    if inner >= 2 * size and len(shape) > 1:
        for i in range(length):
            for rest in tiles(shape[1:], size):
                yield (i, *rest)
    else:
        step = -(-size // inner)
        for start in range(0, length, step):
            yield (slice(start, start + step),)


def _repetition(views: list[Array]) -> tuple[int, int]:
    """Of `arranged` views: where rows are short and what is broadcast repeats itself, how many times to write that out
    in a longer one, or else 0; and along how many of the first axes it repeats itself."""
    shape = views[0].shape
    stretched = [x for x in views if not x.flags.c_contiguous]
    if not stretched or shape[-1] >= LONG:
        return 0, 0
    outer = min(map(_repeats, stretched))
    count, period = math.prod(shape[:outer]), math.prod(shape[outer:])
    return (math.gcd(count, max(1, LONG // period)), outer) if count >= 8 else (0, 0)


def _repeats(x: Array) -> int:
    """Along how many of its first axes an array is broadcast."""
    return next((axis for axis, stride in enumerate(x.strides) if stride), x.ndim)


def _widest(operands: Sequence[Any]) -> Array | None:
    """An array among the operands that has the shape of all of them broadcast, a dense one if possible; or None."""
    arrays = [x for x in operands if isinstance(x, np.ndarray)]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    wide = [x for x in arrays if x.shape == shape]
    return next((x for x in wide if 0 not in x.strides), wide[0] if wide else None)
