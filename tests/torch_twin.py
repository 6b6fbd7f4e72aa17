"""The files of nn.models run on PyTorch: the same source, whose imports mean PyTorch's layers and functions.

A twin shows that the layers and the engine give PyTorch's numbers in this arrangement. That the arrangement is right,
the facts of torchvision and of the papers show.
"""

from __future__ import annotations

import builtins
import functools
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from against_torch import torch

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
# nothing is done in place here, so that a block may use its input again
LAYERS = SimpleNamespace(
    **{
        **vars(torch.nn),
        "ReLU": lambda inplace=False: torch.nn.ReLU(),
        "ReLU6": lambda inplace=False: torch.nn.ReLU6(),
        "Dropout": lambda p=0.5, inplace=False: torch.nn.Dropout(p),
        "Heaviside": None,
    }
)
MEANINGS = {
    "autograd": AUTOGRAD,
    "nn": SimpleNamespace(functional=torch.nn.functional, init=torch.nn.init),
    "nn.containers": SimpleNamespace(Sequential=Sequential, ModuleList=torch.nn.ModuleList),
    "nn.layers": LAYERS,
    "nn.module": SimpleNamespace(Module=torch.nn.Module),
}


@functools.cache
def twin(name: str) -> ModuleType:
    """`nn/models/<name>.py`, on PyTorch."""
    module = ModuleType(f"twin_{name}")
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    source = MODELS / f"{name}.py"
    exec(compile(source.read_text(), source, "exec"), module.__dict__)
    return module


def _import(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    if name.startswith("nn.models."):
        return twin(name.removeprefix("nn.models."))
    return MEANINGS[name] if name in MEANINGS else builtins.__import__(name, globals, locals, fromlist, level)


def twin_of(build: Any) -> Any:
    """The function or class of nn.models with the same name, on PyTorch."""
    return getattr(twin(build.__module__.removeprefix("nn.models.")), build.__name__)
