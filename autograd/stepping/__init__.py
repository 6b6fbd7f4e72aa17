"""Backward passes to be watched: taken step by step, rewound, stopped at breakpoints, drawn, and saved.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.
"""

from autograd.stepping import plots
from autograd.stepping.backward_pass import BackwardPass
from autograd.stepping.breakpoints import (
    Breakpoint,
    at_line,
    at_module,
    at_name,
    at_op,
    at_shape,
    non_finite,
    norm_above,
    norm_below,
    reaches,
    zero_gradient,
)
from autograd.stepping.drawing import Drawing, draw
from autograd.stepping.exports import to_dot, to_mermaid
from autograd.stepping.folding import Folded, fold
from autograd.stepping.forward import ForwardStep, ForwardStepper
from autograd.stepping.graph_view import GraphView, named, view
from autograd.stepping.rules import Rule, rule_of
from autograd.stepping.step import Contribution, Step
from autograd.stepping.stepper import Stepper
from autograd.stepping.summary import Summary
from autograd.stepping.trace import Player, Trace

__all__ = [
    "BackwardPass",
    "Breakpoint",
    "Contribution",
    "Drawing",
    "Folded",
    "ForwardStep",
    "ForwardStepper",
    "GraphView",
    "Player",
    "Rule",
    "Step",
    "Stepper",
    "Summary",
    "Trace",
    "at_line",
    "at_module",
    "at_name",
    "at_op",
    "at_shape",
    "draw",
    "fold",
    "named",
    "non_finite",
    "norm_above",
    "norm_below",
    "plots",
    "reaches",
    "rule_of",
    "to_dot",
    "to_mermaid",
    "view",
    "zero_gradient",
]
