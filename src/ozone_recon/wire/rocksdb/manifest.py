"""Reads RocksDB's MANIFEST, the files of each column family, by replaying its log of edits (VersionEdit)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ozone_recon.errors import DecodeError, Unsupported
from ozone_recon.wire.cursor import Cursor
from ozone_recon.wire.rocksdb.log import records

COMPARATOR, LOG_NUMBER, NEXT_FILE, LAST_SEQUENCE, COMPACT_CURSOR, DELETED_FILE = 1, 2, 3, 4, 5, 6
PREVIOUS_LOG, MIN_LOG_TO_KEEP, NEW_FILE = 9, 10, 103
FAMILY, FAMILY_ADD, FAMILY_DROP, MAX_FAMILY, ATOMIC_GROUP = 200, 201, 202, 203, 300
BLOB_FILE, BLOB_GARBAGE = 400, 401
"""A blob file that is added, and how much of one is garbage."""
IGNORABLE: Final = 1 << 13
"""Tags with this bit are followed by a slice and may be skipped when unknown."""
LAST_FIELD, OLDEST_VALUE_FILE, PATH = 1, 4, 65
"""Fields of a new file: the end of its fields; that it has values in blob files; the index of its directory."""
BINDING: Final = 1 << 6
"""Fields of a new file with this bit must not be skipped when unknown."""
BYTEWISE: Final = b"leveldb.BytewiseComparator"
REQUIRED: Final = {
    COMPARATOR: "comparator",
    LOG_NUMBER: "log number",
    NEXT_FILE: "next file number",
    LAST_SEQUENCE: "sequence number",
}
"""Tags that the edits of every database contain, with their names: RocksDB opens no database without them."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A live SST file; `smallest` and `largest` are user keys, both inclusive; `size` is in bytes."""

    number: int
    level: int
    size: int
    smallest: bytes
    largest: bytes


@dataclass(slots=True)
class ColumnFamily:
    """A column family: its id in WriteBatches and its live files, which contain the logs below `log_number`."""

    id: int
    name: str
    log_number: int = 0
    files: dict[int, TableFile] = field(default_factory=dict)


@dataclass(slots=True)
class DatabaseManifest:
    """The state after all edits."""

    families: dict[int, ColumnFamily]
    last_sequence: int = 0
    tags: set[int] = field(default_factory=set)
    """The tags of all edits."""


def read_manifest(data: bytes, *, any_files: bool = False) -> DatabaseManifest:
    """Reads the state after all edits of a MANIFEST.

    DecodeError when an edit is damaged or the edits make no database; Unsupported for an unknown tag and, unless
    `any_files`, for a file that only RocksDB reads.
    """
    manifest = DatabaseManifest({0: ColumnFamily(0, "default")})
    for number, record in enumerate(records(data, torn_tail=False)):
        try:
            _apply(manifest, Cursor(record), any_files)
        except DecodeError as error:
            raise type(error)(f"edit {number} of the MANIFEST: {error}") from None
    if missing := [name for tag, name in REQUIRED.items() if tag not in manifest.tags]:
        raise DecodeError(f"the MANIFEST is empty or truncated: it lacks the {', '.join(missing)}")
    if 0 not in manifest.families:
        raise DecodeError("the MANIFEST drops the default column family")
    return manifest


def _apply(manifest: DatabaseManifest, edit: Cursor, any_files: bool) -> None:
    family_id = 0
    added: str | None = None
    dropped = False
    log_number: int | None = None
    new: list[TableFile] = []
    gone: list[int] = []
    while edit.left:
        tag = edit.varint32()
        manifest.tags.add(tag)
        if tag == COMPARATOR:
            if (name := edit.slice()) != BYTEWISE:
                raise DecodeError(f"unsupported comparator {name!r}: keys are not in byte order")
        elif tag == LOG_NUMBER:
            log_number = edit.varint()
        elif tag == LAST_SEQUENCE:
            manifest.last_sequence = max(manifest.last_sequence, edit.varint())
        elif tag in (NEXT_FILE, PREVIOUS_LOG, MIN_LOG_TO_KEEP, MAX_FAMILY, ATOMIC_GROUP):
            edit.varint()
        elif tag == COMPACT_CURSOR:
            edit.varint32()
            edit.slice()
        elif tag == DELETED_FILE:
            edit.varint32()
            gone.append(edit.varint())
        elif tag == NEW_FILE:
            new.append(_new_file(edit, any_files))
        elif tag == FAMILY:
            family_id = edit.varint32()
        elif tag == FAMILY_ADD:
            added = edit.slice().decode(errors="surrogateescape")
        elif tag == FAMILY_DROP:
            dropped = True
        elif tag & IGNORABLE:
            edit.slice()
        elif any_files and tag in (BLOB_FILE, BLOB_GARBAGE):
            _skip_blob_file(edit, tag)
        else:
            raise Unsupported(f"tag {tag} before byte {edit.at}")
    if added is not None:
        manifest.families[family_id] = ColumnFamily(family_id, added)
    family = manifest.families.get(family_id)
    if family is None:
        raise DecodeError(f"column family {family_id} was never added")
    if log_number is not None:
        family.log_number = log_number
    for number in gone:
        family.files.pop(number, None)
    family.files.update((file.number, file) for file in new)
    if dropped:
        del manifest.families[family_id]


def _new_file(edit: Cursor, any_files: bool) -> TableFile:
    level, number, size = edit.varint32(), edit.varint(), edit.varint()
    smallest, largest = edit.slice(), edit.slice()
    edit.varint()
    edit.varint()
    while (tag := edit.varint32()) != LAST_FIELD:
        edit.slice()
        if any_files:
            continue
        if tag == OLDEST_VALUE_FILE:
            raise Unsupported(f"blob files of file {number}")
        if tag & BINDING and tag != PATH:
            raise Unsupported(f"field {tag} of file {number}")
    if min(len(smallest), len(largest)) < 8:
        raise DecodeError(f"file {number} has a bound of fewer than 8 bytes")
    return TableFile(number, level, size, smallest[:-8], largest[:-8])


def _skip_blob_file(edit: Cursor, tag: int) -> None:
    for _ in ("number", "blobs", "bytes"):
        edit.varint()
    if tag == BLOB_FILE:
        for _ in ("checksum method", "checksum"):
            edit.slice()
    while edit.varint32():
        edit.slice()
