"""Images with the batch put last, against NumPy's copy."""

import numpy as np
import pytest

from autograd.kernels.convolution import BLOCK
from autograd.kernels.window_contraction import PAGE, batch_last

SHAPES = [(1, 3, 5), (2, 3, 4), (13, 2, 16, 32), (21, 64, 16, 16), (9, 1, 130, 16, 16), (7, 50, 30, 30)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_last(shape, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    y = batch_last(x)
    np.testing.assert_array_equal(y, np.moveaxis(x, 0, -1))
    assert y.strides[-1] == y.itemsize or shape[0] == 1
    assert np.shares_memory(batch_last(np.moveaxis(y, -1, 0)), y)


def test_shapes_are_of_all_kinds():
    sizes = [int(np.prod(shape)) for shape in SHAPES]
    apart = [4 * size // shape[0] % PAGE for size, shape in zip(sizes, SHAPES, strict=True)]
    kinds = {(size >= BLOCK, bool(rest)) for size, rest in zip(sizes, apart, strict=True)}
    assert len(kinds) == 4
