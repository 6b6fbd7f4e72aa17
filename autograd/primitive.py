"""What a primitive is: a forward function on arrays with its derivative rules, and the one `apply` that records it.

Four ways to declare one, each saying the derivative once:

- `elementwise(*partials)`: y_i = f(a_i, b_i, …); one partial derivative per input. Both vjp and jvp follow.
- `linear(adjoint)`: y = A x for one array input. The adjoint is the vjp; the operation itself is the jvp.
- `multilinear(*vjps)`: linear in each input while the others are held. The operation itself gives the jvp.
- `primitive(vjps, jvps)`: everything else.

and `nondifferentiable` for what has no derivative. A rule is an ordinary function, and *the names of its parameters say
what it needs*: `g` the cotangent (or tangent), an input's name, `y` the result, `<input>_shape`, or a static parameter
of the operation. Only what the rules of the inputs that require grad name is kept. Rules are written with the public
operations, so they run on ndarrays in an ordinary backward pass and on tensors when the pass is itself recorded.

An operation called with arrays alone runs its forward function and returns an array.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from sys import _getframe as getframe
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from autograd.dtypes import Array, to_array
from autograd.grad_mode import recording
from autograd.graph import Bundle, Node
from autograd.kernels.deferred import Deferred, evaluated
from autograd.kernels.loops import LARGE, compute
from autograd.kernels.masking import keep_where
from autograd.memory import freeze, owner, tick
from autograd.source import in_library
from autograd.tensor import Pending, Tensor, held, wrap
from autograd.watching import Operation, observers, switches

Rule = Callable[..., Any]

# What operations take where NumPy would take something array-like.
Operand = Tensor | Array | np.generic | bool | int | float | complex | Sequence[Any]

registry: dict[str, Primitive] = {}  # the library's own
_SCALARS = frozenset((float, int, bool))
# Plans for more inputs, and more plans, are made anew each time: sequences to stack come in any length.
_MOST_INPUTS, _MOST_PLANS = 32, 256


class Masked:
    """Marks a partial derivative that is one where a condition holds and zero elsewhere.

    The cotangent is dropped there, not multiplied by zero, so that an infinite one does not become NaN.
    """

    def __init__(self, condition: Rule) -> None:
        self.condition = condition


class Primitive:
    """An operation on arrays and its derivative rules.

    Attributes: `name`; `forward`, arrays and static parameters to an array (or a tuple of arrays); `inputs`, the names
    of its array parameters; `variadic`, whether its one array parameter is a sequence of arrays; `statics`, the names
    of the other parameters; `vjps` and `jvps`, one rule per input, None where there is no derivative (if variadic, one
    vjp that is also told the position `i`, and one jvp that takes all tangents at once); `plans`, by the bit mask of
    the inputs to differentiate by; `function`, the public operation; `kind`, how it was declared; `result`, what rules
    call the result; `takes_deferred`, whether its vjp makes use of a cotangent that is not computed yet
    (`autograd.kernels.deferred`), and `reads_deferred`, whether its forward does of inputs. `later` gives the
    result of tensors' arrays, or of what is held in place of them, as one to be computed when somebody looks at it; or
    None.
    """

    kind: Literal["elementwise", "linear", "multilinear", "other"] = "other"
    result = "y"
    takes_deferred = False
    reads_deferred = False

    def __init__(
        self,
        forward: Rule,
        inputs: int,
        variadic: bool = False,
        elementwise: bool = False,
        kernel: Rule | None = None,
        later: Rule | None = None,
    ) -> None:
        self.name = forward.__name__.strip("_")
        self.forward = forward
        parameters = inspect.signature(forward).parameters
        names = list(parameters)
        self.variadic = variadic
        self.inputs = tuple(names[:inputs])
        self.statics = tuple(names[inputs:])
        self.defaults = {name: parameters[name].default for name in self.statics}
        self.vjps: tuple[Rule | None, ...] = ()
        self.jvps: tuple[Rule | None, ...] = ()
        self.plans: dict[int, Plan | None] = {}
        self.later = later
        self.function = _public(self, elementwise, kernel)
        if (forward.__module__ or "").startswith(f"{__package__}."):
            if self.name in registry:
                raise ValueError(f"a primitive named '{self.name}' is declared already")
            registry[self.name] = self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    @property
    def known_as(self) -> str:
        """The name of one of the library's own; "" for a user's, which may be called the same."""
        return self.name if registry.get(self.name) is self else ""

    @property
    def differentiable(self) -> bool:
        """Whether any input has a derivative rule."""
        return any(rule is not None for rule in self.vjps)

    def plan(self, mask: int) -> Plan | None:
        """How to differentiate with respect to the inputs whose bits are set in `mask`; None if it is not defined."""
        if mask in self.plans:
            return self.plans[mask]
        plan = Plan(self, mask) if self.differentiable else None
        if mask.bit_length() <= _MOST_INPUTS and len(self.plans) < _MOST_PLANS:
            self.plans[mask] = plan
        return plan

    def complete(self, static: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        """All static parameters in order, from those given by position, by keyword or by default."""
        given = dict(zip(self.statics, static, strict=False)) | keywords
        values = tuple(given.pop(name, default) for name, default in self.defaults.items())
        if given or len(static) > len(self.statics) or any(value is inspect.Parameter.empty for value in values):
            raise TypeError(f"{self.name}: takes {', '.join(self.inputs + self.statics)}; got {static} and {keywords}")
        return values


def _public(primitive: Primitive, elementwise: bool, kernel: Any) -> Callable[..., Any]:
    """The function a user calls: records when given a tensor, and only computes when given arrays.

    All go through `apply`, but for those of one input and elementwise ones of two, which have the same written out: on
    small arrays the bookkeeping takes longer than the arithmetic.
    """
    forward, plans, later = primitive.forward, primitive.plans, primitive.later
    count, width = len(primitive.inputs), len(primitive.statics)
    large = LARGE if kernel else math.inf

    def unary(x: Any) -> Any:
        if type(x) is not Tensor:
            if not isinstance(x, Tensor):
                return forward(x) if getattr(x, "size", 0) < large else compute(kernel, x)
            if later and (y := delayed(primitive, (x,))) is not None:
                return y
        array = x.array
        try:
            y = forward(array) if array.size < large else compute(kernel, array)
        except (ValueError, TypeError, IndexError) as error:
            raise _explained(error, primitive, (array,)) from None
        node = x.node
        if node is None or not recording.get():
            return bare(y)
        plan = plans.get(1) or primitive.plan(1)
        if plan is None:
            return bare(y)
        return record(plan, (node,), plan.keep((array, y)) if plan.kept else (), y)

    def binary(a: Any, b: Any) -> Any:
        first = second = None
        if type(a) is Tensor:
            x1, first = a.array, a.node
            if type(b) is Tensor:
                x2, second = b.array, b.node
            elif type(b) in _SCALARS:
                x2 = b
            else:
                return apply(primitive, (a, b))
            if later and x1.size >= LARGE and (y := delayed(primitive, (a, b))) is not None:
                return y
        elif type(b) is Tensor and type(a) in _SCALARS:
            x1, x2, second = a, b.array, b.node
        elif isinstance(a, Tensor) or isinstance(b, Tensor):
            return apply(primitive, (a, b))
        else:
            return forward(a, b)
        try:
            y = forward(x1, x2)
        except (ValueError, TypeError) as error:
            raise _explained(error, primitive, (x1, x2)) from None
        mask = (first is not None) + 2 * (second is not None)
        if not mask or not recording.get():
            return bare(y)
        plan = plans.get(mask) or primitive.plan(mask)
        if plan is None:
            return bare(y)
        parents = (first, second) if mask == 3 else (first or second,)
        return record(plan, parents, plan.keep((x1, x2, y)) if plan.kept else (), y)  # type: ignore[arg-type]

    def single(x: Any, *static: Any, **keywords: Any) -> Any:
        if keywords or len(static) != width:
            static = primitive.complete(static, keywords)
        if not isinstance(x, Tensor):
            return forward(x, *static)
        array = x.array
        try:
            y = forward(array, *static)
        except (ValueError, TypeError, IndexError) as error:
            raise _explained(error, primitive, (array,)) from None
        node = x.node
        plan = (plans.get(1) or primitive.plan(1)) if node is not None and recording.get() else None
        if plan is None:
            return unrecorded(y)
        values: tuple[Any, ...] = ()
        if plan.kept:
            values = plan.keep((array, y, *static, array.shape) if plan.shaped else (array, y, *static))
        return recorded(plan, (node,), values, y)  # type: ignore[arg-type]

    def postponed(x: Any, *static: Any, **keywords: Any) -> Any:
        if keywords or len(static) != width:
            static = primitive.complete(static, keywords)
        y = later(held(x), *static) if later and isinstance(x, Tensor) else None
        if y is None:
            return single(x, *static)
        node = x.node
        plan = (plans.get(1) or primitive.plan(1)) if node is not None and recording.get() else None
        if plan is None:
            return bare(y)
        return record(plan, (node,), plan.keep((None, y, *static, x.shape)), y)

    def general(*arguments: Any, **keywords: Any) -> Any:
        inputs, static = arguments[:count], arguments[count:]
        if keywords or len(static) != width:
            static = primitive.complete(static, keywords)
        for x in inputs:
            if isinstance(x, Tensor):
                return apply(primitive, inputs, static)
        return forward(*inputs, *static)

    def variadic(xs: Sequence[Any], *static: Any, **keywords: Any) -> Any:
        if keywords or len(static) != width:
            static = primitive.complete(static, keywords)
        for x in xs:
            if isinstance(x, Tensor):
                return apply(primitive, xs, static)
        return forward(xs, *static)

    if primitive.variadic:
        function: Callable[..., Any] = variadic
    elif elementwise and not width and count <= 2:
        function = unary if count == 1 else binary
    elif count == 1:
        function = postponed if later else single
    else:
        function = general
    function = functools.wraps(forward)(function)
    function.primitive = primitive  # type: ignore[attr-defined]
    return function


def elementwise(
    *partials: Rule | Masked | float | None, kernel: Rule | None = None, later: Rule | None = None
) -> Callable[[Rule], Callable[..., Tensor]]:
    """Declare y = f(a, b, …), element by element and broadcasting, by its partial derivatives.

    A partial is a function of what it needs (inputs by name, or `y`), a number, a `Masked` condition, or None for an
    input without a derivative. One whose first parameter is `g` is the product of cotangent and partial, for those that
    divide better than they multiply. A `kernel` computes the same as an operation of one input, into an `out`, as a
    ufunc does: large arrays are worked on by it, in pieces shared over threads. `later` is as a Primitive has it.
    """
    rules = tuple(_scaling(partial) for partial in partials)

    def declare(forward: Rule) -> Callable[..., Tensor]:
        made = Primitive(forward, len(partials), elementwise=True, kernel=kernel, later=later)
        made.kind = "elementwise"
        made.vjps = made.jvps = rules
        return made.function

    return declare


def linear(
    adjoint: Rule, variadic: bool = False, takes_deferred: bool = False, later: Rule | None = None
) -> Callable[[Rule], Callable[..., Any]]:
    """Declare an operation that is linear in its first parameter, by its adjoint, a function of `g` and what it names.

    >>> from autograd.primitive import linear
    >>> @linear(lambda g: g[::-1])
    ... def reverse(x):
    ...     return x[::-1]
    >>> jacobian(reverse)(ones(2))
    tensor([[0., 1.],
            [1., 0.]])
    """

    def declare(forward: Rule) -> Callable[..., Any]:
        made = Primitive(forward, 1, variadic, later=later)
        made.kind = "linear"
        made.takes_deferred = takes_deferred
        made.vjps = (adjoint,)
        if variadic:

            def push(tangents: Sequence[Any], shapes: tuple[tuple[int, ...], ...], *static: Any) -> Any:
                like = next(t for t in tangents if t is not None).dtype
                filled = [np.zeros(s, like) if t is None else t for t, s in zip(tangents, shapes, strict=True)]
                return made.function(filled, *static)

            made.jvps = (needing(push, f"{made.inputs[0]}_shape", *made.statics),)
        else:
            made.jvps = (needing(made.function, *made.statics),)
        return made.function

    return declare


def multilinear(*vjps: Rule) -> Callable[[Rule], Callable[..., Any]]:
    """Declare an operation that is linear in each of its inputs, by one vjp for each, of `g` and what it names.

    >>> from autograd.primitive import multilinear
    >>> @multilinear(lambda g, b: g * b, lambda g, a: g * a)
    ... def product(a, b):
    ...     return a * b
    >>> grad(product, (0, 1))(2.0, 5.0)
    (tensor(5.), tensor(2.))
    """

    def declare(forward: Rule) -> Callable[..., Any]:
        made = Primitive(forward, len(vjps))
        made.kind = "multilinear"
        made.vjps = vjps

        def along(i: int) -> Rule:
            def push(tangent: Any, *values: Any) -> Any:
                return made.function(*values[:i], tangent, *values[i:])

            return needing(push, *made.inputs[:i], *made.inputs[i + 1 :], *made.statics)

        made.jvps = tuple(along(i) for i in range(len(vjps)))
        return made.function

    return declare


def primitive(
    vjps: Sequence[Rule | None],
    jvps: Sequence[Rule | None],
    variadic: bool = False,
    takes_deferred: bool = False,
    reads_deferred: bool = False,
    later: Rule | None = None,
) -> Callable[[Rule], Callable[..., Any]]:
    """Declare an operation by a vjp and a jvp for each input, as functions of `g` and of what they name.

    A vjp takes a cotangent of the result's shape and returns one of the input's (broadcasting is undone afterwards); a
    jvp takes a tangent of the input's shape and returns one of the result's. Of several results, `g` is a tuple, with
    None for those without a cotangent.

    >>> from autograd.primitive import primitive
    >>> @primitive(vjps=[lambda g, x, y: g * exp(x - y)], jvps=[lambda g, x, y: sum(g * exp(x - y))])
    ... def soft_maximum(x):
    ...     return np.log(np.exp(x).sum())
    >>> grad(soft_maximum)(zeros(4))
    tensor([0.25, 0.25, 0.25, 0.25])
    """

    def declare(forward: Rule) -> Callable[..., Any]:
        made = Primitive(forward, len(vjps), variadic, later=later)
        made.reads_deferred = reads_deferred
        made.takes_deferred = takes_deferred
        made.vjps, made.jvps = tuple(vjps), tuple(jvps)
        return made.function

    return declare


def nondifferentiable(inputs: int = 1) -> Callable[[Rule], Callable[..., Any]]:
    """Declare an operation whose result (an index, a truth value) has no derivative; nothing is recorded.

    The first `inputs` parameters are arrays, the others settings.
    """

    def declare(forward: Rule) -> Callable[..., Any]:
        return Primitive(forward, inputs).function

    return declare


def needing(rule: Rule, *names: str) -> Rule:
    """`rule`, with what it needs said outright instead of by the names of its parameters."""
    wrapped = functools.partial(rule)
    wrapped.needs = names  # type: ignore[attr-defined]
    return wrapped


def _scaling(partial: Rule | Masked | float | None) -> Rule | None:
    """The rule that multiplies a cotangent or a tangent, alike, by a partial derivative."""
    if partial is None:
        return None
    if isinstance(partial, Masked):
        condition = partial.condition

        def masked(g: Any, *values: Any, out: Array | None = None) -> Any:
            return keep_where(condition(*values), g, out)

        def mask(g: Any, *values: Any) -> Any:
            if type(g) is not ndarray:
                return np.where(condition(*values), g, 0)
            return compute(masked, g, *values).astype(g.dtype, copy=False)

        return needing(mask, *inspect.signature(condition).parameters)
    if isinstance(partial, (int, float)):
        plain: dict[float, Rule] = {1: lambda g: g, -1: lambda g: -g, 0: lambda g: np.zeros_like(g)}
        return plain.get(partial, lambda g: g * partial)
    if hasattr(partial, "needs") or next(iter(inspect.signature(partial).parameters)) == "g":
        return partial

    def scale(g: Any, *values: Any) -> Any:
        return g * partial(*values)

    scale.needs = tuple(inspect.signature(partial).parameters)  # type: ignore[attr-defined]
    scale.partial = partial  # type: ignore[attr-defined]
    return scale


class Plan:
    """A primitive differentiated with respect to a given choice of its inputs.

    The values that rules can name are numbered: inputs, y, static parameters, shapes of the inputs. `kept` are the
    numbers of those that some rule names, and of all static parameters, so that the operation can be run again; `keep`
    takes the tuple of all to the tuple of these (`shaped` says whether it has to include the shapes). `active` are the
    chosen inputs; `pulls[k](g, values)` is the vjp for the k-th of them, `pushes[k](g, values)` the jvp.
    """

    __slots__ = ("active", "keep", "kept", "primitive", "pulls", "pushes", "shaped")

    def __init__(self, primitive: Primitive, mask: int) -> None:
        self.primitive = primitive
        self.active = tuple(i for i, bit in enumerate(bin(mask)[:1:-1]) if bit == "1")
        chosen = (0,) if primitive.variadic else self.active
        vjps, jvps = [primitive.vjps[i] for i in chosen], [primitive.jvps[i] for i in chosen]
        shapes = (f"{name}_shape" for name in primitive.inputs)
        names = (*primitive.inputs, primitive.result, *primitive.statics, *shapes)
        needs = {rule: _needs(rule, names, primitive) for rule in (*vjps, *jvps) if rule is not None}
        after_result = len(primitive.inputs) + 1
        static = range(after_result, after_result + len(primitive.statics))
        self.kept = tuple(sorted({k for need in needs.values() for k in need}.union(static)))
        self.keep = _selector(self.kept)
        self.shaped = any(k > len(primitive.inputs) + len(primitive.statics) for k in self.kept)
        places = {rule: tuple(self.kept.index(k) for k in need) for rule, need in needs.items()}
        self.pushes = tuple(_bind(rule, places[rule], len(self.kept)) if rule else _no_rule for rule in jvps)
        if primitive.variadic and vjps[0]:
            self.pulls = _bind_each(vjps[0], places[vjps[0]], self.active)
        else:
            self.pulls = tuple(_bind(rule, places[rule], len(self.kept)) if rule else _no_rule for rule in vjps)

    def push(self, tangents: Sequence[Any], values: tuple[Any, ...]) -> Any:
        """The tangent of the result, from those of the chosen inputs (None where there is none)."""
        if self.primitive.variadic:
            parts = [self.pushes[0](self._spread(tangents, values), values)]
        else:
            pairs = zip(tangents, self.pushes, strict=True)
            parts = [push(tangent, values) for tangent, push in pairs if tangent is not None]
        return combined(parts)

    def _spread(self, tangents: Sequence[Any], values: tuple[Any, ...]) -> list[Any]:
        """Tangents of the chosen inputs, laid out over all inputs of a variadic operation."""
        count = len(values[0] if self.kept[0] == 0 else values[-1])  # the inputs themselves, or else their shapes
        given = dict(zip(self.active, tangents, strict=True))
        return [given.get(i) for i in range(count)]

    def lift(self, node: Node) -> tuple[Any, ...]:
        """The node's saved arrays as tensors that stand in the graph where the arrays came from."""
        assert node.values is not None
        parent_of = dict(zip(self.active, node.parents, strict=True))
        result = len(self.primitive.inputs)
        lifted: list[Any] = []
        for k, value in zip(self.kept, node.values, strict=True):
            if k > result:
                lifted.append(value)
            elif k == result and isinstance(value, tuple):
                whole = _attach(value[0], node)
                whole.array = value
                lifted.append(tuple(_one_output(whole, i, value) for i in range(len(value))))
            elif k == result:
                lifted.append(_attach(value, node))
            elif self.primitive.variadic:
                lifted.append(tuple(_attach(v, parent_of.get(i)) for i, v in enumerate(value)))
            else:
                lifted.append(_attach(value, parent_of.get(k)))
        return tuple(lifted)


def combined(parts: Sequence[Any]) -> Any:
    """The tangent of a result, as the sum of what the jvps of its inputs return; None if none returns anything."""
    parts = [_bundle(part) if isinstance(part, tuple) else evaluated(part) for part in parts if part is not None]
    return functools.reduce(operator.add, parts) if parts else None


def _bundle(parts: tuple[Any, ...]) -> Bundle:
    """The tangents of several outputs, as a rule returns them."""
    return Bundle({i: part for i, part in enumerate(parts) if part is not None}, len(parts))


def _no_rule(g: Any, values: tuple[Any, ...]) -> None:
    """The rule for an input that requires grad where the operation has no derivative with respect to it."""


def _needs(rule: Rule, names: Sequence[str], primitive: Primitive) -> tuple[int, ...]:
    """What a rule's parameters stand for, as places in `names`."""
    needed = getattr(rule, "needs", None)
    if needed is None:
        needed = list(inspect.signature(rule).parameters)[1:]
        if primitive.variadic:
            needed = [name for name in needed if name != "i"]
    unknown = [name for name in needed if name not in names]
    if unknown:
        raise TypeError(f"a rule of '{primitive.name}' names {unknown}; it can have {names}")
    return tuple(names.index(name) for name in needed)


def _selector(places: tuple[int, ...]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """The function that takes a tuple to the tuple of what it has in `places`."""
    if len(places) > 1:
        return operator.itemgetter(*places)
    start = places[0] if places else 0
    return operator.itemgetter(slice(start, start + len(places)))


def _bind(rule: Rule, places: tuple[int, ...], size: int) -> Rule:
    """`rule` as a function of the cotangent and the tuple of `size` saved values, of which it needs those in `places`.

    The commonest forms have a function of their own, with the fewest calls.
    """
    partial = getattr(rule, "partial", None)
    if partial is not None and len(places) == 1:
        place = places[0]
        return lambda g, values: g * partial(values[place])
    if not places:
        return lambda g, values: rule(g)
    if places == tuple(range(size)):
        return lambda g, values: rule(g, *values)
    if len(places) == 1:
        place = places[0]
        return lambda g, values: rule(g, values[place])
    select = _selector(places)
    return lambda g, values: rule(g, *select(values))


def _bind_each(rule: Rule, places: tuple[int, ...], positions: Sequence[int]) -> tuple[Rule, ...]:
    """The vjp of a variadic operation, bound as by `_bind` for each of the inputs in `positions`."""
    select = _selector(places)

    def pull(i: int, g: Any, values: tuple[Any, ...]) -> Any:
        return rule(g, *select(values), i=i)

    return tuple([functools.partial(pull, i) for i in positions])


def apply(primitive: Primitive, inputs: Sequence[Any], static: tuple[Any, ...] = ()) -> Any:
    """Run a primitive on inputs of which one at least is a tensor, and record it if one of them requires grad.

    `_public` has the same written out for operations of one input, and for elementwise ones of two.
    """
    if primitive.later and (y := delayed(primitive, inputs, static)) is not None:
        return y
    arrays = []
    parents = []
    mask = 0
    bit = 1
    foreign = False
    deferred = primitive.reads_deferred
    for x in inputs:
        if isinstance(x, Tensor):
            arrays.append(held(x) if deferred else x.array)
            if x.node is not None:
                parents.append(x.node)
                mask |= bit
        else:
            if isinstance(x, (list, tuple)):
                x = from_list(x, inputs)
            elif hasattr(x, "__array__") and not isinstance(x, (ndarray, np.generic)):
                x = np.asarray(x)  # of another library, such as PyTorch's tensors
            arrays.append(x)
            foreign = foreign or isinstance(x, ndarray)
        bit <<= 1
    try:
        y = primitive.forward(arrays, *static) if primitive.variadic else primitive.forward(*arrays, *static)
        if foreign and isinstance(y, ndarray) and y.dtype.kind not in "biufc":
            raise TypeError("wants numbers or booleans")
    except (ValueError, TypeError, IndexError) as error:
        raise _explained(error, primitive, arrays) from None
    plan = (primitive.plans.get(mask) or primitive.plan(mask)) if mask and recording.get() else None
    if plan is None:
        return unrecorded(y)
    values: tuple[Any, ...] = ()
    if plan.kept:
        everything = (tuple(arrays), y, *static) if primitive.variadic else (*arrays, y, *static)
        if plan.shaped:
            shapes = tuple([a.shape if type(a) is ndarray else np.shape(a) for a in arrays])
            everything += (shapes,) if primitive.variadic else shapes
        values = plan.keep(everything)
        if foreign:
            values = protected(values)
    return recorded(plan, parents, values, y)


def delayed(primitive: Primitive, inputs: Sequence[Any], static: tuple[Any, ...] = ()) -> Tensor | None:
    """The result of a primitive on tensors and numbers, to be computed when somebody looks at it; None if it had better
    be computed at once. What a rule keeps is computed; of variadic primitives, nothing waits while history is recorded.
    """
    if primitive.variadic and recording.get():
        return None
    arrays: list[Any] = []
    parents = []
    mask = 0
    for i, x in enumerate(inputs):
        if isinstance(x, Tensor):
            arrays.append(held(x))
            if x.node is not None:
                parents.append(x.node)
                mask |= 1 << i
        elif x is None or type(x) in _SCALARS:
            arrays.append(x)
        else:
            return None
    plan = (primitive.plans.get(mask) or primitive.plan(mask)) if mask and recording.get() else None
    kept = plan.kept if plan else ()
    for k in kept:
        if k < len(inputs) and isinstance(inputs[k], Tensor):
            arrays[k] = inputs[k].array
    y = primitive.later(*([arrays] if primitive.variadic else arrays), *static)  # type: ignore[misc]
    if y is None:
        return None
    if plan is None:
        return bare(y)
    if len(inputs) in kept:
        y = y.array
    shapes = tuple([np.shape(a) for a in arrays])
    return record(plan, parents, plan.keep((*arrays, y, *static, *shapes)) if kept else (), y)


def unrecorded(y: Any) -> Any:
    """The result of an operation as a tensor, or as several, without history."""
    return tuple(wrap(part) for part in y) if isinstance(y, tuple) else wrap(y)


def recorded(plan: Plan, parents: Sequence[Node], values: tuple[Any, ...], y: Any) -> Any:
    """The result of an operation as a tensor, or as several, with its node.

    Several outputs have one node together, that of a tensor which holds the tuple and is never seen outside, and then
    each its own.
    """
    if not isinstance(y, tuple):
        return record(plan, parents, values, y)
    y = tuple(freeze(np.asarray(part)) for part in y)
    whole = record(plan, parents, values, y[0])
    whole.array = y
    assert whole.node is not None
    whole.node.shape = whole.node.dtype = None
    return tuple(_one_output(whole, i, y) for i in range(len(y)))


def from_list(x: Sequence[Any], inputs: Sequence[Any]) -> Array:
    """A list beside tensors as an array; Python floats in it take the tensors' floating dtype."""
    floating = [t.array.dtype for t in inputs if isinstance(t, Tensor) and t.array.dtype.kind == "f"]
    return to_array(x, default=np.result_type(*floating) if floating else None)


def record(plan: Plan, parents: Sequence[Node], values: tuple[Any, ...], y: Array) -> Tensor:
    """The result `y` of an operation as a tensor, with the node that remembers how it was made."""
    kind = Tensor
    if type(y) is ndarray:
        y.setflags(False)  # type: ignore[call-arg]  # by position, three times as fast
    elif isinstance(y, Deferred):
        kind = Pending
    else:
        y = freeze(np.asarray(y))
    result = _new_tensor(kind)
    result.array = y
    result.label = None
    result.node = node = _new_node(Node)
    node.plan = plan
    count = len(parents)
    node.first = parents[0]
    node.second = parents[1] if count > 1 else None
    node.others = tuple(parents[2:]) if count > 2 else ()
    node.values = values
    node.shape = y.shape
    node.dtype = y.dtype
    node.number = tick()
    frame = getframe(2)
    while in_library[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    node.code = frame.f_code
    node.offset = frame.f_lasti
    node.hooks = None
    return result


_new_tensor = Tensor.__new__
_new_node = Node.__new__


def protected(value: Any) -> Any:
    """A copy of an array that the caller could still write into, also in tuples, lists and dicts; anything else as it
    is."""
    if isinstance(value, np.ndarray) and owner(value).flags.writeable:
        return freeze(value.copy())
    if isinstance(value, tuple):
        parts = [protected(v) for v in value]
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    if type(value) is list:
        return [protected(v) for v in value]
    if type(value) is dict:
        return {key: protected(v) for key, v in value.items()}
    return value


def _attach(array: Any, node: Node | None) -> Any:
    if node is None:
        return array
    attached = wrap(array)
    attached.node = node
    return attached


def _one_output(whole: Tensor, i: int, y: tuple[Array, ...]) -> Tensor:
    """One output of an operation with several; an index or a truth value has no history."""
    if y[i].dtype.kind != "f":
        return wrap(y[i])
    result: Tensor = apply(_output.primitive, (whole,), (i, len(y)))  # type: ignore[attr-defined]
    return result


@primitive(
    vjps=[lambda g, i, count: Bundle({i: g}, count)],
    jvps=[lambda g, i: g.parts.get(i)],
)
def _output(outputs: Any, i: int, count: int) -> Any:
    """One of the results of an operation that has several.

    Derivative: the i-th of the cotangents of the results += ȳ.
    """
    return outputs[i]


def _explained(error: Exception, primitive: Primitive, arrays: Sequence[Any]) -> Exception:
    """The error again, naming the operation and what it was given; of a user's operation the very error, with a note
    that says so."""
    given = " and ".join(f"{np.shape(a)} {getattr(a, 'dtype', type(a).__name__)}" for a in arrays)
    if not primitive.known_as:
        error.add_note(f"in the operation '{primitive.name}'; given {given}")
        return error
    kind = next(k for k in (np.linalg.LinAlgError, IndexError, TypeError, ValueError) if isinstance(error, k))
    text = str(error).strip().removeprefix(f"{primitive.name}: ")
    return kind(f"{primitive.name}: {text}; given {given}")


# The functions above that make results are called by their names here; these are put in their place while somebody
# watches (`autograd.watching`).

bare = wrap  # the result of an elementwise operation that is not recorded


def _watched_record(plan: Plan, parents: Sequence[Node], values: tuple[Any, ...], y: Array) -> Tensor:
    result = _UNWATCHED["record"](plan, parents, values, y)
    _tell(plan.primitive, y, result.node)
    return result


def _watched_bare(y: Any) -> Any:
    result = _UNWATCHED["unrecorded"](y)
    _tell(None, y, None)
    return result


_UNWATCHED: dict[str, Callable[..., Any]] = {"record": record, "bare": bare, "unrecorded": unrecorded}
_WATCHED = {"record": _watched_record, "bare": _watched_bare, "unrecorded": _watched_bare}
switches.append(lambda watched: globals().update(_WATCHED if watched else _UNWATCHED))


def _tell(primitive: Any, y: Any, node: Node | None) -> None:
    """Tell the observers of the operation that is making a result.

    What it was given is read from its variables: `apply` and the functions of `_public` do not hand it on for a watcher
    that is hardly ever there.
    """
    watching = observers.get()
    if not watching:
        return
    frame: Any = getframe(2)
    if frame.f_code is recorded.__code__:
        frame = frame.f_back
    operation = Operation(primitive, (), (), evaluated(y), node)
    if frame.f_code.co_filename == apply.__code__.co_filename:
        given = frame.f_locals
        if "arrays" in given:
            inputs = tuple(evaluated(array) for array in given["arrays"])
        else:
            inputs = (given["x1"], given["x2"]) if "x2" in given else (given["x"].array,)
        operation = Operation(given["primitive"], inputs, tuple(given.get("static", ())), evaluated(given["y"]), node)
    for observer in watching:
        observer.computed(operation)
