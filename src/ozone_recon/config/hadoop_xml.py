"""Reads `ozone-site.xml` and its kin as Hadoop's Configuration does: properties, `final`, `${variables}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from ozone_recon.errors import ConfigError

_VARIABLE: Final = re.compile(r"\$\{([^}$\s]+)\}")
_DEPTH: Final = 20
"""Substitutions in one value, as in Hadoop, so that two keys that name each other come to an end."""


@dataclass(frozen=True, slots=True)
class Property:
    """A value as it was written, and where: a file, the environment, the command line."""

    value: str
    origin: str
    final: bool = False


def read_properties(path: Path) -> dict[str, Property]:
    """The properties of one file; of a name given twice the last counts, unless an earlier one is final."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as broken:
        raise ConfigError(f"{path} is not XML: {broken}") from broken
    if root.tag != "configuration":
        raise ConfigError(f"{path} is not a Hadoop configuration: it begins with <{root.tag}>, not <configuration>")
    found: dict[str, Property] = {}
    for element in root.iter("property"):
        fields = dict(element.attrib) | {child.tag: child.text or "" for child in element}
        name = fields.get("name", "").strip()
        if not name:
            raise ConfigError(f"{path} has a <property> without a <name>")
        if "value" in fields and not (name in found and found[name].final):
            found[name] = Property(fields["value"], str(path), fields.get("final", "").strip() == "true")
    return found


def substituted(text: str, lookup: Callable[[str], str | None]) -> str:
    """`text` with each `${name}` replaced by `lookup(name)`; one that nobody knows stays as it is.

    Raises ValueError when names lead to each other in a circle.
    """
    position = steps = 0
    while match := _VARIABLE.search(text, position):
        steps += 1
        if steps > _DEPTH:
            raise ValueError(f"more than {_DEPTH} ${{variables}} in it: they may name each other")
        value = lookup(match[1])
        if value is None:
            position = match.end()
        else:
            text = text[: match.start()] + value + text[match.end() :]
            position = 0
    return text
