"""Linear algebra on stacks of matrices (..., M, N): determinants, inverses, factorizations and matrix norms."""

from __future__ import annotations

from operator import index
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import is_grad_enabled
from autograd.ops import reductions
from autograd.ops.axes import normalize_axes, shape_of
from autograd.ops.diagonals import diagonal, tril, triu
from autograd.ops.elementwise import positive
from autograd.ops.joining import concatenate, split
from autograd.ops.shaping import expand_dims, matrix_transpose, squeeze
from autograd.primitive import Operand, nondifferentiable, primitive
from autograd.tensor import Tensor, wrap

__all__ = [
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "matrix_norm",
    "matrix_power",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "trace",
]


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of determinants."""

    sign: Tensor
    logabsdet: Tensor


class QRResult(NamedTuple):
    """Factors of x = Q R."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """Factors of x = U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors, in columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum of the diagonal of the matrices that lie along `axis1` and `axis2`: (M, N, ...) to (...).

    `offset` chooses a diagonal above (positive) or below (negative) the main one. Raises ValueError for less than two
    dimensions or two equal axes, AxisError for an axis that `x` does not have.

    Derivative: x̄ += ȳ on the diagonal.

    >>> trace(tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    _matrices("trace", x)
    first, second = normalize_axes("trace", (axis1, axis2), len(shape_of(x)))
    return reductions.sum(diagonal(x, offset, first, second), -1)


def det(x: Operand) -> Tensor:
    """Determinant of square matrices: (..., M, M) to (...).

    Raises LinAlgError for matrices that are not square.

    Derivative: x̄ += ȳ · cof(x), where the cofactor matrix cof(x) is det(x) x⁻ᵀ.

    That matrix exists for singular x, too. Derivatives of third and higher order go through the singular value
    decomposition and need distinct singular values.

    Source: Giles 2008, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
    differentiation".

    >>> det(tensor([[1.0, 2.0], [3.0, 5.0]]))
    tensor(-1.)
    """
    _square("det", x)
    return _det(x)


@primitive(
    vjps=[lambda g, x: expand_dims(g, (-2, -1)) * _cofactor(x)],
    jvps=[lambda g, x: reductions.sum(g * _cofactor(x), (-2, -1))],
)
def _det(x: Array) -> Any:
    return np.linalg.det(x)


def _cofactor_derivative(g: Any, x: Any) -> Any:
    """Directional derivative of the cofactor matrix, which is self-adjoint, without a division: x may be singular.

    With x = U diag(s) Vᵀ, E = Uᵀ g V and p_ij = Π_{k≠i,j} s_k (p_ii = 0): ±U (diag(p diag(E)) - p ∘ Eᵀ) Vᵀ.
    """
    u, s, vh = _svd(x)
    e = u.mT @ g @ vh.mT
    eye = np.eye(s.shape[-1], dtype=bool)
    left_out = eye[:, None, :] | eye[None, :, :]
    pairs = np.where(left_out, 1, expand_dims(s, (-3, -2))).prod(-1) * ~eye
    inner = _diagonal_matrix((pairs * expand_dims(diagonal(e, 0, -2, -1), -2)).sum(-1)) - pairs * e.mT
    sign, _ = _slogdet(u @ vh)
    return expand_dims(sign, (-2, -1)) * (u @ inner @ vh)


@primitive(vjps=[_cofactor_derivative], jvps=[_cofactor_derivative])
def _cofactor(x: Array) -> Any:
    """The matrix of cofactors, det(x) x⁻ᵀ, of singular matrices too.

    Derivative: with y = cof(x), x̄ += Σ ȳ_ij · ∂cof(x)_ij/∂x, through the singular value decomposition of x.
    """
    u, s, vh = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    sign, _ = np.linalg.slogdet(u @ vh)
    return (sign[..., None, None] * u * others[..., None, :]) @ vh


def slogdet(x: Operand) -> SlogdetResult:
    """Sign and natural logarithm of |determinant| of square matrices: (..., M, M) to two of (...).

    Raises LinAlgError for matrices that are not square and, when the derivative is asked for, for singular ones.

    Derivative, with l the logarithm: x̄ += l̄ · x⁻ᵀ. The sign has derivative zero.

    >>> slogdet(tensor([[0.0, 1.0], [1.0, 0.0]])).sign
    tensor(-1.)
    """
    _square("slogdet", x)
    return SlogdetResult(*_slogdet(x))


def _slogdet_vjp(g: Any, x: Any) -> Any:
    _, g_log = g
    if g_log is None:
        return None
    try:
        return expand_dims(g_log, (-2, -1)) * _inv(x).mT
    except np.linalg.LinAlgError:
        raise _singular("slogdet", x) from None


@primitive(vjps=[_slogdet_vjp], jvps=[lambda g, x: (None, reductions.sum(diagonal(_solve(x, g), 0, -2, -1), -1))])
def _slogdet(x: Array) -> Any:
    return tuple(np.linalg.slogdet(x))


def inv(x: Operand) -> Tensor:
    """Inverse of square matrices (..., M, M).

    Raises LinAlgError for matrices that are singular or not square.

    Derivative: x̄ -= yᵀ ȳ yᵀ.

    Source: Giles 2008, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
    differentiation".

    >>> inv(tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    _square("inv", x)
    return _inv(x)


@primitive(vjps=[lambda g, y: -(y.mT @ g @ y.mT)], jvps=[lambda g, y: -(y @ g @ y)])
def _inv(x: Array) -> Any:
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        raise _singular("inv", x) from None


def solve(a: Operand, b: Operand) -> Tensor:
    """The y with a y = b: a (..., M, M), b (..., M, K) or one vector (M,); the leading axes broadcast.

    As in NumPy 2, only a `b` of one dimension is a vector; then y is (..., M). Raises LinAlgError for matrices that are
    singular or not square, ValueError for a `b` that does not fit.

    Derivative: b̄ += a⁻ᵀ ȳ, ā -= b̄ yᵀ.

    Source: Giles 2008, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
    differentiation".

    >>> solve(tensor([[2.0, 0.0], [0.0, 4.0]]), tensor([1.0, 1.0]))
    tensor([0.5 , 0.25])
    """
    _square("solve", a)
    shape, b_shape = shape_of(a), shape_of(b)
    rows = b_shape[-2:][:1]
    if rows != shape[-1:]:
        raise ValueError(f"solve: b has to have {shape[-1]} rows, as a of shape {shape} has, got shape {b_shape}")
    if len(b_shape) == 1:
        return squeeze(_solve(a, expand_dims(b, -1)), -1)
    return _solve(a, b)


@primitive(
    vjps=[lambda g, a, y: -(_solve(a.mT, g) @ y.mT), lambda g, a: _solve(a.mT, g)],
    jvps=[lambda g, a, y: -_solve(a, g @ y), lambda g, a: _solve(a, g)],
)
def _solve(a: Array, b: Array) -> Any:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise _singular("solve", a) from None


def cholesky(x: Operand, *, upper: bool = False) -> Tensor:
    """The lower triangular L with positive diagonal and L Lᵀ = x, for symmetric positive definite x (..., M, M).

    With `upper`, Lᵀ. Only the lower (upper) triangle of `x` is read. Raises LinAlgError for matrices that are not
    square or not positive definite.

    Derivative: x̄ += sym(L⁻ᵀ Φ(Lᵀ L̄) L⁻¹), where Φ takes the lower triangle with half the diagonal.

    There sym(z) = (z + zᵀ)/2: it is the derivative with respect to a symmetric matrix, shared equally by the two
    triangles.

    Source: Murray 2016, "Differentiation of the Cholesky decomposition".

    >>> cholesky(tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    _square("cholesky", x)
    return matrix_transpose(_cholesky(matrix_transpose(x))) if upper else _cholesky(x)


def _cholesky_vjp(g: Any, y: Any) -> Any:
    inner = _lower_with_half_diagonal(y.mT @ g)
    return _symmetric(_solve(y.mT, _solve(y.mT, inner.mT).mT))


def _cholesky_jvp(g: Any, y: Any) -> Any:
    inner = _solve(y, _solve(y, _symmetric(g)).mT)
    return y @ _lower_with_half_diagonal(inner)


@primitive(vjps=[_cholesky_vjp], jvps=[_cholesky_jvp])
def _cholesky(x: Array) -> Any:
    return np.linalg.cholesky(x)


def qr(x: Operand, mode: str = "reduced") -> QRResult | Tensor:
    """Q and R with Q R = x: (..., M, N) to (..., M, K) and (..., K, N), K = min(M, N).

    Q has orthonormal columns, R is upper triangular. `mode="r"` returns R alone; `mode="complete"` makes Q square, and
    for M > N is refused where a derivative is wanted, since the added columns are not determined by `x`. The derivative
    is that of the signs NumPy chose; it needs the first K columns of `x` to be linearly independent, and raises
    LinAlgError where, but for rounding, they are not. Raises ValueError for another mode.

    Derivative, M ≥ N: x̄ += (Q̄ + Q C) R⁻ᵀ, with C symmetric, its lower triangle that of R R̄ᵀ - Q̄ᵀ Q.

    Source: Walter, Lehmann 2010, "Algorithmic differentiation of linear algebra functions with application in optimum
    experimental design".

    >>> qr(tensor([[3.0, 1.0], [4.0, 2.0]])).R.shape
    (2, 2)
    """
    _matrices("qr", x)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode has to be 'reduced', 'complete' or 'r', got {mode!r}")
    rows, columns = shape_of(x)[-2:]
    if mode == "complete" and rows > columns:
        _refuse_derivative("qr", x, "mode='complete'", "mode='reduced'")
        return QRResult(*_qr_complete(x))
    if rows >= columns:
        q, r = _qr(x)
    else:
        left, right = split(x, [rows], axis=-1)
        q, square = _qr(left)
        adjoint = q.mT if q.dtype.kind != "c" else np.conj(np.asarray(q)).mT
        r = concatenate([square, adjoint @ right], axis=-1)
    return r if mode == "r" else QRResult(q, r)


def _qr_vjp(g: Any, y: Any) -> Any:
    q, r = y
    _check_independent(q, r)
    g_q, g_r = g
    if g_q is None:
        total = q @ _from_lower(r @ g_r.mT)
    else:
        lower = -(g_q.mT @ q) if g_r is None else r @ g_r.mT - g_q.mT @ q
        total = g_q + q @ _from_lower(lower)
    return _solve(r, total.mT).mT


def _qr_jvp(g: Any, y: Any) -> Any:
    q, r = y
    _check_independent(q, r)
    scaled = _solve(r.mT, g.mT).mT
    inner = q.mT @ scaled
    upper = triu(inner) + tril(inner, -1).mT
    return scaled - q @ upper, upper @ r


def _check_independent(q: Any, r: Any) -> None:
    """LinAlgError if the columns before span one but for rounding: what they do not is on R's diagonal."""
    columns = r.data if isinstance(r, Tensor) else r
    own = np.abs(np.diagonal(columns, axis1=-2, axis2=-1))
    if np.any(own <= q.shape[-2] * np.finfo(columns.dtype).eps * np.linalg.norm(columns, axis=-2)):
        raise np.linalg.LinAlgError(f"qr: the first columns are not linearly independent, R of shape {r.shape}")


@primitive(vjps=[_qr_vjp], jvps=[_qr_jvp])
def _qr(x: Array) -> Any:
    return tuple(np.linalg.qr(x))


@nondifferentiable()
def _qr_complete(x: Array) -> Any:
    return tuple(np.linalg.qr(x, "complete"))


def svd(x: Operand, full_matrices: bool = False) -> SVDResult:
    """U, S, Vh with U diag(S) Vh = x: (..., M, N) to (..., M, K), (..., K), (..., K, N), K = min(M, N), S descending.

    The columns of U and the rows of Vh are orthonormal. They are determined only up to a common sign each (a rotation,
    where singular values repeat), so only functions that do not depend on it, such as U diag(f(S)) Vh, have a
    meaningful derivative. With `full_matrices` U and Vh are square, which for M ≠ N is refused where a derivative is
    wanted, since the added vectors are not determined by `x`.

    Derivative, with D = diag(S): x̄ += U C Vᵀ + (I - U Uᵀ) Ū D⁻¹ Vᵀ + U D⁻¹ V̄ᵀ (I - V Vᵀ).

    There V = Vhᵀ and C = F∘skew(Uᵀ Ū) D + D F∘skew(Vᵀ V̄) + diag(S̄), with skew(z) = z - zᵀ and F_ij = 1/(S_j² - S_i²)
    off the diagonal, 0 on it. Through U and Vh it is finite for distinct singular values (and, where M ≠ N, positive
    ones), and NaN or infinite for others; through S alone, it is always finite.

    Source: Townsend 2016, "Differentiating the singular value decomposition"; Seeger et al. 2017, "Auto-differentiating
    linear algebra".

    >>> svd(tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    _matrices("svd", x)
    rows, columns = shape_of(x)[-2:]
    if full_matrices and rows != columns:
        _refuse_derivative("svd", x, "full_matrices=True", "full_matrices=False")
        return SVDResult(*_svd_full(x))
    return SVDResult(*_svd(x))


def svdvals(x: Operand) -> Tensor:
    """Singular values, descending: (..., M, N) to (..., min(M, N)).

    Derivative: x̄ += U diag(ȳ) Vh, with U and Vh of `svd`.

    >>> svdvals(tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    return svd(x).S


def _svd_vjp(g: Any, y: Any) -> Any:
    u, s, vh = y
    g_u, g_s, g_vh = g
    columns = expand_dims(s, -2)
    result = None if g_s is None else (u * expand_dims(g_s, -2)) @ vh
    if g_u is not None:
        inner = _skew(u.mT @ g_u) * _reciprocal_gaps_of_squares(s) * columns
        left = u @ inner
        if u.shape[-2] > s.shape[-1]:
            left = left + (g_u - u @ (u.mT @ g_u)) / columns
        result = _plus(result, left @ vh)
    if g_vh is not None:
        inner = expand_dims(s, -1) * _reciprocal_gaps_of_squares(s) * _skew(vh @ g_vh.mT)
        right = inner @ vh
        if vh.shape[-1] > s.shape[-1]:
            right = right + (g_vh - (g_vh @ vh.mT) @ vh) / expand_dims(s, -1)
        result = _plus(result, u @ right)
    return result


def _svd_jvp(g: Any, y: Any) -> Any:
    u, s, vh = y
    columns, rows = expand_dims(s, -2), expand_dims(s, -1)
    inner = u.mT @ g @ vh.mT
    gaps = _reciprocal_gaps_of_squares(s)
    d_u = u @ (gaps * (inner * columns + rows * inner.mT))
    d_vh = -((gaps * (rows * inner + inner.mT * columns)) @ vh)
    if u.shape[-2] > s.shape[-1]:
        d_u = d_u + (g @ vh.mT - u @ inner) / columns
    if vh.shape[-1] > s.shape[-1]:
        d_vh = d_vh + (u.mT @ g - inner @ vh) / rows
    return d_u, diagonal(inner, 0, -2, -1), d_vh


@primitive(vjps=[_svd_vjp], jvps=[_svd_jvp])
def _svd(x: Array) -> Any:
    return tuple(np.linalg.svd(x, full_matrices=False))


@nondifferentiable()
def _svd_full(x: Array) -> Any:
    return tuple(np.linalg.svd(x))


def eigh(x: Operand, UPLO: str = "L") -> EighResult:
    """Eigenvalues w and eigenvectors V of symmetric matrices: (..., M, M) to (..., M) and (..., M, M).

    The eigenvalues are ascending; the eigenvectors are the columns of V, and orthonormal. Only the triangle named by
    `UPLO` ("L" or "U") is read. An eigenvector is determined only up to its sign (a rotation, where eigenvalues
    repeat), so only functions that do not depend on it have a meaningful derivative. Raises LinAlgError for matrices
    that are not square, ValueError for another `UPLO`.

    Derivative, with F_ij = 1/(w_j - w_i) for i ≠ j, else 0: x̄ += sym(V (diag(w̄) + F∘(Vᵀ V̄)) Vᵀ).

    There sym(z) = (z + zᵀ)/2: it is the derivative with respect to a symmetric matrix, shared equally by the two
    triangles. Through V it is finite for distinct eigenvalues; through w alone, always.

    Source: Giles 2008, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
    differentiation".

    >>> eigh(tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    _square("eigh", x)
    if UPLO not in ("L", "U", "l", "u"):
        raise ValueError(f"eigh: UPLO has to be 'L' or 'U', got {UPLO!r}")
    return EighResult(*_eigh(x, UPLO.upper()))


def eigvalsh(x: Operand, UPLO: str = "L") -> Tensor:
    """Eigenvalues, ascending, of symmetric matrices: (..., M, M) to (..., M). Reads one triangle, as `eigh`.

    Derivative: x̄ += V diag(ȳ) Vᵀ, with the eigenvectors V of `eigh`.

    >>> eigvalsh(tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    return eigh(x, UPLO).eigenvalues


def _eigh_vjp(g: Any, y: Any) -> Any:
    w, v = y
    g_w, g_v = g
    inner = None if g_w is None else _diagonal_matrix(g_w)
    if g_v is not None:
        inner = _plus(inner, _off_diagonal_reciprocal(expand_dims(w, -2) - expand_dims(w, -1)) * (v.mT @ g_v))
    return _symmetric(v @ inner @ v.mT)


def _eigh_jvp(g: Any, y: Any) -> Any:
    w, v = y
    inner = v.mT @ _symmetric(g) @ v
    gaps = _off_diagonal_reciprocal(expand_dims(w, -2) - expand_dims(w, -1))
    return diagonal(inner, 0, -2, -1), v @ (gaps * inner)


@primitive(vjps=[_eigh_vjp], jvps=[_eigh_jvp])
def _eigh(x: Array, UPLO: Literal["L", "U"]) -> Any:
    return tuple(np.linalg.eigh(x, UPLO))


def pinv(x: Operand, rcond: float | None = None) -> Tensor:
    """Moore-Penrose pseudo-inverse: (..., M, N) to (..., N, M).

    Singular values up to `rcond` times the largest count as zero (None: NumPy's default).

    Derivative, as long as the rank does not change:
    x̄ += -yᵀ ȳ yᵀ + (I - x y) ȳᵀ y yᵀ + yᵀ y ȳᵀ (I - y x).

    Source: Golub, Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate".

    >>> pinv(tensor([[2.0], [0.0]]))
    tensor([[0.5, 0. ]])
    """
    _matrices("pinv", x)
    return _pinv(x, rcond)


def _pinv_vjp(g: Any, x: Any, y: Any) -> Any:
    left, right = g.mT @ y @ y.mT, y.mT @ y @ g.mT
    return (left - x @ (y @ left)) + (right - (right @ y) @ x) - y.mT @ g @ y.mT


def _pinv_jvp(g: Any, x: Any, y: Any) -> Any:
    left, right = y @ y.mT @ g.mT, g.mT @ y.mT @ y
    return (left - (left @ x) @ y) + (right - y @ (x @ right)) - y @ g @ y


@primitive(vjps=[_pinv_vjp], jvps=[_pinv_jvp])
def _pinv(x: Array, rcond: float | None) -> Any:
    return np.linalg.pinv(x, rcond)


def matrix_norm(x: Operand, ord: int | float | str = "fro", keepdims: bool = False) -> Tensor:
    """Norm of matrices: (..., M, N) to (...), or to (..., 1, 1) with `keepdims`.

    `ord`: "fro", the root of the sum of squares; "nuc", the sum of the singular values; 2 and -2, the largest and
    smallest singular value; 1 and -1, the largest and smallest sum of absolute values of a column; np.inf and -np.inf,
    of a row. Raises ValueError for another.

    Derivative: that of the expression; where several sums or singular values are the largest, they share equally, and
    the Frobenius norm of a zero matrix has derivative 0.

    >>> matrix_norm(tensor([[3.0, 0.0], [4.0, 0.0]]))
    tensor(5.)
    >>> matrix_norm(tensor([[3.0, 0.0], [4.0, 0.0]]), 1)
    tensor(7.)
    """
    _matrices("matrix_norm", x)
    if ord == "fro":
        return reductions.norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        of_values: dict[Any, Any] = {"nuc": reductions.sum, 2: reductions.max, -2: reductions.min}
        y = of_values[ord](svdvals(x), -1)
        return expand_dims(y, (-2, -1)) if keepdims else y
    if ord in (1, -1, np.inf, -np.inf):
        summed = -2 if ord in (1, -1) else -1
        extremum = reductions.max if ord in (1, np.inf) else reductions.min
        return extremum(reductions.norm(x, 1, summed, keepdims=True), (-2, -1), keepdims)
    raise ValueError(f"matrix_norm: ord has to be 'fro', 'nuc', ±1, ±2 or ±inf, got {ord!r}")


def matrix_power(x: Operand, n: SupportsIndex) -> Tensor:
    """Square matrices (..., M, M) to an integer power, by repeated squaring; a negative power inverts first.

    Raises LinAlgError for matrices that are not square or, if n < 0, singular, TypeError for a power that is no
    integer.

    Derivative: that of the products; for n = 0 the result is constant.

    >>> matrix_power(tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    _square("matrix_power", x)
    try:
        power = index(n)
    except TypeError:
        raise TypeError(f"matrix_power: wants an integer power, got {n!r}") from None
    if power == 0:
        eye = np.linalg.matrix_power(x.data if isinstance(x, Tensor) else x, 0)  # type: ignore[arg-type]
        return wrap(eye) if isinstance(x, Tensor) else eye  # type: ignore[return-value]
    square: Any = inv(x) if power < 0 else positive(x)
    power = power if power > 0 else -power
    while power % 2 == 0:
        square = square @ square
        power //= 2
    y = square
    while power := power // 2:
        square = square @ square
        if power % 2:
            y = y @ square
    return y


def _matrices(op: str, x: Operand) -> None:
    if len(shape_of(x)) < 2:
        raise np.linalg.LinAlgError(f"{op}: wants matrices (..., M, N), got shape {shape_of(x)}")


def _square(op: str, x: Operand) -> None:
    shape = shape_of(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(f"{op}: wants square matrices (..., M, M), got shape {shape}")


def _singular(op: str, x: Array) -> np.linalg.LinAlgError:
    return np.linalg.LinAlgError(f"{op}: singular matrix, shape {np.shape(x)}")


def _refuse_derivative(op: str, x: Operand, option: str, instead: str) -> None:
    if isinstance(x, Tensor) and x.requires_grad and is_grad_enabled():
        raise ValueError(
            f"{op}: {option} has no derivative for shape {x.shape}, whose extra vectors are not determined; "
            f"use {instead}, or detach() the input"
        )


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a + b


def _symmetric(x: Any) -> Any:
    return (x + x.mT) / 2


def _skew(x: Any) -> Any:
    return x - x.mT


def _lower_with_half_diagonal(x: Any) -> Any:
    return (tril(x) + tril(x, -1)) / 2


def _from_lower(x: Any) -> Any:
    """The symmetric matrix with the lower triangle of `x`."""
    return tril(x) + tril(x, -1).mT


def _diagonal_matrix(x: Any) -> Any:
    return expand_dims(x, -2) * np.eye(x.shape[-1], dtype=x.dtype)


def _off_diagonal_reciprocal(x: Any) -> Any:
    """1 / x off the diagonal, and 0 on it."""
    eye = np.eye(x.shape[-1], dtype=x.dtype)
    return (1 - eye) / (x + eye)


def _reciprocal_gaps_of_squares(s: Any) -> Any:
    """F_ij = 1/(s_j² - s_i²) off the diagonal, and 0 on it."""
    columns, rows = expand_dims(s, -2), expand_dims(s, -1)
    return _off_diagonal_reciprocal((columns - rows) * (columns + rows))
