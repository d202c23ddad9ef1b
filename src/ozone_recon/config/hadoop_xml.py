"""Reads Hadoop configuration files as Hadoop does: properties, `final`, `${variables}` and `<xi:include>`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ozone_recon.errors import ConfigError

_VARIABLE: Final = re.compile(r"\$\{([^}$\s]+)\}")
_MAX_SUBSTITUTIONS: Final = 20
"""Maximum number of substitutions in one value, as in Hadoop: ends cycles."""
_MAX_INCLUDES: Final = 100
"""Maximum number of files that one file includes, directly and indirectly."""
_MAX_BYTES: Final = 16 << 20
"""Maximum size of a file in bytes."""


@dataclass(frozen=True, slots=True)
class Property:
    """A value as written, and its origin: a file, the environment or the command line."""

    value: str
    origin: str
    final: bool = False


def read_properties(path: Path) -> dict[str, Property]:
    """Reads the properties of one file; the last of equal names wins, unless an earlier one is final."""
    found: dict[str, Property] = {}
    for name, held in _Files().properties(path, ()):
        if not (name in found and found[name].final):
            found[name] = held
    return found


@dataclass(slots=True)
class _Files:
    """Reads a file with its includes, and counts them."""

    included: int = field(default=0)

    def properties(self, path: Path, above: tuple[Path, ...]) -> Iterator[tuple[str, Property]]:
        """Yields names and values in document order; `above` are the files that include this one."""
        root = _parsed(path)
        if root.tag != "configuration":
            raise ConfigError(
                f"{path} is not a Hadoop configuration: its root element is <{root.tag}>, not <configuration>"
            )
        above = (*above, path.resolve())
        left = [iter(root)]
        while left:
            element = next(left[-1], None)
            if element is None:
                left.pop()
            elif element.tag == "property":
                yield from _property(element, path)
            elif element.tag == "include":
                other = _included(element, path)
                if other.is_file():
                    self._count(path, other, above)
                    yield from self.properties(other, above)
                elif (fallback := element.find("fallback")) is not None:
                    left.append(iter(fallback))
                else:
                    raise ConfigError(
                        f"{path} includes {other}, which does not exist: create it, or add an <xi:fallback>"
                    )
            else:
                left.append(iter(element))

    def _count(self, path: Path, other: Path, above: tuple[Path, ...]) -> None:
        self.included += 1
        if other.resolve() in above:
            raise ConfigError(f"{path} includes {other}, which includes {path.name} again: remove one of them")
        if self.included > _MAX_INCLUDES:
            raise ConfigError(f"{above[0]} includes more than {_MAX_INCLUDES} files; the last one is {other}")


def _property(element: Element, path: Path) -> Iterator[tuple[str, Property]]:
    fields = dict(element.attrib) | {child.tag: child.text or "" for child in element}
    name = fields.get("name", "").strip()
    if not name:
        raise ConfigError(f"{path} has a <property> without a <name>")
    if "value" in fields:
        yield name, Property(fields["value"], str(path), fields.get("final", "").strip() == "true")


def _included(element: Element, path: Path) -> Path:
    """The included file, relative to the including one."""
    href = element.get("href", "").strip()
    try:
        parts = urlsplit(href)
    except ValueError as wrong:
        raise ConfigError(f"{path} has an <xi:include> of {href!r}: {wrong}") from wrong
    if not href or parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ConfigError(f"{path} has an <xi:include> of {href!r}: its href must be a file on this machine")
    return path.parent / (unquote(parts.path) if parts.scheme else href)


def _parsed(path: Path) -> Element:
    """Parses a file into its root element, with tags without namespaces; refuses entities."""
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True

    def local(name: str) -> str:
        return name.rpartition("}")[2]

    def start(tag: str, attributes: dict[str, str]) -> None:
        builder.start(local(tag), {local(name): value for name, value in attributes.items()})

    def refuse(name: str, *_: object) -> None:
        raise ConfigError(
            f"{path} has the entity {name!r}, which is not supported: write out its text, or use xi:include"
        )

    parser.StartElementHandler, parser.EndElementHandler = start, lambda tag: builder.end(local(tag))
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler, parser.SkippedEntityHandler = refuse, refuse
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than {_MAX_BYTES:,} bytes")
        parser.Parse(content, True)
    except OSError as unreadable:
        raise ConfigError(f"cannot read {path}: {unreadable.strerror}") from unreadable
    except (expat.ExpatError, ValueError, LookupError) as broken:
        raise ConfigError(f"{path} is not valid XML: {broken}") from broken
    return builder.close()


def substituted(text: str, lookup: Callable[[str], str | None]) -> str:
    """Replaces each `${name}` in `text` by `lookup(name)`; leaves it as it is if that is None.

    Raises ValueError for a cycle.
    """
    position = steps = 0
    while match := _VARIABLE.search(text, position):
        steps += 1
        if steps > _MAX_SUBSTITUTIONS:
            raise ValueError(
                f"it takes more than {_MAX_SUBSTITUTIONS} substitutions of ${{variables}}: remove the cycle"
            )
        value = lookup(match[1])
        if value is None:
            position = match.end()
        else:
            text = text[: match.start()] + value + text[match.end() :]
            position = 0
    return text
