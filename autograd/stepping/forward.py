"""`ForwardStepper`: a forward pass, and forward-mode differentiation, step by step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.grad_mode import enable_grad, no_grad
from autograd.graph import Node, pushed, saved
from autograd.memory import latest_write, written_since
from autograd.numeric.recorded import kept_results, live_tensors
from autograd.numeric.replay import Given, forward
from autograd.recompute import Segment
from autograd.stepping.display import forward_step_html
from autograd.stepping.forward_trace import ForwardTraceStep, TraceInput
from autograd.stepping.graph_view import GraphView, view
from autograd.stepping.live import Live
from autograd.stepping.step import AtNode, Record, arrays
from autograd.stepping.summary import LIMIT, Summary, as_array, summary_of
from autograd.stepping.trace import Trace
from autograd.stepping.wording import forward_step_text
from autograd.tensor import Tensor, wrap
from autograd.transforms import variable
from autograd.watching import Observer, Operation, watched

__all__ = ["ForwardStep", "ForwardStepper", "Input"]


class Input:
    """What an operation was given in one place: a `value`, None where unknown, and its `tangent`, None where none.

    `parent` is the node that it is the result of, None if it is a constant, which requires no grad.

    >>> from autograd.stepping import ForwardStepper
    >>> step = ForwardStepper(lambda x: x * 3.0, 2.0, tangents=[1.0]).step()
    >>> [(given.label, float(given.value), given.tangent) for given in step.given]
    [('x', 2.0, array(1., dtype=float32)), ('constant', 3.0, None)]
    """

    def __init__(self, record: Record, parent: Node | None, value: Any, tangent: Any) -> None:
        self.record = record
        self.parent = parent
        self.value = value
        self.tangent = tangent

    @property
    def id(self) -> int | None:
        """The parent's place in order of creation."""
        return None if self.parent is None else self.record.ids[self.parent]

    @property
    def label(self) -> str:
        """The parent's name, or its operation and number; or "constant"."""
        return "constant" if self.id is None else self.record.graph.nodes[self.id].label


class ForwardStep(AtNode):
    """One step of a forward pass: an operation on its inputs, its value, and, in forward mode, its tangent.

    Attributes: `number`, from 1; `node`; `inputs`, the arrays and numbers that it was given (None where unknown);
    `value`, an array, a tuple of arrays for an operation with several outputs, or None if it is not known any more;
    `tangents`, those of the parents, None where there is none, and `tangent`, that of the value; `given`, inputs and
    tangents together, an `Input` each; `note`, what was changed by hand.

    >>> from autograd.stepping import ForwardStepper
    >>> step = ForwardStepper(lambda x: sin(x) * x, 0.0, tangents=[1.0]).step()
    >>> step.op, step.value, step.tangent
    ('sin', array(0., dtype=float32), array(1., dtype=float32))
    """

    contributions = ()  # nothing is given to parents here; breakpoints ask

    def __init__(
        self,
        record: Record,
        number: int,
        node: Node,
        inputs: Sequence[Any],
        value: Any,
        tangents: Sequence[Any],
        tangent: Any,
        note: str = "",
    ) -> None:
        self.record = record
        self.number = number
        self.node = node
        self.inputs = tuple(inputs)
        self.value = arrays(value)
        self.tangents = tuple(map(arrays, tangents))
        self.tangent = arrays(tangent)
        self.note = note
        plan: Any = node.plan
        active = dict(zip(plan.active, zip(node.parents, self.tangents)))
        pairs = [active.get(i, (None, None)) for i in range(len(self.inputs))]
        self.given = tuple(Input(record, parent, x, t) for x, (parent, t) in zip(self.inputs, pairs))

    @cached_property
    def summary(self) -> Summary:
        """The value in a few numbers; of several outputs all together, of an unknown one that of no elements."""
        return summary_of(self.value) or Summary.of(np.zeros(0))

    def __repr__(self) -> str:
        return forward_step_text(self)

    def _repr_html_(self) -> str:
        return forward_step_html(self)


class ForwardStepper(Live[ForwardStep]):
    """A forward pass to be taken operation by operation, in the order in which they ran.

    `ForwardStepper(f, *args)` calls `f` once and records every value; floating arguments become variables, and those
    that have no name are given that of the parameter. Or
    `ForwardStepper(output)` takes the graph that is recorded behind a tensor: values that neither a rule nor anybody
    else kept are computed again from those that were. Either way only recorded operations are steps, those that depend
    on something that requires grad.

    With `tangents` it is forward-mode differentiation: one for each argument of `f`, None for zero, or a mapping from
    tensors to tangents. Each step then has its `tangent`, the last that of the output.

    `replace(value)` puts another value in place of the current step's; what follows is computed from it.

    Raises TypeError if `f` does not return a tensor; RuntimeError if nothing was recorded, or if it was freed;
    ValueError for a tangent of a wrong shape.

    >>> from autograd.stepping import ForwardStepper
    >>> stepper = ForwardStepper(lambda x: sin(x) * x, 2.0, tangents=[1.0])
    >>> [f"{step.op} {step.value:.3f} {step.tangent:.3f}" for step in stepper]
    ['sin 0.909 -0.416', 'multiply 1.819 0.077']
    """

    def __init__(
        self,
        f: Callable[..., Tensor] | Tensor,
        *args: Any,
        tangents: Sequence[Any] | Mapping[Tensor, Any] | None = None,
    ) -> None:
        super().__init__()
        self._operations: dict[Node, Operation] = {}
        if isinstance(f, Tensor):
            self.output, given = f, dict(tangents or {}) if isinstance(tangents, Mapping) or not tangents else None
            if args or given is None:
                raise TypeError("ForwardStepper: with a tensor, tangents have to be a mapping from tensors to tangents")
        else:
            self.output, given = self._call(f, args, tangents)
        if self.output.node is None:
            raise RuntimeError("ForwardStepper: the tensor does not require grad, so nothing was recorded")
        self.record = Record(self.output, "ForwardStepper")
        order = self.record.order
        for node in order:
            saved(node, False)
        self._nodes = [node for node in order if node.plan is not None]
        self._known: dict[Node, Any] = dict(kept_results(order))
        self._known |= {node: t.array for node, t in live_tensors(set(order)).items()}
        self._values: dict[Node, Any] = {node: self._known.get(node) for node in order if node.plan is None}
        self._changed: set[Node] = set()
        self._seeds = {t.node: _tangent(t, tangent) for t, tangent in given.items() if t.node is not None}
        self._tangents: dict[Node, Any] = dict(self._seeds)
        self._steps: list[ForwardStep] = []  # those taken, and others that were asked for
        self._original: tuple[ForwardStep, ...] | None = None
        self._position = 0

    def _call(self, f: Callable[..., Tensor], args: Sequence[Any], tangents: Any) -> tuple[Tensor, dict[Tensor, Any]]:
        """The result of `f`, with what was recorded remembered, and the tangents of its variables."""
        with enable_grad():
            xs = [variable(x) if _floating(x) else x for x in args]
            for x, given, name in zip(xs, args, _parameter_names(f)):
                if x is not given:
                    x.name = (given.name if isinstance(given, Tensor) else None) or name
            with watched(_Recorder(self._operations)):
                output = f(*xs)
        if not isinstance(output, Tensor):
            raise TypeError(f"ForwardStepper: the function has to return a Tensor, got {type(output).__name__}")
        if isinstance(tangents, Mapping):
            return output, dict(tangents)
        if tangents is not None and len(tangents) != len(xs):
            raise ValueError(f"ForwardStepper: got {len(xs)} arguments and {len(tangents)} tangents")
        pairs = zip(xs, tangents or ())
        return output, {x: tangent for x, tangent in pairs if tangent is not None and isinstance(x, Tensor)}

    @property
    def graph(self) -> GraphView:
        """The recorded graph as plain data."""
        return self.record.graph

    @property
    def position(self) -> int:
        """How many steps have been taken."""
        return self._position

    @property
    def done(self) -> bool:
        """Whether all steps have been taken."""
        return self._position == len(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def _step_at(self, number: int) -> ForwardStep:
        return self._steps[number - 1]

    def _advance(self) -> bool:
        if self.done:
            return False
        self._compute(self._position + 1)
        self._position += 1
        return True

    def _retreat(self) -> None:
        self._position -= 1

    def _compute(self, count: int) -> None:
        """Have at least so many steps."""
        with np.errstate(all="ignore"):
            while len(self._steps) < count:
                self._steps.append(self._taken(self._nodes[len(self._steps)]))

    def _taken(self, node: Node) -> ForwardStep:
        """The step at a node, whose parents' values are known as far as they can be."""
        inputs, static = self._given(node)
        if latest_write[0] > node.number and written_since(inputs, node.number):
            raise RuntimeError(
                f"ForwardStepper: an array that '{node.op}' was given was written into after the operation ran, and "
                f"does not go with its result any more; make a new stepper of a function; node made at {node.source}"
            )
        known = all(x is not None for x in inputs)
        if not self._changed.isdisjoint(node.parents):
            value = _run(node, inputs, static) if known else None
            self._changed.add(node)
        else:
            value = self._operations[node].y if node in self._operations else self._known.get(node)
            if value is None and known:
                value = _run(node, inputs, static)
        return self._made(node, inputs, static, value)

    def _made(self, node: Node, inputs: Sequence[Any], static: Sequence[Any], value: Any) -> ForwardStep:
        """The step of an operation whose value is known, with its tangent."""
        self._values[node] = value
        tangents = [self._tangents.get(parent) for parent in node.parents]
        tangent = self._seeds.get(node)
        if tangent is None and any(t is not None for t in tangents):
            values = _saved(node, inputs, static, value) if node in self._changed else saved(node, False)
            tangent = pushed(node, tangents, values)
        if tangent is not None:
            self._tangents[node] = tangent
        number = len(self._steps) + 1
        return ForwardStep(self.record, number, node, inputs, value, tangents, tangent)

    def _given(self, node: Node) -> tuple[list[Any], list[Any]]:
        """The inputs and static parameters of an operation, with the values that its parents have now."""
        plan: Any = node.plan
        parents = dict(zip(plan.active, node.parents))
        if isinstance(plan, Segment):
            inputs, static = list(node.values or ()), []
        elif node in self._operations:
            operation = self._operations[node]
            inputs, static = list(operation.inputs), list(operation.static)
        else:
            given = Given(
                node, {parent: v for parent in node.parents if isinstance(v := self._values[parent], np.ndarray)}
            )
            inputs, static = given.inputs, given.static
            if node.parents[0].shape is None:
                inputs = [self._values[node.parents[0]]]
        for i, parent in parents.items():
            if i < len(inputs) and (parent in self._changed or inputs[i] is None):
                inputs[i] = self._values[parent]
        return inputs, static

    def replace(self, value: Any) -> ForwardStep:
        """Put `value` in place of that of the current step, and return the step; steps after it are taken anew.

        Their tangents are those at the new values. The recorded graph stays as it was; `original` has the steps at its
        own values, and `restore()` goes back to them. What follows from a constant that nobody has kept is not known;
        of a function, `ForwardStepper(f, *args)`, all are kept.

        Raises IndexError at the start; ValueError for a wrong shape, or for an operation with several outputs.

        >>> from autograd.stepping import ForwardStepper
        >>> stepper = ForwardStepper(lambda x: sin(x) * 2.0, 0.0)
        >>> step = stepper.step()
        >>> stepper.replace(5.0).value, stepper.step().value
        (array(5., dtype=float32), array(10., dtype=float32))
        """
        step = self.current
        if step is None:
            raise IndexError("replace: no step has been taken yet, so there is none to change")
        node = step.node
        if node.shape is None:
            raise ValueError(f"replace: '{node.op}' has several outputs; replace one of them at its own step")
        array = np.array(value.array if isinstance(value, Tensor) else to_array(value), node.dtype)
        if array.shape != node.shape:
            if array.shape:
                raise ValueError(f"replace: the value of '{node.op}' has shape {node.shape}, not {array.shape}")
            array = np.full(node.shape, array)
        self._original = self.original
        self._forget(self._position)
        self._changed.add(node)
        self._values[node] = array
        made = ForwardStep(self.record, step.number, node, step.inputs, array, step.tangents, step.tangent, "value")
        self._steps[-1] = made
        self._changed_run()
        return made

    def restore(self) -> None:
        """Undo every `replace`, at the same position."""
        position = self._position
        self._position = 0
        self._forget(0)
        self._original = None
        self.seek(position)
        self._changed_run()

    @property
    def changed(self) -> bool:
        """Whether something has been changed by `replace`."""
        return self._original is not None

    @property
    def original(self) -> tuple[ForwardStep, ...]:
        """All steps of the pass without what was changed by `replace`."""
        if self._original is not None:
            return self._original
        self._compute(len(self))
        return tuple(self._steps)

    def trace(self, limit: int = LIMIT, title: str = "", original: bool = False) -> Trace:
        """The whole pass, as it can be saved (`Trace.save`) and looked at without the model.

        Of arrays with more than `limit` elements there is only a summary. With `original` it is the pass without what
        was changed by `replace`. Computes what has not been yet, but does not move the stepper.

        >>> from autograd.stepping import ForwardStepper
        >>> trace = ForwardStepper(lambda x: sin(x) * x, 2.0, tangents=[1.0]).trace()
        >>> [f"{step.op} {step.value} {step.tangent}" for step in trace.steps]
        ['sin 0.9093 -0.4161', 'multiply 1.8186 0.077']
        """
        self._compute(len(self))
        steps = self.original if original else self._steps
        known = {g.id: g.value for step in steps for g in step.given} | {step.id: step.value for step in steps}
        graph = view(self.output, op="ForwardStepper")
        nodes = tuple(replace(node, value=summary_of(known.get(node.id))) for node in graph.nodes)
        said = tuple(_traced(step, limit) for step in steps)
        return Trace(replace(graph, nodes=nodes), said, title=title, forward=True)

    def _forget(self, count: int) -> None:
        """Keep the first `count` steps only."""
        for step in self._steps[count:]:
            self._changed.discard(step.node)
            self._values.pop(step.node, None)
            self._tangents.pop(step.node, None)
        del self._steps[count:]

    def __repr__(self) -> str:
        return f"<forward stepper after {self._position} of {len(self)} steps>"


class _Recorder(Observer):
    """Remembers every recorded operation."""

    def __init__(self, operations: dict[Node, Operation]) -> None:
        self.operations = operations

    def computed(self, operation: Operation) -> None:
        if operation.node is not None:
            self.operations[operation.node] = operation


def _run(node: Node, inputs: Sequence[Any], static: Sequence[Any]) -> Any:
    """The operation of a node, run again."""
    plan: Any = node.plan
    if isinstance(plan, Segment):
        with no_grad():
            return plan.f(*(wrap(x) if isinstance(x, np.ndarray) else x for x in inputs)).array
    y = forward(plan.primitive, inputs, static)
    return tuple(map(as_array, y)) if isinstance(y, tuple) else as_array(y)


def _saved(node: Node, inputs: Sequence[Any], static: Sequence[Any], y: Any) -> tuple[Any, ...]:
    """What a node would have saved at other inputs."""
    plan: Any = node.plan
    if isinstance(plan, Segment):
        return tuple(inputs)
    shapes = tuple(np.shape(x) for x in inputs) if plan.shaped else ()
    everything = (tuple(inputs), y, *static, shapes) if plan.primitive.variadic else (*inputs, y, *static, *shapes)
    return plan.keep(everything) if plan.kept else ()


def _parameter_names(f: Callable[..., Any]) -> list[str]:
    """What a function calls its positional arguments, as far as that is known."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _floating(x: Any) -> bool:
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        return x.dtype.kind == "f"
    return isinstance(x, float) or (isinstance(x, (list, tuple)) and bool(x) and _floating(x[0]))


def _tangent(t: Tensor, tangent: Any) -> Array:
    array = np.array(tangent.array if isinstance(tangent, Tensor) else to_array(tangent), t.dtype)
    if array.shape != t.shape:
        raise ValueError(f"ForwardStepper: a tangent has shape {array.shape}, its tensor {t.shape}")
    return array


def _traced(step: ForwardStep, limit: int) -> ForwardTraceStep:
    """The step as data, with the values of arrays of up to `limit` elements."""
    given = tuple(
        TraceInput(g.id, summary_of(g.value, limit), summary_of(g.tangent, limit), g.label) for g in step.given
    )
    value, tangent = summary_of(step.value, limit), summary_of(step.tangent, limit)
    facts = (step.number, step.id, step.op, step.name, step.source, step.module, step.note)
    return ForwardTraceStep(*facts, given, value, tangent, step.shape)
