"""Reverse-mode automatic differentiation on NumPy: tensors, their operations, and derivatives of any order.

A `Tensor` records the computation while ordinary Python runs; `t.backward()` walks the record back and leaves a
gradient on every leaf. The operations are functions here and methods of the tensor, under NumPy's names, and NumPy's
own functions take tensors.

Examples in docstrings are written as after `import numpy as np` and `from autograd import *`.

>>> x = tensor([1.0, 2.0], requires_grad=True)
>>> y = (x * x).sum()
>>> y.backward()
>>> x.grad
tensor([2., 4.])
"""

from typing import TYPE_CHECKING

from autograd import environment as environment
from autograd import operators as operators
from autograd import random as random
from autograd.absorbing import absorbing_zeros
from autograd.custom import custom_jvp, custom_vjp
from autograd.dtypes import get_default_dtype, set_default_dtype
from autograd.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from autograd.kernels.minimal_filtering import use_winograd
from autograd.kernels.threads import get_num_threads, set_num_threads
from autograd.numeric import (
    compare_derivatives,
    detect_anomaly,
    finite_difference,
    gradcheck,
    jacobian_chain,
    locate_wrong_node,
)
from autograd.ops import (
    assignment,
    comparison,
    creation,
    diagonals,
    elementwise,
    indexing,
    joining,
    padding,
    products,
    reductions,
    repetition,
    shaping,
    sorting,
    windows,
)
from autograd.ops import linalg as linalg
from autograd.ops.assignment import *  # noqa: F403
from autograd.ops.comparison import *  # noqa: F403
from autograd.ops.creation import *  # noqa: F403
from autograd.ops.diagonals import *  # noqa: F403
from autograd.ops.elementwise import *  # noqa: F403
from autograd.ops.indexing import *  # noqa: F403
from autograd.ops.joining import *  # noqa: F403
from autograd.ops.linalg import *  # noqa: F403
from autograd.ops.padding import *  # noqa: F403
from autograd.ops.products import *  # noqa: F403
from autograd.ops.reductions import *  # noqa: F403
from autograd.ops.repetition import *  # noqa: F403
from autograd.ops.shaping import *  # noqa: F403
from autograd.ops.sorting import *  # noqa: F403
from autograd.ops.windows import *  # noqa: F403
from autograd.other_names import refusing
from autograd.random import *  # noqa: F403
from autograd.recompute import checkpoint
from autograd.stepping import Stepper, draw, named
from autograd.tensor import Tensor, tensor
from autograd.transforms import (
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)

__version__ = "0.1.0"

__all__ = [
    "Stepper",
    "Tensor",
    "absorbing_zeros",
    "checkpoint",
    "compare_derivatives",
    "custom_jvp",
    "custom_vjp",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "finite_difference",
    "get_default_dtype",
    "get_num_threads",
    "grad",
    "gradcheck",
    "gradients",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jacobian_chain",
    "jvp",
    "locate_wrong_node",
    "named",
    "no_grad",
    "set_default_dtype",
    "set_grad_enabled",
    "set_num_threads",
    "tensor",
    "use_winograd",
    "value_and_grad",
    "vjp",
]
__all__ += assignment.__all__
__all__ += comparison.__all__
__all__ += creation.__all__
__all__ += diagonals.__all__
__all__ += elementwise.__all__
__all__ += indexing.__all__
__all__ += joining.__all__
__all__ += linalg.__all__
__all__ += padding.__all__
__all__ += products.__all__
__all__ += reductions.__all__
__all__ += repetition.__all__
__all__ += shaping.__all__
__all__ += sorting.__all__
__all__ += windows.__all__
__all__ += random.__all__

if not TYPE_CHECKING:
    globals().update(operators.OF_TORCHS_WORDS)
    __getattr__ = refusing(__name__)
    linalg.__getattr__ = refusing("autograd.linalg")

    def __dir__() -> list[str]:
        return sorted([*__all__, "__version__", "linalg", "numeric", "random", "stepping"])
