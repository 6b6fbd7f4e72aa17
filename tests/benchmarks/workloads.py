"""What is timed: each workload, written once, gives programs that do the same work in this library and in PyTorch.

Networks start from the same weights. PyTorch's are those of torch.nn, built from the source in nn/models or from the
same lines here, with activations in place where the source says so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

import autograd as ag
import nn
import optim
from tests.torch_twin import twin_of

OURS, THEIRS, CHANNELS_LAST, COMPILED = "stepgrad", "PyTorch", "channels_last", "torch.compile"
# By the number of axes of a batch, where PyTorch has such a layout.
LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
CLASSES = 10

Program = Callable[[], Any]
Results = list[np.ndarray]


class Network(NamedTuple):
    """A network to train on one batch of random `images` (C, *), with a class for each, or for each of its pixels.

    `build(library)` makes it of `nn` or of `torch.nn`; `uncompiled` says why torch.compile is not asked.
    """

    name: str
    build: Callable[[Any], Any]
    image: tuple[int, ...]
    batch: int
    optimizer: tuple[str, dict[str, float]] = ("SGD", {"lr": 0.01, "momentum": 0.9})
    pixels: bool = False
    uncompiled: str = ""

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The batch: images (N, C, *) and classes (N,) or (N, *)."""
        rng = np.random.default_rng(0)
        images = rng.normal(size=(self.batch, *self.image)).astype(np.float32)
        return images, rng.integers(0, CLASSES, (self.batch, *self.image[1:]) if self.pixels else self.batch)

    def programs(self, training: bool, variants: tuple[str, ...]) -> dict[str, Program]:
        """A step of ours and of PyTorch's `variants`, from the same weights; see `program`."""
        torch.manual_seed(0)
        original = self.build(torch.nn)
        ours = self.build(nn)
        ours.load_state_dict(original.state_dict())
        theirs = {
            variant: self.program(copy.deepcopy(original), training, variant)
            for variant in variants
            if variant != CHANNELS_LAST or len(self.image) + 1 in LAYOUTS
        }
        return {OURS: self.program(ours, training), **theirs}

    def alone(self, variant: str) -> Callable[[], Program]:
        """What makes the model and gives its training step, once the batch is made."""
        data = tuple(map(tensors(variant), self.data()))
        return lambda: self.program(self.build(nn if variant == OURS else torch.nn), True, variant, data)

    def program(self, model: Any, training: bool, variant: str = OURS, data: tuple[Any, Any] | None = None) -> Program:
        """A training step (zero_grad, forward, loss, backward, optimizer) giving its loss, or inference, its scores."""
        library, functions = (ag, nn.functional) if variant == OURS else (torch, torch.nn.functional)
        images, classes = data or map(tensors(variant), self.data())
        name, options = self.optimizer
        optimizers = optim if variant == OURS else torch.optim
        optimizer = getattr(optimizers, name)(model.parameters(), **options)
        if variant == CHANNELS_LAST:
            layout = LAYOUTS[images.ndim]
            model, images = model.to(memory_format=layout), images.to(memory_format=layout)
        if variant == COMPILED:
            model = torch.compile(model)
        model.train(training)

        def train() -> float:
            optimizer.zero_grad()
            loss = functions.cross_entropy(model(images), classes)
            loss.backward()
            optimizer.step()
            return float(loss.item())

        def infer() -> Any:
            with library.no_grad():
                return computed(model(images))

        return train if training else infer


class Chain(NamedTuple):
    """Operations on four elements, one after another: three for each step of h = sin(h·w + x)."""

    name: str
    nodes: int
    uncompiled: str = "a loop of thousands of operations would keep it busy for minutes"

    def programs(self, training: bool, variants: tuple[str, ...]) -> dict[str, Program]:
        """The sum and its gradients, or the sum alone, in ours and in PyTorch's default; it knows no layouts."""
        return {variant: self.program(variant, training) for variant in (OURS, THEIRS)}

    def alone(self, variant: str) -> Callable[[], Program]:
        return lambda: self.program(variant)

    def program(self, variant: str, training: bool = True) -> Program:
        library: Any = ag if variant == OURS else torch
        x, w = map(tensors(variant), (np.linspace(0.1, 0.4, 4, dtype=np.float32), np.full(4, 0.5, np.float32)))

        def forward() -> Any:
            h = x
            for _ in range(self.nodes // 3):
                h = library.sin(h * w + x)
            return h.sum()

        def train() -> float:
            x.grad = w.grad = None
            loss = forward()
            loss.backward()
            return float(loss.item())

        def infer() -> Any:
            with library.no_grad():
                return forward()

        x.requires_grad_(training)
        w.requires_grad_(training)
        return train if training else infer


Workload = Network | Chain


def computed(result: Any) -> Any:
    """A tensor, its array looked at: one of ours may else be left to be computed."""
    if isinstance(result, ag.Tensor):
        result.data  # noqa: B018
    return result


def tensors(variant: str) -> Callable[[Any], Any]:
    """What makes a tensor of an array."""
    return ag.tensor if variant == OURS else torch.tensor


def agree(programs: Mapping[str, Program], name: str, runs: int = 3) -> list[Results]:
    """Check that all give what PyTorch's default gives, which is returned; see `results` and `check_same`."""
    wanted = results(programs[THEIRS], runs)
    for variant, program in programs.items():
        if variant != THEIRS:
            check_same(f"{name} in {variant}", results(program, runs), wanted)
    return wanted


def results(program: Program, runs: int = 3) -> list[Results]:
    """What a program gives the first times: a loss goes on to agree only if the steps between were the same."""
    return [arrays(program()) for _ in range(runs)]


def check_same(what: str, got: Sequence[Results], wanted: Sequence[Results], tolerance: float = 2e-3) -> None:
    """Raise AssertionError unless they agree, within a tolerance relative to the largest number of the first run."""
    scales = [float(np.abs(first).max(initial=0)) for first in wanted[0]]
    for run, (mine, theirs) in enumerate(zip(got, wanted, strict=True), 1):
        for scale, a, b in zip(scales, mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale, err_msg=f"{what}, run {run}")


def arrays(result: Any) -> Results:
    """A loss, a tensor of either library, or a tuple of such, as arrays."""
    parts = result if isinstance(result, tuple) else (result,)
    return [np.asarray(part.detach().numpy() if hasattr(part, "detach") else part) for part in parts]


def model(name: str, **options: Any) -> Callable[[Any], Any]:
    """A network of nn.models, as it is or on PyTorch; blocks among the options are given by name."""

    def build(library: Any) -> Any:
        def find(name: str) -> Any:
            ours = getattr(nn.models, name)
            return ours if library is nn else twin_of(ours, inplace=True)

        blocks = {key: find(value) if key == "block" else value for key, value in options.items()}
        return find(name)(**blocks)

    return build


def dilated(nn: Any) -> Any:
    """A context network after Yu and Koltun 2016: maps keep their size, what a pixel sees doubles with each layer."""
    layers = []
    channels = 3
    for dilation in (1, 1, 2, 4, 8, 16, 1):
        layers += [nn.Conv2d(channels, 32, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)]
        channels = 32
    return nn.Sequential(*layers, nn.Conv2d(32, CLASSES, 1))


def stages(n: int, widths: tuple[int, ...]) -> Callable[[Any], Any]:
    """A classifier of signals or volumes: convolution – batch norm – relu – 2-wide max-pool, for each width."""

    def build(nn: Any) -> Any:
        Conv, Norm, Pool, Mean = (
            getattr(nn, f"{name}{n}d") for name in ("Conv", "BatchNorm", "MaxPool", "AdaptiveAvgPool")
        )
        layers = []
        for channels, width in zip((1, *widths), widths, strict=False):
            layers += [Conv(channels, width, 3, padding=1, bias=False), Norm(width), nn.ReLU(inplace=True), Pool(2)]
        return nn.Sequential(*layers, Mean(1), nn.Flatten(), nn.Linear(widths[-1], CLASSES))

    return build


MOBILE = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2), (6, 64, 2, 2)]

WORKLOADS: tuple[Workload, ...] = (
    Chain("chain of 7,500 four-element ops", 7_500),
    Network("MLP 784-512-512-10, Adam", model("MLP", sizes=(784, 512, 512, 10)), (784,), 128, ("Adam", {"lr": 1e-3})),
    Network("LeNet-5", model("LeNet5"), (1, 32, 32), 128),
    Network("ResNet-20, 32×32", model("resnet20"), (3, 32, 32), 64),
    Network("DenseNet-BC-40 (k=12), 32×32", model("densenet_bc_40_12"), (3, 32, 32), 32),
    Network(
        "MobileNetV2 stack, 64×64",
        model("MobileNetV2", num_classes=CLASSES, inverted_residual_setting=MOBILE, dropout=0.0),
        (3, 64, 64),
        32,
    ),
    Network(
        "ResNeXt stack (32×4d), 64×64",
        model("ResNet", block="Bottleneck", layers=(1, 1, 1, 1), groups=32, width_per_group=4, num_classes=CLASSES),
        (3, 64, 64),
        32,
    ),
    Network(
        "U-Net, 64×64",
        model("UNet", in_channels=3, num_classes=CLASSES, depth=3, base_channels=32),
        (3, 64, 64),
        8,
        pixels=True,
    ),
    Network("dilated fully convolutional, 64×64", dilated, (3, 64, 64), 8, pixels=True),
    Network("ResNet-18, 64×64", model("resnet18", num_classes=CLASSES), (3, 64, 64), 16),
    Network("1-d convolutional, 1,024", stages(1, (32, 64, 128)), (1, 1024), 64),
    Network("3-d convolutional, 16×32×32", stages(3, (16, 32, 64)), (1, 16, 32, 32), 16),
)
