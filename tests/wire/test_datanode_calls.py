"""What datanodes are answered, byte for byte."""

from __future__ import annotations

from tests.decode.om.om_messages import blob, number

from ozone_recon.wire.ozone.datanode_calls import heartbeat_answer, registered_answer, version_answer

NODE = "01234567-89ab-cdef-ffff-ffffffffffff"


def test_answers() -> None:
    def answer(command: int, body: bytes) -> bytes:
        return number(1, command) + number(5, 1) + blob(command + 5, body)

    node = NODE.encode()
    assert version_answer() == answer(1, number(1, 0))
    assert registered_answer(NODE, "CID-1") == answer(2, number(1, 1) + blob(2, node) + blob(3, b"CID-1"))
    assert heartbeat_answer(NODE, reregister=False) == answer(3, blob(1, node))
    command = number(1, 1) + blob(2, b"") + number(15, 0) + blob(16, b"") + number(17, 0)
    assert heartbeat_answer(NODE, reregister=True) == answer(3, blob(1, node) + blob(2, command))
