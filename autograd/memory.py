"""Time stamps on written memory, so that a backward pass can tell that an array it needs was changed.

Arrays inside tensors are read-only. Whoever writes into one does it through `writing`, which stamps the memory with the
clock that also numbers the graph's nodes. A node's saved arrays are stale exactly if their memory carries a stamp later
than the node's number; nothing is recorded or compared while the graph is built.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.dtypes import Array

tick: Callable[[], int] = itertools.count(1).__next__

_stamps: dict[int, tuple[int, weakref.ref[Array]]] = {}
latest_write = [0]


def owner(array: Array) -> Array:
    """The array that owns the memory which `array` is a view of."""
    base: Any = array
    while (below := getattr(base, "base", None)) is not None:
        base = below
    return base if isinstance(base, np.ndarray) else array


def freeze(array: Array) -> Array:
    """Make `array` read-only and return it."""
    array.setflags(write=False)
    return array


@contextmanager
def writing(array: Array) -> Iterator[Array]:
    """Unlock a tensor's array for a write in place, and stamp its memory."""
    memory = owner(array)
    _stamp(memory)
    memory.setflags(write=True)
    array.setflags(write=True)
    try:
        yield array
    finally:
        array.setflags(write=False)
        memory.setflags(write=False)


def _stamp(memory: Array) -> None:
    key = id(memory)
    latest_write[0] = now = tick()
    known = _stamps.get(key)
    reference = known[1] if known and known[1]() is memory else weakref.ref(memory, lambda _: _stamps.pop(key, None))
    _stamps[key] = (now, reference)


def written_since(arrays: Iterable[Any], number: int) -> bool:
    """Whether any of `arrays` (other objects are passed over) was written after the clock showed `number`."""
    for array in arrays:
        if isinstance(array, tuple) and written_since(array, number):
            return True
        if isinstance(array, np.ndarray):
            memory = owner(array)
            stamp = _stamps.get(id(memory))
            if stamp is not None and stamp[0] > number and stamp[1]() is memory:
                return True
    return False
