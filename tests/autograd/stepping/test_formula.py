"""Formulas become MathML that is well-formed, in which lines can break, and never fail."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.primitive import registry
from autograd.stepping.formula import mathml
from autograd.stepping.rules import latex, said

CASES = {
    r"\bar{x}": '<mover accent="true"><mi>x</mi><mo style="padding-bottom:.12em">¯</mo></mover>',
    r"x_{12}": "<msub><mi>x</mi><mn>12</mn></msub>",
    r"x_i^2": "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>",
    r"x^2_i": "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>",
    r"f''": "<msup><mi>f</mi><mrow><mo>′</mo><mo>′</mo></mrow></msup>",
    r"a \mathrel{+}= b": "<mi>a</mi><mo>+=</mo><mi>b</mi>",
    r"\frac{1}{n + 1}": "<mfrac><mn>1</mn><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></mfrac>",
    r"\sqrt{x}": "<msqrt><mi>x</mi></msqrt>",
    r"\sum_i x": "<munder><mo>∑</mo><mi>i</mi></munder><mi>x</mi>",
    r"\cos x": '<mi>cos</mi><mspace width="0.17em"></mspace><mi>x</mi>',
    r"\cos(x)": "<mi>cos</mi><mo>(</mo><mi>x</mi><mo>)</mo>",
    r"\alpha\Lambda\varphi": "<mi>α</mi><mi>Λ</mi><mi>φ</mi>",
    r"\left( x \right)": '<mo fence="true">(</mo><mi>x</mi><mo fence="true">)</mo>',
    r"\operatorname{relu}": '<mi mathvariant="normal">relu</mi>',
    r"\text{where}": "<mtext>where</mtext>",
    r"\sqrt{\text{where x < 0}}": "<msqrt><mtext>where\u00a0x\u00a0&lt;\u00a00</mtext></msqrt>",
    r"f(x, y)": "<mi>f</mi><mo>(</mo><mi>x</mi><mo>,</mo><mi>y</mi><mo>)</mo>",
    r"2.5 - x": "<mn>2.5</mn><mo>−</mo><mi>x</mi>",
    r"\%": "<mo>%</mo>",
    r"\nosuchthing": "<mtext>nosuchthing</mtext>",
    "": "",
}


@pytest.mark.parametrize("latex", CASES)
def test_what_a_formula_becomes(latex: str) -> None:
    assert mathml(latex) == f"<math>{CASES[latex]}</math>"


@pytest.mark.parametrize(
    ("latex", "markup"),
    {
        r"x, \text{ summed over < all >}": "<math><mi>x</mi></math>, summed over &lt; all &gt;",
        r"\text{the sum of } x": "the sum of <math><mi>x</mi></math>",
        r"x_1, y(a)^2, z": (
            "<math><msub><mi>x</mi><mn>1</mn></msub></math>, "
            "<math><mi>y</mi><mo>(</mo><mi>a</mi><msup><mo>)</mo><mn>2</mn></msup></math>, "
            "<math><mi>z</mi></math>"
        ),
        r"x: y": "<math><mi>x</mi></math>: <math><mi>y</mi></math>",
    }.items(),
)
def test_lines_can_break_beside_words_and_between_clauses(latex: str, markup: str) -> None:
    assert mathml(latex) == markup


@pytest.mark.parametrize("latex", ["{x", "x}", r"\frac{1}", r"\bar", r"x^", r"\text x", "\\", r"\left"])
def test_what_is_not_well_formed_stands_as_it_is(latex: str) -> None:
    assert mathml(latex) == f"<code>{latex}</code>"


@given(st.text(st.sampled_from("\\{}_^'x1 +<&bar frac sum_")) | st.text())
def test_no_text_fails_or_makes_broken_markup(latex: str) -> None:
    markup = mathml(latex)
    if all(letter.isprintable() for letter in latex):
        ElementTree.fromstring(f"<div>{markup}</div>")


def test_all_rules_are_understood() -> None:
    """Every "Derivative:" line becomes formulas and words between them, in which no command is left."""
    rules = {primitive.name: said(primitive) for primitive in registry.values()}
    formulas = {name: mathml(latex(rule)) for name, rule in rules.items() if rule}
    assert len(formulas) > 50
    for name, formula in formulas.items():
        assert "\\" not in formula.replace("<mo>\\</mo>", ""), f"{name}: {formula}"
        line = ElementTree.fromstring(f"<div>{formula}</div>")
        assert {part.tag for part in line} <= {"math"}, f"{name}: {rules[name]}"
        words = "".join([line.text or "", *(part.tail or "" for part in line)])
        assert re.fullmatch(r"[A-Za-z ,.:;'-]*", words), f"{name}: {words}"


def test_the_words_of_a_rule_stand_where_lines_break() -> None:
    line = ElementTree.fromstring(f"<div>{mathml(latex(said(registry['matmul']) or ''))}</div>")
    assert [part.tail for part in line] == [", ", ", summed over axes along which the operand was broadcast"]
