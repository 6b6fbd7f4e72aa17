"""Module: its parts, state, modes, hooks and text."""

from __future__ import annotations

import copy
import pickle
import re
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd as ag
import nn
import optim
from autograd.stepping import view


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.scale = nn.Parameter(np.ones(4))
        self.register_buffer("offset", ag.tensor(np.zeros(4)), persistent=False)
        self.none = None
        self.last = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))

    def forward(self, x: Any) -> Any:
        return self.last(self.norm(self.first(x)) * self.scale + self.offset)


def test_names() -> None:
    net = Net()
    assert [n for n, _ in net.named_parameters()] == [
        "scale",
        "first.weight",
        "first.bias",
        "norm.weight",
        "norm.bias",
        "last.1.weight",
    ]
    assert [n for n, _ in net.named_parameters("net", recurse=False)] == ["net.scale"]
    assert [n for n, _ in net.named_parameters("net")][:2] == ["net.scale", "net.first.weight"]
    assert [n for n, _ in net.named_buffers()] == [
        "offset",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
    ]
    assert [n for n, _ in net.named_children()] == ["first", "norm", "last"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "norm", "last", "last.0", "last.1"]
    assert list(net.children()) == [net.first, net.norm, net.last]
    assert next(net.modules()) is net
    assert len(list(net.parameters())) == 6
    assert len(list(net.buffers())) == 4


def test_state_dict_leaves_out_what_is_not_persistent_and_shares_memory() -> None:
    net = Net()
    state = net.state_dict()
    assert "offset" not in state
    assert "norm.num_batches_tracked" in state
    net.scale.write(3.0)
    np.testing.assert_array_equal(state["scale"].numpy(), 3)
    assert not state["scale"].requires_grad


def test_shared_parts_come_once_but_have_all_their_keys() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(net.parameters())) == 2
    assert [n for n, _ in net.named_modules()] == ["", "0", "1"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4


def test_get_by_name() -> None:
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("last.1") is net.last[1]
    assert net.get_parameter("last.1.weight") is net.last[1].weight
    assert net.get_buffer("norm.running_var") is net.norm.running_var
    with pytest.raises(AttributeError, match=r"get_submodule: Sequential has no submodule '7' \(in 'last.7'\)"):
        net.get_submodule("last.7")
    with pytest.raises(AttributeError, match=r"get_parameter: Linear has no parameter 'bias' \(in 'last.1.bias'\)"):
        net.get_parameter("last.1.bias")


def test_load_state_dict_does_without_the_number_of_batches() -> None:
    """As in checkpoints from before there was one."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    net[1].num_batches_tracked.write(5)
    state = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict()
    del state["1.num_batches_tracked"]
    assert net.load_state_dict(state) == ([], [])
    assert net[1].num_batches_tracked.item() == 5
    del state["1.running_var"]
    with pytest.raises(RuntimeError, match=r"missing keys: 1\.running_var$"):
        net.load_state_dict(state)


def test_load_state_dict_says_all_that_does_not_fit_and_then_writes_nothing() -> None:
    net = Net()
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    state = {name: value + 1 for name, value in before.items()}
    del state["scale"], state["norm.bias"]
    state["extra.weight"] = np.zeros(2)
    state["first.weight"] = np.zeros((5, 3))
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    message = str(error.value)
    assert "missing keys: scale, norm.bias" in message
    assert "unexpected keys: extra.weight" in message
    assert "first.weight has shape (5, 3) in the state and (4, 3) in the module" in message
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    with pytest.raises(RuntimeError, match=r"first\.weight has shape"):
        net.load_state_dict(state, strict=False)
    del state["first.weight"]
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert missing == ["scale", "first.weight", "norm.bias"]
    assert unexpected == ["extra.weight"]
    np.testing.assert_array_equal(net.norm.running_var.numpy(), before["norm.running_var"] + 1)
    with pytest.raises(RuntimeError, match="scale has dtype <U2, which is not one of real numbers"):
        net.load_state_dict({"scale": np.array(["ab"] * 4)}, strict=False)


def test_load_state_dict_keeps_identity_and_dtype() -> None:
    net = Net()
    weight = net.first.weight
    net.load_state_dict({name: value.numpy().astype(np.float64) for name, value in net.state_dict().items()})
    assert net.first.weight is weight
    assert weight.dtype == np.float32


def test_modes_apply_and_requires_grad() -> None:
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    seen: list[nn.Module] = []
    net.apply(seen.append)
    assert seen == [net.first, net.norm, *net.last, net.last, net]
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    assert all(p.requires_grad for p in net.requires_grad_().parameters())


def test_casting_keeps_parameters_themselves_and_their_gradients() -> None:
    net = Net().float()
    net(ag.tensor(np.ones((2, 3), np.float32))).sum().backward()
    parameters = list(net.parameters())
    net.double()
    assert all(a is b for a, b in zip(parameters, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {p.grad.dtype for p in parameters} == {np.dtype(np.float64)}
    assert net.norm.running_mean.dtype == np.float64
    assert net.norm.num_batches_tracked.dtype == np.int64
    net.zero_grad()
    x = ag.tensor(np.ones((2, 3)))
    net(x).sum().backward()
    assert all(p.grad.dtype == np.float64 for p in parameters)
    with pytest.raises(TypeError, match="to: wants a floating dtype, got int64"):
        net.to(np.int64)


def test_zero_grad() -> None:
    layer = nn.Linear(2, 2)
    layer(ag.tensor([1.0, 2.0])).sum().backward()
    layer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(layer.weight.grad.numpy(), 0)
    layer.zero_grad()
    assert layer.weight.grad is None


def test_assignment_is_checked() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.ReLU()

    with pytest.raises(AttributeError, match=r"Early: call super\(\).__init__\(\) before assigning 'layer'"):
        Early()
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Linear: 'weight' is a parameter and takes a Parameter or None, not Tensor"):
        layer.weight = layer.weight * 2
    with pytest.raises(TypeError, match="BatchNorm1d: 'running_mean' is a buffer and takes a Tensor or None, not list"):
        nn.BatchNorm1d(2).running_mean = [1.0, 2.0]
    with pytest.raises(KeyError, match="register_buffer: Linear has an attribute 'forward' already"):
        layer.register_buffer("forward", ag.tensor(1.0))
    with pytest.raises(KeyError, match="neither empty nor hold a dot"):
        layer.register_parameter("a.b", None)
    with pytest.raises(TypeError, match="'more' is a submodule and takes a Module or None, not int"):
        layer.add_module("more", 3)
    with pytest.raises(TypeError, match="'more' is a parameter and takes a Parameter or None, not Tensor"):
        layer.register_parameter("more", ag.ones(2))
    with pytest.raises(TypeError, match="'more' is a buffer and takes a Tensor or None, not list"):
        layer.register_buffer("more", [1.0])
    with pytest.raises(TypeError, match="register_parameter: a name has to be a string, got 3"):
        layer.register_parameter(3, None)
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()(1)


def test_deepcopy_and_pickle() -> None:
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(other.state_dict()) == list(net.state_dict())
        assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in other.parameters())
        other.scale.write(7.0)
        assert float(net.scale.numpy()[0]) == 1.0


def test_forward_hooks() -> None:
    layer = nn.Linear(2, 2)
    calls: list[str] = []
    x = ag.tensor([[1.0, 2.0]])
    plain = layer(x).numpy()

    def double(module: nn.Module, args: Any) -> Any:
        assert module is layer
        calls.append("pre")
        return args[0] * 2

    def negate(module: nn.Module, args: Any, output: Any) -> Any:
        calls.append("post")
        return -output

    before = layer.register_forward_pre_hook(double)
    after = layer.register_forward_hook(negate)
    first = layer.register_forward_hook(lambda *_: calls.append("first"), prepend=True)
    np.testing.assert_allclose(layer(x).numpy(), -(2 * plain - layer.bias.numpy()), rtol=1e-6)
    assert calls == ["pre", "first", "post"]
    before.remove()
    before.remove()
    first.remove()
    with after:
        np.testing.assert_allclose(layer(x).numpy(), -plain)
    np.testing.assert_allclose(layer(x).numpy(), plain)


def test_a_forward_pre_hook_may_return_all_arguments() -> None:
    module = Two()
    module.register_forward_pre_hook(lambda m, args: (args[0] + 1, args[1]))
    assert module(2.0, 5.0) == (15.0, 8.0)


def test_forward_hooks_with_keywords() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Any, factor: float = 1.0) -> Any:
            return factor * x

    module = Scaled()
    seen: list[Any] = []
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"factor": 3.0}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, kwargs, y: seen.append(kwargs), with_kwargs=True)
    assert module(2.0, factor=5.0) == 6.0
    assert seen == [{"factor": 3.0}]


class Two(nn.Module):
    def forward(self, a: Any, b: Any) -> Any:
        return a * b, a + b


def test_full_backward_hook_sees_all_gradients_and_can_replace_them() -> None:
    module = Two()
    seen: list[Any] = []

    def hook(m: nn.Module, grad_input: Any, grad_output: Any) -> Any:
        seen.append((m, [g.item() for g in grad_input], [g if g is None else g.item() for g in grad_output]))
        return tuple(10 * g for g in grad_input)

    handle = module.register_full_backward_hook(hook)
    a, b = ag.tensor(2.0, requires_grad=True), ag.tensor(3.0, requires_grad=True)
    product, total = module(a, b)
    (product + 5 * total + a).backward(retain_graph=True)  # a is used outside the module, too
    assert seen == [(module, [8.0, 7.0], [1.0, 5.0])]
    assert (a.grad.item(), b.grad.item()) == (81.0, 70.0)
    a.grad = b.grad = None
    product.backward()
    assert seen[1] == (module, [3.0, 2.0], [1.0, None])
    handle.remove()
    a.grad = b.grad = None
    module(a, b)[0].backward()
    assert a.grad.item() == 3.0
    assert len(seen) == 2


def test_backward_hook_runs_where_no_input_requires_grad_and_pre_hook_replaces() -> None:
    layer = nn.Linear(1, 1)
    seen: list[Any] = []
    layer.register_full_backward_pre_hook(lambda m, grad_output: (2 * grad_output[0],))
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].item())))
    layer(ag.tensor([1.0])).sum().backward()
    assert seen == [((None,), 2.0)]
    with ag.no_grad():
        assert not layer(ag.tensor([1.0], requires_grad=True)).requires_grad
    assert layer.bias.grad.item() == 2.0


def test_backward_hooks_of_a_named_tuple_and_of_a_result_that_is_not_used() -> None:
    class Pair(NamedTuple):
        product: Any
        total: Any

    class Named(Two):
        def forward(self, a: Any, b: Any) -> Any:
            self.kept = 3 * a
            return Pair(*super().forward(a, b))

    module, seen = Named(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append(([g and g.item() for g in gi], go)))
    a = ag.tensor(2.0, requires_grad=True)
    output = module(a, ag.tensor(5.0))
    assert isinstance(output, Pair)
    output.product.backward(retain_graph=True)
    assert seen[0][0] == [5.0, None]
    module.kept.backward()
    assert seen[1] == ([3.0, None], ())


def test_repr() -> None:
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Tanh()))) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n    (0): Tanh()\n  )\n)"
    )
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.ReLU(inplace=True)) == "ReLU(inplace=True)"


def test_sequential() -> None:
    net = nn.Sequential(OrderedDict(hidden=nn.Linear(2, 3), act=nn.ReLU(), out=nn.Linear(3, 1)))
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert net[-1] is net.out
    assert [name for name, _ in net[1:].named_children()] == ["act", "out"]
    assert len(net) == 3
    assert list(net) == [net.hidden, net.act, net.out]
    assert net.append(nn.Tanh()) is net
    assert [name for name, _ in net.named_children()] == ["hidden", "act", "out", "3"]
    net[1] = nn.Sigmoid()
    assert isinstance(net.act, nn.Sigmoid)
    numbered = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    del numbered[0]
    assert repr(numbered) == "Sequential(\n  (0): Tanh()\n  (1): Sigmoid()\n)"
    numbered.insert(0, nn.Linear(1, 1))
    assert list(numbered.state_dict()) == ["0.weight", "0.bias"]
    with pytest.raises(IndexError, match="Sequential: index 5 is out of range for 3 parts"):
        numbered[5]
    with pytest.raises(TypeError, match="Sequential: '0' has to be a Module, got int"):
        nn.Sequential(3)


def test_what_is_of_another_library_is_said_to_be() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Sequential: '0' has to be a Module, got torch's Linear"):
        nn.Sequential(theirs)
    with pytest.raises(TypeError, match="ModuleDict: 'a' has to be a Module, got torch's Linear"):
        nn.ModuleDict({"a": theirs})
    with pytest.raises(TypeError, match="parameter 0 of group 0 is no Tensor but of type torch's Parameter"):
        optim.SGD(theirs.parameters())
    with pytest.raises(TypeError, match="cannot make a batch of torch's Tensor; wants tensors"):
        nn.data.default_collate([torch.ones(2)])


def test_module_list() -> None:
    layers = nn.ModuleList([nn.Linear(1, 1)])
    layers.append(nn.ReLU()).extend([nn.Tanh()])
    assert len(layers) == 3
    assert isinstance(layers[-1], nn.Tanh)
    assert isinstance(layers[:2], nn.ModuleList)
    assert list(layers.state_dict()) == ["0.weight", "0.bias"]
    with pytest.raises(TypeError, match="ModuleList: takes Modules, got str"):
        layers.append("tanh")


def test_module_dict() -> None:
    parts = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    assert list(parts) == list(parts.keys()) == ["a", "b"]
    assert "a" in parts
    assert len(parts) == 2
    removed = parts.pop("b")
    assert isinstance(removed, nn.ReLU)
    parts["c"] = removed
    assert [k for k, _ in parts.items()] == ["a", "c"]
    assert list(parts.state_dict()) == ["a.weight", "a.bias"]
    with pytest.raises(KeyError, match="ModuleDict has an attribute 'items' already"):
        parts["items"] = nn.ReLU()
    parts.clear()
    assert len(parts) == 0


@pytest.mark.parametrize("holder", [nn.Sequential(nn.ReLU()), nn.ModuleList([nn.ReLU()])])
def test_what_is_no_module_is_refused_and_changes_nothing(holder: Any) -> None:
    for put in (
        lambda: holder.append(np.tanh),
        lambda: holder.extend([np.tanh]),
        lambda: holder.insert(0, np.tanh),
        lambda: holder.__setitem__(0, np.tanh),
    ):
        with pytest.raises(TypeError, match=f"{type(holder).__name__}: takes Modules, got ufunc"):
            put()
        assert [type(part) for part in holder] == [nn.ReLU]


def test_containers_join_and_pop_as_lists() -> None:
    relu, tanh = nn.ReLU(), nn.Tanh()
    more = [tanh]
    for holder in (nn.Sequential(relu), nn.ModuleList([relu])):
        joined = holder + more
        assert type(joined) is type(holder)
        assert list(joined) == [relu, tanh]
        assert list(holder) == [relu]
        holder += [tanh, relu]
        assert holder.pop() is relu
        assert holder.pop(0) is relu
        assert list(holder) == [tanh]
        assert list(dict(holder.named_children())) == ["0"]
        for index in (1, -2):
            with pytest.raises(IndexError, match=f"index {index} is out of range for 1 parts"):
                holder[index]


def test_parameter_list() -> None:
    weights = nn.ParameterList([np.zeros(2, np.float32), nn.Parameter([1.0])])
    weights.append(np.ones((2, 2), np.float32))
    assert list(weights.state_dict()) == ["0", "1", "2"]
    assert all(isinstance(w, nn.Parameter) for w in weights)
    assert weights[-1].shape == (2, 2)
    assert "(0): Parameter float32 of shape (2,)" in repr(weights)


class Scaled(nn.Module):
    def __init__(self, start: ag.Tensor | None, persistent: bool = True) -> None:
        super().__init__()
        self.register_buffer("scale", start, persistent)


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("start", [ag.ones(2), None])
def test_a_parameter_in_place_of_a_buffer_is_trained(start: ag.Tensor | None, persistent: bool) -> None:
    module = Scaled(start, persistent)
    module.scale = nn.Parameter(ag.ones(2))
    assert [*dict(module.named_parameters())] == [*module.state_dict()] == ["scale"]
    assert not [*module.buffers()]


def test_a_parameter_registered_as_a_buffer_is_one() -> None:
    module = nn.Module()
    module.register_buffer("scale", nn.Parameter(ag.ones(2)))
    assert [*dict(module.named_buffers())] == [*module.state_dict()] == ["scale"]
    assert not [*module.parameters()]


def test_a_module_that_was_replaced_loses_its_name() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.old = [nn.Linear(2, 2)]
            self.fc = self.old[0]
            self.fc = nn.Linear(2, 2)

        def forward(self, x: ag.Tensor) -> ag.Tensor:
            return self.fc(self.old[0](x))

    calls = view(Two()(ag.ones(2))).calls
    assert sorted(call.module for call in calls if call.kind == "Linear") == ["Linear", "fc"]


def test_adding_many_modules_takes_time_as_they_are_many() -> None:
    class Counted(nn.ModuleList):
        looked = 0

        def _parts(self) -> dict[str, Any]:
            Counted.looked += 1
            return super()._parts()

    layers = Counted(nn.ReLU() for _ in range(100))
    assert Counted.looked < 10
    with pytest.raises(TypeError, match="Counted: takes Modules, got int"):
        layers.extend([nn.ReLU(), 3])
    assert len(layers) == 100


def test_what_does_not_fit_is_said_in_the_order_of_the_module() -> None:
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(20)])
    state = {name: ag.ones(7) for name in reversed(model.state_dict())}
    with pytest.raises(RuntimeError, match="has shape") as caught:
        model.load_state_dict(state)
    assert re.findall(r"(\S+) has shape", str(caught.value)) == list(model.state_dict())


def test_a_name_is_of_one_kind() -> None:
    with pytest.raises(KeyError, match="register_parameter: Scaled has an attribute 'scale' already"):
        Scaled(ag.ones(2)).register_parameter("scale", nn.Parameter(ag.ones(2)))
    layer = nn.Linear(2, 2)
    for register, part in ((layer.register_buffer, ag.ones(2)), (layer.add_module, nn.ReLU())):
        with pytest.raises(KeyError, match="Linear has an attribute 'weight' already"):
            register("weight", part)
    layer.register_parameter("weight", nn.Parameter(ag.ones((2, 2))))
    scaled = Scaled(ag.ones(2))
    scaled.register_buffer("scale", ag.zeros(2), persistent=False)
    assert not scaled.state_dict()


def test_casting_keeps_hooks_and_what_is_pending() -> None:
    layer, x = nn.Linear(2, 1, bias=False), ag.ones((1, 2))
    pending = layer(x).sum()
    layer.weight.register_hook(lambda g: 3 * g)
    layer.double()
    pending.backward()
    assert (layer.weight.grad.tolist(), layer.weight.grad.dtype) == ([[3, 3]], np.float64)
    layer(x.double()).sum().backward()
    assert layer.weight.grad.tolist() == [[6, 6]]


def test_casting_and_copying_keep_gradients_of_what_is_frozen() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer(ag.ones((1, 2))).sum().backward()
    layer.requires_grad_(False)
    other = copy.deepcopy(layer)
    layer.double()
    for module in (layer, other):
        assert not module.weight.requires_grad
        module.requires_grad_(True)
        assert module.weight.grad.tolist() == [[1, 1]]
        assert module.weight.grad.dtype == module.weight.dtype
    layer.half().zero_grad()
    layer.requires_grad_(False).double().requires_grad_(True)
    assert layer.weight.grad is None


def test_module_dicts_of_module_dicts() -> None:
    first = nn.ModuleDict({"ab": nn.ReLU()})
    second = nn.ModuleDict(first)
    second.update(nn.ModuleDict({"c": nn.Tanh()}))
    assert list(second) == ["ab", "c"]
    assert second["ab"] is first["ab"]


def test_states_of_pytorch_and_what_is_no_state() -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.Linear(2, 3), nn.Linear(2, 3)
    ours.load_state_dict(dict(theirs.named_parameters()))
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().numpy())
    with pytest.raises(TypeError, match="load_state_dict: wants a dict of arrays by name, got Linear"):
        ours.load_state_dict(ours)
    assert ours.to("cpu") is ours.cpu() is ours
    with pytest.raises(TypeError, match="to: wants a floating dtype, or 'cpu', which is all there is; got 'cuda'"):
        ours.to("cuda")


def test_a_submodule_that_overrides_train_decides_for_itself() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def train(self, mode: bool = True) -> Frozen:
            super().train(mode)
            self.norm.eval()
            return self

    net = nn.Sequential(nn.Sequential(Frozen()), nn.Dropout())
    for mode in (True, False, True):
        net.train(mode)
        assert [m.training for m in net.modules()] == [mode, mode, mode, False, mode]
    for mode in (None, "x", 1):
        with pytest.raises(ValueError, match=f"train: wants mode True or False, got {mode!r}"):
            net.train(mode)  # type: ignore[arg-type]


def test_plain_attributes_come_before_the_base_too() -> None:
    class Wide(nn.Module):
        def __init__(self, first: Any) -> None:
            self.width, self.scale, self.first = 3, ag.tensor(2.0), first
            super().__init__()
            self.layer = nn.Linear(self.width, 1)

    wide = Wide("x")
    assert (wide.width, wide.scale.item(), wide.first, len(wide.state_dict())) == (3, 2.0, "x", 2)
    for part in (nn.Parameter([1.0]), nn.ReLU()):
        with pytest.raises(AttributeError, match="call super"):
            Wide(part)


def test_what_replaces_what() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    net[1].running_mean = nn.ReLU()
    assert [name for name, _ in net[1].named_buffers()] == ["running_var", "num_batches_tracked"]
    assert [name for name, _ in net[1].named_children()] == ["running_mean"]
    setattr(net, "0", nn.Parameter([1.0]))
    assert [name for name, _ in net.named_parameters()] == ["0", "1.weight", "1.bias"]


def test_a_parameter_that_is_none_takes_parameters_alone() -> None:
    emptied, registered = nn.Linear(2, 2), nn.Module()
    emptied.bias = None
    registered.register_parameter("bias", None)
    layers = [nn.Linear(2, 2, bias=False), nn.Conv1d(2, 2, 1, bias=False), nn.BatchNorm1d(2, affine=False)]
    for module in (emptied, registered, *layers, copy.deepcopy(layers[0]), pickle.loads(pickle.dumps(layers[0]))):
        with pytest.raises(TypeError, match="'bias' is a parameter and takes a Parameter or None, not Tensor"):
            module.bias = ag.tensor([1.0, 2.0])
        module.bias = None
        module.bias = nn.Parameter([1.0, 2.0])
        assert "bias" in dict(module.named_parameters())
    del registered.bias
    registered.bias = "free again"


class Forgetful(nn.Module):
    """Without a call of `super().__init__()`."""

    def __init__(self) -> None:
        self.n = 3

    def forward(self, x: Any) -> Any:
        return self.n * x


@pytest.mark.parametrize(
    "use",
    [
        lambda module: module(ag.zeros(2)),
        lambda module: list(module.parameters()),
        lambda module: module.state_dict(),
        lambda module: module.register_buffer("steps", ag.zeros(1)),
        lambda module: nn.Sequential(module),
    ],
)
def test_a_module_whose_init_was_not_called_says_so(use: Any) -> None:
    with pytest.raises(AttributeError, match=r"^Forgetful: call super\(\).__init__\(\) in its __init__, before"):
        use(Forgetful())


def test_what_init_would_have_set_is_simply_not_there() -> None:
    module = Forgetful()
    assert not hasattr(module, "_plate")
    for other in (copy.copy(module), copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert vars(other) == {"n": 3}
    assert hasattr(Net(), "_plate")
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'nowhere'"):
        Net().nowhere  # noqa: B018


class Product(nn.Module):
    def forward(self, a: ag.Tensor, b: ag.Tensor) -> ag.Tensor:
        return a * b


@pytest.mark.parametrize("count", [1, 3])
def test_a_backward_hook_has_to_return_as_many_gradients_as_there_are(count: int) -> None:
    a, b = ag.tensor(2.0, requires_grad=True), ag.tensor(3.0, requires_grad=True)
    module = Product()
    handle = module.register_full_backward_hook(lambda module, given, arrived: (given[0],) * count)
    with pytest.raises(RuntimeError, match=f"Product: a backward hook returned {count} gradients in place of 2"):
        module(a, b).backward()
    handle.remove()
    module.register_full_backward_pre_hook(lambda module, arrived: (arrived[0],) * (count + 1))
    with pytest.raises(RuntimeError, match=f"a backward hook returned {count + 1} gradients in place of 1"):
        module(a, b).backward()


def test_parameters_of_a_plain_dict_are_in_the_order_of_their_names() -> None:
    given = {"b": ag.ones(1), "a": ag.ones(2)}
    assert list(nn.ParameterDict(given)) == ["a", "b"]
    assert list(nn.ParameterDict(OrderedDict(given))) == ["b", "a"]
    assert list(nn.ParameterDict(given.items())) == ["b", "a"]
    assert list(nn.ParameterDict(nn.ParameterDict(given.items()))) == ["b", "a"]
    parts = nn.ParameterDict()
    parts.update(given)
    assert list(parts) == ["a", "b"]
