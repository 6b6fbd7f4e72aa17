"""Optimizers and learning-rate schedules, with torch.optim's names, defaults and numerics.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

import autograd as _autograd
from autograd import environment as environment

if not hasattr(_autograd, "Tensor"):
    raise ImportError(environment.OVERWRITTEN)

from autograd.other_names import refusing as _refusing
from optim import lr_scheduler, swa_utils
from optim.adadelta import Adadelta
from optim.adafactor import Adafactor
from optim.adagrad import Adagrad
from optim.adam import Adam
from optim.adamax import Adamax
from optim.adamw import AdamW
from optim.asgd import ASGD
from optim.lbfgs import LBFGS
from optim.muon import Muon
from optim.nadam import NAdam
from optim.optimizer import Optimizer
from optim.radam import RAdam
from optim.rmsprop import RMSprop
from optim.rprop import Rprop
from optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]

if not _TYPE_CHECKING:
    __getattr__ = _refusing(__name__)
