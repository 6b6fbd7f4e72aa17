"""What is timed beside MyGrad and HIPS autograd: written once, for a `library` with NumPy's names and a few layers.

Imported by the workers too, which run in environments of their own: needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class RivalProgram(NamedTuple):
    """`function(library, *inputs)` gives a number, which is differentiated by the first inputs; the last are `data`."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[tuple[int, ...], ...]
    data: tuple[tuple[int, ...], ...] = ()
    convolves: bool = False

    def arrays(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What to differentiate by, scaled so that sums of products are of order one; and the data."""
        rng = np.random.default_rng(0)
        scales = [float(np.prod(shape[:-1] if len(shape) == 2 else shape[1:])) ** -0.5 for shape in self.inputs]
        inputs = [(rng.normal(size=shape) * scale).astype(np.float32) for shape, scale in zip(self.inputs, scales)]
        return inputs, [rng.normal(size=shape).astype(np.float32) for shape in self.data]


def convolution(library: Any, x: Any, w: Any, b: Any) -> Any:
    return library.sum(library.max_pool(library.relu(library.conv(x, w) + b)))


def lenet(library: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, images: Any, classes: Any) -> Any:
    h = library.max_pool(library.relu(library.conv(images, w1) + b1))
    h = library.max_pool(library.relu(library.conv(h, w2) + b2))
    h = library.reshape(h, (h.shape[0], -1))
    return cross_entropy(library, library.matmul(h, w3) + b3, classes)


def mlp(library: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, classes: Any) -> Any:
    h = library.relu(library.matmul(x, w1) + b1)
    h = library.relu(library.matmul(h, w2) + b2)
    return cross_entropy(library, library.matmul(h, w3) + b3, classes)


def cross_entropy(library: Any, scores: Any, weights: Any) -> Any:
    """Of scores (N, K), weighted for each class: sums to what indexing by class would, and every library has it."""
    return -library.sum(library.log_softmax(scores) * weights) / len(weights)


def chain(library: Any, x: Any, w: Any) -> Any:
    h = x
    for _ in range(2_500):
        h = library.sin(h * w + x)
    return library.sum(h)


def elementwise(library: Any, x: Any, y: Any) -> Any:
    return library.sum(library.exp(library.sin(x)) * y + library.tanh(x * y) / (1 + x * x))


def normalization(library: Any, x: Any, scale: Any, shift: Any) -> Any:
    axes = (0, 2, 3)
    centred = x - library.mean(x, axis=axes, keepdims=True)
    variance = library.mean(centred * centred, axis=axes, keepdims=True)
    y = centred / library.sqrt(variance + 1e-5) * scale + shift
    return library.sum(y * y * y)


def product(library: Any, x: Any, y: Any) -> Any:
    return library.sum(library.matmul(x, y))


def batched(library: Any, x: Any, y: Any) -> Any:
    return library.sum(library.einsum("bij,bjk->bik", x, y))


def reductions(library: Any, x: Any) -> Any:
    return library.sum(library.mean(x, axis=0) * library.max(x, axis=0)) + library.sum(library.sum(x, axis=1) ** 2)


def joining(library: Any, x: Any, y: Any) -> Any:
    for _ in range(10):
        x = library.concatenate([x[:, 16:], y * x[:, :16]], axis=1)
    return library.sum(x * x)


def transposing(library: Any, x: Any) -> Any:
    y = library.reshape(library.transpose(x, (0, 2, 3, 1)), (-1, x.shape[1]))
    return library.sum(y * y)


_LAYERS = ((784, 512), (512,), (512, 512), (512,), (512, 10), (10,))

PROGRAMS = (
    RivalProgram(
        "conv 3×3 16→32 at 32×32, relu, max-pool, batch 32",
        convolution,
        ((32, 16, 32, 32), (32, 16, 3, 3), (1, 32, 1, 1)),
        convolves=True,
    ),
    RivalProgram(
        "conv 5×5 3→16 at 32×32, relu, max-pool, batch 32",
        convolution,
        ((32, 3, 32, 32), (16, 3, 5, 5), (1, 16, 1, 1)),
        convolves=True,
    ),
    RivalProgram(
        "two convolutions and a linear layer, batch 32",
        lenet,
        ((6, 1, 5, 5), (1, 6, 1, 1), (16, 6, 5, 5), (1, 16, 1, 1), (400, 10), (10,)),
        ((32, 1, 32, 32), (32, 10)),
        convolves=True,
    ),
    RivalProgram("MLP 784-512-512-10, batch 128", mlp, _LAYERS, ((128, 784), (128, 10))),
    RivalProgram("chain of 7,500 four-element ops", chain, ((4,), (4,))),
    RivalProgram("elementwise, 1,000,000 elements", elementwise, ((1000, 1000), (1000, 1000))),
    RivalProgram("elementwise, 100 elements", elementwise, ((10, 10), (10, 10))),
    RivalProgram(
        "batch norm written out, 64×16×32×32", normalization, ((64, 16, 32, 32), (1, 16, 1, 1), (1, 16, 1, 1))
    ),
    RivalProgram("softmax cross-entropy, 256×1,000", cross_entropy, ((256, 1000),), ((256, 1000),)),
    RivalProgram("product of 512×512 matrices", product, ((512, 512), (512, 512))),
    RivalProgram("einsum of 64 products of 64×64", batched, ((64, 64, 64), (64, 64, 64))),
    RivalProgram("sums, means and maxima, 1,000×1,000", reductions, ((1000, 1000),)),
    RivalProgram("slices and concatenations, 256×256", joining, ((256, 256), (256, 16))),
    RivalProgram("transposed and reshaped, 32×64×32×32", transposing, ((32, 64, 32, 32),)),
)
