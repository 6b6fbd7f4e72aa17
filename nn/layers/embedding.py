"""Tables of vectors, looked up by index."""

from __future__ import annotations

from typing import Self

import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.module import Module
from nn.parameter import Parameter


class _Table(Module):
    """`weight` (num_embeddings, embedding_dim), from N(0, 1), with zeros in the row `padding_idx`."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        dtype: npt.DTypeLike | None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"{type(self).__name__}: padding_idx {padding_idx} is out of range for {num_embeddings} embeddings"
            )
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self.weight = Parameter(ag.zeros((num_embeddings, embedding_dim), dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.write(0, self.padding_idx)

    def _load(self, embeddings: Tensor, freeze: bool) -> Self:
        self.weight = Parameter(embeddings, requires_grad=not freeze)
        return self

    def _options(self) -> dict[str, object]:
        """The arguments that differ from their defaults, as the repr shows them."""
        options: dict[str, object] = {}
        if self.max_norm is not None:
            options["max_norm"] = self.max_norm
        if self.norm_type != 2:
            options["norm_type"] = self.norm_type
        if self.scale_grad_by_freq:
            options["scale_grad_by_freq"] = True
        return options

    def _text(self, options: dict[str, object]) -> str:
        named = (f"{name}={value!r}" for name, value in options.items())
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *named])


class Embedding(_Table):
    """Integers (*) to vectors (*, embedding_dim); see `nn.functional.embedding` for the arguments and errors.

    `weight` (num_embeddings, embedding_dim) starts from N(0, 1), the row `padding_idx` from zeros. `dtype` is that of
    `weight`; None: the default one.

    >>> import nn
    >>> nn.Embedding(10, 3)(tensor([[1, 2], [4, 4]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, dtype
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """An Embedding with a copy of `embeddings` (num_embeddings, embedding_dim), not trained if `freeze`."""
        rows, columns = _lengths(cls.__name__, embeddings)
        made = cls(rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        return made._load(embeddings, freeze)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        padding = {} if self.padding_idx is None else {"padding_idx": self.padding_idx}
        return self._text({**padding, **self._options(), **({"sparse": True} if self.sparse else {})})


class EmbeddingBag(_Table):
    """Sums, means or maxima of bags of vectors; see `nn.functional.embedding_bag` for shapes, arguments and errors.

    `weight` (num_embeddings, embedding_dim) and its `dtype` are as in `Embedding`.

    >>> import nn
    >>> nn.EmbeddingBag(10, 3)(tensor([[1, 2], [4, 4]])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        *,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, dtype
        )
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: mode is 'sum', 'mean' or 'max', got {mode!r}")
        self.mode = mode
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """An EmbeddingBag with a copy of `embeddings` (num_embeddings, embedding_dim), not trained if `freeze`."""
        rows, columns = _lengths(cls.__name__, embeddings)
        made = cls(
            rows,
            columns,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        return made._load(embeddings, freeze)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = {} if self.padding_idx is None else {"padding_idx": self.padding_idx}
        return self._text({**self._options(), "mode": self.mode, **padding})


def _lengths(layer: str, embeddings: Tensor) -> tuple[int, ...]:
    if embeddings.ndim != 2:
        raise ValueError(f"{layer}: wants embeddings (num_embeddings, embedding_dim), got shape {embeddings.shape}")
    return embeddings.shape
