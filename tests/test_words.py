"""Refuses retired words in product text, source and documents; docs/start-here.md has the glossary."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RETIRED: dict[str, str] = {
    # processes and connections
    r"answerers?|answering": "worker, serving",
    r"knock(s|ed|ing)?": "on_readable, connect",
    r"let[ _]go": "evict, close",
    r"owes": "request_pending",
    r"_company|(?-i:Company|Conversation|Door)": "ConnectionPool, ServerSession, SharedListener",
    r"workshop": "scratch directory",
    r"rehears\w*": "warm up, simulate",
    # OM
    r"fold(s|ed|ing)?|FoldedContents": "merge, apply",
    r"leads? on": "can be applied",
    r"(led_)?astray": "fallbacks, checkpoint_required",
    r'put back|"too much"|\| too much': "om_restored, delta_too_large",
    r"in vain": "failed n times",
    # SCM and datanodes
    r"(Scm)?Doubtful\w*|(in|without) doubt|unsure": "suspect, possibly_missing",
    r"(are_|un)?judg(e|es|ed|ing|ements?)|verdicts?": "evaluate, health",
    r"of[ _]no[ _]use": "unusable",
    r"fate": "service_state, exit reason",
    # classes and columns
    r"(?-i:News|ClusterNews|Said|Told)": "OmUpdate, ClusterUpdate, WorkerReport",
    r"(?-i:Cells|WholeKeys)|whole keys": "ByteSlices, KeyInfoColumns",
    r"(?-i:KeptAnswers)": "ResponseCache",
    # numbers
    r"so many|of which": "n, at most n, the number of",
    # the web pages and storage
    r"wants? a look": "need attention",
    r"waits? for deletion": "pending deletion",
    r"leaves the service": "is decommissioning",
    r"promised to": "committed",
    r"to stay free": "minimum free",
    r"kept back": "reserved",
}
"""Each retired word, as a regular expression that matches it as a whole word in any case, and its replacement."""

ALLOWED: dict[str, tuple[str, ...]] = {"src/ozone_recon/cli/sheet.py": ('overflow="fold"',)}
"""By file, texts of the lines in which such a word is the field's word, or is part of another program's text."""

SUFFIXES = {".py", ".js", ".html", ".css", ".md", ".yml", ".json", ".txt"}
ROOTS = ("src", "docs", "deploy", "README.md", "CONTRIBUTING.md", "SECURITY.md")
FILES = sorted(
    path
    for name in ROOTS
    for path in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
    if path.suffix in SUFFIXES and ".egg-info" not in str(path)
)
WORDS = {re.compile(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])", re.IGNORECASE): better for word, better in RETIRED.items()}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def retired(text: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """One message for each retired word in a text."""
    return [
        f"line {number}: {found[0]!r} → {better}"
        for number, line in enumerate(text.splitlines(), 1)
        if not any(part in line for part in allowed)
        for word, better in WORDS.items()
        if (found := word.search(line))
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_retired_word(path: Path) -> None:
    found = retired(path.read_text(), ALLOWED.get(name_of(path), ()))
    assert not found, "\n".join(["use the field's words:", *found])


def test_every_allowance_is_needed() -> None:
    for name, parts in ALLOWED.items():
        text = (ROOT / name).read_text()
        assert all(any(part in line and retired(line) for line in text.splitlines()) for part in parts), name


@pytest.mark.parametrize("text", ["the answerers", "_fold(base)", "a verdict", "Waits for deletion", "led_astray"])
def test_a_retired_word_is_found(text: str) -> None:
    assert retired(text)


@pytest.mark.parametrize("text", ["a folder", "it was measured", "too much work", "the leader", "cells", "fateful"])
def test_other_words_are_not(text: str) -> None:
    assert not retired(text)
