"""Module: a function with parameters, made of other modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from autograd.hooks import RemovableHandle
from autograd.other_names import Absent
from autograd.scopes import Plate, entered, left, living, parameters
from autograd.stepping.display import module_html
from nn.hooks import add_hook, gate
from nn.parameter import Parameter, UninitializedTensor


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` left out: keys the module has and the state does not, and the reverse."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"{type(self).__name__}(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Hook(NamedTuple):
    """A forward hook, and whether it is also given the keyword arguments."""

    function: Callable[..., Any]
    with_kwargs: bool


class _SetByInit:
    """Stands in the class for an attribute that `Module.__init__` sets, and says so where it was not called."""

    def __get__(self, module: Module | None, kind: type) -> Self:
        if module is None:
            return self
        raise AttributeError(f"{kind.__name__}: call super().__init__() in its __init__, before anything else")


class Module:
    """Base class of everything with parameters: layers, losses, models.

    A subclass assigns its parameters and submodules to attributes in `__init__`, after `super().__init__()`, and
    computes in `forward`. Which attribute is what, its type says: a `Parameter` is a parameter, a `Module` a submodule.
    A buffer (state that is not trained) is registered by `register_buffer`. A Parameter may be assigned to any name;
    a name that holds a parameter, submodule or buffer takes no other kind but None: TypeError (a module may replace a
    buffer). A parameter's name keeps its kind when it is None.

    >>> import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter([2.0])
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> model = Scale()
    >>> model(tensor([3.0])).sum().backward()
    >>> model.factor.grad
    tensor([3.])
    >>> list(model.state_dict())
    ['factor']
    """

    optional_state: ClassVar[frozenset[str]] = frozenset()  # what a state dict that is loaded may lack
    training: bool
    _plate: Plate
    _buffer_persistence: dict[str, bool]
    _absent_parameters: set[str]

    if not TYPE_CHECKING:
        _plate = _buffer_persistence = _SetByInit()

    def __init__(self) -> None:
        self.__dict__["_absent_parameters"] = set()
        self.__dict__["_buffer_persistence"] = {}
        self.__dict__["_plate"] = Plate()
        self._forward_pre_hooks: dict[int, Hook] = {}
        self._forward_hooks: dict[int, Hook] = {}
        self._backward_pre_hooks: dict[int, Callable[..., Any]] = {}
        self._backward_hooks: dict[int, Callable[..., Any]] = {}
        self.training = True
        living[id(self)] = self

    def __setstate__(self, state: Any) -> None:
        """What a copy or an unpickled module is made of: its attributes, and those of slots if a subclass has some."""
        attributes, slots = state if isinstance(state, tuple) else (state, {})
        self.__dict__.update(attributes)
        for name, value in slots.items():
            object.__setattr__(self, name, value)
        living[id(self)] = self

    if TYPE_CHECKING:  # what `register_buffer` and the like set, and attributes of modules held in containers

        def __getattr__(self, name: str) -> Any: ...

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, with the hooks before and after it."""
        scope = entered(self, self._plate)
        output = None
        try:
            if self._forward_pre_hooks or self._forward_hooks or self._backward_hooks or self._backward_pre_hooks:
                output = self._call_with_hooks(args, kwargs)
            else:
                output = self.forward(*args, **kwargs)
        except (AttributeError, TypeError) as error:
            self._note_lists(error, args)
            raise
        finally:
            if scope is not None:
                left(scope, output)
        return output

    def _note_lists(self, error: Exception, args: tuple[Any, ...]) -> None:
        """Add to an error about a list, once, which of the arguments are lists."""
        kinds = [kind for kind in (list, tuple) if f"'{kind.__name__}'" in str(error)]
        given = [str(i) for i, x in enumerate(args, 1) if type(x) in kinds]
        if given and not hasattr(error, "__notes__"):
            error.add_note(
                f"{type(self).__name__} wants tensors, as `ag.tensor` makes them: see input {' and '.join(given)}"
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if "_buffer_persistence" not in self.__dict__:
            if isinstance(value, (Parameter, Module)):
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning '{name}'")
            super().__setattr__(name, value)
            return
        if isinstance(value, Parameter):
            self._buffer_persistence.pop(name, None)  # from now on it is trained
            self._absent_parameters.discard(name)
        elif name in self._buffer_persistence:
            if isinstance(value, Module):
                del self._buffer_persistence[name]
            else:
                self._check_kind("buffer", name, value, Tensor)
        elif name in self._absent_parameters or isinstance(self.__dict__.get(name), Parameter):
            self._check_kind("parameter", name, value, Parameter)
            self._absent_parameters.add(name)
        elif isinstance(self.__dict__.get(name), Module):
            self._check_kind("submodule", name, value, Module)
        before = self.__dict__.get(name)
        if isinstance(before, Module) and before is not value:
            before._plate.remove(self._plate, name)
        super().__setattr__(name, value)
        if isinstance(value, Module):
            value._plate.add(self._plate, name)
        elif isinstance(value, Parameter) and value.node is not None:
            parameters[value.node] = (self._plate, name)

    def __delattr__(self, name: str) -> None:
        part = self.__dict__.get(name)
        super().__delattr__(name)
        if isinstance(part, Module):
            part._plate.remove(self._plate, name)
        self._buffer_persistence.pop(name, None)
        self._absent_parameters.discard(name)

    def _check_kind(self, role: str, name: str, value: Any, kind: type) -> None:
        if value is not None and not isinstance(value, kind):
            raise TypeError(
                f"{type(self).__name__}: '{name}' is a {role} and takes a {kind.__name__} or None, "
                f"not {type(value).__name__}"
            )

    # parts

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`, as assigning it to an attribute does. None: the module has none."""
        self._check_name("register_parameter", name, "parameter")
        self._check_kind("parameter", name, param, Parameter)
        setattr(self, name, param)
        if param is None:
            self._absent_parameters.add(name)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add state that is not trained, such as a running mean; in `state_dict` too if `persistent`."""
        self._check_name("register_buffer", name, "buffer")
        self._check_kind("buffer", name, tensor, Tensor)
        self._buffer_persistence[name] = persistent
        self._absent_parameters.discard(name)
        super().__setattr__(name, tensor)  # a Parameter, too, is a buffer then

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under `name`, as assigning it to an attribute does."""
        self._check_name("register_module", name, "submodule")
        self._check_kind("submodule", name, module, Module)
        setattr(self, name, module)

    add_module = register_module

    def _check_name(self, op: str, name: str, role: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{op}: a name has to be a string, got {name!r}")
        if not name or "." in name:
            raise KeyError(f"{op}: a name can be neither empty nor hold a dot, got {name!r}")
        taken = self.__dict__[name] if name in self.__dict__ else getattr(type(self), name, None)
        if taken is not None and self._role(name, taken) != role:
            raise KeyError(f"{op}: {type(self).__name__} has an attribute '{name}' already")

    def _role(self, name: str, value: Any) -> str | None:
        """What part of the module a value under this name is, if one."""
        if name in self._buffer_persistence:
            return "buffer"
        return "parameter" if isinstance(value, Parameter) else "submodule" if isinstance(value, Module) else None

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names; one that has two names comes once."""
        seen = set()
        for name, value in self.__dict__.items():
            if isinstance(value, Module) and value not in seen:
                seen.add(value)
                yield name, value

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module (named "") and all below it, with dotted names, in depth-first order."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, value in self.__dict__.items():
            if isinstance(value, Module):
                yield from value.named_modules(memo, _join(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names; one that is shared comes once."""
        return self._named(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and, if `recurse`, of all below it: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names; one that is shared comes once."""
        return self._named(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and, if `recurse`, of all below it."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _own_parameters(self) -> Iterator[tuple[str, Any]]:
        buffers = self._buffer_persistence
        return ((n, v) for n, v in self.__dict__.items() if isinstance(v, Parameter) and n not in buffers)

    def _own_buffers(self) -> Iterator[tuple[str, Any]]:
        held = self.__dict__
        return ((name, held[name]) for name in self._buffer_persistence if held[name] is not None)

    def _named(
        self, own: Callable[[Module], Iterator[tuple[str, Any]]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in own(module):
                if value not in seen:
                    if remove_duplicate:
                        seen.add(value)
                    yield _join(path, name), value

    def get_submodule(self, target: str) -> Module:
        """The submodule with the dotted name `target`; "" is the module itself. AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            found = module.__dict__.get(name)
            if not isinstance(found, Module):
                raise AttributeError(
                    f"get_submodule: {type(module).__name__} has no submodule '{name}' (in '{target}')"
                )
            module = found
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with the dotted name `target`. AttributeError if there is none."""
        found: Parameter = self._get("parameter", target, Module._own_parameters)
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with the dotted name `target`. AttributeError if there is none."""
        found: Tensor = self._get("buffer", target, Module._own_buffers)
        return found

    def _get(self, role: str, target: str, own: Callable[[Module], Iterator[tuple[str, Any]]]) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        for known, value in own(module):
            if known == name:
                return value
        raise AttributeError(f"get_{role}: {type(module).__name__} has no {role} '{name}' (in '{target}')")

    # modes and dtypes

    def train(self, mode: bool = True) -> Self:
        """Set training mode, here and below: dropout drops, batch normalisation uses the batch's statistics.

        It calls `train` of each child, so that a submodule that overrides it, as to stay frozen, decides for itself and
        what is below it. Raises ValueError for a mode that is no bool.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: wants mode True or False, got {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Leave training mode, here and below."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call `fn` on every module below and then on this one, as for initialisation."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, dtype: npt.DTypeLike) -> Self:
        """Cast the floating-point parameters, their gradients and the buffers to a floating `dtype`, in place.

        PyTorch's device "cpu" changes nothing.
        """
        if isinstance(dtype, str) and dtype == "cpu":
            return self
        try:
            wanted = np.dtype(dtype)
        except TypeError:
            raise TypeError(f"to: wants a floating dtype, or 'cpu', which is all there is; got {dtype!r}") from None
        if wanted.kind != "f":
            raise TypeError(f"to: wants a floating dtype, got {wanted}")
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dtype.kind == "f" and tensor.dtype != wanted:
                tensor.cast_(wanted)
        return self

    def cpu(self) -> Self:
        """The module itself: there is no other device."""
        return self

    cuda = Absent("cuda")

    def half(self) -> Self:
        """Cast to float16."""
        return self.to(np.float16)

    def float(self) -> Self:
        """Cast to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Cast to float64."""
        return self.to(np.float64)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Have the parameters trained, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the parameters' gradients; with `set_to_none=False`, those there are become zeros."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else ag.zeros_like(parameter.grad)

    # state

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """The parameters and persistent buffers by dotted name. The tensors share the module's memory."""
        return {prefix + name: tensor.detach() for name, tensor in self._named_state()}

    def _named_state(self) -> Iterator[tuple[str, Tensor]]:
        for path, module in self.named_modules(remove_duplicate=False):
            for name, tensor in module._own_parameters():
                yield _join(path, name), tensor
            for name, tensor in module._own_buffers():
                if module._buffer_persistence[name]:
                    yield _join(path, name), tensor

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Write the values of `state_dict` (tensors, or anything NumPy takes as arrays) into this module's tensors.

        What has no shape yet, as in a lazy layer that was never called, takes the shape it has in `state_dict`. The
        `num_batches_tracked` of batch norms may be missing, as it is in old checkpoints, and then stays. Raises
        RuntimeError listing all shapes that differ and, if `strict`, all keys that are missing or unexpected; then
        nothing has been written.
        """
        own = dict(self._named_state())
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: wants a dict of arrays by name, got {type(state_dict).__name__}")
        given = {name: _plain(value) for name, value in state_dict.items()}
        modules = self.named_modules(remove_duplicate=False)
        optional = {_join(path, name) for path, module in modules for name in module.optional_state}
        missing = [name for name in own if name not in given and name not in optional]
        unexpected = [name for name in given if name not in own]
        problems = []
        if strict and missing:
            problems.append(f"missing keys: {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected keys: {', '.join(unexpected)}")
        for name in [name for name in own if name in given]:
            if not isinstance(own[name], UninitializedTensor) and given[name].shape != own[name].shape:
                problems.append(
                    f"{name} has shape {given[name].shape} in the state and {own[name].shape} in the module"
                )
            elif given[name].dtype.kind not in "biuf":
                problems.append(f"{name} has dtype {given[name].dtype}, which is not one of real numbers")
        if problems:
            raise RuntimeError(
                f"load_state_dict: this state does not fit {type(self).__name__}: " + "; ".join(problems)
            )
        for name, tensor in own.items():
            if name in given:
                if isinstance(tensor, UninitializedTensor):
                    tensor.materialize(given[name].shape)
                tensor.write(given[name])
        return IncompatibleKeys(missing, unexpected)

    # hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before every forward; what it returns, if not None, replaces the arguments.

        With `with_kwargs` it is called with `(module, args, kwargs)` and returns None or both, changed.
        """
        return add_hook(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after every forward; what it returns, if not None, replaces the output.

        With `with_kwargs` it is called with `(module, args, kwargs, output)`.
        """
        return add_hook(self._forward_hooks, Hook(hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the module's outputs are known.

        What it returns, if not None, replaces them.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the module's positional inputs are known.

        Both are tuples of tensors, None where there is no gradient. What the hook returns, if not None, replaces
        `grad_input`.
        """
        return add_hook(self._backward_hooks, hook, prepend)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in tuple(self._forward_pre_hooks.values()):
            if hook.with_kwargs:
                args, kwargs = hook.function(self, args, kwargs) or (args, kwargs)
            else:
                changed = hook.function(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        watched = ag.is_grad_enabled() and bool(self._backward_hooks or self._backward_pre_hooks)
        grad_output: list[tuple[Tensor | None, ...]] = []
        inputs_need_grad = any(isinstance(x, Tensor) and x.requires_grad for x in args)

        def leaving(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...] | None:
            return self._run_backward_hooks(gradients, grad_output.pop() if grad_output else ())

        def entering(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
            for hook in tuple(self._backward_pre_hooks.values()):
                gradients = self._hooked(hook(self, gradients), gradients)
            if inputs_need_grad:
                grad_output[:] = [gradients]
            else:
                self._run_backward_hooks((None,) * len(args), gradients)
            return gradients

        if watched:
            args = tuple(gate(args, leaving))
        output = self.forward(*args, **kwargs)
        for hook in tuple(self._forward_hooks.values()):
            given = (args, kwargs, output) if hook.with_kwargs else (args, output)
            changed = hook.function(self, *given)
            output = output if changed is None else changed
        if watched:
            if isinstance(output, (tuple, list)):
                parts = gate(output, entering)
                output = type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
            else:
                (output,) = gate([output], entering)
        return output

    def _run_backward_hooks(
        self, grad_input: tuple[Tensor | None, ...], grad_output: tuple[Tensor | None, ...]
    ) -> tuple[Tensor | None, ...]:
        for hook in tuple(self._backward_hooks.values()):
            grad_input = self._hooked(hook(self, grad_input, grad_output), grad_input)
        return grad_input

    def _hooked(self, changed: Any, unchanged: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients after a backward hook, which returns None to leave them as they were."""
        if changed is None:
            return unchanged
        gradients = changed if isinstance(changed, tuple) else (changed,)
        if len(gradients) != len(unchanged):
            raise RuntimeError(
                f"{type(self).__name__}: a backward hook returned {len(gradients)} gradients in place of "
                f"{len(unchanged)}"
            )
        return gradients

    # text

    def extra_repr(self) -> str:
        """What a subclass shows of its own settings between the parentheses of its repr."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        parts = [
            f"({name}): " + repr(value).replace("\n", "\n  ")
            for name, value in self.__dict__.items()
            if isinstance(value, Module)
        ]
        if not parts and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + parts) + "\n)"

    def _repr_html_(self) -> str:
        return module_html(self)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _plain(value: Any) -> Any:
    """The array of a tensor, one of PyTorch's too, or of numbers."""
    detach = getattr(value, "detach", None)
    value = value if detach is None else detach()
    return np.asarray(value.array if isinstance(value, Tensor) else value)
