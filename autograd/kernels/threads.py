"""Work shared out over a few threads that stay.

NumPy lets go of the interpreter's lock in its loops and in matrix products, so threads of one process run them side by
side; but not in products of 500 results or fewer, however long they take, for which all others wait. A product inside
shared work runs on one thread: blocks that each stay in a core's cache beat one large product spread over cores, and
what a block computes does not depend on who computes it.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from autograd.dtypes import Array

__all__ = ["get_num_threads", "set_num_threads"]

WAITING = 2  # postponed calls for each thread, at most
LINE = 64  # bytes of a line of the cache
VIEWS = 4096  # shapes of scratch memory that are kept ready for each thread, at most


def get_num_threads() -> int:
    """How many threads large work is shared over.

    >>> get_num_threads() >= 1
    True
    """
    return _pool.threads


def set_num_threads(threads: int) -> None:
    """Share large work over this many threads; at first it is as many as the process has cores.

    Raises TypeError unless it is an int, ValueError unless it is positive.

    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global _pool
    if not isinstance(threads, (int, np.integer)) or isinstance(threads, bool):
        raise TypeError(f"set_num_threads: wants an int, got {threads!r}")
    if threads < 1:
        raise ValueError(f"set_num_threads: wants a positive number, got {threads}")
    if threads != _pool.threads:
        former, _pool = _pool, Pool(int(threads))
        former.close()


def share(work: Callable[[Any], object], items: Iterable[Any], blas: bool = True) -> None:
    """`work(item)` for each item, in any order, on this thread and its helpers; inside shared work, on this alone.

    BLAS is held to one thread meanwhile, unless `blas` says that the work does not call it. The first exception is
    raised again here, when the items that others have begun are done.
    """
    waiting = deque(items)
    if _own.busy:
        for item in waiting:
            work(item)
        return
    _own.busy = True
    try:
        with one_blas_thread() if blas else nullcontext():
            _pool.run(work, waiting)
    finally:
        _own.busy = False


def postpone(call: Callable[[], Any]) -> Postponed:
    """A call that a helper makes while this thread goes on, or this one when somebody asks for the result.

    Helpers hear of it at the next shared work, and make it after that: at once, it would take the interpreter's lock
    from what leads there. Of the calls postponed before, all but a few are done first: what waits keeps memory from
    being freed.
    """
    postponed = Postponed(call)
    if _pool.threads == 1 or _own.busy:
        postponed.settle()
    else:
        _pool.postpone(postponed)
    return postponed


def scratch(shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> Array:
    """Uninitialised memory that belongs to this thread, and stays in its cache: the same at each call with one name."""
    memory, views = _own.memory, _own.views
    view = views.get((name, shape, dtype))
    if view is None:
        size = dtype.itemsize * math.prod(shape)
        if name not in memory or memory[name].size < size:
            memory[name] = _aligned(size)
            views.clear()
        if len(views) >= VIEWS:
            views.clear()
        view = views[name, shape, dtype] = memory[name][:size].view(dtype).reshape(shape)
    return view


def _aligned(size: int) -> Array:
    """So many bytes that begin with a line of the cache: writing whole lines takes half the time of parts of two."""
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size]


def framed(shape: tuple[int, ...], dtype: np.dtype[Any], name: str, inside: slice) -> Array:
    """Scratch memory of a name used for nothing else, with zeros outside of `inside` along the last axis but one, where
    nobody may write."""
    memory = scratch(shape, dtype, name)
    frame = (shape, dtype, inside.start, inside.stop)
    if _own.frames.get(name) != frame:
        memory[..., : inside.start, :] = 0
        memory[..., inside.stop :, :] = 0
        _own.frames[name] = frame
    return memory


class Job:
    """One call of `share`: the items that wait, and who is at work on them."""

    def __init__(self, work: Callable[[Any], object], waiting: deque[Any]) -> None:
        self.work = work
        self.waiting = waiting
        self.errors = np.geterr()
        self.lock = threading.Lock()
        self.helping = 0
        self.closed = False
        self.finished = threading.Lock()
        self.error: BaseException | None = None

    def take(self) -> None:
        """Work on what waits until nothing does."""
        try:
            while True:
                try:
                    item = self.waiting.popleft()
                except IndexError:
                    return
                self.work(item)
        except BaseException as error:
            self.waiting.clear()
            if self.error is None:
                self.error = error

    def help(self) -> None:
        """What a helper does: take part, unless the job is over."""
        with self.lock:
            if self.closed:
                return
            self.helping += 1
        with np.errstate(**self.errors):  # NumPy's warnings are as the caller has set them
            self.take()
        with self.lock:
            self.helping -= 1
            if self.closed and not self.helping:
                self.finished.release()

    def close(self) -> None:
        """Wait for the helpers at work and raise what went wrong."""
        with self.lock:
            self.closed = True
            self.finished.acquire()
            if not self.helping:
                self.finished.release()
        with self.finished:
            pass
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # whose traceback would hold it, and what the work did, in a circle


class Postponed:
    """A call that waits to be made, once, by a helper or by whoever wants its result."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call: Callable[[], Any] | None = call
        self.errors = np.geterr()
        self.told = False
        self.begun, self.done = threading.Lock(), threading.Lock()
        self.done.acquire()
        self.value: Any = None
        self.error: BaseException | None = None

    def help(self) -> None:
        """What a helper does: make the call, unless somebody has begun to."""
        if self.begun.acquire(blocking=False):
            with np.errstate(**self.errors), one_blas_thread():
                self._make()

    def settle(self) -> None:
        """Have the call made: here, or by the helper that has begun to."""
        if self.begun.acquire(blocking=False):
            self._make()
        with self.done:
            pass

    def result(self) -> Any:
        """What the call returns. Raises what it raises."""
        self.settle()
        if self.error is not None:
            raise self.error
        return self.value

    def _make(self) -> None:
        call, self.call = self.call, None
        try:
            self.value = call()  # type: ignore[misc]  # there is one until it has been made
        except BaseException as error:
            self.error = error
        del call
        self.done.release()


class Pool:
    """Helpers beside the calling thread, which wait for jobs. They are made when first needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.jobs: SimpleQueue[Job | Postponed | None] = SimpleQueue()
        self.postponed: list[ReferenceType[Postponed]] = []  # the last few, in order
        self.lock = threading.Lock()
        self.begun = False

    def postpone(self, postponed: Postponed) -> None:
        self.postponed.append(ref(postponed))
        while len(self.postponed) > self.threads * WAITING:
            oldest = self.postponed.pop(0)()
            if oldest is not None:
                oldest.settle()

    def run(self, work: Callable[[Any], object], waiting: deque[Any]) -> None:
        helpers = min(self.threads, len(waiting)) - 1
        if helpers < 1:
            self.tell()
            while waiting:
                work(waiting.popleft())
            return
        job = Job(work, waiting)
        for _ in range(helpers):
            self.put(job)
        self.tell()
        job.take()
        job.close()

    def tell(self) -> None:
        """Let helpers hear of the postponed calls that are new."""
        for reference in tuple(self.postponed):
            postponed = reference()
            if postponed is not None and not postponed.told:
                postponed.told = True
                self.put(postponed)

    def put(self, job: Job | Postponed) -> None:
        if not self.begun:
            self.begin()
        self.jobs.put(job)

    def begin(self) -> None:
        with self.lock:
            if not self.begun:
                for _ in range(self.threads - 1):
                    threading.Thread(target=self.help, name="stepgrad", daemon=True).start()
                self.begun = True

    def help(self) -> None:
        _own.busy = True
        _blas.hold_here()
        while (job := self.jobs.get()) is not None:
            job.help()
            del job

    def close(self) -> None:
        """Have the helpers end when they have done what was asked for."""
        with self.lock:
            for _ in range(self.threads - 1 if self.begun else 0):
                self.jobs.put(None)
            self.begun = True


class _Own(threading.local):
    """What each thread has for itself: whether it is at shared work; its scratch memory, views of that, and frames."""

    busy = False

    def __init__(self) -> None:
        self.memory: dict[str, Array] = {}
        self.views: dict[tuple[str, tuple[int, ...], np.dtype[Any]], Array] = {}
        self.frames: dict[str, tuple[Any, ...]] = {}


_GET, _SET = ctypes.PYFUNCTYPE(ctypes.c_int), ctypes.PYFUNCTYPE(None, ctypes.c_int)


class _Blas:
    """The BLAS libraries that NumPy and others have loaded, and how many callers hold them to one thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.libraries: list[Any] | None = None
        self.getters: list[Callable[[], int]] = []
        self.setters: list[Callable[[int], object]] = []
        self.former: list[int] = []
        self.callers = 0

    def __enter__(self) -> None:
        with self.lock:
            if self.callers == 0:
                self.found()
                self.former = [threads() for threads in self.getters]
                for choose in self.setters:
                    choose(1)
            self.callers += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.callers -= 1
            if self.callers == 0:
                self.restore()

    def restore(self) -> None:
        """Give the libraries as many threads as they had."""
        for choose, threads in zip(self.setters, self.former, strict=True):
            choose(threads)

    def hold_here(self) -> None:
        """Hold those to one thread that have a number of their own in each thread, as OpenMP has, in this one."""
        for library in self.found():
            if getattr(library, "threading_layer", None) == "openmp":
                library.set_num_threads(1)

    def found(self) -> list[Any]:
        """The libraries, looked for once."""
        if self.libraries is None:
            libraries = ThreadpoolController().select(user_api="blas").lib_controllers
            self.getters = [_function(library, "get_num_threads", _GET) for library in libraries]
            self.setters = [_function(library, "set_num_threads", _SET) for library in libraries]
            self.libraries = libraries  # last: other threads go by it
        return self.libraries


def _function(library: Any, name: str, kind: Any) -> Callable[..., Any]:
    """A function of a BLAS library: OpenBLAS' own, since threadpoolctl looks for it at each call, and obeys just one
    thread of the process; else threadpoolctl's. `kind` calls it without letting go of Python's lock, which another
    thread might take for longer than the call lasts."""
    own = None
    if library.internal_api == "openblas" and library.threading_layer != "openmp":
        find = getattr(library, "_get_symbol", None)
        own = find and find(f"openblas_{name}")
    return kind(ctypes.cast(own, ctypes.c_void_p).value) if own else getattr(library, name)


def one_blas_thread() -> AbstractContextManager[None]:
    """Hold BLAS to one thread, in all threads of the process, until the last of those who asked for it leaves."""
    return _blas


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _after_fork() -> None:
    """A child process has none of its parent's threads, and locks may have been held by them."""
    global _pool, _blas, _own
    former, _blas = _blas, _Blas()
    _pool, _own = Pool(_pool.threads), _Own()
    if former.callers:
        former.restore()


_pool = Pool(_cores())
_blas = _Blas()
_own = _Own()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
