"""OM's changes are applied; a checkpoint is taken if they cannot be, and never in a loop."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.build.generations import assert_same, built
from tests.eventually import eventually
from tests.follow.om.om_stand_in import Om, Served, deltas, om
from tests.sources.om_log_stand_in import Ahead, StandIn
from tests.sources.rpc_stand_in import QUICK
from tools.capture.deltas import Deltas, sequence_of

from ozone_recon.build.contents import CheckpointContents
from ozone_recon.errors import CheckpointCause, CheckpointNeeded, TransferError
from ozone_recon.follow.om import sync as om_sync
from ozone_recon.follow.om.sync import OmSync
from ozone_recon.server.http import served_from
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.store.data_directory import DataDirectory
from ozone_recon.store.manifest import TaskStatus
from ozone_recon.store.schema import CHANGED

__all__ = ["deltas", "om"]
"""Fixtures."""


def test_applied_changes_equal_the_next_checkpoint(om: Om, deltas: Deltas, tmp_path: Path) -> None:
    served = Served()
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, served) as sync:
        first = sync.synchronise()
        assert first.sequence_number == sequence_of(deltas.before)
        for batches in (1, len(om.all_batches) // 2, len(om.all_batches)):
            om.writes(batches)
            sync.follow()
        last = directory.current()
        assert last is served[-1]
        with Checkpoint.open(deltas.after) as after:
            assert_same(last, built(tmp_path / "after", CheckpointContents(after, 1)))
            raw = served_from(last)
            for table in ("keyTable", "fileTable", "directoryTable"):
                for rows in after.scan(table, lambda rows: list(zip(rows.keys, rows.values, strict=True))):
                    assert all(raw.om_row(table, key) == value for key, value in rows)
            for name in (name for name in last.tables if name.startswith(CHANGED)):
                changed = last.table(name)
                for key in (changed.bytes("key")[row] for row in changed["deleted"].nonzero()[0].tolist()):
                    assert raw.om_row(name.removeprefix(CHANGED), key) is None
            raw.close()
        assert (len(served), sync.state.built, sync.state.applied, om.checkpoints) == (4, 4, 3, 1)
        tasks = {task.name: task for task in sync.tasks()}
        assert list(tasks)[:3] == ["OmSnapshotRequest", "OmDeltaRequest", "REPROCESS_STAGING"]
        assert tasks["REPROCESS_STAGING"].sequence_number == first.sequence_number
        numbers = {task.sequence_number for name, task in tasks.items() if name != "REPROCESS_STAGING"}
        assert numbers == {sequence_of(deltas.after)}
        assert [task.name for task in tasks.values() if task.running or task.status] == []


def test_nothing_new_builds_nothing_and_is_fresh(om: Om, tmp_path: Path) -> None:
    served = Served()
    om.writes(0)
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, served) as sync:
        sync.synchronise()
        om.log.batches = om.all_batches
        sync.follow()
        before, current = sync.state.checked_at, directory.current()
        assert current is not None
        assert before > current.taken_at - 1
        time.sleep(0.01)
        assert sync.follow() is served[-1]
        assert sync.state.checked_at > before
        assert (len(served), sync.state.lag, sync.state.doing) == (2, 0, "idle")


@pytest.mark.parametrize("threshold", [0, 1 << 40])
def test_an_om_that_says_it_is_further_and_gives_nothing_is_not_fresh(om: Om, tmp_path: Path, threshold: int) -> None:
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, Served(), threshold=threshold) as sync:
        sync.synchronise()
        before = sync.state.checked_at
        om.log.__class__, batches = Ahead, om.log.batches
        if threshold:
            sync.follow()
            assert sync.state.lag > 0
        else:
            with pytest.raises(CheckpointNeeded, match="but returns no changes after"):
                sync.follow()
        assert sync.state.checked_at == before
        om.log.__class__, om.log.batches = StandIn, batches
        sync.follow()
        assert sync.state.checked_at > before


def test_a_build_process_waits_for_changes(om: Om, tmp_path: Path) -> None:
    def followed(batches: int) -> int:
        om.writes(batches)
        assert sync.follow() is served[-1]
        assert sync.builder.waiting
        return sync.builder.state.pid

    served = Served()
    om.writes(0)
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, served) as sync:
        sync.synchronise()
        first = followed(1)
        assert followed(1) == followed(2) == first
        os.kill(first, signal.SIGKILL)
        eventually(lambda: not sync.builder.waiting)
        assert followed(3) != first
        assert (sync.state.applied, sync.state.failures, om.checkpoints) == (3, 0, 1)


def test_it_goes_on_from_what_was_there_before(om: Om, deltas: Deltas, tmp_path: Path) -> None:
    served = Served()
    om.writes(3)
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, served) as sync:
        sync.synchronise()
        sync.follow()
    om.writes(len(om.all_batches))
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, served, interval=0.05) as sync:
        sync.start()
        assert eventually(lambda: served[-1].sequence_number == sequence_of(deltas.after))
    assert om.checkpoints == 1


def test_a_requested_checkpoint_is_taken_once(om: Om, tmp_path: Path) -> None:
    om.writes(len(om.all_batches))
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, Served(), interval=0.05) as sync:
        sync.start()
        assert eventually(lambda: sync.state.applied == 1)
        assert eventually(lambda: sync.trigger(checkpoint=True))
        assert eventually(lambda: sync.state.applied == 2), "changes are followed from the new checkpoint"
        assert (om.checkpoints, sync.state.built) == (2, 4)
        assert (sync.state.needed.total(), sync.state.failures) == (0, 0)


@pytest.mark.parametrize(
    "trouble", ["another leads", "purged", "restored", "went on since", "another family", "other settings"]
)
def test_a_checkpoint_is_taken_once_if_changes_cannot_be_applied(
    om: Om, deltas: Deltas, tmp_path: Path, trouble: str
) -> None:
    served = Served()
    with DataDirectory.lock(tmp_path / "data") as directory:
        om.writes(3)
        with om.sync(directory, served) as sync:
            sync.synchronise()
            sync.follow()
        settings = {"interval": 0.05}
        om.writes(len(om.all_batches))
        match trouble:
            case "another leads":
                om.leader = "om2"
            case "purged":
                om.log.first = 20
            case "restored":
                om.writes(1)
            case "went on since":
                changed = om.all_batches[2]
                om.log.batches = [*om.all_batches[:2], changed[:-1] + bytes([changed[-1] ^ 1]), *om.all_batches[3:]]
            case "another family":
                batch = bytearray(om.all_batches[3])
                assert batch[12] in (4, 5)
                batch[13] = 99
                om.log.batches = [*om.all_batches[:3], bytes(batch)]
            case "other settings":
                settings["filesystem_paths"] = True
        om.state = "after"
        om.has_all_changes_after_checkpoint = trouble not in ("restored", "another leads")
        with om.sync(directory, served, **settings) as sync:
            sync.start()
            assert eventually(lambda: om.checkpoints == 2 and served[-1].sequence_number == sequence_of(deltas.after))
            assert set(sync.state.needed) == {CAUSES[trouble]}
            # An OM that was restored has not reached the new checkpoint either, and the cause may change meanwhile.
            assert eventually(
                lambda: next(iter(sync.tasks())).message == f"The last checkpoint was needed: {sync.state.cause}"
            )
            if trouble in ("restored", "another leads"):
                assert eventually(lambda: sync.state.needed.total() == 2), (
                    "changes cannot be applied to the new checkpoint either"
                )

                def failed() -> bool:
                    delta = next(task for task in sync.tasks() if task.name == "OmDeltaRequest")
                    return (delta.status, delta.running, delta.message) == (-1, False, sync.state.cause)

                assert eventually(failed)
                time.sleep(0.3)
                assert om.checkpoints == 2, "and so the next one waits"
                assert served[-1] is directory.current()
            else:
                asked = len(om.log.asked)
                assert eventually(lambda: len(om.log.asked) > asked + 2)
                assert (om.checkpoints, sync.state.needed.total()) == (2, 1)
            assert sync.state.cause


CAUSES = {
    "another leads": CheckpointCause.ANOTHER_OM,
    "went on since": CheckpointCause.OM_RESTORED,
    "purged": CheckpointCause.GAP,
    "restored": CheckpointCause.GAP,  # An OM says no more than that it has not got so far.
    "another family": CheckpointCause.COLUMN_FAMILY,
    "other settings": CheckpointCause.SETTINGS,
}


def test_an_om_that_does_not_answer_calls_is_read_by_checkpoints(
    om: Om, deltas: Deltas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ozone_recon")
    monkeypatch.setattr(om_sync, "ELECTION_PAUSE", 0.01)
    served = Served()
    with DataDirectory.lock(tmp_path / "data") as directory:
        with om.sync(directory, served) as sync:
            sync.synchronise()
        om.address, om.state = "127.0.0.1:1", "after"
        with om.sync(directory, served, interval=0.01) as sync:
            with pytest.raises(TransferError):
                sync.follow()
            delta = next(task for task in sync.tasks() if task.name == "OmDeltaRequest")
            assert (delta.status, delta.running, delta.message) == (-1, False, str(sync.state.error))
            assert isinstance(sync.state.error, TransferError)
            assert directory.current() is served[-1]
            sync.start()
            assert eventually(lambda: served[-1].sequence_number == sequence_of(deltas.after))
            assert sync.state.needed == {CheckpointCause.NO_RESPONSE: 1}
            assert eventually(lambda: any("again after 3 failures" in one.getMessage() for one in caplog.records))
            assert "cannot read OM's changes" in sync.state.cause


def test_the_reason_of_a_delay_is_shown_during_a_poll(om: Om, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def delta(sync: OmSync) -> TaskStatus:
        return next(task for task in sync.tasks() if task.name == "OmDeltaRequest")

    with DataDirectory.lock(tmp_path / "data") as directory:
        with om.sync(directory, Served()) as sync:
            sync.synchronise()
        om.address = "127.0.0.1:1"
        monkeypatch.setattr("tests.follow.om.test_following.QUICK", replace(QUICK, retry_for=3600))
        with om.sync(directory, Served(), interval=0.01) as sync:
            sync.start()
            assert eventually(lambda: "127.0.0.1:1 cannot be reached" in delta(sync).message)
            assert (delta(sync).running, delta(sync).status) == (True, 0)


def test_too_many_changed_rows_are_a_reason_for_a_checkpoint(
    om: Om, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DataDirectory.lock(tmp_path / "data") as directory, om.sync(directory, Served()) as sync:
        sync.synchronise()
        sync.follow()
        sync.follow()
        monkeypatch.setattr(om_sync, "MIN_CHANGED_BYTES", 0)
        monkeypatch.setattr(om_sync, "MAX_CHANGED_SHARE", 0)
        with pytest.raises(CheckpointNeeded, match="bytes of rows have changed"):
            sync.follow()
