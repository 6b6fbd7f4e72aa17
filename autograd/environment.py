"""What is seen to once, on import: the namesake that may be installed too, and how the process keeps freed memory.

`autograd`, `nn` and `optim` all import this file, since any of them may be the first, and `autograd/__init__.py` may be
that of HIPS autograd.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from importlib import metadata
from pathlib import Path

# Files of HIPS autograd that this package does not have: beside ours, a sign that the two were installed in one place.
_FOREIGN_FILES = ("builtins.py", "core.py", "extend.py", "tracer.py", "numpy/numpy_vjps.py")

_ADVICE = (
    "Give stepgrad an environment of its own: in its checkout, python -m venv fresh && fresh/bin/pip install . "
    "To keep it here instead: pip uninstall autograd && pip install --force-reinstall --no-deps . in the checkout."
)
# What `nn` and `optim` say where the package `autograd` is not this one.
OVERWRITTEN = f"'autograd' is not stepgrad's here: HIPS autograd, of the same name, was installed over it. {_ADVICE}"


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
        + _ADVICE,
        RuntimeWarning,
        stacklevel=3,
    )


def keep_freed_memory() -> None:
    """Have the C library keep up to a gigabyte of freed memory for this process, instead of giving it back at once.

    A training step frees what the next one needs again. glibc hands it to the kernel meanwhile, and getting it back,
    zeroed page by page, was seen to take a fifth of a step. Nothing is done with other C libraries, nor where the user
    has set one of glibc's MALLOC_ variables.
    """
    if any(name.startswith("MALLOC_") for name in os.environ) or os.name != "posix":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_TRIM_THRESHOLD, 1 << 30)
        library.mallopt(_MMAP_THRESHOLD, 1 << 25)


# Parameters of mallopt: how much may be free before any is given back, and from what size on memory is not kept.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

keep_freed_memory()
warn_of_namesake(Path(__file__).parent)
