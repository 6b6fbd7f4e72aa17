"""Data sets: what can be asked for its length and for its i-th sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import floor, isclose
from typing import Any

import numpy as np

from autograd.random import default_generator
from autograd.tensor import Tensor, tensor, wrap
from nn.data.collate import fetch
from nn.data.randomness import as_generator


class Dataset(ABC):
    """Base of the data sets: a subclass gives `__len__` and `__getitem__(i)`, which raises IndexError past the end.

    One that can look up many samples at once also gives `get_batch(indices)`, the samples already collated; a subclass
    that has a `__getitem__` of its own and no `get_batch` is asked for its samples one by one.

    >>> from nn.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         return i**2
    >>> (Squares() + Squares())[5]
    4
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Any: ...

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Samples along the first axis of tensors of equal length: sample i is `(x[i], y[i], …)`.

    Arrays are copied into tensors; tensors are shared. Raises ValueError if there are none or their lengths differ.

    >>> from nn.data import TensorDataset
    >>> TensorDataset(tensor([[1.0], [2.0]]), tensor([0, 1]))[1]
    (tensor([2.]), tensor(1))
    """

    def __init__(self, *tensors: Any) -> None:
        self.tensors = tuple(t.detach() if isinstance(t, Tensor) else tensor(t) for t in tensors)
        shapes = [t.shape for t in self.tensors]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"TensorDataset: wants tensors with equally long first axes, got shapes {shapes}")

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(wrap(t.array[index]) for t in self.tensors)

    def get_batch(self, indices: Sequence[int]) -> tuple[Tensor, ...]:
        """The samples at `indices`, stacked."""
        return tuple(wrap(np.take(t.array, indices, axis=0)) for t in self.tensors)


class Subset(Dataset):
    """The samples of a data set at the given indices, in their order.

    >>> from nn.data import Subset
    >>> list(Subset("abcdef", [4, 0]))
    ['e', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def get_batch(self, indices: Sequence[int]) -> Any:
        """The samples at `indices` as a batch, in the way of the data set below."""
        return fetch(self.dataset, [self.indices[i] for i in indices])


class ConcatDataset(Dataset):
    """The samples of several data sets, one data set after the other.

    >>> from nn.data import ConcatDataset
    >>> "".join(ConcatDataset(["ab", "cde"]))
    'abcde'
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: wants at least one data set")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {len(self)} samples")
        index %= len(self)
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


def random_split(
    dataset: Any, lengths: Sequence[float], generator: np.random.Generator | int | None = None
) -> list[Subset]:
    """Split a data set at random into parts that share no sample.

    `lengths` are numbers of samples that add up to all, or fractions that add up to 1 (each is rounded down, and what
    remains goes to the parts in turn). Raises ValueError otherwise. The same `generator` seed gives the same split.

    >>> from nn.data import random_split
    >>> [len(part) for part in random_split(range(10), [0.75, 0.25], generator=0)]
    [8, 2]
    """
    count = len(dataset)
    if any(length < 0 for length in lengths):
        raise ValueError(f"random_split: lengths cannot be negative, got {list(lengths)}")
    if all(isinstance(length, (int, np.integer)) for length in lengths) and sum(lengths) == count:
        sizes = [int(length) for length in lengths]
    elif isclose(sum(lengths), 1) and all(length <= 1 for length in lengths):
        sizes = [floor(count * length) for length in lengths]
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        raise ValueError(f"random_split: lengths {list(lengths)} add up neither to {count} samples nor to 1")
    order = (as_generator(generator, "random_split") or default_generator()).permutation(count).tolist()
    ends = list(accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
