"""Sums of products that are not computed before they are needed: each term, and all of them, in one pass over memory.

What a multiplication gives its inputs is such a product, and what comes together at a tensor is their sum. Contracted
over axes, as the gradient of a channel's scale is, a product need not be made at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred, reads
from autograd.kernels.loops import compute
from autograd.kernels.reduce import total_product
from autograd.kernels.threads import scratch

LARGE = (1 << 16) + 1  # elements from which a product is left for later
SHARED = 1 << 20  # elements from which it is worth sharing over threads
MOST = 4  # terms that are kept apart, at most


class Combination(Deferred):
    """x₁ · a₁ + x₂ · a₂ + …, where a factor that broadcasts may be 1 for all (None).

    The first factor of the first term has the whole shape, and the arrays have one dtype.
    """

    addable = True

    def __init__(self, *terms: tuple[Any, Any]) -> None:
        first = terms[0][0]
        super().__init__(first.shape, first.dtype)
        self.terms = terms
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        return tuple([factor for term in self.terms for factor in term if isinstance(factor, np.ndarray)])

    def settle(self) -> None:
        self.terms = ((self.compute(), None),)

    def compute(self) -> Array:
        factors = [factor for term in self.terms for factor in term]
        return compute(_combined, *factors, least=SHARED // len(self.terms))

    def summed(self, axes: tuple[int, ...]) -> Array:
        """The sum over `axes`, which stay with length 1."""
        ((x, a),) = self.terms if len(self.terms) == 1 else ((self.array, None),)
        if a is None or a.shape != x.shape:
            return np.add.reduce(self.array, axis=axes, keepdims=True)
        return total_product(x, a, axes)

    def __iadd__(self, other: Any) -> Combination:
        if len(self.terms) >= MOST:
            self.terms = ((self.array, None),)
        self.terms += other.terms if isinstance(other, Combination) else ((np.asarray(other), None),)
        reads(self)
        self.__dict__.pop("array", None)
        return self

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, (np.ndarray, Deferred)) or (other.shape, other.dtype) != (self.shape, self.dtype):
            return super().__add__(other)
        total = Combination(*self.terms)
        total += other
        return total

    __radd__ = __add__


def product(x: Any, a: Any) -> Any:
    """x · a, to be computed later if both are arrays, of one dtype, and `x` is large and of the result's shape."""
    if type(x) is not np.ndarray or type(a) is not np.ndarray or x.size < LARGE or x.dtype != a.dtype:
        return x * a
    return Combination((x, a))


def _combined(x: Any, a: Any, *rest: Any, out: Array | None = None) -> Array:
    y = np.multiply(x, 1 if a is None else a, out=out)
    for x, a in zip(rest[::2], rest[1::2], strict=True):
        y += x if a is None else np.multiply(x, a, out=out if out is None else scratch(y.shape, y.dtype, "term"))
    return y
