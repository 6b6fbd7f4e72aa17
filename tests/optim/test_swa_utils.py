"""Averaged models against PyTorch's, in float64, and the statistics of normalisation layers."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import optim
from autograd import tensor
from optim import swa_utils

torch = pytest.importorskip("torch")

STEPS = 50


@pytest.fixture(autouse=True)
def _torch_computes_in_float64() -> Iterator[None]:
    """PyTorch divides by the number of models in its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def models() -> tuple[nn.Module, Any]:
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).double()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
    ).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def train(ours: nn.Module, theirs: Any, rng: np.random.Generator) -> None:
    """Give both models the same new parameters and buffers."""
    state = {
        name: np.asarray(rng.normal(size=value.shape) ** 2 * 10).astype(value.dtype)
        for name, value in ours.state_dict().items()
    }
    ours.load_state_dict(state)
    theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()})


def assert_states_agree(ours: nn.Module, theirs: Any) -> None:
    state = ours.state_dict()
    assert state.keys() == theirs.state_dict().keys()
    for name, value in theirs.state_dict().items():
        # A mean of integers is cut off, which makes of a difference in rounding one of 1.
        atol = 1e-14 if value.dtype.is_floating_point else 1
        np.testing.assert_allclose(state[name].data, value.numpy(), rtol=1e-12, atol=atol, err_msg=name)


def options(module: Any, kind: str) -> dict[str, Any]:
    return {
        "mean": {},
        "swa": {"avg_fn": module.get_swa_avg_fn()},
        "swa multi": {"multi_avg_fn": module.get_swa_multi_avg_fn()},
        "ema": {"avg_fn": module.get_ema_avg_fn(0.9)},
        "ema multi": {"multi_avg_fn": module.get_ema_multi_avg_fn(0.8)},
        "own": {"avg_fn": lambda averaged, current, n: averaged + (current - averaged) / (n + 2)},
    }[kind]


KINDS = ["mean", "swa", "ema", "ema multi", "own"]


# PyTorch's get_swa_multi_avg_fn fails for an integer buffer.
@pytest.mark.parametrize(("kind", "use_buffers"), [*product(KINDS, [False, True]), ("swa multi", False)])
def test_averages(kind: str, use_buffers: bool) -> None:
    ours, theirs = models()
    a = swa_utils.AveragedModel(ours, **options(swa_utils, kind), use_buffers=use_buffers)
    b = torch.optim.swa_utils.AveragedModel(theirs, **options(torch.optim.swa_utils, kind), use_buffers=use_buffers)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        train(ours, theirs, rng)
        a.update_parameters(ours)
        b.update_parameters(theirs)
        assert_states_agree(a, b)
    x = rng.normal(size=(5, 3))
    y, z = a.eval()(tensor(x)), b.eval()(torch.tensor(x))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10)
    train(ours, theirs, rng)
    np.testing.assert_array_equal(a(tensor(x)).data, y.data)


def test_the_mean_is_the_mean() -> None:
    model = nn.Linear(2, 1).double()
    averaged = swa_utils.AveragedModel(model)
    rng = np.random.default_rng(1)
    seen = []
    for _ in range(7):
        seen.append(rng.normal(size=(1, 2)))
        model.weight.write(seen[-1])
        averaged.update_parameters(model)
    np.testing.assert_allclose(averaged.module.weight.data, np.mean(seen, axis=0), rtol=1e-13)
    assert averaged.n_averaged.item() == 7


@pytest.mark.parametrize("use_buffers", [False, True])
def test_state_dict_goes_on(use_buffers: bool) -> None:
    ours, theirs = models()
    a = swa_utils.AveragedModel(ours, use_buffers=use_buffers)
    b = torch.optim.swa_utils.AveragedModel(theirs, use_buffers=use_buffers)
    rng = np.random.default_rng(0)
    for _ in range(5):
        train(ours, theirs, rng)
        b.update_parameters(theirs)
    a.load_state_dict(b.state_dict())
    c = pickle.loads(pickle.dumps(a))
    for _ in range(5):
        train(ours, theirs, rng)
        for averaged, model in ((a, ours), (b, theirs), (c, ours)):
            averaged.update_parameters(model)
    assert_states_agree(a, b)
    assert_states_agree(c, b)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x, 0), lambda x: [x, 0]], ids=["input", "tuple", "list"])
def test_update_bn(wrap: Any) -> None:
    ours, theirs = models()
    rng = np.random.default_rng(0)
    train(ours, theirs, rng)
    ours.eval()
    ours[3].train()
    batches = rng.normal(size=(6, 5, 3)) * np.arange(1, 7)[:, None, None]
    swa_utils.update_bn([wrap(tensor(x)) for x in batches], ours)
    torch.optim.swa_utils.update_bn([wrap(torch.tensor(x)) for x in batches], theirs)
    assert_states_agree(ours, theirs)
    assert ours[1].momentum == 0.1
    assert [module.training for module in ours] == [False, False, False, True]


def test_update_bn_restores_after_an_error_and_leaves_other_models_alone() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2, momentum=0.3)).eval()
    with pytest.raises(ValueError, match=r"."):
        swa_utils.update_bn([ag.ones((2, 3))], model)
    assert (model.training, model[0].training, model[0].momentum) == (False, False, 0.3)
    swa_utils.update_bn(iter(()), nn.Linear(2, 2))


def test_the_whole_recipe() -> None:
    """Train, average the iterates at a high constant rate: the average fits better than the last of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3))
    target = tensor(x @ rng.normal(size=(3, 1)) + 0.3 * rng.normal(size=(64, 1)))
    batches = [(tensor(x[i : i + 4]), target[i : i + 4]) for i in range(0, 64, 4)]
    model = nn.Linear(3, 1).double()
    averaged = optim.swa_utils.AveragedModel(model)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    scheduler = optim.swa_utils.SWALR(optimizer, swa_lr=0.2, anneal_epochs=2)
    for epoch in range(12):
        for inputs, outputs in batches:
            optimizer.zero_grad()
            ((model(inputs) - outputs) ** 2).mean().backward()
            optimizer.step()
        if epoch >= 2:
            averaged.update_parameters(model)
        scheduler.step()
    losses = [((m(tensor(x)) - target) ** 2).mean().item() for m in (averaged, model)]
    assert losses[0] < losses[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: swa_utils.AveragedModel(nn.ReLU(), abs, abs), "AveragedModel: takes avg_fn or multi_avg_fn, got both"),
        (lambda: swa_utils.get_ema_avg_fn(1.5), r"get_ema_avg_fn: wants decay in \[0, 1\], got 1.5"),
        (lambda: swa_utils.get_ema_multi_avg_fn(-0.5), r"wants decay in \[0, 1\], got -0.5"),
    ],
)
def test_errors(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_the_ends_of_decay_are_allowed(decay: float) -> None:
    average = swa_utils.get_ema_avg_fn(decay)(tensor([2.0]), tensor([3.0]), 1)
    assert average.item() == torch.optim.swa_utils.get_ema_avg_fn(decay)(torch.tensor([2.0]), torch.tensor([3.0]), 1)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_update_bn_begins_anew(dimension: int) -> None:
    """The mean of the batches' moments alone, whatever the layer has seen before; nothing is recorded."""
    rng = np.random.default_rng(0)
    layer = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dimension](2).double()
    model = nn.Sequential(layer)
    recording = []
    model.register_forward_hook(lambda *_: recording.append(ag.is_grad_enabled()))
    for _ in range(3):
        model(tensor(100 + rng.normal(size=(4, 2) + (3,) * dimension)))
    batches = rng.normal(size=(5, 6, 2) + (3,) * dimension)
    recording.clear()
    swa_utils.update_bn(map(tensor, batches), model)
    axes = (0, *range(2, dimension + 2))
    np.testing.assert_allclose(layer.running_mean.data, np.mean([b.mean(axes) for b in batches], axis=0))
    np.testing.assert_allclose(layer.running_var.data, np.mean([b.var(axes, ddof=1) for b in batches], axis=0))
    assert recording == [False] * 5
