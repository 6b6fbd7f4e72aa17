"""Reverse-mode automatic differentiation on NumPy."""

from autograd import operators as operators
