"""All parameters of a model as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from autograd.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The parameters, flattened and joined in order: a vector with a history, so that gradients flow back to them.

    >>> from nn.utils import parameters_to_vector
    >>> parameters_to_vector([tensor([[1.0, 2.0]]), tensor([3.0])])
    tensor([1., 2., 3.])
    """
    vector: Tensor = np.concatenate([p.reshape(-1) for p in parameters])  # type: ignore[assignment]
    return vector


def vector_to_parameters(vector: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into the parameters, in order: the inverse of `parameters_to_vector`.

    Values alone are written, and the vector's history stops here: no gradient flows back to it (`functional_call`
    keeps it).

    Raises ValueError, and writes nothing, unless there are as many elements in the one as in the others.

    >>> from nn.utils import vector_to_parameters
    >>> w, b = tensor([[1.0, 2.0]]), tensor([3.0])
    >>> vector_to_parameters(tensor([4.0, 5.0, 6.0]), [w, b])
    >>> w, b
    (tensor([[4., 5.]]), tensor([6.]))
    """
    parameters = list(parameters)
    wanted = sum(p.size for p in parameters)
    if vector.shape != (wanted,):
        raise ValueError(f"vector_to_parameters: wants a vector of shape {(wanted,)}, got {vector.shape}")
    start = 0
    for p in parameters:
        p.write(vector.array[start : start + p.size].reshape(p.shape))
        start += p.size
