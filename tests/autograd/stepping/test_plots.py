"""The numbers that are drawn, read back from the Axes, against plain NumPy; and that drawing changes nothing."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.stepping import plots

pyplot = pytest.importorskip("matplotlib.pyplot")


def trained(*shape: int, dtype: Any = np.float32) -> nn.Module:
    """A small convolutional network after one backward pass."""
    ag.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(32, 3)
    ).to(dtype)
    nn.functional.cross_entropy(model(ag.randn(5, 1, 8, 8, dtype=dtype)), ag.tensor([0, 1, 2, 0, 1])).backward()
    return model


def state(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def points(line: Any) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata(), float).tolist(), np.asarray(line.get_ydata(), float).tolist()


def test_gradient_norms() -> None:
    model = trained()
    ax = plots.gradient_norms(model)
    names = [name for name, _ in model.named_parameters()]
    norms = [float(np.sqrt((p.grad.numpy().astype(np.float64) ** 2).sum())) for p in model.parameters()]
    weights = [k for k, p in enumerate(model.parameters()) if p.ndim > 1]
    others = [k for k in range(len(names)) if k not in weights]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == names
    for line, chosen in zip(ax.get_lines(), (weights, others), strict=True):
        places, drawn = points(line)
        assert places == chosen
        np.testing.assert_allclose(drawn, [norms[k] for k in chosen], rtol=1e-6)
    assert ax.get_yscale() == "log"


def test_gradients_without_a_place_on_a_log_axis_are_marked_at_its_edges() -> None:
    named = {name: ag.tensor([1.0, 2.0], requires_grad=True) for name in "abcd"}
    for name, gradient in {"a": [3.0, 4.0], "b": [0.0, 0.0], "c": [np.nan, 1.0]}.items():
        named[name].grad = ag.tensor(gradient)
    ax = plots.gradient_norms(named)
    drawn = {line.get_label(): points(line) for line in ax.get_lines()}
    assert drawn["biases, scales"] == ([0], [5])
    assert drawn["exactly 0"][0] == [1]
    assert drawn["NaN or ∞"][0] == [2]
    ax.figure.canvas.draw()


def test_only_zero_gradients() -> None:
    x = ag.tensor([[1.0]], requires_grad=True)
    (x * 0).sum().backward()
    plots.gradient_norms({"x": x}).figure.canvas.draw()
    ax = plots.gradient_histograms({"x": x})
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.texts] == ["σ 0, 100% zeros"]


def test_several_models_on_one_axes() -> None:
    _, ax = pyplot.subplots()
    for label in ("first", "second"):
        assert plots.gradient_norms(trained(), label, ax=ax) is ax
    assert ax.get_legend_handles_labels()[1] == ["first", "second"]
    assert len({line.get_color() for line in ax.get_lines()}) == 2


@pytest.mark.parametrize("plot", [plots.gradient_norms, plots.gradient_histograms])
def test_no_gradient_is_an_error(plot: Any) -> None:
    with pytest.raises(ValueError, match=f"{plot.__name__}: no parameter has a gradient; run a backward pass first"):
        plot(nn.Linear(2, 2))


@pytest.mark.parametrize("log", [True, False])
def test_gradient_histograms_count_every_element(log: bool) -> None:
    model = trained()
    ax = plots.gradient_histograms(model, log=log)
    gradients = [p.grad.numpy().ravel() for p in model.parameters()]
    rows = [patch.get_data() for patch in ax.patches]
    assert len(rows) == len(gradients)
    for (heights, edges, base), gradient in zip(rows, gradients, strict=True):
        counts = np.histogram(np.abs(gradient) if log else gradient, edges)[0]
        np.testing.assert_allclose(heights - base, 0.9 * counts / max(counts.max(), 1), atol=1e-12)
    values = np.concatenate(gradients)
    assert rows[0].edges[-1] == pytest.approx(np.abs(values).max() if log else values.max())
    if not log:
        assert rows[0].edges[0] == pytest.approx(values.min())
    assert [row.baseline for row in rows] == list(range(len(rows)))[::-1]


def test_activation_histograms() -> None:
    model = trained().eval()
    x = ag.randn(6, 1, 8, 8)
    ax = plots.activation_histograms(model, x)
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == ["0 Conv2d", "1 BatchNorm2d", "2 ReLU", "3 Conv2d", "4 Flatten", "5 Linear"]
    y = x
    for k, layer in enumerate(model):
        y = layer(y)
        heights, edges, base = ax.patches[k].get_data()
        counts = np.histogram(y.numpy(), edges)[0]
        assert counts.sum() == y.size
        np.testing.assert_allclose(heights - base, 0.9 * counts / counts.max(), atol=1e-12)
        values = y.numpy().astype(np.float64)
        assert ax.texts[k].get_text().startswith(f"σ {values.std():.2g}")
    assert f"{(model[:3](x).numpy() == 0).mean():.0%} zeros" in ax.texts[2].get_text()


def test_layers_are_chosen_by_name_or_class_and_one_called_twice_comes_twice() -> None:
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.Identity())
    labels = [t.get_text() for t in plots.activation_histograms(model, ag.ones(2, 3)).get_yticklabels()]
    assert labels == ["0 Linear", "1 Tanh", "0 Linear (2)", "3 Identity"]
    ax = plots.activation_histograms(model, (ag.ones(2, 3),), layers=["1", nn.Identity])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1 Tanh", "3 Identity"]
    with pytest.raises(ValueError, match=r"the model called none of the layers \['nothing'\]"):
        plots.activation_histograms(model, ag.ones(2, 3), layers=["nothing"])


def test_activation_histograms_leave_the_model_as_it_was() -> None:
    model = trained()
    before = state(model)
    arrays = [tensor.array for tensor in (*model.parameters(), *model.buffers())]
    plots.activation_histograms(model, ag.randn(6, 1, 8, 8))
    with pytest.raises(ValueError, match=r"Conv2d|conv2d"):
        plots.activation_histograms(model, ag.ones(2, 2))
    for name, value in state(model).items():
        np.testing.assert_array_equal(value, before[name])
    assert all(t.array is array for t, array in zip((*model.parameters(), *model.buffers()), arrays, strict=True))
    assert not any(module._forward_hooks for module in model.modules())


def cells(mosaic: np.ndarray, height: int, width: int) -> list[np.ndarray]:
    """The images of a mosaic, with one pixel between them, row by row."""
    rows, columns = (mosaic.shape[0] + 1) // (height + 1), (mosaic.shape[1] + 1) // (width + 1)
    return [
        mosaic[r * (height + 1) : r * (height + 1) + height, c * (width + 1) : c * (width + 1) + width]
        for r in range(rows)
        for c in range(columns)
    ]


def test_filters_of_one_channel() -> None:
    weight = np.random.default_rng(0).normal(size=(5, 1, 3, 4))
    image = plots.filters(weight, columns=2).get_images()[0]
    drawn = cells(np.ma.filled(image.get_array(), np.nan), 3, 4)
    assert len(drawn) == 6
    for picture, one in zip(drawn, weight[:, 0], strict=False):
        np.testing.assert_array_equal(picture, one)
    assert np.isnan(drawn[5]).all()
    assert image.get_clim() == (-np.abs(weight).max(), np.abs(weight).max())


def test_filters_of_three_channels_are_in_colour() -> None:
    weight = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    image = plots.filters(ag.tensor(weight), columns=4).get_images()[0]
    for picture, one in zip(cells(np.asarray(image.get_array()), 2, 2), weight, strict=True):
        for channel in range(3):
            np.testing.assert_allclose(picture[..., channel], 0.5 + one[channel] / np.abs(weight).max() / 2)
        assert (picture[..., 3] == 1).all()


def test_filters_of_many_channels_have_a_row_each() -> None:
    weight = np.random.default_rng(0).normal(size=(3, 5, 2, 2))
    ax = plots.filters(weight)
    drawn = cells(np.ma.filled(ax.get_images()[0].get_array(), np.nan), 2, 2)
    for k, picture in enumerate(drawn):
        np.testing.assert_array_equal(picture, weight[k // 5, k % 5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input channel", "filter")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "1", "2"]


def test_filters_that_are_all_zero_or_not_finite() -> None:
    assert plots.filters(np.zeros((2, 1, 3, 3))).get_images()[0].get_clim() == (-1, 1)
    assert plots.filters(np.full((2, 1, 3, 3), np.nan)).get_images()[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("shape", [(3, 3), (0, 1, 3, 3)])
def test_filters_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"filters: wants a convolution's weight \(F, C, KH, KW\), got shape \("):
        plots.filters(np.zeros(shape))


def test_loss_curves() -> None:
    losses = np.random.default_rng(0).uniform(1, 2, 90)
    ax = plots.loss_curves({"training": losses, "held out": [2.0, 1.5, 1.25]}, smooth=4 / 90, epochs=3)
    raw, smooth, held_out = ax.get_lines()
    x, drawn = points(raw)
    np.testing.assert_allclose(x, (np.arange(90) + 1) / 30)
    assert drawn == losses.tolist()
    for k, value in enumerate(points(smooth)[1]):
        assert value == pytest.approx(np.mean(losses[max(0, k - 1) : k + 3]))
    assert points(held_out) == ([1, 2, 3], [2, 1.5, 1.25])
    assert raw.get_color() == smooth.get_color() != held_out.get_color()
    assert (ax.get_xlabel(), ax.get_yscale()) == ("epoch", "linear")


@pytest.mark.parametrize(
    ("losses", "scale"),
    [([30.0, 10, 1], "log"), ([29.0, 10, 1], "linear"), ([30.0, 0, 1], "linear"), ([30.0, np.nan, 1], "log")],
)
def test_a_log_axis_where_it_helps(losses: list[float], scale: str) -> None:
    assert plots.loss_curves(losses).get_yscale() == scale
    assert plots.loss_curves(losses, log=False).get_yscale() == "linear"


def test_losses_may_be_tensors_and_are_smoothed_by_themselves_when_there_are_many() -> None:
    assert points(plots.loss_curves([ag.tensor(1.0), ag.tensor(0.5)]).get_lines()[0]) == ([1, 2], [1, 0.5])
    assert len(plots.loss_curves(np.ones(74)).get_lines()) == 1
    assert len(plots.loss_curves(np.ones(76)).get_lines()) == 2
    assert len(plots.loss_curves(np.ones(76), smooth=0).get_lines()) == 1
    with pytest.raises(ValueError, match="loss_curves: the curve 'train' is empty"):
        plots.loss_curves({"train": []})
    for smooth in (20, -0.1):
        with pytest.raises(ValueError, match=f"smooth is a share of the curve, from 0 to 1, got {smooth}"):
            plots.loss_curves([2.0, 1.0], smooth=smooth)


def test_loss_surface_along_given_directions() -> None:
    w, b = ag.tensor(np.array([[1.0, 2.0]])), ag.tensor(np.array([3.0]))
    ways = [[np.array([[1.0, 0.0]]), np.array([0.0])], [np.array([[0.0, 2.0]]), np.array([1.0])]]
    ax = plots.loss_surface(lambda: (w * w).sum() + b[0], [w, b], ways, span=2, steps=5)
    drawn = np.asarray(ax.collections[0].get_array()).reshape(5, 5)
    for row, beta in enumerate([-2, -1, 0, 1, 2]):
        for column, alpha in enumerate([-2, -1, 0, 1, 2]):
            assert drawn[row, column] == pytest.approx((1 + alpha) ** 2 + (2 + 2 * beta) ** 2 + 3 + beta)


def test_random_directions_have_the_norms_of_the_filters() -> None:
    """With the sum of squares over one filter as the loss, the curve says what the direction's part in it is."""
    ag.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3).double()
    conv.bias.write([1, 2, 3, 4])
    for f in range(4):
        norm = float((conv.weight.numpy()[f] ** 2).sum())
        ax = plots.loss_surface(lambda f=f: (conv.weight[f] * conv.weight[f]).sum(), conv, 1, steps=3)
        low, centre, high = points(ax.get_lines()[0])[1]
        assert centre == pytest.approx(norm)
        assert (low + high) / 2 - centre == pytest.approx(norm)  # ½ (|w - d|² + |w + d|²) - |w|² = |d|²
    drawn = points(plots.loss_surface(lambda: conv.bias.sum(), conv, 1, steps=3).get_lines()[0])[1]
    assert drawn == [10, 10, 10]


def test_the_seed_chooses_the_directions() -> None:
    w = ag.ones(3, 4)

    def curve(seed: int) -> list[float]:
        return points(plots.loss_surface(lambda: (w * ag.arange(4)).sum(), [w], 1, seed=seed).get_lines()[0])[1]

    assert curve(1) == curve(1) != curve(2)


def test_loss_surface_restores_everything_and_records_nothing() -> None:
    model = trained()
    x, labels = ag.randn(5, 1, 8, 8), ag.tensor([0, 1, 2, 0, 1])
    held = nn.functional.cross_entropy(model(x), labels)
    before = state(model)
    gradients = [p.grad for p in model.parameters()]
    calls = 0

    def loss() -> Any:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise ArithmeticError("enough")
        value = nn.functional.cross_entropy(model(x), labels)
        assert not value.requires_grad
        return value

    plots.loss_surface(loss, model, steps=3)
    with pytest.raises(ArithmeticError, match="enough"):
        plots.loss_surface(loss, model.parameters(), steps=3)
    for name, value in state(model).items():
        if "running" not in name and "tracked" not in name:
            np.testing.assert_array_equal(value, before[name])
    assert all(p.grad is g for p, g in zip(model.parameters(), gradients, strict=True))
    held.backward()  # what was recorded before is still good


def test_loss_surface_restores_the_buffers_of_a_model() -> None:
    model = trained()
    before = state(model)
    plots.loss_surface(lambda: model(ag.ones(2, 1, 8, 8)).sum(), model, 1, steps=3)
    for name, value in state(model).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("value", [1.0, np.nan, np.inf])
def test_a_surface_that_is_flat_or_not_finite(value: float) -> None:
    w = ag.ones(2, 2)
    plots.loss_surface(lambda: value, [w], steps=3).figure.canvas.draw()
    plots.loss_surface(lambda: value, [w], 1, steps=3).figure.canvas.draw()


def test_a_wide_surface_is_drawn_in_logarithms() -> None:
    w = ag.tensor([[1.0, 1.0]])
    ax = plots.loss_surface(lambda: ag.exp(10 * w.sum()), [w], steps=5)
    assert type(ax.collections[0].norm).__name__ == "LogNorm"
    ax.figure.canvas.draw()


def test_directions_that_do_not_fit() -> None:
    w = ag.ones(2, 3)
    with pytest.raises(ValueError, match=r"a direction has shapes \[\(3,\)\], the parameters have \[\(2, 3\)\]"):
        plots.loss_surface(lambda: 0.0, [w], [[np.ones(3)]])
    with pytest.raises(ValueError, match="loss_surface: wants 1 or 2 directions, got 3"):
        plots.loss_surface(lambda: 0.0, [w], 3)


def rectangle(ax: Any) -> tuple[int, int, int, int]:
    """The first and last row, the first and last column inside the rectangle."""
    columns, rows = points(ax.get_lines()[0])
    return round(min(rows) + 0.5), round(max(rows) - 0.5), round(min(columns) + 0.5), round(max(columns) - 0.5)


CHAINS: dict[str, list[nn.Module]] = {
    "one convolution": [nn.Conv2d(2, 3, 3)],
    "two, the second with a stride": [nn.Conv2d(2, 3, 5), nn.ReLU(), nn.Conv2d(3, 3, 3, stride=2)],
    "dilated": [nn.Conv2d(2, 2, 3, dilation=(2, 3)), nn.Conv2d(2, 1, (1, 3), dilation=2)],
    "pooled": [nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.AvgPool2d(3, stride=1)],
    "sixty-four channels": [nn.Conv2d(2, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1)],
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_rectangle_is_the_field_that_the_layers_sizes_say(name: str) -> None:
    model = nn.Sequential(*CHAINS[name]).eval()
    ax = plots.receptive_field(model, (2, 25, 24))
    top, bottom, left, right = rectangle(ax)
    assert (bottom - top + 1, right - left + 1) == nn.summary(model, (2, 25, 24)).rows[-1].receptive_field
    influence = np.asarray(ax.get_images()[0].get_array())
    outside = influence.copy()
    outside[top : bottom + 1, left : right + 1] = 0
    assert not outside.any()
    assert influence.max() == 1


def test_the_picture_is_the_gradient() -> None:
    """Of one convolution: its kernel, where the window lies, summed over the input's channels."""
    conv = nn.Conv2d(2, 3, 3, padding=1)
    weight = np.abs(conv.weight.numpy())
    for at, kernel in (
        ((1, 0, 4), weight[1].sum(axis=0)),
        ((0, 4), np.abs(conv.weight.numpy().sum(axis=0)).sum(axis=0)),
    ):
        ax = plots.receptive_field(conv, ag.randn(1, 2, 6, 7), at)
        expected = np.zeros((6, 7))
        expected[0:2, 3:6] = kernel[1:]  # the window's first row is padding
        np.testing.assert_allclose(ax.get_images()[0].get_array(), expected / expected.max(), rtol=1e-5, atol=1e-7)
        assert rectangle(ax) == (0, 1, 3, 5)
        assert ax.get_title() == f"y[..., {', '.join(map(str, at))}] depends on 2×3 pixels"


def test_the_rectangle_holds_what_a_comparison_hides_from_nan() -> None:
    def rectify(x: Any) -> Any:
        return ag.where(x > 0, x, 0.0)  # NaN > 0 is False

    first, second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)
    ax = plots.receptive_field(lambda x: second(rectify(first(x))), (1, 9, 9))
    assert rectangle(ax) == (2, 6, 2, 6)
    ax = plots.receptive_field(lambda x: second(rectify(first(x)) + first(x)[..., 4:5, 4:5]), (1, 9, 9))
    assert rectangle(ax) == (2, 6, 2, 6)


def test_panels_of_receptive_fields() -> None:
    """Rows and columns are numbered by whole numbers, and several pictures can do with one colour bar."""
    figure, axes = pyplot.subplots(1, 2, figsize=(3, 1.5))
    for ax in axes:
        plots.receptive_field(nn.Identity(), (1, 3, 3), colorbar=False, ax=ax)
        assert [tick % 1 for tick in (*ax.get_xticks(), *ax.get_yticks())] == [0] * (
            len(ax.get_xticks()) + len(ax.get_yticks())
        )
    assert figure.axes == list(axes)
    assert len(plots.receptive_field(nn.Identity(), (1, 3, 3)).figure.axes) == 2


def test_several_inputs_are_averaged() -> None:
    def square(x: Any) -> Any:
        return x * x

    drawn = plots.receptive_field(square, (1, 3, 3), (1, 1), samples=3, seed=5).get_images()[0].get_array()
    assert drawn[1, 1] == 1
    assert np.count_nonzero(drawn) == 1


def test_receptive_fields_leave_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    before = state(model)
    ax = plots.receptive_field(model, (1, 9, 9))
    assert rectangle(ax) == (0, 8, 0, 8)  # through the batch's statistics
    for name, value in state(model).items():
        np.testing.assert_array_equal(value, before[name])
    assert all(p.grad is None for p in model.parameters())


def test_receptive_field_errors() -> None:
    with pytest.raises(ValueError, match=r"wants one image \(1, C, H, W\), or the shape \(C, H, W\), got \(1, 9\)"):
        plots.receptive_field(nn.Identity(), (9,))
    for constant in (lambda x: ag.ones(1, 1, 2, 2), lambda x: ag.pad(x, [(0, 0), (0, 0), (1, 0), (1, 0)])):
        with pytest.raises(ValueError, match=r"receptive_field: the output at \(0, 0\) does not depend on the input"):
            plots.receptive_field(constant, (1, 9, 9), (0, 0))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"loss_curves: needs matplotlib: pip install 'stepgrad\[notebooks\]'"):
        plots.loss_curves([1.0])


@pytest.mark.parametrize("name", plots.__all__)
def test_pictures_have_labels_and_go_where_they_are_told(name: str) -> None:
    model = trained().eval()
    arguments: dict[str, tuple[Any, ...]] = {
        "activation_histograms": (model, ag.ones(1, 1, 8, 8)),
        "filters": (model[3].weight,),
        "loss_curves": ([2.0, 1.0],),
        "loss_surface": (lambda: 1.0, model, 1),
        "receptive_field": (model[:4], (1, 8, 8)),
    }
    _, ax = pyplot.subplots()
    assert getattr(plots, name)(*arguments.get(name, (model,)), ax=ax) is ax
    assert len(pyplot.get_fignums()) == 1
    assert ax.get_xlabel()
    assert ax.get_ylabel() or [tick.get_text() for tick in ax.get_yticklabels()]
    ax.figure.canvas.draw()
