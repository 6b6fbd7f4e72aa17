"""Steps in words, live ones and those of a trace alike, and how wide words are."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from textwrap import indent
from typing import TYPE_CHECKING, Any

from autograd.stepping.summary import summary_of

if TYPE_CHECKING:
    from autograd.stepping.forward import ForwardStep
    from autograd.stepping.forward_trace import ForwardTraceStep
    from autograd.stepping.step import Contribution, Step
    from autograd.stepping.trace import TraceContribution, TraceStep

__all__ = ["axes_text", "columns_of", "contribution_text", "described", "forward_step_text", "step_text"]


def step_text(step: Step | TraceStep) -> str:
    """A step of a backward pass: its rule, the cotangent that arrived, and what each parent is given."""
    lines = [*_head(step), f"  rule: {step.rule}", f"  cotangent: {step.summary}", *_changed(step)]
    given = [indent(contribution_text(share), "  ") for share in step.contributions]
    return "\n".join([*lines, *(given or ["  gives nothing to its parents"])])


def contribution_text(share: Contribution | TraceContribution) -> str:
    """What a parent is given, and what it has then."""
    before = summary_of(share.before)
    lines = [f"to {described(share.op, share.name, share.shape)}: {share.summary}"]
    if share.summed_axes:
        makes = "" if before else f": {summary_of(share.after)}"
        lines.append(f"    summed over {axes_text(share.summed_axes)}, along which it was broadcast{makes}")
    if before:
        lines += [f"    added to {before}", f"    makes {summary_of(share.after)}"]
    if share.waiting:
        lines.append(f"    which waits for {share.waiting} more")
    return "\n".join(lines)


def forward_step_text(step: ForwardStep | ForwardTraceStep) -> str:
    """A step of a forward pass: what the operation was given and what it made of that."""
    lines = [*_head(step), *(f"  input: {_said(given.value)}" for given in step.given), f"  value: {_said(step.value)}"]
    if step.tangent is not None:
        lines.append(f"  tangent: {_said(step.tangent)}")
    return "\n".join([*lines, *_changed(step)])


def described(op: str, name: str | None, shape: Sequence[int] | None) -> str:
    """A node in words."""
    return op + (f" {name!r}" if name else "") + (" of several outputs" if shape is None else f" {tuple(shape)}")


def axes_text(axes: Sequence[int]) -> str:
    """Axes in words: "axis 0", "axes 0, 2"."""
    return ("axis " if len(axes) == 1 else "axes ") + ", ".join(map(str, axes))


def columns_of(text: str) -> int:
    """How many columns a text takes in letters of equal width: wide ones take two, those above others none.

    >>> from autograd.stepping.wording import columns_of
    >>> columns_of("x̄ += ȳ"), columns_of("学")
    (6, 2)
    """
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _head(step: Any) -> list[str]:
    place = f"  made at {step.source}" + (f", in module {step.module}" if step.module else "")
    return [f"step {step.number}: {described(step.op, step.name, step.shape)}", place]


def _changed(step: Any) -> list[str]:
    return [f"  changed: {step.note}"] if step.note else []


def _said(value: Any) -> str:
    return "unknown" if value is None else str(summary_of(value) or repr(value))
