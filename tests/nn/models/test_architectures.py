"""The networks of the papers: numbers of parameters, shapes on the way, what they refuse."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from against_torch import torch
from derivatives import check_derivatives
from networks import formula_state, uniform
from torch.nn import functional as TF

import autograd as ag
import nn
from nn import models as m
from nn.models.builder import divisible


def zeros(*shape: int) -> ag.Tensor:
    return ag.zeros(shape)


@pytest.mark.parametrize(
    ("build", "options", "wanted"),
    [
        (m.resnet20, {}, 269_722),  # 0.27 million, as the paper says
        (m.resnet32, {}, 464_154),  # 0.46
        (m.resnet44, {}, 658_586),  # 0.66
        (m.resnet56, {}, 853_018),  # 0.85
        (m.resnet110, {}, 1_727_962),  # 1.7
        (m.resnet20, {"shortcut": "B"}, 272_474),
        (m.plain20, {}, 269_722),  # shortcuts of option A have none
        (m.preact_resnet110, {}, 1_727_962),  # 1.7
        (m.densenet_bc_40_12, {}, 176_122),
        (m.densenet_bc_100_12, {}, 769_162),  # 0.8
        (m.densenet_bc_190_40, {}, 25_624_430),  # 25.6
        (m.densenet_bc_250_24, {}, 15_324_406),  # 15.3
        (m.AllCNN, {}, 1_369_738),  # 1.4
        (m.UNet, {}, 31_030_658),  # 31.0
        (m.LeNet5, {}, 61_706),
        (m.MLP, {"sizes": [784, 100, 10]}, 79_510),
        (m.LinearSoftmax, {"in_features": 3072, "num_classes": 10}, 30_730),
    ],
)
def test_number_of_parameters(
    build: Any, options: dict[str, Any], wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.init, "uniform_", lambda *_: None)
    monkeypatch.setattr(nn.init, "normal_", lambda *_: None)
    assert sum(parameter.size for parameter in build(**options).parameters()) == wanted


def shapes_on_the_way(model: Any, x: ag.Tensor, *layers: str) -> list[tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name in layers:
        module = model.get_submodule(name)
        module.register_forward_hook(lambda _, args, output, name=name: found.update({name: output.shape}))
    with ag.no_grad():
        model(x)
    return [found[name] for name in layers]


def test_maps_of_alexnet() -> None:
    layers = [f"features.{i}" for i in (0, 2, 3, 5, 6, 8, 10, 12)]
    shapes = shapes_on_the_way(m.alexnet(num_classes=2).features, zeros(1, 3, 224, 224), *[i[9:] for i in layers])
    assert [shape[-1] for shape in shapes] == [55, 27, 27, 13, 13, 13, 13, 6]


def test_maps_of_the_first_alexnet() -> None:
    """Krizhevsky et al. 2012: 227×227, 11×11 at stride 4 without padding."""
    layers = nn.Sequential(
        nn.Conv2d(3, 2, 11, stride=4),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(2, 2, 5, padding=2),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(2, 2, 3, padding=1),
        nn.MaxPool2d(3, 2),
    )
    shapes = shapes_on_the_way(layers, zeros(1, 3, 227, 227), *map(str, range(6)))
    assert [shape[-1] for shape in shapes] == [55, 27, 27, 13, 13, 6]


@pytest.mark.parametrize("options", [{}, {"shortcut": "B"}, {"preactivation": True}, {"shortcut": None}])
def test_maps_of_resnet20(options: dict[str, Any]) -> None:
    shapes = shapes_on_the_way(m.CifarResNet(20, **options), zeros(1, 3, 32, 32), "conv1", "layer1", "layer2", "layer3")
    assert shapes == [(1, 16, 32, 32), (1, 16, 32, 32), (1, 32, 16, 16), (1, 64, 8, 8)]


def test_maps_of_all_cnn_and_densenet() -> None:
    assert shapes_on_the_way(m.AllCNN(), zeros(1, 3, 32, 32), "features") == [(1, 10, 6, 6)]
    blocks = [f"features.denseblock{i}" for i in (1, 2, 3)]
    shapes = shapes_on_the_way(m.densenet_bc_40_12(), zeros(1, 3, 32, 32), *blocks)
    assert shapes == [(1, 96, 32, 32), (1, 120, 16, 16), (1, 132, 8, 8)]


def test_the_unet_of_the_paper_is_smaller_than_its_images() -> None:
    model = m.UNet(depth=4, base_channels=1, padding=0)
    with ag.no_grad():
        assert model(zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)


# written out by hand, as functions of a state dict


def _conv(s: Any, name: str, x: Any, **options: Any) -> Any:
    return TF.conv2d(x, s[f"{name}.weight"], s.get(f"{name}.bias"), **options)


def _norm(s: Any, name: str, x: Any) -> Any:
    return TF.batch_norm(x, None, None, s[f"{name}.weight"], s[f"{name}.bias"], training=True)


def _resnet20(s: Any, x: Any) -> Any:
    x = TF.relu(_norm(s, "bn1", _conv(s, "conv1", x, padding=1)))
    for stage in (1, 2, 3):
        for i in range(3):
            at, stride = f"layer{stage}.{i}", 2 if stage > 1 and i == 0 else 1
            y = TF.relu(_norm(s, f"{at}.bn1", _conv(s, f"{at}.conv1", x, stride=stride, padding=1)))
            y = _norm(s, f"{at}.bn2", _conv(s, f"{at}.conv2", y, padding=1))
            if stride == 2:
                x = torch.cat([x[:, :, ::2, ::2], torch.zeros_like(x[:, :, ::2, ::2])], 1)
            x = TF.relu(x + y)
    return x.mean((2, 3)) @ s["fc.weight"].T + s["fc.bias"]


def _preact_resnet8(s: Any, x: Any) -> Any:
    x = _conv(s, "conv1", x, padding=1)
    for stage in (1, 2, 3):
        at, stride = f"layer{stage}.0", min(stage, 2)
        a = TF.relu(_norm(s, f"{at}.bn1", x))
        y = TF.relu(_norm(s, f"{at}.bn2", _conv(s, f"{at}.conv1", a, stride=stride, padding=1)))
        x = (_conv(s, f"{at}.downsample", a, stride=2) if stage > 1 else x) + _conv(s, f"{at}.conv2", y, padding=1)
    return TF.relu(_norm(s, "bn2", x)).mean((2, 3)) @ s["fc.weight"].T + s["fc.bias"]


def _densenet10(s: Any, x: Any) -> Any:
    x = _conv(s, "features.conv0", x, padding=1)
    for i in (1, 2, 3):
        at = f"features.denseblock{i}.denselayer1"
        y = _conv(s, f"{at}.conv1", TF.relu(_norm(s, f"{at}.norm1", x)))
        x = torch.cat([x, _conv(s, f"{at}.conv2", TF.relu(_norm(s, f"{at}.norm2", y)), padding=1)], 1)
        if i < 3:
            at = f"features.transition{i}"
            x = TF.avg_pool2d(_conv(s, f"{at}.conv", TF.relu(_norm(s, f"{at}.norm", x))), 2)
    return TF.relu(_norm(s, "features.norm5", x)).mean((2, 3)) @ s["classifier.weight"].T + s["classifier.bias"]


def _double(s: Any, name: str, x: Any) -> Any:
    x = TF.relu(_conv(s, f"{name}.0", x))
    return TF.relu(_conv(s, f"{name}.2", x))


def _unet1(s: Any, x: Any) -> Any:
    skip = _double(s, "stem", x)
    x = _double(s, "down.0.conv", TF.max_pool2d(skip, 2))
    x = TF.conv_transpose2d(x, s["up.0.up.weight"], s["up.0.up.bias"], stride=2)
    cut = (skip.shape[-1] - x.shape[-1]) // 2
    x = _double(s, "up.0.conv", torch.cat([skip[:, :, cut:-cut, cut:-cut], x], 1))
    return _conv(s, "head", x)


def _deconvnet1(s: Any, x: Any) -> Any:
    x = TF.relu(_norm(s, "convs.0.1", _conv(s, "convs.0.0", x, padding=1)))
    x, switches = TF.max_pool2d(x, 2, return_indices=True)
    x = TF.relu(_norm(s, "encode.1", _conv(s, "encode.0", x)))
    x = TF.relu(_norm(s, "code.1", _conv(s, "code.0", x)))
    x = TF.relu(_norm(s, "decode.1", TF.conv_transpose2d(x, s["decode.0.weight"], s["decode.0.bias"])))
    x = TF.max_unpool2d(x, switches, 2)
    x = TF.conv_transpose2d(x, s["deconvs.0.0.weight"], s["deconvs.0.0.bias"], padding=1)
    return _conv(s, "head", TF.relu(_norm(s, "deconvs.0.1", x)))


@pytest.mark.parametrize(
    ("model", "by_hand", "shape"),
    [
        (m.resnet20(), _resnet20, (2, 3, 16, 16)),
        (m.CifarResNet(8, shortcut="B", preactivation=True), _preact_resnet8, (2, 3, 12, 12)),
        (m.CifarDenseNet(10, 3), _densenet10, (2, 3, 12, 12)),
        (m.UNet(1, 2, depth=1, base_channels=3, padding=0), _unet1, (1, 1, 24, 24)),
        (m.DeconvNet(1, 2, channels=(4,), convs=1, code_channels=5, code_size=3), _deconvnet1, (2, 1, 12, 12)),
    ],
    ids=["resnet20", "preact", "densenet", "unet", "deconvnet"],
)
def test_network_written_out(model: Any, by_hand: Any, shape: tuple[int, ...]) -> None:
    state = formula_state({name: value.shape for name, value in model.double().state_dict().items()})
    model.load_state_dict(state)
    theirs = {name: torch.tensor(value, requires_grad=value.dtype.kind == "f") for name, value in state.items()}
    x = 2 * uniform("x", shape)
    y, wanted = model(ag.tensor(x)), by_hand(theirs, torch.tensor(x))
    np.testing.assert_allclose(y.numpy(), wanted.detach().numpy(), rtol=1e-9, atol=1e-9)
    cotangent = uniform("cotangent", y.shape)
    y.backward(ag.tensor(cotangent))
    wanted.backward(torch.tensor(cotangent))
    for name, parameter in model.named_parameters():
        grad = theirs[name].grad.numpy()
        np.testing.assert_allclose(parameter.grad.numpy(), grad, rtol=1e-9, atol=1e-9 * np.abs(grad).max() + 1e-12)


def test_perceptron_learns_what_a_line_separates() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    score = x @ [2.0, -1.0] + 0.5
    x, target = x[np.abs(score) > 0.2], (score[np.abs(score) > 0.2] > 0).astype(float)[:, None]
    model = m.Perceptron(2).double()
    inputs, targets = ag.tensor(x), ag.tensor(target)
    assert any(model.learn(inputs, targets) == 0 for _ in range(100))
    np.testing.assert_array_equal(model(inputs).numpy(), target)
    model(inputs).sum().backward()
    assert not model.linear.weight.grad.numpy().any()


def test_linear_softmax_gives_probabilities() -> None:
    model = m.LinearSoftmax(6, 4).double()
    x = ag.tensor(uniform("x", (3, 6)))
    e = np.exp(model(x).numpy())
    np.testing.assert_allclose(model.probabilities(x).numpy(), e / e.sum(1, keepdims=True), rtol=1e-12)


def test_hypercolumns_are_the_layers_upsampled() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(2, 3, 1))).double()
    x = ag.tensor(uniform("x", (2, 1, 8, 6)), requires_grad=True)
    y = m.Hypercolumns(model, ["0", "1.1"])(x)
    first, second = model[0](x), model(x)
    assert y.shape == (2, 5, 8, 6)
    np.testing.assert_array_equal(y.numpy()[:, :2], first.numpy())
    wanted = TF.interpolate(torch.tensor(second.numpy()), size=(8, 6), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(y.numpy()[:, 2:], wanted.numpy(), rtol=1e-12, atol=1e-12)
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_float32_stays_float32() -> None:
    for model in (m.resnet20(), m.densenet_bc_40_12(), m.UNet(3, 2, 1, 2, up="bilinear"), m.mobilenet_v2()):
        y = model(zeros(2, 3, 32, 32))
        y.sum().backward()
        assert {y.dtype, *(parameter.grad.dtype for parameter in model.parameters())} == {np.dtype(np.float32)}


def test_networks_can_be_pickled() -> None:
    model = m.resnet20().eval()
    x = ag.tensor(uniform("x", (1, 3, 8, 8)).astype(np.float32))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model))(x).numpy(), model(x).numpy())


def test_replacing_a_head_to_fine_tune() -> None:
    model = m.resnet18(num_classes=7).requires_grad_(False)
    model.fc = nn.Linear(512, 3)
    model(zeros(2, 3, 32, 32)).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is not None] == [
        "fc.weight",
        "fc.bias",
    ]


ERRORS: list[tuple[Any, str]] = [
    (lambda: m.resnet18(weights="DEFAULT"), "resnet18: weights='DEFAULT' cannot be had.*load_state_dict"),
    (lambda: m.BasicBlock(4, 4, groups=2), "BasicBlock: wants groups=1, base_width=64, dilation=1, got 2, 64, 1"),
    (lambda: m.ResNet(m.BasicBlock, (1, 1, 1)), "ResNet: wants layers of 4 stages"),
    (lambda: m.resnet50(replace_stride_with_dilation=[True]), "ResNet: .* for the last 3, got"),
    (lambda: m.CifarResNet(21), r"CifarResNet: depth has to be 6n \+ 2 with n at least 1, got 21"),
    (lambda: m.CifarResNet(20, shortcut="C"), "CifarResNet: shortcut is 'A', 'B' or"),
    (lambda: m.plain20(preactivation=True), "CifarResNet: .* got None with preactivation=True"),
    (lambda: m.ZeroPadShortcut(4, 2), "ZeroPadShortcut: cannot take 4 channels to 2"),
    (lambda: m.CifarDenseNet(11, 4), r"CifarDenseNet: depth has to be 6n \+ 4"),
    (lambda: m.SqueezeNet("2"), "SqueezeNet: version is '1_0' or '1_1', got '2'"),
    (lambda: m.ShuffleUnit(4, 6, 1), "ShuffleUnit: wants .* got inp=4, oup=6, stride=1"),
    (lambda: m.ShuffleNetV2((1, 1), (2, 2, 2, 2, 2)), "ShuffleNetV2: wants stages_repeats of 3"),
    (lambda: m.InvertedResidual(4, 4, 3, 6), "InvertedResidual: stride is 1 or 2, got 3"),
    (lambda: m.MobileNetV2(inverted_residual_setting=[[1, 2]]), "MobileNetV2: inverted_residual_setting lists"),
    (lambda: m.MNASNet(0), "MNASNet: alpha has to be above 0, got 0"),
    (lambda: m.UNet(depth=0), "UNet: depth and base_channels are at least 1"),
    (lambda: m.UNet(1, 2, 2, 2)(zeros(1, 1, 10, 12)), r"UNetDown: .* even height and width, got shape \(1, 4, 5, 6\)"),
    (lambda: m.UNetUp(4, 2)(zeros(1, 4, 3, 3), zeros(1, 2, 5, 6)), "UNetUp: skip .* is smaller than"),
    (lambda: m.UNetUp(8, 4)(zeros(1, 8, 3, 3), zeros(1, 4, 6, 5)), "UNetUp: skip .* is smaller than"),
    (lambda: m.UNetUp(4, 2, up="cubic"), "UNetUp: up is 'transposed' or 'bilinear', got 'cubic'"),
    (lambda: m.DeconvNet(channels=()), "DeconvNet: wants at least one of channels"),
    (lambda: m.MLP([3]), r"MLP: wants the sizes of input and output at least, got \[3\]"),
    (lambda: m.MLP([3, 2], activation="step"), "MLP: activation is one of relu, sigmoid, tanh; got 'step'"),
    (lambda: m.Perceptron(2).learn(zeros(3, 2), zeros(3)), r"Perceptron: wants a target of shape \(3, 1\), got \(3,\)"),
    (lambda: m.Hypercolumns(m.AllCNN(), []), "Hypercolumns: wants the name of one layer at least"),
    (
        lambda: m.Hypercolumns(nn.Sequential(nn.Flatten(2)), ["0"])(zeros(1, 2, 4, 4)),
        r"Hypercolumns: layer '0' .* it gave \(1, 2, 16\)",
    ),
    (lambda: m.ShuffleUnit(8, 15, 2), "ShuffleUnit: .* even oup"),
    (lambda: m.CifarDenseNet(4), "CifarDenseNet: .*6n"),
    (lambda: m.Hypercolumns(m.MLP([4, 2]), ["1"])(zeros(1, 1, 2, 2)), r"Hypercolumns: layer '1' .* it gave \(1, 2\)"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no submodule 'layer5'"):
        m.Hypercolumns(m.resnet20(), ["layer5"])


def test_derivatives_of_second_order() -> None:
    excitation = m.SqueezeExcitation(3, 2, activation=nn.Tanh).double()
    check_derivatives(excitation, uniform("x", (2, 3, 2, 2)))
    check_derivatives(m.ZeroPadShortcut(2, 3, stride=2), uniform("x", (1, 2, 3, 4)))


def test_the_rate_of_the_perceptron() -> None:
    """The rule by hand: of one mistake, W += rate (t - y) x, b += rate (t - y)."""
    model = m.Perceptron(2)
    x = ag.tensor([[2.0, 3.0]])
    y = model(x).item()
    model.learn(x, ag.tensor([[1 - y]]), rate=0.25)
    assert model.linear.weight.tolist() == [[(1 - 2 * y) * 0.5, (1 - 2 * y) * 0.75]]
    assert model.linear.bias.tolist() == [(1 - 2 * y) * 0.25]


def test_probabilities_of_dropout_of_all_cnn() -> None:
    model = m.AllCNN(input_dropout=0.1, dropout=0.3)
    assert [layer.p for layer in model.features if isinstance(layer, nn.Dropout)] == [0.1, 0.3, 0.3]


def test_multiples_by_the_definition() -> None:
    """As torchvision's, at the edges too: what is exactly nine tenths of the number asked for is enough."""
    assert [divisible(channels) for channels in (80 / 9, 11.9, 12, 36, 44)] == [8, 16, 16, 40, 48]
