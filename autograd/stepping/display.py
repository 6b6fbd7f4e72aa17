"""What a notebook shows of tensors, modules and steps: HTML with inline styles, readable on light and on dark ground.

It is made of numbers alone, so that showing something keeps nothing of it in memory.
"""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import Array
from autograd.stepping.formula import mathml
from autograd.stepping.summary import Summary, summary_of
from autograd.stepping.wording import axes_text
from autograd.tensor import Tensor

if TYPE_CHECKING:
    from autograd.stepping.forward import ForwardStep
    from autograd.stepping.forward_trace import ForwardTraceStep
    from autograd.stepping.step import Step
    from autograd.stepping.trace import TraceStep

__all__ = ["array_html", "forward_step_html", "module_html", "number", "step_html", "tensor_html"]

SHOWN = 256  # elements up to which an array is shown in full
_WARM, _COLD, _ODD = (214, 96, 52), (44, 123, 200), (200, 0, 200)  # positive, negative, not finite
_OPACITY = 0.7  # of the largest element; the ground shows through the others
_PIXELS = 144  # of a thumbnail's longer side

_CELL = "padding:1px 6px;text-align:right;border:1px solid rgba(128,128,128,.35)"
_QUIET = "opacity:.75"
_SIDE_BY_SIDE = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:4px 16px"


def tensor_html(tensor: Tensor) -> str:
    """A tensor's name, shape, dtype and what made it, above its numbers: all of them, or statistics and a thumbnail."""
    parts = [f"<b>{escape(tensor.name)}</b>"] if tensor.name else []
    parts += [str(tensor.shape), str(tensor.dtype)]
    if tensor.grad_fn is not None:
        parts.append(f"grad_fn={escape(tensor.grad_fn.op)}")
    elif tensor.requires_grad:
        parts.append("requires_grad")
    if tensor.is_leaf and tensor.grad is not None:
        parts.append(f"gradient of norm {number(Summary.of(tensor.grad, 0).norm)}")
    head = f'<div style="{_QUIET}">tensor {" · ".join(parts)}</div>'
    return f"<div>{head}{array_html(Summary.of(tensor, SHOWN))}</div>"


def array_html(summary: Summary) -> str:
    """An array as a grid of its numbers, warm where positive, cold where negative; a large one as its statistics."""
    array = summary.array()
    if array is None:
        return _large(summary)
    if not array.size:
        return "<div>empty</div>"
    if array.ndim == 0:
        return f"<div><b>{number(array.item())}</b></div>"
    scale = _scale(array)
    tables = []
    for index in np.ndindex(array.shape[:-2]):
        caption = f'<caption style="{_QUIET};text-align:left">{list(index)}</caption>' if index else ""
        lines = np.atleast_2d(array[index]).tolist()
        rows = "".join(f"<tr>{''.join(_cell(x, scale) for x in line)}</tr>" for line in lines)
        tables.append(f'<table style="border-collapse:collapse;margin:2px 0">{caption}<tbody>{rows}</tbody></table>')
    return f'<div style="{_SIDE_BY_SIDE};overflow:auto">{"".join(tables)}</div>'


def step_html(step: Step | TraceStep) -> str:
    """A step: its rule as a formula, the cotangent that arrived, and for each parent what it had, is given, and has."""
    parts = [
        _head(step),
        f'<div style="font-size:1.15em;margin:6px 0">{mathml(step.latex)}</div>',
        _captioned("cotangent", step.summary),
    ]
    for share in step.contributions:
        axes = f", summed over {axes_text(share.summed_axes)}" if share.summed_axes else ""
        waiting = f"waits for {share.waiting} more" if share.waiting else "complete"
        shown = {"had": share.before, "is given": share.summary, "has now": share.after}
        if share.before is None and not share.summed_axes:
            del shown["has now"]
        parts.append(_arrays(f"to <b>{escape(share.name or share.op)}</b>{axes}, {waiting}", shown))
    return f"<div>{''.join(parts)}</div>"


def forward_step_html(step: ForwardStep | ForwardTraceStep) -> str:
    """A step of a forward pass: what went into the operation and what came out, with the tangents if there are any."""
    parts = [_head(step)]
    for label, shown in [*((f"from <b>{escape(given.label)}</b>", given) for given in step.given), ("gives", step)]:
        unknown = "" if shown.value is not None else ", not known any more"
        parts.append(_arrays(label + unknown, {"value": shown.value, "tangent": shown.tangent}))
    return f"<div>{''.join(parts)}</div>"


def module_html(module: Any) -> str:
    """A module as a tree that folds and unfolds, with what each part is and how many parameters are in it."""
    return f'<div style="line-height:1.5">{_branch("", module, opened=True)}</div>'


def number(x: Any) -> str:
    """A number in four digits, as short as can be.

    >>> from autograd.stepping.display import number
    >>> number(0.30000000000000004), number(2.0), number(-1.5e-7), number(None)
    ('0.3', '2', '-1.5e-7', '')
    """
    if x is None:
        return ""
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{x:.4g}") if isinstance(x, (float, complex)) else str(x)


def _head(step: Any) -> str:
    """What a step of either kind is, and where it was made."""
    name = f" {escape(step.name)}" if step.name else ""
    place = [step.source, f"in {step.module}" if step.module else "", step.note]
    lines = (f'<div style="{_QUIET}">{escape(line)}</div>' for line in place if line)
    return f"<div><b>{step.number}. {escape(step.op)}</b>{name}</div>{''.join(lines)}"


def _arrays(label: str, shown: dict[str, Any]) -> str:
    """Those of some arrays, or summaries, that are known, side by side."""
    arrays = (_captioned(caption, s) for caption, value in shown.items() if (s := summary_of(value)) is not None)
    return f'<div style="margin-top:6px">{label}</div><div style="{_SIDE_BY_SIDE}">{"".join(arrays)}</div>'


def _branch(name: str, module: Any, opened: bool) -> str:
    children = list(module.named_children())
    count = sum(parameter.size for parameter in module.parameters())
    extra = "" if children else escape(module.extra_repr())
    label = f"({escape(name)}) " if name else ""
    size = f' <span style="{_QUIET}">{count:,} parameters</span>' if count else ""
    head = f"{label}<b>{escape(type(module).__name__)}</b>{f'({extra})' if extra else ''}{size}"
    if not children:
        return f'<div style="padding-left:1.1em">{head}</div>'
    inside = "".join(_branch(child, part, opened=False) for child, part in children)
    opening = "<details open>" if opened else "<details>"
    return f'{opening}<summary>{head}</summary><div style="padding-left:1.4em">{inside}</div></details>'


def _captioned(caption: str, summary: Summary) -> str:
    return f'<div><div style="{_QUIET}">{caption}</div>{array_html(summary)}</div>'


def _large(summary: Summary) -> str:
    facts = {"range": f"{number(summary.min)} … {number(summary.max)}", "mean": number(summary.mean)}
    facts |= {"norm": number(summary.norm), "zeros": f"{summary.zeros:.1%}"}
    if summary.non_finite:
        facts["not finite"] = f"{summary.non_finite:,}"
    rows = "".join(
        f'<tr><td style="text-align:left;{_QUIET}">{name}</td><td style="text-align:left">{value}</td></tr>'
        for name, value in facts.items()
    )
    table = f"<table><tbody>{rows}</tbody></table>"
    return f'<div style="{_SIDE_BY_SIDE}">{_thumbnail(summary)}{table}</div>'


def _thumbnail(summary: Summary) -> str:
    if not summary.thumbnail:
        return ""
    means = np.array(summary.thumbnail, np.float64)
    scale = _scale(means)
    height, width = means.shape
    colors = [_color(x, scale) for x in means.ravel().tolist()]
    pixels = np.array([(*color, round(255 * opacity)) for color, opacity in colors], np.uint8)
    zoom = _PIXELS / max(height, width)
    source = base64.b64encode(_png(pixels.reshape(height, width, 4))).decode()
    size = f"width:{max(12, round(zoom * width))}px;height:{max(12, round(zoom * height))}px"
    style = f"{size};image-rendering:pixelated;border:1px solid rgba(128,128,128,.35)"
    label = f"means over blocks of the {summary.shape} array"
    return f'<img alt="{label}" title="{label}" style="{style}" src="data:image/png;base64,{source}">'


def _cell(x: Any, scale: float) -> str:
    color, opacity = _color(x, scale)
    ground = f";background:rgba({color[0]},{color[1]},{color[2]},{opacity:.2f})" if opacity else ""
    return f'<td style="{_CELL}{ground}">{number(x)}</td>'


def _color(x: float, scale: float) -> tuple[tuple[int, int, int], float]:
    """The colour of a number, and how opaque: as its size is to the largest, `scale`."""
    if not math.isfinite(x):
        return _ODD, _OPACITY
    return (_COLD if x < 0 else _WARM), _OPACITY * abs(x) / scale if scale else 0.0


def _scale(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(finite.max(initial=0.0))


def _png(pixels: Array) -> bytes:
    """A picture file from an array of shape (height, width, 4) of red, green, blue and opacity."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0),
        b"IDAT": zlib.compress(lines, 9),
        b"IEND": b"",
    }
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


Tensor._repr_html_ = tensor_html  # type: ignore[attr-defined]
