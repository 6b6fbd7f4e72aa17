"""Stepping forward: values as they were computed, tangents as `jvp` has them, and what-if."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from samples import SAMPLES

import autograd as ag
import nn
from autograd.primitive import registry
from autograd.stepping import ForwardStepper, at_op, norm_above


def f(x: Any, w: Any) -> ag.Tensor:
    h = ag.named(ag.sin(x * w + 0.5), "h")
    return ((h * x).sum(axis=0) ** 2 / 3.0).sum()


X, W = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[2.0], [0.25]])
T = np.array([[1.0, 0.0], [0.5, -1.0]]), np.array([[-1.0], [2.0]])


def test_values_and_tangents_of_a_function() -> None:
    stepper = ForwardStepper(f, X, W, tangents=T)
    value, tangent = ag.jvp(f, [X, W], T)
    steps = list(stepper)
    assert [step.op for step in steps] == [
        *("multiply", "add", "sin", "multiply", "sum", "power", "divide", "sum"),
    ]
    assert steps[-1].value.tobytes() == value.data.tobytes()
    assert steps[-1].tangent.tobytes() == tangent.data.tobytes()
    np.testing.assert_array_equal(steps[1].inputs[1], 0.5)
    np.testing.assert_allclose(steps[2].value, np.sin(X * W + 0.5))
    np.testing.assert_allclose(steps[0].tangent, T[0] * W + X * T[1])
    assert (steps[2].name, steps[2].number, stepper.done, len(stepper)) == ("h", 3, True, 8)
    assert steps[2].source.endswith('h = ag.named(ag.sin(x * w + 0.5), "h")')


def test_without_some_tangents() -> None:
    steps = list(ForwardStepper(f, X, W, tangents=[None, T[1]]))
    wanted = ag.jvp(lambda w: f(X, w), [W], [T[1]])[1]
    np.testing.assert_allclose(steps[-1].tangent, wanted.data)
    assert all(step.tangent is None for step in ForwardStepper(f, X, W))


def test_a_recorded_graph() -> None:
    x, w = ag.tensor(X, requires_grad=True), ag.tensor(W, requires_grad=True)
    y = f(x, w)
    steps = list(ForwardStepper(y, tangents={x: T[0], w: T[1]}))
    value, tangent = ag.jvp(f, [X, W], T)
    assert steps[-1].tangent.tobytes() == tangent.data.tobytes()
    assert steps[-1].value.tobytes() == value.data.tobytes()
    np.testing.assert_allclose(steps[2].value, np.sin(X * W + 0.5))
    y.backward()
    assert x.grad is not None, "stepping forward frees nothing"


def test_what_is_not_known_any_more() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = (x + 5.0).sum()
    step = ForwardStepper(y).step()
    assert (step.op, step.value, step.inputs[1]) == ("add", None, None)
    assert "value: unknown" in repr(step)
    assert ForwardStepper(y).seek(2).value == 13.0, "that is alive"


@pytest.mark.parametrize("name", [name for name in SAMPLES if registry[name].differentiable])
def test_every_primitive_runs_again_to_the_same_value(name: str) -> None:
    """From its recorded inputs, and forward-mode tangents at them."""
    sample = SAMPLES[name][0]
    arrays = sample.inputs(np.random.default_rng(1))
    floating = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

    def total(*xs: Any) -> Any:
        given = list(arrays)
        for i, x in zip(floating, xs):
            given[i] = x
        y: Any = sample.call(*given)
        parts = y if isinstance(y, (tuple, list)) else (y,)
        return sum((p.sum() for p in parts if getattr(p, "node", None) is not None), ag.tensor(0.0))

    variables = [arrays[i] for i in floating]
    tangents = [np.random.default_rng(2).normal(size=a.shape) for a in variables]
    stepper = ForwardStepper(total, *variables, tangents=tangents)
    wanted = ag.jvp(total, variables, tangents)
    while (step := stepper.step()) is not None:
        if step.shape is None or step.op == "checkpoint":
            continue
        again = stepper.replace(np.array(step.value))
        np.testing.assert_array_equal(again.value, step.value)
    np.testing.assert_allclose(stepper.current.value, wanted[0].data, rtol=1e-12, atol=1e-12)
    if stepper.current.tangent is not None:
        np.testing.assert_allclose(stepper.current.tangent, wanted[1].data, rtol=1e-9, atol=1e-12)


def test_replacing_a_value() -> None:
    stepper = ForwardStepper(f, X, W, tangents=T)
    stepper.run()
    original = stepper.current.value.copy(), stepper.current.tangent.copy()
    step = stepper.seek(3)
    changed = np.full((2, 2), 0.1)
    step = stepper.replace(changed)
    assert (step.number, step.note) == (3, "value")
    steps = list(stepper)
    y, dy = ag.jvp(lambda h, x: ((h * x).sum(axis=0) ** 2 / 3.0).sum(), [changed, X], [step.tangent, T[0]])
    np.testing.assert_allclose(steps[-1].value, y.data)
    np.testing.assert_allclose(steps[-1].tangent, dy.data)
    stepper.restore()
    assert (stepper.position, stepper.current.note) == (8, "")
    assert (stepper.current.value, stepper.current.tangent) == original
    assert stepper.seek(3).note == ""


def test_replacing_twice_and_going_back() -> None:
    stepper = ForwardStepper(lambda x: ag.exp(ag.sin(x) * 2.0), 0.3)
    stepper.seek(1)
    stepper.replace(1.0)
    stepper.seek(2)
    stepper.replace(5.0)
    assert stepper.seek(3).value == pytest.approx(np.exp(5.0))
    stepper.seek(1)
    stepper.replace(0.5)
    assert stepper.seek(3).value == pytest.approx(np.exp(1.0))


def test_through_several_outputs_and_checkpoints() -> None:
    def g(x: Any) -> Any:
        w, v = ag.eigh(x)
        return ag.checkpoint(lambda w: ag.sin(w) * w, w).sum() + v[0, 0] * 0

    x = np.array([[2.0, 1.0], [1.0, 3.0]])
    stepper = ForwardStepper(g, x, tangents=[np.eye(2)])
    step = stepper.run_until("eigh")
    assert [part.shape for part in step.value] == [(2,), (2, 2)]
    assert step.summary.count == 6
    with pytest.raises(ValueError, match="'eigh' has several outputs"):
        stepper.replace(1.0)
    step = stepper.run_until("output")
    stepper.replace([1.0, 2.0])
    step = stepper.run_until("checkpoint")
    np.testing.assert_allclose(step.value, np.sin([1.0, 2.0]) * [1.0, 2.0])
    np.testing.assert_allclose(step.tangent, np.sin([1.0, 2.0]) + [1.0, 2.0] * np.cos([1.0, 2.0]))


def test_a_network() -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2))
    x = ag.randn(3, 4)
    y = net(x)
    stepper = ForwardStepper(y)
    step = stepper.run_until("1")
    assert (step.module, step.op) == ("1", "relu")
    assert stepper.run_until(norm_above(1e9)) is None
    np.testing.assert_array_equal(stepper.current.value, y.data)
    step = stepper.seek(len(stepper) - 2)
    stepper.replace(np.zeros(step.shape))
    assert stepper.run_until(at_op("add")) is not None


def test_tangents_of_results() -> None:
    """A tangent given to a result stands for what it would be otherwise, as in a forward sweep."""
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    h = ag.sin(x)
    stepper = ForwardStepper((h * x).sum(), tangents={x: [1.0, 1.0], h: [0.0, 5.0]})
    for _ in range(2):
        tangents = [step.tangent.tolist() for step in stepper]
        assert tangents[0] == [0.0, 5.0]
        assert stepper.current.tangent == pytest.approx(np.sin(1) + np.sin(2) + 10)
        stepper.seek(2)
        stepper.replace([1.0, 1.0])
        stepper.restore()
        stepper.seek(0)


def test_nothing_outlives_the_stepper() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    stepper = ForwardStepper((x * x).sum(), tangents={x: [1.0, 1.0]})
    stepper.run()
    repr(stepper.current)
    node = weakref.ref(stepper.output.node)
    gc.disable()
    try:
        del stepper
        assert node() is None
    finally:
        gc.enable()


def test_errors() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="ForwardStepper: the function has to return a Tensor, got float"):
        ForwardStepper(lambda x: 1.0, 2.0)  # type: ignore[arg-type,return-value]
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        ForwardStepper(ag.tensor(1.0))
    with pytest.raises(TypeError, match="tangents have to be a mapping from tensors to tangents"):
        ForwardStepper(x * x, tangents=[1.0])
    with pytest.raises(ValueError, match="got 1 arguments and 2 tangents"):
        ForwardStepper(lambda x: x * x, 1.0, tangents=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"a tangent has shape \(3,\), its tensor \(2,\)"):
        ForwardStepper(lambda x: x * x, [1.0, 2.0], tangents=[np.ones(3)])
    stepper = ForwardStepper(lambda x: x * x, [1.0, 2.0])
    with pytest.raises(IndexError, match="replace: no step has been taken yet"):
        stepper.replace(1.0)
    stepper.step()
    with pytest.raises(ValueError, match=r"the value of 'multiply' has shape \(2,\), not \(3,\)"):
        stepper.replace(np.ones(3))
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="already used and freed"):
        ForwardStepper(y)


def test_what_was_written_into_is_not_shown_beside_old_results() -> None:
    w, x = (ag.tensor(np.array([v]), requires_grad=True) for v in (2.0, 1.0))
    stepper = ForwardStepper(lambda x: x * w, np.array([1.0]))
    y = ag.sin(x + w)
    with ag.no_grad():
        w *= 100
    for stale in (stepper, ForwardStepper(y)):
        with pytest.raises(
            RuntimeError, match=r"ForwardStepper: an array that '(multiply|add)' was given was written into"
        ):
            stale.step()


def test_what_follows_from_a_constant_that_nobody_kept_is_not_known() -> None:
    stepper = ForwardStepper(ag.sin(ag.tensor([1.0], requires_grad=True)) + 1.0)
    stepper.seek(1)
    stepper.replace(0.5)
    assert stepper.step().value is None
    assert "value: unknown" in repr(stepper.current)
    stepper.trace()
    stepper.restore()
    assert stepper.current.value is not None
    kept = ForwardStepper(lambda x: ag.sin(x) + 1.0, np.array([1.0]))
    kept.step()
    kept.replace(0.5)
    assert kept.step().value == 1.5


def test_views_are_told_of_another_run() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    stepper = ForwardStepper(x * 2.0)
    stepper.step()
    stepper.replace(5.0)
    assert stepper.revision == 1
    stepper.restore()
    assert stepper.revision == 2
