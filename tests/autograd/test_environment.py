"""What happens on import: the warning where HIPS autograd shares the environment, tried in fresh interpreters with a
made-up distribution; and what the C library is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograd import environment

ROOT = Path(__file__).resolve().parents[2]


def imports(statement: str, *search: Path) -> str:
    """What an interpreter that finds modules in `search` prints as warnings and errors when it runs `statement`."""
    code = f"import sys; sys.path[:0] = {[str(p) for p in search]!r}; {statement}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=search[0])
    return ran.stderr


@pytest.fixture
def namesake(tmp_path: Path) -> Path:
    info = tmp_path / "site" / "autograd-1.8.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: autograd\nVersion: 1.8.0\n")
    return info.parent


def test_silent_where_it_is_alone() -> None:
    assert imports("import autograd, nn, optim", ROOT) == ""


def test_warns_once_of_the_other_distribution(namesake: Path) -> None:
    said = imports("import autograd, nn, optim", ROOT, namesake)
    assert said.count("RuntimeWarning") == 1
    assert "HIPS autograd 1.8.0 is installed in this environment" in said
    assert "python -m venv fresh && fresh/bin/pip install ." in said


def test_warns_of_mixed_in_files(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for package in ("autograd", "nn", "optim"):
        (site / package).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", str(ROOT / package), str(site / package)], check=True)
    (site / "autograd" / "tracer.py").write_text("")
    assert f"files of it lie in {site / 'autograd'}" in imports("import autograd", site)


def test_warns_when_our_init_was_overwritten(tmp_path: Path, namesake: Path) -> None:
    site = tmp_path / "other"
    for package in ("autograd", "nn"):
        (site / package).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", str(ROOT / package), str(site / package)], check=True)
    (site / "autograd" / "__init__.py").write_text("")
    assert "RuntimeWarning: stepgrad and HIPS autograd" in imports("import nn", site, namesake)


@pytest.mark.parametrize("statement", ["import nn", "from optim import SGD"])
def test_fails_with_advice_when_our_init_was_overwritten(tmp_path: Path, statement: str) -> None:
    for package in ("autograd", "nn", "optim"):
        subprocess.run(["cp", "-r", str(ROOT / package), str(tmp_path / package)], check=True)
    (tmp_path / "autograd" / "__init__.py").write_text("")
    said = imports(statement, tmp_path).splitlines()[-1]
    assert said.startswith("ImportError: 'autograd' is not stepgrad's here: HIPS autograd, of the same name, was")
    assert "python -m venv fresh && fresh/bin/pip install ." in said


class Library:
    """Stands in for the C library, and writes down what it is asked for."""

    def __init__(self, *names: str) -> None:
        self.asked: list[tuple[int, int]] = []
        for name in names:
            setattr(self, name, None)

    def mallopt(self, parameter: int, value: int) -> int:
        self.asked.append((parameter, value))
        return 1


@pytest.mark.parametrize(
    ("names", "variable", "asked"),
    [
        (["gnu_get_libc_version"], None, [(-1, 1 << 30), (-3, 1 << 25)]),
        ([], None, []),
        (["gnu_get_libc_version"], "MALLOC_ARENA_MAX", []),
    ],
)
def test_freed_memory_is_kept(monkeypatch, names, variable, asked) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    if variable:
        monkeypatch.setenv(variable, "2")
    library = Library(*names)
    monkeypatch.setattr(environment.ctypes, "CDLL", lambda _: library)
    environment.keep_freed_memory()
    assert library.asked == asked
