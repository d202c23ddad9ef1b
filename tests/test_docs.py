"""The newcomer's documents: every path and every dotted name in them exists."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ozone_recon"
DOCUMENTS = ("docs/start-here.md", "CONTRIBUTING.md")
CODE = re.compile(r"`([^`\s]+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
BARE = re.compile(r"(?<![\w./<])((?:\w+/)+\w+\.(?:py|js|md|yml|json|txt))\b")
ROOMS = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
TOP = {path.name for path in ROOT.iterdir()}


def paths(document: str) -> set[str]:
    """The paths that a document names, except those with a placeholder."""
    text = (ROOT / document).read_text()
    named = {path for path in CODE.findall(text) if "/" in path and path.split("/")[0] in ROOMS | TOP}
    return {path for path in named | set(BARE.findall(LINK.sub("", text))) if "<" not in path and "*" not in path}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document: str) -> None:
    named = paths(document)
    assert len(named) > 10, "the pattern finds too few"
    assert {path for path in named if not (ROOT / path).exists() and not (PACKAGE / path).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    here = (ROOT / document).parent
    links = {link for link in LINK.findall((ROOT / document).read_text()) if "://" not in link}
    assert {link for link in links if not (here / link).exists()} == set()


def test_every_dotted_name_exists() -> None:
    text = (ROOT / "docs/start-here.md").read_text()
    names = {name for name in CODE.findall(text) if re.fullmatch(r"\w+(\.\w+)+", name) and name.split(".")[0] in ROOMS}
    names = {name for name in names if not name.endswith((".py", ".md"))}
    assert len(names) > 20, "the pattern finds too few"
    assert {name for name in names if not exists(name)} == set()


def exists(name: str) -> bool:
    """Whether `room.module` or `room.module.Name` exists in the package."""
    try:
        importlib.import_module(f"ozone_recon.{name}")
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        try:
            return hasattr(importlib.import_module(f"ozone_recon.{module}"), attribute)
        except ModuleNotFoundError:
            return False
    return True
