"""What `gradcheck` found: verdicts on inputs, what they rest on, and how both are shown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, get_args

Verdict = Literal["PASS", "INCONCLUSIVE", "KINK", "JUMP", "UNDEFINED", "FAIL", "NONDETERMINISTIC", "MUTATES_INPUT"]
Mode = Literal["reverse", "forward", "identity"]

# From the one that says least against an input to the one that says most.
SEVERITY: tuple[Verdict, ...] = get_args(Verdict)
SHOWN_OF_PASSED, SHOWN_OF_OTHERS = 3, 8
NOTABLE = 0.01  # a relative disagreement that, beside PASS, asks for a word
_OTHERWISE: dict[Verdict, str] = {
    "KINK": "at a kink",
    "JUMP": "at a jump",
    "UNDEFINED": "undefined",
    "INCONCLUSIVE": "inconclusive",
}
_COLORS = {"PASS": "#2da44e", "INCONCLUSIVE": "#bf8700", "KINK": "#bf8700", "JUMP": "#bf8700"}
_GRAVE = "#e5534b"


@dataclass(frozen=True)
class Entry:
    """One comparison: what backprop gave, and what differences gave with their error bar.

    `index` is that of the element of the input, or None for a projection: the derivative in a random direction, in
    which all elements move at once. `mode` is how `analytic` was computed; for "identity" the two numbers are those of
    reverse and of forward mode. `slopes` are the two one-sided ones at a kink; `note` says the verdict in words.

    >>> entry = gradcheck(abs, 0.0).entries[0]
    >>> entry.verdict, entry.slopes, entry.analytic
    ('KINK', (-1.0, 1.0), 0.0)
    """

    input: str
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    error: float
    verdict: Verdict
    slopes: tuple[float, float] | None = None
    note: str = ""
    order: int = 1
    mode: Mode = "reverse"

    @property
    def relative(self) -> float:
        """The difference between the two, relative to the larger."""
        scale = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / scale if scale else 0.0

    @property
    def ratio(self) -> float:
        """What backprop gave, divided by the finite difference; NaN if that is zero."""
        return self.analytic / self.numeric if self.numeric else float("nan")


@dataclass(frozen=True)
class InputCheck:
    """The verdict on one input, at one order and in one mode.

    `entries` are the elements that were compared one by one, and projections that disagree though no element was found
    that does. `projections` and `unresolved` count the directions compared, and among all comparisons those whose error
    bar is wider than the tolerance, but negligible beside the rest of the gradient. `worst` is the largest disagreement
    relative to the size of what was compared. `hint` says what the fault looks like, where the numbers have a
    signature; `note`, what there is to say about the input as a whole.

    >>> (check,) = gradcheck(lambda x: (x * x).sum(), np.ones(100))
    >>> check.input, check.verdict, check.compared
    ('x', 'PASS', '3 projections, 10 of 100 elements')
    """

    input: str
    shape: tuple[int, ...]
    order: int
    mode: Mode
    verdict: Verdict
    entries: tuple[Entry, ...] = ()
    projections: int = 0
    unresolved: int = 0
    worst: float = 0.0
    hint: str = ""
    note: str = ""

    @property
    def compared(self) -> str:
        """What was compared, in words."""
        elements = [e for e in self.entries if e.index is not None]
        parts = []
        if self.projections:
            parts.append(count(self.projections, "projection"))
        if elements:
            parts.append(f"{len(elements)} of {count(math.prod(self.shape), 'element')}")
        if self.unresolved:
            parts.append(f"{self.unresolved} below rounding")
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True, repr=False)
class GradcheckReport:
    """What `gradcheck` found. True if every input passed, and there was something to compare; shown as tables.

    Iterating gives the verdicts: `checks`, one `InputCheck` for each input, order and mode.

    >>> report = gradcheck(lambda x, y: abs(x).sum() * y, [np.array([0.0, 2.0]), 3.0])
    >>> bool(report), report.verdicts
    (False, {'x': 'KINK', 'y': 'PASS'})
    >>> [(entry.input, entry.index) for entry in report.failures]
    [('x', (0,))]
    """

    checks: tuple[InputCheck, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All comparisons of single elements (and projections that disagree)."""
        return tuple(entry for check in self.checks for entry in check.entries)

    @property
    def failures(self) -> tuple[Entry, ...]:
        """Those of the entries that neither agree nor are inconclusive."""
        return tuple(entry for entry in self.entries if entry.verdict not in ("PASS", "INCONCLUSIVE"))

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict on any input."""
        return max((check.verdict for check in self.checks), key=SEVERITY.index)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The gravest verdict on each input, by its name."""
        found: dict[str, Verdict] = {}
        for check in self.checks:
            found[check.input] = max(check.verdict, found.get(check.input, "PASS"), key=SEVERITY.index)
        return found

    def __len__(self) -> int:
        return len(self.checks)

    def __iter__(self) -> Iterator[InputCheck]:
        return iter(self.checks)

    def __bool__(self) -> bool:
        return self.verdict == "PASS" and any(check.entries or check.projections for check in self.checks)

    def __repr__(self) -> str:
        lines = [*_text(*self._inputs()), ""]
        if self.entries:
            lines += [*_text(*self._elements()), ""]
        return "\n".join([*lines, *self._remarks(), self._summary()])

    def _repr_html_(self) -> str:
        parts = [_html(*self._inputs())]
        if self.entries:
            parts.append(_html(*self._elements()))
        parts += [f"<p>{escape(remark)}</p>" for remark in self._remarks()]
        return "\n".join([*parts, f"<p><b>{escape(self._summary())}</b></p>"])

    def _inputs(self) -> tuple[list[str], list[list[str]]]:
        rows = [
            [c.input, str(c.shape), str(c.order), c.mode, c.compared, f"{c.worst:.1e}", c.verdict] for c in self.checks
        ]
        header = ["input", "shape", "order", "mode", "compared", "worst", "verdict"]
        dull = {
            "order": all(c.order == 1 for c in self.checks),
            "mode": all(c.mode == "reverse" for c in self.checks),
        }
        keep = [k for k, name in enumerate(header) if not dull.get(name)]
        return [header[k] for k in keep], [[row[k] for k in keep] for row in rows]

    def _elements(self) -> tuple[list[str], list[list[str]]]:
        rows = []
        for check in self.checks:
            others = [e for e in check.entries if e.verdict != "PASS"]
            passed = [e for e in check.entries if e.verdict == "PASS"]
            others.sort(key=lambda e: (-SEVERITY.index(e.verdict), -abs(e.analytic - e.numeric)))
            rows += [_row(e) for e in others[:SHOWN_OF_OTHERS] + passed[:SHOWN_OF_PASSED]]
        return ["input", "index", "backprop", "finite difference", "± error", "ratio", "verdict"], rows

    def _remarks(self) -> list[str]:
        remarks: list[str] = []
        for check in self.checks:
            where = check.input + (f", order {check.order}" if check.order > 1 else "")
            where += f", {check.mode}" if check.mode != "reverse" else ""
            notes = [e.note for e in check.entries if e.note][:SHOWN_OF_OTHERS]
            remarks += [f"{where}: {said}" for said in (check.note, check.hint) if said]
            remarks += notes
            if check.verdict == "PASS" and check.worst > NOTABLE:
                remarks.append(f"{where}: worst is that of something that is 0 but for rounding")
        if any(check.verdict == "FAIL" for check in self.checks):
            remarks.append("Which operation's rule is wrong, locate_wrong_node(output) tells.")
        return list(dict.fromkeys(remarks))

    def _summary(self) -> str:
        counts = {v: sum(c.verdict == v for c in self.checks) for v in reversed(SEVERITY)}
        told = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
        elements = [e for e in self.entries if e.index is not None]
        found = Counter(e.verdict for e in elements)
        others = "".join(f", {found[v]} {said}" for v, said in _OTHERWISE.items() if found[v])
        directions = sum(c.projections for c in self.checks)
        beside = f"; {count(directions, 'projection')}" if directions else ""
        return f"{told}: {found['PASS']} of {len(elements)} agree, {found['FAIL']} fail{others}{beside}"


def count(n: int, noun: str) -> str:
    """A number of things: 1 sweep, 2 sweeps."""
    return f"{n} {noun}" + ("s" if n != 1 else "")


def _row(e: Entry) -> list[str]:
    index = "projection" if e.index is None else str(list(e.index))
    ratio = "" if e.verdict == "PASS" or not e.numeric else f"{e.ratio:.6g}"
    numbers = [f"{e.analytic:+.9e}", f"{e.numeric:+.9e}", f"{e.error:.0e}", ratio]
    return [e.input, index, *numbers, e.verdict]


def _text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in columns, a line of dashes below its header."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (header, *rows)]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def _html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose last column is the verdict, in its colour.

    The ground is that of the page, light or dark. Mixed with the colour of the page's text, it is legible on both.
    """

    def cells(row: Sequence[str]) -> str:
        color = f"color-mix(in srgb,{_COLORS.get(row[-1], _GRAVE)} 65%,currentcolor)"
        plain = "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in row[:-1])
        return f'<tr>{plain}<td style="text-align:left;color:{color}"><b>{escape(row[-1])}</b></td></tr>'

    head = "".join(f'<th style="text-align:left">{escape(cell)}</th>' for cell in header)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(cells, rows))}</tbody></table>"
