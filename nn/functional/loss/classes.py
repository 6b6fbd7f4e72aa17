"""Classes given by index, and weights given by class, checked and laid out beside the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor


def target_classes(op: str, input: Tensor, target: Any, ignore_index: int | None = None) -> tuple[Any, Any]:
    """The target classes of scores (N, C, *D) as an array (N, *D), with 0 in place of those to be ignored; and which
    count, or None if all do."""
    axis = min(1, input.ndim - 1)
    if input.ndim == 0:
        raise ValueError(f"{op}: wants scores (N, C, *D) or (C,), got shape {input.shape}")
    labels = target.numpy() if isinstance(target, Tensor) else np.asarray(target)
    wanted, count = input.shape[:axis] + input.shape[axis + 1 :], input.shape[axis]
    if labels.shape != wanted:
        raise ValueError(f"{op}: input {input.shape} wants a target of shape {wanted}, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{op}: target classes have to be integers, got dtype {labels.dtype}")
    within = not labels.size or (labels.min() >= 0 and labels.max() < count)
    if within and (ignore_index is None or not 0 <= ignore_index < count):
        return labels, None
    counted = labels != ignore_index
    wrong = labels[counted & ((labels < 0) | (labels >= count))]
    if wrong.size:
        raise ValueError(f"{op}: target class {wrong[0]} is out of range for {count} classes; input {input.shape}")
    return (labels, None) if counted.all() else (np.where(counted, labels, 0), counted)


def at_classes(scores: Tensor, labels: Any) -> Tensor:
    """Of scores (N, C, *D) those (N, *D) of the classes given by index."""
    places = [np.arange(n).reshape(-1, *(1,) * (labels.ndim - 1 - k)) for k, n in enumerate(labels.shape)]
    places.insert(min(1, labels.ndim), labels)
    return scores[tuple(places)]


def class_weights(op: str, weight: Tensor, input: Tensor) -> Tensor:
    """Class weights (C,), shaped to be multiplied with scores (N, C, *D)."""
    axis = min(1, input.ndim - 1)
    if weight.shape != (input.shape[axis],):
        raise ValueError(f"{op}: wants a weight for each class, shape {(input.shape[axis],)}, got {weight.shape}")
    return ag.reshape(weight, (-1, *(1,) * (input.ndim - 1 - axis)))
