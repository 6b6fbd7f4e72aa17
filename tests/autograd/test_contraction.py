"""The contraction kernel against np.einsum, on every kind of memory layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import contraction
from autograd.kernels.contraction import contract


@st.composite
def problems(draw):
    """Subscripts and operands: any labels, lengths from 0, broadcast lengths of 1, any order and step in memory."""
    labels = "abcdef"
    length = {label: draw(st.sampled_from([0, 1, 1, 2, 3, 4]), label=label) for label in labels}
    terms = draw(st.lists(st.text(labels, max_size=4), min_size=1, max_size=4))
    used = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(used))[: draw(st.integers(0, len(used)))])
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    operands = []
    for term in terms:
        shape = [
            1 if term.count(label) == 1 and length[label] and draw(st.integers(0, 9)) == 0 else length[label]
            for label in term
        ]
        order = draw(st.permutations(range(len(shape))))
        step = draw(st.sampled_from([1, 2, -1]))
        memory = rng.normal(size=[abs(step) * shape[axis] for axis in order])
        stepped = memory[(slice(None, None, step),) * len(shape)]
        operands.append(stepped.transpose([order.index(axis) for axis in range(len(shape))]))
    return f"{','.join(terms)}->{output}", operands


@settings(max_examples=300, deadline=None)
@given(
    problem=problems(), small=st.sampled_from([0, 512]), wide=st.sampled_from([1, 64]), block=st.sampled_from([1, 20])
)
def test_agrees_with_einsum(problem, small, wide, block):
    subscripts, operands = problem
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SMALL", small), ("WIDE", wide), ("BLOCK", block)):
            patch.setattr(contraction, name, value)
        contraction._plan.cache_clear()
        found = contract(subscripts, operands)
        contraction._plan.cache_clear()
    np.testing.assert_allclose(found, np.einsum(subscripts, *operands), rtol=1e-12, atol=1e-12)


def windows_of(x, k, stride=1):
    view = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(-2, -1))
    return view[..., ::stride, ::stride, :, :]


LAYOUTS = {
    "rows": lambda x: x,
    "channels last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
    "channels first": lambda x: np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("n", "c", "size", "o", "k", "stride"), [(3, 2, 20, 4, 5, 1), (5, 3, 7, 2, 3, 2), (1, 1, 12, 1, 3, 1)]
)
def test_convolution_and_its_gradients(layout, n, c, size, o, k, stride):
    rng = np.random.default_rng(0)
    windows = windows_of(LAYOUTS[layout](rng.normal(size=(n, c, size, size))), k, stride)
    weight = rng.normal(size=(o, c, k, k))
    out = LAYOUTS[layout](rng.normal(size=(n, o, *windows.shape[2:4])))
    for subscripts, operands in {
        "ncxyhw,ochw->noxy": (windows, weight),
        "ochw,ncxyhw->noxy": (weight, windows),
        "noxy,ncxyhw->ochw": (out, windows),
        "noxy,ochw->ncxyhw": (out, weight),
    }.items():
        np.testing.assert_allclose(contract(subscripts, operands), np.einsum(subscripts, *operands), atol=1e-10)


@pytest.mark.parametrize("axis", [2, 4])
def test_windows_that_are_broadcast(axis):
    x = np.random.default_rng(0).normal(size=(9, 4, 20, 20))
    windows = np.broadcast_to(np.take(windows_of(x, 3), [0], axis), windows_of(x, 3).shape)
    weight, out = np.random.default_rng(1).normal(size=(5, 4, 3, 3)), np.ones((9, 5, 18, 18))
    for subscripts, operands in {"ncxyhw,ochw->noxy": (windows, weight), "noxy,ncxyhw->ochw": (out, windows)}.items():
        np.testing.assert_allclose(contract(subscripts, operands), np.einsum(subscripts, *operands), atol=1e-9)


def test_windows_in_another_contraction_are_taken_in_blocks():
    windows = windows_of(np.random.default_rng(0).normal(size=(40, 4, 24, 24)), 3)
    weight = np.random.default_rng(1).normal(size=(5, 4, 3, 3))
    plan = contraction._plan("ncxyhw", windows.shape, windows.strides, "ochw", weight.shape, weight.strides, "nxyo")
    assert plan.step < 40
    found = contract("ncxyhw,ochw->nxyo", (windows, weight))
    np.testing.assert_allclose(found, np.einsum("ncxyhw,ochw->nxyo", windows, weight), atol=1e-10)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_grouped_convolution(groups):
    rng = np.random.default_rng(0)
    windows = windows_of(rng.normal(size=(3, groups, 6 // groups, 14, 14)), 3)
    weight = rng.normal(size=(groups, 2, 6 // groups, 3, 3))
    out = rng.normal(size=(3, groups, 2, 12, 12))
    for subscripts, operands in {
        "ngcxyhw,gochw->ngoxy": (windows, weight),
        "ngoxy,ngcxyhw->gochw": (out, windows),
        "ngoxy,gochw->ngcxyhw": (out, weight),
    }.items():
        np.testing.assert_allclose(contract(subscripts, operands), np.einsum(subscripts, *operands), atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8, np.int64, bool])
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,jk->", "iij,j->i", "ij,ij->ij"])
def test_keeps_the_dtype(dtype, subscripts):
    rng = np.random.default_rng(0)
    shapes = [(8, 8, 8)[: len(term)] for term in subscripts.split("->")[0].split(",")]
    operands = [rng.integers(0, 2, size=shape).astype(dtype) for shape in shapes]
    found = contract(subscripts, operands)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.einsum(subscripts, *operands))


def test_many_operands_are_taken_two_at_a_time():
    rng = np.random.default_rng(0)
    chain = [rng.normal(size=(200, 200)) for _ in range(4)]
    np.testing.assert_allclose(contract("ab,bc,cd,de->ae", chain), np.linalg.multi_dot(chain), rtol=1e-9, atol=1e-9)
