"""Matrix products shared over threads, against sums in float64."""

import numpy as np
import pytest

from autograd.kernels.product import LARGE, SMALL, _slices, matrix_product
from autograd.kernels.threads import get_num_threads, set_num_threads


@pytest.fixture(autouse=True, params=[1, 2, 3])
def number(request):
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


LAYOUTS = {
    "rows": lambda x: x,
    "columns": lambda x: np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2),
    "every other": lambda x: np.repeat(np.repeat(x, 2, -1), 2, -2)[..., ::2, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[..., ::-1, ::-1])[..., ::-1, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[..., :1, :1], x.shape),
    "rows broadcast": lambda x: np.broadcast_to(x[..., :1, :], x.shape),
}
SHAPES = [
    ((3, 4), (4, 5)),
    ((1, 3000), (3000, 4)),
    ((70, 60), (60, 65)),  # from SMALL on
    ((131, 130), (130, 129)),  # from LARGE on, with parts of unequal size
    ((40, 300), (300, 190)),
    ((5, 60, 90), (90, 100)),
    ((1, 2, 64, 64), (3, 1, 64, 90)),
    ((0, 4), (4, 5)),
    ((3, 0), (0, 5)),
]


def test_shapes_are_of_all_sizes():
    sizes = [np.prod(np.broadcast_shapes(a[:-2], b[:-2]), dtype=int) * a[-2] * a[-1] * b[-1] for a, b in SHAPES]
    assert min(sizes) <= SMALL < sorted(sizes)[4] < LARGE <= sorted(sizes)[-2]


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_product_is_the_sum(left, right, layout, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=left).astype(dtype), rng.normal(size=right).astype(dtype)
    for a, b in ((LAYOUTS[layout](x), y), (x, LAYOUTS[layout](y)), (LAYOUTS[layout](x), LAYOUTS[layout](y))):
        found = matrix_product(a, b)
        wanted = np.einsum("...ik,...kj->...ij", a.astype(float), b.astype(float))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted, rtol=0, atol=50 * np.finfo(dtype).eps * max(1, left[-1]))
        np.testing.assert_array_equal(found, matrix_product(a, b))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 40, 129, 512, 10_000])
def test_parts_are_the_whole(number, length):
    for each in (1 << 14, 100_000, 1 << 23):
        slices = _slices(length, each)
        assert len(slices) == min(number, length)
        assert [k for some in slices for k in range(length)[some]] == list(range(length))
        assert len(range(length)[slices[0]]) == max(len(range(length)[some]) for some in slices)


def test_lengths_that_differ_are_an_error():
    with pytest.raises(ValueError, match=r"\(200, 200\) and \(100, 200\)"):
        matrix_product(np.ones((200, 200)), np.ones((100, 200)))
