"""Products against NumPy and plain loops; their derivatives against differences."""

import itertools

import numpy as np
import pytest
from derivatives import check_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Tensor, tensor
from autograd.ops.products import dot, einsum, inner, matmul, outer, tensordot


def normal(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


MATMUL = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((2, 0), (0, 3)),
    ((0, 2), (2, 3)),
    ((4, 2, 3), (3,)),
    ((3,), (4, 3, 2)),
    ((4, 2, 3), (3, 2)),
    ((2, 2, 2, 3), (3, 2)),
    ((2, 3), (4, 3, 2)),
    ((4, 2, 3), (4, 3, 2)),
    ((4, 1, 2, 3), (2, 3, 2)),
    ((1, 2, 3), (4, 3, 2)),
    ((0, 2, 3), (3, 2)),
    ((0, 2, 3), (0, 3, 2)),
]


@pytest.mark.parametrize(("left", "right"), MATMUL)
def test_matmul(left, right):
    a, b = normal(*left), normal(*right)
    found = matmul(tensor(a), tensor(b))
    assert isinstance(found, Tensor)
    np.testing.assert_allclose(found.data, np.matmul(a, b), atol=1e-12)
    assert found.shape == np.matmul(a, b).shape
    assert isinstance(matmul(a, b), (np.ndarray, np.generic))
    check_derivatives(matmul, a, b)


def test_matmul_by_a_plain_loop():
    a, b = normal(2, 3, 4), normal(2, 4, 5)
    expected = np.zeros((2, 3, 5))
    for n, i, j, k in itertools.product(range(2), range(3), range(5), range(4)):
        expected[n, i, j] += a[n, i, k] * b[n, k, j]
    np.testing.assert_allclose(matmul(tensor(a), b).data, expected)


def test_matmul_of_strided_and_transposed_operands():
    a, b = normal(6, 8)[::-2, ::2], normal(5, 4).T
    np.testing.assert_allclose(matmul(tensor(a), b).data, a @ b)
    check_derivatives(matmul, a, b)
    check_derivatives(lambda x: x @ x.T, normal(3, 4))
    check_derivatives(lambda x, w: (x @ w.T).sum(), normal(2, 3, 4), normal(5, 4))


@pytest.mark.parametrize(
    "product",
    [
        lambda t, a: t @ a,
        lambda t, a: a @ t,
        lambda t, a: t.matmul(a),
        lambda t, a: t.dot(a),
        lambda t, a: a.tolist() @ t,
        lambda t, a: t @ a.tolist(),
        lambda t, a: np.matmul(a, t),
        lambda t, a: np.dot(t, a),
        lambda t, a: np.einsum("ij,jk->ik", t, a, optimize=True),
        lambda t, a: np.tensordot(a, t, axes=1),
        lambda t, a: np.inner(t, a.T),
    ],
)
def test_operators_methods_and_numpy_functions(product):
    a = np.array([[1.0, 2.0], [2.0, 1.0]])
    t = tensor(a, requires_grad=True)
    found = product(t, a)
    assert isinstance(found, Tensor)
    assert found.requires_grad
    np.testing.assert_allclose(found.data, a @ a)


def test_np_outer():
    np.testing.assert_array_equal(np.outer(tensor([1.0, 2.0]), tensor([3.0])).data, [[3.0], [6.0]])


def test_matmul_keeps_float32():
    a, w = (
        tensor(np.ones((2, 3), np.float32), requires_grad=True),
        tensor(np.ones((4, 3), np.float32), requires_grad=True),
    )
    y = a @ w.T
    assert y.dtype == np.float32
    y.backward(tensor(np.ones((2, 4), np.float32)))
    assert a.grad.dtype == w.grad.dtype == np.float32
    np.testing.assert_array_equal(w.grad.data, np.full((4, 3), 2))


SHAPES = [((), ()), ((), (2, 3)), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((2, 3), (4, 3, 2))]


@pytest.mark.parametrize(("left", "right"), [*SHAPES, ((3,), (4, 3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 0), (1, 0, 3))])
def test_dot(left, right):
    a, b = normal(*left), normal(*right)
    np.testing.assert_allclose(dot(tensor(a), b).data, np.dot(a, b), atol=1e-12)
    check_derivatives(dot, np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(
    ("left", "right"), [((), (2,)), ((3,), (3,)), ((3,), (2, 3)), ((2, 3), (4, 2, 3)), ((2, 0), (3, 0))]
)
def test_inner(left, right):
    a, b = normal(*left), normal(*right)
    np.testing.assert_allclose(inner(tensor(a), b).data, np.inner(a, b), atol=1e-12)
    check_derivatives(inner, np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(("left", "right"), [((), (2,)), ((3,), (2,)), ((2, 2), (3, 1)), ((0,), (2,))])
def test_outer(left, right):
    a, b = normal(*left), normal(*right)
    np.testing.assert_allclose(outer(tensor(a), b).data, np.outer(a, b))
    check_derivatives(outer, np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((2, 3), (3, 4), 1),
        ((2, 3, 4), (3, 4, 2), 2),
        ((2,), (3,), 0),
        ((2, 3), (2, 3), 2),
        ((2, 3, 4), (4, 3, 2), ((0, 1), (2, 1))),
        ((2, 3, 4), (4, 3, 2), (-1, 0)),
        ((2, 3, 4), (5, 3), ([1], [-1])),
        ((2, 0), (0, 3), 1),
    ],
)
def test_tensordot(left, right, axes):
    a, b = normal(*left), normal(*right)
    np.testing.assert_allclose(tensordot(tensor(a), b, axes).data, np.tensordot(a, b, axes), atol=1e-12)
    check_derivatives(lambda x, y: tensordot(x, y, axes), a, b)


EINSUM = [
    ("i", [(3,)]),
    ("i->", [(3,)]),
    ("->", [()]),
    ("ij->ji", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ba", [(2, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iij->ji", [(2, 2, 3)]),
    ("iii->i", [(2, 2, 2)]),
    ("iijj->ij", [(2, 2, 3, 3)]),
    ("iji->", [(2, 3, 2)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij , jk -> ki", [(2, 3), (3, 4)]),
    ("ij,ij->ij", [(2, 3), (2, 3)]),
    ("ij,ij", [(2, 3), (2, 3)]),
    ("i,j->ij", [(2,), (3,)]),
    ("ij,kl->l", [(2, 3), (2, 2)]),
    ("ii,i->i", [(3, 3), (3,)]),
    ("ij,i->", [(2, 3), (2,)]),
    (",ij->ij", [(), (2, 3)]),
    ("...ij,...jk->...ik", [(2, 2, 3), (3, 2)]),
    ("...,...", [(2, 3), (3,)]),
    ("i...,i...->...", [(2, 3), (2, 1)]),
    ("...i->i...", [(2, 2, 3)]),
    ("...ii->...", [(2, 3, 3)]),
    ("i...j,j", [(2, 3, 4), (4,)]),
    ("ij,ij->ij", [(1, 3), (2, 3)]),
    ("ij,ij->", [(1, 3), (2, 3)]),
    ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]),
    ("bij,bjk->bik", [(1, 2, 3), (2, 3, 2)]),
    ("a,b,c->abc", [(2,), (2,), (3,)]),
    ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 3)]),
    ("i,ij,j->", [(2,), (2, 3), (3,)]),
    ("ab,bc,cd,da->", [(2, 3), (3, 2), (2, 2), (2, 2)]),
    ("i,i,i,i->i", [(3,), (3,), (3,), (3,)]),
    ("ij,jk->ik", [(0, 2), (2, 3)]),
    ("ij,jk->ik", [(2, 0), (0, 3)]),
    ("ncxyhw,ochw->noxy", [(2, 1, 2, 2, 2, 2), (2, 1, 2, 2)]),
]


@pytest.mark.parametrize(("subscripts", "shapes"), EINSUM)
def test_einsum(subscripts, shapes):
    arrays = [np.asarray(normal(*shape)) for shape in shapes]
    found = einsum(subscripts, *map(tensor, arrays))
    np.testing.assert_allclose(found.data, np.einsum(subscripts, *arrays), atol=1e-12)
    assert found.shape == np.einsum(subscripts, *arrays).shape
    check_derivatives(lambda *xs: einsum(subscripts, *xs), *arrays, order=2 if sum(a.size for a in arrays) < 30 else 1)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_subscripts(data):
    length = {label: data.draw(st.integers(1, 2), label=label) for label in "abcd"}
    terms = data.draw(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    explicit = data.draw(st.booleans())
    output = "->" + "".join(data.draw(st.permutations(used))[: data.draw(st.integers(0, 4))]) if explicit else ""
    dots = data.draw(st.booleans()) and (not explicit or "...")
    if dots:
        terms, output = ["..." + term for term in terms], output.replace("->", "->...")
    subscripts = ",".join(terms) + output
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(*([2] if dots else []), *(length[label] for label in term.replace("...", ""))))
        for term in terms
    ]
    np.testing.assert_allclose(
        einsum(subscripts, *map(tensor, arrays)).data, np.einsum(subscripts, *arrays), atol=1e-12
    )
    check_derivatives(lambda *xs: einsum(subscripts, *xs), *map(np.asarray, arrays), order=1)


def test_einsum_with_lists_of_labels():
    a, b = normal(2, 3), normal(3, 4)
    np.testing.assert_allclose(einsum(tensor(a), [0, 1], b, [1, 2], [0, 2]).data, a @ b)
    np.testing.assert_allclose(einsum(tensor(a), [5, 2], b, [2, 30]).data, a @ b)
    np.testing.assert_allclose(
        einsum(tensor(a), [..., 1], b, [1, 0], [0, ...]).data, np.einsum(a, [..., 1], b, [1, 0], [0, ...])
    )


def test_a_diagonals_cotangent_does_not_leak_an_infinity():
    x = tensor(np.ones((2, 2)), requires_grad=True)
    einsum("ii->i", x).backward(tensor(np.array([np.inf, 1.0])))
    np.testing.assert_array_equal(x.grad.data, [[np.inf, 0], [0, 1]])


def test_einsum_of_arrays_gives_an_array_and_one_operand_may_be_an_array():
    a, b = normal(2, 3), normal(3, 2)
    assert isinstance(einsum("ij,jk", a, b), np.ndarray)
    x = tensor(a, requires_grad=True)
    einsum("ij,jk->", x, b).backward()
    np.testing.assert_allclose(x.grad.data, np.broadcast_to(b.sum(1), (2, 3)))


def test_an_operand_may_come_twice():
    x = tensor(np.array([1.0, 2.0]), requires_grad=True)
    einsum("i,i->", x, x).backward()
    np.testing.assert_allclose(x.grad.data, [2.0, 4.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: x @ x,
            r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit: 3 columns on the left, 2 rows on the right",
        ),
        (
            lambda x: x @ tensor(1.0),
            r"matmul: wants at least 1 dimension in each operand, got shapes \(2, 3\) and \(\)",
        ),
        (lambda x: matmul(np.ones((2, 2, 3)), np.ones((3, 3, 3)) * x[0, 0]), r"^matmul: .*\(2, 2, 3\).*\(3, 3, 3\)"),
        (lambda x: dot(x, x), r"dot: shapes \(2, 3\) and \(2, 3\) do not fit: lengths 3 and 2"),
        (lambda x: inner(x, x.T), r"inner: wants last axes of equal length, got shapes \(2, 3\) and \(3, 2\)"),
        (lambda x: tensordot(x, x, 1), r"tensordot: axes \(1,\) of shape \(2, 3\) do not match axes \(0,\)"),
        (lambda x: tensordot(x, x, 3), r"tensordot: cannot sum over 3 axes"),
        (lambda x: einsum("ij,jk", x), r"einsum: 2 terms for 1 operands; subscripts 'ij,jk', shapes \(2, 3\)"),
        (lambda x: einsum("i", x), r"einsum: 'i' does not name the 2 axes of shape \(2, 3\)"),
        (lambda x: einsum("ijk", x), r"einsum: 'ijk' does not name the 2 axes"),
        (lambda x: einsum("ii", x), r"einsum: the diagonal along 'i' has lengths 2 and 3"),
        (lambda x: einsum("ij,jk", x, x), r"einsum: 'j' has lengths 3 and 2"),
        (lambda x: einsum("ij->k", x), r"einsum: the output has to name letters of the operands"),
        (lambda x: einsum("ij->ii", x), r"einsum: the output has to name letters of the operands, each once"),
        (lambda x: einsum("i$", x), r"einsum: 'i\$' has something else than letters"),
        (lambda x: einsum("...j->j", x), r"einsum: the output has to say where the axes of '...' go"),
        (lambda x: einsum(x, [0, 99]), r"einsum: wants labels from 0 to 51, got 99"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(tensor(np.ones((2, 3))))


def test_tensordot_names_a_missing_axis():
    with pytest.raises(np.exceptions.AxisError, match="tensordot: axis 5 is out of range"):
        tensordot(tensor(np.ones((2, 3))), np.ones((2, 3)), ((5,), (0,)))


def test_public_names():
    assert {"dot", "einsum", "inner", "matmul", "outer", "tensordot"} <= set(autograd.__all__)


@pytest.mark.parametrize("subscripts", ["bi,bj->j", "bi,bj->bj", "bi,bi,bj->j", "bi,bi,bj->bj", "bi,bj,bi->"])
@pytest.mark.parametrize("first", ["bool", "uint8", "int16", "float32", ">f8"])
@pytest.mark.parametrize("last", ["float32", "float64", "int64"])
def test_operands_of_several_dtypes_are_summed_in_that_of_the_result(subscripts, first, last):
    rng = np.random.default_rng(0)
    kinds = [first, *[first] * (subscripts.count(",") - 1), last]
    shapes = [(30, {"i": 40, "j": 2}[term[1]]) for term in subscripts.split("->")[0].split(",")]
    xs = [rng.integers(0, 2 if k == "bool" else 200, s).astype(k) for k, s in zip(kinds, shapes, strict=True)]
    expected = np.einsum(subscripts, *xs)
    found = einsum(subscripts, *map(tensor, xs))
    assert found.dtype == expected.dtype
    precise = np.einsum(subscripts, *(x.astype(float) for x in xs))
    np.testing.assert_allclose(found.data, precise, rtol=1e-5 if "32" in str(found.dtype) else 1e-12)


def test_the_gradient_beside_a_mask():
    mask, x = np.ones((3, 4), bool), tensor(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), requires_grad=True)
    einsum("bi,bj->j", mask, x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.full((3, 2), 4.0))
