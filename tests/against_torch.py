"""Values and gradients of functions and modules against PyTorch, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def close(ours: Any, theirs: Any, what: str, rtol: float = 1e-9) -> None:
    """Relative to the largest element, so that a sum that cancels is not asked for more digits than it has; nor is what
    is left of numbers of order 1 by a saturated softmax, however small."""
    a, b = ours.numpy(), theirs.detach().numpy()
    assert a.shape == b.shape, f"{what}: shape {a.shape}, PyTorch has {b.shape}"
    assert a.dtype == b.dtype, f"{what}: dtype {a.dtype}, PyTorch has {b.dtype}"
    scale = max(1e-6, float(np.abs(b[np.isfinite(b)]).max(initial=0.0)))
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=what)


def pair(array: np.ndarray) -> tuple[Any, Any]:
    """The array as a tensor here and in PyTorch; one that requires grad if it is floating."""
    needs = array.dtype.kind == "f"
    return ag.tensor(array, requires_grad=needs), torch.tensor(array, requires_grad=needs)


def compare_functions(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """Values, and gradients with respect to all floating inputs."""
    mine, yours = zip(*(pair(a) for a in arrays), strict=True)
    _compare(ours(*mine), theirs(*yours), dict(enumerate(zip(mine, yours, strict=True))))


def compare_modules(ours: Any, theirs: Any, *arrays: np.ndarray, repr_too: bool = True) -> None:
    """Keys and text; then, with PyTorch's weights, values, gradients of inputs and parameters, and buffers."""
    theirs = theirs.double()
    assert isinstance(ours, nn.Module)
    ours.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    if repr_too:
        assert repr(ours) == repr(theirs)
    for tensor in theirs.parameters():  # so that a parameter that starts from 0 or 1 shows, too
        torch.nn.init.normal_(tensor)
    ours.load_state_dict(theirs.state_dict())
    mine, yours = zip(*(pair(a) for a in arrays), strict=True)
    leaves = dict(enumerate(zip(mine, yours, strict=True)))
    parameters = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        leaves[name] = (parameter, parameters[name])
    _compare(ours(*mine), theirs(*yours), leaves)
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value, name)


def _compare(y: Any, wanted: Any, leaves: dict[Any, tuple[Any, Any]]) -> None:
    close(y, wanted, "value")
    cotangent = np.random.default_rng(7).normal(size=y.shape)
    y.backward(ag.tensor(cotangent))
    wanted.backward(torch.tensor(cotangent))
    for name, (ours, theirs) in leaves.items():
        if theirs.requires_grad:
            if theirs.grad is None:
                assert ours.grad is None
            else:
                assert ours.grad is not None, f"{name} has no gradient"
                close(ours.grad, theirs.grad, f"gradient of {name}")
