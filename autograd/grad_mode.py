"""Whether operations are recorded: one flag per thread (and per asyncio task), switched by context managers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])
recording: ContextVar[bool] = ContextVar("recording", default=True)


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are being recorded.

    >>> is_grad_enabled()
    True
    """
    return recording.get()


class _Switch:
    """Sets the flag to `enabled` for a `with` block, or for every call of a function that it decorates."""

    enabled: bool

    def __init__(self) -> None:
        self.earlier: list[bool] = []

    def __enter__(self) -> None:
        self.earlier.append(recording.get())
        recording.set(self.enabled)

    def __exit__(self, *_: object) -> None:
        recording.set(self.earlier.pop())

    def __call__(self, function: F) -> F:
        """The function with the flag so set in every call."""
        if not callable(function):
            raise TypeError(f"{type(self).__name__}: decorates functions, got {function!r}")
        enabled = self.enabled

        def call(*args: Any, **kwargs: Any) -> Any:
            with _switched(enabled):
                return function(*args, **kwargs)

        def step(*args: Any, **kwargs: Any) -> Any:
            return _stepped(function(*args, **kwargs), enabled)

        async def wait(*args: Any, **kwargs: Any) -> Any:
            with _switched(enabled):
                return await function(*args, **kwargs)

        switched: Callable[..., Any] = call
        if inspect.isgeneratorfunction(function):
            switched = step
        elif inspect.iscoroutinefunction(function):
            switched = wait
        return functools.wraps(function)(switched)  # type: ignore[return-value]


@contextmanager
def _switched(enabled: bool) -> Iterator[None]:
    earlier = recording.get()
    recording.set(enabled)
    try:
        yield
    finally:
        recording.set(earlier)


def _stepped(generator: Generator[Any, Any, Any], enabled: bool) -> Generator[Any, Any, Any]:
    """The same generator, with the flag set while its own code runs and as the caller has it while it waits."""
    resume: Callable[[], Any] = functools.partial(next, generator)
    try:
        while True:
            with _switched(enabled):
                item = resume()
            try:
                resume = functools.partial(generator.send, (yield item))
            except GeneratorExit:
                raise
            except BaseException as error:
                resume = functools.partial(generator.throw, error)
    except StopIteration as end:
        return end.value
    finally:
        with _switched(enabled):
            generator.close()


class _Fixed(_Switch):
    """One that is always to the same; as a decorator, with or without parentheses."""

    @overload
    def __new__(cls) -> Self: ...

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]  # a class's call need not make an instance

    def __new__(cls, function: Any = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


class no_grad(_Fixed):  # noqa: N801
    """Record nothing: results inside the block do not require grad.

    Works as a context manager and as a decorator, of generators and coroutines too (not of asynchronous generators).

    >>> w = tensor(2.0, requires_grad=True)
    >>> with no_grad():
    ...     (w * w).requires_grad
    False
    """

    enabled = False


class enable_grad(_Fixed):  # noqa: N801
    """Record again, inside a `no_grad` block. A context manager and a decorator, as `no_grad` is.

    >>> w = tensor(2.0, requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     (w * w).requires_grad
    True
    """

    enabled = True


class set_grad_enabled(_Switch):  # noqa: N801
    """Switch recording on or off, as `mode` says: at once when called, and back again if used in `with`.

    >>> w = tensor(2.0, requires_grad=True)
    >>> training = False
    >>> with set_grad_enabled(training):
    ...     (w * w).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.enabled = bool(mode)
        super().__enter__()
        self.entered = False

    def __enter__(self) -> None:
        if self.entered:
            super().__enter__()
        self.entered = True

    def __call__(self, function: F) -> F:
        self.__exit__()
        return super().__call__(function)
