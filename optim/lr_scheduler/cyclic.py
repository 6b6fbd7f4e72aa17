"""Schedules in which the rate rises and falls, and the momentum falls and rises with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from optim.lr_scheduler.base import LRScheduler, checked, per_group
from optim.optimizer import Group, Optimizer


class _MomentumLR(LRScheduler):
    """A schedule that sets the groups' momentum, or the first beta, too: between their "base_" and "max_momentum"."""

    cycle_momentum: bool
    use_beta1: bool

    def _prepare_momentum(
        self,
        optimizer: Optimizer,
        base_momentum: float | Sequence[float],
        max_momentum: float | Sequence[float],
        last_epoch: int,
    ) -> tuple[list[float], list[float]]:
        """Start at the largest momentum; the smallest and the largest of each group."""
        name = type(self).__name__
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(f"{name}: cycle_momentum wants an optimizer with momentum or betas, got {optimizer.name}")
        self.use_beta1 = "betas" in optimizer.defaults
        base = per_group(base_momentum, optimizer, name, "base_momentum")
        largest = per_group(max_momentum, optimizer, name, "max_momentum")
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, base, largest, strict=True):
                group.update(base_momentum=low, max_momentum=high)
                self._set_momentum(group, high)
        return base, largest

    def _set_momentum(self, group: Group, momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_MomentumLR):
    """From `base_lr` up to `max_lr` in `step_size_up` steps and down in `step_size_down`, in straight lines, for ever.

    `mode` says how the height of the cycles falls: "triangular" not at all, "triangular2" by half each cycle,
    "exp_range" by `gamma` each step; or `scale_fn` gives a factor for the cycle, counted from 1, or for the step
    (`scale_mode` "cycle" or "iterations"). With `cycle_momentum` the momentum (or the first beta) goes the other way,
    from `max_momentum` down to `base_momentum`. Rates and momenta are one for all groups or one for each. `optimizer`
    and `last_epoch` are as in `LRScheduler`. Call `step()` after every batch.

    Raises ValueError for an option out of range, and for `cycle_momentum` if the optimizer has no momentum. Source:
    Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import CyclicLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], momentum=0.9)
    >>> scheduler = CyclicLR(optimizer, base_lr=1.0, max_lr=2.0, step_size_up=2, mode="triangular2")
    >>> for _ in range(7):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    1.0 1.5 2.0 1.5 1.0 1.25 1.5
    """

    functions = ("_scale_fn_custom",)

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        checked(optimizer, "CyclicLR")
        down = step_size_up if step_size_down is None else step_size_down
        if step_size_up <= 0 or down <= 0:
            raise ValueError(f"CyclicLR: wants step_size_up and step_size_down > 0, got {step_size_up} and {down}")
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"CyclicLR: wants mode 'triangular', 'triangular2' or 'exp_range', got {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: wants scale_mode 'cycle' or 'iterations', got {scale_mode!r}")
        base_lrs = per_group(base_lr, optimizer, "CyclicLR", "base_lr")
        self.max_lrs = per_group(max_lr, optimizer, "CyclicLR", "max_lr")
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        if scale_fn is None:
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._prepare_momentum(
                optimizer, base_momentum, max_momentum, last_epoch
            )
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The factor of the height in cycle or step x."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 2.0 ** (1 - x) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle  # the part of the cycle that is over
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self._groups, self.base_momentums, self.max_momentums, strict=True):
                self._set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]


class OneCycleLR(_MomentumLR):
    """One cycle for the whole training: from max_lr / div_factor up to `max_lr`, and down to almost nothing.

    The rate starts at max_lr / div_factor, reaches `max_lr` after the part `pct_start` of `total_steps` (or of epochs ·
    steps_per_epoch) and ends at a `final_div_factor`-th of where it started, along half a cosine or a straight line
    (`anneal_strategy` "cos" or "linear"). `three_phase` goes down to the start in as many steps as it went up, and from
    there to the end. With `cycle_momentum` the momentum (or the first beta) goes the other way, from `max_momentum`
    down to `base_momentum` and back. `max_lr` and momenta are one for all groups or one for each. `optimizer` and
    `last_epoch` are as in `LRScheduler`. Call `step()` after every batch; ValueError after more than `total_steps`.

    Raises ValueError for an option out of range, and for `cycle_momentum` if the optimizer has no momentum. Source:
    Smith & Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2019; two
    phases: fastai's.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import OneCycleLR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], momentum=0.9)
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.6, div_factor=2, final_div_factor=4)
    >>> for _ in range(5):
    ...     print(scheduler.get_last_lr()[0], end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.5 0.75 1.0 0.5625 0.125
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        checked(optimizer, "OneCycleLR")
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: wants total_steps, or epochs and steps_per_epoch")
        counts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
        for name, count in counts.items() if total_steps is None else [("total_steps", total_steps)]:
            if not isinstance(count, int) or count < 1:
                raise ValueError(f"OneCycleLR: wants an integer {name} >= 1, got {count}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: wants pct_start in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: wants anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps: int = (epochs or 0) * (steps_per_epoch or 0) if total_steps is None else total_steps
        up, end = pct_start * self.total_steps - 1, self.total_steps - 1
        if three_phase:
            phases = [
                _phase(up, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
                _phase(2 * up, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                _phase(end, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            phases = [
                _phase(up, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
                _phase(end, "max_lr", "min_lr", "base_momentum", "max_momentum"),
            ]
        self._schedule_phases = phases
        self._anneal_func_type = anneal_strategy
        max_lrs = per_group(max_lr, optimizer, "OneCycleLR", "max_lr")
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._prepare_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, max_lrs, strict=True):
                start = lr / div_factor
                group.update(initial_lr=start, max_lr=lr, min_lr=start / final_div_factor)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of a schedule of {self.total_steps} steps")
        start = 0.0
        for phase in self._schedule_phases:
            if self.last_epoch <= phase["end_step"]:
                break
            if phase is not self._schedule_phases[-1]:
                start = phase["end_step"]
        length = phase["end_step"] - start
        part = (self.last_epoch - start) / length if length else 1.0
        if self.cycle_momentum:
            for group in self._groups:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                self._set_momentum(group, momentum)
        return [self._between(group[phase["start_lr"]], group[phase["end_lr"]], part) for group in self._groups]

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return start + (end - start) * part
        return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def _phase(end_step: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
    return {
        "end_step": end_step,
        "start_lr": start_lr,
        "end_lr": end_lr,
        "start_momentum": start_momentum,
        "end_momentum": end_momentum,
    }
