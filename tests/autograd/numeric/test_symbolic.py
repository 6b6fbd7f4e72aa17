"""Symbolic derivatives against closed forms, and against backprop, on one function after the other."""

from __future__ import annotations

import sys

import mpmath
import numpy as np
import pytest

import autograd as ag
from autograd.numeric import symbolic_derivative
from nn import functional as F

sympy = pytest.importorskip("sympy")

X = np.array([0.3, -0.7, 1.2])
RNG = np.random.default_rng(0)
W = ag.tensor(RNG.normal(size=(3, 3)))
V = ag.tensor(RNG.normal(size=(3, 2)), dtype=np.float32)

FUNCTIONS = {
    "arithmetic": lambda x: (2 * x - x / 3 + 1) / (x * x + 2) - (1 - x) * (3 / (x + 5)),
    "powers": lambda x: x**3 + x**2.0 + abs(x) ** 0.5 + ag.sqrt(x * x + 1) + ag.rsqrt(x * x + 2) + ag.reciprocal(x),
    "exponentials": lambda x: ag.exp(x) + ag.expm1(x) + ag.exp2(x) + ag.log(x + 2) + ag.log1p(x) + ag.log2(x + 2),
    "trigonometric": lambda x: ag.sin(x) * ag.cos(x) + ag.tan(x) + ag.arctan(x) + ag.arcsin(x / 2) - ag.arccos(x / 2),
    "hyperbolic": lambda x: (
        ag.sinh(x) + ag.cosh(x) + ag.tanh(x) + ag.arcsinh(x) + ag.arctanh(x / 2) + ag.arccosh(x + 3)
    ),
    "activations": lambda x: ag.sigmoid(x) + ag.softplus(x) + ag.relu(x) + F.silu(x) + F.gelu(x) + ag.erf(x),
    "two arguments": lambda x: ag.hypot(x, 2 * x + 1) + ag.logaddexp(x, 2) + ag.maximum(x, 0.1) * ag.minimum(x, 0.5),
    "numpy": lambda x: np.sin(x) * np.exp(x),
    "choosing": lambda x: ag.where(x > 0, x * x, -x) + ag.clip(x, -0.5, 0.5) * x + ag.sign(x) * x,
    "an if": lambda x: x.sum() if x[0] > 0 else ag.prod(x),
    "sum, mean, var": lambda x: x.sum() * x.mean() + ag.var(x) + ag.std(x),
    "prod, cumsum": lambda x: ag.prod(x) + ag.cumsum(x) + ag.cumprod(x),
    "max, sort": lambda x: ag.max(x) * ag.min(x) * ag.sort(x),
    "norm": lambda x: ag.norm(x) + ag.norm(x, ord=3),
    "logsumexp": ag.logsumexp,
    "softmax": ag.softmax,
    "log_softmax": ag.log_softmax,
    "layer_norm": lambda x: F.layer_norm(x, (3,)),
    "cross_entropy": lambda x: F.cross_entropy(x.reshape(1, 3), ag.tensor([1])),
    "matmul with float32": lambda x: x.reshape(1, 3) @ V,
    "two layers": lambda x: ag.tanh(W @ ag.tanh(W @ x)),
    "einsum": lambda x: ag.einsum("i,j,ij->j", x, x, W),
    "conv1d": lambda x: F.conv1d(x.reshape(1, 1, 3), ag.tensor([[[1.0, -2.0]]], dtype=np.float64)),
    "joining": lambda x: ag.concatenate([x, ag.stack([x, x * x])[1]])[::-2],
    "shaping": lambda x: (x.reshape(3, 1) * x).T[1:, [0, 2]],
    "casts": lambda x: x.astype(np.float64) * 2,
    "a constant": lambda x: ag.tensor([1.0, 2.0]),
    "itself": lambda x: x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_agrees_with_backprop(name: str) -> None:
    f = FUNCTIONS[name]
    found = symbolic_derivative(f, X)
    y, exact = f(ag.tensor(X)), ag.jacobian(f)(X).array
    assert found.expression.shape == y.shape
    assert found.value.shape == found.derivative.shape == (*y.shape, 3)
    assert found.value.dtype == np.float64
    np.testing.assert_allclose(found.value, exact, rtol=1e-12, atol=1e-14)
    values = [
        float(tree.evalf(20, subs=dict(zip(sympy.symbols("x:3", real=True), X)))) for tree in found.expression.flat
    ]
    np.testing.assert_allclose(values, y.array.ravel(), rtol=1e-6 if "32" in name else 1e-12)


def test_is_correct_to_the_last_digit() -> None:
    found = symbolic_derivative(lambda x: ag.sin(1e4 * x) * ag.exp(x), 0.1)
    with mpmath.workdps(50):
        x = mpmath.mpf(0.1)
        exact = mpmath.exp(x) * (mpmath.sin(10**4 * x) + 10**4 * mpmath.cos(10**4 * x))
        assert found.value == float(exact)


def test_the_expressions_are_those_of_the_textbook() -> None:
    x0, x1 = sympy.symbols("x0 x1", real=True)
    found = symbolic_derivative(lambda x: x[0] ** 2 * ag.sin(x[1]), [2.0, 0.5])
    assert found.expression.item() == x0**2 * sympy.sin(x1)
    assert found.derivative.tolist() == [2 * x0 * sympy.sin(x1), x0**2 * sympy.cos(x1)]


def test_the_derivative_swells_faster_than_the_function() -> None:
    """The logistic map, iterated: the standard example, of Baydin et al., "Automatic differentiation" (JMLR 2018)."""

    def iterated(count: int) -> tuple[int, int]:
        def f(x: ag.Tensor) -> ag.Tensor:
            for _ in range(count):
                x = 4 * x * (1 - x)
            return x

        return symbolic_derivative(f, 0.3).operations

    counts = [iterated(count) for count in range(1, 6)]
    ratios = [derivative / function for function, derivative in counts]
    assert ratios == sorted(ratios)
    assert ratios[-1] > 5 * ratios[0]


def test_a_swelling_expression_stops() -> None:
    def deep(x: ag.Tensor) -> ag.Tensor:
        for _ in range(100):
            x = ag.tanh(W @ x)
        return x

    with pytest.raises(OverflowError, match="symbolic_derivative: the expression swells past 5000 operations"):
        symbolic_derivative(deep, X)


@pytest.mark.parametrize("x", [2, 2.0, np.float32(2), ag.tensor(2.0, requires_grad=True), [2.0], np.ones((0, 2))])
def test_of_anything_like_an_array(x) -> None:
    found = symbolic_derivative(lambda x: x * x, x)
    shape = np.shape(x.array if isinstance(x, ag.Tensor) else x)
    assert found.value.shape == (*shape, *shape)
    assert np.all(found.value == 4)


@pytest.mark.parametrize("name", ["inv", "floor"])
def test_an_operation_without_a_symbolic_form_is_named(name: str) -> None:
    with pytest.raises(TypeError, match=f"symbolic_derivative: '{name}' has no symbolic form here"):
        symbolic_derivative(lambda x: getattr(ag, name)(x * x) * x, np.eye(2))


def test_f_has_to_return_a_tensor() -> None:
    with pytest.raises(TypeError, match="symbolic_derivative: f has to return a Tensor, got float"):
        symbolic_derivative(lambda x: 1.0, 1.0)


def test_without_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(ImportError, match=r"wants SymPy; pip install 'stepgrad\[notebooks\]'"):
        symbolic_derivative(lambda x: x, 1.0)
