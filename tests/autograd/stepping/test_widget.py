"""The widget without a browser: what players ask for, what they are told, and what happens to the stepper."""

from __future__ import annotations

import builtins
import gc
import json
import re
import subprocess
import sys
import weakref
from html import unescape
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping import ForwardStepper, Stepper, at_op
from autograd.stepping.player import page

pytest.importorskip("anywidget", reason="NOT TESTED: anywidget is missing: pip install 'stepgrad[notebooks]'")

from autograd.stepping.widget import StepperWidget


class Asked:
    """A widget, and a player that asks it."""

    def __init__(self, stepper: Any) -> None:
        self.widget = stepper.widget()
        self.told: list[dict[str, Any]] = []
        self.widget.send = self.hear

    def hear(self, message: dict[str, Any]) -> None:
        self.told.append(json.loads(json.dumps(message, allow_nan=False)))

    def __call__(self, what: str, **details: Any) -> dict[str, Any]:
        """The answer, as a front end gets it."""
        self.told.clear()
        content = {"do": what, "to": "me-1", **details}
        self.widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
        (answer,) = self.told
        assert answer.pop("to") == "me-1"
        return answer


@pytest.fixture
def x() -> ag.Tensor:
    return ag.tensor(np.array([0.5, 1.0]), requires_grad=True, name="x")


def loss(x: ag.Tensor) -> ag.Tensor:
    return ag.named((ag.named(ag.sin(x), "h") * x).sum(), "J")


@pytest.fixture
def stepper(x: ag.Tensor) -> Stepper:
    return loss(x).stepper()


@pytest.fixture
def ask(stepper: Stepper) -> Asked:
    return Asked(stepper)


def test_the_stepper_goes_where_the_page_goes(ask: Asked, stepper: Stepper, x: ag.Tensor) -> None:
    wanted = ag.grad(loss)(x.data)
    assert ask("hello")["position"] == 0
    assert ask("seek", position=2)["position"] == stepper.position == 2
    assert x.grad is None
    assert ask("seek", position=3)["position"] == 3
    np.testing.assert_array_equal(x.grad.data, wanted)
    ask("seek", position=1)
    assert x.grad is None


def test_the_page_goes_where_the_stepper_goes(ask: Asked, stepper: Stepper) -> None:
    stepper.step()
    stepper.seek(3)
    stepper.back()
    stepper.run()
    assert [message["position"] for message in ask.told] == [1, 3, 2, 3]
    ask.told.clear()
    stepper.seek(0)
    stepper.run_until("multiply")
    assert ask.told[-1]["position"] == 2
    stepper.replace(cotangent=2.0)
    assert (ask.told[-1]["revision"], ask.told[-1]["changed"]) == (1, True)
    stepper.restore()
    assert (ask.told[-1]["revision"], ask.told[-1]["changed"]) == (2, False)


@pytest.mark.parametrize(
    ("kind", "text", "said", "position"),
    [
        ("operation", "s?n", "at operation 's?n'", 3),
        ("name", "h", "at tensor 'h'", 3),
        ("shape", "(-1,)", "at shape (-1,)", 2),
        ("shape", "()", "at shape ()", 1),
        ("line", "ag.sin(x)", "at source 'ag.sin(x)'", 1),
        ("not finite", "", "something not finite", None),
        ("norm above", "1.4", "norm above 1.4", 1),
        ("norm below", "1.2", "norm below 1.2", 1),
        ("zero gradient", "", "a zero gradient", None),
        ("parameter reached", "x", "reaching 'x'", 2),
    ],
)
def test_breakpoints_by_the_form(ask: Asked, kind: str, text: str, said: str, position: int | None) -> None:
    assert kind in [known["kind"] for known in ask("hello")["kinds"]]
    assert ask("stop", kind=kind, text=f" {text} ")["breakpoints"] == [{"said": said, "node": None}]
    answer = ask("run")
    assert answer["position"] == (position or 3)
    told = f"Stopped after step {position}: {said}." if position else "No breakpoint was met: this is the end."
    assert answer["told"] == told
    assert ask("clear", index=0)["breakpoints"] == []


def test_every_kind_of_breakpoint_is_tested(ask: Asked) -> None:
    mark = next(mark for mark in test_breakpoints_by_the_form.pytestmark if mark.name == "parametrize")
    assert {kind["kind"] for kind in ask("hello")["kinds"]} == {"module", *(row[0] for row in mark.args[1])}


def test_a_breakpoint_in_a_module() -> None:
    ask = Asked(nn.Sequential(nn.Linear(2, 2), nn.ReLU())(ag.ones(1, 2)).sum().stepper())
    ask("stop", kind="module", text="1")
    assert ask("run")["told"] == "Stopped after step 2: in module '1'."


@pytest.mark.parametrize("kind", ["operation", "name", "module", "parameter reached"])
def test_names_that_nothing_has_are_refused(ask: Asked, kind: str) -> None:
    said = "ValueError: breakpoint: no operation, tensor or module of this run is called 'sine'; did you mean 'sin'?"
    answer = ask("stop", kind=kind, text="sine")
    assert (answer["error"], answer["breakpoints"]) == (said, [])


def test_breakpoints_at_nodes(ask: Asked, stepper: Stepper) -> None:
    ids = {node.name: node.id for node in stepper.graph.nodes}
    assert ask("stop", kind="node", node=ids["h"])["breakpoints"] == [{"said": "at h", "node": ids["h"]}]
    assert ask("run")["position"] == 3
    ask("seek", position=0)
    ask("stop", kind="node", node=ids["x"])
    assert ask("run")["told"] == "Stopped after step 2: at x."
    assert ask("run")["told"] == "Stopped after step 3: at h and at x."
    assert ask("run")["told"] == "No breakpoint was met: this is the end."


def test_a_breakpoint_of_ones_own(ask: Asked) -> None:
    ask.widget.breakpoints.append((at_op("sum") & ~at_op("sin"), None))
    assert ask("run")["told"] == "Stopped after step 1: (at operation 'sum' and not at operation 'sin')."


@pytest.mark.parametrize(
    ("what", "details", "error"),
    [
        ("stop", {"kind": "operation", "text": " "}, "ValueError: breakpoint: say which operation, for example relu"),
        ("stop", {"kind": "shape", "text": "2, x"}, "ValueError: breakpoint: wants a shape such as 64, -1, 3, not 'x'"),
        ("stop", {"kind": "norm above", "text": "big"}, "ValueError: breakpoint: wants a number, not 'big'"),
        ("run", {}, "ValueError: run: there is no breakpoint to run to"),
        ("check", {}, "IndexError: no step has been taken yet"),
        ("seek", {"position": 9}, "IndexError: seek: there is no position 9 in a run of 3 steps"),
        ("replace", {"name": "cotangent", "text": "1"}, "IndexError: replace: no step has been taken yet"),
        ("replace", {"name": "cotangent", "text": "[1,"}, "ValueError: what if: wants a number, or lists such as"),
    ],
)
def test_errors_are_told_in_words(ask: Asked, what: str, details: dict[str, Any], error: str) -> None:
    answer = ask(what, **details)
    assert answer["error"].startswith(error)
    assert answer["position"] == 0
    assert answer["breakpoints"] == []


def test_what_if(ask: Asked, stepper: Stepper, x: ag.Tensor) -> None:
    before = ask("hello")
    ask("seek", position=2)
    inputs = {given["name"]: given for given in ask("inputs")["inputs"]}
    assert inputs.keys() == {"cotangent", "x1", "x2"}
    assert inputs["cotangent"] == {"name": "cotangent", "shape": "(2,)", "text": "[1.0, 1.0]"}
    assert json.loads(inputs["x2"]["text"]) == x.tolist()
    answer = ask("replace", name="cotangent", text="[1, 2, 3]")
    assert answer["error"] == "ValueError: replace: the cotangent of 'multiply' has shape (2,), not (3,)"
    assert not answer["changed"]
    answer = ask("replace", name="cotangent", text="[10, 0]")
    assert "error" not in answer
    assert (answer["position"], answer["changed"]) == (2, True)
    assert answer["revision"] != before["revision"]
    ask("replace", name="x2", text="7")
    steps = ask("steps")
    assert steps["steps"][1]["note"] == "cotangent and values"
    assert steps["steps"][1]["contributions"][0]["value"]["values"] == [70.0, 0.0]
    assert steps["original"][1]["cotangent"]["values"] == [1.0, 1.0]
    ask("seek", position=3)
    assert x.grad.tolist()[1] == 0
    answer = ask("restore")
    assert (answer["position"], answer["changed"]) == (3, False)
    assert ask("steps")["original"] is None
    np.testing.assert_array_equal(x.grad.data, ag.grad(loss)(x.data))


def test_large_arrays_are_not_typed() -> None:
    x = ag.tensor(np.ones((20, 20)), requires_grad=True)
    ask = Asked((x * x).sum().stepper())
    ask("seek", position=2)
    assert [given["text"] for given in ask("inputs")["inputs"]] == ["", "", ""]
    assert "error" not in ask("replace", name="cotangent", text="2")
    assert ask("steps")["steps"][1]["cotangent"]["mean"] == 2


def test_several_outputs() -> None:
    x = ag.tensor([[4.0, 1.0], [1.0, 9.0]], requires_grad=True)
    w, _ = ag.eigh(x)
    ask = Asked(w.sum().stepper())
    ask("stop", kind="operation", text="eigh")
    ask("run")
    given = ask("inputs")["inputs"][0]
    assert json.loads(given["text"]) == [[1.0, 1.0], None]
    assert "error" not in ask("replace", name="cotangent", text="[[1, 0], null]")


def test_rules_are_checked(ask: Asked) -> None:
    ask("seek", position=3)
    said = ask("check")["check"]
    assert said == {"node": 1, "verdict": "right", "said": "finite differences agree with the rule"}

    @ag.custom_vjp(lambda g, x: 2 * g * np.cos(x))
    def wave(x: Any) -> Any:
        return np.sin(x)

    ask = Asked(wave(ag.tensor([0.5, 1.0], requires_grad=True)).sum().stepper())
    ask("seek", position=2)
    said = ask("check")["check"]
    assert said["verdict"] == "wrong"
    assert "finite differences" in said["said"]


def test_a_forward_pass(x: ag.Tensor) -> None:
    stepper = ForwardStepper(loss(x), tangents={x: [1.0, 0.0]})
    ask = Asked(stepper)
    assert ask("seek", position=1)["position"] == stepper.position == 1
    given = ask("inputs")["inputs"]
    assert [(part["name"], part["shape"]) for part in given] == [("value", "(2,)")]
    np.testing.assert_array_equal(json.loads(given[0]["text"]), np.sin(x.data))
    assert ask("check")["check"]["verdict"] == "right"
    assert ask("replace", name="value", text="[2, 4]")["changed"]
    steps = ask("steps")
    assert steps["steps"][1]["value"]["values"] == [1.0, 4.0]
    np.testing.assert_allclose(steps["original"][1]["value"]["values"], np.sin(x.data) * x.data, rtol=1e-5)
    assert not ask("restore")["changed"]
    ask("stop", kind="norm above", text="1.2")
    assert ask("run")["position"] == 3


def test_a_notebook_is_given_the_player(stepper: Stepper) -> None:
    """Nothing but HTML, so that there is no widget that might not be found; in it where the stepper is, and its key."""
    stepper.seek(2)
    html = stepper._repr_html_()
    widget = stepper.widget()
    data, _ = widget._repr_mimebundle_()
    assert data == {"text/plain": "<widget of Stepper>", "text/html": html}
    document = unescape(re.search(r"srcdoc='([^']*)'", html)[1])
    assert document == page(stepper.trace(), 2, {"key": widget.key, "revision": 0})
    run = json.loads(re.search(r'id="run">(.*?)</script>', document)[1])
    assert (run["position"], run["live"]) == (2, {"key": widget.key, "revision": 0})
    assert ">Player of a backward pass of 3 steps: it is shown where this notebook is trusted" in html


def test_inside_other_widgets_the_page_is_sent(ask: Asked) -> None:
    assert ask("show")["html"] == ask.widget.page_in_frame()


def test_a_stepper_has_one_widget(stepper: Stepper) -> None:
    stepper._repr_html_()
    (shown,) = stepper.views
    assert stepper.widget() is shown
    shown.close()
    assert stepper.widget() is not shown


def test_showing_a_stepper_does_not_keep_it(x: ag.Tensor) -> None:
    stepper = loss(x).stepper()
    stepper._repr_html_()
    (widget,) = stepper.views
    gone = weakref.ref(stepper)
    gc.disable()
    try:
        del stepper
        assert gone() is None
    finally:
        gc.enable()
    assert widget.comm is None
    with pytest.raises(RuntimeError, match="stepper: it is gone; keep it in a variable"):
        widget.stepper  # noqa: B018
    kept = loss(x).stepper().widget()
    gc.collect()
    assert len(kept.stepper) == 3


def test_a_closed_stepper_ends_its_widget(stepper: Stepper) -> None:
    widget = stepper.widget()
    stepper.close()
    assert widget.comm is None
    assert stepper._repr_html_() is None


def test_without_anywidget(stepper: Stepper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook shows the player, and asking for the widget says what is missing."""
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "anywidget":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "autograd.stepping.widget")
    monkeypatch.delattr("autograd.stepping.widget")
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"stepper\.widget: wants anywidget.*pip install 'stepgrad\[notebooks\]'"):
        stepper.widget()
    html = stepper._repr_html_()
    assert unescape(re.search(r"srcdoc='([^']*)'", html)[1]) == page(stepper.trace())
    assert "connect(" not in html


def test_anywidget_is_imported_when_it_is_wanted() -> None:
    code = (
        "import sys, autograd, autograd.stepping; sys.exit('anywidget' in sys.modules or 'ipywidgets' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_widgets_are_told_apart(x: ag.Tensor) -> None:
    first, second = loss(x).stepper().widget(), loss(x).stepper().widget()
    assert isinstance(first, StepperWidget)
    assert first.key != second.key
