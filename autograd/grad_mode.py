"""Whether operations are recorded: one flag per thread (and per asyncio task), switched by context managers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
recording: ContextVar[bool] = ContextVar("recording", default=True)


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are being recorded.

    >>> is_grad_enabled()
    True
    """
    return recording.get()


class _Switch(ContextDecorator):
    """Sets the flag for a `with` block, or for every call of a function that it decorates."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.tokens: list[Token[bool]] = []

    def __enter__(self) -> None:
        self.tokens.append(recording.set(self.enabled))

    def __exit__(self, *_: object) -> None:
        recording.reset(self.tokens.pop())

    def _recreate_cm(self) -> _Switch:
        return _Switch(self.enabled)


class no_grad(_Switch):
    """Record nothing: results inside the block do not require grad.

    Works as a context manager and as a decorator.

    >>> w = tensor(2.0, requires_grad=True)
    >>> with no_grad():
    ...     (w * w).requires_grad
    False
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_Switch):
    """Record again, inside a `no_grad` block.

    >>> w = tensor(2.0, requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     (w * w).requires_grad
    True
    """

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_Switch):
    """Switch recording on or off, from a condition: at once when called, and back again if used in `with`.

    >>> w = tensor(2.0, requires_grad=True)
    >>> training = False
    >>> with set_grad_enabled(training):
    ...     (w * w).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.tokens.append(recording.set(self.enabled))

    def __enter__(self) -> None:
        if not self.tokens:
            super().__enter__()

    def __call__(self, function: F) -> F:
        recording.reset(self.tokens.pop())
        return super().__call__(function)
