"""The kernels of windows against plain loops over positions and offsets."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import windows as kernels
from autograd.kernels.threads import get_num_threads, set_num_threads

LAYOUTS = {
    "C order": lambda x: x,
    "batch last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0),
    "backwards": lambda x: x[..., ::-1].copy()[..., ::-1],
    "every other": lambda x: np.repeat(x, 2, -1)[..., ::2],
}


def positions_of(lengths, window, stride, dilation):
    return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(lengths, window, stride, dilation, strict=True))


def windows_of(x, window, stride, dilation, axes):
    lengths = tuple(x.shape[axis] for axis in axes)
    positions = positions_of(lengths, window, stride, dilation)
    return kernels.window_view(x, window, positions, stride, dilation, axes)


def to_first_maxima(x, g, window, stride, dilation, axes):
    """Each element of g added where its window of x has its first maximum; NaN is the largest."""
    result = np.zeros(x.shape, g.dtype)
    for position in np.ndindex(g.shape):
        best = None
        for offset in np.ndindex(window):
            at = list(position)
            for axis, k, s, d in zip(axes, offset, stride, dilation, strict=True):
                at[axis] = position[axis] * s + k * d
            at = tuple(at)
            if best is None or x[at] > x[best] or (np.isnan(x[at]) and not np.isnan(x[best])):
                best = at
        result[best] += g[position]
    return result


def spread_out(shape, g, window, stride, dilation, axes):
    """Each element of g added to all of its window."""
    result = np.zeros(shape, g.dtype)
    for position in np.ndindex(g.shape):
        for offset in np.ndindex(window):
            at = list(position)
            for axis, k, s, d in zip(axes, offset, stride, dilation, strict=True):
                at[axis] = position[axis] * s + k * d
            result[tuple(at)] += g[position]
    return result


# shape, window, stride, dilation, axes
CASES = [
    ((3, 2, 4, 6), (2, 2), (2, 2), (1, 1), (2, 3)),
    ((3, 2, 5, 7), (2, 2), (2, 2), (1, 1), (2, 3)),
    ((3, 2, 7, 7), (3, 3), (2, 2), (1, 1), (2, 3)),
    ((2, 3, 5, 6), (3, 2), (1, 1), (1, 1), (2, 3)),
    ((2, 1, 9, 8), (2, 3), (3, 1), (2, 3), (2, 3)),
    ((2, 3, 6), (2,), (3,), (1,), (2,)),
    ((2, 3, 6), (1,), (2,), (1,), (1,)),
    ((2, 3, 4, 4, 4), (2, 2, 2), (2, 2, 2), (1, 1, 1), (2, 3, 4)),
    ((5, 2, 6), (2, 3), (1, 2), (1, 1), (0, 2)),
    ((5, 2, 6), (3, 2), (2, 1), (1, 1), (2, 0)),
    ((0, 2, 4, 4), (2, 2), (2, 2), (1, 1), (2, 3)),
    ((1, 1, 2, 2), (2, 2), (1, 1), (1, 1), (2, 3)),
]


def check(x, window, stride, dilation, axes):
    rng = np.random.default_rng(1)
    windows = windows_of(x, window, stride, dilation, axes)
    flat = windows.reshape(*windows.shape[: x.ndim], math.prod(window))
    lengths = tuple(x.shape[axis] for axis in axes)
    count = len(axes)
    np.testing.assert_array_equal(kernels.reduce_windows(np.maximum, windows, count), flat.max(-1))
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(
            kernels.reduce_windows(np.add, windows, count), flat.sum(-1), rtol=1e-2 if x.dtype == np.float16 else 1e-5
        )
    np.testing.assert_array_equal(kernels.first_maximum(windows, count), flat.argmax(-1))
    y = flat.max(-1)
    g = rng.integers(-9, 9, y.shape).astype(x.dtype)
    to_maxima = kernels.MaxCotangent(g, windows, y)
    found = to_maxima.overlap_added(lengths, stride, dilation, axes)
    expected = to_first_maxima(x, g, window, stride, dilation, axes)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(kernels.add_windows(to_maxima.array, lengths, stride, dilation, axes), expected)
    spread = kernels.SumCotangent(g, windows.shape)
    expected = spread_out(x.shape, g, window, stride, dilation, axes)
    np.testing.assert_array_equal(spread.overlap_added(lengths, stride, dilation, axes), expected)
    np.testing.assert_array_equal(kernels.add_windows(spread.array, lengths, stride, dilation, axes), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("shape", "window", "stride", "dilation", "axes"), CASES)
def test_reductions_and_their_cotangents(shape, window, stride, dilation, axes, layout, dtype):
    x = np.random.default_rng(0).integers(-3, 3, shape).astype(dtype)
    check(LAYOUTS[layout](x), window, stride, dilation, axes)


@st.composite
def geometries(draw):
    rank = draw(st.integers(1, 3))
    axes = draw(st.permutations(range(rank)))[: draw(st.integers(1, min(2, rank)))]
    shape = [draw(st.integers(1, 4)) for _ in range(rank)]
    window, stride, dilation = ([draw(st.integers(1, 3)) for _ in axes] for _ in range(3))
    for axis, k, d in zip(axes, window, dilation, strict=True):
        shape[axis] = d * (k - 1) + 1 + draw(st.integers(0, 5))
    return tuple(shape), tuple(window), tuple(stride), tuple(dilation), tuple(axes)


@settings(max_examples=100, deadline=None)
@given(geometries(), st.sampled_from(list(LAYOUTS)))
def test_drawn_geometries(geometry, layout):
    shape, *rest = geometry
    x = np.random.default_rng(0).integers(-3, 3, shape).astype(np.float32)
    check(LAYOUTS[layout](x), *rest)


@pytest.mark.parametrize("special", [[np.nan], [np.inf], [-np.inf], [np.nan, np.inf, -np.inf, -0.0, 0.0]])
def test_maxima_that_are_not_finite_and_zeros_of_both_signs(special):
    rng = np.random.default_rng(0)
    x = rng.choice([*special, 0.0, 1.0], (4, 3, 6, 6)).astype(np.float32)
    check(x, (2, 2), (2, 2), (1, 1), (2, 3))
    check(x, (3, 2), (1, 2), (1, 1), (2, 3))
    check(np.full((2, 4, 4), special[0], np.float32), (2, 2), (1, 1), (1, 1), (1, 2))
    zeros = rng.choice([-0.0, 0.0], (2, 8, 8)).astype(np.float32)
    check(zeros, (2, 2), (2, 2), (1, 1), (1, 2))


def test_cotangents_that_are_not_finite_reach_the_maximum_alone():
    x = np.array([[1.0, 3.0, 2.0, 0.0]], np.float32)
    windows = windows_of(x, (2,), (2,), (1,), (1,))
    g = np.array([[np.inf, np.nan]], np.float32)
    found = kernels.MaxCotangent(g, windows, windows.max(-1)).overlap_added((4,), (2,), (1,), (1,))
    np.testing.assert_array_equal(found, [[0, np.inf, np.nan, 0]])


@pytest.mark.parametrize("layout", ["C order", "batch last"])
@pytest.mark.parametrize(("window", "stride"), [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 3), (1, 1))])
def test_large_arrays_in_blocks(window, stride, layout):
    rng = np.random.default_rng(0)
    x = LAYOUTS[layout](rng.normal(size=(16, 24, 28, 28)).astype(np.float32))
    windows = windows_of(x, window, stride, (1, 1), (2, 3))
    found = []
    former = get_num_threads()
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            y = kernels.reduce_windows(np.maximum, windows, 2)
            total = kernels.reduce_windows(np.add, windows, 2)
            g = np.ones_like(y)
            to_maxima = kernels.MaxCotangent(g, windows, y).overlap_added((28, 28), stride, (1, 1), (2, 3))
            spread = kernels.SumCotangent(g, windows.shape).overlap_added((28, 28), stride, (1, 1), (2, 3))
            found.append((y, total, to_maxima, spread))
    finally:
        set_num_threads(former)
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one, three)
        assert np.argmin(one.strides) == np.argmin(x.strides)
        assert one.base is None
    y, total, to_maxima, spread = found[0]
    np.testing.assert_array_equal(y, windows.max((-2, -1)))
    np.testing.assert_allclose(total, windows.sum((-2, -1)), rtol=1e-4, atol=1e-5)
    index = kernels.first_maximum(windows, 2)
    array = kernels.put(g, index, window)
    np.testing.assert_array_equal(to_maxima, kernels.add_windows(array, (28, 28), stride, (1, 1), (2, 3)))
    ones = np.broadcast_to(np.float32(1), windows.shape)
    np.testing.assert_array_equal(spread, kernels.add_windows(ones, (28, 28), stride, (1, 1), (2, 3)))


def test_windows_that_are_no_view_of_one_image():
    rng = np.random.default_rng(0)
    for windows in (
        rng.normal(size=(8, 64, 3, 3)),
        rng.normal(size=(3, 3, 8, 64)).transpose(2, 3, 0, 1),
        np.broadcast_to(rng.normal(size=(1, 3, 1)), (2048, 3, 2)),
        np.broadcast_to(rng.normal(size=(2048, 1, 1)), (2048, 3, 2)),
        windows_of(rng.normal(size=(40, 3, 40)), (2, 2), (3, 1), (1, 1), (0, 2))[:, ::-1],
    ):
        for ufunc in (np.maximum, np.add):
            expected = ufunc.reduce(windows.reshape(*windows.shape[:-2], -1), -1)
            np.testing.assert_allclose(kernels.reduce_windows(ufunc, windows, 2), expected)


def test_places_of_offsets():
    windows = np.arange(24).reshape(2, 3, 2, 2)
    offsets = [offset for offset, _ in kernels.at_offsets(windows, 2)]
    assert offsets == list(itertools.product(range(2), range(2)))
