"""`absorbing_zeros`, against derivatives known from mathematics, and against the ordinary ones where those exist."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from derivatives import Recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import SAMPLES

import autograd as ag
import nn
from autograd.absorbing import SELECTING, _passed, _pushed
from autograd.graph import Bundle, ancestors
from autograd.primitive import registry
from autograd.transforms import variable
from nn import functional as F

Array = np.ndarray
INF, NAN = np.inf, np.nan


def root(x: Any) -> Any:
    return ag.sqrt(x)


def array(*values: Any) -> Array:
    return np.array(values, float)


SPREAD = array([1, INF], [2, 1])  # a matrix with an infinite entry
IMAGES = np.arange(16.0).reshape(1, 1, 4, 4)

# a function, where, and its gradient there; without the context there is a NaN in it
CASES: dict[str, tuple[Callable[[Any], Any], Array, Array]] = {
    "where, sqrt": (lambda x: ag.where(x > 0, root(x), 0.0), array(-1, 0, 4), array(0, 0, 0.25)),
    "where, log": (lambda x: ag.where(x > 0, x * ag.log(x), 0.0), array(0, 1), array(0, 1)),
    "where, divide": (lambda x: ag.where(x != 0, ag.sin(x) / x, 1.0), array(0, np.pi), array(0, -1 / np.pi)),
    "where, divide by": (lambda x: ag.where(x > 1, 1.0, 0.0) + ag.where(x > 0, 1 / x, x), array(0, 2), array(1, -0.25)),
    "where, power": (lambda x: ag.where(x > 0, x**0.5, x), array(0, 4), array(1, 0.25)),
    "where, arccos": (lambda x: ag.where(abs(x) < 1, ag.arccos(x), 0.0), array(1, 0, -1), array(0, -1, 0)),
    "where, broadcast to a row of zeros": (
        lambda x: ag.where(array([0, 1], [0, 0]) > 0, root(x), 0.0),
        array([0, 4]),
        array([0, 0.25]),
    ),
    "where, steep factor": (
        lambda x: ag.where(array([1, 0], [1, 1]) > 0, x * SPREAD, 0.0)[:, :1],
        array([1, 1], [1, 1]),
        array([1, 0], [2, 0]),
    ),
    "clip": (lambda x: ag.clip(ag.log(x), -2, None), array(0, 1), array(0, 1)),
    "maximum": (lambda x: ag.maximum(ag.log(x), -2), array(0, 1), array(0, 1)),
    "minimum": (lambda x: ag.minimum(1 / x, 10), array(0, 1), array(0, -1)),
    "relu": (lambda x: ag.relu(ag.log(x)), array(0, 2), array(0, 0.5)),
    "relu at its kink": (lambda x: ag.relu(root(x)), array(0, 4), array(0, 0.25)),
    "floor": (lambda x: ag.floor(root(x)), array(0, 4), array(0, 0)),
    "index": (lambda x: root(x)[1:], array(0, 4), array(0, 0.25)),
    "index by truth values": (lambda x: root(x)[x > 0], array(0, 4), array(0, 0.25)),
    "index by integers": (lambda x: root(x)[[1, 1]], array(0, 4), array(0, 0.5)),
    "take": (
        lambda x: ag.take_along_axis(1 / x, array([1], [0]).astype(int), 1),
        array([0, 1], [2, 0]),
        array([0, -1], [-0.25, 0]),
    ),
    "divide, index": (lambda x: (1 / x)[x > 0], array(0, 2), array(0, -0.25)),
    "setitem": (lambda x: _overwritten(root(x)), array(0, 4), array(0, 0.25)),
    "crop": (lambda x: ag.pad(root(x), (-1, 0)), array(0, 4), array(0, 0.25)),
    "split": (lambda x: ag.split(root(x), 2)[1], array(0, 4), array(0, 0.25)),
    "unstack": (lambda x: ag.unstack(root(x))[1], array(0, 4), array(0, 0.25)),
    "concatenate": (lambda x: ag.concatenate([root(x), x])[1:], array(0, 4), array(1, 1.25)),
    "stack": (lambda x: ag.stack([root(x), x])[1], array(0, 4), array(1, 1)),
    "max": (lambda x: root(x).max(), array(0, 4), array(0, 0.25)),
    "sort": (lambda x: ag.sort(root(x))[1:], array(0, 4, 1), array(0, 0.25, 0.5)),
    "triu": (lambda x: ag.triu(root(x)), array([1, 4], [0, 1]), array([0.5, 0.25], [0, 0.5])),
    "diagonal": (lambda x: ag.diagonal(root(x)), array([1, 0], [0, 4]), array([0.5, 0], [0, 0.25])),
    "sum": (
        lambda x: ag.where(array(0, 1) > 0, root(x).sum(axis=1), 0.0),
        array([0, 1], [1, 4]),
        array([0, 0], [0.5, 0.25]),
    ),
    "mean": (
        lambda x: ag.where(array(0, 1) > 0, root(x).mean(axis=1), 0.0),
        array([0, 1], [1, 4]),
        array([0, 0], [0.25, 0.125]),
    ),
    "cumsum": (lambda x: ag.cumsum(root(x))[:1], array(4, 0), array(0.25, 0)),
    "reshape, transpose, flip": (
        lambda x: ag.flip(root(x).reshape(2, 2).T, 0)[:, 1],
        array(0, 1, 4, 1),
        array(0, 0, 0.25, 0.5),
    ),
    "matmul": (
        lambda x: ag.where(array([0, 1], [0, 1]) > 0, root(x) @ array([1, 2], [3, 4]), 0.0)[1:],
        array([0, 0], [1, 4]),
        array([0, 0], [1, 1]),
    ),
    "matmul by infinity": (
        lambda x: ag.where(array([1, 0], [1, 0]) > 0, x @ SPREAD, 0.0),
        array([1, 2], [3, 4]),
        array([1, 2], [1, 2]),
    ),
    "einsum": (
        lambda x: ag.einsum("ij,jk->ik", root(x), array([1, 2], [3, 4]))[1],
        array([0, 0], [1, 4]),
        array([0, 0], [1.5, 1.75]),
    ),
    "einsum by infinity": (
        lambda x: ag.einsum("ij,jk->ik", x, SPREAD)[:, 0],
        array([1, 2], [3, 4]),
        array([1, 2], [1, 2]),
    ),
    "inner": (lambda x: (root(x)[1:] * root(x)[1:]).sum(), array(0, 4), array(0, 1)),
    "masked softmax": (lambda x: _attention(x), array([1, 1], [1, 1]), array([0, 0], [0.25, -0.25])),
    "logsumexp": (
        lambda x: ag.where(array(0, 1) > 0, ag.logsumexp(ag.log(x), axis=1), 0.0),
        array([0, 0], [1, 1]),
        array([0, 0], [0.5, 0.5]),
    ),
    "norm": (
        lambda x: ag.where(array(0, 1) > 0, ag.norm(root(x), axis=1), 0.0),
        array([0, 0], [9, 16]),
        array([0, 0], [0.1, 0.1]),
    ),
    "standardize": (
        lambda x: ag.standardize(root(x), axis=1)[1][1],
        array([0, 0], [1, 4]),
        array([0, 0], [0.25, 0.125]),
    ),
    "prod": (lambda x: root(x).prod(axis=1)[1], array([0, 0], [4, 9]), array([0, 0], [0.75, 1 / 3])),
    "det": (
        lambda x: ag.where(array(0, 1) > 0, ag.det(root(x)), 0.0),
        np.ones((2, 2, 2)) * array(0, 1)[:, None, None],
        np.array([np.zeros((2, 2)), [[0.5, -0.5], [-0.5, 0.5]]]),
    ),
    "custom": (lambda x: ag.where(array(0, 0) > 0, _own_root(x), 1.0 * x), array(0, 4), array(1, 1)),
    "conv2d": (
        lambda x: F.conv2d(root(x), ag.ones((1, 1, 2, 2), dtype=float))[:, :, 1:, 1:],
        IMAGES,
        np.where(IMAGES > 0, 0.5 / np.sqrt(np.maximum(IMAGES, 1)), 0)
        * array([0, 0, 0, 0], [0, 1, 2, 1], [0, 2, 4, 2], [0, 1, 2, 1]),
    ),
    "max_pool2d": (
        lambda x: F.max_pool2d(root(x), 2),
        IMAGES,
        np.where(np.isin(IMAGES, [5, 7, 13, 15]), 0.5 / np.sqrt(np.maximum(IMAGES, 1)), 0),
    ),
    "batch_norm": (
        lambda x: F.batch_norm(root(x), np.zeros(2), np.ones(2), eps=0)[:, 1],
        array([0, 1], [0, 4]),
        array([0, 0.5], [0, 0.25]),
    ),
    "checkpoint inside": (lambda x: ag.where(x > 0, ag.checkpoint(root, x), 0.0), array(0, 4), array(0, 0.25)),
    "checkpoint outside": (
        lambda x: ag.checkpoint(lambda x: ag.where(x > 0, root(x), 0.0), x),
        array(0, 4),
        array(0, 0.25),
    ),
    "checkpoint between": (
        lambda x: ag.where(x > 0, ag.checkpoint(lambda h: 2 * h, root(x)), 0.0),
        array(0, 4),
        array(0, 0.5),
    ),
}


def _overwritten(x: ag.Tensor) -> ag.Tensor:
    y = x.clone()
    y[0] = 7.0
    return y


def _attention(x: ag.Tensor) -> ag.Tensor:
    """The first weight of each row that has something to attend to; the first row has not."""
    scores = x + array([-INF, -INF], [0, 0])
    return ag.where(array(0, 1) > 0, ag.softmax(scores, axis=1)[:, 0], 0.0)


@ag.custom_vjp(lambda g, y: g / (2 * y))
def _own_root(x: Array) -> Array:
    return np.sqrt(x)


def total(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def summed(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return f(x).sum()

    return summed


@pytest.mark.parametrize("name", CASES)
def test_what_is_cut_off_has_no_gradient(name: str) -> None:
    f, x, wanted = CASES[name]
    assert np.isnan(ag.grad(total(f))(x).data).any(), "the case shows nothing"
    with ag.absorbing_zeros():
        np.testing.assert_allclose(ag.grad(total(f))(x), wanted, rtol=1e-12, atol=1e-12)
        leaf = ag.tensor(x, requires_grad=True)
        total(f)(leaf).backward()
        np.testing.assert_allclose(leaf.grad, wanted, rtol=1e-12, atol=1e-12)
        leaf.grad = None
        total(f)(leaf).backward(create_graph=True)
        np.testing.assert_allclose(leaf.grad.data, wanted, rtol=1e-12, atol=1e-12)
        leaf.grad = None


# functions that cut off before the steep slope, where it is forward mode that meets 0 · ∞
FORWARD: dict[str, tuple[Callable[[Any], Any], Array, Array]] = {
    "where": (lambda x: root(ag.where(x > 0, x, 0.0)), array(-1, 0, 4), array(0, 0, 0.25)),
    "relu": (lambda x: root(ag.relu(x)), array(-1, 4), array(0, 0.25)),
    "clip": (lambda x: ag.log(ag.clip(x, 0, None)), array(-1, 4), array(0, 0.25)),
    "maximum": (lambda x: 1 / ag.maximum(x, 0), array(-1, 2), array(0, -0.25)),
    "setitem": (lambda x: root(_overwritten(x) * array(0, 1)), array(1, 4), array(0, 0.25)),
    "floor": (lambda x: root(ag.floor(x)), array(0.5, 4.5), array(0, 0)),
    "checkpoint": (lambda x: root(ag.checkpoint(ag.relu, x)), array(-1, 4), array(0, 0.25)),
}


@pytest.mark.parametrize("name", FORWARD)
def test_what_is_cut_off_has_no_tangent(name: str) -> None:
    f, x, slope = FORWARD[name]
    v = array(2, 3, 5)[: len(x)]
    for outside in (x, variable(ag.tensor(x, requires_grad=True))):
        with np.errstate(all="ignore"):
            with ag.absorbing_zeros():
                np.testing.assert_allclose(ag.jvp(f, [outside], [v])[1].data, slope * v, rtol=1e-12)
                np.testing.assert_allclose(ag.jacobian(f, mode="forward")(outside).data, np.diag(slope), rtol=1e-12)
            assert np.isnan(ag.jvp(f, [outside], [v])[1].data).any(), "the case shows nothing"


@pytest.mark.parametrize(
    "product",
    [
        lambda x, w: x @ w,
        lambda x, w: ag.einsum("i,i->", x, w),
        lambda x, w: ag.einsum("i,i->", ag.tensor(w, requires_grad=True), x),
        lambda x, w: (x * ag.tensor(w, requires_grad=True)).sum(),
    ],
)
def test_an_absent_tangent_times_infinity(product: Callable[..., Any]) -> None:
    with np.errstate(all="ignore"), ag.absorbing_zeros():
        _, tangent = ag.jvp(lambda x: product(ag.pad(x, (1, 0)), array(INF, 1, 2)), [array(1, 2)], [array(3, 5)])
    assert tangent.item() == 13


def test_zeros_by_value_absorb_nothing() -> None:
    with np.errstate(all="ignore"), ag.absorbing_zeros():
        assert np.isnan(ag.grad(lambda x: root(x) ** 2)(0.0).data)
        assert np.isnan(ag.grad(lambda x: root(x) * 0.0)(0.0).data)
        assert np.isnan(ag.jvp(lambda x: root(x * x), [0.0], [1.0])[1].data)
        x = ag.tensor(array(0, 4), requires_grad=True)
        root(x).backward(array(0, 1))
        assert np.isnan(x.grad.data[0])


def test_no_anomaly_is_seen() -> None:
    """Since no NaN is born."""
    with np.errstate(all="ignore"), ag.absorbing_zeros(), ag.numeric.detect_anomaly():
        assert ag.grad(lambda x: ag.where(x > 0, root(x), 0.0))(0.0).item() == 0


def test_infinite_slopes_that_are_reached_stay() -> None:
    with np.errstate(all="ignore"), ag.absorbing_zeros():
        np.testing.assert_array_equal(ag.grad(total(lambda x: ag.where(x >= 0, root(x), 0.0)))(array(0, -1)), [INF, 0])
        np.testing.assert_array_equal(ag.grad(total(lambda x: (x @ SPREAD)[:, 1:]))(array([1, 1])), [[INF, 1]])


def test_paths_add_up() -> None:
    """An element that one path cuts off is present if another does not."""

    def f(x: Any) -> Any:
        h = root(x)
        return ag.where(x > 0, h, 0.0) + h[::-1] * array(1, 0)

    with np.errstate(all="ignore"), ag.absorbing_zeros():
        got = ag.grad(total(f))(array(0, 4)).data
    assert np.isnan(got[0])
    assert got[1] == 0.5


def test_hooks_may_put_something_where_nothing_was() -> None:
    x = ag.tensor(array(0, 4), requires_grad=True)
    with np.errstate(all="ignore"), ag.absorbing_zeros():
        h = x * array(INF, 1)
        h.register_hook(lambda g: g + array(1, 0))
        h[1:].sum().backward()
    np.testing.assert_array_equal(x.grad, [INF, 1])


def test_it_ends_with_the_block_and_works_as_a_decorator() -> None:
    def slope() -> float:
        with np.errstate(all="ignore"):
            return ag.grad(lambda x: ag.where(x > 0, root(x), 0.0))(0.0).item()

    with ag.absorbing_zeros():
        assert slope() == 0
    with pytest.raises(KeyError), ag.absorbing_zeros():
        raise KeyError
    assert np.isnan(slope())
    assert ag.absorbing_zeros()(slope)() == 0
    assert np.isnan(slope())


# Second order: at `x`, what it is at `safe`, which differs only in elements that are cut off

MASK = array([0, 0], [1, 1]) > 0
X, SAFE = array([0, 0], [1, 4]), array([1, 2], [1, 4])
WEIGHTS = array([1, 2], [3, 5])
SECOND: dict[str, Callable[[Any], Any]] = {
    "sqrt": lambda x: ag.where(MASK, root(x) * x[1].sum(), 0.0) ** 2,
    "power": lambda x: ag.where(MASK, x**1.5, 0.0),
    "log": lambda x: ag.where(MASK, x * ag.log(x), 0.0),
    "divide": lambda x: ag.where(MASK, ag.sin(x[1]) / x, x[1]),
    "index": lambda x: ag.sin(root(x)[1]),
    "matmul": lambda x: ag.where(MASK, (root(x) @ (WEIGHTS * x[1])), 0.0) ** 2,
    "matmul of both": lambda x: ag.where(MASK, root(x) @ root(x)[1:].T, 0.0) ** 2,
    "einsum": lambda x: ag.where(MASK, ag.einsum("ij,jk,k->ik", root(x), WEIGHTS, x[1]), 0.0) ** 2,
    "softmax": lambda x: ag.where(MASK, ag.softmax(root(x), 1), 0.0) ** 2,
    "norm": lambda x: ag.where(MASK[:, 0], ag.norm(root(x), axis=1), 0.0) ** 3,
    "var": lambda x: ag.where(MASK[:, 0], root(x).var(axis=1), 0.0) ** 2,
    "sum": lambda x: ag.where(MASK[:, 0], root(x).sum(axis=1), 0.0) ** 2,
    "checkpoint": lambda x: ag.where(MASK, ag.checkpoint(lambda h: root(h) * h, x), 0.0) ** 2,
}


@pytest.mark.parametrize("name", SECOND)
def test_second_order(name: str) -> None:
    f = total(SECOND[name])
    wanted = ag.hessian(f)(SAFE)
    np.testing.assert_array_equal(wanted.data[0], 0)
    v = array([1, 2], [3, 4])
    with np.errstate(all="ignore"):
        assert np.isnan(ag.hessian(f)(X).data).any(), "the case shows nothing"
    with ag.absorbing_zeros(), np.errstate(all="ignore"):
        for mode in ("reverse", "forward"):
            np.testing.assert_allclose(ag.jacobian(ag.grad(f), mode=mode)(X), wanted, rtol=1e-10, err_msg=mode)
        np.testing.assert_allclose(ag.hvp(f, [X], [v]), (wanted.data * v).sum((2, 3)), rtol=1e-10)


def test_large_arrays() -> None:
    """Those for which contributions are put off, and the sums over broadcast axes are left to kernels."""
    x = np.tile(array([0, 4]), (2**17, 1))
    scale = array(2, 3)

    def f(x: Any, scale: Any) -> Any:
        return ag.where(x > 0, root(x) * scale, 0.0).sum()

    with np.errstate(all="ignore"):
        assert np.isnan(ag.grad(f)(x, scale).data).any()
        with ag.absorbing_zeros():
            of_x, of_scale = ag.grad(f, (0, 1))(x, scale)
    np.testing.assert_array_equal(of_x.data[::4321], np.tile([0, 0.75], (len(x[::4321]), 1)))
    np.testing.assert_array_equal(of_scale, [0, 2 * len(x)])


def test_a_network_behind_a_mask() -> None:
    """Images that are not there, behind convolution, batch norm and pooling; gradients of inputs and weights."""
    rng = np.random.default_rng(0)
    there = np.array([True, False, True])
    safe = rng.uniform(1, 2, (3, 1, 6, 6))
    images = np.where(there[:, None, None, None], safe, 0.0)
    ag.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )
    model.to(np.float64)

    def loss(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return ag.where(there, F.cross_entropy(model(ag.log(x)), np.array([0, 1, 2]), reduction="none"), 0.0).sum()

    wanted = ag.grad(loss)(safe).data
    inputs = ag.tensor(images, requires_grad=True)
    with ag.absorbing_zeros():
        loss(inputs).backward()
    np.testing.assert_allclose(inputs.grad, wanted, rtol=1e-10)


# Rules of presence, for every primitive


def masked(g: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """`g` with zeros where a random presence has nothing, and the presence."""
    if isinstance(g, Bundle):
        pairs = {i: masked(part, rng) for i, part in g.parts.items()}
        return tuple(Bundle({i: pair[k] for i, pair in pairs.items()}, g.count) for k in (0, 1))
    present = np.asarray(rng.random(g.shape) < 0.6) & bool(rng.random() < 0.8)
    return np.where(present, g, 0), present


def parts(x: Any) -> list[Any]:
    return list(x.parts.values()) if isinstance(x, Bundle) else [x]


def drawn(node: Any, order: list[Any], rng: np.random.Generator) -> Any:
    """A cotangent of a node, with a part for each of its outputs that is used if it has several."""
    if node.shape is not None:
        return rng.normal(size=node.shape)
    outputs = [other for other in order if other.op == "output" and other.first is node]
    places = [other.values[0] for other in outputs]
    return Bundle({i: rng.normal(size=o.shape) for i, o in zip(places, outputs)}, max(places) + 1)


@pytest.mark.parametrize("name", [name for name in SAMPLES if registry[name].differentiable])
def test_presence_is_where_something_can_arrive(name: str) -> None:
    """A rule, run on a cotangent with absent elements, is zero where it is said to be and is not changed elsewhere; of
    an operation that selects, or a contraction, it is nowhere zero where something is said to arrive."""
    rng = np.random.default_rng(0)
    exact = registry[name].kind in ("linear", "multilinear") or name in SELECTING or name == "einsum"
    for sample in SAMPLES[name]:
        inputs = [ag.tensor(a, requires_grad=a.dtype.kind == "f") for a in sample.inputs(rng)]
        here = Recorded(sample.call, inputs)
        order = ancestors(here.seeds(here.outputs))
        for node in order:
            if node.op != name:
                continue
            rules = [(pull, drawn(node, order, rng)) for pull in node.plan.pulls]
            if not registry[name].variadic:
                pushes = [partial(_pushed, push) for push in node.plan.pushes]
                rules += [(push, drawn(parent, order, rng)) for push, parent in zip(pushes, node.parents)]
            for rule, g in rules:
                g, present = masked(g, rng)
                wanted = rule(g, node.values)
                if wanted is None:
                    continue
                share, reached = _passed(rule, g, node.values, present, node)
                for got, ordinary, reach in zip(parts(share), parts(wanted), parts(reached)):
                    got, ordinary = np.asarray(got), np.asarray(ordinary)
                    np.testing.assert_array_equal(got, ordinary)
                    if reach is not None:
                        assert not np.any(got[~reach])
                        assert not exact or np.all(got[reach])


# Without NaN, nothing changes


def _running(x: Any) -> Any:
    return ag.cumsum(x, axis=0)


UNARY = [ag.sqrt, ag.log, ag.exp, ag.relu, ag.square, ag.softmax, _running, ag.abs, ag.sin, ag.floor, ag.reciprocal]
STEPS: list[Callable[[Any, Any], Any]] = [
    *(lambda x, y, f=f: f(x) + 0 * y if f is ag.floor else f(x) for f in UNARY),
    lambda x, y: x * y,
    lambda x, y: x / y,
    lambda x, y: x @ y.T,
    lambda x, y: ag.where(x > y, x, y * y),
    lambda x, y: ag.maximum(x, 1.0) - y,
    lambda x, y: ag.clip(x, 0.5, 1.5) * y,
    lambda x, y: ag.where(x > 0.7, ag.sqrt(x), 0.0),
    lambda x, y: x - x.max(axis=0),
    lambda x, y: ag.concatenate([x[1:], y[:1]]),
    lambda x, y: ag.einsum("ij,kj->ik", x, y),
    lambda x, y: ag.norm(x, axis=1, keepdims=True) * y,
    lambda x, y: ag.standardize(x, axis=0)[0] + y,
    lambda x, y: ag.stack(ag.unstack(x)[::-1]),
    lambda x, y: ag.pad(x, ((1, -1), (0, 0))) + y,
    lambda x, y: x[[0, 0, 2]],
    lambda x, y: ag.logsumexp(x, axis=1, keepdims=True) + y,
]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5),
    st.integers(0, 2**16),
    st.sampled_from([0.0, 0.2]),
    st.sampled_from([np.float32, np.float64]),
)
def test_what_is_not_nan_is_the_same_to_the_bit(program: list[int], seed: int, zeros: float, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.uniform(0.1, 2, (3, 3)) * (rng.random((3, 3)) >= zeros) for _ in range(2))
    v = rng.normal(size=(3, 3)).astype(dtype)

    def f(x: Any, y: Any) -> Any:
        h, other = x, y
        for k in program:
            h, other = STEPS[k](h, other), h
        return (h * h).sum() + ag.sin(h).sum()

    arguments = (x.astype(dtype), y.astype(dtype))

    def everything() -> list[Any]:
        _, pull = ag.vjp(f, *arguments)
        second = ag.grad(lambda x: (ag.grad(f)(x, arguments[1]) * v).sum())(arguments[0])
        first = [*pull(np.ones((), dtype)), ag.jvp(f, arguments, [v, v])[1]]
        return first + [y + 0.0 for y in (*ag.hvp(f, arguments, [v, v]), second)]  # no zero has a sign then

    with np.errstate(all="ignore"):
        ordinary = everything()
        with ag.absorbing_zeros():
            absorbed = everything()
    for got, wanted in zip(absorbed, ordinary, strict=True):
        there = ~np.isnan(wanted.data)
        assert got.data[there].tobytes() == wanted.data[there].tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", [False, True])
def test_a_network_is_the_same_to_the_bit(dtype: Any, norm: bool) -> None:
    """The second is large enough for the kernels that share work over threads and put off what they can."""
    ag.manual_seed(0)
    model: nn.Module = nn.models.LeNet5(activation="relu", pooling="max")
    images = ag.randn(4, 1, 32, 32, dtype=dtype, requires_grad=True)
    if norm:
        stage = [nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)]
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), *stage, nn.MaxPool2d(2), *stage, nn.Flatten(), nn.LazyLinear(4)
        )
        images = ag.randn(8, 1, 32, 32, dtype=dtype, requires_grad=True)
        model(images.detach().astype(np.float32))
    model.to(dtype)
    leaves = [images, *model.parameters()]

    def slopes() -> tuple[Any, ...]:
        return ag.gradients(F.cross_entropy(model(images), np.arange(len(images)) % 4), leaves)

    ordinary = slopes()
    with ag.absorbing_zeros():
        absorbed = slopes()
    for got, wanted in zip(absorbed, ordinary, strict=True):
        assert got.data.tobytes() == wanted.data.tobytes()


def test_a_nan_that_a_hook_puts_where_nothing_was_stays() -> None:
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    u = ag.sqrt(x)
    u.register_hook(lambda g: g + ag.tensor([NAN, 0.0]))
    with ag.absorbing_zeros():
        (g,) = ag.gradients(ag.where(x > 0, u, 0.0).sum(), x)
    np.testing.assert_array_equal(g.data, [NAN, 0.25])


def test_zeros_by_value_absorb_nothing_beside_what_is_cut_off() -> None:
    x = ag.tensor([0.0, 0.0, 4.0], requires_grad=True)
    with ag.absorbing_zeros(), np.errstate(all="ignore"):
        (g,) = ag.gradients(ag.where(np.array([True, False, True]), root(x) * root(x), 0.0).sum(), x)
    np.testing.assert_array_equal(g.data, [NAN, 0.0, 1.0])


def test_each_input_of_a_checkpoint_has_its_own_presence() -> None:
    x, z = ag.tensor([0.0, 4.0], requires_grad=True), ag.tensor([1.0, 4.0], requires_grad=True)
    reached = np.array([False, True])
    with ag.absorbing_zeros(), np.errstate(all="ignore"):
        y = ag.checkpoint(lambda b, a: ag.where(reached, a, 0.0) + b, root(z), root(x)).sum()
        by_x, by_z = ag.gradients(y, (x, z))
    np.testing.assert_array_equal(by_x.data, [0.0, 0.25])
    np.testing.assert_array_equal(by_z.data, [0.5, 0.25])
