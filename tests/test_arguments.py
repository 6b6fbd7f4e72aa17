"""help() explains every argument: in the docstring itself, or in that of a public class or function which it names."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import autograd as ag
import nn
import optim
from nn import functional
from optim import lr_scheduler, swa_utils

ROOMS = {
    "nn": nn,
    "nn.models": nn.models,
    "nn.functional": functional,
    "optim": optim,
    "optim.lr_scheduler": lr_scheduler,
    "optim.swa_utils": swa_utils,
}
CASES = {
    f"{room}.{name}": getattr(place, name)
    for room, place in ROOMS.items()
    for name in place.__all__
    if callable(getattr(place, name))
}
NAMED = {name: getattr(ag, name) for name in ag.__all__}
NAMED |= {name.rpartition(".")[2]: thing for name, thing in reversed(CASES.items())} | CASES

# What is given to a call, and described by its shape.
DATA = {"input", "input1", "input2", "x1", "x2", "tensor", "target"}
# What functions that build networks take for torchvision's sake alone.
UNUSED = {"weights", "progress"}
# What a docstring says by a letter or in words of its own, and what only the library itself gives.
SAID_OTHERWISE = {
    "nn.functional.affine_grid": {"theta"},  # the matrices
    "nn.functional.batch_norm": {"running_mean", "running_var"},  # "the running ones"
    "nn.functional.instance_norm": {"running_mean", "running_var"},
    "nn.functional.group_norm": {"num_groups"},  # the groups
    "nn.ParameterList": {"values"},  # what is put into it
    "nn.Parameter": {"requires_grad"},  # as of any tensor
    "nn.UninitializedBuffer": {"requires_grad"},
    "nn.UninitializedParameter": {"requires_grad"},
}


def parameters(thing: Callable[..., Any]) -> set[str]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name for name, p in inspect.signature(thing).parameters.items() if p.kind not in kinds}


def text(thing: Callable[..., Any]) -> str:
    """Its own docstring without the examples, in plain letters: of ‖x‖ₚ the p."""
    words = re.sub(r"^ *>>>.*?(?=^ *$|\Z)", "", thing.__doc__ or "", flags=re.MULTILINE | re.DOTALL)
    return unicodedata.normalize("NFKC", words)


def named(thing: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The public classes and functions whose names stand in backquotes; the names of arguments stand for these."""
    for name in set(re.findall(r"`([\w.]+)", text(thing))) & NAMED.keys() - parameters(thing):
        yield NAMED[name]


def explained(thing: Callable[..., Any], further: int = 2) -> set[str]:
    words = set(re.findall(r"\w+", text(thing).lower()))
    if further:
        words = words.union(*(explained(other, further - 1) for other in named(thing)))
    return words


@pytest.mark.parametrize("name", CASES)
def test_every_argument_is_explained(name: str) -> None:
    wanted = parameters(CASES[name]) - DATA - UNUSED - SAID_OTHERWISE.get(name, set())
    missing = {parameter for parameter in wanted if parameter.lower() not in explained(CASES[name])}
    assert not missing, f"help({name}) does not explain {sorted(missing)}"
