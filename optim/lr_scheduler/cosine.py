"""Schedules along a cosine."""

from __future__ import annotations

import math

from optim.lr_scheduler.base import LRScheduler
from optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """From the initial rate η₀ down to `eta_min` along half a cosine in `T_max` epochs, and up again in the next.

    η_t = η_min + (η₀ - η_min) · (1 + cos(π t / T_max)) / 2, computed from η_{t-1}. `optimizer` and `last_epoch` are as
    in `LRScheduler`. Source: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017
    (the annealing, without the restarts).

    >>> from optim import SGD
    >>> from optim.lr_scheduler import CosineAnnealingLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> print(*scheduler.get_last_lr())
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: wants T_max >= 1, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        low, now, before = self.eta_min, self._height(self.last_epoch), self._height(self.last_epoch - 1)
        if self._is_initial:
            return self._scaled(1)
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # at the bottom, where `before` is zero
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [group["lr"] + (base - low) * rise for base, group in zip(self.base_lrs, self._groups, strict=True)]
        return [now / before * (group["lr"] - low) + low for group in self._groups]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """From the initial rate η₀ down to `eta_min` along half a cosine, and again from η₀, in periods of growing length.

    η_t = η_min + (η₀ - η_min) · (1 + cos(π T_cur / T_i)) / 2 with T_cur epochs since the last restart; the first period
    has T_i = `T_0` epochs, each later one `T_mult` times as many. `optimizer` and `last_epoch` are as in `LRScheduler`.
    Source: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import CosineAnnealingWarmRestarts
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> for _ in range(7):
    ...     print(round(scheduler.get_last_lr()[0], 2), end=" ")
    ...     scheduler.step()
    1.0 0.5 1.0 0.85 0.5 0.15 1.0
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"CosineAnnealingWarmRestarts: wants an integer {name} >= 1, got {value}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by an epoch, or to any, which may be a fraction: `scheduler.step(epoch + batch / batches)`."""
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
        else:
            epoch = epoch or 0
            if epoch < 0:
                raise ValueError(f"CosineAnnealingWarmRestarts: wants an epoch >= 0, got {epoch}")
            self.T_cur, self.T_i = epoch, self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())
