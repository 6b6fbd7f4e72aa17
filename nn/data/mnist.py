"""MNIST and Fashion-MNIST, from idx files, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from autograd.dtypes import Array
from nn.data.files import ImageDataset, Root, Transform, check_labels, find

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Root) -> Array:
    """The array in an idx file, plain or compressed with gzip (told by its content, not by its name).

    The format: two zero bytes, one for the dtype, one for the number of axes; each length as a big-endian uint32; the
    elements in C order, big-endian. Raises ValueError naming the file and what is wrong with it.
    Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits".

    >>> import pathlib, tempfile
    >>> from nn.data import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    ...     read_idx(path)
    array([7, 9], dtype=uint8)
    """
    path = Path(path)
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip file: {error}") from None
    magic = content[:4]
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES:
        raise ValueError(f"{path}: no idx file: bad magic number {magic.hex(' ') or 'in an empty file'}")
    dtype = np.dtype(IDX_DTYPES[magic[2]])
    start = 4 + 4 * magic[3]
    if len(content) < start:
        raise ValueError(f"{path}: truncated: got {len(content)} bytes, its header of {magic[3]} axes takes {start}")
    shape = tuple(np.frombuffer(content, ">u4", magic[3], 4).tolist())
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ValueError(f"{path}: got {len(content)} bytes, expected {expected} for shape {shape} of {dtype.name}")
    try:
        array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:
        raise ValueError(f"{path}: no array has the shape {shape} of its header: {error}") from None
    return array.astype(dtype.newbyteorder("="))


class MNIST(ImageDataset):
    """The MNIST handwritten digits, from the four files as they are published, plain or as .gz.

    Looks in `root` and in `root/MNIST/raw` for train-images-idx3-ubyte and train-labels-idx1-ubyte, or with
    `train=False` for those named t10k. Nothing is downloaded. Sample i is an image, uint8 of shape (H, W), and its
    digit, after `transform` and `target_transform`.

    Raises FileNotFoundError naming what was looked for and where, ValueError naming a file and what is wrong with it.

    >>> import pathlib, tempfile
    >>> from nn.data import MNIST
    >>> with tempfile.TemporaryDirectory() as folder:  # one image of 2×2 pixels, a seven
    ...     images, labels = (pathlib.Path(folder, f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    ...     _ = images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 90, 180, 255]))
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]))
    ...     data = MNIST(folder)
    >>> data[0]
    (array([[  0,  90],
           [180, 255]], dtype=uint8), 7)
    """

    classes: tuple[str, ...] = tuple("0123456789")

    def __init__(
        self, root: Root, train: bool = True, transform: Transform = None, target_transform: Transform = None
    ) -> None:
        self.root = Path(root)
        self.train = train
        images_path, images = self._read("images-idx3-ubyte", 3)
        labels_path, labels = self._read("labels-idx1-ubyte", 1)
        if len(images) != len(labels):
            raise ValueError(f"{labels_path}: holds {len(labels)} labels, but {images_path} {len(images)} images")
        check_labels(labels_path, labels, len(self.classes))
        super().__init__(images, labels.astype(np.int64), transform, target_transform)

    def _read(self, kind: str, ndim: int) -> tuple[Path, Array]:
        who = type(self).__name__
        name = f"{'train' if self.train else 't10k'}-{kind}"
        path = find(who, self.root, f"{who}/raw", (name, f"{name}.gz"))
        array = read_idx(path)
        if array.ndim != ndim or array.dtype != np.uint8:
            raise ValueError(f"{path}: wants {ndim} axes of uint8, got shape {array.shape} of {array.dtype}")
        return path, array


class FashionMNIST(MNIST):
    """Zalando's Fashion-MNIST: as MNIST, in files of the same names, in `root` or in `root/FashionMNIST/raw`.

    Source: Xiao, Rasul & Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
    2017.

    >>> from nn.data import FashionMNIST
    >>> FashionMNIST.classes[9]
    'Ankle boot'
    >>> FashionMNIST("nowhere", train=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: FashionMNIST: found no file t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz in nowhere or ...
    """

    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
