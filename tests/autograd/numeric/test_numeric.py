"""gradcheck on functions with planted faults."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.primitive import elementwise


@elementwise(lambda x: 2 * ag.cos(x))
def doubled_sine(x: np.ndarray) -> np.ndarray:
    return np.sin(x)


@elementwise(lambda x: ag.sin(x))
def wrong_sign_cosine(x: np.ndarray) -> np.ndarray:
    return np.cos(x)


def test_gradcheck_passes_what_is_right() -> None:
    report = ag.gradcheck(lambda x, w: ag.tanh(x * w) / (2 + ag.sin(x)), [np.linspace(-1, 1, 4), np.array(0.7)])
    assert report
    assert len(report.entries) == 5
    assert max(e.relative for e in report.entries) < 1e-9


@pytest.mark.parametrize(("f", "ratio"), [(doubled_sine, 2), (wrong_sign_cosine, -1)])
def test_gradcheck_catches_what_is_wrong(f, ratio: float) -> None:
    report = ag.gradcheck(f, np.array([0.4, 1.1]))
    assert not report
    assert len(report.failures) == 2
    for entry in report.failures:
        assert math.isclose(entry.analytic / entry.numeric, ratio, rel_tol=1e-9)
    assert "0 of 2 agree, 2 fail" in str(report)


def test_gradcheck_catches_a_small_wrong_gradient() -> None:
    assert not ag.gradcheck(lambda x: 1e-7 * doubled_sine(x), np.array([0.4]))
    assert ag.gradcheck(lambda x: 1e-7 * ag.sin(x), np.array([0.4]))


def test_gradcheck_is_not_misled_by_a_kink_nearby() -> None:
    assert ag.gradcheck(lambda x: ag.relu(x) * 1000, np.array([1e-3, 3.0, -1e-3]))


def test_gradcheck_samples() -> None:
    report = ag.gradcheck(lambda x: ag.sin(x).sum(), np.ones((10, 10)), sample=7)
    assert len({e.index for e in report.entries}) == 7


@pytest.mark.parametrize("sample", [0, -1])
def test_gradcheck_wants_a_positive_sample(sample: int) -> None:
    with pytest.raises(ValueError, match=f"gradcheck: sample has to be at least 1, got {sample}"):
        ag.gradcheck(lambda x: x, np.ones(3), sample=sample)


def test_gradcheck_of_one_number() -> None:
    for x in (2.0, np.float32(2)):
        (entry,) = ag.gradcheck(lambda x: x * x, x).entries
        assert (entry.index, entry.analytic, entry.verdict) == ((), 4, "PASS")
    with pytest.raises(ValueError, match="gradcheck: nothing to vary"):
        ag.gradcheck(lambda x: x * x, 2)


def test_gradcheck_draws_the_same_random_numbers_in_every_call() -> None:
    ag.manual_seed(0)
    assert ag.gradcheck(lambda x: (x * ag.rand(4)).sum(), np.ones(4))
    block = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(18, 2)
    )
    report = ag.gradcheck(block.train(), ag.randn(3, 1, 8, 8), wrt="both", sample=10)
    assert report
    assert {entry.verdict for entry in report.entries} == {"PASS"}


def test_the_report_is_shown_as_a_table() -> None:
    report = ag.gradcheck(lambda x: x * x, np.ones(2))
    assert repr(report) == str(report)
    assert repr(report).startswith("input    index  backprop")


def test_gradcheck_leaves_its_inputs_alone() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert ag.gradcheck(lambda x: x * x, x)
    assert x.grad is None
    assert x.tolist() == [1, 2]


def test_gradcheck_of_integers_has_nothing_to_vary() -> None:
    with pytest.raises(ValueError, match="gradcheck: nothing to vary"):
        ag.gradcheck(lambda x: x, np.arange(3))


def test_gradcheck_wants_a_tensor() -> None:
    with pytest.raises(TypeError, match="gradcheck: the function has to return a Tensor, got float"):
        ag.gradcheck(lambda x: 1.0, np.ones(3))


def test_wrt_is_for_modules() -> None:
    with pytest.raises(TypeError, match="gradcheck: wrt='parameters' wants a module, got function"):
        ag.gradcheck(lambda x: x, np.ones(3), wrt="parameters")
