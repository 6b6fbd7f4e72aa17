"""Attention: values averaged with weights that queries and keys give."""

from __future__ import annotations

import math

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.dropout import dropout


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(Q Kᵀ · scale + mask) V: query (*, L, E), key (*, S, E) and value (*, S, V) give (*, L, V).

    `attn_mask`, which broadcasts to (*, L, S), is added if it is floating; if it is boolean, queries see the keys where
    it is True. With `is_causal` the i-th query sees the first i + 1 keys. A query that sees none gives zeros. `scale`
    is 1/√E if None. The weights are dropped with probability `dropout_p`, always: a caller who is not training gives 0.
    With `enable_gqa` the axis before the last two holds heads, of which query may have several for each one of key and
    value.

    Raises ValueError if shapes do not fit, or for a mask given together with `is_causal`; TypeError for a mask of
    integers.

    Source: Vaswani et al. 2017, "Attention is all you need"; Ainslie et al. 2023, "GQA: training generalized
    multi-query transformer models from multi-head checkpoints".

    >>> from nn import functional as F
    >>> x = tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> F.scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.        , 0.        ],
            [0.33023846, 0.66976154]])
    """
    if (
        min(query.ndim, key.ndim, value.ndim) < 2
        or query.shape[-1] != key.shape[-1]
        or key.shape[-2] != value.shape[-2]
    ):
        raise ValueError(
            f"scaled_dot_product_attention: query {query.shape}, key {key.shape} and value {value.shape} do not fit; "
            f"wants (*, L, E), (*, S, E) and (*, S, V)"
        )
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: takes attn_mask or is_causal, not both")
    if enable_gqa:
        key, value = (_for_each_head(x, query) for x in (key, value))
    if is_causal:
        attn_mask = causal_mask(query.shape[-2], key.shape[-2])
    weights = attention_weights(query, key, attn_mask, scale)
    return ag.matmul(dropout(weights, dropout_p), value)


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    """softmax(Q Kᵀ · scale + mask), (*, L, S), as `scaled_dot_product_attention` has it."""
    if query.dtype == key.dtype == np.float16:  # its products overflow
        weights = attention_weights(ag.astype(query, np.float32), ag.astype(key, np.float32), mask, scale)
        return ag.astype(weights, np.float16)
    scores = ag.einsum("...le,...se->...ls", query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale), key)
    if mask is None:
        return ag.softmax(scores)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"attention: a mask is boolean or floating, got dtype {mask.dtype}")
    if mask.dtype == bool:
        seen = mask
        scores = ag.where(mask, scores, -np.inf)
    else:
        seen = mask > -np.inf
        scores = scores + mask
    some = seen.any(axis=-1, keepdims=True)
    if some.all():
        weights = ag.softmax(scores)
    else:
        weights = ag.where(some, ag.softmax(ag.where(some, scores, 0.0)), 0.0)
    return weights.astype(query.dtype, copy=False)


def causal_mask(queries: int, keys: int) -> Tensor:
    """Which keys each query may see if what is later than itself is hidden: (queries, keys), boolean."""
    return ag.tril(ag.ones((queries, keys), dtype=bool))


def _for_each_head(x: Tensor, query: Tensor) -> Tensor:
    """Heads (*, H, S, E) of keys or values, repeated to be as many as those of the query."""
    if min(x.ndim, query.ndim) < 3 or query.shape[-3] % x.shape[-3]:
        raise ValueError(
            f"scaled_dot_product_attention: enable_gqa wants heads of the query {query.shape} that are a multiple of "
            f"those of key and value, got {x.shape}"
        )
    return ag.repeat(x, query.shape[-3] // x.shape[-3], axis=-3)
