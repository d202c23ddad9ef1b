"""What a setting is: its name, its kind, its default, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ozone_recon.config.kinds import ValueKind

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Key(Generic[T_co]):
    """One setting. `default` is written as in ozone-site.xml; `older` are spellings that still work."""

    name: str
    kind: ValueKind[T_co]
    default: str
    meaning: str
    older: tuple[str, ...] = ()
    ours: bool = False
    per_node: bool = False
    """With OM or SCM HA, `<name>.<service id>.<node id>` is one node's."""
    of_scm: bool = False
    """SCM's own; `ozone.recon.scmconfig.<name>` is ours, and wins."""
