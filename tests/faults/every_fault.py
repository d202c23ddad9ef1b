"""All that can befall a connection, and what the log has to say about each."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from tests.faults.proxy import Does, Fault, Side

C, S = Side.CLIENT, Side.SERVER
BROKEN = r"the connection (broke|was closed|ended \d+ bytes into frame \d+)"
TOO_LONG = r"has [\d,]+ bytes, which is over the limit"
LATE = r"did not answer \w+ in [\d.]+ s"
REASONS = {
    (Does.CUT, S): BROKEN,
    (Does.CUT, C): BROKEN,
    (Does.RESET, S): BROKEN,
    (Does.RESET, C): BROKEN,
    (Does.STALL, S): LATE,
    (Does.STALL, C): LATE,
    (Does.DRIP, S): LATE,
    (Does.DRIP, C): LATE,
    (Does.GARBAGE, S): r"is no message|is not|names|announce|over the limit",
    (Does.GARBAGE, C): f"VersionMismatch|RpcServerException|{BROKEN}",
    (Does.HUGE, S): TOO_LONG,
    (Does.HUGE, C): f"RpcServerException.*{TOO_LONG}|{BROKEN}",
}
"""What the client of Hadoop RPC logs; what a server says of a client's fault may be lost on its way."""


def every_fault(server: int, client: int) -> list[Fault]:
    """Faults of a connection on which one side sends more than `server` bytes, and the other more than `client`."""
    return [
        Fault(Does.CUT, S, 2),
        Fault(Does.CUT, S, server),
        Fault(Does.RESET, S, 0),
        Fault(Does.RESET, S, server),
        Fault(Does.STALL, S, 0),
        Fault(Does.STALL, S, server),
        Fault(Does.GARBAGE, S, 0),
        Fault(Does.HUGE, S, 0),
        Fault(Does.DRIP, S, 0),
        Fault(Does.CUT, C, client),
        Fault(Does.RESET, C, 3),
        Fault(Does.STALL, C, client),
        Fault(Does.GARBAGE, C, 0),
        Fault(Does.GARBAGE, C, 11),
        Fault(Does.HUGE, C, 7),
    ]


def is_said(fault: Fault, address: str, caplog: pytest.LogCaptureFixture, errors: Sequence[str] = ()) -> bool:
    """Whether warnings, with the errors that become some, say what befell the connection to `address`, and no more."""
    loud = [one.getMessage() for one in caplog.records if one.levelno > 20 and "hadoop_rpc.server" not in one.name]
    why = re.compile(f"{re.escape(address)}.*({REASONS[fault.does, fault.of]})")
    said = [*loud, *errors]
    assert [line for line in said if not why.search(line)] == []
    return said != []
