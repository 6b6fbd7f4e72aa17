"""Arguments for each spatial axis, and the sizes and checks that convolution and pooling share."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from autograd import Tensor

PerAxis = int | Sequence[int]
Padding = PerAxis | Sequence[tuple[int, int]] | str
Function = TypeVar("Function", bound=Callable[..., Any])


_INT = frozenset({int})


def once_for_ints(function: Function) -> Function:
    """`function`, called once for the same arguments if they are strings, ints and tuples of ints; for others, such as
    1.0 and True, which would pass for 1, each time."""
    known = functools.lru_cache(maxsize=1024)(function)

    @functools.wraps(function)
    def called(*arguments: Any) -> Any:
        for argument in arguments:
            kind = type(argument)
            if kind is not int and kind is not str and not (kind is tuple and _INT.issuperset(map(type, argument))):
                return function(*arguments)
        return known(*arguments)

    return cast(Function, called)


def per_axis(op: str, name: str, value: Any, n: int, least: float = 1) -> tuple[int, ...]:
    """`value`, an int for all axes or one int for each, as `n` ints that are at least `least`; else ValueError."""
    given = value if isinstance(value, (tuple, list)) else (value,)
    if len(given) == 1:
        given = (*given,) * n
    try:
        numbers = tuple(map(operator.index, given))
    except TypeError:
        numbers = ()
    if len(numbers) != n:
        wanted = "an int" if n == 1 else f"an int or {n} ints"
        raise ValueError(f"{op}: {name} has to be {wanted}, got {value!r}")
    if min(numbers) < least:
        raise ValueError(f"{op}: {name} has to be at least {least}, got {value!r}")
    return numbers


def check_spatial(op: str, shape: Sequence[int], n: int) -> None:
    """ValueError unless `shape` is (N, C, *S) or (C, *S) with `n` spatial axes."""
    if len(shape) not in (n + 1, n + 2):
        raise ValueError(
            f"{op}: wants an input of {n + 2} dimensions, or {n + 1} without a batch, got shape {tuple(shape)}"
        )


def extents(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """How many places a window covers along each axis, from its first tap to its last."""
    return tuple(d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True))


def padding_pairs(
    op: str, padding: Padding, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """`padding` as one pair (before, after) for each axis; ValueError if it is none of the forms that follow.

    An int for all sides; for each axis an int or a pair; "valid": nothing; "same": at stride 1, as many windows as
    elements (where the sides cannot be equal, one more after); "full": every window that touches the input.
    """
    covered = extents(window, dilation)
    if isinstance(padding, str):
        if padding == "valid":
            return [(0, 0)] * len(covered)
        if padding == "full":
            return [(extent - 1, extent - 1) for extent in covered]
        if padding != "same":
            raise ValueError(f"{op}: padding has to be 'same', 'valid', 'full' or numbers, got {padding!r}")
        if max(stride) > 1:
            raise ValueError(f"{op}: padding 'same' wants stride 1, got {tuple(stride)}")
        return [((extent - 1) // 2, extent // 2) for extent in covered]
    if isinstance(padding, (tuple, list)) and any(isinstance(sides, (tuple, list)) for sides in padding):
        if len(padding) != len(covered):
            raise ValueError(f"{op}: padding wants {len(covered)} pairs, one for each axis, got {padding!r}")
        pairs = [per_axis(op, "the padding of an axis", sides, 2, least=0) for sides in padding]
        return [(before, after) for before, after in pairs]
    if len(covered) == 1 and isinstance(padding, (tuple, list)) and len(padding) == 2:
        raise ValueError(f"{op}: padding has to be an int, or one pair, as in [{tuple(padding)}]; got {padding!r}")
    return [(p, p) for p in per_axis(op, "padding", padding, len(covered), least=0)]


def transposed_sizes(
    shape: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """The least spatial lengths from which a convolution makes those of `shape`, (N, C, *spatial)."""
    return tuple(
        (length - 1) * step + extent - before - after
        for length, step, extent, (before, after) in zip(
            shape[2:], stride, extents(window, dilation), pads, strict=True
        )
    )


def check_fits(
    op: str, shape: Sequence[int], pads: Sequence[tuple[int, int]], window: Sequence[int], dilation: Sequence[int]
) -> None:
    """ValueError if a window is larger than the padded input of shape (N, C, *spatial) or (C, *spatial)."""
    spatial = shape[-len(pads) :]
    padded = tuple(length + before + after for length, (before, after) in zip(spatial, pads, strict=True))
    covered = extents(window, dilation)
    if any(c > p for c, p in zip(covered, padded, strict=True)):
        raise ValueError(
            f"{op}: a window {tuple(window)} with dilation {tuple(dilation)} covers {covered}, more than "
            f"the padded input {padded}; input shape {tuple(shape)}"
        )


def check_operands(op: str, input: Tensor, weight: Tensor, bias: Tensor | None, features: int) -> None:
    """ValueError unless an input with a batch axis and a bias of `features` fit a weight that is not empty."""
    if input.ndim != weight.ndim:
        raise ValueError(
            f"{op}: wants an input of {weight.ndim} dimensions, or {weight.ndim - 1} without a batch; "
            f"got shape {input.shape}"
        )
    if min(weight.shape) < 1:
        raise ValueError(f"{op}: wants a weight without empty axes, got shape {weight.shape}")
    if bias is not None and bias.shape != (features,):
        raise ValueError(f"{op}: wants a bias of shape {(features,)}, got {bias.shape}")


def check_broadcast(op: str, *shapes: tuple[int, ...]) -> None:
    """ValueError unless the shapes broadcast together."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{op}: shapes {', '.join(map(str, shapes))} do not broadcast together") from None
