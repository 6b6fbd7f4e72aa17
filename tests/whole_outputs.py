"""Modules that return several tensors, as modules that return one; for comparison with PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from against_torch import compare_modules, torch

import autograd as ag
import nn


def parts(output: Any) -> Iterator[Any]:
    """The tensors of nested tuples; None is passed over."""
    if isinstance(output, tuple):
        for part in output:
            yield from parts(part)
    elif output is not None:
        yield output


class Ours(nn.Module):
    def __init__(self, module: nn.Module, options: dict[str, Any]) -> None:
        super().__init__()
        self.module = module
        self.options = {k: ag.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}

    def forward(self, *inputs: Any) -> ag.Tensor:
        return ag.concatenate([y.reshape(-1) for y in parts(self.module(*inputs, **self.options))])


class Theirs(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, module: Any, options: dict[str, Any]) -> None:
        super().__init__()
        self.module = module
        self.options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}

    def forward(self, *inputs: Any) -> Any:
        return torch.cat([y.reshape(-1) for y in parts(self.module(*inputs, **self.options))])


def compare_whole(ours: nn.Module, theirs: Any, *arrays: np.ndarray, **options: Any) -> None:
    """As `compare_modules`, of all that the modules return, given also the options, which may be arrays."""
    compare_modules(Ours(ours, options), Theirs(theirs, options), *arrays, repr_too=False)
