"""Going through arrays in blocks of whole reductions (some channels, say), which are shared over threads.

The blocks follow from shape and memory layout alone, and so does what is computed. They are large, since threads hand
Python's lock to each other between NumPy's calls.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.loops import LONG
from autograd.kernels.reduce import KINDS, Axes, column_sums, grouped, logical, row_moments, row_products, row_sums
from autograd.kernels.threads import one_blas_thread, scratch, share

_BLOCK = 1 << 19  # elements of a block
SHARED = 1 << 20  # elements from which sharing sums, scales and shifts pays
_WIDTH = 1024  # the length that several short rows are taken together to


class WholeReductions:
    """Arrays of one shape seen as (r1, k, r2), reduced over r1 and r2 (`rows`), or as (k1, r, k2), reduced over r.

    Short k2 make for short inner loops; `together` so many rows of that length are taken as one.
    """

    def __init__(self, views: list[Array], kinds: str, order: list[int], shape: Axes, axes: Axes) -> None:
        self.rows = kinds.endswith("r")
        self.order = order
        self.shape = shape
        self.axes = axes
        lead = (1,) * (3 - len(kinds))
        views = [x.reshape(*lead, *x.shape) for x in views]
        a, b, c = views[0].shape
        self.count = a * c if self.rows else b
        self.kept = (1, b, 1) if self.rows else (a, 1, c)
        self.together = 1
        if not self.rows and all(x.strides[1] == c * x.itemsize for x in views):
            self.together = gcd(b, max(1, _WIDTH // c))
            views = [x.reshape(a, b // self.together, c * self.together) for x in views]
        self.views = views

    def run(self, block: Callable[[Any, Any], None], shared: int = SHARED) -> None:
        """`block(index, kept)` for each block: where it lies in the views, and in what is left of the kept axes.

        Of at least so many elements they are `shared` over threads.
        """
        shape = self.views[0].shape
        axis = 1 if self.rows else 0 if shape[0] > 1 else 2
        size = self.views[0].size
        count = 2 * -(-size // (2 * _BLOCK)) if size >= shared else 1
        step = -(-shape[axis] // count)
        if axis == 2:
            step = shape[2] if self.together > 1 else max(step, _WIDTH)
        blocks = [(*(slice(None),) * axis, slice(start, start + step)) for start in range(0, shape[axis], step)]

        def one(index: Any) -> None:
            block(index, index if self.together == 1 or axis != 2 else ...)

        if len(blocks) > 1:
            share(one, blocks)
        else:
            with one_blas_thread():
                one(blocks[0])

    def statistic(self) -> Array:
        return np.empty(self.kept, self.views[0].dtype)

    def sums(self, x: Array) -> Array:
        if self.rows:
            return np.add.reduce(row_sums(x), axis=0, keepdims=True)[..., None]
        return self._columns(x)

    def products(self, x: Array, y: Array) -> Array:
        if self.rows:
            return np.add.reduce(row_products(x, y), axis=0, keepdims=True)[..., None]
        return self._columns(np.multiply(x, y, out=scratch(x.shape, x.dtype, "products")))

    def moments(self, x: Array) -> tuple[Array, Array]:
        """The sums of x and of x²."""
        if not self.rows:
            return self.sums(x), self.products(x, x)
        sums, squares = (np.add.reduce(part, axis=0, keepdims=True)[..., None] for part in row_moments(x))
        return sums, squares

    def maxima(self, x: Array) -> Array:
        if self.rows:
            return np.maximum.reduce(x, axis=(0, 2), keepdims=True)
        return self._folded(np.maximum.reduce(x, axis=1), np.maximum)

    def _columns(self, x: Array) -> Array:
        """Sums over the middle; of several stretches one product each, without the sums of rows taken together."""
        if self.together > 1 and len(x) > 1:
            return column_sums(x.reshape(len(x), -1, x.shape[2] // self.together))[:, None]
        return self._folded(column_sums(x))

    def _folded(self, values: Array, ufunc: np.ufunc = np.add) -> Array:
        """(k1, 1, k2) from the reductions (k1, k2) of rows taken together."""
        values = values.reshape(len(values), self.together, -1)
        while values.shape[1] > 1 and values.shape[1] % 2 == 0:  # by halves: long inner loops, where rows are short
            half = values.shape[1] // 2
            values = ufunc(values[:, :half], values[:, half:])
        return ufunc.reduce(values, axis=1, keepdims=True)

    def spread(self, values: Array, dtype: np.dtype[Any]) -> Array:
        """A statistic to broadcast against the views; over short rows it is written out, so that they make one."""
        values = values.astype(dtype)
        if self.together > 1:
            return np.tile(values, self.together)
        repeats, _, length = self.views[0].shape
        return np.repeat(values, length, axis=2) if self.rows and repeats >= 8 and length < LONG else values

    def logical(self, values: Array) -> Array:
        """A statistic in the axes of the arrays, those that are reduced having length 1."""
        return logical(values, self.shape, self.axes, self.order)

    def physical(self, values: Array) -> Array:
        """The inverse of `logical`."""
        alone = [axis for axis in range(values.ndim) if axis not in self.order]
        return values.transpose(alone + self.order).reshape(self.kept)


def whole_reductions(arrays: list[Array], axes: Axes) -> WholeReductions | None:
    """How to go through arrays of one shape; None where memory has the axes in an order that it cannot do.

    That is where the reduced axes are not one stretch between, or around, that of the kept ones.
    """
    views, kinds, order = grouped(arrays, axes)
    if kinds not in KINDS:
        return None
    return WholeReductions(views, kinds, order, arrays[0].shape, axes)


def like(x: Array, other: Array) -> Array:
    """`x` in the memory layout of `other`."""
    if x.strides == other.strides:
        return x
    copy = np.empty_like(other, x.dtype)
    np.copyto(copy, x)
    return copy
