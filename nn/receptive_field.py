"""Receptive fields: how far each output of a layer sees into the input, followed through a recorded computation.

Along each spatial axis a position of a layer sees `size` places of the input, and its neighbour sees those `jump`
places further on. A window of k taps, d apart, moved in steps of s, makes of them size + (k - 1) · d · jump and
jump · s.

Source: Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from autograd import Tensor
from autograd.ops.elementwise import __all__ as _elementwise
from nn import layers
from nn.functional.sizes import extents
from nn.module import Module

_ADAPTIVE = (
    *(layers.AdaptiveAvgPool1d, layers.AdaptiveAvgPool2d, layers.AdaptiveAvgPool3d),
    *(layers.AdaptiveMaxPool1d, layers.AdaptiveMaxPool2d, layers.AdaptiveMaxPool3d),
)
_GLOBAL = (layers.GlobalAvgPool, layers.GlobalMaxPool)
_TRANSPOSED = (layers.ConvTranspose1d, layers.ConvTranspose2d, layers.ConvTranspose3d)
# What normalises with statistics over the axes is taken to see one position only, as it does when it is evaluated with
# statistics that are fixed.
_POINTWISE = (
    *(layers.BatchNorm1d, layers.BatchNorm2d, layers.BatchNorm3d, layers.GroupNorm, layers.LayerNorm, layers.RMSNorm),
    *(layers.InstanceNorm1d, layers.InstanceNorm2d, layers.InstanceNorm3d, layers.LocalResponseNorm),
)
_REDUCTIONS = {"max", "mean", "min", "norm", "sum"}
_ALONG_AXES = _REDUCTIONS | {"log_softmax", "logsumexp", "softmax"}
_KEEPING = {name.strip("_") for name in _elementwise} | _ALONG_AXES
_KEEPING |= {
    "cast",
    "clip_exclusive",
    "broadcast_to",
    "clone",
    "concatenate",
    "extend",
    "getitem",
    "output",
    "pad",
    "reshape",
    "split",
    "transpose",
}
_PRODUCTS = {"einsum", "matmul"}
_OVER_WINDOWS = {"einsum", "window_max", "window_sum", *_REDUCTIONS}


class Field(NamedTuple):
    """What one position sees, along each spatial axis; `jump` is None where it is not known or there are no axes."""

    size: tuple[int, ...]
    jump: tuple[Fraction, ...] | None


class _Place(NamedTuple):
    """A field, None if it cannot be known, and the shape of the tensor that has it.

    Of a tensor of windows (N, C, *S, *K), `shape` is (N, C, *S) and `window` *K.
    """

    field: Field | None
    shape: tuple[int, ...]
    window: tuple[int, ...] = ()


class Fields:
    """The fields of the tensors of one recorded forward pass of tensors (N, C, *S).

    Those of the layers are put in as the layers are run; those of what is computed between them follow from the
    operations.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self.known: dict[Any, _Place | None] = {}  # None where nothing depends on an input
        for x in inputs:
            n = max(0, x.ndim - 2)
            if x.node is not None:
                self.known[x.node] = _Place(Field((1,) * n, (Fraction(1),) * n) if n else None, x.shape)

    def of(self, x: Any) -> Field | None:
        """The field of a tensor, None if it cannot be known."""
        if not isinstance(x, Tensor) or x.node is None:
            return None
        for node in self._unknown(x.node):
            self.known[node] = _merged(node, [self.known[parent] for parent in node.parents])
        place = self.known[x.node]
        return place and place.field

    def put(self, x: Tensor, field: Field | None) -> None:
        """Say what the field of a tensor is."""
        if x.node is not None:
            self.known[x.node] = _Place(field, x.shape)

    def _unknown(self, node: Any) -> list[Any]:
        """`node` and those it depends on, as far as their fields are not known, in order of creation."""
        found = set() if node in self.known else {node}
        stack = list(found)
        while stack:
            for parent in stack.pop().parents:
                if parent not in self.known and parent not in found:
                    found.add(parent)
                    stack.append(parent)
        return sorted(found, key=lambda n: n.number)


def through(module: Module, field: Field | None, before: tuple[int, ...], after: tuple[int, ...]) -> Field | None:
    """The field after a layer that `has_rule` and makes a tensor of shape `after` of one of shape `before`."""
    if field is None:
        return None
    n = len(field.size)
    if isinstance(module, _POINTWISE):
        return field
    if isinstance(module, _ADAPTIVE):
        ratios = [Fraction(a, b) for a, b in zip(before[-n:], after[-n:], strict=True)]
        steps = [int(ratio) for ratio in ratios]
        return _windowed(field, steps, steps) if steps == ratios else None
    if isinstance(module, _GLOBAL):
        return _whole(field, before[-n:])
    if isinstance(module, _TRANSPOSED) and set(module.dilation) == {1}:
        taps = [-(-k // s) for k, s in zip(module.kernel_size, module.stride, strict=True)]
        return _windowed(field, taps, [Fraction(1, s) for s in module.stride])
    return None


def has_rule(module: Module) -> bool:
    """Whether `through` is to be asked about a layer, and not the operations in it."""
    return isinstance(module, (*_POINTWISE, *_ADAPTIVE, *_GLOBAL, *_TRANSPOSED))


def _windowed(field: Field, extent: Sequence[int], stride: Sequence[int | Fraction]) -> Field | None:
    """After windows that cover `extent` places and move in steps of `stride`."""
    if field.jump is None:
        return field if set(extent) == {1} else None
    size = tuple(math.ceil(r + (e - 1) * j) for r, j, e in zip(field.size, field.jump, extent, strict=True))
    return Field(size, tuple(j * s for j, s in zip(field.jump, stride, strict=True)))


def _whole(field: Field, lengths: Sequence[int]) -> Field | None:
    """After something that sees all positions at once."""
    seen = _windowed(field, lengths, (1,) * len(lengths))
    return seen and Field(seen.size, None)


def _merged(node: Any, parents: Sequence[_Place | None]) -> _Place | None:
    """Of what an operation makes of tensors: the largest of their fields."""
    places = [_carried(node, place) for place in parents if place is not None]
    fields = [place.field for place in places]
    if not places or None in fields:
        return places[fields.index(None)] if places else None
    sizes = zip(*(field.size for field in fields if field), strict=True)
    jump = next((field.jump for field in fields if field and field.jump), None)
    return places[0]._replace(field=Field(tuple(map(max, sizes)), jump))


def _carried(node: Any, place: _Place) -> _Place:
    """What becomes of a field in an operation: None unless it is known to take windows or to leave positions alone."""
    field, op = place.field, node.op
    shape = place.shape + place.window if node.shape is None else node.shape
    if field is None:
        return _Place(None, shape)
    n = len(field.size)
    if op == "sliding_windows":
        return _taken(node, place)
    if place.window:
        if op in _OVER_WINDOWS and shape[-n:] == place.shape[-n:]:
            return _Place(field, shape)
        if op in _KEEPING and shape[-2 * n :] == place.shape[-n:] + place.window:
            return _Place(field, shape[:-n], place.window)
        return _Place(None, shape)
    if op in _ALONG_AXES or op == "getitem":
        return _Place(_at_axes(node, field, place.shape, shape), shape)
    return _Place(_kept(op, field, place.shape, shape), shape)


def _at_axes(node: Any, field: Field, before: tuple[int, ...], after: tuple[int, ...]) -> Field | None:
    """A field after an operation along axes, or an index, which may be spatial ones or others."""
    n = len(field.size)
    first = len(before) - n  # the first spatial axis
    if node.op == "getitem":
        index = _static(node, "index")
        entries = index if isinstance(index, tuple) else (index,)
        if Ellipsis in [entry for entry in entries if not hasattr(entry, "shape")]:
            at = next(i for i, entry in enumerate(entries) if entry is Ellipsis)
            entries = (*entries[:at], *(slice(None),) * (len(before) - len(entries) + 1), *entries[at + 1 :])
        ahead = all(not isinstance(e, slice) or e.step is None or e.step > 0 for e in entries[first:])
        picked = any(hasattr(entry, "shape") for entry in entries) and len(entries) > first
        return _kept("getitem", field, before, after) if ahead and not picked else None
    spatial = [axis for axis in _static(node, "axis") if axis >= first]
    if not spatial or len(before) <= 2:
        return _kept(node.op, field, before, after)
    return _whole(field, before[-n:]) if len(spatial) == n else None


def _static(node: Any, name: str) -> Any:
    """A static parameter that a node keeps."""
    names = (*node.plan.primitive.inputs, "y", *node.plan.primitive.statics)
    return dict(zip(node.plan.kept, node.values, strict=True))[names.index(name)]


def _taken(node: Any, place: _Place) -> _Place:
    """The field of windows over the spatial axes."""
    assert place.field is not None
    n = len(place.field.size)
    window, stride, dilation, axes = (_static(node, name) for name in ("window", "stride", "dilation", "axes"))
    if place.window or axes != tuple(range(len(place.shape) - n, len(place.shape))):
        return _Place(None, node.shape)
    return _Place(_windowed(place.field, extents(window, dilation), stride), node.shape[:-n], window)


def _kept(op: str, field: Field, before: tuple[int, ...], after: tuple[int, ...]) -> Field | None:
    """A field after an operation on a tensor of shape `before` that gives one of shape `after`."""
    n = len(field.size)
    was_flat, flat = len(before) <= 2, len(after) <= 2
    if op in _PRODUCTS:
        return field if flat and was_flat else None
    if op not in _KEEPING:
        return None
    if was_flat:
        return field if flat else None
    if op == "transpose" and len(after) <= n + 2:
        return None
    if flat:
        return _whole(field, before[-n:])
    if before[-n:] == after[-n:] or op in ("extend", "pad"):
        return field
    if op == "getitem" or max(before[-n:]) == 1:
        return Field(field.size, None)
    return None
