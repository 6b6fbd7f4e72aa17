"""CIFAR-10 and CIFAR-100, from their binary versions.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autograd.dtypes import Array
from nn.data.files import ImageDataset, Root, Transform, check_labels, find

PIXELS = 3 * 32 * 32


class CIFAR10(ImageDataset):
    """CIFAR-10: 32×32 colour images of ten classes, from the files of its binary version.

    Looks in `root` and in `root/cifar-10-batches-bin` for data_batch_1.bin … data_batch_5.bin, or with `train=False`
    for test_batch.bin. Nothing is downloaded. Sample i is an image, uint8 of shape (32, 32, 3), and its class, after
    `transform` and `target_transform`.

    Raises FileNotFoundError naming what was looked for and where, ValueError naming a file and what is wrong with it.

    >>> import pathlib, tempfile
    >>> from nn.data import CIFAR10
    >>> with tempfile.TemporaryDirectory() as folder:  # one image, black, of class 3
    ...     _ = pathlib.Path(folder, "test_batch.bin").write_bytes(bytes([3]) + bytes(3 * 32 * 32))
    ...     data = CIFAR10(folder, train=False)
    >>> image, label = data[0]
    >>> image.shape, label, data.classes[label]
    ((32, 32, 3), 3, 'cat')
    """

    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def __init__(
        self, root: Root, train: bool = True, transform: Transform = None, target_transform: Transform = None
    ) -> None:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
        paths = [find("CIFAR10", root, "cifar-10-batches-bin", [name]) for name in names]
        parts = [_read(path, [len(self.classes)]) for path in paths]
        labels, images = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        super().__init__(images, labels[:, 0], transform, target_transform)


class CIFAR100(ImageDataset):
    """CIFAR-100: as CIFAR-10, with 100 fine classes in 20 coarse ones.

    Looks in `root` and in `root/cifar-100-binary` for train.bin or test.bin. The target is the fine class, or with
    `coarse` the coarse one; `fine_targets` and `coarse_targets` hold both.

    >>> import pathlib, tempfile
    >>> from nn.data import CIFAR100
    >>> with tempfile.TemporaryDirectory() as folder:  # one image, black, of coarse class 4 and fine class 57
    ...     _ = pathlib.Path(folder, "test.bin").write_bytes(bytes([4, 57]) + bytes(3 * 32 * 32))
    ...     data = CIFAR100(folder, train=False)
    >>> data[0][1], data.coarse_targets
    (57, array([4]))
    """

    def __init__(
        self,
        root: Root,
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
        *,
        coarse: bool = False,
    ) -> None:
        path = find("CIFAR100", root, "cifar-100-binary", ["train.bin" if train else "test.bin"])
        labels, images = _read(path, [20, 100])
        self.coarse_targets, self.fine_targets = labels.T
        super().__init__(images, self.coarse_targets if coarse else self.fine_targets, transform, target_transform)


def _read(path: Path, classes: Sequence[int]) -> tuple[Array, Array]:
    """Labels (N, len(classes)) and images (N, 32, 32, 3) from records of labels and of red, green and blue planes."""
    content = np.fromfile(path, np.uint8)
    length = len(classes) + PIXELS
    count, rest = divmod(content.size, length)
    if rest or not count:
        raise ValueError(
            f"{path}: got {content.size} bytes, expected a multiple of {length}, the length of a record "
            f"({count} records and {rest} bytes)"
        )
    records = content.reshape(count, length)
    labels = records[:, : len(classes)].astype(np.int64)
    for column, size in zip(labels.T, classes, strict=True):
        check_labels(path, column, size)
    images = records[:, len(classes) :].reshape(count, 3, 32, 32).transpose(0, 2, 3, 1)
    return labels, np.ascontiguousarray(images)
