"""The functions of tests/autograd/numeric/planted.py for other libraries: written once, for a `library`.

A library has NumPy's names, `x` for its arrays the methods and operators that NumPy's have, and beside these

- `custom(forward, vjps, jvps)`: an operation with rules of its own, `vjp(g, *inputs)` and `jvp(t, *inputs)` per input;
- `like(array, x)`: a constant, in the dtype and kind of x; `float32(x)`; `detach(x)`; `flip(x)`;
- `relu`, `sigmoid`, `softmax`; `conv(x, w)`, `batch_norm(x, gamma, beta)`, `dropout(x)`, as its users would have them;
- `writing(x)`, sin(2x) by writing into x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Function = Callable[..., Any]
VERDICT = "wrong"


class Program(NamedTuple):
    """A function with a fault, and without it (the same one, where the fault is in the point and not in a rule)."""

    wrong: Function | None
    right: Function


# What functions that are right are given after their inputs: normally distributed, of these shapes.
PARAMETERS = {
    "convolution before batch norm": [(3, 2, 3, 3), (3,), (3,), (3,)],
    "dropout and batch norm": [(6, 5), (5,), (5,), (5,), (5, 2), (2,)],
}


def parameters(name: str, seed: int) -> list[np.ndarray]:
    """Those of a program, after its inputs."""
    rng = np.random.default_rng([seed, 1])
    return [rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])) for shape in PARAMETERS.get(name, ())]


def programs(library: Any) -> dict[str, Program]:
    """All of them, by the names they have in planted.py."""
    return {name: Program(*both) for name, both in planted(library).items()} | {
        name: Program(None, f) for name, f in clean(library).items()
    }


def planted(lib: Any) -> dict[str, tuple[Function, Function]]:
    """Functions with a fault, and without."""

    def elementwise(forward: Function, partial: Function) -> Function:
        def rule(g: Any, x: Any) -> Any:
            return g * partial(x)

        return lib.custom(forward, [rule], [rule])

    def one_element(at: int, factor: float) -> Function:
        factors = np.ones(10_000)
        factors[at] = factor
        return elementwise(lib.sin, lambda x: lib.like(factors, x) * lib.cos(x))

    def weighted(f: Function) -> Function:
        return lambda x, y: lib.sin(x).sum() + 1e-7 * f(y).sum()

    def summed(f: Function) -> Function:
        return lambda x: f(x).sum()

    def stepping(x: Any) -> Any:
        return lib.where(x >= 0, x + 1, x)

    def root(x: Any) -> Any:
        return lib.sqrt(abs(x))

    def branching(x: Any) -> Any:
        return lib.where(x > 0, lib.sqrt(x), 0.0 * x)

    def add_to_rows(bias: Any) -> Any:
        return lib.like(np.linspace(-1, 1, 12).reshape(4, 3), bias) + bias

    def mean(x: Any) -> Any:
        return lib.mean(x, 0)

    def rolled(x: Any) -> Any:
        return lib.roll(x, 1, -1)

    doubled = elementwise(lib.sin, lambda x: 2 * lib.cos(x))
    ninefold = elementwise(lib.sin, lambda x: 9 * lib.cos(x))
    slope_of_cube = elementwise(lambda x: 3 * x**2, lambda x: 3 * x)
    curvature_of_fourth = elementwise(lambda x: 12 * x**2, lambda x: 12 * x)
    slope_of_fourth = elementwise(lambda x: 4 * x**3, curvature_of_fourth)
    doubled_at, zero_at, right_at = one_element(777, 2.0), one_element(777, 0.0), lib.sin
    doubled_late = one_element(9_000, 2.0)
    return {
        "wrong sign": (elementwise(lib.cos, lib.sin), lib.cos),
        "doubled": (doubled, lib.sin),
        "halved": (elementwise(lib.exp, lambda x: 0.5 * lib.exp(x)), lib.exp),
        "0.1 % off": (elementwise(lib.tanh, lambda x: 1 - 1.001 * lib.tanh(x) ** 2), lib.tanh),
        "missing broadcast sum": (
            lib.custom(add_to_rows, [lambda g, bias: g[0]], [lambda t, bias: lib.broadcast_to(t, (4, 3))]),
            add_to_rows,
        ),
        "sum for a mean": (
            lib.custom(mean, [lambda g, x: lib.broadcast_to(g[None], x.shape)], [lambda t, x: mean(t)]),
            mean,
        ),
        "transposed": (
            lib.custom(
                lambda a, x: a @ x,
                [lambda g, a, x: lib.outer(x, g), lambda g, a, x: g @ a],
                [lambda t, a, x: t @ x, lambda t, a, x: a @ t],
            ),
            lambda a, x: a @ x,
        ),
        "reshaped for transposed": (
            lib.custom(lambda x: 1 * x.T, [lambda g, x: g.reshape(x.shape)], [lambda t, x: t.T]),
            lambda x: x.T,
        ),
        "shifted": (lib.custom(rolled, [lambda g, x: rolled(g)], [lambda t, x: rolled(t)]), rolled),
        "path missing": (lambda x: lib.sin(x) * lib.detach(x), lambda x: lib.sin(x) * x),
        "detached": (lambda x, y: y + lib.detach(x), lambda x, y: y + x),
        "wrong in second order only": (elementwise(lambda x: x**3, slope_of_cube), lambda x: x**3),
        "wrong in third order only": (elementwise(lambda x: x**4, slope_of_fourth), lambda x: x**4),
        "wrong in forward mode only": (
            lib.custom(lib.sin, [lambda g, x: g * lib.cos(x)], [lambda t, x: -t * lib.cos(x)]),
            lib.sin,
        ),
        "slope of a constant": (elementwise(lambda x: 0.0 * x, lib.cos), lambda x: 0.0 * x),
        "kink, relu": (lib.relu, lib.relu),
        "kink, abs": (abs, abs),
        "kink among many": (lib.relu, lib.relu),
        "jump": (stepping, stepping),
        "jump among many": (stepping, stepping),
        "infinite slope": (root, root),
        "untaken branch": (branching, branching),
        "doubled, float32 input": (doubled, lib.sin),
        "doubled, float32 inside": (lambda x: doubled(lib.float32(x)), lambda x: lib.sin(lib.float32(x))),
        "9e-7 for 1e-7": (lambda x: 1e-7 * ninefold(x), lambda x: 1e-7 * lib.sin(x)),
        "9e-7 for 1e-7 beside 1": (
            lambda y, x: weighted(ninefold)(x, y),
            lambda y, x: weighted(lib.sin)(x, y),
        ),
        "9e-7 for 1e-7 within one input": (
            lambda x: weighted(ninefold)(x[:100], x[100:]),
            lambda x: weighted(lib.sin)(x[:100], x[100:]),
        ),
        "10,000 float32 elements, all wrong": (summed(doubled), summed(lib.sin)),
        "10,000 float32 elements, one wrong": (summed(doubled_at), summed(right_at)),
        "10,000 elements, one zero": (summed(zero_at), summed(right_at)),
        "10,000 elements of all sizes, one doubled": (
            lambda x: doubled_late(decades(lib, x)).sum(),
            lambda x: lib.sin(decades(lib, x)).sum(),
        ),
        "noise": (lambda x: lib.sin(x) * (1 + 1e-3 * random()), lib.sin),
        "random rule": (elementwise(lib.sin, lambda x: random() * lib.cos(x)), lib.sin),
        "writes": (lib.writing, lambda x: lib.sin(2 * x)),
    }


def clean(lib: Any) -> dict[str, Function]:
    """Functions that are right, but hard to judge."""

    def normalised(x: Any, w: Any, bias: Any, gamma: Any, beta: Any) -> Any:
        return lib.tanh(lib.batch_norm(lib.conv(x, w) + bias.reshape(3, 1, 1), gamma, beta))

    def dropping(x: Any, w: Any, bias: Any, gamma: Any, beta: Any, v: Any, end: Any) -> Any:
        return lib.relu(lib.dropout(lib.batch_norm(x @ w + bias, gamma, beta))) @ v + end

    return {
        "convolution before batch norm": normalised,
        "dropout and batch norm": dropping,
        "softmax, which shifts do not change": lambda x: lib.softmax(x + x.sum()),
        "sum of a softmax": lambda x: lib.softmax(x).sum(),
        "unused input": lambda x, y: lib.sin(x),
        "large sum": lambda x: 1e6 + lib.sin(x).sum(),
        "large sum, small terms": lambda x: 100 + 1e-4 * lib.sin(x).sum(),
        "large intermediate": lambda x: (lib.sin(x) + 1e8) - 1e8,
        "tiny outputs": lambda x: 1e-30 * lib.tanh(x),
        "huge outputs": lambda x: 1e30 * lib.tanh(x),
        "tiny inputs": lambda x: lib.sin(x * 1e12),
        "huge inputs": lambda x: lib.sin(x / 1e12),
        "saturated": lambda x: lib.sigmoid(30 * x),
        "all sizes": lambda x: lib.sin(decades(lib, x)).sum(),
        "logarithm near its end": lambda x: lib.log(x * x),
        "kinks all around": lambda x: lib.relu(lib.sin(1e3 * x)),
        "many kinks nearby": lambda x: lib.greatest(lib.relu(x - lib.flip(x)).reshape(50, 40)),
        "float32 inside": lambda x: lib.exp(lib.sin(lib.float32(x))),
        "float32, summed": lambda x: lib.sin(lib.float32(x)).sum(),
        "float32 input": lambda x: lib.sin(x) * x,
        "10,000 float32 elements": lambda x: lib.tanh(x).sum(),
        "no slope": lambda x: 0 * x,
        "inputs that start from zero": lambda x, y: lib.sin(x + y),
        "a few tiny inputs": lambda x: 3 + lib.sin(x).sum(),
        "steps": lib.floor,
    }


def random() -> float:
    return float(np.random.default_rng().normal())


def decades(lib: Any, x: Any) -> Any:
    """Elements of gradients from 1 down to 1e-8."""
    return x * lib.like(10.0 ** -np.linspace(0, 8, x.shape[0]), x)


class Checker:
    """The programs in one library, and its checker.

    The module has a `library`, and `check(f, inputs, order, forward, seed, options)`, which raises; `VERDICT`, what
    it raises if derivatives differ; `VERSION`; `ABSENT`, the programs that it cannot have, and why; `REMARKS` on what
    came of others; and `OPTIONS`, sets of the checker's options that are worth a try.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self.programs = programs(module.library)

    def about(self) -> dict[str, Any]:
        module = self.module
        told = {"absent": module.ABSENT, "remarks": module.REMARKS, "options": module.OPTIONS}
        return {"version": module.VERSION, "names": list(self.programs), **told}

    def outcome(
        self, name: str, wrong: bool, inputs: str, order: int, forward: bool, seed: int, options: dict[str, Any]
    ) -> str:
        """Nothing if it passes, VERDICT if the checker says that it is wrong, else what else stopped it."""
        f = self.programs[name].wrong if wrong else self.programs[name].right
        with np.load(inputs) as saved:
            arrays = [*saved.values(), *parameters(name, seed)]
        try:
            self.module.check(f, arrays, order, forward, seed, options)
        except self.module.VERDICT:
            return VERDICT
        except Exception as error:
            return f"{type(error).__name__}: {(str(error).strip() or '–').splitlines()[0]}"
        return ""
