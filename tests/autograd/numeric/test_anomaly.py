"""`detect_anomaly`: the error comes where a value stops being finite, says why, and lands in the user's code."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import detect_anomaly, primitive
from autograd.numeric import AnomalyError
from autograd.source import in_library
from autograd.tensor import Tensor
from autograd.watching import observers


def leaf(*values: float, name: str | None = None) -> Tensor:
    return ag.tensor(np.array(values, float), requires_grad=True, name=name)


def caught(f: Callable[[], Any], **options: Any) -> AnomalyError:
    with pytest.raises(FloatingPointError) as info, detect_anomaly(**options):
        f()
    assert isinstance(info.value, AnomalyError)
    return info.value


FORWARD = {
    "log of a negative number (-1)": lambda: ag.log(leaf(1, -1)),
    "log of 0": lambda: ag.log(leaf(1, 0)),
    "log1p of -2, which is below -1": lambda: ag.log1p(leaf(-2)),
    "sqrt of a negative number (-4)": lambda: ag.sqrt(leaf(-4)),
    "0/0": lambda: leaf(0) / leaf(0),
    "division by zero: 3/0": lambda: leaf(3) / leaf(0),
    "division by zero: 1/0": lambda: 1 / leaf(0),
    "division by zero: 1/√0": lambda: ag.rsqrt(leaf(0)),
    "division by zero: 0 to the power -1": lambda: leaf(0) ** leaf(-1),
    "a negative number (-2) to the power 0.5": lambda: leaf(-2) ** 0.5,
    "overflow in exp(1000)": lambda: ag.exp(leaf(1, 1000)),
    "overflow in multiply(1e+200, 1e+200)": lambda: leaf(1e200) * 1e200,
    "overflow in square(1e+200)": lambda: ag.square(leaf(1e200)),
    "arcsin of 2, which is outside [-1, 1]": lambda: ag.arcsin(leaf(2)),
    "arctanh of 1": lambda: ag.arctanh(leaf(1)),
    "arccosh of 0.5, which is below 1": lambda: ag.arccosh(leaf(0.5)),
    "∞ - ∞": lambda: leaf(1) * np.inf - np.inf,
    "0 · ∞": lambda: leaf(0) * np.inf,
    "∞/∞": lambda: leaf(1) * np.inf / np.inf,
    "sin(inf), of an infinite input": lambda: ag.sin(leaf(1) * np.inf),
    "overflow or a division by zero in 'sum', whose largest input is 1e+308 in magnitude": lambda: leaf(
        1e308, 1e308
    ).sum(),
    "'mean' of no elements": lambda: leaf().mean(),
    "an input is infinite, and 'sum' met ∞ - ∞, 0 · ∞ or ∞/∞": lambda: (leaf(1, 1) * np.array([np.inf, -np.inf])).sum(),
}


@pytest.mark.parametrize("cause", FORWARD)
@pytest.mark.parametrize("recorded", [True, False])
def test_causes_in_the_forward_pass(cause: str, recorded: bool) -> None:
    def run() -> None:
        with ag.set_grad_enabled(recorded):
            FORWARD[cause]()

    error = caught(run)
    assert error.cause == cause
    assert error.phase == "forward pass"
    assert (error.node is not None) == recorded


def test_what_a_forward_error_says() -> None:
    x = leaf(1, 2, -1, -3, name="x")

    def run() -> None:
        y = x.reshape(2, 2) * 1.0
        ag.log(y)  # here

    error = caught(run)
    assert (error.op, error.shape, error.count, error.index) == ("log", (2, 2), 2, (1, 0))
    assert error.source.startswith(__file__)
    assert error.source.endswith("ag.log(y)  # here")
    assert str(error).splitlines() == [
        "forward pass: 'log' gave NaN in 2 of 4 elements, the first at [1, 0]: log of a negative number (-1)",
        f"  at {error.source}",
        "  result (2, 2) float64; x (2, 2) float64",
    ]


def test_a_float32_overflow() -> None:
    x = ag.tensor([100.0], requires_grad=True)
    assert caught(lambda: ag.exp(x)).cause == "overflow in exp(100)"


# What was bad before


def test_a_leaf_that_is_nan() -> None:
    x, w = leaf(np.nan, name="x"), leaf(1)
    assert caught(lambda: x + w).cause == "an input was already NaN: leaf 'x' of shape (1,)"
    assert caught(lambda: ag.concatenate([w, x])).cause == "an input was already NaN: leaf 'x' of shape (1,)"


def test_a_leaf_is_called_by_the_user_s_variable() -> None:
    def run() -> None:
        weights = leaf(1, np.inf)
        weights * 2

    assert caught(run).cause == "an input was already infinite: leaf 'weights' of shape (2,)"


def test_a_result_from_before_the_context() -> None:
    with np.errstate(all="ignore"):
        y = ag.log(leaf(-1))
        z = ag.exp(leaf(1000))
    assert "an input was already NaN: the result of 'log', made at" in caught(lambda: y * 2).cause
    assert "an input was already infinite: the result of 'exp', made at" in caught(lambda: z * 2).cause


def test_a_constant_that_is_nan() -> None:
    x = leaf(1.0)

    def run() -> None:
        data = np.array([np.nan])
        x + data

    assert caught(run).cause == "an input was already NaN: the constant 'data'"


def test_a_nan_that_is_not_chosen_is_none() -> None:
    x = leaf(1.0, 2.0)
    with detect_anomaly():
        ag.where(np.array([True, True]), x, np.nan).sum().backward()


# Infinities that are meant


def test_masks_of_minus_infinity_pass() -> None:
    x = leaf(1, 2, 3)
    with detect_anomaly():
        y = ag.where(np.array([True, False, True]), x, -np.inf)
        (ag.softmax(y * 2, axis=0) * np.arange(3.0)).sum().backward()
        nn.MaxPool2d(3, padding=1)(ag.tensor(np.ones((1, 1, 5, 5)), requires_grad=True)).sum().backward()
    assert np.isfinite(x.grad.data).all()


def test_a_new_infinity_beside_one_that_is_meant() -> None:
    x = leaf(1, 2, 1000)

    def run() -> None:
        ag.exp(ag.where(np.array([True, False, True]), x, np.inf))

    error = caught(run)
    assert (error.cause, error.index, error.count) == ("overflow in exp(1000)", (2,), 1)


def test_nan_alone() -> None:
    with detect_anomaly(infinite=False):
        ag.exp(leaf(1000))
    error = caught(lambda: ag.exp(leaf(1000)) * 0.0, infinite=False)
    assert error.op == "multiply"


# Backward


def test_zero_times_an_infinite_slope() -> None:
    x = leaf(0, 1, name="x")

    def run() -> None:
        y = ag.where(x > 0, ag.sqrt(x), 0.0).sum()
        y.backward()  # here

    error = caught(run)
    assert error.cause == "the cotangent was 0 and the local derivative inf at y = 0"
    assert (error.phase, error.op, error.index, error.count) == ("backward pass", "sqrt", (0,), 1)
    assert "y = ag.where(x > 0, ag.sqrt(x), 0.0).sum()" in str(error)
    assert "by its input x (leaf 'x' of shape (2,)) gave NaN" in str(error)
    assert error.source in str(error)
    assert traceback.extract_tb(error.__traceback__)[-1].line == "y.backward()  # here"
    assert x.grad is None


def test_with_absorbing_zeros_there_is_no_anomaly() -> None:
    x = leaf(0, 1)
    with detect_anomaly(), ag.absorbing_zeros():
        ag.where(x > 0, ag.sqrt(x), 0.0).sum().backward()
    np.testing.assert_allclose(x.grad.data, [0, 0.5])


def test_an_infinite_slope() -> None:
    assert caught(lambda: ag.sqrt(leaf(0)).sum().backward()).cause == (
        "the local derivative inf at y = 0 (and the cotangent 1)"
    )


def test_overflow_in_backward() -> None:
    x = leaf(1e-3)
    error = caught(lambda: (ag.log(x * 1e-300) * 1e200).sum().backward())
    assert (error.op, error.phase) == ("log", "backward pass")
    assert error.cause.startswith("overflow: the cotangent was 1e+200 and the local derivative 1e+303")


def test_adding_up_overflows() -> None:
    x = leaf(1.0, name="x")
    error = caught(
        lambda: (x * 1e308 * 0.1).backward(np.array([1e0])) or (x * 1.0 + x * 1.0).backward(np.array([1.5e308]))
    )
    assert error.cause == "adding up finite contributions overflowed float64"
    assert "leaf 'x' of shape (1,) was reached by a cotangent with infinity" in str(error)


def test_a_gradient_that_was_handed_over() -> None:
    error = caught(lambda: leaf(1, 2).mean().backward(np.array(np.nan)))
    assert error.cause == "the gradient that the pass started from is not finite"


def test_a_hook() -> None:
    def run() -> None:
        y = leaf(1.0) * 2
        y.register_hook(lambda g: g * np.nan)
        (y * 3).sum().backward()

    error = caught(run)
    assert error.phase == "forward pass"  # of the operation in the hook
    assert "lambda g: g * np.nan" in error.source


@pytest.mark.parametrize("differentiate", [lambda y, x: y.backward(), lambda y, x: ag.gradients(y, x)])
def test_a_loss_that_is_nan_already(differentiate: Callable[[Tensor, Tensor], Any]) -> None:
    x = leaf(-1, 1)
    with np.errstate(all="ignore"):
        loss = (ag.log(x) * 2).sum()
    error = caught(lambda: differentiate(loss, x))
    assert error.phase == "backward pass"
    assert "the tensor that the pass starts from is not finite" in error.cause
    assert "the result of 'log', made at" in error.cause
    assert "loss = (ag.log(x) * 2).sum()" in str(error)


def test_second_order_and_forward_mode() -> None:
    x = leaf(0, 1)
    error = caught(lambda: ag.gradients((ag.sqrt(x) * x).sum(), x, create_graph=True))
    assert (error.op, error.phase) == ("sqrt", "backward pass")
    fine = leaf(4, 1)
    with detect_anomaly():
        (g,) = ag.gradients((ag.sqrt(fine) * fine).sum(), fine, create_graph=True)
        g.sum().backward()
    y = leaf(0.0)
    error = caught(lambda: ag.grad(ag.grad(lambda t: t**1.5))(y.data[0]))
    assert error.phase == "backward pass"
    error = caught(lambda: ag.jvp(ag.sqrt, [np.zeros(2)], [np.ones(2)]))
    assert (error.op, error.phase) == ("sqrt", "forward sweep")


def test_inside_a_checkpoint() -> None:
    error = caught(lambda: ag.checkpoint(lambda x: ag.log(x), leaf(-1)))
    assert error.op == "log"
    error = caught(lambda: ag.checkpoint(lambda x: ag.sqrt(x), leaf(0)).sum().backward())
    assert (error.op, error.phase) == ("sqrt", "backward pass")


# Modules


def test_modules_and_parameters_are_named() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 2), nn.ReLU()))
    with suppress(AnomalyError), detect_anomaly():
        model(ag.ones((2, 3))).sum().backward()
    model[1][0].weight.write(np.nan, (0, 0))
    error = caught(lambda: model(ag.ones((2, 3))))
    assert "leaf '1.0.weight', a parameter of shape (2, 3)" in error.cause
    assert error.module == "Sequential.1.0 (Linear)"


def test_a_module_in_the_backward_pass() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(np.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            return ag.sqrt(self.scale) * x

    model = nn.Sequential(Root())
    error = caught(lambda: model(ag.ones(3)).sum().backward())
    assert "leaf '0.scale', a parameter of shape (3,)" in str(error)
    assert error.module == "Sequential.0 (Root)"


def test_networks_train_without_false_alarms() -> None:
    model = nn.models.LeNet5(activation="relu", pooling="max")
    with detect_anomaly():
        loss = nn.functional.cross_entropy(model(ag.randn(2, 1, 32, 32)), ag.tensor([3, 7]))
        loss.backward()
    plain = [p.grad.data for p in model.parameters()]
    for p in model.parameters():
        p.grad = None
    assert all(np.isfinite(g).all() for g in plain)


def test_gradients_are_the_same_inside() -> None:
    def gradients() -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        x, w = (ag.tensor(rng.normal(size=shape), requires_grad=True) for shape in ((5, 4), (4, 3)))
        h = ag.relu(x @ w)
        (ag.logsumexp(h * h.mean(axis=0), axis=1) + h.sum(axis=1)).sum().backward()
        return [x.grad.data, w.grad.data]

    plain = gradients()
    with detect_anomaly():
        watched = gradients()
    for a, b in zip(plain, watched):
        np.testing.assert_allclose(a, b, rtol=1e-14)


# Where the debugger lands


def frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))


def test_the_traceback_is_the_user_s() -> None:
    def inner(x: Tensor) -> Tensor:
        return ag.log(x)  # innermost

    def run() -> None:
        ag.checkpoint(inner, leaf(-1))

    error = caught(run)
    assert not any(in_library[frame.filename] for frame in frames(error))
    assert frames(error)[-1].line == "return ag.log(x)  # innermost"
    names = [frame.name for frame in frames(error)]
    assert names[-2:] == ["run", "inner"]
    tb = error.__traceback__
    while tb.tb_next is not None:  # type: ignore[union-attr]
        tb = tb.tb_next  # type: ignore[union-attr]
    assert tb.tb_frame.f_code is inner.__code__  # type: ignore[union-attr]
    assert "x" in tb.tb_frame.f_locals  # type: ignore[union-attr]


def test_caught_inside_the_context_the_innermost_frame_is_the_user_s_too() -> None:
    with detect_anomaly(), pytest.raises(AnomalyError) as info:
        ag.log(leaf(-1))  # here
    assert frames(info.value)[-1].line == "ag.log(leaf(-1))  # here"


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(ValueError, match="reshape") as info, detect_anomaly():
        leaf(1, 2).reshape(3)
    assert any(in_library[frame.filename] for frame in frames(info.value))


# Contexts


def test_nested_contexts() -> None:
    with detect_anomaly():
        with detect_anomaly(infinite=False):
            pass
        with pytest.raises(AnomalyError):
            ag.log(leaf(0))
    context = detect_anomaly()
    with context, context, pytest.raises(AnomalyError):
        ag.log(leaf(0))
    with np.errstate(all="ignore"):
        ag.log(leaf(0))


def test_other_threads_are_not_watched() -> None:
    results: list[Any] = []

    def work() -> None:
        with np.errstate(all="ignore"):
            results.append(ag.log(leaf(-1)).data)

    with detect_anomaly():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        with pytest.raises(AnomalyError):
            ag.log(leaf(-1))
    assert np.isnan(results[0]).all()


def test_threads_that_watch_at_the_same_time() -> None:
    wrong: list[str] = []

    def watching(k: int) -> None:
        for _ in range(50):
            try:
                with detect_anomaly():
                    ag.log(leaf(-k, 1))
                wrong.append("no error")
            except AnomalyError as error:
                if f"({-k})" not in error.cause:
                    wrong.append(error.cause)

    def plain() -> None:
        for _ in range(200):
            with np.errstate(all="ignore"):
                ag.log(leaf(-1.0)).sum().backward()

    threads = [threading.Thread(target=watching, args=(k,)) for k in (1, 2, 3)] + [threading.Thread(target=plain)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert observers.get() == ()
    assert primitive.record is primitive._UNWATCHED["record"]


def test_complex_numbers_are_not_taken_for_their_real_parts() -> None:
    error = caught(lambda: ag.log(leaf(0) * 1j))
    assert "overflow or a division by zero in 'log'" in error.cause


def test_what_a_variadic_operation_saved_is_looked_at() -> None:
    constant = ag.tensor(np.array([np.inf, 1.0]))
    error = caught(lambda: ag.einsum("i,i->", leaf(1, 2), constant).backward())
    assert error.cause == "the cotangent was finite, but not all of what 'einsum' saved for its derivative is"


def test_nothing_is_left_after_an_error() -> None:
    before = (primitive.record, primitive.bare, primitive.unrecorded)
    for f in (lambda: ag.log(leaf(-1)), lambda: ag.sqrt(leaf(0)).sum().backward(), lambda: leaf(1, 2).reshape(3)):
        with suppress(AnomalyError, ValueError), detect_anomaly():
            assert primitive.record is not before[0]
            f()
        assert (primitive.record, primitive.bare, primitive.unrecorded) == before
        assert observers.get() == ()
    assert np.geterr()["invalid"] == "warn"
    x = leaf(1.0, 4.0)
    ag.sqrt(x).sum().backward()
    np.testing.assert_allclose(x.grad.data, [0.5, 0.25])
