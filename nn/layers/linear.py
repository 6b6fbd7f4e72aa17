"""Affine layers."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.module import Module
from nn.parameter import Parameter


class Linear(Module):
    """y = x Wᵀ + b over the last axis: (*, in_features) to (*, out_features).

    `weight` (out_features, in_features) and, unless `bias` is False, `bias` (out_features,) start from
    U(-1/√in_features, 1/√in_features). `dtype` is that of the parameters; None: the default one.

    >>> import nn
    >>> nn.Linear(3, 2)(zeros((5, 3))).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(ag.zeros((out_features, in_features), dtype=dtype))
        self.register_parameter("bias", Parameter(ag.zeros(out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.default_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y[k] = Σ_ij x1[i] · w[k, i, j] · x2[j] + b[k] over the last axes; see `nn.functional.bilinear`.

    `weight` (out_features, in1_features, in2_features) and, unless `bias` is False, `bias` (out_features,) start from
    U(-1/√in1_features, 1/√in1_features). `dtype` is that of the parameters; None: the default one.

    >>> import nn
    >>> nn.Bilinear(3, 4, 2)(zeros((5, 3)), zeros((5, 4))).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if in1_features < 1:
            raise ValueError(f"Bilinear: in1_features has to be at least 1, got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(ag.zeros((out_features, in1_features, in2_features), dtype=dtype))
        self.register_parameter("bias", Parameter(ag.zeros(out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters(recurse=False):
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Identity(Module):
    """Returns its input; takes any arguments and ignores them.

    >>> import nn
    >>> nn.Identity(54, unused=True)(tensor([1.0]))
    tensor([1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input
