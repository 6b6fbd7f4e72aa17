"""Transformers: layers of attention, each followed by a small network that sees one position at a time.

Sources: Vaswani et al. 2017, "Attention is all you need"; for `norm_first`, Xiong et al. 2020, "On layer normalization
in the transformer architecture".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.containers import ModuleList
from nn.layers.attention import MultiheadAttention
from nn.layers.dropout import Dropout
from nn.layers.linear import Linear
from nn.layers.norm import LayerNorm
from nn.module import Module

Activation = Callable[[Tensor], Tensor]
Mask = Tensor | None

ACTIVATIONS: dict[str, Activation] = {"relu": F.relu, "gelu": F.gelu}


class _Layer(Module):
    """Attentions, and the network after them; each of these parts is added to what it was given, and normalised."""

    attentions: ClassVar[tuple[str, ...]] = ("self_attn",)
    self_attn: MultiheadAttention
    norm1: LayerNorm
    norm2: LayerNorm
    dropout1: Dropout
    dropout2: Dropout

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f"{type(self).__name__}: activation is 'relu', 'gelu' or a function, got {activation!r}")
        for name in self.attentions:
            attention = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
            self.register_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        parts = range(1, len(self.attentions) + 2)
        for i in parts:
            self.register_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype))
        for i in parts:
            self.register_module(f"dropout{i}", Dropout(dropout))
        self.norm_first = norm_first
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation

    def _added(self, x: Tensor, part: Callable[[Tensor], Tensor], norm: LayerNorm) -> Tensor:
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))

    def _network(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then max(x W₁ᵀ + b₁, 0) W₂ᵀ + b₂ at each position; what each gives is added to
    its input and the sum normalised, or with `norm_first` the input: (L, N, d_model) to the same, or (N, L, d_model)
    with `batch_first`, or (L, d_model).

    `nhead`, `batch_first` and `bias` are as in `MultiheadAttention`, `layer_norm_eps` is the eps of `LayerNorm`.
    `dim_feedforward` is the length of what is rectified, or put through another `activation`: "gelu", a function or a
    module. `dropout` is the probability with which weights of attention, and elements of both results and of the
    rectified, are dropped in training. `dtype` is that of the parameters; None: the default one.

    Source: Vaswani et al. 2017, "Attention is all you need".

    >>> import nn
    >>> nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)(zeros((5, 2, 8))).shape
    (5, 2, 8)
    """

    def forward(
        self, src: Tensor, src_mask: Mask = None, src_key_padding_mask: Mask = None, is_causal: bool = False
    ) -> Tensor:
        """`src_mask`, `src_key_padding_mask` and `is_causal` are as in `MultiheadAttention.forward`."""

        def attended(x: Tensor) -> Tensor:
            y, _ = self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)
            return self.dropout1(y)

        x = self._added(src, attended, self.norm1)
        return self._added(x, lambda x: self.dropout2(self._network(x)), self.norm2)


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, attention to another (`memory`: what an encoder made), then a network at each
    position; arguments and shapes as in `TransformerEncoderLayer`.

    Source: Vaswani et al. 2017, "Attention is all you need".

    >>> import nn
    >>> layer = nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)
    >>> layer(zeros((5, 2, 8)), zeros((7, 2, 8)), tgt_is_causal=True).shape
    (5, 2, 8)
    """

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention
    norm3: LayerNorm
    dropout3: Dropout

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Mask = None,
        memory_mask: Mask = None,
        tgt_key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The masks of `tgt` and of `memory` are as in `MultiheadAttention.forward`."""

        def attended(x: Tensor) -> Tensor:
            y, _ = self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)
            return self.dropout1(y)

        def remembered(x: Tensor) -> Tensor:
            y, _ = self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask, is_causal=memory_is_causal
            )
            return self.dropout2(y)

        x = self._added(tgt, attended, self.norm1)
        x = self._added(x, remembered, self.norm2)
        return self._added(x, lambda x: self.dropout3(self._network(x)), self.norm3)


class _Stack(Module):
    """Copies of a layer, one after the other, and a normalisation."""

    norm: Module | None

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"{type(self).__name__}: num_layers has to be at least 1, got {num_layers}")
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.register_module("norm", norm)

    def _normalised(self, x: Tensor) -> Tensor:
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """`num_layers` copies of `encoder_layer`, one after the other, and `norm` after them, if there is one.

    All begin with the same parameters, as in PyTorch: draw them anew where that matters, as `Transformer` does.
    `enable_nested_tensor` and `mask_check` are accepted for PyTorch's sake and change nothing.

    >>> import nn
    >>> layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)
    >>> nn.TransformerEncoder(layer, num_layers=3)(zeros((5, 2, 8))).shape
    (5, 2, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Tensor, mask: Mask = None, src_key_padding_mask: Mask = None, is_causal: bool = False
    ) -> Tensor:
        """What is given besides `src` goes to each layer."""
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=is_causal)
        return self._normalised(src)


class TransformerDecoder(_Stack):
    """`num_layers` copies of `decoder_layer`, one after the other, and `norm` after them, if there is one.

    All begin with the same parameters, as in `TransformerEncoder`.

    >>> import nn
    >>> layer = nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)
    >>> nn.TransformerDecoder(layer, num_layers=3)(zeros((5, 2, 8)), zeros((7, 2, 8))).shape
    (5, 2, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Mask = None,
        memory_mask: Mask = None,
        tgt_key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """What is given besides `tgt` goes to each layer."""
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )
        return self._normalised(tgt)


class Transformer(Module):
    """An encoder of one sequence and a decoder of another that sees what the encoder made: src (S, N, d_model) and tgt
    (T, N, d_model) to (T, N, d_model), or all with N first if `batch_first`, or without N.

    `num_encoder_layers` and `num_decoder_layers` count the layers of `TransformerEncoder` and `TransformerDecoder`;
    `custom_encoder` and `custom_decoder` take the places of these. The other arguments are as in
    `TransformerEncoderLayer`. All matrices start from Xavier's uniform distribution.

    Source: Vaswani et al. 2017, "Attention is all you need".

    >>> import nn
    >>> model = nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> model(zeros((7, 2, 8)), zeros((5, 2, 8)), tgt_is_causal=True).shape
    (5, 2, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

        if custom_encoder is None:
            encoder_layer = TransformerEncoderLayer(*sizes, dtype=dtype)
            custom_encoder = TransformerEncoder(encoder_layer, num_encoder_layers, norm())
        if custom_decoder is None:
            decoder_layer = TransformerDecoderLayer(*sizes, dtype=dtype)
            custom_decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm())
        self.encoder = custom_encoder
        self.decoder = custom_decoder
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all matrices anew."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Mask = None,
        tgt_mask: Mask = None,
        memory_mask: Mask = None,
        src_key_padding_mask: Mask = None,
        tgt_key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The masks of `src`, of `tgt`, and of `memory`, which the encoder makes, are as in
        `MultiheadAttention.forward`.

        Raises ValueError unless both have d_model features and one batch.
        """
        batch = slice(0, 1) if self.batch_first else slice(1, 2)
        alike = src.ndim == tgt.ndim and (src.ndim == 2 or src.shape[batch] == tgt.shape[batch])
        if not alike or (src.shape[-1], tgt.shape[-1]) != (self.d_model,) * 2:
            raise ValueError(
                f"Transformer: src {src.shape} and tgt {tgt.shape} do not fit; wants one batch and {self.d_model} "
                f"features"
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: npt.DTypeLike | None = None) -> Tensor:
        """The mask (sz, sz) that hides from each position those after it: 0, and -∞ above the diagonal.

        >>> import nn
        >>> nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[  0., -inf],
                [  0.,   0.]])
        """
        return ag.triu(ag.full((sz, sz), -np.inf, dtype=dtype), 1)
