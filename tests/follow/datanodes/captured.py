"""The captured requests of real datanodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.capture.datanodes import Exchange

from ozone_recon.decode.cluster.heartbeats import decode_request
from ozone_recon.model.datanode_reports import Heartbeat

CAPTURE = Path(__file__).parents[2] / "data" / "datanodes.jsonl"
EXCHANGES = [Exchange.of(line) for line in CAPTURE.read_text().splitlines()]


def heartbeats() -> Iterator[tuple[Heartbeat, bytes]]:
    """Registrations and heartbeats, and their answers."""
    for one in EXCHANGES:
        heartbeat = decode_request(one.request)
        if heartbeat is not None:
            yield heartbeat, one.answer
