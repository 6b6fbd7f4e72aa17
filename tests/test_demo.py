"""The main job, run as `make demo` runs it, and on small files in the formats it can be pointed at."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import demo
import nn

PICTURES = ("loss.png", "filters.png", "confusion.png")


def test_lenet_learns_the_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--output", str(tmp_path)]) >= 0.98
    said = capsys.readouterr().out
    assert "61,706 parameters, on UCI digits: 1,437 images to train on, 360 held out" in said
    assert "20 of 20 agree, 0 fail" in said
    assert str(tmp_path) in said
    for name in PICTURES:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    model = nn.models.LeNet5()
    model.load_state_dict(nn.load(tmp_path / "weights.npz"))


@pytest.mark.parametrize("model", ["lenet5-relu", "mlp", "linear"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_other_models_and_optimizers(model: str, optimizer: str, tmp_path: Path) -> None:
    options = ["--epochs", "2", "--model", model, "--optimizer", optimizer, "--output", str(tmp_path)]
    assert demo.main(options) > 0.7


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    runs = []
    for name in ("a", "b"):
        demo.main(["--epochs", "1", "--model", "linear", "--seed", "3", "--output", str(tmp_path / name)])
        runs.append(nn.load(tmp_path / name / "weights.npz"))
    for key, weight in runs[0].items():
        np.testing.assert_array_equal(weight.data, runs[1][key].data)


def test_a_learning_rate_of_zero_learns_nothing(tmp_path: Path) -> None:
    assert demo.main(["--epochs", "1", "--model", "linear", "--lr", "0", "--output", str(tmp_path)]) < 0.3


@pytest.mark.parametrize("lr", ["nan", "-1", "inf", "fast"])
def test_a_learning_rate_that_makes_no_sense(lr: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo.main(["--lr", lr, "--output", str(tmp_path / "out")])
    assert "argument --lr: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_a_folder_with_mnist_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 50, (count, 28, 28))
        images[np.arange(count), labels * 2 + 4] = 255
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    options = ["--data", str(tmp_path), "--model", "mlp", "--epochs", "10", "--output", str(tmp_path / "out")]
    assert demo.main(options) > 0.5


def test_a_folder_with_cifar_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]:
        rows = rng.integers(0, 256, (10, 3073), dtype=np.uint8)
        rows[:, 0] = np.arange(10)
        (tmp_path / name).write_bytes(rows.tobytes())
    options = ["--data", str(tmp_path), "--epochs", "1", "--output", str(tmp_path / "out")]
    assert 0 <= demo.main(options) <= 1


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no data set that it knows in .*\n.*train-images-idx3-ubyte"):
        demo.main(["--data", str(tmp_path)])


def test_help_lists_what_can_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo.main(["--help"])
    said = capsys.readouterr().out
    for option in ("--epochs", "--batch-size", "--model", "--optimizer", "--lr", "--seed", "--data", "--output"):
        assert option in said


def test_bad_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        demo.main(["--epochs", "0"])
    assert "has to be at least 1, got 0" in capsys.readouterr().err
