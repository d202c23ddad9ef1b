"""Small databases and tars of them, for the tests of where checkpoints come from."""

import io
import tarfile
from pathlib import Path

from rocksdict import Options, Rdict

from ozone_recon.sources.checkpoint.files import TABLES_OF_EVERY_OM

MARKER = "OZONE_RATIS_SNAPSHOT_COMPLETE"


def make_database(path: Path) -> Path:
    """An OM's RocksDB with two table files and no WAL to speak of, as a checkpoint is."""
    options = Options(raw_mode=True)
    database = Rdict(str(path), options)
    for table in TABLES_OF_EVERY_OM:
        database.create_column_family(table, options).close()
    for batch in (b"a", b"b"):
        for number in range(200):
            database[batch + b"%04d" % number] = batch * 50
        database.flush()
    database.close()
    (path / "LOCK").unlink()
    return path


def files_of(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def tar_of(files: dict[str, bytes], *, marker: bool = True) -> bytes:
    """What OM's /dbCheckpoint sends: flat names, PAX headers, the marker last."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in {**files, **({MARKER: b""} if marker else {})}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.pax_headers = {"mtime": "1795458715.783", "ctime": "1795458715.783"}
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()
