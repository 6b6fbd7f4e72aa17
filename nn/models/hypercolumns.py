"""Hypercolumns: at every pixel, what several layers of a network see there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn.module import Module


class Hypercolumns(Module):
    """The outputs of several layers of `model`, resampled to one size and put together: (N, C, H, W) to (N, ΣC, *size).

    `layers` are the dotted names of submodules that give maps (N, C, h, w); the last output counts if one is called
    more than once. `size` None is that of the input. `mode` is that of `nn.functional.interpolate`. Raises
    AttributeError for a name that the model has not, ValueError for a layer that was not called or gave no maps.

    Source: Hariharan, Arbeláez, Girshick, Malik 2015, "Hypercolumns for object segmentation and fine-grained
    localization".

    >>> import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3))
    >>> nn.models.Hypercolumns(model, ["0", "2"])(zeros((1, 1, 12, 12))).shape
    (1, 12, 12, 12)
    """

    def __init__(
        self, model: Module, layers: Sequence[str], size: tuple[int, int] | None = None, mode: str = "bilinear"
    ) -> None:
        super().__init__()
        if not layers:
            raise ValueError("Hypercolumns: wants the name of one layer at least")
        for name in layers:
            model.get_submodule(name)
        self.model = model
        self.layers = list(layers)
        self.size = size
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        maps: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            def hook(module: Module, args: Any, output: Any) -> None:
                maps[name] = output

            return hook

        with ExitStack() as hooks:
            for name in self.layers:
                hooks.enter_context(self.model.get_submodule(name).register_forward_hook(keep(name)))
            self.model(x)
        size = x.shape[-2:] if self.size is None else self.size
        return ag.concatenate([self._resampled(name, maps.get(name), size) for name in self.layers], 1)

    def _resampled(self, name: str, features: Any, size: tuple[int, ...]) -> Tensor:
        if not isinstance(features, Tensor) or features.ndim != 4:
            came = "nothing" if features is None else getattr(features, "shape", type(features).__name__)
            raise ValueError(f"Hypercolumns: layer '{name}' has to give maps (N, C, H, W), it gave {came}")
        return F.interpolate(features, size, mode=self.mode)

    def extra_repr(self) -> str:
        return f"layers={self.layers}, size={self.size}, mode={self.mode!r}"
