"""Every notebook runs from top to bottom, and what is committed is the outcome of such a run."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS, BYTES = 120, 1_500_000

ABSOLUTE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|tmp|usr|var|opt|mnt|work|workspace|Users)/|\b[A-Z]:\\(?=\w)")
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
BASE64 = re.compile(r"base64,[A-Za-z0-9+/=\s]+")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def text_of(part: Any) -> str:
    return part if isinstance(part, str) else "".join(part)


def code_cells(notebook: Any) -> list[Any]:
    """The cells that are run; an empty one is not."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and text_of(cell["source"]).strip()]


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in code_cells(notebook):
        yield from cell["outputs"]


def texts(notebook: Any) -> Iterator[str]:
    """All text in the outputs, without pictures."""
    for output in outputs(notebook):
        if output["output_type"] == "stream":
            yield text_of(output["text"])
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/") or kind == "image/svg+xml":
                yield BASE64.sub("", text_of(value))


def title(notebook: Any) -> str:
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    heading = text_of(first["source"]).splitlines()[0]
    assert heading.startswith("# "), heading
    return heading.removeprefix("# ")


def assert_clean(notebook: Any) -> None:
    """It ran once from top to bottom, in silence, and does not say where."""
    assert [cell["execution_count"] for cell in code_cells(notebook)] == [*range(1, len(code_cells(notebook)) + 1)]
    for output in outputs(notebook):
        assert output["output_type"] != "error", output
        assert output.get("name") != "stderr", text_of(output["text"])
    for text in texts(notebook):
        found = ABSOLUTE_PATH.search(text) or ADDRESS.search(text)
        assert not found, text[max(0, found.start() - 200) : found.end() + 200]


def test_notebooks_are_numbered_from_one() -> None:
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{k:02}_" for k in range(1, len(NOTEBOOKS) + 1)]


def test_the_readme_has_a_line_on_each() -> None:
    said = (FOLDER / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| \d+ \| \[([^\]]+)\]\((\d\d_\w+\.ipynb)\) \| \S.*\|$", said, re.MULTILINE)
    assert lines == [(title(read(path)), path.name) for path in NOTEBOOKS]


@each_notebook
def test_outputs_are_committed(path: Path) -> None:
    notebook = read(path)
    assert any(True for _ in outputs(notebook))
    assert_clean(notebook)


@each_notebook
def test_nothing_is_stored_that_differs_from_run_to_run(path: Path) -> None:
    notebook = read(path)
    assert notebook["metadata"].keys() <= {"kernelspec", "language_info"}
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{k}" for k in range(len(notebook["cells"]))]
    assert all(cell["metadata"].keys() <= {"tags"} for cell in notebook["cells"])
    assert path.stat().st_size < BYTES
    for cell in code_cells(notebook):
        streams = [output.get("name") for output in cell["outputs"]]
        assert not any(name and name == before for before, name in pairwise(streams))


def test_pieces_of_a_stream_are_joined() -> None:
    pytest.importorskip("nbclient", reason="NOTEBOOKS NOT RUN: nbclient is missing: pip install 'stepgrad[notebooks]'")
    from nbformat.v4 import new_output

    from notebooks.run import joined

    pieces = [new_output("stream", name=name, text=text) for name, text in (("stdout", "a"), ("stdout", "b"))]
    picture = new_output("display_data", {"text/plain": "c"})
    others = [new_output("stream", name=name, text=text) for name, text in (("stdout", "d"), ("stderr", "e"))]
    found = joined([*pieces, picture, *others])
    assert [output.get("text") for output in found] == ["ab", None, "d", "e"]


def slowness() -> float:
    """How many times as long as on a fast machine, at least 1, a loop in Python keeps a core busy here and now."""
    start = time.process_time()
    sum(index for index in range(2_000_000))
    return max(1.0, (time.process_time() - start) / 0.1)


def of_kernels() -> float:
    """Seconds for which kernels that have ended kept cores busy."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.slow
@each_notebook
def test_runs_from_top_to_bottom(path: Path) -> None:
    for needed in ("nbclient", "ipykernel"):
        pytest.importorskip(needed, reason=f"NOTEBOOKS NOT RUN: {needed} is missing: pip install 'stepgrad[notebooks]'")
    from notebooks.run import executed

    before, start = slowness(), of_kernels()
    notebook = executed(path)
    assert 0 < of_kernels() - start < 2 * SECONDS * max(before, slowness())  # two minutes on two cores
    assert_clean(notebook)
    assert not any(re.search(rf"\b{re.escape(socket.gethostname())}\b", text) for text in texts(notebook))
