"""Parametrization, weight and spectral normalisation: against PyTorch, and as a mechanism."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_torch import close, pair, torch

import autograd as ag
import nn
from nn.utils import parametrizations, parametrize

theirs_utils = pytest.importorskip("torch.nn.utils")
rng = np.random.default_rng(0)
X = {"Linear": rng.normal(size=(5, 3)), "Conv2d": rng.normal(size=(2, 3, 5, 5))}
ARGUMENTS: dict[str, tuple[Any, ...]] = {"Linear": (3, 4), "Conv2d": (3, 4, 2)}

Applied = Callable[[Any, Any], tuple[Any, Any]]


def parametrized(function: str, /, **options: Any) -> Applied:
    ours, theirs = getattr(parametrizations, function), getattr(theirs_utils.parametrizations, function)
    return lambda a, b: (ours(a, **options), theirs(b, **options))


def hooked(function: str, /, **options: Any) -> Applied:
    ours, theirs = getattr(nn.utils, function), getattr(theirs_utils, function)
    return lambda a, b: (ours(a, **options), theirs(b, **options))


NORMS = [
    pytest.param(parametrized("weight_norm"), id="weight_norm"),
    pytest.param(parametrized("weight_norm", dim=None), id="weight_norm of everything"),
    pytest.param(parametrized("weight_norm", dim=-1), id="weight_norm dim -1"),
    pytest.param(parametrized("weight_norm", dim=1), id="weight_norm dim 1"),
    pytest.param(parametrized("weight_norm", name="bias", dim=None), id="weight_norm of a vector"),
    pytest.param(parametrized("spectral_norm"), id="spectral_norm"),
    pytest.param(parametrized("spectral_norm", n_power_iterations=3, eps=1e-6), id="spectral_norm 3 iterations"),
    pytest.param(parametrized("spectral_norm", dim=1), id="spectral_norm dim 1"),
    pytest.param(parametrized("spectral_norm", name="bias"), id="spectral_norm of a vector"),
    pytest.param(hooked("weight_norm"), id="hooked weight_norm"),
    pytest.param(hooked("weight_norm", dim=None), id="hooked weight_norm of everything"),
    pytest.param(hooked("spectral_norm"), id="hooked spectral_norm"),
    pytest.param(hooked("spectral_norm", n_power_iterations=2, dim=1), id="hooked spectral_norm dim 1"),
]


def both(layer: str, apply: Applied) -> tuple[Any, Any]:
    ours, theirs = apply(
        getattr(nn, layer)(*ARGUMENTS[layer]).double(), getattr(torch.nn, layer)(*ARGUMENTS[layer]).double()
    )
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("apply", NORMS)
@pytest.mark.parametrize("layer", ARGUMENTS)
def test_agrees_with_pytorch_over_several_steps_and_when_evaluating(apply: Applied, layer: str) -> None:
    ours, theirs = both(layer, apply)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    for training in (True, True, False):
        ours.train(training), theirs.train(training)
        a, b = pair(X[layer])
        mine, yours = ours(a), theirs(b)
        close(mine, yours, "value")
        weights = rng.normal(size=mine.shape)
        ours.zero_grad(), theirs.zero_grad()
        mine.backward(ag.tensor(weights)), yours.backward(torch.tensor(weights))
        close(a.grad, b.grad, "gradient of the input")
        wanted = dict(theirs.named_parameters())
        for name, parameter in ours.named_parameters():
            close(parameter.grad, wanted[name].grad, f"gradient of {name}")
        for name, value in theirs.state_dict().items():
            close(ours.state_dict()[name], value, name)


def test_two_passes_before_a_backward_keep_their_own_singular_vectors() -> None:
    ours, theirs = both("Linear", parametrized("spectral_norm"))
    a, b = pair(X["Linear"])
    (ours(a) - ours(2 * a)).sum().backward()
    (theirs(b) - theirs(2 * b)).sum().backward()
    close(ours.parametrizations.weight.original.grad, theirs.parametrizations.weight.original.grad, "gradient")


def test_spectral_norm_has_largest_singular_value_one() -> None:
    ag.manual_seed(0)
    layer = parametrizations.spectral_norm(nn.Linear(20, 30), n_power_iterations=50)
    np.testing.assert_allclose(np.linalg.svd(layer.weight.numpy())[1][0], 1, rtol=1e-4)
    start = parametrizations.spectral_norm(nn.Linear(20, 30)).eval()
    np.testing.assert_allclose(np.linalg.svd(start.weight.numpy())[1][0], 1, rtol=0.05)


def test_spectral_norm_of_a_transposed_convolution_takes_axis_1() -> None:
    layer = parametrizations.spectral_norm(nn.ConvTranspose2d(3, 5, 2))
    assert layer.parametrizations["weight"][0]._u.shape == (5,)
    assert nn.utils.spectral_norm(nn.ConvTranspose2d(3, 5, 2)).weight_u.shape == (5,)


def test_weight_norm_starts_from_the_same_weight_and_can_be_assigned() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.numpy().copy()
    parametrizations.weight_norm(layer)
    np.testing.assert_allclose(layer.weight.numpy(), before, rtol=1e-6)
    layer.weight = ag.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
    np.testing.assert_allclose(layer.parametrizations["weight"].original0.numpy(), [[5], [2]])
    np.testing.assert_allclose(layer.weight.numpy(), [[3, 4, 0], [0, 0, 2]], rtol=1e-6)


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_the_hooked_norms_can_be_removed(name: str) -> None:
    layer = nn.Sequential(nn.Linear(3, 2))
    x = ag.tensor(X["Linear"].astype(np.float32))
    getattr(nn.utils, name)(layer[0])
    y = layer(x)
    getattr(nn.utils, f"remove_{name}")(layer.eval()[0])
    assert list(layer.state_dict()) == ["0.bias", "0.weight"]
    np.testing.assert_allclose(layer(x).numpy(), y.numpy(), rtol=1e-5)
    assert layer[0].weight.requires_grad
    with pytest.raises(ValueError, match=f"remove_{name}: 'weight' of Linear is not normalised"):
        getattr(nn.utils, f"remove_{name}")(layer[0])


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        upper = ag.triu(x)
        return upper + ag.triu(x, 1).T


class Exponential(nn.Module):
    def forward(self, x: Any) -> Any:
        return ag.exp(x)

    def right_inverse(self, y: Any) -> Any:
        return ag.log(y)


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return 2 * x

    def right_inverse(self, y: Any) -> Any:
        return y / 2


def test_registered_parametrizations_are_applied_in_order() -> None:
    layer = nn.Linear(3, 3)
    original = layer.weight
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.register_parametrization(layer, "weight", Exponential())
    np.testing.assert_allclose(layer.weight.numpy(), layer.weight.numpy().T)
    assert (layer.weight > 0).all()
    assert parametrize.is_parametrized(layer)
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert not parametrize.is_parametrized(nn.Linear(2, 2))
    assert isinstance(layer, nn.Linear)
    assert list(layer.parameters()) == [layer.bias, original]
    layer(ag.ones(2, 3)).sum().backward()
    assert original.grad is not None
    with pytest.raises(TypeError, match="cannot assign, since Symmetric does not define right_inverse"):
        layer.weight = ag.ones(3, 3)


def test_assignment_goes_back_through_all_of_them() -> None:
    layer = nn.Linear(3, 3)
    layer.weight.write(rng.uniform(1, 2, (3, 3)))
    before = layer.weight.numpy().copy()
    parametrize.register_parametrization(layer, "weight", Exponential())
    np.testing.assert_allclose(layer.weight.numpy(), before, rtol=1e-6)
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_allclose(layer.weight.numpy(), 2 * before, rtol=1e-6)
    layer.weight = ag.tensor(before)
    np.testing.assert_allclose(layer.weight.numpy(), before, rtol=1e-6)
    np.testing.assert_allclose(layer.parametrizations["weight"].original.numpy(), np.log(before / 2), rtol=1e-4)


@pytest.mark.parametrize("leave", [True, False])
def test_removing_a_parametrization(leave: bool) -> None:
    layer = nn.Linear(3, 3)
    original = layer.weight
    plain = original.numpy().copy()
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.register_parametrization(layer, "bias", Doubled())
    value = layer.weight.numpy().copy()
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
    assert layer.weight is original
    np.testing.assert_array_equal(layer.weight.numpy(), value if leave else plain)
    assert repr(layer).startswith("ParametrizedLinear")
    parametrize.remove_parametrizations(layer, "bias")
    assert type(layer) is nn.Linear
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_removing_weight_norm_makes_a_new_parameter() -> None:
    layer = parametrizations.weight_norm(nn.Linear(3, 2))
    value = layer.weight.numpy()
    with pytest.raises(ValueError, match="'weight' is computed from 2 tensors; leave_parametrized=False wants one"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter)
    np.testing.assert_array_equal(layer.weight.numpy(), value)


def test_a_buffer_can_be_parametrized() -> None:
    layer = nn.BatchNorm1d(2)
    parametrize.register_parametrization(layer, "running_mean", Doubled())
    assert "parametrizations.running_mean.original" in layer.state_dict()
    assert "parametrizations.running_mean.original" not in dict(layer.named_parameters())
    parametrize.remove_parametrizations(layer, "running_mean")
    assert "running_mean" in dict(layer.named_buffers())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_copies_are_parametrized_on_their_own(copied: Any, name: str) -> None:
    layer = getattr(parametrizations, name)(nn.Linear(3, 2)).eval()
    other = copied(layer)
    np.testing.assert_array_equal(other.weight.numpy(), layer.weight.numpy())
    assert repr(other) == repr(layer)
    next(iter(layer.parametrizations["weight"].parameters())).write(1.5)
    assert not np.array_equal(other.weight.numpy(), layer.weight.numpy())


def test_float32_stays_float32_and_double_casts_everything() -> None:
    for apply in (parametrizations.weight_norm, parametrizations.spectral_norm):
        layer = apply(nn.Linear(3, 2))
        assert layer.weight.dtype == np.float32
        assert layer.double()(ag.tensor(X["Linear"])).dtype == np.float64


def test_frozen_parameters_stay_frozen() -> None:
    layer = parametrizations.weight_norm(nn.Linear(3, 2).requires_grad_(False))
    assert not any(p.requires_grad for p in layer.parameters())


class Cut(nn.Module):
    def forward(self, x: Any) -> Any:
        return x[:1]

    def right_inverse(self, x: Any) -> Any:
        return x + 1


class Shape(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: parametrize.register_parametrization(m, "gain", Doubled()),
            "Linear has no parameter or buffer 'gain'",
        ),
        (
            lambda m: parametrize.register_parametrization(m, "weight", Cut()),
            r"'weight' of shape \(2, 3\) and dtype float32 would become one of shape \(1, 3\) and dtype float32",
        ),
        (lambda m: parametrize.register_parametrization(m, "weight", Shape()), "has to become a tensor, got tuple"),
        (lambda m: parametrize.remove_parametrizations(m, "weight"), "Linear has no parametrization of 'weight'"),
        (lambda m: parametrizations.spectral_norm(m, "gain"), "spectral_norm: Linear has no parameter 'gain'"),
        (
            lambda m: parametrizations.spectral_norm(m, dim=2),
            r"spectral_norm: a weight of shape \(2, 3\) has no axis 2",
        ),
        (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), "n_power_iterations has to be at least 1"),
        (lambda m: parametrizations.weight_norm(m, dim=2), r"weight_norm: a weight of shape \(2, 3\) has no axis 2"),
        (lambda m: nn.utils.weight_norm(m, "gain"), "weight_norm: Linear has no parameter 'gain'"),
        (lambda m: nn.utils.spectral_norm(m, "bias"), "spectral_norm: wants a weight of at least 2 dimensions"),
    ],
)
def test_errors_leave_the_module_as_it_was(call: Any, message: str) -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.numpy().copy()
    with pytest.raises(ValueError, match=message):
        call(layer)
    np.testing.assert_array_equal(layer.weight.numpy(), before)
    assert type(layer) is nn.Linear
    assert list(layer.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize("normalise", [nn.utils.weight_norm, nn.utils.spectral_norm, parametrizations.weight_norm])
@pytest.mark.parametrize("taken", ["weight_g", "weight_u", "parametrizations"])
def test_names_that_are_taken_leave_the_module_as_it_was(normalise: Any, taken: str) -> None:
    layer = nn.Linear(3, 2)
    setattr(layer, taken, 1)
    weight = layer.weight
    before = weight.numpy().copy()
    try:
        normalise(layer)
    except KeyError:
        assert layer.weight is weight
        np.testing.assert_array_equal(weight.numpy(), before)
    else:
        assert taken not in layer.state_dict()


def test_unsafe_allows_another_shape() -> None:
    layer = parametrize.register_parametrization(nn.Linear(3, 2, bias=False), "weight", Cut(), unsafe=True)
    assert layer(ag.ones(3)).shape == (1,)
    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight.shape == (1, 3)


def test_parameter_dict() -> None:
    parts = nn.ParameterDict({"a": ag.ones(2)})
    parts["b"] = np.zeros((2, 2), np.float32)
    assert list(parts) == list(parts.keys()) == list(parts.state_dict()) == ["a", "b"]
    assert len(parts) == 2
    assert "b" in parts
    assert parts.get("c") is None
    assert [p.shape for p in parts.values()] == [(2,), (2, 2)]
    assert parts.setdefault("a", 5) is parts["a"]
    assert isinstance(parts.setdefault("c", ag.ones(1)), nn.Parameter)
    assert "(a): Parameter float32 of shape (2,)" in repr(parts)
    removed = parts.pop("c")
    del parts["b"]
    assert removed.shape == (1,)
    assert dict(parts.items()) == {"a": parts["a"]}
    assert list(nn.ParameterDict(parts)) == ["a"]
    parts.clear()
    assert repr(parts) == "ParameterDict()"
    with pytest.raises(KeyError):
        parts["training"] = ag.ones(1)
