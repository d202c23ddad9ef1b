"""Replicas as columns are those that the readable decoder reads, and a report is refused when it refuses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.cluster.datanode_messages import container_report, replica
from tests.decode.cluster.replica_records import records
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE
from tests.decode.om.batches import damaged, longs, short, unknown_fields
from tests.decode.om.om_messages import blob, number

from ozone_recon.decode.cluster import datanode_reports, replicas
from ozone_recon.decode.cluster.datanode_reports import REPLICA_STATES
from ozone_recon.errors import DecodeError

replica_messages = st.builds(
    replica,
    st.integers(0, 1 << 40) | longs,
    st.integers(1, 7) | longs,
    used=st.none() | longs,
    keys=st.none() | longs,
    sequence=st.none() | longs,
    origin=st.none() | short | st.sampled_from([NODE.encode(), OTHER_NODE.encode()]),
    index=st.none() | st.integers(0, 5) | longs,
    empty=st.sampled_from([None, 0, 1]),
    checksum=st.none() | longs,
    more=unknown_fields,
)
messages = st.lists(replica_messages | st.sampled_from([b"", number(1, 5)]), max_size=6)


def check(report: bytes) -> None:
    """Decodes in both ways, which must agree."""
    try:
        expected = datanode_reports.decode_replicas(report)
    except DecodeError as reason:
        with pytest.raises(DecodeError) as error:
            replicas.decode_replicas(report)
        assert str(error.value) == str(reason)
    else:
        known = tuple(one if one.state in REPLICA_STATES.values() else replace(one, state="0") for one in expected)
        assert records(replicas.decode_replicas(report)) == known


@settings(deadline=None)
@given(messages.map(lambda parts: container_report(*parts)))
def test_columns_are_what_is_read_one_by_one(report: bytes) -> None:
    check(report)


@settings(deadline=None)
@given(damaged(messages.map(lambda parts: container_report(*parts))))
def test_what_is_damaged_is_refused_alike(report: bytes) -> None:
    check(report)


@settings(deadline=None)
@given(st.lists(damaged(replica_messages), max_size=4).map(lambda parts: container_report(*parts)))
def test_what_is_damaged_within_is_refused_alike(report: bytes) -> None:
    check(report)


def test_every_truncation() -> None:
    report = container_report(replica(1), replica(2, index=3, more=blob(300, b"new")))
    for end in range(len(report) + 1):
        check(report[:end])


def test_a_report_of_thousands() -> None:
    report = container_report(
        *(replica(row, 1 + row % 7, used=row, origin=b"origin-%d" % (row % 300)) for row in range(5000))
    )
    columns = replicas.decode_replicas(report)
    assert np.array_equal(columns.container_id, np.arange(5000))
    assert np.array_equal(columns.used_bytes, np.arange(5000))
    assert len(columns.origins) == 300
    assert columns.origins[columns.origin[299]] == "origin-299"


def test_a_datanode_that_has_nothing() -> None:
    assert len(replicas.decode_replicas(b"")) == 0
