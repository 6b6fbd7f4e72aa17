"""Which call of which module an operation was made in."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import pytest

import autograd as ag
import nn
from autograd import scopes
from autograd.stepping import view


class Scale(nn.Module):
    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = nn.Parameter([factor])

    def forward(self, x: Any) -> Any:
        return self.factor * x


class Block(nn.Module):
    def __init__(self, wrap: Any = lambda y: y) -> None:
        super().__init__()
        self.first = Scale()
        self.inner = nn.Sequential(Scale(), nn.Identity(), Scale())
        self.wrap = wrap

    def forward(self, x: Any) -> Any:
        return self.wrap(self.inner(ag.exp(self.first(x))))


def modules(*outputs: Any) -> list[tuple[str, str]]:
    return [(node.op, node.module) for node in view(outputs).nodes if not node.leaf]


def variable() -> Any:
    return ag.tensor([1.0], requires_grad=True)


def test_operations_know_the_path_of_their_module() -> None:
    block = Block()
    assert modules(block(variable()).sum()) == [
        ("multiply", "first"),
        ("exp", ""),
        ("multiply", "inner.0"),
        ("multiply", "inner.2"),
        ("sum", ""),
    ]
    assert [call.kind for call in view(block(variable())).calls] == ["Block", "Scale", "Sequential", "Scale", "Scale"]


def test_a_part_that_is_called_alone_has_its_place_in_the_whole() -> None:
    outer = nn.Sequential(nn.Identity(), Block())
    assert modules(outer[1].inner(variable())) == [("multiply", "1.inner.0"), ("multiply", "1.inner.2")]


def test_a_module_called_twice_has_two_calls_of_one_path() -> None:
    scale = Scale()

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = self.again = scale

        def forward(self, x: Any) -> Any:
            return self.scale(self.scale(x))

    twice = Twice()
    nodes = [node for node in view(twice(variable())).nodes if not node.leaf]
    assert [node.module for node in nodes] == ["scale", "scale"]
    assert nodes[0].call != nodes[1].call


@dataclass
class Result:
    y: Any
    name: str = "result"


class Pair(tuple):
    __slots__ = ()


@pytest.mark.parametrize(
    "wrap",
    [lambda y: (y, y + 1), lambda y: {"y": [y]}, Result, lambda y: Pair((1, y)), lambda y: [None, (), {"y": (y,)}]],
    ids=["tuple", "dict of list", "dataclass", "kind of tuple", "deep"],
)
def test_results_come_in_collections(wrap: Any) -> None:
    block = Block(wrap)
    result = block(variable())
    found: list[Any] = []

    def collect(part: Any) -> None:
        if isinstance(part, ag.Tensor):
            found.append(part)
        elif isinstance(part, dict):
            collect(list(part.values()))
        elif isinstance(part, Result):
            found.append(part.y)
        elif isinstance(part, (list, tuple)):
            for inner in part:
                collect(inner)

    collect(result)
    calls = view(found).calls
    assert [call.kind for call in calls[:2]] == ["Block", "Scale"]


def test_an_unchanged_input_is_not_of_the_module() -> None:
    x = variable() * 1.0
    assert modules(nn.Identity()(x).sum()) == [("multiply", ""), ("sum", "")]
    leaf = variable()
    nn.Identity()(leaf)
    assert weakref.ref(leaf.node) not in scopes._made


def test_what_is_made_before_an_error_still_knows_its_module() -> None:
    seen: list[Any] = []
    block = Block()
    block.inner[0].register_forward_hook(lambda module, args, output: seen.append(output))

    def stop(module: Any, args: Any) -> None:
        raise KeyError("enough")

    handle = block.inner[2].register_forward_pre_hook(stop)
    with pytest.raises(KeyError, match="enough"):
        block(variable())
    assert scopes.running.get() is None
    assert modules(seen[0]) == [("multiply", "first"), ("exp", ""), ("multiply", "inner.0")]
    handle.remove()
    assert modules(block(variable()))[0] == ("multiply", "first")


def test_the_call_that_is_still_running_is_known() -> None:
    paths: list[Any] = []

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = Scale()

        def forward(self, x: Any) -> Any:
            y = self.scale(x).exp()
            paths.extend(modules(y))
            return y

    looks = nn.Sequential(Looks())
    looks(variable())
    assert paths == [("multiply", "0.scale"), ("exp", "0")]


def test_nothing_is_noted_when_nothing_is_recorded() -> None:
    block = Block()
    with ag.no_grad():
        y = block(variable())
        with ag.enable_grad():
            assert scopes.running.get() is None
    assert y.node is None
    with ag.no_grad():
        assert scopes.entered(block, block._plate) is None


def test_nothing_is_kept_alive() -> None:
    gc.collect()
    before = len(scopes._made)
    block = Block()
    block.kept = block(variable())  # a module that holds its graph
    assert len(scopes._made) > before
    module, node = weakref.ref(block), weakref.ref(block.kept.node)
    gc.disable()
    try:
        del block
        assert module() is None
        assert node() is None
    finally:
        gc.enable()
    assert len(scopes._made) == before


def test_names_outlive_their_modules() -> None:
    y = nn.Sequential(Scale(), nn.Sequential(Block()))(variable())
    gc.collect()
    assert [path for _, path in modules(y)] == ["0", "1.0.first", "1.0", "1.0.inner.0", "1.0.inner.2"]
    assert [call.kind for call in view(y).calls][:3] == ["Sequential", "Scale", "Sequential"]
    assert [node.name for node in view(y).nodes if node.parameter] == [
        "0.factor",
        "1.0.first.factor",
        "1.0.inner.0.factor",
        "1.0.inner.2.factor",
    ]


def test_parts_in_lists_have_their_whole_path() -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([Scale(), Scale()])

        def forward(self, x: Any) -> Any:
            return self.layers[1](self.layers[0](x))

    assert modules(Stack()(variable())) == [("multiply", "layers.0"), ("multiply", "layers.1")]


def test_a_module_of_no_one_goes_by_its_class() -> None:
    class Borrows(nn.Module):
        def forward(self, x: Any) -> Any:
            return Scale()(x)

    assert modules(Borrows()(variable())) == [("multiply", "Scale")]


def test_copies_and_pickles_have_their_own_names() -> None:
    block = nn.Sequential(nn.Identity(), nn.Sequential(Scale(), Scale()))
    for twin in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        assert modules(twin(variable())) == [("multiply", "1.0"), ("multiply", "1.1")]
    alone = copy.deepcopy(block[1])
    assert modules(alone(variable())) == [("multiply", "0"), ("multiply", "1")]


def test_names_follow_the_parts_of_a_list() -> None:
    model = nn.Sequential(Scale(), Scale())
    model.insert(0, nn.Identity())
    assert modules(model(variable())) == [("multiply", "1"), ("multiply", "2")]
    first = model[1]
    model.spare = first
    del model.spare
    assert modules(model(variable())) == [("multiply", "1"), ("multiply", "2")]


def test_what_wraps_a_module_again_and_again_is_forgotten() -> None:
    scale = Scale()
    for _ in range(50):
        nn.Sequential(scale)
    assert len(scale._plate.names) <= 8
    assert modules(scale(variable())) == [("multiply", "")]


def test_a_checkpointed_module_is_one_node_in_its_caller() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()

        def forward(self, x: Any) -> Any:
            return ag.checkpoint(self.block, x) * 2

    holder = nn.Sequential(Holder())
    y = holder(variable())
    node = next(node for node in view(y).nodes if node.op == "checkpoint")
    assert (node.module, node.detail) == ("0", "of Block")
    y.backward()
    assert scopes.running.get() is None


def test_threads_do_not_mix() -> None:
    """Two models run in turns, operation by operation, and their results are joined."""
    turn = [threading.Event(), threading.Event()]
    results: list[Any] = [None, None]

    class Slow(nn.Module):
        def __init__(self, mine: int) -> None:
            super().__init__()
            self.mine = mine
            self.scale = Scale()

        def forward(self, x: Any) -> Any:
            for _ in range(3):
                assert turn[self.mine].wait(10)
                turn[self.mine].clear()
                x = self.scale(x).sin()
                turn[1 - self.mine].set()
            return x

    models = [nn.Sequential(Slow(0)), nn.Sequential(nn.Identity(), Slow(1))]

    def work(i: int) -> None:
        results[i] = models[i](variable())

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    turn[0].set()
    for thread in threads:
        thread.join()
    paths = modules(results[0] + results[1])
    assert sorted(paths[:-1]) == sorted(
        3 * [("multiply", "0.scale"), ("sin", "0"), ("multiply", "1.scale"), ("sin", "1")]
    )
    joined = {node.id: node for node in view(results[0] + results[1]).nodes}
    for node in joined.values():
        if node.op == "sin":
            (above,) = [joined[i] for i in node.parents]
            assert above.module == f"{node.module}.scale"
