"""The benchmarks' own code: what is timed does the same in both libraries, and the report says what was measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from against_torch import torch

from autograd.kernels.threads import get_num_threads
from tests.benchmarks import breakdown, growth, layers, memory, report, rivals, steps
from tests.benchmarks.__main__ import main
from tests.benchmarks.report import Section, Settings, Target
from tests.benchmarks.rival_programs import PROGRAMS, RivalProgram
from tests.benchmarks.threads import on_threads
from tests.benchmarks.timing import Stopwatch, Times, compare
from tests.benchmarks.workloads import CHANNELS_LAST, OURS, THEIRS, WORKLOADS, Chain, Workload, agree, check_same

ROOT = Path(__file__).parent.parent


def test_table() -> None:
    assert report.table(("name", "ms"), [("a|b", "1"), ("c", "2")]) == (
        "| name | ms |\n| --- | ---: |\n| a\\|b | 1 |\n| c | 2 |"
    )
    with pytest.raises(ValueError, match="every row has 2 cells"):
        report.table(("name", "ms"), [("a",)])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123456, "12.3"), (1.23456, "1,235"), (0.00000123456, "0.00123"), (0.5, "500"), (0.0999999, "100"), (0, "0")],
)
def test_milliseconds_have_three_digits(seconds: float, text: str) -> None:
    assert report.milliseconds(seconds) == text


def test_ratio_is_of_medians_and_its_spread_of_turns() -> None:
    times = Times({"a": [2.0, 4.0, 9.0], "b": [1.0, 2.0, 3.0]})
    assert times.ratio("a", "b") == (2.0, 2.0, 2.5)
    assert report.spread(times.ratio("a", "b")) == ("2.00", "2.00–2.50")


def test_programs_are_timed_by_turns_until_time_is_up() -> None:
    read: list[str] = []

    def stopwatch(name: str) -> Any:
        return lambda: read.append(name) or 1.0

    times = compare({"a": stopwatch("a"), "b": stopwatch("b")}, turns=4, seconds=9)
    assert "".join(read) == "abbaabba"
    assert times.turns == {"a": [1.0] * 4, "b": [1.0] * 4}
    assert len(compare({"a": stopwatch("a")}, turns=20, seconds=0).turns["a"]) == 3


def test_stopwatch_warms_up_and_takes_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(perf_counter=lambda: now.time, sleep=pytest.fail, time=0.0)

    def program() -> None:
        now.time += 0.015

    monkeypatch.setattr("tests.benchmarks.timing.time", now)
    assert Stopwatch(program)() == pytest.approx(0.015)
    assert now.time == pytest.approx(0.015 * 12)  # 10 fill 0.15 seconds, 2 make 0.02


def test_targets() -> None:
    assert report.worst("w", 1.5, {"a": 1.0, "b": 1.6}) == Target("w", "≤ 1.5", "1.60 (b)", False)
    assert report.at_most("w", 1, 0.994) == Target("w", "≤ 1", "0.99", True)
    text = report.write([Section("One", "text", [Target("w", "≤ 1", "2.00", False)])], Settings(), report.Meanwhile())
    assert "| w | ≤ 1 | 2.00 | **no** |" in text
    assert "## One\n\ntext\n" in text


def test_a_wrong_result_is_found() -> None:
    one = np.ones(3, np.float32)
    check_same("x", [[one], [one]], [[one], [one * 1.001]])
    with pytest.raises(AssertionError, match="x, run 2"):
        check_same("x", [[one], [one]], [[one], [one * 1.01]])


def test_a_section_whose_results_differ_does_not_take_the_others_along(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def differing(settings: Settings) -> Section:
        raise AssertionError("loss 1 and 2")

    monkeypatch.setattr("tests.benchmarks.__main__.SECTIONS", {"a": differing, "b": lambda s: Section("B", "told")})
    assert main(["--sections", "a", "b", "--only", "x", "--check"]) == 1
    text = capsys.readouterr().out
    assert "loss 1 and 2" in text
    assert "## B\n\ntold" in text


def test_names_are_chosen_by_parts() -> None:
    assert Settings().chosen(WORKLOADS) == list(WORKLOADS)
    assert [workload.name for workload in Settings(only=("resnet-2", "lenet-5")).chosen(WORKLOADS)] == [
        "LeNet-5",
        "ResNet-20, 32×32",
    ]
    nothing = Settings(only=("no such thing",), threads=2)
    assert steps.one_thread(nothing) is None
    for section in (steps.training, layers.section, memory.section, growth.section, breakdown.section, rivals.section):
        assert section(nothing) is None


def test_threads_are_those_of_both_libraries_and_then_as_before() -> None:
    before = get_num_threads(), torch.get_num_threads()

    def interrupted() -> None:
        with on_threads(3):
            assert (get_num_threads(), torch.get_num_threads()) == (3, 3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (get_num_threads(), torch.get_num_threads()) == before


def test_names_are_unique() -> None:
    for things in (WORKLOADS, PROGRAMS):
        names = [thing.name for thing in things]  # type: ignore[attr-defined]
        assert len(set(names)) == len(names)


def small(workload: Workload) -> Workload:
    return workload._replace(nodes=30) if isinstance(workload, Chain) else workload._replace(batch=4)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_workloads_agree(workload: Workload, training: bool) -> None:
    agree(small(workload).programs(training, (THEIRS, CHANNELS_LAST)), workload.name)


@pytest.mark.slow
@pytest.mark.parametrize("layer", layers.LAYERS, ids=lambda layer: layer.name)
def test_layers_agree(layer: layers.Layer) -> None:
    for programs in layer.programs():
        agree(programs, layer.name)


@pytest.mark.slow
@pytest.mark.parametrize("growing", growth.GROWTHS, ids=lambda growing: growing.name)
def test_growing_work_agrees(growing: growth.Growth) -> None:
    for size in growing.sizes[1:3]:
        agree(growing.programs(size), f"{growing.name}: {size}")


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_programs_for_rivals_run(program: RivalProgram) -> None:
    value, *gradients = rivals.ours(program)()
    assert np.ndim(value) == 0
    assert [g.shape for g in gradients] == list(program.inputs)
    assert all(np.isfinite(x).all() for x in (value, *gradients))


@pytest.mark.slow
@pytest.mark.parametrize("library", [OURS, THEIRS])
def test_memory_is_that_of_the_work(library: str) -> None:
    """The weights, gradients and two moments of the MLP take 10.7 MB; nothing else in it is large."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", "MLP 784-512-512-10, Adam", library, "1"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 10e6 < int(said) < 200e6


@pytest.mark.slow
def test_profile_adds_up_and_leaves_nothing_watched() -> None:
    from autograd.ops.elementwise import relu
    from autograd.primitive import registry

    forward = registry["relu"].forward
    with breakdown.watching() as watch:
        with watch.during("forward"):
            relu(np.ones(3))
            assert registry["relu"].forward is not forward
        assert {place.operation for place in watch.seconds} <= {"", "relu"}
    assert registry["relu"].forward is forward
    section = breakdown.section(Settings(quick=True))
    assert section is not None
    tables = [part.splitlines() for part in section.text.split("\n\n")[1:]]
    for rows in tables:
        shares = [float(row.split("|")[-2].strip().rstrip("%")) for row in rows[2:]]
        assert sum(shares[:-1]) == pytest.approx(100, abs=1)


@pytest.mark.slow
def test_a_quick_run_writes_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.md"
    assert main(["--quick", "--sections", "training", "--only", "MLP", "--output", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert "| MLP 784-512-512-10, Adam |" in text
    assert "left out of a quick run" in text


@pytest.mark.slow
def test_one_thread_is_told_beside_others() -> None:
    settings = Settings(quick=True, turns=3, share=0.1, only=("MLP",), threads=2)
    with on_threads(2):
        section = steps.one_thread(settings)
        assert get_num_threads() == torch.get_num_threads() == 2
    assert section is not None
    *_, row, mean = section.text.splitlines()
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[0] == "MLP 784-512-512-10, Adam"
    assert float(cells[1]) / float(cells[2]) == pytest.approx(float(cells[3]), abs=0.02)
    assert f"**{cells[3]}**" in mean
    assert f"**{cells[7]}**" in mean
    assert steps.one_thread(settings._replace(threads=1)) is None
