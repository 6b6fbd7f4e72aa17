"""A table of what a model is made of: shapes, parameters, multiplications, memory and receptive fields."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

import autograd as ag
from autograd import Tensor
from nn import layers
from nn.containers import ParameterDict, ParameterList
from nn.layers.conv import ConvBase
from nn.layers.recurrent import RNNBase, RNNCellBase
from nn.module import Module
from nn.receptive_field import Field, Fields, has_rule, through

Shape = tuple[int, ...]

_LOCAL = (layers.LocallyConnected1d, layers.LocallyConnected2d)
_COUNTED = (ConvBase, layers.Linear, layers.Bilinear, *_LOCAL)

_ARRAYS = (Tensor, np.ndarray)


@dataclass
class Row:
    """One call of a module.

    Attributes: `name`, dotted, as in `named_modules`; `kind`, its class; `depth`, how many modules it was called from;
    `repeated`, whether it was called before; `output_shape`, of its output (a list where there are several);
    `parameters`, its own and those that it uses of submodules that it does not call, without those counted before;
    `multiplications`; `memory`, the bytes of its output; `receptive_field` and `jump`, along each spatial axis. None
    where something does not apply or is not known.
    """

    name: str
    kind: str
    depth: int
    repeated: bool
    output_shape: Shape | list[Shape] | None = None
    parameters: int = 0
    multiplications: int | None = None
    memory: int | None = None
    receptive_field: Shape | None = None
    jump: tuple[Fraction, ...] | None = None


@dataclass
class Summary:
    """What `summary` found; its text is the table.

    Attributes: `rows`, in the order of execution; `trainable` and `frozen`, numbers of parameters; `buffers`, the
    number of elements in them; `unused`, names of modules that were not called, and whose parameters nothing used.
    """

    rows: list[Row] = field(default_factory=list)
    trainable: int = 0
    frozen: int = 0
    buffers: int = 0
    unused: list[str] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        """The number of parameters, each counted once."""
        return self.trainable + self.frozen

    @property
    def multiplications(self) -> int:
        """Those of all layers together."""
        return sum(row.multiplications or 0 for row in self.rows)

    @property
    def memory(self) -> int:
        """The bytes of all layers' outputs."""
        return sum(row.memory or 0 for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        """The first call of the module with this dotted name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"summary: no module '{name}' was called")

    def __str__(self) -> str:
        header = ("layer", "output shape", "parameters", "multiplications", "activations", "receptive field", "jump")
        table = [header, *map(_cells, self.rows, self._labels())]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
            for cells in table
        ]
        rule = "─" * len(lines[0])
        totals = [
            f"parameters       {self.parameters:,} ({self.trainable:,} trainable, {self.frozen:,} frozen)",
            f"buffers          {self.buffers:,}",
            f"multiplications  {self.multiplications:,}",
            f"activations      {_size(self.memory)}",
        ]
        if self.unused:
            totals.append(f"not called       {', '.join(self.unused)}")
        return "\n".join(line.rstrip() for line in (lines[0], rule, *lines[1:], rule, *totals))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table, which a notebook scrolls sideways where it would break the lines of a text."""
        return f'<pre style="white-space: pre; overflow-x: auto">{escape(str(self))}</pre>'

    def _labels(self) -> Iterator[str]:
        """The rows' names, indented, without what the row above them in the tree has too."""
        above = [""]
        for row in self.rows:
            del above[row.depth + 1 :]
            short = row.name.removeprefix(f"{above[-1]}.") if above[-1] else row.name
            above.append(row.name)
            yield "  " * row.depth + (f"{short}: " if short else "")


def summary(model: Module, input_shape: Any, *, batch: int = 1, dtype: npt.DTypeLike | None = None) -> Summary:
    """What `model` does with an input, layer by layer in the order of execution: an object whose text is a table.

    `input_shape` is the shape of one example, such as (C, H, W), of which `batch` zeros of `dtype` (default: that of
    the model's parameters) are made; for a model of several inputs a list of shapes. Or it is the example input itself,
    a tensor or an array, or a list of them. The model runs once, in eval mode, and is left in the modes it was in; no
    gradient is computed.

    Counted are, for the whole batch: parameters, each once even where modules share them, and those of a ParameterList,
    or of a layer that is not called but whose weights are used, with the module that holds it; the multiplications of
    weights and inputs in convolutions (those with padding, too), linear and recurrent layers, and those of attention,
    not those of normalisations, activations and operations of one's own; bytes of the layers' outputs, where these are
    not views of their inputs. The receptive field is how many places of the input one output sees along each spatial
    axis, the jump how far apart those of neighbours are; of branches that come together, the largest, as is true where
    they are centred alike. After a transposed convolution neighbours may see different numbers of places; there it is
    what the formulas give. A dash stands for what cannot be known.

    Raises ValueError for what is neither shape nor tensor, and whatever the model raises.

    >>> import nn
    >>> net = nn.Sequential(nn.Conv2d(3, 256, kernel_size=5), nn.ReLU())
    >>> found = nn.summary(net, (3, 12, 12))
    >>> found["0"].multiplications
    1228800
    >>> print(found)
    layer        output shape    parameters  multiplications  activations  receptive field  jump
    ────────────────────────────────────────────────────────────────────────────────────────────
    Sequential   (1, 256, 8, 8)           0                                              5     1
      0: Conv2d  (1, 256, 8, 8)      19,456        1,228,800     64.0 KiB                5     1
      1: ReLU    (1, 256, 8, 8)           0                0     64.0 KiB                5     1
    ────────────────────────────────────────────────────────────────────────────────────────────
    parameters       19,456 (19,456 trainable, 0 frozen)
    buffers          0
    multiplications  1,228,800
    activations      128.0 KiB
    """
    if dtype is None:
        dtype = next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), ag.get_default_dtype())
    inputs = [
        ag.as_tensor(x).detach() if isinstance(x, _ARRAYS) else ag.zeros((batch, *x), dtype=dtype)
        for x in _inputs(input_shape)
    ]
    for x in inputs:
        if x.dtype.kind == "f":
            x.requires_grad_()
    modes = {module: module.training for module in model.modules()}
    watch = _Watch(model, Fields(inputs))
    handles = [
        handle
        for module in modes
        for handle in (
            module.register_forward_pre_hook(watch.enter, prepend=True, with_kwargs=True),
            module.register_forward_hook(watch.leave, with_kwargs=True),
        )
    ]
    try:
        model.eval()
        with ag.enable_grad():  # the record is what tells how data flows between the layers
            model(*inputs)
    except Exception as error:
        if not all(isinstance(x, _ARRAYS) for x in _inputs(input_shape)):
            error.add_note(f"summary: {input_shape} was taken as the shape of one example, in a batch of {batch}")
        raise
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return watch.finish()


class _Watch:
    """The hooks that fill the rows while the model runs."""

    def __init__(self, model: Module, fields: Fields) -> None:
        self.model = model
        self.fields = fields
        self.names = {module: name for name, module in model.named_modules()}
        self.summary = Summary()
        self.called: set[Module] = set()
        self.counted: set[Tensor] = set()
        self.open: list[Row] = []

    def enter(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        row = Row(self.names.get(module, "?"), "", len(self.open), module in self.called)
        self.called.add(module)
        self.open.append(row)
        self.summary.rows.append(row)

    def leave(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        row = self.open.pop()
        row.kind = type(module).__name__
        row.parameters = self._count(module.parameters(recurse=False))
        given, made = list(_tensors((args, kwargs))), list(_tensors(output))
        shapes = [x.shape for x in made]
        row.output_shape = shapes[0] if len(shapes) == 1 else shapes or None
        if has_rule(module) or isinstance(module, _COUNTED) or not any(True for _ in module.children()):
            row.multiplications = _multiplications(module, given, made)
            row.memory = sum(
                x.nbytes for x in made if not any(np.may_share_memory(x.data, other.data) for other in given)
            )
            if has_rule(module) and given:
                before = self.fields.of(given[0])
                for x in made:
                    self.fields.put(x, through(module, before, given[0].shape, x.shape))
        elif isinstance(module, (layers.MultiheadAttention, layers.LinearCrossEntropyLoss)):
            row.multiplications = _multiplications(module, given, made)
        fields = [self.fields.of(x) for x in made]
        if fields and isinstance(fields[0], Field):
            row.receptive_field, row.jump = fields[0]

    def finish(self) -> Summary:
        result = self.summary
        parameters = list(self.model.parameters())
        result.trainable = sum(p.size for p in parameters if p.requires_grad)
        result.frozen = sum(p.size for p in parameters if not p.requires_grad)
        result.buffers = sum(b.size for b in self.model.buffers())
        for name, module in self.model.named_modules():
            own = list(module.parameters(recurse=False))
            if module in self.called or not own:
                continue
            if isinstance(module, (ParameterList, ParameterDict)) or any(p.node in self.fields.known for p in own):
                self._holder(name).parameters += self._count(own)
            else:
                result.unused.append(name)
        return result

    def _count(self, parameters: Iterable[Tensor]) -> int:
        """The number of elements of those parameters that were not counted before."""
        new = [p for p in parameters if p not in self.counted]
        self.counted.update(new)
        return sum(p.size for p in new)

    def _holder(self, name: str) -> Row:
        """The first call of the innermost module that was called and holds the one with this dotted name."""
        rows = {row.name: row for row in reversed(self.summary.rows)}
        while name not in rows:
            name = name.rpartition(".")[0]
        return rows[name]


def _inputs(given: Any) -> Sequence[Any]:
    """The inputs, as a list of tensors and of shapes of one example."""
    if isinstance(given, _ARRAYS):
        return [given]
    if isinstance(given, (tuple, list)):
        if all(hasattr(length, "__index__") for length in given) and not any(isinstance(x, _ARRAYS) for x in given):
            return [tuple(given)]
        if all(isinstance(x, _ARRAYS) or (isinstance(x, (tuple, list)) and len(_inputs(x)) == 1) for x in given):
            return given
    raise ValueError(f"summary: wants the shape of an example, a tensor or an array, or a list of these, got {given!r}")


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors, and arrays as tensors, in what a module takes or returns."""
    if isinstance(value, _ARRAYS):
        yield ag.as_tensor(value)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _multiplications(module: Module, given: Sequence[Tensor], made: Sequence[Tensor]) -> int | None:
    """How many products of a weight and an input a layer takes; None for one of a kind that is not known."""
    if not given or not made:
        return 0
    if isinstance(module, ConvBase):
        return (given[0] if module.transposed else made[0]).size * math.prod(module.weight.shape[1:])
    if isinstance(module, _LOCAL):
        return made[0].size * module.in_channels * math.prod(module.kernel_size)
    if isinstance(module, layers.Linear):
        return made[0].size * module.in_features
    if isinstance(module, layers.Bilinear):
        return made[0].size * module.in1_features * module.in2_features
    if isinstance(module, layers.LinearCrossEntropyLoss):
        return given[0].size * module.linear.out_features
    if isinstance(module, layers.MultiheadAttention):
        return _attended(module, *given[:3])
    if isinstance(module, (RNNBase, RNNCellBase)):  # each matrix is used once at each step of each sequence
        return given[0].size // module.input_size * sum(p.size for p in module.parameters() if p.ndim == 2)
    ours = any(kind.__module__.startswith("nn.layers.") for kind in type(module).__mro__)
    return 0 if ours or not any(True for _ in module.parameters()) else None


def _attended(module: layers.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor) -> int:
    """Products in the maps of query, key and value, in the scores, and in the weighted sums of values; those in the map
    of the result are its own."""
    pairs = query.size // module.embed_dim * (key.shape[0 if key.ndim == 2 else 1 if module.batch_first else 0])
    return (query.size + key.size + value.size + 2 * pairs) * module.embed_dim


def _cells(row: Row, label: str) -> tuple[str, ...]:
    inside = row.memory is None  # a module of modules, whose own work the rows below it show
    return (
        f"{label}{row.kind}{' (again)' if row.repeated else ''}",
        "-" if row.output_shape is None else str(row.output_shape),
        f"{row.parameters:,}",
        ("" if inside else "-") if row.multiplications is None else f"{row.multiplications:,}",
        "" if row.memory is None else _size(row.memory),
        _along_axes(row.receptive_field),
        _along_axes(row.jump),
    )


def _along_axes(values: Sequence[Any] | None) -> str:
    """One number if it is the same along all axes."""
    if not values:
        return "-"
    return "×".join(map(str, values if len(set(values)) > 1 else values[:1]))


def _size(memory: int) -> str:
    """Bytes in the largest unit of which there is one."""
    power = min(3, (max(memory, 1).bit_length() - 1) // 10)
    return f"{memory / 1024**power:,.1f} {('B', 'KiB', 'MiB', 'GiB')[power]}" if power else f"{memory} B"
