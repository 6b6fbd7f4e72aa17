"""Whole networks, one file for each architecture."""

from nn.models.lenet import LeNet5

__all__ = ["LeNet5"]
