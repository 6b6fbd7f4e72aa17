"""The error function and its inverse, against mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from autograd.kernels import special

SMALL = np.concatenate([np.logspace(-300, -2, 40), -np.logspace(-300, -2, 40)])
NEAR_ONE = np.concatenate([1 - np.logspace(-15.9, -1, 80), np.logspace(-15.9, -1, 80) - 1])
EDGES = np.array([5.92, 6.0])

POINTS = {
    "erf": np.concatenate([np.linspace(-6.5, 6.5, 2000), SMALL, EDGES, np.nextafter(EDGES, 0), -EDGES]),
    "erfinv": np.concatenate([np.linspace(-0.999, 0.999, 400), SMALL, NEAR_ONE, [0.85, np.nextafter(0.85, 1)]]),
}


def reference(name: str, x: np.ndarray) -> np.ndarray:
    with mpmath.workdps(40):
        return np.array([float(getattr(mpmath, name)(mpmath.mpf(float(v)))) for v in x])


@pytest.mark.parametrize("name", POINTS)
def test_double_precision(name: str) -> None:
    x = POINTS[name]
    rtol = 1.5 * 2.0**-52 if name == "erf" else 1e-15
    np.testing.assert_allclose(getattr(special, name)(x), reference(name, x), rtol=rtol, atol=0)


@pytest.mark.parametrize("name", POINTS)
def test_single_precision(name: str) -> None:
    x = POINTS[name].astype(np.float32)
    x = x[(np.abs(x) > 1e-37) & ((np.abs(x) < 1) | (name == "erf"))]
    y = getattr(special, name)(x)
    assert y.dtype == np.float32
    rtol = 2.0**-22 if name == "erf" else 1.5 * 2.0**-24
    np.testing.assert_allclose(y, reference(name, x), rtol=rtol, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_distribution(dtype: Any) -> None:
    x = np.linspace(-9, 9, 2001).astype(dtype)
    y = special.ndtr(x)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, reference("ncdf", x), rtol=0, atol=2 * np.finfo(dtype).eps)
    slopes = special.ndtr_vjp(np.full_like(x, 3), x)
    np.testing.assert_allclose(slopes, 3 * reference("npdf", x), rtol=50 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("ndtr", [np.nan, np.inf, -np.inf, 0], [np.nan, 1, 0, 0.5]),
        ("erf", [np.nan, np.inf, -np.inf, 1e30, -7.0], [np.nan, 1, -1, 1, -1]),
        ("erfinv", [np.nan, 1, -1, 1.5, -2, np.inf, -np.inf], [np.nan, np.inf, -np.inf, *[np.nan] * 4]),
    ],
)
def test_exceptional_values(name: str, x: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(getattr(special, name)(x), expected)
    np.testing.assert_array_equal(getattr(special, name)(np.array(x, np.float32)), expected)


@pytest.mark.parametrize("name", POINTS)
def test_signed_zero(name: str) -> None:
    assert np.signbit(getattr(special, name)(np.array([0.0, -0.0]))).tolist() == [False, True]


@pytest.mark.parametrize("name", POINTS)
def test_shapes_layouts_and_dtypes(name: str) -> None:
    function = getattr(special, name)
    x = np.asfortranarray(np.random.default_rng(0).uniform(-1, 1, (120, 90)))
    y = function(x)
    assert y.flags.f_contiguous
    np.testing.assert_array_equal(function(x[::-2, ::3]), y[::-2, ::3])
    np.testing.assert_array_equal(function(x.T[3]), y.T[3])
    assert function(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert function(0.5).shape == ()
    assert function(np.float32(0.5)).dtype == np.float32
    assert function(np.float16([0.5])).dtype == np.float16
    assert function([0, 1]).dtype == np.float64
    assert function(np.array([False])).dtype == np.float64


def test_inverse() -> None:
    x = np.linspace(-3, 3, 101)
    np.testing.assert_allclose(special.erfinv(special.erf(x)), x, rtol=1e-11)
