"""A supervised child that hangs or exits is detected and replaced, and no sender blocks."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from tests.eventually import eventually

from ozone_recon import logs
from ozone_recon.processes import channel, child
from ozone_recon.processes.child import ChildProcess, Program

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.setattr(child, "SILENCE", 5)
    monkeypatch.setattr(child, "PAUSE", 0.5)


class Watched:
    """A child with its messages and the reasons for its ends."""

    def __init__(self, does: str, *, replaced: bool = False, grace: int = 20) -> None:
        self.messages: SimpleQueue[Any] = SimpleQueue()
        self.ends: SimpleQueue[str] = SimpleQueue()
        self.child = ChildProcess(
            Program("test", "tests.processes.children"),
            self.messages.put,
            greeting=lambda: [does],
            ended=self.ends.put,
            replaced=replaced,
            grace=grace,
        )


@contextmanager
def running(does: str, *, replaced: bool = False, grace: int = 20) -> Iterator[Watched]:
    watched = Watched(does, replaced=replaced, grace=grace)
    watched.child.start()
    try:
        yield watched
    finally:
        watched.child.stop()


def test_messages_go_both_ways_whole_and_in_order_and_it_ends_when_told_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    messages = [b"", 1, {"two": 2}, bytes(10_000_000), Path("three")]
    with running("echo") as watched:
        for message in messages:
            watched.child.send(message)
        assert [watched.messages.get(timeout=60) for _ in messages] == messages
        assert watched.child.running
    assert watched.messages.get(timeout=1) == "bye"
    assert (watched.child.returncode, watched.child.state.state) == (0, "stopped")
    assert watched.ends.get(timeout=1) == "ended with exit code 0"
    with pytest.raises(BrokenPipeError):
        watched.child.send(1)
    assert caplog.text == ""


def test_one_that_hangs_is_killed_and_another_is_there(caplog: pytest.LogCaptureFixture) -> None:
    with running("stop_at_once", replaced=True) as watched:
        for _ in range(2):
            assert watched.messages.get(timeout=60) == "stopping"
        assert watched.ends.get(timeout=1) == "has not answered for 5 s"
        assert (watched.child.state.hung, watched.child.state.ended) == (1, 0)
        os.kill(watched.child.pid, signal.SIGKILL)
    (line, *_) = (record.getMessage() for record in caplog.records)
    assert line.endswith("has not answered for 5 s: killing it with SIGKILL and starting another")


def test_one_that_makes_no_progress_is_hung() -> None:
    with running("make_no_progress") as watched:
        assert watched.messages.get(timeout=60) == "working"
        assert watched.ends.get(timeout=60) == "has not answered for 5 s"
        assert watched.child.returncode == -signal.SIGKILL


def test_a_sender_does_not_wait_for_a_child_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SILENCE", 1_000_000)
    with running("stop_at_once") as watched:
        assert watched.messages.get(timeout=60) == "stopping"
        sent = 0
        with pytest.raises(BrokenPipeError):
            while True:
                watched.child.send(bytes(1 << 20))
                sent += 1 << 20
        assert channel.BUFFER <= sent <= channel.BUFFER + (16 << 20)
        assert watched.ends.get(timeout=60) == "does not read its messages"


def test_a_message_larger_than_the_buffer_arrives() -> None:
    with running("count_bytes") as watched:
        watched.child.send(bytes(channel.BUFFER + 1))
        assert watched.messages.get(timeout=60) == channel.BUFFER + 1


def test_one_that_does_not_end_when_told_to_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    with running("never_end", grace=1) as watched:
        assert watched.messages.get(timeout=60) == "working"
    assert watched.child.returncode == -signal.SIGKILL
    assert "does not end on request: killing it with SIGKILL" in caplog.text


def test_without_grace_it_is_killed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with running("never_end", grace=0) as watched:
        assert watched.messages.get(timeout=60) == "working"
    assert (watched.child.returncode, caplog.text) == (-signal.SIGKILL, "")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (3, "ended with exit code 3"),
        (-signal.SIGKILL, "was killed by SIGKILL (possibly out of memory: see the kernel log)"),
        (-signal.SIGBUS, "was killed by SIGBUS (a memory-mapped file was truncated, or its disk failed)"),
        (-signal.SIGABRT, "was killed by SIGABRT"),
    ],
)
def test_the_reason_for_an_exit_is_logged(how: int, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    with running("die", replaced=True) as watched:
        pid = watched.child.pid
        watched.child.send(how)
        assert watched.ends.get(timeout=60) == reason
    assert caplog.messages == [f"process test (pid {pid}) {reason}: starting another in 0 s"]


def send_all(child: ChildProcess) -> None:
    for number in range(1000):
        child.send(number)


def test_messages_of_several_threads_are_not_mixed_up() -> None:
    with running("echo") as watched:
        threads = [threading.Thread(target=send_all, args=(watched.child,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        heard = [watched.messages.get(timeout=60) for _ in range(4000)]
    assert sorted(heard) == sorted([*range(1000)] * 4)


def test_one_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    python = sys.executable
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with running("echo", replaced=True) as watched:
        assert watched.ends.get(timeout=60).startswith("cannot be started (No such file")
        monkeypatch.setattr(sys, "executable", python)
        while watched.child.state.state != "running":
            threading.Event().wait(0.05)
        assert watched.child.state.reason == ""
    assert "cannot be started" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_one_that_is_stopped_does_not_outlive_its_parent() -> None:
    """It sees no channel close, and would keep the port for ever."""
    with running("supervise_one_that_is_stopped") as watched:
        grandchild = watched.messages.get()
        assert watched.messages.get() == "stopping"
        status = Path(f"/proc/{grandchild}/status")
        eventually(lambda: "State:\tT" in status.read_text())
        os.kill(watched.child.pid, signal.SIGKILL)
        assert "SIGKILL" in watched.ends.get()
        eventually(lambda: not status.exists() or "State:\tZ" in status.read_text())


def test_a_level_that_one_child_changes_is_changed_in_all_and_in_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_CHANGED", {})
    own = logging.getLogger("tests.level")

    def level(watched: Watched) -> int:
        watched.child.send("tests.level")
        found: int = watched.messages.get(timeout=60)
        return found

    try:
        with running("tell_levels") as other:
            assert level(other) == logging.NOTSET
            with running("change_a_level"):
                eventually(lambda: level(other) == logging.DEBUG)
        assert own.level == logging.DEBUG
        with running("tell_levels") as later:
            assert level(later) == logging.DEBUG
    finally:
        own.setLevel(logging.NOTSET)
