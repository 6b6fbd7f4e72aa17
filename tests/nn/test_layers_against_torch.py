"""Every layer and loss, over a table of options, against PyTorch: keys, text, values, gradients, buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, compare_modules, torch

import nn
from nn import functional as F

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def options(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


LAYERS = [
    ("Linear", options(3, 4), normal(5, 3)),
    ("Linear", options(3, 4, bias=False), normal(2, 5, 3)),
    ("Linear", options(3, 4), normal(3)),
    ("Linear", options(3, 4), normal(0, 3)),
    ("Identity", options(54, unused=0.1), normal(2, 3)),
    ("Conv1d", options(2, 3, 3), normal(2, 2, 7)),
    ("Conv1d", options(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), normal(2, 4, 11)),
    ("Conv1d", options(2, 3, 3, padding="same", padding_mode="reflect"), normal(2, 2, 7)),
    ("Conv2d", options(3, 4, 3), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3), normal(3, 6, 7)),
    ("Conv2d", options(1, 1, 1), normal(1, 1, 1, 1)),
    ("Conv2d", options(3, 4, 1, bias=False), normal(2, 3, 5, 5)),
    ("Conv2d", options(3, 4, (2, 3), stride=(2, 1), padding=(1, 2)), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3, stride=3), normal(2, 3, 8, 10)),
    ("Conv2d", options(3, 4, 3, padding=1, dilation=(1, 2)), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3, padding="same", dilation=2), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, (4, 2), padding="same"), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3, padding="valid"), normal(2, 3, 6, 7)),
    ("Conv2d", options(4, 6, 3, padding=1, groups=2), normal(2, 4, 6, 7)),
    ("Conv2d", options(4, 4, 3, padding=1, groups=4, bias=False), normal(2, 4, 6, 7)),
    ("Conv2d", options(4, 8, 3, stride=2, groups=4), normal(2, 4, 7, 7)),
    ("Conv2d", options(3, 4, 3, padding=2, padding_mode="reflect"), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3, padding=(2, 1), padding_mode="replicate"), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3, padding=2, padding_mode="circular", stride=2), normal(2, 3, 6, 7)),
    ("Conv2d", options(3, 4, 3, padding="same", padding_mode="circular"), normal(2, 3, 6, 7)),
    ("Conv3d", options(2, 3, 2), normal(2, 2, 4, 5, 3)),
    ("Conv3d", options(2, 4, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1), groups=2), normal(2, 2, 4, 5, 3)),
    ("MaxPool1d", options(2), normal(2, 3, 9)),
    ("MaxPool1d", options(3, stride=2, padding=1, dilation=2), normal(2, 3, 9)),
    ("MaxPool2d", options(2), normal(2, 3, 6, 7)),
    ("MaxPool2d", options(2), normal(3, 6, 7)),
    ("MaxPool2d", options(3, stride=2, padding=1), normal(2, 3, 6, 7)),
    ("MaxPool2d", options((3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), normal(2, 3, 6, 7)),
    ("MaxPool2d", options(3, stride=2, ceil_mode=True), normal(2, 3, 6, 8)),
    ("MaxPool2d", options(2, padding=1, ceil_mode=True), normal(2, 3, 5, 6)),
    ("MaxPool3d", options(2, stride=1), normal(2, 3, 4, 3, 5)),
    ("AvgPool2d", options(2), normal(2, 3, 6, 7)),
    ("AvgPool2d", options(2), normal(3, 6, 7)),
    ("AvgPool2d", options(3, stride=2, padding=1), normal(2, 3, 6, 7)),
    ("AvgPool2d", options(3, stride=2, padding=1, count_include_pad=False), normal(2, 3, 6, 7)),
    ("AvgPool2d", options(3, stride=2, ceil_mode=True), normal(2, 3, 6, 8)),
    ("AvgPool2d", options((2, 3), stride=2, padding=1, ceil_mode=True), normal(2, 3, 6, 8)),
    ("AvgPool2d", options(3, 2, 1, ceil_mode=True, count_include_pad=False), normal(2, 3, 6, 8)),
    ("AvgPool2d", options(2, divisor_override=3), normal(2, 3, 6, 7)),
    ("AvgPool3d", options(2, stride=1, padding=1), normal(2, 3, 4, 3, 5)),
    ("ReLU", options(), normal(3, 4)),
    ("Tanh", options(), normal(3, 4)),
    ("Sigmoid", options(), 30 * normal(3, 4)),
    ("Softmax", options(1), 20 * normal(3, 4)),
    ("Softmax", options(-1), normal(3, 4, 2)),
    ("LogSoftmax", options(0), 20 * normal(3, 4)),
    ("Flatten", options(), normal(3, 4, 2)),
    ("Flatten", options(0, 1), normal(3, 4, 2)),
    ("BatchNorm1d", options(3), normal(5, 3)),
    ("BatchNorm1d", options(3), normal(5, 3, 4)),
    ("BatchNorm2d", options(3), 3 + normal(4, 3, 5, 2)),
    ("BatchNorm2d", options(3, eps=0.1, momentum=0.3), normal(4, 3, 5, 2)),
    ("BatchNorm2d", options(3, momentum=None), normal(4, 3, 5, 2)),
    ("BatchNorm2d", options(3, affine=False), normal(4, 3, 5, 2)),
    ("BatchNorm2d", options(3, bias=False), normal(4, 3, 5, 2)),
    ("BatchNorm2d", options(3, track_running_stats=False), normal(4, 3, 5, 2)),
    ("BatchNorm3d", options(2), normal(2, 2, 3, 2, 2)),
    ("Dropout", options(0.0), normal(3, 4)),
    ("Dropout", options(1.0), normal(3, 4)),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(("name", "arguments", "x"), LAYERS)
def test_layer(name: str, arguments: Any, x: np.ndarray) -> None:
    args, kwargs = arguments
    compare_modules(getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs), x)


@pytest.mark.parametrize(("name", "arguments", "x"), [case for case in LAYERS if case[0].startswith(("Ba", "Dr"))])
def test_layer_when_evaluating(name: str, arguments: Any, x: np.ndarray) -> None:
    args, kwargs = arguments
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs).double()
    theirs(torch.tensor(x))  # moves the running statistics
    compare_modules(ours.eval(), theirs.eval(), x)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_over_several_batches(momentum: float | None) -> None:
    ours, theirs = nn.BatchNorm1d(3, momentum=momentum).double(), torch.nn.BatchNorm1d(3, momentum=momentum).double()
    for i in range(4):
        x = np.random.default_rng(i).normal(size=(5, 3))
        ours(nn.Parameter(x)), theirs(torch.tensor(x))
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name].numpy(), value.detach().numpy(), rtol=1e-12)
    assert ours.num_batches_tracked.item() == 4


@pytest.mark.parametrize("n", [1, 3])
def test_avg_pool_1d_and_3d_values(n: int) -> None:
    x = normal(2, 3, *(6,) * n)
    ours, theirs = getattr(F, f"avg_pool{n}d"), getattr(torch.nn.functional, f"avg_pool{n}d")
    compare_functions(lambda t: ours(t, 3, 2, 1), lambda t: theirs(t, 3, 2, 1), x)
    compare_functions(lambda t: ours(t, 3, 2, 1, True, False), lambda t: theirs(t, 3, 2, 1, True, False), x)


@pytest.mark.parametrize(
    ("n", "arguments"),
    [
        (1, options(2)),
        (2, options(3, 2, 1)),
        (2, options((2, 3), (1, 2), (1, 0), (2, 1))),
        (2, options(3, 2, ceil_mode=True)),
        (3, options(2, 1)),
    ],
)
def test_max_pool_indices(n: int, arguments: Any) -> None:
    args, kwargs = arguments
    x = normal(2, 3, *range(6, 6 + n))
    _, found = getattr(F, f"max_pool{n}d")(nn.Parameter(x), *args, return_indices=True, **kwargs)
    _, wanted = getattr(torch.nn.functional, f"max_pool{n}d")(torch.tensor(x), *args, return_indices=True, **kwargs)
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_max_pool_gives_the_first_of_equals_the_whole_gradient() -> None:
    compare_functions(
        lambda t: F.max_pool2d(t, 3, 2, 1), lambda t: torch.nn.functional.max_pool2d(t, 3, 2, 1), np.zeros((1, 2, 6, 6))
    )


scores = normal(6, 4)
maps = normal(2, 4, 3, 2)
classes = rng.integers(0, 4, 6)
map_classes = rng.integers(0, 4, (2, 3, 2))
some_ignored = np.where(np.arange(6) % 3 == 0, -100, classes)
mixtures = rng.dirichlet(np.ones(4), 6)
map_mixtures = np.moveaxis(rng.dirichlet(np.ones(4), (2, 3, 2)), -1, 1).copy()
answers = rng.uniform(size=(6, 4))
weights = np.array([0.5, 2.0, 1.0, 0.1])

LOSSES = [
    ("MSELoss", {}, (scores, answers)),
    ("CrossEntropyLoss", {}, (scores, classes)),
    ("CrossEntropyLoss", {}, (100 * scores, classes)),
    ("CrossEntropyLoss", {}, (scores[0], np.array(2))),
    ("CrossEntropyLoss", {}, (maps, map_classes)),
    ("CrossEntropyLoss", {"weight": weights}, (scores, classes)),
    ("CrossEntropyLoss", {"weight": weights, "label_smoothing": 0.2}, (scores, classes)),
    ("CrossEntropyLoss", {"weight": weights, "label_smoothing": 0.2}, (maps, map_classes)),
    ("CrossEntropyLoss", {"weight": weights, "label_smoothing": 0.2}, (scores, some_ignored)),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, (scores, classes)),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, (scores, some_ignored)),
    ("CrossEntropyLoss", {"ignore_index": 1}, (scores, classes)),
    ("CrossEntropyLoss", {"ignore_index": -1}, (scores, np.where(classes == 2, -1, classes))),
    ("CrossEntropyLoss", {}, (scores, mixtures)),
    ("CrossEntropyLoss", {}, (scores[0], mixtures[0])),
    ("CrossEntropyLoss", {"weight": weights, "label_smoothing": 0.2}, (scores, mixtures)),
    ("CrossEntropyLoss", {"weight": weights}, (maps, map_mixtures)),
    ("NLLLoss", {}, (scores, classes)),
    ("NLLLoss", {"weight": weights}, (maps, map_classes)),
    ("NLLLoss", {"weight": weights}, (scores, some_ignored)),
    ("BCELoss", {}, (answers, rng.uniform(size=(6, 4)))),
    ("BCELoss", {"weight": weights}, (answers, rng.uniform(size=(6, 4)))),
    ("BCEWithLogitsLoss", {}, (50 * scores, answers)),
    ("BCEWithLogitsLoss", {"weight": weights, "pos_weight": weights[::-1].copy()}, (scores, answers)),
    ("MultiMarginLoss", {}, (scores, classes)),
    ("MultiMarginLoss", {}, (scores[0], np.array(2))),
    ("MultiMarginLoss", {"p": 2, "margin": 0.7}, (scores, classes)),
    ("MultiMarginLoss", {"p": 2, "weight": weights}, (scores, classes)),
    ("MultiMarginLoss", {"p": 1, "weight": weights, "margin": 2.0}, (scores, classes)),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "given", "arrays"), LOSSES)
def test_loss(name: str, given: dict[str, Any], arrays: tuple[np.ndarray, ...], reduction: str) -> None:
    named = {k: v for k, v in given.items() if isinstance(v, np.ndarray)}
    plain = {k: v for k, v in given.items() if k not in named}
    ours = getattr(nn, name)(**plain, **{k: nn.Parameter(v).detach() for k, v in named.items()}, reduction=reduction)
    theirs = getattr(torch.nn, name)(**plain, **{k: torch.tensor(v) for k, v in named.items()}, reduction=reduction)
    compare_modules(ours, theirs, *arrays)


def test_bce_holds_the_logarithm_at_minus_100() -> None:
    p, t = np.array([0.0, 1.0, 0.0, 1.0, 1e-60]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    wanted = torch.nn.functional.binary_cross_entropy(torch.tensor(p), torch.tensor(t), reduction="none")
    x = nn.Parameter(p)
    losses = F.binary_cross_entropy(x, nn.Parameter(t), reduction="none")
    np.testing.assert_allclose(losses.numpy(), wanted.numpy())
    losses.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_lenet_has_pytorchs_gradients() -> None:
    class LeNet(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c1 = torch.nn.Conv2d(1, 6, 5)
            self.c3 = torch.nn.Conv2d(6, 16, 5)
            self.c5 = torch.nn.Conv2d(16, 120, 5)
            self.f6 = torch.nn.Linear(120, 84)
            self.output = torch.nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = torch.nn.functional.avg_pool2d(torch.tanh(self.c1(x)), 2)
            x = torch.nn.functional.avg_pool2d(torch.tanh(self.c3(x)), 2)
            return self.output(torch.tanh(self.f6(torch.tanh(self.c5(x)).flatten(1))))

    compare_modules(nn.models.LeNet5(), LeNet(), normal(2, 1, 32, 32), repr_too=False)
