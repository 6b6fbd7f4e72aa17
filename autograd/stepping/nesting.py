"""Where to draw boxes that stand in frames, which may stand in frames themselves.

The inside of a frame is laid out on its own, and the frame is then one item of the layout around it. What flows into or
out of a frame passes its border at a port: an item without a size, first or last in the layout of the inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from autograd.stepping.folding import Folded
from autograd.stepping.layout import Edge, Point, layout

SIDE = 14.0  # between the border of a frame and what is inside, to the left, to the right and below
HEAD = 26.0  # above, where the title is

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle by its left upper corner, width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from box to box, from box to border or on from a border: the result of `node`, along `points`.

    `source` is the box it begins at and `target` the one it leads to, None if that is a border; `uses` are the boxes
    that the result goes to through it.
    """

    node: int
    points: tuple[Point, ...]
    source: str | None
    target: str | None
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A picture of a folded graph: its size, the places of boxes and frames by key, and the wires."""

    width: float
    height: float
    places: dict[str, Place]
    wires: tuple[Wire, ...]


@dataclass(slots=True)
class _Inside:
    """The layout of what is in one frame: places and wires from its own corner; where the ports are, by node."""

    size: Size
    places: dict[str, Place]
    wires: list[Wire]
    into: dict[int, float]
    out: dict[int, float]


def arrange(
    folded: Folded, sizes: Mapping[str, Size], titles: Mapping[str, float], labels: Mapping[str, float]
) -> Plan:
    """Lay out a folded graph whose boxes have these sizes, and whose frames' titles are this wide.

    `labels` says of boxes how much room there has to be on either side of the wire that leaves them.
    """
    above = {frame.key: frame.frame for frame in folded.frames} | {box.key: box.frame for box in folded.boxes}
    keys = ["", *(frame.key for frame in folded.frames)]
    children: dict[str, list[str]] = {key: [] for key in keys}
    order = {box.key: i for i, box in reversed(list(enumerate(folded.boxes)))}
    for box in folded.boxes:
        children[box.frame].append(box.key)
    for frame in reversed(folded.frames):
        order[frame.key] = min(order[key] for key in children[frame.key])
        children[frame.frame].append(frame.key)
    pieces = _pieces(folded, above)
    inside: dict[str, _Inside] = {}
    for key in reversed(keys):
        items = sorted(children[key], key=order.__getitem__)
        inside[key] = _lay_out(items, pieces[key], inside, sizes, titles.get(key), labels)
    places: dict[str, Place] = {}
    wires: list[Wire] = []
    corners = {"": (0.0, 0.0)}
    for key in keys:
        x, y = corners[key]
        for item, place in inside[key].places.items():
            places[item] = Place(x + place.x, y + place.y, place.width, place.height)
            corners[item] = (x + place.x, y + place.y)
        for wire in inside[key].wires:
            points = tuple((x + a, y + b) for a, b in wire.points)
            wires.append(replace(wire, points=points))
    width, height = inside[""].size
    return Plan(width, height, places, tuple(wires))


# Of what flows inside one frame: from where to where, a key or None for the border, and the node whose result it is.
_Piece = tuple[str | None, str | None, int]


def _pieces(folded: Folded, above: Mapping[str, str]) -> dict[str, dict[_Piece, list[str]]]:
    """The links, cut at the borders of frames."""
    pieces: dict[str, dict[_Piece, list[str]]] = {key: {} for key in ["", *(frame.key for frame in folded.frames)]}
    for link in folded.links:
        around = [above[link.target]]
        while around[-1]:
            around.append(above[around[-1]])
        source, target = link.source, link.target
        while above[source] not in around:
            pieces[above[source]].setdefault((source, None, link.node), []).append(link.target)
            source = above[source]
        while above[target] != above[source]:
            pieces[above[target]].setdefault((None, target, link.node), []).append(link.target)
            target = above[target]
        pieces[above[source]].setdefault((source, target, link.node), []).append(link.target)
    return pieces


def _lay_out(
    items: Sequence[str],
    pieces: Mapping[_Piece, Sequence[str]],
    inside: Mapping[str, _Inside],
    sizes: Mapping[str, Size],
    title: float | None,
    labels: Mapping[str, float],
) -> _Inside:
    numbers = {key: i for i, key in enumerate(items)}
    entering = list(dict.fromkeys(node for source, _, node in pieces if source is None))
    leaving = list(dict.fromkeys(node for _, target, node in pieces if target is None))
    enter = {node: len(items) + i for i, node in enumerate(entering)}
    leave = {node: len(items) + len(entering) + i for i, node in enumerate(leaving)}
    taken = [inside[key].size if key in inside else sizes[key] for key in items]
    results = _results(pieces)
    edges = []
    for source, target, node in pieces:
        first = enter[node] if source is None else numbers[source]
        last = leave[node] if target is None else numbers[target]
        into = 0.0 if target is None else None
        if target is not None and target in inside:
            into = inside[target].into[node] - inside[target].size[0] / 2
        out = 0.0
        if source is not None and source in inside:
            out = inside[source].out[node] - inside[source].size[0] / 2
        elif source is not None:
            made = results[source]
            out = (made.index(node) - (len(made) - 1) / 2) * min(20.0, 0.8 * sizes[source][0] / len(made))
        edges.append(Edge(first, last, out, into))
    rooms = [(max(w, 2 * labels.get(key, 0.0)), h) for key, (w, h) in zip(items, taken)]
    ports = [(0.0, 0.0)] * (len(enter) + len(leave))
    placed = layout([*rooms, *ports], edges, enter.values(), leave.values())
    framed = title is not None
    side, head = (SIDE, HEAD) if framed else (0.0, 0.0)
    width = max(placed.width + 2 * side, (title or 0.0) + 2 * side)
    x = (width - placed.width) / 2
    height = placed.height + head + side
    places = {
        key: Place(x + placed.middles[i] - w / 2, head + placed.tops[i], w, h)
        for (key, i), (w, h) in zip(numbers.items(), taken)
    }
    wires = []
    for ((source, target, node), uses), route in zip(pieces.items(), placed.routes):
        points = [(x + a, head + b) for a, b in route]
        if source is None:
            points[0] = (points[0][0], 0.0)
        if target is None:
            points[-1] = (points[-1][0], height)
        start, end = (key if key in sizes else None for key in (source, target))
        wires.append(Wire(node, tuple(points), start, end, tuple(uses)))
    return _Inside(
        (width, height),
        places,
        wires,
        {node: x + placed.middles[item] for node, item in enter.items()},
        {node: x + placed.middles[item] for node, item in leave.items()},
    )


def _results(pieces: Iterable[_Piece]) -> dict[str, list[int]]:
    """The nodes whose results leave each item, in order."""
    found: dict[str, set[int]] = {}
    for source, _, node in pieces:
        if source is not None:
            found.setdefault(source, set()).add(node)
    return {source: sorted(nodes) for source, nodes in found.items()}
