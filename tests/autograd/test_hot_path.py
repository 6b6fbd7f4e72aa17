"""What an ordinary backward pass must not do: make tensors or nodes; and what recording must not do where it is off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from counting import counted_objects

import autograd as ag
import nn
from autograd.graph import Node


def backward_of(build: Callable[[], ag.Tensor]) -> list[str]:
    loss = build()
    with counted_objects() as made:
        loss.backward()
    return made


def test_the_counter_sees_what_is_made() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    with counted_objects() as made:
        x * x
    assert len(made) == 2
    with counted_objects() as made:
        ag.Tensor([1.0])
    assert made == ["Tensor"]


def test_backward_makes_only_the_gradients_of_the_leaves() -> None:
    x, w = ag.tensor(np.ones(4), requires_grad=True), ag.tensor(np.full(4, 0.5), requires_grad=True)

    def chain() -> ag.Tensor:
        h = x
        for _ in range(100):
            h = ag.sin(h * w + x) / (1 + ag.exp(-h))
        return h.sum()

    assert backward_of(chain) == ["wrap", "wrap"]


def test_backward_of_a_convolutional_network_makes_only_gradients() -> None:
    model = nn.models.LeNet5(activation="relu", pooling="max")
    images, labels = ag.randn(2, 1, 32, 32), ag.tensor([3, 7])
    made = backward_of(lambda: nn.functional.cross_entropy(model(images), labels))
    assert made == ["wrap"] * len(list(model.parameters()))


def test_create_graph_does_make_them() -> None:
    x = ag.tensor(np.ones(4), requires_grad=True)
    loss = ag.sin(x).sum()
    with counted_objects() as made:
        loss.backward(create_graph=True)
    assert len(made) > 2


def test_nothing_is_recorded_where_no_input_requires_grad() -> None:
    x = ag.tensor(np.ones(4))
    assert (ag.sin(x) * x).node is None
    w = ag.tensor(np.ones(4), requires_grad=True)
    with ag.no_grad():
        assert (w * x).node is None
    assert isinstance((w * x).node, Node)


def test_only_what_rules_name_is_kept() -> None:
    x, w = ag.tensor(np.ones(4), requires_grad=True), ag.tensor(np.ones(4))
    assert [a is w.array for a in (x * w).node.values] == [True]
    assert (x + w).node.values == ()
    y = ag.exp(x)
    assert [a is y.array for a in y.node.values] == [True]
