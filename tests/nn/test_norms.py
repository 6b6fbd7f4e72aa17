"""Normalisation layers and functions against PyTorch, and their running statistics, second derivatives and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import close, compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return 2 + rng.normal(size=shape)


def options(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


LAYERS = [
    ("LayerNorm", options(4), normal(3, 4)),
    ("LayerNorm", options((2, 4)), normal(3, 2, 4)),
    ("LayerNorm", options([3, 2, 4], eps=0.1), normal(3, 2, 4)),
    ("LayerNorm", options(4, elementwise_affine=False), normal(3, 4)),
    ("LayerNorm", options(4, bias=False), normal(2, 3, 4)),
    ("LayerNorm", options(4), normal(0, 4)),
    ("RMSNorm", options(4), normal(3, 4)),
    ("RMSNorm", options((2, 4), eps=0.1), normal(3, 2, 4)),
    ("RMSNorm", options(4, elementwise_affine=False), normal(4)),
    ("GroupNorm", options(2, 6), normal(3, 6, 4)),
    ("GroupNorm", options(1, 6, eps=0.1), normal(3, 6, 2, 2)),
    ("GroupNorm", options(6, 6), normal(3, 6, 2, 3, 2)),
    ("GroupNorm", options(3, 6, affine=False), normal(3, 6, 4)),
    ("GroupNorm", options(3, 6, bias=False), normal(3, 6, 4)),
    ("GroupNorm", options(2, 6), normal(3, 6)),
    ("GroupNorm", options(2, 6), normal(0, 6, 3)),
    ("InstanceNorm1d", options(3), normal(2, 3, 5)),
    ("InstanceNorm1d", options(3, affine=True), normal(3, 5)),
    ("InstanceNorm2d", options(3, eps=0.1, affine=True), normal(2, 3, 4, 5)),
    ("InstanceNorm2d", options(3, affine=True, bias=False), normal(2, 3, 4, 5)),
    ("InstanceNorm2d", options(3, track_running_stats=True), normal(2, 3, 4, 5)),
    ("InstanceNorm2d", options(3, momentum=0.4, affine=True, track_running_stats=True), normal(3, 4, 5)),
    ("InstanceNorm2d", options(3, momentum=None, track_running_stats=True), normal(2, 3, 4, 5)),
    ("InstanceNorm3d", options(2, affine=True, track_running_stats=True), normal(2, 2, 3, 2, 2)),
    ("LocalResponseNorm", options(3), normal(2, 5, 4)),
    ("LocalResponseNorm", options(4, alpha=0.5, beta=0.6, k=2.0), normal(2, 5, 3, 3)),
    ("LocalResponseNorm", options(1), normal(2, 5, 2, 3, 2)),
    ("LocalResponseNorm", options(9, alpha=1), normal(2, 5, 4)),
]


@pytest.mark.parametrize(("name", "arguments", "x"), LAYERS)
def test_layer(name: str, arguments: Any, x: np.ndarray) -> None:
    args, kwargs = arguments
    compare_modules(getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs), x)


@pytest.mark.parametrize(("name", "arguments", "x"), [case for case in LAYERS if case[0].startswith("I")])
def test_instance_norm_when_evaluating(name: str, arguments: Any, x: np.ndarray) -> None:
    args, kwargs = arguments
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs).double()
    theirs(torch.tensor(x))  # moves the running statistics
    compare_modules(ours.eval(), theirs.eval(), x)


def test_running_statistics_over_several_batches() -> None:
    ours = nn.InstanceNorm1d(3, track_running_stats=True).double()
    theirs = torch.nn.InstanceNorm1d(3, track_running_stats=True).double()
    for i in range(4):
        x = np.random.default_rng(i).normal(i, size=(5, 3, 4))
        ours(ag.tensor(x)), theirs(torch.tensor(x))
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value, name, rtol=1e-12)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_drawn_options(data: st.DataObject) -> None:
    batch, groups, per_group = (data.draw(st.integers(1, 3)) for _ in range(3))
    spatial = data.draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    eps = data.draw(st.floats(1e-5, 1))
    channels = groups * per_group
    x = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(batch, channels, *spatial))
    theirs = torch.nn.functional
    weight, bias = normal(channels), normal(channels)
    compare_functions(
        lambda x, w, b: F.group_norm(x, groups, w, b, eps),
        lambda x, w, b: theirs.group_norm(x, groups, w, b, eps),
        x,
        weight,
        bias,
    )
    compare_functions(
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=eps),
        lambda x, w, b: theirs.instance_norm(x, weight=w, bias=b, eps=eps),
        x,
        weight,
        bias,
    )
    last = tuple(x.shape[data.draw(st.integers(0, x.ndim - 1)) :])
    weight, bias = normal(*last), normal(*last)
    compare_functions(
        lambda x, w, b: F.layer_norm(x, last, w, b, eps),
        lambda x, w, b: theirs.layer_norm(x, last, w, b, eps),
        x,
        weight,
        bias,
    )
    compare_functions(
        lambda x, w: F.rms_norm(x, last, w, eps), lambda x, w: theirs.rms_norm(x, last, w, eps), x, weight
    )
    size, alpha, beta = data.draw(st.integers(1, 5)), data.draw(st.floats(0, 1)), data.draw(st.floats(0.1, 1))
    compare_functions(
        lambda x: F.local_response_norm(x, size, alpha, beta, 0.7),
        lambda x: theirs.local_response_norm(x, size, alpha, beta, 0.7),
        x,
    )


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_drawn_batch_norm(data: st.DataObject) -> None:
    batch, channels = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 3))
    spatial = data.draw(st.lists(st.integers(1, 4), max_size=3))
    training, momentum, eps = (data.draw(s) for s in (st.booleans(), st.floats(0, 1), st.floats(1e-5, 1)))
    x = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(batch, channels, *spatial))
    statistics = normal(channels), np.exp(normal(channels))
    ours, theirs = [ag.tensor(s) for s in statistics], [torch.tensor(s) for s in statistics]
    compare_functions(
        lambda x, w, b: F.batch_norm(x, *ours, w, b, training, momentum, eps),
        lambda x, w, b: torch.nn.functional.batch_norm(x, *theirs, w, b, training, momentum, eps),
        x,
        normal(channels),
        normal(channels),
    )
    for mine, wanted in zip(ours, theirs, strict=True):
        close(mine, wanted, "running statistics", rtol=1e-12)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_normalize(p: float, dim: int) -> None:
    x = rng.normal(size=(3, 4, 2))
    compare_functions(lambda t: F.normalize(t, p, dim), lambda t: torch.nn.functional.normalize(t, p, dim), x)
    compare_functions(
        lambda t: F.normalize(t, p=p, dim=dim, eps=2.0), lambda t: torch.nn.functional.normalize(t, p, dim, 2.0), x
    )


def test_normalize_over_several_axes_and_of_zeros() -> None:
    x = rng.normal(size=(3, 4, 2))
    compare_functions(lambda t: F.normalize(t, dim=(1, 2)), lambda t: torch.nn.functional.normalize(t, dim=(1, 2)), x)
    zeros = np.zeros((2, 3))
    compare_functions(F.normalize, torch.nn.functional.normalize, zeros)


def test_rms_norm_has_the_epsilon_of_its_dtype() -> None:
    for dtype, size, rounding in ((np.float16, 1e-3, 1e-3), (np.float32, 1e-9, 1e-6), (np.float64, 1e-9, 1e-6)):
        x = np.full((1, 2), size, dtype)
        y = F.rms_norm(ag.tensor(x), (2,))
        wanted = torch.nn.functional.rms_norm(torch.tensor(x), (2,))
        assert y.dtype == dtype
        np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=rounding)


def test_layer_norm_of_an_int_is_of_one_axis() -> None:
    x = ag.tensor(normal(3, 4))
    np.testing.assert_array_equal(F.layer_norm(x, 4).numpy(), F.layer_norm(x, (4,)).numpy())


def test_derivatives_of_both_orders() -> None:
    x, w = normal(2, 4, 3), normal(4)
    check_derivatives(lambda x, w: F.group_norm(x, 2, w), x, w)
    check_derivatives(lambda x, w: F.instance_norm(x, weight=w), x, w)
    check_derivatives(lambda x, w: F.rms_norm(x, (3,), w), x, w[:3])
    check_derivatives(lambda x, w: F.layer_norm(x, (3,), w), x, w[:3])
    check_derivatives(lambda x: F.local_response_norm(x, 3, 0.5), x)
    check_derivatives(F.normalize, x)


def test_float32_stays_float32() -> None:
    x = ag.tensor(normal(2, 4, 3).astype(np.float32), requires_grad=True)
    layers = [
        nn.GroupNorm(2, 4),
        nn.LayerNorm(3),
        nn.RMSNorm(3),
        nn.InstanceNorm1d(4, affine=True, track_running_stats=True),
        nn.LocalResponseNorm(3),
        F.normalize,
    ]
    for layer in layers:
        y = layer(x)
        assert y.dtype == np.float32
        x.grad = None
        y.sum().backward()
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.GroupNorm(3, 4), "GroupNorm: 4 channels cannot be divided into 3 groups"),
        (lambda: nn.GroupNorm(2, 4)(ag.ones(2, 6)), r"GroupNorm: wants 4 channels on axis 1, got input \(2, 6\)"),
        (lambda: F.group_norm(ag.ones(2, 4), 3), r"group_norm: 4 channels cannot be divided into 3 groups; input"),
        (lambda: F.group_norm(ag.ones(4), 2), r"group_norm: wants an input \(N, C, \*S\), got shape \(4,\)"),
        (
            lambda: F.group_norm(ag.ones(1, 2), 2),
            r"group_norm: wants more than one value per group, got input \(1, 2\)",
        ),
        (
            lambda: F.group_norm(ag.ones(2, 4), 2, ag.ones(3)),
            r"group_norm: input \(2, 4\) wants weight of shape \(4,\)",
        ),
        (
            lambda: nn.InstanceNorm2d(3)(ag.ones(2, 3, 4)),
            r"InstanceNorm2d: wants an input of 3 or 4 dimensions with 3 ",
        ),
        (lambda: nn.InstanceNorm2d(3)(ag.ones(2, 3)), r"InstanceNorm2d: wants an input of 3 or 4 dimensions"),
        (lambda: nn.InstanceNorm2d(3)(ag.ones(2, 3, 1, 1)), "instance_norm: wants more than one value per sample and"),
        (lambda: F.instance_norm(ag.ones(2, 3, 4), use_input_stats=False), "instance_norm: wants running_mean and"),
        (
            lambda: nn.LayerNorm(3)(ag.ones(2, 4)),
            r"layer_norm: normalized_shape \(3,\) has to be that of the last axes",
        ),
        (
            lambda: F.layer_norm(ag.ones(2, 4), (4,), ag.ones(2)),
            r"layer_norm: input \(2, 4\) wants weight of shape \(4,\)",
        ),
        (lambda: F.layer_norm(ag.ones(2, 4), ()), r"layer_norm: normalized_shape \(\) has"),
        (lambda: F.rms_norm(ag.ones(2, 4), (2,)), r"rms_norm: normalized_shape \(2,\) has to be"),
        (lambda: F.local_response_norm(ag.ones(2, 4), 2), r"local_response_norm: wants an input \(N, C, \*S\)"),
        (lambda: F.local_response_norm(ag.ones(2, 4, 1), 0), "local_response_norm: size has to be at least 1, got 0"),
        (lambda: nn.LocalResponseNorm(0), "LocalResponseNorm: size has to be at least 1, got 0"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "options", [{}, {"track_running_stats": False}, {"momentum": None}, {"affine": False}], ids=str
)
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
def test_batch_norm_of_nothing(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    compare_modules(nn.BatchNorm1d(3, **options), torch.nn.BatchNorm1d(3, **options), np.zeros(shape), repr_too=False)


@pytest.mark.parametrize("scale", [1e-3, 0.01, 1.0, 300.0, 3000.0])
def test_float16(scale: float) -> None:
    """Squares, and powers of 1 / √var, that float16 has no numbers for."""
    x = (np.random.default_rng(0).normal(size=(16, 8, 6)) * scale).astype(np.float16)
    g = np.random.default_rng(1).normal(size=x.shape).astype(np.float16)
    w = np.linspace(0.5, 2, 8).astype(np.float16)
    for name, arguments in (
        ("batch_norm", lambda x, w: (x, None, None, w, None, True)),
        ("instance_norm", lambda x, w: (x, None, None, w)),
        ("group_norm", lambda x, w: (x, 2, w)),
        ("layer_norm", lambda x, w: (x, (6,), w[:6])),
        ("rms_norm", lambda x, w: (x, (6,), w[:6], 1e-5)),
    ):
        (a, v), (b, u) = ((lib(x, requires_grad=True), lib(w, requires_grad=True)) for lib in (ag.tensor, torch.tensor))
        y, z = getattr(F, name)(*arguments(a, v)), getattr(torch.nn.functional, name)(*arguments(b, u))
        y.backward(ag.tensor(g))
        z.backward(torch.tensor(g))
        for mine, yours in ((y, z.detach()), (a.grad, b.grad), (v.grad, u.grad)):
            assert mine.dtype == np.float16
            found, expected = mine.numpy().astype(float), yours.numpy().astype(float)
            np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-2 * np.abs(expected).max())


def test_running_variance_in_float16() -> None:
    layer = nn.BatchNorm1d(1).half()
    x = np.zeros((64, 1), np.float16)
    x[0] = 300
    layer(ag.tensor(x))
    assert abs(layer.running_var.item() - 141.5) < 0.2  # as in PyTorch


def test_evaluated_then_trained_then_backward() -> None:
    layer = nn.BatchNorm1d(2).double()
    x = ag.tensor(normal(3, 2), requires_grad=True)
    y = layer.eval()(x)
    layer.train()(ag.tensor(normal(5, 2) + 7))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / np.sqrt(1 + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(layer.weight.grad.numpy(), x.numpy().sum(axis=0) / np.sqrt(1 + 1e-5), rtol=1e-12)
