"""What a wrong gradient looks like: signatures in the ratios of what backprop gave to finite differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from autograd.dtypes import Array
from autograd.numeric.report import Entry

# Two numbers are taken for the same if they differ by no more than this, relative to the larger, and the error bars.
ALIKE = 1e-4


def hint(
    entries: Sequence[Entry],
    gradient: Array,
    point: Array,
    lengths: Sequence[int],
    unweighted: Callable[[tuple[int, ...]], tuple[float, float]],
) -> str:
    """What the fault looks like, in words; "" if the numbers have no signature.

    `entries` are the comparisons on one input, of which those that FAIL are looked at; `gradient`, all that backprop
    gave for it, `point` its values; `lengths` those of the axes of inputs and outputs. `unweighted` gives the pair
    (backprop, finite difference) at an index with all outputs weighted by 1, where a sum over equal terms shows.

    >>> from autograd.numeric import Entry
    >>> from autograd.numeric.hints import hint
    >>> wrong = Entry("x", (0,), analytic=2.0, numeric=1.0, error=1e-12, verdict="FAIL")
    >>> hint([wrong], np.array([2.0]), np.array([0.5]), [1], lambda index: (2.0, 1.0))
    'twice the finite difference: accumulated twice?'
    """
    wrong = [e for e in entries if e.verdict == "FAIL" and e.index is not None]
    right = [e for e in entries if e.verdict == "PASS" and e.index is not None]
    if not wrong:
        return ""
    return next(filter(None, _readings(wrong, right, gradient, point, lengths, unweighted)), "")


def _readings(
    wrong: list[Entry],
    right: list[Entry],
    gradient: Array,
    point: Array,
    lengths: Sequence[int],
    unweighted: Callable[[tuple[int, ...]], tuple[float, float]],
) -> Iterator[str]:
    """What it could be, the likeliest first, "" where it is not that."""
    where = _where(wrong, right)
    said = _of_ratio(wrong, gradient, lengths)
    yield said and said + where
    yield _rearranged(wrong, gradient)
    yield _missing_sum(wrong, lengths, unweighted)
    yield _of_input(wrong, point)
    yield where and f"wrong{where}"


def _of_ratio(wrong: list[Entry], gradient: Array, lengths: Sequence[int]) -> str:
    """One ratio that all wrong elements have, as far as it is known; or that they are not finite."""
    if not all(math.isfinite(e.analytic) for e in wrong):
        return "not finite, where the function's slope is: a division by zero, say"
    if all(e.analytic == 0 for e in wrong):
        if not gradient.any():
            return "backprop gives zero everywhere: no path leads back to this input (detached, or made an array?)"
        return "backprop gives zero: a path from the output back to here is missing"
    if all(e.numeric == 0 for e in wrong):
        return "the function does not move, but backprop gives a slope"
    surest = min((e for e in wrong if e.numeric), key=lambda e: e.error / abs(e.numeric))
    ratio = surest.ratio
    slack = abs(ratio) * surest.error / abs(surest.numeric)
    if slack > 0.1 * abs(ratio):
        return ""
    if not all(_alike(e.analytic, ratio * e.numeric, e.error * abs(ratio)) for e in wrong):
        return ""
    named = {
        2.0: "twice the finite difference: accumulated twice?",
        -1.0: "the opposite of the finite difference: a sign",
        0.5: "half the finite difference: one of two equal contributions, or a factor 2, is missing",
        -2.0: "-2 times the finite difference: a sign, and accumulated twice?",
    }
    for known, said in named.items():
        if _alike(ratio, known, slack):
            return said
    for n, product in _products(lengths):
        if _alike(ratio, n):
            return f"{n} times the finite difference, {product}: a sum where the mean is meant, or the reverse?"
        if _alike(ratio, 1 / n):
            return (
                f"1/{n} of the finite difference, {product}: a missing sum over a broadcast axis, or a mean for a sum?"
            )
    return f"{ratio:.6g} times the finite difference wherever it is wrong: a constant factor" if len(wrong) > 1 else ""


def _products(lengths: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The lengths of axes, and the products of several, from 2, each once, with where it comes from."""
    seen = set()
    axes = sorted({n for n in lengths if n > 1})
    for count in (1, 2, 3):
        for chosen in itertools.combinations_with_replacement(axes, count):
            n = math.prod(chosen)
            if n not in seen:
                seen.add(n)
                yield n, f"the length of an axis ({n})" if count == 1 else f"of axes {' × '.join(map(str, chosen))}"


def _rearranged(wrong: list[Entry], gradient: Array) -> str:
    """Whether the right values stand elsewhere in what backprop gave: transposed, flipped or shifted."""
    if len(wrong) < 2 or not gradient.ndim:
        return ""
    for said, moved in _arrangements(gradient):
        if moved.shape == gradient.shape and all(_alike(float(moved[e.index]), e.numeric, e.error) for e in wrong):
            return said
    return ""


def _arrangements(gradient: Array) -> Iterator[tuple[str, Array]]:
    axes = range(gradient.ndim)
    if gradient.ndim <= 4:
        for order in itertools.permutations(axes):
            if order != tuple(axes):
                kind = "transposed" if gradient.ndim == 2 else f"transposed, axes in the order {order}"
                turned = gradient.transpose(order)
                yield kind, turned
                if turned.shape != gradient.shape:
                    lengths = tuple(gradient.shape[k] for k in order)
                    yield (
                        f"{kind}: reshaped where it was to be transposed",
                        np.transpose(gradient.reshape(lengths), np.argsort(order)),
                    )
    for axis in axes:
        yield f"flipped along axis {axis}", np.flip(gradient, axis)
    for axis in axes:
        for step in (1, -1, 2, -2):
            yield f"shifted by {abs(step)} along axis {axis}", np.roll(gradient, step, axis)


def _missing_sum(
    wrong: list[Entry], lengths: Sequence[int], unweighted: Callable[[tuple[int, ...]], tuple[float, float]]
) -> str:
    """A sum over a broadcast axis shows where all its terms have the same weight: the ratio is then its length."""
    ratios = []
    for e in wrong[:3]:
        assert e.index is not None
        analytic, numeric = unweighted(e.index)
        if not (math.isfinite(numeric) and numeric and analytic):
            return ""
        ratios.append(analytic / numeric)
    for n, product in _products(lengths):
        if all(_alike(r, 1 / n) for r in ratios):
            return f"1/{n} of it where outputs count alike, {product}: a missing sum over a broadcast axis"
        if all(_alike(r, n) for r in ratios):
            return f"{n} times it where outputs count alike, {product}: summed over an axis too many"
    return ""


def _of_input(wrong: list[Entry], point: Array) -> str:
    """A factor of the input itself, too many or missing."""
    values = [float(point[e.index]) for e in wrong]
    if len(wrong) > 1 and all(_alike(e.analytic, e.numeric * x, e.error) for e, x in zip(wrong, values)):
        return "the finite difference times the input's value: a factor of the input too many"
    if len(wrong) > 1 and all(_alike(e.analytic * x, e.numeric, e.error) for e, x in zip(wrong, values)):
        return "the finite difference divided by the input's value: a factor of the input is missing"
    return ""


def _where(wrong: list[Entry], right: list[Entry]) -> str:
    """The one slice along some axis that all wrong elements share and no right one is in."""
    if len(wrong) < 2 or len(right) < 2:
        return ""
    for axis in range(len(wrong[0].index or ())):
        places = {e.index[axis] for e in wrong if e.index is not None}
        if len(places) == 1 and not any(e.index[axis] in places for e in right if e.index is not None):
            return f", only at index {places.pop()} of axis {axis}"
    return ""


def _alike(a: float, b: float, error: float = 0.0) -> bool:
    return abs(a - b) <= ALIKE * max(abs(a), abs(b)) + error
