"""What Module's hooks are made of: how one is added, and a gate that gradients pass on their way back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import autograd as ag
from autograd import Tensor
from autograd.hooks import RemovableHandle

Gradients = tuple[Tensor | None, ...]

_number = itertools.count()


def add_hook(hooks: dict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    """Add a hook behind the others or, with `prepend`, ahead of them."""
    key = next(_number)
    others = dict(hooks) if prepend else {}
    if prepend:
        hooks.clear()
    hooks[key] = hook
    hooks.update(others)
    return RemovableHandle(hooks, key)


def gate(values: Sequence[Any], passed: Callable[[Gradients], Sequence[Tensor | None] | None]) -> list[Any]:
    """`values`, so that a backward pass through them calls `passed` once, with the gradients of all of them.

    What `passed` returns, if not None, replaces the gradients. A value that is not a tensor that requires grad, or that
    no gradient reaches, has None. Each tensor gets two views: all the later ones are reached before any of the earlier
    ones.
    """
    gradients: dict[int, Tensor] = {}
    replaced: dict[int, Tensor | None] = {}

    def collect(i: int) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            gradients[i] = gradient

        return hook

    def release(i: int) -> Callable[[Tensor], Tensor | None]:
        def hook(_: Tensor) -> Tensor | None:
            if gradients:
                given = tuple(gradients.get(k) for k in range(len(values)))
                gradients.clear()
                replaced.clear()
                replaced.update(enumerate(passed(given) or ()))
            return replaced.pop(i, None)

        return hook

    through = list(values)
    for watch in (release, collect):
        for i, value in enumerate(values):
            if isinstance(value, Tensor) and value.requires_grad:
                through[i] = ag.reshape(through[i], value.shape)
                through[i].register_hook(watch(i))
    return through
