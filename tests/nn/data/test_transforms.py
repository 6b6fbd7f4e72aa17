"""Transforms of images: values by hand, kinds, randomness and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd import tensor
from autograd.tensor import Tensor
from nn.data.transforms import Compose, Lambda, Normalize, Pad, RandomCrop, RandomHorizontalFlip, ToTensor

IMAGE = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def test_to_tensor() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    t = ToTensor()(image)
    assert isinstance(t, Tensor)
    assert t.dtype == np.float32
    for h, w, c in np.ndindex(image.shape):
        assert t.data[c, h, w] == np.float32(image[h, w, c]) / np.float32(255)
    assert ToTensor()(image[..., 0]).shape == (1, 2, 4)
    np.testing.assert_array_equal(ToTensor()(np.full((1, 1), 3.5)).data, [[[3.5]]])
    assert t.data.flags.c_contiguous


def test_normalize() -> None:
    result = Normalize([1.0, 2.0], [2.0, 4.0])(IMAGE)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, np.stack([(IMAGE[0] - 1) / 2, (IMAGE[1] - 2) / 4]))
    np.testing.assert_allclose(Normalize(1.0, 2.0)(tensor(IMAGE)).data, (IMAGE - 1) / 2)
    np.testing.assert_array_equal(IMAGE, np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("padding", "sides"), [(2, (2, 2, 2, 2)), ((1, 2), (1, 2, 1, 2)), ([1, 2, 3, 0], (1, 2, 3, 0)), (0, (0,) * 4)]
)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad(padding: Any, sides: tuple[int, ...], mode: str) -> None:
    left, top, right, bottom = sides

    def source(i: int, n: int) -> int:
        """Where the pixel at position i (possibly outside) of a line of n comes from."""
        if mode == "edge":
            return min(max(i, 0), n - 1)
        if mode == "reflect":
            return -i if i < 0 else 2 * (n - 1) - i if i >= n else i
        return -1 - i if i < 0 else 2 * n - 1 - i if i >= n else i

    result = Pad(padding, fill=9, padding_mode=mode)(IMAGE)
    assert result.shape == (2, 3 + top + bottom, 4 + left + right)
    for c, y, x in np.ndindex(result.shape):
        i, j = y - top, x - left
        outside = not (0 <= i < 3 and 0 <= j < 4)
        expected = 9 if mode == "constant" and outside else IMAGE[c, source(i, 3), source(j, 4)]
        assert result[c, y, x] == expected


def test_crop_reaches_every_place_equally() -> None:
    crop = RandomCrop(2, generator=0)
    corners = [int(crop(IMAGE)[0, 0, 0]) for _ in range(600)]
    places, counts = np.unique(corners, return_counts=True)
    assert places.tolist() == [0, 1, 2, 4, 5, 6]
    assert counts.min() > 60
    window = crop(IMAGE)
    y, x = divmod(int(window[0, 0, 0]), 4)
    np.testing.assert_array_equal(window, IMAGE[:, y : y + 2, x : x + 2])


def test_crop_with_padding() -> None:
    assert RandomCrop((5, 6), padding=1)(IMAGE).shape == (2, 5, 6)
    np.testing.assert_array_equal(RandomCrop((5, 6), padding=1, fill=7)(IMAGE), Pad(1, 7)(IMAGE))
    edge = RandomCrop((5, 6), padding=1, padding_mode="edge")(IMAGE)
    np.testing.assert_array_equal(edge, Pad(1, padding_mode="edge")(IMAGE))
    assert RandomCrop(8, pad_if_needed=True)(IMAGE).shape == (2, 8, 8)
    for size in ((4, 4), (3, 5)):  # an image that is one short holds in every such crop
        for _ in range(10):
            assert RandomCrop(size, pad_if_needed=True)(IMAGE).sum() == IMAGE.sum()


def test_flip() -> None:
    np.testing.assert_array_equal(RandomHorizontalFlip(1.0)(IMAGE), IMAGE[:, :, ::-1])
    np.testing.assert_array_equal(RandomHorizontalFlip(0.0)(IMAGE), IMAGE)
    flip = RandomHorizontalFlip(0.25, generator=np.random.default_rng(0))
    share = np.mean([flip(IMAGE)[0, 0, 0] == 3 for _ in range(1000)])
    assert 0.2 < share < 0.3
    runs = [[flip(IMAGE)[0, 0, 0] for _ in range(20)] for flip in (RandomHorizontalFlip(generator=1) for _ in range(2))]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("transform", [RandomCrop(2), RandomHorizontalFlip()], ids=["crop", "flip"])
def test_the_default_generator_is_seeded(transform: Any) -> None:
    runs = []
    for seed in (1, 1, 2):
        autograd.random.manual_seed(seed)
        runs.append([transform(IMAGE)[0, 0, 0] for _ in range(20)])
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    "transform", [Normalize(0.5, 0.5), Pad(1), RandomCrop(2, padding=1), RandomHorizontalFlip()], ids=repr
)
def test_kind_in_kind_out(transform: Any) -> None:
    assert isinstance(transform(IMAGE), np.ndarray)
    assert isinstance(transform(tensor(IMAGE)), Tensor)


def test_sizes_may_be_numpys() -> None:
    assert Pad(np.int64(1))(IMAGE).shape == (2, 5, 6)
    assert RandomCrop(np.int64(2), padding=np.array([1, 0]))(IMAGE).shape == (2, 2, 2)


def test_compose_and_repr() -> None:
    both = Compose([Lambda(lambda x: x + 1), Pad(1), RandomCrop(3, padding=(1, 2))])
    assert both(IMAGE).shape == (2, 3, 3)
    assert repr(both).splitlines() == [
        "Compose(",
        "    Lambda()",
        "    Pad(padding=1, fill=0, padding_mode=constant)",
        "    RandomCrop(size=(3, 3), padding=(1, 2), pad_if_needed=False, fill=0, padding_mode=constant)",
        ")",
    ]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ToTensor()(np.zeros(3)), ValueError, r"ToTensor: wants an image of shape .*, got \(3,\)"),
        (lambda: ToTensor()(tensor([[1.0]])), TypeError, "ToTensor: wants an array .* got a Tensor"),
        (lambda: Normalize(0, 0), ValueError, "Normalize: std must not be zero, got 0"),
        (lambda: Normalize([0, 0, 0], 1)(IMAGE), ValueError, "got 3 means for an image of 2 channels"),
        (lambda: Normalize(0, [1, 1, 1])(IMAGE), ValueError, "got 3 stds for an image of 2 channels"),
        (lambda: Normalize(0, 1)(IMAGE.astype(int)), TypeError, "wants a floating-point image, got int64"),
        (lambda: Pad(1)(IMAGE[0]), ValueError, r"Pad: wants an image of shape \(C, H, W\), got \(3, 4\)"),
        (lambda: Pad(1)([[[1.0]]]), TypeError, "Pad: wants an array or a Tensor, got list"),
        (lambda: Pad(-1), ValueError, "padding is 1, 2 or 4 numbers of pixels from 0, got -1"),
        (lambda: Pad((1, 2, 3)), ValueError, r"padding is 1, 2 or 4 numbers of pixels from 0, got \(1, 2, 3\)"),
        (lambda: Pad(1, padding_mode="wrap"), ValueError, "padding_mode is .*, got 'wrap'"),
        (lambda: Pad(1.5), TypeError, "Pad: padding is a whole number or several, got 1.5"),
        (lambda: RandomCrop(2.5), TypeError, "RandomCrop: size is a whole number or several, got 2.5"),
        (lambda: RandomCrop((2, 3, 4)), ValueError, r"size is an int or a pair .*, got \(2, 3, 4\)"),
        (lambda: RandomCrop(0), ValueError, "size is an int or a pair .*, got 0"),
        (lambda: RandomCrop(4)(IMAGE), ValueError, r"wants an image of at least \(4, 4\), got \(3, 4\)"),
        (lambda: RandomHorizontalFlip(1.5), ValueError, "p is a probability, got 1.5"),
        (lambda: RandomCrop(1, generator="x"), TypeError, "RandomCrop: generator is a numpy.random.Generator"),
    ],
)
def test_errors(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
