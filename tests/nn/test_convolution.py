"""The convolution family: against PyTorch over its options, against its own definitions, and the textbook's numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
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

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def options(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


def leaf(values: Any) -> ag.Tensor:
    return ag.tensor(np.asarray(values, np.float64), requires_grad=True)


LAYERS = [
    ("Conv2d", options(3, 6, 3, groups=3, padding=1), normal(0, 3, 5, 4)),
    ("Conv2d", options(3, 6, 3, groups=3, padding=1), normal(2, 3, 5, 4)),
    ("Conv2d", options(6, 6, 3, padding=1, groups=6), normal(16, 6, 9, 8)),
    ("Conv2d", options(6, 6, (3, 2), stride=2, padding=(2, 1), dilation=(1, 2), groups=6), normal(17, 6, 10, 7)),
    ("Conv2d", options(8, 8, 5, stride=(1, 3), padding=2, groups=8), normal(16, 8, 24, 25)),
    ("Conv1d", options(2, 3, 4, padding=3, padding_mode="replicate", dilation=2), normal(2, 2, 7)),
    ("Conv1d", options(2, 3, 4, padding=3, padding_mode="circular", stride=2), normal(2, 7)),
    ("Conv2d", options(3, 4, (4, 2), padding="same", padding_mode="replicate", dilation=2), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 2, padding="valid", padding_mode="reflect"), normal(2, 3, 6, 7)),
    ("Conv2d", options(4, 4, (3, 1), padding=(2, 0), padding_mode="circular", groups=2), normal(4, 6, 7)),
    ("Conv3d", options(2, 4, 2, padding="same", padding_mode="circular"), normal(2, 2, 4, 3, 5)),
    ("Conv3d", options(4, 8, 2, stride=2, groups=4, dilation=(1, 2, 1), bias=False), normal(4, 4, 4, 3)),
    ("ConvTranspose1d", options(3, 4, 3), normal(2, 3, 5)),
    ("ConvTranspose1d", options(4, 6, 3, 2, 1, 1, 2, False, 2), normal(2, 4, 5)),
    ("ConvTranspose1d", options(3, 4, 3, stride=3, output_padding=2), normal(3, 5)),
    ("ConvTranspose1d", options(3, 4, 3, padding=1), normal(0, 3, 5)),
    ("ConvTranspose2d", options(3, 4, 3), normal(2, 3, 4, 5)),
    ("ConvTranspose2d", options(1, 1, 1), normal(1, 1, 1, 1)),
    ("ConvTranspose2d", options(3, 4, 2, stride=2), normal(2, 3, 4, 5)),
    ("ConvTranspose2d", options(3, 4, (2, 3), stride=(2, 1), padding=(0, 2)), normal(2, 3, 4, 5)),
    ("ConvTranspose2d", options(3, 4, 3, stride=2, padding=1, output_padding=1), normal(2, 3, 4, 5)),
    ("ConvTranspose2d", options(3, 4, 2, stride=3, padding=0, output_padding=(2, 1)), normal(2, 3, 2, 3)),
    ("ConvTranspose2d", options(3, 4, 3, dilation=(2, 1), output_padding=(1, 0), padding=(0, 1)), normal(2, 3, 4, 5)),
    ("ConvTranspose2d", options(4, 6, 3, stride=2, groups=2), normal(2, 4, 4, 5)),
    ("ConvTranspose2d", options(4, 8, 3, groups=4, bias=False), normal(4, 4, 5)),
    ("ConvTranspose2d", options(4, 4, 3, stride=2, groups=4, padding=1), normal(0, 4, 4, 5)),
    ("ConvTranspose3d", options(2, 3, 2, stride=2), normal(2, 2, 3, 2, 4)),
    (
        "ConvTranspose3d",
        options(2, 4, (1, 2, 3), (1, 2, 2), (0, 1, 1), (0, 1, 0), 2, dilation=2),
        normal(2, 2, 3, 2, 4),
    ),
    ("Unfold", options(2), normal(2, 3, 4, 5)),
    ("Unfold", options((2, 3), 2, 1, (1, 2)), normal(2, 3, 4, 5)),
    ("Unfold", options(3, padding=(2, 0), stride=2), normal(3, 4, 5)),
    ("Unfold", options(2), normal(0, 3, 4, 5)),
    ("Fold", options(4, 2), normal(2, 12, 9)),
    ("Fold", options((4, 5), (2, 3), 2, 1, (1, 2)), normal(2, 12, 8)),
    ("Fold", options((4, 5), 3, padding=(2, 0), stride=2), normal(18, 6)),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("name", "arguments", "x"), LAYERS)
def test_layer_is_pytorchs(name: str, arguments: Any, x: np.ndarray) -> None:
    args, kwargs = arguments
    compare_modules(getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs), x)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 3))
def test_convolutions_drawn(data: Any, n: int) -> None:
    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(data.draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    groups = data.draw(st.integers(1, 2))
    batch, channels, features = data.draw(st.integers(0, 2)), groups * per_axis(1, 2)[0], groups * per_axis(1, 2)[0]
    kernel, stride, padding, dilation, size = (per_axis(*r) for r in ((1, 3), (1, 3), (0, 2), (1, 2), (1, 5)))
    transposed = data.draw(st.booleans())
    x = normal(batch, channels, *size)
    if transposed:
        extra = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
        least = [
            (i - 1) * s - 2 * p + d * (k - 1) + 1 for i, s, p, d, k in zip(size, stride, padding, dilation, kernel)
        ]
        assume(min(a + e for a, e in zip(least, extra, strict=True)) > 0)
        name, rest = f"conv_transpose{n}d", (stride, padding, extra, groups, dilation)
        w = normal(channels, features // groups, *kernel)
    else:
        assume(all(i + 2 * p > d * (k - 1) for i, p, d, k in zip(size, padding, dilation, kernel, strict=True)))
        name, rest = f"conv{n}d", (stride, padding, dilation, groups)
        w = normal(features, channels // groups, *kernel)
    ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
    compare_functions(lambda *t: ours(*t, *rest), lambda *t: theirs(*t, *rest), x, w, normal(features))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(1, 3))
def test_padding_modes_drawn(data: Any, n: int) -> None:
    kernel = [data.draw(st.integers(1, 3)) for _ in range(n)]
    padding = data.draw(st.sampled_from(["same", "valid"]) | st.tuples(*[st.integers(0, 2)] * n))
    stride = 1 if padding == "same" else data.draw(st.integers(1, 2))
    dilation, groups, bias = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2)), data.draw(st.booleans())
    mode = data.draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    ours, theirs = (
        getattr(m, f"Conv{n}d")(2, 4, kernel, stride, padding, dilation, groups, bias, mode) for m in (nn, torch.nn)
    )
    compare_modules(ours, theirs, normal(2, 2, *range(5, 5 + n)), repr_too=False)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_unfold_and_fold_drawn(data: Any) -> None:
    def pair(low: int, high: int) -> tuple[int, int]:
        return data.draw(st.tuples(*[st.integers(low, high)] * 2))

    size, kernel, dilation, padding, stride = pair(1, 6), pair(1, 3), pair(1, 2), pair(0, 2), pair(1, 3)
    assume(all(i + 2 * p > d * (k - 1) for i, p, d, k in zip(size, padding, dilation, kernel, strict=True)))
    options, theirs = (kernel, dilation, padding, stride), torch.nn.functional
    x = normal(2, 3, *size)
    compare_functions(lambda t: F.unfold(t, *options), lambda t: theirs.unfold(t, *options), x)
    columns = normal(*F.unfold(ag.tensor(x), *options).shape)
    compare_functions(lambda t: F.fold(t, size, *options), lambda t: theirs.fold(t, size, *options), columns)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    ("padding", "widths"),  # torch's pad takes the last axis first
    [(((1, 2), (0, 1)), (0, 1, 1, 2)), ([(2, 0), 1], (1, 1, 2, 0)), ("full", (2, 2, 2, 2))],
)
def test_padding_by_sides_is_padding_first(padding: Any, widths: tuple[int, ...], mode: str) -> None:
    class Padded(torch.nn.Conv2d):
        def forward(self, x: Any) -> Any:
            x = torch.nn.functional.pad(x, widths, mode="constant" if mode == "zeros" else mode)
            return torch.nn.functional.conv2d(x, self.weight, self.bias, dilation=self.dilation)

    ours = nn.Conv2d(2, 3, (3, 2), padding=padding, dilation=(1, 2), padding_mode=mode)
    compare_modules(ours, Padded(2, 3, (3, 2), dilation=(1, 2)), normal(2, 2, 5, 6), repr_too=False)


@pytest.mark.parametrize("output_size", [None, (7, 9), (8, 10), (2, 4, 8, 9)])
def test_output_size_chooses_among_what_a_stride_confounds(output_size: Any) -> None:
    ours, theirs = (m.ConvTranspose2d(3, 4, 3, stride=2, padding=1) for m in (nn, torch.nn))
    theirs = theirs.double()
    ours.double().load_state_dict(theirs.state_dict())
    x = normal(2, 3, 4, 5)
    wanted = theirs(torch.tensor(x), output_size)
    found = ours(leaf(x), output_size)
    np.testing.assert_allclose(found.numpy(), wanted.detach().numpy(), rtol=1e-9, atol=1e-12)
    if output_size is not None:
        np.testing.assert_array_equal(found[0].numpy(), ours(leaf(x[0]), output_size[-2:]).numpy())


ADJOINT = [
    ((2, 3, 6, 7), (4, 3, 3, 2), {}),
    ((2, 3, 6, 7), (4, 3, 3, 2), {"stride": (2, 3), "padding": (1, 0)}),
    ((2, 4, 6, 7), (6, 2, 3, 2), {"groups": 2, "dilation": (2, 1), "padding": ((1, 2), (0, 1))}),
    ((2, 4, 6, 7), (4, 1, 2, 3), {"groups": 4, "padding": "same"}),
    ((2, 3, 5), (4, 3, 3), {"padding": "full", "stride": 2}),
    ((2, 2, 4, 3, 5), (4, 2, 2, 1, 3), {"stride": (1, 2, 2)}),
]


@pytest.mark.parametrize(("shape", "kernel", "settings"), ADJOINT)
def test_transposed_convolution_is_the_adjoint(shape: Any, kernel: Any, settings: Any) -> None:
    x, w = ag.tensor(normal(*shape)), ag.tensor(normal(*kernel))
    y = F.conv(x, w, **settings)
    u = ag.tensor(normal(*y.shape))
    least = F.conv_transpose(u, w, **settings).shape
    extra = tuple(a - b for a, b in zip(shape[2:], least[2:], strict=True))
    back = F.conv_transpose(u, w, output_padding=extra, **settings)
    assert back.shape == shape
    np.testing.assert_allclose((y * u).sum().item(), (x * back).sum().item(), rtol=1e-10)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (1, "full"), (2, ((0, 1), (2, 0)))])
def test_a_convolution_is_a_matrix_and_its_transpose_the_transposed_matrix(stride: int, padding: Any) -> None:
    w = ag.tensor(normal(2, 3, 3, 2))
    inputs = np.eye(3 * 5 * 4).reshape(-1, 3, 5, 4)
    outputs = F.conv2d(ag.tensor(inputs), w, stride=stride, padding=padding)
    shape = outputs.shape[1:]
    m = outputs.numpy().reshape(60, -1).T  # a column for each element of the input
    x = normal(3, 5, 4)
    found = F.conv2d(ag.tensor(x), w, stride=stride, padding=padding).numpy()
    np.testing.assert_allclose((m @ x.ravel()).reshape(shape), found, rtol=1e-12, atol=1e-12)
    layer = nn.ConvTranspose2d(2, 3, (3, 2), stride, padding, bias=False).double()
    layer.load_state_dict({"weight": w})
    u = normal(*shape)
    back = layer(ag.tensor(u), output_size=(5, 4)).numpy()
    np.testing.assert_allclose((m.T @ u.ravel()).reshape(3, 5, 4), back, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_convolve_is_the_sum_of_the_definition(n: int) -> None:
    x, w = normal(*range(4, 4 + n)), normal(*range(2, 2 + n))
    wanted = np.zeros([a + b - 1 for a, b in zip(x.shape, w.shape, strict=True)])
    for at in np.ndindex(x.shape):
        for tap in np.ndindex(w.shape):
            wanted[tuple(np.add(at, tap))] += x[at] * w[tap]
    found = F.convolve(ag.tensor(x[None, None]), ag.tensor(w[None, None]), padding="full")
    np.testing.assert_allclose(found.numpy()[0, 0], wanted, rtol=1e-10, atol=1e-12)
    flipped = F.conv(ag.tensor(x[None, None]), ag.flip(ag.tensor(w[None, None]), range(2, 2 + n)), padding="full")
    np.testing.assert_array_equal(flipped.numpy(), found.numpy())
    if n == 1:
        np.testing.assert_allclose(found.numpy()[0, 0], np.convolve(x, w), rtol=1e-10, atol=1e-12)
        correlation = F.conv1d(ag.tensor(x[None, None]), ag.tensor(w[None, None])).numpy()[0, 0]
        np.testing.assert_allclose(correlation, np.correlate(x, w, "valid"), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("padding", [0, 1, "full"])
def test_gradients_of_a_convolution_are_the_textbooks(padding: Any) -> None:
    x, w = leaf(normal(2, 3, 6, 5)), leaf(normal(4, 3, 3, 2))
    y = F.conv2d(x, w, padding=padding)
    g = ag.tensor(normal(*y.shape))
    y.backward(g)
    pads = {0: (0, 0), 1: (1, 1), "full": (2, 1)}[padding]
    # dW: the correlation of the input with the output gradient, the batch being summed over in place of channels.
    dw = F.conv2d(ag.swapaxes(x.detach(), 0, 1), ag.swapaxes(g, 0, 1), padding=pads)  # (C, F, KH, KW)
    np.testing.assert_allclose(w.grad.numpy(), dw.numpy().swapaxes(0, 1), rtol=1e-10, atol=1e-12)
    # dX: the full correlation of the output gradient with the rotated kernel, which is the true convolution.
    kernel = ag.swapaxes(w.detach(), 0, 1)
    dx = F.conv2d(g, ag.rot90(kernel, 2, axes=(2, 3)), padding="full")
    np.testing.assert_array_equal(dx.numpy(), F.convolve(g, kernel, padding="full").numpy())
    cropped = dx.numpy()[:, :, pads[0] : 6 + pads[0], pads[1] : 5 + pads[1]]
    np.testing.assert_allclose(x.grad.numpy(), cropped, rtol=1e-10, atol=1e-12)


def single(values: Any) -> ag.Tensor:
    """An image or a kernel (H, W) as (1, 1, H, W)."""
    return leaf(np.asarray(values, np.float64)[None, None])


def test_worked_input_gradient() -> None:
    example = EXAMPLES["input_gradient"]
    x, w, g = single(np.ones((4, 4))), single(example["kernel"]), single(example["output_gradient"])
    F.conv2d(x, w).backward(g.detach())
    np.testing.assert_allclose(x.grad.numpy()[0, 0], example["input_gradient"], atol=1e-12)
    full = F.conv2d(g, single(example["rotated_kernel"]), padding="full")
    np.testing.assert_allclose(full.numpy()[0, 0], example["input_gradient"], atol=1e-12)


def test_an_impulse_gives_the_kernel_and_to_a_correlation_its_flip() -> None:
    example = EXAMPLES["impulse"]
    image = np.zeros((7, 7))
    image[3, 3] = 1
    found = F.convolve(single(image), single(example["kernel"])).numpy()[0, 0]
    np.testing.assert_array_equal(found, example["convolution_output_valid"])
    found = F.conv2d(single(image), single(example["kernel"])).numpy()[0, 0]
    np.testing.assert_array_equal(found[1:4, 1:4], example["correlation_centre"])
    np.testing.assert_array_equal(np.rot90(found, 2), example["convolution_output_valid"])


def test_worked_volume_with_two_filters_at_stride_2() -> None:
    example = EXAMPLES["volume_7x7x3"]
    layer = nn.Conv2d(3, 2, 3, example["stride"], example["padding"])
    layer.load_state_dict({"weight": np.array(example["weight"]), "bias": np.array(example["bias"])})
    x = ag.tensor(np.array(example["input"], np.float32))
    np.testing.assert_array_equal(layer(x).numpy(), example["output"])
    padded = ag.pad(x, [(0, 0), (1, 1), (1, 1)])
    assert padded.shape == (3, 7, 7)
    np.testing.assert_array_equal(F.conv2d(padded, layer.weight, layer.bias, stride=2).numpy(), example["output"])


def test_worked_diagonal_kernel() -> None:
    example = EXAMPLES["diagonal_kernel"]
    found = F.conv2d(single(example["image"]), single(example["kernel"]))
    np.testing.assert_array_equal(found.numpy()[0, 0], example["output"])


def test_worked_mean_filter() -> None:
    example = EXAMPLES["mean_filter"]
    found = F.conv2d(single(example["image"]), single(np.full((3, 3), 1 / 9)))
    np.testing.assert_allclose(found.numpy()[0, 0], example["output_valid"], atol=1e-12)
    column, row = np.full((3, 1), 1 / 3), np.full((1, 3), 1 / 3)
    found = F.conv2d(F.conv2d(single(example["image"]), single(column)), single(row))
    np.testing.assert_allclose(found.numpy()[0, 0], example["output_valid"], atol=1e-12)


def test_worked_sizes_and_counts() -> None:
    example = EXAMPLES["arithmetic"]
    ten = example["conv_32x32x3_ten_5x5_pad2"]
    layer = nn.Conv2d(3, 10, 5, stride=1, padding=2)
    assert layer(ag.zeros((3, 32, 32))).shape == tuple(ten["output"])
    assert sum(p.size for p in layer.parameters()) == ten["parameters"]
    for stride in (1, 2, 3):
        side = example["conv_7x7_3x3"][f"stride{stride}"]
        assert nn.Conv2d(1, 1, 3, stride)(ag.zeros((1, 7, 7))).shape == (1, side, side)
    separable = nn.DepthwiseSeparableConv2d(3, 256, 5, bias=False)
    assert separable(ag.zeros((3, 12, 12))).shape == (256, 8, 8)
    counts = example["multiplications_8x8_outputs"]
    assert 64 * separable.depthwise.weight.size == counts["depthwise"]
    assert 64 * separable.pointwise.weight.size == counts["pointwise"]
    assert 64 * nn.Conv2d(3, 256, 5).weight.size == counts["256_filters_5x5x3"]


@pytest.mark.parametrize(
    ("kernel", "dilation", "padding", "stride"),
    [(3, 1, 0, 1), ((2, 3), (2, 1), ((1, 0), (2, 1)), (1, 2)), ((3,), 2, 1, 2), ((2, 1, 3), 1, (1, 0, 1), 2)],
)
def test_unfold_and_fold_are_adjoint_and_make_a_product_of_a_convolution(
    kernel: Any, dilation: Any, padding: Any, stride: Any
) -> None:
    n = len(kernel) if isinstance(kernel, tuple) else 2
    size = (6, 7, 5)[:n]
    taps = kernel if isinstance(kernel, tuple) else (kernel,) * n
    x, w = ag.tensor(normal(2, 3, *size)), ag.tensor(normal(4, 3, *taps))
    columns = F.unfold(x, kernel, dilation, padding, stride)
    y = F.conv(x, w, None, stride, padding, dilation)
    product = ag.reshape(w, (4, -1)) @ columns
    np.testing.assert_allclose(product.numpy(), y.numpy().reshape(2, 4, -1), rtol=1e-10, atol=1e-12)
    u = ag.tensor(normal(*columns.shape))
    back = F.fold(u, size, kernel, dilation, padding, stride)
    np.testing.assert_allclose((columns * u).sum().item(), (x * back).sum().item(), rtol=1e-10)


def test_depthwise_with_a_multiplier_filters_each_channel_by_itself() -> None:
    x, w = normal(2, 3, 6, 5), normal(6, 1, 3, 3)
    found = F.conv2d(ag.tensor(x), ag.tensor(w), groups=3)
    for f in range(6):
        alone = F.conv2d(ag.tensor(x[:, f // 2, None]), ag.tensor(w[f, None]))
        np.testing.assert_allclose(found.numpy()[:, f], alone.numpy()[:, 0], rtol=1e-12)


def test_pointwise_convolution_is_a_linear_layer_over_channels() -> None:
    x, w, b = normal(2, 3, 4, 5), normal(6, 3), normal(6)
    found = F.conv2d(ag.tensor(x), ag.tensor(w[:, :, None, None]), ag.tensor(b))
    wanted = np.moveaxis(np.moveaxis(x, 1, -1) @ w.T + b, -1, 1)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2, "padding": 1},
        {"depth_multiplier": 2, "padding": "same"},
        {"padding": 2, "padding_mode": "reflect"},
    ],
)
def test_depthwise_separable_is_pytorchs_two_layers(settings: dict[str, Any]) -> None:
    ours = nn.DepthwiseSeparableConv2d(3, 4, 3, **settings)
    multiplier = settings.pop("depth_multiplier", 1)
    parts = {
        "depthwise": torch.nn.Conv2d(3, 3 * multiplier, 3, groups=3, **settings),
        "pointwise": torch.nn.Conv2d(3 * multiplier, 4, 1),
    }
    theirs = torch.nn.Sequential()
    for name, part in parts.items():
        theirs.add_module(name, part)
    compare_modules(ours, theirs, normal(2, 3, 6, 5), repr_too=False)


@pytest.mark.parametrize(
    "settings", [{}, {"stride": (2, 1), "padding": (1, 2)}, {"padding": "same", "mid_channels": 2}]
)
def test_spatially_separable_is_one_convolution_of_low_rank(settings: dict[str, Any]) -> None:
    layer = nn.SpatiallySeparableConv2d(3, 4, (3, 5), dilation=(1, 2), **settings).double()
    settings.pop("mid_channels", None)
    x = ag.tensor(normal(2, 3, 12, 11))
    kernel = ag.einsum("fmx,mcy->fcyx", layer.row.weight[:, :, 0], layer.column.weight[..., 0])
    wanted = F.conv2d(x, kernel, layer.row.bias, dilation=(1, 2), **settings)
    np.testing.assert_allclose(layer(x).numpy(), wanted.numpy(), rtol=1e-9, atol=1e-12)


LOCAL = [
    {},
    {"stride": (2, 1), "padding": (1, 0)},
    {"dilation": 2, "padding": ((0, 1), (2, 0)), "bias": False},
    {"padding": "same"},
]


@pytest.mark.parametrize("settings", LOCAL)
def test_locally_connected_has_a_kernel_for_each_position(settings: dict[str, Any]) -> None:
    layer = nn.LocallyConnected2d(2, 3, (5, 6), (3, 2), **settings).double()
    settings = {**settings}
    settings.pop("bias", None)
    x = normal(2, 2, 5, 6)
    found = layer(ag.tensor(x)).numpy()
    for i, j in np.ndindex(found.shape[2:]):
        bias = None if layer.bias is None else layer.bias[:, i, j]
        alone = F.conv2d(ag.tensor(x), layer.weight[:, :, i, j], bias, **settings)
        np.testing.assert_allclose(found[:, :, i, j], alone.numpy()[:, :, i, j], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(layer(ag.tensor(x[0])).numpy(), found[0])


def test_locally_connected_with_equal_kernels_is_a_convolution() -> None:
    layer = nn.LocallyConnected1d(2, 3, 7, 3, stride=2).double()
    w, b = normal(3, 2, 3), normal(3)
    layer.load_state_dict(
        {"weight": np.broadcast_to(w[:, :, None], layer.weight.shape), "bias": np.broadcast_to(b[:, None], (3, 3))}
    )
    x = ag.tensor(normal(4, 2, 7))
    wanted = F.conv1d(x, ag.tensor(w), ag.tensor(b), stride=2)
    np.testing.assert_allclose(layer(x).numpy(), wanted.numpy(), rtol=1e-12, atol=1e-12)


SECOND_ORDER = [
    ("convolve", lambda x, w, b: F.convolve(x, w, b, padding=[(1, 0), (0, 2)]), (2, 2, 3, 3), (3, 2, 2, 3), (3,)),
    ("depthwise", lambda x, w: F.conv2d(x, w, groups=2, padding="full"), (1, 2, 3, 2), (4, 1, 2, 2)),
    ("transposed", lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1), (2, 2, 3, 2), (2, 3, 3, 2), (3,)),
    ("grouped", lambda x, w: F.conv_transpose1d(x, w, groups=2, dilation=2), (2, 4, 3), (4, 2, 2)),
    ("unfold", lambda x: F.unfold(x, 2, padding=1, stride=2), (2, 2, 3, 4)),
    ("fold", lambda x: F.fold(x, (3, 4), 2, padding=1, stride=2), (2, 8, 6)),
    ("local", lambda x, w, b: F.locally_connected(x, w, b, 2, 1), (2, 2, 4), (3, 2, 2, 3), (3, 2)),
]


@pytest.mark.parametrize(("function", "shapes"), [pytest.param(f, s, id=name) for name, f, *s in SECOND_ORDER])
def test_derivatives_of_both_orders(function: Any, shapes: list[tuple[int, ...]]) -> None:
    check_derivatives(function, *(normal(*shape) for shape in shapes))


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(2, 3, 3, 2, 1),
        nn.ConvTranspose2d(2, 4, 2, groups=2, bias=False),
        nn.DepthwiseSeparableConv2d(2, 3, 2, padding="same", depth_multiplier=2),
        nn.SpatiallySeparableConv2d(2, 3, 2),
        nn.LocallyConnected2d(2, 3, (3, 4), 2),
        nn.Sequential(nn.Unfold(2), nn.Fold((3, 4), 2)),
    ],
)
@pytest.mark.parametrize("batch", [2, 0])
def test_float32_and_empty_batches_pass_both_ways(layer: nn.Module, batch: int) -> None:
    x = ag.tensor(normal(batch, 2, 3, 4).astype(np.float32), requires_grad=True)
    y = layer(x)
    assert y.dtype == np.float32
    assert y.shape[0] == batch
    layer.zero_grad()
    y.sum().backward()
    for tensor in (x, *layer.parameters()):
        assert tensor.grad.dtype == np.float32
        assert tensor.grad.shape == tensor.shape
        assert batch or not tensor.grad.numpy().any()


def zeros(*shape: int) -> ag.Tensor:
    return ag.zeros(shape)


ERRORS: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: nn.Conv2d(3, 4, 3, padding=((1, 2),)),
        r"Conv2d: padding wants 2 pairs, one for each axis, got \(\(1, 2\),\)",
    ),
    (
        lambda: nn.Conv2d(3, 4, 3, padding=((1, 2, 3), 0)),
        r"Conv2d: the padding of an axis has to be an int or 2 ints, got \(1, 2, 3\)",
    ),
    (
        lambda: nn.Conv1d(3, 4, 3, padding=(2, 0)),
        r"Conv1d: padding has to be an int, or one pair, as in \[\(2, 0\)\]; got \(2, 0\)",
    ),
    (
        lambda: F.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), padding=[(0, -1)]),
        r"conv1d: the padding of an axis .* at least 0",
    ),
    (
        lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")(zeros(1, 3, 0, 5)),
        r"Conv2d: padding_mode 'reflect' has nothing to continue from in an input of shape \(1, 3, 0, 5\)",
    ),
    (
        lambda: nn.Conv2d(1, 1, 3, padding=3, padding_mode="reflect")(zeros(1, 1, 3, 5)),
        r"Conv2d: mode 'reflect' can continue length 3 by at most 2, got \(3, 3\) for shape \(1, 1, 3, 5\)",
    ),
    (
        lambda: nn.Conv1d(1, 1, 3, padding=4, padding_mode="circular")(zeros(1, 1, 3)),
        "Conv1d: mode 'circular' can continue length 3 by at most 3",
    ),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), padding="half"), "conv2d: padding .* got 'half'"),
    (lambda: F.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), padding=np.ones(2)), "conv2d: padding has to be an int"),
    (lambda: nn.Conv2d(3, 4, 3, padding=-1), "Conv2d: padding has to be at least 0, got -1"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), "ConvTranspose2d: padding_mode can only be zeros"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), "ConvTranspose2d: groups has to divide both channel numbers"),
    (lambda: nn.ConvTranspose2d(3, 4, 3)(zeros(1, 4, 5, 5)), r"ConvTranspose2d: wants an input \(N, 3, H, W\)"),
    (
        lambda: nn.ConvTranspose2d(3, 4, 3, 2, output_padding=2)(zeros(1, 3, 5, 5)),
        r"conv_transpose2d: output_padding has to be smaller than stride or dilation; got output_padding \(2, 2\)",
    ),
    (
        lambda: nn.ConvTranspose2d(3, 4, 3, padding=3)(zeros(1, 3, 3, 3)),
        r"conv_transpose2d: input \(1, 3, 3, 3\) .* leaves a result of size \(-1, -1\)",
    ),
    (
        lambda: nn.ConvTranspose1d(3, 4, 3, 2)(zeros(1, 3, 3), output_size=[9]),
        r"ConvTranspose1d: input \(1, 3, 3\) can have an output_size from \(7,\) to \(8,\), got \(9,\)",
    ),
    (
        lambda: nn.ConvTranspose2d(3, 4, 3, 2)(zeros(1, 3, 3, 3), output_size=[9]),
        "ConvTranspose2d: output_size has to have 2 or 4 numbers",
    ),
    (
        lambda: F.conv_transpose2d(zeros(1, 3, 5, 5), zeros(4, 3, 2, 2)),
        r"conv_transpose2d: input .* has 3 channels, but weight \(4, 3, 2, 2\) wants 4",
    ),
    (lambda: F.conv_transpose2d(zeros(1, 3, 5, 5), zeros(3, 3, 2, 2), groups=2), "conv_transpose2d: 3 input channels"),
    (lambda: F.conv_transpose2d(zeros(1, 3, 5, 5), zeros(3, 3, 2)), "conv_transpose2d: wants a weight of 4 dimensions"),
    (lambda: F.conv_transpose1d(zeros(1, 3, 0), zeros(3, 3, 2)), "conv_transpose1d: wants an input with no empty axis"),
    (
        lambda: F.conv_transpose1d(zeros(1, 4, 3), zeros(4, 3, 2), zeros(3), groups=2),
        r"conv_transpose1d: wants a bias of shape \(6,\), got \(3,\)",
    ),
    (lambda: F.convolve(zeros(1, 3), zeros(3, 3)), r"conv: wants a weight .* got shape \(3, 3\)"),
    (lambda: F.unfold(zeros(5, 5), 2), r"unfold: wants an input of 4 dimensions, or 3 without a batch"),
    (lambda: F.unfold(zeros(1, 1, 3, 3), 4), r"unfold: a window \(4, 4\) .* more than the padded input \(3, 3\)"),
    (lambda: F.fold(zeros(1, 5, 4), 3, 2), r"fold: 5 rows are not a multiple of the 4 places"),
    (lambda: F.fold(zeros(1, 4, 5), 3, 2), r"fold: output_size \(3, 3\) has 2 x 2 windows .* has 5 columns"),
    (lambda: F.fold(zeros(1, 4, 5, 5), 3, 2), r"fold: wants an input \(N, C·∏K, L\)"),
    (lambda: nn.DepthwiseSeparableConv2d(3, 4, 3, depth_multiplier=0), "DepthwiseSeparableConv2d: depth_multiplier"),
    (
        lambda: nn.LocallyConnected2d(3, 4, 6, 3)(zeros(1, 3, 5, 6)),
        r"LocallyConnected2d: wants an input \(N, 3, 6, 6\), or one without N, got shape \(1, 3, 5, 6\)",
    ),
    (lambda: nn.LocallyConnected2d(3, 4, 2, 3), "LocallyConnected2d: a window .* more than the padded input"),
    (
        lambda: F.locally_connected(zeros(1, 1, 4), zeros(1, 1, 2, 2)),
        r"locally_connected: input .* has windows at \(3,\) positions, but weight .* has kernels for \(2,\)",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
