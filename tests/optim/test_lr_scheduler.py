"""Every schedule against PyTorch's, and saving, loading and errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import optim
from autograd import tensor
from optim import lr_scheduler

torch = pytest.importorskip("torch")

EPOCHS = 50


class Warmup:
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def __call__(self, epoch: int) -> float:
        return min(1.0, (epoch + 1) / self.epochs)


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.9**epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (1 + epoch), Warmup(7), lambda epoch: 2.0]}),
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [3, 10, 10, 30], "gamma": 0.5}),
    ("MultiStepLR", {"milestones": []}),
    ("ExponentialLR", {"gamma": 0.95}),
    ("CosineAnnealingLR", {"T_max": 50}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1, "eta_min": 1e-4}),
]
IDS = [f"{name}{i}" for i, (name, _) in enumerate(SCHEDULES)]

PLATEAUS: list[dict[str, Any]] = [
    {},
    {"patience": 0, "factor": 0.5},
    {"mode": "max", "patience": 2, "cooldown": 3},
    {"threshold_mode": "abs", "threshold": 0.05, "patience": 1},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": 0.01},
    {"patience": 1, "min_lr": [0.01, 0.0, 0.3], "factor": 0.3},
    {"patience": 0, "eps": 0.01},
]


def optimizers() -> tuple[optim.SGD, Any]:
    made = []
    for module, make in ((optim, lambda: tensor([1.0], requires_grad=True)), (torch.optim, lambda: torch.ones(1))):
        groups = [{"params": [make()]}, {"params": [make()], "lr": 0.05}, {"params": [make()], "lr": 1.0}]
        made.append(module.SGD(groups, lr=0.1))
    return made[0], made[1]


def assert_same(a: Any, b: Any) -> None:
    rates = [group["lr"] for group in a.optimizer.param_groups]
    np.testing.assert_allclose(rates, [group["lr"] for group in b.optimizer.param_groups], rtol=1e-12, atol=1e-300)
    assert a.get_last_lr() == rates
    assert a.last_epoch == b.last_epoch


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
def test_values(name: str, options: dict[str, Any]) -> None:
    a, b = (getattr(m, name)(o, **options) for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), optimizers()))
    for _ in range(EPOCHS):
        assert_same(a, b)
        for scheduler in (a, b):
            scheduler.optimizer.step()
            scheduler.step()
    assert_same(a, b)


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
def test_plateau(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    a, b = (m.ReduceLROnPlateau(o, **options) for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), optimizers()))
    metrics = [
        *(np.exp(-np.arange(15) / 5) + 0.1 * rng.normal(size=15)),
        *rng.normal(size=15),
        float("nan"),
        *[1.0] * 20,
    ]
    for i, metric in enumerate(metrics):
        a.step(tensor(metric, dtype=np.float64) if i % 2 else metric)
        b.step(metric)
        assert_same(a, b)
        assert (a.num_bad_epochs, a.cooldown_counter) == (b.num_bad_epochs, b.cooldown_counter)


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
def test_state_dict_goes_on(name: str, options: dict[str, Any]) -> None:
    whole = getattr(lr_scheduler, name)(optimizers()[0], **options)
    first = getattr(lr_scheduler, name)(optimizers()[0], **options)

    def epochs(scheduler: lr_scheduler.LRScheduler, count: int) -> list[list[float]]:
        rates = []
        for _ in range(count):
            scheduler.optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        return rates

    expected = epochs(whole, 30)
    assert epochs(first, 13) == expected[:13]
    second = getattr(lr_scheduler, name)(optimizers()[0], **options)
    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert epochs(second, 17) == expected[13:]


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
def test_going_on_from_a_later_epoch(name: str, options: dict[str, Any]) -> None:
    pair = optimizers()
    for optimizer in pair:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
            group["lr"] *= 0.5
    a, b = (
        getattr(m, name)(o, **options, last_epoch=6) for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), pair)
    )
    for _ in range(20):
        assert_same(a, b)
        for scheduler in (a, b):
            scheduler.optimizer.step()
            scheduler.step()


def test_plateau_state_dict() -> None:
    a = lr_scheduler.ReduceLROnPlateau(optimizers()[0], patience=2)
    b = lr_scheduler.ReduceLROnPlateau(optimizers()[0], mode="max")
    for metric in (1.0, 2.0):
        a.step(metric)
    b.load_state_dict(a.state_dict())
    for metric in (2.0, 2.0):
        a.step(metric)
        b.step(metric)
    assert a.get_last_lr() == b.get_last_lr() != [0.1, 0.05, 1.0]


def test_lambda_objects_are_saved() -> None:
    a = lr_scheduler.LambdaLR(optimizers()[0], [Warmup(5), lambda epoch: 1.0, Warmup(3)])
    state = a.state_dict()
    assert state["lr_lambdas"] == [{"epochs": 5}, None, {"epochs": 3}]
    b = lr_scheduler.LambdaLR(optimizers()[0], [Warmup(1), lambda epoch: 1.0, Warmup(1)])
    b.load_state_dict(state)
    assert [b.lr_lambdas[0].epochs, b.lr_lambdas[2].epochs] == [5, 3]  # type: ignore[attr-defined]


def test_rates_of_an_epoch_that_was_skipped_are_warned_about() -> None:
    scheduler = lr_scheduler.StepLR(optimizers()[0], 1)
    with pytest.warns(UserWarning, match="call optimizer.step\\(\\) first"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: lr_scheduler.StepLR(3, 1), TypeError, "StepLR: wants an Optimizer, got int"),
        (lambda o: lr_scheduler.LambdaLR(None, abs), TypeError, "LambdaLR: wants an Optimizer, got NoneType"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "LambdaLR: got 1 functions for 3 groups"),
        (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "StepLR: wants step_size >= 1, got 0"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError, "CosineAnnealingLR: wants T_max >= 1, got 0"),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.9, last_epoch=3), KeyError, "needs 'initial_lr' in group 0"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "wants factor < 1, got 1.0"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, "up"), ValueError, "wants mode 'min' or 'max', got 'up'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "'rel' or 'abs', got 'x'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "got 1 min_lr for 3 groups"),
        (lambda o: lr_scheduler.StepLR(o, 1).load_state_dict({"gamma": 1}), ValueError, "missing _is_initial"),
    ],
)
def test_errors(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(optimizers()[0])


def test_state_of_other_groups_is_refused() -> None:
    other = optim.SGD([tensor([1.0], requires_grad=True)])
    state = lr_scheduler.StepLR(other, 1).state_dict()
    with pytest.raises(ValueError, match="the optimizer has 3 groups, the state dict 1"):
        lr_scheduler.StepLR(optimizers()[0], 1).load_state_dict(state)
