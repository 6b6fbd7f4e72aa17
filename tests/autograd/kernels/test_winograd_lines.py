"""Winograd's convolution along rows against plain loops over taps."""

import math

import numpy as np
import pytest
from batch_last import LAYOUTS, drawn, error, plainly
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels.threads import get_num_threads, set_num_threads
from autograd.kernels.winograd_lines import cost, filtering, forward, input_gradient, weight_gradient

# The largest error, by the root of the mean square of the results.
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-13}


def found(x, weight, g, before, dilation=None):
    """What `plainly` finds, by Winograd's algorithm."""
    stride, dilation = (1,) * len(before), dilation or (1,) * len(before)
    how = filtering(x.shape[1:-1], g.shape[1:-1], weight.shape[2:], stride, dilation, before)
    return [forward(x, weight, how), input_gradient(g, weight, how), weight_gradient(x, g, how)]


def check(x, weight, g, before, dilation=None):
    expected = plainly(x, weight, g, before, dilation or (1,) * len(before))
    for result, wanted in zip(found(x, weight, g, before, dilation), expected, strict=True):
        assert result.dtype == x.dtype
        assert result.shape == wanted.shape
        assert result.flags.c_contiguous
        assert error(result, wanted) < TOLERANCE[x.dtype]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "features", "before"),
    [
        ((1, 3, 3, 1), 1, (0, 0)),
        ((2, 1, 1, 1), 3, (1, 1)),
        ((2, 1, 2, 2), 2, (2, 2)),
        ((3, 5, 9, 2), 4, (2, 2)),  # a last tile with one column of results
        ((2, 7, 6, 600), 2, (1, 1)),  # images in two blocks
        ((16, 32, 32, 64), 16, (1, 1)),
        ((48, 9, 30, 33), 12, (0, 1)),
        ((300, 7, 8, 32), 2, (1, 1)),  # rows in several blocks
        ((3, 6, 9), 2, (1,)),
        ((64, 130, 40), 128, (1,)),
        ((2, 1, 3), 2, (2,)),
    ],
)
def test_values(shape, features, before, dtype):
    check(*drawn(shape, features, before, dtype), before)


@pytest.mark.parametrize("taps", [1, 2, 3, 5])
def test_any_number_of_taps_along_columns(taps):
    for before in [(0, 1), (taps - 1, 0)]:
        check(*drawn((5, 9, 6, 7), 4, before, np.float64, taps=(taps, 3)), before)


@settings(max_examples=80, deadline=None)
@given(
    channels=st.integers(1, 9),
    features=st.integers(1, 9),
    lengths=st.lists(st.integers(1, 19), min_size=1, max_size=2),
    images=st.integers(1, 9),
    before=st.tuples(*[st.integers(0, 2)] * 2),
    layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 2),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_drawn(channels, features, lengths, images, before, layouts, dtype, seed):
    before = before[: len(lengths)]
    shape = (channels, *(max(n, 3 - 2 * zeros) for n, zeros in zip(lengths, before, strict=True)), images)
    x, weight, g = drawn(shape, features, before, dtype, seed)
    check(LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), before)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    before = (1, 1)
    x, weight, g = drawn((6, 9, 10, 16), 5, before, np.float64)
    flipped = np.ascontiguousarray(weight[..., ::-1, ::-1])[..., ::-1, ::-1]
    check(LAYOUTS[layout](x), flipped, LAYOUTS[layout](g), before)
    x.flags.writeable = weight.flags.writeable = g.flags.writeable = False
    check(x, weight.swapaxes(2, 3), g, before)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 15),
    columns=st.integers(1, 5),
    images=st.integers(1, 5),
    padding=st.integers(0, 2),
    dilation=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 2),
    seed=st.integers(0, 99),
)
def test_dilated(height, columns, images, padding, dilation, layouts, seed):
    down, over = dilation
    shape = (3, max(height, 2 * down * (1 - padding) + 1), over * max(columns, 3 - 2 * padding), images)
    before = (padding * down, padding * over)
    x, weight, g = drawn(shape, 2, before, np.float64, seed, dilation)
    check(LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), before, dilation)


@pytest.mark.parametrize("dilation", [1, 2, 5])
def test_dilated_along_one_axis(dilation):
    check(*drawn((3, 4 * dilation, 4), 2, (dilation,), np.float64, dilation=(dilation,)), (dilation,), (dilation,))


@pytest.mark.parametrize(
    ("lengths", "positions", "taps", "stride", "dilation", "before"),
    [
        ((9, 9), (9, 9), (3, 5), (1, 1), (1, 1), (1, 2)),
        ((9, 9), (9, 5), (3, 3), (1, 2), (1, 1), (1, 1)),
        ((9, 9), (8, 9), (3, 3), (1, 1), (1, 1), (1, 1)),  # less at one end
        ((9, 9), (9, 7), (3, 3), (1, 1), (1, 2), (1, 1)),  # not by whole steps of the dilation
        ((9, 9), (9, 9), (3, 3), (1, 1), (1, 2), (1, 2)),  # nine columns in two parts
        ((9, 9, 9), (9, 9, 9), (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    ],
)
def test_what_cannot_be_taken_apart(lengths, positions, taps, stride, dilation, before):
    assert filtering(lengths, positions, taps, stride, dilation, before) is None


@pytest.mark.parametrize("before", [(0, 0), (1, 1), (2, 2), (1, 0), (1,), (0,)])
def test_adjoints(before):
    x, weight, g = drawn((7, *(13, 10)[: len(before)], 11), 6, before, np.float64)
    y, back, to_weight = found(x, weight, g, before)
    inner = np.vdot(g, y)
    assert np.vdot(back, x) == pytest.approx(inner, rel=1e-11)
    assert np.vdot(to_weight, weight) == pytest.approx(inner, rel=1e-11)


@pytest.mark.parametrize("shape", [(16, 32, 32, 64), (24, 13, 7, 33), (64, 256, 64)])
def test_bits_do_not_depend_on_threads(shape):
    ones = (1,) * (len(shape) - 2)
    x, weight, g = drawn(shape, 40, ones, np.float32)

    def results():
        return [a.tobytes() for a in found(x, weight, g, ones)]

    before = get_num_threads()
    try:
        set_num_threads(1)
        alone = results()
        for threads in (2, 3, 2):
            set_num_threads(threads)
            assert results() == alone
    finally:
        set_num_threads(before)


@pytest.mark.parametrize(("channels", "stated"), [(16, 1e-5), (64, 1.5e-5), (256, 3e-5)])
@pytest.mark.parametrize("lengths", [(16, 16), (256,)])
def test_rounding_is_as_stated(channels, stated, lengths):
    ones = (1,) * len(lengths)
    x, weight, g = drawn((channels, *lengths, 8), channels, ones, np.float32)
    expected = plainly(x, weight, g, ones, ones)
    for result, wanted, most in zip(found(x, weight, g, ones), expected, (stated, stated, 1e-5), strict=True):
        assert error(result, wanted) < most


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays_near(value):
    x, weight, g = drawn((3, 16, 16, 4), 2, (1, 1), np.float32)
    expected, *_ = found(x, weight, g, (1, 1))
    x[1, 6, 6, 2] = value
    with np.errstate(invalid="ignore"):
        y, *_ = found(x, weight, g, (1, 1))
    assert not np.isfinite(y[:, 5:8, 5:8, 2]).any()
    y[:, 5:8, 4:8, 2] = expected[:, 5:8, 4:8, 2]
    np.testing.assert_array_equal(y, expected)


def test_few_images_are_not_taken_as_they_lie():
    how = filtering((32, 32), (32, 32), (3, 3), (1, 1), (1, 1), (1, 1))
    assert cost(16, 16, how, (32, 32, 8)) == math.inf
    assert cost(16, 16, how, (32, 32, 64)) < math.inf
