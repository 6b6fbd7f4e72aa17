"""Folding a graph by module."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd.stepping import GraphView, fold, view
from autograd.stepping.folding import Folded


def images(channels: int, size: int) -> Any:
    return ag.ones((1, channels, size, size))


NETWORKS: dict[str, Any] = {
    "lenet": lambda: (nn.models.LeNet5(), images(1, 32)),
    "resnet18": lambda: (nn.models.resnet18(num_classes=4), images(3, 32)),
    "densenet": lambda: (nn.models.DenseNet(8, (3, 3, 3), 8, num_classes=4), images(3, 32)),
    "unet": lambda: (nn.models.UNet(1, 2, base_channels=4), images(1, 32)),
}


@cache
def graph(name: str) -> GraphView:
    model, x = NETWORKS[name]()
    return view(model.eval()(x).sum())


def titles(folded: Folded) -> list[str]:
    return [box.title for box in folded.boxes]


def check_whole(folded: Folded) -> None:
    """Every node is in just one box, links go forward, and nothing that flows is lost."""
    nodes = folded.view.nodes
    assert sorted(i for box in folded.boxes for i in box.nodes) == [node.id for node in nodes]
    seen_in = {i: box.key for box in folded.boxes for i in box.nodes}
    assert len({box.key for box in folded.boxes} | {frame.key for frame in folded.frames}) == len(folded.boxes) + len(
        folded.frames
    )
    flows = {(seen_in[p], seen_in[n.id], p) for n in nodes for p in n.parents if seen_in[p] != seen_in[n.id]}
    assert {(link.source, link.target, link.node) for link in folded.links} == flows
    place = {box.key: i for i, box in enumerate(folded.boxes)}
    assert all(place[link.source] < place[link.target] for link in folded.links)
    known = {""}
    for frame in folded.frames:
        assert frame.frame in known
        known.add(frame.key)
    assert {box.frame for box in folded.boxes} <= known


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_a_few_dozen_boxes(name: str) -> None:
    folded = fold(graph(name))
    check_whole(folded)
    assert 5 <= len(folded.boxes) <= 40
    assert folded.hidden == sum(len(box.nodes) for box in folded.boxes if box.kind == "module")
    assert folded.hidden + sum(not box.hidden for box in folded.boxes) == len(folded.view.nodes)


def test_resnet18_is_its_blocks() -> None:
    folded = fold(graph("resnet18"))
    assert titles(folded)[:6] == [
        "conv1: Conv2d",
        "bn1: BatchNorm2d",
        "relu: ReLU",
        "maxpool: MaxPool2d",
        "0: BasicBlock",
        "1: BasicBlock",
    ]
    assert [frame.title for frame in folded.frames][:2] == ["ResNet", "layer1: Sequential"]
    assert sum(title.endswith("BasicBlock") for title in titles(folded)) == 8


def test_one_block_can_be_opened() -> None:
    closed, folded = fold(graph("resnet18")), fold(graph("resnet18"), opened="layer2.0")
    check_whole(folded)
    inside = [box.title for box in folded.boxes if box.frame == "layer2.0"]
    assert inside == [
        "conv1: Conv2d",
        "bn1: BatchNorm2d",
        "relu: ReLU",
        "conv2: Conv2d",
        "bn2: BatchNorm2d",
        "downsample: Sequential",
        "add",
        "relu: ReLU #2",
    ]
    assert len(folded.boxes) == len(closed.boxes) + 7


def test_what_is_deep_is_opened_with_all_around_it() -> None:
    folded = fold(graph("resnet18"), opened=["layer3.1.conv1"])
    check_whole(folded)
    opened = [frame.key for frame in folded.frames if frame.key.startswith("layer3")]
    assert opened == ["layer3", "layer3.1", "layer3.1.conv1"]
    weight = next(box for box in folded.boxes if box.title == "weight")
    assert (weight.kind, weight.frame) == ("parameter", "layer3.1.conv1")


def test_everything_can_be_opened() -> None:
    folded = fold(graph("resnet18"), opened="all")
    check_whole(folded)
    assert folded.hidden == 0
    assert len(folded.boxes) == len(folded.view.nodes)


def test_each_call_of_a_shared_module_is_a_box_of_its_own() -> None:
    folded = fold(graph("lenet"), limit=20)
    assert [title for title in titles(folded) if "Tanh" in title] == [
        "activation: Tanh",
        "activation: Tanh #2",
        "activation: Tanh #3",
        "activation: Tanh #4",
    ]
    both = fold(graph("lenet"), opened="activation", limit=20)
    assert sum("Tanh" in frame.title for frame in both.frames) == 4
    one = fold(graph("lenet"), opened="activation#3", limit=20)
    assert [frame.key for frame in one.frames] == ["LeNet5", "activation#3"]


def test_a_small_network_is_open() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    folded = fold(view(model(ag.ones((4, 2))).sum()))
    assert folded.hidden == 0
    assert [frame.title for frame in folded.frames] == ["Sequential", "0: Linear", "1: Tanh", "2: Linear"]


def test_a_shared_parameter_stands_outside_of_its_uses() -> None:
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    folded = fold(view(model(ag.ones((1, 2)))))
    (weight,) = [box for box in folded.boxes if box.kind == "parameter"]
    assert weight.frame == "Sequential"
    check_whole(folded)


def test_a_long_chain_is_folded_into_runs() -> None:
    y = ag.tensor(0.5, requires_grad=True)
    for _ in range(2000):
        y = ag.sin(y)
    folded = fold(view(y))
    check_whole(folded)
    assert len(folded.boxes) <= 40
    assert titles(folded)[1] == "100 operations"
    assert folded.boxes[1].hidden == 100
    run = folded.boxes[3].key
    opened = fold(view(y), opened=[run])
    check_whole(opened)
    assert len(opened.boxes) <= 80
    assert [frame.key for frame in opened.frames] == [run]
    inner = next(box.key for box in opened.boxes if box.frame == run and box.hidden)
    check_whole(fold(view(y), opened=[inner]))


def test_a_loop_over_a_module_is_folded_into_runs() -> None:
    cell = nn.Linear(2, 2)
    h = ag.ones((1, 2))
    for _ in range(100):
        h = cell(h).tanh()
    folded = fold(view(h.sum()))
    check_whole(folded)
    assert len(folded.boxes) <= 40
    assert "modules and operations" in titles(folded)[2]
    assert {box.title for box in folded.boxes if box.kind == "parameter"} == {"weight", "bias"}


def test_a_last_operation_alone_is_no_run() -> None:
    y = ag.tensor(0.5, requires_grad=True)
    for _ in range(43):
        y = ag.sin(y)
    folded = fold(view(y))
    check_whole(folded)
    assert titles(folded)[-2:] == ["3 operations", "sin"]


class Numbered(nn.Module):
    """Its parts have names that are made as a node's number may be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.n0, self.n1, self.n2 = (nn.Linear(2, 2) for _ in range(3))

    def forward(self, x: Any) -> Any:
        return self.n2(self.n1(self.n0(x)))


@pytest.mark.parametrize("opened", [(), "n1", "all"])
def test_any_names_of_modules_can_be_told_from_nodes(opened: Any) -> None:
    folded = fold(view(Numbered()(ag.ones((1, 2))).sum()), opened=opened, limit=4)
    check_whole(folded)


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_any_choice_of_modules_can_be_opened(data: st.DataObject) -> None:
    recorded = graph("resnet18")
    paths = sorted({call.module for call in recorded.calls} - {""})
    chosen = data.draw(st.lists(st.sampled_from(paths), max_size=5))
    folded = fold(recorded, opened=chosen, limit=data.draw(st.integers(2, 60)))
    check_whole(folded)
    assert set(chosen) <= {frame.key for frame in folded.frames}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_network_folds_the_same_again(name: str) -> None:
    model, x = NETWORKS[name]()
    model.eval()
    first, second = (fold(view(model(x).sum())) for _ in range(2))
    assert (first.boxes, first.frames, first.links) == (second.boxes, second.frames, second.links)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opened": "layer9"}, r"^fold: nothing in the graph is called 'layer9'; it has ResNet, conv1, bn1"),
        ({"opened": ["conv1", "nowhere"]}, "called 'nowhere'"),
        ({"limit": 1}, "^fold: limit has to be at least 2, got 1"),
    ],
)
def test_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fold(graph("resnet18"), **options)
