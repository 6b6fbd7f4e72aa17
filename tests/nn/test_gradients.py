"""Every layer and every function of nn, through gradcheck: parameters and inputs, at orders 1 and 2, in both modes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from nn import functional as F

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def uniform(*shape: int) -> np.ndarray:
    return rng.uniform(0.1, 0.9, size=shape)


def integers(high: int, *shape: int) -> np.ndarray:
    return rng.integers(0, high, size=shape)


def signs(*shape: int) -> np.ndarray:
    return 2 * integers(2, *shape) - 1


def images(n: int, channels: int = 2, batch: int = 2) -> np.ndarray:
    """A batch with n spatial axes: (N, C, *)."""
    return normal(batch, channels, *(7, 6, 5)[:n]) if n < 3 else normal(batch, channels, 4, 5, 3)


def mixtures(*shape: int) -> np.ndarray:
    """Positive, summing to 1 over the last axis."""
    weights = uniform(*shape)
    return weights / weights.sum(-1, keepdims=True)


Case = tuple[Callable[..., Any], tuple[np.ndarray, ...]]


def case(f: Callable[..., Any], *inputs: np.ndarray) -> list[Case]:
    return [(f, inputs)]


def dims(make: Callable[[int], Callable[..., Any]], name: str, *inputs: Callable[[int], np.ndarray]) -> dict[str, Any]:
    """One case for each number of spatial axes, under the name with that number in it."""
    given = inputs or (images,)
    return {name.format(n): case(make(n), *(draw(n) for draw in given)) for n in (1, 2, 3) if _exists(name.format(n))}


def _exists(name: str) -> bool:
    return name in nn.__all__ or name in F.__all__


def layer(name: str, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """What makes the layer, with a seed of its own."""

    def make() -> Any:
        ag.manual_seed(0)
        return getattr(nn, name)(*args, **kwargs)

    return make


def of_layer(template: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    return dims(lambda n: layer(template.format(n), *args, **kwargs), template)


def per_axis(n: int, length: int) -> tuple[int, ...]:
    return (length,) * n


x, scores = normal(3, 4), normal(6, 4)
classes = integers(4, 6)
pairs = (normal(5, 4), normal(5, 4))
triples = (normal(5, 4), normal(5, 4), normal(5, 4))
ACTIVATIONS = (
    *("CELU", "ELU", "GELU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "Heaviside", "LeakyReLU"),
    *("LogSigmoid", "Mish", "PReLU", "ReLU", "ReLU6", "RReLU", "SiLU", "Sigmoid", "Softplus", "Softshrink"),
    *("Softsign", "Tanh", "Tanhshrink", "Identity", "Dropout", "AlphaDropout", "GLU"),
)
LOSSES: dict[str, Any] = {
    "BCELoss": ({}, (uniform(6, 4), uniform(6, 4))),
    "BCEWithLogitsLoss": ({}, (scores, uniform(6, 4))),
    "BinaryHingeLoss": ({}, (normal(6), signs(6))),
    "CosineEmbeddingLoss": ({"margin": -0.5}, (*pairs, signs(5))),
    "CrossEntropyLoss": ({"label_smoothing": 0.1}, (scores, classes)),
    "GaussianNLLLoss": ({"full": True}, (scores, normal(6, 4), uniform(6, 4))),
    "HingeEmbeddingLoss": ({}, (scores, signs(6, 4))),
    "HuberLoss": ({}, (scores, normal(6, 4))),
    "KLDivLoss": ({"reduction": "batchmean"}, (np.log(mixtures(6, 4)), mixtures(6, 4))),
    "L1Loss": ({}, (scores, normal(6, 4))),
    "MSELoss": ({}, (scores, normal(6, 4))),
    "MarginRankingLoss": ({"margin": 0.3}, (normal(6), normal(6), signs(6))),
    "MultiLabelMarginLoss": ({}, (normal(2, 4), np.array([[3, 0, -1, 1], [1, -1, 0, 2]]))),
    "MultiLabelSoftMarginLoss": ({}, (scores, integers(2, 6, 4))),
    "MultiMarginLoss": ({}, (scores, classes)),
    "NLLLoss": ({}, (scores, classes)),
    "PoissonNLLLoss": ({}, (scores, uniform(6, 4))),
    "SmoothL1Loss": ({"beta": 0.7}, (scores, normal(6, 4))),
    "SoftMarginLoss": ({}, (scores, signs(6, 4))),
    "TripletMarginLoss": ({"swap": True}, triples),
    "TripletMarginWithDistanceLoss": ({}, triples),
}
PADS = {"Circular": (2,), "Constant": ((1, 2), 0.5), "Reflection": (2,), "Replication": ((1, 2),), "Zero": (2,)}

LAYERS: dict[str, list[Case]] = {
    **{name: case(layer(name), x) for name in ACTIVATIONS},
    **{name: case(layer(name, **options), *inputs) for name, (options, inputs) in LOSSES.items()},
    **{
        k: v
        for kind, args in PADS.items()
        for k, v in dims(
            lambda n, kind=kind, args=args: layer(  # type: ignore[misc]
                f"{kind}Pad{n}d", args[0] if isinstance(args[0], int) else args[0] * n, *args[1:]
            ),
            kind + "Pad{}d",
        ).items()
    },
    "Threshold": case(layer("Threshold", 0.1, 2.0), x),
    "Softmax": case(layer("Softmax", 1), x),
    "Softmin": case(layer("Softmin", 1), x),
    "LogSoftmax": case(layer("LogSoftmax", 1), x),
    "Softmax2d": case(layer("Softmax2d"), images(2)),
    **of_layer("AdaptiveAvgPool{}d", 3),
    **of_layer("AdaptiveMaxPool{}d", 2),
    **of_layer("AvgPool{}d", 3, stride=2, padding=1),
    **of_layer("MaxPool{}d", 3, stride=2, padding=1),
    **of_layer("LPPool{}d", 2, 2),
    **of_layer("FractionalMaxPool{}d", 2, output_ratio=0.6),
    "GlobalAvgPool": case(layer("GlobalAvgPool"), images(2)),
    "GlobalMaxPool": case(layer("GlobalMaxPool"), images(2)),
    **dims(
        lambda n: layer(f"MaxUnpool{n}d", 2),
        "MaxUnpool{}d",
        lambda n: normal(2, 2, *per_axis(n, 2)),
        lambda n: np.argsort(rng.random((2, 2, 4**n)))[..., : 2**n].reshape(2, 2, *per_axis(n, 2)),
    ),
    **of_layer("Conv{}d", 2, 4, 3, stride=2, padding=1, groups=2),
    "Conv2d": [
        (
            layer("Conv2d", 2, 3, (3, 2), stride=(1, 2), dilation=(2, 1), padding_mode="reflect", padding=1),
            (images(2),),
        ),
        (layer("Conv2d", 4, 4, 3, padding="same", groups=4), (images(2, 4),)),
    ],
    **of_layer("ConvTranspose{}d", 2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
    **of_layer("BatchNorm{}d", 2),
    **of_layer("InstanceNorm{}d", 2, affine=True),
    **of_layer("LazyBatchNorm{}d"),
    **of_layer("LazyInstanceNorm{}d"),
    **of_layer("LazyConv{}d", 3, 2),
    **of_layer("LazyConvTranspose{}d", 3, 2, stride=2),
    **of_layer("Dropout{}d", 0.4),
    "FeatureAlphaDropout": case(layer("FeatureAlphaDropout", 0.4), images(2)),
    "GroupNorm": case(layer("GroupNorm", 2, 4), images(2, 4)),
    "LayerNorm": case(layer("LayerNorm", (6,)), images(2)),
    "RMSNorm": case(layer("RMSNorm", (6,)), images(2)),
    "LocalResponseNorm": case(layer("LocalResponseNorm", 3, alpha=0.5), images(2, 4)),
    "Linear": case(layer("Linear", 4, 3), x),
    "LazyLinear": case(layer("LazyLinear", 3), x),
    "Bilinear": case(layer("Bilinear", 4, 3, 2), x, normal(3, 3)),
    "Embedding": case(layer("Embedding", 5, 3), integers(5, 2, 4)),
    "EmbeddingBag": [(layer("EmbeddingBag", 5, 3, mode=mode), (integers(5, 2, 4),)) for mode in ("sum", "mean", "max")],
    **{name: case(layer(name, 3, 2, bidirectional=True), normal(3, 2, 3)) for name in ("RNN", "LSTM", "GRU")},
    **{f"{name}Cell": case(layer(f"{name}Cell", 3, 2), normal(2, 3)) for name in ("RNN", "LSTM", "GRU")},
    "MultiheadAttention": case(layer("MultiheadAttention", 4, 2), normal(3, 2, 4), normal(2, 2, 4), normal(2, 2, 4)),
    "TransformerEncoderLayer": case(layer("TransformerEncoderLayer", 4, 2, 3, dropout=0.0), normal(3, 2, 4)),
    "TransformerDecoderLayer": case(
        layer("TransformerDecoderLayer", 4, 2, 3, dropout=0.0), normal(3, 2, 4), normal(2, 2, 4)
    ),
    "TransformerEncoder": case(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0), 1), normal(2, 1, 4)
    ),
    "TransformerDecoder": case(
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0), 1),
        normal(2, 1, 4),
        normal(3, 1, 4),
    ),
    "Transformer": case(layer("Transformer", 4, 2, 1, 1, 3, dropout=0.0), normal(2, 1, 4), normal(3, 1, 4)),
    "DepthwiseSeparableConv2d": case(layer("DepthwiseSeparableConv2d", 2, 3, 3, padding=1), images(2)),
    "SpatiallySeparableConv2d": case(layer("SpatiallySeparableConv2d", 2, 3, 3, padding=1), images(2)),
    "LocallyConnected1d": case(layer("LocallyConnected1d", 2, 3, 7, 3, stride=2), images(1)),
    "LocallyConnected2d": case(layer("LocallyConnected2d", 2, 3, (7, 6), 3, padding=1), images(2)),
    "Flatten": case(layer("Flatten"), images(2)),
    "Unflatten": case(layer("Unflatten", 1, (2, 2)), x),
    "ChannelShuffle": case(layer("ChannelShuffle", 2), images(2, 4)),
    "PixelShuffle": case(layer("PixelShuffle", 2), images(2, 4)),
    "PixelUnshuffle": case(layer("PixelUnshuffle", 2), normal(2, 2, 4, 6)),
    "Unfold": case(layer("Unfold", 3, padding=1, stride=2), images(2)),
    "Fold": case(layer("Fold", (5, 4), 2, stride=1), normal(2, 8, 12)),
    "Upsample": [
        (layer("Upsample", scale_factor=2, mode=mode), (images(2),)) for mode in ("nearest", "bilinear", "bicubic")
    ],
    "UpsamplingBilinear2d": case(layer("UpsamplingBilinear2d", scale_factor=2), images(2)),
    "UpsamplingNearest2d": case(layer("UpsamplingNearest2d", scale_factor=2), images(2)),
    "CosineSimilarity": case(layer("CosineSimilarity"), *pairs),
    "PairwiseDistance": case(layer("PairwiseDistance"), *pairs),
    "AdaptiveLogSoftmaxWithLoss": case(
        layer("AdaptiveLogSoftmaxWithLoss", 6, 10, [3, 6], div_value=2.0), normal(4, 6), np.array([0, 4, 8, 9])
    ),
    "LinearCrossEntropyLoss": case(layer("LinearCrossEntropyLoss", 4, 4), scores, classes),
}
MODULES = sorted(
    name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
)
# what holds other modules or parameters, or is what others inherit from, and computes nothing of its own
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"}
CONTAINERS |= {"RNNBase", "RNNCellBase"}
BEHAVING_DIFFERENTLY = [n for n in LAYERS if "Norm" in n or "Dropout" in n or n == "RReLU"]

SIMPLE = (
    *("celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "heaviside", "leaky_relu"),
    *("logsigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh"),
    *("tanhshrink", "normalize", "pdist", "dropout"),
)
LOSS_FUNCTIONS = {
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "KLDivLoss": "kl_div",
    "MultiLabelMarginLoss": "multilabel_margin_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "NLLLoss": "nll_loss",
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
    "TripletMarginLoss": "triplet_margin_loss",
    "TripletMarginWithDistanceLoss": "triplet_margin_with_distance_loss",
}


def snake(name: str) -> str:
    """CrossEntropyLoss → cross_entropy, HuberLoss → huber_loss."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_")
    return words if words in F.__all__ else words.removesuffix("_loss")


def of_function(template: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A function of images in 1, 2 and 3 dimensions, and its form that is told their number."""
    found = dims(lambda n: lambda input: getattr(F, template.format(n))(input, *args, **kwargs), template)
    general = template.removesuffix("{}d")
    if general in F.__all__ and general != "dropout":
        found[general] = case(lambda input: getattr(F, general)(input, 2, *args, **kwargs), images(2))
    return found


def convolutions(template: str, *shape: int, **kwargs: Any) -> dict[str, Any]:
    """A convolution of images with a kernel and a bias, both given."""
    draws = (images, lambda n: normal(*shape, *per_axis(n, 2)), lambda n: normal(4))
    return dims(
        lambda n: lambda input, weight, bias: getattr(F, template.format(n))(input, weight, bias, **kwargs),
        template,
        *draws,
    )


kernel, bias = normal(4, 2, 2, 2), normal(4)
mask = np.random.default_rng(1)
pooled = (lambda n: normal(2, 2, *per_axis(n, 2)), lambda n: np.argsort(mask.random((2, 2, 4**n)))[..., : 2**n])
FUNCTIONS: dict[str, list[Case]] = {
    **{name: case(getattr(F, name), x) for name in SIMPLE},
    **{
        LOSS_FUNCTIONS.get(name, snake(name)): case(
            lambda *inputs, name=name, options=options: getattr(F, LOSS_FUNCTIONS.get(name, snake(name)))(  # type: ignore[misc]
                *inputs, **options
            ),
            *inputs,
        )
        for name, (options, inputs) in LOSSES.items()
    },
    **of_function("adaptive_avg_pool{}d", 3),
    **of_function("adaptive_max_pool{}d", 2),
    **of_function("avg_pool{}d", 2, 1),
    **of_function("max_pool{}d", 3, 2, 1),
    **of_function("lp_pool{}d", 2, 2),
    **of_function("fractional_max_pool{}d", 2, output_ratio=0.6),
    **of_function("dropout{}d", 0.4),
    **convolutions("conv{}d", 4, 2, stride=2),
    **convolutions("conv_transpose{}d", 2, 4, stride=2),
    "conv": case(lambda input, weight, bias: F.conv(input, weight, bias, 1, 1), images(2), kernel, bias),
    "convolve": case(lambda input, weight, bias: F.convolve(input, weight, bias, 1, 1), images(2), kernel, bias),
    "conv_transpose": case(lambda input, weight: F.conv_transpose(input, weight), images(2), normal(2, 3, 2, 2)),
    "locally_connected": case(F.locally_connected, normal(2, 2, 4, 3), normal(3, 2, 3, 2, 2, 2)),
    **dims(
        lambda n: (
            lambda input, indices: getattr(F, f"max_unpool{n}d")(input, indices.reshape(2, 2, *per_axis(n, 2)), 2)
        ),
        "max_unpool{}d",
        *pooled,
    ),
    "max_unpool": case(
        lambda input, indices: F.max_unpool(input, indices.reshape(2, 2, 2, 2), 2, 2), *(f(2) for f in pooled)
    ),
    "softmax": case(partial(F.softmax, dim=1), x),
    "softmin": case(partial(F.softmin, dim=1), x),
    "log_softmax": case(partial(F.log_softmax, dim=0), x),
    "gumbel_softmax": case(F.gumbel_softmax, x),
    "prelu": case(F.prelu, x, uniform(4)),
    "rrelu": case(partial(F.rrelu, training=True), x),
    "threshold": case(lambda input: F.threshold(input, 0.1, 2.0), x),
    "alpha_dropout": case(partial(F.alpha_dropout, training=True), x),
    "feature_alpha_dropout": case(partial(F.feature_alpha_dropout, training=True), images(2)),
    "affine_grid": case(lambda theta: F.affine_grid(theta, (2, 3, 4, 5), align_corners=False), normal(2, 2, 3)),
    "grid_sample": [
        (
            partial(F.grid_sample, mode=mode, padding_mode=padding, align_corners=False),
            (images(2), 0.7 * normal(2, 3, 4, 2)),
        )
        for mode in ("bilinear", "nearest", "bicubic")
        for padding in ("zeros", "border")
    ],
    "batch_norm": [
        (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (images(2), normal(2), normal(2))),
        (lambda x, m, v: F.batch_norm(x, m, v), (images(2), normal(2), uniform(2))),
    ],
    "instance_norm": case(lambda x, w, b: F.instance_norm(x, None, None, w, b), images(2), normal(2), normal(2)),
    "group_norm": case(lambda x, w, b: F.group_norm(x, 2, w, b), images(2, 4), normal(4), normal(4)),
    "layer_norm": case(lambda x, w, b: F.layer_norm(x, (6,), w, b), images(2), normal(6), normal(6)),
    "rms_norm": case(lambda x, w: F.rms_norm(x, (6,), w), images(2), normal(6)),
    "local_response_norm": case(partial(F.local_response_norm, size=3, alpha=0.5), images(2, 4)),
    "linear": case(F.linear, x, normal(3, 4), normal(3)),
    "bilinear": case(F.bilinear, x, normal(3, 3), normal(2, 4, 3), normal(2)),
    "scaled_dot_product_attention": case(
        F.scaled_dot_product_attention, normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 3), normal(3, 5)
    ),
    "embedding": case(F.embedding, integers(5, 2, 4), normal(5, 3)),
    "embedding_bag": case(
        lambda i, w, s: F.embedding_bag(i, w, per_sample_weights=s, mode="sum"),
        integers(5, 2, 4),
        normal(5, 3),
        normal(2, 4),
    ),
    "cosine_similarity": case(F.cosine_similarity, *pairs),
    "pairwise_distance": case(F.pairwise_distance, *pairs),
    "linear_cross_entropy": case(F.linear_cross_entropy, scores, normal(4, 4), classes),
    "global_avg_pool": case(F.global_avg_pool, images(2)),
    "global_max_pool": case(F.global_max_pool, images(2)),
    "channel_shuffle": case(partial(F.channel_shuffle, groups=2), images(2, 4)),
    "pixel_shuffle": case(partial(F.pixel_shuffle, upscale_factor=2), images(2, 4)),
    "pixel_unshuffle": case(partial(F.pixel_unshuffle, downscale_factor=2), normal(2, 2, 4, 6)),
    "pad": [
        (partial(F.pad, pad=(1, 2, 0, 1), mode=mode), (images(2),))
        for mode in ("constant", "reflect", "replicate", "circular")
    ],
    "unfold": case(partial(F.unfold, kernel_size=3, padding=1), images(2)),
    "fold": case(partial(F.fold, output_size=(5, 4), kernel_size=2), normal(2, 8, 12)),
    "interpolate": [
        (partial(F.interpolate, size=(9, 4), mode=mode), (images(2),))
        for mode in ("nearest", "bilinear", "bicubic", "area")
    ],
    "upsample": case(partial(F.upsample, scale_factor=2, mode="nearest"), images(2)),
}
WITHOUT_DERIVATIVE = {"one_hot"}


def cases(table: dict[str, list[Case]]) -> list[Any]:
    return [
        pytest.param(f, inputs, id=f"{name}-{i}" if i else name)
        for name, given in sorted(table.items())
        for i, (f, inputs) in enumerate(given)
    ]


def checked(f: Callable[..., Any], inputs: Any) -> Any:
    many = isinstance(f, nn.Module) and len([*f.parameters()]) > 12
    sample, projections = (1, 1) if many else (6, 2)
    arguments = [ag.tensor(x) for x in inputs]
    return ag.gradcheck(f, arguments, order=2, modes=("reverse", "forward"), sample=sample, projections=projections)


def test_every_layer_has_a_case() -> None:
    assert set(MODULES) - CONTAINERS == set(LAYERS)


def test_every_function_has_a_case() -> None:
    assert set(F.__all__) - WITHOUT_DERIVATIVE == set(FUNCTIONS)


@pytest.mark.parametrize(("make", "inputs"), cases(LAYERS))
def test_layer(make: Callable[[], Any], inputs: Any) -> None:
    report = checked(make(), inputs)
    assert report, report


@pytest.mark.parametrize(("make", "inputs"), cases({name: LAYERS[name] for name in BEHAVING_DIFFERENTLY}))
def test_layer_when_evaluating(make: Callable[[], Any], inputs: Any) -> None:
    module = make()
    module(*map(ag.tensor, inputs))  # moves the running statistics
    report = checked(module.eval(), inputs)
    assert report, report


@pytest.mark.parametrize(("f", "inputs"), cases(FUNCTIONS))
def test_function(f: Callable[..., Any], inputs: Any) -> None:
    report = checked(f, inputs)
    assert report, report


def test_an_embedding_that_is_not_to_be_trained_is_told_apart() -> None:
    report = ag.gradcheck(nn.Embedding(5, 3, padding_idx=1), ag.tensor([0, 1, 4]), sample=15)
    (check,) = report.checks
    assert {e.index[0] for e in report.failures} == {1}
    assert "zero" in check.hint
    assert "only at index 1 of axis 0" in check.hint


def test_a_function_without_derivative_has_nothing_to_check() -> None:
    with pytest.raises(ValueError, match="gradcheck: nothing to vary"):
        ag.gradcheck(F.one_hot, ag.tensor([0, 1]))
