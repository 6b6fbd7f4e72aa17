"""Functions that use the tensor that was given, and not their argument, are refused and not passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn


@ag.custom_vjp(lambda g, x: 2 * g * np.cos(x))
def wave(x: Any) -> Any:
    """A sine whose rule gives twice what it should."""
    return np.sin(x)


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("check", [ag.gradcheck, ag.finite_difference, ag.compare_derivatives])
def test_what_was_given_is_used_and_the_argument_is_not(check: Callable[..., Any], requires_grad: bool) -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=requires_grad)
    with pytest.raises(ValueError, match=rf"{check.__name__}: the function ignores its argument \(v\)|\(x\)"):
        check(lambda v: wave(x).sum(), x)
    assert x.requires_grad == requires_grad


def test_a_loss_is_not_checked_by_parameters_it_does_not_take() -> None:
    net, x = nn.Linear(2, 1).double(), ag.ones(3, 2, dtype=float)
    with pytest.raises(ValueError, match=r"ignores its argument \(input 0\) .* as in gradcheck\(model, x\)"):
        ag.gradcheck(lambda *p: wave(net(x)).sum(), list(net.parameters()))


@pytest.mark.parametrize("requires_grad", [True, False])
def test_what_was_given_may_be_a_constant_besides(requires_grad: bool) -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=requires_grad)
    assert ag.gradcheck(lambda v: ((v - x) ** 2).sum(), x)
    assert not ag.finite_difference(lambda v: ((v - x) ** 2).sum(), x).value.any()


def test_a_function_that_depends_on_nothing_is_no_mistake() -> None:
    x = ag.tensor([1.2, 2.5])
    assert ag.gradcheck(lambda v: ag.floor(v).sum(), x)
    assert not ag.finite_difference(lambda v: np.ones(2), x).value.any()


def inner_gradient(x: ag.Tensor) -> ag.Tensor:
    (slope,) = ag.gradients((x**3).sum(), [x], create_graph=True)
    assert slope is not None
    return (slope**2).sum()


def test_functions_that_differentiate_inside() -> None:
    point = np.array([0.5, 1.0, 2.0])
    assert ag.gradcheck(inner_gradient, point)
    slope = ag.finite_difference(lambda x: inner_gradient(x.requires_grad_()), point)
    assert (abs(slope.value - 36 * point**3) <= slope.error).all()
    found = ag.compare_derivatives(lambda x: inner_gradient(x if x.requires_grad else x.requires_grad_()), point)
    np.testing.assert_allclose(found["reverse mode"].value, 36 * point**3, rtol=1e-12)
