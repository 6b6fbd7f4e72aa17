"""Forward mode against reverse mode through whole networks, and the symmetry of second derivatives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import Recorded
from networks import narrowed
from numpy.testing import assert_allclose

import autograd as ag
import nn
from autograd import transforms
from nn import functional as F
from nn import models as m


def assert_same(got: Any, wanted: Any) -> None:
    """To 1e-10 of the largest element."""
    got, wanted = (np.asarray(z.data if isinstance(z, ag.Tensor) else z) for z in (got, wanted))
    assert_allclose(got, wanted, rtol=1e-10, atol=1e-10 * np.abs(wanted).max(initial=1e-300))


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    ag.manual_seed(0)
    return build().to(np.float64)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def vgg(batch_norm: bool = False) -> nn.Module:
    return narrowed((m.vgg11_bn if batch_norm else m.vgg11)(num_classes=3), nn.Linear)


def patches() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2))


# each with few channels, on small images; trained, with batch statistics and dropout
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "LinearSoftmax": (lambda: m.LinearSoftmax(12, 3), (2, 12)),
    "MLP": (lambda: m.MLP([12, 5, 4, 3], dropout=0.3), (2, 12)),
    "LeNet5": (lambda: m.LeNet5(num_classes=3), (2, 1, 32, 32)),
    "LeNet5, modern": (lambda: m.LeNet5(num_classes=3, activation="relu", pooling="max"), (2, 1, 32, 32)),
    "AllCNN": (lambda: m.AllCNN(num_classes=3), (1, 3, 32, 32)),
    "CifarResNet A": (lambda: m.CifarResNet(8, num_classes=3), (2, 3, 16, 16)),
    "CifarResNet B": (lambda: m.CifarResNet(8, num_classes=3, shortcut="B"), (2, 3, 16, 16)),
    "CifarResNet preactivated": (lambda: m.CifarResNet(8, num_classes=3, preactivation=True), (2, 3, 16, 16)),
    "CifarResNet plain": (lambda: m.CifarResNet(8, num_classes=3, shortcut=None), (2, 3, 16, 16)),
    "CifarDenseNet": (lambda: m.CifarDenseNet(10, growth_rate=4, num_classes=3, drop_rate=0.2), (2, 3, 16, 16)),
    "CifarDenseNet, checkpoints": (
        lambda: m.CifarDenseNet(10, growth_rate=4, num_classes=3, memory_efficient=True),
        (2, 3, 16, 16),
    ),
    "DenseNet": (lambda: m.DenseNet(4, (2, 2, 2), 8, num_classes=3), (2, 3, 32, 32)),
    "UNet": (lambda: m.UNet(depth=2, base_channels=2), (1, 1, 8, 8)),
    "UNet, bilinear": (lambda: m.UNet(depth=2, base_channels=2, up="bilinear", batch_norm=True), (2, 1, 8, 8)),
    "DeconvNet": (lambda: m.DeconvNet(3, 3, (2, 3), convs=1, code_channels=4, code_size=2), (2, 3, 8, 8)),
    "FullyConvolutional": (lambda: m.fully_convolutional(patches(), (1, 6, 6)), (1, 1, 8, 9)),
    "Hypercolumns": (lambda: m.Hypercolumns(patches()[:3], ["0", "2"]), (1, 1, 8, 8)),
    "SqueezeExcitation": (lambda: m.SqueezeExcitation(4, 2), (2, 4, 3, 3)),
    "ShuffleNetV2": (lambda: m.ShuffleNetV2([1, 1, 1], [4, 8, 8, 8, 16], num_classes=3), (2, 3, 32, 32)),
    "MobileNetV2": (lambda: m.mobilenet_v2(width_mult=0.1, num_classes=3), (2, 3, 32, 32)),
    "ResNet basic": (lambda: m.ResNet(m.BasicBlock, [1, 1, 1, 1], num_classes=3), (2, 3, 32, 32)),
}
LARGE: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ResNet bottleneck": (lambda: m.ResNet(m.Bottleneck, [1, 1, 1, 1], num_classes=3), (2, 3, 32, 32)),
    "ResNeXt": (
        lambda: m.ResNet(m.Bottleneck, [1, 1, 1, 1], num_classes=3, groups=4, width_per_group=4),
        (2, 3, 32, 32),
    ),
    "MNASNet": (lambda: m.MNASNet(0.25, num_classes=3), (2, 3, 64, 64)),
    "SqueezeNet": (lambda: m.squeezenet1_1(num_classes=3), (2, 3, 40, 40)),
    "GoogLeNet": (lambda: m.googlenet(num_classes=3, init_weights=False), (2, 3, 64, 64)),
    "Inception3": (lambda: m.inception_v3(num_classes=3, init_weights=False, aux_logits=False), (2, 3, 80, 80)),
    "AlexNet": (lambda: narrowed(m.alexnet(num_classes=3), nn.Linear), (2, 3, 64, 64)),
    "VGG": (vgg, (1, 3, 32, 32)),
    "VGG, batch norm": (lambda: vgg(batch_norm=True), (2, 3, 32, 32)),
}


@pytest.mark.parametrize("name", [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)])
def test_jacobians_of_networks(name: str) -> None:
    """By input and parameters: rows of the Jacobian (of many, combinations), times directions, against forward mode."""
    build, shape = (NETWORKS | LARGE)[name]
    model = seeded(build)
    leaves = [ag.tensor(drawn(*shape), requires_grad=True), *model.parameters()]
    here = Recorded(lambda x, *_: model(x), leaves)
    rng = np.random.default_rng(1)
    size = sum(y.size for y in here.outputs)
    directions = [here.tangents(rng) for _ in range(2)]
    pushed = [np.concatenate([np.ravel(part) for part in here.push(v)]) for v in directions]
    units = np.eye(size) if size <= 16 else rng.normal(size=(3, size))
    bounds = np.cumsum([0, *(y.size for y in here.outputs)])
    for unit in units:
        cotangents = [unit[a:b].reshape(y.shape) for a, b, y in zip(bounds, bounds[1:], here.outputs)]
        row = here.pull(cotangents)
        for v, column in zip(directions, pushed, strict=True):
            terms = np.concatenate([np.ravel(a * b) for a, b in zip(row, v, strict=True)])
            assert_allclose(terms.sum(), unit @ column, rtol=1e-10, atol=1e-12 * np.abs(terms).sum())


@pytest.mark.parametrize("name", ["MLP", "LeNet5", "UNet", "DeconvNet", "FullyConvolutional", "SqueezeExcitation"])
def test_whole_jacobians_of_small_networks(name: str) -> None:
    build, shape = NETWORKS[name]
    model = seeded(build).eval()
    x = drawn(*shape)[:1]
    reverse, forward = (ag.jacobian(model, mode=mode)(x) for mode in ("reverse", "forward"))
    assert reverse.shape == (*model(ag.tensor(x)).shape, *x.shape)
    assert_same(forward, reverse)


# Second derivatives, by inputs and parameters together

IMAGES, LABELS = drawn(2, 1, 4, 4), np.array([0, 1])


def classified(y: ag.Tensor) -> ag.Tensor:
    return F.cross_entropy(y, LABELS)


def squared(y: ag.Tensor) -> ag.Tensor:
    return F.mse_loss(y, 0.3 * ag.ones_like(y))


def convolutional(*between: nn.Module, channels: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), *between, nn.Flatten(), nn.LazyLinear(2))


LOSSES: dict[str, tuple[Callable[[], nn.Module], Callable[[ag.Tensor], ag.Tensor], np.ndarray]] = {
    "linear": (lambda: m.LinearSoftmax(4, 2), classified, drawn(2, 4)),
    "mlp": (lambda: m.MLP([4, 3, 2], activation="tanh"), classified, drawn(2, 4)),
    "relu": (lambda: convolutional(nn.ReLU(), nn.MaxPool2d(2)), classified, IMAGES),
    "pool": (lambda: convolutional(nn.GELU(), nn.AvgPool2d(2)), classified, IMAGES),
    "strided": (lambda: nn.Sequential(nn.Conv2d(1, 2, 2, stride=2), nn.Tanh(), nn.Flatten()), squared, IMAGES),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(1, 1, 3, stride=2), nn.Sigmoid()), squared, IMAGES[:1]),
    "batch norm": (lambda: convolutional(nn.BatchNorm2d(2), nn.Softplus(), nn.AvgPool2d(2)), classified, IMAGES),
    "group norm": (lambda: convolutional(nn.GroupNorm(1, 2), nn.SiLU(), nn.AvgPool2d(2)), classified, IMAGES),
    "local response": (lambda: convolutional(nn.LocalResponseNorm(2), nn.AvgPool2d(2)), squared, IMAGES),
    "dropout": (lambda: convolutional(nn.Dropout(0.5), nn.Tanh(), nn.AvgPool2d(2)), classified, IMAGES),
    "residual": (lambda: m.PlainBlock(1, 1, norm_layer=lambda n: nn.GroupNorm(1, n)), squared, IMAGES),
    "squeeze": (lambda: m.SqueezeExcitation(2, 1, activation=nn.Tanh), squared, drawn(1, 2, 2, 2)),
    "unet": (lambda: m.UNet(depth=1, base_channels=1), squared, IMAGES[:1]),
    "bilinear": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 2), nn.Tanh(), nn.Upsample(scale_factor=2, mode="bilinear")),
        squared,
        IMAGES[:1],
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_hessians_equal_their_transposes(name: str) -> None:
    """Reverse over reverse gives the rows, forward over reverse the columns."""
    build, loss, x = LOSSES[name]
    model = seeded(build)
    with ag.no_grad():
        model(ag.tensor(x))
    leaves = [ag.tensor(x, requires_grad=True), *model.parameters()]

    def slopes(x: ag.Tensor, *_: ag.Tensor) -> tuple[ag.Tensor, ...]:
        return ag.gradients(loss(model(x)), leaves, create_graph=True)

    here = Recorded(slopes, leaves)
    sizes = [leaf.size for leaf in leaves]

    def parted(unit: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(leaf.shape) for part, leaf in zip(np.split(unit, np.cumsum(sizes)[:-1]), leaves)]

    def flat(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.ravel(part) for part in parts])

    units = np.eye(sum(sizes))
    rows = np.stack([flat(here.pull(parted(unit))) for unit in units])
    columns = np.stack([flat(here.push(parted(unit))) for unit in units], axis=1)
    assert np.any(rows)
    assert_same(rows, rows.T)
    assert_same(columns, rows)


W = drawn(4, 4)
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "cubic": lambda x: (x * x * x).sum(),
    "quadratic": lambda x: x @ W @ x,
    "logsumexp": lambda x: ag.logsumexp(W @ x),
    "softmax": lambda x: (ag.softmax(W @ x) * x).sum(),
    "norm": lambda x: ag.norm(W @ x) ** 3,
    "product": lambda x: ag.prod(x) + ag.cumprod(x).sum(),
    "standardized": lambda x: (ag.standardize(x, 0)[0] ** 3).sum(),
    "determinant": lambda x: ag.det(W + ag.outer(x, x) + ag.diag(x)),
    "sorted": lambda x: (ag.sort(x) * np.arange(4.0)).sum() ** 2,
    "checkpoint": lambda x: ag.checkpoint(lambda x: ag.sin(x) * x, x).sum() * x.sum(),
    "checkpoint of what is used outside": lambda x: (ag.checkpoint(lambda z: ag.exp(z) * x, x) * x).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_in_all_orders_of_modes(name: str) -> None:
    f, x, v = FUNCTIONS[name], np.array([0.5, -1.3, 0.8, 1.9]), np.array([1.0, -0.4, 0.3, 2.0])
    hessian = ag.hessian(f)(x)
    assert_same(hessian, hessian.T)
    for inner in ("reverse", "forward"):
        for outer in ("reverse", "forward"):
            assert_same(ag.jacobian(ag.jacobian(f, mode=inner), mode=outer)(x), hessian)
    wanted = hessian.data @ v
    assert_same(ag.hvp(f, [x], [v]), wanted)  # forward over reverse
    assert_same(ag.grad(lambda x: (ag.grad(f)(x) * v).sum())(x), wanted)  # reverse over reverse
    assert_same(ag.grad(lambda x: ag.jvp(f, [x], [v])[1])(x), wanted)  # reverse over forward
    assert_same(ag.jvp(lambda x: ag.jvp(f, [x], [v])[1], [x], [v])[1], v @ wanted)  # forward over forward


# Dropout and checkpoints


def test_dropout_with_a_seed_is_one_function_in_both_modes() -> None:
    model = seeded(lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 3), nn.Tanh()))

    def f(x: Any) -> ag.Tensor:
        ag.manual_seed(7)
        return model(x)

    x = drawn(2, 4)
    reverse = ag.jacobian(f, mode="reverse")(x)
    assert_same(ag.jacobian(f, mode="forward")(x), reverse)
    mask = ag.jacobian(lambda x: (ag.manual_seed(7), F.dropout(x))[1])(np.ones((2, 6)))
    assert 0 < np.count_nonzero(mask.data) < 12
    hessian = ag.hessian(lambda x: f(x).sum())(x)
    assert_same(hessian, hessian.data.transpose(2, 3, 0, 1))
    assert_same(ag.jacobian(ag.jacobian(lambda x: f(x).sum(), mode="forward"), mode="forward")(x), hessian)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_checkpoints_have_the_same_masks_and_derivatives(mode: Any) -> None:
    """Values, Jacobians, gradients of the parameters and Hessians, as without checkpoints under the same seed."""
    first = seeded(lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(0.5)))
    second = seeded(lambda: nn.Sequential(nn.Linear(5, 3), nn.Dropout(0.5), nn.Sigmoid()))

    def plain(x: Any) -> ag.Tensor:
        ag.manual_seed(7)
        return second(first(x))

    def checkpointed(x: Any) -> ag.Tensor:
        ag.manual_seed(7)
        return ag.checkpoint(second, ag.checkpoint(first, x))

    x = drawn(2, 4)
    results = []
    for f in (plain, checkpointed):
        parameters = [*first.parameters(), *second.parameters()]
        results.append(
            [
                f(ag.tensor(x)).detach(),
                ag.jacobian(f, mode=mode)(x).detach(),
                ag.jacobian(ag.grad(lambda x, f=f: (f(x) ** 2).sum()), mode=mode)(x).detach(),
                *ag.gradients((f(ag.tensor(x)) ** 2).sum(), parameters),
            ]
        )
    for got, wanted in zip(*results, strict=True):
        assert_same(got, wanted)


def test_checkpoints_draw_the_same_numbers_again_while_another_thread_draws() -> None:
    """The gradient of x · mask / (1 - p) at x = 1 is the value itself, and no number that others drew comes again."""
    done = threading.Event()
    noise: list[float] = []

    def draw() -> None:
        while not done.is_set():
            noise.extend(ag.rand(10, dtype="float64").tolist())

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(300):
            x = ag.ones(500).requires_grad_()
            y = ag.checkpoint(F.dropout, x)
            y.sum().backward()
            assert_same(x.grad, y.detach())
    finally:
        done.set()
        thread.join()
    assert len(set(noise)) == len(noise)


@pytest.mark.parametrize("generator", [None, ag.random.default_generator()])
def test_numbers_after_a_checkpoint_go_on_where_it_ended(generator: Any) -> None:
    def draws(call: Callable[..., Any]) -> list[Any]:
        ag.manual_seed(3)
        x = ag.ones(4).requires_grad_()
        y = call(lambda x: x * ag.rand(4, generator=generator), x)
        between = ag.rand(2).tolist()
        y.sum().backward()
        return [y.tolist(), between, x.grad.tolist(), ag.rand(2).tolist()]

    assert draws(ag.checkpoint) == draws(lambda f, x: f(x))


def test_gradients_of_gradients_by_parameters_through_checkpoints() -> None:
    """A gradient penalty: the parameters' gradients of the squared slope by the input."""
    model = seeded(lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)))
    found = []
    for call in (model, lambda x: ag.checkpoint(model, x)):
        x = ag.tensor(drawn(2, 3), requires_grad=True)
        (slope,) = ag.gradients(call(x).sum(), x, create_graph=True)
        found.append(ag.gradients((slope * slope).sum(), list(model.parameters()), allow_unused=True))
    for got, wanted in zip(*found, strict=True):
        assert (got is None) == (wanted is None)
        if wanted is not None:
            assert_same(got, wanted)


# The cheaper mode


@pytest.mark.parametrize(("inputs", "outputs", "wanted"), [(2, 5, "forward"), (5, 2, "reverse"), (3, 3, "reverse")])
def test_jacobian_picks_the_cheaper_mode(
    inputs: int, outputs: int, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = {"forward": 0, "reverse": 0}

    def counted(name: str, sweep: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            sweeps[name] += 1
            return sweep(*args, **kwargs)

        return call

    monkeypatch.setattr(transforms, "forward_sweep", counted("forward", transforms.forward_sweep))
    monkeypatch.setattr(transforms, "reverse_sweep", counted("reverse", transforms.reverse_sweep))
    weights = drawn(outputs, inputs)
    jacobian = ag.jacobian(lambda x: ag.tanh(weights @ x))(np.zeros(inputs))
    assert_same(jacobian, weights)
    other = {"forward": "reverse", "reverse": "forward"}[wanted]
    assert sweeps == {wanted: min(inputs, outputs), other: 0}
