"""Where the time of one training step goes: by pass, operation and kernel, adding up to the whole."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, NamedTuple

import autograd as ag
import autograd.kernels
import nn
import optim
from autograd.primitive import registry
from tests.benchmarks.report import Section, Settings, milliseconds, table
from tests.benchmarks.timing import Stopwatch
from tests.benchmarks.workloads import WORKLOADS, Network

NETWORK = "ResNet-20, 32×32"
STEPS = 10
# Places of less than this share of the step are told as one.
LEAST = 0.01


class Place(NamedTuple):
    """Where time is spent: in a pass, in the forward or derivative rule of an operation, and there in a kernel."""

    during: str
    operation: str = ""
    kernel: str = ""


class Watch:
    """Adds up the time of each place, on the thread that made the watch.

    Only the outermost operation and, within it, the outermost kernel count; the time of each is its own, without that
    of the inner.
    """

    def __init__(self) -> None:
        self.seconds: dict[Place, float] = defaultdict(float)
        self.place = Place("outside")
        self.since = time.perf_counter()
        self.thread = threading.get_ident()

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        """A pass."""
        before = self.move(Place(name))
        try:
            yield
        finally:
            self.move(before)

    def move(self, place: Place) -> Place:
        """Count what has passed for the present place, and go to another; returns the present one."""
        now = time.perf_counter()
        self.seconds[self.place] += now - self.since
        self.since = now
        before, self.place = self.place, place
        return before

    def operation(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """`function`, watched as an operation."""
        return self._watched(function, lambda place: not place.operation, lambda place: place._replace(operation=name))

    def kernel(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """`function`, watched as a kernel."""
        return self._watched(function, lambda place: not place.kernel, lambda place: place._replace(kernel=name))

    def _watched(
        self, function: Callable[..., Any], counts: Callable[[Place], bool], there: Callable[[Place], Place]
    ) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*arguments: Any, **keywords: Any) -> Any:
            if not counts(self.place) or threading.get_ident() != self.thread:
                return function(*arguments, **keywords)
            before = self.move(there(self.place))
            try:
                return function(*arguments, **keywords)
            finally:
                self.move(before)

        watched.__dict__.pop("partial", None)  # else a plan would call that, which is not watched
        return watched


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch all primitives and all public kernels, by putting watched functions in their places."""
    watch = Watch()
    undo: list[Callable[[], object]] = []

    def put(holder: Any, name: str, value: Any) -> None:
        undo.append(functools.partial(setattr, holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    for primitive in registry.values():
        forward = watch.operation(primitive.forward, primitive.name)
        put(primitive, "forward", forward)
        function = primitive.function
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name == "forward":
                put(cell, "cell_contents", forward)
        put(primitive, "vjps", tuple(rule and watch.operation(rule, primitive.name) for rule in primitive.vjps))
        primitive.plans.clear()  # they hold the rules
        undo.append(primitive.plans.clear)
    kernels = {kernel: watch.kernel(kernel, name) for kernel, name in _kernels().items()}
    for module in [m for name, m in sys.modules.items() if name.split(".")[0] in ("autograd", "nn", "optim")]:
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and value in kernels:
                put(module, name, kernels[value])
    try:
        yield watch
    finally:
        for step in reversed(undo):
            step()


def _kernels() -> dict[FunctionType, str]:
    """The public functions of the modules in autograd.kernels, with their names."""
    names = [f"autograd.kernels.{info.name}" for info in pkgutil.iter_modules(autograd.kernels.__path__)]
    return {
        value: f"{name.rpartition('.')[2]}.{function}"
        for name in names
        for function, value in vars(importlib.import_module(name)).items()
        if isinstance(value, FunctionType) and value.__module__ == name and not function.startswith("_")
    }


def section(settings: Settings) -> Section | None:
    """The step of one network: of those chosen the first, of all of them this one."""
    networks = settings.chosen([workload for workload in WORKLOADS if isinstance(workload, Network)])
    if not networks:
        return None
    network = next((network for network in networks if network.name == NETWORK), networks[0])
    model = network.build(nn)
    images, classes = map(ag.tensor, network.data())
    name, options = network.optimizer
    optimizer = getattr(optim, name)(model.parameters(), **options)

    def step(watch: Watch) -> None:
        with watch.during("forward"):
            loss = nn.functional.cross_entropy(model(images), classes)
        with watch.during("backward"):
            loss.backward()
        with watch.during("optimizer"):
            optimizer.step()
            optimizer.zero_grad()

    unwatched = Stopwatch(lambda: step(Watch()))()
    steps = 2 if settings.quick else STEPS
    with watching() as watch:
        step(watch)
        watch.seconds.clear()
        for _ in range(steps):
            step(watch)
    seconds = {place: spent / steps for place, spent in watch.seconds.items() if place.during != "outside"}
    text = (
        f"One training step of {network.name}, batch {network.batch}, on the calling thread: the mean of "
        f"{steps} steps, of {milliseconds(sum(seconds.values()))} ms each; unwatched, one takes "
        f"{milliseconds(unwatched)} ms. "
        "An operation's rule counts to the operation whose node is passed; what is outside kernels is NumPy called "
        "directly. Between operations: recording, modules, the sweep and its additions."
    )
    return Section("Profile of a step", "\n\n".join([text, *map(_table, (_by_kernel(seconds), _by_place(seconds)))]))


def _by_kernel(seconds: dict[Place, float]) -> tuple[tuple[str, ...], dict[tuple[str, ...], float]]:
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for place, spent in seconds.items():
        outside = "NumPy, in an operation" if place.operation else f"between operations, {place.during}"
        sums[(place.kernel or outside,)] += spent
    return ("kernel",), sums


def _by_place(seconds: dict[Place, float]) -> tuple[tuple[str, ...], dict[tuple[str, ...], float]]:
    total = sum(seconds.values())
    sums: dict[tuple[str, ...], float] = {}
    rest = 0.0
    for place, spent in seconds.items():
        if spent < LEAST * total:
            rest += spent
        else:
            sums[(place.operation or "between operations", place.during, place.kernel or "–")] = spent
    sums[(f"other, each below {LEAST:.0%}", "", "")] = rest
    return ("operation", "pass", "kernel"), sums


def _table(content: tuple[tuple[str, ...], dict[tuple[str, ...], float]]) -> str:
    """Rows from the longest to the shortest, with the share of each, and the sum of all."""
    columns, sums = content
    total = sum(sums.values())
    rows = [
        (*names, milliseconds(spent), f"{spent / total:.1%}")
        for names, spent in sorted(sums.items(), key=lambda row: -row[1])
    ]
    rows.append(("**sum**", *[""] * (len(columns) - 1), milliseconds(total), "100.0%"))
    return table((*columns, "ms", "share"), rows)
