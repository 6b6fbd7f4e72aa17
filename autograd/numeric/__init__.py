"""Derivatives by finite differences, symbolically and by backprop, side by side, and the check of one by another.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from autograd.numeric.anomaly import AnomalyError, detect_anomaly
from autograd.numeric.chain import ChainProduct, jacobian_chain
from autograd.numeric.compare import Comparison, compare_derivatives
from autograd.numeric.differences import Difference, derivative, finite_difference
from autograd.numeric.gradcheck import gradcheck
from autograd.numeric.locate import Mismatch, NodeCheck, WrongNodes, check_node, locate_wrong_node
from autograd.numeric.report import Entry, GradcheckReport, InputCheck, Verdict
from autograd.numeric.symbolic import SymbolicDerivative, symbolic_derivative

__all__ = [
    "AnomalyError",
    "ChainProduct",
    "Comparison",
    "Difference",
    "Entry",
    "GradcheckReport",
    "InputCheck",
    "Mismatch",
    "NodeCheck",
    "SymbolicDerivative",
    "Verdict",
    "WrongNodes",
    "check_node",
    "compare_derivatives",
    "derivative",
    "detect_anomaly",
    "finite_difference",
    "gradcheck",
    "jacobian_chain",
    "locate_wrong_node",
    "symbolic_derivative",
]
