"""Depthwise convolution by banded matrices, and its gradient by the images, against plain loops over taps."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.kernels.depthwise import LONGEST, Meeting, forward, input_gradient, pairs, runs, worthwhile
from autograd.kernels.threads import get_num_threads, set_num_threads


def plainly(x, weight, g, rows, columns):
    """The result and the gradient of x, in double precision."""
    x, weight, g = (a.astype(np.float64) for a in (x, weight, g))
    y, back = np.zeros(g.shape), np.zeros(x.shape)
    for p, q, i, j in itertools.product(*map(range, (rows.positions, columns.positions, *weight.shape[1:]))):
        r, c = (a.stride * k + a.dilation * t - a.before for a, k, t in ((rows, p, i), (columns, q, j)))
        if 0 <= r < rows.length and 0 <= c < columns.length:
            y[:, p, q] += x[:, r, c] * weight[:, i, j, None]
            back[:, r, c] += g[:, p, q] * weight[:, i, j, None]
    return y, back


@st.composite
def axes(draw, dilation):
    taps, stride, before = (draw(st.integers(low, high)) for low, high in ((1, 4), (1, 3), (-1, 4)))
    dilation = draw(st.integers(1, dilation))
    return Meeting(draw(st.integers(1, 9)), draw(st.integers(1, 7)), taps, stride, dilation, before)


@given(axes(dilation=3), axes(dilation=3), st.integers(1, 5), st.integers(1, 4), st.sampled_from([1, 2, 3]))
def test_both_against_loops(rows, columns, groups, images, threads):
    random = np.random.default_rng(0)
    x = random.normal(size=(groups, rows.length, columns.length, images))
    weight = random.normal(size=(groups, rows.taps, columns.taps))
    g = random.normal(size=(groups, rows.positions, columns.positions, images))
    before = get_num_threads()
    set_num_threads(threads)
    try:
        found = forward(x, weight, rows, columns), input_gradient(g, weight, rows, columns)
    finally:
        set_num_threads(before)
    for one, expected in zip(found, plainly(x, weight, g, rows, columns), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", [lambda x: x, lambda x: np.repeat(x, 2, axis=-1)[..., ::2], np.asfortranarray])
@pytest.mark.parametrize("stride", [1, 2])
def test_single_precision_in_any_layout(layout, stride):
    random = np.random.default_rng(0)
    axis = Meeting(16, 16 // stride, 3, stride, 1, 1)
    x, g = (random.normal(size=(6, n, n, 16)).astype(np.float32) for n in (axis.length, axis.positions))
    weight = random.normal(size=(6, 3, 3)).astype(np.float32)
    expected = plainly(x, weight, g, axis, axis)
    found = forward(layout(x), weight, axis, axis), input_gradient(layout(g), weight, axis, axis)
    for one, exact in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stride", [0, 8, -8, 10**6])
def test_any_stride_along_an_axis_of_length_1(stride):
    random = np.random.default_rng(0)
    rows, columns = Meeting(7, 3, 3, 2, 1, 0), Meeting(1, 1, 1, 1, 1, 0)
    x, weight, g = (random.normal(size=shape) for shape in ((4, 7, 1, 5), (4, 3, 1), (4, 3, 1, 5)))
    expected = plainly(x, weight, g, rows, columns)
    x, g = (
        np.lib.stride_tricks.as_strided(a, a.shape, (*a.strides[:2], stride, a.strides[3]), writeable=False)
        for a in (x, g)
    )
    for one, exact in zip(
        (forward(x, weight, rows, columns), input_gradient(g, weight, rows, columns)), expected, strict=True
    ):
        np.testing.assert_allclose(one, exact, rtol=1e-12, atol=1e-12)


def test_columns_that_see_nothing():
    rows, columns = Meeting(4, 4, 3, 1, 1, 1), Meeting(2, 3, 1, 1, 1, -5)
    x, weight = np.ones((2, 4, 2, 3)), np.ones((2, 3, 1))
    assert not forward(x, weight, rows, columns).any()
    assert not input_gradient(np.ones((2, 4, 3, 3)), weight, rows, columns).any()


def test_rows_that_see_alike_are_one_run():
    inner, *_ = sorted(runs(pairs(Meeting(16, 16, 3, 1, 1, 1))), key=lambda run: -run.rows)
    assert (inner.target, inner.source, inner.rows, inner.high) == (1, 0, 14, 3)
    assert len(runs(pairs(Meeting(16, 16, 3, 1, 1, 1)))) == 3
    assert sum(run.rows for run in runs(pairs(Meeting(15, 8, 3, 2, 1, 1)).exchanged)) == 15


def test_when_it_is_used():
    rows, short, long = (Meeting(n, n, 3, 1, 1, 1) for n in (64, LONGEST, LONGEST + 1))
    assert worthwhile(1, 1, rows, short, 16)
    assert not worthwhile(1, 1, rows, long, 16)
    assert not worthwhile(2, 1, rows, short, 16)
    assert not worthwhile(1, 1, rows, short, 15)
    assert not worthwhile(1, 1, rows._replace(dilation=2), short, 16)
