"""Datanodes that are heard of, fall silent, and come back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.decode.cluster.sample_datanodes import DATANODE, OTHER_DATANODE
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE

from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.insights.cluster.datanode_health import DatanodeHealth
from ozone_recon.model.datanode_reports import Heartbeat, LayoutVersion, Software

LAYOUT = LayoutVersion(10, 10)
HEARTBEAT = Heartbeat(DATANODE, LAYOUT)
REGISTRATION = replace(HEARTBEAT, software=Software("2.2.0", "", 0))
DEFAULTS = {"stale": 300.0, "dead": 600.0, "check": 3.0, "heartbeat": 30.0, "recon_heartbeat": 60.0}


def registered() -> DatanodeHealth:
    """At time 1000."""
    health = DatanodeHealth(Intervals())
    assert not health.receive(REGISTRATION, 1000.0)
    return health


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Intervals()),
        ({"stale": 1.0}, Intervals(stale=90.0)),
        ({"stale": 1.0, "check": 40.0}, Intervals(stale=200.0)),
        ({"stale": 1e9}, Intervals(3000.0, 6000.0)),
        ({"dead": 1.0}, Intervals()),
        ({"dead": 1e9}, Intervals(dead=300_000.0)),
        ({"recon_heartbeat": 5.0}, Intervals(register=15.0)),
    ],
)
def test_intervals_are_kept_within_bounds(settings: dict[str, float], expected: Intervals) -> None:
    assert Intervals.of(**DEFAULTS | settings) == expected


def test_the_longer_the_silence_the_worse() -> None:
    health = registered()
    at = {now: health.health(NODE, now) for now in (1000.0, 1300.0, 1300.5, 1600.0, 1600.5, 1e9)}
    assert list(at.values()) == ["HEALTHY", "HEALTHY", "STALE", "STALE", "DEAD", "DEAD"]
    assert health.since_heartbeat(NODE, 1300.5) == 300.5
    health.receive(HEARTBEAT, 1e9)
    assert health.health(NODE, 1e9) == "HEALTHY"


def test_an_upgrade_that_is_not_complete() -> None:
    health = registered()
    health.receive(replace(HEARTBEAT, layout=LayoutVersion(9, 10)), 1001.0)
    assert health.health(NODE, 1002.0) == "HEALTHY_READONLY"
    assert health.health(NODE, 1400.0) == "STALE"


def test_who_has_to_register() -> None:
    health = registered()
    assert not health.receive(HEARTBEAT, 1179.0)
    assert health.receive(HEARTBEAT, 1179.0 + 180), "it was silent for long"
    assert health.receive(HEARTBEAT, 1360.0), "it has not yet"
    assert not health.receive(REGISTRATION, 1361.0)
    assert not health.receive(HEARTBEAT, 1362.0)
    assert health.receive(replace(HEARTBEAT, datanode=OTHER_DATANODE), 1362.0)
    assert OTHER_NODE not in health, "nobody is known by a heartbeat alone"


def test_those_known_from_before_and_those_forgotten() -> None:
    health = DatanodeHealth(Intervals())
    health.restore(NODE, LAYOUT, 0.0)
    assert list(health) == [NODE]
    assert health.health(NODE, 1.0) == "HEALTHY"
    assert health.health(NODE, 301.0) == "STALE"
    assert health.receive(HEARTBEAT, 302.0)
    assert health.health(NODE, 303.0) == "HEALTHY"
    health.forget(NODE)
    assert NODE not in health
    with pytest.raises(KeyError):
        health.health(NODE, 303.0)
