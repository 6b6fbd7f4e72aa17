"""Images with the batch put last, against NumPy's copy; the weight's gradient, which another thread may compute."""

import threading

import numpy as np
import pytest

import autograd as ag
from autograd.kernels import window_contraction, winograd_lines
from autograd.kernels.patches import Geometry
from autograd.kernels.threads import postpone, share
from autograd.kernels.window_contraction import COPIED, PAGE, batch_last, minimal

SHAPES = [(1, 3, 5), (2, 3, 4), (13, 2, 16, 32), (21, 64, 16, 16), (9, 1, 130, 16, 16), (7, 50, 30, 30)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_last(shape, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    y = batch_last(x)
    np.testing.assert_array_equal(y, np.moveaxis(x, 0, -1))
    assert y.strides[-1] == y.itemsize or shape[0] == 1
    assert np.shares_memory(batch_last(np.moveaxis(y, -1, 0)), y)


def test_shapes_are_of_all_kinds():
    sizes = [int(np.prod(shape)) for shape in SHAPES]
    apart = [4 * size // shape[0] % PAGE for size, shape in zip(sizes, SHAPES, strict=True)]
    kinds = {(size >= COPIED, bool(rest)) for size, rest in zip(sizes, apart, strict=True)}
    assert len(kinds) == 4


@pytest.fixture(params=[1, 2, 3], name="threads")
def _threads(request):
    before = ag.get_num_threads()
    ag.set_num_threads(request.param)
    yield
    ag.set_num_threads(before)


def leaf(*shape, seed):
    return ag.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32), requires_grad=True)


def convolved(x, weight, groups=1, padding=1):
    padded = ag.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)]) if padding else x
    windows = ag.sliding_windows(padded, (3, 3), axes=(2, 3))
    windows = ag.reshape(windows, (x.shape[0], groups, -1, *windows.shape[2:]))
    weight = ag.reshape(weight, (groups, -1, *weight.shape[1:]))
    y = ag.einsum("ngchwij,gfcij->ngfhw", windows, weight)
    return ag.reshape(y, (x.shape[0], -1, *y.shape[3:]))


def reference(x, g, features, groups):
    """The gradient of the weight, tap by tap."""
    n, channels, height, width = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]).reshape(n, groups, -1, height + 2, width + 2)
    g = g.reshape(n, groups, features // groups, height, width)
    taps = [
        [np.einsum("ngchw,ngfhw->gfc", padded[..., i : i + height, j : j + width], g, optimize=True) for j in range(3)]
        for i in range(3)
    ]
    return np.moveaxis(np.array(taps), (0, 1), (-2, -1)).reshape(features, channels // groups, 3, 3)


@pytest.mark.parametrize("groups", [1, 2, 48])
def test_gradients_of_weights_that_wait(threads, groups):
    x = leaf(16, 48, 16, 16, seed=0)
    weights = [leaf(48, 48 // groups, 3, 3, seed=seed) for seed in range(1, 8)]
    y, inputs = x, []
    for weight in weights:
        inputs.append(y)
        y = convolved(y, weight, groups) / 20
    for t in inputs:
        t.retain_grad()
    y.retain_grad()
    y.square().sum().backward()
    for t, after, weight in zip(inputs, [*inputs[1:], y], weights, strict=True):
        wanted = reference(t.data, after.grad.data / 20, 48, groups)
        np.testing.assert_allclose(weight.grad.data, wanted, atol=2e-5 * np.abs(wanted).max())


def test_one_weight_used_twice_has_the_sum_of_both_gradients(threads):
    x, weight, copy = leaf(16, 32, 16, 16, seed=0), leaf(32, 32, 3, 3, seed=1), leaf(32, 32, 3, 3, seed=1)
    convolved(convolved(x, weight) / 20, weight).square().sum().backward()
    convolved(convolved(x, weight.detach().requires_grad_()) / 20, copy).square().sum().backward()
    first = leaf(32, 32, 3, 3, seed=1)
    convolved(convolved(x, first) / 20, copy.detach()).square().sum().backward()
    total = first.grad.data + copy.grad.data
    np.testing.assert_allclose(weight.grad.data, total, atol=1e-5 * np.abs(total).max())


def test_a_weights_gradient_is_of_the_images_as_they_were(threads):
    """A hook writes into the images while no helper is free to compute the gradient that is due by then."""
    x, weights = leaf(16, 32, 16, 16, seed=0), [leaf(32, 32, 3, 3, seed=seed) for seed in (1, 2)]
    seen = []

    def gradient(write):
        images = ag.tensor(
            np.moveaxis(np.moveaxis(x.data, 0, -1).copy(), -1, 0)
        )  # in the kernels' order: read as it is
        inner = convolved(0 * x, weights[0], padding=0)
        inner.register_hook(lambda g: seen.append(write(images)))
        loss = (convolved(images, weights[1], padding=0) + inner).square().sum()
        gate = threading.Event()
        busy = [postpone(gate.wait) for _ in range(ag.get_num_threads() - 1)]
        share(id, range(8))
        found, _ = ag.gradients(loss, [weights[1], x])
        gate.set()
        assert all(blocker.result() for blocker in busy)
        return found.data

    wanted = gradient(lambda images: None)
    np.testing.assert_array_equal(gradient(lambda images: images.__setitem__(slice(None), 3.0)), wanted)
    assert len(seen) == 2


@pytest.mark.parametrize("shape", [(32, 1, 3, 3), (1, 32, 3, 3), (32, 32, 1, 3)])
def test_a_weight_that_broadcasts_has_the_sum_of_what_its_copies_would_have(threads, shape, monkeypatch):
    monkeypatch.setattr(window_contraction, "SHARED", 1)
    x, weight = leaf(16, 32, 16, 16, seed=0), leaf(*shape, seed=1)
    windows = ag.sliding_windows(x.detach(), (3, 3), axes=(2, 3))
    cotangent = leaf(16, shape[0], 14, 14, seed=2).detach()
    whole = ag.broadcast_to(weight, (shape[0], 32, 3, 3)).detach().requires_grad_()
    (ag.einsum("nchwij,fcij->nfhw", windows, weight) * cotangent).sum().backward()
    (ag.einsum("nchwij,fcij->nfhw", windows, whole) * cotangent).sum().backward()
    axes = tuple(axis for axis, (a, b) in enumerate(zip(shape, whole.shape, strict=True)) if a != b)
    wanted = whole.grad.data.sum(axis=axes, keepdims=True)
    np.testing.assert_allclose(weight.grad.data, wanted, atol=1e-4 * np.abs(wanted).max())


def chosen(channels, features, *lengths, **options):
    """The name of the kernel of minimal filtering that convolves so as to keep lengths, if one does."""
    ones, taps = (1,) * (len(lengths) - 1), (3,) * (len(lengths) - 1)
    at = Geometry(lengths[:-1], taps, ones, ones, ones)
    by = minimal(np.dtype(np.float32), (1, channels, features), at, lengths[:-1], lengths, **options)
    return by and by.kernel.__name__.rpartition(".")[2]


@pytest.fixture
def several(monkeypatch):
    """Chooses as where BLAS has kernels for small matrices, or with products of so many images."""

    def put(images):
        monkeypatch.setattr(winograd_lines, "SEVERAL", images)
        window_contraction._fastest.cache_clear()

    put(32)
    yield put
    window_contraction._fastest.cache_clear()


def test_lines_are_filtered_where_enough_images_lie_beside_each_other(several):
    several(65)
    assert chosen(16, 16, 32, 32, 64) == "winograd"
    assert chosen(128, 128, 128, 64) is None
    assert chosen(128, 128, 128, 65) == "winograd_lines"


@pytest.mark.usefixtures("several")
def test_the_fastest_filtering_is_chosen():
    assert chosen(64, 64, 8, 8, 64) == "winograd"
    assert chosen(64, 64, 32, 32, 1) == "winograd"
    assert chosen(16, 16, 32, 32, 64) == "winograd_lines"
    assert chosen(128, 128, 128, 64) == "winograd_lines"
    assert chosen(64, 64, 8, 8, 64, weight_gradient=True) == "winograd"
    assert chosen(16, 16, 32, 32, 64, weight_gradient=True) == "winograd_lines"
    assert chosen(128, 128, 128, 64, weight_gradient=True) == "winograd_lines"


@pytest.mark.usefixtures("several")
def test_filtering_is_not_chosen_where_it_is_slower():
    for few in [(4, 4, 32, 32, 64), (3, 64, 32, 32, 64), (512, 512, 2, 2, 64), (64, 64, 1, 1, 1), (32, 64, 512, 64)]:
        assert chosen(*few) is None
    for few in [(3, 64, 32, 32, 64), (256, 256, 64, 64), (256, 256, 4, 4, 32), (128, 128, 4, 4, 32)]:
        assert chosen(*few, weight_gradient=True) is None


def test_filtering_is_switched_off():
    ag.use_winograd(False)
    try:
        assert chosen(64, 64, 8, 8, 64) is None
    finally:
        ag.use_winograd(True)
    assert chosen(64, 64, 8, 8, 64) == "winograd"
