"""Pictures of networks and of their training, drawn with matplotlib.

Each function draws on `ax` if that is given, on a figure of its own if not, and returns the Axes. A model is anything
with the methods of `nn.Module`, as far as they are used.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad, no_grad
from autograd.memory import freeze
from autograd.stepping.summary import Summary, as_array
from autograd.tensor import Tensor
from autograd.transforms import gradients

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "activation_histograms",
    "filters",
    "gradient_histograms",
    "gradient_norms",
    "loss_curves",
    "loss_surface",
    "receptive_field",
]

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_NAMES = 60  # along an axis, at most
_BINS = 60
_WIDE = 30.0  # the largest of positive numbers in terms of the smallest, from which on a log axis shows more


def gradient_norms(model: Any, label: str | None = None, ax: Axes | None = None) -> Axes:
    """The norm of each parameter's gradient, from the first layer to the last, on a log axis.

    `model` has been through a backward pass; or it is a mapping from names to tensors. Weights are joined by a line;
    parameters with one axis, as biases, are hollow. A gradient that is exactly 0 is marked at the lower edge, one with
    a NaN or an infinity at the upper edge. `label` goes to the legend, for several models on one `ax`. Raises
    ValueError if no parameter has a gradient.

    >>> import nn
    >>> from autograd.stepping import plots
    >>> model = nn.models.MLP([4, 8, 3])
    >>> model(ones(2, 4)).sum().backward()
    >>> [tick.get_text() for tick in plots.gradient_norms(model).get_xticklabels()]
    ['1.weight', '1.bias', '3.weight', '3.bias']
    """
    named = _gradients("gradient_norms", model)
    count = len(named)
    ax = _axes("gradient_norms", ax, (min(max(5.0, 0.28 * count), 14.0), 4.0))
    summaries = [Summary.of(gradient, 0) for gradient in named.values()]
    norms = np.array([math.nan if s.non_finite else s.norm or 0.0 for s in summaries])
    places, shown, many = np.arange(count), norms > 0, np.array([len(s.shape) > 1 for s in summaries])
    color = _next_color(ax)
    weights, others = shown & many, shown & ~many
    ax.plot(places[weights], norms[weights], "o-", color=color, markersize=5, label=label or "weights")
    if others.any():
        name = "_" if label else "biases, scales"
        ax.plot(places[others], norms[others], "o", color=color, markersize=5, markerfacecolor="none", label=name)
    for special, marker, edge, meaning in (
        (norms == 0, "v", 0.03, "exactly 0"),
        (np.isnan(norms), "X", 0.97, "NaN or ∞"),
    ):
        if special.any():
            at_edge = ax.get_xaxis_transform()
            ax.plot(
                places[special], np.full(special.sum(), edge), marker, color=color, transform=at_edge, label=meaning
            )
    every = -(-count // _NAMES)
    ax.set_xticks(places[::every], list(named)[::every], rotation=90, fontsize=8)
    ax.set(xlabel="parameter, from input to output", ylabel="norm of the gradient")
    if shown.any():
        ax.set_yscale("log")
    ax.grid(axis="y", alpha=0.3)
    ax.legend()
    return ax


def gradient_histograms(model: Any, log: bool = True, ax: Axes | None = None) -> Axes:
    """How the elements of each parameter's gradient are distributed, the first layer on top.

    `model` has been through a backward pass; or it is a mapping from names to tensors. With `log` it is their sizes on
    a log axis, without zeros and the smallest hundredth; else the elements themselves. Each row has its own height;
    beside it stand the standard deviation, the share of zeros and how many are not finite, if any. Raises ValueError if
    no parameter has a gradient.

    >>> from autograd.stepping import plots
    >>> w = tensor([1.0, -2.0, 0.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> plots.gradient_histograms({"w": w}).get_xlabel()
    '|gradient|'
    """
    named = _gradients("gradient_histograms", model)
    return _histograms("gradient_histograms", named, "gradient", log, ax)


def activation_histograms(
    model: Any, input: Any, layers: Iterable[Any] | None = None, log: bool = False, ax: Axes | None = None
) -> Axes:
    """How the elements of each layer's output are distributed, the first layer on top.

    `model` runs once on `input` (a tensor, or a tuple of several arguments), in the mode it is in; its parameters and
    buffers are left as they were. `layers` are names as in `named_modules` or classes of modules; without them, all
    modules that have no others inside. With `log` it is the outputs' sizes on a log axis. Each row has its own height;
    beside it stand the standard deviation, the share of zeros and how many are not finite, if any. Raises ValueError if
    none of the layers was called.

    >>> import nn
    >>> from autograd.stepping import plots
    >>> ax = plots.activation_histograms(nn.models.MLP([4, 8, 8, 3]), randn(10, 4), layers=[nn.ReLU])
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['2 ReLU', '4 ReLU']
    """
    activations: dict[str, Array] = {}
    calls: Counter[str] = Counter()

    def keep(name: str) -> Callable[..., None]:
        def hook(module: Any, args: Any, output: Any) -> None:
            parts = output if isinstance(output, (tuple, list)) else [output]
            first = next((part for part in parts if isinstance(part, Tensor)), None)
            if first is not None:
                calls[name] += 1
                activations[f"{name} ({calls[name]})" if calls[name] > 1 else name] = first.array

        return hook

    wanted = None if layers is None else list(layers)
    handles = [
        module.register_forward_hook(keep(f"{name} {type(module).__name__}".lstrip()))
        for name, module in model.named_modules()
        if _is_wanted(name, module, wanted)
    ]
    try:
        with _kept(_state(model)), no_grad():
            model(*input) if isinstance(input, tuple) else model(input)
    finally:
        for handle in handles:
            handle.remove()
    if not activations:
        raise ValueError(f"activation_histograms: the model called none of the layers {wanted}")
    return _histograms("activation_histograms", activations, "activation", log, ax)


def filters(weight: Any, columns: int = 8, ax: Axes | None = None) -> Axes:
    """The weight of a convolution as images: (F, C, KH, KW).

    With three input channels each filter is one image in colour, where 0 is gray; with one, an image in gray;
    otherwise each filter is a row of images, one per input channel, and `columns` does not count. All share one scale
    that is symmetric about 0. Raises ValueError for another number of axes.

    >>> from autograd.stepping import plots
    >>> ax = plots.filters(randn(6, 1, 5, 5), columns=3)
    >>> ax.get_images()[0].get_array().shape
    (11, 17)
    """
    w = as_array(weight)
    if w.ndim != 4 or not w.size:
        raise ValueError(f"filters: wants a convolution's weight (F, C, KH, KW), got shape {w.shape}")
    count, channels, height, width = w.shape
    limit = float(np.abs(w[np.isfinite(w)]).max(initial=0.0)) or 1.0
    if channels == 3:
        images = 0.5 + 0.5 * w.transpose(0, 2, 3, 1) / limit  # (F, KH, KW, 3)
        images = np.concatenate([images, np.ones((*images.shape[:3], 1))], axis=-1)  # opaque, unlike what is between
    else:
        images = w.reshape(-1, height, width)  # (F · C, KH, KW)
        columns = channels if channels > 1 else columns
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    empty = 0.0 if channels == 3 else math.nan
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *images.shape[3:]), empty)
    for k, image in enumerate(images):
        top, left = k // columns * (height + 1), k % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = image
    cell = min(0.9, 9.0 / max(rows, columns))
    ax = _axes("filters", ax, (columns * cell + 1.6, rows * cell + 0.8))
    ax.set_facecolor("#9DC3E6")
    picture = ax.imshow(mosaic, cmap="gray", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set(xticks=[], yticks=[], title=f"{count} filters, {height}×{width}")
    if channels not in (1, 3):
        _number(ax.set_xticks, columns, width)
        _number(ax.set_yticks, rows, height)
        ax.set(xlabel="input channel", ylabel="filter")
    if channels != 3:
        ax.figure.colorbar(picture, ax=ax, label="weight", shrink=0.8)
    return ax


def loss_curves(
    curves: Any, smooth: float = 0.02, epochs: float | None = None, log: bool | None = None, ax: Axes | None = None
) -> Axes:
    """Losses over the steps of training, each with a smoothed line over the raw one.

    `curves` is a sequence of numbers, or a mapping from names to such. The smoothed line is the mean over
    the values around each, as many as are the share `smooth` of the curve (fewer near its ends). With `epochs` every
    curve, however many values it has, ends at that many epochs; else values are counted from 1. The axis of losses is
    logarithmic if `log`, by default where all are positive and the largest is 30 times the smallest. Raises ValueError
    for an empty curve, and for a `smooth` that is no share.

    >>> from autograd.stepping import plots
    >>> ax = plots.loss_curves({"training": [3.0, 2.0, 1.0, 0.5], "held out": [2.5, 1.5]}, epochs=2)
    >>> [line.get_xdata().tolist() for line in ax.get_lines()]
    [[0.5, 1.0, 1.5, 2.0], [1.0, 2.0]]
    """
    if not 0 <= smooth <= 1:
        raise ValueError(f"loss_curves: smooth is a share of the curve, from 0 to 1, got {smooth}")
    named = curves if isinstance(curves, Mapping) else {"": curves}
    known = {name: np.array([float(loss) for loss in losses]) for name, losses in named.items()}
    for name, losses in known.items():
        if not losses.size:
            raise ValueError(f"loss_curves: the curve {name!r} is empty")
    ax = _axes("loss_curves", ax, (6.4, 4.0))
    lines = []
    for name, losses in known.items():
        count = len(losses)
        x = np.arange(1, count + 1) * (epochs / count if epochs else 1)
        width = max(1, round(smooth * count))
        color = _next_color(ax)
        if width > 1:
            ax.plot(x, losses, color=color, alpha=0.3, linewidth=0.8)
        lines.append(_smoothed(losses, width))
        ax.plot(x, lines[-1], color=color, marker="." if count <= 50 else "", label=name or "loss")
    if log if log is not None else _wide(np.concatenate(lines)):
        ax.set_yscale("log")
    ax.set(xlabel="epoch" if epochs else "step", ylabel="loss")
    ax.grid(alpha=0.3)
    if len(ax.get_legend_handles_labels()[1]) > 1 or isinstance(curves, Mapping):
        ax.legend()
    return ax


def loss_surface(
    loss: Callable[[], Any],
    parameters: Any,
    directions: int | Sequence[Sequence[Any]] = 2,
    *,
    span: float = 1.0,
    steps: int = 25,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """A slice of the loss through where the parameters are: a line along one direction, a map along two.

    `loss()` computes the loss at the parameters as they stand; `parameters` is a model or a sequence of tensors. They
    move by a · d₁ + b · d₂, where a and b take `steps` values from -`span` to `span`, and afterwards are as they were,
    also if `loss` fails; so are a model's buffers. `directions` are one or two directions, each a list of arrays in the
    parameters' shapes, or the number of random ones: normally distributed, each filter (row, for a matrix) of the norm
    that the parameter's own has, and 0 for parameters with one axis. Raises ValueError for directions that do not fit.

    Source: Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the loss landscape of neural nets".

    >>> from autograd.stepping import plots
    >>> w = tensor([3.0, 0.0])
    >>> ax = plots.loss_surface(lambda: (w * w).sum(), [w], [[np.array([1.0, 0.0])]], span=3, steps=3)
    >>> ax.get_lines()[0].get_ydata().tolist(), w
    ([0.0, 9.0, 36.0], tensor([3., 0.]))
    """
    moved = list(parameters.parameters() if hasattr(parameters, "parameters") else parameters)
    start = [parameter.array for parameter in moved]
    if isinstance(directions, int):
        rng = np.random.default_rng(seed)
        ways = [[_like_filters(x, rng) for x in start] for _ in range(directions)]
    else:
        ways = [[as_array(part) for part in way] for way in directions]
    if len(ways) not in (1, 2):
        raise ValueError(f"loss_surface: wants 1 or 2 directions, got {len(ways)}")
    for way in ways:
        shapes, wanted = [part.shape for part in way], [x.shape for x in start]
        if shapes != wanted:
            raise ValueError(f"loss_surface: a direction has shapes {shapes}, the parameters have {wanted}")
    places = np.linspace(-span, span, steps)
    losses = np.empty((steps,) * len(ways))  # the second direction first, as rows of a picture
    with _kept([*moved, *_state(parameters)]), no_grad():
        for index in np.ndindex(losses.shape):
            along = [places[i] for i in reversed(index)]
            for parameter, x, *parts in zip(moved, start, *ways, strict=True):
                moved_to = x + sum(a * part for a, part in zip(along, parts, strict=True))
                parameter.array = freeze(np.asarray(moved_to, x.dtype))
            losses[index] = float(loss())
    ax = _axes("loss_surface", ax, (5.6, 4.4))
    wide = _wide(losses)
    if losses.ndim == 1:
        ax.plot(places, losses, color=_next_color(ax))
        ax.axvline(0, color="0.5", linewidth=0.8, linestyle=":")
        ax.set(xlabel="step along the direction", ylabel="loss", yscale="log" if wide else "linear")
        return ax
    image = ax.pcolormesh(
        places, places, np.ma.masked_invalid(losses), cmap="viridis", norm="log" if wide else None, shading="nearest"
    )
    known = losses[np.isfinite(losses)]
    if known.size and known.min() < known.max():
        levels = (np.geomspace if wide else np.linspace)(known.min(), known.max(), 12)
        shown = np.ma.masked_invalid(losses)
        ax.contour(places, places, shown, levels[1:-1], colors="white", linewidths=0.7, alpha=0.8)
    ax.plot(0, 0, "X", color="white", markeredgecolor="black", markersize=9)
    ax.figure.colorbar(image, ax=ax, label="loss")
    ax.set(xlabel="step along direction 1", ylabel="step along direction 2", aspect="equal")
    return ax


def receptive_field(
    f: Callable[[Any], Any],
    input: Any,
    at: tuple[int, ...] | None = None,
    *,
    samples: int = 8,
    seed: int = 0,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Which pixels a place in the output of `f` depends on, and how much: |∂y/∂x|, and its extent as a rectangle.

    `f` takes (1, C, H, W). `input` is the shape (C, H, W), for the mean over `samples` inputs drawn from a normal
    distribution, or one input (1, C, H, W). y is the output at the index `at` along its last axes, summed over those
    before: (row, column) for all channels together, (channel, row, column) for one of them; None for all channels in
    the middle. The picture is |∂y/∂x| summed over channels, divided by its largest element. The rectangle holds all
    pixels that turn y to NaN when NaN is put in their place, and all in the picture. That is the theoretical field but
    where NaN spreads further than influence (bilinear and bicubic resampling, adaptive averages: over whole rows and
    columns) or is stopped (`where(x > 0, x, 0)`); with batch normalisation in training mode it is the whole image.
    Computed in float64. Several panels may share one `colorbar`. Raises ValueError for another shape, or if y does not
    depend on the input.

    Source: Luo, Li, Urtasun, Zemel 2016, "Understanding the effective receptive field in deep convolutional networks".

    >>> import nn
    >>> from autograd.stepping import plots
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 1, 3))
    >>> plots.receptive_field(net, (1, 20, 20)).get_title()
    'y[..., 3, 3] depends on 8×8 pixels'
    """
    if isinstance(input, tuple):
        rng = np.random.default_rng(seed)
        inputs = [rng.normal(size=(1, *input)) for _ in range(samples)]
    else:
        inputs = [as_array(input).astype(np.float64)]  # no Winograd's algorithm, which mixes neighbours
    shape = inputs[0].shape
    if len(shape) != 4 or shape[0] != 1:
        raise ValueError(f"receptive_field: wants one image (1, C, H, W), or the shape (C, H, W), got {shape}")
    with _kept(_state(f)):
        if at is None:
            with no_grad():
                at = tuple(length // 2 for length in f(Tensor(inputs[0])).shape[2:])
        influence = np.mean([_influence(f, image, at) for image in inputs], axis=0)  # (H, W)
        top, bottom, left, right = _extent(f, inputs[0], at, influence)
    ax = _axes("receptive_field", ax, (5.2, 4.2))
    picture = ax.imshow(influence / (influence.max() or 1.0), cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    rows, columns = np.array([top, top, bottom, bottom, top]) - 0.5, np.array([left, right, right, left, left]) - 0.5
    ax.plot(columns, rows, color=COLORS[1], linewidth=2, clip_on=False)
    if colorbar:
        ax.figure.colorbar(picture, ax=ax, label="|∂y/∂x| / its maximum")
    ax.locator_params(integer=True)
    place = ", ".join(["...", *map(str, at)])
    ax.set(xlabel="column", ylabel="row", title=f"y[{place}] depends on {bottom - top}×{right - left} pixels")
    return ax


def _gradients(op: str, model: Any) -> dict[str, Array]:
    """The gradients of a model's parameters, or of tensors by name, as far as there are any."""
    named = model.items() if isinstance(model, Mapping) else model.named_parameters()
    found = {name: p.grad.array for name, p in named if p.grad is not None}
    if not found:
        raise ValueError(f"{op}: no parameter has a gradient; run a backward pass first")
    return found


def _is_wanted(name: str, module: Any, wanted: list[Any] | None) -> bool:
    if wanted is None:
        return not any(True for _ in module.named_children())
    return any(name == one if isinstance(one, str) else isinstance(module, one) for one in wanted)


def _state(model: Any) -> list[Tensor]:
    """A model's parameters and buffers; of anything else, nothing."""
    return [*model.parameters(), *model.buffers()] if hasattr(model, "buffers") else []


@contextmanager
def _kept(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Let tensors work on copies of their arrays, and give them their own back."""
    arrays = [tensor.array for tensor in tensors]
    try:
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.array = freeze(array.copy())
        yield
    finally:
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.array = array


def _histograms(op: str, arrays: dict[str, Array], what: str, log: bool, ax: Axes | None) -> Axes:
    """One histogram above the other, on one axis of values."""
    count = len(arrays)
    ax = _axes(op, ax, (7.0, min(0.45 * count + 1.0, 14.0)))
    finite = [x[np.isfinite(x)].astype(np.float64) for x in arrays.values()]
    values = [np.abs(x[x != 0]) for x in finite] if log else finite
    some = [x for x in values if x.size] or [np.ones(1)]
    low, high = min(np.quantile(x, 0.01 if log else 0) for x in some), max(x.max() for x in some)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    edges = (np.geomspace if log else np.linspace)(low, high, _BINS + 1)
    for k, (array, known, x) in enumerate(zip(arrays.values(), finite, values, strict=True)):
        base = count - 1 - k
        heights, _ = np.histogram(x, edges)
        ax.stairs(base + 0.9 * heights / max(heights.max(), 1), edges, baseline=base, fill=True, color=COLORS[0])
        summary = Summary.of(array, 0)
        facts = [f"σ {known.std():.2g}"] if known.size else []
        facts += [f"{summary.zeros:.0%} zeros"] if summary.zeros else []
        facts += [f"{summary.non_finite:,} not finite"] if summary.non_finite else []
        ax.text(1.01, base + 0.15, ", ".join(facts), fontsize=8, transform=ax.get_yaxis_transform())
    ax.set_yticks(range(count - 1, -1, -1), list(arrays), fontsize=8)
    ax.set(xlabel=f"|{what}|" if log else what, xscale="log" if log else "linear", ylim=(-0.1, count))
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    return ax


def _number(set_ticks: Callable[..., Any], count: int, size: int) -> None:
    """Numbers of images in a mosaic, in their middles, no more than fit."""
    shown = range(0, count, -(-count // 16))
    set_ticks([k * (size + 1) + (size - 1) / 2 for k in shown], [str(k) for k in shown])


def _smoothed(losses: Array, width: int) -> Array:
    """The mean over `width` values around each, as far as there are any."""
    ahead = width // 2
    with np.errstate(invalid="ignore"):
        sums, counts = (np.convolve(x, np.ones(width))[ahead : ahead + len(x)] for x in (losses, np.ones(len(losses))))
    smoothed: Array = sums / counts
    return smoothed


def _wide(values: Array) -> bool:
    """Whether a log axis shows more."""
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() > 0 and known.max() >= _WIDE * known.min())


def _like_filters(x: Array, rng: np.random.Generator) -> Array:
    """A random direction for a parameter: each filter of the norm that its own has."""
    if x.ndim < 2:
        return np.zeros_like(x)
    direction = rng.normal(size=x.shape)
    axes = tuple(range(1, x.ndim))
    own, drawn = (np.sqrt(np.sum(np.square(a, dtype=np.float64), axes, keepdims=True)) for a in (x, direction))
    scaled: Array = direction * (own / drawn)
    return scaled


def _influence(f: Callable[[Any], Any], image: Array, at: tuple[int, ...]) -> Array:
    """|∂y/∂x|, summed over channels: (H, W)."""
    x = Tensor(image, requires_grad=True)
    with enable_grad():
        y = f(x)[(..., *at)].sum()
    gradient = gradients(y, x, allow_unused=True)[0] if y.requires_grad else None
    return np.zeros(image.shape[2:]) if gradient is None else np.abs(gradient.array[0]).sum(axis=0)


def _extent(f: Callable[[Any], Any], image: Array, at: tuple[int, ...], influence: Array) -> tuple[int, int, int, int]:
    """Of what the output at an index depends on: the first row, the row after the last, and the columns so."""

    def reaches(axis: int, part: slice) -> bool:
        probe = image.copy()
        np.moveaxis(probe, axis, 0)[part] = math.nan
        with no_grad(), np.errstate(invalid="ignore"):
            return bool(np.isnan(f(Tensor(probe)).array[(..., *at)]).any())

    bounds = []
    for axis in (2, 3):
        places = range(image.shape[axis])
        first = bisect_left(places, True, key=lambda k: reaches(axis, slice(k + 1)))
        end = bisect_left(places, True, key=lambda k: not reaches(axis, slice(k, None)))
        seen = np.flatnonzero(influence.any(axis=3 - axis)).tolist()
        bounds += [min([first, *seen]), max([end, *(k + 1 for k in seen)])]
    top, bottom, left, right = bounds
    if top >= bottom:
        raise ValueError(f"receptive_field: the output at {at} does not depend on the input")
    return top, bottom, left, right


def _next_color(ax: Axes) -> str:
    return COLORS[len(ax.get_legend_handles_labels()[1]) % len(COLORS)]


def _axes(op: str, ax: Axes | None, size: tuple[float, float]) -> Axes:
    """`ax`, or the Axes of a new figure, `size` inches large."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(f"{op}: needs matplotlib: pip install 'stepgrad[notebooks]'") from error
    return plt.subplots(figsize=size, layout="constrained")[1]
