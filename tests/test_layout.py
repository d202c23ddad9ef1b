"""The house rules that a machine can hold: imports go leftwards only, pure code stays pure, files stay short."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "ozone_recon"
ORDER = [
    "errors",
    "logs",
    "columnar",
    "model",
    "wire",
    "sources",
    "decode",
    "store",
    "insights",
    "sync",
    "build",
    "follow",
    "config",
    "api",
    "restarting",
    "accepting",
    "http_protocol",
    "answering",
    "answerer",
    "answerers",
    "app",
    "server",
    "demo",
    "cli",
]
PURE = {"model", "wire", "decode", "insights"}
IMPURE = {
    "socket",
    "asyncio",
    "threading",
    "time",
    "os",
    "pathlib",
    "subprocess",
    "httpx",
    "http",
    "requests",
}
FILES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    mine = part(path)
    for name in imports(path):
        if name.split(".")[0] == "ozone_recon" and "." in name and mine in ORDER:
            other = name.split(".")[1]
            assert ORDER.index(other) <= ORDER.index(mine), f"{mine} imports {name}"
        if mine in PURE:
            assert name.split(".")[0] not in IMPURE, f"{mine} is pure and imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_file_says_what_it_does_and_stays_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), f"{path} has no first line that says what it does"
    assert text.count("\n") <= 400, f"{path} has more than 400 lines: look for the second thing in it"
