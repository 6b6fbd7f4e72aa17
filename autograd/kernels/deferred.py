"""Arrays that are not computed before somebody looks at them.

A cotangent that the next step can use better than its elements, such as that of sliding windows, which is as many times
as large as a window has elements, flows on as a description of itself. For everything else it stands for its array.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any
from weakref import ref

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.forking import anew_in_children
from autograd.kernels.once import once

# The ids of memory that is to be read, and of some that was read before: most of what is written into, nobody reads.
_read: set[int] = set()
MANY_READ, FEW_READERS = 4096, 64


class _Readers:
    """Those that have to settle before what they read is written into, as long as somebody else keeps them.

    Any thread may add one at any time, also from a finalizer that runs while another is added: nobody waits for a lock.
    """

    def __init__(self) -> None:
        self.known: list[ref[Deferred]] = []
        self.most = FEW_READERS  # that are known, before those are forgotten that are gone
        self.forgetting = threading.Lock()

    def add(self, reader: Deferred) -> None:
        self.known.append(ref(reader))
        if len(self.known) > self.most and self.forgetting.acquire(blocking=False):
            try:
                before = self.known.copy()
                self.known[: len(before)] = left = [known for known in before if known() is not None]
                self.most = max(FEW_READERS, 2 * len(left))
            finally:
                self.forgetting.release()

    def __iter__(self) -> Iterator[Deferred]:
        for known in self.known[::-1]:  # the last first: what follows another may settle both
            reader = known()
            if reader is not None:
                yield reader


_readers = _Readers()
anew_in_children(vars(_readers), "forgetting", threading.Lock)


def owner(array: Array) -> Array:
    """The array that owns the memory which `array` is a view of."""
    below: Any = array.base
    while below is not None:
        if isinstance(below, np.ndarray):
            array = below
        below = getattr(below, "base", None)
    return array


def reads(reader: Deferred) -> None:
    """Remember that it reads its sources."""
    _readers.add(reader)  # first: `settle_readers` may be about to look for what is read
    may_be_read(*reader.sources)


def may_be_read(*arrays: Array) -> None:
    """Remember that these may be among the sources of those that are not settled."""
    for array in arrays:
        _read.add(id(array if array.base is None else owner(array)))


def settle_readers(memory: Array) -> None:
    """Have those settle that are going to read this memory. One thread at a time."""
    global _read
    if len(_read) > MANY_READ:
        _read = set()  # first: others may be adding to it
        for reader in _readers:
            may_be_read(*reader.sources)
    if id(memory) in _read:
        for reader in _readers:
            if any(owner(array) is memory for array in reader.sources):
                reader.settle()


class Deferred(np.lib.mixins.NDArrayOperatorsMixin):
    """An array by its shape, its dtype and the way to compute it: `compute`, which a kind of its own defines.

    `sources` are arrays that it reads and that somebody may write into. What is `addable` may be added into, with `+=`,
    by the one who had it made. `holder` is the tensor that it stands for; `followed` says how many others wait for it,
    of whom `follower` is the last.
    """

    addable = False
    holder: ref[Any] | None = None
    follower: ref[Deferred] | None = None
    followed = 0

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype

    def compute(self) -> Array:
        raise NotImplementedError

    @property
    def sources(self) -> tuple[Array, ...]:
        return ()

    def snapshot(self) -> Array:
        """The array as it is now, for looking at: nobody writes into it, and `array` is not computed by it."""
        return self.compute()

    @property
    def computed(self) -> bool:
        """Whether `array` has been computed."""
        return "array" in self.__dict__

    def settle(self) -> None:
        """Stop depending on arrays that somebody is going to write into."""
        self.array  # noqa: B018  # computed, and kept

    @once
    def array(self) -> Array:
        """The array itself."""
        return self.compute()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def wanted(self) -> bool:
        """Whether somebody may still look at it but the one who waits for it."""
        return self.followed > 1 or (self.holder is not None and self.holder() is not None)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        found = self.reshaped(wanted) if order == "C" else None
        return self.array.reshape(*shape, order=order) if found is None else found  # type: ignore[call-overload]

    def reshaped(self, shape: tuple[int, ...]) -> Deferred | None:
        """The same in another shape, still to be computed; None if it has been, or has to be for that."""
        if self.computed or -1 in shape or math.prod(shape) != self.size:
            return None
        return self.in_shape(shape)

    def in_shape(self, shape: tuple[int, ...]) -> Deferred | None:
        """What `reshaped` gives in a shape of as many elements."""
        return None

    def astype(self, dtype: Any) -> Array:
        return self.array.astype(dtype)

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        given = [x.array if isinstance(x, Deferred) else x for x in inputs]
        return getattr(ufunc, method)(*given, **options)


def errors_for_later() -> Any:
    """How NumPy's warnings are set, for `np.errstate`; None if they have to come at once, as errors or calls."""
    errors = np.geterr()
    return None if "raise" in errors.values() or "call" in errors.values() else errors


def evaluated(x: Any) -> Any:
    """An array that may be Deferred, as an array; anything else as it is."""
    return x.array if isinstance(x, Deferred) else x
