"""Dropout.

All of these are the identity unless training, and raise ValueError unless 0 <= p <= 1.
"""

from __future__ import annotations

import math

import autograd as ag
from autograd import Tensor
from nn.functional.activation import SELU_ALPHA, SELU_SCALE

# What SELU tends to for x → -∞, where alpha dropout puts the elements that it drops.
_SATURATION = -SELU_SCALE * SELU_ALPHA


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, sets each element to 0 with probability `p` and divides the others by 1 - p.

    `inplace` is accepted for PyTorch's sake and changes nothing: tensors are not written into.

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> from nn import functional as F
    >>> F.dropout(ones(3), 0.3, training=False)
    tensor([1., 1., 1.])
    >>> F.dropout(ones(3), 1.0)
    tensor([0., 0., 0.])
    """
    return _dropped("dropout", input, p, training, input.shape)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels, of (N, C, L) or (C, L). Raises ValueError for any other number of dimensions.

    >>> from nn import functional as F
    >>> F.dropout1d(ones((2, 3, 4))).shape
    (2, 3, 4)
    """
    return _dropped("dropout1d", input, p, training, _channels("dropout1d", input, 1))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels, of (N, C, H, W); three dimensions are taken, as by PyTorch, to be (N, C, L).

    Raises ValueError for any other number of dimensions.

    Source: Tompson, Goroshin, Jain, LeCun, Bregler 2014, "Efficient object localization using convolutional networks".

    >>> from nn import functional as F
    >>> F.dropout2d(ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """
    shape = _channels("dropout2d", input, 2)
    return _dropped("dropout2d", input, p, training, (*input.shape[:2], 1) if input.ndim == 3 else shape)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels, of (N, C, D, H, W) or (C, D, H, W). ValueError for other numbers of dimensions.

    >>> from nn import functional as F
    >>> F.dropout3d(ones((2, 3, 4, 4, 4))).shape
    (2, 3, 4, 4, 4)
    """
    return _dropped("dropout3d", input, p, training, _channels("dropout3d", input, 3))


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """In training, sets each element to SELU's negative limit with probability `p`, then scales and shifts them all.

    Mean 0 and variance 1 are kept. `inplace` changes nothing, as in `dropout`.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter 2017, "Self-normalizing neural networks".

    >>> from nn import functional as F
    >>> F.alpha_dropout(ones(3), 0.2)
    tensor([1., 1., 1.])
    """
    return _alpha_dropped("alpha_dropout", input, p, training, input.shape)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels, of (N, C, *S). Raises ValueError for fewer than two dimensions.

    >>> from nn import functional as F
    >>> F.feature_alpha_dropout(ones((2, 3, 4)), 0.2, training=True).shape
    (2, 3, 4)
    """
    if input.ndim < 2:
        raise ValueError(f"feature_alpha_dropout: wants an input (N, C, *S), got shape {input.shape}")
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha_dropped("feature_alpha_dropout", input, p, training, shape)


def _dropped(op: str, input: Tensor, p: float, training: bool, shape: tuple[int, ...]) -> Tensor:
    """Dropout with one decision for each element of `shape`, which broadcasts against the input."""
    _check_probability(op, p)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    return input * (ag.bernoulli(1 - p, shape, dtype=input.dtype) / (1 - p))


def _alpha_dropped(op: str, input: Tensor, p: float, training: bool, shape: tuple[int, ...]) -> Tensor:
    _check_probability(op, p)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SATURATION**2))
    kept = ag.bernoulli(1 - p, shape, dtype=input.dtype)
    return input * (scale * kept) + scale * _SATURATION * (1 - kept - p)


def _channels(op: str, input: Tensor, n: int) -> tuple[int, ...]:
    """The shape of one decision for each channel of (N, C, *S) or (C, *S), with n spatial axes."""
    if input.ndim not in (n + 1, n + 2):
        raise ValueError(
            f"{op}: wants an input of {n + 2} dimensions, or {n + 1} without a batch, got shape {input.shape}"
        )
    return (*input.shape[:-n], *(1,) * n)


def _check_probability(op: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{op}: p is a probability, got {p}")
