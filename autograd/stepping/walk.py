"""Walking through a trace in a terminal: by keys on one, by lines of input where there is none."""

from __future__ import annotations

import shutil
import sys

from autograd.stepping import terminal
from autograd.stepping.text import Look, block, graph, table
from autograd.stepping.trace import Trace

__all__ = ["Walk", "by_keys", "by_lines"]

HELP = """\
n, →, space, Enter   the next step
p, ←                 the step before
g 12                 to step 12
Home, End            to the start, to the end (0 and $)
/ relu               to the next step with this in its operation, name, module or line of source; / alone: again
t                    the steps as a table
d                    the graph
?                    these keys
q                    leave"""
_KEYS = "n next  p back  g go to  / search  t table  d graph  ? help  q quit"


class Walk:
    """Where one is in a trace, and what each command does there."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.steps = trace.steps
        self.position = 0
        self.sought = ""
        self.ended = False

    def obey(self, command: str, look: Look, height: int | None = None) -> str:
        """Do what a command says, and return what there is to show besides the step: "" if nothing."""
        letter, argument = command[:1], command[1:].strip()
        if command in ("", "n", " ", "right"):
            return self.seek(self.position + 1)
        if command in ("p", "left"):
            return self.seek(self.position - 1)
        if command in ("0", "home"):
            return self.seek(0)
        if command in ("$", "end"):
            return self.seek(len(self.steps))
        if letter == "g":
            return self.seek(int(argument)) if argument.isdecimal() else "g wants the number of a step, as in: g 12"
        if letter == "/":
            return self.search(argument)
        if command == "t":
            return table(self.trace, self.position, look, height)
        if command == "d":
            return graph(self.trace, self.position, look, height)
        if command == "?":
            return look.finish(HELP)
        if command in ("q", "quit", "eof"):
            self.ended = True
            return ""
        return f"{command} is no command; ? lists them"

    def seek(self, position: int) -> str:
        """Go to a position, or to the end that is nearer to it; then that is said."""
        self.position = min(max(position, 0), len(self.steps))
        if position < 0:
            return "this is the start"
        return f"this is the end, after {len(self.steps)} steps" if position > len(self.steps) else ""

    def search(self, text: str) -> str:
        """Go to the next step that has `text` in it (what was sought last, if ""), round the end if need be."""
        self.sought = text.lower() or self.sought
        if not self.sought:
            return "/ wants what to look for, as in: / relu"
        count = len(self.steps)
        for position in (*range(self.position + 1, count + 1), *range(1, self.position + 1)):
            step = self.steps[position - 1]
            if any(self.sought in text.lower() for text in (step.op, step.name or "", step.module, step.source)):
                self.position = position
                return ""
        return f"no step has '{self.sought}'"


def by_lines(walk: Walk, look: Look) -> None:
    """Read a command from each line of input, and print the step it leads to."""
    print(block(walk.trace, walk.position, look))
    for line in sys.stdin:
        before = walk.position
        message = walk.obey(line.strip(), look)
        if walk.ended:
            break
        if message:
            print(message)
        if walk.position != before:
            print(block(walk.trace, walk.position, look))


def by_keys(walk: Walk, color: bool, ascii: bool) -> None:
    """Draw the graph and the step on the screen, anew after every key."""
    message = ""
    with terminal.keys() as read:
        while not walk.ended:
            width, height = shutil.get_terminal_size()
            look = Look(width, color, ascii)
            terminal.draw(_screen(walk, look, height, message))
            key = read()
            if key == "escape" or (key == "enter" and message):
                message = ""
                continue
            if key in ("g", "/"):
                typed = terminal.ask(key, read)
                if typed is None:
                    continue
                key += typed
            message = walk.obey("" if key == "enter" else key, look, height - 1)


def _screen(walk: Walk, look: Look, height: int, message: str) -> list[str]:
    """The graph above, the step below; or a message of several lines; and the keys."""
    keys = look.paint(_KEYS[: look.width - 1], "dim")
    if "\n" in message:
        return [*message.split("\n")[: height - 1], keys]
    foot = [look.paint(message[: look.width - 1], "yellow"), keys] if message else [keys]
    step = block(walk.trace, walk.position, look).split("\n")
    room = height - len(foot) - 1
    drawn = graph(walk.trace, walk.position, look, max(room - len(step), room // 3, 1)).split("\n")
    return [*drawn, look.finish("─" * (look.width - 1)), *step[: room - len(drawn)], *foot]
