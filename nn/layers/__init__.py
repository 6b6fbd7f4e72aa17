"""The layers as modules, by family."""

from nn.layers.activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from nn.layers.conv import Conv1d, Conv2d, Conv3d
from nn.layers.dropout import Dropout
from nn.layers.linear import Identity, Linear
from nn.layers.loss import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, MSELoss, MultiMarginLoss, NLLLoss
from nn.layers.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from nn.layers.pool import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from nn.layers.shape import Flatten

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MultiMarginLoss",
    "NLLLoss",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
