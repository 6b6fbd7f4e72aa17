"""Traces: what they hold, saved and loaded, and played."""

from __future__ import annotations

import gc
import json
import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping import Summary, Trace
from nn import functional as F

KEYS = {
    *("number", "node", "op", "name", "source", "module", "rule", "latex", "cotangent", "contributions", "note"),
}


def small() -> ag.Tensor:
    x = ag.tensor([1.0, -2.0], requires_grad=True, name="x")
    w = ag.tensor([[3.0], [np.inf]], requires_grad=True, name="w")
    with np.errstate(invalid="ignore"):
        return (ag.named(ag.sin(x * w), "h") * x).sum()


def network() -> ag.Tensor:
    net = nn.models.LeNet5()
    return F.cross_entropy(net(ag.randn(2, 1, 32, 32)), ag.tensor([3, 7]))


def several_outputs() -> ag.Tensor:
    x = ag.tensor([[4.0, 1.0], [1.0, 9.0]], requires_grad=True)
    w, v = ag.eigh(x)
    return (w * w).sum() + v[0, 1]


LOSSES = {"small": small, "network": network, "several outputs": several_outputs}


@pytest.mark.parametrize("name", LOSSES)
def test_saved_and_loaded_it_is_the_same(name: str, tmp_path: Path) -> None:
    trace = LOSSES[name]().stepper().trace(title="ein Lauf")
    path = tmp_path / "run.json"
    trace.save(path)
    loaded = Trace.load(path)
    assert loaded.to_json() == trace.to_json()
    assert loaded.title == "ein Lauf"
    player, original = loaded.player(), trace.player()
    for k in (3, 1, len(loaded), 0, 2):
        assert str(player.seek(k)) == str(original.seek(k))
    assert [str(step) for step in player] == [str(step) for step in trace.steps[2:]]
    assert player.done
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_trace_says_is_what_the_steps_said(name: str) -> None:
    stepper = LOSSES[name]().stepper()
    trace = stepper.trace()
    assert stepper.position == 0
    assert len(trace) == len(trace.player()) == len(stepper)
    for step, traced in zip(stepper, trace.steps, strict=True):
        for field in ("number", "op", "name", "source", "module", "note", "shape"):
            assert getattr(traced, field) == getattr(step, field)
        assert (traced.node, traced.rule, traced.latex) == (step.id, *step.rule)
        assert traced.cotangent.to_json() == Summary.of(step.cotangent).to_json()
        assert trace.graph.nodes[traced.node].op == step.op
        assert repr(traced) == repr(step)
        assert traced._repr_html_() == step._repr_html_()
        for c, t in zip(step.contributions, traced.contributions, strict=True):
            assert t.parent == c.id
            for field in ("waiting", "summed_axes", "name", "leaf", "op", "shape"):
                assert getattr(t, field) == getattr(c, field)
            assert repr(t) == repr(c)
            assert t.value.to_json() == Summary.of(c.value).to_json()
            assert t.after.to_json() == Summary.of(c.after).to_json()
            assert (t.before and t.before.to_json()) == (None if c.before is None else Summary.of(c.before).to_json())
    gradients = {node: summary.norm for node, summary in trace.gradients.items()}
    wanted = {stepper.backward_pass.record.ids[n]: Summary.of(g).norm for n, g in stepper.backward_pass.run().items()}
    assert gradients == wanted


def test_the_json() -> None:
    data = small().stepper().trace().to_json()
    json.dumps(data, allow_nan=False)
    assert data["version"] == 1
    assert data.keys() == {"version", "graph", "steps", "gradients", "title"}
    assert data["steps"][0].keys() == KEYS
    contribution = data["steps"][0]["contributions"][0]
    assert contribution.keys() == {"parent", "value", "summed_axes", "before", "after", "waiting"}
    names = [node["name"] for node in data["graph"]["nodes"]]
    assert names[:2] == ["x", "w"]
    assert "h" in names
    assert set(data["gradients"]) == {"0", "1"}
    assert "NaN" in json.dumps(data["gradients"])


def test_the_limit_on_values() -> None:
    loss = network()
    full, short = loss.stepper().trace(limit=10**6), loss.stepper().trace(limit=0)
    assert all(step.cotangent.values is not None for step in full.steps)
    assert all(step.cotangent.values is None for step in short.steps)
    array = full.steps[-1].contributions[0].array()
    assert array.shape == full.steps[-1].contributions[0].shape
    assert len(json.dumps(loss.stepper().trace().to_json())) < 300_000


def test_tracing_leaves_gradients_alone() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    h = ag.sin(x)
    h.retain_grad()
    stepper = (h * h).sum().stepper()
    stepper.trace()
    assert (x.grad, h.grad, stepper.done) == (None, None, False)
    stepper.run()
    np.testing.assert_allclose(x.grad.data, np.sin(2 * x.data), rtol=1e-6)


def test_of_a_changed_pass() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    stepper = (x * x).sum().stepper()
    stepper.step()
    stepper.replace(cotangent=5.0)
    changed, original = stepper.trace(), stepper.trace().title
    assert changed.steps[0].note == "cotangent"
    assert "changed: cotangent" in str(changed.steps[0])
    assert changed.gradients[0].values == [10.0, 20.0]
    assert original == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no trace of a pass: it holds no JSON"),
        ("{", "is no trace of a pass: it holds no JSON"),
        ("\x00\x01", "is no trace of a pass: it holds no JSON"),
        ("[1, 2]", "is no trace of a pass: it has no version, graph and steps"),
        ('{"cells": []}', "is no trace of a pass: it has no version, graph and steps"),
        ('{"version": 2, "graph": {}, "steps": []}', "has version 2; this release reads version 1"),
        ('{"version": 1, "graph": {}, "steps": []}', r"or was damaged \(KeyError"),
        ('{"version": 1, "graph": [], "steps": 3}', r"or was damaged \(TypeError"),
    ],
)
def test_files_that_are_no_traces(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"trace: .*other\.json {message}" if "damaged" not in message else message):
        Trace.load(path)


def test_damaged_traces(tmp_path: Path) -> None:
    """Whatever is missing or of another kind is an error, never half a trace."""
    path = tmp_path / "run.json"
    data = small().stepper().trace().to_json()
    for key in KEYS:
        damaged = json.loads(json.dumps(data))
        del damaged["steps"][2][key]
        path.write_text(json.dumps(damaged))
        with pytest.raises(ValueError, match=r"trace: .*run\.json is no trace of a pass, or was damaged"):
            Trace.load(path)
    for steps in ("abc", [None], [{}], [[]]):
        path.write_text(json.dumps({**data, "steps": steps}))
        with pytest.raises(ValueError, match="was damaged"):
            Trace.load(path)
    for parents in ([99, 0], [-1]):
        damaged = json.loads(json.dumps(data))
        damaged["graph"]["nodes"][-1]["parents"] = parents
        path.write_text(json.dumps(damaged))
        with pytest.raises(ValueError, match="was damaged"):
            Trace.load(path)
    data["steps"][0]["node"] = 99
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="was damaged"):
        Trace.load(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match="it holds no JSON"):
        Trace.load(path)
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nowhere.json")


def test_saving_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = small().stepper().trace()
    path = tmp_path / "run.json"
    trace.save(path)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        trace.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.json"]
    with pytest.raises(FileNotFoundError, match="trace: there is no folder"):
        trace.save(tmp_path / "nowhere" / "run.json")


def test_a_trace_keeps_nothing_of_the_model() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    node = weakref.ref(loss.node)
    trace = loss.stepper().trace()
    gc.disable()
    try:
        del loss
        assert node() is None
    finally:
        gc.enable()
    assert len(trace) == 2
    assert repr(trace) == "<trace of 2 steps over 3 nodes>"
    assert repr(trace.player()) == "<player after 0 of 2 steps>"


def test_tuples_that_other_threads_make_are_left_alone() -> None:
    done = threading.Event()
    errors: list[SystemError] = []

    def make() -> None:
        while not done.is_set():
            try:
                tuple(i * i for i in range(300))
            except SystemError as error:
                errors.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    try:
        for _ in range(100):
            small().stepper().trace()
    finally:
        done.set()
        thread.join()
    assert not errors
