"""Operations and their gradients on arrays large enough for the kernels of `autograd.kernels`, beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn

torch = pytest.importorskip("torch")

F, TF = nn.functional, torch.nn.functional
Array = np.ndarray
SHAPE = (16, 24, 28, 27)

CALLS: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[int, ...]]]] = {
    "scale and shift": (
        lambda x, a, b: ag.multiply_add(x, a, b),
        lambda x, a, b: x * a + b,
        [SHAPE, (24, 1, 1), (24, 1, 1)],
    ),
    "product": (lambda x, a: x * a, lambda x, a: x * a, [SHAPE, (1, 24, 1, 1)]),
    "product of rows": (lambda x, a: a * x, lambda x, a: a * x, [SHAPE, (27,)]),
    "outer product": (lambda x, a: x * a, lambda x, a: x * a, [(600, 1), (1, 600)]),
    "sum": (lambda x, b: x + b, lambda x, b: x + b, [SHAPE, (24, 1, 1)]),
    "relu": (ag.relu, torch.relu, [SHAPE]),
    "sigmoid": (ag.sigmoid, torch.sigmoid, [SHAPE]),
    "tanh": (ag.tanh, torch.tanh, [SHAPE]),
    "erf": (ag.erf, torch.erf, [SHAPE]),
    "ndtr": (ag.ndtr, torch.special.ndtr, [SHAPE]),
    "gelu": (F.gelu, TF.gelu, [SHAPE]),
    "softplus": (ag.softplus, TF.softplus, [SHAPE]),
    "maximum": (ag.maximum, torch.maximum, [SHAPE, SHAPE]),
    "minimum": (ag.minimum, torch.minimum, [SHAPE, (24, 1, 1)]),
    "clip": (lambda x: ag.clip(x, -1, 1), lambda x: torch.clamp(x, -1, 1), [SHAPE]),
    "relu6": (F.relu6, TF.relu6, [SHAPE]),
    "softmax": (lambda x: ag.softmax(x, 1), lambda x: torch.softmax(x, 1), [SHAPE]),
    "log_softmax": (lambda x: ag.log_softmax(x, 1), lambda x: torch.log_softmax(x, 1), [SHAPE]),
    "logsumexp": (lambda x: ag.logsumexp(x, (1, 3)), lambda x: torch.logsumexp(x, (1, 3)), [SHAPE]),
    "logsumexp over channels": (lambda x: ag.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1), [SHAPE]),
    "batch norm": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        lambda x, w, b: TF.batch_norm(x, None, None, w, b, training=True),
        [SHAPE, (24,), (24,)],
    ),
    "layer norm": (
        lambda x, w, b: F.layer_norm(x, (28, 27), w, b),
        lambda x, w, b: TF.layer_norm(x, (28, 27), w, b),
        [SHAPE, (28, 27), (28, 27)],
    ),
    "group norm": (lambda x: F.group_norm(x, 4), lambda x: TF.group_norm(x, 4), [SHAPE]),
    "instance norm": (F.instance_norm, TF.instance_norm, [SHAPE]),
}


@pytest.mark.parametrize("layout", ["plain", "batch last", "mixed"])
@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name: str, layout: str) -> None:
    ours, theirs, shapes = CALLS[name]
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(np.float64) for shape in shapes]
    if layout != "plain" and arrays[0].ndim == 4:
        arrays[0] = np.moveaxis(np.ascontiguousarray(np.moveaxis(arrays[0], 0, -1)), -1, 0)
    their_leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = theirs(*their_leaves)
    g = rng.normal(size=expected.shape)
    if layout == "batch last" and g.ndim == 4:
        g = np.moveaxis(np.ascontiguousarray(np.moveaxis(g, 0, -1)), -1, 0)
    expected.backward(torch.tensor(g))

    y, pull = ag.vjp(ours, *arrays)
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-9, atol=1e-11)
    for mine, leaf in zip(pull(g), their_leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-9, atol=1e-9 * max(1, leaf.grad.abs().max()))


@pytest.mark.parametrize("name", ["scale and shift", "relu", "sigmoid", "erf", "batch norm", "log_softmax"])
def test_single_precision_stays(name: str) -> None:
    ours, _, shapes = CALLS[name]
    leaves = [ag.tensor(np.full(shape, 0.5, np.float32), requires_grad=True) for shape in shapes]
    y = ours(*leaves)
    assert y.dtype == np.float32
    y.backward(ag.ones_like(y))
    assert [leaf.grad.dtype for leaf in leaves] == [np.float32] * len(leaves)


def test_watched_and_pushed_products_are_arrays() -> None:
    x, a = np.random.default_rng(0).normal(size=(300, 200)), np.arange(200.0)
    _, tangent = ag.jvp(lambda x, a: x * a, (x, a), (x, a))
    np.testing.assert_allclose(tangent, 2 * x * a)
    second = ag.grad(lambda a: (ag.grad(lambda a: (x * a * a).sum())(a) * a).sum())(a)
    np.testing.assert_allclose(second, 4 * x.sum(0) * a)


@pytest.mark.parametrize("name", ["sigmoid", "erf", "ndtr", "softplus"])
@pytest.mark.parametrize("size", [1 << 10, 1 << 18])
def test_integers_give_floats(name: str, size: int) -> None:
    x = np.arange(size) % 5 - 2
    found = getattr(ag, name)(ag.tensor(x))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found.numpy(), getattr(ag, name)(ag.tensor(x.astype(float))).numpy())


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64]
)
@pytest.mark.parametrize("size", [8, 1 << 18])
@pytest.mark.parametrize("function", [ag.sigmoid, ag.softplus, nn.functional.silu, nn.functional.logsigmoid])
def test_all_integers_and_truth_values(function: Any, size: int, dtype: Any) -> None:
    bounds = [0, 1] if dtype is bool else [np.iinfo(dtype).min, np.iinfo(dtype).max, 0, 1, 5]
    x = np.resize(np.array(bounds, dtype), size)
    found = function(ag.tensor(x))
    with np.errstate(over="ignore"):
        expected = function(ag.tensor(x.astype(float))).numpy().astype(found.dtype)
    np.testing.assert_allclose(found.numpy(), expected, rtol=4 * np.finfo(found.dtype).eps, atol=1e-7)


@pytest.mark.parametrize("times", [1, 1 << 17])
def test_complex_sigmoid_and_softplus(times: int) -> None:
    z = np.tile([1 + 2j, 3 - 1j, 0.5j, -2 - 1j], times)
    np.testing.assert_allclose(ag.sigmoid(ag.tensor(z)).numpy(), 1 / (1 + np.exp(-z)))
    np.testing.assert_allclose(ag.softplus(ag.tensor(z)).numpy(), np.log1p(np.exp(z)))
    assert np.isfinite(ag.softplus(ag.tensor(np.array([1e4 + 1j]))).numpy()).all()


@pytest.mark.parametrize("size", [1 << 10, 1 << 19])
@pytest.mark.parametrize("condition", [bool, int, float])
@pytest.mark.parametrize("dtype", [bool, int, np.float32])
def test_where_has_the_dtype_of_what_it_chooses_from(size: int, condition: Any, dtype: Any) -> None:
    chosen, x, y = (np.arange(size) % 3 > 1).astype(condition), np.ones(size, dtype), np.zeros(size, dtype)
    found = ag.where(ag.tensor(chosen), ag.tensor(x), ag.tensor(y))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.numpy(), np.where(chosen, x, y))
    if dtype is np.float32:
        leaf = ag.tensor(x, requires_grad=True)
        ag.where(ag.tensor(chosen), leaf, 0.0).sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.dtype == dtype
        np.testing.assert_array_equal(leaf.grad.numpy(), chosen != 0)


@pytest.mark.parametrize("size", [255, 256, 1 << 17])
@pytest.mark.parametrize("chosen", ["where", "clip", "maximum", "minimum"])
def test_forward_mode_where_the_tangent_broadcasts(chosen: str, size: int) -> None:
    other = np.tile([[-1.0], [2.0], [0.5], [3.0]], size)
    calls: dict[str, Callable[[Any], Any]] = {
        "where": lambda x: ag.where(other > 1, x, 0.0),
        "clip": lambda x: ag.clip(x, other, None),
        "maximum": lambda x: ag.maximum(x, other),
        "minimum": lambda x: ag.minimum(x, other),
    }
    rng = np.random.default_rng(0)
    x, tangent, cotangent = rng.normal(size=size), rng.normal(size=size), rng.normal(size=(4, size))
    _, pushed = ag.jvp(calls[chosen], [x], [tangent])
    leaf = ag.tensor(x, requires_grad=True)
    calls[chosen](leaf).backward(ag.tensor(cotangent))
    assert leaf.grad is not None
    np.testing.assert_allclose((pushed.data * cotangent).sum(), (leaf.grad.data * tangent).sum())


@pytest.mark.parametrize("count", [65_000, 70_000, 600_000])
def test_float16_counts_further_than_it_can_hold(count: int) -> None:
    values = np.random.default_rng(0).normal(0, 0.1, count)
    losses: dict[str, Callable[[Any], Any]] = {
        "mean": ag.mean,
        "var": ag.var,
        "std": ag.std,
        "moments": lambda x: ag.add(*ag.moments(x)),
        "standardize": lambda x: ag.add(*ag.standardize(x, 0)[1:]).sum(),
    }
    for name, loss in losses.items():
        half, double = (ag.tensor(values.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float64))
        (loss(half) * 1000).backward()
        (loss(double) * 1000).backward()
        assert half.grad is not None
        assert double.grad is not None
        np.testing.assert_allclose(half.grad.data, double.grad.data, rtol=0.02, atol=1e-5, err_msg=name)
