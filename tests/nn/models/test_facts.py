"""The networks that torchvision has, against what torchvision's own gave: see tests/networks.py and facts.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import NETWORKS, digest, formula_state, measures, narrowed, uniform

import autograd as ag
import nn

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
NAMED = [pytest.param(label, marks=[pytest.mark.slow] * network.slow) for label, network in NETWORKS.items()]
SHAPING = ("aux_logits", "round_nearest", "width_mult")


@pytest.fixture
def _no_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("default_", "kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_"):
        monkeypatch.setattr(nn.init, name, lambda *_, **__: None)


def test_every_network_of_torchvision_has_its_facts() -> None:
    assert FACTS.keys() - {"about"} == NETWORKS.keys()
    ours = {name for name in nn.models.__all__ if hasattr(getattr(nn.models, name), "__wrapped__")}
    papers = {name for name in ours if getattr(nn.models, name).__module__.endswith("_cifar")}
    assert ours - papers == {network.name for network in NETWORKS.values()}


@pytest.mark.usefixtures("_no_random_numbers")
@pytest.mark.parametrize("label", NETWORKS)
def test_keys_and_shapes(label: str) -> None:
    name, options, *_ = NETWORKS[label]
    model = getattr(nn.models, name)(**{k: v for k, v in options.items() if k in SHAPING})
    assert sum(parameter.size for parameter in model.parameters()) == FACTS[label]["parameters"]
    assert digest({key: value.shape for key, value in model.state_dict().items()}) == FACTS[label]["digest"]


@pytest.mark.usefixtures("_no_random_numbers")
@pytest.mark.parametrize("label", NAMED)
def test_outputs_and_gradients(label: str) -> None:
    name, options, size, _ = NETWORKS[label]
    model = narrowed(getattr(nn.models, name)(num_classes=10, **options), nn.Linear).double()
    state = formula_state({key: value.shape for key, value in model.state_dict().items()})
    x = ag.tensor(2 * uniform("x", (2, 3, size, size)))
    for mode in ("eval", "train"):
        model.load_state_dict(state)
        model.train(mode == "train").zero_grad()
        outputs = model(x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        total = sum((y * ag.tensor(uniform(str(i), y.shape))).sum() for i, y in enumerate(outputs))
        total.backward()
        gradients = {key: p.grad.numpy() for key, p in model.named_parameters() if p.grad is not None}
        found, wanted = measures([y.numpy() for y in outputs], gradients), FACTS[label][mode]
        close(found["outputs"], wanted["outputs"])
        for ours, theirs in zip(found["gradients"], wanted["gradients"], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9 * wanted["gradients"][0])


def close(found: list[Any], wanted: list[Any]) -> None:
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * theirs[-1])


@pytest.mark.parametrize(
    ("name", "fields"),
    [("googlenet", ("logits", "aux_logits2", "aux_logits1")), ("inception_v3", ("logits", "aux_logits"))],
)
def test_what_training_with_auxiliary_classifiers_returns(name: str, fields: tuple[str, ...]) -> None:
    outputs = {"googlenet": nn.models.GoogLeNetOutputs, "inception_v3": nn.models.InceptionOutputs}[name]
    assert outputs._fields == fields
    model = getattr(nn.models, name)(num_classes=3, aux_logits=False, init_weights=False)
    assert model(ag.zeros((2, 3, 96, 96))).shape == (2, 3)
    assert not any("aux" in key.lower() for key in model.state_dict())
