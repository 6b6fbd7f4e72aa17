"""Traces as text: tables, steps and graphs, in wide terminals and narrow ones, with colours and without."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pytest
from traces import by_hand, resnet, two_layers

import autograd as ag
from autograd.stepping import Stepper, Trace
from autograd.stepping.text import Look, block, graph, table

TRACE = by_hand()


def test_the_table_has_a_line_for_every_step() -> None:
    assert table(TRACE).split("\n") == [
        "step  operation  name  cotangent  norm    passed on to         made at",
        "─" * 98,
        "1     cos        J     ()         1       add #4               chain.py:3: J = cos(sin(s) + 3 * s)",
        "2     add              ()         0.5846  sin #2, multiply #3  chain.py:3: J = cos(sin(s) + 3 * s)",
        "3     multiply         ()         0.5846  s                    chain.py:3: J = cos(sin(s) + 3 * s)",
        "4     sin              ()         0.5846  s                    chain.py:3: J = cos(sin(s) + 3 * s)",
        "5     multiply   s     ()         2.223   x, x                 chain.py:3: J = cos(sin(s) + 3 * s)",
    ]


def test_a_step_is_a_block() -> None:
    assert block(TRACE, 4).split("\n") == [
        "step 4 of 5   sin",
        "  made at   notes/chain.py:3: J = cos(sin(s) + 3 * s)",
        "  result    () float64",
        "  rule      x̄ += ȳ · cos(x)",
        "    cotangent -0.5846",
        "  → s   (), complete",
        "    is given  -0.4689",
        "    had       -1.7538",
        "    has now   -2.2227",
    ]


def test_the_start_is_no_step() -> None:
    assert block(TRACE, 0) == "start of J = cos(sin x² + 3x²)\n  5 steps, 6 nodes; nothing has flowed back yet"


def test_a_pass_without_steps_is_a_table_without_lines() -> None:
    head, rule = table(ag.tensor(2.0, requires_grad=True).stepper().trace()).split("\n")
    assert head.startswith("step  operation")
    assert set(rule) == {"─"}


@pytest.mark.parametrize("text", [table, graph, lambda trace: block(trace, 2)])
def test_names_do_not_move_the_cursor(text: Any) -> None:
    x = ag.tensor(2.0, requires_grad=True)
    shown = text((ag.named(ag.sin(x), "a\nb\x1b[31m\x9b2J") * x).stepper().trace())
    assert "a⍰b⍰[31m⍰2J" in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


@pytest.mark.parametrize("position", [-1, 6])
def test_there_is_no_step_beyond_the_ends(position: int) -> None:
    with pytest.raises(IndexError, match=f"block: the trace has positions 0 to 5, not {position}"):
        block(TRACE, position)


def test_the_graph_is_drawn_in_columns() -> None:
    assert graph(TRACE, 3).split("\n") == [
        "●   5 cos J ()",
        "●─╮ 4 add ()",
        "│ ▶ 3 multiply ()",
        "●─┤ 2 sin ()",
        "  ● 1 multiply s ()",
        "  ◆ 0 x ()",
    ]


def lane_edges(drawing: str) -> set[tuple[int, int]]:
    """The edges that can be read off a drawing: whom each line that leaves a node leads to."""
    edges: set[tuple[int, int]] = set()
    open_lanes: dict[int, list[int]] = {}
    for line in drawing.split("\n"):
        lanes, number = re.match(r"([●▶◆│─╭╮├┤┬┼ ]*?) *(\d+) ", line).groups()
        node, place = int(number), next(i for i, c in enumerate(lanes) if c in "●▶◆")
        edges |= {(child, node) for child in open_lanes.pop(place, [])}
        for i, c in enumerate(lanes):
            if c in "╭╮├┤┬┼":
                open_lanes.setdefault(i, []).append(node)
        straight = lanes[place] != "◆"
        if straight:
            open_lanes[place] = [node]
    return edges


@pytest.mark.parametrize("make", [by_hand, two_layers], ids=lambda make: make.__name__)
def test_all_edges_can_be_read_off_the_drawing(make: object) -> None:
    trace = make()
    edges = {(node.id, parent) for node in trace.graph.nodes for parent in node.parents}
    assert lane_edges(graph(trace)) == edges


def test_summed_axes_and_large_arrays_are_told() -> None:
    trace = two_layers()
    text = "\n".join(block(trace, k) for k in range(1, len(trace.steps) + 1))
    assert "→ 2.bias   (2,), summed over axis 0, complete" in text
    assert re.search(r"is given  norm [\d.]+, from -[\d.]+ to [\d.]+, mean", text)
    assert "module    0" in text


@pytest.mark.parametrize("width", [20, 39, 60, 100])
@pytest.mark.parametrize("make", [by_hand, two_layers], ids=lambda make: make.__name__)
def test_no_line_is_wider_than_the_terminal(width: int, make: object) -> None:
    trace = make()
    look = Look(width)
    texts = [table(trace, look=look), graph(trace, look=look), *(block(trace, k, look) for k in range(6))]
    for line in "\n".join(texts).split("\n"):
        assert sum(not unicodedata.combining(letter) for letter in line) <= width, line


def test_long_texts_show_what_is_around_the_step() -> None:
    trace = resnet()
    lines = graph(trace, 100, height=15).split("\n")
    assert len(lines) == 15
    assert re.fullmatch(r"… \d+ more", lines[0])
    assert re.fullmatch(r"… \d+ more", lines[-1])
    assert sum("▶" in line for line in lines) == 1
    assert len(graph(trace).split("\n")) == len(trace.graph.nodes)
    rows = table(trace, 100, height=12).split("\n")
    assert len(rows) == 12
    assert any(row.startswith("100 ") for row in rows)


def test_colours_only_where_they_are_asked_for() -> None:
    assert "\x1b" not in table(TRACE) + block(TRACE, 3) + graph(TRACE, 3)
    colored = Look(color=True)
    for plain, painted in (
        (block(TRACE, 3), block(TRACE, 3, colored)),
        (graph(TRACE, 3), graph(TRACE, 3, colored)),
        (table(TRACE, 3), table(TRACE, 3, colored)),
    ):
        assert "\x1b[" in painted
        assert re.sub(r"\x1b\[\d*m", "", painted) == plain


def test_ascii_alone() -> None:
    look = Look(ascii=True)
    text = table(TRACE, 2, look) + block(TRACE, 4, look) + graph(TRACE, 3, look)
    assert text.isascii()
    assert "x_ += y_ . cos(x)" in text
    assert "| > 3 multiply" in text


def test_values_that_are_not_finite() -> None:
    x = ag.tensor([4.0, 0.0], requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        trace = Stepper(ag.log(x).sum()).trace()
    assert "is given  [0.25  inf]" in block(trace, 2)


def test_operations_with_several_results() -> None:
    x = ag.tensor([3.0, 4.0, 5.0], requires_grad=True, name="x")
    values, _ = ag.topk(x, 2)
    trace = Trace.from_json(Stepper((values * values).sum()).trace().to_json())
    assert [block(trace, k).count("→") for k in range(1, len(trace.steps) + 1)] == [
        len(step.contributions) for step in trace.steps
    ]
    assert len(table(trace).split("\n")) == len(trace.steps) + 2
    assert len(graph(trace).split("\n")) == len(trace.graph.nodes)
