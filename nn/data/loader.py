"""Batches of a data set: in order or shuffled, loaded on demand or ahead of time in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Any

import numpy as np

from autograd.random import default_generator
from nn.data.collate import fetch
from nn.data.randomness import as_generator, batch_generator


class DataLoader:
    """Iterates over a data set in batches of `batch_size`, as often as wanted; `len(loader)` is the number of batches.

    `dataset` has `__len__` and `__getitem__`. `shuffle` gives each pass a new random order; a `sampler`, an iterable
    of indices, gives its own. `drop_last` leaves out a last batch that is not full. A `batch_sampler`, an iterable of
    lists of indices, says by itself what comes together, and leaves nothing for these four to say. `collate_fn` makes a
    batch of a list of samples; without one, `dataset.get_batch(indices)` is used if there is one, else
    `default_collate`.

    `generator`, a NumPy Generator or a seed, decides the order: the same seed, the same passes. By default it is
    `autograd.random.default_generator()`. Each batch gets a generator of its own, drawn from it, which the random
    transforms use: what is loaded does not depend on `num_workers`, unless a transform was given a generator itself.

    With `num_workers` > 0, that many threads load `prefetch_factor` batches each ahead of time. Batches come in order,
    an exception raised while loading is raised where its batch is due, and the threads end when the iteration does,
    also when it is abandoned. `no_grad` and the like hold in them, too. PyTorch's `pin_memory` and what concerns
    processes do not exist.

    Raises ValueError for numbers out of range and for arguments that exclude each other, TypeError for a data set
    without the two methods and for another `generator`.

    >>> from nn.data import DataLoader, TensorDataset
    >>> data = TensorDataset(tensor([[1.0], [2.0], [3.0]]), tensor([0, 1, 2]))
    >>> for x, y in DataLoader(data, batch_size=2):
    ...     print(x.shape, y)
    (2, 1) tensor([0, 1])
    (1, 1) tensor([2])
    >>> [y.tolist() for x, y in DataLoader(data, batch_sampler=[[2, 0], [1]])]
    [[2, 0], [1]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        generator: np.random.Generator | int | None = None,
        num_workers: int = 0,
        prefetch_factor: int = 2,
        batch_sampler: Iterable[Sequence[int]] | None = None,
    ) -> None:
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("num_workers", num_workers, 0),
            ("prefetch_factor", prefetch_factor, 1),
        ):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise ValueError(f"DataLoader: {name} is an int from {least}, got {value!r}")
        order_given = sampler is not None or batch_sampler is not None
        for method in ("__getitem__",) if order_given else ("__len__", "__getitem__"):
            if not hasattr(dataset, method):
                raise TypeError(f"DataLoader: wants a data set with {method}, got {type(dataset).__name__}")
        if shuffle and sampler is not None:
            raise ValueError("DataLoader: a sampler gives the order itself; it excludes shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "DataLoader: a batch_sampler gives the batches themselves; it excludes batch_size, shuffle, sampler "
                "and drop_last"
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.generator = as_generator(generator, "DataLoader")
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        samples = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        generator = self.generator or default_generator()
        seed = int(generator.integers(2**63))
        if self.batch_sampler is not None:
            batches = self._given(self.batch_sampler)
        elif self.sampler is not None:
            batches = self._batches(self.sampler)
        elif self.shuffle:
            batches = self._batches(generator.permutation(len(self.dataset)).tolist())
        else:
            batches = self._batches(range(len(self.dataset)))
        load = self._prefetched if self.num_workers else self._on_demand
        return load(batches, seed)

    def _batches(self, order: Iterable[int]) -> Iterator[list[int]]:
        rest = iter(order)
        while indices := list(islice(rest, self.batch_size)):
            if len(indices) == self.batch_size or not self.drop_last:
                yield indices

    def _given(self, batch_sampler: Iterable[Any]) -> Iterator[list[int]]:
        for indices in batch_sampler:
            if not isinstance(indices, Iterable):
                raise TypeError(f"DataLoader: a batch_sampler gives lists of indices, got {indices!r}")
            yield list(indices)

    def _on_demand(self, batches: Iterator[list[int]], seed: int) -> Iterator[Any]:
        for i, indices in enumerate(batches):
            yield self._load(indices, seed, i)

    def _prefetched(self, batches: Iterator[list[int]], seed: int) -> Iterator[Any]:
        pool = ThreadPoolExecutor(self.num_workers, thread_name_prefix="DataLoader")
        pending: deque[Future[Any]] = deque()
        jobs = enumerate(batches)
        try:
            while True:
                for i, indices in islice(jobs, self.num_workers * self.prefetch_factor - len(pending)):
                    pending.append(pool.submit(copy_context().run, self._load, indices, seed, i))
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _load(self, indices: list[int], seed: int, batch: int) -> Any:
        with batch_generator(seed, batch):
            return fetch(self.dataset, indices, self.collate_fn)
