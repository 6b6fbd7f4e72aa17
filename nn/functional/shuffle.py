"""Shuffles: blocks of pixels made of channels and back, and channels dealt out over groups."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Groups of r² channels become blocks of r × r pixels: (*, C·r², H, W) to (*, C, H·r, W·r), r = `upscale_factor`.

    y[…, c, h·r + i, w·r + j] = x[…, c·r² + i·r + j, h, w]. Raises ValueError for channels that r² does not divide.

    Source: Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network".

    >>> from nn import functional as F
    >>> F.pixel_shuffle(tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    r = _positive("pixel_shuffle", "upscale_factor", upscale_factor)
    *rest, channels, height, width = _image("pixel_shuffle", input)
    if channels % r**2:
        raise ValueError(f"pixel_shuffle: {r}² does not divide {channels} channels; input shape {input.shape}")
    n = len(rest)
    x = ag.reshape(input, (*rest, channels // r**2, r, r, height, width))
    x = ag.transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))  # (*, C, H, r, W, r)
    return ag.reshape(x, (*rest, channels // r**2, height * r, width * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Blocks of r × r pixels become r² channels: (*, C, H·r, W·r) to (*, C·r², H, W). The inverse of `pixel_shuffle`.

    r is `downscale_factor`. Raises ValueError for a height or width that it does not divide.

    >>> from nn import functional as F
    >>> F.pixel_unshuffle(tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2).shape
    (4, 1, 1)
    """
    r = _positive("pixel_unshuffle", "downscale_factor", downscale_factor)
    *rest, channels, height, width = _image("pixel_unshuffle", input)
    if height % r or width % r:
        raise ValueError(f"pixel_unshuffle: {r} does not divide {height} × {width}; input shape {input.shape}")
    n = len(rest)
    x = ag.reshape(input, (*rest, channels, height // r, r, width // r, r))
    x = ag.transpose(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))  # (*, C, r, r, H, W)
    return ag.reshape(x, (*rest, channels * r**2, height // r, width // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels, cut into G groups, taken from each group in turn: (N, C, *S) to the same shape.

    y[:, k·G + g] = x[:, g·(C/G) + k], so that the next grouped convolution sees channels of every group. Raises
    ValueError for groups that do not divide the channels.

    Source: Zhang et al. 2018, "ShuffleNet: an extremely efficient convolutional neural network for mobile devices".

    >>> from nn import functional as F
    >>> F.channel_shuffle(arange(6.0).reshape(1, 6, 1), 2).reshape(-1)
    tensor([0., 3., 1., 4., 2., 5.])
    """
    groups = _positive("channel_shuffle", "groups", groups)
    if input.ndim < 3:
        raise ValueError(f"channel_shuffle: wants an input (N, C, *S), got shape {input.shape}")
    batch, channels, *spatial = input.shape
    if channels % groups:
        raise ValueError(
            f"channel_shuffle: {channels} channels cannot be divided into {groups} groups; input shape {input.shape}"
        )
    x = ag.reshape(input, (batch, groups, channels // groups, *spatial))
    return ag.reshape(ag.swapaxes(x, 1, 2), input.shape)


def _positive(op: str, name: str, value: int) -> int:
    if not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"{op}: {name} has to be a positive int, got {value!r}")
    return value.__index__()


def _image(op: str, input: Tensor) -> tuple[int, ...]:
    if input.ndim < 3:
        raise ValueError(f"{op}: wants an input (*, C, H, W), got shape {input.shape}")
    return input.shape
