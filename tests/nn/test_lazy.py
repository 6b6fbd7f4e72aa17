"""Layers that infer their input channels: before the first call, in it, and after."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from against_torch import compare_modules, torch

import autograd as ag
import nn
from optim import SGD

rng = np.random.default_rng(0)


def options(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


LAYERS = [
    ("LazyLinear", options(4), (5, 3)),
    ("LazyLinear", options(4, bias=False), (2, 5, 3)),
    ("LazyConv1d", options(4, 3, 2, 1), (2, 3, 7)),
    ("LazyConv2d", options(4, 3, padding=1), (2, 3, 5, 6)),
    ("LazyConv2d", options(4, 3, groups=2, bias=False, padding_mode="zeros"), (6, 5, 6)),
    ("LazyConv3d", options(4, 2), (2, 3, 2, 3, 4)),
    ("LazyConvTranspose1d", options(4, 3, 2, 1, 1), (2, 3, 7)),
    ("LazyConvTranspose2d", options(4, 3, 2, groups=2), (2, 6, 3, 4)),
    ("LazyConvTranspose3d", options(4, 2, bias=False), (2, 3, 2, 3, 4)),
    ("LazyBatchNorm1d", options(), (4, 3)),
    ("LazyBatchNorm2d", options(0.1, None), (4, 3, 2, 2)),
    ("LazyBatchNorm2d", options(affine=False), (4, 3, 2, 2)),
    ("LazyBatchNorm3d", options(track_running_stats=False), (4, 3, 2, 2, 1)),
    ("LazyBatchNorm1d", options(bias=False), (4, 3, 5)),
    ("LazyInstanceNorm1d", options(), (4, 3, 5)),
    ("LazyInstanceNorm2d", options(0.1, 0.3, False, True), (4, 3, 2, 2)),
    ("LazyInstanceNorm2d", options(track_running_stats=False, bias=False), (4, 3, 2, 2)),
    ("LazyInstanceNorm3d", options(affine=False), (4, 3, 2, 2, 2)),
]
CASES = pytest.mark.parametrize(("name", "arguments", "shape"), LAYERS)


@CASES
def test_lazy_layer_becomes_the_ordinary_one_and_pytorchs(name: str, arguments: Any, shape: Any) -> None:
    args, kwargs = arguments
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)
    assert repr(ours) == repr(theirs)
    assert [key for key, _ in ours.named_parameters()] == [key for key, _ in theirs.named_parameters()]
    assert [key for key, _ in ours.named_buffers()] == [key for key, _ in theirs.named_buffers()]
    assert isinstance(ours, getattr(nn, name.removeprefix("Lazy")))
    x = rng.normal(size=shape)
    ours(ag.tensor(x.astype(np.float32))), theirs(torch.tensor(x, dtype=torch.float32))
    assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
    for _, parameter in ours.named_parameters():
        assert type(parameter) is nn.Parameter
    compare_modules(ours, theirs, x)


@CASES
def test_lazy_layer_starts_as_the_ordinary_one_does(name: str, arguments: Any, shape: Any) -> None:
    args, kwargs = arguments
    channels = shape[-1] if name == "LazyLinear" else shape[0] if len(shape) == 3 and "2d" in name else shape[1]
    ag.manual_seed(3)
    lazy = getattr(nn, name)(*args, **kwargs)
    lazy(ag.ones(shape))
    ag.manual_seed(3)
    ordinary = getattr(nn, name.removeprefix("Lazy"))(channels, *args, **kwargs)
    ordinary(ag.ones(shape))
    for key, value in ordinary.state_dict().items():
        np.testing.assert_array_equal(lazy.state_dict()[key].numpy(), value.numpy())


@CASES
def test_a_loaded_state_gives_the_shapes(name: str, arguments: Any, shape: Any) -> None:
    args, kwargs = arguments
    source, target = getattr(nn, name)(*args, **kwargs), getattr(nn, name)(*args, **kwargs)
    x = ag.tensor(rng.normal(size=shape).astype(np.float32))
    source(x)
    for value in source.state_dict().values():
        if value.dtype == np.float32:
            value.write(rng.uniform(1, 2, value.shape))
    assert target.load_state_dict(source.state_dict()) == ([], [])
    assert not target.has_uninitialized_params()
    source.eval(), target.eval()
    np.testing.assert_array_equal(target(x).numpy(), source(x).numpy())
    assert repr(target) == repr(source)


def test_a_partly_loaded_state_is_kept() -> None:
    layer = nn.LazyLinear(2)
    weight = rng.normal(size=(2, 3)).astype(np.float32)
    assert layer.load_state_dict({"weight": weight}, strict=False).missing_keys == ["bias"]
    layer(ag.ones((1, 3)))
    np.testing.assert_array_equal(layer.weight.numpy(), weight)
    assert layer.bias.numpy().any()


UNSHAPED: list[Callable[[Any], Any]] = [
    lambda m: m.weight.shape,
    lambda m: m.weight.numpy(),
    lambda m: m.weight * 2,
    lambda m: 2 * m.weight,
    lambda m: np.exp(m.weight),
    lambda m: m.weight.sum(),
    lambda m: sum(p.size for p in m.parameters()),
    lambda m: m.state_dict(),
    lambda m: m.reset_parameters(),
    lambda m: nn.init.zeros_(m.weight),
    lambda m: nn.init.kaiming_normal_(m.weight),
]


@pytest.mark.parametrize("use", UNSHAPED)
def test_use_before_the_first_call_is_an_error(use: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match="UninitializedParameter: has no shape and no values yet; it gets them in"):
        use(nn.LazyConv2d(4, 3))


def test_buffers_say_so_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="UninitializedBuffer: has no shape"):
        nn.LazyBatchNorm1d(affine=False).running_mean.mean()
    with pytest.raises(RuntimeError, match="UninitializedParameter: has no shape"):
        nn.save(nn.LazyLinear(3), tmp_path / "state.npz")
    assert not list(tmp_path.iterdir())


def test_casts_and_freezing_before_the_first_call_hold_after_it() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    model[0].requires_grad_(False)
    model.double()
    model(ag.ones((2, 3, 5, 5), dtype=np.float64))
    assert {value.dtype for value in model.parameters()} == {np.dtype(np.float64)}
    assert model[1].running_var.dtype == np.float64
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, True, True, True]
    assert nn.LazyLinear(2, dtype=np.float16).weight.dtype == np.float16


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_before_the_first_call_are_lazy_and_independent(duplicate: Callable[[Any], Any]) -> None:
    layer = nn.LazyLinear(2, dtype=np.float64)
    layer.bias.requires_grad_(False)
    copied = duplicate(layer)
    layer(ag.ones((1, 3)))
    assert copied.has_uninitialized_params()
    copied(ag.ones((1, 4)))
    assert layer.weight.shape == (2, 3)
    assert copied.weight.shape == (2, 4)
    assert copied.weight.dtype == np.float64
    assert [p.requires_grad for p in copied.parameters()] == [True, False]


def test_an_optimizer_made_before_the_first_call_trains_the_parameters() -> None:
    layer = nn.LazyLinear(2)
    optimizer = SGD(layer.parameters(), lr=0.1)
    layer(ag.ones((1, 3))).sum().backward()
    before = layer.weight.numpy().copy()
    optimizer.step()
    np.testing.assert_allclose(layer.weight.numpy(), before - 0.1, rtol=1e-6)


def test_arguments_and_hooks_pass_through_the_first_call() -> None:
    layer = nn.LazyConvTranspose2d(2, 3, stride=2)
    shapes: list[tuple[int, ...]] = []
    layer.register_forward_hook(lambda module, args, y: shapes.append(y.shape))
    assert layer(ag.ones((1, 3, 4, 4)), output_size=(10, 9)).shape == (1, 2, 10, 9)
    assert shapes == [(1, 2, 10, 9)]
    with pytest.raises(ValueError, match=r"ConvTranspose2d: wants an input \(N, 3, H, W\)"):
        layer(ag.ones((1, 4, 4, 4)))


ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: nn.LazyLinear(2)(ag.ones(())), r"LazyLinear: wants an input \(\*, in_features\)"),
    (
        lambda: nn.LazyConv2d(2, 3)(ag.ones((3, 3))),
        r"LazyConv2d: wants an input .* 2 spatial axes .* got shape \(3, 3\)",
    ),
    (lambda: nn.LazyConv1d(2, 3)(ag.ones((2, 0, 5))), "LazyConv1d: wants an input .* at least one channel"),
    (lambda: nn.LazyConv1d(2, 3, groups=2)(ag.ones((2, 3, 5))), "LazyConv1d: groups has to divide .* in_channels=3"),
    (lambda: nn.LazyConv1d(3, 3, groups=2), "LazyConv1d: groups has to divide .* out_channels=3"),
    (lambda: nn.LazyBatchNorm1d()(ag.ones((2, 3, 4, 5))), "LazyBatchNorm1d: wants an input of 2 or 3 dimensions"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_an_input_that_does_not_fit_changes_nothing() -> None:
    layer = nn.LazyConv2d(2, 3, groups=2)
    with pytest.raises(ValueError, match="groups"):
        layer(ag.ones((1, 3, 5, 5)))
    assert repr(layer) == "LazyConv2d(0, 2, kernel_size=(3, 3), stride=(1, 1), groups=2)"
    assert layer(ag.ones((1, 4, 5, 5))).shape == (1, 2, 3, 3)


def test_a_loaded_state_has_to_fit_the_input() -> None:
    layer = nn.LazyLinear(2, bias=False)
    layer.load_state_dict({"weight": np.zeros((2, 5), np.float32)})
    with pytest.raises(ValueError, match=r"LazyLinear: input \(1, 3\) wants weight of shape \(2, 3\), .* \(2, 5\)"):
        layer(ag.ones((1, 3)))
    assert layer(ag.ones((1, 5))).shape == (1, 2)
