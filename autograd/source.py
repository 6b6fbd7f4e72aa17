"""Where in a user's program something happened, as messages say it."""

from __future__ import annotations

import linecache
import os
import re
import sys
from types import CodeType

# The name of a cell's code in IPython, from which its number can be read when the shell is gone.
_CELL = re.compile(r"<ipython-input-(\d+)-")
# The number of the line in what `place` says.
_NUMBER = re.compile(r"(?:cell .*?, line |.*?:)(\d+)(?:: |$)")


class _LibraryFiles(dict[str, bool]):
    """Whether a file belongs to this library, so that what happens is put down to the line of the user's."""

    def __missing__(self, filename: str) -> bool:
        folder = os.path.dirname(os.path.dirname(__file__))
        inside = filename.startswith(
            tuple(os.path.join(folder, package, "") for package in ("autograd", "nn", "optim"))
        )
        self[filename] = inside
        return inside


in_library = _LibraryFiles()


def place(code: CodeType | None, offset: int) -> str:
    """The line of an instruction: file, line number and text, `model.py:3: y = x @ w`; in a notebook, cell and line."""
    if code is None:
        return "an unknown line"
    lines = (number for start, end, number in code.co_lines() if start <= offset < end and number)
    return place_of_line(code.co_filename, next(lines, code.co_firstlineno))


def place_of_line(filename: str, line: int) -> str:
    """As `place`, of a line by its number."""
    text = linecache.getline(filename, line).strip()
    cell = _cell(filename)
    return (f"cell {cell}, line {line}" if cell else f"{filename}:{line}") + (f": {text}" if text else "")


def line_of(place: str) -> int | None:
    """The number of the line in what `place` said."""
    found = _NUMBER.match(place)
    return int(found[1]) if found else None


def _cell(filename: str) -> str | None:
    """What a notebook calls the cell whose code has this file name, `In[3]`; None for a file.

    The running shell knows it. (A Jupyter kernel's cells have the names of files that do not exist.)
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    known = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(filename)
    if known:
        return str(known[1])
    named = _CELL.match(filename)
    return f"In[{named[1]}]" if named else None
