"""`checkpoint`: compute again in the backward pass instead of keeping what the forward pass computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from autograd import primitive
from autograd.grad_mode import enable_grad, recording
from autograd.graph import Node, ancestors, forward_sweep, reverse_sweep, run
from autograd.memory import latest_write, tick, written_since
from autograd.primitive import protected
from autograd.random import get_rng_state, move_on, own_generator
from autograd.tensor import Tensor, wrap
from autograd.transforms import variable

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Tensor], *xs: Any) -> Tensor:
    """`f(*xs)`, of which only the inputs are kept: the backward pass calls `f` again to get at the rest.

    Trades a second evaluation of `f` for the memory of what it saves. Tensors that `f` uses without being given them,
    such as a module's parameters, get their gradients too. `default_generator()` gives the same random numbers again,
    whatever other threads draw meanwhile, so that dropout masks are the same both times. May be differentiated any
    number of times. `f` has to return one tensor.

    Source: T. Chen, B. Xu, C. Zhang and C. Guestrin, "Training Deep Nets with Sublinear Memory Cost" (2016).

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: sin(x) * sin(x), x).sum().backward()
    >>> bool(np.allclose(x.grad.data, np.sin(2 * x.data)))
    True
    """
    if not recording.get():
        return f(*xs)
    segment = Segment(f, xs)
    with own_generator(segment.random_state) as generator:
        variables, y, start = segment.evaluate([x.detach() if isinstance(x, Tensor) else x for x in xs])
    move_on(segment.random_state, get_rng_state(generator))
    if y.node is None:
        return y
    outside = [node for node in ancestors([y.node], start) if node.number < start and node not in variables]
    if not (segment.active or outside):
        return y.detach()
    segment.outside = tuple(outside)
    parents = [xs[i].node for i in segment.active] + outside
    values = tuple(x.array if isinstance(x, Tensor) else protected(x) for x in xs)
    return primitive.record(segment, parents, values, y.array)  # type: ignore[arg-type]


class Segment:
    """Stands where a primitive's plan does: the rules of one checkpointed call."""

    name = "checkpoint"
    kept = ()
    takes_deferred = False

    def __init__(self, f: Callable[..., Tensor], xs: Sequence[Any]) -> None:
        self.primitive = self
        self.f = f
        self.tensors = tuple(i for i, x in enumerate(xs) if isinstance(x, Tensor))
        self.active = tuple(i for i, x in enumerate(xs) if isinstance(x, Tensor) and x.node is not None)
        self.outside: tuple[Node, ...] = ()
        self.random_state = get_rng_state()
        self.made = tick()

    def evaluate(self, xs: Iterable[Any]) -> tuple[list[Node], Tensor, int]:
        """Call the function with its active inputs as variables of their own.

        The nodes of the variables, the result, and the time between the two: to a sweep since then the variables are
        leaves, even if they depend on a tensor that the function uses without being given it.
        """
        given = list(xs)
        for i in self.tensors:
            given[i] = given[i] if isinstance(given[i], Tensor) else wrap(given[i])
        with enable_grad():
            for i in self.active:
                given[i] = variable(given[i])
            nodes = [given[i].node for i in self.active]
            start = tick()
            y = self.f(*given)
        if not isinstance(y, Tensor):
            raise TypeError(
                f"checkpoint: the function has to return one Tensor, got {type(y).__name__}; of several results take "
                f"one, as in checkpoint(lambda x: f(x)[0], x)"
            )
        return nodes, y, start

    def again(self, values: Sequence[Any]) -> tuple[list[Node], Node, int]:
        """Evaluate once more with the random numbers of the first time.

        The nodes to differentiate by, the node of the result, and the time before which all others were made.
        """
        if latest_write[0] > self.made and written_since(values, self.made):
            raise RuntimeError(
                "checkpoint: an input was written into after the function was called, or by it, so that it gives other "
                "values when called again; have it work on a clone()"
            )
        with own_generator(self.random_state):
            variables, y, start = self.evaluate(values)
        assert y.node is not None
        if latest_write[0] > self.made:
            self.check_unwritten(y.node, start)
        return [*variables, *self.outside], y.node, start

    def check_unwritten(self, root: Node, start: int) -> None:
        """RuntimeError if what was just computed again used an array that was written into since the first time."""
        for node in ancestors([root], start):
            if node.number > start and written_since(node.values or (), self.made, until=start):
                raise RuntimeError(
                    "checkpoint: an array that the function uses was written into after its first evaluation, so that "
                    f"the second gives other values; '{node.op}' uses it at {node.source}"
                )

    @property
    def pulls(self) -> list[Callable[[Any, Sequence[Any]], Any]]:
        """The vjps of all parents, for one visit: the first that is called finds the cotangents for all."""
        found: list[Any] = []

        def pull(k: int, g: Any, values: Sequence[Any]) -> Any:
            if not found:
                found.extend(self.pulled(g, values))
            return found[k]

        return [partial(pull, k) for k in range(len(self.active) + len(self.outside))]

    def pulled(self, g: Any, values: Sequence[Any]) -> list[Any]:
        nodes, root, start = self.again(values)
        found = run(reverse_sweep({root: g}, nodes, create_graph=isinstance(g, Tensor), since=start))
        return [found.get(node) for node in nodes]

    def push(self, tangents: Sequence[Any], values: Sequence[Any]) -> Any:
        nodes, root, start = self.again(values)
        seeds = {node: t for node, t in zip(nodes, tangents, strict=True) if t is not None}
        lifted = any(isinstance(t, Tensor) for t in seeds.values())
        return forward_sweep(seeds, [root], create_graph=lifted, since=start).get(root)

    def lift(self, node: Node) -> tuple[Any, ...]:
        """The inputs as tensors that stand in the graph where they came from."""
        assert node.values is not None
        lifted = list(node.values)
        for i, parent in zip(self.active, node.parents, strict=False):
            attached = wrap(lifted[i])
            attached.node = parent
            lifted[i] = attached
        return tuple(lifted)
