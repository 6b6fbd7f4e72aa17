"""Distances, similarities, Bilinear and Unflatten against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


@pytest.mark.parametrize(
    ("shapes", "options"),
    [
        (((3, 4), (3, 4)), {}),
        (((3, 4), (3, 4)), {"dim": 0}),
        (((3, 4, 2), (3, 1, 2)), {"dim": -1}),
        (((3, 4), (1, 4)), {"eps": 10.0}),
        (((4,), (4,)), {"dim": 0}),
    ],
)
def test_cosine_similarity(shapes: Any, options: dict[str, Any]) -> None:
    arrays = [normal(*shape) for shape in shapes]
    compare_modules(nn.CosineSimilarity(**options), torch.nn.CosineSimilarity(**options), *arrays)


def test_cosine_similarity_with_a_zero_vector() -> None:
    compare_functions(
        F.cosine_similarity, torch.nn.functional.cosine_similarity, np.array([[0.0, 0.0], [3.0, 4.0]]), normal(2, 2)
    )


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("keepdim", [False, True])
def test_pairwise_distance(p: float, keepdim: bool) -> None:
    for a, b in (((3, 4), (3, 4)), ((3, 4), (4,)), ((4,), (4,))):
        compare_modules(
            nn.PairwiseDistance(p, keepdim=keepdim),
            torch.nn.PairwiseDistance(p, keepdim=keepdim),
            normal(*a),
            normal(*b),
        )
    compare_functions(
        lambda x, y: F.pairwise_distance(x, y, p, 0.1, keepdim),
        lambda x, y: torch.nn.functional.pairwise_distance(x, y, p, 0.1, keepdim),
        normal(2, 3),
        normal(2, 3),
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_pdist(p: float) -> None:
    compare_functions(lambda x: F.pdist(x, p), lambda x: torch.nn.functional.pdist(x, p), normal(5, 3))
    assert F.pdist(ag.ones(1, 3), p).shape == (0,)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, np.inf])
def test_pdist_a_row_at_a_time(p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.functional.distance._FEW", 1)
    test_pdist(p)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (0,)])
def test_bilinear(bias: bool, batch: tuple[int, ...]) -> None:
    ours, theirs = nn.Bilinear(3, 4, 2, bias), torch.nn.Bilinear(3, 4, 2, bias)
    bound = 3**-0.5
    assert all(np.abs(p.numpy()).max() <= bound for p in ours.parameters())
    compare_modules(ours, theirs, normal(*batch, 3), normal(*batch, 4))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_drawn_options(data: st.DataObject) -> None:
    theirs, length = torch.nn.functional, st.integers(1, 4)
    batch, i, j, k = data.draw(st.lists(st.integers(0, 3), max_size=3)), *(data.draw(length) for _ in range(3))
    bias = [normal(k)] * data.draw(st.booleans())
    compare_functions(F.linear, theirs.linear, normal(*batch, i), normal(k, i), *bias)
    compare_functions(F.bilinear, theirs.bilinear, normal(*batch, i), normal(*batch, j), normal(k, i, j), *bias)

    shape = data.draw(st.lists(length, min_size=1, max_size=3))
    dim, eps = data.draw(st.integers(0, len(shape) - 1)), data.draw(st.floats(1e-8, 1))
    shape[dim] += 1  # of a single number, the cosine is a sign, and its gradient rounding alone
    other = [n if axis == dim or data.draw(st.booleans()) else 1 for axis, n in enumerate(shape)]
    dim -= data.draw(st.sampled_from([0, len(shape)]))
    x, y = normal(*shape), normal(*other)
    compare_functions(
        lambda x, y: F.cosine_similarity(x, y, dim, eps), lambda x, y: theirs.cosine_similarity(x, y, dim, eps), x, y
    )
    p, keepdim = data.draw(st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, np.inf])), data.draw(st.booleans())
    compare_functions(
        lambda x, y: F.pairwise_distance(x, y, p, eps, keepdim),
        lambda x, y: theirs.pairwise_distance(x, y, p, eps, keepdim),
        x,
        y,
    )
    compare_functions(lambda t: F.pdist(t, p), lambda t: theirs.pdist(t, p), normal(data.draw(st.integers(2, 5)), i))


@pytest.mark.parametrize("arguments", [(1, (3, 4)), (-1, (2, -1)), (0, (1, 2))])
def test_unflatten(arguments: Any) -> None:
    compare_modules(nn.Unflatten(*arguments), torch.nn.Unflatten(*arguments), normal(2, 12))


def test_derivatives_of_both_orders() -> None:
    check_derivatives(lambda x, y: F.cosine_similarity(ag.as_tensor(x), ag.as_tensor(y)), normal(2, 3), normal(2, 3))
    check_derivatives(lambda x, y: F.pairwise_distance(x, y, 3.0), normal(2, 3), normal(2, 3))
    check_derivatives(F.bilinear, normal(2, 3), normal(2, 2), normal(2, 3, 2), normal(2))


def test_float32_stays_float32() -> None:
    x, y = ag.ones(2, 3), ag.ones(2, 3) * 2
    for function in (F.cosine_similarity, F.pairwise_distance, nn.Bilinear(3, 3, 2)):
        assert function(x, y).dtype == np.float32
    assert F.pdist(x).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.pdist(ag.ones(3)), r"pdist: wants an input \(N, D\), got shape \(3,\)"),
        (
            lambda: nn.Bilinear(3, 4, 2)(ag.ones(5, 3), ag.ones(5, 3)),
            r"bilinear: inputs \(5, 3\) and \(5, 3\) and weight",
        ),
        (lambda: nn.Bilinear(3, 4, 2)(ag.ones(5, 3), ag.ones(4, 4)), r"bilinear: inputs \(5, 3\) and \(4, 4\)"),
        (lambda: nn.Bilinear(0, 4, 2), "Bilinear: in1_features has to be at least 1, got 0"),
        (lambda: nn.Unflatten(2, (3,))(ag.ones(2, 3)), r"Unflatten: input \(2, 3\) has no axis 2"),
        (
            lambda: nn.Unflatten(1, (2, 2))(ag.ones(2, 3)),
            r"Unflatten: axis 1 of input \(2, 3\) cannot be made \(2, 2\)",
        ),
        (
            lambda: F.cosine_similarity(ag.ones(2, 3), ag.ones(2, 4)),
            r"cosine_similarity: shapes \(2, 3\), \(2, 4\) do not",
        ),
        (
            lambda: F.pairwise_distance(ag.ones(2, 3), ag.ones(2, 4)),
            r"pairwise_distance: shapes \(2, 3\), \(2, 4\) do not",
        ),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-4, 1.0, 20.0])
@pytest.mark.parametrize("p", [2.0, 3.0])
def test_lengths_in_float16(scale: float, p: float) -> None:
    """Squares that float16 has no numbers for."""
    x, y = ((np.random.default_rng(seed).normal(size=(2, 512)) * scale).astype(np.float16) for seed in (0, 1))
    for name, arrays, options in (
        ("pairwise_distance", (x, y), {"p": p}),
        ("normalize", (x,), {"p": p}),
        ("cosine_similarity", (x, y), {}),
    ):
        found = getattr(F, name)(*map(ag.tensor, arrays), **options)
        wanted = getattr(torch.nn.functional, name)(*map(torch.tensor, arrays), **options).numpy()
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-2, atol=2e-4)
