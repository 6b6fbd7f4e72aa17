"""`python -m autograd.stepping`: by lines of input, by keys on a terminal, and what it says of files it cannot read."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from traces import by_hand

from autograd.stepping.text import Look
from autograd.stepping.walk import HELP, Walk

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child runs another program at once

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "autograd.stepping"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces") / "run.json"
    by_hand().save(path)
    return path


def run(*arguments: object, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=given,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"} | environment,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("commands", "position"),
    [
        (["n"], 1),
        (["", " ", "right"], 3),
        (["n", "n", "p"], 1),
        (["p"], 0),
        (["end"], 5),
        (["end", "n"], 5),
        (["$", "0"], 0),
        (["g3"], 3),
        (["g 4"], 4),
        (["g 99"], 5),
        (["g x"], 0),
        (["/sin"], 1),
        (["/multiply"], 3),
        (["/multiply", "/"], 5),
        (["/multiply", "/", "/"], 3),
        (["/ J", "/CHAIN.PY"], 2),
        (["/nowhere"], 0),
        (["/"], 0),
        (["t", "d", "?"], 0),
        (["what"], 0),
    ],
)
def test_commands(commands: list[str], position: int) -> None:
    walk = Walk(by_hand())
    for command in commands:
        walk.obey(command, Look())
    assert walk.position == position


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("p", "this is the start"),
        ("g9", "this is the end, after 5 steps"),
        ("g", "g wants the number of a step, as in: g 12"),
        ("/", "/ wants what to look for, as in: / relu"),
        ("/nowhere", "no step has 'nowhere'"),
        ("x", "x is no command; ? lists them"),
        ("?", HELP),
        ("n", ""),
    ],
)
def test_what_commands_say(command: str, said: str) -> None:
    assert Walk(by_hand()).obey(command, Look()) == said


def test_lines_of_input_step_through_a_run(saved: Path) -> None:
    done = run(saved, given="n\n\n/sin\nzzz\nt\nq\nn\n")
    assert (done.returncode, done.stderr) == (0, "")
    heads = [line for line in done.stdout.split("\n") if line.startswith("step ") and " of " in line]
    assert heads == ["step 1 of 5   cos   J", "step 2 of 5   add", "step 3 of 5   multiply"]
    assert "zzz is no command" in done.stdout
    assert "passed on to" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_end_of_input_is_the_end(saved: Path) -> None:
    done = run(saved)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("start of J = cos(sin x² + 3x²)\n")


def test_options_print_and_leave(saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    done = run(saved, "--table", "--graph", "--html", page, given="n\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "passed on to" in done.stdout
    assert "◆ 0 x ()" in done.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_terminal_that_knows_ascii_alone(saved: Path) -> None:
    done = run(saved, "--graph", "--table", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "o-. 4 add" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        ("", "is no trace of a pass: it holds no JSON"),
        ("{}", "is no trace of a pass: it has no version, graph and steps"),
        ('{"version": 99, "graph": {}, "steps": []}', "has version 99"),
        ('{"version": 1, "graph": {"nodes": 3}, "steps": []}', "was damaged"),
        (b"\xff\xfe\x00", "is no trace of a pass"),
    ],
)
def test_files_that_cannot_be_read(content: str | bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    done = run(path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("autograd.stepping: ")
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert said in done.stderr


def test_a_page_that_cannot_be_written(saved: Path, tmp_path: Path) -> None:
    done = run(saved, "--html", tmp_path / "nowhere" / "run.html")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nowhere" in done.stderr


def test_a_reader_that_has_gone(saved: Path) -> None:
    command = " ".join([f"'{sys.executable}'", "-m autograd.stepping", f"'{saved}'", "--table | true"])
    done = subprocess.run(["bash", "-c", command], capture_output=True, encoding="utf-8", cwd=ROOT, check=False)
    assert done.stderr == ""


class Screen:
    """The command on a terminal of its own."""

    def __init__(self, path: Path, **environment: str) -> None:
        pty = pytest.importorskip("pty", reason="no terminals to open here")
        pid, self.terminal = pty.fork()
        if not pid:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # processes in the background ignore it
            os.chdir(ROOT)
            os.environ.pop("NO_COLOR", None)
            os.environ.update({"TERM": "xterm-256color", "COLUMNS": "70", "LINES": "24"} | environment)
            os.execv(sys.executable, [*COMMAND, str(path)])
        self.pid = pid

    def read(self, until: str, seconds: float = 30.0) -> str:
        """What is written until a text appears."""
        text, end = "", time.monotonic() + seconds
        while until not in text and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    text += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:  # the other side has gone
                    break
        assert until in text, text
        return text

    def type(self, keys: str, until: str) -> str:
        os.write(self.terminal, keys.encode())
        return self.read(until)

    def leave(self, keys: str) -> int:
        """The status it ends with."""
        os.write(self.terminal, keys.encode())
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def screen(saved: Path) -> Iterator[Screen]:
    shown = Screen(saved)
    yield shown
    os.close(shown.terminal)


def test_keys_on_a_terminal(screen: Screen) -> None:
    first = screen.read("quit")
    assert "start of J" in first
    assert "\x1b[?1049h" in first
    step = screen.type("n", "quit")
    assert "step 1 of 5   cos   J" in step
    assert "▶" in step
    assert "\x1b[1m" in step
    assert "step 2 of 5" in screen.type(" ", "quit")
    assert "step 3 of 5" in screen.type("\x1b[C", "quit")
    assert "step 2 of 5" in screen.type("\x1b[D", "quit")
    assert "step 4 of 5" in screen.type("g5\x7f4\r", "step 4")
    assert "step 1 of 5" in screen.type("/COS\x1b/cos(\r\x1b[H\x1b[Cn\x1b[D", "step 1")
    assert "the step before" in screen.type("?", "leave")
    assert "passed on" in screen.type("t", "passed on")
    assert "this is the end" in screen.type("\x1b[Fn", "this is the end")
    assert screen.leave("q") == 0


def test_interrupting_and_the_end_of_input_leave(saved: Path) -> None:
    for key, status in (("\x03", 130), ("\x04", 0)):
        shown = Screen(saved)
        shown.read("quit")
        assert shown.leave(key) == status
        os.close(shown.terminal)


def test_no_colour_and_dumb_terminals(saved: Path) -> None:
    shown = Screen(saved, NO_COLOR="1")
    assert "\x1b[1m" not in shown.read("quit")
    assert shown.leave("q") == 0
    os.close(shown.terminal)
    shown = Screen(saved, TERM="dumb")
    assert "\x1b" not in shown.type("n\n", "step 1 of 5")
    assert shown.leave("q\n") == 0
    os.close(shown.terminal)


def test_a_very_small_terminal(saved: Path) -> None:
    shown = Screen(saved, COLUMNS="16", LINES="4")
    shown.read("n next")
    assert "step 1" in shown.type("n", "step 1")
    assert shown.leave("q") == 0
    os.close(shown.terminal)
