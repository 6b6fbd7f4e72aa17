"""Networks of linear layers: the perceptron, softmax regression, the multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.containers import Sequential
from nn.layers import Dropout, Flatten, Heaviside, Linear, ReLU, Sigmoid, Tanh
from nn.module import Module

_ACTIVATIONS: dict[str, Callable[[], Module]] = {"relu": ReLU, "sigmoid": Sigmoid, "tanh": Tanh}


class Perceptron(Module):
    """Rosenblatt's perceptron: step(x Wᵀ + b), (N, in_features) to (N, out_features), each 0 or 1.

    Starts from zeros. The step has derivative 0, so it is trained by `learn`, not by gradients.

    Source: Rosenblatt 1958, "The perceptron: a probabilistic model for information storage and organization in the
    brain".

    >>> import nn
    >>> model = nn.models.Perceptron(2)
    >>> x, y = tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), tensor([[0.0], [0.0], [0.0], [1.0]])
    >>> while model.learn(x, y):
    ...     pass
    >>> model(x).detach().flatten()
    tensor([0., 0., 0., 1.])
    """

    def __init__(self, in_features: int, out_features: int = 1) -> None:
        super().__init__()
        self.linear = Linear(in_features, out_features)
        self.step = Heaviside()
        for parameter in self.linear.parameters():
            parameter.write(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self.linear(x))

    def learn(self, x: Tensor, target: Tensor, rate: float = 1.0) -> int:
        """The perceptron rule W += rate·(t - y) x, b += rate·(t - y) for one example after another.

        Returns how many outputs were wrong: 0 if there is nothing left to learn, which is reached for examples that a
        hyperplane separates.
        """
        if target.shape != (x.shape[0], self.linear.out_features):
            raise ValueError(
                f"Perceptron: wants a target of shape {(x.shape[0], self.linear.out_features)}, got {target.shape}"
            )
        weight: Any = self.linear.weight
        bias: Any = self.linear.bias
        mistakes = 0
        with ag.no_grad():
            for i in range(x.shape[0]):
                missing = target[i] - self(x[i])  # (out_features,)
                mistakes += int(ag.count_nonzero(missing).item())
                weight += rate * ag.outer(missing, x[i])
                bias += rate * missing
        return mistakes


class LinearSoftmax(Module):
    """Softmax regression: class scores x Wᵀ + b, (N, *) to (N, num_classes), to be trained by cross-entropy.

    The product of * is `in_features`.

    `probabilities` gives the softmax of the scores.

    >>> import nn
    >>> model = nn.models.LinearSoftmax(784, 10)
    >>> model.probabilities(zeros((2, 1, 28, 28))).shape
    (2, 10)
    """

    def __init__(self, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.linear = Linear(in_features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))

    def probabilities(self, x: Tensor) -> Tensor:
        """The probability of each class, (N, num_classes)."""
        return F.softmax(self(x), 1)


class MLP(Sequential):
    """A multi-layer perceptron: (N, *) to (N, sizes[-1]), where the product of * is sizes[0].

    Linear layers from each of `sizes` to the next; after each but the last the `activation` ("relu", "sigmoid" or
    "tanh") and dropout with probability `dropout`.

    >>> import nn
    >>> nn.models.MLP([784, 100, 10])(zeros((2, 1, 28, 28))).shape
    (2, 10)
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu", dropout: float = 0.0) -> None:
        if len(sizes) < 2:
            raise ValueError(f"MLP: wants the sizes of input and output at least, got {sizes}")
        if activation not in _ACTIVATIONS:
            raise ValueError(f"MLP: activation is one of {', '.join(_ACTIVATIONS)}; got {activation!r}")
        layers: list[Module] = [Flatten()]
        for inputs, outputs in pairwise(sizes[:-1]):
            layers += [Linear(inputs, outputs), _ACTIVATIONS[activation]()]
            if dropout:
                layers.append(Dropout(dropout))
        layers.append(Linear(sizes[-2], sizes[-1]))
        super().__init__(*layers)
