"""Elementwise operations: values against NumPy and mpmath, derivatives against differences, kinks against PyTorch."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from derivatives import check_derivatives

import autograd as ag
from autograd.ops import comparison, elementwise
from autograd.tensor import Tensor, tensor

inf, nan = math.inf, math.nan

# For each unary operation: where to draw its arguments from, away from kinks and jumps, and what computes its value.
UNARY: dict[str, tuple[float, float, Callable[..., Any]]] = {
    "abs": (0.3, 2, np.abs),
    "arccos": (-0.8, 0.8, np.arccos),
    "arccosh": (1.5, 3, np.arccosh),
    "arcsin": (-0.8, 0.8, np.arcsin),
    "arcsinh": (-2, 2, np.arcsinh),
    "arctan": (-2, 2, np.arctan),
    "arctanh": (-0.8, 0.8, np.arctanh),
    "ceil": (0.1, 0.9, np.ceil),
    "cos": (-3, 3, np.cos),
    "cosh": (-2, 2, np.cosh),
    "erf": (-2, 2, np.vectorize(math.erf, otypes=[float])),
    "erfinv": (-0.8, 0.8, np.vectorize(lambda v: float(mpmath.erfinv(v)), otypes=[float])),
    "exp": (-2, 2, np.exp),
    "exp2": (-2, 2, np.exp2),
    "expm1": (-2, 2, np.expm1),
    "floor": (0.1, 0.9, np.floor),
    "log": (0.5, 3, np.log),
    "log10": (0.5, 3, np.log10),
    "log1p": (-0.5, 3, np.log1p),
    "log2": (0.5, 3, np.log2),
    "ndtr": (-2, 2, np.vectorize(lambda v: float(mpmath.ncdf(v)), otypes=[float])),
    "negative": (-2, 2, np.negative),
    "positive": (-2, 2, np.positive),
    "reciprocal": (0.5, 2, lambda v: 1 / v),
    "relu": (0.3, 2, lambda v: np.where(v > 0, v, 0)),
    "round": (0.1, 0.4, np.round),
    "rsqrt": (0.5, 2, lambda v: v**-0.5),
    "sigmoid": (-3, 3, lambda v: 0.5 * (1 + np.tanh(v / 2))),
    "sign": (0.3, 2, np.sign),
    "sin": (-3, 3, np.sin),
    "sinh": (-2, 2, np.sinh),
    "softplus": (-3, 3, lambda v: np.logaddexp(v, 0)),
    "sqrt": (0.5, 3, np.sqrt),
    "square": (-2, 2, lambda v: v * v),
    "tan": (-1, 1, np.tan),
    "tanh": (-2, 2, np.tanh),
    "trunc": (0.1, 0.9, np.trunc),
}
EVEN_OR_ODD = ("abs", "relu", "reciprocal", "sign", "ceil", "floor", "round", "trunc")

BINARY: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "arctan2": np.arctan2,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "fmod": np.fmod,
    "hypot": lambda a, b: (a * a + b * b) ** 0.5,
    "logaddexp": lambda a, b: np.log(np.exp(a) + np.exp(b)),
    "maximum": lambda a, b: np.where(a > b, a, b),
    "minimum": lambda a, b: np.where(a < b, a, b),
    "multiply": operator.mul,
    "power": operator.pow,
    "remainder": operator.mod,
    "subtract": operator.sub,
}

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "plain": lambda a: a[:2, :3],
    "0-d": lambda a: np.array(a[0, 0]),
    "empty": lambda a: a[:, :0],
    "size 1": lambda a: a[:1, :1],
    "negative steps": lambda a: a[::-2, ::-3],
    "transposed": lambda a: a[:2, :3].T,
}

PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((2, 0), (1, 1)), ((1,), (2, 1, 2))]


def draw(low: float, high: float, shape: tuple[int, ...] = (4, 6), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape)


def gradients(op: Callable[..., Any], *values: float, dtype: Any = np.float64) -> tuple[float, list[float]]:
    """The value of `op` and its partial derivatives at a point."""
    leaves = [tensor(v, dtype=dtype, requires_grad=True) for v in values]
    y = op(*leaves)
    y.backward()
    assert all(leaf.grad is not None for leaf in leaves)
    return y.item(), [leaf.grad.item() for leaf in leaves]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, layout: str) -> None:
    low, high, reference = UNARY[name]
    op = getattr(elementwise, name)
    x = LAYOUTS[layout](draw(low, high))
    for v in (x, np.asarray(-x)) if name in EVEN_OR_ODD else (x,):
        np.testing.assert_allclose(op(tensor(v)).array, reference(v), rtol=1e-13, atol=1e-15)
        check_derivatives(op, v)


@pytest.mark.parametrize("name", UNARY)
def test_unary_dtypes(name: str) -> None:
    low, high, reference = UNARY[name]
    op = getattr(elementwise, name)
    x = draw(low, high).astype(np.float32)
    y = op(tensor(x, requires_grad=True))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.array, reference(x.astype(np.float64)), rtol=2e-6, atol=1e-7)
    y.backward(np.ones_like(x))
    assert isinstance(op(x), np.ndarray)
    scalar = tensor(x[0, 0], requires_grad=True)
    op(scalar).backward()
    assert scalar.grad.shape == ()
    assert scalar.grad.dtype == np.float32


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    op = getattr(elementwise, name)
    x1, x2 = draw(2.1, 2.9, first), draw(0.55, 0.95, second, seed=1)
    if name in ("maximum", "minimum"):
        x2 = x2 + np.where(x2 > 0.75, 3, 0)
    np.testing.assert_allclose(op(tensor(x1), tensor(x2)).array, BINARY[name](x1, x2), rtol=1e-13)
    if name in ("remainder", "fmod", "floor_divide"):
        x1, x2 = np.asarray(5.5 + x1 / 10), np.asarray(2 + x2 / 10)
    check_derivatives(op, x1, x2)
    check_derivatives(lambda a: op(a, x2), x1, order=1)
    check_derivatives(lambda b: op(x1, b), x2, order=1)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("other", "dtype"), [(2, "f4"), (2.5, "f4"), ([1.5, 2.5], "f4"), (np.float64(2.5), "f8")])
def test_binary_promotes_as_numpy(name: str, other: Any, dtype: str) -> None:
    op = getattr(elementwise, name)
    x = tensor([2.25, 0.75], requires_grad=True)
    for arguments, values in (((x, other), (x.array, other)), ((other, x), (other, x.array))):
        y = op(*arguments)
        assert y.dtype == dtype
        plain = [np.float32(v) if isinstance(v, list) else v for v in values]
        np.testing.assert_allclose(y.array, getattr(np, name)(*plain), rtol=1e-6)
        x.grad = None
        y.sum().backward()
        assert x.grad.dtype == np.float32
        both = [np.asarray(v, np.float64) for v in values]
        check_derivatives(op, *both, wrt=[0 if arguments[0] is x else 1], order=1)


@pytest.mark.parametrize("name", BINARY)
def test_wrong_shapes_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: .*given \(2,\) float32 and \(3,\) float32"):
        getattr(ag, name)(tensor([1.0, 2.0]), tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("exponent", [-2, -1, 0, 1, 2, 3, 4, 0.5, 2.5, np.float64(3), -1.5])
def test_power_by_a_number(exponent: float) -> None:
    x = draw(0.5, 2)
    np.testing.assert_allclose((tensor(x) ** exponent).array, np.power(x, exponent), rtol=1e-14)
    check_derivatives(lambda v: v**exponent, x)
    if exponent == int(exponent):
        np.testing.assert_allclose((tensor(-x) ** exponent).array, np.power(-x, exponent), rtol=1e-14)
        check_derivatives(lambda v: v**exponent, -x)
        check_derivatives(lambda v: v ** np.full((6,), float(exponent)), -x)
    assert (tensor(np.float32([1, 2]), requires_grad=True) ** float(exponent)).dtype == np.float32


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, 0.5])
def test_power_of_truth_values(exponent: float) -> None:
    x = np.array([True, False])
    found, wanted = (tensor(x) ** exponent).numpy(), x**exponent
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_power_of_a_number() -> None:
    check_derivatives(lambda p: 2**p, draw(-2, 2))
    check_derivatives(lambda p: 0.5**p, draw(-2, 2))
    assert gradients(lambda p: 0**p, 2.0) == (0.0, [0.0])
    with pytest.raises(ValueError, match=r"^power: .*negative integer"):
        tensor([1, 2]) ** -1


def test_numbers_as_divisors_and_cotangents_at_zero() -> None:
    with np.errstate(divide="ignore"):
        assert gradients(lambda x: x / 0, 1.0) == (inf, [inf])
        assert gradients(lambda x: 1 / x, 0.0) == (inf, [-inf])


# Points where PyTorch's convention is followed, with the function's name there where it differs.
KINKS: list[tuple[str, str, tuple[float, ...]]] = [
    ("relu", "relu", (0.0,)),
    ("abs", "abs", (0.0,)),
    ("sign", "sign", (0.0,)),
    ("floor", "floor", (1.0,)),
    ("ceil", "ceil", (1.0,)),
    ("round", "round", (0.5,)),
    ("trunc", "trunc", (0.0,)),
    ("sqrt", "sqrt", (0.0,)),
    ("arccosh", "acosh", (1.0,)),
    ("arcsin", "asin", (1.0,)),
    ("arccos", "acos", (-1.0,)),
    ("erfinv", "erfinv", (1.0,)),
    ("erfinv", "erfinv", (-1.0,)),
    ("sigmoid", "sigmoid", (-800.0,)),
    ("sigmoid", "sigmoid", (800.0,)),
    ("maximum", "maximum", (1.0, 1.0)),
    ("maximum", "maximum", (nan, 1.0)),
    ("maximum", "maximum", (1.0, nan)),
    ("minimum", "minimum", (1.0, 1.0)),
    ("minimum", "minimum", (nan, 1.0)),
    ("arctan2", "atan2", (0.0, 0.0)),
    ("arctan2", "atan2", (0.0, -1.0)),
    ("hypot", "hypot", (0.0, 1.0)),
    ("remainder", "remainder", (4.0, 2.0)),
    ("remainder", "remainder", (-5.5, 2.0)),
    ("remainder", "remainder", (5.5, -2.0)),
    ("fmod", "fmod", (5.5, -2.0)),
    ("fmod", "fmod", (-5.5, 2.0)),
    ("logaddexp", "logaddexp", (inf, 0.0)),
    ("logaddexp", "logaddexp", (-inf, 0.0)),
    ("power", "pow", (0.0, 0.0)),
    ("power", "pow", (0.0, 0.5)),
    ("power", "pow", (0.0, 1.0)),
    ("power", "pow", (0.0, 2.0)),
    ("power", "pow", (0.0, -1.0)),
    ("power", "pow", (2.0, 0.0)),
    ("power", "pow", (-2.0, 3.0)),
    ("power", "pow", (-2.0, -1.0)),
    ("clip", "clamp", (1.0, 1.0, 2.0)),
    ("clip", "clamp", (2.0, 1.0, 2.0)),
    ("clip", "clamp", (0.0, 1.0, 2.0)),
    ("clip", "clamp", (3.0, 1.0, 2.0)),
    ("clip", "clamp", (1.5, 2.0, 1.0)),
    ("clip", "clamp", (0.0, 1.0, 1.0)),
    ("clip", "clamp", (nan, 1.0, 2.0)),
]


@pytest.mark.parametrize(("name", "theirs", "point"), KINKS)
def test_kinks_are_pytorchs(name: str, theirs: str, point: tuple[float, ...]) -> None:
    torch = pytest.importorskip("torch")
    leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point]
    y = getattr(torch, theirs)(*leaves)
    expected = [g.item() for g in torch.autograd.grad(y, leaves)]
    with np.errstate(divide="ignore"):
        value, found = gradients(getattr(elementwise, name), *point)
    np.testing.assert_equal(value, y.item())
    np.testing.assert_array_equal(found, expected)


def test_kinks_where_pytorch_has_nan() -> None:
    assert gradients(elementwise.hypot, 0.0, 0.0) == (0.0, [0.0, 0.0])
    assert gradients(elementwise.logaddexp, inf, inf) == (inf, [0.5, 0.5])
    assert gradients(elementwise.logaddexp, -inf, -inf) == (-inf, [0.5, 0.5])


@pytest.mark.parametrize("op", [elementwise.relu, lambda x: elementwise.clip(x, 0, 1), lambda x: x.maximum(0)])
def test_an_infinite_cotangent_does_not_leak(op: Callable[..., Any]) -> None:
    x = tensor([-1.0, 0.5], requires_grad=True)
    op(x).backward(np.array([inf, 2], np.float32))
    assert x.grad.tolist() == [0, 2]


def test_where() -> None:
    condition = np.array([[True, False, True], [False, False, True]])
    check_derivatives(lambda a, b: ag.where(condition, a, b), draw(-1, 1, (2, 3)), draw(-1, 1, (3,)))
    check_derivatives(lambda a: np.where(condition, 1.5, a), draw(-1, 1, (2, 1)))
    assert ag.where(tensor(condition), tensor(1.0), 2).dtype == np.float32
    assert ag.where([True, False], tensor([1.0, 2.0]), 0).tolist() == [1, 0]
    x = tensor([0.0, 1.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        ag.where(x > 0, x, 0).backward(np.array([inf, 1], np.float32))
    assert x.grad.tolist() == [0, 1]


@pytest.mark.parametrize("bounds", [(-0.5, 0.5), (None, 0.5), (-0.5, None), (0, 1), (0.5, -0.5)])
def test_clip(bounds: tuple[float | None, float | None]) -> None:
    x = draw(-1, 1)
    np.testing.assert_array_equal(tensor(x).clip(*bounds).array, np.clip(x, *bounds))
    np.testing.assert_array_equal(np.clip(tensor(x), *bounds).array, np.clip(x, *bounds))
    assert ag.clip(tensor(np.float32(x)), *bounds).dtype == np.float32
    check_derivatives(lambda v: ag.clip(v, *bounds), x)


def test_clip_by_arrays() -> None:
    x, low, high = draw(-1, 1, (4, 6)), draw(-0.5, -0.2, (6,), 1), draw(0.2, 0.5, (4, 1), 2)
    np.testing.assert_array_equal(ag.clip(tensor(x), low, high).array, np.clip(x, low, high))
    check_derivatives(ag.clip, x, low, high)
    check_derivatives(lambda a, b: ag.clip(a, max=b), x, high)
    check_derivatives(lambda a, b: np.clip(a, min=b), x, low)
    with pytest.raises(ValueError, match=r"^clip: wants min or max"):
        ag.clip(tensor(x))


@pytest.mark.parametrize("decimals", [-1, 0, 2])
def test_round_to_decimals(decimals: int) -> None:
    x = draw(-30, 30)
    t = tensor(x, requires_grad=True)
    for y in (t.round(decimals), np.round(t, decimals), round(t, decimals), ag.round(t, decimals=decimals)):
        np.testing.assert_array_equal(y.array, np.round(x, decimals))
    y.sum().backward()
    np.testing.assert_array_equal(t.grad.array, np.zeros_like(x))


EXTREMES: list[tuple[str, Callable[[Any], Any], list[float]]] = [
    ("sigmoid", lambda x: 1 / (1 + mpmath.exp(-x)), [-700, -40, -1, 0, 1, 40, 700]),
    ("softplus", lambda x: mpmath.log1p(mpmath.exp(x)), [-700, -40, -1e-10, 0, 1e-10, 1, 40, 1e300]),
    ("log1p", mpmath.log1p, [-1 + 1e-15, -1e-300, 1e-300, 1e-17, 1e-8, 1e300]),
    ("expm1", mpmath.expm1, [-700, -1e-300, 1e-300, 1e-17, 1e-8, 700]),
    ("erf", mpmath.erf, [-30, -1e-300, 1e-300, 1e-8, 5.9, 30]),
    ("erfinv", mpmath.erfinv, [-1 + 1e-15, -1e-300, 1e-300, 1e-8, 1 - 1e-15]),
]


@pytest.mark.parametrize(("name", "reference", "points"), EXTREMES)
def test_extreme_arguments(name: str, reference: Callable[[Any], Any], points: list[float]) -> None:
    with mpmath.workdps(400):
        expected = [float(reference(mpmath.mpf(v))) for v in points]
        slopes = [float(mpmath.diff(reference, mpmath.mpf(v))) for v in points if abs(v) < 40 and v > -0.9]
    np.testing.assert_allclose(getattr(ag, name)(tensor(np.array(points))).array, expected, rtol=2e-15)
    leaf = tensor(np.array([v for v in points if abs(v) < 40 and v > -0.9], float), requires_grad=True)
    getattr(ag, name)(leaf).sum().backward()
    np.testing.assert_allclose(leaf.grad.array, slopes, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stable_functions_do_not_overflow(dtype: Any) -> None:
    x = tensor(np.array([-inf, -1e30, -1000, 0, 1000, 1e30, inf], dtype), requires_grad=True)
    assert x.sigmoid().tolist() == [0, 0, 0, 0.5, 1, 1, 1]
    expected = np.array([0, 0, 0, math.log(2), 1000, 1e30, inf], dtype)
    np.testing.assert_allclose(ag.softplus(x).array, expected, rtol=1e-6)
    np.testing.assert_allclose(ag.logaddexp(x, x).array, x.array + dtype(math.log(2)), rtol=1e-6)
    ag.softplus(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 0.5, 1, 1, 1]
    assert gradients(ag.arctan2, 1e200, 1e200)[1] == pytest.approx([5e-201, -5e-201], rel=1e-12)
    assert gradients(ag.arcsinh, 1e200)[1] == pytest.approx([1e-200], rel=1e-12)


def test_astype() -> None:
    x = tensor(draw(-2, 2), requires_grad=True)
    y = x.astype(np.float32)
    assert y.dtype == np.float32
    (y * 2).sum().backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_array_equal(x.grad.array, np.full(x.shape, 2.0))
    check_derivatives(lambda v: ag.astype(v, "float64") ** 2, x.array)
    for dtype in (int, bool, np.uint8):
        assert not x.abs().astype(dtype).requires_grad
        np.testing.assert_array_equal(x.abs().astype(dtype).array, np.abs(x.array).astype(dtype))
    assert x.double() is x
    assert x.float().double().requires_grad
    assert x.to("float32").dtype == np.float32
    assert x.astype(np.float64) is not x
    assert tensor([1, 2]).float().dtype == np.float32
    assert ag.astype([1, 2], float).dtype == np.float64
    with pytest.raises(TypeError, match="not understood"):
        x.astype("nothing")


COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
LOGICAL = ["logical_and", "logical_or", "logical_xor"]
BITWISE = ["bitwise_and", "bitwise_or", "bitwise_xor"]
PYTHONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
PYTHONS += [operator.and_, operator.or_, operator.xor]
OPERATORS = dict(zip([*COMPARISONS, *BITWISE], PYTHONS, strict=True))


@pytest.mark.parametrize("name", [*COMPARISONS, *LOGICAL, *BITWISE])
def test_comparisons_and_logic(name: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, (4, 6)), rng.integers(0, 3, (6,))
    for x1, x2 in ((a, b), (a > 0, b > 0)):
        expected = getattr(np, name)(x1, x2)
        calls = [getattr(comparison, name), getattr(np, name), *([OPERATORS[name]] if name in OPERATORS else [])]
        for call in calls:
            for y in (call(tensor(x1), tensor(x2)), call(x1, tensor(x2)), call(tensor(x1), x2)):
                assert isinstance(y, Tensor)
                np.testing.assert_array_equal(y.array, expected)
    if name not in BITWISE:
        t = tensor(a.astype(float), requires_grad=True)
        assert not getattr(ag, name)(t, b).requires_grad
    else:
        with pytest.raises(TypeError, match=f"^{name}: .*given"):
            getattr(ag, name)(tensor([1.0]), tensor([2.0]))


@pytest.mark.parametrize("name", ["isfinite", "isinf", "isnan", "logical_not"])
def test_classification(name: str) -> None:
    x = np.array([0, 1, inf, -inf, nan])
    t = tensor(x, requires_grad=True)
    for y in (getattr(ag, name)(t), getattr(np, name)(t)):
        assert not y.requires_grad
        np.testing.assert_array_equal(y.array, getattr(np, name)(x))


def test_invert_and_hash() -> None:
    assert (~tensor([True, False])).tolist() == [False, True]
    assert (~tensor([0, 5])).tolist() == [-1, -6]
    t = tensor([1.0])
    assert t in {t}
    assert not np.allclose(t, tensor([2.0]))
    assert np.isclose(t, 1.0).tolist() == [True]


PYTHON = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow),
    divmod,
]


@pytest.mark.parametrize("op", PYTHON)
def test_python_operators(op: Callable[..., Any]) -> None:
    x = np.array([5.5, 2.25])
    for other in (2, 1.5, np.array([2.0, 3.0])):
        for found, expected in ((op(tensor(x), other), op(x, other)), (op(other, tensor(x)), op(other, x))):
            pairs = zip(found, expected, strict=True) if op is divmod else [(found, expected)]
            for ours, numpys in pairs:
                assert isinstance(ours, Tensor)
                np.testing.assert_allclose(ours.array, numpys, rtol=1e-14)


def test_unary_python_operators() -> None:
    t = tensor([-1.5, 2.0], requires_grad=True)
    assert (-t).tolist() == [1.5, -2]
    assert (+t).tolist() == [-1.5, 2]
    assert abs(t).tolist() == [1.5, 2]
    assert (+t).requires_grad


UFUNCS = sorted(
    (set(UNARY) | set(BINARY)) - {"abs", "erf", "erfinv", "ndtr", "relu", "round", "rsqrt", "sigmoid", "softplus"}
)


@pytest.mark.parametrize("name", [*UFUNCS, "absolute", "fabs", "rint"])
def test_numpy_ufuncs_differentiate(name: str) -> None:
    ufunc = getattr(np, name)
    low, high = UNARY[name][:2] if name in UNARY else (1.1, 1.9)
    arguments = [draw(low, high), draw(0.6, 0.9, seed=1)][: ufunc.nin]
    leaves = [tensor(a, requires_grad=True) for a in arguments]
    y = ufunc(*leaves)
    assert y.requires_grad
    np.testing.assert_allclose(y.array, ufunc(*arguments), rtol=1e-14)


FUNCTIONS_ONLY = {"arccosh", "arcsinh", "arctanh", "negative", "positive", "softplus"}


@pytest.mark.parametrize("name", sorted(set(UNARY) - FUNCTIONS_ONLY))
def test_methods(name: str) -> None:
    x = draw(*UNARY[name][:2])
    np.testing.assert_array_equal(getattr(tensor(x), name)().array, getattr(elementwise, name)(x))


def test_all_names_are_documented_operations() -> None:
    for module in (elementwise, comparison):
        for name in module.__all__:
            text = getattr(module, name).__doc__
            assert ">>> " in text
            assert "Derivative: " in text or "Has no derivative." in text


@pytest.mark.parametrize("swapped", [False, True])
def test_truth_values_beside_large_arrays(swapped):
    x = np.linspace(-2, 2, 1 << 16)
    for other in (True, False):
        found = ag.logaddexp(other, tensor(x)) if swapped else ag.logaddexp(tensor(x), other)
        np.testing.assert_allclose(found.data, np.logaddexp(x, other), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "bool"])
@pytest.mark.parametrize("count", [3, 300, 1 << 16])
def test_logaddexp_is_numpys(dtype, count):
    rng = np.random.default_rng(0)
    odd = np.array([0, 1, -1, 700, -700, np.inf, -np.inf, np.nan])
    a, b = (rng.choice(odd if dtype in ("float32", "float64") else [0, 1, 3], count).astype(dtype) for _ in range(2))
    for x1, x2 in ((a, b), (a, True), (0.5, b), (a.reshape(-1, 1), b[:2]), (a, a)):
        with np.errstate(invalid="ignore"):
            expected = np.logaddexp(x1, x2)
        found = ag.logaddexp(*(tensor(x) if isinstance(x, np.ndarray) else x for x in (x1, x2))).data
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-15)


@pytest.mark.parametrize("name", ["softplus", "erf", "ndtr", "sigmoid", "tanh"])
def test_large_arrays_are_worked_on_as_large_tensors_are(name):
    x = np.random.default_rng(0).normal(size=(1 << 20) + 3).astype(np.float32)
    function = getattr(ag, name)
    np.testing.assert_array_equal(function(x), function(tensor(x)).data)
