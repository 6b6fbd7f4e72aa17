"""Learning-rate schedules: each sets `lr` of an optimizer's groups as epochs pass.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from optim.lr_scheduler.base import LRScheduler
from optim.lr_scheduler.composite import ChainedScheduler, SequentialLR
from optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from optim.lr_scheduler.cyclic import CyclicLR, OneCycleLR
from optim.lr_scheduler.decay import ConstantLR, ExponentialLR, LinearLR, MultiStepLR, PolynomialLR, StepLR
from optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
