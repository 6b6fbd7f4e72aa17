"""Recurrent layers, and their cells: one step each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import functional as F
from nn import init
from nn.functional.recurrent import State, affine, gru_step, lstm_step, rnn_relu_step, rnn_tanh_step
from nn.module import Module
from nn.parameter import Parameter
from nn.utils.rnn import PackedSequence

Step = Callable[[Tensor, State, Tensor, Tensor | None], State]

RNN_STEPS: dict[str, Step] = {"tanh": rnn_tanh_step, "relu": rnn_relu_step}


class _Recurrent(Module):
    """What cells and layers share: their sizes, and how their parameters are made and drawn."""

    gates: ClassVar[int] = 1  # how many times hidden_size a step computes
    states: ClassVar[int] = 1  # how many tensors a state is made of
    bias_apart: ClassVar[bool] = False  # whether what the state gives is more than added to what the input gives

    def __init__(self, input_size: int, hidden_size: int, bias: bool) -> None:
        super().__init__()
        if input_size < 1 or hidden_size < 1:
            raise ValueError(
                f"{type(self).__name__}: input_size and hidden_size are positive, got {input_size} and {hidden_size}"
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias

    def _make(self, name: str, *shape: int, dtype: npt.DTypeLike | None) -> None:
        self.register_parameter(name, Parameter(ag.zeros(shape, dtype=dtype)))

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        """The state after a step, as `nn.functional.recurrent` has it."""
        raise NotImplementedError(f"{type(self).__name__}: has no step of its own; those that inherit from it have")

    def _given(self, hx: Any, shapes: Sequence[tuple[int, ...]], input: Tensor) -> State:
        """The state to begin with: what was given, or zeros. Raises ValueError unless the shapes are `shapes`."""
        if hx is None:
            return tuple(ag.zeros(shape, dtype=input.dtype) for shape in shapes)
        if self.states == 2 and not isinstance(hx, (tuple, list)):
            raise TypeError(
                f"{type(self).__name__}: the state to begin with is a pair (h, c), got one {type(hx).__name__}"
            )
        state = (hx,) if self.states == 1 else tuple(hx)
        if [np.shape(x) for x in state] != list(shapes):
            got = " and ".join(str(np.shape(x)) for x in state)
            raise ValueError(
                f"{type(self).__name__}: the state to begin with has shape {got}, wants "
                f"{' and '.join(map(str, shapes))}"
            )
        return state

    def _returned(self, state: State) -> Any:
        return state[0] if self.states == 1 else state


class RNNCellBase(_Recurrent):
    """What the cells share: one step, with `weight_ih` (G·hidden_size, input_size), `weight_hh` (G·hidden_size,
    hidden_size) and, unless `bias` is False, `bias_ih` and `bias_hh` (G·hidden_size,); all of `dtype`, or the default
    one if None.

    >>> import nn
    >>> isinstance(nn.GRUCell(3, 4), nn.RNNCellBase)
    True
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        rows = self.gates * hidden_size
        self._make("weight_ih", rows, input_size, dtype=dtype)
        self._make("weight_hh", rows, hidden_size, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(ag.zeros(rows, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: wants an input (N, {self.input_size}) or ({self.input_size},), got "
                f"{input.shape}"
            )
        shape = (*input.shape[:-1], self.hidden_size)
        state = self._given(hx, [shape] * self.states, input)
        x = F.linear(input, self.weight_ih, self.bias_ih)
        return self._returned(self._step(x, state, self.weight_hh.T, self.bias_hh))

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(RNNCellBase):
    """h' = tanh(W x + b + U h + d), or with a rectifier if `nonlinearity` is "relu": input (N, input_size) and state
    (N, hidden_size), zeros if not given, to (N, hidden_size); or all without N.

    W is `weight_ih` (hidden_size, input_size), U `weight_hh` (hidden_size, hidden_size); unless `bias` is False, b is
    `bias_ih` and d `bias_hh` (hidden_size,). All start from U(-1/√hidden_size, 1/√hidden_size). `dtype` is that of the
    parameters; None: the default one.

    Source: Elman 1990, "Finding structure in time".

    >>> import nn
    >>> nn.RNNCell(3, 4)(zeros((2, 3))).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype=dtype)
        _check_nonlinearity("RNNCell", nonlinearity)
        self.nonlinearity = nonlinearity

    def _step(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        return RNN_STEPS[self.nonlinearity](x, state, weight, bias)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(RNNCellBase):
    """Long short-term memory, one step: input (N, input_size) and a state of two tensors (N, hidden_size), zeros if not
    given, to two such; or all without N.

    With the gates (i, f, g, o) = W x + b + U h + d, c' = σ(f) c + σ(i) tanh(g) and h' = σ(o) tanh(c'). W is `weight_ih`
    (4·hidden_size, input_size), U `weight_hh` (4·hidden_size, hidden_size); unless `bias` is False, b is `bias_ih` and
    d `bias_hh` (4·hidden_size,). All start from U(-1/√hidden_size, 1/√hidden_size). `dtype` is that of the parameters;
    None: the default one.

    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory"; Gers, Schmidhuber, Cummins 2000, "Learning to
    forget: continual prediction with LSTM".

    >>> import nn
    >>> h, c = nn.LSTMCell(3, 4)(zeros((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4
    states = 2
    _step = staticmethod(lstm_step)


class GRUCell(RNNCellBase):
    """A gated recurrent unit, one step: input (N, input_size) and state (N, hidden_size), zeros if not given, to
    (N, hidden_size); or all without N.

    r = σ(Wᵣ x + bᵣ + Uᵣ h + dᵣ), z likewise, n = tanh(Wₙ x + bₙ + r (Uₙ h + dₙ)), and h' = (1 - z) n + z h. The rows of
    r, z and n follow each other in W, which is `weight_ih` (3·hidden_size, input_size), and in U, which is `weight_hh`
    (3·hidden_size, hidden_size); unless `bias` is False, b is `bias_ih` and d `bias_hh` (3·hidden_size,). All start
    from U(-1/√hidden_size, 1/√hidden_size). `dtype` is that of the parameters; None: the default one.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation".

    >>> import nn
    >>> nn.GRUCell(3, 4)(zeros((2, 3))).shape
    (2, 4)
    """

    gates = 3
    bias_apart = True
    _step = staticmethod(gru_step)


class RNNBase(_Recurrent):
    """What `RNN`, `LSTM` and `GRU` share: layers of cells over sequences, in one direction or both; all arguments as in
    these.

    >>> import nn
    >>> isinstance(nn.LSTM(3, 4), nn.RNNBase)
    True
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        name = type(self).__name__
        if num_layers < 1:
            raise ValueError(f"{name}: num_layers has to be at least 1, got {num_layers}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"{name}: dropout is a probability, got {dropout}")
        if dropout and num_layers == 1:
            warnings.warn(f"{name}: dropout acts between layers, and there is but one", stacklevel=2)
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"{name}: proj_size has to be smaller than hidden_size {hidden_size}, got {proj_size}")
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        rows, width = self.gates * hidden_size, proj_size or hidden_size
        for place in self._places():
            taken = input_size if place[0] == 0 else width * (1 + bidirectional)
            self._make(_name("weight_ih", place), rows, taken, dtype=dtype)
            self._make(_name("weight_hh", place), rows, width, dtype=dtype)
            for kind in ("bias_ih", "bias_hh") if bias else ():
                self._make(_name(kind, place), rows, dtype=dtype)
            if proj_size:
                self._make(_name("weight_hr", place), proj_size, hidden_size, dtype=dtype)
        self.reset_parameters()

    def forward(self, input: Tensor | PackedSequence, hx: Any = None) -> tuple[Any, Any]:
        """The output of the last layer at each step, and the states that all layers and directions end with.

        `hx` is the state to begin with; None: zeros. A packed sequence gives a packed sequence.
        """
        if isinstance(input, PackedSequence):
            return self._over_packed(input, hx)
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            wanted = f"(N, L, {self.input_size})" if self.batch_first else f"(L, N, {self.input_size})"
            raise ValueError(
                f"{type(self).__name__}: wants an input {wanted} or (L, {self.input_size}), got {input.shape}"
            )
        batched = input.ndim == 3
        first = 0 if batched and self.batch_first else 1  # the batch's axis
        x = (input if batched else input[:, None]).swapaxes(first, 1)
        length, n = x.shape[:2]
        if length == 0:
            raise ValueError(f"{type(self).__name__}: the sequences have no steps: input {input.shape}")
        state = self._given(hx, self._state_shapes(*(n,) if batched else ()), input)
        state = state if batched else tuple(s[:, None] for s in state)
        y, state = self._over_layers(x.reshape(length * n, self.input_size), [n] * length, state)
        y = y.reshape(length, n, y.shape[-1]).swapaxes(first, 1)
        return (y if batched else y[:, 0]), self._returned(state if batched else tuple(s[:, 0] for s in state))

    def flatten_parameters(self) -> None:
        """Nothing: for programs written for PyTorch, where it arranges the parameters in a GPU's memory."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        kinds = ("weight_ih", "weight_hh", *("bias_ih", "bias_hh") * self.bias, *("weight_hr",) * bool(self.proj_size))
        return [[getattr(self, _name(kind, place)) for kind in kinds] for place in self._places()]

    def _over_packed(self, input: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        if input.data.ndim != 2 or input.data.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: wants packed sequences of steps ({self.input_size},), got data "
                f"{input.data.shape}"
            )
        rows = input.batch_sizes.tolist()
        state = self._given(hx, self._state_shapes(rows[0]), input.data)
        if input.sorted_indices is not None and hx is not None:
            state = tuple(s[:, input.sorted_indices] for s in state)
        y, state = self._over_layers(input.data, rows, state)
        if input.unsorted_indices is not None:
            state = tuple(s[:, input.unsorted_indices] for s in state)
        return input._replace(data=y), self._returned(state)

    def _over_layers(self, x: Tensor, rows: list[int], state: State) -> tuple[Tensor, State]:
        """What the last layer makes of `x`, and the states that all layers end with.

        `x` (T, features) holds the steps of all sequences packed: first `rows[0]` first steps, then `rows[1]` second
        ones, and so on.
        """
        back = _turned(rows) if self.bidirectional else None
        begin = zip(*(ag.split(s, self.num_layers) for s in state), strict=True)
        ended: list[State] = []
        for layer, first in enumerate(begin):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            both = x[None] if back is None else ag.stack([x, x[back]])
            y, last = self._over_time(both, rows, first, layer)
            x = y[0] if back is None else ag.concatenate([y[0], y[1][back]], axis=-1)
            ended.append(last)
        return x, tuple(ag.concatenate(parts) for parts in zip(*ended, strict=True))

    def _over_time(self, x: Tensor, rows: list[int], state: State, layer: int) -> tuple[Tensor, State]:
        """One layer, in D directions at once: what it makes of `x` (D, T, features), in which the sequences of the
        second one are turned round, and the states (D, N, H) that the sequences end with."""
        bias_ih, bias_hh = (self._at(kind, layer)[:, None] if self.bias else None for kind in ("bias_ih", "bias_hh"))
        if bias_ih is not None and not self.bias_apart:  # once for all steps
            bias_ih, bias_hh = bias_ih + bias_hh, None
        weight_hh = self._at("weight_hh", layer).mT
        weight_hr = self._at("weight_hr", layer).mT if self.proj_size else None
        gates = affine(x, self._at("weight_ih", layer).mT, bias_ih)
        outputs: list[Tensor] = []
        ended: list[State] = []
        for step in ag.split(gates, np.cumsum(rows[:-1]).tolist(), axis=1):
            n = step.shape[1]
            if n < state[0].shape[1]:
                ended.append(tuple(s[:, n:] for s in state))
                state = tuple(s[:, :n] for s in state)
            state = self._step(step, state, weight_hh, bias_hh)
            if weight_hr is not None:
                state = (ag.matmul(state[0], weight_hr), *state[1:])
            outputs.append(state[0])
        if ended:
            state = tuple(ag.concatenate(parts, axis=1) for parts in zip(state, *reversed(ended), strict=True))
        return ag.concatenate(outputs, axis=1), state

    def _places(self) -> list[tuple[int, bool]]:
        """Layer, and whether backwards in time, in the order of states and parameters."""
        return [(layer, back) for layer in range(self.num_layers) for back in (False, True)[: 1 + self.bidirectional]]

    def _at(self, kind: str, layer: int) -> Tensor:
        """The parameters of a kind of all directions of a layer, (D, …)."""
        forwards: Tensor = getattr(self, _name(kind, (layer, False)))
        return ag.stack([forwards, getattr(self, _name(kind, (layer, True)))]) if self.bidirectional else forwards[None]

    def _state_shapes(self, *batch: int) -> list[tuple[int, ...]]:
        count = len(self._places())
        return [(count, *batch, self.proj_size or self.hidden_size), (count, *batch, self.hidden_size)][: self.states]

    def extra_repr(self) -> str:
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        changed = [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])


def _name(kind: str, place: tuple[int, bool]) -> str:
    """What PyTorch calls a parameter of a layer and direction."""
    return f"{kind}_l{place[0]}{'_reverse' if place[1] else ''}"


def _turned(rows: list[int]) -> Any:
    """The places in packed sequences if each is turned round: sequences of so many `rows` at each step."""
    there = np.arange(rows[0]) < np.array(rows)[:, None]  # (L, N)
    place = np.where(there, np.cumsum(there).reshape(there.shape) - 1, 0)
    lengths = there.sum(axis=0)
    steps, sequences = np.nonzero(there)
    return place[lengths[sequences] - 1 - steps, sequences]


def _check_nonlinearity(owner: str, nonlinearity: str) -> None:
    if nonlinearity not in RNN_STEPS:
        raise ValueError(f"{owner}: nonlinearity is 'tanh' or 'relu', got {nonlinearity!r}")


class RNN(RNNBase):
    """`num_layers` layers of `RNNCell`s over sequences, with `nonlinearity` "tanh" or "relu": (L, N, input_size), or
    (N, L, input_size) with `batch_first`, or (L, input_size), to (L, N, D·hidden_size) and the last states
    (D·num_layers, N, hidden_size); D is 2 if `bidirectional`, where a second cell goes backwards, else 1.

    The state to begin with has the shape of the last one. `weight_ih_l0`, `weight_hh_l0` and, unless `bias` is False,
    `bias_ih_l0` and `bias_hh_l0` are as in the cell, `…_l1` are those of the next layer, which takes the outputs of the
    one before, in training with dropout of probability `dropout`; `…_reverse` go backwards. All start from
    U(-1/√hidden_size, 1/√hidden_size). `dtype` is that of the parameters; None: the default one. Takes sequences of
    several lengths packed by `nn.utils.rnn.pack_padded_sequence`. To go on from a state without its history, as in
    truncated backpropagation through time, `detach()` it.

    >>> import nn
    >>> y, h = nn.RNN(3, 4, num_layers=2)(zeros((5, 2, 3)))
    >>> y.shape, h.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)
        _check_nonlinearity("RNN", nonlinearity)
        self.nonlinearity = nonlinearity

    def _step(self, x: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        return RNN_STEPS[self.nonlinearity](x, state, weight, bias)


class LSTM(RNNBase):
    """Layers of `LSTMCell`s over sequences; all arguments and shapes as in `RNN`, but that states are pairs (h, c).

    With a `proj_size` P, h' = `weight_hr_l0` (P, hidden_size) · σ(o) tanh(c'), so that outputs are (L, N, D·P) and
    `weight_hh_l0` is (4·hidden_size, P); c keeps its length.

    Source: Hochreiter & Schmidhuber 1997, "Long short-term memory"; for the projection Sak, Senior, Beaufays 2014,
    "Long short-term memory based recurrent neural network architectures for large vocabulary speech recognition".

    >>> import nn
    >>> y, (h, c) = nn.LSTM(3, 4, bidirectional=True)(zeros((5, 2, 3)))
    >>> y.shape, h.shape, c.shape
    ((5, 2, 8), (2, 2, 4), (2, 2, 4))
    """

    gates = 4
    states = 2
    _step = staticmethod(lstm_step)


class GRU(RNNBase):
    """Layers of `GRUCell`s over sequences; all arguments and shapes as in `RNN`.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation".

    >>> import nn
    >>> y, h = nn.GRU(3, 4, batch_first=True)(zeros((2, 5, 3)))
    >>> y.shape, h.shape
    ((2, 5, 4), (1, 2, 4))
    """

    gates = 3
    bias_apart = True
    _step = staticmethod(gru_step)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)
