"""Data sets, loading them in batches, transforms of images, and readers of the usual files.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from autograd.other_names import refusing as _refusing
from nn.data import transforms
from nn.data.cifar import CIFAR10, CIFAR100
from nn.data.collate import default_collate
from nn.data.dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from nn.data.loader import DataLoader
from nn.data.mnist import MNIST, FashionMNIST, read_idx

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
    "read_idx",
    "transforms",
]

if not _TYPE_CHECKING:
    __getattr__ = _refusing(__name__)
