"""Borders against np.pad."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.kernels import padding
from autograd.kernels.padding import Padded, bordered


@settings(max_examples=80, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 5), min_size=0, max_size=4),
    widths=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=4),
    order=st.randoms(use_true_random=False),
    shared=st.booleans(),
    value=st.sampled_from([0, 2.5, -np.inf]),
)
def test_borders(lengths, widths, order, shared, value):
    axes = list(range(len(lengths)))
    order.shuffle(axes)
    x = np.random.default_rng(0).normal(size=[lengths[axis] for axis in axes]).transpose(np.argsort(axes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(padding, "LARGE", 0 if shared else 1 << 18)
        y = bordered(x, widths[: x.ndim], value)
    np.testing.assert_array_equal(y, np.pad(x, widths[: x.ndim], constant_values=value) if x.ndim else x)


def test_large_arrays_keep_their_layout():
    x = np.moveaxis(np.random.default_rng(0).normal(size=(16, 40, 40, 20)).astype(np.float32), -1, 0)
    y = bordered(x, [(0, 0), (0, 0), (1, 2), (3, 0)])
    np.testing.assert_array_equal(y, np.pad(x, [(0, 0), (0, 0), (1, 2), (3, 0)]))
    assert y.dtype == np.float32
    assert np.moveaxis(y, 0, -1).flags.c_contiguous


def test_settled_it_no_longer_reads_what_it_was_made_of():
    x = np.ones((2, 3))
    padded = Padded(x, [(1, 1), (0, 1)])
    assert padded.shape == (4, 4)
    assert padded.sources == (x,)
    padded.settle()
    x[...] = 7
    assert padded.sources == ()
    np.testing.assert_array_equal(padded.array, np.pad(np.ones((2, 3)), [(1, 1), (0, 1)]))
