"""Derivatives as functions of functions, and `backward`: a few lines each around the sweeps of `autograd.graph`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.grad_mode import enable_grad, recording
from autograd.graph import Node, ancestors, forward_sweep, reverse_sweep, run
from autograd.memory import tick
from autograd.ops.joining import concatenate, split, stack
from autograd.ops.shaping import permute_dims, reshape
from autograd.primitive import linear
from autograd.tensor import RETAIN, Tensor, accumulate, wrap

__all__ = ["grad", "gradients", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]


def backward(
    self: Tensor,
    gradient: Tensor | Array | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Differentiate this tensor with respect to every leaf that it depends on, adding to their `.grad`.

    `gradient`, of this tensor's shape, is the cotangent to start from; a tensor of one element starts from 1.
    `retain_graph` keeps what was saved, for another pass; `create_graph` records the pass itself, so that the gradients
    can be differentiated again (and retains the graph; each `.grad` then holds on to the graph and the graph to it,
    until `.grad` is set to None: `gradients` makes no such circle). `inputs` limits the pass to those tensors, leaves
    or not.

    Raises RuntimeError if the tensor does not require grad, if `gradient` is needed, if the graph was freed by an
    earlier pass, or if an array that the pass needs was written into since; ValueError for a `gradient` of another
    shape or if `inputs` is empty.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).backward(gradient=np.ones(2))
    >>> x.grad
    tensor([2., 4.])
    """
    if self.node is None:
        raise RuntimeError("backward: the tensor does not require grad, so nothing was recorded to differentiate")
    chosen = None if inputs is None else _nodes("backward", (inputs,) if isinstance(inputs, Tensor) else inputs)
    if chosen == []:
        raise ValueError("backward: inputs is empty; leave it out to reach all leaves")
    seed = starting_cotangent("backward", self, gradient, create_graph)
    sweep = reverse_sweep({self.node: seed}, chosen, retain_graph=retain_graph, create_graph=create_graph)
    with enable_grad():
        found = run(sweep, (self,))
        for node, cotangent in found.items():
            if RETAIN not in (node.hooks or ()):
                accumulate(node, cotangent)


def starting_cotangent(op: str, output: Tensor, given: Any, as_tensor: bool) -> Any:
    """The cotangent of `output` that a sweep starts from, checked."""
    if given is None:
        if output.size != 1:
            raise RuntimeError(
                f"{op}: an output of shape {output.shape} needs a gradient of that shape to start from; "
                "only an output of one element starts from 1"
            )
        array = np.ones(output.shape, output.dtype)
    else:
        array = given.array if isinstance(given, Tensor) else to_array(given, output.dtype)
        if array.shape != output.shape:
            raise ValueError(f"{op}: gradient has shape {array.shape}, the output {output.shape}")
    return _like(output, given if isinstance(given, Tensor) else array, as_tensor)


def _like(x: Tensor, derivative: Any, as_tensor: bool) -> Any:
    """A tangent or cotangent of `x`, a tensor or an array, in the dtype of `x`, as a tensor or as an array."""
    if derivative.dtype != x.dtype:
        derivative = derivative.astype(x.dtype)
    if as_tensor:
        return _wrapped(derivative)
    return derivative.array if isinstance(derivative, Tensor) else derivative


def _nodes(op: str, tensors: Sequence[Tensor], role: str = "input") -> list[Node]:
    nodes = []
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"{op}: {role} {i} is a {type(t).__name__}, not a Tensor")
        if t.node is None:
            why = ", so nothing was recorded that leads to it" if role == "output" else ""
            raise RuntimeError(f"{op}: {role} {i}{f' ({t.name})' if t.name else ''} does not require grad{why}")
        nodes.append(t.node)
    return nodes


def gradients(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    create_graph: bool = False,
    retain_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of (the sum of) `outputs` with respect to each of `inputs`, leaving every `.grad` alone.

    Inputs may be any tensors of the graph, not only leaves. `grad_outputs`, one for each output and of its shape, are
    the cotangents to start from; an output of one element starts from 1. `create_graph` and `retain_graph` are as in
    `Tensor.backward`.

    Raises RuntimeError for an input that no output depends on (None with `allow_unused`), an output that needs a
    cotangent, and as `backward` does; ValueError for cotangents of another shape or number.

    >>> x = tensor(3.0, requires_grad=True)
    >>> h = x * x
    >>> gradients(h * x, [x, h])
    (tensor(27.), tensor(3.))
    """
    ys = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    xs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        grad_outputs = [None] * len(ys)
    elif isinstance(outputs, Tensor) and not isinstance(grad_outputs, (list, tuple)):
        grad_outputs = [grad_outputs]
    if len(grad_outputs) != len(ys):
        raise ValueError(f"gradients: got {len(ys)} outputs and {len(grad_outputs)} grad_outputs")
    seeds: dict[Node, Any] = {}
    for y, node, g in zip(ys, _nodes("gradients", ys, "output"), grad_outputs, strict=True):
        seed = starting_cotangent("gradients", y, g, create_graph)
        seeds[node] = seeds[node] + seed if node in seeds else seed
    targets = _nodes("gradients", xs)
    with enable_grad():
        found = run(reverse_sweep(seeds, targets, retain_graph=retain_graph, create_graph=create_graph), ys)
    results = tuple(_wrapped(found[t]) if t in found else None for t in targets)
    unused = [i for i, result in enumerate(results) if result is None]
    if unused and not allow_unused:
        raise RuntimeError(
            f"gradients: no output depends on input {unused[0]}; pass allow_unused=True to get None for it"
        )
    return results


def _wrapped(cotangent: Any) -> Tensor:
    return cotangent if isinstance(cotangent, Tensor) else wrap(cotangent)


@linear(lambda g: g)
def _variable(x: Array) -> Any:
    """`x` as a variable of its own, for a transform to differentiate by.

    Derivative: x̄ += ȳ.
    """
    return x[...]


class _Trace(NamedTuple):
    """A function called with variables in place of the arguments to differentiate by.

    `y` is its result; `xs` the variables, with the `nodes` that they had before the function, which may have written
    into them; and `start` the time before which everything else in the graph was made.
    `nested` says whether derivatives have to be recorded, because the result also depends on something outside: an
    argument that requires grad, a tensor that the function closes over, the variable of an enclosing transform.
    """

    y: Tensor
    xs: list[Tensor]
    nodes: list[Node]
    start: int
    nested: bool

    @property
    def value(self) -> Tensor:
        return self.y if self.nested else self.y.detach()

    def pull(self, cotangent: Any, create_graph: bool, retain_graph: bool = False) -> list[Tensor]:
        """The cotangents of the variables for one of the result; zeros where it does not depend on them."""
        found: dict[Node, Any] = {}
        if self.y.node is not None:
            seeds = {self.y.node: starting_cotangent("vjp", self.y, cotangent, create_graph)}
            with enable_grad():
                sweep = reverse_sweep(
                    seeds, self.nodes, retain_graph=retain_graph, create_graph=create_graph, since=self.start
                )
                found = run(sweep, (self.y,))
        zeros = (np.zeros(x.shape, x.dtype) for x in self.xs)
        return [_wrapped(found.get(node, zero)) for node, zero in zip(self.nodes, zeros, strict=True)]

    def push(self, tangents: Sequence[Any], create_graph: bool) -> Tensor:
        """The tangent of the result for those of the variables."""
        seeds = {}
        for i, (x, node, tangent) in enumerate(zip(self.xs, self.nodes, tangents, strict=True)):
            given = tangent if isinstance(tangent, Tensor) else to_array(tangent, x.dtype)
            if given.shape != x.shape:
                raise ValueError(f"jvp: tangent {i} has shape {given.shape}, its primal {x.shape}")
            seeds[node] = _like(x, given, create_graph)
        found: dict[Node, Any] = {}
        if self.y.node is not None:
            with enable_grad(), np.errstate(all="ignore"):
                found = forward_sweep(seeds, [self.y.node], create_graph=create_graph, since=self.start)
        result = _wrapped(next(iter(found.values()), np.zeros(self.y.shape, self.y.dtype)))
        arrays = [seed for seed in seeds.values() if isinstance(seed, np.ndarray)]
        return wrap(result.array.copy()) if any(np.may_share_memory(result.array, x) for x in arrays) else result


def _trace(
    name: str, f: Function, args: Sequence[Any], argnums: Sequence[int], kwargs: dict[str, Any] | None = None
) -> _Trace:
    for i in argnums:
        if not -len(args) <= i < len(args):
            raise IndexError(f"{name}: there is no argument {i} to differentiate by, of {len(args)} given by position")
    if len({i % len(args) for i in argnums}) < len(argnums):
        raise ValueError(f"{name}: an argument comes twice among those to differentiate by, {tuple(argnums)}")
    start = tick()
    with enable_grad():
        xs = [variable(args[i], name) for i in argnums]
        nodes = _nodes(name, xs)
        replaced = list(args)
        for i, x in zip(argnums, xs, strict=True):
            replaced[i] = x
        y = f(*replaced, **(kwargs or {}))
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}: the function has to return a Tensor, got {type(y).__name__}")
    nested = recording.get() and y.node is not None and ancestors([y.node], start)[0].number < start
    return _Trace(y, xs, nodes, start, nested)


def variable(x: Any, op: str = "variable") -> Tensor:
    """`x` as a variable of its own: a leaf, or, if `x` requires grad, a copy that depends on it."""
    if isinstance(x, Tensor) and x.node is not None:
        return _variable(x)
    made = x.detach() if isinstance(x, Tensor) else Tensor(x)
    if made.dtype.kind != "f":
        raise TypeError(f"{op}: derivatives are taken with respect to floating-point values, not {made.dtype}")
    return made.requires_grad_()


def _check(op: str, f: Any, *argnums: Any) -> None:
    if not callable(f):
        raise TypeError(
            f"{op}: wants a function, got {type(f).__name__}; for derivatives of what is computed already see gradients"
        )
    for i in argnums:
        if not isinstance(i, (int, np.integer)):
            raise TypeError(
                f"{op}: an argument to differentiate by is given by its number, got {i!r}; the arguments themselves "
                f"are for what {op} returns, as in {op}(f)(x)"
            )


def _check_directions(op: str, primals: Any, tangents: Any) -> None:
    for name, given in (("primals", primals), ("tangents", tangents)):
        if isinstance(given, (Tensor, np.ndarray)):
            raise TypeError(f"{op}: {name} is a list with one entry for each argument of the function; got one array")
    if len(primals) != len(tangents):
        raise ValueError(f"{op}: got {len(primals)} primals and {len(tangents)} tangents")


@overload
def value_and_grad(f: Function, argnum: int = 0) -> Callable[..., tuple[Tensor, Tensor]]: ...
@overload
def value_and_grad(f: Function, argnum: tuple[int, ...]) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]: ...
def value_and_grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Callable[..., tuple[Tensor, Any]]:
    """A function that returns `f`'s value, one number, and its gradient with respect to argument `argnum` (or several).

    Raises as `grad` does.

    >>> value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 3.0]))
    (tensor(10., dtype=float64), tensor([2., 6.], dtype=float64))
    """
    argnums = tuple(argnum) if isinstance(argnum, (tuple, list)) else (argnum,)
    _check("grad", f, *argnums)

    def differentiated(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        trace = _trace("grad", f, args, argnums, kwargs)
        if trace.y.size != 1:
            raise ValueError(
                f"grad: the function has to return one number, got shape {trace.y.shape}; see jacobian and vjp"
            )
        found = trace.pull(None, create_graph=trace.nested)
        return trace.value, tuple(found) if isinstance(argnum, (tuple, list)) else found[0]

    return differentiated


@overload
def grad(f: Function, argnum: int = 0) -> Callable[..., Tensor]: ...
@overload
def grad(f: Function, argnum: tuple[int, ...]) -> Callable[..., tuple[Tensor, ...]]: ...
def grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the gradient of `f`, which returns one number, by argument `argnum` (or several).

    The gradient function raises ValueError if `f` does not return one number, IndexError for an argument that it is not
    given by position, TypeError for one that is not floating-point (2 in place of 2.0), and if `f` returns no tensor.

    >>> grad(lambda x: x * x * x)(2.0)
    tensor(12.)
    >>> grad(grad(lambda x: x * x * x))(2.0)
    tensor(12.)
    """
    both: Function = value_and_grad(f, argnum)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def vjp(f: Function, *xs: Any) -> tuple[Tensor, Callable[[Any], tuple[Tensor, ...]]]:
    """`f(*xs)`, and a function that takes a cotangent of it to the cotangents of `xs` (and may be called again).

    Raises TypeError for `xs` that are not floating-point; the function, ValueError for a cotangent of another shape.

    >>> y, pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pull(np.array([1.0, 10.0]))
    (tensor([ 2., 40.], dtype=float64),)
    """
    trace = _trace("vjp", f, xs, range(len(xs)))

    def pull(cotangent: Any) -> tuple[Tensor, ...]:
        recorded = recording.get() and (trace.nested or _tracked(cotangent))
        return tuple(trace.pull(cotangent, create_graph=recorded, retain_graph=True))

    return trace.value, pull


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """`f(*primals)`, and its derivative in the direction of `tangents`: forward mode.

    `primals` and `tangents` are lists of as many. Raises ValueError for other numbers and shapes, TypeError for primals
    that are not floating-point.

    >>> jvp(lambda x: x * x, [np.array([1.0, 2.0])], [np.array([1.0, 10.0])])
    (tensor([1., 4.], dtype=float64), tensor([ 2., 40.], dtype=float64))
    """
    _check_directions("jvp", primals, tangents)
    trace = _trace("jvp", f, primals, range(len(primals)))
    recorded = recording.get() and (trace.nested or any(_tracked(t) for t in tangents))
    return trace.value, trace.push(tangents, create_graph=recorded)


def _tracked(x: Any) -> bool:
    return isinstance(x, Tensor) and x.node is not None


def jacobian(f: Function, argnum: int = 0, mode: Literal["reverse", "forward"] | None = None) -> Callable[..., Tensor]:
    """A function that returns the Jacobian of `f` with respect to argument `argnum`: shape (*output, *input).

    One sweep per output element in reverse mode, one per input element in forward mode; unless told, the fewer. Raises
    ValueError for another mode, IndexError and TypeError as `grad` does.

    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]], dtype=float64)
    """
    _check("jacobian", f, argnum)
    if mode not in (None, "reverse", "forward"):
        raise ValueError(f"jacobian: mode has to be 'reverse', 'forward' or None, got {mode!r}")

    def differentiated(*args: Any, **kwargs: Any) -> Tensor:
        trace = _trace("jacobian", f, args, [argnum], kwargs)
        y, (x,) = trace.y, trace.xs
        if mode == "forward" or (mode is None and x.size < y.size):
            columns = [trace.push([e], trace.nested) for e in _basis(x)]
            return _stacked(columns, (*x.shape, *y.shape), y.dtype, x.ndim)
        rows = [trace.pull(e, trace.nested, retain_graph=True)[0] for e in _basis(y)]
        return _stacked(rows, (*y.shape, *x.shape), x.dtype, 0)

    return differentiated


def _basis(x: Tensor) -> Iterator[Array]:
    """The unit vectors of `x`'s space."""
    for k in range(x.size):
        unit = np.zeros(x.size, x.dtype)
        unit[k] = 1
        yield unit.reshape(x.shape)


def _stacked(parts: Sequence[Tensor], shape: tuple[int, ...], dtype: Any, moved: int) -> Tensor:
    """The rows (or columns) of a Jacobian as one tensor of `shape`, with its first `moved` axes then put last."""
    table = reshape(stack(parts), shape) if parts else wrap(np.zeros(shape, dtype))
    return permute_dims(table, (*range(moved, len(shape)), *range(moved)))


def hessian(f: Function, argnum: int = 0) -> Callable[..., Tensor]:
    """A function that returns the second derivatives of `f`, which returns one number: shape (*input, *input).

    Raises as `grad` does.

    >>> hessian(lambda x: (x * x * x).sum())(np.array([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]], dtype=float64)
    """
    _check("hessian", f, argnum)
    return jacobian(grad(f, argnum), argnum)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of `f` times a vector, without the Hessian: the jvp of its gradient (forward over reverse).

    Returns a tensor shaped as the one primal; for several, a tuple, each part with its share of the mixed derivatives.
    Raises as `grad` and `jvp` do.

    >>> hvp(lambda x: (x * x * x).sum(), [np.array([1.0, 2.0])], [np.array([1.0, 1.0])])
    tensor([ 6., 12.], dtype=float64)
    """
    _check_directions("hvp", primals, tangents)
    if len(primals) == 1:
        return jvp(grad(f), primals, tangents)[1]
    trace = _trace("hvp", lambda *xs: _joined(grad(f, tuple(range(len(xs))))(*xs)), primals, range(len(primals)))
    recorded = recording.get() and (trace.nested or any(_tracked(t) for t in tangents))
    ends = np.cumsum([x.size for x in trace.xs])[:-1].tolist()
    parts = split(trace.push(tangents, create_graph=recorded), ends)
    return tuple(p.reshape(x.shape).astype(x.dtype, copy=False) for p, x in zip(parts, trace.xs, strict=True))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return concatenate([part.reshape(-1) for part in parts])
