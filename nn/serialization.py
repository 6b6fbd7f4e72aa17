"""Checkpoints: a state dict as a .npz file, without pickle, that is either whole or not there."""

from __future__ import annotations

import io
import os
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.module import Module


def save(state: Module | Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a module's state dict, or any dict of tensors, arrays and numbers, to `path` as .npz, as NumPy does.

    It is written to a temporary file in the same folder, flushed to the disk and renamed, so that after a crash `path`
    holds the old file or the new one, never half of one. Raises TypeError for what is not numeric, FileNotFoundError if
    there is no such folder. An optimizer's state dict is nested, and no file of arrays: pickle it.

    >>> import nn, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.npz")
    >>> nn.save({"bias": tensor([1.0, 2.0])}, path)
    >>> nn.load(path)
    {'bias': tensor([1., 2.])}
    """
    entries = state.state_dict() if isinstance(state, Module) else state
    if not isinstance(entries, Mapping):
        raise TypeError(f"save: wants a Module or a dict, got {type(state).__name__}")
    arrays = {name: _numeric(name, value) for name, value in entries.items()}
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"save: there is no folder '{target.parent}'")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict that `save` wrote to `path`.

    Raises ValueError for a file that is damaged or of another kind, OSError for one that cannot be read.

    >>> import nn, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.npz")
    >>> trained, fresh = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> nn.save(trained, path)
    >>> fresh.load_state_dict(nn.load(path))
    <All keys matched successfully>
    >>> fresh.weight.tolist() == trained.weight.tolist()
    True
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for name in archive.namelist():
                entry = io.BytesIO(archive.read(name))
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(entry, allow_pickle=False)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"load: '{os.fspath(path)}' is not a whole .npz file of arrays: {error}") from error
    return {name: ag.tensor(array) for name, array in arrays.items()}


def _numeric(name: str, value: Any) -> Any:
    array = np.asarray(value.array if isinstance(value, Tensor) else value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"save: '{name}' has to be a tensor, an array or a number, got {type(value).__name__}")
    return array


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut, where the system has a way to ask for it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
