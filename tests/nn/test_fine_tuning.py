"""What fine-tuning needs: freezing, a new head, part of a state dict, learning rates of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import optim
from nn import functional as F

rng = np.random.default_rng(0)
images = ag.tensor(rng.normal(size=(8, 1, 32, 32)).astype(np.float32))


def pretrained() -> nn.models.LeNet5:
    ag.manual_seed(0)
    return nn.models.LeNet5()


def values(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, np.ndarray]) -> set[str]:
    return {name for name, tensor in model.state_dict().items() if not np.array_equal(tensor.numpy(), before[name])}


def train(model: nn.Module, optimizer: optim.Optimizer, labels: Any, steps: int = 3) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_frozen_body_with_a_new_head() -> None:
    model = pretrained().requires_grad_(False)
    model.output = nn.Linear(84, 3)
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["output.weight", "output.bias"]
    before = values(model)
    optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    losses = train(model, optimizer, ag.tensor(rng.integers(0, 3, 8)), 20)
    assert losses[-1] < 0.9 * losses[0]
    assert changed(model, before) == {"output.weight", "output.bias"}
    assert all(p.grad is None for name, p in model.named_parameters() if not name.startswith("output"))
    found = nn.summary(model, (1, 32, 32))
    assert (found.trainable, found.frozen) == (255, 61_706 - 850)


def test_an_optimizer_passes_over_what_is_frozen() -> None:
    model = pretrained()
    model.c1.requires_grad_(False)
    before = values(model)
    train(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1), ag.tensor(np.arange(8)))
    assert changed(model, before) == before.keys() - {"c1.weight", "c1.bias"}
    model.c1.requires_grad_(True)
    before = values(model)
    train(model, optim.SGD(model.parameters(), lr=0.1), ag.tensor(np.arange(8)), 1)
    assert changed(model, before) == before.keys()


def test_gradients_go_through_what_is_frozen() -> None:
    model = pretrained()
    model.f6.requires_grad_(False)
    model(images).sum().backward()
    assert model.f6.weight.grad is None
    assert np.abs(model.c1.weight.grad.numpy()).max() > 0


def test_nothing_is_recorded_below_the_first_trained_parameter() -> None:
    model = pretrained().requires_grad_(False)
    recorded: dict[str, bool] = {}
    for name, child in model.named_children():
        child.register_forward_hook(lambda m, args, y, name=name: recorded.__setitem__(name, y.requires_grad))
    model.output.requires_grad_()
    model(images)
    assert [name for name, needs in recorded.items() if needs] == ["output"]


def test_frozen_statistics() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1800, 8))
    model[1].eval().requires_grad_(False)
    before = values(model)
    train(model, optim.Adam([p for p in model.parameters() if p.requires_grad]), ag.tensor(np.arange(8)))
    assert changed(model, before) == {"0.weight", "0.bias", "3.weight", "3.bias"}


def test_a_partial_state_says_what_was_left() -> None:
    state = {name: value for name, value in pretrained().state_dict().items() if not name.startswith("output")}
    state["aux.weight"] = ag.tensor(np.zeros(3, np.float32))
    model = nn.models.LeNet5(num_classes=3)
    before = values(model)
    with pytest.raises(RuntimeError, match=r"missing keys: output.weight, output.bias; unexpected keys: aux.weight"):
        model.load_state_dict(state)
    assert not changed(model, before)
    left = model.load_state_dict(state, strict=False)
    assert left.missing_keys == ["output.weight", "output.bias"]
    assert left.unexpected_keys == ["aux.weight"]
    assert repr(left) == (
        "IncompatibleKeys(missing_keys=['output.weight', 'output.bias'], unexpected_keys=['aux.weight'])"
    )
    assert changed(model, before) == before.keys() - {"output.weight", "output.bias"}
    for name in before.keys() - {"output.weight", "output.bias"}:
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), state[name].numpy())
    assert str(model.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


def test_a_head_of_another_shape_is_refused_even_if_not_strict() -> None:
    model = nn.models.LeNet5(num_classes=3)
    before = values(model)
    with pytest.raises(RuntimeError, match=r"output.weight has shape \(10, 84\) in the state and \(3, 84\) in the mod"):
        model.load_state_dict(pretrained().state_dict(), strict=False)
    assert not changed(model, before)


def test_a_saved_state_fits_a_model_with_a_new_head(tmp_path: Any) -> None:
    nn.save(pretrained().state_dict(), tmp_path / "lenet.npz")
    model = nn.models.LeNet5(num_classes=3)
    state = {name: value for name, value in nn.load(tmp_path / "lenet.npz").items() if "output" not in name}
    assert model.load_state_dict(state, strict=False) == (["output.weight", "output.bias"], [])
    np.testing.assert_array_equal(model.c3.weight.numpy(), pretrained().c3.weight.numpy())


def test_groups_have_rates_of_their_own() -> None:
    model = pretrained()
    body = [p for name, p in model.named_parameters() if not name.startswith("output")]
    optimizer = optim.SGD([{"params": body, "lr": 1e-3}, {"params": model.output.parameters()}], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 0.1]
    before = values(model)
    train(model, optimizer, ag.tensor(np.arange(8)), 1)
    for name, parameter in model.named_parameters():
        rate = 0.1 if name.startswith("output") else 1e-3
        step = before[name] - parameter.numpy()
        np.testing.assert_allclose(step, rate * parameter.grad.numpy(), rtol=1e-3, atol=1e-7)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [5e-4, 0.05]


def test_unfreezing_adds_a_group() -> None:
    model = pretrained().requires_grad_(False)
    model.output = nn.Linear(84, 8)
    optimizer = optim.Adam(model.output.parameters(), lr=1e-2)
    labels = ag.tensor(np.arange(8))
    train(model, optimizer, labels)
    before = values(model)
    optimizer.add_param_group({"params": model.f6.requires_grad_().parameters(), "lr": 1e-4})
    train(model, optimizer, labels)
    assert changed(model, before) == {"f6.weight", "f6.bias", "output.weight", "output.bias"}
    assert np.abs(model.f6.weight.numpy() - before["f6.weight"]).max() < 4e-4
