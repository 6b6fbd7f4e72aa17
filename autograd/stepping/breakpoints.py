"""Conditions on a step, for `run_until`: where to stop.

A `Breakpoint` is a function of a step that says what it waits for. Those here work on live steps, and on the steps of a
loaded trace. They combine: `at_op("relu") & norm_below(1e-6) | non_finite()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

import numpy as np

from autograd.source import line_of
from autograd.stepping.graph_view import GraphView

__all__ = [
    "Breakpoint",
    "at_line",
    "at_module",
    "at_name",
    "at_op",
    "at_shape",
    "non_finite",
    "norm_above",
    "norm_below",
    "reaches",
    "zero_gradient",
]

S = TypeVar("S")
Condition = Callable[[Any], Any]


class Breakpoint(Generic[S]):
    """A condition on a step, with words for it. `&`, `|` and `~` make new ones.

    >>> from autograd.stepping import Breakpoint, at_op
    >>> small = Breakpoint(lambda step: step.summary.norm < 1, "a small cotangent")
    >>> small & ~at_op("sum")
    <breakpoint: (a small cotangent and not at operation 'sum')>
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> (0.1 * sin(x)).sum().stepper().run_until(small).op
    'sin'
    """

    def __init__(self, condition: Condition, said: str) -> None:
        self.condition = condition
        self.said = said

    def __call__(self, step: S) -> bool:
        """Whether the condition holds."""
        return bool(self.condition(step))

    def __and__(self, other: Breakpoint[S]) -> Breakpoint[S]:
        return Breakpoint(lambda step: self(step) and other(step), f"({self.said} and {other.said})")

    def __or__(self, other: Breakpoint[S]) -> Breakpoint[S]:
        return Breakpoint(lambda step: self(step) or other(step), f"({self.said} or {other.said})")

    def __invert__(self) -> Breakpoint[S]:
        return Breakpoint(lambda step: not self(step), f"not {self.said}")

    def __repr__(self) -> str:
        return f"<breakpoint: {self.said}>"


def breakpoint_of(condition: Breakpoint[Any] | Condition | str) -> Breakpoint[Any]:
    """A breakpoint for what `run_until` takes. Raises TypeError for something else."""
    if isinstance(condition, Breakpoint):
        return condition
    if isinstance(condition, str):
        return at_op(condition) | at_name(condition) | at_module(condition) | reaches(condition)
    if callable(condition):
        return Breakpoint(condition, getattr(condition, "__name__", repr(condition)))
    raise TypeError(f"run_until: wants a breakpoint, a function of a step or a name, got {condition!r}")


def check_known(op: str, name: str, graph: GraphView) -> None:
    """ValueError unless an operation, a tensor or a module of the graph is called so; it says what comes close."""
    called = {word for node in graph.nodes for word in (node.op, node.name, node.module) if word}
    if not any(_inside(word, name) for word in called):
        close = get_close_matches(name, called, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{op}: no operation, tensor or module of this run is called {name!r}{hint}")


def _called(word: str, name: str) -> bool:
    """Whether a word is what `name` says, in which * and ? stand for others, and brackets for themselves."""
    return fnmatchcase(word, name.replace("[", "[[]"))


def at_op(name: str) -> Breakpoint[Any]:
    """Stop at a node of this operation. `name` may have the wildcards * and ?, here as in the others that take one.

    >>> from autograd.stepping import at_op
    >>> at_op("*h")
    <breakpoint: at operation '*h'>
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> (cosh(x) * sinh(x)).sum().stepper().run_until(at_op("*h")).op  # backwards, it comes first
    'sinh'
    """
    return Breakpoint(lambda step: _called(step.op, name), f"at operation {name!r}")


def at_name(name: str) -> Breakpoint[Any]:
    """Stop at the node of a tensor of this name. Leaves have no step of their own: for them see `reaches`.

    >>> from autograd.stepping import at_name
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> h = named(sin(x), "h1")
    >>> step = (h * x).sum().stepper().run_until(at_name("h?"))
    >>> step.op, step.name
    ('sin', 'h1')
    """
    return Breakpoint(lambda step: step.name is not None and _called(step.name, name), f"at tensor {name!r}")


def at_module(path: str) -> Breakpoint[Any]:
    """Stop at a node that was made in the module of this path, such as "features.3", or in a part of it.

    >>> import nn
    >>> from autograd.stepping import at_module
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> step = model(ones((4, 2))).sum().stepper().run_until(at_module("1"))
    >>> step.op, step.module
    ('relu', '1')
    """
    return Breakpoint(lambda step: _inside(step.module, path), f"in module {path!r}")


def _inside(module: str, path: str) -> bool:
    return bool(module) and (_called(module, path) or _called(module, f"{path}.*"))


def at_shape(*shape: Any) -> Breakpoint[Any]:
    """Stop at a node whose result has this shape; -1 or None stands for any length. Takes a tuple or separate ints.

    >>> from autograd.stepping import at_shape
    >>> x = tensor(np.ones((2, 3)), requires_grad=True)
    >>> step = (x * x).sum(axis=1).sum().stepper().run_until(at_shape(-1, 3))
    >>> step.op, step.shape
    ('multiply', (2, 3))
    """
    wanted = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape

    def fits(step: Any) -> bool:
        found = step.shape
        if found is None or len(found) != len(wanted):
            return False
        return all(w in (None, -1) or n == w for n, w in zip(found, wanted))

    return Breakpoint(fits, f"at shape {wanted}")


def at_line(place: str | int) -> Breakpoint[Any]:
    """Stop at a node that was made at this place of the source: a line number, or a part of what `step.source` says,
    such as "model.py:12", "cell In[3]" or a piece of the line's text.

    >>> from autograd.stepping import at_line
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> h = sin(x)
    >>> loss = (h * x).sum()
    >>> loss.stepper().run_until(at_line("h = sin(x)")).op
    'sin'
    """
    if isinstance(place, str):
        return Breakpoint(lambda step: place in step.source, f"at source {place!r}")
    return Breakpoint(lambda step: line_of(step.source) == place, f"at line {place}")


def non_finite() -> Breakpoint[Any]:
    """Stop where something is first not finite: the cotangent that arrived, or what a parent is given.

    >>> from autograd.stepping import non_finite
    >>> x = tensor([0.0, 4.0], requires_grad=True)
    >>> step = (2.0 * sqrt(x)).sum().stepper().run_until(non_finite())
    >>> step.op, step.contributions[0].value
    ('sqrt', array([inf, 0.5], dtype=float32))
    """
    return Breakpoint(lambda step: any(s.non_finite for s in _summaries(step)), "something not finite")


def norm_above(limit: float) -> Breakpoint[Any]:
    """Stop where the norm of the cotangent that arrived, or of what a parent is given, is above `limit`.

    >>> from autograd.stepping import norm_above
    >>> x = tensor([3.0, 4.0], requires_grad=True)
    >>> step = (x * x).sum().stepper().run_until(norm_above(4))
    >>> step.op, step.contributions[0].summary.norm  # the root of 3² + 4²
    ('multiply', 5.0)
    """
    return Breakpoint(lambda step: any(n > limit for n in _norms(step)), f"norm above {limit:g}")


def norm_below(limit: float) -> Breakpoint[Any]:
    """Stop where the norm of the cotangent that arrived, or of what a parent is given, is below `limit`.

    >>> from autograd.stepping import norm_below
    >>> x = tensor([10.0, 20.0], requires_grad=True)
    >>> step = tanh(x).sum().stepper().run_until(norm_below(1e-6))  # it is saturated
    >>> step.op
    'tanh'
    """
    return Breakpoint(lambda step: any(n < limit for n in _norms(step)), f"norm below {limit:g}")


def zero_gradient(axis: int | None = None, share: float = 1.0) -> Breakpoint[Any]:
    """Stop where what a parent is given is exactly 0, in every element or in a `share` of them.

    With `axis`, stop where it is 0 throughout for some unit, that is, some place along this axis, such as a channel
    that is dead for the whole batch (axis 1 of (N, C, H, W)). That needs the elements: in a loaded trace it raises
    ValueError at a step of which the trace has only summaries.

    >>> from autograd.stepping import zero_gradient
    >>> x = tensor([[1.0, -1.0], [2.0, -2.0]], requires_grad=True)
    >>> loss = relu(x).sum()
    >>> loss.stepper().run_until(zero_gradient(axis=1)).op  # nothing goes back to the second column
    'relu'
    >>> loss.stepper().run_until(zero_gradient()) is None
    True
    """
    if axis is None:
        return Breakpoint(
            lambda step: any(c.summary.count and c.summary.zeros >= share for c in step.contributions),
            "a zero gradient" if share == 1 else f"a gradient of which {share:.0%} is zero",
        )

    def dead(step: Any) -> bool:
        for contribution in step.contributions:
            if not -len(contribution.summary.shape) <= axis < len(contribution.summary.shape):
                continue
            if not contribution.summary.zeros:
                continue
            array = contribution.array()
            if array is None:
                raise ValueError(
                    f"zero_gradient: of the contribution of shape {contribution.summary.shape} at step {step.number} "
                    "the trace has only a summary; make the trace with a higher limit"
                )
            others = tuple(k for k in range(array.ndim) if k != axis % array.ndim)
            if array.size and np.any(np.mean(array == 0, axis=others) >= share):
                return True
        return False

    return Breakpoint(dead, f"a unit along axis {axis} with zero gradient")


def reaches(name: str) -> Breakpoint[Any]:
    """Stop where the parameter, or other leaf, of this name is given a contribution.

    >>> import nn
    >>> from autograd.stepping import reaches
    >>> step = nn.Linear(2, 3)(ones((4, 2))).sum().stepper().run_until(reaches("bias"))
    >>> step.op, [contribution.name for contribution in step.contributions]
    ('add', [None, 'bias'])
    """
    return Breakpoint(
        lambda step: any(c.leaf and c.name is not None and _called(c.name, name) for c in step.contributions),
        f"reaching {name!r}",
    )


def _summaries(step: Any) -> Iterator[Any]:
    yield step.summary
    for contribution in step.contributions:
        yield contribution.summary


def _norms(step: Any) -> Iterator[float]:
    """The norms, of what is not finite too."""
    for summary in _summaries(step):
        if summary.non_finite:
            yield np.inf
        elif summary.norm is not None:
            yield summary.norm
