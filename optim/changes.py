"""Changes of arrays, element by element: in stretches that stay in cache, those of a step shared over threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from autograd.dtypes import Array
from autograd.sharing import share

# Elements worked on at a time: the handful of arrays of an update then stay in cache between its passes.
BLOCK = 1 << 15
# Elements from which threads share changes, in an even number of parts of as many at most: with fewer, they wait for
# each other.
SHARED = 1 << 18


class Change(NamedTuple):
    """`change(*stretches)`, to be called with matching stretches of flat arrays."""

    change: Callable[..., None]
    arrays: Sequence[Array]

    @property
    def size(self) -> int:
        return self.arrays[0].size

    def on(self, start: int, stop: int) -> None:
        self.change(*[array[start:stop] for array in self.arrays])


_waiting: ContextVar[list[Change] | None] = ContextVar("_waiting", default=None)


@contextmanager
def together(wait: bool = True) -> Iterator[None]:
    """Have the changes that are asked for inside made at the end, all together; or, not to `wait`, each at once."""
    changes: list[Change] = []
    token = _waiting.set(changes if wait else None)
    try:
        yield
    finally:
        _waiting.reset(token)
        _make(changes)


def in_blocks(change: Callable[..., None], *arrays: Array) -> None:
    """`change(*stretches)` for matching stretches of equally shaped arrays, as flat views to write into; many elements
    are shared over threads. At once, or at the end of `together`, where no array may be changed twice."""
    if not all(array.flags.c_contiguous for array in arrays):
        change(*arrays)
        return
    whole = Change(change, [array.reshape(-1) for array in arrays])
    waiting = _waiting.get()
    if waiting is None:
        _make([whole])
    else:
        waiting.append(whole)


def _make(changes: Sequence[Change]) -> None:
    size = sum(change.size for change in changes)
    if size < SHARED:
        for change in changes:
            for start in range(0, change.size, BLOCK):
                change.on(start, start + BLOCK)
        return
    parts = 2 * -(-size // (2 * SHARED))
    share(_make_part, list(_cut(changes, -(-size // parts))), blas=False)


def _cut(changes: Sequence[Change], size: int) -> Iterator[list[tuple[Change, int, int]]]:
    """Changes one after another, cut into parts of so many elements: stretches of changes."""
    part, left = [], size
    for change in changes:
        start = 0
        while start < change.size:
            stop = min(change.size, start + left)
            part.append((change, start, stop))
            left -= stop - start
            start = stop
            if not left:
                yield part
                part, left = [], size
    if part:
        yield part


def _make_part(part: Sequence[tuple[Change, int, int]]) -> None:
    for change, start, stop in part:
        change.on(start, stop)
