"""Convolution with arrays in the order of the kernels' memory, batch last, by plain loops over taps; with what tests of
fast kernels give them, and how they compare."""

import numpy as np


def plainly(x, weight, g, before, dilation):
    """The result, the gradient of the images and that of the weight, in float64."""
    x, weight, g = (a.astype(np.float64) for a in (x, weight, g))
    padded = np.pad(x, ((0, 0), *((n, n) for n in before), (0, 0)))
    y, to_weight, back = np.zeros(g.shape), np.zeros(weight.shape), np.zeros(padded.shape)
    for tap in np.ndindex(weight.shape[2:]):
        starts = [t * d for t, d in zip(tap, dilation, strict=True)]
        seen = (slice(None), *(slice(n, n + p) for n, p in zip(starts, g.shape[1:-1], strict=True)))
        own = (..., *tap)
        y += np.einsum("fc,c...->f...", weight[own], padded[seen], optimize=True)
        to_weight[own] = np.tensordot(g, padded[seen], (range(1, g.ndim), range(1, g.ndim)))
        back[seen] += np.einsum("fc,f...->c...", weight[own], g, optimize=True)
    inside = (slice(n, n + length) for n, length in zip(before, x.shape[1:], strict=False))
    return y, back[:, *inside], to_weight


def batch_first(x):
    """The same numbers with the batch as the slowest axis in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)


LAYOUTS = {
    "batch last": lambda x: x,
    "batch first": batch_first,
    "every other row": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "images backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "columns backwards": lambda x: np.ascontiguousarray(x[..., ::-1, :])[..., ::-1, :],
    "stretched": lambda x: np.broadcast_to(x[:1, :, :1], x.shape),
}


def drawn(shape, features, before, dtype, seed=0, dilation=None, taps=None):
    """Images, weights and a cotangent of the results."""
    random = np.random.default_rng(seed)
    channels, *lengths, images = shape
    dilation = dilation or (1,) * len(lengths)
    taps = taps or (3,) * len(lengths)
    spatial = zip(lengths, before, dilation, taps, strict=True)
    results = (features, *(n + 2 * zeros - (t - 1) * d for n, zeros, d, t in spatial), images)
    kinds = (shape, (features, channels, *taps), results)
    return [random.standard_normal(kind).astype(dtype) for kind in kinds]


def error(found, expected):
    scale = np.sqrt(np.mean(np.square(expected)))
    return np.abs(found - expected).max() / scale if scale else np.abs(found).max()
