"""Keys of deleted directories in bulk are those that the grammar parses."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.decode.om.batches import path_keys

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.decode.om.deleted_directories import decode_deleted_directories
from ozone_recon.decode.om.keys import DeletedDirectoryKey, encode_text
from ozone_recon.errors import DecodeError

object_ids = st.sampled_from(
    [b"/-9223372036854775808", b"/9223372036854775807", b"/0", b"/9223372036854775808", b"/", b""]
)


@settings(deadline=None)
@given(st.lists(st.tuples(path_keys, object_ids).map(b"".join), max_size=10))
@example([b"/1/2/3/name/-4", b"/1/2/3//-4", b"/1/2/3/a/b/-4", b"/1/2/3/-4", b"/1/2/3/name/", b"", b"/-1/-2/-3/\xff/0"])
def test_keys_decode_as_they_parse(keys: list[bytes]) -> None:
    expected = []
    for row, key in enumerate(keys):
        try:
            parts = DeletedDirectoryKey.parse(key)
        except DecodeError:
            continue
        ids = parts.volume_id, parts.bucket_id, parts.parent_id, parts.object_id
        expected.append((row, *ids, encode_text(parts.name)))
    found = decode_deleted_directories(ByteColumn.of(keys))
    numbers = (found.row, found.volume_id, found.bucket_id, found.parent_id, found.object_id)
    assert list(zip(*(column.tolist() for column in numbers), found.names.items(), strict=True)) == expected
    assert len(found) == len(expected)
