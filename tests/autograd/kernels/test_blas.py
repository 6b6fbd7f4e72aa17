"""Whether there are kernels for small matrices, as OpenBLAS is told to take those of a processor."""

import os
import subprocess
import sys

import pytest
from threadpoolctl import threadpool_info

ASK = (
    "from threadpoolctl import threadpool_info; from autograd.kernels.blas import SMALL_PRODUCT; "
    "print(SMALL_PRODUCT, *(library.get('architecture') for library in threadpool_info()))"
)


def asked(processor: str) -> list[str]:
    """The answer of a process in which OpenBLAS takes itself to be on this processor; a wrong name changes nothing."""
    environment = os.environ | {"OPENBLAS_CORETYPE": processor}
    return subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True).stdout.split()


@pytest.mark.skipif(
    all(library["internal_api"] != "openblas" for library in threadpool_info()), reason="NumPy's BLAS is not OpenBLAS"
)
def test_kernels_for_small_matrices_come_with_avx512() -> None:
    for processor, wanted in (("Haswell", {"0"}), ("Nehalem", {"0"}), ("unknown", {"0", "1000000"})):
        small, *architectures = asked(processor)
        assert small in wanted
        assert (small != "0") == bool({"SkylakeX", "Cooperlake", "SapphireRapids"} & set(architectures))
