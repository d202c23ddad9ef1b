"""The cookie `hadoop.auth`: who has logged in and until when, signed as Hadoop signs it.

    u=SHORT&p=PRINCIPAL&t=TYPE&e=EXPIRES&s=SIGNATURE

EXPIRES is ms since 1970; SIGNATURE is the Base64 of HMAC-SHA256 over everything before `&s=`, with the secret that all
servers of a site may share (Hadoop's AuthToken, Signer and HadoopAuthCookie; Java Recon accepts ours and the reverse).
"""

from __future__ import annotations

import base64
import hmac
import logging
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final

from ozone_recon.errors import ConfigError, LoginError
from ozone_recon.model.identity import Identity

NAME: Final = "hadoop.auth"
_SIGNATURE: Final = "&s="
_SEPARATOR: Final = re.compile(r'[&;"\x00-\x1f\x7f]')
_LONGEST: Final = 4096
"""Maximum characters of a cookie's value, as browsers have it."""
_LOG: Final = logging.getLogger(__name__)


def written(identity: Identity, expires: int, secret: bytes) -> str:
    """Returns the cookie's value; `expires` is ms since 1970. LoginError for a name that would end a part of it."""
    if _SEPARATOR.search(identity.user + identity.principal):
        raise LoginError(f"{identity.user!r} or {identity.principal!r} has a character that a cookie cannot hold")
    text = f"u={identity.user}&p={identity.principal}&t={identity.method}&e={expires}"
    return text + _SIGNATURE + _signature(text, secret)


def read(value: str, secret: bytes, now: int, method: str) -> Identity:
    """Returns whom a value names; LoginError, with Hadoop's text, if it is not ours, altered or expired.

    Only logins by `method` count: with the same secret, a server of type simple signs any name.
    """
    text, found, signature = value.strip('"').rpartition(_SIGNATURE)
    if (
        len(value) > _LONGEST
        or not found
        or not hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), _signature(text, secret).encode())
    ):
        raise LoginError("Invalid signature")
    parts = dict(part.partition("=")[::2] for part in text.split("&"))
    try:
        identity, expires = Identity(parts["u"], parts["p"], parts["t"]), int(parts["e"])
    except (KeyError, ValueError):
        raise LoginError("Invalid AuthenticationToken String") from None
    if identity.method != method:
        raise LoginError("Invalid AuthenticationToken type")
    if expires != -1 and expires <= now:
        raise LoginError("AuthenticationToken expired")
    return identity


def secret_of(file: Path, *, is_default: bool) -> bytes:
    """Returns the content of the secret's file; a random secret if the default file does not exist.

    Raises ConfigError for a configured file that cannot be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError as missing:
        if not is_default:
            raise _unreadable(file, missing) from missing
        _LOG.warning(
            "%s does not exist: using a random secret, so logins end with this server "
            "(ozone.recon.http.auth.signature.secret.file)",
            file,
        )
        return secrets.token_bytes(32)
    except OSError as failure:
        raise _unreadable(file, failure) from failure


def _unreadable(file: Path, failure: OSError) -> ConfigError:
    return ConfigError(
        f"ozone.recon.http.auth.signature.secret.file = {file}: {failure.strerror}: create it, readable for this user"
    )


def _signature(text: str, secret: bytes) -> str:
    return base64.b64encode(hmac.new(secret, text.encode("utf-8", "surrogateescape"), sha256).digest()).decode()
