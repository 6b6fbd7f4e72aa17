"""Results that are still to be made, and that nobody but the next step will look at.

That step may then be done in the memory of the result; and where it begins by multiplying each channel by a number, as
what normalises by given statistics does, the number goes into the weight of the convolution that makes the result.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.deferred import Deferred, reads

Ints = tuple[int, ...]
Make = Callable[[Array], Array]

# Results of a thread that wait, at most: they keep alive what they are made of, which may be far larger.
MOST = 4
# Elements of a result for each of the weight, at least, where that is multiplied in its stead.
FEWER = 2


class _Own(threading.local):
    """The results of each thread that may be waiting."""

    def __init__(self) -> None:
        self.waiting: deque[ref[Fresh]] = deque()


_own = _Own()


class Fresh(Deferred):
    """The array (N, *C, *P) that `make(weight)` makes, in memory (*C, *P, N), from images and a weight (*C, …), whose
    `channels` C are one axis, or two: groups and features."""

    def __init__(self, make: Make, weight: Array, channels: int, images: Array, shape: Ints, errors: Any) -> None:
        super().__init__(shape, weight.dtype)
        self.made_of: tuple[Make, Array, int, Array] | None = make, weight, channels, images
        self.errors = errors
        reads(self)
        _own.waiting.append(ref(self))
        if len(_own.waiting) > MOST:
            _made_with_steps(_own.waiting.popleft()())

    @property
    def sources(self) -> tuple[Array, ...]:
        if self.made_of is None:
            return ()
        _, weight, _, images = self.made_of
        return weight, images

    def compute(self) -> Array:
        y = self.made()
        if y is not None:
            self.__dict__.setdefault("array", y)
            self.made_of = None
        found: Array = self.__dict__["array"]
        return found

    def scales_by(self, factors: Any) -> bool:
        """Whether these are numbers for each channel, along the first axis after that of the images, and the weight is
        so much smaller than the result that it had better be multiplied with them."""
        if self.made_of is None or not isinstance(factors, np.ndarray):
            return False
        _, weight, channels, _ = self.made_of
        if FEWER * weight.size > self.size:
            return False
        count, *positions = self.shape[1:]
        alone = math.prod(weight.shape[:channels]) == count == factors.size
        return alone and factors.shape[-len(self.shape) + 1 :] == (count, *(1,) * len(positions))

    def made(self, factors: Array | None = None) -> Array | None:
        """The array in memory that is not kept, with each channel times its factor, if these are given; None if it has
        been computed."""
        if self.made_of is None:
            return None
        make, weight, channels, _ = self.made_of
        with np.errstate(**self.errors):  # NumPy's warnings are as they were set for the operation
            if factors is not None:
                weight = weight * factors.reshape(*weight.shape[:channels], *(1,) * (weight.ndim - channels))
            y = make(weight).reshape(*self.shape[1:], self.shape[0])
        return y.transpose(-1, *range(y.ndim - 1))

    def in_shape(self, shape: Ints) -> Fresh | None:
        """The same with groups and features as one axis, if that is what the shape is."""
        groups, features, *positions = self.shape[1:]
        if self.made_of is None or shape != (self.shape[0], groups * features, *positions):
            return None
        return Fresh(*self.made_of, shape, self.errors)


def _made_with_steps(waiting: Deferred | None) -> None:
    """Have a result made that waits, unless it is gone, with the steps that wait for it."""
    while waiting is not None:
        last, after = waiting, waiting.follower
        waiting = None if after is None else after()
        if waiting is None:
            last.settle()
