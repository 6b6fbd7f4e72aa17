"""Reductions: NumPy and plain loops for values, PyTorch for conventions at kinks, differences for derivatives."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from derivatives import check_derivatives

from autograd.graph import forward_sweep
from autograd.ops import reductions as ops
from autograd.tensor import Tensor, tensor
from autograd.transforms import grad

rng = np.random.default_rng(7)

REDUCTIONS = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "amax": np.max,
    "amin": np.min,
    "var": np.var,
    "std": np.std,
    "logsumexp": lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
}
UNDIFFERENTIABLE = {"any": np.any, "all": np.all, "count_nonzero": np.count_nonzero}

SHAPES_AND_AXES = [
    ((), None),
    ((), ()),
    ((5,), None),
    ((5,), 0),
    ((3, 4), None),
    ((3, 4), 1),
    ((3, 4), -2),
    ((3, 4), (0, 1)),
    ((3, 4), ()),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (-1, 0)),
    ((2, 3, 4), [1]),
    ((2, 1, 4), 1),
    ((1, 1), None),
    ((2, 0, 4), 0),
]


def array(*shape: int) -> np.ndarray:
    """Values that are well apart from each other and from zero."""
    size = int(np.prod(shape))
    values = (rng.permutation(size) - size / 2 + 0.3) * (2 / (size + 1))
    return values.reshape(shape)


def views(x: np.ndarray) -> list[np.ndarray]:
    """Arrays of two dimensions that are not contiguous."""
    return [x.T, x[::-1, ::2], np.broadcast_to(x[:1], x.shape)[:, ::-1]]


def axis_of(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES_AND_AXES)
@pytest.mark.parametrize("name", [*REDUCTIONS, *UNDIFFERENTIABLE])
def test_values_are_numpys(name, shape, axis, keepdims):
    x = array(*shape)
    expected = (REDUCTIONS | UNDIFFERENTIABLE)[name](x, axis=axis_of(axis), keepdims=keepdims)
    for argument in (x, tensor(x)):
        y = getattr(ops, name)(argument, axis=axis, keepdims=keepdims)
        assert y.shape == np.shape(expected)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(y), expected, rtol=1e-13, atol=1e-13)
    assert isinstance(y, Tensor)


@pytest.mark.parametrize(("shape", "axis"), SHAPES_AND_AXES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_derivatives(name, shape, axis):
    x = array(*shape)
    if name == "std" and x.size == np.std(x, axis=axis_of(axis)).size:
        return  # a constant 0; see test_zero_deviation_has_derivative_zero
    if name in ("max", "min", "amax", "amin", "norm"):
        x = np.asarray(x * 5)
    op = getattr(ops, name)
    check_derivatives(lambda t: op(t, axis=axis), x)
    check_derivatives(lambda t: op(t, axis=axis, keepdims=True), x)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_non_contiguous_inputs(name):
    for x in views(array(5, 6)):
        expected = REDUCTIONS[name](x, axis=0)
        np.testing.assert_allclose(getattr(ops, name)(tensor(x), axis=0).array, expected, rtol=1e-13)
    check_derivatives(lambda t: getattr(ops, name)(t, axis=0), array(4, 6)[::-1, ::2] * 3)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "logsumexp", "norm"])
@pytest.mark.parametrize(("shape", "axis"), [((400, 5), 1), ((2, 3, 400), (0, 1)), ((3, 130, 5, 2), (3, 0))])
def test_short_axes_over_much_data(name, shape, axis):
    x = rng.normal(size=shape)
    for y in (x, np.asfortranarray(x), x[::-1]):
        for keepdims in (False, True):
            result = getattr(ops, name)(tensor(y), axis=axis, keepdims=keepdims)
            expected = REDUCTIONS[name](y, axis=axis, keepdims=keepdims)
            assert result.shape == expected.shape
            np.testing.assert_allclose(result.array, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axes", [(0, 2, 3), (2, 3), (0,), (1, 2, 3), (0, 1, 2, 3), (3, 1)])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "CNHW", "HNWC"])
def test_sums_in_any_memory_layout(layout, axes):
    lengths = {"N": 8, "C": 6, "H": 20, "W": 24}
    memory = rng.normal(size=[lengths[name] for name in layout])
    x = memory.transpose([layout.index(name) for name in "NCHW"])
    for y in (x, x[:, :, ::-1]):
        np.testing.assert_allclose(ops.sum(tensor(y), axes).array, y.sum(axes), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(ops.sum(y, axes, keepdims=True), y.sum(axes, keepdims=True), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [*REDUCTIONS, "softmax", "log_softmax"])
def test_float32_stays_float32(name):
    x = tensor(array(3, 4).astype(np.float32), requires_grad=True)
    y = getattr(ops, name)(x, axis=1)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int64, np.float16])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "var", "std"])
def test_other_dtypes_are_as_in_numpy(name, dtype):
    x = np.array([[1, 0, 1], [1, 1, 1]], dtype)
    y, expected = getattr(ops, name)(tensor(x), axis=1), getattr(np, name)(x, axis=1)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y.array, expected)


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax", "norm"])
def test_integers_become_float64(name):
    y = getattr(ops, name)(tensor([1, 2, 3]), axis=0)
    assert y.dtype == np.float64
    np.testing.assert_allclose(y.array, getattr(ops, name)(np.array([1.0, 2.0, 3.0]), axis=0))


@pytest.mark.parametrize("name", ["sum", "prod", "any", "all", "count_nonzero", "logsumexp", "norm"])
def test_empty_reductions_with_an_identity(name):
    identity = {"prod": 1, "all": True, "logsumexp": -np.inf}.get(name, 0)
    y = getattr(ops, name)(tensor(np.zeros((2, 0, 3)), requires_grad=True), axis=1)
    np.testing.assert_array_equal(y.array, np.full((2, 3), identity))
    if y.requires_grad:
        y.sum().backward()


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin"])
@pytest.mark.parametrize(("shape", "axis"), [((0,), 0), ((3, 0), 1), ((0, 0), 1), ((2, 0), None)])
def test_empty_reductions_without_an_identity_are_refused(name, shape, axis):
    op = name.replace("amax", "max") if name == "amax" else name.replace("amin", "min") if name == "amin" else name
    with pytest.raises(ValueError, match=f"{op}: an empty reduction has no {op}; given shape"):
        getattr(ops, name)(tensor(np.zeros(shape)), axis=axis)


def test_mean_over_nothing_is_nan_with_numpys_warning():
    with pytest.warns(RuntimeWarning):
        y = ops.mean(tensor(np.zeros((2, 0))), axis=1)
    assert np.isnan(y.array).all()


@pytest.mark.parametrize("name", [*REDUCTIONS, "softmax", "log_softmax", "any", "all", "count_nonzero", "cumsum"])
def test_wrong_axes(name):
    op = {"amax": "max", "amin": "min"}.get(name, name)
    x = tensor([[1.0, 2.0]])
    with pytest.raises(np.exceptions.AxisError, match=f"{op}: axis 2 is out of range for a tensor of 2 dimensions"):
        getattr(ops, name)(x, axis=2)
    with pytest.raises(TypeError, match=rf"{op}: axis has to be an integer, got 0\.5"):
        getattr(ops, name)(x, axis=0.5)
    if name != "cumsum":
        with pytest.raises(ValueError, match=rf"{op}: an axis comes twice in \(0, -2\)"):
            getattr(ops, name)(x, axis=(0, -2))


# prod and cumprod with zeros

ZEROS = [
    [2.0, 3.0, 0.5, 4.0, 1.5],
    [2.0, 0.0, 0.5, 4.0, 1.5],
    [0.0, 3.0, 0.5, 0.0, 1.5],
    [0.0, 0.0, 0.0, 2.0, 3.0],
    [0.0],
]


@pytest.mark.parametrize("values", ZEROS)
def test_prod_and_cumprod_with_zeros(values):
    x = np.array(values)
    check_derivatives(ops.prod, x)
    check_derivatives(ops.cumprod, x)
    others = [np.prod([v for j, v in enumerate(values) if j != i]) for i in range(len(values))]
    np.testing.assert_array_equal(grad(ops.prod)(tensor(x)).array, others)


def test_prod_and_cumprod_with_zeros_in_some_rows():
    x = np.array([row for row in ZEROS if len(row) == 5])
    for y in (x, x.T):
        check_derivatives(lambda t: ops.prod(t, axis=0), y)
        check_derivatives(lambda t: ops.cumprod(t, axis=1), y)
    check_derivatives(lambda t: ops.prod(t, axis=(2, 0)), x.reshape(2, 2, 5))


def test_third_derivative_of_prod_at_zeros():
    def third(x):
        return grad(lambda a: grad(lambda b: grad(lambda c: ops.prod(c))(b)[0])(a)[1])(x)

    np.testing.assert_array_equal(third(tensor([0.0, 0.0, 0.0, 5.0])).array, [0.0, 0.0, 5.0, 0.0])


# cumsum and cumprod


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((), None), ((5,), 0), ((3, 4), None), ((3, 4), 0), ((3, 7), -1), ((2, 1, 3), 1), ((2, 0), 1), ((0,), 0)],
)
def test_running_sums_and_products(name, shape, axis):
    x = array(*shape)
    y = getattr(ops, name)(tensor(x), axis)
    np.testing.assert_allclose(y.array, getattr(np, name)(x, axis=axis), rtol=1e-13)
    check_derivatives(lambda t: getattr(ops, name)(t, axis), x)


def test_running_sums_of_views_and_integers():
    for x in views(array(4, 6)):
        check_derivatives(lambda t: ops.cumsum(t, 0), x)
        check_derivatives(lambda t: ops.cumprod(t, 1), x)
    assert ops.cumsum(tensor(np.ones(3, np.int8))).dtype == np.cumsum(np.ones(3, np.int8)).dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gradient_of_cumprod_in_lines_of_all_kinds(dtype):
    """Lines of ordinary numbers, with zeros, with what is too small to divide by, and with products that overflow."""
    tiny, huge = np.finfo(dtype).tiny / 4, np.finfo(dtype).max
    x = array(6, 5)
    x[1, 2] = x[2, 0] = x[2, 3] = 0
    x[3, :2] = tiny, 1
    x[4] = 1, tiny, huge / 8, 2, 0.5
    x[5] = huge / 4, 2, 0.5, 1, 1
    x = x.astype(dtype)
    g = array(6, 5).astype(dtype)
    g[5] = 8, 0, 0, 0, 0
    expected = np.zeros((6, 5))
    with np.errstate(all="ignore"):
        for line, i in np.ndindex(6, 5):
            for k in range(i, 5):
                if g[line, k]:
                    others = [x[line, j].astype(np.longdouble) for j in range(k + 1) if j != i]
                    expected[line, i] += g[line, k] * np.prod(others)
        for axis in (0, 1):
            leaf = tensor(x if axis else x.T.copy(), requires_grad=True)
            ops.cumprod(leaf, axis).backward(tensor(g if axis else g.T.copy()))
            found = leaf.grad.array if axis else leaf.grad.array.T
            np.testing.assert_allclose(found, expected, rtol=50 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).tiny)


# max and min

TIES = [
    np.array([[1.0, 5.0, 5.0], [2.0, 2.0, 2.0], [0.0, -1.0, -1.0]]),
    np.zeros((2, 3)),
]


@pytest.mark.parametrize("name", ["amax", "amin"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), ()])
def test_ties_share_as_in_torch(name, axis):
    torch = pytest.importorskip("torch")
    for x in TIES:
        ours = tensor(x, requires_grad=True)
        theirs = torch.tensor(x, requires_grad=True)
        y = getattr(ops, name)(ours, axis)
        dims = tuple(range(x.ndim)) if axis is None else axis
        z = theirs.clone() if axis == () else getattr(torch, name)(theirs, dims)
        weights = np.arange(1.0, y.size + 1).reshape(y.shape)
        (y * weights).sum().backward()
        (z * torch.tensor(weights)).sum().backward()
        np.testing.assert_array_equal(ours.grad.array, theirs.grad.numpy())


def first_places(x: np.ndarray, axes: tuple[int, ...], better) -> np.ndarray:
    """1 at the first best element over `axes` in C order, by a plain loop."""
    chosen = np.zeros(x.shape)
    others = [a for a in range(x.ndim) if a not in axes]
    for outer in itertools.product(*(range(x.shape[a]) for a in others)):
        best = None
        for inner in itertools.product(*(range(x.shape[a]) for a in sorted(axes))):
            place = [0] * x.ndim
            for a, i in [*zip(others, outer), *zip(sorted(axes), inner)]:
                place[a] = i
            if best is None or better(x[tuple(place)], x[best]):
                best = tuple(place)
        chosen[best] = 1
    return chosen


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((4, 5), (0, 1)), ((4, 5), (1,)), ((3, 4, 2), (2, 0)), ((2, 40), (1,)), ((600, 3, 2), (1, 2)), ((3,), ())],
)
def test_ties_first(name, shape, axis):
    x = rng.integers(0, 3, shape).astype(np.float64)
    t = tensor(x, requires_grad=True)
    getattr(ops, name)(t, axis, ties="first").sum().backward()
    expected = first_places(x, axis, (lambda a, b: a > b) if name == "max" else (lambda a, b: a < b))
    np.testing.assert_array_equal(t.grad.array, expected)


@pytest.mark.parametrize("ties", ["share", "first"])
def test_max_over_windows(ties):
    x = np.random.default_rng(0).permutation(24 * 24).reshape(24, 24) / 100.0
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3))[::2, ::2]
    t = tensor(windows, requires_grad=True)
    y = ops.max(t, axis=(2, 3), ties=ties)
    np.testing.assert_array_equal(y.array, windows.reshape(11, 11, 9).max(-1))
    y.sum().backward()
    np.testing.assert_array_equal(t.grad.array, windows == y.array[..., None, None])


@pytest.mark.parametrize("ties", ["share", "first"])
def test_ties_in_forward_mode_and_second_order(ties):
    x = tensor(TIES[0], requires_grad=True)
    y = ops.max(x, axis=1, ties=ties)
    tangent = np.arange(9.0).reshape(3, 3)
    pushed = forward_sweep({x.node: tangent}, [y.node])[y.node]
    np.testing.assert_allclose(pushed, [1.5, 4.0, 6.0] if ties == "share" else [1.0, 3.0, 6.0])
    check_derivatives(lambda t: ops.max(t * t, axis=0, ties=ties), array(3, 4) * 3)


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_with_nan(name):
    t = tensor([[1.0, np.nan, np.nan], [1.0, 2.0, 3.0]], requires_grad=True)
    y = getattr(ops, name)(t, axis=1)
    np.testing.assert_array_equal(y.array, getattr(np, name)(t.array, axis=1))
    y.sum().backward()
    np.testing.assert_array_equal(t.grad.array[0], [0.0, 0.5, 0.5])


def test_an_unknown_rule_for_ties():
    with pytest.raises(ValueError, match="max: ties has to be 'share' or 'first', got 'last'"):
        ops.max(tensor([1.0]), ties="last")


# var, std


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("correction", [0, 1, 0.5])
def test_correction_of_a_variance(name, correction):
    x = array(4, 5)
    for keyword in ("correction", "ddof"):
        y = getattr(ops, name)(tensor(x), axis=0, **{keyword: correction})
        np.testing.assert_allclose(y.array, getattr(np, name)(x, axis=0, ddof=correction), rtol=1e-13)
    check_derivatives(lambda t: getattr(ops, name)(t, axis=0, correction=correction), x)


def test_variance_without_freedom_is_as_in_numpy():
    with pytest.warns(RuntimeWarning):
        y = ops.var(tensor([2.0]), correction=1)
    assert np.isnan(y.array)


def test_variance_of_large_numbers():
    x = 1e8 + np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(ops.var(tensor(x)).array, np.var([1.0, 2.0, 4.0]), rtol=1e-9)


def test_zero_deviation_has_derivative_zero():
    torch = pytest.importorskip("torch")
    x = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    theirs = torch.tensor(x, requires_grad=True)
    torch.std(theirs, 1, correction=0).sum().backward()
    ours = tensor(x, requires_grad=True)
    ops.std(ours, 1).sum().backward()
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-12)
    second = grad(lambda t: (grad(lambda u: ops.std(u, 1).sum())(t) * x).sum())(tensor(x))
    assert np.isfinite(second.array).all()


# logsumexp, softmax, log_softmax

SOFT = ["softmax", "log_softmax"]


@pytest.mark.parametrize("name", SOFT)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5,), 0), ((3, 4), -1), ((3, 4), 0), ((2, 3, 2), (0, 2)), ((2, 1), 1), ((2, 0), 1), ((3, 4), None)],
)
def test_softmax(name, shape, axis):
    x = array(*shape)
    y = getattr(ops, name)(tensor(x), axis)
    powers = np.exp(x)
    expected = powers / powers.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(y.array, expected if name == "softmax" else np.log(expected), rtol=1e-12, atol=1e-14)
    check_derivatives(lambda t: getattr(ops, name)(t, axis), x)


@pytest.mark.parametrize("name", SOFT)
def test_softmax_of_views(name):
    for x in views(array(4, 6)):
        check_derivatives(lambda t: getattr(ops, name)(t, 0), x)


def test_large_and_infinite_exponents():
    torch = pytest.importorskip("torch")
    inf = np.inf
    rows = np.array([[1000.0, 1000.0, 999.0], [-1000.0, -1000.0, -2000.0], [-inf, 1.0, 2.0], [-inf, -inf, 3.0]])
    for name in ["logsumexp", *SOFT]:
        ours, theirs = tensor(rows, requires_grad=True), torch.tensor(rows, requires_grad=True)
        y, z = getattr(ops, name)(ours, axis=1), getattr(torch, name)(theirs, dim=1)
        np.testing.assert_allclose(y.array, z.detach().numpy(), rtol=1e-12)
        weights = np.arange(1.0, y.size + 1).reshape(y.shape)
        y.backward(tensor(weights))
        z.backward(torch.tensor(weights))
        np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("row", "value"), [([-np.inf, -np.inf], -np.inf), ([np.inf, 1.0], np.inf), ([np.nan, 1.0], np.nan)]
)
def test_logsumexp_without_a_finite_maximum(row, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ops.logsumexp(tensor(row))
    np.testing.assert_array_equal(y.array, value)


def test_logsumexp_of_minus_infinity_has_derivative_zero():
    x = tensor([[-np.inf, -np.inf], [0.0, 0.0]], requires_grad=True)
    ops.logsumexp(x, axis=1).sum().backward()
    np.testing.assert_array_equal(x.grad.array, [[0.0, 0.0], [0.5, 0.5]])


# moments and standardize


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 3), 0), ((4, 3), -1), ((2, 3, 4), (0, 2)), ((2, 3), None), ((3, 1), 1), ((3, 0), 0)]
)
def test_moments(shape, axis, keepdims):
    x = array(*shape) * 3
    mean, var = ops.moments(tensor(x), axis, keepdims)
    np.testing.assert_allclose(mean.array, x.mean(axis=axis, keepdims=keepdims), rtol=1e-12)
    np.testing.assert_allclose(var.array, x.var(axis=axis, keepdims=keepdims), rtol=1e-12, atol=1e-15)
    assert mean.shape == var.shape == x.mean(axis=axis, keepdims=keepdims).shape
    check_derivatives(lambda t: ops.moments(t, axis, keepdims)[0], x)
    check_derivatives(lambda t: ops.moments(t, axis, keepdims)[1], x)
    check_derivatives(lambda t: ops.moments(t, axis, keepdims)[0] * ops.moments(t, axis, keepdims)[1], x)


@pytest.mark.parametrize("axes", [(0, 2, 3), (1, 2, 3), (2, 3), (1,)])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (0, 2, 3, 1)])
def test_moments_of_large_arrays(axes, order):
    x = np.random.default_rng(0).normal(3, 2, size=(9, 16, 24, 24)).astype(np.float32)
    x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    t = tensor(x, requires_grad=True)
    mean, var = ops.moments(t, axes, keepdims=True)
    assert mean.dtype == var.dtype == np.float32
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean.array, exact.mean(axes, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(var.array, exact.var(axes, keepdims=True), rtol=1e-5)
    u, v = (np.random.default_rng(k).normal(size=mean.shape).astype(np.float32) for k in (1, 2))
    (mean * u + var * v).sum().backward()
    count = x.size / mean.size
    deviation = exact - exact.mean(axes, keepdims=True)
    np.testing.assert_allclose(t.grad.array, (u + 2 * v * deviation) / count, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 3), 0), ((4, 3), -1), ((2, 3, 4), (0, 2)), ((2, 3), None), ((3, 1), 1), ((3, 0), 0)]
)
def test_standardize(shape, axis):
    x = array(*shape) * 3
    y, mean, var = ops.standardize(tensor(x), axis, 0.1)
    expected_mean, expected_var = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    np.testing.assert_allclose(mean.array, expected_mean, rtol=1e-12)
    np.testing.assert_allclose(var.array, expected_var, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(y.array, (x - expected_mean) / np.sqrt(expected_var + 0.1), rtol=1e-12, atol=1e-15)
    check_derivatives(lambda t: ops.standardize(t, axis, 0.1)[0], x)
    check_derivatives(lambda t: ops.standardize(t, axis, 0.1)[1], x)
    check_derivatives(lambda t: ops.standardize(t, axis, 0.1)[2], x)
    check_derivatives(lambda t: ops.standardize(t, axis, 0.1)[0] * ops.standardize(t, axis, 0.1)[2], x)


def test_standardize_with_all_outputs_used():
    def mixed(t):
        y, mean, var = ops.standardize(t, (0, 2), 1e-3)
        return y * var + mean * y

    for x in (array(3, 2, 4), array(4, 2, 3).T, array(6, 2, 4)[::-2]):
        check_derivatives(mixed, x * 3)


def test_standardize_keeps_float32_and_the_memory_layout():
    x = np.moveaxis(array(2, 4, 4, 3).astype(np.float32), -1, 1)
    t = tensor(x, requires_grad=True)
    y, mean, var = ops.standardize(t, (0, 2, 3))
    assert y.dtype == mean.dtype == var.dtype == np.float32
    assert y.array.strides == np.copy(x, "K").strides
    (y * x).sum().backward()
    assert t.grad.dtype == np.float32


# norm


@pytest.mark.parametrize("ord", [None, 0, 0.5, 1, 1.5, 2, 3, np.inf, -np.inf, -1, -2])
def test_norm_of_vectors(ord):
    x = array(3, 4) * 3
    for y in (x, *views(x)):
        np.testing.assert_allclose(ops.norm(tensor(y), ord, 1).array, np.linalg.norm(y, ord, 1), rtol=1e-12)
    kept = ops.norm(tensor(x), ord, 0, True)
    np.testing.assert_allclose(kept.array, np.linalg.norm(x, ord, 0, True), rtol=1e-12)
    np.testing.assert_allclose(ops.norm(tensor(x[0]), ord).array, np.linalg.norm(x[0], ord), rtol=1e-12)
    if ord != 0:
        check_derivatives(lambda t: ops.norm(t, ord, 1), x)
        check_derivatives(lambda t: ops.norm(t, ord, 0, True), x)


@pytest.mark.parametrize(
    ("shape", "axis"), [((3, 4), None), ((2, 3, 4), None), ((2, 3, 4), (0, 2)), ((2, 3, 4), 1), ((), None)]
)
def test_norm_of_everything(shape, axis):
    x = np.asarray(array(*shape) * 3)
    for ord in (None, "fro"):
        y = ops.norm(tensor(x), ord, axis)
        np.testing.assert_allclose(y.array, np.sqrt(np.sum(x * x, axis=axis)), rtol=1e-13)
    check_derivatives(lambda t: ops.norm(t, None, axis), x)


@pytest.mark.parametrize("ord", [0.5, 1, 1.5, 2, 3, np.inf, -np.inf, -1])
@pytest.mark.parametrize("values", [[0.0, 0.0], [0.0, 2.0, -2.0], [3.0, 2.0, -2.0]])
def test_norms_at_kinks_are_as_in_torch(ord, values):
    torch = pytest.importorskip("torch")
    theirs = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    z = torch.linalg.vector_norm(theirs, ord)
    z.backward()
    ours = tensor(values, dtype=np.float64, requires_grad=True)
    y = ops.norm(ours, ord)
    y.backward()
    np.testing.assert_allclose(y.array, z.item(), rtol=1e-12)
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=1e-12)


def test_second_derivative_of_a_norm_at_zero_is_finite():
    hessian = grad(lambda t: (grad(ops.norm)(t) * np.array([1.0, 2.0])).sum())(tensor([0.0, 0.0]))
    np.testing.assert_array_equal(hessian.array, [0.0, 0.0])


@pytest.mark.parametrize(
    ("ord", "axis", "message"),
    [
        ("nuc", None, r"norm: ord=nuc over axes \(0, 1\) is a matrix norm; use matrix_norm\(x, ord\)"),
        (2, None, r"norm: ord=2 over axes \(0, 1\) is a matrix norm; use .*, or norm\(ravel\(x\), ord\) for"),
        (np.inf, (0, 1), r"norm: ord=inf over axes \(0, 1\) is a matrix norm"),
        ("two", None, r"norm: ord has to be None, 'fro' or a number, got 'two'"),
        (3, (), r"norm: ord=3 is a norm over one axis, got axes \(\) for shape \(2, 2\)"),
    ],
)
def test_norms_that_are_none(ord, axis, message):
    with pytest.raises(ValueError, match=message):
        ops.norm(tensor(np.ones((2, 2))), ord, axis)


# indices and truth values


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_indices_of_extremes(name, axis):
    x = np.array([[1.0, 5.0, 5.0], [np.nan, 2.0, 7.0]])
    for keepdims in (False, True):
        t = tensor(x, requires_grad=True)
        y = getattr(ops, name)(t, axis, keepdims)
        assert not y.requires_grad
        np.testing.assert_array_equal(y.array, getattr(np, name)(x, axis=axis, keepdims=keepdims))


# how they are reached


@pytest.mark.parametrize(
    "name", [n for n in [*REDUCTIONS, *UNDIFFERENTIABLE, "argmax", "argmin"] if n not in ("logsumexp", "norm")]
)
def test_numpy_functions_and_methods(name):
    x = array(3, 4)
    t = tensor(x)
    expected = getattr(np, name)(x, axis=1)
    for y in (getattr(np, name)(t, axis=1), getattr(np, name)(t, 1), getattr(t, name)(axis=1), getattr(t, name)(1)):
        assert isinstance(y, Tensor)
        np.testing.assert_allclose(y.array, expected, rtol=1e-13)


def test_numpys_positional_parameters():
    x = array(3, 4)
    t = tensor(x)
    np.testing.assert_array_equal(np.sum(t, 1, None, None, True).array, x.sum(1, keepdims=True))
    np.testing.assert_allclose(np.var(t, 1, None, None, 1).array, x.var(1, ddof=1))
    np.testing.assert_array_equal(np.max(t, 0, None, True).array, x.max(0, keepdims=True))
    np.testing.assert_array_equal(np.cumsum(t, 1).array, np.cumsum(x, 1))
    np.testing.assert_allclose(np.linalg.norm(t, axis=1).array, np.linalg.norm(x, axis=1))
    with pytest.raises(TypeError, match=r"var: dtype=<class 'numpy\.float32'> is not supported on tensors"):
        np.var(t, 1, np.float32)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", [np.float64, "float32", np.int64])
def test_a_wanted_dtype(name, dtype):
    x = np.array([[1, 2, 1], [3, 1, 2]], np.float16)
    t = tensor(x, requires_grad=True)
    expected = getattr(np, name)(x.astype(dtype), 1)
    method = getattr(t, name)
    calls = (getattr(np, name)(t, 1, dtype), method(axis=1, dtype=dtype), method(dim=1, dtype=dtype))
    for y in (*calls, getattr(ops, name)(x.tolist(), 1, dtype=dtype)):
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(np.asarray(getattr(y, "array", y)), expected)
    if expected.dtype.kind == "f" and dtype is not np.int64:
        calls[0].sum().backward()
        assert t.grad.dtype == np.float16


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32"])
@pytest.mark.parametrize("ord", [0, 1, 2, 3, np.inf, -np.inf])
def test_norms_of_integers_are_floating(dtype, ord):
    x = np.array([[1, 0, 1], [1, 1, 1]], dtype)
    for y in (np.linalg.norm(tensor(x), ord, 1), ops.norm(x, ord, 1), ops.norm(x.tolist(), ord, 1)):
        np.testing.assert_allclose(np.asarray(getattr(y, "array", y)), np.linalg.norm(x, ord, 1), rtol=1e-6)
    assert np.linalg.norm(tensor(x), ord, 1).dtype == np.linalg.norm(x, ord, 1).dtype


def test_torchs_names():
    x = array(3, 4)
    np.testing.assert_array_equal(tensor(x).sum(dim=1, keepdim=True).array, x.sum(1, keepdims=True))
    np.testing.assert_array_equal(tensor(x).argmax(dim=0).array, x.argmax(0))


@pytest.mark.parametrize("name", ["max", "median", "min", "sort", "std", "var"])
def test_what_is_not_torchs_does_not_take_its_names(name):
    getattr(tensor(array(3, 4)), name)(axis=0)
    with pytest.raises(TypeError, match=f"{name}: takes axis where PyTorch takes dim, since that"):
        getattr(tensor(array(3, 4)), name)(dim=0)


@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "all", "any", "mean", "argmax", "cumsum", "var", "norm"])
@pytest.mark.parametrize(
    "x", [(n for n in (1.0, 2.0)), None, "abc", {1.0, 2.0}], ids=["generator", "None", "str", "set"]
)
def test_what_is_no_array_is_refused(name: str, x: object) -> None:
    with pytest.raises(TypeError, match=f"wants numbers, arrays or tensors, got {type(x).__name__}"):
        getattr(ops, name)(x)


def test_half_precision_is_summed_in_single():
    """Rows added one to the other in half precision stop growing at 2048."""
    x = np.ones((5000, 3), np.float16)
    w = tensor(np.ones(3, np.float16), requires_grad=True)
    (tensor(x) * w).sum().backward()
    np.testing.assert_array_equal(w.grad.data, 5000)
    np.testing.assert_array_equal(ops.sum(tensor(x), 0).data, 5000)
    np.testing.assert_allclose(ops.logsumexp(tensor(x - 1), 0).data, np.log(5000), rtol=1e-3)
    np.testing.assert_allclose(ops.softmax(tensor(x), 0).data, 1 / 5000, rtol=1e-3)
    assert ops.sum(tensor(x), 0).dtype == np.float16


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_parameters_of_numpys_that_are_not_here(name):
    with pytest.raises(TypeError, match=rf"{name}: takes axis, .*keepdims beside the tensor; got"):
        getattr(np, name)(tensor([1.0, 2.0]), 0, *[None] * (name in ("sum", "prod")), None, False, 100.0)
