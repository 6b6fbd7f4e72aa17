"""Batches from samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.other_names import kind_of
from autograd.tensor import Tensor, tensor, wrap


def fetch(dataset: Any, indices: Sequence[int], collate_fn: Callable[[list[Any]], Any] | None = None) -> Any:
    """The samples at `indices` as a batch: by `collate_fn`, else by `dataset.get_batch`, else by `default_collate`."""
    if collate_fn is None and _looks_up_batches(dataset):
        return dataset.get_batch(indices)
    return (collate_fn or default_collate)([dataset[i] for i in indices])


def _looks_up_batches(dataset: Any) -> bool:
    """Whether there is a `get_batch` that knows of the `__getitem__` there is: not one that a subclass has inherited
    and whose samples it changes."""
    for kind in type(dataset).__mro__:
        if "get_batch" in vars(kind):
            return True
        if "__getitem__" in vars(kind):
            return False
    return hasattr(dataset, "get_batch")


def default_collate(samples: Sequence[Any]) -> Any:
    """A batch from samples of the same structure.

    Tensors, arrays and numbers are stacked along a new first axis into a tensor (Python floats in the default dtype);
    tuples, lists and dicts are collated entry by entry; strings stay a list. Raises ValueError if shapes, lengths or
    keys differ, TypeError for anything else.

    >>> from nn.data import default_collate
    >>> default_collate([(np.zeros(3), 1), (np.ones(3), 2)])
    (tensor([[0., 0., 0.],
             [1., 1., 1.]], dtype=float64), tensor([1, 2]))
    """
    first = samples[0]
    if isinstance(first, (Tensor, np.ndarray)):
        arrays = [s.array if isinstance(s, Tensor) else np.asarray(s) for s in samples]
        shapes = sorted({a.shape for a in arrays})
        if len(shapes) > 1:
            raise ValueError(f"default_collate: samples of one shape can be stacked, got {', '.join(map(str, shapes))}")
        stacked = np.stack(arrays)
        if stacked.dtype.kind not in "biufc":
            raise TypeError(f"default_collate: wants arrays of numbers or truth values, got dtype {stacked.dtype}")
        return wrap(stacked)
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, (bool, int, float, complex, np.generic)):
        return tensor(np.array(samples) if isinstance(first, np.generic) else list(samples))
    if isinstance(first, Mapping):
        if any(s.keys() != first.keys() for s in samples):
            raise ValueError(f"default_collate: samples have to have the same keys, the first has {list(first)}")
        return {key: default_collate([s[key] for s in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        if any(len(s) != len(first) for s in samples):
            raise ValueError(f"default_collate: samples differ in length: {sorted({len(s) for s in samples})}")
        entries = [default_collate(entry) for entry in zip(*samples, strict=True)]
        return type(first)(*entries) if hasattr(first, "_fields") else type(first)(entries)
    raise TypeError(
        f"default_collate: cannot make a batch of {kind_of(first)}; wants tensors, arrays, numbers, strings, or "
        "tuples, lists and dicts of them (or give a collate_fn)"
    )
