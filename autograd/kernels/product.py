"""Matrix products shared over threads.

A large product is cut into a part of its rows or columns, or of its stack, for each thread, and BLAS is held to one
thread in each; a small one BLAS computes in one thread anyway. So the number of BLAS' own threads, which is one for the
whole process and changes while other threads share work, does not change a bit of any product made here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.kernels.threads import get_num_threads, one_blas_thread, share

# OpenBLAS spreads products of matrices over threads from 2^18 multiplications on, those with a vector from 9216 on.
SMALL, SMALL_WITH_VECTOR = 1 << 18, 9000
# A product of so many multiplications is worth sharing.
LARGE = 1 << 21
# Multiplications that a thread makes while another wakes up, at most a quarter of all; rows or columns that BLAS takes
# together.
HEAD_START, TOGETHER = 1 << 22, 16


def matrix_product(a: Array, b: Array) -> Any:
    """`np.matmul` of operands of two dimensions or more."""
    n = b.shape[-1]
    work = a.size * n
    if work <= SMALL_WITH_VECTOR or (work <= SMALL and n > 1 and a.shape[-2] > 1):
        return np.matmul(a, b)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"shapes {a.shape} and {b.shape} do not fit")
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*stack, a.shape[-2], n)
    if math.prod(shape) * a.shape[-1] < LARGE or get_num_threads() == 1:
        with one_blas_thread():
            return np.matmul(a, b)
    a, b = _for_blas(a), _for_blas(b)
    y = np.empty(shape, np.result_type(a, b))
    axis = 0 if stack and shape[0] > 1 else len(shape) - 1 - (shape[-2] >= n)
    each = math.prod(shape) * a.shape[-1] // shape[axis]

    def part(x: Array, some: slice) -> Array:
        at = axis - len(shape) + x.ndim
        return x if at < 0 or x.shape[at] == 1 else x[(slice(None),) * at + (some,)]

    def multiply(some: slice) -> None:
        left = a if axis == len(shape) - 1 else part(a, some)
        right = b if axis == len(shape) - 2 else part(b, some)
        np.matmul(left, right, out=part(y, some))

    share(multiply, _slices(shape[axis], each))
    return y


def _slices(length: int, each: int) -> list[slice]:
    """Rows or columns, of so many multiplications each, in a part for each thread: the first, which begins while others
    wake up, has more."""
    ahead = min(HEAD_START // each, length // 4)
    step = max(1, (length - ahead) // get_num_threads())
    step -= step % TOGETHER if step >= 2 * TOGETHER else 0
    starts = range(length - step * (min(length, get_num_threads()) - 1), length, step)
    return [slice(0, starts.start), *(slice(start, start + step) for start in starts)]


def _for_blas(x: Array) -> Array:
    """An operand as BLAS can take it: NumPy would copy any other in each thread, element by element."""
    taken = x.itemsize in x.strides[-2:] and 0 not in x.strides[-2:]
    return x if taken else np.ascontiguousarray(x)
