"""`custom_vjp` and `custom_jvp`: primitives of a user's own, held against the library's operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from derivatives import check_derivatives

import autograd as ag
from autograd.primitive import elementwise, registry

A, B = np.array([0.4, -1.2, 2.0]), np.array([[0.7, 1.1, -0.3], [2.0, -0.6, 0.9]])
SPD = np.array([[2.0, 0.3], [0.3, 1.0]])


@ag.custom_vjp(lambda g, x, y: g * y, lambda g, x: g * x)
def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x * y


@ag.custom_jvp(lambda t, y: t * y, lambda t, x: t * x)
def product_forward(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x * y


@ag.custom_vjp(lambda g, x, power: g * power * x ** (power - 1))
def raised(x: np.ndarray, power: float = 2.0, *, shift: float = 0.0) -> np.ndarray:
    return x**power + shift


@ag.custom_vjp(lambda g, x, w: g @ w.T, lambda g, x: x.T @ g)
def times(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    y = np.zeros((len(x), w.shape[1]))
    for i in range(len(x)):
        for j in range(w.shape[1]):
            y[i, j] = sum(x[i, k] * w[k, j] for k in range(len(w)))
    return y


@ag.custom_vjp(lambda g, x, y: g[0] * np.cos(x) - 2 * g[1] * y[0] * np.cos(x))
def wave(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.sin(x), np.cos(x) ** 2


@ag.custom_jvp(lambda t, x, y: (t * np.cos(x), -2 * t * y[0] * np.cos(x)))
def wave_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.sin(x), np.cos(x) ** 2


@ag.custom_vjp(lambda g, x_shape, axis: np.broadcast_to(np.expand_dims(g, axis), x_shape))
def added(x: np.ndarray, axis: int) -> np.ndarray:
    return x.sum(axis)


@ag.custom_vjp(lambda g, a, result: -(g @ result.T @ result) * 0 - result.T @ g @ result.T)
def inverse(a: np.ndarray, y: None = None) -> np.ndarray:
    return np.linalg.inv(a)


@ag.custom_jvp(lambda t, x: t * (x > 0), None)
def hinge(x: np.ndarray, margin: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + 0 * margin


@pytest.mark.parametrize(
    ("own", "library", "arrays"),
    [
        (product, ag.multiply, (A, B)),
        (product, ag.multiply, (B, B)),
        (product, ag.multiply, (np.array(2.0), A)),
        (product, ag.multiply, (np.ones((0, 3)), A)),
        (product_forward, ag.multiply, (A, B)),
        (product_forward, ag.multiply, (np.array(2.0), A)),
        (lambda x: raised(abs(x), 1.5, shift=2.0), lambda x: abs(x) ** 1.5 + 2.0, (A,)),
        (times, ag.matmul, (B, B.T.copy())),
        (wave, lambda x: (ag.sin(x), ag.cos(x) ** 2), (A,)),
        (lambda x: wave(x)[1], lambda x: ag.cos(x) ** 2, (A,)),
        (wave_forward, lambda x: (ag.sin(x), ag.cos(x) ** 2), (B,)),
        (lambda x: wave_forward(x)[0], ag.sin, (A,)),
        (lambda x: added(x, axis=0), lambda x: x.sum(axis=0), (B,)),
        (inverse, ag.inv, (SPD,)),
        (lambda x: hinge(x, np.ones(3)), ag.relu, (A,)),
    ],
)
def test_it_is_differentiated_as_the_librarys_own(own: Any, library: Any, arrays: Any) -> None:
    """Values, vjp, jvp, second order; against the operation of the library, and against differences."""
    for got, wanted in zip(_parts(own(*arrays)), _parts(library(*arrays)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    check_derivatives(own, *arrays)


def _parts(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def test_third_order() -> None:
    def third(f: Callable[..., Any]) -> Any:
        return ag.grad(ag.grad(ag.grad(f)))(1.3)

    np.testing.assert_allclose(
        third(lambda x: product(x * x, ag.sin(x))), third(lambda x: x * x * ag.sin(x)), rtol=1e-5
    )
    mixed = ag.jvp(ag.grad(ag.grad(lambda x: product_forward(x * x, x * x))), [1.5], [1.0])[1]
    np.testing.assert_allclose(mixed, 24 * 1.5, rtol=1e-6)


def test_one_node_with_the_users_name_that_keeps_what_rules_name() -> None:
    x, y = ag.tensor(A, requires_grad=True), ag.tensor(A, requires_grad=True)
    z = product(x, y)
    assert z.grad_fn.op == "product"
    assert z.grad_fn.parents == (x.node, y.node)
    assert "test_custom.py" in z.grad_fn.source
    assert [value is x.data for value in z.grad_fn.values if isinstance(value, np.ndarray)] == [True, False]
    assert not any(isinstance(value, np.ndarray) for value in added(x, axis=0).grad_fn.values)
    assert product.__name__ == "product"


def test_arrays_alone_give_arrays_and_numbers_take_the_tensors_dtype() -> None:
    assert type(product(A, A)) is np.ndarray
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    for y in (product(x, 2.0), product([3.0, 4.0], x), product(x=x, y=2)):
        assert y.dtype == np.float32
    product(x, 2.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2])
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(product(ag.tensor(A), [0.1] * 3).data, A * 0.1)  # 0.1 in double precision


def test_redeclared_and_not_registered() -> None:
    before = dict(registry)
    slopes = []
    for factor in (2.0, 3.0):

        @ag.custom_vjp(lambda g, factor: g * factor)
        def scaled(x: np.ndarray, factor: float = factor) -> np.ndarray:
            return factor * x

        slopes.append(ag.grad(scaled)(1.0).item())
    assert slopes == [2, 3]
    assert registry == before


def test_a_primitive_of_a_user_may_be_declared_again_and_have_any_name() -> None:
    before = dict(registry)
    x = ag.tensor(2.0, requires_grad=True)
    for slope in (5, 0.5):

        @elementwise(slope)
        def sin(x: Any, slope: float = slope) -> Any:
            return slope * x

        (found,) = ag.gradients(sin(x), [x])
        assert found.item() == slope
        assert repr(sin.primitive) == "<primitive sin>"
    assert registry == before


def test_without_a_derivative() -> None:
    x, m = ag.tensor(A, requires_grad=True), ag.tensor(A, requires_grad=True)
    hinge(x, m).sum().backward()
    np.testing.assert_array_equal(x.grad, A > 0)
    assert m.grad is None
    nothing = ag.custom_vjp(None)(lambda x: np.sign(x))
    assert not nothing(x).requires_grad


def test_gradcheck_and_a_wrong_rule() -> None:
    wrong = ag.custom_vjp(lambda g, x: g * x)(lambda x: x * x)
    assert ag.gradcheck(lambda x: product(x, x).sum(), [A])
    assert not ag.gradcheck(lambda x: wrong(x).sum(), [A])
    x = ag.tensor(A, requires_grad=True)
    assert not ag.numeric.locate_wrong_node(product(x, ag.sin(wave(x)[0])).sum())
    found = ag.numeric.locate_wrong_node(product(x, twice_wrong(x)).sum())
    assert [check.node.op for check in found] == ["twice_wrong"]


@ag.custom_jvp(lambda t, x: t * x)
def twice_wrong(x: np.ndarray) -> np.ndarray:
    return x * x


def test_anomalies_name_it() -> None:
    steep = ag.custom_vjp(lambda g, y: g / (2 * y))(lambda x: np.sqrt(x))
    x = ag.tensor(np.zeros(1), requires_grad=True)
    y = (steep(x) * 0.0).sum()
    message = "derivative of '<lambda>' by its input x"
    with np.errstate(all="ignore"), pytest.raises(ag.numeric.AnomalyError, match=message), ag.numeric.detect_anomaly():
        y.backward()


def test_the_input_itself_as_a_result() -> None:
    same = ag.custom_vjp(lambda g: g)(lambda x: x)
    array = A.copy()
    x = ag.tensor(A, requires_grad=True)
    (same(x) + same(x) * 2.0 + x).sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 4, 4])
    same(array)[0] = 7
    product(array, x)
    array[...] = 0


def test_a_rule_that_returns_what_was_saved() -> None:
    """Which nobody may add into."""
    odd = ag.custom_vjp(lambda g, x: x)(lambda x: x * x / 2)
    x = ag.tensor(A, requires_grad=True)
    (odd(x) + odd(x)).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * A)
    np.testing.assert_array_equal(x.data, A)


# NumPy alone


def filtered(x: Any) -> Any:
    """Only NumPy arrays, element by element."""
    y = np.empty(len(x))
    for i in range(len(x)):
        y[i] = float(x[i]) * 2
    return y


linear_in_numpy = ag.custom_vjp(lambda g: filtered(g))(lambda x: 2 * x)
square_in_numpy = ag.custom_vjp(lambda g, x: np.multiply(g, filtered(x.view(np.ndarray))))(lambda x: x * x)
square_forward_in_numpy = ag.custom_jvp(lambda t, x: np.asarray(filtered(x)) * t)(lambda x: x * x)


def test_rules_in_numpy_have_first_derivatives_in_their_own_mode() -> None:
    np.testing.assert_array_equal(ag.grad(lambda x: linear_in_numpy(x).sum())(A), [2, 2, 2])
    np.testing.assert_array_equal(ag.grad(lambda x: square_in_numpy(x).sum())(A), 2 * A)
    np.testing.assert_array_equal(ag.jvp(square_forward_in_numpy, [A], [A])[1], 2 * A * A)
    np.testing.assert_array_equal(ag.jvp(square_in_numpy, [A], [A])[1], 2 * A * A)  # only its g is a tensor there
    np.testing.assert_array_equal(ag.hessian(lambda x: linear_in_numpy(x).sum())(A), np.zeros((3, 3)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: ag.hessian(lambda x: square_in_numpy(x).sum())(A),
        lambda: ag.hessian(lambda x: (linear_in_numpy(x) ** 2).sum())(A),
        lambda: ag.jvp(linear_in_numpy, [A], [A]),
    ],
)
def test_rules_in_numpy_refuse_the_rest(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"the vjp for 'x' (does not run on|made an array of) tensors.* forward mode"):
        call()


# Errors


def declared(*rules: Any) -> Callable[[Any], Any]:
    @ag.custom_vjp(*rules)
    def f(x: Any, y: Any = 1.0) -> Any:
        return x * 2.0

    return f


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([lambda g, z: g], r"custom_vjp: the rule for 'x' of 'f' names z; after its first parameter it can name x, "),
        ([lambda g: g] * 3, r"custom_vjp: wants one rule for each array input of 'f', .* \(x, y\); got 3"),
        ([], r"wants one rule for each array input of 'f'"),
    ],
)
def test_errors_of_declarations(rules: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        declared(*rules)


def test_a_function_of_any_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="custom_jvp: '<lambda>' takes any number of arguments"):
        ag.custom_jvp(lambda t: t)(lambda *x: x[0])


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda g: g.sum(), ValueError, r"f: the vjp for 'x' returned shape \(\); wants \(3,\), that of 'x'"),
        (lambda g, x: np.outer(g, x), ValueError, r"f: the vjp for 'x' returned shape \(3, 3\); wants \(3,\)"),
        (
            lambda g: g * 1j,
            TypeError,
            r"f: the vjp for 'x' has to return an array of real numbers; got shape \(3,\) and",
        ),
        (lambda g: "g", TypeError, r"real numbers; got str 'g'"),
        (lambda g: (g, g), TypeError, r"real numbers; got a tuple of 2"),
        (lambda g: g.fill(0), ValueError, "read-only"),
    ],
)
def test_errors_of_vjps(rule: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        ag.grad(lambda x: declared(rule)(x).sum())(A)
    assert "in the derivative of 'f'; node made at" in "".join(caught.value.__notes__)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            lambda t: np.stack([t, t, t]),
            r"<lambda>: the jvp for 'x' returned shape \(3, 3\); wants \(3,\), that of the",
        ),
        (lambda t: t[:2], r"returned shape \(2,\)"),
    ],
)
def test_errors_of_jvps(rule: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ag.jvp(ag.custom_jvp(rule)(lambda x: x * 2), [A], [A])


def test_errors_of_several_results() -> None:
    with pytest.raises(ValueError, match=r"the jvp for 'x' has to return a tuple of 2 tangents; got shape \(3,\)"):
        ag.jvp(lambda x: ag.custom_jvp(lambda t: t)(lambda x: (x + 1, x))(x)[0], [A], [A])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: declared(lambda g: g)(), r"f: missing a required argument: 'x'; its signature is \(x: "),
        (lambda x: declared(lambda g: g)(x, z=1), r"f: got an unexpected keyword argument 'z'"),
        (lambda x: declared(lambda g: g)(x, x), r"f: 'y' is a static parameter and cannot be a Tensor; custom_vjp has"),
        (lambda x: ag.custom_vjp(lambda g: g)(lambda x: "no")(x), r"<lambda>: has to return an array of real numbers"),
    ],
)
def test_errors_of_calls(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(ag.tensor(A, requires_grad=True))


KEPT = np.array([1.0, 2.0, 3.0])


@ag.custom_vjp(lambda g, x: KEPT)
def dot_kept(x: Any) -> Any:
    return (KEPT * x).sum()


@ag.custom_jvp(lambda t, x: KEPT * (t / t))
def plus_kept(x: Any) -> Any:
    return KEPT * x


def test_arrays_that_rules_and_functions_keep() -> None:
    w = ag.tensor(np.zeros(3), requires_grad=True)
    for _ in range(3):
        dot_kept(w).backward()
    np.testing.assert_array_equal(w.grad.data, [3, 6, 9])
    ag.jvp(plus_kept, [np.zeros(3)], [np.ones(3)])
    np.testing.assert_array_equal(KEPT, [1, 2, 3])
    assert KEPT.flags.writeable
    memory = np.empty(4)

    @ag.custom_vjp(lambda g, x: g * np.cos(x))
    def sine(x: Any) -> Any:
        return np.sin(x, out=memory[: len(x)])

    first = sine(ag.tensor(np.array([1.0, 2.0]), requires_grad=True))
    sine(ag.tensor(np.array([3.0, 4.0, 5.0, 6.0]), requires_grad=True))
    np.testing.assert_array_equal(first.data, np.sin([1.0, 2.0]))


@pytest.mark.parametrize("kind", [lambda k: {"k": k}, lambda k: [k], lambda k: {"k": (k,)}])
def test_static_parameters_that_are_changed_later(kind: Callable[[Any], Any]) -> None:
    def number(o: Any) -> Any:
        return number(o[next(iter(o)) if isinstance(o, dict) else 0]) if isinstance(o, (dict, list, tuple)) else o

    @ag.custom_vjp(lambda g, x, o: g * number(o))
    def scaled(x: Any, o: Any) -> Any:
        return x * number(o)

    for k in (2.0, np.array([2.0])):
        x, o = ag.tensor([1.0, 1.0], requires_grad=True), kind(k)
        y = scaled(x, o)
        if isinstance(k, np.ndarray):
            k[...] = 100.0
        elif isinstance(o, dict):
            o["k"] = 100.0
        else:
            o[0] = 100.0
        y.sum().backward()
        assert x.grad.tolist() == [2, 2]


def test_a_named_tuple_stays_one() -> None:
    class Wave(NamedTuple):
        scale: float

    @ag.custom_vjp(lambda g, x, wave: g * wave.scale)
    def scaled(x: Any, wave: Wave) -> Any:
        return x * wave.scale

    x = ag.tensor([1.0, 1.0], requires_grad=True)
    scaled(x, Wave(3.0)).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_a_function_without_a_module() -> None:
    names: dict[str, Any] = {"custom_vjp": ag.custom_vjp}
    exec("@custom_vjp(lambda g, x: 2 * g * x)\ndef square(x):\n    return x * x", {"__builtins__": {}}, names)
    assert ag.grad(names["square"])(3.0) == 6


@pytest.mark.parametrize("shared", [lambda t: (t, t), lambda t: ((d := 2 * t), d)])
def test_one_tangent_for_two_results(shared: Any) -> None:
    @ag.custom_jvp(lambda t, x: shared(t))
    def two(x: Any) -> Any:
        a, b = shared(x)
        return 1 * a, 1 * b

    x = ag.tensor(np.array([1.0, 2.0]), requires_grad=True)
    a, b = two(x)
    (a.sum() + 10 * b.sum()).backward()
    (plain,) = shared(x)[:1]
    np.testing.assert_array_equal(x.grad, 11 * plain.data / x.data)


def test_an_error_of_a_users_function_is_his_own() -> None:
    class OddError(ValueError):
        pass

    @ag.custom_vjp(lambda g, x: g)
    def mine(x: Any) -> Any:
        raise OddError("not this")

    with pytest.raises(OddError, match="not this") as caught:
        mine(ag.tensor([1.0, 2.0]))
    assert caught.value.__notes__ == ["in the operation 'mine'; given (2,) float32"]
    assert caught.traceback[-1].name == "mine"


def named_as(name: str, rule: Any, function: Any) -> Any:
    function.__name__ = name
    return ag.custom_vjp(rule)(function)


def test_a_users_operation_is_not_taken_for_the_librarys_of_that_name() -> None:
    x = ag.tensor(np.array([0.0, 4.0]), requires_grad=True)
    found = []
    for name in ("squared", "relu", "max", "output"):
        with ag.absorbing_zeros():
            y = named_as(name, lambda g, x: g * 2 * x, lambda x: x * x)(ag.sqrt(x))
            found.append(ag.gradients(y.sum(), x)[0].data)
    np.testing.assert_array_equal(found, found[:1] * 4)
    matrix, c = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 5.0], [2.0, 3.0]])
    for name in ("dotted", "eigh"):
        wrong = named_as(name, lambda g, x: g * c.T, lambda x: (x * c).sum())
        y = wrong(ag.tensor(matrix, requires_grad=True))
        assert len(ag.locate_wrong_node(y).wrong) == 1
