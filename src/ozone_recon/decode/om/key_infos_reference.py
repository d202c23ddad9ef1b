"""Decodes the KeyInfos in values of raw tables in plain Python: the reference of `key_infos`."""

from __future__ import annotations

from ozone_recon.decode.om.key_columns_reference import KeyFacts, key_facts
from ozone_recon.wire.protobuf.fields import Message


def key_infos_of_repeated(value: bytes) -> tuple[KeyFacts, ...]:
    """All KeyInfos of a RepeatedKeyInfo."""
    return Message("RepeatedKeyInfo", value).messages(1, key_facts)


def key_infos_of_upload(value: bytes) -> tuple[KeyFacts, ...]:
    """The KeyInfo of each part of a MultipartKeyInfo; the upload's own replication is not validated."""
    message = Message("MultipartKeyInfo", value)
    message.blob(1)
    message.int64(2)
    message.int32(3)
    return message.messages(5, _key_info_of_part)


def _key_info_of_part(value: bytes) -> KeyFacts:
    message = Message("PartKeyInfo", value)
    message.blob(1)
    message.int32(2)
    return message.message(3, key_facts)
