"""The derivative rule of an operation in words: as text and as LaTeX, from the "Derivative:" line of its docstring."""

from __future__ import annotations

import inspect
import re
import sys
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import normalize

from autograd.graph import Node
from autograd.recompute import Segment

__all__ = ["Rule", "rule_of"]


class Rule(NamedTuple):
    """A derivative rule: `text`, such as `x̄ += ȳ · cos(x)`, and the same in `latex`.

    >>> from autograd.stepping import rule_of
    >>> rule = rule_of(exp(tensor(2.0, requires_grad=True)).grad_fn)
    >>> print(rule)
    x̄ += ȳ · y
    >>> print(rule.latex)
    \\bar{x} \\mathrel{+}= \\bar{y} \\cdot y
    """

    text: str
    latex: str

    def __str__(self) -> str:
        return self.text


# What is said of an operation whose docstring says nothing.
_OF_LINEAR = "x̄ += Aᵀ ȳ, where y = A x"
_OF_OTHERS = "x̄ += (∂y/∂x)ᵀ ȳ"
_OF_CHECKPOINT = "x̄ += (∂y/∂x)ᵀ ȳ, by running the function again"


def rule_of(node: Node, k: int | None = None) -> Rule:
    """The rule of a node, or that for the k-th of its parents alone.

    A primitive says it in a "Derivative:" line of its docstring, or in that of the public function of its name. So may
    one of a user's own (`custom_vjp`). Where nothing is said, the rule is that of linear operations, x̄ += Aᵀ ȳ, or the
    chain rule itself, x̄ += (∂y/∂x)ᵀ ȳ. Raises ValueError for a leaf.

    >>> from autograd.stepping import rule_of
    >>> x = tensor(2.0, requires_grad=True)
    >>> rule_of(sin(x).grad_fn)
    Rule(text='x̄ += ȳ · cos(x)', latex='\\\\bar{x} \\\\mathrel{+}= \\\\bar{y} \\\\cdot \\\\cos(x)')
    >>> rule_of((x / 3.0).grad_fn, 0).text
    'x̄1 += ȳ / x2'
    """
    if node.plan is None:
        raise ValueError("rule_of: a leaf has no rule")
    text = said(node.plan.primitive) or _fallback(node.plan.primitive)
    if k is not None and k < len(node.plan.active):
        text = _for_input(text, _input(node.plan.primitive, node.plan.active[k]))
    return Rule(text, latex(text))


def said(primitive: Any) -> str | None:
    """What the docstring of a primitive, or of the public function of its name, says of the derivative; or None."""
    forward = getattr(primitive, "forward", None)
    home = getattr(forward, "__module__", "")
    places = [home, *(name for name in sys.modules if name.startswith("autograd.ops."))]
    public = (getattr(sys.modules.get(place), primitive.name, None) for place in places if home.startswith("autograd."))
    for function in (forward, *public):
        text = _derivative(getattr(function, "__doc__", None) or "")
        if text:
            return text
    return None


def _fallback(primitive: Any) -> str:
    if isinstance(primitive, Segment):
        return _OF_CHECKPOINT
    return _OF_LINEAR if primitive.kind == "linear" else _OF_OTHERS


def _input(primitive: Any, i: int) -> str:
    return "" if isinstance(primitive, Segment) else primitive.inputs[0 if primitive.variadic else i]


@lru_cache(maxsize=512)
def _derivative(docstring: str) -> str | None:
    """The paragraph that begins with "Derivative", without that word, in one line."""
    found = re.search(r"^Derivative(?:: |, )(.+?)(?:\n\s*\n|\Z)", inspect.cleandoc(docstring), re.DOTALL | re.MULTILINE)
    if found is None:
        return None
    text = " ".join(found[1].split())
    return text.removesuffix(".") if ". " not in text else text


@lru_cache(maxsize=512)
def _for_input(text: str, name: str) -> str:
    """The part of a rule that says what one input gets; all of it, if it does not tell them apart."""
    plain = _decomposed(text)
    starts = list(re.finditer(r"(?P<name>(?:[A-Za-z]\u0304?)+\d*) [+-]= ", plain))
    targets = [match["name"].replace("\u0304", "") for match in starts]
    if len(starts) < 2 or name not in targets:
        return text
    ends = [match.start() for match in starts[1:]] + [len(plain)]
    start, end = starts[targets.index(name)].start(), ends[targets.index(name)]
    own = re.sub(r",(?: and)?\s*$", "", plain[start:end])
    of_all = re.search(r", (?:and|summed) .*$", plain[starts[-1].start() :])
    return normalize("NFC", own + (of_all[0] if of_all and end < len(plain) else ""))


# LaTeX

_MACRON = "\u0304"
_PAIRS = r"""
    += \mathrel{+}=  -= \mathrel{-}=  · \cdot  ∘ \circ  ± \pm  ≥ \geq  ≤ \leq  ≠ \neq  ∂ \partial  ∞ \infty  … \ldots
    Σ \sum  ∏ \prod  ⌊ \lfloor  ⌋ \rfloor  π \pi  σ \sigma  Φ \Phi  √ \surd  ^ \wedge  ~ \sim  \ \backslash
    % \%  & \&  # \#  $ \$  { \{  } \}
"""
_SYMBOLS = dict(re.findall(r"(\S+) (\S+)", _PAIRS))
_SMALL = {"ᵢ": "i", "ⱼ": "j", "ₖ": "k", **{chr(0x2080 + n): str(n) for n in range(10)}}
_RAISED = {"²": "2", "³": "3", "¹": "1", "⁻": "-", "ᵀ": r"\top", "ᵖ": "p"}
_FUNCTIONS = frozenset(("arctan", "cos", "cosh", "det", "exp", "log", "max", "min", "sin", "sinh", "tan", "tanh"))
_OPERATORS = "+-=·/<>≥≤≠√(["
_PROSE = (
    rf"(?:(?!(?:{'|'.join(sorted(_FUNCTIONS))})\b)[A-Za-z]{{2,}}|(?<= )a(?= [a-z]{{2}}))"
    r"(?:['-][A-Za-z]*)*(?![A-Za-z\u0304\d(_])"
)
_SUBSCRIPT = f"[{''.join(_SMALL)}]"
_TOKEN = re.compile(
    r"(?P<call>[A-Za-z]+(?:_[a-z]+)+)(?=\()"
    rf"|(?P<prose>{_PROSE}(?:,? {_PROSE})*)"
    r"|(?P<word>(?:[A-Za-z]\u0304?)+)(?P<digits>\d*)(?P<suffix>-th\b|'s\b)?"
    rf"|(?P<lower>{_SUBSCRIPT}+(?:(?:[≠≥≤]|, ){_SUBSCRIPT}+)*)"
    r"|_(?P<index>[A-Za-z]+)"
    rf"|(?P<upper>[{''.join(_RAISED)}]+)"
    r"|(?P<around>[√^])(?=[(π])"
    r"|(?P<quoted>`[^`]*`)"
    r"|(?P<symbol>[+-]=|[^\s])"
    r"|(?P<space>\s+)"
)


@lru_cache(maxsize=512)
def latex(text: str) -> str:
    """A rule's text as LaTeX for math mode; words in it are set as text.

    >>> from autograd.stepping.rules import latex
    >>> latex("x̄ᵢ += ȳ / √(1 - x²), also where it jumps")
    '\\\\bar{x}_{i} \\\\mathrel{+}= \\\\bar{y} / \\\\sqrt{1 - x^{2}}, \\\\text{ also where it jumps}'
    """
    return _latex(_decomposed(text))


def _decomposed(text: str) -> str:
    """Each letter with a macron as two characters."""
    return "".join(normalize("NFD", c) if c.isalpha() else c for c in normalize("NFC", text))


def _latex(text: str) -> str:
    parts: list[str] = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        assert found is not None
        place = found.end()
        kind = found.lastgroup
        if found["around"]:
            inner, place = _grouped(text, place)
            parts.append((r"\sqrt" if found["around"] == "√" else "^") + f"{{{_latex(inner)}}}")
        elif found["call"]:
            parts.append(rf"\operatorname{{{found['call']}}}".replace("_", r"\_"))
        elif found["prose"]:
            parts.append(_text(found["prose"], text[: found.start()], text[place:]))
        elif found["word"]:
            parts.append(_word(found["word"], found["digits"], found["suffix"] or "", text[place : place + 1]))
        elif found["lower"]:
            parts.append(
                "_{" + "".join(f" {_SYMBOLS[c]} " if c in _SYMBOLS else _SMALL.get(c, c) for c in found[0]) + "}"
            )
        elif kind == "index":
            parts.append(f"_{{{found['index']}}}")
        elif found["upper"]:
            parts.append("^{" + "".join(_RAISED[c] for c in found[0]) + "}")
        elif found["quoted"]:
            parts.append(rf"\text{{{found[0][1:-1]}}}")
        elif kind == "space":
            parts.append(" ")
        else:
            symbol = _SYMBOLS.get(found[0], found[0])
            letter_next = symbol[-1:].isalpha() and text[place : place + 1].isalpha()
            parts.append(symbol + (" " if letter_next and symbol.startswith("\\") else ""))
    return "".join(parts)


def _word(word: str, digits: str, suffix: str, behind: str) -> str:
    plain, barred = word.replace(_MACRON, ""), _MACRON in word
    if len(plain) == 1:
        body = rf"\bar{{{plain}}}" if barred else plain
    elif barred:
        body = rf"\overline{{\mathrm{{{plain}}}}}"
    elif plain in _FUNCTIONS:
        body = rf"\{plain}" + (" " if behind.isalnum() else "")
    elif behind == "(":
        body = rf"\operatorname{{{plain}}}"
    else:
        body = rf"\text{{{plain}}}"
    return body + (f"_{{{digits}}}" if digits else "") + (rf"\text{{{suffix}}}" if suffix else "")


def _text(words: str, before: str, after: str) -> str:
    """Words set as text, with the spaces that math mode would drop, but for those beside an operator."""
    ahead = " " if before.endswith(" ") and before.rstrip()[-1:] not in _OPERATORS else ""
    behind = " " if after.startswith(" ") and after.lstrip()[:1] not in _OPERATORS else ""
    return rf"\text{{{ahead}{words}{behind}}}"


def _grouped(text: str, place: int) -> tuple[str, int]:
    """What stands in the parentheses that open at `place`, or the one character there; and the place after it."""
    if text[place] != "(":
        return text[place], place + 1
    depth = 0
    for end in range(place, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if not depth:
            return text[place + 1 : end], end + 1
    return text[place + 1 :], len(text)
