"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from autograd.dtypes import Array
from autograd.grad_mode import enable_grad
from autograd.memory import writing
from autograd.tensor import Tensor
from optim.line_search import Point, strong_wolfe
from optim.optimizer import Group, Optimizer, Parameters, State

VECTORS = ("d", "prev_flat_grad")
VECTOR_LISTS = ("old_dirs", "old_stps")


class LBFGS(Optimizer):
    """L-BFGS: steps along -H g, with an inverse Hessian H that is read off the last changes of the gradient g.

    With the changes s = p_{k+1} - p_k and y = g_{k+1} - g_k of the last `history_size` iterations and ρ = 1 / (y · s):

        q = -g
        α = ρ (s · q),        q ← q - α y      (newest first)
        r = (s · y) / (y · y) · q              (of the newest)
        r ← r + (α - ρ (y · r)) s              (oldest first)
        p ← p + t r

    `line_search_fn` "strong_wolfe" seeks the length t from `lr` on; None takes t = lr, at first lr · min(1, 1 / |g|₁).
    A call of `step(closure)` makes at most `max_iter` iterations with at most `max_eval` evaluations; it ends early
    when no element of the gradient is larger than `tolerance_grad`, or a step's elements or the change of the loss are
    no larger than `tolerance_change`. `max_eval` is 1.25 · `max_iter` by default, rounded down, so that with
    `max_iter` = 1 a line search has no evaluations to spend: it tries one length, and takes that or none. `closure`
    clears the gradients, computes the loss and its gradients and returns the loss; `step` returns the first.

    `params` are as in `Optimizer`, but of one group. What is remembered concerns all parameters and stands at the
    first, as vectors of all elements. Raises ValueError for a second group and for an option out of range, TypeError
    for a step without a closure. Source: Liu & Nocedal, "On the limited memory BFGS method for large scale
    optimization", Math. Programming 45, 1989; Nocedal & Wright, "Numerical optimization", 2nd ed., algorithm 7.4.

    >>> from optim import LBFGS
    >>> w = tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - tensor([1.0, 2.0])) ** 2 * tensor([1.0, 100.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    1604.0
    >>> w.numpy().round(3)
    array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: Literal["strong_wolfe"] | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        self.check_nonnegative(group, "lr")
        for name in ("max_iter", "max_eval", "history_size"):
            if not group[name] >= 1:
                raise ValueError(f"LBFGS: wants {name} >= 1, got {group[name]}")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: wants line_search_fn 'strong_wolfe' or None, got {group['line_search_fn']!r}")

    def add_param_group(self, param_group: Group) -> None:
        if self.param_groups:
            raise ValueError("LBFGS: takes one parameter group, got a second")
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        if closure is None:
            raise TypeError("LBFGS: step wants a closure that computes the loss and its gradients")
        (group,) = self.param_groups
        lr, max_iter, max_eval, tolerance_change = (
            group[k] for k in ("lr", "max_iter", "max_eval", "tolerance_change")
        )
        state = self.state[group["params"][0]]
        state.setdefault("n_iter", 0)

        def evaluate() -> Any:
            state["func_evals"] = state.get("func_evals", 0) + 1
            with enable_grad():
                return closure()

        def evaluate_at(t: float) -> Point:
            before = [np.array(p.array) for p in group["params"]]
            try:
                self._move(t, d)
                loss, gradient = float(evaluate()), self._gradient()
            finally:
                for p, array in zip(group["params"], before, strict=True):
                    p.write(array)
            return Point(t, loss, gradient, float(gradient @ d))

        first = evaluate()
        start = state["func_evals"] - 1
        loss, gradient = float(first), self._gradient()
        if _largest(gradient) <= group["tolerance_grad"]:
            return first
        for i in range(max_iter):
            state["n_iter"] += 1
            d = self._direction(gradient, state, group["history_size"])
            state["d"], state["prev_flat_grad"], state["prev_loss"] = d, gradient, loss
            state["t"] = t = lr / max(1.0, float(np.abs(gradient).sum())) if state["n_iter"] == 1 else lr
            slope = float(gradient @ d)
            if slope > -tolerance_change:
                break
            before, last = loss, i == max_iter - 1
            if group["line_search_fn"]:
                left = max_eval - (state["func_evals"] - start)
                here = Point(0.0, loss, gradient, slope)
                t, loss, gradient, _ = strong_wolfe(evaluate_at, here, t, _largest(d), max_steps=left)
                state["t"] = t
                self._move(t, d)
            else:
                self._move(t, d)
                if not last:
                    loss, gradient = float(evaluate()), self._gradient()
            if (
                last
                or state["func_evals"] - start >= max_eval
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(t * d) <= tolerance_change
                or abs(loss - before) < tolerance_change
            ):
                break
        return first

    def _gradient(self) -> Array:
        """The gradients of all parameters, zero where there is none, as one vector."""
        params = self.param_groups[0]["params"]
        return np.concatenate([np.zeros(p.size, p.dtype) if p.grad is None else p.grad.array.ravel() for p in params])

    def _move(self, t: float, d: Array) -> None:
        """Move all parameters by t times their stretch of d."""
        offset = 0
        for p in self.param_groups[0]["params"]:
            with writing(p.array) as array:
                array += t * d[offset : offset + p.size].reshape(p.shape)
            offset += p.size

    @staticmethod
    def _direction(gradient: Array, state: State, history_size: int) -> Array:
        """-H g, after the last step's change of the gradient is taken into the history."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        y, s = gradient - state["prev_flat_grad"], state["t"] * state["d"]
        history = ys, ss, rhos = state["old_dirs"], state["old_stps"], state["ro"]
        curvature = float(y @ s)
        if curvature > 1e-10:
            for kept, new in zip(history, (y, s, 1 / curvature), strict=True):
                kept.append(new)
                del kept[:-history_size]
            state["H_diag"] = curvature / float(y @ y)
        q = -gradient
        alphas = []
        for y, s, rho in zip(reversed(ys), reversed(ss), reversed(rhos), strict=True):
            alphas.append(rho * float(s @ q))
            q -= alphas[-1] * y
        q *= state["H_diag"]
        for y, s, rho, alpha in zip(ys, ss, rhos, reversed(alphas), strict=True):
            q += (alpha - rho * float(y @ q)) * s
        return q

    def buffers(self, group: Group, param: Array) -> dict[str, bool]:
        optional = ("t", "ro", "H_diag", "prev_loss", "al", *VECTORS, *VECTOR_LISTS)
        return {"func_evals": True, "n_iter": True, **dict.fromkeys(optional, False)}

    def loaded(self, name: str, value: Any, param: Array, what: str) -> Any:
        if name == "al":  # PyTorch's room for the alphas
            return []
        if isinstance(value, Sequence):
            return [self._entry(name, v, param, what) for v in value]
        return self._entry(name, value, param, what)

    def _entry(self, name: str, value: Any, param: Array, what: str) -> Any:
        array = value.array if isinstance(value, Tensor) else np.asarray(value)
        shape = (sum(p.size for p in self.param_groups[0]["params"]),) if name in VECTORS + VECTOR_LISTS else ()
        if array.shape != shape:
            raise ValueError(f"{what} has shape {array.shape}, wants {shape}")
        if shape:
            return np.array(array, param.dtype)
        return int(array) if name in ("func_evals", "n_iter") else float(array)


def _largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0))
