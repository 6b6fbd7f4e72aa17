"""Nonlinearities as modules; formulas, kinks, sources and errors are those of the functions in `nn.functional`."""

from __future__ import annotations

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.module import Module
from nn.parameter import Parameter


class _InPlace(Module):
    """A nonlinearity with no other argument than `inplace`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        if isinstance(inplace, Tensor):
            name = type(self).__name__
            raise TypeError(f"{name}: the layer is made first, and then called: {name}()(input)")
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class _AlongDim(Module):
    """A function along `dim`."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class ReLU(_InPlace):
    """max(x, 0); see `nn.functional.relu`.

    >>> import nn
    >>> nn.ReLU()(tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input)


class LeakyReLU(Module):
    """x where x > 0, negative_slope · x elsewhere; see `nn.functional.leaky_relu`.

    >>> import nn
    >>> nn.LeakyReLU(0.1)(tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1,  0. ,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{_mark(self.inplace)}"


class PReLU(Module):
    """x where x > 0, weight · x elsewhere; see `nn.functional.prelu`.

    `weight` (num_parameters,), one slope or one for each channel, starts from `init`. `dtype` is that of `weight`;
    None: the default one.

    >>> import nn
    >>> nn.PReLU()(tensor([-2.0, 2.0])).detach()
    tensor([-0.5,  2. ])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(ag.zeros(num_parameters, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start the slopes anew."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x where x > 0, a · x elsewhere, a random in training; see `nn.functional.rrelu`.

    >>> import nn
    >>> nn.RReLU(0.1, 0.3).eval()(tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2,  0. ,  2. ])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        if not lower <= upper:
            raise ValueError(f"RReLU: wants lower <= upper, got {lower} and {upper}")
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{_mark(self.inplace)}"


class ELU(Module):
    """x where x > 0, alpha · (eˣ - 1) elsewhere; see `nn.functional.elu`.

    >>> import nn
    >>> nn.ELU()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.6321,  0.    ,  2.    ])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{_mark(self.inplace)}"


class CELU(Module):
    """x where x > 0, alpha · (e^(x / alpha) - 1) elsewhere; see `nn.functional.celu`.

    >>> import nn
    >>> nn.CELU(2.0)(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.7869,  0.    ,  2.    ])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if alpha == 0:
            raise ValueError("CELU: alpha has to be other than zero")
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{_mark(self.inplace)}"


class SELU(_InPlace):
    """The self-normalising ELU; see `nn.functional.selu`.

    >>> import nn
    >>> nn.SELU()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-1.1113,  0.    ,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input)


class GELU(Module):
    """x · Φ(x); see `nn.functional.gelu` for `approximate`.

    >>> import nn
    >>> nn.GELU()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.1587,  0.    ,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate is 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(_InPlace):
    """x · sigmoid(x), also called swish; see `nn.functional.silu`.

    >>> import nn
    >>> nn.SiLU()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.2689,  0.    ,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input)


class Mish(_InPlace):
    """x · tanh(softplus(x)); see `nn.functional.mish`.

    >>> import nn
    >>> nn.Mish()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.3034,  0.    ,  1.944 ])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input)


class Softplus(Module):
    """log(1 + e^(beta · x)) / beta, and x itself beyond `threshold`; see `nn.functional.softplus`.

    >>> import nn
    >>> nn.Softplus()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([0.3133, 0.6931, 2.1269])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """x / (1 + |x|).

    >>> import nn
    >>> nn.Softsign()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.5   ,  0.    ,  0.6667])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Tanh(Module):
    """Hyperbolic tangent.

    >>> import nn
    >>> nn.Tanh()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.7616,  0.    ,  0.964 ])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x).

    >>> import nn
    >>> nn.Tanhshrink()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.2384,  0.    ,  1.036 ])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    >>> import nn
    >>> nn.Sigmoid()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([0.2689, 0.5   , 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log(sigmoid(x)), without overflow.

    >>> import nn
    >>> nn.LogSigmoid()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-1.3133, -0.6931, -0.1269])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Threshold(Module):
    """x where x > threshold, `value` elsewhere; see `nn.functional.threshold`.

    >>> import nn
    >>> nn.Threshold(0.5, 20)(tensor([-1.0, 0.0, 2.0]))
    tensor([20., 20.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}{_mark(self.inplace)}"


class Heaviside(Module):
    """The perceptron's step from 0 to 1, with `values` at 0 and derivative 0; see `nn.functional.heaviside`.

    >>> import nn
    >>> nn.Heaviside()(tensor([-2.0, 0.0, 3.0]))
    tensor([0., 1., 1.])
    """

    def __init__(self, values: float = 1.0) -> None:
        super().__init__()
        self.values = values

    def forward(self, input: Tensor) -> Tensor:
        return F.heaviside(input, self.values)

    def extra_repr(self) -> str:
        return f"values={self.values}"


class Hardtanh(Module):
    """x kept between `min_val` and `max_val`; see `nn.functional.hardtanh`.

    >>> import nn
    >>> nn.Hardtanh()(tensor([-1.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if min_val >= max_val:
            raise ValueError(f"{type(self).__name__}: wants min_val < max_val, got {min_val} and {max_val}")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{_mark(self.inplace)}"


class ReLU6(_InPlace):
    """min(max(x, 0), 6); see `nn.functional.relu6`.

    >>> import nn
    >>> nn.ReLU6()(tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input)


class Hardsigmoid(Module):
    """relu6(x + 3) / 6; see `nn.functional.hardsigmoid`.

    >>> import nn
    >>> nn.Hardsigmoid()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([0.3333, 0.5   , 0.8333])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input)


class Hardswish(Module):
    """x · relu6(x + 3) / 6; see `nn.functional.hardswish`.

    >>> import nn
    >>> nn.Hardswish()(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.3333,  0.    ,  1.6667])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input)


class Hardshrink(Module):
    """x where |x| > lambd, 0 elsewhere.

    >>> import nn
    >>> nn.Hardshrink()(tensor([-1.0, 0.0, 2.0]))
    tensor([-1.,  0.,  2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Module):
    """x moved towards 0 by `lambd`; see `nn.functional.softshrink`.

    >>> import nn
    >>> nn.Softshrink()(tensor([-1.0, 0.0, 2.0]))
    tensor([-0.5,  0. ,  1.5])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        if lambd < 0:
            raise ValueError(f"Softshrink: lambd has to be at least 0, got {lambd}")
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softmax(_AlongDim):
    """exp(x) / Σ exp(x) along `dim`; see `nn.functional.softmax` for None.

    >>> import nn
    >>> nn.Softmax(dim=1)(tensor([[0.0, 0.0], [9.0, 9.0]]))
    tensor([[0.5, 0.5],
            [0.5, 0.5]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class Softmin(_AlongDim):
    """exp(-x) / Σ exp(-x) along `dim`; see `nn.functional.softmin` for None.

    >>> import nn
    >>> nn.Softmin(dim=0)(tensor([1.0, 1.0]))
    tensor([0.5, 0.5])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along `dim`; see `nn.functional.log_softmax` for None.

    >>> import nn
    >>> nn.LogSoftmax(dim=0)(tensor([0.0, 0.0])).round(4)
    tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmax2d(Module):
    """exp(x) / Σ exp(x) over the channels of (N, C, H, W) or (C, H, W). ValueError for other numbers of dimensions.

    >>> import nn
    >>> nn.Softmax2d()(zeros((1, 2, 1, 1))).flatten()
    tensor([0.5, 0.5])
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: wants an input (N, C, H, W) or (C, H, W), got shape {input.shape}")
        return F.softmax(input, -3)


class GLU(_AlongDim):
    """a · sigmoid(b), where a and b are the halves of the input along `dim`; see `nn.functional.glu`.

    >>> import nn
    >>> nn.GLU()(tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5, 1. ])
    """

    dim: int

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim)

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)


def _mark(inplace: bool) -> str:
    return ", inplace=True" if inplace else ""
