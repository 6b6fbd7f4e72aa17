"""What the comparison with PyTorch does not show: randomness, dtypes, second order, arrays as inputs."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from derivatives import check_derivatives

import autograd as ag
import nn
from nn import functional as F

rng = np.random.default_rng(0)


def test_dropout_drops_a_share_and_keeps_the_mean() -> None:
    ag.manual_seed(0)
    layer = nn.Dropout(0.3)
    x = ag.tensor(np.ones((100, 100), np.float32), requires_grad=True)
    y = layer(x)
    assert y.dtype == np.float32
    dropped = y.numpy() == 0
    assert abs(dropped.mean() - 0.3) < 0.02
    np.testing.assert_allclose(y.numpy()[~dropped], 1 / 0.7, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.numpy())
    assert layer.eval()(x) is x


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 2, padding=1),
        nn.Conv2d(2, 4, 2, groups=2, padding_mode="circular", padding=1),
        nn.MaxPool2d(2, padding=1),
        nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False, padding=1),
        nn.BatchNorm2d(2),
        nn.Sequential(nn.Flatten(), nn.Linear(24, 3), nn.Tanh(), nn.LogSoftmax(1)),
    ],
)
def test_layers_keep_float32(layer: nn.Module) -> None:
    x = ag.tensor(rng.normal(size=(2, 2, 3, 4)).astype(np.float32), requires_grad=True)
    y = layer(x)
    assert y.dtype == np.float32
    y.sum().backward()
    assert all(t.grad.dtype == np.float32 for t in (x, *layer.parameters()))


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "AdaptiveLogSoftmaxWithLoss": (4, 9, [3]),
    "Bilinear": (2, 3, 4),
    "GroupNorm": (1, 2),
    "LayerNorm": (2,),
    "LazyLinear": (2,),
    "LinearCrossEntropyLoss": (2, 3),
    "LocallyConnected1d": (2, 3, 5, 2),
    "LocallyConnected2d": (2, 3, 5, 2),
    "PReLU": (),
    "RMSNorm": (2,),
}
OF_A_DTYPE = [name for name in nn.layers.__all__ if "dtype" in inspect.signature(getattr(nn, name)).parameters]


@pytest.mark.parametrize("name", OF_A_DTYPE)
def test_layers_of_a_dtype(name: str) -> None:
    kind = getattr(nn, name)
    affine = {"affine": True, "track_running_stats": True} if "InstanceNorm" in name else {}
    if "LazyConv" in name:
        arguments: tuple[Any, ...] = (3, 2)
    elif "BatchNorm" in name or "InstanceNorm" in name:
        arguments = () if "Lazy" in name else (2,)
    else:
        arguments = ARGUMENTS.get(name, (2, 3, 2) if "Conv" in name else (2, 2))
    layer = kind(*arguments, dtype=np.float64, **affine)
    held = [t for t in (*layer.parameters(), *layer.buffers()) if t.dtype.kind == "f"]
    assert held
    assert {t.dtype for t in held} == {np.dtype(np.float64)}


SECOND_ORDER = [
    ("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), (2, 2, 4, 5), (3, 2, 2, 3), (3,)),
    ("grouped", lambda x, w: F.conv1d(x, w, groups=2, dilation=2), (2, 4, 6), (4, 2, 3)),
    ("max_pool", lambda x: F.max_pool2d(x, 2, 1), (1, 2, 3, 4)),
    ("avg_pool", lambda x: F.avg_pool2d(x, 2, 2, 1, True, False), (1, 2, 3, 4)),
    ("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (3, 2, 3), (2,), (2,)),
    ("cross_entropy", lambda x: F.cross_entropy(x, np.array([1, 0, 3])), (3, 4)),
    ("bce", lambda x: F.binary_cross_entropy_with_logits(x, 0 * x + 0.3), (3, 4)),
    ("hinge", lambda x: F.multi_margin_loss(x, np.array([1, 0, 3]), p=2), (3, 4)),
]


@pytest.mark.parametrize(("function", "shapes"), [pytest.param(f, s, id=name) for name, f, *s in SECOND_ORDER])
def test_derivatives_of_both_orders(function: Any, shapes: list[tuple[int, ...]]) -> None:
    generator = np.random.default_rng(1)
    check_derivatives(
        function, *(generator.permutation(np.linspace(-2, 2, int(np.prod(s)))).reshape(s) for s in shapes)
    )


def test_functions_take_non_contiguous_and_empty_inputs() -> None:
    x = ag.tensor(rng.normal(size=(6, 5, 3, 2)).transpose(3, 2, 1, 0)[:, :, ::-1], requires_grad=True)
    w = ag.tensor(rng.normal(size=(4, 3, 2, 2)))
    np.testing.assert_allclose(
        F.conv2d(x, w).numpy(), F.conv2d(ag.tensor(np.ascontiguousarray(x.numpy())), w).numpy(), rtol=1e-12
    )
    assert nn.Conv2d(3, 4, 2)(ag.tensor(np.zeros((0, 3, 5, 5), np.float32))).shape == (0, 4, 4, 4)
    assert nn.MaxPool2d(2)(ag.tensor(np.zeros((0, 3, 5, 5), np.float32))).shape == (0, 3, 2, 2)


@pytest.mark.parametrize(("activation", "pooling"), [("tanh", "avg"), ("relu", "max")])
def test_lenet_has_the_layout_of_1998(activation: str, pooling: str) -> None:
    net = nn.models.LeNet5(activation=activation, pooling=pooling)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in net.named_children():
        module.register_forward_hook(lambda m, args, y, name=name: shapes.__setitem__(name, y.shape[1:]))
    assert net(ag.tensor(np.zeros((2, 1, 32, 32), np.float32))).shape == (2, 10)
    del shapes["activation"]
    assert shapes == {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
        "f6": (84,),
        "output": (10,),
    }
    assert nn.models.LeNet5(3, 7)(ag.tensor(np.zeros((1, 3, 32, 32), np.float32))).shape == (1, 7)


@pytest.mark.parametrize(("shape", "lengths", "wanted"), [((0, 4), (2, -1), (0, 2, 2)), ((2, 0), (3, -1), (2, 3, 0))])
def test_unflatten_of_nothing(shape: tuple[int, ...], lengths: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    assert nn.Unflatten(1, lengths)(ag.zeros(shape)).shape == wanted
    for impossible in ((-1, -1), (0, -1)):
        with pytest.raises(ValueError, match="Unflatten: axis 1 of input"):
            nn.Unflatten(1, impossible)(ag.zeros(shape))
