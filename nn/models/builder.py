"""What the functions that build networks share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from nn import init
from nn.layers import Conv2d, Linear
from nn.module import Module

Network = TypeVar("Network", bound=Module)


def builder(build: Callable[..., Network]) -> Callable[..., Network]:
    """`build`, taking torchvision's `weights` too, which can only be None: trained weights are never downloaded.

    torchvision's `progress`, of the download, changes nothing.
    """

    @functools.wraps(build)
    def checked(*, weights: None = None, progress: bool = True, **options: Any) -> Network:
        if weights is not None:
            raise ValueError(
                f"{build.__name__}: weights={weights!r} cannot be had, since nothing is downloaded; "
                "read the weights from a file and hand them to load_state_dict"
            )
        return build(**options)

    # help() would else show what `build` takes
    checked.__signature__ = inspect.signature(checked, follow_wrapped=False)  # type: ignore[attr-defined]
    return checked


def divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, but not below nine tenths of it."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * channels else nearest + divisor


def zero_bias(layer: Conv2d | Linear) -> None:
    """Start the bias from 0, if there is one."""
    if layer.bias is not None:
        init.zeros_(layer.bias)
