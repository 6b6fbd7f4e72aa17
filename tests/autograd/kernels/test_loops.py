"""Work in pieces against the same function on the whole."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from autograd.kernels import loops, masking, special
from autograd.kernels.loops import arranged, compute, tiles

Array = np.ndarray

SHAPE = (24, 40, 30, 31)


def drawn(layout: str, dtype: Any = np.float32) -> Array:
    x = np.random.default_rng(0).normal(size=SHAPE).astype(dtype)
    match layout:
        case "batch last":
            return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
        case "backwards":
            return x[::-1, :, ::-1]
        case "gaps":
            return np.repeat(x, 2, axis=3)[..., ::2]
        case "stretched":
            return np.broadcast_to(x[:, :, :1, :1], SHAPE)
    return x


LAYOUTS = ["plain", "batch last", "backwards", "gaps", "stretched"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_kernels_in_pieces(layout: str, dtype: Any) -> None:
    x = drawn(layout, dtype)
    other = drawn("plain", dtype)[::-1]
    column = other[0, :, :1, :1]
    condition = other > 0
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (np.exp, (x,)),
        (np.multiply, (x, column)),
        (np.multiply, (x, other[0, 0, 0])),
        (loops.multiply_add, (x, column, other[0, 0])),
        (np.add, (1.5, x)),
        (np.clip, (x, -1, None)),
        (loops.multiply_add, (x, column, 0.5)),
        (loops.multiply_add, (x, other, column)),
        (masking.keep_where, (condition, x)),
        (masking.keep_where_positive, (other, x)),
        (masking.choose, (condition, x, other)),
        (masking.choose, (condition, x, 0)),
        (masking.choose, (condition[0], 2.0, x)),
        (masking.positive_part, (x,)),
        (special.sigmoid, (x,)),
        (special.sigmoid_vjp, (x, other)),
        (special.tanh_vjp, (x, other)),
        (special.softplus, (x,)),
        (special.erf, (x,)),
        (special.ndtr, (x,)),
        (special.ndtr_vjp, (x, other)),
    ]
    for kernel, operands in calls:
        whole = kernel(*operands)
        pieces = compute(kernel, *operands)
        assert pieces.dtype == whole.dtype, kernel
        np.testing.assert_array_equal(pieces, whole, err_msg=str(kernel))


def test_layout_is_kept() -> None:
    x = drawn("batch last")
    y = compute(np.exp, x)
    assert y.strides == x.strides
    assert compute(np.add, x[:, :1, :1, :1], x).strides == x.strides


def test_small_and_outer_operands_are_left_to_the_kernel() -> None:
    x = np.ones((600, 1))
    np.testing.assert_array_equal(compute(np.add, x, x.T), np.full((600, 600), 2.0))
    assert compute(np.exp, 0.0) == 1


def test_warnings_are_the_callers() -> None:
    x = np.zeros(1 << 19, np.float32)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        compute(np.log, x)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        compute(np.log, x)


@pytest.mark.parametrize("shape", [(5,), (7, 3), (2, 3, 50), (1, 90), (4, 2, 2, 30)])
@pytest.mark.parametrize("size", [1, 4, 20, 1000])
def test_tiles_cover_once(shape: tuple[int, ...], size: int) -> None:
    count = np.zeros(shape, int)
    for index in tiles(shape, size):
        count[index] += 1
    assert (count == 1).all()


def test_arranged_merges_what_is_one_stretch() -> None:
    x = np.moveaxis(np.zeros((3, 4, 5, 2)), -1, 0)
    assert arranged([x])[0].shape == (120,)
    column = np.broadcast_to(np.zeros((1, 3, 1, 1)), x.shape)
    assert [view.shape for view in arranged([x, column])] == [(3, 40), (3, 40)]
    assert arranged([np.zeros((1, 1))])[0].shape == ()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_written_out(dtype: Any) -> None:
    x = np.concatenate([np.linspace(-120, 120, 20_001), [np.inf, -np.inf, np.nan, 0.0, -0.0]]).astype(dtype)
    exact = x.astype(np.longdouble)
    close = {"rtol": 4 * np.finfo(dtype).eps, "atol": np.finfo(dtype).tiny}
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(special.sigmoid(x), 1 / (1 + np.exp(-exact)), **close)
        np.testing.assert_allclose(special.softplus(x), np.logaddexp(0, exact), **close)
    np.testing.assert_array_equal(masking.positive_part(x), np.maximum(x, 0))
