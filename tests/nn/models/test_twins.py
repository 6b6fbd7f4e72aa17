"""Blocks and networks against the same source on PyTorch: values, gradients of all inputs and parameters, buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import torch
from networks import NETWORKS, formula_state, narrowed, uniform
from torch_twin import twin_of

import autograd as ag
import nn
from nn import models as m

IMAGES = (2, 3, 32, 32)
MAPS = (2, 8, 6, 6)

# function or class, arguments, options, shapes of the inputs
CASES: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[tuple[int, ...]]]] = [
    (m.BasicBlock, (8, 8), {}, [MAPS]),
    (m.Bottleneck, (8, 2), {}, [MAPS]),
    (m.Bottleneck, (8, 2), {"groups": 4, "base_width": 64, "dilation": 2}, [MAPS]),
    (m.ZeroPadShortcut, (8, 11), {"stride": 2}, [(2, 8, 5, 6)]),
    (m.PlainBlock, (8, 4), {"stride": 2}, [MAPS]),
    (m.PreActBlock, (8, 8), {}, [MAPS]),
    (m.DenseLayer, (8, 3), {"bn_size": 2, "drop_rate": 0.0}, [MAPS]),
    (m.DenseBlock, (3, 8), {"bn_size": 2, "growth_rate": 3, "drop_rate": 0.0}, [MAPS]),
    (m.DenseBlock, (3, 8), {"bn_size": 2, "growth_rate": 3, "drop_rate": 0.0, "memory_efficient": True}, [MAPS]),
    (m.Transition, (8, 4), {}, [MAPS]),
    (m.Fire, (8, 2, 3, 4), {}, [MAPS]),
    (m.Inception, (8, 4, 2, 3, 2, 5, 6), {}, [MAPS]),
    (m.InceptionA, (8, 3), {}, [MAPS]),
    (m.InceptionB, (8,), {}, [MAPS]),
    (m.InceptionC, (8, 4), {}, [MAPS]),
    (m.InceptionD, (8,), {}, [MAPS]),
    (m.InceptionE, (8,), {}, [MAPS]),
    (m.InvertedResidual, (8, 8, 1, 6), {}, [MAPS]),
    (m.InvertedResidual, (8, 6, 2, 1), {}, [MAPS]),
    (m.MnasBlock, (8, 8, 5, 1, 3), {}, [MAPS]),
    (m.ShuffleUnit, (8, 8, 1), {}, [MAPS]),
    (m.ShuffleUnit, (8, 12, 2), {}, [MAPS]),
    (m.SqueezeExcitation, (8, 3), {}, [MAPS]),
    (m.UNetDown, (8, 5), {"padding": 1}, [MAPS]),
    (m.UNetUp, (8, 3), {"up": "transposed"}, [MAPS, (2, 3, 13, 14)]),
    (m.UNetUp, (8, 3), {"up": "bilinear", "padding": 0}, [MAPS, (2, 3, 20, 20)]),
    (m.LinearSoftmax, (48, 5), {}, [(3, 3, 4, 4)]),
    (m.MLP, ([12, 7, 6, 3],), {"activation": "tanh"}, [(5, 12)]),
    (m.LeNet5, (), {"activation": "relu", "pooling": "max"}, [(2, 1, 32, 32)]),
    (m.resnet18, (), {"num_classes": 10}, [IMAGES]),
    (m.resnet20, (), {"shortcut": "A"}, [IMAGES]),
    (m.resnet20, (), {"shortcut": "B"}, [IMAGES]),
    (m.plain20, (), {"in_channels": 1, "init_weights": False}, [(2, 1, 16, 16)]),
    (m.plain20, (), {"norm_layer": "Identity"}, [(2, 3, 16, 16)]),
    (m.preact_resnet20, (), {"shortcut": "A"}, [(2, 3, 16, 16)]),
    (m.preact_resnet20, (), {"shortcut": "B"}, [(2, 3, 16, 16)]),
    (m.CifarDenseNet, (16, 4), {}, [(2, 3, 16, 16)]),
    (m.DenseNet, (), {"growth_rate": 4, "block_config": (2, 3), "num_init_features": 6, "num_classes": 5}, [IMAGES]),
    (m.densenet_bc_40_12, (), {}, [(2, 3, 16, 16)]),
    (m.mobilenet_v2, (), {"num_classes": 10, "width_mult": 0.25, "dropout": 0.0}, [IMAGES]),
    (m.shufflenet_v2_x0_5, (), {"num_classes": 10}, [IMAGES]),
    (m.squeezenet1_1, (), {"num_classes": 10, "dropout": 0.0}, [IMAGES]),
    (m.AllCNN, (), {"input_dropout": 0.0, "dropout": 0.0}, [IMAGES]),
    (m.UNet, (1, 2), {"depth": 3, "base_channels": 4}, [(2, 1, 16, 24)]),
    (m.UNet, (3, 4), {"depth": 2, "base_channels": 3, "up": "bilinear", "batch_norm": True}, [IMAGES]),
    (m.UNet, (1, 2), {"depth": 2, "base_channels": 3, "padding": 0}, [(1, 1, 44, 48)]),
    (m.DeconvNet, (1, 3), {"channels": (4, 6), "code_channels": 8, "code_size": 3}, [(2, 1, 14, 17)]),
]


def described(case: Any) -> str:
    build, arguments, options, _ = case
    return " ".join([build.__name__, *map(str, arguments), *(f"{k}={v}" for k, v in options.items())])


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("case", CASES, ids=described)
def test_twin(case: Any, training: bool) -> None:
    build, arguments, options, shapes = case
    ours, theirs = (
        make(*arguments, **{k: getattr(layers, v) if k == "norm_layer" else v for k, v in options.items()})
        for make, layers in ((build, nn), (twin_of(build), torch.nn))
    )
    ours.double().train(training), theirs.double().train(training)
    agree(ours, theirs, [2 * uniform(f"x{i}", shape) for i, shape in enumerate(shapes)])


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, training: bool) -> None:
    network = NETWORKS[name]
    build = getattr(m, network.name)
    ours, theirs = (
        narrowed(make(num_classes=10, **network.options), layers.Linear).double().train(training)
        for make, layers in ((build, nn), (twin_of(build), torch.nn))
    )
    agree(ours, theirs, [2 * uniform("x", (2, 3, network.size, network.size))])


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(
    "build", [m.resnet32, m.resnet44, m.resnet56, m.resnet110, m.preact_resnet110, m.densenet_bc_100_12]
)
def test_deeper_network_for_small_images(build: Any, training: bool) -> None:
    ours, theirs = (make().double().train(training) for make in (build, twin_of(build)))
    agree(ours, theirs, [2 * uniform("x", (2, 3, 16, 16))])


def agree(ours: Any, theirs: Any, arrays: list[np.ndarray]) -> None:
    """Keys; then, with weights by the formula, what is computed. Gradients that are but rounding errors may differ."""
    shapes = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes
    assert list(ours.state_dict()) == list(shapes)
    state = formula_state(shapes)
    ours.load_state_dict(state)
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    mine = [ag.tensor(a, requires_grad=True) for a in arrays]
    yours = [torch.tensor(a, requires_grad=True) for a in arrays]
    outputs = [y if isinstance(y, tuple) else (y,) for y in (ours(*mine), theirs(*yours))]
    pairs = [(y, wanted) for y, wanted in zip(*outputs, strict=True) if wanted is not None]
    for y, wanted in pairs:
        near(y, wanted, "value")
    cotangents = [uniform(f"cotangent{i or ''}", y.shape) for i, (y, _) in enumerate(pairs)]
    sum((y * ag.tensor(g)).sum() for (y, _), g in zip(pairs, cotangents, strict=True)).backward()
    sum((wanted * torch.tensor(g)).sum() for (_, wanted), g in zip(pairs, cotangents, strict=True)).backward()
    leaves = [*zip(map(str, range(len(mine))), mine, yours, strict=True)]
    leaves += [(k, p, q) for (k, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True)]
    assert [name for name, p, _ in leaves if p.grad is None] == [name for name, _, q in leaves if q.grad is None]
    used = [leaf for leaf in leaves if leaf[1].grad is not None]  # auxiliary heads are not, but in training
    largest = max(float(q.grad.abs().max()) for _, _, q in used)
    for name, p, q in used:
        near(p.grad, q.grad, f"gradient of {name}", 1e-12 * largest)
    for (name, p), q in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        near(p, q, name)


def near(ours: Any, theirs: Any, what: str, atol: float = 0.0) -> None:
    wanted = theirs.detach().numpy()
    scale = float(np.abs(wanted).max())
    np.testing.assert_allclose(ours.numpy(), wanted, rtol=1e-9, atol=1e-9 * scale + atol, err_msg=what)
