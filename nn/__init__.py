"""Neural networks: layers, losses and models, composed of autograd's operations alone, under PyTorch's names.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

import autograd as _autograd
from autograd import environment as environment

if not hasattr(_autograd, "Tensor"):
    raise ImportError(environment.OVERWRITTEN)

from autograd.other_names import refusing as _refusing
from nn import data, functional, init, models, utils
from nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from nn.layers import *  # noqa: F403
from nn.layers import __all__ as _layers
from nn.module import Module
from nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from nn.serialization import load, save
from nn.summary import summary

__all__ = [
    *_layers,
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "Sequential",
    "UninitializedBuffer",
    "UninitializedParameter",
    "data",
    "functional",
    "init",
    "load",
    "models",
    "save",
    "summary",
    "utils",
]

if not _TYPE_CHECKING:
    __getattr__ = _refusing(__name__)
