"""Copies that keep the order of memory, against NumPy's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels.layout import empty_in_order, joined, memory_order, repeated, reshaped, stacked, taken


def batch_last(*shape):
    x = np.random.default_rng(0).normal(size=(*shape[1:], shape[0])).astype(np.float32)
    return np.moveaxis(x, -1, 0)


def test_empty_in_order():
    x = empty_in_order((2, 3, 4), np.dtype(np.float32), (1, 2, 0))
    assert x.shape == (2, 3, 4)
    assert x.strides == (4, 32, 8)
    assert x.base is None
    assert memory_order(x) == [1, 2, 0]
    assert empty_in_order((0, 3), np.dtype(float), (1, 0)).shape == (0, 3)


@pytest.mark.parametrize(
    ("shape", "order", "new"),
    [
        ((8, 4, 2, 2, 6, 6), (0, 1, 4, 2, 5, 3), (8, 4, 12, 12)),
        ((8, 2, 16, 4, 4), (0, 2, 1, 3, 4), (8, 32, 4, 4)),
        ((8, 1, 16, 9), (0, 3, 1, 2), (8, 1, 9, 4, 4)),
        ((8, 12, 12), (0, 2, 1), (8, 1, 3, 4, 12, 1)),
        ((8, 12, 12), (0, 2, 1), (-1,)),
        ((8, 12, 12), (0, 2, 1), (-1, 12)),
        ((8, 4, 6, 6), (0, 2, 3, 1), (16, 72)),
    ],
)
def test_reshaped(shape, order, new):
    x = batch_last(*shape).transpose(order)
    np.testing.assert_array_equal(reshaped(x, new), x.reshape(new))


def test_a_shuffle_of_pixels_keeps_the_batch_last():
    x = batch_last(8, 4, 2, 2, 6, 6).transpose(0, 1, 4, 2, 5, 3)
    assert memory_order(reshaped(x, (8, 4, 12, 12))) == [1, 2, 3, 0]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_drawn_reshapes(data):
    factors = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=6)) + [4] * 5

    def lengths():
        bounds = sorted(data.draw(st.sets(st.integers(1, len(factors) - 1), max_size=5)))
        return tuple(int(np.prod(factors[a:b])) for a, b in zip([0, *bounds], [*bounds, len(factors)], strict=True))

    old, new = lengths(), lengths()
    order = data.draw(st.permutations(range(len(old))))
    x = empty_in_order(old, np.dtype(int), order)
    x[...] = np.arange(x.size).reshape(old)
    np.testing.assert_array_equal(reshaped(x, new), x.reshape(new))


def test_shapes_that_do_not_fit():
    for new in ((7, 7), (-1, 7), (0, -1)):
        with pytest.raises(ValueError, match="reshape"):
            reshaped(batch_last(8, 12, 12), new)


@pytest.mark.parametrize("axis", range(4))
def test_taken_and_repeated(axis):
    for x in (batch_last(5, 6, 7, 8), np.arange(24.0).reshape(1, 2, 3, 4), batch_last(5, 6, 7, 8)[:, :, ::-1]):
        indices = np.array([0, -1, 0])
        np.testing.assert_array_equal(taken(x, indices, axis), x.take(indices, axis))
        np.testing.assert_array_equal(repeated(x, 3, axis), np.repeat(x, 3, axis))
        assert memory_order(taken(x, indices, axis)) == memory_order(x)
        assert memory_order(repeated(x, 3, axis)) == memory_order(x)
        for wrong in (x.shape[axis], -x.shape[axis] - 1):
            with pytest.raises(IndexError):
                taken(x, np.array([wrong]), axis)
    np.testing.assert_array_equal(taken(x, indices[None], axis), x.take(indices[None], axis))


@pytest.mark.parametrize("least", [1 << 19, 64])
@pytest.mark.parametrize("axis", range(4))
def test_joined(axis, least, monkeypatch):
    monkeypatch.setattr("autograd.kernels.layout._LARGE", least)
    x = batch_last(5, 6, 7, 8)
    some = (slice(None),) * axis
    for xs in ([x, x[(*some, slice(2))], x[(*some, slice(0))]], [x, x[(*some, slice(None, None, -1))]]):
        found = joined(xs, axis)
        np.testing.assert_array_equal(found, np.concatenate(xs, axis))
        assert found.strides == np.concatenate(xs, axis).strides
    for other in (np.ascontiguousarray(x), x.astype(np.float64)):
        found = joined([x, other], axis)
        np.testing.assert_array_equal(found, np.concatenate([x, other], axis))
        assert found.dtype == np.result_type(x, other)


@pytest.mark.parametrize("axis", range(5))
def test_stacked(axis):
    xs = [batch_last(5, 6, 7, 8), batch_last(5, 6, 7, 8)[:, ::-1]]
    found = stacked(xs, axis)
    np.testing.assert_array_equal(found, np.stack(xs, axis))
    assert np.argmin(found.strides) == (1 if axis == 0 else 0)
