"""Beside MyGrad and HIPS autograd, each in a virtual environment of its own, since one shares our import name."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
import nn
from tests.benchmarks.report import CACHE, Section, Settings, Target, milliseconds, progress, table
from tests.benchmarks.rival_programs import PROGRAMS, RivalProgram
from tests.benchmarks.timing import Stopwatch, Times, compare
from tests.benchmarks.workloads import OURS, check_same

WORKER = Path(__file__).with_name("rival_worker.py")


class Rival(NamedTuple):
    """Another library: how it is called, its distribution and import name, and what else it needs."""

    name: str
    module: str
    requirements: tuple[str, ...]


RIVALS = (
    Rival("MyGrad", "mygrad", ("mygrad",)),
    Rival("HIPS autograd", "autograd", ("autograd", "scipy")),
)


class Worker:
    """A process in the other library's environment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, **question: Any) -> Any:
        """Its answer to a line."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker ended with {self.process.wait()}")
        return json.loads(answer)


@contextmanager
def worker(rival: Rival, threads: int) -> Iterator[Worker]:
    """A worker in the other library's environment; NotImplementedError says why there is no worker."""
    with started(environment(rival, threads), WORKER, rival.module, threads) as process:
        yield process


def environment(rival: Rival, threads: int) -> Path:
    """The Python of the other library's environment, which is made if there is none.

    Raises NotImplementedError if it cannot be made.
    """
    folder = CACHE / rival.module
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *rival.requirements]
        installed = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(threads))
        if installed.returncode:
            raise NotImplementedError(f"not installed: {(installed.stderr.strip().splitlines() or ['pip failed'])[-1]}")
        (folder / "ready").touch()
    return python


@contextmanager
def started(python: Path, script: Path, argument: str, threads: int) -> Iterator[Worker]:
    """A worker that runs a script which answers lines, ended afterwards."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [str(python), str(script), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CACHE,
        env=_environment(threads),
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.terminate()


def _environment(threads: int) -> dict[str, str]:
    """This process's, from which nothing of ours can be imported; BLAS has as many threads as here."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return env | dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))


def ours(program: RivalProgram) -> Callable[[], list[Any]]:
    """The program in this library, giving its value and the gradients."""
    library = SimpleNamespace(**vars(ag))
    library.conv = nn.functional.conv2d
    library.max_pool = lambda x: nn.functional.max_pool2d(x, 2)
    library.log_softmax = lambda x: nn.functional.log_softmax(x, 1)
    inputs, data = program.arrays()
    leaves: list[Any] = [ag.tensor(x, requires_grad=True) for x in inputs]
    constants = [ag.tensor(x) for x in data]

    def run() -> list[Any]:
        for leaf in leaves:
            leaf.grad = None
        value = program.function(library, *leaves, *constants)
        value.backward()
        return [value.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]

    return run


def section(settings: Settings) -> Section | None:
    """Each program in all three."""
    programs = settings.chosen(PROGRAMS)
    if not programs:
        return None
    notes: list[str] = []
    versions: list[str] = []
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for rival in progress(RIVALS, "environments"):
            try:
                workers[rival.name] = stack.enter_context(worker(rival, settings.threads))
                versions.append(f"{rival.name} {workers[rival.name].ask()}")
            except (NotImplementedError, RuntimeError, OSError, subprocess.SubprocessError) as error:
                notes.append(f"{rival.name}: {error}.")
                workers.pop(rival.name, None)
        times = {program: _times(program, workers, settings, notes) for program in progress(programs, "rivals")}
    rows = []
    for program, t in times.items():
        row = [program.name, milliseconds(t.median(OURS))]
        for name in (rival.name for rival in RIVALS):
            row += [milliseconds(t.median(name)), f"{t.ratio(name, OURS).value:.1f}×"] if name in t else ["–", "–"]
        rows.append(row)
    header = ("forward and backward", "stepgrad, ms", *(c for r in RIVALS for c in (f"{r.name}, ms", "÷ stepgrad")))
    text = f"{'; '.join(versions) or 'Neither could be had'}. Each in a process of its own, by turns with this one."
    targets = [target for rival in RIVALS for target in _judged(rival.name, times)]
    return Section("Beside MyGrad and HIPS autograd", "\n\n".join([text, table(header, rows), *notes]), targets)


def _times(program: RivalProgram, workers: dict[str, Worker], settings: Settings, notes: list[str]) -> Times:
    """Times of ours and of those that can run it, once they have given the same."""
    run = ours(program)
    wanted = [np.asarray(result) for result in run()]
    stopwatches: dict[str, Callable[[], float]] = {OURS: Stopwatch(run)}
    for name, other in workers.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.npz"
            answer = other.ask(program=program.name, results=str(path))
            if answer != "ready":
                notes.append(f"{name} does not run '{program.name}': {answer}.")
                continue
            with np.load(path) as saved:
                check_same(f"{program.name} in {name}", [list(saved.values())], [wanted])
        stopwatches[name] = functools.partial(other.ask, time=program.name)
    return compare(stopwatches, settings.turns, 3 * settings.share)


def _judged(name: str, times: dict[RivalProgram, Times]) -> Iterator[Target]:
    """5 times as fast in convolutions, and faster in all else."""
    for what, limit, convolves in (("convolution steps", 5, True), ("everything else", 1, False)):
        gains = {
            program.name: t.ratio(name, OURS).value
            for program, t in times.items()
            if name in t and program.convolves == convolves
        }
        if gains:
            least = min(gains, key=gains.__getitem__)
            met = gains[least] >= limit
            yield Target(f"{name} ÷ stepgrad, least of {what}", f"≥ {limit}", f"{gains[least]:.1f} ({least})", met)
