"""Random tensors, from one seeded source or from a generator of the caller's.

Every function draws from `default_generator()`, a NumPy Generator (PCG64), unless it is given a `generator`. The same
seed gives the same numbers again for one dtype; they are drawn in the dtype asked for, so that float32 and float64 get
different ones.
"""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd.dtypes import Array, get_default_dtype
from autograd.ops.axes import stretches
from autograd.ops.creation import DType, lengths, made
from autograd.primitive import Operand
from autograd.tensor import Tensor

__all__ = [
    "bernoulli",
    "default_generator",
    "get_rng_state",
    "manual_seed",
    "multinomial",
    "normal",
    "rand",
    "randint",
    "randn",
    "randperm",
    "set_rng_state",
    "uniform",
]

Generator = np.random.Generator

_generator = Generator(np.random.PCG64())
_own: ContextVar[Generator | None] = ContextVar("own", default=None)  # what stands in for it in this thread or task


def manual_seed(seed: int) -> Generator:
    """Start the default generator afresh from a seed, an integer from 0, and return it; ValueError for another.

    >>> _ = manual_seed(0)
    >>> x = rand(3)
    >>> _ = manual_seed(0)
    >>> rand(3).tolist() == x.tolist()
    True
    """
    try:
        if isinstance(seed, bool):
            raise TypeError
        fresh = np.random.PCG64(operator.index(seed))
    except (TypeError, ValueError):
        raise ValueError(f"manual_seed: wants an integer from 0, got {seed!r}") from None
    generator = default_generator()
    generator.bit_generator.state = fresh.state
    return generator


def default_generator() -> Generator:
    """The NumPy Generator that everything random draws from unless told otherwise; always the same object.

    But a function that `checkpoint` calls has one of its own while it runs, which begins in the same state.

    >>> _ = manual_seed(0)
    >>> x = default_generator().random(3, np.float32)
    >>> _ = manual_seed(0)
    >>> rand(3).tolist() == x.tolist()
    True
    """
    return _own.get() or _generator


@contextmanager
def own_generator(state: dict[str, Any]) -> Iterator[Generator]:
    """Within this block the default generator of this thread (or task) is one of its own, which begins in `state`."""
    generator = Generator(np.random.PCG64(0))
    generator.bit_generator.state = state
    token = _own.set(generator)
    try:
        yield generator
    finally:
        _own.reset(token)


def move_on(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Put the default generator into the state `after`, unless another thread has drawn from it since `before`."""
    source = default_generator().bit_generator
    with source.lock:
        if source.state == before:
            source.state = after


def get_rng_state(generator: Generator | None = None) -> dict[str, Any]:
    """The state of the default generator (or of another), as nested dicts of strings and ints that json can write.

    >>> state = get_rng_state()
    >>> x = rand(3)
    >>> set_rng_state(state)
    >>> rand(3).tolist() == x.tolist()
    True
    """
    return copy.deepcopy(dict(_source(generator).bit_generator.state))


def set_rng_state(state: dict[str, Any], generator: Generator | None = None) -> None:
    """Put the default generator (or another of the same kind) back into a state from `get_rng_state`.

    Raises ValueError for anything else; the generator is then as it was.

    >>> generator = np.random.default_rng(0)
    >>> state = get_rng_state(generator)
    >>> order = randperm(100, generator)
    >>> set_rng_state(state, generator)
    >>> randperm(100, generator).tolist() == order.tolist()
    True
    """
    source = _source(generator).bit_generator
    before = copy.deepcopy(source.state)
    try:
        source.state = state
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        source.state = before
        raise ValueError(f"set_rng_state: wants what get_rng_state returned for the same kind ({error!r})") from None


def rand(*shape: Any, dtype: DType = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Uniform numbers from 0 (included) to 1 (not included); the shape is a tuple or separate ints.

    >>> rand(2, 3).shape
    (2, 3)
    """
    return made(_random(_source(generator), lengths("rand", shape), _floating("rand", dtype)), requires_grad)


def randn(*shape: Any, dtype: DType = None, requires_grad: bool = False, generator: Generator | None = None) -> Tensor:
    """Numbers from the standard normal distribution; the shape is a tuple or separate ints.

    >>> randn((2, 3)).shape
    (2, 3)
    """
    return made(_standard_normal(_source(generator), lengths("randn", shape), _floating("randn", dtype)), requires_grad)


def uniform(
    low: float = 0.0,
    high: float = 1.0,
    size: Any = (),
    dtype: DType = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform numbers from `low` to `high`, of shape `size` (an int or a tuple).

    Raises ValueError unless low <= high, both finite.

    >>> x = uniform(-1, 1, (100,))
    >>> bool(x.data.min() >= -1 and x.data.max() <= 1)
    True
    """
    if not (low <= high and math.isfinite(high - low)):
        raise ValueError(f"uniform: wants finite low <= high, got {low} and {high}")
    wanted = _floating("uniform", dtype)
    if high - low > float(np.finfo(wanted).max):
        raise ValueError(f"uniform: {high} - {low} is more than {wanted} can hold")
    values = _random(_source(generator), lengths("uniform", (size,)), wanted)
    values *= wanted.type(high - low)
    values += wanted.type(low)
    return made(values, requires_grad)


def normal(
    mean: Operand = 0.0,
    std: Operand = 1.0,
    size: Any = None,
    dtype: DType = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Normal numbers of the given mean and standard deviation, numbers or arrays, without derivatives.

    Of shape `size` (an int or a tuple), or the shape that `mean` and `std` broadcast to. Raises ValueError for a
    negative `std` or a `size` that they do not broadcast to.

    >>> normal(tensor([0.0, 100.0]), 1.0).shape
    (2,)
    """
    wanted = _floating("normal", dtype)
    mean, std = _plain(mean), _plain(std)
    if not np.all(std >= 0):
        raise ValueError("normal: std must not be negative")
    both = np.broadcast_shapes(mean.shape, std.shape)
    shape = both if size is None else lengths("normal", (size,))
    if not stretches(both, shape):
        raise ValueError(f"normal: mean and std of shape {both} do not broadcast to size {shape}")
    values = _standard_normal(_source(generator), shape, wanted)
    values *= std.astype(wanted)
    values += mean.astype(wanted)
    return made(values, requires_grad)


def randint(
    low: int, high: Any = None, size: Any = (), dtype: DType = np.int64, generator: Generator | None = None
) -> Tensor:
    """Integers from `low` up to but without `high` (from 0 up to `low` if that is None), of shape `size`.

    A `size` may also come second, as in `randint(10, (3,))`. Raises ValueError for an empty range.

    >>> x = randint(0, 10, (100,))
    >>> bool(x.data.min() >= 0 and x.data.max() < 10)
    True
    """
    if isinstance(high, (tuple, list)):
        size, high = high, None
    if high is None:
        low, high = 0, low
    if low >= high:
        raise ValueError(f"randint: there are no integers from {low} up to {high}")
    return made(np.asarray(_source(generator).integers(low, high, lengths("randint", (size,)), dtype)), False)


def randperm(n: int, generator: Generator | None = None) -> Tensor:
    """The integers 0 … n - 1 in random order.

    >>> sorted(randperm(4).tolist())
    [0, 1, 2, 3]
    """
    (count,) = lengths("randperm", (n,))
    return made(_source(generator).permutation(count), False)


def bernoulli(
    p: Operand, size: Any = None, dtype: DType = None, requires_grad: bool = False, generator: Generator | None = None
) -> Tensor:
    """Ones with probability `p`, a number or an array, and zeros otherwise; has no derivative.

    Of shape `size` (an int or a tuple), or that of `p`. Raises ValueError for probabilities outside [0, 1] or a `size`
    that they do not broadcast to.

    >>> bernoulli(tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    wanted = _floating("bernoulli", dtype)
    chance = _plain(p)
    if not np.all((chance >= 0) & (chance <= 1)):
        raise ValueError("bernoulli: probabilities have to lie in [0, 1]")
    shape = chance.shape if size is None else lengths("bernoulli", (size,))
    if not stretches(chance.shape, shape):
        raise ValueError(f"bernoulli: probabilities of shape {chance.shape} do not broadcast to size {shape}")
    fine = np.result_type(wanted, np.float32)  # float16 has few numbers near 1
    return made((_random(_source(generator), shape, fine) < chance).astype(wanted), requires_grad)


def multinomial(
    probabilities: Operand, num_samples: int, replacement: bool = False, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with `probabilities` (K,) or (N, K), which need not sum to 1: (num_samples,) or (N, num_samples).

    Without `replacement` no index is drawn twice from a row. Has no derivative. Raises ValueError for another shape,
    for what are no finite, nonnegative weights, for rows of zeros and, without replacement, rows with fewer positive
    weights than are to be drawn.

    >>> multinomial(tensor([0.0, 0.3, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    weights = np.asarray(_plain(probabilities), np.float64)
    count = operator.index(num_samples)
    if weights.ndim not in (1, 2) or count < 1:
        raise ValueError(
            f"multinomial: wants probabilities (K,) or (N, K) and a positive number of samples, got shape "
            f"{weights.shape} and {count}"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("multinomial: probabilities have to be finite and not negative")
    fewest = int((weights > 0).sum(axis=-1).min(initial=weights.shape[-1]))
    if fewest < (1 if replacement else count):
        raise ValueError(f"multinomial: cannot draw {count} of {fewest} indices with positive probability")
    rows, source = weights.reshape(-1, weights.shape[-1]), _source(generator)
    if replacement:
        ends = np.cumsum(rows, axis=-1)
        total = ends[:, -1:]
        places = np.minimum(source.random((len(rows), count)) * total, np.nextafter(total, 0))
        drawn = [np.searchsorted(end, place, side="right") for end, place in zip(ends, places, strict=True)]
    else:  # of exponential clocks that run at these rates, those that ring first
        never = np.full(rows.shape, np.inf)
        waits = np.divide(source.standard_exponential(rows.shape), rows, out=never, where=rows > 0)
        drawn = list(waits.argsort(axis=-1)[:, :count])
    return made(np.array(drawn, np.int64).reshape(*weights.shape[:-1], count), False)


def _source(generator: Generator | None) -> Generator:
    if generator is None or generator is _generator:
        return default_generator()
    if not isinstance(generator, Generator):
        raise TypeError(
            f"generator: wants a numpy.random.Generator (np.random.default_rng(seed)), got {type(generator).__name__}"
        )
    return generator


def _floating(op: str, dtype: DType) -> np.dtype[Any]:
    wanted = get_default_dtype() if dtype is None else np.dtype(dtype)
    if wanted.kind != "f":
        raise TypeError(f"{op}: wants a floating dtype, got {wanted}")
    return wanted


def _random(source: Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if dtype == np.float32:
        return np.asarray(source.random(shape, np.float32))
    values = np.asarray(source.random(shape)).astype(dtype, copy=False)
    return values if dtype.itemsize >= 8 else np.minimum(values, np.nextafter(dtype.type(1), dtype.type(0)))


def _standard_normal(source: Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    drawn = np.float32 if dtype == np.float32 else np.float64
    return np.asarray(source.standard_normal(shape, drawn)).astype(dtype, copy=False)


def _plain(x: Any) -> Array:
    return x.array if isinstance(x, Tensor) else np.asarray(x)
