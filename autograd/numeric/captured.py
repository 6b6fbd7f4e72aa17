"""Functions that use a tensor itself in place of the argument that stands for it: differences do not see that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograd.grad_mode import enable_grad
from autograd.graph import ancestors
from autograd.tensor import Tensor


def check_not_captured(op: str, given: Mapping[str, Tensor], call: Callable[[], Iterable[Any]]) -> None:
    """Raises ValueError if what `call` returns depends on a tensor of `given`, named as the arguments are which `call`
    hands over copies for, and which the results were found not to depend on."""
    untracked = [t for t in given.values() if t.node is None]
    for t in untracked:
        t.requires_grad_()
    try:
        with enable_grad():
            reached = set(ancestors(y.node for y in call() if isinstance(y, Tensor) and y.node is not None))
        captured = [name for name, t in given.items() if t.node in reached]
    finally:
        for t in untracked:
            t.requires_grad_(False)
    if captured:
        raise ValueError(
            f"{op}: the function ignores its argument ({captured[0]}) and uses the tensor that was given for it, which "
            f"differences do not move: write it as a function of its arguments (nn.utils.functional_call makes arguments "
            f"of parameters), or hand over a module as it is, as in gradcheck(model, x)"
        )
