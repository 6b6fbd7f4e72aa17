"""Indexing, assignment and in-place operators, against NumPy, plain loops and centred differences."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd.grad_mode import no_grad
from autograd.ops import assignment, indexing
from autograd.tensor import Tensor, tensor

X = np.arange(60.0).reshape(3, 4, 5) / 7
MASK = X[..., 0] > 3
s = np.s_

INDICES = [
    s[0],
    s[-1],
    s[1, 2],
    s[1, 2, 3],
    s[...],
    s[()],
    s[None],
    s[:, None],
    s[..., None],
    s[None, ..., None],
    s[1:],
    s[::2],
    s[::-1],
    s[::-2, 3:0:-1],
    s[5:1],
    s[:0],
    s[1:2],
    s[..., 1],
    s[0, ..., -1],
    s[1, ..., None, 2:4],
    s[np.int64(1)],
    s[np.array(2)],
    s[np.array(1) : np.int64(3)],
    s[[0, 2]],
    s[[0, 0, -1]],
    s[[]],
    s[[[0, 1], [2, 2]]],
    s[np.array([0, 0, 1], np.uint8)],
    s[np.array([2, 2])[::-1]],
    s[:, [0, 3, 0]],
    s[..., [4, 4, 0]],
    s[[0, 1, 0], [1, 2, 1]],
    s[[0, 1, 0], [1, 2, 1], [4, 0, 4]],
    s[[[0], [2]], [1, 1]],
    s[[0, 0], :, [1, 1]],
    s[0, :, [1, 1, 2]],
    s[:, 0, [1, 1, 2]],
    s[0, [1, 1, 2]],
    s[[1, 1], None, 2],
    s[None, [1, 1], ..., [2, 2]],
    s[:, [[0, 0], [3, 1]], 1:3],
    s[[0], [1], ..., ::-1],
    s[1:, [2, 2], ::2],
    s[X > 4],
    s[X > 100],
    s[MASK],
    s[MASK, 1],
    s[MASK, ::2],
    s[np.array([True, False, True])],
    s[np.array([True, False, True]), [1, 1]],
    s[[True, False, True], :, [0, 0]],
    s[:, np.array([True, False, True, True]), [0, 0, 0]],
    s[:, [False] * 4],
    s[True],
    s[np.False_],
    s[True, [0, 0]],
]


def gathered(x: np.ndarray, index: Any, g: np.ndarray) -> np.ndarray:
    """The adjoint of x[index] by a loop over the elements, which it finds by indexing their positions."""
    result = np.zeros(x.shape)
    positions = np.arange(x.size).reshape(x.shape)[index]
    for position, value in zip(np.ravel(positions), np.ravel(g)):
        result[np.unravel_index(position, x.shape)] += value
    return result


def check_getitem(x: np.ndarray, index: Any) -> None:
    t = tensor(x, requires_grad=True)
    y = t[index]
    np.testing.assert_array_equal(y.data, x[index], strict=not np.isscalar(x[index]))
    g = np.random.default_rng(0).normal(size=y.shape)
    y.backward(tensor(g))
    np.testing.assert_allclose(t.grad.data, gathered(x, index, g), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("index", INDICES)
def test_getitem_agrees_with_numpy_and_its_gradient_with_a_loop(index: Any) -> None:
    check_getitem(X, index)
    check_getitem(np.asfortranarray(X)[:, ::1], index)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_drawn_indices_agree_with_numpy(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    basic = hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
    choices = [basic, hnp.arrays(bool, shape)]
    if all(shape):
        choices.append(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=3, max_side=3)))
        choices.append(st.lists(st.integers(-shape[0], shape[0] - 1), max_size=5))
    check_getitem(x, data.draw(st.one_of(choices)))


@pytest.mark.parametrize("index", [*INDICES[::3], s[[0, 1, 0], [1, 2, 1]], s[[0, 0], :, [1, 1]]])
def test_getitem_derivatives(index: Any) -> None:
    small = np.random.default_rng(1).normal(size=(3, 4, 5))
    check_derivatives(lambda x: x[index] * x[index], small)


def test_a_gather_of_rows_accumulates_repeated_ones() -> None:
    rng = np.random.default_rng(2)
    table, rows = rng.normal(size=(50, 7)), rng.integers(-50, 50, (40, 6))
    check_getitem(table, rows)
    assert tensor(table.astype("f"), requires_grad=True)[rows].sum().node.dtype == np.float32


@pytest.mark.parametrize("index", [s[0], s[1, 2, 3], s[..., ::2], s[None, :, 1]])
def test_basic_indexing_gives_a_view(index: Any) -> None:
    t = tensor(X)
    assert np.shares_memory(t[index].data, t.data)


@pytest.mark.parametrize("index", [s[[0, 1]], s[MASK], s[:, [0]]])
def test_advanced_indexing_gives_a_copy(index: Any) -> None:
    t = tensor(X)
    assert not np.shares_memory(t[index].data, t.data)


def test_tensors_index_as_arrays_do() -> None:
    t = tensor(X)
    rows, one = tensor([0, 0, 2]), tensor(1)
    np.testing.assert_array_equal(t[rows].data, X[[0, 0, 2]])
    np.testing.assert_array_equal(t[one].data, X[1])
    np.testing.assert_array_equal(t[one:, rows].data, X[1:, [0, 0, 2]])
    np.testing.assert_array_equal(t[tensor(MASK)].data, X[MASK])
    np.testing.assert_array_equal(t[[one, one]].data, X[[1, 1]])


def test_an_index_array_may_change_after_it_was_used() -> None:
    t, rows = tensor(X, requires_grad=True), np.array([0, 0])
    mask = np.array([True, False, False])
    y = t[rows].sum() + t[mask].sum()
    rows[:] = 2
    mask[:] = True
    y.backward()
    np.testing.assert_array_equal(t.grad.data[:, 0, 0], [3, 0, 0])


def test_an_index_tensor_that_was_written_to_stops_backward() -> None:
    t, rows = tensor(X, requires_grad=True), tensor([0, 1])
    y = t[rows].sum()
    rows[0] = 2
    with pytest.raises(RuntimeError, match="written into after the operation ran"):
        y.backward()


@pytest.mark.parametrize(
    ("index", "kind", "message"),
    [
        (s[3], IndexError, r"getitem: index 3 is out of bounds.*x\[3\] with x of shape \(3, 4, 5\)"),
        (s[1, -5], IndexError, r"getitem: index -5 is out of bounds.*x\[1, -5\]"),
        (s[:, [0, 4]], IndexError, r"getitem: index 4 is out of bounds.*x\[:, \[0, 4\]\] with x of shape \(3, 4, 5\)"),
        (s[[7]], IndexError, r"getitem: index 7 is out of bounds.*x\[\[7\]\]"),
        (s[0, 0, 0, 0], IndexError, r"getitem: too many indices.*x\[0, 0, 0, 0\]"),
        (s[..., ...], IndexError, r"getitem: .*single ellipsis.*x\[..., ...\]"),
        (s[[True, False]], IndexError, r"getitem: boolean index did not match.*x\[\[True, False\]\]"),
        (s[X[0] > 0], IndexError, r"getitem: boolean index did not match.*booleans of shape \(4, 5\)"),
        (s[[0, 1], [0, 1, 2]], IndexError, r"getitem: shape mismatch.*x\[\[0, 1\], \[0, 1, 2\]\]"),
        (s[1.0], IndexError, r"getitem: an index is made of .*; got 1.0"),
        (s["a"], IndexError, r"getitem: an index is made of .*; got 'a'"),
        (s[np.array([0.0])], IndexError, r"getitem: an index is made of .*; got array\(\[0.\]\)"),
        (s[[[0], [1, 2]]], IndexError, r"getitem: a list used as an index has to be rectangular"),
        (s[1.5:], TypeError, r"getitem: the bounds of a slice are integers or None"),
    ],
    ids=str,
)
def test_a_wrong_index_is_named(index: Any, kind: type[Exception], message: str) -> None:
    t = tensor(X)
    with pytest.raises(kind, match=message):
        t[index]
    with pytest.raises(kind, match=message.replace("getitem", "setitem")):
        t[index] = 0


# take, along an axis, index_add


ROWS = np.array([[2, 0], [-1, 2]])
ALONG = [
    ((3, 4), (3, 2), 1),
    ((3, 4), (2, 4), 0),
    ((3, 4), (1, 4), 0),
    ((3, 1), (3, 5), -1),
    ((4,), (6,), 0),
    ((3, 4), (3, 0), 1),
    ((2, 3, 4), (2, 1, 4), 1),
    ((2, 3, 4), (1, 2, 4), 1),
]


def places(shape: tuple[int, ...], indices: np.ndarray, axis: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(place in x, place in the result) for every element that take_along_axis reads, in the order of writing."""
    spread = tuple(max(a, b) if k != axis % len(shape) else b for k, (a, b) in enumerate(zip(shape, indices.shape)))
    indices = np.broadcast_to(indices, spread)
    found = []
    for at in np.ndindex(spread):
        place = [min(i, n - 1) for i, n in zip(at, shape)]
        place[axis] = int(indices[at]) % shape[axis]
        found.append((tuple(place), at))
    return found


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("indices", [ROWS, 1, -1, [0, 0], np.zeros((0, 2), int)], ids=str)
def test_take(indices: Any, axis: int | None) -> None:
    x = np.random.default_rng(3).normal(size=(3, 4, 3))
    np.testing.assert_array_equal(indexing.take(tensor(x), indices, axis).data, np.take(x, indices, axis))
    np.testing.assert_array_equal(np.take(tensor(x), indices, axis=axis).data, np.take(x, indices, axis))
    check_derivatives(lambda x: indexing.take(x, indices, axis) * indexing.take(x, indices, axis), x)


@pytest.mark.parametrize(("shape", "indexed", "axis"), ALONG)
def test_along_axis(shape: tuple[int, ...], indexed: tuple[int, ...], axis: int) -> None:
    rng = np.random.default_rng(4)
    x, indices = rng.normal(size=shape), rng.integers(-shape[axis], shape[axis], indexed)
    pairs = places(shape, indices, axis)
    spread = np.broadcast_shapes(tuple(1 if k == axis % len(shape) else n for k, n in enumerate(shape)), indices.shape)
    values = rng.normal(size=spread)

    np.testing.assert_array_equal(
        indexing.take_along_axis(tensor(x), indices, axis).data, np.take_along_axis(x, indices, axis)
    )
    put, added = x.copy(), x.copy()
    for place, at in pairs:
        put[place] = values[at]
        added[place] += values[at]
    np.testing.assert_array_equal(indexing.put_along_axis(tensor(x), indices, values, axis).data, put)
    np.testing.assert_allclose(indexing.add_along_axis(tensor(x), indices, values, axis).data, added, rtol=1e-14)

    check_derivatives(
        lambda x: indexing.take_along_axis(x, indices, axis) * indexing.take_along_axis(x, indices, axis), x
    )
    for operation in (indexing.put_along_axis, indexing.add_along_axis):

        def squared(x: Any, v: Any, operation: Callable[..., Any] = operation) -> Any:
            y = operation(x, indices, v, axis)
            return y * y

        check_derivatives(squared, x, values)
        check_derivatives(squared, x, np.array(0.7))


def test_along_axis_without_an_axis_works_on_the_flattened_tensor() -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    places = np.array([3, 0])
    assert indexing.take_along_axis(x, places, None).tolist() == [4, 1]
    assert indexing.put_along_axis(x, places, 9, None).tolist() == [9, 2, 3, 9]
    assert indexing.add_along_axis(x, places, 9, None).tolist() == [10, 2, 3, 13]


def test_only_the_last_of_several_values_for_a_place_gets_a_gradient() -> None:
    x, v = tensor([[1.0, 2.0, 3.0]], requires_grad=True), tensor([[5.0, 6.0, 7.0]], requires_grad=True)
    y = indexing.put_along_axis(x, np.array([[1, 0, 1]]), v, 1)
    assert y.tolist() == [[6, 7, 3]]
    (y * tensor([[1.0, 10.0, 100.0]])).sum().backward()
    assert x.grad.tolist() == [[0, 0, 100]]
    assert v.grad.tolist() == [[0, 1, 10]]


@pytest.mark.parametrize(
    ("index", "axis", "values"),
    [
        (s[[0, 0, -1]], None, (3, 4)),
        (s[[0, 0, -1]], None, (4,)),
        (s[[0, 0, -1]], 0, (3, 4)),
        (s[[1, 1]], 1, (3, 2)),
        (s[[1, 1]], -1, ()),
        (s[1:, ::-2], None, (2, 2)),
        (s[[0, 0], [1, 1]], None, (2,)),
        (s[X[..., 0] > 3], None, ()),
        (s[2], 0, (4,)),
        (s[[]], 0, (0, 4)),
    ],
    ids=str,
)
def test_index_add(index: Any, axis: int | None, values: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    x, v = rng.normal(size=(3, 4)), rng.normal(size=values)
    expected = x.copy()
    np.add.at(expected, index if axis is None else (slice(None),) * (axis % 2) + (index,), v)

    def squared(x: Any, v: Any) -> Any:
        y = indexing.index_add(x, index, v, axis)
        return y * y

    np.testing.assert_allclose(indexing.index_add(tensor(x), index, v, axis).data, expected, rtol=1e-14)
    check_derivatives(squared, x, v)


def test_scatter_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(6)
    x, v, indices = rng.normal(size=(4, 5)), rng.normal(size=(3, 5)), rng.integers(0, 4, (3, 5))
    ours = [tensor(a, requires_grad=True) for a in (x, v)]
    theirs = [torch.tensor(a, requires_grad=True) for a in (x, v)]
    y = indexing.add_along_axis(ours[0], indices, ours[1], 0)
    z = theirs[0].scatter_add(0, torch.tensor(indices), theirs[1])
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-14)
    (y * y).sum().backward()
    (z * z).sum().backward()
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda t: indexing.take(t, [9], 0), IndexError, r"index 9 is out of bounds"),
        (lambda t: indexing.take(t, [0.5], 0), IndexError, r"take: .*got \[0.5\]"),
        (lambda t: indexing.take(t, 0.5, 0), IndexError, "take: an index is made of integers, .* got 0.5"),
        (lambda t: indexing.take(t, [True], 0), TypeError, r"take: indices have to be integers, got \[True\]"),
        (lambda t: indexing.take(t, [0], 5), np.exceptions.AxisError, r"take: axis 5 is out of range"),
        (
            lambda t: indexing.take_along_axis(t, [0], 0),
            ValueError,
            r"take_along_axis: .*shape \(1,\) for x of shape \(",
        ),
        (lambda t: indexing.put_along_axis(t, 0, 0, 0), ValueError, r"put_along_axis: wants indices with as many"),
        (lambda t: indexing.index_add(t, 9, 0), IndexError, r"index_add: index 9 is out of bounds.*x\[9\]"),
        (
            lambda t: indexing.index_add(t, [0, 1], np.zeros(3)),
            ValueError,
            r"index_add: values of shape \(3,\) do not broadcast to \(2, 4, 5\)",
        ),
        (
            lambda t: indexing.put_along_axis(tensor([1, 2]), [0], tensor([0.5], requires_grad=True), 0),
            TypeError,
            r"put_along_axis: a tensor of int64 cannot hold values that require grad",
        ),
    ],
)
def test_errors(call: Callable[[Tensor], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(tensor(X))


def test_nonzero_and_argwhere() -> None:
    t = tensor(X > 4)
    for ours, theirs in zip(t.nonzero(), X.__gt__(4).nonzero()):
        np.testing.assert_array_equal(ours.data, theirs)
    np.testing.assert_array_equal(np.argwhere(t).data, np.argwhere(X > 4))
    np.testing.assert_array_equal(tensor(X)[t.nonzero()].data, X[X > 4])


# assignment


@pytest.mark.parametrize("index", INDICES)
def test_assignment_agrees_with_numpy(index: Any) -> None:
    values = np.random.default_rng(7).normal(size=X[index].shape)
    expected = X.copy()
    expected[index] = values
    unrecorded = tensor(X)
    unrecorded[index] = values
    np.testing.assert_array_equal(unrecorded.data, expected)
    recorded = assignment.clone(tensor(X, requires_grad=True))
    recorded[index] = values
    np.testing.assert_array_equal(recorded.data, expected)
    assert recorded.requires_grad


ASSIGNED = [
    (s[0], (4,)),
    (s[0], (1, 1, 4)),
    (s[1:, ::-2], (2, 1)),
    (s[1, 2], ()),
    (s[...], (3, 4)),
    (s[[0, 0, 2]], (3, 4)),
    (s[[0, 0, 2]], (4,)),
    (s[[0, 0, 1], [1, 1, 2]], (3,)),
    (s[[0, 0, 1], [1, 1, 2]], (1, 3)),
    (s[:, [1, 1]], (3, 2)),
    (s[MASK], ()),
    (s[:0], (0, 4)),
]


@pytest.mark.parametrize(("index", "shape"), ASSIGNED, ids=str)
def test_assignment_derivatives(index: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(8)

    def assigned(x: Any, values: Any) -> Any:
        y = assignment.clone(x) if isinstance(x, Tensor) else tensor(x)
        y[index] = values * values
        return y * y

    check_derivatives(assigned, rng.normal(size=(3, 4)), rng.normal(size=shape))
    check_derivatives(assigned, rng.normal(size=(3, 4)), rng.normal(size=shape), wrt=[1])


def test_unrecorded_assignment_writes_into_shared_memory() -> None:
    t = tensor(X)
    view = t[0]
    t[0, 0, 0] = 99.0
    assert view[0, 0].item() == 99
    leaf = tensor([1.0, 2.0], requires_grad=True)
    with no_grad():
        leaf[0] = 5.0
    assert leaf.tolist() == [5, 2]
    assert leaf.is_leaf


def test_recorded_assignment_leaves_earlier_views_as_they_were() -> None:
    t, w = tensor([1.0, 2.0, 3.0]), tensor(7.0, requires_grad=True)
    view = t[:2]
    t[0] = w
    assert (t.tolist(), view.tolist()) == ([7, 2, 3], [1, 2])
    assert t.requires_grad
    assert not t.is_leaf


def test_backward_through_memory_written_since_is_refused() -> None:
    x, w = tensor([1.0, 2.0]), tensor([3.0, 4.0], requires_grad=True)
    y = (x * w).sum()
    x[0] = 10.0
    with pytest.raises(RuntimeError, match="written into after the operation ran"):
        y.backward()


def test_assignment_to_a_leaf_is_refused() -> None:
    leaf = tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"setitem: a leaf tensor that requires grad .* no_grad\(\) .* clone\(\)"):
        leaf[0] = 5.0
    assert leaf.tolist() == [1, 2]


@pytest.mark.parametrize("x", [tensor([1, 2]), tensor([True, False])])
def test_integers_cannot_be_assigned_what_requires_grad(x: Tensor) -> None:
    with pytest.raises(TypeError, match=f"setitem: a tensor of {x.dtype} cannot hold values that require grad"):
        x[0] = tensor(1.0, requires_grad=True)
    x[0] = tensor(1.5)
    assert x[0].item() == 1


def test_assigned_values_are_cast() -> None:
    x, w = assignment.clone(tensor(np.zeros(2, "f"), requires_grad=True)), tensor(np.ones(2), requires_grad=True)
    x[:] = w
    assert x.dtype == np.float32
    x.sum().backward()
    assert w.grad.dtype == np.float64


def test_a_list_keeps_its_digits_in_a_double_tensor() -> None:
    for x in (tensor(np.zeros(2)), assignment.clone(tensor(np.zeros(2), requires_grad=True))):
        x[:] = [0.1, 0.2]
        assert x.tolist() == [0.1, 0.2]


def test_values_that_do_not_fit() -> None:
    for x in (tensor(X), assignment.clone(tensor(X, requires_grad=True))):
        with pytest.raises(ValueError, match=r"setitem: could not broadcast .*\(3, 4, 5\)"):
            x[0] = np.zeros(3)


def test_writing_into_a_broadcast_tensor_is_refused() -> None:
    x = np.broadcast_to(tensor([1.0, 2.0]), (3, 2))
    with pytest.raises(ValueError, match=r"setitem: several elements .* share memory"):
        x[0] = 0.0
    with pytest.raises(ValueError, match=r"\+=: several elements .* share memory"):
        x += 1.0
    view = tensor(X)[::-1, :, ::2]
    view[0] = 0.0
    assert view.data[0].max() == 0


def test_filling_and_copying() -> None:
    x = tensor([1.0, 2.0])
    memory = x.data
    assert x.fill_(3).tolist() == [3, 3]
    assert x.copy_(tensor([4.0, 5.0])).tolist() == [4, 5]
    assert x.zero_() is x
    assert memory.tolist() == [0, 0]
    w = tensor(2.0, requires_grad=True)
    x.fill_(w * w).sum().backward()
    assert w.grad.item() == 8
    with pytest.raises(ValueError, match=r"fill_: wants one value, got shape \(2,\)"):
        x.fill_([1, 2])


def test_clone() -> None:
    x = np.random.default_rng(9).normal(size=(2, 3))
    t = tensor(x)
    assert not np.shares_memory(t.clone().data, t.data)
    check_derivatives(lambda x: assignment.clone(x) * x, x)


# in-place operators

IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv]


@pytest.mark.parametrize("operation", IN_PLACE)
@pytest.mark.parametrize("other", [2.0, np.array([1.0, 2.0]), np.array([[1.0], [2.0]])], ids=str)
def test_in_place_operators_write_where_nothing_is_recorded(operation: Any, other: Any) -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    t = tensor(x)
    memory = t.data
    for value in (other, tensor(other)):
        x = operation(x, other)
        assert operation(t, value) is t
    assert t.data is memory
    np.testing.assert_array_equal(memory, x)
    leaf = tensor(x, requires_grad=True)
    with no_grad():
        operation(leaf, other)
    np.testing.assert_array_equal(leaf.data, operation(x, other))
    assert leaf.is_leaf
    assert leaf.requires_grad


@pytest.mark.parametrize("operation", IN_PLACE)
def test_in_place_operators_are_recorded(operation: Any) -> None:
    rng = np.random.default_rng(10)

    def changed(x: Any, other: Any) -> Any:
        y = assignment.clone(x) if isinstance(x, Tensor) else tensor(x)
        y = operation(y, other)
        return operation(y, y * other)

    check_derivatives(changed, rng.uniform(1, 2, (2, 3)), rng.uniform(1, 2, 3), wrt=[0, 1])


def test_in_place_on_a_part_is_recorded() -> None:
    w = tensor([1.0, 2.0], requires_grad=True)
    x = tensor([3.0, 4.0, 5.0])
    x[:2] *= w
    x[0] += 1.0
    assert x.tolist() == [4, 8, 5]
    x.sum().backward()
    assert w.grad.tolist() == [3, 4]


def test_in_place_keeps_the_dtype() -> None:
    x = assignment.clone(tensor(np.ones(2, "f"), requires_grad=True))
    x += np.ones(2)
    assert x.dtype == np.float32
    assert x.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("x", "other", "kind", "message"),
    [
        (tensor([1.0], requires_grad=True), 1.0, RuntimeError, r"\+=: a leaf tensor that requires grad"),
        (tensor([1.0]), np.ones(2), ValueError, r"\+=: non-broadcastable output.*\(1,\) float32 and \(2,\)"),
        (tensor([1.0]), tensor(np.ones(2), requires_grad=True), ValueError, r"\+=: the result has shape \(2,\)"),
        (tensor([1]), 0.5, TypeError, r"\+=: Cannot cast"),
        (
            tensor([1]),
            tensor(0.5, requires_grad=True),
            TypeError,
            r"\+=: the result has dtype float.*int64 cannot hold",
        ),
    ],
)
def test_in_place_errors(x: Tensor, other: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        x += other


def test_in_place_on_saved_memory_is_refused_at_backward() -> None:
    x, w = tensor([1.0, 2.0]), tensor([3.0, 4.0], requires_grad=True)
    y = (x * w).sum()
    x += 1.0
    with pytest.raises(RuntimeError, match="written into after the operation ran"):
        y.backward()


# Python's protocols


def test_iteration_gives_rows_that_are_differentiated() -> None:
    t = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = t
    (first * second).sum().backward()
    assert t.grad.tolist() == [[3, 4], [1, 2]]
    assert [row.item() for row in tensor([1.0, 2.0])] == [1, 2]
    assert list(tensor(np.zeros((0, 3)))) == []


def test_numbers_and_truth() -> None:
    assert len(tensor([1.0, 2.0])) == 2
    assert bool(tensor([[True]])) is True
    assert (float(tensor([1.5])), int(tensor(2.5))) == (1.5, 2)
    assert [10, 20, 30][tensor(1)] == 20
    assert 2 in tensor([1.0, 2.0])
    assert tensor(3.0) not in tensor([1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: len(tensor(1.0)), TypeError, "0-d tensor"),
        (lambda: iter(tensor(1.0)), TypeError, "iteration over a 0-d tensor"),
        (lambda: bool(tensor([1.0, 2.0])), ValueError, r"bool: the truth of a tensor of shape \(2,\) is ambiguous"),
        (lambda: [0][tensor(1.0)], TypeError, r"index: wants a 0-d tensor of integers, got shape \(\) and float32"),
        (lambda: [0][tensor([1])], TypeError, r"index: wants a 0-d tensor of integers"),
        (lambda: float(tensor([1.0, 2.0])), ValueError, "one element|size 1|scalar"),
    ],
)
def test_protocol_errors(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_array_protocol() -> None:
    t = tensor([1.0, 2.0])
    assert np.asarray(t) is t.data
    assert np.array(t).flags.writeable
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype=np.float64, copy=False)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), 1, ..., [2, 0, 2]),
        (slice(None), [0, 1], ..., [1, 4]),
        (slice(None), [[3], [1]], ..., [1, 4]),
        (slice(None), ..., [0, 1], [1, 4]),
        (slice(None), [0, 1], [1, 4], ...),
        (1, ..., [2, 0, 2]),
        (1, [3, 3], ..., 2),
    ],
    ids=str,
)
def test_an_ellipsis_that_stands_for_no_axis(index: Any) -> None:
    """Between indices it sets them apart all the same, and NumPy then puts their axes first."""
    chosen = X[index]
    g = np.random.default_rng(0).normal(size=chosen.shape)
    wanted = np.zeros_like(X)
    np.add.at(wanted, index, g)
    x = tensor(X, requires_grad=True)
    x[index].backward(tensor(g))
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), wanted)
    np.testing.assert_allclose(indexing.index_add(np.zeros_like(X), index, g), wanted)
