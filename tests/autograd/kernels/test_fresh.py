"""Convolutions that wait for the steps after them, against the same done apart, and against plain float64."""

import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.kernels.deferred import Deferred, owner
from autograd.kernels.fresh import MOST, Fresh
from autograd.kernels.padding import Padded
from autograd.tensor import held
from nn import functional as F


def drawn(*shape, seed=0, dtype=np.float32):
    return ag.tensor(np.random.default_rng(seed).normal(size=shape).astype(dtype))


# Input, weight, and arguments: by minimal filtering in tiles and along lines, patches, in groups, depthwise, 1-d, 3-d.
CASES = {
    "3×3": ((32, 16, 16, 16), (24, 16, 3, 3), {"padding": 1}),
    "1×3": ((32, 16, 16, 16), (24, 16, 1, 3), {"padding": (0, 1)}),
    "1×1": ((32, 16, 16, 16), (24, 16, 1, 1), {}),
    "strided": ((32, 16, 33, 33), (24, 16, 5, 5), {"stride": 2, "padding": 2}),
    "dilated": ((32, 16, 16, 16), (24, 16, 3, 3), {"dilation": 2, "padding": 2}),
    "groups": ((32, 16, 16, 16), (32, 4, 3, 3), {"groups": 4, "padding": 1}),
    "large groups": ((8, 128, 16, 16), (96, 64, 3, 3), {"groups": 2, "padding": 1}),
    "depthwise": ((32, 24, 16, 16), (24, 1, 3, 3), {"groups": 24, "padding": 1}),
    "two each": ((32, 12, 16, 16), (24, 1, 3, 3), {"groups": 12, "padding": 1}),
    "1-d": ((32, 16, 300), (24, 16, 7), {"padding": 3}),
    "3-d": ((8, 8, 10, 12, 14), (16, 8, 3, 3, 3), {"padding": 1}),
}


def column(features, axes, seed, dtype=np.float32):
    return drawn(features, *(1,) * axes, seed=seed, dtype=dtype)


def steps(y, scale, shift, other):
    """Scale and shift, a residual, and relu; each is let go of when the next is made."""
    y = ag.multiply_add(y, scale, shift)
    y = y + other
    return ag.relu(y)


@pytest.fixture
def makes(monkeypatch):
    """The factors of each array that is made, in order."""
    found = []
    made = Fresh.made
    monkeypatch.setattr(Fresh, "made", lambda self, factors=None: found.append(factors) or made(self, factors))
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scales_the_weight_and_goes_on_in_the_same_memory(case, dtype, makes):
    shape, weight_shape, options = CASES[case]
    x, weight = drawn(*shape, dtype=dtype), drawn(*weight_shape, seed=1, dtype=dtype)
    features, axes = weight_shape[0], len(shape) - 2
    scale, shift = column(features, axes, 2, dtype), column(features, axes, 3, dtype)
    exact = F.conv(ag.astype(x, np.float64), ag.astype(weight, np.float64), **options).array
    other = drawn(*exact.shape, seed=4, dtype=dtype)
    exact = np.maximum(exact * scale.array + shift.array + other.array, 0)
    with ag.no_grad():
        y = steps(F.conv(x, weight, **options), scale, shift, other)
        assert isinstance(held(y), Deferred)
        assert makes == []
        y.array  # noqa: B018
        assert [factors is not None for factors in makes] == [True]
        apart = F.conv(x, weight, **options).array
    apart = np.maximum(apart * scale.array + shift.array + other.array, 0)
    assert y.dtype == dtype
    rounding = max(2 * np.abs(apart - exact).max(), 10 * np.finfo(dtype).eps * exact.max())
    assert np.abs(y.array - exact).max() < rounding


def test_without_a_scale_the_numbers_are_those_of_steps_done_apart():
    x, weight, bias = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1), drawn(24, seed=2)
    with ag.no_grad():
        y = ag.relu(F.conv(x, weight, bias, padding=1))
        apart = F.conv(x, weight, padding=1)
    assert isinstance(held(y), Deferred)
    expected = np.maximum(apart.array + bias.array.reshape(-1, 1, 1), 0)
    np.testing.assert_array_equal(y.array, expected)


def test_is_made_once_also_by_those_who_keep_what_lies_between(makes):
    x, weight, scale = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1), column(24, 2, 2)
    with ag.no_grad():
        y = F.conv(x, weight, padding=1)
        scaled = ag.multiply_add(y, scale, 1.0)
        z = ag.relu(scaled)
    z.array  # noqa: B018
    assert len(makes) == 1
    assert makes[0] is None
    np.testing.assert_array_equal(scaled.array, y.array * scale.array + np.float32(1))
    np.testing.assert_array_equal(z.array, np.maximum(scaled.array, 0))
    assert len(makes) == 1


def test_is_made_once_for_two_who_follow(makes):
    x, weight = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1)
    with ag.no_grad():
        y = F.conv(x, weight, padding=1)
        first, second = ag.relu(y), y + 1.0
        del y
        first.array  # noqa: B018
        second.array  # noqa: B018
    assert len(makes) == 1
    np.testing.assert_allclose(np.maximum(second.array - 1, 0), first.array, atol=1e-5)


def test_factors_reach_the_weight(makes):
    x, weight, scale = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1), column(24, 2, 2)
    with ag.no_grad():
        y = ag.relu(ag.multiply_add(F.conv(x, weight, padding=1), scale, 1.0))
        y.array  # noqa: B018
    assert len(makes) == 1
    assert makes[0] is not None


def test_a_large_weight_is_left_as_it_is(makes):
    x, weight = drawn(4, 128, 16, 16), drawn(128, 128, 3, 3, seed=1)
    scale, shift = column(128, 2, 2), column(128, 2, 3)
    with ag.no_grad():
        assert weight.size > F.conv(x, weight, padding=1).size
        found = ag.multiply_add(F.conv(x, weight, padding=1), scale, shift).array
        wanted = F.conv(x, weight, padding=1).array * scale.array + shift.array
    assert makes[0] is None
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(32, 24, 1, 1), (1, 1, 16, 16), (24, 16, 16), (32, 24, 16, 16), (1, 1, 1, 1)])
def test_other_factors_are_for_the_result(shape, makes):
    x, weight, factors = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1), drawn(*shape, seed=2)
    with ag.no_grad():
        y = ag.relu(ag.multiply_add(F.conv(x, weight, padding=1), factors, 1.0))
        y.array  # noqa: B018
        assert makes == [None]
        apart = F.conv(x, weight, padding=1).array
    np.testing.assert_array_equal(y.array, np.maximum(apart * factors.array + np.float32(1), 0))


def test_factors_of_groups_alone_are_for_the_result(makes):
    """As many as there are groups, along the axis of groups, of which each has several features."""
    x, weight, factors = drawn(32, 16, 16, 16), drawn(4, 8, 4, 3, 3, seed=1), drawn(4, 1, 1, 1, seed=2)
    with ag.no_grad():
        windows = ag.reshape(ag.sliding_windows(x, (3, 3)), (32, 4, 4, 14, 14, 3, 3))

        def convolved():
            return ag.einsum("ngchiwx,gfcwx->ngfhi", windows, weight)

        y = ag.multiply_add(convolved(), factors, 1.0)
        np.testing.assert_array_equal(y.array, convolved().array * factors.array + np.float32(1))
    assert makes == [None, None]


@pytest.mark.parametrize("written", ["input", "weight", "scale", "other"])
def test_writing_into_what_it_is_made_of_comes_after_it(written, makes):
    operands = {
        "input": drawn(32, 16, 16, 16),
        "weight": drawn(24, 16, 3, 3, seed=1),
        "scale": column(24, 2, 2),
        "other": drawn(32, 24, 16, 16, seed=4),
    }
    x, weight, scale, other = operands.values()
    with ag.no_grad():
        expected = steps(F.conv(x, weight, padding=1), scale, 1.0, other).numpy().copy()
        y = steps(F.conv(x, weight, padding=1), scale, 1.0, other)
        operands[written] *= 2.0
    np.testing.assert_array_equal(y.array, expected)
    assert len(makes) == 2


def test_obeys_the_switches_of_when_it_was_called():
    x, weight = drawn(32, 64, 16, 16), drawn(64, 64, 3, 3, seed=1)
    with ag.no_grad():
        ag.use_winograd(False)
        try:
            y, apart = F.conv(x, weight, padding=1), F.conv(x, weight, padding=1).array
        finally:
            ag.use_winograd(True)
        np.testing.assert_array_equal(y.array, apart)
        assert np.any(F.conv(x, weight, padding=1).array != apart)


def test_padding_for_the_next_convolution_copies_nothing():
    x, weight = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1)
    with ag.no_grad():
        y = F.conv(x, weight, padding=1)
        assert isinstance(held(y), Fresh)
        assert isinstance(held(ag.pad(y, [(0, 0), (0, 0), (1, 1), (1, 1)])), Padded)


def test_where_errors_are_raised_it_is_made_at_once():
    x, weight = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1)
    with ag.no_grad(), np.errstate(over="raise"):
        assert not isinstance(held(F.conv(x, weight, padding=1)), Deferred)
    with ag.no_grad():
        assert isinstance(held(F.conv(x, weight, padding=1)), Fresh)


def test_warnings_are_as_they_were_set():
    x, weight, scale = drawn(32, 16, 16, 16), drawn(24, 16, 1, 1, seed=1), column(24, 2, 2)
    with ag.no_grad():
        with np.errstate(over="ignore", invalid="ignore"):
            y = ag.multiply_add(F.conv(x, weight * 1e30, padding=1), scale * 1e30, 1.0)
        assert not np.isfinite(y.array).any()


def test_while_history_is_recorded_and_of_small_arrays_nothing_waits():
    x, weight = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1)
    assert not isinstance(held(F.conv(x, weight, padding=1)), Deferred)
    with ag.no_grad():
        assert not isinstance(held(F.conv(x[:2], weight, padding=1)), Deferred)


def test_steps_take_no_memory_of_their_own():
    x, weight, scale = drawn(64, 16, 32, 32), drawn(16, 16, 3, 3, seed=1), column(16, 2, 2)

    def peak(then):
        then(F.conv(x, weight, padding=1)).array  # noqa: B018
        tracemalloc.start()
        then(F.conv(x, weight, padding=1)).array  # noqa: B018
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    with ag.no_grad():
        assert peak(lambda y: ag.relu(ag.multiply_add(y, scale, 1.0))) < 1.1 * peak(lambda y: y)


def test_what_waits_is_made_once_by_two_threads_that_look():
    x, weight = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1)
    with ag.no_grad():
        expected = F.conv(x, weight, padding=1).array
        for _ in range(20):
            y = F.conv(x, weight, padding=1)
            found = []
            threads = [threading.Thread(target=lambda y=y, found=found: found.append(y.array)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len({id(array) for array in found}) == 1
            np.testing.assert_array_equal(found[0], expected)


def test_a_network_evaluates_as_where_history_is_recorded():
    network = nn.Sequential(
        nn.Conv2d(8, 24, 3, padding=1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU6(),
        nn.Conv2d(24, 24, 3, padding=1, groups=24),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.Conv2d(24, 12, 1),
        nn.BatchNorm2d(12),
    )
    x = drawn(32, 8, 24, 24)
    network(x)  # moves the running statistics
    network.eval()
    recorded = network(x)
    with ag.no_grad():
        evaluated = network(x)
    np.testing.assert_allclose(evaluated.array, recorded.array, rtol=1e-5, atol=1e-5)


def test_few_wait_so_that_what_they_are_made_of_is_freed(makes):
    weight, scale = drawn(24, 16, 3, 3, seed=1), column(24, 2, 2)
    inputs, results = [], []
    with ag.no_grad():
        for k in range(MOST + 3):
            x = drawn(32, 16, 16, 16, seed=k)
            x = ag.tensor(np.ascontiguousarray(x.array.transpose(1, 2, 3, 0))).transpose(3, 0, 1, 2)  # not to be copied
            results.append(ag.relu(ag.multiply_add(F.conv(x, weight, padding=1), scale, 1.0)))
            inputs.append(weakref.ref(owner(x.array)))
            del x
    assert len(makes) == 3
    deadline = time.monotonic() + 10
    while inputs[2]() is not None and time.monotonic() < deadline:
        time.sleep(0.01)  # a helper that has not begun holds what it was to work on
    assert [r() is None for r in inputs] == [True] * 3 + [False] * MOST
    assert all(factors is not None for factors in makes)
    assert [held(y).computed for y in results] == [True] * 3 + [False] * MOST


def test_those_of_other_threads_are_left_alone():
    x, weight = drawn(32, 16, 16, 16), drawn(24, 16, 3, 3, seed=1)

    def evaluate():
        with ag.no_grad():
            kept.extend(F.conv(x, weight, padding=1) for _ in range(MOST + 1))

    kept = []
    with ag.no_grad():
        y = F.conv(x, weight, padding=1)
    thread = threading.Thread(target=evaluate)
    thread.start()
    thread.join()
    assert [held(t).computed for t in (y, *kept)] == [False, True, *[False] * MOST]
