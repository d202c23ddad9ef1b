"""Decodes the messages embedded in OM values: ids, access rules, replication, blocks, encryption, checksums."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ozone_recon.columnar.amounts import MAX_AMOUNT
from ozone_recon.errors import DecodeError
from ozone_recon.model.om import Block, FileChecksum, FileEncryption, LocationVersion, OzoneAcl, Pairs
from ozone_recon.model.replication import ReplicationConfig
from ozone_recon.wire.ozone.schema import (
    BLOCK_COMMIT_SEQUENCE_ID,
    BLOCK_CONTAINER_BLOCK_ID,
    CONTAINER_BLOCK_CONTAINER_ID,
    CONTAINER_BLOCK_LOCAL_ID,
    EC_CHUNK,
    EC_CODEC,
    EC_DATA,
    EC_PARITY,
    LOCATION_BLOCK_ID,
    LOCATION_CREATE_VERSION,
    LOCATION_LENGTH,
    LOCATION_LIST_IS_MULTIPART,
    LOCATION_LIST_LOCATIONS,
    LOCATION_LIST_VERSION,
    LOCATION_OFFSET,
    LOCATION_PART_NUMBER,
)
from ozone_recon.wire.protobuf.fields import Message

MAX_INT32 = (1 << 31) - 1

RATIS, STAND_ALONE, CHAINED, EC = 1, 2, 3, 4
REPLICATION_TYPES = {-1: "NONE", RATIS: "RATIS", STAND_ALONE: "STAND_ALONE", CHAINED: "CHAINED", EC: "EC"}
FACTOR_UNSET = 1
"""Java's default for an absent factor: the first value of the enum, ONE."""

ACL_TYPES = {1: "USER", 2: "GROUP", 3: "WORLD", 4: "ANONYMOUS", 5: "CLIENT_IP"}
ACL_SCOPES = {0: "ACCESS", 1: "DEFAULT"}
ACL_RIGHTS = dict(
    enumerate(("READ", "WRITE", "CREATE", "LIST", "DELETE", "READ_ACL", "WRITE_ACL", "ALL", "NONE", "ASSUME_ROLE"))
)
CIPHER_SUITES = {1: "UNKNOWN", 2: "AES_CTR_NOPADDING"}
CRYPTO_PROTOCOLS = {1: "UNKNOWN_PROTOCOL_VERSION", 2: "ENCRYPTION_ZONES"}
CHECKSUM_TYPES = {0: "NULL", 1: "CRC32", 2: "CRC32C"}


def named(names: Mapping[int, str], number: int) -> str:
    """The name of an enum value; its number as text if it is unknown (from a newer Ozone)."""
    return names.get(number, str(number))


def decode_uuid(data: bytes) -> str:
    """A UUID, which is encoded as two 64-bit halves."""
    message = Message("UUID", data)
    high, low = (message.int64(number) & (1 << 64) - 1 for number in (1, 2))
    return str(UUID(int=high << 64 | low))


def decode_acl(data: bytes) -> OzoneAcl:
    """An OzoneAclInfo; its rights are a little-endian bit set of at most four bytes (OzoneAcl.fromProtobuf)."""
    message = Message("OzoneAclInfo", data)
    rights = message.blob(3)
    if len(rights) > 4:
        raise DecodeError(f"OzoneAclInfo: rights of {len(rights)} bytes: the limit is 4")
    bits = int.from_bytes(rights, "little")
    return OzoneAcl(
        type=named(ACL_TYPES, message.int32(1)),
        name=message.text(2),
        rights=tuple(named(ACL_RIGHTS, bit) for bit in range(bits.bit_length()) if bits >> bit & 1),
        scope=named(ACL_SCOPES, message.int32(4)),
    )


def decode_acls(message: Message, number: int) -> tuple[OzoneAcl, ...]:
    """A repeated OzoneAclInfo."""
    return message.messages(number, decode_acl)


def decode_pairs(message: Message, number: int) -> Pairs:
    """A repeated KeyValue; a missing value is empty text."""
    return message.messages(number, _pair)


def _pair(data: bytes) -> tuple[str, str]:
    message = Message("KeyValue", data)
    return message.text(1), message.text(2, "")


def replication_of(kind: int, factor: int, ec: bytes | None) -> ReplicationConfig:
    """The replication from a message's type, factor and ecReplicationConfig (ReplicationConfig.fromProto).

    An unknown type counts as not replicated; its factor is ignored.
    """
    if kind in (RATIS, STAND_ALONE):
        if factor < 0:
            raise DecodeError(f"replication factor {factor} is negative")
        return ReplicationConfig(REPLICATION_TYPES[kind], factor)
    if kind == EC:
        if ec is None:
            raise DecodeError("replication is EC, but there is no ecReplicationConfig")
        return _ec_replication(ec)
    return ReplicationConfig(named(REPLICATION_TYPES, kind))


def decode_replication(message: Message, kind: int, factor: int, ec: int) -> ReplicationConfig:
    """The replication of a message, from the fields with these numbers: type, factor and ecReplicationConfig."""
    return replication_of(message.int32(kind), message.int32(factor, FACTOR_UNSET), message.blob(ec, None))


def _ec_replication(data: bytes) -> ReplicationConfig:
    message = Message("ECReplicationConfig", data)
    config = ReplicationConfig(
        "EC",
        data=message.int32(EC_DATA),
        parity=message.int32(EC_PARITY),
        codec=message.text(EC_CODEC),
        chunk=message.int32(EC_CHUNK),
    )
    if config.data < 1 or config.parity < 0 or config.required_nodes > MAX_INT32 or config.chunk < 1:
        raise DecodeError(f"ECReplicationConfig: {config.data} data, {config.parity} parity, chunk {config.chunk}")
    return config


def checked_size(size: int, replication: ReplicationConfig) -> int:
    """Returns `size`; DecodeError if it is negative or its replicated size does not fit in 64 bits."""
    if not 0 <= size <= largest_size(replication):
        raise DecodeError(f"size {size} with replication {replication.kind} is out of range")
    return size


def largest_size(replication: ReplicationConfig) -> int:
    """The largest size whose replicated size fits in 64 bits."""
    copies = {"RATIS": replication.factor, "STAND_ALONE": replication.factor, "EC": 1 + replication.parity}
    return MAX_AMOUNT // max(1, copies.get(replication.kind, 1))


def decode_location_version(data: bytes) -> LocationVersion:
    """A KeyLocationList; DecodeError if its version is not in 0 to 2^31 - 1."""
    message = Message("KeyLocationList", data)
    version = message.int64(LOCATION_LIST_VERSION, 0)
    if not 0 <= version <= MAX_INT32:
        raise DecodeError(f"KeyLocationList: version {version} is out of range")
    return LocationVersion(
        version,
        message.messages(LOCATION_LIST_LOCATIONS, decode_block),
        message.boolean(LOCATION_LIST_IS_MULTIPART, False),
    )


def decode_block(data: bytes) -> Block:
    """A KeyLocation; DecodeError if its container id or length is negative."""
    message = Message("KeyLocation", data)
    (container_id, local_id), commit_sequence_id = message.message(LOCATION_BLOCK_ID, _block_id)
    block = Block(
        container_id=container_id,
        local_id=local_id,
        commit_sequence_id=commit_sequence_id,
        offset=message.int64(LOCATION_OFFSET),
        length=message.int64(LOCATION_LENGTH),
        create_version=message.int64(LOCATION_CREATE_VERSION, 0),
        part_number=message.int32(LOCATION_PART_NUMBER, -1),
    )
    if block.container_id < 0 or block.length < 0:
        raise DecodeError(f"KeyLocation: container id {block.container_id} or length {block.length} is negative")
    return block


def _block_id(data: bytes) -> tuple[tuple[int, int], int]:
    message = Message("BlockID", data)
    return message.message(BLOCK_CONTAINER_BLOCK_ID, _container_block_id), message.int64(BLOCK_COMMIT_SEQUENCE_ID, 0)


def _container_block_id(data: bytes) -> tuple[int, int]:
    message = Message("ContainerBlockID", data)
    return message.int64(CONTAINER_BLOCK_CONTAINER_ID), message.int64(CONTAINER_BLOCK_LOCAL_ID)


def decode_file_encryption(data: bytes) -> FileEncryption:
    """A FileEncryptionInfoProto."""
    message = Message("FileEncryptionInfo", data)
    return FileEncryption(
        suite=named(CIPHER_SUITES, message.int32(1)),
        protocol_version=named(CRYPTO_PROTOCOLS, message.int32(2)),
        encrypted_key=message.blob(3),
        iv=message.blob(4),
        key_name=message.text(5),
        key_version_name=message.text(6),
    )


def decode_file_checksum(data: bytes) -> FileChecksum | None:
    """A FileChecksumProto; None if it has neither of the two kinds that Ozone writes."""
    message = Message("FileChecksum", data)
    return message.message(2, _composite_crc, None) or message.message(3, _md5_of_crcs, None)


def _composite_crc(data: bytes) -> FileChecksum:
    message = Message("CompositeCrcFileChecksum", data)
    return FileChecksum(
        kind="COMPOSITE_CRC",
        checksum_type=named(CHECKSUM_TYPES, message.int32(1)),
        bytes_per_crc=message.int32(2),
        crc_per_block=0,
        value=(message.int32(3) & 0xFFFFFFFF).to_bytes(4, "big"),
    )


def _md5_of_crcs(data: bytes) -> FileChecksum:
    message = Message("MD5MD5Crc32FileChecksum", data)
    return FileChecksum(
        kind="MD5MD5CRC",
        checksum_type=named(CHECKSUM_TYPES, message.int32(1)),
        bytes_per_crc=message.int32(2),
        crc_per_block=message.int64(3),
        value=message.blob(4),
    )
