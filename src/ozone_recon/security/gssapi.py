"""A binding to the system's MIT Kerberos library by ctypes: security contexts of GSSAPI (RFC 2743, RFC 2744).

A context is one authentication of one connection, at one side: `initiate` makes the client's, `accept` the server's.
Each `step` takes the peer's token and returns the one to send, until the context is complete; then it protects messages
(`wrap`, `unwrap`). A context belongs to one thread at a time.

A client's credential is acquired anew for each context: the library fetches a ticket when the one in memory is half
used, whereas a credential that is kept fails for good when its ticket expires. `initiate` and a client's `step` may
wait for a KDC, so they do not belong on an event loop.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Mapping
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from ozone_recon.config.security.rpc import KeytabIdentity
from ozone_recon.errors import ConfigError, KerberosError

LIBRARY: Final = "libgssapi_krb5.so.2"
PACKAGES: Final = "libgssapi-krb5-2 on Debian and Ubuntu, krb5-libs on RHEL"
MUTUAL: Final = 2
REPLAY: Final = 4
SEQUENCE: Final = 8
CONFIDENTIALITY: Final = 16
INTEGRITY: Final = 32
"""Flags of a context (GSS_C_MUTUAL_FLAG and so on)."""
_INITIATE, _ACCEPT = 1, 2
_CONTINUE: Final = 1
"""GSS_S_CONTINUE_NEEDED; errors are in the upper 16 bits."""
_GSS_CODE, _MECH_CODE = 1, 2
_KRB5_ERRORS: Final = -1765328384
"""The first code of MIT's table krb5_err."""


class Oid(ctypes.Structure):
    """An object identifier: a mechanism, or a kind of name."""

    _fields_ = (("length", c_uint32), ("elements", c_char_p))


class _OidSet(ctypes.Structure):
    _fields_ = (("count", c_size_t), ("elements", POINTER(Oid)))


class _Buffer(ctypes.Structure):
    _fields_ = (("length", c_size_t), ("value", c_void_p))


class _Given(_Buffer):
    """A buffer over bytes, which it keeps alive, without a copy."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data), ctypes.cast(c_char_p(data), c_void_p))
        self.data = data


class _Setting(ctypes.Structure):
    _fields_ = (("key", c_char_p), ("value", c_char_p))


class _Settings(ctypes.Structure):
    _fields_ = (("count", c_uint32), ("elements", POINTER(_Setting)))


def _oid(elements: bytes) -> Oid:
    return Oid(len(elements), elements)


KRB5: Final = _oid(bytes.fromhex("2a864886f712010202"))
SPNEGO: Final = _oid(bytes.fromhex("2b0601050502"))
"""The mechanisms."""
_PRINCIPAL_NAME: Final = _oid(bytes.fromhex("2a864886f71201020201"))
_HOST_SERVICE: Final = _oid(bytes.fromhex("2a864886f71201020104"))
"""The kinds of names."""

_REMEDIES: Final[Mapping[int, str]] = {
    6: "the KDC does not know this principal: create it, or correct the principal",
    7: "the KDC does not know the server's principal: is the server's host name that of its principal?",
    24: "the keytab does not match the KDC's key: export the keytab again",
    31: "the ticket was made for another key: export the keytab again",
    32: "the ticket has expired",
    34: "the request is a replay",
    37: "the clocks differ by more than 5 minutes: synchronise them (NTP)",
    41: "the token was altered, or made for another key",
    154: "krb5.conf has no KDC for the realm",
    155: "the KDC's host name does not resolve: correct krb5.conf",
    156: "no KDC of the realm answers: is it down, or is krb5.conf wrong?",
    181: "the keytab has no such key: export the keytab again",
}
"""What to do, by offset in MIT's table krb5_err."""


class HostService(NamedTuple):
    """A service by its name and host; the library derives the realm (krb5.conf, `domain_realm`).

    For `accept`, no host stands for every host.
    """

    service: str
    host: str


def require_library() -> None:
    """Raises ConfigError if the Kerberos library is not installed."""
    _library()


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as missing:
        raise ConfigError(
            f"a Kerberos login is required, but {LIBRARY} cannot be loaded ({missing}): install {PACKAGES}"
        ) from missing
    out, buffer, oid = POINTER(c_void_p), POINTER(_Buffer), POINTER(Oid)
    number = POINTER(c_uint32)
    for name, arguments in {
        "import_name": (buffer, oid, out),
        "display_name": (c_void_p, buffer, c_void_p),
        "acquire_cred_from": (
            c_void_p, c_uint32, POINTER(_OidSet), c_int, POINTER(_Settings), out, c_void_p, c_void_p,
        ),
        "init_sec_context": (
            c_void_p, out, c_void_p, oid, c_uint32, c_uint32, c_void_p, buffer, c_void_p, buffer, number, c_void_p,
        ),
        "accept_sec_context": (
            out, c_void_p, buffer, c_void_p, out, c_void_p, buffer, number, c_void_p, c_void_p,
        ),
        "wrap": (c_void_p, c_int, c_uint32, buffer, POINTER(c_int), buffer),
        "unwrap": (c_void_p, buffer, buffer, POINTER(c_int), number),
        "display_status": (c_uint32, c_int, oid, number, buffer),
        "release_name": (out,),
        "release_cred": (out,),
        "delete_sec_context": (out, c_void_p),
        "release_buffer": (buffer,),
    }.items():  # fmt: skip
        function = getattr(library, f"gss_{name}")
        function.argtypes = (number, *arguments)
        function.restype = c_uint32
    return library


class _Handle:
    """A pointer that the library has allocated, and the function that releases it."""

    def __init__(self, release: str, *more: object) -> None:
        self.pointer = c_void_p()
        self._finalizer = weakref.finalize(self, _release, getattr(_library(), f"gss_{release}"), self.pointer, more)


def _release(function: Callable[..., int], pointer: c_void_p, more: tuple[object, ...]) -> None:
    if pointer.value is not None:
        function(byref(c_uint32()), byref(pointer), *more)


class SecurityContext:
    """One side of one authentication. `about` names it in messages."""

    def __init__(self, about: str, step: Callable[[SecurityContext, _Buffer, _Buffer], tuple[int, int]]) -> None:
        """Called by `initiate` and `accept`."""
        self.complete = False
        """Whether this side has finished successfully."""
        self.peer = ""
        """Acceptor only, when complete: the client's principal."""
        self.flags = 0
        """When complete: the flags that both sides agreed on."""
        self._about = about
        self._context = _Handle("delete_sec_context", None)
        self._advance = step

    def step(self, token: bytes) -> bytes:
        """Processes the peer's token (empty at a client's start); returns the one to send, which may be empty.

        Raises KerberosError when the authentication fails.
        """
        given, made = _Given(token), _Buffer()
        try:
            major, minor = self._advance(self, given, made)
            reply = _bytes(made)
        finally:
            _library().gss_release_buffer(byref(c_uint32()), byref(made))
        if major >> 16:
            raise _error(self._about, major, minor)
        self.complete = not major & _CONTINUE
        return reply

    def wrap(self, data: bytes, *, seal: bool) -> bytes:
        """Protects a message: its integrity, and with `seal` its confidentiality."""
        result = _Buffer()
        return self._protected("wrap", result, int(seal), 0, byref(_Given(data)), byref(c_int()), byref(result))

    def unwrap(self, data: bytes) -> bytes:
        """Returns the content of a protected message; KerberosError if it was altered, repeated or reordered."""
        result = _Buffer()
        return self._protected("unwrap", result, byref(_Given(data)), byref(result), byref(c_int()), byref(c_uint32()))

    def _protected(self, function: str, result: _Buffer, *arguments: object) -> bytes:
        minor = c_uint32()
        library = _library()
        try:
            major = getattr(library, f"gss_{function}")(byref(minor), self._context.pointer, *arguments)
            # Supplementary bits tell of messages that are old, repeated or out of order.
            if major:
                raise _error(self._about, major, minor.value)
            return _bytes(result)
        finally:
            library.gss_release_buffer(byref(c_uint32()), byref(result))


def initiate(
    target: str | HostService,
    identity: KeytabIdentity | None,
    mechanism: Oid = KRB5,
    flags: int = MUTUAL | REPLAY | SEQUENCE,
) -> SecurityContext:
    """Begins a client's context; `target` is the server's principal.

    Without an identity the client is the user of the default ticket cache (`kinit`). May wait for a KDC. Raises
    KerberosError if there is no credential.
    """
    service = _imported(target)
    who = "the user of the ticket cache"
    if identity:
        who = f"{identity.principal} (ozone.recon.kerberos.principal) of the keytab {identity.keytab}"
    about = f"Kerberos: {_text(target)} as {who}"
    credential = _initiator(identity, about, mechanism) if identity else None

    def step(context: SecurityContext, given: _Buffer, made: _Buffer) -> tuple[int, int]:
        minor, agreed = c_uint32(), c_uint32()
        major = _library().gss_init_sec_context(
            byref(minor),
            credential.pointer if credential else None,
            byref(context._context.pointer),
            service.pointer,
            byref(mechanism),
            flags,
            0,
            None,
            byref(given),
            None,
            byref(made),
            byref(agreed),
            None,
        )
        context.flags = agreed.value
        return major, minor.value

    return SecurityContext(about, step)


def accept(
    keytab: Path, principal: str | HostService | None, replay_cache: Path | None = None, mechanism: Oid | None = None
) -> SecurityContext:
    """Begins a server's context; it accepts clients of this principal, of a service, or of all that the keytab has.

    It accepts one mechanism, or any. Needs no KDC. `replay_cache` is the file that remembers authenticators, by default
    the library's. Raises KerberosError if the keytab cannot be read or lacks the principal.
    """
    about = f"Kerberos: {_text(principal or 'any principal')} of the keytab {keytab}"
    settings = {b"keytab": b"FILE:" + bytes(keytab)}
    if replay_cache is not None:
        settings[b"rcache"] = b"file2:" + bytes(replay_cache)
    credential = _acquired(principal, settings, _ACCEPT, about, mechanism)

    def step(context: SecurityContext, given: _Buffer, made: _Buffer) -> tuple[int, int]:
        minor, agreed, client = c_uint32(), c_uint32(), _Handle("release_name")
        major = _library().gss_accept_sec_context(
            byref(minor),
            byref(context._context.pointer),
            credential.pointer,
            byref(given),
            None,
            byref(client.pointer),
            None,
            byref(made),
            byref(agreed),
            None,
            None,
        )
        context.flags = agreed.value
        if not major:
            context.peer = _displayed(client)
        return major, minor.value

    return SecurityContext(about, step)


def _initiator(identity: KeytabIdentity, about: str, mechanism: Oid) -> _Handle:
    # A cache holds the tickets of one principal only.
    settings = {
        b"client_keytab": b"FILE:" + bytes(identity.keytab),
        b"ccache": b"MEMORY:%s %s" % (identity.principal.encode(), bytes(identity.keytab)),
    }
    return _acquired(identity.principal, settings, _INITIATE, about, mechanism)


def _acquired(
    principal: str | HostService | None,
    settings: Mapping[bytes, bytes],
    usage: int,
    about: str,
    mechanism: Oid | None = None,
) -> _Handle:
    elements = (_Setting * len(settings))(*(_Setting(key, value) for key, value in settings.items()))
    mechanisms = _OidSet(1, ctypes.pointer(mechanism)) if mechanism is not None else None
    name = _imported(principal) if principal else None
    credential, minor = _Handle("release_cred"), c_uint32()
    major = _library().gss_acquire_cred_from(
        byref(minor),
        name.pointer if name else None,
        0,
        byref(mechanisms) if mechanisms else None,
        usage,
        byref(_Settings(len(settings), elements)),
        byref(credential.pointer),
        None,
        None,
    )
    if major:
        raise _error(about, major, minor.value)
    return credential


def _imported(target: str | HostService) -> _Handle:
    kind = _HOST_SERVICE if isinstance(target, HostService) else _PRINCIPAL_NAME
    name, minor = _Handle("release_name"), c_uint32()
    given = _Given(_text(target).encode("utf-8", "surrogateescape"))
    major = _library().gss_import_name(byref(minor), byref(given), byref(kind), byref(name.pointer))
    if major:
        raise _error(f"Kerberos: the name {_text(target)}", major, minor.value)
    return name


def _text(target: str | HostService) -> str:
    if isinstance(target, HostService):
        return f"{target.service}@{target.host}" if target.host else target.service
    return target


def _displayed(name: _Handle) -> str:
    text = _Buffer()
    try:
        minor = c_uint32()
        major = _library().gss_display_name(byref(minor), name.pointer, byref(text), None)
        if major:
            raise _error("Kerberos: the client's name", major, minor.value)
        return _bytes(text).decode("utf-8", "replace")
    finally:
        _library().gss_release_buffer(byref(c_uint32()), byref(text))


def _bytes(buffer: _Buffer) -> bytes:
    return ctypes.string_at(buffer.value, buffer.length) if buffer.value else b""


def _error(about: str, major: int, minor: int) -> KerberosError:
    # The mechanism's text says more than GSSAPI's, if it has one.
    texts = [*_statuses(major, _GSS_CODE), *_statuses(minor, _MECH_CODE)]
    cause = next(text for text in reversed(texts) if text != "Success")
    remedy = _REMEDIES.get(c_int32(minor).value - _KRB5_ERRORS)
    return KerberosError(f"{about}: {cause}" + (f": {remedy}" if remedy else ""))


def _statuses(code: int, kind: int) -> list[str]:
    texts: list[str] = []
    more: Any = c_uint32()
    while True:
        text = _Buffer()
        failed = _library().gss_display_status(byref(c_uint32()), code, kind, byref(KRB5), byref(more), byref(text))
        texts.append(_bytes(text).decode("utf-8", "replace") if not failed else f"code {code:#x}")
        _library().gss_release_buffer(byref(c_uint32()), byref(text))
        if failed or not more.value:
            return texts
