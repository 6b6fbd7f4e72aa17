"""`Live`: what steppers through graphs in memory have in common: being kept as traces, and shown in notebooks."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakSet

from autograd.stepping.cursor import Cursor
from autograd.stepping.player import framed
from autograd.stepping.summary import LIMIT
from autograd.stepping.trace import Trace

if TYPE_CHECKING:
    from autograd.stepping.widget import StepperWidget

S = TypeVar("S")


class View(Protocol):
    """What shows a stepper, and wants to know where it is."""

    def follow(self) -> None:
        """The stepper has moved, or what it steps through has changed."""

    def close(self) -> None:
        """The stepper is gone."""


class Live(Cursor[S]):
    """A position in a run of a graph that is alive, and whose numbers can be changed.

    `revision` counts these changes, `views` are told of them, and of moves.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.views: WeakSet[View] = WeakSet()

    @abstractmethod
    def replace(self, instead: Any, /) -> S:
        """Take the current step again with something else in place of what was there."""

    @abstractmethod
    def restore(self) -> Any:
        """Undo every `replace`, at the same position."""

    @property
    @abstractmethod
    def changed(self) -> bool:
        """Whether something has been changed by `replace`."""

    @abstractmethod
    def trace(self, limit: int = LIMIT, title: str = "", original: bool = False) -> Trace:
        """The whole run as data."""

    def to_html(self, path: str | os.PathLike[str], limit: int = LIMIT, title: str = "") -> None:
        """Write one page that plays the whole run in a browser: that of `trace(limit, title)`."""
        self.trace(limit, title).to_html(path)

    def widget(self) -> StepperWidget:
        """The player of this run with the kernel behind it: moving in the page moves the stepper, and the other way.

        In the page there are also breakpoints, other numbers put in place of those that flow, and finite differences
        of single operations. A notebook shows all this, too, when the stepper itself is the value of a cell, but does
        not keep it alive for that; the widget does, until its `close()`. Without a kernel it plays what was recorded.

        Raises ImportError if anywidget, of the extra `notebooks`, is missing.
        """
        from autograd.stepping.widget import widget_of

        return widget_of(self, keep=True)

    def _repr_html_(self) -> str | None:
        try:
            from autograd.stepping.widget import widget_of
        except ImportError:
            return framed(self.trace(), self.position)
        return widget_of(self, keep=False).page_in_frame()

    def _moved(self) -> None:
        for view in tuple(self.views):
            view.follow()

    def _changed_run(self) -> None:
        """What follows `replace` and `restore`."""
        self.revision += 1
        self._moved()
