"""Readers of MNIST and CIFAR files, on small files written here, whole and damaged."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn.data import CIFAR10, CIFAR100, MNIST, DataLoader, FashionMNIST, read_idx
from nn.data.transforms import ToTensor

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 28, 28)).astype(np.uint8)
LABELS = np.array([3, 0, 9, 1, 1, 7], np.uint8)


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder: Path, train: bool = True, suffix: str = "", images: Any = IMAGES, labels: Any = LABELS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    prefix = "train" if train else "t10k"
    for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        content = idx(array)
        (folder / f"{prefix}-{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(), (5,), (2, 0), (2, 3, 4)])
def test_read_idx(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.asarray(RNG.normal(size=shape) * 50).astype(dtype if dtype != "uint8" else "int8").astype(dtype)
    for content in (idx(array), gzip.compress(idx(array))):
        (tmp_path / "file").write_bytes(content)
        read = read_idx(tmp_path / "file")
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype
        assert read.dtype.isnative


WHOLE = idx(LABELS)
PACKED = gzip.compress(WHOLE, mtime=0)  # without the time, which would be in the names of tests


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad magic number in an empty file"),
        (b"\0\0\x08", "bad magic number 00 00 08"),
        (b"\x89PNG\r\n", "bad magic number 89 50 4e 47"),
        (b"\0\0\x0a\x01", "bad magic number 00 00 0a 01"),
        (WHOLE[:6], "truncated: got 6 bytes, its header of 1 axes takes 8"),
        (WHOLE[:-1], r"got 13 bytes, expected 14 for shape \(6,\) of uint8"),
        (WHOLE + b"\0", r"got 15 bytes, expected 14 for shape \(6,\) of uint8"),
        (struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3), "got 16 bytes, expected 79228162458924105385300197391"),
        (b"\0\0\x08\x41" + b"\0\0\0\x01" * 65 + b"x", "no array has the shape .* of its header"),
        (struct.pack(">HBB3I", 0, 8, 3, 0, *[2**32 - 1] * 2), "no array has the shape .* of its header"),
        (PACKED[:-9], "damaged gzip file"),
        (PACKED[:5], "damaged gzip file"),
        (PACKED[:-8] + bytes(8), "damaged gzip file"),
        (PACKED[:12] + b"\xff\xff\xff" + PACKED[15:], "damaged gzip file"),
    ],
)
def test_read_idx_errors(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "labels-idx1-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}: .*{message}"):
        read_idx(path)


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_mnist(kind: type[MNIST], suffix: str, nested: bool, train: bool, tmp_path: Path) -> None:
    write_mnist(tmp_path / kind.__name__ / "raw" if nested else tmp_path, train, suffix)
    data = kind(tmp_path, train)
    assert len(data) == 6
    image, label = data[2]
    np.testing.assert_array_equal(image, IMAGES[2])
    assert (label, type(label)) == (9, int)
    assert data.targets.dtype == np.int64
    assert len(data.classes) == 10
    assert repr(data) == f"<{kind.__name__}: 6 images of shape (28, 28)>"


def test_transforms_and_loading(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    data = MNIST(str(tmp_path), transform=ToTensor(), target_transform=lambda y: y % 2)
    x, y = next(iter(DataLoader(data, 4)))
    np.testing.assert_allclose(x.data, IMAGES[:4, None] / 255, rtol=1e-6)
    assert y.tolist() == [1, 0, 1, 1]
    x, y = next(iter(DataLoader(MNIST(tmp_path), 4)))
    np.testing.assert_array_equal(x.data, IMAGES[:4])
    assert y.tolist() == [3, 0, 9, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS[:5]}, "labels-idx1-ubyte: holds 5 labels, but .*images-idx3-ubyte 6 images"),
        ({"labels": LABELS + 1}, "labels-idx1-ubyte: label 10 of sample 2 is not one of the classes 0 … 9"),
        ({"images": LABELS}, r"images-idx3-ubyte: wants 3 axes of uint8, got shape \(6,\) of uint8"),
        ({"labels": LABELS.astype(np.int32)}, r"labels-idx1-ubyte: wants 1 axes of uint8, got shape \(6,\) of int32"),
    ],
)
def test_mnist_errors(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    write_mnist(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        MNIST(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    names = "t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz"
    with pytest.raises(FileNotFoundError, match=f"MNIST: found no file {names} in {tmp_path} or {tmp_path}/MNIST/raw"):
        MNIST(tmp_path, train=False)
    with pytest.raises(FileNotFoundError, match=r"CIFAR10: found no file data_batch_1.bin in .*cifar-10-batches-bin"):
        CIFAR10(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"CIFAR100: found no file test.bin in .*cifar-100-binary"):
        CIFAR100(tmp_path, train=False)


def record(labels: list[int], image: np.ndarray) -> bytes:
    """A CIFAR record: labels, then the red, green and blue planes of an image (32, 32, 3)."""
    return bytes(labels) + b"".join(image[:, :, channel].tobytes() for channel in range(3))


COLOURS = RNG.integers(0, 256, (10, 32, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("folder", [".", "cifar-10-batches-bin"])
def test_cifar10(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for i in range(5):
        content = b"".join(record([k], COLOURS[k]) for k in (2 * i, 2 * i + 1))
        (tmp_path / folder / f"data_batch_{i + 1}.bin").write_bytes(content)
    (tmp_path / folder / "test_batch.bin").write_bytes(record([4], COLOURS[4]))
    data = CIFAR10(tmp_path)
    np.testing.assert_array_equal(data.data, COLOURS)
    assert data.targets.tolist() == list(range(10))
    assert data.classes[data[6][1]] == "frog"
    assert data[0][0].shape == (32, 32, 3)
    test = CIFAR10(tmp_path, train=False, transform=ToTensor())
    np.testing.assert_allclose(test[0][0].data, COLOURS[4].transpose(2, 0, 1) / 255, rtol=1e-6)


@pytest.mark.parametrize("folder", [".", "cifar-100-binary"])
def test_cifar100(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    content = b"".join(record([2 * k, 11 * k], COLOURS[k]) for k in range(10))
    (tmp_path / folder / "train.bin").write_bytes(content)
    data = CIFAR100(tmp_path)
    np.testing.assert_array_equal(data.data, COLOURS)
    assert data[3][1] == 33
    assert CIFAR100(tmp_path, coarse=True)[3][1] == 6
    assert data.coarse_targets.tolist() == list(range(0, 20, 2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"got 0 bytes, expected a multiple of 3074, the length of a record \(0 records and 0 bytes\)"),
        (record([1, 2], COLOURS[0])[:-1], "got 3073 bytes, expected a multiple of 3074"),
        (record([1, 2], COLOURS[0]) + b"x", r"got 3075 bytes, .* \(1 records and 1 bytes\)"),
        (record([1, 100], COLOURS[0]), "label 100 of sample 0 is not one of the classes 0 … 99"),
        (record([1, 2], COLOURS[0]) + record([20, 2], COLOURS[0]), "label 20 of sample 1 is not one of .* 0 … 19"),
    ],
)
def test_cifar_errors(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.bin").write_bytes(content)
    with pytest.raises(ValueError, match=f"{tmp_path}/train.bin: {message}"):
        CIFAR100(tmp_path)
