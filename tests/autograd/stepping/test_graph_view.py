"""A recorded graph as plain data."""

from __future__ import annotations

import copy
import gc
import json
import math
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping import GraphView, view
from autograd.stepping.graph_view import shape_text


def scalar(value: float = 0.7, name: str | None = "x") -> Any:
    return ag.tensor(value, requires_grad=True, name=name)


def test_details_of_a_custom_operation_are_its_static_parameters() -> None:
    @ag.custom_vjp(lambda g, x, scale: g * scale)
    def scaled(x: Any, scale: float = 1.0) -> Any:
        return scale * x

    assert view(scaled(scalar(), scale=2.5)).nodes[-1].detail == "scale=2.5"


def test_nodes_come_in_order_of_creation() -> None:
    x = scalar()
    h = ag.named(x**2, "u")
    graph = view(ag.cos(ag.sin(h) + 3 * h))
    said = [(n.id, n.op, n.name, n.shape, n.dtype, n.parents, n.leaf, n.detail) for n in graph.nodes]
    assert said == [
        (0, "leaf", "x", (), "float32", (), True, ""),
        (1, "power", "u", (), "float32", (0,), False, "(·, 2)"),
        (2, "sin", None, (), "float32", (1,), False, ""),
        (3, "multiply", None, (), "float32", (1,), False, "(·, 3)"),
        (4, "add", None, (), "float32", (2, 3), False, ""),
        (5, "cos", None, (), "float32", (4,), False, ""),
    ]
    assert graph.outputs == (5,)
    assert "test_graph_view.py" in graph.nodes[2].source
    assert graph.nodes[0].source == ""


def test_ids_do_not_depend_on_when_it_was_recorded() -> None:
    x = scalar()
    first, second = view(ag.sin(x) * x), view(ag.sin(x) * x)
    assert [(n.id, n.parents) for n in first.nodes] == [(n.id, n.parents) for n in second.nodes]


def test_a_parent_used_twice_comes_twice() -> None:
    x = scalar()
    assert view(x * x).nodes[1].parents == (0, 0)


def test_several_outputs_have_a_node_each() -> None:
    x = ag.tensor(np.arange(4.0), requires_grad=True)
    first, second = ag.split(x, 2)
    nodes = view([first * second, second]).nodes
    assert [(n.op, n.shape, n.dtype, n.detail) for n in nodes[1:4]] == [
        ("split", None, "", nodes[1].detail),
        ("output", (2,), "float64", "0 of 2"),
        ("output", (2,), "float64", "1 of 2"),
    ]
    assert nodes[2].parents == nodes[3].parents == (1,)


@pytest.mark.parametrize(
    ("make", "detail"),
    [
        (lambda x: x.sum(axis=1), "axis=1"),
        (lambda x: x.sum(axis=(0, 1), keepdims=True), "axis=(0, 1) keepdims=True"),
        (lambda x: x.reshape(3, 2), ""),
        (lambda x: x[:, ::2], "index=(:, ::2)"),
        (lambda x: x[..., np.array([0, 1])], "index=(..., array 2)"),
        (lambda x: x * 2.5, "(·, 2.5)"),
        (lambda x: x * np.ones((2, 3)), "(·, constant 2×3)"),
        (lambda x: x + 1, "(·, constant)"),
        (lambda x: ag.einsum("ij,j->i", x, np.ones(3)), "(·, constant 3) "),
    ],
)
def test_detail_says_what_else_was_given(make: Any, detail: str) -> None:
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    found = view(make(x)).nodes[1].detail
    assert found.startswith(detail) if detail.endswith(" ") else found == detail


def test_parameters_have_their_dotted_names() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1)))
    graph = view(model(ag.ones((4, 2))).sum())
    assert [n.name for n in graph.nodes if n.parameter] == ["0.weight", "0.bias", "1.0.weight", "1.0.bias"]
    assert all(n.leaf for n in graph.nodes if n.parameter)


def test_modules_of_other_libraries_are_passed_over() -> None:
    torch = pytest.importorskip("torch")
    other = torch.nn.Sequential(torch.nn.Linear(2, 2))
    model = nn.Linear(2, 3)
    names = [n.name for n in view(model(ag.ones((4, 2)))).nodes if n.parameter]
    assert names == ["weight", "bias"]
    assert other is not None


def test_values_where_they_are_known() -> None:
    x = scalar()
    y = ag.named(ag.sin(x), "y")
    z = y * 2.0
    nodes = view(z.exp(), values=True).nodes
    assert nodes[0].value is not None
    assert nodes[0].value.values == pytest.approx(0.7)
    assert nodes[1].value is not None
    assert view(z).nodes[1].value is None


@pytest.mark.parametrize("shape", [(), (2,)])
def test_values_that_rules_keep_are_known_though_nobody_holds_the_tensors(shape: tuple[int, ...]) -> None:
    h = ag.named(ag.full(shape, 0.5).requires_grad_(), "h0")
    expected = [0.5]
    for k in range(3):
        h = ag.named(ag.sigmoid(h), f"h{k + 1}")
        expected.append(1 / (1 + math.exp(-expected[-1])))
    start, *others = view(h, values=True).nodes
    assert start.value is None  # which the rule of sigmoid does not need
    assert [node.value and node.value.max for node in others] == pytest.approx(expected[1:])


@pytest.mark.parametrize("values", [False, True])
def test_goes_through_json(values: bool) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    a, b = ag.split(model(ag.ones((4, 2))), 2)
    graph = view([a * 2, b], values=values)
    assert GraphView.from_json(json.loads(json.dumps(graph.to_json()))) == graph


def test_a_view_keeps_nothing_alive() -> None:
    model = nn.Linear(2, 3)
    y = model(ag.ones((4, 2))).exp()
    graph = view(y, values=True)
    gone = [weakref.ref(y.node), weakref.ref(model)]
    del y, model
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    assert len(graph.nodes) == 5


def test_a_freed_graph_is_an_error_that_says_what_to_do() -> None:
    x = scalar()
    y = ag.sin(x) * x
    y.backward()
    with pytest.raises(
        RuntimeError, match=r"^view: the graph behind 'multiply' was already used and freed.*retain_graph"
    ):
        view(y)


def test_a_graph_freed_in_part_too() -> None:
    h = ag.sin(scalar())
    y, z = h * 2, h * 3
    y.backward()
    with pytest.raises(RuntimeError, match="behind 'sin'"):
        view(z)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (ag.tensor([1.0]), ValueError, r"^view: the tensor of shape \(1,\) does not require grad"),
        ([], ValueError, "^view: wants at least one Tensor"),
        ([1.0], TypeError, "^view: wants a Tensor, or a sequence of Tensors, got float"),
        (1.0, TypeError, "^view: wants a Tensor, or a sequence of Tensors, got float"),
    ],
)
def test_errors(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        view(given)


def test_a_module_whose_constructor_has_failed_is_in_nobodys_way() -> None:
    class Unfinished(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            raise ValueError("a constructor")

        def named_parameters(self, *_: Any) -> Any:
            return self.later.named_parameters()

    with pytest.raises(ValueError, match="a constructor") as kept:
        Unfinished()
    model = nn.Sequential(nn.Linear(2, 1))
    recorded = view(model(ag.ones((1, 2))).sum())
    assert {node.name for node in recorded.nodes if node.parameter} == {"0.weight", "0.bias"}
    assert kept


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_parameters_of_copies_have_names(again: Callable[[nn.Module], nn.Module]) -> None:
    model = again(nn.Sequential(nn.Linear(2, 1)))
    y = sum(p.sum() for p in model.parameters())
    assert {node.name for node in view(y).nodes if node.parameter} == {"0.weight", "0.bias"}


def test_named_sets_the_name_and_returns_the_tensor() -> None:
    x = ag.tensor([1.0])
    assert ag.named(x, "x") is x
    assert x.name == "x"
    assert "name='h1'" in repr(ag.named(ag.sin(scalar()), "h1"))


@pytest.mark.parametrize("given", [(np.ones(2), "x"), (ag.tensor(1.0), 3)])
def test_named_wants_a_tensor_and_a_string(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^named: "):
        ag.named(*given)


def test_a_long_chain_is_no_recursion() -> None:
    y = scalar()
    for _ in range(20_000):
        y = ag.sin(y)
    assert len(view(y).nodes) == 20_001


@pytest.mark.parametrize(("shape", "text"), [((), ""), ((3,), "3"), ((2, 0, 4), "2×0×4")])
def test_shape_text(shape: tuple[int, ...], text: str) -> None:
    assert shape_text(shape) == text
