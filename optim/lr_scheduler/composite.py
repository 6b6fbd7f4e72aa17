"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from optim.lr_scheduler.base import LRScheduler
from optim.lr_scheduler.plateau import ReduceLROnPlateau
from optim.optimizer import Optimizer


class _CompositeLR(LRScheduler):
    """A schedule made of others for the same optimizer."""

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        if not schedulers:
            raise ValueError(f"{name}: wants at least one scheduler, got none")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: scheduler {i} is no LRScheduler but of type {type(scheduler).__name__}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{name}: scheduler {i} is a ReduceLROnPlateau, whose step wants a metric")
            if scheduler.optimizer is not (optimizer or schedulers[0].optimizer):
                raise ValueError(f"{name}: scheduler {i}, a {type(scheduler).__name__}, is for another optimizer")
        self._schedulers = list(schedulers)
        self.optimizer = schedulers[0].optimizer

    def get_lr(self) -> list[float]:
        """The rates, which its parts have set."""
        return self._scaled(1)

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything but the optimizer, with the schedules' state dicts in their places."""
        return super().state_dict() | {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def _copied(self) -> list[str]:
        return [key for key in super()._copied() if key != "_schedulers"]

    def _check_state(self, state_dict: Mapping[str, Any]) -> None:
        super()._check_state(state_dict)
        given = state_dict["_schedulers"]
        if len(given) != len(self._schedulers):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: it has {len(self._schedulers)} schedulers, "
                f"the state dict {len(given)}"
            )
        for scheduler, state in zip(self._schedulers, given, strict=True):
            scheduler._check_state(state)

    def _take_over(self, state_dict: Mapping[str, Any]) -> None:
        super()._take_over(state_dict)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_CompositeLR):
    """One schedule after the other: at epoch `milestones[i]` schedule i + 1 takes over, and begins with its epoch 0.

    The `schedulers`, also other `SequentialLR`s, start from the initial rates; but a `MultiplicativeLR` that takes over
    goes on from the present ones. `optimizer` is theirs; epochs are counted from `last_epoch` + 1. Raises ValueError
    unless milestones ascend and there is one less than schedules, which are of the same optimizer and none a
    `ReduceLROnPlateau`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> warmup, decay = LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)
    >>> scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for _ in range(5):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.5 0.75 1.0 0.5 0.25
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: wants one milestone less than schedulers, got {len(milestones)} milestones for "
                f"{len(schedulers)} schedulers"
            )
        self._milestones = sorted(milestones)
        if self._milestones != list(milestones):
            raise ValueError(f"SequentialLR: wants milestones in ascending order, got {list(milestones)}")
        self._set(group["initial_lr"] for group in self._groups)
        for scheduler in schedulers:
            scheduler._rewind()
        self.last_epoch = last_epoch
        self._start()

    def step(self) -> None:
        """Go on to the next epoch of the schedule whose turn it is, or to the first of the next schedule."""
        epoch = self.last_epoch + 1
        if epoch in self._milestones:
            self._current(epoch)._restart()
        else:
            self._current(epoch).step()
        self.last_epoch = epoch
        self._last_lr = self._scaled(1)

    def _current(self, epoch: int) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, epoch)]

    def _start(self) -> None:
        self.last_epoch += 1
        self._current(0)._start()
        self._last_lr = self._scaled(1)

    def _rewind(self) -> None:
        self.last_epoch -= 1
        self._current(0)._rewind()

    def _restart(self) -> None:
        self.last_epoch = 0
        self._current(0)._restart()
        self._last_lr = self._scaled(1)


class ChainedScheduler(_CompositeLR):
    """Schedules at the same time: each multiplies the rates that those before it have set.

    `optimizer` may be left out: it is that of the `schedulers`. Raises ValueError unless there are some, all of the
    same optimizer and none a `ReduceLROnPlateau`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ChainedScheduler([ConstantLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)])
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.5 0.25 0.25 0.125
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer, schedulers)
        self._last_lr = self._scaled(1)

    def step(self) -> None:
        """Go on to the next epoch of all schedules."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._scaled(1)

    def _start(self) -> None:
        for scheduler in self._schedulers:
            scheduler._start()
        self._last_lr = self._scaled(1)

    def _rewind(self) -> None:
        for scheduler in self._schedulers:
            scheduler._rewind()

    def _restart(self) -> None:
        first, *others = self._schedulers
        first._restart()
        for scheduler in others:
            scheduler._start()
        self._last_lr = self._scaled(1)
