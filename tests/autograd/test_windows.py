"""Sliding windows, overlap-add and reductions over windows, against plain loops, NumPy and PyTorch."""

import itertools

import numpy as np
import pytest
from derivatives import check_derivatives

from autograd import Tensor, tensor
from autograd.ops.products import einsum
from autograd.ops.windows import (
    overlap_add,
    sliding_windows,
    window_argmax,
    window_max,
    window_mean,
    window_positions,
    window_sum,
)


def normal(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


# shape, window, stride, dilation, axes
CASES = [
    ((7,), 3, 1, 1, None),
    ((7,), 3, 2, 1, None),
    ((8,), 3, 3, 2, None),
    ((5,), 5, 1, 1, None),
    ((5,), 1, 2, 3, None),
    ((2, 6), 2, 2, 1, None),
    ((6, 2), 2, 2, 1, 0),
    ((4, 5), (2, 3), 1, 1, None),
    ((4, 5), (2, 3), (2, 1), (1, 2), None),
    ((4, 5), (3, 2), 1, 1, (1, 0)),
    ((2, 1, 4, 4), (3, 3), 1, 1, None),
    ((2, 1, 5, 4), (2, 2), (3, 2), (2, 1), (-2, -1)),
    ((0, 1, 4, 4), (2, 2), 2, 1, None),
    ((2, 3, 3, 3), (2, 2, 2), 1, 1, None),
    ((3, 2, 3), (2, 2), 1, 1, (0, 2)),
]


def numbers(value, count):
    return (value,) * count if isinstance(value, int) else tuple(value)


def by_loop(x, window, stride, dilation, axes):
    window = numbers(window, 1)
    axes = tuple(range(x.ndim - len(window), x.ndim)) if axes is None else numbers(axes, 1)
    axes = tuple(axis % x.ndim for axis in axes)
    stride, dilation = numbers(stride, len(axes)), numbers(dilation, len(axes))
    shape = list(x.shape)
    for axis, k, s, d in zip(axes, window, stride, dilation, strict=True):
        shape[axis] = len(range(0, x.shape[axis] - d * (k - 1), s))
    result = np.zeros((*shape, *window))
    for position in itertools.product(*map(range, shape)):
        for offset in itertools.product(*map(range, window)):
            at = list(position)
            for axis, k, s, d in zip(axes, offset, stride, dilation, strict=True):
                at[axis] = position[axis] * s + k * d
            result[position + offset] = x[tuple(at)]
    return result


@pytest.mark.parametrize(("shape", "window", "stride", "dilation", "axes"), CASES)
def test_sliding_windows(shape, window, stride, dilation, axes):
    x = normal(*shape)
    found = sliding_windows(tensor(x), window, stride, dilation, axes)
    np.testing.assert_array_equal(found.data, by_loop(x, window, stride, dilation, axes))
    check_derivatives(lambda t: sliding_windows(t, window, stride, dilation, axes), x)


@pytest.mark.parametrize(("shape", "window", "stride", "dilation", "axes"), CASES)
def test_overlap_add_is_the_adjoint(shape, window, stride, dilation, axes):
    x = normal(*shape)
    windows = normal(*by_loop(x, window, stride, dilation, axes).shape)
    along = range(len(shape) - len(numbers(window, 1)), len(shape)) if axes is None else numbers(axes, 1)
    lengths = tuple(shape[axis] for axis in along)
    found = overlap_add(tensor(windows), lengths, stride, dilation, axes)
    assert found.shape == shape
    expected = np.zeros(shape)
    places = by_loop(np.arange(x.size).reshape(shape), window, stride, dilation, axes).astype(int)
    np.add.at(expected.reshape(-1), places.reshape(-1), windows.reshape(-1))
    np.testing.assert_allclose(found.data, expected)
    check_derivatives(lambda t: overlap_add(t, lengths, stride, dilation, axes), windows)


def test_windows_are_a_read_only_view():
    x = np.arange(12.0).reshape(3, 4)
    view = sliding_windows(x, (2, 2))
    assert np.shares_memory(view, x)
    assert not view.flags.writeable
    t = tensor(x)
    assert np.shares_memory(sliding_windows(t, (2, 2)).data, t.data)
    x[0, 0] = 7
    assert view[0, 0, 0, 0] == 7


@pytest.mark.parametrize("x", [normal(5, 6)[::-1, ::2], normal(4, 5).T, np.broadcast_to(normal(4), (5, 4))])
def test_windows_of_strided_arrays(x):
    np.testing.assert_array_equal(sliding_windows(x, (2, 3)), by_loop(x, (2, 3), 1, 1, None))
    check_derivatives(lambda t: sliding_windows(t, (2, 2), 2) ** 2, x)


def test_overlap_add_keeps_the_layout_of_memory():
    channels_last = np.moveaxis(normal(2, 3, 3, 2, 2, 4), -1, 1)
    found = overlap_add(channels_last, (4, 4))
    assert np.moveaxis(found, 1, -1).flags.c_contiguous
    np.testing.assert_allclose(found, overlap_add(channels_last.copy(), (4, 4)))


def test_numpys_sliding_window_view():
    x = tensor(normal(4, 5), requires_grad=True)
    found = np.lib.stride_tricks.sliding_window_view(x, (2, 2))
    assert isinstance(found, Tensor)
    np.testing.assert_array_equal(found.data, np.lib.stride_tricks.sliding_window_view(x.data, (2, 2)))


def test_window_positions():
    for length, k, s, d in itertools.product(range(1, 9), range(1, 4), range(1, 4), range(1, 4)):
        if d * (k - 1) < length:
            assert window_positions(length, k, s, d) == len(range(0, length - d * (k - 1), s))


REDUCTIONS = [
    (window_max, np.max),
    (window_sum, np.sum),
    (window_mean, np.mean),
    (window_argmax, lambda w, axis: w.reshape(*w.shape[: axis[0]], np.prod(w.shape[axis[0] :])).argmax(-1)),
]


@pytest.mark.parametrize(("op", "oracle"), REDUCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("shape", "window", "stride"),
    [
        ((6,), 2, 2),
        ((2, 5, 4), (3, 2), 1),
        ((1, 2, 4, 4), (2, 2), 2),
        ((3, 4, 4), (2, 2, 2), 1),
        ((2, 9, 9), (9, 9), 1),
        ((0, 4, 4), (2, 2), 2),
    ],
)
def test_reductions(op, oracle, shape, window, stride):
    x = normal(*shape)
    count = len(numbers(window, 1))
    windows = sliding_windows(x, window, stride)
    expected = oracle(windows, axis=tuple(range(windows.ndim - count, windows.ndim)))
    np.testing.assert_allclose(op(windows, count), expected, rtol=1e-12)
    found = op(sliding_windows(tensor(x, requires_grad=True), window, stride), count)
    np.testing.assert_allclose(found.data, expected, rtol=1e-12)
    if op is window_argmax:
        assert not found.requires_grad
    else:
        check_derivatives(lambda t: op(sliding_windows(t, window, stride), count), x, order=2 if x.size < 50 else 1)


def test_second_order_of_a_maximum():
    check_derivatives(lambda t: window_max(sliding_windows(t * t * t, (2, 2))), normal(3, 4))


def test_the_first_of_equal_maxima_takes_the_cotangent():
    x = tensor(np.array([[1.0, 2.0, 2.0], [2.0, 0.0, 2.0]]), requires_grad=True)
    windows = sliding_windows(x, (2, 2))
    np.testing.assert_array_equal(window_argmax(windows).data, [[1, 0]])
    window_max(windows).backward(tensor(np.array([[1.0, 10.0]])))
    np.testing.assert_array_equal(x.grad.data, [[0, 11, 0], [0, 0, 0]])


def test_nan_counts_as_the_largest():
    windows = np.array([[1.0, np.nan, 3.0, 2.0], [-np.inf, -np.inf, -np.inf, -np.inf]])
    np.testing.assert_array_equal(window_max(windows, 1), [np.nan, -np.inf])
    np.testing.assert_array_equal(window_argmax(windows, 1), [1, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = tensor(normal(1, 4, 4).astype(dtype), requires_grad=True)
    for op in (window_max, window_sum, window_mean):
        y = op(sliding_windows(x, (2, 2), 2))
        assert y.dtype == dtype
        y.backward(tensor(np.ones(y.shape, dtype)))
    assert x.grad.dtype == dtype
    assert window_max(np.arange(4), 1) == 3


CONVOLUTIONS = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, 2), (1, 1, 4)]


@pytest.mark.parametrize(("stride", "dilation", "groups"), CONVOLUTIONS)
def test_convolution_as_torch_has_it(stride, dilation, groups):
    torch = pytest.importorskip("torch")
    x, w = normal(3, 4, 11, 9), normal(8, 4 // groups, 3, 2)
    a, b = tensor(x, requires_grad=True), tensor(w, requires_grad=True)
    grouped = a.reshape(3, groups, 4 // groups, 11, 9)
    kernels = b.reshape(groups, 8 // groups, 4 // groups, 3, 2)
    y = einsum("ngcxyhw,gochw->ngoxy", sliding_windows(grouped, (3, 2), stride, dilation), kernels)
    y = y.reshape(3, 8, *y.shape[-2:])
    p, q = (torch.tensor(v, requires_grad=True) for v in (x, w))
    expected = torch.nn.functional.conv2d(p, q, stride=stride, dilation=dilation, groups=groups)
    np.testing.assert_allclose(y.data, expected.detach(), rtol=1e-10, atol=1e-10)
    g = normal(*y.shape)
    y.backward(tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(a.grad.data, p.grad, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(b.grad.data, q.grad, rtol=1e-10, atol=1e-10)


def test_second_derivatives_of_a_convolution():
    check_derivatives(
        lambda x, w: einsum("ncxyhw,ochw->noxy", sliding_windows(x, (2, 2)), w), normal(2, 1, 3, 3), normal(2, 1, 2, 2)
    )


@pytest.mark.parametrize(("window", "stride", "dilation"), [(2, 2, 1), (3, 2, 1), (3, 1, 2), (2, 3, 1)])
def test_max_pooling_as_torch_has_it(window, stride, dilation):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 4, size=(2, 3, 9, 8)).astype(float)
    t, p = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = window_max(sliding_windows(t, (window, window), stride, dilation))
    expected = torch.nn.functional.max_pool2d(p, window, stride, dilation=dilation)
    np.testing.assert_array_equal(y.data, expected.detach())
    g = normal(*y.shape)
    y.backward(tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(t.grad.data, p.grad)


def test_unfold_and_fold_as_torch_has_them():
    torch = pytest.importorskip("torch")
    x = normal(2, 3, 7, 6)
    windows = sliding_windows(x, (3, 2), (2, 1), (1, 2))
    columns = np.einsum("ncxyhw->nchwxy", windows).reshape(2, 18, -1)
    options = dict(kernel_size=(3, 2), stride=(2, 1), dilation=(1, 2))  # noqa: C408
    np.testing.assert_array_equal(columns, torch.nn.functional.unfold(torch.tensor(x), **options))
    folded = torch.nn.functional.fold(torch.tensor(columns), (7, 6), **options)
    np.testing.assert_allclose(overlap_add(windows, (7, 6), (2, 1), (1, 2)), folded)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda x: sliding_windows(x, 5),
            ValueError,
            r"sliding_windows: a window of length 5 .* over 5, but the axis has length 4",
        ),
        (
            lambda x: sliding_windows(x, 3, dilation=2),
            ValueError,
            "sliding_windows: a window of length 3 with dilation 2",
        ),
        (
            lambda x: sliding_windows(x, 0),
            ValueError,
            "sliding_windows: window, stride and dilation have .* got 0, 1 and 1",
        ),
        (lambda x: sliding_windows(x, 2, stride=0), ValueError, "sliding_windows: .* have to be positive"),
        (lambda x: sliding_windows(x, (1, 1, 1)), ValueError, "sliding_windows: a window of 3 axes does not fit"),
        (lambda x: sliding_windows(x, (1, 1), axes=0), ValueError, r"sliding_windows: wants 1 numbers .* got \(1, 1\)"),
        (lambda x: sliding_windows(x, 1.5), TypeError, "sliding_windows: window has to be .* got 1.5"),
        (lambda x: sliding_windows(x, 1, axes=2), np.exceptions.AxisError, "sliding_windows: axis 2 is out of range"),
        (
            lambda x: overlap_add(x, 5),
            ValueError,
            "overlap_add: axis 0 .* has 3 positions, but 2 windows .* in length 5",
        ),
        (lambda x: overlap_add(x, (5, 5)), ValueError, "overlap_add: shape .* has not 2 axes of positions"),
        (lambda x: overlap_add(x, 3), ValueError, "overlap_add: a window of length 4 .* length 3"),
        (lambda x: window_max(x, 3), ValueError, "window_max: wants a count of window axes from 1 to 2, got 3"),
        (lambda x: window_sum(x[:, :0], 1), ValueError, "window_sum: a window has to have at least one element"),
        (lambda x: window_positions(3, 4), ValueError, "window_positions: a window of length 4 .* length 3"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call(tensor(np.ones((3, 4))))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("dtype", "value"), [(np.uint8, 200), (np.int8, -100), (np.bool_, True), (np.int32, 2**30), (np.float16, 300)]
)
def test_sums_do_not_overflow(dtype, value, count):
    windows = sliding_windows(tensor(np.full((12, 24), value, dtype)), (12, 24)[-count:])
    axes = tuple(range(-count, 0))
    np.testing.assert_array_equal(window_mean(windows, count).data, windows.data.mean(axes))
    if dtype is not np.float16:
        np.testing.assert_array_equal(window_sum(windows, count).data, windows.data.sum(axes))
