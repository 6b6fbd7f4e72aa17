"""Recurrent layers and cells against PyTorch, and sequences of several lengths."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from against_torch import close, pair, torch
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st
from whole_outputs import compare_whole

import autograd as ag
import nn
from nn.utils import rnn

torch_rnn = torch.nn.utils.rnn
rng = np.random.default_rng(0)
LAYERS = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("LSTM", {"proj_size": 2}), ("GRU", {})]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"num_layers": 3},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False},
]


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def states(name: str, options: dict[str, Any], *batch: int) -> tuple[np.ndarray, ...]:
    """A state to begin with, of a layer with inputs of 3 features and 4 hidden ones."""
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    h = normal(count, *batch, options.get("proj_size", 4))
    return (h, normal(count, *batch, 4)) if name == "LSTM" else (h,)


class WithState(nn.Module):
    """Takes the tensors of a state one by one."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Any, *state: Any) -> Any:
        return self.module(x, state if len(state) == 2 else state[0])


class TheirsWithState(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Any, *state: Any) -> Any:
        return self.module(x, state if len(state) == 2 else state[0])


@pytest.mark.parametrize(("name", "kind"), LAYERS)
@pytest.mark.parametrize("options", OPTIONS)
def test_layer(name: str, kind: dict[str, Any], options: dict[str, Any]) -> None:
    ours, theirs = (getattr(library, name)(3, 4, **kind, **options) for library in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    compare_whole(ours, theirs, normal(5, 2, 3))


@pytest.mark.parametrize(("name", "kind"), LAYERS)
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True}])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_layer_that_begins_with_a_state(
    name: str, kind: dict[str, Any], options: dict[str, Any], batch: tuple[int, ...]
) -> None:
    ours, theirs = (getattr(library, name)(3, 4, **kind, **options) for library in (nn, torch.nn))
    x = normal(2, 5, 3) if batch and options.get("batch_first") else normal(5, *batch, 3)
    compare_whole(WithState(ours), TheirsWithState(theirs), x, *states(name, kind | options, *batch))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_layer_of_one_step_and_of_no_sequences(name: str) -> None:
    for shape in [(1, 2, 3), (5, 0, 3)]:
        compare_whole(getattr(nn, name)(3, 4), getattr(torch.nn, name)(3, 4), normal(*shape))


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kind in LAYERS if "proj_size" not in kind])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_cell(name: str, kind: dict[str, Any], bias: bool, batch: tuple[int, ...]) -> None:
    ours, theirs = (getattr(library, f"{name}Cell")(3, 4, bias, **kind) for library in (nn, torch.nn))
    assert repr(ours).replace("'", "") == repr(theirs)
    compare_whole(ours, theirs, normal(*batch, 3))
    state = [normal(*batch, 4) for _ in range(2 if name == "LSTM" else 1)]
    compare_whole(WithState(ours), TheirsWithState(theirs), normal(*batch, 3), *state)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_layer_is_its_cell_step_by_step(name: str) -> None:
    layer, cell = getattr(nn, name)(3, 4).double(), getattr(nn, f"{name}Cell")(3, 4).double()
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    x = ag.tensor(normal(5, 2, 3))
    state, outputs = None, []
    for step in x:
        state = cell(step, state)
        outputs.append(state[0] if name == "LSTM" else state)
    y, last = layer(x)
    np.testing.assert_allclose(y.numpy(), ag.stack(outputs).numpy(), rtol=1e-12)
    for a, b in zip(last if name == "LSTM" else [last], state if name == "LSTM" else [state], strict=True):
        np.testing.assert_allclose(a[0].numpy(), b.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_derivatives(name: str) -> None:
    layer = getattr(nn, name)(2, 3, bidirectional=True).double()
    check_derivatives(lambda x: layer(x)[0], normal(3, 1, 2))


def test_dropout_is_between_layers_and_in_training() -> None:
    ag.manual_seed(0)
    layer, x = nn.GRU(3, 4, num_layers=2, dropout=0.5), ag.ones((5, 2, 3))
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    assert layer.eval()(x)[0].tolist() == layer(x)[0].tolist()
    with pytest.warns(UserWarning, match="GRU: dropout acts between layers, and there is but one"):
        alone = nn.GRU(3, 4, dropout=0.5)
    assert alone(x)[0].tolist() == alone(x)[0].tolist()
    all_dropped = nn.GRU(3, 4, num_layers=2, dropout=1.0)
    assert all_dropped(x)[0].tolist() == all_dropped(-3 * x)[0].tolist()


def test_parameters_start_uniform() -> None:
    ag.manual_seed(0)
    for layer in (nn.LSTM(30, 25, 2), nn.LSTMCell(30, 25)):
        for parameter in layer.parameters():
            assert 0.15 < abs(parameter).max().item() <= 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.RNN(0, 4), "RNN: input_size and hidden_size are positive, got 0 and 4"),
        (lambda: nn.GRUCell(3, -1), "GRUCell: input_size and hidden_size are positive, got 3 and -1"),
        (lambda: nn.LSTM(3, 4, 0), "LSTM: num_layers has to be at least 1, got 0"),
        (lambda: nn.LSTM(3, 4, dropout=1.5), "LSTM: dropout is a probability, got 1.5"),
        (lambda: nn.LSTM(3, 4, proj_size=4), "LSTM: proj_size has to be smaller than hidden_size 4, got 4"),
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), "RNN: nonlinearity is 'tanh' or 'relu', got 'sin'"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="sin"), "RNNCell: nonlinearity is 'tanh' or 'relu', got 'sin'"),
        (lambda: nn.GRU(3, 4)(ag.zeros((5, 2, 4))), r"GRU: wants an input \(L, N, 3\) or \(L, 3\), got \(5, 2, 4\)"),
        (
            lambda: nn.GRU(3, 4, batch_first=True)(ag.zeros(3)),
            r"wants an input \(N, L, 3\) or \(L, 3\), got \(3,\)",
        ),
        (lambda: nn.GRU(3, 4)(ag.zeros((0, 2, 3))), r"GRU: the sequences have no steps: input \(0, 2, 3\)"),
        (lambda: nn.GRUCell(3, 4)(ag.zeros((5, 2, 3))), r"GRUCell: wants an input \(N, 3\) or \(3,\), got \(5, 2, 3\)"),
        (
            lambda: nn.GRU(3, 4)(ag.zeros((5, 2, 3)), ag.zeros((2, 4))),
            r"GRU: the state to begin with has shape \(2, 4\), wants \(1, 2, 4\)",
        ),
        (
            lambda: nn.LSTM(3, 4)(ag.zeros((5, 3)), (ag.zeros((1, 4)), ag.zeros((1, 1, 4)))),
            r"LSTM: the state to begin with has shape \(1, 4\) and \(1, 1, 4\), wants \(1, 4\) and \(1, 4\)",
        ),
    ],
)
def test_what_does_not_fit(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_one_tensor_is_no_state_of_an_lstm() -> None:
    for layer, x in ((nn.LSTM(3, 4), ag.zeros((5, 2, 3))), (nn.LSTMCell(3, 4), ag.zeros((2, 3)))):
        with pytest.raises(TypeError, match=r"LSTM.*: the state to begin with is a pair \(h, c\), got one Tensor"):
            layer(x, ag.zeros((2, 2, 4)))


def test_an_error_in_a_parametrized_bias_is_not_taken_for_no_bias() -> None:
    class Broken(nn.Module):
        broken = False

        def forward(self, w: Any) -> Any:
            return w.nonexistent if self.broken else 2 * w

    layer, parametrization = nn.GRU(3, 4), Broken()
    nn.utils.parametrize.register_parametrization(layer, "bias_hh_l0", parametrization)
    parametrization.broken = True
    with pytest.raises(AttributeError, match="nonexistent"):
        layer(ag.zeros((5, 2, 3)))


def test_a_nonlinearity_may_be_changed() -> None:
    for layer, x in ((nn.RNN(3, 4), -ag.ones((5, 2, 3))), (nn.RNNCell(3, 4), -ag.ones((2, 3)))):
        layer.nonlinearity = "relu"
        y = layer(x) if isinstance(layer, nn.RNNCell) else layer(x)[0]
        assert y.min() == 0


def test_weights_are_listed_as_in_pytorch() -> None:
    options = {"num_layers": 2, "bidirectional": True, "proj_size": 2}
    ours, theirs = nn.LSTM(3, 4, **options), torch.nn.LSTM(3, 4, **options)
    ours.flatten_parameters()
    assert [[w.shape for w in of] for of in ours.all_weights] == [
        [tuple(w.shape) for w in of] for of in theirs.all_weights
    ]
    assert isinstance(ours, nn.RNNBase)
    assert isinstance(nn.GRUCell(3, 4), nn.RNNCellBase)


LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@given(LENGTHS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_packing_and_padding(lengths: list[int], batch_first: bool) -> None:
    draw = np.random.default_rng(len(lengths))
    arrays = [draw.normal(size=(n, 2)) for n in lengths]
    ours, theirs = zip(*(pair(a) for a in arrays), strict=True)
    padded = rnn.pad_sequence(ours, batch_first, -1.5, padding_side="left")
    close(padded, torch_rnn.pad_sequence(theirs, batch_first, -1.5, padding_side="left"), "padded at the start")
    packed = rnn.pack_sequence(ours, enforce_sorted=False)
    wanted = torch_rnn.pack_sequence(theirs, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == wanted.batch_sizes.tolist()
    mine, counts = rnn.pad_packed_sequence(packed, batch_first, 9.0, total_length=7)
    yours, their_counts = torch_rnn.pad_packed_sequence(wanted, batch_first, 9.0, total_length=7)
    close(mine, yours, "padded again")
    assert counts.tolist() == their_counts.tolist() == lengths
    cotangent = draw.normal(size=mine.shape)
    mine.backward(ag.tensor(cotangent))
    yours.backward(torch.tensor(cotangent))
    for a, b, array, again in zip(ours, theirs, arrays, rnn.unpack_sequence(packed), strict=True):
        close(a.grad, b.grad, "gradient")
        assert again.tolist() == array.tolist()


@given(LENGTHS, st.sampled_from(LAYERS), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_layers_over_packed_sequences(
    lengths: list[int], layer: tuple[str, dict[str, Any]], bidirectional: bool, ordered: bool, begun: bool
) -> None:
    name, kind = layer
    options = kind | {"bidirectional": bidirectional, "num_layers": 2}
    counts = sorted(lengths, reverse=True) if ordered else lengths

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = getattr(nn, name)(3, 4, **options)

        def forward(self, x: Any, *state: Any) -> Any:
            packed = rnn.pack_padded_sequence(x, counts, enforce_sorted=ordered)
            y, last = self.module(packed, (state if name == "LSTM" else state[0]) if state else None)
            return rnn.pad_packed_sequence(y)[0], last

    class TheirsPacked(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.module = getattr(torch.nn, name)(3, 4, **options)

        def forward(self, x: Any, *state: Any) -> Any:
            packed = torch_rnn.pack_padded_sequence(x, counts, enforce_sorted=ordered)
            y, last = self.module(packed, (state if name == "LSTM" else state[0]) if state else None)
            return torch_rnn.pad_packed_sequence(y)[0], last

    x = np.random.default_rng(sum(lengths)).normal(size=(max(lengths), len(lengths), 3))
    compare_whole(Packed(), TheirsPacked(), x, *(states(name, options, len(lengths)) if begun else ()))


def test_sequences_are_as_they_were_when_they_are_unpadded() -> None:
    x = ag.tensor([[1, 2], [3, 0]])
    assert [y.tolist() for y in rnn.unpad_sequence(x, ag.tensor([2, 0]))] == [[1, 3], []]
    assert [y.tolist() for y in rnn.unpad_sequence(x, [2, 1], batch_first=True)] == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda x: rnn.pack_padded_sequence(x, [2, 3]),
            r"lengths \[2, 3\] are not in decreasing order; enforce",
        ),
        (lambda x: rnn.pack_padded_sequence(x, [3, 0]), r"wants 2 lengths from 1 to 3, .* got \[3, 0\]"),
        (lambda x: rnn.pack_padded_sequence(x, [4, 3]), r"wants 2 lengths from 1 to 3, .* got \[4, 3\]"),
        (lambda x: rnn.pack_padded_sequence(x, [3]), "wants 2 lengths from 1 to 3"),
        (lambda x: rnn.pack_padded_sequence(x, [3.0, 2.0]), "wants 2 lengths from 1 to 3"),
        (lambda x: rnn.pack_padded_sequence(x[0, 0], [3]), r"pack_padded_sequence: wants sequences \(L, N, \*\)"),
        (lambda x: rnn.unpad_sequence(x, [-1, 3]), "unpad_sequence: wants 2 lengths from 0 to 3"),
        (lambda x: rnn.pad_sequence([]), r"pad_sequence: wants sequences \(L, \*\), alike but for L, got shapes \[\]"),
        (lambda x: rnn.pad_sequence([x, x[:, 0]]), "alike but for L"),
        (lambda x: rnn.pad_sequence([x], padding_side="top"), "padding_side is 'left' or 'right', got 'top'"),
        (
            lambda x: rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 1]), total_length=2),
            "total_length 2 is shorter than a sequence of 3",
        ),
    ],
)
def test_sequences_that_do_not_fit(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(ag.zeros((3, 2, 4)))


@pytest.mark.parametrize("shape", [(), (1, 3), (4,)])
def test_packed_steps_that_are_no_vectors_of_the_layers_length(shape: tuple[int, ...]) -> None:
    packed = rnn.pack_sequence([ag.zeros((3, *shape)), ag.zeros((1, *shape))])
    with pytest.raises(ValueError, match=r"GRU: wants packed sequences of steps \(3,\), got data \(4,"):
        nn.GRU(3, 4)(packed)


def test_a_packed_sequence_finds_how_to_undo_its_order() -> None:
    packed = rnn.pack_sequence([ag.randn(n, 3) for n in (1, 3, 2)], enforce_sorted=False)
    made = rnn.PackedSequence(packed.data, packed.batch_sizes, packed.sorted_indices)
    assert rnn.pad_packed_sequence(made)[1].tolist() == [1, 3, 2]
    layer, h = nn.GRU(3, 4), ag.randn(1, 3, 4)
    assert layer(made, h)[1].tolist() == layer(packed, h)[1].tolist()
    assert pickle.loads(pickle.dumps(made)).unsorted_indices.tolist() == packed.unsorted_indices.tolist()


def test_sequences_from_a_generator() -> None:
    assert rnn.pad_sequence(ag.ones(n) for n in (1, 2)).tolist() == [[1, 1], [0, 1]]
    assert rnn.pack_sequence(ag.ones(n) for n in (2, 1)).batch_sizes.tolist() == [2, 1]
