"""Timing two programs fairly: interleaved repeats in one process, and the ratio of their medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Ratio(NamedTuple):
    """Medians in seconds of ours and theirs, their ratio, and the middle half of the ratios of neighbouring repeats."""

    ours: float
    theirs: float
    ratio: float
    low: float
    high: float


# Seconds that a program runs unmeasured when its turn comes: the idle threads of the other one's library go on looking
# for work for some milliseconds, on a core that it needs.
WARM_UP = 0.25


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> Ratio:
    """Time both in turn, `repeats` times, each after a warm-up."""
    times = [(timed(ours), timed(theirs)) for _ in range(repeats)]
    our_median, their_median = (statistics.median(column) for column in zip(*times, strict=True))
    low, _, high = statistics.quantiles([a / b for a, b in times], n=4)
    return Ratio(our_median, their_median, our_median / their_median, low, high)


def timed(program: Callable[[], object]) -> float:
    """Seconds of one run, after as many unmeasured ones as `WARM_UP` has room for."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < WARM_UP:
        program()
    start = time.perf_counter()
    program()
    return time.perf_counter() - start
