"""`locate_wrong_node` and `check_node`: faults planted in nodes are found where they are, and nothing else is."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from samples import SAMPLES, Sample

import autograd as ag
import nn
from autograd.graph import Bundle, Node, ancestors
from autograd.kernels.deferred import evaluated
from autograd.numeric import check_node, locate_wrong_node
from autograd.primitive import Primitive, elementwise, primitive, registry
from autograd.tensor import Tensor


def leaf(values: Any, name: str | None = None) -> Tensor:
    return ag.tensor(values, requires_grad=True, name=name)


def recorded(sample: Sample, dtype: Any = np.float64) -> list[Tensor]:
    """The recorded results of a sample call, all of whose floating inputs require grad."""
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in sample.inputs(np.random.default_rng(1))]
    y = sample.call(*(ag.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays))
    return [part for part in (y if isinstance(y, (tuple, list)) else (y,)) if getattr(part, "node", None) is not None]


def scaled(value: Any, factor: float) -> Any:
    if value is None:
        return None
    if isinstance(value, Bundle):
        return Bundle({i: scaled(part, factor) for i, part in value.parts.items()}, value.count)
    if isinstance(value, tuple):
        return tuple(scaled(part, factor) for part in value)
    return factor * evaluated(value)


def plant(node: Node, factor: float, mode: str = "vjp") -> None:
    """Scale what the rules of one node return."""
    assert node.plan is not None
    node.plan = plan = copy.copy(node.plan)
    rules = plan.pulls if mode == "vjp" else plan.pushes
    faulty = tuple(lambda g, values, rule=rule: scaled(rule(g, values), factor) for rule in rules)
    setattr(plan, "pulls" if mode == "vjp" else "pushes", faulty)


def moves(node: Node) -> bool:
    """Whether the derivative of a node is anything but zero or empty, where it was recorded."""
    plan = node.plan
    assert plan is not None
    g: Any = np.random.default_rng(0).normal(size=node.shape) if node.shape is not None else None
    if g is None:
        return True
    shares = [evaluated(pull(g, node.values)) for pull in plan.pulls]
    return any(share is not None and np.any(share) for share in shares)


DIFFERENTIABLE = [name for name in SAMPLES if registry[name].differentiable]


PIECEWISE_CONSTANT = ("ceil", "floor", "floor_divide", "round", "sign", "trunc")


# No false alarms


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_library_s_own_rules_are_right(name: str, dtype: Any) -> None:
    outputs = [y for sample in SAMPLES[name] for y in recorded(sample, dtype)]
    found = locate_wrong_node(outputs)
    assert not found, found
    assert found.unchecked == ()


KINKS = {
    "relu at 0": lambda: ag.relu(leaf([[0.0, 1.0, -1.0]] * 3)),
    "abs at 0": lambda: ag.abs(leaf(np.zeros(5))),
    "many zeros": lambda: ag.relu(leaf(np.maximum(np.random.default_rng(0).normal(size=(50, 40)), 0))),
    "maximum of equals": lambda: ag.maximum(leaf([1.0, 2.0]), leaf([1.0, 3.0])),
    "maximum with itself": lambda: (lambda x: ag.maximum(x, x))(leaf([1.0, 2.0])),
    "max over equals": lambda: ag.max(leaf([[1.0, 1.0], [0.0, 0.0]]), axis=1),
    "max pooling of zeros": lambda: nn.functional.max_pool2d(leaf(np.zeros((1, 1, 6, 6))), 2),
    "sort of equals": lambda: ag.sort(leaf([1.0, 1.0, 0.0])),
    "clip at its bound": lambda: ag.clip(leaf([0.0, 0.5, 1.0]), 0, 1),
    "sqrt at 0": lambda: ag.sqrt(leaf([0.0, 1.0])),
    "norm at 0": lambda: ag.norm(leaf([0.0, 0.0])),
    "floor at its jump": lambda: ag.floor(leaf([1.0, 1.5])),
    "sign at 0": lambda: ag.sign(leaf([0.0, 1.0])),
    "square at 0": lambda: ag.square(leaf(np.zeros(4))),
    "log of tiny and huge": lambda: ag.log(leaf([1e-30, 1e-3, 1.0, 1e30])),
    "exp over many sizes": lambda: ag.exp(leaf([-80.0, -1.0, 0.0, 1e-9, 50.0])),
    "saturated": lambda: ag.sigmoid(leaf([-500.0, 500.0, 30.0])) + ag.tanh(leaf([-50.0, 0.0, 50.0])),
    "cancellation": lambda: ag.var(leaf(1e6 + np.random.default_rng(0).normal(size=20))),
    "float16": lambda: ag.sin(leaf(np.ones(3, np.float16))),
    "infinite inputs": lambda: ag.exp(leaf([-np.inf, 0.0])),
    "a mask of -inf": lambda: ag.softmax(
        ag.where(np.array([True, False, True]), leaf([1.0, 2.0, 3.0]), -np.inf), axis=0
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case", KINKS)
def test_kinks_ties_and_extremes_are_not_wrong(case: str) -> None:
    for seed in range(3):
        found = locate_wrong_node(KINKS[case](), seed=seed)
        assert not found, found


def test_a_rule_is_checked_beside_a_kink() -> None:
    x = leaf(np.zeros(5))
    y = ag.relu(x)
    assert check_node(y.grad_fn).checked
    plant(y.grad_fn, 2.0)
    assert not check_node(y.grad_fn)


# Every primitive


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if name not in ("output", *PIECEWISE_CONSTANT)])
def test_a_fault_in_any_primitive_is_found(name: str) -> None:
    """In all samples of it whose derivative is not zero throughout; each is recorded once for each fault."""
    wanted = []
    outputs = []
    for factor, mode in ((2.0, "vjp"), (-1.0, "vjp"), (1.01, "vjp"), (1.01, "jvp")):
        for sample in SAMPLES[name]:
            results = recorded(sample)
            nodes = [n for n in ancestors([t.node for t in results]) if n.op == name and moves(n)]  # type: ignore[misc]
            if nodes and all(t.size for t in results):
                plant(nodes[0], factor, mode)
                wanted.append((nodes[0], mode))
                outputs += results
    assert wanted
    found = locate_wrong_node(outputs)
    assert [(check.node, {m.mode for m in check.mismatches}) for check in found] == [(n, {mode}) for n, mode in wanted]


# Planted in a large network

BLOCKS = 160
OPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "multiply": lambda h, w: h * w,
    "matmul": lambda h, w: h @ (w * np.ones((4, 4))),
    "add": lambda h, w: h + w,
    "tanh": lambda h, w: ag.tanh(h),
    "transpose": lambda h, w: h.T,
    "softmax": lambda h, w: ag.softmax(h, axis=1),
    "relu": lambda h, w: ag.relu(h),
    "sum": lambda h, w: h + h.sum(axis=0),
    "concatenate": lambda h, w: ag.concatenate([h[:2], h[2:]]),
}


def network() -> tuple[Tensor, list[Tensor]]:
    """A thousand nodes and more, of all operations, in a random order."""
    rng = np.random.default_rng(7)
    h, w = leaf(rng.normal(size=(4, 4)), "x"), leaf(rng.normal(size=4), "w")
    results = []
    for k in range(BLOCKS):
        names = list(OPS)
        for name in rng.permutation(names):
            h = OPS[name](h, w)
            results.append(h)
        h = ag.sin(h * (1 + k % 3)) + 0.5
    return h.sum(), results


def test_a_fault_anywhere_in_a_thousand_nodes_is_located() -> None:
    """Node, operation and line, every time; each kind of operation is hit, early and late."""
    loss, _ = network()
    order = [n for n in ancestors([loss.node]) if n.plan is not None]  # type: ignore[list-item]
    assert len(order) > 1000
    assert not locate_wrong_node(loss)
    lines, first = inspect.getsourcelines(sys.modules[__name__])
    assert first == 0
    planted: list[tuple[Node, Any]] = []
    rng = np.random.default_rng(3)
    for op in sorted({n.op for n in order}):
        nodes = [n for n in order if n.op == op and moves(n)]
        for n in {nodes[0], nodes[-1], nodes[rng.integers(len(nodes))]}:
            planted.append((n, n.plan))
            plant(n, float(rng.choice([2, -1, 0, 0.9])))
    found = locate_wrong_node(loss)
    assert {check.node for check in found} == {n for n, _ in planted}
    for check in found:
        assert f"{__file__}:" in check.node.source
        text = check.node.source.split(": ", 1)[1]
        assert text in {line.strip() for line in lines}
        assert repr(check).startswith(f"'{check.node.op}' has a wrong derivative; made at {check.node.source}")


@pytest.mark.parametrize("position", range(0, 1000, 199))
def test_a_single_fault_among_a_thousand_nodes(position: int) -> None:
    loss, _ = network()
    order = [n for n in ancestors([loss.node]) if n.plan is not None]  # type: ignore[list-item]
    plant(order[position], -1.0)
    (found,) = locate_wrong_node(loss)
    assert found.node is order[position]
    assert found.worst is not None
    assert found.worst.numeric == pytest.approx(-found.worst.analytic)
    assert "sign" in found.worst.hint or "opposite" in found.worst.hint


def test_ten_thousand_nodes() -> None:
    x, w = leaf(np.linspace(0.1, 1, 4)), leaf(np.linspace(0.2, 1, 4))
    h = x
    for _ in range(3333):
        h = ag.sin(h * w + x)
    nodes = [n for n in ancestors([h.node]) if n.plan is not None]  # type: ignore[list-item]
    plant(nodes[5000], 2.0)
    found = locate_wrong_node(h, progress=False)
    assert [check.node for check in found] == [nodes[5000]]
    assert found.checked == 9999


# What a user declares


def test_custom_primitives_are_checked_in_the_same_way() -> None:
    def swish(x: Any) -> Any:
        return x / (1 + np.exp(-x))

    wrong = elementwise(lambda x: 1 / (1 + np.exp(-x)))(swish)
    x = leaf(np.linspace(-1, 2, 6, dtype=np.float32).reshape(2, 3), "x")
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    y = wrong(x * 2).sum()
    (found,) = locate_wrong_node(y)
    assert found.node.op == "swish"
    assert found.node.source.startswith(f"{__file__}:{line}: y = wrong(x * 2).sum()")
    assert "x: shape (2, 3) float32, result of 'multiply' made at" in found.inputs[0]
    text = repr(locate_wrong_node(y))
    assert text.startswith("1 of 3 recorded operations has a wrong derivative")
    assert "vjp by x at" in text


def test_custom_vjp_and_custom_jvp() -> None:
    cube = ag.custom_vjp(lambda g, x: 2 * g * x * x)(lambda x: x**3)
    right = ag.custom_vjp(lambda g, x: 3 * g * x * x)(lambda x: x**3)
    pushed = ag.custom_jvp(lambda t, x: 2 * x * t)(lambda x: x**3)
    x = leaf([1.0, 2.0])
    assert [c.node.op for c in locate_wrong_node((right(x) + cube(x)).sum())] == ["<lambda>"]
    assert not locate_wrong_node(right(x).sum())
    assert locate_wrong_node(pushed(x).sum())


def test_a_rule_in_plain_numpy_has_no_forward_mode_and_is_right_all_the_same() -> None:
    @ag.custom_vjp(lambda g, x: np.array([2 * a * b for a, b in zip(np.asarray(g), np.asarray(x))]))
    def square(x: Any) -> Any:
        return x * x

    found = locate_wrong_node(square(leaf([1.0, 2.0])))
    assert not found


def test_a_rule_that_forgets_to_name_an_input() -> None:
    """The input it needs is not saved; it is taken from elsewhere, or stood in for."""
    wrong = elementwise(1)(square_of)
    x = leaf([0.3, 0.7, 2.0])
    for build in (lambda: wrong(x), lambda: wrong(ag.sin(x)), lambda: wrong(x + np.array([5.0, 6.0, 7.0]))):
        (found,) = locate_wrong_node(build())
        assert found.node.op == "square_of"


def square_of(x: Any) -> Any:
    return np.square(x)


def test_domains_of_stand_ins() -> None:
    def logarithm(x: Any) -> Any:
        return np.log(x)

    wrong = elementwise(1)(logarithm)
    x = leaf([0.3, 0.7])
    found = locate_wrong_node(wrong(x * np.array([1.0, 2.0]) + 3))
    assert [c.node.op for c in found] == ["logarithm"]
    assert found.unchecked == ()


def test_a_rule_of_the_wrong_shape_is_broken() -> None:
    @primitive(vjps=[lambda g, x_shape: g[:, None, None]], jvps=[lambda t, axis: t.sum(axis=axis)])
    def rows(x: Any, axis: int) -> Any:
        return x.sum(axis=axis)

    (found,) = locate_wrong_node(rows(leaf(np.ones((2, 3))), 1))
    assert "returns shape (2, 1, 1) for an input of shape (2, 3)" in repr(found)


def test_a_rule_that_gives_nan_is_wrong() -> None:
    x = leaf([1.0, 2.0, 3.0])
    y = ag.exp(x).sum()
    node = y.grad_fn.parents[0]
    plant(node, np.nan)
    assert [c.node for c in locate_wrong_node(y)] == [node]


def test_one_element_of_a_large_input() -> None:
    rng = np.random.default_rng(0)
    x = leaf(rng.normal(size=(60, 50)))
    y = x @ rng.normal(size=(50, 40))
    node = y.grad_fn
    node.plan = plan = copy.copy(node.plan)
    mask = np.ones((60, 50))
    mask[17, 33] = 1.5
    plan.pulls = tuple(lambda g, values, rule=rule: rule(g, values) * mask for rule in plan.pulls)
    (found,) = locate_wrong_node(y)
    (mismatch,) = found.mismatches
    assert mismatch.mode == "vjp"
    assert mismatch.index == (17, 33)
    assert mismatch.analytic == pytest.approx(1.5 * mismatch.numeric)


def test_large_tensors_are_checked_by_projections() -> None:
    x = leaf(np.random.default_rng(0).normal(size=(200, 500)))
    w = leaf(np.random.default_rng(1).normal(size=(500, 300)))
    loss = ag.logsumexp(ag.relu(x @ w), axis=1).sum()
    assert not locate_wrong_node(loss)
    plant(loss.grad_fn.parents[0].parents[0], 1.001)
    assert [c.node.op for c in locate_wrong_node(loss)] == ["relu"]


# Networks


def test_a_convolutional_network_is_right_and_names_its_parameters() -> None:
    model = nn.models.LeNet5(activation="relu", pooling="max")
    loss = nn.functional.cross_entropy(model(ag.randn(2, 1, 32, 32)), ag.tensor([3, 7]))
    found = locate_wrong_node(loss)
    assert not found, found
    assert found.unchecked == ()
    node = next(n for n in ancestors([loss.node]) if n.op == "einsum")  # type: ignore[list-item]
    plant(node, 2.0)
    (check,) = locate_wrong_node(loss)
    assert check.node is node
    name = next(iter(dict(model.named_parameters())))
    assert any(f"leaf {name!r}" in described for described in check.inputs), check.inputs


def test_inside_a_checkpoint() -> None:
    wrong = elementwise(lambda x: x)(square_of)
    x = leaf([1.0, 2.0])
    right = ag.checkpoint(lambda x: ag.sin(x) * ag.exp(x), x)
    assert not locate_wrong_node(right)
    assert check_node(right.grad_fn)
    y = ag.checkpoint(lambda x: ag.sin(wrong(x)), right)
    assert [c.node.op for c in locate_wrong_node(y)] == ["square_of"]
    check = check_node(y.grad_fn)
    assert not check
    assert "square_of" in check.reason


def test_the_gradient_s_own_graph() -> None:
    x = leaf([0.5, 1.0])
    (g,) = ag.gradients((ag.sin(x) * ag.exp(x)).sum(), x, create_graph=True)
    assert not locate_wrong_node(g)
    node = next(n for n in ancestors([g.node]) if n.op == "cos")
    plant(node, 2.0)
    assert [c.node for c in locate_wrong_node(g)] == [node]


def test_after_an_optimizer_step() -> None:
    """A leaf that was written into is no obstacle: the rule is then checked at its new values."""
    w = leaf([1.0, 2.0])
    y = ag.sin(w * w)
    with ag.no_grad():
        w += 1.0
    assert not locate_wrong_node(y)


# check_node


def test_check_node() -> None:
    x = leaf([0.5, 1.0], "x")
    y = ag.sin(x)
    check = check_node(y.grad_fn)
    assert check
    assert check.ok
    assert check.worst is None
    assert check.reason == "right"
    plant(y.grad_fn, 2.0)
    check = check_node(y.grad_fn)
    assert not check
    assert check.worst is not None
    assert check.worst.input == "x"
    assert check.worst.analytic == pytest.approx(2 * check.worst.numeric)
    assert "twice" in check.reason
    assert check.inputs == ("x: shape (2,) float32, leaf 'x'",)


def test_check_node_takes_values() -> None:
    def steep(x: Any) -> Any:
        return np.where(x > 100, x * x, x)

    wrong = elementwise(1)(steep)
    x = leaf([1.0, 2.0])
    h = ag.sin(x)
    y = wrong(h)
    node, parent = y.grad_fn, h.node
    del h
    assert check_node(node, {parent: np.array([0.1, 0.2])})
    assert not check_node(node, {parent: np.array([200.0, 300.0])})


def test_check_node_of_a_leaf() -> None:
    with pytest.raises(ValueError, match="check_node: a leaf has no rule"):
        check_node(leaf(1.0).node)


# Reports


def test_the_report_is_a_collection() -> None:
    x = leaf([0.5, 1.0])
    y = ag.sin(x)
    nothing = locate_wrong_node(y)
    assert not nothing
    assert len(nothing) == 0
    assert list(nothing) == []
    assert repr(nothing) == "0 of 1 recorded operations have a wrong derivative"
    assert nothing._repr_html_() == "<p>0 of 1 recorded operations have a wrong derivative</p>"
    plant(y.node, 0.0)
    found = locate_wrong_node(y)
    assert found
    assert found[0].node is y.node
    html = found._repr_html_()
    assert html.count("<tr>") == 2
    assert "<b>sin</b>" in html
    assert "no path leads back" in html


def test_one_of_several_results_is_no_rule_of_its_own() -> None:
    first, second = ag.split(leaf([1.0, 2.0, 3.0, 4.0]), 2)
    check = check_node(first.node)
    assert check
    assert check.reason == "right (it is one of the results of 'split', whose rule it is)"
    assert locate_wrong_node(first * second).checked == 2


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2)])
@pytest.mark.parametrize("name", ["output", "eigh"])
def test_a_custom_operation_may_be_called_as_ours_are(name: str, shape: tuple[int, ...]) -> None:
    def square(x: Any) -> Any:
        return x * x

    square.__name__ = name
    x = leaf(np.random.default_rng(0).uniform(1, 2, shape))
    assert not locate_wrong_node(ag.custom_vjp(lambda g, x: 2 * g * x)(square)(x).sum())
    (wrong,) = locate_wrong_node(ag.custom_vjp(lambda g, x: 3 * g * x)(square)(x).sum())
    assert wrong.node.op == name


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_very_small_and_very_large_inputs_are_checked(size: float) -> None:
    found = locate_wrong_node(ag.log(leaf(np.array([size, 2 * size]))))
    assert not found
    assert not found.unchecked
    y = ag.log(leaf(np.array([size, 2 * size])))
    plant(y.node, 2.0)
    assert locate_wrong_node(y)


def test_what_cannot_be_checked_is_said() -> None:
    x = leaf([np.nan, np.nan])
    found = locate_wrong_node(ag.exp(x))
    assert not found
    assert "1 could not be checked (exp: see .unchecked)" in repr(found)
    assert "was not checked" in repr(found.unchecked[0])


def test_a_fault_in_a_notebook_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter's cells have the names of files that do not exist; the shell knows their numbers."""
    filename = "/tmp/ipykernel_123/456.py"
    names: dict[str, Any] = {"ag": ag, "x": leaf([0.5, 1.0])}
    exec(compile("y = x * 2\nz = ag.sin(y)\n", filename, "exec"), names)
    plant(names["z"].node, 2.0)
    compiler = SimpleNamespace(format_code_name=lambda name: ("Cell", "In[3]") if name == filename else None)
    shell = SimpleNamespace(compile=compiler)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    assert "made at cell In[3], line 2" in repr(locate_wrong_node(names["z"]))


# Errors


def test_a_graph_that_was_freed() -> None:
    x = leaf([0.5, 1.0])
    y = ag.sin(x).sum()
    y.backward()
    for look in (lambda: locate_wrong_node(y), lambda: check_node(y.node)):
        with pytest.raises(
            RuntimeError, match=r"already used and freed .* call backward\(retain_graph=True\); node made"
        ):
            look()
    z = ag.sin(x).sum()
    z.backward(retain_graph=True)
    assert not locate_wrong_node(z)


def test_what_was_not_recorded() -> None:
    with pytest.raises(RuntimeError, match="locate_wrong_node: the tensor does not require grad"):
        locate_wrong_node(ag.tensor(1.0))
    with pytest.raises(TypeError, match="locate_wrong_node: wants recorded tensors, got ndarray"):
        locate_wrong_node([np.ones(2)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="locate_wrong_node: wants recorded tensors, got float"):
        locate_wrong_node(1.0)  # type: ignore[arg-type]


def test_nothing_is_left_behind() -> None:
    """The graph, its values and its gradients are as before."""
    x = leaf([0.5, 1.0])
    y = (ag.sin(x) * x).sum()
    before = [n.values for n in ancestors([y.node])]  # type: ignore[list-item]
    locate_wrong_node(y)
    assert all(a is b for a, b in zip(before, [n.values for n in ancestors([y.node])]))  # type: ignore[list-item]
    assert x.grad is None
    y.backward()
    np.testing.assert_allclose(x.grad.data, np.cos(x.data) * x.data + np.sin(x.data))
    assert isinstance(registry["sin"], Primitive)


@ag.custom_vjp(lambda g, x: 2 * g * (x * x) / x)
def divided(x: Any) -> Any:
    return x * x


@ag.custom_vjp(lambda g, x: g * np.where(x == 1, np.inf, 2 * x))
def infinite(x: Any) -> Any:
    return x * x


@ag.custom_jvp(lambda t, x: t * ag.where(ag.equal(x, 1), np.inf, 2 * x))
def infinite_forward(x: Any) -> Any:
    return x * x


@pytest.mark.parametrize(("rule", "place"), [(divided, 0), (infinite, 1), (infinite_forward, 1)])
@pytest.mark.parametrize("count", [3, 400])
def test_rules_that_are_not_finite_where_the_slope_is(rule: Any, place: int, count: int) -> None:
    x = ag.tensor(np.concatenate([[0.0, 1.0, 2.0], np.linspace(3, 4, count - 3)]), requires_grad=True)
    found = ag.locate_wrong_node(rule(x).sum())
    assert [check.node.op for check in found] == [rule.__name__]
    assert all((place,) in (m.index, m.output) and not np.isfinite(m.analytic) for m in found[0].mismatches)
    assert "not finite, where the function's slope is" in repr(found)


def test_slopes_that_are_infinite_are_right() -> None:
    x = ag.tensor(np.array([0.0, 1.0, 4.0]), requires_grad=True)
    assert not ag.locate_wrong_node((ag.sqrt(x) * x).sum())


def test_a_jvp_that_is_zero_at_one_element_is_not_said_to_be_zero_everywhere() -> None:
    @ag.custom_vjp(lambda g, x: g * np.where(x > 0, np.exp(x), 0.0))
    def exponential(x: Any) -> Any:
        return np.exp(x)

    said = repr(ag.locate_wrong_node(exponential(ag.tensor(np.array([-1.0, 1.0]), requires_grad=True)).sum()))
    assert "the rule gives zero" in said
    assert "everywhere" not in said


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_operations_of_any_number_of_operands_are_checked(count: int) -> None:
    operands = [leaf(np.random.default_rng(i).normal(size=3)) for i in range(count)]
    for y in (ag.concatenate(operands), ag.stack(operands), ag.einsum(",".join("i" * count) + "->", *operands)):
        found = locate_wrong_node((y * y).sum())
        assert not found
        assert not found.unchecked


def test_a_wrong_rule_before_a_recurrent_layer_is_located() -> None:
    @ag.custom_vjp(lambda g, x: 3 * g)
    def double(x: Any) -> Any:
        return 2 * x

    x = ag.randn(6, 2, 3).requires_grad_()
    found = locate_wrong_node(nn.GRU(3, 4)(double(x))[0].sum())
    assert [check.node.op for check in found] == ["double"]
