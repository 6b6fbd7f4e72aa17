"""Schedules in which the rate is multiplied by a factor now and then, or falls or rises to a value in some epochs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from optim.lr_scheduler.base import LRScheduler
from optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

    `optimizer` and `last_epoch` are as in `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import StepLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    1.0 1.0 0.5 0.5 0.25
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: wants step_size >= 1, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        falls = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._scaled(self.gamma if falls else 1)


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at each epoch of `milestones` (once for each time it is named there).

    `optimizer` and `last_epoch` are as in `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import MultiStepLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    1.0 0.5 0.5 0.25
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])


class ExponentialLR(LRScheduler):
    """The rate times `gamma` every epoch.

    `optimizer` and `last_epoch` are as in `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import ExponentialLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._scaled(1 if self._is_initial else self.gamma)


class ConstantLR(LRScheduler):
    """The rate times `factor` in the first `total_iters` epochs.

    `optimizer` and `last_epoch` are as in `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import ConstantLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ConstantLR(optimizer, factor=0.25, total_iters=2)
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.25 0.25 1.0 1.0
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: wants factor in (0, 1], got {factor}")
        self.factor = factor
        self.total_iters = _positive(total_iters, "ConstantLR")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        return self._scaled(1 / self.factor if self.last_epoch == self.total_iters else 1)


class LinearLR(LRScheduler):
    """The rate times a factor that goes from `start_factor` to `end_factor` on a straight line in `total_iters` epochs.

    η_t = η₀ · (start + (end - start) · min(t / total_iters, 1)), computed from η_{t-1}. `optimizer` and `last_epoch`
    are as in `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import LinearLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.5 0.75 1.0 1.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: wants start_factor in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: wants end_factor in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = _positive(total_iters, "LinearLR")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._scaled(1)
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise  # the factor, times total_iters
        return self._scaled(max(0.0, 1 + rise / before))  # rounding may bring it below 0


class PolynomialLR(LRScheduler):
    """From the initial rate η₀ to zero in `total_iters` epochs, along a power of the epochs that are left.

    η_t = η₀ · (1 - min(t / total_iters, 1))^power, computed from η_{t-1}. `optimizer` and `last_epoch` are as in
    `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import PolynomialLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    1.0 0.5625 0.25 0.0625
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = _positive(total_iters, "PolynomialLR")
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._scaled(1)
        now, before = (1 - epoch / self.total_iters for epoch in (self.last_epoch, self.last_epoch - 1))
        return self._scaled((now / before) ** self.power)


def _positive(total_iters: int, name: str) -> int:
    if total_iters < 1:
        raise ValueError(f"{name}: wants total_iters >= 1, got {total_iters}")
    return total_iters
