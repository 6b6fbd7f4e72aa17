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


def compare(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> Ratio:
    """Run both in turn, `repeats` times after two unmeasured ones."""
    times: list[tuple[float, float]] = []
    for repeat in range(repeats + 2):
        pair = []
        for program in (ours, theirs):
            start = time.perf_counter()
            program()
            pair.append(time.perf_counter() - start)
        if repeat >= 2:
            times.append((pair[0], pair[1]))
    our_median, their_median = (statistics.median(column) for column in zip(*times, strict=True))
    low, _, high = statistics.quantiles([a / b for a, b in times], n=4)
    return Ratio(our_median, their_median, our_median / their_median, low, high)
