"""Binds the operations to Tensor: Python's operators, methods, and NumPy's protocols. One table each."""

from __future__ import annotations

import builtins
import inspect
import math
from collections.abc import Callable, Iterator
from functools import wraps
from sys import _getframe as getframe
from types import FrameType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from autograd.dtypes import Array
from autograd.graph import forward_sweep, reverse_sweep
from autograd.ops import (
    assignment,
    comparison,
    creation,
    diagonals,
    elementwise,
    indexing,
    joining,
    linalg,
    padding,
    products,
    reductions,
    repetition,
    shaping,
    sorting,
    windows,
)
from autograd.ops.axes import normalize_axes, normalize_axis
from autograd.other_names import NOT_OF_TENSORS, Absent
from autograd.tensor import Tensor
from autograd.transforms import backward

if TYPE_CHECKING:
    from autograd.stepping.stepper import Stepper

P = ParamSpec("P")
R = TypeVar("R")


def _refusal(message: str) -> TypeError:
    """The error of what needs arrays, with a note for those who meet it in a rule, where `data` would be wrong."""
    error = TypeError(message)
    caller: FrameType | None = getframe()
    while caller is not None and caller.f_code not in _SWEEPS:
        caller = caller.f_back
    if caller is not None:
        error.add_note(
            "In a derivative rule, which second order runs on tensors: write it with the operations of autograd, or "
            "with NumPy functions that take tensors; t.data would lose the second derivative."
        )
    return error


_SWEEPS = (forward_sweep.__code__, reverse_sweep.__code__)  # which run the rules


def _reflected(operation: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The operation with its operands exchanged."""

    def reflected(self: Any, other: Any) -> Tensor:
        return operation(other, self)

    return reflected


def _divmod(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """The quotient rounded down, and the remainder."""
    return elementwise.floor_divide(x1, x2), elementwise.remainder(x1, x2)


def _floating(x: Any) -> Any:
    """Integers and truth values as NumPy's functions of floating numbers take them."""
    return elementwise.astype(x, np.result_type(x.dtype, np.float16)) if x.dtype.kind in "bui" else x


def _fabs(x: Any) -> Tensor:
    """`abs` in floating numbers."""
    return elementwise.abs(_floating(x))


def _rint(x: Any) -> Tensor:
    """`round` in floating numbers."""
    return elementwise.round(_floating(x))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    """`clip` with both of NumPy's spellings of the bounds."""
    return elementwise.clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """NumPy's norm, which is that of matrices where an `ord` comes with two axes."""
    axes = tuple(range(x.ndim)) if axis is None else axis
    if ord is None or not isinstance(axes, tuple) or len(axes) != 2:
        return reductions.norm(x, ord, axis, keepdims)
    y = linalg.matrix_norm(shaping.moveaxis(x, axes, (-2, -1)), ord, keepdims)
    return shaping.moveaxis(y, (-2, -1), axes) if keepdims else y


def _vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The norm of vectors, which may lie along several axes; None stands for all."""
    if ord == 2 or isinstance(axis, (int, np.integer)):
        return reductions.norm(x, None if ord == 2 else ord, axis, keepdims)
    axes = normalize_axes("vector_norm", axis, x.ndim)
    others = tuple(i for i in range(x.ndim) if i not in axes)
    shape = (*(x.shape[i] for i in others), math.prod(x.shape[i] for i in axes))
    vectors = shaping.reshape(shaping.permute_dims(x, others + axes), shape)
    y = reductions.norm(vectors, ord, -1)
    return shaping.expand_dims(y, axes) if keepdims else y


def _refuse_hermitian(op: str, hermitian: bool) -> None:
    if hermitian:
        raise TypeError(f"{op}: hermitian=True is not supported on tensors; see eigh")


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """`svd` with NumPy's default of full matrices."""
    _refuse_hermitian("svd", hermitian)
    return linalg.svd(a, full_matrices) if compute_uv else linalg.svdvals(a)


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """`pinv` with both of NumPy's spellings of the cutoff."""
    _refuse_hermitian("pinv", hermitian)
    return linalg.pinv(a, rcond if rtol is None else rtol)


def _at_least(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's `atleast_1d` and the like: tensors of the shapes that it gives arrays."""

    def at_least(*xs: Any) -> Any:
        found = tuple(shaping.reshape(x, function(np.broadcast_to(0, np.shape(x))).shape) for x in xs)
        return found[0] if len(found) == 1 else found

    return at_least


def _of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function without derivative, on the arrays in its tensors."""

    def of_arrays(*args: Any, **kwargs: Any) -> Any:
        named = {name: x.array if isinstance(x, Tensor) else x for name, x in kwargs.items()}
        return function(*(x.array if isinstance(x, Tensor) else x for x in args), **named)

    return of_arrays


def _numpy_order(operation: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """`operation` with NumPy's parameters in NumPy's order; those that it lacks have to be None."""
    known = inspect.signature(operation).parameters
    lacking = [name for name in ("dtype", "kind", "order", "out", "overwrite_input") if name not in known]

    def call(a: Any, *positional: Any, **keywords: Any) -> Any:
        if len(positional) > len(names):
            raise TypeError(f"{operation.__name__}: takes {', '.join(names)} beside the tensor; got {positional}")
        keywords |= zip(names, positional)
        for name in lacking:
            value = keywords.pop(name, None)
            if value is not None and value is not False:
                raise TypeError(f"{operation.__name__}: {name}={value!r} is not supported on tensors")
        return operation(a, **keywords)

    return call


def _method(operation: Callable[P, Any]) -> Callable[P, Tensor]:
    """`operation`, which of a tensor makes a tensor, as a method."""
    return operation


def _torch_names(operation: Callable[..., R]) -> Callable[..., R]:
    """`operation`, a method and a function, that takes PyTorch's words for some parameters, too: `dim` for `axis`."""

    @wraps(operation)
    def call(*positional: Any, **keywords: Any) -> R:
        for theirs, ours in _TORCH_NAMES if keywords else ():
            if theirs in keywords:
                if ours in keywords:
                    raise TypeError(f"{operation.__name__}: {theirs} is {ours}; got both")
                keywords[ours] = keywords.pop(theirs)
        return operation(*positional, **keywords)

    return call


_TORCH_NAMES = (
    *(("dim", "axis"), ("dims", "axis"), ("keepdim", "keepdims")),
    *(("diagonal", "k"), ("p", "ord"), ("shifts", "shift")),
)


def _without_dim(operation: Callable[..., R], difference: str, of_two: str = "") -> Callable[..., R]:
    """`operation`, a method and a function, that says how PyTorch's differs to who writes `dim` or `keepdim`, and what
    it is `of_two` tensors."""
    parameters = inspect.signature(operation).parameters
    words = (("dim", "axis"), ("keepdim", "keepdims"), ("unbiased", "ddof"))
    known = [(theirs, ours) for theirs, ours in words if ours in parameters]

    @wraps(operation)
    def call(*positional: Any, **keywords: Any) -> R:
        for theirs, ours in known:
            if theirs in keywords:
                raise TypeError(f"{operation.__name__}: takes {ours} where PyTorch takes {theirs}, since {difference}")
        if of_two and len(positional) > 1 and isinstance(positional[1], Tensor):
            raise TypeError(f"{operation.__name__}: takes an axis after the tensor; of two tensors it is {of_two}")
        return operation(*positional, **keywords)

    return call


class Operators:
    """What Tensor can do. The body of this class is the table of methods."""

    if TYPE_CHECKING:  # what Tensor has

        @property
        def array(self) -> Array: ...

        @property
        def requires_grad(self) -> builtins.bool: ...

        @property
        def ndim(self) -> builtins.int: ...

        @property
        def size(self) -> builtins.int: ...

        def item(self) -> Any: ...

        def stepper(self, gradient: Tensor | Array | None = None) -> Stepper: ...  # bound by `autograd.stepping`

    backward = backward

    # elementwise
    __add__ = __radd__ = add = _method(elementwise.add)
    __sub__ = sub = _method(elementwise.subtract)
    __mul__ = __rmul__ = mul = _method(elementwise.multiply)
    __truediv__ = div = _method(elementwise.divide)
    __floordiv__ = _method(elementwise.floor_divide)
    __mod__ = _method(elementwise.remainder)
    __pow__ = _method(elementwise.power)
    __rsub__ = _reflected(elementwise.subtract)
    __rtruediv__ = _reflected(elementwise.divide)
    __rfloordiv__ = _reflected(elementwise.floor_divide)
    __rmod__ = _reflected(elementwise.remainder)
    __rpow__ = _reflected(elementwise.power)
    __neg__ = neg = _method(elementwise.negative)
    __pos__ = _method(elementwise.positive)
    __abs__ = abs = _method(elementwise.abs)
    __round__ = round = _method(elementwise.round)
    arccos = _method(elementwise.arccos)
    arcsin = _method(elementwise.arcsin)
    arctan = _method(elementwise.arctan)
    astype = _method(elementwise.astype)
    ceil = _method(elementwise.ceil)
    clip = clamp = _method(elementwise.clip)
    cos = _method(elementwise.cos)
    cosh = _method(elementwise.cosh)
    erf = _method(elementwise.erf)
    erfinv = _method(elementwise.erfinv)
    exp = _method(elementwise.exp)
    exp2 = _method(elementwise.exp2)
    expm1 = _method(elementwise.expm1)
    floor = _method(elementwise.floor)
    log = _method(elementwise.log)
    log10 = _method(elementwise.log10)
    log1p = _method(elementwise.log1p)
    log2 = _method(elementwise.log2)
    maximum = _method(elementwise.maximum)
    minimum = _method(elementwise.minimum)
    ndtr = _method(elementwise.ndtr)
    pow = _method(elementwise.power)
    reciprocal = _method(elementwise.reciprocal)
    relu = _method(elementwise.relu)
    rsqrt = _method(elementwise.rsqrt)
    sigmoid = _method(elementwise.sigmoid)
    sign = _method(elementwise.sign)
    sin = _method(elementwise.sin)
    sinh = _method(elementwise.sinh)
    sqrt = _method(elementwise.sqrt)
    square = _method(elementwise.square)
    tan = _method(elementwise.tan)
    tanh = _method(elementwise.tanh)
    trunc = _method(elementwise.trunc)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return _divmod(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return _divmod(other, self)

    def to(self, dtype: npt.DTypeLike) -> Tensor:
        """The tensor in another dtype, or itself if it has that one; itself for PyTorch's device "cpu", too."""
        try:
            wanted = self.array.dtype if isinstance(dtype, str) and dtype == "cpu" else np.dtype(dtype)
        except TypeError:
            raise TypeError(f"to: wants a dtype, or 'cpu', which is all there is; got {dtype!r}") from None
        return elementwise.astype(self, wanted, copy=False)  # type: ignore[arg-type]

    def cpu(self) -> Tensor:
        """The tensor itself: there is no other device."""
        return self  # type: ignore[return-value]

    @property
    def device(self) -> str:
        """The word "cpu", as NumPy's arrays have it."""
        return "cpu"

    def float(self) -> Tensor:
        """The tensor in float32; itself if it is."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """The tensor in float64; itself if it is."""
        return self.to(np.float64)

    def half(self) -> Tensor:
        """The tensor in float16; itself if it is."""
        return self.to(np.float16)

    def long(self) -> Tensor:
        """The tensor in int64, without derivative; itself if it is."""
        return self.to(np.int64)

    def int(self) -> Tensor:
        """The tensor in int32, without derivative; itself if it is."""
        return self.to(np.int32)

    def bool(self) -> Tensor:
        """Which elements are not zero, without derivative; itself if it is of truth values."""
        return self.to(np.bool_)

    # comparisons and logic
    if TYPE_CHECKING:  # pyright keeps the types of `object` for what is assigned to these names

        def __eq__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Tensor: ...  # type: ignore[override]
    else:
        __eq__ = _method(comparison.equal)
        __ne__ = _method(comparison.not_equal)
    __lt__ = lt = _method(comparison.less)
    __le__ = le = _method(comparison.less_equal)
    __gt__ = gt = _method(comparison.greater)
    __ge__ = ge = _method(comparison.greater_equal)
    __and__ = __rand__ = _method(comparison.bitwise_and)
    __or__ = __ror__ = _method(comparison.bitwise_or)
    __xor__ = __rxor__ = _method(comparison.bitwise_xor)
    __invert__ = _method(comparison.bitwise_not)
    eq = _method(comparison.equal)
    isfinite = _method(comparison.isfinite)
    isinf = _method(comparison.isinf)
    isnan = _method(comparison.isnan)
    logical_and = _method(comparison.logical_and)
    logical_not = _method(comparison.logical_not)
    logical_or = _method(comparison.logical_or)
    ne = _method(comparison.not_equal)
    __hash__ = object.__hash__

    # reductions and sorting: no `dim` where PyTorch's method has another default or other results
    all = _torch_names(reductions.all)
    amax = _torch_names(reductions.amax)
    amin = _torch_names(reductions.amin)
    any = _torch_names(reductions.any)
    argmax = _torch_names(reductions.argmax)
    argmin = _torch_names(reductions.argmin)
    argsort = _torch_names(sorting.argsort)
    count_nonzero = _torch_names(reductions.count_nonzero)
    cumprod = _torch_names(reductions.cumprod)
    cumsum = _torch_names(reductions.cumsum)
    log_softmax = _torch_names(reductions.log_softmax)
    logsumexp = _torch_names(reductions.logsumexp)
    max = _without_dim(reductions.max, "that gives indices, too; here they are those of argmax", "maximum")
    mean = _torch_names(reductions.mean)
    median = _without_dim(sorting.median, "that gives the lower of two middle elements, and indices")
    min = _without_dim(reductions.min, "that gives indices, too; here they are those of argmin", "minimum")
    norm = _torch_names(reductions.norm)
    prod = _torch_names(reductions.prod)
    softmax = _torch_names(reductions.softmax)
    sort = _without_dim(sorting.sort, "that gives indices, too; here they are those of argsort")
    std = _without_dim(reductions.std, "that divides by n - 1; here it takes ddof=1")
    sum = _torch_names(reductions.sum)
    topk = _torch_names(sorting.topk)
    var = _without_dim(reductions.var, "that divides by n - 1; here it takes ddof=1")

    # shaping, repetition and diagonals
    broadcast_to = shaping.broadcast_to
    chunk = _torch_names(joining.chunk)
    diag = _torch_names(diagonals.diag)
    diagonal = diagonals.diagonal
    flatten = shaping.flatten
    flip = _torch_names(shaping.flip)
    moveaxis = movedim = shaping.moveaxis
    mT = property(shaping.matrix_transpose)  # noqa: N815
    ravel = shaping.ravel
    repeat_interleave = _torch_names(repetition.repeat)

    @wraps(repetition.repeat)
    def repeat(self: Tensor, *repeats: Any, **keywords: Any) -> Tensor:
        if len(repeats) > 2:
            raise TypeError(
                f"repeat: takes repeats and an axis, got {repeats}; for PyTorch's repeat write "
                f"autograd.tile(t, {repeats})"
            )
        return self.repeat_interleave(*repeats, **keywords)

    reshape = view = shaping.reshape
    roll = _torch_names(shaping.roll)
    squeeze = _torch_names(shaping.squeeze)
    swapaxes = swapdims = shaping.swapaxes
    T = property(shaping.transpose, doc="The tensor with its axes in reverse order, a view; of a matrix the transpose.")
    tril = _torch_names(diagonals.tril)
    triu = _torch_names(diagonals.triu)

    def contiguous(self) -> Tensor:
        """The tensor itself: how it lies in memory makes no difference here."""
        return self  # type: ignore[return-value]

    def dim(self) -> builtins.int:
        """The number of dimensions, `ndim`."""
        return self.ndim

    def expand(self, *shape: Any) -> Tensor:
        """`broadcast_to`; the lengths are separate ints or a tuple, and -1 keeps one."""
        wanted = shaping.unpacked(shape)
        kept = (-1,) * (len(wanted) - self.ndim) + self.shape  # type: ignore[attr-defined]
        return shaping.broadcast_to(self, tuple(k if n == -1 else n for n, k in zip(wanted, kept)))

    def numel(self) -> builtins.int:
        """The number of elements, `size`."""
        return self.size

    def permute(self, *axes: Any) -> Tensor:
        """`permute_dims`; the axes are separate ints or a tuple."""
        return shaping.permute_dims(self, shaping.unpacked(axes))  # type: ignore[arg-type]

    def transpose(self, *axes: Any) -> Tensor:
        """The axes reversed, or in the order of `axes`: separate ints, a tuple or None, as in NumPy."""
        return shaping.transpose(self, None if axes in ((), (None,)) else shaping.unpacked(axes))  # type: ignore[arg-type]

    def t(self) -> Tensor:
        """The transpose of a matrix; a vector as it is. Raises ValueError for more dimensions."""
        if self.array.ndim > 2:
            raise ValueError(f"t: wants a vector or a matrix, got shape {self.array.shape}; see permute")
        return shaping.transpose(self)  # type: ignore[arg-type]

    def unbind(self, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """`unstack` with torch's spelling."""
        return joining.unstack(self, dim)  # type: ignore[arg-type]

    def unsqueeze(self, dim: builtins.int) -> Tensor:
        """`expand_dims` with torch's spelling."""
        return shaping.expand_dims(self, dim)  # type: ignore[arg-type]

    # indexing and assignment
    __getitem__ = indexing.getitem
    __setitem__ = assignment.setitem
    __iadd__ = assignment.in_place("+=", elementwise.add, np.add)
    __isub__ = assignment.in_place("-=", elementwise.subtract, np.subtract)
    __imul__ = assignment.in_place("*=", elementwise.multiply, np.multiply)
    __itruediv__ = assignment.in_place("/=", elementwise.divide, np.divide)
    __ifloordiv__ = assignment.in_place("//=", elementwise.floor_divide, np.floor_divide)
    __imod__ = assignment.in_place("%=", elementwise.remainder, np.remainder)
    __ipow__ = assignment.in_place("**=", elementwise.power, np.power)
    __iand__ = assignment.in_place("&=", comparison.bitwise_and, np.bitwise_and)
    __ior__ = assignment.in_place("|=", comparison.bitwise_or, np.bitwise_or)
    __ixor__ = assignment.in_place("^=", comparison.bitwise_xor, np.bitwise_xor)
    clone = copy = _method(assignment.clone)
    copy_ = assignment.copy_
    fill_ = assignment.fill_

    def gather(self, dim: builtins.int, index: Any) -> Tensor:
        """`take_along_axis` with torch's spelling; `index` may be shorter along the other axes."""
        along = normalize_axis("gather", dim, self.ndim)
        part = tuple(slice(None) if axis == along else slice(n) for axis, n in enumerate(np.shape(index)))
        x = indexing.getitem(self, part)  # type: ignore[arg-type]
        return indexing.take_along_axis(x, index, along)

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`value` where the mask is true, the tensor elsewhere."""
        return elementwise.where(mask, value, self)

    nonzero = indexing.nonzero
    take = _torch_names(indexing.take)
    take_along_dim = _torch_names(indexing.take_along_axis)
    zero_ = assignment.zero_

    # products
    __matmul__ = products.matmul
    __rmatmul__ = _reflected(products.matmul)
    dot = products.dot
    inner = products.inner
    matmul = mm = bmm = mv = products.matmul
    outer = products.outer

    # linalg
    det = linalg.det
    inverse = linalg.inv
    trace = linalg.trace

    # Python's protocols
    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) - NOT_OF_TENSORS.keys())

    def __len__(self) -> builtins.int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(joining.unstack(self))  # type: ignore[arg-type]

    def __contains__(self, value: Any) -> builtins.bool:
        return bool((self.array == (value.array if isinstance(value, Tensor) else value)).any())

    def __bool__(self) -> builtins.bool:
        if self.array.size != 1:
            raise ValueError(
                f"bool: the truth of a tensor of shape {self.array.shape} is ambiguous; use any() or all()"
            )
        return bool(self.array)

    def __float__(self) -> builtins.float:
        return float(self.item())

    def __int__(self) -> builtins.int:
        return int(self.item())

    def __index__(self) -> builtins.int:
        if self.array.ndim or self.array.dtype.kind not in "iu":
            raise TypeError(
                f"index: wants a 0-d tensor of integers, got shape {self.array.shape} and {self.array.dtype}"
            )
        return int(self.array)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: builtins.bool | None = None) -> Array:
        if self.requires_grad:
            raise _refusal(
                "a tensor that requires grad would lose its history as an array: use t.data for its values "
                "(loss.item() to collect losses), and stack or concatenate to join tensors"
            )
        return np.array(self.array, dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        operation = UFUNCS.get(ufunc)
        if any(not x.flags.writeable for x in options.get("out", ()) if isinstance(x, np.ndarray)):
            raise TypeError(
                f"np.{ufunc.__name__}: the array to write into is read-only, as the data of a tensor is; write through "
                "the tensor, as in `with ag.no_grad(): w -= 0.1 * w.grad`"
            )
        if operation is None or method != "__call__" or options:
            name = f"np.{ufunc.__name__}" if hasattr(np, ufunc.__name__) else ufunc.__name__
            how = name + ("" if method == "__call__" else f".{method}")
            wanting = f" with {', '.join(options)}" if options else ""
            raise _refusal(f"{how}{wanting} is not defined on tensors; use t.data for the array, without derivatives")
        return operation(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        operation = FUNCTIONS.get(function)
        if operation is None:
            name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
            raise _refusal(f"{name} is not defined on tensors; use t.data for the array, without derivatives")
        return operation(*args, **kwargs)


UFUNCS: dict[Any, Any] = {
    np.absolute: elementwise.abs,
    np.add: elementwise.add,
    np.arccos: elementwise.arccos,
    np.arccosh: elementwise.arccosh,
    np.arcsin: elementwise.arcsin,
    np.arcsinh: elementwise.arcsinh,
    np.arctan: elementwise.arctan,
    np.arctan2: elementwise.arctan2,
    np.arctanh: elementwise.arctanh,
    np.bitwise_and: comparison.bitwise_and,
    np.bitwise_not: comparison.bitwise_not,
    np.bitwise_or: comparison.bitwise_or,
    np.bitwise_xor: comparison.bitwise_xor,
    np.ceil: elementwise.ceil,
    np.cos: elementwise.cos,
    np.cosh: elementwise.cosh,
    np.divide: elementwise.divide,
    np.divmod: _divmod,
    np.equal: comparison.equal,
    np.exp: elementwise.exp,
    np.exp2: elementwise.exp2,
    np.expm1: elementwise.expm1,
    np.fabs: _fabs,
    np.floor: elementwise.floor,
    np.floor_divide: elementwise.floor_divide,
    np.fmod: elementwise.fmod,
    np.greater: comparison.greater,
    np.greater_equal: comparison.greater_equal,
    np.hypot: elementwise.hypot,
    np.isfinite: comparison.isfinite,
    np.isinf: comparison.isinf,
    np.isnan: comparison.isnan,
    np.less: comparison.less,
    np.less_equal: comparison.less_equal,
    np.log: elementwise.log,
    np.log10: elementwise.log10,
    np.log1p: elementwise.log1p,
    np.log2: elementwise.log2,
    np.logaddexp: elementwise.logaddexp,
    np.logical_and: comparison.logical_and,
    np.logical_not: comparison.logical_not,
    np.logical_or: comparison.logical_or,
    np.logical_xor: comparison.logical_xor,
    np.matmul: products.matmul,
    np.maximum: elementwise.maximum,
    np.minimum: elementwise.minimum,
    np.multiply: elementwise.multiply,
    np.negative: elementwise.negative,
    np.not_equal: comparison.not_equal,
    np.positive: elementwise.positive,
    np.power: elementwise.power,
    np.reciprocal: elementwise.reciprocal,
    np.remainder: elementwise.remainder,
    np.rint: _rint,
    np.sign: elementwise.sign,
    np.sin: elementwise.sin,
    np.sinh: elementwise.sinh,
    np.sqrt: elementwise.sqrt,
    np.square: elementwise.square,
    np.subtract: elementwise.subtract,
    np.tan: elementwise.tan,
    np.tanh: elementwise.tanh,
    np.trunc: elementwise.trunc,
}

FUNCTIONS: dict[Any, Any] = {
    np.all: _numpy_order(reductions.all, "axis", "out", "keepdims"),
    np.allclose: comparison.allclose,
    np.amax: _numpy_order(reductions.amax, "axis", "out", "keepdims"),
    np.amin: _numpy_order(reductions.amin, "axis", "out", "keepdims"),
    np.any: _numpy_order(reductions.any, "axis", "out", "keepdims"),
    np.argmax: _numpy_order(reductions.argmax, "axis", "out"),
    np.argmin: _numpy_order(reductions.argmin, "axis", "out"),
    np.argsort: _numpy_order(sorting.argsort, "axis", "kind", "order"),
    np.argwhere: indexing.argwhere,
    np.around: elementwise.round,
    np.array_equal: _of_arrays(np.array_equal),
    np.astype: elementwise.astype,
    np.atleast_1d: _at_least(np.atleast_1d),
    np.atleast_2d: _at_least(np.atleast_2d),
    np.atleast_3d: _at_least(np.atleast_3d),
    np.broadcast_arrays: shaping.broadcast_arrays,
    np.broadcast_to: shaping.broadcast_to,
    np.clip: _clip,
    np.concatenate: joining.concatenate,
    np.copy: assignment.clone,
    np.count_nonzero: reductions.count_nonzero,
    np.cumprod: _numpy_order(reductions.cumprod, "axis", "dtype", "out"),
    np.cumsum: _numpy_order(reductions.cumsum, "axis", "dtype", "out"),
    np.diag: diagonals.diag,
    np.diagonal: diagonals.diagonal,
    np.diff: reductions.diff,
    np.dot: products.dot,
    np.einsum: lambda *operands, optimize=True: products.einsum(*operands),
    np.expand_dims: shaping.expand_dims,
    np.flip: shaping.flip,
    np.fliplr: shaping.fliplr,
    np.flipud: shaping.flipud,
    np.full_like: creation.full_like,
    np.hstack: joining.hstack,
    np.isclose: comparison.isclose,
    np.inner: products.inner,
    np.lib.stride_tricks.sliding_window_view: lambda x, window_shape, axis=None: windows.sliding_windows(
        x, window_shape, axes=axis
    ),
    np.linalg.cholesky: linalg.cholesky,
    np.linalg.det: linalg.det,
    np.linalg.diagonal: lambda x, *, offset=0: diagonals.diagonal(x, offset, -2, -1),
    np.linalg.eigh: linalg.eigh,
    np.linalg.eigvalsh: linalg.eigvalsh,
    np.linalg.inv: linalg.inv,
    np.linalg.matmul: products.matmul,
    np.linalg.matrix_norm: linalg.matrix_norm,
    np.linalg.matrix_power: linalg.matrix_power,
    np.linalg.matrix_transpose: shaping.matrix_transpose,
    np.linalg.norm: _norm,
    np.linalg.outer: products.outer,
    np.linalg.pinv: _pinv,
    np.linalg.qr: linalg.qr,
    np.linalg.slogdet: linalg.slogdet,
    np.linalg.solve: linalg.solve,
    np.linalg.svd: _svd,
    np.linalg.svdvals: linalg.svdvals,
    np.linalg.tensordot: products.tensordot,
    np.linalg.trace: lambda x, *, offset=0: linalg.trace(x, offset, -2, -1),
    np.linalg.vector_norm: _vector_norm,
    np.matrix_transpose: shaping.matrix_transpose,
    np.meshgrid: shaping.meshgrid,
    np.max: _numpy_order(reductions.max, "axis", "out", "keepdims"),
    np.mean: _numpy_order(reductions.mean, "axis", "dtype", "out", "keepdims"),
    np.median: _numpy_order(sorting.median, "axis", "out", "overwrite_input", "keepdims"),
    np.min: _numpy_order(reductions.min, "axis", "out", "keepdims"),
    np.moveaxis: shaping.moveaxis,
    np.ndim: lambda x: x.ndim,
    np.nonzero: indexing.nonzero,
    np.ones_like: creation.ones_like,
    np.outer: products.outer,
    np.pad: padding.pad,
    np.prod: _numpy_order(reductions.prod, "axis", "dtype", "out", "keepdims"),
    np.ravel: shaping.ravel,
    np.repeat: repetition.repeat,
    np.reshape: lambda x, shape: shaping.reshape(x, shape),
    np.roll: shaping.roll,
    np.rot90: shaping.rot90,
    np.round: elementwise.round,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.sort: _numpy_order(sorting.sort, "axis", "kind", "order"),
    np.split: joining.split,
    np.squeeze: shaping.squeeze,
    np.stack: joining.stack,
    np.std: _numpy_order(reductions.std, "axis", "dtype", "out", "ddof", "keepdims"),
    np.sum: _numpy_order(reductions.sum, "axis", "dtype", "out", "keepdims"),
    np.swapaxes: shaping.swapaxes,
    np.take: indexing.take,
    np.take_along_axis: indexing.take_along_axis,
    np.tensordot: products.tensordot,
    np.tile: repetition.tile,
    np.trace: linalg.trace,
    np.transpose: shaping.transpose,
    np.tril: diagonals.tril,
    np.triu: diagonals.triu,
    np.unstack: joining.unstack,
    np.var: _numpy_order(reductions.var, "axis", "dtype", "out", "ddof", "keepdims"),
    np.vstack: joining.vstack,
    np.where: elementwise.where,
    np.zeros_like: creation.zeros_like,
}

_concatenate = _torch_names(joining.concatenate)
_METHODS = """
all amax amin any argmax argmin argsort chunk count_nonzero cumprod cumsum diag flip log_softmax logsumexp max
mean median min norm prod roll softmax sort squeeze std sum take topk tril triu var
"""
# The functions that take PyTorch's words for parameters, as their methods do.
OF_TORCHS_WORDS: dict[str, Callable[..., Any]] = {name: getattr(Operators, name) for name in _METHODS.split()} | {
    "concat": _concatenate,
    "concatenate": _concatenate,
    "diff": _torch_names(reductions.diff),
    "expand_dims": _torch_names(shaping.expand_dims),
    "repeat": Operators.repeat_interleave,
    "split": _without_dim(joining.split, "that takes the length of the parts; here it is their number"),
    "stack": _torch_names(joining.stack),
    "take_along_axis": Operators.take_along_dim,
    "unstack": _torch_names(joining.unstack),
}

if not TYPE_CHECKING:
    for _name, _value in vars(Operators).items():
        if callable(_value) or isinstance(_value, property):
            setattr(Tensor, _name, _value)
    for _name in NOT_OF_TENSORS:
        setattr(Tensor, _name, Absent(_name))
    for _name, _value in OF_TORCHS_WORDS.items():
        _value.__module__, _value.__qualname__ = "autograd", _name  # where pickle finds it
