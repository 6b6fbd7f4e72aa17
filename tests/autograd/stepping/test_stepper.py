"""The stepper: where it goes, what `.grad` is there, what-if, and what it keeps alive."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd.graph import Node
from autograd.numeric import AnomalyError
from autograd.stepping import Stepper, at_op, fold
from autograd.stepping.player import page
from nn import functional as F


def chain() -> tuple[ag.Tensor, list[ag.Tensor]]:
    """A result that retains its gradient, a leaf used in several places, one that has a gradient already."""
    x = ag.tensor([1.0, -2.0, 3.0], requires_grad=True, name="x")
    w = ag.tensor([[0.5], [2.0]], requires_grad=True, name="w")
    w.grad = ag.ones(2, 1)
    h = ag.sin(x * w)
    h.retain_grad()
    k = h * x + w
    return (k * k).sum() + h.mean(), [x, w, h]


def grads(tensors: list[ag.Tensor]) -> list[Any]:
    return [None if t.grad is None else t.grad.data.tobytes() for t in tensors]


def after_backward() -> tuple[list[Any], list[Any]]:
    loss, tensors = chain()
    before = grads(tensors)
    loss.backward()
    return before, grads(tensors)


moves = st.lists(
    st.one_of(
        st.sampled_from(["step", "back", "run", "iterate", "until", "look ahead"]),
        st.tuples(st.just("seek"), st.integers(0, 8)),
    ),
    max_size=20,
)


@given(moves)
def test_any_walk_ends_in_the_same_gradients(walk: list[Any]) -> None:
    before, after = after_backward()
    loss, tensors = chain()
    stepper = loss.stepper()
    shown: dict[int, Any] = {}
    for move in walk:
        match move:
            case "step" | "back" | "run":
                getattr(stepper, move)()
            case "iterate":
                for _ in stepper:
                    break
            case "until":
                stepper.run_until(at_op("sin"))
            case "look ahead":
                stepper.backward_pass.run()
            case ("seek", k):
                stepper.seek(k)
        step = stepper.current
        assert (0 if step is None else step.number) == stepper.position
        if step is not None:
            assert (
                shown.setdefault(step.number, np.array(step.cotangent).tobytes()) == np.array(step.cotangent).tobytes()
            )
        assert stepper.done == (stepper.position == len(stepper))
        assert grads(tensors[:2]) == (after[:2] if stepper.done else before[:2])
        reached = any(step.op == "sin" for step in stepper.steps)
        assert grads(tensors[2:]) == (after[2:] if reached else before[2:])
    stepper.run()
    assert grads(tensors) == after
    stepper.seek(0)
    assert grads(tensors) == before


def test_len_and_position() -> None:
    loss, _ = chain()
    stepper = Stepper(loss)
    assert (len(stepper), stepper.position, stepper.current, stepper.done) == (8, 0, None, False)
    assert stepper.back() is None
    step = stepper.step()
    assert step is stepper.current
    assert (step.number, step.op, stepper.position) == (1, "add", 1)
    assert stepper.seek(8).number == 8
    assert stepper.done
    assert stepper.step() is None
    assert [s.number for s in stepper.steps] == list(range(1, 9))
    for k in (-1, 9):
        with pytest.raises(IndexError, match=f"seek: there is no position {k} in a run of 8 steps"):
            stepper.seek(k)


def test_iteration_takes_what_is_left() -> None:
    loss, _ = chain()
    stepper = loss.stepper()
    stepper.seek(4)
    assert [step.number for step in stepper] == [5, 6, 7, 8]
    assert list(stepper) == []


def test_the_order_is_that_of_backward() -> None:
    loss, _ = chain()
    seen: list[int] = []
    order = [node for node in loss.stepper().backward_pass.record.order if node.plan is not None]
    for node in order:
        node.hooks = (node.hooks or {}) | {node.number: lambda node, g: seen.append(node.number) or g}
    stepper = loss.stepper()
    stepped = [step.node.number for step in stepper]
    assert seen == stepped == sorted(stepped, reverse=True)


def test_hooks_are_called_once() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    calls: list[str] = []
    h.register_hook(lambda g: calls.append("h") or 3 * g)
    x.register_hook(lambda g: calls.append("x"))
    stepper = h.sum().stepper()
    stepper.step()
    assert calls == []
    stepper.step()
    assert stepper.current.cotangent.tolist() == [3.0, 3.0], "as the hook left it"
    stepper.seek(0)
    stepper.run()
    assert calls == ["h", "x"]
    np.testing.assert_array_equal(x.grad.data, [6.0, 12.0])


def test_gradients_add_up_over_passes() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    held = None
    for k in (1, 2, 3):
        loss.stepper().run()
        np.testing.assert_array_equal(x.grad.data, k * 2 * x.data)
        assert held is None or x.grad is held, "the same tensor, as backward has it"
        held = x.grad
    stepper = loss.stepper()
    stepper.run()
    stepper.back()
    assert x.grad is held
    np.testing.assert_array_equal(x.grad.data, 6 * x.data)


def test_what_was_done_to_grad_at_the_end_is_undone_by_going_back() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    x.grad = ag.tensor([5.0, 5.0])
    stepper = (x * x).sum().stepper()
    stepper.run()
    x.grad.zero_()
    stepper.back()
    np.testing.assert_array_equal(x.grad.data, [5.0, 5.0])
    stepper.run()
    np.testing.assert_array_equal(x.grad.data, [7.0, 9.0])


def test_a_leaf_alone() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    stepper = x.stepper()
    assert (len(stepper), stepper.done) == (0, False)
    assert stepper.step() is None
    assert stepper.done
    assert x.grad.item() == 1


def test_nodes_that_nothing_reaches_are_no_steps() -> None:
    """A rule that has nothing to give, and what is behind it."""

    @ag.custom_vjp(lambda g: None)
    def dead(x: Any) -> Any:
        return x + 0

    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = ag.tensor([3.0], requires_grad=True)
    loss = (dead(ag.sin(x)) * ag.cos(y)).sum()
    stepper = loss.stepper()
    ops = []
    while not stepper.done:
        step = stepper.step()
        assert step is not None
        ops.append(step.op)
    assert ops == ["sum", "multiply", "cos", "dead"]
    assert len(stepper) == 4
    assert x.grad is None
    np.testing.assert_allclose(y.grad.data, -np.sin(3.0) * np.sin(x.data).sum(keepdims=True), rtol=1e-6)


def test_a_given_gradient() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    given = np.array([10.0, 1.0])
    stepper = y.stepper(given)
    given[:] = 0
    stepper.run()
    np.testing.assert_array_equal(x.grad.data, [20.0, 4.0])
    x.grad = None
    given = ag.tensor([1.0, 1.0])
    stepper = y.stepper(gradient=given)
    given.zero_()
    stepper.run()
    np.testing.assert_array_equal(x.grad.data, [2.0, 4.0])


def test_errors() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="stepper: wants a Tensor to start from, got list"):
        Stepper([1.0])  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="stepper: the tensor does not require grad"):
        ag.tensor(1.0).stepper()
    with pytest.raises(RuntimeError, match=r"stepper: an output of shape \(2,\) needs a gradient"):
        (x * x).stepper()
    with pytest.raises(ValueError, match=r"stepper: gradient has shape \(3,\), the output \(2,\)"):
        (x * x).stepper(np.ones(3))
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(
        RuntimeError, match=r"stepper: the graph behind 'sum' was already used and freed.*made at .*sum"
    ):
        loss.stepper()


def test_what_a_rule_raises_comes_up_at_its_step() -> None:
    def wrong(g: Any) -> Any:
        raise ArithmeticError("on purpose")

    @ag.custom_vjp(wrong)
    def faulty(x: Any) -> Any:
        return x + 1

    x = ag.tensor([1.0, 2.0], requires_grad=True)
    stepper = faulty(ag.sin(x)).sum().stepper()
    stepper.step()
    with pytest.raises(ArithmeticError, match="on purpose"):
        stepper.step()
    assert stepper.position == 1
    with pytest.raises(RuntimeError, match="broke off with an error after step 1"):
        stepper.run()
    assert stepper.back() is None
    assert stepper.seek(1).op == "sum"


def test_a_value_that_was_written_into_is_an_error_at_its_step() -> None:
    x, w = ag.tensor([1.0, 2.0], requires_grad=True), ag.tensor([3.0, 4.0], requires_grad=True)
    stepper = (ag.sin(x) * w).sum().stepper()
    stepper.step()
    w.write(0.0)
    with pytest.raises(RuntimeError, match="written into"):
        stepper.step()


def test_anomalies_are_found_at_their_step() -> None:
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    stepper = ag.sqrt(x * 1.0).sum().stepper()
    stepper.step()
    with ag.detect_anomaly(), pytest.raises(AnomalyError, match="'sqrt'"):
        stepper.step()


def test_absorbing_zeros() -> None:
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    stepper = ag.where(x > 0, ag.sqrt(x), 0.0).sum().stepper()
    with ag.absorbing_zeros():
        stepper.run()
    np.testing.assert_array_equal(x.grad.data, [0.0, 0.25])


def test_names_modules_and_lines() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))

        def forward(self, x: Any) -> Any:
            return ag.named(self.features(x), "scores")

    net = Net()
    loss = (net(ag.ones(5, 3)) ** 2).mean()  # the line
    stepper = loss.stepper()
    assert stepper.step().source.endswith("# the line")
    step = stepper.run_until("scores")
    assert (step.name, step.module) == ("scores", "features.2")
    assert stepper.run_until("features.1").op == "relu"
    names = {c.name for step in stepper.steps for c in step.contributions if c.leaf}
    assert names == {"features.2.weight", "features.2.bias"}
    assert stepper.run_until(at_op("nowhere")) is None
    assert stepper.done
    assert "module features.2" in str(step)


# What if


def test_replacing_a_cotangent() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    stepper = (ag.sin(x) * x).sum().stepper()
    stepper.seek(2)
    was = stepper.current.contributions[0].value.copy()
    step = stepper.replace(cotangent=[10.0, 0.0])
    assert (step.number, step.note, stepper.position) == (2, "cotangent", 2)
    assert "changed: cotangent" in str(step)
    np.testing.assert_allclose(step.contributions[0].value, [10.0, 0.0])
    stepper.run()
    np.testing.assert_allclose(x.grad.data, [10 * (np.sin(1) + np.cos(1)), 0.0], rtol=1e-6)
    original = stepper.original
    np.testing.assert_array_equal(original[1].contributions[0].value, was)
    (gradient,) = original.run().values()
    np.testing.assert_allclose(gradient, np.sin(x.data) + x.data * np.cos(x.data), rtol=1e-6)
    np.testing.assert_allclose(x.grad.data[1], 0.0), "the original writes nothing"
    assert stepper.restore().note == ""
    np.testing.assert_allclose(x.grad.data, gradient)
    assert stepper.original is stepper.backward_pass


def test_replacing_by_the_same_changes_nothing() -> None:
    before, after = after_backward()
    loss, tensors = chain()
    stepper = loss.stepper()
    for k in (3, 6, 2):
        stepper.seek(k)
        stepper.replace(cotangent=stepper.current.cotangent)
        assert grads(tensors[:2]) == before[:2]
    stepper.run()
    assert grads(tensors) == after


def test_a_replaced_cotangent_is_not_added_into() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x + x
    stepper = (y + x * 3.0).stepper(np.ones(2))
    stepper.seek(3)
    step = stepper.replace(cotangent=[1.0, 1.0])
    stepper.run()
    np.testing.assert_array_equal(step.cotangent, [1.0, 1.0])
    np.testing.assert_array_equal(x.grad.data, [5.0, 5.0])


def test_replacing_values() -> None:
    x, w = ag.tensor([1.0, 2.0], requires_grad=True), ag.tensor([3.0, 4.0], requires_grad=True)
    stepper = (ag.sin(x) * w).sum().stepper()
    stepper.seek(3)
    assert set(stepper.current.values) == {"x"}
    step = stepper.replace(value=0.0)
    assert (step.op, step.note) == ("sin", "values")
    np.testing.assert_array_equal(step.values["x"], [0.0, 0.0])
    np.testing.assert_array_equal(step.jacobian(), np.eye(2))
    stepper.run()
    np.testing.assert_array_equal(x.grad.data, w.data)
    np.testing.assert_allclose(w.grad.data, np.sin(x.data), rtol=1e-6)
    stepper.seek(2)
    step = stepper.replace(values={"x2": [1.0, 1.0]}, cotangent=[2.0, 2.0])
    assert step.note == "cotangent and values"
    stepper.run()
    np.testing.assert_array_equal(x.grad.data, [2.0, 2.0])
    np.testing.assert_array_equal(stepper.original[2].values["x"], x.data)


def test_replacing_the_cotangent_of_several_outputs() -> None:
    x = ag.tensor([[4.0, 0.0], [0.0, 9.0]], requires_grad=True)
    _, log = ag.slogdet(x)
    stepper = (log * 2.0).stepper()
    step = stepper.run_until("slogdet")
    assert step.shape is None
    stepper.replace(cotangent=[None, 1.0])
    stepper.run()
    np.testing.assert_allclose(x.grad.data, np.diag([1 / 4, 1 / 9]), rtol=1e-6)


def test_retained_gradients_follow() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    h = ag.sin(x)
    h.retain_grad()
    stepper = (h * h).sum().stepper()
    stepper.run_until("sin")
    retained = h.grad.data.copy()
    stepper.replace(cotangent=[7.0, 7.0])
    np.testing.assert_array_equal(h.grad.data, [7.0, 7.0])
    stepper.original.run()
    np.testing.assert_array_equal(h.grad.data, [7.0, 7.0])
    stepper.restore()
    np.testing.assert_array_equal(h.grad.data, retained)


def test_errors_of_replace() -> None:
    x, w = ag.tensor([1.0, 2.0], requires_grad=True), ag.tensor([3.0, 4.0], requires_grad=True)
    stepper = (x * w).sum().stepper()
    with pytest.raises(IndexError, match="replace: no step has been taken yet"):
        stepper.replace(cotangent=1.0)
    stepper.seek(2)
    for what, kind, message in (
        ({}, ValueError, "replace: wants a cotangent, or values"),
        ({"cotangent": np.ones(3)}, ValueError, r"cotangent of 'multiply' has shape \(2,\), not \(3,\)"),
        ({"value": 1.0}, ValueError, r"the rule of 'multiply' uses \['x1', 'x2'\]; say which"),
        ({"values": {"z": 1.0}}, ValueError, r"the rule of 'multiply' does not use \['z'\]; it uses \['x1', 'x2'\]"),
        ({"values": {"x1": np.ones(3)}}, ValueError, r"x1 of 'multiply' has shape \(2,\), not \(3,\)"),
    ):
        with pytest.raises(kind, match=message):
            stepper.replace(**what)
    assert stepper.position == 2
    assert stepper.original is stepper.backward_pass


# What is kept alive


def test_closing_frees_the_graph_as_backward_does() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    with loss.stepper() as stepper:
        stepper.step()
    loss.stepper().run()
    x.grad = None
    with loss.stepper() as stepper:
        for step in stepper:
            last = step
    assert repr(stepper) == "<stepper, closed>"
    np.testing.assert_array_equal(x.grad.data, [2.0, 4.0])
    np.testing.assert_array_equal(last.cotangent, [1.0, 1.0])
    with pytest.raises(RuntimeError, match="already used and freed"):
        loss.backward()
    assert "multiply (2,)" in repr(last)
    assert last.contributions[1].waiting == 0
    for question in (last.jacobian, last.check):
        with pytest.raises(RuntimeError, match="already used and freed"):
            question()
    with pytest.raises(RuntimeError, match="stepper: it was closed"):
        stepper.step()
    stepper.close()


def test_closing_may_retain_the_graph() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    stepper = loss.stepper()
    stepper.run()
    stepper.close(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(x.grad.data, [4.0, 8.0])


def test_nothing_outlives_the_stepper() -> None:
    x = ag.tensor(np.ones(5), requires_grad=True)
    h = ag.sin(x)
    stepper = (h * h).sum().stepper()
    node = weakref.ref(h.node)
    tensor = weakref.ref(h)
    gc.disable()
    try:
        del h
        assert tensor() is None, "a stepper holds nodes, not tensors"
        for step in stepper:
            repr(step)
        stepper.replace(cotangent=np.ones(5))
        stepper.trace()
        stepper.run()
        cotangent = weakref.ref(stepper.steps[1].cotangent)
        del step
        assert node() is not None
        del stepper
        assert node() is None, "no reference circle"
        assert cotangent() is None
    finally:
        gc.enable()


def test_a_deep_graph() -> None:
    x = ag.tensor(np.ones(4, np.float32), requires_grad=True)
    y = x
    for _ in range(3000):
        y = y + x
    stepper = y.sum().stepper()
    stepper.run()
    np.testing.assert_array_equal(x.grad.data, np.full(4, 3001.0))
    first = stepper.seek(1)
    assert first.op == "sum"
    last = stepper.seek(len(stepper)).contributions[1]
    assert (last.waiting, last.after.tolist()) == (0, [3001.0] * 4)


# What is shown


def test_repr_lists_the_next_steps() -> None:
    loss, _ = chain()
    stepper = loss.stepper()
    stepper.seek(2)
    lines = repr(stepper).split("\n")
    assert lines[0] == "stepper after 2 of 8 steps; next:"
    assert [line.split()[:2] for line in lines[1:6]] == [
        ["3", "sum"],
        ["4", "multiply"],
        ["5", "add"],
        ["6", "multiply"],
        ["7", "sin"],
    ]
    assert lines[6] == "  … and 1 more"
    stepper.seek(5)
    stepper.seek(2)
    assert repr(stepper).split("\n") == lines, "those that were seen already are listed like those that were not"
    stepper.run()
    assert repr(stepper) == "stepper after 8 of 8 steps, at the end"


def test_contributions_add_up_to_what_arrives() -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh())
    x = ag.randn(6, 4, requires_grad=True)
    h = net(x)
    loss = F.mse_loss(h * h + h, ag.ones(6, 5)) + (h * net[0].bias).sum()
    arrived: dict[Node, Any] = {}
    stepper = loss.stepper()
    for step in stepper:
        if step.node in arrived:
            np.testing.assert_allclose(step.cotangent, arrived[step.node], rtol=1e-6)
        for c in step.contributions:
            before = 0 if c.before is None else c.before
            np.testing.assert_allclose(c.after, before + c.added, rtol=1e-6)
            arrived[c.parent] = c.after
            assert c.added.shape == c.parent.shape
            later = [s for s in stepper.backward_pass if s.number > step.number and c.parent in s.node.parents]
            assert c.waiting == len(later)
    for t in (x, *net.parameters()):
        np.testing.assert_allclose(t.grad.data, arrived[t.node], rtol=1e-5)


@ag.custom_vjp(lambda g, x: None)
def without_rule(x: Any) -> Any:
    return x * 1.0


def test_nobody_waits_for_what_nothing_flows_to() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    stepper = (without_rule(ag.sin(x)) + x * 2).sum().stepper()
    stepper.run()
    assert [c.waiting for step in stepper.steps for c in step.contributions if c.name == "x"] == [0]
    assert [c.waiting for step in stepper.trace().steps for c in step.contributions if c.name == "x"] == [0]
    assert "waits for" not in repr(stepper.steps[-1])


@pytest.mark.parametrize(
    ("cotangents", "message"),
    [
        ([np.ones(3)] * 5, "'split' has 2 outputs, got 5 cotangents"),
        ([np.ones(3)], "'split' has 2 outputs, got 1 cotangents"),
        ([np.ones(3), np.ones(2)], r"the cotangent of output 1 of 'split' has shape \(3,\), not \(2,\)"),
    ],
)
def test_cotangents_of_several_outputs_are_checked(cotangents: Any, message: str) -> None:
    a, b = ag.split(ag.tensor(np.arange(6.0), requires_grad=True), 2)
    stepper = (a * b).sum().stepper()
    stepper.run_until("split")
    with pytest.raises(ValueError, match=f"replace: {message}"):
        stepper.replace(cotangents)
    assert not stepper.changed
    assert stepper.replace([np.full(3, np.float32(2)), None]).contributions[0].value.tolist() == [2, 2, 2, 0, 0, 0]
    assert stepper.replace([None, 5.0]).contributions[0].value.tolist() == [0, 0, 0, 5, 5, 5]


def test_cotangents_of_outputs_that_are_not_used() -> None:
    a, _ = ag.split(ag.tensor(np.arange(6.0), requires_grad=True), 2)
    stepper = a.sum().stepper()
    stepper.run_until("split")
    with pytest.raises(ValueError, match="output 1 of 'split' is not used, so that its cotangent can only be None"):
        stepper.replace([np.ones(3), np.ones(3)])


def test_looking_gives_no_warnings() -> None:
    x = ag.tensor(np.array([1.0, 2.0], np.float16), requires_grad=True)
    stepper = (x * 1 + x * 1).stepper(gradient=np.array([60000, 60000], np.float16))
    stepper.run()
    large = ag.tensor(np.array([1e308, 1e308]), requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "inf" in repr(stepper.steps[-1])
        page(stepper.trace())
        page((large * 1.0)[0].stepper().trace())


def test_words_for_what_is_handed_out() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    stepper = (x * x).sum().stepper()
    stepper.step()
    assert repr(stepper.original) == "<backward pass of 2 steps, 1 of them run>"
    assert repr(stepper.graph) == "<graph of 3 nodes>"
    assert repr(fold(stepper.graph)) == "<graph of 3 nodes in 3 boxes>"
    stepper.close()
    for act in (stepper.back, stepper.step, lambda: stepper.seek(0)):
        with pytest.raises(RuntimeError, match="stepper: it was closed; make a new one"):
            act()
