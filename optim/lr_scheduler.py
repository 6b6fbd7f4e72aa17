"""Learning-rate schedules: each sets `lr` of an optimizer's groups as epochs pass."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from types import FunctionType
from typing import Any, Literal, SupportsFloat

from optim.optimizer import Group, Optimizer

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "MultiStepLR",
    "ReduceLROnPlateau",
    "StepLR",
]


class LRScheduler(ABC):
    """Base of the schedules: a subclass says in `get_lr` what the rates are in epoch `last_epoch`.

    Made with `last_epoch=-1` it starts at epoch 0, with the rates that the groups have; made with a later one it goes
    on from there, and needs the groups' "initial_lr". Call `step()` after the optimizer's steps of each epoch; it warns
    if none was taken. Rates are computed from the ones before, so that other changes to them last.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = _checked(optimizer, type(self).__name__)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: going on from epoch {last_epoch} needs 'initial_lr' in group {i}; load "
                    "the optimizer's state dict first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    @abstractmethod
    def get_lr(self) -> list[float]:
        """The rate of each group in epoch `last_epoch`, from those before."""

    def get_last_lr(self) -> list[float]:
        """The rates that were last set, one for each group."""
        return list(self._last_lr)

    def step(self) -> None:
        """Go on to the next epoch and set its rates."""
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(
                f"{type(self).__name__}: step() was called before the optimizer's step(), so that the first rate of "
                "the schedule is never used; call optimizer.step() first",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self.last_epoch += 1
        for group, lr in zip(self._groups, self.get_lr(), strict=True):
            group["lr"] = lr
        self._last_lr = [group["lr"] for group in self._groups]

    @property
    def _groups(self) -> list[Group]:
        return self.optimizer.param_groups

    def _scaled(self, factor: float) -> list[float]:
        return [group["lr"] * factor for group in self._groups]

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything but the optimizer."""
        return {key: deepcopy(value) for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of what `state_dict()` returned. Load the optimizer's state, with its rates, too.

        Raises ValueError if an entry is missing or if the number of groups differs.
        """
        mine = self.state_dict()
        missing = sorted(mine.keys() - state_dict.keys())
        if missing:
            raise ValueError(f"{type(self).__name__}.load_state_dict: missing {', '.join(missing)}")
        if len(state_dict["_last_lr"]) != len(self._groups):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: the optimizer has {len(self._groups)} groups, "
                f"the state dict {len(state_dict['_last_lr'])}"
            )
        vars(self).update({key: deepcopy(state_dict[key]) for key in mine})


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch; one function, or one for each group.

    A state dict holds the attributes of callable objects, but not functions.

    >>> from optim import SGD
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=0.1)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (epoch + 1))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = _checked(optimizer, "LambdaLR").param_groups
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, Sequence) else [lr_lambda] * len(groups)
        if len(self.lr_lambdas) != len(groups):
            raise ValueError(f"LambdaLR: got {len(self.lr_lambdas)} functions for {len(groups)} groups")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [lr * scale(self.last_epoch) for lr, scale in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        state = {key: deepcopy(v) for key, v in vars(self).items() if key not in ("optimizer", "lr_lambdas")}
        objects = [None if isinstance(f, FunctionType) else getattr(f, "__dict__", None) for f in self.lr_lambdas]
        return state | {"lr_lambdas": deepcopy(objects)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        for function, attributes in zip(functions, state_dict["lr_lambdas"], strict=True):
            if attributes:
                vars(function).update(deepcopy(attributes))
        self.lr_lambdas = functions


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

    >>> from optim import SGD
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

    >>> from optim import SGD
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

    >>> from optim import SGD
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


class CosineAnnealingLR(LRScheduler):
    """From the initial rate η₀ down to `eta_min` along half a cosine in `T_max` epochs, and up again in the next.

    η_t = η_min + (η₀ - η_min) · (1 + cos(π t / T_max)) / 2, computed from η_{t-1}. Source: Loshchilov & Hutter, "SGDR:
    stochastic gradient descent with warm restarts", ICLR 2017 (the annealing, without the restarts).

    >>> from optim import SGD
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


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a metric has not got better for more than `patience` epochs.

    `mode` says whether "min" or "max" of the metric is wanted; better means by more than `threshold`, relative to the
    best so far ("rel") or as a difference ("abs"). After a reduction, `cooldown` epochs are not counted. No rate falls
    below `min_lr` (one, or one for each group), and changes of at most `eps` are left out.

    Raises ValueError for a factor of 1 or more, an unknown mode, or as many min_lr as there are not groups.

    >>> from optim import SGD
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
        self.optimizer = _checked(optimizer, "ReduceLROnPlateau")
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
            for group, lr in zip(self._groups, self.get_lr(), strict=True):
                group["lr"] = lr
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [group["lr"] for group in self._groups]

    def _floors(self) -> list[float]:
        groups = len(self._groups)
        floors = list(self.min_lrs) if isinstance(self.min_lrs, Sequence) else [self.min_lrs] * groups
        if len(floors) != groups:
            raise ValueError(f"ReduceLROnPlateau: got {len(floors)} min_lr for {groups} groups")
        return floors

    def _is_better(self, current: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bound = self.best * (1 + sign * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return sign * current > sign * bound


def _checked(optimizer: Any, name: str) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: wants an Optimizer, got {type(optimizer).__name__}")
    return optimizer
