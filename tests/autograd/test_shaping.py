"""Shaping, padding, repetition and diagonals against NumPy and PyTorch, and their derivatives against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import check_derivatives

import autograd as ag
from autograd.ops import diagonals, padding, repetition, shaping
from autograd.tensor import Tensor, tensor

rng = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return np.asarray(rng.normal(size=shape))


def backwards(*shape: int) -> np.ndarray:
    """A non-contiguous array: transposed, and read with negative steps."""
    return draw(*shape[::-1]).T[(..., *(slice(None, None, -1) for _ in shape))]


# Calls that mean the same here and in NumPy: the name, the arguments after x, and shapes of x.
SAME_AS_NUMPY: list[tuple[str, tuple[Any, ...], list[tuple[int, ...]]]] = [
    ("reshape", ((3, -1),), [(2, 3), (6,), (3, 1, 2)]),
    ("reshape", ((0, 4),), [(2, 0), (0,)]),
    ("reshape", (-1,), [(2, 3), (), (1,)]),
    ("reshape", ((),), [(1,), ()]),
    ("ravel", (), [(2, 3), (), (0, 3), (3, 1, 2)]),
    ("transpose", (), [(2, 3), (), (4,), (2, 1, 3), (0, 2)]),
    ("transpose", ((1, 2, 0),), [(2, 1, 3), (0, 2, 3)]),
    ("transpose", ((-1, 0, -2),), [(2, 1, 3)]),
    ("permute_dims", ((1, 0),), [(2, 3)]),
    ("moveaxis", (0, -1), [(2, 3, 4), (3,)]),
    ("moveaxis", ((0, 1), (-1, 0)), [(2, 1, 3)]),
    ("moveaxis", ([2, 0], [0, 1]), [(2, 1, 3, 2)]),
    ("swapaxes", (0, -1), [(2, 3, 4), (3,), (1, 0)]),
    ("matrix_transpose", (), [(2, 3), (2, 1, 3)]),
    ("expand_dims", (0,), [(2, 3), (), (0,)]),
    ("expand_dims", ((0, -1),), [(2, 3), ()]),
    ("squeeze", (), [(1, 3, 1), (2, 3), (1,), (1, 0)]),
    ("squeeze", (-1,), [(2, 1), (0, 1)]),
    ("squeeze", ((0, 2),), [(1, 3, 1)]),
    ("broadcast_to", ((2, 3),), [(3,), (2, 1), (), (1, 3), (2, 3)]),
    ("broadcast_to", ((0, 3),), [(3,), (1, 1)]),
    ("flip", (), [(2, 3), (), (0, 2)]),
    ("flip", (1,), [(2, 3), (2, 1)]),
    ("flip", ((0, -1),), [(2, 1, 3)]),
    ("fliplr", (), [(2, 3)]),
    ("flipud", (), [(2, 3), (3,)]),
    *(("rot90", (k,), [(2, 3), (2, 3, 2)]) for k in range(-1, 5)),
    ("rot90", (1, (2, 0)), [(2, 1, 3)]),
    ("roll", (1,), [(4,), (2, 3), (0,), ()]),
    ("roll", (-5,), [(2, 3)]),
    ("roll", (2, 1), [(2, 3), (2, 1)]),
    ("roll", ((1, -1), (0, 1)), [(2, 3)]),
    ("roll", (1, (0, 1)), [(2, 3)]),
    ("roll", ((1, 2), 1), [(2, 4)]),
    ("roll", ((1, 2),), [(2, 4)]),
    ("roll", ((1, 2), (0, 0)), [(4, 2)]),
    ("tile", (2,), [(3,), (2, 3), (), (0, 2)]),
    ("tile", ((2, 1, 3),), [(3,), (2, 3), ()]),
    ("tile", ((2, 3),), [(2, 1, 2)]),
    ("tile", ((0, 2),), [(2, 2)]),
    ("tile", ((),), [(2,)]),
    ("repeat", (2,), [(3,), (2, 3), ()]),
    ("repeat", (3, 1), [(2, 3), (2, 0), (2, 1, 2)]),
    ("repeat", (9, 0), [(2, 3)]),
    ("repeat", (0, 0), [(2, 3)]),
    ("repeat", ([1, 0, 2], 1), [(2, 3), (2, 3, 2)]),
    ("repeat", ([2], -1), [(2, 3)]),
    ("repeat", ([], 1), [(2, 0)]),
    ("diagonal", (), [(3, 3), (2, 3), (3, 2, 2), (0, 2)]),
    ("diagonal", (1,), [(3, 3), (2, 4)]),
    ("diagonal", (-1, 2, 0), [(2, 3, 4)]),
    ("diagonal", (7,), [(2, 3)]),
    ("diag", (), [(3,), (3, 3), (2, 3), (0,)]),
    ("diag", (-2,), [(3,), (3, 4)]),
    ("tril", (), [(3, 3), (2, 3), (2, 3, 2), (0, 2)]),
    ("tril", (1,), [(3, 4)]),
    ("triu", (), [(3, 3), (2, 3), (2, 3, 2)]),
    ("triu", (-1,), [(3, 2)]),
    *(
        ("pad", (width, mode), [shape])
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap")
        for width, shape in [
            (2, (3,)),
            ((1, 2), (3, 4)),
            (((1, 0), (0, 2)), (2, 3)),
            ([[1], [2]], (3, 3)),
            ({-1: (2, 1)}, (2, 3)),
            ({0: 1}, (3, 2)),
            (((3, 7),), (2,)),
            (2, (1, 3)),
            ((0, 0), (2, 0)),
            (0, ()),
            (np.array([[0, 0], [1, 1]]), (2, 3)),
        ]
    ),
    ("pad", (1,), [(0, 2), (2, 1, 3)]),
]
CASES = [(name, arguments, shape) for name, arguments, shapes in SAME_AS_NUMPY for shape in shapes]


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_values_are_numpys(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    operation, oracle = getattr(ag, name), getattr(np, name)
    for x in (draw(*shape).astype(np.float32), backwards(*shape), np.arange(np.prod(shape, dtype=int)).reshape(shape)):
        expected = oracle(x, *arguments)
        for result in (operation(tensor(x), *arguments), oracle(tensor(x), *arguments)):
            assert isinstance(result, Tensor)
            assert result.dtype == x.dtype
            assert result.shape == expected.shape
            np.testing.assert_array_equal(result.array, expected)
        alone = operation(x, *arguments)
        assert not isinstance(alone, Tensor)
        np.testing.assert_array_equal(alone, expected)


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_derivatives(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    operation = getattr(ag, name)
    check_derivatives(lambda x: operation(x * x, *arguments), backwards(*shape))


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES)
def test_gradient_keeps_float32(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    x = tensor(draw(*shape).astype(np.float32), requires_grad=True)
    getattr(ag, name)(x, *arguments).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    assert x.grad.shape == shape


@pytest.mark.parametrize(
    "view",
    [
        lambda x: shaping.reshape(x, (4, 3)),
        shaping.ravel,
        shaping.flatten,
        shaping.transpose,
        lambda x: shaping.expand_dims(x, (0, 2)),
        lambda x: shaping.squeeze(shaping.expand_dims(x, 1)),
        lambda x: shaping.broadcast_to(x, (2, 3, 4)),
        lambda x: shaping.broadcast_arrays(x, np.zeros((2, 1, 1)))[0],
        shaping.flip,
        shaping.rot90,
        diagonals.diagonal,
        lambda x: padding.pad(x, -1),
        lambda x: padding.pad(x, 0),
    ],
)
def test_views_share_memory(view: Callable[..., Tensor]) -> None:
    x = tensor(draw(3, 4))
    assert np.shares_memory(view(x).array, x.array)


@pytest.mark.parametrize(
    "view",
    [lambda x: shaping.squeeze(x, 1), lambda x: shaping.expand_dims(x, (0, 2))],
)
def test_dropping_and_adding_axes_never_copies(view: Callable[..., Tensor]) -> None:
    x = tensor(draw(4, 1, 6)).array[::2, :, ::-3].transpose(2, 1, 0)
    assert np.shares_memory(view(x), x)


@pytest.mark.parametrize("width", [(-1, 0), (2, -1), (-2, 3), (-1, -2), (-3, 0), (0, -3), (-3, 1)])
@pytest.mark.parametrize("value", [0.0, 1.5])
def test_negative_padding_is_torchs(width: tuple[int, int], value: float) -> None:
    torch = pytest.importorskip("torch")
    x = draw(2, 3)
    expected = torch.nn.functional.pad(torch.from_numpy(x), width, value=value).numpy()
    result = padding.pad(tensor(x), ((0, 0), width), constant_values=value)
    np.testing.assert_array_equal(result.array, expected)
    check_derivatives(lambda x: padding.pad(x * x, ((0, 0), width), constant_values=value), x)


@pytest.mark.parametrize(
    "values", [1.5, (1, 2), ((1, 2), (3, 4)), ((1, 2),), ((1,), (2,)), -np.inf, np.array([[1.0, 2.0], [3.0, 4.0]])]
)
@pytest.mark.parametrize("width", [1, ((2, 1), (0, 3))])
def test_constant_values_are_numpys(values: Any, width: Any) -> None:
    x = draw(2, 3)
    expected = np.pad(x, width, constant_values=values)
    np.testing.assert_array_equal(padding.pad(tensor(x), width, constant_values=values).array, expected)
    np.testing.assert_array_equal(np.pad(tensor(x), width, constant_values=values).array, expected)
    if np.isfinite(expected).all():
        check_derivatives(lambda x: padding.pad(x * x, width, constant_values=values), x)


@pytest.mark.parametrize(("alias", "mode"), [("replicate", "edge"), ("circular", "wrap")])
def test_torchs_names_of_modes(alias: str, mode: str) -> None:
    x = tensor(draw(3, 4))
    np.testing.assert_array_equal(padding.pad(x, 2, alias).array, padding.pad(x, 2, mode).array)


def test_padding_keeps_the_memory_layout() -> None:
    channels_last = draw(2, 5, 6, 3).transpose(0, 3, 1, 2)
    padded = padding.pad(tensor(channels_last), ((0, 0), (0, 0), (1, 1), (1, 1))).array
    assert padded.transpose(0, 2, 3, 1).flags.c_contiguous


def test_broadcast_arrays() -> None:
    a, b = draw(3), draw(2, 1)
    for ours, theirs in zip(shaping.broadcast_arrays(tensor(a), b), np.broadcast_arrays(a, b), strict=True):
        np.testing.assert_array_equal(np.asarray(getattr(ours, "array", ours)), theirs)

    def product(a: Any, b: Any) -> Any:
        x, y = shaping.broadcast_arrays(a, b)
        return x * y

    check_derivatives(product, a, b)
    check_derivatives(lambda a, b: product(a, b), draw(1, 0), draw(2, 1))


@pytest.mark.parametrize(
    ("shape", "dims"),
    [((2, 3, 4), ()), ((2, 3, 4), (1,)), ((2, 3, 4), (0, 1)), ((2, 3), (-1, -1)), ((), ()), ((0, 3), ())],
)
def test_flatten_is_torchs(shape: tuple[int, ...], dims: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    x = draw(*shape)
    np.testing.assert_array_equal(
        shaping.flatten(tensor(x), *dims).array, torch.flatten(torch.from_numpy(x), *dims).numpy()
    )
    check_derivatives(lambda x: shaping.flatten(x * x, *dims), x)


# A method of Tensor, and what NumPy makes of it.
METHODS: list[tuple[Callable[[Any], Any], Callable[[np.ndarray], Any]]] = [
    (lambda t: t.T, lambda x: x.T),
    (lambda t: t.mT, lambda x: x.mT),
    (lambda t: t.reshape(4, -1), lambda x: x.reshape(4, -1)),
    (lambda t: t.reshape((4, -1)), lambda x: x.reshape(4, -1)),
    (lambda t: t.reshape([np.int64(4), 6]), lambda x: x.reshape(4, 6)),
    (lambda t: t.view(4, 6), lambda x: x.reshape(4, 6)),
    (lambda t: t.view(-1), lambda x: x.reshape(-1)),
    (lambda t: t.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1)),
    (lambda t: t.permute((2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    (lambda t: t.transpose(), lambda x: x.transpose()),
    (lambda t: t.transpose(None), lambda x: x.transpose()),
    (lambda t: t.transpose(2, 0, 1), lambda x: x.transpose(2, 0, 1)),
    (lambda t: t.transpose((2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    (lambda t: t.transpose([2, 0, 1]), lambda x: x.transpose(2, 0, 1)),
    (lambda t: t.swapaxes(0, 2), lambda x: x.swapaxes(0, 2)),
    (lambda t: t.flatten(), lambda x: x.flatten()),
    (lambda t: t.flatten(start_dim=1), lambda x: x.reshape(2, 12)),
    (lambda t: t.flatten(0, 1), lambda x: x.reshape(6, 4)),
    (lambda t: t.ravel(), lambda x: x.ravel()),
    (lambda t: t.unsqueeze(1), lambda x: x[:, None]),
    (lambda t: t.unsqueeze(dim=-1), lambda x: x[..., None]),
    (lambda t: t.unsqueeze(0).squeeze(), lambda x: x),
    (lambda t: t.unsqueeze(1).squeeze(1), lambda x: x),
    (lambda t: t.repeat(2, axis=1), lambda x: x.repeat(2, axis=1)),
    (lambda t: t.diagonal(1, 0, 2), lambda x: x.diagonal(1, 0, 2)),
    (lambda t: t.expand(5, -1, -1, -1), lambda x: np.broadcast_to(x, (5, 2, 3, 4))),
    (lambda t: t.unsqueeze(1).expand((2, 3, -1, 4)), lambda x: np.broadcast_to(x[:, None], (2, 3, 3, 4))),
]


@pytest.mark.parametrize(("method", "oracle"), METHODS)
def test_methods(method: Callable[[Any], Any], oracle: Callable[[np.ndarray], Any]) -> None:
    x = draw(2, 3, 4)
    np.testing.assert_array_equal(method(tensor(x)).array, oracle(x))


ERRORS: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda x: x.reshape(4, 2), ValueError, r"reshape: cannot turn shape \(2, 3\) into \(4, 2\)"),
    (lambda x: x.reshape(np.int64(4), -1), ValueError, r"reshape: cannot turn shape \(2, 3\) into \(4, -1\)"),
    (lambda x: x.reshape(-1, -1), ValueError, r"reshape: cannot turn shape \(2, 3\) into \(-1, -1\)"),
    (lambda x: x.flatten(1, 0), ValueError, r"flatten: start_dim 1 comes after end_dim 0 in shape \(2, 3\)"),
    (lambda x: x.flatten(2), IndexError, r"flatten: axis 2 is out of range for a tensor of 2 dimensions"),
    (lambda x: x.unsqueeze(3), IndexError, r"expand_dims: axis 3 is out of range for a tensor of 3 dimensions"),
    (lambda x: shaping.expand_dims(x, (0, 0)), ValueError, r"expand_dims: an axis comes twice in \(0, 0\)"),
    (lambda x: x.squeeze(1), ValueError, r"squeeze: axis 1 of shape \(2, 3\) has length 3"),
    (lambda x: x.squeeze(2), IndexError, r"squeeze: axis 2 is out of range"),
    (lambda x: x.transpose(0), ValueError, r"transpose: wants all 2 axes of shape \(2, 3\), got \(0,\)"),
    (lambda x: x.transpose(0, 0), ValueError, r"transpose: an axis comes twice in \(0, 0\)"),
    (
        lambda x: x.unsqueeze(0).transpose(1, 2),
        ValueError,
        r"transpose: wants all 3 axes .* swapaxes exchanges two of 3",
    ),
    (lambda x: shaping.moveaxis(x, (0, 1), 0), ValueError, r"moveaxis: 2 axes to move and 1 places"),
    (lambda x: x.swapaxes(0, 2), IndexError, r"swapaxes: axis 2 is out of range"),
    (lambda x: shaping.matrix_transpose(x.ravel()), ValueError, r"matrix_transpose: wants at least 2 .* \(6,\)"),
    (lambda x: shaping.broadcast_to(x, (3, 2)), ValueError, r"broadcast_to: cannot stretch shape \(2, 3\) to \(3, 2\)"),
    (
        lambda x: shaping.broadcast_arrays(x, x.T),
        ValueError,
        r"broadcast_arrays: shapes \(2, 3\), \(3, 2\) do not broadcast together",
    ),
    (lambda x: shaping.flip(x, 2), IndexError, r"flip: axis 2 is out of range"),
    (lambda x: shaping.rot90(x, axes=(0,)), ValueError, r"rot90: wants two axes, got \(0,\)"),
    (lambda x: shaping.roll(x, (1, 2), (0, 1, 0)), ValueError, r"roll: 2 shifts and 3 axes do not match"),
    (lambda x: shaping.roll(x, 1.5), TypeError, r"roll: shift has to be an integer, got 1.5"),
    (lambda x: repetition.tile(x, (1, -2)), ValueError, r"tile: reps cannot be negative, got \(1, -2\)"),
    (lambda x: repetition.tile(x, 0.5), TypeError, r"tile: reps has to be an integer, got 0.5"),
    (lambda x: x.repeat(-1), ValueError, r"repeat: repeats cannot be negative, got -1"),
    (lambda x: x.repeat(1.5), TypeError, r"repeat: repeats have to be integers, got 1.5"),
    (
        lambda x: x.repeat([1, 2], 1),
        ValueError,
        r"repeat: .* int or 3 of them, for axis 1 of shape \(2, 3\); got shape \(2,\)",
    ),
    (lambda x: x.ravel().diagonal(), ValueError, r"diagonal: wants at least 2 dimensions, got shape \(6,\)"),
    (lambda x: x.diagonal(0, 1, 1), ValueError, r"diagonal: an axis comes twice"),
    (lambda x: diagonals.diag(x.unsqueeze(0)), ValueError, r"diag: wants a vector or a matrix, got shape \(1, 2, 3\)"),
    (lambda x: diagonals.tril(x.ravel()), ValueError, r"tril: wants at least 2 dimensions, got shape \(6,\)"),
    (lambda x: diagonals.triu(x, 0.5), TypeError, r"triu: k has to be an integer, got 0.5"),
    (lambda x: padding.pad(x, ((1, 1),) * 3), ValueError, r"pad: pad_width has to be n, .* for each of 2 axes; got"),
    (lambda x: padding.pad(x, 1.5), TypeError, r"pad: pad_width has to be integers, got 1.5"),
    (lambda x: padding.pad(x, {2: 1}), IndexError, r"pad: axis 2 is out of range"),
    (lambda x: padding.pad(x, ((0, 0), (-2, -2))), ValueError, r"pad: cannot crop \(-2, -2\) from an axis of length 3"),
    (lambda x: padding.pad(x, 1, "mirror"), ValueError, r"pad: mode has to be 'constant' or one of .*; got 'mirror'"),
    (lambda x: padding.pad(x, -1, "edge"), ValueError, r"pad: \(-1, -1\) would crop, which mode 'edge' cannot"),
    (lambda x: padding.pad(np.zeros((2, 0)), 1, "wrap"), ValueError, r"pad: mode 'wrap' has nothing to continue from"),
    (
        lambda x: padding.pad(x, 1, constant_values=x),
        TypeError,
        r"pad: constant_values have to be numbers.* got a Tensor",
    ),
    (lambda x: padding.pad(x, 1, constant_values=(1, 2, 3)), ValueError, r"pad: constant_values have to be v, "),
    (lambda x: padding.pad(x.astype(int), 1, constant_values=0.5), ValueError, "pad: .*int64 cannot hold .* 0.5"),
    (lambda x: padding.pad(x.astype(int), 1, constant_values=[(0, np.nan)]), ValueError, "pad: .* cannot hold .* nan"),
    (lambda x: padding.pad(x > 0, 1, constant_values=2), ValueError, "pad: .* dtype bool cannot hold the constant 2"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_errors(call: Callable[[Any], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match="^" + message) as caught:
        call(tensor(draw(2, 3)))
    assert "int64(" not in str(caught.value)


@pytest.mark.parametrize("reps", [1, (1, 1, 1), ()])
def test_a_single_tile_is_a_copy(reps: Any) -> None:
    x = tensor(draw(2, 3))
    assert not np.shares_memory(repetition.tile(x, reps).array, x.array)


def test_repeats_are_not_shared_with_the_caller() -> None:
    counts = np.array([1, 2, 3])
    x = tensor(draw(3), requires_grad=True)
    y = x.repeat(counts).sum()
    counts[:] = 0
    y.backward()
    np.testing.assert_array_equal(x.grad.array, [1, 2, 3])


def test_infinite_constants_do_not_reach_the_gradient() -> None:
    x = tensor(draw(2, 2), requires_grad=True)
    padded = padding.pad(x, 1, constant_values=-np.inf)
    padded.backward(np.where(np.isfinite(padded.array), 2.0, np.inf))
    np.testing.assert_array_equal(x.grad.array, np.full((2, 2), 2.0))
