"""A schedule that watches a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, SupportsFloat

from optim.lr_scheduler.base import LRScheduler, checked, per_group
from optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a metric has not got better for more than `patience` epochs.

    `mode` says whether "min" or "max" of the metric is wanted; better means by more than `threshold`, relative to the
    best so far or as a difference (`threshold_mode` "rel" or "abs"). After a reduction, `cooldown` epochs are not
    counted. No rate falls below `min_lr` (one, or one for each group), and changes of at most `eps` are left out.
    `optimizer` is as in `LRScheduler`.

    Raises ValueError for a factor of 1 or more, an unknown mode, or a list of `min_lr` that is not one for each group.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import ReduceLROnPlateau
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = checked(optimizer, "ReduceLROnPlateau")
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: wants factor < 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: wants mode 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: wants threshold_mode 'rel' or 'abs', got {threshold_mode!r}")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = min_lr
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._floors()
        self._last_lr = [group["lr"] for group in self._groups]

    def get_lr(self) -> list[float]:
        """The rates after a reduction."""
        reduced = [max(group["lr"] * self.factor, low) for group, low in zip(self._groups, self._floors(), strict=True)]
        return [
            new if group["lr"] - new > self.eps else group["lr"]
            for group, new in zip(self._groups, reduced, strict=True)
        ]

    def step(self, metrics: SupportsFloat) -> None:  # type: ignore[override]
        """Take the epoch's metric, a number or a tensor of one element, and reduce the rates if it is time."""
        current = float(metrics.item() if hasattr(metrics, "item") else metrics)
        self.last_epoch += 1
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._set(self.get_lr())
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [group["lr"] for group in self._groups]

    def state_dict(self) -> dict[str, Any]:
        joined = [group["lr"] for group in self._groups[len(self._last_lr) :]]  # since the last step
        return super().state_dict() | {"_last_lr": self._last_lr + joined}

    def _floors(self) -> list[float]:
        return per_group(self.min_lrs, self.optimizer, "ReduceLROnPlateau", "min_lr")

    def _is_better(self, current: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bound = self.best * (1 + sign * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return sign * current > sign * bound
