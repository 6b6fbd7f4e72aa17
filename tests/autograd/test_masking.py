"""`keep_where` and `choose` against `np.where`, their slow twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd.kernels.masking import choose, keep_where


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(), (0, 3), (3,), (30, 40)])
def test_keep_where(shape: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(dtype)
    x = np.where(rng.random(shape) < 0.2, dtype(np.inf), np.where(rng.random(shape) < 0.2, dtype(np.nan), x))
    for condition in (
        rng.random(shape) < 0.5,
        np.asarray(True),
        rng.random(shape[-1:]) < 0.5,
        rng.integers(0, 2, shape),
    ):
        y = keep_where(condition, x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, np.where(condition, x, 0))
        if x.ndim == 2 and condition.ndim == 2:
            np.testing.assert_array_equal(keep_where(condition.T[::-1], x.T[::-1]), y.T[::-1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.int32])
@pytest.mark.parametrize("shape", [(), (0, 3), (30,), (60, 50)])
def test_choose(shape: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x = (10 * rng.normal(size=shape)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        x = np.where(rng.random(shape) < 0.2, dtype(np.inf), np.where(rng.random(shape) < 0.2, dtype(np.nan), x))
    others = [
        x[::-1] if shape else x,
        x[..., -1:] if shape else x,
        0,
        0.1,
        -np.inf,
        np.float32(0.1),
        np.float64(0.1),
        [3.0],
    ]
    for condition in (rng.random(shape) < 0.5, np.asarray(True), rng.random(shape[-1:]) < 0.5, True):
        for other in others:
            for first, second in ((x, other), (other, x)):
                y, wanted = choose(condition, first, second), np.where(condition, first, second)
                assert y.dtype == wanted.dtype
                assert y.shape == wanted.shape
                np.testing.assert_array_equal(y, wanted)
    if x.ndim == 2:
        condition = rng.random(shape[::-1]) < 0.5
        np.testing.assert_array_equal(choose(condition[::-1], x.T, 1), np.where(condition[::-1], x.T, 1))
        assert choose(condition, x.T, 1).flags.writeable
