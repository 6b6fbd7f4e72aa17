"""`locate_wrong_node`: which node of a recorded graph has a wrong derivative rule."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Node, ancestors
from autograd.numeric.hints import hint
from autograd.numeric.line import Judgement, Line, compare, rounding_of
from autograd.numeric.progress import progress_bar
from autograd.numeric.recorded import is_one_of_several, live_tensors, module_names
from autograd.numeric.replay import Given, Replay, Results, beside, replays, scale_of
from autograd.numeric.report import Entry
from autograd.recompute import Segment
from autograd.tensor import Tensor

__all__ = ["Mismatch", "NodeCheck", "WrongNodes", "check_node", "locate_wrong_node"]

# Steps of the differences that nodes are looked through with, along directions scaled to the input: the shorter one
# where a kink or a tie is too near for the longer.
_STEPS = (2.0**-9, 2.0**-22)
_RTOL, _RTOL_FLOAT32 = 1e-6, 1e-5
_ONE_BY_ONE = 256  # elements up to which all of an input's are compared to find the worst
_PINNED = 12  # wrong elements that are looked at closely
_AT_ONCE = 8  # elements up to which each is looked at from the start


@dataclass(frozen=True)
class Mismatch:
    """A derivative that is not what its rule says.

    `input` is the operation's input, `mode` whether its vjp or its jvp is wrong. The numbers are the derivative of the
    element `output` of the result by the element `index` of the input. Where `output` is None, it is that of a sum of
    all results, where `index` is None that along a direction, both with random weights. `hint` says what the fault
    looks like.

    >>> from autograd.numeric import check_node
    >>> @custom_vjp(lambda g, x: x * g)  # 2 x g would be right
    ... def squared(x):
    ...     return x * x
    >>> worst = check_node(squared(tensor([5.0], requires_grad=True)).grad_fn).worst
    >>> print(f"by {worst.input} at {worst.index}: {worst.analytic:.3f}, where it should be {worst.numeric:.3f}")
    by x at (0,): 5.000, where it should be 10.000
    """

    input: str
    mode: Literal["vjp", "jvp"]
    index: tuple[int, ...] | None
    output: tuple[int, ...] | None
    analytic: float
    numeric: float
    error: float
    hint: str = ""

    def __str__(self) -> str:
        what = f"{self.mode} by {self.input}"
        if self.index is not None:
            what += f" at {list(self.index)}"
        if self.output is not None:
            what += f", of the result at {list(self.output)}"
        said = f"{what}: the rule gives {self.analytic:+.6e}, finite differences {self.numeric:+.6e} ± {self.error:.0e}"
        return said + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, repr=False)
class NodeCheck:
    """What `check_node` found on one node. True if its rule is right as far as it could be checked.

    `mismatches` are the derivatives that are wrong, at most one for each input and mode, and `worst` the one that is
    farthest off. `problem` says why a rule could not be run (that is wrong, too, if it is the vjp: `broken`) or why
    nothing could be checked. `inputs` describes the operation's inputs, unless all is well.

    >>> from autograd.numeric import check_node
    >>> x = tensor([1.0, 5.0], requires_grad=True)
    >>> check = check_node(sin(x).grad_fn)
    >>> check.ok, check.reason
    (True, 'right')
    """

    node: Node
    inputs: tuple[str, ...]
    mismatches: tuple[Mismatch, ...] = ()
    problem: str = ""
    broken: bool = False
    checked: bool = True

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.mismatches and not self.broken

    def __bool__(self) -> bool:
        return self.ok

    @property
    def worst(self) -> Mismatch | None:
        """The mismatch that is farthest off, relative to the larger number."""

        def distance(m: Mismatch) -> float:
            return abs(m.analytic - m.numeric) / (max(abs(m.analytic), abs(m.numeric)) or 1.0)

        return max(self.mismatches, key=distance, default=None)

    @property
    def reason(self) -> str:
        """What is wrong, in words; or that nothing is, or what kept it from being checked."""
        if not self.ok:
            return "; ".join([*map(str, self.mismatches), *([self.problem] if self.problem else [])])
        if not self.checked:
            return f"not checked: {self.problem}"
        return "right" + (f" ({self.problem})" if self.problem else "")

    def __repr__(self) -> str:
        verdict = "has a wrong derivative" if not self.ok else "is right" if self.checked else "was not checked"
        lines = [f"'{self.node.op}' {verdict}; made at {self.node.source}"]
        lines += [f"  input {described}" for described in self.inputs]
        lines += [f"  {mismatch}" for mismatch in self.mismatches]
        return "\n".join(lines + ([f"  {self.problem}"] if self.problem else []))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True, repr=False)
class WrongNodes:
    """What `locate_wrong_node` found: a collection of the nodes that are wrong, in the order they ran.

    As any collection it is true if it is not empty: `if locate_wrong_node(loss): …` is entered when something is wrong.
    Iterating gives a `NodeCheck` for each wrong node; `checked` is the number of nodes that were looked at, `unchecked`
    has those that could not be.

    >>> @custom_vjp(lambda g, x: 2.0 * g)  # 3 would be right
    ... def triple(x):
    ...     return 3.0 * x
    >>> x = tensor([1.0, 5.0], requires_grad=True)
    >>> found = locate_wrong_node((triple(x) * x).sum())
    >>> bool(found), [check.node.op for check in found], found.checked
    (True, ['triple'], 3)
    """

    wrong: tuple[NodeCheck, ...]
    checked: int
    unchecked: tuple[NodeCheck, ...] = ()

    def __len__(self) -> int:
        return len(self.wrong)

    def __iter__(self) -> Iterator[NodeCheck]:
        return iter(self.wrong)

    def __getitem__(self, i: int) -> NodeCheck:
        return self.wrong[i]

    @property
    def summary(self) -> str:
        """How many nodes were checked and how many are wrong, in one line."""
        count = f"{len(self.wrong)} of {self.checked:,} recorded operations"
        said = f"{count} {'has' if len(self.wrong) == 1 else 'have'} a wrong derivative"
        if self.unchecked:
            ops = sorted({check.node.op for check in self.unchecked})
            said += f"; {len(self.unchecked):,} could not be checked ({', '.join(ops)}: see .unchecked)"
        return said

    def __repr__(self) -> str:
        return "\n\n".join([self.summary, *map(repr, self.wrong)])

    def _repr_html_(self) -> str:
        rows = []
        for check in self.wrong:
            faults = "<br>".join(escape(str(m)) for m in check.mismatches) or escape(check.problem)
            cells = (
                f"<b>{escape(check.node.op)}</b>",
                escape(check.node.source),
                "<br>".join(map(escape, check.inputs)),
                faults,
            )
            rows.append("<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>")
        header = "".join(
            f'<th style="text-align:left">{name}</th>' for name in ("operation", "made at", "inputs", "wrong")
        )
        table = f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
        return f"<p>{escape(self.summary)}</p>{table}"


def locate_wrong_node(output: Tensor | Sequence[Tensor], *, seed: int = 0, progress: bool | None = None) -> WrongNodes:
    """The recorded operations behind `output` whose own derivative rule is wrong, whatever comes before or after.

    Each node's rules, vjp and jvp, are compared with finite differences of its own forward function, in float64: first
    along a few random directions, and where these disagree element by element. Kinks and ties (relu at 0, equal
    maxima), jumps and infinite slopes are not called wrong; there, the rule is checked beside the recorded point.

    Works on any graph that still has what it saved: before `backward`, or after `backward(retain_graph=True)`. A node
    saves only what its rules name. Its other inputs are taken from operations that saved them and from tensors that are
    alive, or computed again from these; what is nowhere any more (a constant that was added, say) is stood in for by
    random numbers. That is sound: a right rule does not depend on what it does not name, so it holds at any numbers,
    and one that forgot to name an input is wrong at almost all.

    Of a `checkpoint`, the operations inside are checked. In large inputs (more than 8 elements, and not elementwise)
    directions are random, and a fault in one element is found unless it is tiny beside the others. Matrices given to
    `eigh` and `cholesky` are moved as symmetric ones.

    The result is a collection of `NodeCheck`s, empty and false if nothing is wrong. Printed, it says for each the
    operation, the line that called it (in a notebook cell and line), its inputs' names and shapes, and what is wrong.
    `progress` shows a bar (None: if it takes long and somebody can see it), `seed` is for the random directions.

    Raises RuntimeError if the tensor was not recorded, or if a backward pass has freed what the nodes saved.

    >>> x = tensor([0.5, 1.0], requires_grad=True)
    >>> locate_wrong_node((sin(x) * x).sum())
    0 of 3 recorded operations have a wrong derivative
    """
    outputs = tuple(output) if isinstance(output, Iterable) and not isinstance(output, Tensor) else (output,)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise TypeError(f"locate_wrong_node: wants recorded tensors, got {type(t).__name__}")
        if t.node is None:
            raise RuntimeError("locate_wrong_node: the tensor does not require grad, so nothing was recorded to check")
    order = ancestors([t.node for t in outputs if t.node is not None])
    checks: list[NodeCheck] = []
    operations = [node for node in order if node.plan is not None and not is_one_of_several(node)]
    for node in operations:
        _demand_saved("locate_wrong_node", node)
    names = _Names(order)
    with progress_bar(len(operations), "checking nodes", progress) as passed:
        for check in _check_all(order, names, np.random.default_rng(seed)):
            checks.append(check)
            passed()
    wrong = tuple(check for check in checks if not check.ok)
    return WrongNodes(wrong, len(checks), tuple(check for check in checks if check.ok and not check.checked))


def check_node(node: Node, values: Mapping[Node, Array] | None = None, *, seed: int = 0) -> NodeCheck:
    """Whether the derivative rules of one recorded operation are right, by themselves, at its recorded values.

    `values` are the results of its parents, where the caller has them; otherwise those are used that the node saved or
    whose tensors are alive, and random ones for the rest, as `locate_wrong_node` says. A checkpointed call is right if
    all operations in it are.

    Raises RuntimeError if what the node saved was freed by a backward pass, ValueError for a leaf.

    >>> from autograd.numeric import check_node
    >>> x = tensor([0.5, 1.0], requires_grad=True)
    >>> check_node(sin(x).grad_fn).ok
    True
    """
    if node.plan is None:
        raise ValueError("check_node: a leaf has no rule to check")
    _demand_saved("check_node", node)
    if is_one_of_several(node):
        return NodeCheck(node, (), problem=f"it is one of the results of '{node.parents[0].op}', whose rule it is")
    family = [*node.parents, node]
    names = _Names(family)
    known = dict(values) if values is not None else {}
    if isinstance(node.plan, Segment):
        inside = list(_check_inside(node, names, np.random.default_rng(seed)))
        wrong = [check for check in inside if not check.ok]
        said = "; ".join(f"'{check.node.op}' at {check.node.source}: {check.reason}" for check in wrong)
        return NodeCheck(node, names.inputs_of(node), problem=said, broken=bool(wrong))
    for source, array in names.values.items():
        known.setdefault(source, array)
    return _check(node, Given(node, known), names, np.random.default_rng(seed))


def _demand_saved(op: str, node: Node) -> None:
    if node.values is None:
        raise RuntimeError(
            f"{op}: the graph behind '{node.op}' was already used and freed by a backward pass; check it before, or "
            f"call backward(retain_graph=True); node made at {node.source}"
        )


class _Names:
    """What the tensors of nodes are called, and the values of those that are alive."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.leaves = [node for node in nodes if node.plan is None]
        self.tensors = live_tensors(set(nodes))
        self.values = {node: t.array for node, t in self.tensors.items() if isinstance(t.array, np.ndarray)}

    @functools.cached_property
    def names(self) -> dict[Node, str]:
        names = {node: t.label for node, t in self.tensors.items() if t.label}
        names |= {node: node.name for node in self.leaves if node.name}
        leaves = set(self.leaves)
        return names | {node: name for node, name in module_names().items() if node in leaves}

    def inputs_of(self, node: Node, given: Given | None = None) -> tuple[str, ...]:
        """The inputs of an operation: name in the operation, shape, dtype, and where it comes from."""
        plan = node.plan
        assert plan is not None
        if given is None:
            return tuple(f"of shape {parent.shape}, {self.origin(parent)}" for parent in node.parents)
        parents = dict(zip(plan.active, node.parents))
        said = []
        for i, (x, shape) in enumerate(zip(given.inputs, given.shapes)):
            name = input_name(plan.primitive, i)
            if i in parents:
                said.append(f"{name}: shape {shape} {parents[i].dtype}, {self.origin(parents[i])}")
            elif isinstance(x, np.ndarray):
                said.append(f"{name}: shape {x.shape} {x.dtype}, a constant")
            else:
                said.append(f"{name}: a constant" + ("" if x is None else f", {x!r}"))
        return tuple(said)

    def origin(self, node: Node) -> str:
        name = f" {self.names[node]!r}" if node in self.names else ""
        return f"leaf{name}" if node.plan is None else f"result{name} of '{node.op}' made at {node.source}"


def input_name(primitive: Any, i: int) -> str:
    """What an operation calls its i-th input."""
    return f"{primitive.inputs[0]}[{i}]" if primitive.variadic else str(primitive.inputs[i])


def _check_all(
    order: Sequence[Node], names: _Names, rng: np.random.Generator, known: Mapping[Node, Array] | None = None
) -> Iterator[NodeCheck]:
    """The checks of all operations among nodes in order of creation."""
    results = Results(order, {**names.values, **(known or {})})
    for node in order:
        if isinstance(node.plan, Segment):
            yield from _check_inside(node, names, rng)
        elif node.plan is not None and not is_one_of_several(node):
            given = Given(node, results.known)
            yield _check(node, given, names, rng)
            results.compute(given)
        results.passed(node)


def _check_inside(node: Node, names: _Names, rng: np.random.Generator) -> Iterator[NodeCheck]:
    """The checks of what a checkpointed call consists of, which is run once more."""
    segment: Any = node.plan
    nodes, root, start = segment.again(node.values)
    inner = [n for n in ancestors([root], start) if n.number >= start]
    known = {n: node.values[i] for n, i in zip(nodes, segment.active)}  # type: ignore[index]
    yield from _check_all(inner, names, rng, known)


def _check(node: Node, given: Given, names: _Names, rng: np.random.Generator) -> NodeCheck:
    found: dict[tuple[str, str], Mismatch] = {}
    problem = ""
    covered = False
    rtol = _RTOL if node.dtype == np.float64 else _RTOL_FLOAT32
    with np.errstate(all="ignore"):
        points = replays(given, rng)
        complete = bool(points)
        for replay in itertools.chain(points, *(beside(point, rng) for point in points[:1])):
            if found or (complete and replay not in points):
                break
            check = _AtPoint(replay, rng, rtol)
            try:
                mismatches = [m for k in range(len(given.active)) for m in check.input(k)]
            except _RuleError as error:
                return NodeCheck(node, names.inputs_of(node, given), problem=str(error), broken=True)
            for m in mismatches:
                found.setdefault((m.input, m.mode), m)
            covered, complete = covered or check.covered, complete and check.complete
            problem = problem or check.problem
    if not covered and not found:
        problem = problem or "it could not be run again, or nothing in its result is smooth here"
    inputs = names.inputs_of(node, given) if found or not covered else ()
    return NodeCheck(node, inputs, tuple(found.values()), problem, checked=covered or bool(found))


class _RuleError(Exception):
    """A vjp that cannot be run, or returns another shape than that of its input."""


class _AtPoint:
    """The check of an operation's rules at one point.

    `covered`: some outputs are smooth there, and were compared. `complete`: all were.
    """

    def __init__(self, replay: Replay, rng: np.random.Generator, rtol: float) -> None:
        self.replay = replay
        self.rng = rng
        self.rtol = rtol
        self.covered = not replay.base.size or not all(replay.inputs[i].size for i in replay.given.active)
        self.complete = True
        self.problem = ""

    def input(self, k: int) -> list[Mismatch]:
        """What is wrong with the rules of the k-th active input."""
        replay = self.replay
        primitive, position = replay.primitive, replay.given.active[k]
        x = replay.inputs[position]
        if not x.size or not replay.base.size:
            return []
        differences = [(v, *self.difference(position, v)) for v in self.directions(x)]
        smooth = np.logical_and.reduce([s for *_, s in differences])
        if smooth.any():
            self.covered = True
        if not smooth.all():
            self.complete = False
        found = []
        if primitive.jvps[0 if primitive.variadic else position] is not None:
            found += self.compare_jvps(k, differences)
        found += self.compare_vjps(k, differences, smooth)
        return found

    def directions(self, x: Array) -> Iterator[Array]:
        """Along what an input is moved: each element of a small one, else random directions.

        Of these, one moves each element in proportion to itself, so that small ones stay inside a function's domain.
        """
        rms = scale_of(x)
        if self.replay.primitive.kind != "elementwise" and x.size <= _AT_ONCE:
            for index in np.ndindex(x.shape):
                v = np.zeros(x.shape)
                v[index] = max(abs(float(x[index])), rms)
                yield v
            return
        own = np.where(x == 0, rms, abs(x))
        for scale in (np.maximum(own, rms), own):
            yield scale * self.rng.uniform(0.5, 1.0, x.shape) * self.rng.choice([-1.0, 1.0], x.shape)

    def difference(self, position: int, v: Array) -> tuple[Array, Array, Array]:
        """The derivative of the result along `v`, how far off it may be, and where the result is smooth."""
        along = self.replay.moved(position, v)
        value, error, smooth = self.difference_in(along, _STEPS[0])
        if not smooth.all():
            closer, its_error, also_smooth = self.difference_in(along, _STEPS[1])
            value, error = np.where(smooth, value, closer), np.where(smooth, error, its_error)
            smooth = smooth | also_smooth
        return value, error, smooth

    def difference_in(self, along: Callable[[float], Array], h: float) -> tuple[Array, Array, Array]:
        """The same by steps of h and h/2. Smooth is where the slopes ahead and behind differ as a parabola's do: by an
        amount that halves with the step.
        """
        base = self.replay.base
        fs = [along(s * h) for s in (1.0, -1.0, 0.5, -0.5)]
        if any(f.shape != base.shape for f in fs):
            return np.zeros_like(base), np.zeros_like(base), np.zeros(base.shape, bool)
        ahead, behind, near, nearer = fs
        noise = 16 * np.finfo(np.float64).eps * np.maximum.reduce([abs(f) for f in (*fs, base)]) / h
        wide, narrow = (ahead - behind) / (2 * h), (near - nearer) / h
        bend = (ahead - base) / h - (base - behind) / h
        half = (near - base) / (h / 2) - (base - nearer) / (h / 2)
        value = (4 * narrow - wide) / 3
        size = np.maximum(abs(wide), abs(narrow))
        smooth = abs(bend - 2 * half) <= 0.1 * abs(bend) + 1e-6 * size + 8 * noise
        smooth &= (abs(wide - narrow) <= 0.1 * size + 8 * noise) & np.isfinite(value)
        error = abs(wide - narrow) * 0.1 + 4 * noise
        return value, error, smooth

    def compare_jvps(self, k: int, differences: Sequence[tuple[Array, Array, Array, Array]]) -> list[Mismatch]:
        replay = self.replay
        for v, value, error, smooth in differences:
            try:
                analytic = replay.jvp(k, v)
            except Exception as problem:
                self.problem = f"its jvp could not be run: {type(problem).__name__}: {problem}"
                return []
            if analytic.shape != value.shape:
                self.problem = f"its jvp returns shape {analytic.shape} for a result of shape {value.shape}"
                return []
            gap = abs(analytic - value)
            close = gap <= self.rtol * np.maximum(abs(analytic), abs(value)) + error
            off = smooth & ~(close & np.isfinite(analytic))
            worst = np.argsort(-np.where(off, gap / (error + abs(value) + 1e-300), -1))[: min(3, int(off.sum()))]
            for j in worst:
                weights = np.zeros(value.size)
                weights[j] = 1.0
                judged = self.judge(replay.given.active[k], v, weights, float(analytic[j]))
                if judged.verdict == "FAIL":
                    name = input_name(replay.primitive, replay.given.active[k])
                    moved = np.flatnonzero(v) if replay.primitive.kind != "elementwise" else [j][: v.size == value.size]
                    scale = 1 / float(v.ravel()[moved[0]]) if len(moved) == 1 else 1.0
                    index = _place(int(moved[0]), v) if len(moved) == 1 else None
                    output = None if replay.several else _place(int(j), replay.y)
                    said = self.ratio_hint(float(analytic[j]), judged, v)
                    judged = judged.scaled(scale)
                    numbers = float(analytic[j]) * scale, judged.value, abs(judged.error)
                    return [Mismatch(name, "jvp", index, output, *numbers, said)]
        return []

    def ratio_hint(self, analytic: float, judged: Judgement, x: Array) -> str:
        if not analytic:
            return "the rule gives zero"
        entry = Entry("", (0,), analytic, judged.value, judged.error, "FAIL")
        lengths = [n for shape in (x.shape, np.shape(self.replay.y)) for n in shape] if not self.replay.several else []
        point = np.zeros(1)
        return hint([entry], np.array([analytic]), point, lengths, lambda _: (math.nan, math.nan))

    def compare_vjps(
        self, k: int, differences: Sequence[tuple[Array, Array, Array, Array]], smooth: Array
    ) -> list[Mismatch]:
        replay = self.replay
        position = replay.given.active[k]
        for _ in range(2):
            u = self.rng.uniform(0.5, 1.5, replay.base.size) * self.rng.choice([-1.0, 1.0], replay.base.size) * smooth
            g = self.vjp(k, u)
            for v, value, error, _ in differences:
                terms, products = u * np.where(smooth, value, 0), g * v
                numeric, analytic = float(terms.sum()), float(products.sum())
                allowed = float(np.sum(abs(u) * np.where(smooth, error, 0)))
                allowed += self.rtol * max(abs(numeric), abs(analytic))
                allowed += 1e-10 * float(abs(terms).sum() + abs(products).sum())
                if not (math.isfinite(analytic) and abs(numeric - analytic) <= allowed):
                    mismatch = self.pin_down(k, position, u, g, v)
                    if mismatch is not None:
                        return [mismatch]
        return []

    def vjp(self, k: int, u: Array) -> Array:
        try:
            return self.replay.vjp(k, u)
        except Exception as error:
            name = input_name(self.replay.primitive, self.replay.given.active[k])
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            raise _RuleError(f"its vjp by {name} cannot be right: {kind}{error}") from error

    def pin_down(self, k: int, position: int, u: Array, g: Array, v: Array) -> Mismatch | None:
        """The element whose derivative is wrong; None if a closer look finds none, and the direction right."""
        replay = self.replay
        x = replay.inputs[position]
        name = input_name(replay.primitive, position)
        if x.size <= _ONE_BY_ONE:
            candidates = range(x.size)
        else:
            found = self.bisect(position, u, g, v)
            candidates = range(found, found + 1)
        entries: list[Entry] = []
        scales = np.maximum(abs(x), scale_of(x)).ravel()
        for e in candidates:
            index = _place(e, x)
            analytic, step = float(g[index]), self.unit(x, e, scales[e])
            value, error, smooth = self.difference(position, step)
            if not math.isfinite(analytic) and not smooth.all():
                continue  # an infinite slope, say, times the 0 that an output has in place of its weight
            numeric = float((u * np.where(smooth, value, 0)).sum()) / scales[e]
            doubt = float((abs(u) * np.where(smooth, error, 0)).sum()) / scales[e]
            allowed = self.rtol * max(abs(numeric), abs(analytic)) + doubt
            if math.isfinite(analytic) and abs(numeric - analytic) <= allowed:
                entries.append(Entry(name, index, analytic, numeric, doubt, "PASS"))
            elif sum(entry.verdict == "FAIL" for entry in entries) < _PINNED:
                judged = self.judge(position, step, u, analytic * scales[e]).scaled(1 / scales[e])
                entries.append(Entry(name, index, analytic, judged.value, judged.error, judged.verdict))
        wrong = [entry for entry in entries if entry.verdict == "FAIL"]
        if not wrong:
            analytic = float((g * v).sum())
            judged = self.judge(position, v, u, analytic)
            if judged.verdict != "FAIL" or not math.isfinite(analytic):
                return None
            return Mismatch(
                name, "vjp", None, None, analytic, judged.value, judged.error, self.ratio_hint(analytic, judged, x)
            )
        worst = max(wrong, key=lambda entry: entry.relative)
        ones = np.ones(u.size) * (u != 0)
        flat_g = self.vjp(k, ones)

        def unweighted(index: tuple[int, ...]) -> tuple[float, float]:
            e = int(np.ravel_multi_index(index, x.shape)) if index else 0
            judged = self.judge(position, self.unit(x, e, scales[e]), ones, float(flat_g[index]) * scales[e])
            return float(flat_g[index]), judged.value / scales[e]

        lengths = [n for shape in (x.shape, *(a.shape for a in replay.parts(replay.y))) for n in shape]
        said = hint(entries, g, x, lengths, unweighted)
        return self.plainly(k, position, worst, said, scales) or Mismatch(
            name, "vjp", worst.index, None, worst.analytic, worst.numeric, worst.error, said
        )

    def plainly(self, k: int, position: int, worst: Entry, said: str, scales: Array) -> Mismatch | None:
        """The mismatch as one partial derivative, where that of the output that moves most is wrong."""
        replay = self.replay
        assert worst.index is not None
        x = replay.inputs[position]
        e = int(np.ravel_multi_index(worst.index, x.shape)) if worst.index else 0
        step = self.unit(x, e, scales[e])
        value, _, smooth = self.difference(position, step)
        moves = np.where(smooth, abs(value), -1)
        j = int(np.argmax(moves))
        if moves[j] <= 0 or replay.several:
            return None
        weights = np.zeros(value.size)
        weights[j] = 1.0
        analytic = float(self.vjp(k, weights)[worst.index])
        judged = self.judge(position, step, weights, analytic * scales[e]).scaled(1 / scales[e])
        if judged.verdict != "FAIL":
            return None
        where = _place(j, replay.y)
        return Mismatch(worst.input, "vjp", worst.index, where, analytic, judged.value, judged.error, said)

    def bisect(self, position: int, u: Array, g: Array, v: Array) -> int:
        """An element of a large input in whose direction the two disagree, by halves: the half that is farther off."""
        low, high = 0, v.size
        while high - low > 1:
            middle = (low + high) // 2
            off = []
            for start, stop in ((low, middle), (middle, high)):
                part = np.zeros(v.size)
                part[start:stop] = v.ravel()[start:stop]
                value, _, smooth = self.difference(position, part.reshape(v.shape))
                gap = float((u * np.where(smooth, value, 0)).sum()) - float((g.ravel() * v.ravel())[start:stop].sum())
                off.append(math.inf if math.isnan(gap) else abs(gap))
            low, high = (low, middle) if off[0] >= off[1] else (middle, high)
        return low

    def judge(self, position: int, v: Array, weights: Array, analytic: float) -> Judgement:
        """The verdict on a derivative along `v` of a weighted sum of outputs, after as close a look as it takes.

        One that is not finite is wrong wherever differences find a slope, be it known well or not.
        """
        if not math.isfinite(analytic):
            judged = self.judge(position, v, weights, 0.0)
            return judged._replace(verdict="FAIL") if judged.verdict in ("PASS", "INCONCLUSIVE") else judged
        along: Callable[[float], Array] = self.replay.moved(position, v)
        used = weights != 0

        def evaluate(h: float) -> Array:
            return along(h)[used]

        noise, common = rounding_of(evaluate, weights[used])
        line = Line(evaluate, self.replay.base[used], weights[used], noise, common)
        return compare(line, analytic, 0.0, self.rtol, 1e-3)

    @staticmethod
    def unit(x: Array, e: int, scale: float) -> Array:
        v = np.zeros(x.size)
        v[e] = scale
        return v.reshape(x.shape)


def _place(k: int, x: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(k, np.shape(x)))
