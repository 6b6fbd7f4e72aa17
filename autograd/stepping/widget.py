"""A widget around the player, with the kernel behind it: what is done in the page is done to the stepper.

A notebook keeps of it what `framed` makes: a player in a frame, which works without a kernel, too. The widget itself is
a line for messages between the kernel and such players, and is never among the outputs; so none is left there that
cannot be found when the notebook is opened again.
"""

from __future__ import annotations

import json
import secrets
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd.graph import Bundle
from autograd.stepping.breakpoints import (
    Breakpoint,
    at_line,
    at_module,
    at_name,
    at_op,
    at_shape,
    check_known,
    non_finite,
    norm_above,
    norm_below,
    reaches,
    zero_gradient,
)
from autograd.stepping.forward import ForwardStep
from autograd.stepping.live import Live
from autograd.stepping.player import bridge_script, framed, gradients_of, steps_of
from autograd.stepping.step import Step
from autograd.stepping.stepper import Stepper
from autograd.stepping.summary import Summary

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise ImportError(
        "stepper.widget: wants anywidget, which is not installed: pip install 'stepgrad[notebooks]'"
    ) from error

__all__ = ["StepperWidget", "widget_of"]

Message = dict[str, Any]


def _shape(text: str) -> Breakpoint[Any]:
    parts = text.strip(" ()[]").split(",")
    return at_shape(tuple(_number(int, part, "a shape such as 64, -1, 3") for part in parts if part.strip()))


def _line(text: str) -> Breakpoint[Any]:
    return at_line(int(text) if text.isdecimal() else text)


def _number(kind: Callable[[str], Any], text: str, wanted: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"breakpoint: wants {wanted}, not {text.strip()!r}") from None


# The breakpoints that the page offers: what has to be typed, and what makes one of that.
_KINDS: dict[str, tuple[str, Callable[[str], Breakpoint[Any]]]] = {
    "operation": ("relu", at_op),
    "name": ("h1", at_name),
    "module": ("features.3", at_module),
    "shape": ("64, -1, 3", _shape),
    "line": ("12, or model.py:12", _line),
    "not finite": ("", lambda _: non_finite()),
    "norm above": ("1000", lambda text: norm_above(_number(float, text, "a number"))),
    "norm below": ("1e-6", lambda text: norm_below(_number(float, text, "a number"))),
    "zero gradient": ("", lambda _: zero_gradient()),
    "parameter reached": ("fc.weight", reaches),
}
_NAMED = ("operation", "name", "module", "parameter reached")


class StepperWidget(anywidget.AnyWidget):
    """A stepper in a page: `stepper.widget()`.

    `breakpoints` are those of the page, with the ids of the nodes that they are at, or None.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> widget = (x * x).sum().stepper().widget()
    >>> widget, widget.stepper.step().op
    (<widget of Stepper>, 'sum')
    >>> widget.close()
    """

    _esm = bridge_script()
    key = traitlets.Unicode().tag(sync=True)  # by which players know the widget

    def __init__(self, stepper: Live[Any]) -> None:
        super().__init__(key=secrets.token_hex(8))
        self._stepper = weakref.ref(stepper)
        self._kept: Live[Any] | None = None
        self._answering = False
        self.breakpoints: list[tuple[Breakpoint[Any], int | None]] = []
        self.on_msg(self._hear)
        stepper.views.add(self)
        weakref.finalize(stepper, self.close).atexit = False

    @property
    def stepper(self) -> Live[Any]:
        """What is stepped through. Raises RuntimeError if nobody has kept it."""
        stepper = self._stepper()
        if stepper is None:
            raise RuntimeError("stepper: it is gone; keep it in a variable to go on with it")
        return stepper

    def keep(self) -> StepperWidget:
        """Keep the stepper alive until `close()`."""
        self._kept = self.stepper
        return self

    def close(self) -> None:
        """End the connection; players go on alone."""
        self._kept = None
        if (stepper := self._stepper()) is not None:
            stepper.views.discard(self)
        super().close()

    def follow(self) -> None:
        """Have the players go where the stepper is."""
        if not self._answering:
            self.send(self._state())

    def page_in_frame(self) -> str:
        """The player as HTML, which looks for this widget, and works without."""
        stepper = self.stepper
        return framed(stepper.trace(), stepper.position, {"key": self.key, "revision": stepper.revision})

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, str]]:
        return {"text/plain": repr(self), "text/html": self.page_in_frame()}, {}

    def __repr__(self) -> str:
        stepper = self._stepper()
        return f"<widget of {'a stepper that is gone' if stepper is None else type(stepper).__name__}>"

    # messages

    def _hear(self, _: Any, asked: Message, __: Any) -> None:
        """Do what a player asks for, and tell it, whatever happens, what has come of it."""
        self._answering = True
        try:
            answer = getattr(self, f"_do_{asked.get('do')}")(asked)
        except (Exception, KeyboardInterrupt) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        finally:
            self._answering = False
        self.send({**(self._state() if self._stepper() is not None else {}), **(answer or {}), "to": asked.get("to")})

    def _state(self) -> Message:
        stepper = self.stepper
        return {
            "position": stepper.position,
            "revision": stepper.revision,
            "changed": stepper.changed,
            "breakpoints": [{"said": stop.said, "node": node} for stop, node in self.breakpoints],
        }

    def _do_hello(self, _: Message) -> Message:
        return {"kinds": [{"kind": kind, "wants": wants} for kind, (wants, _) in _KINDS.items()]}

    def _do_show(self, _: Message) -> Message:
        return {"html": self.page_in_frame()}

    def _do_steps(self, _: Message) -> Message:
        now = self.stepper.trace()
        answer: Message = {"steps": steps_of(now), "gradients": gradients_of(now), "original": None}
        if self.stepper.changed:
            before = self.stepper.trace(original=True)
            answer |= {"original": steps_of(before), "originalGradients": gradients_of(before)}
        return answer

    def _do_seek(self, asked: Message) -> None:
        self.stepper.seek(asked["position"])

    def _do_stop(self, asked: Message) -> None:
        self.breakpoints.append(self._breakpoint(asked))

    def _do_clear(self, asked: Message) -> None:
        del self.breakpoints[asked["index"]]

    def _breakpoint(self, asked: Message) -> tuple[Breakpoint[Any], int | None]:
        if asked["kind"] == "node":
            node = self.stepper.graph.nodes[asked["node"]]
            return Breakpoint(lambda step: node.id in _touched(step), f"at {node.label}"), node.id
        wants, make = _KINDS[asked["kind"]]
        text = asked["text"].strip()
        if wants and not text:
            raise ValueError(f"breakpoint: say which {asked['kind']}, for example {wants}")
        if asked["kind"] in _NAMED:
            check_known("breakpoint", text, self.stepper.graph)
        return make(text), None

    def _do_run(self, _: Message) -> Message:
        if not self.breakpoints:
            raise ValueError("run: there is no breakpoint to run to")
        stops = [stop for stop, _ in self.breakpoints]
        step = self.stepper.run_until(lambda step: any(stop(step) for stop in stops))
        if step is None:
            return {"told": "No breakpoint was met: this is the end."}
        met = " and ".join(stop.said for stop in stops if stop(step))
        return {"told": f"Stopped after step {step.number}: {met}."}

    def _do_check(self, _: Message) -> Message:
        found = self._step().check()
        verdict = "wrong" if not found.ok else "right" if found.checked else "unknown"
        said = "finite differences agree with the rule" if verdict == "right" else found.reason
        return {"check": {"node": self._step().id, "verdict": verdict, "said": said}}

    def _do_inputs(self, _: Message) -> Message:
        return {"inputs": [_typed(name, value) for name, value in _replaceable(self._step())]}

    def _do_replace(self, asked: Message) -> None:
        name, value = asked["name"], _parsed(asked["text"])
        if name in ("cotangent", "value"):
            self.stepper.replace(value)
        else:
            assert isinstance(self.stepper, Stepper)
            self.stepper.replace(values={name: value})

    def _do_restore(self, _: Message) -> None:
        self.stepper.restore()

    def _step(self) -> Any:
        step = self.stepper.current
        if step is None:
            raise IndexError("no step has been taken yet")
        return step


def widget_of(stepper: Live[Any], keep: bool) -> StepperWidget:
    """The widget of a stepper: the one that it has, or a new one. With `keep` it keeps the stepper alive."""
    widget = next((view for view in stepper.views if isinstance(view, StepperWidget)), None) or StepperWidget(stepper)
    return widget.keep() if keep else widget


def _touched(step: Any) -> Iterator[int]:
    """The node of a step, and the leaves that it gives something."""
    yield step.id
    for contribution in step.contributions:
        if contribution.leaf:
            yield contribution.id


def _replaceable(step: Step | ForwardStep) -> Iterator[tuple[str, Any]]:
    """What a page can put other numbers in place of."""
    if isinstance(step, ForwardStep):
        yield "value", step.value
    else:
        yield "cotangent", step.cotangent
        for name, value in step.values.items():
            if isinstance(value, np.ndarray):
                yield name, value


def _typed(name: str, value: Any) -> Message:
    """An array as it would be typed; without numbers if there are too many."""
    if isinstance(value, (Bundle, tuple)):
        parts = [part if part is None else part.tolist() for part in value]
        return {"name": name, "shape": "of each output, or null", "text": json.dumps(parts)}
    values = Summary.of(value).values
    return {"name": name, "shape": str(value.shape), "text": "" if values is None else json.dumps(values)}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise ValueError(f"what if: wants a number, or lists such as [[1, 2], [3, 4]], not {text!r}") from None
