"""The cookie `hadoop.auth`: who has logged in and until when, signed as Hadoop signs it.

    u=SHORT&p=PRINCIPAL&t=TYPE[&i=INACTIVE]&e=EXPIRES&s=SIGNATURE

EXPIRES is ms since 1970, and so is INACTIVE, before which the next request must come. SIGNATURE is the Base64 of
HMAC-SHA256 over everything before `&s=`, with the secret that all servers of a site may share (Hadoop's AuthToken,
Signer and HadoopAuthCookie; Java Recon accepts ours and the reverse).
"""

from __future__ import annotations

import base64
import hmac
import logging
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from ozone_recon.errors import ConfigError, LoginError
from ozone_recon.model.identity import Identity

NAME: Final = "hadoop.auth"
_SIGNATURE: Final = "&s="
_SEPARATOR: Final = re.compile(r'[&;"\x00-\x1f\x7f]')
_LONGEST: Final = 4096
"""Maximum characters of a cookie's value, as browsers have it."""
_LOG: Final = logging.getLogger(__name__)


class CookieLogin(NamedTuple):
    """Who has logged in and until when: ms since 1970; -1 for ever."""

    identity: Identity
    expires: int


def written(identity: Identity, expires: int, secret: bytes, inactive: int = -1) -> str:
    """Returns the cookie's value; the times are ms since 1970, -1 for none.

    Raises LoginError for a name that would end a part of it.
    """
    if _SEPARATOR.search(identity.user + identity.principal):
        raise LoginError(f"{identity.user!r} or {identity.principal!r} has a character that a cookie cannot hold")
    idle = f"&i={inactive}" if inactive != -1 else ""
    text = f"u={identity.user}&p={identity.principal}&t={identity.method}{idle}&e={expires}"
    return text + _SIGNATURE + _signature(text, secret)


def read(value: str, secret: bytes, now: int, method: str) -> CookieLogin:
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
        inactive = int(parts.get("i", "-1"))
    except (KeyError, ValueError):
        raise LoginError("Invalid AuthenticationToken String") from None
    if identity.method != method:
        raise LoginError("Invalid AuthenticationToken type")
    if any(end != -1 and end <= now for end in (expires, inactive)):
        raise LoginError("AuthenticationToken expired")
    return CookieLogin(identity, expires)


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
