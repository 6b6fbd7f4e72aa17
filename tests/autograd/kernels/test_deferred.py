"""Deferred arrays and the memory that they read."""

from __future__ import annotations

import threading

import numpy as np

from autograd.dtypes import Array
from autograd.kernels import deferred
from autograd.kernels.deferred import Deferred, owner, settle_readers
from autograd.kernels.padding import Padded


class Ones(Deferred):
    def compute(self) -> Array:
        return np.ones(self.shape, self.dtype)

    def in_shape(self, shape: tuple[int, ...]) -> Ones:
        return Ones(shape, self.dtype)


def test_in_another_shape_it_waits_on_unless_it_was_computed() -> None:
    x = Ones((2, 3), np.dtype(np.float64))
    assert [y.shape for y in (x.reshape(6), x.reshape(3, 2), x.reshape((3, 2)))] == [(6,), (3, 2), (3, 2)]
    assert isinstance(x.reshape(6), Ones)
    assert not x.computed
    x.array[0] = 5
    np.testing.assert_array_equal(x.reshape(6), [5, 5, 5, 1, 1, 1])
    assert x.reshape(-1).shape == (6,)


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


def test_a_finalizer_may_add_a_reader_while_readers_are_forgotten() -> None:
    x = np.ones(3)
    made = []

    class Last(Padded):
        def __del__(self) -> None:
            made.append(Padded(x, [(1, 1)]))

    for _ in range(1_000):
        Last(x, [(1, 1)])
    settle_readers(x)
    assert len(made) == 1_000
    assert all(reader.computed for reader in made)


def test_readers_of_many_threads_all_settle() -> None:
    x = np.ones(3)
    kept: list[list[Padded]] = [[] for _ in range(4)]

    def make(mine: list[Padded]) -> None:
        for k in range(3_000):
            reader = Padded(x, [(1, 1)])
            if k % 3 == 0:
                mine.append(reader)

    threads = [threading.Thread(target=make, args=(mine,)) for mine in kept]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle_readers(x)
    assert all(reader.computed for mine in kept for reader in mine)


class Waiting(deferred.Deferred):
    def __init__(self, event: threading.Event) -> None:
        super().__init__((1,), np.dtype(float))
        self.event, self.asked = event, threading.Event()

    def compute(self) -> Array:
        self.asked.set()
        assert self.event.wait(30)
        return np.ones(1)


def test_threads_do_not_wait_for_each_others_arrays() -> None:
    never, at_once = threading.Event(), threading.Event()
    at_once.set()
    slow, quick = Waiting(never), Waiting(at_once)
    thread = threading.Thread(target=lambda: slow.array)
    thread.start()
    slow.asked.wait()
    assert quick.array is quick.array  # while the other thread waits
    assert not slow.computed
    never.set()
    thread.join()
    assert slow.array is slow.array
