"""The recorded computation: nodes, their order, and the two sweeps over them.

A node holds what its derivative rules need and points at the nodes of its inputs, never at tensors. Nodes are numbered
as they are made, and a node is made after its inputs, so descending numbers are a reverse topological order.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd.kernels.deferred import Deferred
from autograd.memory import latest_write, written_since

if TYPE_CHECKING:
    from autograd.primitive import Plan

# A cotangent is an ndarray (a Tensor under create_graph), or a Bundle for a node with several outputs; one that its node
# can use better than an array may be Deferred.
Cotangent = Any


class Node:
    """One recorded operation, or, without a plan, a leaf: a tensor whose gradient is asked for.

    Attributes: `plan`, how to differentiate the operation with respect to the inputs that need it; `parents`, the nodes
    of just those inputs; `values`, what the rules asked to keep (None once released); `shape` and `dtype` of the output
    (None for an operation with several outputs); `number`, its place in the order of creation; `site`, the line of the
    user's source that made it, as a code object and an offset; `hooks`, called with the cotangent when it is complete;
    `grad` and `name`, those of the tensor, set on leaves and where asked for.
    """

    __slots__ = (
        "__weakref__",
        "dtype",
        "grad",
        "hooks",
        "name",
        "number",
        "parents",
        "plan",
        "shape",
        "site",
        "values",
    )

    plan: Plan | None
    parents: Sequence[Node]
    values: tuple[Any, ...] | None
    shape: Any
    dtype: Any
    number: int
    site: tuple[CodeType, int] | None
    hooks: dict[int, Callable[[Node, Cotangent], Cotangent]] | None
    grad: Any
    name: str | None

    def __repr__(self) -> str:
        return f"<{self.op} node of shape {self.shape}>"

    @property
    def op(self) -> str:
        """The name of the operation; "leaf" for a leaf."""
        return "leaf" if self.plan is None else self.plan.primitive.name

    @property
    def source(self) -> str:
        """Where the node was made: file, line and the text of the line."""
        if self.site is None:
            return "an unknown line"
        code, offset = self.site
        line = next(
            (number for start, end, number in code.co_lines() if start <= offset < end and number), code.co_firstlineno
        )
        text = linecache.getline(code.co_filename, line).strip()
        return f"{code.co_filename}:{line}" + (f": {text}" if text else "")


class Bundle:
    """The cotangent of a node with several outputs: `parts` has those that arrived, by position."""

    __slots__ = ("count", "parts")
    shape = None
    dtype = None
    base = None

    def __init__(self, parts: dict[int, Cotangent], count: int) -> None:
        self.parts = parts
        self.count = count

    def __iter__(self) -> Iterator[Cotangent]:
        return map(self.parts.get, range(self.count))

    def __add__(self, other: Bundle) -> Bundle:
        total = Bundle(dict(self.parts), self.count)
        total += other
        return total

    def __iadd__(self, other: Bundle) -> Bundle:
        for i, part in other.parts.items():
            self.parts[i] = self.parts[i] + part if i in self.parts else part
        return self


class Visit(NamedTuple):
    """What a watched sweep yields at a node: the cotangent that arrived, and what each parent is given."""

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
    targets: Iterable[Node] | None = None,
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
    order = ancestors(seeds, since)
    wanted = None if targets is None else set(targets)
    live = None if wanted is None else descendants(wanted, order)
    pending = dict(seeds)
    owned: set[Node] = set()  # those whose pending cotangent may be added into, since nobody else holds it
    results: dict[Node, Cotangent] = {}
    while order:
        node = order.pop()
        cotangent = pending.pop(node, None)
        if cotangent is None:
            continue
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
        if plan is None or (live is not None and live.isdisjoint(node.parents)):
            continue
        values = saved(node, create_graph)
        contributions: list[Cotangent] = []
        for parent, pull in zip(node.parents, plan.pulls):
            if live is not None and parent not in live:
                continue
            try:
                share = pull(cotangent, values)
            except Exception as error:
                error.add_note(f"in the derivative of '{node.op}'; node made at {node.source}")
                raise
            if share is None:
                continue
            if watch:
                contributions.append(share)
            if share.shape != parent.shape or share.dtype is not parent.dtype:
                share = _fitted(share, parent, node)
            earlier = pending.get(parent)
            if earlier is None:
                pending[parent] = share
                is_new = share is not cotangent and type(share) is np.ndarray and share.base is None
                if is_new and parent.plan is None and not watch:
                    owned.add(parent)
            elif parent in owned:
                earlier += share
            else:
                pending[parent] = total = earlier + share
                if type(total) is np.ndarray or type(total) is Bundle:
                    owned.add(parent)
        if not keep:
            node.values = None
            node.parents = ()
        if watch:
            yield Visit(node, cotangent, tuple(contributions))
    return results


def forward_sweep(
    seeds: Mapping[Node, Any], outputs: Sequence[Node], *, create_graph: bool = False, since: int = 0
) -> dict[Node, Any]:
    """Push tangents of some nodes forward through the recorded graph, to `outputs`: a Jacobian-vector product."""
    tangents = dict(seeds)
    for node in ancestors(outputs, since):
        plan = node.plan
        if plan is None or node in seeds or node.number < since or tangents.keys().isdisjoint(node.parents):
            continue
        values = saved(node, create_graph)
        tangent = plan.push([tangents.get(parent) for parent in node.parents], values)
        if tangent is None:
            continue
        if tangent.shape != node.shape:
            tangent = np.broadcast_to(tangent, node.shape)
        tangents[node] = tangent if tangent.dtype == node.dtype else _cast(tangent, node.dtype, node)
    return {node: tangents[node] for node in outputs if node in tangents}


def saved(node: Node, create_graph: bool) -> tuple[Any, ...]:
    """What a node keeps for its rules, as tensors if they are recorded; RuntimeError if it is gone or overwritten."""
    values = node.values
    if values is None:
        raise RuntimeError(
            f"backward: the graph behind '{node.op}' was already used and freed; call backward(retain_graph=True) the "
            f"first time to go through it twice; node made at {node.source}"
        )
    if latest_write[0] > node.number and written_since(values, node.number):
        raise RuntimeError(
            f"backward: an array that '{node.op}' saved for its derivative was written into after the operation ran "
            f"(by an optimizer step, an assignment or an in-place operator); node made at {node.source}"
        )
    return node.plan.lift(node) if create_graph and node.plan else values


def run(sweep: Generator[Any, None, dict[Node, Cotangent]]) -> dict[Node, Cotangent]:
    """Run a sweep to its end and return what it returns; floating-point warnings are the forward pass's business."""
    with np.errstate(all="ignore"):
        while True:
            try:
                next(sweep)
            except StopIteration as end:
                return end.value


def unbroadcast(cotangent: Cotangent, shape: tuple[int, ...]) -> Cotangent:
    """Sum a cotangent over the axes along which its input was broadcast: the adjoint of broadcasting."""
    extra = cotangent.ndim - len(shape)
    stretched = tuple(
        axis
        for axis in range(cotangent.ndim)
        if axis < extra or (shape[axis - extra] == 1 and cotangent.shape[axis] != 1)
    )
    return cotangent.sum(axis=stretched).reshape(shape)


def _fitted(share: Cotangent, parent: Node, node: Node) -> Cotangent:
    """What `node` contributes to `parent`, in the shape and dtype of the parent."""
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
