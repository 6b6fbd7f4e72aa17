"""The summary against numbers worked out by hand."""

from __future__ import annotations

import gc
import html
import json
import weakref
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from nn import functional as F

NUMBERS = json.loads((Path(__file__).parent / "worked_examples.json").read_text())["arithmetic"]


def test_lenet_by_hand() -> None:
    found = nn.summary(nn.models.LeNet5(), (1, 32, 32))
    layers = {row.name: row for row in found.rows if row.parameters or "Pool" in row.kind}
    assert {name: row.output_shape for name, row in layers.items()} == {
        "c1": (1, 6, 28, 28),
        "s2": (1, 6, 14, 14),
        "c3": (1, 16, 10, 10),
        "s4": (1, 16, 5, 5),
        "c5": (1, 120, 1, 1),
        "f6": (1, 84),
        "output": (1, 10),
    }
    assert {name: row.parameters for name, row in layers.items() if row.parameters} == {
        "c1": 6 * 25 + 6,
        "c3": 16 * 6 * 25 + 16,
        "c5": 120 * 16 * 25 + 120,
        "f6": 84 * 120 + 84,
        "output": 10 * 84 + 10,
    }
    assert [row.multiplications for row in layers.values()] == [117_600, 0, 240_000, 0, 48_000, 10_080, 840]
    assert [row.receptive_field for row in layers.values()] == [(r, r) for r in (5, 6, 14, 16, 32, 32, 32)]
    assert [row.jump for row in layers.values()] == [(1, 1), (2, 2), (2, 2), (4, 4), (4, 4), None, None]
    assert layers["c1"].memory == 6 * 28 * 28 * 4
    assert (found.parameters, found.trainable, found.frozen, found.buffers) == (61_706, 61_706, 0, 0)
    assert found.multiplications == 416_520
    assert not found.unused


def test_what_convolutions_cost() -> None:
    ordinary = nn.summary(nn.Conv2d(3, 256, kernel_size=5), (3, 12, 12))
    assert ordinary.rows[0].output_shape == (1, 256, 8, 8)
    counts = NUMBERS["multiplications_8x8_outputs"]
    assert ordinary.multiplications == counts["256_filters_5x5x3"] == 1_228_800
    depthwise = nn.Sequential(nn.Conv2d(3, 3, 5, groups=3), nn.Conv2d(3, 256, 1))
    for model in (depthwise, nn.DepthwiseSeparableConv2d(3, 256, 5)):
        separable = nn.summary(model, (3, 12, 12))
        assert [row.multiplications for row in separable.rows[1:]] == [counts["depthwise"], counts["pointwise"]]
        assert separable.multiplications == counts["separable_total"] == 53_952
    assert nn.summary(nn.Conv2d(3, 256, 5), (3, 12, 12), batch=2).multiplications == 2 * 1_228_800


LAYERS = [
    (nn.Conv1d(2, 4, 3, stride=2), (2, 9), 4 * 4 * 2 * 3),
    (nn.Conv3d(1, 2, (1, 2, 3)), (1, 2, 3, 4), 2 * (2 * 2 * 2) * 6),
    (nn.ConvTranspose2d(3, 4, 2, stride=2), (3, 5, 5), 3 * 25 * 4 * 4),
    (nn.ConvTranspose2d(4, 4, 3, groups=2), (4, 5, 5), 4 * 25 * 2 * 9),
    (nn.LocallyConnected2d(3, 4, (6, 5), 3), (3, 6, 5), 4 * 12 * 27),
    (nn.Linear(7, 5), (3, 7), 3 * 5 * 7),
    (nn.Linear(7, 5, bias=False), (7,), 5 * 7),
    (nn.Bilinear(3, 4, 2), [(3,), (4,)], 2 * 3 * 4),
    (nn.LSTM(8, 4, 2, bidirectional=True, batch_first=True), (7, 8), 7 * 2 * 2 * 16 * (8 + 4)),
    (nn.LSTM(8, 4, proj_size=3, batch_first=True), (7, 8), 7 * (16 * (8 + 3) + 4 * 3)),
    (nn.GRUCell(8, 4), (8,), 12 * (8 + 4)),
    (nn.MultiheadAttention(8, 2, batch_first=True), [(7, 8), (5, 8), (5, 8)], (7 + 5 + 5 + 7) * 64 + 2 * 7 * 5 * 8),
    (nn.MultiheadAttention(8, 2, kdim=3, vdim=4), [(8,), (3,), (4,)], (8 + 3 + 4 + 8) * 8 + 2 * 8),
    (nn.BatchNorm2d(3), (3, 4, 4), 0),
    (nn.MaxPool2d(2), (3, 4, 4), 0),
]


@pytest.mark.parametrize(("layer", "shape", "count"), LAYERS)
def test_multiplications(layer: nn.Module, shape: Any, count: int) -> None:
    assert nn.summary(layer, shape).multiplications == count


def alexnet() -> nn.Module:
    """The layers of 1-column AlexNet up to the last pooling, with the course's sizes."""
    return nn.Sequential(
        {
            "conv1": nn.Conv2d(3, 96, 11, stride=4),
            "relu1": nn.ReLU(),
            "pool1": nn.MaxPool2d(3, 2),
            "norm1": nn.LocalResponseNorm(5),
            "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2),
            "relu2": nn.ReLU(),
            "pool2": nn.MaxPool2d(3, 2),
            "conv3": nn.Conv2d(256, 384, 3, padding=1),
            "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2),
            "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2),
            "pool5": nn.MaxPool2d(3, 2),
            "flatten": nn.Flatten(),
            "fc6": nn.Linear(9216, 10),
        }
    )


def test_alexnet() -> None:
    found = nn.summary(alexnet(), (3, 227, 227))
    names = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5"]
    assert [found[name].output_shape[-1] for name in names] == NUMBERS["alexnet_227"]
    assert found["conv1"].parameters == 96 * 3 * 121 + 96
    assert found["conv1"].multiplications == 105_415_200
    fields = {"conv1": 11, "pool1": 19, "norm1": 19, "conv2": 51, "pool2": 67, "conv3": 99, "conv5": 163, "pool5": 195}
    assert {name: found[name].receptive_field for name in fields} == {name: (r, r) for name, r in fields.items()}
    assert found["pool5"].jump == (32, 32)
    assert found["fc6"].receptive_field == (195 + 5 * 32,) * 2
    assert found["flatten"].memory == 0


class Residual(nn.Module):
    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, 4, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.stride = stride

    def forward(self, x: Any) -> Any:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + x[:, :, :: self.stride, :: self.stride])


def test_residual_blocks() -> None:
    found = nn.summary(nn.Sequential(Residual(), Residual(2), nn.Conv2d(4, 2, 3)), (4, 16, 16))
    shown = [(row.name, row.depth, row.repeated) for row in found.rows[:8]]
    assert shown == [
        ("", 0, False),
        ("0", 1, False),
        ("0.conv1", 2, False),
        ("0.bn1", 2, False),
        ("0.relu", 2, False),
        ("0.conv2", 2, False),
        ("0.bn2", 2, False),
        ("0.relu", 2, True),
    ]
    assert [row.receptive_field for row in found.rows[1:8]] == [(r, r) for r in (5, 3, 3, 3, 5, 5, 5)]
    assert (found["1"].receptive_field, found["1"].jump) == ((11, 11), (2, 2))
    assert (found["2"].receptive_field, found["2"].jump) == ((15, 15), (2, 2))
    assert found.parameters == 4 * 144 + 4 * 8 + 74
    assert sum(row.parameters for row in found.rows) == found.parameters
    assert found.buffers == 4 * 9


class Branches(nn.Module):
    """Parallel windows, concatenated, then weighed by what a global mean says, as in a squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(2, 3, (5, 1), padding=(2, 0))
        self.narrow = nn.Conv2d(2, 3, 1)
        self.after = nn.Conv2d(6, 4, 3)
        self.squeeze = nn.Conv2d(4, 4, 1)
        self.last = nn.AvgPool2d(2)

    def forward(self, x: Any) -> Any:
        y = self.after(ag.concatenate([self.narrow(x), F.relu(self.wide(x))], axis=1))
        weights = self.squeeze(y.mean(axis=(2, 3), keepdims=True)).sigmoid()
        return self.last(y * weights)


def test_branches_that_come_together() -> None:
    found = nn.summary(Branches(), (2, 9, 9))
    assert found["narrow"].receptive_field == (1, 1)
    assert found["wide"].receptive_field == (5, 1)
    assert found["after"].receptive_field == (7, 3)
    assert (found["squeeze"].receptive_field, found["squeeze"].jump) == ((13, 9), None)
    assert (found["last"].receptive_field, found["last"].jump) == ((14, 10), (2, 2))
    assert "14×10" in str(found)


FIELDS = [
    (nn.Conv2d(1, 1, 3, dilation=2), (1, 8, 8), (5, 5), (1, 1)),
    (nn.Conv1d(1, 1, 4, stride=3), (1, 9), (4,), (3,)),
    (nn.Sequential(nn.Conv2d(1, 1, 2, stride=2), nn.ConvTranspose2d(1, 1, 2, stride=2)), (1, 8, 8), (2, 2), (1, 1)),
    (nn.ConvTranspose2d(1, 1, 3, stride=2), (1, 4, 4), (2, 2), (Fraction(1, 2), Fraction(1, 2))),
    (nn.Sequential(nn.Conv2d(1, 1, 1, stride=2), nn.ConvTranspose2d(1, 1, 3, stride=2)), (1, 8, 8), (3, 3), (1, 1)),
    (nn.MaxPool2d(3, stride=2, dilation=2, ceil_mode=True), (1, 8, 8), (5, 5), (2, 2)),
    (nn.LPPool2d(2, 3, stride=2), (1, 8, 8), (3, 3), (2, 2)),
    (nn.LocallyConnected2d(1, 2, (8, 8), 3, stride=2), (1, 8, 8), (3, 3), (2, 2)),
    (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (1, 8, 8), (3, 3), (1, 1)),
    (nn.Conv2d(1, 1, 3, padding="same", padding_mode="circular"), (1, 8, 8), (3, 3), (1, 1)),
    (nn.AdaptiveAvgPool2d(2), (1, 8, 8), (4, 4), (4, 4)),
    (nn.AdaptiveAvgPool2d(3), (1, 8, 8), None, None),
    (nn.GlobalAvgPool(), (1, 8, 6), (8, 6), None),
    (nn.GlobalAvgPool(), (1, 8), (8,), None),
    (nn.Sequential(nn.Conv1d(1, 1, 3), nn.Flatten()), (1, 9), (9,), None),
    (nn.Sequential(nn.ZeroPad2d(1), nn.Dropout(), nn.PReLU(), nn.GroupNorm(1, 1)), (1, 8, 8), (1, 1), (1, 1)),
    (nn.Sequential(nn.ChannelShuffle(2), nn.Conv2d(4, 4, 3)), (4, 8, 8), (3, 3), (1, 1)),
    (nn.Linear(8, 3), (1, 8, 8), None, None),
    (nn.Linear(8, 3), (8,), None, None),
    (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 8, 8), None, None),
    (nn.Sequential(nn.Conv1d(1, 1, 3), nn.Softmax(dim=-1)), (1, 12), (12,), None),
    (nn.Sequential(nn.Conv1d(1, 1, 3), nn.LogSoftmax(dim=2)), (1, 12), (12,), None),
    (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Softmax2d()), (1, 8, 8), (3, 3), (1, 1)),
    (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Softmax(dim=2)), (1, 8, 8), None, None),
]


@pytest.mark.parametrize(("layer", "shape", "size", "jump"), FIELDS)
def test_receptive_fields(layer: nn.Module, shape: Any, size: Any, jump: Any) -> None:
    row = nn.summary(layer, shape).rows[0]
    assert (row.receptive_field, row.jump) == (size, jump)
    assert size is not None or str(nn.summary(layer, shape)).split("\n")[2].endswith("-     -")


def measured_field(model: nn.Module, length: int) -> int:
    """How many inputs the gradient of the middle output reaches, with all weights one."""
    for parameter in model.parameters():
        parameter.write(1.0)
    x = ag.tensor(np.zeros((1, 1, length)), requires_grad=True)
    y = model.double()(x)
    y[0, 0, y.shape[-1] // 2].backward()
    reached = np.flatnonzero(x.grad.numpy())
    return int(reached[-1] - reached[0] + 1)


def test_receptive_field_is_what_gradients_reach() -> None:
    generator = np.random.default_rng(0)
    for _ in range(10):
        layers = [
            nn.Conv1d(1, 1, int(k), stride=int(s), dilation=int(d), bias=False)
            for k, s, d in generator.integers(1, [4, 3, 3], (4, 3))
        ]
        model = nn.Sequential(*layers)
        assert nn.summary(model, (1, 200)).rows[0].receptive_field == (measured_field(model, 200),)


def test_modes_hooks_and_gradients_are_left_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)).train()
    model[1].eval()
    model[0].bias.requires_grad_(False)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    found = nn.summary(model, (4,), batch=3)
    assert [m.training for m in model.modules()] == [True, True, False, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    assert all(p.grad is None for p in model.parameters())
    assert (found.parameters, found.trainable, found.frozen) == (12 + 6 + 3, 12 + 6, 3)
    assert not model[0].bias.requires_grad
    with ag.no_grad():
        assert str(nn.summary(model, (4,), batch=3)) == str(found)
    with pytest.raises(ValueError, match="linear"):
        nn.summary(model, (5,))
    assert [m.training for m in model.modules()] == [True, True, False, True]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_nothing_of_the_pass_is_kept() -> None:
    model, seen = nn.Sequential(nn.Linear(4, 3)), []
    model[0].register_forward_hook(lambda module, args, y: seen.append(weakref.ref(y)))
    gc.disable()
    try:
        found = nn.summary(model, (4,))
        assert seen[0]() is None
    finally:
        gc.enable()
    assert found.parameters == 15


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.twin = nn.Linear(4, 4)
        self.twin.weight = self.layer.weight
        self.spare = nn.Linear(4, 2)

    def forward(self, x: Any, y: Any) -> Any:
        x = self.layer(self.layer(x))
        return {"first": x, "second": self.twin(y)}


def test_what_is_shared_counts_once() -> None:
    example = [ag.tensor(np.ones((2, 4), np.float32)), ag.tensor(np.ones((3, 4), np.float32), requires_grad=True)]
    found = nn.summary(Shared(), example)
    assert [(row.name, row.parameters, row.multiplications) for row in found.rows] == [
        ("", 0, None),
        ("layer", 20, 32),
        ("layer", 0, 32),
        ("twin", 4, 48),
    ]
    assert found.parameters == 20 + 4 + 10
    assert found.unused == ["spare"]
    assert found.rows[0].output_shape == [(2, 4), (3, 4)]
    assert "layer: Linear (again)" in str(found)
    assert "not called       spare" in str(found)
    assert found.memory == (2 + 2 + 3) * 4 * 4
    assert example[1].grad is None


class Holder(nn.Module):
    """Uses parameters of modules that it does not call."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Parameter(np.ones((4, 3), np.float32))
        self.listed = nn.ParameterList([np.ones(3, np.float32), np.ones(5, np.float32)])
        self.named = nn.ParameterDict({"scale": np.ones(3, np.float32)})
        self.parts = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.read = nn.Linear(3, 2)
        self.spare = nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        x = self.parts[0](x @ self.own + self.listed[0]) * self.named["scale"]
        return {"features": x, "scores": F.linear(x, self.read.weight)}


@pytest.mark.parametrize("frozen", [False, True])
def test_parameters_of_what_is_not_called_count_where_they_are_used(frozen: bool) -> None:
    model = nn.Sequential(Holder())
    model[0].named.requires_grad_(not frozen)
    found = nn.summary(model, (4,))
    assert [(row.name, row.parameters) for row in found.rows] == [
        ("", 0),
        ("0", 12 + 3 + 5 + 3 + 8),
        ("0.parts.0", 12),
    ]
    assert found.unused == ["0.parts.1", "0.spare"]
    assert (found.parameters, found.frozen) == (31 + 24 + 6, 3 * frozen)


def test_weights_shared_with_a_layer_that_is_not_called_count_once() -> None:
    model = Shared()
    model.twin.register_parameter("bias", None)
    model.forward = lambda x: F.linear(model.layer(x), model.twin.weight)  # type: ignore[method-assign]
    found = nn.summary(model, (4,))
    assert [(row.name, row.parameters) for row in found.rows] == [("", 0), ("layer", 20)]
    assert found.unused == ["spare"]


@pytest.mark.parametrize("bias", [False, True])
def test_a_loss_with_weights(bias: bool) -> None:
    loss = nn.LinearCrossEntropyLoss(4, 10, out_features=(3,), bias=bias)
    found = nn.summary(loss, [ag.zeros(2, 4), ag.zeros(2, 3, dtype=int)])
    assert [(row.parameters, row.multiplications) for row in found.rows] == [(120 + 30 * bias, 2 * 4 * 30)]
    assert found.unused == []


def test_dtypes_and_integers() -> None:
    words = nn.summary(nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)), (7,), dtype=np.int64)
    assert words.rows[-1].output_shape == (1, 7, 2)
    assert words["0"].multiplications == 0
    assert words["0"].receptive_field is None
    double = nn.summary(nn.Linear(4, 2).double(), (4,))
    assert double.memory == 16
    lazy = nn.summary(nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2)), (1, 5, 5))
    assert [row.kind for row in lazy.rows[1:]] == ["Conv2d", "Flatten", "Linear"]
    assert lazy.parameters == 40 + 74


def test_an_array_is_an_input() -> None:
    for given in (np.ones((3, 4), np.float32), [np.ones((3, 4), np.float32)]):
        assert nn.summary(nn.Linear(4, 2), given).rows[-1].output_shape == (3, 2)


class Own(nn.Module):
    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(np.ones((2, 1, 3, 3), np.float32))
        self.function = forward

    def forward(self, x: Any) -> Any:
        return self.function(x, self.weight)


OWN = [
    (lambda x, w: F.conv2d(x, w, stride=2), (3, 3), (2, 2)),
    (lambda x, w: F.max_pool2d(F.conv2d(F.pad(x, (1, 1)), w), 2), (4, 4), (2, 2)),
    (lambda x, w: F.avg_pool2d(F.conv2d(x, w), 3, 2, 1, True, False), (5, 5), (2, 2)),
    (lambda x, w: F.conv2d(ag.concatenate([x, 2 * x], axis=1), w, groups=2, dilation=2), (5, 5), (1, 1)),
    (lambda x, w: ag.swapaxes(F.conv2d(x, w), 2, 3), None, None),
    (lambda x, w: ag.einsum("nchw,hk->nckw", x, ag.tensor(np.eye(9, dtype=np.float32))), None, None),
    (lambda x, w: x.reshape(1, 1, 27, 3), None, None),
    (lambda x, w: F.conv2d(F.pad(x, (0, 1, 0, 1)), ag.concatenate([w] * 4)).mean(axis=2), None, None),
    (lambda x, w: F.conv2d(x, ag.concatenate([w] * 4)[:, :1]).mean(axis=1, keepdims=True), (3, 3), (1, 1)),
    (lambda x, w: F.conv2d(x, w).mean(axis=(2, 3), keepdims=True), (9, 9), None),
    (lambda x, w: ag.sort(F.conv2d(x, w)), None, None),
    (lambda x, w: F.conv2d(x, w)[..., ::-1], None, None),
    (lambda x, w: F.conv2d(x, w)[:, :1], (3, 3), (1, 1)),
    (lambda x, w: F.conv2d(x, w)[:, np.array([1, 0])], (3, 3), (1, 1)),
    (lambda x, w: F.conv2d(ag.sliding_windows(x, (4, 4)).mean(axis=(2, 3)), w), None, None),
]


@pytest.mark.parametrize(("function", "size", "jump"), OWN)
def test_a_layer_of_unknown_kind(function: Any, size: Any, jump: Any) -> None:
    row = nn.summary(Own(function), (1, 9, 9)).rows[0]
    assert (row.receptive_field, row.jump) == (size, jump)
    assert (row.multiplications, row.parameters) == (None, 18)


def test_text() -> None:
    lines = str(nn.summary(nn.Sequential(nn.Sequential(nn.Linear(40, 30)), nn.ReLU()), (40,))).split("\n")
    assert [line.split("  (")[0].rstrip() for line in lines[2:6]] == [
        "Sequential",
        "  0: Sequential",
        "    0: Linear",
        "  1: ReLU",
    ]
    assert lines[4].split() == ["0:", "Linear", "(1,", "30)", "1,230", "1,200", "120", "B", "-", "-"]
    assert lines[7] == "parameters       1,230 (1,230 trainable, 0 frozen)"
    with pytest.raises(KeyError, match="summary: no module '7' was called"):
        nn.summary(nn.ReLU(), (2,))["7"]
    with pytest.raises(ValueError, match="summary: wants the shape of an example, a tensor or an array, or"):
        nn.summary(nn.ReLU(), "image")
    with pytest.raises(ValueError, match="summary: wants the shape of an example, a tensor or an array, or"):
        nn.summary(nn.ReLU(), [(2,), "image"])


# The sizes that Araujo, Norris, Sim 2019 and the usual calculators give for the last feature maps.
NETWORKS = [
    (lambda: nn.models.resnet18(), (3, 32, 32), "layer4", 435),
    (lambda: nn.models.inception_v3(init_weights=False), (3, 299, 299), "Mixed_7c", 1311),
    (lambda: nn.models.mobilenet_v2(), (3, 32, 32), "features", 491),
]


@pytest.mark.parametrize(("build", "shape", "name", "size"), NETWORKS)
def test_known_networks(build: Any, shape: Any, name: str, size: int) -> None:
    found = nn.summary(build(), shape)
    assert (found[name].receptive_field, found[name].jump) == ((size, size), (32, 32))


def test_a_subclass_of_a_layer_multiplies_as_the_layer_does() -> None:
    class Mine(nn.BatchNorm2d):
        pass

    rows = [nn.summary(kind(3), (3, 4, 4)).rows[-1] for kind in (nn.BatchNorm2d, Mine)]
    assert [row.multiplications for row in rows] == [0, 0]


class OnAnArray(nn.Module):
    def __init__(self, layer: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layer = layer
        self.array = np.ones(shape, np.float32)

    def forward(self, x: ag.Tensor) -> ag.Tensor:
        return self.layer(self.array).sum() + x.sum()


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [(nn.Linear(4, 3), (1, 4), 12), (nn.ConvTranspose2d(1, 1, 3), (1, 1, 4, 4), 144), (nn.ReLU(), (2, 2), 0)],
)
def test_layers_given_arrays_multiply_too(layer: nn.Module, shape: tuple[int, ...], count: int) -> None:
    assert nn.summary(OnAnArray(layer, shape), (3,)).multiplications == count


def test_in_a_notebook_its_lines_are_not_broken() -> None:
    found = nn.summary(nn.Sequential(nn.Linear(2, 3)), (2,))
    shown = found._repr_html_()
    assert "white-space: pre;" in shown
    assert html.unescape(shown.split(">", 1)[1].removesuffix("</pre>")) == str(found)


def test_a_shape_with_the_batch_in_it() -> None:
    with pytest.raises(ValueError, match="Conv2d: wants an input") as caught:
        nn.summary(nn.Conv2d(3, 8, 3), (4, 3, 32, 32), batch=2)
    note = "summary: (4, 3, 32, 32) was taken as the shape of one example, in a batch of 2"
    assert caught.value.__notes__ == [note]
