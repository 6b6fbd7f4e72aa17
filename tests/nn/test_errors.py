"""What layers and functions say to input that does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from nn import functional as F


def zeros(*shape: int) -> ag.Tensor:
    return ag.tensor(np.zeros(shape, np.float32))


def labels(*values: int) -> ag.Tensor:
    return ag.tensor(np.array(values, np.int64))


ERRORS = [
    (lambda: nn.Linear(3, 2)(zeros(5, 4)), r"linear: input \(5, 4\) and weight \(2, 3\) do not fit"),
    (
        lambda: nn.Conv2d(3, 4, 3)(zeros(2, 5, 8, 8)),
        r"Conv2d: wants an input \(N, 3, H, W\).* \(2, 5, 8, 8\)",
    ),
    (lambda: nn.Conv1d(3, 4, 3)(zeros(2, 5, 8)), r"Conv1d: wants an input \(N, 3, L\)"),
    (lambda: nn.Conv2d(3, 4, 3)(zeros(8, 8)), r"Conv2d: wants an input .* got shape \(8, 8\)"),
    (
        lambda: nn.Conv2d(3, 4, 9)(zeros(2, 3, 8, 8)),
        r"conv2d: a window \(9, 9\) .* more than .* \(8, 8\)",
    ),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "Conv2d: groups has to divide both channel numbers; got in_channels=3"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "Conv2d: padding_mode is one of .* got 'mirror'"),
    (lambda: nn.Conv2d(3, 4, 3, padding="half"), "Conv2d: padding has to be 'same', 'valid', 'full' or numbers, got"),
    (lambda: nn.Conv2d(3, 4, 3, padding="same", stride=2), r"Conv2d: padding 'same' wants stride 1, got \(2, 2\)"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"Conv2d: kernel_size has to be an int or 2 ints, got \(3, 3, 3\)"),
    (lambda: nn.Conv2d(3, 4, 0), "Conv2d: kernel_size has to be at least 1, got 0"),
    (lambda: nn.Conv2d(3, 4, 3, stride=1.5), "Conv2d: stride has to be an int or 2 ints, got 1.5"),
    (lambda: F.conv2d(zeros(1, 3, 8, 8), zeros(4, 2, 3, 3)), "conv2d: input .* has 3 channels, but .* wants 2"),
    (lambda: F.conv2d(zeros(1, 4, 8, 8), zeros(3, 2, 3, 3), groups=2), "conv2d: 3 output channels cannot be divided"),
    (
        lambda: F.conv2d(zeros(1, 2, 8, 8), zeros(4, 2, 3)),
        r"conv2d: wants a weight of 4 dimensions, got .*\(4, 2, 3\)",
    ),
    (lambda: F.conv2d(zeros(8, 8), zeros(4, 2, 3, 3)), r"conv2d: wants an input of 4 dimensions, or 3 without a batch"),
    (
        lambda: F.conv2d(zeros(1, 2, 8, 8), zeros(4, 2, 3, 3), zeros(2)),
        r"conv2d: wants a bias of shape \(4,\), got \(2,\)",
    ),
    (lambda: F.conv_transpose1d(zeros(1, 2, 5), zeros(2, 3, 3, 3)), "conv_transpose1d: wants a weight of 3 dim"),
    (lambda: F.conv_transpose(zeros(1, 2), zeros(2, 3)), r"conv_transpose: wants a weight \(C, F, \*K\) of 1 to"),
    (lambda: F.locally_connected(zeros(1, 2, 5), zeros(4, 2, 3)), r"locally_connected: wants a weight \(F, C, \*O"),
    (lambda: F.locally_connected(zeros(1, 2), zeros(4, 2)), r"locally_connected: wants a weight \(F, C, \*O"),
    (lambda: F.locally_connected(zeros(1, 3, 5), zeros(4, 2, 3, 3)), r"wants .* 2 channels; got shape \(1, 3, 5\)"),
    (lambda: F.locally_connected(zeros(1, 2, 5, 5), zeros(4, 2, 3, 3)), "wants an input of 3 dimensions, or 2 without"),
    (lambda: F.locally_connected(zeros(1, 2, 9), zeros(4, 2, 3, 3)), r"has windows at \(7,\) positions, .* \(3,\)"),
    (lambda: F.locally_connected(zeros(1, 2, 5), zeros(4, 2, 3, 3), zeros(4)), r"wants a bias of shape \(4, 3\)"),
    (lambda: nn.GlobalAvgPool()(zeros(1, 2, 0)), r"wants an input \(N, C, \*S\) with spatial axes that are not empty"),
    (
        lambda: nn.MaxPool2d(5)(zeros(1, 1, 4, 4)),
        r"max_pool2d: a window \(5, 5\) .* padded input \(4, 4\)",
    ),
    (lambda: nn.AvgPool1d(5)(zeros(1, 1, 4)), r"avg_pool1d: a window \(5,\) .* more than the padded input \(4,\)"),
    (lambda: nn.MaxPool2d(2, padding=2)(zeros(1, 1, 4, 4)), "max_pool2d: padding can be at most half the kernel size"),
    (lambda: nn.MaxPool2d(2)(zeros(4, 4)), "max_pool2d: wants an input of 4 dimensions, or 3 without a batch"),
    (lambda: nn.AvgPool2d(2, divisor_override=0)(zeros(1, 1, 4, 4)), "avg_pool2d: divisor_override"),
    (lambda: nn.BatchNorm2d(3)(zeros(2, 4, 5, 5)), r"BatchNorm2d: .* 3 channels on axis 1, got .*\(2, 4, 5, 5\)"),
    (lambda: nn.BatchNorm2d(3)(zeros(2, 3)), "BatchNorm2d: wants an input of 4 dimensions"),
    (lambda: nn.BatchNorm1d(3)(zeros(1, 3)), r"batch_norm: wants more than one value per channel .* \(1, 3\)"),
    (lambda: F.batch_norm(zeros(2, 3), None, None), "batch_norm: wants running_mean and running_var when it is not"),
    (lambda: F.batch_norm(zeros(2, 3), zeros(2), zeros(3)), r"batch_norm: .* wants running_mean of shape \(3,\)"),
    (lambda: F.group_norm(zeros(2, 4), 0), "group_norm: 4 channels cannot be divided into 0 groups"),
    (lambda: nn.Dropout(1.5), "Dropout: p is a probability, got 1.5"),
    (lambda: F.dropout(zeros(2), -1), "dropout: p is a probability, got -1"),
    (lambda: F.mse_loss(zeros(2, 1), zeros(2)), r"mse_loss: input \(2, 1\) and target \(2,\) have different shapes"),
    (
        lambda: F.mse_loss(zeros(2), zeros(2), reduction="avg"),
        "mse_loss: reduction is .*, got 'avg'",
    ),
    (lambda: nn.CrossEntropyLoss(reduction="avg"), "CrossEntropyLoss: reduction is"),
    (
        lambda: F.cross_entropy(zeros(2, 3), labels(0, 3)),
        r"cross_entropy: target class 3 is out of range for 3 classes",
    ),
    (lambda: F.cross_entropy(zeros(2, 3), labels(0, -1)), "cross_entropy: target class -1 is out of range"),
    (lambda: F.cross_entropy(zeros(2, 3), labels(0)), r"cross_entropy: input \(2, 3\) wants a target of shape \(2,\)"),
    (
        lambda: F.cross_entropy(zeros(2, 3), zeros(2)),
        "cross_entropy: target classes .* integers, got dtype float32",
    ),
    (
        lambda: F.cross_entropy(zeros(1, 3), ag.tensor([[0, 1, 0]])),
        "cross_entropy: .* holds probabilities, got",
    ),
    (lambda: F.cross_entropy(zeros(2, 3), labels(0, 1), zeros(2)), "cross_entropy: wants a weight for each class"),
    (
        lambda: F.cross_entropy(zeros(2, 3), labels(0, 1), label_smoothing=2.0),
        "cross_entropy: label_smoothing",
    ),
    (lambda: F.nll_loss(zeros(2, 3), labels(0, 5)), "nll_loss: target class 5 is out of range for 3 classes"),
    (lambda: F.multi_margin_loss(zeros(2, 3), labels(0, 5)), "multi_margin_loss: target class 5 is out of range"),
    (lambda: nn.MultiMarginLoss(p=3), "MultiMarginLoss: p is 1 or 2, got 3"),
    (lambda: F.binary_cross_entropy(zeros(2) + 2, zeros(2)), "binary_cross_entropy: wants probabilities from 0 to 1"),
    (lambda: F.binary_cross_entropy(zeros(2), zeros(2) - 1), "binary_cross_entropy: wants targets from 0 to 1"),
    (lambda: F.binary_cross_entropy(zeros(2), zeros(2), zeros(2, 1)), "binary_cross_entropy: wants a weight that"),
    (lambda: F.binary_cross_entropy_with_logits(zeros(2), zeros(2), zeros(2, 1)), "logits: wants a weight that broadc"),
    (
        lambda: F.binary_cross_entropy_with_logits(zeros(2), zeros(2), pos_weight=zeros(2, 1)),
        "logits: wants a pos_weight that broadcasts",
    ),
    (lambda: F.binary_cross_entropy(zeros(2), zeros(3)), "binary_cross_entropy: input .* have different shapes"),
    (
        lambda: nn.models.LeNet5()(zeros(1, 1, 28, 28)),
        r"LeNet5: wants images .*, got shape \(1, 1, 28, 28\)",
    ),
    (lambda: nn.models.LeNet5(activation="gelu"), "LeNet5: activation is one of tanh, relu; got 'gelu'"),
    (lambda: nn.models.LeNet5(pooling="min"), "LeNet5: pooling is one of avg, max; got 'min'"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "note"),
    [
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU())([[1.0, 2.0]]), "Linear wants tensors, .*: see input 1"),
        (lambda: nn.MSELoss()(zeros(2), [0.0, 1.0]), "MSELoss wants tensors, .*: see input 2"),
        (lambda: nn.CrossEntropyLoss()([[0.0, 1.0]], [1]), "CrossEntropyLoss wants tensors, .*: see input 1 and 2"),
    ],
)
def test_lists_are_named(call: Callable[[], Any], note: str) -> None:
    with pytest.raises((AttributeError, TypeError)) as caught:
        call()
    (said,) = caught.value.__notes__
    assert re.fullmatch(note, said)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.cross_entropy(None, labels(0)), "cross_entropy: wants tensors, got 'NoneType'"),
        (lambda: F.cross_entropy(zeros(1, 2), 1), "cross_entropy: wants tensors, got 'int'"),
        (lambda: nn.CrossEntropyLoss()(None, labels(0)), "cross_entropy: wants tensors, got 'NoneType'"),
        (lambda: F.nll_loss(None, labels(0)), "nll_loss: wants tensors, got 'NoneType'"),
        (lambda: F.mse_loss(zeros(2), (0.0, 1.0)), "mse_loss: wants tensors, got 'tuple'"),
        (lambda: nn.MSELoss(zeros(2), zeros(2)), r"MSELoss: the loss is made first, and then called: MSELoss\(\)\("),
        (lambda: nn.CrossEntropyLoss(zeros(2, 3), labels(0, 1)), "CrossEntropyLoss: the loss is made first"),
        (lambda: nn.CrossEntropyLoss(np.zeros((2, 3)), labels(0, 1)), "CrossEntropyLoss: the loss is made first"),
        (lambda: nn.ReLU(zeros(2)), r"ReLU: the layer is made first, and then called: ReLU\(\)\(input\)"),
        (lambda: nn.SiLU(zeros(2)), "SiLU: the layer is made first"),
    ],
)
def test_what_is_no_tensor_and_what_is_called_too_early(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_errors_that_are_not_about_lists_get_no_note() -> None:
    class Sums(nn.Module):
        def forward(self, xs: list[ag.Tensor]) -> ag.Tensor:
            return xs[0].no_such_method()

    with pytest.raises(AttributeError) as caught:
        Sums()([zeros(2)])
    assert not hasattr(caught.value, "__notes__")
