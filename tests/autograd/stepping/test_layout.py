"""What a layout has to be like, whatever the graph."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.stepping.layout import GAP, Edge, Layout, layout

CLOSE = 1e-6


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[Edge]]:
    count = draw(st.integers(1, 25))
    sizes = draw(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 60)), min_size=count, max_size=count))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    edges = draw(st.lists(pairs, max_size=60, unique=True)) if count > 1 else []
    shuffled = draw(st.permutations(range(count)))
    return [(float(w), float(h)) for w, h in sizes], [Edge(shuffled[a], shuffled[b]) for a, b in edges]


def inner_parts(edge: Edge, route: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points of a route on its long edge's chain: without those at its ends."""
    return route[2:-2]


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_edges_point_down_from_bottom_to_top(graph: tuple[list[tuple[float, float]], list[Edge]]) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    for edge, route in zip(edges, placed.routes):
        source, target = edge.source, edge.target
        assert placed.layers[source] < placed.layers[target]
        assert all(low[1] >= high[1] - CLOSE for high, low in pairwise(route))
        assert route[0] == pytest.approx((placed.middles[source], placed.tops[source] + sizes[source][1]))
        assert route[-1][1] == pytest.approx(placed.tops[target])
        assert abs(route[-1][0] - placed.middles[target]) <= sizes[target][0] / 2 + CLOSE
        for k in range(0, len(route), 2):
            assert route[k][0] == pytest.approx(route[k + 1][0])


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_boxes_stand_apart_and_inside_the_picture(graph: tuple[list[tuple[float, float]], list[Edge]]) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    for a, b in combinations(range(len(sizes)), 2):
        if placed.layers[a] == placed.layers[b]:
            apart = abs(placed.middles[a] - placed.middles[b])
            assert apart >= (sizes[a][0] + sizes[b][0]) / 2 + GAP - CLOSE
        else:
            upper, lower = sorted((a, b), key=placed.layers.__getitem__)
            assert placed.tops[lower] >= placed.tops[upper] + sizes[upper][1] - CLOSE
    for (width, height), x, y in zip(sizes, placed.middles, placed.tops):
        assert x - width / 2 >= -CLOSE
        assert x + width / 2 <= placed.width + CLOSE
        assert y >= 0
        assert y + height <= placed.height + CLOSE
    for route in placed.routes:
        assert all(-CLOSE <= x <= placed.width + CLOSE for x, _ in route)


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_wires_pass_no_box(graph: tuple[list[tuple[float, float]], list[Edge]]) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    for edge, route in zip(edges, placed.routes):
        for k in range(2, len(route) - 2, 2):
            (x, top), (_, bottom) = route[k], route[k + 1]
            for item, ((width, height), middle, y) in enumerate(zip(sizes, placed.middles, placed.tops)):
                if item not in (edge.source, edge.target) and y < bottom and top < y + height:
                    assert abs(middle - x) >= width / 2


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_the_inside_of_a_long_edge_is_straight_where_no_other_crosses_it(
    graph: tuple[list[tuple[float, float]], list[Edge]],
) -> None:
    sizes, edges = graph
    placed = layout(sizes, edges)
    insides = [inner_parts(edge, route) for edge, route in zip(edges, placed.routes)]
    for i, inside in enumerate(insides):
        for (x0, y0), (x1, y1) in zip(inside[1::2], inside[2::2]):
            if abs(x0 - x1) > CLOSE:
                crossing = [
                    (a0, a1)
                    for j, other in enumerate(insides)
                    if edges[j].source != edges[i].source
                    for (a0, b0), (a1, b1) in zip(other[1::2], other[2::2])
                    if (b0, b1) == (y0, y1) and (a0 - x0) * (a1 - x1) < 0
                ]
                assert crossing, f"edge {edges[i]} bends for nothing"


@settings(deadline=None, max_examples=50)
@given(graphs())
def test_the_same_graph_gets_the_same_layout(graph: tuple[list[tuple[float, float]], list[Edge]]) -> None:
    assert layout(*graph) == layout(*graph)


def plain(edges: list[tuple[int, int]], count: int | None = None) -> Layout:
    count = count or 1 + max(max(edge) for edge in edges)
    return layout([(40.0, 20.0)] * count, [Edge(*edge) for edge in edges])


def test_a_chain_is_a_straight_line() -> None:
    placed = plain([(i, i + 1) for i in range(9)])
    assert len(set(placed.middles)) == 1
    assert placed.layers == list(range(10))


def test_the_main_line_stays_straight_beside_long_edges() -> None:
    """A residual network: whatever is added comes from the side."""
    placed = plain([(i, i + 1) for i in range(20)] + [(i, i + 4) for i in range(0, 16, 5)])
    assert max(placed.middles) - min(placed.middles) < CLOSE
    assert placed.width < 100


def test_leaves_stand_just_above_their_use() -> None:
    placed = plain([(0, 1), (7, 1), (1, 2), (2, 3), (4, 3), (5, 6), (6, 3)])
    assert placed.layers == [0, 1, 2, 3, 2, 1, 2, 0]
    assert max(placed.middles[1:4]) - min(placed.middles[1:4]) < CLOSE


def test_a_fork_is_symmetric() -> None:
    placed = plain([(0, 1), (0, 2), (1, 3), (2, 3)])
    assert placed.middles[0] == pytest.approx((placed.middles[1] + placed.middles[2]) / 2)
    assert placed.middles[3] == pytest.approx(placed.middles[0])


def test_crossings_that_can_be_avoided_are() -> None:
    """Two chains and their feet, given in an order that would cross."""
    placed = plain([(0, 3), (1, 2), (2, 5), (3, 4), (6, 4), (7, 5)])
    left = placed.middles[0] < placed.middles[1]
    assert (placed.middles[3] < placed.middles[2]) is left
    assert (placed.middles[4] < placed.middles[5]) is left


def test_edges_from_one_place_share_their_way() -> None:
    placed = plain([(0, i) for i in range(1, 50)] + [(i, i + 1) for i in range(1, 49)])
    assert placed.width < 150


def test_ports_stay_first_and_last() -> None:
    placed = layout([(40, 20)] * 4 + [(0, 0)] * 2, [Edge(4, 0), Edge(0, 1), Edge(2, 1), Edge(1, 5)], [4], [5])
    assert placed.layers[4] == 0
    assert placed.layers[5] == max(placed.layers)
    assert placed.layers[:3] == [1, 2, 1]


@pytest.mark.parametrize("edges", [[(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 3), (3, 1)], [(1, 1)]])
def test_a_circle_is_an_error(edges: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match=r"^layout: the edges form a circle"):
        plain(edges, 4)


def test_nothing_is_laid_out_as_nothing() -> None:
    assert layout([], []) == Layout(0.0, 0.0, [], [], [], [])


def test_two_thousand_nodes_are_laid_out() -> None:
    count = 2000
    edges = [(i, i + 1) for i in range(count - 1)] + [
        (i, min(i + 3 + i % 11, count - 1)) for i in range(0, count - 4, 3)
    ]
    placed = plain(edges, count)
    assert placed.layers == list(range(count))
