"""The recorded computation: nodes, their order, and the two sweeps over them.

A node holds what its derivative rules need and points at the nodes of its inputs, never at tensors. Nodes are numbered
as they are made, and a node is made after its inputs, so descending numbers are a reverse topological order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial
from heapq import heapify, heappop, heappush
from operator import attrgetter
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd.kernels.combination import Combination
from autograd.kernels.deferred import Deferred
from autograd.kernels.reduce import LARGE, total
from autograd.memory import latest_write, written_since
from autograd.source import place
from autograd.watching import observers

if TYPE_CHECKING:
    from autograd.primitive import Plan

# A cotangent is an ndarray (a Tensor under create_graph), or a Bundle for a node with several outputs; one that its
# node can use better than an array may be Deferred.
Cotangent = Any


# What stands between a sweep and the rules it runs, if anything: called with seeds and targets as the sweep starts, it
# gives an object whose `pulls(node)` and `push(node, tangents, values)` take the place of those of the node's plan.
interposed: ContextVar[Callable[[Any, Any], Any] | None] = ContextVar("interposed", default=None)


class Node:
    """One recorded operation, or, without a plan, a leaf: a tensor whose gradient is asked for.

    Attributes: `plan`, how to differentiate the operation with respect to the inputs that need it; `parents`, the nodes
    of just those inputs; `values`, what the rules asked to keep (None once released); `shape` and `dtype` of the output
    (None for an operation with several outputs); `number`, its place in the order of creation; `code` and `offset`, the
    place in the user's source that made it (None if unknown); `hooks`, called with the cotangent when it is complete;
    `grad` and `name`, those of the tensor, set on leaves and where asked for.

    The parents are kept as the `first`, the `second` and all `others`: Python's cyclic collector visits all nodes again
    and again while a graph grows, and a tuple for each would be as much again to visit (of a million nodes, a third of
    the time of forward and backward pass).
    """

    __slots__ = (
        "__weakref__",
        "code",
        "dtype",
        "first",
        "grad",
        "hooks",
        "name",
        "number",
        "offset",
        "others",
        "plan",
        "second",
        "shape",
        "values",
    )

    plan: Plan | None
    first: Node | None
    second: Node | None
    others: tuple[Node, ...]
    values: tuple[Any, ...] | None
    shape: Any
    dtype: Any
    number: int
    code: CodeType | None
    offset: int
    hooks: dict[int, Callable[[Node, Cotangent], Cotangent]] | None
    grad: Any
    name: str | None

    def __repr__(self) -> str:
        return f"<{self.op} node of shape {self.shape}>"

    @property
    def parents(self) -> tuple[Node, ...]:
        if self.first is None:
            return ()
        return (self.first,) if self.second is None else (self.first, self.second, *self.others)

    @parents.setter
    def parents(self, nodes: Sequence[Node]) -> None:
        self.first = nodes[0] if nodes else None
        self.second = nodes[1] if len(nodes) > 1 else None
        self.others = tuple(nodes[2:])

    @property
    def op(self) -> str:
        """The name of the operation; "leaf" for a leaf."""
        return "leaf" if self.plan is None else self.plan.primitive.name

    @property
    def source(self) -> str:
        """Where the node was made: file, line and the text of the line; in a notebook, cell and line."""
        return place(self.code, self.offset)


class Bundle:
    """The cotangent of a node with several outputs: `parts` has those that arrived, by position."""

    __slots__ = ("count", "parts")
    shape = None
    dtype = None

    def __init__(self, parts: dict[int, Cotangent], count: int) -> None:
        self.parts = parts
        self.count = count

    def __iter__(self) -> Iterator[Cotangent]:
        return map(self.parts.get, range(self.count))

    def filled(self, shapes: Sequence[tuple[int, ...]]) -> list[Cotangent]:
        """The cotangents of all outputs, with zeros for those that none arrived for."""
        dtype = next(part.dtype for part in self if part is not None)
        return [np.zeros(shape, dtype) if part is None else part for part, shape in zip(self, shapes)]

    def __add__(self, other: Bundle) -> Bundle:
        both = Bundle(dict(self.parts), self.count)
        both += other
        return both

    def __iadd__(self, other: Bundle) -> Bundle:
        for i, part in other.parts.items():
            self.parts[i] = self.parts[i] + part if i in self.parts else part
        return self


class Visit(NamedTuple):
    """What a watched sweep yields at a node: the cotangent that arrived, and what each parent is given, or None.

    Both are computed (nothing in them is Deferred) beside what the sweep goes on with, which is the same as in one that
    is not watched, to the last bit. Neither changes later. The node still has what it saved.
    """

    node: Node
    cotangent: Cotangent
    contributions: tuple[Cotangent, ...]


def ancestors(roots: Iterable[Node], since: int = 0) -> list[Node]:
    """`roots` and all nodes they depend on, in order of creation; looking no further than nodes made before `since`."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        node = stack.pop()
        if node.number < since:
            continue
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=attrgetter("number"))


def descendants(nodes: Iterable[Node], order: Sequence[Node]) -> set[Node]:
    """Those of `order` (in order of creation) that are in `nodes` or depend on one of them."""
    live = set(nodes)
    for node in order:
        if not live.isdisjoint(node.parents):
            live.add(node)
    return live


def reverse_sweep(
    seeds: Mapping[Node, Cotangent],
    targets: Sequence[Node] | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    since: int = 0,
    watch: bool = False,
) -> Generator[Visit, None, dict[Node, Cotangent]]:
    """THE backward pass: from the cotangents of some nodes to those of `targets` (all leaves, if None).

    A generator, so that it can be stepped: with `watch` it stops at every node; without, it runs to its end. Returns
    the cotangent of each target that one reaches. On raw arrays it makes no tensor and no node; with `create_graph` the
    cotangents are tensors, the rules run on tensors, and what they compute is recorded in turn. Nodes made before
    `since` count as leaves, and their hooks are not called. Unless `retain_graph` or `create_graph`, each node lets go
    of what it saved as soon as it has been passed.
    """
    keep = retain_graph or create_graph
    between = interposed.get()
    rules = None if between is None else between(seeds, targets)
    wanted = None if targets is None else set(targets)
    live = None if wanted is None else _live(wanted, ancestors(seeds, since), since)
    pending = dict(seeds)
    queue = [(-node.number, node) for node in seeds]  # of the nodes in `pending`, with the latest made at the front
    heapify(queue)
    owned: set[Node] = set()  # those whose pending cotangent may be added into, since nobody else holds it
    results: dict[Node, Cotangent] = {}
    seen = _Contributions(rules, pending, owned) if watch or observers.get() else None
    rules = seen or rules
    while queue:
        node = heappop(queue)[1]
        cotangent = pending.pop(node)
        plan = node.plan if node.number >= since else None
        if type(cotangent) is not np.ndarray and isinstance(cotangent, Deferred):
            used = plan is not None and plan.primitive.takes_deferred and node.hooks is None
            if not used or (wanted is not None and node in wanted):
                cotangent = cotangent.array
        if node.hooks is not None and node.number >= since:
            for hook in tuple(node.hooks.values()):
                cotangent = hook(node, cotangent)
            owned.discard(node)
        if plan is None if wanted is None else node in wanted:
            results[node] = cotangent if create_graph or node in owned else _own(cotangent)
        first, second = node.first, node.second
        parents: Any = (first,) if second is None else (first, second) + node.others  # noqa: RUF005  # half the time
        if plan is None or (live is not None and live.isdisjoint(parents)):
            continue
        values = node.values
        if values is None or create_graph or latest_write[0] > node.number:
            values = saved(node, create_graph)
        for parent, pull in zip(parents, plan.pulls if rules is None else rules.pulls(node)):
            share = None
            if live is None or parent in live:
                try:
                    share = pull(cotangent, values)
                except Exception as error:
                    error.add_note(f"in the derivative of '{node.op}'; node made at {node.source}")
                    raise
            if share is None:
                continue
            if share.shape != parent.shape or share.dtype is not parent.dtype:
                share = fitted(share, parent, node)
            earlier = pending.get(parent)
            if earlier is None:
                pending[parent] = share
                heappush(queue, (-parent.number, parent))
                if parent.plan is None and _is_new(share, cotangent):
                    owned.add(parent)
            elif parent in owned:
                earlier += share
            elif _is_new(share, cotangent):
                share += earlier
                pending[parent] = share
                owned.add(parent)
            else:
                pending[parent] = both = earlier + share
                if type(both) is np.ndarray or type(both) is Bundle:
                    owned.add(parent)
                del both
            del share, earlier  # which may be large, and would stay until the next node's rules have run
        if seen is not None:
            given_out = node.hooks is not None or node in results
            yield Visit(node, _shown(cotangent, given_out), tuple(seen.latest))
        if not keep:
            node.values = node.first = node.second = None
            node.others = ()
    return results


def _live(wanted: set[Node], reached: Sequence[Node], since: int) -> set[Node]:
    """The nodes, among those `reached`, on a path to one that is wanted; RuntimeError if one made `since` has been
    freed, since what it led to is not known any more."""
    for node in reached:
        if node.values is None and node.plan is not None and node.number >= since and node not in wanted:
            saved(node, False)
    return descendants(wanted, reached)


class _Contributions:
    """Stands between a watched sweep and its rules, and keeps what the latest node gives each parent, for its Visit."""

    def __init__(self, rules: Any, pending: Container[Node], owned: Container[Node]) -> None:
        self.rules = rules
        self.pending = pending
        self.owned = owned
        self.latest: list[Cotangent] = []

    def pulls(self, node: Node) -> list[Callable[[Cotangent, Any], Cotangent]]:
        """The vjps of a node, for one visit."""
        assert node.plan is not None
        parents = node.parents
        self.latest = [None] * len(parents)
        pulls = node.plan.pulls if self.rules is None else self.rules.pulls(node)
        return [partial(self._pull, k, *pair) for k, pair in enumerate(zip(parents, pulls))]

    def _pull(self, k: int, parent: Node, pull: Any, cotangent: Cotangent, values: Any) -> Cotangent:
        share = pull(cotangent, values)
        written = parent not in self.owned and (parent.plan is None or parent in self.pending)
        self.latest[k] = _shown(share, written and _is_new(share, cotangent))
        return share


def _shown(value: Cotangent, written: bool) -> Cotangent:
    """A cotangent or a contribution for a Visit: an array, of its own if that which it shows may be `written` into."""
    if isinstance(value, Deferred):
        return value.snapshot()
    return np.array(value) if written and isinstance(value, np.ndarray) else value


def _is_new(share: Cotangent, cotangent: Cotangent) -> bool:
    """Whether what a rule made of `cotangent` is an array that nobody else holds: neither a view nor passed through."""
    if share is cotangent:
        return False
    return share.base is None if type(share) is np.ndarray else getattr(share, "addable", False)


def forward_sweep(
    seeds: Mapping[Node, Any], outputs: Sequence[Node], *, create_graph: bool = False, since: int = 0
) -> dict[Node, Any]:
    """Push tangents of some nodes forward through the recorded graph, to `outputs`: a Jacobian-vector product."""
    tangents = dict(seeds)
    between = interposed.get()
    rules = None if between is None else between(seeds, outputs)
    watching = observers.get()
    order = ancestors(outputs, since)
    uses = Counter(parent for node in order for parent in node.parents)
    uses.update((*seeds, *outputs))  # which stay
    for node in order:
        plan = node.plan
        if plan is None or node in seeds or node.number < since or tangents.keys().isdisjoint(node.parents):
            continue
        values = saved(node, create_graph)
        given = [tangents.get(parent) for parent in node.parents]
        tangent = pushed(node, given, values, rules)
        if tangent is None:
            continue
        tangents[node] = tangent
        for observer in watching:
            observer.pushed(node, given, tangent)
        for parent in node.parents:
            uses[parent] -= 1
            if not uses[parent]:
                tangents.pop(parent, None)
    return {node: tangents[node] for node in outputs if node in tangents}


def pushed(node: Node, tangents: Sequence[Any], values: tuple[Any, ...], rules: Any = None) -> Any:
    """The tangent of a node's result for those of its parents, None where there is none, by its rules or by `rules`."""
    assert node.plan is not None
    tangent = node.plan.push(tangents, values) if rules is None else rules.push(node, tangents, values)
    if tangent is None:
        return None
    if tangent.shape != node.shape:
        tangent = np.broadcast_to(tangent, node.shape)
    return tangent if tangent.dtype == node.dtype else _cast(tangent, node.dtype, node)


def saved(node: Node, create_graph: bool) -> tuple[Any, ...]:
    """What a node keeps for its rules, as tensors if they are recorded; RuntimeError if it is gone or overwritten."""
    values = node.values
    if values is None:
        raise RuntimeError(
            f"backward: the graph behind '{node.op}' was already used and freed; call backward(retain_graph=True) the "
            f"first time to go through it twice, or detach() what comes from the step before, such as a recurrent "
            f"layer's state; node made at {node.source}"
        )
    if latest_write[0] > node.number and written_since(values, node.number):
        raise RuntimeError(
            f"backward: an array that '{node.op}' saved for its derivative was written into after the operation ran "
            f"(by an optimizer step, an assignment or an in-place operator); node made at {node.source}"
        )
    return node.plan.lift(node) if create_graph and node.plan else values


def run(sweep: Generator[Visit, None, dict[Node, Cotangent]], outputs: Sequence[Any] = ()) -> dict[Node, Cotangent]:
    """Run a reverse sweep, from the tensors `outputs`, to its end and return what it returns.

    Floating-point warnings are the forward pass's business.
    """
    watching = observers.get()
    with np.errstate(all="ignore"):
        for observer in watching:
            observer.started(outputs)
        while True:
            try:
                visit = next(sweep)
            except StopIteration as end:
                found: dict[Node, Cotangent] = end.value
                break
            for observer in watching:
                observer.visited(visit)
        for observer in watching:
            observer.finished(found)
    return found


def unbroadcast(cotangent: Cotangent, shape: tuple[int, ...]) -> Cotangent:
    """Sum a cotangent over the axes along which its input was broadcast: the adjoint of broadcasting."""
    axes = stretched(cotangent.shape, shape)
    if type(cotangent) is np.ndarray and cotangent.size >= LARGE and cotangent.dtype.char in "fd":
        sums = total(cotangent, axes)
        if sums is not None:
            return sums.reshape(shape)
    if type(cotangent) is np.ndarray and cotangent.dtype == np.float16:
        return cotangent.sum(axis=axes, dtype=np.float32).astype(np.float16).reshape(shape)
    return cotangent.sum(axis=axes).reshape(shape)


@lru_cache(maxsize=4096)
def stretched(shape: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which broadcasting from the shape `before` has stretched."""
    extra = len(shape) - len(before)
    return tuple(axis for axis in range(len(shape)) if axis < extra or (before[axis - extra] == 1 and shape[axis] != 1))


def fitted(share: Cotangent, parent: Node, node: Node) -> Cotangent:
    """What `node` contributes to `parent`, in the shape and dtype of the parent."""
    if type(share) is Combination and share.shape != parent.shape:
        share = share.summed(stretched(share.shape, parent.shape)).reshape(parent.shape)
    if share.shape != parent.shape:
        share = unbroadcast(share, parent.shape)
    return share if share.dtype == parent.dtype else _cast(share, parent.dtype, node)


def _cast(derivative: Any, dtype: Any, node: Node) -> Any:
    if derivative.dtype.kind == "c":
        raise TypeError(
            f"'{node.op}' computes with complex numbers, whose derivatives are not defined here; node made at "
            f"{node.source}"
        )
    return derivative.astype(dtype)


def _own(cotangent: Cotangent) -> Cotangent:
    """A copy that shares memory with nothing, for a cotangent that the sweep may share with other nodes."""
    return np.array(cotangent) if isinstance(cotangent, (np.ndarray, np.generic)) else cotangent
