"""Security contexts of the system's Kerberos library, with a real KDC."""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path

import pytest
from tests.security.kdc import export, local_kdc
from tools.cluster.kdc import REALM, Kdc

from ozone_recon.config.security.rpc import KeytabIdentity
from ozone_recon.errors import ConfigError, KerberosError
from ozone_recon.security import gssapi
from ozone_recon.security.gssapi import (
    CONFIDENTIALITY,
    INTEGRITY,
    KRB5,
    MUTUAL,
    SPNEGO,
    HostService,
    SecurityContext,
    accept,
    initiate,
)
from ozone_recon.security.spnego import require_keytab

pytestmark = pytest.mark.kdc
OM = f"om/localhost@{REALM}"
RECON = f"recon/localhost@{REALM}"
ALL = MUTUAL | INTEGRITY | CONFIDENTIALITY | gssapi.REPLAY | gssapi.SEQUENCE


def identity(kdc: Kdc, name: str = "recon", principal: str = RECON) -> KeytabIdentity:
    return KeytabIdentity(principal, kdc.place / f"{name}.keytab")


def established(kdc: Kdc, flags: int = ALL) -> tuple[SecurityContext, SecurityContext]:
    client = initiate(OM, identity(kdc), flags=flags)
    server = accept(kdc.place / "om.keytab", OM)
    reply = server.step(client.step(b""))
    assert client.step(reply) == b""
    assert client.complete
    assert server.complete
    return client, server


def test_both_sides_are_authenticated(kdc: Kdc) -> None:
    client, server = established(kdc)
    assert server.peer == RECON
    assert client.flags & MUTUAL
    assert client.flags & CONFIDENTIALITY


@pytest.mark.parametrize("seal", [False, True])
@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_messages_are_protected(kdc: Kdc, seal: bool, size: int) -> None:
    client, server = established(kdc)
    data = random.Random(size).randbytes(size)
    for sender, receiver in ((client, server), (server, client)):
        wrapped = sender.wrap(data, seal=seal)
        assert size < 1000 or (data in wrapped) == (not seal)
        assert receiver.unwrap(wrapped) == data


def test_altered_repeated_and_truncated_messages_are_refused(kdc: Kdc) -> None:
    client, server = established(kdc)
    wrapped = client.wrap(b"some bytes" * 10, seal=True)
    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 1
        _refused(server, bytes(altered))
    for end in range(len(wrapped)):
        _refused(server, wrapped[:end])
    assert server.unwrap(wrapped) == b"some bytes" * 10
    with pytest.raises(KerberosError):
        server.unwrap(wrapped)


def _refused(context: SecurityContext, wrapped: bytes) -> None:
    try:
        found = context.unwrap(wrapped)
    except KerberosError:
        return
    assert found == b"some bytes" * 10, "a byte that carries nothing may differ"


@pytest.mark.parametrize("mechanism", [KRB5, SPNEGO])
def test_a_host_service_is_found_by_name_and_host(kdc: Kdc, mechanism: gssapi.Oid) -> None:
    client = initiate(HostService("HTTP", "localhost"), identity(kdc), mechanism)
    server = accept(kdc.place / "http.keytab", None)
    token = client.step(b"")
    while token:
        token = server.step(token) if not server.complete else b""
        if token and not client.complete:
            token = client.step(token)
    assert server.complete
    assert server.peer == RECON


def test_an_acceptor_of_one_principal_refuses_tickets_for_another(kdc: Kdc) -> None:
    token = initiate(f"HTTP/other@{REALM}", identity(kdc)).step(b"")
    with pytest.raises(KerberosError):
        accept(kdc.place / "http.keytab", f"HTTP/localhost@{REALM}").step(token)
    token = initiate(f"HTTP/other@{REALM}", identity(kdc)).step(b"")
    any_of_them = accept(kdc.place / "http.keytab", None)
    any_of_them.step(token)
    assert any_of_them.complete


def test_an_acceptor_of_a_service_takes_all_its_hosts_and_no_other_service(kdc: Kdc) -> None:
    both = kdc.export("both", "HTTP/localhost", "HTTP/other", "om/localhost")
    for host in ("localhost", "other"):
        accept(both, HostService("HTTP", "")).step(initiate(f"HTTP/{host}@{REALM}", identity(kdc)).step(b""))
    with pytest.raises(KerberosError):
        accept(both, HostService("HTTP", "")).step(initiate(OM, identity(kdc)).step(b""))


@pytest.mark.parametrize("principal", ["*", f"HTTP/another@{REALM}"])
def test_a_keytab_without_the_web_servers_principal_is_named(kdc: Kdc, principal: str) -> None:
    require_keytab(kdc.place / "http.keytab", "*")
    require_keytab(kdc.place / "http.keytab", f"HTTP/other@{REALM}")
    for keytab in ("om", "nothing"):
        with pytest.raises(ConfigError, match=rf"auth\.kerberos\.keytab = .*{keytab}\.keytab.*export the keytab"):
            require_keytab(kdc.place / f"{keytab}.keytab", principal)


def test_a_repeated_token_is_refused(kdc: Kdc, tmp_path: Path) -> None:
    token = initiate(OM, identity(kdc)).step(b"")
    accept(kdc.place / "om.keytab", OM, tmp_path / "replays").step(token)
    with pytest.raises(KerberosError, match="replay"):
        accept(kdc.place / "om.keytab", OM, tmp_path / "replays").step(token)


def test_hostile_tokens_are_refused(kdc: Kdc) -> None:
    token = initiate(OM, identity(kdc)).step(b"")
    chance = random.Random(1)
    hostile = [
        b"",
        b"\0",
        b"NTLMSSP\0" + bytes(100),
        chance.randbytes(60_000),
        *(token[:end] for end in range(0, len(token), 7)),
    ]
    for _ in range(200):
        altered = bytearray(token)
        for _ in range(chance.randint(1, 4)):
            altered[chance.randrange(len(token))] = chance.randrange(256)
        hostile.append(bytes(altered))
    for one in hostile:
        server = accept(kdc.place / "om.keytab", OM)
        try:
            server.step(one)
        except KerberosError:
            continue
        assert not server.complete or server.peer == RECON, "only bytes that nothing depends on may differ"


def test_hostile_replies_are_refused(kdc: Kdc) -> None:
    chance = random.Random(2)
    for _ in range(50):
        client = initiate(OM, identity(kdc), flags=ALL)
        reply = bytearray(accept(kdc.place / "om.keytab", OM).step(client.step(b"")))
        reply[chance.randrange(len(reply))] ^= 1 << chance.randrange(8)
        with pytest.raises(KerberosError):
            client.step(bytes(reply))


@pytest.mark.parametrize(
    ("principal", "keytab", "target", "parts"),
    [
        (RECON, "nothing", OM, ("recon/localhost", "nothing.keytab")),
        (f"recon/elsewhere@{REALM}", "recon", OM, ("recon/elsewhere", "recon.keytab")),
        (RECON, "recon", f"om/nohost@{REALM}", ("om/nohost", "host name")),
        (RECON, "recon", "om/localhost@NO.REALM", ("NO.REALM", "not found in Kerberos database")),
    ],
)
def test_a_failure_names_principal_keytab_and_remedy(
    kdc: Kdc, principal: str, keytab: str, target: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(KerberosError) as failure:
        initiate(target, identity(kdc, keytab, principal)).step(b"")
    for part in parts:
        assert part in str(failure.value)


def test_an_unreadable_keytab_of_a_server_is_named(kdc: Kdc) -> None:
    with pytest.raises(KerberosError, match=r"nothing\.keytab"):
        accept(kdc.place / "nothing.keytab", OM).step(b"token")


def test_it_recovers_when_the_kdc_is_back(tmp_path: Path) -> None:
    with local_kdc(tmp_path) as own:
        keytabs = {name: export(own, name, f"{name}/localhost") for name in ("om", "recon")}
        who = KeytabIdentity(f"recon/localhost@{REALM}", keytabs["recon"])
        own.stop()
        for _ in range(2):
            with pytest.raises(KerberosError, match="KDC"):
                initiate(OM, who).step(b"")
        own.start()
        client, server = initiate(OM, who), accept(keytabs["om"], None)
        server.step(client.step(b""))
        assert server.complete


def test_a_rotated_keytab_is_said(tmp_path: Path) -> None:
    with local_kdc(tmp_path) as own:
        keytab = export(own, "rotated", "recon/rotated")
        own.administer(["change_password -randkey recon/rotated"])
        with pytest.raises(KerberosError, match=r"rotated\.keytab.*export the keytab again"):
            initiate(OM, KeytabIdentity(f"recon/rotated@{REALM}", keytab)).step(b"")


def test_no_memory_and_no_handle_is_kept(kdc: Kdc) -> None:
    def many() -> int:
        for _ in range(100):
            established(kdc)
            with pytest.raises(KerberosError):
                accept(kdc.place / "om.keytab", OM).step(b"rubbish")
        gc.collect()
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    many()
    before, descriptors = many(), len(os.listdir("/proc/self/fd"))
    grown = many() - before
    assert grown < 2 << 20, f"{grown:,} bytes for 100 contexts"
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_missing_library_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    gssapi._library.cache_clear()
    monkeypatch.setattr(gssapi, "LIBRARY", "libnothing.so.9")
    with pytest.raises(ConfigError, match=r"libgssapi-krb5-2.*krb5-libs"):
        gssapi.require_library()
    monkeypatch.undo()
    gssapi.require_library()
