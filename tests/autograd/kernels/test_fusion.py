"""Elementwise steps done in one pass, against the same done one after the other by NumPy: equal to the last bit."""

import threading
import warnings
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import fusion
from autograd.kernels.fusion import MOST, Step, then
from autograd.kernels.loops import multiply_add
from autograd.kernels.masking import positive_part

SHAPE = (24, 16, 20, 32)


def drawn(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def channels(seed=1, dtype=np.float32):
    return drawn(24, 1, 1, 1, seed=seed, dtype=dtype)


STEPS = {
    "scale and shift": (multiply_add, lambda dtype: (channels(1, dtype), channels(2, dtype))),
    "add": (np.add, lambda dtype: (drawn(*SHAPE, seed=3, dtype=dtype),)),
    "shift": (np.add, lambda dtype: (0.5,)),
    "relu": (positive_part, lambda dtype: ()),
    "clip": (np.clip, lambda dtype: (-0.25, None)),
}


@settings(max_examples=25, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=2 * MOST),
    dtype=st.sampled_from([np.float32, np.float64]),
    order=st.permutations(range(4)),
)
def test_are_the_steps_done_apart(names, dtype, order):
    x = np.ascontiguousarray(drawn(*SHAPE, dtype=dtype).transpose(order)).transpose(np.argsort(order))
    step, expected = x, x
    for name in names:
        kernel, operands = STEPS[name]
        step = then(kernel, step, *operands(dtype), first=True)
        expected = kernel(expected, *operands(dtype))
    assert isinstance(step, Step)
    assert step.length <= MOST
    assert not step.computed
    np.testing.assert_array_equal(step.array, expected)
    assert step.array.dtype == dtype
    assert step.array is step.array


@pytest.mark.parametrize(
    ("x", "others"),
    [
        (drawn(10, 10), (1.0,)),  # small
        (drawn(*SHAPE).astype(np.float16), (1.0,)),
        (drawn(*SHAPE).astype(np.int64), (1,)),
        (drawn(*SHAPE), (drawn(*SHAPE, dtype=np.float64),)),
        (drawn(*SHAPE), (np.float64(1),)),
        (drawn(24, 16, 20, 32), (drawn(2, 24, 16, 20, 32),)),
        (drawn(1, 16, 400, 32), (drawn(2, 16, 400, 32),)),
        (drawn(*SHAPE), (channels()[:5],)),
    ],
)
def test_what_does_not_wait(x, others):
    assert then(np.add, x, *others, first=True) is None


def test_an_array_does_not_begin_unless_asked_to():
    assert then(np.add, drawn(*SHAPE), 1.0) is None


def test_where_floating_point_errors_are_raised_nothing_waits():
    with np.errstate(over="raise"):
        assert then(np.add, drawn(*SHAPE), 1.0, first=True) is None


def test_warnings_are_as_they_were_set_for_the_step():
    x = np.full(SHAPE, 3e38, np.float32)
    with np.errstate(over="ignore"):
        quiet = then(np.add, x, x, first=True)
    loud = then(np.add, x, x, first=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(quiet.array).all()
    with np.errstate(over="ignore"), pytest.warns(RuntimeWarning, match="overflow"):
        loud.array  # noqa: B018


def test_one_that_was_looked_at_is_not_done_again(monkeypatch):
    x = drawn(*SHAPE)
    first = then(np.add, x, 1.0, first=True)
    second = then(positive_part, first)
    seen = first.array
    calls = []
    monkeypatch.setattr(fusion, "compute", lambda kernel, x, *others, out: calls.append(x) or kernel(x, *others))
    np.testing.assert_array_equal(second.array, np.maximum(x + np.float32(1), 0))
    assert calls[0] is seen


def test_operands_that_wait_are_computed():
    x, y = drawn(*SHAPE), drawn(*SHAPE, seed=1)
    step = then(np.add, then(np.add, x, 1.0, first=True), then(np.add, y, 2.0, first=True))
    np.testing.assert_array_equal(step.array, (x + np.float32(1)) + (y + np.float32(2)))


def test_when_done_it_holds_nothing_of_what_it_read():
    x, other = drawn(*SHAPE), drawn(*SHAPE, seed=1)
    step = then(positive_part, then(np.add, x, other, first=True))
    assert {id(array) for array in step.sources} == {id(x), id(other)}
    held = [weakref.ref(x), weakref.ref(other)]
    step.array  # noqa: B018
    assert step.sources == ()
    del x, other
    assert [reference() for reference in held] == [None, None]


def test_many_threads_find_the_same():
    x = drawn(*SHAPE)
    for _ in range(20):
        before = then(np.add, x, 1.0, first=True)
        steps = [before, then(positive_part, before), then(np.add, before, x)]
        found = [[] for _ in range(6)]

        def look(k, steps=steps, found=found):
            found[k].append(steps[k % 3].array)

        threads = [threading.Thread(target=look, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one = x + np.float32(1)
        for k, expected in enumerate([one, np.maximum(one, 0), one + x] * 2):
            np.testing.assert_array_equal(found[k][0], expected)
            assert found[k][0] is steps[k % 3].array
