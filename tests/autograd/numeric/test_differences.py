"""Finite differences: the error bar covers the true error, found by mpmath, and is no wider than it has to be."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.numeric import Difference, derivative, differences, finite_difference
from autograd.numeric.differences import Scheme
from autograd.numeric.extrapolation import exact_step, read

SCHEMES = get_args(Scheme)
REAL = [scheme for scheme in SCHEMES if scheme != "complex-step"]

# A function on tensors, its derivative on mpmath's numbers, and points.
SMOOTH: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], list[float]]] = {
    "exp": (ag.exp, mpmath.exp, [-20.0, -1.0, 1e-8, 0.0, 0.1, 3.0]),
    "sin": (ag.sin, mpmath.cos, [1e-8, 0.3, 1.0, 40.0]),
    "tanh": (ag.tanh, lambda x: 1 - mpmath.tanh(x) ** 2, [-1e-8, 0.5, 3.0]),
    "log": (ag.log, lambda x: 1 / x, [1e-8, 1e-3, 1.0, 7.0, 1e8]),
    "sqrt": (ag.sqrt, lambda x: 1 / (2 * mpmath.sqrt(x)), [1e-8, 1e-2, 1.0, 1e8]),
    "1 / x": (lambda x: 1 / x, lambda x: -1 / x**2, [1e-8, 1e-3, -0.7, 1e8]),
    "x²": (lambda x: x * x, lambda x: 2 * x, [1e-8, 0.0, 0.1, -3.0, 1e8]),
    "x³": (lambda x: x * x * x, lambda x: 3 * x**2, [1e-8, 0.0, 0.1, 1e8]),
    "x + 10⁸ - 10⁸": (lambda x: (x + 1e8) - 1e8, lambda x: 1, [0.3, 1.0]),
    "1 / (1 + x²)": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x**2) ** 2, [0.0, 1.0, 30.0]),
}
CASES = [pytest.param(f, slope, x, id=f"{name} at {x:g}") for name, (f, slope, xs) in SMOOTH.items() for x in xs]
# Of many periods or with a pole within the ordinary step.
WILD = [
    pytest.param(lambda x: ag.sin(1e3 * x), lambda x: 1000 * mpmath.cos(1000 * x), 0.3, id="sin 10³x"),
    pytest.param(ag.sin, mpmath.cos, 1e3, id="sin at 10³"),
    pytest.param(ag.sin, mpmath.cos, 1e8, id="sin at 10⁸"),
    pytest.param(lambda x: ag.sin(1e8 * x), lambda x: 10**8 * mpmath.cos(10**8 * x), 1e-8, id="sin 10⁸x at 10⁻⁸"),
    pytest.param(lambda x: ag.sin(8192 * math.pi * x), lambda x: _sine_of_many_periods(x), 0.3, id="2¹² periods"),
    pytest.param(lambda x: 1e10 + ag.sin(1e3 * x), lambda x: 1000 * mpmath.cos(1000 * x), 0.3, id="under an offset"),
]


def _sine_of_many_periods(x: Any) -> Any:
    frequency = mpmath.mpf(8192 * math.pi)
    return frequency * mpmath.cos(frequency * x)


def miss(found: Difference, slope: Callable[[Any], Any], x: float) -> float:
    """How far the value is from the truth, to all digits."""
    with mpmath.workdps(50):
        return abs(float(mpmath.mpf(float(found.value)) - slope(mpmath.mpf(x))))


def assert_covered(found: Difference, slope: Callable[[Any], Any], x: float) -> None:
    assert miss(found, slope, x) <= found.error, f"{found} misses by {miss(found, slope, x)}"


@pytest.mark.parametrize(("f", "slope", "x"), CASES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_bar_covers_the_error(f, slope, x: float, scheme: Scheme) -> None:
    assert_covered(finite_difference(f, x, scheme), slope, x)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_adaptive_bar_is_narrow(name: str) -> None:
    f, slope, points = SMOOTH[name]
    for x in points:
        found = finite_difference(f, x)
        scale = abs(float(slope(mpmath.mpf(x)))) + 1e-4
        assert found.error <= (1e-4 if "10⁸" in name else 1e-9) * scale


@pytest.mark.parametrize(("f", "slope", "x"), WILD)
@pytest.mark.parametrize("scheme", ["adaptive", "complex-step"])
def test_a_function_of_many_periods_within_the_ordinary_step(f, slope, x: float, scheme: Scheme) -> None:
    assert_covered(finite_difference(f, x, scheme), slope, x)


@pytest.mark.parametrize(("f", "slope", "x"), WILD[:2])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_fixed_step_looks_at_a_shorter_one(f, slope, x: float, scheme: Scheme) -> None:
    assert_covered(finite_difference(f, x, scheme), slope, x)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-100, 100).map(lambda n: n / 7), min_size=1, max_size=5),
    st.floats(-8, 8).map(lambda power: 10.0**power),
    st.floats(0.5, 1),
    st.sampled_from(SCHEMES),
)
def test_polynomials_at_all_scales(coefficients: list[float], scale: float, x: float, scheme: Scheme) -> None:
    def f(x: Any) -> Any:
        y = 0.0 * x
        for c in coefficients:
            y = y * (x / scale) + c
        return y

    def slope(x: Any) -> Any:
        u, degree = x / mpmath.mpf(scale), len(coefficients) - 1
        terms = (c * (degree - i) * u ** (degree - i - 1) for i, c in enumerate(coefficients[:-1]))
        return mpmath.fsum(terms) / mpmath.mpf(scale)

    assert_covered(finite_difference(f, x * scale, scheme), slope, x * scale)


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_kink_nearby(distance: float, side: int, scheme: Scheme) -> None:
    x = side * distance
    assert_covered(finite_difference(ag.relu, x, scheme), lambda x: x > 0, x)
    if scheme != "complex-step":
        assert_covered(finite_difference(abs, x, scheme), mpmath.sign, x)
        assert_covered(finite_difference(lambda x: abs(x - 1) + x * x, 1 + x, scheme), _slope_beside_one, 1 + x)


def _slope_beside_one(x: Any) -> Any:
    return mpmath.sign(x - 1) + 2 * x


@pytest.mark.parametrize("distance", [1e-2, 1e-4])
def test_a_kink_in_sight_is_told_from_one_at_the_point(distance: float) -> None:
    for x in (distance, -distance):
        assert finite_difference(ag.relu, x).error < 1e-10


@pytest.mark.parametrize("scheme", REAL)
def test_at_a_kink_the_bar_spans_both_slopes(scheme: Scheme) -> None:
    found = finite_difference(ag.relu, 0.0, scheme)
    assert found.value - found.error <= 0
    assert found.value + found.error >= 1
    assert found.error < 2


INSIDE: list[Any] = [
    pytest.param(lambda x: ag.sin(x.astype(np.float32)), mpmath.cos, id="returns float32"),
    pytest.param(lambda x: ag.sin(x.astype(np.float32)).astype(np.float64), mpmath.cos, id="cast back"),
    pytest.param(
        lambda x: ag.exp(ag.sin(x.astype(np.float32) * 1.3).astype(np.float64) + x),
        lambda x: mpmath.exp(mpmath.sin(1.3 * x) + x) * (1 + 1.3 * mpmath.cos(1.3 * x)),
        id="float32 inside",
    ),
    pytest.param(
        lambda x: (x * np.linspace(1, 2, 50)).astype(np.float32).sum().astype(np.float64),
        lambda x: 75,
        id="a sum in float32",
    ),
]


@pytest.mark.parametrize(("f", "slope"), INSIDE)
@pytest.mark.parametrize("x", [0.1, 0.7123, 1.0, 2.7])
@pytest.mark.parametrize("scheme", REAL)
def test_float32_inside_is_told_by_the_bar(f, slope, x: float, scheme: Scheme) -> None:
    found = finite_difference(f, x, scheme)
    assert_covered(found, slope, x)
    assert found.error > 1e-8 * abs(found.value)
    if scheme == "adaptive":
        assert found.error < 1e-2 * abs(found.value)


@pytest.mark.parametrize("noise", [1e-12, 1e-9, 1e-6])
def test_noise_is_told_by_the_bar(noise: float) -> None:
    """Over 200 functions, each with its own noise, the bar covers the error, and is of the size of noise / step."""
    misses = 0
    for seed in range(200):

        def f(x: Any, seed: int = seed) -> float:
            rng = np.random.default_rng([seed, x.array.view(np.uint64).item()])
            return float(np.sin(x.array) + noise * rng.normal())

        found = finite_difference(f, 0.7)
        misses += abs(found.value - math.cos(0.7)) > found.error
        assert found.error < 1e5 * noise
    assert misses <= 2


def test_a_sum_that_cancels_has_the_rounding_of_its_terms() -> None:
    x = np.random.default_rng(0).normal(size=6)
    for f in (lambda x: (x - ag.mean(x)).sum(), lambda x: ag.softmax(x).sum(), lambda x: (x - x).sum()):
        found = finite_difference(f, x)
        assert np.all(found.error >= 1e-16)
        assert np.all(found.error <= 1e-11)
        assert np.all(abs(found.value) <= found.error)


def test_elements_that_do_not_depend_on_a_coordinate_have_no_slope() -> None:
    found = finite_difference(ag.sin, np.array([0.4, 1.9]))
    assert found.value[0, 1] == found.value[1, 0] == 0
    assert 0 < found.error[0, 1] < 1e-14


@pytest.mark.parametrize("scheme", REAL)
def test_steps_are_exact(scheme: Scheme) -> None:
    x = np.array([0.1, -1 / 3, 1e-8, 7e7 / 9])
    steps = []

    def f(moved: Any) -> Any:
        (where,) = np.nonzero(moved.array != x)
        if len(where) == 1:
            steps.append((int(where[0]), moved.array[where[0]]))
        return (moved * moved).sum()

    finite_difference(f, x, scheme)
    assert {index for index, _ in steps} == {0, 1, 2, 3}
    for index, moved in steps:
        h = moved - x[index]
        assert x[index] + h - x[index] == h
        assert abs(float(mpmath.mpf(moved) - mpmath.mpf(x[index]) - mpmath.mpf(h))) <= 2**-52 * abs(h)


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_exact_step(x: float, step: float) -> None:
    h = exact_step(x, step)
    assert x + h - x == h
    assert x - (x - h) == h
    assert abs(h - step) <= 2.0**-52 * (abs(x) + step)


@pytest.mark.parametrize("x", [3, 3.0, np.float32(3), np.array(3.0), ag.tensor(3.0, requires_grad=True)])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_of_one_number(x, scheme: Scheme) -> None:
    found = finite_difference(lambda x: x * x, x, scheme)
    assert found.value.shape == found.error.shape == ()
    assert abs(found.value - 6) <= found.error


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("shape", "output"), [((3,), (2, 3)), ((2, 3), ()), ((), (4,)), ((0,), ()), ((2, 0), (3,))])
def test_shapes_are_those_of_a_jacobian(scheme: Scheme, shape: tuple[int, ...], output: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=shape), rng.normal(size=(*output, *shape))

    def f(x: Any) -> Any:
        return ag.sin((weights * x).sum(axis=tuple(range(len(output), weights.ndim))))

    found = finite_difference(f, x, scheme)
    summed = (weights * x).sum(axis=tuple(range(len(output), weights.ndim)))
    exact = np.cos(summed).reshape((*output, *(1 for _ in shape))) * weights
    assert found.value.shape == found.error.shape == exact.shape
    assert found.value.dtype == found.error.dtype == np.float64
    assert np.all(abs(found.value - exact) <= found.error + 1e-15)


def test_f_may_return_arrays_and_numbers() -> None:
    assert finite_difference(lambda x: np.sin(x.array), [0.3]).value.shape == (1, 1)
    assert finite_difference(lambda x: float(x.array[0]) ** 2, [0.3]).value.shape == (1,)
    assert finite_difference(lambda x: np.float32(2), [0.3]).value.tolist() == [0]


@pytest.mark.parametrize("scheme", REAL)
def test_f_may_return_truth_values_and_integers(scheme: Scheme) -> None:
    assert finite_difference(lambda x: x > 0, [0.5], scheme).value.tolist() == [[0]]
    assert finite_difference(lambda x: ag.floor(x).astype(int), [0.5], scheme).value.tolist() == [[0]]


@pytest.mark.parametrize("scheme", REAL)
@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
def test_values_of_any_size(scheme: Scheme, size: float) -> None:
    found = finite_difference(lambda x: size * ag.exp(x), 0.5, scheme)
    assert abs(found.value - size * math.exp(0.5)) <= found.error < 1e-5 * size


def test_always_in_float64() -> None:
    dtypes = set()

    def f(x: Any) -> Any:
        dtypes.add(x.dtype)
        return ag.sin(x).sum()

    found = finite_difference(f, ag.tensor([0.5, 2.0], dtype=np.float32))
    assert dtypes == {np.dtype(np.float64)}
    np.testing.assert_allclose(found.value, np.cos([0.5, 2.0]), rtol=1e-11)


def test_x_is_left_alone_and_nothing_is_recorded() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    recorded = []

    def f(x: Any) -> Any:
        y = x * x
        recorded.append(y.requires_grad)
        return y

    finite_difference(f, x)
    assert x.tolist() == [1, 2]
    assert not any(recorded)


def test_a_given_step_is_the_largest_that_is_taken() -> None:
    for scheme in SCHEMES:
        farthest = 0.0

        def f(x: Any) -> Any:
            nonlocal farthest
            farthest = max(farthest, float(abs(x.array - 0.5)))
            return ag.exp(x)

        found = finite_difference(f, 0.5, scheme, step=1e-3)
        assert farthest < 4.001e-3
        assert abs(found.value - math.exp(0.5)) <= found.error


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_smooth_function_takes_few_evaluations(scheme: Scheme) -> None:
    calls = 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return ag.exp(x)

    finite_difference(f, 1.0, scheme)
    assert calls <= 40


def test_at_the_edge_of_the_domain() -> None:
    found = finite_difference(lambda x: x * ag.sqrt(x), 0.0, "forward")
    assert abs(found.value) <= found.error < 1e-3
    with pytest.raises(ValueError, match=r"not finite a step away from x = 0: nan; .*'forward'"):
        finite_difference(lambda x: x * ag.sqrt(x), 0.0)


# complex-step


ANALYTIC = {
    "arithmetic": lambda x: (x * x - 2 * x) / (3 + x) + x**3 + x**2.5,
    "elementwise": lambda x: ag.exp(x) * ag.sin(x) + ag.tanh(x) - ag.log1p(x) * ag.sqrt(x) + ag.sigmoid(x),
    "reductions": lambda x: x.sum() * x.mean() + ag.prod(x) + ag.logsumexp(x),
    "softmax": ag.softmax,
    "log_softmax": ag.log_softmax,
    "standardize": lambda x: ag.standardize(x, 0)[0],
    "matmul": lambda x: np.arange(12.0).reshape(4, 3) @ x,
    "einsum": lambda x: ag.einsum("i,j,ij->i", x, x, np.arange(9.0).reshape(3, 3)),
    "shaping": lambda x: ag.concatenate([x.reshape(1, 3), ag.stack([x])])[:, ::-1].T,
    "max": lambda x: ag.max(x) * x,
    "relu": lambda x: ag.relu(x - 0.4) * x,
    "where": lambda x: ag.where(x > 0.4, x * x, ag.sin(x)),
    "inv": lambda x: ag.inv(ag.outer(x, x) + 3 * np.eye(3)),
}


@pytest.mark.parametrize("name", ANALYTIC)
def test_complex_step_is_exact_for_analytic_functions(name: str) -> None:
    x = np.array([0.3, 0.7, 0.2])
    found = finite_difference(ANALYTIC[name], x, "complex-step")
    exact = ag.jacobian(ANALYTIC[name])(x).array
    np.testing.assert_allclose(found.value, exact, rtol=1e-13, atol=1e-14)
    assert np.all(abs(found.value - exact) <= found.error + 1e-14)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (ag.abs, "abs"),
        (lambda x: ag.norm(ag.exp(x)), "norm"),
        (ag.std, "std"),
        (ag.erf, "erf"),
        (lambda x: ag.exp(x).astype(np.float64), "cast"),
    ],
)
def test_complex_step_names_what_drops_the_imaginary_part(f, name: str) -> None:
    with pytest.raises(TypeError, match=f"'complex-step' needs an f that keeps the imaginary part.*: '{name}' drops"):
        finite_difference(f, [0.3, 0.7], "complex-step")


@pytest.mark.parametrize("f", [ag.floor, lambda x: ag.arctan2(x, 1), lambda x: ag.logaddexp(x, 1)])
def test_complex_step_names_what_takes_no_complex_numbers(f) -> None:
    with pytest.raises(TypeError, match=r"not all of it takes them: (floor|arctan2|logaddexp): "):
        finite_difference(f, [0.3, 0.7], "complex-step")


@pytest.mark.parametrize("x", [-2.0, 0.3])
def test_complex_step_is_held_against_a_central_difference(x: float) -> None:
    found = finite_difference(lambda x: x + abs(x), x, "complex-step")
    assert found.value == 1
    assert_covered(found, lambda x: 1 + mpmath.sign(x), x)
    assert finite_difference(lambda x: abs(x.array), x, "complex-step").error > 0.9


def test_complex_step_of_a_constant() -> None:
    assert finite_difference(lambda x: ag.tensor(3.0), [1.0], "complex-step").value.tolist() == [0]


def test_complex_step_leaves_warnings_as_they_are() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        finite_difference(ag.exp, 1.0, "complex-step")
        warnings.warn("still heard", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["still heard"]


# Errors


@pytest.mark.parametrize("step", [0, -1.0, math.nan, math.inf])
def test_the_step_has_to_be_positive(step: float) -> None:
    with pytest.raises(ValueError, match=f"finite_difference: step has to be positive, got {step}"):
        finite_difference(lambda x: x, 1.0, step=step)


@pytest.mark.parametrize("scheme", REAL)
def test_the_step_has_to_be_large_enough_to_be_taken(scheme: Scheme) -> None:
    with pytest.raises(ValueError, match=r"a step of 1e-30 is too small to move 1"):
        finite_difference(lambda x: x, 1.0, scheme, step=1e-30)


def test_the_scheme_has_to_be_known() -> None:
    with pytest.raises(ValueError, match=r"scheme has to be one of adaptive, central, .*, got 'backward'"):
        finite_difference(lambda x: x, 1.0, "backward")  # type: ignore[arg-type]


@pytest.mark.parametrize("returned", [None, "1", [1.0], (1.0,), np.array([1j]), np.array(["a"]), {}])
def test_f_has_to_return_numbers(returned) -> None:
    with pytest.raises(TypeError, match="finite_difference: f has to return a tensor or an array of real numbers, got"):
        finite_difference(lambda x: returned, 1.0)


def test_f_has_to_be_finite_at_x() -> None:
    with pytest.raises(ValueError, match=r"f is not finite at x: nan at \[1\] of its 2 elements"):
        finite_difference(ag.log, [1.0, -1.0])


def test_f_has_to_keep_its_shape() -> None:
    with pytest.raises(ValueError, match=r"f returned shape \(1,\) at x and \(0,\) close by"):
        finite_difference(lambda x: x[x.array <= 1], [1.0])


def test_x_has_to_be_real() -> None:
    with pytest.raises(TypeError, match="x has to be real"):
        finite_difference(lambda x: x, [1j])


# derivative


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.exp, mpmath.exp),
        (np.sin, mpmath.cos),
        (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x**2) ** 2),
        (np.tanh, lambda x: 1 - mpmath.tanh(x) ** 2),
    ],
)
@pytest.mark.parametrize("at", [0.1, 1.0, 3.0])
def test_derivative_along_a_line(f, slope, at: float) -> None:
    found = derivative(lambda h: f(at + h), step=0.0625, at=at)
    assert_covered(found, slope, at)
    assert found.error <= 1e-10 * max(1, abs(found.value))


def test_each_element_finds_its_own_step() -> None:
    frequency = np.array([1.0, 1e3, 1e6])
    found = derivative(lambda h: np.sin(frequency * (0.3 + h)), step=0.1, at=0.3)
    np.testing.assert_allclose(found.value, frequency * np.cos(frequency * 0.3), rtol=1e-8)
    assert np.all(abs(found.value - frequency * np.cos(frequency * 0.3)) <= found.error)


def test_where_nothing_is_finite() -> None:
    found = derivative(lambda h: np.array([np.nan, h]), step=0.1)
    assert np.isnan(found.value[0])
    assert found.error[0] == np.inf
    assert abs(found.value[1] - 1) <= found.error[1]


def test_complex_steps_in_several_threads_leave_warnings_as_they_were() -> None:
    before, interval = list(warnings.filters), sys.getswitchinterval()

    def differ(_: int) -> None:
        for _ in range(50):
            finite_difference(lambda x: (ag.sin(x) * x).sum(), np.ones(5), "complex-step")

    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(differ, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert list(warnings.filters) == before


def test_under_no_grad_f_may_still_differentiate() -> None:
    def slope(x: ag.Tensor) -> ag.Tensor:
        x.requires_grad_()
        (x**3).sum().backward()
        return x.grad

    with ag.no_grad():
        found = finite_difference(slope, 1.0)
    assert abs(found.value - 6) <= found.error < 1e-6


@pytest.mark.parametrize("orders", [(4,), (5,), (4, 5, 6, 7)])
def test_the_deviation_of_independent_errors_is_theirs(orders: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=(11, 20_000))
    assert np.sqrt(np.mean(differences._deviation(values, orders) ** 2)) == pytest.approx(1, abs=0.02)


def test_a_bar_spans_both_estimates_that_disagree() -> None:
    found = differences._reconciled(Difference(0.0, 1.0), Difference(5.0, 2.0))
    assert found.value + found.error >= 7


def test_ridders_has_eight_steps() -> None:
    points = set()

    def f(x: ag.Tensor) -> ag.Tensor:
        points.add(x.item())
        return ag.sin(x)

    finite_difference(f, 1.0, "ridders")
    assert {1 + 2.0**-k for k in range(4, 12)} <= points


@pytest.mark.parametrize(
    ("dtype", "rounding"), [(np.float16, 2.0**-10), (np.float32, 2.0**-23), (np.float64, 2.0**-52), (int, 2.0**-52)]
)
def test_a_value_has_the_rounding_of_its_dtype(dtype: Any, rounding: float) -> None:
    assert read(np.ones(1, dtype))[1] == rounding
