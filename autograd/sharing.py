"""Work shared over threads, for those outside of the kernels who change large arrays: the optimizers."""

from autograd.kernels.threads import share

__all__ = ["share"]
