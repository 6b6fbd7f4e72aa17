"""Initialisation: the distributions' bounds, moments and structure, and PyTorch's gains and fans."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from nn import init


@pytest.fixture(autouse=True)
def _seed() -> None:
    ag.manual_seed(0)


def blank(*shape: int) -> nn.Parameter:
    return nn.Parameter(np.full(shape, np.nan))


UNIFORM = [
    (lambda w: init.uniform_(w, -2, 3), (100, 100), -2, 3),
    (init.xavier_uniform_, (100, 50, 3, 3), -math.sqrt(6 / (150 * 9)), math.sqrt(6 / (150 * 9))),
    (init.xavier_uniform_, (75, 75), -math.sqrt(3 / 75), math.sqrt(3 / 75)),  # √(3/N) for N inputs and as many outputs
    (lambda w: init.xavier_uniform_(w, gain=2.0), (100, 50), -0.4, 0.4),
    (init.kaiming_uniform_, (64, 60), -math.sqrt(6 / 60), math.sqrt(6 / 60)),
    (lambda w: init.kaiming_uniform_(w, math.sqrt(5)), (64, 4, 5, 5), -0.1, 0.1),
    (lambda w: init.kaiming_uniform_(w, 0, "fan_out", "tanh"), (75, 99), -1 / 3, 1 / 3),
]


@pytest.mark.parametrize(("fill", "shape", "low", "high"), UNIFORM)
def test_uniform(fill: Callable[[Any], Any], shape: tuple[int, ...], low: float, high: float) -> None:
    w = blank(*shape)
    assert fill(w) is w
    values = w.numpy()
    span = high - low
    assert low <= values.min() <= low + 0.01 * span
    assert high - 0.01 * span <= values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < 0.03 * span


NORMAL = [
    (lambda w: init.normal_(w, 3, 0.5), (100, 100), 3, 0.5),
    (init.xavier_normal_, (100, 50, 3, 3), 0, math.sqrt(2 / (150 * 9))),
    (init.kaiming_normal_, (64, 50, 3, 3), 0, math.sqrt(2 / 450)),
    (lambda w: init.kaiming_normal_(w, 0.1, "fan_out", "leaky_relu"), (100, 80), 0, math.sqrt(2 / 1.01 / 100)),
    (lambda w: init.trunc_normal_(w, 1, 2, -9, 11), (100, 100), 1, 2),
]


@pytest.mark.parametrize(("fill", "shape", "mean", "std"), NORMAL)
def test_normal(fill: Callable[[Any], Any], shape: tuple[int, ...], mean: float, std: float) -> None:
    w = blank(*shape)
    assert fill(w) is w
    assert abs(w.numpy().mean() - mean) < 0.05 * std
    assert abs(w.numpy().std() - std) < 0.05 * std


def test_truncated_normal_stays_inside_and_keeps_its_shape() -> None:
    w = init.trunc_normal_(blank(100, 200), 0, 1, -1, 2).numpy()
    assert -1 <= w.min() < -0.99
    assert 1.9 < w.max() <= 2
    assert abs((w < 0).mean() - 0.3413 / 0.8186) < 0.02  # from a table of the normal distribution
    with pytest.raises(ValueError, match=r"trunc_normal_: .* holds less than a thousandth"):
        init.trunc_normal_(blank(2), 0, 1, 5, 6)


def test_constants() -> None:
    assert (init.constant_(blank(2, 3), 0.5).numpy() == 0.5).all()
    assert (init.zeros_(blank(2, 3)).numpy() == 0).all()
    assert (init.ones_(blank(2, 3)).numpy() == 1).all()
    assert (init.uniform_(blank(2, 3), 2, 2).numpy() == 2).all()
    np.testing.assert_array_equal(init.eye_(blank(2, 3)).numpy(), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("shape", [(4, 4), (3, 8), (8, 3), (6, 2, 3, 3), (40, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal_(blank(*shape), gain=2.0).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_have_both_signs_and_may_be_empty() -> None:
    corners = [init.orthogonal_(blank(3, 3)).numpy()[0, 0] for _ in range(60)]
    assert 10 < np.sum(np.array(corners) > 0) < 50
    for shape in ((0, 3), (3, 0)):
        assert init.orthogonal_(blank(*shape)).shape == shape


@pytest.mark.parametrize(("rows", "sparsity", "zeros"), [(100, 0.3, 30), (7, 0.5, 4), (5, 0.0, 0), (5, 1.0, 5)])
def test_sparse_has_as_many_zeros_in_each_column(rows: int, sparsity: float, zeros: int) -> None:
    w = init.sparse_(blank(rows, 500), sparsity, std=0.1).numpy()
    assert ((w == 0).sum(axis=0) == zeros).all()
    assert zeros == rows or abs(w[w != 0].std() - 0.1) < 0.01
    np.testing.assert_allclose((w == 0).mean(axis=1), zeros / rows, atol=0.12)  # anywhere in it


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_dirac_makes_a_convolution_that_copies(n: int, groups: int) -> None:
    layer = getattr(nn, f"Conv{n}d")(4, 4, 3, padding=1, groups=groups, bias=False)
    init.dirac_(layer.weight, groups)
    x = np.random.default_rng(0).normal(size=(2, 4, *(5,) * n)).astype(np.float32)
    np.testing.assert_array_equal(layer(ag.tensor(x)).numpy(), x)


@pytest.mark.parametrize("shape", [(4, 3, 2), (3, 5, 5, 4), (6, 2, 1, 6)])
def test_dirac_of_other_kernels_is_pytorchs(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(init.dirac_(blank(*shape)).numpy(), torch.nn.init.dirac_(torch.empty(shape)).numpy())


def test_gains_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    for name in ["linear", "conv2d", "conv_transpose1d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]:
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.2))
    with pytest.raises(ValueError, match=r"calculate_gain: wants one of leaky_relu, linear, .*; got 'gelu'"):
        init.calculate_gain("gelu")


@pytest.mark.parametrize(
    ("make", "fan_in"),
    [
        (lambda: nn.Linear(64, 300), 64),
        (lambda: nn.Bilinear(64, 5, 300), 64),
        (lambda: nn.Conv2d(8, 60, 3, groups=2), 36),
        (lambda: nn.LocallyConnected2d(4, 30, 6, 3), 36),
    ],
)
def test_default_initialisation_is_pytorchs(make: Callable[[], Any], fan_in: int) -> None:
    layer = make()
    bound = 1 / math.sqrt(fan_in)
    for parameter in (layer.weight, layer.bias):
        values = np.abs(parameter.numpy())
        assert 0.95 * bound < values.max() <= bound
        assert abs(values.mean() - bound / 2) < 0.1 * bound


def test_the_same_seed_gives_the_same_layer() -> None:
    ag.manual_seed(3)
    first = nn.Linear(3, 3).weight.numpy()
    ag.manual_seed(3)
    np.testing.assert_array_equal(nn.Linear(3, 3).weight.numpy(), first)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"xavier_normal_: wants at least 2 dimensions, got shape \(3,\)"):
        init.xavier_normal_(blank(3))
    with pytest.raises(ValueError, match="kaiming_normal_: mode is 'fan_in' or 'fan_out', got 'fan'"):
        init.kaiming_normal_(blank(3, 3), mode="fan")
    with pytest.raises(ValueError, match="eye_: wants a matrix"):
        init.eye_(blank(3))
    with pytest.raises(ValueError, match="dirac_: 3 output channels cannot be divided into 2 groups"):
        init.dirac_(blank(3, 3, 3), 2)
    with pytest.raises(ValueError, match="dirac_: wants a convolution's weight"):
        init.dirac_(blank(3, 3))
    with pytest.raises(ValueError, match="sparse_: wants a matrix"):
        init.sparse_(blank(3), 0.5)
    with pytest.raises(ValueError, match=r"sparse_: sparsity lies from 0 to 1, got 1\.5"):
        init.sparse_(blank(3, 3), 1.5)
    with pytest.raises(ValueError, match="orthogonal_: wants at least 2 dimensions"):
        init.orthogonal_(blank(3))


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda w: init.uniform_(w, 1, 0), "uniform_: wants a ≤ b, got 1 and 0"),
        (lambda w: init.normal_(w, 0, -1), "normal_: std is a number from 0, got -1"),
        (lambda w: init.trunc_normal_(w, std=0), "trunc_normal_: std has to be positive, got 0"),
        (lambda w: init.dirac_(w, groups=0), "dirac_: 4 output channels cannot be divided into 0 groups"),
    ],
)
def test_options_that_make_no_sense(fill: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fill(ag.zeros(4, 2, 3))


@pytest.mark.parametrize("fill", [init.normal_, init.zeros_, init.xavier_uniform_, init.kaiming_normal_, init.eye_])
def test_arrays_are_refused(fill: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"{fill.__name__}: wants a tensor, got ndarray; hand over the parameter"):
        fill(nn.Linear(2, 2).weight.data)
