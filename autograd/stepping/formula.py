"""Formulas in LaTeX as MathML, which browsers lay out by themselves: the part of LaTeX that derivative rules are in."""

from __future__ import annotations

import re
import unicodedata
from html import escape
from itertools import pairwise

__all__ = ["mathml"]

_TOKEN = re.compile(r"\\mathrel\{(?P<relation>[^{}\\]*)\}=|\\(?:[a-zA-Z]+|.)|\d+(?:\.\d+)?|\s+|.", re.DOTALL)

_ACCENTS = {"bar": "¯", "dot": "˙", "hat": "^", "overline": "¯", "tilde": "~"}
_LETTERS = {"ell": "ℓ", "infty": "∞", "nabla": "∇", "partial": "∂", "top": "⊤"}
_SYMBOLS = {
    "approx": "≈",
    "backslash": "\\",
    "cdot": "·",
    "cdots": "⋯",
    "circ": "∘",
    "dots": "…",
    "ge": "≥",
    "geq": "≥",
    "in": "∈",
    "langle": "⟨",
    "lceil": "⌈",
    "ldots": "…",
    "le": "≤",
    "leq": "≤",
    "lfloor": "⌊",
    "ll": "≪",
    "mid": "|",
    "ne": "≠",
    "neq": "≠",
    "odot": "⊙",
    "otimes": "⊗",
    "pm": "±",
    "prime": "′",
    "prod": "∏",
    "rangle": "⟩",
    "rceil": "⌉",
    "rfloor": "⌋",
    "rightarrow": "→",
    "sim": "∼",
    "star": "⋆",
    "sum": "∑",
    "surd": "√",
    "times": "×",
    "to": "→",
    "vee": "∨",
    "wedge": "∧",
    "|": "‖",
}
_NAME = re.compile("(?:arc)?(?:cos|sin|tan)|(?:cos|sin|tan)h|cot|det|diag|exp|lim|ln|log|max|min|sec|sign")
_LIMITED = {"lim", "max", "min", "prod", "sum"}  # whose limits stand below and above
_SPACES = {" ": 0.25, "!": -0.17, ",": 0.17, ":": 0.22, ";": 0.28, "quad": 1.0, "qquad": 2.0}
_THIN = '<mspace width="0.17em"></mspace>'
_PROSE = re.compile("<mtext>(.*\u00a0.*)</mtext>", re.DOTALL)
_MARK = re.compile("<mo>([,:;])</mo>")
_OPENING, _CLOSING = re.compile(r">[(\[{]</mo>"), re.compile(r">[)\]}]</mo>")
_UPRIGHT = {"mathbb", "mathbf", "mathcal", "mathrm", "operatorname", "text"}


def mathml(latex: str) -> str:
    r"""The formula as a `<math>` element; in `<code>` as it stands, if it is not well-formed.

    No line breaks inside `<math>`. So words, and the commas and colons between clauses, are text between such elements.

    Known are letters, numbers, Greek, sub- and superscripts, accents (`\bar{x}`), fractions, roots, names of functions,
    upright words (`\operatorname{relu}`, `\text{where}`) and the common symbols. Other commands are shown by name.

    >>> from autograd.stepping.formula import mathml
    >>> mathml(r"\sqrt{x_1}")
    '<math><msqrt><msub><mi>x</mi><mn>1</mn></msub></msqrt></math>'
    >>> mathml(r"x, \text{ also where it jumps}")
    '<math><mi>x</mi></math>, also where it jumps'
    """
    try:
        return _Parser(latex).formula()
    except (IndexError, ValueError):
        return f"<code>{escape(latex)}</code>"


class _Parser:
    """Reads a formula from left to right. Raises IndexError or ValueError where it is not well-formed."""

    def __init__(self, latex: str) -> None:
        self.tokens = [
            match[0] if match["relation"] is None else f"\\mathrel {match['relation']}="
            for match in _TOKEN.finditer(latex)
        ]
        self.place = 0

    def formula(self) -> str:
        parts = self.row("")
        if self.place < len(self.tokens):
            raise ValueError("a brace too many")
        found, inside, depth = "", "", 0
        for part, behind in pairwise([*parts, ""]):
            depth += len(_OPENING.findall(part)) - len(_CLOSING.findall(part))
            between_clauses = None if depth or behind else _MARK.fullmatch(part)
            if text := _PROSE.fullmatch(part) or between_clauses:
                found += _math(inside) + text[1].replace("\u00a0", " ") + " " * (text is between_clauses)
                inside = ""
            else:
                inside += part
        return re.sub(" +", " ", found + _math(inside)).rstrip() or "<math></math>"

    def row(self, end: str) -> list[str]:
        """What stands before `end`, or the brace that closes: item by item."""
        parts = []
        while self.peek() and self.peek() not in ("}", end):
            parts.append(self.scripted())
        return parts

    def scripted(self) -> str:
        """One item, with what is written below and above it."""
        name = self.peek().removeprefix("\\")
        base = self.item()
        scripts: dict[str, str] = {}
        while self.peek() in ("_", "^", "'"):
            mark = self.next()
            over = mark if mark == "_" else "^"
            scripts[over] = scripts.get(over, "") + ("<mo>′</mo>" if mark == "'" else self.argument())
        space = _THIN if _NAME.fullmatch(name) and self.runs_on() else ""
        if not scripts:
            return base + space
        below, above = ("under", "over") if name in _LIMITED else ("sub", "sup")
        kind = below * ("_" in scripts) + above * ("^" in scripts)
        marks = "".join(_one(scripts[mark]) for mark in "_^" if mark in scripts)
        return f"<m{kind}>{_one(base)}{marks}</m{kind}>{space}"

    def item(self) -> str:
        token = self.next()
        if token == "{":
            inside = self.row("}")
            self.expect("}")
            return _one("".join(inside))
        if token.isspace():
            return ""
        if token.startswith(r"\mathrel "):
            relation = token.removeprefix(r"\mathrel ")
            return f"<mo>{escape(relation)}</mo>"
        if token == "\\":
            raise ValueError("a command without a name")
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        return f"<mo>{escape({'-': '−', '*': '∗'}.get(token, token))}</mo>"

    def command(self, name: str) -> str:
        if name in _ACCENTS:
            mark = f'<mo style="padding-bottom:.12em">{_ACCENTS[name]}</mo>'
            return f'<mover accent="true">{_one(self.argument())}{mark}</mover>'
        if name in _LETTERS or _greek(name):
            return f"<mi>{_LETTERS.get(name) or _greek(name)}</mi>"
        if name in _SYMBOLS:
            return f"<mo>{_SYMBOLS[name]}</mo>"
        if _NAME.fullmatch(name):
            return f"<mi>{name}</mi>"
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}em"></mspace>'
        if name in _UPRIGHT:
            return self.words(name)
        if name in ("left", "right"):
            fence = self.next().removeprefix("\\")
            return "" if fence == "." else f'<mo fence="true">{escape(_SYMBOLS.get(fence, fence))}</mo>'
        if name == "frac":
            above, below = self.argument(), self.argument()
            return f"<mfrac>{_one(above)}{_one(below)}</mfrac>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        return f"<mo>{escape(name)}</mo>" if len(name) == 1 else f"<mtext>{escape(name)}</mtext>"

    def words(self, name: str) -> str:
        """What stands in braces, letter by letter."""
        self.skip_spaces()
        self.expect("{")
        depth, words = 1, ""
        while depth:
            token = self.next()
            depth += {"{": 1, "}": -1}.get(token, 0)
            words += "" if token in ("{", "}") else token.removeprefix("\\")
        if name == "text":
            words = words.replace(" ", "\u00a0")
            return f"<mtext>{escape(words)}</mtext>"
        style = ' style="font-weight:bold"' if name == "mathbf" else ""
        return f'<mi mathvariant="normal"{style}>{escape(words)}</mi>'

    def argument(self) -> str:
        self.skip_spaces()
        return self.item()

    def runs_on(self) -> bool:
        """Whether what follows would run into a name before it."""
        self.skip_spaces()
        follows = self.peek()
        return follows[:1].isalnum() or (follows.startswith("\\") and follows not in (r"\left", r"\right"))

    def skip_spaces(self) -> None:
        while self.peek().isspace():
            self.place += 1

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def next(self) -> str:
        token = self.tokens[self.place]
        self.place += 1
        return token

    def expect(self, token: str) -> None:
        if self.next() != token:
            raise ValueError(f"{token!r} is missing")


def _math(inside: str) -> str:
    return f"<math>{inside}</math>" if inside else ""


def _one(markup: str) -> str:
    """Several elements as one."""
    depth = 0
    for tag in re.finditer(r"<(/?)\w[^>]*>", markup):
        depth += -1 if tag[1] else 1
        if not depth:
            return markup if tag.end() == len(markup) else f"<mrow>{markup}</mrow>"
    return "<mrow></mrow>"


def _greek(name: str) -> str:
    """A Greek letter by its name in LaTeX; "" if it is none."""
    spelled = name.removeprefix("var").upper().replace("LAMBDA", "LAMDA")
    try:
        return unicodedata.lookup(f"GREEK {'CAPITAL' if name[:1].isupper() else 'SMALL'} LETTER {spelled}")
    except KeyError:
        return ""
