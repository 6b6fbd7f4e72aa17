"""The dense network gives at each position what the classifier gives on the patch there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import uniform

import autograd as ag
import nn
from nn.models import fully_convolutional

CASES: list[tuple[Any, tuple[int, int, int]]] = [
    (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4)), (2, 5, 5)),
    (lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 5), nn.Tanh(), nn.Linear(5, 2), nn.LogSoftmax(-1)), (2, 3, 4)),
    (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 2, groups=2, bias=False),
            nn.BatchNorm2d(4),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 6),
            nn.BatchNorm1d(6),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(6, 3),
            nn.Softmax(1),
        ),
        (1, 12, 13),
    ),
    # strides that leave rows of the patch out, dilation, overlapping pools
    (
        lambda: nn.Sequential(nn.Conv2d(1, 2, (2, 3), stride=(3, 2), dilation=2), nn.Flatten(), nn.Linear(16, 2)),
        (1, 8, 12),
    ),
    (
        lambda: nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.ReLU()),
            nn.Sequential(nn.MaxPool2d(3, 2, dilation=2), nn.LocalResponseNorm(3), nn.AdaptiveAvgPool2d(1)),
            nn.Flatten(),
            nn.Linear(2, 3),
        ),
        (1, 21, 18),
    ),
    # one module in two places
    (lambda: nn.Sequential(*2 * [nn.Conv2d(1, 1, 3, stride=2), nn.ReLU()], nn.Flatten(), nn.Linear(4, 2)), (1, 11, 12)),
    (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d((2, None)), nn.Conv2d(2, 1, (2, 3))), (1, 8, 5)),
]


def trained(make: Any) -> Any:
    """With statistics and parameters that are not those of the start."""
    ag.manual_seed(0)
    model = make().double()
    for name, value in model.state_dict().items():
        if value.ndim == 1:
            value.write(1.5 + uniform(name, value.shape))
    return model.eval()


@pytest.mark.parametrize(("make", "patch"), CASES)
def test_every_position_is_the_classifier_on_its_patch(make: Any, patch: tuple[int, int, int]) -> None:
    classifier = trained(make)
    dense = fully_convolutional(classifier, patch)
    _, h, w = patch
    image = uniform("image", (2, patch[0], h + 6, w + 4))
    y = dense(ag.tensor(image)).numpy()
    assert y.shape[2:] == (7, 5)
    for i, j in np.ndindex(7, 5):
        wanted = classifier(ag.tensor(image[:, :, i : i + h, j : j + w])).numpy().reshape(2, -1)
        np.testing.assert_allclose(y[:, :, i, j], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("make", "patch"), CASES[:3])
def test_gradients_are_the_sum_over_the_patches(make: Any, patch: tuple[int, int, int]) -> None:
    classifier = trained(make)
    dense = fully_convolutional(classifier, patch)
    _, h, w = patch
    image = uniform("image", (1, patch[0], h + 2, w + 1))
    y = dense(ag.tensor(image))
    cotangent = uniform("cotangent", y.shape)
    y.backward(ag.tensor(cotangent))
    found = {name: parameter.grad.numpy() for name, parameter in classifier.named_parameters()}
    classifier.zero_grad()
    for i, j in np.ndindex(3, 2):
        classifier(ag.tensor(image[:, :, i : i + h, j : j + w])).backward(ag.tensor(cotangent[:, :, i, j]))
    for name, parameter in classifier.named_parameters():
        np.testing.assert_allclose(found[name], parameter.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_parameters_are_shared_under_the_same_names() -> None:
    classifier = trained(CASES[2][0])
    dense = fully_convolutional(classifier, CASES[2][1])
    assert list(dense.state_dict()) == list(classifier.state_dict())
    ours, theirs = dict(dense.named_parameters()), dict(classifier.named_parameters())
    assert all(ours[name] is theirs[name] for name in theirs)
    assert not dense.training


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Conv2d(1, 2, 3, padding=1)], "can only take Conv2d if it has no padding"),
        ([nn.Conv2d(2, 2, 3)], "can only take Conv2d if it takes 1 channels"),
        ([nn.Conv2d(1, 2, 9)], r"can only take Conv2d if it fits into maps \(8, 8\)"),
        ([nn.MaxPool2d(2, ceil_mode=True)], "can only take MaxPool2d if it has no padding, ceil_mode"),
        ([nn.AvgPool2d(2, divisor_override=3)], "can only take AvgPool2d if it has no padding, ceil_mode or divisor"),
        ([nn.AdaptiveAvgPool2d(3)], r"can only take AdaptiveAvgPool2d if it divides \(8, 8\) evenly"),
        ([nn.Linear(8, 2)], r"Linear\(.*\) comes upon unflattened maps \(1, 8, 8\)"),
        ([nn.Flatten(), nn.Linear(8, 2)], r"Linear\(.*\) comes upon maps \(1, 8, 8\)"),
        ([nn.Flatten(), nn.Conv2d(1, 2, 3)], "can only take Conv2d if it comes before Flatten"),
        ([nn.Flatten(2)], "can only take Flatten if it flattens all but the batch"),
        ([nn.Flatten(), nn.BatchNorm1d(64)], "can only take BatchNorm1d if it comes after a linear layer"),
        ([nn.Softmax(-1)], "can only take Softmax if it goes over the channels"),
        ([nn.GroupNorm(1, 1)], "does not know what to make of GroupNorm"),
        ([nn.ReLU()], r"a patch comes to maps \(1, 8, 8\), not to one vector"),
    ],
)
def test_what_it_refuses(layers: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"fully_convolutional: .*{message}"):
        fully_convolutional(nn.Sequential(*layers), (1, 8, 8))


def test_images_that_do_not_fit() -> None:
    dense = fully_convolutional(trained(CASES[0][0]), (2, 5, 5))
    for shape in ((1, 2, 4, 9), (1, 3, 9, 9), (2, 9, 9)):
        with pytest.raises(ValueError, match=r"FullyConvolutional: wants images \(N, 2, H, W\) of at least 5×5"):
            dense(ag.zeros(shape))
