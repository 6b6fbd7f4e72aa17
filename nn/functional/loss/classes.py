"""Classes given by index, and weights given by class, checked and laid out beside the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor


def target_classes(op: str, input: Tensor, target: Any, ignore_index: int | None = None) -> Any:
    """The target classes of scores (N, C, *D) as an array (N, 1, *D), with -1 for those to be ignored."""
    axis = min(1, input.ndim - 1)
    if input.ndim == 0:
        raise ValueError(f"{op}: wants scores (N, C, *D) or (C,), got shape {input.shape}")
    labels = target.numpy() if isinstance(target, Tensor) else np.asarray(target)
    wanted = input.shape[:axis] + input.shape[axis + 1 :]
    if labels.shape != wanted:
        raise ValueError(f"{op}: input {input.shape} wants a target of shape {wanted}, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{op}: target classes have to be integers, got dtype {labels.dtype}")
    ignored = labels == ignore_index
    outside = (labels < 0) | (labels >= input.shape[axis])
    if (ignored | outside).any():
        if (outside & ~ignored).any():
            wrong = int(labels[outside & ~ignored].flat[0])
            raise ValueError(
                f"{op}: target class {wrong} is out of range for {input.shape[axis]} classes; input {input.shape}"
            )
        labels = np.where(ignored, -1, labels.astype(np.int64))  # unsigned ones have no -1
    return labels.reshape(*wanted[:axis], 1, *wanted[axis:])


def class_weights(op: str, weight: Tensor, input: Tensor) -> Tensor:
    """Class weights (C,), shaped to be multiplied with scores (N, C, *D)."""
    axis = min(1, input.ndim - 1)
    if weight.shape != (input.shape[axis],):
        raise ValueError(f"{op}: wants a weight for each class, shape {(input.shape[axis],)}, got {weight.shape}")
    return ag.reshape(weight, (-1, *(1,) * (input.ndim - 1 - axis)))
