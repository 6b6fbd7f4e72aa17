"""What the data sets of images read from files have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.tensor import wrap
from nn.data.collate import default_collate
from nn.data.dataset import Dataset

Transform = Callable[[Any], Any] | None
Root = str | os.PathLike[str]


class ImageDataset(Dataset):
    """Images with class numbers, held in memory.

    Attributes: `data`, uint8 of shape (N, H, W) or (N, H, W, C); `targets`, int64 of shape (N,). Sample i is
    `(transform(data[i]), target_transform(targets[i]))`; without transforms, an array and an int.
    """

    def __init__(self, data: Array, targets: Array, transform: Transform, target_transform: Transform) -> None:
        self.data = data
        self.targets = targets
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = self.data[index], int(self.targets[index])
        return (
            image if self.transform is None else self.transform(image),
            target if self.target_transform is None else self.target_transform(target),
        )

    def get_batch(self, indices: Sequence[int]) -> Any:
        """The samples at `indices`, stacked; all at once if there are no transforms."""
        if self.transform is None and self.target_transform is None:
            return wrap(np.take(self.data, indices, axis=0)), wrap(np.take(self.targets, indices))
        return default_collate([self[i] for i in indices])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} images of shape {self.data.shape[1:]}>"


def find(who: str, root: Root, folder: str, names: Sequence[str]) -> Path:
    """The first of `names` that is a file in `root` or in `root/folder`. Raises FileNotFoundError naming all."""
    places = [Path(root), Path(root) / folder]
    for place in places:
        for name in names:
            if (place / name).is_file():
                return place / name
    raise FileNotFoundError(
        f"{who}: found no file {' or '.join(names)} in {' or '.join(map(str, places))}; nothing is downloaded"
    )


def check_labels(path: Path, labels: Array, classes: int) -> None:
    """Raise ValueError, naming the file, if a label is not one of 0 … classes - 1."""
    if labels.size and labels.max() >= classes:
        where = int(np.argmax(labels >= classes))
        raise ValueError(
            f"{path}: label {int(labels[where])} of sample {where} is not one of the classes 0 … {classes - 1}"
        )
