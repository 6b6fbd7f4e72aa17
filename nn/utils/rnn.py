"""Sequences of several lengths in one tensor: padded to the longest, or packed without padding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

import autograd as ag
from autograd import Tensor

__all__ = [
    "PackedSequence",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences packed step by step: in `data` (T, *) the first steps of all, then the second ones of those that have
    one, and so on. Made by `pack_padded_sequence` or `pack_sequence`; recurrent layers take and give it.

    `batch_sizes` (L,) counts the sequences that have each step. The sequences are in order of their lengths, the
    longest first: `sorted_indices` (N,) says which of the caller's each is, `unsorted_indices` the inverse, which is
    found if it is not given; both are None if the caller's have to be so ordered.

    >>> from nn.utils.rnn import pack_sequence
    >>> packed = pack_sequence([tensor([1, 2, 3]), tensor([4, 5])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if unsorted_indices is None and sorted_indices is not None:
            unsorted_indices = ag.argsort(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences padded to one length: (L, N, *), or (N, L, *) with `batch_first`, of which the n-th has
    `lengths[n]` steps.

    With `enforce_sorted` the longest has to be first, and no other shorter than the next; otherwise they are sorted.

    Raises ValueError if there is not one length for each sequence, between 1 and L, or if they are not sorted.

    >>> from nn.utils.rnn import pack_padded_sequence
    >>> pack_padded_sequence(tensor([[1, 4], [2, 5], [3, 0]]), [3, 2]).data
    tensor([1, 4, 2, 5, 3])
    """
    x = input.swapaxes(0, 1) if batch_first else input
    counts = _counts("pack_padded_sequence", lengths, x, 1)
    order = np.argsort(-counts, kind="stable")
    if enforce_sorted and (np.diff(counts) > 0).any():
        raise ValueError(
            f"pack_padded_sequence: lengths {counts.tolist()} are not in decreasing order; enforce_sorted=False sorts "
            f"them"
        )
    steps, sequences = np.nonzero(np.arange(counts.max())[:, None] < counts[order])
    sizes = ag.tensor(np.bincount(steps))
    if enforce_sorted:
        return PackedSequence(x[steps, sequences], sizes)
    return PackedSequence(x[steps, order[sequences]], sizes, ag.tensor(order))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The sequences of `sequence` padded to one length with `padding_value`, (L, N, *) or (N, L, *) with `batch_first`,
    in the caller's order; and their lengths (N,). L is `total_length`, or the longest's length if None.

    Raises ValueError if `total_length` is shorter than the longest.

    >>> from nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> pad_packed_sequence(pack_sequence([tensor([1, 2, 3]), tensor([4, 5])]), batch_first=True)
    (tensor([[1, 2, 3],
            [4, 5, 0]]), tensor([3, 2]))
    """
    data, sizes = sequence.data, sequence.batch_sizes.numpy()
    longest = len(sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(f"pad_packed_sequence: total_length {total_length} is shorter than a sequence of {longest}")
    among = np.arange(sizes[0]) < np.append(sizes, np.zeros((total_length or longest) - longest, int))[:, None]
    rows = np.where(among, np.cumsum(among).reshape(among.shape) - 1, len(data))  # (L, N), and one more for padding
    lengths = among.sum(axis=0)
    if sequence.unsorted_indices is not None:
        order = sequence.unsorted_indices.numpy()
        rows, lengths = rows[:, order], lengths[order]
    padding = ag.full((1, *data.shape[1:]), padding_value, dtype=data.dtype)
    padded = ag.concatenate([data, padding])[rows.T if batch_first else rows]
    return padded, ag.tensor(lengths)


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (Lₙ, *) that are alike in their other axes; see `pack_padded_sequence`.

    >>> from nn.utils.rnn import pack_sequence
    >>> pack_sequence([tensor([4]), tensor([1, 2])], enforce_sorted=False).data
    tensor([1, 4, 2])
    """
    sequences = list(sequences)
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (Lₙ, *) that `packed_sequences` was made of.

    >>> from nn.utils.rnn import pack_sequence, unpack_sequence
    >>> unpack_sequence(pack_sequence([tensor([1, 2, 3]), tensor([4, 5])]))
    [tensor([1, 2, 3]), tensor([4, 5])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences)
    return unpad_sequence(padded, lengths)


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (Lₙ, *) that are alike in their other axes, padded with `padding_value` to the longest and stacked:
    (L, N, *), or (N, L, *) with `batch_first`. The padding is at the end, or if `padding_side` is "left" at the start.

    Raises ValueError if there are no sequences, or if they are not alike.

    >>> from nn.utils.rnn import pad_sequence
    >>> pad_sequence([tensor([1, 2, 3]), tensor([4, 5])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 5, 0]])
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side is 'left' or 'right', got {padding_side!r}")
    sequences = list(sequences)
    shapes = [x.shape for x in sequences]
    if not shapes or () in shapes or any(shape[1:] != shapes[0][1:] for shape in shapes):
        raise ValueError(f"pad_sequence: wants sequences (L, *), alike but for L, got shapes {shapes}")
    longest = max(len(x) for x in sequences)
    padded = []
    for x in sequences:
        padding = ag.full((longest - len(x), *x.shape[1:]), padding_value, dtype=x.dtype)
        padded.append(ag.concatenate([padding, x] if padding_side == "left" else [x, padding]))
    return ag.stack(padded, axis=0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences (Lₙ, *) in (L, N, *), or (N, L, *) with `batch_first`, of which the n-th has `lengths[n]` steps.

    Raises ValueError if there is not one length for each sequence, between 0 and L.

    >>> from nn.utils.rnn import unpad_sequence
    >>> unpad_sequence(tensor([[1, 2, 3], [4, 5, 0]]), [3, 2], batch_first=True)
    [tensor([1, 2, 3]), tensor([4, 5])]
    """
    x = padded_sequences if batch_first else padded_sequences.swapaxes(0, 1)
    counts = _counts("unpad_sequence", lengths, x.swapaxes(0, 1), 0)
    return [sequence[:length] for sequence, length in zip(ag.unstack(x), counts.tolist(), strict=True)]


def _counts(op: str, lengths: Any, x: Tensor, least: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The lengths of sequences in (L, N, *), checked."""
    if x.ndim < 2:
        raise ValueError(f"{op}: wants sequences (L, N, *), got shape {x.shape}")
    counts = np.asarray(lengths)
    fit = counts.dtype.kind in "iu" and counts.shape == x.shape[1:2]
    if not fit or not ((counts >= least) & (counts <= len(x))).all():
        raise ValueError(
            f"{op}: wants {x.shape[1]} lengths from {least} to {len(x)}, one for each sequence, got {counts.tolist()}"
        )
    return counts.astype(np.int64)
