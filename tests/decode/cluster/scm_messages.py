"""An independent encoder of SCM's messages, for tests."""

from __future__ import annotations

from uuid import UUID

from tests.decode.om.om_messages import blob, ec_config, number

NODE = "01234567-89ab-cdef-ffff-ffffffffffff"
OTHER_NODE = "aea7371c-5308-497a-a0b3-38ca3b234dc1"
PIPELINE = "f29ca2da-2bbf-4a4f-a6c3-5a75270c9f28"


def uuid(text: str) -> bytes:
    whole = UUID(text).int
    return number(1, whole >> 64) + number(2, whole)


def datanode_id(text: str) -> bytes:
    return blob(1, uuid(text))


def pipeline_id(text: str = PIPELINE) -> bytes:
    return blob(1, text.encode()) + blob(100, uuid(text))


def datanode(text: str = NODE, more: bytes = b"") -> bytes:
    return (
        blob(1, text.encode())
        + blob(2, b"10.0.0.1")
        + blob(3, b"dn1")
        + blob(4, blob(1, b"RATIS") + number(2, 9858))
        + blob(4, blob(1, b"STANDALONE") + number(2, 9859))
        + blob(6, text.encode())
        + blob(7, b"/rack1")
        + number(8, 4)
        + number(9, 1_795_000_000)
        + number(10, 3)
        + blob(100, uuid(text))
        + number(101, 3)
        + blob(102, datanode_id(text))
        + more
    )


def container_info(
    *,
    container_id: int | None = 7,
    state: int | None = 4,
    pipeline: bytes | None = pipeline_id(),
    used: int | None = 5 << 30,
    keys: int | None = 12,
    entered: int | None = 1_700_000_000_000,
    owner: bytes | None = b"om1",
    sequence: int | None = 46,
    factor: int | None = 3,
    kind: int | None = 1,
    ec: bytes | None = None,
    suppressed: int | None = None,
    more: bytes = b"",
) -> bytes:
    return (
        number(1, container_id)
        + number(2, state)
        + blob(3, pipeline)
        + number(4, used)
        + number(5, keys)
        + number(6, entered)
        + blob(7, owner)
        + number(8, 99)
        + number(9, sequence)
        + number(10, factor)
        + number(11, kind)
        + blob(12, ec)
        + number(13, suppressed)
        + more
    )


def pipeline(*, kind: int | None = 1, factor: int | None = 3, ec: bytes | None = None, more: bytes = b"") -> bytes:
    return (
        blob(1, datanode())
        + blob(1, datanode(OTHER_NODE))
        + number(2, 2)
        + number(3, kind)
        + number(4, factor)
        + blob(5, pipeline_id())
        + blob(6, NODE.encode())
        + number(8, 1_700_000_000_000)
        + blob(9, uuid(OTHER_NODE))
        + blob(11, ec)
        + blob(100, uuid(NODE))
        + blob(101, datanode_id(NODE))
        + blob(102, datanode_id(OTHER_NODE))
        + more
    )


def ec_pipeline() -> bytes:
    return pipeline(kind=4, factor=0, ec=ec_config(2, 1), more=number(10, 1) + number(10, 3))


def container_replica(container_id: int = 7, of: str = NODE) -> bytes:
    return (
        number(1, container_id)
        + blob(2, b"CLOSED")
        + blob(3, datanode(of))
        + blob(4, OTHER_NODE.encode())
        + number(5, 46)
        + number(6, 12)
        + number(7, 5 << 30)
        + number(8, 3)
        + number(9, 4_028_331_014)
    )


def node() -> bytes:
    return blob(1, datanode()) + number(2, 6) + number(3, 5) + number(4, 2) + number(5, 1) + blob(6, b"/data/hdds")


def scm_info(peer: bytes = b"scm1.example.org:9894:LEADER:5ad5:10.0.0.9") -> bytes:
    return blob(1, b"CID-1") + blob(2, b"5ad5") + blob(3, peer) + blob(3, b"scm2:9894:FOLLOWER:77aa:")


def deleted_blocks_summary() -> bytes:
    return b"".join(number(field, field) for field in range(1, 5))


def pending_containers() -> bytes:
    return blob(1, b"UnClosed") + blob(2, number(1, 2)) + blob(2, number(1, 300))
