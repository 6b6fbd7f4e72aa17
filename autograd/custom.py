"""`custom_vjp` and `custom_jvp`: a user's own primitive, declared as the house declares its own.

Either kind of rule gives the other. A vjp is linear in the cotangent and a jvp in the tangent, so the one, recorded, is
swept in reverse for its transpose.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad
from autograd.graph import Bundle, reverse_sweep, run, unbroadcast
from autograd.memory import tick
from autograd.ops.axes import stretches
from autograd.ops.shaping import broadcast_to
from autograd.primitive import Primitive, Rule, apply, from_list, needing, protected
from autograd.tensor import Tensor, wrap

__all__ = ["custom_jvp", "custom_vjp"]

Shapes = tuple[tuple[int, ...], ...]

_SHAPES = "shapes of the results"  # a static parameter: no rule can name it


def custom_vjp(*vjps: Rule | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of arrays a primitive, by its vector-Jacobian products: one rule for each array input.

    The first parameters of the function, as many as there are rules, are its array inputs; the others are static
    (numbers, strings, options). It is called with ndarrays (with Python numbers as they are given), may use whatever it
    likes (loops, SciPy), must not write into its inputs, and returns an array or a tuple of arrays, which are copied,
    as are arrays, lists and dicts among the static parameters. The new function takes tensors and arrays, is recorded
    as one node under the function's own name, and is passed to `gradcheck` and the other tools as any function is.

    A rule takes the cotangent of the result (of several results a tuple, zeros for those that are not used) to that of
    its input. The names of its other parameters say what it needs, and only that is kept: inputs, static parameters,
    `<input>_shape`, and `y`, the result (`result` if a parameter of the function is called y). It returns the shape of
    the input, or that of a result along which the input was broadcast, or None for no contribution; a rule that is
    None says that there is no derivative.

    Second order and forward mode run the rule on tensors. One written with SciPy or with loops over elements gives
    first derivatives in reverse mode, and a TypeError that says so elsewhere. (What a rule takes out of a tensor by
    `float` or `item` is a constant to the next derivative: `gradcheck` to second order tells.)

    A function may be declared again, as in a notebook's cell that runs twice: nothing is kept by its name. Raises
    TypeError for a rule that names something unknown, for more rules than parameters, for static parameters that are
    tensors, and, in a derivative, for a rule that returns no real numbers; ValueError for one that returns a wrong
    shape.

    >>> @custom_vjp(lambda g, x, scale: g * scale * np.cos(scale * x))
    ... def wave(x, scale=1.0):
    ...     return np.sin(scale * x)
    >>> x = tensor([0.0, 1.0], requires_grad=True)
    >>> wave(x, scale=2.0).sum().backward()
    >>> x.grad
    tensor([ 2.       , -0.8322936])
    >>> jvp(wave, [np.zeros(1)], [np.ones(1)])[1]
    tensor([1.], dtype=float64)
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        made = Custom("custom_vjp", function, vjps)
        made.vjps = tuple(rule and made.checked_vjp(i, rule) for i, rule in enumerate(vjps))
        made.jvps = tuple(rule and made.transposed_vjp(rule) for rule in made.vjps)
        return made.function

    return declare


def custom_jvp(*jvps: Rule | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of arrays a primitive, by its Jacobian-vector products: one rule for each array input.

    As `custom_vjp`, but a rule takes the tangent of its input to the tangent of the result (of several results a tuple,
    None for those that do not move), of its shape or of one that broadcasts to it. Reverse mode transposes the rule,
    for which it has to run on tensors, and so do derivatives of higher order.

    >>> @custom_jvp(lambda t, x: 3 * x * x * t)
    ... def cube(x):
    ...     return x**3
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (tensor(12.), tensor(12.))
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        made = Custom("custom_jvp", function, jvps)
        made.jvps = tuple(rule and made.checked_jvp(i, rule) for i, rule in enumerate(jvps))
        made.vjps = tuple(rule and made.transposed_jvp(rule) for rule in made.jvps)
        return made.function

    return declare


class Custom(Primitive):
    """A primitive declared by a user."""

    def __init__(self, declaration: str, function: Callable[..., Any], rules: Sequence[Rule | None]) -> None:
        self.declaration = declaration
        parameters = list(inspect.signature(function).parameters.values())
        name = function.__name__
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
            raise TypeError(f"{declaration}: '{name}' takes any number of arguments; its inputs have to be named")
        if not 1 <= len(rules) <= len(parameters):
            names = ", ".join(p.name for p in parameters)
            raise TypeError(
                f"{declaration}: wants one rule for each array input of '{name}', which has the parameters ({names}); "
                f"got {len(rules)}"
            )
        super().__init__(self._forward(function, len(rules)), len(rules))
        self.signature = inspect.signature(function)
        self.result = "result" if any(p.name == "y" for p in parameters) else "y"
        self.statics += (_SHAPES,)

        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            return self._call(arguments, keywords)

        self.function = call
        self.function.primitive = self  # type: ignore[attr-defined]

    def _forward(self, function: Callable[..., Any], inputs: int) -> Callable[..., Any]:
        """The function of the arrays, the static parameters, and a list that is told the shapes of the results."""

        @functools.wraps(function)
        def forward(*arguments: Any) -> Any:
            *values, told = arguments
            arrays, static = values[:inputs], dict(zip(self.statics, values[inputs:]))
            y = function(*arrays, **static)
            several = isinstance(y, tuple)
            if several and not y:
                raise TypeError(f"{self.name}: has to return an array of real numbers, or a tuple of them; got ()")
            parts = tuple(self._result(part) for part in (y if several else (y,)))
            told[:] = [part.shape for part in parts], several
            return parts if several else parts[0]

        return forward

    def _result(self, part: Any) -> Array:
        """A result as an array of its own: the function may go on with what it returned."""
        try:
            array = np.asarray(part.array if isinstance(part, Tensor) else part)
        except ValueError:
            array = np.asarray(None)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{self.name}: has to return an array of real numbers, or a tuple of them; got {part!r}")
        return array.copy()

    def _call(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        try:
            bound = self.signature.bind(*arguments, **keywords)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}; its signature is {self.signature}") from None
        bound.apply_defaults()
        given = list(bound.arguments.values())
        inputs, static = given[: len(self.inputs)], given[len(self.inputs) :]
        for name, value in zip(self.statics, static):
            if isinstance(value, Tensor):
                raise TypeError(
                    f"{self.name}: '{name}' is a static parameter and cannot be a Tensor; {self.declaration} has rules "
                    f"for {', '.join(self.inputs)} only (None would say that there is no derivative)"
                )
        inputs = [from_list(x, inputs) if isinstance(x, (list, tuple)) else x for x in inputs]
        static = [*map(protected, static), []]
        if any(isinstance(x, Tensor) for x in inputs):
            return apply(self, inputs, tuple(static))
        return self.forward(*inputs, *static)

    # Rules

    def checked_vjp(self, i: int, rule: Rule) -> Rule:
        """The user's vjp with what it returns checked."""
        name, wanted = self.inputs[i], self._wanted(i, rule)
        what = f"{self.name}: the vjp for '{name}'"

        def pull(g: Any, told: Any, shape: tuple[int, ...], *values: Any) -> Any:
            shapes, several = told
            returned = self._evaluate(what, rule, tuple(g.filled(shapes)) if several else g, wanted, values)
            if returned is None:
                return None
            share = _real(what, returned)
            if share.shape != shape and (share.shape not in shapes or not stretches(shape, share.shape)):
                stretched = " or of a result that it was broadcast along" if len(shape) else ""
                raise ValueError(f"{what} returned shape {share.shape}; wants {shape}, that of '{name}'{stretched}")
            return share

        return needing(pull, _SHAPES, f"{name}_shape", *wanted)

    def checked_jvp(self, i: int, rule: Rule) -> Rule:
        """The user's jvp with what it returns checked, in the shapes of the results."""
        name, wanted = self.inputs[i], self._wanted(i, rule)
        what = f"{self.name}: the jvp for '{name}'"

        def push(t: Any, told: Any, _: tuple[int, ...], *values: Any) -> Any:
            shapes, several = told
            returned = self._evaluate(what, rule, t, wanted, values)
            if returned is None:
                return None
            parts = returned if several else (returned,)
            if not isinstance(parts, tuple) or len(parts) != len(shapes):
                raise ValueError(f"{what} has to return a tuple of {len(shapes)} tangents; got {_described(returned)}")
            tangents = tuple(self._spread(what, part, shape) for part, shape in zip(parts, shapes))
            return tangents if several else tangents[0]

        return needing(push, _SHAPES, f"{name}_shape", *wanted)

    def _spread(self, what: str, part: Any, shape: tuple[int, ...]) -> Any:
        if part is None:
            return None
        tangent = _real(what, part)
        if tangent.shape != shape and not stretches(tangent.shape, shape):
            raise ValueError(f"{what} returned shape {tangent.shape}; wants {shape}, that of the result")
        return tangent if tangent.shape == shape else broadcast_to(tangent, shape)

    def transposed_vjp(self, pull: Any) -> Rule:
        """The jvp for an input, from its vjp u ↦ Jᵀu."""

        def push(t: Any, told: Any, shape: tuple[int, ...], *values: Any) -> Any:
            shapes, several = told

            def cotangent(us: Sequence[Tensor]) -> Any:
                g = Bundle(dict(enumerate(us)), len(us)) if several else us[0]
                share = pull(g, told, shape, *values)
                return (share if share is None or share.shape == shape else unbroadcast(share, shape),)

            found = _transposed(cotangent, shapes, (t,), t.dtype)
            return tuple(found) if several else found[0]

        return needing(push, *pull.needs)

    def transposed_jvp(self, push: Any) -> Rule:
        """The vjp for an input, from its jvp v ↦ Jv."""

        def pull(g: Any, told: Any, shape: tuple[int, ...], *values: Any) -> Any:
            _, several = told

            def tangents(vs: Sequence[Tensor]) -> Any:
                moved = push(vs[0], told, shape, *values)
                return moved if several or moved is None else (moved,)

            parts = tuple(g) if several else (g,)
            dtype = next(part.dtype for part in parts if part is not None)
            return _transposed(tangents, (shape,), parts, dtype)[0]

        return needing(pull, *push.needs)

    def _wanted(self, i: int, rule: Rule) -> tuple[str, ...]:
        """The names of what a rule needs, beside what it is linear in; TypeError for one that nothing is called by."""
        _, *parameters = inspect.signature(rule).parameters.values()
        statics = [name for name in self.statics if name != _SHAPES]
        known = (*self.inputs, self.result, *statics, *(f"{name}_shape" for name in self.inputs))
        unknown = [p.name for p in parameters if p.name not in known and p.default is p.empty]
        if unknown:
            raise TypeError(
                f"{self.declaration}: the rule for '{self.inputs[i]}' of '{self.name}' names {', '.join(unknown)}; "
                f"after its first parameter it can name {', '.join(known)}"
            )
        return tuple(p.name for p in parameters if p.name in known)

    def _evaluate(self, what: str, rule: Rule, g: Any, names: Sequence[str], values: Sequence[Any]) -> Any:
        """What a rule returns: on arrays if nothing has to be recorded, else on tensors, which not every rule can."""
        if not any(_tracked(part) for part in (g, *values)):
            return rule(_read_only(g), **{name: _plain(value) for name, value in zip(names, values)})
        why = "second order and forward mode" if self.declaration == "custom_vjp" else "second order and reverse mode"
        try:
            returned = rule(g, **dict(zip(names, values)))
        except Exception as error:
            raise TypeError(
                f"{what} does not run on tensors, which {why} need ({type(error).__name__}: {error}); write it with "
                "the operations of autograd, or with NumPy functions that take tensors"
            ) from error
        for part in returned if isinstance(returned, tuple) else (returned,):
            if isinstance(part, np.ndarray) and part.size:
                raise TypeError(
                    f"{what} made an array of tensors, so that its own derivative, which {why} need, is lost; write it "
                    "with the operations of autograd, or with NumPy functions that take tensors"
                )
        return returned


def _transposed(linear: Callable[[Sequence[Tensor]], Any], shapes: Shapes, cotangents: Any, dtype: Any) -> list[Any]:
    """Aᵀ of the `cotangents`, for a linear function A of variables of these shapes: recorded, and swept in reverse."""
    start = tick()
    with enable_grad():
        variables = [wrap(np.zeros(shape, dtype)).requires_grad_() for shape in shapes]
        images = linear(variables)
    seeds: dict[Any, Any] = {}
    for image, g in zip(images or (), cotangents):
        if g is not None and isinstance(image, Tensor) and image.node is not None:
            g = g if g.dtype == image.dtype else g.astype(image.dtype)
            seeds[image.node] = seeds[image.node] + g if image.node in seeds else g
    nodes = [v.node for v in variables if v.node is not None]
    recorded = any(isinstance(g, Tensor) for g in cotangents)
    found = run(reverse_sweep(seeds, nodes, create_graph=recorded, since=start))
    return [found.get(node) for node in nodes]


def _tracked(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_tracked, value))
    return isinstance(value, Tensor) and value.node is not None


def _plain(value: Any) -> Any:
    """Tensors as arrays."""
    if isinstance(value, tuple):
        parts = map(_plain, value)
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return value.array if isinstance(value, Tensor) else value


def _read_only(g: Any) -> Any:
    """Cotangents as arrays that a rule cannot write into, since others hold them too."""
    if isinstance(g, tuple):
        return tuple(map(_read_only, g))
    view = np.asarray(_plain(g)).view()
    view.setflags(write=False)
    return view


def _real(what: str, returned: Any) -> Any:
    """What a rule returned, as a tensor or as a view, which a sweep does not write into; TypeError if it is no
    numbers."""
    if isinstance(returned, Tensor) and returned.node is not None:
        return returned
    array = np.asarray(_plain(returned)) if not isinstance(returned, (tuple, list)) else np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{what} has to return an array of real numbers; got {_described(returned)}")
    return array.view()


def _described(x: Any) -> str:
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        return f"shape {x.shape} and {x.dtype}"
    return f"a tuple of {len(x)}" if isinstance(x, tuple) else f"{type(x).__name__} {x!r}"
