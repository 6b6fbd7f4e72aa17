"""Interpolation and shuffles: PyTorch's values and gradients over drawn options; worked numbers; messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

TF = torch.nn.functional
drawn = settings(max_examples=60, deadline=None)
SPATIAL_AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3, "lanczos": 2}


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def zeros(*shape: int) -> ag.Tensor:
    return ag.tensor(np.zeros(shape, np.float32))


@st.composite
def targets(draw: Any, spatial: tuple[int, ...]) -> dict[str, Any]:
    """A size, or a scale factor with or without recomputing."""
    n = len(spatial)
    if draw(st.booleans()):
        one = st.integers(1, 11)
        return {"size": draw(one | st.tuples(*[one] * n))}
    one = st.floats(0.3, 3).map(lambda f: round(f, 2)) | st.sampled_from([0.5, 1.0, 2.0, 3.0])
    factor = draw(one | st.tuples(*[one] * n))
    factors = factor if isinstance(factor, tuple) else (factor,) * n
    assume(all(int(s * f) >= 1 for s, f in zip(spatial, factors, strict=True)))
    return {"scale_factor": factor, "recompute_scale_factor": draw(st.none() | st.booleans())}


def check(x: np.ndarray, **options: Any) -> None:
    compare_functions(lambda t: F.interpolate(t, **options), lambda t: TF.interpolate(t, **options), x)


def rounds_to(spatial: tuple[int, ...], options: dict[str, Any], *multiples: int) -> bool:
    """Whether some length becomes such a multiple of itself, but by a factor that is not quite it.

    In PyTorch 2.13, backward is then not the adjoint of forward: for "nearest" (1 and 2), "bicubic" and antialias (1).
    """
    if options.get("recompute_scale_factor", True):
        return False
    factor = options["scale_factor"]
    factors = factor if isinstance(factor, tuple) else (factor,) * len(spatial)
    return any(int(s * f) == m * s and f != m for s, f in zip(spatial, factors, strict=True) for m in multiples)


@drawn
@given(st.data())
def test_interpolating_modes(data: Any) -> None:
    mode = data.draw(st.sampled_from([*SPATIAL_AXES]))
    spatial = tuple(data.draw(st.integers(1, 8)) for _ in range(SPATIAL_AXES[mode]))
    options = data.draw(targets(spatial))
    antialias = mode == "lanczos" or (mode in ("bilinear", "bicubic") and data.draw(st.booleans()))
    if antialias:
        width = F.interpolate(zeros(1, 1, *spatial), **options).shape[-1]
        assume(min(spatial[-1], width) > 1)  # of a single column, PyTorch 2.13 takes the first element for all
    if antialias or mode == "bicubic":
        assume(not rounds_to(spatial, options, 1))
    if mode != "lanczos":
        options["align_corners"] = data.draw(st.none() | st.booleans())
    check(normal(2, 3, *spatial), mode=mode, antialias=antialias, **options)


@drawn
@given(st.data())
def test_nearest_and_area(data: Any) -> None:
    mode = data.draw(st.sampled_from(["nearest", "nearest-exact", "area"]))
    spatial = tuple(data.draw(st.integers(1, 8)) for _ in range(data.draw(st.integers(1, 3))))
    options = data.draw(targets(spatial))
    assume(mode != "nearest" or not rounds_to(spatial, options, 1, 2))
    check(normal(2, 3, *spatial), mode=mode, **options)


@pytest.mark.parametrize("r", [1, 2, 3])
def test_shuffles(r: int) -> None:
    compare_functions(lambda t: F.pixel_shuffle(t, r), lambda t: TF.pixel_shuffle(t, r), normal(2, 18 * r * r, 4, 5))
    compare_functions(lambda t: F.pixel_shuffle(t, r), lambda t: TF.pixel_shuffle(t, r), normal(2 * r * r, 4, 5))
    compare_functions(lambda t: F.pixel_unshuffle(t, r), lambda t: TF.pixel_unshuffle(t, r), normal(2, 3, 6, 12))
    compare_functions(lambda t: F.pixel_unshuffle(t, r), lambda t: TF.pixel_unshuffle(t, r), normal(2, 1, 2, 6, 6))
    compare_functions(lambda t: F.channel_shuffle(t, r), lambda t: TF.channel_shuffle(t, r), normal(2, 6, 4, 5))
    compare_functions(lambda t: F.channel_shuffle(t, r), lambda t: TF.channel_shuffle(t, r), normal(2, 6, 4))


def options(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


LAYERS = [
    ("Upsample", options(scale_factor=2), (2, 3, 4, 5)),
    ("Upsample", options(size=(3, 7)), (2, 3, 4, 5)),
    ("Upsample", options(scale_factor=(2, 1.5), mode="bilinear"), (2, 3, 4, 5)),
    ("Upsample", options(scale_factor=2, mode="bicubic", align_corners=True), (2, 3, 4, 5)),
    ("Upsample", options(scale_factor=1.3, mode="linear", recompute_scale_factor=True), (2, 3, 6)),
    ("Upsample", options(size=5, mode="trilinear"), (2, 3, 4, 2, 3)),
    ("UpsamplingNearest2d", options(scale_factor=3), (2, 3, 4, 5)),
    ("UpsamplingBilinear2d", options(size=9), (2, 3, 4, 5)),
    ("PixelShuffle", options(2), (2, 8, 3, 4)),
    ("PixelUnshuffle", options(2), (2, 3, 4, 6)),
    ("ChannelShuffle", options(3), (2, 6, 4, 5)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), LAYERS)
def test_layer(name: str, arguments: Any, shape: tuple[int, ...]) -> None:
    args, kwargs = arguments
    compare_modules(getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs), normal(*shape))


def test_upsample_is_interpolate() -> None:
    x = ag.tensor(normal(1, 1, 3, 4))
    ours = F.upsample(x, None, 2, "bilinear", True)
    np.testing.assert_array_equal(ours.numpy(), F.interpolate(x, None, 2, "bilinear", True).numpy())


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_of_half_precision(mode: str) -> None:
    """Positions are not those that half precision has numbers for."""
    x = np.arange(300, dtype=np.float16).reshape(1, 1, -1)
    ours = F.interpolate(ag.tensor(x), size=4000, mode=mode)
    theirs = torch.nn.functional.interpolate(torch.tensor(x), size=4000, mode=mode)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_an_empty_batch() -> None:
    check(normal(0, 3, 4, 5), size=(3, 7))
    check(normal(0, 3, 4, 5), size=(3, 7), mode="bicubic")


@pytest.mark.parametrize("mode", ["nearest", "area", "bilinear", "bicubic"])
def test_derivatives_of_any_order(mode: str) -> None:
    check_derivatives(lambda x: F.interpolate(x * x, size=(3, 5), mode=mode), normal(1, 2, 4, 3))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area", "bilinear", "bicubic"])
def test_float32_stays(mode: str) -> None:
    x = ag.tensor(normal(2, 3, 5, 4).astype(np.float32), requires_grad=True)
    y = F.interpolate(x, size=(8, 3), mode=mode)
    assert y.dtype == np.float32
    wanted = TF.interpolate(torch.tensor(x.numpy()), size=(8, 3), mode=mode)
    np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)
    y.sum().backward()
    assert x.grad.dtype == np.float32


ERRORS = [
    (lambda: F.interpolate(zeros(1, 1, 4)), "interpolate: wants either size or scale_factor, got None and None"),
    (lambda: F.interpolate(zeros(1, 1, 4), 2, 2), "interpolate: wants either size or scale_factor, got 2 and 2"),
    (lambda: F.interpolate(zeros(1, 1, 4), 2, mode="cubic"), "interpolate: mode is one of nearest, .* got 'cubic'"),
    (
        lambda: F.interpolate(zeros(1, 1, 4), 2, mode="bilinear"),
        r"interpolate: mode 'bilinear' wants an input \(N, C, \*S\) of 2 spatial axes, got shape \(1, 1, 4\)",
    ),
    (
        lambda: F.interpolate(zeros(4, 4), 2),
        r"interpolate: mode 'nearest' wants .* of 1 to 3 spatial axes, got .*\(4, 4\)",
    ),
    (lambda: F.interpolate(zeros(1, 1, 0), 2), r"interpolate: .* without empty axes .*, got shape \(1, 1, 0\)"),
    (lambda: F.interpolate(zeros(1, 1, 4), (2, 2)), r"interpolate: size has to be an int, got \(2, 2\)"),
    (lambda: F.interpolate(zeros(1, 1, 4), 0), "interpolate: size has to be at least 1, got 0"),
    (lambda: F.interpolate(zeros(1, 1, 4), scale_factor=(2, 2)), "interpolate: scale_factor .* positive number or 1"),
    (lambda: F.interpolate(zeros(1, 1, 4), scale_factor=-1), "interpolate: scale_factor has to be a positive number"),
    (lambda: F.interpolate(zeros(1, 1, 4), scale_factor=0.1), r"interpolate: scale_factor 0.1 makes \(0,\) of \(4,\)"),
    (
        lambda: F.interpolate(zeros(1, 1, 4), 2, recompute_scale_factor=True),
        "interpolate: recompute_scale_factor has no meaning with a size",
    ),
    (
        lambda: F.interpolate(zeros(1, 1, 4), 2, align_corners=True),
        "interpolate: mode 'nearest' takes no align_corners",
    ),
    (
        lambda: F.interpolate(zeros(1, 1, 4), 2, antialias=True),
        "interpolate: antialias wants a mode of bilinear, .*near",
    ),
    (lambda: F.interpolate(zeros(1, 1, 4, 4), 2, mode="lanczos"), "interpolate: mode 'lanczos' wants antialias"),
    (lambda: nn.PixelShuffle(2)(zeros(3, 4, 4)), r"pixel_shuffle: 2² does not divide 3 channels; .* \(3, 4, 4\)"),
    (lambda: nn.PixelShuffle(0)(zeros(3, 4, 4)), "pixel_shuffle: upscale_factor has to be a positive int, got 0"),
    (lambda: nn.PixelUnshuffle(3)(zeros(3, 4, 6)), r"pixel_unshuffle: 3 does not divide 4 × 6; .* \(3, 4, 6\)"),
    (lambda: nn.PixelUnshuffle(3)(zeros(3, 6)), r"pixel_unshuffle: wants an input \(\*, C, H, W\), got shape \(3, 6\)"),
    (lambda: nn.ChannelShuffle(4)(zeros(1, 6, 2)), "channel_shuffle: 6 channels cannot be divided into 4 groups"),
    (lambda: nn.ChannelShuffle(2)(zeros(1, 6)), r"channel_shuffle: wants an input \(N, C, \*S\), got shape \(1, 6\)"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
