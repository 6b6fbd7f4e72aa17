"""The examples in README and CONTRIBUTING run, each document's in one interpreter of its own; all names have one."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import autograd as ag
import nn
import optim
from autograd import numeric, stepping

ROOT = Path(__file__).resolve().parents[1]


def run_examples(document: str, folder: Path, afterwards: str = "") -> str:
    """What the document's Python blocks print, run one after the other in a folder."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    code = "\n".join([*blocks, afterwards])
    search = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_readme(tmp_path: Path) -> None:
    said = run_examples(
        "README.md", tmp_path, "print(optimizer.state != {}, ag.hessian(f)(np.array([1.0, 2.0])).tolist())"
    )
    assert "[ True  True  True]" in said
    assert "True [[6.0, 0.0], [0.0, 12.0]]" in said
    assert "rule: x̄ -= ȳ · sin(x)" in said
    assert "<html" in (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "accumulated twice" in said
    assert "'wave' has a wrong derivative" in said


def test_contributing(tmp_path: Path) -> None:
    run_examples(
        "CONTRIBUTING.md",
        tmp_path,
        "test_ricker()\n"
        "assert ScaledTanh(3)(ag.ones(2, 3, 4)).shape == (2, 3, 4)\n"
        "p = ag.tensor([1.0, -1.0], requires_grad=True)\n"
        "p.grad = ag.tensor([0.5, -3.0])\n"
        "SignSGD([p], lr=0.25).step()\n"
        "assert p.tolist() == [0.75, -0.75]\n",
    )


def test_makefile_targets_named_in_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / document).read_text(encoding="utf-8")))
        assert named - {"sure"} <= targets


PUBLIC = [
    ag,
    ag.linalg,
    ag.random,
    numeric,
    stepping,
    nn,
    nn.data,
    nn.functional,
    nn.init,
    nn.models,
    nn.utils,
    nn.utils.parametrizations,
    nn.utils.parametrize,
    optim,
    optim.lr_scheduler,
    optim.swa_utils,
]


def _names(package: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a user finds in a package."""
    for name in getattr(package, "__all__", vars(package)):
        found = getattr(package, name)
        ours = (getattr(found, "__module__", None) or "").split(".")[0] in ("autograd", "nn", "optim")
        if ours and not name.startswith("_") and (inspect.isroutine(found) or inspect.isclass(found)):
            yield name, found


@pytest.mark.parametrize("package", PUBLIC, ids=lambda package: package.__name__)
def test_every_name_has_an_example(package: ModuleType) -> None:
    names = dict(_names(package))
    assert names
    assert [name for name, found in names.items() if ">>>" not in (inspect.getdoc(found) or "")] == []
