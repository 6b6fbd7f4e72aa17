"""Padding, with PyTorch's order of arguments."""

from __future__ import annotations

from collections.abc import Sequence

import autograd as ag
from autograd import Tensor

_CONTINUATIONS = ("reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Borders around the last axes; `pad` is (before, after) of the last axis, then those of the one before it, ….

    (*, S) to (*, before + S + after). Mode "constant" puts in `value` (None: 0), on any number of axes. "reflect"
    mirrors without the outermost element, "replicate" repeats it, and "circular" goes on from the opposite border: on
    all spatial axes of (N, C, *S) or (C, *S), up to three of them. Negative widths crop.

    Raises ValueError for widths that do not fit: mirrored borders as wide as the axis, circular ones that are wider, or
    a negative length.

    >>> from nn import functional as F
    >>> F.pad(tensor([[1.0, 2.0], [3.0, 4.0]]), (1, -1))
    tensor([[0., 1.],
            [0., 3.]])
    >>> F.pad(tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    widths = _widths(input.shape, pad)
    for length, (before, after) in zip(input.shape, widths, strict=True):
        if length + before + after < 0:
            raise ValueError(
                f"pad: {(before, after)} crops more than there is of length {length}; input shape {input.shape}"
            )
    if mode == "constant":
        y = ag.pad(input, widths, constant_values=0 if value is None else value)
        return y if any(width > 0 for pair in widths for width in pair) else ag.astype(y, y.dtype)  # a copy
    if mode not in _CONTINUATIONS:
        raise ValueError(f"pad: mode is one of constant, {', '.join(_CONTINUATIONS)}; got {mode!r}")
    if value:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value}")
    n = len(pad) // 2
    if not 1 <= n <= 3 or input.ndim not in (n + 1, n + 2):
        raise ValueError(
            f"pad: mode {mode!r} wants two widths for each spatial axis of an input (N, C, *S) or (C, *S), "
            f"of 1 to 3 axes; got {tuple(pad)} for shape {input.shape}"
        )
    check_reach("pad", mode, input.shape, widths)
    borders = [(max(before, 0), max(after, 0)) for before, after in widths]
    crops = [(min(before, 0), min(after, 0)) for before, after in widths]
    if mode == "circular":  # wraps what is left after cropping; the others continue the whole input
        return ag.pad(ag.pad(input, crops), borders, mode=mode)
    return ag.pad(ag.pad(input, borders, mode=mode), crops)


def _widths(shape: Sequence[int], pad: Sequence[int]) -> list[tuple[int, int]]:
    """One (before, after) for each axis, in the order of the axes."""
    if not isinstance(pad, (tuple, list)) or not all(hasattr(width, "__index__") for width in pad):
        raise ValueError(f"pad: pad has to be a sequence of ints, got {pad!r}")
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ValueError(f"pad: wants two widths for each of at most {len(shape)} axes, got {tuple(pad)}")
    numbers = [width.__index__() for width in pad]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return [(0, 0)] * (len(shape) - len(pairs)) + pairs[::-1]


def check_reach(op: str, mode: str, shape: Sequence[int], widths: list[tuple[int, int]]) -> None:
    """ValueError where an axis has not enough elements to continue from."""
    for length, (before, after) in zip(shape, widths, strict=True):
        left = length + min(before, 0) + min(after, 0)
        reach = {"reflect": length - 1, "circular": left}.get(mode)
        if reach is not None and max(before, after, 0) > max(reach, 0):
            raise ValueError(
                f"{op}: mode {mode!r} can continue length {length} by at most {max(reach, 0)}, "
                f"got {(before, after)} for shape {tuple(shape)}"
            )
