"""A backward pass that is run node by node, and remembers each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad
from autograd.graph import Cotangent, Node, Visit, interposed, reverse_sweep
from autograd.stepping.graph_view import view
from autograd.stepping.step import Record, Step, arrays
from autograd.stepping.summary import Summary
from autograd.stepping.trace import Trace, TraceContribution, TraceStep
from autograd.tensor import RETAIN, Tensor
from autograd.watching import observers

__all__ = ["BackwardPass"]


class Replacement(NamedTuple):
    """What a node's rules are given in place of what arrived, and of what it saved; None for the same."""

    cotangent: Cotangent
    values: tuple[Any, ...] | None

    @property
    def note(self) -> str:
        changed = [name for name, value in zip(("cotangent", "values"), self) if value is not None]
        return " and ".join(changed)


class Kept:
    """The `.grad` of a node as it was: the tensor, and the numbers in it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.tensor: Tensor | None = getattr(node, "grad", None)
        self.numbers = np.array(() if self.tensor is None else self.tensor.array)

    def restore(self) -> None:
        """Make it so again."""
        self.node.grad = self.tensor
        if self.tensor is not None and self.tensor.array.tobytes() != self.numbers.tobytes():
            self.tensor.write(self.numbers)


class BackwardPass(Sequence[Step]):
    """The steps of a backward pass from `output`, run as far as somebody has asked for.

    It drives the loop of `output.backward()`, with hooks and all, but leaves every `.grad` alone, also of results that
    retain theirs. `pass[i]` is the step of number i + 1. Its length is known from the start, unless rules have nothing
    to give to some node: then it is found to be less.

    Attributes: `steps`, those that have been run; `ahead`, the nodes that are left, the next one last; `gradients`, of
    the leaves by node, once all steps have been run; `retaining`, the numbers of steps at nodes that retain theirs.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> backward_pass = (x * x).sum().stepper().original
    >>> [step.op for step in backward_pass], backward_pass.complete
    (['sum', 'multiply'], True)
    >>> list(backward_pass.gradients.values()), x.grad
    ([array([2., 4.], dtype=float32)], None)
    """

    def __init__(self, output: Tensor, seed: Array, replaced: Mapping[Node, Replacement] | None = None) -> None:
        assert output.node is not None
        self.record = Record(output, "stepper")
        self.replaced = dict(replaced or {})
        self.steps: list[Step] = []
        self.gradients: dict[Node, Array] | None = None
        self.retaining: set[int] = set()
        self.ahead = [node for node in self.record.order if node.plan is not None]
        self._queue: list[tuple[int, Node]] = []
        self._reached: set[Node] = set()
        self._reach(output.node)
        self._sweep = reverse_sweep({output.node: seed}, retain_graph=True, watch=True)
        self._begun = self._broken = False

    def __len__(self) -> int:
        return len(self.steps) + len(self.ahead)

    def __repr__(self) -> str:
        return f"<backward pass of {len(self)} steps, {len(self.steps)} of them run>"

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            self.run()
            return self.steps[i]
        if i < 0:
            self.run()
        while i >= len(self.steps) and self.advance():
            pass
        return self.steps[i]

    @property
    def complete(self) -> bool:
        """Whether the pass has come to its end."""
        return self.gradients is not None

    def run(self) -> dict[Node, Array]:
        """Run the pass to its end; the gradients of the leaves."""
        while self.gradients is None:
            self.advance()
        return self.gradients

    def advance(self) -> bool:
        """Run one step more, and the end of the pass after the last one; False if there was none left."""
        if self.complete:
            return False
        if self._broken:
            raise RuntimeError(
                f"stepper: the pass broke off with an error after step {len(self.steps)}; make a new stepper"
            )
        visit = self._resume()
        if visit is None:
            return False
        self._enter(visit)
        if not self._queue:
            for node in self.ahead:
                self.record.unreached(node)
            self.ahead = []
            self._resume()
        return True

    def _reach(self, node: Node) -> None:
        """Something has arrived at a node, which will be visited if it is an operation."""
        if node.plan is not None and node not in self._reached:
            self._reached.add(node)
            heappush(self._queue, (-node.number, node))

    def _enter(self, visit: Visit) -> None:
        """Remember a visit. Nodes that were to come before it are reached by nothing."""
        node = visit.node
        while (passed := self.ahead.pop()) is not node:
            self.record.unreached(passed)
        heappop(self._queue)
        for parent, share in zip(node.parents, visit.contributions):
            if share is not None:
                self._reach(parent)
        number = len(self.steps) + 1
        if RETAIN in (node.hooks or ()):
            self.retaining.add(number)
        replacement = self.replaced.get(node)
        if replacement is None:
            self.steps.append(Step(self.record, number, visit))
        else:
            if replacement.cotangent is not None:
                visit = visit._replace(cotangent=replacement.cotangent)
            self.steps.append(Step(self.record, number, visit, replacement.values, replacement.note))

    def _resume(self) -> Visit | None:
        """Run the sweep up to its next visit, or to its end."""
        upcoming = [node for _, node in self._queue[:1] if RETAIN in (node.hooks or ())]
        before = [Kept(node) for node in upcoming]
        watching = observers.get()
        token = interposed.set(self._interposed()) if self.replaced and not self._begun else None
        try:
            with enable_grad(), np.errstate(all="ignore"):
                if not self._begun:
                    self._begun = True
                    for observer in watching:
                        observer.started((self.record.output,))
                visit = next(self._sweep)
                for observer in watching:
                    observer.visited(visit)
                return visit
        except StopIteration as end:
            found = end.value
            for observer in watching:
                observer.finished(found)
            self.gradients = found
            return None
        except BaseException:
            self._broken = True
            raise
        finally:
            if token is not None:
                interposed.reset(token)
            for kept in before:
                kept.restore()

    def _interposed(self) -> Any:
        """What makes, for a sweep, what stands between it and the rules: see `autograd.graph.interposed`."""
        outer = interposed.get()
        return lambda seeds, targets: _Replacing(self.replaced, None if outer is None else outer(seeds, targets))


def trace_of(backward_pass: BackwardPass, limit: int, title: str) -> Trace:
    """The trace of a pass, which is run to its end."""
    record = backward_pass.record
    gradients = {record.ids[node]: Summary.of(g, limit) for node, g in backward_pass.run().items()}
    graph = view(record.output, values=True, op="stepper")
    totals: dict[Node, Cotangent] = {}
    return Trace(graph, tuple(_traced(step, limit, totals) for step in backward_pass.steps), gradients, title)


def _traced(step: Step, limit: int, totals: dict[Node, Cotangent]) -> TraceStep:
    """The step as data; `totals` has what was contributed so far to nodes that still wait for more."""
    contributions = []
    for c in step.contributions:
        before = totals.pop(c.parent, None)
        with np.errstate(all="ignore"):
            after = c.added if before is None else arrays(before + c.added)
        if c.waiting or c.parent in step.node.parents[c.position + 1 :]:
            totals[c.parent] = after
        value, now = Summary.of(c.value, limit), Summary.of(after, limit)
        had = None if before is None else Summary.of(before, limit)
        parent = (c.name, c.leaf, c.op, c.shape)
        contributions.append(TraceContribution(c.id, value, c.summed_axes, had, now, c.waiting, *parent))
    cotangent = Summary.of(step.cotangent, limit)
    facts = (step.number, step.id, step.op, step.name, step.source, step.module, *step.rule)
    return TraceStep(*facts, cotangent, tuple(contributions), step.note, step.shape)


class _Replacing:
    """Stands between a sweep and the rules, and gives some of these other cotangents and values."""

    def __init__(self, replaced: Mapping[Node, Replacement], inner: Any) -> None:
        self.replaced = replaced
        self.inner = inner

    def pulls(self, node: Node) -> Sequence[Any]:
        assert node.plan is not None
        pulls: Sequence[Any] = node.plan.pulls if self.inner is None else self.inner.pulls(node)
        replacement = self.replaced.get(node)
        return pulls if replacement is None else [_given(pull, replacement) for pull in pulls]


def _given(pull: Any, replacement: Replacement) -> Any:
    def given(cotangent: Cotangent, values: tuple[Any, ...]) -> Any:
        instead, others = replacement
        if isinstance(instead, np.ndarray):
            instead = instead.view()  # a rule may pass it on, and the sweep adds only into what is no view
        return pull(cotangent if instead is None else instead, values if others is None else others)

    return given
