"""Small parameters laid one after another, so that one update does for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.memory import writing
from autograd.tensor import Tensor
from optim.changes import together

State = dict[str, Any]


class Packing:
    """Parameters of one dtype, and what is kept for them, in flat arrays.

    `state` is like that of a single parameter, with flat arrays; in its place each parameter's own state has a view of
    its part, so that what is seen there is what the next update uses. All numbers in the states have to be equal.
    """

    def __init__(self, params: Sequence[Tensor], states: Sequence[State]) -> None:
        self.params = params
        self.states = states
        ends = accumulate((p.size for p in params), initial=0)
        self.spans = [slice(*span) for span in pairwise(ends)]
        self.param, self.grad = (np.empty(self.spans[-1].stop, params[0].dtype) for _ in range(2))
        self.param_parts, self.grad_parts = self.parts(self.param), self.parts(self.grad)
        self.state = dict(states[0])
        self.kept: dict[str, tuple[Array, list[Array]]] = {}
        for name, value in self.state.items():
            if isinstance(value, np.ndarray):
                self.state[name] = flat = np.empty_like(self.param)
                for part, state in zip(self.parts(flat), states, strict=True):
                    part[...] = state[name]
        self.hand_out()

    def parts(self, flat: Array) -> list[Array]:
        """Each parameter's part of a flat array."""
        return [flat[span].reshape(p.shape) for span, p in zip(self.spans, self.params, strict=True)]

    def hand_out(self) -> None:
        """Let each parameter's state have what `state` has now."""
        for name, value in self.state.items():
            if not isinstance(value, np.ndarray):
                for state in self.states:
                    state[name] = value
            elif name not in self.kept or self.kept[name][0] is not value:
                parts = self.parts(value)
                self.kept[name] = (value, parts)
                for state, part in zip(self.states, parts, strict=True):
                    state[name] = part

    def holds(self, params: Sequence[Tensor], states: Sequence[State]) -> bool:
        """Whether it is of these parameters, and their states are still the views that were handed out."""
        return (
            len(params) == len(self.params)
            and all(s is t for s, t in zip(states, self.states, strict=True))
            and states[0].keys() == self.state.keys()
            and all(states[0][name] == value for name, value in self.state.items() if name not in self.kept)
            and all(
                state[name] is part
                for name, (_, parts) in self.kept.items()
                for state, part in zip(states, parts, strict=True)
            )
        )

    def update(self, update: Callable[[Array, Array, State, Any], None], group: Any) -> None:
        """Change all parameters by one call of an optimizer's `update`."""
        for p, param, grad in zip(self.params, self.param_parts, self.grad_parts, strict=True):
            param[...] = p.array
            grad[...] = p.grad.array  # type: ignore[union-attr]
        with together(wait=False):
            update(self.param, self.grad, self.state, group)
        for p, param in zip(self.params, self.param_parts, strict=True):
            with writing(p.array) as array:
                array[...] = param
        self.hand_out()
