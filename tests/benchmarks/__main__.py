"""Time every workload beside PyTorch and print a Markdown table.

The losses of the two are compared before anything is timed. With `--check`, exits with 1 if a ratio is above its aim.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys

import numpy as np
import torch
from threadpoolctl import threadpool_info

from tests.benchmarks.timing import compare
from tests.benchmarks.workloads import WORKLOADS


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--repeats", type=int, default=20, help="timed repeats of each (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="fail if a ratio is above its limit")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(cores)
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = ", ".join(f"{pool['internal_api']} {pool['num_threads']} threads" for pool in blas)
    print(
        f"{platform.machine()}, {cores} cores; Python {platform.python_version()}, NumPy {np.__version__} ({threads}), "
        f"PyTorch {torch.__version__} ({torch.get_num_threads()} threads); medians of {options.repeats} interleaved "
        "repeats\n"
    )
    print("| training step | stepgrad, ms | PyTorch, ms | ratio | middle half | aim |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    above = False
    for workload in WORKLOADS:
        ours, theirs = workload.make()
        np.testing.assert_allclose(ours(), theirs(), rtol=1e-3, err_msg=f"{workload.name}: the losses differ")
        t = compare(ours, theirs, options.repeats)
        above |= t.ratio > workload.limit
        print(
            f"| {workload.name} | {t.ours * 1e3:.1f} | {t.theirs * 1e3:.1f} | {t.ratio:.2f} | {t.low:.2f}–{t.high:.2f} "
            f"| ≤ {workload.limit} |",
            flush=True,
        )
    return int(above and options.check)


if __name__ == "__main__":
    sys.exit(main())
