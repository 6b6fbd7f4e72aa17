"""Sliding windows, their adjoint, and reductions over them: what convolution and pooling are composed of.

`sliding_windows` is a view. Its last axes are those of the window, and the reductions here take just such trailing
axes: they are ordinary reductions over axes, computed in another way (one step over the whole array for each offset in
the window), and with `window_max` choosing the first of equal maxima as max pooling does, where `max` shares the
cotangent among them.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels import windows as kernels
from autograd.kernels.padding import Padded
from autograd.ops.axes import Axis, normalize_axes, shape_of
from autograd.ops.reductions import mean, sum
from autograd.ops.shaping import broadcast_to, reshape
from autograd.primitive import Operand, linear, nondifferentiable, primitive
from autograd.tensor import Tensor

__all__ = [
    "overlap_add",
    "sliding_windows",
    "window_argmax",
    "window_max",
    "window_mean",
    "window_positions",
    "window_sum",
]

Ints = tuple[int, ...]


def window_positions(length: int, window: int, stride: int = 1, dilation: int = 1, op: str = "window_positions") -> int:
    """How many windows fit along an axis: ⌊(length - dilation · (window - 1) - 1) / stride⌋ + 1.

    With dilation, a window takes every dilation-th element, and so reaches over dilation · (window - 1) + 1.
    Raises ValueError, in the name of `op`, if the window is longer than the axis or a number is not positive.

    >>> window_positions(28, 5)
    24
    >>> window_positions(7, 3, stride=2, dilation=2)
    2
    """
    if min(window, stride, dilation) < 1:
        raise ValueError(
            f"{op}: window, stride and dilation have to be positive, got {window}, {stride} and {dilation}"
        )
    reach = dilation * (window - 1) + 1
    if reach > length:
        raise ValueError(
            f"{op}: a window of length {window} with dilation {dilation} reaches over {reach}, "
            f"but the axis has length {length}"
        )
    return (length - reach) // stride + 1


@functools.lru_cache(maxsize=1024)
def _positions(op: str, lengths: Ints, window: Ints, stride: Ints, dilation: Ints) -> Ints:
    """`window_positions` along each axis."""
    return tuple(window_positions(*axis, op) for axis in zip(lengths, window, stride, dilation))


def sliding_windows(
    x: Operand,
    window: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    axes: Axis = None,
) -> Tensor:
    """All windows of `x` along `axes` (default: as many of the last axes as `window` has lengths), as a read-only view.

    With window (KH, KW), (N, C, H, W) gives (N, C, OH, OW, KH, KW): numbers of positions in place of the axes, each by
    `window_positions`, then the window's axes in the order of `axes`. An int for window, stride or dilation stands for
    all axes.
    Raises ValueError for a window that is longer than its axis, AxisError for an axis that `x` does not have.

    Derivative: x̄ += overlap_add(ȳ, the lengths of x along `axes`).

    >>> sliding_windows(tensor([1.0, 2.0, 3.0, 4.0]), 2, stride=2)
    tensor([[1., 2.],
            [3., 4.]])
    """
    op, shape = "sliding_windows", shape_of(x)
    if axes is None:
        count = len(window) if isinstance(window, Sequence) else 1
        if count > len(shape):
            raise ValueError(f"{op}: a window of {count} axes does not fit in shape {shape}")
        along = tuple(range(len(shape) - count, len(shape)))
    else:
        along = normalize_axes(op, axes, len(shape))
    k = _per_axis(op, "window", window, len(along))
    s, d = _per_axis(op, "stride", stride, len(along)), _per_axis(op, "dilation", dilation, len(along))
    _positions(op, tuple([shape[axis] for axis in along]), k, s, d)
    return _sliding_windows(x, k, s, d, along)


@linear(
    lambda g, x_shape, stride, dilation, axes: _overlap_add(
        g, tuple(x_shape[axis] for axis in axes), stride, dilation, axes
    ),
    takes_deferred=True,
    later=lambda x, window, stride, dilation, axes: _padded_windows(x, window, stride, dilation, axes),
)
def _sliding_windows(x: Array, window: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
    x = np.asarray(x)
    positions = _positions("sliding_windows", tuple([x.shape[axis] for axis in axes]), window, stride, dilation)
    return kernels.window_view(x, window, positions, stride, dilation, axes)


def _padded_windows(x: Any, window: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
    """Windows over all but the first two axes of an array that is padded along these; None for other windows."""
    if not isinstance(x, Padded) or axes != tuple(range(2, x.ndim)) or any(map(any, x.widths[:2])):
        return None
    positions = _positions("sliding_windows", x.shape[2:], window, stride, dilation)
    return kernels.PaddedWindows(x, window, positions, stride, dilation, (x.shape[1],))


def overlap_add(
    windows: Operand,
    lengths: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    axes: Axis = None,
) -> Tensor:
    """Windows laid back where `sliding_windows` found them, and added where they overlap: its adjoint.

    (N, C, OH, OW, KH, KW) with lengths (H, W) gives (N, C, H, W). `lengths` are those of the result along `axes`
    (default: its last axes). Raises ValueError if the numbers of positions are not those that `window_positions` gives
    for `lengths`.

    Derivative: the windows' cotangent += sliding_windows(ȳ, window, stride, dilation, axes).

    >>> overlap_add(tensor([[1.0, 2.0], [3.0, 4.0]]), 3)
    tensor([1., 5., 4.])
    """
    op, shape = "overlap_add", shape_of(windows)
    count = next((len(given) for given in (lengths, axes) if isinstance(given, Sequence)), 1)
    rest = len(shape) - count
    if rest < count:
        raise ValueError(f"{op}: shape {shape} has not {count} axes of positions and as many of windows")
    along = tuple(range(rest - count, rest)) if axes is None else normalize_axes(op, axes, rest)
    n = _per_axis(op, "lengths", lengths, len(along))
    s, d = _per_axis(op, "stride", stride, len(along)), _per_axis(op, "dilation", dilation, len(along))
    for axis, length, k, step, apart in zip(along, n, shape[rest:], s, d):
        wanted = window_positions(length, k, step, apart, op)
        if shape[axis] != wanted:
            raise ValueError(
                f"{op}: axis {axis} of shape {shape} has {shape[axis]} positions, but {wanted} windows of length {k} "
                f"fit in length {length} with stride {step} and dilation {apart}"
            )
    return _overlap_add(windows, n, s, d, along)


@linear(
    lambda g, windows_shape, stride, dilation, axes: _sliding_windows(
        g, windows_shape[len(windows_shape) - len(axes) :], stride, dilation, axes
    )
)
def _overlap_add(windows: Array, lengths: Ints, stride: Ints, dilation: Ints, axes: Ints) -> Any:
    if isinstance(windows, kernels.DeferredWindows):
        return windows.overlap_added(lengths, stride, dilation, axes)
    return kernels.add_windows(np.asarray(windows), lengths, stride, dilation, axes)


def window_max(windows: Operand, count: int = 2) -> Tensor:
    """The maximum over the last `count` axes: (N, C, OH, OW, KH, KW) gives (N, C, OH, OW). NaN where a window holds a
    NaN.

    Of equal maxima the first (in the order of the flattened window) takes the whole cotangent, as in max pooling.

    Derivative: the windows' cotangent += ȳ at the first maximum, 0 elsewhere.

    >>> window_max(sliding_windows(tensor([[1.0, 5.0, 2.0], [3.0, 4.0, 0.0]]), (2, 2)))
    tensor([[5., 5.]])
    """
    return _window_max(windows, _window_count("window_max", windows, count))


@primitive(
    vjps=[lambda g, windows, y, count: _spread_to_maxima(g, windows, y, count)],
    jvps=[lambda g, windows, count: _window_pick(g, _window_argmax(windows, count), count)],
)
def _window_max(windows: Array, count: int) -> Any:
    return kernels.reduce_windows(np.maximum, np.asarray(windows), count)


def _spread_to_maxima(g: Any, windows: Any, y: Any, count: int) -> Any:
    """The cotangent of windows from that of their maxima."""
    if type(g) is np.ndarray and type(windows) is np.ndarray:
        return kernels.MaxCotangent(g, windows, y)
    return _window_put(g, _window_argmax(windows, count), windows.shape[-count:])


def window_argmax(windows: Operand, count: int = 2) -> Tensor:
    """The place of the first maximum in each window, the last `count` axes, counted in the flattened window.

    A NaN counts as the largest. Has no derivative.

    >>> window_argmax(sliding_windows(tensor([[1.0, 5.0, 2.0], [3.0, 4.0, 0.0]]), (2, 2)))
    tensor([[1, 0]])
    """
    return _window_argmax(windows, _window_count("window_argmax", windows, count)).astype(np.intp)


@nondifferentiable()
def _window_argmax(windows: Array, count: int) -> Any:
    return kernels.first_maximum(np.asarray(windows), count)


@primitive(
    vjps=[lambda g, index, windows_shape, count: _window_put(g, index, windows_shape[-count:]), None],
    jvps=[lambda g, index, count: _window_pick(g, index, count), None],
)
def _window_pick(windows: Array, index: Array, count: int) -> Any:
    """From each window the element at its `index`.

    Derivative: the windows' cotangent += ȳ at the index, 0 elsewhere.
    """
    return kernels.pick(np.asarray(windows), index, count)


@primitive(
    vjps=[lambda g, index, window: _window_pick(g, index, len(window)), None],
    jvps=[lambda g, index, window: _window_put(g, index, window), None],
)
def _window_put(y: Array, index: Array, window: Ints) -> Any:
    """Windows of zeros with each element of `y` at its `index`.

    Derivative: the cotangent of y += in each window, that of the element at the index.
    """
    return kernels.put(np.asarray(y), index, window)


def window_sum(windows: Operand, count: int = 2) -> Tensor:
    """The sum over the last `count` axes: (N, C, OH, OW, KH, KW) gives (N, C, OH, OW).

    Derivative: the windows' cotangent += ȳ, broadcast over each window.

    >>> window_sum(sliding_windows(tensor([1.0, 2.0, 3.0]), 2), count=1)
    tensor([3., 5.])
    """
    count = _window_count("window_sum", windows, count)
    if not _summed_as_it_is(windows):
        return sum(windows, tuple(range(-count, 0)))
    return _window_sum(windows, count)


@linear(lambda g, windows_shape, count: _spread(g, windows_shape, count))
def _window_sum(windows: Array, count: int) -> Any:
    return kernels.reduce_windows(np.add, np.asarray(windows), count)


def _spread(g: Any, shape: Ints, count: int) -> Any:
    """The cotangent of windows from that of their sums."""
    if type(g) is np.ndarray:
        return kernels.SumCotangent(g, shape)
    return broadcast_to(reshape(g, (*g.shape, *(1,) * count)), shape)


def window_mean(windows: Operand, count: int = 2) -> Tensor:
    """The mean over the last `count` axes: (N, C, OH, OW, KH, KW) gives (N, C, OH, OW).

    Derivative: the windows' cotangent += ȳ / (the size of a window), broadcast over each window.

    >>> window_mean(sliding_windows(tensor([1.0, 2.0, 3.0]), 2), count=1)
    tensor([1.5, 2.5])
    """
    count = _window_count("window_mean", windows, count)
    if not _summed_as_it_is(windows):
        return mean(windows, tuple(range(-count, 0)))
    return _window_sum(windows, count) / math.prod(shape_of(windows)[-count:])


def _summed_as_it_is(x: Operand) -> bool:
    """Whether sums are made in the dtype of `x`; those of small integers, truth values and float16 would overflow."""
    dtype = x.dtype if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x).dtype
    return dtype.kind in "fc" and dtype != np.float16


def _window_count(op: str, windows: Operand, count: int) -> int:
    shape = shape_of(windows)
    if not 1 <= count <= len(shape):
        raise ValueError(f"{op}: wants a count of window axes from 1 to {len(shape)}, got {count}")
    if 0 in shape[-count:]:
        raise ValueError(f"{op}: a window has to have at least one element, got shape {shape}")
    return operator.index(count)


def _per_axis(op: str, name: str, value: int | Sequence[int], count: int) -> Ints:
    """One int for each of `count` axes; a single int stands for all."""
    try:
        if type(value) is not tuple and not isinstance(value, Sequence):
            return (operator.index(value),) * count
        numbers = tuple(map(operator.index, value))
    except TypeError:
        raise TypeError(f"{op}: {name} has to be an int or a sequence of ints, got {value!r}") from None
    if len(numbers) != count:
        raise ValueError(f"{op}: wants {count} numbers for {name}, one for each axis, got {numbers}")
    return numbers
