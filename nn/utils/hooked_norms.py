"""Weight and spectral normalisation by hooks that compute the weight before each call: PyTorch's first form of them.

Those of `nn.utils.parametrizations` are to be preferred: there the weight is right whenever it is read. Here it changes
only in calls, and is a result with a history, so that, as in PyTorch, a module that has it cannot be deep-copied.
"""

from __future__ import annotations

from typing import Any, ClassVar

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.module import Module
from nn.parameter import Parameter
from nn.utils.parametrizations import (
    as_matrix,
    check_spectral,
    default_dim,
    length,
    random_vectors,
    spectral_value,
    with_length,
)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Compute the parameter `name` as g · v / ‖v‖ before each call, and return the module.

    g and v are the parameters `<name>_g` and `<name>_v`; the rest is as in `parametrizations.weight_norm`.

    >>> import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(3, 2))
    >>> sorted(layer.state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    weight = _parameter("weight_norm", module, name)
    magnitude = length(weight.detach(), dim)
    module.register_parameter(f"{name}_g", Parameter(magnitude, weight.requires_grad))
    module.register_parameter(f"{name}_v", weight)
    delattr(module, name)
    hook = _WeightNorm(name, dim)
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make `name` an ordinary parameter again, with the value g · v / ‖v‖, and return the module.

    Raises ValueError if `weight_norm` was not applied to it.

    >>> import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(3, 2))
    >>> sorted(nn.utils.remove_weight_norm(layer).state_dict())
    ['bias', 'weight']
    """
    return _removed("remove_weight_norm", module, name, _WeightNorm)


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Compute the parameter `name` as w / σ(w) before each call, and return the module.

    w is the parameter `<name>_orig`, u and v are the buffers `<name>_u` and `<name>_v`, which only calls in training
    bring closer to the singular vectors; the rest is as in `parametrizations.spectral_norm`.

    >>> import nn
    >>> layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    >>> sorted(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    weight = _parameter("spectral_norm", module, name)
    axis = default_dim(module) if dim is None else dim
    check_spectral("spectral_norm", weight, n_power_iterations, axis)
    if weight.ndim < 2:
        raise ValueError(f"spectral_norm: wants a weight of at least 2 dimensions, got shape {weight.shape}")
    u, v = random_vectors(as_matrix(weight.detach(), axis), eps)
    module.register_parameter(f"{name}_orig", weight)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    delattr(module, name)
    setattr(module, name, ag.clone(weight.detach()))
    module.register_forward_pre_hook(_SpectralNorm(name, n_power_iterations, axis, eps))
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make `name` an ordinary parameter again, with the value w / σ(w), and return the module.

    Raises ValueError if `spectral_norm` was not applied to it.

    >>> import nn
    >>> layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    >>> y = layer(ones((1, 3)))
    >>> bool((nn.utils.remove_spectral_norm(layer)(ones((1, 3))) == y).all())
    True
    >>> sorted(layer.state_dict())
    ['bias', 'weight']
    """
    return _removed("remove_spectral_norm", module, name, _SpectralNorm)


class _Hook:
    """A forward pre-hook that computes the tensor `name` of its module from others, named `name` + one of `parts`."""

    parts: ClassVar[tuple[str, ...]]

    def __init__(self, name: str) -> None:
        self.name = name

    def weight(self, module: Module, training: bool) -> Tensor:
        raise NotImplementedError

    def tensors(self, module: Module) -> list[Tensor]:
        return [getattr(module, self.name + part) for part in self.parts]

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.weight(module, module.training))


class _WeightNorm(_Hook):
    parts = ("_g", "_v")

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def weight(self, module: Module, training: bool) -> Tensor:
        magnitude, direction = self.tensors(module)
        return with_length(direction, magnitude, self.dim)


class _SpectralNorm(_Hook):
    parts = ("_orig", "_u", "_v")

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__(name)
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def weight(self, module: Module, training: bool) -> Tensor:
        weight, u, v = self.tensors(module)
        matrix = as_matrix(weight, self.dim)
        if training:
            with ag.no_grad():
                for _ in range(self.n_power_iterations):
                    v.write(F.normalize(matrix.T @ u, dim=0, eps=self.eps))
                    u.write(F.normalize(matrix @ v, dim=0, eps=self.eps))
        return weight / spectral_value(matrix, u, v)


def _parameter(op: str, module: Module, name: str) -> Parameter:
    weight = module.__dict__.get(name)
    if not isinstance(weight, Parameter):
        raise ValueError(f"{op}: {type(module).__name__} has no parameter '{name}'")
    return weight


def _removed(op: str, module: Module, name: str, kind: type[_Hook]) -> Module:
    hooks = {key: function for key, (function, _) in module._forward_pre_hooks.items()}
    keys = [key for key, function in hooks.items() if isinstance(function, kind) and function.name == name]
    if not keys:
        raise ValueError(f"{op}: '{name}' of {type(module).__name__} is not normalised")
    del module._forward_pre_hooks[keys[0]]
    hook: Any = hooks[keys[0]]
    trained = hook.tensors(module)[0].requires_grad
    with ag.no_grad():
        value = hook.weight(module, training=False)
    for part in ("", *hook.parts):
        delattr(module, name + part)
    module.register_parameter(name, Parameter(value, trained))
    return module
