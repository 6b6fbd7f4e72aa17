"""Optimizers with models: accumulated gradients, groups with their own rates, frozen layers, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import optim
from autograd import Tensor, tensor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4))
Y = RNG.normal(size=(12, 2))

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "Adagrad": optim.Adagrad,
    "RMSprop": optim.RMSprop,
    "Adam": optim.Adam,
    "AdamW": optim.AdamW,
    "Adadelta": optim.Adadelta,
    "Adamax": optim.Adamax,
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "ASGD": optim.ASGD,
    "Adafactor": optim.Adafactor,
    "Muon": lambda p: optim.Muon([w for w in p if w.ndim == 2]),
    "LBFGS": lambda p: optim.LBFGS(p, lr=0.1, max_iter=3),
    "Rprop": optim.Rprop,
}


def make_model(seed: int = 0) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    rng = np.random.default_rng(seed)
    for p in model.parameters():
        p.write(rng.normal(size=p.shape))
    return model


def loss_of(model: nn.Module, rows: slice) -> Tensor:
    return ((model(tensor(X[rows])) - tensor(Y[rows])) ** 2).mean()


def values(model: nn.Module) -> dict[str, Any]:
    return {name: p.data.copy() for name, p in model.named_parameters()}


@pytest.mark.parametrize("parts", [1, 3, 6])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_micro_batches_give_the_step_of_the_whole_batch(name: str, parts: int) -> None:
    """k backward passes of the loss over k add up in the gradients; then one step is that of the whole batch."""
    whole, accumulated = make_model(), make_model()
    a, b = OPTIMIZERS[name](list(whole.parameters())), OPTIMIZERS[name](list(accumulated.parameters()))
    rows = len(X) // parts

    def all_at_once() -> Tensor:
        a.zero_grad()
        loss = loss_of(whole, slice(None))
        loss.backward()
        return loss

    def in_parts() -> float:
        b.zero_grad()
        total = 0.0
        for start in range(0, len(X), rows):
            loss = loss_of(accumulated, slice(start, start + rows)) / parts
            loss.backward()
            total += loss.item()
        return total

    for _ in range(5):
        np.testing.assert_allclose(b.step(in_parts), a.step(all_at_once).item(), rtol=1e-9)
        for p, q in zip(whole.parameters(), accumulated.parameters(), strict=True):
            np.testing.assert_allclose(q.data, p.data, rtol=1e-9, atol=1e-9)


def test_fine_tuning() -> None:
    """A frozen layer stays, a pretrained one moves slowly, a new head fast; the frozen one may be thawed later."""
    backbone, head = make_model(), nn.Linear(2, 2).double()
    model = nn.Sequential(backbone, head)
    backbone[0].requires_grad_(False)
    optimizer = optim.SGD(
        [
            {"params": backbone.parameters(), "lr": 1e-3},
            {"params": head.parameters(), "weight_decay": 0.1},
        ],
        lr=0.1,
    )
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    for rates in ([1e-3, 0.1], [5e-4, 0.05]):
        assert scheduler.get_last_lr() == rates
        before = values(model)
        optimizer.zero_grad()
        loss_of(model, slice(None)).backward()
        assert backbone[0].weight.grad is None
        expected = {
            name: before[name]
            - (rates[1] * (p.grad.data + 0.1 * before[name]) if name.startswith("1.") else rates[0] * p.grad.data)
            for name, p in model.named_parameters()
            if p.grad is not None
        }
        optimizer.step()
        scheduler.step()
        after = values(model)
        assert expected.keys() == {"0.2.weight", "0.2.bias", "1.weight", "1.bias"}
        for name, value in after.items():
            np.testing.assert_allclose(value, expected.get(name, before[name]), rtol=1e-14)
        np.testing.assert_array_equal(after["0.0.weight"], before["0.0.weight"])
    backbone[0].requires_grad_(True)
    before = values(model)
    loss_of(model, slice(None)).backward()
    optimizer.step()
    assert all((values(model)[name] != before[name]).any() for name in before)


def test_muon_for_matrices_and_adamw_for_the_rest() -> None:
    model = make_model()
    optimizers = [
        optim.Muon([p for p in model.parameters() if p.ndim == 2], lr=0.02, weight_decay=0.0),
        optim.AdamW([p for p in model.parameters() if p.ndim != 2], lr=0.02),
    ]
    losses = []
    for _ in range(60):
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = loss_of(model, slice(None))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_checkpoint_goes_on_as_if_nothing_had_happened(name: str) -> None:
    def run(model: nn.Module, optimizer: optim.Optimizer, scheduler: Any, steps: int) -> None:
        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = loss_of(model, slice(None))
            loss.backward()
            return loss

        for _ in range(steps):
            optimizer.step(closure)
            scheduler.step()

    def make() -> tuple[nn.Module, optim.Optimizer, Any]:
        model = make_model()
        optimizer = OPTIMIZERS[name](list(model.parameters()))
        warmup = optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=4)
        decay = optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
        return model, optimizer, optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], [4])

    whole = make()
    run(*whole, 20)
    first, second = make(), make()
    run(*first, 9)
    for part, saved in zip(second, first, strict=True):
        part.load_state_dict(saved.state_dict())
    run(*second, 11)
    for p, q in zip(whole[0].parameters(), second[0].parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_steps_are_not_recorded() -> None:
    model = make_model()
    optimizer = optim.Adam(model.parameters())
    with ag.no_grad():
        optimizer.step(lambda: loss_of(model, slice(None)).backward())
    assert all(p.is_leaf and p.requires_grad for p in model.parameters())
