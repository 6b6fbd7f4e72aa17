"""Adding at indices: the adjoint of indexing, for one index or for many at once."""

from __future__ import annotations

import math
from types import EllipsisType
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred
from autograd.kernels.layout import memory_order

Index = tuple[Any, ...]

_TOGETHER = 16  # values for one index that are added in one step, if there are many for each
_SHORT = 32  # a row of fewer elements is added element by element: of 8, 131072 rows take 3 ms in place of 8


class Scattered(Deferred):
    """Zeros of a shape with arrays added at indices, in place of each as an array of that shape.

    Where many parts of one tensor are used (time steps, channel groups, rows of an embedding), their cotangents are put
    together here, and one array is made for all of them. If they hold more elements than it has, it is made at once,
    and those that follow are added into it.
    """

    addable = True

    def __init__(self, shape: tuple[int, ...], index: Index, part: Any) -> None:
        super().__init__(shape, part.dtype)
        self.parts: list[tuple[Index, Any]] = [(index, part)]
        self.held = part.size
        self.total: Array | None = None

    def compute(self) -> Array:
        if self.total is None:
            self.total = scattered(self.shape, self.dtype, self.parts)
            self.parts = []
        return self.total

    def snapshot(self) -> Array:
        return scattered(self.shape, self.dtype, self.parts) if self.total is None else self.total.copy()

    def add_into(self, target: Array) -> None:
        """Add all parts into an array of this shape."""
        if self.total is not None:
            np.add(target, self.total, out=target)
        for index, part in self.parts:
            add_at(target, index, part)

    def __iadd__(self, other: Any) -> Scattered:
        if isinstance(other, Scattered) and other.total is None:
            parts = other.parts
        else:
            parts = [((...,), np.asarray(other))]
        if self.total is None:
            self.parts += parts
            self.held += sum(part.size for _, part in parts)
            if self.held > self.size:
                self.compute()
        else:
            for index, part in parts:
                add_at(self.total, index, part)
        return self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.get("out", (None,))[0]
        if ufunc is np.add and method == "__call__" and inputs[0] is out and inputs[1] is self and len(options) == 1:
            self.add_into(out)
            return out
        return super().__array_ufunc__(ufunc, method, *inputs, **options)


def scattered(shape: tuple[int, ...], dtype: np.dtype[Any], parts: list[tuple[Index, Any]]) -> Array:
    """Zeros of `shape` with `parts` added at their indices, in the layout of the first part if it has all axes."""
    index, like = parts[0]
    if len(parts) == 1 and len(like.shape) == len(shape) and has_integers(index) and _along_one(index):
        order = memory_order(like)
        y = np.zeros_like(like, dtype, shape=shape, subok=False)
        entries = (*index, *(slice(None),) * (len(shape) - len(index)))
        add_at(y.transpose(order), tuple(entries[axis] for axis in order), like.transpose(order), fresh=True)
        return y
    if len(like.shape) != len(shape) or any(has_integers(index) for index, _ in parts):
        like = np.empty((), dtype)
    apart = _apart(shape, [index for index, _ in parts])
    if apart == "whole":
        y = np.empty_like(like, dtype, shape=shape, subok=False)
    else:
        y = np.zeros_like(like, dtype, shape=shape, subok=False) if like.ndim else np.zeros(shape, dtype)
    for k, (index, part) in enumerate(parts):
        if apart:
            y[index] = part
        else:
            add_at(y, index, part, fresh=k == 0)
    return y


def _along_one(index: Index) -> bool:
    """Whether an index has a list of integers for one axis and takes all of the others."""
    arrays = [entry for entry in index if type(entry) is np.ndarray]
    others = [entry for entry in index if type(entry) is not np.ndarray]
    return len(arrays) == 1 and arrays[0].ndim == 1 and all(type(e) is slice and e == slice(None) for e in others)


def _apart(shape: tuple[int, ...], indices: list[Index]) -> str:
    """Whether no two indices name the same element, as far as is seen easily: "" if not, "whole" if they name all."""
    if len(indices) == 1:
        return "" if has_integers(indices[0]) else "parts"
    named = None
    cut = None
    for index in indices:
        axis = None
        for k, entry in enumerate(index):
            if type(entry) is slice:
                if entry.start is None and entry.stop is None and entry.step is None:
                    continue
            elif type(entry) is EllipsisType and k == len(index) - 1:
                continue
            elif type(entry) is not int:
                return ""
            if axis is not None:
                return ""
            axis = k
        if axis is None or (cut is not None and axis != cut):
            return ""
        if named is None:
            cut, named = axis, np.zeros(shape[axis], bool)
        entry = index[axis]
        place = named[entry]
        if place.any():
            return ""
        named[entry] = True
    return "" if named is None else "whole" if named.all() else "parts"


def has_integers(index: Index) -> bool:
    """Whether an index has an array of integers: such may name an element twice."""
    return any(type(entry) is np.ndarray and entry.dtype.kind == "i" for entry in index)


def add_at(y: Array, index: Index, part: Any, fresh: bool = False) -> None:
    """y[index] += part, where repeated indices accumulate, in an order that depends on the index alone; `fresh` says
    that `y` has zeros there.

    `np.add.at` is slow but for single elements; rows are brought into the order of their indices, and those with the
    same index added in pairs, each pair's sum again, and so on, so that at last each index comes once; where they are
    many, first in sixteens. For 4096 rows of 128 out of 10000 that takes half the time.
    """
    if not has_integers(index):
        y[index] += part
        return
    found = _rows(y.shape, index)
    if found is None or not y.flags.c_contiguous:
        flat = y.reshape(-1)
        np.add.at(flat, np.arange(y.size).reshape(y.shape)[index].reshape(-1), np.ravel(part))
        if not np.may_share_memory(flat, y):
            y[...] = flat.reshape(y.shape)
        return
    before, lead, positions = found
    if not part.size:
        return
    count, length = positions.size, y.size // (before * lead)
    values = np.reshape(part, (before, count, length))
    table = y.reshape(before * lead, length)
    if not (positions[1:] > positions[:-1]).all():
        if length < _SHORT:
            places = _in_each(before, lead, positions)[:, None] * length + np.arange(length)
            np.add.at(table.reshape(-1), places.reshape(-1), values.reshape(-1))
            return
        positions, values = _merged(positions, values)
    rows, values = _in_each(before, lead, positions), values.reshape(-1, length)
    if fresh:
        table[rows] = values
    else:
        table[rows] += values


def _rows(shape: tuple[int, ...], index: Index) -> tuple[int, int, Array] | None:
    """An index by integers as positions along one axis: how many elements lie before it, its length, and the positions
    (flattened); None if it is not such a one."""
    if any(entry is None or (type(entry) is np.ndarray and entry.dtype.kind != "i") for entry in index):
        return None
    if (at := next((k for k, entry in enumerate(index) if type(entry) is EllipsisType), None)) is not None:
        omitted = len(shape) - len(index) + 1
        if not omitted and not all(type(entry) is slice for entry in index[:at]) and index[at + 1 :]:
            return None  # what is chosen lies side by side, but is apart for NumPy, which puts its axes first
        index = (*index[:at], *(slice(None),) * omitted, *index[at + 1 :])
    chosen = [k for k, entry in enumerate(index) if type(entry) is not slice]
    first, last = chosen[0], chosen[-1]
    if last - first >= len(chosen) or any(type(e) is slice and e != slice(None) for e in index):
        return None
    axes = shape[first : last + 1]
    if len(axes) == 1:
        positions = index[first] % axes[0]
    else:
        positions = np.ravel_multi_index(index[first : last + 1], axes, mode="wrap")
    return math.prod(shape[:first]), math.prod(axes), positions.reshape(-1)


def _merged(positions: Array, values: Array) -> tuple[Array, Array]:
    """Positions in ascending order, each once, and the sums of the values (before, position, length) that have them."""
    before, count, length = values.shape
    shift = count.bit_length()
    keys = np.sort((positions << shift) | np.arange(count))
    positions, order = keys >> shift, keys & ((1 << shift) - 1)
    place = np.arange(count)
    new = np.ones(count, bool)
    np.not_equal(positions[1:], positions[:-1], out=new[1:])
    rank = place - np.maximum.accumulate(place * new)  # how many of the same position come before
    first = np.flatnonzero(new)
    if count >= 2 * _TOGETHER * len(first):
        times = np.diff(first, append=count)
        whole = rank < np.repeat(times - times % _TOGETHER, times)
        sums = values.take(order[whole].reshape(-1, _TOGETHER), 1).sum(axis=2, dtype=values.dtype)
        positions = np.concatenate([positions[whole][::_TOGETHER], positions[~whole]])
        return _merged(positions, np.concatenate([sums, values.take(order[~whole], 1)], axis=1))
    rows = values.take(order, 1).reshape(-1, length)
    apart, last = 1, rank.max()
    while apart <= last:
        later = _in_each(before, count, np.flatnonzero(rank & (2 * apart - 1) == apart))
        rows[later - apart] += rows[later]
        apart *= 2
    if not last:
        return positions, rows
    return positions[first], rows[_in_each(before, count, first)]


def _in_each(times: int, apart: int, positions: Array) -> Array:
    """Positions in each of so many stretches that lie `apart`."""
    return positions if times == 1 else (np.arange(times)[:, None] * apart + positions).reshape(-1)
