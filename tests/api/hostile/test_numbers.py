"""With extreme integers in every input field, every answer is still valid and no sum is negative."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.api.asking import ask
from tests.api.cluster_answers import following
from tests.api.hostile.numbers import EXTREMES, MIN, check_every_route, with_numbers
from tests.decode.cluster import scm_messages
from tests.decode.cluster.datanode_messages import full_heartbeat, registration
from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, container_info, datanode, deleted_blocks_summary
from tests.decode.om.om_messages import blob, block, directory_info, key_info, location_version, number
from tests.insights.om_samples import RandomDatabase, generation_of
from tests.oracle import Row

from ozone_recon.api.context import AskCluster
from ozone_recon.api.routes.cluster import elections
from ozone_recon.build.insights import ROUNDS
from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.columnar.byte_column import ByteColumn
from ozone_recon.columnar.byte_slices import slices_of_texts
from ozone_recon.config.cluster_settings import Intervals
from ozone_recon.decode.cluster.containers import decode_containers
from ozone_recon.decode.cluster.heartbeats import decode_reports, decode_request
from ozone_recon.decode.cluster.scm import (
    decode_decommission_metrics,
    decode_deleted_blocks_summary,
    decode_node,
    decode_pipeline,
)
from ozone_recon.errors import DecodeError
from ozone_recon.follow.cluster.generation import restore_state, write_state
from ozone_recon.follow.cluster.state import ClusterState, ScmSnapshot
from ozone_recon.insights.containers.health import build as container_health
from ozone_recon.model.cluster import Cluster, DecommissioningDatanode
from ozone_recon.model.container_health import HealthRules
from ozone_recon.model.datanode_reports import Heartbeat
from ozone_recon.model.requests import ClusterRequest, GetPendingBlocks, PendingBlocks, RemoveDatanodes
from ozone_recon.store.generation import Generation, GenerationBuild

AT = 1_795_461_700_000
Replace = Callable[[int], int]
THIRD = MAX_AMOUNT // 3
"""The largest size of a key with three replicas."""


def always(extreme: int) -> Replace:
    return lambda _: extreme


def now_and_then(source: random.Random, share: float) -> Replace:
    return lambda number: source.choice(EXTREMES) if source.random() < share else number


def om_tables(replace: Replace) -> dict[str, list[Row]]:
    return {
        name: [(key, with_numbers(value, replace)) for key, value in rows]
        for name, rows in RandomDatabase(10).tables.items()
    }


class WorldOfNumbers:
    """A cluster whose SCM and datanodes report these numbers; messages that cannot be decoded are omitted."""

    def __init__(self, replace: Replace) -> None:
        self.replace = replace
        self.state = ClusterState(Intervals())
        infos = [container_info(container_id=one, state=1 + 3 * (one % 2)) for one in range(1, 6)]
        infos += [with_numbers(one, replace) for one in infos]
        self.state.containers.put(decode_containers(slices_of_texts(ByteColumn.of(infos)))[1])
        self.state.complete = True
        pipelines = [scm_messages.pipeline(), scm_messages.ec_pipeline()]
        self.state.apply_pipelines(self.readable(decode_pipeline, *pipelines))
        self.state.apply_nodes(self.readable(decode_node, scm_messages.node()))
        for uuid in (NODE, OTHER_NODE):
            for request in (registration(datanode(uuid)), full_heartbeat()):
                self.hear(request)
        leaving = decode_pipeline(scm_messages.pipeline()).members[0]
        progress = decode_decommission_metrics(decommissioning(replace(1)))[0]
        blocks = self.readable(decode_deleted_blocks_summary, deleted_blocks_summary())
        self.state.scm = ScmSnapshot(
            None, AT, (DecommissioningDatanode(leaving, progress, ()),), next(blocks, None), {"CLOSED": replace(1)}
        )

    def readable(self, decode: Callable[[bytes], Any], *messages: bytes) -> Iterator[Any]:
        for message in messages:
            try:
                yield decode(with_numbers(message, self.replace))
            except DecodeError:
                continue

    def hear(self, request: bytes) -> None:
        """Keeps the command field, which selects the message."""
        command, body = request[:2], request[2:]
        try:
            heartbeat = decoded_heartbeat(command + with_numbers(body, self.replace))
        except DecodeError:
            return
        self.state.health.receive(heartbeat, 0.0)
        self.state.apply_report(decode_reports(heartbeat), AT, 0.0)

    def written(self, place: Path) -> Generation:
        with GenerationBuild(place) as build:
            write_state(self.state, self.cluster(), build)
            container_health.rebuild(build, None, HealthRules(), AT)
            build.seal()
        return Generation.open(place)

    def cluster(self) -> Cluster:
        return self.state.cluster(AT, 1.0, (), (), "")


def decoded_heartbeat(request: bytes) -> Heartbeat:
    heartbeat = decode_request(request)
    assert heartbeat is not None
    return heartbeat


def decommissioning(extreme: int) -> bytes:
    names = ("StartTimeDN", "PipelinesWaitingToCloseDN", "UnderReplicatedDN", "UnclosedContainersDN")
    numbers = ",".join(f'"{name}.1":{extreme}' for name in names)
    return f'{{"beans":[{{"DecommissioningMaintenanceNodesTotal":1,"tag.datanode.1":"dn1",{numbers}}}]}}'.encode()


def serving(replace: Replace, place: Path) -> FastAPI:
    world = WorldOfNumbers(replace)
    tables = world.written(place / "scm")

    async def answer(request: ClusterRequest[Any]) -> Any:
        if isinstance(request, RemoveDatanodes):
            return world.state.remove(request, AT, 1e6)
        assert isinstance(request, GetPendingBlocks)
        return PendingBlocks({NODE: MAX_AMOUNT, OTHER_NODE: MAX_AMOUNT}, AT)

    om = generation_of(om_tables(replace), place / "om", rounds=ROUNDS)
    return following(tables, world.cluster(), om, cast("AskCluster", answer))


@pytest.mark.parametrize("extreme", [MAX_AMOUNT, MIN, -1, MAX_AMOUNT // 3, (1 << 31) - 1, 1 << 32])
def test_every_integer_is_the_same_extreme(extreme: int, tmp_path: Path) -> None:
    check_every_route(serving(always(extreme), tmp_path))


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 1 << 32), share=st.sampled_from([0.05, 0.2, 0.5]))
def test_any_integer_is_extreme(seed: int, share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    check_every_route(serving(now_and_then(random.Random(seed), share), tmp_path_factory.mktemp("g")))


def large_tables() -> dict[str, list[Row]]:
    """Returns a bucket of each layout with four keys of THIRD bytes in each table."""
    volume, obs, fso, above, below, gone = ids = range(512, 512 + 6 * 256, 256)
    buckets = {b"fso": (fso, 2), b"obs": (obs, 3)}
    key = key_info(size=THIRD, locations=(location_version(0, [block(1, 5, MAX_AMOUNT)]),))
    part = blob(5, blob(1, b"part") + number(2, 1) + blob(3, key))
    within = b"/%d/%d/" % (volume, fso)
    tables = {
        "volumeTable": [(b"/vol", blob(1, b"root") + blob(2, b"anna") + blob(3, b"vol") + number(8, volume))],
        "bucketTable": [
            (
                b"/vol/" + name,
                blob(1, b"vol") + blob(2, name) + number(4, 0) + number(5, 1) + number(9, own) + number(18, layout),
            )
            for name, (own, layout) in buckets.items()
        ],
        "directoryTable": [
            (within + b"%d/above" % fso, directory_info(name=b"above", object_id=above, parent_id=fso)),
            (within + b"%d/below" % above, directory_info(name=b"below", object_id=below, parent_id=above)),
        ],
        "deletedDirectoryTable": [(within + b"%d/gone/%d" % (fso, gone), key_info(size=0, object_id=gone))],
        "keyTable": [(b"/vol/obs/key%d" % n, key) for n in range(4)],
        "fileTable": [(within + b"%d/file%d" % (one, n), key) for one in (above, below, gone) for n in range(4)],
        "openKeyTable": [(b"/vol/obs/open/%d" % n, key) for n in range(4)],
        "openFileTable": [(within + b"%d/open/%d" % (above, n), key) for n in range(4)],
        "deletedTable": [(b"/vol/obs/deleted/%d" % n, blob(1, key) * 4) for n in range(4)],
        "multipartInfoTable": [
            (b"/vol/obs/key/up", blob(1, b"up") + number(2, 1) + number(3, 1) + number(4, 3) + 4 * part)
        ],
    }
    assert len(set(ids)) == 6
    return {name: sorted(rows) for name, rows in tables.items()}


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        *(
            (f"/namespace/usage?replica=true&path=/{path}", ("size", "sizeWithReplica"))
            for path in ("", "vol", "vol/obs", "vol/fso", "vol/fso/above", "vol/fso/above/below")
        ),
        ("/namespace/quota?path=/vol", ("used", "usedWithReplica")),
        ("/keys/listKeys?startPrefix=/vol/obs", ("replicatedDataSize", "unReplicatedDataSize")),
        ("/keys/open?includeFso=true&includeNonFso=true", ("replicatedDataSize", "unreplicatedDataSize")),
        ("/keys/open/summary", ("totalReplicatedDataSize", "totalUnreplicatedDataSize")),
        ("/keys/open/mpu/summary", ("totalReplicatedDataSize", "totalDataSize")),
        ("/keys/deletePending", ("replicatedDataSize", "unreplicatedDataSize")),
        ("/keys/deletePending/summary", ("totalReplicatedDataSize", "totalUnreplicatedDataSize")),
        ("/keys/deletePending/dirs", ("replicatedDataSize", "unreplicatedDataSize")),
        ("/pendingDeletion?component=om", ("totalSize", "pendingDirectorySize", "pendingKeySize")),
    ],
)
def test_sums_of_large_keys_saturate(large: FastAPI, question: str, fields: tuple[str, ...]) -> None:
    answer = ask(large, f"/api/v1{question}").json()
    assert {field: answer[field] for field in fields} == dict.fromkeys(fields, MAX_AMOUNT)


def test_large_keys_by_owner_and_by_month(large: FastAPI) -> None:
    (owner,) = ask(large, "/api/v1/namespace/owners?path=/").json()["owners"]
    (month,) = ask(large, "/api/v1/namespace/ages?path=/").json()["months"]
    for row in (owner, month):
        assert (row["files"], row["size"], row["sizeWithReplica"]) == (12, MAX_AMOUNT, MAX_AMOUNT)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return following(om=generation_of(large_tables(), tmp_path_factory.mktemp("g") / "om", rounds=ROUNDS))


def test_disks_of_the_largest_size_and_after_a_restart(tmp_path: Path) -> None:
    world = WorldOfNumbers(lambda number: number)
    disk = blob(1, b"DS-1") + blob(2, b"/data") + b"".join(number(field, MAX_AMOUNT) for field in (3, 4, 5, 8, 10))
    for uuid in (NODE, OTHER_NODE):
        extended = blob(1, datanode(uuid)) + blob(2, b"2.2.0")
        world.state.apply_report(
            decode_reports(
                decoded_heartbeat(
                    number(1, 2) + blob(4, blob(1, extended) + blob(2, blob(1, disk) * 2) + blob(3, b"") + blob(4, b""))
                )
            ),
            AT,
            0.0,
        )
    tables = world.written(tmp_path / "scm")
    restored = ClusterState(Intervals())
    restore_state(restored, tables, 0.0)
    for state in (world.state, restored):
        app = following(tables, state.cluster(AT, 1.0, (), (), ""))
        total = ask(app, "/api/v1/clusterState").json()["storageReport"]
        assert (total["capacity"], total["used"], total["filesystemUsed"]) == (MAX_AMOUNT, MAX_AMOUNT, 0)
        rows = ask(app, "/api/v1/datanodes").json()["datanodes"]
        assert [row["storageReport"]["capacity"] for row in rows] == [MAX_AMOUNT] * 2
        distribution = ask(app, "/api/v1/storageDistribution").json()["globalStorage"]
        assert distribution["totalFileSystemCapacity"] == MAX_AMOUNT


def test_what_prometheus_says_of_elections() -> None:
    for text, counted in (("1e300", MAX_AMOUNT), ("NaN", 0), ("+Inf", 0), ("-5", 0), ("7.0", 7)):
        assert elections._number({"value": [0, text]}) == counted


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("date", ["01-01-0001 00:00:00", "12-31-9999 23:59:59"])
def test_the_first_and_the_last_date(large: FastAPI, monkeypatch: pytest.MonkeyPatch, zone: str, date: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        answer = ask(large, f"/api/v1/keys/listKeys?startPrefix=/vol/obs&creationDate={quote(date)}")
    time.tzset()
    assert answer.status_code == 200
