"""Runs the programs in MyGrad or in HIPS autograd, in an environment of its own: `python rival_worker.py mygrad`.

Answers each line of JSON it is sent with another: {"program": name, "results": path} runs the program once and saves
what it gave (the value, then the gradients); {"time": name} gives the seconds of one run; {} the versions.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from rival_programs import PROGRAMS, RivalProgram
from timing import Stopwatch


def mygrad(program: RivalProgram) -> Callable[[], list[Any]]:
    """Its guard against writing into recorded arrays is off, as it advises for speed."""
    import mygrad as mg
    from mygrad.nnet.activations import logsoftmax, relu
    from mygrad.nnet.layers import conv_nd, max_pool

    mg.turn_memory_guarding_off()
    library = SimpleNamespace(**vars(mg))
    library.conv = lambda x, w: conv_nd(x, w, stride=1)
    library.relu = relu
    library.max_pool = lambda x: max_pool(x, (2, 2), 2)
    library.log_softmax = lambda x: logsoftmax(x, axis=1)
    inputs, data = program.arrays()
    tensors = [mg.tensor(x, copy=False) for x in inputs]

    def run() -> list[Any]:
        value = program.function(library, *tensors, *data)
        value.backward()
        results = [value.data, *(x.grad for x in tensors)]
        for x in tensors:
            x.null_grad()
        return results

    return run


def autograd(program: RivalProgram) -> Callable[[], list[Any]]:
    """Its convolution flips the kernel and takes (C, F, H, W), so it is given the kernel so; max-pool is a reshape."""
    import autograd.numpy as anp
    from autograd.scipy.signal import convolve
    from autograd.scipy.special import logsumexp

    from autograd import value_and_grad

    def conv(x: Any, w: Any) -> Any:
        flipped = anp.transpose(w, (1, 0, 2, 3))[:, :, ::-1, ::-1]
        return convolve(x, flipped, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")

    def max_pool(x: Any) -> Any:
        n, c, height, width = x.shape
        return anp.max(anp.reshape(x, (n, c, height // 2, 2, width // 2, 2)), axis=(3, 5))

    library = SimpleNamespace(**vars(anp))
    library.conv, library.max_pool = conv, max_pool
    library.relu = lambda x: anp.maximum(x, 0)
    library.log_softmax = lambda x: x - logsumexp(x, axis=1, keepdims=True)
    inputs, data = program.arrays()
    differentiated = value_and_grad(lambda *xs: program.function(library, *xs, *data), argnum=tuple(range(len(inputs))))

    def run() -> list[Any]:
        value, gradients = differentiated(*inputs)
        return [value, *gradients]

    return run


def main(name: str) -> None:
    stopwatches: dict[str, Stopwatch] = {}
    for line in sys.stdin:
        question = json.loads(line)
        if "program" in question:
            program = next(p for p in PROGRAMS if p.name == question["program"])
            try:
                run = {"mygrad": mygrad, "autograd": autograd}[name](program)
                np.savez(question["results"], *map(np.asarray, run()))
                stopwatches[program.name] = Stopwatch(run)
                answer: Any = "ready"
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"
        elif "time" in question:
            answer = stopwatches[question["time"]]()
        else:
            answer = f"{importlib.metadata.version(name)} on NumPy {np.__version__}"
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
