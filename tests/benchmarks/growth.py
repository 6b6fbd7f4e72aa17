"""Cost as the work grows: longer chains, larger batches, a tensor used ever more often, ever more channels joined."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

import autograd as ag
from tests.benchmarks.report import Section, Settings, Target, progress, significant, table
from tests.benchmarks.timing import Stopwatch, Times, compare
from tests.benchmarks.workloads import OURS, THEIRS, Chain, Network, Program, agree, model, tensors


class Growth(NamedTuple):
    """Programs for ever larger sizes; the time is told for one `unit`, of which a size is the number."""

    name: str
    unit: str
    sizes: tuple[int, ...]
    programs: Callable[[int], dict[str, Program]]
    judge: Callable[[dict[int, Times]], Target] | None = None


def section(settings: Settings) -> Section | None:
    """One table for each."""
    parts, targets = [], []
    for growth in progress(settings.chosen(GROWTHS), "growth"):
        sizes = growth.sizes[:-1] if settings.quick else growth.sizes
        times = {size: _times(growth, size, settings) for size in sizes}
        rows = []
        for size, t in times.items():
            each = [significant(t.median(library) / size * 1e6) for library in (OURS, THEIRS)]
            ratio = t.ratio(OURS, THEIRS)
            rows.append((f"{size:,}", *each, f"{ratio.value:.2f}", f"{ratio.low:.2f}–{ratio.high:.2f}"))
        unit = f"µs per {growth.unit}"
        header = (growth.name, f"stepgrad, {unit}", f"PyTorch, {unit}", "ratio", "middle half")
        parts.append(table(header, rows))
        if growth.judge and not settings.quick:
            targets.append(growth.judge(times))
    if not parts:
        return None
    return Section("Cost as the work grows", "\n\n".join(["Forward and backward.", *parts]), targets)


def _times(growth: Growth, size: int, settings: Settings) -> Times:
    programs = growth.programs(size)
    agree(programs, f"{growth.name}: {size}", runs=1)
    return compare({name: Stopwatch(p) for name, p in programs.items()}, settings.turns, 2.5 * settings.share)


def _chain(nodes: int) -> dict[str, Program]:
    return Chain("chain", nodes).programs(True, (THEIRS,))


def _batch(images: int) -> dict[str, Program]:
    return Network("ResNet-20", model("resnet20"), (3, 32, 32), images).programs(True, (THEIRS,))


def _with_leaf(array: np.ndarray, forward: Callable[[Any, Any], Any]) -> dict[str, Program]:
    """The sum of `forward(library, x)` and its gradient with respect to x."""

    def program(variant: str, library: Any) -> Program:
        x = tensors(variant)(array)
        x.requires_grad_(True)

        def run() -> tuple[Any, Any]:
            x.grad = None
            y = forward(library, x).sum()
            y.backward()
            return y, x.grad

        return run

    return {OURS: program(OURS, ag), THEIRS: program(THEIRS, torch)}


def _fan_out(uses: int) -> dict[str, Program]:
    def forward(library: Any, x: Any) -> Any:
        total = x
        for _ in range(uses):
            total = total * 0.5 + x
        return total

    return _with_leaf(np.linspace(0.1, 0.4, 4, dtype=np.float32), forward)


def _joining(layers: int) -> dict[str, Program]:
    def forward(library: Any, x: Any) -> Any:
        join: Any = ag.concatenate if library is ag else torch.cat
        for _ in range(layers):
            x = join([x, library.tanh(x[:, -12:])], 1)
        return x

    return _with_leaf(np.random.default_rng(0).normal(size=(16, 24, 16, 16)).astype(np.float32), forward)


def _judge_chain(times: dict[int, Times]) -> Target:
    """Time per node may grow as PyTorch's does."""
    (short, first), (long, last) = min(times.items()), max(times.items())
    grown = {name: last.median(name) / long / (first.median(name) / short) for name in (OURS, THEIRS)}
    what = f"time per node, growth from {short:,} to {long:,} nodes"
    return Target(what, f"≤ {grown[THEIRS]:.2f} (PyTorch's)", f"{grown[OURS]:.2f}", grown[OURS] <= grown[THEIRS])


def _judge_batch(times: dict[int, Times]) -> Target:
    """Time per image may not rise from 16 on; 5 % are taken for flat."""
    sizes = [size for size in times if size >= 16]
    each = [times[size].median(OURS) / size for size in sizes]
    rises = [later / earlier for earlier, later in itertools.pairwise(each)]
    what = f"time per image, largest rise between batches of {', '.join(map(str, sizes))}"
    return Target(what, "≤ 1.05", f"{max(rises):.2f}", max(rises) <= 1.05)


GROWTHS: Sequence[Growth] = (
    Growth("nodes in a chain", "node", (1_000, 10_000, 100_000, 1_000_000), _chain, _judge_chain),
    Growth("images in a batch, ResNet-20", "image", (1, 4, 16, 64, 256), _batch, _judge_batch),
    Growth("uses of one tensor (fan-out)", "use", (1, 10, 100, 1_000, 10_000, 100_000), _fan_out),
    Growth("layers that each join 12 channels", "layer", (4, 8, 16, 32, 64), _joining),
)
