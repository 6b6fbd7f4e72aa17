"""Shaping: reshape, permute, broadcast, pad and the like. All are linear; each states its adjoint."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array
from autograd.graph import unbroadcast
from autograd.kernels.deferred import Deferred
from autograd.kernels.fusion import Step
from autograd.kernels.layout import repeated, reshaped
from autograd.kernels.padding import Padded, bordered
from autograd.kernels.windows import PaddedWindows
from autograd.ops.axes import Axis, normalize_axes, normalize_axis, shape_of
from autograd.primitive import Operand, linear, primitive
from autograd.tensor import Tensor

__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "diag",
    "diagonal",
    "expand_dims",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "moveaxis",
    "pad",
    "permute_dims",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "squeeze",
    "swapaxes",
    "tile",
    "transpose",
    "tril",
    "triu",
]

Widths = tuple[tuple[int, int], ...]

_LARGE = 1 << 15  # elements from which zeros around an array are left for later

# Up to so many strided steps are quicker than NumPy's own way.
_FEW = 8


def unpacked(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Integers given one by one or as one sequence, as a tuple."""
    if len(arguments) == 1 and not hasattr(arguments[0], "__index__"):
        return tuple(arguments[0])
    return arguments


def integer(op: str, name: str, value: SupportsIndex) -> int:
    """`value` as an int; TypeError if it is none."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{op}: {name} has to be an integer, got {value!r}") from None


def reshape(x: Operand, *shape: Any) -> Tensor:
    """The same elements in another shape; one length may be -1. Takes a tuple or separate ints. A view where it can be.

    Raises ValueError if the shapes have different numbers of elements.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> reshape(tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    return _reshape(x, unpacked(shape))


@linear(
    lambda g, x_shape: _reshape(g, x_shape),
    takes_deferred=True,
    later=lambda x, shape: x.reshaped(shape) if isinstance(x, PaddedWindows) else None,
)
def _reshape(x: Array, shape: tuple[int, ...]) -> Any:
    try:
        return reshaped(x, shape) if isinstance(x, np.ndarray) else np.reshape(x, shape)
    except ValueError:
        wanted = tuple(operator.index(n) for n in shape)
        raise ValueError(f"reshape: cannot turn shape {np.shape(x)} into {wanted}") from None


def ravel(x: Operand) -> Tensor:
    """All elements in one axis, in C order; a view where it can be.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> ravel(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 2., 3., 4.])
    """
    return _reshape(x, (-1,) if 0 in shape_of(x) else (math.prod(shape_of(x)),))


def flatten(x: Operand, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim`, both included, made one; a view where it can be.

    Raises AxisError for an axis that `x` does not have, ValueError if `start_dim` comes after `end_dim`.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> flatten(tensor(np.zeros((2, 3, 4))), start_dim=1).shape
    (2, 12)
    """
    shape = shape_of(x) or (1,)
    start = normalize_axis("flatten", start_dim, len(shape))
    end = normalize_axis("flatten", end_dim, len(shape))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {shape}")
    return _reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def expand_dims(x: Operand, axis: int | Sequence[int]) -> Tensor:
    """`x` with axes of length 1 put in, so that the result has them at `axis` (an int or a tuple of ints). A view.

    Raises AxisError for an axis that the result does not have, ValueError for one that comes twice.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> expand_dims(tensor([1.0, 2.0]), 0)
    tensor([[1., 2.]])
    """
    shape = shape_of(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    new = normalize_axes("expand_dims", axis, len(shape) + count)
    lengths = iter(shape)
    return _reshape(x, tuple(1 if i in new else next(lengths) for i in range(len(shape) + count)))


def squeeze(x: Operand, axis: Axis = None) -> Tensor:
    """`x` without the axes of length 1, or without just those of them in `axis` (an int or a tuple of ints). A view.

    Raises ValueError if one of `axis` has another length, AxisError for one that `x` does not have.

    Derivative: x̄ += reshape(ȳ, x.shape).

    >>> squeeze(tensor([[1.0, 2.0]]))
    tensor([1., 2.])
    """
    shape = shape_of(x)
    if axis is None:
        return _reshape(x, tuple(n for n in shape if n != 1))
    axes = normalize_axes("squeeze", axis, len(shape))
    for i in axes:
        if shape[i] != 1:
            raise ValueError(f"squeeze: axis {i} of shape {shape} has length {shape[i]}; only length 1 can be left out")
    return _reshape(x, tuple(n for i, n in enumerate(shape) if i not in axes))


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Tensor:
    """`x` with its axes in another order, `axes`; reversed if that is None. A view.

    Raises ValueError unless `axes` names each axis of `x` once.

    Derivative: x̄ += transpose(ȳ, inverse of axes).

    >>> transpose(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 3.],
            [2., 4.]])
    """
    ndim = len(shape_of(x))
    if axes is None:
        return _transpose(x, tuple(range(ndim - 1, -1, -1)))
    order = normalize_axes("transpose", tuple(axes), ndim)
    if len(order) != ndim:
        hint = f"; swapaxes exchanges two of {ndim}" if len(order) == 2 else ""
        raise ValueError(f"transpose: wants all {ndim} axes of shape {shape_of(x)}, got {order}{hint}")
    return _transpose(x, order)


@linear(lambda g, axes: _transpose(g, tuple(sorted(range(len(axes)), key=axes.__getitem__))))
def _transpose(x: Array, axes: tuple[int, ...]) -> Any:
    return np.transpose(x, axes)


permute_dims = transpose


def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """`x` with the axes `source` moved to the places `destination`; the others keep their order. A view.

    Raises AxisError for an axis that `x` does not have, ValueError if `source` and `destination` differ in number.

    Derivative: x̄ += moveaxis(ȳ, destination, source).

    >>> moveaxis(tensor(np.zeros((2, 3, 4))), 0, -1).shape
    (3, 4, 2)
    """
    ndim = len(shape_of(x))
    origins = normalize_axes("moveaxis", source, ndim)
    places = normalize_axes("moveaxis", destination, ndim)
    if len(origins) != len(places):
        raise ValueError(f"moveaxis: {len(origins)} axes to move and {len(places)} places to move them to")
    order = [axis for axis in range(ndim) if axis not in origins]
    for place, origin in sorted(zip(places, origins)):
        order.insert(place, origin)
    return _transpose(x, tuple(order))


def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged. A view.

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += swapaxes(ȳ, axis1, axis2).

    >>> swapaxes(tensor(np.zeros((2, 3, 4))), 0, 2).shape
    (4, 3, 2)
    """
    ndim = len(shape_of(x))
    first, second = normalize_axis("swapaxes", axis1, ndim), normalize_axis("swapaxes", axis2, ndim)
    order = list(range(ndim))
    order[first], order[second] = second, first
    return _transpose(x, tuple(order))


def matrix_transpose(x: Operand) -> Tensor:
    """The transpose of each matrix in a stack: (..., M, N) to (..., N, M). A view.

    Raises ValueError for less than two dimensions.

    Derivative: x̄ += matrix_transpose(ȳ).

    >>> matrix_transpose(tensor(np.zeros((2, 3, 4)))).shape
    (2, 4, 3)
    """
    if len(shape_of(x)) < 2:
        raise ValueError(f"matrix_transpose: wants at least 2 dimensions, got shape {shape_of(x)}")
    return swapaxes(x, -1, -2)


@linear(lambda g, x_shape: unbroadcast(g, x_shape))
def broadcast_to(x: Operand, shape: tuple[int, ...]) -> Any:
    """`x` stretched to `shape` by NumPy's broadcasting. A view.

    Raises ValueError if `x` does not broadcast to `shape`.

    Derivative: x̄ += ȳ, summed over the stretched axes.

    >>> broadcast_to(tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    try:
        return np.broadcast_to(x, shape)
    except ValueError:
        raise ValueError(f"broadcast_to: cannot stretch shape {shape_of(x)} to {shape}") from None


def broadcast_arrays(*arrays: Operand) -> tuple[Tensor, ...]:
    """All of `arrays` stretched to the one shape that they broadcast to. Views.

    Raises ValueError if there is none.

    Derivative: x̄ += ȳ, summed over the stretched axes, for each.

    >>> a, b = broadcast_arrays(tensor([1.0, 2.0]), tensor([[3.0], [4.0]]))
    >>> a.shape, b.shape
    ((2, 2), (2, 2))
    """
    shapes = [shape_of(x) for x in arrays]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"broadcast_arrays: shapes {', '.join(map(str, shapes))} do not broadcast together") from None
    return tuple(broadcast_to(x, shape) for x in arrays)


def flip(x: Operand, axis: Axis = None) -> Tensor:
    """`x` with the elements along `axis` (an int, a tuple of ints, or None for all axes) in reverse order. A view.

    Raises AxisError for an axis that `x` does not have.

    Derivative: x̄ += flip(ȳ, axis).

    >>> flip(tensor([1.0, 2.0, 3.0]))
    tensor([3., 2., 1.])
    """
    return _flip(x, normalize_axes("flip", axis, len(shape_of(x))))


@linear(lambda g, axes: _flip(g, axes))
def _flip(x: Array, axes: tuple[int, ...]) -> Any:
    return np.flip(x, axes)


def fliplr(x: Operand) -> Tensor:
    """`x` with its columns (axis 1) in reverse order. A view.

    Derivative: x̄ += fliplr(ȳ).

    >>> fliplr(tensor([[1.0, 2.0]]))
    tensor([[2., 1.]])
    """
    return _flip(x, (normalize_axis("fliplr", 1, len(shape_of(x))),))


def flipud(x: Operand) -> Tensor:
    """`x` with its rows (axis 0) in reverse order. A view.

    Derivative: x̄ += flipud(ȳ).

    >>> flipud(tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    return _flip(x, (normalize_axis("flipud", 0, len(shape_of(x))),))


def rot90(x: Operand, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """`x` turned by k · 90° in the plane of two axes, from the first towards the second. A view.

    Raises AxisError for an axis that `x` does not have, ValueError unless `axes` are two different ones.

    Derivative: x̄ += rot90(ȳ, -k, axes).

    >>> rot90(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [1., 3.]])
    """
    plane = normalize_axes("rot90", tuple(axes), len(shape_of(x)))
    if len(plane) != 2:
        raise ValueError(f"rot90: wants two axes, got {plane}")
    turns = integer("rot90", "k", k) % 4
    if turns % 2 == 0:
        return _flip(x, plane if turns else ())
    if turns == 1:
        return swapaxes(_flip(x, plane[1:]), *plane)
    return _flip(swapaxes(x, *plane), plane[1:])


def roll(x: Operand, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Tensor:
    """`x` with its elements moved on by `shift` along `axis`; those that leave at the end come in at the start.

    `shift` and `axis` are ints or tuples of ints, an int serving for all of the other's; with `axis` None the elements
    move in the order of the flattened tensor.

    Raises AxisError for an axis that `x` does not have, ValueError for tuples of different lengths.

    Derivative: x̄ += roll(ȳ, -shift, axis).

    >>> roll(tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.])
    """
    shape = shape_of(x)
    shifts = tuple(integer("roll", "shift", s) for s in (shift if isinstance(shift, (tuple, list)) else (shift,)))
    if axis is None:
        return _reshape(_roll(ravel(x), (sum(shifts),), (0,)), shape)
    axes = tuple(normalize_axis("roll", a, len(shape)) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(shifts) == 1:
        shifts *= len(axes)
    elif len(axes) == 1:
        axes *= len(shifts)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts and {len(axes)} axes do not match")
    return _roll(x, shifts, axes)


@linear(lambda g, shifts, axes: _roll(g, tuple(-shift for shift in shifts), axes))
def _roll(x: Array, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return np.roll(x, shifts, axes)


# What `pad` calls the ways to continue a tensor beyond its borders, and what NumPy calls them.
_CONTINUATIONS = {
    "circular": "wrap",
    "edge": "edge",
    "reflect": "reflect",
    "replicate": "edge",
    "symmetric": "symmetric",
    "wrap": "wrap",
}


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: npt.ArrayLike = 0) -> Tensor:
    """`x` with borders added to it.

    `pad_width`: a number of elements for all borders, a pair (before, after) for all axes, one pair for each axis, or a
    dict from axis to either; in mode "constant" a negative number crops. `mode`: "constant" puts in `constant_values`
    (in the same forms as `pad_width`, but for the dict); "edge" or "replicate" repeat the outermost element; "reflect"
    mirrors without and "symmetric" with the outermost element; "wrap" or "circular" continue from the opposite border.
    Borders wider than `x` go on mirroring or wrapping, as in NumPy. A crop alone is a view.

    Raises ValueError for widths that do not fit, for an unknown mode, and for a mode that has nothing to continue from.

    Derivative: x̄ += ȳ, cropped to x; in other modes summed over all places that an element was copied to.

    >>> pad(tensor([1.0, 2.0, 3.0]), (2, -1))
    tensor([0., 0., 1., 2.])
    >>> pad(tensor([1.0, 2.0, 3.0]), 2, mode="reflect")
    tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    shape = shape_of(x)
    widths = _pad_widths(pad_width, len(shape))
    if mode == "constant":
        for n, (before, after) in zip(shape, widths):
            if min(before, 0) + min(after, 0) < -n:
                raise ValueError(f"pad: cannot crop {(before, after)} from an axis of length {n} in shape {shape}")
        return _pad_constant(x, widths, constant_values)
    if mode not in _CONTINUATIONS:
        raise ValueError(f"pad: mode has to be 'constant' or one of {', '.join(_CONTINUATIONS)}; got {mode!r}")
    for n, (before, after) in zip(shape, widths):
        if before < 0 or after < 0:
            raise ValueError(f"pad: {(before, after)} would crop, which mode {mode!r} cannot; mode 'constant' can")
        if n == 0 and (before or after):
            raise ValueError(f"pad: mode {mode!r} has nothing to continue from in an empty axis of shape {shape}")
    return _extend(x, widths, _CONTINUATIONS[mode])


def _pad_widths(pad_width: Any, ndim: int) -> Widths:
    """NumPy's forms of `pad_width` as one pair of ints for each axis."""
    if type(pad_width) in (tuple, list) and len(pad_width) == ndim and all(map(_pair_of_ints, pad_width)):
        return tuple(pad_width)
    if isinstance(pad_width, Mapping):
        given = {normalize_axis("pad", axis, ndim): width for axis, width in pad_width.items()}
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(ndim)] or 0
    try:
        widths = np.asarray(pad_width)
        pairs = np.broadcast_to(widths, (ndim, 2))
    except ValueError:
        raise ValueError(
            f"pad: pad_width has to be n, (before, after), or one pair for each of {ndim} axes; got {pad_width}"
        ) from None
    if widths.dtype.kind not in "iu":
        raise TypeError(f"pad: pad_width has to be integers, got {pad_width}")
    return tuple((before, after) for before, after in pairs.tolist())


def _pair_of_ints(width: Any) -> bool:
    return type(width) is tuple and len(width) == 2 and type(width[0]) is type(width[1]) is int


def _pad_constant(x: Operand, widths: Widths, constant_values: Any) -> Tensor:
    """Constant borders; side by side where they do not all hold the same value, later axes over earlier ones."""
    if isinstance(constant_values, Tensor):
        raise TypeError("pad: constant_values have to be numbers, without derivatives; got a Tensor")
    if type(constant_values) is int or np.ndim(constant_values) == 0:
        return _pad(x, widths, constant_values)
    ndim = len(widths)
    try:
        values = np.broadcast_to(constant_values, (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: constant_values have to be v, (before, after), or one pair for each of {ndim} axes; "
            f"got {constant_values}"
        ) from None
    y: Any = x
    for axis, ((before, after), (left, right)) in enumerate(zip(widths, values)):
        for border, value in (((before, 0), left), ((0, after), right)):
            y = _pad(y, tuple(border if i == axis else (0, 0) for i in range(ndim)), value)
    return y


@functools.lru_cache(maxsize=1024)
def _opposite(widths: Widths) -> Widths:
    return tuple((-before, -after) for before, after in widths)


@primitive(
    vjps=[lambda g, widths: _pad(g, _opposite(widths), 0)],
    jvps=[lambda g, widths: _pad(g, widths, 0)],
    takes_deferred=True,
    later=lambda x, widths, value: _padded(x, widths, value),
)
def _pad(x: Array, widths: Widths, value: Any) -> Any:
    x = x if isinstance(x, Deferred) else np.asarray(x)
    inside = x[_cropped(x.shape, widths)]
    if all(before <= 0 and after <= 0 for before, after in widths):
        return inside
    return bordered(inside, [(max(before, 0), max(after, 0)) for before, after in widths], value)


@functools.lru_cache(maxsize=1024)
def _cropped(shape: tuple[int, ...], widths: Widths) -> tuple[slice, ...]:
    """What negative widths leave of an array of this shape."""
    return tuple(slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(shape, widths))


def _padded(x: Any, widths: Widths, value: Any) -> Padded | None:
    """Zeros around a large array, for later; None for other borders."""
    x = x.array if isinstance(x, Step) else x
    if type(x) is not np.ndarray or x.size < _LARGE or value != 0 or min(map(min, widths)) < 0:
        return None
    return Padded(x, widths)


@linear(lambda g, widths, mode: _fold_back(g, widths, mode))
def _extend(x: Array, widths: Widths, mode: str) -> Any:
    """`x` with borders copied from its elements, in a mode of `numpy.pad`.

    Derivative: x̄ += ȳ inside, and each border element of ȳ where it was copied from.
    """
    return np.pad(x, widths or 0, mode)  # type: ignore[call-overload]


@linear(lambda g, widths, mode: _extend(g, widths, mode))
def _fold_back(x: Array, widths: Widths, mode: str) -> Any:
    """Borders added onto the elements that `_extend` copies them from.

    Derivative: x̄ += ȳ with borders copied from its elements.
    """
    for axis, (before, after) in enumerate(widths):
        if before or after:
            stop = x.shape[axis] - after
            origin = np.pad(np.arange(stop - before), (before, after), mode)  # type: ignore[call-overload]
            along = (slice(None),) * axis
            y = np.array(x[(*along, slice(before, stop))])
            for place in (*range(before), *range(stop, len(origin))):
                y[(*along, origin[place])] += x[(*along, place)]
            x = y
    return x


def tile(x: Operand, reps: int | Sequence[int]) -> Tensor:
    """`x` as a tile, laid `reps` times along each axis (an int: along the last; missing axes and counts are 1).

    Raises ValueError for a negative count.

    Derivative: x̄ += ȳ, summed over the tiles.

    >>> tile(tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    counts = tuple(integer("tile", "reps", r) for r in (reps if isinstance(reps, (tuple, list)) else (reps,)))
    if min(counts, default=0) < 0:
        raise ValueError(f"tile: reps cannot be negative, got {counts}")
    shape = shape_of(x)
    shape = (1,) * (len(counts) - len(shape)) + shape
    counts = (1,) * (len(shape) - len(counts)) + counts
    apart = tuple(chain.from_iterable((1, n) for n in shape))
    laid = tuple(chain.from_iterable(zip(counts, shape)))
    tiles: Any = broadcast_to(_reshape(x, apart), laid)
    return _reshape(tiles, tuple(count * n for count, n in zip(counts, shape)))


def repeat(x: Operand, repeats: int | Sequence[int] | Array, axis: int | None = None) -> Tensor:
    """Each element along `axis` `repeats` times in a row; with `axis` None, of the flattened tensor.

    `repeats` is an int, or as many as the axis has elements. Raises ValueError if it is negative or does not fit,
    AxisError for an axis that `x` does not have.

    Derivative: x̄ += ȳ, summed over the copies.

    >>> repeat(tensor([1.0, 2.0]), 2)
    tensor([1., 1., 2., 2.])
    >>> repeat(tensor([1.0, 2.0]), [1, 3])
    tensor([1., 2., 2., 2.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    shape = shape_of(x)
    axis = normalize_axis("repeat", axis, len(shape))
    counts = np.array(repeats)
    if counts.dtype.kind not in "iu" and counts.size:
        raise TypeError(f"repeat: repeats have to be integers, got {repeats}")
    if counts.ndim > 1 or (counts.ndim == 1 and counts.shape not in ((1,), (shape[axis],))):
        raise ValueError(
            f"repeat: repeats have to be an int or {shape[axis]} of them, for axis {axis} of shape {shape}; "
            f"got shape {counts.shape}"
        )
    if (counts < 0).any():
        raise ValueError(f"repeat: repeats cannot be negative, got {repeats}")
    return _repeat(x, np.broadcast_to(counts.astype(np.intp), shape[axis : axis + 1]), axis)


@linear(lambda g, counts, axis: _add_repeats(g, counts, axis))
def _repeat(x: Array, counts: Array, axis: int) -> Any:
    x = np.asarray(x)
    if counts.size and counts.strides == (0,) and 0 < counts[0] <= _FEW:
        return repeated(x, int(counts[0]), axis)
    return np.repeat(x, counts, axis)


@linear(lambda g, counts, axis: _repeat(g, counts, axis))
def _add_repeats(x: Array, counts: Array, axis: int) -> Any:
    """Sums of consecutive runs along an axis, the k-th of `counts[k]` elements.

    Derivative: x̄ += repeat(ȳ, counts, axis).
    """
    along: tuple[Any, ...] = (slice(None),) * axis
    step = counts.max(initial=0)
    if 0 < step <= _FEW and counts.min() == step:
        # A few strided additions: some fifteen times as fast as reduceat.
        return functools.reduce(np.add, (x[(*along, slice(k, None, step))] for k in range(step)))
    y = np.zeros((*x.shape[:axis], len(counts), *x.shape[axis + 1 :]), x.dtype)
    filled = counts > 0
    if filled.any():
        y[(*along, filled)] = np.add.reduceat(x, (np.cumsum(counts) - counts)[filled], axis)
    return y


def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the matrices in two axes, `offset` above the main one; it becomes the last axis. A view.

    Raises ValueError for less than two dimensions or twice the same axis, AxisError for an axis that `x` does not have.

    Derivative: x̄ += ȳ on the diagonal, 0 elsewhere.

    >>> diagonal(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    shape = shape_of(x)
    if len(shape) < 2:
        raise ValueError(f"diagonal: wants at least 2 dimensions, got shape {shape}")
    first, second = normalize_axes("diagonal", (axis1, axis2), len(shape))
    return _diagonal(x, integer("diagonal", "offset", offset), first, second)


@linear(lambda g, x_shape, offset, axis1, axis2: _embed_diagonal(g, x_shape, offset, axis1, axis2))
def _diagonal(x: Array, offset: int, axis1: int, axis2: int) -> Any:
    return np.diagonal(x, offset, axis1, axis2)


@linear(lambda g, offset, axis1, axis2: _diagonal(g, offset, axis1, axis2))
def _embed_diagonal(x: Array, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """Zeros of `shape` with `x` on a diagonal.

    Derivative: x̄ += diagonal(ȳ, offset, axis1, axis2).
    """
    y = np.zeros(shape, x.dtype)
    place = np.diagonal(y, offset, axis1, axis2)
    place.setflags(write=True)
    place[...] = x
    return y


def diag(x: Operand, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the square matrix that has a vector as its k-th diagonal.

    Raises ValueError for another number of dimensions.

    Derivative: x̄ += diag(ȳ, k) for a vector; ȳ on the diagonal, 0 elsewhere, for a matrix.

    >>> diag(tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    shape = shape_of(x)
    if len(shape) == 2:
        return diagonal(x, k)
    if len(shape) != 1:
        raise ValueError(f"diag: wants a vector or a matrix, got shape {shape}")
    offset = integer("diag", "k", k)
    size = shape[0] + abs(offset)
    return _embed_diagonal(x, (size, size), offset, 0, 1)


def tril(x: Operand, k: int = 0) -> Tensor:
    """The lower triangle of each matrix in a stack (..., M, N), up to the k-th diagonal; 0 above it.

    Raises ValueError for less than two dimensions.

    Derivative: x̄ += tril(ȳ, k).

    >>> tril(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 0.],
            [3., 4.]])
    """
    return _tril(x, _diagonal_number("tril", x, k))


@linear(lambda g, k: _tril(g, k))
def _tril(x: Array, k: int) -> Any:
    return np.tril(x, k)


def triu(x: Operand, k: int = 0) -> Tensor:
    """The upper triangle of each matrix in a stack (..., M, N), from the k-th diagonal; 0 below it.

    Raises ValueError for less than two dimensions.

    Derivative: x̄ += triu(ȳ, k).

    >>> triu(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[1., 2.],
            [0., 4.]])
    """
    return _triu(x, _diagonal_number("triu", x, k))


@linear(lambda g, k: _triu(g, k))
def _triu(x: Array, k: int) -> Any:
    return np.triu(x, k)


def _diagonal_number(op: str, x: Operand, k: SupportsIndex) -> int:
    if len(shape_of(x)) < 2:
        raise ValueError(f"{op}: wants at least 2 dimensions, got shape {shape_of(x)}")
    return integer(op, "k", k)
