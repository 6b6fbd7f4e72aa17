"""Winograd's convolution against plain loops over taps."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels.threads import get_num_threads, set_num_threads
from autograd.kernels.winograd import forward, input_gradient, use_winograd, weight_gradient, worthwhile

# The largest error, by the root of the mean square of the results.
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-13}


def plainly(x, weight, g, padding, dilation=(1, 1)):
    """The result, the gradient of the images and that of the weight, in float64."""
    x, weight, g = (a.astype(np.float64) for a in (x, weight, g))
    _, height, width, _ = g.shape
    down, over = (d * padding for d in dilation)
    padded = np.pad(x, ((0, 0), (down, down), (over, over), (0, 0)))
    y, to_weight, back = np.zeros(g.shape), np.zeros(weight.shape), np.zeros(padded.shape)
    for i, j in itertools.product(range(3), repeat=2):
        row, column = i * dilation[0], j * dilation[1]
        seen = (slice(None), slice(row, row + height), slice(column, column + width))
        y += np.einsum("fc,cpqn->fpqn", weight[:, :, i, j], padded[seen], optimize=True)
        to_weight[:, :, i, j] = np.einsum("fpqn,cpqn->fc", g, padded[seen], optimize=True)
        back[seen] += np.einsum("fc,fpqn->cpqn", weight[:, :, i, j], g, optimize=True)
    return y, back[:, down : down + x.shape[1], over : over + x.shape[2]], to_weight


def batch_first(x):
    """The same numbers with the batch as the slowest axis in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)


LAYOUTS = {
    "batch last": lambda x: x,
    "batch first": batch_first,
    "every other row": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "images backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "columns backwards": lambda x: np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1],
    "stretched": lambda x: np.broadcast_to(x[:1, :, :1], x.shape),
}


def drawn(shape, features, padding, dtype, seed=0, dilation=(1, 1)):
    """Images, weights and a cotangent of the results."""
    random = np.random.default_rng(seed)
    channels, height, width, images = shape
    results = (features, *(n + 2 * d * (padding - 1) for n, d in zip((height, width), dilation, strict=True)), images)
    kinds = (shape, (features, channels, 3, 3), results)
    return [random.standard_normal(kind).astype(dtype) for kind in kinds]


def error(found, expected):
    scale = np.sqrt(np.mean(np.square(expected)))
    return np.abs(found - expected).max() / scale if scale else np.abs(found).max()


def check(x, weight, g, padding, dilation=(1, 1)):
    results = [
        forward(x, weight, padding, dilation),
        input_gradient(g, weight, padding, dilation),
        weight_gradient(x, g, padding, dilation),
    ]
    for found, expected in zip(results, plainly(x, weight, g, padding, dilation), strict=True):
        assert found.dtype == x.dtype
        assert found.shape == expected.shape
        assert found.flags.c_contiguous
        assert error(found, expected) < TOLERANCE[x.dtype]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "features", "padding"),
    [
        ((1, 3, 3, 1), 1, 0),
        ((2, 1, 1, 1), 3, 1),
        ((2, 1, 2, 2), 2, 2),
        ((3, 4, 4, 5), 2, 1),
        ((3, 5, 9, 2), 4, 2),  # a last tile with one row of results
        ((2, 7, 6, 70), 2, 1),  # images in two blocks
        ((5, 20, 21, 3), 4, 1),
        ((32, 8, 8, 64), 48, 1),
        ((64, 8, 8, 20), 64, 0),  # weight gradients in squares
        ((17, 40, 37, 8), 3, 1),
        ((450, 4, 6, 64), 2, 1),  # a block of more columns than BLAS takes without packing
    ],
)
def test_values(shape, features, padding, dtype):
    check(*drawn(shape, features, padding, dtype), padding)


@settings(max_examples=60, deadline=None)
@given(
    channels=st.integers(1, 9),
    features=st.integers(1, 9),
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    images=st.integers(1, 9),
    padding=st.integers(0, 2),
    layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 2),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_drawn(channels, features, height, width, images, padding, layouts, dtype, seed):
    shape = (channels, max(height, 3 - 2 * padding), max(width, 3 - 2 * padding), images)
    x, weight, g = drawn(shape, features, padding, dtype, seed)
    check(LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), padding)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    x, weight, g = drawn((6, 9, 10, 16), 5, 1, np.float64)
    check(LAYOUTS[layout](x), np.ascontiguousarray(weight[..., ::-1, ::-1])[..., ::-1, ::-1], LAYOUTS[layout](g), 1)
    x.flags.writeable = weight.flags.writeable = g.flags.writeable = False
    check(x, weight.swapaxes(2, 3), g, 1)


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
    x, weight, g = drawn(shape, 2, padding, np.float64, seed, dilation)
    check(LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), padding, dilation)


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_adjoints(padding):
    x, weight, g = drawn((7, 13, 10, 11), 6, padding, np.float64)
    inner = np.vdot(g, forward(x, weight, padding))
    assert np.vdot(input_gradient(g, weight, padding), x) == pytest.approx(inner, rel=1e-11)
    assert np.vdot(weight_gradient(x, g, padding), weight) == pytest.approx(inner, rel=1e-11)


@pytest.mark.parametrize("shape", [(64, 8, 8, 64), (16, 32, 32, 9), (24, 13, 7, 33)])
def test_bits_do_not_depend_on_threads(shape):
    x, weight, g = drawn(shape, 40, 1, np.float32)

    def results():
        return [a.tobytes() for a in (forward(x, weight, 1), input_gradient(g, weight, 1), weight_gradient(x, g, 1))]

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
def test_rounding_is_as_stated(channels, stated):
    x, weight, g = drawn((channels, 16, 16, 8), channels, 1, np.float32)
    y, back, to_weight = plainly(x, weight, g, 1)
    assert error(forward(x, weight, 1), y) < stated
    assert error(input_gradient(g, weight, 1), back) < stated
    assert error(weight_gradient(x, g, 1), to_weight) < 1e-5


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays_near(value):
    x, weight, _ = drawn((3, 16, 16, 4), 2, 1, np.float32)
    expected = forward(x, weight, 1)
    x[1, 6, 6, 2] = value
    with np.errstate(invalid="ignore"):
        found = forward(x, weight, 1)
    windows = (slice(None), slice(5, 8), slice(5, 8), 2)
    assert not np.isfinite(found[windows]).any()
    found[:, 4:8, 4:8, 2] = expected[:, 4:8, 4:8, 2]
    np.testing.assert_array_equal(found, expected)


def test_worthwhile():
    assert worthwhile(64, 64, 8, 8, 64)
    assert worthwhile(64, 64, 8, 8, 64, weight_gradient=True)
    assert worthwhile(16, 16, 32, 32, 64, weight_gradient=True)
    assert not worthwhile(16, 16, 32, 32, 64)
    assert not worthwhile(3, 64, 32, 32, 64)
    assert not worthwhile(512, 512, 2, 2, 64)
    assert not worthwhile(64, 64, 1, 1, 1)


def test_switch():
    use_winograd(False)
    try:
        assert not worthwhile(64, 64, 8, 8, 64)
    finally:
        use_winograd(True)
    assert worthwhile(64, 64, 8, 8, 64)
