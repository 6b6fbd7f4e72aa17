"""What an array looks like, in a few numbers: for steps, traces and drawings."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Bundle
from autograd.kernels.deferred import evaluated
from autograd.tensor import Tensor

__all__ = ["Summary", "summary_of"]

LIMIT = 64  # elements up to which a summary has all values, unless told
_SIDE = 12  # rows and columns of a thumbnail, at most
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class Summary:
    """An array by its `shape`, `dtype` and `count` of elements, and by what these are like; complex ones, in magnitude.

    `min`, `max`, `mean` and `norm` (the root of the sum of squares) are those of the finite elements, None if there are
    none; `zeros` is the share of elements that are exactly 0, `non_finite` how many are NaN or infinite. `values` has
    all elements, as nested lists, if these are no more than the limit; otherwise `thumbnail` has means of blocks, as
    rows and columns: the first half of the axes runs down, the other half across.

    >>> from autograd.stepping import Summary
    >>> s = Summary.of(np.array([3.0, 0.0, -4.0]))
    >>> s.norm, s.zeros, s.values
    (5.0, 0.3333333333333333, [3.0, 0.0, -4.0])
    >>> Summary.of(np.ones((2, 3, 8, 8)), limit=10).values is None
    True
    """

    shape: tuple[int, ...]
    dtype: str
    count: int
    min: float | None
    max: float | None
    mean: float | None
    norm: float | None
    zeros: float
    non_finite: int
    values: Any = None
    thumbnail: list[list[float]] | None = None

    @classmethod
    def of(cls, value: Any, limit: int = LIMIT) -> Summary:
        """The summary of an array, a tensor, or a Bundle: of that the part that is there, or several in a row."""
        array = as_array(value)
        x = np.asarray(_real(array), np.float64)
        finite = np.isfinite(x)
        bad = x.size - int(np.count_nonzero(finite))
        known = x[finite] if bad else x.ravel()
        small = x.size <= limit
        with np.errstate(over="ignore"):
            mean = float(known.mean()) if known.size else None
        return cls(
            array.shape,
            array.dtype.name,
            array.size,
            float(known.min()) if known.size else None,
            float(known.max()) if known.size else None,
            mean,
            _norm(known) if known.size else None,
            float(np.count_nonzero(x == 0)) / x.size if x.size else 0.0,
            bad,
            _short(array) if small else None,
            None if small else _thumbnail(x),
        )

    @property
    def all_zero(self) -> bool:
        """Whether every element is exactly 0 (and there are any)."""
        return self.count > 0 and self.zeros == 1

    def array(self) -> Array | None:
        """The values as an array; None if the summary does not have them."""
        return None if self.values is None else np.array(self.values, self.dtype).reshape(self.shape)

    def to_json(self) -> dict[str, Any]:
        """What JSON can say: NaN and infinities in `values` and `thumbnail` are "NaN", "Infinity" and "-Infinity"."""
        return {
            name: [*value] if name == "shape" else _each(_to_json, value)
            for name, value in asdict(self).items()
            if value is not None or name not in ("values", "thumbnail")
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Summary:
        """The summary that `to_json` said. Raises TypeError for something else."""
        given = {name: _each(_from_json, value) for name, value in said.items()}
        return cls(**given | {"shape": tuple(said["shape"]), "dtype": said["dtype"]})

    def __str__(self) -> str:
        if self.values is not None and self.count <= 8:
            return " ".join(np.array2string(as_array(self.array()), precision=4, separator=" ").split())
        if self.min is None:
            numbers = "empty" if not self.count else "nothing finite"
        else:
            numbers = f"norm {self.norm:.4g}, from {self.min:.4g} to {self.max:.4g}, mean {self.mean:.4g}"
        zeros = f", {self.zeros:.0%} zeros" if self.zeros else ""
        bad = f", {self.non_finite} not finite" if self.non_finite else ""
        return numbers + zeros + bad


def summary_of(value: Any, limit: int = LIMIT) -> Summary | None:
    """The summary of an array, of several (a tuple) one after the other, or itself; None for what is no number."""
    if isinstance(value, Summary):
        return value
    if isinstance(value, tuple):
        value = Bundle(dict(enumerate(value)), len(value))
    known = isinstance(value, (np.ndarray, np.generic, Bundle, Tensor, int, float))
    return Summary.of(value, limit) if known else None


def as_array(value: Any) -> Array:
    """An array, a tensor's array, or the part of a Bundle that has arrived; several flattened, one after the other."""
    if isinstance(value, Bundle):
        parts = [as_array(part) for part in value if part is not None]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([part.ravel() for part in parts]) if parts else np.zeros(0, np.float32)
    return np.asarray(value.array if isinstance(value, Tensor) else evaluated(value))


def _real(array: Array) -> Array:
    return abs(array) if array.dtype.kind == "c" else array


def _norm(x: Array) -> float:
    """The root of the sum of squares, which neither overflows nor underflows on the way."""
    scale = float(np.max(np.abs(x)))
    return scale * math.sqrt(float(np.sum(np.square(x / scale)))) if scale and math.isfinite(1 / scale) else scale


def _short(array: Array) -> Any:
    """Nested lists, of floats with no more digits than the dtype needs."""
    if array.dtype.kind != "f" or array.dtype.itemsize >= 8:
        return array.tolist()
    return np.array([float(str(x)) for x in array.ravel()], np.float64).reshape(array.shape).tolist()


def _thumbnail(x: Array) -> list[list[float]]:
    """Means of blocks of the array laid out in rows and columns, to four digits."""
    ahead = x.ndim - x.ndim // 2 if x.ndim > 1 else 0
    table = x.reshape(math.prod(x.shape[:ahead]), -1)
    rows, columns = (np.linspace(0, n, min(n, _SIDE) + 1).astype(int) for n in table.shape)
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(np.add.reduceat(table, rows[:-1], axis=0), columns[:-1], axis=1)
        means = sums / np.outer(np.diff(rows), np.diff(columns))
    return [[float(f"{mean:.4g}") for mean in row] for row in means]


def _each(f: Any, value: Any) -> Any:
    return [_each(f, part) for part in value] if isinstance(value, (list, tuple)) else f(value)


def _to_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _from_json(value: Any) -> Any:
    return _SPECIAL.get(value, value) if isinstance(value, str) else value
