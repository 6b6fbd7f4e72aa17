"""A pass that is watched or stepped leaves, to the last bit, what an ordinary one leaves; and what it shows stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.graph import Bundle, reverse_sweep, run
from autograd.kernels.combination import Combination
from autograd.kernels.deferred import Deferred
from autograd.kernels.scattering import Scattered
from autograd.kernels.windows import DeferredWindows
from autograd.watching import Observer, watched
from nn import functional as F

Case = tuple[ag.Tensor, list[ag.Tensor]]


def network(model: nn.Module, *shape: int, classes: int = 10) -> Case:
    images = ag.randn(*shape)
    labels = ag.tensor(np.arange(shape[0]) % classes)
    return F.cross_entropy(model(images), labels), list(model.parameters())


def mlp() -> Case:
    return network(nn.models.MLP([64, 128, 10]), 600, 64)


def lenet() -> Case:
    return network(nn.models.LeNet5(activation="relu", pooling="max"), 32, 1, 32, 32)


def resnet20() -> Case:
    return network(nn.models.resnet20(), 8, 3, 32, 32)


def mobile() -> Case:
    return network(nn.models.mobilenet_v2(num_classes=10, width_mult=0.35, dropout=0.0), 2, 3, 64, 64)


def large(*shape: int) -> ag.Tensor:
    return ag.randn(*shape, requires_grad=True)


def shared() -> Case:
    x, w = large(300, 300), large(300, 1)
    h = x * w
    return (h * ag.sin(h) + h * x * h + h * h * w + x).sum(), [x, w]


def leaf_used_many_times() -> Case:
    w, x = large(400, 200), large(400, 200)
    y = w * x
    for _ in range(7):
        y = w * y + x * w
    return (y * w).mean(), [w, x]


def embedding() -> Case:
    table = large(2000, 64)
    positions = np.random.default_rng(0).integers(0, 2000, (5, 400))
    rows = [table[p] for p in positions]
    return sum(((row * row).sum() for row in rows), ag.tensor(0.0)) + (table[:7] * table[3]).sum(), [table]


def pieces() -> Case:
    x = large(6, 200, 100)
    parts = ag.unstack(x) + ag.split(x, 3)
    return sum((ag.sin(part).sum() for part in parts), ag.tensor(0.0)) + x[1:4].mean() + x[..., ::2].sum(), [x]


def several_outputs() -> Case:
    x = large(5, 4, 4)
    q, r = ag.qr(x)
    u, s, vh = ag.svd(x)
    return (q * r).sum() + (u * u).sum() + (s * s).sum() + (r * x).sum() + vh.sum(), [x]


def moments() -> Case:
    x, w = large(64, 32, 64), large(32, 1)
    mean, var = ag.moments(x, axis=(0, 2))
    return (((x - ag.reshape(mean, (32, 1))) * w) ** 2 / ag.reshape(var + 1, (32, 1))).sum() + mean.sum(), [x, w]


def pooled() -> Case:
    x = large(4, 8, 64, 64)
    windows = ag.sliding_windows(x, (3, 3), stride=2)
    return (ag.window_max(windows) * ag.window_mean(windows)).sum() + (x * x).sum(), [x]


def padded() -> Case:
    x, w = large(8, 8, 40, 40), large(16, 8, 3, 3)
    y = F.conv2d(x, w, padding=1)
    return (F.relu(y) * F.conv2d(x * x, w, padding=1)).sum(), [x, w]


def mixed_precision() -> Case:
    x = large(300, 300)
    w = ag.tensor(np.random.default_rng(1).normal(size=(300, 1)), requires_grad=True)
    return (x * w * x).astype(np.float32).sum() + (x.astype(np.float64) * w).sum(), [x, w]


def hooked() -> Case:
    x, w = large(300, 300), large(300, 300)
    h = x * w
    h.register_hook(lambda g: g * 0.5)
    h.register_hook(lambda g: None)
    w.register_hook(lambda g: 2 * g)
    return (h * h * w).sum(), [x, w]


def retained() -> Case:
    x = large(300, 300)
    h = ag.sin(x * x)
    k = h * x
    h.retain_grad()
    k.retain_grad()
    return (k * h).sum(), [x, h, k]


def checkpointed() -> Case:
    x, w = large(300, 300), large(300, 300)
    return (ag.checkpoint(lambda x: ag.sin(x * w) * w, x) * w).sum(), [x, w]


def accumulated() -> Case:
    """Leaves that have a gradient already."""
    loss, leaves = shared()
    for leaf in leaves:
        leaf.grad = ag.ones(*leaf.shape)
    return loss, leaves


CASES: dict[str, Callable[[], Case]] = {
    f.__name__: f
    for f in (
        *(mlp, lenet, resnet20, mobile, shared, leaf_used_many_times, embedding, pieces, several_outputs, moments),
        *(pooled, padded, mixed_precision, hooked, retained, checkpointed, accumulated),
    )
}


def built(case: str) -> Case:
    ag.manual_seed(0)
    return CASES[case]()


def bits(tensors: list[ag.Tensor]) -> list[Any]:
    return [None if t.grad is None else (t.grad.shape, t.grad.dtype, t.grad.data.tobytes()) for t in tensors]


def snapshot(value: Any) -> Any:
    if isinstance(value, Bundle):
        return [None if part is None else snapshot(part) for part in value]
    return np.asarray(value).tobytes()


def seen(step: Any) -> Any:
    return snapshot(step.cotangent), [snapshot(c.value) for c in step.contributions]


@pytest.mark.parametrize("case", CASES)
def test_a_stepped_pass_leaves_what_backward_leaves(case: str) -> None:
    loss, tensors = built(case)
    loss.backward()
    wanted = bits(tensors)
    assert all(wanted)
    loss, tensors = built(case)
    stepper = loss.stepper()
    shown = [seen(step) for step in stepper]
    assert bits(tensors) == wanted
    assert len(shown) == len(stepper) == stepper.position
    for tensor in tensors:
        tensor.grad.zero_()
    assert [seen(step) for step in stepper.steps] == shown, "what was shown has changed"


@pytest.mark.parametrize("case", ["resnet20", "shared", "hooked"])
def test_a_watched_pass_leaves_what_an_ordinary_one_leaves(case: str) -> None:
    loss, tensors = built(case)
    loss.backward()
    wanted = bits(tensors)
    loss, tensors = built(case)
    with watched(Observer()):
        loss.backward()
    assert bits(tensors) == wanted


@pytest.mark.parametrize("case", ["resnet20", "shared", "pieces"])
def test_of_chosen_nodes(case: str) -> None:
    """A sweep with targets, results among them, is the same watched and not; and what it gives out is nobody else's."""

    def targets(loss: ag.Tensor) -> list[Any]:
        nodes = [loss.node]
        for _ in range(6):
            nodes.append(nodes[-1].parents[0])
        return nodes[2:]

    found = []
    for watch in (False, True):
        loss, _ = built(case)
        seeds = {loss.node: np.ones((), np.float32)}
        chosen = targets(loss)
        sweep = reverse_sweep(seeds, chosen, watch=watch)
        visits = []
        with np.errstate(all="ignore"):
            while True:
                try:
                    visits.append(next(sweep))
                except StopIteration as end:
                    results = [end.value[node] for node in chosen]
                    break
        found.append([np.asarray(result).tobytes() for result in results])
        shown = [snapshot(visit.cotangent) for visit in visits]
        for result in results:
            result[...] = 7
        assert [snapshot(visit.cotangent) for visit in visits] == shown
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("resnet20", DeferredWindows),
        ("resnet20", Combination),
        ("lenet", DeferredWindows),
        ("shared", Combination),
        ("leaf_used_many_times", Combination),
        ("embedding", Scattered),
        ("pieces", Scattered),
        ("pooled", DeferredWindows),
    ],
)
def test_these_passes_do_hand_on_what_is_not_computed(case: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cases above would show little if they did not."""
    made = []
    plain = Deferred.__init__

    def counted(self: Any, *arguments: Any) -> None:
        made.append(type(self))
        plain(self, *arguments)

    loss, _ = built(case)
    monkeypatch.setattr(Deferred, "__init__", counted)
    loss.backward()
    assert any(issubclass(k, kind) for k in made)


def test_a_hook_may_write_into_what_a_product_that_waits_reads() -> None:
    """x·w gives x the product g·w, which is computed when x is reached: after w, if that was made later."""
    base = large(300, 300)
    x = ag.sin(base)
    w = large(300, 300)
    values = w.data.copy()

    def clear(g: ag.Tensor) -> None:
        w.write(0.0)

    w.register_hook(clear)
    y = x * w
    (y * y).sum().backward()
    np.testing.assert_allclose(base.grad.data, 2 * x.data * values**2 * np.cos(base.data), rtol=1e-5)
    assert not w.data.any()


@pytest.mark.parametrize("case", ["resnet20", "padded", "pooled", "shared"])
def test_leaves_written_while_a_pass_waits(case: str) -> None:
    """As soon as nothing is to be asked of a leaf any more it may be written into, whatever waits to be computed."""
    loss, tensors = built(case)
    loss.backward()
    wanted = [t.grad.data for t in tensors]
    loss, tensors = built(case)
    stepper = loss.stepper()
    order = stepper.backward_pass.record.order
    last = {t.node: min(n.number for n in order if t.node in n.parents) for t in tensors}
    for step in stepper:
        for t in tensors:
            if t.node is not None and last.get(t.node) == step.node.number:
                t.write(0.0)
    for t, gradient in zip(tensors, wanted):
        np.testing.assert_allclose(t.grad.data, gradient, rtol=1e-3, atol=1e-5 * np.abs(gradient).max())


def test_a_sweep_that_nobody_watches_makes_no_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    loss, _ = built("resnet20")
    monkeypatch.setattr(Deferred, "snapshot", None)
    monkeypatch.setattr(Scattered, "snapshot", None)
    run(reverse_sweep({loss.node: np.ones((), np.float32)}))
