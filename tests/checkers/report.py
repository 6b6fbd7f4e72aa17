"""The table as Markdown."""

from __future__ import annotations

import datetime
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.report import table
from tests.checkers.columns import OURS, Row
from tests.checkers.programs import VERDICT

CALLED = """\
- **stepgrad**: `gradcheck(f, inputs, seed=seed)`; `order=2` or `3` where the fault is in that order, and
  `modes=("reverse", "forward")` where it is in forward mode. It has caught a fault only if its verdict is the one that
  names it (FAIL, KINK, JUMP, UNDEFINED, NONDETERMINISTIC, MUTATES_INPUT); a false alarm is anything but PASS.
- **PyTorch**: `gradcheck(f, inputs)`, float64 as its documentation asks; for second order `gradgradcheck` too, for
  third order `gradgradcheck` of the gradient, for forward mode `check_forward_ad=True`. Rules are those of a
  `torch.autograd.Function`.
- **HIPS autograd**: `check_grads(f)(*inputs)`, by default in both modes and to second order; `order=3` for third order.
  Rules are a `primitive`'s, by `defvjp` and `defjvp`; `modes=["rev"]` where an operation of its own has no forward
  rule. relu is `np.maximum(x, 0)`, whose gradient at 0 is ½. Step and tolerances (1e-6 each) are no options of it.
- **JAX**: `check_grads(f, inputs, order)`, in float64 (`jax_enable_x64`), which suits it better than its float32.
  `order` has no default: it is 1, or that of the fault. Rules are those of a `custom_vjp`, with which it has to be
  `modes=["rev"]`; elsewhere both modes, as by default. It takes the same directions whatever the seed.
- Inputs are float64, but in rows that say "float32 input" or "float32 elements", where they are float32 as given:
  stepgrad makes them float64 by itself, PyTorch warns that it wants float64.
- The others have caught a fault if they do not pass: a kink or a jump is for them a gradient that is wrong. A check
  that ends with an exception other than its own verdict has not passed; notes name these.
- Beside each fault is the same function without it; for kinks, jumps and what is not finite, the same function at
  points without. n/a: the library cannot have such a function."""
COUNTED = (
    "faults caught at every seed",
    "... and never an alarm without the fault",
    "right functions with an alarm at some seed",
)


class Tally(NamedTuple):
    """What came of one checker on one function: an outcome for each seed."""

    outcomes: Sequence[str]

    @property
    def stopped(self) -> int:
        return sum(outcome != "" for outcome in self.outcomes)

    @property
    def n(self) -> int:
        return len(self.outcomes)

    @property
    def always(self) -> bool:
        return self.stopped == self.n

    @property
    def never(self) -> bool:
        return self.stopped == 0

    def exceptions(self) -> Iterator[str]:
        """Those that are not the checker's own verdict, and how often."""
        counts = Counter(outcome for outcome in self.outcomes if outcome not in ("", VERDICT))
        for said, count in sorted(counts.items()):
            yield f"{count} of {self.n} by another exception: {said[:120]}"

    def __str__(self) -> str:
        return f"{self.stopped}/{self.n}"


class Result(NamedTuple):
    """One checker on one row: `wrong` with the fault (None where none is planted), `right` without."""

    wrong: Tally | None
    right: Tally

    @property
    def good(self) -> bool:
        return self.right.never and (self.wrong is None or self.wrong.always)

    def right_at(self, seed: int) -> bool:
        """Whether a seed is not known to have gone wrong."""
        missed = self.wrong is not None and "" in self.wrong.outcomes[seed : seed + 1]
        return not missed and not any(self.right.outcomes[seed : seed + 1])


class Findings(NamedTuple):
    """Of one checker: its version, results by row, rows it cannot have, remarks; results by other options."""

    version: str
    results: dict[str, Result]
    absent: dict[str, str]
    remarks: dict[str, str]
    tried: list[tuple[dict[str, Any], dict[str, Result]]]


def write(rows: Sequence[Row], found: dict[str, Findings], missing: dict[str, str]) -> str:
    """The report: `found` by the checker's name, `missing` with the reason."""
    names = [*found, *missing]
    notes = _Notes()
    faults = [row for row in rows if row.planted]
    others = [row for row in rows if not row.planted]
    versions = [f"{name} {findings.version}" for name, findings in found.items()]
    parts = [
        "# Planted faults, and the checkers of derivatives",
        f"Written by `make checkers` on {datetime.date.today()}: Python {platform.python_version()}, NumPy "
        f"{np.__version__}, {', '.join(versions)}. In cells: of how many seeds; each draws other "
        "inputs. The others get fewer seeds where a check of theirs takes long.",
    ]
    parts += [f"{name}: {reason}." for name, reason in missing.items()]
    parts += ["## In short", summary(rows, found, missing), "## How they were called", CALLED]
    if faults:
        header = ["fault", *(f"{name}{half}" for name in names for half in (": caught", ", right: false alarms"))]
        cells = [[row.name, *(c for name in names for c in _pair(name, row, found, notes))] for row in faults]
        parts += ["## Faults", table(header, cells)]
    if others:
        header = ["right, but hard to judge", *(f"{name}: false alarms" for name in names)]
        cells = [[row.name, *(_pair(name, row, found, notes)[1] for name in names)] for row in others]
        parts += ["## Right functions", table(header, cells)]
    if notes.texts:
        parts += ["## Notes", "\n".join(f"{k}. {text}" for k, text in enumerate(notes.texts, 1))]
    if any(findings.tried for findings in found.values()):
        parts += ["## Other options of theirs", _options(rows, found)]
    return "\n\n".join(parts) + "\n"


def summary(rows: Iterable[Row], found: dict[str, Findings], missing: dict[str, str]) -> str:
    """The headline: how many faults each catches, and at how many right functions it cries wolf."""
    names = [*found, *missing]
    counts = [_counts(found[name].results) if name in found else ["not installed"] * len(COUNTED) for name in names]
    return table(["", *names], [[line, *(count[k] for count in counts)] for k, line in enumerate(COUNTED)])


def _counts(results: dict[str, Result]) -> list[str]:
    faults = [result for result in results.values() if result.wrong is not None]
    caught = sum(result.wrong.always for result in faults if result.wrong)
    good = sum(result.good for result in faults)
    alarms = sum(not result.right.never for result in results.values())
    return [f"{caught} of {len(faults)}", f"{good} of {len(faults)}", f"{alarms} of {len(results)}"]


def failings(findings: Findings) -> Iterator[str]:
    """Each (name, seed) at which a fault was missed or there was a false alarm."""
    for name, result in findings.results.items():
        for seed, outcome in enumerate(result.wrong.outcomes if result.wrong else ()):
            if not outcome:
                yield f"{name}, seed {seed}: missed"
        for seed, outcome in enumerate(result.right.outcomes):
            if outcome:
                yield f"{name}, seed {seed}: false alarm"


class _Notes:
    """Notes, each told once, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, text: str) -> str:
        if text not in self.texts:
            self.texts.append(text)
        return f"<sup>{self.texts.index(text) + 1}</sup>"


def _pair(name: str, row: Row, found: dict[str, Findings], notes: _Notes) -> tuple[str, str]:
    """Two cells: faults caught, and false alarms; bold where it is not as it should be."""
    if name not in found:
        return "–", "–"
    findings = found[name]
    if row.name in findings.absent:
        mark = notes.mark(f"{name}: {findings.absent[row.name]}.")
        return f"n/a{mark}", f"n/a{mark}"
    result = findings.results[row.name]
    marks = ["", ""]
    for k, tally in enumerate(result):
        marks[k] = "".join(notes.mark(f"{name}: {said}") for said in (tally.exceptions() if tally else ()))
    if row.name in findings.remarks:
        marks[0 if row.planted else 1] += notes.mark(f"{name}: {findings.remarks[row.name]}.")
    if not result.good:
        marks[0 if row.planted else 1] += _remedies(name, findings, row, notes)
    return (
        _cell(result.wrong, result.wrong.always, marks[0]) if result.wrong else "",
        _cell(result.right, result.right.never, marks[1]),
    )


def _cell(tally: Tally, good: bool, mark: str) -> str:
    return (str(tally) if good else f"**{tally}**") + mark


def _remedies(name: str, findings: Findings, row: Row, notes: _Notes) -> str:
    """A note on the options with which a row comes out right, at the seeds where it did not."""
    helping = [options for options, results in findings.tried if results[row.name].good]
    if not helping:
        return ""
    return notes.mark(f"{name} has this right with {'; '.join(f'`{_spelled(options)}`' for options in helping)}.")


def _spelled(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _options(rows: Sequence[Row], found: dict[str, Findings]) -> str:
    """What each of the options tried does to all rows: a remedy for one may be none for all."""
    header = ["", *COUNTED]
    cells = []
    for name, findings in found.items():
        if findings.tried and name != OURS:
            cells.append([f"{name}, as above", *_counts(findings.results)])
            cells += [[f"`{_spelled(options)}`", *_counts(results)] for options, results in findings.tried]
    seeds = max(r.right.n for f in found.values() for _, results in f.tried for r in results.values())
    said = (
        f"Each on all rows, at up to {seeds} of the seeds, those first at which the checker went wrong; the other "
        "options by default. So more can go wrong here than above only by the option, less also by the fewer seeds.\n\n"
    )
    return said + table(header, cells)
