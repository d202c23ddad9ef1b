"""A simulated cluster goes through its day, and all it has adds up at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.demo.a_day import BEGAN, SMALL, Simulated
from tests.demo.accounts import check

from ozone_recon.demo.script.day import SCRIPT, Day, Event, read_script
from ozone_recon.errors import BadRequest
from ozone_recon.model.scm import ContainerState

QUIET = replace(SMALL, load=0.2)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Simulated]:
    simulated = Simulated(tmp_path, QUIET, read_script(SCRIPT.read_text()))
    yield simulated
    simulated.close()


def test_a_day_and_the_next_morning(cluster: Simulated, caplog: pytest.LogCaptureFixture) -> None:
    seen: set[str] = set()
    scm = cluster.world.scm

    def look() -> None:
        seen.update(one.health for one in scm.datanodes)
        seen.update(one.details.op_state for one in scm.datanodes)
        for container in range(1, len(scm.containers) + 1):
            evaluated = scm.replication.evaluate(container)
            living = scm.containers.state(container) in (ContainerState.CLOSED, ContainerState.QUASI_CLOSED)
            if living and evaluated.missing:
                seen.add("under-replicated" if evaluated.sources else "missing")
            if living and evaluated.surplus:
                seen.add("over-replicated")
        seen.update(ContainerState(int(state)).name for state in set(scm.containers.column("state")))

    with caplog.at_level(logging.WARNING):
        for _ in range(7):
            for _ in range(16):
                cluster.go_on(SMALL.hour / 4)
                look()
            check(cluster)
    assert not caplog.records
    assert {"STALE", "DEAD", "DECOMMISSIONED", "IN_MAINTENANCE", "QUASI_CLOSED", "DELETED"} <= seen
    assert {"under-replicated", "over-replicated", "missing"} <= seen
    assert any("quota" in why for why in cluster.refused)


def test_the_same_seed_gives_the_same_day(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        simulated = Simulated(tmp_path / name, QUIET, read_script(SCRIPT.read_text()))
        simulated.go_on(60)
        scm = simulated.world.scm
        rows = [
            row for table in ("keyTable", "fileTable", "bucketTable") for row in simulated.database.scan(table, b"")
        ]
        found.append((rows, [scm.containers.holders(one + 1) for one in range(len(scm.containers))]))
        simulated.close()
    assert found[0] == found[1]


def test_a_script_is_gone_through_day_by_day() -> None:
    done: list[tuple[str, float]] = []
    events = read_script("# what happens\n12:30 kill dn-1  # at noon\n00:00 start dn-2\n")
    day = Day(events, 48, BEGAN, lambda command, when: done.append((command, when % 86_400)))
    for second in range(49):
        day.step(BEGAN + second)
    assert done == [("start dn-2", 0), ("kill dn-1", 45_000), ("start dn-2", 0)]
    assert str(Event(45_000, "kill dn-1")) == "12:30 kill dn-1"


@pytest.mark.parametrize("line", ["kill dn-1", "25:00 kill dn-1", "12:61 kill", "1:00 kill dn-1"])
def test_a_line_without_its_time_is_refused(line: str) -> None:
    with pytest.raises(BadRequest, match="line 2 of the script"):
        read_script(f"\n{line}")
