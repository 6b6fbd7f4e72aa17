"""The rows and columns of the table: functions, and the checkers that are run on them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

import autograd as ag
from tests.autograd.numeric.planted import CLEAN, PLANTED, Arrays, Clean, Planted
from tests.benchmarks.rivals import RIVALS, Rival, Worker, environment, started
from tests.checkers.programs import VERDICT

OURS = "stepgrad"
WORKER = Path(__file__).with_name("worker.py")


class Row(NamedTuple):
    """A function with a planted fault and the same without, or one that is right but hard to judge."""

    entry: Planted | Clean

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def planted(self) -> bool:
        return isinstance(self.entry, Planted)

    def inputs(self, wrong: bool, seed: int) -> Arrays:
        """Those with the fault, or without."""
        elsewhere = None if wrong or isinstance(self.entry, Clean) else self.entry.elsewhere
        return (elsewhere or self.entry.inputs)(seed)


class Column(Protocol):
    """A checker: its version, the `absent` rows with the reason, remarks on others, sets of options worth a try."""

    version: str
    absent: dict[str, str]
    remarks: dict[str, str]
    options: list[dict[str, Any]]

    def outcome(self, row: Row, wrong: bool, seed: int, options: dict[str, Any]) -> str:
        """Nothing if it passes, VERDICT if the checker says that it is wrong, else what else stopped it."""


class Ours:
    """autograd.gradcheck, which has caught a fault only if its verdict is the one expected."""

    def __init__(self) -> None:
        self.version: str = ag.__version__
        self.absent: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self.options: list[dict[str, Any]] = []

    def outcome(self, row: Row, wrong: bool, seed: int, options: dict[str, Any]) -> str:
        entry = row.entry
        if isinstance(entry, Clean):
            f = entry.f(seed)
        else:
            f = entry.wrong if wrong or entry.right is None else entry.right
        report = ag.gradcheck(f, row.inputs(wrong, seed), seed=seed, progress=False, **{**entry.options, **options})
        if not wrong or not isinstance(entry, Planted):
            return "" if report else VERDICT
        first = next(iter(report.verdicts.values()))
        return VERDICT if not report and first == entry.verdict else ""


class Theirs:
    """The checker of another library, in a process of its own."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        self.worker = worker
        self.inputs = folder / "inputs.npz"
        about = worker.ask(about="")
        self.version, self.options = about["version"], about["options"]
        self.absent, self.remarks = about["absent"], about["remarks"]
        self.names = about["names"]

    def outcome(self, row: Row, wrong: bool, seed: int, options: dict[str, Any]) -> str:
        if row.name not in self.names:
            raise KeyError(f"programs.py has no {row.name!r}")
        np.savez(self.inputs, *row.inputs(wrong, seed))
        return self.worker.ask(
            name=row.name,
            wrong=wrong,
            inputs=str(self.inputs),
            order=row.entry.options.get("order", 1),
            forward="forward" in row.entry.options.get("modes", ()),
            seed=seed,
            options=options,
        )


@contextmanager
def ours() -> Iterator[Column]:
    yield Ours()


def theirs(module: str, python: Callable[[], Path]) -> Callable[[], Any]:
    """What opens a column for the library of a module, run by that Python."""

    @contextmanager
    def opened() -> Iterator[Column]:
        with tempfile.TemporaryDirectory() as folder, started(python(), WORKER, module, threads=1) as worker:
            yield Theirs(worker, Path(folder))

    return opened


HIPS = next(rival for rival in RIVALS if rival.module == "autograd")
# What opens each column; NotImplementedError or OSError if it cannot be had.
COLUMNS: dict[str, Callable[[], Any]] = {
    OURS: ours,
    "PyTorch": theirs("in_torch", lambda: Path(sys.executable)),
    HIPS.name: theirs("in_hips", lambda: environment(HIPS, threads=1)),
    "JAX": theirs("in_jax", lambda: environment(Rival("JAX", "jax", ("jax",)), threads=1)),
}
ROWS = [*map(Row, PLANTED), *map(Row, CLEAN)]
