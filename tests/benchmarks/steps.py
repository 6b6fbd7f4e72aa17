"""Whole workloads: a training step, and inference."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from statistics import geometric_mean

import torch

from tests.benchmarks.report import Section, Settings, at_most, milliseconds, progress, spread, table, worst
from tests.benchmarks.threads import on_threads
from tests.benchmarks.timing import Stopwatch, Times, compare
from tests.benchmarks.workloads import (
    CHANNELS_LAST,
    COMPILED,
    OURS,
    THEIRS,
    WORKLOADS,
    Program,
    Results,
    Workload,
    agree,
    check_same,
    results,
)


def training(settings: Settings) -> Section | None:
    """A training step of each workload."""
    times, uncompiled = _times(settings, True, seconds=11)
    if not times:
        return None
    ratios = {name: t.ratio(OURS, THEIRS).value for name, t in times.items()}
    targets = [
        at_most("training step ÷ PyTorch, geometric mean", 1.0, geometric_mean(ratios.values())),
        worst("training step ÷ PyTorch, worst", 1.5, ratios),
    ]
    text = f"zero_grad, forward, loss, backward and optimizer. {_told(times, uncompiled)}"
    return Section("Training step", text, targets)


def inference(settings: Settings) -> Section | None:
    """The forward pass of each workload, with nothing recorded."""
    times, uncompiled = _times(settings, False, seconds=6)
    if not times:
        return None
    mean = geometric_mean([t.ratio(OURS, THEIRS).value for t in times.values()])
    targets = [at_most("inference ÷ PyTorch, geometric mean", 1.0, mean)]
    return Section("Inference", f"The forward pass under `no_grad`, evaluating. {_told(times, uncompiled)}", targets)


def one_thread(settings: Settings) -> Section | None:
    """Both again on one thread; None if all is on one."""
    if settings.threads == 1:
        return None
    rows, ratios = [], []
    with on_threads(1):
        for workload in progress(settings.chosen(WORKLOADS), "one thread"):
            row = [workload.name]
            for training in (True, False):
                programs = workload.programs(training, (THEIRS,))
                agree(programs, workload.name)
                stopwatches = {variant: Stopwatch(program) for variant, program in programs.items()}
                t = compare(stopwatches, settings.turns, 5 * settings.share)
                ratio = t.ratio(OURS, THEIRS)
                row += [milliseconds(t.median(OURS)), milliseconds(t.median(THEIRS)), *spread(ratio)]
                ratios.append(ratio.value)
            rows.append(row)
    if not rows:
        return None
    means = [f"**{geometric_mean(part):.2f}**" for part in (ratios[::2], ratios[1::2])]
    rows.append(["**geometric mean**", "", "", means[0], "", "", "", means[1], ""])
    columns = ("stepgrad, ms", "PyTorch, ms", "ratio", "middle half")
    header = ["", *[f"{what}: {column}" for what in ("training", "inference") for column in columns]]
    text = (
        "Training steps and inference once more, each library on one thread: what the work takes. Where the ratio is "
        f"larger on {settings.threads}, the rest is what it takes to share it out."
    )
    return Section("On one thread", f"{text}\n\n{table(header, rows)}")


def _times(settings: Settings, training: bool, seconds: float) -> tuple[dict[str, Times], dict[str, str]]:
    """Times of each workload, and why torch.compile has none for some."""
    times: dict[str, Times] = {}
    uncompiled: dict[str, str] = {}
    for workload in progress(settings.chosen(WORKLOADS), "training step" if training else "inference"):
        programs = workload.programs(training, (THEIRS, CHANNELS_LAST))
        wanted = agree(programs, workload.name)
        try:
            programs[COMPILED] = _compiled(workload, training, settings, wanted)
        except NotImplementedError as reason:
            uncompiled[workload.name] = str(reason)
        stopwatches = {variant: Stopwatch(program) for variant, program in programs.items()}
        times[workload.name] = compare(stopwatches, settings.turns, seconds * settings.share)
    torch.compiler.reset()
    return times, uncompiled


def _compiled(workload: Workload, training: bool, settings: Settings, wanted: Sequence[Results]) -> Program:
    """The workload under torch.compile, when it has given what is wanted; NotImplementedError says why it cannot be."""
    if settings.quick:
        raise NotImplementedError("left out of a quick run")
    if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
        raise NotImplementedError("there is no C++ compiler on this machine")
    if workload.uncompiled:
        raise NotImplementedError(workload.uncompiled)
    try:
        program = workload.programs(training, (COMPILED,))[COMPILED]
        check_same(f"{workload.name} in {COMPILED}", results(program), wanted)
    except Exception as error:
        raise NotImplementedError(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from error
    return program


def _told(times: dict[str, Times], uncompiled: dict[str, str]) -> str:
    """The table, the means below it, and what is missing from it."""
    columns = (CHANNELS_LAST, COMPILED)
    header = ["", "stepgrad, ms", "PyTorch, ms", "ratio", "middle half"]
    header += [cell for other in columns for cell in (f"{other}, ms", "ratio")]
    rows = []
    for name, t in times.items():
        row = [name, milliseconds(t.median(OURS)), milliseconds(t.median(THEIRS)), *spread(t.ratio(OURS, THEIRS))]
        for other in columns:
            known = other in t
            row += [milliseconds(t.median(other)), f"{t.ratio(OURS, other).value:.2f}"] if known else ["–", "–"]
        rows.append(row)
    means = {other: [t.ratio(OURS, other).value for t in times.values() if other in t] for other in (THEIRS, *columns)}
    cells = {other: f"**{geometric_mean(ratios):.2f}**" if ratios else "–" for other, ratios in means.items()}
    rows.append(["**geometric mean**", "", "", cells[THEIRS], "", "", cells[CHANNELS_LAST], "", cells[COMPILED]])
    text = (
        "A ratio is stepgrad's time by the one to its left. The columns after the middle half are PyTorch with its "
        "channels_last memory format, and under torch.compile (default mode, the time of compiling not counted)."
    )
    reasons: dict[str, list[str]] = {}
    for name, reason in uncompiled.items():
        reasons.setdefault(reason, []).append(name)
    notes = [f"Without {COMPILED}: {', '.join(names)} ({reason})." for reason, names in reasons.items()]
    return "\n\n".join([text, table(header, rows), *notes])
