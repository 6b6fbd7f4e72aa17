"""A warning, given once, on import, where HIPS autograd, which has the same import name, is installed too.

`autograd`, `nn` and `optim` all import this file, since any of them may be the first, and `autograd/__init__.py` may be
that of HIPS autograd.
"""

from __future__ import annotations

import warnings
from importlib import metadata
from pathlib import Path

# Files of HIPS autograd that this package does not have: beside ours, a sign that the two were installed in one place.
_FOREIGN_FILES = ("builtins.py", "core.py", "extend.py", "tracer.py", "numpy/numpy_vjps.py")


def warn_of_namesake(folder: Path) -> None:
    """Say so if the distribution `autograd` is installed too, or its files lie in `folder`, this package's own."""
    mixed = [name for name in _FOREIGN_FILES if (folder / name).exists()]
    try:
        version = metadata.version("autograd")
    except metadata.PackageNotFoundError:
        version = None
    if version is None and not mixed:
        return
    found = f"HIPS autograd {version} is installed in this environment" if version else f"files of it lie in {folder}"
    warnings.warn(
        f"stepgrad and HIPS autograd are both imported as 'autograd', and pip lets one overwrite the other: {found}. "
        "Give stepgrad an environment of its own: python -m venv fresh && fresh/bin/pip install stepgrad. "
        "To keep it here instead: pip uninstall autograd && pip install --force-reinstall --no-deps stepgrad.",
        RuntimeWarning,
        stacklevel=3,
    )


warn_of_namesake(Path(__file__).parent)
