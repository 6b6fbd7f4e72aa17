"""How fast, how large: stepgrad beside PyTorch, MyGrad and HIPS autograd. `make bench` runs it all."""

import autograd as autograd  # before NumPy is loaded, so that it can choose OpenBLAS' kernels
