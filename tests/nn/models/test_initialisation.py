"""What the networks start from: the schemes that torchvision has, as the standard deviations they mean."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import nn
from nn import models as m

# network and options; a layer's weight; standard deviation
CASES: list[tuple[Any, dict[str, Any], str, float]] = [
    (m.resnet18, {}, "layer4.1.conv1", math.sqrt(2 / (512 * 9))),
    (m.resnet18, {}, "conv1", math.sqrt(2 / (64 * 49))),
    (m.resnet18, {}, "fc", 1 / math.sqrt(3 * 512)),
    (m.resnext50_32x4d, {}, "layer4.1.conv2", math.sqrt(2 / (1024 * 9))),
    (m.densenet121, {}, "features.denseblock4.denselayer16.conv1", math.sqrt(2 / 992)),
    (m.densenet121, {}, "classifier", 1 / math.sqrt(3 * 1024)),
    (m.densenet_bc_40_12, {}, "features.transition2.conv", math.sqrt(2 / 120)),
    (m.squeezenet1_1, {}, "features.12.expand3x3", math.sqrt(2 / (64 * 9))),
    (m.squeezenet1_1, {}, "classifier.1", 0.01),
    (m.googlenet, {}, "inception5b.branch2.1.conv", 0.01),
    (m.googlenet, {}, "aux1.fc1", 0.01),
    (m.inception_v3, {}, "Mixed_7b.branch3x3_1.conv", 0.1),
    (m.inception_v3, {}, "AuxLogits.fc", 0.001),
    (m.inception_v3, {"init_weights": False}, "fc", 1 / math.sqrt(3 * 2048)),
    (m.shufflenet_v2_x1_0, {}, "conv5.0", 1 / math.sqrt(3 * 464)),
    (m.mobilenet_v2, {}, "features.18.0", math.sqrt(2 / 1280)),
    (m.mobilenet_v2, {}, "classifier.1", 0.01),
    (m.mnasnet1_0, {}, "layers.14", math.sqrt(2 / 1280)),
    (m.mnasnet1_0, {}, "classifier.1", 1 / math.sqrt(1000)),
    (m.resnet20, {}, "layer3.1.conv1", math.sqrt(2 / (64 * 9))),
    (m.resnet20, {"init_weights": False}, "layer3.1.conv1", 1 / math.sqrt(3 * 64 * 9)),
]


def deviation_is(layer: Any, wanted: float) -> None:
    weight = layer.weight.numpy()
    assert abs(weight.mean()) < 5 * wanted / math.sqrt(weight.size)
    assert weight.std() == pytest.approx(wanted, rel=5 / math.sqrt(weight.size))


@pytest.mark.parametrize(("build", "options", "layer", "wanted"), CASES)
def test_deviation(build: Any, options: dict[str, Any], layer: str, wanted: float) -> None:
    deviation_is(build(**options).get_submodule(layer), wanted)


def test_vgg() -> None:
    features = m.vgg.vgg_features((1, 1, 1, 1, 1))
    model = m.VGG(features, num_classes=10)
    deviation_is(features[12], math.sqrt(2 / (512 * 9)))
    deviation_is(model.classifier[3], 0.01)
    assert all((module.bias.numpy() == 0).all() for module in model.modules() if isinstance(module, nn.Linear))


@pytest.mark.parametrize("build", [m.squeezenet1_0, m.mobilenet_v2, m.mnasnet0_5])
def test_biases_start_from_zero(build: Any) -> None:
    biases = [value.numpy() for name, value in build().state_dict().items() if name.endswith("bias")]
    assert biases
    assert not any(bias.any() for bias in biases)


def test_a_residual_block_can_start_as_the_identity() -> None:
    for build, last in ((m.resnet18, "bn2"), (m.resnet50, "bn3")):
        blocks = list(build(zero_init_residual=True).layer2)
        assert not any(getattr(block, last).weight.numpy().any() for block in blocks)

    class Block(m.resnet.Bottleneck):
        pass

    block = m.ResNet(Block, [1, 1, 1, 1], zero_init_residual=True).layer2[0]
    assert not block.bn3.weight.numpy().any()
    assert block.bn2.weight.numpy().all()
    x = np.abs(np.random.default_rng(0).normal(size=(1, 512, 2, 2)).astype(np.float32))
    block = m.resnet18(zero_init_residual=True).layer4[1]
    np.testing.assert_allclose(block(nn.Parameter(x)).numpy(), x)


def test_none_is_true_for_the_initial_weights() -> None:
    network = m.GoogLeNet(2, False, False, None)
    assert float(network.conv2.conv.weight.data.std()) < 0.02


def test_what_torchvision_takes_at_other_places_has_to_be_named() -> None:
    for build in (
        lambda: m.Inception3(10, True, False, None, False),  # type: ignore[misc]
        lambda: m.GoogLeNet(10, True, False, True, None, 0.2),  # type: ignore[misc]
        lambda: m.MobileNetV2(10, 1.0, None, 8, None),  # type: ignore[misc]
        lambda: m.InceptionAux(8, 10, None),  # type: ignore[misc]
    ):
        with pytest.raises(TypeError, match="positional argument"):
            build()


def test_builders_take_weights_and_progress() -> None:
    assert list(inspect.signature(m.resnet18).parameters) == ["weights", "progress", "options"]
    m.squeezenet1_1(weights=None, progress=False, num_classes=2)
