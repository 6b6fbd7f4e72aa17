"""Embedding, EmbeddingBag and one_hot against PyTorch."""

from __future__ import annotations

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

rng = np.random.default_rng(0)
IDS = np.array([[1, 2, 2], [5, 0, 2]])
BAGS = np.array([1, 2, 2, 5, 0, 2, 3])
OFFSETS = np.array([0, 2, 2, 3])
WEIGHT = rng.normal(size=(6, 4))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding_idx": 2},
        {"padding_idx": -1},
        {"scale_grad_by_freq": True},
        {"scale_grad_by_freq": True, "padding_idx": 0},
        {"max_norm": 1.5},
        {"max_norm": 2.0, "norm_type": 1.0, "padding_idx": 2},
    ],
)
@pytest.mark.parametrize("ids", [IDS, np.array(2), np.zeros((0, 3), np.int64), IDS.astype(np.int32)])
def test_embedding(options: dict[str, Any], ids: np.ndarray) -> None:
    compare_modules(nn.Embedding(6, 4, **options), torch.nn.Embedding(6, 4, **options), ids)


def test_the_padding_row_starts_from_zeros() -> None:
    layer = nn.Embedding(5, 3, padding_idx=-2)
    assert (layer.weight[3] == 0).all()
    assert not (layer.weight[2] == 0).any()
    assert repr(nn.Embedding(5, 3, sparse=True)) == repr(torch.nn.Embedding(5, 3, sparse=True))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize(
    "options",
    [{}, {"padding_idx": 2}, {"max_norm": 1.5}, {"include_last_offset": True}],
)
@pytest.mark.parametrize("arrays", [(BAGS, OFFSETS), (IDS,)])
def test_embedding_bag(mode: str, options: dict[str, Any], arrays: tuple[np.ndarray, ...]) -> None:
    if "include_last_offset" in options and len(arrays) == 2:
        arrays = (BAGS, np.append(OFFSETS, len(BAGS)))
    compare_modules(
        nn.EmbeddingBag(6, 4, mode=mode, **options), torch.nn.EmbeddingBag(6, 4, mode=mode, **options), *arrays
    )


def test_embedding_bag_with_weights_of_its_members() -> None:
    weights = rng.normal(size=7)
    compare_functions(
        lambda w, s: F.embedding_bag(ag.tensor(BAGS), w, ag.tensor(OFFSETS), mode="sum", per_sample_weights=s),
        lambda w, s: torch.nn.functional.embedding_bag(
            torch.tensor(BAGS), w, torch.tensor(OFFSETS), mode="sum", per_sample_weights=s
        ),
        WEIGHT,
        weights,
    )


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_embedding_bag_scaled_by_frequency(mode: str) -> None:
    """The definition is the oracle: PyTorch 2.13 divides by the counts of other rows."""
    gradients = []
    for scaled in (False, True):
        w = ag.tensor(WEIGHT, requires_grad=True)
        y = F.embedding_bag(ag.tensor(BAGS), w, ag.tensor(OFFSETS), scale_grad_by_freq=scaled, mode=mode)
        (y * np.arange(16).reshape(4, 4)).sum().backward()
        gradients.append(w.grad.numpy())
    counts = np.array([1, 1, 3, 1, 1, 1])  # of the rows 0, 1, … in BAGS; row 4 is not there
    np.testing.assert_allclose(gradients[1], gradients[0] / counts[:, None], rtol=1e-12)


def test_embedding_bag_of_empty_bags() -> None:
    empty = ag.tensor(np.zeros(0, np.int64))
    assert F.embedding_bag(empty, ag.tensor(WEIGHT), ag.tensor([0, 0])).tolist() == [[0] * 4] * 2


@given(
    ids=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 8), max_size=4),
    mode=st.sampled_from(["sum", "mean", "max"]),
    padding=st.none() | st.integers(-6, 5),
)
@settings(max_examples=40, deadline=None)
def test_drawn_bags(ids: list[int], cuts: list[int], mode: str, padding: int | None) -> None:
    indices, offsets = np.array(ids), np.array(sorted([0, *(min(c, len(ids)) for c in cuts)]))
    compare_functions(
        lambda w: F.embedding_bag(ag.tensor(indices), w, ag.tensor(offsets), mode=mode, padding_idx=padding),
        lambda w: torch.nn.functional.embedding_bag(
            torch.tensor(indices), w, torch.tensor(offsets), mode=mode, padding_idx=padding
        ),
        WEIGHT,
    )
    compare_functions(
        lambda w: F.embedding(ag.tensor(indices), w, padding),
        lambda w: torch.nn.functional.embedding(torch.tensor(indices), w, padding),
        WEIGHT,
    )


@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
def test_from_pretrained(kind: str) -> None:
    frozen = getattr(nn, kind).from_pretrained(ag.tensor(WEIGHT))
    trained = getattr(nn, kind).from_pretrained(ag.tensor(WEIGHT), freeze=False, padding_idx=1, max_norm=2.0)
    theirs = getattr(torch.nn, kind).from_pretrained(torch.tensor(WEIGHT), freeze=False, padding_idx=1, max_norm=2.0)
    assert not frozen.weight.requires_grad
    assert trained.weight.requires_grad
    np.testing.assert_array_equal(frozen.weight.numpy(), WEIGHT)
    close(trained(ag.tensor(IDS)), theirs(torch.tensor(IDS)), "value")
    assert repr(trained) == repr(theirs)


def test_max_norm_writes_into_the_weight() -> None:
    weight = ag.tensor(WEIGHT)
    F.embedding(ag.tensor([0, 1]), weight, max_norm=0.5)
    lengths = np.linalg.norm(weight.numpy(), axis=1)
    np.testing.assert_allclose(lengths[:2], 0.5, rtol=1e-6)
    np.testing.assert_array_equal(weight.numpy()[2:], WEIGHT[2:])


def test_derivatives_of_both_orders() -> None:
    check_derivatives(lambda w: F.embedding(IDS, w), WEIGHT)
    check_derivatives(lambda w: F.embedding_bag(BAGS, w, ag.tensor(OFFSETS), mode="mean"), WEIGHT)


def test_float32_stays_float32() -> None:
    assert nn.Embedding(6, 4, scale_grad_by_freq=True)(ag.tensor(IDS)).dtype == np.float32
    assert nn.EmbeddingBag(6, 4)(ag.tensor(IDS)).dtype == np.float32


@pytest.mark.parametrize("classes", [-1, 6, 9])
def test_one_hot(classes: int) -> None:
    for x in (IDS, np.array(3)):
        ours, theirs = F.one_hot(ag.tensor(x), classes), torch.nn.functional.one_hot(torch.tensor(x), max(classes, -1))
        if classes == -1 or x.max() < classes:
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
            assert ours.dtype == np.int64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda w: F.embedding(ag.tensor([6]), w),
            IndexError,
            r"embedding: index 6 is out of range for weight \(6, 4\)",
        ),
        (lambda w: F.embedding(ag.tensor([-1]), w), IndexError, "embedding: index -1 is out of range"),
        (lambda w: F.embedding(ag.tensor([1.0]), w), TypeError, "embedding: wants integers, got dtype float32"),
        (lambda w: F.embedding(ag.tensor([1]), w[0]), ValueError, r"embedding: wants a weight \(V, D\), got shape"),
        (
            lambda w: F.embedding(ag.tensor([1]), w, 6),
            ValueError,
            "embedding: padding_idx 6 is out of range for weight",
        ),
        (lambda w: nn.Embedding(6, 4, 6), ValueError, "Embedding: padding_idx 6 is out of range for 6 embeddings"),
        (lambda w: nn.Embedding.from_pretrained(w[0]), ValueError, "Embedding: wants embeddings"),
        (lambda w: nn.EmbeddingBag(6, 4, mode="min"), ValueError, "EmbeddingBag: mode is 'sum', 'mean' or 'max', got"),
        (lambda w: F.embedding_bag(ag.tensor([1]), w), ValueError, r"embedding_bag: wants an input \(B, L\) without"),
        (lambda w: F.embedding_bag(ag.tensor([1]), w, mode="min"), ValueError, "embedding_bag: mode is"),
        (
            lambda w: F.embedding_bag(ag.tensor([1]), w, ag.tensor([0, 2])),
            ValueError,
            r"embedding_bag: offsets start with 0 and ascend to at most 1, the input's length; got \[0, 2\]",
        ),
        (
            lambda w: F.embedding_bag(ag.tensor([1, 1, 1]), w, ag.tensor(np.array([0, 2, 1], np.uint8))),
            ValueError,
            r"embedding_bag: offsets start with 0 and ascend .*; got \[0, 2, 1\]",
        ),
        (
            lambda w: F.embedding_bag(ag.tensor([[1]]), w, per_sample_weights=w[0]),
            ValueError,
            "embedding_bag: per_sample_weights want mode 'sum'",
        ),
        (
            lambda w: F.embedding_bag(ag.tensor([[1]]), w, per_sample_weights=w[0], mode="sum"),
            ValueError,
            r"embedding_bag: per_sample_weights want .* the input, \(1, 1\); got mode 'sum' and shape \(4,\)",
        ),
        (
            lambda w: F.embedding_bag(ag.tensor([1]), w, ag.tensor([[0]])),
            ValueError,
            r"embedding_bag: wants an input \(B, L\) without offsets, .* got shapes \(1,\) and \(1, 1\)",
        ),
        (
            lambda w: F.embedding_bag(ag.tensor([[1]]), w, mode="max", scale_grad_by_freq=True),
            ValueError,
            "embedding_bag: mode 'max' does not scale the gradient by frequency",
        ),
        (lambda w: F.embedding(ag.tensor([1]), w, -7), ValueError, "embedding: padding_idx -7 is out of range"),
        (lambda w: F.one_hot(ag.tensor([3]), 3), ValueError, "one_hot: wants integers from 0 to 2, got 3 to 3"),
        (lambda w: F.one_hot(ag.tensor([-1])), ValueError, "one_hot: wants integers from 0"),
        (lambda w: F.one_hot(ag.tensor([1.0])), TypeError, "one_hot: wants integers, got dtype float32"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(ag.tensor(WEIGHT))


def test_the_first_and_the_largest_that_come() -> None:
    weight = ag.tensor(np.ones((3, 1)), requires_grad=True)
    F.embedding_bag(ag.tensor([[2, 0, 1]]), weight, mode="max").sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0.0], [0.0], [1.0]]  # of equal ones, the first in the bag
    assert F.embedding(ag.tensor([0]), weight, -3).tolist() == [[1.0]]
    assert F.one_hot(ag.tensor(np.zeros((0, 2), int)), 3).shape == (0, 2, 3)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_that_are_all_empty_give_a_gradient_of_zeros(mode: str) -> None:
    weight, none = ag.tensor(WEIGHT, requires_grad=True), ag.tensor(np.zeros(0, int))
    y = F.embedding_bag(none, weight, ag.tensor([0, 0]), mode=mode)
    assert y.tolist() == np.zeros((2, 4)).tolist()
    y.sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == np.zeros((6, 4)).tolist()


def test_a_single_vector_has_memory_of_its_own() -> None:
    layer = nn.Embedding(3, 2)
    found = layer(ag.tensor(1)).detach()
    kept = found.numpy().copy()
    with ag.no_grad():
        layer.weight.zero_()
    np.testing.assert_array_equal(found.numpy(), kept)
    with ag.no_grad():
        found.fill_(5.0)
    assert not layer.weight.numpy().any()
