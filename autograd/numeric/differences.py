"""Derivatives by finite differences, in several schemes, each with an error bar."""

from __future__ import annotations

import functools
import math
import traceback
import warnings
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, Literal, get_args

import numpy as np

from autograd.dtypes import Array, to_array
from autograd.grad_mode import enable_grad
from autograd.kernels.forking import anew_in_children
from autograd.numeric.captured import check_argument
from autograd.numeric.extrapolation import EPS, NOISY, WIDEN, Along, Difference, Table, derivative, exact_step, read
from autograd.primitive import Primitive
from autograd.tensor import Tensor
from autograd.watching import Observer, Operation, watched

Scheme = Literal["adaptive", "central", "forward", "five-point", "ridders", "complex-step"]

_filtering = RLock()  # warnings' filters belong to the process: of two threads that set them, one leaves its own behind
anew_in_children(globals(), "_filtering", RLock)

NEARBY = 1024.0  # a coordinate so much smaller than the unit of its steps is also looked at with steps in its own
RIDDERS = 8  # steps of Ridders' scheme, halved each time

# By default, the step (the largest, where there are several) in units of the coordinate. √2 keeps them
# from being multiples of the period of a function, or short numbers.
STEPS = {
    "adaptive": 2.0**-4 * math.sqrt(2),
    "central": 2.0**-17,
    "forward": 2.0**-26,
    "five-point": 2.0**-10,
    "ridders": 2.0**-4,
    "complex-step": 2.0**-66,
}


def finite_difference(
    f: Callable[[Tensor], Any], x: Any, scheme: Scheme = "adaptive", step: float | None = None
) -> Difference:
    """The derivative of `f` at `x` by finite differences, with an error bar: shapes (*output, *input), in float64.

    `f` takes a tensor of `x`'s shape, always float64 whatever the dtype of `x`, and returns a tensor or an array; `x`
    is a number, nested lists, an array or a tensor. With h the step, taken along each coordinate in turn, `scheme` is

    - "adaptive": central differences at steps that shrink until nothing is gained, with Richardson's extrapolation (see
      `numeric.derivative`). Some 15 evaluations a coordinate; `step` is the largest.
    - "central": (f(x + h) - f(x - h)) / 2h. Error of order h²; h ≈ ε^⅓.
    - "forward": (f(x + h) - f(x)) / h. Error of order h; h ≈ √ε.
    - "five-point": (8 f(x + h) - 8 f(x - h) - f(x + 2h) + f(x - 2h)) / 12h. Error of order h⁴; h ≈ ε^⅕.
    - "ridders": central differences at up to 8 halved steps, extrapolated, with Ridders' error estimate widened.
    - "complex-step": Im f(x + ih) / h, without any cancellation, so h can be tiny. `f` is called with complex128
      tensors, and has to be analytic: not by `abs`, `norm` or a conjugate. A central difference beside it tells, and
      where the two disagree the bar spans both.

    Steps are in units of max(1, |x|) for each coordinate, or of |x| where f is not finite a larger step away, and such
    that x ± h is exact. The error bar holds what truncation and rounding may add, and the noise of f, as of one that
    computes in float32 inside; at a kink it spans the slopes on both sides.

    `f` may differentiate inside: with `grad` and its like, or by x after `x.requires_grad_()`.

    Raises ValueError for a step that is not positive, an unknown scheme, values of f that are not finite, and an f that
    uses the tensor `x` itself and not its argument; TypeError for an f that returns other than numbers, or, in
    "complex-step", one whose operations do not take complex numbers or drop the imaginary part.

    Source: "complex-step": W. Squire, G. Trapp, "Using complex variables to estimate derivatives of real functions",
    SIAM Review 40 (1998).

    >>> slope = finite_difference(lambda x: (x * x * x).sum(), [1.0, 2.0])
    >>> bool(np.all(abs(slope.value - [3, 12]) <= slope.error))
    True
    >>> finite_difference(lambda x: exp(x), 0.0, scheme="complex-step").value
    array(1.)
    """
    if step is not None and not 0 < step < math.inf:
        raise ValueError(f"finite_difference: step has to be positive, got {step}")
    if scheme not in get_args(Scheme):
        raise ValueError(f"finite_difference: scheme has to be one of {', '.join(get_args(Scheme))}, got {scheme!r}")
    given = x.array if isinstance(x, Tensor) else x
    if np.iscomplexobj(given):
        raise TypeError("finite_difference: x has to be real; differentiate by its real and imaginary parts instead")
    with enable_grad(), np.errstate(all="ignore"):  # for functions that differentiate inside
        function = _Function(f, to_array(given, np.float64))
        columns = [function.slope(index, scheme, step) for index in np.ndindex(function.point.shape)]
    shape = (*function.centre.shape, *function.point.shape)
    if not columns:
        return Difference(np.zeros(shape), np.zeros(shape))
    value, error = (np.stack(parts, axis=-1).reshape(shape) for parts in zip(*columns, strict=True))
    if not value.any():
        check_argument("finite_difference", f, x)
    return Difference(value, error)


class _Function:
    """A function at a point: its value there, evaluated once, and its slope along each coordinate."""

    def __init__(self, f: Callable[[Tensor], Any], point: Array) -> None:
        self.f = f
        self.point = point
        self.centre = _checked(f(Tensor(point)))
        if not np.isfinite(self.centre).all():
            raise ValueError(f"finite_difference: f is not finite at x: {_first_bad(self.centre)}")

    def slope(self, index: tuple[int, ...], scheme: Scheme, step: float | None) -> Difference:
        """The derivative by one coordinate."""
        at = float(self.point[index])
        units = [1.0] if step else _units(at)

        @functools.cache
        def along(h: float) -> Array:
            if not h:
                return self.centre
            moved = self.point.copy()
            moved[index] += h
            return _checked(self.f(Tensor(moved)))

        for unit in units:
            h = step or STEPS[scheme] * unit
            if scheme != "complex-step" and not exact_step(at, h):
                raise ValueError(f"finite_difference: a step of {h:.3g} is too small to move {at:.6g}")
            if scheme == "adaptive":
                found = derivative(along, h, at)
                if unit > NEARBY * _units(at)[-1] and not step:
                    found = _reconciled(found, _central(along, at, STEPS["central"] * _units(at)[-1], self.noise))
            elif scheme == "complex-step":
                found = self.complex_step(along, index, h)
            else:
                found = FIXED[scheme](along, at, h, self.noise)
                beside = STEPS["central"] * _units(at)[-1]
                if h != beside:
                    found = _reconciled(found, _central(along, at, beside, self.noise))
            if np.isfinite(found.value).all():
                return found
        raise ValueError(
            f"finite_difference: f is not finite a step away from x{list(index) if index else ''} = {at:.6g}: "
            f"{_first_bad(np.asarray(found.value))}; at the edge of where f is defined, try scheme='forward' and a step"
        )

    @functools.cached_property
    def noise(self) -> Array:
        """The noise of each element of f: how far its values along a line scatter about any smooth curve.

        Differences of high order of values at equal spacing leave nothing of a smooth function, and of independent
        errors of variance σ² a mean square of σ² (2k)!/(k!)² at order k.

        Source: J. Moré, S. Wild, "Estimating computational noise", SIAM J. Scientific Computing 33 (2011).
        """
        signs = np.random.default_rng(0).choice([-1.0, 1.0], self.point.shape)
        size = abs(self.point)
        scales = [np.maximum(1, size), np.where(size == 0, 1, size)]
        used = scales if (size < 1).any() else scales[:1]
        found = [self.scatter(1.375 * STEPS["central"] * units * signs) for units in used]
        return np.nan_to_num(np.fmin.reduce(found), nan=0, posinf=0)

    def scatter(self, spacing: Array) -> Array:
        """The noise by 11 values at this spacing, or by 6 to either side where a kink between them makes it more."""
        values = np.stack([_checked(self.f(Tensor(self.point + i * spacing))) for i in range(-5, 6)]).astype(np.float64)
        both = _deviation(values, (4, 5, 6, 7))
        either = np.maximum(_deviation(values[:6], (4, 5)), _deviation(values[5:], (4, 5)))
        return np.where(both > 32 * either, either, both)

    def complex_step(self, along: Along, index: tuple[int, ...], h: float) -> Difference:
        """Im f(x + ih) / h, with a central difference beside it that has to agree within its own error bar."""
        at = float(self.point[index])
        first, second = (self.imaginary(index, step) / step for step in (h, 1.375 * h))
        beside = STEPS["central"] * _units(at)[-1]
        central = _central(along, at, beside, self.noise)
        ahead, centre, behind = (read(along(x))[0] for x in (beside, 0.0, -beside))
        curvature = abs(ahead - 2 * centre + behind) / beside**2
        scale = np.where(centre == 0, 1, abs(centre))
        rounding = (4 * EPS + self.noise / scale) * abs(first) + 4 * EPS * abs(at) * curvature
        return _reconciled(Difference(first, WIDEN * abs(first - second) + rounding), central)

    def imaginary(self, index: tuple[int, ...], h: float) -> Array:
        """Im f(x + ih). TypeError if an operation does not take complex numbers, or makes real ones of them."""
        moved = self.point.astype(np.complex128)
        moved[index] += 1j * h
        observer = _Dropping()
        try:
            with watched(observer), _filtering, warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                y = self.f(Tensor(moved))
        except np.exceptions.ComplexWarning as error:
            observer.names.append(_culprit(error))
            y = self.centre
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"finite_difference: 'complex-step' calls f with complex numbers, and not all of it takes them: {error}"
            ) from error
        array = np.asarray(y.array if isinstance(y, Tensor) else y)
        if array.dtype.kind != "c" and observer.names:
            raise TypeError(
                "finite_difference: 'complex-step' needs an f that keeps the imaginary part, and this one returned "
                f"{array.dtype}: {observer.names[0]} drops it"
            )
        return np.asarray(array.imag)


class _Dropping(Observer):
    """Notes the names of operations that make real numbers of complex ones."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def computed(self, operation: Operation) -> None:
        kinds = {x.dtype.kind for x in operation.inputs if isinstance(x, np.ndarray)}
        results = operation.y if isinstance(operation.y, tuple) else (operation.y,)
        if "c" in kinds and any(np.asarray(result).dtype.kind == "f" for result in results):
            self.names.append(f"'{operation.primitive.name}'")


def _deviation(values: Array, orders: Sequence[int]) -> Array:
    squares = [(np.diff(values, k, axis=0) ** 2).mean(axis=0) / math.comb(2 * k, k) for k in orders]
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))


def _culprit(error: BaseException) -> str:
    """The operation that an exception came out of, as far as the calls that it passed through tell."""
    calls = [frame.f_locals.get("primitive") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((f"'{made.name}'" for made in calls if isinstance(made, Primitive)), "a conversion")


def _reconciled(found: Difference, other: Difference) -> Difference:
    """`found`, with a bar that reaches beyond another estimate where the two do not agree within their own bars."""
    gap = abs(found.value - other.value)
    return Difference(found.value, found.error + np.where(gap > found.error + other.error, gap + other.error, 0))


def _forward(along: Along, at: float, h: float, noise: Array) -> Difference:
    h = exact_step(at, h)
    (centre, eps), (ahead, _), (further, _), (behind, _) = (read(along(x)) for x in (0.0, h, 2 * h, -h))
    slope = (ahead - centre) / h
    doubt = WIDEN * abs(slope - (further - centre) / (2 * h))
    backward = abs(slope - (centre - behind) / h)
    largest = np.maximum(abs(centre), abs(ahead))
    rounding = 2 * eps * np.where(largest == 0, 1, largest) / h
    return Difference(slope, doubt + np.nan_to_num(backward, nan=0, posinf=0) + rounding + NOISY * noise / h)


def _central(along: Along, at: float, h: float, noise: Array) -> Difference:
    table = Table(along, at, [2 * h, h])
    coarse, fine = table.rows
    return _fixed(table, 1, fine.plain, abs(fine.plain - coarse.plain), fine.columns[0].rounding, noise)


def _five_point(along: Along, at: float, h: float, noise: Array) -> Difference:
    table = Table(along, at, [4 * h, 2 * h, h])
    coarse, fine = (row.columns[1] for row in table.rows[1:])  # (4 D(h) - D(2h)) / 3 is the formula of five points
    return _fixed(table, 2, fine.slope, abs(fine.slope - coarse.slope), fine.rounding, noise)


def _ridders(along: Along, at: float, h: float, noise: Array) -> Difference:
    table = Table(along, at, [h / 2**level for level in range(RIDDERS)])
    value, error = table.rows[1].slope, np.full(noise.shape, np.inf)
    for level, row in enumerate(table.rows):
        found = _fixed(table, level, row.slope, row.doubt, row.rounding, noise)
        better = found.error < error
        value, error = np.where(better, found.value, value), np.where(better, found.error, error)
    return Difference(value, error)


FIXED = {"central": _central, "forward": _forward, "five-point": _five_point, "ridders": _ridders}


def _fixed(table: Table, level: int, value: Array, doubt: Array, rounding: Array, noise: Array) -> Difference:
    """A derivative found at one row of a table, with all that its error bar holds."""
    error = WIDEN * doubt + table.eps * rounding + (NOISY * noise + table.nothing) / table.rows[level].step
    return Difference(value, error + table.half_jump(np.full(value.shape, max(0, len(table.rows) - 3)), noise))


def _units(coordinate: float) -> list[float]:
    """What steps are measured in, a power of two: about 1 or |x|, whichever is more; then |x| if that is less."""
    size = abs(coordinate)
    powers = [2.0 ** round(math.log2(max(1.0, size)))]
    if 0 < size < 0.5:
        powers.append(2.0 ** math.floor(math.log2(size)))
    return powers


def _checked(y: Any) -> Array:
    """What f returned, as an array of real numbers."""
    array = y.array if isinstance(y, Tensor) else y
    if not isinstance(array, (np.ndarray, np.generic, int, float)) or np.asarray(array).dtype.kind not in "biuf":
        kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(y).__name__
        raise TypeError(f"finite_difference: f has to return a tensor or an array of real numbers, got {kind}")
    return np.asarray(array)


def _first_bad(values: Array) -> str:
    """The first value that is not finite, and where it is."""
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
    return f"{values[index]}" + (f" at {list(index)} of its {values.size} elements" if index else "")
