"""Averages of a model's weights along its training: of the last iterates (SWA), or exponential ones (EMA)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any, Literal

import autograd as ag
from autograd import Tensor
from nn import BatchNorm1d, BatchNorm2d, BatchNorm3d, Module
from optim.lr_scheduler.base import LRScheduler, checked, per_group
from optim.optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

# What a new average is, given the old one, the model's value and how many models are in the old one.
AverageFunction = Callable[[Tensor, Tensor, int], Tensor]
# The same for the lists of all tensors, written into the averages.
MultiAverageFunction = Callable[[Sequence[Tensor], Sequence[Tensor], int], None]


def get_swa_avg_fn() -> AverageFunction:
    """The running mean: ā + (p - ā) / (n + 1), where ā is the mean of n.

    >>> from optim.swa_utils import get_swa_avg_fn
    >>> get_swa_avg_fn()(tensor([1.0]), tensor([4.0]), 2)
    tensor([2.])
    """

    def mean(averaged: Tensor, current: Tensor, num_averaged: int) -> Tensor:
        return averaged + (current - averaged) / (num_averaged + 1)

    return mean


def get_ema_avg_fn(decay: float = 0.999) -> AverageFunction:
    """The exponential moving average: decay · ā + (1 - decay) · p. Raises ValueError for a decay not in [0, 1].

    >>> from optim.swa_utils import get_ema_avg_fn
    >>> get_ema_avg_fn(0.75)(tensor([1.0]), tensor([5.0]), 1)
    tensor([2.])
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: wants decay in [0, 1], got {decay}")

    def exponential(averaged: Tensor, current: Tensor, num_averaged: int) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return exponential


def get_swa_multi_avg_fn() -> MultiAverageFunction:
    """`get_swa_avg_fn` for lists of tensors, in place.

    >>> from optim.swa_utils import get_swa_multi_avg_fn
    >>> averaged = [tensor([1.0]), tensor([2.0])]
    >>> get_swa_multi_avg_fn()(averaged, [tensor([4.0]), tensor([8.0])], 2)
    >>> averaged
    [tensor([2.]), tensor([4.])]
    """
    return _for_lists(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverageFunction:
    """`get_ema_avg_fn` for lists of tensors, in place. Raises ValueError for a decay not in [0, 1].

    >>> from optim.swa_utils import get_ema_multi_avg_fn
    >>> averaged = [tensor([1.0]), tensor([2.0])]
    >>> get_ema_multi_avg_fn(0.75)(averaged, [tensor([5.0]), tensor([10.0])], 1)
    >>> averaged
    [tensor([2.]), tensor([4.])]
    """
    return _for_lists(get_ema_avg_fn(decay))


def _for_lists(average: AverageFunction) -> MultiAverageFunction:
    def averages(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: int) -> None:
        for a, p in zip(averaged, current, strict=True):
            a.write(average(a, p, num_averaged))

    return averages


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of those that the model has had.

    `update_parameters(model)` takes the model's present parameters into the average: at first as they are, then by
    `avg_fn(average, parameter, n_averaged)` or, for lists and in place, `multi_avg_fn`; by default all count equally.
    Buffers are copied from the model at each update or, with `use_buffers`, averaged, too. Otherwise it is used as the
    model is. Normalisation statistics do not fit averaged weights: see `update_bn`. There are no devices, so PyTorch's
    `device` does not exist.

    Attributes: `module`, the copy; `n_averaged`, how often it was updated. Raises ValueError if both functions are
    given. Sources: Izmailov, Podoprikhin, Garipov, Vetrov & Wilson, "Averaging weights leads to wider optima and better
    generalization", UAI 2018; Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    >>> import nn
    >>> from optim.swa_utils import AveragedModel
    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = model.weight.write(value)
    ...     averaged.update_parameters(model)
    >>> averaged(tensor([[1.0]])).item()
    3.0
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        avg_fn: AverageFunction | None = None,
        multi_avg_fn: MultiAverageFunction | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: takes avg_fn or multi_avg_fn, got both")
        self.module = deepcopy(model)
        self.register_buffer("n_averaged", ag.tensor(0))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters that `model` has now into the average."""
        averaged, current = (
            _tensors(m.parameters(), m.buffers() if self.use_buffers else ()) for m in (self.module, model)
        )
        count = self.n_averaged.item()
        if count:
            average = self.multi_avg_fn or _for_lists(self.avg_fn or get_swa_avg_fn())
            average(averaged, current, count)
        else:
            _copy(averaged, current)
        if not self.use_buffers:
            _copy(_tensors(self.module.buffers()), _tensors(model.buffers()))
        self.n_averaged.write(count + 1)


def _tensors(*groups: Iterable[Tensor]) -> list[Tensor]:
    return [tensor.detach() for tensor in chain.from_iterable(groups)]


def _copy(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.write(source)


def update_bn(loader: Iterable[Any], model: Module) -> None:
    """Compute the running statistics of batch normalisation layers anew, as means over all batches of `loader`.

    A batch that is a tuple or list stands for its first entry, the input. The model runs in training mode, without
    gradients, and then has its modes and momenta again.

    >>> import nn
    >>> from optim.swa_utils import update_bn
    >>> model = nn.Sequential(nn.BatchNorm1d(1))
    >>> update_bn([tensor([[1.0], [3.0]]), tensor([[5.0], [7.0]])], model)
    >>> model[0].running_mean
    tensor([4.])
    """
    layers = [m for m in model.modules() if isinstance(m, (BatchNorm1d, BatchNorm2d, BatchNorm3d))]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    modes = {module: module.training for module in model.modules()}
    model.train()
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
        with ag.no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for module, mode in modes.items():
            module.training = mode


class SWALR(LRScheduler):
    """From the rate that a group has to `swa_lr` in `anneal_epochs` epochs, where it stays.

    `swa_lr` is one for all groups or one for each; `anneal_strategy` says along what: half a cosine ("cos") or a
    straight line ("linear"). `optimizer` and `last_epoch` are as in `LRScheduler`. Raises ValueError for an option out
    of range. Source: as for `AveragedModel`.

    >>> from optim import SGD
    >>> from optim.swa_utils import SWALR
    >>> optimizer = SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(4):
    ...     print(*scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    1.0 0.75 0.5 0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group(swa_lr, checked(optimizer, "SWALR"), "SWALR", "swa_lr")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: wants anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: wants an integer anneal_epochs >= 0, got {anneal_epochs}")
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before, now = self._part(step - 1), self._part(step)
        # The rate is (1 - part) · start + part · swa_lr; the start is read off the last one.
        starts = [
            group["swa_lr"] if before == 1 else (group["lr"] - before * group["swa_lr"]) / (1 - before)
            for group in self._groups
        ]
        return [group["swa_lr"] * now + start * (1 - now) for group, start in zip(self._groups, starts, strict=True)]

    def _part(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def _restart(self) -> None:
        """Begin now, in epoch 0: from the rates that the groups have."""
        self.last_epoch = -1
        self._start()
