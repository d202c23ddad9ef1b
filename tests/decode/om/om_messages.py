"""An independent encoder of OM messages, for tests: protobuf by hand, field by field."""

from __future__ import annotations

U64 = (1 << 64) - 1


def varint(number: int) -> bytes:
    number &= U64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field: int, value: int | None) -> bytes:
    return b"" if value is None else varint(field << 3) + varint(value)


def blob(field: int, value: bytes | None) -> bytes:
    return b"" if value is None else varint(field << 3 | 2) + varint(len(value)) + value


def block(container: int, local_id: int, length: int, offset: int = 0) -> bytes:
    ids = blob(1, number(1, container) + number(2, local_id)) + number(2, 7)
    return blob(1, ids) + number(3, offset) + number(4, length) + number(5, 0) + number(9, -1)


def location_version(version: int | None, blocks: list[bytes]) -> bytes:
    return number(1, version) + b"".join(blob(2, one) for one in blocks) + number(4, 0)


def ec_config(data: int = 3, parity: int = 2, codec: bytes = b"rs", chunk: int = 1 << 20) -> bytes:
    return number(1, data) + number(2, parity) + blob(3, codec) + number(4, chunk)


def acl(name: bytes = b"om", rights: bytes = b"\x80") -> bytes:
    return number(1, 1) + blob(2, name) + blob(3, rights) + number(4, 0)


def pair(key: bytes, value: bytes) -> bytes:
    return blob(1, key) + blob(2, value)


def key_info(
    *,
    volume: bytes | None = b"vol1",
    bucket: bytes | None = b"bucket1",
    key: bytes | None = b"key1",
    size: int | None = 1234,
    kind: int | None = 1,
    factor: int | None = 3,
    locations: tuple[bytes, ...] = (),
    created: int | None = 1_700_000_000_000,
    modified: int | None = 1_700_000_000_001,
    object_id: int | None = (1 << 63) + 4352,
    update_id: int | None = 17,
    parent_id: int | None = None,
    ec: bytes | None = None,
    owner: bytes | None = b"hadoop",
    more: bytes = b"",
) -> bytes:
    return (
        blob(1, volume)
        + blob(2, bucket)
        + blob(3, key)
        + number(4, size)
        + number(5, kind)
        + number(6, factor)
        + b"".join(blob(7, one) for one in locations)
        + number(8, created)
        + number(9, modified)
        + number(10, 0)
        + blob(11, pair(b"gdprEnabled", b"false"))
        + blob(13, acl())
        + blob(13, acl(b"users", b"\x0f"))
        + number(14, object_id)
        + number(15, update_id)
        + number(16, parent_id)
        + blob(17, ec)
        + number(19, 1)
        + blob(20, owner)
        + more
    )


def directory_info(
    *,
    name: bytes | None = b"dir1",
    created: int | None = 1_700_000_000_000,
    modified: int | None = 1_700_000_000_001,
    object_id: int | None = (1 << 63) + 4353,
    update_id: int | None = 18,
    parent_id: int | None = (1 << 63) + 512,
    owner: bytes | None = b"hadoop",
    more: bytes = b"",
) -> bytes:
    return (
        blob(1, name)
        + number(2, created)
        + number(3, modified)
        + blob(4, pair(b"a", b"b"))
        + blob(5, acl())
        + number(6, object_id)
        + number(7, update_id)
        + number(8, parent_id)
        + blob(9, owner)
        + more
    )
