"""Convolution in small groups, against einsum over a view of windows and, for gradients, its transposes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import grouped
from autograd.kernels.threads import get_num_threads, set_num_threads

# groups, features, channels, images, then for each spatial axis: length, taps, stride, dilation, before
CASES = [
    (5, 1, 1, 3, [(6, 3, 1, 1, 0), (7, 3, 1, 1, 0)]),
    (5, 1, 1, 40, [(11, 3, 1, 1, 1), (7, 3, 1, 1, 1)]),
    (3, 1, 1, 32, [(9, 3, 2, 1, 1), (8, 3, 2, 1, 1)]),
    (3, 2, 1, 20, [(9, 5, 1, 1, 2), (8, 5, 1, 1, 2)]),
    (3, 1, 1, 70, [(12, 3, 1, 2, 2), (9, 2, 1, 3, 0)]),
    (3, 1, 1, 64, [(13, 3, 2, 3, 1), (9, 2, 3, 2, 1)]),
    (2, 4, 4, 32, [(7, 3, 1, 1, 1), (6, 3, 1, 1, 1)]),
    (2, 3, 8, 16, [(7, 3, 2, 1, 0), (6, 2, 3, 1, 0)]),
    (2, 4, 4, 80, [(9, 1, 1, 1, 0), (3, 1, 1, 1, 0)]),
    (2, 2, 3, 80, [(9, 1, 4, 1, 0), (7, 2, 5, 1, 0)]),
    (4, 1, 1, 1, [(30, 5, 1, 2, 4)]),
    (4, 1, 2, 100, [(30, 5, 3, 1, 1)]),
    (2, 2, 2, 9, [(5, 2, 1, 1, 1), (4, 3, 2, 1, 0), (6, 2, 1, 2, 0)]),
    (2, 1, 1, 8, [(6, 3, 2, 1, 1), (5, 3, 1, 1, 1), (7, 3, 2, 1, 0)]),
    (2, 1, 1, 0, [(5, 3, 1, 1, 0), (5, 3, 1, 1, 0)]),
    (0, 1, 1, 4, [(5, 3, 1, 1, 0)]),
]


def positions_of(axes):
    return tuple(
        (length + 2 * before - dilation * (taps - 1) - 1) // stride + 1
        for length, taps, stride, dilation, before in axes
    )


def padded(x, axes):
    return np.pad(x, [(0, 0), (0, 0), *((before, before) for *_, before in axes), (0, 0)])


def windows_of(x, positions, taps, stride, dilation):
    """A writeable view (G, C, *P, N, *T) of an array that is padded already."""
    group, channel, *inner, image = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:2], *positions, x.shape[-1], *taps),
        (group, channel, *np.multiply(inner, stride), image, *np.multiply(inner, dilation)),
    )


def by_einsum(x, weight, g, axes):
    """The result, and the gradients of its inner product with g: of x and of the weight."""
    _, taps, stride, dilation, _ = zip(*axes, strict=True)
    at, tap = "hij"[: len(axes)], "wxy"[: len(axes)]
    image = padded(x, axes)
    windows = windows_of(image, g.shape[2:-1], taps, stride, dilation)
    y = np.einsum(f"gc{at}n{tap},gfc{tap}->gf{at}n", windows, weight)
    gw = np.einsum(f"gc{at}n{tap},gf{at}n->gfc{tap}", windows, g)
    gx = np.zeros_like(image)
    stamps = np.einsum(f"gf{at}n,gfc{tap}->gc{at}n{tap}", g, weight)
    for offset in itertools.product(*map(range, taps)):
        windows_of(gx, g.shape[2:-1], taps, stride, dilation)[(..., *offset)] += stamps[(..., *offset)]
    inside = tuple(slice(before, before + length) for length, *_, before in axes)
    return y, gx[(slice(None), slice(None), *inside)], gw


def by_kernels(x, weight, g, axes):
    lengths, taps, stride, dilation, before = zip(*axes, strict=True)
    return (
        grouped.forward(x, weight, g.shape[2:-1], stride, dilation, before),
        grouped.input_gradient(g, weight, lengths, stride, dilation, before),
        grouped.weight_gradient(x, g, taps, stride, dilation, before),
    )


def drawn(groups, features, channels, images, axes, dtype=np.float64):
    random = np.random.default_rng(0)
    lengths, taps, *_ = zip(*axes, strict=True)
    shapes = (
        (groups, channels, *lengths, images),
        (groups, features, channels, *taps),
        (groups, features, *positions_of(axes), images),
    )
    return [random.normal(size=shape).astype(dtype) for shape in shapes]


def assert_alike(results, expected, tolerance=1e-10):
    for result, value in zip(results, expected, strict=True):
        assert result.shape == value.shape
        assert result.flags.c_contiguous
        np.testing.assert_allclose(result, value, rtol=tolerance, atol=tolerance * (1 + np.abs(value).max(initial=0)))


@pytest.mark.parametrize("case", CASES)
def test_values(case):
    arrays = drawn(*case)
    assert_alike(by_kernels(*arrays, case[-1]), by_einsum(*arrays, case[-1]))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float16, 1e-2)])
@pytest.mark.parametrize("case", CASES[1:7:2])
def test_dtypes(case, dtype, tolerance):
    arrays = drawn(*case, dtype)
    results = by_kernels(*arrays, case[-1])
    assert all(result.dtype == dtype for result in results)
    assert_alike(results, by_einsum(*(array.astype(np.float64) for array in arrays), case[-1]), tolerance)


def test_padding_made_beforehand():
    axes = CASES[1][-1]
    x, weight, g = drawn(*CASES[1])
    _, taps, stride, dilation, _ = zip(*axes, strict=True)
    expected = by_kernels(x, weight, g, axes)
    image = padded(x, axes)
    np.testing.assert_array_equal(grouped.forward(image, weight, g.shape[2:-1], stride, dilation), expected[0])
    np.testing.assert_array_equal(grouped.weight_gradient(image, g, taps, stride, dilation), expected[2])
    gx = grouped.input_gradient(g, weight, image.shape[2:-1], stride, dilation)
    np.testing.assert_allclose(gx[:, :, 1:-1, 1:-1], expected[1], rtol=1e-12, atol=1e-12)


def layouts(x):
    yield x.transpose(-1, *range(x.ndim - 1)).copy().transpose(*range(1, x.ndim), 0)
    yield np.flip(x).copy()[(slice(None, None, -1),) * x.ndim]
    yield np.repeat(np.repeat(x, 2, axis=-1), 2, axis=2)[:, :, ::2, ..., ::2]
    yield np.broadcast_to(x[..., :1], x.shape)
    yield np.broadcast_to(x[:, :1], x.shape)


@pytest.mark.parametrize("case", CASES[:3] + CASES[6:8] + CASES[10:13])
def test_layouts(case):
    for arrays in zip(*(layouts(array) for array in drawn(*case)), strict=True):
        assert_alike(by_kernels(*arrays, case[-1]), by_einsum(*arrays, case[-1]))


@pytest.mark.parametrize("case", CASES[:9])
def test_inputs_are_left_alone(case):
    arrays = drawn(*case)
    before = [array.copy() for array in arrays]
    by_kernels(*arrays, case[-1])
    for array, value in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, value)


@st.composite
def cases(draw):
    few = st.integers(1, 4)
    axes = []
    for _ in range(draw(st.integers(1, 3))):
        taps, stride, dilation, before = draw(few), draw(few), draw(few), draw(st.integers(0, 3))
        least = max(1, dilation * (taps - 1) + 1 - 2 * before)
        axes.append((draw(st.integers(least, least + 7)), taps, stride, dilation, before))
    return draw(few), draw(few), draw(few), draw(st.sampled_from([1, 2, 7, 66])), axes


@settings(max_examples=60, deadline=None)
@given(case=cases(), block=st.sampled_from([1 << 18, 3000, 200]), product=st.sampled_from([12_000, 500]))
def test_drawn(case, block, product):
    arrays = drawn(*case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouped, "BLOCK", block)
        patch.setattr(grouped, "PRODUCT", product)
        results = by_kernels(*arrays, case[-1])
    assert_alike(results, by_einsum(*arrays, case[-1]))


@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_adjoint(case):
    x, weight, g = drawn(*case)
    y, gx, gw = by_kernels(x, weight, g, case[-1])
    product = np.vdot(y, g)
    np.testing.assert_allclose([np.vdot(x, gx), np.vdot(weight, gw)], product, rtol=1e-9, atol=1e-9 * (1 + y.size))


@pytest.mark.parametrize("case", CASES[:14])
def test_same_bits_on_any_number_of_threads(case, monkeypatch):
    monkeypatch.setattr(grouped, "BLOCK", 500)
    arrays = drawn(*case, np.float32)
    before, results = get_num_threads(), []
    try:
        for threads in (1, 2, 3, 2):
            set_num_threads(threads)
            results.append(by_kernels(*arrays, case[-1]))
    finally:
        set_num_threads(before)
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_which_groups_are_worthwhile():
    assert grouped.worthwhile(1, 1)
    assert grouped.worthwhile(4, 32)
    assert not grouped.worthwhile(64, 1)
