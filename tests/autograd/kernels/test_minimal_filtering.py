"""Convolution by minimal filtering, along the last two axes and along the last alone, against plain loops over taps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import winograd, winograd_lines
from autograd.kernels.minimal_filtering import SEVERAL
from autograd.kernels.threads import get_num_threads, set_num_threads

# The largest error, by the root of the mean square of the results.
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-13}
each = pytest.mark.parametrize("kernel", [winograd, winograd_lines])


def plainly(x, weight, g, before, dilation):
    """The result, the gradient of the images and that of the weight, in float64."""
    x, weight, g = (a.astype(np.float64) for a in (x, weight, g))
    padded = np.pad(x, ((0, 0), *((n, n) for n in before), (0, 0)))
    y, to_weight, back = np.zeros(g.shape), np.zeros(weight.shape), np.zeros(padded.shape)
    for tap in np.ndindex(weight.shape[2:]):
        starts = [t * d for t, d in zip(tap, dilation, strict=True)]
        seen = (slice(None), *(slice(n, n + p) for n, p in zip(starts, g.shape[1:-1], strict=True)))
        own = (..., *tap)
        y += np.einsum("fc,c...->f...", weight[own], padded[seen], optimize=True)
        to_weight[own] = np.tensordot(g, padded[seen], (range(1, g.ndim), range(1, g.ndim)))
        back[seen] += np.einsum("fc,f...->c...", weight[own], g, optimize=True)
    inside = (slice(n, n + length) for n, length in zip(before, x.shape[1:], strict=False))
    return y, back[:, *inside], to_weight


def batch_first(x):
    """The same numbers with the batch as the slowest axis in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)


LAYOUTS = {
    "batch last": lambda x: x,
    "batch first": batch_first,
    "every other row": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "images backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "columns backwards": lambda x: np.ascontiguousarray(x[..., ::-1, :])[..., ::-1, :],
    "stretched": lambda x: np.broadcast_to(x[:1, :, :1], x.shape),
}


def drawn(shape, features, before, dtype, seed=0, dilation=None, taps=None):
    """Images, weights and a cotangent of the results."""
    random = np.random.default_rng(seed)
    channels, *lengths, images = shape
    dilation = dilation or (1,) * len(lengths)
    taps = taps or (3,) * len(lengths)
    spatial = zip(lengths, before, dilation, taps, strict=True)
    results = (features, *(n + 2 * zeros - (t - 1) * d for n, zeros, d, t in spatial), images)
    kinds = (shape, (features, channels, *taps), results)
    return [random.standard_normal(kind).astype(dtype) for kind in kinds]


def error(found, expected):
    scale = np.sqrt(np.mean(np.square(expected)))
    return np.abs(found - expected).max() / scale if scale else np.abs(found).max()


def found(kernel, x, weight, g, before, dilation=None):
    """What `plainly` finds, by a kernel of minimal filtering."""
    stride, dilation = (1,) * len(before), dilation or (1,) * len(before)
    how = kernel.filtering(x.shape[1:-1], g.shape[1:-1], weight.shape[2:], stride, dilation, before)
    return [kernel.forward(x, weight, how), kernel.input_gradient(g, weight, how), kernel.weight_gradient(x, g, how)]


def check(kernel, x, weight, g, before, dilation=None):
    """With and without BLAS' kernels for small matrices."""
    expected = plainly(x, weight, g, before, dilation or (1,) * len(before))
    for small, square in ((0, 1 << 20), (1_000_000, 32)):
        winograd_lines._blocks.cache_clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(winograd_lines, "SMALL_PRODUCT", small)
            patch.setattr(winograd, "SQUARE", square)
            results = found(kernel, x, weight, g, before, dilation)
        for result, wanted in zip(results, expected, strict=True):
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
        ((3, 4, 4, 5), 2, (1, 1)),
        ((3, 5, 9, 2), 4, (2, 2)),  # a last tile with one row, or column, of results
        ((2, 7, 6, 600), 2, (1, 1)),  # images in several blocks
        ((5, 20, 21, 3), 4, (1, 1)),
        ((32, 8, 8, 64), 48, (1, 1)),
        ((64, 8, 8, 20), 64, (0, 0)),  # weight gradients in squares
        ((17, 40, 37, 8), 3, (1, 1)),
        ((48, 9, 30, 33), 12, (0, 1)),
        ((450, 4, 6, 64), 2, (1, 1)),  # a block of more columns than BLAS takes without packing; rows in several blocks
    ],
)
@each
def test_two_axes(kernel, shape, features, before, dtype):
    check(kernel, *drawn(shape, features, before, dtype), before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "features", "before"),
    [
        ((1, 3, 3, 3, 1), 1, (0, 0, 0)),
        ((2, 1, 4, 5, 3), 3, (1, 1, 1)),
        ((3, 6, 7, 5, 2), 2, (2, 0, 1)),
        ((16, 9, 8, 8, 16), 20, (1, 1, 1)),  # planes in several blocks
        ((64, 4, 8, 8, 8), 64, (0, 1, 1)),
    ],
)
def test_three_axes(shape, features, before, dtype):
    check(winograd, *drawn(shape, features, before, dtype), before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "features", "before"), [((3, 6, 9), 2, (1,)), ((64, 130, 40), 128, (1,)), ((2, 1, 3), 2, (2,))]
)
def test_one_axis(shape, features, before, dtype):
    check(winograd_lines, *drawn(shape, features, before, dtype), before)


@pytest.mark.parametrize("taps", [1, 2, 3, 5])
def test_any_number_of_taps_along_the_axis_ahead(taps):
    for first in (0, taps - 1):
        check(winograd, *drawn((5, 6, 9, 6, 7), 4, (first, 1, 1), np.float64, taps=(taps, 3, 3)), (first, 1, 1))
        check(winograd_lines, *drawn((5, 9, 6, 7), 4, (first, 1), np.float64, taps=(taps, 3)), (first, 1))


@settings(max_examples=80, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 11), min_size=1, max_size=3),
    before=st.tuples(*[st.integers(0, 2)] * 3),
    images=st.integers(1, 9),
    layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 2),
    seed=st.integers(0, 99),
)
def test_drawn_axes(lengths, before, images, layouts, seed):
    before = before[: len(lengths)]
    shape = (3, *(max(n, 3 - 2 * zeros) for n, zeros in zip(lengths, before, strict=True)), images)
    x, weight, g = drawn(shape, 2, before, np.float64, seed)
    for kernel in [winograd_lines] * (len(lengths) < 3) + [winograd] * (len(lengths) > 1):
        check(kernel, LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), before)


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
    before = (padding, padding)
    x, weight, g = drawn(shape, features, before, dtype, seed)
    for kernel in (winograd, winograd_lines):
        check(kernel, LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), before)


@pytest.mark.parametrize("layout", LAYOUTS)
@each
def test_layouts(kernel, layout):
    before = (1, 1)
    x, weight, g = drawn((6, 9, 10, 16), 5, before, np.float64)
    flipped = np.ascontiguousarray(weight[..., ::-1, ::-1])[..., ::-1, ::-1]
    check(kernel, LAYOUTS[layout](x), flipped, LAYOUTS[layout](g), before)
    x.flags.writeable = weight.flags.writeable = g.flags.writeable = False
    check(kernel, x, weight.swapaxes(2, 3), g, before)


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
    for kernel in (winograd, winograd_lines):
        check(kernel, LAYOUTS[layouts[0]](x), weight, LAYOUTS[layouts[1]](g), before, dilation)


@pytest.mark.parametrize("dilation", [1, 2, 5])
def test_dilated_along_the_last_axis(dilation):
    before, apart = (1, 2 * dilation, dilation), (1, dilation, dilation)
    check(winograd, *drawn((3, 5, 11, 4 * dilation, 4), 2, before, np.float64, dilation=apart), before, apart)
    before = apart = (dilation,)
    check(winograd_lines, *drawn((3, 4 * dilation, 4), 2, before, np.float64, dilation=apart), before, apart)


NOT_APART = [
    ((9, 9), (9, 9), (3, 5), (1, 1), (1, 1), (1, 2)),
    ((9, 9), (9, 5), (3, 3), (1, 2), (1, 1), (1, 1)),
    ((9, 9), (8, 9), (3, 3), (1, 1), (1, 1), (1, 1)),  # less at one end
    ((9, 9), (9, 7), (3, 3), (1, 1), (1, 2), (1, 1)),  # not by whole steps of the dilation
    ((9, 9), (9, 9), (3, 3), (1, 1), (1, 2), (1, 2)),  # nine columns in two parts
    ((9, 9, 9, 9), (9, 9, 9, 9), (3, 3, 3, 3), (1,) * 4, (1,) * 4, (1,) * 4),
]


@each
def test_what_cannot_be_taken_apart(kernel):
    for setting in NOT_APART:
        assert kernel.filtering(*setting) is None


def test_what_one_of_them_cannot_take_apart():
    cube, ones = (9, 9, 9), (1, 1, 1)
    assert winograd.filtering((9, 9), (9, 9), (5, 3), (1, 1), (1, 1), (2, 1)) is None
    assert winograd.filtering((9,), (9,), (3,), (1,), (1,), (1,)) is None
    assert winograd.filtering(cube, cube, (3, 3, 3), ones, (2, 1, 1), (2, 1, 1)) is None
    assert winograd_lines.filtering(cube, cube, (3, 3, 3), ones, ones, ones) is None


@pytest.mark.parametrize(
    ("kernel", "before"),
    [(winograd, (1, 1, 1)), (winograd, (0, 1, 2)), (winograd_lines, (1,)), (winograd_lines, (0,))]
    + [(kernel, before) for kernel in (winograd, winograd_lines) for before in [(0, 0), (1, 1), (2, 2), (1, 0)]],
)
def test_adjoints(kernel, before):
    x, weight, g = drawn((7, *(13, 10, 9)[: len(before)], 11), 6, before, np.float64)
    y, back, to_weight = found(kernel, x, weight, g, before)
    inner = np.vdot(g, y)
    assert np.vdot(back, x) == pytest.approx(inner, rel=1e-11)
    assert np.vdot(to_weight, weight) == pytest.approx(inner, rel=1e-11)


@pytest.mark.parametrize(
    ("kernel", "shape"),
    [(winograd, (16, 8, 12, 8, 9)), (winograd_lines, (64, 256, 64))]
    + [(k, shape) for k in (winograd, winograd_lines) for shape in [(64, 8, 8, 64), (16, 32, 32, 9), (24, 13, 7, 33)]],
)
def test_bits_do_not_depend_on_threads(kernel, shape):
    ones = (1,) * (len(shape) - 2)
    x, weight, g = drawn(shape, 40, ones, np.float32)

    def results():
        return [a.tobytes() for a in found(kernel, x, weight, g, ones)]

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
@pytest.mark.parametrize(
    ("kernel", "lengths"),
    [(winograd, (16, 16)), (winograd, (4, 8, 8)), (winograd_lines, (16, 16)), (winograd_lines, (256,))],
)
def test_rounding_is_as_stated(kernel, channels, stated, lengths):
    ones = (1,) * len(lengths)
    x, weight, g = drawn((channels, *lengths, 8), channels, ones, np.float32)
    expected = plainly(x, weight, g, ones, ones)
    for result, wanted, most in zip(found(kernel, x, weight, g, ones), expected, (stated, stated, 1e-5), strict=True):
        assert error(result, wanted) < most


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize(("kernel", "rows"), [(winograd, slice(4, 8)), (winograd_lines, slice(5, 8))])
def test_what_is_not_finite_stays_near(kernel, rows, value):
    x, weight, g = drawn((3, 16, 16, 4), 2, (1, 1), np.float32)
    expected, *_ = found(kernel, x, weight, g, (1, 1))
    x[1, 6, 6, 2] = value
    with np.errstate(invalid="ignore"):
        y, *_ = found(kernel, x, weight, g, (1, 1))
    assert not np.isfinite(y[:, 5:8, 5:8, 2]).any()
    y[:, rows, 4:8, 2] = expected[:, rows, 4:8, 2]
    np.testing.assert_array_equal(y, expected)


def test_few_images_are_not_taken_as_they_lie():
    how = winograd_lines.filtering((32, 32), (32, 32), (3, 3), (1, 1), (1, 1), (1, 1))
    assert winograd_lines.cost(16, 16, how, (32, 32, SEVERAL - 1)) == math.inf
    assert winograd_lines.cost(16, 16, how, (32, 32, SEVERAL)) < math.inf
