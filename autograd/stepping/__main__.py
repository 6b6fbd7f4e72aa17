"""`python -m autograd.stepping run.json`: step through a saved pass, backward or forward, in a terminal."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence

from autograd.stepping import terminal
from autograd.stepping.player import write_page
from autograd.stepping.text import Look, graph, table
from autograd.stepping.trace import Trace
from autograd.stepping.walk import HELP, Walk, by_keys, by_lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status is returned: 0, or 1 if the trace could not be read."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd.stepping",
        description="Step through a pass, backward or forward, that was saved: stepper.trace().save(file).",
        epilog=f"keys, or lines of input where there is no terminal:\n\n{HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trace", help="the saved trace, a JSON file")
    parser.add_argument("--table", action="store_true", help="print the steps as a table, and leave")
    parser.add_argument("--graph", action="store_true", help="print the graph, and leave")
    parser.add_argument("--html", metavar="FILE", help="write a page that plays the trace in a browser, and leave")
    given = parser.parse_args(arguments)
    ascii_only = not _can_write("│●x̄→")
    look = Look(shutil.get_terminal_size((100, 24)).columns, terminal.colored(), ascii_only)
    try:
        trace = Trace.load(given.trace)
        if given.html:
            write_page(trace, given.html)
            print(f"wrote {given.html}")
    except OSError as error:
        return _complain(f"{error.filename or given.trace}: {error.strerror or error}")
    except ValueError as error:
        return _complain(str(error).removeprefix("trace: "))
    try:
        if given.table:
            print(table(trace, look=look))
        if given.graph:
            print(graph(trace, look=look))
        if given.table or given.graph or given.html:
            return 0
        if terminal.has_keys():
            by_keys(Walk(trace), look.color, look.ascii)
        else:
            by_lines(Walk(trace), look)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _complain(problem: str) -> int:
    print(f"autograd.stepping: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
