"""Many small parameters updated by one call: the same bits as one by one, whatever comes between the steps."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import optim
from autograd import tensor
from autograd.tensor import Tensor

ELEMENTWISE = [
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {}),
    ("RMSprop", {"centered": True, "momentum": 0.8}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("NAdam", {}),
    ("RAdam", {}),
    ("ASGD", {"t0": 2}),
    ("Rprop", {}),
]
SHAPES = [(3, 4), (), (5,), (2, 1, 3), (0, 2), (40, 250), (7,)]


def parameters(dtype: Any = np.float32) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [tensor(rng.normal(size=shape).astype(dtype), requires_grad=True) for shape in SHAPES]


def take_steps(optimizer: Any, params: list[Tensor], seed: int, count: int = 3, without: tuple[int, ...] = ()) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        for i, p in enumerate(params):
            gradient = rng.normal(size=p.shape).astype(p.dtype)
            p.grad = None if i in without else tensor(gradient)
        optimizer.step()


def assert_same(ours: Any, params: list[Tensor], other: Any, others: list[Tensor]) -> None:
    for i, (p, q) in enumerate(zip(params, others, strict=True)):
        np.testing.assert_array_equal(p.data, q.data, err_msg=f"parameter {i}")
        assert ours.state[p].keys() == other.state[q].keys()
        for name, value in ours.state[p].items():
            np.testing.assert_array_equal(value, other.state[q][name], err_msg=f"{name} of parameter {i}")


@pytest.fixture(params=ELEMENTWISE, ids=lambda case: f"{case[0]}-{','.join(case[1])}")
def pair(request: pytest.FixtureRequest) -> tuple[Any, list[Tensor], Any, list[Tensor]]:
    """An optimizer that packs small parameters, and one that does not, on equal parameters."""
    name, options = request.param
    kind = getattr(optim, name)
    single = type(kind.__name__, (kind,), {"elementwise": False})
    first, second = parameters(), parameters()
    return kind(first, **options), first, single(second, **options), second


def test_every_step_gives_the_same_bits(pair: tuple[Any, list[Tensor], Any, list[Tensor]]) -> None:
    ours, params, other, others = pair
    for stage in range(3):
        take_steps(ours, params, stage)
        take_steps(other, others, stage)
        assert_same(*pair)
    assert ours.packings
    assert not other.packings


def test_parameters_that_miss_steps(pair: tuple[Any, list[Tensor], Any, list[Tensor]]) -> None:
    ours, params, other, others = pair
    for stage, without in enumerate([(0,), (1, 3), (), (0, 1, 2, 3, 4, 6), (6,), ()]):
        take_steps(ours, params, stage, 2, without)
        take_steps(other, others, stage, 2, without)
        assert_same(*pair)


def test_what_is_done_to_the_state_between_steps_counts(pair: tuple[Any, list[Tensor], Any, list[Tensor]]) -> None:
    ours, params, other, others = pair
    for stage in range(5):
        take_steps(ours, params, stage)
        take_steps(other, others, stage)
        for optimizer, own in ((ours, params), (other, others)):
            arrays = [(k, v) for k, v in optimizer.state[own[2]].items() if isinstance(v, np.ndarray)]
            if stage == 0:
                for _, value in arrays:
                    value[...] = 0.25
            elif stage == 1:
                for name, value in arrays:
                    optimizer.state[own[2]][name] = np.full_like(value, 0.125)
            elif stage == 2:
                optimizer.state[own[0]].clear()
            elif stage == 3:
                optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            own[1].data = np.array(3.0)
    assert_same(*pair)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_a_copy_shares_nothing(clone: Any, pair: tuple[Any, list[Tensor], Any, list[Tensor]]) -> None:
    ours, params, other, others = pair
    take_steps(ours, params, 0)
    take_steps(other, others, 0)
    copied = clone(ours)
    its = copied.param_groups[0]["params"]
    take_steps(copied, its, 1)
    assert_same(*pair)
    take_steps(other, others, 1)
    assert_same(copied, its, other, others)


def test_a_state_dict_is_a_copy() -> None:
    params = parameters()
    optimizer = optim.Adam(params)
    take_steps(optimizer, params, 0)
    saved = optimizer.state_dict()
    before = saved["state"][0]["exp_avg"].data.copy()
    take_steps(optimizer, params, 1)
    np.testing.assert_array_equal(saved["state"][0]["exp_avg"].data, before)


def test_groups_dtypes_views_and_layouts() -> None:
    """Each group has its own options, each dtype its own packing; a parameter that is a view is updated alone."""
    found = []
    for elementwise in (True, False):
        kind = type("Adam", (optim.Adam,), {"elementwise": elementwise})
        single, double = parameters(), parameters(np.float64)
        halves = [t.detach().requires_grad_() for t in (tensor(np.ones(8))[:4], tensor(np.ones(8))[4:])]
        turned = [tensor(np.asfortranarray(np.arange(6.0).reshape(2, 3)), requires_grad=True) for _ in range(2)]
        optimizer = kind([{"params": single, "lr": 0.1}, {"params": [*double, *halves, *turned]}])
        everything = [*single, *double, *halves, *turned]
        take_steps(optimizer, everything, 0)
        found.append([p.data for p in everything])
    for packed, alone in zip(*found, strict=True):
        np.testing.assert_array_equal(packed, alone)


def test_an_update_of_its_own_is_not_taken_for_elementwise() -> None:
    class Clipped(optim.SGD):
        def update(self, param: Any, grad: Any, state: Any, group: Any) -> None:
            super().update(param, grad / max(1.0, np.linalg.norm(grad)), state, group)

    assert not Clipped.elementwise
    params = parameters()
    optimizer = Clipped(params, lr=1.0)
    before = [p.data.copy() for p in params]
    take_steps(optimizer, params, 0, 1)
    for p, old in zip(params, before, strict=True):
        assert p.size == 0 or 0 < np.linalg.norm(p.data - old) <= 1.001


def test_nor_is_one_that_comes_from_a_mixin() -> None:
    class Clipping:
        def update(self, param: Any, grad: Any, state: Any, group: Any) -> None:
            super().update(param, grad / max(1.0, np.linalg.norm(grad)), state, group)  # type: ignore[misc]

    class Clipped(Clipping, optim.SGD):
        pass

    class Derived(Clipped):
        pass

    class Plain(optim.SGD):
        pass

    assert [kind.elementwise for kind in (Clipped, Derived, Plain)] == [False, False, True]
