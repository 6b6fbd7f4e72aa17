"""Joining and splitting against NumPy and PyTorch, and their derivatives against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import check_derivatives

from autograd.ops import joining
from autograd.primitive import registry
from autograd.tensor import Tensor, tensor

rng = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return np.asarray(rng.normal(size=shape))


JOINS: list[tuple[str, tuple[Any, ...], list[tuple[int, ...]]]] = [
    ("concatenate", (), [(2, 3), (1, 3), (4, 3)]),
    ("concatenate", (1,), [(2, 3), (2, 1), (2, 0)]),
    ("concatenate", (-1,), [(3,), (0,), (1,)]),
    ("concatenate", (1,), [(2, 1, 3)]),
    ("concatenate", (None,), [(2, 3), (), (4,)]),
    ("concatenate", (0,), [(0, 2), (0, 2)]),
    ("stack", (), [(2, 3), (2, 3)]),
    ("stack", (1,), [(2, 3), (2, 3), (2, 3)]),
    ("stack", (-1,), [(2, 1), (2, 1)]),
    ("stack", (), [(), (), ()]),
    ("stack", (1,), [(0, 2), (0, 2)]),
    ("hstack", (), [(2, 1), (2, 3)]),
    ("hstack", (), [(2,), (), (3,)]),
    ("vstack", (), [(2, 3), (3,)]),
    ("vstack", (), [(), (1, 1)]),
]


@pytest.mark.parametrize(("name", "arguments", "shapes"), JOINS)
def test_joining(name: str, arguments: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> None:
    operation, oracle = getattr(joining, name), getattr(np, name)
    arrays = [draw(*shape[::-1]).T for shape in shapes]
    expected = oracle(arrays, *arguments)
    tensors = [tensor(a) for a in arrays]
    for result in (
        operation(tensors, *arguments),
        operation(tuple(tensors), *arguments),
        oracle(tensors, *arguments),
        operation([tensors[0], *arrays[1:]], *arguments),
        operation([*arrays[:-1], tensors[-1]], *arguments),
    ):
        assert isinstance(result, Tensor)
        np.testing.assert_array_equal(result.array, expected)
    np.testing.assert_array_equal(operation(arrays, *arguments), expected)
    single = operation([tensor(a.astype(np.float32)) for a in arrays], *arguments)
    assert single.dtype == np.float32


@pytest.mark.parametrize(("name", "arguments", "shapes"), JOINS)
def test_derivatives_of_joining(name: str, arguments: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> None:
    operation = getattr(joining, name)
    arrays = [draw(*shape[::-1]).T for shape in shapes]
    check_derivatives(lambda *xs: operation([x * x for x in xs], *arguments), *arrays)
    check_derivatives(lambda *xs: operation([*xs[:-1], xs[-1] * xs[-1]], *arguments), *arrays, wrt=[len(arrays) - 1])
    check_derivatives(lambda x, *xs: operation([x * x, *xs, x], *arguments), *arrays)


def test_joining_the_slices_of_one_tensor() -> None:
    x = draw(3, 2)
    np.testing.assert_array_equal(joining.concatenate(tensor(x)).array, np.concatenate(x))
    np.testing.assert_array_equal(joining.stack(tensor(x), axis=1).array, np.stack(x, axis=1))
    np.testing.assert_array_equal(joining.stack(x, axis=1), np.stack(x, axis=1))
    check_derivatives(lambda x: joining.concatenate(x * x), x)


def test_numbers_and_lists_take_the_default_dtype() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y = joining.concatenate([x, [3.0]])
    assert y.dtype == np.float32
    z = joining.stack([x.sum(), 4.0])
    assert z.dtype == np.float32
    (y.sum() + z.sum()).backward()
    np.testing.assert_array_equal(x.grad.array, [2, 2])


def test_mixed_dtypes_promote_and_gradients_keep_theirs() -> None:
    a = tensor(draw(2).astype(np.float32), requires_grad=True)
    b = tensor(draw(2), requires_grad=True)
    y = joining.concatenate([a, b, np.array([1, 2])])
    assert y.dtype == np.float64
    y.sum().backward()
    assert a.grad.dtype == np.float32
    assert b.grad.dtype == np.float64


SPLITS: list[tuple[tuple[int, ...], Any, int]] = [
    ((6,), 3, 0),
    ((6,), 1, 0),
    ((4, 6), 2, -1),
    ((0, 2), 3, 0),
    ((6,), [2, 5], 0),
    ((6,), (2, 2, 9), 0),
    ((6,), [-4, -1], 0),
    ((2, 5), np.array([1, 3]), 1),
    ((5,), [], 0),
    ((2, 1), [1], 1),
]


@pytest.mark.parametrize(("shape", "where", "axis"), SPLITS)
def test_split(shape: tuple[int, ...], where: Any, axis: int) -> None:
    x = draw(*shape[::-1]).T
    expected = np.split(x, where, axis)
    t = tensor(x)
    for pieces in (joining.split(t, where, axis), np.split(t, where, axis), joining.split(x, where, axis)):
        assert len(pieces) == len(expected)
        for piece, wanted in zip(pieces, expected, strict=True):
            np.testing.assert_array_equal(getattr(piece, "array", piece), wanted)
    for piece in joining.split(t, where, axis):
        assert piece.size == 0 or np.shares_memory(piece.array, t.array)
    check_derivatives(lambda x: joining.concatenate(joining.split(x * x, where, axis)[::-1], axis), x)
    check_derivatives(lambda x: joining.split(x * x, where, axis)[0], x)


@pytest.mark.parametrize(
    ("shape", "chunks", "axis"), [((6,), 3, 0), ((7,), 3, 0), ((5, 2), 4, 0), ((2, 5), 9, 1), ((0, 2), 3, 0)]
)
def test_chunk_is_torchs(shape: tuple[int, ...], chunks: int, axis: int) -> None:
    torch = pytest.importorskip("torch")
    x = draw(*shape)
    expected = torch.chunk(torch.from_numpy(x), chunks, axis)
    pieces = joining.chunk(tensor(x), chunks, axis)
    assert len(pieces) == len(expected)
    for piece, wanted in zip(pieces, expected, strict=True):
        np.testing.assert_array_equal(piece.array, wanted.numpy())
    check_derivatives(lambda x: joining.concatenate(joining.chunk(x * x, chunks, axis)[::-1], axis), x)


@pytest.mark.parametrize(("shape", "axis"), [((3,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 1, 3), -1), ((2, 0), 0)])
def test_unstack(shape: tuple[int, ...], axis: int) -> None:
    x = draw(*shape[::-1]).T
    for pieces in (joining.unstack(tensor(x), axis), joining.unstack(x, axis)):
        assert len(pieces) == shape[axis]
        for piece, wanted in zip(pieces, np.moveaxis(x, axis, 0), strict=True):
            np.testing.assert_array_equal(getattr(piece, "array", piece), wanted)

    def products(x: Any) -> Any:
        pieces = joining.unstack(x * x, axis)
        return pieces[0] * pieces[-1] + pieces[0]

    check_derivatives(products, x)


def test_unstack_of_an_empty_axis() -> None:
    assert joining.unstack(tensor(np.zeros((0, 2)), requires_grad=True)) == ()


@pytest.mark.skipif(not hasattr(np, "unstack"), reason="NumPy 2.0 has no unstack")
def test_numpys_unstack() -> None:
    assert [piece.tolist() for piece in np.unstack(tensor([[1, 2], [3, 4]]), axis=1)] == [[1, 3], [2, 4]]


def test_many_pieces_there_and_back() -> None:
    """Ten thousand pieces; with work proportional to their square this would take minutes."""
    x = tensor(draw(10_000, 20), requires_grad=True)
    y = joining.concatenate([2.0 * piece for piece in joining.unstack(x)])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, np.full(x.shape, 2.0))


ERRORS: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda x: joining.concatenate([]), ValueError, r"concatenate: wants at least one array, got none"),
    (lambda x: joining.stack(()), ValueError, r"stack: wants at least one array, got none"),
    (
        lambda x: joining.concatenate([x, x.T]),
        ValueError,
        r"concatenate: shapes \(2, 3\) and \(3, 2\) \(of array 1\) do not match but for axis 0",
    ),
    (
        lambda x: joining.concatenate([x, x.ravel()]),
        ValueError,
        r"concatenate: shapes \(2, 3\) and \(6,\) \(of array 1\)",
    ),
    (lambda x: joining.concatenate([x, x], 2), IndexError, r"concatenate: axis 2 is out of range"),
    (lambda x: joining.concatenate([x.sum()]), IndexError, r"concatenate: axis 0 is out of range"),
    (
        lambda x: joining.stack([x, x, x.T]),
        ValueError,
        r"stack: wants arrays of one shape, got \(2, 3\) and \(3, 2\) \(of array 2\)",
    ),
    (lambda x: joining.stack([x, x], 3), IndexError, r"stack: axis 3 is out of range"),
    (lambda x: joining.split(x, 2, 1), ValueError, r"split: cannot cut axis 1 of shape \(2, 3\) into 2 equal parts"),
    (lambda x: joining.split(x, 0), ValueError, r"split: cannot cut axis 0 of shape \(2, 3\) into 0 equal parts"),
    (lambda x: joining.split(x, [2, 1], 1), ValueError, r"split: indices have to increase, got \[2, 1\] for axis 1"),
    (lambda x: joining.split(x, 1.5), TypeError, r"split: the number of parts has to be an integer, got 1.5"),
    (lambda x: joining.split(x, [0.5]), TypeError, r"split: an index has to be an integer, got 0.5"),
    (lambda x: joining.chunk(x, 2.0), TypeError, r"chunk: the number of chunks has to be an integer, got 2.0"),
    (lambda x: joining.chunk(x, 0), ValueError, r"chunk: wants a positive number of chunks, got 0"),
    (lambda x: joining.chunk(x, 2, 5), IndexError, r"chunk: axis 5 is out of range"),
    (lambda x: joining.unstack(x, 2), IndexError, r"unstack: axis 2 is out of range"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_errors(call: Callable[[Any], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match="^" + message):
        call(tensor(draw(2, 3)))


@pytest.mark.parametrize("join", [joining.concatenate, joining.stack, joining.hstack, joining.vstack])
def test_numbers_take_the_dtype_of_the_tensors_beside_them(join: Callable[..., Tensor]) -> None:
    for dtype in (np.float32, np.float64):
        joined = join([tensor(np.array([1.0], dtype)), [0.1]])
        assert joined.dtype == dtype
        assert joined.numpy().reshape(-1)[1] == dtype(0.1)


def test_plans_for_sequences_of_which_some_require_grad_are_not_kept_without_end() -> None:
    for _ in range(400):
        needed = [True, *(rng.random(15) < 0.5)]
        xs = [tensor([1.0], requires_grad=bool(need)) for need in needed]
        joining.concatenate(xs).sum().backward()
        assert [x.grad is not None for x in xs] == needed
    assert len(registry["concatenate"].plans) <= 256
