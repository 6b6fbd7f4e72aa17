"""What shortcuts are for: gradients that reach the first of 20 layers."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn
from nn import functional as F


@pytest.fixture(scope="module")
def digits() -> tuple[ag.Tensor, ag.Tensor]:
    data = pytest.importorskip("sklearn.datasets").load_digits()
    return ag.tensor(data.images[:128, None].astype(np.float32) / 16), ag.tensor(data.target[:128])


def gradient_norms(digits: tuple[ag.Tensor, ag.Tensor], **options: object) -> tuple[float, float]:
    """Of the loss by the first convolution and by the last linear layer, at initialisation."""
    ag.manual_seed(0)
    model = nn.models.CifarResNet(20, in_channels=1, **options)
    images, labels = digits
    F.cross_entropy(model(images), labels).backward()
    return tuple(float(np.linalg.norm(p.grad.numpy())) for p in (model.conv1.weight, model.fc.weight))


def test_without_shortcuts_the_first_layer_gets_no_gradient(digits: tuple[ag.Tensor, ag.Tensor]) -> None:
    """With PyTorch's default initialisation, U(-1/√fan_in, 1/√fan_in), and no batch normalisation: each layer then
    divides the variance of what passes it by about 6."""
    default = {"norm_layer": nn.Identity, "init_weights": False}
    plain, _ = gradient_norms(digits, shortcut=None, **default)
    residual, last = gradient_norms(digits, shortcut="A", **default)
    assert 0 < plain < 1e-4 * residual
    assert residual > 0.1 * last


def test_batch_normalisation_lets_gradients_through_a_plain_network(digits: tuple[ag.Tensor, ag.Tensor]) -> None:
    """Which is why He et al. 2016 call what their plain networks suffer from degradation, not vanishing gradients."""
    plain, last = gradient_norms(digits, shortcut=None)
    assert plain > 0.1 * last
