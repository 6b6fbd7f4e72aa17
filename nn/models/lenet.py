"""LeNet-5."""

from __future__ import annotations

from autograd import Tensor
from nn.layers import AvgPool2d, Conv2d, Linear, MaxPool2d, ReLU, Tanh
from nn.module import Module

_ACTIVATIONS = {"tanh": Tanh, "relu": ReLU}
_POOLINGS = {"avg": AvgPool2d, "max": MaxPool2d}


class LeNet5(Module):
    """LeNet-5 for images (N, in_channels, 32, 32), giving class scores (N, num_classes).

    C1 6@28×28, S2 6@14×14, C3 16@10×10, S4 16@5×5, C5 120, F6 84, output. `activation` is "tanh" or "relu", `pooling`,
    in S2 and S4, "avg" or "max". Raises ValueError for another image size.

    Source: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition". What
    differs: C3 sees all maps of S2, not chosen subsets; the subsampling layers have no trained coefficients and no
    nonlinearity; tanh is not scaled; and the output is linear scores for a cross-entropy, not distances to fixed codes
    (RBF units).

    >>> import nn
    >>> nn.models.LeNet5()(zeros((2, 1, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self, in_channels: int = 1, num_classes: int = 10, activation: str = "tanh", pooling: str = "avg"
    ) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise ValueError(f"LeNet5: activation is one of {', '.join(_ACTIVATIONS)}; got {activation!r}")
        if pooling not in _POOLINGS:
            raise ValueError(f"LeNet5: pooling is one of {', '.join(_POOLINGS)}; got {pooling!r}")
        self.c1 = Conv2d(in_channels, 6, kernel_size=5)
        self.s2 = _POOLINGS[pooling](2)
        self.c3 = Conv2d(6, 16, kernel_size=5)
        self.s4 = _POOLINGS[pooling](2)
        self.c5 = Conv2d(16, 120, kernel_size=5)
        self.f6 = Linear(120, 84)
        self.output = Linear(84, num_classes)
        self.activation = _ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[2:] != (32, 32):
            raise ValueError(f"LeNet5: wants images (N, C, 32, 32), got shape {x.shape}; pad smaller ones to 32×32")
        x = self.s2(self.activation(self.c1(x)))  # (N, 6, 14, 14)
        x = self.s4(self.activation(self.c3(x)))  # (N, 16, 5, 5)
        x = self.activation(self.c5(x)).reshape(-1, 120)  # (N, 120)
        x = self.activation(self.f6(x))  # (N, 84)
        return self.output(x)  # (N, num_classes)
