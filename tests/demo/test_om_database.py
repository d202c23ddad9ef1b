"""A simulated OM's log leads from one of its checkpoints to the next, and says when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.demo.a_day import SMALL, Simulated
from tests.sources.captured_deltas import applied, tables_of
from tools.capture.deltas import families_of, sequence_of

from ozone_recon.demo.om.database import OmDatabase
from ozone_recon.errors import RemoteError
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.wire.ozone.om_calls import Updates, UpdatesRequest
from ozone_recon.wire.write_batch.batch import read_write_batch
from ozone_recon.wire.write_batch.net_changes import net_changes


@pytest.fixture
def database(tmp_path: Path) -> Iterator[OmDatabase]:
    made = OmDatabase(tmp_path / "om.db")
    yield made
    made.close()


def starts(updates: Updates) -> list[int]:
    places = zip(updates.batches.starts.tolist(), updates.batches.ends.tolist(), strict=True)
    return [read_write_batch(updates.batches.data[start:end].tobytes()).sequence for start, end in places]


def test_what_is_written_is_read_before_it_is_committed(database: OmDatabase) -> None:
    database.put("keyTable", b"/a/b/1", b"one")
    database.put("keyTable", b"/a/b/2", b"two")
    database.delete("keyTable", b"/a/b/1")
    assert (database.get("keyTable", b"/a/b/1"), database.get("keyTable", b"/a/b/2")) == (None, b"two")
    assert database.sequence_number == 0
    database.commit()
    assert database.sequence_number == 3
    assert database.get("keyTable", b"/a/b/2") == b"two"


def test_rows_that_begin_alike_are_found(database: OmDatabase) -> None:
    for key in (b"/a/b/1", b"/a/b/2", b"/a/b0", b"/a/c/1"):
        database.put("keyTable", key, b"")
    assert [key for key, _ in database.scan("keyTable", b"/a/b/")] == [b"/a/b/1", b"/a/b/2"]
    assert len(list(database.scan("keyTable", b""))) == 4
    assert not list(database.scan("fileTable", b""))


def test_batches_are_given_as_om_gives_them(database: OmDatabase) -> None:
    for size in (3, 2, 4):
        for key in range(size):
            database.put("keyTable", b"%d" % key, b"")
        database.commit()
    assert starts(database.updates(UpdatesRequest(0, None))) == [1, 4, 6]
    assert starts(database.updates(UpdatesRequest(3, None))) == [4, 6]
    assert starts(database.updates(UpdatesRequest(1, None))) == [4, 6], "a batch that is begun is left out"
    assert starts(database.updates(UpdatesRequest(0, 1))) == [1]
    assert starts(database.updates(UpdatesRequest(0, 4))) == [1, 4]
    there = database.updates(UpdatesRequest(3, None))
    assert (there.sequence_number, there.latest_sequence_number, there.success) == (6, 9, True)
    nothing = database.updates(UpdatesRequest(9, 5))
    assert (starts(nothing), nothing.sequence_number, nothing.latest_sequence_number) == ([], -1, 9)
    beyond = database.updates(UpdatesRequest(10, 5))
    assert (beyond.success, beyond.latest_sequence_number) == (False, -1)


def test_what_is_forgotten_is_refused(database: OmDatabase) -> None:
    database.put("keyTable", b"1", b"")
    database.forget()
    with pytest.raises(RemoteError, match="SequenceNumberNotFound"):
        database.updates(UpdatesRequest(0, None))
    assert starts(database.updates(UpdatesRequest(1, None))) == []
    database.put("keyTable", b"2", b"")
    database.commit()
    assert starts(database.updates(UpdatesRequest(1, None))) == [2]


def test_the_log_leads_from_checkpoint_to_checkpoint(tmp_path: Path) -> None:
    cluster = Simulated(tmp_path, SMALL)
    cluster.database.forget()
    cluster.database.checkpoint(tmp_path / "before")
    before = sequence_of(tmp_path / "before")
    cluster.do("load warehouse/events 30 over 2", "load iot/sensors 30 over 2", "upload lake/media film 3")
    cluster.go_on(10)
    cluster.do("snapshot iot/sensors one", "remove iot/sensors berlin", "complete lake/media film")
    cluster.go_on(15)
    cluster.database.checkpoint(tmp_path / "after")
    updates = cluster.database.updates(UpdatesRequest(before, None))
    changes = net_changes(updates.batches, before, families_of(tmp_path / "before"))
    assert changes.last_sequence == sequence_of(tmp_path / "after") == updates.latest_sequence_number
    assert applied(tables_of(tmp_path / "before"), changes) == tables_of(tmp_path / "after")
    with Checkpoint.open(tmp_path / "after") as checkpoint:
        assert checkpoint.reader.startswith("files")
    cluster.close()
