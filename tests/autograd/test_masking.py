"""`keep_where` against `np.where`, its slow twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd.kernels.masking import keep_where


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
