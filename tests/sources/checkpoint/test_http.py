import os
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sources.checkpoint.samples import MARKER, files_of, make_database, tar_of
from tests.sources.om_stand_in import Answer, Om, chunked, om, reset, reset_after, silent, sized, status, until_close

from ozone_recon.config.connections import OmHttp
from ozone_recon.errors import CheckpointError, NoSpace, SourceError, TransferError
from ozone_recon.sources.checkpoint.fetch import Retry, Transfer, from_om


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files_of(make_database(tmp_path_factory.mktemp("made") / "om.db"))


def settings(*oms: Om, attempts: int = 1) -> OmHttp:
    return OmHttp(
        tuple(one.address for one in oms),
        connect_timeout=5,
        answer_timeout=0.3,
        read_timeout=0.3,
        attempts=attempts,
        pause=0.01,
        longest_pause=0.02,
    )


class Told(list[Transfer | Retry]):
    def __call__(self, event: Transfer | Retry) -> None:
        self.append(event)

    @property
    def retries(self) -> list[Retry]:
        return [event for event in self if isinstance(event, Retry)]


def test_a_checkpoint_is_taken_from_a_running_om(files: dict[str, bytes], tmp_path: Path) -> None:
    told = Told()
    with om(chunked(tar_of(files))) as leader:
        made, address = from_om(settings(leader), tmp_path, told)
        from_om(replace(settings(leader), flush=True), tmp_path, told)
    assert files_of(made) == {**files, MARKER: b""}
    assert address == leader.address
    assert leader.requests == [f"/dbCheckpoint?flushBeforeCheckpoint={flush}" for flush in ("false", "true")]
    last = told[-1]
    assert isinstance(last, Transfer)
    assert (last.received, last.total) == (len(tar_of(files)), None)


def test_a_follower_is_passed_over(files: dict[str, bytes], tmp_path: Path) -> None:
    with om(status("503 Service Unavailable")) as follower, om(chunked(tar_of(files))) as leader:
        gone = Om([], address="http://127.0.0.1:1")
        assert files_of(from_om(settings(gone, follower, leader), tmp_path, Told())[0])
        assert (len(follower.requests), len(leader.requests)) == (1, 1)


def test_when_no_om_leads_each_ones_reason_is_told(tmp_path: Path) -> None:
    with om(status("503 Service Unavailable")) as first, om(status("500 Server Error")) as second:
        gone = Om([], address="http://127.0.0.1:1")
        with pytest.raises(TransferError) as told:
            from_om(settings(first, second, gone, attempts=3), tmp_path, Told())
        assert len(first.requests) == len(second.requests) == 3
    for reason in (
        f"{first.address}: not the leader",
        f"{second.address}: 500 Server Error",
        "127.0.0.1:1: [Errno 111]",
    ):
        assert reason in str(told.value)


@pytest.mark.parametrize(
    "broken",
    [
        lambda tar: chunked(tar[:20_000], b""),
        lambda tar: chunked(tar[:20_000], b"1000\r\nabc"),
        lambda tar: chunked(tar[:20_000], b"nonsense\r\n"),
        lambda tar: chunked(tar[: tar.index(MARKER.encode()) // 512 * 512 - 1024]),
        lambda tar: sized(tar[:20_000], len(tar)),
        lambda tar: sized(tar[:-1], len(tar)),
        lambda tar: until_close(tar[:20_000]),
        lambda tar: until_close(tar[:0]),
        lambda tar: reset(tar[:20_000]),
        lambda tar: silent(tar[:20_000]),
        lambda _: lambda connection: connection.sendall(b"HTTP/1.1 200"),
        lambda _: lambda connection: connection.sendall(b"rubbish\r\n\r\n"),
        lambda _: lambda connection: connection.recv(1),
    ],
    ids=[
        "closed between chunks",
        "closed in a chunk",
        "nonsense for a chunk",
        "ended before the marker",
        "shorter than its length",
        "one byte short",
        "closed without a length",
        "empty",
        "reset",
        "silent",
        "half a status line",
        "not http",
        "no answer",
    ],
)
def test_a_broken_transfer_begins_again_in_a_clean_place(
    files: dict[str, bytes], tmp_path: Path, broken: Callable[[bytes], Answer]
) -> None:
    tar = tar_of(files)
    told = Told()
    with om(broken(tar), broken(tar), chunked(tar)) as leader:
        made, _ = from_om(settings(leader, attempts=3), tmp_path, told)
    assert files_of(made) == {**files, MARKER: b""}
    assert [(retry.attempt, retry.attempts) for retry in told.retries] == [(2, 3), (3, 3)]
    assert all(leader.address in retry.reason for retry in told.retries)
    assert os.listdir(tmp_path) == [made.name]


@pytest.mark.parametrize("tls", [False, True])
def test_a_reset_at_any_moment_is_a_broken_transfer(files: dict[str, bytes], tmp_path: Path, tls: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" + tar_of(files)[:4] + b"\r\n10"
    answers = [reset_after(head[:end]) for end in (0, 5, 17, 20, 45, 47, 49, 50, 52, 54, 56, 58)]
    context = made = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made, key = certificate(tmp_path)
        context.load_cert_chain(made, key)
    for answer in answers:
        with om(answer, tls=context) as leader, pytest.raises(TransferError) as told:
            from_om(replace(settings(leader), ca_file=made), tmp_path / "c", Told())
        assert leader.address in str(told.value)
    assert list(tmp_path.glob("c/*")) == []


def test_after_the_last_attempt_the_error_is_told_and_nothing_is_left(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "om.snapshot.db_1").mkdir()
    with (
        om(chunked(tar_of(files)[:20_000], b"")) as leader,
        pytest.raises(TransferError, match=r"is truncated|transfer broke"),
    ):
        from_om(settings(leader, attempts=2), tmp_path, Told())
    assert os.listdir(tmp_path) == ["om.snapshot.db_1"]
    with (
        om(chunked(tar_of(files, marker=False))) as leader,
        pytest.raises(CheckpointError, match=f"last entry, {MARKER}"),
    ):
        from_om(settings(leader, attempts=2), tmp_path, Told())
    assert os.listdir(tmp_path) == ["om.snapshot.db_1"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (status("401 Unauthorized", "WWW-Authenticate: Negotiate\r\n"), r"requires a Kerberos login \(401\).*download"),
        (status("403 Forbidden"), r"access denied \(403\): the OM serves checkpoints only to administrators.*download"),
        (status("404 Not Found"), "not an OM's web server"),
        (status("302 Found", "Location: https://om:9875/\r\n"), "redirects to https://om:9875/"),
    ],
)
def test_what_no_later_attempt_can_mend_ends_at_once(tmp_path: Path, answer: Answer, why: str) -> None:
    with om(answer) as refusing, pytest.raises(SourceError, match=why) as told:
        from_om(settings(refusing, attempts=5), tmp_path, Told())
    assert not isinstance(told.value, TransferError)
    assert len(refusing.requests) == 1


def silence(connection: socket.socket) -> None:
    connection.recv(1)


def test_a_timeout_names_the_keys_to_raise(tmp_path: Path) -> None:
    with (
        om(silence) as slow,
        pytest.raises(TransferError, match=r"\.socket\.timeout"),
    ):
        from_om(settings(slow), tmp_path, Told())


def test_space_is_looked_for_before_anything_is_taken(files: dict[str, bytes], tmp_path: Path) -> None:
    with om(chunked(tar_of(files))) as leader, pytest.raises(NoSpace, match="1,125,899,906,842,624 more bytes"):
        from_om(settings(leader), tmp_path, Told(), expected=1 << 50)
    assert os.listdir(tmp_path) == []


def test_a_report_may_end_the_transfer(files: dict[str, bytes], tmp_path: Path) -> None:
    def stop(_: Transfer | Retry) -> None:
        raise KeyboardInterrupt

    with om(chunked(tar_of(files))) as leader, pytest.raises(KeyboardInterrupt):
        from_om(settings(leader), tmp_path, stop)
    assert os.listdir(tmp_path) == []


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate of localhost, and its key."""
    made, key = directory / "om.pem", directory / "om.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "1"]
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, "-keyout", key, "-out", made],
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return made, key


def test_https_trusts_the_certificates_it_is_given(files: dict[str, bytes], tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    with om(chunked(tar_of(files)), tls=context) as leader:
        with pytest.raises(TransferError, match="certificate verify failed"):
            from_om(settings(leader), tmp_path / "checkpoints", Told())
        trusting = replace(settings(leader), ca_file=made)
        assert files_of(from_om(trusting, tmp_path / "checkpoints", Told())[0]) == {**files, MARKER: b""}
