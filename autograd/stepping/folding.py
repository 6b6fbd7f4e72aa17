"""Folding a graph by module: what one call of a module did becomes one box, until it is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from autograd.stepping.graph_view import GraphNode, GraphView

Kind = Literal["operation", "leaf", "parameter", "module", "run"]


@dataclass(frozen=True, slots=True)
class Box:
    """One box of a folded graph: an operation, a leaf, a parameter, a closed module, or a run of hidden operations.

    `nodes` are the ids of what it stands for; `frame` is the key of the open module around it, "" if there is none.

    >>> import nn
    >>> from autograd.stepping import fold, view
    >>> y = nn.Sequential(nn.Linear(2, 3), nn.ReLU())(ones((4, 2))).sum()
    >>> box = fold(view(y), limit=3).boxes[0]
    >>> box.kind, box.title, box.hidden  # two parameters, einsum and add
    ('module', '0: Linear', 4)
    """

    key: str
    kind: Kind
    title: str
    nodes: tuple[int, ...]
    frame: str

    @property
    def hidden(self) -> int:
        """How many nodes of the graph are not seen because of this box."""
        return len(self.nodes) if self.kind in ("module", "run") else 0


@dataclass(frozen=True, slots=True)
class Frame:
    """An open module, to be drawn around what it did; `frame` is the key of the open one around it, or "".

    >>> import nn
    >>> from autograd.stepping import fold, view
    >>> y = nn.Sequential(nn.Linear(2, 3), nn.ReLU())(ones((4, 2))).sum()
    >>> [frame.title for frame in fold(view(y), limit=3).frames]
    ['Sequential']
    """

    key: str
    title: str
    frame: str


@dataclass(frozen=True, slots=True)
class Link:
    """What flows from one box to another: the result of the node with the id `node`.

    >>> import nn
    >>> from autograd.stepping import fold, view
    >>> y = nn.Sequential(nn.Linear(2, 3), nn.ReLU())(ones((4, 2))).sum()
    >>> folded = fold(view(y), limit=3)
    >>> [folded.view.nodes[link.node].op for link in folded.links]  # to ReLU, and to the sum
    ['add', 'relu']
    """

    source: str
    target: str
    node: int


@dataclass(frozen=True, slots=True, repr=False)
class Folded:
    """A graph folded by module.

    `boxes` are in the order of computation, leaves just before their first use; `frames` come after those around them;
    `links` are the edges between boxes.

    >>> import nn
    >>> from autograd.stepping import fold, view
    >>> y = nn.Sequential(nn.Linear(2, 3), nn.ReLU())(ones((4, 2))).sum()
    >>> folded = fold(view(y), limit=3)
    >>> [box.title for box in folded.boxes], folded.hidden
    (['0: Linear', '1: ReLU', 'sum'], 5)
    """

    view: GraphView
    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    links: tuple[Link, ...]

    def __repr__(self) -> str:
        return f"<graph of {len(self.view.nodes)} nodes in {len(self.boxes)} boxes>"

    @property
    def hidden(self) -> int:
        """How many nodes of the graph are not seen."""
        return sum(box.hidden for box in self.boxes)


@dataclass(eq=False, slots=True)
class _Part:
    """What can be opened: a call of a module, a run of what is in another part, or the whole graph.

    `parts` are those inside and the operations, as they followed each other; `leaves`, those that nothing outside uses.
    """

    key: str
    path: str
    title: str
    kind: Kind
    around: _Part | None
    parts: list[_Part | GraphNode] = field(default_factory=list)
    leaves: list[GraphNode] = field(default_factory=list)

    def inner(self) -> list[_Part]:
        return [part for part in self.parts if isinstance(part, _Part)]

    def chain(self) -> list[_Part]:
        """The parts around this one, outermost first, and itself."""
        chain = [self]
        while chain[-1].around is not None:
            chain.append(chain[-1].around)
        return chain[::-1]

    def within(self) -> Iterator[_Part]:
        """This part and all parts inside it, each before what is inside it."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack += reversed(part.inner())

    def nodes(self) -> tuple[int, ...]:
        """The ids of all nodes inside."""
        return tuple(
            sorted(
                node.id for part in self.within() for node in (*part.parts, *part.leaves) if isinstance(node, GraphNode)
            )
        )


def fold(view: GraphView, opened: str | Collection[str] = (), limit: int = 40) -> Folded:
    """The graph in boxes: modules are opened level by level for as long as no more than `limit` boxes are seen.

    What is `opened` is open besides, with all around it: dotted paths of modules, or keys of boxes; "all" opens
    everything. Modules that call no others are opened last, and all together. Where more than `limit` operations or
    modules follow each other in one place, runs of them are folded into one box each. A leaf is in the innermost part
    that has all its uses. Raises ValueError for a path that is not in the graph.

    >>> import nn
    >>> from autograd.stepping import fold, view
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> folded = fold(view(model(ones((4, 2))).sum()), limit=5)
    >>> [(box.title, box.hidden) for box in folded.boxes]
    [('0: Linear', 4), ('1: ReLU', 1), ('2: Linear', 4), ('sum', 0)]
    """
    if limit < 2:
        raise ValueError(f"fold: limit has to be at least 2, got {limit}")
    whole = _tree(view)
    everything = opened == "all"
    if not everything:
        for part in list(whole.within()):
            _split(part, limit)
    _settle_leaves(view, whole)
    if everything:
        return _folded(view, whole, set(whole.within()))
    return _folded(view, whole, _by_level(whole, limit) | _wanted(whole, opened))


def _tree(view: GraphView) -> _Part:
    """The calls and operations as they are inside each other.

    A call whose operations do not follow each other, since other threads ran at the same time, is left out: to draw it
    as one box could close a circle.
    """
    chains: dict[int | None, tuple[int, ...]] = {None: ()}
    for i, call in enumerate(view.calls):
        chains[i] = (*chains[call.caller], i)
    operations = [node for node in view.nodes if not node.leaf]
    places: dict[int, list[int]] = {}
    for place, node in enumerate(operations):
        for i in chains[node.call]:
            places.setdefault(i, []).append(place)
    unbroken = {i for i, found in places.items() if found[-1] - found[0] + 1 == len(found)}
    whole = _Part("", "", "", "module", None)
    parts: dict[int, _Part] = {}
    times: Counter[str] = Counter()
    for node in operations:
        home = whole
        for i in chains[node.call]:
            if i in unbroken:
                if i not in parts:
                    parts[i] = _call_part(view, i, home, times)
                    home.parts.append(parts[i])
                home = parts[i]
        home.parts.append(node)
    return whole


def _call_part(view: GraphView, i: int, around: _Part, times: Counter[str]) -> _Part:
    call = view.calls[i]
    path = call.module or call.kind
    times[path] += 1
    again = f"#{times[path]}" if times[path] > 1 else ""
    caller = "" if call.caller is None else view.calls[call.caller].module
    name = call.module.removeprefix(f"{caller}.") if caller else call.module
    title = f"{name}: {call.kind}" if name not in ("", call.kind) else call.kind
    return _Part(path + again, path, f"{title} {again}".rstrip(), "module", around)


def _split(part: _Part, limit: int) -> None:
    """Put runs of what is in a part, if that is more than `limit`, into parts of their own."""
    count = len(part.parts)
    if count <= limit:
        return
    size = max(ceil(count / max(limit // 2, 2)), 2)
    runs: list[_Part | GraphNode] = []
    for start in range(0, count, size):
        members = part.parts[start : start + size]
        if len(members) == 1:
            runs += members
            continue
        operations = sum(isinstance(member, GraphNode) for member in members)
        what = "operations" if operations == len(members) else "modules and operations" if operations else "modules"
        key = f"{part.key}[{start}:{start + len(members)}]"
        run = _Part(key, key, f"{len(members)} {what}", "run", part, members)
        for inner in run.inner():
            inner.around = run
        _split(run, limit)
        runs.append(run)
    part.parts = runs


def _settle_leaves(view: GraphView, whole: _Part) -> None:
    homes = {node.id: part for part in whole.within() for node in part.parts if isinstance(node, GraphNode)}
    chains = {part: part.chain() for part in whole.within()}
    around: dict[int, list[_Part]] = {}  # of a leaf, the parts that all its uses up to now are in
    for node in view.nodes:
        if not node.leaf:
            chain = chains[homes[node.id]]
            for parent in node.parents:
                if view.nodes[parent].leaf:
                    common = around.get(parent, chain)
                    around[parent] = [a for a, b in zip(common, chain) if a is b]
    for node in view.nodes:
        if node.leaf:
            around.get(node.id, [whole])[-1].leaves.append(node)


def _by_level(whole: _Part, limit: int) -> set[_Part]:
    """What is open unasked."""
    open_ = {whole}
    while True:
        closed = _closed(whole, open_)
        further = [part for part in closed if part.kind == "module" and part.inner()]
        if not further:
            everything = set(whole.within())
            return everything if _count(whole, everything) <= limit else open_
        if _count(whole, open_.union(further)) > limit:
            return open_
        open_.update(further)


def _closed(whole: _Part, open_: set[_Part]) -> list[_Part]:
    """The parts that are seen as boxes."""
    return [inner for part in _seen_open(whole, open_) for inner in part.inner() if inner not in open_]


def _seen_open(whole: _Part, open_: set[_Part]) -> Iterator[_Part]:
    """The parts that are open and in open ones, each before those inside it."""
    stack = [whole]
    while stack:
        part = stack.pop()
        yield part
        stack += reversed([inner for inner in part.inner() if inner in open_])


def _count(whole: _Part, open_: set[_Part]) -> int:
    """How many boxes are seen."""
    return sum(
        len(part.leaves) + sum(isinstance(inner, GraphNode) or inner not in open_ for inner in part.parts)
        for part in _seen_open(whole, open_)
    )


def _wanted(whole: _Part, opened: str | Collection[str]) -> set[_Part]:
    """The parts to be opened, with those around them."""
    wanted: set[_Part] = set()
    parts = list(whole.within())[1:]
    for name in [opened] if isinstance(opened, str) else opened:
        found = [part for part in parts if name in (part.key, part.path)]
        if not found:
            known = ", ".join(dict.fromkeys(part.path for part in parts[:30])) or "no modules"
            raise ValueError(f"fold: nothing in the graph is called {name!r}; it has {known}")
        wanted.update(around for part in found for around in part.chain())
    return wanted


def _folded(view: GraphView, whole: _Part, open_: set[_Part]) -> Folded:
    boxes: list[Box] = []
    frames: list[Frame] = []
    for part in _seen_open(whole, open_):
        if part is not whole:
            assert part.around is not None
            frames.append(Frame(part.key, part.title, part.around.key))
        for inner in (*part.leaves, *part.parts):
            if isinstance(inner, GraphNode):
                key = f".{inner.id}"  # no path of a module begins with a dot
                boxes.append(Box(key, _kind(inner), _title(inner, part.path), (inner.id,), part.key))
            elif inner not in open_:
                boxes.append(Box(inner.key, inner.kind, inner.title, inner.nodes(), part.key))
    seen_in = {i: box.key for box in boxes for i in box.nodes}
    starts = {box.key: min((i for i in box.nodes if not view.nodes[i].leaf), default=0) for box in boxes}
    uses = {parent: starts[seen_in[node.id]] for node in reversed(view.nodes) for parent in node.parents}

    def place(box: Box) -> tuple[int, bool, int]:
        used = box.kind in ("leaf", "parameter")
        return (uses.get(box.nodes[0], 0) if used else starts[box.key], not used, box.nodes[0])

    boxes.sort(key=place)
    return Folded(view, tuple(boxes), tuple(frames), _links(view.nodes, seen_in))


def _links(nodes: Sequence[GraphNode], seen_in: dict[int, str]) -> tuple[Link, ...]:
    """What flows between boxes, each once, in the order of the boxes it goes to and of their inputs."""
    links: dict[Link, None] = {}
    for node in nodes:
        for parent in node.parents:
            if seen_in[parent] != seen_in[node.id]:
                links[Link(seen_in[parent], seen_in[node.id], parent)] = None
    return tuple(links)


def _kind(node: GraphNode) -> Kind:
    if not node.leaf:
        return "operation"
    return "parameter" if node.parameter else "leaf"


def _title(node: GraphNode, path: str) -> str:
    if node.leaf:
        return (node.name or "leaf").removeprefix(f"{path}.")
    return f"{node.name} = {node.op}" if node.name else node.op
