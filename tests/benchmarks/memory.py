"""Peak memory of a training step, in a process of its own for each workload and library.

Run as `python -m tests.benchmarks.memory WORKLOAD LIBRARY THREADS`, it prints the bytes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from autograd.kernels.threads import set_num_threads
from tests.benchmarks.report import ROOT, Section, Settings, progress, table, worst
from tests.benchmarks.workloads import OURS, THEIRS, WORKLOADS, Network

STEPS = 3


def section(settings: Settings) -> Section | None:
    """Ours beside PyTorch's."""
    workloads = settings.chosen(WORKLOADS)
    if not workloads:
        return None
    rows, ratios = [], {}
    for workload in progress(workloads, "memory"):
        ours, theirs = (_measured(workload.name, library, settings.threads) for library in (OURS, THEIRS))
        rows.append((workload.name, f"{ours / 2**20:,.1f}", f"{theirs / 2**20:,.1f}", f"{ours / theirs:.2f}"))
        if isinstance(workload, Network):
            ratios[workload.name] = ours / theirs
    text = (
        f"What a process grew by at its highest in {STEPS} training steps, from when both libraries were imported and "
        "the batch was made: weights, gradients, the optimizer's state, activations, temporaries, threads. It is "
        "resident memory without the pages of files, which are the code of libraries."
    )
    targets = [worst("peak memory ÷ PyTorch, worst network", 1.25, ratios)] if ratios else []
    return Section("Peak memory", f"{text}\n\n{table(('', 'stepgrad, MiB', 'PyTorch, MiB', 'ratio'), rows)}", targets)


def _measured(workload: str, library: str, threads: int) -> int:
    command = [sys.executable, "-m", "tests.benchmarks.memory", workload, library, str(threads)]
    return int(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(workload: str, library: str) -> int:
    """Bytes by which this process grows at its highest."""
    prepared = next(w for w in WORKLOADS if w.name == workload).alone(library)
    before = resident("VmRSS")
    step = prepared()
    for _ in range(STEPS):
        step()
    return resident("VmHWM") - before


def resident(which: str) -> int:
    """Bytes of this process in memory without those of files: now (VmRSS), or at the highest (VmHWM).

    Where the system has no /proc, the highest of all for both. On Linux that would not do: there a process starts with
    the ru_maxrss of the one that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return (kilobytes[which] - kilobytes["RssFile"]) * 1024


if __name__ == "__main__":
    name, library, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    set_num_threads(int(threads))
    with threadpool_limits(int(threads), user_api="blas"):
        print(measure(name, library))
