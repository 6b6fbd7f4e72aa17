"""Means and variances against double precision: near zero and far from it, in every order of memory."""

import numpy as np
import pytest

from autograd.kernels.normalize import moments, standardize, standardize_adjoint
from autograd.kernels.threads import get_num_threads, set_num_threads

ORDERS = {"batch last": (1, 2, 3, 0), "batch first": (0, 1, 2, 3), "channels last": (0, 2, 3, 1)}


def drawn(order, offset, scale=1.0, shape=(8, 6, 31, 37)):
    """Normal numbers (N, C, H, W) around `offset`, in the last channel around 0, with axes in an order of memory."""
    x = np.random.default_rng(0).normal(size=shape) + offset * (np.arange(shape[1]) < shape[1] - 1)[:, None, None]
    axes = ORDERS[order]
    return np.ascontiguousarray((x * scale).astype(np.float32).transpose(axes)).transpose(np.argsort(axes))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("offset", [0, 0.5, 1.01, 1.7, 1.75, 3, -1000])
def test_far_from_zero_nothing_cancels(order, offset):
    x = drawn(order, offset)
    mean, variance = moments(x, (0, 2, 3))
    exact = x.astype(np.float64)
    np.testing.assert_allclose(variance, exact.var((0, 2, 3), keepdims=True), rtol=3e-6)
    np.testing.assert_allclose(mean, exact.mean((0, 2, 3), keepdims=True), rtol=1e-5, atol=1e-5)


def at_any_number_of_threads(kernel):
    """The arrays that `kernel()` gives, to the same bits with one, two and three threads."""
    before = get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            set_num_threads(threads)
            found.append(kernel())
    finally:
        set_num_threads(before)
    for arrays in found:
        for array, first in zip(arrays, found[0], strict=True):
            np.testing.assert_array_equal(array, first)
    return found[0]


@pytest.mark.parametrize("order", ORDERS)
def test_moments_of_many_elements_at_any_number_of_threads(order):
    x = drawn(order, 2, shape=(64, 5, 47, 43))
    mean, variance = at_any_number_of_threads(lambda: moments(x, (0, 2, 3)))
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean((0, 2, 3), keepdims=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(variance, exact.var((0, 2, 3), keepdims=True), rtol=3e-6)


@pytest.mark.parametrize("axes", [(0, 2, 3), (1, 2, 3), (1,)])
@pytest.mark.parametrize("order", ORDERS)
def test_standardised_elements_at_any_number_of_threads(order, axes):
    x, g = (drawn(order, offset, shape=(32, 20, 41, 43)) for offset in (2, 0.5))
    y, mean, variance = at_any_number_of_threads(lambda: standardize(x, axes, 1e-2))
    (adjoint,) = at_any_number_of_threads(lambda: [standardize_adjoint(g, y, variance, axes, 1e-2)])
    exact, cotangent = x.astype(np.float64), g.astype(np.float64)
    average, spread = exact.mean(axes, keepdims=True), np.sqrt(exact.var(axes, keepdims=True) + 1e-2)
    normal = (exact - average) / spread
    np.testing.assert_allclose(mean, average, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(y, normal, rtol=1e-4, atol=1e-5)
    along = cotangent.mean(axes, keepdims=True) + normal * (cotangent * normal).mean(axes, keepdims=True)
    np.testing.assert_allclose(adjoint, (cotangent - along) / spread, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scale", [1e-18, 1e17])
def test_squares_that_leave_the_range(order, scale):
    x = drawn(order, 30, scale)
    _, variance = moments(x, (0, 2, 3))
    exact = x.astype(np.float64).var((0, 2, 3), keepdims=True)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(variance, exact.astype(np.float32), rtol=1e-5)


def test_what_is_not_finite_stays_in_its_channel():
    x = drawn("batch last", 0)
    x[0, 1, 2, 3], x[0, 2, 2, 3] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        mean, variance = (found[0, :, 0, 0] for found in moments(x, (0, 2, 3)))
    assert np.isnan(mean[1])
    assert mean[2] == np.inf
    assert np.isnan(variance[1:3]).all()
    others = [0, 3, 4, 5]
    np.testing.assert_allclose(variance[others], x[:, others].astype(np.float64).var((0, 2, 3)), rtol=3e-6)
