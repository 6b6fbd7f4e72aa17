"""Modules that hold other modules or parameters in order or by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from autograd import Tensor
from autograd.other_names import kind_of
from nn.module import Module
from nn.parameter import Parameter

Part = TypeVar("Part", Module, Parameter)


class _Container(Module, Generic[Part]):
    """What all containers share: parts, which are attributes of the type `holds`."""

    holds: ClassVar[Any] = Module

    def _parts(self) -> dict[str, Part]:
        """The parts by name, in order."""
        return {name: value for name, value in self.__dict__.items() if isinstance(value, self.holds)}

    def __len__(self) -> int:
        return len(self._parts())


class _Listed(_Container[Part]):
    """What the containers share whose parts are named "0", "1", and so on."""

    def _as_part(self, value: Any) -> Any:
        """What is held for `value`. TypeError if it cannot be a part."""
        if not isinstance(value, Module):
            raise TypeError(f"{type(self).__name__}: takes Modules, got {type(value).__name__}")
        return value

    def _position(self, index: int) -> str:
        names = list(self._parts())
        if not -len(names) <= index < len(names):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(names)} parts")
        return names[index]

    def _replace(self, parts: Iterable[Any]) -> None:
        """Hold just `parts`, named by their positions."""
        kept = [self._as_part(part) for part in parts]
        for name in list(self._parts()):
            delattr(self, name)
        for i, part in enumerate(kept):
            setattr(self, str(i), part)

    def __iter__(self) -> Iterator[Part]:
        return iter(list(self._parts().values()))

    @overload
    def __getitem__(self, index: int) -> Part: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Part | Self:
        if isinstance(index, slice):
            kind: Any = type(self)
            found: Self = kind(list(self)[index])
            return found
        return self._parts()[self._position(index)]

    def __setitem__(self, index: int, part: Any) -> None:
        setattr(self, self._position(index), self._as_part(part))

    def __delitem__(self, index: int | slice) -> None:
        parts = list(self)
        del parts[index]
        self._replace(parts)

    def append(self, part: Any) -> Self:
        """Add `part` at the end, and return the container."""
        setattr(self, str(len(self)), self._as_part(part))
        return self

    def extend(self, parts: Iterable[Any]) -> Self:
        """Add `parts` at the end, and return the container."""
        for i, part in enumerate([self._as_part(part) for part in parts], len(self)):
            setattr(self, str(i), part)
        return self

    def insert(self, index: int, part: Any) -> None:
        """Put `part` before the part at `index`."""
        parts = list(self)
        parts.insert(index, part)
        self._replace(parts)

    def pop(self, index: int = -1) -> Any:
        """Take the part at `index` out, and return it."""
        part = list(self)[index]
        del self[index]
        return part

    def __iadd__(self, parts: Iterable[Any]) -> Self:
        return self.extend(parts)

    def __add__(self, parts: Iterable[Any]) -> Self:
        return type(self)().extend([*self, *parts])


class Sequential(_Listed[Module]):
    """Modules run one after the other, each on what the one before returned.

    Takes modules, which are named "0", "1", …, or one dict of named modules.

    >>> import nn
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> net(zeros((5, 4))).shape
    (5, 2)
    >>> net[:2]
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named: Iterable[tuple[str, Any]] = modules[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(modules))
        for name, module in named:
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: '{name}' has to be a Module, got {kind_of(module)}")
            self.register_module(name, module)

    def forward(self, x: Any) -> Any:
        for module in self._parts().values():
            x = module(x)
        return x

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return type(self)(dict(list(self._parts().items())[index]))
        found: Module = self._parts()[self._position(index)]
        return found


class ModuleList(_Listed[Module]):
    """A list of modules, so that their parameters are found; how they are called is up to the module that holds it.

    >>> import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    >>> len(layers), list(layers.state_dict())[0]
    (3, '0.weight')
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)


class _Named(_Container[Part]):
    """What the containers share whose parts have names of their own."""

    def update(self, parts: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add or replace parts by name."""
        for name, part in parts.items() if isinstance(parts, (Mapping, _Named)) else parts:
            self[name] = part

    def __getitem__(self, key: str) -> Part:
        return self._parts()[key]

    def __setitem__(self, key: str, part: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not define __setitem__")

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def pop(self, key: str) -> Part:
        """Take the part named `key` out, and return it."""
        part = self[key]
        delattr(self, key)
        return part

    def clear(self) -> None:
        """Take all parts out."""
        for key in self._parts():
            delattr(self, key)

    def keys(self) -> Iterable[str]:
        return self._parts().keys()

    def values(self) -> Iterable[Part]:
        return self._parts().values()

    def items(self) -> Iterable[tuple[str, Part]]:
        return self._parts().items()

    def __contains__(self, key: object) -> bool:
        return key in self._parts()

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts())


class ModuleDict(_Named[Module]):
    """A dict of modules, so that their parameters are found.

    >>> import nn
    >>> heads = nn.ModuleDict({"class": nn.Linear(4, 10), "box": nn.Linear(4, 4)})
    >>> heads["box"](zeros((1, 4))).shape
    (1, 4)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        super().__init__()
        self.update(modules)

    def __setitem__(self, key: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: '{key}' has to be a Module, got {kind_of(module)}")
        self.register_module(key, module)


class ParameterList(_Listed[Parameter]):
    """A list of parameters. Tensors and arrays put into it become parameters.

    >>> import nn
    >>> weights = nn.ParameterList([zeros((2, 2)), zeros(3)])
    >>> [tuple(w.shape) for w in weights]
    [(2, 2), (3,)]
    """

    holds = Tensor  # parameters, and what `functional_call` puts in their place

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(values)

    def _as_part(self, value: Any) -> Parameter:
        return value if isinstance(value, Parameter) else Parameter(value)

    def __repr__(self) -> str:
        return _text(self, self._parts())


class ParameterDict(_Named[Parameter]):
    """A dict of parameters. Tensors and arrays put into it become parameters.

    Those of a plain dict come in the order of their names, as in PyTorch, whose optimizers' states count on it; those
    of an OrderedDict, another ParameterDict or pairs come as they are.

    >>> import nn
    >>> scales = nn.ParameterDict({"in": ones(2), "out": zeros(3)})
    >>> scales["out"].shape, list(scales.state_dict())
    ((3,), ['in', 'out'])
    """

    holds = Tensor

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__()
        self.update(parameters)

    def update(self, parts: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Add or replace parameters by name."""
        plain = isinstance(parts, Mapping) and not isinstance(parts, OrderedDict)
        super().update(sorted(parts.items(), key=lambda item: item[0]) if plain else parts)  # type: ignore[union-attr]

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, value if isinstance(value, Parameter) else Parameter(value))

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter named `key`, or `default` if there is none."""
        return self._parts().get(key, default)

    def setdefault(self, key: str, default: Any) -> Parameter:
        """The parameter named `key`, put in from `default` if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def __repr__(self) -> str:
        return _text(self, self._parts())


def _text(container: Module, parts: Mapping[str, Parameter]) -> str:
    lines = [f"  ({name}): Parameter {value.dtype} of shape {value.shape}" for name, value in parts.items()]
    return f"{type(container).__name__}(\n" + "\n".join(lines) + "\n)" if lines else f"{type(container).__name__}()"
