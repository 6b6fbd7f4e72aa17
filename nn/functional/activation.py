"""Nonlinearities.

Where one has a kink, its derivative is PyTorch's, and the docstring says which.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), with derivative 0 at 0.

    `inplace` is accepted for PyTorch's sake and changes nothing: tensors are not written into.

    >>> from nn import functional as F
    >>> F.relu(tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    return ag.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6), with derivative 0 at 0 and at 6.

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.relu6(tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0, 6)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, negative_slope · x elsewhere; the derivative at 0 is `negative_slope`.

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.leaky_relu(tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1,  2. ])
    """
    return ag.where(input > 0, input, negative_slope * input)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, weight · x elsewhere; the derivative at 0 is `weight`.

    `weight` holds one slope, or one for each channel of (N, C, *S). Raises ValueError for any other number of slopes.

    Source: He, Zhang, Ren, Sun 2015, "Delving deep into rectifiers".

    >>> from nn import functional as F
    >>> F.prelu(tensor([-1.0, 0.0, 2.0]), tensor([0.25]))
    tensor([-0.25,  0.  ,  2.  ])
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ValueError(
            f"prelu: input {input.shape} wants a weight of 1 or {channels} slopes, got shape {weight.shape}"
        )
    column = (weight.size, *(1,) * (input.ndim - 2)) if weight.size > 1 else ()
    positive = input > 0
    return ag.where(positive, input, ag.reshape(weight, column) * ag.where(positive, 0, input))


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """x where x > 0, a · x elsewhere: a is drawn from U(lower, upper) for each element in training, else their mean.

    The derivative at 0 is a. `inplace` changes nothing, as in `relu`. Raises ValueError unless lower <= upper.

    Source: Xu, Wang, Chen, Li 2015, "Empirical evaluation of rectified activations in convolutional network".

    >>> from nn import functional as F
    >>> F.rrelu(tensor([-1.0, 0.0, 2.0]), 0.1, 0.3)
    tensor([-0.2,  0. ,  2. ])
    """
    if not lower <= upper:
        raise ValueError(f"rrelu: wants lower <= upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    return ag.where(input > 0, input, ag.uniform(lower, upper, input.shape, dtype=input.dtype) * input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha · (eˣ - 1) elsewhere; the derivative at 0 is `alpha`.

    `inplace` changes nothing, as in `relu`.

    Source: Clevert, Unterthiner, Hochreiter 2015, "Fast and accurate deep network learning by exponential linear units
    (ELUs)".

    >>> from nn import functional as F
    >>> F.elu(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.6321,  0.    ,  2.    ])
    """
    return _exponential_unit(input, alpha, 1)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale · elu(x, alpha), with alpha ≈ 1.6733 and scale ≈ 1.0507; the derivative at 0 is scale · alpha.

    `inplace` changes nothing, as in `relu`.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter 2017, "Self-normalizing neural networks".

    >>> from nn import functional as F
    >>> F.selu(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-1.1113,  0.    ,  2.1014])
    """
    return SELU_SCALE * _exponential_unit(input, SELU_ALPHA, 1)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha · (e^(x / alpha) - 1) elsewhere; differentiable at 0. Raises ValueError for an alpha of 0.

    `inplace` changes nothing, as in `relu`.

    Source: Barron 2017, "Continuously differentiable exponential linear units".

    >>> from nn import functional as F
    >>> F.celu(tensor([-1.0, 0.0, 2.0]), 2.0).round(4)
    tensor([-0.7869,  0.    ,  2.    ])
    """
    if alpha == 0:
        raise ValueError("celu: alpha has to be other than zero")
    return _exponential_unit(input, alpha, 1 / alpha)


def _exponential_unit(input: Tensor, alpha: float, rate: float) -> Tensor:
    """x where x > 0, alpha · (e^(rate · x) - 1) elsewhere; the exponential is not taken of what is not used."""
    positive = input > 0
    return ag.where(positive, input, alpha * ag.expm1(rate * ag.where(positive, 0, input)))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the normal distribution function; "tanh" takes (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2 for it.

    Raises ValueError for any other `approximate`.

    Source: Hendrycks, Gimpel 2016, "Gaussian error linear units".

    >>> from nn import functional as F
    >>> F.gelu(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.1587,  0.    ,  1.9545])
    """
    if input.dtype == np.float16:  # in which 1 + erf loses digits, and x² overflows from 256 on
        return ag.astype(gelu(ag.astype(input, np.float32), approximate), np.float16)
    if approximate == "none":
        return input * ag.ndtr(input)
    if approximate == "tanh":
        return input * (0.5 * (1 + ag.tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * input**3))))
    raise ValueError(f"gelu: approximate is 'none' or 'tanh', got {approximate!r}")


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x), also called swish.

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.silu(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.2689,  0.    ,  1.7616])
    """
    return input * ag.sigmoid(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · tanh(softplus(x)). Source: Misra 2019, "Mish: a self regularized non-monotonic activation function".

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.mish(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.3034,  0.    ,  1.944 ])
    """
    return input * ag.tanh(ag.softplus(input))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta · x)) / beta; x itself where beta · x > threshold.

    >>> from nn import functional as F
    >>> F.softplus(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([0.3133, 0.6931, 2.1269])
    """
    scaled = beta * input
    return ag.where(scaled > threshold, input, ag.softplus(scaled) / beta)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|).

    >>> from nn import functional as F
    >>> F.softsign(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.5   ,  0.    ,  0.6667])
    """
    return input / (1 + ag.abs(input))


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent.

    >>> from nn import functional as F
    >>> F.tanh(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.7616,  0.    ,  0.964 ])
    """
    return ag.tanh(input)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x).

    >>> from nn import functional as F
    >>> F.tanhshrink(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.2384,  0.    ,  1.036 ])
    """
    return input - ag.tanh(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)).

    >>> from nn import functional as F
    >>> F.sigmoid(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([0.2689, 0.5   , 0.8808])
    """
    return ag.sigmoid(input)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow.

    >>> from nn import functional as F
    >>> F.logsigmoid(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-1.3133, -0.6931, -0.1269])
    """
    return -ag.softplus(-1.0 * input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, `value` elsewhere; the derivative at the threshold is 0.

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.threshold(tensor([-1.0, 0.0, 2.0]), 0.5, 20)
    tensor([20., 20.,  2.])
    """
    return ag.where(input <= threshold, value, input)


def heaviside(input: Tensor, values: Tensor | float = 1.0) -> Tensor:
    """The perceptron's step: 0 where x < 0, `values` where x = 0, 1 where x > 0. Its derivative is 0, also at 0.

    Source: Rosenblatt 1958, "The perceptron".

    >>> from nn import functional as F
    >>> F.heaviside(tensor([-2.0, 0.0, 3.0]), 0.5)
    tensor([0. , 0.5, 1. ])
    """
    return ag.where(input == 0, values, (ag.sign(input) + 1) / 2)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x kept between `min_val` and `max_val`, with derivative 0 on both. Raises ValueError if min_val > max_val.

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.hardtanh(tensor([-1.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: wants min_val <= max_val, got {min_val} and {max_val}")
    return ag.clip(input, min_val, max_val, inclusive=False)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6: a sigmoid of three straight pieces, with derivative 0 at -3 and at 3.

    `inplace` changes nothing, as in `relu`.

    >>> from nn import functional as F
    >>> F.hardsigmoid(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([0.3333, 0.5   , 0.8333])
    """
    return relu6(input + 3) / 6


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · relu6(x + 3) / 6, with derivative 0 at -3 and 1 at 3.

    `inplace` changes nothing, as in `relu`.

    Source: Howard et al. 2019, "Searching for MobileNetV3".

    >>> from nn import functional as F
    >>> F.hardswish(tensor([-1.0, 0.0, 2.0])).round(4)
    tensor([-0.3333,  0.    ,  1.6667])
    """
    return input * hardsigmoid(input)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, 0 elsewhere; the derivative at ±lambd is 0.

    >>> from nn import functional as F
    >>> F.hardshrink(tensor([-1.0, 0.0, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    return ag.where((input >= -lambd) & (input <= lambd), 0, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by `lambd`, and 0 if that is as near; the derivative at ±lambd is 0.

    Raises ValueError for a `lambd` below 0.

    >>> from nn import functional as F
    >>> F.softshrink(tensor([-1.0, 0.0, 2.0]))
    tensor([-0.5,  0. ,  1.5])
    """
    if lambd < 0:
        raise ValueError(f"softshrink: lambd has to be at least 0, got {lambd}")
    return input - ag.clip(input, -lambd, lambd)


def softmax(input: Tensor, dim: int | None = None, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """exp(x) / Σ exp(x) along `dim`. None: PyTorch's guess, 0 for 0, 1 or 3 dimensions and 1 for others.

    With a `dtype`, the input is cast to it first.

    >>> from nn import functional as F
    >>> F.softmax(tensor([0.0, 0.0]), 0)
    tensor([0.5, 0.5])
    """
    return ag.softmax(_cast(input, dtype), axis=_class_axis(input, dim))


def softmin(input: Tensor, dim: int | None = None, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """softmax(-x) along `dim`; arguments as in `softmax`.

    >>> from nn import functional as F
    >>> F.softmin(tensor([1.0, 1.0]), 0)
    tensor([0.5, 0.5])
    """
    return softmax(-input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow; arguments as in `softmax`.

    >>> from nn import functional as F
    >>> F.log_softmax(tensor([0.0, 0.0]), 0).round(4)
    tensor([-0.6931, -0.6931])
    """
    return ag.log_softmax(_cast(input, dtype), axis=_class_axis(input, dim))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a · sigmoid(b), where a and b are the two halves of the input along `dim`. ValueError for an odd length.

    Source: Dauphin, Fan, Auli, Grangier 2016, "Language modeling with gated convolutional networks".

    >>> from nn import functional as F
    >>> F.glu(tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5, 1. ])
    """
    if not -input.ndim <= dim < input.ndim or input.shape[dim] % 2:
        raise ValueError(f"glu: wants an even length along dim {dim}, got shape {input.shape}")
    a, b = ag.split(input, 2, axis=dim)
    return a * ag.sigmoid(b)


def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax((logits + g) / tau) along `dim`, each g drawn from Gumbel(0, 1): at a low `tau`, nearly a random class.

    With `hard`, the result is the one-hot vector of the largest, which is a class drawn with the probabilities
    softmax(logits), and the derivative is that of the soft result. `eps` is accepted for PyTorch's sake and changes
    nothing. Raises ValueError for a `tau` that is not positive.

    Source: Jang, Gu, Poole 2016, "Categorical reparameterization with Gumbel-softmax".

    >>> from nn import functional as F
    >>> F.gumbel_softmax(zeros((2, 3)), hard=True).sum(1)
    tensor([1., 1.])
    """
    if not tau > 0:
        raise ValueError(f"gumbel_softmax: tau has to be positive, got {tau}")
    exponential = -ag.log1p(-ag.uniform(size=logits.shape, dtype=logits.dtype))
    soft = ag.softmax((logits - ag.log(ag.maximum(exponential, np.finfo(logits.dtype).tiny))) / tau, axis=dim)
    if not hard:
        return soft
    fixed = soft.detach()
    chosen = ag.argmax(fixed, axis=dim, keepdims=True)
    return ag.put_along_axis(ag.zeros_like(fixed), chosen, 1, axis=dim) + (soft - fixed)


def _class_axis(input: Tensor, dim: int | None) -> int | tuple[int, ...]:
    if input.ndim == 0 and dim in (None, 0, -1):
        return ()
    if dim is not None:
        return dim
    return 0 if input.ndim in (0, 1, 3) else 1


def _cast(input: Tensor, dtype: npt.DTypeLike | None) -> Tensor:
    return input if dtype is None else ag.astype(input, dtype, copy=False)
