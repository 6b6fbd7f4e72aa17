"""Checkpoints: a state dict as a .npz file, without pickle, that is either whole or not there."""

from __future__ import annotations

import io
import lzma
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.files import replacing
from nn.module import Module

# What reading a damaged archive raises, that of other writers too; an OSError by a seek to before the start.
_DAMAGED = (
    EOFError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
_END = (1 << 16) + 22  # how long the end of an archive can be
_MANY = 0xFFFF  # what it says of more entries than it can count


def save(state: Module | Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a module's state dict, or any dict of tensors, arrays and numbers, to `path`, as NumPy writes .npz.

    It is written to a temporary file in the same folder, flushed to the disk and renamed, so that after a crash `path`
    holds the old file or the new one, never half of one. No ".npz" is added to the name. Raises TypeError for what is
    not numeric, FileNotFoundError if there is no such folder. An optimizer's state dict is nested, and no file of
    arrays: pickle it.

    >>> import nn, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.npz")
    ...     nn.save({"bias": tensor([1.0, 2.0])}, path)
    ...     nn.load(path)
    {'bias': tensor([1., 2.])}
    """
    entries = state.state_dict() if isinstance(state, Module) else state
    if not isinstance(entries, Mapping):
        raise TypeError(f"save: wants a Module or a dict, got {type(state).__name__}")
    for name in entries:
        if not isinstance(name, str) or "\0" in name:
            raise TypeError(f"save: names have to be strings without null characters, got {name!r}")
    arrays = {name: _numeric(name, value) for name, value in entries.items()}
    with replacing("save", path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict that `save` wrote to `path`.

    Raises ValueError for a file that is damaged or of another kind, OSError for one that cannot be read.

    >>> import nn, os, tempfile
    >>> trained, fresh = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.npz")
    ...     nn.save(trained, path)
    ...     fresh.load_state_dict(nn.load(path))
    <All keys matched successfully>
    >>> fresh.weight.tolist() == trained.weight.tolist()
    True
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(archive)
            state = {}
            for name in archive.namelist():
                entry = io.BytesIO(archive.read(name))
                state[name.removesuffix(".npy")] = ag.tensor(np.lib.format.read_array(entry, allow_pickle=False))
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except _DAMAGED as error:
        raise ValueError(f"load: '{path}' is not a whole .npz file of arrays: {error}") from error
    return state


def _check_directory(archive: zipfile.ZipFile) -> None:
    """ValueError unless the directory has as many entries as the end of the archive says; zipfile does not look."""
    file: Any = archive.fp
    file.seek(-min(file.seek(0, os.SEEK_END), _END), os.SEEK_END)
    _, found, end = file.read().rpartition(b"PK\x05\x06")
    count = int.from_bytes(end[6:8], "little")
    if found and count != _MANY and count != len(archive.namelist()):
        raise ValueError(f"its directory has {len(archive.namelist())} entries for {count}")


def _numeric(name: str, value: Any) -> Any:
    array = np.asarray(value.array if isinstance(value, Tensor) else value)
    if array.dtype.kind not in "biufc":
        advice = "; save each state dict in a file of its own, and pickle nested ones, such as an optimizer's"
        raise TypeError(
            f"save: '{name}' has to be a tensor, an array or a number, got {type(value).__name__}"
            f"{advice if isinstance(value, Mapping) else ''}"
        )
    return array
