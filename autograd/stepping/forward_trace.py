"""The steps of a recorded forward pass, as plain data: those of the traces that `ForwardStepper.trace` makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograd.stepping.display import forward_step_html
from autograd.stepping.graph_view import GraphView
from autograd.stepping.summary import Summary
from autograd.stepping.wording import forward_step_text

__all__ = ["ForwardTraceStep", "TraceInput"]

_OF_STEP = ("number", "node", "op", "name", "source", "module", "note")


@dataclass(frozen=True)
class TraceInput:
    """What an operation was given: as `autograd.stepping.forward.Input`, with the parent's id and summaries for arrays.

    `parent` is None for a constant, `value` where it is unknown, `tangent` where there is none.

    >>> from autograd.stepping import ForwardStepper
    >>> first, second = ForwardStepper(lambda x: x * 3.0, 2.0).trace().steps[0].given
    >>> first.label, first.parent, second.label, second.parent
    ('x', 0, 'constant', None)
    """

    parent: int | None
    value: Summary | None
    tangent: Summary | None
    label: str = "constant"


@dataclass(frozen=True)
class ForwardTraceStep:
    """One step of a trace: as `autograd.stepping.ForwardStep`, with the id of the node and summaries for arrays.

    >>> from autograd.stepping import ForwardStepper
    >>> step = ForwardStepper(lambda x: x * 3.0, 2.0, tangents=[1.0]).trace().steps[0]
    >>> print(step.op, step.node, step.value, step.tangent)
    multiply 1 6. 3.
    """

    number: int
    node: int
    op: str
    name: str | None
    source: str
    module: str
    note: str
    given: tuple[TraceInput, ...]
    value: Summary | None
    tangent: Summary | None
    shape: tuple[int, ...] | None = None

    contributions: ClassVar[tuple[Any, ...]] = ()  # nothing is given to parents here; breakpoints ask

    @property
    def summary(self) -> Summary:
        """The value, under the name that a live step has it by."""
        return Summary.of(np.zeros(0)) if self.value is None else self.value

    def __repr__(self) -> str:
        return forward_step_text(self)

    def _repr_html_(self) -> str:
        return forward_step_html(self)

    def to_json(self) -> dict[str, Any]:
        """The step as dicts, lists, strings and numbers."""
        return {name: getattr(self, name) for name in _OF_STEP} | {
            "inputs": [
                {"parent": g.parent, "value": _to_json(g.value), "tangent": _to_json(g.tangent)} for g in self.given
            ],
            "value": _to_json(self.value),
            "tangent": _to_json(self.tangent),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any], graph: GraphView) -> ForwardTraceStep:
        """The step that `to_json` said, of a trace with this graph."""
        return cls(
            **{name: said[name] for name in _OF_STEP},
            given=tuple(
                TraceInput(g["parent"], _from_json(g["value"]), _from_json(g["tangent"]), _label(g["parent"], graph))
                for g in said["inputs"]
            ),
            value=_from_json(said["value"]),
            tangent=_from_json(said["tangent"]),
            shape=graph.nodes[said["node"]].shape,
        )


def _label(parent: int | None, graph: GraphView) -> str:
    return TraceInput.label if parent is None else graph.nodes[parent].label


def _to_json(summary: Summary | None) -> dict[str, Any] | None:
    return None if summary is None else summary.to_json()


def _from_json(said: dict[str, Any] | None) -> Summary | None:
    return None if said is None else Summary.from_json(said)
