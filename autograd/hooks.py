"""The handle that takes a hook away again, of a tensor or of a module."""

from __future__ import annotations

from typing import Any


class RemovableHandle:
    """Takes a hook away again: by `remove()`, by a call, or at the end of a `with` block."""

    __slots__ = ("hooks", "key")

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self.hooks = hooks
        self.key = key

    def remove(self) -> None:
        """Take the hook away, if it is still there."""
        self.hooks.pop(self.key, None)

    __call__ = remove

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
