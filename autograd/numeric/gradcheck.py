"""The gradients that backprop gives, beside finite differences."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad, no_grad
from autograd.numeric.differences import derivative, step_for
from autograd.random import get_rng_state, set_rng_state
from autograd.tensor import Tensor
from autograd.transforms import gradients

# Steps this short rarely reach across the kinks (of ReLU, max) that a longer one disagrees because of.
KINK_STEP = 2.0**-16

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True)
class Entry:
    """One element of one input: what backprop gave, and what differences gave with their error bar."""

    input: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    verdict: Verdict

    @property
    def relative(self) -> float:
        """The difference between the two, relative to the larger."""
        scale = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / scale if scale else 0.0


@dataclass(frozen=True, repr=False)
class GradcheckReport:
    """What `gradcheck` found. True if nothing failed and something passed; shown as a table."""

    entries: tuple[Entry, ...]

    @property
    def failures(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.verdict == "FAIL")

    def __bool__(self) -> bool:
        return not self.failures and any(entry.verdict == "PASS" for entry in self.entries)

    def __repr__(self) -> str:
        header = ("input", "index", "backprop", "finite difference", "± error", "relative", "verdict")
        rows = [
            (
                e.input,
                str(list(e.index)),
                f"{e.analytic:+.9e}",
                f"{e.numeric:+.9e}",
                f"{e.error:.0e}",
                f"{e.relative:.1e}",
                e.verdict,
            )
            for e in self.entries
        ]
        widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (header, *rows)]
        passed = sum(e.verdict == "PASS" for e in self.entries)
        lines.insert(1, "-" * len(lines[0]))
        return "\n".join([*lines, f"{passed} of {len(self.entries)} agree, {len(self.failures)} fail"])


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    wrt: Literal["parameters", "inputs", "both"] = "inputs",
    sample: int | None = None,
    rtol: float = 1e-6,
    seed: int = 0,
) -> GradcheckReport:
    """Compare the gradients of `f(*inputs)` by backprop with finite differences, element by element, in float64.

    `f` is a function of tensors, or a module (copied to float64 and left alone; `wrt` then says whether to vary its
    parameters, its inputs or both). Floating inputs are varied, others passed on as they are. Where the output is not
    one number, a fixed random combination of its elements is differentiated. `sample` limits the number of elements
    taken from each input (drawn with `seed`). An element passes if the two agree to `rtol` of the larger, fails if they
    do not and the error bar does not explain it, and is inconclusive if the bar is too wide to tell. At a kink itself,
    such as that of ReLU at 0, it fails. What `f` draws from the default generator, as dropout does, is the same in
    every call.

    Raises ValueError if nothing can be varied or an option makes no sense, TypeError if `f` does not return a tensor.

    >>> gradcheck(lambda x: (x * x).sum(), [np.array([1.0, 2.0])])  # doctest: +ELLIPSIS
    input    index  backprop          finite difference  ± error  relative  verdict
    ...
    2 of 2 agree, 0 fail
    """
    if sample is not None and sample < 1:
        raise ValueError(f"gradcheck: sample has to be at least 1, got {sample}")
    arguments = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    f, variables, arguments = _in_float64(f, arguments, wrt)
    if not variables:
        raise ValueError("gradcheck: nothing to vary: no input (or parameter) is floating")
    random_state = get_rng_state()

    def output() -> Any:
        set_rng_state(random_state)
        return f(*arguments)

    with enable_grad():
        y = output()
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: the function has to return a Tensor, got {type(y).__name__}")
        weights = np.ones(()) if y.size == 1 else np.random.default_rng(seed).normal(size=y.shape)
        leaves = list(variables.values())
        found: Sequence[Tensor | None] = [None] * len(leaves)
        if y.requires_grad:
            found = gradients(y, leaves, weights.reshape(y.shape), allow_unused=True)

    def value() -> float:
        result = output()
        return float(np.sum(weights.reshape(result.shape) * result.array))

    rng = np.random.default_rng(seed)
    entries = []
    with no_grad(), np.errstate(all="ignore"):
        for (name, variable), gradient in zip(variables.items(), found, strict=True):
            for index in _chosen(variable.shape, sample, rng):
                analytic = 0.0 if gradient is None else float(gradient.array[index])
                entries.append(_entry(name, variable, index, analytic, value, rtol))
    return GradcheckReport(tuple(entries))


def _in_float64(
    f: Callable[..., Any], arguments: Sequence[Any], wrt: str
) -> tuple[Callable[..., Any], dict[str, Tensor], list[Any]]:
    """The function, what to vary by name, and its arguments, all in float64 and apart from the caller's."""
    if wrt not in ("parameters", "inputs", "both"):
        raise ValueError(f"gradcheck: wrt has to be 'parameters', 'inputs' or 'both', got {wrt!r}")
    variables: dict[str, Tensor] = {}
    is_module = hasattr(f, "named_parameters")
    if wrt != "inputs" and not is_module:
        raise TypeError(f"gradcheck: wrt={wrt!r} wants a module, got {type(f).__name__}")
    if is_module:
        f = copy.deepcopy(f).to(np.float64)  # type: ignore[attr-defined]
        if wrt != "inputs":
            variables |= dict(f.named_parameters())  # type: ignore[attr-defined]
    moved = []
    for i, argument in enumerate(arguments):
        array = argument.array if isinstance(argument, Tensor) else np.asarray(argument)
        if array.dtype.kind != "f":
            moved.append(argument)
            continue
        name = getattr(argument, "name", None) or f"input {i}"
        if name in variables:
            name = f"{name}, input {i}"
        moved.append(Tensor(array, np.float64, requires_grad=wrt != "parameters", name=name))
        if wrt != "parameters":
            variables[name] = moved[-1]
    return f, variables, moved


def _chosen(shape: tuple[int, ...], sample: int | None, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    size = math.prod(shape)
    flat: Array = np.arange(size)
    if sample is not None and sample < size:
        flat = np.sort(rng.choice(size, sample, replace=False))
    for k in flat:
        yield tuple(int(i) for i in np.unravel_index(k, shape))


def _entry(
    name: str, variable: Tensor, index: tuple[int, ...], analytic: float, value: Callable[[], float], rtol: float
) -> Entry:
    centre = float(variable.array[index])

    def along(h: float) -> float:
        variable.write(centre + h, index)
        return value()

    try:
        slope = derivative(along, step_for(centre))
        if abs(analytic - slope.value) > rtol * max(abs(analytic), abs(slope.value)):
            slope = min(slope, derivative(along, KINK_STEP), key=lambda s: float(s.error))
    finally:
        variable.write(centre, index)
    numeric, error = float(slope.value), float(slope.error)
    gap, allowed = abs(analytic - numeric), rtol * max(abs(analytic), abs(numeric))
    verdict: Verdict = "PASS" if gap <= allowed else "FAIL" if not gap <= error + allowed else "INCONCLUSIVE"
    if verdict == "INCONCLUSIVE" and max(abs(analytic), error) <= 1e-12:
        verdict = "PASS"
    return Entry(name, index, analytic, numeric, error, verdict)
