"""Holds the directories of a cluster and the options it was started with, for later commands."""

from __future__ import annotations

import json
import os
import shutil
import string
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

MODES = ("plain", "ha", "secure")
KEPT = "options.json"
"""The file of the options in a cluster's directory."""


@dataclass(frozen=True)
class Options:
    """The options of `up`."""

    mode: str = "plain"
    datanodes: int = 3
    oms: int = 1
    scms: int = 1
    listeners: int = 0
    one_host: bool = False
    recon: bool = False
    https: bool = False
    protection: str = "authentication"
    lifetime: str = "24h"
    rules: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    """Of a role, of all roles of a kind, or of all: ROLE:KEY=VALUE."""

    def roles(self) -> list[str]:
        """The roles that `up` starts, in the order in which they start."""
        scms, oms = _nodes("scm", self.scms), _nodes("om", self.oms)
        datanodes = [f"dn{n}" for n in range(1, self.datanodes + 1)]
        return [*scms, *datanodes, *oms, *(["recon"] if self.recon else [])]

    def settings_of(self, role: str) -> dict[str, str]:
        """The settings that the command line gives a role."""
        found = {}
        for setting in self.settings:
            of, _, pair = setting.partition(":")
            key, equals, value = pair.partition("=")
            if not equals:
                sys.exit(f"--set {setting}: expected ROLE:KEY=VALUE")
            if of in ("all", kind(role), role):
                found[key] = value
        return found


@dataclass(frozen=True)
class Site:
    """The directories of a cluster: its state, and Ozone's jars, which clusters share."""

    home: Path
    lib: Path
    options: Options = Options()

    @classmethod
    def of_environment(cls) -> Site:
        """The cluster of $OZONE_HOME and $OZONE_LIB, with the options it was started with."""
        home = _directory("OZONE_HOME", "ozone-cluster")
        if not (home / KEPT).exists():
            return cls(home, lib())
        values = json.loads((home / KEPT).read_text())
        for name in ("rules", "settings"):
            values[name] = tuple(values[name])
        return cls(home, lib(), Options(**values))

    def keep_options(self) -> None:
        """Saves the options for later commands. A cluster's mode and numbers of OMs and SCMs cannot change."""
        before = Site.of_environment().options
        if (self.home / KEPT).exists() and _shape(before) != _shape(self.options):
            sys.exit(f"{self.home} holds a cluster of another shape, {_shape(before)}: `down --wipe` removes it")
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / KEPT).write_text(json.dumps(asdict(self.options), indent=1) + "\n")

    def remove(self) -> None:
        """Removes a cluster's data; refuses a directory without any."""
        if (self.home / KEPT).exists():
            shutil.rmtree(self.home)
        elif self.home.exists():
            sys.exit(f"{self.home} holds no cluster: it is not removed")

    def directory(self, role: str) -> Path:
        """A role's own directory."""
        return self.home / role

    def conf(self, role: str) -> Path:
        """The directory of a role's configuration."""
        return self.home / role / "conf"

    def log(self, role: str) -> Path:
        """The log file of a role's server."""
        return self.home / role / "out.log"


def lib() -> Path:
    """Where Ozone's jars are."""
    return _directory("OZONE_LIB", "ozone-lib-2.2.0")


def kind(role: str) -> str:
    """The kind of a role, without its number: scm, om, dn, recon or cli."""
    return role.rstrip(string.digits)


def _directory(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable, Path(tempfile.gettempdir()) / name)).resolve()


def _nodes(name: str, count: int) -> list[str]:
    return [f"{name}{n}" for n in range(1, count + 1)] if count > 1 else [name]


def _shape(options: Options) -> tuple[str, int, int, bool]:
    return options.mode, options.oms, options.scms, options.one_host
