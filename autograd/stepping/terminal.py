"""A terminal as the stepper needs it: single keys, where there are keys, and a screen that is left as it was found."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

__all__ = ["ask", "colored", "draw", "has_keys", "keys"]

_KEYS = {
    "\x1b[C": "right",
    "\x1bOC": "right",
    "\x1b[B": "right",
    "\x1bOB": "right",
    "\x1b[D": "left",
    "\x1bOD": "left",
    "\x1b[A": "left",
    "\x1bOA": "left",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x04": "eof",
    "\x1b": "escape",
}
_KEY = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|.", re.DOTALL)
_WINDOWS_KEYS = {"M": "right", "P": "right", "K": "left", "H": "left", "G": "home", "O": "end"}


def has_keys() -> bool:
    """Whether single keys can be read and a screen drawn: on a terminal that understands where to draw."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"


def colored() -> bool:
    """Whether to write in colours: on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"


@contextmanager
def keys() -> Iterator[Callable[[], str]]:
    """Gives a function that waits for a key and returns it: a character, or "right", "enter", …; "eof" after the last.

    While the block is open the terminal shows another screen and does not echo what is typed.
    """
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        with _raw() as read:
            yield read
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()


def draw(lines: Sequence[str]) -> None:
    """Show these lines on the screen, and nothing else."""
    sys.stdout.write("\x1b[H\x1b[2J" + "\n".join(lines))
    sys.stdout.flush()


def ask(prompt: str, read: Callable[[], str]) -> str | None:
    """A line of text, typed over the last line of the screen; None if Escape is pressed."""
    typed = ""
    while True:
        sys.stdout.write(f"\r\x1b[K{prompt}{typed}")
        sys.stdout.flush()
        key = read()
        if key == "enter":
            return typed
        if key in ("escape", "eof"):
            return None
        typed = typed[:-1] if key == "backspace" else typed + key * (len(key) == 1)


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def _raw() -> Iterator[Callable[[], str]]:
        def read() -> str:
            key = msvcrt.getwch()
            if key in ("\0", "\xe0"):
                return _WINDOWS_KEYS.get(msvcrt.getwch(), "")
            if key == "\x03":
                raise KeyboardInterrupt
            return _KEYS.get(key, key)

        os.system("")  # has the console obey escape sequences
        yield read

else:
    import termios
    import tty

    @contextmanager
    def _raw() -> Iterator[Callable[[], str]]:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        typed: deque[str] = deque()

        def read() -> str:
            while not typed:
                chunk = os.read(terminal, 256)
                if not chunk:
                    return "eof"
                typed.extend(_KEY.findall(chunk.decode(errors="ignore")))
            key = typed.popleft()
            return _KEYS.get(key, key if len(key) == 1 else "")

        tty.setcbreak(terminal)
        try:
            yield read
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
