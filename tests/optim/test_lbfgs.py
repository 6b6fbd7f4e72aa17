"""L-BFGS and its line search against PyTorch's, in float64, and what goes wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import optim
from autograd import tensor
from optim.line_search import Point, cubic_minimum, strong_wolfe

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
A = RNG.normal(size=(30, 12))
TARGET = np.sign(A @ RNG.normal(size=12)) * (RNG.random(30) < 0.9)


def quadratic(library: Any, array: Callable[[Any], Any], p: Any, q: Any) -> Any:
    scales = array(np.logspace(0, 2, 12).reshape(3, 4))
    return (scales * (p - 1) ** 2).sum() + ((q + 3 - p[0, 0]) ** 2).sum()


def logistic(library: Any, array: Callable[[Any], Any], p: Any, q: Any) -> Any:
    margins = array(TARGET) * (array(A) @ p.reshape(12) + q[0])
    return library.log(1 + library.exp(-margins)).sum() + 0.01 * (p * p).sum() + (q * q).sum()


def rosenbrock(library: Any, array: Callable[[Any], Any], p: Any, q: Any) -> Any:
    x = p.reshape(12)
    return (100 * (x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum() + (q * q).sum()


PROBLEMS = [quadratic, logistic, rosenbrock]
WOLFE = {"line_search_fn": "strong_wolfe"}
VARIANTS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (quadratic, {"max_iter": 1, "lr": 0.5}),
    (quadratic, {"lr": 0.2, "max_iter": 4}),
    (quadratic, {"lr": 0.2, "max_iter": 3, "history_size": 2}),
    (quadratic, {"max_iter": 1, **WOLFE}),
    (quadratic, {"max_iter": 3, "history_size": 3, **WOLFE}),
    (logistic, {"max_iter": 1}),
    (logistic, {"lr": 0.3, "max_iter": 2, "max_eval": 2}),
    (logistic, {"max_iter": 2, **WOLFE}),
    (logistic, {"lr": 0.01, "max_iter": 2, **WOLFE}),
    (logistic, {"tolerance_grad": 1e-2, "tolerance_change": 1e-3, **WOLFE}),
    (rosenbrock, {"lr": 1e-3, "max_iter": 2}),
    (rosenbrock, {"max_iter": 1, **WOLFE}),
    (rosenbrock, {"max_iter": 2, "history_size": 5, "max_eval": 4, **WOLFE}),
    (rosenbrock, {"lr": 50.0, "max_iter": 1, **WOLFE}),
]
IDS = [f"{problem.__name__}-{','.join(options)}" for problem, options in VARIANTS]


@pytest.mark.parametrize(("lr", "moves"), [(1.0, True), (1e4, False)])
def test_a_line_search_in_one_iteration_has_no_evaluations_to_spend(lr: float, moves: bool) -> None:
    w = tensor(np.array([3.0, -2.0]), requires_grad=True)
    optimizer = optim.LBFGS([w], lr=lr, max_iter=1, **WOLFE)
    losses = []

    def closure() -> Any:
        optimizer.zero_grad()
        losses.append(((w - np.array([1.0, 2.0])) ** 2 * np.array([1.0, 100.0])).sum())
        losses[-1].backward()
        return losses[-1]

    optimizer.step(closure)
    assert len(losses) == 2
    assert (w.tolist() != [3.0, -2.0]) == moves


class Pair:
    """The same problem here and in PyTorch."""

    def __init__(self, problem: Callable[..., Any], options: dict[str, Any]) -> None:
        rng = np.random.default_rng(1)
        starts = [rng.normal(size=(3, 4)), rng.normal(size=2)]
        self.problem = problem
        self.ours = [tensor(a, requires_grad=True) for a in starts]
        self.theirs = [torch.tensor(a, requires_grad=True) for a in starts]
        self.a, self.b = optim.LBFGS(self.ours, **options), torch.optim.LBFGS(self.theirs, **options)
        self.evaluations = [0, 0]

    def closure(self, which: int) -> Any:
        self.evaluations[which] += 1
        optimizer, library, array, params = (
            (self.a, ag, tensor, self.ours) if which == 0 else (self.b, torch, torch.tensor, self.theirs)
        )
        optimizer.zero_grad()
        loss = self.problem(library, array, *params)
        loss.backward()
        return loss

    def step(self) -> None:
        ours, theirs = self.a.step(lambda: self.closure(0)), self.b.step(lambda: self.closure(1))
        np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-8, atol=1e-8)
        assert self.evaluations[0] == self.evaluations[1]
        for p, q in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("problem", "options"), VARIANTS, ids=IDS)
def test_trajectory(problem: Callable[..., Any], options: dict[str, Any]) -> None:
    """50 iterations, or 50 steps where that is less: from one to the next, differences in rounding grow."""
    pair = Pair(problem, options)
    steps = 0
    while steps < 50 and pair.a.state[pair.ours[0]].get("n_iter", 0) < 50:
        pair.step()
        steps += 1


def assert_states_agree(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys() == {0}
    state, wanted = ours["state"][0], theirs["state"][0]
    assert state.keys() == wanted.keys() - {"al"}
    for key, value in state.items():
        pairs = zip(value, wanted[key], strict=True) if isinstance(value, list) else [(value, wanted[key])]
        for x, y in pairs:
            np.testing.assert_allclose(x.data, np.asarray(y), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("source", ["ours", "torch"])
@pytest.mark.parametrize("options", [{"max_iter": 2, "lr": 0.1}, {"max_iter": 2, "history_size": 3, **WOLFE}], ids=str)
def test_state_dict_goes_on(options: dict[str, Any], source: str) -> None:
    pair = Pair(logistic, options)
    for _ in range(4):
        pair.step()
    ours, theirs = pair.a.state_dict(), pair.b.state_dict()
    assert_states_agree(ours, theirs)
    fresh = optim.LBFGS(pair.ours, lr=123.0)
    fresh.load_state_dict(ours if source == "ours" else theirs)
    pair.a.step(lambda: pair.closure(0))
    pair.evaluations[0] = pair.evaluations[1]
    for p, q in zip(pair.ours, pair.theirs, strict=True):
        p.write(q.detach().numpy())
    pair.a = fresh
    for _ in range(4):
        pair.step()
    assert fresh.state_dict()["state"][0]["n_iter"].item() == pair.b.state_dict()["state"][0]["n_iter"]


def test_a_state_dict_is_a_copy() -> None:
    pair = Pair(quadratic, {"lr": 0.1, "max_iter": 3})
    pair.step()
    state = pair.a.state_dict()["state"][0]
    before = [y.data.copy() for y in state["old_dirs"]]
    pair.step()
    np.testing.assert_array_equal([y.data for y in state["old_dirs"]], before)


def test_parameters_without_gradients_stay() -> None:
    p, frozen = tensor([3.0], requires_grad=True), tensor([2.0])
    optimizer = optim.LBFGS([frozen, p], **WOLFE)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((p - frozen) ** 2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert frozen.item() == 2.0
    np.testing.assert_allclose(p.item(), 2.0, rtol=1e-6)
    assert p.dtype == np.float32


def test_at_the_minimum_nothing_moves() -> None:
    p = tensor([1.0], requires_grad=True)
    optimizer = optim.LBFGS([p])

    def closure() -> Any:
        p.grad = tensor([0.0])
        return 5.0

    assert optimizer.step(closure) == 5.0
    assert p.item() == 1.0
    state = optimizer.state_dict()["state"][0]
    assert {key: value.item() for key, value in state.items()} == {"n_iter": 0, "func_evals": 1}


def test_an_infinite_loss_is_stepped_back_from() -> None:
    p = tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.LBFGS([p], lr=1e3, max_iter=10, max_eval=60, **WOLFE)

    def closure() -> float:
        x = p.item()
        p.grad = tensor(np.array([1 - 1 / x if x > 0 else -np.inf]))
        return x - np.log(x) if x > 0 else np.inf

    p.write(3.0)
    optimizer.step(closure)
    np.testing.assert_allclose(p.item(), 1.0, rtol=1e-4)


def test_a_closure_that_fails_leaves_the_parameters_where_the_search_began() -> None:
    p = tensor(np.array([3.0, -2.0]), requires_grad=True)
    optimizer = optim.LBFGS([p], lr=0.1, **WOLFE)
    calls = []

    def closure() -> float:
        calls.append(p.tolist())
        if len(calls) == 2:
            raise KeyboardInterrupt
        p.grad = tensor(2 * p.data)
        return float((p.data**2).sum())

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert calls[1] != calls[0]
    assert p.tolist() == calls[0]


def test_strong_wolfe_conditions_hold() -> None:
    def evaluate(t: float) -> Point:
        return Point(t, float(np.sin(3 * t) + t * t - 2 * t), np.zeros(1), float(3 * np.cos(3 * t) + 2 * t - 2))

    start = Point(0.0, 0.0, np.zeros(1), -1.0)
    descent = Point(0.0, *evaluate(0.6)[1:])
    assert descent.slope < 0
    point = strong_wolfe(lambda t: evaluate(t + 0.6)._replace(t=t), descent, 0.05, 1.0, c2=0.1)
    assert point.t != 0.05  # it did not take the first
    assert point.loss <= descent.loss + 1e-4 * point.t * descent.slope
    assert abs(point.slope) <= 0.1 * abs(descent.slope)
    assert start.slope < 0


@pytest.mark.parametrize("seed", [*range(50), 138, 176])
def test_a_line_search_tries_the_points_that_pytorch_tries(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.uniform(1, 5), rng.uniform(0, 6), rng.uniform(0, 2), 10 ** rng.uniform(-3, 0)
    lr = 10 ** rng.uniform(-3, 2)

    def tried(library: Any, optimizers: Any, p: Any) -> list[float]:
        points = []

        def closure() -> Any:
            points.append(p.item())
            p.grad = None
            loss = (c * library.sin(a * p + b) + d * (p - 1) ** 2).sum()
            loss.backward()
            return loss

        optimizers.LBFGS([p], lr=lr, max_iter=1, max_eval=26, **WOLFE).step(closure)
        return [*points, p.item()]

    start = rng.normal(size=1)
    ours = tried(ag, optim, tensor(start, requires_grad=True))
    theirs = tried(torch, torch.optim, torch.tensor(start, requires_grad=True))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(("options", "count"), [({"max_steps": 3}, 4), ({"max_steps": 5}, 6), ({"tolerance": 1.0}, 3)])
def test_a_line_search_ends_after_its_steps_or_in_a_small_bracket(options: dict[str, Any], count: int) -> None:
    tried = []

    def evaluate(t: float) -> Point:
        tried.append(t)
        return Point(t, math.exp(t) - 3 * t, np.zeros(1), math.exp(t) - 3)

    strong_wolfe(evaluate, Point(0.0, 1.0, np.zeros(1), -2.0), 3.0, 1.0, c2=0.0, **options)
    assert len(tried) == count


def test_cubic_minimum() -> None:
    def cubic(t: float) -> Point:
        return Point(t, t**3 - 3 * t, np.zeros(0), 3 * t * t - 3)

    assert cubic_minimum(cubic(0.5), cubic(3.0), 0.0, 4.0) == pytest.approx(1.0)
    assert cubic_minimum(cubic(3.0), cubic(0.5), 0.0, 4.0) == pytest.approx(1.0)
    assert cubic_minimum(cubic(0.5), cubic(3.0), 2.0, 4.0) == 2.0
    line = [Point(t, t, np.zeros(0), 1.0) for t in (0.0, 1.0)]
    assert cubic_minimum(*line, 0.0, 4.0) == 2.0


P = tensor([1.0], requires_grad=True)
Q = tensor([1.0], requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.LBFGS([P], lr=-1), ValueError, "LBFGS: wants lr >= 0, got -1"),
        (lambda: optim.LBFGS([P], max_iter=0), ValueError, "LBFGS: wants max_iter >= 1, got 0"),
        (lambda: optim.LBFGS([P], history_size=0), ValueError, "LBFGS: wants history_size >= 1, got 0"),
        (lambda: optim.LBFGS([P], line_search_fn="armijo"), ValueError, "'strong_wolfe' or None, got 'armijo'"),
        (lambda: optim.LBFGS([{"params": P}, {"params": Q}]), ValueError, "takes one parameter group, got a second"),
        (lambda: optim.LBFGS([P]).step(), TypeError, "LBFGS: step wants a closure"),
    ],
)
def test_errors(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"n_iter": 3}, "holds n_iter; wants func_evals, n_iter"),
        ({"func_evals": 1, "n_iter": 1, "d": np.zeros(2)}, r"'d' of parameter 0 has shape \(2,\), wants \(1,\)"),
        ({"func_evals": 1, "n_iter": 1, "ro": [np.zeros(2)]}, r"'ro' of parameter 0 has shape \(2,\), wants \(\)"),
        ({"func_evals": 1, "n_iter": 1, "exp_avg": 2.0}, "holds func_evals, n_iter, exp_avg; wants func_evals, n_iter"),
    ],
)
def test_load_state_dict_errors(state: dict[str, Any], message: str) -> None:
    optimizer = optim.LBFGS([P])
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict({"state": {0: state}, "param_groups": optimizer.state_dict()["param_groups"]})
