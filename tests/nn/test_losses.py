"""Every loss, functional and module, against PyTorch over its options; kinks, errors, dtypes and second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_torch import close, compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

TF = torch.nn.functional
rng = np.random.default_rng(0)
REDUCTIONS = ["mean", "sum", "none"]


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def signs(*shape: int) -> np.ndarray:
    return rng.choice([-1, 1], size=shape)


def both(name: str, **given: Any) -> tuple[nn.Module, Any]:
    """The loss here and in PyTorch, with arrays among the arguments made tensors."""

    def made(tensor: Callable[[Any], Any]) -> dict[str, Any]:
        return {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}

    return getattr(nn, name)(**made(ag.tensor)), getattr(torch.nn, name)(**made(torch.tensor))


x, y, z = normal(6, 4), normal(6, 4), normal(6, 4)
counts = rng.poisson(2.0, (6, 4)).astype(float)
mixtures = rng.dirichlet(np.ones(4), 6)
with_zeros = np.where(rng.uniform(size=(6, 4)) < 0.3, 0, mixtures)
weights = np.array([0.5, 2.0, 1.0, 0.1])
labels = np.array([[0, 2, -1, 3], [3, -1, -1, -1], [-1, 1, 2, 3], [1, 1, 2, -1], [0, 1, 2, 3], [2, 0, 3, -1]])

LOSSES = [
    ("L1Loss", {}, (x, y)),
    ("L1Loss", {}, (x[0, 0], y[0, 0])),
    ("SmoothL1Loss", {}, (3 * x, y)),
    ("SmoothL1Loss", {"beta": 0.3}, (x, y)),
    ("SmoothL1Loss", {"beta": 0.0}, (x, y)),
    ("HuberLoss", {}, (3 * x, y)),
    ("HuberLoss", {"delta": 0.3}, (x, y)),
    ("MSELoss", {}, (x, y)),
    ("KLDivLoss", {}, (x, mixtures)),
    ("KLDivLoss", {"log_target": True}, (x, y)),
    ("PoissonNLLLoss", {}, (x, counts)),
    ("PoissonNLLLoss", {"full": True}, (x, counts)),
    ("PoissonNLLLoss", {"log_input": False}, (np.exp(x), counts)),
    ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 0.1}, (np.exp(x), counts)),
    ("GaussianNLLLoss", {}, (x, y, np.exp(z))),
    ("GaussianNLLLoss", {"full": True, "eps": 0.7}, (x, y, np.exp(z))),
    ("GaussianNLLLoss", {"full": True}, (x, y, np.exp(z[:, 0]))),
    ("GaussianNLLLoss", {}, (x, y, np.exp(z[:, :1]))),
    ("GaussianNLLLoss", {}, (x, y, np.exp(z[:1]))),
    ("HingeEmbeddingLoss", {}, (x, signs(6, 4))),
    ("HingeEmbeddingLoss", {"margin": 0.4}, (x, signs(6, 4))),
    ("SoftMarginLoss", {}, (20 * x, signs(6, 4))),
    ("MultiLabelMarginLoss", {}, (x, labels)),
    ("MultiLabelMarginLoss", {}, (x[0], labels[0])),
    ("MultiLabelMarginLoss", {}, (x[2], labels[2])),
    ("MultiLabelSoftMarginLoss", {}, (x, mixtures)),
    ("MultiLabelSoftMarginLoss", {}, (20 * x[0], mixtures[0])),
    ("MultiLabelSoftMarginLoss", {"weight": weights}, (x, mixtures)),
    ("CosineEmbeddingLoss", {}, (x, y, signs(6))),
    ("CosineEmbeddingLoss", {"margin": -0.4}, (x, y, signs(6))),
    ("CosineEmbeddingLoss", {"margin": 0.3}, (x[0], y[0], np.array(-1))),
    ("MarginRankingLoss", {}, (x, y, signs(6, 4))),
    ("MarginRankingLoss", {"margin": 0.7}, (x[0], y[0], signs(4).astype(float))),
    ("MarginRankingLoss", {"margin": 0.7}, (x, y, signs(6, 1))),
    ("TripletMarginLoss", {}, (x, y, z)),
    ("TripletMarginLoss", {"margin": 3.0, "p": 1.0, "eps": 0.01, "swap": True}, (x, y, z)),
    ("TripletMarginLoss", {"margin": 2.0, "p": 3.0}, (x, y, z)),
    ("TripletMarginLoss", {"margin": 2.0, "p": np.inf, "swap": True}, (x, y, z)),
    ("TripletMarginLoss", {"margin": 2.0}, (x[0], y[0], z[0])),
    ("TripletMarginWithDistanceLoss", {}, (x, y, z)),
    ("TripletMarginWithDistanceLoss", {"margin": 2.5, "swap": True}, (x, y, z)),
    ("TripletMarginWithDistanceLoss", {"distance_function": lambda a, b: ((a - b) ** 2).sum(1)}, (x, y, z)),
]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "arguments", "arrays"), LOSSES)
def test_loss(name: str, arguments: dict[str, Any], arrays: tuple[np.ndarray, ...], reduction: str) -> None:
    compare_modules(*both(name, **arguments, reduction=reduction), *arrays)


@pytest.mark.parametrize("shape", [(), (4,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div_per_example(shape: tuple[int, ...], log_target: bool) -> None:
    compare_modules(
        *both("KLDivLoss", reduction="batchmean", log_target=log_target), normal(*shape), np.exp(normal(*shape))
    )


def test_kl_div_of_impossible_outcomes() -> None:
    wanted = TF.kl_div(torch.tensor(x), torch.tensor(with_zeros), reduction="none").numpy()
    target = ag.tensor(with_zeros, requires_grad=True)
    losses = F.kl_div(ag.tensor(x), target, reduction="none")
    np.testing.assert_allclose(losses.numpy(), wanted, rtol=1e-12)
    losses.sum().backward()
    assert np.isfinite(target.grad.numpy()).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["l1_loss", "mse_loss", "huber_loss"])
def test_weighted_elements(name: str, reduction: str) -> None:
    ours, theirs = getattr(F, name), getattr(TF, name)
    compare_functions(
        lambda a, b, w: ours(a, b, reduction=reduction, weight=w),
        lambda a, b, w: theirs(a, b, reduction=reduction, weight=w),
        2 * x,
        y,
        np.exp(z),
    )


def test_gaussian_nll_with_one_variance_for_all() -> None:
    compare_functions(lambda a, b: F.gaussian_nll_loss(a, b, 0.3), lambda a, b: TF.gaussian_nll_loss(a, b, 0.3), x, y)


def test_zero_vectors_empty_lists_and_variances_without_the_last_axis() -> None:
    rng = np.random.default_rng(0)
    x, y, var = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)), rng.uniform(size=(2, 3))
    for name, *arrays in (
        ("gaussian_nll_loss", x, y, var),
        ("cosine_embedding_loss", x[0], np.zeros((3, 4)), np.array([1, -1, 1])),
        ("multilabel_margin_loss", x[0], np.full((3, 4), -1)),
    ):
        compare_functions(getattr(F, name), getattr(torch.nn.functional, name), *arrays)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_hinge_against_a_loop(reduction: str) -> None:
    scores, targets = 2 * normal(3, 4), signs(3, 4)
    losses, slopes = np.zeros((3, 4)), np.zeros((3, 4))
    for i in range(3):
        for j in range(4):
            violation = 1 - targets[i, j] * scores[i, j]
            losses[i, j] = violation if violation > 0 else 0
            slopes[i, j] = -targets[i, j] if violation > 0 else 0
    scale = {"mean": 1 / 12, "sum": 1, "none": 1}[reduction]
    wanted = losses if reduction == "none" else losses.sum() * scale
    for target in (targets, targets.astype(float)):
        t = ag.tensor(scores, requires_grad=True)
        loss = nn.BinaryHingeLoss(reduction=reduction)(t, ag.tensor(target))
        np.testing.assert_allclose(loss.numpy(), wanted, rtol=1e-12)
        loss.sum().backward()
        np.testing.assert_allclose(t.grad.numpy(), slopes * scale, rtol=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "target", [rng.integers(0, 5, 6), np.array([0, -100, 2, 3, -100, 4]), rng.dirichlet(np.ones(5), 6)]
)
def test_linear_cross_entropy(target: np.ndarray, reduction: str) -> None:
    for options in ({}, {"bias": True, "weight": np.linspace(0.5, 2, 5)}, {"label_smoothing": 0.2, "bias": True}):
        ours, theirs = both("LinearCrossEntropyLoss", in_features=4, num_classes=5, reduction=reduction, **options)
        compare_modules(ours, theirs, x, target, repr_too=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_scores_without_a_batch(reduction: str) -> None:
    x, weight, options = np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 3.0]), {"label_smoothing": 0.1}
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(x), torch.tensor(1), torch.tensor(weight), reduction=reduction, **options
    )
    for ours in (
        F.cross_entropy(ag.tensor(x), ag.tensor(1), ag.tensor(weight), reduction=reduction, **options),
        F.linear_cross_entropy(
            ag.tensor(x), ag.tensor(np.eye(3)), ag.tensor(1), weight=ag.tensor(weight), reduction=reduction, **options
        ),
    ):
        close(ours, theirs, "value")


def test_linear_cross_entropy_of_several_outputs() -> None:
    for target in (rng.integers(0, 3, (6, 2, 2)), np.moveaxis(rng.dirichlet(np.ones(3), (6, 2, 2)), -1, 1).copy()):
        ours, theirs = both("LinearCrossEntropyLoss", in_features=4, num_classes=3, out_features=(2, 2), bias=True)
        compare_modules(ours, theirs, x, target, repr_too=False)
    ours, theirs = both("LinearCrossEntropyLoss", in_features=4, num_classes=3, ignore_index=1)
    compare_modules(ours, theirs, x, rng.integers(0, 3, 6), repr_too=False)


@pytest.mark.parametrize("options", [{}, {"div_value": 2.0, "head_bias": True}])
@pytest.mark.parametrize("target", [rng.integers(0, 12, 9), np.array([1, 2, 11, 0, 11, 0, 1, 2, 2]), np.array(5)])
def test_adaptive_softmax(target: np.ndarray, options: dict[str, Any]) -> None:
    features = normal(*target.shape, 16)
    for part in ("output", "loss"):
        ours, theirs = both("AdaptiveLogSoftmaxWithLoss", in_features=16, n_classes=12, cutoffs=[3, 7], **options)
        for model in (ours, theirs):
            model.register_forward_hook(lambda module, inputs, result, part=part: getattr(result, part))
        compare_modules(ours, theirs, features, target)
    rows = normal(5, 16)
    close(ours.log_prob(ag.tensor(rows)), theirs.log_prob(torch.tensor(rows)), "log_prob")
    np.testing.assert_array_equal(ours.predict(ag.tensor(rows)).numpy(), theirs.predict(torch.tensor(rows)).numpy())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("t", [0.0, 1.0, 0.3])
def test_bce_has_pytorchs_gradient_at_the_edges(t: float, dtype: type) -> None:
    p = np.array([0, 1, 1e-60, 1e-30, 1e-13, 1e-11, 1 - 1e-13, 1 - 1e-11, 1e-6, 0.5]).astype(dtype)
    target = np.full_like(p, t)
    mine, yours = ag.tensor(p, requires_grad=True), torch.tensor(p, requires_grad=True)
    held = ag.tensor(target, requires_grad=True)
    found = F.binary_cross_entropy(mine, held, reduction="none")
    wanted = TF.binary_cross_entropy(yours, torch.tensor(target), reduction="none")
    np.testing.assert_allclose(found.numpy(), wanted.detach().numpy(), rtol=1e-6)
    found.sum().backward()
    wanted.sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), yours.grad.numpy(), rtol=1e-6)  # PyTorch has 1e-12 as a float32
    with np.errstate(divide="ignore"):
        logarithms = [np.maximum(np.log(np.float64(q)), -100) for q in (1 - p, p)]
    np.testing.assert_allclose(held.grad.numpy(), np.subtract(*logarithms), rtol=1e-5, atol=1e-15)


ARRAY = st.integers(0, 2**32 - 1).map(np.random.default_rng)
SHAPES = st.sampled_from([(), (1,), (5,), (1, 3), (4, 1), (3, 4), (2, 3, 2)])
ELEMENTWISE = {
    "L1Loss": st.just({}),
    "MSELoss": st.just({}),
    "SmoothL1Loss": st.fixed_dictionaries({"beta": st.floats(0.01, 5)}),
    "HuberLoss": st.fixed_dictionaries({"delta": st.floats(0.01, 5)}),
    "KLDivLoss": st.fixed_dictionaries({"log_target": st.booleans()}),
    "PoissonNLLLoss": st.fixed_dictionaries(
        {"log_input": st.booleans(), "full": st.booleans(), "eps": st.floats(1e-8, 0.1)}
    ),
    "BCELoss": st.just({}),
    "BCEWithLogitsLoss": st.just({}),
}
POSITIVE = {"PoissonNLLLoss", "KLDivLoss"}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@given(st.data())
@settings(max_examples=80, deadline=None)
def test_drawn_elementwise_losses(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(ELEMENTWISE)))
    options = data.draw(ELEMENTWISE[name]) | {"reduction": data.draw(st.sampled_from(REDUCTIONS))}
    shape, generator = data.draw(SHAPES), data.draw(ARRAY)
    arrays = [2 * np.asarray(generator.normal(size=shape)) for _ in range(2)]
    if name in POSITIVE:
        arrays = [np.exp(a / 2) for a in arrays]
    if name == "BCELoss":
        arrays = [1 / (1 + np.exp(-a)) for a in arrays]
    compare_modules(*both(name, **options), *arrays)


MARGINS = st.floats(0.05, 3)
MARGINAL = {
    "HingeEmbeddingLoss": ({"margin": MARGINS}, lambda g, n, c: (g.normal(size=(n, c)), g.choice([-1, 1], (n, c)))),
    "MarginRankingLoss": ({"margin": MARGINS}, lambda g, n, c: (*g.normal(size=(2, n)), g.choice([-1, 1], n))),
    "CosineEmbeddingLoss": (
        {"margin": st.floats(-1, 1)},
        lambda g, n, c: (*g.normal(size=(2, n, c)), g.choice([-1, 1], n)),
    ),
    "TripletMarginLoss": (
        {"margin": MARGINS, "p": st.sampled_from([1.0, 1.5, 2.0, 4.0]), "swap": st.booleans()},
        lambda g, n, c: tuple(g.normal(size=(3, n, c))),
    ),
    "MultiMarginLoss": (
        {"margin": MARGINS, "p": st.sampled_from([1, 2])},
        lambda g, n, c: (g.normal(size=(n, c)), g.integers(0, c, n)),
    ),
    "MultiLabelMarginLoss": ({}, lambda g, n, c: (g.normal(size=(n, c)), g.integers(-1, c, (n, c)))),
    "SoftMarginLoss": ({}, lambda g, n, c: (3 * g.normal(size=(n, c)), g.choice([-1, 1], (n, c)))),
    "MultiLabelSoftMarginLoss": ({}, lambda g, n, c: (3 * g.normal(size=(n, c)), g.uniform(size=(n, c)))),
    "GaussianNLLLoss": (
        {"full": st.booleans(), "eps": st.floats(1e-8, 1)},
        lambda g, n, c: (*g.normal(size=(2, n, c)), g.exponential(size=(n, c)) + 0.01),
    ),
    "TripletMarginWithDistanceLoss": (
        {"margin": MARGINS, "swap": st.booleans()},
        lambda g, n, c: tuple(g.normal(size=(3, n, c))),
    ),
    "NLLLoss": (
        {"ignore_index": st.integers(0, 1)},
        lambda g, n, c: (g.normal(size=(n, c)), np.r_[2 % c, g.integers(0, c, n - 1)]),
    ),
    "CrossEntropyLoss": (
        {"label_smoothing": st.floats(0, 1), "ignore_index": st.integers(0, 1)},
        lambda g, n, c: (g.normal(size=(n, c)), np.r_[2 % c, g.integers(0, c, n - 1)]),
    ),
}


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_drawn_margin_losses(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(MARGINAL)))
    options, arrays = MARGINAL[name]
    drawn = {k: data.draw(v) for k, v in options.items()} | {"reduction": data.draw(st.sampled_from(REDUCTIONS))}
    n, c = data.draw(st.integers(1, 5)), data.draw(st.integers(3, 6))
    compare_modules(*both(name, **drawn), *arrays(data.draw(ARRAY), n, c))


KINKS = [
    ("l1", lambda f, a: f.l1_loss(a, 0 * a, reduction="sum"), [0.0, 1.0]),
    ("smooth", lambda f, a: f.smooth_l1_loss(a, 0 * a, reduction="sum", beta=2.0), [2.0, -2.0, 0.0]),
    ("smooth without beta", lambda f, a: f.smooth_l1_loss(a, 0 * a, reduction="sum", beta=0.0), [0.0, 1.0]),
    ("huber", lambda f, a: f.huber_loss(a, 0 * a, reduction="sum", delta=2.0), [2.0, -2.0, 0.0]),
    ("hinge", lambda f, a: f.hinge_embedding_loss(a, 0 * a.detach() - 1, 0.5, reduction="sum"), [0.5, 0.4, 0.6]),
    (
        "ranking",
        lambda f, a: f.margin_ranking_loss(a, 0 * a, 0 * a.detach() + 1, 0.5, reduction="sum"),
        [0.5, 0.4, 0.6],
    ),
    ("triplet", lambda f, a: f.triplet_margin_loss(a, 0 * a, 0 * a, 1.0, eps=0.0, swap=True), [0.0, 0.0]),
    ("soft", lambda f, a: f.soft_margin_loss(a, 0 * a.detach() + 1), [0.0]),
]


@pytest.mark.parametrize(("loss", "values"), [pytest.param(f, v, id=name) for name, f, v in KINKS])
def test_kinks_are_pytorchs(loss: Callable[..., Any], values: list[float]) -> None:
    compare_functions(lambda a: loss(F, a), lambda a: loss(TF, a), np.array(values))


def test_kinks_of_hinges_over_classes() -> None:
    scores, target = np.array([[1.0, 0.0, 2.0]]), np.array([0])
    for p in (1, 2):
        compare_functions(
            lambda a, t, p=p: F.multi_margin_loss(a, t, p),
            lambda a, t, p=p: TF.multi_margin_loss(a, t, p),
            scores,
            target,
        )
    compare_functions(F.multilabel_margin_loss, TF.multilabel_margin_loss, scores, np.array([[0, -1, 2]]))
    at = ag.tensor([1.0, -1.0], requires_grad=True)
    F.binary_hinge_loss(at, ag.tensor([1, -1])).backward()
    np.testing.assert_array_equal(at.grad.numpy(), 0)


def test_no_overflow() -> None:
    scores = ag.tensor([1e4, -1e4], requires_grad=True)
    loss = F.soft_margin_loss(scores, ag.tensor([-1, -1]), reduction="sum")
    loss.backward()
    assert loss.item() == 1e4
    np.testing.assert_array_equal(scores.grad.numpy(), [1, 0])


one = ag.tensor(np.array([1, -1, 1], np.int64))
FLOAT32 = [
    (nn.L1Loss(), 2),
    (nn.SmoothL1Loss(beta=0.5), 2),
    (nn.HuberLoss(), 2),
    (nn.KLDivLoss(reduction="batchmean"), 2),
    (nn.PoissonNLLLoss(full=True), 2),
    (nn.GaussianNLLLoss(full=True), 3),
    (nn.TripletMarginLoss(swap=True), 3),
    (nn.TripletMarginWithDistanceLoss(), 3),
    (nn.MultiLabelSoftMarginLoss(), 2),
    (lambda a: F.binary_hinge_loss(a, one), 1),
    (lambda a: F.soft_margin_loss(a, one), 1),
    (lambda a: F.hinge_embedding_loss(a, one), 1),
    (lambda a, b: F.margin_ranking_loss(a, b, one), 2),
    (lambda a, b: F.cosine_embedding_loss(a, b, one[0]), 2),
    (lambda a: F.multilabel_margin_loss(a, ag.tensor([0, -1, -1])), 1),
    (lambda a: F.binary_cross_entropy(ag.floor(a) * 0 + a - a.detach(), a.detach() * 0), 1),
]


@pytest.mark.parametrize(("loss", "count"), FLOAT32)
def test_float32_stays(loss: Callable[..., Any], count: int) -> None:
    leaves = [ag.tensor(np.float32([0.25, 0.5, 2.0]) + i, requires_grad=True) for i in range(count)]
    result = loss(*leaves)
    assert result.dtype == np.float32
    result.sum().backward()
    assert all(leaf.grad.dtype == np.float32 for leaf in leaves)


SECOND_ORDER = [
    ("huber", lambda a, b: F.huber_loss(3 * a, b), 2),
    ("smooth_l1", lambda a, b: F.smooth_l1_loss(3 * a, b, beta=0.5), 2),
    ("kl_div", lambda a, b: F.kl_div(a, ag.exp(b)), 2),
    ("poisson", lambda a, b: F.poisson_nll_loss(a, 2 + b * b, full=True), 2),
    ("gaussian", lambda a, b, c: F.gaussian_nll_loss(a, b, ag.exp(c), full=True), 3),
    ("soft_margin", lambda a: F.soft_margin_loss(a, np.array([[1, -1, 1], [-1, 1, 1]])), 1),
    ("multilabel_soft_margin", lambda a: F.multilabel_soft_margin_loss(a, np.array([[1.0, 0, 1], [0, 1, 0]])), 1),
    ("cosine", lambda a, b: F.cosine_embedding_loss(a, b, np.array([1, -1]), -1.0), 2),
    ("triplet", lambda a, b, c: F.triplet_margin_loss(a, b, c, 9.0), 3),
    ("bce", lambda a, b: F.binary_cross_entropy(1 / (1 + ag.exp(-a)), 1 / (1 + ag.exp(-b))), 2),
    ("hinge", lambda a: F.multilabel_margin_loss(ag.square(a), np.array([[0, 2, -1], [1, -1, -1]])), 1),
]


@pytest.mark.parametrize(("function", "count"), [pytest.param(f, n, id=name) for name, f, n in SECOND_ORDER])
def test_derivatives_of_both_orders(function: Callable[..., Any], count: int) -> None:
    generator = np.random.default_rng(3)
    check_derivatives(function, *(generator.normal(size=(2, 3)) for _ in range(count)))


def zeros(*shape: int) -> ag.Tensor:
    return ag.tensor(np.zeros(shape))


ERRORS = [
    (lambda: F.l1_loss(zeros(2, 1), zeros(2)), r"l1_loss: input \(2, 1\) and target \(2,\) have different shapes"),
    (
        lambda: F.l1_loss(zeros(2), zeros(2), weight=zeros(3)),
        r"l1_loss: .* wants a weight of the same shape, got \(3,\)",
    ),
    (lambda: F.huber_loss(zeros(2), zeros(2), weight=zeros(1)), "huber_loss: .* wants a weight of the same shape"),
    (lambda: F.huber_loss(zeros(2), zeros(2), delta=0), "huber_loss: delta has to be positive, got 0"),
    (lambda: F.smooth_l1_loss(zeros(2), zeros(2), beta=-1), "smooth_l1_loss: beta has to be zero or more, got -1"),
    (lambda: nn.L1Loss(reduction="batchmean"), "L1Loss: reduction is 'mean' or 'sum' or 'none', got 'batchmean'"),
    (lambda: nn.KLDivLoss(reduction="avg"), "KLDivLoss: reduction is .* or 'batchmean', got 'avg'"),
    (lambda: F.kl_div(zeros(2), zeros(2), reduction="avg"), "kl_div: reduction is .*, got 'avg'"),
    (lambda: F.kl_div(zeros(2), zeros(2, 2)), r"kl_div: input \(2,\) and target \(2, 2\)"),
    (lambda: F.poisson_nll_loss(zeros(2), zeros(3)), "poisson_nll_loss: input .* have different shapes"),
    (lambda: F.gaussian_nll_loss(zeros(2), zeros(2), -1.0), "gaussian_nll_loss: wants variances .* got -1.0"),
    (
        lambda: F.gaussian_nll_loss(zeros(2, 3), zeros(2, 3), zeros(3)),
        r"gaussian_nll_loss: .* wants a var .* got \(3,\)",
    ),
    (lambda: F.gaussian_nll_loss(zeros(2, 3), zeros(3), 1.0), "gaussian_nll_loss: .* differ in their number of dim"),
    (
        lambda: F.gaussian_nll_loss(zeros(2, 3), zeros(2, 3), zeros(2, 2)),
        r"gaussian_nll_loss: .* wants a var .* got \(2, 2\)",
    ),
    (lambda: F.cross_entropy(zeros(), zeros(1)), r"cross_entropy: wants logits \(N, C, \*D\) or \(C,\), got"),
    (lambda: F.binary_cross_entropy_with_logits(zeros(2, 1), zeros(2)), "cross_entropy_with_logits: input .* shapes"),
    (lambda: F.hinge_embedding_loss(zeros(2), zeros(1)), "hinge_embedding_loss: input .* have different shapes"),
    (lambda: F.hinge_embedding_loss(zeros(2), zeros(2)), "hinge_embedding_loss: wants targets that are 1 or -1"),
    (lambda: F.binary_hinge_loss(zeros(2), zeros(2)), "binary_hinge_loss: wants targets that are 1 or -1"),
    (lambda: F.binary_hinge_loss(zeros(2), zeros(1)), "binary_hinge_loss: input .* have different shapes"),
    (lambda: F.soft_margin_loss(zeros(2), zeros(1)), "soft_margin_loss: input .* have different shapes"),
    (lambda: F.multilabel_margin_loss(zeros(2, 3), ag.tensor([1, 2])), "multilabel_margin_loss: input .* shapes"),
    (lambda: F.multilabel_margin_loss(zeros(2), ag.tensor([0, 2])), "multilabel_margin_loss: target class 2 is out of"),
    (
        lambda: F.multilabel_margin_loss(zeros(2), zeros(2)),
        "multilabel_margin_loss: target classes have to be integers",
    ),
    (
        lambda: F.multilabel_margin_loss(zeros(1, 1, 2), ag.tensor([[[0, 1]]])),
        r"multilabel_margin_loss: .* \(1, 1, 2\)",
    ),
    (lambda: F.margin_ranking_loss(zeros(2), zeros(2), zeros(2, 1)), "margin_ranking_loss: .* as many dimensions"),
    (
        lambda: F.margin_ranking_loss(zeros(2), zeros(3), zeros(2)),
        r"margin_ranking_loss: shapes \(2,\), \(3,\), \(2,\) do not broadcast",
    ),
    (
        lambda: F.triplet_margin_loss(zeros(2, 3), zeros(2, 4), zeros(2, 3)),
        r"triplet_margin_loss: shapes \(2, 3\), \(2, 4\), \(2, 3\) do not broadcast",
    ),
    (lambda: F.cosine_embedding_loss(*[zeros(2, 2, 3)] * 2, zeros(2, 2)), "cosine_embedding_loss: wants vectors"),
    (lambda: F.cosine_embedding_loss(zeros(2, 3), zeros(2, 3), zeros(2, 1)), "cosine_embedding_loss: wants vectors"),
    (lambda: F.cosine_embedding_loss(zeros(2, 3), zeros(2, 3), zeros(2)), "cosine_embedding_loss: wants targets that"),
    (lambda: F.triplet_margin_loss(zeros(2), zeros(2), zeros(2), 0), "triplet_margin_loss: margin has to be positive"),
    (lambda: F.triplet_margin_loss(zeros(2, 3), zeros(3), zeros(3)), "triplet_margin_loss: .* as many dimensions"),
    (lambda: nn.TripletMarginLoss(margin=-1.0), "TripletMarginLoss: margin has to be positive, got -1.0"),
    (lambda: nn.TripletMarginWithDistanceLoss(margin=0.0), "TripletMarginWithDistanceLoss: margin has to be positive"),
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3, 3]), r"AdaptiveLogSoftmaxWithLoss: wants cutoffs .* got \[3, 3\]"),
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [9]), "AdaptiveLogSoftmaxWithLoss: wants cutoffs .* at most 8"),
    (
        lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])(zeros(2, 3), ag.tensor([0, 1])),
        r"AdaptiveLogSoftmaxWithLoss: wants an input \(N, 4\) .* got \(2, 3\) and \(2,\)",
    ),
    (
        lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])(zeros(2, 4), ag.tensor([0, 9])),
        r"AdaptiveLogSoftmaxWithLoss: wants target classes .* from 0 to 8, got \[0, 9\]",
    ),
    (lambda: nn.LinearCrossEntropyLoss(2, 3, label_smoothing=2), "LinearCrossEntropyLoss: label_smoothing"),
    (
        lambda: nn.LinearCrossEntropyLoss(2, 3, weight=zeros(2)),
        r"LinearCrossEntropyLoss: wants a weight of shape \(3,\)",
    ),
    (lambda: F.linear_cross_entropy(zeros(2, 3), zeros(3), zeros(2)), "linear_cross_entropy: wants features"),
    (lambda: F.linear_cross_entropy(zeros(2, 3), zeros(4, 2), zeros(2)), "linear_cross_entropy: wants features"),
    (lambda: F.linear_cross_entropy(zeros(3), zeros(4, 2, 3), zeros(2)), r"linear_cross_entropy: .* features \(N, F\)"),
    (
        lambda: F.linear_cross_entropy(zeros(1, 3), zeros(4, 3), zeros(1, 4), ignore_index=2),
        "linear_cross_entropy: .* holds probabilities; got an ignore_index",
    ),
    (
        lambda: F.linear_cross_entropy(zeros(1, 3), zeros(4, 3), zeros(1), linear_bias=zeros(3)),
        r"linear_cross_entropy: wants a linear_bias of shape \(4,\), got \(3,\)",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_ignored_targets_leave_the_dtype(dtype: Any, weighted: bool) -> None:
    weight = ag.tensor(np.ones(3, dtype)) if weighted else None
    loss = F.cross_entropy(ag.tensor(normal(2, 3).astype(dtype)), ag.tensor([0, -100]), weight)
    assert loss.dtype == dtype


@pytest.mark.filterwarnings("error")
def test_binary_cross_entropy_in_float16() -> None:
    p, t = np.float16([0, 1, 1, 0, 0.25, 1e-7, 0.9995]), np.float16([0, 1, 0, 1, 1, 0, 0.5])
    ours, theirs = ag.tensor(p, requires_grad=True), torch.tensor(p)
    y = F.binary_cross_entropy(ours, ag.tensor(t), reduction="none")
    assert y.dtype == np.float16
    np.testing.assert_allclose(
        y.numpy(), TF.binary_cross_entropy(theirs, torch.tensor(t), reduction="none").numpy(), rtol=2e-3, atol=1e-4
    )
    y[[0, 1, 4]].sum().backward()
    np.testing.assert_array_equal(ours.grad.numpy(), [0, 0, 0, 0, -4, 0, 0])


def test_cross_entropy_ignores_no_class_of_probabilities() -> None:
    with pytest.raises(ValueError, match=r"cross_entropy: .* holds probabilities, .* got ignore_index 1"):
        F.cross_entropy(ag.zeros((2, 3)), ag.full((2, 3), 1 / 3), ignore_index=1)
    assert F.cross_entropy(ag.zeros((2, 3)), ag.full((2, 3), 1 / 3), ignore_index=-1).item() > 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int32])
@pytest.mark.parametrize("classes", [3, 300])
@pytest.mark.parametrize("weighted", [False, True])
def test_ignored_classes_of_any_integer_dtype(dtype: Any, classes: int, weighted: bool) -> None:
    """As in masks of uint8, in which 255 is nothing."""
    logits = np.random.default_rng(0).normal(size=(4, classes))
    for ignored in (1, 100) if dtype == np.int8 else (1, 255):
        target = np.array([0, 2, ignored, 2])
        weight = np.linspace(1, 2, classes) if weighted else None
        found = F.cross_entropy(
            ag.tensor(logits),
            ag.tensor(target.astype(dtype)),
            None if weight is None else ag.tensor(weight),
            ignore_index=ignored,
        )
        wanted = TF.cross_entropy(
            torch.tensor(logits),
            torch.tensor(target),
            None if weight is None else torch.tensor(weight),
            ignore_index=ignored,
        )
        assert found.item() == pytest.approx(wanted.item())
