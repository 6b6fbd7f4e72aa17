"""Every schedule against PyTorch's, and saving, loading and errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import optim
from autograd import tensor
from optim import lr_scheduler, swa_utils

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
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.9 + 0.01 * (epoch % 3)}),
    ("MultiplicativeLR", {"lr_lambda": [lambda epoch: 1 / epoch**0.1, Warmup(7), lambda epoch: 1.0]}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.7, "total_iters": 9}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.9, "end_factor": 0.0, "total_iters": 30}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 45, "power": 2.5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.5, "step_size_up": 4}),
    ("CyclicLR", {"base_lr": [0.01, 0.1, 0.2], "max_lr": [0.1, 1, 1], "step_size_up": 5, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 3, "step_size_down": 8, "mode": "exp_range"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 6, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 6, "scale_fn": lambda x: 1 / (1 + x)}),
    (
        "CyclicLR",
        {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 6, "scale_fn": Warmup(20), "scale_mode": "iterations"},
    ),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 6, "base_momentum": [0.5, 0.6, 0.7]}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 6, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 60}),
    ("OneCycleLR", {"max_lr": [1.0, 2.0, 0.5], "epochs": 6, "steps_per_epoch": 9, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 50, "three_phase": True, "pct_start": 0.4}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 57, "three_phase": True, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 55, "pct_start": 0.5, "div_factor": 5, "final_div_factor": 10}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 55, "base_momentum": 0.3, "max_momentum": [0.5, 0.6, 0.7]}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 55, "cycle_momentum": False, "pct_start": 0.0}),
    ("SWALR", {"swa_lr": 0.02}),
    ("SWALR", {"swa_lr": [0.02, 0.3, 0.1], "anneal_epochs": 7, "anneal_strategy": "linear"}),
    ("SWALR", {"swa_lr": 0.02, "anneal_epochs": 0}),
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


def optimizers(kind: str = "SGD") -> tuple[Any, Any]:
    made = []
    for module, make in ((optim, lambda: tensor([1.0], requires_grad=True)), (torch.optim, lambda: torch.ones(1))):
        groups = [{"params": [make()]}, {"params": [make()], "lr": 0.05}, {"params": [make()], "lr": 1.0}]
        made.append(getattr(module, kind)(groups, lr=0.1))
    return made[0], made[1]


def assert_same(a: Any, b: Any) -> None:
    rates = [group["lr"] for group in a.optimizer.param_groups]
    np.testing.assert_allclose(rates, [group["lr"] for group in b.optimizer.param_groups], rtol=1e-12, atol=1e-15)
    assert a.get_last_lr() == rates
    assert getattr(a, "last_epoch", None) == getattr(b, "last_epoch", None)
    for option in {"momentum", "betas"} & a.optimizer.defaults.keys():
        ours, theirs = ([group[option] for group in s.optimizer.param_groups] for s in (a, b))
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def makers(name: str) -> tuple[Any, Any]:
    ours, theirs = (swa_utils, torch.optim.swa_utils) if name == "SWALR" else (lr_scheduler, torch.optim.lr_scheduler)
    return getattr(ours, name), getattr(theirs, name)


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
def test_values(name: str, options: dict[str, Any]) -> None:
    a, b = (make(o, **options) for make, o in zip(makers(name), optimizers()))
    follow(a, b, EPOCHS)


def follow(a: Any, b: Any, epochs: int) -> None:
    for _ in range(epochs):
        assert_same(a, b)
        for scheduler in (a, b):
            scheduler.optimizer.step()
            scheduler.step()
    assert_same(a, b)


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_first_betas_go_up_and_down(name: str) -> None:
    options = {"total_steps": 50} if name == "OneCycleLR" else {"base_lr": 0.1, "step_size_up": 7}
    a, b = (make(o, max_lr=1.0, **options) for make, o in zip(makers(name), optimizers("Adam")))
    follow(a, b, EPOCHS)


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
    make = makers(name)[0]
    whole, first = make(optimizers()[0], **options), make(optimizers()[0], **options)

    def epochs(scheduler: lr_scheduler.LRScheduler, count: int) -> list[list[float]]:
        rates = []
        for _ in range(count):
            scheduler.optimizer.step()
            scheduler.step()
            rates.append(scheduler.get_last_lr())
        return rates

    expected = epochs(whole, 30)
    assert epochs(first, 13) == expected[:13]
    second = make(optimizers()[0], **options)
    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert epochs(second, 17) == expected[13:]


# PyTorch takes the epochs since the last restart modulo the first period, whatever T_mult is.
@pytest.mark.parametrize(("name", "options"), [s for s in SCHEDULES if s[1].get("T_mult", 1) == 1])
def test_going_on_from_a_later_epoch(name: str, options: dict[str, Any]) -> None:
    pair = optimizers()
    for optimizer in pair:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
            group["lr"] *= 0.5
            group.update(max_lr=2.0, min_lr=0.01, max_momentum=0.9, base_momentum=0.7)
    a, b = (make(o, **options, last_epoch=6) for make, o in zip(makers(name), pair))
    follow(a, b, 20)


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
def test_torchs_state_dict_is_understood(name: str, options: dict[str, Any]) -> None:
    ours, theirs = makers(name)
    pair = optimizers()
    b = theirs(pair[1], **options)
    for _ in range(11):
        pair[1].step()
        b.step()
    a = ours(pair[0], **options)
    a.load_state_dict(b.state_dict())
    pair[0].load_state_dict(pair[1].state_dict())
    follow(a, b, 20)


def chain(m: Any, o: Any) -> Any:
    return m.ChainedScheduler([m.ConstantLR(o, 0.1, 5), m.ExponentialLR(o, 0.9), m.StepLR(o, 7)], o)


def warm_up_and_anneal(m: Any, o: Any) -> Any:
    return m.SequentialLR(o, [m.LinearLR(o, 0.1, total_iters=8), m.CosineAnnealingLR(o, 20)], [8])


def every_kind(m: Any, o: Any) -> Any:
    schedulers = [
        m.PolynomialLR(o, 10),
        m.ConstantLR(o, 0.5, 3),
        m.MultiStepLR(o, [0, 2], 0.5),
        m.MultiplicativeLR(o, lambda epoch: 0.9 - 0.05 * epoch),
        m.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
        m.StepLR(o, 2),
        m.ExponentialLR(o, 0.8),
        m.CosineAnnealingWarmRestarts(o, 3),
        m.CyclicLR(o, 0.1, 1.0, 3),
        m.LinearLR(o),
    ]
    return m.SequentialLR(o, schedulers, list(range(6, 60, 6)))


def one_cycle_last(m: Any, o: Any) -> Any:
    return m.SequentialLR(o, [m.LinearLR(o), m.OneCycleLR(o, 1.0, 46)], [5])


def begins_at_once(m: Any, o: Any) -> Any:
    return m.SequentialLR(o, [m.ConstantLR(o, 0.5), m.ExponentialLR(o, 0.9)], [0])


def sequence_in_a_chain(m: Any, o: Any) -> Any:
    return m.ChainedScheduler([warm_up_and_anneal(m, o), m.ExponentialLR(o, 0.95)])


COMPOSITES = [chain, warm_up_and_anneal, every_kind, one_cycle_last, begins_at_once, sequence_in_a_chain]


@pytest.mark.parametrize("make", COMPOSITES)
def test_composites(make: Any) -> None:
    a, b = (make(m, o) for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), optimizers()))
    follow(a, b, EPOCHS)


@pytest.mark.parametrize("source", ["ours", "torch"])
@pytest.mark.parametrize("make", COMPOSITES)
@pytest.mark.parametrize("epochs", [0, 4, 8, 23])
def test_state_dicts_of_composites(make: Any, epochs: int, source: str) -> None:
    a, b = (make(m, o) for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), optimizers()))
    follow(a, b, epochs)
    fresh = make(lr_scheduler, optimizers()[0])
    saved = a if source == "ours" else b
    fresh.load_state_dict(saved.state_dict())
    fresh.optimizer.load_state_dict(saved.optimizer.state_dict())
    follow(fresh, b, 20)


def test_nested_sequences() -> None:
    """PyTorch fails for these; each part starts at its epoch 0 from the initial rates."""
    optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    optimizer.step()
    m = lr_scheduler
    first = m.SequentialLR(optimizer, [m.ConstantLR(optimizer, 0.5, 9), m.ExponentialLR(optimizer, 0.5)], [2])
    second = m.ChainedScheduler([m.ExponentialLR(optimizer, 0.1), m.ConstantLR(optimizer, 0.5, 2)])
    third = m.SequentialLR(optimizer, [m.LinearLR(optimizer, 0.5, total_iters=2), m.StepLR(optimizer, 1, 0.1)], [2])
    scheduler = m.SequentialLR(optimizer, [first, second, third], [4, 7])
    rates = []
    for _ in range(12):
        rates += scheduler.get_last_lr()
        scheduler.step()
    np.testing.assert_allclose(rates, [0.5, 0.5, 1, 0.5, 0.5, 0.05, 0.01, 0.5, 0.75, 1, 0.1, 0.01], rtol=1e-12)


@pytest.mark.parametrize("options", [{"T_0": 5}, {"T_0": 3, "T_mult": 2}], ids=str)
def test_warm_restarts_at_fractions_of_epochs(options: dict[str, Any]) -> None:
    a, b = (make(o, **options) for make, o in zip(makers("CosineAnnealingWarmRestarts"), optimizers()))
    for epoch in np.arange(0, 30, 0.25).tolist():
        a.step(epoch)
        b.step(epoch)
        assert_same(a, b)
    for _ in range(10):
        a.step()
        b.step()
        assert_same(a, b)


def test_warm_restarts_go_on_from_a_later_epoch() -> None:
    whole = lr_scheduler.CosineAnnealingWarmRestarts(optimizers()[0], 3, T_mult=2)
    for _ in range(12):
        whole.step()
    optimizer = optimizers()[0]
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    second = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, T_mult=2, last_epoch=11)
    for _ in range(20):
        np.testing.assert_allclose(second.get_last_lr(), whole.get_last_lr(), rtol=1e-14)
        whole.step()
        second.step()


def test_one_cycle_ends() -> None:
    scheduler = lr_scheduler.OneCycleLR(optimizers()[0], 1.0, total_steps=3)
    scheduler.optimizer.step()
    for _ in range(3):
        scheduler.step()
    with pytest.raises(ValueError, match="OneCycleLR: step 4 of a schedule of 3 steps"):
        scheduler.step()


def test_one_cycle_without_room_to_rise_starts_at_the_top() -> None:
    scheduler = lr_scheduler.OneCycleLR(optimizers()[0], 1.0, total_steps=10, pct_start=0.1)
    assert scheduler.get_last_lr() == [1.0] * 3


def test_scale_function_objects_are_saved() -> None:
    a, b = (lr_scheduler.CyclicLR(optimizers()[0], 0.1, 1.0, scale_fn=Warmup(n)) for n in (5, 1))
    b.load_state_dict(a.state_dict())
    assert b._scale_fn_custom.epochs == 5


def test_plateau_at_its_bounds() -> None:
    a, b = (
        m.ReduceLROnPlateau(o, "max", 0.5, patience=0, threshold=0.1, eps=0.05)
        for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), optimizers())
    )
    assert a.get_last_lr() == b.get_last_lr() == [0.1, 0.05, 1.0]
    for metric in (1.0, 1.15, 1.2):
        a.step(metric)
        b.step(metric)
        assert_same(a, b)


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


def test_plateau_state_dict_knows_a_group_that_has_joined_since_the_last_step() -> None:
    optimizer = optimizers()[0]
    a = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    a.step(1.0)
    optimizer.add_param_group({"params": [tensor([1.0], requires_grad=True)], "lr": 0.4})
    state = a.state_dict()
    assert state["_last_lr"] == [0.1, 0.05, 1.0, 0.4]
    a.load_state_dict(state)
    a.step(2.0)
    assert a.get_last_lr() == [0.05, 0.025, 0.5, 0.2]


def test_torchs_plateau_state_dict_is_understood() -> None:
    a, b = (m.ReduceLROnPlateau(o, patience=1) for m, o in zip((lr_scheduler, torch.optim.lr_scheduler), optimizers()))
    for metric in (1.0, 2.0):
        b.step(metric)
    a.load_state_dict(b.state_dict())
    for metric in (3.0, 2.5, 2.0, 0.5):
        a.step(metric)
        b.step(metric)
        assert_same(a, b)


def test_lambda_objects_are_saved() -> None:
    a = lr_scheduler.LambdaLR(optimizers()[0], [Warmup(5), lambda epoch: 1.0, Warmup(3)])
    state = a.state_dict()
    assert state["lr_lambdas"] == [{"epochs": 5}, None, {"epochs": 3}]
    b = lr_scheduler.LambdaLR(optimizers()[0], [Warmup(1), lambda epoch: 1.0, Warmup(1)])
    b.load_state_dict(state)
    assert [b.lr_lambdas[0].epochs, b.lr_lambdas[2].epochs] == [5, 3]  # type: ignore[attr-defined]


def test_a_step_of_ones_own_counts() -> None:
    class Own(optim.SGD):
        def step(self, closure: Any = None) -> None:
            """Nothing."""

    optimizer = Own([tensor([1.0], requires_grad=True)], lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()
    assert Own.step.__doc__ == "Nothing."


def test_rates_of_an_epoch_that_was_skipped_are_warned_about() -> None:
    scheduler = lr_scheduler.StepLR(optimizers()[0], 1)
    with pytest.warns(UserWarning, match="call optimizer.step\\(\\) first"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def adagrad() -> optim.Optimizer:
    return optim.Adagrad([tensor([1.0], requires_grad=True)])


def step(optimizer: optim.Optimizer) -> lr_scheduler.StepLR:
    return lr_scheduler.StepLR(optimizer, 1)


def plateau(optimizer: optim.Optimizer) -> lr_scheduler.ReduceLROnPlateau:
    return lr_scheduler.ReduceLROnPlateau(optimizer)


def chain_of(optimizer: optim.Optimizer, count: int) -> lr_scheduler.ChainedScheduler:
    return lr_scheduler.ChainedScheduler([step(optimizer) for _ in range(count)])


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
        (lambda o: lr_scheduler.MultiplicativeLR(o, 0.9), TypeError, "wants functions of the epoch, got float"),
        (lambda o: lr_scheduler.MultiplicativeLR(o, [abs]), ValueError, "got 1 functions for 3 groups"),
        (lambda o: lr_scheduler.ConstantLR(o, 0.0), ValueError, r"ConstantLR: wants factor in \(0, 1\], got 0.0"),
        (lambda o: lr_scheduler.ConstantLR(o, total_iters=0), ValueError, "ConstantLR: wants total_iters >= 1, got 0"),
        (lambda o: lr_scheduler.LinearLR(o, 2.0), ValueError, r"LinearLR: wants start_factor in \(0, 1\], got 2.0"),
        (lambda o: lr_scheduler.LinearLR(o, 1, -1), ValueError, r"LinearLR: wants end_factor in \[0, 1\], got -1"),
        (lambda o: lr_scheduler.PolynomialLR(o, 0), ValueError, "PolynomialLR: wants total_iters >= 1, got 0"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "an integer T_0 >= 1, got 0"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1, 1.5), ValueError, "an integer T_mult >= 1, got 1.5"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError, "an epoch >= 0, got -1"),
        (lambda o: lr_scheduler.CyclicLR(3, 1, 2), TypeError, "CyclicLR: wants an Optimizer, got int"),
        (lambda o: lr_scheduler.CyclicLR(o, 1, 2, 0), ValueError, "step_size_up and step_size_down > 0, got 0 and 0"),
        (lambda o: lr_scheduler.CyclicLR(o, 1, 2, 3, 0), ValueError, "and step_size_down > 0, got 3 and 0"),
        (lambda o: lr_scheduler.CyclicLR(o, 1, 2, mode="x"), ValueError, "CyclicLR: wants mode .*, got 'x'"),
        (lambda o: lr_scheduler.CyclicLR(o, 1, 2, scale_mode="x"), ValueError, "'cycle' or 'iterations', got 'x'"),
        (lambda o: lr_scheduler.CyclicLR(o, 1, [2]), ValueError, "CyclicLR: got 1 max_lr for 3 groups"),
        (lambda o: lr_scheduler.CyclicLR(adagrad(), 1, 2), ValueError, "an optimizer with momentum or betas, got Adag"),
        (lambda o: lr_scheduler.OneCycleLR(3, 1, 9), TypeError, "OneCycleLR: wants an Optimizer, got int"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1), ValueError, "wants total_steps, or epochs and steps_per_epoch"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, 0), ValueError, "an integer total_steps >= 1, got 0"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, None, 2, 0.5), ValueError, "integer steps_per_epoch >= 1, got 0.5"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, 9, pct_start=2), ValueError, r"pct_start in \[0, 1\], got 2"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, 9, anneal_strategy="x"), ValueError, "'cos' or 'linear', got 'x'"),
        (lambda o: lr_scheduler.OneCycleLR(adagrad(), 1, 9), ValueError, "OneCycleLR: cycle_momentum wants"),
        (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "wants at least one scheduler, got none"),
        (lambda o: lr_scheduler.SequentialLR(o, [3], []), TypeError, "scheduler 0 is no LRScheduler but of type int"),
        (lambda o: lr_scheduler.SequentialLR(o, [step(o)], [2]), ValueError, "got 1 milestones for 1 schedulers"),
        (lambda o: lr_scheduler.SequentialLR(adagrad(), [step(o)], []), ValueError, "a StepLR, is for another optimi"),
        (lambda o: lr_scheduler.SequentialLR(o, [step(o)] * 3, [5, 2]), ValueError, r"ascending order, got \[5, 2\]"),
        (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "ChainedScheduler: wants at least one scheduler"),
        (lambda o: lr_scheduler.ChainedScheduler([step(o), step(adagrad())]), ValueError, "scheduler 1, a StepLR"),
        (lambda o: lr_scheduler.ChainedScheduler([plateau(o)]), ValueError, "is a ReduceLROnPlateau, whose step wants"),
        (lambda o: chain_of(o, 2).load_state_dict(chain_of(o, 1).state_dict()), ValueError, "has 2 sched.* dict 1"),
        (lambda o: swa_utils.SWALR(o, [0.1]), ValueError, "SWALR: got 1 swa_lr for 3 groups"),
        (lambda o: swa_utils.SWALR(o, 0.1, -1), ValueError, "SWALR: wants an integer anneal_epochs >= 0, got -1"),
        (lambda o: swa_utils.SWALR(o, 0.1, anneal_strategy="x"), ValueError, "SWALR: .* 'cos' or 'linear', got 'x'"),
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


@pytest.mark.parametrize("start", [1.0, 1 / 3, 0.1])
def test_linear_comes_to_0_and_no_further(start: float) -> None:
    for total in range(1, 30):
        p = tensor([1.0], requires_grad=True)
        optimizer = optim.SGD([p], lr=1.0)
        scheduler = lr_scheduler.LinearLR(optimizer, start, 0.0, total)
        for _ in range(total):
            optimizer.step()
            scheduler.step()
        assert 0 <= optimizer.param_groups[0]["lr"] < 1e-12
        optim.SGD([p], lr=1.0).load_state_dict(optimizer.state_dict())


def test_a_step_that_raises_does_not_count() -> None:
    optimizer = optimizers()[0]
    optimizer.step()
    cycle = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=2)
    whole = lr_scheduler.SequentialLR(optimizer, [cycle], [])
    whole.step()
    whole.step()
    before = whole.state_dict()
    for _ in range(3):
        with pytest.raises(ValueError, match="step 3 of a schedule of 2 steps"):
            whole.step()
    assert whole.state_dict() == before


@pytest.mark.parametrize("kind", ["ChainedScheduler", "SequentialLR"])
def test_a_state_that_does_not_fit_changes_nothing(kind: str) -> None:
    def made(gamma: float) -> Any:
        optimizer = optimizers()[0]
        parts = [lr_scheduler.ExponentialLR(optimizer, gamma), lr_scheduler.StepLR(optimizer, 3, gamma)]
        return chained(parts) if kind == "ChainedScheduler" else lr_scheduler.SequentialLR(optimizer, parts, [2])

    chained = lr_scheduler.ChainedScheduler
    mine, state = made(0.9), made(0.5).state_dict()
    before = mine.state_dict()
    del state["_schedulers"][1]["step_size"]
    with pytest.raises(ValueError, match=r"StepLR.load_state_dict: missing step_size"):
        mine.load_state_dict(state)
    assert mine.state_dict() == before


class Slotted:
    __slots__ = ()

    def __call__(self, epoch: float) -> float:
        return 0.5


def test_attributes_for_what_has_none() -> None:
    for make in (
        lambda f: lr_scheduler.LambdaLR(optimizers()[0], f),
        lambda f: lr_scheduler.CyclicLR(optimizers()[0], 0.1, 1.0, scale_fn=f),
    ):
        mine, state = make(Slotted()), make(Warmup(3)).state_dict()
        with pytest.raises(ValueError, match=r"the state dict has epochs for .* has no attributes"):
            mine.load_state_dict(state)
        mine.optimizer.step()
        mine.step()
