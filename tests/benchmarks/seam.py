"""What the seam for watching costs a backward pass that nobody watches: the same sweep with the seam cut out of it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autograd import graph, transforms
from tests.benchmarks.report import Section, Settings, at_most, milliseconds, spread, table
from tests.benchmarks.timing import Stopwatch, compare
from tests.benchmarks.workloads import OURS, Chain, Program, check_same, results

BARE = "without the seam"
_SEAM = "seen"  # the variable of the sweep that is there for watching alone


def section(settings: Settings) -> Section | None:
    """The chain's forward and backward pass, as it is and without the seam."""
    chain = Chain("chain of 7,500 four-element ops", 7_500)
    if not settings.chosen([chain]):
        return None
    program = chain.programs(True, ())[OURS]
    check_same(BARE, results(bare(program)), results(program))
    times = compare({OURS: Stopwatch(program), BARE: Stopwatch(bare(program))}, 3 * settings.turns, 10 * settings.share)
    ratio = times.ratio(OURS, BARE)
    header = ("", "stepgrad, ms", f"{BARE}, ms", "ratio", "middle half")
    row = (chain.name, milliseconds(times.median(OURS)), milliseconds(times.median(BARE)), *spread(ratio))
    text = "Forward and backward, with no stepper; and by a copy of the sweep that cannot be watched or stepped."
    target = at_most("backward pass with no stepper ÷ the same without the seam for it", 1.02, ratio.value)
    return Section("The seam for watching", f"{text}\n\n{table(header, [row])}", [target])


def bare(program: Program) -> Program:
    """The program with a sweep that has no seam."""
    sweep = unwatchable(graph.reverse_sweep)

    def run() -> object:
        with _in_place_of(graph.reverse_sweep, sweep):
            return program()

    return run


def unwatchable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without the statements that are there for watching. Raises ValueError if there are none."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    cut = _Cut()
    (definition,) = cut.visit(tree).body
    if cut.count < 3:
        raise ValueError(f"{function.__name__}: its seam for watching was not found")
    definition.body += ast.parse("if False: yield").body  # a generator still
    space = vars(inspect.getmodule(function))
    made: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(tree), "<without the seam>", "exec"), space, made)
    return made[function.__name__]


class _Cut(ast.NodeTransformer):
    def __init__(self) -> None:
        self.count = 0

    def visit_If(self, node: ast.If) -> Any:
        return self._without(node, node.test) and self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        return self._without(node, node)

    def _without(self, node: ast.stmt, where: ast.AST) -> ast.stmt | None:
        """Nothing, if the variable is read or set there."""
        if not any(isinstance(part, ast.Name) and part.id == _SEAM for part in ast.walk(where)):
            return node
        self.count += 1
        return None


@contextmanager
def _in_place_of(function: Callable[..., Any], other: Callable[..., Any]) -> Iterator[None]:
    """Have every module of the engine call the other one."""
    places = [module for module in (graph, transforms) if vars(module).get(function.__name__) is function]
    for module in places:
        setattr(module, function.__name__, other)
    try:
        yield
    finally:
        for module in places:
            setattr(module, function.__name__, function)
