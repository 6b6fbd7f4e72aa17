"""Traces for the tests of what shows them: one worked out by hand, others recorded."""

from __future__ import annotations

from functools import cache
from math import cos, sin
from typing import Any

import numpy as np

import autograd as ag
import nn
from autograd.stepping import ForwardStepper, Stepper, Trace

X = 0.8


def by_hand() -> Trace:
    """J = cos(sin x² + 3x²) at x = 0.8, by the chain rule on paper, and not by the engine."""
    s = X * X
    u = sin(s) + 3 * s
    dJ_du = -sin(u)
    by_product, by_sine = 3 * dJ_du, cos(s) * dJ_du
    dJ_ds = by_product + by_sine
    nodes = [
        _node(0, "leaf", "x", X),
        _node(1, "multiply", "s", s, 0, 0),
        _node(2, "sin", None, sin(s), 1),
        _node(3, "multiply", None, 3 * s, 1),
        _node(4, "add", None, u, 2, 3),
        _node(5, "cos", "J", cos(u), 4),
    ]
    steps = [
        _step(nodes[5], 1.0, "x̄ -= ȳ · sin(x)", (4, dJ_du, None, 0)),
        _step(nodes[4], dJ_du, "x̄1 += ȳ, x̄2 += ȳ", (2, dJ_du, None, 0), (3, dJ_du, None, 0)),
        _step(nodes[3], dJ_du, "x̄1 += ȳ · x2, x̄2 += ȳ · x1", (1, by_product, None, 1)),
        _step(nodes[2], dJ_du, "x̄ += ȳ · cos(x)", (1, by_sine, by_product, 0)),
        _step(nodes[1], dJ_ds, "x̄1 += ȳ · x2, x̄2 += ȳ · x1", (0, X * dJ_ds, None, 0), (0, X * dJ_ds, X * dJ_ds, 0)),
    ]
    for number, step in enumerate(steps, 1):
        step["number"] = number
    graph = {"nodes": nodes, "calls": [], "outputs": [5]}
    data = {"version": 1, "title": "J = cos(sin x² + 3x²)", "graph": graph, "steps": steps}
    return Trace.from_json(data | {"gradients": {"0": _summary(2 * X * dJ_ds)}})


def _node(i: int, op: str, name: str | None, value: float, *parents: int) -> dict[str, Any]:
    source = "" if op == "leaf" else "notes/chain.py:3: J = cos(sin(s) + 3 * s)"
    said = {"id": i, "op": op, "name": name, "shape": [], "dtype": "float64", "source": source, "module": ""}
    return said | {"parents": list(parents), "leaf": op == "leaf", "value": _summary(value)}


def _step(
    node: dict[str, Any], cotangent: float, rule: str, *given: tuple[int, float, float | None, int]
) -> dict[str, Any]:
    contributions = [
        {
            "parent": parent,
            "value": _summary(value),
            "summed_axes": [],
            "before": None if before is None else _summary(before),
            "after": _summary(value + (before or 0.0)),
            "waiting": waiting,
        }
        for parent, value, before, waiting in given
    ]
    said = {key: node[key] for key in ("op", "name", "source", "module")}
    latex = (
        rule.replace("+=", r"\mathrel{+}=")
        .replace("x̄", r"\bar{x}")
        .replace("ȳ", r"\bar{y}")
        .replace("·", r"\cdot")
        .replace("cos", r"\cos")
    )
    return said | {
        "node": node["id"],
        "rule": rule,
        "latex": latex,
        "cotangent": _summary(cotangent),
        "contributions": contributions,
        "note": "",
    }


def _summary(x: float) -> dict[str, Any]:
    numbers = dict.fromkeys(("min", "max", "mean", "values"), x)
    return {"shape": [], "dtype": "float64", "count": 1, "norm": abs(x), "zeros": 0.0, "non_finite": 0} | numbers


def two_layers() -> Trace:
    """A classifier of two linear layers, with parameters small enough to be shown and one large input layer."""
    ag.manual_seed(0)
    net = nn.Sequential(nn.Linear(40, 4), nn.ReLU(), nn.Linear(4, 2))
    inputs = ag.tensor(np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32))
    loss = nn.CrossEntropyLoss()(net(inputs), ag.tensor([0, 1, 0, 1, 1]))
    loss.name = "loss"
    return Stepper(loss).trace(title="Two layers")


def forward() -> Trace:
    """A forward pass with tangents, whose numbers are shown in the drawing."""
    x, w = np.array([1.0, 2.0]), 3.0

    def wave(x: Any, w: Any) -> ag.Tensor:
        return ag.named((ag.named(ag.sin(x * w), "h") * x).sum(), "J")

    return ForwardStepper(wave, x, w, tangents=[np.array([1.0, 0.0]), None]).trace()


@cache
def resnet() -> Trace:
    """ResNet-18 on two small images."""
    ag.manual_seed(0)
    images = ag.tensor(np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32))
    net = nn.models.resnet18(num_classes=10)  # which has to be alive when its parts are asked for their names
    loss = nn.CrossEntropyLoss()(net(images), ag.tensor([0, 1]))
    return Stepper(loss).trace(title="ResNet-18")
