"""Functions that use a tensor itself in place of the argument that stands for it: differences do not see that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograd.grad_mode import enable_grad
from autograd.graph import Node, ancestors
from autograd.tensor import Tensor

# The arguments by name, and what a function makes of them.
Call = tuple[Mapping[str, Tensor], Iterable[Any]]


def check_not_captured(op: str, given: Mapping[str, Tensor], call: Callable[[], Call]) -> None:
    """Raises ValueError if what comes of a call depends on a tensor of `given`, but not on the argument of its name,
    which stands for it and requires grad."""
    untracked = [t for t in given.values() if t.node is None]
    for t in untracked:
        t.requires_grad_()
    try:
        with enable_grad():
            arguments, outputs = call()
        reached = leading_to(outputs)
        captured = [name for name, t in given.items() if t.node in reached and arguments[name].node not in reached]
    finally:
        for t in untracked:
            t.requires_grad_(False)
    if captured:
        raise ValueError(
            f"{op}: the function ignores its argument ({captured[0]}) and uses the tensor that was given for it, which "
            f"differences do not move: write it as a function of its arguments (nn.utils.functional_call makes "
            f"arguments of parameters), or hand over a module as it is, as in gradcheck(model, x)"
        )


def check_argument(op: str, f: Callable[[Tensor], Any], x: Any) -> None:
    """`check_not_captured` of a function of one argument that was found to have no slope at `x`."""
    if isinstance(x, Tensor) and x.dtype.kind == "f":
        check_not_captured(op, {"x": x}, lambda: _called(f, x.detach().requires_grad_()))


def leading_to(outputs: Iterable[Any]) -> set[Node]:
    """The nodes that those of `outputs` which are tensors depend on."""
    return set(ancestors(y.node for y in outputs if isinstance(y, Tensor) and y.node is not None))


def _called(f: Callable[[Tensor], Any], x: Tensor) -> Call:
    return {"x": x}, [f(x)]
