"""A recorded pass, backward or forward, as plain data: saved as JSON, loaded again, and played."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from autograd.dtypes import Array
from autograd.files import replacing
from autograd.stepping.cursor import Cursor
from autograd.stepping.display import step_html
from autograd.stepping.forward_trace import ForwardTraceStep
from autograd.stepping.graph_view import GraphView
from autograd.stepping.player import framed, write_page
from autograd.stepping.summary import Summary
from autograd.stepping.wording import contribution_text, step_text

__all__ = ["Player", "Trace", "TraceContribution", "TraceStep"]

VERSION = 1
_OF_STEP = ("number", "node", "op", "name", "source", "module", "rule", "latex", "note")


@dataclass(frozen=True)
class TraceContribution:
    """What a step gave one parent, by id: as `autograd.stepping.step.Contribution`, with summaries for arrays.

    `name`, `leaf`, `op` and `shape` are those of the parent.

    >>> x = tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> (contribution,) = (3.0 * x).sum().stepper().trace().steps[-1].contributions
    >>> print(contribution)
    to leaf 'x' (2,): [3. 3.]
    """

    parent: int
    value: Summary
    summed_axes: tuple[int, ...]
    before: Summary | None
    after: Summary
    waiting: int
    name: str | None = None
    leaf: bool = False
    op: str = ""
    shape: tuple[int, ...] | None = None

    @property
    def summary(self) -> Summary:
        """The value, under the name that a live contribution has it by."""
        return self.value

    def array(self) -> Array | None:
        """The value, if the trace has it."""
        return self.value.array()

    def __repr__(self) -> str:
        return contribution_text(self)


@dataclass(frozen=True)
class TraceStep:
    """One step of a trace: as `autograd.stepping.Step`, with the id of the node and summaries for arrays.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> step = (x * x).sum().stepper().trace().steps[1]
    >>> print(step.number, step.op, step.node, step.cotangent)
    2 multiply 1 [1. 1.]
    """

    number: int
    node: int
    op: str
    name: str | None
    source: str
    module: str
    rule: str
    latex: str
    cotangent: Summary
    contributions: tuple[TraceContribution, ...]
    note: str = ""
    shape: tuple[int, ...] | None = None

    @property
    def summary(self) -> Summary:
        """The cotangent, under the name that a live step has it by."""
        return self.cotangent

    def __repr__(self) -> str:
        return step_text(self)

    def _repr_html_(self) -> str:
        return step_html(self)

    def to_json(self) -> dict[str, Any]:
        """The step as dicts, lists, strings and numbers."""
        return {name: getattr(self, name) for name in _OF_STEP} | {
            "cotangent": self.cotangent.to_json(),
            "contributions": [
                {
                    "parent": c.parent,
                    "value": c.value.to_json(),
                    "summed_axes": list(c.summed_axes),
                    "before": None if c.before is None else c.before.to_json(),
                    "after": c.after.to_json(),
                    "waiting": c.waiting,
                }
                for c in self.contributions
            ],
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any], graph: GraphView) -> TraceStep:
        """The step that `to_json` said, of a trace with this graph."""
        return cls(
            **{name: said[name] for name in _OF_STEP},
            cotangent=Summary.from_json(said["cotangent"]),
            contributions=tuple(_contribution_from_json(c, graph) for c in said["contributions"]),
            shape=graph.nodes[said["node"]].shape,
        )


AnyStep: TypeAlias = TraceStep | ForwardTraceStep


@dataclass(frozen=True)
class Trace:
    """A whole pass, as data: `Stepper.trace()` makes one, and `ForwardStepper.trace()`.

    `graph` is the recorded graph, `steps` those of the pass, `gradients` what each leaf was given, by the id that it
    has in the graph; `forward` says that it is a forward pass, without such. `player()` steps through it.

    >>> from autograd.stepping import Trace
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> trace = (x * x).sum().stepper().trace(title="squares")
    >>> trace
    <trace 'squares' of 2 steps over 3 nodes>
    >>> print(trace.gradients[0])
    [2. 4.]
    >>> Trace.from_json(trace.to_json()) == trace
    True
    """

    graph: GraphView
    steps: tuple[AnyStep, ...]
    gradients: Mapping[int, Summary] = field(default_factory=dict)
    title: str = ""
    forward: bool = False

    def __len__(self) -> int:
        return len(self.steps)

    def player(self) -> Player:
        """A `Player` at the start of the trace."""
        return Player(self)

    def to_json(self) -> dict[str, Any]:
        """The trace as dicts, lists, strings and numbers, NaN and infinities as strings."""
        return {
            "version": VERSION,
            **({"forward": True} if self.forward else {}),
            "title": self.title,
            "graph": self.graph.to_json(),
            "steps": [step.to_json() for step in self.steps],
            "gradients": {str(node): summary.to_json() for node, summary in self.gradients.items()},
        }

    @classmethod
    def from_json(cls, data: Any, what: str = "the data") -> Trace:
        """The trace that `to_json` made `data` of. Raises ValueError, which calls it `what`, for anything else."""
        if not isinstance(data, dict) or not {"version", "graph", "steps"} <= data.keys():
            raise ValueError(f"trace: {what} is no trace of a pass: it has no version, graph and steps")
        if data["version"] != VERSION:
            raise ValueError(f"trace: {what} has version {data['version']!r}; this release reads version {VERSION}")
        try:
            graph = GraphView.from_json(data["graph"])
            forward = bool(data.get("forward", False))
            kind: type[AnyStep] = ForwardTraceStep if forward else TraceStep
            steps = tuple(kind.from_json(step, graph) for step in data["steps"])
            gradients = {int(node): Summary.from_json(said) for node, said in data.get("gradients", {}).items()}
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            found = f"{type(error).__name__}: {error}"
            raise ValueError(f"trace: {what} is no trace of a pass, or was damaged ({found})") from error
        return cls(graph, steps, gradients, str(data.get("title", "")), forward)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace as a JSON file. An existing file is replaced as a whole, or, on an error, left as it was.

        Raises FileNotFoundError if there is no such folder.
        """
        text = json.dumps(self.to_json(), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        with replacing("trace", path) as file:
            file.write(text.encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """The trace that was saved there. Raises ValueError if the file is none, OSError if it cannot be read."""
        what = os.fspath(path)
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:  # no JSON, or no text
            raise ValueError(f"trace: {what} is no trace of a pass: it holds no JSON ({error})") from None
        return cls.from_json(data, what)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one page that plays the trace in a browser, with everything inside: nothing is fetched."""
        write_page(self, path)

    def _repr_html_(self) -> str:
        return framed(self)

    def __repr__(self) -> str:
        title = f" {self.title!r}" if self.title else ""
        way = " forward" if self.forward else ""
        return f"<trace{title} of {len(self.steps)} steps{way} over {len(self.graph.nodes)} nodes>"


class Player(Cursor[AnyStep]):
    """Plays a trace as a `Stepper` steps through a live pass: step, back, seek, run, run_until, iteration.

    >>> x = tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> player = (x * x).sum().stepper().trace().player()
    >>> player.run_until("multiply").contributions[0].name
    'x'
    >>> player.back().op, player.position, player.done
    ('sum', 1, False)
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._position = 0

    @property
    def position(self) -> int:
        """How many steps have been taken."""
        return self._position

    @property
    def done(self) -> bool:
        """Whether all steps have been taken."""
        return self._position == len(self.trace.steps)

    @property
    def graph(self) -> GraphView:
        """The recorded graph."""
        return self.trace.graph

    def __len__(self) -> int:
        return len(self.trace.steps)

    def _step_at(self, number: int) -> AnyStep:
        return self.trace.steps[number - 1]

    def _advance(self) -> bool:
        moved = not self.done
        self._position += moved
        return moved

    def _retreat(self) -> None:
        self._position -= 1

    def __repr__(self) -> str:
        return f"<player after {self._position} of {len(self)} steps>"


def _contribution_from_json(said: Mapping[str, Any], graph: GraphView) -> TraceContribution:
    parent = graph.nodes[said["parent"]]
    before = None if said["before"] is None else Summary.from_json(said["before"])
    value, after = Summary.from_json(said["value"]), Summary.from_json(said["after"])
    facts = (said["waiting"], parent.name, parent.leaf, parent.op, parent.shape)
    return TraceContribution(said["parent"], value, tuple(said["summed_axes"]), before, after, *facts)
