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


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_dtype_of_the_input(mode: str, padding_mode: str) -> None:
    for dtype in (np.float16, np.float32):
        x, grid = ag.tensor(np.ones((1, 1, 3, 3), dtype)), ag.tensor(np.full((1, 2, 2, 2), 0.9, dtype))
        assert F.grid_sample(x, grid, mode, padding_mode, align_corners=False).dtype == dtype


def test_nearest_has_the_derivative_zero_in_the_grid() -> None:
    rng = np.random.default_rng(0)
    x, grid = rng.normal(size=(2, 3, 4, 5)), 1.5 * rng.normal(size=(2, 3, 3, 2))
    compare_functions(
        lambda *t: F.grid_sample(*t, "nearest", "zeros", False),
        lambda *t: TF.grid_sample(*t, "nearest", "zeros", False),
        x,
        grid,
    )
    point = ag.tensor(grid, requires_grad=True)
    F.grid_sample(ag.tensor(x), point, "nearest").sum().backward()
    np.testing.assert_array_equal(point.grad.numpy(), np.zeros_like(grid))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_coordinates_that_are_no_numbers(mode: str, padding_mode: str) -> None:
    """As in PyTorch with zeros outside; with a border its answers differ between two and three axes."""
    x = ag.tensor(np.arange(1.0, 13).reshape(1, 1, 3, 4), requires_grad=True)
    grid = np.zeros((1, 1, 4, 2))
    grid[0, 0, :3] = [np.nan, 0], [0, np.nan], [np.nan, np.nan]
    y = F.grid_sample(x, ag.tensor(grid), mode, padding_mode, align_corners=False)
    assert np.isfinite(y.numpy()[..., 3]).all()
    np.testing.assert_array_equal(y.numpy()[0, 0, 0, :3], [0.0 if mode == "nearest" else np.nan] * 3)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.sum().item(), 1)
    if padding_mode == "zeros":
        theirs = TF.grid_sample(torch.tensor(x.numpy()), torch.tensor(grid), mode, align_corners=False)
        np.testing.assert_allclose(y.numpy(), theirs.numpy())


@pytest.mark.filterwarnings("error")
def test_what_lies_infinitely_far_outside_is_zero() -> None:
    x = ag.tensor(np.full((1, 1, 2, 2), np.inf))
    grid = ag.tensor(np.array([[[[np.inf, 0.0], [0.0, -np.inf], [7.0, 0.0]]]]))
    for mode in ("nearest", "bilinear", "bicubic"):
        np.testing.assert_array_equal(F.grid_sample(ag.ones_like(x), grid, mode).numpy(), np.zeros((1, 1, 1, 3)))
    assert F.grid_sample(x, grid, "nearest").numpy().max() == 0


@pytest.mark.parametrize(("shape", "points"), [((0, 2, 3, 3), (0, 2, 2, 2)), ((2, 0, 3, 3), (2, 2, 2, 2))])
def test_nothing_to_sample(shape: tuple[int, ...], points: tuple[int, ...]) -> None:
    assert F.grid_sample(zeros(*shape), zeros(*points)).shape == (*shape[:2], 2, 2)


@pytest.mark.parametrize("length", [1, 2, 8, 64])
def test_the_identity_meets_the_centres_of_pixels(length: int) -> None:
    grid = F.affine_grid(ag.eye(2, 3, dtype=float)[None], (1, 1, length, length), align_corners=False)
    at = ((grid + 1) * length - 1) / 2
    rows, columns = np.indices((length, length))
    assert at.tolist() == [np.stack([columns, rows], axis=-1).tolist()]
