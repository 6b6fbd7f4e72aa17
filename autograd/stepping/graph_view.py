"""What a recorded graph looks like from outside: plain data, that keeps no array, node or module alive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from autograd.graph import Node, ancestors
from autograd.numeric.recorded import is_one_of_several, kept_results, live_tensors, module_names, named_in_modules
from autograd.recompute import Segment
from autograd.scopes import Scope, parameters, scopes
from autograd.stepping.summary import Summary
from autograd.tensor import Tensor

_LONGEST = 60  # characters of a static parameter's text


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module: the dotted `module` path, its class `kind`, the call it was made in, by number or None.

    >>> import nn
    >>> from autograd.stepping import view
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> [(call.module, call.kind, call.caller) for call in view(model(ones((4, 2)))).calls]
    [('', 'Sequential', None), ('0', 'Linear', 0), ('1', 'ReLU', 0)]
    """

    module: str
    kind: str
    caller: int | None


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node: an operation, or a leaf, whose `op` is "leaf".

    `id` is its place in order of creation; `parents` are those of the inputs that require grad, in order. `shape` and
    `dtype` are those of its result (shape None and dtype "" for an operation with several results, each of which has an
    "output" node of its own). `source` is the place in the user's program that made it, "" for a leaf; `module` the
    dotted path of the module that did, "" outside of all; `call` the number of that module's call in the view. `name`
    is the tensor's name or, of a module's `parameter`, its dotted name. `detail` says what else the operation
    was given: static parameters, and inputs that require no grad. `value` is a summary of the result, where asked for
    and known.

    >>> from autograd.stepping import view
    >>> x = tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> leaf, node = view(x * 3.0).nodes
    >>> (leaf.label, leaf.leaf), (node.label, node.shape, node.parents, node.detail)
    (('x', True), ('multiply #1', (2,), (0,), '(·, 3)'))
    """

    id: int
    op: str
    name: str | None
    shape: tuple[int, ...] | None
    dtype: str
    source: str
    module: str
    parents: tuple[int, ...]
    leaf: bool
    value: Summary | None = None
    parameter: bool = False
    detail: str = ""
    call: int | None = None

    @property
    def label(self) -> str:
        """What the node is called: its name, or its operation and its number in the graph."""
        return self.name or f"{self.op} #{self.id}"


@dataclass(frozen=True, slots=True, repr=False)
class GraphView:
    """A recorded graph as plain data: `nodes` by id, the `calls` of modules, and the ids of the `outputs`.

    >>> from autograd.stepping import GraphView, view
    >>> x = tensor(2.0, requires_grad=True)
    >>> graph = view(x * sin(x))
    >>> [node.op for node in graph.nodes], graph.outputs
    (['leaf', 'sin', 'multiply'], (2,))
    >>> GraphView.from_json(graph.to_json()) == graph
    True
    """

    nodes: tuple[GraphNode, ...]
    calls: tuple[Call, ...]
    outputs: tuple[int, ...]

    def __repr__(self) -> str:
        return f"<graph of {len(self.nodes)} nodes>"

    def to_json(self) -> dict[str, Any]:
        """The same as dicts, lists, strings and numbers."""
        nodes = [
            {field: getattr(node, field) for field in GraphNode.__slots__}
            | {
                "shape": None if node.shape is None else list(node.shape),
                "parents": list(node.parents),
                "value": None if node.value is None else node.value.to_json(),
            }
            for node in self.nodes
        ]
        return {"nodes": nodes, "calls": [asdict(call) for call in self.calls], "outputs": list(self.outputs)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GraphView:
        """The view that `to_json` gave `data` of."""
        nodes = [
            GraphNode(
                **{
                    **node,
                    "shape": None if node["shape"] is None else tuple(node["shape"]),
                    "parents": tuple(node["parents"]),
                    "value": None if node["value"] is None else Summary.from_json(node["value"]),
                }
            )
            for node in data["nodes"]
        ]
        for place, node in enumerate(nodes):
            unknown = [parent for parent in node.parents if not 0 <= parent < len(nodes)]
            if node.id != place or unknown:
                raise ValueError(f"node {node.id} at place {place} of {len(nodes)}, with parents {node.parents}")
        return cls(tuple(nodes), tuple(Call(**call) for call in data["calls"]), tuple(data["outputs"]))


def named(t: Tensor, name: str) -> Tensor:
    """Call the tensor `name` in drawings, steps and messages, and return it. As `t.name = name`, in an expression.

    Raises TypeError if `t` is not a tensor or `name` not a string.

    >>> x = named(tensor(2.0, requires_grad=True), "x")
    >>> h = named(sin(x), "h1")
    >>> h.name
    'h1'
    """
    if not isinstance(t, Tensor):
        raise TypeError(f"named: wants a Tensor, got {type(t).__name__}")
    if not isinstance(name, str):
        raise TypeError(f"named: a name is a string, got {type(name).__name__}")
    t.name = name
    return t


def view(outputs: Tensor | Sequence[Tensor], values: bool = False, op: str = "view") -> GraphView:
    """The graph behind one or more tensors, as it was recorded.

    With `values`, the results are summarised that somebody holds or a rule has kept. `op` is how errors call the
    function. Raises ValueError for a tensor that requires no grad, RuntimeError if a backward pass has freed the graph.

    >>> from autograd.stepping import view
    >>> x = tensor(2.0, requires_grad=True, name="x")
    >>> [(node.id, node.op, node.name, node.parents) for node in view(x * sin(x)).nodes]
    [(0, 'leaf', 'x', ()), (1, 'sin', None, (0,)), (2, 'multiply', None, (0, 1))]
    """
    roots = roots_of(outputs, op)
    order = ancestors(roots)
    for node in order:
        if node.values is None:
            raise RuntimeError(
                f"{op}: the graph behind '{node.op}' was already used and freed by a backward pass; look at it before, "
                f"or call backward(retain_graph=True); node made at {node.source}"
            )
    ids = {node: i for i, node in enumerate(order)}
    made_in = scopes(order)
    numbers, calls = _calls(made_in)
    trained = _parameter_names(order, {scope: calls[i].module for scope, i in numbers.items()})
    summaries = _summaries(order) if values else {}
    nodes = []
    for node in order:
        leaf = node.plan is None
        call = numbers[made_in[node]] if node in made_in else None
        parameter = node in trained
        nodes.append(
            GraphNode(
                id=ids[node],
                op=node.op,
                name=trained[node] if parameter else getattr(node, "name", None),
                shape=node.shape,
                dtype="" if node.dtype is None else str(node.dtype),
                source="" if node.code is None else node.source,
                module="" if call is None else calls[call].module,
                parents=tuple(ids[parent] for parent in node.parents),
                leaf=leaf,
                value=summaries.get(node),
                parameter=parameter,
                detail="" if leaf else _detail(node),
                call=call,
            )
        )
    return GraphView(tuple(nodes), tuple(calls), tuple(ids[root] for root in roots))


def roots_of(outputs: Tensor | Sequence[Tensor], op: str) -> list[Node]:
    """The nodes of tensors. Raises TypeError for what is none, ValueError for one that requires no grad."""
    roots = []
    for t in outputs if isinstance(outputs, Iterable) and not isinstance(outputs, Tensor) else [outputs]:
        if not isinstance(t, Tensor):
            raise TypeError(f"{op}: wants a Tensor, or a sequence of Tensors, got {type(t).__name__}")
        if t.node is None:
            raise ValueError(f"{op}: the tensor of shape {t.shape} does not require grad, so nothing was recorded")
        roots.append(t.node)
    if not roots:
        raise ValueError(f"{op}: wants at least one Tensor")
    return roots


def _calls(made_in: Mapping[Node, Scope]) -> tuple[dict[Scope, int], list[Call]]:
    """The calls that nodes were made in, and those around them, in order; and the number of each."""
    known = sorted({scope for inner in made_in.values() for scope in inner.chain}, key=lambda scope: scope.start)
    paths = _paths(known)
    numbers = {scope: i for i, scope in enumerate(known)}
    calls = [Call(paths[s], s.kind.__name__, None if s.caller is None else numbers[s.caller]) for s in known]
    return numbers, calls


def _paths(known: Iterable[Scope]) -> dict[Scope, str]:
    """The dotted paths of the modules called; callers come before what they call.

    An outermost module has the longest dotted name that a living module gives it, "" if it is part of none. One that
    its caller does not hold goes by the name of its class.
    """
    known = list(known)
    outermost = {id(module) for scope in known if scope.caller is None and (module := scope.module()) is not None}
    longest = _longest_names(outermost) if outermost else {}
    paths: dict[Scope, str] = {}
    for scope in known:
        caller = scope.caller
        if caller is None:
            paths[scope] = longest.get(id(scope.module()), "")
        else:
            name = scope.plate.name_in(caller.plate)
            parts = (paths[caller], scope.kind.__name__ if name is None else name)
            paths[scope] = ".".join(part for part in parts if part)
    return paths


def _parameter_names(order: Sequence[Node], paths: Mapping[Scope, str]) -> dict[Node, str]:
    """The dotted names of parameters: those in living modules, or in ones that were called."""
    leaves = [node for node in order if node.plan is None]
    living = module_names() if leaves else {}
    of_plates = {scope.plate: path for scope, path in reversed(list(paths.items()))}
    names = {}
    for node in leaves:
        if node in living:
            names[node] = living[node]
        elif node in parameters:
            plate, name = parameters[node]
            path = of_plates.get(plate)
            names[node] = f"{path}.{name}" if path else name
    return names


def _longest_names(wanted: set[int]) -> dict[int, str]:
    """The longest dotted names that living modules have for those with the ids `wanted`."""
    names: dict[int, str] = {}
    for name, part in named_in_modules("named_modules"):
        if id(part) in wanted and len(name) > len(names.get(id(part), "")):
            names[id(part)] = name
    return names


def _summaries(order: Sequence[Node]) -> dict[Node, Summary]:
    results: dict[Node, Any] = {node: _number_kept(node) for node in order}
    results |= kept_results(order)
    results |= {node: t.array for node, t in live_tensors(set(order)).items()}
    return {node: Summary.of(y) for node, y in results.items() if isinstance(y, (np.ndarray, np.generic))}


def _number_kept(node: Node) -> Any:
    """The result that a node keeps for its own rule, if it is a number, which NumPy gives for arrays of shape ()."""
    plan = node.plan
    if plan is None or not plan.kept or node.shape != ():
        return None
    return dict(zip(plan.kept, node.values or ())).get(len(plan.primitive.inputs))


def _detail(node: Node) -> str:
    """The inputs of an operation that require no grad, as `(·, 3)`, and its static parameters, as `axis=1`."""
    plan: Any = node.plan
    primitive = plan.primitive
    if isinstance(plan, Segment):
        return f"of {getattr(plan.f, '__name__', type(plan.f).__name__)}"
    kept = dict(zip(plan.kept, node.values or ()))
    if is_one_of_several(node):
        return f"{kept[2]} of {kept[3]}"
    parts = []
    inputs = kept.get(0, ()) if primitive.variadic else [kept.get(i) for i in range(len(primitive.inputs))]
    if len(plan.active) < len(inputs):
        given = ["·" if i in plan.active else _constant(value) for i, value in enumerate(inputs)]
        parts.append(f"({', '.join(given)})")
    first = len(primitive.inputs) + 1
    for i, name in enumerate(primitive.statics):
        value = kept[first + i]
        if isinstance(value, str):
            parts.append(value)
        elif name.isidentifier() and name != "shape" and value is not None and value is not False:
            parts.append(f"{name}={_static(value)}")
    return " ".join(parts)


def _constant(value: Any) -> str:
    """An input that requires no grad; None if the operation did not keep it."""
    shape = getattr(value, "shape", None)
    if value is None:
        return "constant"
    if shape:
        return f"constant {shape_text(shape)}"
    return _static(value)


def _static(value: Any) -> str:
    """The value of a static parameter, briefly."""
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop, value.step)]
        text = ":".join(ends[: 3 if ends[2] else 2])
    elif isinstance(value, (tuple, list)):
        parts = [_static(part) for part in value]
        text = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
    elif value is Ellipsis:
        text = "..."
    elif isinstance(value, np.ndarray) and value.shape:
        text = f"array {shape_text(value.shape)}"
    elif isinstance(value, (float, np.floating, np.ndarray)):
        text = f"{float(value):.4g}" if np.asarray(value).dtype.kind in "biuf" else str(value)
    else:
        text = " ".join(str(getattr(value, "__name__", value)).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as drawings show it: 64×3×7×7; nothing for a number.

    >>> from autograd.stepping.graph_view import shape_text
    >>> shape_text((64, 3, 7, 7))
    '64×3×7×7'
    """
    return "×".join(map(str, shape))
