"""Python's and NumPy's protocols on tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import tensor
from autograd.primitive import elementwise


def test_formatting() -> None:
    assert f"{tensor(1.2345):.2f} {tensor([7]):d} {tensor(0.25):.0%}" == "1.23 7 25%"
    assert f"{tensor([1.0, 2.0])}" == "tensor([1., 2.])"
    with pytest.raises(ValueError, match=r"item: wants a tensor with one element, got shape \(2,\)"):
        f"{tensor([1.0, 2.0]):.2f}"


def test_numbers() -> None:
    assert (float(tensor([2.5])), int(tensor(2.5)), math.sqrt(tensor(4.0)), [0, 1, 2][tensor(1)]) == (2.5, 2, 2.0, 1)
    for convert in (float, int):
        with pytest.raises(ValueError, match=r"item: wants a tensor with one element, got shape \(2,\)"):
            convert(tensor([1.0, 2.0]))


@pytest.mark.parametrize("left", [2, 2.5, True, np.float32(2), np.float64(2), np.int64(2), np.arange(1, 3)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("operate", [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a / b])
def test_dtypes_promote_as_numpys_do(left: Any, dtype: str, operate: Callable[[Any, Any], Any]) -> None:
    right = np.ones(2, dtype)
    expected = operate(left, right)
    for found in (operate(left, tensor(right)), operate(tensor(right), left)):
        assert found.dtype == expected.dtype
        assert isinstance(found, ag.Tensor)
    np.testing.assert_allclose(operate(left, tensor(right)).data, expected)


def test_numpys_functions_record() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y = np.sin(x) * np.float64(2.0) + np.stack([x, np.ones(2)])[0]
    y.sum().backward()
    np.testing.assert_allclose(x.grad.data, 2 * np.cos(x.data) + 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.fft.fft(x), "np.fft.fft is not defined on tensors"),
        (lambda x: np.unwrap(x), "np.unwrap is not defined on tensors"),
        (lambda x: np.add.reduce(x), r"np.add.reduce is not defined on tensors"),
        (lambda x: np.sin(x, out=np.zeros(2)), "np.sin with out is not defined on tensors"),
        (lambda x: np.asarray(x), "a tensor that requires grad would lose its history"),
        (lambda x: tensor([x, x]), "a tensor that requires grad would lose its history"),
        (lambda x: x + "a", "add: .*given .*float32 and .*str"),
    ],
)
def test_what_is_not_defined_says_so(call: Callable[[ag.Tensor], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(tensor([1.0, 2.0], requires_grad=True))


def test_a_rule_that_needs_arrays_is_told_what_to_do_instead() -> None:
    @elementwise(lambda x: np.spacing(x))
    def steps(x: Any) -> Any:
        return np.floor(x)

    assert ag.grad(steps)(0.5) == np.spacing(np.float32(0.5))
    with pytest.raises(TypeError, match=r"np\.spacing is not defined on tensors") as caught:
        ag.grad(ag.grad(steps))(0.5)
    advice, place = caught.value.__notes__
    assert advice.startswith("In a derivative rule, which second order runs on tensors: write it with the operations")
    assert place.startswith("in the derivative of 'steps'; node made at ")


def test_a_ufunc_that_is_not_numpys_goes_by_its_own_name() -> None:
    with pytest.raises(TypeError, match=r"^len \(vectorized\) is not defined on tensors"):
        np.frompyfunc(len, 1, 1)(tensor([1.0, 2.0]))


def test_ragged_lists() -> None:
    with pytest.raises(ValueError, match="tensor: wants numbers, or lists of equal lengths"):
        tensor([[1.0], [1.0, 2.0]])


def test_complex_numbers_have_no_derivatives() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"'multiply' computes with complex numbers, .*test_operators\.py"):
        (x * 1j).sum().backward()
