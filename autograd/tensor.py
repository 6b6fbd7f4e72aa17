"""Tensor: an ndarray, the node that made it, and a name. No mathematics here."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array, get_default_dtype, to_array
from autograd.graph import Node
from autograd.hooks import RemovableHandle
from autograd.kernels.deferred import Deferred, evaluated
from autograd.kernels.forking import anew_in_children
from autograd.memory import freeze, overlaps_itself, tick, writing

if TYPE_CHECKING:
    from autograd.operators import Operators
else:

    class Operators:
        """Filled in by `autograd.operators`, which binds the operations to the class."""

        __slots__ = ()


# The key of the hook that `retain_grad` adds, which comes after all others.
RETAIN = 0

_accumulating = RLock()
anew_in_children(globals(), "_accumulating", RLock)


class Tensor(Operators):
    """An array that records what is computed from it, so that derivatives can be had.

    `Tensor(data)` copies `data` as `tensor(data)` does. The array inside is read-only; write through the tensor
    (`t[index] = value`, `t += step` under `no_grad`, or `t.data = array`), so that a backward pass can tell.

    Attributes: `array`, the ndarray (`data` is the same, and checks what is assigned to it); `node`, where the tensor
    stands in the recorded graph, None if it does not require grad; `frozen`, the node of a leaf that has stopped
    requiring grad; `label`, its name.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__weakref__", "array", "frozen", "label", "node")

    array: Array
    node: Node | None
    frozen: Node  # the node of a leaf that has stopped requiring grad; else not set
    label: str | None

    __hash__ = object.__hash__

    def __init__(
        self, data: Any, dtype: npt.DTypeLike | None = None, requires_grad: bool = False, name: str | None = None
    ) -> None:
        if isinstance(dtype, int):
            raise TypeError(f"tensor: wants a dtype as second argument, got {dtype}; ag.zeros(3, 4) is of a shape")
        self.array = freeze(to_array(data.array if isinstance(data, Tensor) else data, dtype))
        self.node = None
        self.label = name
        if requires_grad:
            self.requires_grad_()

    @property
    def data(self) -> Array:
        """The array, read-only. Assigning replaces its contents with a copy of another array of the same shape.

        Where NumPy says that the array to write into is read-only, as in `t.data -= step`, write through the tensor:

        >>> t = tensor([1.0, 2.0], requires_grad=True)
        >>> with no_grad():
        ...     t -= np.array([0.5, 0.5])
        >>> t.data
        array([0.5, 1.5], dtype=float32)
        """
        return self.array

    @data.setter
    def data(self, value: Any) -> None:
        array = to_array(value.array if isinstance(value, Tensor) else value, self.array.dtype)
        if array.shape != self.array.shape:
            raise ValueError(f"data: a tensor of shape {self.array.shape} cannot take data of shape {array.shape}")
        self.array = freeze(array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements, a NumPy dtype."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.array.size

    @property
    def nbytes(self) -> int:
        """The bytes of the elements."""
        return self.array.nbytes

    @property
    def name(self) -> str | None:
        """What the tensor is called in drawings, steps and messages."""
        return self.label

    @name.setter
    def name(self, value: str | None) -> None:
        self.label = value
        node = self._grad_holder()
        if node is not None:
            node.name = value

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded. Assignable on leaves."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool)):
            raise TypeError(f"requires_grad: wants True or False, got {value!r}")
        self.requires_grad_(bool(value))

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start or stop recording operations on this leaf, and return it. Its gradient and its hooks stay.

        Raises RuntimeError for the result of a recorded operation, TypeError for a dtype that has no derivatives.
        """
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError("requires_grad_: only a leaf can stop requiring grad; use t.detach() for a result")
        if not requires_grad:
            if self.node is not None:
                self.frozen, self.node = self.node, None
        elif self.node is None:
            if self.array.dtype.kind != "f":
                raise TypeError(f"requires_grad_: only floating-point tensors can require grad, not {self.array.dtype}")
            frozen = getattr(self, "frozen", None)
            if frozen is not None and (frozen.shape, frozen.dtype) == (self.shape, self.dtype):
                self.node = frozen
                return self
            self.node = node = Node()
            node.plan = None
            node.parents = ()
            node.values = ()
            node.shape = self.array.shape
            node.dtype = self.array.dtype
            node.number = tick()
            node.code = None
            node.offset = 0
            node.hooks = None
            node.grad = None
            node.name = self.label
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether a user made this tensor, rather than a recorded operation."""
        return self.node is None or self.node.plan is None

    @property
    def grad_fn(self) -> Node | None:
        """The recorded operation that made this tensor; None for a leaf."""
        return None if self.is_leaf else self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward passes have accumulated here, a tensor of the same shape and dtype, or None.

        Results of operations keep none, and a UserWarning says so, unless `retain_grad` was called or a backward pass
        was asked for it.
        """
        found = self._grad()
        if found is None and not self.is_leaf and not self.retains_grad:
            warnings.warn(
                "grad: only leaves keep their gradients, and this tensor is the result of an operation; call "
                "retain_grad() on it before backward()",
                stacklevel=2,
            )
        return found

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        node = self._grad_holder()
        if node is None:
            if value is None:
                return
            raise RuntimeError("grad: only a tensor that requires grad has a gradient")
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: wants a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f"grad: wants shape {self.shape} and dtype {self.dtype}, "
                    f"got shape {value.shape} and dtype {value.dtype}"
                )
        node.grad = value

    def _grad(self) -> Tensor | None:
        return getattr(self._grad_holder(), "grad", None)

    def _grad_holder(self) -> Node | None:
        return getattr(self, "frozen", None) if self.node is None else self.node

    def retain_grad(self) -> None:
        """Keep this tensor's gradient, as its hooks leave it, in `.grad` after a backward pass, as leaves do."""
        if self.node is None:
            raise RuntimeError("retain_grad: the tensor does not require grad")
        if not self.is_leaf:
            self._hooks()[RETAIN] = _retain

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this tensor, a result."""
        return self.node is not None and RETAIN in (self.node.hooks or ())

    def _hooks(self) -> dict[int, Callable[[Node, Any], Any]]:
        assert self.node is not None
        if self.node.hooks is None:
            self.node.hooks = {}
        return self.node.hooks

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` when this tensor's gradient is complete; what it returns, if not None, replaces it.

        Returns a handle whose `remove()` takes the hook away. Raises RuntimeError if the tensor does not require grad.

        >>> x = tensor(3.0, requires_grad=True)
        >>> handle = x.register_hook(lambda g: 2 * g)
        >>> (x * x).backward()
        >>> x.grad
        tensor(12.)
        >>> handle.remove()
        """
        if self.node is None:
            raise RuntimeError("register_hook: the tensor does not require grad")

        def call(node: Node, cotangent: Any) -> Any:
            raw = not isinstance(cotangent, Tensor)
            result = hook(wrap(np.array(cotangent)) if raw else cotangent)
            if result is None:
                return cotangent
            if not isinstance(result, Tensor) or result.shape != node.shape:
                got = f"shape {result.shape}" if isinstance(result, Tensor) else type(result).__name__
                raise ValueError(
                    f"register_hook: the hook has to return a Tensor of shape {node.shape} or None, got {got}"
                )
            replacement: Any = result.array if raw else result
            return replacement if result.dtype == node.dtype else replacement.astype(node.dtype)

        hooks, key = self._hooks(), tick()
        retain = hooks.pop(RETAIN, None)
        hooks[key] = call
        if retain is not None:
            hooks[RETAIN] = retain
        return RemovableHandle(hooks, key)

    def detach(self) -> Tensor:
        """The same array, without its history: a tensor that does not require grad."""
        return wrap(self.array)

    def numpy(self) -> Array:
        """The array, read-only; copy it to write into it."""
        return self.array

    def item(self) -> Any:
        """The value of a tensor with one element, as a Python number."""
        if self.array.size != 1:
            raise ValueError(f"item: wants a tensor with one element, got shape {self.shape}")
        return self.array.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self.array.tolist()

    def write(self, values: Any, index: Any = ...) -> Tensor:
        """Write into the array, unrecorded, and return the tensor: what `t[index] = values` does under `no_grad`."""
        with writing(self.array) as array:
            array[index] = values.array if isinstance(values, Tensor) else values
        return self

    def cast_(self, dtype: npt.DTypeLike) -> Tensor:
        """Change the dtype of a leaf, and of its gradient, in place, and return it. Its hooks stay.

        Raises RuntimeError for the result of a recorded operation, TypeError for a dtype that is not floating.

        >>> x = tensor([1.0, 2.0])
        >>> x.cast_(np.float64)
        tensor([1., 2.], dtype=float64)
        """
        wanted = np.dtype(dtype)
        if not self.is_leaf:
            raise RuntimeError("cast_: only a leaf can change its dtype; use t.astype(dtype) for a result")
        if wanted.kind != "f":
            raise TypeError(f"cast_: wants a floating dtype, got {wanted}")
        self.array = freeze(self.array.astype(wanted))
        node = self._grad_holder()
        if node is not None:
            node.dtype = wanted
            if node.grad is not None:
                node.grad = wrap(node.grad.array.astype(wanted))
        return self

    def __repr__(self) -> str:
        text = np.array2string(self.array, separator=", ", prefix="tensor(", floatmode="maxprec", threshold=1000)
        extras = []
        if self.array.dtype not in (get_default_dtype(), np.int64, np.bool_):
            extras.append(f"dtype={self.array.dtype}")
        if 0 in self.shape and self.shape != (0,):
            extras.append(f"shape={self.shape}")
        if self.grad_fn is not None:
            extras.append(f"grad_fn=<{self.grad_fn.op}>")
        elif self.requires_grad:
            extras.append("requires_grad=True")
        if self.label is not None:
            extras.append(f"name={self.label!r}")
        return f"tensor({', '.join([text, *extras])})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("deepcopy: only leaves can be copied, since a copy has no history; use t.detach() first")
        copied, gradient = _blank(type(self)), self._grad()
        copied.__setstate__((self.array, self.requires_grad or gradient is not None, self.label))
        memo[id(self)] = copied
        if gradient is not None:
            copied.grad = copy.deepcopy(gradient, memo)
            copied.requires_grad_(self.requires_grad)
        return copied

    def __reduce__(self) -> Any:
        return _blank, (type(self),), (np.array(self.array), self.requires_grad, self.label)

    def __setstate__(self, state: tuple[Array, bool, str | None]) -> None:
        array, requires_grad, self.label = state
        self.array = freeze(np.array(array))
        self.node = None
        if requires_grad:
            self.requires_grad_()


class Pending(Tensor):
    """A tensor whose array is left to be computed when somebody looks at it; from then on it is an ordinary one.

    Operations that can do without the array take what it is to be computed from, `held`.
    """

    __slots__ = ()

    @property
    def array(self) -> Array:
        array = freeze(evaluated(held(self)))
        self.array = array
        return array

    @array.setter
    def array(self, value: Any) -> None:
        _holding.__set__(self, value)
        if isinstance(value, np.ndarray):
            self.__class__ = Tensor  # type: ignore[assignment]
        else:
            value.holder = ref(self)

    @property
    def shape(self) -> tuple[int, ...]:
        return held(self).shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return held(self).dtype

    @property
    def ndim(self) -> int:
        return held(self).ndim

    @property
    def size(self) -> int:
        return held(self).size

    def __reduce__(self) -> Any:
        self.array  # noqa: B018  # makes this an ordinary tensor
        return Tensor.__reduce__(self)


_holding: Any = Tensor.__dict__["array"]


def held(tensor: Tensor) -> Any:
    """The array of a tensor, or the `Deferred` that stands for it."""
    return _holding.__get__(tensor)


def wrap(array: Array | Deferred) -> Tensor:
    """A tensor around an array that the caller gives away, without a copy."""
    if isinstance(array, Deferred):
        result: Tensor = Pending.__new__(Pending)
        result.array = array  # type: ignore[assignment]
    else:
        result = Tensor.__new__(Tensor)
        result.array = freeze(np.asarray(array))
    result.node = None
    result.label = None
    return result


def tensor(
    data: Any, dtype: npt.DTypeLike | None = None, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """A tensor holding a copy of `data`: numbers, nested lists, an array or a tensor.

    Python floats become the default dtype (float32), Python ints int64, NumPy arrays keep their dtype. The copy of a
    tensor has no history: UserWarning for one that requires grad. Raises TypeError for what is not numeric, ValueError
    for ragged lists.

    >>> tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    if isinstance(data, Tensor) and data.requires_grad:
        warnings.warn(
            "tensor: the copy of a tensor that requires grad has no history, so no gradient comes through it; use "
            "t.detach().clone() if that is meant, and t.clone() or t itself if not",
            stacklevel=2,
        )
    return Tensor(data, dtype, requires_grad, name)


def _blank(kind: type[Tensor]) -> Tensor:
    return kind.__new__(kind)


def accumulate(node: Node, cotangent: Any) -> None:
    """Add a cotangent, a tensor or an array that is given away, to the gradient that a node holds.

    Writes into the gradient's memory where nothing is recorded and no two of its elements share any.
    """
    with _accumulating:
        earlier: Tensor | None = getattr(node, "grad", None)
        if earlier is None:
            node.grad = cotangent.clone() if isinstance(cotangent, Tensor) else wrap(cotangent)
        elif isinstance(cotangent, Tensor) or earlier.node is not None or overlaps_itself(earlier.array):
            node.grad = earlier + cotangent
        else:
            with writing(earlier.array) as total:
                np.add(total, cotangent, out=total)


def _retain(node: Node, cotangent: Any) -> Any:
    accumulate(node, cotangent if isinstance(cotangent, Tensor) else np.array(cotangent))
    return cotangent
