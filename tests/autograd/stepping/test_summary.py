"""Summaries of arrays, and their JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import autograd as ag
from autograd.graph import Bundle
from autograd.stepping import Summary

ANY = arrays.arrays(
    st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.bool_]),
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
)


@given(ANY, st.integers(0, 30))
def test_numbers_and_json(x: np.ndarray, limit: int) -> None:
    summary = Summary.of(x, limit)
    finite = x[np.isfinite(x)].astype(np.float64) if x.dtype.kind == "f" else x.ravel().astype(np.float64)
    assert (summary.shape, summary.dtype, summary.count) == (x.shape, x.dtype.name, x.size)
    assert summary.non_finite == x.size - finite.size
    assert summary.zeros == (np.mean(x == 0) if x.size else 0)
    assert summary.all_zero == (x.size > 0 and not x.any())
    if finite.size:
        assert (summary.min, summary.max) == (finite.min(), finite.max())
        with np.errstate(all="ignore"):
            expected = np.linalg.norm(finite)
        if np.isfinite(expected) and expected > 1e-150:
            assert summary.norm == pytest.approx(expected)
        assert summary.norm >= np.abs(finite).max() * (1 - 1e-12)
    else:
        assert (summary.min, summary.max, summary.mean, summary.norm) == (None,) * 4
    if x.size <= limit:
        np.testing.assert_array_equal(summary.array(), x)
        assert summary.thumbnail is None
    else:
        assert summary.values is None
        assert summary.array() is None
    text = json.dumps(summary.to_json(), allow_nan=False)
    assert Summary.from_json(json.loads(text)).to_json() == summary.to_json()
    assert str(summary)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [((100,), 1, 12), ((100, 3), 12, 3), ((4, 5, 30), 12, 12), ((2, 3, 8, 8), 6, 12), ((2, 2, 2, 2, 9), 8, 12)],
)
def test_thumbnails(shape: tuple[int, ...], rows: int, columns: int) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    thumbnail = np.array(Summary.of(x, limit=1).thumbnail)
    assert thumbnail.shape == (rows, columns)
    np.testing.assert_allclose(Summary.of(np.full(shape, 2.5), limit=1).thumbnail, 2.5)


def test_a_thumbnail_is_made_of_means() -> None:
    x = np.zeros((24, 24))
    x[:2, 2:4] = [[1, 2], [3, 4]]
    thumbnail = np.array(Summary.of(x).thumbnail)
    assert thumbnail[0, 1] == 2.5
    assert thumbnail.sum() == 2.5


def test_floats_are_as_short_as_their_dtype_allows() -> None:
    assert Summary.of(np.float32([0.1, 1 / 3])).values == [0.1, 0.33333334]
    assert Summary.of(np.float64(0.1)).values == 0.1


def test_what_is_not_finite() -> None:
    summary = Summary.of(np.array([np.nan, 1.0, -np.inf, np.inf]))
    assert (summary.min, summary.max, summary.norm, summary.non_finite) == (1.0, 1.0, 1.0, 3)
    assert summary.to_json()["values"] == ["NaN", 1.0, "-Infinity", "Infinity"]
    np.testing.assert_array_equal(Summary.from_json(summary.to_json()).array(), [np.nan, 1.0, -np.inf, np.inf])


def test_norms_neither_overflow_nor_underflow() -> None:
    assert Summary.of(np.array([3e300, 4e300])).norm == pytest.approx(5e300)
    assert Summary.of(np.array([3e-200, 4e-200])).norm == pytest.approx(5e-200)


def test_complex_numbers_are_as_large_as_their_magnitude() -> None:
    summary = Summary.of(np.array([3 + 4j, 0]))
    assert (summary.min, summary.max, summary.norm, summary.values) == (0.0, 5.0, 5.0, [3 + 4j, 0])


def test_of_tensors_and_bundles() -> None:
    assert Summary.of(ag.tensor([3.0, 4.0])).norm == 5
    bundle = Bundle({1: np.array([[1.0, 2.0]], np.float32)}, 3)
    summary = Summary.of(bundle)
    assert (summary.shape, summary.values) == ((1, 2), [[1.0, 2.0]])
    bundle += Bundle({2: np.array(3.0, np.float32)}, 3)
    assert Summary.of(bundle).values == [1.0, 2.0, 3.0]
    assert Summary.of(Bundle({}, 2)).count == 0


def test_from_something_else() -> None:
    with pytest.raises((TypeError, KeyError)):
        Summary.from_json({"shape": [2]})
