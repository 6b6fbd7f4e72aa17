"""Einstein summation as matrix products.

Two operands at a time. Their labels fall into batch (in both and in the result), summed (in both, not in the result),
rows and columns (in one of them and in the result); transposing and reshaping makes matrices, and one product does
the work. Where the reshaping has to copy an operand, as it does a view of sliding windows, the copy has runs as long as
the memory allows and is made a block at a time, so that it stays in cache. What the subscripts leave free is chosen for
speed: the order of labels in a group, which operand goes left, and so the physical layout of the result, which may be a
transposed view.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred
from autograd.kernels.product import matrix_product
from autograd.kernels.reduce import LARGE, total
from autograd.kernels.window_contraction import contract_windows, convolved, terms_of

# Elements in a block of a copied operand: 1 MB of float32, what a second-level cache holds.
BLOCK = 1 << 18
# A matrix has to be this long and wide before it is worth a product of its own.
WIDE = 64
# Up to this many multiplications for each matrix, np.einsum's plain loop is quicker.
SMALL = 512


def contract(subscripts: str, operands: Sequence[Any]) -> Array:
    """The sum that `subscripts` ("ij,jk->ik": letters only, no ellipsis, with its output) asks for.

    A length of 1 broadcasts against another operand's; other lengths are taken to agree. An operand may be Deferred.
    """
    terms, output, lengths, fit, plain = _read(subscripts, tuple([x.shape for x in operands]))
    if fit and len(terms) == 2:
        found = contract_windows(terms_of(*terms, output), terms[0], operands, output)
        if found is not None:
            return found
    operands = [x.array if isinstance(x, Deferred) else x for x in operands]
    if plain:
        return _product(terms[0], operands[0], terms[1], operands[1], output)
    dtype = np.result_type(*operands)  # that of sums, too
    operands = [x.astype(dtype, copy=False) for x in operands]
    whole = [_squeezed(*_diagonal(term, x), lengths) for term, x in zip(terms, operands, strict=True)]
    pairs = []
    for i, (term, x) in enumerate(whole):
        pairs.append(_summed(term, x, "".join((output, *(t for k, (t, _) in enumerate(whole) if k != i)))))
    if len(pairs) > 2:
        for picked in _path(tuple(term for term, _ in pairs), output, tuple(x.shape for _, x in pairs))[:-1]:
            group = [pairs.pop(i) for i in sorted(picked, reverse=True)]
            pairs.append(_together(group, output + "".join(term for term, _ in pairs)))
    return _together(pairs, output, last=True)[1]


def contract_later(subscripts: str, operands: Sequence[Any]) -> Deferred | None:
    """`contract`, to be done with what follows, of a convolution; None of what had better be done at once."""
    if len(operands) != 2:
        return None
    terms, output, lengths, fit, _ = _read(subscripts, tuple([x.shape for x in operands]))
    if not fit:
        return None
    return convolved(terms_of(*terms, output), terms[0], operands, output, tuple([lengths[label] for label in output]))


class Reading(NamedTuple):
    """Subscripts taken apart for operands of known shapes: each label's length; whether they `fit`, no axis of length 1
    being stretched; and whether they are `plain`: two that fit, each label once in a term and in two of the three."""

    terms: tuple[str, ...]
    output: str
    lengths: dict[str, int]
    fit: bool
    plain: bool


@functools.lru_cache(maxsize=4096)
def _read(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> Reading:
    inputs, output = subscripts.split("->")
    terms = tuple(inputs.split(","))
    pairs = [pair for term, shape in zip(terms, shapes, strict=True) for pair in zip(term, shape, strict=True)]
    lengths: dict[str, int] = {}
    for label, length in pairs:
        if lengths.get(label, 1) == 1:
            lengths[label] = length
    fit = all(length == lengths[label] for label, length in pairs)
    once = all(len(set(term)) == len(term) for term in terms)
    plain = fit and once and len(terms) == 2 and all(f"{inputs}{output}".count(label) > 1 for label in lengths)
    return Reading(terms, output, lengths, fit, plain)


def _diagonal(term: str, x: Array) -> tuple[str, Array]:
    """An operand without repeated labels: the diagonal along them."""
    labels = "".join(dict.fromkeys(term))
    return labels, x if labels == term else np.einsum(f"{term}->{labels}", x)


def _squeezed(term: str, x: Array, lengths: dict[str, int]) -> tuple[str, Array]:
    """An operand without the axes of length 1 that another operand stretches."""
    if all(length == lengths[label] for label, length in zip(term, x.shape, strict=True)):
        return term, x
    kept = [axis for axis, label in enumerate(term) if x.shape[axis] == lengths[label]]
    return "".join(term[axis] for axis in kept), x.reshape([x.shape[axis] for axis in kept])


def _summed(term: str, x: Array, elsewhere: str) -> tuple[str, Array]:
    """An operand without the labels that nothing else has: summed along them."""
    lone = tuple(axis for axis, label in enumerate(term) if label not in elsewhere)
    if not lone:
        return term, x
    left = "".join(label for label in term if label in elsewhere)
    if x.size >= LARGE and x.dtype.char in "fd" and (sums := total(x, lone)) is not None:
        return left, np.squeeze(sums, lone)
    return left, np.add.reduce(x, axis=lone, dtype=x.dtype.newbyteorder("="))


@functools.lru_cache(maxsize=1024)
def _path(terms: tuple[str, ...], output: str, shapes: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
    """In which order to take many operands, as NumPy's greedy search finds it."""
    stand_ins = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
    return list(np.einsum_path(f"{','.join(terms)}->{output}", *stand_ins, optimize="greedy")[0][1:])


def _together(pairs: list[tuple[str, Array]], needed: str, last: bool = False) -> tuple[str, Array]:
    """Operands contracted one after the other; of their labels, those `needed` remain (`last`: in that order)."""
    (labels, x), *others = pairs
    for i, (term, y) in enumerate(others):
        outside = "".join((needed, *(t for t, _ in others[i + 1 :])))
        target = "".join(label for label in dict.fromkeys(labels + term) if label in outside)
        if last and i == len(others) - 1:
            target = needed
        labels, x = target, _product(labels, x, term, y, target)
    if last and labels != needed:
        x = x.transpose([labels.index(label) for label in needed])
    return labels, x


def _product(ta: str, a: Array, tb: str, b: Array, output: str) -> Array:
    """The contraction of two operands, each without repeated labels."""
    plan = _plan(ta, a.shape, a.strides, tb, b.shape, b.strides, output)
    if plan is None:
        return np.einsum(f"{ta},{tb}->{output}", a, b)
    if plan.exchanged:
        a, b = b, a
    if plan.elementwise:
        return np.multiply(plan.left.aligned(a), plan.right.aligned(b))
    if plan.step is None:
        y = matrix_product(plan.left.matrices(a), plan.right.matrices(b))
    else:
        y = _in_blocks(plan, plan.step, a, b)
    if y.shape == plan.shape and plan.axes == tuple(range(y.ndim)):
        return y  # not a view, so that a backward pass may keep it without a copy
    return y.reshape(plan.shape).transpose(plan.axes)


class Layout(NamedTuple):
    """How to see an operand as a stack of matrices: its axes in order (first the `batch` ones that number the matrices,
    then the `outer` ones that make the rows, then those of the columns); `lacking`, which puts in the batch axes that
    it lacks; whether the matrices are then transposed; and which axis is taken in blocks."""

    axes: tuple[int, ...]
    lacking: tuple[Any, ...]
    batch: int = 0
    outer: int = 0
    transposed: bool = False
    blocked: int | None = None

    def aligned(self, x: Array) -> Array:
        return x.transpose(self.axes)[self.lacking]

    def matrices(self, x: Array) -> Array:
        x = x.transpose(self.axes)
        shape, columns = x.shape, self.batch + self.outer
        stack = x.reshape(*shape[: self.batch], math.prod(shape[self.batch : columns]), math.prod(shape[columns:]))
        return (stack.swapaxes(-1, -2) if self.transposed else stack)[self.lacking]

    def part(self, x: Array, block: slice) -> Array:
        return x if self.blocked is None else x[(slice(None),) * self.blocked + (block,)]


class Plan(NamedTuple):
    """How to contract two operands: whether the second goes left; whether nothing is summed, so that it is a
    multiplication; their layouts; the shape of the product, split again into one axis per label, and the order of its
    axes in the result; and, if one label is taken in blocks, how many at a time, the shape of the stack of products,
    and whether the stack is summed."""

    exchanged: bool
    elementwise: bool
    left: Layout
    right: Layout
    shape: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    step: int | None = None
    stack: tuple[int, ...] = ()
    summed: bool = False


def _in_blocks(plan: Plan, step: int, a: Array, b: Array) -> Array:
    dtype = np.result_type(a, b)
    y = np.zeros(plan.stack[1:], dtype) if plan.summed else np.empty(plan.stack, dtype)
    for start in range(0, plan.stack[0], step):
        block = slice(start, start + step)
        left, right = plan.left.matrices(plan.left.part(a, block)), plan.right.matrices(plan.right.part(b, block))
        if plan.summed:
            y += np.add.reduce(matrix_product(left, right), axis=0, dtype=dtype)
        else:
            y[block] = matrix_product(left, right)
    return y


class Operand:
    """The labels of one operand, with what is known of its memory."""

    def __init__(self, term: str, shape: Sequence[int], strides: Sequence[int]) -> None:
        self.term = term
        self.length = dict(zip(term, shape, strict=True))
        self.stride = {label: abs(stride) for label, stride in zip(term, strides, strict=True)}
        self.nearest = min((self.stride[label] for label in term if self.length[label] > 1), default=1)

    def size(self, labels: Iterable[str]) -> int:
        return math.prod(self.length[label] for label in labels)

    def far_to_near(self, labels: Iterable[str]) -> list[str]:
        """Labels from the largest stride to the smallest; of equal ones, the longest last."""
        return sorted(labels, key=lambda label: (self.length[label] > 1, -self.stride[label], self.length[label]))

    def merges(self, labels: Iterable[str]) -> bool:
        """Whether these axes can be seen as one without a copy."""
        long = [label for label in labels if self.length[label] > 1]
        return all(self.stride[p] == self.stride[q] * self.length[q] for p, q in itertools.pairwise(long))

    def copying(self, labels: Sequence[str]) -> float:
        """What an element costs when copied in runs along the last of `labels`: its share of a start and its stride."""
        if not labels or self.length[labels[-1]] < 2:
            return math.inf
        return 10 / self.length[labels[-1]] + (1 if self.stride[labels[-1]] == self.nearest else 2)


@functools.lru_cache(maxsize=4096)
def _plan(
    ta: str,
    shape_a: tuple[int, ...],
    strides_a: tuple[int, ...],
    tb: str,
    shape_b: tuple[int, ...],
    strides_b: tuple[int, ...],
    output: str,
) -> Plan | None:
    """The plan for operands of these labels, shapes and strides; None if np.einsum's plain loop does best."""
    operands = a, b = Operand(ta, shape_a, strides_a), Operand(tb, shape_b, strides_b)
    length = a.length | b.length
    big = a if math.prod(shape_a) >= math.prod(shape_b) else b
    batch = [label for label in output if label in ta and label in tb]
    summed = big.far_to_near(label for label in ta if label in tb and label not in output)
    free = [one.far_to_near(label for label in one.term if label not in other.term) for one, other in ((a, b), (b, a))]
    if not summed:
        return Plan(False, True, _aligning(ta, output), _aligning(tb, output))
    if math.prod(length[label] for label in (*free[0], *free[1], *summed)) <= SMALL:
        return None

    blocked = _label_for_blocks(operands, big, free, summed)
    if blocked is not None:
        batch.insert(0, blocked)
        free = [[label for label in labels if label != blocked] for labels in free]
        summed = [label for label in summed if label != blocked]

    # The product has the order of the result if it can have; else the one with the longer last axis.
    orders = [[label for label in (*batch, *free[i], *free[1 - i]) if label in output] for i in (0, 1)]
    last = [length[labels[-1]] if labels else 0 for labels in free]
    exchanged = orders[1] == list(output) or (orders[0] != list(output) and last[0] > last[1])
    order = orders[exchanged]

    layouts, copied = [], 0
    for operand, labels, goes_left in zip(operands, free, (not exchanged, exchanged), strict=True):
        outer, inner = (labels, summed) if goes_left else (summed, labels)
        transposed = operand.copying(outer) < operand.copying(inner)
        if transposed:
            outer, inner = inner, outer
        present = [label for label in batch if label in operand.term]
        axes = tuple(operand.term.index(label) for label in (*present, *outer, *inner))
        index = tuple(slice(None) if label in present else None for label in batch)
        at = operand.term.index(blocked) if blocked in present else None
        layouts.append(Layout(axes, index, len(present), len(outer), transposed, at))
        if blocked in present and not (operand.merges(outer) and operand.merges(inner)):
            copied = max(copied, operand.size((*present, *outer, *inner)) // max(1, length[blocked]))
    if exchanged:
        layouts.reverse()
        free.reverse()
    left, right = layouts
    shape = tuple(length[label] for label in order)
    plan = Plan(exchanged, False, left, right, shape, tuple(order.index(label) for label in output))
    if blocked is None or (blocked in output and not copied):
        return plan
    stack = tuple(length[label] for label in batch) + tuple(
        math.prod(length[label] for label in labels) for labels in free
    )
    step = max(1, BLOCK // copied) if copied else length[blocked]
    return plan._replace(step=step, stack=stack, summed=blocked not in output)


def _label_for_blocks(
    operands: Sequence[Operand], big: Operand, free: Sequence[Sequence[str]], summed: Sequence[str]
) -> str | None:
    """A label to multiply along, one matrix product each, so that an operand that cannot be seen as a matrix need not
    be copied, or not at once; None if there is no need, or no label whose matrices would be large enough."""
    for operand, own in sorted(zip(operands, free, strict=True), key=lambda pair: pair[0] is not big):
        if operand.merges(own) and operand.merges(summed):
            continue
        for label in operand.far_to_near((*own, *summed)):
            rest = operand.size(own if label in own else summed) // max(1, operand.length[label])
            result = math.prod(one.size(labels) for one, labels in zip(operands, free, strict=True))
            item = operand.size(operand.term) // max(1, operand.length[label])
            if rest >= WIDE and (label in own or result <= item):
                return label
    return None


def _aligning(term: str, output: str) -> Layout:
    """The layout in which an operand broadcasts along the labels of `output`."""
    axes = tuple(term.index(label) for label in output if label in term)
    return Layout(axes, tuple(slice(None) if label in term else None for label in output))
