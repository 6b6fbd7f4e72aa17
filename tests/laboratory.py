"""A JupyterLab of a test's own: on a free port, with folders of its own, and gone afterwards."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0  # seconds that a server on a busy machine may take to start
# The server ends when what is its input does, as when the test is killed.
_SERVER = """
import os, signal, sys, threading
from jupyterlab.labapp import main
def wait():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=wait, daemon=True).start()
main()
"""
_QUIET = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


class JupyterLab:
    """A running server: `folder` is where its notebooks are, `url(name)` an address that opens one, alone."""

    def __init__(self, folder: Path, address: str, token: str) -> None:
        self.folder = folder
        self.address = address
        self.token = token

    def url(self, notebook: str) -> str:
        return f"{self.address}lab/workspaces/{secrets.token_hex(4)}/tree/{notebook}?token={self.token}"


@contextmanager
def jupyterlab(folder: Path) -> Iterator[JupyterLab]:
    """Starts a server, and ends it for sure. Skips the test, and says why, where JupyterLab is missing."""
    for name in ("jupyterlab", "anywidget"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"NOT TESTED IN JUPYTERLAB: {name} is missing: pip install 'stepgrad[notebooks]'")
    token = secrets.token_hex(16)
    notebooks, log = folder / "notebooks", folder / "server.log"
    notebooks.mkdir()
    (folder / "config" / "labconfig").mkdir(parents=True)
    (folder / "config" / "labconfig" / "page_config.json").write_text(json.dumps(_QUIET), encoding="utf-8")
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own |= {"IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST"))}
    options = [
        f"--ServerApp.root_dir={notebooks}",
        f"--IdentityProvider.token={token}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        "--ServerApp.allow_root=True",
        "--no-browser",
        "--expose-app-in-browser",
    ]
    with log.open("w", encoding="utf-8") as written:
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVER, *options],
            env=inherited
            | {name: str(folder / place) for name, place in own.items()}
            | {"PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield JupyterLab(notebooks, _address(server, folder, log), token)
    finally:
        _end(server)


def _address(server: subprocess.Popen[bytes], folder: Path, log: Path) -> str:
    """Where the server listens, once it does."""
    said = folder / "runtime" / f"jpserver-{server.pid}.json"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if said.exists() and (text := said.read_text(encoding="utf-8")).endswith("}"):
            return str(json.loads(text)["url"])
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and, through it, its kernels; one that does not obey is killed."""
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def notebook(*cells: str, outputs: Sequence[Sequence[dict[str, Any]]] = ()) -> str:
    """A notebook of these cells, as the text of its file."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{i}",
            "metadata": {},
            "execution_count": None,
            "source": source,
            "outputs": list(outputs[i]) if i < len(outputs) else [],
        }
        for i, source in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made})
