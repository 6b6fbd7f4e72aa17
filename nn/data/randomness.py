"""Where shuffling and random transforms draw from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from autograd.random import default_generator

_of_this_batch: ContextVar[np.random.Generator | None] = ContextVar("generator of this batch", default=None)


def current_generator(generator: np.random.Generator | None = None) -> np.random.Generator:
    """`generator` if given; inside a DataLoader the one of the batch being loaded; elsewhere the default one."""
    return generator or _of_this_batch.get() or default_generator()


@contextmanager
def batch_generator(seed: int, batch: int) -> Iterator[None]:
    """Draw from a generator of its own while a batch is loaded, so that the result is the same in any thread."""
    token = _of_this_batch.set(np.random.default_rng((seed, batch)))
    try:
        yield
    finally:
        _of_this_batch.reset(token)


def as_generator(generator: np.random.Generator | int | None, who: str) -> np.random.Generator | None:
    """A generator from one, from a seed, or None from None. Raises TypeError for anything else."""
    if generator is None or isinstance(generator, np.random.Generator):
        return generator
    if isinstance(generator, (int, np.integer)) and not isinstance(generator, bool):
        return np.random.default_rng(generator)
    raise TypeError(f"{who}: generator is a numpy.random.Generator or an int seed, got {type(generator).__name__}")
