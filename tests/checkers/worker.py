"""Runs one library's checker, in an environment of its own: `python worker.py in_jax`.

Answers each line of JSON it is sent with another: {"about": ""} with `Checker.about`, a question that has the arguments
of `Checker.outcome` with that.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings

import numpy as np
from programs import Checker


def main(module: str) -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    checker = Checker(importlib.import_module(module))
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(checker.about() if "about" in question else checker.outcome(**question)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
