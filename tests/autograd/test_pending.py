"""Tensors whose arrays are left to be computed: they are what they would be, and made no sooner than needed."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.kernels import padding
from autograd.tensor import Pending
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
            patch.setattr("autograd.ops.shaping._LARGE", least)
            x, weight = ag.tensor(data, requires_grad=True), ag.tensor(kernels, requires_grad=True)
            y = F.conv(x, weight, None, padding=[(before, after)] * n, **options)
            g = images(*y.shape, seed=2).astype(data.dtype)
            found.append((y.array, *(d.array for d in ag.gradients(y, [x, weight], g))))
    for mine, plain in zip(*found, strict=True):
        tolerance = 2e-3 if single else 1e-9
        np.testing.assert_allclose(mine, plain, rtol=tolerance, atol=tolerance)


def test_second_order(monkeypatch):
    monkeypatch.setattr("autograd.ops.shaping._LARGE", 0)
    x, weight = ag.tensor(images(2, 2, 6, 6), requires_grad=True), ag.tensor(images(3, 2, 3, 3), requires_grad=True)

    def penalty():
        (slope,) = ag.gradients((F.conv2d(x, weight, padding=1) ** 2).sum(), x, create_graph=True)
        return (slope**2).sum()

    found = ag.gradients(penalty(), [x, weight])
    monkeypatch.setattr("autograd.ops.shaping._LARGE", 1 << 40)
    for mine, plain in zip(found, ag.gradients(penalty(), [x, weight]), strict=True):
        np.testing.assert_allclose(mine.array, plain.array, rtol=1e-10)
