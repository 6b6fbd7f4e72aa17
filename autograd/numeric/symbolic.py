"""Symbolic derivatives by SymPy, from the graph that a function records."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.grad_mode import enable_grad
from autograd.graph import Node
from autograd.tensor import Tensor
from autograd.watching import Observer, Operation, watched

LARGEST = 5000  # operations of an expression, past which it is not worth differentiating
DIGITS = 30

# What NumPy's functions look for on the elements of an array of objects, as functions of SymPy and its argument.
_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "arccos": lambda sympy, x: sympy.acos(x),
    "arccosh": lambda sympy, x: sympy.acosh(x),
    "arcsin": lambda sympy, x: sympy.asin(x),
    "arcsinh": lambda sympy, x: sympy.asinh(x),
    "arctan": lambda sympy, x: sympy.atan(x),
    "arctanh": lambda sympy, x: sympy.atanh(x),
    "cos": lambda sympy, x: sympy.cos(x),
    "cosh": lambda sympy, x: sympy.cosh(x),
    "erf": lambda sympy, x: sympy.erf(x),
    "exp": lambda sympy, x: sympy.exp(x),
    "exp2": lambda sympy, x: sympy.Pow(2, x),
    "expm1": lambda sympy, x: sympy.exp(x) - 1,
    "log": lambda sympy, x: sympy.log(x),
    "log10": lambda sympy, x: sympy.log(x, 10),
    "log1p": lambda sympy, x: sympy.log(1 + x),
    "log2": lambda sympy, x: sympy.log(x, 2),
    "ndtr": lambda sympy, x: (1 + sympy.erf(x / sympy.sqrt(2))) / 2,
    "sin": lambda sympy, x: sympy.sin(x),
    "sinh": lambda sympy, x: sympy.sinh(x),
    "sqrt": lambda sympy, x: sympy.sqrt(x),
    "tan": lambda sympy, x: sympy.tan(x),
    "tanh": lambda sympy, x: sympy.tanh(x),
}
# Those that NumPy does not have.
_NUMBERS: dict[str, Callable[[float], float]] = {
    "erf": math.erf,
    "ndtr": lambda x: (1 + math.erf(x / math.sqrt(2))) / 2,
}


@dataclass(frozen=True)
class SymbolicDerivative:
    """A function and its derivative as expressions, and what they come to.

    Attributes: `value`, the derivative at the point, correct to the last digit of float64; `expression` and
    `derivative`, arrays of SymPy expressions in the symbols x0, x1, …; `operations`, how many operations the former and
    the latter have in all: the swell.

    >>> from autograd.numeric import symbolic_derivative
    >>> found = symbolic_derivative(lambda x: x * exp(x), 0.0)
    >>> found.expression.item(), found.derivative.item(), found.value, found.operations
    (x0*exp(x0), x0*exp(x0) + exp(x0), array(1.), (2, 4))
    """

    value: Array
    expression: Array
    derivative: Array
    operations: tuple[int, int]


def symbolic_derivative(f: Callable[[Tensor], Any], x: Any) -> SymbolicDerivative:
    """Differentiate `f` symbolically at `x`, in float64: shape (*output, *input), as a `Difference` has it.

    `f` runs once, on a tensor; the graph that it records is then computed again, node by node, on SymPy's symbols. What
    is decided by a comparison (`max`, `where`, `relu`, an `if`) is taken as it is at `x`: the expression is that of the
    branch taken there. It is meant for small functions: each output becomes one expression without any sharing, and
    derivatives of products grow faster still.

    Raises ImportError without SymPy, TypeError for an f that does not return a tensor and for an operation without a
    symbolic form (such as `inv`), OverflowError for an expression of more than 5000 operations.

    >>> from autograd.numeric import symbolic_derivative
    >>> found = symbolic_derivative(lambda x: x[0] * sin(x[1]), [2.0, 0.0])
    >>> found.derivative
    array([sin(x1), x0*cos(x1)], dtype=object)
    >>> found.value, found.operations
    (array([0., 2.]), (2, 3))
    """
    try:
        import sympy  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise ImportError("symbolic_derivative: wants SymPy; pip install 'stepgrad[notebooks]'") from None
    point = Tensor(to_array(x.array if isinstance(x, Tensor) else x, np.float64), requires_grad=True)
    symbols = [sympy.Symbol(f"x{i}", real=True) for i in range(point.size)]
    known = zip(symbols, point.array.flat, strict=True)
    translator = _Translator(point.node, _objects([Expression(sympy, *pair, size=0) for pair in known], point.shape))
    with enable_grad(), watched(translator):
        y = f(point)
    if not isinstance(y, Tensor):
        raise TypeError(f"symbolic_derivative: f has to return a Tensor, got {type(y).__name__}")
    outputs = np.asarray(translator.symbolic.get(y.node, y.array), object)
    trees = [entry.tree if isinstance(entry, Expression) else _exact(sympy, entry) for entry in outputs.flat]
    slopes = [tree.diff(symbol) for tree in trees for symbol in symbols]
    at = {symbol: sympy.Float(float(value), DIGITS) for symbol, value in zip(symbols, point.array.flat, strict=True)}
    shape = (*outputs.shape, *point.shape)
    return SymbolicDerivative(
        np.array([float(slope.evalf(DIGITS, subs=at)) for slope in slopes], np.float64).reshape(shape),
        _objects(trees, outputs.shape),
        _objects(slopes, shape),
        (sum(int(tree.count_ops()) for tree in trees), sum(int(slope.count_ops()) for slope in slopes)),
    )


class _Translator(Observer):
    """Computes what is recorded once more, on expressions in place of numbers: `symbolic`, by the node that has it."""

    def __init__(self, node: Node | None, symbols: Array) -> None:
        self.symbolic: dict[Node | None, Any] = {node: symbols}

    def computed(self, operation: Operation) -> None:
        node, primitive = operation.node, operation.primitive
        if node is None or node.plan is None:
            return
        if not operation.inputs:  # of a checkpoint, which stands for several operations
            raise TypeError(f"symbolic_derivative: '{primitive.name}' has no symbolic form")
        inputs = list(operation.inputs)
        for i, parent in zip(node.plan.active, node.parents, strict=True):
            inputs[i] = self.symbolic.get(parent, inputs[i])
        try:
            if primitive.known_as in _FORMS:
                y = _FORMS[primitive.name](*inputs, *operation.static)
            else:
                y = primitive.forward(*([inputs] if primitive.variadic else inputs), *operation.static)
        except (TypeError, ValueError, AttributeError) as error:
            raise TypeError(f"symbolic_derivative: '{primitive.name}' has no symbolic form here ({error})") from error
        self.symbolic[node] = y if isinstance(y, tuple) else np.asarray(y)


def _softmax(x: Any, axis: Any) -> Any:
    powers = np.exp(x)
    return powers / np.sum(powers, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.log(np.asarray(np.sum(np.exp(x), axis=axis, keepdims=keepdims)))


def _moments(x: Any, axis: Any) -> tuple[Any, Any]:
    mean = np.mean(x, axis=axis, keepdims=True)
    return mean, np.mean((x - mean) ** 2, axis=axis, keepdims=True)


def _standardize(x: Any, axis: Any, eps: float) -> Any:
    mean, variance = _moments(x, axis)
    return (x - mean) / np.sqrt(variance + eps), mean, variance


def _norm(x: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    return np.asarray(np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims)) ** (1 / ord)


# Operations whose forward function wants numbers.
_FORMS: dict[str, Callable[..., Any]] = {
    "cast": lambda x, dtype: x,
    "erf": np.frompyfunc(lambda x: x.erf(), 1, 1),
    "hypot": lambda x1, x2: np.sqrt(x1 * x1 + x2 * x2),
    "log_softmax": lambda x, axis: x - _logsumexp(x, axis, True),
    "logaddexp": lambda x1, x2: np.log(np.exp(x1 + 0 * x2) + np.exp(x2 + 0 * x1)),
    "logsumexp": _logsumexp,
    "moments": _moments,
    "ndtr": np.frompyfunc(lambda x: x.ndtr(), 1, 1),
    "norm": _norm,
    "softmax": _softmax,
    "standardize": _standardize,
}


class Expression:
    """A SymPy expression beside its number at the point, for NumPy to compute with as an element of an array.

    The number decides comparisons. `size` counts operations as they are made, so that a swelling one stops in time.
    """

    __slots__ = ("size", "sympy", "tree", "value")

    def __init__(self, sympy: Any, tree: Any, value: Any, size: int) -> None:
        if size > LARGEST:
            raise OverflowError(f"symbolic_derivative: the expression swells past {LARGEST} operations")
        self.sympy = sympy
        self.tree = tree
        self.value = float(value)
        self.size = size

    def __repr__(self) -> str:
        return f"<{self.tree} = {self.value:.6g}>"

    def __getattr__(self, name: str) -> Any:
        if name not in _FUNCTIONS:
            raise AttributeError(f"SymPy's expressions have no {name} here")
        value = (_NUMBERS.get(name) or getattr(np, name))(self.value)
        return lambda: self._made(_FUNCTIONS[name](self.sympy, self.tree), value)

    def _made(self, tree: Any, value: Any, other: Any = None) -> Expression:
        return Expression(self.sympy, tree, value, self.size + 1 + getattr(other, "size", 0))

    def _joined(self, other: Any, operation: Callable[[Any, Any], Any], swapped: bool = False) -> Any:
        """The result of a binary operation with a number or another expression."""
        if isinstance(other, Expression):
            tree, value = other.tree, other.value
        elif isinstance(other, (int, float, np.integer, np.floating)):
            tree, value = _exact(self.sympy, other), float(other)
        else:
            return NotImplemented
        with np.errstate(all="ignore"):
            if swapped:
                return self._made(operation(tree, self.tree), operation(np.float64(value), self.value), other)
            return self._made(operation(self.tree, tree), operation(np.float64(self.value), value), other)

    def __add__(self, other: Any) -> Any:
        return self._joined(other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._joined(other, operator.add, swapped=True)

    def __sub__(self, other: Any) -> Any:
        return self._joined(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._joined(other, operator.sub, swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self._joined(other, operator.mul)

    def __rmul__(self, other: Any) -> Any:
        return self._joined(other, operator.mul, swapped=True)

    def __truediv__(self, other: Any) -> Any:
        return self._joined(other, operator.truediv)

    def __rtruediv__(self, other: Any) -> Any:
        return self._joined(other, operator.truediv, swapped=True)

    def __pow__(self, other: Any) -> Any:
        return self._joined(other, operator.pow)

    def __rpow__(self, other: Any) -> Any:
        return self._joined(other, operator.pow, swapped=True)

    def __neg__(self) -> Expression:
        return self._made(-self.tree, -self.value)

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return -self if self.value < 0 else self

    def conjugate(self) -> Expression:
        return self

    def __bool__(self) -> bool:
        return bool(self.value)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self.value == _number(other)

    def __lt__(self, other: Any) -> bool:
        return self.value < _number(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= _number(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > _number(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= _number(other)


def _number(x: Any) -> Any:
    return x.value if isinstance(x, Expression) else x


def _exact(sympy: Any, number: Any) -> Any:
    """A number as SymPy's, without rounding."""
    number = float(number)
    return sympy.Rational(*number.as_integer_ratio()) if np.isfinite(number) else sympy.Float(number)


def _objects(values: list[Any], shape: tuple[int, ...]) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)
