"""What every schedule shares: epochs, and saving and loading."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from types import FunctionType
from typing import Any, ClassVar

from optim.optimizer import Group, Optimizer


class LRScheduler(ABC):
    """Base of the schedules: a subclass says in `get_lr` what the rates are in epoch `last_epoch`.

    The rates are those of the groups of `optimizer`. Made with `last_epoch=-1` it starts at epoch 0, with the rates
    that the groups have; made with a later one it goes on from there, and needs the groups' "initial_lr". Call `step()`
    after the optimizer's steps of each epoch; it warns if none was taken. Rates are computed from the ones before, so
    that other changes to them last.

    >>> from optim import SGD
    >>> from optim.lr_scheduler import LRScheduler
    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / 2**self.last_epoch for lr in self.base_lrs]
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer)
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    1.0 0.5 0.25 0.125
    """

    functions: ClassVar[tuple[str, ...]] = ()  # attributes that are functions, or lists of such

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer, type(self).__name__)
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
        self._start()

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
        try:
            rates = self.get_lr()
        except BaseException:
            self._step_count -= 1
            self.last_epoch -= 1
            raise
        self._set(rates)

    def _set(self, rates: Iterable[float]) -> None:
        for group, lr in zip(self._groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = [group["lr"] for group in self._groups]

    def _start(self) -> None:
        """Take the step that a new schedule takes, from the rates that the groups have."""
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def _rewind(self) -> None:
        """Take that step back, for a schedule that begins later; the rates are left alone."""
        self.last_epoch -= 1

    def _restart(self) -> None:
        """Begin now, in epoch 0: from the base rates, whatever the rates are."""
        self._set(self.base_lrs)
        self.last_epoch = -1
        self._start()

    @property
    def _groups(self) -> list[Group]:
        return self.optimizer.param_groups

    def _scaled(self, factor: float) -> list[float]:
        return [group["lr"] * factor for group in self._groups]

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything but the optimizer and functions; of callable objects, their attributes."""
        state = {key: deepcopy(vars(self)[key]) for key in self._copied()}
        return state | {key: _attributes(vars(self)[key]) for key in self.functions}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of what `state_dict()` returned. Load the optimizer's state, with its rates, too.

        Raises ValueError, and changes nothing, if an entry is missing, if the number of groups differs, or if a
        callable object has no attributes while the saved one had some.
        """
        self._check_state(state_dict)
        self._take_over(state_dict)

    def _copied(self) -> list[str]:
        """The attributes that a state dict holds as they are."""
        return [key for key in vars(self) if key not in ("optimizer", *self.functions)]

    def _check_state(self, state_dict: Mapping[str, Any]) -> None:
        missing = sorted(self.state_dict().keys() - state_dict.keys())
        if missing:
            raise ValueError(f"{type(self).__name__}.load_state_dict: missing {', '.join(missing)}")
        if len(state_dict["_last_lr"]) != len(self._groups):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: the optimizer has {len(self._groups)} groups, "
                f"the state dict {len(state_dict['_last_lr'])}"
            )
        for key in self.functions:
            for function, saved in _with_attributes(vars(self)[key], state_dict[key]):
                if not hasattr(function, "__dict__"):
                    raise ValueError(
                        f"{type(self).__name__}.load_state_dict: the state dict has {', '.join(saved)} for {key}, but "
                        f"{function!r} has no attributes"
                    )

    def _take_over(self, state_dict: Mapping[str, Any]) -> None:
        vars(self).update({key: deepcopy(state_dict[key]) for key in self._copied()})
        for key in self.functions:
            for function, saved in _with_attributes(vars(self)[key], state_dict[key]):
                vars(function).update(deepcopy(saved))


def checked(optimizer: Any, name: str) -> Optimizer:
    """`optimizer`, if it is one; TypeError if not."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: wants an Optimizer, got {type(optimizer).__name__}")
    return optimizer


def _attributes(functions: Any) -> Any:
    """What a state dict holds of a function or of several: a copy of a callable object's attributes, or None."""
    if isinstance(functions, list):
        return [_attributes(function) for function in functions]
    return None if isinstance(functions, FunctionType) else deepcopy(getattr(functions, "__dict__", None))


def _with_attributes(functions: Any, saved: Any) -> list[tuple[Any, dict[str, Any]]]:
    """The functions of which something was saved, and what."""
    if not isinstance(functions, list):
        functions, saved = [functions], [saved]
    return [(function, kept) for function, kept in zip(functions, saved, strict=True) if kept]


def per_group(value: Any, optimizer: Optimizer, name: str, what: str) -> list[Any]:
    """A value for each group, from one for each or one for all; ValueError for another number."""
    groups = len(optimizer.param_groups)
    values = list(value) if isinstance(value, Sequence) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"{name}: got {len(values)} {what} for {groups} groups")
    return values
