"""Where `run_until` stops, in a live pass and in its trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping import (
    at_line,
    at_module,
    at_name,
    at_op,
    at_shape,
    non_finite,
    norm_above,
    norm_below,
    reaches,
    zero_gradient,
)

NET = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2), nn.Tanh()))


def loss() -> ag.Tensor:
    ag.manual_seed(1)
    for parameter in NET.parameters():
        parameter.write(ag.randn(*parameter.shape))
    NET[0].weight.write(-1.0, 0)  # the first unit is dead
    NET[0].bias.write(-5.0, 0)
    x = ag.tensor(np.full((5, 3), 0.5), name="x", requires_grad=True)
    h = ag.named(NET(x), "h")
    return (h * h).sum() * 1e-3  # the end


@pytest.fixture(scope="module")
def cursors() -> dict[str, Any]:
    stepper = loss().stepper()
    return {"stepper": stepper, "trace": stepper.trace().player()}


@pytest.fixture(params=["stepper", "trace"])
def cursor(request: pytest.FixtureRequest, cursors: dict[str, Any]) -> Any:
    """Steps: multiply, sum, multiply, tanh, add, einsum, relu, add, einsum."""
    cursors[request.param].seek(0)
    return cursors[request.param]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (at_op("tanh"), ["tanh"]),
        (at_op("mul*"), ["multiply", "multiply"]),
        (at_name("h"), ["tanh"]),
        (at_module("2"), ["tanh", "add", "einsum"]),
        (at_module("2.1"), ["tanh"]),
        (at_module("?") & at_op("add"), ["add", "add"]),
        (at_shape(5, -1) & ~at_op("multiply"), ["tanh", "add", "einsum", "relu", "add", "einsum"]),
        (at_shape((5, 2)) & at_op("einsum"), ["einsum"]),
        (at_shape(2), []),
        (at_line("# the end"), ["multiply", "sum", "multiply"]),
        (at_line("test_breakpoints.py") & at_op("sum"), ["sum"]),
        (non_finite(), []),
        (norm_above(1e9), []),
        (norm_below(1e9) & at_op("relu"), ["relu"]),
        (zero_gradient(), []),
        (zero_gradient(share=0.2) & at_op("relu"), ["relu"]),
        (reaches("2.0.bias"), ["add"]),
        (reaches("0.*"), ["add", "einsum"]),
        (reaches("x"), ["einsum"]),
        (lambda step: step.number == 2, ["sum"]),
        ("relu", ["relu"]),
        ("2.1", ["tanh"]),
        ("2.0.bias", ["add"]),
    ],
    ids=lambda case: getattr(case, "__name__", str(case)),
)
def test_where_it_stops(cursor: Any, condition: Any, found: list[str]) -> None:
    stops = []
    while (step := cursor.run_until(condition)) is not None:
        assert step.number == cursor.position
        stops.append(step.op)
    assert stops == found
    assert cursor.done


def test_at_line_by_number() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    y = ag.sin(x)
    stepper = (y * y).sum().stepper()
    line = y.node.source.split(":")[1]
    assert stepper.run_until(at_line(int(line))).op == "sin"
    assert stepper.done


def test_dead_units(cursor: Any) -> None:
    """First seen in the weight that the dead unit's output goes to."""
    step = cursor.run_until(zero_gradient(axis=1))
    assert [c.name for c in step.contributions if c.leaf] == ["2.0.weight"]
    assert cursor.run_until(zero_gradient(axis=1)).op == "relu"
    assert cursor.run_until(zero_gradient(axis=1) & at_op("sum")) is None


def test_dead_units_in_a_trace_without_values() -> None:
    player = loss().stepper().trace(limit=2).player()
    with pytest.raises(ValueError, match=r"zero_gradient: of the contribution of shape \(2, 4\) at step 6 the trace"):
        player.run_until(zero_gradient(axis=1))


def test_the_first_that_is_not_finite() -> None:
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    stepper = ag.exp(ag.sqrt(x * 2.0)).sum().stepper()
    assert stepper.run_until(non_finite()).op == "sqrt"


def test_norms() -> None:
    x = ag.tensor([1.0, 1.0], requires_grad=True)
    stepper = ((x * 1e-8) * 100.0).sum().stepper()
    assert stepper.run_until(norm_above(50)).op == "multiply"
    assert stepper.run_until(norm_below(1e-3)).number == 3
    assert (ag.relu(-x) * 2.0).sum().stepper().run_until(zero_gradient()).op == "relu"


def test_norms_at_their_limit() -> None:
    stepper = ag.tensor([1.0], requires_grad=True).sum().stepper()
    assert stepper.run_until(norm_above(1.0) | norm_below(1.0)) is None


def test_words() -> None:
    assert repr(at_op("relu") & ~norm_below(0.5) | non_finite()) == (
        "<breakpoint: ((at operation 'relu' and not norm below 0.5) or something not finite)>"
    )
    with pytest.raises(TypeError, match="run_until: wants a breakpoint, a function of a step or a name, got 3"):
        loss().stepper().run_until(3)  # type: ignore[arg-type]


def test_names_that_nothing_has(cursor: Any) -> None:
    with pytest.raises(ValueError, match="run_until: no operation, tensor or module of this run is called 'rleu'; did"):
        cursor.run_until("rleu")
    with pytest.raises(ValueError, match=r"is called 'qqq\*'$"):
        cursor.run_until("qqq*")
    assert cursor.position == 0


def test_lines_are_not_looked_for_in_their_text() -> None:
    x = ag.tensor(np.arange(10.0), requires_grad=True)
    y = x[1:5:2]
    line = int(y.node.source.split(":")[1])
    assert (y * y).sum().stepper().run_until(at_line(5)) is None
    assert (y * y).sum().stepper().run_until(at_line(line)).op == "getitem"


def test_names_with_brackets_stand_for_themselves() -> None:
    x = ag.tensor([1.0], requires_grad=True, name="w[0]")
    stepper = ag.named(x * ag.named(ag.sin(x), "h0"), "h[0]").sum().stepper()
    assert stepper.run_until("h[0]").op == "multiply"
    assert stepper.run_until(at_name("h[?]")) is None
    stepper.seek(0)
    assert stepper.run_until(reaches("w[*]")).op == "multiply"


def test_norms_of_what_is_not_finite() -> None:
    x = ag.tensor([0.0, 1.0], requires_grad=True)
    assert ag.sqrt(x).sum().stepper().run_until(norm_above(1e6)).op == "sqrt"
    assert ag.sqrt(x).sum().stepper().run_until(norm_below(0.6)) is None


@pytest.mark.parametrize("axis", [2, -3, 5, -5])
def test_axes_that_arrays_do_not_have(axis: int) -> None:
    x = ag.tensor([[1.0, -1.0], [2.0, -2.0]], requires_grad=True)
    assert ag.relu(x).sum().stepper().run_until(zero_gradient(axis=axis)) is None
    assert ag.relu(x).sum().stepper().run_until(zero_gradient(axis=-1)).op == "relu"
