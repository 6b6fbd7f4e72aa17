"""Every activation against PyTorch: values and gradients over options and at the kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


KINKS = np.array([-6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 20.0, 25.0])
ROWS = 3 * rng.normal(size=(5, 4))

# name, arguments
POINTWISE: list[tuple[str, dict[str, Any]]] = [
    ("ReLU", {}),
    ("ReLU6", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("LeakyReLU", {"negative_slope": 0}),
    ("RReLU", {"lower": 0.2, "upper": 0.2}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.5}),
    ("CELU", {}),
    ("CELU", {"alpha": 2.0}),
    ("SELU", {}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Mish", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 3.0}),
    ("Softplus", {"beta": 2.0, "threshold": 6.0}),
    ("Softsign", {}),
    ("Softshrink", {}),
    ("Softshrink", {"lambd": 1.0}),
    ("Softshrink", {"lambd": 0}),
    ("Hardshrink", {}),
    ("Hardshrink", {"lambd": 1.0}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -3.0, "max_val": 0.5}),
    ("Hardswish", {}),
    ("Tanh", {}),
    ("Tanhshrink", {}),
    ("Sigmoid", {}),
    ("LogSigmoid", {}),
    ("Threshold", {"threshold": 0.5, "value": 20}),
    ("Threshold", {"threshold": -1.0, "value": -3.0}),
]
IN_PLACE = "ReLU ReLU6 LeakyReLU RReLU ELU CELU SELU SiLU Mish Hardtanh Hardsigmoid Hardswish"


def named(cases: list[Any]) -> list[Any]:
    return [pytest.param(*case, id="-".join(map(str, [case[0], *case[1].values()]))) for case in cases]


@pytest.mark.parametrize(("name", "options"), named(POINTWISE))
def test_pointwise_modules_agree_at_the_kinks_and_elsewhere(name: str, options: dict[str, Any]) -> None:
    for x in (KINKS, ROWS, np.zeros((0, 3)), np.array(0.3)):
        compare_modules(getattr(nn, name)(**options), getattr(torch.nn, name)(**options), x)


def test_hardsigmoid_agrees_with_its_definition() -> None:
    """PyTorch's own has a sixth in single precision in its double precision gradient: 3e-8 off."""
    for x in (KINKS, ROWS):
        compare_functions(F.hardsigmoid, lambda t: torch.nn.functional.relu6(t + 3) / 6, x)
        theirs = torch.nn.functional.hardsigmoid(torch.tensor(x))
        np.testing.assert_allclose(F.hardsigmoid(ag.tensor(x)).numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", IN_PLACE.split())
def test_in_place_changes_only_the_repr(name: str) -> None:
    ours, theirs = getattr(nn, name)(inplace=True), getattr(torch.nn, name)(inplace=True)
    assert repr(ours) == repr(theirs)
    x = ag.tensor(ROWS)
    ours(x)
    np.testing.assert_array_equal(x.numpy(), ROWS)


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    named(
        [
            ("Softmax", {"dim": 1}, (3, 4)),
            ("Softmin", {"dim": 1}, (3, 4)),
            ("Softmin", {"dim": -2}, (3, 4, 2)),
            ("LogSoftmax", {"dim": 0}, (3, 4)),
            ("Softmax2d", {}, (2, 3, 4, 2)),
            ("Softmax2d", {}, (3, 4, 2)),
            ("GLU", {}, (3, 4)),
            ("GLU", {"dim": 0}, (4, 3)),
            ("GLU", {"dim": 1}, (2, 6, 3)),
            ("PReLU", {}, (3, 4)),
            ("PReLU", {"num_parameters": 4, "init": 0.1}, (3, 4)),
            ("PReLU", {"num_parameters": 3}, (2, 3, 4, 2)),
            ("PReLU", {"num_parameters": 1}, (5,)),
        ]
    ),
)
def test_modules_over_an_axis(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = 5 * rng.normal(size=shape)
    compare_modules(getattr(nn, name)(**options), getattr(torch.nn, name)(**options), x)


def test_prelu_at_zero_takes_the_slope() -> None:
    x, w = np.array([[0.0, -1.0], [0.0, 2.0]]), np.array([0.3, 0.4])
    compare_functions(F.prelu, torch.nn.functional.prelu, x, w)


FUNCTIONS = (
    "relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign tanh tanhshrink sigmoid logsigmoid hardtanh "
    "hardsigmoid hardswish hardshrink softshrink softmin softmax log_softmax glu"
)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS.split() if name != "hardsigmoid"])
def test_functions_with_default_arguments(name: str) -> None:
    theirs = getattr(torch.nn.functional, name)
    needs_dim = name in ("softmin", "softmax", "log_softmax")
    compare_functions(getattr(F, name), (lambda x: theirs(x, dim=1)) if needs_dim else theirs, ROWS)


@pytest.mark.parametrize("name", FUNCTIONS.split())
def test_functions_keep_float32_and_do_not_warn_on_large_inputs(name: str) -> None:
    x = ag.tensor(np.array([-1e4, -100, 0, 3, 100, 1e4], np.float32), requires_grad=True)
    y = getattr(F, name)(x, dim=0) if name in ("softmin", "softmax", "log_softmax") else getattr(F, name)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32
    assert np.isfinite(x.grad.numpy()).all()


SMOOTH = np.array([[-2.3, -0.7, 0.2], [0.8, 1.7, 4.1]])


@pytest.mark.parametrize(
    "name", [n for n in FUNCTIONS.split() if n not in ("softmin", "softmax", "log_softmax", "glu")]
)
def test_derivatives_of_both_orders(name: str) -> None:
    check_derivatives(getattr(F, name), SMOOTH)


def test_derivatives_of_both_orders_of_those_with_arguments() -> None:
    check_derivatives(lambda x: F.softplus(x, 2.0, 3.0), SMOOTH)
    check_derivatives(lambda x, w: F.prelu(x, w), SMOOTH, np.array([0.3, 0.4, 0.5]))
    check_derivatives(lambda x: F.glu(x, 0), SMOOTH)
    check_derivatives(lambda x: F.gelu(x, "tanh"), SMOOTH)


@given(
    x=st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=6),
    slope=st.floats(-2, 2),
    alpha=st.floats(0.1, 3),
    bounds=st.tuples(st.floats(-4, 0), st.floats(0.1, 4)),
)
@settings(max_examples=40, deadline=None)
def test_drawn_options(x: list[float], slope: float, alpha: float, bounds: tuple[float, float]) -> None:
    values, theirs = np.array([*x, 0.25], np.float64), torch.nn.functional
    low, high = bounds
    compare_functions(lambda t: F.leaky_relu(t, slope), lambda t: theirs.leaky_relu(t, slope), values)
    compare_functions(lambda t: F.elu(t, alpha), lambda t: theirs.elu(t, alpha), values)
    # PyTorch's own celu has 1 / alpha in single precision in its double precision gradient.
    compare_functions(lambda t: F.celu(t, alpha), lambda t: alpha * theirs.elu(t / alpha), values)
    compare_functions(lambda t: F.hardtanh(t, low, high), lambda t: theirs.hardtanh(t, low, high), values)
    compare_functions(lambda t: F.softshrink(t, alpha), lambda t: theirs.softshrink(t, alpha), values)
    compare_functions(lambda t: F.hardshrink(t, alpha), lambda t: theirs.hardshrink(t, alpha), values)
    compare_functions(lambda t: F.threshold(t, slope, alpha), lambda t: theirs.threshold(t, slope, alpha), values)
    compare_functions(lambda t: F.softplus(t, alpha, high), lambda t: theirs.softplus(t, alpha, high), values)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_drawn_axes(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    x, theirs = 5 * np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=shape), torch.nn.functional
    compare_functions(lambda t: F.softmax(t, dim), lambda t: theirs.softmax(t, dim), x)
    compare_functions(lambda t: F.softmin(t, dim), lambda t: theirs.softmin(t, dim), x)
    compare_functions(lambda t: F.log_softmax(t, dim), lambda t: theirs.log_softmax(t, dim), x)
    halves = np.concatenate([x, x[::-1]], axis=dim)
    compare_functions(lambda t: F.glu(t, dim), lambda t: theirs.glu(t, dim), halves)
    slopes = normal(data.draw(st.sampled_from([1, shape[1] if len(shape) > 1 else 1])))
    compare_functions(F.prelu, theirs.prelu, x, slopes)


def test_nans_pass() -> None:
    x = ag.tensor([np.nan])
    for name in FUNCTIONS.split():
        if name not in ("glu", "softmin", "softmax", "log_softmax"):
            assert np.isnan(getattr(F, name)(x).numpy()).all(), name
    assert np.isnan(F.threshold(x, 0, 1).numpy()).all()
    assert np.isnan(F.heaviside(x).numpy()).all()


def test_softmax_jacobian_is_diag_y_minus_y_yt() -> None:
    x = rng.normal(size=5)
    y = np.exp(x) / np.exp(x).sum()
    np.testing.assert_allclose(ag.jacobian(F.softmax)(x), np.diag(y) - np.outer(y, y), rtol=1e-12)


def test_softmax_casts_first() -> None:
    x = ag.tensor(np.ones((2, 3), np.float32), requires_grad=True)
    for function in (F.softmax, F.softmin, F.log_softmax):
        y = function(x, 1, dtype=np.float64)
        assert y.dtype == np.float64
        y[0, 0].backward()
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_heaviside_is_torchs_step_with_derivative_zero(at_zero: float) -> None:
    x = ag.tensor(KINKS, requires_grad=True)
    y = nn.Heaviside(at_zero)(x)
    wanted = torch.heaviside(torch.tensor(KINKS), torch.tensor(at_zero, dtype=torch.float64))
    np.testing.assert_array_equal(y.numpy(), wanted.numpy())
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros_like(KINKS))


def test_a_perceptron_with_a_step_computes_nand() -> None:
    x = ag.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert nn.Heaviside()(x @ ag.tensor([-2.0, -2.0]) + 3).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(("shape", "dim"), [((4,), -1), ((2, 4, 3), 1)])
def test_gumbel_softmax_draws_classes_with_the_softmax_as_probabilities(shape: tuple[int, ...], dim: int) -> None:
    ag.manual_seed(0)
    logits = rng.normal(size=shape)
    hard = F.gumbel_softmax(ag.tensor(np.broadcast_to(logits, (20000, *shape))), 0.7, True, dim=dim % len(shape) + 1)
    assert np.isin(hard.numpy().round(12), [0, 1]).all()
    wanted = torch.nn.functional.softmax(torch.tensor(logits), dim).numpy()
    np.testing.assert_allclose(hard.numpy().mean(axis=0), wanted, atol=0.02)


def test_gumbel_softmax_passes_the_soft_gradient_straight_through() -> None:
    found = []
    for hard in (False, True):
        ag.manual_seed(3)
        x = ag.tensor(ROWS, requires_grad=True)
        y = F.gumbel_softmax(x, 0.5, hard)
        (y * ag.tensor(ROWS[::-1].copy())).sum().backward()
        found.append((y.numpy(), x.grad.numpy()))
    (soft, gradient), (hard, straight_through) = found
    np.testing.assert_array_equal(hard.argmax(axis=1), soft.argmax(axis=1))
    np.testing.assert_allclose(straight_through, gradient, rtol=1e-12)
    weights = ROWS[::-1]
    np.testing.assert_allclose(gradient, 2 * soft * (weights - (soft * weights).sum(axis=1, keepdims=True)), rtol=1e-9)
    assert F.gumbel_softmax(ag.ones(3)).dtype == np.float32


def test_rrelu_draws_slopes_in_training_only() -> None:
    ag.manual_seed(0)
    layer = nn.RReLU(0.1, 0.3)
    x = ag.tensor(-np.ones(4000), requires_grad=True)
    y = layer(x)
    y.sum().backward()
    np.testing.assert_array_equal(y.numpy(), -x.grad.numpy())
    slopes = x.grad.numpy()
    assert 0.1 <= slopes.min() < 0.11 < 0.29 < slopes.max() <= 0.3
    assert abs(slopes.mean() - 0.2) < 0.005
    np.testing.assert_allclose(layer.eval()(x).numpy(), -0.2, rtol=1e-12)
    assert layer.train()(ag.tensor([2.0, 0.0])).tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.prelu(x, ag.ones(2)), r"prelu: input \(3, 5\) wants a weight of 1 or 5 slopes, got shape \(2,\)"),
        (lambda x: F.prelu(x, ag.ones(1, 5)), "prelu: .* got shape"),
        (lambda x: F.gumbel_softmax(x, 0), "gumbel_softmax: tau has to be positive, got 0"),
        (lambda x: F.rrelu(x, 1, 0), "rrelu: wants lower <= upper, got 1 and 0"),
        (lambda x: nn.RReLU(1, 0), "RReLU: wants lower <= upper, got 1 and 0"),
        (lambda x: F.celu(x, 0), "celu: alpha has to be other than zero"),
        (lambda x: nn.CELU(0), "CELU: alpha has to be other than zero"),
        (lambda x: F.gelu(x, "erf"), "gelu: approximate is 'none' or 'tanh', got 'erf'"),
        (lambda x: nn.GELU("erf"), "GELU: approximate is 'none' or 'tanh', got 'erf'"),
        (lambda x: F.hardtanh(x, 1, -1), "hardtanh: wants min_val <= max_val, got 1 and -1"),
        (lambda x: nn.Hardtanh(1, 1), "Hardtanh: wants min_val < max_val, got 1 and 1"),
        (lambda x: F.softshrink(x, -1), "softshrink: lambd has to be at least 0, got -1"),
        (lambda x: nn.Softshrink(-1), "Softshrink: lambd has to be at least 0, got -1"),
        (lambda x: F.glu(x), r"glu: wants an even length along dim -1, got shape \(3, 5\)"),
        (lambda x: F.glu(x, 2), r"glu: wants an even length along dim 2, got shape \(3, 5\)"),
        (lambda x: nn.Softmax2d()(x), r"Softmax2d: wants an input \(N, C, H, W\) or \(C, H, W\), got shape \(3, 5\)"),
        (lambda x: F.softmax(x, 2), "softmax: "),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(ag.ones(3, 5))


def test_gelu_in_float16() -> None:
    x = np.linspace(-5, 5, 101).astype(np.float16)
    wanted = torch.nn.functional.gelu(torch.tensor(x).double()).numpy()
    np.testing.assert_allclose(F.gelu(ag.tensor(x)).numpy(), wanted, rtol=1e-3, atol=5e-7)


def test_gelu_of_large_numbers_in_float16() -> None:
    x = ag.tensor(np.array([-300.0, 300.0], np.float16), requires_grad=True)
    F.gelu(x, "tanh").sum().backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(x.grad.numpy(), [0, 1])


def test_softmax_of_a_scalar() -> None:
    for dim in (None, 0, -1):
        x = ag.tensor(3.0, requires_grad=True)
        assert F.softmax(x, dim).item() == 1
        y = F.log_softmax(x, dim)
        y.backward()
        assert y.item() == x.grad.item() == 0


def test_prelu_of_an_infinity() -> None:
    slope = ag.tensor(np.array([0.25]), requires_grad=True)
    F.prelu(ag.tensor(np.array([np.inf, -2.0])), slope).sum().backward()
    np.testing.assert_array_equal(slope.grad.numpy(), [-2])
