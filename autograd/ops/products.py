"""Products: of vectors, matrices, stacks of matrices, and any contraction that Einstein's notation can say."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.contraction import contract, contract_later
from autograd.kernels.deferred import Deferred
from autograd.kernels.product import matrix_product
from autograd.kernels.window_contraction import cotangent_of
from autograd.ops.axes import normalize_axes, shape_of
from autograd.ops.elementwise import multiply, where
from autograd.ops.shaping import broadcast_to, reshape
from autograd.primitive import Operand, multilinear, primitive
from autograd.tensor import Tensor

__all__ = ["dot", "einsum", "inner", "matmul", "outer", "tensordot"]


def matmul(x1: Operand, x2: Operand) -> Tensor:
    """The matrix product x1 @ x2: (..., M, K) by (..., K, N) to (..., M, N), the leading axes broadcasting.

    A vector (K,) on the left is taken as one row, on the right as one column, and the axis of length 1 dropped again. A
    stack of matrices times one matrix is computed as a single product.
    Raises ValueError for a 0-d operand, or if the lengths to be summed over differ.

    Derivative: x̄1 += ȳ x2ᵀ, x̄2 += x1ᵀ ȳ, summed over axes along which the operand was broadcast.

    >>> matmul(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([1.0, -1.0]))
    tensor([-1., -1.])
    """
    left, right = shape_of(x1), shape_of(x2)
    if not left or not right:
        raise ValueError(f"matmul: wants at least 1 dimension in each operand, got shapes {left} and {right}")
    if left[-1] != right[-2:][0]:
        raise ValueError(
            f"matmul: shapes {left} and {right} do not fit: {left[-1]} columns on the left, "
            f"{right[-2:][0]} rows on the right"
        )
    if len(left) == 2 and len(right) == 2:
        return _matmul(x1, x2)
    if len(right) == 1:
        return reshape(matmul(x1, reshape(x2, (*right, 1))), left[:-1])
    if len(left) == 1:
        return reshape(matmul(reshape(x1, (1, *left)), x2), (*right[:-2], right[-1]))
    if len(right) == 2:
        rows = reshape(x1, (math.prod(left[:-1]), left[-1]))
        return reshape(_matmul(rows, x2), (*left[:-1], right[-1]))
    return _matmul(x1, x2)


@multilinear(
    lambda g, x2: _matmul(g, x2.swapaxes(-1, -2)),
    lambda g, x1: _matmul(x1.swapaxes(-1, -2), g),
)
def _matmul(x1: Array, x2: Array) -> Any:
    return matrix_product(np.asarray(x1), np.asarray(x2))


def dot(a: Operand, b: Operand) -> Tensor:
    """NumPy's dot: the sum of products over the last axis of `a` and the last but one of `b` (its only one, if a
    vector).

    (..., K) and (*S, K, N) give (..., *S, N). With a 0-d operand it is the product of numbers.
    Raises ValueError if the lengths to be summed over differ.

    Derivative: ā and b̄ += ȳ contracted with the other.

    >>> dot(tensor([1.0, 2.0]), tensor([3.0, 4.0]))
    tensor(11.)
    """
    left, right = shape_of(a), shape_of(b)
    if not left or not right:
        return multiply(a, b)
    if left[-1] != right[-2:][0]:
        raise ValueError(
            f"dot: shapes {left} and {right} do not fit: lengths {left[-1]} and {right[-2:][0]} are to be summed over"
        )
    return matmul(a, b) if len(right) < 3 else tensordot(a, b, ((-1,), (-2,)))


def inner(a: Operand, b: Operand) -> Tensor:
    """The sum of products over the last axes of both: (*S, K) and (*T, K) give (*S, *T). With a 0-d operand, a · b.

    Raises ValueError if the last axes have different lengths.

    Derivative: ā and b̄ += ȳ contracted with the other.

    >>> inner(tensor([1.0, 2.0]), tensor([[3.0, 4.0], [5.0, 6.0]]))
    tensor([11., 17.])
    """
    left, right = shape_of(a), shape_of(b)
    if not left or not right:
        return multiply(a, b)
    if left[-1] != right[-1]:
        raise ValueError(f"inner: wants last axes of equal length, got shapes {left} and {right}")
    return tensordot(a, b, ((-1,), (-1,)))


def outer(a: Operand, b: Operand) -> Tensor:
    """All products of an element of `a` with one of `b`, each flattened: (M,) and (N,) give (M, N).

    Derivative: ā_i += Σ_j ȳ_ij · b_j, b̄_j += Σ_i ȳ_ij · a_i.

    >>> outer(tensor([1.0, 2.0]), tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return multiply(reshape(a, (math.prod(shape_of(a)), 1)), reshape(b, (1, math.prod(shape_of(b)))))


def tensordot(a: Operand, b: Operand, axes: int | Sequence[Any] = 2) -> Tensor:
    """The sum of products over `axes`: a pair of axes (or of sequences of axes) of `a` and `b`; or a number n, for the
    last n of `a` with the first n of `b`. The result has the other axes of `a`, then those of `b`.

    Raises AxisError for an axis that an operand does not have, ValueError if paired axes have different lengths.

    Derivative: ā and b̄ += ȳ contracted with the other.

    >>> tensordot(tensor(np.ones((2, 3, 4))), tensor(np.ones((3, 4, 5))), axes=2).shape
    (2, 5)
    """
    left, right = shape_of(a), shape_of(b)
    if hasattr(axes, "__index__"):
        count = axes.__index__()
        if not 0 <= count <= min(len(left), len(right)):
            raise ValueError(f"tensordot: cannot sum over {count} axes of shapes {left} and {right}")
        first, second = tuple(range(len(left) - count, len(left))), tuple(range(count))
    else:
        of_a, of_b = axes
        first, second = normalize_axes("tensordot", of_a, len(left)), normalize_axes("tensordot", of_b, len(right))
    if [left[axis] for axis in first] != [right[axis] for axis in second]:
        raise ValueError(f"tensordot: axes {first} of shape {left} do not match axes {second} of shape {right}")
    labels = iter(ascii_letters)
    term_a = [next(labels) for _ in left]
    term_b = [term_a[first[second.index(axis)]] if axis in second else next(labels) for axis in range(len(right))]
    summed = {term_a[axis] for axis in first}
    output = "".join(label for label in (*term_a, *term_b) if label not in summed)
    return _einsum((a, b), f"{''.join(term_a)},{''.join(term_b)}->{output}")


def einsum(subscripts: Any, *operands: Any) -> Tensor:
    """The sum of products that `subscripts` name, in Einstein's notation: `einsum("ij,jk->ik", a, b)` is a @ b.

    Each operand has one letter per axis. Letters that the output (after "->") does not have are summed over; one that
    comes twice in an operand takes its diagonal; "..." stands for any number of leading or other axes, which broadcast.
    Without "->", the output has the letters that come once, sorted, after the axes of "...". Axes of length 1
    broadcast. Also takes NumPy's other form, `einsum(a, [0, 1], b, [1, 2], [0, 2])`. Two operands become one matrix
    product where they can; with more, an order is searched for in which to take them.
    Raises ValueError for subscripts that do not fit the operands.

    Derivative: x̄ᵢ += Σ ȳ · ∏ⱼ≠ᵢ xⱼ, over the letters that the operand xᵢ does not have.

    So an operand's cotangent is an einsum of ȳ and the others; along letters that it alone has, it is broadcast, and
    that of a diagonal is put on the diagonal.

    >>> einsum("ij,jk->ik", tensor([[1.0, 2.0]]), tensor([[3.0], [4.0]]))
    tensor([[11.]])
    >>> einsum("ii", tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered((subscripts, *operands))
    return _einsum(operands, canonical(subscripts, tuple(tuple(shape_of(x)) for x in operands)))


@functools.lru_cache(maxsize=1024)
def _terms_around(subscripts: str, i: int) -> tuple[str, tuple[str, ...], str]:
    """The i-th term; that of the output and the others; and which labels of the i-th these know."""
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")
    term = terms.pop(i)
    known = "".join(label for label in dict.fromkeys(term) if label in output or any(label in t for t in terms))
    return term, (output, *terms), known


def _pull(g: Any, operands: Any, operands_shape: Any, subscripts: str, i: int) -> Any:
    term, terms, known = _terms_around(subscripts, i)
    others = (g, *operands[:i], *operands[i + 1 :])
    deferred = cotangent_of(term, operands[i], terms, others)
    if deferred is not None:
        return deferred
    y = _einsum(others, f"{','.join(terms)}->{known}")
    shape = operands_shape[i]
    if y.shape == shape:
        return y
    length = dict(zip(term, shape)) | {label: n for label, n in zip(known, y.shape) if n != 1}
    first = [term.index(label) == axis for axis, label in enumerate(term)]
    found = dict(zip(known, y.shape))
    y = reshape(y, tuple(found.get(label, 1) if one else 1 for label, one in zip(term, first)))
    y = broadcast_to(y, tuple(length[label] if one else 1 for label, one in zip(term, first)))
    for axis, label in enumerate(term):
        if not first[axis]:
            n, ahead = length[label], term.index(label)
            on_diagonal = np.eye(n, dtype=bool).reshape([n if k in (ahead, axis) else 1 for k in range(len(term))])
            y = where(on_diagonal, y, 0)
    return y


def _push(tangents: Sequence[Any], operands: Any, subscripts: str) -> Any:
    moved = [
        _einsum((*operands[:i], tangent, *operands[i + 1 :]), subscripts)
        for i, tangent in enumerate(tangents)
        if tangent is not None
    ]
    return functools.reduce(lambda a, b: a + b, moved)


@primitive(
    vjps=[_pull],
    jvps=[_push],
    variadic=True,
    reads_deferred=True,
    later=lambda operands, subscripts: contract_later(subscripts, operands),
)
def _einsum(operands: Sequence[Array], subscripts: str) -> Any:
    return contract(subscripts, [x if isinstance(x, Deferred) else np.asarray(x) for x in operands])


@functools.lru_cache(maxsize=1024)
def canonical(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> str:
    """Einsum subscripts spelled out for operands of these shapes: with an output, letters in place of ellipses, no
    spaces.

    Raises ValueError if they do not fit.
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")

    def refuse(why: str) -> ValueError:
        return ValueError(f"einsum: {why}; subscripts '{subscripts}', shapes {', '.join(map(str, shapes))}")

    if len(terms) != len(shapes):
        raise refuse(f"{len(terms)} terms for {len(shapes)} operands")
    for term in (*terms, output):
        letters = term.replace("...", "", 1)
        if not all(letter in ascii_letters for letter in letters):
            raise refuse(f"'{term}' has something else than letters and one ellipsis")
    hidden = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes)]
    for term, shape, count in zip(terms, shapes, hidden):
        if count < 0 or (count and "..." not in term):
            raise refuse(f"'{term}' does not name the {len(shape)} axes of shape {shape}")
    unused = [letter for letter in ascii_letters if letter not in subscripts]
    most = max((count for count, term in zip(hidden, terms) if "..." in term), default=0)
    if most > len(unused):
        raise refuse("too many axes")
    spare = "".join(unused[:most])
    terms = [term.replace("...", spare[most - count :]) for term, count in zip(terms, hidden)]
    if not arrow:
        together = "".join(terms)
        output = spare + "".join(sorted(c for c in set(together) if c not in spare and together.count(c) == 1))
    elif spare and "..." not in output:
        raise refuse("the output has to say where the axes of '...' go")
    output = output.replace("...", spare)
    if len(set(output)) != len(output) or not set(output) <= set("".join(terms)):
        raise refuse("the output has to name letters of the operands, each once")

    lengths: dict[str, int] = {}
    for term, shape in zip(terms, shapes):
        own: dict[str, int] = {}
        for label, length in zip(term, shape):
            if own.setdefault(label, length) != length:
                raise refuse(f"the diagonal along '{label}' has lengths {own[label]} and {length}")
            known = lengths.setdefault(label, length)
            if known == 1:
                lengths[label] = length
            elif length not in (1, known):
                raise refuse(f"'{label}' has lengths {known} and {length}")
    return f"{','.join(terms)}->{output}"


def _lettered(arguments: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """einsum's form with lists of numbers, as subscripts and operands."""
    operands, lists = arguments[: len(arguments) // 2 * 2 : 2], arguments[1::2]
    terms = ",".join(_letters(numbers) for numbers in lists)
    if len(arguments) % 2:
        terms += "->" + _letters(arguments[-1])
    return terms, tuple(operands)


def _letters(numbers: Sequence[Any]) -> str:
    def each() -> Iterator[str]:
        for number in numbers:
            if number is Ellipsis:
                yield "..."
            elif not 0 <= number < 52:
                raise ValueError(f"einsum: wants labels from 0 to 51, got {number}")
            else:
                yield (ascii_uppercase + ascii_lowercase)[number]

    return "".join(each())
