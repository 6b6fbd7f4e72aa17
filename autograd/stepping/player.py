"""One page that plays a recorded pass, backward or forward: all in one file, nothing fetched, no kernel needed."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from autograd.files import replacing
from autograd.stepping import drawing
from autograd.stepping.drawing import draw
from autograd.stepping.folding import fold
from autograd.stepping.formula import mathml

if TYPE_CHECKING:
    from autograd.stepping.trace import Trace

__all__ = [
    "bridge_script",
    "framed",
    "gradients_of",
    "live_script",
    "page",
    "recording",
    "script",
    "steps_of",
    "style",
    "write_page",
]

_LIMITS = (40, 20, 10)  # boxes in the drawings that nobody has opened anything in
_WITH_VALUES = 40  # nodes up to which values are written into the boxes
_DIGITS = 6  # of the numbers in a page
_MOST = 2_500_000  # characters of drawings; modules that would need more stay folded

_FRAME = "width:100%;height:46rem;border:0"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="stepgrad">
<title>{title}</title>
<style>
body {{ margin: 0; }}
#player .player {{ min-height: 100vh; }}
{style}
</style>
</head>
<body>
<div id="player"><noscript><div class="player still">
<header><h1>{title}</h1><p>To play this pass takes JavaScript; without it, here is the graph.</p></header>
{drawing}</div></noscript></div>
<script type="application/json" id="run">{run}</script>
<script type="module">
{script}
const run = JSON.parse(document.getElementById("run").textContent);
const player = mount(document.getElementById("player"), run, document);
{start}</script>
</body>
</html>
"""


def page(trace: Trace, position: int = 0, live: Mapping[str, Any] | None = None) -> str:
    """An HTML document that plays the trace: step, back, play, and the numbers, rule and source line of every step.

    It starts at `position`. With `live` it looks for the widget of that `key`, which knows of that `revision`. Its
    style, script, data and drawings are inside, so that it works from a file, in a frame, and without a network.
    Modules fold and unfold as far as there are drawings: where these would become too large, the last stay folded.
    Without JavaScript it shows the first of them.
    """
    run = recording(trace) | {"position": position} | ({"live": dict(live)} if live else {})
    return _PAGE.format(
        title=escape(trace.title or ("Forward pass" if trace.forward else "Backward pass")),
        style=style() + drawing.style(),
        drawing=run["drawings"][0]["svg"],
        run=_embedded(run),
        script=script() + (live_script() if live else ""),
        start="matchNotebook();\ngrowFrame(player.root);\n" + ("connect(player, run.live);\n" if live else ""),
    )


def write_page(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write `page(trace)` to a file: all of it or, if that fails, nothing.

    Raises FileNotFoundError if there is no such folder, OSError if it cannot be written.
    """
    text = page(trace)
    with replacing("to_html", path) as file:
        file.write(text.encode())


def framed(trace: Trace, position: int = 0, live: Mapping[str, Any] | None = None) -> str:
    """The page in a frame, for a notebook, whose styles and scripts it leaves alone.

    Where frames are not let through, as in a notebook that is not trusted, a line of text is left.
    """
    text = page(trace, position, live).replace("&", "&amp;").replace("'", "&#39;")
    title = f"Player of a {'forward' if trace.forward else 'backward'} pass"
    instead = f"{title} of {len(trace)} steps: it is shown where this notebook is trusted, or when the cell is run."
    return f"<iframe title='{title}' style='{_FRAME}' srcdoc='{text}'>{instead}</iframe>"


def recording(trace: Trace) -> dict[str, Any]:
    """What the script plays: a trace's nodes and steps, its rules as MathML, and its graph drawn, folded and opened."""
    said = trace.to_json()
    formulas = {step["latex"]: mathml(step["latex"]) for step in said["steps"] if "latex" in step}
    return {
        "title": said["title"],
        "forward": trace.forward,
        "nodes": said["graph"]["nodes"],
        "steps": said["steps"],
        "gradients": said.get("gradients", {}),
        "formulas": formulas,
        "drawings": _drawings(trace),
    }


def steps_of(trace: Trace) -> list[dict[str, Any]]:
    """The steps alone, as `recording` has them, with as many digits as a page."""
    steps: list[dict[str, Any]] = _rounded([step.to_json() for step in trace.steps])
    return steps


def gradients_of(trace: Trace) -> dict[str, Any]:
    """What the leaves have at the end, by id, as `recording` has it, with as many digits as a page."""
    gradients: dict[str, Any] = _rounded({str(node): summary.to_json() for node, summary in trace.gradients.items()})
    return gradients


def script() -> str:
    """The player's JavaScript, a module that exports `mount`."""
    return _data("player.js")


def live_script() -> str:
    """The JavaScript of what needs a kernel, which exports `connect` and goes with that of the player."""
    return _data("live.js")


def bridge_script() -> str:
    """The JavaScript of the widget, which passes messages between the kernel and the players."""
    return _data("bridge.js")


def style() -> str:
    """The player's style sheet."""
    return _data("player.css")


def _data(name: str) -> str:
    return files("autograd.stepping").joinpath(name).read_text(encoding="utf-8")


def _embedded(data: dict[str, Any]) -> str:
    """Data as JSON that can stand inside a script element, whatever is in it."""
    text = json.dumps(_rounded(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("</", "<\\/").replace("<!", "\\u003c!")


def _rounded(data: Any) -> Any:
    if isinstance(data, float):
        return float(f"{data:.{_DIGITS}g}")
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    return [_rounded(part) for part in data] if isinstance(data, list) else data


def _drawings(trace: Trace) -> list[dict[str, Any]]:
    """Drawings of the graph: the first as it is seen at the start, others with more modules folded, or with one opened.

    All that are reached by opening one closed box after the other are there, as far as there is room for them.
    """
    values = len(trace.graph.nodes) <= _WITH_VALUES
    drawings: dict[frozenset[str], dict[str, Any]] = {}
    waiting: deque[dict[str, Any]] = deque({"limit": limit} for limit in _LIMITS)
    room = _MOST
    seen = set()
    while waiting and room > 0:
        folding = waiting.popleft()
        folded = fold(trace.graph, **folding)
        opened = frozenset(frame.key for frame in folded.frames)
        if opened in drawings:
            continue
        closed = [box.key for box in folded.boxes if box.hidden]
        drawings[opened] = {
            "open": [frame.key for frame in folded.frames],
            "closed": closed,
            "boxes": {box.key: list(box.nodes) for box in folded.boxes},
            "svg": draw(trace.graph, values, **folding).svg.replace(f"<style>{drawing.style()}</style>\n", ""),
        }
        room -= len(drawings[opened]["svg"])
        if folding["limit"] == _LIMITS[0]:
            waiting.extend({"limit": _LIMITS[0], "opened": key} for key in closed if key not in seen)
            seen.update(closed)
    return list(drawings.values())
