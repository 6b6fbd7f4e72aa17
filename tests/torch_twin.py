"""The files of nn.models run on PyTorch: the same source, whose imports mean PyTorch's layers and functions.

A twin shows that the layers and the engine give PyTorch's numbers in this arrangement. That the arrangement is right,
the facts of torchvision and of the papers show.
"""

from __future__ import annotations

import builtins
import functools
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

MODELS = Path(__file__).parent.parent / "nn" / "models"


class Sequential(torch.nn.Sequential):
    """Takes a dict as ours does."""

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0].items() if modules and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)


def _pad(x: Any, widths: list[tuple[int, int]]) -> Any:
    return torch.nn.functional.pad(x, [width for pair in reversed(widths) for width in pair])


def _checkpoint(f: Any, *xs: Any) -> Any:
    return torch.utils.checkpoint.checkpoint(f, *xs, use_reentrant=False)


AUTOGRAD = SimpleNamespace(
    Tensor=torch.Tensor,
    checkpoint=_checkpoint,
    chunk=torch.chunk,
    concatenate=torch.cat,
    pad=_pad,
    stack=torch.stack,
)
LAYERS = {**vars(torch.nn), "Heaviside": None}
# nothing is done in place here, so that a block may use its input again
OUT_OF_PLACE = {
    "ReLU": lambda inplace=False: torch.nn.ReLU(),
    "ReLU6": lambda inplace=False: torch.nn.ReLU6(),
    "Dropout": lambda p=0.5, inplace=False: torch.nn.Dropout(p),
}
MEANINGS = {
    "autograd": AUTOGRAD,
    "nn": SimpleNamespace(functional=torch.nn.functional, init=torch.nn.init),
    "nn.containers": SimpleNamespace(Sequential=Sequential, ModuleList=torch.nn.ModuleList),
    "nn.module": SimpleNamespace(Module=torch.nn.Module),
}


@functools.cache
def twin(name: str, inplace: bool = False) -> ModuleType:
    """`nn/models/<name>.py`, on PyTorch; with `inplace`, what the source says to do in place is done so."""
    layers = SimpleNamespace(**LAYERS) if inplace else SimpleNamespace(**{**LAYERS, **OUT_OF_PLACE})
    meanings = {**MEANINGS, "nn.layers": layers}

    def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if name.startswith("nn.models."):
            return twin(name.removeprefix("nn.models."), inplace)
        return meanings[name] if name in meanings else builtins.__import__(name, globals, locals, fromlist, level)

    module = ModuleType(f"twin_{name}_inplace" if inplace else f"twin_{name}")
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": imported}
    sys.modules[module.__name__] = module  # where torch.compile looks for it
    source = MODELS / f"{name}.py"
    exec(compile(source.read_text(), source, "exec"), module.__dict__)
    return module


def twin_of(build: Any, inplace: bool = False) -> Any:
    """The function or class of nn.models with the same name, on PyTorch."""
    return getattr(twin(build.__module__.removeprefix("nn.models."), inplace), build.__name__)
