"""The seam for watching: observers are told of every operation, with what it was given, and of every visit."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
from samples import SAMPLES

import autograd as ag
from autograd import primitive
from autograd.graph import Visit
from autograd.primitive import registry
from autograd.watching import Observer, Operation, observers, watched


class Log(Observer):
    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.visits: list[tuple[str, int]] = []
        self.events: list[str] = []
        self.pushes: list[str] = []

    def computed(self, operation: Operation) -> None:
        self.operations.append(operation)

    def started(self, outputs: Any) -> None:
        self.events.append(f"started from {len(outputs)}")

    def visited(self, visit: Visit) -> None:
        assert visit.node.values is not None, "the node still has what it saved"
        assert len(visit.contributions) == len(visit.node.parents)
        self.visits.append((visit.node.op, sum(share is not None for share in visit.contributions)))

    def finished(self, found: Any) -> None:
        self.events.append(f"finished with {len(found)}")

    def pushed(self, node: Any, tangents: Any, tangent: Any) -> None:
        self.pushes.append(node.op)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_primitive_tells_what_it_was_given(name: str, recorded: bool) -> None:
    """What is told is enough to get the result again."""
    for sample in SAMPLES[name]:
        tensors = [ag.tensor(a, requires_grad=a.dtype.kind == "f") for a in sample.inputs(np.random.default_rng(1))]
        log = Log()
        with watched(log), ag.set_grad_enabled(recorded):
            sample.call(*tensors)
        told = [o for o in log.operations if o.primitive is registry[name]]
        assert told or (name == "output" and not recorded)
        for o in told:
            y = (
                o.primitive.forward(list(o.inputs), *o.static)
                if o.primitive.variadic
                else o.primitive.forward(*o.inputs, *o.static)
            )
            for a, b in zip(y if isinstance(y, tuple) else (y,), o.y if isinstance(o.y, tuple) else (o.y,)):
                np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
            assert recorded or o.node is None


def test_sweeps() -> None:
    x, w = ag.tensor([1.0, 2.0], requires_grad=True), ag.tensor([3.0, 4.0], requires_grad=True)
    log = Log()
    with watched(log):
        y = (ag.sin(x * w) + x).sum()
        ag.gradients(y, x)
        ag.jvp(lambda x: ag.sin(x) * 2, [x.data], [x.data])
    assert [o.primitive.name for o in log.operations] == ["multiply", "sin", "add", "sum", "sin", "multiply"]
    assert log.visits == [("sum", 1), ("add", 2), ("sin", 1), ("multiply", 1)]
    assert log.events == ["started from 1", "finished with 1"]
    assert log.pushes == ["sin", "multiply"]


def test_nodes_know_the_user_s_line_while_watched() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    with watched(Log()):
        y = ag.sin(x)  # the line
        z = ag.concatenate([y, y])  # the other
    assert y.node.source.endswith("# the line")
    assert z.node.source.endswith("# the other")


def test_several_observers_and_their_order() -> None:
    first, second = Log(), Log()
    x = ag.tensor([1.0], requires_grad=True)
    with watched(first):
        with watched(second):
            assert observers.get() == (first, second)
            ag.sin(x)
        ag.cos(x)
    ag.tan(x)
    assert [o.primitive.name for o in first.operations] == ["sin", "cos"]
    assert [o.primitive.name for o in second.operations] == ["sin"]


def test_other_threads_and_tasks_are_not_watched() -> None:
    x = ag.tensor([1.0], requires_grad=True)
    log = Log()
    with watched(log):
        thread = threading.Thread(target=lambda: ag.sin(x).sum().backward())
        thread.start()
        thread.join()
    assert not log.operations
    assert not log.visits

    async def watching(log: Log) -> None:
        with watched(log):
            await asyncio.sleep(0)
            ag.cos(x)
            await asyncio.sleep(0)

    async def both() -> tuple[Log, Log]:
        logs = Log(), Log()
        await asyncio.gather(*map(watching, logs))
        return logs

    assert [len(log.operations) for log in asyncio.run(both())] == [1, 1]


def test_operations_run_as_ever_when_nobody_watches() -> None:
    plain = primitive.record
    with watched(Log()):
        assert primitive.record is not plain
    assert primitive.record is plain
    with pytest.raises(RuntimeError, match="on purpose"), watched(Log()):
        raise RuntimeError("on purpose")
    assert primitive.record is plain
    assert observers.get() == ()


def test_the_same_observer_twice() -> None:
    heard = []

    class Listening(Observer):
        def computed(self, *_: Any) -> None:
            heard.append(1)

    one = Listening()
    with watched(one):
        with watched(one):
            pass
        ag.tensor(1.0) + 1
    assert len(heard) == 1
    ag.tensor(1.0) + 1
    assert len(heard) == 1


def test_an_observer_may_differentiate() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    y = ag.tensor(3.0, requires_grad=True)
    (y * y).backward()

    class Differentiating(Observer):
        busy = False

        def computed(self, *_: Any) -> None:
            if not self.busy:
                self.busy = True
                (y * y).backward()
                self.busy = False

    def run() -> None:
        (x * x).backward(create_graph=True)
        loss = x * x
        with watched(Differentiating()):
            loss.backward(create_graph=True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert y.grad.item() > 6
