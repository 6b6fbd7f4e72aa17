"""Random tensors: seeds, states, dtypes, and moments within five standard errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import random
from autograd.tensor import Tensor, tensor

DRAWS: list[Callable[..., Tensor]] = [
    lambda **options: random.rand(2, 3, **options),
    lambda **options: random.randn((2, 3), **options),
    lambda **options: random.uniform(-1, 1, (2, 3), **options),
    lambda **options: random.normal(5.0, 2.0, (2, 3), **options),
    lambda **options: random.randint(0, 1000, (2, 3), **options),
    lambda **options: random.randperm(20, **options),
    lambda **options: random.bernoulli(0.5, (2, 30), **options),
]


@pytest.mark.parametrize("draw", DRAWS)
def test_the_same_seed_gives_the_same_numbers(draw: Callable[..., Tensor]) -> None:
    assert random.manual_seed(3) is random.default_generator()
    first, second = draw().tolist(), draw().tolist()
    assert first != second
    random.manual_seed(3)
    assert [draw().tolist(), draw().tolist()] == [first, second]
    assert draw(generator=np.random.Generator(np.random.PCG64(3))).tolist() == first


def test_the_default_generator_stays_the_same_object() -> None:
    held = random.default_generator()
    random.manual_seed(1)
    expected = random.rand(3).tolist()
    random.manual_seed(1)
    assert held.random(3, np.float32).tolist() == expected


def test_a_generator_of_ones_own_leaves_the_default_alone() -> None:
    random.manual_seed(0)
    state = random.get_rng_state()
    random.randn(5, generator=np.random.default_rng(0))
    assert random.get_rng_state() == state


def test_the_state_survives_json_and_later_draws() -> None:
    random.manual_seed(4)
    random.randint(0, 3, 5)
    state = json.loads(json.dumps(random.get_rng_state()))
    kept = random.get_rng_state()
    expected = random.randn(4).tolist()
    assert kept == state
    random.set_rng_state(state)
    assert random.randn(4).tolist() == expected
    own = np.random.default_rng(0)
    random.set_rng_state(state, own)
    assert random.randn(4, generator=own).tolist() == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "draw", [random.rand, random.randn, lambda *shape, **options: random.bernoulli(0.5, shape, **options)]
)
def test_floating_draws_have_the_dtype_asked_for(draw: Callable[..., Tensor], dtype: type) -> None:
    x = draw(4, 5, dtype=dtype, requires_grad=True)
    assert (x.dtype, x.shape, x.requires_grad) == (dtype, (4, 5), True)
    assert draw(dtype=dtype).shape == ()
    assert draw(2, 0, dtype=dtype).shape == (2, 0)


def test_the_dtype_is_the_default_one_otherwise() -> None:
    assert {random.rand(1).dtype, random.normal(size=1).dtype, random.uniform().dtype} == {np.dtype(np.float32)}
    assert random.randint(5, (2, 3)).shape == random.randint(5, [2, 3]).shape == (2, 3)
    assert random.randint(5).dtype == random.randperm(3).dtype == np.int64


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda n: random.rand(n), 1 / 2, 1 / 12),
        (lambda n: random.randn(n), 0, 1),
        (lambda n: random.uniform(-3, 1, n), -1, 16 / 12),
        (lambda n: random.normal(4, 3, n), 4, 9),
        (lambda n: random.randint(2, 5, n), 3, 2 / 3),
        (lambda n: random.bernoulli(0.3, n), 0.3, 0.21),
    ],
)
def test_moments(draw: Callable[[int], Tensor], mean: float, variance: float) -> None:
    random.manual_seed(0)
    count = 20_000
    x = draw(count).data.astype(np.float64)
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / count)
    assert x.var() == pytest.approx(variance, rel=0.05)


def test_ranges() -> None:
    random.manual_seed(0)
    x = random.rand(20_000, dtype=np.float16).data
    assert x.min() >= 0
    assert x.max() < 1
    assert set(random.randint(-1, 2, 200).tolist()) == {-1, 0, 1}
    assert sorted(random.randperm(50).tolist()) == list(range(50))
    assert random.randperm(0).shape == (0,)
    assert random.bernoulli(tensor([0.0, 1.0, 1.0]), (4, 3)).tolist() == [[0, 1, 1]] * 4


def test_integers_from_zero_and_a_normal_that_does_not_spread() -> None:
    np.testing.assert_array_equal(np.unique(random.randint(3, (200,)).data), [0, 1, 2])
    np.testing.assert_array_equal(random.normal(5.0, 0.0, 3).data, [5, 5, 5])


def test_normal_broadcasts_mean_and_std() -> None:
    x = random.normal(tensor([[0.0], [1000.0]]), np.array([1e-3, 1e-3, 1e-3]), dtype=np.float64)
    np.testing.assert_allclose(x.data, [[0] * 3, [1000] * 3], atol=0.01)
    assert random.normal([0.0, 5.0], 1, (3, 2)).shape == (3, 2)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: random.rand(2.5), TypeError, r"rand: lengths have to be integers, got \(2.5,\)"),
        (lambda: random.randn(-1), ValueError, r"randn: lengths must not be negative"),
        (lambda: random.rand(2, dtype=int), TypeError, r"rand: wants a floating dtype, got int64"),
        (lambda: random.uniform(1, 0), ValueError, r"uniform: wants finite low <= high, got 1 and 0"),
        (lambda: random.uniform(0, float("inf")), ValueError, r"uniform: wants finite low <= high"),
        (lambda: random.normal(0, -1, 3), ValueError, r"normal: std must not be negative"),
        (lambda: random.normal(np.zeros(3), 1, (3, 2)), ValueError, r"normal: .*shape \(3,\).* size \(3, 2\)"),
        (lambda: random.randint(3, 3), ValueError, r"randint: there are no integers from 3 up to 3"),
        (lambda: random.randperm(-2), ValueError, r"randperm: lengths must not be negative"),
        (lambda: random.bernoulli(1.5), ValueError, r"bernoulli: probabilities have to lie in \[0, 1\]"),
        (lambda: random.bernoulli(float("nan")), ValueError, r"bernoulli: probabilities have to lie in \[0, 1\]"),
        (lambda: random.bernoulli(np.zeros(3), 2), ValueError, r"bernoulli: .*\(3,\) do not broadcast to size \(2,\)"),
        (lambda: random.rand(2, generator=3), TypeError, r"generator: wants a numpy.random.Generator .*, got int"),
        (lambda: random.set_rng_state({"a": 1}), ValueError, r"set_rng_state: wants what get_rng_state returned"),
        (lambda: random.manual_seed(-1), ValueError, r"manual_seed: wants an integer from 0, got -1"),
        (lambda: random.manual_seed(None), ValueError, r"manual_seed: wants an integer from 0, got None"),
        (lambda: random.manual_seed(True), ValueError, r"manual_seed: wants an integer from 0, got True"),
        (lambda: random.manual_seed([1, 2]), ValueError, r"manual_seed: wants an integer from 0, got \[1, 2\]"),
        (lambda: random.manual_seed("x"), ValueError, r"manual_seed: wants an integer from 0, got 'x'"),
    ],
)
def test_errors(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    state = random.get_rng_state()
    with pytest.raises(kind, match=message):
        call()
    assert random.get_rng_state() == state


@pytest.mark.parametrize(("limit", "dtype"), [(3e38, np.float32), (60_000, np.float16)])
def test_uniform_refuses_a_range_that_the_dtype_cannot_hold(limit: float, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"uniform: .* is more than float\d\d can hold"):
        random.uniform(-limit, limit, (3,), dtype=dtype)


def test_rare_events_in_half_precision() -> None:
    random.manual_seed(0)
    for p in (0.0002, 0.001):
        kept = random.bernoulli(1 - p, 4_000_000, dtype=np.float16)
        assert kept.dtype == np.float16
        lost = 4_000_000 - np.count_nonzero(kept.data)
        assert abs(lost - 4_000_000 * p) < 5 * np.sqrt(4_000_000 * p)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        (np.random.MT19937, lambda s: s["state"].update(key=np.zeros(3, np.uint32))),
        (np.random.Philox, lambda s: s.pop("buffer_pos")),
        (np.random.PCG64, lambda s: s["state"].update(state=-1)),
        (np.random.PCG64, lambda s: s.update(uinteger=1 << 40)),
    ],
)
def test_a_state_that_is_refused_changes_nothing(kind: Any, damage: Any) -> None:
    generator = np.random.Generator(kind(0))
    state = random.get_rng_state(np.random.Generator(kind(1)))
    damage(state)
    with pytest.raises(ValueError, match="set_rng_state: wants what get_rng_state returned"):
        random.set_rng_state(state, generator)
    assert generator.random() == np.random.Generator(kind(0)).random()


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_by_its_probabilities(replacement: bool) -> None:
    weights = np.array([[1.0, 0.0, 3.0, 4.0], [2.0, 2.0, 0.0, 1.0]])
    source = np.random.default_rng(0)
    drawn = np.stack(
        [random.multinomial(tensor(weights), 3, replacement, source).data for _ in range(4000)]
    )  # (4000, 2, 3)
    assert drawn.dtype == np.int64
    for row, chances in enumerate(weights / weights.sum(axis=1, keepdims=True)):
        first = np.bincount(drawn[:, row, 0], minlength=4) / len(drawn)
        np.testing.assert_allclose(first, chances, atol=0.025)
        distinct = {len(set(draw)) for draw in drawn[:, row].tolist()}
        assert distinct == ({1, 2, 3} if replacement else {3})
    if not replacement:  # the second, given the first: with probability p2 / (1 - p1)
        after = drawn[drawn[:, 0, 0] == 3, 0, 1]
        np.testing.assert_allclose(np.bincount(after, minlength=4)[:3] / len(after), [0.25, 0, 0.75], atol=0.03)


def test_multinomial_of_one_row_and_of_none() -> None:
    assert random.multinomial(tensor([0.0, 1.0]), 5, replacement=True).tolist() == [1] * 5
    assert sorted(random.multinomial([1.0, 0.0, 2.0], 2).tolist()) == [0, 2]
    assert random.multinomial(np.ones((0, 3)), 2).shape == (0, 2)
    assert random.multinomial(np.ones((0, 3)), 2, replacement=True).shape == (0, 2)


@pytest.mark.parametrize(
    ("probabilities", "count", "message"),
    [
        (np.ones((2, 2, 2)), 1, r"wants probabilities \(K,\) or \(N, K\) .*, got shape \(2, 2, 2\) and 1"),
        ([1.0, 2.0], 0, "a positive number of samples, got shape .* and 0"),
        ([1.0, -2.0], 1, "probabilities have to be finite and not negative"),
        ([1.0, np.nan], 1, "probabilities have to be finite and not negative"),
        ([[1.0, 2.0], [0.0, 1.0]], 2, "cannot draw 2 of 1 indices with positive probability"),
    ],
)
def test_what_multinomial_refuses(probabilities: Any, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random.multinomial(probabilities, count)
    with pytest.raises(ValueError, match="cannot draw 3 of 0 indices"):
        random.multinomial([0.0, 0.0], 3, replacement=True)
