"""Checkpoints: whole or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn


def test_round_trip_of_a_module(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).double()
    nn.save(net, tmp_path / "net.npz")
    state = nn.load(tmp_path / "net.npz")
    assert list(state) == list(net.state_dict())
    for name, value in net.state_dict().items():
        assert state[name].dtype == value.dtype
        np.testing.assert_array_equal(state[name].numpy(), value.numpy())
    assert os.listdir(tmp_path) == ["net.npz"]


def test_any_name_and_numbers_survive_and_numpy_reads_it(tmp_path: Path) -> None:
    nn.save({"file": 3, "a/b": 0.5, "arr_0": ag.tensor([]), "empty": np.zeros((0, 3))}, tmp_path / "odd")
    state = nn.load(str(tmp_path / "odd"))
    assert {name: value.tolist() for name, value in state.items()} == {"file": 3, "a/b": 0.5, "arr_0": [], "empty": []}
    with np.load(tmp_path / "odd") as archive:
        assert archive["file"] == 3


def test_what_is_not_numeric_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="save: 'state' has to be a tensor, an array or a number, got dict"):
        nn.save({"state": {}}, tmp_path / "x.npz")
    assert os.listdir(tmp_path) == []


def test_only_a_module_or_a_dict_can_be_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="save: wants a Module or a dict, got list"):
        nn.save([ag.ones(2)], tmp_path / "x.npz")  # type: ignore[arg-type]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"save: there is no folder '.*absent'"):
        nn.save({"a": 1}, tmp_path / "absent" / "x.npz")


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.npz"
    nn.save({"a": 1}, path)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            nn.save({"a": 2}, path)
    assert nn.load(path)["a"].item() == 1
    assert os.listdir(tmp_path) == ["x.npz"]


@pytest.mark.parametrize("keep", [0, 10, 100, -30, -1])
def test_a_truncated_file_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.npz"
    nn.save({"weight": np.arange(100.0)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"load: '.*cut.npz' is not a whole .npz file of arrays"):
        nn.load(path)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    nn.save({"weight": np.arange(100.0)}, path)
    content = bytearray(path.read_bytes())
    content[400] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.npz"):
        nn.load(path)


def test_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.npz"):
        nn.load(tmp_path / "text.npz")
    np.savez(tmp_path / "pickled.npz", a=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(ValueError, match=r"pickled\.npz"):
        nn.load(tmp_path / "pickled.npz")
    with pytest.raises(FileNotFoundError, match=r"absent\.npz"):
        nn.load(tmp_path / "absent.npz")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    nn.save({"a": 1}, tmp_path / "x.npz")
    (tmp_path / "y").touch()
    assert stat.S_IMODE((tmp_path / "x.npz").stat().st_mode) == stat.S_IMODE((tmp_path / "y").stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_of_a_file_written_over_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    nn.save({"a": 1}, path)
    path.chmod(0o600)
    nn.save({"a": 2}, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert nn.load(path)["a"] == 2


@pytest.mark.parametrize("name", [1, "x\0y"])
def test_names_that_would_not_come_back_are_refused(name: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="save: names have to be strings without null characters, got"):
        nn.save({name: 1}, tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_every_damage_of_a_kind_is_named(tmp_path: Path) -> None:
    """A byte lost in the middle; one changed in the directory, which zipfile reads as its end."""
    path = tmp_path / "x.npz"
    nn.save(nn.Linear(3, 2), path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"load: '.*x\.npz' is not a whole \.npz file of arrays"):
            nn.load(path)
    changed = bytearray(whole)
    changed[whole.find(b"PK\1\2") + 33] = 255
    path.write_bytes(changed)
    with pytest.raises(ValueError, match="its directory has 1 entries for 2"):
        nn.load(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        nn.load(path)
    np.savez(path, words=np.array(["a"]))
    with pytest.raises(ValueError, match=r"is not a whole \.npz file of arrays: tensor: wants numbers"):
        nn.load(path)


def test_a_dict_of_dicts_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'model' has to be a tensor, an array or a number, got dict; save each state"):
        nn.save({"model": nn.Linear(1, 1).state_dict(), "epoch": 3}, tmp_path / "all.npz")
    assert not list(tmp_path.iterdir())
