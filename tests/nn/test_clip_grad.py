"""Clipping of gradients, and parameters as a vector, against PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from autograd import tensor
from autograd.tensor import Tensor
from nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters

torch = pytest.importorskip("torch")

SHAPES = [(3, 4), (), (5,), (2, 1, 3)]


def parameters(dtype: type = np.float64, scale: float = 1.0) -> tuple[list[Tensor], list[Any]]:
    """The same parameters here and in PyTorch: with gradients, the last without."""
    rng = np.random.default_rng(0)
    ours = [tensor(np.zeros(shape, dtype), requires_grad=True) for shape in SHAPES]
    theirs = [torch.zeros(p.shape, dtype=getattr(torch, p.dtype.name), requires_grad=True) for p in ours]
    for p, q in list(zip(ours, theirs, strict=True))[:-1]:
        g = np.asarray(scale * rng.normal(size=p.shape), dtype)
        p.grad = tensor(np.array(g, order="F"))
        q.grad = torch.tensor(g)
    return ours, theirs


def assert_same_gradients(ours: list[Tensor], theirs: list[Any], rtol: float) -> None:
    for p, q in zip(ours, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=rtol)
            assert p.grad.dtype == p.dtype


@pytest.mark.parametrize("norm_type", [1, 2.0, 3.5, math.inf, "inf", 0.5])
@pytest.mark.parametrize("max_norm", [0.1, 1, 1e6, 0.0])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_norm(norm_type: Any, max_norm: float, dtype: type, rtol: float) -> None:
    ours, theirs = parameters(dtype)
    gradient = ours[0].grad
    total = clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert isinstance(total, Tensor)
    assert total.shape == ()
    assert total.dtype == dtype
    np.testing.assert_allclose(total.item(), expected.item(), rtol=rtol)
    assert_same_gradients(ours, theirs, rtol)
    assert ours[0].grad is gradient


def test_norm_of_one_tensor_of_an_empty_one_and_of_none() -> None:
    p = tensor(np.zeros((0, 3)), requires_grad=True)
    p.grad = tensor(np.zeros((0, 3)))
    assert clip_grad_norm_(p, 1.0, math.inf).item() == 0.0
    assert clip_grad_norm_([], 1.0).item() == 0.0
    assert clip_grad_norm_([tensor([1.0], requires_grad=True)], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="the generator of parameters is empty"):
        clip_grad_norm_((p for p in ()), 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_norm_that_is_not_finite(bad: float) -> None:
    ours, theirs = parameters()
    for params, make in ((ours, tensor), (theirs, torch.tensor)):
        params[0].grad = make(np.full((3, 4), bad))
    with pytest.raises(RuntimeError, match=f"norm of order 2 of the gradients is {bad}"):
        clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)
    assert_same_gradients(ours, theirs, 0)
    clip_grad_norm_(ours, 1.0)
    torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    assert_same_gradients(ours, theirs, 1e-12)


def test_norm_that_overflows() -> None:
    p, q = tensor([0.0, 0.0], requires_grad=True), torch.zeros(2, requires_grad=True)
    p.grad, q.grad = tensor([1e30, 1.0]), torch.tensor([1e30, 1.0])
    assert clip_grad_norm_(p, 1.0).item() == torch.nn.utils.clip_grad_norm_(q, 1.0).item() == np.inf
    np.testing.assert_array_equal(p.grad.data, q.grad.numpy())


@pytest.mark.parametrize("value", [0.0, 0.3, 10])
def test_value(value: float) -> None:
    ours, theirs = parameters()
    clip_grad_value_(iter(ours), value)
    torch.nn.utils.clip_grad_value_(theirs, value)
    assert_same_gradients(ours, theirs, 0)
    clip_grad_value_(ours[0], 0.01)
    assert ours[0].grad is not None
    assert np.abs(ours[0].grad.data).max() <= 0.01


def test_vector_round_trip() -> None:
    rng = np.random.default_rng(0)
    params = [tensor(rng.normal(size=shape), requires_grad=True) for shape in SHAPES]
    vector = parameters_to_vector(params)
    np.testing.assert_array_equal(vector.data, np.concatenate([p.data.ravel() for p in params]))
    assert vector.requires_grad
    vector_to_parameters(tensor(2 * vector.data), iter(params))
    np.testing.assert_array_equal(parameters_to_vector(params).data, 2 * vector.data)
    with pytest.raises(ValueError, match=r"wants a vector of shape \(24,\), got \(23,\)"):
        vector_to_parameters(tensor(np.zeros(23)), params)


@pytest.mark.parametrize("values", [[300.0, 300.0], [1e-4] * 4, [6e4, 6e4]])
def test_norm_of_half_precision(values: list[float]) -> None:
    w = tensor(np.zeros(len(values), np.float16), requires_grad=True)
    given = np.array(values, np.float16)
    w.grad = tensor(given)
    norm = np.linalg.norm(given.astype(float))
    assert clip_grad_norm_([w], 1e9).item() == pytest.approx(norm)
    np.testing.assert_array_equal(w.grad.data, given)
    clip_grad_norm_([w], norm / 2)
    assert w.grad.dtype == np.float16
    np.testing.assert_allclose(w.grad.data, given / 2, rtol=1e-2)
