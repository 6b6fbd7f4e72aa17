"""A trace as text for a terminal: its steps as a table, one step as a block, its graph as columns of lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograd.stepping.display import number
from autograd.stepping.forward_trace import ForwardTraceStep, TraceInput
from autograd.stepping.graph_view import GraphNode
from autograd.stepping.summary import Summary
from autograd.stepping.trace import Trace
from autograd.stepping.wording import axes_text, columns_of

__all__ = ["PLAIN", "Look", "block", "graph", "table"]

_ASCII = str.maketrans("│─╭╮├┤┬┼●◆▶·…→←×−≤≥²³ᵀ", "|-..++.+o*>..><x-<>23T")
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_WIDEST = 40  # columns of the table's columns, at most


@dataclass(frozen=True)
class Look:
    """How wide text may be, whether it has colours, and whether it keeps to ASCII."""

    width: int = 100
    color: bool = False
    ascii: bool = False

    def paint(self, text: str, style: str) -> str:
        """The text in this style, if there are colours."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text

    def finish(self, text: str) -> str:
        """The text in the characters there are: in ASCII, a bar over a letter becomes a line behind it."""
        if not self.ascii:
            return text
        bare = unicodedata.normalize("NFD", text).replace("\u0304", "_")
        return bare.translate(_ASCII).encode("ascii", "replace").decode()


PLAIN = Look()


def table(trace: Trace, position: int = 0, look: Look = PLAIN, height: int | None = None) -> str:
    """The steps, a line each: operation, name, module, cotangent, who is given something, and the line of the source.

    Of a forward pass they show values, tangents, and what these were computed from.

    Lines that are too wide for the look are cut; columns that would be empty are left out. Of many steps the `height`
    lines around that which leads to `position` are shown.
    """
    numbers = ("value", "norm", "tangent's norm", "from") if trace.forward else ("cotangent", "norm", "passed on to")
    rows = [("step", "operation", "name", "module", *numbers, "made at")]
    for step in trace.steps:
        shape, norm = _shape(step.summary.shape), number(step.summary.norm)
        if isinstance(step, ForwardTraceStep):
            tangent = "" if step.tangent is None else number(step.tangent.norm)
            cells = [shape, norm, tangent, ", ".join(given.label for given in step.given)]
        else:
            cells = [shape, norm, ", ".join(trace.graph.nodes[part.parent].label for part in step.contributions)]
        rows.append((str(step.number), step.op, step.name or "", step.module, *cells, _file_name(step.source)))
    kept = [column for column in zip(*rows) if any(column[1:]) or not trace.steps]
    widths = [min(_WIDEST, max(map(columns_of, column))) for column in kept[:-1]] + [look.width]
    lines = [
        _cut("  ".join(_pad(cell, width) for cell, width in zip(row, widths)).rstrip(), look.width)
        for row in zip(*kept)
    ]
    rule = "─" * max(map(columns_of, lines))
    head, *body = lines
    if position:
        body[position - 1] = look.paint(body[position - 1], "bold")
    shown = _window(len(body), position - 1, None if height is None else max(1, height - 2))
    body = _cut_off(body[shown.start : shown.stop], shown, len(trace.steps), look)
    return look.finish("\n".join([look.paint(head, "bold"), rule, *body]))


def block(trace: Trace, position: int, look: Look = PLAIN) -> str:
    """The step that leads to `position`, with its rule and its numbers; at 0, what there is to come.

    Raises IndexError for a position that the trace does not have.
    """
    count, nodes = len(trace.steps), trace.graph.nodes
    if not 0 <= position <= count:
        raise IndexError(f"block: the trace has positions 0 to {count}, not {position}")
    if not position:
        title = f"start of {trace.title}" if trace.title else "start"
        nothing = "been computed" if trace.forward else "flowed back"
        outline = f"  {count} steps, {len(nodes)} nodes; nothing has {nothing} yet"
        return look.finish("\n".join([look.paint(_cut(title, look.width), "bold"), _cut(outline, look.width)]))
    step = trace.steps[position - 1]
    source = step.source if columns_of(step.source) <= look.width - 12 else _file_name(step.source)
    facts = {
        "module": step.module,
        "made at": source,
        "result": f"{_shape(step.shape)} {nodes[step.node].dtype}",
        "rule": "" if isinstance(step, ForwardTraceStep) else step.rule,
        "note": step.note,
    }
    head = f"step {position} of {count}   {step.op}" + (f"   {step.name}" if step.name else "")
    lines = [look.paint(_cut(head, look.width), "bold")]
    lines += [_cut(f"  {term:9} {what}", look.width) for term, what in facts.items() if what]
    if isinstance(step, ForwardTraceStep):
        for given in step.given:
            lines.append(look.paint(_cut(f"  ← {given.label}", look.width), "yellow"))
            lines += _known(given, look)
        lines.append(look.paint(_cut(f"  → {nodes[step.node].label}", look.width), "green"))
        return look.finish("\n".join([*lines, *_known(step, look)]))
    lines += _array("cotangent", step.cotangent, look)
    for part in step.contributions:
        waiting = f"waits for {part.waiting} more" if part.waiting else "complete"
        summed = f", summed over {axes_text(part.summed_axes)}" if part.summed_axes else ""
        line = _cut(f"  → {nodes[part.parent].label}   {_shape(part.shape)}{summed}, {waiting}", look.width)
        lines.append(look.paint(line, "yellow" if part.waiting else "green"))
        lines += _array("is given", part.value, look)
        if part.before is not None:
            lines += _array("had", part.before, look)
        if part.before is not None or part.summed_axes:
            lines += _array("has now", part.after, look)
    return look.finish("\n".join(lines))


def graph(trace: Trace, position: int = 0, look: Look = PLAIN, height: int | None = None) -> str:
    """The graph, a line for each node, in the order of the backward pass; a leaf as soon as its gradient is complete.

    A forward pass goes upwards in it. Each column is a cotangent that waits: it begins where something is first
    contributed, is joined by what else is, and ends at its node. ▶ marks the node of the step that leads to `position`,
    ◆ a leaf. Of a long graph the `height` lines around that node are shown.

    >>> from autograd.stepping.text import graph
    >>> x = tensor(2.0, requires_grad=True, name="x")
    >>> print(graph((sin(x) * x).stepper().trace(), 1))
    ▶─╮ 2 multiply ()
    ●─┤ 1 sin ()
      ◆ 0 x ()
    """
    nodes = _order(trace.graph.nodes)
    current = trace.steps[position - 1].node if position else None
    taken = {step.node for step in trace.steps[:position]}
    here = next((k for k, node in enumerate(nodes) if node.id == current), 0)
    shown = _window(len(nodes), here, height)
    rows = list(zip(_lanes(nodes, current), nodes))[shown.start : shown.stop]
    room = min(max((len(lanes) for lanes, _ in rows), default=0), look.width // 2)
    digits = len(str(len(nodes)))
    lines = []
    for lanes, node in rows:
        words = [node.name or "leaf"] if node.leaf else [node.op, *([node.name] if node.name else [])]
        words += [_shape(node.shape), f" {node.module}" if node.module else ""]
        line = _cut(f"{_pad(lanes, room)} {node.id:>{digits}} {' '.join(words).rstrip()}", look.width)
        lines.append(look.paint(line, "bold" if node.id == current else "dim") if node.id in taken else line)
    return look.finish("\n".join(_cut_off(lines, shown, len(nodes), look)))


def _lanes(nodes: Sequence[GraphNode], current: int | None) -> list[str]:
    """The columns of lines beside the nodes, which come before their parents."""
    waiting: list[int | None] = []  # the node that each column leads to
    drawings = []
    for node in nodes:
        if node.id not in waiting:
            _occupy(waiting, node.id, 0)
        here = waiting.index(node.id)
        waiting[here] = None
        joined, begun = set(), set()
        for parent in dict.fromkeys(node.parents):
            if parent in waiting:
                joined.add(waiting.index(parent))
            else:
                begun.add(_occupy(waiting, parent, here))
        ends = joined | begun | {here}
        left, right = min(ends), max(ends)
        drawing = ""
        for k in range(len(waiting)):
            across = left <= k <= right
            if k == here:
                drawing += "▶" if node.id == current else "◆" if node.leaf else "●"
            elif k in begun:
                drawing += "╭" if k == left else "╮" if k == right else "┬"
            elif k in joined:
                drawing += "├" if k == left else "┤" if k == right else "┼"
            elif waiting[k] is not None:
                drawing += "│"
            else:
                drawing += "─" if across else " "
            drawing += "─" if left <= k < right else " "
        drawings.append(drawing.rstrip())
        while waiting and waiting[-1] is None:
            waiting.pop()
    return drawings


def _order(nodes: Sequence[GraphNode]) -> list[GraphNode]:
    """Operations, the latest first, and each leaf behind the last that contributes to it."""
    last: dict[int, int] = {}
    for node in nodes:
        for parent in node.parents:
            last.setdefault(parent, node.id)
    return sorted(nodes, key=lambda node: (-last.get(node.id, node.id) if node.leaf else -node.id, node.leaf))


def _window(count: int, here: int, height: int | None) -> range:
    """Which of so many lines are shown, with that at `here` in the middle if it can be."""
    if height is None or count <= height:
        return range(count)
    first = min(max(0, here - height // 2), count - height)
    return range(first, first + height)


def _cut_off(lines: list[str], shown: range, count: int, look: Look) -> list[str]:
    """Those lines that are shown, the outermost replaced by how many are not."""
    if shown.start:
        lines[0] = look.paint(f"… {shown.start + 1} more", "dim")
    if shown.stop < count:
        lines[-1] = look.paint(f"… {count - shown.stop + 1} more", "dim")
    return lines


def _occupy(waiting: list[int | None], node: int, start: int) -> int:
    """Give a node the first free column from `start` on."""
    for k in range(start, len(waiting)):
        if waiting[k] is None:
            waiting[k] = node
            return k
    waiting.append(node)
    return len(waiting) - 1


def _known(at: ForwardTraceStep | TraceInput, look: Look) -> list[str]:
    """The value and the tangent there, as far as they are known."""
    arrays = {"value": at.value, "tangent": at.tangent}
    return [line for caption, summary in arrays.items() if summary for line in _array(caption, summary, look)]


def _array(caption: str, summary: Summary, look: Look) -> list[str]:
    """An array in lines: its numbers if they are known and fit, or statistics."""
    values = summary.array()
    text = str(summary)
    if values is not None and values.ndim <= 2:
        text = np.array2string(values, precision=4, max_line_width=10_000, threshold=10_000)
    lines = text.split("\n")
    if len(lines) > 12 or max(map(len, lines)) > look.width - 14:
        lines = [str(summary)]
    first, *rest = lines
    return [_cut(f"    {caption:9} {first}", look.width), *(f"{'':14}{line}" for line in rest)]


def _file_name(source: str) -> str:
    """A place in the source without the folders of its file."""
    return re.sub(r"^(?!cell )(?:[A-Za-z]:)?[^:]*[/\\](?=[^/\\:]+:\d)", "", source)


def _shape(shape: Sequence[int] | None) -> str:
    return "" if shape is None else str(tuple(shape))


def _cut(text: str, width: int) -> str:
    """The text, without its end where it is wider; letters that would move a terminal's cursor are shown as ⍰."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]", "⍰", text)
    if columns_of(text) <= width:
        return text
    kept = ""
    for letter in text:
        if columns_of(kept + letter) > width - 1:
            break
        kept += letter
    return kept + "…"


def _pad(text: str, width: int) -> str:
    text = _cut(text, width)
    return text + " " * (width - columns_of(text))
