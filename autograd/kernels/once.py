"""Attributes that are computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801
    """A method as an attribute that is computed once: `functools.cached_property` without the lock of Python 3.11.

    That one is shared by all objects of a class, so that threads wait for each other, and a process that is forked in
    the meantime waits for ever. Here two threads that ask at the same time both compute; what is found first stays.
    """

    def __init__(self, method: Callable[[Any], T]) -> None:
        self.method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: Any, kind: type | None = None) -> T:
        if instance is None:
            return self  # type: ignore[return-value]
        found: T = instance.__dict__.setdefault(self.method.__name__, self.method(instance))
        return found
