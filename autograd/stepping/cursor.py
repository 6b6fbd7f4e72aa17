"""A place in a run of steps, and ways to move it: what the steppers and the player of traces have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from autograd.stepping.breakpoints import Breakpoint, Condition, breakpoint_of, check_known
from autograd.stepping.graph_view import GraphView

S = TypeVar("S")


class Cursor(ABC, Generic[S]):
    """A position in a run: after the first `position` steps, of `len(self)`.

    `current` is the step taken last, None at the start; its number is the position. `done` says that the run has come
    to its end.
    """

    @property
    @abstractmethod
    def position(self) -> int:
        """How many steps have been taken."""

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether the run has come to its end."""

    @property
    @abstractmethod
    def graph(self) -> GraphView:
        """The recorded graph as plain data."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _step_at(self, number: int) -> S:
        """The step of this number, one of those taken."""

    @abstractmethod
    def _advance(self) -> bool:
        """Take one more step, or come to the end; False if no step was left to be taken."""

    @abstractmethod
    def _retreat(self) -> None:
        """Take the last step back."""

    def _moved(self) -> None:
        """The position may have changed; who has somebody to tell does so here."""

    @property
    def current(self) -> S | None:
        """The step taken last; None at the start."""
        return self._step_at(self.position) if self.position else None

    def step(self) -> S | None:
        """Take the next step and return it; None if there is none."""
        if not self._advance():
            return None
        self._moved()
        return self.current

    def back(self) -> S | None:
        """Take the last step back, and return the one before it, which is `current` again; at the start do nothing."""
        if self.position:
            self._retreat()
            self._moved()
        return self.current

    def seek(self, k: int) -> S | None:
        """Go to where `k` steps have been taken, and return the k-th. Raises IndexError unless 0 ≤ k ≤ `len(self)`."""
        if not 0 <= k <= len(self):
            raise IndexError(f"seek: there is no position {k} in a run of {len(self)} steps")
        try:
            while self.position > k:
                self._retreat()
            while self.position < k and self._advance():
                pass
        finally:
            self._moved()
        return self.current

    def run(self) -> None:
        """Take all steps that are left."""
        try:
            while not self.done:
                self._advance()
        finally:
            self._moved()

    def run_until(self, condition: Breakpoint[Any] | Condition | str) -> S | None:
        """Take steps up to and with the first for which `condition` is true, and return it; None if the run ends first.

        A condition is one of `autograd.stepping.breakpoints`, or any function of a step. A string stands for the
        operation, the tensor, the module, or the parameter (or other leaf) that is given something, of this name.
        Raises ValueError for a string by which nothing in the run is called.
        """
        stop = breakpoint_of(condition)
        if isinstance(condition, str):
            check_known("run_until", condition, self.graph)
        for step in self:
            if stop(step):
                return step
        return None

    def __iter__(self) -> Iterator[S]:
        """The steps that are left, each taken as it is asked for."""
        while (step := self.step()) is not None:
            yield step
