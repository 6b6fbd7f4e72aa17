"""Every optimizer against PyTorch's, in float64: trajectories, groups, state; and what goes wrong."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import optim
from autograd import tensor
from autograd.graph import reverse_sweep, run
from autograd.tensor import Tensor

torch = pytest.importorskip("torch")

STEPS = 100
SHAPES = [(3, 4), (), (5,), (2, 1, 3), (0, 2)]
SHAPES_OF = {  # PyTorch's Adafactor fails for empty parameters
    "Adafactor": [(3, 4), (), (5,), (2, 1, 3), (4, 2)],
    "Muon": [(3, 4), (4, 3), (5, 5), (1, 6), (7, 1)],
}

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": -0.5}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("Adagrad", {"maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.8}),
    ("RMSprop", {"centered": True, "eps": 1e-4}),
    ("RMSprop", {"centered": True, "eps": 1e-4, "momentum": 0.8, "maximize": True, "weight_decay": 0.02}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "maximize": True}),
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"maximize": True, "betas": (0.5, 0.7)}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.6, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {"maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "betas": (0.8, 0.6), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1, "momentum_decay": 0.3}),
    ("NAdam", {"maximize": True, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("RAdam", {"betas": (0.8, 0.5)}),
    ("RAdam", {"maximize": True, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.6, "t0": 10, "weight_decay": 0.05}),
    ("ASGD", {"t0": 0, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.05, "step_sizes": (0, 0.2)}),
    ("Rprop", {"lr": 0.05, "step_sizes": (0.1, 0.1)}),
    ("Rprop", {"lr": 0.05, "etas": (0.3, 1.5), "step_sizes": (0.01, 0.2), "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.3, "beta2_decay": -0.5, "eps": (1e-2, 1e-1), "d": 2.0, "weight_decay": 0.1}),
    ("Adafactor", {"maximize": True, "d": 1.5}),
    ("Muon", {}),
    ("Muon", {"lr": 0.05, "momentum": 0.8, "nesterov": False, "weight_decay": 0.0, "adjust_lr_fn": "original"}),
    ("Muon", {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 7, "eps": 0.3, "adjust_lr_fn": "match_rms_adamw"}),
]
NAMES = sorted({name for name, _ in VARIANTS})
IDS = [f"{name}-{','.join(options)}" for name, options in VARIANTS]


@pytest.fixture(autouse=True)
def _torch_computes_in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PyTorch keeps NAdam's and ASGD's numbers in its default dtype, and rounds Muon's matrices to bfloat16."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Pair:
    """The same parameters here and in PyTorch, each with an optimizer of the same name and options."""

    def __init__(self, name: str, options: dict[str, Any], dtype: type = np.float64, groups: bool = True) -> None:
        self.rng = np.random.default_rng(0)
        starts = [self.rng.normal(size=shape).astype(dtype) for shape in SHAPES_OF.get(name, SHAPES)]
        self.ours = [tensor(a, requires_grad=True) for a in starts]
        self.theirs = [torch.tensor(a, requires_grad=True) for a in starts]
        self.a, self.b = (
            getattr(module, name)(self.grouped(params) if groups else params, **options)
            for module, params in ((optim, self.ours), (torch.optim, self.theirs))
        )

    @staticmethod
    def grouped(params: list[Any]) -> list[dict[str, Any]]:
        return [{"params": params[:2]}, {"params": params[2:], "lr": 0.02, "weight_decay": 0.05}]

    def step(self, times: int, rtol: float = 1e-10) -> None:
        for _ in range(times):
            for i, (p, q) in enumerate(zip(self.ours, self.theirs, strict=True)):
                if self.rng.random() < 0.1:  # a parameter that took no part
                    p.grad = q.grad = None
                    continue
                scale = 10.0 ** (i - 2)
                g = (np.sin(3 * p.data) + self.rng.normal(size=p.shape)) * scale
                g = np.asarray(g, p.dtype)
                p.grad = tensor(g)
                q.grad = torch.tensor(g)
            self.a.step()
            self.b.step()
            self.compare(rtol)

    def compare(self, rtol: float) -> None:
        for p, q in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_trajectory(name: str, options: dict[str, Any]) -> None:
    Pair(name, options).step(STEPS)


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_and_agrees(name: str) -> None:
    pair = Pair(name, {"lr": 0.01, **({"momentum": 0.9} if name == "SGD" else {})}, np.float32)
    pair.step(STEPS, rtol=1e-4)
    kept = [array for state in pair.a.state.values() for array in state.values() if isinstance(array, np.ndarray)]
    assert kept
    assert {array.dtype for array in kept} == {np.dtype(np.float32)}
    assert all(p.dtype == np.float32 for p in pair.ours)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_blocks_and_layouts_agree(name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks, several threads, Fortran-ordered parameters and transposed gradients change nothing."""
    rng = np.random.default_rng(1)
    start, grads = rng.normal(size=(7, 5)), rng.normal(size=(4, 7, 5))
    results = []
    for block, shared, order in ((99, 99, "C"), (4, 99, "C"), (4, 99, "F"), (99, 4, "C"), (99, 30, "C")):
        monkeypatch.setattr("optim.changes.BLOCK", block)
        monkeypatch.setattr("optim.changes.SHARED", shared)
        p = tensor(np.array(start, order=order), requires_grad=True)
        optimizer = getattr(optim, name)([p], **options)
        for g in grads:
            p.grad = tensor(np.array(g, order="F"))
            optimizer.step()
        results.append(p.data)
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-13)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_state_dict_has_torchs_structure(name: str, options: dict[str, Any]) -> None:
    pair = Pair(name, options)
    pair.step(7)
    ours, theirs = pair.a.state_dict(), pair.b.state_dict()
    assert ours["state"].keys() == theirs["state"].keys()
    for i, state in ours["state"].items():
        assert state.keys() == theirs["state"][i].keys()
        for key, value in state.items():
            assert isinstance(value, Tensor)
            np.testing.assert_allclose(value.data, theirs["state"][i][key].numpy(), rtol=1e-9, atol=1e-12)
    switches = {"foreach", "fused", "capturable", "differentiable"}
    assert ours["param_groups"] == [
        {key: value for key, value in group.items() if key not in switches} for group in theirs["param_groups"]
    ]


@pytest.mark.parametrize("source", ["ours", "torch"])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_load_state_dict_goes_on(name: str, options: dict[str, Any], source: str) -> None:
    pair = Pair(name, options)
    pair.step(20)
    saved = pair.a.state_dict() if source == "ours" else pair.b.state_dict()
    fresh = getattr(optim, name)(pair.grouped(pair.ours), lr=123.0)
    fresh.load_state_dict(saved)
    pair.a = fresh
    pair.step(20)


def test_state_dict_is_a_copy() -> None:
    pair = Pair("Adam", {})
    pair.step(3)
    saved = pair.a.state_dict()
    before = copy.deepcopy(saved)
    pair.step(3)
    pair.a.param_groups[0]["lr"] = 5.0
    for i, state in saved["state"].items():
        for key, value in state.items():
            np.testing.assert_array_equal(value.data, before["state"][i][key].data)
    assert saved["param_groups"] == before["param_groups"]
    pair.a.load_state_dict(saved)
    pair.a.step()
    np.testing.assert_array_equal(saved["state"][0]["exp_avg"].data, before["state"][0]["exp_avg"].data)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_go_on_alike(clone: Any) -> None:
    p = tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.Adam([p])
    p.grad = tensor([0.5, -1.0])
    optimizer.step()
    q, other = clone((p, optimizer))
    for x, o in ((p, optimizer), (q, other)):
        x.grad = tensor([0.25, 1.0])
        o.step()
    np.testing.assert_array_equal(p.data, q.data)


def test_groups_added_later() -> None:
    pair = Pair("Adagrad", {"initial_accumulator_value": 0.5}, groups=False)
    pair.step(3)
    start = np.ones(3)
    pair.ours.append(tensor(start, requires_grad=True))
    pair.theirs.append(torch.tensor(start, requires_grad=True))
    pair.a.add_param_group({"params": pair.ours[-1], "lr": 0.3})
    pair.b.add_param_group({"params": pair.theirs[-1], "lr": 0.3})
    pair.step(10)


def test_options_changed_between_steps() -> None:
    pair = Pair("SGD", {"lr": 0.1})
    pair.step(3)
    for optimizer in (pair.a, pair.b):
        optimizer.param_groups[0].update(lr=0.01, momentum=0.9)
    pair.step(5)
    pair.a.param_groups[0]["momentum"] = 0
    pair.a.load_state_dict(pair.a.state_dict())


def test_named_parameters() -> None:
    p, q = tensor([1.0], requires_grad=True), tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([("weight", p), ("bias", q)], lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is p
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="either all parameter groups have names or none"):
        optimizer.add_param_group({"params": [tensor([1.0], requires_grad=True)]})


def test_given_groups_are_not_changed() -> None:
    p = tensor([1.0], requires_grad=True)
    group = {"params": (p,), "lr": 0.5}
    optim.SGD([group])
    assert group == {"params": (p,), "lr": 0.5}


def test_step_without_gradients_changes_nothing() -> None:
    p, frozen = tensor([1.0], requires_grad=True), tensor([1.0])
    optimizer = optim.Adam([p, frozen])
    assert optimizer.step() is None
    assert p.tolist() == frozen.tolist() == [1.0]
    assert optimizer.state_dict()["state"] == {}


def test_closure_and_zero_grad() -> None:
    p = tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.25)

    def closure() -> float:
        optimizer.zero_grad()
        p.grad = tensor(2 * p.data)
        return float((p.data**2).sum())

    assert optimizer.step(closure) == 5.0
    assert p.tolist() == [0.5, 1.0]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is not None
    assert p.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_a_stale_graph_is_noticed() -> None:
    p = tensor([1.0, 2.0], requires_grad=True)
    y = p * p
    p.grad = tensor([1.0, 1.0])
    optim.SGD([p], lr=0.1).step()
    assert y.node is not None
    with pytest.raises(RuntimeError, match="written into after the operation ran"):
        run(reverse_sweep({y.node: np.ones(2, np.float32)}))


def test_the_update_is_in_place() -> None:
    p = tensor([1.0, 2.0], requires_grad=True)
    array = p.array
    p.grad = tensor([1.0, 1.0])
    optim.AdamW([p]).step()
    assert p.array is array
    assert not array.flags.writeable


def test_repr() -> None:
    p, q = tensor([1.0], requires_grad=True), tensor([1.0], requires_grad=True)
    text = repr(optim.SGD([{"params": p}, {"params": q, "lr": 0.5}], lr=0.1))
    assert text.splitlines()[:7] == [
        "SGD (",
        "Parameter Group 0",
        "    dampening: 0",
        "    lr: 0.1",
        "    maximize: False",
        "    momentum: 0",
        "    nesterov: False",
    ]
    assert "Parameter Group 1" in text
    assert "lr: 0.5" in text


def leaf() -> Tensor:
    return tensor([1.0], requires_grad=True)


P = leaf()
P.grad = tensor([1.0])
M = tensor([[1.0]], requires_grad=True)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.SGD([]), ValueError, "SGD: got an empty list of parameters; .* in an nn.ModuleList, but not in"),
        (lambda: optim.SGD(nn.Linear(2, 3)), TypeError, r"SGD: wants model.parameters\(\), got the Linear itself"),
        (lambda: optim.SGD(nn.Sequential(nn.ReLU())), TypeError, r"wants model.parameters\(\), got the Sequential"),
        (lambda: optim.SGD([P], lr="0.1"), TypeError, "SGD: an option is of a wrong type .*: lr='0.1', momentum=0, "),
        (lambda: optim.Adam([P], 0.1, 0.9), TypeError, "Adam: an option is of a wrong type .*: lr=0.1, betas=0.9, "),
        (lambda: optim.Adam([{"params": P, "lr": None}]), TypeError, "Adam: an option is of a wrong type .*: lr=None"),
        (lambda: optim.SGD(P), TypeError, "SGD: wants an iterable of tensors or of dicts, got a single Tensor"),
        (lambda: optim.SGD([P, P]), ValueError, "SGD: parameter 1 of group 0 is given twice"),
        (lambda: optim.SGD([{"params": P}, {"params": [P]}]), ValueError, "parameter 0 of group 1 is given twice"),
        (lambda: optim.SGD([np.ones(2)]), TypeError, "parameter 0 of group 0 is no Tensor but of type ndarray"),
        (lambda: optim.SGD([P * 2]), ValueError, "parameter 0 of group 0 is no leaf: 'multiply' made it"),
        (lambda: optim.SGD([{"lr": 1.0}]), ValueError, "needs the key 'params'"),
        (lambda: optim.SGD([{"params": {P}}]), TypeError, "got a set, use a list"),
        (lambda: optim.SGD([P]).add_param_group([leaf()]), TypeError, "a parameter group is a dict, got list"),
        (lambda: optim.SGD([P], lr=-1), ValueError, "SGD: wants lr >= 0, got -1"),
        (lambda: optim.SGD([{"params": P, "lr": 0.1}], lr=-1), ValueError, "SGD: wants lr >= 0, got -1"),
        (lambda: optim.SGD([P], lr=float("nan")), ValueError, "SGD: wants lr >= 0, got nan"),
        (lambda: optim.SGD([P], momentum=-0.1), ValueError, "wants momentum >= 0, got -0.1"),
        (lambda: optim.SGD([P], nesterov=True), ValueError, "nesterov wants momentum > 0 and dampening = 0"),
        (
            lambda: optim.SGD([P], momentum=0.9, dampening=0.1, nesterov=True),
            ValueError,
            "nesterov wants momentum > 0 and dampening = 0",
        ),
        (lambda: optim.SGD([{"params": P, "weight_decay": -1}]), ValueError, "wants weight_decay >= 0, got -1"),
        (lambda: optim.Adagrad([P], lr_decay=-1), ValueError, "Adagrad: wants lr_decay >= 0, got -1"),
        (lambda: optim.RMSprop([P], alpha=-1), ValueError, "RMSprop: wants alpha >= 0, got -1"),
        (
            lambda: optim.Adam([P], betas=(0.9, 1.0)),
            ValueError,
            r"Adam: wants both betas in \[0, 1\), got \(0.9, 1.0\)",
        ),
        (lambda: optim.AdamW([P], eps=-1), ValueError, "AdamW: wants eps >= 0, got -1"),
        (lambda: optim.Adadelta([P], rho=1.5), ValueError, r"Adadelta: wants rho in \[0, 1\], got 1.5"),
        (lambda: optim.Adamax([P], betas=(-0.1, 0.9)), ValueError, r"Adamax: wants both betas in \[0, 1\)"),
        (lambda: optim.NAdam([P], momentum_decay=-1), ValueError, "NAdam: wants momentum_decay >= 0, got -1"),
        (lambda: optim.NAdam([P], betas=(0.9, 1)), ValueError, r"NAdam: wants both betas in \[0, 1\)"),
        (lambda: optim.RAdam([P], betas=(1, 0.9)), ValueError, r"RAdam: wants both betas in \[0, 1\)"),
        (lambda: optim.ASGD([P], lambd=-1), ValueError, "ASGD: wants lambd >= 0, got -1"),
        (lambda: optim.Rprop([P], etas=(0.5, 1.0)), ValueError, r"Rprop: wants etas with .*, got \(0.5, 1.0\)"),
        (lambda: optim.Rprop([P], etas=(0.0, 1.2)), ValueError, r"Rprop: wants etas with .*, got \(0.0, 1.2\)"),
        (lambda: optim.Rprop([P], etas=(1.0, 1.2)), ValueError, r"Rprop: wants etas with .*, got \(1.0, 1.2\)"),
        (lambda: optim.Rprop([P], step_sizes=(2, 1)), ValueError, r"Rprop: wants step_sizes with .*, got \(2, 1\)"),
        (lambda: optim.Adafactor([P], beta2_decay=0.5), ValueError, "Adafactor: wants beta2_decay <= 0, got 0.5"),
        (lambda: optim.Adafactor([P], eps=(-1, 0)), ValueError, r"Adafactor: wants eps of .*, got \(-1, 0\)"),
        (lambda: optim.Adafactor([P], d=0.5), ValueError, "Adafactor: wants d >= 1, got 0.5"),
        (lambda: optim.Muon([P]), ValueError, r"Muon: wants .* two axes, but parameter 0 of group 0 has shape \(1,\)"),
        (lambda: optim.Muon([M], ns_coefficients=(1, 2)), ValueError, "Muon: wants three ns_coefficients"),
        (lambda: optim.Muon([M], ns_steps=100), ValueError, r"Muon: wants ns_steps in \[0, 100\), got 100"),
        (lambda: optim.Muon([M], adjust_lr_fn="x"), ValueError, "Muon: wants adjust_lr_fn .*, got 'x'"),
        (lambda: optim.Optimizer([P], {}).step(), NotImplementedError, "Optimizer does not define update"),
    ],
)
def test_errors(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


NEGATIVE = {
    "SGD": ("lr", "momentum", "weight_decay"),
    "Adagrad": ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
    "RMSprop": ("lr", "alpha", "eps", "weight_decay", "momentum"),
    "Adam": ("lr", "eps", "weight_decay"),
    "Adadelta": ("lr", "rho", "eps", "weight_decay"),
    "Adamax": ("lr", "eps", "weight_decay"),
    "NAdam": ("lr", "eps", "weight_decay", "momentum_decay"),
    "RAdam": ("lr", "eps", "weight_decay"),
    "ASGD": ("lr", "weight_decay"),
    "Rprop": ("lr",),
    "Adafactor": ("lr", "weight_decay"),
    "Muon": ("lr", "momentum", "weight_decay"),
}


@pytest.mark.parametrize(("name", "option"), [(name, option) for name in NEGATIVE for option in NEGATIVE[name]])
def test_negative_options_are_refused_as_by_pytorch(name: str, option: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: wants {option} "):
        getattr(optim, name)([M], **{option: -0.5})
    with pytest.raises(ValueError, match=r"(?i)-0\.5"):
        getattr(torch.optim, name)([torch.ones(1, 1, requires_grad=True)], **{option: -0.5})
    getattr(optim, name)([M], **{option: 0.0})


def adam_state(**changes: Any) -> dict[str, Any]:
    p = leaf()
    optimizer = optim.Adam([p])
    p.grad = tensor([1.0])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0].update(changes)
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"param_groups": []}, r"wants the keys 'state' and 'param_groups', got \['param_groups'\]"),
        ({"state": {}, "param_groups": []}, r"has groups of \[1\] parameters, the state dict of \[\]"),
        (optim.Adam([leaf(), leaf()]).state_dict(), r"has groups of \[1\] parameters, the state dict of \[2\]"),
        (adam_state() | {"state": {3: {}}}, "state is given for parameter 3, which is in no group"),
        (adam_state(exp_avg=None), "holds step, exp_avg_sq; wants step, exp_avg, exp_avg_sq"),
        (adam_state(momentum_buffer=tensor([1.0])), "momentum_buffer; wants step, exp_avg, exp_avg_sq"),
        (adam_state(exp_avg=tensor([1.0, 2.0])), r"'exp_avg' of parameter 0 has shape \(2,\), wants \(1,\)"),
    ],
)
def test_load_state_dict_errors(state: dict[str, Any], message: str) -> None:
    optimizer = optim.Adam([leaf()], lr=0.125)
    before = repr(optimizer)
    with pytest.raises(ValueError, match=f"Adam.load_state_dict: .*{message}"):
        optimizer.load_state_dict(state)
    assert repr(optimizer) == before
    assert not optimizer.state


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_a_state_that_lacks_something_is_refused(name: str, options: dict[str, Any]) -> None:
    pair = Pair(name, options)
    pair.step(5)
    for i, key in [(i, key) for i, kept in pair.a.state_dict()["state"].items() for key in kept]:
        saved = pair.a.state_dict()
        del saved["state"][i][key]
        if saved["state"][i]:
            with pytest.raises(ValueError, match=f"the state of parameter {i} holds .*; wants .*{key}"):
                pair.a.load_state_dict(saved)


@pytest.mark.parametrize("times", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_state_before_and_after_the_first_step(name: str, times: int) -> None:
    pair = Pair(name, {})
    pair.step(times)
    ours, theirs = pair.a.state_dict()["state"], pair.b.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    for i in ours:
        kept = {key: value for key, value in theirs[i].items() if value is not None}
        assert ours[i].keys() == kept.keys()
        for key, value in kept.items():
            np.testing.assert_allclose(ours[i][key].data, value.numpy(), rtol=1e-12)


def test_adamw_decays_apart_whatever_it_loads() -> None:
    optimizer = optim.AdamW([leaf()])
    optimizer.load_state_dict(optim.Adam([leaf()]).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "Adafactor",
            {"row_var": tensor([[1.0, 1.0]])},
            r"'row_var' of parameter 0 has shape \(1, 2\), wants \(2, 1\)",
        ),
        ("Adafactor", {"variance": tensor([[1.0]])}, "variance; wants step, row_var, col_var"),
        ("NAdam", {"mu_product": tensor([1.0])}, r"'mu_product' of parameter 0 has shape \(1,\), wants \(\)"),
        ("ASGD", {"eta": None}, "wants step, eta, mu, ax"),
    ],
)
def test_load_state_dict_errors_of_shapes(name: str, changes: dict[str, Any], message: str) -> None:
    p = tensor([[1.0, 1.0], [2.0, 2.0]], requires_grad=True)
    optimizer = getattr(optim, name)([p])
    p.grad = tensor([[1.0, 1.0], [2.0, 2.0]])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0].update(changes)
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)


def test_empty_parameters_of_adafactor_and_muon() -> None:
    p = tensor(np.ones((0, 2)), requires_grad=True)
    p.grad = tensor(np.ones((0, 2)))
    for optimizer in (optim.Adafactor([p]), optim.Muon([p])):
        optimizer.step()
    assert p.shape == (0, 2)


def test_muon_is_close_to_torchs_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pair = Pair("Muon", {"lr": 0.01}, np.float32)
    pair.step(20, rtol=0.05)


def test_muon_brings_singular_values_near_one() -> None:
    rng = np.random.default_rng(0)
    p = tensor(np.zeros((6, 9)), requires_grad=True)
    u, _, vt = np.linalg.svd(rng.normal(size=(6, 9)), full_matrices=False)
    p.grad = tensor(u @ np.diag(10.0 ** -np.arange(0, 1.5, 0.25)) @ vt)
    optim.Muon([p], lr=1.0).step()
    values = np.linalg.svd(p.data, compute_uv=False)
    assert (values > 0.5).all()
    assert (values < 1.5).all()
    in_the_gradients_basis = -u.T @ p.data @ vt.T
    np.testing.assert_allclose(in_the_gradients_basis, np.diag(np.diag(in_the_gradients_basis)), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "refused", "error"),
    [
        ("Muon", lambda: tensor(np.zeros(3), requires_grad=True), ValueError),
        ("Muon", lambda: nn.LazyLinear(2).weight, RuntimeError),
        ("Adagrad", lambda: nn.LazyLinear(2).weight, RuntimeError),
    ],
)
def test_a_refused_group_is_not_kept(name: str, refused: Any, error: type[Exception]) -> None:
    optimizer = getattr(optim, name)([tensor(np.zeros((2, 3)), requires_grad=True)])
    more = [tensor(np.zeros((3, 2)), requires_grad=True), refused()]
    with pytest.raises(error):
        optimizer.add_param_group({"params": more})
    assert len(optimizer.param_groups) == len(optimizer.state_dict()["param_groups"]) == 1
    optimizer.add_param_group({"params": more[:1]})


def test_numbers_of_steps_are_saved_as_they_are() -> None:
    default = ag.get_default_dtype()
    p = tensor(np.zeros(2), requires_grad=True)
    optimizer = optim.Adam([p])
    p.grad = tensor(np.ones(2))
    optimizer.step()
    try:
        ag.set_default_dtype(np.float16)
        for count in (2049, 70_001, 2**24 + 1):
            optimizer.state[p]["step"] = count
            optimizer.load_state_dict(optimizer.state_dict())
            assert optimizer.state[p]["step"] == count
    finally:
        ag.set_default_dtype(default)


def test_asgd_averages_after_t0() -> None:
    p = tensor(np.array([0.0]), requires_grad=True)
    optimizer = optim.ASGD([p], lr=1.0, lambd=0.0, t0=2)
    iterates = []
    for g in (1.0, 2.0, -1.0, 3.0, 5.0):
        p.grad = tensor(np.array([g]))
        optimizer.step()
        iterates.append(p.item())
    np.testing.assert_allclose(optimizer.state[p]["ax"], np.mean(iterates[3:]))


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_squares_that_half_precision_has_no_numbers_for(name: str) -> None:
    p = tensor(np.zeros(2, np.float16), requires_grad=True)
    q = torch.zeros(2, dtype=torch.float16, requires_grad=True)
    ours, theirs = getattr(optim, name)([p], lr=0.1), getattr(torch.optim, name)([q], lr=0.1)
    for _ in range(5):
        p.grad, q.grad = tensor(np.array([200, 300], np.float16)), torch.tensor([200, 300], dtype=torch.float16)
        ours.step()
        theirs.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=5e-3)
    assert abs(p.data[1]) > 0.1


def test_adafactor_forgets_all_for_a_decay_of_0() -> None:
    p, q = tensor([1.0, 1.0], requires_grad=True), torch.ones(2, requires_grad=True)
    ours, theirs = optim.Adafactor([p], lr=0.1, beta2_decay=0), torch.optim.Adafactor([q], lr=0.1, beta2_decay=0)
    for g in ([1e3, 1e3], [1e-2, 2e-2]):
        p.grad, q.grad = tensor(g), torch.tensor(g)
        ours.step()
        theirs.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-5)


def test_options_that_are_tensors_or_too_few() -> None:
    p = tensor([1.0], requires_grad=True)
    p.grad = tensor([1.0])
    optim.SGD([p], lr=tensor(0.25)).step()
    assert p.item() == 0.75
    with pytest.raises(ValueError, match=r"Adam: wants both betas in \[0, 1\), got \(0\.9,\)"):
        optim.Adam([p], betas=(0.9,))
    with pytest.raises(TypeError, match="SGD: parameters need an order"):
        optim.SGD({p}, lr=0.1)


def test_a_lazy_layer_that_was_not_called_is_passed_over() -> None:
    called, lazy = nn.Linear(1, 1), nn.LazyLinear(1)
    optimizer = optim.Adam([*called.parameters(), *lazy.parameters()], lr=0.5)
    before = called.bias.item()
    called(tensor([[1.0]])).sum().backward()
    optimizer.step()
    assert called.bias.item() == pytest.approx(before - 0.5, abs=1e-6)


def test_a_list_of_parameters_that_is_a_module_is_taken() -> None:
    assert len(optim.SGD(nn.ParameterList([nn.Parameter([1.0]), nn.Parameter([2.0])])).param_groups[0]["params"]) == 2


@pytest.mark.parametrize("scale", [1e-5, 1e-4, 300.0])
def test_muon_in_float16(scale: float) -> None:
    grad = (np.random.default_rng(0).normal(size=(3, 4)) * scale).astype(np.float16)
    p = tensor(np.ones((3, 4), np.float16), requires_grad=True)
    q = torch.ones(3, 4, dtype=torch.float16, requires_grad=True)
    p.grad, q.grad = tensor(grad), torch.tensor(grad)
    optim.Muon([p], lr=0.1).step()
    torch.optim.Muon([q], lr=0.1).step()
    np.testing.assert_allclose(p.numpy(), q.detach().numpy(), atol=0.01)


def test_a_rate_that_a_schedule_has_set_is_loaded() -> None:
    """OneCycleLR's last step, like PyTorch's, goes beyond the end of its line, which may be below zero."""
    optimizers = [optim.SGD([tensor([1.0], requires_grad=True)], lr=0.1, momentum=0.9) for _ in range(2)]
    scheduler = optim.lr_scheduler.OneCycleLR(optimizers[0], 1.0, total_steps=10, anneal_strategy="linear")
    for _ in range(10):
        optimizers[0].step()
        scheduler.step()
    assert optimizers[0].param_groups[0]["lr"] < 0
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    assert optimizers[1].param_groups[0]["lr"] == optimizers[0].param_groups[0]["lr"]
