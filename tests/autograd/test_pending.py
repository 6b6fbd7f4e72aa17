"""Tensors whose arrays are left to be computed: they are what they would be, and made no sooner than needed."""

import copy
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.kernels import fusion, padding
from autograd.tensor import Pending
from autograd.watching import Observer, watched
from nn import functional as F

WIDTHS = [(0, 0), (0, 0), (1, 1), (2, 2)]


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture
def x():
    return ag.tensor(images(4, 8, 40, 40), requires_grad=True)


def test_looked_at_it_is_an_ordinary_tensor(x):
    padded = ag.pad(x, WIDTHS)
    assert isinstance(padded, Pending)
    assert (padded.shape, padded.ndim, padded.size, padded.dtype) == ((4, 8, 42, 44), 4, 4 * 8 * 42 * 44, np.float64)
    assert isinstance(padded, Pending)
    np.testing.assert_array_equal(padded.array, np.pad(x.array, WIDTHS))
    assert type(padded) is ag.Tensor
    assert padded.array is padded.array
    assert not padded.array.flags.writeable


@pytest.mark.parametrize(
    "look",
    [
        repr,
        np.asarray,
        lambda t: t.sum(),
        lambda t: t[0],
        lambda t: t + 1,
        lambda t: t.detach(),
        lambda t: pickle.loads(pickle.dumps(t)),
        lambda t: t.numpy(),
        lambda t: ag.concatenate([t, t]),
        lambda t: ag.sliding_windows(t, (3, 3)).sum(),
        lambda t: ag.sliding_windows(t, 3, axes=(0,)),
    ],
)
def test_every_way_of_looking_finds_the_same(x, look):
    found, expected = look(ag.pad(x.detach(), WIDTHS)), look(ag.tensor(np.pad(x.array, WIDTHS)))
    if isinstance(found, str):
        assert found == expected
    else:
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_a_copy_of_one_without_history_is_an_ordinary_tensor(x):
    copied = copy.deepcopy(ag.pad(x.detach(), WIDTHS))
    assert type(copied) is ag.Tensor
    np.testing.assert_array_equal(copied.array, np.pad(x.array, WIDTHS))


def test_windows_are_pending_too_and_views_when_looked_at(x):
    windows = ag.sliding_windows(ag.pad(x, WIDTHS), (3, 5), (2, 1), axes=(2, 3))
    assert isinstance(windows, Pending)
    grouped = windows.reshape(4, 2, 4, *windows.shape[2:])
    assert isinstance(grouped, Pending)
    padded = np.pad(x.array, WIDTHS)
    expected = np.lib.stride_tricks.sliding_window_view(padded, (3, 5), axis=(2, 3))[:, :, ::2]
    np.testing.assert_array_equal(grouped.array, expected.reshape(grouped.shape))
    np.testing.assert_array_equal(windows.array, expected)


def test_a_convolution_does_not_make_the_padded_images(x, monkeypatch):
    def made(*_):
        raise AssertionError("the padded images were made")

    monkeypatch.setattr(padding, "bordered", made)
    weight = ag.tensor(images(6, 8, 3, 3, seed=1), requires_grad=True)
    F.conv2d(x, weight, padding=1).sum().backward()
    assert x.grad.shape == x.shape
    assert weight.grad.shape == weight.shape


def test_what_it_is_made_of_may_be_written_into_before_it_is_looked_at(x):
    padded = ag.pad(x, WIDTHS)
    before = np.pad(x.array, WIDTHS)
    x.write(0.0)
    np.testing.assert_array_equal(padded.array, before)


def test_writing_into_the_images_after_a_convolution_does_not_change_its_gradient(x):
    weight = ag.tensor(images(6, 8, 3, 3, seed=1), requires_grad=True)
    F.conv2d(x, weight, padding=1).sum().backward()
    expected = weight.grad.array.copy()
    weight.grad = None
    y = F.conv2d(x, weight, padding=1)
    x.write(0.0)
    y.sum().backward()
    np.testing.assert_allclose(weight.grad.array, expected, rtol=1e-12, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 3),
    groups=st.sampled_from([1, 2, 4]),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    before=st.integers(0, 4),
    after=st.integers(0, 4),
    last=st.booleans(),
    single=st.booleans(),
)
def test_convolutions_of_padded_images(n, groups, kernel, stride, dilation, before, after, last, single):
    length = {1: 130, 2: 17, 3: 9}[n]
    data = images(9, 8, *(length,) * n).astype(np.float32 if single else np.float64)
    if last:
        data = np.moveaxis(np.ascontiguousarray(np.moveaxis(data, 0, -1)), -1, 0)
    kernels = images(4, 8 // groups, *(kernel,) * n, seed=1).astype(data.dtype)
    options = {"stride": stride, "dilation": dilation, "groups": groups}
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for least in (0, 1 << 40):
            patch.setattr("autograd.ops.padding._LARGE", least)
            x, weight = ag.tensor(data, requires_grad=True), ag.tensor(kernels, requires_grad=True)
            y = F.conv(x, weight, None, padding=[(before, after)] * n, **options)
            g = images(*y.shape, seed=2).astype(data.dtype)
            found.append((y.array, *(d.array for d in ag.gradients(y, [x, weight], g))))
    for mine, plain in zip(*found, strict=True):
        tolerance = 2e-3 if single else 1e-9
        np.testing.assert_allclose(mine, plain, rtol=tolerance, atol=tolerance)


def test_second_order(monkeypatch):
    monkeypatch.setattr("autograd.ops.padding._LARGE", 0)
    x, weight = ag.tensor(images(2, 2, 6, 6), requires_grad=True), ag.tensor(images(3, 2, 3, 3), requires_grad=True)

    def penalty():
        (slope,) = ag.gradients((F.conv2d(x, weight, padding=1) ** 2).sum(), x, create_graph=True)
        return (slope**2).sum()

    found = ag.gradients(penalty(), [x, weight])
    monkeypatch.setattr("autograd.ops.padding._LARGE", 1 << 40)
    for mine, plain in zip(found, ag.gradients(penalty(), [x, weight]), strict=True):
        np.testing.assert_allclose(mine.array, plain.array, rtol=1e-10)


# Elementwise steps

LARGE = (16, 24, 20, 32)


def scaled(x, w, b, other):
    """Operations that wait for each other, and the last for whoever looks."""
    return ag.relu(ag.multiply_add(x, w, b) + other)


def operands(requires_grad=False, dtype=np.float32):
    shapes = [LARGE, (24, 1, 1), (24, 1, 1), LARGE]
    return [ag.tensor(images(*s, seed=k).astype(dtype), requires_grad=requires_grad) for k, s in enumerate(shapes)]


def by_numpy(x, w, b, other):
    return np.maximum(x.array * w.array + b.array + other.array, 0)


def test_steps_wait_for_the_next():
    given = operands()
    waiting = ag.multiply_add(*given[:3])
    assert isinstance(waiting, Pending)
    assert isinstance(waiting + given[3], Pending)
    y = scaled(*given)
    assert isinstance(y, Pending)
    np.testing.assert_array_equal(y.array, by_numpy(*given))
    assert type(y) is ag.Tensor


def test_what_a_rule_keeps_is_computed():
    given = operands(requires_grad=True)
    y = scaled(*given)
    assert type(y) is ag.Tensor
    assert y.node.values[0] is y.array
    np.testing.assert_array_equal(y.array, by_numpy(*given))


@pytest.mark.parametrize("end", [ag.relu, lambda x: ag.clip(x, -0.5, 0.5, inclusive=False)])
def test_gradients_are_those_of_steps_done_apart(end, monkeypatch):
    def gradients():
        given = operands(requires_grad=True)
        y = end(ag.multiply_add(*given[:3]) + given[3])
        (y * y).sum().backward()
        return [y.array, *(t.grad.array for t in given)]

    found = gradients()
    monkeypatch.setattr(fusion, "LARGE", 1 << 60)
    for mine, apart in zip(found, gradients(), strict=True):
        np.testing.assert_array_equal(mine, apart)


def test_a_write_does_not_reach_what_was_computed_from_it_before():
    given = operands()
    expected = by_numpy(*given)
    y = scaled(*given)
    for t in given:
        with ag.no_grad():
            t += 1
    np.testing.assert_array_equal(y.array, expected)


def test_nor_does_one_into_a_step_that_was_looked_at():
    given = operands()
    first = ag.multiply_add(*given[:3])
    second = first + given[3]
    expected = first.array + given[3].array
    with ag.no_grad():
        first += 1
    np.testing.assert_array_equal(second.array, expected)


def test_arrays_of_the_users_own_are_read_at_once():
    given = operands()
    mine = given[3].array.copy()
    y = ag.multiply_add(*given[:3]) + mine
    expected = given[0].array * given[1].array + given[2].array + mine
    mine[...] = 0
    np.testing.assert_array_equal(y.array, expected)


def test_a_long_sum_keeps_few_of_its_terms_alive():
    total = ag.zeros(LARGE)
    held = []
    for k in range(20):
        term = ag.tensor(images(*LARGE, seed=k).astype(np.float32))
        held.append(weakref.ref(term.array))
        total = total + term
        del term
    assert sum(reference() is not None for reference in held) <= fusion.MOST
    np.testing.assert_allclose(total.array, sum(images(*LARGE, seed=k) for k in range(20)), rtol=1e-4, atol=1e-5)


class Log(Observer):
    """What ran, and what it gave."""

    def __init__(self):
        self.operations = []

    def computed(self, operation):
        self.operations.append((operation.primitive.name, operation.y))


@pytest.mark.parametrize("requires_grad", [False, True])
def test_observers_see_every_step(requires_grad):
    given = operands(requires_grad)
    log = Log()
    with watched(log):
        y = scaled(*given)
    (_, product), (_, total), (_, positive) = log.operations
    expected = given[0].array * given[1].array + given[2].array
    np.testing.assert_array_equal(product, expected)
    np.testing.assert_array_equal(total, expected + given[3].array)
    np.testing.assert_array_equal(positive, y.array)
    if requires_grad:
        assert [name for name, _ in log.operations] == ["multiply_add", "add", "relu"]
