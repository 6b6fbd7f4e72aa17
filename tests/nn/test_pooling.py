"""Pooling and unpooling: PyTorch's values, gradients and indices over drawn options; worked numbers; messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from against_torch import compare_functions, compare_modules, torch
from derivatives import check_derivatives
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd as ag
import nn
from nn import functional as F

TF = torch.nn.functional
EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text())
dimensions = st.integers(1, 3)
drawn = settings(max_examples=60, deadline=None)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_maxima_of_integers_with_borders(dtype: Any) -> None:
    x = np.random.default_rng(0).integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (2, 3, 5, 7), dtype)
    kwargs = {"padding": 1, "ceil_mode": True}
    ours = F.max_pool2d(ag.tensor(x), 3, 2, **kwargs)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours.numpy(), TF.max_pool2d(torch.tensor(x), 3, 2, **kwargs).numpy())


def zeros(*shape: int, dtype: Any = np.float32) -> ag.Tensor:
    return ag.tensor(np.zeros(shape, dtype))


@st.composite
def lengths(draw: Any, n: int, least: int = 1, most: int = 8) -> tuple[int, ...]:
    return tuple(draw(st.integers(least, most)) for _ in range(n))


@st.composite
def batches(draw: Any, spatial: tuple[int, ...]) -> np.ndarray:
    lead = draw(st.sampled_from([(2, 3), (3,), (1, 1), (0, 2)]))
    ties = draw(st.booleans())
    x = normal(*lead, *spatial)
    return np.round(x) if ties else x


@st.composite
def windows(draw: Any, n: int) -> tuple[np.ndarray, dict[str, Any]]:
    """An input, and a kernel size, stride, padding and ceil_mode that fit it."""
    kernel = draw(lengths(n, 1, 4))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    spatial = draw(lengths(n))
    assume(all(s + 2 * p >= k for s, p, k in zip(spatial, padding, kernel, strict=True)))
    options = {
        "kernel_size": kernel,
        "stride": draw(st.none() | lengths(n, 1, 4)),
        "padding": padding,
        "ceil_mode": draw(st.booleans()),
    }
    return draw(batches(spatial)), options


def torch_only(options: dict[str, Any]) -> dict[str, Any]:
    """PyTorch's 1d functions take no stride of None from Python."""
    return {name: value for name, value in options.items() if value is not None}


@drawn
@given(st.data())
def test_max_pool(data: Any) -> None:
    n = data.draw(dimensions)
    x, options = data.draw(windows(n))
    options["dilation"] = dilation = data.draw(lengths(n, 1, 3))
    for s, p, k, d in zip(x.shape[-n:], options["padding"], options["kernel_size"], dilation, strict=True):
        assume(s + 2 * p > d * (k - 1))
        assume(p == 0 or d == 1 or s > d)  # else a window may lie in the padding alone
    ours, theirs = getattr(F, f"max_pool{n}d"), getattr(TF, f"max_pool{n}d")
    compare_functions(lambda t: ours(t, **options), lambda t: theirs(t, **torch_only(options)), x)
    if x.size:
        _, found = ours(ag.tensor(x), **options, return_indices=True)
        _, wanted = theirs(torch.tensor(x), **torch_only(options), return_indices=True)
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())


@drawn
@given(st.data())
def test_avg_pool(data: Any) -> None:
    n = data.draw(dimensions)
    x, options = data.draw(windows(n))
    if n == 3:  # PyTorch does not count the padding here
        assume(all(s >= k for s, k in zip(x.shape[-n:], options["kernel_size"], strict=True)))
    options["count_include_pad"] = data.draw(st.booleans())
    if n > 1:
        options["divisor_override"] = data.draw(st.sampled_from([None, 1, 3, -2]))
    ours, theirs = getattr(F, f"avg_pool{n}d"), getattr(TF, f"avg_pool{n}d")
    compare_functions(lambda t: ours(t, **options), lambda t: theirs(t, **torch_only(options)), x)


@drawn
@given(st.data())
def test_lp_pool(data: Any) -> None:
    n = data.draw(dimensions)
    x, options = data.draw(windows(n))
    del options["padding"]
    assume(all(s >= k for s, k in zip(x.shape[-n:], options["kernel_size"], strict=True)))
    p = data.draw(st.sampled_from([1, 2, 2.0, 3, 4, 1.5, np.inf, -np.inf]))
    x = np.abs(x) if p in (1.5, 3) else x
    ours, theirs = getattr(F, f"lp_pool{n}d"), getattr(TF, f"lp_pool{n}d")
    if n == 1 and np.isfinite(p):
        options["kernel_size"] = options["kernel_size"][0]
    compare_functions(lambda t: ours(t, p, **options), lambda t: theirs(t, p, **torch_only(options)), x)


@drawn
@given(st.data())
def test_adaptive_pool(data: Any) -> None:
    n = data.draw(dimensions)
    x = np.round(normal(2, 3, *data.draw(lengths(n))), data.draw(st.sampled_from([0, 9])))
    one = st.integers(1, 9)
    size = data.draw(one if n == 1 else one | st.tuples(*[st.none() | one] * n))
    ours, theirs = getattr(F, f"adaptive_avg_pool{n}d"), getattr(TF, f"adaptive_avg_pool{n}d")
    compare_functions(lambda t: ours(t, size), lambda t: theirs(t, size), x)
    ours, theirs = getattr(F, f"adaptive_max_pool{n}d"), getattr(TF, f"adaptive_max_pool{n}d")
    compare_functions(lambda t: ours(t, size), lambda t: theirs(t, size), x)
    _, found = ours(ag.tensor(x), size, return_indices=True)
    _, wanted = theirs(torch.tensor(x), size, return_indices=True)
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())


@drawn
@given(st.data())
def test_fractional_max_pool(data: Any) -> None:
    n = data.draw(st.integers(2, 3))
    kernel = data.draw(lengths(n, 1, 3))
    spare = int(n == 3)  # which PyTorch wants here, though it would do without
    spatial = tuple(k + data.draw(st.integers(spare, 7)) for k in kernel)
    size = tuple(data.draw(st.integers(1, s - k + 1 - spare)) for s, k in zip(spatial, kernel, strict=True))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    x = normal(2, 3, *spatial).astype(dtype)
    samples = np.random.default_rng(data.draw(st.integers(0, 1000))).random((2, 3, n)).astype(dtype)
    if data.draw(st.booleans()):
        x, samples = x[0], samples[:1]
    ours, theirs = getattr(F, f"fractional_max_pool{n}d"), getattr(TF, f"fractional_max_pool{n}d")
    options = {"kernel_size": kernel, "output_size": size}
    compare_functions(
        lambda t: ours(t, **options, _random_samples=ag.tensor(samples)),
        lambda t: theirs(t, **options, _random_samples=torch.tensor(samples)),
        x,
    )
    _, found = ours(ag.tensor(x), **options, return_indices=True, _random_samples=ag.tensor(samples))
    _, wanted = theirs(torch.tensor(x), **options, return_indices=True, _random_samples=torch.tensor(samples))
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_max_pool_draws_and_takes_a_ratio(n: int) -> None:
    pool = getattr(F, f"fractional_max_pool{n}d")
    x = ag.tensor(normal(2, 3, *range(9, 9 + n)))
    ag.manual_seed(0)
    y = pool(x, 2, output_ratio=0.7)
    assert y.shape == (2, 3, *(int(s * 0.7) for s in x.shape[2:]))
    ag.manual_seed(0)
    np.testing.assert_array_equal(pool(x, 2, output_ratio=(0.7,) * n).numpy(), y.numpy())
    assert not np.array_equal(pool(x, 2, output_ratio=0.7).numpy(), y.numpy())


@drawn
@given(st.data())
def test_max_unpool(data: Any) -> None:
    n = data.draw(dimensions)
    kernel = data.draw(lengths(n, 1, 3))
    stride = tuple(k + data.draw(st.integers(0, 1)) for k in kernel)  # windows apart: one place for each maximum
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    spatial = tuple(data.draw(st.integers(k, 9)) for k in kernel)
    x = normal(2, 3, *spatial)
    y, switches = F.max_pool(ag.tensor(x), n, kernel, stride, padding, return_indices=True)
    usual = [(o - 1) * s + k - 2 * p for o, s, k, p in zip(y.shape[2:], stride, kernel, padding, strict=True)]
    size = data.draw(st.sampled_from([spatial, (2, 3, *spatial)]))
    assume(all(abs(s - u) < step for s, u, step in zip(spatial, usual, stride, strict=True)))
    ours, theirs = getattr(F, f"max_unpool{n}d"), getattr(TF, f"max_unpool{n}d")
    compare_functions(
        lambda t: ours(t, switches, kernel, stride, padding, size),
        lambda t: theirs(t, torch.tensor(switches.numpy()), kernel, stride, padding, size),
        y.numpy(),
    )


def test_max_unpool_keeps_the_last_of_several_for_one_place() -> None:
    x = ag.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    y = F.max_unpool1d(x, ag.tensor([[1, 1, 3]]), 2, 1)
    assert y.tolist() == [[0, 2, 0, 3]]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_pools(keepdims: bool) -> None:
    x, axes = normal(2, 3, 4, 5), (2, 3)
    compare_functions(nn.GlobalAvgPool(keepdims), lambda t: t.mean(axes, keepdims), x)
    compare_functions(nn.GlobalMaxPool(keepdims), lambda t: t.amax(axes, keepdims), x)


def test_global_max_pool_gives_the_first_of_equals_the_whole_gradient() -> None:
    tied = ag.tensor(np.zeros((1, 1, 2, 2)), requires_grad=True)
    F.global_max_pool(tied).sum().backward()
    assert tied.grad.tolist() == [[[[1, 0], [0, 0]]]]


def options(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


LAYERS = [
    ("MaxPool1d", options(3, 2, 1), (2, 3, 9)),
    ("MaxPool3d", options(2, ceil_mode=True), (2, 3, 4, 5, 5)),
    ("AvgPool1d", options(2), (2, 3, 9)),
    ("AvgPool1d", options(3, 2, 1, True, False), (3, 8)),
    ("AvgPool3d", options(2, divisor_override=3), (2, 3, 4, 5, 5)),
    ("LPPool1d", options(2, 3), (2, 3, 9)),
    ("LPPool2d", options(2, (3, 2), stride=(2, 1), ceil_mode=True), (2, 3, 8, 7)),
    ("LPPool3d", options(1, 2), (2, 3, 4, 5, 5)),
    ("AdaptiveAvgPool1d", options(5), (2, 3, 9)),
    ("AdaptiveAvgPool2d", options(1), (2, 3, 7, 6)),
    ("AdaptiveAvgPool2d", options((7, 3)), (2, 3, 7, 6)),
    ("AdaptiveAvgPool2d", options((5, None)), (3, 7, 6)),
    ("AdaptiveAvgPool3d", options((2, None, 3)), (2, 3, 4, 5, 5)),
    ("AdaptiveMaxPool1d", options(5), (2, 3, 9)),
    ("AdaptiveMaxPool2d", options((5, None)), (2, 3, 7, 6)),
    ("AdaptiveMaxPool2d", options(1), (3, 7, 6)),
    ("AdaptiveMaxPool3d", options(3), (2, 3, 4, 5, 5)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), LAYERS)
def test_layer(name: str, arguments: Any, shape: tuple[int, ...]) -> None:
    args, kwargs = arguments
    compare_modules(getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs), normal(*shape))


@pytest.mark.parametrize("arguments", [(2,), (3, 2), (3, 2, 1)])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpooling_layer(n: int, arguments: tuple[int, ...]) -> None:
    x = normal(2, 3, *range(5, 5 + n))
    ours, theirs = getattr(nn, f"MaxUnpool{n}d")(*arguments), getattr(torch.nn, f"MaxUnpool{n}d")(*arguments)
    assert repr(ours) == repr(theirs)
    mine = ours(*getattr(nn, f"MaxPool{n}d")(*arguments, return_indices=True)(ag.tensor(x)), x.shape)
    wanted = theirs(*getattr(torch.nn, f"MaxPool{n}d")(*arguments, return_indices=True)(torch.tensor(x)), x.shape)
    np.testing.assert_array_equal(mine.numpy(), wanted.numpy())


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_layer(n: int) -> None:
    x, samples = normal(2, 3, *(9,) * n), np.random.default_rng(0).random((2, 3, n))
    name = f"FractionalMaxPool{n}d"
    ours = getattr(nn, name)(2, output_ratio=0.6, return_indices=True, _random_samples=ag.tensor(samples))
    theirs = getattr(torch.nn, name)(2, output_ratio=0.6, return_indices=True, _random_samples=torch.tensor(samples))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for mine, wanted in zip(ours(ag.tensor(x)), theirs(torch.tensor(x)), strict=True):
        np.testing.assert_array_equal(mine.numpy(), wanted.numpy())


@pytest.mark.parametrize(("example", "stride"), [("pooling_2x2_stride_1", 1), ("pooling_2x2_stride_2", 2)])
def test_worked_tables(example: str, stride: int) -> None:
    table = EXAMPLES[example]
    x = ag.tensor(np.array([table["input"]], np.float64))
    results = {
        "max": F.max_pool2d(x, 2, stride),
        "average": F.avg_pool2d(x, 2, stride),
        "l2_squared": F.lp_pool2d(x, 2, 2, stride) ** 2,
    }
    for name in table.keys() & results.keys():
        np.testing.assert_allclose(results[name].numpy()[0], table[name], rtol=1e-14, err_msg=name)


@drawn
@given(lengths(2, 1, 7), lengths(2, 1, 4), lengths(2, 1, 3), lengths(2, 1, 3), st.booleans(), st.data())
def test_indices_never_lie_in_the_padding(spatial: Any, kernel: Any, stride: Any, dilation: Any, ceil: bool, data: Any):
    """Not even where all of a window is -inf, as the padding is."""
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    x = np.where(np.random.default_rng(sum(spatial)).random((2, 3, *spatial)) < 0.6, -np.inf, normal(2, 3, *spatial))
    options = (kernel, stride, padding, dilation, ceil, True)
    try:
        wanted = TF.max_pool2d(torch.tensor(x), *options)
    except RuntimeError:
        with pytest.raises(ValueError, match="max_pool2d: a window"):
            F.max_pool2d(ag.tensor(x), *options)
        return
    for found, want in zip(F.max_pool2d(ag.tensor(x), *options), wanted, strict=True):
        np.testing.assert_array_equal(found.numpy(), want.numpy())


@pytest.mark.parametrize("size", [1, 2, 3])
def test_with_ceil_mode_a_window_may_be_larger_than_the_input(size: int) -> None:
    x = normal(1, 2, size, 2)
    for name, power in (("max_pool2d", ()), ("avg_pool2d", ()), ("lp_pool2d", (2,))):
        ours, theirs = (
            partial(lambda pool, t, power: pool(t, *power, kernel_size=3, stride=2, ceil_mode=True), pool, power=power)
            for pool in (getattr(F, name), getattr(TF, name))
        )
        if size == 1:
            with pytest.raises(ValueError, match=rf"{name}: a window \(3, 3\) .* covers \(3, 3\), more than"):
                ours(ag.tensor(x))
        else:
            compare_functions(ours, theirs, x)


def test_lp_pool_has_no_slope_where_all_is_zero() -> None:
    compare_functions(lambda t: F.lp_pool1d(t, 2, 2), lambda t: TF.lp_pool1d(t, 2, 2), np.array([[0.0, 0, 3, 4]]))


@pytest.mark.parametrize(
    "pool",
    [
        lambda x: F.lp_pool2d(x, 3, 2, 1),
        lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
        lambda x: F.adaptive_max_pool2d(x, (2, 3)),
        lambda x: F.fractional_max_pool2d(x, 2, (3, 1), _random_samples=ag.tensor(np.full((1, 2, 2), 0.4))),
        lambda x: F.max_unpool2d(x, ag.tensor(np.arange(40)[::2].reshape(1, 2, 5, 2) % 39), 2),
        lambda x: F.global_max_pool(x),
    ],
)
def test_derivatives_of_any_order(pool: Callable[[Any], Any]) -> None:
    check_derivatives(pool, np.random.default_rng(1).permutation(20).reshape(1, 2, 5, 2) / 7 + 0.1)


@pytest.mark.parametrize(
    "pool",
    [
        lambda x: F.lp_pool2d(x, 2.0, 2),
        lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
        lambda x: F.adaptive_max_pool2d(x, (2, 3)),
        lambda x: F.fractional_max_pool2d(x, 2, (3, 2)),
        lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
        lambda x: F.global_avg_pool(x),
    ],
)
def test_float32_stays(pool: Callable[[Any], Any]) -> None:
    x = ag.tensor(normal(2, 3, 5, 4).astype(np.float32), requires_grad=True)
    y = pool(x)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


ERRORS = [
    (lambda: F.lp_pool2d(zeros(1, 4, 4), 0, 2), "lp_pool2d: norm_type has to be other than 0"),
    (lambda: nn.LPPool1d(2, 5)(zeros(1, 1, 4)), r"lp_pool1d: a window \(5,\) .* more than the padded input \(4,\)"),
    (lambda: F.lp_pool2d(zeros(1, 4, 4), np.inf, 5), r"lp_pool2d: a window \(5, 5\) .* padded input \(4, 4\)"),
    (lambda: nn.AdaptiveAvgPool2d(2)(zeros(4, 4)), "adaptive_avg_pool2d: wants an input of 4 dimensions, or 3 without"),
    (lambda: nn.AdaptiveAvgPool2d((2, 2, 2))(zeros(1, 4, 4)), "adaptive_avg_pool2d: output_size .* an int or 2 ints"),
    (lambda: nn.AdaptiveMaxPool2d(-1)(zeros(1, 4, 4)), "adaptive_max_pool2d: output_size has to be at least 0, got"),
    (lambda: nn.AdaptiveMaxPool1d(2)(zeros(1, 1, 0)), r"adaptive_max_pool1d: .* not empty, got shape \(1, 1, 0\)"),
    (lambda: nn.GlobalAvgPool()(zeros(2, 3)), r"global_avg_pool: wants an input \(N, C, \*S\) .* got \(2, 3\)"),
    (lambda: nn.FractionalMaxPool2d(2), "FractionalMaxPool2d: wants either output_size or output_ratio, got None and"),
    (lambda: nn.FractionalMaxPool2d(2, output_ratio=1.5), "FractionalMaxPool2d: output_ratio .* between 0 and 1"),
    (
        lambda: F.fractional_max_pool2d(zeros(1, 4, 4), 3, 3),
        r"fractional_max_pool2d: \(3, 3\) windows \(3, 3\) .*not fit",
    ),
    (lambda: F.fractional_max_pool2d(zeros(1, 4, 4), 2, 2, 0.5), "fractional_max_pool2d: wants either"),
    (
        lambda: F.fractional_max_pool3d(zeros(2, 3, 4, 4, 4), 2, 2, _random_samples=zeros(2, 3, 2)),
        r"fractional_max_pool3d: wants _random_samples of shape \(2, 3, 3\), got \(2, 3, 2\)",
    ),
    (
        lambda: F.fractional_max_pool2d(zeros(1, 4, 4), 2, output_ratio=0.1),
        "fractional_max_pool2d: output_ratio 0.1 of",
    ),
    (
        lambda: nn.MaxUnpool2d(2)(zeros(1, 2, 2), zeros(1, 2, 3, dtype=np.int64)),
        r"max_unpool2d: wants integer indices of shape \(1, 2, 2\), as the input; got int64 \(1, 2, 3\)",
    ),
    (lambda: F.max_unpool2d(zeros(1, 2, 2), zeros(1, 2, 2), 2), "max_unpool2d: wants integer indices .* got float32"),
    (
        lambda: F.max_unpool2d(zeros(1, 2, 2), zeros(1, 2, 2, dtype=np.int64) + 16, 2),
        r"max_unpool2d: indices from 16 to 16 do not lie in an output of \(4, 4\)",
    ),
    (
        lambda: F.max_unpool2d(zeros(1, 2, 2), zeros(1, 2, 2, dtype=np.int64), 2, output_size=(6, 4)),
        r"max_unpool2d: output_size .* less than the stride \(2, 2\) away from \(4, 4\), got \(6, 4\)",
    ),
    (
        lambda: F.max_unpool1d(zeros(1, 2), zeros(1, 2, dtype=np.int64), 2, output_size=(1, 4)),
        r"max_unpool1d: output_size has to be 1 int, or a shape of 3; got \(1, 4\)",
    ),
    (
        lambda: F.max_unpool1d(zeros(1, 1), zeros(1, 1, dtype=np.int64), 2, 1, 1),
        r"max_unpool1d: \(1,\) with kernel_size \(2,\), stride \(1,\) and padding \(1,\) would give \(0,\)",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_message(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "pool",
    [F.max_pool2d, F.avg_pool2d, lambda x, k: F.lp_pool2d(x, 2.0, k)],
)
def test_the_message_has_the_shape_that_was_given(pool: Callable[..., Any]) -> None:
    for shape in ((5, 7, 2, 2), (7, 2, 2)):
        with pytest.raises(ValueError, match=re.escape(f"more than the padded input (2, 2); input shape {shape}")):
            pool(ag.zeros(shape), 3)
