"""Defines a configuration key: name, kind, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ozone_recon.config.kinds import ValueKind

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Key(Generic[T_co]):
    """A configuration key. `default` is text as in ozone-site.xml; `older` are deprecated names, still accepted."""

    name: str
    kind: ValueKind[T_co]
    default: str
    meaning: str
    older: tuple[str, ...] = ()
    ours: bool = False
    """Ozone has no such key."""
    per_node: bool = False
    """With OM or SCM HA, `<name>.<service id>.<node id>` sets the value of one node."""
    of_scm: bool = False
    """The key belongs to SCM; `ozone.recon.scmconfig.<name>` overrides it for Recon."""
