"""A database that does not prove itself whole is refused, by a sentence that names the file, and never served empty."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from rocksdict import Options, Rdict
from tests.sources.checkpoint.samples import MARKER
from tests.wire.rocksdb.samples import log_of

from ozone_recon.errors import CheckpointError
from ozone_recon.sources.checkpoint.fetch import from_directory
from ozone_recon.sources.checkpoint.files import check_tables
from ozone_recon.sources.rocksdb.checkpoint import Checkpoint
from ozone_recon.wire.rocksdb.log import records


@pytest.fixture
def database(sample_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_checkpoint, tmp_path / "om.db"))


def manifest_in(database: Path) -> Path:
    return database / (database / "CURRENT").read_text().strip()


def refuses(database: Path, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        from_directory(database)


@pytest.mark.parametrize(
    ("current", "said"),
    [
        (b"", "CURRENT is damaged: it contains ''"),
        (b"MANIFEST-000005", "CURRENT is damaged: it contains 'MANIFEST-000005'"),
        (b"MANIFEST-000004\n", "CURRENT names MANIFEST-000004, which does not exist"),
        (b"MANIFEST-../../x\n", "CURRENT is damaged"),
        (b"\0\xff\n", "CURRENT is damaged"),
    ],
)
def test_a_current_that_names_no_manifest(database: Path, current: bytes, said: str) -> None:
    (database / "CURRENT").write_bytes(current)
    refuses(database, said)
    with pytest.raises(CheckpointError, match=said):
        Checkpoint.open(database)


def test_an_empty_manifest_is_no_empty_database(database: Path) -> None:
    manifest_in(database).write_bytes(b"")
    refuses(database, "MANIFEST-000005 is damaged .* empty or truncated")
    readers: tuple[Literal["any", "files", "rocksdb"], ...] = ("any", "files", "rocksdb")
    for reader in readers:
        with pytest.raises(CheckpointError):
            Checkpoint(database, reader)


@pytest.mark.parametrize("marked", [True, False])
def test_a_manifest_cut_after_any_edit_is_refused(database: Path, marked: bool) -> None:
    """One that OM sent; of a copy, those that lack a table."""
    if not marked:
        (database / MARKER).unlink()
    manifest = manifest_in(database)
    edits = list(records(manifest.read_bytes(), torn_tail=False))
    with_all_tables = max(n for n, edit in enumerate(edits) if b"bucketTable" in edit)
    # The last edits name no file.
    naming = 1 + max(n for n, edit in enumerate(edits) if b".sst" in edit or b"\x67" in edit)
    for count in range(naming - 1 if marked else with_all_tables):
        manifest.write_bytes(log_of(edits[:count]))
        refuses(database, "is incomplete")


def test_a_missing_or_short_table_file_is_named(database: Path) -> None:
    file = max(database.glob("*.sst"))
    file.write_bytes(file.read_bytes()[:-1])
    refuses(database, f"{file.name}, a table file of .*, has .* bytes instead of")
    file.unlink()
    refuses(database, f"{file.name}, a table file of .*, is missing")


def test_a_database_that_is_no_om_s_is_refused(tmp_path: Path) -> None:
    database = Rdict(str(tmp_path / "scm.db"), Options(raw_mode=True))
    database.create_column_family("containers", Options(raw_mode=True)).close()
    database.close()
    refuses(tmp_path / "scm.db", "its MANIFEST lacks userTable, volumeTable, .* which every OM has")
    # RocksDB's own reader is held to the same.
    with (
        Checkpoint(tmp_path / "scm.db", "rocksdb") as checkpoint,
        pytest.raises(CheckpointError, match="which every OM has"),
    ):
        check_tables(checkpoint.column_families, "scm.db")


def test_a_log_that_is_missing_between_two_is_noticed(tmp_path: Path) -> None:
    options = Options(raw_mode=True)
    source = tmp_path / "source"
    database = Rdict(str(source), options)
    other = database.create_column_family("other", options)
    for turn in range(4):
        # The rows of the default column family stay in the logs, and a new log begins.
        database[b"kept%d" % turn] = b"x"
        other[b"flushed%d" % turn] = b"x"
        other.flush()
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    other.close()
    database.close()
    logs = sorted(copy.glob("*.log"))
    manifest = manifest_in(copy)
    edits = list(records(manifest.read_bytes(), torn_tail=False))
    with Checkpoint.open(copy) as checkpoint:
        assert checkpoint.get("default", b"kept1") == b"x"
    # As if the MANIFEST had been copied before the rest was.
    flushed = [n for n, edit in enumerate(edits) if b"flushed" in edit]
    manifest.write_bytes(log_of(edits[: flushed[0]]))
    logs[1].unlink()
    with pytest.raises(
        CheckpointError, match=f"{logs[2].name} continues with change .*: a log is missing or truncated"
    ):
        Checkpoint.open(copy)


@pytest.mark.parametrize("packed", [False, True], ids=["directory", "tar"])
def test_open_says_it_in_a_line(database: Path, tmp_path: Path, packed: bool) -> None:
    manifest_in(database).write_bytes(b"")
    given = database
    if packed:
        given = tmp_path / "om.tar"
        subprocess.run(["tar", "cf", given, "-C", tmp_path, "om.db"], check=True)
    command = [
        sys.executable,
        "-m",
        "ozone_recon",
        "open",
        str(given),
        "--data-dir",
        str(tmp_path / "data"),
        "--no-serve",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 6
    assert "MANIFEST-000005 is damaged" in done.stderr
    assert "Traceback" not in done.stderr
