"""`Stepper`: a backward pass that is taken step by step, back, and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.graph import Bundle, Cotangent, Node
from autograd.kernels.deferred import evaluated
from autograd.numeric.recorded import is_one_of_several
from autograd.stepping.backward_pass import BackwardPass, Kept, Replacement, trace_of
from autograd.stepping.graph_view import GraphView
from autograd.stepping.live import Live
from autograd.stepping.step import Step, saved_names
from autograd.stepping.summary import LIMIT
from autograd.stepping.trace import Trace
from autograd.stepping.wording import described
from autograd.tensor import Tensor, accumulate
from autograd.transforms import starting_cotangent

__all__ = ["Stepper"]

_SHOWN = 5  # steps to come that the repr lists


class Stepper(Live[Step]):
    """A backward pass from `output` that has not run yet, to be taken step by step: `output.stepper()`.

    Each `step()` visits one node, in the order and by the loop of `output.backward(gradient)`, and returns a `Step`
    that shows what happens there. `back()` and `seek(k)` go to where k steps have been taken, `run()` to the end,
    `run_until(breakpoint)` to where a condition holds; iteration takes all steps that are left. `len` is the number of
    steps, `position` that of those taken, `current` the last one, `done` whether the end has been reached.

    At the end each leaf's `.grad` is, bit for bit, what `backward` leaves there. As there, leaves get theirs when the
    pass is at its end and not before, and tensors that retain theirs (`retain_grad`) when they are reached; what has
    been gathered so far is in the steps' contributions (`before`, `after`). Going back takes it away again: at position
    k every `.grad` is what it would be if `backward` had been stopped there. Hooks are called once, when their node is
    first reached.

    What has been seen is kept, so that going back and forth again computes nothing, and changes nothing. That is every
    cotangent of the pass: as much memory as the activations take, or more. The recorded graph is kept, too, as by
    `retain_graph`. `close()`, or the end of a `with` block, lets go of both, and frees the graph as `backward` does.
    Without that, both go with the stepper. `absorbing_zeros` has to be open at the first step, `detect_anomaly` at
    those that it is to watch.

    Raises what `backward` raises: RuntimeError if `output` does not require grad, if `gradient` is needed, or if the
    graph was freed; ValueError for a `gradient` of another shape.

    >>> x, w = tensor(2.0, requires_grad=True, name="x"), tensor(3.0, requires_grad=True, name="w")
    >>> stepper = (x * w + x).stepper()
    >>> len(stepper)
    2
    >>> stepper.step()  # doctest: +ELLIPSIS
    step 1: add ()
      made at ...
      rule: x̄1 += ȳ, x̄2 += ȳ
      cotangent: 1.
      to multiply (): 1.
      to leaf 'x' (): 1.
        which waits for 1 more
    >>> [c.after for c in stepper.step().contributions]
    [array(4., dtype=float32), array(2., dtype=float32)]
    >>> stepper.done, x.grad, w.grad
    (True, tensor(4.), tensor(2.))
    >>> stepper.back().number, x.grad
    (1, None)
    """

    def __init__(self, output: Tensor, gradient: Tensor | Array | None = None) -> None:
        super().__init__()
        if not isinstance(output, Tensor):
            raise TypeError(f"stepper: wants a Tensor to start from, got {type(output).__name__}")
        if output.node is None:
            raise RuntimeError("stepper: the tensor does not require grad, so nothing was recorded to differentiate")
        seed = starting_cotangent("stepper", output, gradient, False)
        self._seed = np.array(seed) if isinstance(gradient, Tensor) else seed
        self._pass: BackwardPass | None = BackwardPass(output, self._seed)
        self._original: BackwardPass | None = None
        self._position = 0
        self._written: list[list[Kept]] = []  # for each position that has changed a .grad, what there was before
        self._ended: list[Kept] | None = None

    @property
    def backward_pass(self) -> BackwardPass:
        """The steps of the pass, run as far as the stepper has been."""
        if self._pass is None:
            raise RuntimeError("stepper: it was closed; make a new one")
        return self._pass

    @property
    def position(self) -> int:
        """How many steps have been taken."""
        return self._position

    @property
    def done(self) -> bool:
        """Whether the pass has come to its end, and every leaf has its gradient."""
        return self._ended is not None

    @property
    def graph(self) -> GraphView:
        """The recorded graph as plain data."""
        return self.backward_pass.record.graph

    @property
    def steps(self) -> Sequence[Step]:
        """The steps taken, up to `position`."""
        return tuple(self.backward_pass.steps[: self._position])

    def __len__(self) -> int:
        return len(self.backward_pass)

    def _step_at(self, number: int) -> Step:
        return self.backward_pass.steps[number - 1]

    def _advance(self) -> bool:
        steps = self.backward_pass
        if self.done:
            return False
        moved = self._position < len(steps.steps) or steps.advance()
        if moved:
            self._position += 1
            kept = []
            if self._position in steps.retaining:
                step = self._step_at(self._position)
                kept.append(Kept(step.node))
                accumulate(step.node, np.array(step.cotangent))
            self._written.append(kept)
        if steps.gradients is not None and self._position == len(steps.steps):
            self._ended = [Kept(node) for node in steps.gradients]
            for node, gradient in steps.gradients.items():
                accumulate(node, np.array(gradient))
        return moved

    def _retreat(self) -> None:
        _ = self.backward_pass  # an error if the stepper was closed
        for kept in self._ended or ():
            kept.restore()
        self._ended = None
        for kept in self._written.pop():
            kept.restore()
        self._position -= 1

    # what if

    def replace(self, cotangent: Any = None, *, value: Any = None, values: Mapping[str, Any] | None = None) -> Step:
        """Take the current step again with another cotangent, or with other values in its rule, and return it.

        `cotangent` is put in place of the one that arrived (for an operation with several outputs a sequence of one for
        each, or None). `values` has, by the names that the rule uses (see `step.values`), arrays or static parameters
        to put in place of those that the node saved; `value` is short for the only array among them. All steps that
        follow are taken anew from there, with what was changed before still changed. The pass as it was stays in
        `original`, and `restore()` goes back to it.

        The pass is run again from its start, so that hooks are called again.

        Raises IndexError at the start, where there is no step to change; ValueError for a wrong shape, or a name that
        the rule does not use.

        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> stepper = (x * x).sum().stepper()
        >>> step = stepper.step()
        >>> stepper.replace(cotangent=10.0).contributions[0].value
        array([10., 10.], dtype=float32)
        >>> stepper.run()
        >>> x.grad, list(stepper.original.run().values())
        (tensor([20., 40.]), [array([2., 4.], dtype=float32)])
        """
        step = self.current
        if step is None:
            raise IndexError("replace: no step has been taken yet, so there is none to change")
        node, known = step.node, self.backward_pass.replaced.get(step.node)
        if value is not None:
            values = {**(values or {}), _only_array(step): value}
        if cotangent is None and not values:
            raise ValueError("replace: wants a cotangent, or values, to put in place of what was there")
        instead = None if cotangent is None else _like(step, cotangent)
        saved = None if not values else _with(step, values)
        if known is not None:
            instead = known.cotangent if instead is None else instead
            saved = known.values if saved is None else saved
        replaced = {**self.backward_pass.replaced, node: Replacement(instead, saved)}
        if self._original is None:
            self._original = self._pass
        return self._take_up(BackwardPass(step.record.output, self._seed, replaced))

    def restore(self) -> Step | None:
        """Undo every `replace`, and go on with the pass as it was, at the same position."""
        return self.current if self._original is None else self._take_up(self._original)

    def _take_up(self, other: BackwardPass) -> Any:
        """Go on with another pass, at the same position."""
        position = self._position
        self.seek(0)
        self._pass = other
        if other is self._original:
            self._original = None
        step = self.seek(min(position, len(other)))
        self._changed_run()
        return step

    @property
    def changed(self) -> bool:
        """Whether something has been changed by `replace`."""
        return self._original is not None

    @property
    def original(self) -> BackwardPass:
        """The pass without what was changed by `replace`: a sequence of steps, run as they are asked for."""
        return self.backward_pass if self._original is None else self._original

    # for keeping

    def trace(self, limit: int = LIMIT, title: str = "", original: bool = False) -> Trace:
        """The whole pass, as it can be saved (`Trace.save`) and looked at without the model.

        Of arrays with more than `limit` elements there is only a summary. With `original` it is the pass without what
        was changed by `replace`. Runs it to its end, if it has not been, but neither moves the stepper nor changes a
        `.grad`.

        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> [step.op for step in (x * x).sum().stepper().trace().steps]
        ['sum', 'multiply']
        """
        return trace_of(self.original if original else self.backward_pass, limit, title)

    def close(self, retain_graph: bool = False) -> None:
        """Let go of all that was seen; at the end of the pass, free the recorded graph, too, unless `retain_graph`.

        Steps that somebody holds stay as they are, but the rule of a freed node cannot be asked any more. Does nothing
        the second time.
        """
        if self._pass is None:
            return
        if self.done and not retain_graph:
            self._pass.record.free()
        self._pass = self._original = None
        self._written, self._ended = [], None
        for view in tuple(self.views):
            view.close()

    def __enter__(self) -> Stepper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str | None:
        return None if self._pass is None else super()._repr_html_()

    def __repr__(self) -> str:
        if self._pass is None:
            return "<stepper, closed>"
        head = f"stepper after {self._position} of {len(self)} steps"
        if self.done:
            return f"{head}, at the end"
        known = [step.node for step in self._pass.steps[self._position :]]
        ahead = (known + self._pass.ahead[::-1])[:_SHOWN]
        rows = []
        for number, node in enumerate(ahead, self._position + 1):
            seen = self.graph.nodes[self._pass.record.ids[node]]
            rows.append((f"{number}", described(node.op, seen.name, node.shape), seen.module, node.source))
        widths = [max(len(row[i]) for row in rows) for i in range(3)] if rows else []
        lines = [
            "  ".join(
                [
                    number.rjust(widths[0] + 2),
                    what.ljust(widths[1]),
                    *([module.ljust(widths[2])] * bool(widths[2])),
                    where,
                ]
            )
            for number, what, module, where in rows
        ]
        left = len(self) - self._position - len(ahead)
        return "\n".join([f"{head}; next:", *lines, *([f"  … and {left} more"] if left else [])])


def _like(step: Step, given: Any) -> Cotangent:
    """A cotangent for the node of a step, in its shape and dtype."""
    node = step.node
    if node.shape is not None:
        return _shaped(given, node, f"'{node.op}'")
    if not isinstance(given, (tuple, list, Bundle)):
        raise ValueError(f"replace: '{node.op}' has several outputs, so wants a sequence of cotangents, or None")
    cotangents, count, outputs = tuple(given), len(tuple(step.cotangent)), _outputs(step)
    if len(cotangents) != count:
        raise ValueError(f"replace: '{node.op}' has {count} outputs, got {len(cotangents)} cotangents")
    parts = {}
    for i, part in enumerate(cotangents):
        if part is not None and i not in outputs:
            raise ValueError(f"replace: output {i} of '{node.op}' is not used, so that its cotangent can only be None")
        if part is not None:
            parts[i] = _shaped(part, outputs[i], f"output {i} of '{node.op}'")
    return Bundle(parts, count)


def _outputs(step: Step) -> dict[int, Node]:
    """The nodes of those outputs of an operation with several that are used, by place."""
    return {
        node.values[0]: node  # type: ignore[index]
        for node in step.record.order
        if is_one_of_several(node) and node.parents[0] is step.node
    }


def _shaped(given: Any, node: Node, what: str) -> Array:
    array = _array(given, node.dtype)
    if array.shape != node.shape:
        if array.shape:
            raise ValueError(f"replace: the cotangent of {what} has shape {node.shape}, not {array.shape}")
        array = np.full(node.shape, array)
    return array


def _array(given: Any, dtype: Any = None) -> Array:
    return np.array(given.array if isinstance(given, Tensor) else to_array(given), dtype)


def _only_array(step: Step) -> str:
    names = [name for name, value in step.values.items() if isinstance(value, np.ndarray)]
    if len(names) != 1:
        raise ValueError(
            f"replace: the rule of '{step.op}' uses {names or 'no array'}; say which by values={{name: …}}"
        )
    return names[0]


def _with(step: Step, changes: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a node saved, with `changes` by name."""
    names = saved_names(step.node)
    unknown = [name for name in changes if name not in names]
    if unknown:
        raise ValueError(f"replace: the rule of '{step.op}' does not use {unknown}; it uses {list(names)}")
    values = []
    for name, value in zip(names, map(evaluated, step.saved)):
        if name not in changes:
            values.append(value)
            continue
        change = changes[name]
        if isinstance(value, np.ndarray):
            change = _array(change, value.dtype)
            if change.shape != value.shape:
                if change.shape:
                    raise ValueError(f"replace: {name} of '{step.op}' has shape {value.shape}, not {change.shape}")
                change = np.full(value.shape, change)
        values.append(change)
    return tuple(values)


def _stepper(self: Tensor, gradient: Tensor | Array | None = None) -> Stepper:
    """A backward pass from this tensor that has not run yet, to be taken step by step: see `Stepper`.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> [step.op for step in (x * x).sum().stepper()]
    ['sum', 'multiply']
    """
    return Stepper(self, gradient)


_stepper.__name__, _stepper.__qualname__ = "stepper", "Tensor.stepper"
if not TYPE_CHECKING:
    Tensor.stepper = _stepper
