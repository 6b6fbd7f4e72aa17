"""Why a result, or a derivative, is not finite, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Node
from autograd.kernels.deferred import evaluated
from autograd.primitive import Primitive

Index = tuple[int, ...]


def cause_of_result(primitive: Primitive, inputs: Sequence[Any], y: Array, index: Index) -> str:
    """Why the result `y` of an operation is not finite at `index`, though no input is NaN there."""
    value = float(y[index].real)
    if primitive.kind == "elementwise" and not any(map(np.iscomplexobj, inputs)):
        given = [float(np.broadcast_to(x, y.shape)[index]) for x in inputs if x is not None]
        return _pointwise(primitive.name, given, value)
    arrays = [np.asarray(x) for x in inputs]
    if not all(x.size for x in arrays):
        return f"'{primitive.name}' of no elements"
    if any(np.isinf(x).any() for x in arrays if x.dtype.kind in "fc"):
        return f"an input is infinite, and '{primitive.name}' met ∞ - ∞, 0 · ∞ or ∞/∞"
    largest = max((float(abs(x).max()) for x in arrays if x.dtype.kind in "fc"), default=0.0)
    if math.isinf(value):
        return (
            f"overflow or a division by zero in '{primitive.name}', whose largest input is {largest:.3g} in magnitude"
        )
    return f"all inputs are finite: '{primitive.name}' met 0/0, ∞ - ∞ or a point outside its domain on the way"


def _quotient(a: float, b: float) -> str | None:
    if b == 0:
        return "0/0" if a == 0 else f"division by zero: {a:.6g}/0"
    return "∞/∞" if math.isinf(a) and math.isinf(b) else None


def _logarithm(x: float) -> str | None:
    return f"of a negative number ({x:.6g})" if x < 0 else "of 0" if x == 0 else None


def _power(x: float, p: float) -> str | None:
    if x < 0 and p != round(p):
        return f"a negative number ({x:.6g}) to the power {p:.6g}"
    return f"division by zero: 0 to the power {p:.6g}" if x == 0 and p < 0 else None


def _root(x: float) -> str | None:
    return f"of a negative number ({x:.6g})" if x < 0 else None


def _beyond_one(x: float) -> str | None:
    return f"of {x:.6g}, which is outside [-1, 1]" if abs(x) > 1 else f"of {x:.6g}" if abs(x) == 1 else None


def _difference(a: float, b: float) -> str | None:
    return "∞ - ∞" if math.isinf(a) and math.isinf(b) else None


def _product(a: float, b: float) -> str | None:
    return "0 · ∞" if 0 in (a, b) and (math.isinf(a) or math.isinf(b)) else None


# What to say of an operation at its inputs; where it begins with "of", the operation's name goes before it.
_POINTWISE: dict[str, Callable[..., str | None]] = {
    "add": _difference,
    "subtract": _difference,
    "multiply": _product,
    **dict.fromkeys(("divide", "floor_divide", "remainder", "fmod"), _quotient),
    **dict.fromkeys(("log", "log2", "log10"), _logarithm),
    "log1p": lambda x: f"of {x:.6g}, which is {'below -1' if x < -1 else '-1'}" if x <= -1 else None,
    "reciprocal": lambda x: _quotient(1, x),
    "sqrt": _root,
    "rsqrt": lambda x: "division by zero: 1/√0" if x == 0 else _root(x),
    "power": _power,
    **dict.fromkeys(("arcsin", "arccos", "arctanh", "erfinv"), _beyond_one),
    "arccosh": lambda x: f"of {x:.6g}, which is below 1" if x < 1 else None,
}


def _pointwise(name: str, given: list[float], value: float) -> str:
    said = _POINTWISE[name](*given) if name in _POINTWISE else None
    if said is not None:
        return f"{name} {said}" if said.startswith("of ") else said
    call = f"{name}({', '.join(f'{x:.6g}' for x in given)})"
    if not all(map(math.isfinite, given)):
        return f"{call}, of an infinite input"
    return f"overflow in {call}" if math.isinf(value) else f"{call} is undefined"


def cause_of_derivative(node: Node, position: int, cotangent: Any, index: Index, share: Array) -> str:
    """Why what a node gives its parent in `position` is not finite at `index`, though the cotangent is."""
    plan = node.plan
    assert plan is not None
    assert node.values is not None
    if getattr(plan.primitive, "kind", None) == "elementwise" and share.shape == cotangent.shape:
        g = float(cotangent[index])
        slopes = evaluated(plan.pulls[position](np.ones_like(cotangent), node.values))
        slope = float(np.broadcast_to(slopes, share.shape)[index])
        where = _at(node, share.shape, index)
        if not math.isfinite(slope):
            what = f"the local derivative {slope:.6g}{where}"
            return f"the cotangent was 0 and {what}" if g == 0 else f"{what} (and the cotangent {g:.6g})"
        return f"overflow: the cotangent was {g:.6g} and the local derivative {slope:.6g}{where}"
    kept = [evaluated(part) for v in node.values for part in (v if isinstance(v, (tuple, list)) else (v,))]
    if any(isinstance(v, np.ndarray) and v.dtype.kind == "f" and not np.isfinite(v).all() for v in kept):
        return f"the cotangent was finite, but not all of what '{node.op}' saved for its derivative is"
    if np.isinf(share[index]):
        return f"overflow or a division by zero in the rule of '{node.op}'; its cotangent and what it saved are finite"
    return f"0/0, 0 · ∞ or ∞ - ∞ in the rule of '{node.op}'; its cotangent and what it saved are finite"


def _at(node: Node, shape: tuple[int, ...], index: Index) -> str:
    """The values that an elementwise operation saved, at an index of its result: " at x = 0"."""
    assert node.plan is not None
    assert node.values is not None
    primitive = node.plan.primitive
    names = (*primitive.inputs, primitive.result)
    said = []
    for k, value in zip(node.plan.kept, node.values):
        if k < len(names) and value is not None:
            said.append(f"{names[k]} = {float(np.broadcast_to(evaluated(value), shape)[index]):.6g}")
    return f" at {', '.join(said)}" if said else ""
