"""What is known of the BLAS that NumPy computes products with, and other kernels go by."""

from __future__ import annotations

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

# OpenBLAS' kernels for AVX-512 include some that take small matrices as they lie. Others first copy both operands into
# an order of their own, in memory that all threads get under one lock: there one large product takes less time than
# several small ones. Two threads that make products of 6×6 and 6×32 elements are slower than one.
_WITH_SMALL_KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}


def _architectures() -> set[str]:
    """The processors that the kernels of OpenBLAS are for; none with another library."""
    libraries = ThreadpoolController().select(internal_api="openblas").info()
    return {library["architecture"] for library in libraries}


# Up to so many multiplications there are kernels for small matrices; none, if 0.
SMALL_PRODUCT = 1_000_000 if _architectures() & _WITH_SMALL_KERNELS else 0
