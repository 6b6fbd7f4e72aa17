"""The table of planted faults: its form, what it says of ours, and that others have the same functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from tests.checkers import in_torch
from tests.checkers.__main__ import main
from tests.checkers.columns import COLUMNS, OURS, ROWS, Ours
from tests.checkers.programs import PARAMETERS, VERDICT, Checker, parameters, programs
from tests.checkers.report import Findings, Result, Tally, failings, summary, write

torch = pytest.importorskip("torch")
RESULTS = Path(__file__).parent / "checkers" / "results.md"
SEEDS = 5  # `make checkers` takes 200: some eight minutes


def cells(text: str, row: str) -> list[str]:
    """Those of a row of the first table that has it, but for the first."""
    (line, *_) = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in line.strip("| ").split("|")][1:]


def test_every_function_is_there_for_other_libraries() -> None:
    built = programs(in_torch.library)
    assert sorted(built) == sorted(row.name for row in ROWS)
    assert {name for name, program in built.items() if program.wrong} == {row.name for row in ROWS if row.planted}
    assert set(PARAMETERS) <= set(built)


# Where ours has parameters of its own, or writes into its input.
UNLIKE = {*PARAMETERS, "noise", "writes"}


@pytest.mark.parametrize("row", [row for row in ROWS if row.name not in UNLIKE], ids=lambda row: row.name)
def test_functions_of_other_libraries_are_the_same(row: object) -> None:
    """In value and, with the fault and without, in gradient."""
    program = programs(in_torch.library)[row.name]
    entry = row.entry
    pairs = [(getattr(entry, "right", None) or getattr(entry, "wrong", None) or entry.f(0), program.right, False)]
    pairs += [(entry.wrong, program.wrong, True)] if row.planted else []
    for ours, theirs, wrong in pairs:
        inputs = row.inputs(wrong, 0)
        leaves = [ag.tensor(x, requires_grad=True) for x in inputs]
        xs = [torch.tensor(x, requires_grad=True) for x in inputs]
        y, z = ours(*leaves), theirs(*xs)
        single = np.float32 in (y.dtype, *(x.dtype for x in inputs)) or "float32" in row.name
        rounding = 1e-7 if row.name == "large intermediate" else 0.0  # of terms of 1e8, which cancel
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-5 if single else 1e-12, atol=rounding)
        if row.name == "random rule" and wrong:
            continue
        y.sum().backward()
        z.sum().backward()
        for leaf, x in zip(leaves, xs, strict=True):
            gradient = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
            expected = np.zeros(leaf.shape) if x.grad is None else x.grad.numpy()
            np.testing.assert_allclose(
                gradient, expected, rtol=1e-5 if single else 1e-10, atol=1e-6 if single else 1e-12
            )


def test_parameters_are_drawn_from_the_seed() -> None:
    name = "dropout and batch norm"
    assert [p.shape for p in parameters(name, 0)] == PARAMETERS[name]
    assert all(np.array_equal(p, q) for p, q in zip(parameters(name, 3), parameters(name, 3), strict=True))
    assert not np.array_equal(parameters(name, 0)[0], parameters(name, 1)[0])
    assert parameters("wrong sign", 0) == []


def test_outcomes_in_torch(tmp_path: Path) -> None:
    checker = Checker(in_torch)
    inputs = str(tmp_path / "inputs.npz")
    np.savez(inputs, np.array([0.3, -1.1]))
    assert checker.outcome("doubled", True, inputs, 1, False, 0, {}) == VERDICT
    assert checker.outcome("doubled", False, inputs, 1, False, 0, {}) == ""
    assert checker.outcome("wrong in second order only", True, inputs, 1, False, 0, {}) == ""
    assert checker.outcome("wrong in second order only", True, inputs, 2, False, 0, {}) == VERDICT
    assert checker.outcome("writes", True, inputs, 1, False, 0, {}).startswith("RuntimeError: ")


def test_ours_has_caught_only_what_it_names_rightly() -> None:
    (row,) = [row for row in ROWS if row.name == "kink, relu"]
    assert Ours().outcome(row, True, 0, {}) == VERDICT
    assert Ours().outcome(row, False, 0, {}) == ""
    misnamed = row._replace(entry=row.entry.__class__(**{**vars(row.entry), "verdict": "FAIL"}))
    assert Ours().outcome(misnamed, True, 0, {}) == ""


def test_a_few_seeds_of_ours_and_of_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.md"
    arguments = ["--checkers", OURS, "PyTorch", "--seeds", "2", "--others", "2", "--tries", "1"]
    assert main([*arguments, "--only", "wrong sign", "9e-7 for 1e-7", "large sum", "--output", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert f"stepgrad {ag.__version__}, PyTorch {torch.__version__}" in text
    assert cells(text, "wrong sign") == ["2/2", "0/2", "2/2", "0/2"]
    caught, *rest = cells(text, "9e-7 for 1e-7")
    assert caught == "2/2"
    assert rest[1].startswith("**0/2**<sup>")
    assert "`atol=0.0`" in text
    assert cells(text, "large sum") == ["0/2", "0/2"]
    assert cells(text, "faults caught at every seed")[0] == "4 of 4"


def findings(wrong: list[str], right: list[str]) -> Findings:
    return Findings("1", {"wrong sign": Result(Tally(wrong), Tally(right))}, {"doubled": "cannot"}, {}, [])


def test_seeds_that_went_wrong() -> None:
    result = Result(Tally(["wrong", "", "wrong"]), Tally(["", "", "E: x", ""]))
    assert [result.right_at(seed) for seed in range(5)] == [True, False, False, True, True]
    assert not result.good
    assert Result(None, Tally(["", ""])).good


def test_form_of_the_table() -> None:
    rows = [row for row in ROWS if row.name in ("wrong sign", "doubled")]
    found = {"A": findings(["wrong", ""], ["", ""]), "B": findings(["wrong", "E: x"], ["wrong", ""])}
    text = write(rows, found, {"C": "not installed: no network"})
    assert "A 1, B 1" in text
    assert "C: not installed: no network." in text
    assert cells(text, "wrong sign") == ["**1/2**", "0/2", "2/2<sup>1</sup>", "**1/2**", "–", "–"]
    assert cells(text, "doubled") == [*["n/a<sup>2</sup>"] * 2, *["n/a<sup>3</sup>"] * 2, "–", "–"]
    assert "1. B: 1 of 2 by another exception: E: x\n2. A: cannot.\n3. B: cannot." in text
    assert list(failings(found["B"])) == ["wrong sign, seed 0: false alarm"]
    assert list(failings(found["A"])) == ["wrong sign, seed 1: missed"]
    short = summary(rows, found, {"C": "not installed"})
    assert cells(short, "faults caught at every seed") == ["0 of 1", "1 of 1", "not installed"]
    assert cells(short, "... and never an alarm without the fault") == ["0 of 1", "0 of 1", "not installed"]
    assert cells(short, "right functions with an alarm at some seed") == ["0 of 1", "1 of 1", "not installed"]


def test_results_are_of_these_functions() -> None:
    """The table in the repository has every row, and nothing of ours in it is bold."""
    text = RESULTS.read_text(encoding="utf-8")
    assert all(name in text for name in COLUMNS)
    for row in ROWS:
        first, *rest = cells(text, row.name)
        expected = ["200/200", "0/200"] if row.planted else ["0/200"]
        assert [first, *rest][: len(expected)] == expected, row.name


@pytest.mark.slow
def test_ours_catches_every_fault_and_raises_no_false_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--checkers", OURS, "--seeds", str(SEEDS)]) == 0, capsys.readouterr().err
