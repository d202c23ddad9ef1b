"""The settings in effect, with secrets redacted, as /conf shows them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ozone_recon.config.keys import KEYS
from ozone_recon.config.settings import Settings

REDACTED: Final = "<redacted>"
_SENSITIVE: Final = re.compile(
    r"secret$|password$|keypassword$|ssl\.keystore\.pass$|credential$|token$|access\.?key", re.I
)
"""Names whose values are secret: those of Hadoop's ConfigRedactor, and tokens."""


class EffectiveProperty(NamedTuple):
    """A setting, where it comes from, and whether later files may not change it."""

    name: str
    value: str
    origin: str
    final: bool = False


def effective_properties(settings: Settings) -> tuple[EffectiveProperty, ...]:
    """Returns all configured properties, and the defaults of the others of our keys, sorted by name."""
    found = {key.name: EffectiveProperty(key.name, key.default, "the default") for key in KEYS}
    found |= {name: EffectiveProperty(name, *held) for name, held in settings.with_origins().items()}
    return tuple(
        one._replace(value=REDACTED) if one.value and _SENSITIVE.search(one.name) else one
        for _, one in sorted(found.items())
    )
