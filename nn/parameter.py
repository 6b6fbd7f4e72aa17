"""Parameter: a tensor that a Module trains."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from autograd import Tensor


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
