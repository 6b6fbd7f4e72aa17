"""Derivatives as functions of functions, and `backward`: all are a few lines around the two sweeps of `autograd.graph`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.grad_mode import enable_grad, recording
from autograd.graph import Node, forward_sweep, reverse_sweep, run
from autograd.memory import freeze, writing
from autograd.primitive import linear
from autograd.tensor import Tensor, wrap

__all__ = ["grad", "gradients", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]

_inside_transform: ContextVar[bool] = ContextVar("inside_transform", default=False)


def backward(
    self: Tensor,
    gradient: Tensor | Array | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Differentiate this tensor with respect to every leaf that it depends on, adding to their `.grad`.

    `gradient`, of this tensor's shape, is the cotangent to start from; a tensor of one element starts from 1.
    `retain_graph` keeps what was saved, for another pass; `create_graph` records the pass itself, so that the gradients can
    be differentiated again (and retains the graph). `inputs` limits the pass to those tensors.

    Raises RuntimeError if the tensor does not require grad, if `gradient` is needed, if the graph was freed by an earlier
    pass, or if an array that the pass needs was written into since.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).backward(gradient=np.ones(2))
    >>> x.grad
    tensor([2., 4.])
    """
    if self.node is None:
        raise RuntimeError("backward: the tensor does not require grad, so nothing was recorded to differentiate")
    chosen = None if inputs is None else _nodes("backward", (inputs,) if isinstance(inputs, Tensor) else inputs)
    seed = _seed("backward", self, gradient, create_graph)
    sweep = reverse_sweep({self.node: seed}, chosen, retain_graph=retain_graph, create_graph=create_graph)
    with enable_grad():
        found = run(sweep)
        for node, cotangent in found.items():
            _accumulate(node, cotangent)


def _accumulate(node: Node, cotangent: Any) -> None:
    earlier: Tensor | None = getattr(node, "grad", None)
    if earlier is None:
        node.grad = cotangent if isinstance(cotangent, Tensor) else wrap(cotangent)
    elif isinstance(cotangent, Tensor) or earlier.node is not None:
        node.grad = earlier + cotangent
    else:
        with writing(earlier.array) as total:
            np.add(total, cotangent, out=total)


def _seed(op: str, output: Tensor, given: Any, as_tensor: bool) -> Any:
    """The cotangent that a sweep starts from, checked."""
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
        if array.dtype != output.dtype:
            array = array.astype(output.dtype)
    if not as_tensor:
        return array
    return given if isinstance(given, Tensor) and given.dtype == output.dtype else wrap(array)


def _nodes(op: str, tensors: Sequence[Tensor]) -> list[Node]:
    nodes = []
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"{op}: input {i} is a {type(t).__name__}, not a Tensor")
        if t.node is None:
            raise RuntimeError(f"{op}: input {i}{f' ({t.name})' if t.name else ''} does not require grad")
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

    Inputs may be any tensors of the graph, not only leaves. One that no output depends on is an error, or None with
    `allow_unused`.

    >>> x = tensor(3.0, requires_grad=True)
    >>> h = x * x
    >>> gradients(h * x, [x, h])
    (tensor(27.), tensor(3.))
    """
    ys = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    xs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    given = (grad_outputs,) if len(ys) == 1 and not isinstance(grad_outputs, (list, tuple)) else grad_outputs
    seeds: dict[Node, Any] = {}
    for y, node, g in zip(ys, _nodes("gradients", ys), given or [None] * len(ys), strict=True):
        seed = _seed("gradients", y, g, create_graph)
        seeds[node] = seeds[node] + seed if node in seeds else seed
    targets = _nodes("gradients", xs)
    with enable_grad():
        found = run(reverse_sweep(seeds, targets, retain_graph=retain_graph, create_graph=create_graph))
    results = tuple(_wrapped(found[t]) if t in found else None for t in targets)
    unused = [i for i, result in enumerate(results) if result is None]
    if unused and not allow_unused:
        raise RuntimeError(f"gradients: no output depends on input {unused[0]}; pass allow_unused=True to get None for it")
    return results


def _wrapped(cotangent: Any) -> Tensor:
    return cotangent if isinstance(cotangent, Tensor) else wrap(cotangent)


@linear(lambda g: g)
def _variable(x: Array) -> Any:
    return x[...]


@contextmanager
def _traced(args: Sequence[Any]) -> Iterator[tuple[list[Tensor], bool]]:
    """`args` as variables to differentiate by, and whether what is computed from them has to stay differentiable.

    An argument that is being differentiated already becomes a copy that depends on it, which is what lets transforms nest.
    """
    nested = _inside_transform.get() or (recording.get() and any(isinstance(a, Tensor) and a.node for a in args))
    token = _inside_transform.set(True)
    try:
        with enable_grad():
            yield [variable(a) for a in args], nested
    finally:
        _inside_transform.reset(token)


def variable(x: Any) -> Tensor:
    """`x` as a variable of its own: a leaf, or, if `x` requires grad, a copy that depends on it."""
    if isinstance(x, Tensor) and x.node is not None:
        return _variable(x)
    made = x.detach() if isinstance(x, Tensor) else Tensor(x)
    if made.dtype.kind in "biu":
        raise TypeError(f"derivatives are taken with respect to floating-point values, not {made.dtype}")
    return made.requires_grad_()


def _checked_scalar(name: str, y: Any) -> Tensor:
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}: the function has to return a Tensor, got {type(y).__name__}")
    if y.size != 1:
        raise ValueError(f"{name}: the function has to return one number, got shape {y.shape}; see jacobian and vjp")
    return y


def _pull(y: Tensor, xs: Sequence[Tensor], seed: Any, create_graph: bool, retain: bool = False) -> list[Tensor]:
    """The cotangents of `xs` for a cotangent of `y`; zeros where `y` does not depend on them."""
    found: dict[Node, Any] = {}
    nodes = _nodes("vjp", xs)
    if y.node is not None:
        start = {y.node: _seed("vjp", y, seed, create_graph)}
        found = run(reverse_sweep(start, nodes, retain_graph=retain, create_graph=create_graph))
    return [_wrapped(found.get(node, np.zeros(x.shape, x.dtype))) for x, node in zip(xs, nodes, strict=True)]


def value_and_grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """A function that returns `f`'s value, one number, and its gradient with respect to argument `argnum` (or several).

    >>> value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 3.0]))
    (tensor(10., dtype=float64), tensor([2., 6.], dtype=float64))
    """
    chosen = (argnum,) if isinstance(argnum, int) else tuple(argnum)

    def differentiated(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        with _traced([args[i] for i in chosen]) as (xs, nested):
            y = _checked_scalar("grad", f(*_replaced(args, chosen, xs), **kwargs))
            found = _pull(y, xs, None, create_graph=nested)
        value = y if nested else y.detach()
        return value, found[0] if isinstance(argnum, int) else tuple(found)

    return differentiated


def grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """A function that returns the gradient of `f`, which returns one number, with respect to argument `argnum` (or several).

    >>> grad(lambda x: x * x * x)(2.0)
    tensor(12.)
    >>> grad(grad(lambda x: x * x * x))(2.0)
    tensor(12.)
    """
    both = value_and_grad(f, argnum)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def _replaced(args: Sequence[Any], chosen: Sequence[int], values: Sequence[Any]) -> list[Any]:
    replaced = list(args)
    for i, value in zip(chosen, values, strict=True):
        replaced[i] = value
    return replaced


def vjp(f: Function, *xs: Any) -> tuple[Tensor, Callable[[Any], tuple[Tensor, ...]]]:
    """`f(*xs)`, and a function that takes a cotangent of it to the cotangents of `xs` (and may be called again).

    >>> y, pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pull(np.array([1.0, 10.0]))
    (tensor([ 2., 40.], dtype=float64),)
    """
    with _traced(xs) as (variables, nested):
        y = f(*variables)
    if not isinstance(y, Tensor):
        raise TypeError(f"vjp: the function has to return a Tensor, got {type(y).__name__}")

    def pull(cotangent: Any) -> tuple[Tensor, ...]:
        again = nested or (isinstance(cotangent, Tensor) and cotangent.node is not None)
        with enable_grad():
            return tuple(_pull(y, variables, cotangent, create_graph=again, retain=True))

    return (y if nested else y.detach()), pull


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """`f(*primals)`, and its derivative in the direction of `tangents`: forward mode.

    >>> jvp(lambda x: x * x, [np.array([1.0, 2.0])], [np.array([1.0, 10.0])])
    (tensor([1., 4.], dtype=float64), tensor([ 2., 40.], dtype=float64))
    """
    if len(primals) != len(tangents):
        raise ValueError(f"jvp: got {len(primals)} primals and {len(tangents)} tangents")
    with _traced(primals) as (xs, nested):
        nested = nested or any(isinstance(t, Tensor) and t.node is not None for t in tangents)
        y = f(*xs)
        if not isinstance(y, Tensor):
            raise TypeError(f"jvp: the function has to return a Tensor, got {type(y).__name__}")
        return (y if nested else y.detach()), _push(y, xs, tangents, nested)


def _push(y: Tensor, xs: Sequence[Tensor], tangents: Sequence[Any], create_graph: bool) -> Tensor:
    seeds = {
        node: _seed("jvp", x, t, create_graph) for x, node, t in zip(xs, _nodes("jvp", xs), tangents, strict=True)
    }
    found: dict[Node, Any] = {}
    if y.node is not None:
        with np.errstate(all="ignore"):
            found = forward_sweep(seeds, [y.node], create_graph=create_graph)
    return _wrapped(found[y.node]) if y.node in found else wrap(np.zeros(y.shape, y.dtype))


def jacobian(f: Function, argnum: int = 0, mode: Literal["reverse", "forward"] | None = None) -> Function:
    """A function that returns the Jacobian of `f` with respect to argument `argnum`: shape (*output, *input).

    One sweep per output element in reverse mode, one per input element in forward mode; unless told, the fewer.

    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]], dtype=float64)
    """
    if mode not in (None, "reverse", "forward"):
        raise ValueError(f"jacobian: mode has to be 'reverse', 'forward' or None, got {mode!r}")

    def differentiated(*args: Any, **kwargs: Any) -> Tensor:
        with _traced([args[argnum]]) as ((x,), nested):
            y = f(*_replaced(args, [argnum], [x]), **kwargs)
            if not isinstance(y, Tensor):
                raise TypeError(f"jacobian: the function has to return a Tensor, got {type(y).__name__}")
            forward = mode == "forward" or (mode is None and x.size < y.size)
            if forward:
                rows = [_push(y, [x], [e], nested) for e in _basis(x)]
                return _stacked(rows, (*x.shape, *y.shape), x.ndim, nested)
            rows = [_pull(y, [x], e, nested, retain=True)[0] for e in _basis(y)]
            return _stacked(rows, (*y.shape, *x.shape), 0, nested)

    return differentiated


def _basis(x: Tensor) -> Iterator[Array]:
    """The unit vectors of `x`'s space."""
    for k in range(x.size):
        unit = np.zeros(x.size, x.dtype)
        unit[k] = 1
        yield unit.reshape(x.shape)


def _stacked(rows: Sequence[Tensor], shape: tuple[int, ...], inputs_first: int, nested: bool) -> Tensor:
    """Rows of a Jacobian in one tensor; where they run over the input's elements, the input's axes are moved to the end."""
    if not rows:
        table: Any = np.zeros(shape, np.float64)
    elif nested:
        table = np.stack(rows).reshape(shape)  # type: ignore[arg-type]
    else:
        table = np.stack([row.array for row in rows]).reshape(shape)
    axes = (*range(inputs_first, len(shape)), *range(inputs_first))
    moved = np.transpose(table, axes)
    return moved if isinstance(moved, Tensor) else wrap(np.array(moved))


def hessian(f: Function, argnum: int = 0) -> Function:
    """A function that returns the matrix of second derivatives of `f`, which returns one number: shape (*input, *input).

    >>> hessian(lambda x: (x * x * x).sum())(np.array([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]], dtype=float64)
    """
    return jacobian(grad(f, argnum), argnum)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of `f` times a vector, without the Hessian: the jvp of its gradient (forward over reverse).

    Returns a tensor shaped as the one primal; for several, a tuple, each part with its share of the mixed derivatives.

    >>> hvp(lambda x: (x * x * x).sum(), [np.array([1.0, 2.0])], [np.array([1.0, 1.0])])
    tensor([ 6., 12.], dtype=float64)
    """
    if len(primals) == 1:
        return jvp(grad(f), primals, tangents)[1]
    return tuple(jvp(grad(f, i), primals, tangents)[1] for i in range(len(primals)))
