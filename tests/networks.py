"""Networks to compare, weights and images for them by a formula, and what is compared."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Network(NamedTuple):
    """A function of `nn.models` and of torchvision with its options, on two images of this size."""

    name: str
    options: dict[str, Any]
    size: int = 64
    slow: bool = False


def _named(*names: str, slow: tuple[str, ...] = (), size: int = 64, **options: Any) -> dict[str, Network]:
    return {name: Network(name, options, size, name in slow) for name in (*names, *slow)}


# by what facts.json calls them; 10 classes each
NETWORKS = {
    **_named("alexnet", size=95, dropout=0.0),
    **_named("vgg11", "vgg11_bn", slow=("vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"), dropout=0.0),
    **_named("resnet18", "resnet50", slow=("resnet34", "resnet101", "resnet152")),
    **_named("resnext50_32x4d", slow=("resnext101_32x8d", "wide_resnet50_2", "wide_resnet101_2")),
    "resnet50 dilated": Network("resnet50", {"replace_stride_with_dilation": [False, True, True]}, slow=True),
    **_named("densenet121", slow=("densenet161", "densenet169", "densenet201")),
    **_named("squeezenet1_0", "squeezenet1_1", dropout=0.0),
    **_named("googlenet", transform_input=True, init_weights=False, dropout=0.0, dropout_aux=0.0),
    "googlenet alone": Network("googlenet", {"aux_logits": False, "init_weights": False, "dropout": 0.0}),
    **_named(slow=("inception_v3",), size=299, transform_input=True, init_weights=False, dropout=0.0),
    **_named("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"),
    **_named("mobilenet_v2", dropout=0.0),
    "mobilenet_v2 narrow": Network("mobilenet_v2", {"width_mult": 0.35, "round_nearest": 4, "dropout": 0.0}),
    **_named("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3", dropout=0.0),
}


def narrowed(model: Any, linear: Any) -> Any:
    """AlexNet or VGG with classifiers of 8 hidden units instead of 4096; another network as it is."""
    if type(model).__name__ in ("AlexNet", "VGG"):
        positions = [i for i, layer in enumerate(model.classifier) if isinstance(layer, linear)]
        widths = [model.classifier[positions[0]].in_features, 8, 8, 10]
        for position, inputs, outputs in zip(positions, widths, widths[1:], strict=False):
            model.classifier[position] = linear(inputs, outputs)
    return model


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from -1 to 1 that look random, made of a name and of their positions by integer arithmetic alone."""
    x = np.arange(math.prod(shape), dtype=np.uint32) * np.uint32(2654435761)
    x += np.uint32(zlib.crc32(name.encode()))
    for _ in range(2):
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return (x / 2**31 - 1).reshape(shape)


def formula_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """A state dict: weights of the scale that keeps activations as they are, normalisations near the identity."""
    state = {}
    for name, shape in shapes.items():
        u = uniform(name, shape)
        if name.endswith("num_batches_tracked"):
            state[name] = np.zeros(shape, np.int64)
        elif name.endswith("running_var"):
            state[name] = 1 + 0.3 * u
        elif name.endswith("weight") and len(shape) > 1:
            state[name] = math.sqrt(6 / math.prod(shape[1:])) * u
        elif name.endswith("weight"):
            state[name] = 1 + 0.1 * u
        else:
            state[name] = 0.1 * u
    return state


def digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """A short hash of the keys and shapes of a state dict."""
    text = ";".join(f"{name}{list(shape)}" for name, shape in sorted(shapes.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def measures(outputs: Iterable[np.ndarray], gradients: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Of each output the first numbers and the norm; of the gradients the norm of all, and of the first and last."""
    norms = [float(np.linalg.norm(gradient)) for gradient in gradients.values()]
    return {
        "outputs": [[*y.ravel()[:3].tolist(), float(np.linalg.norm(y))] for y in outputs],
        "gradients": [math.hypot(*norms), norms[0], norms[-1]],
    }
