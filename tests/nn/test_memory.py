"""A training loop holds on to nothing, with the cyclic garbage collector switched off."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np

import autograd as ag
import nn
import optim


def test_a_thousand_steps_end_with_the_memory_of_the_tenth() -> None:
    rng = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(18, 3),
    )
    optimizer = optim.Adam(net.parameters())
    images, labels = ag.tensor(rng.normal(size=(4, 1, 8, 8)).astype(np.float32)), ag.tensor(rng.integers(0, 3, 4))

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()

    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(10):
            step()
        tenth = tracemalloc.get_traced_memory()[0]
        for _ in range(990):
            step()
        last = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert last < 1.05 * tenth, f"{tenth} bytes after 10 steps, {last} after 1,000"
