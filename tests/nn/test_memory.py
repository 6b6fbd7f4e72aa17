"""A training loop holds on to nothing, with the cyclic garbage collector switched off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = """
import gc, resource
import numpy as np
import autograd as ag, nn, optim

rng = np.random.default_rng(0)
net = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.1), nn.Linear(36, 3)
)
optimizer = optim.Adam(net.parameters())
images, labels = ag.tensor(rng.normal(size=(16, 1, 8, 8)).astype(np.float32)), ag.tensor(rng.integers(0, 3, 16))

def measured(steps):
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(gc.get_objects())

gc.collect()
gc.disable()
print(*measured(10), *measured(990), gc.collect())
"""


def test_a_thousand_steps_end_with_the_memory_of_the_tenth() -> None:
    """Peak memory of a process of its own, and the number of Python objects that could hold others."""
    pytest.importorskip("resource", reason="wants POSIX to measure memory")
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", TRAINING], cwd=root, capture_output=True, text=True, check=True)
    tenth, objects_then, last, objects_now, circles = map(int, run.stdout.split())
    assert last < 1.05 * tenth, f"peak memory: {tenth} after 10 steps, {last} after 1,000"
    assert objects_now < objects_then + 100
    assert circles == 0
