"""What holds for every primitive, checked on the calls in `tests/samples.py`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from counting import counted_objects
from derivatives import Recorded, check_derivatives, floating_outputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from oracles import ORACLES, PROPERTIES
from samples import SAMPLES, Sample
from shapes import DRAWN

import autograd as ag
from autograd.graph import Bundle, ancestors, reverse_sweep
from autograd.ops import (
    assignment,
    comparison,
    diagonals,
    elementwise,
    indexing,
    joining,
    linalg,
    padding,
    products,
    reductions,
    repetition,
    shaping,
    sorting,
    windows,
)
from autograd.primitive import registry
from autograd.tensor import Tensor, wrap

Array = np.ndarray


# Which samples a test runs on


def for_samples(choose: Callable[[str], bool] = lambda name: True) -> Callable[[Any], Any]:
    """Run a test on each sample of the primitives chosen by name, but for those that are exempt from it."""

    def mark(test: Any) -> Any:
        contract = test.__name__.removeprefix("test_")
        cases = [
            pytest.param(name, sample, id=f"{name}-{k}-{_shapes(sample)}")
            for name, samples in SAMPLES.items()
            if choose(name)
            for k, sample in enumerate(samples)
            if contract not in sample.exempt
        ]
        return pytest.mark.parametrize(("name", "sample"), cases)(test)

    return mark


def _shapes(sample: Sample) -> str:
    return ",".join("x".join(map(str, a.shape)) or "scalar" for a in drawn(sample))


def differentiable(name: str) -> bool:
    return registry[name].differentiable


def nondifferentiable(name: str) -> bool:
    return not registry[name].differentiable


# Inputs and outputs


def drawn(sample: Sample) -> list[Array]:
    return sample.inputs(np.random.default_rng(1))


def directions(recorded: Recorded) -> tuple[list[Array], list[Array]]:
    """Random cotangents of the outputs and tangents of the leaves."""
    rng = np.random.default_rng(2)
    return recorded.cotangents(rng), recorded.tangents(rng)


def leaf(array: Array) -> Tensor:
    """A tensor around this very memory, that requires grad if it can."""
    tensor = wrap(array)
    return tensor.requires_grad_() if array.dtype.kind == "f" else tensor


def leaves(arrays: list[Array]) -> list[Tensor]:
    return [leaf(a.copy()) for a in arrays]


def results(y: Any) -> list[Any]:
    return list(y) if isinstance(y, tuple) else [y]


def arrays_in(values: Any) -> Iterator[Array]:
    for value in values:
        if isinstance(value, tuple):
            yield from arrays_in(value)
        elif isinstance(value, np.ndarray):
            yield value


def saved(recorded: Recorded) -> Iterator[Array]:
    for node in ancestors(recorded.seeds(recorded.outputs)):
        if node.plan is not None:
            yield from arrays_in(node.values)


def assert_same(got: Any, wanted: Any, what: str, rtol: float = 1e-12) -> None:
    """The same shapes, dtypes and values, to rounding."""
    for a, b in zip(got, wanted, strict=True):
        a, b = (np.asarray(z.array if isinstance(z, Tensor) else z) for z in (a, b))
        assert a.shape == b.shape, what
        assert a.dtype == b.dtype, what
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0.0), err_msg=what)


# The table


def test_every_primitive_has_samples() -> None:
    library = Path(ag.__file__).parent
    own = {name for name, p in registry.items() if Path(inspect.getfile(p.forward)).is_relative_to(library)}
    assert sorted(own - SAMPLES.keys()) == [], "add samples of these to tests/samples.py"
    assert sorted(SAMPLES.keys() - own) == [], "these are no primitives"
    assert [name for name, samples in SAMPLES.items() if not samples] == []


@pytest.mark.parametrize("name", list(filter(differentiable, SAMPLES)))
def test_the_samples_differentiate_by_every_input_that_has_a_rule(name: str) -> None:
    primitive, active = registry[name], set()
    for sample in SAMPLES[name]:
        here = Recorded(sample.call, leaves(drawn(sample)))
        for node in ancestors(here.seeds(here.outputs)):
            if node.op == name:
                active.update(node.plan.active)
    assert active >= {i for i, rule in enumerate(primitive.vjps) if rule is not None}


# Values


def evaluations(name: str, call: Callable[..., Any], inputs: list[Any]) -> list[tuple[list[Any], Any]]:
    """Each evaluation of a primitive in a call: what its forward function was given, and what it returned."""
    code, open_calls, found = registry[name].forward.__code__, [], []

    def profile(frame: FrameType, event: str, result: Any) -> None:
        if frame.f_code is code and event == "call":
            open_calls.append([frame.f_locals[argument] for argument in code.co_varnames[: code.co_argcount]])
        elif frame.f_code is code and event == "return" and result is not None:
            found.append((open_calls.pop(), result))

    sys.setprofile(profile)
    try:
        call(*inputs)
    finally:
        sys.setprofile(None)
    return found


def check_values(name: str, call: Callable[..., Any], inputs: list[Any]) -> None:
    """Each evaluation of a primitive in a call, against its oracle."""
    seen = evaluations(name, call, inputs)
    assert seen
    for arguments, result in seen:
        if name in PROPERTIES:
            PROPERTIES[name](result, *arguments)
            continue
        for got, wanted in zip(results(result), results(ORACLES[name](*arguments)), strict=True):
            got, wanted = np.asarray(got), np.asarray(wanted)
            assert got.shape == wanted.shape
            assert_allclose(got, wanted, rtol=1e-12, atol=1e-13 * np.abs(wanted).max(initial=1.0))


def test_every_primitive_has_an_oracle() -> None:
    assert sorted(SAMPLES.keys() ^ (ORACLES.keys() | PROPERTIES.keys())) == []


@for_samples()
def test_values(name: str, sample: Sample) -> None:
    check_values(name, sample.call, leaves(drawn(sample)))


def _public() -> Iterator[Any]:
    """The samples that call a function of `autograd` or `autograd.linalg` and nothing else."""
    functions = [getattr(module, name) for module in (ag, ag.linalg) for name in dir(module)]
    for name, samples in SAMPLES.items():
        for k, sample in enumerate(samples):
            called = sample.call.func if isinstance(sample.call, partial) else sample.call
            if any(called is function for function in functions) and all(a.size for a in drawn(sample)):
                yield pytest.param(sample, id=f"{name}-{k}-{_shapes(sample)}")


@pytest.mark.parametrize("sample", [*_public()])
def test_lists_are_arrays(sample: Sample) -> None:
    inputs = drawn(sample)
    wanted, found = sample.call(*inputs), sample.call(*[a.tolist() for a in inputs])
    pairs = zip(wanted, found, strict=True) if isinstance(wanted, tuple) else [(wanted, found)]
    for expected, value in pairs:
        assert_array_equal(np.asarray(value), np.asarray(expected), strict=True)


# Derivatives


@for_samples(differentiable)
def test_derivatives(name: str, sample: Sample) -> None:
    arrays = drawn(sample)
    check_derivatives(sample.call, *arrays)
    count = len(results(sample.call(*arrays)))
    for k in range(count if count > 1 else 0):
        check_derivatives(lambda *xs, k=k: results(sample.call(*xs))[k], *arrays)


@for_samples(differentiable)
def test_recorded_derivatives_equal_the_ordinary_ones(name: str, sample: Sample) -> None:
    here = Recorded(sample.call, leaves(drawn(sample)))
    cotangents, tangents = directions(here)
    assert_same(here.pull(cotangents, create_graph=True), here.pull(cotangents), "vjp")
    assert_same(here.push(tangents, create_graph=True), here.push(tangents), "jvp")


@for_samples(differentiable)
def test_each_input_alone(name: str, sample: Sample) -> None:
    """With the other inputs constants, be they tensors or arrays that are overwritten afterwards, nothing changes."""
    arrays = drawn(sample)
    together = Recorded(sample.call, leaves(arrays))
    cotangents, _ = directions(together)
    floating = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    for i, wanted in zip(floating, together.pull(cotangents), strict=True):
        among_tensors = [wrap(a.copy()) for a in arrays]
        among_arrays: list[Any] = [a.copy() for a in arrays]
        among_tensors[i] = among_arrays[i] = leaf(arrays[i].copy())
        alone = Recorded(sample.call, among_tensors)
        assert_same(alone.pull(cotangents), [wanted], f"gradient of input {i} alone")
        alone = Recorded(sample.call, among_arrays)
        assert_same(alone.outputs, together.outputs, f"value with input {i} the only tensor")
        for array in among_arrays[:i] + among_arrays[i + 1 :]:
            array[...] = 1
        assert_same(alone.outputs, together.outputs, "value after a constant was overwritten")
        assert_same(alone.pull(cotangents), [wanted], f"gradient of input {i} after a constant was overwritten")


@for_samples(differentiable)
def test_one_tensor_for_two_inputs(name: str, sample: Sample) -> None:
    """Its gradient is the sum of those that two equal tensors get."""
    arrays = drawn(sample)
    for j, second in enumerate(arrays):
        for i, first in enumerate(arrays[:j]):
            if first.dtype.kind == second.dtype.kind == "f" and first.shape == second.shape:
                apart, shared = leaves(arrays), leaves(arrays)
                apart[j], shared[j] = leaf(first.copy()), shared[i]
                two = Recorded(sample.call, apart)
                one = Recorded(sample.call, shared)
                cotangents, _ = directions(two)
                at = [k for k, x in enumerate(apart) if x.node is not None]
                wanted = dict(zip(at, two.pull(cotangents), strict=True))
                wanted[i] = wanted[j] = wanted[i] + wanted[j]
                assert_same(one.pull(cotangents), [wanted[k] for k in at], f"input {i} as input {j}, too")


@for_samples(nondifferentiable)
def test_what_has_no_derivative_is_not_recorded(name: str, sample: Sample) -> None:
    for y in results(sample.call(*leaves(drawn(sample)))):
        assert isinstance(y, Tensor)
        assert y.node is None


# Dtypes


@for_samples(differentiable)
def test_keeps_float32(name: str, sample: Sample) -> None:
    """The result, the gradients, and what each rule returns, so that nothing is computed in float64 on the way."""
    single = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in drawn(sample)]
    double = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in single]
    here, exact = Recorded(sample.call, leaves(single)), Recorded(sample.call, leaves(double))
    assert [y.dtype for y in floating_outputs(sample.call(*single))] == [np.float32] * len(here.outputs)
    cotangents, tangents = directions(here)
    for what, got, wanted in (
        ("value", [y.array for y in here.outputs], [y.array for y in exact.outputs]),
        ("vjp", here.pull(cotangents), exact.pull([u.astype(np.float64) for u in cotangents])),
        ("jvp", here.push(tangents), exact.push([v.astype(np.float64) for v in tangents])),
    ):
        assert [z.dtype for z in got] == [np.float32] * len(got), what
        assert_same(got, [z.astype(np.float32) for z in wanted], what, rtol=1e-4)
    with np.errstate(all="ignore"):
        for visit in reverse_sweep(here.seeds(cotangents), here.nodes, watch=True):
            for share in visit.contributions:
                for part in share if isinstance(share, Bundle) else (share,):
                    assert part is None or part.dtype == np.float32, f"the vjp of {visit.node.op}"


# Memory


def strided(a: Array) -> Array:
    wide = np.full([2 * n for n in a.shape], 7).astype(a.dtype)
    view = wide[(..., *[slice(None, None, 2)] * a.ndim)]
    view[...] = a
    return view


def reversed_(a: Array) -> Array:
    backwards = (..., *[slice(None, None, -1)] * a.ndim)
    return a[backwards].copy()[backwards]


def read_only(a: Array) -> Array:
    a = a.copy()
    a.setflags(write=False)
    return a


LAYOUTS = {"Fortran": partial(np.array, order="F"), "strided": strided, "reversed": reversed_, "read-only": read_only}


@for_samples()
def test_values_for_layouts(name: str, sample: Sample) -> None:
    arrays = drawn(sample)
    wanted = results(sample.call(*leaves(arrays)))
    for what, layout in LAYOUTS.items():
        assert_same(results(sample.call(*map(layout, arrays))), wanted, f"{what} arrays")
        assert_same(results(sample.call(*(leaf(layout(a)) for a in arrays))), wanted, f"{what} tensors")


@for_samples(differentiable)
def test_gradients_for_layouts(name: str, sample: Sample) -> None:
    arrays = drawn(sample)
    here = Recorded(sample.call, leaves(arrays))
    cotangents, tangents = directions(here)
    wanted, moved = here.pull(cotangents), here.push(tangents)
    for what, layout in LAYOUTS.items():
        laid = Recorded(sample.call, [leaf(layout(a)) for a in arrays])
        assert_same(laid.pull(cotangents), wanted, f"{what} inputs")
        assert_same(laid.pull([layout(u) for u in cotangents]), wanted, f"{what} inputs and cotangents")
        assert_same(laid.push([layout(v) for v in tangents]), moved, f"{what} inputs and tangents")
    spread = [np.broadcast_to(u.dtype.type(2), u.shape) for u in cotangents]
    assert_same(here.pull(spread), here.pull([u.copy() for u in spread]), "broadcast cotangents")


@for_samples()
def test_nothing_is_mutated(name: str, sample: Sample) -> None:
    """Inputs, results, saved values and cotangents keep their bytes; two passes give the same gradients, and add up."""
    arrays = drawn(sample)
    inputs = leaves(arrays)
    here = Recorded(sample.call, inputs)
    cotangents, tangents = directions(here)
    kept = [*arrays, *(x.array for x in inputs), *(y.array for y in here.outputs), *saved(here), *cotangents, *tangents]
    before = [a.tobytes() for a in kept]
    sample.call(*arrays)
    once, again = here.pull(cotangents), here.pull(cotangents)
    here.pull(cotangents, create_graph=True)
    here.push(tangents)
    here.push(tangents, create_graph=True)
    for y, u in zip(here.outputs, cotangents, strict=True):
        if y.node is not None:
            y.backward(u, retain_graph=True)
            y.backward(u, retain_graph=True)
    assert [a.tobytes() for a in kept] == before
    for x, first, second in zip(here.leaves, once, again, strict=True):
        assert_array_equal(first, second)
        if x.grad is not None:
            assert_same([x.grad], [2 * first], "two backward passes")


@for_samples(differentiable)
def test_nothing_is_shared(name: str, sample: Sample) -> None:
    """What the sweep or the user may add into is in nobody else's memory."""
    arrays = drawn(sample)
    here = Recorded(sample.call, leaves(arrays))
    assert not any(y.array.flags.writeable for y in here.outputs)
    cotangents, _ = directions(here)
    gradients = here.pull(cotangents)
    others = [*(x.array for x in here.leaves), *(y.array for y in here.outputs), *saved(here), *cotangents]
    for i, gradient in enumerate(gradients):
        assert gradient.flags.writeable
        assert not any(np.shares_memory(gradient, other) for other in (*others, *gradients[:i]))
    with np.errstate(all="ignore"):
        for visit in reverse_sweep(here.seeds(cotangents), here.nodes, retain_graph=True, watch=True):
            for share in visit.contributions:
                if isinstance(share, np.ndarray) and share.base is None and share is not visit.cotangent:
                    held = [*arrays_in(visit.node.values), *cotangents]
                    assert not any(np.shares_memory(share, a) for a in held), f"the vjp of {visit.node.op}"


@for_samples(differentiable)
def test_rules_make_no_tensors(name: str, sample: Sample) -> None:
    here = Recorded(sample.call, leaves(drawn(sample)))
    cotangents, tangents = directions(here)
    with counted_objects() as made:
        here.pull(cotangents)
        here.push(tangents)
    assert made == []


# Shapes that Hypothesis draws


def check_drawn(name: str, sample: Sample) -> None:
    """Value, derivatives to second order, float32, and layouts, of one call."""
    arrays = drawn(sample)
    check_values(name, sample.call, leaves(arrays))
    wanted = results(sample.call(*leaves(arrays)))
    for what, layout in LAYOUTS.items():
        if name not in ("qr_complete", "svd_full"):
            assert_same(results(sample.call(*(leaf(layout(a)) for a in arrays))), wanted, f"{what} tensors")
    single = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in arrays]
    for y in floating_outputs(sample.call(*leaves(single))):
        assert y.dtype == np.float32
    if differentiable(name):
        check_derivatives(sample.call, *arrays, rtol=1e-5)


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_drawn_shapes(name: str, data: st.DataObject) -> None:
    check_drawn(name, data.draw(DRAWN[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_many_drawn_shapes(name: str, data: st.DataObject) -> None:
    check_drawn(name, data.draw(DRAWN[name]))


# Docstrings

MODULES = [
    assignment,
    comparison,
    diagonals,
    elementwise,
    indexing,
    joining,
    linalg,
    padding,
    products,
    reductions,
    repetition,
    shaping,
    sorting,
    windows,
]
PUBLIC = {name: getattr(ag, name) for module in MODULES for name in module.__all__} | {
    "getitem": indexing.getitem,
    "setitem": assignment.setitem,
}
del PUBLIC["window_positions"]  # takes and returns ints


@pytest.mark.parametrize("name", PUBLIC)
def test_the_docstring_has_the_derivative_and_an_example(name: str) -> None:
    function = PUBLIC[name]
    text = inspect.getdoc(function)
    assert ">>> " in text
    has, has_not = "\nDerivative" in text, "as no derivative" in text
    assert has != has_not, "either 'Derivative: …' or 'Has no derivative.'"
    if hasattr(function, "primitive"):
        assert has == function.primitive.differentiable
