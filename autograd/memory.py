"""Time stamps on written memory, so that a backward pass can tell that an array it needs was changed.

Arrays inside tensors are read-only. Whoever writes into one does it through `writing`, which stamps the memory with the
clock that also numbers the graph's nodes. A node's saved arrays are stale exactly if their memory carries a stamp later
than the node's number; nothing is recorded or compared while the graph is built.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred, owner, settle_readers
from autograd.kernels.forking import anew_in_children

tick: Callable[[], int] = itertools.count(1).__next__

_stamps: dict[int, tuple[int, weakref.ref[Array]]] = {}
latest_write = [0]
# What shapes, axes and the like are made of: a tuple of just these has no arrays to be looked for.
_PLAIN = frozenset({int, bool, str, type(None)})
_lock = threading.RLock()

anew_in_children(globals(), "_lock", threading.RLock)


def freeze(array: Array) -> Array:
    """Make `array` read-only and return it."""
    array.setflags(False)  # type: ignore[call-arg]  # by position, twice as fast
    return array


class writing:  # noqa: N801
    """Unlock a tensor's array for a write in place, and stamp its memory. One thread at a time."""

    __slots__ = ("array", "memory")

    def __init__(self, array: Array) -> None:
        self.array = array
        self.memory = owner(array)

    def __enter__(self) -> Array:
        _lock.acquire()
        try:
            settle_readers(self.memory)
            _stamp(self.memory)
            self.memory.setflags(write=True)
            _unlock(self.array)
        except BaseException:
            self.__exit__()
            raise
        return self.array

    def __exit__(self, *_: object) -> None:
        self.array.setflags(write=False)
        self.memory.setflags(write=False)
        _lock.release()


def _unlock(array: Array) -> None:
    try:
        array.setflags(write=True)
    except ValueError:  # a view that NumPy's as_strided made
        raise ValueError("a view of windows cannot be written through; write into a clone() of it") from None


def overlaps_itself(array: Array) -> bool:
    """Whether two elements of an array may lie in the same memory, as those of a broadcast one do."""
    if array.flags.c_contiguous:
        return False
    reach = 1
    for stride, length in sorted((abs(stride), length) for stride, length in zip(array.strides, array.shape)):
        if length > 1 and stride < reach:
            return True
        reach += stride * (length - 1)
    return False


def _stamp(memory: Array) -> None:
    key = id(memory)
    latest_write[0] = now = tick()
    known = _stamps.get(key)
    reference = known[1] if known and known[1]() is memory else weakref.ref(memory, lambda _: _stamps.pop(key, None))
    _stamps[key] = (now, reference)


def written_since(arrays: Iterable[Any], number: int, until: float = inf) -> bool:
    """Whether any of `arrays` (other objects are passed over) was last written after the clock showed `number`."""
    for array in arrays:
        if isinstance(array, np.ndarray):
            memory = array if array.base is None else owner(array)
            stamp = _stamps.get(id(memory))
            if stamp is not None and number < stamp[0] < until and stamp[1]() is memory:
                return True
        elif isinstance(array, tuple):
            if not _PLAIN.issuperset(map(type, array)) and written_since(array, number, until):
                return True
        elif isinstance(array, Deferred) and written_since(array.sources, number, until):
            return True
    return False
