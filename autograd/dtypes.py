"""The default floating dtype, and how what a user hands over becomes an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_default: np.dtype[Any] = np.dtype(np.float32)


def set_default_dtype(dtype: npt.DTypeLike) -> None:
    """Set the dtype that Python floats and lists of them become; float32 until it is set.

    Raises TypeError unless `dtype` is a floating dtype.

    >>> set_default_dtype("float64")
    >>> tensor(1.5).dtype
    dtype('float64')
    >>> set_default_dtype("float32")
    """
    global _default
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise TypeError(f"set_default_dtype: wants a floating dtype, got {wanted}")
    _default = wanted


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats and lists of them become.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default


def to_array(value: Any, dtype: npt.DTypeLike | None = None, default: npt.DTypeLike | None = None) -> Array:
    """A new array that nobody else holds, with the dtype rule of `tensor`.

    NumPy arrays and scalars keep their dtype, and so do tensors; floats made by Python (alone or in lists) take
    `default`, or, if that is None, the default dtype.
    """
    of_numpy = isinstance(value, (np.ndarray, np.generic))
    try:
        array = value if of_numpy else np.array(value)
    except ValueError as error:
        raise ValueError(f"tensor: wants numbers, or lists of equal lengths: {error}") from None
    wanted = array.dtype if dtype is None else np.dtype(dtype)
    for kind in (array.dtype, wanted):
        if kind.kind not in "biufc":
            raise TypeError(f"tensor: wants numbers or booleans, got {type(value).__name__} of dtype {kind}")
    if of_numpy or dtype is not None:
        return np.array(value, wanted)
    if wanted == np.float64 and not _holds_numpy(value):
        return array.astype(default or _default)
    return array


def _holds_numpy(value: Any) -> bool:
    """Whether the first element of a nested list is a NumPy value or a tensor of doubles, whose dtype is to be kept."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (np.ndarray, np.generic)) or str(getattr(value, "dtype", "")).endswith("float64")
