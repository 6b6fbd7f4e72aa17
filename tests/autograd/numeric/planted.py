"""Functions with a planted fault each, beside the same without it: what a checker of derivatives should catch, and not.

One table, `PLANTED`, and a table of functions that are right but hard to judge, `CLEAN`. Every entry builds functions
of stepgrad's tensors; `kind` and `name` say what to build for another library. `inputs(seed)` draws the inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import autograd as ag
import nn
from autograd.primitive import elementwise, linear, multilinear, primitive

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Planted:
    """A fault, and what `gradcheck` says of it.

    Attributes: `kind`, the row of the table of checkers; `wrong`, the function with the fault, and `right`, without
    (None where the fault is in the point, not in the rule; `elsewhere(seed)` then draws inputs at which `wrong` is
    right); `verdict`, on the first input, and `hint`, some words of what is said of it; `options` of the check.
    """

    name: str
    kind: str
    wrong: Callable[..., Any]
    right: Callable[..., Any] | None
    inputs: Callable[[int], Arrays]
    verdict: str = "FAIL"
    hint: str = ""
    elsewhere: Callable[[int], Arrays] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def normal(*shapes: Sequence[int], dtype: Any = np.float64, scale: float = 1.0) -> Callable[[int], Arrays]:
    """Normally distributed inputs of these shapes."""

    def draw(seed: int) -> Arrays:
        rng = np.random.default_rng(seed)
        return [(scale * rng.normal(size=shape)).astype(dtype) for shape in shapes]

    return draw


def with_a_zero(*shape: int) -> Callable[[int], Arrays]:
    """Normally distributed, but for one element that is exactly 0."""

    def draw(seed: int) -> Arrays:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=shape)
        x.flat[rng.integers(x.size)] = 0
        return [x]

    return draw


# Rules that are wrong


@elementwise(lambda x: ag.sin(x))
def planted_wrong_sign(x: Any) -> Any:
    return np.cos(x)


@elementwise(lambda x: 2 * ag.cos(x))
def planted_doubled(x: Any) -> Any:
    return np.sin(x)


@elementwise(lambda x: 0.5 * ag.exp(x))
def planted_halved(x: Any) -> Any:
    return np.exp(x)


@elementwise(lambda x: 1 - 1.001 * ag.tanh(x) ** 2)
def planted_slightly_off(x: Any) -> Any:
    return np.tanh(x)


@elementwise(lambda x: 9 * ag.cos(x))
def planted_ninefold(x: Any) -> Any:
    return np.sin(x)


@primitive(vjps=[lambda g: g * 1, lambda g: g[0] * 1], jvps=[lambda g: g * 1, lambda g, x: g + 0 * x])
def planted_missing_sum(x: Any, bias: Any) -> Any:
    return x + bias


@primitive(
    vjps=[lambda g, x: ag.broadcast_to(ag.expand_dims(g, 0), x.shape)],
    jvps=[lambda g: ag.mean(g, axis=0)],
)
def planted_sum_for_mean(x: Any) -> Any:
    return np.mean(x, axis=0)


@multilinear(lambda g, x: ag.outer(x, g), lambda g, a: ag.matmul(g, a))
def planted_transposed(a: Any, x: Any) -> Any:
    return a @ x


@linear(lambda g: ag.reshape(g, g.shape[::-1]))
def planted_reshaped(x: Any) -> Any:
    return np.transpose(x).copy()


@linear(lambda g: ag.roll(g, 1, axis=-1))
def planted_shifted(x: Any) -> Any:
    return np.roll(x, 1, axis=-1)


@primitive(vjps=[lambda g, x: g * planted_slope_of_cube(x)], jvps=[lambda g, x: g * planted_slope_of_cube(x)])
def planted_second_order(x: Any) -> Any:
    return x**3


@elementwise(lambda x: 3 * x)
def planted_slope_of_cube(x: Any) -> Any:
    return 3 * x**2


@elementwise(lambda x: planted_slope_of_fourth(x))
def planted_third_order(x: Any) -> Any:
    return x**4


@elementwise(lambda x: planted_curvature_of_fourth(x))
def planted_slope_of_fourth(x: Any) -> Any:
    return 4 * x**3


@elementwise(lambda x: 12 * x)
def planted_curvature_of_fourth(x: Any) -> Any:
    return 12 * x**2


@primitive(vjps=[lambda g, x: g * ag.cos(x)], jvps=[lambda g, x: -g * ag.cos(x)])
def planted_wrong_jvp(x: Any) -> Any:
    return np.sin(x)


@elementwise(lambda x, at, factor: ag.where(np.arange(np.size(x)) == at, factor, 1.0) * ag.cos(x))
def planted_one_element(x: Any, at: Any = 0, factor: Any = 2.0) -> Any:
    return np.sin(x)


@elementwise(lambda x: np.random.default_rng().normal() * ag.cos(x))
def planted_random_rule(x: Any) -> Any:
    return np.sin(x)


@elementwise(lambda x: ag.cos(x))
def planted_slope_of_zero(x: Any) -> Any:
    return 0.0 * x


# Functions that are at fault themselves


def noisy(x: Any) -> Any:
    return ag.sin(x) * (1 + 1e-3 * np.random.default_rng().normal())


def writing(x: Any) -> Any:
    with ag.no_grad():
        x *= 2
    return ag.sin(x)


def stepping(x: Any) -> Any:
    return ag.where(x >= 0, x + 1, x)


def weighted(scale: float, f: Callable[..., Any]) -> Callable[..., Any]:
    """f of the second input scaled, beside a term of ordinary size in the first."""
    return lambda x, y: ag.sin(x).sum() + scale * f(y).sum()


def in_float32(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: f(x.float())


def at_777(factor: float) -> Callable[..., Any]:
    return lambda x: planted_one_element(x, 777, factor).sum()


def decades(x: Any) -> Any:
    """Elements of gradients from 1 down to 1e-8."""
    return x * 10.0 ** -np.linspace(0, 8, x.size)


PLANTED = [
    Planted("wrong sign", "wrong sign", planted_wrong_sign, ag.cos, normal((3, 4)), hint="opposite"),
    Planted("doubled", "doubled", planted_doubled, ag.sin, normal((3, 4)), hint="accumulated twice"),
    Planted("halved", "halved", planted_halved, ag.exp, normal((5,)), hint="half"),
    Planted("0.1 % off", "slightly off", planted_slightly_off, ag.tanh, normal((5,))),
    Planted(
        "missing broadcast sum",
        "missing broadcast sum",
        lambda bias: planted_missing_sum(np.linspace(-1, 1, 12).reshape(4, 3), bias),
        lambda bias: np.linspace(-1, 1, 12).reshape(4, 3) + bias,
        normal((3,)),
        hint="missing sum over a broadcast axis",
    ),
    Planted(
        "sum for a mean",
        "sum for a mean",
        planted_sum_for_mean,
        lambda x: ag.mean(x, axis=0),
        normal((5, 3)),
        hint="length of an axis (5)",
    ),
    Planted("transposed", "transposed", planted_transposed, ag.matmul, normal((3, 3), (3,)), hint="transposed"),
    Planted(
        "reshaped for transposed", "transposed", planted_reshaped, ag.transpose, normal((2, 3)), hint="reshaped where"
    ),
    Planted("shifted", "shifted", planted_shifted, lambda x: ag.roll(x, 1, axis=-1), normal((2, 5)), hint="shifted by"),
    Planted(
        "path missing",
        "path missing",
        lambda x: ag.sin(x) * x.detach(),
        lambda x: ag.sin(x) * x,
        normal((3, 4)),
    ),
    Planted("detached", "path missing", lambda x, y: y + x.detach(), ag.add, normal((4,), (4,)), hint="no path"),
    Planted(
        "wrong in second order only",
        "second order",
        planted_second_order,
        lambda x: x**3,
        normal((4,)),
        options={"order": 2},
    ),
    Planted(
        "wrong in third order only",
        "third order",
        planted_third_order,
        lambda x: x**4,
        normal((4,)),
        options={"order": 3},
    ),
    Planted(
        "wrong in forward mode only",
        "forward mode",
        planted_wrong_jvp,
        ag.sin,
        normal((4,)),
        options={"modes": ("reverse", "forward")},
    ),
    Planted(
        "slope of a constant", "path too many", planted_slope_of_zero, lambda x: 0 * x, normal((4,)), hint="not move"
    ),
    Planted("kink, relu", "kink at the input", ag.relu, None, with_a_zero(6), "KINK", "lies between", normal((6,))),
    Planted("kink, abs", "kink at the input", ag.abs, None, with_a_zero(6), "KINK", "lies between", normal((6,))),
    Planted(
        "kink among many",
        "kink at the input",
        ag.relu,
        None,
        with_a_zero(40, 50),
        "KINK",
        "lies between",
        normal((40, 50)),
    ),
    Planted("jump", "jump", stepping, None, with_a_zero(6), "JUMP", "jumps", normal((6,))),
    Planted("jump among many", "jump", stepping, None, with_a_zero(40, 50), "JUMP", "jumps", normal((40, 50))),
    Planted(
        "infinite slope",
        "not finite",
        lambda x: ag.sqrt(abs(x)),
        None,
        with_a_zero(6),
        "UNDEFINED",
        "not finite",
        normal((6,)),
    ),
    Planted(
        "untaken branch",
        "not finite",
        lambda x: ag.where(x > 0, ag.sqrt(x), 0.0 * x),
        None,
        with_a_zero(1),
        "UNDEFINED",
        "nan",
        lambda seed: [abs(normal((1,))(seed)[0])],
    ),
    Planted(
        "doubled, float32 input", "float32", planted_doubled, ag.sin, normal((3, 4), dtype=np.float32), hint="twice"
    ),
    Planted(
        "doubled, float32 inside",
        "float32 inside",
        in_float32(planted_doubled),
        in_float32(ag.sin),
        normal((3, 4)),
        hint="twice",
    ),
    Planted(
        "9e-7 for 1e-7",
        "tiny gradient",
        lambda x: 1e-7 * planted_ninefold(x),
        lambda x: 1e-7 * ag.sin(x),
        lambda seed: [normal((4,), scale=0.5)(seed)[0]],
    ),
    Planted(
        "9e-7 for 1e-7 beside 1",
        "tiny gradient",
        lambda y, x: weighted(1e-7, planted_ninefold)(x, y),
        lambda y, x: weighted(1e-7, ag.sin)(x, y),
        normal((4,), (4,), scale=0.5),
    ),
    Planted(
        "9e-7 for 1e-7 within one input",
        "tiny gradient",
        lambda x: weighted(1e-7, planted_ninefold)(x[:100], x[100:]),
        lambda x: weighted(1e-7, ag.sin)(x[:100], x[100:]),
        normal((200,), scale=0.5),
    ),
    Planted(
        "10,000 float32 elements, all wrong",
        "10,000 elements",
        lambda x: planted_doubled(x).sum(),
        lambda x: ag.sin(x).sum(),
        normal((100, 100), dtype=np.float32),
        hint="twice",
    ),
    Planted(
        "10,000 float32 elements, one wrong",
        "10,000 elements",
        at_777(2.0),
        at_777(1.0),
        normal((10_000,), dtype=np.float32),
        hint="twice",
    ),
    Planted(
        "10,000 elements, one zero", "10,000 elements", at_777(0.0), at_777(1.0), normal((10_000,)), hint="missing"
    ),
    Planted(
        "10,000 elements of all sizes, one doubled",
        "10,000 elements",
        lambda x: planted_one_element(decades(x), 9_000, 2.0).sum(),
        lambda x: ag.sin(decades(x)).sum(),
        normal((10_000,)),
        hint="twice",
    ),
    Planted("noise", "nondeterministic", noisy, ag.sin, normal((4,)), "NONDETERMINISTIC", "two evaluations"),
    Planted(
        "random rule",
        "nondeterministic",
        planted_random_rule,
        ag.sin,
        normal((4,)),
        "NONDETERMINISTIC",
        "backward passes",
    ),
    Planted(
        "writes", "mutates its input", writing, lambda x: ag.sin(2 * x), normal((4,)), "MUTATES_INPUT", "writes into"
    ),
]


@dataclass(frozen=True)
class Clean:
    """A function whose gradient is right, but that checkers have cried wolf at."""

    name: str
    f: Callable[[int], Callable[..., Any]]
    inputs: Callable[[int], Arrays]
    options: dict[str, Any] = field(default_factory=dict)


def same(f: Callable[..., Any]) -> Callable[[int], Callable[..., Any]]:
    return lambda seed: f


def normalised(seed: int) -> nn.Module:
    """A convolution whose bias has no effect, since the normalisation after it takes every mean away."""
    ag.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Tanh())


def dropping(seed: int) -> nn.Module:
    ag.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.ReLU(), nn.Linear(5, 2))


CLEAN = [
    Clean("convolution before batch norm", normalised, normal((3, 2, 6, 6))),
    Clean("dropout and batch norm", dropping, normal((7, 6))),
    Clean("softmax, which shifts do not change", same(lambda x: ag.softmax(x + x.sum())), normal((5,))),
    Clean("sum of a softmax", same(lambda x: ag.softmax(x).sum()), normal((5,))),
    Clean("unused input", same(lambda x, y: ag.sin(x)), normal((3,), (3,))),
    Clean("large sum", same(lambda x: 1e6 + ag.sin(x).sum()), normal((30,))),
    Clean("large sum, small terms", same(lambda x: 100 + 1e-4 * ag.sin(x).sum()), normal((30,))),
    Clean("large intermediate", same(lambda x: (ag.sin(x) + 1e6) - 1e6), normal((30,))),
    Clean("tiny outputs", same(lambda x: 1e-30 * ag.tanh(x)), normal((30,))),
    Clean("huge outputs", same(lambda x: 1e30 * ag.tanh(x)), normal((30,))),
    Clean("tiny inputs", same(lambda x: ag.sin(x * 1e12)), normal((30,), scale=1e-12)),
    Clean("huge inputs", same(lambda x: ag.sin(x / 1e12)), normal((30,), scale=1e12)),
    Clean("saturated", same(lambda x: ag.sigmoid(30 * x)), normal((30,))),
    Clean("all sizes", same(lambda x: ag.sin(decades(x)).sum()), normal((300,))),
    Clean("logarithm near its end", same(lambda x: ag.log(x * x)), normal((300,), scale=1e-3)),
    Clean("kinks all around", same(lambda x: ag.relu(ag.sin(1e3 * x))), normal((30,))),
    Clean("many kinks nearby", same(lambda x: ag.max(ag.relu(x - x[::-1]).reshape(50, 40), axis=0)), normal((2000,))),
    Clean("float32 inside", same(in_float32(lambda x: ag.exp(ag.sin(x)))), normal((30,))),
    Clean("float32, summed", same(in_float32(lambda x: ag.sin(x).sum())), normal((200,))),
    Clean("float32 input", same(lambda x: ag.sin(x) * x), normal((30,), dtype=np.float32)),
    Clean("10,000 float32 elements", same(lambda x: ag.tanh(x).sum()), normal((10_000,), dtype=np.float32)),
    Clean("no slope", same(lambda x: 0 * x), normal((5,))),
    Clean("inputs that start from zero", same(lambda x, y: ag.sin(x + y)), lambda seed: [np.zeros(30), np.ones(30)]),
    Clean("a few tiny inputs", same(lambda x: 3 + ag.sin(x).sum()), normal((5,), scale=1e-9)),
    Clean("steps", same(ag.floor), normal((30,))),
]
