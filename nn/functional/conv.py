"""Convolution (cross-correlation) over n spatial axes: pad → sliding_windows → einsum."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.functional.sizes import PerAxis, check_fits, extents, per_axis

_POSITIONS, _TAPS = "hijk", "wxyz"


def conv(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """y[n, f, o] = b[f] + Σ_c,k x[n, c, stride·o + dilation·k - padding] · w[f, c, k], over n spatial axes.

    Shapes: input (N, C, *S) or (C, *S), weight (F, C/groups, *K), bias (F,); result (N, F, *O) or (F, *O), where O = (S
    + 2·padding - dilation·(K - 1) - 1) // stride + 1. The spatial axes are as many as the weight has. `stride`,
    `padding` and `dilation` are ints or one int for each axis; `padding` may be "valid" (0) or "same" (O = S, stride
    1). With `groups`, the channels are cut into as many parts, and each part of the outputs sees only its own part of
    the inputs.

    Raises ValueError for channels that do not match, groups that do not divide them, a kernel larger than the padded
    input.

    >>> from nn import functional as F
    >>> F.conv(tensor([[[1.0, 2.0, 3.0]]]), tensor([[[1.0, 10.0]]]))
    tensor([[[21., 32.]]])
    """
    n = weight.ndim - 2
    op = f"conv{n}d"
    if not 1 <= n <= len(_TAPS):
        raise ValueError(f"conv: wants a weight (F, C, *K) of 1 to {len(_TAPS)} spatial axes, got shape {weight.shape}")
    if input.ndim == n + 1:
        return ag.squeeze(conv(ag.expand_dims(input, 0), weight, bias, stride, padding, dilation, groups), 0)
    kernel = weight.shape[2:]
    stride = per_axis(op, "stride", stride, n)
    dilation = per_axis(op, "dilation", dilation, n)
    _check(op, input, weight, bias, groups)
    pads = _pads(op, padding, kernel, stride, dilation)
    check_fits(op, input.shape, pads, kernel, dilation)

    batch, features = input.shape[0], weight.shape[0]
    at, tap = _POSITIONS[:n], _TAPS[:n]
    x = ag.pad(input, [(0, 0), (0, 0), *pads]) if any(map(any, pads)) else input  # (N, C, *S + pads)
    windows = ag.sliding_windows(x, kernel, stride, dilation, axes=tuple(range(2, 2 + n)))  # (N, C, *O, *K)
    if groups == 1:
        y = ag.einsum(f"nc{at}{tap},fc{tap}->nf{at}", windows, weight)  # (N, F, *O)
    else:
        windows = ag.reshape(windows, (batch, groups, -1, *windows.shape[2:]))  # (N, G, C/G, *O, *K)
        weight = ag.reshape(weight, (groups, -1, *weight.shape[1:]))  # (G, F/G, C/G, *K)
        y = ag.einsum(f"ngc{at}{tap},gfc{tap}->ngf{at}", windows, weight)  # (N, G, F/G, *O)
        y = ag.reshape(y, (batch, features, *y.shape[3:]))  # (N, F, *O)
    return y if bias is None else y + ag.reshape(bias, (features, *(1,) * n))


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """`conv` over (N, C, L)."""
    _check_weight("conv1d", weight, 1)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """`conv` over (N, C, H, W)."""
    _check_weight("conv2d", weight, 2)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """`conv` over (N, C, D, H, W)."""
    _check_weight("conv3d", weight, 3)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def same_pads(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> list[tuple[int, int]]:
    """The (before, after) padding of each axis that leaves its length as it is, at stride 1."""
    return [((extent - 1) // 2, extent // 2) for extent in extents(kernel, dilation)]


def _pads(
    op: str, padding: PerAxis | str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0)] * len(kernel)
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{op}: padding 'same' wants stride 1, got {stride}")
        return same_pads(kernel, dilation)
    if isinstance(padding, str):
        raise ValueError(f"{op}: padding has to be 'same', 'valid' or numbers, got {padding!r}")
    return [(p, p) for p in per_axis(op, "padding", padding, len(kernel), least=0)]


def _check_weight(op: str, weight: Tensor, n: int) -> None:
    if weight.ndim != n + 2:
        raise ValueError(f"{op}: wants a weight of {n + 2} dimensions, got shape {weight.shape}")


def _check(op: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    features, channels = weight.shape[:2]
    if input.ndim != weight.ndim:
        raise ValueError(
            f"{op}: wants an input of {weight.ndim} dimensions, or {weight.ndim - 1} without a batch; "
            f"got shape {input.shape}"
        )
    if groups < 1 or features % groups:
        raise ValueError(
            f"{op}: {features} output channels cannot be divided into {groups} groups; weight {weight.shape}"
        )
    if input.shape[1] != channels * groups:
        raise ValueError(
            f"{op}: input {input.shape} has {input.shape[1]} channels, but weight {weight.shape} "
            f"with groups={groups} wants {channels * groups}"
        )
    if min(weight.shape) < 1:
        raise ValueError(f"{op}: wants a weight without empty axes, got shape {weight.shape}")
    if bias is not None and bias.shape != (features,):
        raise ValueError(f"{op}: wants a bias of shape {(features,)}, got {bias.shape}")
