"""Where to draw the boxes of a graph: in layers, edges pointing down, long edges straight.

The method of K. Sugiyama, S. Tagawa and M. Toda, "Methods for Visual Understanding of Hierarchical System Structures"
(1981), in four steps. Every item gets a layer below those it depends on, leaves just above their first use. Edges over
more than one layer become chains of dummies, one chain for all edges from one place. The order in each layer is found
by sweeps of medians and exchanges of neighbours, so that few edges cross. The coordinates are those of U. Brandes and
B. Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2002), by which the inner part of a long edge is straight.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

GAP = 20.0  # between neighbours in a layer
LAYER_GAP = 46.0  # between layers, at least
_EDGE_GAP = 12.0  # between two long edges side by side
_SWEEPS = 12  # of medians, at most
_EXCHANGES = 4000  # items and dummies up to which neighbours are also exchanged


class Edge(NamedTuple):
    """From the bottom of one item to the top of another; `out` and `into` are how far from their middle."""

    source: int
    target: int
    out: float = 0.0
    into: float | None = None


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """The `middles` (x) and `tops` (y) of items, the layers they are in, and of each edge its `routes`.

    A route is a list of points downwards, in which every other piece is vertical, beginning and ending with such. The
    picture starts at (0, 0) and is of this `width` and `height`.
    """

    width: float
    height: float
    middles: list[float]
    tops: list[float]
    layers: list[int]
    routes: list[list[Point]]


def layout(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    top: Iterable[int] = (),
    bottom: Iterable[int] = (),
) -> Layout:
    """Lay out items of these widths and heights. The same input gives the same layout.

    Items in `top` are put into the first layer, those in `bottom` into the last; the former have no edges into them,
    the latter none out. Where `Edge.into` is None, the edges into an item are spread over its top. Raises ValueError if
    the edges form a circle.

    >>> from autograd.stepping.layout import Edge, layout
    >>> placed = layout([(40, 20)] * 3, [Edge(0, 1), Edge(1, 2), Edge(0, 2)])
    >>> placed.layers
    [0, 1, 2]
    """
    if not sizes:
        return Layout(0.0, 0.0, [], [], [], [])
    graph = _Layered(sizes, edges, *_layers(len(sizes), edges, set(top), set(bottom)))
    graph.reduce_crossings()
    x = graph.coordinates()
    return _placed(graph, x, sizes, edges)


def _layers(count: int, edges: Sequence[Edge], top: set[int], bottom: set[int]) -> tuple[list[int], list[bool]]:
    """A layer for every item, so that all edges point down and most are short; and whether it is a side branch.

    Those are leaves that are not in `top`, and what is made of one leaf alone.
    """
    below: list[list[int]] = [[] for _ in range(count)]
    above: list[list[int]] = [[] for _ in range(count)]
    for edge in dict.fromkeys((edge.source, edge.target) for edge in edges):
        below[edge[0]].append(edge[1])
        above[edge[1]].append(edge[0])
    waiting = [len(parents) for parents in above]
    order = [item for item in range(count) if not waiting[item]]
    for item in order:
        for child in below[item]:
            waiting[child] -= 1
            if not waiting[child]:
                order.append(child)
    if len(order) < count:
        raise ValueError(f"layout: the edges form a circle through some of the items {_blocked(waiting)}")
    layers = [0] * count
    for item in order:
        layers[item] = max((layers[parent] + 1 for parent in above[item]), default=0)
    if top:
        for item in order:
            if item not in top and not above[item]:
                layers[item] = max(layers[item], 1)
            layers[item] = max([layers[item], *(layers[parent] + 1 for parent in above[item])])
    last = max(layers)
    for item in bottom:
        layers[item] = last
    aside = [item not in top for item in range(count)]
    for item in order:
        aside[item] &= len(above[item]) < 2 and all(aside[parent] for parent in above[item])
    for item in reversed(order):
        if below[item] and item not in top and (aside[item] or len(below[item]) > len(above[item])):
            layers[item] = min(layers[child] for child in below[item]) - 1
    return layers, aside


def _blocked(waiting: Sequence[int]) -> list[int]:
    return [item for item, count in enumerate(waiting) if count][:10]


class _Layered:
    """Items and dummies in layers; an item keeps its number, dummies come after.

    `rows` are the layers in order; `above[v]` and `below[v]` the neighbours of v in the layers before and after;
    `aside` whether v is in a side branch, or on a long edge from one.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        edges: Sequence[Edge],
        layers: Sequence[int],
        aside: Sequence[bool],
    ) -> None:
        self.layers = list(layers)
        self.items = len(sizes)
        self.halves = [width / 2 for width, _ in sizes]
        self.chains: dict[tuple[int, float], list[int]] = {}
        self.above: list[list[int]] = [[] for _ in sizes]
        self.below: list[list[int]] = [[] for _ in sizes]
        self.edges = edges
        self.aside = list(aside)
        farthest: dict[tuple[int, float], int] = {}
        for edge in edges:
            start = (edge.source, edge.out)
            farthest[start] = max(farthest.get(start, 0), layers[edge.target])
        for (source, out), end in farthest.items():
            chain = self.chains[source, out] = []
            for layer in range(layers[source] + 1, end):
                dummy = self._dummy(layer, aside[source])
                self._connect(chain[-1] if chain else source, dummy)
                chain.append(dummy)
        self.last: list[int] = []  # of each edge, what it comes from in the layer just above its target
        for edge in edges:
            chain = self.chains[edge.source, edge.out]
            steps = layers[edge.target] - layers[edge.source] - 1
            self.last.append(chain[steps - 1] if steps else edge.source)
            self._connect(self.last[-1], edge.target)
        self.rows = self._first_order()
        self.places = [0] * len(self.layers)
        self._number()

    def _dummy(self, layer: int, aside: bool) -> int:
        self.layers.append(layer)
        self.aside.append(aside)
        self.halves.append(0.0)
        self.above.append([])
        self.below.append([])
        return len(self.layers) - 1

    def _connect(self, upper: int, lower: int) -> None:
        self.below[upper].append(lower)
        self.above[lower].append(upper)

    def _first_order(self) -> list[list[int]]:
        """The layers in the order in which a walk up from the last items comes by."""
        rows: list[list[int]] = [[] for _ in range(max(self.layers, default=-1) + 1)]
        seen: set[int] = set()
        for start in [v for v in range(len(self.layers)) if not self.below[v]]:
            stack = [start]
            while stack:
                v = stack.pop()
                if v not in seen:
                    seen.add(v)
                    rows[self.layers[v]].append(v)
                    stack += reversed(self.above[v])
        return rows

    def _number(self) -> None:
        for row in self.rows:
            for place, v in enumerate(row):
                self.places[v] = place

    # crossings

    def reduce_crossings(self) -> None:
        """Order the layers so that few edges cross."""
        best, fewest = [list(row) for row in self.rows], self._crossings()
        worse = 0
        for sweep in range(_SWEEPS):
            if not fewest or worse > 3:
                break
            self._sweep(downwards=sweep % 2 == 0)
            if len(self.layers) <= _EXCHANGES:
                self._exchange()
            now = self._crossings()
            worse += 1
            if now < fewest:
                best, fewest, worse = [list(row) for row in self.rows], now, 0
        self.rows = best
        self._number()

    def _sweep(self, downwards: bool) -> None:
        neighbours = self.above if downwards else self.below
        for row in self.rows if downwards else reversed(self.rows):
            places = self.places
            keys = {}
            for v in row:
                found = sorted([places[u] for u in neighbours[v]])
                keys[v] = (found[(len(found) - 1) // 2] + found[len(found) // 2]) / 2 if found else -1.0
            moving = iter(sorted([v for v in row if keys[v] >= 0], key=keys.__getitem__))
            row[:] = [next(moving) if keys[v] >= 0 else v for v in row]
            for place, v in enumerate(row):
                places[v] = place

    def _crossings(self) -> int:
        return sum(self._crossings_below(row) for row in self.rows)

    def _crossings_below(self, row: Sequence[int]) -> int:
        count = 0
        ends: list[int] = []
        for v in row:
            found = sorted([self.places[u] for u in self.below[v]])
            for end in found:
                count += len(ends) - bisect_right(ends, end)
            for end in found:
                insort(ends, end)
        return count

    def _exchange(self) -> None:
        """Exchange neighbours in a layer for as long as that saves crossings."""
        for row in self.rows:
            improved = True
            while improved:
                improved = False
                for i in range(len(row) - 1):
                    v, w = row[i], row[i + 1]
                    if self._pair(w, v) < self._pair(v, w):
                        row[i], row[i + 1] = w, v
                        self.places[v], self.places[w] = i + 1, i
                        improved = True

    def _pair(self, left: int, right: int) -> int:
        """How many edges of two neighbours cross each other if they stand in this order."""
        count = 0
        for neighbours in (self.above, self.below):
            b = sorted([self.places[u] for u in neighbours[right]])
            if b:
                count += sum(bisect_right(b, self.places[u] - 1) for u in neighbours[left])
        return count

    # coordinates

    def coordinates(self) -> list[float]:
        """The x of the middles of all items and dummies."""
        self.best_above = [self._best_above(v) for v in range(len(self.layers))]
        self.best_below = [self._best_below(u) for u in range(len(self.layers))]
        self.into = self._spread()
        slopes = self._slopes()
        broken = self._conflicts()
        results = []
        for downwards in (True, False):
            for leftmost in (True, False):
                x = self._aligned(slopes, broken, downwards, 1 if leftmost else -1)
                results.append([place * (1 if leftmost else -1) for place in x])
        return self._balanced(results)

    def _slopes(self) -> dict[tuple[int, int], float]:
        """Of neighbours in two layers, how far to the right the lower is if the edge between them is vertical."""
        found: dict[tuple[int, int], float] = {}
        for (source, out), chain in self.chains.items():
            if chain:
                found[source, chain[0]] = out
        for edge, last, into in zip(self.edges, self.last, self.into):
            found[last, edge.target] = (edge.out if last == edge.source else 0.0) - into
        return found

    def _best_above(self, v: int) -> set[int]:
        """The neighbours above that v is best drawn straight below: no side branch, if it can be, and no long edge."""
        ranks = {u: (self.aside[u], self.aside[u] and not self.above[u], u >= self.items) for u in self.above[v]}
        return _first_ranked(ranks)

    def _best_below(self, u: int) -> set[int]:
        """The neighbours below that are best drawn straight below u: a long edge goes on, others lead to items."""
        ranks = {v: (u not in self.best_above[v], (u >= self.items) != (v >= self.items)) for v in self.below[u]}
        return _first_ranked(ranks)

    def _spread(self) -> list[float]:
        """Where each edge enters its target: as given, or beside each other, the best in the middle."""
        entering: dict[int, set[tuple[int, float]]] = defaultdict(set)
        lasts = [(last, edge.out if last == edge.source else 0.0) for edge, last in zip(self.edges, self.last)]
        for edge, last in zip(self.edges, lasts):
            entering[edge.target].add(last)
        spread: dict[tuple[int, tuple[int, float]], float] = {}
        for target, found in entering.items():
            ordered = sorted(found, key=lambda last: (self.places[last[0]], last[1]))
            best = [i for i, (u, _) in enumerate(ordered) if u in self.best_above[target]]
            middle = (best[0] + best[-1]) / 2
            room = 0.8 * self.halves[target] / max(middle, len(ordered) - 1 - middle, 1)
            for i, last in enumerate(ordered):
                spread[target, last] = (i - middle) * min(16.0, room)
        return [spread[edge.target, last] if edge.into is None else edge.into for edge, last in zip(self.edges, lasts)]

    def _conflicts(self) -> set[tuple[int, int]]:
        """Neighbours that must not be made to stand above each other: their edge crosses an inner part of a long one.

        Of two inner parts that cross, the one further left stays straight.
        """
        broken: set[tuple[int, int]] = set()
        items, places = self.items, self.places
        for row in self.rows:
            inner = [(v, w) for v in row if v >= items for w in self.below[v] if w >= items]
            straight: list[tuple[int, int]] = []
            for v, w in inner:
                if straight and places[w] < straight[-1][1]:
                    broken.add((v, w))
                else:
                    straight.append((places[v], places[w]))
            if straight:
                starts = [start for start, _ in straight]
                for v in row:
                    before = bisect_right(starts, places[v]) - 1  # the last that starts here or left of here
                    for w in self.below[v]:
                        left = before - 1 if before >= 0 and starts[before] == places[v] else before
                        crosses_left = left >= 0 and straight[left][1] > places[w]
                        crosses_right = before + 1 < len(straight) and straight[before + 1][1] < places[w]
                        if crosses_left or crosses_right:
                            broken.add((v, w))
        return broken

    def _aligned(
        self, slopes: dict[tuple[int, int], float], broken: set[tuple[int, int]], downwards: bool, sign: int
    ) -> list[float]:
        """The paper's vertical alignment and horizontal compaction, in one of four directions."""
        rows = [row[::sign] for row in (self.rows if downwards else self.rows[::-1])]
        place = {v: i for row in rows for i, v in enumerate(row)}
        root = list(range(len(self.layers)))
        shift = [0.0] * len(root)  # how far to the right of its root
        for row in rows[1:]:
            for v, u in self._partners(row, place, broken, downwards).items():
                slope = slopes.get((u, v) if downwards else (v, u), 0.0) * sign
                root[v] = root[u]
                shift[v] = shift[u] + (slope if downwards else -slope)
        return self._compacted(rows, root, shift)

    def _partners(
        self, row: Sequence[int], place: dict[int, int], broken: set[tuple[int, int]], downwards: bool
    ) -> dict[int, int]:
        """What to align each of a row with, in the row before: a median of the best; if that fails, one of all."""
        neighbours, best = (self.above, self.best_above) if downwards else (self.below, self.best_below)
        back = self.best_below if downwards else self.best_above
        chosen: dict[int, int] = {}
        for only_best in (True, False):
            limits = []  # of what is left of the next one on the right that is aligned
            limit = len(place)
            for v in reversed(row):
                limits.append(limit)
                limit = place[chosen[v]] if v in chosen else limit
            reached = -1
            for v, limit in zip(row, reversed(limits)):
                if v in chosen:
                    reached = place[chosen[v]]
                    continue
                found = [u for u in best[v] if v in back[u]] if only_best else neighbours[v]
                found = sorted(found, key=place.__getitem__)
                for u in found[(len(found) - 1) // 2 : len(found) // 2 + 1]:
                    if reached < place[u] < limit and ((u, v) if downwards else (v, u)) not in broken:
                        chosen[v] = u
                        reached = place[u]
                        break
        return chosen

    def _compacted(self, rows: Sequence[Sequence[int]], root: list[int], shift: list[float]) -> list[float]:
        """Blocks as far left as they can be, and then as near as can be to those on their right."""
        # Of a block, those beside it, and how far at least.
        right: dict[int, list[tuple[int, float]]] = defaultdict(list)
        left: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for row in rows:
            for v, w in pairwise(row):
                space = self.halves[v] + self._space(v, w) + self.halves[w] + shift[v] - shift[w]
                right[root[v]].append((root[w], space))
                left[root[w]].append((root[v], space))
        blocks = [v for v in range(len(root)) if root[v] == v]
        waiting = {block: len(left[block]) for block in blocks}
        order = [block for block in blocks if not waiting[block]]
        x = dict.fromkeys(blocks, 0.0)
        for block in order:
            for other, space in right[block]:
                x[other] = max(x[other], x[block] + space)
                waiting[other] -= 1
                if not waiting[other]:
                    order.append(other)
        for block in reversed(order):
            if right[block]:
                x[block] = max(x[block], min(x[other] - space for other, space in right[block]))
        return [x[root[v]] + shift[v] for v in range(len(root))]

    def _space(self, v: int, w: int) -> float:
        return _EDGE_GAP if v >= self.items and w >= self.items else GAP

    def _balanced(self, results: Sequence[list[float]]) -> list[float]:
        """The mean of the middle two of four placements, moved to where the narrowest is."""
        spans = []
        for x in results:
            spans.append((min(a - h for a, h in zip(x, self.halves)), max(a + h for a, h in zip(x, self.halves))))
        start, end = min(spans, key=lambda span: span[1] - span[0])
        moved = []
        for i, (x, span) in enumerate(zip(results, spans)):
            by = start - span[0] if i % 2 == 0 else end - span[1]
            moved.append([a + by for a in x])
        balanced = [sum(sorted(four)[1:3]) / 2 for four in zip(*moved)]
        first = min(a - h for a, h in zip(balanced, self.halves))
        return [a - first for a in balanced]


def _first_ranked(ranks: Mapping[int, tuple[bool, ...]]) -> set[int]:
    first = min(ranks.values(), default=())
    return {v for v, rank in ranks.items() if rank == first}


def _placed(graph: _Layered, x: list[float], sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    count = len(sizes)
    heights = [max([sizes[v][1] for v in row if v < count], default=0.0) for row in graph.rows]
    farthest = [0.0] * len(heights)  # how far to the side an edge goes below each layer
    for v in range(len(graph.layers)):
        for w in graph.below[v]:
            farthest[graph.layers[v]] = max(farthest[graph.layers[v]], abs(x[v] - x[w]))
    starts, y = [], 0.0
    for layer, (height, side) in enumerate(zip(heights, farthest)):
        starts.append(y)
        following = heights[layer + 1] if layer + 1 < len(heights) else 0.0
        least = LAYER_GAP * (1.0 if height and following else 0.5 if height else 0.1)  # less where ports are
        y += height + max(least, min(side / 6 + least, LAYER_GAP) if side > 1 else 0.0, min(side / 6, 2.5 * LAYER_GAP))
    ends = [start + height for start, height in zip(starts, heights)]
    tops = []
    for item in range(count):
        layer, height = graph.layers[item], sizes[item][1]
        room = heights[layer] - height
        tops.append(starts[layer] + (room if not graph.above[item] else 0.0 if not graph.below[item] else room / 2))
    routes = []
    for edge, into in zip(edges, graph.into):
        layer, target = graph.layers[edge.source], graph.layers[edge.target]
        start = x[edge.source] + edge.out
        route = [(start, tops[edge.source] + sizes[edge.source][1]), (start, ends[layer])]
        for dummy in graph.chains[edge.source, edge.out][: target - layer - 1]:
            at = graph.layers[dummy]
            route += [(x[dummy], starts[at]), (x[dummy], ends[at])]
        end = x[edge.target] + into
        routes.append([*route, (end, starts[target]), (end, tops[edge.target])])
    width = max(x[v] + graph.halves[v] for v in range(len(x)))
    return Layout(width, ends[-1], x[:count], tops, graph.layers[:count], routes)
