"""`absorbing_zeros`: a cotangent that no path arrives at stays zero, whatever it is multiplied by.

Beside each cotangent of a sweep goes its presence: the elements at which some path from the output arrives that nothing
has cut off. What cuts off is known from the operations, not from values: `where` the elements that it did not choose,
`clip` and `relu` those that they replaced, an index those that it left out. A presence passes a rule in one of these
ways:

- of an operation that selects, or is linear with weights ≥ 0: the rule itself is run on the presence;
- of an elementwise one: what is absent before is absent after;
- of a contraction: the rule is run on the presence, with ones in place of the operands;
- along axes, or on the matrices of a stack: what shares a line (a matrix) with something present is present;
- of any other: all is present, unless all is absent.

A rule is linear, so that its result at an absent element is 0, or NaN where a zero met an infinite slope. That NaN is
all that is ever replaced. Tangents go forward in the same ways.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Bundle, Cotangent, Node, interposed, unbroadcast
from autograd.kernels.deferred import evaluated
from autograd.ops.axes import kept_shape
from autograd.ops.elementwise import where
from autograd.primitive import combined
from autograd.tensor import Tensor

__all__ = ["absorbing_zeros"]

# Where a cotangent or a tangent is present: a truth value for each element; for several outputs a Bundle of such; None
# for everywhere.
Presence = Any
Rule = Callable[[Any, Sequence[Any]], Any]

# Operations whose rules choose by comparisons alone, or are zero: run on ones, they are zero just where they cut off.
SELECTING = {
    *("ceil", "clip", "clip_exclusive", "floor", "floor_divide", "max", "maximum", "min", "minimum", "output", "pad"),
    *("relu", "round", "setitem", "sign", "trunc", "where", "window_max", "window_pick", "window_put"),
}
ON_MATRICES = {"cholesky", "cofactor", "det", "eigh", "inv", "pinv", "qr", "slogdet", "svd"}


@contextmanager
def absorbing_zeros() -> Iterator[None]:
    """In this context, what is cut off from the output has derivative 0, and not the NaN that 0 · ∞ is.

    `where(x > 0, sqrt(x), 0)` does not depend on `sqrt(x)` at 0, but the rule of `sqrt`, asked for 0 times its slope
    there, answers NaN. Here a cotangent that is zero *by structure*, because `where`, `clip`, `maximum`, `relu`, an
    index, a crop or the like has cut its element off from the output, stays zero through any rule: in backward passes,
    in forward mode, and in derivatives of higher order, of which each pass has to run inside. Where there is no NaN
    without the context, the result within is the same, to the bit (in higher orders but for the sign of a zero). Works
    as a decorator, too.

    A cotangent that is zero *by value* absorbs nothing: (√x)² has slope 1 at 0, computed as 0 · ∞, and gives NaN here
    as it does elsewhere. So does what a product with a mask of zeros and ones leaves out; `where` says it by structure.
    The zeros in a cotangent or tangent that one gives oneself, `jacobian`'s unit vectors among them, are values too.

    Where an operation mixes elements, all that it mixes count as connected if one does: along the axes of `softmax`,
    `norm`, `standardize` and the like; in linear algebra within a matrix, and for `solve` and for primitives of one's
    own throughout. In second order the operands of products are cut off where no present cotangent reaches them.

    A backward pass takes two to three times as long inside the context; outside, nothing changes.

    >>> x = tensor([0.0, 4.0], requires_grad=True)
    >>> y = where(x > 0, sqrt(x), 0.0).sum()
    >>> gradients(y, x, retain_graph=True)
    (tensor([ nan, 0.25]),)
    >>> with absorbing_zeros():
    ...     gradients(y, x)
    (tensor([0.  , 0.25]),)
    """
    token = interposed.set(Absorbing)
    try:
        yield
    finally:
        interposed.reset(token)


class Absorbing:
    """Stands between one sweep and the rules: knows where each cotangent is present, and puts 0 for NaN elsewhere."""

    def __init__(self, seeds: Mapping[Node, Cotangent], targets: Iterable[Node] | None) -> None:
        self.targets = () if targets is None else tuple(targets)
        self.present: dict[Node, Presence] = {}
        handover = _handover.get()
        if handover is not None:
            handover.take(self, seeds)

    def pulls(self, node: Node) -> list[Rule]:
        """The vjps of a node, for one visit."""
        assert node.plan is not None
        present = self.present.pop(node, None)
        handover = _Handover()
        reaches: list[Presence] | None = None

        def pull(k: int, rule: Rule, parent: Node, g: Any, values: Sequence[Any]) -> Any:
            nonlocal reaches
            known = present if node.hooks is None else _widened(present, g)
            if node.op == "checkpoint":
                share, reached = handover.through(rule, g, values, [(g, known)], k)
            else:
                if isinstance(g, Tensor) and known is not None and _contracts(node):
                    reaches = reaches or _reaches(node, g, known)
                    values = _cut_off(node, values, reaches)
                share, reached = _passed(rule, g, values, known, node)
            if share is not None:
                reached = _fitted(reached, parent.shape)
                self.present[parent] = _united(self.present[parent], reached) if parent in self.present else reached
            return share

        pairs = zip(node.plan.pulls, node.parents)
        return [functools.partial(pull, k, rule, parent) for k, (rule, parent) in enumerate(pairs)]

    def push(self, node: Node, tangents: Sequence[Any], values: Sequence[Any]) -> Any:
        """The tangent of a node's result, from those of its parents (None where there is none)."""
        plan: Any = node.plan
        presences = [self.present.get(parent) for parent in node.parents]
        if node.op == "checkpoint":
            given = list(zip(tangents, presences))
            share, reached = _Handover().through(plan.push, tangents, values, given, 0)
        elif plan.primitive.variadic:
            share, reached = _passed(plan.push, tangents, values, presences, node)
        else:
            parts, reached = [], False
            for push, tangent, present in zip(plan.pushes, tangents, presences):
                if tangent is None:
                    continue
                rule = functools.partial(_pushed, push)
                part, reach = _passed(rule, tangent, values, present, node)
                if part is not None:
                    reached = reach if reached is False else _united(reached, reach)
                    parts.append(part)
            share = combined(parts)
        if share is not None:
            self.present[node] = _stretched(reached, node.shape)
        return share


def _pushed(push: Rule, tangent: Any, values: Sequence[Any]) -> Any:
    return combined([push(tangent, values)])


# How presences pass rules


def _passed(rule: Rule, g: Any, values: Sequence[Any], present: Presence, node: Node) -> tuple[Any, Presence]:
    """What a rule makes of `g`, with 0 for NaN where it is absent; and where it is present."""
    assert node.plan is not None
    assert node.values is not None
    primitive = node.plan.primitive
    if primitive.kind == "linear" or primitive.known_as in SELECTING:
        return rule(g, values), _nonzero(rule(_ones(g, present), node.values))
    if present is None or (isinstance(present, list) and all(p is None for p in present)):
        return rule(g, values), None
    if _contracts(node):
        return _contracted(rule, g, values, present, node)
    share = rule(g, values)
    if share is None:
        return None, None
    if share is g:
        return g, present
    if primitive.kind == "elementwise":
        reached = np.broadcast_to(present, share.shape)
    elif "axis" in primitive.statics:
        reached = _along_axes(share, present, node)
    elif primitive.known_as in ON_MATRICES:
        reached = _on_matrices(share, present, node)
    else:
        somewhere = np.asarray(any(part.any() for part in _parts(present)))
        reached = _each(lambda part: np.broadcast_to(somewhere, part.shape), share)
    return _absorbed(share, reached), reached


def _contracts(node: Node) -> bool:
    assert node.plan is not None
    return node.plan.primitive.kind == "multilinear" or node.op == "einsum"


def _contracted(rule: Rule, g: Any, values: Sequence[Any], present: Presence, node: Node) -> tuple[Any, Presence]:
    """A sum of products: those of absent cotangents are left out where the operands are not finite."""
    ones = _ones(g, present)
    count = _array(rule(ones, _operands(lambda x: np.broadcast_to(np.float32(1), x.shape), node.values)))
    reached = count != 0
    finite = _operands(np.isfinite, node.values)
    if all(x.all() for x in _arrays(finite)):
        return rule(g, values), reached
    touched = count - _array(rule(ones, _operands(lambda x: np.isfinite(x).astype(np.float32), node.values))) > 0.5
    share = rule(g, _operands(lambda x: where(np.isfinite(_array(x)), x, 0), values))
    return (where(touched, rule(g, values), share) if touched.any() else share), reached


def _reaches(node: Node, g: Any, present: Presence) -> list[Presence]:
    """Where the operands of a contraction meet a cotangent that is present."""
    assert node.plan is not None
    ones = _operands(lambda x: np.broadcast_to(np.float32(1), x.shape), node.values)
    probe = _ones(g, present)
    return [_fitted(_nonzero(pull(probe, ones)), parent.shape) for pull, parent in zip(node.plan.pulls, node.parents)]


def _cut_off(node: Node, values: Sequence[Any], reaches: Sequence[Presence]) -> tuple[Any, ...]:
    """The operands of a contraction, recorded as constants where no present cotangent meets them."""
    plan: Any = node.plan
    reach_of = dict(zip(plan.active, reaches))

    def cut(i: int, x: Any) -> Any:
        reach = reach_of.get(i)
        return x if reach is None or not isinstance(x, Tensor) else where(reach, x, x.array)

    if plan.primitive.variadic:
        operands, *rest = values
        return (tuple(cut(i, x) for i, x in enumerate(operands)), *rest)
    return tuple(cut(k, x) for k, x in zip(plan.kept, values))


def _along_axes(share: Any, present: Presence, node: Node) -> Presence:
    """Present are the lines, along the axes of a reduction or a normalisation, that have something present."""
    plan: Any = node.plan
    values: Any = node.values
    primitive = plan.primitive
    axis = values[plan.kept.index(len(primitive.inputs) + 1 + primitive.statics.index("axis"))]
    shape = node.parents[0].shape
    kept = kept_shape(shape, axis if isinstance(axis, tuple) else (axis,))
    lines = np.zeros(kept, bool)
    for part in _parts(present):
        lines = lines | (part.any(axis, keepdims=True) if part.shape == shape else part.reshape(kept))

    def spread(part: Any) -> Array:
        return np.broadcast_to(lines, shape) if part.shape == shape else lines.reshape(part.shape)

    return _each(spread, share)


def _on_matrices(share: Any, present: Presence, node: Node) -> Presence:
    """Present are the matrices of a stack that have something present."""
    depth = len(node.parents[0].shape) - 2
    stack = functools.reduce(np.logical_or, (p.any(tuple(range(depth, p.ndim))) for p in _parts(present)))
    stack = np.asarray(stack)

    def spread(part: Any) -> Array:
        return np.broadcast_to(stack.reshape(stack.shape + (1,) * (len(part.shape) - depth)), part.shape)

    return _each(spread, share)


def _absorbed(share: Any, reached: Presence) -> Any:
    """A contribution with 0 for NaN where it is absent, and if it is recorded, with constants there."""
    if isinstance(share, Bundle):
        return Bundle({i: _absorbed(part, reached.parts[i]) for i, part in share.parts.items()}, share.count)
    array = _array(share)
    bad = ~reached & np.isnan(array)
    if isinstance(share, Tensor):
        return share if reached.all() else where(reached, share, np.where(bad, array.dtype.type(0), array))
    return np.where(bad, array.dtype.type(0), array) if bad.any() else share


# Presences


def _ones(g: Any, present: Presence) -> Any:
    """The presence as numbers, one where there is something, in the form of the cotangent (or list of tangents) `g`."""
    if isinstance(g, list):
        presences = present or [None] * len(g)
        return [None if t is None else _ones(t, p) for t, p in zip(g, presences)]
    if isinstance(g, Bundle):
        parts = {i: _ones(part, None if present is None else present.parts[i]) for i, part in g.parts.items()}
        return Bundle(parts, g.count)
    return np.ones(g.shape, np.float32) if present is None else present.astype(np.float32)


def _nonzero(share: Any) -> Presence:
    return None if share is None else _each(lambda part: _array(part) != 0, share)


def _each(f: Callable[[Any], Any], x: Any) -> Any:
    """`f` of an array, or of each part of a Bundle."""
    return Bundle({i: f(part) for i, part in x.parts.items()}, x.count) if isinstance(x, Bundle) else np.asarray(f(x))


def _parts(present: Presence) -> list[Array]:
    return list(present.parts.values()) if isinstance(present, Bundle) else [present]


def _united(first: Presence, second: Presence) -> Presence:
    """Present where one of the two is."""
    if first is None or second is None:
        return None
    if isinstance(first, Bundle):
        common = first.parts.keys() & second.parts.keys()
        return Bundle(first.parts | second.parts | {i: first.parts[i] | second.parts[i] for i in common}, first.count)
    return _compressed(first | second)


def _compressed(present: Presence) -> Presence:
    return None if isinstance(present, np.ndarray) and present.all() else present


def _fitted(present: Presence, shape: Any) -> Presence:
    """The presence of what an input of `shape` gets that was broadcast."""
    if present is None or isinstance(present, Bundle):
        return present
    return _compressed(present if present.shape == shape else unbroadcast(present, shape) != 0)


def _stretched(present: Presence, shape: Any) -> Presence:
    """The presence of a tangent that is broadcast to the result's `shape`."""
    if present is None or isinstance(present, Bundle):
        return present
    return _compressed(np.broadcast_to(present, shape))


def _widened(present: Presence, g: Any) -> Presence:
    """Present also where a hook put something."""
    return None if present is None else _compressed(present | (_array(g) != 0))


# Arrays among values


def _array(x: Any) -> Array:
    x = evaluated(x)
    return np.asarray(x.array if isinstance(x, Tensor) else x)


def _operands(f: Callable[[Any], Any], values: Any) -> tuple[Any, ...]:
    """`f` of the floating arrays and tensors among saved values; the others as they are."""

    def of(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(of, value))
        return f(value) if getattr(getattr(value, "dtype", None), "kind", "") == "f" else value

    return tuple(map(of, values))


def _arrays(values: Any) -> Iterator[Array]:
    for value in values:
        if isinstance(value, tuple):
            yield from _arrays(value)
        elif isinstance(value, np.ndarray) and value.dtype == bool:
            yield value


# Checkpoints


class _Handover:
    """Presences on their way into the sweep that a checkpoint's rule runs, and out of it."""

    def __init__(self) -> None:
        self.given: Sequence[tuple[Any, Presence]] = ()
        self.sweep: Absorbing | None = None

    def through(
        self, rule: Rule, g: Any, values: Sequence[Any], given: Sequence[tuple[Any, Presence]], k: int
    ) -> tuple[Any, Presence]:
        """What the rule makes of `g`, and the presence of its sweep's k-th target."""
        self.given = given
        token = _handover.set(self)
        try:
            share = rule(g, values)
        finally:
            _handover.reset(token)
        return share, None if self.sweep is None else self.sweep.present.get(self.sweep.targets[k])

    def take(self, sweep: Absorbing, seeds: Mapping[Node, Cotangent]) -> None:
        """Start `sweep` with the presences of its seeds, if they are what was given."""
        if self.sweep is None:
            found = {node: p for node, seed in seeds.items() for given, p in self.given if seed is given}
            if found:
                sweep.present, self.sweep = found, sweep


_handover: ContextVar[_Handover | None] = ContextVar("_handover", default=None)
