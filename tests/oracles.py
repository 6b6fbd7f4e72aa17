"""What each primitive computes, said once more without it: plain loops over elements, and Python's `math`.

`ORACLES` has a function for each name in the registry, of the primitive's inputs and static parameters in order, that
returns the value; `PROPERTIES` has instead, for those whose value is not unique or would take another algorithm to
find, a function of the value and of these that asserts what defines it.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

Array = np.ndarray
Index = tuple[int, ...]


# Shapes of loops


def built(shape: Sequence[int], element: Callable[[Index], Any], dtype: Any = float) -> Array:
    """The array with an element for each index."""
    y = np.empty(tuple(shape), dtype)
    for index in np.ndindex(*shape):
        y[index] = element(index)
    return y


def elementwise(f: Callable[..., Any], dtype: Any = float) -> Callable[..., Array]:
    """`f` of Python numbers, over broadcast arrays."""

    def oracle(*arguments: Any) -> Array:
        arrays = np.broadcast_arrays(*arguments)
        return built(arrays[0].shape, lambda i: f(*(a[i].item() for a in arrays)), dtype)

    return oracle


def lines(shape: Sequence[int], axis: Any) -> Iterator[tuple[Index, list[Index]]]:
    """For each index into the other axes (with 0 for `axis`), the indices of the line along `axis`, in order."""
    axes = tuple(range(len(shape))) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    for first in np.ndindex(*(1 if a in axes else n for a, n in enumerate(shape))):
        spans = [range(n) if a in axes else [first[a]] for a, n in enumerate(shape)]
        yield first, list(itertools.product(*spans))


def kept(shape: Sequence[int], axis: Any) -> list[int]:
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return [1 if a in axes else n for a, n in enumerate(shape)]


def dropped(y: Array, axis: Any) -> Array:
    """Without the axes of length 1 that a reduction has left."""
    axes = range(y.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return y.reshape([n for a, n in enumerate(y.shape) if a not in axes])


def reduction(f: Callable[..., Any], dtype: Any = float) -> Callable[..., Array]:
    """`f` of the list of a line's elements (and of further parameters)."""

    def oracle(x: Any, axis: Any, keepdims: bool, *parameters: Any) -> Array:
        x = np.asarray(x)
        y = np.empty(kept(x.shape, axis), dtype)
        for first, line in lines(x.shape, axis):
            y[first] = f([x[i].item() for i in line], *parameters)
        return y if keepdims else dropped(y, axis)

    return oracle


def along(f: Callable[[list[float]], Sequence[float]]) -> Callable[..., Array]:
    """`f` from the list of a line's elements to that of the result's."""

    def oracle(x: Array, axis: Any) -> Array:
        y = np.empty(x.shape)
        for _, line in lines(x.shape, axis):
            for i, value in zip(line, f([x[i].item() for i in line]), strict=True):
                y[i] = value
        return y

    return oracle


def moved(shape: Callable[..., Sequence[int]], origin: Callable[..., Index | None], fill: float = 0.0) -> Any:
    """Elements of `x` in other places: the shape of the result, and where in `x` an index comes from (None: `fill`)."""

    def oracle(x: Array, *static: Any) -> Array:
        def element(i: Index) -> Any:
            place = origin(i, x, *static)
            return fill if place is None else x[place]

        return built(shape(x, *static), element, x.dtype)

    return oracle


def same(x: Array, *_: Any) -> Sequence[int]:
    return x.shape


# Elementwise


def log_of_sum(values: Sequence[float]) -> float:
    largest = max(values, default=-math.inf)
    return largest + math.log(math.fsum(math.exp(v - largest) for v in values))


def clipped(x: float, low: float, high: float) -> float:
    x = x if x >= low else low
    return x if x <= high else high


def clip(x: Array, low: Any, high: Any) -> Array:
    return elementwise(clipped)(x, -math.inf if low is None else low, math.inf if high is None else high)


NUMBERS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: -x if x < 0 else x,
    "add": operator.add,
    "arccos": math.acos,
    "arccosh": math.acosh,
    "arcsin": math.asin,
    "arcsinh": math.asinh,
    "arctan": math.atan,
    "arctan2": math.atan2,
    "arctanh": math.atanh,
    "ceil": math.ceil,
    "clone": float,
    "cos": math.cos,
    "cosh": math.cosh,
    "divide": operator.truediv,
    "erf": math.erf,
    "erfinv": lambda x: NormalDist().inv_cdf((1 + x) / 2) / math.sqrt(2),
    "exp": math.exp,
    "exp2": lambda x: math.pow(2, x),
    "expm1": math.expm1,
    "floor": math.floor,
    "floor_divide": lambda a, b: math.floor(a / b),
    "fmod": math.fmod,
    "hypot": math.hypot,
    "log": math.log,
    "log10": math.log10,
    "log1p": math.log1p,
    "log2": math.log2,
    "logaddexp": lambda a, b: log_of_sum([a, b]),
    "maximum": max,
    "minimum": min,
    "multiply": operator.mul,
    "multiply_add": lambda a, b, c: a * b + c,
    "ndtr": NormalDist().cdf,
    "negative": operator.neg,
    "positive": operator.pos,
    "power": math.pow,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: max(x, 0.0),
    "remainder": lambda a, b: a - math.floor(a / b) * b,
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "sign": lambda x: (x > 0) - (x < 0),
    "sin": math.sin,
    "sinh": math.sinh,
    "softplus": lambda x: log_of_sum([x, 0.0]),
    "sqrt": math.sqrt,
    "square": lambda x: x * x,
    "subtract": operator.sub,
    "tan": math.tan,
    "tanh": math.tanh,
    "trunc": math.trunc,
    "variable": float,
    "where": lambda c, a, b: a if c else b,
}
TRUTHS: dict[str, Callable[..., Any]] = {
    "equal": operator.eq,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "isclose": lambda a, b, rtol, atol, equal_nan: abs(a - b) <= atol + rtol * abs(b),
    "isfinite": math.isfinite,
    "isinf": math.isinf,
    "isnan": math.isnan,
    "less": operator.lt,
    "less_equal": operator.le,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_not": operator.not_,
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "not_equal": operator.ne,
}
BITS: dict[str, Callable[..., Any]] = {
    "bitwise_and": operator.and_,
    "bitwise_not": operator.invert,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
}


# Shaping, padding, repetition and diagonals


def reshape(x: Array, shape: Sequence[int]) -> Array:
    known = math.prod(n for n in shape if n >= 0)
    elements = iter([x[i] for i in np.ndindex(x.shape)])
    return built([x.size // known if n < 0 else n for n in shape], lambda _: next(elements))


def untransposed(i: Index, x: Array, axes: Index) -> Index:
    return tuple(i[axes.index(a)] for a in range(x.ndim))


def unstretched(i: Index, x: Array, _: Any) -> Index:
    return tuple(0 if n == 1 else k for k, n in zip(i[len(i) - x.ndim :], x.shape))


def unrolled(i: Index, x: Array, shifts: Index, axes: Index) -> Index:
    place = list(i)
    for shift, axis in zip(shifts, axes):
        place[axis] = (place[axis] - shift) % x.shape[axis]
    return tuple(place)


def widened(x: Array, widths: Sequence[Any], *_: Any) -> list[int]:
    return [n + before + after for n, (before, after) in zip(x.shape, widths)]


def pad(x: Array, widths: Sequence[Any], value: float) -> Array:
    def origin(i: Index, x: Array) -> Index | None:
        place = tuple(k - before for k, (before, _) in zip(i, widths))
        return place if all(0 <= k < n for k, n in zip(place, x.shape)) else None

    return moved(lambda x: widened(x, widths), origin, value)(x)


def continued(k: int, n: int, mode: str) -> int:
    """Which of n elements stands at position k, if the axis goes on to both sides."""
    if mode == "edge":
        return min(max(k, 0), n - 1)
    if mode == "wrap":
        return k % n
    period = 2 * (n - 1) if mode == "reflect" else 2 * n
    k = k % period if period else 0
    return k if k < n else period - k - (mode == "symmetric")


def extended(i: Index, shape: Sequence[int], widths: Sequence[Any], mode: str) -> Index:
    return tuple(continued(k - before, n, mode) for k, n, (before, _) in zip(i, shape, widths))


def fold_back(x: Array, widths: Sequence[Any], mode: str) -> Array:
    y = np.zeros([n - before - after for n, (before, after) in zip(x.shape, widths)])
    for i in np.ndindex(x.shape):
        y[extended(i, y.shape, widths, mode)] += x[i]
    return y


def repeat(x: Array, counts: Sequence[int], axis: int) -> Array:
    places = [k for k, count in enumerate(counts) for _ in range(count)]
    shape = [len(places) if a == axis else n for a, n in enumerate(x.shape)]
    return built(shape, lambda i: x[(*i[:axis], places[i[axis]], *i[axis + 1 :])])


def add_repeats(x: Array, counts: Sequence[int], axis: int) -> Array:
    places = [k for k, count in enumerate(counts) for _ in range(count)]
    y = np.zeros([len(counts) if a == axis else n for a, n in enumerate(x.shape)])
    for i in np.ndindex(x.shape):
        y[(*i[:axis], places[i[axis]], *i[axis + 1 :])] += x[i]
    return y


def on_diagonal(i: Index, offset: int, axis1: int, axis2: int) -> Index:
    place = list(i[:-1])
    for axis, start in sorted([(axis1, max(-offset, 0)), (axis2, max(offset, 0))]):
        place.insert(axis, i[-1] + start)
    return tuple(place)


def diagonal(x: Array, offset: int, axis1: int, axis2: int) -> Array:
    rows, columns = x.shape[axis1] + min(offset, 0), x.shape[axis2] - max(offset, 0)
    others = [n for a, n in enumerate(x.shape) if a not in (axis1, axis2)]
    return built([*others, max(min(rows, columns), 0)], lambda i: x[on_diagonal(i, offset, axis1, axis2)])


def embed_diagonal(x: Array, shape: Sequence[int], offset: int, axis1: int, axis2: int) -> Array:
    y = np.zeros(shape)
    for i in np.ndindex(x.shape):
        y[on_diagonal(i, offset, axis1, axis2)] = x[i]
    return y


# Indexing and joining


def positions(shape: Sequence[int], index: Any) -> Array:
    """The flat positions that an index takes, by NumPy's own indexing."""
    return np.asarray(np.arange(math.prod(shape)).reshape(shape)[index])


def getitem(x: Array, index: Any) -> Array:
    return built((p := positions(x.shape, index)).shape, lambda i: x.reshape(-1)[p[i]])


def scatter(g: Array, shape: Sequence[int], index: Any) -> Array:
    y = [0.0] * math.prod(shape)
    for p, value in zip(positions(shape, index).ravel(), np.ravel(g), strict=True):
        y[p] += value
    return np.reshape(y, shape)


def setitem(x: Array, values: Any, index: Any) -> Array:
    y, p, values = [x[i] for i in np.ndindex(x.shape)], positions(x.shape, index), np.asarray(values)
    while values.ndim > p.ndim:
        values = values[0]
    for place, value in zip(p.ravel(), np.broadcast_to(values, p.shape).ravel(), strict=True):
        y[place] = value
    return np.reshape(y, x.shape)


def argwhere(x: Array) -> Array:
    found = [i for i in np.ndindex(np.shape(x)) if np.asarray(x)[i]]
    return np.array(found, int).reshape(len(found), np.ndim(x))


def concatenate(xs: Sequence[Array], axis: int, _: Any) -> Array:
    pieces = [(k, j) for k, x in enumerate(xs) for j in range(x.shape[axis])]
    shape = [len(pieces) if a == axis else n for a, n in enumerate(xs[0].shape)]

    def element(i: Index) -> Any:
        k, j = pieces[i[axis]]
        return xs[k][(*i[:axis], j, *i[axis + 1 :])]

    return built(shape, element)


def narrow(x: Array, axis: int, start: int, stop: int) -> Array:
    shape = [len(range(n)[start:stop]) if a == axis else n for a, n in enumerate(x.shape)]
    return built(shape, lambda i: x[(*i[:axis], i[axis] + start, *i[axis + 1 :])])


def select(x: Array, axis: int, k: int) -> Array:
    return built(x.shape[:axis] + x.shape[axis + 1 :], lambda i: x[(*i[:axis], k, *i[axis:])])


def stack(xs: Sequence[Any], axis: int) -> Array:
    xs = [np.asarray(x) for x in xs]
    shape = (*xs[0].shape[:axis], len(xs), *xs[0].shape[axis:])
    return built(shape, lambda i: xs[i[axis]][(*i[:axis], *i[axis + 1 :])])


def split(x: Array, axis: int, offsets: Sequence[int]) -> tuple[Array, ...]:
    return tuple(narrow(x, axis, a, b) for a, b in itertools.pairwise(offsets))


# Reductions


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def var(values: Sequence[float], correction: float = 0) -> float:
    centre = mean(values)
    return math.fsum((v - centre) ** 2 for v in values) / max(len(values) - correction, 0)


def standard(values: list[float], eps: float) -> list[float]:
    return [(v - mean(values)) / math.sqrt(var(values) + eps) for v in values]


def standardize(x: Array, axis: Any, eps: float) -> tuple[Array, ...]:
    normal = along(partial(standard, eps=eps))(x, axis)
    return (normal, *(reduction(f)(x, axis, True) for f in (mean, var)))


def extremal(x: Array, y: Array, axis: Any, first: bool) -> tuple[Array, Array]:
    chosen, count = np.zeros(x.shape, bool), np.zeros(kept(x.shape, axis))
    for start, line in lines(x.shape, axis):
        equal = [i for i in line if x[i] == np.reshape(y, count.shape)[start]]
        for i in equal[:1] if first else equal:
            chosen[i] = True
            count[start] += 1
    return chosen, count


def position_of(best: Callable[..., Any]) -> Callable[[list[float]], int]:
    return lambda values: values.index(best(values))


# Linear algebra


def stacked(f: Callable[..., Any], shape: Callable[..., Any]) -> Callable[..., Array]:
    """`f` of each matrix of a stack."""

    def oracle(x: Array) -> Array:
        y = np.empty(x.shape[:-2] + shape(*x.shape[-2:]))
        for i in np.ndindex(*x.shape[:-2]):
            y[i] = f(x[i])
        return y

    return oracle


def determinant(x: Array) -> float:
    """By the first row, as one does by hand."""
    if not len(x):
        return 1.0
    minors = (np.delete(x[1:], j, axis=1) for j in range(len(x)))
    return math.fsum((-1) ** j * x[0, j] * determinant(minor) for j, minor in enumerate(minors))


def cofactors(x: Array) -> Array:
    def minor(i: Index) -> float:
        return (-1) ** sum(i) * determinant(np.delete(np.delete(x, i[0], 0), i[1], 1))

    return built(x.shape, minor)


def slogdet(x: Array) -> tuple[Array, Array]:
    d = stacked(determinant, lambda m, n: ())(x)
    return np.sign(d), np.log(np.abs(d))


def matmul(a: Array, b: Array) -> Array:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(z, batch + z.shape[-2:]) for z in (a, b))

    def element(i: Index) -> float:
        *at, row, column = i
        return math.fsum(a[(*at, row, k)] * b[(*at, k, column)] for k in range(a.shape[-1]))

    return built((*batch, a.shape[-2], b.shape[-1]), element)


def einsum(operands: Sequence[Any], subscripts: str) -> Array:
    terms, output = subscripts.split("->")
    pairs = [(term, np.asarray(x)) for term, x in zip(terms.split(","), operands, strict=True)]
    length: dict[str, int] = {}
    for term, x in pairs:
        for label, n in zip(term, x.shape):
            length[label] = n if length.get(label, 1) == 1 else length[label]
    y = np.zeros([length[label] for label in output])
    for place in itertools.product(*map(range, length.values())):
        at = dict(zip(length, place))
        factors = (x[tuple(0 if n == 1 else at[c] for c, n in zip(term, x.shape))] for term, x in pairs)
        y[tuple(at[c] for c in output)] += math.prod(factors)
    return y


def is_identity(x: Array) -> bool:
    return bool(np.allclose(x, np.eye(x.shape[-1]), rtol=0, atol=1e-12))


def is_product(x: Array, *factors: Array) -> bool:
    y = factors[0]
    for factor in factors[1:]:
        y = y @ factor
    return bool(np.allclose(y, x, rtol=1e-10, atol=1e-12))


def check_qr(result: Any, x: Array) -> None:
    q, r = result
    assert is_product(x, q, r)
    assert is_identity(q.mT @ q)
    assert not np.tril(r, -1).any()


def check_svd(result: Any, x: Array) -> None:
    u, s, vh = result
    k = s.shape[-1]
    assert is_product(x, u[..., :k] * s[..., None, :], vh[..., :k, :])
    assert is_identity(u.mT @ u)
    assert is_identity(vh @ vh.mT)
    assert np.all(s[..., 1:] <= s[..., :-1])
    assert np.all(s >= 0)


def check_eigh(result: Any, x: Array, uplo: str) -> None:
    w, v = result
    half = np.tril(x, -1) if uplo == "L" else np.triu(x, 1).mT
    symmetric = half + half.mT + x * np.eye(x.shape[-1])
    assert is_product(symmetric, v * w[..., None, :], v.mT)
    assert is_identity(v.mT @ v)
    assert np.all(w[..., 1:] >= w[..., :-1])


def check_pinv(y: Array, x: Array, *_: Any) -> None:
    """Penrose's four equations."""
    assert is_product(x, x, y, x)
    assert is_product(y, y, x, y)
    assert is_product((x @ y).mT, x, y)
    assert is_product((y @ x).mT, y, x)


def check_cholesky(y: Array, x: Array) -> None:
    assert is_product(np.tril(x) + np.tril(x, -1).mT, y, y.mT)
    assert not np.triu(y, 1).any()
    assert np.all(np.diagonal(y, 0, -2, -1) > 0)


# Sorting


def check_argsort(y: Array, x: Array, axis: int, descending: bool, stable: bool) -> None:
    x, y = np.asarray(x), np.asarray(y)
    for _, line in lines(x.shape, axis):
        values, order = [x[i].item() for i in line], [int(y[i]) for i in line]
        wanted = sorted(range(len(values)), key=lambda k: -values[k] if descending else values[k])
        assert sorted(order) == list(range(len(values)))
        assert [values[k] for k in order] == [values[k] for k in wanted]
        assert not stable or order == wanted


def check_best(y: Array, x: Array, k: int, axis: int, largest: bool, ordered: bool) -> None:
    for (_, line), (_, found) in zip(lines(x.shape, axis), lines(y.shape, axis), strict=True):
        values, order = [x[i].item() for i in line], [int(y[i]) for i in found]
        wanted = sorted(values, reverse=largest)[:k]
        got = [values[j] for j in order]
        assert len(set(order)) == k
        assert (got if ordered else sorted(got, reverse=largest)) == wanted


# Windows


def starts(i: Index, offsets: Index, stride: Index, dilation: Index, axes: Index) -> Index:
    """Where in an array the element lies that a window at positions `i` has at `offsets`."""
    place = list(i)
    for axis, offset, step, apart in zip(axes, offsets, stride, dilation):
        place[axis] = place[axis] * step + offset * apart
    return tuple(place)


def sliding_windows(x: Array, window: Index, stride: Index, dilation: Index, axes: Index) -> Array:
    shape = list(x.shape)
    for axis, k, step, apart in zip(axes, window, stride, dilation):
        shape[axis] = (x.shape[axis] - apart * (k - 1) - 1) // step + 1
    return built([*shape, *window], lambda i: x[starts(i[: x.ndim], i[x.ndim :], stride, dilation, axes)])


def overlap_add(windows: Array, lengths: Index, stride: Index, dilation: Index, axes: Index) -> Array:
    ndim = windows.ndim - len(axes)
    shape = list(windows.shape[:ndim])
    for axis, n in zip(axes, lengths):
        shape[axis] = n
    y = np.zeros(shape)
    for i in np.ndindex(windows.shape):
        y[starts(i[:ndim], i[ndim:], stride, dilation, axes)] += windows[i]
    return y


def over_windows(f: Callable[[list[float]], Any], dtype: Any = float) -> Callable[..., Array]:
    def oracle(x: Array, count: int) -> Array:
        return reduction(f, dtype)(x, tuple(range(x.ndim - count, x.ndim)), False)

    return oracle


def window_pick(x: Array, index: Array, count: int) -> Array:
    return built(index.shape, lambda i: x[i].reshape(-1)[index[i]])


def window_put(y: Array, index: Array, window: Index) -> Array:
    return built((*y.shape, *window), lambda i: y[i[: y.ndim]] * (_flat(i[y.ndim :], window) == index[i[: y.ndim]]))


def _flat(i: Index, shape: Index) -> int:
    return int(np.ravel_multi_index(i, shape))


ORACLES: dict[str, Callable[..., Any]] = {
    **{name: elementwise(f) for name, f in NUMBERS.items()},
    **{name: elementwise(f, bool) for name, f in TRUTHS.items()},
    **{name: elementwise(f, int) for name, f in BITS.items()},
    "add_repeats": add_repeats,
    "all": reduction(all, bool),
    "any": reduction(any, bool),
    "argmax": reduction(position_of(max), int),
    "argmin": reduction(position_of(min), int),
    "argwhere": argwhere,
    "broadcast_to": moved(lambda x, shape: shape, unstretched),
    "cast": lambda x, dtype: elementwise(float, dtype)(x),
    "clip": clip,
    "clip_exclusive": clip,
    "cofactor": stacked(cofactors, lambda m, n: (m, n)),
    "concatenate": concatenate,
    "count_nonzero": reduction(lambda values: len([v for v in values if v]), int),
    "cumprod": along(lambda values: list(itertools.accumulate(values, operator.mul))),
    "cumsum": along(lambda values: list(itertools.accumulate(values))),
    "det": stacked(determinant, lambda m, n: ()),
    "diagonal": diagonal,
    "discretize": lambda x, dtype: elementwise(int, dtype)(x),
    "einsum": einsum,
    "embed_diagonal": embed_diagonal,
    "extend": lambda x, widths, mode: built(widened(x, widths), lambda i: x[extended(i, x.shape, widths, mode)]),
    "extremal": extremal,
    "flip": moved(
        same, lambda i, x, axes: tuple(n - 1 - k if a in axes else k for a, (k, n) in enumerate(zip(i, x.shape)))
    ),
    "fold_back": fold_back,
    "getitem": getitem,
    "log_softmax": along(lambda values: [v - log_of_sum(values) for v in values]),
    "logsumexp": reduction(log_of_sum),
    "matmul": matmul,
    "max": reduction(lambda values, ties: max(values)),
    "mean": reduction(mean),
    "min": reduction(lambda values, ties: min(values)),
    "moments": lambda x, axis: tuple(reduction(f)(x, axis, True) for f in (mean, var)),
    "narrow": narrow,
    "nonzero": lambda x: tuple(argwhere(x).T),
    "nonzeros": reduction(lambda values: len([v for v in values if v])),
    "norm": reduction(lambda values, p: math.fsum(abs(v) ** p for v in values) ** (1 / p)),
    "output": lambda outputs, i, count: outputs[i],
    "overlap_add": overlap_add,
    "pad": pad,
    "prod": reduction(math.prod),
    "repeat": repeat,
    "reshape": reshape,
    "roll": moved(same, unrolled),
    "round": lambda x, decimals: elementwise(lambda v: round(v, decimals))(x),
    "scatter": scatter,
    "select": select,
    "setitem": setitem,
    "sliding_windows": sliding_windows,
    "slogdet": slogdet,
    "softmax": along(lambda values: [math.exp(v - log_of_sum(values)) for v in values]),
    "split": split,
    "stack": stack,
    "standardize": standardize,
    "std": reduction(lambda values, correction: math.sqrt(var(values, correction))),
    "sum": reduction(math.fsum),
    "transpose": moved(lambda x, axes: [x.shape[a] for a in axes], untransposed),
    "tril": moved(same, lambda i, x, k: i if i[-1] - i[-2] <= k else None),
    "triu": moved(same, lambda i, x, k: i if i[-1] - i[-2] >= k else None),
    "unstack": lambda x, axis: tuple(select(x, axis, k) for k in range(x.shape[axis])),
    "var": reduction(var),
    "window_argmax": over_windows(position_of(max), int),
    "window_max": over_windows(max),
    "window_pick": window_pick,
    "window_put": window_put,
    "window_sum": over_windows(math.fsum),
}
PROPERTIES: dict[str, Callable[..., None]] = {
    "argsort": check_argsort,
    "best": check_best,
    "cholesky": check_cholesky,
    "eigh": check_eigh,
    "inv": lambda y, x: _holds(is_identity(x @ y)),
    "pinv": check_pinv,
    "qr": check_qr,
    "qr_complete": check_qr,
    "solve": lambda y, a, b: _holds(is_product(np.broadcast_to(b, y.shape), a, y)),
    "svd": check_svd,
    "svd_full": check_svd,
}


def _holds(truth: bool) -> None:
    assert truth
