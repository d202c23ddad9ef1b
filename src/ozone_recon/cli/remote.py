"""Queries a running server over http or https, with a Kerberos login if the server asks for one.

The login is that of the user's ticket cache (`kinit`). The server's cookie replaces it for later commands; it is kept
in a file that only the user can read, and sent to no other host. Redirects are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.cookiejar import LoadError, LWPCookieJar
from pathlib import Path
from typing import Final

import httpx

from ozone_recon.cli.answers import Transport
from ozone_recon.config.security.trust import DEFAULT_TRUST
from ozone_recon.errors import ConfigError, KerberosError, SourceError
from ozone_recon.security.tls import verification

TIMEOUT: Final = 60.0


@contextmanager
def server(address: str, ca: Path | None) -> Iterator[Transport]:
    """Opens a connection to the server at `address`; ConfigError for an invalid address or file of CAs."""
    if not address.startswith(("http://", "https://")):
        address = f"http://{address}"
    cookies, verify = _cookies(), verification(address, DEFAULT_TRUST, ca)
    try:
        with httpx.Client(base_url=address, timeout=TIMEOUT, cookies=cookies, verify=verify) as client:
            yield _Remote(client, cookies)
    except httpx.InvalidURL as invalid:
        raise ConfigError(f"--server {address}: {invalid}: give an address such as http://recon:9888") from invalid


class _Remote:
    def __init__(self, client: httpx.Client, cookies: LWPCookieJar) -> None:
        self._client = client
        self._cookies = cookies

    def get(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        try:
            response = self._client.get(url, params=params)
            if response.status_code == httpx.codes.UNAUTHORIZED and _wants_kerberos(response):
                response = self._logged_in(url, params)
            return response
        except httpx.TransportError as failed:
            if "CERTIFICATE_VERIFY_FAILED" in str(failed):
                raise SourceError(f"{self._client.base_url}: {failed}: name its CA with --ca") from failed
            raise SourceError(f"{self._client.base_url}: no answer ({failed}). Is a server running there?") from failed

    def _logged_in(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        # Loads the Kerberos library.
        from ozone_recon.security.spnego import SpnegoAuth

        try:
            response = self._client.get(url, params=params, auth=SpnegoAuth(None))
        except KerberosError as failure:
            raise SourceError(
                f"{self._client.base_url} requires a Kerberos login: run `kinit` first ({failure})"
            ) from failure
        _keep(self._cookies)
        return response


def _wants_kerberos(response: httpx.Response) -> bool:
    scheme: str = response.headers.get("www-authenticate", "")
    return scheme.lower().startswith("negotiate")


def _cookies() -> LWPCookieJar:
    """The cookies of earlier commands; none if they cannot be read."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cookies = LWPCookieJar(str(cache / "ozone-recon" / "cookies"))
    with suppress(OSError, LoadError):
        cookies.load(ignore_discard=True)
    return cookies


def _keep(cookies: LWPCookieJar) -> None:
    """Keeps the cookies for later commands; a cache that cannot be written costs a login each time."""
    assert cookies.filename
    path = Path(cookies.filename)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = path.with_name(f"cookies.{os.getpid()}")
        os.close(os.open(own, os.O_CREAT | os.O_WRONLY, 0o600))
        cookies.save(str(own), ignore_discard=True)
        own.replace(path)
