"""backward, gradients and the functional transforms, against derivatives written out by hand and against each other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import autograd as ag
from nn.functional import conv2d

A = np.array([0.3, -1.2, 2.0])


def cubic(x: ag.Tensor) -> ag.Tensor:
    return (x * x * x).sum()


def wavy(x: ag.Tensor) -> ag.Tensor:
    """A vector function with a full Jacobian."""
    return ag.sin(x) * x.sum()


def wavy_jacobian(x: np.ndarray) -> np.ndarray:
    return np.diag(np.cos(x) * x.sum()) + np.outer(np.sin(x), np.ones(x.size))


def test_a_chain_worked_by_hand() -> None:
    """J = cos(sin(x²) + 3x²), the lectures' chain of scalars."""
    x = np.array([0.0, 0.4, -1.3, 2.0])
    slope = -np.sin(np.sin(x**2) + 3 * x**2) * (np.cos(x**2) * 2 * x + 6 * x)

    def chain(x: ag.Tensor) -> ag.Tensor:
        return ag.cos(ag.sin(x**2) + 3 * x**2)

    for at, wanted in zip(x, slope, strict=True):
        np.testing.assert_allclose(ag.grad(chain)(at), wanted, rtol=1e-12)
    y, tangent = ag.jvp(chain, (x,), (np.ones(4),))
    np.testing.assert_allclose(y, np.cos(np.sin(x**2) + 3 * x**2), rtol=1e-12)
    np.testing.assert_allclose(tangent, slope, rtol=1e-12)


class TestBackward:
    def test_adds_to_grad(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        cubic(x).backward()
        np.testing.assert_allclose(x.grad.data, 3 * A**2)
        cubic(x).backward()
        np.testing.assert_allclose(x.grad.data, 6 * A**2)

    def test_gradient_of_any_shape_with_a_cotangent(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        (x * x).backward(np.array([1.0, 0.0, -1.0]))
        np.testing.assert_allclose(x.grad.data, 2 * A * [1, 0, -1])

    def test_needs_a_gradient_for_more_than_one_element(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        with pytest.raises(RuntimeError, match=r"backward: an output of shape \(3,\) needs a gradient of that shape"):
            (x * x).backward()

    def test_gradient_of_another_shape(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        with pytest.raises(ValueError, match=r"backward: gradient has shape \(2,\), the output \(3,\)"):
            (x * x).backward(np.ones(2))

    def test_without_history(self) -> None:
        with pytest.raises(RuntimeError, match="backward: the tensor does not require grad"):
            ag.tensor(1.0).backward()

    def test_twice(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        y = cubic(x)
        y.backward()
        with pytest.raises(RuntimeError, match="already used and freed; call backward\\(retain_graph=True\\)"):
            y.backward()

    def test_error_names_the_line(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        y = cubic(x)
        y.backward()
        with pytest.raises(RuntimeError, match=r"test_transforms\.py:\d+: return \(x \* x \* x\)\.sum\(\)"):
            y.backward()

    def test_twice_with_retain_graph(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        y = cubic(x)
        y.backward(retain_graph=True)
        y.backward()
        np.testing.assert_allclose(x.grad.data, 6 * A**2)

    def test_a_shared_part_that_was_freed(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        shared = x * x
        shared.sum().backward()
        with pytest.raises(RuntimeError, match="the graph behind 'multiply' was already used and freed"):
            (shared * 2.0).sum().backward()

    def test_inputs_limits_it(self) -> None:
        x, w = ag.tensor(A, requires_grad=True), ag.tensor(A, requires_grad=True)
        (x * w).sum().backward(inputs=[x])
        np.testing.assert_allclose(x.grad.data, A)
        assert w.grad is None

    def test_create_graph(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        cubic(x).backward(create_graph=True)
        first = x.grad
        x.grad = None
        first.sum().backward()
        np.testing.assert_allclose(x.grad.data, 6 * A)

    def test_leaf_itself(self) -> None:
        x = ag.tensor(2.0, requires_grad=True)
        x.backward()
        assert x.grad.item() == 1

    def test_gradient_takes_the_dtype_of_the_leaf(self) -> None:
        x = ag.tensor(A.astype(np.float32), requires_grad=True)
        (x * A).sum().backward()
        assert x.grad.dtype == np.float32
        np.testing.assert_allclose(x.grad.data, A, rtol=1e-6)

    def test_broadcast_inputs_get_their_own_shape(self) -> None:
        x, b = ag.tensor(np.ones((2, 3)), requires_grad=True), ag.tensor(np.ones((1, 3)), requires_grad=True)
        c = ag.tensor(1.0, dtype=np.float64, requires_grad=True)
        (x * b * c).sum().backward()
        assert (x.grad.shape, b.grad.shape, c.grad.shape) == ((2, 3), (1, 3), ())
        np.testing.assert_allclose(b.grad.data, np.full((1, 3), 2.0))
        assert c.grad.item() == 6

    def test_gradients_share_no_memory(self) -> None:
        x, w = ag.tensor(A, requires_grad=True), ag.tensor(A, requires_grad=True)
        start = np.ones(3)
        (x + w).backward(start)
        assert not np.shares_memory(x.grad.data, w.grad.data)
        assert not np.shares_memory(x.grad.data, start)


class TestGradients:
    def test_of_interior_tensors(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        h = x * x
        gx, gh = ag.gradients((h * x).sum(), [x, h])
        np.testing.assert_allclose(gx.data, 3 * A**2)
        np.testing.assert_allclose(gh.data, A)
        assert x.grad is None

    def test_several_outputs_add(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        (g,) = ag.gradients([x.sum(), cubic(x)], x)
        np.testing.assert_allclose(g.data, 1 + 3 * A**2)

    def test_unused(self) -> None:
        x, w = ag.tensor(A, requires_grad=True), ag.tensor(A, requires_grad=True)
        with pytest.raises(RuntimeError, match="no output depends on input 1"):
            ag.gradients(cubic(x), [x, w])
        assert ag.gradients(cubic(x), [x, w], allow_unused=True)[1] is None

    def test_output_without_history(self) -> None:
        with pytest.raises(RuntimeError, match="gradients: output 0 does not require grad, so nothing was recorded"):
            ag.gradients(ag.ones(2).sum(), [ag.tensor(A, requires_grad=True)])

    def test_input_without_history(self) -> None:
        with pytest.raises(RuntimeError, match=r"gradients: input 0 \(scale\) does not require grad"):
            ag.gradients(cubic(ag.tensor(A, requires_grad=True)), ag.tensor(A, name="scale"))

    def test_second_order(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        (first,) = ag.gradients(cubic(x), x, create_graph=True)
        (second,) = ag.gradients(first, x, np.ones(3))
        np.testing.assert_allclose(second.data, 6 * A)

    def test_pruning_leaves_the_rest_of_the_graph_usable(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        h = ag.sin(x)
        y = (h * h).sum()
        ag.gradients(y, h)
        h.backward(np.ones(3))
        np.testing.assert_allclose(x.grad.data, np.cos(A))


class TestTransforms:
    def test_grad_nests(self) -> None:
        f = ag.sin
        for k, expected in enumerate([np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin]):
            f = ag.grad(f)
            np.testing.assert_allclose(f(np.array(0.7)).data, expected(0.7), err_msg=f"order {k + 1}")

    def test_grad_of_several_arguments(self) -> None:
        gx, gw = ag.grad(lambda x, w: (x * w * w).sum(), argnum=(0, 1))(A, 2 * A)
        np.testing.assert_allclose(gx.data, 4 * A**2)
        np.testing.assert_allclose(gw.data, 4 * A**2)

    def test_no_perturbation_confusion(self) -> None:
        outer = ag.grad(lambda x: x * ag.grad(lambda y: x + y)(1.0))
        assert outer(1.0).item() == 1
        inner_jvp = lambda x: x * ag.jvp(lambda y: x + y, [1.0], [1.0])[1]  # noqa: E731
        assert ag.jvp(inner_jvp, [1.0], [1.0])[1].item() == 1

    def test_result_has_no_history_at_the_top(self) -> None:
        assert not ag.grad(cubic)(A).requires_grad

    def test_argument_that_requires_grad_stays_differentiable(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        ag.grad(cubic)(x).sum().backward()
        np.testing.assert_allclose(x.grad.data, 6 * A)

    def test_grad_wants_one_number(self) -> None:
        with pytest.raises(ValueError, match=r"grad: the function has to return one number, got shape \(3,\)"):
            ag.grad(wavy)(A)

    def test_grad_wants_floats(self) -> None:
        with pytest.raises(TypeError, match=r"grad: derivatives .* floating-point values, not int64"):
            ag.grad(cubic)(np.arange(3))

    def test_vjp_may_be_pulled_again(self) -> None:
        y, pull = ag.vjp(wavy, A)
        np.testing.assert_allclose(y.data, np.sin(A) * A.sum())
        for g in (np.array([1.0, 2.0, 3.0]), np.ones(3)):
            np.testing.assert_allclose(pull(g)[0].data, g @ wavy_jacobian(A))

    def test_jvp(self) -> None:
        v = np.array([1.0, 2.0, 3.0])
        y, tangent = ag.jvp(wavy, [A], [v])
        np.testing.assert_allclose(y.data, np.sin(A) * A.sum())
        np.testing.assert_allclose(tangent.data, wavy_jacobian(A) @ v)

    def test_jvp_of_a_constant_is_zero(self) -> None:
        assert ag.jvp(lambda x: ag.tensor(A), [A], [A])[1].tolist() == [0, 0, 0]

    def test_jvp_counts_its_arguments(self) -> None:
        with pytest.raises(ValueError, match="jvp: got 1 primals and 2 tangents"):
            ag.jvp(wavy, [A], [A, A])

    @pytest.mark.parametrize("mode", ["reverse", "forward", None])
    def test_jacobian(self, mode: str | None) -> None:
        np.testing.assert_allclose(ag.jacobian(wavy, mode=mode)(A).data, wavy_jacobian(A))

    @pytest.mark.parametrize("mode", ["reverse", "forward"])
    def test_jacobian_shapes(self, mode: str) -> None:
        x = np.arange(6.0).reshape(2, 3)
        found = ag.jacobian(lambda x: ag.expand_dims((x * x).sum(axis=1), 0), mode=mode)(x)
        assert found.shape == (1, 2, 2, 3)
        expected = np.zeros((1, 2, 2, 3))
        expected[0, 0, 0], expected[0, 1, 1] = 2 * x[0], 2 * x[1]
        np.testing.assert_allclose(found.data, expected)

    def test_jacobian_mode_is_checked(self) -> None:
        with pytest.raises(ValueError, match="jacobian: mode has to be"):
            ag.jacobian(wavy, mode="sideways")

    def test_hessian_is_symmetric_and_right(self) -> None:
        found = ag.hessian(lambda x: (ag.sin(x) * x.sum()).sum())(A).data
        c, s = np.cos(A), np.sin(A)
        np.testing.assert_allclose(found, np.diag(-s * A.sum()) + c[:, None] + c[None, :], atol=1e-12)

    def test_hvp_is_the_hessian_times_the_vector(self) -> None:
        v = np.array([1.0, -1.0, 0.5])

        def f(x: ag.Tensor) -> ag.Tensor:
            return (ag.sin(x) * x.sum()).sum()

        np.testing.assert_allclose(ag.hvp(f, [A], [v]).data, ag.hessian(f)(A).data @ v, atol=1e-12)

    def test_hvp_of_two_arguments_has_the_mixed_terms(self) -> None:
        v, u = np.array([1.0, -1.0, 0.5]), np.array([2.0, 0.0, 1.0])
        hx, hw = ag.hvp(lambda x, w: (x * x * w).sum(), [A, 2 * A], [v, u])
        np.testing.assert_allclose(hx.data, 2 * (2 * A) * v + 2 * A * u)
        np.testing.assert_allclose(hw.data, 2 * A * v)

    def test_inside_no_grad_a_transform_still_differentiates(self) -> None:
        with ag.no_grad():
            np.testing.assert_allclose(ag.grad(cubic)(A).data, 3 * A**2)

    def test_a_closure_over_what_requires_grad_stays_differentiable(self) -> None:
        w = ag.tensor(2.0, dtype=np.float64, requires_grad=True)

        def f(x: ag.Tensor) -> ag.Tensor:
            return (w * w * x * x).sum()

        value, first = ag.value_and_grad(f)(A)
        _, pull = ag.vjp(f, A)
        results = [
            (value, 4 * A @ A),
            (first.sum(), 8 * A.sum()),
            (pull(1.0)[0].sum(), 8 * A.sum()),
            (ag.jvp(f, [A], [np.ones(3)])[1], 8 * A.sum()),
            (ag.hessian(f)(A).sum(), 24.0),
            (ag.hvp(f, [A], [np.ones(3)]).sum(), 24.0),
        ]
        for y, expected in results:
            w.grad = None
            y.backward(retain_graph=True)
            np.testing.assert_allclose(w.grad.item(), expected)
        with ag.no_grad():
            assert not ag.grad(f)(A).requires_grad

    def test_gradients_checks_its_starts(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        y = x * x
        with pytest.raises(ValueError, match="gradients: got 2 outputs and 1 grad_outputs"):
            ag.gradients([y, y], x, [np.ones(3)])
        np.testing.assert_allclose(ag.gradients([y, y], x, np.ones((2, 3)))[0].data, 4 * A)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: ag.grad(cubic, 1)(A), r"grad: there is no argument 1 to differentiate by, of 1 given by position"),
            (lambda: ag.grad(cubic)(x=A), r"grad: there is no argument 0 to differentiate by, of 0 given by position"),
            (lambda: ag.jacobian(cubic, -2)(A), "jacobian: there is no argument -2"),
        ],
    )
    def test_arguments_that_are_not_there(self, call: Callable[[], object], message: str) -> None:
        with pytest.raises(IndexError, match=message):
            call()

    def test_tangents_have_the_shape_of_their_primals(self) -> None:
        with pytest.raises(ValueError, match=r"jvp: tangent 1 has shape \(2,\), its primal \(3,\)"):
            ag.jvp(lambda x, w: x * w, [A, A], [A, np.ones(2)])
        assert ag.jvp(ag.sin, [np.float32(1.0)], [1])[1].dtype == np.float32

    @pytest.mark.parametrize(("f", "shape"), [(lambda x: x[:0], (0, 3)), (lambda x: x, (3, 3))])
    @pytest.mark.parametrize("mode", ["reverse", "forward"])
    def test_jacobians_keep_the_dtype(
        self, f: Callable[[ag.Tensor], ag.Tensor], shape: tuple[int, ...], mode: str
    ) -> None:
        found = ag.jacobian(f, mode=mode)(A.astype(np.float32))
        assert (found.shape, found.dtype) == (shape, np.float32)
        assert ag.jacobian(lambda x: x * 2.0, mode=mode)(np.zeros(0, np.float32)).dtype == np.float32


class TestCheckpoint:
    @pytest.fixture
    def weight(self) -> ag.Tensor:
        return ag.tensor([0.5, -0.2, 1.1], dtype=np.float64, requires_grad=True)

    def test_gradients_as_without(self, weight: ag.Tensor) -> None:
        def f(x: ag.Tensor) -> ag.Tensor:
            return ag.sin(x * weight) * ag.tanh(x)

        found = []
        for call in (f, lambda x: ag.checkpoint(f, x)):
            x = ag.tensor(A, requires_grad=True)
            weight.grad = None
            y = call(ag.exp(x))
            (y * y).sum().backward()
            found.append((x.grad.data, weight.grad.data))
        np.testing.assert_array_equal(found[0], found[1])

    def test_an_outer_tensor_on_a_path_through_the_input_counts_once(self, weight: ag.Tensor) -> None:
        x = ag.tensor(A, requires_grad=True)
        h = x * weight
        ag.checkpoint(lambda h_again: h_again * h * x, h).sum().backward()
        np.testing.assert_allclose(x.grad.data, 3 * A**2 * weight.data**2)

    def test_the_input_used_from_outside_too_at_second_order(self) -> None:
        def f(x: ag.Tensor) -> ag.Tensor:
            return ag.checkpoint(lambda again: again**3 * ag.sin(x), x).sum()

        wanted = np.diag(6 * A * np.sin(A) + 6 * A**2 * np.cos(A) - A**3 * np.sin(A))
        np.testing.assert_allclose(ag.hessian(f)(A), wanted, rtol=1e-12)
        np.testing.assert_allclose(ag.jacobian(ag.grad(f), mode="forward")(A), wanted, rtol=1e-12)

    def test_higher_order_and_forward_mode(self, weight: ag.Tensor) -> None:
        def f(x: ag.Tensor) -> ag.Tensor:
            return ag.sin(x * weight) * ag.tanh(x)

        with ag.no_grad():
            plain = ag.hessian(lambda x: f(x).sum())(A)
        again = ag.hessian(lambda x: ag.checkpoint(f, x).sum())(A)
        np.testing.assert_allclose(again.data, plain.data, atol=1e-12)
        for a, b in zip(ag.jvp(f, [A], [A]), ag.jvp(lambda x: ag.checkpoint(f, x), [A], [A]), strict=True):
            np.testing.assert_allclose(a.data, b.data)

    def test_same_random_numbers_both_times(self) -> None:
        x = ag.tensor(np.ones(1000), requires_grad=True)
        y = ag.checkpoint(lambda x: x * (ag.rand(1000) < 0.5).astype(np.float64), x)
        ag.rand(5)
        state = ag.get_rng_state()
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.data, y.data)
        after = ag.rand(5).data
        ag.set_rng_state(state)
        np.testing.assert_array_equal(after, ag.rand(5).data)

    def test_keeps_only_the_inputs(self) -> None:
        x = ag.tensor(A, requires_grad=True)
        y = ag.checkpoint(lambda x: ag.exp(ag.sin(ag.exp(x))), x)
        assert y.grad_fn.op == "checkpoint"
        assert [p.op for p in y.grad_fn.parents] == ["leaf"]

    def test_one_more_evaluation_for_all_inputs_and_no_record_under_no_grad(self) -> None:
        x, y = (ag.tensor(A, requires_grad=True) for _ in range(2))
        calls = []
        z = ag.checkpoint(lambda x, y: (calls.append(0), x * y)[1], x, y)
        z.sum().backward()
        assert len(calls) == 2
        with ag.no_grad():
            assert not ag.checkpoint(lambda x, y: x * y, x, y).requires_grad

    def test_wants_one_tensor(self) -> None:
        with pytest.raises(TypeError, match="checkpoint: the function has to return one Tensor, got tuple"):
            ag.checkpoint(lambda x: (x, x), ag.tensor(A, requires_grad=True))

    def test_hooks_run_once_and_on_the_whole_gradient(self, weight: ag.Tensor) -> None:
        seen = []
        weight.register_hook(lambda g: (seen.append(g.data.copy()), 2 * g)[1])
        x = ag.tensor(A, requires_grad=True)
        (ag.checkpoint(lambda x: x * weight, x) + weight).sum().backward()
        np.testing.assert_allclose(seen, [A + 1])
        np.testing.assert_allclose(weight.grad.data, 2 * (A + 1))

    def test_again_and_again_from_one_cotangent(self) -> None:
        x, start = ag.tensor(A, requires_grad=True), ag.ones(3, dtype=np.float64)
        y = ag.checkpoint(lambda x: x * 3.0, x)
        for count in (1, 2, 3):
            y.backward(start, retain_graph=True)
            np.testing.assert_allclose(x.grad.data, np.full(3, 3.0 * count))

    def test_a_write_into_images_of_a_convolution_is_an_error(self) -> None:
        images, weight = ag.rand(4, 8, 40, 40), ag.ones(6, 8, 3, 3, requires_grad=True)
        y = ag.checkpoint(lambda weight: conv2d(images, weight, padding=1), weight)
        images.write(0.0)  # which are kept with zeros around them that are not in memory
        with pytest.raises(RuntimeError, match=r"checkpoint: .* written into after its first evaluation"):
            y.sum().backward()

    def test_a_write_into_what_the_function_uses_is_an_error(self, weight: ag.Tensor) -> None:
        x = ag.tensor(A, requires_grad=True)
        y = ag.checkpoint(lambda x: ag.sin(x * weight), x)
        weight.write(0.0)
        with pytest.raises(
            RuntimeError, match=r"checkpoint: .* written into .*'multiply' uses it at .*test_transforms\.py"
        ):
            y.sum().backward()
        y = ag.checkpoint(lambda x: ag.sin(x * weight), x)
        y.sum().backward()

    def test_nested(self, weight: ag.Tensor) -> None:
        def outer(x: ag.Tensor) -> ag.Tensor:
            return ag.checkpoint(lambda z: ag.sin(z) * weight, x * weight) * x

        x = ag.tensor(A, requires_grad=True)
        ag.checkpoint(outer, x).sum().backward()
        plain = ag.grad(lambda x, w: (ag.sin(x * w) * w * x).sum(), argnum=(0, 1))(A, weight.data)
        np.testing.assert_allclose(x.grad.data, plain[0].data)
        np.testing.assert_allclose(weight.grad.data, plain[1].data)


def doubled(z: ag.Tensor) -> ag.Tensor:
    z *= 2
    return (z * z).sum()  # 4 z · z


def mixed(z: ag.Tensor) -> ag.Tensor:
    z[0] = z[1] * 3.0
    return (z * z).sum()  # 10 z₁²


def test_functions_that_write_into_what_is_tracked() -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(ag.hessian(doubled)(x).data, 8 * np.eye(2))
    np.testing.assert_array_equal(ag.hessian(mixed)(x).data, [[0, 0], [0, 20]])
    np.testing.assert_array_equal(ag.hvp(doubled, [x], [np.ones(2)]).data, [8, 8])
    tracked = ag.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(ag.grad(doubled)(tracked).data, [8, 16])
    np.testing.assert_array_equal(ag.vjp(mixed, tracked)[1](np.array(1.0))[0].data, [0, 40])
    np.testing.assert_array_equal(ag.jvp(doubled, [tracked], [np.ones(2)])[1].data, 24)
    np.testing.assert_array_equal(tracked.data, x)
    inner = ag.checkpoint(lambda z: doubled(z * 1), tracked)
    np.testing.assert_array_equal(ag.gradients(inner, tracked)[0].data, [8, 16])


@pytest.mark.parametrize("argnum", [(0, 0), (0, -2), (1, 0, 1)])
def test_arguments_that_come_twice(argnum: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="grad: an argument comes twice among those to differentiate by"):
        ag.grad(lambda x, y: x * y, argnum)(1.0, 2.0)


def test_jvp_is_differentiated_by_its_tangent() -> None:
    pushed = ag.grad(lambda t: ag.jvp(wavy, [A], [t])[1].sum())
    np.testing.assert_allclose(pushed(np.ones(3)).data, wavy_jacobian(A).sum(0), rtol=1e-12)


def test_the_graph_of_what_is_closed_over_may_have_been_freed() -> None:
    h = ag.tensor(A, requires_grad=True) ** 2
    h.sum().backward()
    np.testing.assert_allclose(ag.grad(lambda x: (x * h).sum())(A).data, A**2)
    np.testing.assert_allclose(ag.jvp(lambda x: x * h, [A], [A])[1].data, A**3)


def test_numbers_of_arguments() -> None:
    assert ag.grad(lambda x, y: x * x * y, np.int64(1))(3.0, 2.0) == 9
    with pytest.raises(
        TypeError, match=r"jacobian: an argument to differentiate by is given by its number, got \(0, 1\)"
    ):
        ag.jacobian(lambda x, y: x * y, (0, 1))(1.0, 2.0)  # type: ignore[arg-type]


def test_a_checkpoint_of_a_function_that_writes_into_its_input() -> None:
    x, w = ag.tensor(np.array([1.0, 2.0])), ag.tensor(np.array([1.0, 1.0]), requires_grad=True)

    def scaled(t: ag.Tensor) -> ag.Tensor:
        t *= 2
        return t * w

    y = ag.checkpoint(scaled, x)
    with pytest.raises(RuntimeError, match=r"checkpoint: an input was written into .* or by it"):
        y.sum().backward()
    np.testing.assert_array_equal(x.data, [2, 4])


def test_tangents_are_nobody_elses() -> None:
    v = ag.tensor(np.array([1.0, 2.0]))
    for f in (lambda x: x, lambda x: x.reshape(2, 1), lambda x: x[::-1]):
        _, tangent = ag.jvp(f, [np.zeros(2)], [v])
        tangent += 10
    assert v.tolist() == [1, 2]


def test_a_custom_function_of_no_results() -> None:
    @ag.custom_vjp(lambda g, x: g)
    def nothing(x: object) -> tuple[()]:
        return ()

    with pytest.raises(TypeError, match=r"nothing: has to return an array of real numbers, .* got \(\)"):
        nothing(ag.tensor([1.0], requires_grad=True))


@pytest.mark.parametrize("transform", [ag.jvp, ag.hvp])
@pytest.mark.parametrize("whole", [np.ones((1, 3)), ag.ones((1, 3)), np.ones(3)])
def test_arrays_are_not_taken_apart(transform, whole):
    with pytest.raises(TypeError, match=f"{transform.__name__}: primals is a list with one entry for each argument"):
        transform(lambda x: (x**2).sum(), whole, whole)
    with pytest.raises(TypeError, match=f"{transform.__name__}: tangents is a list"):
        transform(lambda x: (x**2).sum(), [whole], whole)


@pytest.mark.parametrize("transform", [ag.grad, ag.jacobian, ag.hessian])
def test_what_is_to_be_differentiated_is_a_function(transform):
    w = ag.ones(2, requires_grad=True)
    name = transform.__name__
    with pytest.raises(TypeError, match=f"{name}: wants a function, got Tensor; for derivatives of what is computed"):
        transform((w * w).sum(), 0)
    with pytest.raises(TypeError, match=f"{name}: an argument to differentiate by is given by its number, got tensor"):
        transform(lambda x: x, w)


def test_hvp_of_several_runs_the_function_once():
    calls = []

    def f(a, b, c):
        calls.append(1)
        return (a * a * b).sum() + (b * b).sum()

    rng = np.random.default_rng(0)
    xs = [rng.normal(size=3), rng.normal(size=(1, 3)).astype(np.float32), rng.normal(size=2)]
    vs = [rng.normal(size=x.shape).astype(x.dtype) for x in xs]
    found = ag.hvp(f, xs, vs)
    assert len(calls) == 1
    (a, b, _), (u, v, _) = xs, vs
    expected = [2 * b[0] * u + 2 * a * v[0], (2 * a * u)[None] + 2 * v, np.zeros(2)]
    for part, x, value in zip(found, xs, expected, strict=True):
        assert (part.shape, part.dtype) == (x.shape, x.dtype)
        np.testing.assert_allclose(part.data, value, rtol=1e-5)
    with pytest.raises(ValueError, match="hvp: got 3 primals and 2 tangents"):
        ag.hvp(f, xs, vs[:2])


def test_forward_mode_lets_go_of_tangents():
    def peak(count):
        def f(x):
            for _ in range(count):
                x = x * 0.9
            return x.sum()

        x = np.ones(1 << 17)
        ag.jvp(f, [x], [x])
        tracemalloc.start()
        ag.jvp(f, [x], [x])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40) < 1.5 * peak(10)
