"""Python's and NumPy's protocols on tensors."""

from __future__ import annotations

import functools
import importlib
import inspect
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from against_torch import torch
from derivatives import check_derivatives

import autograd as ag
import nn
import optim
from autograd import operators, other_names, tensor
from autograd.operators import OF_TORCHS_WORDS
from autograd.other_names import ABSENT, ABSENT_BY_PACKAGE, ELSEWHERE, EXPRESSIONS, NOT_OF_TENSORS, hint
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


@pytest.mark.parametrize("use", [np.mean, np.asarray, lambda losses: np.unwrap(losses[0])])
def test_outside_of_a_rule_no_advice_for_rules_is_given(use: Callable[[Any], Any]) -> None:
    loss = (tensor([1.0, 2.0], requires_grad=True) ** 2).sum()
    with pytest.raises(TypeError, match=r"\(loss\.item\(\) to collect losses\)|use t\.data") as caught:
        use([loss])
    assert not hasattr(caught.value, "__notes__")


def test_a_rule_of_forward_mode_is_told_what_to_do_instead() -> None:
    @elementwise(lambda x: np.spacing(x))
    def steps(x: Any) -> Any:
        return np.floor(x)

    with pytest.raises(TypeError, match=r"np\.spacing is not defined on tensors") as caught:
        ag.grad(lambda x: ag.jvp(steps, [x], [1.0])[1])(0.5)
    assert caught.value.__notes__[0].startswith("In a derivative rule, ")


def test_writing_into_the_data_of_a_tensor() -> None:
    w = tensor([1.0, 2.0], requires_grad=True)
    (w * w).sum().backward()
    with pytest.raises(TypeError, match=r"np\.subtract: the array to write into is read-only"):
        w.data -= 0.1 * w.grad
    assert w.tolist() == [1, 2]


def test_a_ufunc_that_is_not_numpys_goes_by_its_own_name() -> None:
    with pytest.raises(TypeError, match=r"^len \(vectorized\) is not defined on tensors"):
        np.frompyfunc(len, 1, 1)(tensor([1.0, 2.0]))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint16", "int8"])
@pytest.mark.parametrize("function", [np.rint, np.fabs])
def test_functions_of_floating_numbers_take_integers(dtype: str, function: Any) -> None:
    x = np.array([3, 0, 7], dtype)
    found = function(tensor(x))
    assert found.dtype == function(x).dtype
    np.testing.assert_array_equal(found.data, function(x))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x * np.array([1, 2], object),
        lambda x: np.array([1, 2], object) - x,
        lambda x: ag.concatenate([x, np.array([1, 2], object)]),
        lambda x: ag.where(x > 0, x, np.array(["a", "b"])),
    ],
)
def test_what_are_no_numbers_is_refused(call: Any) -> None:
    with pytest.raises(TypeError, match=r"wants numbers or booleans; given .*float32"):
        call(tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize("name", ELSEWHERE)
def test_names_of_other_libraries_say_where_to_look(name: str) -> None:
    package, *path = ELSEWHERE[name].split(".")
    assert functools.reduce(getattr, path, importlib.import_module(package)) is not None
    with pytest.raises(AttributeError, match=f"module 'autograd' has no attribute '{name}'; it is {ELSEWHERE[name]}$"):
        getattr(ag, name)


@pytest.mark.parametrize("name", ["cuda", "device"])
def test_names_of_devices(name: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{name}'; the CPU is the only device"):
        getattr(ag, name)


@pytest.mark.parametrize("name", ["float64", "pi", "indices", "rint"])
def test_names_of_numpy_are_said_to_be_there(name: str) -> None:
    assert hasattr(np, name)
    with pytest.raises(AttributeError, match=f"module 'autograd' has no attribute '{name}'; it is numpy.{name}$"):
        getattr(ag, name)


def test_of_numpys_functions_it_is_said_whether_they_take_tensors() -> None:
    functions = [name for name in np.__all__ if isinstance(getattr(np, name), (np.ufunc, type(np.kron)))]
    for name in functions:
        known = hint("autograd", name)
        if not hasattr(ag, name) and f"numpy.{name}" in known:
            takes_tensors = getattr(np, name) in {**operators.FUNCTIONS, **operators.UFUNCS}
            assert known == (
                f"; it is numpy.{name}"
                if takes_tensors
                else f"; numpy.{name} takes arrays (t.data), without derivatives"
            )


@pytest.mark.parametrize("name", ["norm", "vector_norm", "eig", "lstsq"])
def test_names_of_linear_algebra(name: str) -> None:
    with pytest.raises(AttributeError, match=f"^module 'autograd.linalg' has no attribute '{name}'; "):
        getattr(ag.linalg, name)


def test_what_is_here_has_no_hint() -> None:
    here = set(ag.__all__)
    assert here.isdisjoint(ELSEWHERE.keys() | EXPRESSIONS.keys() | ABSENT.keys())
    assert not EXPRESSIONS.keys() & (ELSEWHERE.keys() | ABSENT.keys())
    assert NOT_OF_TENSORS.keys().isdisjoint(dir(tensor(1.0)))
    assert all(hasattr(torch.Tensor, name) for name in NOT_OF_TENSORS)
    said = [re.fullmatch(r"it is autograd\.(\w+), a function", there) for there in NOT_OF_TENSORS.values()]
    assert all(match[1] in here for match in said if match)


A, B, C = np.random.default_rng(0).uniform(0.1, 0.9, (3, 2, 4, 4))
ARGUMENTS = {
    "addcdiv": {"input": A, "tensor1": B, "tensor2": C, "value": 0.5},
    "addcmul": {"input": A, "tensor1": B, "tensor2": C, "value": 0.5},
    "addmm": {"input": A[0], "mat1": B[0], "mat2": C[0]},
    "baddbmm": {"input": A, "batch1": B, "batch2": C},
    "cdist": {"x1": A, "x2": B[:, :3]},
    "dist": {"input": A, "other": B},
    "lerp": {"input": A, "end": B, "weight": 0.3},
    "logdet": {"input": np.stack([np.eye(4) + A[0], np.diag([-1.0, 1.0, 1.0, 1.0])])},
    "masked_fill": {"input": A, "mask": A > B, "value": 0.5},
    "masked_select": {"input": A, "mask": A > B},
}


def _arguments(given: dict[str, Any], make: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: make(value) if isinstance(value, np.ndarray) else value for name, value in given.items()}


def _assert_like(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(getattr(found, "data", found)), np.asarray(expected), strict=True)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_for_names_of_torch(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'autograd' has no attribute '{name}'; write ") as caught:
        getattr(ag, name)
    given = ARGUMENTS.get(name, {"input": A})
    expected = getattr(torch, name)(**_arguments(given, torch.tensor))
    found = eval(str(caught.value).split("; write ")[1], {"ag": ag, "math": math} | _arguments(given, tensor))
    if name in ("rand_like", "randn_like"):
        found, expected = found * 0, expected * 0
    for y, x in zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]:
        _assert_like(y, x)


INSTEAD = {
    "element_size": {},
    "expand_as": {"other": np.ones((2, 4, 4))},
    "index_add": {"dim": 1, "index": np.array([2, 0]), "source": B[0, :, :2]},
    "index_select": {"dim": 1, "index": np.array([2, 0, 2])},
    "is_floating_point": {},
    "masked_select": {"mask": A[0] > B[0]},
    "narrow": {"axis": 1, "start": 1, "length": 2},
    "ndimension": {},
    "nelement": {},
    "reshape_as": {"other": np.ones((2, 8))},
    "scatter": {"dim": 0, "index": np.array([[0, 2, 1, 1]]), "src": B[0, :1]},
    "scatter_add": {"dim": 0, "index": np.array([[0, 2, 1, 1], [0, 0, 0, 1]]), "src": B[0, :2]},
    "select": {"axis": 1, "index": 2},
    "type_as": {"other": np.ones(2, np.float32)},
    "unfold": {"dimension": 1, "size": 3, "stride": 1},
    "unique": {},
    "view_as": {"other": np.ones((8, 2))},
}


@pytest.mark.parametrize("name", INSTEAD)
def test_what_there_is_instead_of_torchs_methods(name: str) -> None:
    t = tensor(A[0])
    with pytest.raises(AttributeError, match=f"'Tensor' object has no attribute '{name}'; ") as caught:
        getattr(t, name)
    expression = re.sub("^.*?; (it is|write) |, for axis 1$", "", str(caught.value))
    found = eval(expression, {"autograd": ag, "numpy": np, "t": t} | _arguments(INSTEAD[name], tensor))
    _assert_like(found, getattr(torch.tensor(A[0]), name)(*_arguments(INSTEAD[name], torch.tensor).values()))


IN_PLACE = {
    **{f"{name}_": {} for name in other_names.IN_PLACE},
    "add_": {"other": B[0]},
    "addmm_": {"mat1": B[0], "mat2": C[0]},
    "clamp_": {"min": 0.3, "max": 0.6},
    "div_": {"other": B[0]},
    "index_add_": {"dim": 1, "index": np.array([2, 0]), "source": B[0, :, :2]},
    "masked_fill_": {"mask": A[0] > B[0], "value": 0.5},
    "lerp_": {"end": B[0], "weight": 0.3},
    "mul_": {"other": B[0]},
    "pow_": {"exponent": 3},
    "scatter_": {"dim": 0, "index": np.array([[0, 2, 1, 1]]), "src": B[0, :1]},
    "scatter_add_": {"dim": 0, "index": np.array([[0, 2, 1, 1]]), "src": B[0, :1]},
    "sub_": {"other": B[0]},
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_there_is_instead_of_methods_in_place(name: str) -> None:
    t, theirs = tensor(A[0]), torch.tensor(A[0])
    with pytest.raises(AttributeError, match=f"'Tensor' object has no attribute '{name}'; write ") as caught:
        getattr(t, name)
    names = {"autograd": ag, "t": t} | _arguments(IN_PLACE[name], tensor)
    exec(str(caught.value).split("; write ")[1], names)
    getattr(theirs, name)(*_arguments(IN_PLACE[name], torch.tensor).values())
    _assert_like(t, theirs)


def test_what_there_is_instead_of_torchs_attributes() -> None:
    parameter = nn.Parameter([1.0, 2.0])
    assert not any(hasattr(parameter, name) for name in NOT_OF_TENSORS)
    assert parameter.device == np.ones(2).device == "cpu"
    for thing in (parameter, nn.Linear(2, 2)):
        with pytest.raises(AttributeError, match=r"has no attribute 'cuda'; the CPU is the only device$"):
            thing.cuda()


@pytest.mark.parametrize("package", [nn, nn.data, nn.functional, optim])
def test_names_that_other_packages_do_not_have(package: Any) -> None:
    known = ABSENT_BY_PACKAGE[package.__name__]
    for name in known:
        with pytest.raises(
            AttributeError, match=re.escape(f"'{package.__name__}' has no attribute '{name}'; {known[name]}")
        ):
            getattr(package, name)
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nowhere'$"):
        getattr(package, "nowhere")  # noqa: B009


X1 = np.random.default_rng(1).normal(size=(2, 3))


DIAGONAL = ("diag", "tril", "triu")


@pytest.mark.parametrize("name", DIAGONAL)
def test_torchs_diagonal(name: str) -> None:
    _assert_like(getattr(ag, name)(tensor(X1), diagonal=1), getattr(torch, name)(torch.tensor(X1), diagonal=1))
    _assert_like(getattr(tensor(X1), name)(diagonal=-1), getattr(torch.tensor(X1), name)(diagonal=-1))


def test_torchs_repeat_is_tile() -> None:
    with pytest.raises(TypeError, match=r"for PyTorch's repeat write autograd.tile\(t, \(1, 2, 1\)\)"):
        tensor(X1).repeat(1, 2, 1)
    _assert_like(ag.tile(tensor(X1), (1, 2, 1)), torch.tensor(X1).repeat(1, 2, 1))


@pytest.mark.parametrize("name", ["concatenate", "stack", "concat"])
def test_joining_takes_torchs_dim(name: str) -> None:
    found = getattr(ag, name)([tensor(X1), X1], dim=1)
    _assert_like(found, getattr(torch, name)([torch.tensor(X1)] * 2, dim=1))


@pytest.mark.parametrize("name", sorted(OF_TORCHS_WORDS.keys() - {"concat", "concatenate", "stack", *DIAGONAL}))
def test_functions_of_an_axis_take_torchs_dim(name: str) -> None:
    function = getattr(ag, name)
    assert function is OF_TORCHS_WORDS[name]
    assert "axis" in inspect.signature(function).parameters
    assert pickle.loads(pickle.dumps(function)) is function
    others = {
        "chunk": (2,),
        "repeat": (2,),
        "roll": (1,),
        "take": ([1, 0],),
        "take_along_axis": ([[1], [0]],),
        "topk": (2,),
    }
    arguments = others.get(name, ())
    x = X1[:, :1] if name == "squeeze" else X1
    if name in ("max", "median", "min", "sort", "split", "std", "var"):
        with pytest.raises(TypeError, match=f"^{name}: takes axis where PyTorch takes dim, since that"):
            function(tensor(x), *arguments, dim=1)
        return
    named = dict(zip(inspect.signature(function).parameters, (tensor(x), *arguments)))
    found, expected = function(**named, dim=1), function(tensor(x), *arguments, axis=1)
    for y, z in zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]:
        np.testing.assert_array_equal(y.data, z.data, strict=True)
    with pytest.raises(TypeError, match="dim is axis; got both"):
        function(tensor(x), *arguments, dim=1, axis=0)


def test_names_listed() -> None:
    listed = dir(ag)
    assert {*ag.__all__, "linalg", "random", "stepping"} <= set(listed)
    assert {"ELSEWHERE", "TYPE_CHECKING", "elementwise"}.isdisjoint(listed)
    assert all(hasattr(ag, name) for name in listed)


def test_names_of_no_library() -> None:
    with pytest.raises(AttributeError, match=r"module 'autograd' has no attribute 'nowhere'$"):
        getattr(ag, "nowhere")  # noqa: B009


def test_there_is_one_device() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    assert x.cpu() is x.to("cpu") is x
    with pytest.raises(TypeError, match="to: wants a dtype, or 'cpu', which is all there is; got 'cuda'"):
        x.to("cuda")


def test_ragged_lists() -> None:
    with pytest.raises(ValueError, match="tensor: wants numbers, or lists of equal lengths"):
        tensor([[1.0], [1.0, 2.0]])


def test_complex_numbers_have_no_derivatives() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"'multiply' computes with complex numbers, .*test_operators\.py"):
        (x * 1j).sum().backward()


X = np.random.default_rng(0).normal(size=(2, 3, 4))
MASK = X > 0
TORCHS = {
    "add": lambda x: x.add(2).sub(x).mul(3).div(4).neg(),
    "bmm": lambda x: x.bmm(x.permute(0, 2, 1)),
    "broadcast_to": lambda x: x[0].broadcast_to((2, 3, 4)),
    "chunk": lambda x: x.chunk(2, dim=1)[1],
    "bool": lambda x: x.bool(),
    "contiguous": lambda x: x.permute(2, 0, 1).contiguous().view(4, 6),
    "det": lambda x: x[:, :, :3].det(),
    "diag": lambda x: x[0].diag(1),
    "eq": lambda x: x.eq(x[0]).logical_or(x.ne(x)).logical_not(),
    "flip": lambda x: x.flip(-1),
    "flip_dims": lambda x: x.flip(dims=(0, 2)),
    "gather": lambda x: x.gather(1, _like(x, [[[0, 2], [1, 1]]])),
    "gather_from_behind": lambda x: x.gather(-1, _like(x, [[[0, 2, 1, 3, 0]], [[1, 1, 1, 1, 1]]])),
    "ge": lambda x: x.ge(0).logical_and(x.gt(0)),
    "inner": lambda x: x[0].inner(x[1]),
    "int": lambda x: (3 * x).int(),
    "inverse": lambda x: x[:, :, :3].inverse(),
    "isfinite": lambda x: (x / 0).isfinite(),
    "isinf": lambda x: (x / 0).isinf(),
    "isnan": lambda x: (x * 0 / 0).isnan(),
    "masked_fill": lambda x: x.masked_fill(_like(x, MASK), -1.0),
    "moveaxis": lambda x: x.moveaxis(0, -1),
    "movedim": lambda x: x.movedim(0, -1),
    "le": lambda x: x.le(0).logical_and(x.lt(0)),
    "mm": lambda x: x[0].mm(x[1].t()),
    "mv": lambda x: x[0].mv(x[1, 0]),
    "outer": lambda x: x[0, 0].outer(x[0, 1]),
    "repeat_interleave": lambda x: x.repeat_interleave(2, dim=1),
    "roll": lambda x: x.roll(2, 1),
    "roll_dims": lambda x: x.roll(2, dims=1),
    "squeeze": lambda x: x[:, :1].squeeze(dim=1),
    "swapdims": lambda x: x.swapdims(0, 2),
    "t": lambda x: x[0].t(),
    "t_of_a_vector": lambda x: x[0, 0].t(),
    "tril": lambda x: x.tril(-1),
    "triu": lambda x: x.triu(1),
    "unbind": lambda x: x.unbind(1)[2],
    "unbind_of_the_first": lambda x: x.unbind()[1],
}


def _like(x: Any, values: Any) -> Any:
    """`values` as a tensor of the same library."""
    return (tensor if isinstance(x, ag.Tensor) else torch.tensor)(np.array(values))


@pytest.mark.filterwarnings("ignore:(divide|invalid)")
@pytest.mark.parametrize("name", TORCHS)
def test_torchs_methods(name: str) -> None:
    theirs, x = torch.tensor(X, requires_grad=True), tensor(X, requires_grad=True)
    expected, found = TORCHS[name](theirs), TORCHS[name](x)
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-12, strict=True)
    if expected.requires_grad:
        cotangent = np.random.default_rng(1).normal(size=found.shape)
        expected.backward(torch.tensor(cotangent))
        found.backward(tensor(cotangent))
        np.testing.assert_allclose(x.grad.data, theirs.grad.numpy(), rtol=1e-12)


def test_counts_under_torchs_names() -> None:
    x = tensor(X)
    assert (x.numel(), x.dim()) == (24, 3)
    with pytest.raises(ValueError, match=r"t: wants a vector or a matrix, got shape \(2, 3, 4\)"):
        x.t()


def test_names_of_the_array_api() -> None:
    x = tensor([0.5])
    for theirs, ours in [("acos", "arccos"), ("asin", "arcsin"), ("atan", "arctan"), ("atan2", "arctan2")]:
        assert getattr(ag, theirs) is getattr(ag, ours)
    assert ag.atanh(x) == ag.arctanh(x)
    assert ag.concat([x, x]).shape == (2,)


@pytest.mark.parametrize(("n", "axis"), [(0, -1), (1, -1), (1, 0), (2, 1), (4, 2), (6, 2)])
def test_diff(n: int, axis: int) -> None:
    np.testing.assert_array_equal(np.diff(tensor(X), n, axis).data, np.diff(X, n, axis))
    np.testing.assert_array_equal(ag.diff(X, n, axis), np.diff(X, n, axis))
    check_derivatives(lambda x: ag.diff(x * x, n, axis), X)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("lengths", [(), (3,), (2, 3), (2, 3, 4), (2, 0), (2, 3, 1, 2)])
def test_meshgrid(lengths: tuple[int, ...], indexing: str) -> None:
    vectors = [np.random.default_rng(n).normal(size=n) for n in lengths]
    found, expected = ag.meshgrid(*vectors, indexing=indexing), np.meshgrid(*vectors, indexing=indexing)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)
    if lengths:
        check_derivatives(lambda *xs: sum(ag.meshgrid(*xs, indexing=indexing)), *vectors)


def test_meshgrid_of_numbers_and_what_is_refused() -> None:
    assert [x.shape for x in np.meshgrid(tensor(1.0), [2.0, 3.0])] == [(2, 1), (2, 1)]
    with pytest.raises(ValueError, match=r"meshgrid: wants vectors, got shape \(1, 2\)"):
        ag.meshgrid([[1, 2]])
    with pytest.raises(ValueError, match="meshgrid: indexing has to be 'xy' or 'ij', got 'yx'"):
        ag.meshgrid([1, 2], indexing="yx")


def test_close() -> None:
    a, b = np.array([1.0, np.inf, np.nan, 2.0, 0.0]), np.array([1.00001, np.inf, np.nan, 3.0, 1e-9])
    for options in ({}, {"equal_nan": True}, {"rtol": 0.5}, {"rtol": 0, "atol": 0}):
        expected = np.isclose(a, b, **options)
        np.testing.assert_array_equal(ag.isclose(tensor(a), b, **options).data, expected)
        np.testing.assert_array_equal(np.isclose(tensor(a), tensor(b), **options).data, expected)
        assert ag.allclose(tensor(a), b, **options) is bool(expected.all())
    assert np.allclose(tensor(a[:2], requires_grad=True), b[:2], 1e-4)


@pytest.mark.parametrize("function", [np.sum, np.mean, np.prod, np.max, np.cumsum, np.std, np.var])
def test_what_numpys_functions_cannot_do_on_tensors_is_said(function: Any) -> None:
    x = tensor(np.array([1.0, 2.0], np.float32))
    for options in ({"out": np.zeros(())}, {"out": np.zeros(3)}, {"dtype": np.dtype("float64")}):
        if "dtype" in options and function not in (np.std, np.var):
            continue
        with pytest.raises(TypeError, match=f"{next(iter(options))}=.* is not supported on tensors"):
            function(x, axis=0, **options)


def test_numpys_comparisons_by_keywords() -> None:
    x = tensor([1.0, 2.0])
    assert np.allclose(x, b=x)
    assert np.allclose(a=x, b=x)
    assert np.isclose(a=x, b=[1.0, 3.0]).tolist() == [True, False]
    assert np.array_equal(a1=x, a2=x)
    assert not np.array_equal(x, a2=[1.0, 3.0])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ord", [1, 2, 3.0, np.inf, -np.inf, 0])
@pytest.mark.parametrize("axis", [None, 1, (0, 1), (2, 0), (0, 1, 2)])
def test_norms_of_vectors_along_several_axes(axis: Any, ord: Any, keepdims: bool) -> None:
    found = np.linalg.vector_norm(tensor(X), axis=axis, ord=ord, keepdims=keepdims)
    np.testing.assert_allclose(found.data, np.linalg.vector_norm(X, axis=axis, ord=ord, keepdims=keepdims), strict=True)


def test_norms_of_no_vectors() -> None:
    assert np.linalg.vector_norm(tensor(np.zeros((0, 2, 3))), axis=(1, 2), ord=1).shape == (0,)


@pytest.mark.parametrize("function", [np.atleast_1d, np.atleast_2d, np.atleast_3d])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3), (2, 3, 4), (2, 1, 3, 1)])
def test_at_least_so_many_axes(function: Any, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    t = tensor(x, requires_grad=True)
    y = function(t)
    np.testing.assert_array_equal(y.data, function(x))
    (2 * y).sum().backward()
    np.testing.assert_array_equal(t.grad.data, np.full(shape, 2.0))
    first, second = function(t, t * 2)
    np.testing.assert_array_equal(second.data, 2 * first.data)


def test_a_shape_in_an_array() -> None:
    assert np.broadcast_to(tensor(1.0), shape=np.array([2, 3])).shape == (2, 3)
    assert ag.broadcast_to(tensor(1.0), shape=np.array([2, 3])).shape == (2, 3)


@pytest.mark.parametrize(("name", "of_two"), [("max", "maximum"), ("min", "minimum")])
def test_two_tensors_are_no_tensor_and_axis(name: str, of_two: str) -> None:
    for other in (tensor(0), tensor(A[0])):
        with pytest.raises(TypeError, match=f"^{name}: .* of two tensors it is {of_two}$"):
            getattr(ag, name)(tensor(A[0]), other)


@pytest.mark.parametrize("name", ["max", "min", "median", "std", "var"])
def test_keepdim_is_refused_as_dim_is(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name}: takes keepdims where PyTorch takes keepdim, since that"):
        getattr(tensor(A[0]), name)(0, keepdim=True)


@pytest.mark.parametrize("name", ["std", "var"])
def test_unbiased_is_said_as_a_number(name: str) -> None:
    with pytest.raises(
        TypeError, match=f"^{name}: takes ddof where PyTorch takes unbiased, since that divides by n - 1"
    ):
        getattr(tensor(A[0]), name)(unbiased=False)


def test_torchs_words_of_norm_and_roll() -> None:
    t, x = torch.tensor(A[0]), tensor(A[0])
    for p in (1, 2, 3, math.inf):
        _assert_like(x.norm(p=p, dim=1), t.norm(p=p, dim=1))
        _assert_like(ag.norm(x, p=p, dim=1, keepdim=True), torch.norm(t, p=p, dim=1, keepdim=True))
    _assert_like(ag.roll(x, shifts=1, dims=1), torch.roll(t, shifts=1, dims=1))
