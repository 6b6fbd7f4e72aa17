"""Transforms of single images, with torchvision's names: arrays or tensors of shape (C, H, W) to the same kind.

What is random is drawn from the `generator` given; without one, from the batch's own inside a DataLoader, and from
`autograd.random.default_generator()` elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Any

import numpy as np

from autograd.dtypes import Array, get_default_dtype
from autograd.tensor import Tensor, wrap
from nn.data.randomness import as_generator, current_generator

__all__ = ["Compose", "Lambda", "Normalize", "Pad", "RandomCrop", "RandomHorizontalFlip", "ToTensor"]

Transform = Callable[[Any], Any]
Generator = np.random.Generator | int | None


def _whole(who: str, option: str, value: int | Sequence[int]) -> tuple[int, ...]:
    """One whole number or several as a tuple of ints."""
    try:
        return tuple(index(number) for number in (value if isinstance(value, Iterable) else (value,)))
    except TypeError:
        raise TypeError(f"{who}: {option} is a whole number or several, got {value!r}") from None


class Compose:
    """Several transforms, one after the other.

    >>> from nn.data.transforms import Compose, Normalize, ToTensor
    >>> Compose([ToTensor(), Normalize(0.5, 0.5)])(np.array([[0, 255]], np.uint8))
    tensor([[[-1.,  1.]]])
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return "\n    ".join(["Compose(", *map(repr, self.transforms)]) + "\n)"


class Lambda:
    """Any function as a transform.

    >>> from nn.data.transforms import Lambda
    >>> Lambda(lambda image: 255 - image)(np.array([[0, 100]], np.uint8))
    array([[255, 155]], dtype=uint8)
    """

    def __init__(self, function: Transform) -> None:
        self.function = function

    def __call__(self, image: Any) -> Any:
        return self.function(image)

    def __repr__(self) -> str:
        return "Lambda()"


class ToTensor:
    """An image of shape (H, W) or (H, W, C) as a tensor of shape (C, H, W), of the default dtype.

    uint8 is scaled from 0 … 255 to [0, 1]; other dtypes keep their values. Takes arrays and what NumPy can read as one,
    such as a PIL image. Raises ValueError for another number of axes, TypeError for a tensor.

    >>> from nn.data.transforms import ToTensor
    >>> ToTensor()(np.full((4, 5, 3), 255, np.uint8)).shape
    (3, 4, 5)
    """

    def __call__(self, image: Any) -> Tensor:
        if isinstance(image, Tensor):
            raise TypeError("ToTensor: wants an array of shape (H, W) or (H, W, C), got a Tensor")
        array = np.asarray(image)
        if array.ndim not in (2, 3):
            raise ValueError(f"ToTensor: wants an image of shape (H, W) or (H, W, C), got {array.shape}")
        channels_first = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
        result = np.array(channels_first, get_default_dtype(), order="C")
        if array.dtype == np.uint8:
            result /= 255
        return wrap(result)

    def __repr__(self) -> str:
        return "ToTensor()"


class _ImageTransform(ABC):
    """From an image of shape (C, H, W), array or tensor, to another of the same kind."""

    @abstractmethod
    def apply(self, image: Array) -> Array:
        """The transform, on an array."""

    def __call__(self, image: Any) -> Any:
        array = image.array if isinstance(image, Tensor) else image
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{type(self).__name__}: wants an array or a Tensor, got {type(image).__name__}")
        if array.ndim != 3:
            raise ValueError(f"{type(self).__name__}: wants an image of shape (C, H, W), got {array.shape}")
        result = self.apply(array)
        return wrap(result) if isinstance(image, Tensor) else result

    def __repr__(self) -> str:
        options = {key: value for key, value in vars(self).items() if key != "generator"}
        return f"{type(self).__name__}({', '.join(f'{key}={value}' for key, value in options.items())})"


class Normalize(_ImageTransform):
    """(image - mean) / std, with one mean and std for each channel, or one for all.

    Raises ValueError for a std of zero or another number of channels, TypeError for an image that is not floating.

    >>> from nn.data.transforms import Normalize
    >>> Normalize([1.0, 2.0], [1.0, 2.0])(tensor([[[3.0]], [[6.0]]])).tolist()
    [[[2.0]], [[2.0]]]
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean = mean
        self.std = std
        if not np.all(np.asarray(std) != 0):
            raise ValueError(f"Normalize: std must not be zero, got {std}")

    def apply(self, image: Array) -> Array:
        if image.dtype.kind != "f":
            raise TypeError(f"Normalize: wants a floating-point image, got {image.dtype}; use ToTensor first")
        mean, std = (np.asarray(value, image.dtype).reshape(-1, 1, 1) for value in (self.mean, self.std))
        for name, value in (("means", mean), ("stds", std)):
            if len(value) not in (1, len(image)):
                raise ValueError(f"Normalize: got {len(value)} {name} for an image of {len(image)} channels")
        result: Array = (image - mean) / std
        return result


class Pad(_ImageTransform):
    """Pixels added around the image.

    `padding` is how many: on all sides; (left and right, top and bottom); or (left, top, right, bottom). `padding_mode`
    is "constant" (they are `fill`), "edge" (the last pixel again), "reflect" (mirrored, without it) or "symmetric"
    (mirrored, with it).

    >>> from nn.data.transforms import Pad
    >>> Pad(1)(tensor([[[1.0]]])).tolist()
    [[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]
    """

    def __init__(self, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant") -> None:
        sides = _whole("Pad", "padding", padding)
        if len(sides) not in (1, 2, 4) or any(side < 0 for side in sides):
            raise ValueError(f"Pad: padding is 1, 2 or 4 numbers of pixels from 0, got {padding}")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError(f"Pad: padding_mode is 'constant', 'edge', 'reflect' or 'symmetric', got {padding_mode!r}")
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def apply(self, image: Array) -> Array:
        sides = _whole("Pad", "padding", self.padding)
        left, top, right, bottom = sides * (4 // len(sides))
        widths = ((0, 0), (top, bottom), (left, right))
        if self.padding_mode == "constant":
            return np.pad(image, widths, constant_values=self.fill)
        return np.pad(image, widths, mode=self.padding_mode)  # type: ignore[call-overload]


class RandomCrop(_ImageTransform):
    """A window of `size` (an int or (height, width)) at a random place of the image.

    Before that the image is padded as by `Pad(padding, fill, padding_mode)`, and with `pad_if_needed` also where it is
    smaller than the window. Raises ValueError if it is smaller all the same.

    >>> from nn.data.transforms import RandomCrop
    >>> RandomCrop(32, padding=4)(tensor(np.zeros((3, 32, 32)))).shape
    (3, 32, 32)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
        *,
        generator: Generator = None,
    ) -> None:
        sizes = _whole("RandomCrop", "size", size)
        sizes = sizes if isinstance(size, Iterable) else sizes * 2
        if len(sizes) != 2 or any(length < 1 for length in sizes):
            raise ValueError(f"RandomCrop: size is an int or a pair (height, width) from 1, got {size}")
        Pad(0 if padding is None else padding, fill, padding_mode)
        self.size = sizes
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode
        self.generator = as_generator(generator, "RandomCrop")

    def apply(self, image: Array) -> Array:
        if self.padding is not None:
            image = self._padded(image, self.padding)
        height, width = self.size
        if self.pad_if_needed:
            image = self._padded(image, (max(width - image.shape[2], 0), max(height - image.shape[1], 0)))
        if image.shape[1] < height or image.shape[2] < width:
            raise ValueError(
                f"RandomCrop: wants an image of at least {self.size}, got {image.shape[1:]} with its padding"
            )
        rng = current_generator(self.generator)
        top = int(rng.integers(image.shape[1] - height + 1))
        left = int(rng.integers(image.shape[2] - width + 1))
        return image[:, top : top + height, left : left + width]

    def _padded(self, image: Array, padding: int | Sequence[int]) -> Array:
        return Pad(padding, self.fill, self.padding_mode).apply(image)


class RandomHorizontalFlip(_ImageTransform):
    """The image mirrored left to right, with probability `p`.

    >>> from nn.data.transforms import RandomHorizontalFlip
    >>> RandomHorizontalFlip(p=1.0)(tensor([[[1.0, 2.0]]]))
    tensor([[[2., 1.]]])
    """

    def __init__(self, p: float = 0.5, *, generator: Generator = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p is a probability, got {p}")
        self.p = p
        self.generator = as_generator(generator, "RandomHorizontalFlip")

    def apply(self, image: Array) -> Array:
        return image[..., ::-1] if current_generator(self.generator).random() < self.p else image
