"""A progress bar for work that takes long, where there is somebody to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DELAY = 2.0  # seconds of work before a bar appears by itself


@contextmanager
def progress_bar(total: int | None, description: str, shown: bool | None = None) -> Iterator[Callable[..., Any]]:
    """Gives a function to call after each step (or with a number of steps).

    `shown` None shows the bar, by tqdm where it is installed, once the work has taken two seconds, and only in a
    terminal or a notebook. Raises ImportError if `shown` is True and tqdm is missing.
    """
    if shown is False:
        yield _ignored
        return
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        if shown:
            raise ImportError("a progress bar wants tqdm: pip install 'stepgrad[notebooks]'") from None
        yield _ignored
        return
    quiet: dict[str, Any] = {} if shown else {"delay": DELAY, "disable": None}
    with tqdm(total=total, desc=description, leave=False, **quiet) as bar:
        yield bar.update


def _ignored(steps: int = 1) -> None:
    """Where no bar is shown."""
