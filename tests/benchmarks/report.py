"""What the sections give, and how it is written down: Markdown, with what one has to know about the machine."""

from __future__ import annotations

import datetime
import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_info
from tqdm import tqdm

import autograd as ag
from tests.benchmarks.timing import Ratio

ROOT = Path(__file__).resolve().parents[2]
# What is made once and kept: environments of other libraries, compiled code.
CACHE = ROOT / "build" / "benchmarks"
# How the names of environment variables begin by which linear algebra and threads are told what to do.
_LIBRARIES = ("OPENBLAS_", "OMP_", "MKL_", "GOMP_", "KMP_")
# The share of a core that others may use: threads that wait for one another suffer most from a core taken away.
_QUIET = 0.1


class Settings(NamedTuple):
    """How much is measured: turns at most, what share of the usual time for each comparison, which names, threads."""

    turns: int = 20
    share: float = 1.0
    only: tuple[str, ...] = ()
    threads: int = 1
    quick: bool = False

    def chosen(self, things: Iterable[Any]) -> list[Any]:
        """Those that have one of the `only` words in their name; all, if there are none."""
        words = [word.lower() for word in self.only]
        return [thing for thing in things if not words or any(word in thing.name.lower() for word in words)]


class Target(NamedTuple):
    """Something the library is to reach: what, the aim and what was measured in words, and whether it is met."""

    what: str
    aim: str
    measured: str
    met: bool


class Section(NamedTuple):
    """A part of the report: a title, Markdown below it, and the targets judged by it."""

    title: str
    text: str
    targets: Sequence[Target] = ()


def at_most(what: str, limit: float, value: float, which: str = "") -> Target:
    """A ratio that is not to be above a limit; `which` names the worst."""
    return Target(what, f"≤ {limit:g}", f"{value:.2f}" + (f" ({which})" if which else ""), value <= limit)


def worst(what: str, limit: float, ratios: dict[str, float]) -> Target:
    """As `at_most`, for the largest of several."""
    name = max(ratios, key=ratios.__getitem__)
    return at_most(what, limit, ratios[name], name)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    if any(len(line) != len(header) for line in lines):
        raise ValueError(f"table: every row has {len(header)} cells, as {header}")
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def milliseconds(seconds: float) -> str:
    """As `significant`, in ms."""
    return significant(seconds * 1e3)


def significant(x: float) -> str:
    """To three significant digits, or to the unit if there are more before it."""
    if not math.isfinite(x) or x == 0:
        return f"{x:g}"
    rounded = float(f"{abs(x):.2e}")
    decimals = max(0, 2 - math.floor(math.log10(rounded)))
    return f"{x:,.{decimals}f}"


def spread(ratio: Ratio) -> tuple[str, str]:
    """Two cells: the ratio, and its middle half."""
    return f"{ratio.value:.2f}", f"{ratio.low:.2f}–{ratio.high:.2f}"


def progress(things: Sequence[Any], title: str) -> Iterator[Any]:
    """The things one after the other, with a bar that says how many are done."""
    with tqdm(things, desc=title, leave=False, dynamic_ncols=True) as bar:
        for thing in bar:
            bar.set_postfix_str(thing.name)
            yield thing


def write(sections: Sequence[Section], settings: Settings, meanwhile: Meanwhile) -> str:
    """The report as a whole."""
    targets = [target for section in sections for target in section.targets]
    parts = ["# stepgrad beside others", setting(settings, meanwhile)]
    if targets:
        rows = [(t.what, t.aim, t.measured, "yes" if t.met else "**no**") for t in targets]
        parts += ["## Targets", table(("target", "aim", "measured", "met"), rows)]
    parts += [part for section in sections for part in (f"## {section.title}", section.text)]
    return "\n\n".join(parts) + "\n"


class Meanwhile:
    """How long a run has taken since this was made, and what else the machine was busy with."""

    def __init__(self) -> None:
        self.begin = time.monotonic()
        self.busy, self.own = _busy(), _own()

    def __str__(self) -> str:
        passed = time.monotonic() - self.begin
        others = ""
        busy = _busy()
        if busy is not None and self.busy is not None:
            share = max(0.0, busy - self.busy - (_own() - self.own)) / passed
            others = f", while other processes kept {share:.0%} of one core busy"
            if share > _QUIET:
                others += " (**too much for these figures to be relied on**)"
        return f"in {passed / 60:.1f} minutes{others}"


def _busy() -> float | None:
    """Seconds that all cores together have worked since the system began, where it says so."""
    try:
        user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    except OSError:
        return None
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Seconds that this process and those it has waited for have worked."""
    return sum(os.times()[:4])


def setting(settings: Settings, meanwhile: Meanwhile) -> str:
    """Where, when and with what it was measured."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    libraries = ", ".join(
        f"{pool['internal_api']} {pool['version']} for {pool.get('architecture') or 'this machine'}" for pool in blas
    )
    variables = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith(_LIBRARIES)]
    return (
        f"Written by `make bench` on {datetime.date.today()} {meanwhile}.\n\n"
        f"- Machine: {processor()}, {cores()} cores, {memory()}; {platform.system()} {platform.release()}\n"
        f"- Python {platform.python_version()}, stepgrad {ag.__version__} on NumPy {np.__version__} ({libraries}), "
        f"PyTorch {torch.__version__}\n"
        f"- Threads: {settings.threads} for each library; in the environment: {', '.join(variables) or 'nothing'}\n"
        f"- Times are medians of up to {settings.turns} measurements, taken by turns in one process, each after a "
        "warm-up; ratios are of medians, beside the middle half (quartiles) of the ratios turn by turn. float32."
    )


def cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """What the system calls it, with family and model, since some virtual machines hide the name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" not in facts:
        return platform.machine()
    return f"{facts['model name']} (family {facts.get('cpu family')}, model {facts.get('model')})"


def memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"
    except (ValueError, OSError, AttributeError):
        return "memory unknown"
