"""The same LeNet, weights and batches in PyTorch and here give the same losses, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import optim

torch = pytest.importorskip("torch")

STEPS, BATCH = 100, 8

OPTIMIZERS = {
    "SGD with momentum": lambda library, parameters: library.SGD(parameters, lr=0.05, momentum=0.9),
    "Adam": lambda library, parameters: library.Adam(parameters, lr=2e-3),
}


class TorchLeNet5(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.c1 = torch.nn.Conv2d(1, 6, 5)
        self.c3 = torch.nn.Conv2d(6, 16, 5)
        self.c5 = torch.nn.Conv2d(16, 120, 5)
        self.f6 = torch.nn.Linear(120, 84)
        self.output = torch.nn.Linear(84, 10)

    def forward(self, x: Any) -> Any:
        x = torch.nn.functional.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = torch.nn.functional.avg_pool2d(torch.tanh(self.c3(x)), 2)
        return self.output(torch.tanh(self.f6(torch.tanh(self.c5(x)).flatten(1))))


def digits(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Noisy copies of ten patterns: something to learn, without a file."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, (STEPS, BATCH))
    patterns = rng.normal(size=(10, 1, 32, 32))
    return (patterns[labels] + 0.5 * rng.normal(size=(STEPS, BATCH, 1, 32, 32))).astype(dtype), labels


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-3)])
@pytest.mark.parametrize("choice", OPTIMIZERS)
def test_losses_agree(choice: str, dtype: str, tolerance: float) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    theirs = TorchLeNet5().to(getattr(torch, dtype))
    ours = nn.models.LeNet5().to(dtype)
    ours.load_state_dict(theirs.state_dict())
    make: Callable[..., Any] = OPTIMIZERS[choice]
    our_optimizer, their_optimizer = make(optim, ours.parameters()), make(torch.optim, theirs.parameters())
    images, labels = digits(dtype)
    losses = []
    for x, t in zip(images, labels, strict=True):
        loss = nn.functional.cross_entropy(ours(ag.tensor(x)), ag.tensor(t))
        wanted = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(t))
        our_optimizer.zero_grad()
        their_optimizer.zero_grad()
        loss.backward()
        wanted.backward()
        our_optimizer.step()
        their_optimizer.step()
        losses.append((loss.item(), wanted.item()))
    found, expected = np.array(losses).T
    assert expected[-10:].mean() < 0.5 * expected[:10].mean(), "the network did not learn, so this shows nothing"
    np.testing.assert_allclose(found, expected, rtol=tolerance)
