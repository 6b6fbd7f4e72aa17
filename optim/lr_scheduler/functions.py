"""Schedules that are functions of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optim.lr_scheduler.base import LRScheduler, checked, per_group
from optim.optimizer import Optimizer


class _FunctionLR(LRScheduler):
    """A schedule with a function of the epoch, one for all groups or one for each."""

    functions = ("lr_lambdas",)

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        name = type(self).__name__
        self.lr_lambdas = per_group(lr_lambda, checked(optimizer, name), name, "functions")
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{name}: wants functions of the epoch, got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def _factors(self) -> list[float]:
        return [function(self.last_epoch) for function in self.lr_lambdas]


class LambdaLR(_FunctionLR):
    """The initial rate times `lr_lambda` of the epoch; one function, or one for each group.

    A state dict holds the attributes of callable objects, but not functions. `optimizer` and `last_epoch` are as in
    `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import LambdaLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=0.1)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (epoch + 1))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
    """

    def get_lr(self) -> list[float]:
        return [lr * factor for lr, factor in zip(self.base_lrs, self._factors(), strict=True)]


class MultiplicativeLR(_FunctionLR):
    """The rate times `lr_lambda` of the epoch, every epoch but the first; one function, or one for each group.

    A state dict holds the attributes of callable objects, but not functions. `optimizer` and `last_epoch` are as in
    `LRScheduler`.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import MultiplicativeLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = MultiplicativeLR(optimizer, lambda epoch: 1 / epoch)
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.5 0.5 0.25 0.08333333333333333
    """

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._scaled(1)
        return [group["lr"] * factor for group, factor in zip(self._groups, self._factors(), strict=True)]

    def _restart(self) -> None:
        """Begin now, in epoch 0: from the rates that the groups have, as PyTorch does."""
        self.last_epoch = 0
        self._set(self.get_lr())
