"""What is still known of a recorded graph: the values of its nodes, and what their tensors are called."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Node
from autograd.kernels.deferred import evaluated
from autograd.scopes import living
from autograd.tensor import Tensor


def kept_results(nodes: Iterable[Node]) -> dict[Node, Array]:
    """The results of nodes that they, or operations on them, saved for derivatives."""
    known: dict[Node, Array] = {}
    for node in nodes:
        for source, value in _kept(node):
            if isinstance(value, np.ndarray):
                known.setdefault(source, value)
    return known


def _kept(node: Node) -> Iterator[tuple[Node, Any]]:
    """What a node saved of its own result and of those of its parents."""
    plan = node.plan
    if plan is None or not plan.kept:
        return
    primitive = plan.primitive
    parents = dict(zip(plan.active, node.parents))
    for k, value in zip(plan.kept, node.values or ()):
        if k < len(primitive.inputs):
            parts = enumerate(value) if primitive.variadic else ((k, value),)
            yield from ((parents[i], evaluated(part)) for i, part in parts if i in parents)
        elif k == len(primitive.inputs) and node.shape is not None:
            yield node, evaluated(value)


def live_tensors(nodes: Collection[Node]) -> dict[Node, Tensor]:
    """The tensors of these nodes that somebody still holds.

    A node does not point at its tensor, but a tensor at its class, and Python's collector knows what does. To go
    through `gc.get_objects` would be to hold the tuples that other threads are making of generators, which then fail
    with a SystemError (CPython's issue 59313).
    """
    kinds = {Tensor}
    stack = [Tensor]
    while stack:
        found = stack.pop().__subclasses__()
        kinds.update(found)
        stack += found
    tensors = [thing for thing in gc.get_referrers(*kinds) if type(thing) in kinds]
    return {t.node: t for t in tensors if getattr(t, "node", None) in nodes}


def module_names() -> dict[Node, str]:
    """The dotted names of the parameters of all modules alive, by node: those in the outermost module that has them."""
    names: dict[Node, str] = {}
    for name, parameter in named_in_modules("named_parameters"):
        node = getattr(parameter, "node", None)
        if node is not None and len(name) > len(names.get(node, "")):
            names[node] = name
    return names


def named_in_modules(method: str) -> Iterator[tuple[str, Any]]:
    """What a method such as `named_parameters` gives for each module alive: dotted names, and what they are of.

    Nothing for a module that cannot tell, such as one whose constructor has failed, which a traceback keeps alive.
    """
    for reference in living.valuerefs():
        module = reference()
        if module is not None:
            with suppress(Exception):
                yield from getattr(module, method)()


def is_one_of_several(node: Node) -> bool:
    """Whether a node has no rule of its own, but stands for one of the results of its parent, which has several."""
    return node.first is not None and node.first.shape is None
