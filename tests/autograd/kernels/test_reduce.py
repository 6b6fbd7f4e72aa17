"""Sums over axes, and what goes through whole reductions, against NumPy's plain expressions in double precision."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from autograd.kernels import normalize, softmax, threads
from autograd.kernels.reduce import _KEEPING, _PARTS, _row, total, total_product

Array = np.ndarray

SHAPES = [(7, 5, 3, 2), (2, 1, 9, 8), (6, 1), (5,), (600, 9), (3, 520, 4), (9000,), (2, 9000), (52, 20, 33, 31)]
TOLERANCES = {np.float32: 3e-4, np.float64: 1e-11}


def layouts(x: Array) -> list[Array]:
    """The array with its axes in every order of memory, backwards, and with gaps."""
    orders = list(permutations(range(x.ndim)))[:: 5 if x.size > 10_000 else 1]
    dense = [np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order)) for order in orders]
    gaps = np.repeat(x, 2, axis=-1)[..., ::2]
    return [*dense, x[::-1].copy()[::-1], gaps]


def cases(shape: tuple[int, ...], dtype: Any) -> list[tuple[Array, Array, tuple[int, ...]]]:
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=shape).astype(dtype) + 1 for _ in range(2))
    subsets = [axes for k in range(1, len(shape) + 1) for axes in combinations(range(len(shape)), k)]
    chosen = subsets if x.ndim < 4 or x.size < 10_000 else [(0, 2, 3), (1,), (2, 3)]
    pairs = [(a, b) for a in layouts(x) for b in (g, g + np.zeros_like(a))]
    return [(a, b, axes) for axes in chosen for a, b in pairs]


def plain_softmax(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        largest = x.max(axes, keepdims=True)
        shifted = x - np.where(np.isfinite(largest), largest, 0)
        sums = np.exp(shifted).sum(axes, keepdims=True)
        return np.exp(shifted) / sums, np.log(sums) + np.where(np.isfinite(largest), largest, 0)


@pytest.mark.parametrize("shape", [(16, 33, 33, 64), (3, 400_000), (1_300_000,), (70_000, 16)])
def test_sums_of_many_elements_are_the_same_bits_at_any_number_of_threads(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    before = threads.get_num_threads()
    for axes in {(len(shape) - 1,), tuple(range(1, len(shape))) or (0,), tuple(range(len(shape)))}:
        found = []
        for number in (1, 2, 3):
            threads.set_num_threads(number)
            found.append((total(x, axes), total_product(x, g, axes)))
        threads.set_num_threads(before)
        for sums, products in found:
            np.testing.assert_array_equal(sums, found[0][0])
            np.testing.assert_array_equal(products, found[0][1])
        exact = (np.sum(y, axis=axes, keepdims=True, dtype=np.float64) for y in (x, x.astype(np.float64) * g))
        for y, expected in zip(found[0], exact, strict=True):
            assert_allclose(y, expected, rtol=3e-6, atol=3e-3)


@pytest.mark.parametrize("size", [1 << 19, 600_000, 1 << 20, 5_000_000, 1 << 24])
def test_long_sums_have_so_many_results_that_they_let_go_of_pythons_lock(size: int) -> None:
    x = np.broadcast_to(np.float32(1), (4, size // 4))
    assert x.size // _row(x) > _PARTS * _KEEPING


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums(shape: tuple[int, ...], dtype: Any) -> None:
    for x, g, axes in cases(shape, dtype):
        close = {"rtol": TOLERANCES[dtype] / 10, "atol": TOLERANCES[dtype]}
        exact = np.sum(x, axis=axes, keepdims=True, dtype=np.float64)
        y = total(x, axes)
        if y is not None:
            assert y.shape == exact.shape
            assert y.dtype == dtype
            assert_allclose(y, exact, **close)
        y = total_product(x, g, axes)
        assert y.dtype == dtype
        assert_allclose(y, np.sum(x.astype(float) * g, axis=axes, keepdims=True), **close)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shape", SHAPES)
def test_standardize(shape: tuple[int, ...], dtype: Any) -> None:
    for x, g, axes in cases(shape, dtype):
        found = normalize.standardize(x, axes, 1e-2)
        if found is None:
            continue
        y, mean, variance = found
        close = {"rtol": TOLERANCES[dtype], "atol": TOLERANCES[dtype]}
        exact = x.astype(float)
        deviation = exact - exact.mean(axes, keepdims=True)
        spread = np.sqrt(exact.var(axes, keepdims=True) + 1e-2)
        assert y.dtype == mean.dtype == variance.dtype == dtype
        assert_allclose(y, deviation / spread, **close)
        assert_allclose(mean, exact.mean(axes, keepdims=True), **close)
        assert_allclose(variance, exact.var(axes, keepdims=True), **close)
        slope = (g * (deviation / spread)).mean(axes, keepdims=True)
        expected = (g - g.mean(axes, keepdims=True, dtype=float) - deviation / spread * slope) / spread
        adjoint = normalize.standardize_adjoint(g, y, variance, axes, 1e-2)
        assert adjoint is not None
        assert adjoint.dtype == dtype
        assert_allclose(adjoint, expected, rtol=0, atol=20 * TOLERANCES[dtype])


def test_standardize_does_not_cancel() -> None:
    x = 1e4 + np.random.default_rng(0).normal(size=(4, 100_000)).astype(np.float32)
    y, _, variance = normalize.standardize(x, (1,), 0) or ()
    assert_allclose(variance, x.astype(float).var(1, keepdims=True), rtol=1e-4)
    assert_allclose(np.std(y.astype(float), axis=1), 1, rtol=1e-4)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_family(shape: tuple[int, ...], dtype: Any) -> None:
    for x, g, axes in cases(shape, dtype):
        y = softmax.softmax(x, axes)
        if y is None:
            continue
        close = {"rtol": TOLERANCES[dtype], "atol": TOLERANCES[dtype] / 100}
        soft, logsum = plain_softmax(x.astype(float), axes)
        log_y, sums = softmax.log_softmax(x, axes), softmax.logsumexp(x, axes)
        assert log_y is not None
        assert sums is not None
        assert y.dtype == log_y.dtype == sums.dtype == dtype
        assert_allclose(y, soft, **close)
        assert_allclose(log_y, x - logsum, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])
        assert_allclose(sums, logsum, **close)
        exact = soft * (g - (g * soft).sum(axes, keepdims=True))
        assert_allclose(softmax.softmax_rule(g, y, axes), exact, **close)
        exact = g - soft * g.sum(axes, keepdims=True, dtype=float)
        assert_allclose(softmax.log_softmax_vjp(g, log_y, axes), exact, rtol=0, atol=20 * TOLERANCES[dtype])


@pytest.mark.parametrize("function", [softmax.softmax, softmax.log_softmax, softmax.logsumexp])
@pytest.mark.parametrize("axes", [(0,), (1,)])
def test_softmax_of_the_infinite(function: Any, axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6))
    x[2, 3], x[1], x[:, 5] = np.inf, -np.inf, -np.inf
    soft, logsum = plain_softmax(x, axes)
    with np.errstate(all="ignore"):
        expected = {"softmax": soft, "log_softmax": np.log(soft), "logsumexp": logsum}[function.__name__]
        found = function(x, axes)
        finite = np.isfinite(expected)
        assert_allclose(found[finite], expected[finite], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.data())
def test_drawn_sums(lengths: list[int], data: st.DataObject) -> None:
    x = np.random.default_rng(0).normal(size=lengths)
    order = data.draw(st.permutations(range(x.ndim)))
    steps = data.draw(st.lists(st.sampled_from([1, -1, 2]), min_size=x.ndim, max_size=x.ndim))
    axes = tuple(data.draw(st.sets(st.integers(0, x.ndim - 1), min_size=1)))
    x = x.transpose(order)[tuple(slice(None, None, step) for step in steps)]
    y = total(x, axes)
    if y is not None:
        assert_allclose(y, x.sum(axes, keepdims=True), rtol=1e-12, atol=1e-12)
    assert_allclose(total_product(x, x, axes), (x * x).sum(axes, keepdims=True), rtol=1e-12)


def test_bits_do_not_depend_on_threads() -> None:
    x = np.random.default_rng(0).normal(size=(8, 300, 400)).astype(np.float32)
    g = x[::-1].copy()
    results = []
    before = threads.get_num_threads()
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            y, mean, variance = normalize.standardize(x, (1, 2), 1e-5) or ()
            soft = softmax.softmax(x, (1,))
            adjoint = normalize.standardize_adjoint(g, y, variance, (1, 2), 1e-5)
            results.append((y, mean, variance, soft, adjoint, softmax.softmax_rule(g, soft, (1,))))
    finally:
        threads.set_num_threads(before)
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
