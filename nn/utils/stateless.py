"""A module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd import Tensor
from nn.module import Module


def functional_call(
    module: Module, parameters_and_buffers: Mapping[str, Tensor], args: Any = None, kwargs: dict[str, Any] | None = None
) -> Any:
    """module(*args, **kwargs) with other tensors in place of the parameters and buffers of these names.

    `parameters_and_buffers` has them by the names of `named_parameters()` and `named_buffers()`; what is not named
    stays. The tensors may be results of operations, and gradients flow back through them: what a module computes
    becomes a function that `ag.grad` and `ag.hessian` can differentiate. A tensor that the module has under several
    names is replaced under all of them. `args` is a tuple of arguments, or the only one. Afterwards the module has its
    own tensors again, after an error too; what a layer writes into a buffer, as batch normalisation does, is written
    into the tensor that stands for it.

    Raises RuntimeError for names that the module does not have, TypeError for what is no tensor, and ValueError if two
    names of one tensor get different ones.

    >>> import nn, autograd as ag
    >>> model = nn.Linear(2, 1, bias=False)
    >>> x = tensor([[1.0, 2.0]])
    >>> ag.hessian(lambda w: (nn.utils.functional_call(model, {"weight": w}, x) ** 2).sum())(zeros((1, 2)))[0, :, 0]
    tensor([[2., 4.],
            [4., 8.]])
    """
    own = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    unknown = [name for name in parameters_and_buffers if name not in own]
    if unknown:
        raise RuntimeError(
            f"functional_call: {type(module).__name__} has no parameters or buffers {', '.join(map(repr, unknown))}"
        )
    given: dict[int, Tensor] = {}  # by the tensor in whose place it stands
    for name, tensor in parameters_and_buffers.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"functional_call: '{name}' has to be a tensor, got {type(tensor).__name__}")
        if given.setdefault(id(own[name]), tensor) is not tensor:
            raise ValueError(f"functional_call: '{name}' is another name of a tensor that has got another value")
    places = []
    for name, tensor in own.items():
        if id(tensor) in given:
            path, _, attribute = name.rpartition(".")
            places.append((vars(module.get_submodule(path)), attribute, tensor))
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for attributes, name, tensor in places:
            attributes[name] = given[id(tensor)]
        return module(*args, **(kwargs or {}))
    finally:
        for attributes, name, tensor in places:
            attributes[name] = tensor
