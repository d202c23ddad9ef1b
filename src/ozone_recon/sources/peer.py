"""Fetches the published cluster generation of the other Recon of a pair over HTTP(S)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from ozone_recon.config.security.rpc import KeytabIdentity
from ozone_recon.config.security.trust import DEFAULT_TRUST, TrustSettings
from ozone_recon.errors import SourceError, TransferError
from ozone_recon.security.spnego import SpnegoAuth
from ozone_recon.security.tls import strictness_hint, verification

PATH: Final = "/api/v1/cluster/generation"
TIMEOUT: Final = 20.0
"""Seconds to connect, and without any data."""


class GenerationBody:
    """The archive of a generation, as a stream to read; TransferError if the transfer breaks."""

    def __init__(self, peer: str, response: httpx.Response) -> None:
        self.version = response.headers.get("etag", "")
        self._peer = peer
        self._pieces = response.iter_raw(1 << 20)
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none at the end."""
        try:
            piece = self._rest or next(self._pieces, b"")
        except httpx.HTTPError as broken:
            raise TransferError(f"{self._peer}: the transfer of its cluster generation broke: {broken!r}") from broken
        self._rest = piece[size:]
        return piece[:size]


@contextmanager
def generation_body(
    peer: str, version: str, identity: KeytabIdentity | None = None, trust: TrustSettings = DEFAULT_TRUST
) -> Iterator[GenerationBody | None]:
    """Opens the archive of the peer's current cluster generation; None if it is still `version`, an earlier one's.

    With an identity it logs in by SPNEGO. Blocks. Raises TransferError if the peer cannot be reached or has no
    generation yet, and SourceError if it refuses.
    """
    try:
        with (
            httpx.Client(
                timeout=TIMEOUT,
                trust_env=False,
                auth=SpnegoAuth(identity) if identity else None,
                verify=verification(peer, trust),
            ) as client,
            client.stream(
                "GET", peer + PATH, headers={"accept-encoding": "identity", "if-none-match": version or "none"}
            ) as response,
        ):
            if response.status_code == httpx.codes.NOT_MODIFIED:
                yield None
            else:
                _require_ok(peer, response.status_code)
                yield GenerationBody(peer, response)
    except (httpx.HTTPError, httpx.InvalidURL) as failed:
        raise TransferError(
            f"{peer} (ozone.recon.peer.address) cannot be reached: {failed!r}{strictness_hint(failed)}"
        ) from failed


def _require_ok(peer: str, status: int) -> None:
    match status:
        case httpx.codes.OK:
            return
        case httpx.codes.SERVICE_UNAVAILABLE:
            raise TransferError(f"{peer} has no cluster generation yet (503)")
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
            raise SourceError(
                f"{peer} refuses its cluster generation ({status}): it serves it to administrators and to its own "
                "ozone.recon.kerberos.principal on any host"
            )
        case _:
            raise SourceError(f"{peer} answers {status}: is ozone.recon.peer.address the other ozone-recon?")
