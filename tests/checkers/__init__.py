"""Faults planted in derivatives: who catches them, who cries wolf. `make checkers` writes the table."""

import autograd as autograd  # before NumPy is loaded, so that it can choose OpenBLAS' kernels
