"""A linear map of each spatial axis on its own: what resampling and adaptive averaging have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.dtypes import Array

_AXES = "dhw"


def transform_axes(input: Tensor, matrices: Sequence[Array | None]) -> Tensor:
    """y[…, o₁, o₂, …] = Σ A₁[o₁, i₁] A₂[o₂, i₂] … x[…, i₁, i₂, …] over the last axes, one constant matrix (O, S) each.

    A matrix of None leaves its axis as it is. The axes are contracted one after another, which costs O₁·S₁ + O₂·S₂ + …
    multiplications where one matrix over all axes would cost their product; the adjoint is the same with the matrices
    transposed.
    """
    axes = _AXES[: len(matrices)]
    dtype = np.result_type(input.dtype, np.float16)
    y = input
    for axis, matrix in zip(axes, matrices, strict=True):
        if matrix is not None:
            y = ag.einsum(f"...{axes},o{axis}->...{axes.replace(axis, 'o')}", y, matrix.astype(dtype))
    return y
