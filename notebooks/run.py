"""Run notebooks from top to bottom and store their outputs: all, or those whose numbers are given, as in 04 08."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # without it Jupyter warns that its folders will move

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"


class ThisInterpreter(AsyncKernelManager):
    """Starts the interpreter that this runs in, whichever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=launch, display_name="Python 3", language="python")


def executed(path: Path) -> NotebookNode:
    """A notebook after a run in an empty folder, with nothing in it that differs from run to run.

    Raises nbclient.exceptions.CellExecutionError if a cell does.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"PYTHONPATH": str(FOLDER.parent), "IPYTHONDIR": folder}
        environment = {**os.environ, **settings}
        environment.pop("MPLBACKEND", None)  # that of notebooks
        client = NotebookClient(
            notebook,
            kernel_manager_class=ThisInterpreter,
            kernel_name="python3",
            timeout=1200,
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
    notebook.nbformat_minor = 5  # the first in which cells have ids
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for k, cell in enumerate(notebook.cells):
        cell.id = f"cell-{k}"
        cell.metadata = {name: value for name, value in cell.metadata.items() if name == "tags"}
        if cell.cell_type == "code":
            cell.outputs = joined(output for output in cell.outputs if without_widget(output))
    return notebook


def without_widget(output: Any) -> bool:
    """Take the reference to a widget, which ends with its kernel, from an output; whether anything else is in it."""
    data = output.get("data", {})
    return data.pop(WIDGET, None) is None or bool(data.keys() - {"text/plain"})


def joined(outputs: Iterable[Any]) -> list[Any]:
    """Outputs with neighbouring pieces of the same stream as one; where it was cut differs from run to run."""
    kept: list[Any] = []
    for output in outputs:
        if kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def main(numbers: list[str]) -> None:
    for path in NOTEBOOKS:
        if not numbers or path.name[:2] in numbers:
            start = time.perf_counter()
            nbformat.write(executed(path), path)
            size = path.stat().st_size / 1e6
            print(f"{path.name}: {time.perf_counter() - start:.1f} s, {size:.2f} MB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
