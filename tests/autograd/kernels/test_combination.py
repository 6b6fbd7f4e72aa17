"""Sums of products that are left for later, against the products made at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import combination
from autograd.kernels.combination import Combination, product


def drawn(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@settings(max_examples=40, deadline=None)
@given(
    factors=st.lists(st.sampled_from([(5, 1, 1), (1, 6, 7), (5, 6, 7), (1, 1, 1), None]), min_size=1, max_size=9),
    in_place=st.lists(st.booleans(), min_size=9, max_size=9),
    order=st.permutations(range(3)),
)
def test_is_the_sum_of_its_terms(factors, in_place, order):
    total, expected = None, 0
    for k, factor in enumerate(factors):
        x = np.ascontiguousarray(drawn(5, 6, 7, seed=k).transpose(order)).transpose(np.argsort(order))
        a = None if factor is None else drawn(*factor, seed=-k - 1 & 99)
        expected = expected + x * (1 if a is None else a)
        term = Combination((x, a))
        if total is None:
            total = term
        elif in_place[k]:
            before = total
            total += term if a is not None else x
            assert total is before
        else:
            total = total + (term if a is not None else x)
    assert isinstance(total, Combination)
    assert len(total.terms) <= combination.MOST
    np.testing.assert_allclose(total.array, expected, rtol=1e-12, atol=1e-12)


def test_large_ones_are_shared_over_threads():
    shape = (8, 64, 50, 30)
    x, y = (np.moveaxis(drawn(*shape, seed=k, dtype=np.float32), 0, -1) for k in (0, 1))
    a, b = (drawn(64, 1, 1, 1, seed=k, dtype=np.float32) for k in (2, 3))
    total = Combination((x, a), (y, None), (b, None))
    np.testing.assert_allclose(total.array, x * a + y + b, rtol=1e-6, atol=1e-6)
    assert total.array.strides == x.strides
    assert total.array.dtype == np.float32


def test_what_was_looked_at_can_still_be_added_to():
    x, y = drawn(3, 4), drawn(3, 4, seed=1)
    total = Combination((x, None))
    np.testing.assert_array_equal(total.array, x)
    total += y
    np.testing.assert_array_equal(total.array, x + y)


@pytest.mark.parametrize("axes", [(0, 2, 3), (1,), (0, 1, 2, 3), (3,)])
@pytest.mark.parametrize("factor", [(4, 8, 60, 60), (8, 1, 1)])
def test_summed_over_axes(axes, factor):
    x, a = drawn(4, 8, 60, 60), drawn(*factor, seed=1)
    expected = (x * a).sum(axes, keepdims=True)
    np.testing.assert_allclose(product(x, a).summed(axes), expected, rtol=1e-10, atol=1e-10)
    both = product(x, a) + x
    np.testing.assert_allclose(both.summed(axes), expected + x.sum(axes, keepdims=True), rtol=1e-10, atol=1e-10)


def test_small_products_and_mixed_kinds_are_made_at_once():
    assert isinstance(product(drawn(3), drawn(3)), np.ndarray)
    large = drawn(combination.LARGE)
    assert isinstance(product(large, large.astype(np.float32)), np.ndarray)
    assert isinstance(product(large, large), Combination)
