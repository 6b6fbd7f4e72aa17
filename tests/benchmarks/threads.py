"""How many threads both libraries share their work over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from autograd.kernels.threads import get_num_threads, set_num_threads


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Both libraries, and BLAS, on so many threads, and then on as many as before."""
    former = get_num_threads(), torch.get_num_threads()
    set_num_threads(count)
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count, user_api="blas"):
            yield
    finally:
        set_num_threads(former[0])
        torch.set_num_threads(former[1])
