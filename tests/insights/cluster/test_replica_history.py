"""Replicas that come, change and go: the columns hold what a plain table of the same reports does."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decode.cluster.datanode_messages import container_report, replica
from tests.decode.cluster.replica_records import records
from tests.decode.cluster.sample_datanodes import OTHER_DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE
from tests.insights.cluster.drawn_replicas import HEARTBEAT, Row, heartbeats, rows

from ozone_recon.decode.cluster.heartbeats import decode_reports
from ozone_recon.insights.cluster.merged_ids import narrowed
from ozone_recon.insights.cluster.replica_history import ReplicaHistory, SeenReplicas
from ozone_recon.model.datanode_reports import Heartbeat, Replica


def add(table: dict[int, Row], replicas: tuple[Replica, ...], at: int, *, whole: bool) -> None:
    """The plain way to do it."""
    if whole:
        for known in table.values():
            known.present = False
    for one in {one.container_id: one for one in replicas}.values():
        row = table.get(one.container_id)
        if one.state == "DELETED":
            if row is not None:
                row.present = False
                row.replica = replace(row.replica, state="DELETED")
        elif row is None:
            table[one.container_id] = Row(one, at, at)
        else:
            row.replica, row.last_seen, row.present = one, at, True


@settings(deadline=None)
@given(st.lists(heartbeats, max_size=6))
def test_columns_hold_what_a_plain_table_does(said: list[Heartbeat]) -> None:
    history = ReplicaHistory()
    table: dict[int, Row] = {}
    for at, heartbeat in enumerate(said, 1_700_000_000_000):
        reports = decode_reports(heartbeat)
        history.add(reports, at)
        if reports.containers is not None:
            add(table, records(reports.containers), at, whole=True)
        for increment in reports.increments:
            add(table, records(increment), at, whole=False)
        replicas = history.of_datanode(NODE)
        assert rows(replicas) == table
        assert replicas.container_id.tolist() == sorted(table)
        assert set(replicas.origins) == {row.replica.origin for row in table.values()}


def said(*containers: int, state: int = 4) -> bytes:
    return container_report(*(replica(one, state) for one in containers))


def history_of(*heartbeats: Heartbeat, gone_kept: int = 5000) -> ReplicaHistory:
    """One at each ms."""
    history = ReplicaHistory(gone_kept)
    for at, heartbeat in enumerate(heartbeats):
        history.add(decode_reports(heartbeat), at)
    return history


def test_who_has_and_had_a_container() -> None:
    history = history_of(
        replace(HEARTBEAT, containers=said(1, 2, 3)),
        replace(HEARTBEAT, datanode=OTHER_DATANODE, containers=said(3, 4)),
        replace(HEARTBEAT, increments=(said(1, state=7), said(5, state=1), said(6, state=7))),
        replace(HEARTBEAT, datanode=OTHER_DATANODE, containers=said(4)),
    )
    states = {one: row.replica.state for one, row in rows(history.of_datanode(NODE)).items()}
    assert states == {1: "DELETED", 2: "CLOSED", 3: "CLOSED", 5: "OPEN"}
    of_other = {one: row.present for one, row in rows(history.of_datanode(OTHER_NODE)).items()}
    assert of_other == {3: False, 4: True}
    history.retire(NODE)
    assert not any(row.present for row in rows(history.all()[NODE]).values())
    again = ReplicaHistory()
    again.restore(history.all())
    assert rows(again.of_datanode(OTHER_NODE)) == rows(history.of_datanode(OTHER_NODE))


def test_what_changes_the_health_of_a_container() -> None:
    history = ReplicaHistory()

    def add(report: bytes) -> bool:
        return history.add(decode_reports(replace(HEARTBEAT, containers=report)), 0)

    assert add(said(1, 2))
    assert not add(said(1, 2))
    assert not add(container_report(replica(1, used=5), replica(2, keys=5)))
    assert add(container_report(replica(1, 5), replica(2))), "a state"
    assert add(said(1)), "one has gone"


def test_of_those_gone_the_last_ones_seen_are_kept() -> None:
    history = history_of(
        replace(HEARTBEAT, containers=said(1, 2, 3, 4, 5, 6)),
        replace(HEARTBEAT, containers=said(2, 4, 5, 6)),
        replace(HEARTBEAT, containers=said(2, 5, 6)),
        replace(HEARTBEAT, containers=said(6)),
        gone_kept=3,
    )
    found = rows(history.of_datanode(NODE))
    assert {one: row.present for one, row in found.items()} == {2: False, 4: False, 5: False, 6: True}


@pytest.mark.parametrize(
    ("least", "most", "kind"),
    [
        (0, 255, "u1"),
        (-1, 127, "i1"),
        (-1, 128, "i2"),
        (0, 65535, "u2"),
        (0, 1 << 16, "u4"),
        (-1, 1 << 16, "i4"),
        (0, 1 << 32, "i8"),
        (-(1 << 63), (1 << 63) - 1, "i8"),
    ],
)
def test_the_narrowest_numbers(least: int, most: int, kind: str) -> None:
    found = narrowed(np.array([least, most]))
    assert (found.dtype, found.tolist()) == (np.dtype(kind), [least, most])


def test_a_replica_takes_few_bytes() -> None:
    report = container_report(
        *(
            replica(1 + row, used=row << 20, keys=row % 3000, sequence=row << 10, checksum=(row * 7919) % (1 << 32))
            for row in range(70_000, 75_000)
        )
    )
    history = ReplicaHistory()
    history.add(decode_reports(replace(HEARTBEAT, containers=report)), 1_700_000_000_000)
    replicas = history.of_datanode(NODE)
    taken = sum(getattr(replicas, field.name).nbytes for field in fields(SeenReplicas) if field.name != "origins")
    assert taken <= 48 * len(replicas)
