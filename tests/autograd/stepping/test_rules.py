"""Every differentiable primitive says its rule, as text and as LaTeX that a renderer takes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from samples import SAMPLES

import autograd as ag
from autograd.primitive import Primitive, registry
from autograd.stepping.rules import Rule, latex, rule_of, said

DIFFERENTIABLE = sorted(name for name in SAMPLES if registry[name].differentiable)  # of the library, not of other tests
# What plain mathtext, which knows no `\mathrel`, is given in its place.
UNKNOWN = {r"\mathrel{+}": "+", r"\mathrel{-}": "-"}


def test_the_house_s_primitives_are_all_here() -> None:
    assert len(DIFFERENTIABLE) > 100


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_primitive_says_its_rule(name: str) -> None:
    text = said(registry[name])
    assert text is not None, "its docstring, or that of its public function, has no line 'Derivative: …'"
    assert "\n" not in text
    assert re.search(r"\u0304|ȳ|ā|^0|cotangent", text), text


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_rule_fits_into_a_line(name: str) -> None:
    assert len(said(registry[name]) or "") < 115


def test_a_rule_prints_as_its_text() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    assert str(rule_of(ag.sin(x).node)) == "x̄ += ȳ · cos(x)"
    step = ag.einsum("i,i->", ag.ones(2, requires_grad=True), ag.ones(2)).stepper().step()
    assert f"{step.rule}" == "x̄ᵢ += Σ ȳ · ∏ⱼ≠ᵢ xⱼ, over the letters that the operand xᵢ does not have"


def balanced(text: str) -> bool:
    depth = 0
    for c in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(c, 0)
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_latex_is_sound(name: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    text = latex(said(registry[name]) or "")
    assert balanced(text)
    assert "  " not in text
    outside_text = re.sub(r"\\text\{[^}]*\}", "", text)
    assert outside_text.isascii(), outside_text
    for command, plain in UNKNOWN.items():
        text = text.replace(command, plain)
    mathtext.MathTextParser("path").parse(f"${text}$")


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_each_parent_has_a_rule(name: str) -> None:
    sample = SAMPLES[name][0]
    tensors = [ag.tensor(a, requires_grad=a.dtype.kind == "f") for a in sample.inputs(np.random.default_rng(0))]
    y: Any = sample.call(*tensors)
    parts = [part for part in (y if isinstance(y, (tuple, list)) else (y,)) if part.node is not None]
    seen = {node.op: node for part in parts for node in ag.graph.ancestors([part.node]) if node.plan is not None}
    node = seen.get(name)
    if node is None:
        pytest.skip("not recorded by its sample")
    whole = rule_of(node)
    for k in range(len(node.parents)):
        part = rule_of(node, k)
        assert all(clause in whole.text for clause in part.text.split(", "))
        assert balanced(part.latex)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x̄ += ȳ · cos(x)", r"\bar{x} \mathrel{+}= \bar{y} \cdot \cos(x)"),
        ("x̄1 += ȳ x2ᵀ", r"\bar{x}_{1} \mathrel{+}= \bar{y} x_{2}^{\top}"),
        ("x̄ -= ȳ / √(1 - x²)", r"\bar{x} \mathrel{-}= \bar{y} / \sqrt{1 - x^{2}}"),
        ("x̄ᵢ += ȳ · ∏ⱼ≠ᵢ xⱼ", r"\bar{x}_{i} \mathrel{+}= \bar{y} \cdot \prod _{j \neq i} x_{j}"),
        ("x̄ += ȳ · p · xᵖ⁻¹", r"\bar{x} \mathrel{+}= \bar{y} \cdot p \cdot x^{p-1}"),
        ("x̄ += ȳ · (2/√π) exp(-x²)", r"\bar{x} \mathrel{+}= \bar{y} \cdot (2/\sqrt{\pi}) \exp(-x^{2})"),
        ("v̄ar · 2 s", r"\overline{\mathrm{var}} \cdot 2 s"),
        ("F_ij = 1/(w_j - w_i)", r"F_{ij} = 1/(w_{j} - w_{i})"),
        ("x̄ += overlap_add(ȳ, k)", r"\bar{x} \mathrel{+}= \operatorname{overlap\_add}(\bar{y}, k)"),
        ("(|x| / y)^(p - 1)", r"(|x| / y)^{p - 1}"),
        ("ȳ on the diagonal, 0 elsewhere", r"\bar{y} \text{ on the diagonal}, 0 \text{ elsewhere}"),
        ("50% of {a} & b_c # $ \\ ~ √ ^", r"50\% \text{ of } \{a\} \& b_{c} \# \$ \backslash \sim \surd \wedge"),
        ("", ""),
        ("√(", r"\sqrt{}"),
    ],
)
def test_latex(text: str, wanted: str) -> None:
    assert latex(text) == wanted
    assert balanced(latex(text))


def test_a_part_for_each_input() -> None:
    a, b = ag.tensor([1.0], requires_grad=True), ag.tensor([2.0], requires_grad=True)
    assert [rule_of((a / b).node, k).text for k in (0, 1)] == ["x̄1 += ȳ / x2", "x̄2 -= ȳ · y / x2"]
    assert rule_of((1.0 / b).node, 0).text == "x̄2 -= ȳ · y / x2"
    assert [rule_of(ag.maximum(a, b).node, k).text for k in (0, 1)] == [
        "x̄1 += where(x1 > x2, ȳ, 0), and ȳ/2 to both where x1 = x2",
        "x̄2 += where(x2 > x1, ȳ, 0), and ȳ/2 to both where x1 = x2",
    ]
    assert rule_of(ag.concatenate([a, b]).node, 1).text == "x̄ᵢ += the part of ȳ that came from xᵢ"
    assert rule_of((a**b).node, 1).text == "p̄ += ȳ · y · log x"


def test_what_says_nothing_has_a_stated_rule() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)

    @ag.custom_vjp(lambda g: 2 * g)
    def twice(x: Any) -> Any:
        return 2 * x

    @ag.custom_vjp(lambda g: 2 * g)
    def twice_told(x: Any) -> Any:
        """Two times x.

        Derivative: x̄ += 2 ȳ.
        """
        return 2 * x

    @ag.custom_vjp(lambda g: 2 * g)
    def sin(x: Any) -> Any:
        return 2 * x

    chain_rule = Rule("x̄ += (∂y/∂x)ᵀ ȳ", r"\bar{x} \mathrel{+}= (\partial y/\partial x)^{\top} \bar{y}")
    assert rule_of(twice(x).node) == chain_rule
    assert rule_of(sin(x).node) == chain_rule, "not that of the library's operation of this name"
    assert rule_of(twice_told(x).node).text == "x̄ += 2 ȳ"
    checkpointed = rule_of(ag.checkpoint(lambda x: x * x, x).node)
    assert checkpointed.text == "x̄ += (∂y/∂x)ᵀ ȳ, by running the function again"
    silent = Primitive(lambda x: x, 1)
    silent.kind = "linear"
    assert said(silent) is None
    with pytest.raises(ValueError, match="rule_of: a leaf has no rule"):
        rule_of(x.node)
