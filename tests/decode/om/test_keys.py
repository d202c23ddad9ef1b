"""Key grammars: parse and format are each other's inverse, and what has another form is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozone_recon.decode.om import keys
from ozone_recon.errors import DecodeError
from ozone_recon.wire.protobuf.fields import to_text

MIN, MAX = -(1 << 63), (1 << 63) - 1

longs = st.integers(MIN, MAX)
texts = st.binary(min_size=1, max_size=12).map(to_text)
names = st.binary(min_size=1, max_size=12).map(lambda raw: to_text(raw.replace(b"/", b"_")))

every_key = st.one_of(
    st.builds(keys.VolumeKey, names),
    st.builds(keys.BucketKey, names, names),
    st.builds(keys.ObjectKey, names, names, texts | st.just("")),
    st.builds(keys.OpenKey, names, names, texts, names),
    st.builds(keys.MultipartKey, names, names, texts, names),
    st.builds(keys.PathKey, longs, longs, longs, names),
    st.builds(keys.OpenFileKey, longs, longs, longs, names, names),
    st.builds(keys.DeletedDirectoryKey, longs, longs, longs, names, longs),
    st.builds(lambda *parts: keys.DeletedKey("/" + "/".join(parts[:3]), parts[3]), names, names, texts, longs),
    st.builds(keys.MultipartPartKey, texts, st.integers(-(1 << 31), (1 << 31) - 1)),
    st.builds(keys.SnapshotKey, names, names, names),
    st.builds(keys.RenamedKey, names, names, longs),
    st.builds(keys.CompactionLogKey, st.integers(0, 10**19 - 1), st.integers(0, MAX)),
)


@given(every_key)
def test_a_key_formats_and_parses_back(key: Any) -> None:
    assert type(key).parse(key.format()) == key


@given(st.binary(max_size=30), every_key)
def test_any_bytes_parse_and_format_back_or_are_refused(data: bytes, kind: Any) -> None:
    try:
        parsed = type(kind).parse(data)
    except DecodeError as error:
        assert "does not have the form" in str(error)
    else:
        assert parsed.format() == data


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        (b"/vol1/obs/a/b//c", keys.ObjectKey("vol1", "obs", "a/b//c")),
        (b"/vol1/legacy/dir/", keys.ObjectKey("vol1", "legacy", "dir/")),
        (b"/vol1/obs/", keys.ObjectKey("vol1", "obs", "")),
        (b"/v/b/dir/key/117673134967751102", keys.OpenKey("v", "b", "dir/key", "117673134967751102")),
        (b"/v/b/k//01a2-77", keys.MultipartKey("v", "b", "k/", "01a2-77")),
        (b"/-9223372036854775808/0/512/file", keys.PathKey(MIN, 0, 512, "file")),
        (b"/-1/-2/-3/open/01a2-77", keys.OpenFileKey(-1, -2, -3, "open", "01a2-77")),
        (b"/-1/-2/-3/dir/-4", keys.DeletedDirectoryKey(-1, -2, -3, "dir", -4)),
        (b"/v/b/dir/key2/-9223372036854772224", keys.DeletedKey("/v/b/dir/key2", -9223372036854772224)),
        (b"/v/b/12", keys.DeletedKey("/v/b/12", None)),
        (b"/v/b/key", keys.DeletedKey("/v/b/key", None)),
        (b"id-1/\x00\x00\x00\x2f", keys.MultipartPartKey("id-1", 47)),
        (b"a/b/\xff\xff\xff\xff", keys.MultipartPartKey("a/b", -1)),
        (b"/v/b/snap1", keys.SnapshotKey("v", "b", "snap1")),
        (b"/v/b/-5", keys.RenamedKey("v", "b", -5)),
        (b"0000000000000001840-1795459185920", keys.CompactionLogKey(1840, 1795459185920)),
    ],
)
def test_known_keys(key: bytes, parsed: Any) -> None:
    assert type(parsed).parse(key) == parsed
    assert parsed.format() == key


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (keys.VolumeKey, b"vol1"),
        (keys.VolumeKey, b"/"),
        (keys.VolumeKey, b"/vol1/"),
        (keys.BucketKey, b"/vol1"),
        (keys.BucketKey, b"/vol1/"),
        (keys.BucketKey, b"/vol1/b/"),
        (keys.ObjectKey, b"/vol1/b"),
        (keys.OpenKey, b"/v/b/key"),
        (keys.OpenKey, b"/v/b/key/"),
        (keys.PathKey, b"/1/2/3/a/b"),
        (keys.PathKey, b"/1/2/3/"),
        (keys.PathKey, b"/1/02/3/a"),
        (keys.OpenFileKey, b"/1/2/3/a"),
        (keys.DeletedDirectoryKey, b"/1/2/3/a/x"),
        (keys.DeletedDirectoryKey, b"/1/2/3/4"),
        (keys.MultipartPartKey, b"id/\x00\x00\x00"),
        (keys.MultipartPartKey, b""),
        (keys.RenamedKey, b"/v/b/name"),
        (keys.CompactionLogKey, b"1840-5"),
    ],
)
def test_another_form_is_refused(kind: Any, key: bytes) -> None:
    with pytest.raises(DecodeError, match="does not have the form"):
        kind.parse(key)


@given(longs)
def test_an_id_is_what_java_prints(number: int) -> None:
    assert keys.parse_id(b"%d" % number) == number


@pytest.mark.parametrize("text", [b"", b"-", b"+1", b"01", b"-0", b" 1", b"9223372036854775808", b"1_0"])
def test_what_java_does_not_print_is_no_id(text: bytes) -> None:
    assert keys.parse_id(text) is None
