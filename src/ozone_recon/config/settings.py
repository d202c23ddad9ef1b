"""Looks up configuration keys on the command line, in the environment, ozone-site.xml and core-site.xml, in this order.

The first source that has the key wins, except that a `final` property of core-site.xml overrides ozone-site.xml.
An environment variable is named `OZONE-SITE.XML_ozone.recon.db.dir`, as in Ozone's container images, or, for a key of
keys.py, `OZONE_RECON_DB_DIR`: upper case, with an underscore for every other character.
"""

from __future__ import annotations

import getpass
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from ozone_recon.config.hadoop_xml import Property, read_properties, substituted
from ozone_recon.config.key import Key
from ozone_recon.config.keys import KEYS
from ozone_recon.errors import ConfigError

T = TypeVar("T")
_OF_SCM: Final = "ozone.recon.scmconfig."
"""Prefix of an SCM key that sets its value for Recon only."""
_FILES: Final = ("core-site.xml", "ozone-site.xml")
"""Later files override earlier ones."""
_SHOWN: Final = 200
"""Maximum number of characters of a value in a message."""


def variable_of(name: str) -> str:
    """The environment variable of a key: `ozone.recon.http-address` is OZONE_RECON_HTTP_ADDRESS."""
    return re.sub(r"\W", "_", name).upper()


class Settings:
    """The configured texts by key; `get` parses one."""

    def __init__(self, conf_dir: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]) -> None:
        self._environment = environment
        self._conf_dir = conf_dir
        self._found: dict[str, Property] = {}
        if conf_dir is not None:
            if not conf_dir.is_dir():
                raise ConfigError(
                    f"the configuration directory {conf_dir} does not exist: "
                    "set --conf-dir or OZONE_CONF_DIR to the directory of ozone-site.xml"
                )
            for file in _FILES:
                if (conf_dir / file).exists():
                    self._overlay(read_properties(conf_dir / file))
        self._found |= _from_environment(environment)
        self._found |= {name: Property(value, "the command line") for name, value in flags.items()}

    def _overlay(self, later: dict[str, Property]) -> None:
        for name, held in later.items():
            if name not in self._found or not self._found[name].final:
                self._found[name] = held

    def has(self, key: Key[T], suffix: str = "") -> bool:
        """Whether the key is set to a non-blank value."""
        found = self._property(key, suffix)
        return found is not None and bool(found[1].value.strip())

    def beside(self, name: str) -> Settings:
        """Returns the settings of another file of the configuration directory; none if it does not exist."""
        settings = Settings(None, {}, {})
        settings._environment = self._environment
        file = self._conf_dir / name if self._conf_dir else None
        if file is not None and file.is_file():
            settings._overlay(read_properties(file))
        return settings

    def with_origins(self) -> dict[str, tuple[str, str, bool]]:
        """Returns the text, origin and finality of every configured property."""
        return {name: (held.value, held.origin, held.final) for name, held in self._found.items()}

    def with_prefix(self, prefix: str) -> dict[str, str]:
        """Returns the texts of all keys that begin with `prefix`, by the rest of their names."""
        return {name.removeprefix(prefix): held.value for name, held in self._found.items() if name.startswith(prefix)}

    def get(self, key: Key[T], suffix: str = "") -> T:
        """Returns the key's value or its default. `suffix` selects the key of a service or node: `.service.node`.

        Raises ConfigError with the key, its value, the value's origin and the allowed values.
        """
        found = self._property(key, suffix)
        name, held = found or (key.name + suffix, Property(key.default, "the default"))
        try:
            text = substituted(held.value, self._variable).strip()
        except ValueError as endless:
            raise ConfigError(f"{name} = {_shown(held.value)} (in {held.origin}): {endless}") from endless
        if not text:
            text = key.default
        try:
            if "\0" in text:
                raise ValueError(text)
            return key.kind.read(text)
        except (ValueError, LookupError) as wrong:
            raise ConfigError(
                f"{name} = {_shown(text)} (in {held.origin}) is not a valid {key.kind.name}: use {key.kind.allowed}"
            ) from wrong

    def _property(self, key: Key[T], suffix: str) -> tuple[str, Property] | None:
        for name in (*([_OF_SCM + key.name] if key.of_scm else ()), key.name, *key.older):
            if held := self._found.get(name + suffix):
                return name + suffix, held
        return None

    def _variable(self, name: str) -> str | None:
        """Resolves `${name}` as Hadoop does: an environment variable, a Java system property, or another key."""
        if name.startswith("env."):
            variable, _, otherwise = name.removeprefix("env.").partition("-")
            return self._environment.get(variable.removesuffix(":"), otherwise or None)
        match name:
            case "user.name":
                return user_name()
            case "user.home":
                return str(Path.home())
            case "java.io.tmpdir":
                return tempfile.gettempdir()
        if held := self._found.get(name):
            return held.value
        return next((key.default for key in KEYS if key.name == name), None)


def _shown(value: str) -> str:
    """Quotes and shortens a value for a message."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def user_name() -> str:
    """The name of the user running the process; the uid if it has no name, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def _from_environment(environment: Mapping[str, str]) -> dict[str, Property]:
    ours = {variable_of(name): name for key in KEYS for name in (*key.older, key.name)}
    found: dict[str, Property] = {}
    for variable, value in environment.items():
        if match := re.fullmatch(r"(?:CORE|OZONE)-SITE\.XML_(.+)", variable):
            found[match[1]] = Property(value, f"the environment, {variable}")
        elif variable in ours:
            found[ours[variable]] = Property(value, f"the environment, {variable}")
    return found
