"""The same graphs for other renderers: Graphviz's dot language, and Mermaid."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from autograd.stepping.drawing import COLOURS
from autograd.stepping.folding import Box, Folded, fold
from autograd.stepping.graph_view import GraphView, shape_text, view
from autograd.tensor import Tensor

_DOT_SHAPES = {"leaf": "ellipse", "module": "box3d", "run": "box3d"}
_MERMAID_SHAPES = {"leaf": ('(["', '"])'), "module": ('[["', '"]]'), "run": ('[["', '"]]')}


def to_dot(loss: Tensor | Sequence[Tensor] | GraphView, opened: str | Collection[str] = (), limit: int = 40) -> str:
    """The graph that `draw` shows, in the dot language of Graphviz. The parameters and errors are those of `draw`.

    >>> from autograd.stepping import to_dot
    >>> x = tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(to_dot(x.sum()))  # doctest: +ELLIPSIS
    digraph {
      rankdir=TB
      node [shape=box, style="rounded,filled", fontname=monospace, fontsize=11, fontcolor="#000000"]
      edge [fontname=monospace, fontsize=9]
      b0 [label="x", shape=ellipse, fillcolor="#dcf3e3", color="#2e8555"]
      b1 [label="sum\\naxis=0", tooltip="...", fillcolor="#ffffff", color="#5b6b7f"]
      b0 -> b1 [label="2"]
    }
    <BLANKLINE>
    """
    folded = _folded(loss, opened, limit, "to_dot")
    names = _names(folded)

    def line(box: Box) -> str:
        fill, edge = COLOURS[box.kind][:2]
        shape = f", shape={_DOT_SHAPES[box.kind]}" if box.kind in _DOT_SHAPES else ""
        source = "" if box.hidden else folded.view.nodes[box.nodes[0]].source
        tip = f", tooltip={_quoted(source)}" if source else ""
        label = _quoted("\n".join(_lines(folded, box)))
        return f'{names[box.key]} [label={label}{tip}{shape}, fillcolor="{fill}", color="{edge}"]'

    def opening(i: int, title: str) -> list[str]:
        edge = COLOURS["module"][1]
        return [f"subgraph cluster_{i} {{", f"  label={_quoted(title)}", f'  style=rounded; color="{edge}"']

    lines = [
        "rankdir=TB",
        'node [shape=box, style="rounded,filled", fontname=monospace, fontsize=11, fontcolor="#000000"]',
        "edge [fontname=monospace, fontsize=9]",
        *_nested(folded, line, opening, "}"),
    ]
    for source, target, label in _links(folded):
        lines.append(f"{names[source]} -> {names[target]}" + (f" [label={_quoted(label)}]" if label else ""))
    return "\n".join(["digraph {", *("  " + line for line in lines), "}"]) + "\n"


def to_mermaid(loss: Tensor | Sequence[Tensor] | GraphView, opened: str | Collection[str] = (), limit: int = 40) -> str:
    """The graph that `draw` shows, as a Mermaid flowchart. The parameters and errors are those of `draw`.

    >>> from autograd.stepping import to_mermaid
    >>> x = tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> print(to_mermaid(x.sum()))
    flowchart TD
      b0(["x"]):::leaf
      b1["sum<br>axis=0"]:::operation
      b0 -->|"2"| b1
      classDef operation fill:#ffffff,stroke:#5b6b7f,color:#000000
      classDef leaf fill:#dcf3e3,stroke:#2e8555,color:#000000
    <BLANKLINE>
    """
    folded = _folded(loss, opened, limit, "to_mermaid")
    names = _names(folded)

    def line(box: Box) -> str:
        left, right = _MERMAID_SHAPES.get(box.kind, ('["', '"]'))
        text = "<br>".join(map(_entities, _lines(folded, box)))
        return f"{names[box.key]}{left}{text}{right}:::{box.kind}"

    def opening(i: int, title: str) -> list[str]:
        return [f'subgraph s{i}["{_entities(title)}"]']

    lines = list(_nested(folded, line, opening, "end"))
    for source, target, label in _links(folded):
        lines.append(f"{names[source]} -->" + (f'|"{_entities(label)}"| ' if label else " ") + names[target])
    kinds = {box.kind for box in folded.boxes}
    for kind, (fill, edge, *_) in COLOURS.items():
        if kind in kinds:
            lines.append(f"classDef {kind} fill:{fill},stroke:{edge},color:#000000")
    return "\n".join(["flowchart TD", *("  " + line for line in lines)]) + "\n"


def _folded(loss: Tensor | Sequence[Tensor] | GraphView, opened: str | Collection[str], limit: int, op: str) -> Folded:
    return fold(loss if isinstance(loss, GraphView) else view(loss, op=op), opened, limit)


def _names(folded: Folded) -> dict[str, str]:
    """What the boxes are called in the text: by their places, since their keys may have any letters."""
    return {box.key: f"b{i}" for i, box in enumerate(folded.boxes)}


def _nested(
    folded: Folded, line: Callable[[Box], str], opening: Callable[[int, str], list[str]], closing: str
) -> Iterator[str]:
    """The lines of boxes within those of their frames."""
    numbers = {frame.key: i for i, frame in enumerate(folded.frames)}
    inside: dict[str, list[str]] = {"": [], **{key: [] for key in numbers}}
    for box in folded.boxes:
        inside[box.frame].append(line(box))
    for frame in reversed(folded.frames):
        inner = ["  " + text for text in inside.pop(frame.key)]
        inside[frame.frame] += [*opening(numbers[frame.key], frame.title), *inner, closing]
    yield from inside[""]


def _links(folded: Folded) -> Iterator[tuple[str, str, str]]:
    """From where to where something flows, and its shape."""
    for link in folded.links:
        shape = folded.view.nodes[link.node].shape
        yield link.source, link.target, "" if shape is None else shape_text(shape)


def _lines(folded: Folded, box: Box) -> list[str]:
    """The text in a box."""
    if box.hidden:
        return [box.title, f"+{box.hidden} hidden"]
    return [line for line in (box.title, folded.view.nodes[box.nodes[0]].detail) if line]


def _quoted(text: str) -> str:
    """A string of the dot language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _entities(text: str) -> str:
    """Text for Mermaid, with all that it might read as its own syntax, HTML or Markdown as character numbers."""
    return re.sub(r"[^\w .,:=+×·()-]", lambda found: f"#{ord(found[0])};", " ".join(text.split()))
