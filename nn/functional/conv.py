"""Convolution (cross-correlation) over n spatial axes: pad → sliding_windows → einsum."""

from __future__ import annotations

import autograd as ag
from autograd import Tensor
from nn.functional.sizes import Padding, PerAxis, check_fits, check_operands, once_for_ints, padding_pairs, per_axis

# One einsum letter for each spatial axis: where a window lies, and where in it.
POSITIONS, TAPS = "hijk", "wxyz"


def conv(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """y[n, f, o] = b[f] + Σ_c,k x[n, c, stride·o + dilation·k - padding] · w[f, c, k], over n spatial axes.

    This is what every network library calls convolution; in mathematics it is the correlation, which does not flip the
    kernel. `convolve` is the true convolution, which does.

    Shapes: input (N, C, *S) or (C, *S), weight (F, C/groups, *K), bias (F,); result (N, F, *O) or (F, *O), where O = (S
    + padding before + padding after - dilation·(K - 1) - 1) // stride + 1. The spatial axes are as many as the weight
    has. `stride` and `dilation` are ints or one int for each axis. `padding`, with zeros, is an int; an int or a pair
    (before, after) for each axis; "valid" (0); "same" (O = S, at stride 1); or "full" (dilation·(K - 1) on each side).
    With `groups`, the channels are cut into as many parts, and each part of the outputs sees only its own part of the
    inputs; with groups = C, a depthwise convolution, each channel makes F/C outputs of its own.

    An infinity or NaN may reach results nearby that do not see it: by Winograd's algorithm (`ag.use_winograd`), and in
    depthwise convolutions, which multiply with zeros. Under `no_grad` a large result is computed when somebody looks at
    its elements, together with what is done to it until then.

    Raises ValueError for channels that do not match, groups that do not divide them, a kernel larger than the padded
    input.

    >>> from nn import functional as F
    >>> F.conv(tensor([[[1.0, 2.0, 3.0]]]), tensor([[[1.0, 10.0]]]))
    tensor([[[21., 32.]]])
    >>> F.conv(tensor([[[1.0, 2.0, 3.0]]]), tensor([[[1.0, 10.0]]]), padding=[(1, 0)])
    tensor([[[10., 21., 32.]]])
    """
    n = weight.ndim - 2
    op = f"conv{n}d"
    if not 1 <= n <= len(TAPS):
        raise ValueError(f"conv: wants a weight (F, C, *K) of 1 to {len(TAPS)} spatial axes, got shape {weight.shape}")
    if input.ndim == n + 1:
        return ag.squeeze(conv(ag.expand_dims(input, 0), weight, bias, stride, padding, dilation, groups), 0)
    _check(op, input, weight, bias, groups)
    kernel = weight.shape[2:]
    stride, dilation, pads = _settings(op, input.shape, kernel, stride, padding, dilation)

    batch, features = input.shape[0], weight.shape[0]
    at, tap = POSITIONS[:n], TAPS[:n]
    x = ag.pad(input, [(0, 0), (0, 0), *pads]) if any(map(any, pads)) else input  # (N, C, *S + pads)
    windows = ag.sliding_windows(x, kernel, stride, dilation, axes=tuple(range(2, 2 + n)))  # (N, C, *O, *K)
    if groups == 1:
        y = ag.einsum(f"nc{at}{tap},fc{tap}->nf{at}", windows, weight)  # (N, F, *O)
    else:
        parts = (groups, weight.shape[1])
        windows = ag.reshape(windows, (batch, *parts, *windows.shape[2:]))  # (N, G, C/G, *O, *K)
        weight = ag.reshape(weight, (groups, features // groups, *weight.shape[1:]))  # (G, F/G, C/G, *K)
        y = ag.einsum(f"ngc{at}{tap},gfc{tap}->ngf{at}", windows, weight)  # (N, G, F/G, *O)
        y = ag.reshape(y, (batch, features, *y.shape[3:]))  # (N, F, *O)
    return y if bias is None else y + ag.reshape(bias, (features, *(1,) * n))


@once_for_ints
def _settings(
    op: str, shape: tuple[int, ...], kernel: tuple[int, ...], stride: PerAxis, padding: Padding, dilation: PerAxis
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Stride, dilation and padding for each axis; ValueError unless they are such and a window fits."""
    n = len(kernel)
    steps, apart = per_axis(op, "stride", stride, n), per_axis(op, "dilation", dilation, n)
    pads = padding_pairs(op, padding, kernel, steps, apart)
    check_fits(op, shape, pads, kernel, apart)
    return steps, apart, tuple(pads)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """`conv` over (N, C, L); the kernel is not flipped (`convolve` flips it).

    >>> from nn import functional as F
    >>> F.conv1d(tensor([[[1.0, 4.0, 9.0, 16.0]]]), tensor([[[-1.0, 1.0]]]))
    tensor([[[3., 5., 7.]]])
    >>> F.conv1d(tensor([[[1.0, 4.0, 9.0, 16.0]]]), tensor([[[-1.0, 1.0]]]), dilation=2)
    tensor([[[ 8., 12.]]])
    """
    check_weight("conv1d", weight, 1)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """`conv` over (N, C, H, W); the kernel is not flipped (`convolve` flips it).

    >>> from nn import functional as F
    >>> F.conv2d(tensor([[[[1.0, 1.0, 5.0], [1.0, 1.0, 5.0]]]]), tensor([[[[-1.0, 1.0]]]]))
    tensor([[[[0., 4.],
              [0., 4.]]]])
    >>> F.conv2d(zeros((1, 3, 8, 9)), zeros((4, 3, 3, 2)), stride=(2, 1)).shape
    (1, 4, 3, 8)
    """
    check_weight("conv2d", weight, 2)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """`conv` over (N, C, D, H, W); the kernel is not flipped (`convolve` flips it).

    >>> from nn import functional as F
    >>> frames = tensor([[[[[1.0, 2.0]], [[1.0, 5.0]]]]])  # D = 2, H = 1, W = 2
    >>> F.conv3d(frames, tensor([[[[[-1.0]], [[1.0]]]]]))
    tensor([[[[[0., 3.]]]]])
    """
    check_weight("conv3d", weight, 3)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """The true convolution, which flips the kernel: `conv` with the weight reversed along its spatial axes.

    y[n, f, o] = b[f] + Σ_c,k x[n, c, stride·o + dilation·(K - 1 - k) - padding] · w[f, c, k]; the arguments, shapes and
    errors are those of `conv`, which does not flip, and which libraries call convolution nevertheless. With
    padding="full" it is np.convolve; the response to an impulse is the kernel (to `conv`, the flipped kernel).

    >>> from nn import functional as F
    >>> F.convolve(tensor([[[0.0, 1.0, 0.0]]]), tensor([[[1.0, 2.0, 3.0]]]), padding="same")
    tensor([[[1., 2., 3.]]])
    >>> F.conv(tensor([[[0.0, 1.0, 0.0]]]), tensor([[[1.0, 2.0, 3.0]]]), padding="same")
    tensor([[[3., 2., 1.]]])
    """
    return conv(input, ag.flip(weight, tuple(range(2, weight.ndim))), bias, stride, padding, dilation, groups)


def check_weight(op: str, weight: Tensor, n: int) -> None:
    """ValueError unless a weight has `n` spatial axes."""
    if weight.ndim != n + 2:
        raise ValueError(f"{op}: wants a weight of {n + 2} dimensions, got shape {weight.shape}")


def _check(op: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    features, channels = weight.shape[:2]
    check_operands(op, input, weight, bias, features)
    if groups < 1 or features % groups:
        raise ValueError(
            f"{op}: {features} output channels cannot be divided into {groups} groups; weight {weight.shape}"
        )
    if input.shape[1] != channels * groups:
        raise ValueError(
            f"{op}: input {input.shape} has {input.shape[1]} channels, but weight {weight.shape} "
            f"with groups={groups} wants {channels * groups}"
        )
