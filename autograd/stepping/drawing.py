"""A recorded graph as a picture: SVG that stands alone, in a page or in a notebook, on light ground and on dark."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from autograd.graph import Node, ancestors, reverse_sweep
from autograd.stepping.display import number
from autograd.stepping.folding import Box, Folded, fold
from autograd.stepping.graph_view import GraphNode, GraphView, roots_of, shape_text, view
from autograd.stepping.nesting import Place, Plan, Wire, arrange
from autograd.stepping.summary import Summary
from autograd.stepping.wording import columns_of
from autograd.tensor import RETAIN, Tensor

TITLE, SMALL = 12.0, 10.0  # sizes of type
_WIDE = 0.62  # of a monospaced letter, in its size
_PAD = 10.0  # between text and the border of its box
_MARGIN = 12.0
_BESIDE = 5.0  # between a wire and its label
_LONGEST = 34  # letters of a line in a box

# By the class of what is drawn: fill and line, on light ground and on dark.
COLOURS = {
    "operation": ("#ffffff", "#5b6b7f", "#27303b", "#9fb0c4"),
    "leaf": ("#dcf3e3", "#2e8555", "#173626", "#6fce98"),
    "parameter": ("#fdf0cf", "#a97a08", "#3b2f10", "#e6bf5b"),
    "module": ("#e3ebfb", "#3d64b8", "#1d2b4a", "#8fb0f0"),
    "run": ("#eeeeee", "#777777", "#2c2c2c", "#a5a5a5"),
    "result": ("#f9dede", "#b23b3b", "#431f1f", "#f09a9a"),
}


def style() -> str:
    """The style sheet of every drawing."""

    def rules(ground: str, text: str, quiet: str, line: str, fills: Mapping[str, tuple[str, str]]) -> str:
        blue = fills["module"][1]
        kinds = "".join(f"@ .{kind}{{fill:{fill};stroke:{edge}}}" for kind, (fill, edge) in fills.items())
        return (
            f"@ .ground{{fill:{ground}}}@ text{{fill:{text}}}@ .quiet{{fill:{quiet}}}"
            f"@ .halo{{stroke:{ground}}}@ .wire{{stroke:{line}}}@ .head{{fill:{line}}}"
            f"@ .frame{{stroke:{blue};fill:{blue};fill-opacity:.06}}@ .value{{fill:{blue}}}"
            f"@ .cotangent{{fill:{fills['result'][1]}}}" + kinds
        )

    light = rules("#fbfcfd", "#1b232d", "#5d6977", "#7f8b99", {k: v[:2] for k, v in COLOURS.items()})
    dark = rules("#161b22", "#e7edf4", "#a3afbd", "#7b8795", {k: v[2:] for k, v in COLOURS.items()})
    fixed = (
        f"@ text{{font:{TITLE}px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;text-anchor:middle}}"
        f"@ .small{{font-size:{SMALL}px}}@ .left{{text-anchor:start}}@ .right{{text-anchor:end}}"
        "@ .bold{font-weight:600}"
        "@ rect{stroke-width:1.2}@ .ground{stroke:none}@ .frame{stroke-width:1}"
        "@ .wire{fill:none;stroke-width:1.3}@ .halo{stroke-width:4;stroke-linejoin:round;paint-order:stroke}"
    )
    here = "svg.stepgrad-drawing"
    themes = ('body[data-jp-theme-light="false"]', "body.vscode-dark", 'html[data-theme="dark"]')
    return (
        (fixed + light).replace("@", here)
        + "@media (prefers-color-scheme:dark){"
        + dark.replace("@", here)
        + "}"
        + "".join(dark.replace("@", f"{theme} {here}") for theme in themes)
        + light.replace("@", f'body[data-jp-theme-light="true"] {here}')
    )


class Drawing:
    """A picture of a graph: `svg`, the document as text; `width` and `height` in pixels. A notebook shows it.

    >>> x = tensor(2.0, requires_grad=True, name="x")
    >>> drawing = draw(sin(x))
    >>> drawing, drawing.svg[:4], drawing.height > drawing.width
    (<Drawing: graph of sin: 2 boxes>, '<svg', True)
    """

    def __init__(self, svg: str, width: float, height: float) -> None:
        self.svg = svg
        self.width = width
        self.height = height

    def save(self, path: str | Path) -> None:
        """Write the picture to a file: SVG, or a page if its name ends in .html. ValueError for another ending."""
        path = Path(path)
        if path.suffix not in (".svg", ".html"):
            raise ValueError(f"save: a drawing is saved as .svg or .html, not as '{path.name}'")
        head = f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{_title_of(self.svg)}</title>'
        path.write_text(self.svg if path.suffix == ".svg" else f"{head}{self.svg}</html>", encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="max-width:100%;overflow:auto">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"<Drawing: {unescape(_title_of(self.svg))}>"


def _title_of(svg: str) -> str:
    found = re.search(r'aria-label="([^"]*)"', svg)
    return found[1] if found else ""


def draw(
    loss: Tensor | Sequence[Tensor] | GraphView,
    values: bool = False,
    cotangents: bool | Mapping[Any, Any] | None = None,
    opened: str | Collection[str] = (),
    limit: int = 40,
) -> Drawing:
    """Draw the graph behind a tensor (or several, or of a `GraphView`): what was computed from what, downwards.

    Operations, leaves, parameters and results have boxes of different colours; edges are marked with shapes; hovering
    tells the source line. What one called module did is one box until it is `opened`, by the dotted path of the module
    (`opened="all"` opens everything); without that, modules are opened for as long as there are no more than `limit`
    boxes. `values` shows the results that are still known, since somebody holds the tensor or a rule has kept them
    (nothing is computed for it), `cotangents` the derivative of the loss with respect to each: True has them computed
    (the graph is kept, no gradient changes, hooks are called), or a mapping gives them, by tensor or by id.

    Draw before `backward()`, which frees the graph, or keep it by `retain_graph=True`: RuntimeError if it is gone.
    ValueError for a tensor that requires no grad, and for an `opened` that is not in the graph.

    >>> x = tensor(2.0, requires_grad=True, name="x")
    >>> draw(sin(x) * x)
    <Drawing: graph of multiply: 3 boxes>
    """
    recorded = loss if isinstance(loss, GraphView) else view(loss, values, op="draw")
    given: dict[int, str] = {}
    if cotangents:
        roots = [] if isinstance(loss, GraphView) else roots_of(loss, "draw")
        if isinstance(cotangents, Mapping):
            given = _given(cotangents, roots, len(recorded.nodes))
        elif roots:
            given = _computed(roots)
        else:
            raise TypeError("draw: cotangents=True wants the tensors themselves, not a GraphView")
    folded = fold(recorded, opened, limit)
    return _Painter(folded, values, given).drawing()


def _given(cotangents: Mapping[Any, Any], roots: Sequence[Node], count: int) -> dict[int, str]:
    """What is to be said of cotangents that are given by tensor or by id, by id."""
    ids: dict[Any, int] = {node: i for i, node in enumerate(ancestors(roots))}
    said = {}
    for key, g in cotangents.items():
        place: Any = ids.get(key.node) if isinstance(key, Tensor) else key
        if place not in range(count):
            what = "a tensor" if isinstance(key, Tensor) else f"{key!r}, an id"
            where = "graph" if roots else "GraphView, which knows ids only"
            raise ValueError(f"draw: cotangents has {what} that is not in the {where} (of {count} nodes)")
        said[place] = _brief(Summary.of(g))
    return said


def _computed(roots: Sequence[Node]) -> dict[int, str]:
    """What is to be said of the cotangents that a backward pass brings, by id."""
    ids = {node: i for i, node in enumerate(ancestors(roots))}
    for root in roots:
        if root.shape is None or np.prod(root.shape) != 1:
            raise ValueError(f"draw: cotangents=True wants a loss with one element, got shape {root.shape}")
    retaining = {node: hooks.pop(RETAIN) for node in ids if (hooks := node.hooks) and RETAIN in hooks}
    said = {}
    sweep = reverse_sweep({root: np.ones(root.shape, root.dtype) for root in roots}, retain_graph=True, watch=True)
    try:
        with np.errstate(all="ignore"):
            while True:
                visit = next(sweep)
                said[ids[visit.node]] = _brief(Summary.of(visit.cotangent))
    except StopIteration as end:
        return said | {ids[leaf]: _brief(Summary.of(g)) for leaf, g in end.value.items()}
    finally:
        for node, hook in retaining.items():
            node.hooks[RETAIN] = hook  # type: ignore[index]


def _brief(summary: Summary) -> str:
    """An array in a few letters: its elements if these are few, otherwise what they are like."""
    if summary.values is not None and summary.count <= 4:
        return _numbers(summary.values)
    bad = f", {summary.non_finite} not finite" if summary.non_finite else ""
    return f"mean {number(summary.mean) or '–'} norm {number(summary.norm) or '–'}{bad}"


def _numbers(values: Any) -> str:
    return f"[{', '.join(map(_numbers, values))}]" if isinstance(values, (list, tuple)) else number(values)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    style: str = ""
    size: float = TITLE

    @property
    def width(self) -> float:
        return width_of(self.text, self.size)


def width_of(text: str, size: float) -> float:
    """How wide a line of text is at most."""
    return columns_of(text) * size * _WIDE


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


class _Painter:
    """Makes the SVG of a folded graph."""

    def __init__(self, folded: Folded, values: bool, cotangents: Mapping[int, str]) -> None:
        self.folded = folded
        self.nodes = folded.view.nodes
        self.values = values
        self.cotangents = cotangents
        self.lines = {box.key: self._lines(box) for box in folded.boxes}
        self.titles = {frame.key: _Line(_short(frame.title, 60), "bold left halo") for frame in folded.frames}
        results = Counter(source for source, _ in {(link.source, link.node) for link in folded.links})
        sizes = {box.key: self._size(box, results[box.key]) for box in folded.boxes}
        labels: dict[str, float] = {}
        for link in folded.links:
            if label := self._label(link.node):
                labels[link.source] = max(labels.get(link.source, 0.0), width_of(label, SMALL) + _BESIDE)
        titles = {key: line.width for key, line in self.titles.items()}
        self.plan: Plan = arrange(folded, sizes, titles, labels)

    def _label(self, node: int) -> str:
        shape = self.nodes[node].shape
        return "" if shape is None else shape_text(shape)

    def _lines(self, box: Box) -> list[_Line]:
        title = _Line(_short(box.title), "bold" if box.kind != "operation" else "")
        if box.hidden:
            return [title, _Line(f"+{box.hidden} hidden", "small quiet", SMALL)]
        node = self.nodes[box.nodes[0]]
        lines = [title]
        if node.detail:
            lines.append(_Line(_short(node.detail), "small quiet", SMALL))
        if self.values and node.value is not None:
            lines.append(_Line(_short(f"= {_brief(node.value)}"), "small value", SMALL))
        if node.id in self.cotangents:
            lines.append(_Line(_short(f"grad {self.cotangents[node.id]}"), "small cotangent", SMALL))
        return lines

    def _size(self, box: Box, results: int) -> tuple[float, float]:
        lines = self.lines[box.key]
        width = max(44.0, 8.0 * results, *(line.width + 2 * _PAD for line in lines))
        return width, sum(line.size for line in lines) * 1.35 + 11

    def drawing(self) -> Drawing:
        width, height = self.plan.width + 2 * _MARGIN, self.plan.height + 2 * _MARGIN
        ends = {i: self.nodes[i] for i in self.folded.view.outputs}
        outputs = ", ".join(node.name or node.op for node in ends.values())
        hidden = f", {self.folded.hidden} nodes hidden in them" if self.folded.hidden else ""
        count = len(self.folded.boxes)
        label = f"graph of {outputs}: {count} box{'es' if count > 1 else ''}{hidden}"
        area = f'x="{_n(-_MARGIN)}" y="{_n(-_MARGIN)}" width="{_n(width)}" height="{_n(height)}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="stepgrad-drawing" role="img" aria-label="{_text(label)}" '
            f'width="{_n(width)}" height="{_n(height)}" '
            f'viewBox="{_n(-_MARGIN)} {_n(-_MARGIN)} {_n(width)} {_n(height)}">',
            f"<style>{style()}</style>",
            f'<rect class="ground" {area} rx="8"/>',
            *(self._frame(frame.key) for frame in self.folded.frames),
            *dict.fromkeys(line for wire in self.plan.wires for line in _wire(wire, self.nodes[wire.node])),
            *self._labels(),
            *(self._frame_title(frame.key) for frame in self.folded.frames),
            *(self._box(box, box.nodes[-1] in ends and box.kind == "operation") for box in self.folded.boxes),
            "</svg>",
        ]
        return Drawing("\n".join(parts) + "\n", width, height)

    def _frame(self, key: str) -> str:
        return f'<g data-frame="{_text(key)}">{_rectangle(self.plan.places[key], "frame", 8)}</g>'

    def _frame_title(self, key: str) -> str:
        place = self.plan.places[key]
        return _line(self.titles[key], place.x + 10, place.y + 17)

    def _labels(self) -> list[str]:
        """The shapes, below the boxes whose results have them."""
        starts: dict[str, dict[int, tuple[float, float]]] = {}
        for wire in self.plan.wires:
            if wire.source is not None:
                starts.setdefault(wire.source, {})[wire.node] = wire.points[0]
        labels = []
        for found in starts.values():
            if len(found) > 2:
                continue  # no room
            for i, (node, (x, y)) in enumerate(sorted(found.items())):
                left = len(found) == 2 and i == 0
                line = _Line(self._label(node), f"small quiet halo {'right' if left else 'left'}")
                if line.text:
                    labels.append(_line(line, x + (-_BESIDE if left else _BESIDE), y + 13))
        return labels

    def _box(self, box: Box, result: bool) -> str:
        place = self.plan.places[box.key]
        lines = self.lines[box.key]
        kind = "result" if result else box.kind
        x, y = place.x + place.width / 2, place.y + 5.5
        parts = [f'<g data-key="{_text(box.key)}"><title>{_text(self._about(box))}</title>']
        if box.hidden:
            parts.append(_rectangle(Place(place.x + 3, place.y + 3, place.width, place.height), box.kind, 6))
        parts.append(_rectangle(place, kind, place.height / 2 if box.kind == "leaf" else 6))
        for line in lines:
            y += line.size * 1.35
            parts.append(_line(line, x, y - line.size * 0.4))
        return "".join([*parts, "</g>"])

    def _about(self, box: Box) -> str:
        """What hovering tells."""
        if box.hidden:
            nodes = [self.nodes[i] for i in box.nodes]
            names = [node.name for node in nodes if node.leaf and node.name]
            operations = sum(not node.leaf for node in nodes)
            said = f"{box.title}\n{operations} operations, {len(nodes) - operations} leaves hidden; open {box.key!r}"
            return "\n".join([said, *names[:12], *(["…"] if len(names) > 12 else [])])
        node = self.nodes[box.nodes[0]]
        of = "several results" if node.shape is None else f"shape {node.shape} {node.dtype}"
        lines = [f"{node.name} = {node.op}" if node.name else node.op, node.detail, of]
        lines += [f"in {node.module}" if node.module else "", node.source]
        if node.value is not None:
            lines.append(f"value {_brief(node.value)}")
        if node.id in self.cotangents:
            lines.append(f"gradient {self.cotangents[node.id]}")
        return "\n".join(line for line in lines if line)


def _wire(wire: Wire, node: GraphNode) -> list[str]:
    points = [*wire.points]
    head = []
    if wire.target is not None:
        x, y = points[-1]
        head = [f'<path class="head" d="M{_n(x)} {_n(y)}l-3.5 -7h7z"/>']
        points = [(a, min(b, y - 6)) for a, b in points]
    path = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x1 - x0) >= 0.05:
            start = y0 + 14 if y1 - y0 > 40 else y0  # past the label
            middle = (start + y1) / 2
            path.append(f"V{_n(start)}C{_n(x0)} {_n(middle)} {_n(x1)} {_n(middle)} {_n(x1)} {_n(y1)}")
    path.append(f"V{_n(points[-1][1])}")
    uses = _text(" ".join(wire.uses))
    return [f'<path class="wire" data-wire="{wire.node}" data-uses="{uses}" d="{"".join(path)}"/>', *head]


def _rectangle(place: Place, style: str, round_: float) -> str:
    return (
        f'<rect class="{style}" x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" '
        f'height="{_n(place.height)}" rx="{_n(round_)}"/>'
    )


def _line(line: _Line, x: float, y: float) -> str:
    style = f' class="{line.style}"' if line.style else ""
    return f'<text{style} x="{_n(x)}" y="{_n(y)}">{_text(line.text)}</text>'


def _n(x: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{round(x, 1) + 0.0:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    """Text as it stands in XML; letters that may not are shown as ⍰."""
    return escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "⍰", text))
