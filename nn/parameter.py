"""Parameter: a tensor that a Module trains; and tensors of a Module that have no shape yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from autograd import Tensor, get_default_dtype
from autograd.dtypes import Array


class Parameter(Tensor):
    """A leaf tensor that a Module it is assigned to lists among its parameters.

    `data` is copied, as `tensor(data)` copies it.

    >>> from nn import Parameter
    >>> Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, *, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(data, dtype, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class UninitializedTensor(Tensor):
    """A tensor that has a dtype, but gets shape and values later, by `materialize`; it then becomes an ordinary one.

    Until then it can be frozen, cast and copied, and whatever asks for its shape or values raises RuntimeError.
    """

    __slots__ = ()
    becomes: ClassVar[type[Tensor]] = Tensor

    def __init__(self, requires_grad: bool = False, *, dtype: npt.DTypeLike | None = None) -> None:
        with self._as_ordinary():
            Tensor.__init__(self, np.empty(0, dtype or get_default_dtype()), requires_grad=requires_grad)

    @contextmanager
    def _as_ordinary(self) -> Iterator[None]:
        """Let the empty array inside be seen, which `array` hides from everyone else."""
        kind = type(self)
        self.__class__ = self.becomes  # type: ignore[assignment]
        try:
            yield
        finally:
            self.__class__ = kind

    @property
    def array(self) -> Any:  # type: ignore[override]
        raise RuntimeError(
            f"{type(self).__name__}: has no shape and no values yet; it gets them in the first call of its module, "
            f"or from load_state_dict"
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        with self._as_ordinary():
            return self.dtype

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        with self._as_ordinary():
            self.requires_grad_(requires_grad)
        return self

    def cast_(self, dtype: npt.DTypeLike) -> Self:
        """Change the dtype that the tensor will have."""
        self._start(np.empty(0, dtype))
        return self

    def materialize(self, shape: tuple[int, ...]) -> None:
        """Become an ordinary tensor of zeros with this shape."""
        self._start(np.zeros(shape, self.dtype))
        self.__class__ = self.becomes  # type: ignore[assignment]

    def _start(self, array: Array) -> None:
        with self._as_ordinary():
            self.__setstate__((array, self.requires_grad, self.name))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        return copied

    def __reduce__(self) -> Any:
        return _uninitialized, (type(self), self.requires_grad, self.dtype)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dtype={self.dtype})"


class UninitializedParameter(UninitializedTensor, Parameter):
    """A parameter whose shape is not known before the first call of its module, as in `LazyLinear`.

    >>> from nn import UninitializedParameter
    >>> weight = UninitializedParameter()
    >>> weight
    UninitializedParameter(dtype=float32)
    >>> weight.materialize((2,))
    >>> weight
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()
    becomes = Parameter

    def __init__(self, requires_grad: bool = True, *, dtype: npt.DTypeLike | None = None) -> None:
        UninitializedTensor.__init__(self, requires_grad, dtype=dtype)


class UninitializedBuffer(UninitializedTensor):
    """A buffer whose shape is not known before the first call of its module, as in `LazyBatchNorm2d`.

    >>> from nn import UninitializedBuffer
    >>> running_mean = UninitializedBuffer()
    >>> running_mean
    UninitializedBuffer(dtype=float32)
    >>> running_mean.materialize((2,))
    >>> running_mean
    tensor([0., 0.])
    """

    __slots__ = ()


def _uninitialized(kind: type[UninitializedTensor], requires_grad: bool, dtype: np.dtype[Any]) -> UninitializedTensor:
    return kind(requires_grad, dtype=dtype)
