"""Adding at indices against `np.add.at`."""

import itertools

import numpy as np
import pytest

from autograd import Tensor, tensor
from autograd.kernels.scattering import Scattered, add_at, scattered

rng = np.random.default_rng(0)
ALL = slice(None)

# shape, index
CASES = {
    "a few rows": ((10, 6), (rng.integers(0, 10, 40),)),
    "one row": ((10, 6), (np.zeros(33, int),)),
    "rows, all different": ((10, 6), (rng.permutation(10),)),
    "rows, ascending": ((10, 6), (np.array([0, 3, 4, 9]),)),
    "negative and positive": ((10, 6), (np.array([-1, 9, 0, -10, -1]),)),
    "rows by a matrix": ((10, 2, 3), (rng.integers(0, 10, (4, 5)),)),
    "no rows": ((10, 6), (np.zeros(0, int),)),
    "no rows of none": ((0, 6), (np.zeros(0, int),)),
    "no elements of none": ((0, 6), (np.zeros(0, int), np.zeros(0, int))),
    "rows without elements": ((10, 0), (np.array([1, 1]),)),
    "elements": ((10,), (rng.integers(0, 10, 40),)),
    "the last axis": ((4, 7), (ALL, rng.integers(0, 7, 9))),
    "a middle axis": ((4, 7, 3), (ALL, rng.integers(0, 7, 9))),
    "a middle axis, all of the last": ((4, 7, 3), (ALL, rng.integers(0, 7, 9), ALL)),
    "after an ellipsis": ((4, 5, 7), (..., rng.integers(0, 7, 9))),
    "before an ellipsis": ((4, 5, 7), (rng.integers(0, 4, 9), ...)),
    "one per row": ((6, 5), (np.arange(6), rng.integers(0, 5, 6))),
    "pairs": ((6, 5, 3), (rng.integers(0, 6, 20), rng.integers(0, 5, 20))),
    "pairs that broadcast": ((6, 5, 3), (rng.integers(0, 6, (4, 1)), rng.integers(-5, 5, 3))),
    "with an int": ((6, 5, 3), (2, rng.integers(0, 5, 20))),
    "apart": ((6, 5, 3), (rng.integers(0, 6, 20), ALL, rng.integers(0, 3, 20))),
    "with a slice": ((6, 5, 3), (slice(1, 5, 2), rng.integers(0, 5, 20))),
    "with a new axis": ((6, 5, 3), (rng.integers(0, 6, 20), None)),
    "with truths": ((6, 5), (np.array([True, False] * 3), np.array([0, 0, 2]))),
    "truths": ((6, 5), (rng.random((6, 5)) < 0.5,)),
    "a slice": ((6, 5), (slice(4, 0, -2), 3)),
    "an element": ((6, 5), (1, 2)),
    "all": ((6, 5), (...,)),
}


def expected_of(shape, parts):
    y = np.zeros(shape)
    for index, part in parts:
        np.add.at(y, index, part)
    return y


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_one_index(case, dtype):
    shape, index = CASES[case]
    part = rng.integers(-5, 5, np.zeros(shape)[index].shape).astype(dtype)
    expected = expected_of(shape, [(index, part)])
    for layout in (part, np.array(part, order="F"), np.stack([part, part], -1)[..., 0]):
        found = scattered(shape, np.dtype(dtype), [(index, layout)])
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == dtype
        assert found.base is None
    for y in (np.ones(shape, dtype), np.ones(shape[::-1], dtype).T):
        add_at(y, index, part)
        np.testing.assert_array_equal(y, expected + 1)


def test_many_rows():
    index = np.minimum(rng.zipf(1.3, 5000), 999)
    part = rng.normal(size=(5000, 4))
    found = scattered((1000, 4), part.dtype, [((index,), part)])
    np.testing.assert_allclose(found, expected_of((1000, 4), [((index,), part)]), rtol=1e-10, atol=1e-10)
    again = scattered((1000, 4), part.dtype, [((index,), part)])
    assert found.tobytes() == again.tobytes()


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axis"), [((6, 4), 0), ((3, 6, 2), 1)])
def test_many_for_each_row(shape, axis, dtype):
    index = (*(ALL,) * axis, np.repeat([0, 2, -1, 3], [1, 700, 40, 559])[rng.permutation(1300)])
    part = rng.integers(-1, 2, np.zeros(shape)[index].shape)
    expected = expected_of(shape, [(index, part)])
    np.testing.assert_array_equal(
        scattered(shape, np.dtype(dtype), [(index, part.astype(dtype))]), expected.astype(dtype)
    )
    y = np.ones(shape, dtype)
    add_at(y, index, part.astype(dtype))
    np.testing.assert_array_equal(y, (expected + 1).astype(dtype))


PARTS = {
    "that are all": [(ALL, slice(0, 2)), (ALL, slice(2, 6)), (ALL, 6)],
    "that leave gaps": [(ALL, slice(0, 2)), (ALL, 5)],
    "that overlap": [(ALL, slice(0, 4)), (ALL, slice(2, 7))],
    "of several axes": [(ALL, slice(0, 2)), (0,), (1, 2)],
    "of two axes": [(slice(0, 2),), (ALL, slice(2, 6))],
    "of steps": [(ALL, slice(0, None, 2)), (ALL, slice(None, 0, -2))],
    "more than the whole": [(...,)] * 3 + [(0,), (ALL, 1), (...,)],
    "with rows": [(np.array([1, 1, 2]),), (1,), (np.array([0, 1]),)],
    "with new axes": [(None, 0), (ALL, None, 1)],
    "without elements": [(slice(0, 0),), (ALL, slice(3, 3))],
}


@pytest.mark.parametrize("case", PARTS)
def test_many_parts(case):
    shape = (4, 7)
    parts = [(index, rng.integers(-5, 5, np.zeros(shape)[index].shape).astype(float)) for index in PARTS[case]]
    expected = expected_of(shape, parts)
    kept = [part.copy() for _, part in parts]
    total = Scattered(shape, *parts[0])
    for index, part in parts[1:]:
        total += Scattered(shape, index, part)
    assert type(total) is Scattered
    whole = np.ones(shape)
    np.testing.assert_array_equal(whole + total, expected + 1)
    whole += total
    np.testing.assert_array_equal(whole, expected + 1)
    np.testing.assert_array_equal(total.array, expected)
    total += np.ones(shape)
    np.testing.assert_array_equal(total.array, expected + 1)
    for (_, part), copy in zip(parts, kept, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_a_part_of_the_whole_is_no_alias():
    part = np.ones((2, 3))
    found = Scattered((2, 3), (...,), part).array
    assert not np.shares_memory(found, part)


def test_parts_keep_their_layout():
    part = np.moveaxis(np.ones((3, 4, 5, 8)), -1, 0)
    assert np.argmin(Scattered((8, 9, 4, 5), (ALL, slice(2, 5)), part).array.strides) == 0
    assert np.argmin(Scattered((8, 9, 4, 5), (ALL, np.array([2, 1, 2])), part).array.strides) == 0


def test_parts_are_put_together_before_there_is_an_array(monkeypatch):
    made = []

    def counted(self):
        made.append(len(self.parts))
        return Scattered.compute(self)

    monkeypatch.setattr(Scattered, "array", property(counted))
    for leaf in (True, False):
        x = tensor(np.ones(4096), requires_grad=True)
        y = x if leaf else x * 2
        (y[:1000].sum() + y[1000:2000].sum() + y[3000:].sum()).backward()
        assert x.grad.data.sum() == 3096 * (1 if leaf else 2)
    assert made == [3, 3]


def test_gradients_that_were_put_together_are_the_leafs_own():
    x = tensor(rng.normal(size=(40, 50)), requires_grad=True)
    y = (x[:20] * x[20:]).sum()
    y.backward(retain_graph=True)
    first = x.grad
    kept = first.data.copy()
    x.grad = None
    y.backward()
    np.testing.assert_array_equal(first.data, kept)
    np.testing.assert_array_equal(x.grad.data, kept)
    assert not np.shares_memory(first.data, x.grad.data)


@pytest.mark.parametrize("leaf", [True, False])
def test_a_part_beside_what_reads_the_whole(leaf):
    """Whatever comes first, a part, the whole's own cotangent or one that others are given, too."""
    a = rng.normal(size=(40, 50))
    uses = [
        (lambda y: (y[:10] * 3).sum(), np.where(np.arange(40) < 10, 3.0, 0)[:, None]),
        (lambda y: (y * a).sum(), a),
        (lambda y: (y + shared).sum(), 1.0),
        (lambda y: y[5:].sum(), np.where(np.arange(40) < 5, 0, 1.0)[:, None]),
    ]
    for order in itertools.permutations(uses):
        x, shared = (tensor(rng.normal(size=(40, 50)), requires_grad=True) for _ in range(2))
        y = x if leaf else x * 1
        sum(use(y) for use, _ in order).backward()
        np.testing.assert_allclose(x.grad.data, sum(slope for _, slope in order) + np.zeros_like(a))
        np.testing.assert_array_equal(shared.grad.data, np.ones_like(a))


def test_time_steps_share_one_array():
    x = tensor(rng.normal(size=(3, 50)), requires_grad=True)
    state: Tensor = x[:, 0]
    for t in range(1, 50):
        state = state * 0.5 + x[:, t]
    (state.sum() + (x * x).sum() + x[1:].sum()).backward()
    expected = 2 * x.data + 0.5 ** np.arange(49, -1, -1)
    expected[1:] += 1
    np.testing.assert_allclose(x.grad.data, expected)
