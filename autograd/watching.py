"""The seam for watching: who is told of every operation as it runs, and of every visit of a sweep.

An `Observer` hears, while a `with watched(observer)` block is open, of what its own thread (or asyncio task) does, and
of no other. While nobody watches this costs nothing: operations do not look whether somebody does. `autograd.primitive`
calls the functions that make results by their names in its module; the first watcher of all threads has others put in
their place, which tell the observers of the context they run in, and the last to go has them put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd.kernels.forking import anew_in_children

if TYPE_CHECKING:
    from autograd.graph import Cotangent, Node, Visit
    from autograd.tensor import Tensor


class Operation(NamedTuple):
    """One operation that has run: what did, on which arrays and static parameters, with which result.

    `primitive` is what the node's plan has (for a checkpointed call, something that has a name), `y` an array or, of an
    operation with several outputs, a tuple, and `node` None if nothing was recorded.
    """

    primitive: Any
    inputs: tuple[Any, ...]
    static: tuple[Any, ...]
    y: Any
    node: Node | None


class Observer:
    """Is told what happens, while it happens. A kind of observer defines what it wants to hear of.

    What a method raises goes up through the operation or the sweep into the user's call.
    """

    def computed(self, operation: Operation) -> None:
        """An operation on tensors has run, recorded or not; also one that a rule calls under `create_graph`."""

    def started(self, outputs: Sequence[Tensor]) -> None:
        """A reverse sweep is about to start from these tensors (none, if it is part of a rule)."""

    def visited(self, visit: Visit) -> None:
        """A reverse sweep has passed a node."""

    def finished(self, found: Mapping[Node, Cotangent]) -> None:
        """A reverse sweep has come to its end, with the cotangents of what it was to find."""

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        """A forward sweep has passed a node: the tangents of its parents (None where there is none), and its own."""


observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())

# Called with True when the first watcher of all threads comes, and with False when the last has gone.
switches: list[Callable[[bool], None]] = []

_watchers = 0
_counting = Lock()
anew_in_children(globals(), "_counting", Lock)


@contextmanager
def watched(observer: Observer) -> Iterator[None]:
    """Tell `observer` of everything that happens in the block, in this thread. Blocks may be nested."""
    _count(1)
    observers.set((*observers.get(), observer))
    try:
        yield
    finally:
        left = list(observers.get())
        left.remove(observer)
        observers.set(tuple(left))
        _count(-1)


def _count(change: int) -> None:
    global _watchers
    with _counting:
        before, _watchers = _watchers, _watchers + change
        if bool(before) != bool(_watchers):
            for switch in switches:
                switch(bool(_watchers))
