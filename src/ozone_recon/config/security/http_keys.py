"""Configuration keys of logins over HTTP; an extension of keys.py."""

from __future__ import annotations

from typing import Final

from ozone_recon.config.key import Key
from ozone_recon.config.kinds import one_of

_TYPE: Final = one_of("simple", "kerberos")
OM_AUTH_TYPE: Final = Key(
    "ozone.om.http.auth.type",
    _TYPE,
    "simple",
    "Whether OM's web server requires a Kerberos login (SPNEGO) in a secure cluster: for checkpoints.",
)
DATANODE_AUTH_TYPE: Final = Key(
    "hdds.datanode.http.auth.type",
    _TYPE,
    "simple",
    "Whether the datanodes' web servers require a Kerberos login (SPNEGO) in a secure cluster: for pending deletions.",
)
