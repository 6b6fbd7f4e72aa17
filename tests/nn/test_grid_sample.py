"""Sampling at points: PyTorch's values and gradients over all modes; an affine map that turns an image; messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, torch
from derivatives import check_derivatives

import autograd as ag
from nn import functional as F

TF = torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore:Since version 1.3.0")


def zeros(*shape: int) -> ag.Tensor:
    return ag.tensor(np.zeros(shape, np.float32))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("spatial", [(4, 5), (1, 2), (4, 3, 5), (1, 2, 3)])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_grid_sample(mode: str, spatial: tuple[int, ...], padding_mode: str, align_corners: bool, exact: bool) -> None:
    n = len(spatial)
    if mode == "bicubic" and n == 3:
        return
    rng = np.random.default_rng(0)
    x, grid = rng.normal(size=(2, 3, *spatial)), 1.7 * rng.normal(size=(*(2, 3, 2, 4)[: n + 1], n))
    grid[0, 0] *= 100
    if exact:  # on the elements and the borders, where the derivative jumps
        grid = np.round(grid)
    options = (mode, padding_mode, align_corners)
    if mode == "nearest":
        points = ag.tensor(grid), torch.tensor(grid)
        compare_functions(
            lambda t: F.grid_sample(t, points[0], *options), lambda t: TF.grid_sample(t, points[1], *options), x
        )
        return
    compare_functions(lambda t, g: F.grid_sample(t, g, *options), lambda t, g: TF.grid_sample(t, g, *options), x, grid)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("spatial", [(4, 5), (1, 2), (4, 3, 5)])
def test_affine_grid(spatial: tuple[int, ...], align_corners: bool) -> None:
    n = len(spatial)
    theta, size = np.random.default_rng(0).normal(size=(2, n, n + 1)), (2, 3, *spatial)
    compare_functions(
        lambda t: F.affine_grid(t, size, align_corners), lambda t: TF.affine_grid(t, size, align_corners), theta
    )


def test_a_quarter_turn() -> None:
    x = ag.tensor(np.random.default_rng(0).normal(size=(1, 2, 5, 5)))
    theta = ag.tensor(np.array([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]]))
    y = F.grid_sample(x, F.affine_grid(theta, x.shape))
    np.testing.assert_allclose(y.numpy(), np.rot90(x.numpy(), 1, (2, 3)), atol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_derivatives_of_any_order(mode: str) -> None:
    rng = np.random.default_rng(3)
    check_derivatives(
        lambda x, g: F.grid_sample(x, g, mode), rng.normal(size=(1, 2, 4, 4)), rng.uniform(-0.8, 0.8, (1, 2, 2, 2))
    )


def test_float32_stays() -> None:
    theta = ag.tensor(np.array([[[0.9, 0.1, 0.0], [0.0, 0.8, 0.1]]], np.float32), requires_grad=True)
    grid = F.affine_grid(theta, (1, 2, 4, 4))
    y = F.grid_sample(zeros(1, 2, 4, 4) + 1, grid, "bicubic", "reflection")
    y.sum().backward()
    assert grid.dtype == y.dtype == theta.grad.dtype == np.float32


ERRORS = [
    (
        lambda: F.grid_sample(zeros(1, 1, 4, 4), zeros(1, 2, 2, 2), "cubic"),
        "grid_sample: mode is one of .* got 'cubic'",
    ),
    (
        lambda: F.grid_sample(zeros(1, 1, 4, 4), zeros(1, 2, 2, 2), padding_mode="wrap"),
        "grid_sample: padding_mode is one of zeros, border, reflection; got 'wrap'",
    ),
    (lambda: F.grid_sample(zeros(1, 1, 4), zeros(1, 2, 1)), r"grid_sample: wants an input .* got shape \(1, 1, 4\)"),
    (
        lambda: F.grid_sample(zeros(2, 1, 4, 4), zeros(1, 2, 2, 2)),
        r"grid_sample: input \(2, 1, 4, 4\) wants a grid \(N, \*O, 2\), N = 2; got \(1, 2, 2, 2\)",
    ),
    (
        lambda: F.grid_sample(zeros(1, 1, 2, 2, 2), zeros(1, 2, 2, 2, 3), "bicubic"),
        "grid_sample: mode 'bicubic' wants 2 spatial axes",
    ),
    (
        lambda: F.affine_grid(zeros(1, 2, 2), (1, 1, 4, 4)),
        r"affine_grid: wants theta of shape \(1, 2, 3\) for size \(1, 1, 4, 4\), got \(1, 2, 2\)",
    ),
    (lambda: F.affine_grid(zeros(1, 2, 3), (1, 1, 4)), r"affine_grid: wants a size .* got \(1, 1, 4\)"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
