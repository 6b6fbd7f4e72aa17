"""gradcheck on functions with planted faults, on ones that are right but hard to judge, and on modules."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.numeric.hints import hint
from autograd.numeric.report import SEVERITY, Entry, GradcheckReport, InputCheck
from autograd.primitive import elementwise
from tests.autograd.numeric.planted import (
    CLEAN,
    PLANTED,
    Clean,
    Planted,
    normal,
    planted_doubled,
    planted_ninefold,
    planted_one_element,
    planted_second_order,
    planted_slightly_off,
    planted_transposed,
    planted_wrong_jvp,
    planted_wrong_sign,
)
from tests.autograd.numeric.random_networks import Objective, random_network

SEEDS, MANY_SEEDS = 4, 40  # `make checkers` takes 200


@elementwise(lambda x: 5.0 + 0 * x)
def outside(x: Any) -> Any:
    """3 · relu(x), with a slope that is nowhere right."""
    return 3 * np.maximum(x, 0.0)


def check_planted(planted: Planted, seed: int) -> None:
    """The fault is told for what it is, and the same function without it passes."""
    report = ag.gradcheck(planted.wrong, planted.inputs(seed), seed=seed, **planted.options)
    assert not report
    assert next(iter(report.verdicts.values())) == planted.verdict, report
    assert planted.hint in str(report)
    healthy = planted.right or planted.wrong
    report = ag.gradcheck(healthy, (planted.elsewhere or planted.inputs)(seed), seed=seed, **planted.options)
    assert report, report


def check_clean(clean: Clean, seed: int) -> None:
    report = ag.gradcheck(clean.f(seed), clean.inputs(seed), seed=seed, **clean.options)
    assert report, report


def check_network(seed: int) -> None:
    report = ag.gradcheck(*random_network(seed), seed=seed)
    assert report, report


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: p.name)
def test_every_planted_fault_is_told_for_what_it_is(planted: Planted, seed: int) -> None:
    check_planted(planted, seed)


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: p.name)
def test_every_planted_fault_is_told_for_what_it_is_over_many_seeds(planted: Planted) -> None:
    for seed in range(SEEDS, MANY_SEEDS):
        check_planted(planted, seed)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("clean", CLEAN, ids=lambda c: c.name)
def test_no_false_alarm(clean: Clean, seed: int) -> None:
    check_clean(clean, seed)


@pytest.mark.slow
@pytest.mark.parametrize("clean", CLEAN, ids=lambda c: c.name)
def test_no_false_alarm_over_many_seeds(clean: Clean) -> None:
    for seed in range(SEEDS, MANY_SEEDS):
        check_clean(clean, seed)


@pytest.mark.parametrize("seed", range(8))
def test_no_false_alarm_on_networks(seed: int) -> None:
    check_network(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 2 * MANY_SEEDS))
def test_no_false_alarm_on_many_networks(seed: int) -> None:
    check_network(seed)


@pytest.mark.parametrize("seed", range(10))
def test_a_change_that_rounding_swallows_is_no_failure(seed: int) -> None:
    """The loss is exactly 0, and backprop leaves 1e-18: differences cannot tell."""
    scores, classes = np.array([[40.0] + [0.0] * 11]), np.zeros(1, int)
    x = np.random.default_rng(seed).normal(size=(1, 12))
    report = ag.gradcheck(lambda x: nn.functional.cross_entropy(x + scores, classes), x, seed=seed)
    assert report.verdict == "INCONCLUSIVE"


class Planting(nn.Module):
    """A function as a layer."""

    def __init__(self, f: Any) -> None:
        super().__init__()
        self.f = f

    def forward(self, x: Any) -> Any:
        return self.f(x)


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 16))])
def test_a_fault_of_a_thousandth_anywhere_in_a_network_is_caught(seed: int) -> None:
    model, x = random_network(seed)
    layers = list(model.network if isinstance(model, Objective) else model)
    place = np.random.default_rng(seed).integers(1, len(layers))
    wrong = nn.Sequential(*layers[:place], Planting(planted_slightly_off), *layers[place:]).train(model.training)
    if isinstance(model, Objective):
        model.network = wrong
    else:
        model = wrong
    assert ag.gradcheck(model, x, seed=seed).verdict == "FAIL"


# what is reported


def test_what_is_right_passes() -> None:
    report = ag.gradcheck(lambda x, w: ag.tanh(x * w) / (2 + ag.sin(x)), [np.linspace(-1, 1, 4), np.array(0.7)])
    assert report
    assert report.verdicts == {"x": "PASS", "w": "PASS"}
    assert len(report.entries) == 5
    assert max(e.relative for e in report.entries) < 1e-9
    assert all(abs(e.analytic - e.numeric) <= e.error for e in report.entries)


@pytest.mark.parametrize(("f", "ratio"), [(planted_doubled, 2), (planted_wrong_sign, -1)])
def test_an_entry_has_both_numbers_and_their_ratio(f: Any, ratio: float) -> None:
    report = ag.gradcheck(lambda x: f(x).sum(), np.array([0.4, 1.1]))
    assert not report
    assert [entry.index for entry in report.failures] == [(0,), (1,)]
    slopes = np.cos([0.4, 1.1]) if ratio == 2 else -np.sin([0.4, 1.1])
    for entry, slope in zip(report.failures, slopes, strict=True):
        assert math.isclose(entry.ratio, ratio, rel_tol=1e-9)
        assert abs(entry.numeric - slope) <= entry.error <= 1e-9
    assert "0 of 2 agree, 2 fail" in str(report)


def test_a_small_wrong_gradient_fails() -> None:
    assert not ag.gradcheck(lambda x: 1e-7 * planted_doubled(x), np.array([0.4]))
    assert not ag.gradcheck(lambda x: 1e-30 * planted_doubled(x), np.array([0.4]))
    assert ag.gradcheck(lambda x: 1e-7 * ag.sin(x), np.array([0.4]))


@pytest.mark.parametrize("n", [10, 1_000, 100_000])
def test_the_tolerance_does_not_grow_with_the_size_of_the_array(n: int) -> None:
    """One gradient that is 1 % off fails among any number of right ones, and is found."""
    x = np.random.default_rng(n).normal(size=n)
    report = ag.gradcheck(lambda x: planted_one_element(x, 7, 1.01).sum(), x)
    assert [entry.index for entry in report.failures] == [(7,)]
    assert math.isclose(report.failures[0].ratio, 1.01, rel_tol=1e-6)


@pytest.mark.parametrize(("f", "between"), [(lambda x: 3 * ag.relu(x), "lies"), (outside, "does not lie")])
def test_a_kink_is_told_with_both_slopes(f: Any, between: str) -> None:
    report = ag.gradcheck(f, 0.0)
    (entry,) = report.entries
    assert (report.verdict, entry.verdict) == ("KINK", "KINK")
    np.testing.assert_allclose(entry.slopes, [0, 3], atol=1e-6)
    assert "slope +0 on the left, +3 on the right" in entry.note
    assert f"{between} between them" in str(report)
    assert str(report).splitlines()[-1] == "1 KINK: 0 of 1 agree, 0 fail, 1 at a kink"


def test_the_last_line_counts_what_neither_agrees_nor_fails() -> None:
    report = ag.gradcheck(ag.abs, np.array([0.0, 1.0, 0.0, -2.0]))
    assert str(report).splitlines()[-1] == "1 KINK: 2 of 4 agree, 0 fail, 2 at a kink"


def test_a_report_is_iterated_by_its_verdicts() -> None:
    report = ag.gradcheck(lambda x, y: planted_doubled(x) + y, [np.array([0.4, 1.1]), np.ones(2)])
    assert [(check.input, check.verdict) for check in report] == [("x", "FAIL"), ("y", "PASS")]
    assert len(report) == 2
    assert not report


def test_kinks_nearby_do_not_mislead() -> None:
    assert ag.gradcheck(lambda x: ag.relu(x) * 1000, np.array([1e-3, 3.0, -1e-3, 1e-6]))


def test_the_edge_of_the_domain_is_undefined_and_nearby_is_not() -> None:
    assert ag.gradcheck(ag.log, np.array([1e-9, 1.0, 1e9]))
    assert ag.gradcheck(lambda x: ag.sqrt(x).sum(), np.geomspace(1e-8, 1, 50))
    assert ag.gradcheck(ag.sqrt, 0.0).verdict == "UNDEFINED"
    report = ag.gradcheck(ag.log, np.array([-1.0, 1.0]))
    assert report.verdict == "UNDEFINED"
    assert "output 0 has 1 of 2 elements that are not finite, the first at [0]" in str(report)


def test_where_rounding_hides_the_function_nothing_can_be_said() -> None:
    assert ag.gradcheck(lambda x: 1e20 + 1e3 * ag.sin(x), 0.4).verdict == "INCONCLUSIVE"
    report = ag.gradcheck(lambda x: (1e6 + 1e-3 * ag.sin(x)).float(), 0.4)
    assert report.verdict == "INCONCLUSIVE"
    assert not report
    assert not report.failures


def test_a_zero_gradient_beside_others_passes_and_a_missing_one_does_not() -> None:
    x = np.linspace(0.1, 1, 50)
    assert ag.gradcheck(lambda x: ag.sin(x[:25]).sum(), x)
    report = ag.gradcheck(lambda x: ag.sin(x[:25]).sum() + 1e-5 * x.detach()[25:].sum(), x)
    assert {entry.index[0] >= 25 for entry in report.failures} == {True}
    assert "missing" in str(report)


def test_second_and_third_order() -> None:
    x = np.array([0.3, 0.9])
    assert ag.gradcheck(planted_second_order, x)
    report = ag.gradcheck(planted_second_order, x, order=3)
    assert [check.verdict for check in report.checks][:2] == ["PASS", "FAIL"]
    assert report.checks[1].hint.startswith("half")
    assert "x, order 2: half" in str(report)


def test_modes() -> None:
    x = np.array([0.3, 0.9])
    report = ag.gradcheck(planted_wrong_jvp, x, modes=("reverse", "forward"))
    assert {check.mode: check.verdict for check in report.checks} == {
        "reverse": "PASS",
        "forward": "FAIL",
        "identity": "FAIL",
    }
    assert "⟨Jᵀu, v⟩" in str(report)
    assert not ag.gradcheck(planted_wrong_jvp, x, modes=["forward"])
    assert ag.gradcheck(planted_wrong_jvp, x)
    assert ag.gradcheck(lambda x, y: ag.sin(x) @ y, [normal((3, 40))(0)[0], normal((40,))(0)[0]], modes=["forward"])


def test_several_outputs() -> None:
    def f(x: Any, y: Any) -> Any:
        return {"sum": x + y, "parts": [ag.sin(x), None], "place": ag.argmax(x)}

    assert ag.gradcheck(f, [normal((4,))(0)[0], normal((4,))(1)[0]])
    assert not ag.gradcheck(lambda x: (1e6 * ag.sin(x), 1e-6 * planted_doubled(x)), normal((4,))(0)[0])


def test_integers_and_other_arguments_are_passed_on() -> None:
    x, index = normal((4, 3))(0)[0], np.array([0, 2])
    assert ag.gradcheck(lambda x, index, axis, flag: x[index].sum(axis) if flag else x, [x, index, 1, True])
    assert ag.gradcheck(lambda x, z: (x * abs(z)).sum(), [x, x + 2j]).verdicts == {"x": "PASS"}


def test_an_argument_that_is_written_into_is_named() -> None:
    def f(x: Any, counter: Any) -> Any:
        counter += 1
        return ag.sin(x)

    report = ag.gradcheck(f, [np.ones(2), ag.tensor([0])])
    assert report.verdicts == {"x": "INCONCLUSIVE", "input 1": "MUTATES_INPUT"}
    assert "not checked, since the function writes into input 1" in str(report)


def test_sample_and_seed() -> None:
    draw = lambda **options: ag.gradcheck(lambda x: ag.sin(x).sum(), np.ones((10, 10)), **options)  # noqa: E731
    indices = {e.index for e in draw(sample=7).entries}
    assert len(indices) == 7
    assert indices == {e.index for e in draw(sample=7).entries}
    assert indices != {e.index for e in draw(sample=7, seed=1).entries}
    assert draw(sample=100).checks[0].compared == "100 of 100 elements"


def test_one_number() -> None:
    for x in (2.0, np.float32(2)):
        (entry,) = ag.gradcheck(lambda x: x * x, x).entries
        assert (entry.index, entry.analytic, entry.verdict) == ((), 4, "PASS")
    with pytest.raises(ValueError, match="gradcheck: nothing to vary"):
        ag.gradcheck(lambda x: x * x, 2)


def test_an_empty_input_says_nothing() -> None:
    assert not ag.gradcheck(lambda x: x.sum(), np.zeros(0))
    assert ag.gradcheck(lambda x, y: x.sum() + y, [np.zeros(0), 1.0])


def test_tables() -> None:
    report = ag.gradcheck(lambda x, y: planted_doubled(x) + y, [np.array([0.4, 1.1]), np.ones(2)])
    text = str(report)
    assert repr(report) == text
    header, dashes, *rows = text.splitlines()
    assert header.split() == ["input", "shape", "compared", "worst", "verdict"]
    assert set(dashes) == {"-"}
    assert rows[0].startswith("x ")
    assert rows[0].endswith("FAIL")
    assert rows[1].endswith("PASS")
    assert text.splitlines()[-1] == "1 FAIL, 1 PASS: 2 of 4 agree, 2 fail"
    html = report._repr_html_()
    assert html.count("<table>") == html.count("</table>") == 2
    assert "<b>FAIL</b>" in html
    assert "accumulated twice" in html


def test_html_escapes_names() -> None:
    html = ag.gradcheck(lambda x: x * x, ag.tensor([1.0], name="<i>"))._repr_html_()
    assert "<i>" not in html
    assert "&lt;i&gt;" in html


@pytest.mark.parametrize(
    ("ground", "ink", "opacity"),
    [
        ("#ffffff", "#000000", 1.0),  # a page by `color-scheme: light dark`, where light is preferred
        ("#121212", "#ffffff", 1.0),  # and where dark is
        ("#ffffff", "#000000", 0.87),  # a table in JupyterLab's light theme
        ("#f5f5f5", "#000000", 0.87),  # every other row
        ("#e1f5fe", "#000000", 0.87),  # the row that the mouse is on
        ("#111111", "#ffffff", 0.87),  # the dark theme
        ("#212121", "#ffffff", 0.87),
        ("#0e2e3e", "#ffffff", 0.87),
        ("#ffffff", "#3b3b3b", 1.0),  # Visual Studio Code
        ("#1f1f1f", "#cccccc", 1.0),
    ],
)
def test_verdicts_can_be_read_on_light_and_on_dark_ground(ground: str, ink: str, opacity: float) -> None:
    """The contrast of what WCAG calls small text: 4.5 to 1."""
    checks = [InputCheck("x", (), 1, "reverse", verdict) for verdict in SEVERITY]
    html = GradcheckReport(tuple(checks))._repr_html_()
    colors = re.findall(r"color:color-mix\(in srgb,(#\w{6}) (\d+)%,currentcolor\)\"><b>(\w+)</b>", html)
    assert [verdict for *_, verdict in colors] == list(SEVERITY)
    for hue, percent, verdict in colors:
        share = float(percent) / 100
        shown = [
            share * h + (1 - share) * (opacity * i + (1 - opacity) * g)
            for h, i, g in zip(_rgb(hue), _rgb(ink), _rgb(ground), strict=True)
        ]
        light, dark = sorted((_luminance(shown), _luminance(_rgb(ground))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, verdict


def _rgb(color: str) -> list[float]:
    return [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def _luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_inputs_are_named_by_tensor_by_parameter_or_by_place() -> None:
    report = ag.gradcheck(lambda a, b, *rest: a * b * rest[0], [ag.tensor(1.0, name="width"), 2.0, 3.0])
    assert list(report.verdicts) == ["width", "b", "input 2"]


# what it leaves alone


def test_inputs_and_random_state_are_left_alone() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    ag.manual_seed(3)
    before = ag.get_rng_state()
    assert ag.gradcheck(lambda x: x * ag.rand(2), x)
    assert ag.get_rng_state() == before
    assert x.grad is None
    assert x.tolist() == [1, 2]
    array = np.ones(3)
    assert ag.gradcheck(ag.sin, array)
    assert array.flags.writeable


def test_the_same_random_numbers_are_drawn_in_every_call() -> None:
    ag.manual_seed(0)
    assert ag.gradcheck(lambda x: (x * ag.rand(4)).sum(), np.ones(4))


def block() -> nn.Sequential:
    ag.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(18, 2)
    )


@pytest.mark.parametrize("training", [True, False])
def test_a_module_is_checked_in_its_mode_and_left_alone(training: bool) -> None:
    model = block().train(training)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    report = ag.gradcheck(model, ag.randn(3, 1, 8, 8))
    assert report, report
    assert list(report.verdicts)[-1] == "x"
    assert model.training is training
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
        assert value.dtype == before[name].dtype
    assert all(parameter.grad is None for parameter in model.parameters())


def test_wrt() -> None:
    model, x = nn.Linear(2, 3), np.ones((4, 2))
    assert list(ag.gradcheck(model, x, wrt="parameters").verdicts) == ["weight", "bias"]
    assert list(ag.gradcheck(model, x, wrt="inputs").verdicts) == ["input"]
    assert list(ag.gradcheck(model, x, wrt="both").verdicts) == ["weight", "bias", "input"]
    model.bias.requires_grad_(False)
    assert list(ag.gradcheck(model, x).verdicts) == ["weight", "input"]


class Tied(nn.Module):
    """A matrix and its transpose, the same parameter under two names."""

    def __init__(self, there: Any) -> None:
        super().__init__()
        self.there = there
        self.weight = nn.Parameter(np.linspace(-1, 1, 6).reshape(2, 3))
        self.again = self.weight

    def forward(self, x: Any) -> Any:
        return ag.tanh(self.there(x @ self.weight) @ self.again.T)


def test_a_shared_parameter_is_checked_once() -> None:
    assert ag.gradcheck(Tied(ag.sin), normal((4, 2))(0)[0]).verdicts == {"weight": "PASS", "x": "PASS"}
    report = ag.gradcheck(Tied(lambda h: ag.sin(h).detach()), normal((4, 2))(0)[0])
    assert report.verdicts == {"weight": "FAIL", "x": "FAIL"}


class Counting(nn.Module):
    """Changes with every call, in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", ag.tensor(0.0))

    def forward(self, x: Any) -> Any:
        self.calls = self.calls + 1
        return x * self.calls


def test_buffers_are_put_back_before_every_call() -> None:
    model = Counting()
    assert ag.gradcheck(model, np.ones(2))
    assert model.calls.item() == 0


def test_a_fault_in_a_module_is_found_in_the_parameter_it_is_in() -> None:
    class Wrong(nn.Linear):
        def forward(self, input: Any) -> Any:
            return planted_transposed(self.weight, input) + self.bias

    report = ag.gradcheck(Wrong(3, 3), normal((3,))(0)[0])
    assert report.verdicts == {"weight": "FAIL", "bias": "PASS", "input": "PASS"}
    assert "weight: transposed" in str(report)


def test_lenet_takes_seconds() -> None:
    ag.manual_seed(0)
    start = time.perf_counter()
    report = ag.gradcheck(nn.models.LeNet5(), ag.randn(2, 1, 32, 32), wrt="parameters", seed=1)
    assert report, report
    assert len(report.checks) == 10
    assert all(check.projections >= 3 or check.shape == (10,) or check.shape == (6,) for check in report.checks)
    assert time.perf_counter() - start < 20  # 1 s on a quiet machine


# hints


def reading(numeric: np.ndarray, analytic: np.ndarray, *lengths: int, unweighted: float = math.nan) -> str:
    entries = [
        Entry("x", tuple(int(k) for k in i), float(analytic[i]), float(numeric[i]), 1e-12, "FAIL")
        for i in np.ndindex(numeric.shape)
        if numeric[i] != analytic[i]
    ]
    entries += [
        Entry("x", i, float(numeric[i]), float(numeric[i]), 1e-12, "PASS")
        for i in np.ndindex(numeric.shape)
        if numeric[i] == analytic[i]
    ]
    point = np.linspace(1, 2, numeric.size).reshape(numeric.shape)
    return hint(entries, analytic, point, lengths, lambda index: (unweighted, 1.0))


g = np.random.default_rng(5).normal(size=(3, 3))
cube = np.random.default_rng(6).normal(size=(2, 3, 3))


@pytest.mark.parametrize(
    ("analytic", "said"),
    [
        (2 * g, "twice"),
        (-g, "a sign"),
        (0.5 * g, "half"),
        (-2 * g, "a sign, and accumulated twice"),
        (0 * g, "no path"),
        (np.where(np.eye(3), 0, g), "a path from the output back to here is missing"),
        (7 * g, "the length of an axis (7)"),
        (g / 35, "of axes 5 × 7: a missing sum"),
        (1.7 * g, "1.7 times"),
        (g.T, "transposed"),
        (np.flip(g, 1), "flipped along axis 1"),
        (np.roll(g, 1, 0), "shifted by 1 along axis 0"),
        (g * np.linspace(1, 2, 9).reshape(3, 3), "a factor of the input too many"),
        (g / np.linspace(1, 2, 9).reshape(3, 3), "a factor of the input is missing"),
        (np.where(np.arange(3) == 2, g**2 + 3, g), "only at index 2 of axis 1"),
        (g**2 + 3, ""),
    ],
)
def test_hints(analytic: np.ndarray, said: str) -> None:
    found = reading(g, analytic, 5, 7)
    assert said in found
    assert bool(said) == bool(found)


def test_hints_of_more_axes() -> None:
    assert "reshaped where it was to be transposed" in reading(g[:2], g[:2].T.reshape(2, 3))
    assert "transposed, axes in the order (0, 2, 1)" in reading(cube, cube.transpose(0, 2, 1))
    assert "missing sum over a broadcast axis" in reading(g, g**2 + 3, 5, unweighted=1 / 5)
    assert "summed over an axis too many" in reading(g, g**2 + 3, 5, unweighted=5.0)
    assert "does not move" in reading(0 * g, g)


# options


def test_a_progress_bar_is_shown_where_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    assert ag.gradcheck(lambda x: x * x, np.ones(2), progress=True)
    assert "gradcheck" in capfd.readouterr().err
    assert ag.gradcheck(lambda x: x * x, np.ones(2))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 0}, "sample has to be at least 1, got 0"),
        ({"projections": -1}, "projections has to be at least 1, got -1"),
        ({"rtol": 0}, "rtol has to be between 0 and 1, got 0"),
        ({"order": 4}, "order has to be 1, 2 or 3, got 4"),
        ({"modes": "reverse"}, "modes has to be a sequence of 'reverse' and 'forward', got 'reverse'"),
        ({"modes": ["backward"]}, "modes has to be a sequence"),
        ({"wrt": "everything"}, "wrt has to be 'parameters', 'inputs' or 'both', got 'everything'"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"gradcheck: {message}".replace("(", r"\(")):
        ag.gradcheck(lambda x: x, np.ones(3), **options)


def test_what_cannot_be_checked() -> None:
    with pytest.raises(TypeError, match="gradcheck: wrt='parameters' wants a module, got function"):
        ag.gradcheck(lambda x: x, np.ones(3), wrt="parameters")
    with pytest.raises(TypeError, match="gradcheck: wants several inputs as one tuple, got ndarray as wrt"):
        ag.gradcheck(lambda x, y: x * y, np.ones(3), np.ones(3))
    with pytest.raises(TypeError, match="gradcheck: wants several inputs as one tuple, got Tensor as wrt"):
        ag.gradcheck(lambda x, y, z: x * y * z, ag.ones(3), ag.ones(3), ag.ones(3))
    with pytest.raises(TypeError, match=r"gradcheck: the function cannot take 2 inputs \(too many .*a vector is an"):
        ag.gradcheck(lambda x: (x * x).sum(), [0.0, 1.0])
    with pytest.raises(TypeError, match="gradcheck: input 1 is a tuple of tensors; give them one by one, as in"):
        ag.gradcheck(lambda x, state: x * state[0], (ag.ones(3), (ag.ones(3), ag.ones(3))))
    with pytest.raises(TypeError, match=r"gradcheck: the function cannot take 1 input \(missing a required .*'y'"):
        ag.gradcheck(lambda x, y: x * y, 1.0)
    with pytest.raises(TypeError, match="gradcheck: the function has to return a Tensor, got float"):
        ag.gradcheck(lambda x: 1.0, np.ones(3))
    with pytest.raises(TypeError, match="gradcheck: the result is complex"):
        ag.gradcheck(lambda x: x.detach() * 1j, np.ones(3))
    with pytest.raises(ValueError, match="gradcheck: no output is floating"):
        ag.gradcheck(lambda x: x > 0, np.ones(3))
    for inputs in (np.arange(3), np.ones(3) * 1j):
        with pytest.raises(ValueError, match="gradcheck: nothing to vary"):
            ag.gradcheck(lambda x: x, inputs)


def test_ninefold_is_not_hidden_by_a_large_neighbour() -> None:
    report = ag.gradcheck(lambda x, y: ag.sin(x).sum() + 1e-7 * planted_ninefold(y).sum(), normal((4,), (4,))(0))
    assert report.verdicts == {"x": "PASS", "y": "FAIL"}
    assert all(math.isclose(entry.ratio, 9, rel_tol=1e-4) for entry in report.failures)


@pytest.mark.parametrize("modes", [("reverse",), ("forward",)])
def test_outputs_that_rounding_keeps_still_are_no_fault(modes: Any) -> None:
    assert (
        "FAIL" not in ag.gradcheck(lambda x: ag.softmax(x, 0), [np.array([0.0, -40.0])], modes=modes).verdicts.values()
    )
    for seed in range(10):
        x = 100 * np.random.default_rng(seed).normal(size=(3, 3))
        assert "FAIL" not in ag.gradcheck(lambda x: ag.softmax(x, 1), [x], modes=modes).verdicts.values()


def test_fast_oscillations_are_no_fault() -> None:
    report = ag.gradcheck(lambda x: ag.log(ag.sin(x * ag.sin(x)) ** 4 + 0.4), [np.array(-732.44021479)])
    assert report.verdicts["x"] != "FAIL"


@pytest.mark.parametrize("f", [lambda x: (x * x - ag.mean(x * x)).sum(), lambda x: ag.softmax(x, 0).sum() - 1])
def test_values_that_are_zero_but_for_rounding(f: Any) -> None:
    assert ag.gradcheck(f, [np.array([1.0, 2.0, 0.5, 0.3])]).verdicts == {"x": "PASS"}


def test_values_whose_squares_overflow() -> None:
    assert ag.gradcheck(lambda x: x * 1e200, [np.array(1.0)]).verdicts["x"] in ("PASS", "UNDEFINED")


def test_a_ratio_that_is_not_known_has_no_name() -> None:
    wrong = Entry("x", (0,), analytic=-954.0, numeric=-0.03, error=0.07, verdict="FAIL")
    assert "twice" not in hint([wrong], np.array([-954.0]), np.array([0.5]), [1], lambda index: (-954.0, -0.03))
