"""A recorded operation run again: its forward function and its rules, at what it was given then.

A node keeps only what its rules name. The rest comes from where it still is: from operations on the same tensors that
kept it, from tensors that are alive, and from running operations again whose inputs are known. What is nowhere, a
constant that was added, say, is stood in for by random numbers. That is sound: a rule that is right does not depend on
what it does not name, so it has to hold for any. A rule that names too little is found wrong at them, too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Bundle, Node, unbroadcast
from autograd.kernels.deferred import evaluated
from autograd.numeric.recorded import kept_results


def _matrices(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Symmetric positive definite, if they are square."""
    x = rng.uniform(0.1, 0.9, shape)
    return 0.1 * (x + x.swapaxes(-1, -2)) + np.eye(shape[-1]) if shape[-2:-1] == shape[-1:] and len(shape) > 1 else x


# How stand-ins are drawn, until the operation is finite at them: of both signs, inside (0, 1), above 1, of matrices.
_DRAWS: tuple[Callable[[np.random.Generator, tuple[int, ...]], Array], ...] = (
    lambda rng, shape: rng.normal(size=shape),
    lambda rng, shape: rng.uniform(0.1, 0.9, shape),
    lambda rng, shape: rng.uniform(1.1, 2.0, shape),
    _matrices,
)


# Operations on symmetric matrices, which read one triangle of theirs: they are moved, and their derivatives looked at,
# among the symmetric ones alone.
_OF_SYMMETRIC = frozenset(("cholesky", "eigh"))


class Given:
    """What an operation was given, as far as it is known: `inputs`, with None where not; `shapes` of these, with None
    where unknown; `static` parameters; `active`, the positions of the inputs to differentiate by.
    """

    def __init__(self, node: Node, known: Mapping[Node, Array]) -> None:
        plan = node.plan
        assert plan is not None
        self.node = node
        self.primitive = primitive = plan.primitive
        self.active = plan.active
        parents = dict(zip(plan.active, node.parents))
        kept = dict(zip(plan.kept, node.values or ()))
        count, first = len(primitive.inputs), len(primitive.inputs) + 1
        last = first + len(primitive.statics)
        self.static = [copy.copy(kept[k]) for k in range(first, last)]
        if primitive.variadic:
            everything = kept.get(0) or ()
            shapes = kept.get(last) or [np.shape(x) for x in everything]
            count = len(shapes) or max(plan.active) + 1
            values, lengths = dict(enumerate(everything)), dict(enumerate(shapes))
        else:
            values = {i: kept[i] for i in range(count) if i in kept}
            lengths = {i: kept[last + i] for i in range(count) if last + i in kept}
        self.inputs: list[Any] = []
        self.shapes: list[tuple[int, ...] | None] = []
        self.unknown: list[int] = []
        for i in range(count):
            value = evaluated(values.get(i))
            if value is None and i in parents:
                value = known.get(parents[i])
            if value is None and (i in parents or i not in values):
                self.unknown.append(i)
            self.inputs.append(value)
            self.shapes.append(parents[i].shape if i in parents else lengths.get(i, np.shape(value)))
        for i in self.unknown:
            if i not in parents and i not in lengths:
                self.shapes[i] = None

    def result(self) -> Any:
        """The operation's result at what it was given; None if that is not known."""
        if self.unknown:
            return None
        with np.errstate(all="ignore"):
            return evaluated(forward(self.primitive, self.inputs, self.static))


def known_results(order: Sequence[Node], alive: Mapping[Node, Array] | None = None) -> Iterator[tuple[Node, Array]]:
    """The results of nodes in order of creation, as far as they can be had, each with its node.

    Those that neither a rule nor anybody else (`alive`) kept are computed again, and dropped when no node to come needs
    them.
    """
    values = Results(order, alive or {})
    for node in order:
        if node.plan is not None and node not in values.known and hasattr(node.plan, "keep"):
            values.compute(Given(node, values.known))
        if node in values.known:
            yield node, values.known[node]
        values.passed(node)


class Results:
    """What is known of the results of nodes, while they are gone through in order of creation: `known`."""

    def __init__(self, order: Sequence[Node], alive: Mapping[Node, Array]) -> None:
        self.known = {**alive, **kept_results(order)}
        self.wanted: dict[Node, int] = {}
        for node in order:
            for parent in node.parents:
                self.wanted[parent] = self.wanted.get(parent, 0) + 1
        self.again: set[Node] = set()

    def compute(self, given: Given) -> None:
        """Run an operation again, if what it was given is known and its result is not, and wanted."""
        node = given.node
        if node in self.known or node.shape is None or not self.wanted.get(node):
            return
        y = given.result()
        if y is not None:
            self.known[node] = y
            self.again.add(node)

    def passed(self, node: Node) -> None:
        """Let go of what was computed again for this node and for none to come."""
        for parent in node.parents:
            self.wanted[parent] -= 1
            if not self.wanted[parent] and parent in self.again:
                del self.known[parent]


def forward(primitive: Any, inputs: Sequence[Any], static: Sequence[Any]) -> Any:
    """An operation on arrays."""
    return primitive.forward(list(inputs), *static) if primitive.variadic else primitive.forward(*inputs, *static)


class Replay:
    """An operation at a point, in float64: all floating inputs, known or stood in for.

    Results are flat: all floating outputs, one after the other.
    """

    def __init__(self, given: Given, inputs: Sequence[Any]) -> None:
        self.given = given
        self.plan = given.node.plan
        self.inputs = [_in_float64(x) for x in inputs]
        self.static = [_wide(s) for s in given.static]
        y = forward(self.primitive, self.inputs, self.static)
        self.several = isinstance(y, tuple)
        self.y = tuple(map(_in_float64, y)) if self.several else _in_float64(y)
        self.base = self.flat(y)
        everything: tuple[Any, ...] = (tuple(self.inputs),) if self.primitive.variadic else tuple(self.inputs)
        shapes = [np.shape(x) for x in self.inputs]
        everything += (self.y, *self.static, *((tuple(shapes),) if self.primitive.variadic else shapes))
        self.values = self.plan.keep(everything) if self.plan.kept else ()  # type: ignore[union-attr]

    @property
    def primitive(self) -> Any:
        return self.given.primitive

    def run(self, inputs: Sequence[Any]) -> Any:
        return forward(self.primitive, inputs, [copy.copy(s) for s in self.static])

    def parts(self, y: Any) -> list[Array]:
        arrays = [np.asarray(evaluated(part)) for part in (y if isinstance(y, tuple) else (y,))]
        return [a for a in arrays if a.dtype.kind == "f"]

    def flat(self, y: Any) -> Array:
        parts = [np.asarray(a, np.float64).ravel() for a in self.parts(y)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0), *parts])

    def moved(self, i: int, direction: Array) -> Callable[[float], Array]:
        """The result as a function of h, with input `i` moved by h times a direction."""
        direction = self.allowed(direction)

        def along(h: float) -> Array:
            inputs = list(self.inputs)
            inputs[i] = inputs[i] + h * direction
            try:
                return self.flat(self.run(inputs))
            except (ArithmeticError, ValueError):  # outside the operation's domain, as NumPy's linear algebra says it
                return np.full(self.base.shape, np.nan)

        return along

    def allowed(self, direction: Array) -> Array:
        """The part of a direction, or of a gradient, along which the input may be moved."""
        square = direction.ndim > 1 and direction.shape[-1] == direction.shape[-2]
        if self.primitive.known_as not in _OF_SYMMETRIC or not square:
            return direction
        return (direction + direction.swapaxes(-1, -2)) / 2

    def cotangent(self, flat: Array) -> Any:
        """A flat cotangent in the shape of the result, or as a Bundle of those of several."""
        if not self.several:
            return flat.reshape(np.shape(self.y))
        parts, start = {}, 0
        for k, part in enumerate(self.y):
            if part.dtype.kind == "f":
                parts[k] = flat[start : start + part.size].reshape(part.shape)
                start += part.size
        return Bundle(parts, len(self.y))

    def vjp(self, k: int, flat: Array) -> Array:
        """The contribution to the k-th active input, in its shape. ValueError if the rule returns another."""
        x = self.inputs[self.given.active[k]]
        share = self.plan.pulls[k](self.cotangent(flat), self.values)  # type: ignore[union-attr]
        if share is None:
            return np.zeros(x.shape)
        share = np.asarray(evaluated(share))
        if share.shape != x.shape:
            try:
                fits = np.broadcast_shapes(share.shape, x.shape) == share.shape
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(f"the vjp returns shape {share.shape} for an input of shape {x.shape}")
            share = unbroadcast(share, x.shape)
        return self.allowed(np.asarray(share, np.float64))

    def jvp(self, k: int, tangent: Array) -> Array:
        """The tangent of the result for one of the k-th active input, flat."""
        tangent = self.allowed(tangent)
        tangents = [tangent if position == k else None for position in range(len(self.given.active))]
        pushed = self.plan.push(tangents, self.values)  # type: ignore[union-attr]
        if pushed is None:
            return np.zeros(self.base.shape)
        outputs = self.y if self.several else (self.y,)
        parts = tuple(pushed) if isinstance(pushed, Bundle) else (pushed,)
        filled = [np.zeros(y.shape) if p is None else np.broadcast_to(p, y.shape) for p, y in zip(parts, outputs)]
        return self.flat(tuple(p for p, y in zip(filled, outputs) if y.dtype.kind == "f"))


def replays(given: Given, rng: np.random.Generator) -> list[Replay]:
    """The operation at the recorded point; where something is stood in for, at two points.

    Points at which it cannot be run are left out, and those at which it is not finite, if there is a better one.
    """
    finite: list[Replay] = []
    others: list[Replay] = []
    for inputs in _points(given, rng):
        try:
            here = Replay(given, inputs)
        except Exception:
            continue
        (finite if np.isfinite(here.base).all() else others).append(here)
        if len(finite) == (2 if given.unknown else 1):
            break
    return finite or others[:1]


def beside(replay: Replay, rng: np.random.Generator) -> Iterator[Replay]:
    """The operation with each input moved a little at random, off kinks and ties; nothing if it cannot be run there."""
    given = replay.given
    inputs = [replay.allowed(_moved(x, rng)) if i in given.active else x for i, x in enumerate(replay.inputs)]
    try:
        yield Replay(given, inputs)
    except Exception:
        return


def _points(given: Given, rng: np.random.Generator) -> Iterator[list[Any]]:
    """What the operation may have been given: the inputs that are known, and several sets of stand-ins for the others.

    A constant of unknown shape has that of the result, which an elementwise operation broadcasts to, or is a number.
    """
    whole = given.node.shape or ()
    for draw in _DRAWS if given.unknown else _DRAWS[:1]:
        for shape in ((whole,) if given.primitive.kind == "elementwise" else ((), whole))[: 1 + (None in given.shapes)]:
            inputs = list(given.inputs)
            for i in given.unknown:
                known = given.shapes[i]
                inputs[i] = draw(rng, shape if known is None else known)
            yield inputs


def scale_of(x: Array) -> float:
    """The size of an input's elements: their root mean square, 1 if all are zero."""
    finite = x[np.isfinite(x)]
    largest = float(abs(finite).max(initial=0.0)) or 1.0
    size = largest * float(np.sqrt(np.mean((finite / largest) ** 2))) if finite.size else 0.0
    return size or 1.0


def _moved(x: Array, rng: np.random.Generator) -> Array:
    return x + 0.01 * np.where(x == 0, scale_of(x), x) * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape)


def _in_float64(x: Any) -> Any:
    if isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(x, np.float64) if x.dtype.kind == "f" else np.asarray(x)
    return x


def _wide(static: Any) -> Any:
    """A static parameter for a run in float64: a floating dtype becomes that."""
    return np.dtype(np.float64) if isinstance(static, np.dtype) and static.kind == "f" else static
