"""Sorting and selection: NumPy for values and the place of NaN, PyTorch for topk, differences for derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from derivatives import check_derivatives

from autograd.ops.sorting import argsort, median, sort, topk
from autograd.tensor import Tensor, tensor

rng = np.random.default_rng(3)

SHAPES_AND_AXES = [
    ((5,), 0),
    ((), -1),
    ((3, 4), 0),
    ((3, 4), -1),
    ((2, 3, 4), 1),
    ((3, 1), 1),
    ((2, 0), 1),
    ((0, 3), 1),
]


def distinct(*shape: int) -> np.ndarray:
    return np.asarray(rng.permutation(int(np.prod(shape))).reshape(shape) / 3.0 - 1)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [*SHAPES_AND_AXES, ((3, 4), None)])
def test_sort(shape, axis, descending):
    x = distinct(*shape)
    flat = x.reshape(-1) if axis is None or not shape else x
    expected = np.sort(flat, axis=axis or 0)
    if descending:
        expected = np.flip(expected, axis or 0)
    np.testing.assert_array_equal(sort(tensor(x), axis, descending).array, expected)
    order = argsort(tensor(x), axis, descending)
    assert order.dtype == np.intp
    np.testing.assert_array_equal(np.take_along_axis(flat, order.array, axis or 0), expected)
    if not descending:
        np.testing.assert_array_equal(order.array, np.argsort(flat, axis=axis or 0))
    check_derivatives(lambda t: sort(t, axis, descending), x)


def test_sort_of_views():
    for x in (distinct(3, 4).T, distinct(5, 8)[::-2, ::3]):
        check_derivatives(lambda t: sort(t, 0), x)


def test_nan_is_the_largest():
    x = np.array([np.nan, 2.0, np.nan, -np.inf, np.inf])
    np.testing.assert_array_equal(sort(tensor(x)).array, np.sort(x))
    np.testing.assert_array_equal(argsort(tensor(x), stable=True).array, np.argsort(x, stable=True))
    np.testing.assert_array_equal(sort(tensor(x), descending=True).array, [np.nan, np.nan, np.inf, 2.0, -np.inf])


@pytest.mark.parametrize("descending", [False, True])
def test_stable_order_is_pythons(descending):
    x = rng.integers(0, 4, (3, 50)).astype(np.float64)
    expected = [sorted(range(50), key=row.__getitem__, reverse=descending) for row in x]
    np.testing.assert_array_equal(argsort(tensor(x), 1, descending, stable=True).array, expected)


def test_dtype_is_kept():
    assert sort(tensor(np.array([3, 1], np.int8))).dtype == np.int8
    t = tensor(np.array([3, 1], np.float32), requires_grad=True)
    sort(t).sum().backward()
    assert t.grad.dtype == np.float32


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize(
    ("shape", "axis", "k"), [((7,), 0, 3), ((3, 5), -1, 5), ((4, 3), 0, 1), ((2, 6, 3), 1, 4), ((3, 4), 1, 0)]
)
def test_topk_is_torchs(shape, axis, k, largest):
    torch = pytest.importorskip("torch")
    x = distinct(*shape)
    values, indices = topk(tensor(x), k, axis, largest)
    expected = torch.topk(torch.tensor(x), k, axis, largest)
    np.testing.assert_array_equal(values.array, expected.values.numpy())
    np.testing.assert_array_equal(indices.array, expected.indices.numpy())
    assert isinstance(indices, Tensor)
    assert not indices.requires_grad
    loose, places = topk(tensor(x), k, axis, largest, sorted=False)
    np.testing.assert_array_equal(np.sort(loose.array, axis), np.sort(values.array, axis))
    np.testing.assert_array_equal(np.take_along_axis(x, places.array, axis), loose.array)
    check_derivatives(lambda t: topk(t, k, axis, largest)[0], x)


def test_topk_with_nan_and_flattened():
    x = np.array([[1.0, np.nan], [3.0, 2.0]])
    values, indices = topk(tensor(x), 2, axis=None)
    np.testing.assert_array_equal(values.array, [np.nan, 3.0])
    np.testing.assert_array_equal(indices.array, [1, 2])
    np.testing.assert_array_equal(topk(tensor(x), 3, axis=None, largest=False)[0].array, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5,), None), ((6,), 0), ((3, 4), 1), ((3, 4), None), ((2, 3, 4), (2, 0)), ((3, 4), ()), ((0, 3), 1), ((), None)],
)
def test_median(shape, axis, keepdims):
    x = distinct(*shape)
    expected = x if axis == () else np.median(x, axis=axis, keepdims=keepdims)
    y = median(tensor(x), axis, keepdims)
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y.array, expected, rtol=1e-14)
    check_derivatives(lambda t: median(t, axis, keepdims), x)


def test_median_with_nan():
    x = np.array([[1.0, np.nan, 2.0], [3.0, 2.0, 1.0]])
    np.testing.assert_array_equal(median(tensor(x), 1).array, [np.nan, 2.0])


def test_errors():
    x = tensor([[1.0, 2.0, 3.0]])
    for op in (sort, argsort, median):
        with pytest.raises(
            np.exceptions.AxisError, match=f"{op.__name__}: axis 2 is out of range for a tensor of 2 dim"
        ):
            op(x, axis=2)
    with pytest.raises(np.exceptions.AxisError, match="topk: axis 2 is out of range"):
        topk(x, 1, axis=2)
    for k in (-1, 4):
        with pytest.raises(
            ValueError, match=rf"topk: cannot choose k={k} of the 3 elements along axis 1 of shape \(1, 3\)"
        ):
            topk(x, k)
    with pytest.raises(ValueError, match="median: an empty reduction has no median"):
        median(tensor(np.zeros((2, 0))), axis=1)


def test_how_they_are_reached():
    x = distinct(3, 4)
    t = tensor(x)
    for y in (np.sort(t, 0), t.sort(0)):
        np.testing.assert_array_equal(y.array, np.sort(x, 0))
    for y in (np.argsort(t, axis=0), t.argsort(dim=0)):
        np.testing.assert_array_equal(y.array, np.argsort(x, 0))
    np.testing.assert_array_equal(np.median(t, axis=1).array, np.median(x, axis=1))
    np.testing.assert_array_equal(t.topk(2, dim=1)[0].array, -np.sort(-x, 1)[:, :2])
    with pytest.raises(TypeError, match="sort: kind='heapsort' is not supported on tensors"):
        np.sort(t, kind="heapsort")


@pytest.mark.parametrize("largest", [True, False])
def test_a_few_of_many(largest: bool) -> None:
    x = np.random.default_rng(0).permutation(1000).astype(float)
    values, indices = topk(tensor(x), 5, largest=largest)
    np.testing.assert_array_equal(values.data, [999, 998, 997, 996, 995] if largest else [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(x[indices.data], values.data)
