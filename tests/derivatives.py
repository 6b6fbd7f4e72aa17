"""The checks that every primitive goes through, against centred finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.graph import forward_sweep, reverse_sweep, run
from autograd.tensor import Tensor, tensor

Function = Callable[..., Any]


def central_difference(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Gradient of a scalar function by centred differences with one Richardson extrapolation: error of order step⁴."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):

        def slope(h: float, index: tuple[int, ...] = index) -> float:
            ahead, behind = x.copy(), x.copy()
            ahead[index] += h
            behind[index] -= h
            return (f(ahead) - f(behind)) / (ahead[index] - behind[index])

        gradient[index] = (4 * slope(step / 2) - slope(step)) / 3
    return gradient


def check_derivatives(
    op: Function,
    *arrays: np.ndarray,
    wrt: Sequence[int] | None = None,
    order: int = 2,
    rtol: float = 1e-6,
    step: float = 1e-3,
) -> None:
    """vjp and jvp of `op` at `arrays` against differences; ⟨u, Jv⟩ = ⟨Jᵀu, v⟩; then the same for its gradient.

    `op` takes tensors (or arrays) and returns one tensor; `wrt` says which arguments to differentiate (default: the floating ones).
    The inputs are checked not to be written to.
    """
    rng = np.random.default_rng(0)
    chosen = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"] if wrt is None else list(wrt)
    before = [a.copy() for a in arrays]
    _check_once(op, arrays, chosen, rng, rtol, step)
    if order == 2:
        weights = rng.normal(size=np.shape(_value(op(*arrays))))

        def gradient(*inputs: Any) -> Any:
            leaves = [_branch(inputs[i]) if i in chosen else inputs[i] for i in range(len(inputs))]
            y = op(*leaves)
            if not isinstance(y, Tensor) or y.node is None:
                return np.zeros(1)
            targets = [leaves[i].node for i in chosen]
            found = run(reverse_sweep({y.node: tensor(weights, dtype=y.dtype)}, targets, create_graph=True))
            parts = [
                (found[t] * np.cos(np.arange(leaves[i].size)).reshape(leaves[i].shape)).sum()
                for i, t in zip(chosen, targets, strict=True)
                if t in found
            ]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            return total

        _check_once(gradient, arrays, chosen, rng, rtol * 10, step)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


def _branch(x: Any) -> Any:
    """A tensor that requires grad and, if `x` does, depends on it."""
    if isinstance(x, Tensor) and x.node is not None:
        return x * 1.0
    return tensor(x.array if isinstance(x, Tensor) else x, requires_grad=True)


def _value(y: Any) -> np.ndarray:
    return np.asarray(y.array if isinstance(y, Tensor) else y)


def _check_once(
    op: Function,
    arrays: Sequence[np.ndarray],
    chosen: Sequence[int],
    rng: np.random.Generator,
    rtol: float,
    step: float,
) -> None:
    leaves = [tensor(a, requires_grad=i in chosen) for i, a in enumerate(arrays)]
    y = op(*leaves)
    weights = rng.normal(size=np.shape(_value(y)))
    nodes = [leaves[i].node for i in chosen]
    tangents = [rng.normal(size=arrays[i].shape) for i in chosen]
    if isinstance(y, Tensor) and y.node is not None:
        pulled = run(reverse_sweep({y.node: weights.astype(y.dtype)}, nodes, retain_graph=True))
        pushed = forward_sweep(dict(zip(nodes, tangents, strict=True)), [y.node]).get(y.node, np.zeros(y.shape))
    else:
        pulled, pushed = {}, np.zeros(np.shape(_value(y)))
    inner = 0.0
    for i, node, tangent in zip(chosen, nodes, tangents, strict=True):

        def along(x: np.ndarray, i: int = i) -> float:
            moved = list(arrays)
            moved[i] = x
            return float(np.sum(weights * _value(op(*moved))))

        analytic = np.asarray(pulled.get(node, np.zeros(arrays[i].shape)))
        numeric = central_difference(along, arrays[i].astype(np.float64), step)
        scale = max(1e-3, float(np.abs(numeric).max(initial=0.0)))
        assert analytic.shape == arrays[i].shape, f"gradient {i} has shape {analytic.shape}, input {arrays[i].shape}"
        np.testing.assert_allclose(analytic, numeric, rtol=rtol, atol=rtol * scale, err_msg=f"gradient of input {i}")
        inner += float(np.sum(analytic * tangent))
    np.testing.assert_allclose(
        np.sum(weights * pushed),
        inner,
        rtol=1e-9,
        atol=1e-9 * (1 + np.abs(weights * pushed).sum()),
        err_msg="⟨u, Jv⟩ = ⟨Jᵀu, v⟩",
    )
