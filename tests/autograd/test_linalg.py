"""Linear algebra: values by their defining properties, derivatives by differences and against PyTorch."""

from itertools import permutations
from math import prod

import numpy as np
import pytest
from derivatives import check_derivatives

import autograd as ag
from autograd import tensor
from autograd.ops.linalg import (
    cholesky,
    det,
    eigh,
    eigvalsh,
    inv,
    matrix_norm,
    matrix_power,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    svdvals,
    trace,
)
from autograd.ops.shaping import expand_dims


def matrices(*shape: int, seed: int = 0) -> np.ndarray:
    """Stacks of matrices whose singular values are well apart, from 1 to 3."""
    m, n = shape[-2:]
    rng = np.random.default_rng(seed)
    u, _, vh = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    return (u * np.linspace(3, 1, min(m, n))) @ vh


def of_rank(rank: int, m: int, n: int) -> np.ndarray:
    u, s, vh = np.linalg.svd(matrices(m, n), full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vh[:rank]


def symmetric(x):
    return (x + x.mT) / 2


def definite(x):
    return x @ x.mT + np.eye(x.shape[-1])


SQUARE = {
    "one": matrices(1, 1) + 0.5,
    "two": matrices(2, 2),
    "four": matrices(4, 4),
    "stack": matrices(2, 3, 3),
    "reversed": matrices(2, 3, 3)[::-1, ::-1],
    "transposed": matrices(3, 3).T,
    "thin stack": matrices(1, 2, 2, 2),
    "no matrices": np.zeros((0, 3, 3)),
    "empty matrices": np.zeros((2, 0, 0)),
}
TALL = {
    "tall": matrices(4, 2),
    "column": matrices(3, 1),
    "tall stack": matrices(2, 4, 3)[::-1],
    "no columns": np.zeros((3, 0)),
}
WIDE = {"wide": matrices(2, 4), "row": matrices(1, 3), "wide stack": matrices(2, 2, 3)[:, :, ::-1]}
ANY = SQUARE | TALL | WIDE
FULL = {name: x for name, x in ANY.items() if x.size}

OPS = {
    "trace": (lambda x: trace(x, 0, -2, -1) * 1.0, ANY),
    "trace offset": (lambda x: trace(x, -1, -1, -2) ** 2, ANY),
    "det": (det, SQUARE | {"rank 2 of 3": of_rank(2, 3, 3), "rank 1 of 3": of_rank(1, 3, 3), "identity": np.eye(3)}),
    "logdet": (lambda x: slogdet(x).logabsdet, SQUARE),
    "signed logdet": (lambda x: slogdet(x).sign * slogdet(x).logabsdet, SQUARE),
    "inv": (inv, SQUARE),
    "cholesky": (lambda x: cholesky(definite(x)), SQUARE),
    "cholesky upper": (lambda x: cholesky(definite(x), upper=True), SQUARE),
    "qr q": (lambda x: qr(x).Q ** 2, ANY),
    "qr r": (lambda x: qr(x, "r") ** 2, ANY),
    "qr both": (lambda x: (lambda q, r: (q * q) @ (r * r))(*qr(x)), ANY),
    "svd u": (lambda x: svd(x).U ** 2, ANY),
    "svd v": (lambda x: svd(x).Vh ** 2, ANY),
    "svd all": (lambda x: (lambda u, s, vh: (u * expand_dims(s**3, -2)) @ vh)(*svd(x)), ANY),
    "svdvals": (svdvals, ANY),
    "eigh vectors": (lambda x: eigh(definite(x)).eigenvectors ** 2, SQUARE),
    "eigh both": (lambda x: (lambda w, v: (v * expand_dims(w**3, -2)) @ v.mT)(*eigh(definite(x), "U")), SQUARE),
    "eigvalsh": (lambda x: eigvalsh(definite(x)), SQUARE),
    "pinv": (pinv, FULL),
    "pinv of rank 2 or 1": (lambda x: pinv(x @ x.mT, 1e-10), {k: TALL[k] for k in ("tall", "column")}),
    "power 3": (lambda x: matrix_power(x, 3), SQUARE),
    "power -2": (lambda x: matrix_power(x, -2), SQUARE),
    "power 1": (lambda x: matrix_power(x, 1), SQUARE),
    "norm fro": (matrix_norm, FULL),
    "norm kept": (lambda x: matrix_norm(x, 2, keepdims=True), WIDE),
} | {
    f"norm {order}": (lambda x, order=order: matrix_norm(x, order), FULL)
    for order in ("nuc", 2, -2, 1, -1, np.inf, -np.inf)
}
CASES = [pytest.param(op, x, id=f"{name}-{shape}") for name, (op, shapes) in OPS.items() for shape, x in shapes.items()]


@pytest.mark.parametrize(("op", "x"), CASES)
def test_derivatives(op, x):
    check_derivatives(op, x)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (matrices(3, 3), matrices(3, 2)),
        (matrices(3, 3), np.array([1.0, -2.0, 3.0])),
        (matrices(2, 3, 3), np.array([1.0, -2.0, 3.0])),
        (matrices(2, 1, 3, 3)[::-1], matrices(4, 3, 2)),
        (matrices(3, 3), matrices(5, 3, 1)),
        (matrices(1, 1), np.ones((1, 1))),
        (np.zeros((0, 3, 3)), np.ones((3, 2))),
        (matrices(3, 3), np.zeros((3, 0))),
    ],
    ids=lambda x: str(x.shape),
)
def test_solve(a, b):
    y = solve(a, b)
    columns = b[:, None] if b.ndim == 1 else b
    product = a @ (y[..., None] if b.ndim == 1 else y)
    np.testing.assert_allclose(product, np.broadcast_to(columns, product.shape), atol=1e-12)
    check_derivatives(solve, a, b)


def leibniz(x: np.ndarray) -> float:
    """The determinant as the sum over permutations."""
    m = len(x)
    total = 0.0
    for order in permutations(range(m)):
        inversions = sum(order[i] > order[j] for i in range(m) for j in range(i + 1, m))
        total += (-1) ** inversions * prod(x[i, order[i]] for i in range(m))
    return total


def each(x):
    """The matrices of a stack, with their place."""
    return ((place, x[place]) for place in np.ndindex(x.shape[:-2]))


@pytest.mark.parametrize("x", SQUARE.values(), ids=SQUARE)
def test_values_of_square_matrices(x):
    sign, log = slogdet(tensor(x))
    for place, one in each(x):
        expected = leibniz(one)
        np.testing.assert_allclose(det(tensor(x)).data[place], expected, rtol=1e-12)
        np.testing.assert_allclose((sign.data * np.exp(log.data))[place], expected, rtol=1e-12)
        assert trace(tensor(x), 0, -2, -1).data[place] == sum(one[i, i] for i in range(len(one)))
    eye = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    np.testing.assert_allclose(inv(tensor(x)).data @ x, eye, atol=1e-12)
    lower = cholesky(tensor(definite(x))).data
    np.testing.assert_allclose(lower @ lower.mT, definite(x), atol=1e-12)
    np.testing.assert_array_equal(lower, np.tril(lower))
    np.testing.assert_allclose(cholesky(tensor(definite(x)), upper=True).data, lower.mT, atol=1e-12)
    w, v = eigh(tensor(symmetric(x)))
    np.testing.assert_allclose(symmetric(x) @ v.data, v.data * w.data[..., None, :], atol=1e-12)
    np.testing.assert_allclose(v.data.mT @ v.data, eye, atol=1e-12)
    assert (np.diff(w.data) >= 0).all()
    np.testing.assert_allclose(eigvalsh(tensor(symmetric(x)), "U").data, w.data, atol=1e-12)
    np.testing.assert_array_equal(matrix_power(tensor(x), 0).data, eye)
    np.testing.assert_allclose(matrix_power(tensor(x), 5).data, x @ x @ x @ x @ x, atol=1e-9)
    np.testing.assert_allclose(matrix_power(tensor(x), -1).data @ x, eye, atol=1e-12)


@pytest.mark.parametrize("x", ANY.values(), ids=ANY)
def test_values_of_any_matrices(x):
    k = min(x.shape[-2:])
    eye = np.broadcast_to(np.eye(k), (*x.shape[:-2], k, k))
    q, r = (t.data for t in qr(tensor(x)))
    assert (q.shape, r.shape) == ((*x.shape[:-1], k), (*x.shape[:-2], k, x.shape[-1]))
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    np.testing.assert_allclose(q.mT @ q, eye, atol=1e-12)
    np.testing.assert_allclose(r, np.triu(r), atol=1e-12)
    u, s, vh = (t.data for t in svd(tensor(x)))
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, x, atol=1e-12)
    np.testing.assert_allclose(u.mT @ u, eye, atol=1e-12)
    np.testing.assert_allclose(vh @ vh.mT, eye, atol=1e-12)
    assert (np.diff(s) <= 0).all()
    if x.size:
        p = pinv(tensor(x)).data
        for product, same in [(x @ p @ x, x), (p @ x @ p, p), ((x @ p).mT, x @ p), ((p @ x).mT, p @ x)]:
            np.testing.assert_allclose(product, same, atol=1e-12)
        magnitude = np.abs(x)
        for order, expected in {
            "fro": np.sqrt((x * x).sum((-2, -1))),
            "nuc": s.sum(-1),
            2: s.max(-1),
            -2: s.min(-1),
            1: magnitude.sum(-2).max(-1),
            -1: magnitude.sum(-2).min(-1),
            np.inf: magnitude.sum(-1).max(-1),
            -np.inf: magnitude.sum(-1).min(-1),
        }.items():
            np.testing.assert_allclose(matrix_norm(tensor(x), order).data, expected, rtol=1e-12)
            assert matrix_norm(tensor(x), order, keepdims=True).shape == (*x.shape[:-2], 1, 1)


TORCH = {
    "trace": (lambda x: trace(x), lambda t, x: t.trace(x), (3, 4)),
    "det": (det, lambda t, x: t.linalg.det(x), (2, 3, 3)),
    "logdet": (lambda x: slogdet(x).logabsdet, lambda t, x: t.linalg.slogdet(x).logabsdet, (2, 3, 3)),
    "inv": (inv, lambda t, x: t.linalg.inv(x), (2, 3, 3)),
    "cholesky": (
        lambda x: cholesky(definite(x)),
        lambda t, x: t.linalg.cholesky(x @ x.mT + t.eye(x.shape[-1], dtype=x.dtype)),
        (2, 4, 4),
    ),
    "qr tall": (
        lambda x: (lambda q, r: (q * q) @ (r * r))(*qr(x)),
        lambda t, x: (lambda q, r: (q * q) @ (r * r))(*t.linalg.qr(x)),
        (2, 4, 3),
    ),
    "qr wide": (
        lambda x: (lambda q, r: (q * q) @ (r * r))(*qr(x)),
        lambda t, x: (lambda q, r: (q * q) @ (r * r))(*t.linalg.qr(x)),
        (2, 3, 5),
    ),
    "svd": (
        lambda x: (lambda u, s, vh: (u * u * expand_dims(s, -2)) @ (vh * vh))(*svd(x)),
        lambda t, x: (lambda u, s, vh: (u * u * s[..., None, :]) @ (vh * vh))(*t.linalg.svd(x, full_matrices=False)),
        (2, 3, 5),
    ),
    "svdvals": (svdvals, lambda t, x: t.linalg.svdvals(x), (2, 4, 3)),
    "eigh": (
        lambda x: (lambda w, v: (v * v) @ expand_dims(w, -1))(*eigh(symmetric(x))),
        lambda t, x: (lambda w, v: (v * v) @ w[..., None])(*t.linalg.eigh((x + x.mT) / 2)),
        (2, 4, 4),
    ),
    "pinv": (pinv, lambda t, x: t.linalg.pinv(x), (2, 4, 3)),
    "power": (lambda x: matrix_power(x, -3), lambda t, x: t.linalg.matrix_power(x, -3), (2, 3, 3)),
    "nuclear": (lambda x: matrix_norm(x, "nuc"), lambda t, x: t.linalg.matrix_norm(x, "nuc"), (2, 3, 4)),
    "spectral": (lambda x: matrix_norm(x, 2), lambda t, x: t.linalg.matrix_norm(x, 2), (2, 3, 4)),
}


@pytest.mark.parametrize(("here", "there", "shape"), TORCH.values(), ids=TORCH)
def test_gradients_agree_with_torch(here, there, shape):
    torch = pytest.importorskip("torch")
    x = matrices(*shape)
    ours, theirs = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = here(ours), there(torch, theirs)
    np.testing.assert_allclose(y.data, z.detach().numpy(), atol=1e-12)
    weights = np.random.default_rng(1).normal(size=y.shape)
    y.backward(weights)
    z.backward(torch.tensor(weights))
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), atol=1e-11)


def test_det_of_singular_matrices_has_the_cofactors_as_gradient():
    x = tensor([[1.0, 2.0], [2.0, 4.0]], dtype=float, requires_grad=True)
    det(x).backward()
    np.testing.assert_allclose(x.grad.data, [[4, -2], [-2, 1]], atol=1e-12)


def test_third_derivative_of_det():
    e = np.array([[0.3, -1.0, 0.4], [0.7, 0.2, -0.5], [0.1, 0.6, 0.9]])

    def along(t):
        return det(matrices(3, 3) + t * e)

    third = ag.grad(ag.grad(ag.grad(along)))(tensor(0.0, dtype=float))
    np.testing.assert_allclose(third.data, 6 * np.linalg.det(e), rtol=1e-9)


@pytest.mark.parametrize("make", [cholesky, lambda x: eigh(x).eigenvectors ** 2, eigvalsh])
def test_gradients_for_symmetric_matrices_are_symmetric(make):
    x = tensor(definite(matrices(4, 4)), requires_grad=True)
    y = make(x)
    y.backward(np.random.default_rng(0).normal(size=y.shape))
    np.testing.assert_allclose(x.grad.data, x.grad.data.T, atol=1e-14)


@pytest.mark.parametrize("upper", [False, True])
def test_one_triangle_is_read(upper):
    x = definite(matrices(3, 3))
    other = np.tril(np.full((3, 3), 9.0), -1)
    x_disturbed = x + (other if upper else other.T)
    np.testing.assert_allclose(cholesky(x_disturbed, upper=upper), cholesky(x, upper=upper), atol=1e-12)
    np.testing.assert_allclose(eigvalsh(x_disturbed, "U" if upper else "L"), eigvalsh(x), atol=1e-12)


def test_derivative_of_repeated_eigenvalues_and_singular_values_alone_is_finite():
    for values in (svdvals, eigvalsh):
        x = tensor(2 * np.eye(3), requires_grad=True)
        values(x).sum().backward()
        np.testing.assert_allclose(x.grad.data, np.eye(3), atol=1e-12)


def test_largest_singular_values_that_tie_share_the_gradient():
    x = tensor(np.diag([2.0, 2.0, 1.0]), requires_grad=True)
    matrix_norm(x, 2).backward()
    np.testing.assert_allclose(x.grad.data, np.diag([0.5, 0.5, 0.0]), atol=1e-12)


def test_frobenius_norm_of_zero_has_gradient_zero():
    x = tensor(np.zeros((2, 3)), requires_grad=True)
    matrix_norm(x).backward()
    np.testing.assert_array_equal(x.grad.data, np.zeros((2, 3)))


def test_sign_of_slogdet_has_derivative_zero():
    x = tensor(matrices(3, 3), requires_grad=True)
    sign, log = slogdet(x)
    (sign * log).backward()
    np.testing.assert_allclose(x.grad.data, sign.data * np.linalg.inv(x.data).T, rtol=1e-12)


FLOAT32 = {
    "trace": trace,
    "det": det,
    "slogdet": lambda x: slogdet(x).logabsdet,
    "inv": inv,
    "solve": lambda x: solve(x, np.ones((3, 2), np.float32)),
    "cholesky": lambda x: cholesky(definite(x) if not isinstance(x, ag.Tensor) else x @ x.mT + np.eye(3, dtype="f")),
    "qr": lambda x: (lambda q, r: q @ r)(*qr(x)),
    "qr wide": lambda x: qr(x[:2], "r"),
    "svd": lambda x: (lambda u, s, vh: (u + s) @ vh)(*svd(x)),
    "eigh": lambda x: (lambda w, v: v + w)(*eigh(x)),
    "pinv": pinv,
    "power": lambda x: matrix_power(x, 0) @ matrix_power(x, 2),
} | {f"norm {order}": lambda x, order=order: matrix_norm(x, order) for order in ("fro", "nuc", 2, 1)}


@pytest.mark.parametrize("op", FLOAT32.values(), ids=FLOAT32)
def test_float32_is_kept(op):
    x = tensor(matrices(3, 3), dtype=np.float32, requires_grad=True)
    y = op(x)
    assert y.dtype == np.float32
    gradient = ag.gradients(y.sum(), [x], create_graph=True)[0]
    assert gradient.dtype == np.float32
    assert np.isfinite(gradient.data).all()


def test_results_have_numpys_names():
    x = tensor(matrices(3, 3))
    assert np.linalg.svd(x).S.shape == (3,)
    assert np.linalg.qr(x).R.shape == (3, 3)
    assert np.linalg.eigh(definite(x)).eigenvalues.shape == (3,)
    assert np.linalg.slogdet(x).sign.shape == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.trace(x, 1),
        lambda x: np.linalg.trace(x, offset=1),
        lambda x: x.trace(1) if isinstance(x, ag.Tensor) else np.trace(x, 1),
        np.linalg.det,
        lambda x: np.linalg.slogdet(x)[1],
        np.linalg.inv,
        lambda x: np.linalg.solve(x, np.ones(3)),
        lambda x: np.linalg.solve(np.eye(3), x),
        lambda x: np.linalg.cholesky(x @ x.mT),
        lambda x: np.linalg.cholesky(x @ x.mT, upper=True),
        lambda x: np.linalg.qr(x)[1],
        lambda x: np.linalg.qr(x, mode="r"),
        lambda x: np.linalg.qr(x, "complete")[0],
        lambda x: np.linalg.svd(x)[0],
        lambda x: np.linalg.svd(x, compute_uv=False),
        np.linalg.svdvals,
        lambda x: np.linalg.eigh(x, "U")[0],
        lambda x: np.linalg.eigvalsh(x, UPLO="U"),
        np.linalg.pinv,
        lambda x: np.linalg.pinv(x, rcond=0.4),
        lambda x: np.linalg.pinv(x, rtol=0.4),
        lambda x: np.linalg.matrix_power(x, 3),
        np.linalg.matrix_norm,
        lambda x: np.linalg.matrix_norm(x, ord="nuc", keepdims=True),
        np.linalg.norm,
        lambda x: np.linalg.norm(x, 2),
        lambda x: np.linalg.norm(x, axis=0),
        lambda x: np.linalg.norm(x, 1, axis=(1, 0), keepdims=True),
        lambda x: np.linalg.norm(x, 3, axis=1, keepdims=True),
        lambda x: np.linalg.vector_norm(x, ord=1, axis=1),
        np.linalg.matrix_transpose,
        np.linalg.diagonal,
    ],
)
def test_numpy_functions(call):
    x = matrices(3, 3)
    y = call(tensor(x, requires_grad=True))
    assert isinstance(y, ag.Tensor)
    assert y.requires_grad
    np.testing.assert_allclose(y.data, call(x), atol=1e-12)


def test_complete_factors_where_no_derivative_is_wanted():
    for x in (matrices(4, 2), matrices(2, 4)):
        for ours, theirs in [(qr(tensor(x), "complete"), np.linalg.qr(x, "complete"))]:
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a.data, b, atol=1e-12)
        for a, b in zip(svd(tensor(x), full_matrices=True), np.linalg.svd(x), strict=True):
            np.testing.assert_allclose(a.data, b, atol=1e-12)
    with ag.no_grad():
        assert not qr(tensor(matrices(4, 2), requires_grad=True), "complete").Q.requires_grad


LinAlgError = np.linalg.LinAlgError


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: trace(x[0]), ValueError, r"trace: wants matrices \(..., M, N\), got shape \(3,\)"),
        (lambda x: trace(x, axis2=2), np.exceptions.AxisError, "trace: axis 2 is out of range"),
        (lambda x: det(x), LinAlgError, r"det: wants square matrices .* got shape \(2, 3\)"),
        (lambda x: slogdet(x), LinAlgError, r"slogdet: wants square .*\(2, 3\)"),
        (lambda x: inv(x), LinAlgError, r"inv: wants square .*\(2, 3\)"),
        (lambda x: inv(np.ones((2, 2))), LinAlgError, r"inv: singular matrix, shape \(2, 2\)"),
        (lambda x: inv(x.T @ x * 0), LinAlgError, r"inv: singular matrix, shape \(3, 3\)"),
        (lambda x: solve(x, x), LinAlgError, r"solve: wants square .*\(2, 3\)"),
        (lambda x: solve(np.eye(3), x), ValueError, r"solve: b has to have 3 rows.*got shape \(2, 3\)"),
        (lambda x: solve(np.eye(3), 1.0), ValueError, r"solve: b has to have 3 rows.*got shape \(\)"),
        (lambda x: solve(np.zeros((2, 2)), x), LinAlgError, r"solve: singular matrix, shape \(2, 2\)"),
        (lambda x: cholesky(x), LinAlgError, r"cholesky: wants square .*\(2, 3\)"),
        (lambda x: cholesky(-x @ x.T), LinAlgError, r"cholesky: .*positive definite.*\(2, 2\)"),
        (lambda x: qr(x, "raw"), ValueError, "qr: mode has to be 'reduced', 'complete' or 'r', got 'raw'"),
        (lambda x: qr(x.T, "complete"), ValueError, r"qr: mode='complete' has no derivative for shape \(3, 2\)"),
        (lambda x: svd(x, True), ValueError, r"svd: full_matrices=True has no derivative for shape \(2, 3\)"),
        (lambda x: np.linalg.svd(x), ValueError, "svd: full_matrices=True has no derivative.*use full_matrices=False"),
        (lambda x: svd(x * np.nan), LinAlgError, r"svd: .*converge.*\(2, 3\)"),
        (lambda x: eigh(x), LinAlgError, r"eigh: wants square .*\(2, 3\)"),
        (lambda x: eigh(x @ x.T, "M"), ValueError, "eigh: UPLO has to be 'L' or 'U', got 'M'"),
        (lambda x: pinv(x[0]), LinAlgError, r"pinv: wants matrices .*\(3,\)"),
        (lambda x: matrix_norm(x, 3), ValueError, "matrix_norm: ord has to be .*, got 3"),
        (lambda x: matrix_norm(x[0]), LinAlgError, r"matrix_norm: wants matrices .*\(3,\)"),
        (lambda x: matrix_power(x @ x.T, 0.5), TypeError, "matrix_power: wants an integer power, got 0.5"),
        (lambda x: matrix_power(x, 2), LinAlgError, r"matrix_power: wants square .*\(2, 3\)"),
        (lambda x: slogdet(x[:, :2] * 0).logabsdet.backward(), LinAlgError, r"slogdet: .*singular.*\(2, 2\)"),
        (lambda x: qr(x * 0).R.sum().backward(), LinAlgError, r"qr: .*independent.*\(2, 2\)"),
        (lambda x: det(tensor(np.eye(2, dtype=np.float16))), TypeError, r"det: .*float16"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(matrices(2, 3), requires_grad=True))


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]])
def test_qr_has_no_derivative_where_columns_are_dependent_but_for_rounding(rows: list[list[float]]) -> None:
    x = np.array(rows)
    for differentiate in (
        lambda: ag.grad(lambda x: qr(x).Q.sum())(x),
        lambda: ag.jvp(lambda x: qr(x, "r"), [x], [x]),
        lambda: ag.hessian(lambda x: qr(x, "r").sum())(x),
    ):
        with pytest.raises(LinAlgError, match="qr: the first columns are not linearly independent"):
            differentiate()


def test_qr_of_columns_of_different_size_has_a_derivative() -> None:
    x = np.array([[1.0, 1e-20], [1.0, 2e-20]])
    gradient = ag.grad(lambda x: qr(x, "r")[1, 1])(x).data
    np.testing.assert_allclose(gradient[:, 1], np.sign(np.linalg.qr(x).R[1, 1]) * np.array([-1, 1]) / np.sqrt(2))


def test_qr_of_a_wide_complex_matrix() -> None:
    x = matrices(3, 5) + 1j * matrices(3, 5, seed=1)
    q, r = ag.qr(tensor(x))
    np.testing.assert_allclose((q @ r).numpy(), x)


@pytest.mark.parametrize("function", [np.linalg.svd, np.linalg.pinv])
def test_what_is_said_of_hermitian_matrices_is_refused(function):
    with pytest.raises(TypeError, match="hermitian=True is not supported on tensors; see eigh"):
        function(tensor(np.eye(2)), hermitian=True)
