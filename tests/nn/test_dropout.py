"""The dropout family: statistics, what is dropped together, and the cases without chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import compare_modules, torch

import autograd as ag
import nn
from nn import functional as F

NAMES = "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout"
SHAPES = {"Dropout1d": (300, 40, 3), "Dropout2d": (300, 40, 2, 2), "Dropout3d": (300, 40, 2, 1, 2)}
PAIRS = {
    "Dropout": F.dropout,
    "Dropout1d": F.dropout1d,
    "Dropout2d": F.dropout2d,
    "Dropout3d": F.dropout3d,
    "AlphaDropout": F.alpha_dropout,
    "FeatureAlphaDropout": F.feature_alpha_dropout,
}


def sample(name: str) -> np.ndarray:
    return np.random.default_rng(0).normal(size=SHAPES.get(name, (300, 40, 3)))


@pytest.mark.parametrize("name", NAMES.split())
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_no_chance_at_0_and_1(name: str, p: float) -> None:
    compare_modules(getattr(nn, name)(p), getattr(torch.nn, name)(p), sample(name)[:2])


@pytest.mark.parametrize("name", NAMES.split())
def test_is_the_identity_when_evaluating(name: str) -> None:
    x = ag.tensor(sample(name))
    assert getattr(nn, name)(0.5).eval()(x) is x
    assert PAIRS[name](x, 0.5, False) is x
    assert repr(getattr(nn, name)(0.3, True)) == repr(getattr(torch.nn, name)(0.3, True))


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d"])
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_drops_with_probability_p_and_scales_the_rest(name: str, p: float) -> None:
    ag.manual_seed(0)
    x = ag.tensor(sample(name), requires_grad=True)
    y = getattr(nn, name)(p)(x)
    y.sum().backward()
    factor = x.grad.numpy()
    np.testing.assert_allclose(y.numpy(), x.numpy() * factor, rtol=1e-12)
    assert set(np.unique(factor.round(12))) == {0, round(1 / (1 - p), 12)}
    assert abs((factor == 0).mean() - p) < 0.02
    per_channel = factor.reshape(300, 40, -1)
    together = (per_channel == per_channel[..., :1]).all()
    assert together == (name != "Dropout")


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_alpha_dropout_keeps_mean_and_variance(name: str, p: float) -> None:
    ag.manual_seed(0)
    x = ag.tensor(sample(name), requires_grad=True)
    y = getattr(nn, name)(p)(x)
    y.sum().backward()
    kept = x.grad.numpy() != 0
    assert abs(kept.mean() - (1 - p)) < 0.02
    assert abs(y.numpy().mean()) < 0.05
    assert abs(y.numpy().std() - 1) < 0.05
    limit = -1.0507009873554805 * 1.6732632423543772
    a = ((1 - p) * (1 + p * limit**2)) ** -0.5  # Klambauer et al. 2017, section "new dropout technique"
    b = -a * p * limit
    np.testing.assert_allclose(y.numpy(), a * np.where(kept, x.numpy(), limit) + b, rtol=1e-9, atol=1e-12)
    per_channel = kept.reshape(300, 40, -1)
    assert (per_channel == per_channel[..., :1]).all() == (name == "FeatureAlphaDropout")


@pytest.mark.parametrize(("name", "shape"), [("Dropout1d", (200, 3)), ("Dropout3d", (200, 2, 3, 2))])
def test_channels_without_a_batch(name: str, shape: tuple[int, ...]) -> None:
    ag.manual_seed(0)
    y = getattr(nn, name)(0.5)(ag.ones(shape)).numpy().reshape(200, -1)
    assert (y == y[:, :1]).all()
    assert 60 < (y[:, 0] == 0).sum() < 140


def test_dropout2d_takes_three_dimensions_as_a_batch_of_sequences() -> None:
    ag.manual_seed(0)
    y = F.dropout2d(ag.ones(20, 30, 4)).numpy()
    assert (y == y[..., :1]).all()
    assert (y[:, :, 0] != y[:, :1, 0]).any()


@pytest.mark.parametrize("name", NAMES.split())
def test_float32_stays_float32(name: str) -> None:
    assert getattr(nn, name)(0.3)(ag.tensor(sample(name).astype(np.float32))).dtype == np.float32


@pytest.mark.parametrize("name", NAMES.split())
def test_p_is_a_probability(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: p is a probability, got 1.5"):
        getattr(nn, name)(1.5)
    function = PAIRS[name]
    with pytest.raises(ValueError, match=f"^{function.__name__}: p is a probability, got -0.5"):
        function(ag.tensor(sample(name)), -0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.dropout1d(ag.ones(3)),
            r"dropout1d: wants an input of 3 dimensions, or 2 without a batch, got shape",
        ),
        (lambda: F.dropout2d(ag.ones(3, 3)), "dropout2d: wants an input of 4 dimensions, or 3"),
        (lambda: F.dropout3d(ag.ones(3, 3, 3)), "dropout3d: wants an input of 5 dimensions, or 4"),
        (lambda: F.feature_alpha_dropout(ag.ones(3)), r"feature_alpha_dropout: wants an input \(N, C, \*S\), got"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
