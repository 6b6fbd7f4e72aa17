"""Which call of which module an operation was made in, found out without storing anything with the operation.

Nodes are numbered by a clock. A call of a module is an interval of it, a `Scope`, which is remembered with the nodes of
the call's results alone, and knows the call it was made from. A node was made in the innermost call whose interval has
its number. Nothing here keeps a node or a module alive.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from math import inf
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary, ref

from autograd.grad_mode import recording
from autograd.graph import Node
from autograd.memory import tick
from autograd.tensor import Tensor

_PLACES = 8  # how many of the places of one module are remembered


class Plate:
    """What is known of a module when it is gone: the names it had in others, by their plates, the latest last."""

    __slots__ = ("names",)

    def __init__(self) -> None:
        self.names: dict[Plate, str] = {}

    def add(self, holder: Plate, name: str) -> None:
        """The module is called `name` in another. It goes by the first of several names there."""
        self.names.setdefault(holder, name)
        if len(self.names) > _PLACES:
            del self.names[next(iter(self.names))]

    def remove(self, holder: Plate, name: str) -> None:
        """The module is no longer called `name` in another."""
        if self.names.get(holder) == name:
            del self.names[holder]

    def name_in(self, holder: Plate) -> str | None:
        """The dotted name below the module with that plate; None if it has none. The shortest, if there are several."""
        names = {self: ""}
        queue = [self]
        for plate in queue:
            if plate is holder:
                return names[plate]
            for above, name in plate.names.items():
                if above not in names:
                    names[above] = f"{name}.{names[plate]}" if names[plate] else name
                    queue.append(above)
        return None


class Scope:
    """One call of a module.

    Attributes: `start` and `end`, what the clock showed (`end` is infinite while the call runs); `module`, a weak
    reference, and its `plate`; `kind`, the module's class; `caller`, the scope it was made in, or None.
    """

    __slots__ = ("caller", "end", "kind", "module", "plate", "start")

    start: int
    end: float
    module: ref[Any]
    plate: Plate
    kind: type
    caller: Scope | None

    @property
    def chain(self) -> tuple[Scope, ...]:
        """The calls that this one was made in, outermost first, and itself."""
        found = [self]
        while (caller := found[-1].caller) is not None:
            found.append(caller)
        return tuple(found[::-1])


running: ContextVar[Scope | None] = ContextVar("running", default=None)  # the innermost call, of this thread or task

# The modules that are alive, by their ids.
living: WeakValueDictionary[int, Any] = WeakValueDictionary()

# The parameters of modules: the plate of the one that has it, and its name there.
parameters: WeakKeyDictionary[Node, tuple[Plate, str]] = WeakKeyDictionary()

# The calls by the results they made. Weak references as keys, which drop out by a call of `dict.pop`, take a third of
# the time of a WeakKeyDictionary.
_made: dict[ref[Node], Scope] = {}
_forget: Any = _made.pop
_new = Scope.__new__


def entered(module: Any, plate: Plate) -> Scope | None:
    """A call of `module`, which has that plate, begins. None if nothing is being recorded."""
    if not recording.get():
        return None
    scope = _new(Scope)
    scope.module = ref(module)
    scope.plate = plate
    scope.kind = type(module)
    scope.caller = running.get()
    scope.end = inf
    scope.start = tick()
    running.set(scope)
    return scope


def left(scope: Scope, result: Any) -> None:
    """The call has ended with `result`, a tensor or a collection of tensors; None if it raised an error."""
    running.set(scope.caller)
    scope.end = tick()
    if result is not None:
        _mark(scope, result)


def _mark(scope: Scope, result: Any) -> None:
    """Remember the call with what it made. A result that it was given, or that an inner call made, it did not make."""
    if isinstance(result, Tensor):
        node = result.node
        if node is not None and node.number > scope.start:
            _made.setdefault(ref(node, _forget), scope)
    elif isinstance(result, Mapping):
        for part in result.values():
            _mark(scope, part)
    elif isinstance(result, (list, tuple)):
        for part in result:
            _mark(scope, part)
    elif hasattr(result, "__dataclass_fields__"):
        _mark(scope, [getattr(result, field) for field in result.__dataclass_fields__])


def scopes(nodes: Sequence[Node]) -> dict[Node, Scope]:
    """The innermost known call that each of `nodes` was made in, if any; they come in order of creation.

    Calls under one outermost call are nested. Others may overlap, in threads: a node is then taken to have been made in
    the thread of what was computed from it.
    """
    made = {node: scope for node in nodes if (scope := _made.get(ref(node))) is not None}
    known = {scope for inner in made.values() for scope in inner.chain}
    families: dict[Scope, list[Scope]] = {}
    for scope in sorted(known, key=attrgetter("start")):
        families.setdefault(scope.chain[0], []).append(scope)
    starts = {family: [scope.start for scope in calls] for family, calls in families.items()}
    roots = sorted(families, key=attrgetter("start"))
    found: dict[Node, Scope] = {}
    consumers: dict[Node, Scope] = {}
    ending = sorted(roots, key=attrgetter("end"))
    around: list[Scope] = []  # the outermost calls that were running when a node was made, in order of their starts
    for node in reversed(nodes):
        number = node.number
        while ending and ending[-1].end > number:
            insort(around, ending.pop(), key=attrgetter("start"))
        while around and around[-1].start > number:
            around.pop()
        if node.plan is None or not around:
            continue
        hint = made.get(node) or consumers.get(node)
        family = hint.chain[0] if hint is not None and hint.chain[0] in around else around[-1]
        inner: Scope | None = families[family][bisect(starts[family], number) - 1]
        while inner is not None and inner.end < number:
            inner = inner.caller
        assert inner is not None
        found[node] = inner
        for parent in node.parents:
            consumers.setdefault(parent, inner)
    return found
