"""A module as a function of its parameters: against PyTorch, by derivatives, and what is left behind."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from against_torch import close, torch

import autograd as ag
import nn
from nn.utils import functional_call


def networks() -> tuple[nn.Module, Any]:
    """The same network here and in PyTorch, in float64."""
    ours = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.BatchNorm1d(3), nn.Linear(3, 1)).double()
    kit = torch.nn
    theirs = kit.Sequential(kit.Linear(2, 3), kit.Tanh(), kit.BatchNorm1d(3), kit.Linear(3, 1)).double()
    theirs.load_state_dict({name: torch.tensor(t.data) for name, t in ours.state_dict().items()})
    return ours, theirs


def test_values_gradients_and_buffers() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = networks()
    x = rng.normal(size=(5, 2))
    names = ("0.weight", "2.bias", "2.running_mean", "3.weight")
    arrays = {name: rng.normal(size=ours.state_dict()[name].shape) for name in names}
    mine = {name: ag.tensor(a, requires_grad="running" not in name) for name, a in arrays.items()}
    yours = {name: torch.tensor(a, requires_grad="running" not in name) for name, a in arrays.items()}
    before = {name: t.clone() for name, t in ours.state_dict().items()}
    held = dict(ours.named_parameters())
    y = functional_call(
        ours,
        {name: t * 1 for name, t in mine.items() if "running" not in name} | {"2.running_mean": mine["2.running_mean"]},
        ag.tensor(x),
    )
    z = torch.func.functional_call(theirs, yours, torch.tensor(x))
    (y**2).sum().backward()
    (z**2).sum().backward()
    close(y, z, "value")
    for name in names:
        if "running" in name:
            close(mine[name], yours[name], name)
        else:
            close(mine[name].grad, yours[name].grad, name)
    after = dict(ours.named_parameters())
    assert list(after) == list(held)
    assert all(after[name] is held[name] for name in held)
    for name, tensor in theirs.state_dict().items():
        close(ours.state_dict()[name], tensor, name)
    np.testing.assert_array_equal(ours.state_dict()["2.running_mean"].numpy(), before["2.running_mean"].numpy())


def test_hessian_of_a_network() -> None:
    ours, theirs = (part.eval() for part in networks())
    x = np.random.default_rng(1).normal(size=(4, 2))
    w = ours[0].weight.numpy()

    def loss(w: ag.Tensor) -> ag.Tensor:
        result: ag.Tensor = (functional_call(ours, {"0.weight": w}, ag.tensor(x)) ** 2).sum()
        return result

    def theirs_loss(w: Any) -> Any:
        return (torch.func.functional_call(theirs, {"0.weight": w}, torch.tensor(x)) ** 2).sum()

    close(ag.hessian(loss)(ag.tensor(w)), torch.autograd.functional.hessian(theirs_loss, torch.tensor(w)), "hessian")
    close(ag.grad(loss)(ag.tensor(w)), torch.autograd.functional.jacobian(theirs_loss, torch.tensor(w)), "gradient")


def test_a_step_of_a_step() -> None:
    """The gradient, with respect to the start, of the loss after one step of gradient descent, by differences."""
    net, x = nn.Linear(1, 1, bias=False).double(), ag.tensor(np.array([[2.0]]))

    def after_a_step(w: ag.Tensor) -> ag.Tensor:
        (g,) = ag.gradients((functional_call(net, {"weight": w}, x) ** 2).sum(), [w], create_graph=True)
        result: ag.Tensor = (functional_call(net, {"weight": w - 0.1 * g}, x) ** 3).sum()
        return result

    w = ag.tensor(np.array([[0.7]]), requires_grad=True)
    after_a_step(w).backward()
    assert w.grad.item() == pytest.approx(8 * 0.2**3 * 3 * 0.7**2)  # (2 · (w - 0.1 · 8 w))³ = 8 · 0.2³ · w³


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False)
        self.second = nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: ag.Tensor, scale: float = 1.0) -> ag.Tensor:
        return self.second(self.first(x)) * scale


def test_tied_weights() -> None:
    net, w, x = Tied(), ag.tensor([[0.0, 2.0], [3.0, 0.0]]), ag.tensor([[1.0, 1.0]])
    for name in ("first.weight", "second.weight"):
        np.testing.assert_array_equal(functional_call(net, {name: w}, (x,), {"scale": 2.0}).numpy(), [[12, 12]])
    both = {"first.weight": w, "second.weight": w}
    np.testing.assert_array_equal(functional_call(net, both, (x, 1.0)).numpy(), [[6, 6]])
    with pytest.raises(ValueError, match=r"functional_call: 'second.weight' is another name of a tensor"):
        functional_call(net, {"first.weight": w, "second.weight": w + 1}, x)
    assert net.first.weight is net.second.weight


def test_the_module_is_as_before_after_an_error() -> None:
    net = nn.Linear(2, 1)
    weight, x = net.weight, ag.zeros((1, 3))
    with pytest.raises(ValueError, match="linear"):
        functional_call(net, {"weight": ag.zeros((1, 2))}, x)
    with pytest.raises(RuntimeError, match="functional_call: Linear has no parameters or buffers 'wieght', 'b'"):
        functional_call(net, {"weight": ag.zeros((1, 2)), "wieght": x, "b": x}, x)
    with pytest.raises(TypeError, match="functional_call: 'bias' has to be a tensor, got ndarray"):
        functional_call(net, {"weight": ag.zeros((1, 2)), "bias": np.zeros(1)}, x)  # type: ignore[dict-item]
    assert net.weight is weight
    assert list(net.state_dict()) == ["weight", "bias"]


def test_containers_of_parameters_and_parametrizations() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ParameterList([ag.tensor([1.0]), ag.tensor([2.0])])
            self.named = nn.ParameterDict({"a": ag.tensor([4.0])})

        def forward(self) -> ag.Tensor:
            result: ag.Tensor = self.parts[0] + self.parts[1] + self.named["a"]
            return result

    assert functional_call(Sum(), {"parts.1": ag.tensor([10.0]), "named.a": ag.tensor([100.0])}).item() == 111
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(1, 1, bias=False))
    original = {"parametrizations.weight.original0": ag.tensor([[5.0]])}
    assert abs(functional_call(layer, original, ag.ones((1, 1))).item()) == pytest.approx(5)
    assert copy.deepcopy(layer).weight.item() == layer.weight.item()
