"""Neural networks: layers, losses and models, composed of autograd's operations alone, under PyTorch's names."""

from autograd import environment as environment  # isort: split

from nn import data, functional, init, models, utils
from nn.containers import ModuleDict, ModuleList, ParameterList, Sequential
from nn.layers import *  # noqa: F403
from nn.layers import __all__ as _layers
from nn.module import Module
from nn.parameter import Parameter
from nn.serialization import load, save

__all__ = [
    *_layers,
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterList",
    "Sequential",
    "data",
    "functional",
    "init",
    "load",
    "models",
    "save",
    "utils",
]
