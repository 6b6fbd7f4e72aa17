"""The order in which the factors of a chain rule are multiplied, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.tensor import Tensor


class ChainProduct(NamedTuple):
    """A product of Jacobians: its value, how many scalar multiplications it took, and in which order it was taken.

    >>> product = jacobian_chain([np.ones((1, 3)), np.ones((3, 4)), np.ones((4, 1))])
    >>> product.value, product.multiplications, product.order
    (array([[12.]]), 16, '(J1 J2) J3')
    """

    value: Array
    multiplications: int
    order: str


def jacobian_chain(factors: Sequence[Any], order: Literal["reverse", "forward", "optimal"] = "reverse") -> ChainProduct:
    """The product J1 J2 … Jn of Jacobians by the chain rule, multiplied in an order, with its cost.

    `factors` are matrices (tensors or array-like) of shapes (n0, n1), (n1, n2), …: the outermost function's Jacobian
    comes first. Of f = f1 ∘ f2 ∘ … ∘ fn with one output, J1 is a row: "reverse" starts from it, from the left, and only
    ever multiplies a row by a matrix, as backprop does; "forward" starts from the right, with matrices times matrices
    (cheap if the last factor is a column: one input); "optimal" is the cheapest of all orders, found in n³/6 steps. A
    product of (p, q) and (q, r) counts p q r multiplications; to find the best order of a graph that is no chain is
    NP-complete. Raises ValueError for no factors, factors that are not matrices or do not fit, or another order.

    Source: A. Griewank, A. Walther, "Evaluating Derivatives" (2nd ed. 2008), section 10.1 (Jacobian chains); T. Cormen,
    C. Leiserson, R. Rivest, C. Stein, "Introduction to Algorithms", matrix-chain multiplication.

    >>> factors = [np.ones((1, 100)), np.ones((100, 100)), np.ones((100, 100))]
    >>> jacobian_chain(factors, "reverse")[1:]
    (20000, '(J1 J2) J3')
    >>> jacobian_chain(factors, "forward")[1:]
    (1010000, 'J1 (J2 J3)')
    """
    matrices = [np.asarray(factor.array if isinstance(factor, Tensor) else factor) for factor in factors]
    if not matrices:
        raise ValueError("jacobian_chain: wants at least one factor")
    for i, matrix in enumerate(matrices):
        if matrix.ndim != 2:
            raise ValueError(f"jacobian_chain: wants matrices, got shape {matrix.shape} for factor {i}")
        if i and matrices[i - 1].shape[1] != matrix.shape[0]:
            raise ValueError(
                f"jacobian_chain: factor {i - 1} of shape {matrices[i - 1].shape} does not fit factor {i} of shape "
                f"{matrix.shape}"
            )
    if order not in ("reverse", "forward", "optimal"):
        raise ValueError(f"jacobian_chain: order has to be 'reverse', 'forward' or 'optimal', got {order!r}")
    sizes = [matrices[0].shape[0], *(matrix.shape[1] for matrix in matrices)]
    splits = _cheapest(sizes) if order == "optimal" else {}

    parts: list[ChainProduct] = []
    for first, last in _postorder(len(matrices), splits, order):
        if first == last:
            parts.append(ChainProduct(matrices[first], 0, f"J{first + 1}"))
            continue
        right, left = parts.pop(), parts.pop()
        cost = left.value.shape[0] * left.value.shape[1] * right.value.shape[1]
        text = " ".join(f"({part.order})" if " " in part.order else part.order for part in (left, right))
        parts.append(ChainProduct(left.value @ right.value, left.multiplications + right.multiplications + cost, text))
    return parts[0]


def _postorder(count: int, splits: dict[tuple[int, int], int], order: str) -> list[tuple[int, int]]:
    """The products to take, each after its two factors, as (first, last) of the matrices that it spans."""
    visits, stack = [], [(0, count - 1)]
    while stack:
        first, last = span = stack.pop()
        visits.append(span)
        if first < last:
            middle = splits[span] if splits else last - 1 if order == "reverse" else first
            stack += [(first, middle), (middle + 1, last)]
    return visits[::-1]


def _cheapest(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each span of a chain of matrices with these sizes, by dynamic programming."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    splits = {}
    for length in range(1, count):
        for first in range(count - length):
            last = first + length
            cost[first, last], splits[first, last] = min(
                (cost[first, k] + cost[k + 1, last] + sizes[first] * sizes[k + 1] * sizes[last + 1], k)
                for k in range(first, last)
            )
    return splits
