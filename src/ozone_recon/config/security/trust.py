"""Key stores and the CAs to trust, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple


class KeyStoreFile(NamedTuple):
    """A key store in PKCS#12 or JKS. `location` is the key that names it; `hint` helps if the password is wrong."""

    location: str
    path: Path
    password: str
    key_password: str
    hint: str = ""


class TrustSettings(NamedTuple):
    """The CAs to trust in other servers, beside the system's; `strict` as `ozone.recon.https.strict.verification`."""

    store: KeyStoreFile | None = None
    strict: bool = True


DEFAULT_TRUST: Final = TrustSettings()
