"""Run autograd.gradcheck and the checkers of other libraries on functions with planted faults, and on right ones.

A full run writes tests/checkers/results.md; one with --only, --checkers or --quick only prints, unless told --output.
It exits with 1 if autograd.gradcheck missed a fault or raised a false alarm.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from autograd.numeric.progress import progress_bar
from tests.checkers.columns import COLUMNS, OURS, ROWS, Column, Row
from tests.checkers.report import Findings, Result, Tally, failings, write

RESULTS = Path(__file__).parent / "results.md"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    rows = [row for row in ROWS if not options.only or any(word.lower() in row.name.lower() for word in options.only)]
    found: dict[str, Findings] = {}
    missing: dict[str, str] = {}
    with progress_bar(None, "checks", None) as advance, ThreadPoolExecutor(options.jobs) as pool:
        futures = {name: pool.submit(_findings, name, rows, options, advance) for name in options.checkers}
        for name, future in futures.items():
            try:
                found[name] = future.result()
            except (NotImplementedError, OSError) as error:
                missing[name] = str(error)
    text = write(rows, found, missing)
    print(text)
    partial = options.only or options.quick or set(options.checkers) != set(COLUMNS)
    output = options.output or (None if partial else RESULTS)
    if output is not None:
        output.write_text(text, encoding="utf-8")
        print(f"written to {output}", file=sys.stderr)
    failed = list(failings(found[OURS])) if OURS in found else []
    print("\n".join(f"{OURS}: {line}" for line in failed), end="\n" if failed else "", file=sys.stderr)
    return int(bool(failed))


def _findings(name: str, rows: Sequence[Row], options: argparse.Namespace, advance: Callable[[], Any]) -> Findings:
    """One checker on all rows; then, if it is not ours, with each of the options that are worth a try."""
    with COLUMNS[name]() as column:
        known = [row for row in rows if row.name not in column.absent]
        patience, seeds = (math.inf, options.seeds) if name == OURS else (options.patience, options.others)
        results = {row.name: _result(column, row, range(seeds), patience, {}, advance) for row in known}
        patience *= options.tries / seeds
        tried = []
        for set_of_options in column.options if options.tries else []:
            found = {}
            for row in known:
                telling = sorted(range(seeds), key=results[row.name].right_at)[: options.tries]
                found[row.name] = _result(column, row, telling, patience, set_of_options, advance)
            tried.append((set_of_options, found))
        return Findings(column.version, results, column.absent, column.remarks, tried)


def _result(
    column: Column,
    row: Row,
    seeds: Iterable[int],
    patience: float,
    options: dict[str, Any],
    advance: Callable[[], Any],
) -> Result:
    """One row; no more seeds are taken once one half of it has taken so many seconds."""

    def tally(wrong: bool) -> Tally:
        outcomes: list[str] = []
        begin = time.monotonic()
        for seed in seeds:
            outcomes.append(column.outcome(row, wrong, seed, options))
            advance()
            if time.monotonic() > begin + patience:
                break
        return Tally(outcomes)

    return Result(tally(True) if row.planted else None, tally(False))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make checkers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 seeds for each, no other options tried")
    parser.add_argument(
        "--checkers",
        nargs="+",
        choices=COLUMNS,
        default=list(COLUMNS),
        metavar="NAME",
        help=f"only these, of {', '.join(COLUMNS)}",
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="only rows with one of these in their name"
    )
    parser.add_argument("--seeds", type=int, help="for autograd.gradcheck (default: 200)")
    parser.add_argument("--others", type=int, help="seeds for the other checkers (default: 20)")
    parser.add_argument("--tries", type=int, help="seeds for each of their options worth a try (default: 2)")
    parser.add_argument(
        "--patience",
        type=float,
        default=30,
        help="seconds after which a cell of the other checkers gets no more seeds (default: %(default)s)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="checkers that run at the same time (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="where the Markdown goes")
    options = parser.parse_args(arguments)
    for name, full, quick in (("seeds", 200, 3), ("others", 20, 3), ("tries", 2, 0)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
    return options


if __name__ == "__main__":
    sys.exit(main())
