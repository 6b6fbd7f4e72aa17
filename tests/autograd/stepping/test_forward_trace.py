"""Forward passes as data: saved and loaded, as text, as HTML and as a page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping import ForwardStepper, Summary, Trace, norm_above
from autograd.stepping.player import page, recording
from autograd.stepping.text import Look, block, graph, table

X, W = np.array([[1.0, 2.0]]), np.array([[3.0], [1.0]])


def wave(x: Any, w: Any) -> ag.Tensor:
    return ag.named((ag.named(ag.sin(x * w), "h") ** 2).sum(), "J")


def tangents() -> ForwardStepper:
    return ForwardStepper(wave, X, W, tangents=[np.ones((1, 2)), None])


def network() -> ForwardStepper:
    ag.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    return ForwardStepper(net(ag.randn(2, 1, 6, 6)).sum())


def several_outputs() -> ForwardStepper:
    def f(x: Any) -> Any:
        w, v = ag.eigh(x)
        return ag.checkpoint(lambda w: ag.sin(w) * w, w).sum() + v[0, 0]

    return ForwardStepper(f, np.array([[2.0, 1.0], [1.0, 3.0]]), tangents=[np.eye(2)])


RUNS = {"tangents": tangents, "network": network, "several outputs": several_outputs}


@pytest.mark.parametrize("name", RUNS)
def test_saved_and_loaded_it_is_the_same(name: str, tmp_path: Path) -> None:
    trace = RUNS[name]().trace(title="run")
    path = tmp_path / "run.json"
    trace.save(path)
    loaded = Trace.load(path)
    assert loaded.forward
    assert loaded.to_json() == trace.to_json()
    player, original = loaded.player(), trace.player()
    for k in (3, 1, len(loaded), 0, 2):
        assert str(player.seek(k)) == str(original.seek(k))
    assert repr(loaded) == f"<trace 'run' of {len(trace)} steps forward over {len(trace.graph.nodes)} nodes>"


@pytest.mark.parametrize("name", RUNS)
def test_what_a_trace_says_is_what_the_steps_said(name: str) -> None:
    stepper = RUNS[name]()
    trace = stepper.trace()
    assert stepper.position == 0
    for step, traced in zip(stepper, trace.steps, strict=True):
        for field in ("number", "op", "name", "source", "module", "note", "shape"):
            assert getattr(traced, field) == getattr(step, field)
        assert traced.node == step.id
        assert traced.summary.to_json() == step.summary.to_json()
        assert [given.label for given in traced.given] == [given.label for given in step.given]
        assert (traced.tangent is None) == (step.tangent is None)
        if isinstance(step.tangent, np.ndarray):
            assert traced.tangent.to_json() == Summary.of(step.tangent).to_json()
        if isinstance(step.value, np.ndarray):
            assert trace.graph.nodes[traced.node].value == traced.value
        assert repr(step) == repr(traced)
        assert step._repr_html_() == traced._repr_html_()


def test_inputs_and_their_tangents() -> None:
    product, sine, *_ = tangents().trace().steps
    x, w = product.given
    assert (x.label, w.label, sine.given[0].label) == ("x", "w", "multiply #2")
    assert x.value.values == X.tolist()
    assert x.tangent.values == [[1.0, 1.0]]
    assert w.tangent is None
    np.testing.assert_allclose(sine.given[0].tangent.values, [[3.0, 3.0], [1.0, 1.0]])
    np.testing.assert_allclose(sine.tangent.values, np.cos(X * W) * [[3.0, 3.0], [1.0, 1.0]])
    power = tangents().trace().steps[2]
    assert [(given.label, given.parent) for given in power.given] == [("h", 3), ("constant", None)]


def test_variables_are_called_as_the_function_calls_them() -> None:
    u = ag.tensor(2.0, name="u")
    names = [node.name for node in ForwardStepper(lambda a, b, *c: a * b * c[0], u, 3.0, 4.0).graph.nodes[:3]]
    assert names == ["u", "b", None]
    assert u.name == "u"


def test_the_limit_on_values() -> None:
    assert all(step.value.values is None for step in tangents().trace(limit=0).steps)


def test_after_a_change_the_original_is_kept() -> None:
    stepper = tangents()
    assert not stepper.changed
    before = stepper.trace().to_json()
    stepper.seek(2)
    stepper.replace([[0.0, 1.0], [2.0, 3.0]])
    assert stepper.changed
    changed = stepper.trace()
    assert changed.steps[1].note == "value"
    assert changed.steps[3].value.values == 14.0
    assert stepper.trace(original=True).to_json()["steps"] == before["steps"]
    assert [step.number for step in stepper.original] == [1, 2, 3, 4]
    assert stepper.position == 2
    stepper.restore()
    assert stepper.trace().to_json() == before


def test_breakpoints_on_a_trace() -> None:
    player = tangents().trace().player()
    assert player.run_until(norm_above(7.0)).op == "multiply"
    assert player.run_until("J").number == 4


def test_as_text() -> None:
    trace = tangents().trace()
    head, _, first, second, *_ = (re.split("  +", line)[:-1] for line in table(trace).split("\n"))
    assert head == ["step", "operation", "name", "value", "norm", "tangent's norm", "from"]
    assert first == ["1", "multiply", "(2, 2)", "7.071", "4.472", "x, w"]
    assert second == ["2", "sin", "h", "(2, 2)", "1.278", "4.193", "multiply #2"]
    assert block(trace, 0) == "start\n  4 steps, 6 nodes; nothing has been computed yet"
    lines = block(trace, 4).split("\n")
    assert lines[0] == "step 4 of 4   sum   J"
    assert "  ← power #4" in lines
    assert "  → J" in lines
    assert lines[-2].startswith("    value ")
    assert lines[-1].startswith("    tangent ")
    assert "  < x" in block(trace, 1, Look(ascii=True))
    assert [line[:3] for line in graph(trace, 2).split("\n")] == ["●  ", "●  ", "▶  ", "●─╮", "◆ │", "  ◆"]


def test_in_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    tangents().trace().save(path)
    ran = subprocess.run(
        [sys.executable, "-m", "autograd.stepping", str(path)],
        input="n\nn\n",
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert "step 2 of 4   sin   h" in ran.stdout


def test_as_a_page(tmp_path: Path) -> None:
    stepper = tangents()
    stepper.to_html(tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert text == page(stepper.trace())
    assert "<title>Forward pass</title>" in text
    run = recording(stepper.trace())
    assert run["forward"]
    json.dumps(run, allow_nan=False)
    assert "title='Player of a forward pass'" in stepper._repr_html_()


def test_what_is_not_known() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    trace = ForwardStepper((x + 5.0).sum()).trace()
    added = trace.steps[0]
    assert (added.value, added.given[1].value) == (None, None)
    assert "value: unknown" in str(added)
    assert "constant</b>, not known any more" in added._repr_html_()
    assert Trace.from_json(trace.to_json()) == trace


def test_as_html() -> None:
    html = tangents().seek(2)._repr_html_()
    assert "<b>2. sin</b> h" in html
    assert "from <b>multiply #2</b>" in html
    assert html.count(">tangent<") == 2
