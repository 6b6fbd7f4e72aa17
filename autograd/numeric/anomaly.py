"""`detect_anomaly`: an error where a value first stops being finite, instead of a NaN somewhere later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from sys import _getframe as getframe
from types import FrameType, TracebackType
from typing import Any, Literal, NamedTuple, NoReturn
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

from autograd.dtypes import Array
from autograd.graph import Bundle, Cotangent, Node, Visit, ancestors, forward_sweep, reverse_sweep
from autograd.kernels.deferred import evaluated
from autograd.numeric.causes import Index, cause_of_derivative, cause_of_result
from autograd.numeric.recorded import live_tensors
from autograd.numeric.replay import known_results
from autograd.source import in_library, place
from autograd.tensor import Tensor, held
from autograd.watching import Observer, Operation, watched

__all__ = ["AnomalyError", "detect_anomaly"]

Phase = Literal["forward pass", "backward pass", "forward sweep"]
_SWEEPS = (reverse_sweep.__code__, forward_sweep.__code__)


class AnomalyError(FloatingPointError):
    """A value that is not finite, where it was born.

    Attributes: `phase`, "forward pass", "backward pass" or "forward sweep"; `op`, the operation; `node`, its node (None
    if it was not recorded); `source`, the user's line that called it; `shape`, of the array with the bad elements;
    `count`, how many these are, and `index`, that of the first; `cause`, in words; `module`, the one that it happened
    in, if known.

    >>> from autograd.numeric import AnomalyError
    >>> x = tensor([4.0, -1.0], requires_grad=True)
    >>> try:
    ...     with detect_anomaly():
    ...         y = sqrt(x)
    ... except AnomalyError as error:
    ...     print(error.phase, error.op, error.index, error.count, sep=", ")
    forward pass, sqrt, (1,), 1
    """

    phase: Phase
    op: str
    node: Node | None
    source: str
    shape: tuple[int, ...]
    count: int
    index: Index
    cause: str
    module: str | None

    @classmethod
    def of(
        cls,
        phase: Phase,
        said: str,
        op: str,
        array: Array,
        where: Array,
        cause: str,
        details: Sequence[str],
        node: Node | None,
        source: str,
        module: str | None,
        index: Index | None = None,
    ) -> AnomalyError:
        """The error for the elements `where` of an array, of which the operation is `said` to have done something."""
        count, nan = int(where.sum()), int(np.isnan(array[where]).sum())
        what = "NaN" if nan == count else "infinity" if nan == 0 else "NaN and infinity"
        index = _first(where) if index is None else index
        head = f"{phase}: {said} {what} in {count} of {array.size} elements, the first at {list(index)}: {cause}"
        error = cls("\n  ".join([head, *details, *([f"in module {module}"] if module else [])]))
        error.phase, error.op, error.node, error.source, error.module = phase, op, node, source, module
        error.shape, error.count, error.index, error.cause = array.shape, count, index, cause
        return error


class detect_anomaly:  # noqa: N801
    """In this context, a value that is not finite raises `AnomalyError`, a FloatingPointError, where it is born.

    That is the operation of the forward pass whose inputs were finite and whose result is not (also under `no_grad`,
    where writes in place are not seen), or the node of a backward pass, first or higher order, whose cotangent was
    finite and whose contribution is not. The message says which operation, the line that called it, shapes, how many
    elements, the first one's index, the cause ("log of a negative number", "the cotangent was 0 and the local
    derivative inf"), and the names of parameters and modules where known. A backward pass that starts from a tensor
    that is not finite raises, whenever it was computed.

    Infinities that are put in on purpose may pass through: those of arrays and numbers that do not require grad (a mask
    of -inf, say), until they make a NaN. One in a leaf that requires grad may not. With `infinite=False` only NaN is an
    anomaly.

    The error's traceback has no frames of the library: a debugger lands on the user's line that called the operation,
    or `backward`. The context holds for the thread (or asyncio task) that opened it; blocks may be nested. Inside,
    NumPy's own floating-point warnings are off, and every result is looked at: a convolutional network takes two to
    four times as long, operations on four elements five times. Outside, it costs nothing.

    >>> x = tensor([4.0, -1.0], requires_grad=True, name="x")
    >>> with detect_anomaly():
    ...     y = log(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    autograd.numeric.anomaly.AnomalyError: forward pass: 'log' gave NaN in 1 of 2 elements, the first at [1]: log of a
    negative number (-1)
    ...
    """

    def __init__(self, *, infinite: bool = True) -> None:
        self.infinite = infinite
        self.open: list[ExitStack] = []

    def __enter__(self) -> None:
        block = ExitStack()
        block.enter_context(np.errstate(all="ignore"))  # this is the better warning
        block.enter_context(watched(_Detector(self.infinite)))
        self.open.append(block)

    def __exit__(self, kind: Any, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.open.pop().close()
        if isinstance(error, AnomalyError):
            error.__traceback__ = _of_the_user(traceback)


def _of_the_user(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of the library, and without the same frame twice in a row."""
    entries: list[TracebackType] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if not in_library[frame.f_code.co_filename] and not (entries and entries[-1].tb_frame is frame):
            entries.append(traceback)
        traceback = traceback.tb_next
    stripped = None
    for entry in reversed(entries):
        stripped = TracebackType(stripped, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return stripped


class _Place(NamedTuple):
    """The user's frame that something happened in, and the modules whose `forward` it happened in, from the outside."""

    frame: FrameType
    modules: tuple[Any, ...]

    @property
    def source(self) -> str:
        return place(self.frame.f_code, self.frame.f_lasti)

    def fail(self, error: AnomalyError) -> NoReturn:
        """Raise with the user's frame as the innermost of the traceback."""
        line = self.frame.f_lineno or self.frame.f_code.co_firstlineno
        raise error.with_traceback(TracebackType(None, self.frame, self.frame.f_lasti, line))

    def name_of(self, array: Any, node: Node | None) -> str | None:
        """What the user's variable is called that holds a node's tensor or, without a node, an array."""
        for name, value in self.frame.f_locals.items():
            if value is None:
                continue
            if isinstance(value, Tensor) and (value.node is node if node is not None else held(value) is array):
                return name
            if value is array:
                return name
        return None


def _here() -> _Place:
    """Where the user called what is running."""
    frame: FrameType = getframe(1)
    modules = _modules(frame)
    while in_library[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    return _Place(frame, modules)


def _in_a_rule() -> bool:
    """Whether what is running was called by a rule: before the user's frame comes that of a sweep."""
    frame: FrameType | None = getframe(1)
    while frame is not None and in_library[frame.f_code.co_filename]:
        if frame.f_code in _SWEEPS:
            return True
        frame = frame.f_back
    return False


def _modules(frame: FrameType | None) -> tuple[Any, ...]:
    """The modules whose `forward` runs, the outermost first."""
    found = []
    while frame is not None:
        if frame.f_code.co_name == "forward":
            module = frame.f_locals.get("self")
            if hasattr(module, "named_modules"):
                found.append(module)
        frame = frame.f_back
    return tuple(reversed(found))


def _module_name(modules: Sequence[Any]) -> str | None:
    """The innermost module by its dotted name in the outermost, and its class."""
    if not modules:
        return None
    root, inner = modules[0], modules[-1]
    dotted = next((name for name, module in root.named_modules() if module is inner), "")
    return f"{type(root).__name__}.{dotted} ({type(inner).__name__})" if dotted else type(inner).__name__


class _Detector(Observer):
    """Looks at every result and every contribution.

    `passed` are the nodes whose results are infinite on purpose; `modules`, the modules that nodes were made in;
    `outputs`, the nodes that the latest pass started from.
    """

    def __init__(self, infinite: bool) -> None:
        self.infinite = infinite
        self.passed: WeakSet[Node] = WeakSet()
        self.modules: WeakKeyDictionary[Node, tuple[Any, ...]] = WeakKeyDictionary()
        self.outputs: tuple[Node | None, ...] = ()

    def bad(self, array: Array) -> Array | None:
        """Where an array has elements that must not be there; None if nowhere."""
        if array.dtype.kind not in "fc":
            return None
        where: Array = ~np.isfinite(array) if self.infinite else np.isnan(array)
        return where if where.any() else None

    def computed(self, operation: Operation) -> None:
        if operation.node is not None:
            modules = _modules(getframe(1))
            if modules:
                self.modules[operation.node] = modules
        parts = operation.y if isinstance(operation.y, tuple) else (operation.y,)
        for part in map(np.asarray, parts):
            where = self.bad(part)
            if where is not None and not _in_a_rule():  # a sweep will look at what the rule returns
                self.judge(operation, part, where)

    def judge(self, operation: Operation, y: Array, where: Array) -> None:
        """Raise for a result with bad elements, unless all are infinities that come from outside."""
        pointwise = getattr(operation.primitive, "kind", None) == "elementwise"
        floating = [(i, np.asarray(x)) for i, x in enumerate(operation.inputs) if x is not None]
        floating = [(i, x) for i, x in floating if x.dtype.kind in "fc"]
        finite = np.ones(y.shape, bool)  # where all inputs of an elementwise operation are
        for _, x in floating if pointwise else ():
            finite &= np.isfinite(np.broadcast_to(x, y.shape))
        new = where & (np.isnan(y) | finite)
        index = _first(new if new.any() else where)
        nan = bool(np.isnan(y[index]))
        faulty = np.isnan if nan else np.isinf
        before = [i for i, x in floating if faulty(np.broadcast_to(x, y.shape)[index] if pointwise else x).any()]
        here = _here()
        for i in before:
            cause = self.origin(operation, i, "NaN" if nan else "infinite", here)
            if cause is not None:
                here.fail(self.error_of(operation, here, y, where, index, cause))
        if not nan and (before or any(map(_has_infinity, operation.static))):
            if operation.node is not None:
                self.passed.add(operation.node)
            return
        cause = cause_of_result(operation.primitive, operation.inputs, y, index)
        here.fail(self.error_of(operation, here, y, new if new.any() else where, index, cause))

    def origin(self, operation: Operation, i: int, what: str, here: _Place) -> str | None:
        """What to say of an input that is bad already; None if it is an infinity that may pass."""
        parent = _parent(operation.node, i)
        if what == "infinite" and (parent is None or parent in self.passed):
            return None
        if parent is None:
            name = here.name_of(operation.inputs[i], None)
            said = f"the constant {f'{name!r}' if name else _input_name(operation.primitive, i)}"
        elif parent.plan is None:
            said = f"leaf {self.leaf(parent, here, here.modules)}"
        else:
            said = f"the result of '{parent.op}', made at {parent.source}"
        return f"an input was already {what}: {said}"

    def error_of(
        self, operation: Operation, here: _Place, y: Array, where: Array, index: Index, cause: str
    ) -> AnomalyError:
        op = operation.primitive.name
        inputs = [
            f"{_input_name(operation.primitive, i)} {np.shape(x)} {np.asarray(x).dtype}"
            for i, x in enumerate(operation.inputs)
            if x is not None
        ]
        details = [f"at {here.source}", "; ".join([f"result {y.shape} {y.dtype}", *inputs])]
        module = _module_name(here.modules)
        said = f"'{op}' gave"
        return AnomalyError.of(
            "forward pass", said, op, y, where, cause, details, operation.node, here.source, module, index
        )

    def started(self, outputs: Sequence[Tensor]) -> None:
        self.outputs = tuple(t.node for t in outputs)
        for t in outputs:
            node, where = t.node, self.bad(t.array)
            if node is None or where is None or (node in self.passed and not np.isnan(t.array).any()):
                continue
            here = _here()
            born = _birth(node, np.isnan if np.isnan(t.array).any() else np.isinf)
            cause = "the tensor that the pass starts from is not finite"
            if born is not None and born is not node:
                first = f"leaf {self.leaf(born, here, ())}" if born.plan is None else f"the result of '{born.op}'"
                made = "" if born.plan is None else f", made at {born.source}"
                cause += f"; the first that is not, of all that it depends on, is {first}{made}"
            details = [f"made at {node.source}", f"backward called at {here.source}", f"shape {t.shape} {t.dtype}"]
            self.fail("backward pass", f"'{node.op}' had given", node, t.array, where, cause, details, here)

    def fail(
        self,
        phase: Phase,
        said: str,
        node: Node,
        array: Array,
        where: Array,
        cause: str,
        details: Sequence[str],
        here: _Place | None = None,
    ) -> NoReturn:
        module = _module_name(self.modules.get(node, ()))
        error = AnomalyError.of(phase, said, node.op, array, where, cause, details, node, node.source, module)
        (here or _here()).fail(error)

    def visited(self, visit: Visit) -> None:
        node, cotangent = visit.node, visit.cotangent
        self.arrived(node, cotangent)
        for position, share in enumerate(visit.contributions):
            for array in _arrays(share):
                where = self.bad(array)
                if where is not None:
                    self.fail_derivative(node, position, cotangent, array, where)

    def fail_derivative(self, node: Node, position: int, cotangent: Cotangent, share: Array, where: Array) -> NoReturn:
        plan, parent = node.plan, node.parents[position]
        assert plan is not None
        raw = cotangent.array if isinstance(cotangent, Tensor) else cotangent
        cause = cause_of_derivative(node, position, raw, _first(where), share)
        by = _input_name(plan.primitive, plan.active[position]) if position < len(plan.active) else "an outer tensor"
        if parent.plan is None:
            by += f" (leaf {self.leaf(parent, _here(), self.modules.get(node, ()))})"
        shapes = [f"derivative {share.shape} {share.dtype}", f"input {parent.shape} {parent.dtype}"]
        if not isinstance(raw, Bundle):
            shapes.insert(0, f"cotangent {raw.shape} {raw.dtype}")
        details = [f"node made at {node.source}", "; ".join(shapes)]
        said = f"the derivative of '{node.op}' by its input {by} gave"
        self.fail("backward pass", said, node, share, where, cause, details)

    def arrived(self, node: Node, cotangent: Cotangent) -> None:
        """Raise for a complete cotangent that is not finite, though all contributions to it were."""
        for array in _arrays(cotangent):
            where = self.bad(array)
            if where is None:
                continue
            if node.hooks:
                cause = "a hook made it so, or adding up the contributions overflowed"
            elif node in self.outputs:
                cause = "the gradient that the pass started from is not finite"
            else:
                cause = f"adding up finite contributions overflowed {array.dtype}"
            what = f"leaf {self.leaf(node, _here(), ())}" if node.plan is None else f"'{node.op}'"
            details = [] if node.plan is None else [f"node made at {node.source}"]
            details.append(f"cotangent {array.shape} {array.dtype}")
            self.fail("backward pass", f"{what} was reached by a cotangent with", node, array, where, cause, details)

    def finished(self, found: Mapping[Node, Cotangent]) -> None:
        for node, cotangent in found.items():
            self.arrived(node, cotangent)

    def pushed(self, node: Node, tangents: Sequence[Any], tangent: Any) -> None:
        for array in _arrays(tangent):
            where = self.bad(array)
            if where is None:
                continue
            given = [a for t in tangents for a in _arrays(t)]
            cause = "its inputs' tangents are finite, and its local derivative or their product is not"
            if any(self.bad(a) is not None for a in given):
                cause = "a tangent that forward mode started from is not finite"
            details = [f"node made at {node.source}", f"tangent {array.shape} {array.dtype}"]
            self.fail("forward sweep", f"'{node.op}' has a tangent with", node, array, where, cause, details)

    def leaf(self, leaf: Node, here: _Place, modules: Sequence[Any]) -> str:
        """A leaf by its name, by that of the parameter that it is, or by that of the user's variable."""
        parameters = modules[0].named_parameters() if modules else ()
        dotted = next((name for name, parameter in parameters if parameter.node is leaf), None)
        if dotted is not None:
            return f"{dotted!r}, a parameter of shape {leaf.shape}"
        name = leaf.name or here.name_of(None, leaf)
        return (f"{name!r} " if name else "") + f"of shape {leaf.shape}"


def _birth(node: Node, bad: Callable[[Array], Array]) -> Node | None:
    """The first node that the result of `node` depends on of whose result it is known that it has bad elements."""
    order = ancestors([node])
    if any(n.plan is not None and n.values is None for n in order):
        return None
    alive = {n: t.array for n, t in live_tensors(set(order)).items() if isinstance(t.array, np.ndarray)}
    return next((n for n, array in known_results(order, alive) if bad(array).any()), None)


def _first(where: Array) -> Index:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(where)), where.shape))


def _arrays(value: Any) -> Iterator[Array]:
    """The arrays of a cotangent or a tangent."""
    if isinstance(value, Bundle):
        for part in value:
            yield from _arrays(part)
    elif value is not None:
        yield np.asarray(value.array if isinstance(value, Tensor) else evaluated(value))


def _has_infinity(static: Any) -> bool:
    if isinstance(static, (tuple, list)):
        return any(map(_has_infinity, static))
    return isinstance(static, (float, np.floating, np.ndarray)) and bool(np.any(abs(np.asarray(static)) == np.inf))


def _parent(node: Node | None, i: int) -> Node | None:
    """The node of an operation's input, if that is one to differentiate by."""
    if node is None or node.plan is None:
        return None
    return dict(zip(node.plan.active, node.parents)).get(i)


def _input_name(primitive: Any, i: int) -> str:
    names: tuple[str, ...] = getattr(primitive, "inputs", ())
    if getattr(primitive, "variadic", False):
        return f"{names[0]}[{i}]"
    return names[i] if i < len(names) else f"input {i}"
