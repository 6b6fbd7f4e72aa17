"""What every optimizer shares: parameter groups, the loop over them, and saving and loading its state."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad
from autograd.memory import owner, writing
from autograd.other_names import kind_of
from autograd.tensor import Tensor, wrap
from optim.changes import together
from optim.packing import Packing

Group = dict[str, Any]
State = dict[str, Any]
Parameters = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[Group]

# Parameters of up to as many elements are updated together: the calls of an update take longer than its arithmetic.
SMALL = 1 << 13


class Optimizer:
    """Base of the optimizers: a subclass writes one update (`update`), and names what it keeps (`buffers`).

    An update that treats every element by itself says so by `elementwise`: then many small parameters are laid one
    after another and updated by a single call. A subclass that writes another update has to say so again.

    `params` are tensors, (name, tensor) pairs such as `model.named_parameters()` gives, or dicts with the key "params"
    and options of their own, each a group; `defaults` are the options of groups that do not set them. PyTorch's
    switches between its implementations (`foreach`, `fused`, `capturable`, `differentiable`) do not exist.

    Attributes: `param_groups`, the groups, whose options may be changed between steps; `state`, for each parameter what
    the algorithm remembers, as arrays and a count of steps; `defaults`; `stepped`, whether a step was ever taken.

    Raises ValueError for an empty list, a parameter given twice, a tensor that an operation made and an option out of
    its range, TypeError for what is not a tensor and an option of a wrong type.

    >>> from optim import SGD
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8, 1.6], requires_grad=True)
    >>> optimizer.zero_grad()
    >>> w.grad is None
    True
    """

    elementwise: ClassVar[bool] = False
    numbers: ClassVar[frozenset[str]] = frozenset({"step"})  # what is kept as a number, not as an array

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        says = next(base for base in cls.__mro__ if vars(base).keys() & {"elementwise", "update"})
        cls.elementwise = vars(says).get("elementwise", False)
        if "step" in vars(cls):
            cls.step = _noted(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Parameters, defaults: Group) -> None:
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self.stepped = False
        self.packings: dict[tuple[int, int], Packing] = {}
        self._check_options(defaults)
        if isinstance(params, Tensor):
            raise TypeError(f"{self.name}: wants an iterable of tensors or of dicts, got a single Tensor; write [p]")
        self._check_kind(params)
        given: list[Any] = list(params)
        if not given:
            raise ValueError(
                f"{self.name}: got an empty list of parameters; a module finds layers in an nn.ModuleList, but not in "
                "a list, and a generator gives its parameters only once"
            )
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def name(self) -> str:
        """What messages call it."""
        return type(self).__name__

    def update(self, param: Array, grad: Array, state: State, group: Group) -> None:
        """Change a parameter, an array open for writing, given its gradient and what is kept for it."""
        raise NotImplementedError(f"{self.name} does not define update")

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        """All that the algorithm may keep for a parameter, and whether it needs it with the group's options."""
        return {}

    def shape(self, name: str, param: Array) -> tuple[int, ...]:
        """The shape of the array of this name that is kept for a parameter."""
        return param.shape

    def check(self, group: Group) -> None:
        """Raise ValueError for an option of a group that is out of its range."""

    def check_parameter(self, p: Tensor, which: str) -> None:
        """Raise ValueError for a parameter that the algorithm cannot train; `which` it is, an error says."""

    def check_nonnegative(self, group: Group, *names: str) -> None:
        """Raise ValueError if one of these options is negative or NaN."""
        for name in names:
            if not group[name] >= 0:
                raise ValueError(f"{self.name}: wants {name} >= 0, got {group[name]}")

    def check_betas(self, group: Group) -> None:
        """Raise ValueError if one of the two betas is not in [0, 1)."""
        betas = group["betas"]
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{self.name}: wants both betas in [0, 1), got {betas}")

    def _check_options(self, group: Group) -> None:
        try:
            self.check(group)
        except TypeError as error:
            options = ", ".join(f"{name}={value!r}" for name, value in group.items() if name != "params")
            raise TypeError(f"{self.name}: an option is of a wrong type ({error}): {options}") from None

    def _check_kind(self, params: Any) -> None:
        is_module = hasattr(params, "parameters")
        if is_module and not (isinstance(params, Iterable) and all(isinstance(p, Tensor) for p in params)):
            raise TypeError(f"{self.name}: wants model.parameters(), got the {type(params).__name__} itself")
        if isinstance(params, (set, frozenset)):
            raise TypeError(
                f"{self.name}: parameters need an order that is the same in every run; got a set, use a list"
            )

    def add_param_group(self, param_group: Group) -> None:
        """Add a group: a dict with the key `"params"` and options of its own; the others are the optimizer's defaults.

        Raises as the constructor does.
        """
        if not isinstance(param_group, Mapping):
            raise TypeError(f"{self.name}: a parameter group is a dict, got {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(f"{self.name}: a parameter group needs the key 'params', got {sorted(param_group)}")
        params = param_group["params"]
        self._check_kind(params)
        params = [params] if isinstance(params, Tensor) else list(params)
        group = {**self.defaults, **param_group, "params": params}
        for name, value in group.items():
            if isinstance(value, Tensor):
                group[name] = value.item()
        if params and all(isinstance(p, tuple) for p in params):
            group["param_names"] = [name for name, _ in params]
            group["params"] = [p for _, p in params]
        if any(("param_names" in group) != ("param_names" in other) for other in self.param_groups):
            raise ValueError(f"{self.name}: either all parameter groups have names or none")
        self._check_options(group)
        seen = {p for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(group["params"]):
            which = f"parameter {i} of group {len(self.param_groups)}"
            if not isinstance(p, Tensor):
                raise TypeError(f"{self.name}: {which} is no Tensor but of type {kind_of(p)}")
            if not p.is_leaf:
                raise ValueError(f"{self.name}: {which} is no leaf: '{p.grad_fn and p.grad_fn.op}' made it")
            if p in seen:
                raise ValueError(f"{self.name}: {which} is given twice")
            self.check_parameter(p, which)
            seen.add(p)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for p in self._parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad = wrap(np.zeros_like(p.grad.array))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place.

        `closure`, if given, computes the loss and its gradients anew before that; what it returns is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.stepped = True
        counts = Counter(id(owner(p.array)) for p in self._parameters() if p.grad is not None)
        several = {memory for memory, count in counts.items() if count > 1}  # that parameters share: these in order
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and id(owner(p.array)) in several:
                    with ExitStack() as opened:
                        self._update_one(p, group, opened)
        home = getattr(type(self).update, "__globals__", {})  # not __module__, which functools.wraps copies
        whole = home.get("__package__") == __package__  # nothing comes after `in_blocks`
        with ExitStack() as opened, together(wait=whole):
            for i, group in enumerate(self.param_groups):
                alike: dict[Any, list[Tensor]] = {}  # small ones, by what has to be equal to update them together
                for p in group["params"]:
                    if p.grad is None or id(owner(p.array)) in several:
                        continue
                    array, state = p.array, self.state[p]
                    if self.elementwise and array.size <= SMALL:
                        key = (array.dtype, *state, *(state.get(name) for name in self.numbers))
                        alike.setdefault(key, []).append(p)
                    else:
                        self._update_one(p, group, opened)
                for j, params in enumerate(alike.values()):
                    if len(params) == 1:
                        self._update_one(params[0], group, opened)
                    else:
                        self._packed((i, j), params).update(self.update, group)
        return loss

    def _update_one(self, p: Tensor, group: Group, opened: ExitStack) -> None:
        """Update a parameter, which stays open for writing."""
        array = opened.enter_context(writing(p.array))
        self.update(array, np.asarray(p.grad.array, order="C"), self.state[p], group)  # type: ignore[union-attr]

    def _packed(self, place: tuple[int, int], params: list[Tensor]) -> Packing:
        """These parameters in one, as in the step before if nothing has come between."""
        states = [self.state[p] for p in params]
        if place not in self.packings or not self.packings[place].holds(params, states):
            self.packings[place] = Packing(params, states)
        return self.packings[place]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "packings": {}}  # in a copy, each state has memory of its own

    def _parameters(self) -> Iterator[Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def state_dict(self) -> dict[str, Any]:
        """A copy of what is needed to go on later: `{"state": {i: {...}}, "param_groups": [...]}`.

        Parameters are numbered through all groups, which hold these numbers in their place; arrays come as tensors.

        >>> from optim import SGD
        >>> SGD([tensor([1.0], requires_grad=True)], lr=0.1).state_dict()["param_groups"][0]["params"]
        [0]
        """
        number = {p: i for i, p in enumerate(self._parameters())}
        state = {number[p]: {name: _saved(v) for name, v in kept.items()} for p, kept in self.state.items() if kept}
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the options and a copy of the state in `state_dict`, made by an optimizer of the same kind.

        Arrays, tensors and PyTorch's tensors are all understood, and cast to their parameter's dtype. Raises
        ValueError, and changes nothing, if the groups differ in number or size or if the state is not one that this
        algorithm keeps.
        """
        name = f"{self.name}.load_state_dict"
        missing = [key for key in ("state", "param_groups") if key not in state_dict]
        if missing:
            raise ValueError(f"{name}: wants the keys 'state' and 'param_groups', got {sorted(state_dict)}")
        saved = state_dict["param_groups"]
        sizes, wanted = ([len(g["params"]) for g in groups] for groups in (saved, self.param_groups))
        if sizes != wanted:
            raise ValueError(f"{name}: the optimizer has groups of {wanted} parameters, the state dict of {sizes}")
        groups, place = [], {}
        for group, new in zip(self.param_groups, saved, strict=True):
            groups.append({**group, **new, "params": group["params"]})
            self._check_options({**groups[-1], "lr": group["lr"]})  # a schedule may set any rate
            place.update({key: (p, groups[-1]) for key, p in zip(new["params"], group["params"], strict=True)})
        state: defaultdict[Tensor, State] = defaultdict(dict)
        for key, kept in state_dict["state"].items():
            if key not in place:
                raise ValueError(f"{name}: state is given for parameter {key}, which is in no group")
            p, group = place[key]
            kept = {k: v for k, v in kept.items() if v is not None}
            known = self.buffers(group, p.array)
            absent = [k for k, needed in known.items() if needed and k not in kept]
            if kept and (absent or not known.keys() >= kept.keys()):
                wants = ", ".join(k for k, needed in known.items() if needed) or "nothing"
                raise ValueError(f"{name}: the state of parameter {key} holds {', '.join(kept)}; wants {wants}")
            state[p] = {k: self.loaded(k, v, p.array, f"{name}: '{k}' of parameter {key}") for k, v in kept.items()}
        self.state, self.param_groups = state, groups

    def loaded(self, name: str, value: Any, param: Array, what: str) -> Any:
        """A value of a state dict as it is kept for a parameter; `what` it is, an error says."""
        array = value.array if isinstance(value, Tensor) else np.asarray(value)
        shape = () if name in self.numbers else self.shape(name, param)
        if array.shape != shape:
            raise ValueError(f"{what} has shape {array.shape}, wants {shape}")
        if name in self.numbers:
            return int(array) if name == "step" else float(array)
        return np.array(array, param.dtype)

    def __repr__(self) -> str:
        lines = [f"{self.name} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _noted(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that notes that it was taken."""

    @functools.wraps(step)
    def noted(self: Optimizer, *arguments: Any, **keywords: Any) -> Any:
        self.stepped = True
        return step(self, *arguments, **keywords)

    return noted


def buffer(state: State, name: str, param: Array, fill: float = 0.0) -> Array:
    """The array of this name that is kept for a parameter; at first, `fill` everywhere."""
    if name not in state:
        state[name] = np.full_like(param, fill)
    return state[name]


def ascent(p: Array, g: Array, group: Group) -> Array:
    """The direction to go against: the gradient (negated to maximize) of the loss with its penalty λ/2 · |p|²."""
    if group["maximize"]:
        g = -g
    return g + group["weight_decay"] * p if group["weight_decay"] else g


def decayed(p: Array, g: Array, group: Group) -> Array:
    """`ascent`; or, with `decoupled_weight_decay`, p shrunk in place and the direction of the loss alone."""
    if not group["decoupled_weight_decay"]:
        return ascent(p, g, group)
    p *= 1 - group["lr"] * group["weight_decay"]
    return -g if group["maximize"] else g


def _saved(value: Any) -> Any:
    if isinstance(value, list):
        return [_saved(v) for v in value]
    if isinstance(value, np.ndarray):
        return wrap(value.copy())
    return wrap(np.array(value, np.float64))
