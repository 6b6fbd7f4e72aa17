"""Changes of many arrays made together, against the same made one after the other: equal to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import tensor
from optim import SGD, Adam, Optimizer, changes
from optim.changes import in_blocks, make


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
        make([in_blocks(halve_and_add, p, g) for p, g in pairs])
    for (p, _), want in zip(pairs, wanted, strict=True):
        np.testing.assert_array_equal(p, want)


def test_parts_are_of_one_size_whatever_the_arrays_are(monkeypatch):
    monkeypatch.setattr(changes, "SHARED", 50)
    lengths = []
    monkeypatch.setattr(
        changes, "share", lambda work, parts, **_: lengths.extend(sum(b - a for _, a, b in part) for part in parts)
    )
    make([in_blocks(halve_and_add, np.zeros(n), np.zeros(n)) for n in (7, 90, 3)])
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
            return in_blocks(halve_and_add, param, grad)

    first, second, third = (tensor(np.ones(n), requires_grad=True) for n in (1, 2, 3))
    for p in (first, second, third):
        p.grad = tensor(np.ones(p.shape))
    with pytest.raises(ValueError, match="not this one"):
        Picky([first, second, third]).step()
    assert first.tolist() == [1.5]
    assert second.tolist() == [1, 1]
    assert third.tolist() == [1, 1, 1]
    assert not any(p.data.flags.writeable for p in (first, second, third))


def test_an_update_may_do_its_work_at_once():
    class Own(Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def update(self, param, grad, state, group):
            param -= grad

    p = tensor([1.0, 2.0], requires_grad=True)
    p.grad = tensor([0.5, 0.5])
    Own([p]).step()
    assert p.tolist() == [0.5, 1.5]
