"""Changes of many arrays made together, against the same made one after the other: equal to the last bit."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import tensor
from optim import SGD, Adam, Optimizer, changes
from optim.changes import in_blocks, together


def halve_and_add(p, g):
    p *= 0.5
    p += g


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(0, 40), max_size=6), block=st.integers(1, 50), shared=st.integers(1, 60))
def test_each_element_is_changed_once(sizes, block, shared):
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=n), rng.normal(size=n)) for n in sizes]
    wanted = [p * 0.5 + g for p, g in pairs]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(changes, "BLOCK", block)
        patched.setattr(changes, "SHARED", shared)
        with together():
            for p, g in pairs:
                in_blocks(halve_and_add, p, g)
            assert all(not p.size or (p != want).any() for (p, _), want in zip(pairs, wanted, strict=True))
    for (p, _), want in zip(pairs, wanted, strict=True):
        np.testing.assert_array_equal(p, want)


def test_parts_are_of_one_size_whatever_the_arrays_are(monkeypatch):
    monkeypatch.setattr(changes, "SHARED", 50)
    lengths = []
    monkeypatch.setattr(
        changes, "share", lambda work, parts, **_: lengths.extend(sum(b - a for _, a, b in part) for part in parts)
    )
    with together():
        for n in (7, 90, 3):
            in_blocks(halve_and_add, np.zeros(n), np.zeros(n))
    assert lengths == [50, 50]


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_parameters_of_all_sizes(kind):
    """Small ones, which are packed, some that are not, and one that is large enough for threads; also a view, one in
    Fortran order, one of another dtype and one without a gradient: as each updated by an optimizer of its own."""
    rng = np.random.default_rng(0)
    memory = rng.normal(size=(300, 100))
    values = [
        rng.normal(size=3),
        rng.normal(size=(40, 50)),
        rng.normal(size=(200, 90)),
        rng.normal(size=(600, 500)),
        np.asfortranarray(rng.normal(size=(120, 100))),
        rng.normal(size=(500, 600)).astype(np.float32),
        rng.normal(size=5),
    ]
    together, alone = ([tensor(value, requires_grad=True) for value in values] for _ in range(2))
    for params in (together, alone):
        params.append(tensor(memory).reshape(100, 300).T.detach().requires_grad_())
    options = {"lr": 0.1, "momentum": 0.9} if kind is SGD else {"lr": 0.1}
    one, each = kind(together, **options), [kind([p], **options) for p in alone]
    for _ in range(3):
        for i, (p, q) in enumerate(zip(together, alone, strict=True)):
            if i != 6:
                p.grad = q.grad = tensor(rng.normal(size=p.shape).astype(p.dtype))
        one.step()
        for optimizer in each:
            optimizer.step()
    for p, q in zip(together, alone, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_an_update_that_raises_leaves_those_before_it_done():
    class Picky(Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def update(self, param, grad, state, group):
            if param.size == 2:
                raise ValueError("not this one")
            in_blocks(halve_and_add, param, grad)

    first, second, third = (tensor(np.ones(n), requires_grad=True) for n in (1, 2, 3))
    for p in (first, second, third):
        p.grad = tensor(np.ones(p.shape))
    with pytest.raises(ValueError, match="not this one"):
        Picky([first, second, third]).step()
    assert first.tolist() == [1.5]
    assert second.tolist() == [1, 1]
    assert third.tolist() == [1, 1, 1]
    assert not any(p.data.flags.writeable for p in (first, second, third))


@pytest.mark.parametrize("elementwise", [True, False])
def test_an_update_of_ones_own_may_go_on_after_that_of_the_library(elementwise):
    class Halved(SGD):
        def update(self, param, grad, state, group):
            super().update(param, grad, state, group)
            param *= 0.5

    class Wrapped(SGD):
        @functools.wraps(SGD.update)  # which says that it is of the library
        def update(self, param, grad, state, group):
            SGD.update(self, param, grad, state, group)
            param *= 0.5

    Halved.elementwise = Wrapped.elementwise = elementwise
    rng = np.random.default_rng(0)
    ours, wrapped, plain = ([tensor(np.ones(n), requires_grad=True) for n in (3, 4, 10_000, 300_000)] for _ in range(3))
    for p, w, q in zip(ours, wrapped, plain, strict=True):
        p.grad = w.grad = q.grad = tensor(rng.normal(size=p.shape))
    Halved(ours, lr=0.1).step()
    Wrapped(wrapped, lr=0.1).step()
    SGD(plain, lr=0.1).step()
    for p, w, q in zip(ours, wrapped, plain, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy() * 0.5)
        np.testing.assert_array_equal(w.numpy(), q.numpy() * 0.5)


@pytest.mark.parametrize("size", [2, 10_000, 300_000])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_parameters_in_the_same_memory_are_updated_one_after_the_other(kind, size):
    p = tensor(np.ones(size), requires_grad=True)
    same, half, other = p.detach().requires_grad_(), p.detach()[: size // 2].requires_grad_(), tensor(np.ones(size))
    shared = [p, other.requires_grad_(), same, half]
    grads = [np.random.default_rng(i).normal(size=q.shape) for i, q in enumerate(shared)]
    for q, grad in zip(shared, grads, strict=True):
        q.grad = tensor(grad)
    options = {"lr": 0.1, "weight_decay": 0.1}
    kind(shared, **options).step()
    one = tensor(np.ones(size), requires_grad=True)
    for i in (0, 2, 3):
        part = one if i == 0 else one.detach()[: len(grads[i])].requires_grad_()
        part.grad = tensor(grads[i])
        kind([part], **options).step()
    np.testing.assert_array_equal(p.numpy(), one.numpy())
