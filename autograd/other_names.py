"""Where to find what PyTorch, JAX and HIPS autograd have under names that are not here."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

ELSEWHERE = {
    "Function": "autograd.custom_vjp",
    "Generator": "numpy.random.default_rng",
    "Parameter": "nn.Parameter",
    "Variable": "autograd.tensor",
    "absolute": "autograd.abs",
    "array": "autograd.tensor",
    "asarray": "autograd.as_tensor",
    "bmm": "autograd.matmul",
    "broadcast_tensors": "autograd.broadcast_arrays",
    "cat": "autograd.concatenate",
    "clamp": "autograd.clip",
    "clamp_max": "autograd.minimum",
    "clamp_min": "autograd.maximum",
    "copy": "autograd.clone",
    "cross_entropy": "nn.functional.cross_entropy",
    "custom_gradient": "autograd.custom_vjp",
    "data": "nn.data",
    "detach": "autograd.Tensor.detach",
    "div": "autograd.divide",
    "elementwise_grad": "autograd.grad",
    "empty": "autograd.zeros",
    "empty_like": "autograd.zeros_like",
    "eq": "autograd.equal",
    "expit": "autograd.sigmoid",
    "fix": "autograd.trunc",
    "float": "numpy.float32",
    "functional": "nn.functional",
    "functional_call": "nn.utils.functional_call",
    "gather": "autograd.take_along_axis",
    "ge": "autograd.greater_equal",
    "ger": "autograd.outer",
    "gt": "autograd.greater",
    "hessian_vector_product": "autograd.hvp",
    "index_select": "autograd.take",
    "inference_mode": "autograd.no_grad",
    "int": "numpy.int32",
    "inverse": "autograd.inv",
    "jacfwd": "autograd.jacobian",
    "jacrev": "autograd.jacobian",
    "le": "autograd.less_equal",
    "load": "nn.load",
    "long": "numpy.int64",
    "lt": "autograd.less",
    "make_jvp": "autograd.jvp",
    "make_vjp": "autograd.vjp",
    "mm": "autograd.matmul",
    "movedim": "autograd.moveaxis",
    "mul": "autograd.multiply",
    "mv": "autograd.matmul",
    "ne": "autograd.not_equal",
    "neg": "autograd.negative",
    "nn": "nn",
    "optim": "optim",
    "permute": "autograd.permute_dims",
    "pinverse": "autograd.pinv",
    "remat": "autograd.checkpoint",
    "repeat_interleave": "autograd.repeat",
    "save": "nn.save",
    "scatter": "autograd.put_along_axis",
    "scatter_add": "autograd.add_along_axis",
    "seed": "autograd.manual_seed",
    "stop_gradient": "autograd.Tensor.detach",
    "sub": "autograd.subtract",
    "swapdims": "autograd.swapaxes",
    "t": "autograd.transpose",
    "take_along_dim": "autograd.take_along_axis",
    "to_dot": "autograd.stepping.to_dot",
    "to_mermaid": "autograd.stepping.to_mermaid",
    "true_divide": "autograd.divide",
    "unbind": "autograd.unstack",
    "unsqueeze": "autograd.expand_dims",
    "utils": "nn.utils",
    "vdot": "autograd.dot",
    "vector_jacobian_product": "autograd.vjp",
}
ELSEWHERE |= {
    name: f"nn.functional.{name}"
    for name in (
        "adaptive_avg_pool1d",
        "avg_pool1d",
        "avg_pool2d",
        "batch_norm",
        "binary_cross_entropy_with_logits",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose2d",
        "cosine_similarity",
        "dropout",
        "elu",
        "embedding",
        "gelu",
        "group_norm",
        "interpolate",
        "layer_norm",
        "leaky_relu",
        "logsigmoid",
        "max_pool1d",
        "max_pool2d",
        "mse_loss",
        "nll_loss",
        "normalize",
        "one_hot",
        "pairwise_distance",
        "pdist",
        "pixel_shuffle",
        "scaled_dot_product_attention",
        "selu",
        "silu",
    )
}

# What takes an expression, in the words of PyTorch's parameters.
EXPRESSIONS = {
    "addcdiv": "input + value * tensor1 / tensor2",
    "addcmul": "input + value * tensor1 * tensor2",
    "addmm": "input + mat1 @ mat2",
    "baddbmm": "input + batch1 @ batch2",
    "cdist": "ag.norm(x1[..., :, None, :] - x2[..., None, :, :], axis=-1)",
    "deg2rad": "input * (math.pi / 180)",
    "dist": "ag.norm(input - other)",
    "erfc": "2 * ag.ndtr(-math.sqrt(2) * input)",
    "frac": "input - input.trunc()",
    "is_floating_point": "input.dtype.kind == 'f'",
    "lerp": "input + weight * (end - input)",
    "logdet": "ag.where(ag.slogdet(input)[0] >= 0, ag.slogdet(input)[1], math.nan)",
    "logit": "ag.log(input / (1 - input))",
    "masked_fill": "ag.where(mask, value, input)",
    "masked_select": "input[mask]",
    "numel": "input.size",
    "rand_like": "ag.rand(input.shape, dtype=input.dtype)",
    "randn_like": "ag.randn(input.shape, dtype=input.dtype)",
    "std_mean": "(input.std(ddof=1), input.mean())",
    "var_mean": "(input.var(ddof=1), input.mean())",
}

_DEVICES = "the CPU is the only device, and nothing takes one"
_COMPILED = "nothing is compiled: operations run, and are recorded, as they are called"
_LOOPS = "Python's own loops and conditions are recorded as they run"

# What is not here in any form, or in two.
ABSENT = dict.fromkeys(
    ("BoolTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor"),
    "autograd.tensor(list, dtype) makes one of numbers, autograd.zeros(shape, dtype) one of a shape",
)
ABSENT |= {
    "amp": "dtypes are chosen by hand, as in x.half()",
    "autocast": "dtypes are chosen by hand, as in x.half()",
    "autograd": "this is it; torch.autograd.grad is autograd.gradients, and a Function autograd.custom_vjp",
    "backends": _DEVICES,
    "compile": _COMPILED,
    "cond": _LOOPS,
    "cuda": _DEVICES,
    "device": _DEVICES,
    "device_put": _DEVICES,
    "fori_loop": _LOOPS,
    "func": "its functions are here: grad, vjp, jvp, jacobian, hessian; functional_call is nn.utils.functional_call",
    "is_tensor": "write isinstance(x, autograd.Tensor)",
    "jit": _COMPILED,
    "lax": _LOOPS,
    "make_jaxpr": _COMPILED,
    "mps": _DEVICES,
    "numpy": "operations are in autograd itself, and NumPy's own functions take tensors",
    "pmap": "give the operations the whole batch: they take leading axes",
    "scan": _LOOPS,
    "scatter_reduce": "sums are autograd.add_along_axis; of arrays, numpy.maximum.at and its like do the others",
    "set_default_device": _DEVICES,
    "vmap": "give the operations the whole batch: they take leading axes",
    "while_loop": _LOOPS,
}

# The same for the other packages.
ABSENT_BY_PACKAGE = {
    "autograd": ABSENT,
    "autograd.linalg": {
        "eig": "of symmetric matrices it is eigh",
        "eigvals": "of symmetric matrices they are eigvalsh",
        "lstsq": "write pinv(A) @ b, or qr(A) and solve",
        "matrix_rank": "it is numpy.linalg.matrix_rank(t.data)",
        "multi_dot": "write a @ b @ c",
        "norm": "numpy.linalg.norm takes tensors, and autograd.norm is there for vectors",
        "vector_norm": "numpy.linalg.vector_norm takes tensors, and autograd.norm is there",
    },
    "nn": {
        "Buffer": "module.register_buffer(name, tensor) is there for it",
        "CTCLoss": "that loss is not here",
        "CrossMapLRN2d": "it is nn.LocalResponseNorm",
        "DataParallel": _DEVICES,
        "SyncBatchNorm": "it is nn.BatchNorm2d, since there is one process",
    },
    "nn.data": dict.fromkeys(
        ("BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler"),
        "any iterable of indices is a sampler of a DataLoader, any of lists of indices a batch_sampler",
    )
    | {
        "IterableDataset": "a DataLoader wants a data set with __getitem__",
        "WeightedRandomSampler": "give a DataLoader an iterable whose __iter__ returns "
        "iter(generator.choice(len(weights), n, p=weights / weights.sum())) as its sampler, which draws anew each pass",
    },
    "nn.functional": {
        "ctc_loss": "that loss is not here",
        "multi_head_attention_forward": "it is nn.MultiheadAttention",
        "upsample_bilinear": "it is nn.functional.interpolate",
        "upsample_nearest": "it is nn.functional.interpolate",
    },
    "optim": {"SparseAdam": "no gradient is sparse; optim.Adam is the nearest, but moves rows without a gradient, too"},
}

# Methods and attributes of PyTorch's tensors, and what there is instead.
NOT_OF_TENSORS = {
    "absolute": "it is t.abs()",
    "add_": "write t += other",
    "addmm": "write t + mat1 @ mat2",
    "addmm_": "write t += mat1 @ mat2",
    "baddbmm": "write t + batch1 @ batch2",
    "clamp_": "write t.copy_(t.clip(min, max))",
    "clamp_max": "write t.clip(max=max)",
    "clamp_min": "write t.clip(min=min)",
    "cuda": "the CPU is the only device",
    "data_ptr": "the array is t.data",
    "detach_": "write t = t.detach()",
    "dist": "write autograd.norm(t - other)",
    "div_": "write t /= other",
    "element_size": "it is t.data.itemsize",
    "expand_as": "write t.expand(other.shape)",
    "get_device": "the CPU is the only device",
    "index_add": "it is autograd.index_add(t, index, source, axis=dim)",
    "index_add_": "write t.copy_(autograd.index_add(t, index, source, axis=dim))",
    "index_select": "write t.take(index, axis=dim)",
    "is_contiguous": "how a tensor lies in memory makes no difference; t.data.flags tells",
    "is_cuda": "the CPU is the only device",
    "is_floating_point": "write t.dtype.kind == 'f'",
    "lerp": "write t + weight * (end - t)",
    "lerp_": "write t += weight * (end - t)",
    "masked_fill_": "write t[mask] = value",
    "masked_select": "write t[mask]",
    "mul_": "write t *= other",
    "narrow": "write t[:, start : start + length], for axis 1",
    "ndimension": "it is t.ndim",
    "nelement": "it is t.size",
    "new_empty": "write autograd.zeros(shape, dtype=t.dtype)",
    "new_full": "write autograd.full(shape, value, dtype=t.dtype)",
    "new_ones": "write autograd.ones(shape, dtype=t.dtype)",
    "new_tensor": "write autograd.tensor(data, dtype=t.dtype)",
    "new_zeros": "write autograd.zeros(shape, dtype=t.dtype)",
    "normal_": "it is nn.init.normal_(t, mean, std)",
    "pin_memory": "the CPU is the only device",
    "pow_": "write t **= exponent",
    "reshape_as": "write t.reshape(other.shape)",
    "scatter": "it is autograd.put_along_axis(t, index, src, axis=dim)",
    "scatter_": "write t.copy_(autograd.put_along_axis(t, index, src, axis=dim))",
    "scatter_add": "it is autograd.add_along_axis(t, index, src, axis=dim)",
    "scatter_add_": "write t.copy_(autograd.add_along_axis(t, index, src, axis=dim))",
    "scatter_reduce": ABSENT["scatter_reduce"],
    "select": "write t[:, index], for axis 1",
    "sgn": "it is t.sign()",
    "split": "autograd.split(t, n) makes n parts, as NumPy's does; PyTorch's are of length n (see also t.chunk)",
    "split_with_sizes": "write autograd.split(t, np.cumsum(sizes)[:-1], axis=dim)",
    "storage": "the array is t.data",
    "stride": "the array's strides, in bytes, are t.data.strides",
    "sub_": "write t -= other",
    "true_divide": "it is t.div(other)",
    "type": "write t.astype(dtype), or t.dtype to ask",
    "type_as": "write t.astype(other.dtype)",
    "unflatten": "write t.reshape(shape)",
    "unfold": "it is autograd.sliding_windows(t, size, stride, axes=dimension)",
    "uniform_": "it is nn.init.uniform_(t, a, b)",
    "unique": "it is numpy.unique(t.data)",
    "view_as": "write t.reshape(other.shape)",
    "where": "write autograd.where(condition, t, other)",
}

# PyTorch's tensors have methods that write what these give.
IN_PLACE = (
    *("abs", "ceil", "cos", "cosh", "erf", "exp", "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "neg"),
    *("reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh"),
    *("tril", "triu", "trunc"),
)
NOT_OF_TENSORS |= {f"{name}_": f"write t.copy_(t.{name}())" for name in IN_PLACE}

# PyTorch's tensors have methods of these functions, too.
NOT_OF_TENSORS |= {
    name: f"it is autograd.{name}, a function"
    for name in (
        *("acos", "acosh", "allclose", "arctan2", "argwhere", "asin", "asinh", "atan", "atan2", "atanh", "bernoulli"),
        *("bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "cholesky", "diff", "divide", "equal", "fliplr"),
        *("flipud", "floor_divide", "fmod", "greater", "greater_equal", "hypot", "isclose", "less", "less_equal"),
        *("logaddexp", "logical_xor", "matrix_power", "multinomial", "multiply", "negative", "not_equal", "positive"),
        *("qr", "remainder", "rot90", "slogdet", "solve", "subtract", "svd", "tile"),
    )
}


# Functions of NumPy's that take tensors and are not here under their names.
NUMPYS_OF_TENSORS = (
    *("array_equal", "around", "atleast_1d", "atleast_2d", "atleast_3d", "divmod", "fabs", "invert", "mod", "ndim"),
    *("rint", "shape", "size"),
)


def hint(package: str, name: str) -> str:
    """What there is in place of a name that a package does not have, to end a message with; "" if nothing is known."""
    absent = ABSENT_BY_PACKAGE[package]
    if name in absent:
        return f"; {absent[name]}"
    if package != "autograd":
        return ""
    if name in ELSEWHERE:
        return f"; it is {ELSEWHERE[name]}"
    if name in EXPRESSIONS:
        return f"; write {EXPRESSIONS[name]}"
    if name not in np.__all__:
        return ""
    if isinstance(getattr(np, name), (np.ufunc, type(np.kron), ModuleType)) and name not in NUMPYS_OF_TENSORS:
        return f"; numpy.{name} takes arrays (t.data), without derivatives"
    return f"; it is numpy.{name}"


def refusing(package: str) -> Callable[[str], Any]:
    """A package's `__getattr__`: an AttributeError that says what there is instead."""

    def refuse(name: str) -> Any:
        raise AttributeError(f"module '{package}' has no attribute '{name}'{hint(package, name)}")

    return refuse


class Absent:
    """An attribute that tensors do not have: an AttributeError that says what there is instead."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"'{owner.__name__}' object has no attribute '{self.name}'; {NOT_OF_TENSORS[self.name]}")


_PLAIN = ("autograd", "nn", "optim", "builtins", "numpy", "__main__")


def kind_of(x: Any) -> str:
    """The class of `x` as a message names it: with its library, if it is another one, which may call it as we do."""
    kind = type(x)
    library = kind.__module__.partition(".")[0]
    return kind.__name__ if library in _PLAIN else f"{library}'s {kind.__name__}"
