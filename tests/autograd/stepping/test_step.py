"""What a step shows: local Jacobians, what broadcasting summed away, the check of the rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import SAMPLES

import autograd as ag
from autograd.graph import Bundle
from autograd.primitive import registry
from autograd.stepping import ForwardStepper

RANDOM = {"dropout"}


@pytest.mark.parametrize("name", [name for name in SAMPLES if registry[name].differentiable])
def test_a_contribution_is_the_cotangent_times_the_local_jacobian(name: str) -> None:
    """Of every primitive, on its first sample that has elements."""
    for sample in SAMPLES[name]:
        tensors = [ag.tensor(a, requires_grad=a.dtype.kind == "f") for a in sample.inputs(np.random.default_rng(1))]
        y: Any = sample.call(*tensors)
        parts = [p for p in (y if isinstance(y, (tuple, list)) else (y,)) if getattr(p, "node", None) is not None]
        if parts and all(p.size for p in parts):
            break
    else:
        pytest.fail("its samples record nothing")
    rng = np.random.default_rng(2)
    loss = sum(((p * rng.normal(size=p.shape)).sum() for p in parts), ag.tensor(0.0))
    steps = [step for step in loss.stepper() if step.op == name]
    for step in steps:
        repr(step)
        for c in step.contributions:
            if isinstance(step.cotangent, Bundle) or isinstance(c.value, Bundle):
                with pytest.raises(ValueError, match="several outputs at once"):
                    step.jacobian(c.position)
                continue
            jacobian = step.jacobian(c.position, limit=10**6)
            assert jacobian.shape == (*step.shape, *c.parent.shape)
            expected = np.tensordot(step.cotangent, jacobian, step.cotangent.ndim)
            np.testing.assert_allclose(c.added, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max(initial=1e-3))


def test_the_jacobian_of_an_affine_map() -> None:
    rng = np.random.default_rng(0)
    x, w, b = (ag.tensor(rng.normal(size=s), requires_grad=True) for s in ((2,), (2, 3), (3,)))
    stepper = ag.tanh(x @ w + b).sum().stepper()
    step = stepper.run_until("tanh")
    np.testing.assert_allclose(step.jacobian(), np.diag(1 - np.tanh(x.data @ w.data + b.data) ** 2))
    step = stepper.run_until("add")
    np.testing.assert_array_equal(step.jacobian(0), np.eye(3))
    step = stepper.run_until("matmul")
    np.testing.assert_allclose(step.jacobian(0)[0, :, 0, :], w.data.T)


def test_large_jacobians_are_refused() -> None:
    x = ag.tensor(np.ones(100), requires_grad=True)
    step = ag.sin(x).sum().stepper().seek(2)
    with pytest.raises(ValueError, match="jacobian: that of 'sin' has 100 × 100 elements, more than 4096"):
        step.jacobian()
    assert step.jacobian(limit=10_000).shape == (100, 100)


def test_what_broadcasting_summed_away() -> None:
    x = ag.tensor(np.ones((4, 3)), requires_grad=True)
    w = ag.tensor(np.ones((1, 3), np.float32), requires_grad=True)
    step = (x * w).sum().stepper().seek(2)
    first, second = step.contributions
    assert (first.summed_axes, second.summed_axes) == ((), (0,))
    assert (second.value.shape, second.value.dtype) == ((4, 3), np.float64)
    assert (second.added.shape, second.added.dtype) == ((1, 3), np.float32)
    np.testing.assert_array_equal(second.after, [[4.0, 4.0, 4.0]])
    assert "summed over axis 0" in repr(step)
    b = ag.tensor(2.0, requires_grad=True)
    assert (x * b).sum().stepper().seek(2).contributions[1].summed_axes == (0, 1)


def test_the_same_parent_twice() -> None:
    x = ag.tensor([3.0], requires_grad=True)
    first, second = (x * x).sum().stepper().seek(2).contributions
    assert first.before is None
    assert [c.tolist() for c in (first.after, second.before, second.after)] == [[3.0], [3.0], [6.0]]
    assert (first.waiting, second.waiting) == (0, 0)


def test_several_outputs() -> None:
    x = ag.tensor([[4.0, 1.0], [1.0, 9.0]], requires_grad=True)
    w, v = ag.eigh(x)
    stepper = (w.sum() + v[0, 0]).stepper()
    outputs = []
    while (step := stepper.run_until("output")) is not None:
        outputs.append(step)
    assert len(outputs) == 2
    step = next(s for s in stepper.steps if s.op == "eigh")
    assert [part.shape for part in step.cotangent] == [(2,), (2, 2)]
    assert step.summary.count == 6
    assert outputs[1].contributions[0].before is not None
    assert "eigh of several outputs" in repr(step)


def test_the_check_of_a_rule() -> None:
    @ag.custom_vjp(lambda g, x: g * x)
    def wrong_square(x: Any) -> Any:
        return x * x

    x = ag.tensor([1.0, 2.0], requires_grad=True)
    steps = list(wrong_square(ag.sin(x)).sum().stepper())
    assert [step.check().ok for step in steps] == [True, False, True]
    assert "wrong derivative" in repr(steps[1].check())


def test_values_of_a_custom_operation_are_those_that_its_rule_can_name() -> None:
    @ag.custom_vjp(lambda g, y, scale: g * scale * y)
    def growth(x: Any, scale: float = 1.0) -> Any:
        return np.exp(scale * x)

    step = growth(ag.tensor([0.0, 1.0], requires_grad=True), scale=2.0).sum().stepper().seek(2)
    assert set(step.values) == {"y", "scale", "x_shape"}


def two_losses() -> tuple[ag.Tensor, ag.Tensor]:
    x, w = ag.tensor([1.0, 2.0], requires_grad=True, name="x"), ag.tensor(3.0, requires_grad=True, name="w")
    h = ag.sin(x * w) * x
    return h.sum(), (h * h).sum()


@pytest.mark.parametrize("ending", ["run and closed", "closed", "freed by backward", "freed by another loss"])
@pytest.mark.parametrize("make", [ag.Stepper, ForwardStepper])
def test_a_step_can_be_shown_for_ever(make: Any, ending: str) -> None:
    shown = [(repr(step), step._repr_html_()) for step in make(two_losses()[0])]
    loss, other = two_losses()
    stepper = make(loss)
    steps = list(stepper) if ending != "closed" else [stepper.step()]
    if "backward" in ending or "another" in ending:
        (other if "another" in ending else loss).backward()
    elif make is ag.Stepper:
        stepper.close()
    del stepper, loss, other
    assert [(repr(step), step._repr_html_()) for step in steps] == shown[: len(steps)]


def test_statistics() -> None:
    x = ag.tensor([1.0, 0.0, -4.0, 2.0], requires_grad=True)
    summary = (ag.relu(x) * 3.0).sum().stepper().seek(3).contributions[0].summary
    assert (summary.min, summary.max, summary.zeros, summary.non_finite) == (0.0, 3.0, 0.5, 0)


def test_repr_of_a_step() -> None:
    x, w = ag.tensor([1.0, 2.0], requires_grad=True, name="x"), ag.tensor(3.0, requires_grad=True, name="w")
    y = ag.named(x * w + x, "y")  # made here
    stepper = y.stepper([1.0, 10.0])
    lines = repr(stepper.step()).split("\n")
    assert lines[0] == "step 1: add 'y' (2,)"
    assert lines[1].endswith("# made here")
    assert lines[2:] == [
        "  rule: x̄1 += ȳ, x̄2 += ȳ",
        "  cotangent: [ 1. 10.]",
        "  to multiply (2,): [ 1. 10.]",
        "  to leaf 'x' (2,): [ 1. 10.]",
        "      which waits for 1 more",
    ]
    assert repr(stepper.step()).split("\n")[4:] == [
        "  to leaf 'x' (2,): [ 3. 30.]",
        "      added to [ 1. 10.]",
        "      makes [ 4. 40.]",
        "  to leaf 'w' (): [ 1. 20.]",
        "      summed over axis 0, along which it was broadcast: 21.",
    ]
