"""Graphs as dot and as Mermaid."""

from __future__ import annotations

import re
from typing import Any

import pytest

import autograd as ag
import nn
from autograd.stepping import draw, fold, to_dot, to_mermaid, view

ODD = 'a"b<c>&`[x]{}|;#\n%% end \\ é 数 **b** $1 --> subgraph'


def perceptron() -> Any:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    return model(ag.ones((5, 4))).sum()


def odd() -> Any:
    return ag.sin(ag.tensor(1.0, requires_grad=True, name=ODD))


def resnet() -> Any:
    return nn.models.resnet18(num_classes=4)(ag.ones((2, 3, 32, 32))).sum()


STATEMENTS = [
    r"flowchart TD",
    r'subgraph s\d+\["[^"]*"\]',
    r"end",
    r'b\d+(\["[^"]*"\]|\(\["[^"]*"\]\)|\[\["[^"]*"\]\]):::(operation|leaf|parameter|module|run)',
    r'b\d+ -->(\|"[^"]*"\|)? b\d+',
    r"classDef \w+ fill:#\w{6},stroke:#\w{6},color:#000000",
]


@pytest.mark.parametrize("make", [perceptron, odd, resnet])
@pytest.mark.parametrize("opened", [(), "all"])
def test_mermaid_has_only_statements_of_its_language(make: Any, opened: Any) -> None:
    lines = to_mermaid(make(), opened=opened).splitlines()
    for line in lines:
        assert any(re.fullmatch(statement, line.strip()) for statement in STATEMENTS), line
        for text in re.findall(r'"([^"]*)"', line):
            assert re.fullmatch(r"([\w .,:=+×·()-]|#\d+;|<br>)*", text), text
    stripped = [line.strip() for line in lines]
    assert sum(line.startswith("subgraph ") for line in stripped) == stripped.count("end")


def test_mermaid_of_a_small_graph() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    assert to_mermaid((x * x).sum()).splitlines()[1:6] == [
        '  b0(["x"]):::leaf',
        '  b1["multiply"]:::operation',
        '  b2["sum<br>axis=0"]:::operation',
        '  b0 -->|"2"| b1',
        '  b1 -->|"2"| b2',
    ]


def test_odd_letters_go_by_number_in_mermaid() -> None:
    assert "#34;b#60;c#62;#38;#96;#91;x#93;#123;#125;#124;#59;#35; #37;#37; end #92; é 数 #42;#42;b" in to_mermaid(
        odd()
    )


def statements(text: str) -> list[str]:
    """The lines of a dot graph, with its strings taken out: a parser of just what is used."""
    rest = re.sub(r'"(?:[^"\\\n]|\\.)*"', "S", text)
    assert '"' not in rest
    return [line.strip() for line in rest.splitlines()]


@pytest.mark.parametrize("make", [perceptron, odd, resnet])
@pytest.mark.parametrize("opened", [(), "all"])
def test_dot_has_only_statements_of_its_language(make: Any, opened: Any) -> None:
    lines = statements(to_dot(make(), opened=opened))
    attributes = r"\[\w+=[\w]+(, \w+=\w+)*\]"
    allowed = [
        "digraph {",
        "}",
        "rankdir=TB",
        rf"(node|edge|b\d+) {attributes}",
        rf"b\d+ -> b\d+( {attributes})?",
        r"subgraph cluster_\d+ \{",
        "label=S",
        "style=rounded; color=S",
    ]
    for line in lines:
        assert any(re.fullmatch(pattern, line) for pattern in allowed), line
    assert sum(line.endswith("{") for line in lines) == lines.count("}")


@pytest.mark.parametrize("export", [to_dot, to_mermaid])
def test_they_show_what_draw_shows(export: Any) -> None:
    loss = resnet()
    folded = fold(view(loss), opened="layer1.1")
    text = export(loss, opened="layer1.1")
    assert len(re.findall(r"b\d+ --?>", text)) == len(folded.links)
    assert len(re.findall(r"^ *subgraph ", text, re.MULTILINE)) == len(folded.frames)
    assert text.count("hidden") == sum(box.hidden > 0 for box in folded.boxes)
    assert draw(loss, opened="layer1.1").svg.count("data-key=") == len(folded.boxes)


@pytest.mark.parametrize("export", [to_dot, to_mermaid])
def test_views_are_taken_too_and_errors_name_the_function(export: Any) -> None:
    y = perceptron()
    assert export(view(y)) == export(y)
    with pytest.raises(ValueError, match=f"^{export.__name__}: .* does not require grad"):
        export(ag.tensor(1.0))
