"""Ids in prefixes of FSO rows: as Python's own int reads them, or refused by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.decode.om.id_prefixes import ids_of_prefixes
from ozone_recon.errors import DecodeError

IDS = st.integers(-(1 << 63), (1 << 63) - 1)


@settings(deadline=None)
@given(st.lists(st.tuples(IDS, IDS, IDS)))
def test_the_ids_are_those_of_volume_bucket_and_parent(ids: list[tuple[int, int, int]]) -> None:
    found = ids_of_prefixes(ByteColumn.of(b"/%d/%d/%d/" % of for of in ids))
    assert list(zip(*(column.tolist() for column in found), strict=True)) == ids


@pytest.mark.parametrize(
    "bad", [b"", b"/1/2/3", b"/1/2/3/4", b"/1/2/", b"/1//3/", b"/1/x/3/", b"/1/2/9223372036854775808/"]
)
def test_what_is_no_prefix_is_refused_by_name(bad: bytes) -> None:
    with pytest.raises(DecodeError, match=r"is not /volumeId/bucketId/parentId/") as refused:
        ids_of_prefixes(ByteColumn.of([b"/1/2/3/", bad]))
    assert repr(bad) in str(refused.value)
