"""An independent encoder of what datanodes send, for tests."""

from __future__ import annotations

from tests.decode.cluster.scm_messages import NODE, OTHER_NODE, PIPELINE, datanode, pipeline_id
from tests.decode.om.om_messages import blob, number


def storage(more: bytes = b"") -> bytes:
    numbers = b"".join(number(field, 100 + field) for field in (3, 4, 5, 8, 9, 10, 11, 12))
    return blob(1, b"DS-1") + blob(2, b"/data/hdds") + numbers + number(6, 2) + number(7, 1) + more


def node_report() -> bytes:
    return blob(1, storage()) + blob(1, blob(1, b"DS-2") + blob(2, b"/data2/hdds")) + blob(2, blob(1, b"/meta"))


def replica(
    container_id: int | None = 7,
    state: int | None = 4,
    *,
    size: int | None = 5 << 30,
    used: int | None = 3 << 30,
    keys: int | None = 12,
    sequence: int | None = 46,
    origin: bytes | None = NODE.encode(),
    index: int | None = None,
    empty: int | None = 0,
    checksum: int | None = 4_028_331_014,
    more: bytes = b"",
) -> bytes:
    return (
        number(1, container_id)
        + number(2, state)
        + number(3, size)
        + number(4, used)
        + number(5, keys)
        + b"".join(number(field, field) for field in (6, 7, 8, 9, 11))
        + number(12, sequence)
        + blob(13, origin)
        + number(14, index)
        + number(15, empty)
        + number(16, checksum)
        + more
    )


def container_report(*replicas: bytes) -> bytes:
    return b"".join(blob(1, one) for one in replicas)


def pipeline_reports() -> bytes:
    return blob(1, blob(1, pipeline_id()) + number(2, 1) + number(3, 5)) + blob(
        1, blob(1, blob(1, PIPELINE.encode())) + number(2, 0)
    )


def pipeline_actions() -> bytes:
    close = blob(1, pipeline_id()) + number(3, 1) + blob(4, b"follower is slow")
    return blob(1, number(1, 1) + blob(2, close)) + blob(1, number(1, 2))


def container_actions() -> bytes:
    return blob(1, number(1, 7) + number(2, 1) + number(3, 1)) + blob(1, number(1, 8) + number(2, 1))


def command_statuses() -> bytes:
    return blob(1, number(1, 12) + number(2, 2) + number(3, 2) + blob(4, b"done")) + blob(
        1, number(1, 13) + number(2, 1) + number(3, 13)
    )


def layout() -> bytes:
    return number(1, 9) + number(2, 10)


def version_request() -> bytes:
    return number(1, 1) + blob(3, b"")


def registration(details: bytes = datanode(), containers: bytes = container_report(replica())) -> bytes:
    extended = blob(1, details) + blob(2, b"2.2.0") + number(3, 1_700_000_000_000) + blob(4, b"c5a1095a")
    body = blob(1, extended) + blob(2, node_report()) + blob(3, containers) + blob(4, pipeline_reports())
    return number(1, 2) + blob(4, body + blob(5, layout()))


def heartbeat(details: bytes = datanode(), reports: bytes = b"") -> bytes:
    return number(1, 3) + blob(5, blob(1, details) + reports)


def full_heartbeat() -> bytes:
    increments = [container_report(replica(1)), container_report(replica(2, origin=OTHER_NODE.encode()))]
    return heartbeat(
        reports=blob(2, node_report())
        + blob(3, container_report(replica()))
        + blob(4, increments[0])
        + blob(4, increments[1])
        + blob(5, command_statuses())
        + blob(6, container_actions())
        + blob(7, pipeline_actions())
        + blob(8, pipeline_reports())
        + blob(9, layout())
        + blob(10, number(1, 4) + number(2, 1))
    )
