"""Networks drawn from a seed, of all kinds of layers, with inputs that fit: gradients that are right."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
import nn

ACTIVATIONS = (
    nn.ReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.GELU,
    nn.SiLU,
    nn.ELU,
    nn.LeakyReLU,
    nn.Softplus,
    nn.Mish,
    nn.Hardswish,
    nn.PReLU,
    nn.Softsign,
)


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Any) -> Any:
        return x + self.inside(x)


class Objective(nn.Module):
    """A network and its loss against fixed targets."""

    def __init__(self, network: nn.Module, loss: nn.Module, targets: ag.Tensor) -> None:
        super().__init__()
        self.network, self.loss, self.targets = network, loss, targets

    def forward(self, x: Any) -> Any:
        return self.loss(self.network(x), self.targets)


def convolutional(rng: np.random.Generator) -> tuple[nn.Module, Any]:
    """A few blocks of convolution, normalisation, activation, pooling and dropout, then a linear layer and a loss."""
    channels, size, batch = int(rng.integers(1, 4)), int(rng.integers(7, 11)), int(rng.integers(2, 5))
    x = rng.normal(size=(batch, channels, size, size)).astype(rng.choice([np.float32, np.float64]))
    layers: list[nn.Module] = []
    for _ in range(int(rng.integers(1, 4))):
        width = int(rng.integers(2, 5))
        layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=bool(rng.integers(2))))
        channels = width
        norms = (nn.BatchNorm2d(width), nn.GroupNorm(1, width), nn.InstanceNorm2d(width, affine=True), nn.Identity())
        layers.append(norms[rng.integers(4)])
        layers.append(ACTIVATIONS[rng.integers(len(ACTIVATIONS))]())
        if rng.random() < 0.3:
            layers.append(Residual(nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))))
        if size >= 4 and rng.random() < 0.6:
            layers.append((nn.MaxPool2d, nn.AvgPool2d)[rng.integers(2)](2))
            size //= 2
        if rng.random() < 0.3:
            layers.append(nn.Dropout(0.3))
    layers += [nn.Flatten(), nn.Linear(channels * size * size, 3)]
    return finished(nn.Sequential(*layers), batch, rng), x


def dense(rng: np.random.Generator) -> tuple[nn.Module, Any]:
    """A few linear layers with activations and normalisations.

    None so narrow that a normalisation makes all samples alike, and puts what follows it exactly at a kink.
    """
    width, batch = int(rng.integers(3, 7)), int(rng.integers(3, 7))
    x = rng.normal(size=(batch, width)) * 10.0 ** rng.integers(-2, 2)
    layers: list[nn.Module] = []
    for _ in range(int(rng.integers(1, 5))):
        wider = int(rng.integers(4, 12))
        layers.append(nn.Linear(width, wider))
        width = wider
        layers.append((nn.BatchNorm1d, nn.LayerNorm, nn.Identity)[rng.integers(3)](width))
        layers.append(ACTIVATIONS[rng.integers(len(ACTIVATIONS))]())
    return finished(nn.Sequential(*layers, nn.Linear(width, 3)), batch, rng), x


def finished(network: nn.Module, batch: int, rng: np.random.Generator) -> nn.Module:
    """With a loss or without, training or evaluating."""
    network.train(bool(rng.integers(2)))
    if rng.random() < 0.3:
        return network
    if rng.random() < 0.5:
        return Objective(network, nn.CrossEntropyLoss(), ag.tensor(rng.integers(0, 3, batch)))
    return Objective(network, nn.MSELoss(), ag.tensor(rng.normal(size=(batch, 3))))


def random_network(seed: int) -> tuple[nn.Module, Any]:
    """A network and its input."""
    ag.manual_seed(seed)
    rng = np.random.default_rng(seed)
    return (convolutional if rng.random() < 0.6 else dense)(rng)
