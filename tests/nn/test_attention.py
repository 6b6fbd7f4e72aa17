"""Attention and transformers against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from against_torch import close, compare_functions, torch
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_outputs import compare_whole

import autograd as ag
import nn
from nn import functional as F

rng = np.random.default_rng(0)
PADDING = np.array([[False, False, False, True], [False, True, False, True], [False] * 4])
ADDED = rng.normal(size=(5, 4))
SQUARE = torch.nn.Transformer.generate_square_subsequent_mask(5).double().numpy()


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


@pytest.mark.parametrize(
    "options",
    [{}, {"scale": 0.3}, {"is_causal": True}, {"attn_mask": rng.random((5, 4)) < 0.6}, {"attn_mask": ADDED}],
)
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_scaled_dot_product_attention(options: dict[str, Any], batch: tuple[int, ...]) -> None:
    mask = options.get("attn_mask")
    ours = options if mask is None else {"attn_mask": ag.tensor(mask)}
    theirs = options if mask is None else {"attn_mask": torch.tensor(mask)}
    compare_functions(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **ours),
        lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, **theirs),
        normal(*batch, 5, 6),
        normal(*batch, 4, 6),
        normal(*batch, 4, 3),
    )


def test_a_learned_mask_gets_its_gradient() -> None:
    compare_functions(
        F.scaled_dot_product_attention,
        torch.nn.functional.scaled_dot_product_attention,
        normal(2, 5, 6),
        normal(2, 4, 6),
        normal(2, 4, 3),
        ADDED,
    )


@pytest.mark.parametrize("boolean", [True, False])
def test_a_query_that_sees_no_key_gives_zeros_and_takes_no_gradient(boolean: bool) -> None:
    seen = rng.random((5, 4)) < 0.5
    seen[2] = False
    mask = seen if boolean else np.where(seen, 0.0, -np.inf)
    compare_functions(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, ag.tensor(mask)),
        lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, torch.tensor(mask)),
        normal(2, 5, 6),
        normal(2, 4, 6),
        normal(2, 4, 3),
    )
    x = ag.tensor(normal(5, 6), requires_grad=True)
    y = F.scaled_dot_product_attention(x, ag.tensor(normal(4, 6)), ag.tensor(normal(4, 3)), ag.tensor(mask))
    y.sum().backward()
    assert (y[2] == 0).all()
    assert (x.grad[2] == 0).all()


def test_a_mask_beyond_the_range_of_the_dtype_of_the_query() -> None:
    x = ag.randn(5, 4).half()
    y = F.scaled_dot_product_attention(x, x, x, ag.full((5, 5), -1e9))
    assert y.dtype == np.float16
    assert np.allclose(y, x.mean(axis=0), atol=2e-3)  # as in PyTorch: all keys are hidden equally


def test_several_heads_of_queries_for_one_of_keys() -> None:
    compare_functions(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        normal(2, 6, 5, 4),
        normal(2, 3, 7, 4),
        normal(2, 3, 7, 2),
    )


@pytest.mark.parametrize("mask", [None, ADDED, ADDED > 0, np.full((5, 4), -np.inf)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_dtype_is_that_of_the_query(mask: np.ndarray | None, dtype: Any) -> None:
    q, k = (ag.tensor(normal(n, 6), dtype=dtype) for n in (5, 4))
    assert F.scaled_dot_product_attention(q, k, k, None if mask is None else ag.tensor(mask)).dtype == dtype


def test_weights_are_dropped() -> None:
    ag.manual_seed(0)
    x = ag.tensor(normal(50, 60, 4))
    y = F.scaled_dot_product_attention(x * 0, x * 0, ag.eye(60, dtype=float), dropout_p=0.25)  # the weights themselves
    assert set(np.unique(y.numpy().round(12))) == {0, round(1 / 60 / 0.75, 12)}
    assert abs((y == 0).mean().item() - 0.25) < 0.01


def test_derivatives_of_attention() -> None:
    mask = ag.tensor(np.array([[True, False, True], [False, False, False]]))
    check_derivatives(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), normal(2, 3), normal(3, 3), normal(3, 2)
    )


def test_attention_of_what_does_not_fit() -> None:
    q, k = ag.zeros((2, 5, 6)), ag.zeros((2, 4, 6))
    for arrays in [(q, k, ag.zeros((2, 3, 6))), (q, ag.zeros((4, 5)), k), (q[0, 0], k, k)]:
        with pytest.raises(ValueError, match=r"scaled_dot_product_attention: query .* do not fit; wants \(\*, L, E\)"):
            F.scaled_dot_product_attention(*arrays)
    with pytest.raises(ValueError, match="takes attn_mask or is_causal, not both"):
        F.scaled_dot_product_attention(q, k, k, ag.ones((5, 4), dtype=bool), is_causal=True)
    with pytest.raises(TypeError, match="a mask is boolean or floating, got dtype int64"):
        F.scaled_dot_product_attention(q, k, k, ag.ones((5, 4), dtype=int))
    with pytest.raises(ValueError, match="wants heads of the query"):
        F.scaled_dot_product_attention(q[None], ag.zeros((1, 3, 4, 6)), ag.zeros((1, 3, 4, 6)), enable_gqa=True)


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"add_bias_kv": True},
        {"add_zero_attn": True},
        {"add_bias_kv": True, "add_zero_attn": True, "kdim": 5, "vdim": 7},
        {"kdim": 5, "bias": False},
        {"batch_first": True},
    ],
)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"need_weights": False},
        {"average_attn_weights": False},
        {"key_padding_mask": PADDING},
        {"attn_mask": ADDED},
        {"attn_mask": ADDED > 0.6, "key_padding_mask": PADDING},
        {"attn_mask": np.stack([ADDED > 0.9] * 6), "key_padding_mask": np.where(PADDING, -np.inf, 0.0)},
        {"attn_mask": ADDED, "key_padding_mask": np.where(PADDING, -1.0, 0.0)},
    ],
)
def test_multihead_attention(options: dict[str, Any], given: dict[str, Any]) -> None:
    q, k, v = normal(5, 3, 6), normal(4, 3, options.get("kdim", 6)), normal(4, 3, options.get("vdim", 6))
    if options.get("batch_first"):
        q, k, v = (x.swapaxes(0, 1) for x in (q, k, v))
    ours, theirs = nn.MultiheadAttention(6, 2, **options), torch.nn.MultiheadAttention(6, 2, **options)
    compare_whole(ours, theirs, q, k, v, **given)


def test_a_mask_of_integers_is_refused_beside_another() -> None:
    layer, x, hidden = nn.MultiheadAttention(6, 3), ag.zeros((4, 2, 6)), ag.tensor(np.triu(np.ones((4, 4), int), 1))
    padding = ag.zeros((2, 4), dtype=bool)
    with pytest.raises(TypeError, match="MultiheadAttention: attn_mask is boolean or floating, got dtype int64"):
        layer(x, x, x, attn_mask=hidden, key_padding_mask=padding)
    with pytest.raises(TypeError, match="MultiheadAttention: key_padding_mask is boolean or floating, got dtype int"):
        layer(x, x, x, attn_mask=hidden.bool(), key_padding_mask=padding.int())


def test_a_boolean_mask_beside_a_floating_one() -> None:
    given = {"attn_mask": ADDED, "key_padding_mask": PADDING}
    hidden = given | {"key_padding_mask": np.where(PADDING, -np.inf, 0.0)}
    layer = nn.MultiheadAttention(6, 2).double()
    x = [ag.tensor(normal(5, 3, 6)), *[ag.tensor(normal(4, 3, 6))] * 2]
    a, b = (layer(*x, **{k: ag.tensor(v) for k, v in masks.items()}) for masks in (given, hidden))
    close(a[0], torch.tensor(b[0].numpy()), "value")


@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"key_padding_mask": PADDING[1]}])
def test_multihead_attention_without_a_batch(options: dict[str, Any]) -> None:
    ours, theirs = nn.MultiheadAttention(6, 3), torch.nn.MultiheadAttention(6, 3)
    compare_whole(ours, theirs, normal(5, 6), normal(4, 6), normal(4, 6), **options)


def test_self_attention_is_one_product() -> None:
    layer, x = nn.MultiheadAttention(6, 2), ag.ones((5, 3, 6))
    np.testing.assert_allclose(layer(x, x, x)[0].numpy(), layer(x, x + 0, x + 0)[0].numpy(), rtol=1e-5)


def test_a_causal_hint_makes_the_mask() -> None:
    layer, x = nn.MultiheadAttention(6, 2), ag.tensor(normal(5, 3, 6).astype(np.float32))
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    y, weights = layer(x, x, x, is_causal=True)
    z, others = layer(x, x, x, attn_mask=mask, is_causal=True)
    assert y.tolist() == z.tolist()
    assert weights.tolist() == others.tolist()
    assert (ag.triu(weights, 1) == 0).all()


def test_dropped_weights_are_those_returned() -> None:
    ag.manual_seed(0)
    layer, x = nn.MultiheadAttention(4, 1, dropout=0.5), ag.tensor(normal(8, 3, 4).astype(np.float32))
    _, weights = layer(x, x, x)
    assert 0.2 < (weights == 0).mean().item() < 0.8
    _, weights = layer.eval()(x, x, x)
    assert (weights > 0).all()


def test_multihead_attention_starts_as_in_pytorch() -> None:
    ag.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = np.sqrt(6 / (64 + 3 * 64))
    assert 0.99 * bound < abs(layer.in_proj_weight).max().item() <= bound
    assert 0.99 / 8 < abs(layer.out_proj.weight).max().item() <= 1 / 8
    assert (layer.in_proj_bias == 0).all()
    assert (layer.out_proj.bias == 0).all()
    assert (layer.bias_k != 0).all()


def test_multihead_attention_of_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="embed_dim has to be a positive multiple of num_heads, got 6 and 4"):
        nn.MultiheadAttention(6, 4)
    with pytest.raises(ValueError, match="dropout is a probability, got 2"):
        nn.MultiheadAttention(6, 2, dropout=2)
    layer, x = nn.MultiheadAttention(6, 2, kdim=5), ag.zeros((4, 3, 6))
    with pytest.raises(ValueError, match=r"wants \(L, N, 6\), \(S, N, 5\), \(S, N, 6\), or no N"):
        layer(x, x, x)
    layer = nn.MultiheadAttention(6, 2)
    with pytest.raises(ValueError, match="do not fit"):
        layer(x, x[:, :2], x[:, :2])
    with pytest.raises(ValueError, match=r"attn_mask has shape \(4, 3\), wants \(4, 4\) or \(6, 4, 4\)"):
        layer(x, x, x, attn_mask=ag.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"key_padding_mask has shape \(4, 3\), wants \(3, 4\)"):
        layer(x, x, x, key_padding_mask=ag.zeros((4, 3)))


LAYER_OPTIONS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "activation": "gelu"},
    {"bias": False, "layer_norm_eps": 0.1},
    {"batch_first": True},
]


@pytest.mark.parametrize("options", LAYER_OPTIONS)
@pytest.mark.parametrize("given", [{}, {"src_mask": SQUARE}, {"src_key_padding_mask": rng.random((3, 5)) < 0.3}])
def test_encoder_layer(options: dict[str, Any], given: dict[str, Any]) -> None:
    args = (6, 2, 7, 0.0)
    x = normal(3, 5, 6) if options.get("batch_first") else normal(5, 3, 6)
    ours, theirs = nn.TransformerEncoderLayer(*args, **options), torch.nn.TransformerEncoderLayer(*args, **options)
    compare_whole(ours, theirs, x, **given)


@pytest.mark.parametrize("options", LAYER_OPTIONS)
@pytest.mark.parametrize(
    "given", [{}, {"tgt_mask": SQUARE, "memory_mask": ADDED > 0.9}, {"memory_key_padding_mask": PADDING}]
)
def test_decoder_layer(options: dict[str, Any], given: dict[str, Any]) -> None:
    args = (6, 2, 7, 0.0)
    x, memory = normal(5, 3, 6), normal(4, 3, 6)
    if options.get("batch_first"):
        x, memory = x.swapaxes(0, 1), memory.swapaxes(0, 1)
    ours, theirs = nn.TransformerDecoderLayer(*args, **options), torch.nn.TransformerDecoderLayer(*args, **options)
    compare_whole(ours, theirs, x, memory, **given)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("options", [{}, {"batch_first": True, "norm_first": True}])
def test_transformer(options: dict[str, Any]) -> None:
    args = (6, 2, 2, 2, 7, 0.0)
    x, y = normal(4, 3, 6), normal(5, 3, 6)
    if options.get("batch_first"):
        x, y = x.swapaxes(0, 1), y.swapaxes(0, 1)
    given = {"tgt_mask": SQUARE, "src_key_padding_mask": PADDING, "memory_key_padding_mask": PADDING}
    compare_whole(nn.Transformer(*args, **options), torch.nn.Transformer(*args, **options), x, y, **given)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_transformer_without_a_batch() -> None:
    args = (6, 2, 1, 1, 7, 0.0)
    compare_whole(nn.Transformer(*args), torch.nn.Transformer(*args), normal(4, 6), normal(5, 6))


def test_causal_hints_of_transformers_make_the_masks() -> None:
    model = nn.Transformer(6, 2, 1, 1, 7, 0.0)
    x, mask = ag.tensor(normal(5, 3, 6).astype(np.float32)), nn.Transformer.generate_square_subsequent_mask(5)
    y = model(x, x, src_is_causal=True, tgt_is_causal=True, memory_is_causal=True)
    assert y.tolist() == model(x, x, mask, mask, mask).tolist()


def test_layers_of_a_transformer_start_alike_or_each_for_itself() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 7)
    first, second = nn.TransformerEncoder(layer, 2).layers
    assert (first.linear1.weight == second.linear1.weight).all()
    assert first.linear1.weight is not second.linear1.weight
    first, second = nn.Transformer(6, 2, 2, 1, 7).encoder.layers
    assert (first.linear1.weight != second.linear1.weight).any()


def test_custom_encoders_and_decoders() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 7)
    model = nn.Transformer(6, 2, custom_encoder=nn.TransformerEncoder(layer, 1), num_decoder_layers=1)
    assert len(model.encoder.layers) == 1
    assert model.encoder.norm is None
    assert model.decoder.norm is not None


def test_stacks_give_masks_by_name() -> None:
    class Layer(nn.Module):
        def forward(
            self, src: Any, src_mask: Any = None, is_causal: bool = False, src_key_padding_mask: Any = None
        ) -> Any:
            return src * (2 if src_key_padding_mask is None else 3)

    class Part(nn.Module):
        def __len__(self) -> int:
            return 0

        def forward(self, x: Any, *given: Any, **masks: Any) -> Any:
            return x + len(masks)

    x = ag.ones((1, 1, 2))
    assert nn.TransformerEncoder(Layer(), 1)(x).tolist() == (2 * x).tolist()
    whole = nn.Transformer(2, 1, custom_encoder=Part(), custom_decoder=Part())
    assert whole(x, x).tolist() == (x + 6).tolist()


def test_dropout_of_a_layer_is_off_when_evaluating() -> None:
    layer, x = nn.TransformerEncoderLayer(6, 2, 7, dropout=0.5), ag.tensor(normal(5, 3, 6).astype(np.float32))
    assert layer(x).tolist() != layer(x).tolist()
    layer.eval()
    assert layer(x).tolist() == layer(x).tolist()


def test_transformers_of_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="Layer: activation is 'relu', 'gelu' or a function, got 'tan'"):
        nn.TransformerEncoderLayer(6, 2, activation="tan")
    with pytest.raises(ValueError, match="TransformerEncoder: num_layers has to be at least 1, got 0"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 7), 0)
    model = nn.Transformer(6, 2, 1, 1, 7)
    for shapes in [((4, 3, 6), (5, 2, 6)), ((4, 3, 6), (5, 3, 7)), ((4, 3, 6), (5, 6))]:
        with pytest.raises(ValueError, match=r"Transformer: src .* do not fit; wants one batch and 6 features"):
            model(*map(ag.zeros, shapes))


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_drawn_multihead_attention(n: int, queries: int, keys: int, heads: int, bias: bool, masked: bool) -> None:
    draw = np.random.default_rng(n + 4 * queries + 16 * keys)
    ours, theirs = (library.MultiheadAttention(2 * heads, heads, bias=bias) for library in (nn, torch.nn))
    mask = draw.random((n, keys)) < 0.5
    mask[:, 0] = False
    given = {"key_padding_mask": mask} if masked else {}
    k = draw.normal(size=(keys, n, 2 * heads))
    compare_whole(ours, theirs, draw.normal(size=(queries, n, 2 * heads)), k, k + 1, **given)


def test_products_beyond_the_range_of_float16() -> None:
    x = np.full((1, 2, 4), 200, np.float16)
    v = np.array([[[1.0], [3.0]]], np.float16)
    y = F.scaled_dot_product_attention(ag.tensor(x), ag.tensor(x), ag.tensor(v))
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y.numpy(), 2)
