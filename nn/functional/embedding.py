"""Looking up rows by index."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` (V, D) at the integers `input` (*): (*, D).

    The row `padding_idx` gets no gradient. With `max_norm`, the rows that are looked up and whose `norm_type`-norm is
    larger are scaled down to it, in place, before. `scale_grad_by_freq` divides each row's gradient by how often it was
    looked up. `sparse` is accepted for PyTorch's sake and changes nothing: gradients are dense.

    Raises IndexError for an index that is not from 0 to V - 1, TypeError for one that is not an integer, ValueError for
    a weight that is not a matrix.

    >>> from nn import functional as F
    >>> F.embedding(tensor([2, 0]), tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    indices = _checked("embedding", input, weight)
    padding = _row("embedding", padding_idx, weight)
    if max_norm is not None:
        _shorten(weight, indices, max_norm, norm_type)
    return _rows(indices, weight, padding, scale_grad_by_freq)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The "sum", "mean" or "max" (`mode`) over each bag of rows of `weight` (V, D): (B, D), zeros for an empty bag.

    The bags are the rows of `input` (B, L); or stretches of `input` (L,), each starting where `offsets` (B,) says and
    ending where the next begins, the last, unless `include_last_offset` says that it is only an end, with the input.
    `per_sample_weights`, of the shape of the input, multiply the rows of a sum. `padding_idx` is left out of the bags;
    other arguments and errors are as in `embedding`. A maximum that is attained several times gives its gradient to the
    first. Raises ValueError for an input and offsets that are not as said and an unknown mode.

    >>> from nn import functional as F
    >>> F.embedding_bag(tensor([0, 1, 2]), tensor([[1.0], [3.0], [10.0]]), tensor([0, 2]))
    tensor([[ 2.],
            [10.]])
    """
    op = "embedding_bag"
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{op}: mode is 'sum', 'mean' or 'max', got {mode!r}")
    if per_sample_weights is not None and (mode != "sum" or per_sample_weights.shape != input.shape):
        raise ValueError(
            f"{op}: per_sample_weights want mode 'sum' and the shape of the input, {input.shape}; "
            f"got mode {mode!r} and shape {per_sample_weights.shape}"
        )
    if scale_grad_by_freq and mode == "max":
        raise ValueError(f"{op}: mode 'max' does not scale the gradient by frequency")
    indices = _checked(op, input, weight)
    padding = _row(op, padding_idx, weight)
    places, inside = _bags(op, indices, offsets, include_last_offset)  # (B, L)
    indices = indices.reshape(-1)
    if max_norm is not None:
        _shorten(weight, indices, max_norm, norm_type)
    rows = _rows(indices, weight, padding, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * ag.reshape(per_sample_weights, (-1, 1))
    if not places.size:
        return ag.broadcast_to(ag.sum(rows[:0], axis=0), (len(places), weight.shape[1]))
    if padding is not None:
        inside = inside & (indices[places] != padding)
    inside = inside[..., None]  # (B, L, 1)
    if mode == "max":
        lowest = ag.where(inside, ag.take(rows, places, axis=0), -np.inf)
        return ag.where(inside.any(axis=1), ag.max(lowest, axis=1, ties="first"), 0)
    total = ag.sum(ag.where(inside, ag.take(rows, places, axis=0), 0), axis=1)
    if mode == "sum":
        return total
    return total / np.maximum(inside.sum(axis=1), 1).astype(weight.dtype)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Integers (*) as rows (*, num_classes) of zeros with a one at the integer; -1: as many as the largest needs.

    Raises ValueError for an integer that is negative or too large.

    >>> from nn import functional as F
    >>> F.one_hot(tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    values = _integers("one_hot", tensor)
    if num_classes == -1:
        if not values.size:
            raise ValueError("one_hot: wants num_classes for an empty tensor")
        num_classes = int(values.max()) + 1
    if values.size and not 0 <= values.min() <= values.max() < num_classes:
        raise ValueError(
            f"one_hot: wants integers from 0 to {num_classes - 1}, got {int(values.min())} to {int(values.max())}"
        )
    return ag.tensor((values[..., None] == np.arange(num_classes)).astype(np.int64))


def _rows(indices: Any, weight: Tensor, padding: int | None, scale_grad_by_freq: bool) -> Tensor:
    rows = ag.take(weight, indices, axis=0)  # (*, D)
    if padding is None and not scale_grad_by_freq:
        return rows
    fixed = rows.detach()
    if scale_grad_by_freq:
        counts = np.bincount(indices.reshape(-1), minlength=len(weight))[indices]
        rows = fixed + (rows - fixed) / counts[..., None].astype(weight.dtype)
    if padding is not None:
        rows = ag.where((indices == padding)[..., None], fixed, rows)
    return rows


def _shorten(weight: Tensor, indices: Any, max_norm: float, norm_type: float) -> None:
    used = np.unique(indices)
    with ag.no_grad():
        rows = ag.take(weight, used, axis=0)
        length = ag.norm(rows, norm_type, axis=1, keepdims=True)
        weight.write(ag.where(length > max_norm, rows * (max_norm / (length + 1e-7)), rows), used)


def _bags(op: str, indices: Any, offsets: Tensor | None, include_last_offset: bool) -> tuple[Any, Any]:
    """For each bag, where its members are in the flattened input, padded to (B, L); and which of these are members."""
    if indices.ndim == 2 and offsets is None:
        return np.arange(indices.size).reshape(indices.shape), np.ones(indices.shape, bool)
    if indices.ndim != 1 or offsets is None or offsets.ndim != 1:
        raise ValueError(
            f"{op}: wants an input (B, L) without offsets, or (L,) with offsets (B,); got shapes {indices.shape} and "
            f"{None if offsets is None else offsets.shape}"
        )
    bounds = _integers(op, offsets).astype(np.int64)
    if not include_last_offset:
        bounds = np.append(bounds, len(indices))
    if not len(bounds) or bounds[0] != 0 or (np.diff(bounds) < 0).any() or bounds[-1] > len(indices):
        raise ValueError(
            f"{op}: offsets start with 0 and ascend to at most {len(indices)}, the input's length; "
            f"got {_integers(op, offsets).tolist()}"
        )
    lengths = np.diff(bounds)
    steps = np.arange(lengths.max(initial=0))
    inside = steps < lengths[:, None]
    return np.where(inside, bounds[:-1, None] + steps, 0), inside


def _checked(op: str, input: Any, weight: Tensor) -> Any:
    """The indices as an array, all from 0 to V - 1."""
    if weight.ndim != 2:
        raise ValueError(f"{op}: wants a weight (V, D), got shape {weight.shape}")
    indices = _integers(op, input)
    outside = (indices < 0) | (indices >= weight.shape[0])
    if outside.any():
        raise IndexError(f"{op}: index {int(indices[outside].flat[0])} is out of range for weight {weight.shape}")
    return indices


def _integers(op: str, tensor: Any) -> Any:
    values = tensor.numpy() if isinstance(tensor, Tensor) else np.asarray(tensor)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{op}: wants integers, got dtype {values.dtype}")
    return values


def _row(op: str, index: int | None, weight: Tensor) -> int | None:
    """An index that may count from the end, as one that counts from the start."""
    rows = weight.shape[0]
    if index is not None and not -rows <= index < rows:
        raise ValueError(f"{op}: padding_idx {index} is out of range for weight {weight.shape}")
    return index if index is None or index >= 0 else index + rows
