"""Derivatives by finite differences, and the check of backprop against them."""

from autograd.numeric.differences import Difference, derivative, finite_difference
from autograd.numeric.gradcheck import Entry, GradcheckReport, gradcheck

__all__ = ["Difference", "Entry", "GradcheckReport", "derivative", "finite_difference", "gradcheck"]
