"""House rules that a machine can hold: imports go one way, pure code stays pure, rooms stay small, names are unique."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest
from tests.layout import IMPURE, PACKAGE, ROOT, imports, name_of

ORDER = (
    "errors", "logs", "columnar", "model", "wire", "config", "security", "processes", "sources", "decode", "store",
    "insights", "build", "follow", "api", "server", "demo", "cli",
)  # fmt: skip
"""A part imports what stands left of it, never what stands right."""
ABOVE_CONFIG = {"errors", "logs", "columnar", "model", "wire", "config"}
"""What the configuration may import: it is a leaf, and decides nothing about how a source is followed or read."""
PURE = {"model", "columnar", "wire", "decode", "insights"}
MOST_LINES = 400
MOST_FILES = 13
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
ROOMS = sorted(
    {path.parent for path in FILES + TESTS}
    | {path.parent for path in (ROOT / "tools").rglob("*.py")}
    | {ROOT / "bench"}
)


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    mine = part(path)
    for name in imports(path):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "ozone_recon" and other in ORDER and mine in ORDER:
            assert ORDER.index(other) <= ORDER.index(mine), f"{mine} imports {name}"
            assert mine != "config" or other in ABOVE_CONFIG, f"config is a leaf and imports {name}"
        if mine in PURE:
            assert package not in IMPURE, f"{mine} is pure and imports {name}"


def test_every_part_has_its_place_in_the_order() -> None:
    assert {part(path) for path in FILES} - {"__init__", "__main__"} == {*ORDER, "ui"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_each_file_says_what_it_does_and_stays_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "it has no first line that says what it does"
    assert text.count("\n") <= MOST_LINES, "look for the second thing in it"


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_no_room_is_crowded(room: Path) -> None:
    files = [path for path in room.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MOST_FILES, f"{len(files)} files: look for the second subject in it"


def test_class_names_are_unique() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_import_no_tests(path: Path) -> None:
    taken = [name for name in imports(path) if re.search(r"^tests\..*\btest_\w+(\.|$)", name)]
    assert not taken, f"put what several tests share into a module of its own: {taken}"
