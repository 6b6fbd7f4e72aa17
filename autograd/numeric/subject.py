"""What `gradcheck` checks: a function or a module, as the same function of named float64 arrays every time."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad, no_grad
from autograd.graph import ancestors, forward_sweep
from autograd.memory import freeze
from autograd.numeric.captured import Call, check_not_captured, leading_to
from autograd.random import get_rng_state, set_rng_state
from autograd.tensor import Tensor, wrap
from autograd.transforms import gradients

Point = Mapping[str, Array]
# The variables, in order, and the floating outputs of a recorded evaluation.
Recorded = tuple[list[Tensor], list[Tensor]]


class Subject:
    """A function of tensors, or a copy of a module, to be evaluated in float64 at any values of what is varied.

    Attributes: `point`, the variables' values by name, where derivatives are checked. Every evaluation starts from the
    same random state and the same buffers, and gets tensors of its own.
    """

    def __init__(self, f: Callable[..., Any], arguments: Sequence[Any], wrt: str | None) -> None:
        self.module = hasattr(f, "named_parameters")
        wrt = _chosen(wrt if wrt is not None else "both" if self.module else "inputs", f, self.module)
        self.random_state = get_rng_state()
        self.point: dict[str, Array] = {}
        for i, argument in enumerate(arguments):
            if isinstance(argument, (tuple, list)) and any(isinstance(part, Tensor) for part in argument):
                raise TypeError(
                    f"gradcheck: input {i} is a {type(argument).__name__} of tensors; give them one by one, as in "
                    f"gradcheck(lambda x, h, c: cell(x, (h, c)), (x, h, c))"
                )
        self.arguments = [_in_float64(argument) for argument in arguments]
        self.inputs: dict[str, int] = {}
        self.given: dict[str, Tensor] = {}  # what the caller gave for the inputs
        self.parameters: dict[str, Any] = {}
        self.buffers: list[tuple[dict[str, Any], str, Tensor, Array]] = []
        self.f = f
        if self.module:
            self._take_apart(f, wrt)
        if wrt != "parameters":
            self._name_inputs(arguments)
        if not self.point:
            raise ValueError(
                "gradcheck: nothing to vary: no input (or parameter that requires grad) is floating; derivatives with "
                "respect to integers and complex numbers are not defined here"
            )

    def _take_apart(self, module: Any, wrt: str) -> None:
        """Copy the module, and note its parameters and buffers."""
        self.f = module = copy.deepcopy(module).to(np.float64)
        if any(type(t).__name__.startswith("Uninitialized") for t in (*module.parameters(), *module.buffers())):
            self.outputs({})
        for owner in module.modules():
            for name, buffer in owner.named_buffers(recurse=False):
                self.buffers.append((vars(owner), name, buffer, np.array(buffer.array)))
        if wrt != "inputs":
            self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
            self.point |= {name: np.array(p.array) for name, p in self.parameters.items()}

    def _name_inputs(self, given: Sequence[Any]) -> None:
        known = _parameter_names(self.f.forward if self.module else self.f, len(given))  # type: ignore[attr-defined]
        for i, argument in enumerate(self.arguments):
            if isinstance(argument, Tensor) and argument.dtype.kind == "f":
                name = getattr(given[i], "name", None) or known[i] or f"input {i}"
                name = f"{name}, input {i}" if name in self.point else name
                self.inputs[name] = i
                self.point[name] = np.array(argument.array)
                if isinstance(given[i], Tensor):
                    self.given[name] = given[i]

    def _call(self, at: Point) -> tuple[dict[str, Tensor], list[Any], Any]:
        """The variables as tensors, all arguments, and the result, at a point: the base point but for what `at` has."""
        set_rng_state(self.random_state)
        for attributes, name, buffer, saved in self.buffers:
            buffer.array = freeze(saved.copy())
            attributes[name] = buffer
        variables = {}
        for name, parameter in self.parameters.items():
            parameter.array = freeze(at.get(name, self.point[name]))
            variables[name] = parameter
        arguments = [wrap(a.array) if isinstance(a, Tensor) else a for a in self.arguments]
        for name, i in self.inputs.items():
            arguments[i] = variables[name] = wrap(at.get(name, self.point[name]))
            arguments[i].requires_grad_().name = name
        return variables, arguments, self.f(*arguments)

    def outputs(self, at: Point) -> list[Array]:
        """The floating outputs, as arrays in the dtype they come in."""
        with enable_grad():  # for functions that differentiate inside
            return [y.array for y in floating(self._call(at)[2])]

    def record(self, at: Point) -> Recorded:
        """The variables and the floating outputs, recorded."""
        with enable_grad():
            variables, _, y = self._call(at)
        return list(variables.values()), list(floating(y))

    def check_not_captured(self) -> None:
        """Raises ValueError if an input is not used, and what was given for it is."""

        def call() -> Call:
            variables, outputs = self.record({})
            return dict(zip(self.point, variables, strict=True)), outputs

        variables, outputs = call()
        reached = leading_to(outputs)
        if unused := {name: t for name, t in self.given.items() if variables[name].node not in reached}:
            check_not_captured("gradcheck", unused, call)

    def written_by_a_call(self) -> list[str]:
        """The names of what one call, on copies, writes into or replaces: variables, and other arguments by place."""
        at = {name: array.copy() for name, array in self.point.items()}
        before = [a.array.copy() if isinstance(a, Tensor) else None for a in self.arguments]
        try:
            with no_grad():
                variables, arguments, _ = self._call(at)
        except RuntimeError:  # of a function that differentiates inside
            with enable_grad():
                variables, arguments, _ = self._call(at)
        written = [name for name, t in variables.items() if not _same(t.array, self.point[name])]
        for i, array in enumerate(before):
            if array is not None and i not in self.inputs.values() and not _same(arguments[i].array, array):
                written.append(f"input {i}")
                self.arguments[i] = wrap(array)
        return written


class Level:
    """The function checked at one order: f, or the gradient of ⟨weights, the one below⟩, as one long vector of outputs.

    Attributes: `weights`, those of ⟨weights, outputs⟩, whose gradient is compared; `base`, the outputs at the point,
    and `recorded`, the same recorded; `eps`, the relative rounding of the least precise dtype that it computes in.
    """

    def __init__(self, subject: Subject, below: Level | None, scales: Point, rng: np.random.Generator) -> None:
        self.subject = subject
        self.below = below
        self.base = self.outputs({})
        sizes = scales if below else None
        self.weights = np.concatenate([np.zeros(0), *(w.ravel() for w in self._drawn(sizes, rng))])
        self.order: int = below.order + 1 if below else 1
        self.recorded = self.record({})
        outputs = self.recorded[1]
        nodes = [y.node for y in outputs if y.node is not None]
        used = [node.dtype for node in ancestors(nodes) if node.dtype is not None and node.dtype.kind == "f"]
        self.eps = max([float(np.finfo(dtype).eps) for dtype in [*used, *(y.dtype for y in outputs), np.float64]])

    def _drawn(self, scales: Point | None, rng: np.random.Generator) -> Iterator[Array]:
        """A random weight for each output, none near zero; 1 for a single number. Several outputs count alike."""
        parts = self._parts({})
        if scales is None and len(parts) == 1 and parts[0].size == 1:
            yield np.ones(1)
            return
        for part, scale in zip(parts, scales.values() if scales else [None] * len(parts), strict=True):
            size = 1.0 if scales or len(parts) == 1 else float(np.sqrt(np.mean(part**2))) if part.size else 1.0
            w = rng.uniform(0.5, 1.5, part.shape) * rng.choice([-1.0, 1.0], part.shape)
            yield w * scale if scale is not None else w / (size or 1.0)

    def _split(self, vector: Array, like: Sequence[Any]) -> list[Array]:
        ends = np.cumsum([part.size for part in like])[:-1]
        return [piece.reshape(part.shape) for piece, part in zip(np.split(vector, ends), like, strict=True)]

    def record(self, at: Point) -> Recorded:
        """The variables and the outputs, recorded."""
        if self.below is None:
            return self.subject.record(at)
        leaves, outputs = self.below.record(at)
        return leaves, self.below.pulled(leaves, outputs, self.below.weights, create_graph=True)

    def pulled(
        self, leaves: Sequence[Tensor], outputs: Sequence[Tensor], weights: Array, create_graph: bool = False
    ) -> list[Tensor]:
        """The gradient of ⟨weights, outputs⟩ by reverse mode, zeros where it does not depend on a leaf."""
        tracked = [(y, w) for y, w in zip(outputs, self._split(weights, outputs)) if y.node is not None]
        found: Sequence[Tensor | None] = [None] * len(leaves)
        if tracked:
            ys, ws = zip(*tracked)
            found = gradients(ys, leaves, ws, create_graph=create_graph, retain_graph=True, allow_unused=True)
        return [wrap(np.zeros(leaf.shape)) if g is None else g for g, leaf in zip(found, leaves, strict=True)]

    def _parts(self, at: Point) -> list[Array]:
        if self.below is None:
            return self.subject.outputs(at)
        leaves, outputs = self.below.record(at)
        return [g.array for g in self.below.pulled(leaves, outputs, self.below.weights)]

    def outputs(self, at: Point) -> Array:
        """The outputs at a point, one after the other in float64."""
        return np.concatenate([np.zeros(0), *(np.ravel(part) for part in self._parts(at))]).astype(np.float64)

    def gradient(self, at: Point, weights: Array | None = None) -> dict[str, Array]:
        """The gradient of ⟨weights, outputs⟩ by reverse mode, by variable."""
        leaves, outputs = self.record(at) if at else self.recorded
        found = self.pulled(leaves, outputs, self.weights if weights is None else weights)
        return {name: g.array for name, g in zip(self.subject.point, found, strict=True)}

    def push(self, recorded: Recorded, name: str, tangent: Array) -> Array:
        """The derivative of the outputs in a direction, by forward mode."""
        leaves, outputs = recorded
        leaf = leaves[list(self.subject.point).index(name)]
        with np.errstate(all="ignore"):
            found = forward_sweep({leaf.node: tangent}, [y.node for y in outputs if y.node is not None])  # type: ignore[dict-item]
        parts = [np.ravel(found.get(y.node, np.zeros(y.shape))) for y in outputs]  # type: ignore[arg-type]
        return np.concatenate([np.zeros(0), *parts]).astype(np.float64)


def floating(y: Any, inside: bool = False) -> Iterator[Tensor]:
    """The floating tensors in a result: a tensor, or tuples, lists and dicts of them.

    Raises TypeError for a result that is, or holds, anything else but None, and for complex tensors.
    """
    if isinstance(y, Tensor):
        if y.dtype.kind == "c":
            raise TypeError("gradcheck: the result is complex; return its real and imaginary parts as real tensors")
        if y.dtype.kind == "f":
            yield y
    elif isinstance(y, (tuple, list, Mapping)):
        for part in y.values() if isinstance(y, Mapping) else y:
            yield from floating(part, inside=True)
    elif not (inside and y is None):
        raise TypeError(f"gradcheck: the function has to return a Tensor, got {type(y).__name__}")


def _chosen(wrt: str, f: Any, module: bool) -> str:
    if wrt not in ("parameters", "inputs", "both"):
        raise ValueError(f"gradcheck: wrt has to be 'parameters', 'inputs' or 'both', got {wrt!r}")
    if wrt != "inputs" and not module:
        raise TypeError(f"gradcheck: wrt={wrt!r} wants a module, got {type(f).__name__}")
    return wrt


def _in_float64(argument: Any) -> Any:
    """A copy of anything like an array of numbers, in float64 if it is floating; anything else as it is."""
    try:
        array = np.array(argument.array if isinstance(argument, Tensor) else argument)
    except (TypeError, ValueError):
        return argument
    if array.dtype.kind == "f":
        return wrap(array.astype(np.float64))
    if isinstance(argument, Tensor):
        return wrap(array)
    return array if isinstance(argument, np.ndarray) else argument


def _parameter_names(f: Callable[..., Any], count: int) -> list[str | None]:
    """The names of a function's positional parameters, as far as it has names for them."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    names: list[str | None] = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return (names + [None] * count)[:count]


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
