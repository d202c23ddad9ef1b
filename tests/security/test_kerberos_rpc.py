"""Hadoop RPC with Kerberos over the network, client against server, with a real KDC."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sources.rpc_stand_in import HERE, QUICK
from tools.cluster.kdc import REALM, Kdc

from ozone_recon.config.connections import RpcSettings
from ozone_recon.config.security.rpc import ExpectedPrincipal, KeytabIdentity, NameRules, RpcSecurity
from ozone_recon.errors import KerberosError, ReconError, RemoteError, SourceError
from ozone_recon.security.kerberos import DatanodeAdmission, KerberosServer
from ozone_recon.sources.hadoop_rpc.client import RpcConnection
from ozone_recon.sources.hadoop_rpc.server import RpcServerSettings, take_calls
from ozone_recon.wire.hadoop_rpc.frames import AuthMethod, connection_header, frame
from ozone_recon.wire.hadoop_rpc.messages import SASL_CALL, RpcRequestHeader, SaslMessage, SaslState
from ozone_recon.wire.hadoop_rpc.sasl_gssapi import Protection

pytestmark = pytest.mark.kdc
PROTOCOL = "protocol"
ALL = (Protection.PRIVACY, Protection.INTEGRITY, Protection.AUTHENTICATION)
RECON = ExpectedPrincipal("ozone.recon.kerberos.principal", f"recon/_HOST@{REALM}", "")


async def echo(request: bytes) -> bytes:
    return request


METHODS = {(PROTOCOL, "echo"): echo}


def security(kdc: Kdc, name: str = "recon", protections: tuple[Protection, ...] = ALL, acl: str = "*") -> RpcSecurity:
    expected = ExpectedPrincipal("ozone.om.kerberos.principal", f"om/_HOST@{REALM}", "")
    keytab = kdc.place / f"{name}.keytab"
    identity = KeytabIdentity(f"{name}/localhost@{REALM}", keytab)
    return RpcSecurity(
        identity, protections, expected, expected, f"dn/_HOST@{REALM}", acl, NameRules("DEFAULT", "hadoop"), None
    )


def recon(kdc: Kdc, protections: tuple[Protection, ...] = ALL) -> RpcServerSettings:
    own = security(kdc, protections=protections)
    server = KerberosServer(own, kdc.place / "replays")
    return replace(HERE, mechanisms=(server,), authorize=DatanodeAdmission(own).refusal)


def client(
    kdc: Kdc, name: str = "dn", protections: tuple[Protection, ...] = ALL, expected: ExpectedPrincipal = RECON
) -> RpcSettings:
    own = security(kdc, name, protections)
    return replace(QUICK, user=own.identity.principal, kerberos=own.client(expected))


def served(settings: RpcServerSettings, session: Callable[[str], Awaitable[None]]) -> None:
    async def run() -> None:
        async with take_calls(METHODS, settings) as port:
            await session(f"localhost:{port}")

    asyncio.run(run())


@pytest.mark.parametrize("level", ALL)
def test_calls_at_each_level(kdc: Kdc, level: Protection) -> None:
    async def session(address: str) -> None:
        connection = await RpcConnection.open(address, client(kdc))
        requests = [b"", b"one", random.Random(3).randbytes(5_000_000)]
        assert await asyncio.gather(*(connection.call(PROTOCOL, "echo", one) for one in requests)) == requests
        await connection.close()

    served(recon(kdc, (level,)), session)


def test_the_clients_first_common_level_is_taken(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        await (await RpcConnection.open(address, client(kdc, protections=(Protection.INTEGRITY,)))).close()
        with pytest.raises(SourceError, match=r"no common protection: .*hadoop\.rpc\.protection"):
            await RpcConnection.open(address, client(kdc, protections=(Protection.AUTHENTICATION,)))

    served(recon(kdc, (Protection.PRIVACY, Protection.INTEGRITY)), session)


def test_only_datanodes_may_report(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        connection = await RpcConnection.open(address, client(kdc, "om"))
        with pytest.raises(
            RemoteError, match=r"AuthorizationException: User om/localhost@OZONE.TEST \(auth:KERBEROS\)"
        ):
            await connection.call(PROTOCOL, "echo", b"")
        await connection.close()

    served(recon(kdc), session)


@pytest.mark.parametrize(("acl", "admitted"), [("om", "om"), ("om,dn nogroup", "om dn"), (" nogroup", ""), ("", "")])
def test_an_access_list_replaces_the_datanodes_principal(kdc: Kdc, acl: str, admitted: str) -> None:
    admission = DatanodeAdmission(security(kdc, acl=acl))
    for name in ("om", "dn"):
        refusal = admission.refusal(f"{name}/localhost@{REALM}", PROTOCOL)
        assert (not refusal) is (name in admitted.split())
        assert not refusal or refusal.endswith(f"for protocol interface {PROTOCOL}: denied by configured ACL")


def test_nobody_may_act_as_another_user(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        connection = await RpcConnection.open(address, replace(client(kdc), user="dn"))
        with pytest.raises(RemoteError, match="not allowed to impersonate dn"):
            await connection.call(PROTOCOL, "echo", b"")
        await connection.close()

    served(recon(kdc), session)


def test_a_client_without_kerberos_is_refused(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        connection = await RpcConnection.open(address, QUICK)
        refusal = r"AccessControlException: SIMPLE authentication is not enabled\.  Available:\[KERBEROS\]"
        with pytest.raises(RemoteError, match=refusal):
            await connection.call(PROTOCOL, "echo", b"")
        await connection.close()

    served(recon(kdc), session)


def test_a_server_with_another_principal_is_refused(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        other = ExpectedPrincipal("hdds.scm.kerberos.principal", f"scm/_HOST@{REALM}", "")
        with pytest.raises(
            KerberosError, match=r"invalid Kerberos principal: recon/localhost.*scm\.kerberos\.principal"
        ):
            await RpcConnection.open(address, client(kdc, expected=other))
        with pytest.raises(KerberosError, match="doesn't match the pattern: om"):
            await RpcConnection.open(address, client(kdc, expected=other._replace(pattern="om/*")))
        await (await RpcConnection.open(address, client(kdc, expected=other._replace(pattern="recon/*")))).close()

    served(recon(kdc), session)


def test_a_server_without_kerberos_is_refused(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        with pytest.raises(SourceError, match="no common authentication method"):
            await RpcConnection.open(address, client(kdc))

    served(HERE, session)


def test_a_missing_keytab_of_the_server_refuses_clients_only(kdc: Kdc, tmp_path: Path) -> None:
    """It recovers as soon as the keytab is there."""
    own = replace(security(kdc), identity=KeytabIdentity(f"recon/localhost@{REALM}", tmp_path / "late.keytab"))
    settings = replace(HERE, mechanisms=(KerberosServer(own, tmp_path / "replays"),))

    async def session(address: str) -> None:
        with pytest.raises(RemoteError, match="SaslException: GSS initiate failed"):
            await RpcConnection.open(address, client(kdc))
        (tmp_path / "late.keytab").write_bytes((kdc.place / "recon.keytab").read_bytes())
        await (await RpcConnection.open(address, client(kdc))).close()

    served(settings, session)


def test_a_handshake_that_stalls_holds_nothing(kdc: Kdc) -> None:
    async def session(address: str) -> None:
        _, _, port = address.rpartition(":")
        stalled = [await asyncio.open_connection("localhost", int(port)) for _ in range(50)]
        message = SaslMessage(SaslState.NEGOTIATE).encode()
        for _, writer in stalled:
            writer.write(connection_header(AuthMethod.SASL) + frame(RpcRequestHeader(SASL_CALL, b"").encode(), message))
        connection = await RpcConnection.open(address, client(kdc))
        assert await connection.call(PROTOCOL, "echo", b"hello") == b"hello"
        await connection.close()
        for _, writer in stalled:
            writer.close()

    served(recon(kdc), session)


def test_altered_bytes_end_the_connection(kdc: Kdc) -> None:
    """At each level, and at each moment: what arrives altered is refused, or is what was sent."""
    chance = random.Random(4)

    async def session(address: str) -> None:
        for _ in range(40):
            at = chance.choice([chance.randrange(1, 2600), chance.randrange(1, 600)])
            async with flipping(address, at, to_server=chance.random() < 0.5) as between:
                try:
                    connection = await RpcConnection.open(between, replace(client(kdc), call_timeout=2))
                    try:
                        assert await connection.call(PROTOCOL, "echo", b"x" * 500) == b"x" * 500
                    finally:
                        await connection.close()
                except ReconError:
                    continue

    for level in (Protection.INTEGRITY, Protection.PRIVACY):
        served(recon(kdc, (level,)), session)


class flipping:
    """Passes a connection on, and flips a bit of one byte."""

    def __init__(self, address: str, at: int, *, to_server: bool) -> None:
        self._address, self._at, self._to_server = address, at, to_server

    async def __aenter__(self) -> str:
        self._tasks: list[asyncio.Task[None]] = []
        self._server = await asyncio.start_server(self._connected, "localhost", 0)
        return f"localhost:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._address.rpartition(":")
        server_reader, server_writer = await asyncio.open_connection(host, int(port))
        for source, sink, flips in (
            (reader, server_writer, self._to_server),
            (server_reader, writer, not self._to_server),
        ):
            self._tasks.append(asyncio.create_task(self._pass_on(source, sink, flips=flips)))

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, flips: bool) -> None:
        passed = 0
        try:
            while data := bytearray(await source.read(1 << 16)):
                if flips and passed <= self._at < passed + len(data):
                    data[self._at - passed] ^= 1
                passed += len(data)
                sink.write(data)
        except OSError:
            pass
        finally:
            sink.close()
