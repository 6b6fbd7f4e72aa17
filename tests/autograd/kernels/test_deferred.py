"""Deferred arrays and the memory that they read."""

from __future__ import annotations

import numpy as np

from autograd.kernels import deferred
from autograd.kernels.deferred import owner, settle_readers
from autograd.kernels.padding import Padded


def test_the_owner_of_memory() -> None:
    x = np.zeros((3, 4))
    foreign = np.frombuffer(bytearray(16), np.float32)
    assert owner(x) is x
    assert owner(x[1:].T) is x
    assert owner(foreign) is foreign
    assert owner(foreign[1:]) is foreign


def test_readers_settle_before_what_they_read_is_written() -> None:
    x, other = np.ones(3), np.ones(3)
    reader, unconcerned = Padded(x[1:], [(1, 0)]), Padded(other, [(1, 0)])
    settle_readers(x)
    assert reader.computed
    assert not unconcerned.computed
    x[:] = 7
    np.testing.assert_array_equal(reader.array, [0, 1, 1])


def test_readers_that_are_gone_are_forgotten() -> None:
    x = np.ones(3)
    kept = [Padded(x, [(1, 1)]) for _ in range(200)]
    for _ in range(5_000):
        Padded(x, [(1, 1)])
    assert 200 <= len(deferred._readers.known) <= 1_000
    settle_readers(x)
    assert all(reader.computed for reader in kept)
