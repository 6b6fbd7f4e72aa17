"""Multi-head attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional.attention import attention_weights, causal_mask
from nn.layers.linear import Linear
from nn.module import Module
from nn.parameter import Parameter


class MultiheadAttention(Module):
    """`nn.functional.scaled_dot_product_attention` of `num_heads` linear maps of query, key and value, put together by
    another linear map: (L, N, embed_dim), (S, N, kdim) and (S, N, vdim) to (L, N, embed_dim); (N, L, …) and (N, S, …)
    with `batch_first`; or without the batch N.

    `dropout` is the probability with which weights are dropped in training. `kdim` and `vdim` are `embed_dim` if None:
    the maps then are the rows of `in_proj_weight` (3·embed_dim, embed_dim), else `q_proj_weight`, `k_proj_weight` and
    `v_proj_weight`. Unless `bias` is False they have an `in_proj_bias` (3·embed_dim,), and `out_proj` has one. With
    `add_bias_kv` a learned key and value (`bias_k`, `bias_v`) follow those given, with `add_zero_attn` zeros do. The
    weights of the three maps start from Xavier's uniform distribution, that of `out_proj` as in `Linear`, `bias_k` and
    `bias_v` from Xavier's normal one, other biases from zeros. `dtype` is that of the parameters; None: the default
    one. Raises ValueError if `embed_dim` is not a multiple of `num_heads`.

    Source: Vaswani et al. 2017, "Attention is all you need".

    >>> import nn
    >>> x = zeros((5, 2, 8))
    >>> y, weights = nn.MultiheadAttention(8, num_heads=4)(x, x, x)
    >>> y.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim has to be a positive multiple of num_heads, got {embed_dim} and "
                f"{num_heads}"
            )
        if not 0 <= dropout <= 1:
            raise ValueError(f"MultiheadAttention: dropout is a probability, got {dropout}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.add_zero_attn = add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        together = self.kdim == self.vdim == embed_dim
        shapes = {
            "in_proj_weight": (3 * embed_dim, embed_dim) if together else None,
            "q_proj_weight": None if together else (embed_dim, embed_dim),
            "k_proj_weight": None if together else (embed_dim, self.kdim),
            "v_proj_weight": None if together else (embed_dim, self.vdim),
            "in_proj_bias": (3 * embed_dim,) if bias else None,
            "bias_k": (1, 1, embed_dim) if add_bias_kv else None,
            "bias_v": (1, 1, embed_dim) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else Parameter(ag.zeros(shape, dtype=dtype)))
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)
        self.out_proj.reset_parameters()
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The result, and the weights (N, L, S), or (N, num_heads, L, S) unless `average_attn_weights`; None for these
        unless `need_weights`.

        `key_padding_mask` (N, S) and `attn_mask`, (L, S) or (N·num_heads, L, S), hide keys from queries where they are
        True, or are added if they are floating. With `is_causal` and no `attn_mask` the i-th query sees the first
        i + 1 keys. A query that sees none gives what zeros give.
        """
        self._check(query, key, value)
        batched = query.ndim == 3
        axis = 0 if not batched or self.batch_first else 1  # of the batch
        queries, keys, values = self._projected(query, key, value)
        if not batched:
            queries, keys, values = (x[None] for x in (queries, keys, values))
        queries, keys, values = (x.swapaxes(0, axis) for x in (queries, keys, values))  # (N, length, embed_dim)
        seen = self._seen(queries, keys, key_padding_mask, attn_mask, is_causal)
        keys, values = self._extended(keys, self.bias_k), self._extended(values, self.bias_v)
        if seen is not None and keys.shape[1] > seen.shape[-1]:
            shape = (*seen.shape[:-1], keys.shape[1] - seen.shape[-1])
            extension = ag.full(shape, True if seen.dtype == bool else 0.0, dtype=seen.dtype)
            seen = ag.concatenate([seen, extension], axis=-1)
        weights = F.dropout(
            attention_weights(self._heads(queries), self._heads(keys), seen), self.dropout, self.training
        )  # (N, num_heads, L, S)
        y = ag.matmul(weights, self._heads(values)).swapaxes(1, 2).reshape(queries.shape)
        y = self.out_proj(y.swapaxes(0, axis) if batched else y[0])
        if not need_weights:
            return y, None
        shown = weights.mean(axis=1) if average_attn_weights else weights
        return y, shown if batched else shown[0]

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        wanted = (self.embed_dim, self.kdim, self.vdim)
        lengths = tuple(x.shape[-1] if x.ndim in (2, 3) else -1 for x in (query, key, value))
        alike = query.ndim == key.ndim == value.ndim and key.shape[:-1] == value.shape[:-1]
        batch = 0 if self.batch_first else 1
        if lengths != wanted or not alike or (query.ndim == 3 and query.shape[batch] != key.shape[batch]):
            shapes = (
                ("(N, L, {})", "(N, S, {})", "(N, S, {})") if self.batch_first else ("(L, N, {})", *["(S, N, {})"] * 2)
            )
            texts = [shape.format(length) for shape, length in zip(shapes, wanted, strict=True)]
            raise ValueError(
                f"MultiheadAttention: query {query.shape}, key {key.shape} and value {value.shape} do not fit; wants "
                f"{', '.join(texts)}, or no N"
            )

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value as the linear maps make them, all of length embed_dim."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if weight is not None and query is key is value:
            q, k, v = ag.split(F.linear(query, weight, bias), 3, axis=-1)
            return q, k, v
        alone: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        weights = alone if weight is None else ag.split(weight, 3)
        biases = (None, None, None) if bias is None else ag.split(bias, 3)
        q, k, v = (F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
        return q, k, v

    def _seen(
        self,
        queries: Tensor,
        keys: Tensor,
        key_padding_mask: Tensor | None,
        attn_mask: Tensor | None,
        is_causal: bool,
    ) -> Tensor | None:
        """The masks as one that broadcasts to (N, num_heads, L, S): boolean, True where a query sees a key, or
        floating, to be added; None if there is none."""
        n, length, many = len(queries), queries.shape[1], keys.shape[1]
        for name, mask in (("attn_mask", attn_mask), ("key_padding_mask", key_padding_mask)):
            if mask is not None and mask.dtype.kind not in "bf":
                raise TypeError(f"MultiheadAttention: {name} is boolean or floating, got dtype {mask.dtype}")
        masks = []
        if attn_mask is not None:
            if attn_mask.shape not in ((length, many), (n * self.num_heads, length, many)):
                raise ValueError(
                    f"MultiheadAttention: attn_mask has shape {attn_mask.shape}, wants {(length, many)} or "
                    f"{(n * self.num_heads, length, many)}"
                )
            shown = attn_mask if attn_mask.ndim == 2 else attn_mask.reshape(n, self.num_heads, length, many)
            masks.append(_inverted(shown))
        elif is_causal:
            masks.append(causal_mask(length, many))
        if key_padding_mask is not None:
            if key_padding_mask.shape != (n, many) and (n != 1 or key_padding_mask.shape != (many,)):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask has shape {key_padding_mask.shape}, wants {(n, many)}"
                )
            masks.append(_inverted(key_padding_mask.reshape(n, 1, 1, many)))
        if len(masks) < 2:
            return masks[0] if masks else None
        if masks[0].dtype == masks[1].dtype == bool:
            return masks[0] & masks[1]
        return ag.add(*(ag.where(x, 0.0, -np.inf) if x.dtype == bool else x for x in masks))

    def _extended(self, x: Tensor, learned: Parameter | None) -> Tensor:
        """Keys or values with those behind them that are learned, and zeros."""
        shape = (len(x), 1, self.embed_dim)
        parts = [x]
        if learned is not None:
            parts.append(ag.broadcast_to(learned, shape))
        if self.add_zero_attn:
            parts.append(ag.zeros(shape, dtype=x.dtype))
        return ag.concatenate(parts, axis=1) if len(parts) > 1 else x

    def _heads(self, x: Tensor) -> Tensor:
        """(N, length, embed_dim) as (N, num_heads, length, head_dim)."""
        return x.reshape(*x.shape[:2], self.num_heads, self.head_dim).swapaxes(1, 2)

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}"


def _inverted(mask: Tensor) -> Tensor:
    """A boolean mask with True for "seen", of one with True for "hidden"; a floating one as it is."""
    return ~mask if mask.dtype == bool else mask
