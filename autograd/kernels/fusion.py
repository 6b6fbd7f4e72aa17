"""Elementwise steps that follow each other, done in one pass over memory.

What scales, adds or clips a large array takes its time from memory, not from arithmetic. So such a step may wait for
the next one: `then` describes its result, and all of them are done, one after the other on pieces that stay in cache,
when somebody looks. The numbers are those that the steps done apart give, to the last bit; but for a convolution whose
channels are multiplied by numbers, which its weight then is instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred, errors_for_later, evaluated, may_be_read, reads
from autograd.kernels.fresh import Fresh
from autograd.kernels.loops import compute, multiply_add

Operand = Any  # an array that broadcasts, a number or None

# Elements from which a step is worth waiting for.
LARGE = 1 << 17
# Steps that wait, at most: they keep alive what they read.
MOST = 4


class Part(NamedTuple):
    """What a step does: `kernel(x, *others)`, where `x` is an array, one still to be made, or another step."""

    kernel: Callable[..., Any]
    x: Any
    others: tuple[Operand, ...]


class Step(Deferred):
    """`kernel(x, *others)`, elementwise and of the shape and dtype of `x`, to be computed in one pass with what `x` is
    to be computed by."""

    def __init__(
        self, kernel: Callable[..., Any], x: Array | Fresh | Step, others: tuple[Operand, ...], errors: Any
    ) -> None:
        super().__init__(x.shape, x.dtype)
        self.part: Part | None = Part(kernel, x, others)
        self.length: int = x.length + 1 if isinstance(x, Step) else 1
        self.errors = errors
        if isinstance(x, Deferred):
            x.followed += 1
            x.follower = ref(self)
        reads(self)

    @property
    def sources(self) -> tuple[Array, ...]:
        part = self.part
        if part is None:
            return ()
        ahead = part.x.sources if isinstance(part.x, Deferred) and not part.x.computed else (evaluated(part.x),)
        return (*ahead, *[other for other in part.others if isinstance(other, np.ndarray)])

    def compute(self) -> Array:
        part = self.part
        if part is not None:
            with np.errstate(**self.errors):  # NumPy's warnings are as they were set for the step
                y = self.__dict__.setdefault("array", _done(part))
            may_be_read(y)  # by steps that waited for this one
            self.part = None
        found: Array = self.__dict__["array"]
        return found


def _done(last: Part) -> Array:
    """What a step gives, and those that it waits for."""
    parts = [last]
    while isinstance(parts[0].x, Step) and (before := parts[0].x.part) is not None:
        parts.insert(0, before)
    wanted = [k for k, part in enumerate(parts) if part.x.wanted] if isinstance(parts[0].x, Fresh) else []
    if wanted:  # it is to be made once
        parts = parts[wanted[-1] :]
    first = parts[0]
    own = None
    if isinstance(first.x, Fresh) and not wanted:
        factors = first.others[0] if first.kernel is multiply_add and first.x.scales_by(first.others[0]) else None
        own = first.x.made(factors)
        if own is not None and factors is not None:
            parts[0] = Part(np.add, first.x, first.others[1:])

    def chain(x: Array, *others: Operand, out: Array | None = None) -> Array:
        rest = iter(others)
        for part in parts:
            x = out = part.kernel(x, *[next(rest) for _ in part.others], out=out)
        return x

    x = evaluated(first.x) if own is None else own
    y: Array = compute(chain, x, *[other for part in parts for other in part.others], out=own)
    return y


def then(kernel: Callable[..., Any], x: Any, *others: Any, first: bool = False) -> Step | None:
    """`kernel(x, *others)` to be done with what follows it; None if it had better be done at once.

    That is so unless `x` is a step that waits, or an array still to be made, or a large one if this may be the `first`;
    and unless `others` are numbers, or arrays of its dtype that broadcast to its shape. Nobody may write into arrays
    unseen.
    """
    if isinstance(x, (Fresh, Step)) and (x.computed or (isinstance(x, Step) and x.length == MOST)):
        x = x.array
    if not (isinstance(x, (Fresh, Step)) or (first and isinstance(x, np.ndarray) and x.size >= LARGE)):
        return None
    if x.dtype.char not in "fd" or not all(_fits(other, x) for other in others):
        return None
    errors = errors_for_later()
    return None if errors is None else Step(kernel, x, tuple([evaluated(other) for other in others]), errors)


def _fits(other: Any, x: Array | Fresh | Step) -> bool:
    if other is None or type(other) in (int, float):
        return True
    if not isinstance(other, (np.ndarray, Fresh, Step)) or other.dtype != x.dtype:
        return False
    return other.shape == x.shape or _broadcasts(other.shape, x.shape)


@functools.lru_cache(maxsize=4096)
def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1]))
