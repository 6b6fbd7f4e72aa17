"""The oracle for derivatives: rules against centred finite differences in float64, and against each other.

With J the Jacobian of an operation at some inputs, u a random cotangent and v a random tangent, `check_derivatives`
asks that

- the vjp Jᵀu is the gradient of ⟨u, op(x)⟩ by differences, element by element (up to `ELEMENTWISE` of them; for larger
  inputs it follows from the next two, but for the name of the element);
- the jvp Jv is the slope of op(x + h v) by differences;
- ⟨u, Jv⟩ = ⟨Jᵀu, v⟩, to rounding.

At order 2 the same is asked of x ↦ ⟨J(x)ᵀu, v⟩, recorded under `create_graph`: reverse and forward over reverse. And
x ↦ ⟨u, J(x)v⟩, the jvp recorded, has the same gradient: reverse over forward. Both have the values of those that are
not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.graph import forward_sweep, reverse_sweep, run
from autograd.tensor import Tensor, tensor

Function = Callable[..., Any]

ELEMENTWISE = 64


def floating_outputs(y: Any) -> list[Any]:
    """The floating results of an operation that returns a tensor, an array or a tuple of them."""
    return [part for part in (y if isinstance(y, tuple) else (y,)) if part.dtype.kind == "f"]


class Recorded:
    """An operation recorded once, and the sweeps through it.

    Attributes: `leaves`, those of its inputs that require grad; `nodes`, theirs; `outputs`, its floating results.
    """

    def __init__(self, op: Function, leaves: Sequence[Any]) -> None:
        self.leaves = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.node is not None]
        self.nodes = [leaf.node for leaf in self.leaves]
        self.outputs = floating_outputs(op(*leaves))

    def cotangents(self, rng: np.random.Generator) -> list[np.ndarray]:
        return [np.asarray(rng.normal(size=y.shape), y.dtype) for y in self.outputs]

    def tangents(self, rng: np.random.Generator) -> list[np.ndarray]:
        return [np.asarray(rng.normal(size=x.shape), x.dtype) for x in self.leaves]

    def seeds(self, cotangents: Sequence[Any]) -> dict[Any, Any]:
        """Where a reverse sweep starts from: the cotangents of those outputs that were recorded."""
        return {y.node: u for y, u in zip(self.outputs, cotangents) if isinstance(y, Tensor) and y.node is not None}

    def pull(self, cotangents: Sequence[Any], create_graph: bool = False) -> list[Any]:
        """The vjp: a cotangent for each leaf, zeros where no output depends on it."""
        if create_graph:
            cotangents = [tensor(u) for u in cotangents]
        seeds = self.seeds(cotangents)
        found = run(reverse_sweep(seeds, self.nodes, retain_graph=True, create_graph=create_graph))
        return [found.get(leaf.node, np.zeros(leaf.shape, leaf.dtype)) for leaf in self.leaves]

    def push(self, tangents: Sequence[Any], create_graph: bool = False) -> list[Any]:
        """The jvp: a tangent for each output, zeros where it depends on no leaf."""
        if create_graph:
            tangents = [tensor(v) for v in tangents]
        reached = list(self.seeds(self.outputs))
        with np.errstate(all="ignore"):
            found = forward_sweep(dict(zip(self.nodes, tangents)), reached, create_graph=create_graph)
        return [found.get(getattr(y, "node", None), np.zeros(y.shape, y.dtype)) for y in self.outputs]


def check_derivatives(
    op: Function,
    *arrays: np.ndarray,
    wrt: Sequence[int] | None = None,
    order: int = 2,
    rtol: float = 1e-6,
) -> None:
    """Check `op`'s derivatives at `arrays`, to a relative `rtol` (10 `rtol` at order 2).

    `op` takes tensors or arrays and returns one or a tuple of them. `wrt` says which arguments to differentiate by
    (default: the floating ones). The arrays must not be written to.
    """
    chosen = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"] if wrt is None else list(wrt)
    before = [a.tobytes() for a in arrays]
    rng = np.random.default_rng(12345)
    _check_first_order(op, arrays, chosen, rng, rtol)
    if order == 2:
        here = record(op, arrays, chosen)
        cotangents, tangents = here.cotangents(rng), here.tangents(rng)

        def pulled(*inputs: Any) -> Any:
            return _inner(record(op, inputs, chosen).pull(cotangents, create_graph=True), tangents)

        def pushed(*inputs: Any) -> Any:
            return _inner(record(op, inputs, chosen).push(tangents, create_graph=True), cotangents)

        _check_first_order(pulled, arrays, chosen, rng, rtol * 10)
        for name, recorded, ordinary in (
            ("vjp", pulled, _inner(here.pull(cotangents), tangents)),
            ("jvp", pushed, _inner(here.push(tangents), cotangents)),
        ):
            _assert_close(_array(recorded(*arrays)), ordinary, 1e-9, f"recorded {name}")
        over_reverse, over_forward = (record(f, arrays, chosen).pull([np.ones(())]) for f in (pulled, pushed))
        for i, reverse, forward in zip(chosen, over_reverse, over_forward, strict=True):
            _assert_close(forward, reverse, 1e-9, f"gradient of the jvp, and of the vjp, by input {i}")
    assert [a.tobytes() for a in arrays] == before, "the inputs were written to"


def record(op: Function, inputs: Sequence[Any], chosen: Sequence[int]) -> Recorded:
    """`op` recorded at `inputs`, of which the `chosen` ones become variables (that depend on them, if recorded)."""
    return Recorded(op, [_variable(x) if i in chosen else x for i, x in enumerate(inputs)])


def _variable(x: Any) -> Tensor:
    return x * 1.0 if isinstance(x, Tensor) and x.node is not None else tensor(x, requires_grad=True)


def _check_first_order(
    op: Function,
    arrays: Sequence[np.ndarray],
    chosen: Sequence[int],
    rng: np.random.Generator,
    rtol: float,
) -> None:
    here = record(op, arrays, chosen)
    cotangents, tangents = here.cotangents(rng), here.tangents(rng)
    pulled, pushed = here.pull(cotangents), here.push(tangents)

    def at(moves: dict[int, np.ndarray]) -> list[np.ndarray]:
        y = op(*[a + moves[i] if i in moves else a for i, a in enumerate(arrays)])
        return [_array(part) for part in floating_outputs(y)]

    slopes = difference(lambda h: _flat(at({i: h * v for i, v in zip(chosen, tangents)})))
    assert [v.shape for v in pushed] == [y.shape for y in here.outputs]
    _assert_close(_flat(pushed), slopes, rtol, "jvp")

    for i, analytic in zip(chosen, pulled, strict=True):
        assert analytic.shape == arrays[i].shape, f"gradient {i} has shape {analytic.shape}, input {arrays[i].shape}"
        if arrays[i].size <= ELEMENTWISE:
            numeric = np.zeros(arrays[i].shape)
            for index in np.ndindex(numeric.shape):
                direction = np.zeros(numeric.shape)
                direction[index] = 1.0
                numeric[index] = difference(
                    lambda h, i=i, direction=direction: _inner(at({i: h * direction}), cotangents)
                )
            _assert_close(analytic, numeric, rtol, f"gradient of input {i}")

    forward, reverse = _inner(pushed, cotangents), _inner(pulled, tangents)
    size = 1 + sum(np.abs(a * b).sum() for a, b in zip(pulled, tangents))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-9 * size, err_msg="⟨u, Jv⟩ = ⟨Jᵀu, v⟩")


def difference(f: Callable[[float], Any], step: float = 1e-3) -> Any:
    """f'(0) by centred differences with one Richardson extrapolation: error of order step⁴."""

    def slope(h: float) -> Any:
        return (f(h) - f(-h)) / (2 * h)

    return (4 * slope(step / 2) - slope(step)) / 3


def _array(x: Any) -> np.ndarray:
    return np.asarray(x.array if isinstance(x, Tensor) else x)


def _inner(first: Sequence[Any], second: Sequence[Any]) -> Any:
    """⟨first, second⟩, the sum over all parts; of arrays an array, of tensors a tensor."""
    return sum(((a * b).sum() for a, b in zip(first, second, strict=True)), np.zeros(()))


def _flat(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(np.ravel(part) for part in parts)])


def _assert_close(analytic: Any, numeric: Any, rtol: float, what: str) -> None:
    """Relative to the largest element, so that a sum that cancels is not asked for more digits than it has."""
    scale = max(1e-3, float(np.abs(numeric).max(initial=0.0)))
    np.testing.assert_allclose(analytic, numeric, rtol=rtol, atol=rtol * scale, err_msg=what)
