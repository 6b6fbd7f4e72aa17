"""Weight normalisation and spectral normalisation, as parametrizations."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.module import Module
from nn.utils.parametrize import register_parametrization

__all__ = ["spectral_norm", "weight_norm"]


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Compute the parameter `name` as g · v / ‖v‖, and return the module: g its length, v its direction.

    The length is taken of each slice along `dim`, by default of each output's weights; None: of the whole. g and v are
    `parametrizations.<name>.original0` and `original1`.

    Source: Salimans, Kingma 2016, "Weight normalization: a simple reparameterization to accelerate training of deep
    neural networks".

    >>> import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> {name: tensor.shape for name, tensor in layer.state_dict().items()}
    {'bias': (2,),
     'parametrizations.weight.original0': (2, 1),
     'parametrizations.weight.original1': (2, 3)}
    """
    return register_parametrization(module, name, _WeightNorm(dim))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Compute the parameter `name` as w / σ(w), σ its largest singular value as a matrix; and return the module.

    The rows of the matrix are the slices along `dim`, by default the outputs' weights (1 for transposed convolutions,
    else 0). σ is uᵀ w v, where the buffers u and v come closer to the singular vectors by `n_power_iterations` of the
    power method, each time the parameter is read in training. A vector is divided by its length; lengths count as `eps`
    at least. Raises ValueError for an axis that the parameter does not have and fewer than one iteration.

    Source: Miyato, Kataoka, Koyama, Yoshida 2018, "Spectral normalization for generative adversarial networks".

    >>> import nn
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2))
    >>> list(layer.state_dict())[1:]
    ['parametrizations.weight.original', 'parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter '{name}'")
    axis = default_dim(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, axis, eps))


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return with_length(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return length(weight, self.dim), weight


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        check_spectral("spectral_norm", weight, n_power_iterations, dim)
        self.dim = dim % weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            for buffer, vector in zip(("_u", "_v"), random_vectors(matrix, eps), strict=True):
                self.register_buffer(buffer, vector)
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with ag.no_grad():
            for _ in range(times):
                self._u.write(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.write(F.normalize(matrix.T @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        return weight / spectral_value(matrix, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def length(weight: Tensor, dim: int | None) -> Tensor:
    """The 2-norm over all axes but `dim`, which are kept; of everything for None (and, as in PyTorch, for -1)."""
    if dim is None or dim == -1:
        return ag.norm(weight)
    if not -weight.ndim <= dim < weight.ndim:
        raise ValueError(f"weight_norm: a weight of shape {weight.shape} has no axis {dim}")
    others = tuple(axis for axis in range(weight.ndim) if axis != dim % weight.ndim)
    return ag.norm(weight, axis=others, keepdims=True)


def with_length(direction: Tensor, magnitude: Tensor, dim: int | None) -> Tensor:
    """g · v / ‖v‖."""
    return direction * (magnitude / length(direction, dim))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The slices of the weight along `dim` as the rows of a matrix."""
    return ag.flatten(ag.moveaxis(weight, dim, 0), 1)


def random_vectors(matrix: Tensor, eps: float) -> list[Tensor]:
    """Two unit vectors, of as many elements as the matrix has rows and columns."""
    return [F.normalize(ag.randn(n, dtype=matrix.dtype), dim=0, eps=eps) for n in matrix.shape]


def spectral_value(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """uᵀ w v, of copies of u and v, which are written into while the derivative may still be wanted."""
    return ag.dot(ag.clone(u), matrix @ ag.clone(v))


def default_dim(module: Module) -> int:
    """Which axis of the module's weight is the outputs'."""
    return 1 if getattr(module, "transposed", False) else 0


def check_spectral(op: str, weight: Tensor, n_power_iterations: int, dim: int) -> None:
    if not -weight.ndim <= dim < weight.ndim:
        raise ValueError(f"{op}: a weight of shape {weight.shape} has no axis {dim}")
    if n_power_iterations < 1:
        raise ValueError(f"{op}: n_power_iterations has to be at least 1, got {n_power_iterations}")
