"""What is timed: each workload gives the same step in this library and in PyTorch, from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

import autograd as ag
import nn
import optim

Step = Callable[[], float]


class Workload(NamedTuple):
    """`make` returns one step of ours and one of PyTorch's, each returning its loss; `limit` is the ratio aimed at."""

    name: str
    make: Callable[[], tuple[Step, Step]]
    limit: float


def chain(nodes: int = 7_500) -> tuple[Step, Step]:
    """`nodes` operations on four elements, one after another, forward and backward."""
    start, scale = np.linspace(0.1, 0.4, 4, dtype=np.float32), np.full(4, 0.5, np.float32)

    def ours() -> float:
        x, w = ag.tensor(start, requires_grad=True), ag.tensor(scale, requires_grad=True)
        h = x
        for _ in range(nodes // 3):
            h = ag.sin(h * w + x)
        loss = h.sum()
        loss.backward()
        return float(loss.item())

    def theirs() -> float:
        x, w = torch.tensor(start, requires_grad=True), torch.tensor(scale, requires_grad=True)
        h = x
        for _ in range(nodes // 3):
            h = torch.sin(h * w + x)
        loss = h.sum()
        loss.backward()
        return loss.item()

    return ours, theirs


def mlp(batch: int = 128) -> tuple[Step, Step]:
    """A training step of a 784-512-512-10 network with SGD."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, 784)).astype(np.float32)
    labels = rng.integers(0, 10, batch)
    torch.manual_seed(0)
    their_model = torch.nn.Sequential(
        torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)
    )
    our_model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    our_model.load_state_dict({k: ag.tensor(v.numpy()) for k, v in their_model.state_dict().items()})
    our_sgd = optim.SGD(our_model.parameters(), lr=0.01)
    their_sgd = torch.optim.SGD(their_model.parameters(), lr=0.01)
    our_input, our_target = ag.tensor(images), ag.tensor(labels)
    their_input, their_target = torch.tensor(images), torch.tensor(labels)

    def ours() -> float:
        our_sgd.zero_grad()
        loss = nn.functional.cross_entropy(our_model(our_input), our_target)
        loss.backward()
        our_sgd.step()
        return float(loss.item())

    def theirs() -> float:
        their_sgd.zero_grad()
        loss = torch.nn.functional.cross_entropy(their_model(their_input), their_target)
        loss.backward()
        their_sgd.step()
        return loss.item()

    return ours, theirs


WORKLOADS = [
    Workload("chain of 7,500 four-element ops", chain, limit=1.0),
    Workload("MLP 784-512-512-10, batch 128, SGD", mlp, limit=1.2),
]
