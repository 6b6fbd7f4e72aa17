"""Helpers around training: clipping gradients, parameters as one vector, parameters computed from others, sequences
of several lengths, and modules as functions of their parameters."""

from nn.utils import parametrizations, parametrize, rnn
from nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_
from nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from nn.utils.hooked_norms import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm
from nn.utils.stateless import functional_call

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "functional_call",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]
