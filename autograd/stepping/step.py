"""One step of a backward pass: what happens at one node, with everything that there is to be seen of it."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Cotangent, Node, Visit, ancestors, fitted, saved, stretched
from autograd.kernels.deferred import evaluated
from autograd.numeric.locate import NodeCheck, check_node
from autograd.recompute import Segment
from autograd.stepping.display import step_html
from autograd.stepping.graph_view import view
from autograd.stepping.rules import Rule, rule_of
from autograd.stepping.summary import Summary, as_array
from autograd.stepping.wording import contribution_text, step_text
from autograd.tensor import Tensor

__all__ = ["Contribution", "Step"]

JACOBIAN_LIMIT = 4096  # elements of a local Jacobian, at most


class Record:
    """What the steps of a pass have in common: the graph, and who was given what by whom.

    Attributes: `output`, the tensor that the pass starts from; `order`, all nodes, and `ids`, their places, in order of
    creation; `graph`, the same as plain data, with names, modules and lines, looked at now since a backward pass that
    shares nodes may free them; `given`, for each node, the contributions to it so far. `op` is how errors call what
    wants it.
    """

    def __init__(self, output: Tensor, op: str) -> None:
        assert output.node is not None
        self.output = output
        self.order = ancestors([output.node])
        self.ids = {node: i for i, node in enumerate(self.order)}
        self.graph = view(output, op=op)
        self.given: dict[Node, list[Cotangent]] = {}

    @cached_property
    def consumers(self) -> dict[Node, list[int]]:
        """The numbers of the operations on each node, in ascending order."""
        numbers: dict[Node, list[int]] = {}
        for node, seen in zip(self.order, self.graph.nodes):
            for parent in dict.fromkeys(seen.parents):
                numbers.setdefault(self.order[parent], []).append(node.number)
        return numbers

    def free(self) -> None:
        """Have the nodes let go of what they saved, as `backward` does; what steps say of them stays known."""
        for node in self.order:
            if node.plan is not None:
                node.values, node.parents = None, ()

    def waiting(self, parent: Node, node: Node) -> int:
        """How many operations on `parent` are still to be visited after `node`."""
        return bisect_left(self.consumers[parent], node.number)

    def unreached(self, node: Node) -> None:
        """Nothing flows to an operation, so that nobody waits for it."""
        for parent in dict.fromkeys(node.parents):
            self.consumers[parent].remove(node.number)

    def contributed(self, node: Node, count: int) -> Cotangent:
        """The sum of the first `count` contributions to a node, before its hooks; None if that is none."""
        total = None
        with np.errstate(all="ignore"):
            for share in self.given[node][:count]:
                share = fitted(share, node, node)
                total = share if total is None else total + share
        return arrays(total)


class Contribution:
    """What a step gives one parent of its node.

    Attributes: `node` and `parent`; `position`, of the parent among those of the node; `value`, what the rule returned.

    >>> x = tensor(3.0, requires_grad=True, name="x")
    >>> first, second = (x * x).stepper().step().contributions
    >>> second.name, second.before, second.value, second.after
    ('x', array(3., dtype=float32), array(3., dtype=float32), array(6., dtype=float32))
    """

    def __init__(self, record: Record, node: Node, position: int, value: Cotangent) -> None:
        self.record = record
        self.node = node
        self.position = position
        self.parent = node.parents[position]
        self.value = arrays(value)
        given = record.given.setdefault(self.parent, [])
        self.count = len(given)
        given.append(self.value)

    @property
    def summed_axes(self) -> tuple[int, ...]:
        """The axes along which broadcasting had stretched the input, and over which `value` is summed."""
        if self.parent.shape is None or self.value.shape == self.parent.shape:
            return ()
        return stretched(self.value.shape, self.parent.shape)

    @property
    def added(self) -> Cotangent:
        """The value as it is added: summed over what broadcasting had stretched, in the parent's dtype."""
        if (self.value.shape, self.value.dtype) == (self.parent.shape, self.parent.dtype):
            return self.value
        return arrays(fitted(self.value, self.parent, self.node))

    @property
    def before(self) -> Cotangent:
        """What the parent had been given before, added up; None if nothing."""
        return self.record.contributed(self.parent, self.count)

    @property
    def after(self) -> Cotangent:
        """What it has been given with this. For the last of several that is what arrives there, up to rounding and to
        what hooks change."""
        return self.record.contributed(self.parent, self.count + 1)

    @property
    def waiting(self) -> int:
        """How many operations the parent still waits for, as far as is known; it is its turn when it waits for none."""
        return self.record.waiting(self.parent, self.node)

    @property
    def rule(self) -> Rule:
        """The part of the rule that is about this input."""
        return rule_of(self.node, self.position)

    @property
    def id(self) -> int:
        """The parent's place in order of creation."""
        return self.record.ids[self.parent]

    @property
    def leaf(self) -> bool:
        """Whether the parent is a leaf, such as a parameter."""
        return self.parent.plan is None

    @property
    def op(self) -> str:
        """The operation that made the parent; "leaf" for a leaf."""
        return self.parent.op

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The parent's shape; None if it has several outputs."""
        return self.parent.shape

    @property
    def name(self) -> str | None:
        """The name of the parent's tensor, or of the parameter that it is."""
        return self.record.graph.nodes[self.id].name

    @cached_property
    def summary(self) -> Summary:
        """The value in a few numbers."""
        return Summary.of(self.value)

    def array(self) -> Array:
        """The value as one array, also if it is that of several outputs."""
        return as_array(self.value)

    def __repr__(self) -> str:
        return contribution_text(self)


class AtNode:
    """What a step of either kind, backward or forward, says of its node."""

    record: Record
    node: Node

    @property
    def id(self) -> int:
        """The node's place in order of creation."""
        return self.record.ids[self.node]

    @property
    def op(self) -> str:
        """The operation."""
        return self.node.op

    @property
    def name(self) -> str | None:
        """The name of the tensor that the operation made, if it was given one."""
        return self.record.graph.nodes[self.id].name

    @property
    def source(self) -> str:
        """The line of the user's program that made the node; in a notebook, cell and line."""
        return self.node.source

    @property
    def module(self) -> str:
        """The dotted path of the module that the operation ran in; "" outside of all."""
        return self.record.graph.nodes[self.id].module

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the operation's result; None if it has several."""
        return self.node.shape

    @property
    def rule(self) -> Rule:
        """The derivative rule of the operation, as text and as LaTeX."""
        return rule_of(self.node)

    @property
    def latex(self) -> str:
        """The rule as LaTeX."""
        return self.rule.latex

    def check(self) -> NodeCheck:
        """Whether the rule of this node is right: compared with finite differences of its operation, by itself.

        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> sin(x).sum().stepper().seek(2).check().ok
        True
        """
        return check_node(self.node)


class Step(AtNode):
    """One step of a backward pass: a cotangent has arrived at a node, and each parent is given its share.

    Attributes: `number`, from 1; `node`, the recorded operation; `cotangent`, the array that arrived (for an operation
    with several outputs a Bundle of one for each, or None); `contributions`, a `Contribution` for each parent that is
    given something; `note`, what was changed by hand. These arrays do not change later. All else is worked out when it
    is asked for. A step keeps its node alive, and through it what was recorded before.

    >>> x = tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> step = (3.0 * x).sum().stepper().step()
    >>> step.op, step.rule.text, step.contributions[0].value
    ('sum', 'x̄ += ȳ, broadcast along the summed axes', array([1., 1.], dtype=float32))
    """

    def __init__(
        self, record: Record, number: int, visit: Visit, changed: tuple[Any, ...] | None = None, note: str = ""
    ) -> None:
        self.record = record
        self.number = number
        self.node = visit.node
        self.cotangent = arrays(visit.cotangent)
        self.changed = changed
        self.note = note
        self.contributions = tuple(
            Contribution(record, visit.node, k, share)
            for k, share in enumerate(visit.contributions)
            if share is not None
        )

    @cached_property
    def summary(self) -> Summary:
        """The cotangent in a few numbers: norm, least, greatest, mean, share of zeros, how many are not finite."""
        return Summary.of(self.cotangent)

    @property
    def values(self) -> dict[str, Any]:
        """What the rule needed and the node saved, by name: inputs, `y` (the result), static parameters, shapes."""
        named = zip(saved_names(self.node), map(evaluated, self.saved))
        return {name: value for name, value in named if name.isidentifier()}  # the others no rule can name

    @property
    def saved(self) -> tuple[Any, ...]:
        """What the node saved. Raises RuntimeError if it has been freed, or written into since."""
        return saved(self.node, False) if self.changed is None else self.changed

    def jacobian(self, k: int = 0, limit: int = JACOBIAN_LIMIT) -> Array:
        """∂y/∂x for the k-th parent x: shape (*y, *x), by asking the rule for each unit cotangent.

        Raises ValueError if that has more than `limit` elements, or if the operation or the parent has several outputs.

        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().stepper().seek(2).jacobian()
        array([[1., 0.],
               [0., 2.]], dtype=float32)
        """
        values = self.saved
        node, parent = self.node, self.node.parents[k]
        if node.shape is None or parent.shape is None:
            raise ValueError(f"jacobian: '{node.op}' works on several outputs at once; there is no single Jacobian")
        y, x = int(np.prod(node.shape)), int(np.prod(parent.shape))
        if x * y > limit:
            raise ValueError(
                f"jacobian: that of '{node.op}' has {y} × {x} elements, more than {limit}; raise the limit to see it"
            )
        assert node.plan is not None
        rows = np.zeros((y, x), parent.dtype)
        with np.errstate(all="ignore"):
            for i in range(y):
                unit = np.zeros(y, node.dtype)
                unit[i] = 1
                share = node.plan.pulls[k](unit.reshape(node.shape), values)
                if share is not None:
                    rows[i] = evaluated(fitted(share, parent, node)).reshape(-1)
        return rows.reshape((*node.shape, *parent.shape))

    def __repr__(self) -> str:
        return step_text(self)

    def _repr_html_(self) -> str:
        return step_html(self)


def arrays(value: Cotangent) -> Cotangent:
    """A cotangent with NumPy's scalars, which arithmetic makes of 0-d arrays, as such arrays."""
    return np.asarray(value) if isinstance(value, np.generic) else value


def saved_names(node: Node) -> tuple[str, ...]:
    """What the rules of a node call the values that it saved."""
    assert node.plan is not None
    primitive: Any = node.plan.primitive
    if isinstance(primitive, Segment):
        return ()
    names = (*primitive.inputs, primitive.result, *primitive.statics, *(f"{name}_shape" for name in primitive.inputs))
    return tuple(names[k] for k in node.plan.kept)
