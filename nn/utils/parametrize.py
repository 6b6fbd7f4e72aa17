"""Parametrization: a parameter of a module computed from others each time it is read.

`register_parametrization(module, "weight", f)` makes `module.weight` a property with the value f(original), where
`original`, which the parametrization's `right_inverse` gives, is what is trained. The originals and f are parts of
`module.parametrizations.weight`, and so in its `state_dict`, under PyTorch's keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd as ag
from autograd import Tensor
from nn.containers import ModuleDict, ModuleList
from nn.module import Module
from nn.parameter import Parameter

__all__ = ["ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations"]


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied one after the other, and the tensors that they are computed from.

    These are `original`, or `original0`, `original1`, … if the first parametrization takes several. Made by
    `register_parametrization`.

    >>> import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> [original.shape for original in layer.parametrizations.weight.originals()]
    [(2, 1), (2, 3)]
    """

    def __init__(self, modules: Sequence[Module], original: Tensor) -> None:
        super().__init__(modules)
        start = self._inverse(original)
        self.is_tensor = isinstance(start, Tensor)
        if self.is_tensor:
            if start is not original:
                original.write(start)
            self._hold("original", original, original)
        else:
            self.ntensors = len(start)
            for i, part in enumerate(start):
                self._hold(f"original{i}", part, original)

    def _hold(self, name: str, tensor: Tensor, like: Tensor) -> None:
        if not isinstance(like, Parameter):
            self.register_buffer(name, tensor)
        elif isinstance(tensor, Parameter):
            self.register_parameter(name, tensor)
        else:
            self.register_parameter(name, Parameter(tensor, like.requires_grad))

    def originals(self) -> tuple[Tensor, ...]:
        """The tensors that the value is computed from."""
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return tuple(getattr(self, name) for name in names)

    def forward(self) -> Tensor:
        first, *others = self
        value: Tensor = first(*self.originals())
        for parametrization in others:
            value = parametrization(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Write originals from which `value` is computed. TypeError if a parametrization has no `right_inverse`."""
        lacking = [type(p).__name__ for p in self if not hasattr(p, "right_inverse")]
        if lacking:
            raise TypeError(f"parametrize: cannot assign, since {lacking[0]} does not define right_inverse")
        start = self._inverse(value)
        for original, part in zip(self.originals(), [start] if self.is_tensor else start, strict=True):
            original.write(part)

    def _inverse(self, value: Tensor) -> Any:
        """What the first parametrization is to be given; those without a `right_inverse` are taken for the identity."""
        start: Any = ag.as_tensor(value)
        with ag.no_grad():
            for parametrization in reversed(list(self)):
                if hasattr(parametrization, "right_inverse"):
                    start = parametrization.right_inverse(start)
        return start


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Have `module`'s parameter or buffer `tensor_name` computed by `parametrization`, and return the module.

    If the parametrization defines `right_inverse`, the original is what it returns for the present value: one tensor,
    or several, which the parametrization then takes as its arguments; and `tensor_name` can be assigned. On a tensor
    that is parametrized already, the new one is applied to the value of the others. Raises ValueError if there is no
    such tensor, and if its shape or dtype would change, unless `unsafe`.

    >>> import nn
    >>> from nn.utils import parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return (x + x.T) / 2
    >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        parametrizations = module.__dict__["parametrizations"][tensor_name]
        before = getattr(module, tensor_name)
        _check_unchanged(tensor_name, before, parametrization(before), unsafe)
        parametrizations.append(parametrization)
        return module
    tensor = module.__dict__.get(tensor_name)
    if not isinstance(tensor, Parameter) and tensor_name not in dict(module.named_buffers(recurse=False)):
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer '{tensor_name}'"
        )
    assert isinstance(tensor, Tensor)
    before = tensor.numpy().copy()
    try:
        parametrizations = ParametrizationList([parametrization], tensor)
        _check_unchanged(tensor_name, tensor, parametrizations(), unsafe)
        if not is_parametrized(module):
            module.register_module("parametrizations", ModuleDict())
        module.__dict__["parametrizations"][tensor_name] = parametrizations
    except Exception:
        tensor.write(before)
        raise
    delattr(module, tensor_name)
    _set_properties(module)
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether `module` has a parametrization, of `tensor_name` if given.

    >>> import nn
    >>> from nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(nn.Linear(3, 2))
    >>> parametrize.is_parametrized(layer, "weight"), parametrize.is_parametrized(layer, "bias")
    (True, False)
    """
    parametrizations = module.__dict__.get("parametrizations")
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make `tensor_name` an ordinary parameter or buffer again, and return the module.

    It keeps its present value, or with `leave_parametrized=False` gets the original back. Raises ValueError if it is
    not parametrized, and if there are several originals to choose from.

    >>> import nn
    >>> from nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(nn.Linear(3, 2))
    >>> list(parametrize.remove_parametrizations(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {type(module).__name__} has no parametrization of '{tensor_name}'")
    parametrizations = module.__dict__["parametrizations"][tensor_name]
    tensor, *others = parametrizations.originals()
    if not leave_parametrized and others:
        raise ValueError(
            f"remove_parametrizations: '{tensor_name}' is computed from {1 + len(others)} tensors; "
            f"leave_parametrized=False wants one"
        )
    if leave_parametrized:
        with ag.no_grad():
            value = getattr(module, tensor_name)
        if others or value.shape != tensor.shape:
            tensor = Parameter(value, tensor.requires_grad) if isinstance(tensor, Parameter) else value
        else:
            tensor.write(value)
    del module.__dict__["parametrizations"][tensor_name]
    _set_properties(module)
    if isinstance(tensor, Parameter):
        module.register_parameter(tensor_name, tensor)
    else:
        module.register_buffer(tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
    return module


def _check_unchanged(name: str, before: Tensor, after: Any, unsafe: bool) -> None:
    if not isinstance(after, Tensor):
        raise ValueError(f"register_parametrization: '{name}' has to become a tensor, got {type(after).__name__}")
    if not unsafe and (after.shape != before.shape or after.dtype != before.dtype):
        raise ValueError(
            f"register_parametrization: '{name}' of shape {before.shape} and dtype {before.dtype} would become one of "
            f"shape {after.shape} and dtype {after.dtype}; unsafe=True allows that"
        )


def _set_properties(module: Module) -> None:
    """Give the module a class of its own that computes what is parametrized; its plain class if nothing is."""
    plain = getattr(type(module), "_plain", type(module))
    names = tuple(module.__dict__["parametrizations"])
    module.__class__ = _parametrized(plain, names) if names else plain


def _parametrized(plain: type[Module], names: tuple[str, ...]) -> type[Module]:
    def reduce(module: Module, protocol: Any) -> Any:
        return _blank, (plain, names), module.__dict__

    members: dict[str, Any] = {name: _computed(name) for name in names}
    members.update(_plain=plain, __reduce_ex__=reduce, __module__=plain.__module__, __doc__=plain.__doc__)
    return type(f"Parametrized{plain.__name__}", (plain,), members)


def _blank(plain: type[Module], names: tuple[str, ...]) -> Module:
    kind = _parametrized(plain, names)
    return kind.__new__(kind)


def _computed(name: str) -> property:
    def value(module: Module) -> Any:
        return module.__dict__["parametrizations"][name]()

    def assign(module: Module, tensor: Tensor) -> None:
        module.__dict__["parametrizations"][name].right_inverse(tensor)

    return property(value, assign)
