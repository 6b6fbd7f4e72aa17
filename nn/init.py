"""Initialisation schemes. Those that end in `_` fill a tensor in place, from the generator that `manual_seed`
sets, and return it, but for `default_`.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.random import default_generator

__all__ = [
    "calculate_gain",
    "constant_",
    "default_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
    **{f"conv{transposed}{n}d": 1.0 for transposed in ("", "_transpose") for n in (1, 2, 3)},
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity's inputs should be larger for its outputs to keep their variance.

    `param` is the negative slope of "leaky_relu" (0.01 if None). ValueError for an unknown name.

    >>> from nn import init
    >>> init.calculate_gain("tanh") == 5 / 3
    True
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        known = ", ".join(["leaky_relu", *_GAINS])
        raise ValueError(f"calculate_gain: wants one of {known}; got {nonlinearity!r}")
    return _GAINS[nonlinearity]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Fill with U(a, b). ValueError for a > b.

    >>> from nn import init
    >>> x = init.uniform_(zeros(1000), -2.0, 3.0)
    >>> bool((x >= -2).all() and (x <= 3).all()), bool(x.min() < -1.9), bool(x.max() > 2.9)
    (True, True, True)
    """
    if not a <= b:
        raise ValueError(f"uniform_: wants a ≤ b, got {a} and {b}")
    return _filled("uniform_", tensor, default_generator().uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Fill with N(mean, std²). ValueError for a negative std.

    >>> from nn import init
    >>> x = init.normal_(zeros(10000), mean=5.0, std=2.0)
    >>> bool(abs(x.mean() - 5) < 0.1), bool(abs(x.std() - 2) < 0.1)
    (True, True)
    """
    if not std >= 0:
        raise ValueError(f"normal_: std is a number from 0, got {std}")
    return _filled("normal_", tensor, default_generator().normal(mean, std, tensor.shape))


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Fill with N(mean, std²) restricted to [a, b], by rejection. ValueError if that would keep almost nothing.

    >>> from nn import init
    >>> x = init.trunc_normal_(zeros(10000), std=2.0, a=-1.0, b=3.0)
    >>> bool((x >= -1).all() and (x <= 3).all())
    True
    """
    if not std > 0:
        raise ValueError(f"trunc_normal_: std has to be positive, got {std}")
    normal = NormalDist(mean, std)
    if not normal.cdf(b) - normal.cdf(a) > 1e-3:
        raise ValueError(f"trunc_normal_: [{a}, {b}] holds less than a thousandth of N({mean}, {std}²)")
    generator = default_generator()
    values = generator.normal(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = generator.normal(mean, std, np.count_nonzero(outside))
    return _filled("trunc_normal_", tensor, values)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`.

    >>> from nn import init
    >>> init.constant_(zeros(3), 0.5)
    tensor([0.5, 0.5, 0.5])
    """
    return _filled("constant_", tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0.

    >>> from nn import init
    >>> init.zeros_(ones(3))
    tensor([0., 0., 0.])
    """
    return _filled("zeros_", tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1.

    >>> from nn import init
    >>> init.ones_(zeros(3))
    tensor([1., 1., 1.])
    """
    return _filled("ones_", tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity (its first rows or columns, if it is not square): a linear layer that copies.

    ValueError for what is no matrix.

    >>> from nn import init
    >>> init.eye_(zeros((2, 3)))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_: wants a matrix, got shape {tensor.shape}")
    return _filled("eye_", tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight (F, C/groups, *K) so that each group copies as many of its channels as it can.

    ValueError for other numbers of dimensions, and groups that do not divide F.

    >>> from nn import init
    >>> init.dirac_(zeros((1, 2, 3)))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: wants a convolution's weight, of 3, 4 or 5 dimensions, got shape {tensor.shape}")
    outputs, inputs, *kernel = tensor.shape
    if groups < 1 or outputs % groups:
        raise ValueError(f"dirac_: {outputs} output channels cannot be divided into {groups} groups")
    values = np.zeros(tensor.shape)
    centre = tuple(k // 2 for k in kernel)
    for group in range(groups):
        for channel in range(min(outputs // groups, inputs)):
            values[(group * (outputs // groups) + channel, channel, *centre)] = 1
    return _filled("dirac_", tensor, values)


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill with `gain` times a random matrix with orthonormal rows or columns (axes after the first are one).

    ValueError for less than two dimensions. Source: Saxe, McClelland, Ganguli 2013, "Exact solutions to the nonlinear
    dynamics of learning in deep linear networks".

    >>> from nn import init
    >>> w = init.orthogonal_(zeros((2, 5)))
    >>> np.allclose(w @ w.T, np.eye(2), atol=1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: wants at least 2 dimensions, got shape {tensor.shape}")
    if tensor.size == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.size // rows
    q, r = np.linalg.qr(default_generator().normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r))  # makes the distribution uniform
    return _filled("orthogonal_", tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    """Fill a matrix with N(0, std²), but for a share `sparsity` of each column, at random, which is 0.

    ValueError for what is no matrix, and a share that is not in [0, 1]. Source: Martens 2010, "Deep learning via
    Hessian-free optimization".

    >>> from nn import init
    >>> (init.sparse_(zeros((10, 3)), sparsity=0.25) == 0).sum(axis=0)  # a quarter of 10, rounded up
    tensor([3, 3, 3])
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: wants a matrix, got shape {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity lies from 0 to 1, got {sparsity}")
    generator = default_generator()
    values = generator.normal(0, std, tensor.shape)
    zeros = math.ceil(sparsity * tensor.shape[0])
    order = generator.permuted(np.broadcast_to(np.arange(tensor.shape[0])[:, None], tensor.shape), axis=0)
    values[order < zeros] = 0
    return _filled("sparse_", tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill with U(-a, a), a = gain · √(6 / (fan_in + fan_out)).

    Of a weight (F, C, *K), fan_in is C · ΠK and fan_out F · ΠK; ValueError for less than two dimensions. Source:
    Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".

    >>> from nn import init
    >>> w = init.xavier_uniform_(zeros((200, 400)))  # a = √(6 / 600) = 0.1
    >>> bool(w.max() <= 0.1), bool(w.max() > 0.099)
    (True, True)
    """
    fan_in, fan_out = _fans("xavier_uniform_", tensor)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill with N(0, std²), std = gain · √(2 / (fan_in + fan_out)), as in `xavier_uniform_`.

    Source: Glorot, Bengio 2010.

    >>> from nn import init
    >>> w = init.xavier_normal_(zeros((80, 120)))  # std = √(2 / 200) = 0.1
    >>> bool(abs(w.std() - 0.1) < 0.01)
    True
    """
    fan_in, fan_out = _fans("xavier_normal_", tensor)
    return normal_(tensor, 0, gain * math.sqrt(2 / (fan_in + fan_out)))


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Fill with U(-b, b), b = gain · √(3 / fan), for a nonlinearity whose negative slope, if leaky, is `a`.

    The fan is that of `mode`, "fan_in" or "fan_out", as in `xavier_uniform_`, and the gain that of `calculate_gain`.
    ValueError for another mode or nonlinearity. Source: He, Zhang, Ren, Sun 2015, "Delving deep into rectifiers".

    >>> from nn import init
    >>> w = init.kaiming_uniform_(zeros((50, 6, 10, 10)), nonlinearity="relu")  # b = √2 · √(3 / 600) = 0.1
    >>> bool(w.max() <= 0.1), bool(w.max() > 0.099)
    (True, True)
    """
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Fill with N(0, std²), std = gain / √fan, as in `kaiming_uniform_`, and from the same paper.

    >>> from nn import init
    >>> w = init.kaiming_normal_(zeros((100, 8)), mode="fan_out", nonlinearity="relu")  # std = √2 / 10
    >>> bool(abs(w.std() - 0.1414) < 0.02)
    True
    """
    return normal_(tensor, 0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))


def default_(weight: Tensor, bias: Tensor | None) -> None:
    """PyTorch's initialisation of linear layers and convolutions: all of U(-1/√fan_in, 1/√fan_in).

    >>> from nn import init
    >>> weight, bias = zeros((50, 4)), zeros(50)
    >>> init.default_(weight, bias)
    >>> bool(abs(weight).max() <= 0.5 and abs(bias).max() <= 0.5)
    True
    """
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = _fans("default_", weight)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0
        uniform_(bias, -bound, bound)


def _filled(op: str, tensor: Tensor, values: Any) -> Tensor:
    _check_tensor(op, tensor)
    return tensor.write(values)


def _check_tensor(op: str, tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{op}: wants a tensor, got {type(tensor).__name__}; hand over the parameter, not its data")


def _fans(op: str, tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output depends on, and how many outputs an input, for a weight (F, C, *K)."""
    _check_tensor(op, tensor)
    if tensor.ndim < 2:
        raise ValueError(f"{op}: wants at least 2 dimensions, got shape {tensor.shape}")
    taps = math.prod(tensor.shape[2:])
    return tensor.shape[1] * taps, tensor.shape[0] * taps


def _kaiming_std(op: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(op, tensor), strict=True))
    if mode not in fans:
        raise ValueError(f"{op}: mode is 'fan_in' or 'fan_out', got {mode!r}")
    gain: Any = calculate_gain(nonlinearity, a)
    return gain / math.sqrt(fans[mode]) if fans[mode] else 0.0
