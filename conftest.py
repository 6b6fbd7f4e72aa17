"""What docstring examples may use without importing it; and tests that draw their examples draw the same each time."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import autograd
import nn  # noqa: F401  (as a whole, before pytest imports one of its files for the examples in it)

os.environ["MPLBACKEND"] = "Agg"  # pictures that need no screen

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _names_for_examples(request: pytest.FixtureRequest, doctest_namespace: dict[str, Any]) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        request.node.dtest.globs.clear()  # no names of the module, which a reader has not either
    doctest_namespace.update({name: getattr(autograd, name) for name in autograd.__all__}, np=np)


@pytest.fixture(autouse=True)
def _no_picture_stays_open() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
