"""Threads that work at the same time, on networks of their own or on one: each gets what it gets alone."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import optim

# Each with the shape of a batch: kernels of every kind that share work, keep scratch memory or leave work for later.
NETWORKS: tuple[tuple[Callable[[], nn.Module], tuple[int, ...]], ...] = (
    (lambda: nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)), (8, 3, 32, 32)),
    (lambda: nn.Sequential(nn.Conv2d(16, 32, 3, groups=4), nn.GELU(), nn.AvgPool2d(2)), (8, 16, 32, 32)),
    (lambda: nn.Sequential(nn.Conv2d(32, 32, 3, groups=32), nn.ConvTranspose2d(32, 4, 2, stride=2)), (8, 32, 24, 24)),
    (lambda: nn.Sequential(nn.Linear(300, 300), nn.LayerNorm(300), nn.SiLU(), nn.Linear(300, 8)), (256, 300)),
    (lambda: nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True), (8, 20, 32)),
)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returns, all of them made at the same time, in a thread each."""
    together = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def work(index: int) -> None:
        together.wait()
        results[index] = calls[index]()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def batch(shape: tuple[int, ...], seed: int) -> ag.Tensor:
    return ag.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def trained(build: Callable[[], nn.Module], start: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """The state after three steps from `start`."""
    model = build()
    model.load_state_dict(start)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for step in range(3):
        optimizer.zero_grad()
        (model(batch(shape, step)) ** 2).mean().backward()
        optimizer.step()
    return {name: np.asarray(value) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_networks_that_train_at_once(threads):
    before = ag.get_num_threads()
    ag.set_num_threads(threads)
    try:
        works = [(build, build().state_dict(), shape) for build, shape in NETWORKS]
        alone = [trained(*work) for work in works]
        together = at_once(*[lambda work=work: trained(*work) for work in works])
    finally:
        ag.set_num_threads(before)
    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize(("build", "shape"), NETWORKS)
def test_one_network_evaluated_by_many_threads(build, shape):
    model = build().eval()
    batches = [batch(shape, seed) for seed in range(4)]

    def evaluated(x: ag.Tensor) -> np.ndarray:
        with ag.no_grad():
            return model(x).numpy()

    alone = [evaluated(x) for x in batches]
    for one, other in zip(alone, at_once(*[lambda x=x: evaluated(x) for x in batches]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_gradients_of_many_threads_add_up_in_one_leaf():
    leaf = ag.zeros(50_000, requires_grad=True)

    def work() -> None:
        for _ in range(20):
            (3 * leaf).sum().backward()

    at_once(*[work] * 4)
    np.testing.assert_array_equal(leaf.grad.numpy(), np.full(50_000, 240.0, np.float32))
