"""What a type checker makes of everyday code: `make lint` runs mypy over this file, the tests run it."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import autograd as ag
import nn
from autograd import Tensor


def test_results_are_tensors() -> None:
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert_type(x + 1, Tensor)
    assert_type(1 - x, Tensor)
    assert_type(x * x, Tensor)
    assert_type(2 / x, Tensor)
    assert_type(x**2, Tensor)
    assert_type(-x, Tensor)
    assert_type(x @ x, Tensor)
    assert_type(x[0], Tensor)
    assert_type(x == 1, Tensor)
    assert_type(x != x, Tensor)
    assert_type((x > 0) & ~(x < 1), Tensor)
    assert_type(x.exp(), Tensor)
    assert_type(x.clone(), Tensor)
    assert_type(x.astype(np.float64), Tensor)
    assert_type(x.mean(dim=0), Tensor)
    assert_type(x.sum(axis=1, keepdims=True), Tensor)
    assert_type(x.topk(1).values, Tensor)
    loss = ((x - 1).square().mean() * 2).sum()
    assert_type(loss, Tensor)
    loss.backward()
    assert_type(x.grad, Tensor | None)
    assert x.grad is not None


def test_functions_and_derivatives_give_tensors() -> None:
    x = ag.tensor([1.0, 2.0])

    def f(x: Tensor) -> Tensor:
        return (x**3).sum() + ag.sin(x).sum()

    assert_type(ag.exp(x), Tensor)
    assert_type(ag.maximum(x, 0), Tensor)
    assert_type(ag.grad(f)(x), Tensor)
    assert_type(ag.grad(f, (0,))(x), tuple[Tensor, ...])
    assert_type(ag.value_and_grad(f)(x), tuple[Tensor, Tensor])
    assert_type(ag.jacobian(ag.exp)(x), Tensor)
    assert_type(ag.hessian(f)(x), Tensor)
    assert ag.hessian(f)(x).shape == (2, 2)


def test_writing_in_place_keeps_the_type() -> None:
    weight = nn.Parameter([1.0, 2.0])
    (weight * weight).sum().backward()
    with ag.no_grad():
        assert weight.grad is not None
        weight -= 0.5 * weight.grad
    assert_type(weight, nn.Parameter)
    assert weight.tolist() == [0, 0]


def test_training_step() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    loss: Tensor = (model(ag.ones(4, 2)) - ag.zeros(4, 1)).square().mean()
    loss.backward()
    with ag.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    assert float(loss) >= 0


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", ag.zeros(1))
        self.blocks = nn.ModuleList([nn.Linear(2, 2)])


def test_what_is_registered_and_held_may_be_used() -> None:
    model = Counting()
    with ag.no_grad():
        model.steps += 1
    assert model.steps.item() == 1
    assert [block.weight.shape for block in model.blocks] == [(2, 2)]
    assert nn.Sequential(nn.Linear(2, 3))[0].weight.shape == (3, 2)
