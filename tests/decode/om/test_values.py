"""Value messages: every field lands where it belongs, defaults are Ozone's, and broken bytes only raise DecodeError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decode.om.om_messages import (
    acl,
    blob,
    block,
    directory_info,
    ec_config,
    key_info,
    location_version,
    number,
    pair,
)
from tests.decode.om.om_tables import TABLES

from ozone_recon.decode.om import values
from ozone_recon.errors import DecodeError
from ozone_recon.model.om import (
    Block,
    BucketEncryption,
    CompactionFile,
    FileChecksum,
    FileEncryption,
    LocationVersion,
    OzoneAcl,
    TransactionInfo,
    UserVolumes,
)
from ozone_recon.model.replication import ReplicationConfig

MIN = -(1 << 63)
OM_ACL = OzoneAcl("USER", "om", ("ALL",), "ACCESS")
UUID = number(1, 0x0123456789ABCDEF) + number(2, -1)
VOLUME = (
    blob(1, b"admin")
    + blob(2, b"owner")
    + blob(3, b"vol1")
    + number(4, -1)
    + blob(5, pair(b"k", b"v"))
    + blob(6, acl())
    + number(7, 11)
    + number(8, (1 << 63) + 1)
    + number(9, 13)
    + number(10, 14)
    + number(11, 15)
    + number(12, 16)
    + number(13, 17)
)
BUCKET = (
    blob(1, b"vol1")
    + blob(2, b"bucket1")
    + blob(3, acl())
    + number(4, 1)
    + number(5, 2)
    + number(6, 6)
    + blob(7, pair(b"k", b"v"))
    + blob(8, blob(1, b"kms-key") + number(2, 2) + number(3, 2))
    + number(9, (1 << 63) + 9)
    + number(10, 10)
    + number(11, 11)
    + blob(12, b"vol2")
    + blob(13, b"bucket2")
    + number(14, 14)
    + number(15, 15)
    + number(16, 16)
    + number(17, 17)
    + number(18, 3)
    + blob(19, b"owner")
    + blob(20, number(1, 4) + blob(3, ec_config()))
    + number(21, 21)
    + number(22, 22)
)
ENCRYPTION = number(1, 2) + number(2, 2) + blob(3, b"\x01\x02") + blob(4, b"\x03") + blob(5, b"kms") + blob(6, b"kms@0")
CHECKSUM = number(1, 1) + blob(2, number(1, 2) + number(2, 1 << 20) + number(3, 0xDEADBEEF))
KEY = key_info(
    locations=(location_version(2, [block(5, 6, 7, offset=8)]),),
    parent_id=(1 << 63) + 3,
    more=blob(12, ENCRYPTION) + blob(18, CHECKSUM) + blob(21, pair(b"tag", b"x")) + number(22, 99),
)
UPLOAD = (
    blob(1, b"upload-1")
    + number(2, 2)
    + number(3, 1)
    + number(4, 3)
    + blob(5, blob(1, b"part") + number(2, 7) + blob(3, KEY))
    + number(6, 6)
    + number(7, 7)
    + number(8, 8)
    + number(10, 1)
    + blob(11, b"v")
    + blob(12, b"b")
    + blob(13, b"k")
    + blob(14, b"o")
    + blob(15, acl())
)
PART = (
    blob(1, b"part")
    + number(2, 3)
    + blob(3, b"etag")
    + blob(4, location_version(0, [block(1, 2, 3)]))
    + b"".join(number(field, field) for field in (5, 6, 7, 8))
    + blob(9, ENCRYPTION)
    + blob(10, CHECKSUM)
)
SNAPSHOT = (
    blob(1, UUID)
    + blob(2, b"snap")
    + blob(3, b"v")
    + blob(4, b"b")
    + number(5, 2)
    + number(6, 6)
    + number(7, -1)
    + blob(8, UUID)
    + blob(10, b"v/b")
    + b"".join(number(field, field) for field in (12, 15, 16, 17, 18, 21, 22))
    + number(13, 1)
    + number(14, 1)
    + number(19, 1)
    + blob(20, b"2#5")
    + blob(23, b"2#4")
)
COMPACTION = (
    number(1, 1840)
    + number(2, 2)
    + blob(3, blob(1, b"000012") + blob(2, b"/a") + blob(3, b"/z") + blob(4, b"keyTable") + number(5, 1))
    + blob(4, blob(1, b"000013"))
    + blob(5, b"why")
)
SAMPLES = {
    "userTable": blob(1, b"vol1") + blob(1, b"vol2") + number(2, 5) + number(3, 6),
    "volumeTable": VOLUME,
    "bucketTable": BUCKET,
    "keyTable": KEY,
    "directoryTable": directory_info(),
    "deletedTable": blob(1, KEY) + blob(1, KEY) + number(2, (1 << 63) + 5),
    "multipartInfoTable": UPLOAD,
    "multipartPartsTable": PART,
    "prefixTable": blob(1, b"/v/b/p") + blob(2, acl()) + blob(3, pair(b"k", b"v")) + number(4, 4) + number(5, 5),
    "snapshotInfoTable": SNAPSHOT,
    "compactionLogTable": COMPACTION,
    "transactionInfoTable": b"1#1840",
    "dTokenTable": (1_795_459_185_920).to_bytes(8, "big"),
    "s3SecretTable": blob(1, b"access-id") + blob(2, b"the secret"),
    "tenantStateTable": b"".join(blob(field, b"%d" % field) for field in range(1, 7)),
    "tenantAccessIdTable": blob(1, b"user") + blob(3, b"tenant") + number(4, 1) + number(5, 0),
    "principalToAccessIdsTable": blob(1, b"a") + blob(1, b"b"),
}


@pytest.mark.parametrize("table", sorted(SAMPLES))
def test_a_truncated_value_decodes_or_raises_decode_error(table: str) -> None:
    decode, sample = TABLES[table].decode_value, SAMPLES[table]
    decode(sample)
    for end in range(len(sample)):
        try:
            decode(sample[:end])
        except DecodeError as error:
            assert str(error)


@given(st.sampled_from(sorted(TABLES)), st.binary(max_size=60))
def test_any_bytes_decode_or_raise_decode_error(table: str, data: bytes) -> None:
    for decode in (TABLES[table].decode_value, TABLES[table].decode_key):
        try:
            decode(data)
        except DecodeError as error:
            assert str(error)


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_decodes_or_raises_decode_error(table: str, at: int, byte: int) -> None:
    data = bytearray(SAMPLES[table])
    data[at % len(data)] = byte
    try:
        TABLES[table].decode_value(bytes(data))
    except DecodeError as error:
        assert str(error)


def test_a_volume() -> None:
    volume = values.decode_volume(VOLUME)
    assert (volume.admin, volume.owner, volume.volume) == ("admin", "owner", "vol1")
    assert (volume.object_id, volume.quota_in_bytes) == (MIN + 1, -1)
    assert (volume.creation_time, volume.modification_time, volume.update_id) == (11, 14, 13)
    assert (volume.quota_in_namespace, volume.used_namespace, volume.ref_count) == (15, 16, 17)
    assert (volume.acls, volume.metadata) == ((OM_ACL,), (("k", "v"),))


def test_a_volume_with_no_more_than_it_must_have() -> None:
    volume = values.decode_volume(blob(1, b"") + blob(2, b"") + blob(3, b"v"))
    assert (volume.quota_in_bytes, volume.quota_in_namespace, volume.object_id, volume.acls) == (0, -2, 0, ())


def test_a_bucket() -> None:
    bucket = values.decode_bucket(BUCKET)
    assert (bucket.volume, bucket.bucket, bucket.layout, bucket.owner) == ("vol1", "bucket1", "OBJECT_STORE", "owner")
    assert (bucket.source_volume, bucket.source_bucket, bucket.is_link) == ("vol2", "bucket2", True)
    assert (bucket.object_id, bucket.update_id, bucket.creation_time, bucket.modification_time) == (MIN + 9, 10, 6, 11)
    assert (bucket.used_bytes, bucket.quota_in_bytes, bucket.quota_in_namespace, bucket.used_namespace) == (
        14,
        15,
        16,
        17,
    )
    assert (bucket.snapshot_used_bytes, bucket.snapshot_used_namespace) == (21, 22)
    assert (bucket.storage_type, bucket.versioning) == ("SSD", True)
    assert bucket.encryption == BucketEncryption("kms-key", "AES_CTR_NOPADDING", "ENCRYPTION_ZONES")
    assert bucket.default_replication == ReplicationConfig("EC", data=3, parity=2, codec="rs", chunk=1 << 20)


def test_a_bucket_of_an_old_ozone() -> None:
    bucket = values.decode_bucket(blob(1, b"v") + blob(2, b"b") + number(4, 0) + number(5, 1))
    assert (bucket.layout, bucket.owner, bucket.is_link, bucket.default_replication) == ("LEGACY", None, False, None)
    assert (bucket.quota_in_bytes, bucket.quota_in_namespace) == (-2, -2)


def test_a_key() -> None:
    key = values.decode_key_info(KEY)
    assert (key.volume, key.bucket, key.key, key.size, key.replicated_size) == ("vol1", "bucket1", "key1", 1234, 3702)
    assert key.replication == ReplicationConfig("RATIS", 3)
    assert key.locations == (LocationVersion(2, (Block(5, 6, 7, 8, 7, 0, -1),), False),)
    assert (key.object_id, key.update_id, key.parent_id) == (MIN + 4352, 17, MIN + 3)
    assert (key.owner, key.is_file, key.expected_data_generation) == ("hadoop", True, 99)
    assert key.metadata == (("gdprEnabled", "false"),)
    assert key.tags == (("tag", "x"),)
    assert [entry.rights for entry in key.acls] == [("ALL",), ("READ", "WRITE", "CREATE", "LIST")]
    assert key.encryption == FileEncryption("AES_CTR_NOPADDING", "ENCRYPTION_ZONES", b"\1\2", b"\3", "kms", "kms@0")
    assert key.checksum == FileChecksum("COMPOSITE_CRC", "CRC32C", 1 << 20, 0, b"\xde\xad\xbe\xef")


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    key = values.decode_key_info(key_info(key=b"a\xff\xfeb"))
    assert key.key.encode("utf-8", "surrogateescape") == b"a\xff\xfeb"


def test_enum_values_of_a_newer_ozone_are_kept_as_numbers() -> None:
    key = values.decode_key_info(key_info(kind=9, size=5))
    assert (key.replication.kind, key.replicated_size) == ("9", 5)


def test_rights_are_a_bit_set_lowest_byte_first() -> None:
    key = values.decode_key_info(key_info(more=blob(13, acl(b"x", b"\x01\x06"))))
    assert key.acls[-1].rights == ("READ", "ASSUME_ROLE", "10")
    with pytest.raises(DecodeError, match="KeyInfo field 13: OzoneAclInfo: rights of 5 bytes"):
        values.decode_key_info(key_info(more=blob(13, acl(b"x", b"\x01\x00\x00\x00\x00"))))


def test_deleted_keys() -> None:
    repeated = values.decode_repeated_key_info(SAMPLES["deletedTable"])
    assert ([key.size for key in repeated.keys], repeated.bucket_id) == ([1234, 1234], MIN + 5)


def test_an_upload_and_its_parts() -> None:
    upload = values.decode_multipart_key_info(UPLOAD)
    assert (upload.upload_id, upload.schema_version, upload.replication) == (
        "upload-1",
        1,
        ReplicationConfig("RATIS", 3),
    )
    assert [(part.name, part.number, part.key.size) for part in upload.parts] == [("part", 7, 1234)]
    assert (upload.volume, upload.bucket, upload.key, upload.owner, upload.acls) == ("v", "b", "k", "o", (OM_ACL,))
    part = values.decode_multipart_part_info(PART)
    assert (part.name, part.number, part.etag, part.size, part.object_id) == ("part", 3, "etag", 5, 7)
    assert part.location is not None and part.location.blocks[0].container_id == 1


def test_a_snapshot() -> None:
    snapshot = values.decode_snapshot(SNAPSHOT)
    assert snapshot.snapshot_id == snapshot.path_previous_id == "01234567-89ab-cdef-ffff-ffffffffffff"
    assert (snapshot.global_previous_id, snapshot.status, snapshot.deletion_time) == (None, "SNAPSHOT_DELETED", -1)
    assert (snapshot.referenced_size, snapshot.referenced_replicated_size) == (15, 16)
    assert (snapshot.exclusive_size, snapshot.exclusive_replicated_size) == (17, 18)
    assert (snapshot.created_by, snapshot.last_changed_by) == (TransactionInfo(2, 4), TransactionInfo(2, 5))
    assert snapshot.deep_cleaned and snapshot.sst_filtered and snapshot.deep_cleaned_directories


def test_the_small_tables() -> None:
    assert values.decode_user_volumes(SAMPLES["userTable"]) == UserVolumes(("vol1", "vol2"), 5, 6)
    assert values.decode_transaction_info(b"-1#1840") == TransactionInfo(-1, 1840)
    assert values.decode_token_renew_time(SAMPLES["dTokenTable"]) == 1_795_459_185_920
    assert values.decode_principal_access_ids(SAMPLES["principalToAccessIdsTable"]).access_ids == ("a", "b")
    assert values.decode_tenant_state(SAMPLES["tenantStateTable"]).namespace_policy == "5"
    assert values.decode_tenant_access_id(SAMPLES["tenantAccessIdTable"]).is_admin
    assert values.decode_prefix(SAMPLES["prefixTable"]).name == "/v/b/p"
    assert values.decode_text("größe".encode()) == "größe"


def test_a_compaction() -> None:
    entry = values.decode_compaction_log_entry(COMPACTION)
    assert (entry.db_sequence_number, entry.compaction_time, entry.reason) == (1840, 2, "why")
    assert entry.inputs == (CompactionFile("000012", "/a", "/z", "keyTable", True),)
    assert entry.outputs == (CompactionFile("000013", None, None, None, False),)


def test_a_secret_is_not_read() -> None:
    assert "the secret" not in repr(values.decode_s3_secret(SAMPLES["s3SecretTable"]))


@pytest.mark.parametrize("text", [b"", b"5", b"#", b"1#", b"#1", b"a#1", b"1#1#1", b"1_0#1"])
def test_a_transaction_of_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(DecodeError, match="is not `term#index`"):
        values.decode_transaction_info(text)
