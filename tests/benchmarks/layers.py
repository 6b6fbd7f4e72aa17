"""Layer by layer: forward (recorded), and forward with backward."""

from __future__ import annotations

from collections.abc import Callable
from statistics import geometric_mean
from typing import Any, NamedTuple

import numpy as np
import torch

import autograd as ag
import nn
from tests.benchmarks.report import Section, Settings, milliseconds, progress, spread, table
from tests.benchmarks.timing import Stopwatch, compare
from tests.benchmarks.workloads import OURS, THEIRS, Program, agree, computed, tensors


class Indices(NamedTuple):
    """An input of integers below a limit."""

    shape: tuple[int, ...]
    limit: int


class Layer(NamedTuple):
    """A layer or function, `build(library)` with `nn` or `torch.nn`, and the shapes of its inputs."""

    name: str
    build: Callable[[Any], Callable[..., Any]]
    inputs: tuple[tuple[int, ...] | Indices, ...]

    def arrays(self) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        return [
            rng.integers(0, kind.limit, kind.shape)
            if isinstance(kind, Indices)
            else rng.normal(size=kind).astype(np.float32)
            for kind in self.inputs
        ]

    def programs(self) -> tuple[dict[str, Program], dict[str, Program]]:
        """Forward, and forward with backward, in both libraries with the same weights and cotangent."""
        torch.manual_seed(0)
        theirs, ours = self.build(torch.nn), self.build(nn)
        if isinstance(theirs, torch.nn.Module):
            ours.load_state_dict(theirs.state_dict())  # type: ignore[attr-defined]
        pairs = {OURS: _programs(ours, self.arrays(), OURS), THEIRS: _programs(theirs, self.arrays(), THEIRS)}
        forward, both = ({name: pair[i] for name, pair in pairs.items()} for i in range(2))
        return forward, both


def _programs(layer: Any, arrays: list[np.ndarray], library: str) -> tuple[Program, Program]:
    inputs = [tensors(library)(a) for a in arrays]
    floating = [x for x, a in zip(inputs, arrays, strict=True) if a.dtype.kind == "f"]
    for x in floating:
        x.requires_grad_(True)
    leaves = [*floating, *(layer.parameters() if hasattr(layer, "parameters") else ())]
    shape = tuple(layer(*inputs).shape)
    cotangent = tensors(library)(np.asarray(np.random.default_rng(1).normal(size=shape), np.float32))

    def forward() -> Any:
        return computed(layer(*inputs))

    def both() -> Any:
        for leaf in leaves:
            leaf.grad = None
        computed(layer(*inputs)).backward(cotangent)
        return tuple(leaf.grad for leaf in leaves)

    return forward, both


def section(settings: Settings) -> Section | None:
    """A table of them all."""
    rows = []
    ratios: tuple[list[float], list[float]] = ([], [])
    for layer in progress(settings.chosen(LAYERS), "layers"):
        row = [layer.name, "×".join(map(str, layer.arrays()[0].shape))]
        for programs, found in zip(layer.programs(), ratios, strict=True):
            agree(programs, layer.name)
            stopwatches = {name: Stopwatch(program) for name, program in programs.items()}
            times = compare(stopwatches, settings.turns, 1.2 * settings.share)
            ratio = times.ratio(OURS, THEIRS)
            found.append(ratio.value)
            row += [milliseconds(times.median(OURS)), milliseconds(times.median(THEIRS)), *spread(ratio)]
        rows.append(row)
    if not rows:
        return None
    means = [f"**{geometric_mean(found):.2f}**" for found in ratios]
    rows.append(["**geometric mean**", "", "", "", means[0], "", "", "", means[1], ""])
    columns = ("stepgrad, ms", "PyTorch, ms", "ratio", "middle half")
    header = ("", "input", *(f"{passes}: {c}" for passes in ("forward", "with backward") for c in columns))
    text = (
        "Each alone, on inputs that require gradients and lie in memory in each library's default order (so that ours "
        "cannot hand on from layer to layer the order it prefers, as it does within a network), against the same "
        "cotangent. Forward is recorded, as in training."
    )
    return Section("Layer by layer", f"{text}\n\n{table(header, rows)}")


def _joined(library: Any) -> Callable[..., Any]:
    join: Any = ag.concatenate if library is nn else torch.cat
    return lambda *xs: join(xs, 1)


def _added(library: Any) -> Callable[..., Any]:
    return lambda x, y: x + y


_IMAGES, _MIDDLE, _SMALL = (64, 16, 32, 32), (64, 32, 16, 16), (64, 64, 8, 8)

LAYERS = (
    Layer("conv 3×3, 3→16", lambda nn: nn.Conv2d(3, 16, 3, padding=1), ((64, 3, 32, 32),)),
    Layer("conv 3×3, 16→16", lambda nn: nn.Conv2d(16, 16, 3, padding=1), (_IMAGES,)),
    Layer("conv 3×3, 32→32", lambda nn: nn.Conv2d(32, 32, 3, padding=1), (_MIDDLE,)),
    Layer("conv 3×3, 64→64", lambda nn: nn.Conv2d(64, 64, 3, padding=1), (_SMALL,)),
    Layer("conv 3×3, 128→128", lambda nn: nn.Conv2d(128, 128, 3, padding=1), ((16, 128, 28, 28),)),
    Layer("conv 3×3, 512→512", lambda nn: nn.Conv2d(512, 512, 3, padding=1), ((16, 512, 4, 4),)),
    Layer("conv 1×1, 64→256", lambda nn: nn.Conv2d(64, 256, 1), ((32, 64, 16, 16),)),
    Layer("conv 1×1, 256→64", lambda nn: nn.Conv2d(256, 64, 1), ((32, 256, 16, 16),)),
    Layer("conv 5×5, 6→16", lambda nn: nn.Conv2d(6, 16, 5), ((128, 6, 14, 14),)),
    Layer("conv 7×7, 3→64, stride 2", lambda nn: nn.Conv2d(3, 64, 7, 2, 3), ((16, 3, 64, 64),)),
    Layer("conv 3×3, 32→64, stride 2", lambda nn: nn.Conv2d(32, 64, 3, 2, 1), (_MIDDLE,)),
    Layer("conv 3×3, 32→32, dilation 4", lambda nn: nn.Conv2d(32, 32, 3, padding=4, dilation=4), ((8, 32, 64, 64),)),
    Layer(
        "conv 3×3, 128→128, 32 groups", lambda nn: nn.Conv2d(128, 128, 3, padding=1, groups=32), ((32, 128, 16, 16),)
    ),
    Layer(
        "conv 3×3, 144 channels, depthwise",
        lambda nn: nn.Conv2d(144, 144, 3, padding=1, groups=144),
        ((32, 144, 16, 16),),
    ),
    Layer(
        "conv 3×3, 144 channels, depthwise, stride 2",
        lambda nn: nn.Conv2d(144, 144, 3, 2, 1, groups=144),
        ((32, 144, 16, 16),),
    ),
    Layer("transposed conv 2×2, 64→32, stride 2", lambda nn: nn.ConvTranspose2d(64, 32, 2, 2), ((8, 64, 32, 32),)),
    Layer("transposed conv 4×4, 64→32, stride 2", lambda nn: nn.ConvTranspose2d(64, 32, 4, 2, 1), ((8, 64, 16, 16),)),
    Layer("conv 1-d, 3, 64→64", lambda nn: nn.Conv1d(64, 64, 3, padding=1), ((64, 64, 256),)),
    Layer("conv 3-d, 3×3×3, 16→32", lambda nn: nn.Conv3d(16, 32, 3, padding=1), ((8, 16, 16, 16, 16),)),
    Layer("linear 512→512", lambda nn: nn.Linear(512, 512), ((128, 512),)),
    Layer("linear 784→10", lambda nn: nn.Linear(784, 10), ((128, 784),)),
    Layer("embedding 10,000→128", lambda nn: nn.Embedding(10_000, 128), (Indices((64, 64), 10_000),)),
    Layer("batch norm", lambda nn: nn.BatchNorm2d(16), (_IMAGES,)),
    Layer("batch norm", lambda nn: nn.BatchNorm2d(64), (_SMALL,)),
    Layer("layer norm", lambda nn: nn.LayerNorm(512), ((64, 64, 512),)),
    Layer("group norm, 8 groups", lambda nn: nn.GroupNorm(8, 32), (_MIDDLE,)),
    Layer("max pool 2×2", lambda nn: nn.MaxPool2d(2), (_IMAGES,)),
    Layer("max pool 3×3, stride 2", lambda nn: nn.MaxPool2d(3, 2, 1), ((16, 64, 32, 32),)),
    Layer("average pool 2×2", lambda nn: nn.AvgPool2d(2), (_IMAGES,)),
    Layer("average of each map", lambda nn: nn.AdaptiveAvgPool2d(1), (_SMALL,)),
    Layer("relu", lambda nn: nn.ReLU(), (_IMAGES,)),
    Layer("gelu", lambda nn: nn.GELU(), (_IMAGES,)),
    Layer("addition", _added, (_IMAGES, _IMAGES)),
    Layer("softmax, cross-entropy, 10 classes", lambda nn: nn.CrossEntropyLoss(), ((128, 10), Indices((128,), 10))),
    Layer(
        "softmax, cross-entropy, 1,000 classes", lambda nn: nn.CrossEntropyLoss(), ((256, 1000), Indices((256,), 1000))
    ),
    Layer("concatenation of channels, 64 and 12", _joined, ((32, 64, 32, 32), (32, 12, 32, 32))),
    Layer("upsampling ×2, nearest", lambda nn: nn.Upsample(scale_factor=2), ((8, 32, 32, 32),)),
    Layer("upsampling ×2, bilinear", lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), ((8, 32, 32, 32),)),
)
