"""Steps in words, live and loaded, and how wide words are."""

from __future__ import annotations

from typing import Any

import pytest

import autograd as ag
from autograd.stepping.wording import axes_text, columns_of


def both(output: ag.Tensor, gradient: Any) -> list[Any]:
    """The steps of a backward pass, live ones and those of its trace."""
    stepper = output.stepper(gradient)
    stepper.run()
    return [stepper.steps, stepper.trace().steps]


@pytest.mark.parametrize("kind", [0, 1], ids=["live", "loaded"])
def test_what_is_summed_and_then_added(kind: int) -> None:
    b = ag.tensor([1.0, 2.0], requires_grad=True, name="b")
    first, second = both((ag.ones((2, 2)) + b) * b, ag.ones((2, 2)))[kind]
    assert repr(first.contributions[1]).split("\n") == [
        "to leaf 'b' (2,): [[2. 3.] [2. 3.]]",
        "    summed over axis 0, along which it was broadcast: [4. 6.]",
        "    which waits for 1 more",
    ]
    assert repr(second.contributions[0]).split("\n") == [
        "to leaf 'b' (2,): [[1. 2.] [1. 2.]]",
        "    summed over axis 0, along which it was broadcast",
        "    added to [4. 6.]",
        "    makes [ 6. 10.]",
    ]


@pytest.mark.parametrize("kind", [0, 1], ids=["live", "loaded"])
def test_a_step_that_gives_nothing(kind: int) -> None:
    ignored = ag.custom_vjp(lambda g: None)(lambda x: 2 * x)
    (step,) = both(ignored(ag.tensor(1.0, requires_grad=True)), None)[kind]
    assert repr(step).endswith("  cotangent: 1.\n  gives nothing to its parents")


def test_axes() -> None:
    assert (axes_text((1,)), axes_text((0, 2))) == ("axis 1", "axes 0, 2")


def test_columns() -> None:
    assert [columns_of(text) for text in ("", "abc", "x\u0304", "学习", "→")] == [0, 3, 1, 4, 1]
