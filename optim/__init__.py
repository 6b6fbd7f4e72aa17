"""Optimizers and learning-rate schedules, with torch.optim's names, defaults and numerics."""

from autograd import environment as environment  # isort: split

from optim import lr_scheduler
from optim.adagrad import Adagrad
from optim.adam import Adam
from optim.adamw import AdamW
from optim.optimizer import Optimizer
from optim.rmsprop import RMSprop
from optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
