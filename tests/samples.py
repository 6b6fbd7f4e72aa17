"""Sample calls of every primitive, on which `tests/autograd/test_contracts.py` checks what holds for all of them.

`SAMPLES` has a list for each name in `autograd.primitive.registry`; whoever declares a primitive adds one. A sample is
a call, of arrays or tensors, of the public function that reaches the primitive, and how to draw each of its inputs. A
few primitives are reached by rules alone (a linear operation's adjoint, say) or otherwise: `direct` calls them.

Inputs stay away from kinks and jumps by more than a difference's step, since there differences mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

import autograd as ag
from autograd.primitive import registry
from autograd.transforms import variable

Array = np.ndarray
Draw = Callable[[np.random.Generator], Array]
Family = Callable[..., Draw]  # a shape, given as separate ints, to a draw


@dataclass(frozen=True)
class Sample:
    """A call and the draws of its inputs.

    `exempt` names the contracts (the tests, without `test_`) that the call cannot fulfil by its nature, and says why.
    """

    call: Callable[..., Any]
    draws: tuple[Draw, ...]
    exempt: Mapping[str, str] = field(default_factory=dict)

    def inputs(self, rng: np.random.Generator) -> list[Array]:
        return [draw(rng) for draw in self.draws]


def sample(call: Callable[..., Any], *draws: Draw, **exempt: str) -> Sample:
    return Sample(call, draws, exempt)


def direct(name: str) -> Callable[..., Any]:
    return registry[name].function


# Families of draws


def normal(*shape: int) -> Draw:
    return lambda rng: rng.normal(size=shape)


def between(low: float, high: float) -> Family:
    return lambda *shape: lambda rng: rng.uniform(low, high, shape)


def apart(*shape: int, fraction: float = 0.3) -> Draw:
    """Different integers, each plus `fraction`, in random order."""
    size = int(np.prod(shape))
    return lambda rng: rng.permutation(np.arange(size) - size // 2 + fraction).reshape(shape)


def others(*shape: int) -> Draw:
    """Numbers that `apart` does not have."""
    return apart(*shape, fraction=0.6)


def digits(*shape: int) -> Draw:
    """Floats that are often equal, or zero."""
    return lambda rng: rng.integers(0, 3, shape).astype(float)


def integers(low: int, high: int) -> Family:
    return lambda *shape: lambda rng: rng.integers(low, high, shape)


def truths(*shape: int) -> Draw:
    return lambda rng: rng.random(shape) < 0.5


def matrices(*shape: int) -> Draw:
    """Matrices (..., M, N) far from singular, with singular values far apart."""
    return lambda rng: 0.3 * rng.normal(size=shape) + np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)


def given(*rows: Any) -> Draw:
    return lambda rng: np.array(rows, float)


positive = between(0.5, 2.0)
inside = between(-0.9, 0.9)
about_one, about_minus_one = between(0.96, 1.04), between(-1.04, -0.96)


# Families of samples

SHAPES = [(), (3,), (2, 1, 3), (2, 0, 3), (20, 16)]
PAIRS = [((), ()), ((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0, 3), (1, 3)), ((), (2, 2))]


def unary(call: Callable[..., Any], family: Family) -> list[Sample]:
    return [sample(call, family(*shape)) for shape in SHAPES]


def binary(call: Callable[..., Any], first: Family = normal, second: Family = normal) -> list[Sample]:
    return [sample(call, first(*s), second(*t)) for s, t in PAIRS]


def with_numbers(call: Callable[..., Any], family: Family = normal, number: float = 1.5) -> list[Sample]:
    """A binary operation between tensors, and with a Python number on either side."""
    return [
        *binary(call, family, family),
        sample(lambda x: call(x, number), family(2, 3)),
        sample(lambda x: call(number, x), family(2, 3)),
    ]


def reduction(call: Callable[..., Any], family: Family = normal) -> list[Sample]:
    """Over all axes, one, several, none, one of length 1; to nothing; short rows, and few columns of many rows."""
    return [
        sample(call, family()),
        sample(call, family(2, 3)),
        sample(partial(call, axis=1), family(2, 3)),
        sample(partial(call, axis=(0, -1), keepdims=True), family(2, 3, 2)),
        sample(partial(call, axis=()), family(2, 2)),
        sample(partial(call, axis=1), family(2, 1)),
        sample(partial(call, axis=1), family(0, 3)),
        sample(partial(call, axis=-1), family(512, 2)),
        sample(partial(call, axis=(0, 1)), family(64, 64, 4)),
    ]


def running(call: Callable[..., Any]) -> list[Sample]:
    return [
        sample(call, normal()),
        sample(call, normal(2, 3)),
        sample(partial(call, axis=-1), normal(2, 5)),
        sample(partial(call, axis=1), normal(2, 1)),
        sample(partial(call, axis=0), normal(0, 2)),
    ]


def along_axes(call: Callable[..., Any]) -> list[Sample]:
    return [
        sample(partial(call, axis=-1), normal(3)),
        sample(partial(call, axis=(0, 2)), normal(2, 3, 2)),
        sample(partial(call, axis=1), normal(2, 1)),
        sample(partial(call, axis=1), normal(0, 3)),
    ]


SMOOTH = {
    "arccos": inside,
    "arccosh": between(1.5, 3.0),
    "arcsin": inside,
    "arcsinh": normal,
    "arctan": normal,
    "arctanh": inside,
    "cos": normal,
    "cosh": normal,
    "erf": normal,
    "erfinv": inside,
    "exp": normal,
    "exp2": normal,
    "expm1": normal,
    "log": positive,
    "log10": positive,
    "log1p": positive,
    "log2": positive,
    "ndtr": normal,
    "negative": normal,
    "positive": normal,
    "reciprocal": positive,
    "rsqrt": positive,
    "sigmoid": normal,
    "sin": normal,
    "sinh": normal,
    "softplus": normal,
    "sqrt": positive,
    "square": normal,
    "tan": inside,
    "tanh": normal,
}
PIECEWISE = ["abs", "ceil", "floor", "relu", "round", "sign", "trunc"]
COMPARISONS = ["equal", "greater", "greater_equal", "isclose", "less", "less_equal", "not_equal"]
LOGIC = ["logical_and", "logical_or", "logical_xor"]
BITWISE = ["bitwise_and", "bitwise_or", "bitwise_xor"]
UNDETERMINED = "the added vectors are any that complete a basis, and depend on rounding"


def spectrum(x: Any) -> Any:
    """Functions of a symmetric matrix's eigenvalues and eigenvectors that do not depend on the vectors' signs."""
    w, v = ag.eigh((x + x.mT) / 2)
    return w, v * v


def factors(x: Any) -> Any:
    """Functions of a singular value decomposition that do not depend on the vectors' signs."""
    u, s, vh = ag.svd(x)
    return u * u, s, vh * vh, (u * ag.expand_dims(ag.sin(s), -2)) @ vh


def root(x: Any) -> Any:
    return ag.cholesky(x @ x.mT + np.eye(x.shape[-1], dtype=x.dtype))


def windowed(call: Callable[..., Any]) -> list[Sample]:
    """A reduction over windows: separate, overlapping, dilated, and of one axis."""
    slide = ag.sliding_windows
    return [
        sample(lambda x: call(slide(x, (2, 2), stride=2)), apart(2, 4, 5)),
        sample(lambda x: call(slide(x, (2, 3))), apart(4, 4)),
        sample(lambda x: call(slide(x, 2, dilation=2), count=1), apart(2, 5)),
        sample(call, apart(0, 2, 2)),
        sample(call, apart(1, 1)),
    ]


SAMPLES: dict[str, list[Sample]] = {
    # Elementwise
    **{name: unary(getattr(ag, name), family) for name, family in SMOOTH.items()},
    **{name: unary(getattr(ag, name), apart) for name in PIECEWISE},
    **{name: binary(getattr(ag, name), digits, digits) for name in (*COMPARISONS, *LOGIC)},
    **{name: binary(getattr(ag, name), integers(0, 8), integers(0, 8)) for name in BITWISE},
    **{name: unary(getattr(ag, name), digits) for name in ("isfinite", "isinf", "isnan", "logical_not")},
    "bitwise_not": unary(ag.bitwise_not, integers(0, 8)),
    "add": with_numbers(ag.add),
    "subtract": with_numbers(ag.subtract),
    "multiply": with_numbers(ag.multiply),
    "multiply_add": [
        sample(ag.multiply_add, normal(2, 3), normal(2, 3), normal(2, 3)),
        sample(ag.multiply_add, normal(2, 3, 4), normal(3, 1), normal(3, 1)),
        sample(ag.multiply_add, normal(3, 1), normal(0, 3, 4), normal()),
        sample(lambda x, b: ag.multiply_add(x, 1.5, b), normal(20, 16), normal(16)),
    ],
    "divide": with_numbers(ag.divide, positive),
    "floor_divide": [*binary(ag.floor_divide, others, about_one), *binary(ag.floor_divide, others, about_minus_one)],
    "remainder": [*binary(ag.remainder, others, about_one), *binary(ag.remainder, others, about_minus_one)],
    "fmod": [*binary(ag.fmod, others, about_one), *binary(ag.fmod, others, about_minus_one)],
    "power": [
        *with_numbers(ag.power, positive),
        *(sample(partial(lambda p, x: ag.power(x, p), p), positive(2, 3)) for p in (-1, 0, 0.5, 1, 2, 3)),
    ],
    "arctan2": with_numbers(ag.arctan2, apart),
    "hypot": with_numbers(ag.hypot, apart),
    "logaddexp": with_numbers(ag.logaddexp),
    "maximum": [*binary(ag.maximum, apart, others), sample(lambda x: ag.maximum(x, 0), apart(2, 3))],
    "minimum": [*binary(ag.minimum, apart, others), sample(lambda x: ag.minimum(0, x), apart(2, 3))],
    "where": [
        sample(ag.where, truths(2, 3), normal(2, 3), normal(2, 3)),
        sample(ag.where, truths(3), normal(2, 1), normal()),
        sample(ag.where, truths(0, 1), normal(3), normal(0, 3)),
        sample(ag.where, truths(20, 16), normal(20, 16), normal(20, 16)),
        sample(lambda c, x: ag.where(c, x, 1.0), truths(2), normal(2, 2)),
    ],
    "clip": [
        sample(lambda x: ag.clip(x, -1, 1), apart(20, 16)),
        sample(ag.clip, apart(2, 3), between(-0.5, -0.4)(2, 3), between(0.9, 1.0)(3)),
        sample(ag.clip, apart(2, 0), between(-0.5, -0.4)(), between(0.9, 1.0)(2, 1)),
        sample(lambda x, low: ag.clip(x, low, None), apart(2, 3), others(3)),
        sample(lambda x, high: ag.clip(x, None, high), apart(3), others(2, 1)),
    ],
    "clip_exclusive": [
        sample(lambda x: ag.clip(x, -1, 1, inclusive=False), apart(20, 16)),
        sample(
            lambda x, low, high: ag.clip(x, low, high, inclusive=False),
            *(apart(2, 3), between(-0.5, -0.4)(2, 3), between(0.9, 1.0)(3)),
        ),
        sample(lambda x, low: ag.clip(x, low, None, inclusive=False), apart(2, 3), others(3)),
        sample(lambda x, high: ag.clip(x, None, high, inclusive=False), apart(3), others(2, 1)),
    ],
    "cast": [
        *unary(lambda x: ag.astype(x, x.dtype), normal),
        sample(lambda x: ag.astype(x, np.longdouble), normal(2, 3), keeps_float32="its result has the dtype asked for"),
    ],
    "discretize": unary(lambda x: ag.astype(x, int), apart),
    "clone": unary(ag.clone, normal),
    "variable": unary(variable, normal),
    # Shaping
    "reshape": [
        sample(lambda x: ag.reshape(x, (3, 2)), normal(2, 3)),
        sample(lambda x: ag.reshape(x, ()), normal(1, 1)),
        sample(ag.ravel, normal(2, 0)),
        sample(partial(ag.expand_dims, axis=(0, -1)), normal(3)),
        sample(ag.squeeze, normal(1, 3, 1)),
    ],
    "transpose": [
        sample(ag.transpose, normal()),
        sample(partial(ag.transpose, axes=(1, 2, 0)), normal(2, 1, 3)),
        sample(partial(ag.moveaxis, source=0, destination=-1), normal(2, 0, 3)),
    ],
    "broadcast_to": [
        sample(partial(ag.broadcast_to, shape=(2, 3)), normal()),
        sample(partial(ag.broadcast_to, shape=(2, 2, 3)), normal(2, 1)),
        sample(partial(ag.broadcast_to, shape=(0, 3)), normal(1, 3)),
        sample(
            ag.broadcast_arrays,
            normal(2, 1),
            normal(3),
            each_input_alone="an array beside a tensor becomes a view of that array, as in NumPy",
        ),
    ],
    "flip": [
        sample(ag.flip, normal()),
        sample(partial(ag.flip, axis=-1), normal(2, 3)),
        sample(partial(ag.flip, axis=(0, 2)), normal(2, 0, 3)),
    ],
    "roll": [
        sample(partial(ag.roll, shift=2), normal(2, 3)),
        sample(partial(ag.roll, shift=(1, -4), axis=(0, 1)), normal(2, 3)),
        sample(partial(ag.roll, shift=1, axis=0), normal(0, 2)),
    ],
    # Padding
    "pad": [
        sample(partial(ag.pad, pad_width=0), normal()),
        sample(partial(ag.pad, pad_width=((1, 2), (0, 1)), constant_values=7), normal(2, 3)),
        sample(partial(ag.pad, pad_width=((-1, 2), (1, -2))), normal(2, 3)),
        sample(partial(ag.pad, pad_width=(-1, -1)), normal(4)),
        sample(partial(ag.pad, pad_width=1, constant_values=((1, 2), (3, 4))), normal(0, 1)),
    ],
    "extend": [
        sample(partial(ag.pad, pad_width=((1, 2), (3, 0)), mode="wrap"), normal(2, 3)),
        sample(partial(ag.pad, pad_width=2, mode="reflect"), normal(3)),
        sample(partial(ag.pad, pad_width=3, mode="symmetric"), normal(1, 2)),
        sample(partial(ag.pad, pad_width=((0, 0), (1, 1)), mode="edge"), normal(0, 2)),
    ],
    "fold_back": [
        sample(lambda x: direct("fold_back")(x, ((1, 2), (3, 0)), "wrap"), normal(5, 6)),
        sample(lambda x: direct("fold_back")(x, ((2, 2),), "reflect"), normal(7)),
        sample(lambda x: direct("fold_back")(x, ((0, 0), (1, 1)), "edge"), normal(0, 4)),
    ],
    # Repetition
    "repeat": [
        sample(partial(ag.repeat, repeats=2), normal()),
        sample(partial(ag.repeat, repeats=[2, 0, 3], axis=1), normal(2, 3)),
        sample(partial(ag.repeat, repeats=3, axis=0), normal(1, 2)),
        sample(partial(ag.repeat, repeats=2, axis=0), normal(0, 2)),
    ],
    "add_repeats": [
        sample(lambda x: direct("add_repeats")(x, np.array([2, 2, 2]), 1), normal(2, 6)),
        sample(lambda x: direct("add_repeats")(x, np.array([1, 0, 3]), 0), normal(4, 2)),
        sample(lambda x: direct("add_repeats")(x, np.array([0, 0]), 0), normal(0, 2)),
        sample(lambda x: direct("add_repeats")(x, np.array([1, 1]), 0), normal(2)),
    ],
    # Diagonals
    "diagonal": [
        sample(ag.diagonal, normal(3, 3)),
        sample(partial(ag.diagonal, offset=1, axis1=2, axis2=0), normal(2, 2, 3)),
        sample(partial(ag.diagonal, offset=-1), normal(1, 3)),
        sample(ag.trace, normal(2, 0)),
    ],
    "embed_diagonal": [
        sample(ag.diag, normal(3)),
        sample(partial(ag.diag, k=-2), normal(1)),
        sample(partial(ag.diag, k=1), normal(0)),
    ],
    "tril": [
        sample(ag.tril, normal(3, 3)),
        sample(partial(ag.tril, k=-1), normal(2, 1, 3)),
        sample(partial(ag.tril, k=1), normal(0, 3)),
    ],
    "triu": [
        sample(ag.triu, normal(3, 3)),
        sample(partial(ag.triu, k=-1), normal(2, 1, 3)),
        sample(partial(ag.triu, k=1), normal(0, 3)),
    ],
    # Indexing
    "getitem": [
        sample(lambda x: x[...], normal()),
        sample(lambda x: x[1, ::-2], normal(2, 5)),
        sample(lambda x: x[:, None, 1:1], normal(2, 3)),
        sample(lambda x: x[[0, 2, 0, -1]], normal(3, 2)),
        sample(lambda x: x[np.array([[True, False], [True, True]])], normal(2, 2)),
        sample(lambda x: x[[[0], [1]], :, [1, 1]], normal(2, 3, 2)),
        sample(partial(ag.take, indices=[1, 1, -1], axis=1), normal(2, 2)),
        sample(partial(ag.take_along_axis, indices=np.array([[1, 1], [0, 2]]), axis=1), normal(2, 3)),
    ],
    "scatter": [
        sample(lambda x, values: ag.index_add(x, [0, 2, 0], values), normal(3, 2), normal(2)),
        sample(lambda x, values: ag.index_add(x, [1, 1], values, axis=1), normal(2, 3), normal(2, 2)),
        sample(lambda x: direct("scatter")(x, (3, 5), (slice(None), slice(None, None, -2))), normal(3, 3)),
        sample(lambda x: direct("scatter")(x, (2, 0), (slice(1),)), normal(1, 0)),
        sample(lambda x: direct("scatter")(x, (), (None,)), normal(1)),
    ],
    "setitem": [
        sample(lambda x, v: direct("setitem")(x, v, (slice(None), slice(None, None, -2))), normal(2, 3), normal(2)),
        sample(lambda x, v: direct("setitem")(x, v, (Ellipsis,)), normal(2, 3), normal(2, 3)),
        sample(lambda x, v: direct("setitem")(x, v, (Ellipsis,)), normal(), normal(1)),
        sample(lambda x, v: direct("setitem")(x, v, (np.array([0, 1, 0]),)), normal(2, 2), normal(3, 1)),
        sample(lambda x, v: ag.put_along_axis(x, np.array([[2], [0]]), v, 1), normal(2, 3), normal(2, 1)),
        sample(lambda x, v: direct("setitem")(x, v, (slice(0),)), normal(2), normal(0)),
    ],
    "nonzero": [sample(ag.nonzero, digits(2, 3)), sample(ag.nonzero, digits(0, 3))],
    "argwhere": [sample(ag.argwhere, digits(2, 3)), sample(ag.argwhere, digits())],
    # Joining
    "concatenate": [
        sample(lambda *xs: ag.concatenate(xs, axis=1), normal(2, 3), normal(2, 0), normal(2, 3)),
        sample(lambda *xs: ag.concatenate(xs, axis=None), normal(2, 1), normal()),
    ],
    "narrow": [
        sample(lambda x: direct("narrow")(x, 1, 1, 3), normal(2, 4)),
        sample(lambda x: direct("narrow")(x, 0, 1, 1), normal(2, 1)),
    ],
    "stack": [
        sample(lambda *xs: ag.stack(xs, axis=-1), normal(2, 3), normal(2, 3)),
        sample(lambda *xs: ag.stack(xs), normal(), normal(), normal()),
        sample(lambda *xs: ag.stack(xs, axis=1), normal(0, 1), normal(0, 1)),
    ],
    "select": [
        sample(lambda x: direct("select")(x, 1, 2), normal(2, 3)),
        sample(lambda x: direct("select")(x, 0, 0), normal(1)),
    ],
    "split": [
        sample(lambda x: ag.split(x, 2), normal(4)),
        sample(lambda x: ag.split(x, [1, 1], axis=1), normal(2, 3)),
        sample(lambda x: ag.chunk(x, 2, axis=-1), normal(0, 3)),
    ],
    "unstack": [
        sample(ag.unstack, normal(3)),
        sample(partial(ag.unstack, axis=-1), normal(2, 2)),
        sample(partial(ag.unstack, axis=1), normal(0, 1)),
    ],
    "output": [sample(ag.unstack, normal(2, 2)), sample(lambda x: ag.split(x, [1])[1], normal(3))],
    # Reductions
    "sum": [*reduction(ag.sum), sample(partial(ag.sum, axis=0), normal(0, 2))],
    "mean": reduction(ag.mean),
    "prod": [
        *reduction(ag.prod, between(0.99, 1.01))[:-1],
        sample(partial(ag.prod, axis=0), normal(0, 2)),
        sample(partial(ag.prod, axis=1), given([0, 2, 3], [0, 0, 3], [1, 2, 3])),
        sample(partial(ag.prod, axis=0), normal(9, 2)),
    ],
    "max": [*reduction(ag.max, apart), sample(partial(ag.max, ties="first"), apart(2, 3))],
    "min": [*reduction(ag.min, apart), sample(partial(ag.min, ties="first"), apart(2, 3))],
    "var": [*reduction(ag.var), sample(partial(ag.var, correction=1), normal(3))],
    "std": [*reduction(ag.std, apart)[1:4], *reduction(ag.std, apart)[6:], sample(partial(ag.std, ddof=1), normal(3))],
    "logsumexp": reduction(ag.logsumexp),
    "norm": [
        *reduction(ag.norm, apart),
        *(sample(partial(ag.norm, ord=p, axis=1), apart(2, 3)) for p in (1.5, 3, -1)),
    ],
    "softmax": along_axes(ag.softmax),
    "log_softmax": along_axes(ag.log_softmax),
    "moments": along_axes(ag.moments),
    "standardize": along_axes(ag.standardize),
    "cumsum": running(ag.cumsum),
    "cumprod": [*running(ag.cumprod), sample(ag.cumprod, given(2, 0, 3, 0, 1))],
    "nonzeros": [sample(partial(ag.norm, ord=0, axis=1), digits(2, 3)), sample(partial(ag.norm, ord=0), digits(0))],
    "extremal": [
        sample(lambda x: direct("extremal")(x, ag.max(x, axis=1), (1,), False), digits(2, 3)),
        sample(lambda x: direct("extremal")(x, ag.min(x), (0, 1), True), digits(2, 3)),
    ],
    **{name: reduction(getattr(ag, name), digits) for name in ("all", "any", "count_nonzero")},
    **{
        name: [
            sample(getattr(ag, name), digits()),
            sample(getattr(ag, name), digits(2, 3)),
            sample(partial(getattr(ag, name), axis=1, keepdims=True), digits(2, 3)),
            sample(partial(getattr(ag, name), axis=1), digits(0, 3)),
        ]
        for name in ("argmax", "argmin")
    },
    # Sorting
    "argsort": [
        sample(ag.argsort, apart()),
        sample(partial(ag.argsort, axis=0, descending=True), apart(3, 2)),
        sample(partial(ag.argsort, axis=None, stable=True), digits(2, 3)),
        sample(ag.argsort, apart(2, 0)),
    ],
    "best": [
        sample(lambda x: ag.topk(x, 2)[1], apart(2, 5)),
        sample(lambda x: ag.topk(x, 1, axis=0, largest=False)[1], apart(3, 2)),
        sample(lambda x: ag.topk(x, 0)[1], apart(2, 3)),
    ],
    # Products
    "matmul": [
        sample(ag.matmul, normal(2, 3), normal(3, 4)),
        sample(ag.matmul, normal(3, 3), normal(3, 3)),
        sample(ag.matmul, normal(3), normal(3)),
        sample(ag.matmul, normal(3), normal(2, 3, 1)),
        sample(ag.matmul, normal(2, 2, 3), normal(3, 2)),
        sample(ag.matmul, normal(2, 1, 2, 3), normal(3, 3, 1)),
        sample(ag.matmul, normal(2, 0), normal(0, 3)),
        sample(ag.matmul, normal(0, 2), normal(2, 3)),
    ],
    "einsum": [
        sample(lambda *xs: ag.einsum("ij,jk->ik", *xs), normal(2, 3), normal(3, 4)),
        sample(lambda *xs: ag.einsum("...i,i...->...", *xs), normal(2, 3), normal(3, 2)),
        sample(lambda *xs: ag.einsum("bi,bi->b", *xs), normal(2, 3), normal(2, 3)),
        sample(lambda *xs: ag.einsum("ij,jk,ki->", *xs), normal(2, 3), normal(3, 2), normal(2, 2)),
        sample(lambda x: ag.einsum("iij->ji", x), normal(2, 2, 3)),
        sample(lambda x: ag.einsum("ijk->j", x), normal(2, 3, 1)),
        sample(lambda x, y: ag.einsum("ij,ij->j", x, y), normal(2, 1), normal(1, 3)),
        sample(lambda x, y: ag.einsum("ij,jk->ik", x, y), normal(2, 0), normal(0, 3)),
        sample(lambda x, y: ag.tensordot(x, y, 0), normal(), normal(2)),
    ],
    # Linear algebra
    "det": [sample(ag.det, matrices(3, 3)), sample(ag.det, matrices(2, 2, 2)), sample(ag.det, normal(0, 2, 2))],
    "cofactor": [sample(direct("cofactor"), matrices(3, 3)), sample(direct("cofactor"), matrices(2, 2, 2))],
    "slogdet": [sample(ag.slogdet, matrices(3, 3)), sample(ag.slogdet, matrices(2, 1, 1))],
    "inv": [sample(ag.inv, matrices(3, 3)), sample(ag.inv, matrices(2, 1, 1)), sample(ag.inv, matrices(0, 2, 2))],
    "solve": [
        sample(ag.solve, matrices(3, 3), normal(3)),
        sample(ag.solve, matrices(2, 2), matrices(2, 2)),
        sample(ag.solve, matrices(2, 1, 2, 2), normal(3, 2, 1)),
        sample(ag.solve, matrices(2, 2), normal(2, 0)),
    ],
    "cholesky": [sample(root, matrices(3, 3)), sample(root, matrices(2, 2, 2)), sample(root, matrices(1, 1))],
    "qr": [
        sample(ag.qr, matrices(3, 2)),
        sample(ag.qr, matrices(2, 2, 2)),
        sample(ag.qr, matrices(2, 3)),
        sample(partial(ag.qr, mode="r"), matrices(3, 3)),
    ],
    "svd": [sample(factors, matrices(3, 3)), sample(factors, matrices(2, 3, 2)), sample(factors, matrices(2, 3))],
    "eigh": [sample(spectrum, matrices(3, 3)), sample(spectrum, matrices(2, 2, 2)), sample(spectrum, matrices(1, 1))],
    "pinv": [sample(ag.pinv, matrices(3, 2)), sample(ag.pinv, matrices(2, 2, 3)), sample(ag.pinv, matrices(2, 2))],
    "qr_complete": [sample(direct("qr_complete"), matrices(3, 2), values_for_layouts=UNDETERMINED)],
    "svd_full": [sample(direct("svd_full"), matrices(3, 2), values_for_layouts=UNDETERMINED)],
    # Windows
    "sliding_windows": [
        sample(partial(ag.sliding_windows, window=2), normal(3)),
        sample(partial(ag.sliding_windows, window=(2, 1), stride=(2, 1), dilation=2), normal(1, 5, 3)),
        sample(partial(ag.sliding_windows, window=3, stride=2, axes=0), normal(5, 2)),
        sample(partial(ag.sliding_windows, window=2), normal(0, 3)),
    ],
    "overlap_add": [
        sample(partial(ag.overlap_add, lengths=3), normal(2, 2)),
        sample(partial(ag.overlap_add, lengths=(5, 3), stride=(2, 1), dilation=2), normal(1, 2, 3, 2, 1)),
        sample(partial(ag.overlap_add, lengths=3), normal(0, 2, 2)),
    ],
    "window_max": windowed(ag.window_max),
    "window_sum": windowed(ag.window_sum),
    "window_argmax": windowed(ag.window_argmax),
    "window_pick": [
        sample(lambda x, index: direct("window_pick")(x, index, 2), normal(2, 3, 2, 2), integers(0, 4)(2, 3)),
        sample(lambda x, index: direct("window_pick")(x, index, 1), normal(0, 2), integers(0, 2)(0)),
    ],
    "window_put": [
        sample(lambda y, index: direct("window_put")(y, index, (2, 2)), normal(2, 3), integers(0, 4)(2, 3)),
        sample(lambda y, index: direct("window_put")(y, index, (3,)), normal(), integers(0, 3)()),
    ],
}
