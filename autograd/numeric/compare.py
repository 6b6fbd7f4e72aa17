"""The ways to a derivative, side by side on one function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from html import escape
from importlib import import_module
from time import perf_counter
from typing import Any, get_args

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.numeric.captured import check_argument
from autograd.numeric.differences import Scheme, finite_difference
from autograd.numeric.report import count
from autograd.numeric.symbolic import DIGITS, symbolic_derivative
from autograd.tensor import Tensor
from autograd.transforms import jacobian

Function = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Way:
    """One way to the derivative of a function.

    Attributes: `name`; `value`, an array of shape (*output, *input), or None if the way does not go through, and
    `remark` says why; `bar`, the error bar that it gives itself, None if it gives none; `error`, the largest difference
    from the reference over all elements; `seconds`; `evaluations` of the function.

    >>> way = compare_derivatives(lambda x: x * x, 3.0)["central"]
    >>> bool(abs(way.value - 6) <= way.bar), way.error < 1e-6
    (True, True)
    >>> compare_derivatives(abs, 3.0)["complex-step"].value is None
    True
    """

    name: str
    value: Array | None
    bar: Array | None
    error: float | None
    seconds: float
    evaluations: int
    remark: str


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare_derivatives` found: a table, in text and in HTML; `comparison[name]` is one way.

    Attributes: `ways`; `reference`, what the errors are against; `index`, that of the largest element of the reference,
    whose values the table shows.

    >>> found = compare_derivatives(lambda x: (x * x).sum(), [1.0, 3.0])
    >>> found["reverse mode"].value, found.index
    (array([2., 6.]), (1,))
    >>> found["forward mode"].remark, found["reverse mode"].remark
    ('2 sweeps', '1 sweep')
    """

    ways: tuple[Way, ...]
    reference: str
    index: tuple[int, ...]

    def __getitem__(self, name: str) -> Way:
        for way in self.ways:
            if way.name == name:
                return way
        raise KeyError(f"{name!r} is none of {', '.join(way.name for way in self.ways)}")

    def _rows(self) -> list[list[str]]:
        place = f" at {list(self.index)}" if self.index else ""
        rows = [["way", f"value{place}", "error bar", "error", "time", "evaluations", "remarks"]]
        for way in self.ways:
            value = "" if way.value is None or not way.value.size else f"{way.value[self.index]:+.15e}"
            bar = "" if way.bar is None or not way.bar.size else f"{way.bar[self.index]:.0e}"
            error = "" if way.error is None else f"{way.error:.1e}"
            rows.append([way.name, value, bar, error, _duration(way.seconds), str(way.evaluations), way.remark])
        return rows

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], f"errors against {self.reference}"])

    def _repr_html_(self) -> str:
        header, *rows = ([escape(cell) for cell in row] for row in self._rows())
        head = "".join(f"<th>{cell}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        caption = f"<caption>errors against {escape(self.reference)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def compare_derivatives(f: Function, x: Any) -> Comparison:
    """Differentiate `f` at `x` in every way there is, in float64, and put them side by side in a table.

    The ways: finite differences in each scheme of `finite_difference`, forward mode, reverse mode, and symbolically, by
    SymPy, with how many operations the expression of f and that of the derivative have: its swell. For each, the table
    has its value (of the largest element of the derivative) and error bar, the largest error over all elements, the
    time it took, and how often it evaluated f (what the error bars ask for is included). The symbolic derivative, to 30
    digits, is what the errors are against; or else, where there is none, reverse mode in float64.

    `f` takes a tensor of `x`'s shape and returns a tensor. Where a way does not go through, its row says why: an
    operation that does not take complex numbers, or SymPy that is not installed. What `f` raises at `x` itself goes up.

    >>> print(compare_derivatives(lambda x: exp(x).sum(), [0.0, 1.0]))  # doctest: +ELLIPSIS
    way           value at [1]            error bar  error    time     evaluations
    ...
    reverse mode  +2.718281828459045e+00             ...  1            1 sweep
    symbolic      +2.718281828459045e+00             0.0e+00  ...  1            3 → 2 operations
    errors against the symbolic derivative, to 30 digits
    """
    point = to_array(x.array if isinstance(x, Tensor) else x, np.float64)
    y = f(Tensor(point))
    size = np.size(y.array if isinstance(y, Tensor) else y)
    attempts: dict[str, Callable[[Function], tuple[Any, Any, str]]] = {
        **{scheme: functools.partial(_by_differences, point=point, scheme=scheme) for scheme in get_args(Scheme)},
        "forward mode": lambda g: (jacobian(g, mode="forward")(point).array, None, count(point.size, "sweep")),
        "reverse mode": lambda g: (jacobian(g, mode="reverse")(point).array, None, count(size, "sweep")),
        "symbolic": functools.partial(_by_symbols, point=point),
    }
    with suppress(ImportError):
        import_module("sympy")  # which takes longer than what is to be timed
    ways = {name: _tried(name, attempt, f) for name, attempt in attempts.items()}
    best = "symbolic" if ways["symbolic"].value is not None else "reverse mode"
    reference = ways[best].value
    if reference is None:
        raise TypeError(f"compare_derivatives: {ways[best].remark}")
    if not reference.any():
        check_argument("compare_derivatives", f, x)
    index = (
        tuple(int(i) for i in np.unravel_index(np.argmax(abs(reference)), reference.shape)) if reference.size else ()
    )
    return Comparison(
        tuple(_judged(way, reference) for way in ways.values()),
        {"symbolic": f"the symbolic derivative, to {DIGITS} digits", "reverse mode": "reverse mode, in float64"}[best],
        index,
    )


def _tried(name: str, attempt: Callable[[Function], tuple[Any, Any, str]], f: Function) -> Way:
    evaluations = 0

    def counted(x: Tensor) -> Any:
        nonlocal evaluations
        evaluations += 1
        return f(x)

    start = perf_counter()
    value = bar = None
    try:
        value, bar, remark = attempt(counted)
    except (ImportError, TypeError, ValueError, ArithmeticError) as error:
        remark = str(error).partition(": ")[2] or str(error)
    return Way(name, value, bar, None, perf_counter() - start, evaluations, remark)


def _by_differences(f: Function, point: Array, scheme: Scheme) -> tuple[Any, Any, str]:
    return *finite_difference(f, point, scheme), ""


def _by_symbols(f: Function, point: Array) -> tuple[Any, Any, str]:
    found = symbolic_derivative(f, point)
    return found.value, None, f"{found.operations[0]} → {count(found.operations[1], 'operation')}"


def _judged(way: Way, reference: Array) -> Way:
    if way.value is None:
        return way
    return replace(way, error=float(np.max(abs(way.value - reference), initial=0.0)))


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.2f} ms"
