"""Arguments that hold one number for each spatial axis, and the checks that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PerAxis = int | Sequence[int]


def per_axis(op: str, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """`value`, an int for all axes or one int for each, as `n` ints that are at least `least`; else ValueError."""
    given = value if isinstance(value, (tuple, list)) else (value,)
    if len(given) == 1:
        given = (*given,) * n
    if len(given) != n or not all(hasattr(v, "__index__") for v in given):
        raise ValueError(f"{op}: {name} has to be an int or {n} ints, got {value!r}")
    numbers = tuple(v.__index__() for v in given)
    if min(numbers) < least:
        raise ValueError(f"{op}: {name} has to be at least {least}, got {value!r}")
    return numbers


def extents(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """How many places a window covers along each axis, from its first tap to its last."""
    return tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))


def check_fits(
    op: str, shape: Sequence[int], pads: Sequence[tuple[int, int]], window: Sequence[int], dilation: Sequence[int]
) -> None:
    """ValueError if a window is larger than the padded input of shape (N, C, *spatial)."""
    padded = tuple(length + before + after for length, (before, after) in zip(shape[2:], pads, strict=True))
    covered = extents(window, dilation)
    if any(c > p for c, p in zip(covered, padded, strict=True)):
        raise ValueError(
            f"{op}: a window {tuple(window)} with dilation {tuple(dilation)} covers {covered}, more than "
            f"the padded input {padded}; input shape {tuple(shape)}"
        )
