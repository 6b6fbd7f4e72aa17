"""Calls of every primitive on shapes that Hypothesis draws: `DRAWN` has a strategy of samples for each name.

Where `tests/samples.py` has the shapes one thinks of, here are those one does not: any number of axes up to three, any
lengths up to four, nothing among them; any axes of these, any windows that fit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from samples import (
    BITWISE,
    COMPARISONS,
    LOGIC,
    PIECEWISE,
    SMOOTH,
    Family,
    Sample,
    about_one,
    apart,
    between,
    digits,
    direct,
    factors,
    integers,
    matrices,
    normal,
    others,
    positive,
    root,
    sample,
    spectrum,
    truths,
)

import autograd as ag

Shape = tuple[int, ...]
Strategy = st.SearchStrategy[Sample]
Take = Callable[[st.SearchStrategy[Any]], Any]


def drawing(build: Callable[[Take], Sample]) -> Strategy:
    """The strategy of what `build` makes, given the function that draws."""
    return st.composite(lambda draw: build(draw))()


def shapes(least: int = 0, dims: tuple[int, int] = (0, 3)) -> st.SearchStrategy[Shape]:
    return hnp.array_shapes(min_dims=dims[0], max_dims=dims[1], min_side=least, max_side=4)


def broadcasting(count: int) -> st.SearchStrategy[tuple[Shape, ...]]:
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=count, min_side=0, max_side=4, max_dims=3)
    return drawn.map(lambda found: found.input_shapes)


def one_axis(draw: Take, shape: Shape) -> int:
    return draw(st.integers(-len(shape), len(shape) - 1))


def some_axes(draw: Take, shape: Shape) -> Any:
    """None, one axis, or any of them in any order."""
    several = st.permutations(range(len(shape))).flatmap(
        lambda order: st.integers(0, len(order)).map(lambda n: tuple(order[:n]))
    )
    return draw(st.none() | several | (st.integers(-len(shape), len(shape) - 1) if shape else st.none()))


# Families of strategies


def elementwise(call: Callable[..., Any], *families: Family) -> Strategy:
    def build(draw: Take) -> Sample:
        return sample(call, *(family(*shape) for family, shape in zip(families, draw(broadcasting(len(families))))))

    return drawing(build)


def reduction(call: Callable[..., Any], family: Family = normal, least: int = 1) -> Strategy:
    def build(draw: Take) -> Sample:
        shape = draw(shapes(least))
        return sample(partial(call, axis=some_axes(draw, shape), keepdims=draw(st.booleans())), family(*shape))

    return drawing(build)


def along_axes(call: Callable[..., Any], family: Family = normal) -> Strategy:
    def build(draw: Take) -> Sample:
        shape = draw(shapes(1, (1, 3)))
        return sample(partial(call, axis=some_axes(draw, shape)), family(*shape))

    return drawing(build)


def along_one(call: Callable[..., Any], family: Family = normal, least: int = 0) -> Strategy:
    def build(draw: Take) -> Sample:
        shape = draw(shapes(least, (1, 3)))
        return sample(partial(call, axis=one_axis(draw, shape)), family(*shape))

    return drawing(build)


def on_matrices(call: Callable[..., Any], square: bool = True, tall: bool = False) -> Strategy:
    def build(draw: Take) -> Sample:
        n = draw(st.integers(1, 3))
        m = n if square else draw(st.integers(n if tall else 1, 3))
        return sample(call, matrices(*draw(shapes(1, (0, 1))), m, n))

    return drawing(build)


# One operation each


def reshape(draw: Take) -> Sample:
    shape = draw(shapes())
    other = draw(st.permutations(shape).map(tuple) | st.just((-1,) if 0 not in shape else shape))
    wanted = (*other, *(1,) * draw(st.integers(0, 2)))
    return sample(lambda x: ag.reshape(x, wanted), normal(*shape))


def transpose(draw: Take) -> Sample:
    shape = draw(shapes())
    axes = tuple(draw(st.permutations(range(len(shape)))))
    return sample(partial(ag.transpose, axes=axes), normal(*shape))


def broadcast_to(draw: Take) -> Sample:
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=1, min_side=0, max_side=4, max_dims=3))
    return sample(partial(ag.broadcast_to, shape=found.result_shape), normal(*found.input_shapes[0]))


def roll(draw: Take) -> Sample:
    shape = draw(shapes(1, (1, 3)))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=3))
    shifts = draw(st.tuples(*(st.integers(-5, 5) for _ in axes)))
    return sample(partial(ag.roll, shift=shifts, axis=tuple(axes)), normal(*shape))


def widths(draw: Take, shape: Shape, low: Callable[[int], int], high: Callable[[int], int]) -> list[tuple[int, int]]:
    """Before and after each axis of length n, from low(n) to high(n)."""
    return [draw(st.tuples(*[st.integers(low(n), high(n))] * 2)) for n in shape]


def pad(draw: Take) -> Sample:
    shape = draw(shapes(0, (1, 3)))
    width = widths(draw, shape, lambda n: -(n // 2), lambda n: 2)
    return sample(partial(ag.pad, pad_width=width, constant_values=7), normal(*shape))


def extend(draw: Take) -> Sample:
    shape, mode = draw(shapes(1, (1, 2))), draw(st.sampled_from(["wrap", "edge", "reflect", "symmetric"]))
    return sample(partial(ag.pad, pad_width=widths(draw, shape, lambda n: 0, lambda n: 5), mode=mode), normal(*shape))


def fold_back(draw: Take) -> Sample:
    shape, mode = draw(shapes(1, (1, 2))), draw(st.sampled_from(["wrap", "edge", "reflect", "symmetric"]))
    width = tuple(widths(draw, shape, lambda n: 0, lambda n: 3))
    longer = [n + before + after for n, (before, after) in zip(shape, width)]
    return sample(lambda x: direct("fold_back")(x, width, mode), normal(*longer))


def counts(draw: Take) -> tuple[Shape, int, list[int]]:
    shape = draw(shapes(1, (1, 3)))
    axis = draw(st.integers(0, len(shape) - 1))
    return shape, axis, draw(st.lists(st.integers(0, 3), min_size=shape[axis], max_size=shape[axis]))


def repeat(draw: Take) -> Sample:
    shape, axis, repeats = counts(draw)
    return sample(partial(ag.repeat, repeats=repeats, axis=axis), normal(*shape))


def add_repeats(draw: Take) -> Sample:
    shape, axis, repeats = counts(draw)
    longer = [sum(repeats) if a == axis else n for a, n in enumerate(shape)]
    return sample(lambda x: direct("add_repeats")(x, np.array(repeats), axis), normal(*longer))


def diagonal(draw: Take) -> Sample:
    shape, offset = draw(shapes(1, (2, 3))), draw(st.integers(-3, 3))
    first, second, *_ = draw(st.permutations(range(len(shape))))
    return sample(partial(ag.diagonal, offset=offset, axis1=first, axis2=second), normal(*shape))


def triangle(call: Callable[..., Any]) -> Strategy:
    return drawing(lambda draw: sample(partial(call, k=draw(st.integers(-3, 3))), normal(*draw(shapes(0, (2, 3))))))


def indexed(draw: Take) -> tuple[Shape, Any]:
    """A shape, and an index into it: of slices, integers, None and Ellipsis, or of arrays of integers, or of truths."""
    shape = draw(shapes(1, (1, 3)))
    basic = hnp.basic_indices(shape, max_dims=4, allow_ellipsis=True, allow_newaxis=True)
    gather = hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
    truth = hnp.arrays(bool, shape)
    return shape, draw(basic | gather | truth)


def taken(shape: Shape, index: Any) -> Shape:
    return np.asarray(np.empty(shape)[index]).shape


def getitem(draw: Take) -> Sample:
    shape, index = indexed(draw)
    return sample(lambda x: x[index] if isinstance(x, ag.Tensor) else ag.tensor(x)[index].data, normal(*shape))


def scatter(draw: Take) -> Sample:
    shape, index = indexed(draw)
    return sample(lambda x, values: ag.index_add(x, index, values), normal(*shape), normal(*taken(shape, index)))


def setitem(draw: Take) -> Sample:
    shape, index = indexed(draw)
    entries = index if isinstance(index, tuple) else (index,)
    wanted = taken(shape, index)
    values = draw(st.sampled_from([wanted, wanted[1:], ()]))
    return sample(lambda x, v: direct("setitem")(x, v, entries), normal(*shape), normal(*values))


def concatenate(draw: Take) -> Sample:
    shape = draw(shapes(0, (1, 3)))
    axis = one_axis(draw, shape)
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = [[n if a == axis % len(shape) else m for a, m in enumerate(shape)] for n in lengths]
    return sample(lambda *xs: ag.concatenate(xs, axis=axis), *(normal(*part) for part in parts))


def stack(draw: Take) -> Sample:
    shape = draw(shapes())
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return sample(lambda *xs: ag.stack(xs, axis=axis), *[normal(*shape)] * draw(st.integers(1, 3)))


def part(name: str) -> Strategy:
    """`narrow` and `select`, which the adjoints of joining call."""

    def build(draw: Take) -> Sample:
        shape = draw(shapes(1, (1, 3)))
        axis = draw(st.integers(0, len(shape) - 1))
        k = draw(st.integers(0, shape[axis] - 1))
        static = (k,) if name == "select" else (k, draw(st.integers(k, shape[axis])))
        return sample(lambda x: direct(name)(x, axis, *static), normal(*shape))

    return drawing(build)


def split(draw: Take) -> Sample:
    shape = draw(shapes(0, (1, 3)))
    axis = one_axis(draw, shape)
    cuts = sorted(draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
    return sample(partial(ag.split, indices_or_sections=cuts, axis=axis), normal(*shape))


def order(draw: Take) -> Sample:
    shape = draw(shapes(0, (1, 3)))
    options = {"descending": draw(st.booleans()), "stable": draw(st.booleans())}
    return sample(partial(ag.argsort, axis=one_axis(draw, shape), **options), digits(*shape))


def best(draw: Take) -> Sample:
    shape = draw(shapes(1, (1, 3)))
    axis = one_axis(draw, shape)
    k, largest, ordered = draw(st.integers(0, shape[axis])), draw(st.booleans()), draw(st.booleans())
    return sample(lambda x: ag.topk(x, k, axis, largest, ordered)[1], apart(*shape))


def extremal(draw: Take) -> Sample:
    shape, first = draw(shapes(1, (1, 3))), draw(st.booleans())
    axes = tuple(sorted(draw(st.sets(st.integers(0, len(shape) - 1)))))
    return sample(lambda x: direct("extremal")(x, ag.max(x, axis=axes), axes, first), digits(*shape))


def matmul(draw: Take) -> Sample:
    found = draw(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, min_side=0, max_side=3, max_dims=2))
    return sample(ag.matmul, *(normal(*shape) for shape in found.input_shapes))


def einsum(draw: Take) -> Sample:
    """Operands with any labels of i, j, k, l; a length of 1 broadcasts; what is left out is summed over."""
    length = {label: draw(st.integers(0, 3)) for label in "ijkl"}
    terms = draw(st.lists(st.text("ijkl", max_size=3), min_size=1, max_size=3))
    known = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(known)))[: draw(st.integers(0, len(known)))]
    operands = [normal(*(length[label] for label in term)) for term in terms]
    return sample(lambda *xs: ag.einsum(f"{','.join(terms)}->{output}", *xs), *operands)


def solve(draw: Take) -> Sample:
    n, columns, (left, right) = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(broadcasting(2))
    return sample(ag.solve, matrices(*left, n, n), normal(*right, n, columns))


def geometry(draw: Take) -> tuple[list[int], dict[str, tuple[int, ...]]]:
    """Lengths of one or two axes, and windows that fit."""
    count = draw(st.integers(1, 2))
    options = {name: tuple(draw(st.integers(1, 3)) for _ in range(count)) for name in ("window", "stride", "dilation")}
    reach = [d * (k - 1) + 1 for k, d in zip(options["window"], options["dilation"])]
    return [n + draw(st.integers(0, 3)) for n in reach], options


def sliding_windows(draw: Take) -> Sample:
    lengths, options = geometry(draw)
    return sample(partial(ag.sliding_windows, **options), normal(*draw(shapes(0, (0, 1))), *lengths))


def overlap_add(draw: Take) -> Sample:
    lengths, options = geometry(draw)
    window = options.pop("window")
    positions = [
        ag.window_positions(n, k, s, d) for n, k, s, d in zip(lengths, window, options["stride"], options["dilation"])
    ]
    return sample(
        partial(ag.overlap_add, lengths=tuple(lengths), **options),
        normal(*draw(shapes(0, (0, 1))), *positions, *window),
    )


def over_windows(call: Callable[..., Any]) -> Strategy:
    def build(draw: Take) -> Sample:
        lengths, options = geometry(draw)
        slide = partial(ag.sliding_windows, **options)
        return sample(lambda x: call(slide(x), count=len(lengths)), apart(*draw(shapes(0, (0, 1))), *lengths))

    return drawing(build)


def window_pick(draw: Take) -> Sample:
    shape, window = draw(shapes(0, (0, 2))), draw(shapes(1, (1, 2)))
    index = integers(0, int(np.prod(window)))(*shape)
    return sample(lambda x, index: direct("window_pick")(x, index, len(window)), normal(*shape, *window), index)


def window_put(draw: Take) -> Sample:
    shape, window = draw(shapes(0, (0, 2))), draw(shapes(1, (1, 2)))
    index = integers(0, int(np.prod(window)))(*shape)
    return sample(lambda y, index: direct("window_put")(y, index, window), normal(*shape), index)


DRAWN: dict[str, Strategy] = {
    **{name: elementwise(getattr(ag, name), family) for name, family in SMOOTH.items()},
    **{name: elementwise(getattr(ag, name), apart) for name in PIECEWISE},
    **{name: elementwise(getattr(ag, name), digits, digits) for name in (*COMPARISONS, *LOGIC)},
    **{name: elementwise(getattr(ag, name), *[integers(0, 8)] * 2) for name in BITWISE},
    **{name: elementwise(getattr(ag, name), digits) for name in ("isfinite", "isinf", "isnan", "logical_not")},
    **{name: elementwise(getattr(ag, name), normal, normal) for name in ("add", "subtract", "multiply", "logaddexp")},
    **{name: elementwise(getattr(ag, name), positive, positive) for name in ("divide", "power")},
    **{
        name: elementwise(getattr(ag, name), between(1.3, 1.7), about_one)
        for name in ("floor_divide", "remainder", "fmod")
    },
    **{name: elementwise(getattr(ag, name), apart, others) for name in ("arctan2", "hypot", "maximum", "minimum")},
    "bitwise_not": elementwise(ag.bitwise_not, integers(0, 8)),
    "multiply_add": elementwise(ag.multiply_add, normal, normal, normal),
    "where": elementwise(ag.where, truths, normal, normal),
    "clip": elementwise(ag.clip, apart, between(-0.5, -0.4), between(0.9, 1.0)),
    "clip_exclusive": elementwise(partial(ag.clip, inclusive=False), apart, between(-0.5, -0.4), between(0.9, 1.0)),
    "cast": elementwise(lambda x: ag.astype(x, x.dtype), normal),
    "discretize": elementwise(lambda x: ag.astype(x, int), apart),
    "clone": elementwise(ag.clone, normal),
    "variable": elementwise(lambda x: direct("variable")(x), normal),
    # Shaping, padding, repetition and diagonals
    "reshape": drawing(reshape),
    "transpose": drawing(transpose),
    "broadcast_to": drawing(broadcast_to),
    "flip": along_axes(ag.flip),
    "roll": drawing(roll),
    "pad": drawing(pad),
    "extend": drawing(extend),
    "fold_back": drawing(fold_back),
    "repeat": drawing(repeat),
    "add_repeats": drawing(add_repeats),
    "diagonal": drawing(diagonal),
    "embed_diagonal": drawing(
        lambda draw: sample(partial(ag.diag, k=draw(st.integers(-3, 3))), normal(*draw(shapes(0, (1, 1)))))
    ),
    "tril": triangle(ag.tril),
    "triu": triangle(ag.triu),
    # Indexing and joining
    "getitem": drawing(getitem),
    "scatter": drawing(scatter),
    "setitem": drawing(setitem),
    "nonzero": drawing(lambda draw: sample(ag.nonzero, digits(*draw(shapes(0, (1, 3)))))),
    "argwhere": elementwise(ag.argwhere, digits),
    "concatenate": drawing(concatenate),
    "narrow": part("narrow"),
    "stack": drawing(stack),
    "select": part("select"),
    "split": drawing(split),
    "unstack": along_one(ag.unstack, least=1),
    "output": drawing(split),
    # Reductions
    "sum": reduction(ag.sum, least=0),
    "mean": reduction(ag.mean),
    "prod": reduction(ag.prod, between(0.7, 1.3), least=0),
    "max": reduction(ag.max, apart),
    "min": reduction(ag.min, apart),
    "var": reduction(ag.var),
    "std": drawing(
        lambda draw: sample(partial(ag.std, axis=0), apart(draw(st.integers(2, 4)), *draw(shapes(0, (0, 2)))))
    ),
    "logsumexp": reduction(ag.logsumexp),
    "norm": reduction(ag.norm, apart),
    "nonzeros": drawing(lambda draw: sample(partial(ag.norm, ord=0, axis=-1), digits(*draw(shapes(0, (1, 3)))))),
    **{name: reduction(getattr(ag, name), digits, least=0) for name in ("all", "any", "count_nonzero")},
    "argmax": along_one(ag.argmax, digits, least=1),
    "argmin": along_one(ag.argmin, digits, least=1),
    "extremal": drawing(extremal),
    "softmax": along_axes(ag.softmax),
    "log_softmax": along_axes(ag.log_softmax),
    "standardize": along_axes(partial(ag.standardize, eps=0.5)),
    "moments": along_axes(ag.moments),
    "cumsum": along_one(ag.cumsum),
    "cumprod": along_one(ag.cumprod),
    "argsort": drawing(order),
    "best": drawing(best),
    # Products and linear algebra
    "matmul": drawing(matmul),
    "einsum": drawing(einsum),
    "solve": drawing(solve),
    **{name: on_matrices(getattr(ag, name)) for name in ("det", "slogdet", "inv")},
    "cofactor": on_matrices(direct("cofactor")),
    "cholesky": on_matrices(root),
    "eigh": on_matrices(spectrum),
    "qr": on_matrices(ag.qr, square=False),
    "svd": on_matrices(factors, square=False),
    "pinv": on_matrices(ag.pinv, square=False),
    "qr_complete": on_matrices(direct("qr_complete"), square=False, tall=True),
    "svd_full": on_matrices(direct("svd_full"), square=False),
    # Windows
    "sliding_windows": drawing(sliding_windows),
    "overlap_add": drawing(overlap_add),
    "window_max": over_windows(ag.window_max),
    "window_argmax": over_windows(ag.window_argmax),
    "window_sum": over_windows(ag.window_sum),
    "window_pick": drawing(window_pick),
    "window_put": drawing(window_put),
}
