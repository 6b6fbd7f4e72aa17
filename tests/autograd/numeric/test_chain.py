"""The chain of Jacobians: the product against NumPy's, the costs counted by hand and against all orders there are."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag

ORDERS = ["reverse", "forward", "optimal"]


def matrices(sizes: list[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in pairwise(sizes)]


def least(sizes: list[int]) -> int:
    """The fewest multiplications, by trying every order."""

    @cache
    def cost(first: int, last: int) -> int:
        if last - first < 2:
            return 0
        return min(
            cost(first, k) + cost(k, last) + sizes[first] * sizes[k] * sizes[last] for k in range(first + 1, last)
        )

    return cost(0, len(sizes) - 1)


def counted(order: str, sizes: list[int]) -> int:
    """The multiplications of the products that a parenthesisation spells, by multiplying shapes."""

    class Shape:
        total = 0

        def __init__(self, rows: int, columns: int) -> None:
            self.rows, self.columns = rows, columns

        def __matmul__(self, other: Shape) -> Shape:
            assert self.columns == other.rows
            Shape.total += self.rows * self.columns * other.columns
            return Shape(self.rows, other.columns)

    names = {f"J{i + 1}": Shape(*shape) for i, shape in enumerate(pairwise(sizes))}
    eval(order.replace(" ", " @ "), names)
    return Shape.total


@given(st.lists(st.integers(1, 9), min_size=2, max_size=9), st.sampled_from(ORDERS))
def test_product_count_and_order_belong_together(sizes: list[int], order: str) -> None:
    factors = matrices(sizes)
    found = ag.jacobian_chain(factors, order)
    exact = np.linalg.multi_dot(factors) if len(factors) > 1 else factors[0]
    np.testing.assert_allclose(found.value, exact, rtol=1e-9, atol=1e-9)
    assert found.multiplications == counted(found.order, sizes)
    assert isinstance(found.multiplications, int)
    assert found.multiplications >= least(sizes)
    if order == "optimal":
        assert found.multiplications == least(sizes)


def test_the_example_of_the_textbook() -> None:
    """Cormen et al., section 15.2: sizes 30, 35, 15, 5, 10, 20, 25 take 15,125 multiplications."""
    found = ag.jacobian_chain(matrices([30, 35, 15, 5, 10, 20, 25]), "optimal")
    assert found[1:] == (15125, "(J1 (J2 J3)) ((J4 J5) J6)")


def test_a_row_times_matrices_against_matrices_times_matrices() -> None:
    factors = matrices([1, 50, 50, 50, 50])
    reverse, forward = (ag.jacobian_chain(factors, order) for order in ("reverse", "forward"))
    assert reverse[1:] == (3 * 50**2, "((J1 J2) J3) J4")
    assert forward[1:] == (2 * 50**3 + 50**2, "J1 (J2 (J3 J4))")
    assert ag.jacobian_chain(factors, "optimal").multiplications == reverse.multiplications
    column = [factor.T for factor in factors[::-1]]
    assert ag.jacobian_chain(column, "forward").multiplications == reverse.multiplications


def test_it_is_the_jacobian_of_a_composition() -> None:
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=shape) for shape in ((4, 3), (5, 4), (1, 5))]
    layers = [lambda x, w=w: ag.tanh(w @ x) for w in weights]
    start = x = rng.normal(size=3)
    factors: list[ag.Tensor] = []
    for layer in layers:
        factors.insert(0, ag.jacobian(layer)(x))
        x = layer(x)
    whole = ag.jacobian(lambda x: layers[2](layers[1](layers[0](x))))(start)
    for order in ORDERS:
        np.testing.assert_allclose(ag.jacobian_chain(factors, order).value, whole.array, rtol=1e-12)


def test_many_factors() -> None:
    found = ag.jacobian_chain([np.eye(1)] * 2000)
    assert found.multiplications == 1999
    assert found.value.tolist() == [[1.0]]


@pytest.mark.parametrize("order", ORDERS)
def test_one_factor(order: str) -> None:
    found = ag.jacobian_chain([[[1.0, 2.0]]], order)
    assert (found.value.tolist(), found.multiplications, found.order) == ([[1.0, 2.0]], 0, "J1")


@pytest.mark.parametrize(
    ("factors", "order", "message"),
    [
        ([], "reverse", "wants at least one factor"),
        ([np.ones(3)], "reverse", r"wants matrices, got shape \(3,\) for factor 0"),
        (
            [np.ones((1, 2)), np.ones((3, 1))],
            "reverse",
            r"factor 0 of shape \(1, 2\) does not fit factor 1 of shape \(3,",
        ),
        ([np.ones((1, 2))], "backward", "order has to be 'reverse', 'forward' or 'optimal', got 'backward'"),
    ],
)
def test_errors(factors, order: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"jacobian_chain: {message}"):
        ag.jacobian_chain(factors, order)
