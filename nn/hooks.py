"""What Module's hooks are made of: a handle that removes one, and a gate that gradients pass on their way back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import autograd as ag
from autograd import Tensor

Gradients = tuple[Tensor | None, ...]

_number = itertools.count()


class RemovableHandle:
    """Takes a hook away again: by `remove()`, or at the end of a `with` block."""

    def __init__(self, hooks: dict[int, Any], hook: Any, prepend: bool = False) -> None:
        self.hooks = hooks
        self.key = next(_number)
        others = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[self.key] = hook
        hooks.update(others)

    def remove(self) -> None:
        self.hooks.pop(self.key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


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
