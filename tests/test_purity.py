"""The house's rules of who may know whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("autograd", "nn", "optim")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# From the ground floor up. A file belongs to the entry that is its longest prefix, and imports only from its own floor
# or from floors below it.
FLOORS = [
    ["autograd.kernels", "autograd.dtypes", "autograd.environment", "autograd.files"],
    [
        "autograd.grad_mode",
        "autograd.memory",
        "autograd.sharing",
        "autograd.source",
        "autograd.watching",
        "autograd.graph",
        "autograd.hooks",
        "autograd.tensor",
        "autograd.primitive",
        "autograd.scopes",
    ],
    ["autograd.ops"],
    [
        "autograd.absorbing",
        "autograd.custom",
        "autograd.operators",
        "autograd.other_names",
        "autograd.random",
        "autograd.recompute",
        "autograd.transforms",
    ],
    ["autograd.numeric", "autograd.stepping"],
    ["autograd"],
    ["nn"],
    ["optim"],
]
DECLARATIONS = {"elementwise", "linear", "multilinear", "primitive", "nondifferentiable", "Primitive", "registry"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def statements(tree: ast.AST, inside_functions: bool) -> Iterator[ast.AST]:
    """All nodes that run, or with `inside_functions` False all that run on import; none for type checkers."""
    for child in ast.iter_child_nodes(tree):
        if for_types_only(child):
            continue
        if not inside_functions and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from statements(child, inside_functions)


def imports(path: Path, inside_functions: bool = True) -> set[str]:
    """The modules of the house that a file imports."""
    found = set()
    for node in statements(ast.parse(path.read_text()), inside_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in MODULES else node.module)
    return {name for name in found if name.split(".")[0] in PACKAGES}


def floor(name: str) -> int:
    matches = [
        (len(prefix), level)
        for level, prefixes in enumerate(FLOORS)
        for prefix in prefixes
        if name == prefix or name.startswith(prefix + ".")
    ]
    return max(matches)[1]


@pytest.mark.parametrize("name", MODULES)
def test_a_room_imports_only_from_its_own_floor_and_those_below(name: str) -> None:
    above = {other for other in imports(MODULES[name]) if floor(other) > floor(name)}
    assert not above, f"{name} imports {sorted(above)} from above"


def test_kernels_know_only_kernels_and_arrays() -> None:
    for name, path in MODULES.items():
        if name.startswith("autograd.kernels"):
            others = {o for o in imports(path) if not o.startswith(("autograd.kernels", "autograd.dtypes"))}
            assert not others, f"{name} imports {sorted(others)}"


def test_update_rules_do_not_need_nn() -> None:
    """Only averages of models know what a model is."""
    knows_nn = {name for name, path in MODULES.items() if any(i.split(".")[0] == "nn" for i in imports(path))}
    assert {name for name in knows_nn if not name.startswith("nn")} == {"optim.swa_utils"}


def test_there_are_no_import_circles() -> None:
    graph = {name: imports(path, inside_functions=False) & MODULES.keys() - {name} for name, path in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "import circle: " + " → ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


COMPOSED = [name for name in MODULES if name.split(".")[0] in ("nn", "optim")]


@pytest.mark.parametrize("name", COMPOSED)
def test_nn_and_optim_are_pure_composition(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text())
    for imported in imports(MODULES[name]):
        forbidden = ("autograd.kernels", "autograd.primitive", "autograd.graph")
        assert not imported.startswith(forbidden), f"{name} imports {imported}"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "autograd":
            names = {alias.name for alias in node.names} & DECLARATIONS
            assert not names, f"{name} imports {sorted(names)}"


@pytest.mark.parametrize(
    "name", [name for name in COMPOSED if name.startswith(("nn.functional", "nn.layers", "nn.models"))]
)
def test_forward_functions_do_not_reach_into_tensors(name: str) -> None:
    for function in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(function, ast.FunctionDef) and (function.name == "forward" or name.startswith("nn.functional")):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute):
                    assert node.attr not in ("data", "array", "node"), f"{name}: {function.name} uses .{node.attr}"
