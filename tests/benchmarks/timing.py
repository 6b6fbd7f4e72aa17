"""Timing programs fairly: in one process, by turns, each after a warm-up; and the ratios of their medians.

Needs the standard library alone, since the workers that time other libraries import it too.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

# Seconds that a program runs unmeasured when its turn comes: the idle threads of another one's library go on looking
# for work, on a core that it needs; OpenBLAS' for a tenth of a second.
WARM_UP = 0.15
# Seconds that a measurement takes at least; it is the mean of as many runs.
MEASURED = 0.02
# A program this long is not run unmeasured: others' threads are given time to go to sleep instead.
LONG = 1.0
# As many turns are taken even if the time is up.
FEWEST_TURNS = 3

Program = Callable[[], object]


class Stopwatch:
    """Times a program: each call gives the seconds that one run takes, once it is warm."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.latest = 0.0

    def __call__(self) -> float:
        begin = time.perf_counter()
        runs = 0
        if self.latest > LONG:
            time.sleep(WARM_UP)
        else:
            while time.perf_counter() - begin < WARM_UP:
                self.program()
                runs += 1
        each = (time.perf_counter() - begin) / max(runs, 1)
        runs = max(1, math.ceil(MEASURED / each))
        start = time.perf_counter()
        for _ in range(runs):
            self.program()
        self.latest = (time.perf_counter() - start) / runs
        return self.latest


class Ratio(NamedTuple):
    """The ratio of two medians, and the middle half (quartiles) of the ratios turn by turn."""

    value: float
    low: float
    high: float


class Times:
    """Seconds of each program, turn by turn."""

    def __init__(self, turns: Mapping[str, Sequence[float]]) -> None:
        self.turns = turns

    def __contains__(self, name: str) -> bool:
        return name in self.turns

    def median(self, name: str) -> float:
        return statistics.median(self.turns[name])

    def ratio(self, name: str, other: str) -> Ratio:
        pairs = zip(self.turns[name], self.turns[other], strict=True)
        low, _, high = statistics.quantiles([a / b for a, b in pairs], n=4, method="inclusive")
        return Ratio(self.median(name) / self.median(other), low, high)


def compare(stopwatches: Mapping[str, Callable[[], float]], turns: int, seconds: float) -> Times:
    """Read each stopwatch up to `turns` times, by turns, and no longer than `seconds` if there are enough by then.

    The first of a round is the last of the next one, so that no program always follows the same other. What else lives
    in the process is put out of the garbage collector's sight: going through it is not the programs' work.
    """
    names = list(stopwatches)
    taken: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    begin = time.perf_counter()
    try:
        for turn in range(max(turns, FEWEST_TURNS)):
            if turn >= FEWEST_TURNS and time.perf_counter() - begin > seconds:
                break
            for name in names:
                taken[name].append(stopwatches[name]())
            names.append(names.pop(0))
    finally:
        gc.unfreeze()
    return Times(taken)
