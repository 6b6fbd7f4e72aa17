"""Arrays with borders put around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred, reads
from autograd.kernels.threads import share

Widths = Sequence[tuple[int, int]]

# Elements from which borders are put on by several threads, in so many parts.
LARGE, PARTS = 1 << 18, 4


def bordered(x: Array, widths: Widths, value: Any = 0) -> Array:
    """`x` with borders that hold `value`, so many elements wide before and after each axis; `x` keeps its layout."""
    if not x.ndim:
        return x.copy()
    shape = [before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)]
    y = np.empty_like(x, shape=shape)
    outer = max(range(x.ndim), key=lambda axis: (abs(y.strides[axis]), shape[axis]))
    length = shape[outer]

    def fill(first: int, last: int) -> None:
        ahead = (slice(None),) * outer
        target = y[(*ahead, slice(first, last))]
        inside = x
        for axis, (before, after) in enumerate(widths):
            if axis != outer and not before and not after:
                continue
            start, n = (first, last - first) if axis == outer else (0, shape[axis])
            low = min(n, max(0, before - start))
            high = max(low, min(n, before - start + x.shape[axis]))
            along = (slice(None),) * axis
            if low:
                target[(*along, slice(low))] = value
            if high < n:
                target[(*along, slice(high, None))] = value
            target = target[(*along, slice(low, high))]
            if axis == outer:
                begin = start + low - before
                inside = x[(*along, slice(begin, begin + high - low))]
        np.copyto(target, inside)

    if y.size < LARGE:
        fill(0, length)
    else:
        step = -(-length // PARTS)
        share(lambda first: fill(first, min(length, first + step)), range(0, length, step))
    return y


class Padded(Deferred):
    """An array with zeros around it, which are not in memory before somebody looks for them."""

    def __init__(self, inner: Array, widths: Widths) -> None:
        super().__init__(
            tuple(before + n + after for n, (before, after) in zip(inner.shape, widths, strict=True)), inner.dtype
        )
        self.inner: Array | None = inner
        self.widths = widths
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        return () if self.inner is None else (self.inner,)

    def compute(self) -> Array:
        inner = self.inner
        if inner is None:  # another thread has computed it, and let go
            found: Array = self.__dict__["array"]
            return found
        return bordered(inner, self.widths)

    def settle(self) -> None:
        super().settle()
        self.inner = None
