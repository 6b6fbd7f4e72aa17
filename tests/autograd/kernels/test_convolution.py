"""The kernels of convolution against plain loops over positions and taps."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import convolution, patches
from autograd.kernels.convolution import correlation, input_gradient, weight_gradient
from autograd.kernels.patches import LONG, SHARED, Geometry, blocks_of
from autograd.kernels.threads import get_num_threads, set_num_threads, share


def correlate(x, weight, at):
    y = np.full((len(weight), *at.positions, x.shape[-1]), np.nan, x.dtype)
    share(lambda task: task(), list(correlation(x, weight, at, y)))
    return y


def to_images(g, weight, at, lengths):
    y = np.full((weight.shape[1], *lengths, g.shape[-1]), np.nan, g.dtype)
    share(lambda task: task(), list(input_gradient(g, weight, at, y)))
    return y


def meetings(at, lengths):
    """Each position and tap that meet inside an image, and where."""
    for p in itertools.product(*map(range, at.positions)):
        for t in itertools.product(*map(range, at.taps)):
            q = tuple(i * s + k * d - b for i, s, k, d, b in zip(p, at.stride, t, at.dilation, at.before, strict=True))
            if all(0 <= i < length for i, length in zip(q, lengths, strict=True)):
                yield (slice(None), *p), (slice(None), slice(None), *t), (slice(None), *q)


def plainly(x, weight, g, at):
    """The result, the gradient of the weight and that of the images, in float64."""
    y, to_weight, back = np.zeros(g.shape), np.zeros(weight.shape), np.zeros(x.shape)
    for p, t, q in meetings(at, x.shape[1:-1]):
        y[p] += weight[t] @ x[q]
        to_weight[t] += g[p] @ x[q].T
        back[q] += weight[t].T @ g[p]
    return y, to_weight, back


def batch_first(x):
    """The same numbers with the batch as the slowest axis in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)


LAYOUTS = {
    "batch last": lambda x: x,
    "batch first": batch_first,
    "a part": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
}


def check(lengths, channels, features, images, at, layout="batch last", dtype=np.float64, tolerance=1e-12):
    rng = np.random.default_rng(0)
    x = LAYOUTS[layout](rng.normal(size=(channels, *lengths, images)).astype(dtype))
    g = LAYOUTS[layout](rng.normal(size=(features, *at.positions, images)).astype(dtype))
    weight = rng.normal(size=(features, channels, *at.taps)).astype(dtype)
    wanted = plainly(x.astype(float), weight.astype(float), g.astype(float), at)
    for shared, long, small in ((0, 1, 0), (0, LONG, 1 << 20), (SHARED, LONG, 0), (SHARED, LONG, 1 << 20)):
        patches.Blocks.of.cache_clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(patches, "SMALL_PRODUCT", small)
            patch.setattr(patches, "SHARED", shared)
            patch.setattr(patches, "LONG", long)
            patch.setattr(convolution, "LONG", long)
            found = correlate(x, weight, at), weight_gradient(x, g, at), to_images(g, weight, at, lengths)
        for one, other in zip(found, wanted, strict=True):
            assert one.dtype == dtype
            np.testing.assert_allclose(one, other, atol=tolerance * max(1, np.abs(other).max()))


@st.composite
def geometries(draw):
    n = draw(st.integers(1, 3))
    few = st.tuples(*[st.integers(1, 3)] * n)
    lengths = draw(st.tuples(*[st.integers(1, 8 if n < 3 else 4)] * n))
    at = Geometry(
        draw(st.tuples(*[st.integers(1, 5 if n < 3 else 3)] * n)),
        draw(few),
        draw(few),
        draw(few),
        draw(st.tuples(*[st.integers(-1, 3)] * n)),
    )
    return lengths, at


@settings(max_examples=150)
@given(
    geometries(),
    st.integers(1, 3),
    st.sampled_from((1, 2, 3, 9, 40)),
    st.sampled_from((1, 2, 33)),
    st.sampled_from(list(LAYOUTS)),
)
def test_any_geometry(geometry, channels, features, images, layout):
    lengths, at = geometry
    check(lengths, channels, features, images, at, layout)


def same(size, k, stride=1, dilation=1):
    """Where the windows of a padded square convolution lie."""
    reach = dilation * (k - 1)
    positions = (size + 2 * (reach // 2) - reach - 1) // stride + 1
    return Geometry((positions,) * 2, (k, k), (stride,) * 2, (dilation,) * 2, (reach // 2,) * 2)


@pytest.mark.parametrize(
    ("size", "channels", "features", "images", "k", "stride", "dilation"),
    [
        (7, 5, 60, 20, 3, 1, 2),  # rows of one remainder by the dilation overlap, those of the other are too few
        (7, 9, 60, 20, 3, 1, 2),  # the same, across
        (7, 128, 60, 20, 3, 1, 2),  # the same, a large weight
        (16, 5, 7, 70, 3, 1, 1),  # overlapping rows, several tiles, products of few columns
        (16, 5, 40, 64, 3, 2, 1),
        (20, 4, 6, 16, 3, 1, 3),  # rows apart by dilation
        (9, 40, 150, 8, 3, 1, 1),  # a weight gradient made some channels at a time
        (3, 30, 33, 4, 3, 2, 1),  # a weight larger than the images
        (4, 64, 64, 16, 3, 1, 1),
        (12, 6, 4, 64, 1, 1, 1),
        (12, 6, 4, 64, 1, 2, 1),
        (16, 24, 8, 32, 1, 1, 1),  # rows 64 KB apart, which are copied
        (14, 1, 6, 128, 5, 1, 1),
        (18, 3, 8, 1, 7, 2, 1),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_larger_ones(size, channels, features, images, k, stride, dilation, dtype):
    tolerance = 1e-12 if dtype is np.float64 else 2e-6 * math.sqrt(channels * k * k)
    check((size, size), channels, features, images, same(size, k, stride, dilation), dtype=dtype, tolerance=tolerance)


@pytest.mark.parametrize("dilation", [1, 30])
@pytest.mark.parametrize(("channels", "features"), [(20, 40), (40, 20)])
def test_along_one_axis(channels, features, dilation):
    before = dilation + 1
    at = Geometry((67 + 2,), (3,), (1,), (dilation,), (before,))  # of the long positions, one tap misses a whole part
    check((67,), channels, features, 32, at)
    flat = Geometry((69, 2), (3, 1), (1, 1), (dilation, 1), (before, 0))
    check((67, 2), channels, features, 16, flat)


@pytest.mark.parametrize("k", [1, 3])
def test_threads_do_not_change_a_bit(k):
    rng = np.random.default_rng(0)
    at = same(16, k)
    x, g = (rng.normal(size=(24, 16, 16, 40)).astype(np.float32) for _ in range(2))
    weight = rng.normal(size=(24, 24, k, k)).astype(np.float32)
    before = get_num_threads()
    try:
        made = []
        for threads in (1, 2, 3, 2):
            set_num_threads(threads)
            made.append((correlate(x, weight, at), weight_gradient(x, g, at), to_images(g, weight, at, (16, 16))))
    finally:
        set_num_threads(before)
    for other in made[1:]:
        for one, same_one in zip(made[0], other, strict=True):
            np.testing.assert_array_equal(one, same_one)


@pytest.mark.parametrize("apart", [1, 2])
@pytest.mark.parametrize("wide", [16, 15])
def test_rows_of_patches_that_are_put_apart(wide, apart):
    """Their 16 · 8 or 15 · 8 columns, 1024 or 960 bytes, side by side in memory or a line further apart."""
    at = Geometry((16, wide), (3, 3), (1, 1), (apart, 1), (apart, 1))
    blocks = blocks_of(at, np.zeros((4, 16, wide, 8)), np.zeros((6, 16, wide, 8)))
    plan = blocks._plan(blocks.all[0], None, 4)
    columns = math.prod(plan.copied[-2:] if blocks.overlapping else plan.copied[-3:])
    assert plan.memory[1] - columns == (8 if columns * 8 % 1024 == 0 else 0)
    check((16, wide), 4, 6, 8, at)
